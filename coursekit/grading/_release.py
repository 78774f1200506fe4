"""Make the exercise that learners get of the notebook with its solution.

nbgrader's own preprocessors do it, so that the result is what an nbgrader course would hand
out; only the stub differs, which lets a learner run on to the check.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from coursekit.grading._check import find
from coursekit.grading._notebook import BadNotebookError, Master, check_call, read

STUB = {"python": "# YOUR CODE HERE"}
SOLUTION_NOTE = re.compile(r"^\*\*Solutions\.\*\*.*?(?=\n\n|\Z)", re.M | re.S)


def release(source: Path | str, target: Path | str) -> bool:
    """Write the exercise that belongs to a solution.

    Parameters
    ----------
    source : path
        Notebook with solutions.
    target : path
        Where to write the exercise.

    Returns
    -------
    bool
        Whether the file is another now than it was.

    Raises
    ------
    BadNotebookError
        If a check is called with other variables or worth other points than it declares, or
        a solution is not marked.
    """
    target = Path(target)
    content = _content(Path(source))
    if not _differs(content, target):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.write_text(content, encoding="utf-8")
    os.replace(part, target)
    return True


def differs(source: Path | str, target: Path | str) -> bool:
    """Return whether :func:`release` would write the file anew."""
    return _differs(_content(Path(source)), Path(target))


def _content(source: Path) -> str:
    Master.from_file(source)  # says what is wrong with the marks, and in which cell
    return nbformat.writes(exercise(read(source.read_bytes()), source.stem)) + "\n"


def _differs(content: str, target: Path) -> bool:
    return not target.exists() or target.read_text(encoding="utf-8") != content


def exercise(solution: NotebookNode, name: str) -> NotebookNode:
    """Return the exercise that belongs to a solution; see :func:`release`."""
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearHiddenTests,
        ClearOutput,
        ClearSolutions,
        ComputeChecksums,
        LockCells,
    )
    from traitlets.config import Config

    _verify(solution, name)
    config = Config()
    config.ClearSolutions.code_stub = STUB
    notebook, resources = solution, {"unique_key": name, "nbgrader": {"name": name}}
    for preprocessor in (
        LockCells,
        ClearSolutions,
        ClearOutput,
        CheckCellMetadata,
        ClearHiddenTests,
        ComputeChecksums,
    ):
        try:
            notebook, resources = preprocessor(config=config).preprocess(notebook, resources)
        except Exception as error:  # each of them has errors of its own
            what = " ".join(str(error).split())[:300]
            raise BadNotebookError(f"{name}: nbgrader's {preprocessor.__name__}: {what}") from None
    for cell in notebook.cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if tag != "hide-input"]
        cell.metadata.pop("tags", None)
        if tags:
            cell.metadata["tags"] = tags
        if cell.cell_type == "markdown":
            link = f"[the solutions](../solutions/{name}.ipynb)"
            note = f"**Solutions.** Try first; then compare with {link}."
            cell.source = SOLUTION_NOTE.sub(note, cell.source)
    nbformat.validate(notebook)
    return notebook


def _verify(notebook: NotebookNode, name: str) -> None:
    """Raise an error if a check or a solution is not as its marks say."""
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        where = f"{name}, cell {marks.get('grade_id')!r}"
        if marks.get("solution") and "### BEGIN SOLUTION" not in cell.source:
            raise BadNotebookError(f"{where}: no ### BEGIN SOLUTION in a solution.")
        if marks.get("grade") and not marks.get("solution"):
            called = check_call(cell.source)
            if "points" not in marks:
                raise BadNotebookError(f"{where}: a graded cell without points.")
            if called and marks["points"] != find(called).points:
                raise BadNotebookError(
                    f"{where}: {marks['points']} points in the notebook, "
                    f"{find(called).points:g} in the check."
                )
