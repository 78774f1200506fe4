"""Read notebooks, masters and submissions alike: their cells, nbgrader's marks, their checks."""

from __future__ import annotations

import ast
import json
import warnings
from dataclasses import dataclass
from typing import Any

import nbformat

from coursekit.exercises import find

LARGEST_NOTEBOOK = 20 << 20
MOST_CELLS = 2000
MOST_TEXT = 4_000_000  # characters of all cells together, without outputs
LONGEST_NAME = 100  # of a grade_id that a submission names


class BadNotebookError(ValueError):
    """A file is no notebook that can be graded; the message says why."""


@dataclass(frozen=True)
class Cell:
    """What grading looks at of a submitted cell.

    Attributes
    ----------
    kind : {"code", "markdown", "raw"}
    identifier : str
        nbgrader's ``grade_id``, or empty.
    source : str
    """

    kind: str
    identifier: str
    source: str


def too_large(size: int, most: int = LARGEST_NOTEBOOK) -> str:
    """Say that a file of so many bytes is not read."""
    return (
        f"the file has {size / 1e6:.0f} MB; at most {most / 1e6:.0f} MB are read. "
        "Clear the outputs and hand it in again."
    )


def read(content: bytes) -> nbformat.NotebookNode:
    """Read a notebook of any version.

    Raises
    ------
    BadNotebookError
        If it is too large, no JSON, or no notebook.
    """
    if len(content) > LARGEST_NOTEBOOK:
        raise BadNotebookError(too_large(len(content)))
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadNotebookError(f"the file is no JSON: {error}") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
        raise BadNotebookError("the file is JSON, but no notebook (it has no nbformat).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without an id, which old ones all are
            notebook = nbformat.reads(json.dumps(raw), as_version=4)
            cells = notebook.cells
            for cell in cells:
                if isinstance(cell.source, list):
                    cell.source = "".join(cell.source)
                if not isinstance(cell.source, str) or not isinstance(cell.cell_type, str):
                    raise TypeError("a cell whose source is no text")
                marks_of(cell)
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        raise BadNotebookError(f"the file is no valid notebook: {text}") from None
    if len(cells) > MOST_CELLS:
        raise BadNotebookError(f"the notebook has {len(cells)} cells; at most {MOST_CELLS} are.")
    return notebook


def cells_of(notebook: nbformat.NotebookNode) -> list[Cell]:
    """Return what grading looks at of a submitted notebook.

    Raises
    ------
    BadNotebookError
        If its text is longer than :data:`MOST_TEXT`.
    """
    cells = [
        Cell(str(cell.cell_type), marks_of(cell).get("grade_id", "")[:LONGEST_NAME], cell.source)
        for cell in notebook.cells
    ]
    if (length := sum(len(cell.source) for cell in cells)) > MOST_TEXT:
        raise BadNotebookError(
            f"its cells have {length:,} characters of text and code; at most {MOST_TEXT:,} are."
        )
    return cells


def check_call(source: str) -> str | None:
    """Return the name of the check if the source is one call ``check("...", name=name)``.

    Raises
    ------
    BadNotebookError
        If it calls ``check`` otherwise than with the variables that the check reads.
    """
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return None
    match body:
        case [ast.Expr(ast.Call(ast.Name("check"), [ast.Constant(str(called))], keywords))]:
            pass
        case _:
            return None
    try:
        wanted = set(find(called).answers)
    except KeyError as error:
        raise BadNotebookError(error.args[0]) from None
    given = {
        word.arg
        for word in keywords
        if isinstance(word.value, ast.Name) and word.value.id == word.arg
    }
    if given != wanted or len(keywords) != len(wanted):
        raise BadNotebookError(
            f"check {called!r} has to be called with "
            f"{', '.join(f'{name}={name}' for name in wanted)}."
        )
    return called


def marks_of(cell: nbformat.NotebookNode) -> dict[str, Any]:
    """Return nbgrader's metadata of a cell; empty if there are none, or they are no such."""
    marks = cell.get("metadata", {}).get("nbgrader", {})
    if not isinstance(marks, dict) or not isinstance(marks.get("grade_id", ""), str):
        return {}
    return marks
