"""The notebook that submissions are held to, and how a submission is put into it.

The marks are nbgrader's (metadata of schema 3), so masters may come from any nbgrader course.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat

from coursegrader.notebook import BadNotebookError, Cell, check_call, marks_of, read
from coursegrader.release import exercise
from coursekit.exercises import find

MOST_FILES, MOST_FILE_BYTES = 200, 64 << 20  # beside a master
# A line with such words, whatever comment it is in, as nbgrader has it.
HIDDEN = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
# Beside a master, what is none of its files: other masters, submissions, what grading writes.
EXCLUDED_SUFFIXES = {".ipynb", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".db",
                     ".pyc"}  # fmt: skip
EXCLUDED_NAMES = {"grades.csv", "results.json", "summary.html", "state", "feedback", "gradescope",
                  "autograded", "submitted", "solutions", "release"}  # fmt: skip


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
        Of its content, and of the files.
    files : tuple of (str, bytes)
        What lies beside it, by name, for submissions to read.
    """

    name: str
    steps: tuple[Step, ...]
    solutions: frozenset[str]
    digest: str
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def graded(self) -> list[Step]:
        """The steps that are worth points."""
        return [step for step in self.steps if step.kind in ("check", "tests", "manual")]

    @property
    def points(self) -> float:
        """What a perfect submission gets."""
        return sum(step.points for step in self.graded)

    @classmethod
    def from_file(cls, path: Path | str, without: Sequence[Path] = ()) -> Master:
        """Read a master.

        Its steps are those of the exercise that learners get, to which only the hidden tests are
        added: no text of a solution is in them.

        Parameters
        ----------
        path : path
            A source notebook with solutions, or a released one.
        without : sequence of path
            Folders and files that are not the master's, though they may lie beside it.

        Raises
        ------
        BadNotebookError
            If it is no notebook, its marks are not nbgrader's, or it has none.
        """
        path = Path(path)
        content = path.read_bytes()
        try:
            notebook = read(content)
            _verify_marks(notebook)
            originals = [cell.source for cell in notebook.cells]
            released = exercise(notebook, path.stem)
            if len(released.cells) != len(originals):
                raise BadNotebookError("releasing it gives another number of cells.")
            steps = [
                _step(cell, original)
                for cell, original in zip(released.cells, originals, strict=True)
            ]
        except BadNotebookError as error:
            raise BadNotebookError(f"{path}: {error}") from None
        solutions = {
            marks_of(cell)["grade_id"] for cell in released.cells if marks_of(cell).get("solution")
        }
        if not any(step.kind in ("check", "tests", "manual") for step in steps):
            raise BadNotebookError(f"{path}: no cell of it is graded (nbgrader's metadata).")
        files = _files_beside(path, without)
        digest = hashlib.sha256(content)
        for name, data in files:
            digest.update(f"\n{name} {hashlib.sha256(data).hexdigest()}".encode())
        return cls(path.stem, tuple(steps), frozenset(solutions), digest.hexdigest(), files)


def _verify_marks(notebook: nbformat.NotebookNode) -> None:
    """Raise an error for marks that cannot be told apart, or are too old; see `exercise`, too."""
    seen = set()
    for cell in notebook.cells:
        marks = marks_of(cell)
        identifier = marks.get("grade_id", "")
        if identifier:
            if marks.get("schema_version", 3) != 3:
                raise BadNotebookError(
                    f"cell {identifier!r} has marks of schema {marks.get('schema_version')}; run "
                    "`nbgrader update` on it first."
                )
            if identifier in seen:
                raise BadNotebookError(f"two cells have the grade_id {identifier!r}.")
            seen.add(identifier)


def _files_beside(master: Path, without: Sequence[Path]) -> tuple[tuple[str, bytes], ...]:
    """Read the files beside a master, as nbgrader gives them to every submission.

    Left out are notebooks, archives, databases, hidden files, what grading writes, and folders
    that hold any of the first two, which look like submissions.
    """
    without = [other.resolve() for other in without]
    # A folder is left out as a whole for submissions in it, and not for a file of checks.
    not_within = [other for other in without if not other.is_file()]
    folder = master.resolve().parent
    found: list[Path] = []

    def is_given(path: Path) -> bool:
        return not (
            path.is_symlink()
            or path.name.startswith((".", "_"))
            or path.name in EXCLUDED_NAMES
            or path.suffix.lower() in EXCLUDED_SUFFIXES
            or path in without
            or any(other.is_relative_to(path) for other in not_within)
        )

    for path in sorted(folder.iterdir()):
        if not is_given(path):
            continue
        if path.is_file():
            found.append(path)
        elif path.is_dir():
            below = []
            for inner in path.rglob("*"):
                below.append(inner)
                handed_in = inner.suffix.lower() in EXCLUDED_SUFFIXES - {".gz", ".pyc"}
                if handed_in or len(below) > MOST_FILES:
                    below = []
                    break
            found += sorted(inner for inner in below if is_given(inner) and inner.is_file())
    total = sum(path.stat().st_size for path in found)
    if len(found) > MOST_FILES or total > MOST_FILE_BYTES:
        raise BadNotebookError(
            f"{master}: {len(found)} files with {total / 1e6:.0f} MB lie beside it, and every "
            f"submission is given what lies there; at most {MOST_FILES} files with "
            f"{MOST_FILE_BYTES / 1e6:.0f} MB can be. Put the master, and what belongs to it, into "
            "a folder of its own."
        )
    return tuple((path.relative_to(folder).as_posix(), path.read_bytes()) for path in found)


