"""What grading found out about one submission, and the one form in which it is kept as JSON."""

from __future__ import annotations

import functools
import math
import reprlib
from dataclasses import asdict, dataclass, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

STATES = ("graded", "graded, with trouble", "waiting", "not graded")
JUDGES = ("answers", "in-process", "a person")
OUTPUTS = ("stream", "error", "text", "picture")


@dataclass(frozen=True)
class Output:
    """What one cell has printed, raised or drawn.

    Attributes
    ----------
    kind : {"stream", "error", "text", "picture"}
    text : str
        Of a picture, its PNG in base64.
    """

    kind: str
    text: str

    def __post_init__(self) -> None:
        _one_of(OUTPUTS, "an output's kind", self.kind)


@dataclass(frozen=True)
class CellOutcome:
    """One cell as feedback shows it.

    Attributes
    ----------
    kind : str
        As of :class:`coursegrader.master.Step`, or "note" for words of ours.
    source : str
    outputs : tuple of Output
    status : str
        How it ended; empty if it was not to be run.
    prose : bool
        Whether it is Markdown.
    check : int or None
        Which of the submission's checks it holds.
    """

    kind: str
    source: str
    outputs: tuple[Output, ...] = ()
    status: str = ""
    prose: bool = False
    check: int | None = None


@dataclass(frozen=True)
class CheckOutcome:
    """What became of one cell that is worth points.

    Attributes
    ----------
    id, title : str
        What a gradebook calls it.
    points : float
        What it is worth.
    earned : float or None
        None until a person has graded it.
    passed : bool or None
        None until a person has graded it.
    message : str
        Why it did not pass.
    by : {"answers", "in-process", "a person"}
        Who judged it.
    hidden : bool
        Whether a part of it is hidden from learners.
    """

    id: str
    title: str
    points: float
    earned: float | None
    passed: bool | None
    message: str
    by: str
    hidden: bool

    def __post_init__(self) -> None:
        _one_of(JUDGES, "who judged a check", self.by)
        if (self.passed is None) != (self.earned is None):
            raise ValueError(
                f"check {self.id!r:.100} has passed={self.passed} and earned={self.earned}; "
                "both have to be None, or neither."
            )
        if self.earned is not None and not 0 <= self.earned <= self.points:
            raise ValueError(
                f"check {self.id!r:.100} earned {self.earned} of {self.points} points; it has to "
                "be from 0 to all of them."
            )

    @property
    def waits(self) -> bool:
        """Whether a person has still to grade it."""
        return self.passed is None


@dataclass(frozen=True)
class SubmissionOutcome:
    """What became of one submission.

    Attributes
    ----------
    set : str
        Name of the exercise; empty if none is known.
    status : {"graded", "graded, with trouble", "waiting", "not graded"}
    possible : float
        The points of a perfect submission.
    checks : tuple of CheckOutcome
    remarks : tuple of str
    cells : tuple of CellOutcome
    seconds : float
        How long grading took.
    again : bool
        Whether something of ours failed, so that the next run has to grade it anew.
    student, path, key : str
        Whose it is, where it was found, and what its files in the report are called.
    """

    set: str
    status: str
    possible: float
    checks: tuple[CheckOutcome, ...] = ()
    remarks: tuple[str, ...] = ()
    cells: tuple[CellOutcome, ...] = ()
    seconds: float = 0.0
    again: bool = False
    student: str = ""
    path: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        _one_of(STATES, "a submission's status", self.status)
        for cell in self.cells:
            if cell.check is not None and cell.check not in range(len(self.checks)):
                raise ValueError(
                    f"a cell holds check {cell.check}, and there are {len(self.checks)}."
                )

    @property
    def points(self) -> float:
        """What was earned so far."""
        return float(sum(check.earned for check in self.checks if not check.waits))

    @property
    def waiting(self) -> float:
        """The points that a person has still to grade."""
        return float(sum(check.points for check in self.checks if check.waits))

    @property
    def in_process(self) -> float:
        """The points that were judged beside the submission's own code."""
        return float(
            sum(
                check.earned
                for check in self.checks
                if check.by == "in-process" and not check.waits
            )
        )


def to_json(outcome: SubmissionOutcome) -> dict[str, Any]:
    """Return what :func:`from_json` makes the same outcome of."""
    return asdict(outcome)


def from_json(value: Any) -> SubmissionOutcome:
    """Return the outcome that JSON describes.

    Raises
    ------
    ValueError
        If it describes none; the message names the part that is wrong.
    """
    return _read(SubmissionOutcome, value, "the outcome")


def _read(kind: Any, value: Any, where: str) -> Any:
    """Return a value of JSON as one of a type that a field declares."""
    parts = get_args(kind)
    if get_origin(kind) is UnionType:  # of a type and None
        return None if value is None else _read(parts[0], value, where)
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(_read(parts[0], one, f"{where}[{place}]") for place, one in enumerate(value))
    if is_dataclass(kind) and isinstance(value, dict):
        types = _types(kind)
        if value.keys() != types.keys():
            wrong = ", ".join(sorted(map(str, value.keys() ^ types.keys())))
            raise ValueError(f"{where} has too few keys or too many: {wrong:.200}.")
        return kind(**{name: _read(types[name], value[name], f"{where}.{name}") for name in types})
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if kind in (str, bool, int) and type(value) is kind:
        return value
    wanted = getattr(kind, "__name__", str(kind))
    raise ValueError(f"{where} is {reprlib.repr(value)}; a {wanted} is needed.")


_types = functools.cache(get_type_hints)


def _one_of(known: tuple[str, ...], what: str, value: str) -> None:
    if value not in known:
        raise ValueError(f"{what} is {value!r:.100}; it has to be one of: {', '.join(known)}.")
