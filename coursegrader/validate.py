"""Validate one notebook before it is handed in: it runs, its checks pass, nothing is left out."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from coursegrader.master import Master, closest, course_masters, is_edited, normalized
from coursegrader.notebook import BadNotebookError, cells_of, marks_of, read
from coursegrader.release import RAISING_STUB, STUB, TEXT_STUB, refuse_other_languages
from coursegrader.running import code_cells, kernel

CELL_SECONDS = 120.0


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    good : bool or None
        None for a cell that a person grades.
    where : str
        Which cell it is about.
    text : str
        What was found, in words.
    """

    good: bool | None
    where: str
    text: str


def validate(
    path: Path | str,
    *,
    masters: Sequence[Path | str] | None = None,
    cell_seconds: float = CELL_SECONDS,
) -> list[Finding]:
    """Run a notebook from the top in a fresh kernel, and look at its checks and blanks.

    It runs where it lies and with all rights, as in Jupyter. The file is not changed.

    Parameters
    ----------
    path : path
        The notebook.
    masters : sequence of path, optional
        The exercise as it was handed out, or its source; by default, the course's exercises. If
        the notebook belongs to none of these, it is not compared.
    cell_seconds : float
        The longest that a cell may take.

    Returns
    -------
    list of Finding
        In the order of the cells.

    Raises
    ------
    BadNotebookError
        If the notebook, or a master that was named, cannot be read.
    OSError
        If a file cannot be read.
    """
    path = Path(path)
    notebook = read(path.read_bytes())
    refuse_other_languages(notebook, path.stem)
    missing = []
    try:
        master = _find_master(notebook, path.stem, masters)
    except ImportError as error:
        if masters:
            raise
        # Learners need nbgrader for nothing else.
        master = None
        said = (
            f"was not compared with it: {(error.name or 'it').partition('.')[0]} is not installed."
        )
        missing.append(Finding(None, "the exercise", said))
    blanks = _blanks(notebook, master)
    findings: list[tuple[float, Finding]] = []
    for number, cell in enumerate(notebook.cells, 1):
        marks, where = marks_of(cell), _name(number, cell)
        if number in blanks:
            findings.append((number, Finding(False, where, "is still blank.")))
        elif _by_a_person(cell):
            points = marks.get("points") or 0
            said = f"has an answer, which a person grades ({points:g} points)."
            if points:
                findings.append((number, Finding(None, where, said)))
    findings += _run(notebook, path, cell_seconds, blanks)
    found = [finding for _, finding in sorted(findings, key=lambda one: one[0])]
    return found + _differences(notebook, master) + missing


def _run(
    notebook: NotebookNode, path: Path, cell_seconds: float, blanks: set[int]
) -> list[tuple[float, Finding]]:
    """Run all code cells; a cell after one that never ended is not run."""
    found: list[tuple[float, Finding]] = []
    stopped = ""
    with kernel(path.resolve().parent, cell_seconds) as running:
        for number, cell in code_cells(notebook):
            marks, where = marks_of(cell), _name(number, cell)
            judges = bool(marks.get("grade")) and not marks.get("solution")
            judges = judges or cell.source.lstrip().startswith("check(")
            if stopped:
                if judges:
                    found.append((number, Finding(False, where, f"was not run: {stopped}")))
                continue
            ended = running.run(cell.source)
            if ended.stopped:
                stopped = f"{where} did not end."
            if not ended.error:
                if judges:
                    found.append((number, Finding(True, where, "passed.")))
            elif judges:
                words = f"{ended.kind}: {ended.error}" if _unexplained(ended.kind) else ended.error
                found.append((number, Finding(False, where, f"did not pass. {words}")))
            elif number not in blanks or ended.kind != "NotImplementedError":
                words = ended.error if ended.stopped else f"{ended.kind}: {ended.error}"
                found.append((number, Finding(False, where, f"failed. {words}")))
    return found


def _unexplained(kind: str) -> bool:
    """Return whether the message of an error needs the name of its exception."""
    return kind not in ("CheckFailed", "AssertionError", "timeout", "dead")


