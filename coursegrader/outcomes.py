"""The outcome of grading one submission, and its representation as JSON."""

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
BLANK = "Nothing was written here."  # the message of a cell that a person would grade


@dataclass(frozen=True)
class Output:
    """One output of a cell: printed text, an error or a figure.

    Attributes
    ----------
    kind : {"stream", "error", "text", "picture"}
    text : str
        The text; for a picture, its PNG in base64.
    """

    kind: str
    text: str

    def __post_init__(self) -> None:
        _require_one_of(OUTPUTS, "an output's kind", self.kind)


@dataclass(frozen=True)
class CellOutcome:
    """One cell as the feedback shows it.

    Attributes
    ----------
    kind : str
        The kind of its :class:`coursegrader.master.Step`, or "note" for a remark of the grader.
    source : str
    outputs : tuple of Output
    status : str
        How the run ended; empty if the cell is not run.
    prose : bool
        Whether it is Markdown.
    check : int or None
        Index of its check in ``SubmissionOutcome.checks``; None if it is not graded.
    """

    kind: str
    source: str
    outputs: tuple[Output, ...] = ()
    status: str = ""
    prose: bool = False
    check: int | None = None


@dataclass(frozen=True)
class CheckOutcome:
    """The outcome of one graded cell.

    Attributes
    ----------
    id, title : str
        Its name and title in the gradebook.
    points : float
        Maximum number of points.
    earned : float or None
        Between 0 and ``points``; None until a person has graded it.
    passed : bool or None
        None until a person has graded it.
    message : str
        Why it did not pass.
    by : {"answers", "in-process", "a person"}
        How it is judged.
    hidden : bool
        Whether some of its source is hidden from learners.
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
        _require_one_of(JUDGES, "who judged a check", self.by)
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
        """Whether a person still has to grade it."""
        return self.passed is None


@dataclass(frozen=True)
class SubmissionOutcome:
    """The outcome of one submission.

    Attributes
    ----------
    set : str
        Name of the exercise; empty if it is not known.
    status : {"graded", "graded, with trouble", "waiting", "not graded"}
    possible : float
        The points of a perfect submission.
    checks : tuple of CheckOutcome
    remarks : tuple of str
        Notes for the learner and for the person who grades.
    cells : tuple of CellOutcome
    seconds : float
        Duration of grading.
    again : bool
        Whether grading itself failed, so that the next run has to grade it again.
    variant : str
        Whether the notebook is of the variant that the student was given; empty if that was not
        verified, or the exercise has no variants.
    student, path, key : str
        Name of the student, path of the notebook, and name of its files in the report.
    platform, number : str
        The learning platform that named the submission, and the number that it gave the student;
        empty if there is none.
    submitted : str
        When it was handed in, as an ISO 8601 time; empty if that is not known.
    days_late : int or None
        Started days after the due time; None if that is not known, or nothing is due.
    penalty : float
        The points that are taken off because it is late.
    replaced_by : str
        Path of the student's later attempt, which counts instead; else empty.
    """

    set: str
    status: str
    possible: float
    checks: tuple[CheckOutcome, ...] = ()
    remarks: tuple[str, ...] = ()
    cells: tuple[CellOutcome, ...] = ()
    seconds: float = 0.0
    again: bool = False
    variant: str = ""
    student: str = ""
    path: str = ""
    key: str = ""
    platform: str = ""
    number: str = ""
    submitted: str = ""
    days_late: int | None = None
    penalty: float = 0.0
    replaced_by: str = ""

    def __post_init__(self) -> None:
        _require_one_of(STATES, "a submission's status", self.status)
        for cell in self.cells:
            if cell.check is not None and cell.check not in range(len(self.checks)):
                raise ValueError(
                    f"a cell holds check {cell.check}, and there are {len(self.checks)}."
                )

    @property
    def points(self) -> float:
        """The points earned so far."""
        return float(sum(check.earned for check in self.checks if not check.waits))

    @property
    def final(self) -> float:
        """The points that count, without those that are taken off for lateness."""
        return max(0.0, self.points - self.penalty)

    @property
    def waiting(self) -> float:
        """The points that a person still has to grade."""
        return float(sum(check.points for check in self.checks if check.waits))

    @property
    def in_process(self) -> float:
        """The points earned in tests that run in the same process as the submission's code."""
        return float(
            sum(
                check.earned
                for check in self.checks
                if check.by == "in-process" and not check.waits
            )
        )


def to_json(outcome: SubmissionOutcome) -> dict[str, Any]:
    """Convert an outcome to a dict that :func:`from_json` converts back."""
    return asdict(outcome)


def from_json(value: Any) -> SubmissionOutcome:
    """Convert a dict, as :func:`to_json` returns it, to an outcome.

    Parameters
    ----------
    value
        Any value that was read from JSON.

    Returns
    -------
    SubmissionOutcome

    Raises
    ------
    ValueError
        If it is not a valid outcome; the message names the invalid field.
    """
    return _read_value(SubmissionOutcome, value, "the outcome")


def _read_value(kind: Any, value: Any, where: str) -> Any:
    """Convert a JSON value to the declared type of a field."""
    parts = get_args(kind)
    if get_origin(kind) is UnionType:  # such as float | None
        return None if value is None else _read_value(parts[0], value, where)
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(
            _read_value(parts[0], one, f"{where}[{index}]") for index, one in enumerate(value)
        )
    if is_dataclass(kind) and isinstance(value, dict):
        types = _types(kind)
        if value.keys() != types.keys():
            wrong = ", ".join(sorted(map(str, value.keys() ^ types.keys())))
            raise ValueError(f"{where} has too few keys or too many: {wrong:.200}.")
        return kind(
            **{name: _read_value(types[name], value[name], f"{where}.{name}") for name in types}
        )
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if kind in (str, bool, int) and type(value) is kind:
        return value
    wanted = getattr(kind, "__name__", str(kind))
    raise ValueError(f"{where} is {reprlib.repr(value)}; a {wanted} is needed.")


_types = functools.cache(get_type_hints)


def _require_one_of(known: tuple[str, ...], what: str, value: str) -> None:
    if value not in known:
        raise ValueError(f"{what} is {value!r:.100}; it has to be one of: {', '.join(known)}.")
