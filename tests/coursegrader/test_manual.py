"""What a person types to grade cells is read, kept, merged, and flagged if the answer changes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader.manual import ManualGrades, Question, read_questions
from coursegrader.master import Master
from coursegrader.outcomes import BLANK, CellOutcome, CheckOutcome, Output, SubmissionOutcome
from coursegrader.tables import TableError, quote_formulas, rows_of, unquote_formulas
from tests.coursegrader.notebooks import given, graded, marked, notebook, solution, v4, write

NASTY = '=cmd|"/C calc"!A0\n-1;=2\n<script>alert(1)</script>'


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    made = notebook(
        v4.new_markdown_cell("Why does averaging help?", id="question"),
        marked(
            v4.new_markdown_cell("Errors cancel.\n\n**Rubric.** 3 points: the variance."),
            "why",
            solution=True,
            grade=True,
            points=3,
        ),
        marked(
            v4.new_markdown_cell(
                "Draw it.\n### BEGIN MARK SCHEME\n2 points: axes.\n### END MARK SCHEME"
            ),
            "draw",
            task=True,
            points=2,
        ),
        given("import numpy as np", "setup"),
        solution("x = 1", "x"),
        graded("assert x == 1", "test-x", 1),
    )
    path = write(made, tmp_path_factory.mktemp("master") / "hw.ipynb")
    return Master.from_file(path), path


def outcome(student: str, text: str, **changes) -> SubmissionOutcome:
    checks = (
        CheckOutcome("why", "why", 3.0, None, None, "", "a person", False),
        CheckOutcome("test-x", "test-x", 1.0, 1.0, True, "", "in-process", False),
    )
    cells = (CellOutcome("manual", text, prose=True, check=0), CellOutcome("tests", "x", check=1))
    made = SubmissionOutcome("hw", "waiting", 4.0, checks, cells=cells, student=student)
    return replace(made, path=f"{student}.ipynb", key=f"{student}-key", **changes)


CLASS = [outcome("ann", "Errors cancel."), outcome("=bob", NASTY), outcome("cyd", "No idea.")]


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out" / "state").mkdir(parents=True)
    return tmp_path / "out"


def run(out, master, rows=CLASS, **options):
    """What a run of the grader does with the tables: read, merge, write."""
    questions = {"hw": read_questions(*master)}
    by_hand = ManualGrades(out, [master[0]], questions, **options)
    by_hand.bind(rows)
    assert by_hand.write(rows)
    return [by_hand.apply(row) for row in rows], by_hand.warnings


def table(out) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((out / "manual.csv").read_text("utf-8-sig"))))


def type_in(out, changes, save=lambda header, lines: None, name="manual.csv"):
    """Fill in cells of the table, by student; ``save`` writes it as a program would."""
    lines = table(out)
    for line in lines:
        line.update(changes.get(line["student"].lstrip("'"), {}))
    if (content := save(list(lines[0]), lines)) is None:
        file = io.StringIO()
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
        content = file.getvalue().encode()
    (out / name).write_bytes(content)


# ------------------------------------------------------------------------------ the table


def test_the_table_says_what_there_is_to_grade(out, master):
    run(out, master)
    ann, bob, cyd = table(out)
    assert (ann["student"], ann["assignment"], ann["cell"], ann["most"]) == (
        "ann",
        "hw",
        "why",
        "3",
    )
    assert ann["rubric"].endswith("the variance.") and ann["text"] == "Errors cancel."
    assert ann["points"] == ann["comment"] == "" and cyd["file"] == "cyd.ipynb"
    assert bob["student"] == "'=bob" and unquote_formulas(bob["text"]) == NASTY


def test_no_cell_of_the_table_is_a_formula(out, master):
    run(out, master)
    for cell in (cell for line in table(out) for cell in line.values()):
        for line in cell.replace(";", "\n").split("\n"):
            assert line[:1] not in tuple("=+-@\t\r"), cell


@pytest.mark.parametrize(
    "text",
    ["=1", "'=1", "''=1", "-a\n=b", "\t=1", "\tplain", "'\tplain", "a;=1\t'-2", "it's", "'", "",
     "\r\n=1", "＝1", "\u200b=1", "a'=b"],
    ids=ascii,
)  # fmt: skip
def test_quoted_formulas_come_back(text):
    assert unquote_formulas(quote_formulas(text)) == text
    assert quote_formulas(text)[:1] not in tuple("=+-@\t\r＝\u200b")


def test_points_and_comments_are_merged(out, master):
    run(out, master)
    type_in(out, {"ann": {"points": "3"}, "=bob": {"points": "1.5", "comment": "- and why?\n=so"}})
    (ann, bob, cyd), said = run(out, master)
    assert (ann.status, ann.points, ann.waiting, ann.checks[0].message) == ("graded", 4, 0, "")
    assert ann.checks[0].passed is True and bob.checks[0].passed is False
    assert (bob.status, bob.points, bob.checks[0].message) == (
        "graded",
        2.5,
        "'- and why?\n=so"[1:],
    )
    assert (cyd.status, cyd.points, cyd.waiting) == ("waiting", 1, 3)
    assert not said
    assert [line["points"] for line in table(out)] == ["3", "1.5", ""]
    before = (out / "manual.csv").read_bytes()
    assert run(out, master)[0] == [ann, bob, cyd] and (out / "manual.csv").read_bytes() == before


def test_partial_points_without_a_comment_say_so(out, master):
    run(out, master)
    type_in(out, {"ann": {"points": "2"}})
    assert run(out, master)[0][0].checks[0].message == "2 of 3 points."


def excel(header, lines):
    """As a German Excel saves it: semicolons, Windows-1252, CRLF, a decimal comma, few quotes."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([[line[name] for name in header] for line in lines])
    return file.getvalue().replace("2.5", "2,5").encode("cp1252", "replace")


