"""Write the grades into a database of nbgrader's, so that its formgrader shows them.

The database is written by nbgrader's own interface, ``nbgrader.api.Gradebook``; see
https://nbgrader.readthedocs.io/en/stable/api/gradebook.html.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nbgrader.api import Comment, Grade, Gradebook, SubmittedAssignment, SubmittedNotebook

from coursegrader.master import Master
from coursegrader.outcomes import BLANK, SubmissionOutcome

if TYPE_CHECKING:
    from coursegrader.exports import Export


def write_nbgrader(
    export: Export, masters: Mapping[str, Master], places: Mapping[str, tuple[str, str]]
) -> None:
    """Write or update ``gradebook.db``; points and comments that were given in it stay.

    Parameters
    ----------
    export : Export
    masters : mapping of str to Master
    places : mapping of str to (str, str)
        nbgrader's names of the assignment and of the notebook of each master.
    """
    place = (export.out / "gradebook.db").resolve()
    with _programs_of_this_environment(), Gradebook(f"sqlite:///{place}") as book:
        for name in export.sets:
            _describe(book, masters[name], *places[name])
        rows = defaultdict(list)
        for row in export.rows:
            if not row.again:  # what the grader could not grade keeps what the database has
                rows[row.set].append((_nbgrader_name(row), row))
        export.note_failures(export.rows, "gradebook.db")
        for name in export.sets:
            assignment, notebook = places[name]
            for student, row in export.one_each(rows[name], "gradebook.db").items():
                book.update_or_create_student(student)
                with book.db.no_autoflush:  # SQLAlchemy warns of nbgrader's own order
                    submission = book.update_or_create_submission(assignment, student)
                if row.submitted:
                    time = datetime.fromisoformat(row.submitted)
                    submission.timestamp = time.astimezone(UTC).replace(tzinfo=None)
                held = _submitted_notebook(book, submission, notebook, assignment)
                held.late_submission_penalty = row.penalty
                _fill(held, masters[name], row)
                book.db.commit()


@contextmanager
def _programs_of_this_environment() -> Iterator[None]:
    """Let nbgrader find alembic, which it calls by name to make a new database."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _describe(book: Gradebook, master: Master, assignment: str, notebook: str) -> None:
    """Add an assignment and its cells."""
    book.update_or_create_assignment(assignment)
    book.update_or_create_notebook(notebook, assignment)
    for step in master.graded:
        kind = {"max_score": step.points, "cell_type": "markdown" if step.prose else "code"}
        if step.kind == "manual" and step.identifier not in master.solutions:
            book.update_or_create_task_cell(step.identifier, notebook, assignment, **kind)
        else:
            book.update_or_create_grade_cell(step.identifier, notebook, assignment, **kind)
    for identifier in sorted(master.solutions):
        book.update_or_create_solution_cell(identifier, notebook, assignment)


def _submitted_notebook(
    book: Gradebook, submission: SubmittedAssignment, notebook: str, assignment: str
) -> SubmittedNotebook:
    """Return a student's notebook, with all cells that the master has by now."""
    master = book.find_notebook(notebook, assignment)
    held = next((one for one in submission.notebooks if one.name == notebook), None)
    if held is None:
        held = SubmittedNotebook(notebook=master, assignment=submission)
        book.db.add(held)
    graded, commented = ({one.name for one in own} for own in (held.grades, held.comments))
    for cell in (*master.grade_cells, *master.task_cells):
        if cell.name not in graded:
            Grade(cell_id=cell.id, notebook=held)
    for cell in (*master.solution_cells, *master.task_cells):
        if cell.name not in commented:
            Comment(cell_id=cell.id, notebook=held)
    book.db.commit()
    return held


def _fill(held: SubmittedNotebook, master: Master, row: SubmissionOutcome) -> None:
    """Fill in the grades and comments of a notebook."""
    grades = {grade.name: grade for grade in held.grades}
    comments = {comment.name: comment for comment in held.comments}
    for step, check in zip(master.graded, row.checks, strict=True):
        grade, comment = grades[step.identifier], comments.get(step.identifier)
        if check.by != "a person":
            grade.auto_score = check.earned
        elif not check.waits:
            # As nbgrader does with a cell that was left as it was.
            field = "manual_score" if check.earned or check.message != BLANK else "auto_score"
            setattr(grade, field, check.earned)
            if comment is not None and check.message:
                comment.manual_comment = check.message
        if grade.auto_score is not None or grade.manual_score is not None:
            grade.needs_manual_grade = False


def _nbgrader_name(row: SubmissionOutcome) -> str:
    """Return a student's identifier; names that look alike are one student's without a number."""
    return f"{row.student} {row.number}" if row.number else row.student
