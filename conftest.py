"""How the tests are shared out, and what becomes of a notebook that is named to pytest."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

pytest_plugins = ["notebook_outputs"]  # tools/notebook_outputs.py: notebooks hold to their outputs

# Files whose tests take long and share nothing: each test can go to another worker.
TEST_BY_TEST = (
    "tests/reproduction/",
    "tests/grading/test_both_ways.py",
    "tests/site/test_pages.py",
)
# What takes longest begins first, so that no worker ends long after the others.
FIRST = ("tests/reproduction/", "tests/grading/test_nbgrader.py", "book/")


class Shares(LoadFileScheduling):
    """File by file, as module fixtures want it, but for the files named above."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(TEST_BY_TEST) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """Share out the tests in our way, whatever ``--dist`` says."""
    return Shares(config, log)


def pytest_collection_modifyitems(items: list) -> None:
    """Put what takes longest first, and leave all else in its order."""
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))