def excel_utf8(header, lines):
    return "\ufeff".encode() + excel(header, lines).decode("cp1252").encode()


def unicode_text(header, lines):
    """As Excel saves "Unicode text": UTF-16 with tabs."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter="\t", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([[line[name] for name in header] for line in lines])
    return file.getvalue().encode("utf-16")


def libre_office(header, lines):
    """All in quotes, without a byte order mark; columns were moved, and one was added."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    header = ["initials", *reversed(header)]
    writer.writerow(header)
    writer.writerows([[line.get(name, "JD") for name in header] for line in lines])
    return file.getvalue().encode()


def sep(header, lines):
    return b"sep=;\r\n" + excel(header, lines)


@pytest.mark.parametrize("save", [excel, excel_utf8, unicode_text, libre_office, sep])
def test_what_spreadsheets_save_is_read(out, master, save):
    run(out, master)
    changes = {"ann": {"points": "2.5", "comment": 'größer; "so"\nzwei'}, "cyd": {"points": " 0 "}}
    type_in(out, changes, save)
    (ann, bob, cyd), said = run(out, master)
    assert (ann.points, ann.checks[0].message) == (3.5, 'größer; "so"\nzwei') and not said
    assert (cyd.points, cyd.status, bob.status) == (1, "graded", "waiting")
    assert table(out)[0]["rubric"].endswith("the variance.")  # written anew
    if save is libre_office:
        assert [line["initials"] for line in table(out)] == ["JD"] * 3


def test_spreadsheets_do_not_take_the_ids_for_numbers_or_dates(out, master):
    run(out, master)
    assert all(line["id"].isalpha() and line["version"].isalpha() for line in table(out))