def _name(number: int, cell: NotebookNode) -> str:
    """Name a cell for the learner: by its number, and by the check in it or its name."""
    from coursekit.exercises import find

    try:
        match ast.parse(cell.source if cell.cell_type == "code" else "").body:
            case [ast.Expr(ast.Call(ast.Name("check"), [ast.Constant(str(called)), *_]))]:
                try:
                    return f"cell {number} ({called} {find(called).title})"
                except KeyError:
                    return f"cell {number} ({called})"
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass  # magics, or no Python: the run will tell
    identifier = marks_of(cell).get("grade_id")
    return f"cell {number} ({identifier})" if identifier else f"cell {number}"


def _by_a_person(cell: NotebookNode) -> bool:
    marks = marks_of(cell)
    return bool(marks.get("grade") and (marks.get("solution") or cell.cell_type != "code"))


def _blanks(notebook: NotebookNode, master: Master | None) -> set[int]:
    """Return the numbers of the cells for answers in which nothing was written."""
    handed_out = {}
    if master:
        handed_out = {step.identifier: normalized(step.shown) for step in master.steps}
    found = set()
    for number, cell in enumerate(notebook.cells, 1):
        marks, source = marks_of(cell), cell.source.strip()
        if not marks.get("solution"):
            continue
        same = handed_out.get(marks.get("grade_id"), "") == normalized(source)
        stub, raises = RAISING_STUB.splitlines()
        stubbed = TEXT_STUB in source or (stub in source and raises in source)
        if same or not source or source == STUB or stubbed or _has_ellipsis(cell):
            found.add(number)
    return found


def _has_ellipsis(cell: NotebookNode) -> bool:
    """Return whether code has ``...`` as a statement or as the value of a variable."""
    if cell.cell_type != "code":
        return cell.source.strip() == "..."
    try:
        tree = ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(
        isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.Return)
        and isinstance(node.value, ast.Constant)
        and node.value.value is ...
        for node in ast.walk(tree)
    )


def _find_master(
    notebook: NotebookNode, name: str, paths: Sequence[Path | str] | None
) -> Master | None:
    """Return the exercise that a notebook belongs to; None if it is none that is known."""
    cells = cells_of(notebook)
    if paths:
        return closest([Master.from_file(path) for path in paths], cells, name)
    try:
        # Reading all exercises of the course takes a second, so try that of this name first.
        known = sorted(course_masters(), key=lambda path: path.stem not in name)
        for path in known:
            try:
                return closest([Master.from_file(path)], cells, "")
            except BadNotebookError:
                continue
    except FileNotFoundError:  # the exercises are not installed
        pass
    return None


def _differences(notebook: NotebookNode, master: Master | None) -> list[Finding]:
    """Say which cells of the exercise were deleted or changed, except for those for answers."""
    if master is None:
        return []
    here = f"the exercise {master.name}"
    cells = {cell.identifier: cell for cell in cells_of(notebook) if cell.identifier}
    found = []
    for step in master.steps:
        if not step.identifier:
            continue
        what = {"check": "check", "tests": "test"}.get(step.kind, "cell")
        where = f"the {what} {step.check or step.identifier}"
        cell = cells.get(step.identifier)
        if cell is None:
            again = "the blank" if step.identifier in master.solutions else "it"
            said = f"is in {here}, and was deleted here. Grading puts {again} back."
            found.append(Finding(False, where, said))
        elif is_edited(master, step, cell):
            said = f"differs from {here}. Grading uses the original."
            found.append(Finding(False, where, said))
    return found


def compare_outputs(path: Path, cell_seconds: float) -> int:
    """Run a notebook with nbval, which compares its outputs with those that are stored.

    Parameters
    ----------
    path : path
    cell_seconds : float
        The longest that a cell may take.

    Returns
    -------
    int
        The exit status of pytest: 0 if all outputs are the same.
    """
    path = path.resolve()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--nbval"]
    command += ["--nbval-current-env", f"--nbval-cell-timeout={max(1, round(cell_seconds))}"]
    # No settings of a project around the notebook.
    command += ["-c", str(Path(__file__).with_name("pytest.ini")), f"--rootdir={path.parent}"]
    return subprocess.run([*command, str(path)], cwd=path.parent, check=False).returncode
