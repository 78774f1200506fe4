"""Exercises are made of the notebooks with solutions, always the same, and with nothing left."""

from __future__ import annotations

import copy
import json
import textwrap
from pathlib import Path

import nbformat
import nbgrader
import pytest
from nbformat import v4
from nbgrader.utils import compute_checksum
from typer.testing import CliRunner

from coursegrader.master import Master, merge
from coursegrader.notebook import BadNotebookError, cells_of, check_call, read
from coursegrader.release import _syntax_error, changed, exercise, refuse_autotest
from coursegrader.release import write as write_exercise
from coursekit.cli import app
from coursekit.exercises import every
from tests.conftest import ROOT
from tests.coursegrader.notebooks import (
    FIRST_CHECK,
    RIGHT_FIRST,
    SETUP,
    given,
    graded,
    marked,
    master_of_two,
    notebook,
    solution,
    write,
)

SOLUTIONS = sorted((ROOT / "book" / "solutions").glob("*.ipynb"))
NOTE = "**Solutions.** They are here, and explained.\nLook at them."


def with_everything():
    """A notebook with solutions, outputs, tags, hidden tests and a question."""
    made = notebook(
        v4.new_markdown_cell(f"# The set\n\n{NOTE}\n\nGood luck."),
        given(SETUP, "setup"),
        v4.new_code_cell("print('an example')"),
        solution(
            f"parameters = None  # a number\n### BEGIN SOLUTION\n{RIGHT_FIRST}\n"
            "if parameters:\n    secret = 1\n### END SOLUTION\nafterwards = 2",
            "first",
        ),
        graded(FIRST_CHECK, "check-S5-1", 1),
        graded(
            "assert afterwards\n### BEGIN HIDDEN TESTS\nassert parameters == 239  # secret\n"
            "### END HIDDEN TESTS",
            "hidden",
            2,
        ),
        marked(
            v4.new_markdown_cell("### BEGIN SOLUTION\nBecause of the secret.\n### END SOLUTION"),
            "why",
            solution=True,
            grade=True,
            points=3,
        ),
    )
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.outputs = [v4.new_output("stream", text="secret\n")]
            cell.execution_count = 7
    made.cells[2].metadata["tags"] = ["remove-stderr"]
    made.cells[3].metadata["tags"] = ["hide-input", "nbval-ignore-output"]
    made.cells[4].metadata["tags"] = ["hide-input"]
    return made


@pytest.fixture
def released(tmp_path):
    """Release a notebook, and read what came of it."""

    def make(made, name="set"):
        target = tmp_path / "exercises" / f"{name}.ipynb"
        release(write(made, tmp_path / "solutions" / f"{name}.ipynb"), target)
        return nbformat.read(target, as_version=4)

    return make


def cells(made):
    return {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in made.cells}


