"""Read the notebooks of masters and submissions, and put together what is to be run.

The marks are nbgrader's (metadata of schema 3), so masters may come from any nbgrader course.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat

from coursekit.grading._check import find

LARGEST_NOTEBOOK = 20 << 20
MOST_CELLS = 2000
SOLUTION = re.compile(
    r"^[^\n]*### BEGIN SOLUTION[^\n]*$.*?^[^\n]*### END SOLUTION[^\n]*\n?", re.M | re.S
)
HIDDEN = re.compile(
    r"^[^\n]*### BEGIN HIDDEN TESTS[^\n]*$(.*?)^[^\n]*### END HIDDEN TESTS[^\n]*\n?", re.M | re.S
)
STUB = "# YOUR CODE HERE\n"


class BadNotebookError(ValueError):
    """A file is no notebook that can be graded; the message says why."""


@dataclass(frozen=True)
class Step:
    """One cell, as it is shown in the feedback and, if it is code, run.

    Attributes
    ----------
    kind : {"text", "code", "check", "tests", "manual"}
        A check reads answers; tests are a master's own code; what is manual waits for a
        person.
    source : str
    identifier : str
        nbgrader's ``grade_id``, or empty.
    points : float
        What it is worth.
    check : str
        Name of the check, for a check.
    answers : dict of str to str
        Names it reads, and their kinds.
    shown : str
        The source without hidden tests.
    prose : bool
        Whether it is Markdown.
    """

    kind: str
    source: str
    identifier: str = ""
    points: float = 0
    check: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    shown: str = ""
    prose: bool = False

    @property
    def runs(self) -> bool:
        """Whether there is something to run, or an answer to send out."""
        return self.kind in ("code", "check", "tests") or (self.kind == "manual" and not self.prose)

    @property
    def hidden(self) -> bool:
        """Whether a part of it is hidden from learners."""
        return self.shown != self.source

    @property
    def title(self) -> str:
        """What a gradebook calls it."""
        if self.check:
            return find(self.check).title
        return self.identifier


@dataclass(frozen=True)
class Master:
    """The notebook that submissions are held to.

    Attributes
    ----------
    name : str
        Such as ``"breast-cancer"``.
    steps : tuple of Step
        Its cells in order; solution cells hold the learner's blanks.
    solutions : frozenset of str
        Identifiers of the cells that a submission brings.
    digest : str
        Of its content.
    """

    name: str
    steps: tuple[Step, ...]
    solutions: frozenset[str]
    digest: str

    @property
    def graded(self) -> list[Step]:
        """The steps that are worth points."""
        return [step for step in self.steps if step.kind in ("check", "tests", "manual")]

    @property
    def points(self) -> float:
        """What a perfect submission gets."""
        return sum(step.points for step in self.graded)

    @classmethod
    def from_file(cls, path: Path | str) -> Master:
        """Read a master.

        Raises
        ------
        BadNotebookError
            If it is no notebook, its marks are not nbgrader's, or it has none.
        """
        content = Path(path).read_bytes()
        try:
            notebook = read(content)
        except BadNotebookError as error:
            raise BadNotebookError(f"{path}: {error}") from None
        steps, solutions, seen = [], set(), set()
        for cell in notebook.cells:
            marks = _marks(cell)
            identifier = marks.get("grade_id", "")
            if identifier:
                if marks.get("schema_version", 3) != 3:
                    raise BadNotebookError(
                        f"{path}: cell {identifier!r} has marks of schema "
                        f"{marks.get('schema_version')}; run `nbgrader update` on it first."
                    )
                if identifier in seen:
                    raise BadNotebookError(f"{path}: two cells have the grade_id {identifier!r}.")
                seen.add(identifier)
            for what in ("SOLUTION", "HIDDEN TESTS"):
                begins, ends = (
                    cell.source.count(f"### {word} {what}") for word in ("BEGIN", "END")
                )
                if begins != ends:
                    raise BadNotebookError(
                        f"{path}: cell {identifier!r} has {begins} times ### BEGIN {what} and "
                        f"{ends} times ### END {what}."
                    )
            if marks.get("solution"):
                solutions.add(identifier)
            try:
                steps.append(_step(cell, marks))
            except BadNotebookError as error:
                raise BadNotebookError(f"{path}: {error}") from None
        if not any(step.kind in ("check", "tests", "manual") for step in steps):
            raise BadNotebookError(f"{path}: no cell of it is graded (nbgrader's metadata).")
        digest = hashlib.sha256(content).hexdigest()
        return cls(Path(path).stem, tuple(steps), frozenset(solutions), digest)


@dataclass(frozen=True)
class Merged:
    """A submission as it will be run, and what was found wrong with its cells."""

    steps: tuple[Step, ...]
    remarks: tuple[str, ...]


def read(content: bytes) -> nbformat.NotebookNode:
    """Read a notebook of any version.

    Raises
    ------
    BadNotebookError
        If it is too large, no JSON, or no notebook.
    """
    if len(content) > LARGEST_NOTEBOOK:
        raise BadNotebookError(
            f"the file has {len(content) / 1e6:.0f} MB; at most {LARGEST_NOTEBOOK / 1e6:.0f} MB "
            "are read. Clear the outputs and hand it in again."
        )
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
                _marks(cell)
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        raise BadNotebookError(f"the file is no valid notebook: {text}") from None
    if len(cells) > MOST_CELLS:
        raise BadNotebookError(f"the notebook has {len(cells)} cells; at most {MOST_CELLS} are.")
    return notebook


def merge(master: Master, notebook: nbformat.NotebookNode) -> Merged:
    """Put the submission's solutions into the master's notebook.

    Marked cells come in the master's order. Cells without marks are the learner's own; they
    stay where they were put, after the marked cell they followed.
    """
    remarks: list[str] = []
    known = {step.identifier: step for step in master.steps if step.identifier}
    plain = {step.source.strip() for step in master.steps if not step.identifier}
    found: dict[str, str] = {}
    own: dict[str, list[Step]] = {}
    last = ""
    for cell in notebook.cells:
        identifier = _marks(cell).get("grade_id", "")
        if identifier and identifier not in known:
            remarks.append(f"cell {identifier!r} is not in the exercise and was left out")
        elif identifier in found:
            remarks.append(f"cell {identifier!r} is there more than once; the first counts")
        elif identifier:
            found[identifier] = cell.source
            last = identifier
            step = known[identifier]
            intact = {_words(step.shown), _words(step.source)}
            if identifier not in master.solutions and _words(cell.source) not in intact:
                remarks.append(f"cell {identifier!r} was edited; the original was used")
        elif cell.cell_type == "code":
            own.setdefault(last, []).append(Step("code", cell.source, shown=cell.source))
        elif cell.source.strip() not in plain:
            own.setdefault(last, []).append(Step("text", cell.source, shown=cell.source))
    steps = list(own.get("", []))
    for step in master.steps:
        if not step.identifier:
            if step.kind == "text":
                steps.append(step)
            continue
        if step.identifier not in found:
            remarks.append(f"cell {step.identifier!r} is missing; the original was put back")
        elif step.identifier in master.solutions:
            text = found[step.identifier]
            step = replace(step, source=text, shown=text)
        steps.append(step)
        steps += own.get(step.identifier, [])
    return Merged(tuple(steps), tuple(remarks))


def likeness(master: Master, notebook: nbformat.NotebookNode) -> int:
    """Return how many marked cells of the master a notebook has."""
    identifiers = {_marks(cell).get("grade_id") for cell in notebook.cells}
    return len({step.identifier for step in master.steps if step.identifier} & identifiers)


def closest(masters: Sequence[Master], notebook: nbformat.NotebookNode, name: str) -> Master:
    """Return the master that a notebook was made from.

    Raises
    ------
    BadNotebookError
        If it has no cell of any, and its name is none of theirs.
    """
    best = max(masters, key=lambda master: likeness(master, notebook))
    if likeness(best, notebook):
        return best
    for master in masters:
        if master.name == name or name.endswith(master.name):
            return master
    raise BadNotebookError(
        "it has no cell of an exercise of this course (of "
        f"{', '.join(master.name for master in masters)})."
    )


def _marks(cell: nbformat.NotebookNode) -> dict[str, Any]:
    marks = cell.get("metadata", {}).get("nbgrader", {})
    if not isinstance(marks, dict) or not isinstance(marks.get("grade_id", ""), str):
        return {}
    return marks


def _step(cell: nbformat.NotebookNode, marks: dict[str, Any]) -> Step:
    source = cell.source
    shown = HIDDEN.sub("", source)
    identifier = marks.get("grade_id", "")
    points = float(marks.get("points", 0) or 0)
    if (marks.get("grade") and marks.get("solution")) or marks.get("task"):
        prose = cell.cell_type != "code"
        return Step("manual", source, identifier, points, shown=shown, prose=prose)
    if cell.cell_type != "code":
        return Step("text", source, identifier, shown=shown)
    if marks.get("grade"):
        called = check_call(source)
        if called is None:
            return Step("tests", source, identifier, points, shown=shown)
        check = find(called)
        answers = {name: type(kind).__name__ for name, kind in check.answers.items()}
        return Step("check", source, identifier, points, called, answers, shown)
    if marks.get("solution"):
        source = shown = SOLUTION.sub(STUB, source)
    return Step("code", source, identifier, shown=shown)


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


def _words(source: str) -> str:
    """Return code without what editors change by themselves."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
