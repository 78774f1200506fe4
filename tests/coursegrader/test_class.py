"""A class of forty goes the whole way: released, handed in, graded, graded by hand, exported."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from collections import Counter

import nbformat
import pytest
import site_checks
from axe_playwright_python.sync_playwright import Axe
from traitlets.config import Config
from typer.testing import CliRunner

pytest.importorskip("resource", reason="grading needs Linux")

from coursekit.cli import app
from tests.coursegrader.notebooks import given, graded, marked, notebook, solution, v4, write
from tests.coursegrader.test_grade import one_warm_process  # noqa: F401

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux"),
    pytest.mark.skipif(site_checks.chromium() is None, reason="Chromium is not installed"),
]
STUDENTS = range(40)  # the first twenty use Canvas, the others Moodle
LATE = (3, 4)
BLANK = 7
TWICE = 5
GRADEBOOK = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Homework (77)"]


def source():
    return notebook(
        v4.new_markdown_cell("# Homework", id="title"),
        given("import math", "setup"),
        marked(v4.new_markdown_cell("Why is it so? Give a reason."), "question", locked=True),
        marked(
            v4.new_markdown_cell("It follows.\n\n**Rubric.** 3 points: names the reason."),
            "why",
            solution=True,
            grade=True,
            points=3,
        ),
        solution("### BEGIN SOLUTION\narea = math.pi\n### END SOLUTION", "area"),
        graded("assert area > 3\n### BEGIN HIDDEN TESTS\nassert area < 4\n### END HIDDEN TESTS",
               "test-area", 2),
    )  # fmt: skip


def handed_in(released, number: int) -> str:
    """The notebook of a student: every third is wrong, and one says nothing."""
    made = nbformat.from_dict(json.loads(json.dumps(released)))
    for cell in made.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "area":
            cell.source = "area = 5" if number % 3 == 0 else "area = math.pi"
        elif cell.metadata.get("nbgrader", {}).get("grade_id") == "why" and number != BLANK:
            cell.source = (
                f'=reason {number}; "<img src=x onerror=alert(1)>" <script>alert(2)</script>'
            )
    return nbformat.writes(made)


def hand_in(released, folder):
    """Make the archives of a class as Canvas and Moodle do."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "canvas.zip", "w") as canvas:
        for number in range(20):
            late = "LATE_" * (number in LATE)
            name = f"student{number:02}_{late}{1000 + number}_{5000 + number}_homework.ipynb"
            canvas.writestr(name, handed_in(released, number))
        again = f"student{TWICE:02}_{1000 + TWICE}_6000_homework-1.ipynb"
        canvas.writestr(again, handed_in(released, TWICE).replace("reason 5", "reason 55"))
    with zipfile.ZipFile(folder / "moodle.zip", "w") as moodle:
        for number in range(20, 40):
            name = f"Student {number}_{2000 + number}_assignsubmission_file_/homework.ipynb"
            moodle.writestr(name, handed_in(released, number))


def points_by_hand(text: str) -> int:
    return int(text.split()[1].rstrip(";")) % 4


def fill_in(chrome, page, folder):
    """Read all answers and grade them with the keyboard alone; return the table that is saved."""
    context = chrome.new_context(viewport={"width": 1300, "height": 900})
    tab, said = context.new_page(), []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("dialog", lambda dialog: (said.append("a dialog"), dialog.dismiss()))
    try:
        tab.goto(page.as_uri())
        count = tab.locator("article").count()
        for _ in range(count):
            tab.keyboard.press("j")
            text = tab.evaluate(
                "document.activeElement.closest('article').querySelector('.text').textContent"
            )
            points = points_by_hand(text)
            if points == 3:
                tab.keyboard.press("f")
            else:
                tab.keyboard.type(str(points))
            if points == 1:
                tab.keyboard.press("c")
                tab.keyboard.type('- no "reason"; \n=why?')
                tab.keyboard.press("Escape")
        assert f"{count} of {count}" in tab.locator("#count").text_content()
        for _ in range(5):  # it is kept; on a busy machine, Chromium needs time to store it
            tab.wait_for_timeout(500)
            tab.reload()
            if f"{count} of {count}" in tab.locator("#count").text_content():
                break
        assert f"{count} of {count}" in tab.locator("#count").text_content()
        with tab.expect_download(timeout=10_000) as download:
            tab.keyboard.press("Control+s")
        saved = folder / download.value.suggested_filename
        download.value.save_as(saved)
        assert not said
        assert not Axe().run(tab).response["violations"]
        # Another browser reads what this one saved; nothing typed there is replaced.
        other = chrome.new_context().new_page()
        other.goto(page.as_uri())
        other.locator("input.points").first.fill("2.5")
        other.set_input_files("#file", saved)
        other.get_by_text("read from").wait_for(timeout=10_000)
        assert f"{count} of {count}" in other.locator("#count").text_content()
        assert other.locator("input.points").first.input_value() == "2.5"
        assert other.locator(".other:visible").count() == 1
        other.context.close()
    finally:
        context.close()
    return saved


