"""Write the grades as Canvas, Moodle and nbgrader import them, with the students' numbers there.

The formats are those of Canvas's gradebook ("How do I import grades in the Gradebook?", Canvas
Instructor Guide; ``GradebookImporter`` in its source), of Moodle's grading worksheet ("Offline
grading worksheet" in MoodleDocs, Using Assignment; ``assignfeedback_offline_grade_importer``), and
of nbgrader's database (https://nbgrader.readthedocs.io/en/stable/api/gradebook.html).
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from coursegrader import report as _report
from coursegrader.master import Master
from coursegrader.outcomes import SubmissionOutcome
from coursegrader.tables import TableError, column_name, escape_formula, read_table, to_csv
from coursegrader.variants import (
    FIRST_NAME_COLUMNS,
    ID_COLUMNS,
    LAST_NAME_COLUMNS,
    NAME_COLUMNS,
    Roster,
    is_canvas_own,
)

FORMATS = ("canvas", "moodle", "gradescope", "nbgrader")
FOLDER = "exports"
MAX_NAMED = 5  # students in a warning
CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
# Without the first, the fifth and the sixth, Moodle refuses a worksheet.
MOODLE_COLUMNS = ("Identifier", "Full name", "Email address", "Maximum Grade", "Grade",
                  "Last modified (grade)", "Feedback comments")  # fmt: skip
POINTS_POSSIBLE = "    Points Possible"  # as Canvas writes it
PARTICIPANT = "Participant "
ROW = "\0 row of the class list "  # no student is called that


class ClassList:
    """The students of a class, as a roster or a learning platform lists them.

    Parameters
    ----------
    path : Path
        A roster, a gradebook that Canvas exported, or a grading worksheet of Moodle.

    Attributes
    ----------
    kind : {"canvas", "moodle", "roster"}
    header : list of str
    rows : list of list of str
        The rows of students.
    above : list of list of str
        Canvas's rows between the header and the students, such as that of the possible points.

    Raises
    ------
    TableError
        If it has no column that names students.
    OSError
        If it cannot be read.
    """

    def __init__(self, path: Path):
        self.path = path
        self.header, lines = read_table(path)
        self.columns: dict[str, int] = {}
        for place, title in enumerate(self.header):
            self.columns.setdefault(column_name(title), place)
        if {"student", "id", "section"} <= self.columns.keys():
            self.kind = "canvas"
        else:
            self.kind = "moodle" if {"identifier", "grade"} <= self.columns.keys() else "roster"
        rows = [row + [""] * (len(self.header) - len(row)) for _, row in lines]
        if self.kind == "canvas":
            self.above = [row for row in rows if is_canvas_own(partial(self.cell, row))]
            rows = [row for row in rows if row not in self.above]
        else:
            self.above = []
        self.rows = rows
        wanted = (*ID_COLUMNS, *NAME_COLUMNS, "sis user id", "sis login id", "id number")
        if not {*wanted, "identifier"} & self.columns.keys():
            raise TableError(
                f"{path} names no students; its first row is {', '.join(self.header)[:200]}. It "
                "needs a column `student`, `id`, `email` or `username`, or has to come from "
                "Canvas or Moodle."
            )
        number = {"canvas": "id", "moodle": "identifier"}.get(self.kind, "")
        self._numbers = {
            self.cell(row, number).removeprefix(PARTICIPANT): index
            for index, row in enumerate(rows)
            if number
        }
        names: dict[str, Sequence[str]] = {}
        for index, row in enumerate(rows):
            own = [self.cell(row, name) for name in wanted]
            own += [name.partition("@")[0] for name in own if "@" in name]
            first, last = (
                next(filter(None, (self.cell(row, name) for name in choice)), "")
                for choice in (FIRST_NAME_COLUMNS, LAST_NAME_COLUMNS)
            )
            own += [f"{first} {last}"] if first and last else []
            names[f"{ROW}{index}"] = list(filter(None, own))
        self._roster = Roster(names)

    def cell(self, row: Sequence[str], name: str) -> str:
        """Return the value of a column, given by its name in lower case; empty without it."""
        place = self.columns.get(name)
        return "" if place is None else row[place].strip()

    def find(self, one: SubmissionOutcome) -> int | None:
        """Return the index of the row of a submission's student; None if it is not clear."""
        if one.platform == self.kind and one.number in self._numbers:
            return self._numbers[one.number]
        matches = self._roster.match(one.student)
        return int(matches[0].removeprefix(ROW)) if len(matches) == 1 else None


