"""Grades go back to Canvas, Moodle and nbgrader under the numbers by which these know students."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader.collect import Origin, Submitted, collect
from coursegrader.exports import ClassList, nbgrader_place, write_exports
from coursegrader.lateness import LatePolicy, mark_attempts, read_due, read_time, read_times
from coursegrader.master import Master
from coursegrader.outcomes import BLANK, CheckOutcome, SubmissionOutcome
from coursegrader.tables import TableError
from coursegrader.variants import VariantError, read_roster
from tests.coursegrader.notebooks import graded, marked, notebook, solution, two_checks, v4, write


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    cell = marked(v4.new_markdown_cell("Because."), "why", solution=True, grade=True, points=3)
    task = marked(v4.new_markdown_cell("Draw."), "draw", task=True, points=1)
    made = notebook(cell, task, solution("x = 1", "x"), graded("assert x == 1", "test-x", 1))
    path = write(made, tmp_path_factory.mktemp("course") / "source" / "lab" / "hw.ipynb")
    return Master.from_file(path), path


def row(student, why=2.0, message="fine", **changes) -> SubmissionOutcome:
    checks = (
        CheckOutcome("why", "why", 3.0, why, None if why is None else why == 3, message,
                     "a person", False),
        CheckOutcome("draw", "draw", 1.0, 1.0, True, "", "a person", False),
        CheckOutcome("test-x", "test-x", 1.0, 1.0, True, "secret", "in-process", True),
    )  # fmt: skip
    made = SubmissionOutcome("hw", "graded", 5.0, checks, student=student, path=f"{student}.ipynb")
    return replace(made, key=student, **changes)


def on_canvas(student, number, **changes):
    return row(student, platform="canvas", number=number, **changes)


def on_moodle(student, number, **changes):
    return row(student, platform="moodle", number=number, **changes)


def export(out, rows, master, *formats, roster=None, **options):
    model, path = master
    out.mkdir(exist_ok=True)
    listed = ClassList(roster) if roster else None
    places = {"hw": nbgrader_place(path)}
    return write_exports(out, formats, rows, {"hw": model}, places, listed, **options)


def table(path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text("utf-8"))))


# --------------------------------------------------------------------------------- Canvas

GRADEBOOK = """Student,ID,SIS User ID,SIS Login ID,Section,HW! (4711),Quiz (4712),Final Score
,,,,,Manual Posting,,
    Points Possible,,,,,10.00,5,(read only)
