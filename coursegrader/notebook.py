"""Read notebooks (masters and submissions): cells, nbgrader's marks and calls of checks."""

from __future__ import annotations

import ast
import json
import warnings
from dataclasses import dataclass
from typing import Any

import nbformat

from coursekit.exercises import find

MAX_NOTEBOOK_BYTES = 20 << 20
MAX_CELLS = 2000
MAX_TEXT_LENGTH = 4_000_000  # characters of all cells together, without outputs
MAX_NAME_LENGTH = 100  # of a grade_id in a submission


class BadNotebookError(ValueError):
    """A file cannot be graded; the message says why."""


@dataclass(frozen=True)
class Cell:
    """The graded content of a submitted cell.

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


def too_large(size: int, most: int = MAX_NOTEBOOK_BYTES) -> str:
    """Return the error message for a file that is too large.

    Parameters
    ----------
    size : int
        Size of the file in bytes.
    most : int
        Largest size that is allowed, in bytes.
    """
    return (
        f"the file has {size / 1e6:.0f} MB; at most {most / 1e6:.0f} MB are read. "
        "Clear the outputs and hand it in again."
    )


def read(content: bytes) -> nbformat.NotebookNode:
    """Read a notebook of any version of the format, and convert it to version 4.

    Parameters
    ----------
    content : bytes
        Content of the file.

    Returns
    -------
    NotebookNode

    Raises
    ------
    BadNotebookError
        If it is too large, is not JSON, or is not a valid notebook.
    """
    if len(content) > MAX_NOTEBOOK_BYTES:
        raise BadNotebookError(too_large(len(content)))
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadNotebookError(f"the file is no JSON: {error}") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
        raise BadNotebookError("the file is JSON, but no notebook (it has no nbformat).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old notebooks have cells without an id
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
    if len(cells) > MAX_CELLS:
        raise BadNotebookError(f"the notebook has {len(cells)} cells; at most {MAX_CELLS} are.")
    return notebook


def cells_of(notebook: nbformat.NotebookNode) -> list[Cell]:
    """Return the cells of a submitted notebook.

    Parameters
    ----------
    notebook : NotebookNode

    Returns
    -------
    list of Cell

    Raises
    ------
    BadNotebookError
        If its text is longer than :data:`MAX_TEXT_LENGTH`.
    """
    cells = [
        Cell(str(cell.cell_type), marks_of(cell).get("grade_id", "")[:MAX_NAME_LENGTH], cell.source)
        for cell in notebook.cells
    ]
    if (length := sum(len(cell.source) for cell in cells)) > MAX_TEXT_LENGTH:
        raise BadNotebookError(
            f"its cells have {length:,} characters of text and code; "
            f"at most {MAX_TEXT_LENGTH:,} are."
        )
    return cells


def check_call(source: str) -> str | None:
    """Return the name of the check if the source is a single call ``check("...", name=name)``.

    Parameters
    ----------
    source : str
        Source of a code cell.

    Returns
    -------
    str or None
        None if the source is anything else.

    Raises
    ------
    BadNotebookError
        If the check is unknown, or is called with other variables than it reads.
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
    """Return nbgrader's metadata of a cell; empty if there is none, or it is malformed."""
    marks = cell.get("metadata", {}).get("nbgrader", {})
    if not isinstance(marks, dict) or not isinstance(marks.get("grade_id", ""), str):
        return {}
    return marks
