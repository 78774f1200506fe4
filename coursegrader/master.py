"""Read a master notebook, and merge submissions into it.

A *master* is the exercise that defines which cells are graded. Its *marks* are nbgrader's cell
metadata (schema 3), so it may come from any nbgrader course.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat

import coursekit
from coursegrader.notebook import BadNotebookError, Cell, check_call, marks_of, read
from coursegrader.release import exercise
from coursegrader.variants import KEY_NAME, VariantCall, calls_in
from coursekit.exercises import find

MAX_FILES, MAX_FILE_BYTES = 200, 64 << 20  # in the folder of a master
MAX_SEED_DIGITS = 10  # in the cell of a submission
# Like nbgrader, accept these words anywhere in a line.
HIDDEN_TEST_MARKS = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
# Not files of a master: other masters, submissions and the output of grading.
EXCLUDED_SUFFIXES = {".ipynb", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".db",
                     ".pyc"}  # fmt: skip
EXCLUDED_NAMES = {"grades.csv", "results.json", "summary.html", "state", "feedback", "gradescope",
                  "autograded", "submitted", "solutions", "release", KEY_NAME, "exports",
                  "manual", "manual.csv", "manual.backup.csv", "manual.key"}  # fmt: skip


class NothingGradedError(BadNotebookError):
    """No cell of a notebook is graded, so it cannot be a master."""


@dataclass(frozen=True)
class Step:
    """One cell of a merged notebook, as it is run and shown in the feedback.

    Attributes
    ----------
    kind : {"text", "code", "check", "tests", "manual"}
        A check judges answers; tests are code of the master; a manual cell is graded by a
        person.
    source : str
        The source to run.
    identifier : str
        nbgrader's ``grade_id``, or empty.
    points : float
        Maximum number of points.
    check : str
        Name of the check, if it is one.
    answers : dict of str to str
        Names of the variables that the check judges, and their kinds.
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
        """Whether the cell is run, or its answers are collected."""
        return self.kind in ("code", "check", "tests") or (self.kind == "manual" and not self.prose)

    @property
    def hidden(self) -> bool:
        """Whether some of its source is hidden from learners."""
        return self.shown != self.source

    @property
    def title(self) -> str:
        """Its title in the gradebook."""
        if self.check:
            return find(self.check).title
        return self.identifier


@dataclass(frozen=True)
class Master:
    """The exercise that defines which cells of a submission are graded.

    Attributes
    ----------
    name : str
        File name without suffix, such as ``"breast-cancer"``.
    steps : tuple of Step
        Its cells in order; solution cells contain stubs.
    solutions : frozenset of str
        Identifiers of the cells that are taken from a submission.
    digest : str
        SHA-256 of its content and of the files, in hexadecimal digits.
    files : tuple of (str, bytes)
        Names and contents of the files in its folder, which submissions may read.
    variant : VariantCall or None
        The call in a locked cell that chooses a variant; None if there is no such call, or more
        than one.
    variant_cell : str
        Identifier of that cell.
    """

    name: str
    steps: tuple[Step, ...]
    solutions: frozenset[str]
    digest: str
    files: tuple[tuple[str, bytes], ...] = ()
    variant: VariantCall | None = None
    variant_cell: str = ""

    @property
    def graded(self) -> list[Step]:
        """The graded steps."""
        return [step for step in self.steps if step.kind in ("check", "tests", "manual")]

    @property
    def points(self) -> float:
        """The points of a perfect submission."""
        return sum(step.points for step in self.graded)

    @classmethod
    def from_file(cls, path: Path | str, without: Sequence[Path] = ()) -> Master:
        """Read a master from a notebook.

        The steps are those of the released exercise plus the hidden tests. They do not contain
        any text of a solution.

        Parameters
        ----------
        path : path
            A source notebook with solutions, or a released one.
        without : sequence of path
            Folders and files that do not belong to the master, even if they are in its folder.

        Returns
        -------
        Master

        Raises
        ------
        BadNotebookError
            If it is not a notebook, its marks are invalid, or no cell is graded.
        OSError
            If the file cannot be read.
        """
        path = Path(path)
        content = path.read_bytes()
        try:
            notebook = read(content)
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
            raise NothingGradedError(f"{path}: no cell of it is graded (nbgrader's metadata).")
        files = _files_beside(path, without)
        digest = hashlib.sha256(content)
        for name, data in files:
            digest.update(f"\n{name} {hashlib.sha256(data).hexdigest()}".encode())
        variant, variant_cell = None, ""
        match list(calls_in(released)):
            case [(cell, VariantCall(seed=int()) as variant)]:
                variant_cell = marks_of(cell)["grade_id"]
        return cls(
            path.stem,
            tuple(steps),
            frozenset(solutions),
            digest.hexdigest(),
            files,
            variant,
            variant_cell,
        )

    def with_seed(self, seed: int) -> Master:
        """Return the master of another variant.

        Parameters
        ----------
        seed : int
            Seed of the variant; it is written into the cell that chooses it.
        """
        if self.variant is None or seed == self.variant.seed:
            return self
        steps = []
        for step in self.steps:
            if step.identifier == self.variant_cell:
                source = self.variant.write(step.source, seed)
                step = replace(step, source=source, shown=source)
            steps.append(step)
        end = self.variant.start + len(str(seed))
        return replace(self, steps=tuple(steps), variant=replace(self.variant, seed=seed, end=end))

    def seed_in(self, cells: Sequence[Cell]) -> int | None:
        """Return the seed in a submission's copy of the cell that chooses the variant.

        Parameters
        ----------
        cells : sequence of Cell
            The submitted cells.

        Returns
        -------
        int or None
            None if there is no such cell, or more of it was changed than the seed.
        """
        for cell in cells:
            if cell.identifier and cell.identifier == self.variant_cell:
                return self._seed_in(cell.source)
        return None

    def _seed_in(self, source: str) -> int | None:
        """Compare texts; parsing a submission could end this process."""
        step = next(step for step in self.steps if step.identifier == self.variant_cell)
        gap = "\0"
        call = self.variant
        template = f"{step.source[: call.start]}{gap}{step.source[call.end :]}"
        before, _, after = normalized(template).partition(gap)
        source = normalized(source)
        digits = source[len(before) : len(source) - len(after)]
        same = source == before + digits + after
        if same and digits.isascii() and digits.isdigit() and len(digits) <= MAX_SEED_DIGITS:
            return int(digits)
        return None


