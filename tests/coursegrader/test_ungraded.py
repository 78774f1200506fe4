"""What a person grades waits for one, also where the notebook cannot be read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nbformat import v4

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader import report as _report
from coursegrader.grader import ungraded
from coursegrader.master import Master, merge
from coursegrader.notebook import Cell
from tests.coursegrader.notebooks import graded, marked, notebook, solution, write


def test_a_notebook_that_cannot_be_read(tmp_path):
    write(
        notebook(
            solution("### BEGIN SOLUTION\na = 3\n### END SOLUTION", "a"),
            graded("assert a == 3", "size", 1),
            marked(v4.new_markdown_cell("Why?"), "why", solution=True, grade=True, points=4),
            marked(v4.new_code_cell("a"), "figure", solution=True, grade=True, points=2),
            marked(v4.new_markdown_cell("Draw it."), "task", task=True, locked=True, points=3),
        ),
        tmp_path / "set.ipynb",
    )
    master = Master.from_file(tmp_path / "set.ipynb")
    outcome = _report.bounded(ungraded(master, "it is no notebook", 0.0))
    assert [(check.id, check.by, check.passed, check.earned)
            for check in outcome.checks] == [
        ("size", "in-process", False, 0),
        ("why", "a person", None, None),
        ("figure", "a person", None, None),
        ("task", "a person", None, None),
    ]  # fmt: skip
    assert outcome.status == "not graded"
    assert (outcome.points, outcome.waiting, outcome.in_process) == (0, 9, 0)
    row = replace(outcome, student="ann", path="ann.ipynb", key="ann")
    sent = _report.gradescope(row)
    assert ["score" in test for test in sent["tests"]] == [True, False, False, False]
    assert "– / 4" in _report.feedback(row)
    (line,) = _report.grades([row]).to_dict("records")
    assert line["why"] is None or line["why"] != line["why"]


def test_nobody_waits_for_a_note_that_is_worth_no_points(tmp_path):
    note = marked(v4.new_markdown_cell("I expect 3."), "note", solution=True, grade=True, points=0)
    code = solution("### BEGIN SOLUTION\na = 3\n### END SOLUTION", "a")
    write(notebook(note, code, graded("assert a == 3", "size", 1)), tmp_path / "set.ipynb")
    master = Master.from_file(tmp_path / "set.ipynb")
    assert [step.identifier for step in master.graded] == ["size"]
    assert master.steps[0].kind == "text" and "note" in master.solutions
    merged = merge(master, [Cell("markdown", "note", "I expected 2.")])
    assert merged.steps[0].source == "I expected 2."