def coursekit(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


# ------------------------------------------------------------------------- what learners get


def test_solutions_are_gone_and_blanks_stay(released):
    made = released(with_everything())
    by_id = cells(made)
    blank = "parameters = None  # a number\n# YOUR CODE HERE\nafterwards = 2"
    assert by_id["first"].source == blank
    assert by_id["why"].source and "Because" not in by_id["why"].source
    assert "secret" not in json.dumps(made) and "BEGIN" not in json.dumps(made)
    assert by_id["hidden"].source.strip() == "assert afterwards"


def test_what_is_no_solution_stays(released):
    made, before = released(with_everything()), with_everything()
    assert [cell.cell_type for cell in made.cells] == [cell.cell_type for cell in before.cells]
    assert cells(made)["check-S5-1"].source == FIRST_CHECK
    assert cells(made)["setup"].source == SETUP
    assert made.cells[2].source == "print('an example')"
    assert made.metadata.kernelspec.name == "python3"


def test_outputs_are_gone(released):
    for cell in released(with_everything()).cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_tags_of_solutions_are_gone(released):
    made = released(with_everything())
    assert made.cells[2].metadata.tags == ["remove-stderr"]
    assert cells(made)["first"].metadata.tags == ["nbval-ignore-output"]
    assert "tags" not in cells(made)["check-S5-1"].metadata


def test_the_note_leads_to_the_solutions(released):
    text = released(with_everything(), "iris").cells[0].source
    assert text.startswith("# The set\n\n**Solutions.** Try first; ")
    assert text.endswith("[the solutions](../solutions/iris.ipynb).\n\nGood luck.")
    assert "explained" not in text


@pytest.mark.parametrize(
    ("title", "made"),
    [
        ("# Solution: batch size", "# Exercises: batch size"),
        ("# Exercises: batch size", "# Exercises: batch size"),
        ("# Solution of equations", "# Solution of equations"),
        ("Text.\n\n# Solution: of a task", "Text.\n\n# Solution: of a task"),
    ],
)
def test_the_title_says_that_it_is_the_exercise(released, title, made):
    notebook = with_everything()
    notebook.cells[0].source = f"{title}\n\nText."
    assert released(notebook).cells[0].source == f"{made}\n\nText."


def test_checks_cannot_be_changed_by_accident(released):
    made = cells(released(with_everything()))
    for identifier, changeable in (("check-S5-1", False), ("setup", False), ("first", True)):
        assert made[identifier].metadata.get("editable", True) is changeable
        assert made[identifier].metadata.deletable is False


def test_an_exercise_is_a_master_as_good_as_its_solution(released, tmp_path):
    released(with_everything())
    ours, theirs = (
        Master.from_file(tmp_path / folder / "set.ipynb") for folder in ("exercises", "solutions")
    )
    assert ours.points == theirs.points == 6 and ours.solutions == theirs.solutions
    assert [step.identifier for step in ours.steps] == [step.identifier for step in theirs.steps]
    # A right submission of the exercise is merged without a word.
    submission = nbformat.read(tmp_path / "exercises" / "set.ipynb", as_version=4)
    submitted = cells_of(submission)
    assert merge(theirs, submitted).remarks == merge(ours, submitted).remarks == ()


# ----------------------------------------------------------------------------- again and again


def release(source, target):
    """Write the exercise of a solution."""
    write_exercise(changed(source, target), target)


def test_release_is_deterministic(tmp_path):
    made = with_everything()
    contents = set()
    for number in range(2):
        source = write(made, tmp_path / str(number) / "set.ipynb")
        target = tmp_path / f"out {number}" / "deep" / "set.ipynb"
        release(source, target)
        contents.add(target.read_bytes())
    assert len(contents) == 1
    assert contents.pop().endswith(b"}\n")
    assert not list(tmp_path.rglob("*.part"))


def test_nothing_is_written_twice(tmp_path):
    source, target = write(master_of_two(), tmp_path / "set.ipynb"), tmp_path / "out" / "set.ipynb"
    release(source, target)
    assert changed(source, target) is None
    target.write_text(target.read_text().replace("YOUR CODE", "MY CODE"))
    assert "YOUR CODE" in changed(source, target)


def test_outputs_of_a_solution_make_no_difference(tmp_path):
    made = master_of_two()
    target = tmp_path / "out" / "set.ipynb"
    release(write(made, tmp_path / "set.ipynb"), target)
    made.cells[1].outputs = [v4.new_output("stream", text="42\n")]
    made.cells[1].execution_count = 42
    assert changed(write(made, tmp_path / "set.ipynb"), target) is None


# --------------------------------------------------------------------------------- refusals


def other_points(made):
    cells(made)["check-S5-1"].metadata["nbgrader"]["points"] = 2


def other_variables(made):
    cells(made)["check-S5-1"].source = 'check("S5.1", parameters=239)'


def unknown_check(made):
    cells(made)["check-S5-1"].source = 'check("S5.0", parameters=parameters)'


def solution_without_an_end(made):
    cells(made)["first"].source = f"### BEGIN SOLUTION\n{RIGHT_FIRST}"


def hidden_tests_without_an_end(made):
    cells(made)["check-S5-2"].source = "### BEGIN HIDDEN TESTS\nassert 1"


def no_points(made):
    del cells(made)["check-S5-1"].metadata["nbgrader"]["points"]


def two_of_one_name(made):
    cells(made)["second"].metadata["nbgrader"]["grade_id"] = "first"


def marks_of_the_future(made):
    cells(made)["second"].metadata["nbgrader"]["schema_version"] = 4


def schema_that_is_no_number(made):
    cells(made)["second"].metadata["nbgrader"]["schema_version"] = "3"


def old_points_that_are_no_number(made):
    cells(made)["check-S5-1"].metadata["nbgrader"].update(points="many", schema_version=0)


def no_name(made):
    cells(made)["second"].metadata["nbgrader"]["grade_id"] = ""


def negative_points(made):
    cells(made)["check-S5-1"].metadata["nbgrader"]["points"] = -1


def marks_that_are_no_mapping(made):
    made.cells[0].metadata["nbgrader"] = 7


def prose_that_is_no_answer(made):
    made.cells[0] = marked(v4.new_markdown_cell("Why?"), "why", solution=True)


def another_language(made):
    made.metadata.kernelspec["language"] = "R"


def another_language_by_its_info(made):
    del made.metadata.kernelspec["language"]
    made.metadata.language_info["name"] = "R"


def nothing_marked(made):
    made.cells = [v4.new_code_cell("1")]


REFUSED = [
    (other_points, "set, cell 'check-S5-1': 2 points in the notebook, 1 in the check"),
    (other_variables, "parameters=parameters"),
    (unknown_check, "no check 'S5.0'. Did you mean"),
    (solution_without_an_end, "set, cell 'first', line 1: BEGIN SOLUTION without an END"),
    (hidden_tests_without_an_end, "cell 'check-S5-2', line 1: BEGIN HIDDEN TESTS without an END"),
    (no_points, "set, cell 'check-S5-1': a graded cell without points"),
    (two_of_one_name, "two cells have the grade_id 'first'"),
    (marks_of_the_future, "of schema 4, and this nbgrader knows 0 to 3. If a newer nbgrader"),
    (schema_that_is_no_number, "its marks are of schema '3', and this nbgrader knows 0 to 3"),
    (old_points_that_are_no_number, "its marks of schema 0 cannot be converted to schema 3"),
    (no_name, "a marked cell needs a grade_id; this one has ''"),
    (negative_points, "it is worth -1 points; a number from 0 on is needed"),
    (marks_that_are_no_mapping, "its nbgrader metadata is 7, no mapping"),
    (prose_that_is_no_answer, "is not marked as a grade cell"),
    (another_language, "only Python notebooks can be graded and released; this one is for R."),
    (another_language_by_its_info, "this one is for R."),
    (nothing_marked, "no cell has nbgrader's marks"),
]


@pytest.mark.parametrize(
    ("spoil", "said"), REFUSED, ids=[spoil.__name__.replace("_", " ") for spoil, _ in REFUSED]
)
def test_what_is_refused(tmp_path, spoil, said):
    made = master_of_two()
    spoil(made)
    source = write(made, tmp_path / "set.ipynb")
    target = tmp_path / "out" / "set.ipynb"
    with pytest.raises(BadNotebookError) as caught:
        release(source, target)
    assert said in str(caught.value)
    assert not target.exists()
    result = coursekit("release", source, "--out", tmp_path / "out")
    assert result.exit_code == 1 and said in result.output and str(source) in result.output


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": 7}'])
def test_a_file_that_is_no_notebook(tmp_path, content):
    (tmp_path / "set.ipynb").write_text(content)
    result = coursekit("release", tmp_path / "set.ipynb", "--out", tmp_path / "out")
    assert result.exit_code == 1 and str(tmp_path / "set.ipynb") in result.output
    assert isinstance(result.exception, SystemExit)


# ------------------------------------------------------------------------- the command line


def test_the_command_writes_a_folder_of_exercises(tmp_path):
    for name in ("one", "two"):
        write(master_of_two(), tmp_path / "in" / f"{name}.ipynb")
    result = coursekit("release", tmp_path / "in", "--out", tmp_path / "out")
    assert result.exit_code == 0 and result.output.count(": written") == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.ipynb", "two.ipynb"]
    result = coursekit("release", tmp_path / "in", "--out", tmp_path / "out")
    assert result.exit_code == 0 and result.output.count(": as it was") == 2


def test_the_command_finds_drift_and_writes_nothing(tmp_path):
    one = write(master_of_two(), tmp_path / "in" / "one.ipynb")
    two = write(with_everything(), tmp_path / "in" / "two.ipynb")
    out = tmp_path / "out"
    result = coursekit("release", "--check", one, two, "--out", out)
    assert result.exit_code == 1 and "Run: make release" in result.output
    assert not out.exists()
    assert coursekit("release", one, two, "--out", out).exit_code == 0
    result = coursekit("release", "--check", one, two, "--out", out)
    assert result.exit_code == 0 and "Run:" not in result.output

    (out / "two.ipynb").write_text("changed by hand")
    result = coursekit("release", "--check", one, two, "--out", out)
    assert result.exit_code == 1
    assert "two.ipynb: differs" in result.output and "one.ipynb: as it was" in result.output
    assert (out / "two.ipynb").read_text() == "changed by hand"


def test_the_command_without_notebooks(tmp_path):
    result = coursekit("release", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 2 and "No notebook in" in result.output
    result = coursekit("release", tmp_path / "nowhere.ipynb", "--out", tmp_path / "out")
    assert result.exit_code == 1 and "nowhere.ipynb" in result.output


# ----------------------------------------------------------------------- stubs that compile


def code_of(source, name="first", **marks):
    """Return what becomes of the code of one solution cell."""
    made = notebook(marked(v4.new_code_cell(source), name, solution=True, **marks))
    return exercise(made, "set").cells[0].source


RAISES = "# YOUR CODE HERE\n{0}raise NotImplementedError()"
REGION = "### BEGIN SOLUTION\n{0}\n### END SOLUTION"


def region(code, indent=""):
    return textwrap.indent(REGION.format(code), indent)


COMPILING = {
    "after a statement": ("x = None\n" + region("x = 1"), "x = None\n# YOUR CODE HERE"),
    "after a docstring": (
        'def f():\n    """Do."""\n' + region("return 1", "    "),
        'def f():\n    """Do."""\n    # YOUR CODE HERE',
    ),
    "a whole body": (
        "def square(x):\n" + region("return x * x", "    ") + "\n\ndef cube(x):\n    return x**3",
        "def square(x):\n    " + RAISES.format("    ") + "\n\ndef cube(x):\n    return x**3",
    ),
    "a body with its marks at the start of the line": (
        "def square(x):\n### BEGIN SOLUTION\n    # twice\n    return x * x\n### END SOLUTION",
        "def square(x):\n    " + RAISES.format("    "),
    ),
    "only what has to raise raises": (
        "x = None\n" + region("x = 1") + "\ndef f():\n" + region("return 1", "  ")
        + "\ndef g():\n  y = 0\n" + region("return y", "  "),
        "x = None\n# YOUR CODE HERE\ndef f():\n  " + RAISES.format("  ")
        + "\ndef g():\n  y = 0\n  # YOUR CODE HERE",
    ),
    "both branches": (
        "if x:\n" + region("y = 1", "  ") + "\nelse:\n" + region("y = 2", "  "),
        "if x:\n  " + RAISES.format("  ") + "\nelse:\n  " + RAISES.format("  "),
    ),
    "magics and awaits": (
        "%matplotlib inline\n!ls\nawait f()\nfiles = !ls\ndef f():\n" + region("!ls", "    "),
        "%matplotlib inline\n!ls\nawait f()\nfiles = !ls\ndef f():\n    " + RAISES.format("    "),
    ),
    "below a cell's magic": (
        "%%time\ndef f():\n" + region("return 1", "  "),
        "%%time\ndef f():\n  " + RAISES.format("  "),
    ),
    "no Python": (
        "%%bash\nif true; then\n" + region("ls -l", "  ") + "\nfi",
        "%%bash\nif true; then\n  # YOUR CODE HERE\nfi",
    ),
    "what does not compile anyway": (
        "def (:\n" + region("return 1", "  "),
        "def (:\n  # YOUR CODE HERE",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "blank"), COMPILING.values(), ids=COMPILING)
def test_cells_that_compiled_compile(source, blank):
    assert code_of(source) == blank


def test_functions_given_beside_a_solution_are_defined():
    names = {}
    exec(code_of(COMPILING["a whole body"][0]), names)
    assert names["cube"](3) == 27
    with pytest.raises(NotImplementedError):
        names["square"](3)


def test_hidden_tests_that_were_a_whole_body():
    tests = "for x in 1, 2:\n    ### BEGIN HIDDEN TESTS\n    assert x\n    ### END HIDDEN TESTS"
    made = exercise(notebook(graded(tests, "tests", 1)), "set")
    assert made.cells[0].source == "for x in 1, 2:\n    pass"


def test_what_cannot_compile_is_refused():
    source = "x = 1\n@decorated\n" + region("def f():\n    return 1")
    with pytest.raises(BadNotebookError, match=r"set, cell 'first': .* line \d does not compile"):
        code_of(source)


# --------------------------------------------------------------------- solutions without marks


def test_free_text_is_replaced():
    answer = marked(v4.new_markdown_cell("Because."), "why", solution=True, grade=True, points=2)
    assert exercise(notebook(answer), "set").cells[0].source == "YOUR ANSWER HERE"


@pytest.mark.parametrize("marks", [{}, {"grade": True, "points": 2}])
def test_code_without_marks_is_replaced(marks):
    assert code_of("def f():\n    return 'secret'", **marks) == "# YOUR CODE HERE"


@pytest.mark.parametrize(
    "blank", ["", "# YOUR CODE HERE", "# YOUR CODE HERE\nraise NotImplementedError()\n"]
)
def test_blanks_stay(blank):
    assert code_of(blank) == blank


# --------------------------------------------------------------------------- spellings of marks


@pytest.mark.parametrize(
    "mark",
    [
        "#{} SOLUTION",
        "###   {} SOLUTION",
        "  # {} SOLUTION here",
        "### {} SOLUTIONS",
        "#{} SOLUTION#",
    ],
)
def test_marks_as_nbgrader_takes_them(mark):
    begin, end = mark.format("BEGIN"), mark.format("END")
    indent = begin[: len(begin) - len(begin.lstrip())]
    made = code_of(f"x = None\n{begin}\nx = 'secret'\n{end}\ny = 1")
    assert made == f"x = None\n{indent}# YOUR CODE HERE\ny = 1"


@pytest.mark.parametrize("mark", ["// {} SOLUTION", "<!-- {} SOLUTION -->", "{} SOLUTION"])
def test_marks_in_other_comments(mark):
    text = f"Why?\n{mark.format('BEGIN')}\nA secret.\n{mark.format('END')}\nThanks."
    answer = marked(v4.new_markdown_cell(text), "why", solution=True, grade=True, points=2)
    made = exercise(notebook(answer), "set").cells[0].source
    assert made == "Why?\nYOUR ANSWER HERE\nThanks."


@pytest.mark.parametrize("mark", ["### {} MARK SCHEME", "<!-- {} MARK SCHEME -->"])
def test_mark_schemes_are_removed(mark):
    text = f"Draw it.\n{mark.format('BEGIN')}\n![](attachment:a.png) secret\n{mark.format('END')}"
    task = marked(v4.new_markdown_cell(text), "draw", task=True, locked=True, points=2)
    task["attachments"] = {"a.png": {"image/png": "c2VjcmV0"}}
    made = exercise(notebook(task), "set").cells[0]
    assert made.source == "Draw it." and "attachments" not in made


NEARLY = [
    "### Begin Solution", "### begin solution", "### BEGIN  SOLUTION", "### BEGIN_SOLUTION",
    "### BEGIN-SOLUTION", "###BEGINSOLUTION", "### BEGIN SOLUTON", "## BEGIN: SOLUTION",
    "### Begin Solution (2 points)", "x = 1  # Begin Solution", "// Begin Solution",
    "### End Solution", "### END_SOLUTION", "### Begin hidden tests", "### BEGIN HIDDEN TEST",
    "### BEGIN_HIDDEN_TESTS", "### BEGIN MARKING SCHEME", "### END MARKSCHEME",
]  # fmt: skip


@pytest.mark.parametrize("line", NEARLY)
def test_what_is_nearly_a_mark_is_refused(line):
    with pytest.raises(BadNotebookError, match=r"set, cell 'first', line 2: .* Write: ### "):
        code_of(f"x = None\n{line}\nx = 'secret'")


@pytest.mark.parametrize(
    "line", ["Begin Solution", "**Begin solution**", "<!-- begin solution -->"]
)
def test_what_is_nearly_a_mark_in_prose_is_refused(line):
    answer = marked(v4.new_markdown_cell(line), "why", solution=True, grade=True, points=2)
    with pytest.raises(BadNotebookError, match=r"cell 'why', line 1: .* Write: ### BEGIN SOLUTION"):
        exercise(notebook(answer), "set")


@pytest.mark.parametrize(
    "line",
    [
        "# the solution of this equation", "# and solution", "end_solution = 1", "# begin here",
        "# no solution", "# in the end: solution 2", "# hidden tests follow", "# begin tests",
        "# mark it", "%matplotlib inline",
    ],
)  # fmt: skip
def test_comments_that_are_no_marks(line):
    code = f"{line}\nx = None\n{region('x = 1')}"
    assert code_of(code) == f"{line}\nx = None\n# YOUR CODE HERE"


def test_prose_without_marks_may_speak_of_solutions():
    text = v4.new_markdown_cell("## Begin solution\n\nBegin solutions with a drawing.")
    assert exercise(notebook(text), "set").cells[0].source == text.source


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\n### END SOLUTION", r"line 2: '### END SOLUTION' without a BEGIN SOLUTION"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "SOLUTION of line 1 is not"),
        (
            "### BEGIN SOLUTION\n1\n### BEGIN HIDDEN TESTS\n### END SOLUTION\n### END HIDDEN TESTS",
            "line 3: .* the SOLUTION of line 1 is not ended",
        ),
        ("### BEGIN SOLUTION ### END SOLUTION\nx = 1", "line 1: BEGIN SOLUTION without an END"),
        ("### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS", "not marked as 'grade'"),
        ("### BEGIN MARK SCHEME\n1\n### END MARK SCHEME", "not marked as 'task'"),
    ],
)
def test_marks_that_do_not_fit_together(source, said):
    with pytest.raises(BadNotebookError, match=said):
        code_of(source)