class Export:
    """What all exports need: the counting row of each student and assignment.

    Parameters
    ----------
    out : Path
        Folder of the report.
    rows : iterable of SubmissionOutcome
    listed : ClassList or None
    show_hidden : bool
        Show the messages of hidden tests.
    """

    def __init__(
        self,
        out: Path,
        rows: Iterable[SubmissionOutcome],
        listed: ClassList | None,
        show_hidden: bool,
    ):
        self.out, self.listed, self.show_hidden = out / FOLDER, listed, show_hidden
        self.out.mkdir(exist_ok=True)
        self.warnings: list[str] = []
        rows = list(rows)
        self.rows = [row for row in rows if row.set and not row.replaced_by]
        self.sets = sorted({row.set for row in self.rows})
        lost = [row.student for row in rows if not row.set]
        self.warn("Not exported, because nothing says of which assignment they are", lost)

    def warn(self, what: str, names: Iterable[str]) -> None:
        """Add a warning with some of the names, unless there are none."""
        names = list(dict.fromkeys(names))
        if names:
            shown = ", ".join(names[:MAX_NAMED])
            more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
            self.warnings.append(f"{what}: {shown}{more}.")

    def one_each(self, rows: Iterable[tuple[object, SubmissionOutcome]], where: str) -> dict:
        """Return one row for each student; those with several have none, and a warning."""
        found = defaultdict(list)
        for who, row in rows:
            found[who].append(row)
        self.warn(
            f"Not in {where}, because they have several notebooks, of which none is known to be "
            "the latest",
            (several[0].student for several in found.values() if len(several) > 1),
        )
        return {who: several[0] for who, several in found.items() if len(several) == 1}

    def of_students(self, name: str, where: str) -> dict[int, SubmissionOutcome]:
        """Return the rows of an assignment by the place of their student in the class list."""
        found, lost = [], []
        for row in self.rows:
            if row.set == name:
                index = self.listed.find(row)
                found.append((index, row)) if index is not None else lost.append(row.student)
        self.warn(f"Not in {where}, because {self.listed.path.name} does not list them", lost)
        return self.one_each(found, where)

    def points(self, row: SubmissionOutcome | None) -> str:
        """Return the points as text; empty while some of them wait, or nothing was graded."""
        if row is None or row.waiting or row.again:
            return ""
        return f"{round(row.final, 4):.10g}"

    def note_waiting(self, rows: Iterable[SubmissionOutcome], where: str) -> None:
        """Warn of rows that have no points yet."""
        rows = list(rows)
        waiting = [row.student for row in rows if row.waiting]
        self.warn(f"Without points in {where}, because a person still has to grade them", waiting)
        self.note_failures(rows, where)

    def note_failures(self, rows: Iterable[SubmissionOutcome], where: str) -> None:
        """Warn of rows that have no points because the grader failed."""
        failed = [row.student for row in rows if row.again]
        self.warn(
            f"Without points in {where}, because the grader failed, and the next run tries again",
            failed,
        )


