"""An instructor's own checks, in a file that no submission can read."""

from __future__ import annotations

import json
import re
import sys

import pytest
from typer.testing import CliRunner

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader import grade as _grade
from coursegrader.grade import RefusedError, grade
from coursegrader.grader import Options, SandboxError
from coursekit.cli import app
from coursekit.exercises import catalogue, every
from tests.coursegrader.notebooks import given, graded, notebook, printed, solution, write
from tests.coursegrader.test_grade import one_warm_process  # noqa: F401 (a fixture)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

CHECKS = """
from pathlib import Path
from coursekit.exercises import declare, expect
from coursekit.exercises.kinds import Number

RIGHT = int(Path(__file__).with_name("answer.txt").read_text())  # SECRET

@declare("W1.1", "The total", points=2, total=Number())
def total(total):
    expect(total == RIGHT, "`total` is something else.")
"""
FINDS = """
import importlib, os, sys
for path in ({path!r}, "checks.py", {cached!r}, "tool/checks.py", {folder!r} + "/answer.txt"):
    try:
        print("READ", path, open(path, "rb").read())
    except OSError as error:
        print("refused", type(error).__name__)
for folder in ("", {folder!r}):
    sys.path.insert(0, folder)
    try:
        print("IMPORTED", vars(importlib.import_module("checks")))
    except ImportError as error:
        print("refused", type(error).__name__)
from coursekit.exercises import use
use({path!r})
print("beside:", sorted(os.listdir()))
"""


def exercise(code: str):
    return notebook(
        given("from coursekit.exercises import check, use\nuse('checks.py')", "setup"),
        solution(code, "answer"),
        graded('check("W1.1", total=total)', "check-total", 2),
    )


def master():
    return exercise("total = None\n### BEGIN SOLUTION\ntotal = 42\n### END SOLUTION")


@pytest.fixture
def course(tmp_path):
    """A master with its checks and other files beside it, and two submissions."""
    home = tmp_path / "course"
    write(master(), home / "week.ipynb")
    for name, content in {
        "checks.py": CHECKS,
        "answer.txt": "42",
        "tool/checks.py": "PUBLIC = 1",
        "__pycache__/checks.cpython.pyc": "SECRET",
    }.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(content)
    write(exercise("total = 42"), tmp_path / "in" / "ann.ipynb")
    write(exercise("total = 41"), tmp_path / "in" / "bob.ipynb")
    return tmp_path


@pytest.fixture(autouse=True)
def only_the_courses_checks(monkeypatch):
    """Each test names its file anew."""
    monkeypatch.setattr(catalogue, "_check_files", {})


def graded_with(course, **changes):
    options = Options(checks=(str(course / "course" / "checks.py"),), **changes)
    masters = [course / "course" / "week.ipynb"]
    return grade(course / "in", course / "out", masters=masters, options=options)


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def test_answers_are_judged_with_them_and_nobody_reads_them(course, monkeypatch):
    home = course / "course"
    monkeypatch.setenv("COURSEKIT_DATA", str(home))  # a folder that submissions may read
    cached = str(home / "__pycache__" / "checks.cpython.pyc")
    looks = FINDS.format(path=str(home / "checks.py"), cached=cached, folder=str(home))
    write(exercise(f"total = 42\n{looks}"), course / "in" / "eve.ipynb")
    done = graded_with(course)
    assert [row.points for row in done.rows] == [2, 0, 2], done.rows
    assert done.rows[1].checks[0].message == "`total` is something else."
    assert done.rows[0].checks[0].title == "The total" and not done.fault
    said = printed(done.rows[2])
    assert "SECRET" not in said and "IMPORTED" not in said, said
    read = dict(re.findall(r"READ (.*) b'(.*)'", said))
    assert not read[str(home / "checks.py")]  # it is covered by nothing
    assert read["tool/checks.py"] == "PUBLIC = 1" and read[str(home / "answer.txt")] == "42"
    # What else lies beside the master is put beside a submission, as ever.
    assert "beside: ['answer.txt', " in said, said


def test_tables_about_the_class_do_not_reach_submissions(course):
    home = course / "course"
    (home / "typed.csv").write_text("student,cell,points\n")
    (home / "times.csv").write_text("student,submitted\nann,2026-11-30\n")
    write(
        exercise("import os\nprint(sorted(os.listdir()))\ntotal = 42"), course / "in" / "ann.ipynb"
    )
    words = ["grade", course / "in", "--out", course / "out", "--master", home / "week.ipynb"]
    words += ["--checks", home / "checks.py", "--manual", home / "typed.csv"]
    done = command(*words, "--times", home / "times.csv")
    assert done.exit_code == 0, done.output
    (page,) = (course / "out" / "feedback").glob("ann-*.html")
    said = page.read_text(encoding="utf-8")
    assert "answer.txt" in said and "typed.csv" not in said and "times.csv" not in said