@pytest.mark.parametrize("make", [v4.new_code_cell, v4.new_markdown_cell, v4.new_raw_cell])
def test_a_solution_in_a_cell_without_marks(make):
    with pytest.raises(
        BadNotebookError, match=r"cell number 1, line 1: .* not marked as 'solution'"
    ):
        exercise(notebook(make(region("secret"))), "set")


# ---------------------------------------------------------------------------------- autotests


@pytest.mark.parametrize(
    "line", ["### AUTOTEST f(1)", "### HASHED AUTOTEST f(1); f(2)", "  #AUTOTEST f"]
)
def test_autotests_have_to_be_made_first(line):
    made = notebook(graded(f"import math\n{line}", "tests", 1))
    with pytest.raises(BadNotebookError) as caught:
        exercise(made, "set")
    assert "set, cell 'tests', line 2: " in str(caught.value)
    assert "nbgrader generate_assignment" in str(caught.value)
    with pytest.raises(BadNotebookError, match=r"^cell 'tests', line 2"):
        refuse_autotest(made)


def test_what_is_no_autotest():
    refuse_autotest(
        notebook(v4.new_markdown_cell("### AUTOTEST f(1)"), v4.new_code_cell("AUTOTEST = '#'"))
    )


# -------------------------------------------------------------------------- nothing else is left