@dataclass(frozen=True)
class Merged:
    """A submission as it will be run, and what was found wrong with its cells."""

    steps: tuple[Step, ...]
    remarks: tuple[str, ...]


def merge(master: Master, cells: Sequence[Cell]) -> Merged:
    """Put the submission's solutions into the master's notebook.

    Marked cells come in the master's order. Cells without marks are the learner's own; they
    stay where they were put, after the marked cell they followed.
    """
    remarks: list[str] = []
    known = {step.identifier: step for step in master.steps if step.identifier}
    plain = {step.source.strip() for step in master.steps if not step.identifier}
    found: dict[str, Cell] = {}
    own: dict[str, list[Step]] = {}
    last = ""
    for cell in cells:
        identifier = cell.identifier
        if identifier and identifier not in known:
            remarks.append(f"cell {identifier!r} is not in the exercise and was left out")
        elif identifier in found:
            remarks.append(f"cell {identifier!r} is there more than once; the first counts")
        elif identifier:
            found[identifier] = cell
            last = identifier
            step = known[identifier]
            intact = {_normalized(step.shown), _normalized(step.source)}
            if identifier not in master.solutions and _normalized(cell.source) not in intact:
                remarks.append(f"cell {identifier!r} was edited; the original was used")
        elif cell.kind == "code":
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
            what = "blank" if step.identifier in master.solutions else "original"
            remarks.append(f"cell {step.identifier!r} is missing; the {what} was put back")
        elif step.identifier in master.solutions:
            text = found[step.identifier].source
            step = replace(step, source=text, shown=text)
        steps.append(step)
        steps += own.get(step.identifier, [])
    return Merged(tuple(steps), tuple(remarks))


def likeness(master: Master, cells: Sequence[Cell]) -> int:
    """Return how many marked cells of the master a notebook has."""
    identifiers = {cell.identifier for cell in cells}
    return len({step.identifier for step in master.steps if step.identifier} & identifiers)


def closest(masters: Sequence[Master], cells: Sequence[Cell], name: str) -> Master:
    """Return the master that a notebook was made from.

    That is the one with which it has most marked cells in common, if these are more than it has
    from elsewhere: assignments often share the name of a cell or two, such as ``setup``.

    Raises
    ------
    BadNotebookError
        If there is none, and no marked cell but its name speaks for one either.
    """
    best = max(masters, key=lambda master: likeness(master, cells))
    common = likeness(best, cells)
    foreign = len({cell.identifier for cell in cells} - {""}) - common
    if common > foreign:
        return best
    if not common and not foreign:
        for master in masters:
            if master.name == name or name.endswith(master.name):
                return master
    names = ", ".join(master.name for master in masters)
    if common:
        raise BadNotebookError(
            f"it seems to be of another assignment: it has {common} of the marked cells of "
            f"{best.name}, and {foreign} that are not in it (looked for: {names})."
        )
    raise BadNotebookError(f"it has no cell of an exercise of this course (of {names}).")


def _step(cell: nbformat.NotebookNode, original: str) -> Step:
    """Return the step of a released cell; hidden tests come from the original's source."""
    shown = cell.source
    marks = marks_of(cell)
    identifier = marks.get("grade_id", "")
    points = float(marks.get("points", 0) or 0)
    prose = cell.cell_type != "code"
    # A graded cell without code is graded by a person in nbgrader, too.
    if marks.get("task") or (marks.get("grade") and (marks.get("solution") or prose)):
        return Step("manual", shown, identifier, points, shown=shown, prose=prose)
    if prose:
        return Step("text", shown, identifier, shown=shown)
    if marks.get("grade"):
        source = "\n".join(
            line for line in original.split("\n") if not any(mark in line for mark in HIDDEN)
        )
        called = check_call(source)
        if called is None:
            return Step("tests", source, identifier, points, shown=shown)
        check = find(called)
        answers = {name: type(kind).__name__ for name, kind in check.answers.items()}
        return Step("check", source, identifier, points, called, answers, shown)
    return Step("code", shown, identifier, shown=shown)


def _normalized(source: str) -> str:
    """Return code without the white space that editors change by themselves."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