# --------------------------------------------------------------------- nothing typed is lost


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("good", "manual.csv, row 2 (ann, why): 'good' is no number of points; type one from 0"),
        ("-1", "'-1' points are below 0"),
        ("3.1", "'3.1' is more than 3, the most for this cell"),
        ("nan", "'nan' is no number"),
        ("1_0", "'1_0' is no number"),
        ("3/3", "'3/3' is no number"),
    ],
)
def test_wrong_points_are_named_and_kept(out, master, typed, said):
    run(out, master)
    type_in(out, {"ann": {"points": typed, "comment": "why"}})
    for _ in range(2):  # until it is mended
        (ann, *_), warnings = run(out, master)
        assert ann.status == "waiting" and len(warnings) == 1 and said in warnings[0]
        line = table(out)[0]
        assert (line["points"].lstrip("'"), line["comment"]) == (typed, "why") and said[
            -20:
        ] in line["remark"]
    type_in(out, {"ann": {"points": "3"}})
    assert run(out, master)[0][0].points == 4 and table(out)[0]["remark"] == ""


def test_rows_that_nobody_knows_are_kept_and_named(out, master):
    run(out, master)
    type_in(out, {"ann": {"points": "3"}, "cyd": {"points": "2", "comment": "=ok"}})
    run(out, master)
    rows = [CLASS[0], CLASS[1]]  # cyd's notebook is gone
    for _ in range(2):
        _, said = run(out, master, rows)
        assert said == [said[0]] and "its answer is not among the submissions now" in said[0]
        assert [line["student"] for line in table(out)] == ["ann", "'=bob", "cyd"]
        assert (table(out)[2]["points"], table(out)[2]["comment"]) == ("2", "'=ok")
    (_, _, cyd), said = run(out, master)  # it is back
    assert (cyd.points, cyd.checks[0].message) == (3, "=ok") and not said


def test_an_older_or_shorter_table_takes_nothing_back(out, master):
    run(out, master)
    empty = (out / "manual.csv").read_bytes()
    type_in(out, {"ann": {"points": "3", "comment": "good"}})
    run(out, master)
    (out / "manual.csv").write_bytes(empty)
    assert run(out, master)[0][0].points == 4
    (out / "manual.csv").unlink()
    assert run(out, master)[0][0].points == 4
    assert (table(out)[0]["points"], table(out)[0]["comment"]) == ("3", "good")
    type_in(out, {"ann": {"points": "wait"}})
    assert run(out, master)[0][0].status == "waiting"
    assert run(out, master)[0][0].status == "waiting" and table(out)[0]["points"] == ""


def test_the_table_before_is_kept(out, master):
    run(out, master)
    type_in(out, {"ann": {"points": "3"}, "=bob": {"points": "9"}})
    before = (out / "manual.csv").read_bytes()
    run(out, master)
    assert (out / "manual.backup.csv").read_bytes() == before


def test_a_table_that_changes_while_it_is_written_is_not_overwritten(out, master, monkeypatch):
    run(out, master)
    questions = {"hw": read_questions(*master)}
    by_hand = ManualGrades(out, [master[0]], questions)
    type_in(out, {"ann": {"points": "3"}})  # after it was read
    changed = (out / "manual.csv").read_bytes()
    rows = [*CLASS, outcome("dan", "new")]
    assert not by_hand.write(rows) and (out / "manual.csv").read_bytes() == changed
    by_hand.refresh()
    assert by_hand.write(rows) and by_hand.apply(rows[0]).points == 4
    assert [line["points"] for line in table(out)] == ["3", "", "", ""]