def table(path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


@pytest.mark.timeout(500)  # it takes 20 s of a processor
def test_a_class_goes_the_whole_way(tmp_path):
    def coursekit(*words):
        made = CliRunner().invoke(app, list(map(str, words)), env={"COLUMNS": "200"})
        assert made.exit_code == 0, made.output
        return made.output

    master = write(source(), tmp_path / "source" / "homework" / "homework.ipynb")
    coursekit("release", master, "--out", tmp_path / "handout")
    released = json.loads((tmp_path / "handout" / "homework.ipynb").read_text())
    hand_in(released, tmp_path / "in")
    times = "ID,submitted\n1003,2026-12-01 10:00\n1004,2026-12-02 13:00\n1000,2026-11-30 09:00\n"
    (tmp_path / "times.csv").write_text(times)
    out = tmp_path / "out"
    command = ["grade", tmp_path / "in", "--out", out, "--master", master]
    command += ["--due", "2026-11-30 12:00", "--late-penalty", 10]
    command += ["--times", tmp_path / "times.csv"]
    said = coursekit(*command)
    assert "41 notebooks graded, 41 of them now" in said and "40 wait for a person" in said
    (page,) = (out / "manual").glob("*.html")
    with site_checks.browser() as chrome:
        saved = fill_in(chrome, page, tmp_path)

    roster = tmp_path / "gradebook.csv"
    lines = [GRADEBOOK, ["    Points Possible", "", "", "", "", "5"]]
    lines += [[f"Last, Student{n:02}", f"{1000 + n}", "", f"s{n}", "A", ""] for n in range(20)]
    roster.write_text("\n".join(",".join(f'"{cell}"' for cell in line) for line in lines))
    exports = [word for name in ("canvas", "moodle", "gradescope", "nbgrader")
               for word in ("--export", name)]  # fmt: skip
    said = coursekit(*command, "--manual", saved, *exports, "--roster", roster)
    assert "41 notebooks graded, 0 of them now" in said and "wait for a person" not in said

    lines = {line["file"].rpartition("/")[2]: line for line in table(out / "grades.csv")
             if line["platform"] == "canvas"}  # fmt: skip
    lines |= {line["student"]: line for line in table(out / "grades.csv")}
    expected = {
        number: 2 * (number % 3 != 0) + (0 if number == BLANK else number % 4)
        for number in STUDENTS
    }
    expected[TWICE] = 2 + 55 % 4
    assert {line["status"] for line in lines.values()} == {"graded"}
    late = lines["student04"]
    assert (late["days_late"], late["penalty"], late["points"], late["final"]) == (
        *("3", "1.5", "2.0", "0.5"),
    )
    assert lines["student05_1005_5005_homework.ipynb"]["replaced_by"].endswith("homework-1.ipynb")
    assert "latest of 2 attempts" in lines["student05_1005_6000_homework-1.ipynb"]["remarks"]

    canvas = table(out / "exports" / "canvas.csv")
    penalty = {3: 0.5, 4: 1.5}
    assert {line["ID"]: float(line["Homework (77)"]) for line in canvas[1:]} == {
        str(1000 + n): max(0, expected[n] - penalty.get(n, 0)) for n in range(20)
    }
    moodle = table(out / "exports" / "moodle-homework.csv")
    assert {line["Identifier"]: float(line["Grade"]) for line in moodle} == {
        f"Participant {2000 + n}": expected[n] for n in range(20, 40)
    }
    assert any(
        '- no "reason"' in line["Feedback comments"].replace("&quot;", '"') for line in moodle
    )
    key = next(path for path in (out / "feedback").glob("student01-*"))
    assert "- no &#34;reason&#34;; \n=why?" in key.read_text()
    sent = json.loads(next((out / "gradescope").glob("student01-*")).read_text())
    assert (sent["score"], sent["visibility"]) == (3, "visible")

    # What the formgrader shows, by the interface that it calls.
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    config.CourseDirectory.db_url = f"sqlite:///{out / 'exports' / 'gradebook.db'}"
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    shown = api.get_submissions("homework")
    assert len(shown) == 40 and not any(one["needs_manual_grade"] for one in shown)
    assert {one["max_score"] for one in shown} == {5}
    assert Counter(one["score"] for one in shown) == Counter(expected.values())
    (notebook_shown,) = api.get_notebooks("homework")
    assert notebook_shown["average_score"] == pytest.approx(sum(expected.values()) / 40)