def write_canvas(export: Export) -> None:
    """Write ``canvas.csv``, a gradebook with a column for each assignment."""
    where, listed = "canvas.csv", export.listed
    if listed and listed.kind == "canvas":
        width = listed.columns["section"] + 1
        header, students = listed.header[:width], [row[:width] for row in listed.rows]
    elif listed:
        header = list(CANVAS_COLUMNS)
        students = [
            [
                *(next(filter(None, (listed.cell(row, name) for name in names)), "")
                  for names in (("name", "full name", "student name", "student"), ("canvas id",),
                                ("sis user id", "id", "student"),
                                ("sis login id", "username", "user name", "email"))),
                "",
            ]
            for row in listed.rows
        ]  # fmt: skip
    else:
        header, students = list(CANVAS_COLUMNS), []
        known = [row for row in export.rows if row.platform == "canvas"]
        lost = [row.student for row in export.rows if row.platform != "canvas"]
        export.warn(
            f"Not in {where}, because their files have no number of Canvas's (give the gradebook "
            "that Canvas exports with --roster)",
            lost,
        )
        places: dict[str, int] = {}
        for row in known:
            if places.setdefault(row.number, len(students)) == len(students):
                students.append([row.student, row.number, "", "", ""])
    columns, possible = [], []
    for name in export.sets:
        if listed:
            rows = export.of_students(name, where)
        else:
            rows = export.one_each(
                [(places[row.number], row) for row in known if row.set == name], where
            )
        if listed and listed.kind != "canvas":
            for index, row in rows.items():
                students[index][1] = row.number if row.platform == "canvas" else students[index][1]
        export.note_waiting(rows.values(), where)
        ours = next(row.possible for row in export.rows if row.set == name)
        title, theirs = _canvas_column(listed, name)
        if theirs and theirs != f"{ours:g}":
            export.warnings.append(
                f"Canvas has {theirs} points for {title}, and here there are {ours:g}; the points "
                "are not scaled."
            )
        header = [*header, title]
        possible.append(theirs or f"{ours:g}")
        columns.append([export.points(rows.get(index)) for index in range(len(students))])
    first = [POINTS_POSSIBLE, *[""] * (len(header) - len(possible) - 1), *possible]
    lines = [[*student, *marks] for student, *marks in zip(students, *columns, strict=True)]
    _write(export.out / where, header, [first, *lines])


def _canvas_column(listed: ClassList | None, name: str) -> tuple[str, str]:
    """Return the title of an assignment's column in Canvas, and its points there."""
    plain = _letters(name)
    if listed and listed.kind == "canvas":
        for place, title in enumerate(listed.header[listed.columns["section"] + 1 :]):
            if _letters(re.sub(r"\(\d+\)\s*$", "", title)) == plain:
                at = listed.columns["section"] + 1 + place
                points = [row[at].strip() for row in listed.above if "Points Possible" in row[0]]
                theirs = points[0] if points else ""
                return title, f"{float(theirs):g}" if re.fullmatch(r"[\d.]+", theirs) else theirs
    return name, ""


def _letters(text: str) -> str:
    return re.sub(r"\W|_", "", text).casefold()


def write_moodle(export: Export) -> None:
    """Write ``moodle-ASSIGNMENT.csv``, a grading worksheet, for each assignment."""
    listed = export.listed
    for name in export.sets:
        where = f"moodle-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)[:100]}.csv"
        if listed and listed.kind == "moodle":
            header = list(listed.header)
            header += [
                title for title in MOODLE_COLUMNS if column_name(title) not in listed.columns
            ]
            at = {column_name(title): place for place, title in reversed([*enumerate(header)])}
            rows = export.of_students(name, where)
            lines = [row + [""] * (len(header) - len(row)) for row in listed.rows]
        else:
            header = list(MOODLE_COLUMNS)
            at = {column_name(title): place for place, title in enumerate(header)}
            own = [row for row in export.rows if row.set == name]
            export.warn(
                f"Not in {where}, because their folders have no number of Moodle's (give the "
                "grading worksheet with --roster)",
                [row.student for row in own if row.platform != "moodle"],
            )
            by_number = export.one_each(
                [(row.number, row) for row in own if row.platform == "moodle"], where
            )
            rows = dict(enumerate(by_number.values()))
            lines = []
            for row in rows.values():
                index = listed.find(row) if listed else None
                email = listed.cell(listed.rows[index], "email") if index is not None else ""
                lines.append([PARTICIPANT + row.number, row.student, email, "", "", "-", ""])
        export.note_waiting(rows.values(), where)
        for index, row in rows.items():
            line = lines[index]
            most = line[at["maximum grade"]].strip() if "maximum grade" in at else ""
            if not most:
                line[at["maximum grade"]] = f"{row.possible:g}"
            elif re.fullmatch(r"[\d.,]+", most) and float(most.replace(",", ".")) != row.possible:
                export.warnings.append(
                    f"Moodle has {most} points for {name}, and here there are {row.possible:g}; "
                    "the points are not scaled."
                )
            line[at["grade"]] = export.points(row)
            line[at["feedback comments"]] = _comments(row, export.show_hidden)
        export.warnings = list(dict.fromkeys(export.warnings))
        _write(export.out / where, header, lines)


