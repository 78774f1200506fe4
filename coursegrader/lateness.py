"""When submissions were handed in: days late, penalties, and which of several attempts counts."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from coursegrader.collect import Submitted, normalized_name
from coursegrader.outcomes import SubmissionOutcome
from coursegrader.tables import TableError, column_name, read_table
from coursegrader.variants import ID_COLUMNS, NAME_COLUMNS, Roster

SECONDS_PER_DAY = 86_400
# Names of the columns of a table of times, as `column_name` returns them.
TIME_COLUMNS = ("submitted", "submitted at", "time", "timestamp", "last modified (submission)")
SET_COLUMNS = ("assignment", "set", "notebook")
STUDENT_COLUMNS = (*ID_COLUMNS, "identifier", *NAME_COLUMNS)


def read_time(text: str) -> datetime:
    """Convert a text to a time; without a time zone, it is local time.

    Parameters
    ----------
    text : str
        Such as ``2026-11-30 23:59``, ``2026-11-30T21:59:00Z``, ``2026-11-30 21:59:00 UTC``, or with
        the name of the month.

    Returns
    -------
    datetime
        With a time zone.

    Raises
    ------
    ValueError
        If it is no time, or the order of day and month is not clear.
    """
    form = "Write it as 2026-11-30 23:59."
    # pandas would take "now", or a bare number of nanoseconds, for a time.
    clear = re.search(r"\d{4}-\d\d-\d\d|[A-Za-z]{3,}\.? ?\d|\d ?[A-Za-z]{3,}", text)
    try:
        if not clear or re.search(r"\d\s*[./]\s*\d+\s*[./]\s*\d", text):
            raise ValueError(text)
        time = pd.Timestamp(text.strip())
        return time.to_pydatetime(warn=False).astimezone()
    except (ValueError, OverflowError, TypeError, OSError):
        raise ValueError(f"{text!r:.100} is no time. {form}") from None


@dataclass(frozen=True)
class LatePolicy:
    """When submissions are due, and what lateness costs.

    Attributes
    ----------
    due : mapping of str to datetime
        By the name of the assignment; the empty name stands for all others.
    percent : float
        How many percent of the possible points each started day takes off.
    cap : float
        The largest penalty, in percent of the possible points.
    times : callable, optional
        Returns when a submission of an assignment was handed in, or None.
    """

    due: Mapping[str, datetime]
    percent: float = 0.0
    cap: float = 100.0
    times: Callable[[Submitted, str], datetime | None] = lambda one, name: None

    def __post_init__(self) -> None:
        for name, value in (("late-penalty", self.percent), ("late-cap", self.cap)):
            if not 0 <= value <= 100:  # also false for NaN
                raise ValueError(f"{name} is {value:g}; it has to be from 0 to 100 (percent).")
        if self.percent and not self.due:
            raise ValueError("a late penalty needs a time when submissions are due: give --due.")

    def due_of(self, name: str) -> datetime | None:
        """Return when an assignment is due; None if nothing says so."""
        return self.due.get(name, self.due.get(""))

    def untimed(self, rows: Iterable[SubmissionOutcome]) -> list[str]:
        """Return the students of whose submissions nobody knows whether they are late.

        Parameters
        ----------
        rows : iterable of SubmissionOutcome
            As :meth:`apply` returns them.
        """
        return [
            row.student
            for row in rows
            if row.set and not row.replaced_by and not row.submitted and self.due_of(row.set)
        ]

    def apply(self, one: Submitted, row: SubmissionOutcome) -> SubmissionOutcome:
        """Add the time, the days late and the penalty to the outcome of a submission."""
        remarks = list(row.remarks)
        try:
            time = self.times(one, row.set)
            if time is None and one.origin.time:
                time = read_time(one.origin.time)
        except ValueError as error:
            time = None
            remarks.append(f"when it was handed in cannot be read: {error}")
        due = self.due_of(row.set)
        days, penalty = None, 0.0
        if due is not None and time is not None:
            days = max(0, math.ceil((time - due).total_seconds() / SECONDS_PER_DAY))
        if days:
            percent = min(self.cap, self.percent * days)
            penalty = round(min(row.possible * percent / 100, row.points), 6)
            off = f"; {penalty:g} points are taken off" if penalty else ""
            remarks.append(f"it is {days} {'day' if days == 1 else 'days'} late{off}")
        elif one.origin.late and not days:
            why = "" if days is None else ", although it is not after the due time"
            remarks.append(
                f"Canvas marked it as late{why}"
                + ("; for days and a penalty, give the times with --times" if days is None else "")
            )
        return replace(
            row,
            submitted=time.isoformat(sep=" ", timespec="seconds") if time else "",
            days_late=days,
            penalty=penalty,
            remarks=tuple(remarks),
        )


def read_due(words: Iterable[str]) -> dict[str, datetime]:
    """Read times such as ``2026-11-30 23:59``, or ``homework=2026-11-30`` for one assignment.

    A date without a time stands for the end of that day.

    Raises
    ------
    ValueError
        If one of them is no time, or two are for the same assignment.
    """
    due: dict[str, datetime] = {}
    for word in words:
        name, _, text = word.rpartition("=")
        if name in due:
            raise ValueError(f"two times are due for {name or 'all assignments'}; give one.")
        only_date = re.fullmatch(r"\s*\d{4}-\d\d-\d\d\s*", text)
        due[name] = read_time(f"{text.strip()} 23:59:59" if only_date else text)
    return due


def read_times(path: Path) -> Callable[[Submitted, str], datetime | None]:
    """Read a table with a time for each student, and for each assignment if it has that column.

    Parameters
    ----------
    path : Path
        A CSV file with a column ``submitted`` and one that names the student, such as ``student``,
        ``email`` or ``ID``; a grading worksheet of Moodle will do.

    Returns
    -------
    callable
        For :attr:`LatePolicy.times`.

    Raises
    ------
    TableError
        If a column is missing, or a time cannot be read. The message names the line.
    """
    header, rows = read_table(path)
    columns = {column_name(title): place for place, title in enumerate(header)}
    at = next((columns[name] for name in TIME_COLUMNS if name in columns), None)
    who = [columns[name] for name in STUDENT_COLUMNS if name in columns]
    if at is None or not who:
        raise TableError(
            f"{path} needs a column `submitted` and a column `student` (or `id`, `email`, `name`); "
            f"it has {', '.join(header)[:300]}."
        )
    of_set = next((columns[name] for name in SET_COLUMNS if name in columns), None)
    found: dict[str, dict[str, tuple[datetime, int]]] = defaultdict(dict)
    students: dict[str, Sequence[str]] = {}
    for line, row in rows:
        cells = dict(enumerate(map(str.strip, row)))
        if cells.get(at, "") in ("", "-"):  # Moodle's sign for nothing
            continue
        names = [cells[place] for place in who if cells.get(place)]
        if not names:
            raise TableError(f"{path}, line {line}: no student is named.")
        try:
            time = read_time(cells[at])
        except ValueError as error:
            raise TableError(f"{path}, line {line}: {error}") from None
        key = normalized_name(names[0])
        names += [name.removeprefix("Participant ").partition("@")[0] for name in names]
        students[key] = names
        name = normalized_name(cells.get(of_set, "")) if of_set is not None else ""
        earlier = found[key].get(name)
        if earlier is None or earlier[0] < time:
            found[key][name] = time, line
    roster = Roster(students)

    def time_of(one: Submitted, name: str) -> datetime | None:
        for called in (one.origin.number, one.student):
            matches = roster.match(called) if called else ()
            if len(matches) == 1:
                of_student = found[matches[0]]
                time = of_student.get(normalized_name(name)) or of_student.get("")
                return time[0] if time else None
        return None

    return time_of


def mark_attempts(
    pairs: Sequence[tuple[Submitted, SubmissionOutcome]],
) -> list[SubmissionOutcome]:
    """Find the attempts of a student at the same assignment; the latest counts.

    Attempts are told apart by Canvas's numbers or by nbgrader's times. Without these, nothing says
    which is the latest, and all stay as they are.

    Parameters
    ----------
    pairs : sequence of (Submitted, SubmissionOutcome)

    Returns
    -------
    list of SubmissionOutcome
        In the same order, with remarks, and ``replaced_by`` for the earlier attempts.
    """
    groups = defaultdict(list)
    for index, (one, row) in enumerate(pairs):
        if row.set:
            who = one.origin.number or normalized_name(one.student)
            groups[one.origin.platform, who, row.set].append(index)
    rows = [row for _, row in pairs]
    for group in groups.values():
        order = {index: _order(*pairs[index]) for index in group}
        if len(group) < 2 or len(set(order.values())) < len(group):
            continue
        latest = max(group, key=order.__getitem__)
        for index in group:
            row = rows[index]
            if index == latest:
                text = f"it is the latest of {len(group)} attempts, and counts"
            else:
                text = f"it is an earlier attempt; {rows[latest].path} counts"
                row = replace(row, replaced_by=rows[latest].path)
            rows[index] = replace(row, remarks=(*row.remarks, text))
    return rows


def _order(one: Submitted, row: SubmissionOutcome) -> tuple:
    time = one.origin.time and row.submitted
    return (datetime.fromisoformat(time).timestamp() if time else 0.0, one.origin.attempt)
