"""Cells that a person grades: a table and pages to fill in, and what was filled in.

``manual.csv`` has a row for each answer, with places for points and a comment. What is typed
there, or on the pages in ``manual/``, is kept in ``state/manual`` as well, so that no run and no
older copy of the table loses it: only points replace points, and only "wait" takes them back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from coursegrader import report as _report
from coursegrader.collect import normalized_name
from coursegrader.master import Master
from coursegrader.notebook import BadNotebookError, marks_of, read
from coursegrader.outcomes import CellOutcome, CheckOutcome, Output, SubmissionOutcome
from coursegrader.tables import (
    TableError,
    column_name,
    decode,
    quote_formulas,
    rows_of,
    to_csv,
    unquote_formulas,
)
from coursegrader.variants import VariantError, new_key, read_key, write_key

TABLE, BACKUP, KEY, FOLDER, STORE = (
    "manual.csv",
    "manual.backup.csv",
    "manual.key",
    "manual",
    "state/manual",
)
COLUMNS = ("student", "assignment", "file", "cell", "rubric", "text", "most", "points", "comment",
           "earlier", "remark", "id", "version")  # fmt: skip
# What is read back; all else is written anew, except for columns that somebody added.
READ = ("student", "assignment", "cell", "points", "comment", "id", "version")
WAIT = "wait"
MAX_TEXT_LENGTH = 30_000  # of a cell of the table; Excel takes 32,767
MAX_COMMENT_LENGTH = 2000
# Of the outputs on a page, in characters; a page may have thousands of answers.
MAX_ANSWER_OUTPUT, MAX_PAGE_OUTPUT = 500_000, 30_000_000
POINTS = re.compile(r"\+?\d{1,9}([.,]\d{0,9})?|[.,]\d{1,9}")


@dataclass(frozen=True)
class Question:
    """A cell of a master that a person grades: what it asks, and the rubric."""

    text: str
    rubric: str


def read_questions(master: Master, path: Path) -> dict[str, Question]:
    """Return the manually graded cells of a master, by their identifiers.

    Parameters
    ----------
    master : Master
    path : Path
        A notebook with the same cells; in one with solutions, they hold the rubrics.

    Returns
    -------
    dict of str to Question
    """
    try:
        cells = read(path.read_bytes()).cells
    except (OSError, BadNotebookError):
        cells = []
    rubrics = {marks_of(cell).get("grade_id"): cell.source for cell in cells}
    found, above = {}, ""
    for step in master.steps:
        if step.kind == "manual":
            is_task = step.identifier not in master.solutions
            rubric = rubrics.get(step.identifier, "")
            found[step.identifier] = Question(
                step.shown if is_task else above, "" if rubric == step.shown else rubric
            )
        elif step.kind == "text":
            above = step.shown
    return found


@dataclass
class _Typed:
    """What somebody typed into a row of a table."""

    where: str
    number: int
    cells: dict[str, str]
    more: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        cells = {name: self.cells.get(name, "").strip() for name in READ}
        self.id, self.version = cells["id"], cells["version"]
        self.points = cells["points"].lstrip("'").strip()
        self.comment = unquote_formulas(cells["comment"]).replace("\r\n", "\n")
        self.comment = _report.clip(self.comment, MAX_COMMENT_LENGTH)
        self.about = tuple(
            normalized_name(unquote_formulas(cells[name]))
            for name in ("student", "assignment", "cell")
        )

    @property
    def filled(self) -> bool:
        return bool(self.points or self.comment or any(self.more.values()))

    def __str__(self) -> str:
        return f"{self.where}, row {self.number}"


@dataclass(frozen=True)
class _Grade:
    """What an answer gets: points, or why it waits."""

    points: float | None = None
    comment: str = ""
    typed: str = ""  # what the table shows as points
    earlier: str = ""
    problem: str = ""
    note: str = ""
    kept: dict[str, Any] | None = None  # for the next run
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Answer:
    """One answer with its grade, as the table and the page show it."""

    row: SubmissionOutcome
    index: int  # of its check
    cell: CellOutcome | None
    question: Question
    text: str
    id: str
    version: str
    student: str
    file: str
    grade: _Grade
    outputs: tuple[Output, ...] = ()  # on the page

    @property
    def check(self) -> CheckOutcome:
        return self.row.checks[self.index]


class ManualGrades:
    """The points and comments that a person gave, and the files in which they are typed.

    Parameters
    ----------
    out : Path
        Folder of the report.
    masters : sequence of Master
    questions : mapping of str to (mapping of str to Question)
        For each master, by its name.
    anonymous : bool
        Name students by a number that only the key beside the report connects with them.
    others : sequence of Path
        More filled-in tables, such as those that the pages save.

    Raises
    ------
    TableError
        If a table or the key cannot be used.
    OSError
        If a file cannot be read.
    """

    def __init__(
        self,
        out: Path,
        masters: Sequence[Master],
        questions: Mapping[str, Mapping[str, Question]],
        *,
        anonymous: bool = False,
        others: Sequence[Path] = (),
    ):
        self.out, self.questions, self.anonymous = out, questions, anonymous
        self.others = list(others)
        self.masters = {master.name: master for master in masters}
        self.warnings: list[str] = []
        self.pages: list[tuple[str, str, str, int]] = []
        try:
            self.key = read_key(out / KEY) if (out / KEY).exists() else new_key()
        except VariantError as error:
            raise TableError(
                f"{error} It tells apart the rows of {TABLE}, which are lost without it."
            ) from None
        try:
            self.store = json.loads((out / STORE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            self.store = {}
        except ValueError:
            raise TableError(
                f"{out / STORE} is damaged. It is a copy of what was typed into {TABLE}: look "
                "whether the table is complete, then delete the copy."
            ) from None
        self.refresh()

    def refresh(self) -> None:
        """Read the tables again; somebody may have filled in more since."""
        self.seen = self._content()
        self.typed: list[_Typed] = []
        self.more: list[str] = []
        if self.seen:
            self._read(TABLE, self.out / TABLE, self.seen)
        for path in self.others:
            # With its folder: a copy of manual.csv is another table, and replaces points.
            self._read(str(path.resolve()), path, path.read_bytes())
        self.by_id: dict[str, list[_Typed]] = defaultdict(list)
        for typed in self.typed:
            if typed.filled and typed.id:
                self.by_id[typed.id].append(typed)
        self.used: set[int] = set()
        self.reasons: dict[int, str] = {}

    def _content(self) -> bytes:
        path = self.out / TABLE
        return path.read_bytes() if path.exists() else b""

    def _read(self, name: str, path: Path, content: bytes) -> None:
        try:
            rows = list(rows_of(decode(content)))
        except TableError as error:
            raise TableError(
                f"{path}, {error} Mend it, or move it away; nothing was changed."
            ) from None
        header = [column_name(title) for title in rows[0][1]] if rows else []
        lacks = {"points"} - set(header)
        if not {"id"} & set(header):
            lacks |= {"student", "cell"} - set(header)
        if lacks:
            raise TableError(
                f"{path} has no column {', '.join(sorted(lacks))}; it has "
                f"{', '.join(header)[:200] or 'nothing'}. Mend it, or move it away; nothing was "
                "changed."
            )
        added = [title for title in header if title and title not in COLUMNS]
        self.more += [title for title in added if title not in self.more]
        # As a spreadsheet counts them; a cell may have several lines.
        for number, (_, row) in enumerate(rows[1:], start=2):
            cells = dict(zip(header, row, strict=False))
            more = {title: cells.get(title, "") for title in added}
            self.typed.append(_Typed(name, number, cells, more))

    # ------------------------------------------------------------------ the points of an answer

    def apply(self, row: SubmissionOutcome) -> SubmissionOutcome:
        """Add the points and comments that were typed to the outcome of a submission."""
        checks = list(row.checks)
        for answer in self._answers(row):
            if answer.grade.points is None:
                continue
            points, most = answer.grade.points, answer.check.points
            message = answer.grade.comment
            if not message and points < most:
                message = f"{points:g} of {most:g} points."
            checks[answer.index] = replace(
                answer.check, earned=points, passed=points >= most, message=message
            )
        row = replace(row, checks=tuple(checks))
        if row.status == "waiting" and not row.waiting:
            row = replace(row, status="graded")
        return row

    def _answers(self, row: SubmissionOutcome) -> list[_Answer]:
        found = []
        questions = self.questions.get(row.set, {})
        for index, check in enumerate(row.checks):
            if check.by != "a person" or not check.points:
                continue
            cell, text = self._text(row, index)
            identifier = self._letters("answer", row.key, check.id)
            version = _letters(hashlib.sha256(text.encode("utf-8", "replace")).digest())
            grade = self._grade(identifier, version, check, row)
            if check.waits or grade.points is not None or grade.typed or grade.earlier:
                student = self._letters("student", row.key) if self.anonymous else row.student
                question = questions.get(check.id, Question("", ""))
                file = "" if self.anonymous else row.path
                found.append(
                    _Answer(
                        row, index, cell, question, text, identifier, version, student, file, grade
                    )
                )
        return found

    def _text(self, row: SubmissionOutcome, index: int) -> tuple[CellOutcome | None, str]:
        """Return an answer: the cell, or for a task the cells that follow it."""
        place = next((at for at, cell in enumerate(row.cells) if cell.check == index), None)
        if place is None:
            return None, ""
        cell, master = row.cells[place], self.masters.get(row.set)
        if master is None or row.checks[index].id in master.solutions:
            return cell, cell.source
        known = {text for step in master.steps for text in (step.shown, step.source)}
        own = []
        for later in row.cells[place + 1 :]:
            if later.source in known or later.check is not None:
                break
            own.append(later)
        outputs = tuple(output for one in own for output in one.outputs)
        text = "\n\n".join(one.source for one in own)
        prose = all(one.prose for one in own)
        return replace(cell, source=text, outputs=outputs, prose=prose), text

    def _grade(
        self, identifier: str, version: str, check: CheckOutcome, row: SubmissionOutcome
    ) -> _Grade:
        """Decide what an answer gets by what was typed now and what was kept."""
        kept = self.store.get(identifier)
        chosen, earlier, note = None, "", ""
        for typed in self.by_id.get(identifier, ()):
            if chosen and chosen.where == typed.where:
                if (chosen.points, chosen.comment) == (typed.points, typed.comment):
                    self.used.add(id(typed))
                    continue
                self.reasons[id(typed)] = why = (
                    f"{chosen} and row {typed.number} are of the same answer, and differ; take one "
                    "of them out"
                )
                self.used.add(id(chosen))
                return _Grade(comment=chosen.comment, typed=chosen.points, problem=why, kept=kept)
            if chosen and chosen.points and typed.points not in ("", chosen.points):
                earlier = chosen.points
                note = f"{typed} replaces {chosen.points} points ({chosen}) by {typed.points}"
            self.used.add(id(typed))
            chosen = typed
        more = dict(chosen.more) if chosen else (kept or {}).get("more", {})
        if chosen is None:
            points, comment, at = _kept(kept)
        elif chosen.points.casefold() == WAIT:
            taken = {"comment": chosen.comment, "more": more}
            return _Grade(comment=chosen.comment, earlier=earlier, note=note, more=more, kept=taken)
        elif chosen.points:
            try:
                points = _read_points(chosen.points, check.points)
            except ValueError as error:
                return _Grade(
                    comment=chosen.comment,
                    typed=chosen.points,
                    problem=f"{chosen} ({row.student if not self.anonymous else 'an answer'}, "
                    f"{check.id}): {error}",
                    kept=kept,
                    more=more,
                )
            comment, at = chosen.comment, chosen.version
            if not at:  # a table that somebody made
                before, _, then = _kept(kept)
                at = then if before == points else version
        else:
            points, _, at = _kept(kept)
            comment = chosen.comment
        kept = None
        if points is not None or comment or more:
            kept = {"points": points, "comment": comment, "version": at, "more": more}
            kept |= {"student": row.student, "assignment": row.set, "cell": check.id}
        if points is None or at == version:
            typed = "" if points is None else f"{points:g}"
            return _Grade(points, comment, typed, earlier, "", note, kept, more)
        problem = (
            f"the answer of {'a student' if self.anonymous else row.student} to {check.id} has "
            f"changed since it got {points:g} points; type the points again to confirm them"
        )
        return _Grade(None, comment, "", f"{points:g}", problem, note, kept, more)

    def _letters(self, *parts: str) -> str:
        """Return letters that stand for something, and do not reveal it.

        There is no digit among them: spreadsheets take 12e5 for a number, and 1-2 for a date.
        """
        return _letters(hmac.digest(self.key, json.dumps(parts).encode(), "sha256"))

    # -------------------------------------------------------------------------------- the files

    def bind(self, rows: Iterable[SubmissionOutcome]) -> None:
        """Find the answers that rows without an ``id`` are meant for, in tables made by hand."""
        loose = [typed for typed in self.typed if typed.filled and not typed.id]
        if not loose:
            return
        by_about: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for row in rows:
            for check in row.checks:
                if check.by == "a person":
                    for name in {normalized_name(row.student), row.number} - {""}:
                        place = self._letters("answer", row.key, check.id), normalized_name(row.set)
                        by_about[name, normalized_name(check.id)].append(place)
        for typed in loose:
            student, assignment, cell = typed.about
            places = by_about.get((student, cell), [])
            fits = [one for one, name in places if assignment in ("", name)]
            if len(fits) == 1:
                typed.id = fits[0]
                self.by_id[typed.id].append(typed)
            else:
                self.reasons[id(typed)] = (
                    f"{typed}: {len(fits)} answers fit; give the assignment, or the id"
                    if fits
                    else f"{typed}: no student {typed.cells.get('student', '')!r:.80} has an "
                    f"answer {typed.cells.get('cell', '')!r:.80}"
                )

    def write(self, rows: Sequence[SubmissionOutcome]) -> bool:
        """Write the table and the pages, unless somebody has changed the table meanwhile.

        Parameters
        ----------
        rows : sequence of SubmissionOutcome
            The outcomes without manual points.

        Returns
        -------
        bool
            Whether they were written. If not, call :meth:`refresh` and try again.
        """
        answers = [answer for row in rows for answer in self._answers(row)]
        if self.anonymous:  # the order of names tells names
            answers.sort(key=lambda answer: answer.id)
        self.warnings, lines = [], []
        store = dict(self.store)
        for answer in answers:
            grade = answer.grade
            self.warnings += [text for text in (grade.problem, grade.note) if text]
            store.pop(answer.id, None)
            if grade.kept:
                store[answer.id] = grade.kept
            shown = [
                *(answer.student, answer.row.set, answer.file, answer.check.id),
                _report.clip(answer.question.rubric, MAX_TEXT_LENGTH),
                _report.clip(answer.text, MAX_TEXT_LENGTH),
                *(f"{answer.check.points:g}", grade.typed, grade.comment, grade.earlier),
                *(grade.problem or grade.note, answer.id, answer.version),
            ]
            shown += [grade.more.get(title, "") for title in self.more]
            lines.append([quote_formulas(text) for text in shown])
        aside = set()
        for typed in self.typed:
            what = typed.id, typed.about, typed.points, typed.comment
            if typed.filled and id(typed) not in self.used and what not in aside:
                aside.add(what)
                why = self.reasons.get(id(typed)) or (
                    f"{typed}: its answer is not among the submissions now"
                )
                self.warnings.append(f"{why}. The row is kept at the end of {TABLE}.")
                cells = {**typed.cells, **typed.more, "remark": why}
                if self.anonymous and typed.id:  # from a table with names
                    cells |= {"student": "", "file": ""}
                lines.append(
                    [
                        quote_formulas(unquote_formulas(cells.get(title, "")))
                        for title in (*COLUMNS, *self.more)
                    ]
                )
        if not (answers or lines or self.seen):
            return True
        content = to_csv([*COLUMNS, *self.more], lines)
        if not (self.out / KEY).exists():
            write_key(self.out / KEY, self.key)
        _report.write_atomically(self.out / STORE, _report.dump(store))
        if content.encode("utf-8", "replace") != self.seen:
            part = self.out / f"{TABLE}.part"
            part.write_text(content, encoding="utf-8", errors="replace")
            if self._content() != self.seen:
                part.unlink()
                return False
            if self.seen:
                (self.out / BACKUP).write_bytes(self.seen)
            os.replace(part, self.out / TABLE)
        self._write_pages(answers)
        return True

    def _write_pages(self, answers: Sequence[_Answer]) -> None:
        groups: dict[tuple[str, str], list[_Answer]] = defaultdict(list)
        for answer in answers:
            groups[answer.row.set, answer.check.id].append(answer)
        self.pages = []
        for (assignment, cell), group in groups.items():
            plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{assignment}-{cell}").strip("-")[:60]
            short = hashlib.sha256(json.dumps([assignment, cell]).encode()).hexdigest()[:6]
            name = f"{plain}-{short}.html"
            (self.out / FOLDER).mkdir(exist_ok=True)
            _report.write_atomically(self.out / FOLDER / name, _page(assignment, cell, group))
            waits = sum(answer.grade.points is None for answer in group)
            self.pages.append((f"{FOLDER}/{name}", assignment, cell, waits))


def _letters(digest: bytes) -> str:
    return "".join(chr(ord("a") + int(digit, 16)) for digit in digest.hex()[:12])


def _kept(kept: Mapping[str, Any] | None) -> tuple[float | None, str, str]:
    kept = kept or {}
    return kept.get("points"), kept.get("comment", ""), kept.get("version", "")


def _read_points(text: str, most: float) -> float:
    """Convert what was typed to points; a decimal comma is taken, too."""
    if re.fullmatch(rf"[-\u2212]\s*({POINTS.pattern})", text):
        raise ValueError(f"{text!r} points are below 0; type a number from 0 to {most:g}")
    if not POINTS.fullmatch(text):
        raise ValueError(f"{text!r:.60} is no number of points; type one from 0 to {most:g}")
    points = float(text.replace(",", "."))
    if points > most:
        raise ValueError(f"{text!r} is more than {most:g}, the most for this cell")
    return points


def _page(assignment: str, cell: str, answers: Sequence[_Answer]) -> str:
    """Return the page on which the answers to one cell are read and graded."""
    script = (Path(__file__).parent / "templates" / "manual.js").read_text(encoding="utf-8")
    # The policy of the page runs this script and no other, whatever is in an answer.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    show, left = _report.Renderer(times=10), MAX_PAGE_OUTPUT
    shown = []
    for answer in answers:
        outputs, room = [], min(MAX_ANSWER_OUTPUT, left)
        for output in answer.cell.outputs if answer.cell else ():
            if len(output.text) > room:
                outputs.append(Output("text", "(more is on the feedback page)"))
                break
            outputs.append(output)
            room -= len(output.text)
            left -= len(output.text)
        text = _report.clip(answer.text, MAX_TEXT_LENGTH)
        shown.append(replace(answer, text=text, outputs=tuple(outputs)))
    return (
        _report.environment()
        .get_template("manual.html")
        .render(
            title=f"{assignment}: {cell}",
            assignment=assignment,
            cell=cell,
            answers=shown,
            question=answers[0].question,
            show=show,
            quote=quote_formulas,
            script=Markup(script),
            digest=digest,
        )
    )