def test_the_argument_is_not_changed():
    made = with_everything()
    before = copy.deepcopy(made)
    exercise(made, "set")
    assert made == before


def test_secrets_in_metadata_and_attachments_are_gone():
    picture = {"a b.png": {"image/png": "c2VjcmV0"}, "c.png": {"image/png": "ZmluZQ=="}}
    made = with_everything()
    given_text = v4.new_markdown_cell(
        "![](attachment:a%20b.png)", attachments=copy.deepcopy(picture)
    )
    made.cells.append(given_text)
    cells(made)["why"]["attachments"] = copy.deepcopy(picture)
    cells(made)["why"].source = "![](attachment:c.png) the secret"
    for cell in made.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.metadata["answer"] = "secret"
            cell.metadata["nbgrader"]["comment"] = "secret"
        cell.metadata["executionInfo"] = {"user": "secret"}
    made.metadata["widgets"] = {"state": "secret"}
    released = exercise(made, "set")
    assert "secret" not in json.dumps(released)
    assert released.cells[-1].attachments == {"a b.png": picture["a b.png"]}
    assert "attachments" not in cells(released)["why"]


def test_an_exercise_of_an_exercise_is_the_same():
    once = exercise(with_everything(), "set")
    assert exercise(once, "set") == once


def test_what_nbgrader_released_stays(tmp_path):
    made = notebook(
        solution("x = None  # fill in\ny = 2", "first"),
        marked(v4.new_markdown_cell("Say why:"), "why", solution=True, grade=True, points=1),
    )
    for cell in made.cells:
        cell.metadata["nbgrader"]["checksum"] = compute_checksum(cell)
    assert [cell.source for cell in exercise(made, "set").cells] == [
        cell.source for cell in made.cells
    ]
    made.cells[0].source += "\nx = 'secret'"
    assert exercise(made, "set").cells[0].source == "# YOUR CODE HERE"