def test_what_was_graded_with_other_checks_is_graded_anew(course):
    file = course / "course" / "checks.py"
    assert graded_with(course).new == 2
    assert graded_with(course).new == 0
    file.write_text(CHECKS.replace("== RIGHT", "== RIGHT - 1"))
    done = graded_with(course)
    assert done.new == 2 and [row.points for row in done.rows] == [0, 2]
    moved = file.rename(course / "course" / "moved.py")
    options = Options(checks=(str(moved),))
    masters = [course / "course" / "week.ipynb"]
    catalogue._check_files.clear()
    assert grade(course / "in", course / "out", masters=masters, options=options).new == 0


def test_the_commands(course):
    home = course / "course"
    words = ["release", home / "week.ipynb", "--out", course / "released"]
    refused = command(*words)
    assert refused.exit_code == 1 and "there is no check 'W1.1'" in refused.output
    assert command(*words, "--checks", home / "checks.py").exit_code == 0
    text = (course / "released" / "week.ipynb").read_text()
    assert "YOUR CODE HERE" in text and "total = 42" not in text
    words = ["grade", course / "in", "--out", course / "out", "--master", home / "week.ipynb"]
    done = command(*words, "--checks", home / "checks.py")
    assert done.exit_code == 0, done.output
    results = json.loads((course / "out" / "results.json").read_text())["submissions"]
    assert [one["points"] for one in results] == [2.0, 0.0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no file .*other.py"),
        ("1 / 0", "other.py cannot be used. .*line 1: ZeroDivisionError"),
        (CHECKS.replace("W1.1", "S5.1"), "other.py cannot be used. .*check 'S5.1'"),
    ],
    ids=["missing", "broken", "taken"],
)
def test_a_file_that_cannot_be_used(course, content, said):
    home = course / "course"
    if content:
        (home / "other.py").write_text(content)
    before = set(every())
    for words in (
        ["release", home / "week.ipynb", "--out", course / "out"],
        ["grade", course / "in", "--out", course / "out", "--master", home / "week.ipynb"],
    ):
        result = command(*words, "--checks", home / "other.py")
        assert result.exit_code == 2 and re.search(said, " ".join(result.output.split()))
        assert isinstance(result.exception, SystemExit) and not (course / "out").exists()
    with pytest.raises((RefusedError, FileNotFoundError), match=said):
        options = Options(checks=(str(home / "other.py"),))
        grade(course / "in", course / "out", masters=[home / "week.ipynb"], options=options)
    assert set(every()) == before


def test_another_file_beside_the_checks_grades_all_anew(course):
    """The checks may read it, so it may change points."""
    home, checks = course / "course", course / "checks"
    for name in ("checks.py", "answer.txt"):
        (checks / name).parent.mkdir(exist_ok=True)
        (home / name).rename(checks / name)
    (checks / "report").mkdir()

    def points(new):
        options = Options(checks=(str(checks / "checks.py"),))
        done = grade(course / "in", checks / "report", masters=[home / "week.ipynb"],
                     options=options, warn=said.append)  # fmt: skip
        assert done.new == new
        return [row.points for row in done.rows]

    said = []
    assert points(new=2) == [2, 0]
    assert points(new=0) == [2, 0]  # the report lies beside them, too, and is nothing they read
    (checks / "answer.txt").write_text("41")
    assert points(new=2) == [0, 2]
    (checks / "more").mkdir()
    for name in (".hidden", "__pycache__/checks.pyc"):
        (checks / "more" / name).parent.mkdir(exist_ok=True)
        (checks / "more" / name).write_text("1")
    assert points(new=0) == [0, 2]
    (checks / "more" / "deep.txt").write_text("1")
    (checks / "more" / "nowhere").symlink_to(checks / "gone")
    assert points(new=2) == [0, 2]
    assert not any("files below" in text for text in said)


def test_a_folder_of_checks_with_too_many_files_is_named(course, monkeypatch):
    monkeypatch.setattr(_grade, "MAX_FILES_BESIDE", 2)
    said = []
    options = Options(checks=(str(course / "course" / "checks.py"),))
    grade(course / "in", course / "out", masters=[course / "course" / "week.ipynb"],
          options=options, warn=said.append)  # fmt: skip
    assert any("There are more than 2 files below" in text for text in said)


def test_a_file_that_cannot_be_used_in_the_sandbox(course):
    file = course / "course" / "checks.py"
    elsewhere = course / "elsewhere.txt"
    elsewhere.write_text("42")
    file.write_text(CHECKS.replace('__file__).with_name("answer.txt")', f"{str(elsewhere)!r})"))
    with pytest.raises(
        SandboxError, match=r"in the process that judges answers, .*checks.py cannot"
    ):
        graded_with(course)