"Lee, Ann",1001,s1,ann@uni.edu,A and B,,3,
"Roe, Ben",1002,s2,ben@uni.edu,A,7.00,4,
"Müller, Jürgen",1003,s3,jm@uni.edu,B,,5,
"Student, Test",1099,,x,A,,,
"""


def test_canvas_gets_its_own_gradebook_back(tmp_path, master):
    roster = tmp_path / "2026-11-30_Grades.csv"
    roster.write_text(GRADEBOOK, "utf-8-sig")
    rows = [
        on_canvas("leeann", "1001"),
        row("ben"),  # by the name of the login
        on_canvas("mullerjurgen", "9", why=None),  # by the letters of the name; it waits
        row("nobody"),
    ]
    said = export(tmp_path / "out", rows, master, "canvas", roster=roster)
    lines = table(tmp_path / "out" / "exports" / "canvas.csv")
    assert lines[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "HW! (4711)"]
    assert lines[1] == ["    Points Possible", "", "", "", "", "10"]
    assert lines[2] == ["Lee, Ann", "1001", "s1", "ann@uni.edu", "A and B", "4"]
    assert [line[-1] for line in lines[2:]] == ["4", "4", "", ""]
    assert any("Canvas has 10 points for HW! (4711), and here there are 5" in one for one in said)
    assert any("2026-11-30_Grades.csv does not list them: nobody." in one for one in said)
    assert any("Without points in canvas.csv" in one and "mullerjurgen" in one for one in said)


def test_canvas_without_a_roster_takes_the_numbers_of_the_archive(tmp_path, master):
    rows = [on_canvas("leeann", "1001"), row("ben"), on_canvas("=x", "1002", why=3.0)]
    said = export(tmp_path / "out", rows, master, "canvas")
    header, possible, *lines = table(tmp_path / "out" / "exports" / "canvas.csv")
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "hw"]
    assert possible[0].strip() == "Points Possible" and possible[-1] == "5"
    assert lines == [["leeann", "1001", "", "", "", "4"], ["'=x", "1002", "", "", "", "5"]]
    assert any("have no number of Canvas's" in one and "ben" in one for one in said)


def test_canvas_with_another_roster(tmp_path, master):
    roster = tmp_path / "students.csv"
    roster.write_text("id;name;email\nu1;Ann Lee;ann@uni.edu\nu2;Ben Roe;ben@uni.edu\n")
    rows = [on_canvas("leeann", "1001")]
    export(tmp_path / "out", rows, master, "canvas", roster=roster)
    *_, ann, ben = table(tmp_path / "out" / "exports" / "canvas.csv")
    assert ann == ["Ann Lee", "1001", "u1", "ann@uni.edu", "", "4"] and ben[-1] == ""


def test_two_notebooks_of_a_student_get_no_points_unless_one_is_the_latest(tmp_path, master):
    two = [on_canvas("leeann", "1001"), on_canvas("leeann", "1001", why=3.0)]
    said = export(tmp_path / "out", two, master, "canvas")
    assert table(tmp_path / "out" / "exports" / "canvas.csv")[2][-1] == ""
    assert any("have several notebooks" in one and "leeann" in one for one in said)
    two[0] = replace(two[0], replaced_by="b.ipynb")
    assert not export(tmp_path / "out", two, master, "canvas")
    assert table(tmp_path / "out" / "exports" / "canvas.csv")[2][-1] == "5"


@pytest.mark.parametrize("format", ["canvas", "moodle", "nbgrader"])
def test_what_the_grader_could_not_grade_is_exported_without_points(tmp_path, master, format):
    from nbgrader.api import Gradebook

    of = {"moodle": on_moodle}.get(format, on_canvas)
    rows = [of("ann", "1001"), of("ben", "1002", status="not graded", again=True)]
    said = export(tmp_path / "out", rows, master, format)
    folder = tmp_path / "out" / "exports"
    (named,) = [one for one in said if "the grader failed" in one]
    assert "ben" in named and "ann" not in named
    if format == "nbgrader":
        with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
            assert [student.id for student in book.students] == ["ann 1001"]
        return
    written = {line[0]: line for line in table(next(folder.rglob("*.csv")))}
    points = {name: "4" in line for name, line in written.items()}
    ann, ben = (next(key for key in points if name in key or number in key)
                for name, number in (("ann", "1001"), ("ben", "1002")))  # fmt: skip
    assert points[ann] and not points[ben] and "0" not in written[ben]


# --------------------------------------------------------------------------------- Moodle

WORKSHEET = """Identifier,"Full name","Email address",Status,Grade,"Maximum Grade",\
"Grade can be changed","Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 51","Ann Lee",ann@uni.edu,"Submitted for grading - ",,5.00,Yes,\
"Monday, 30 November 2026, 11:59 PM",-,
"Participant 52","Ben Roe",ben@uni.edu,"No submission - ",,5.00,Yes,-,-,old
"""


def test_moodle_gets_its_own_worksheet_back(tmp_path, master):
    roster = tmp_path / "Grades-DL-HW-4711.csv"
    roster.write_text(WORKSHEET, "utf-8-sig")
    rows = [on_moodle("A. Lee", "51", message="<b>&</b>\nline", penalty=1.0, days_late=1)]
    assert not export(tmp_path / "out", rows, master, "moodle", roster=roster)
    header, ann, ben = table(tmp_path / "out" / "exports" / "moodle-hw.csv")
    line = dict(zip(header, ann, strict=True))
    assert header == next(csv.reader(io.StringIO(WORKSHEET)))
    assert (line["Identifier"], line["Grade"], line["Maximum Grade"]) == (
        "Participant 51",
        "3",
        "5.00",
    )
    assert line["Last modified (grade)"] == "-"
    assert line["Feedback comments"] == (
        "why: 2 / 3. &lt;b&gt;&amp;&lt;/b&gt; line<br>draw: 1 / 1<br>test-x: 1 / 1"
        "<br>1 day late: -1"
    )  # the hidden message is not in it
    assert dict(zip(header, ben, strict=True))["Grade"] == ""
    assert dict(zip(header, ben, strict=True))["Feedback comments"] == "old"


def test_moodle_without_a_worksheet(tmp_path, master):
    said = export(tmp_path / "out", [on_moodle("Ann Lee", "51"), row("x")], master, "moodle")
    header, ann = table(tmp_path / "out" / "exports" / "moodle-hw.csv")
    # Without the first three of these columns, Moodle refuses the file.
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= set(header)
    line = dict(zip(header, ann, strict=True))
    assert (line["Identifier"], line["Full name"], line["Grade"]) == (
        "Participant 51",
        "Ann Lee",
        "4",
    )
    assert "have no number of Moodle's" in said[0]


def test_a_list_that_names_nobody(tmp_path):
    (tmp_path / "x.csv").write_text("colour\nred\n")
    with pytest.raises(TableError, match="names no students; its first row is colour"):
        ClassList(tmp_path / "x.csv")


# -------------------------------------------------------------------------------- nbgrader


def test_nbgrader_opens_its_database(tmp_path, master, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # as without an activated environment
    from nbgrader.api import Gradebook

    late = "2026-11-30 23:00:00+02:00"
    rows = [
        row("ann", penalty=1.0, submitted=late),
        row("ben", why=None),
        row("cyd", why=0.0, message=BLANK),
    ]
    assert not export(tmp_path / "out", rows, master, "nbgrader")
    place = f"sqlite:///{tmp_path / 'out' / 'exports' / 'gradebook.db'}"
    with Gradebook(place) as book:
        (assignment,) = book.assignments
        assert (assignment.name, assignment.max_score) == ("lab", 5)
        ann = book.find_submission("lab", "ann")
        assert (ann.score, ann.needs_manual_grade, ann.late_submission_penalty) == (4, False, 1)
        assert ann.timestamp == datetime(2026, 11, 30, 21, tzinfo=UTC).replace(tzinfo=None)
        assert book.find_submission("lab", "ben").needs_manual_grade
        assert book.find_submission("lab", "cyd").score == 2
        assert book.find_grade("draw", "hw", "lab", "ann").manual_score == 1
        assert book.find_grade("test-x", "hw", "lab", "ann").auto_score == 1
        assert book.find_comment("why", "hw", "lab", "ann").comment == "fine"
        # A person goes on in the formgrader.
        grade = book.find_grade("why", "hw", "lab", "ben")
        grade.manual_score, grade.needs_manual_grade = 3, False
        book.db.commit()
    rows.append(row("dan"))
    assert not export(tmp_path / "out", rows, master, "nbgrader")
    with Gradebook(place) as book:
        assert len(book.students) == 4 and book.find_submission("lab", "ben").score == 5
        assert not book.find_submission("lab", "ben").needs_manual_grade


def test_names_of_nbgraders_course(tmp_path):
    assert nbgrader_place(tmp_path / "source" / "ps1" / "a.ipynb") == ("ps1", "a")
    assert nbgrader_place(tmp_path / "ps1" / "a.ipynb") == ("a", "a")


def test_a_failing_export_leaves_the_others(tmp_path, master):
    (tmp_path / "out" / "exports" / "canvas.csv").mkdir(parents=True)
    said = export(tmp_path / "out", [on_moodle("Ann", "51")], master, "canvas", "moodle")
    assert any(one.startswith("Nothing was exported for canvas") for one in said)
    assert (tmp_path / "out" / "exports" / "moodle-hw.csv").exists()


# ---------------------------------------------------------------------- names and attempts


def test_what_names_say_is_kept(tmp_path):
    names = [
        "leeann_1001_501_hw.ipynb",
        "roeben_LATE_1002_502_hw-1.ipynb",
        "Cyd Poe_53_assignsubmission_file_/hw.ipynb",
        "dan+hw+2026-11-30 09:30:00.000000 UTC+x7/hw.ipynb",
        "eve.ipynb",
    ]
    for name in names:
        write(two_checks(), tmp_path / "in" / name)
    write(two_checks(), tmp_path / "in" / "fay" / "hw" / "hw.ipynb")
    (tmp_path / "in" / "fay" / "hw" / "timestamp.txt").write_text("2026-12-01 10:00:00.5 UTC\n")
    found = {one.student: one.origin for one in collect(tmp_path / "in")}
    assert found == {
        "leeann": Origin("canvas", "1001", False, (501, 0)),
        "roeben": Origin("canvas", "1002", True, (502, 1)),
        "Cyd Poe": Origin("moodle", "53"),
        "dan": Origin("nbgrader", time="2026-11-30 09:30:00.000000 UTC"),
        "eve": Origin(),
        "fay": Origin(time="2026-12-01 10:00:00.5 UTC"),
    }


def pair(student, path, made=None, **origin):
    one = Submitted(student, path, origin=Origin(**origin))
    made = made or row(student, path=path, number=origin.get("number", ""))
    return one, LatePolicy({}).apply(one, made)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"attempt": (501, 0)}, {"attempt": (502, 1)}),
        ({"attempt": (501, 0)}, {"attempt": (501, 1)}),
        ({"attempt": (9, 2)}, {"attempt": (10, 0)}),
    ],
)
def test_the_latest_attempt_on_canvas_counts(first, second):
    canvas = {"platform": "canvas", "number": "1001"}
    pairs = [
        pair("leeann", "b.ipynb", **canvas, **second),
        pair("leeann", "a.ipynb", **canvas, **first),
        pair("leeann", "other.ipynb", platform="canvas", number="1002"),
    ]
    latest, earlier, other = mark_attempts(pairs)
    assert latest.remarks == ("it is the latest of 2 attempts, and counts",)
    assert earlier.replaced_by == "b.ipynb" and "b.ipynb counts" in earlier.remarks[0]
    assert not other.remarks and not latest.replaced_by


def test_the_latest_time_of_nbgraders_counts():
    times = ["2026-11-30 09:00:00 UTC", "2026-11-30 10:00:00 UTC", "2026-11-29 23:00:00 UTC"]
    pairs = [pair("dan", f"{n}", platform="nbgrader", time=time) for n, time in enumerate(times)]
    assert [one.replaced_by for one in mark_attempts(pairs)] == ["1", "", "1"]


def test_without_an_order_no_attempt_is_the_latest():
    pairs = [pair("ann", "a/1.ipynb"), pair("ann", "a/2.ipynb")]
    assert all(not one.replaced_by and not one.remarks for one in mark_attempts(pairs))


# -------------------------------------------------------------------------------- lateness

DUE = read_due(["2026-11-30 12:00", "other=2026-12-24"])


def late(time="", policy=None, **origin):
    one = Submitted("ann", "ann.ipynb", origin=Origin(time=time, **origin))
    return (policy or LatePolicy(DUE, 10, 25)).apply(one, row("ann"))


@pytest.mark.parametrize(
    ("time", "days", "penalty", "final"),
    [
        ("2026-11-30 12:00:00", 0, 0, 4),
        ("2026-11-30 12:00:01", 1, 0.5, 3.5),
        ("2026-12-01 12:00:00", 1, 0.5, 3.5),
        ("2026-12-02 12:00:00", 2, 1, 3),
        ("2026-12-20 12:00:00", 20, 1.25, 2.75),  # the cap
    ],
)
def test_days_and_penalty(time, days, penalty, final):
    made = late(time)
    assert (made.days_late, made.penalty, made.points, made.final) == (days, penalty, 4, final)
    assert bool(made.remarks) == bool(days)


def test_no_penalty_takes_more_than_there_is():
    made = late("2026-12-20 12:00:00", LatePolicy(DUE, 100))
    assert (made.points, made.penalty, made.final) == (4, 4, 0)


def test_time_zones_count():
    assert late("2026-11-30T12:00:00+01:00").days_late == late("2026-11-30 11:00:00 UTC").days_late
    assert read_time("2026-11-30 12:00:00 UTC").astimezone(UTC).hour == 12
    assert read_due(["2026-11-30"])[""] > read_time("2026-11-30 23:59")


def test_canvas_says_late_without_days():
    made = late(late=True, platform="canvas", number="1")
    assert (made.days_late, made.penalty) == (None, 0)
    assert "Canvas marked it as late; for days and a penalty, give the times" in made.remarks[0]


def test_a_time_that_is_none_is_named():
    assert "'yesterday' is no time" in late("yesterday").remarks[0]


@pytest.mark.parametrize(
    ("content", "time"),
    [
        ("student,submitted\nAnn,2026-12-01 12:00\n", "2026-12-01 12:00"),
        ("email;submitted\nann@uni.edu;2026-12-01T12:00:00\n", "2026-12-01 12:00"),
        ("ID,submitted\n1001,2026-12-01 12:00\n", "2026-12-01 12:00"),
        ("student,assignment,submitted\nann,hw,2026-12-01 12:00\nann,b,2026-12-09 12:00\n",
         "2026-12-01 12:00"),
        (WORKSHEET, "2026-11-30 23:59"),
    ],
)  # fmt: skip
def test_a_table_of_times(tmp_path, content, time):
    (tmp_path / "times.csv").write_text(content, "utf-8-sig")
    times = read_times(tmp_path / "times.csv")
    number = "51" if content == WORKSHEET else "1001"
    one = Submitted("ann", "ann.ipynb", origin=Origin("canvas", number))
    assert times(one, "hw") == read_time(time)
    assert times(Submitted("zoe", "zoe.ipynb"), "hw") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("student\nann\n", "needs a column `submitted`"),
        ("student,submitted\nann,12/11/2026\n", "line 2: '12/11/2026' is no time"),
        ("student,submitted\n,2026-11-30\n", "line 2: no student is named"),
    ],
)
def test_a_table_of_times_that_is_refused(tmp_path, content, said):
    (tmp_path / "times.csv").write_text(content)
    with pytest.raises(TableError, match=said):
        read_times(tmp_path / "times.csv")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LatePolicy(DUE, 101), "late-penalty is 101; it has to be from 0 to 100"),
        (lambda: LatePolicy(DUE, 10, -1), "late-cap is -1"),
        (lambda: LatePolicy({}, 10), "give --due"),
        (lambda: read_due(["soon"]), "'soon' is no time"),
        (lambda: read_due(["2026-11-30", "2026-12-01"]), "two times are due for all assignments"),
    ],
)
def test_a_policy_that_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


# ------------------------------------------------- one file for variants and for the exports


@pytest.mark.parametrize(
    ("content", "platform", "numbers", "students", "called"),
    [
        (GRADEBOOK, "canvas", ("1001", "1003"), ("Lee, Ann", "Müller, Jürgen"),
         ("leeann", "mullerjurgen")),
        (WORKSHEET, "moodle", ("51", "52"), ("ann@uni.edu", "ben@uni.edu"), ("Ann Lee", "Ben Roe")),
    ],
    ids=["canvas", "moodle"],
)  # fmt: skip
def test_what_a_platform_exports_is_a_roster_too(
    tmp_path, content, platform, numbers, students, called
):
    path = tmp_path / "exported.csv"
    path.write_text(content, "utf-8-sig")
    roster, listed = read_roster(path), ClassList(path)
    assert set(students) <= set(roster.students) and len(roster.students) == len(listed.rows)
    for student, name, number in zip(students, called, numbers, strict=True):
        assert roster.match(name) == (student,)
        index = listed.find(row(name, platform=platform, number=number))
        assert index is not None and index == listed.find(row(name))


@pytest.mark.parametrize("section", ["A", ""])
def test_a_student_without_a_number_is_none_of_canvass_rows(tmp_path, master, section):
    path = tmp_path / "students.csv"
    path.write_text(f"student,id,section\n    Points Possible,,\nann,1001,A\nben,,{section}\n")
    assert read_roster(path).students == ("ann", "ben")
    assert not export(tmp_path / "out", [row("ann"), row("ben")], master, "canvas", roster=path)
    _, _, *lines = table(tmp_path / "out" / "exports" / "canvas.csv")
    assert lines == [["ann", "1001", "A", "4"], ["ben", "", section, "4"]]


def test_a_row_with_nothing_but_a_section_is_named(tmp_path):
    path = tmp_path / "students.csv"
    path.write_text("student,id,section\nann,1001,A\n,,A\n")
    with pytest.raises(VariantError, match=r"line 3, ',,A': its student is empty"):
        read_roster(path)


def test_a_notebook_of_no_known_assignment_is_named(tmp_path, master):
    said = export(tmp_path / "out", [row("ann"), row("eve", set="")], master, "nbgrader")
    assert said == ["Not exported, because nothing says of which assignment they are: eve."]