def test_marks_that_mark_nothing_are_no_trouble():
    plain = v4.new_code_cell("1")
    plain.metadata["nbgrader"] = {}
    assert "nbgrader" not in exercise(notebook(plain), "set").cells[0].metadata


def test_cells_without_ids_are_released_alike(tmp_path):
    made = nbformat.from_dict(json.loads(json.dumps(master_of_two())))
    for cell in made.cells:
        del cell["id"]
    source = tmp_path / "set.ipynb"
    source.write_text(json.dumps(made))
    target = tmp_path / "out" / "set.ipynb"
    release(source, target)
    assert changed(source, target) is None


def test_a_kernel_without_a_language_is_pythons():
    made = master_of_two()
    del made.metadata["kernelspec"]["language"], made.metadata["language_info"]
    assert "YOUR CODE" in cells(exercise(made, "set"))["first"].source


# ------------------------------------------------------------------ marks of older versions


def older(made, schema):
    """Give a notebook the marks that nbgrader once wrote."""
    made = copy.deepcopy(made)
    for cell in made.cells:
        if marks := cell.metadata.get("nbgrader"):
            del marks["schema_version"], marks["task"]
            if schema:
                marks["schema_version"] = schema
            elif not marks["grade"]:
                marks["points"] = ""  # what was left of a cell that once had points
            else:
                marks["points"] = str(marks["points"])
    return made


