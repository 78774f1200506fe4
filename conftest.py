"""How the tests are shared out, and what becomes of a notebook that is named to pytest."""

from __future__ import annotations

import re

from xdist.scheduler import LoadFileScheduling

pytest_plugins = ["notebook_outputs"]  # tools/notebook_outputs.py: notebooks hold to their outputs

# Files whose tests take long and share nothing: each test can go to another worker.
TEST_BY_TEST = ("tests/reproduction/", "tests/site/test_pages.py")
# The answers to the exercises of one source, such as 4-D.2, share networks that take long.
EXERCISE = re.compile(r"^(tests/grading/test_both_ways\.py::).*\[(\w+)[-.]")
# Files that take long, or wait for other processes, begin first; what is shared out in small parts
# comes last, so that no process ends long after the others.
FIRST = (
    "tests/reproduction/",
    "tests/grading/test_nbgrader.py",
    "tests/grading/test_hostile.py",
    "tests/grading/test_grade.py",
    "tests/grading/test_fuzz.py",
    "tests/grading/test_mutants.py",
    "tests/kernels/",
    "tests/training/",
    "book/",
)


class Shares(LoadFileScheduling):
    """File by file, as module fixtures want it, but for the files named above."""

    def _split_scope(self, nodeid: str) -> str:
        if exercise := EXERCISE.match(nodeid):
            return "".join(exercise.groups())
        return nodeid if nodeid.startswith(TEST_BY_TEST) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """Share out the tests in our way, whatever ``--dist`` says."""
    return Shares(config, log)


def pytest_collection_modifyitems(items: list) -> None:
    """Put what takes long first, what fills gaps last, and leave all else in its order."""

    def turn(item) -> int:
        if item.nodeid.startswith(FIRST):
            return 0
        return 2 if item.nodeid.startswith((*TEST_BY_TEST, "tests/grading/test_both_ways")) else 1

    items.sort(key=turn)
