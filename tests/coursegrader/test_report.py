"""What is written of a submission is bounded, harmless, and of what was graded."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from dataclasses import replace

import pytest

from coursegrader import report as _report
from coursegrader.outcomes import (
    CellOutcome,
    CheckOutcome,
    Output,
    SubmissionOutcome,
    from_json,
    to_json,
)
from coursegrader.report import bounded, clip


def check(**changes) -> CheckOutcome:
    made = CheckOutcome("S5.1", "A count", 2.0, 2.0, True, "", "answers", False)
    return replace(made, **changes)


def cell(source="x = 1", *outputs, **changes) -> CellOutcome:
    made = [Output(*output) if isinstance(output, tuple) else output for output in outputs]
    return CellOutcome("code", source, tuple(made), "ok", **changes)


def outcome(*cells, **changes) -> SubmissionOutcome:
    changes = {name: tuple(v) if isinstance(v, list) else v for name, v in changes.items()}
    made = SubmissionOutcome("two", "graded", 2.0, (check(),), seconds=1.5, student="ann")
    return replace(made, **{"path": "ann", "key": "ann", "cells": cells, **changes})


def row(*cells, **changes) -> SubmissionOutcome:
    return bounded(outcome(*cells, **changes))


def written(made: SubmissionOutcome):
    """What a state file holds of an outcome, as it is read from there."""
    return json.loads(_report.dump(to_json(made)))


def table(*rows) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(_report.grades(rows).to_csv(index=False))))


# --------------------------------------------------------------------------- it is bounded


LARGE = {
    "texts": [cell("x", ("stream", "y" * 50_000_000))],
    "many texts": [cell("x", *(("stream", "y" * 9000) for _ in range(3000)))],
    "many outputs": [cell("x", *(("stream", "") for _ in range(100_000)))],
    "many cells": [cell("x") for _ in range(2000)],
    "large cells": [cell("x" * 1_000_000) for _ in range(100)],
    "pictures": [cell("x", *[("picture", "iVBO" * 90_000)] * 100)],
    "errors": [cell("x", ("error", "\r\b" * 1_000_000))],
    "prose": [cell("*a_ " * 2_000, prose=True) for _ in range(100)],
    "nothing": [],
}


@pytest.mark.parametrize("name", LARGE)
def test_a_page_is_bounded(name):
    made = row(*LARGE[name])
    assert len(_report.dump(to_json(made))) < 8_000_000
    began = time.monotonic()
    assert len(_report.feedback(made)) < 12_000_000
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("name", LARGE)
def test_what_is_bounded_stays_as_it_is(name):
    once = bounded(outcome(*LARGE[name], remarks=["r" * 1000] * 200))
    assert bounded(from_json(written(once))) == once


def test_remarks_and_messages_are_bounded():
    long = [f"{number} " + "r" * 10_000 for number in range(5000)]
    made = row(
        remarks=long, checks=[check(passed=False, earned=0.0, message="m" * 100_000)], student="s"
    )
    assert len(made.remarks) == 51 and made.remarks[-1] == "and 4950 more"
    assert max(map(len, made.remarks)) == 500
    assert len(made.checks[0].message) == 2000
    assert len(table(made)[0]["remarks"]) == 2000
    assert len(_report.summary([made], {}, [])) < 10_000


def test_beginning_and_end_of_what_is_long_are_shown():
    text = "first" + "x" * 1_000_000 + "last"
    (kept,) = row(cell("x", ("stream", text))).cells[0].outputs
    assert kept.text.startswith("first") and kept.text.endswith("last")
    assert "characters are not shown" in kept.text


def test_graded_cells_are_shown_however_many_there_are():
    cells = [cell(f"c{number}") for number in range(900)]
    made = row(*cells, cell("the last", check=0))
    assert "the last" in [one.source for one in made.cells]
    assert "400 more cells are not shown." in _report.feedback(made)


def test_half_a_character_is_written_by_nobody():
    half = "M\udcfcller \ud800"
    made = row(
        cell(half, ("stream", half), prose=True),
        remarks=[half],
        checks=[check(message=half, passed=False, earned=0.0)],
        set=half,
    )
    _report.dump(to_json(made)).encode()
    assert clip(half, 100) == "M?ller ?"


# ------------------------------------------------------------------------- it is read again


def test_what_is_written_is_read():
    waits = check(passed=None, by="a person", earned=None, hidden=True)
    made = outcome(cell("x", ("picture", "iVBO"), check=1), cell(), checks=[check(), waits])
    assert from_json(written(made)) == made


DEEP: list = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (["status"], "perfect", "a submission's status is 'perfect'; it has to be one of: graded"),
        (["status"], [], r"the outcome.status is \[\]; a str is needed"),
        (["checks"], None, "the outcome.checks is None"),
        (["checks"], [{}], r"the outcome.checks\[0\] has too few keys or too many: by, earned"),
        (["checks", 0, "id"], DEEP, r"the outcome.checks\[0\].id is \[\[\["),
        (["checks", 0, "points"], float("nan"), r"the outcome.checks\[0\].points is nan"),
        (["checks", 0, "points"], True, "points is True; a float is needed"),
        (["checks", 0, "earned"], None, "passed=True and earned=None"),
        (["checks", 0, "earned"], 1000, "earned 1000.0 of 2.0 points"),
        (["checks", 0, "earned"], -3, "earned -3.0 of 2.0 points"),
        (["checks", 0, "passed"], 1, r"passed is 1; a bool is needed"),
        (["checks", 0, "by"], "magic", "who judged a check is 'magic'"),
        (["remarks"], [1], r"the outcome.remarks\[0\] is 1; a str is needed"),
        (["cells"], [1], r"the outcome.cells\[0\] is 1; a CellOutcome is needed"),
        (["cells", 0, "outputs"], [[]], r"outputs\[0\] is \[\]; a Output is needed"),
        (["cells", 0, "outputs", 0, "kind"], "html", "an output's kind is 'html'"),
        (["cells", 0, "outputs", 0, "text"], DEEP, r"text is \[\["),
        (["cells", 0, "source"], None, "source is None"),
        (["cells", 0, "check"], 7, "a cell holds check 7, and there are 1"),
        (["cells", 0, "check"], {}, r"check is \{\}; a int is needed"),
        (["seconds"], "1", "the outcome.seconds is '1'; a float is needed"),
        (["points"], 1000, "the outcome has too few keys or too many: points"),
        ([], None, "the outcome is None; a SubmissionOutcome is needed"),
    ],
    ids=lambda part: ".".join(map(str, part)) if isinstance(part, list) and part != DEEP else "",
)
def test_what_is_no_outcome_is_refused(place, value, said):
    holder = {"all": written(outcome(cell("x", ("stream", "y"))))}
    inner, last = holder, "all"
    for step in place:
        inner, last = inner[last], step
    inner[last] = value
    with pytest.raises(ValueError, match=said):
        from_json(holder["all"])


def test_points_are_counted():
    made = outcome(
        checks=[
            check(),
            check(earned=0.5, passed=False, by="in-process"),
            check(earned=None, passed=None, by="a person", points=3.0),
        ]
    )
    assert (made.points, made.waiting, made.in_process) == (2.5, 3, 0.5)


# ------------------------------------------------------------------------------ rendering


MOST_CALLS = 5_000_000  # 3.6 million for "a" below twenty ">"
WORST = [
    "|" + "a|" * 30_000 + "\n|" + "-|" * 30_000 + "\n" + "|\n" * 10_000,
    "|" + "a|" * 300 + "\n|" + "-|" * 300 + "\n" + "|\n" * 1000,
    "[a]: b\n" * 700,
    ">" * 20 + "a\n" * 2400,
    ">" * 5000,
    "_*a" * 1600,
    "[" * 5000,
    "![" * 50_000,
    "`" * 100_000,
    "<!--" * 100_000,
]


def calls_made(run) -> int:
    """Calls of functions that a call makes, which no other process on the machine changes."""
    count = 0

    def watch(frame, event, argument):
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


# A regular expression is one call; what it could take is bounded by the time.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("source", WORST, ids=lambda source: repr(source[:12]))
def test_the_worst_markdown_is_quick(source):
    shown = []
    assert calls_made(lambda: shown.append(_report.Renderer().prose(source))) < MOST_CALLS
    assert len(shown[0]) < 10 * len(source) + 1000


def test_a_page_renders_only_so_much():
    page = _report.Renderer()
    shown = [page.prose("**bold** " * 500) for _ in range(100)]
    assert "<strong>" in shown[0] and shown[-1].startswith("<pre>")
    coded = [page.code("x = 1\n" * 1000) for _ in range(100)]
    assert "<span" in coded[0] and coded[-1] == "x = 1\n" * 1000


def test_ordinary_markdown_is_rendered():
    shown = _report.Renderer().prose(
        "# Why\n\n| a | b |\n|---|---|\n| 1 | *2* |\n\n<b>no</b> ![x](y)"
    )
    assert "<h1>Why</h1>" in shown and "<td><em>2</em></td>" in shown
    assert "<b>" not in shown and "<img" not in shown


def test_what_cannot_be_rendered_is_shown_as_text(monkeypatch):
    def fails(*arguments, **options):
        raise RecursionError

    monkeypatch.setattr(_report._tables, "render", fails)
    monkeypatch.setattr(_report, "highlight", fails)
    page = _report.feedback(row(cell("<i>", prose=True), cell("a < b")))
    assert "<pre>&lt;i&gt;</pre>" in page and "<pre>a &lt; b</pre>" in page


# ---------------------------------------------------------------------------- spreadsheets


FORMULAS = ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", " =1", "\n \t=1", "＝1", "＋1", "－1"]
FORMULAS += [
    "＠a",
    "﹦1",
    "\u2212" + "1",
    "\ufeff=1",
    "\u200b=1",
    "\u200e\u00a0=1",
    "\x00=1",
    "a;=1",
]
FORMULAS += ["\tplain", "\rplain", "\nplain", "a\n=1", "a\r\n;\u200b=1"]


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_no_spreadsheet_takes_a_text_for_a_formula(text):
    made = row(student=text, path=text, remarks=[text], set=text, checks=[check(id=text)])
    written = _report.grades([made]).to_csv(index=False)
    (line,) = csv.DictReader(io.StringIO(written))
    assert written.count("\n") == 2  # a row is a line
    for name in ("student", "file", "remarks", "set"):
        for piece in line[name].replace("\t", ";").split(";"):
            shown = piece.strip("\ufeff\u200b\u200e\u00a0\x00 ")
            assert shown[:1] not in ("=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "\u2212")
        assert line[name][0] not in "\t\r\n"
    last = list(line)[-1]
    assert last[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n") and line[last] == "2.0"


def test_texts_and_numbers_stay_as_they_are():
    made = row(student="Ann-Marie O'Neil", path="hw - 1.ipynb", remarks=["a - b", "c"])
    (line,) = table(made)
    assert line["student"] == "Ann-Marie O'Neil" and line["file"] == "hw - 1.ipynb"
    assert line["remarks"] == "a - b; c" and line["points"] == "2.0"


def test_a_check_does_not_take_the_place_of_a_column():
    (line,) = table(
        row(student="ann", checks=[check(id="student"), check(id="points", earned=1.0)])
    )
    assert (line["student"], line["points"]) == ("ann", "3.0")
    assert (line["student (check)"], line["points (check)"]) == ("2.0", "1.0")


def test_gradescope_has_a_score_for_all_or_shows_none():
    all_graded = _report.gradescope(row())
    assert all_graded["visibility"] == "visible" and all_graded["score"] == 2
    waits = check(passed=None, by="a person", earned=None, points=3.0)
    part = _report.gradescope(row(checks=[check(), waits], possible=5.0, status="waiting"))
    assert "score" not in part["tests"][1] and part["tests"][1]["max_score"] == 3
    assert part["visibility"] == "after_published"
    assert part["output"].startswith("3 of 5 points: waits for a person.")