@pytest.mark.parametrize("schema", [0, 1, 2])
def test_marks_of_older_schemas_are_converted(schema, tmp_path, capsys):
    made = older(with_everything(), schema)
    source = write(made, tmp_path / "set.ipynb")
    before = source.read_bytes()
    assert without_task(exercise(made, "set")) == without_task(exercise(with_everything(), "set"))
    master, modern = (
        Master.from_file(source),
        Master.from_file(write(with_everything(), tmp_path / "modern" / "set.ipynb")),
    )
    assert (master.steps, master.solutions) == (modern.steps, modern.solutions)
    assert source.read_bytes() == before  # in memory only
    assert capsys.readouterr() == ("", "")


def without_task(made):
    """Return sources and marks, without a key that only schema 3 has."""
    return [
        (cell.source, {**cell.metadata.get("nbgrader", {}), "task": False}) for cell in made.cells
    ]


def left_over(source, identifier="left-over"):
    """A cell whose mark was taken back; nbgrader leaves its name there."""
    cell = marked(v4.new_code_cell(source), identifier)
    cell.id = f"{identifier}-{source[0]}"
    return cell


def test_a_mark_that_was_taken_back_is_none(tmp_path):
    """Such cells may share a name, and a learner may change them; nbgrader says nothing."""
    made = master_of_two()
    made.cells[2:2] = [left_over("a = 1"), left_over("b = 1")]
    master = Master.from_file(write(made, tmp_path / "set.ipynb"))
    mine = copy.deepcopy(made)
    mine.cells[2].source = "a = 2"
    merged = merge(master, cells_of(mine))
    assert merged.remarks == ()
    assert [step.source for step in merged.steps if step.source.startswith(("a", "b = "))] == [
        "a = 2",
        "b = 1",
    ]


