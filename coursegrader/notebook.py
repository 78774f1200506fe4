"""Read notebooks (masters and submissions): cells, nbgrader's marks and calls of checks."""

from __future__ import annotations

import ast
import json
import re
import warnings
from dataclasses import dataclass
from typing import Any

import nbformat

from coursekit.exercises import find
from coursekit.exercises.variants import LARGEST_SEED

MAX_NOTEBOOK_BYTES = 20 << 20
MAX_CELLS = 2000
MAX_TEXT_LENGTH = 4_000_000  # characters of all cells together, without outputs
MAX_NAME_LENGTH = 100  # of a grade_id in a submission
MAX_STUDENT_LENGTH = 200  # in the metadata of a variant
# The roles that nbgrader's metadata can give a cell.
FLAGS = ("grade", "solution", "locked", "task")
VARIANT_KEY = "coursekit"  # of the metadata of a notebook
SIGNATURE = re.compile("[0-9a-f]{64}")


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
    marked : bool
        Whether nbgrader's metadata give it a role; if not, its identifier is left over.
    """

    kind: str
    identifier: str
    source: str
    marked: bool = True


@dataclass(frozen=True)
class VariantMark:
    """What the metadata of a notebook say of its variant; nothing of it is verified.

    Attributes
    ----------
    problem : {"", "missing", "unreadable"}
        Why they say nothing; empty if they do.
    seed : int
        From 0 to :data:`coursekit.exercises.variants.LARGEST_SEED`.
    student : str
        Whom it was made for; empty if it was made for a whole class.
    signature : str
        64 hexadecimal digits.
    """

    problem: str = "missing"
    seed: int = 0
    student: str = ""
    signature: str = ""

    @classmethod
    def from_metadata(cls, metadata: Any) -> VariantMark:
        """Read the mark in the metadata of a notebook, which may be anything.

        Parameters
        ----------
        metadata
            Any value that was read from JSON.

        Returns
        -------
        VariantMark
        """
        if not isinstance(metadata, dict) or VARIANT_KEY not in metadata:
            return cls()
        match metadata[VARIANT_KEY]:
            case {"variant": int(seed), "student": str(student), "signature": str(signature)} if (
                not isinstance(seed, bool)
                and 0 <= seed <= LARGEST_SEED
                and len(student) <= MAX_STUDENT_LENGTH
                and SIGNATURE.fullmatch(signature)
            ):
                return cls("", seed, student, signature)
        return cls("unreadable")

    def to_metadata(self) -> dict[str, Any]:
        """Return the metadata of a notebook that has this mark; empty if there is a problem."""
        if self.problem == "missing":
            return {}
        mark = {"variant": self.seed, "student": self.student, "signature": self.signature}
        return {VARIANT_KEY: {} if self.problem else mark}


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
        Cell(
            str(cell.cell_type),
            marks_of(cell).get("grade_id", "")[:MAX_NAME_LENGTH],
            cell.source,
            any(marks_of(cell).get(flag) for flag in FLAGS),
        )
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
