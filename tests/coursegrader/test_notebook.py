"""Masters are read, and submissions put into them, whatever was done to their cells."""

from __future__ import annotations

import copy
import dataclasses
import json

import nbformat
import pytest
from nbformat import v4

from coursegrader import master as masters
from coursegrader import report as _report
from coursegrader.master import MAX_FILES, Master, closest
from coursegrader.notebook import (
    MAX_CELLS,
    MAX_NOTEBOOK_BYTES,
    MAX_TEXT_LENGTH,
    BadNotebookError,
    Cell,
    cells_of,
    check_call,
    read,
)
from coursegrader.outcomes import CellOutcome, CheckOutcome, SubmissionOutcome
from tests.coursegrader.notebooks import (
    FIRST_CHECK,
    RIGHT_FIRST,
    RIGHT_SECOND,
    SECOND_CHECK,
    SETUP,
    given,
    graded,
    marked,
    master_of_two,
    notebook,
    solution,
    two_checks,
    write,
)

HIDDEN = "assert a == 3\n### BEGIN HIDDEN TESTS\nassert a != 4  # secret\n### END HIDDEN TESTS\n"


def manual(source: str, identifier: str, points: int):
    cell = v4.new_markdown_cell(source)
    return marked(cell, identifier, solution=True, grade=True, points=points)


def of_all_kinds():
    """A master with a cell of every kind."""
    return notebook(
        v4.new_markdown_cell("# All kinds"),
        given(SETUP, "setup"),
        v4.new_code_cell("print('an example')"),
        solution("a = None\n### BEGIN SOLUTION\na = 3\n### END SOLUTION", "a"),
        graded("assert a == 3", "test-a", 2),
        graded(HIDDEN, "hidden-a", 3),
        solution("parameters = None\n### BEGIN SOLUTION\n### END SOLUTION", "first"),
        graded(FIRST_CHECK, "check-S5-1", 1),
        manual("Why?\n\nYour answer.", "why", 4),
        marked(v4.new_markdown_cell("Draw a figure."), "task", task=True, points=5, locked=True),
        marked(v4.new_markdown_cell("Read on."), "text", locked=True),
    )


@pytest.fixture
def master(tmp_path):
    """Make a master of a notebook."""

    def make(made, name="set"):
        return Master.from_file(write(made, tmp_path / f"{name}.ipynb"))

    return make


def cell(made, identifier):
    (found,) = [
        c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == identifier
    ]
    return found


def merge(master, made):
    return masters.merge(master, cells_of(made))


def likeness(master, made):
    return masters.common_cells(master, cells_of(made))


def sources(merged) -> list[str]:
    return [step.source for step in merged.steps]


# -------------------------------------------------------------------------------- masters


def test_a_master(master):
    made = master(of_all_kinds(), "all-kinds")
    assert made.name == "all-kinds"
    assert [(step.kind, step.identifier, step.points) for step in made.steps] == [
        ("text", "", 0),
        ("code", "setup", 0),
        ("code", "", 0),
        ("code", "a", 0),
        ("tests", "test-a", 2),
        ("tests", "hidden-a", 3),
        ("code", "first", 0),
        ("check", "check-S5-1", 1),
        ("manual", "why", 4),
        ("manual", "task", 5),
        ("text", "text", 0),
    ]
    assert made.points == 15 and len(made.graded) == 5
    assert made.solutions == {"a", "first", "why"}
    checked = made.steps[7]
    assert (checked.check, checked.answers) == ("S5.1", {"parameters": "Number"})
    assert checked.title == "Parameters counted by hand" and made.steps[4].title == "test-a"


def test_solutions_are_blanks(master):
    made = master(of_all_kinds())
    assert made.steps[3].source == "a = None\n# YOUR CODE HERE"
    assert all("SOLUTION" not in step.source + step.shown for step in made.steps)


def test_hidden_tests_are_run_and_not_shown(master):
    hidden = master(of_all_kinds()).steps[5]
    assert hidden.hidden and "secret" in hidden.source
    assert hidden.shown == "assert a == 3\n"
    assert not any(step.hidden for step in master(master_of_two()).steps)


