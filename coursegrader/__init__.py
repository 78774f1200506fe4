"""Grades submitted notebooks, which nobody trusts.

:mod:`~coursegrader.release` makes exercises of solutions. Grading goes from
:mod:`~coursegrader.collect` (who handed in what) over :mod:`~coursegrader.runner` (in a
:mod:`~coursegrader.sandbox`) to :mod:`~coursegrader.report`; :mod:`~coursegrader.grade` does all
of it, and :mod:`~coursegrader.cli` has the commands.
"""
