"""Exercises are made of the notebooks with solutions, always the same, and with nothing left."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbformat import v4
from typer.testing import CliRunner

from coursekit.cli import app
from coursekit.grading import every
from coursekit.grading._notebook import BadNotebookError, Master, check_call, merge
from coursekit.grading._release import differs, release
from tests.conftest import ROOT
from tests.grading.notebooks import (
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
        assert release(write(made, tmp_path / "solutions" / f"{name}.ipynb"), target)
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
    assert merge(theirs, submission).remarks == merge(ours, submission).remarks == ()


# ----------------------------------------------------------------------------- again and again


def test_release_is_deterministic(tmp_path):
    made = with_everything()
    contents = set()
    for number in range(2):
        source = write(made, tmp_path / str(number) / "set.ipynb")
        target = tmp_path / f"out {number}" / "deep" / "set.ipynb"
        assert release(source, target)
        contents.add(target.read_bytes())
    assert len(contents) == 1
    assert contents.pop().endswith(b"}\n")
    assert not list(tmp_path.rglob("*.part"))


def test_nothing_is_written_twice(tmp_path):
    source, target = write(master_of_two(), tmp_path / "set.ipynb"), tmp_path / "out" / "set.ipynb"
    assert differs(source, target) and not target.exists()
    assert release(source, target) is True
    before = target.stat().st_mtime_ns
    assert not differs(source, target)
    assert release(source, target) is False
    assert target.stat().st_mtime_ns == before
    target.write_text(target.read_text().replace("YOUR CODE", "MY CODE"))
    assert differs(source, target) and release(source, target) is True
    assert "YOUR CODE" in target.read_text()


def test_outputs_of_a_solution_make_no_difference(tmp_path):
    made = master_of_two()
    target = tmp_path / "out" / "set.ipynb"
    release(write(made, tmp_path / "set.ipynb"), target)
    made.cells[1].outputs = [v4.new_output("stream", text="42\n")]
    made.cells[1].execution_count = 42
    assert not differs(write(made, tmp_path / "set.ipynb"), target)


# --------------------------------------------------------------------------------- refusals


def other_points(made):
    cells(made)["check-S5-1"].metadata["nbgrader"]["points"] = 2


def unmarked_solution(made):
    cells(made)["first"].source = RIGHT_FIRST


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


REFUSED = [
    (other_points, "set, cell 'check-S5-1': 2 points in the notebook, 1 in the check"),
    (unmarked_solution, "set, cell 'first': no ### BEGIN SOLUTION"),
    (other_variables, "parameters=parameters"),
    (unknown_check, "no check 'S5.0'. Did you mean"),
    (solution_without_an_end, ""),
    (hidden_tests_without_an_end, ""),
    (no_points, ""),
    (two_of_one_name, ""),
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


# ---------------------------------------------------------------------------------- the book


@pytest.mark.skipif(not SOLUTIONS, reason="there is no book/solutions here")
@pytest.mark.parametrize("source", SOLUTIONS, ids=lambda path: path.stem)
class TestTheBook:
    def test_the_exercise_is_that_of_the_solution(self, source):
        target = ROOT / "book" / "exercises" / source.name
        if not target.exists():
            pytest.skip(f"book/exercises/{source.name} is not there yet")
        assert not differs(source, target), "run: make release"

    def test_solutions_are_gone(self, source, tmp_path):
        release(source, tmp_path / source.name)
        made = nbformat.read(tmp_path / source.name, as_version=4)
        solved = nbformat.read(source, as_version=4)
        assert "BEGIN SOLUTION" not in (tmp_path / source.name).read_text()
        for before, after in zip(solved.cells, made.cells, strict=True):
            if before.metadata.get("nbgrader", {}).get("solution"):
                assert "YOUR CODE HERE" in after.source and before.source != after.source
                assert len(after.source) < len(before.source)
            else:
                assert before.cell_type != "code" or before.source == after.source


@pytest.mark.skipif(not SOLUTIONS, reason="there is no book/solutions here")
def test_every_check_is_in_one_exercise():
    called = []
    for source in SOLUTIONS:
        for cell in nbformat.read(source, as_version=4).cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                called.append(check_call(cell.source))
    assert sorted(called, key=str) == sorted(every())