def test_the_digest_is_that_of_the_content(master):
    digests = {
        master(of_all_kinds()).digest,
        master(master_of_two()).digest,
        master(two_checks()).digest,
    }
    assert len(digests) == 3
    made = of_all_kinds()
    assert master(made, "one").digest == master(made, "two").digest


def test_two_cells_of_one_name(master):
    made = master_of_two()
    cell(made, "second").metadata["nbgrader"]["grade_id"] = "first"
    with pytest.raises(BadNotebookError, match=r"set\.ipynb: .*'first': two cells"):
        master(made)


@pytest.mark.parametrize(
    "made",
    [
        notebook(v4.new_code_cell("1 + 1")),
        notebook(given(SETUP, "setup"), solution("a = 1", "a")),
        notebook(),
    ],
    ids=["no marks", "nothing graded", "no cells"],
)
def test_a_notebook_that_is_no_master(master, made):
    with pytest.raises(BadNotebookError, match=r"set\.ipynb: no cell of it is graded"):
        master(made)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('check("S5.1", by_layer=by_layer)', "parameters=parameters"),
        ('check("S5.1")', "parameters=parameters"),
        ('check("S5.1", parameters=239)', "parameters=parameters"),
        ('check("S5.1", parameters=other)', "parameters=parameters"),
        ('check("S5.1", parameters=parameters, a=a)', "parameters=parameters"),
        ('check("S5.1", **parameters)', "parameters=parameters"),
        ('check("S5.99", parameters=parameters)', "no check 'S5.99'. Did you mean"),
    ],
)
def test_a_check_called_otherwise(master, call, said):
    made = master_of_two()
    cell(made, "check-S5-1").source = call
    with pytest.raises(BadNotebookError) as caught:
        master(made)
    assert said in str(caught.value)


def test_what_is_a_call_of_a_check():
    assert check_call(FIRST_CHECK) == "S5.1"
    assert check_call(f"# a comment\n{SECOND_CHECK}  # another\n") == "S5.2"
    for source in ("", "assert a", "check = 1", f"{FIRST_CHECK}\nassert 1", "a = 'check('", "1 +"):
        assert check_call(source) is None


