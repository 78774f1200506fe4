"""Run the command line with ``python -m coursekit``."""

from coursekit.cli import app

app()
