"""How the tests are shared out, and what becomes of a notebook that is named to pytest."""

from __future__ import annotations

import os
import re

import pytest
from xdist.scheduler import LoadFileScheduling

# Kernels of notebooks inherit this; a back end that the shell names would take their figures.
os.environ.pop("MPLBACKEND", None)

pytest_plugins = ["notebook_outputs"]  # tools/notebook_outputs.py: notebooks hold to their outputs

MISSED = pytest.StashKey[list[str]]()
# Files whose tests take long and share nothing: each test can go to another worker.
TEST_BY_TEST = ("tests/reproduction/", "tests/site/test_pages.py")
# The answers to the exercises of one source, such as 4-D.2, share networks that take long.
EXERCISE = re.compile(r"^(tests/exercises/test_both_ways\.py::).*\[(\w+)[-.]")
# Files that take long, or wait for other processes, begin first; what is shared out in small parts
# comes last, so that no process ends long after the others.
FIRST = (
    "tests/reproduction/",
    "tests/coursegrader/test_nbgrader.py",
    "tests/coursegrader/test_hostile.py",
    "tests/coursegrader/test_grade.py",
    "tests/coursegrader/test_fuzz.py",
    "tests/coursegrader/test_mutants.py",
    "tests/warmkernels/",
    "tests/training/",
    "book/",
)


class Shares(LoadFileScheduling):
    """File by file, as module fixtures want it, but for the files named above.

    Marks ``xdist_group`` with ``--dist loadgroup`` group nothing here: pytest-xdist 3.8 adds them
    to an attribute of the tests that pytest 9.2 no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        if exercise := EXERCISE.match(nodeid):
            return "".join(exercise.groups())
        return nodeid if nodeid.startswith(TEST_BY_TEST) else super()._split_scope(nodeid)


def pytest_addoption(parser) -> None:
    """Let a run say what must not be skipped in it."""
    parser.addoption(
        "--must-run",
        action="append",
        default=[],
        metavar="PATH",
        help="fail if a test in PATH is skipped, or if there is none; can be given again",
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session) -> None:
    """Let nothing be green because it was skipped."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or session.config.option.collectonly:  # there is none in a worker
        return
    reports = [one for state in terminal.stats.values() for one in state if hasattr(one, "nodeid")]
    missed = session.config.stash.setdefault(MISSED, [])
    for path in session.config.option.must_run:
        there = [report for report in reports if report.nodeid.startswith(path)]
        if skipped := {one.nodeid for one in there if getattr(one, "skipped", False)}:
            missed.append(f"{path} must run: {len(skipped)} skipped, see above why")
        elif not there:
            missed.append(f"{path} must run: it has no tests, or none was asked for")
    if missed:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config) -> None:
    """Say what was skipped that must run."""
    for line in config.stash.get(MISSED, []):
        terminalreporter.write_line(line, red=True)


def pytest_xdist_make_scheduler(config, log):
    """Share out the tests in our way, whatever ``--dist`` says."""
    return Shares(config, log)


def pytest_collection_modifyitems(config, items: list) -> None:
    """Leave out what takes an hour, unless asked; put what takes long first, and gaps last."""
    if os.environ.get("COURSEKIT_THOROUGH") != "1":
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]

    def turn(item) -> int:
        if item.nodeid.startswith(FIRST):
            return 0
        return 2 if item.nodeid.startswith((*TEST_BY_TEST, "tests/exercises/test_both_ways")) else 1

    items.sort(key=turn)
