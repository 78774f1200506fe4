"""Print a table of every check's verdicts: solution, blank exercise, wrong and right answers.

The solution and the blank exercise are graded as submissions; the wrong answers and further
right ones come from ``tests/exercises/cases``. Run by hand:
``.venv/bin/python tools/check_matrix.py``. The exit status is 1 if a verdict is wrong.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coursegrader.outcomes import CheckOutcome

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["COURSEKIT_EDITION"] = "sample"


def submissions() -> dict[str, dict[str, CheckOutcome]]:
    """Grade solutions and blank exercises; return outcomes by check, for "solution" and "blank"."""
    from coursegrader.grade import grade

    found: dict[str, dict[str, CheckOutcome]] = {"solution": {}, "blank": {}}
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "submissions"
        for name, source in (("solution", "solutions"), ("blank", "exercises")):
            (folder / name).mkdir(parents=True)
            for path in (ROOT / "book" / source).glob("*.ipynb"):
                shutil.copy(path, folder / name)
        for row in grade(folder, Path(base) / "report").rows:
            print(f"{row.path}: {row.points:g} of {row.possible:g}, {row.seconds:g} s")
            found[row.student] |= {check.id: check for check in row.checks}
    return found


def main() -> int:
    from coursekit.exercises import every
    from tests.exercises.cases import every_case

    graded, answers = submissions(), every_case()
    failed = 0
    print(f"\n{'check':<8}{'solution':>9}{'blank':>7}{'wrong':>8}{'right':>8}  title")
    totals = [0, 0]
    for identifier, check in every().items():
        solution = graded["solution"][identifier].passed is True
        blank = graded["blank"][identifier]
        refused = blank.passed is False and "no value yet" in blank.message
        case = answers[identifier]
        wrong = [
            not (result := check(made())).passed and words in result.message
            for made, words in case.wrong.values()
        ]
        right = [check(made()).passed for made in case.right.values()]
        as_expected = solution and refused and all(wrong) and all(right)
        failed += not as_expected
        totals[0] += len(wrong)
        totals[1] += len(right)
        print(
            f"{identifier:<8}{'✔' if solution else '?':>9}{'✘' if refused else '?':>7}"
            f"{f'✘ {sum(wrong)}/{len(wrong)}':>8}{f'✔ {sum(right)}/{len(right)}':>8}  "
            f"{check.title}{'' if as_expected else '   <-- NOT AS IT SHOULD BE'}",
            flush=True,
        )
    print(
        f"\n{len(every())} checks, {totals[0]} wrong answers, {totals[1]} other right answers; "
        f"{failed} checks are not as they should be."
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