def test_two_rows_of_one_answer_that_differ_both_stay(out, master):
    run(out, master)
    type_in(out, {"ann": {"points": "3"}})
    text = (out / "manual.csv").read_text("utf-8")
    (out / "manual.csv").write_text(text + text.split("\n", 1)[1].replace('"3"', '"2"', 1)
                                    .replace(",3,3,", ",3,2,", 1), "utf-8")  # fmt: skip
    (ann, *_), said = run(out, master)
    assert ann.status == "waiting" and any("are of the same answer, and differ" in s for s in said)
    assert sorted(line["points"] for line in table(out) if line["student"] == "ann") == ["2", "3"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name,mark\nann,3\n", "has no column cell, points, student; it has name, mark"),
        (b'id,points\n"x,3\n', "line 2: it is no CSV file"),
        (b"\n", "has no column"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_and_stays(out, master, content, said):
    (out / "manual.csv").write_bytes(content)
    with pytest.raises(TableError, match=said):
        run(out, master)
    assert (out / "manual.csv").read_bytes() == content


def test_a_damaged_copy_or_key_is_named(out, master):
    (out / "state" / "manual").write_text("{")
    with pytest.raises(TableError, match="is damaged"):
        run(out, master)
    (out / "state" / "manual").unlink()
    (out / "manual.key").write_text("x")
    with pytest.raises(TableError, match="is no key"):
        run(out, master)


# ----------------------------------------------------------------------- an answer has changed


def test_the_points_of_a_changed_answer_wait(out, master):
    run(out, master)
    type_in(out, {"ann": {"points": "3", "comment": "good"}})
    run(out, master)
    changed = [outcome("ann", "I no longer know."), *CLASS[1:]]
    for _ in range(2):
        (ann, *_), said = run(out, master, changed)
        assert ann.status == "waiting" and "has changed since it got 3 points" in said[0]
        line = table(out)[0]
        assert (line["points"], line["earlier"], line["comment"]) == ("", "3", "good")
        assert line["text"] == "I no longer know."
    type_in(out, {"ann": {"points": "1"}})
    (ann, *_), said = run(out, master, changed)
    assert (ann.points, ann.checks[0].message) == (2, "good") and not said
    assert table(out)[0]["earlier"] == ""


def test_points_for_a_blank_count_if_somebody_gives_them(out, master):
    blank = replace(CLASS[0].checks[0], earned=0.0, passed=False, message=BLANK)
    rows = [replace(CLASS[0], checks=(blank, CLASS[0].checks[1]), status="graded"), CLASS[1]]
    (ann, _), _ = run(out, master, rows)
    assert ann.points == 1 and [line["student"] for line in table(out)] == ["'=bob"]
    (out / "mine.csv").write_text("student,cell,points,comment\nAnn,why,2,in another cell\n")
    (ann, _), said = run(out, master, rows, others=[out / "mine.csv"])
    assert (ann.points, ann.checks[0].message) == (3, "in another cell") and not said
    assert run(out, master, rows)[0][0].points == 3


# ------------------------------------------------------------------------------ other tables


def test_tables_made_by_hand(out, master):
    rows = [*CLASS, replace(outcome("ann", "A second."), key="ann-2", path="b.ipynb")]
    content = "student;cell;points;comment\ncyd;why;2,5;yes\nann;why;1;which?\nzoe;why;1;\n"
    (out / "mine.csv").write_text(content)
    (ann, _, cyd, _), said = run(out, master, rows, others=[out / "mine.csv"])
    assert cyd.points == 3.5 and ann.status == "waiting"
    assert "mine.csv, row 3: 2 answers fit" in said[0]
    assert "mine.csv, row 4: no student 'zoe'" in said[1]
    assert [line["student"] for line in table(out)][-2:] == ["ann", "zoe"]
    length = len(table(out))
    run(out, master, rows, others=[out / "mine.csv"])
    assert len(table(out)) == length


def test_a_table_replaces_points_and_says_so(out, master):
    run(out, master)
    type_in(out, {"ann": {"points": "1"}}, name="other.csv")
    type_in(out, {"ann": {"points": "3"}})
    (ann, *_), said = run(out, master, others=[out / "other.csv"])
    assert ann.points == 2 and "replaces 3 points (manual.csv, row 2) by 1" in said[0]
    assert table(out)[0]["earlier"] == "3"
    type_in(out, {"ann": {"points": "wait"}}, name="other.csv")
    type_in(out, {"ann": {"points": "3"}})
    (ann, *_), said = run(out, master, others=[out / "other.csv"])
    assert ann.status == "waiting" and "by wait" in said[0]


def test_tables_with_one_file_name_are_several(out, master, tmp_path):
    run(out, master)
    copies = [tmp_path / name / "manual.csv" for name in ("mine", "of the other TA")]
    for points, copy in zip("12", copies, strict=True):
        copy.parent.mkdir()
        type_in(out, {"ann": {"points": points}}, name=f"../{copy.parent.name}/manual.csv")
    type_in(out, {"ann": {"points": "3"}})
    (ann, *_), said = run(out, master, others=copies)
    assert ann.points == 3 and f"replaces 1 points ({copies[0]}, row 2) by 2" in said[0]
    assert run(out, master)[0][0].points == 3


# --------------------------------------------------------------------------------- anonymous


def test_nobody_is_named(out, master):
    run(out, master, anonymous=True)
    (page,) = (out / "manual").glob("*.html")
    for text in ((out / "manual.csv").read_text("utf-8"), page.read_text()):
        assert not any(name in text for name in ("ann-key", "ann.ipynb", "=bob", "cyd"))
    names = {line["student"] for line in table(out)}
    assert len(names) == 3 and all(name.isalpha() for name in names)
    line = table(out)[0]
    type_in(out, {line["student"]: {"points": "3"}})
    rows, _ = run(out, master, anonymous=True)
    assert sorted(row.points for row in rows) == [1, 1, 4]
    assert {line["student"] for line in table(out)} == names
    assert run(out, master)[0] == rows  # with names again
    assert (out / "manual.key").stat().st_mode & 0o77 == 0


def test_another_key_gives_other_numbers(out, master):
    run(out, master, anonymous=True)
    names = {line["student"] for line in table(out)}
    for path in (out / "manual.key", out / "manual.csv", out / "state" / "manual"):
        path.unlink()
    run(out, master, anonymous=True)
    assert not names & {line["student"] for line in table(out)}


# ---------------------------------------------------------------------------------- the rest


def test_a_task_is_answered_in_the_cells_that_follow(master):
    model, path = master
    questions = read_questions(model, path)
    assert questions["draw"].text == "Draw it."
    assert "2 points: axes." in questions["draw"].rubric
    assert questions["why"].text == "Why does averaging help?"
    by_hand = ManualGrades(path.parent, [model], {"hw": questions})
    check = CheckOutcome("draw", "draw", 2.0, None, None, "", "a person", False)
    cells = (
        CellOutcome("manual", "Draw it.", prose=True, check=0),
        CellOutcome("code", "plt.plot(1)"),
        CellOutcome("text", "It rises.", prose=True),
        CellOutcome("code", "import numpy as np"),
        CellOutcome("code", "x = 2"),
    )
    row = SubmissionOutcome("hw", "waiting", 2.0, (check,), cells=cells, student="a", key="a")
    (answer,) = by_hand._answers(row)
    assert answer.text == "plt.plot(1)\n\nIt rises."


def test_a_page_is_only_text(out, master):
    run(out, master)
    (page,) = (out / "manual").glob("*.html")
    text = page.read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text and "<script>alert" not in text
    assert text.count("<script>") == 1 and "script-src 'sha256-" in text
    assert "the variance." in text and "Why does averaging help?" in text


def test_nothing_is_written_where_no_person_grades(out, master):
    row = replace(CLASS[0], checks=CLASS[0].checks[1:], cells=())
    run(out, master, [row])
    assert not list(out.glob("manual*"))


def test_what_is_kept_can_be_read(out, master):
    run(out, master)
    type_in(out, {"ann": {"points": "3"}})
    run(out, master)
    (kept,) = json.loads((out / "state" / "manual").read_text()).values()
    assert (kept["student"], kept["cell"], kept["points"]) == ("ann", "why", 3)
    assert Question("", "") and list(rows_of("a,b\n1,2\n"))


def test_a_page_of_large_answers_is_bounded(out, master):
    rows = []
    for number in range(100):
        row = outcome(f"s{number}", "x" * 90_000)
        pictures = tuple(Output("picture", "iVBO" * 100_000) for _ in range(5))
        rows.append(replace(row, cells=(replace(row.cells[0], outputs=pictures), row.cells[1])))
    run(out, master, rows)
    (page,) = (out / "manual").glob("*.html")
    assert page.stat().st_size < 60_000_000
    assert "(more is on the feedback page)" in page.read_text()
    assert max(len(line["text"]) for line in table(out)) <= 30_000
