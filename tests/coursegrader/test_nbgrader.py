"""Our source notebooks work in an nbgrader course, and get the same points there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader.grade import grade
from tests.conftest import ROOT
from tests.coursegrader.notebooks import points_of_nbgrader

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux"),
    pytest.mark.timeout(500),
]
# The second takes as long again; COURSEKIT_THOROUGH=1 adds it, and a student who did nothing: most
# of what "half" hands in is untouched, too.
THOROUGH = os.environ.get("COURSEKIT_THOROUGH") == "1"
NAMES = ("keras-in-one-page", "first-model") if THOROUGH else ("keras-in-one-page",)
STUDENTS = ("solved", "half", "untouched") if THOROUGH else ("solved", "half")
BIN = Path(sys.executable).parent


def nbgrader(course, *words):
    done = subprocess.run(
        [BIN / "nbgrader", *words],
        cwd=course,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        # It calls programs of its environment by name.
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of nbgrader's with our notebooks, solved and half done."""
    course = tmp_path_factory.mktemp("course")
    # Its own limit, 30 s a cell, is too short for a busy machine.
    (course / "nbgrader_config.py").write_text("c = get_config()\nc.Execute.timeout = 200\n")
    source = course / "source" / "lab"
    source.mkdir(parents=True)
    for name in NAMES:
        shutil.copy(ROOT / "book" / "solutions" / f"{name}.ipynb", source)
    nbgrader(course, "generate_assignment", "lab", "--create")
    for student in STUDENTS:
        folder = course / "submitted" / student / "lab"
        folder.mkdir(parents=True)
        for name in NAMES:
            released = course / "release" / "lab" / f"{name}.ipynb"
            solved = source / f"{name}.ipynb"
            shutil.copy(solved if student == "solved" else released, folder)
            if student == "half":
                write_half(released, solved, folder / f"{name}.ipynb")
    nbgrader(course, "autograde", "lab", "--create")
    return course


def write_half(released, solved, target):
    """Fill in the first two solutions, and no other."""
    made = nbformat.read(released, as_version=4)
    right = {
        cell.metadata["nbgrader"]["grade_id"]: cell.source
        for cell in nbformat.read(solved, as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    for identifier in list(right)[:2]:
        (cell,) = [
            cell
            for cell in made.cells
            if cell.metadata.get("nbgrader", {}).get("grade_id") == identifier
        ]
        cell.source = right[identifier]
    nbformat.write(made, target)


def test_the_points_are_the_same(course, tmp_path):
    theirs = {
        (student, notebook, cell.removeprefix("check-").replace("-", ".").lower()): points
        for (student, notebook, cell), points in points_of_nbgrader(course / "gradebook.db").items()
    }
    graded = grade(
        course / "submitted",
        tmp_path / "report",
        masters=[course / "source" / "lab" / f"{name}.ipynb" for name in NAMES],
    )
    ours = {
        (row.student, row.set, check.id.replace("-", ".").lower()): check.earned
        for row in graded.rows
        for check in row.checks
    }
    # A note that is worth no points is in nbgrader's gradebook alone.
    notes = {key for key in theirs if key[2].endswith("expected")}
    assert ours == {key: points for key, points in theirs.items() if key not in notes}
    points = {
        (row.student, row.set): (row.points, row.possible - row.waiting) for row in graded.rows
    }
    for name in NAMES:
        assert points["solved", name][0] == points["solved", name][1] > 5
        assert not THOROUGH or points["untouched", name][0] == 0
        assert 0 < points["half", name][0] < points["half", name][1]
