"""Forms of notebooks that nbgrader courses have: points are those that nbgrader gives."""

from __future__ import annotations

import copy
import shutil
import sys

import nbformat
import pytest
from nbformat import v4

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader.grade import grade
from tests.coursegrader.notebooks import (
    given,
    graded,
    marked,
    notebook,
    points_of_nbgrader,
    solution,
    write,
)
from tests.coursegrader.test_nbgrader import nbgrader

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux"),
    pytest.mark.timeout(900),
]


def manual(source: str, identifier: str, points: float = 2, *, code: bool = False):
    cell = (v4.new_code_cell if code else v4.new_markdown_cell)(source)
    return marked(cell, identifier, solution=True, grade=True, points=points)


def region(code: str, what: str = "SOLUTION") -> str:
    return f"### BEGIN {what}\n{code}\n### END {what}"


def old(made, schema: int):
    """Give a notebook the metadata of an older nbgrader."""
    for cell in made.cells:
        if marks := cell.metadata.get("nbgrader"):
            del marks["task"], marks["schema_version"]
            if schema:
                marks["schema_version"] = schema
            if not marks["grade"] and schema == 0:
                marks["points"] = 1  # left over
    return made


def taken_back(source: str, identifier: str):
    return marked(v4.new_code_cell(source), identifier)


FORMS = {
    "functions": notebook(
        given("import helper", "f-setup"),
        solution(f"def double(x):\n{region('    return helper.twice(x)')}", "f-double"),
        graded(
            "assert double(2) == 4\n" + region("assert double(3) == 6", "HIDDEN TESTS"), "f-1", 2
        ),
        graded("double('a') == 'aa'\n1.5", "f-2", 3),
    ),
    "words": notebook(
        manual("It doubles, because of the star.", "w-why"),
        manual(f"Say why.\n{region('Because.')}", "w-how"),
        manual("def picture():\n    return 'drawn'", "w-picture", code=True),
        marked(
            v4.new_markdown_cell(f"Draw a cat.\n{region('Ears: 1', 'MARK SCHEME')}"),
            "w-cat",
            task=True,
            locked=True,
            points=4,
        ),
    ),
    "first-schema": old(
        notebook(
            solution("x = 41 + 1", "o-x"),
            taken_back("y = x", "o-left"),
            graded("assert y == 42", "o-test", 2),
            manual("Because.", "o-why"),
        ),
        1,
    ),
    "no-schema": old(
        notebook(
            solution("a = 7", "z-a"),
            taken_back("b = a", "z-left"),
            taken_back("b += 1", "z-right"),
            graded("assert b == 8", "z-test", 1),
        ),
        0,
    ),
    "reading": notebook(v4.new_markdown_cell("# To be read"), given("1", "r-given")),
}
FILES = {"helper.py": "def twice(x): return x * 2\n", "folder/data.csv": "1,2\n"}
STUDENTS = ("instructor", "blank")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """An nbgrader course with one assignment of these forms, autograded; and the sources."""
    course = tmp_path_factory.mktemp("course")
    ours, theirs = course / "ours", course / "source" / "lab"
    for name, made in FORMS.items():
        write(copy.deepcopy(made), ours / f"{name}.ipynb")
    for name, content in FILES.items():
        (ours / name).parent.mkdir(exist_ok=True)
        (ours / name).write_text(content)
    shutil.copytree(ours, theirs)
    (course / "nbgrader_config.py").write_text("c = get_config()\nc.Execute.timeout = 200\n")
    nbgrader(course, "update", "source")
    nbgrader(course, "generate_assignment", "lab", "--create")
    for student, folder in zip(STUDENTS, (theirs, course / "release" / "lab"), strict=True):
        shutil.copytree(folder, course / "submitted" / student / "lab")
    nbgrader(course, "autograde", "lab", "--create")
    return course