def _comments(row: SubmissionOutcome, show_hidden: bool) -> str:
    """Return the feedback as HTML, which Moodle takes it for."""
    lines = []
    for check in row.checks:
        points = "–" if check.waits else f"{check.earned:g}"
        said = check.message if show_hidden or not check.hidden else ""
        lines.append(f"{check.id}: {points} / {check.points:g}" + (f". {said}" if said else ""))
    if row.penalty:
        days = f"{row.days_late} {'day' if row.days_late == 1 else 'days'}"
        lines.append(f"{days} late: {-row.penalty:g}")
    return "<br>".join(html.escape(" ".join(line.split())) for line in lines)


def _write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    content = to_csv(
        [escape_formula(title) for title in header],
        [[cell if _is_number(cell) else escape_formula(cell) for cell in row] for row in rows],
    )
    # A learning platform might take the byte order mark for a part of the first title.
    _report.write_atomically(path, content.removeprefix("\ufeff"))


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"-?\d*\.?\d+|-", cell))


def nbgrader_place(path: Path) -> tuple[str, str]:
    """Return nbgrader's names of the assignment and of the notebook of a master.

    In a course of nbgrader's, a master is ``source/ASSIGNMENT/NOTEBOOK.ipynb``; elsewhere the
    assignment has the name of its only notebook.
    """
    folder = path.resolve().parent
    is_course = folder.parent.name in ("source", "release")
    return (folder.name if is_course else path.stem), path.stem


def write_exports(
    out: Path,
    formats: Iterable[str],
    rows: Iterable[SubmissionOutcome],
    masters: Mapping[str, Master],
    places: Mapping[str, tuple[str, str]],
    listed: ClassList | None = None,
    show_hidden: bool = False,
) -> list[str]:
    """Write the grades in other formats; Gradescope's are written with each notebook.

    Parameters
    ----------
    out : Path
        Folder of the report.
    formats : iterable of {"canvas", "moodle", "nbgrader"}
    rows : iterable of SubmissionOutcome
    masters : mapping of str to Master
    places : mapping of str to (str, str)
        See :func:`nbgrader_place`.
    listed : ClassList, optional
        The students of the class.
    show_hidden : bool
        Show the messages of hidden tests.

    Returns
    -------
    list of str
        Warnings for the person who grades.
    """
    warnings = []
    rows = list(rows)
    for name in formats:
        if name == "gradescope":
            continue
        export = Export(out, rows, listed, show_hidden)
        try:
            if name == "canvas":
                write_canvas(export)
            elif name == "moodle":
                write_moodle(export)
            else:
                from coursegrader.formgrader import write_nbgrader  # nbgrader takes time to import

                write_nbgrader(export, masters, places)
        except Exception as error:  # all other files are written
            warnings.append(f"Nothing was exported for {name}: {type(error).__name__}: {error}")
        warnings += export.warnings
    return list(dict.fromkeys(warnings))