# ------------------------------------------------------------------------- nbgrader's own course

# nbgrader's package brings its guide with it; nothing of its code is looked into here.
GUIDE = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide"
THEIRS = sorted(
    path
    for folder in ("source", "release", "submitted", "autograded")
    for path in (GUIDE / folder).rglob("*.ipynb")
)


def test_nbgraders_guide_is_there():
    """Without it, the next test would try nothing and fail nowhere."""
    assert len(THEIRS) >= 8


@pytest.mark.parametrize("path", THEIRS, ids=lambda path: path.relative_to(GUIDE).as_posix())
def test_notebooks_of_nbgraders_guide(path):
    made = read(path.read_bytes())
    if "AUTOTEST" in path.read_text():
        with pytest.raises(BadNotebookError, match="generate_assignment"):
            exercise(made, path.stem)
        return
    released = exercise(made, path.stem)
    for before, after in zip(made.cells, released.cells, strict=True):
        assert "BEGIN" not in after.source and not after.get("outputs")
        if after.cell_type == "code" and _syntax_error(before.source) is None:
            assert _syntax_error(after.source) is None
    if "release" in path.relative_to(GUIDE).parts:
        assert [cell.source for cell in released.cells] == [cell.source for cell in made.cells]


# ---------------------------------------------------------------------------------- the book


