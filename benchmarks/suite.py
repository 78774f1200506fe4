"""Testing: `make test` in a clone whose book is built.

It runs once, because it takes longer than all rounds of most other parts; for the same reason
`make bench` leaves it out unless ``SUITE=1`` asks for it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from _measure import Question, clone, command_seconds, options_of

GOAL = 6  # minutes


def main() -> None:
    options = options_of(__doc__, rounds=1)
    question = Question("suite", "Testing", __doc__.split("\n\n")[1], quick=options.quick)
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "clone"
        clone(folder)
        command_seconds(["make", "env"], cwd=folder)
        if options.quick:
            python = folder / ".venv" / "bin" / "python"
            seconds = command_seconds([python, "-m", "pytest", "tests/test_cli.py"], cwd=folder)
            print(f"One file of tests: {seconds:.0f} s")
            return
        command_seconds(["make", "book"], cwd=folder)
        question.calibrate()
        seconds = [command_seconds(["make", "test"], cwd=folder) for _ in range(options.rounds)]
        question.calibrate()
    question.add("make test, after make book", {"make test": seconds}, ours="make test")
    question.goal("make test after make book", min(seconds) / 60, at_most=GOAL, unit="min")
    question.keep()


if __name__ == "__main__":
    main()
