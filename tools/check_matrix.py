"""Print what every check says of the solution, the blanks, wrong answers and other right ones.

The solution and the untouched exercise are graded as submissions are; the wrong and the other
right answers are those of ``tests/exercises/cases``. Run by hand:
``.venv/bin/python tools/check_matrix.py``. Ends with 1 if one verdict is not as it should be.
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
    """Grade solutions and blanks; returns outcomes by check, under "solution" and "blank"."""
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
        as_it_should = solution and refused and all(wrong) and all(right)
        failed += not as_it_should
        totals[0] += len(wrong)
        totals[1] += len(right)
        print(
            f"{identifier:<8}{'✔' if solution else '?':>9}{'✘' if refused else '?':>7}"
            f"{f'✘ {sum(wrong)}/{len(wrong)}':>8}{f'✔ {sum(right)}/{len(right)}':>8}  "
            f"{check.title}{'' if as_it_should else '   <-- NOT AS IT SHOULD BE'}",
            flush=True,
        )
    print(
        f"\n{len(every())} checks, {totals[0]} wrong answers, {totals[1]} other right answers; "
        f"{failed} checks are not as they should be."
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
