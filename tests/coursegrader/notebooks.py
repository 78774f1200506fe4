"""Small notebooks with nbgrader's marks, for the tests of grading."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import nbformat
from nbformat import v4


def marked(cell, identifier: str, **marks):
    """Give a cell nbgrader's marks."""
    cell.metadata["nbgrader"] = {
        "grade": False,
        "grade_id": identifier,
        "locked": False,
        "schema_version": 3,
        "solution": False,
        "task": False,
        **marks,
    }
    cell.id = identifier.replace(".", "-")
    return cell


def given(source: str, identifier: str):
    return marked(v4.new_code_cell(source), identifier, locked=True)


def solution(source: str, identifier: str):
    return marked(v4.new_code_cell(source), identifier, solution=True)


def graded(source: str, identifier: str, points: int):
    return marked(v4.new_code_cell(source), identifier, locked=True, grade=True, points=points)


def notebook(*cells):
    made = v4.new_notebook(cells=list(cells))
    made.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return made


RIGHT_FIRST = "parameters = 12 * 8 + 12 + 12 * 8 + 8 + 8 * 3 + 3"
RIGHT_SECOND = "by_layer = [108, 104, 36, 15]"
SETUP = "import numpy as np"
FIRST_CHECK = 'check("S5.1", parameters=parameters)'
SECOND_CHECK = 'check("S5.2", by_layer=by_layer)'


def two_checks(first: str = RIGHT_FIRST, second: str = RIGHT_SECOND):
    """A notebook with two checks that need no TensorFlow, 1 point each."""
    return notebook(
        v4.new_markdown_cell("# Two counts", id="title"),
        given(SETUP, "setup"),
        solution(first, "first"),
        graded(FIRST_CHECK, "check-S5-1", 1),
        solution(second, "second"),
        graded(SECOND_CHECK, "check-S5-2", 1),
    )


def master_of_two() -> nbformat.NotebookNode:
    """The master of :func:`two_checks`."""
    blank = "### BEGIN SOLUTION\n{}\n### END SOLUTION"
    return two_checks(
        "parameters = None\n" + blank.format(RIGHT_FIRST),
        "by_layer = None\n" + blank.format(RIGHT_SECOND),
    )


def printed(row) -> str:
    """All that the cells of a submission have printed, raised or drawn."""
    return "\n".join(output.text for cell in row.cells for output in cell.outputs)


def write(made, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path


def points_of_nbgrader(database: Path) -> dict[tuple[str, str, str], float | None]:
    """Return points by student, notebook and cell; None if a person has to give them."""
    query = """
        select submitted_assignment.student_id, notebook.name, base_cell.name,
            grade.auto_score, grade.needs_manual_grade
        from grade
        join base_cell on grade.cell_id = base_cell.id
        join submitted_notebook on grade.notebook_id = submitted_notebook.id
        join notebook on submitted_notebook.notebook_id = notebook.id
        join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
    """
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return {
            (student, notebook, cell): None if waits else points
            for student, notebook, cell, points, waits in connection.execute(query)
        }
