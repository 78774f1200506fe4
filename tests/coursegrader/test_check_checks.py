"""Instructors test their own checks both ways: right answers pass, wrong ones fail in words."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from coursegrader.check_checks import check_checks
from coursegrader.notebook import BadNotebookError
from coursekit.cli import app
from coursekit.exercises import catalogue, use
from tests.coursegrader.notebooks import given, graded, notebook, solution, write

CHECKS = """
from coursekit.exercises import declare, expect
from coursekit.exercises.kinds import Number

@declare("W3.1", "Flowers for testing", points=1, rows=Number())
def flowers(rows):
    {judge}
"""
GOOD = 'expect(rows == 30, f"`rows` is {rows:g}. The task asks for a fifth of the 150 flowers.")'
WRONG = """
# %% W3.1 a tenth instead of a fifth
rows = total // 10

# %% W3.1 a text
rows = "thirty"

# %% even half of it
evens = lambda n: list(range(n))
"""


def week(right="30"):
    return notebook(
        given("from coursekit.exercises import check, use\nuse('checks.py')\ntotal = 150", "setup"),
        solution(f"rows = None\n### BEGIN SOLUTION\nrows = {right}\n### END SOLUTION", "answer"),
        graded('check("W3.1", rows=rows)', "check-rows", 1),
        solution(
            "def evens(n):\n    ### BEGIN SOLUTION\n    return list(range(0, n, 2))\n"
            "    ### END SOLUTION",
            "evens",
        ),
        graded(
            "assert len(evens(0)) == 0, 'none'\n### BEGIN HIDDEN TESTS\n"
            "assert evens(4) == [0, 2], 'Only even numbers.'\n### END HIDDEN TESTS",
            "even",
            1,
        ),
    )


@pytest.fixture(autouse=True)
def only_the_courses_checks(monkeypatch):
    monkeypatch.setattr(catalogue, "_check_files", {})


@pytest.fixture
def judged(tmp_path):
    """Test checks, and return a row for each answer: check, answer, good, text."""

    def run(judge=GOOD, made=None, wrong=WRONG):
        (tmp_path / "checks.py").write_text(CHECKS.format(judge=judge))
        (tmp_path / "wrong.py").write_text(wrong or "")
        use(tmp_path / "checks.py")
        path = write(made or week(), tmp_path / "week.ipynb")
        rows = check_checks(path, wrong=tmp_path / "wrong.py" if wrong else None)
        return {(one.check, one.answer): (one.good, one.text) for one in rows}

    return run


def test_checks_that_judge_well(judged):
    found = judged()
    assert [key for key in found] == [
        ("W3.1", "solution"),
        ("W3.1", "blank"),
        ("W3.1", "a tenth instead of a fifth"),
        ("W3.1", "a text"),
        ("even", "solution"),
        ("even", "blank"),
        ("even", "half of it"),
    ]
    assert all(good for good, _ in found.values()), found
    assert "`rows` has no value yet" in found["W3.1", "blank"][1]
    assert "`rows` is 15." in found["W3.1", "a tenth instead of a fifth"][1]
    assert found["even", "half of it"][1] == "Only even numbers."  # a hidden test


@pytest.mark.parametrize(
    ("judge", "answer", "said"),
    [
        ("expect(rows < 150, 'Too many.')", "a tenth instead of a fifth", "passes, and must not"),
        ("expect(rows == 31, 'No.')", "solution", "does not pass: "),
        ("rows[0]", "a tenth instead of a fifth", "the check fails itself"),
    ],
)
def test_checks_that_judge_badly(judged, judge, answer, said):
    good, text = judged(judge)["W3.1", answer]
    assert not good and said in text


def test_tests_without_words_and_blanks_that_pass(judged):
    made = week()
    made.cells[4].source = "assert evens(4) == [0, 2]"
    found = judged(made=made)
    assert found["even", "half of it"] == (
        False,
        "fails without words (AssertionError); add a message",
    )
    made = week()
    made.cells[4].source = "assert total == 150, 'no'"
    assert judged(made=made, wrong=None)["even", "blank"] == (False, "passes, and must not")


def test_tests_that_are_all_hidden(judged):
    made = week()
    made.cells[
        4
    ].source = "### BEGIN HIDDEN TESTS\nassert evens(4) == [0, 2], 'no'\n### END HIDDEN TESTS"
    found = judged(made=made)
    assert [answer for check, answer in found if check == "even"] == [
        "solution",
        "blank",
        "half of it",
    ]
    assert all(good for good, _ in found.values()), found


def test_an_answer_that_fails_itself(judged):
    found = judged(wrong="# %% W3.1 a typing error\nrows = totl // 10")
    good, text = found["W3.1", "a typing error"]
    assert not good and "NameError: name 'totl' is not defined" in text


def test_wrong_answers_change_nothing_for_the_cells_below(judged):
    made = week()
    made.cells[4].source = "assert rows == 30, 'rows'\nassert evens(4) == [0, 2], 'evens'"
    assert judged(made=made)["even", "solution"] == (True, "passes")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("rows = 1", "it has no wrong answer. Begin each"), ("# %% W9 x\n1", "answer for 'W9', and")],
)
def test_files_without_use(judged, wrong, said):
    with pytest.raises(BadNotebookError, match=said):
        judged(wrong=wrong)


def test_the_command(tmp_path):
    write(week(), tmp_path / "week.ipynb")
    (tmp_path / "wrong.py").write_text(WRONG)
    words = ["check-checks", tmp_path / "week.ipynb", "--checks", tmp_path / "checks.py"]
    words += ["--wrong", tmp_path / "wrong.py"]

    def command():
        return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "160"})

    assert command().exit_code == 2  # no such file of checks
    (tmp_path / "checks.py").write_text(CHECKS.format(judge=GOOD))
    done = command()
    assert done.exit_code == 0, done.output
    assert "All 7 answers are judged as they should be." in done.output
    (tmp_path / "checks.py").write_text(CHECKS.format(judge="expect(rows < 150, 'Too many.')"))
    done = command()
    assert done.exit_code == 1 and "✘" in done.output and "passes, and must not" in done.output