@pytest.mark.skipif(not SOLUTIONS, reason="there is no book/solutions here")
@pytest.mark.parametrize("source", SOLUTIONS, ids=lambda path: path.stem)
class TestTheBook:
    def test_the_exercise_is_that_of_the_solution(self, source):
        target = ROOT / "book" / "exercises" / source.name
        if not target.exists():
            pytest.skip(f"book/exercises/{source.name} is not there yet")
        assert changed(source, target) is None, "run: make release"

    def test_solutions_are_gone(self, source, tmp_path):
        release(source, tmp_path / source.name)
        made = nbformat.read(tmp_path / source.name, as_version=4)
        solved = nbformat.read(source, as_version=4)
        assert "BEGIN SOLUTION" not in (tmp_path / source.name).read_text()
        for before, after in zip(solved.cells, made.cells, strict=True):
            if before.metadata.get("nbgrader", {}).get("solution"):
                stub = "YOUR CODE HERE" if before.cell_type == "code" else "YOUR ANSWER HERE"
                assert stub in after.source and before.source != after.source
                assert len(after.source) < len(before.source)
            else:
                assert before.cell_type != "code" or before.source == after.source


@pytest.mark.skipif(not SOLUTIONS, reason="there is no book/solutions here")
def test_every_check_is_in_one_exercise():
    called = []
    for source in SOLUTIONS:
        for cell in nbformat.read(source, as_version=4).cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
                called.append(check_call(cell.source))
    assert sorted(called, key=str) == sorted(every())