def course_masters() -> list[Path]:
    """Return the paths of the exercises of the course.

    Raises
    ------
    FileNotFoundError
        If they are not installed.
    """
    installed = Path(__file__).parent / "exercises"
    # In a checkout installed with `pip install -e`, they are in the book.
    folder = installed if installed.is_dir() else checkout() / "book" / "exercises"
    found = sorted(folder.glob("*.ipynb"))
    if not found:
        raise FileNotFoundError(f"no exercise in {folder}; name a notebook with --master.")
    return found


def checkout() -> Path:
    """Return the folder that holds the installed packages, or the checkout of the course."""
    return Path(coursekit.__file__).resolve().parents[1]


def _files_beside(master: Path, without: Sequence[Path]) -> tuple[tuple[str, bytes], ...]:
    """Read the files in the folder of a master; like nbgrader, give them to each submission.

    This excludes notebooks, archives, databases, hidden files, the output of grading, and folders
    that contain notebooks or archives, which are probably submissions.
    """
    without = [other.resolve() for other in without]
    # A folder that contains submissions is excluded as a whole; one with a file of checks is not.
    not_within = [other for other in without if not other.is_file()]
    folder = master.resolve().parent
    found: list[Path] = []

    def is_given(path: Path) -> bool:
        return not (
            path.is_symlink()
            or (path.name.startswith((".", "_")) and path.name != "__init__.py")
            or path.name in EXCLUDED_NAMES
            or path.suffix.lower() in EXCLUDED_SUFFIXES
            or path in without
            or any(other.is_relative_to(path) for other in not_within)
        )

    def is_reached(path: Path) -> bool:
        """Return whether a file is given, and so are all folders in which it lies."""
        parts = [path, *path.parents]
        return all(map(is_given, parts[: parts.index(folder)]))

    for path in sorted(folder.iterdir()):
        if not is_given(path):
            continue
        if path.is_file():
            found.append(path)
        elif path.is_dir():
            below = []
            for inner in path.rglob("*"):
                if inner.suffix.lower() in EXCLUDED_SUFFIXES - {".gz", ".pyc"}:
                    below = []
                    break
                below.append(inner)
            found += sorted(inner for inner in below if inner.is_file() and is_reached(inner))
    total = sum(path.stat().st_size for path in found)
    if len(found) > MAX_FILES or total > MAX_FILE_BYTES:
        raise BadNotebookError(
            f"{master}: {len(found)} files with {total / 1e6:.0f} MB lie beside it, and every "
            f"submission is given what lies there; at most {MAX_FILES} files with "
            f"{MAX_FILE_BYTES / 1e6:.0f} MB can be. Put the master, and what belongs to it, into "
            "a folder of its own. If all of it belongs to it, save many files as one, such as .npz."
        )
    return tuple((path.relative_to(folder).as_posix(), path.read_bytes()) for path in found)