def test_points_as_nbgrader_gives_them(course, tmp_path):
    theirs = points_of_nbgrader(course / "gradebook.db")
    warnings = []
    done = grade(
        course / "submitted", tmp_path / "out", masters=[course / "ours"], warn=warnings.append
    )
    ours = {
        (row.student, row.set, check.id): check.earned for row in done.rows for check in row.checks
    }
    assert ours == theirs
    assert ours["instructor", "functions", "f-2"] == 1.5  # and no more
    assert ours["instructor", "first-schema", "o-test"] == 2
    assert ours["instructor", "no-schema", "z-test"] == 1
    assert ours["blank", "words", "w-why"] == 0 and ours["instructor", "words", "w-why"] is None
    assert any("reading.ipynb: no cell of it is graded" in text for text in warnings)


def test_releases_as_nbgrader_makes_them(course):
    """But for blanks that need not raise, and cells that were marked once."""
    from coursegrader.release import RAISING_STUB, STUB, released

    for name in FORMS:
        theirs = nbformat.read(course / "release" / "lab" / f"{name}.ipynb", as_version=4)
        ours = released(course / "ours" / f"{name}.ipynb")
        for mine, other in zip(ours.cells, theirs.cells, strict=True):
            same = other.source.replace(RAISING_STUB, STUB).replace("    raise Not", "raise Not")
            mine_same = mine.source.replace(RAISING_STUB, STUB)
            assert squeezed(mine_same) == squeezed(same), name


def squeezed(source: str) -> list[str]:
    """Lines without the one that raises."""
    return [line.strip() for line in source.splitlines() if "NotImplementedError" not in line]


def test_a_folder_of_masters(tmp_path):
    for name in ("functions", "reading"):
        write(copy.deepcopy(FORMS[name]), tmp_path / "set" / f"{name}.ipynb")
    (tmp_path / "set" / "helper.py").write_text(FILES["helper.py"])
    write(copy.deepcopy(FORMS["functions"]), tmp_path / "in" / "ann" / "functions.ipynb")
    warnings = []
    done = grade(
        tmp_path / "in", tmp_path / "out", masters=[tmp_path / "set"], warn=warnings.append
    )
    assert [(row.set, row.points) for row in done.rows] == [("functions", 3.5)]
    assert sum("It is left out." in text for text in warnings) == 1
    for folder in ("none", "reading"):
        (tmp_path / folder).mkdir()
    shutil.copy(tmp_path / "set" / "reading.ipynb", tmp_path / "reading")
    for folder in ("none", "reading"):
        with pytest.raises(FileNotFoundError, match="has a graded cell; name one with --master"):
            grade(tmp_path / "in", tmp_path / "out2", masters=[tmp_path / folder])


def test_tests_read_the_masters_files(tmp_path):
    """Whatever a cell has put in their place."""
    made = notebook(
        solution("right = None", "answer"),
        graded("assert right == open('right.txt').read()", "test", 3),
    )
    write(made, tmp_path / "course" / "set.ipynb")
    (tmp_path / "course" / "right.txt").write_text("the master's")
    tricks = {
        "writes": "right = 'mine'\nopen('right.txt', 'w').write(right)",
        "replaces": "import os\nright = 'mine'\nos.remove('right.txt')\n"
        "open('right.txt', 'w').write(right)",
        "makes a folder": "import os\nright = 'mine'\nos.remove('right.txt')\n"
        "os.mkdir('right.txt')",
        "knows": "right = open('right.txt').read()",
        "writes others": "open('other.txt', 'w').write('1')\nright = open('right.txt').read()",
    }
    for name, code in tricks.items():
        mine = copy.deepcopy(made)
        mine.cells[0].source = code
        write(mine, tmp_path / "in" / f"{name}.ipynb")
    done = grade(
        tmp_path / "in", tmp_path / "out", masters=[tmp_path / "course" / "set.ipynb"], jobs=2
    )
    points = {row.student: row.points for row in done.rows}
    honest = {"knows": 3, "writes others": 3}
    assert {name: points[name] for name in honest} == honest
    assert all(points[name] == 0 for name in ("writes", "replaces", "makes a folder")), points
