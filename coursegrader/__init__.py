"""Grade untrusted notebooks in a sandbox.

:mod:`~coursegrader.release` makes exercises from solutions. :mod:`~coursegrader.collect` finds the
submissions, :mod:`~coursegrader.runner` runs them in a :mod:`~coursegrader.sandbox`, and
:mod:`~coursegrader.report` writes the results. :mod:`~coursegrader.variants` gives each student a
notebook of their own. :mod:`~coursegrader.grade` runs all of these steps, and
:mod:`~coursegrader.cli` defines the commands.
"""