@dataclass(frozen=True)
class Merged:
    """A submission as it will be run, with remarks on its cells."""

    steps: tuple[Step, ...]
    remarks: tuple[str, ...]


def merge(master: Master, cells: Sequence[Cell]) -> Merged:
    """Insert the solutions of a submission into its master.

    Marked cells are in the master's order. Cells without marks were added by the learner; each
    stays after the marked cell that it followed.

    Parameters
    ----------
    master : Master
    cells : sequence of Cell
        The submitted cells.

    Returns
    -------
    Merged
    """
    remarks: list[str] = []
    known = {step.identifier: step for step in master.steps if step.identifier}
    plain = {step.source.strip() for step in master.steps if not step.identifier}
    found: dict[str, Cell] = {}
    own: dict[str, list[Step]] = {}
    last = ""
    for cell in cells:
        identifier = cell.identifier
        if identifier not in known and not cell.marked:
            identifier = ""
        if identifier and identifier not in known:
            remarks.append(f"cell {identifier!r} is not in the exercise and was left out")
        elif identifier in found:
            remarks.append(f"cell {identifier!r} is there more than once; the first counts")
        elif identifier:
            found[identifier] = cell
            last = identifier
            if is_edited(master, known[identifier], cell):
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


def is_edited(master: Master, step: Step, cell: Cell) -> bool:
    """Return whether a submitted cell differs from the master's, which is not there for answers.

    Parameters
    ----------
    master : Master
    step : Step
        A step of the master.
    cell : Cell
        The submitted cell with the step's identifier.

    Returns
    -------
    bool
        False for a cell that is there for answers.
    """
    if step.identifier in master.solutions:
        return False
    # Another seed is no edit; `coursegrader.variants.verify` says what is to be said.
    if step.identifier == master.variant_cell and master.seed_in([cell]) is not None:
        return False
    return normalized(cell.source) not in {normalized(step.shown), normalized(step.source)}


def common_cells(master: Master, cells: Sequence[Cell]) -> int:
    """Return how many marked cells a notebook has in common with a master."""
    identifiers = {cell.identifier for cell in cells}
    return len({step.identifier for step in master.steps if step.identifier} & identifiers)


def closest(masters: Sequence[Master], cells: Sequence[Cell], name: str) -> Master:
    """Return the master that a notebook was made from.

    This is the master with most marked cells in common, if they outnumber the notebook's other
    marked cells: assignments often share a few names of cells, such as ``setup``. For a notebook
    without marked cells, the file name decides.

    Parameters
    ----------
    masters : sequence of Master
    cells : sequence of Cell
    name : str
        Name of the file without suffix.

    Returns
    -------
    Master

    Raises
    ------
    BadNotebookError
        If the notebook matches no master.
    """
    best = max(masters, key=lambda master: common_cells(master, cells))
    common = common_cells(best, cells)
    foreign = len({cell.identifier for cell in cells if cell.marked} - {""}) - common
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
    """Make a step of a released cell; hidden tests are taken from the original source."""
    shown = cell.source
    marks = marks_of(cell)
    identifier = marks.get("grade_id", "")
    points = float(marks.get("points", 0) or 0)
    prose = cell.cell_type != "code"
    # As in nbgrader, a person grades cells without code.
    if marks.get("task") or (marks.get("grade") and (marks.get("solution") or prose)):
        if prose and not points:  # a note of the learner's, for which nobody has to wait
            return Step("text", shown, identifier, shown=shown, prose=True)
        return Step("manual", shown, identifier, points, shown=shown, prose=prose)
    if prose:
        return Step("text", shown, identifier, shown=shown)
    if marks.get("grade"):
        source = "\n".join(
            line
            for line in original.split("\n")
            if not any(mark in line for mark in HIDDEN_TEST_MARKS)
        )
        called = check_call(source)
        if called is None:
            return Step("tests", source, identifier, points, shown=shown)
        check = find(called)
        answers = {name: type(kind).__name__ for name, kind in check.answers.items()}
        return Step("check", source, identifier, points, called, answers, shown)
    return Step("code", shown, identifier, shown=shown)


def normalized(source: str) -> str:
    """Return code without white space that editors change automatically.

    Parameters
    ----------
    source : str

    Returns
    -------
    str
    """
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
