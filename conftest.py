"""Distribute the tests over the workers, and add the option ``--must-run``."""

from __future__ import annotations

import os
import re

import pytest
from xdist.scheduler import LoadFileScheduling

# Kernels inherit this variable; a backend set in the shell would suppress their figures.
os.environ.pop("MPLBACKEND", None)

pytest_plugins = [
    "notebook_outputs"
]  # tools/notebook_outputs.py: compare notebooks with their stored outputs

MUST_RUN_FAILURES = pytest.StashKey[list[str]]()
# Files whose tests are slow and share no fixtures: each test can go to any worker.
SPLIT_BY_TEST = ("tests/reproduction/", "tests/site/test_pages.py")
# The tests of the exercises of one source share slow networks; those of the tuning lab, such as
# 4-D.2, with the same letter only.
EXERCISE_TEST = re.compile(
    r"^(tests/exercises/test_)(?:both_ways|broken_answers)\.py::.*\[(4-\w|\w+)[-.]"
)
# Slow files, and those that wait for other processes, start first. Tests that are distributed one
# by one come last, so that all workers end at about the same time.
RUN_FIRST = (
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


class FileAndTestScheduling(LoadFileScheduling):
    """Distribute tests by file, for the sake of module fixtures, except for the files named above.

    The mark ``xdist_group`` has no effect: pytest-xdist 3.8 stores it in an attribute of the tests
    that pytest 9.2 no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        if exercise := EXERCISE_TEST.match(nodeid):
            return "".join(exercise.groups())
        return nodeid if nodeid.startswith(SPLIT_BY_TEST) else super()._split_scope(nodeid)


def pytest_addoption(parser) -> None:
    """Add the option ``--must-run``, for tests that must not be skipped."""
    parser.addoption(
        "--must-run",
        action="append",
        default=[],
        metavar="PATH",
        help="fail if a test in PATH is skipped, or if there is none; can be given again",
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session) -> None:
    """Fail if a test that must run was skipped."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or session.config.option.collectonly:  # a worker has no terminal
        return
    reports = [one for state in terminal.stats.values() for one in state if hasattr(one, "nodeid")]
    missed = session.config.stash.setdefault(MUST_RUN_FAILURES, [])
    for path in session.config.option.must_run:
        there = [report for report in reports if report.nodeid.startswith(path)]
        if skipped := {one.nodeid for one in there if getattr(one, "skipped", False)}:
            missed.append(f"{path} must run: {len(skipped)} skipped, see above why")
        elif not there:
            missed.append(f"{path} must run: it has no tests, or none was asked for")
    if missed:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config) -> None:
    """Print the tests that must run but were skipped."""
    for line in config.stash.get(MUST_RUN_FAILURES, []):
        terminalreporter.write_line(line, red=True)


def pytest_xdist_make_scheduler(config, log):
    """Use the scheduler above, whatever ``--dist`` says."""
    return FileAndTestScheduling(config, log)


def pytest_collection_modifyitems(config, items: list) -> None:
    """Deselect thorough tests unless they are requested, and sort the others."""
    if os.environ.get("COURSEKIT_THOROUGH") != "1":
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]

    def position(item) -> int:
        if item.nodeid.startswith(RUN_FIRST):
            return 0
        return (
            2 if item.nodeid.startswith((*SPLIT_BY_TEST, "tests/exercises/test_both_ways")) else 1
        )

    items.sort(key=position)