# ---------------------------------------------------------------------------- any notebook


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no notebook (it has no nbformat)"),
        (b"{}", "no notebook (it has no nbformat)"),
        (b'{"nbformat": "4"}', "no notebook (it has no nbformat)"),
        (b'{"nbformat": 99, "nbformat_minor": 0, "cells": []}', "no valid notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "no valid notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 7}', "no valid notebook"),
        (
            b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": 1}]}',
            "no valid notebook",
        ),
        (b'{"nbformat": 1' + b"1" * 5000 + b"}", "no JSON"),
        (b" " * (MAX_NOTEBOOK_BYTES + 1), "at most 21 MB are read"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_what_is_no_notebook(content, said):
    with pytest.raises(BadNotebookError) as caught:
        read(content)
    assert said in str(caught.value) and len(str(caught.value)) < 400


def test_too_many_cells():
    # Ids that are drawn may be the same by chance.
    cells = [v4.new_code_cell("1", id=f"cell-{number}") for number in range(MAX_CELLS + 1)]
    made = nbformat.writes(notebook(*cells))
    with pytest.raises(BadNotebookError, match=f"at most {MAX_CELLS}"):
        read(made.encode())


def test_source_in_lines_and_cells_without_an_id():
    made = json.loads(nbformat.writes(two_checks()))
    for one in made["cells"]:
        one["source"] = "".join(one["source"]).splitlines(keepends=True)
        del one["id"]
    made["nbformat_minor"] = 2
    kept = read(json.dumps(made).encode())
    assert [one.source for one in kept.cells] == [one.source for one in two_checks().cells]


@pytest.mark.parametrize("marks", [7, [], {"grade_id": 7}, None], ids=repr)
def test_odd_marks_are_none(master, marks):
    made = two_checks()
    made.cells[1].metadata["nbgrader"] = marks
    merged = merge(master(master_of_two()), read(json.dumps(made).encode()))
    assert merged.remarks == ("cell 'setup' is missing; the original was put back",)
    assert sources(merged).count(SETUP) == 2  # the learner's own, and the original


# ------------------------------------------------------------------------------- merging


def test_the_submission_fills_the_blanks(master):
    merged = merge(master(master_of_two()), two_checks(second="by_layer = 7"))
    assert merged.remarks == ()
    assert sources(merged) == [
        "# Two counts",
        SETUP,
        RIGHT_FIRST,
        FIRST_CHECK,
        "by_layer = 7",
        SECOND_CHECK,
    ]
    kinds = [step.kind for step in merged.steps]
    assert kinds == ["text", "code", "code", "check", "code", "check"]


def test_the_order_is_the_masters(master):
    turned = two_checks()
    turned.cells = turned.cells[::-1]
    made = master(master_of_two())
    merged = merge(made, turned)
    assert [step.identifier for step in merged.steps] == [step.identifier for step in made.steps]
    assert RIGHT_FIRST in sources(merged) and merged.remarks == ()


def test_cells_of_their_own_stay_where_they_are(master):
    made = two_checks()
    own = [v4.new_code_cell(f"own_{number} = {number}") for number in range(4)]
    made.cells[3:3] = own[1:3]
    made.cells.insert(0, own[0])
    made.cells.append(own[3])
    made.cells.insert(3, v4.new_markdown_cell("My thoughts."))
    merged = merge(master(master_of_two()), made)
    assert sources(merged) == [
        "own_0 = 0",
        "# Two counts",
        SETUP,
        "My thoughts.",
        RIGHT_FIRST,
        "own_1 = 1",
        "own_2 = 2",
        FIRST_CHECK,
        RIGHT_SECOND,
        SECOND_CHECK,
        "own_3 = 3",
    ]


def test_an_edited_cell_is_replaced(master):
    made = two_checks()
    cell(made, "check-S5-2").source = "print('fine')"
    cell(made, "setup").source = "import numpy\nnumpy.pi = 3"
    merged = merge(master(master_of_two()), made)
    assert sources(merged)[1:] == sources(merge(master(master_of_two()), two_checks()))[1:]
    assert merged.remarks == (
        "cell 'setup' was edited; the original was used",
        "cell 'check-S5-2' was edited; the original was used",
    )


def test_white_space_at_the_ends_is_no_edit(master):
    made = two_checks()
    cell(made, "check-S5-2").source = f"\n{SECOND_CHECK}  \n\n"
    assert merge(master(master_of_two()), made).remarks == ()


def test_a_missing_cell_is_put_back(master):
    made = two_checks()
    made.cells = [c for c in made.cells if c is not cell(made, "check-S5-2")]
    made.cells = [c for c in made.cells if c is not cell(made, "first")]
    merged = merge(master(master_of_two()), made)
    assert "parameters = None\n# YOUR CODE HERE" in sources(merged)
    assert sources(merged)[-1] == SECOND_CHECK
    assert merged.remarks == (
        "cell 'first' is missing; the blank was put back",
        "cell 'check-S5-2' is missing; the original was put back",
    )


def test_of_two_cells_the_first_counts(master):
    made = two_checks(second="by_layer = 1")
    made.cells.append(copy.deepcopy(cell(made, "second")))
    made.cells[-1].source = "by_layer = 2"
    merged = merge(master(master_of_two()), made)
    assert "by_layer = 1" in sources(merged) and "by_layer = 2" not in sources(merged)
    assert merged.remarks == ("cell 'second' is there more than once; the first counts",)


def test_an_unknown_marked_cell_is_left_out(master):
    made = two_checks()
    made.cells.insert(2, given("parameters = 0", "of-my-own"))
    merged = merge(master(master_of_two()), made)
    assert "parameters = 0" not in sources(merged)
    assert merged.remarks == ("cell 'of-my-own' is not in the exercise and was left out",)


def test_marks_of_a_submission_are_worth_nothing(master):
    made = two_checks()
    for one in made.cells[1:]:
        one.metadata["nbgrader"].update(points=100, grade=True, solution=True, locked=False)
    cell(made, "check-S5-2").source = "print('fine')"
    merged = merge(master(master_of_two()), made)
    assert [step.points for step in merged.steps] == [0, 0, 0, 1, 0, 1]
    assert sources(merged)[-1] == SECOND_CHECK


def test_manual_answers_come_from_the_submission(master):
    made = of_all_kinds()
    cell(made, "why").source = "Because."
    cell(made, "hidden-a").source = "assert a == 3\n"  # as it is handed out
    cell(made, "text").source = "Do not read on."
    merged = merge(master(of_all_kinds()), made)
    (answer,) = [step for step in merged.steps if step.identifier == "why"]
    assert (answer.kind, answer.source, answer.points) == ("manual", "Because.", 4)
    assert merged.remarks == ("cell 'text' was edited; the original was used",)
    (hidden,) = [step for step in merged.steps if step.identifier == "hidden-a"]
    assert "secret" in hidden.source and "secret" not in hidden.shown


def test_text_of_the_master_is_there_once(master):
    made = two_checks()
    made.cells.insert(3, v4.new_markdown_cell("# Two counts\n"))
    assert sources(merge(master(master_of_two()), made)).count("# Two counts") == 1


# ----------------------------------------------------------------------------- hidden tests


def outcome_of(steps, **changes):
    """A row of a gradebook, in which every graded cell failed with the words of its test."""
    checks, cells = [], []
    for step in steps:
        held = None
        if step.points:
            held = len(checks)
            points, failed = float(step.points), "AssertionError: secret"
            checks.append(
                CheckOutcome(step.identifier, step.title, points, 0.0, False, failed, "in-process",
                             step.hidden)
            )  # fmt: skip
        cells.append(CellOutcome(step.kind, step.shown, (), "ok", step.prose, held))
    return SubmissionOutcome("set", "graded", 3.0, tuple(checks), (), tuple(cells), student="ann")


def test_what_hidden_tests_say_is_shown_to_nobody_unless_asked(master):
    made = notebook(solution("a = 1", "a"), graded(HIDDEN, "hidden-a", 3))
    row = outcome_of(merge(master(made), made).steps)
    page = _report.feedback(row)
    assert "secret" not in page and "A hidden test failed." in page
    assert "secret" not in json.dumps(_report.gradescope(row))
    assert "AssertionError: secret" in _report.feedback(row, show_hidden=True)
    assert "AssertionError: secret" in json.dumps(_report.gradescope(row, show_hidden=True))


@pytest.mark.parametrize("ending", ["", "### END HIDDEN TEST"])
def test_hidden_tests_without_an_end(master, ending):
    """Nothing says where they end, so either all that follows is hidden or the master is none."""
    made = notebook(graded(f"### BEGIN HIDDEN TESTS\nassert 1  # secret\n{ending}", "hidden", 3))
    try:
        steps = master(made).steps
    except BadNotebookError as error:
        assert "HIDDEN TESTS" in str(error)
    else:
        assert "secret" not in steps[0].shown


# --------------------------------------------------------------------------- which master


def test_the_master_with_most_of_its_cells(master):
    two, every = master(master_of_two(), "two"), master(of_all_kinds(), "every")
    assert (likeness(two, two_checks()), likeness(every, two_checks())) == (5, 3)
    assert closest([every, two], cells_of(two_checks()), "every") is two
    assert closest([two, every], cells_of(of_all_kinds()), "two") is every


def test_by_name_where_no_cell_tells(master):
    two = master(master_of_two(), "two")
    every = dataclasses.replace(two, name="all-kinds")
    own = notebook(v4.new_code_cell(RIGHT_FIRST))
    for name in ("all-kinds", "ann_all-kinds"):
        assert closest([two, every], cells_of(own), name) is every
    with pytest.raises(BadNotebookError, match=r"no cell of an exercise .*\(of two, all-kinds\)"):
        closest([two, every], cells_of(own), "homework")


def test_another_assignments_notebook_that_shares_some_cells(master):
    two = master(master_of_two(), "two")
    other = notebook(given(SETUP, "setup"), solution("a = 1", "a"), graded("assert a", "test-a", 1))
    with pytest.raises(BadNotebookError, match=r"another assignment.*1 of the marked cells of two"):
        closest([two], cells_of(other), "two")
    # Half of it deleted, it is still this one's.
    assert closest([two], cells_of(two_checks())[:3], "x") is two


# -------------------------------------------------------------------------------- what is read


def test_no_text_of_a_solution_is_in_a_master(master):
    """However the marks are spelled, and whatever the kind of the cell."""
    secret = "s3cret"
    made = notebook(
        solution(f"#BEGIN SOLUTION\na = '{secret}'\n#END SOLUTION", "spelled"),
        solution(f"b = '{secret}'", "unmarked"),
        solution(
            f"def c():\n    ###  BEGIN SOLUTION\n    return '{secret}'\n    ### END SOLUTION", "in"
        ),
        manual(f"Because of {secret}.", "why", 2),
        marked(
            v4.new_markdown_cell(
                f"Draw.\n=== BEGIN MARK SCHEME ===\n{secret}\n=== END MARK SCHEME ==="
            ),
            "task",
            task=True,
            points=1,
            locked=True,
        ),
        graded("assert c", "test", 1),
    )
    assert secret not in repr(master(made))


@pytest.mark.parametrize("points", [-1, float("nan"), float("inf"), "many"])
def test_points_that_are_none(master, points):
    made = master_of_two()
    made.cells.append(graded("assert 1", "odd", 1))
    made.cells[-1].metadata["nbgrader"]["points"] = points
    with pytest.raises(BadNotebookError, match="odd"):
        master(made)


def test_files_beside_a_master(master, tmp_path):
    for name in ("helper.py", "data/a.csv", "data/b/c.csv", "tools/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for name in (
        ".env",
        "last-year.zip",
        "grades.csv",
        "in/ann.ipynb",
        "in/notes.txt",
        "out/x.html",
        "data/_key/answers.csv",
        "data/b/.old/c.csv",
        "tools/_solutions/__init__.py",
        "tools/solutions/w1.csv",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("secret")
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    made = write(master_of_two(), tmp_path / "two.ipynb")
    found = Master.from_file(made, without=[tmp_path / "out"])
    assert [name for name, _ in found.files] == [
        "data/a.csv",
        "data/b/c.csv",
        "helper.py",
        "tools/__init__.py",
    ]
    assert found.digest != Master.from_file(made).digest
    for number in range(MAX_FILES):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(BadNotebookError, match="a folder of its own"):
        Master.from_file(made)


def test_a_folder_with_too_many_files_is_named(tmp_path):
    for number in range(MAX_FILES + 1):
        (tmp_path / "images" / f"{number}").mkdir(parents=True)
    made = write(master_of_two(), tmp_path / "two.ipynb")
    assert Master.from_file(made).files == ()  # folders are no files
    for folder in (tmp_path / "images").iterdir():
        (folder / "x.png").touch()
    with pytest.raises(BadNotebookError, match=f"{MAX_FILES + 1} files .* save many files as"):
        Master.from_file(made)
    write(master_of_two(), tmp_path / "images" / "200" / "ann.ipynb")  # so it holds submissions
    assert Master.from_file(made).files == ()


def test_too_much_text():
    made = notebook(v4.new_code_cell("#" * MAX_TEXT_LENGTH), v4.new_code_cell("1"))
    with pytest.raises(BadNotebookError, match="4,000,001 characters"):
        cells_of(made)
    assert cells_of(notebook(v4.new_raw_cell("x"))) == [Cell("raw", "", "x", marked=False)]
