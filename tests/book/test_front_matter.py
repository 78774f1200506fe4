"""What the first and the last pages say of the others is true of them."""

from __future__ import annotations

import copy
import json
import re
import shlex
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest
import yaml
from typer.testing import CliRunner

import coursekit
from coursegrader.master import Master
from coursekit.cli import app
from coursekit.exercises import CheckFailed, catalogue
from tests.conftest import ROOT
from tests.coursegrader.notebooks import given, graded, notebook, solution, write

BOOK = ROOT / "book"
PATH = (BOOK / "learning-path.md").read_text(encoding="utf-8")
PLANS = (BOOK / "for-instructors.md").read_text(encoding="utf-8")
SVG = BOOK / "_static" / "learning-path.svg"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def text_of(name: str) -> str:
    path = BOOK / name
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def minutes_of(text: str) -> int:
    """How long a page says that it takes to read."""
    (found,) = re.findall(r"\*\*Time:\*\* (\d+) minutes", text)
    return int(found)


def needs_of(text: str) -> set[str]:
    """Which chapters a chapter says that it needs."""
    (paragraph,) = re.findall(r"\*\*You need:\*\*(.*?)(?:\n\n|\Z)", text, re.DOTALL)
    return set(LINK.findall(paragraph))


CHAPTERS = {
    path.name: text
    for path in sorted(BOOK.glob("*.ipynb"))
    if "**You need:**" in (text := text_of(path.name)) and "\n## Exercises" in text
}


def rows_of(table: str) -> dict[str, tuple[int, set[str]]]:
    """Chapter, minutes and what it builds on, of each row of the table."""
    rows = re.findall(r"^\| \[[^\]]+\]\((\S+)\) \| (\d+) \| (.+) \|$", table, re.MULTILINE)
    return {name: (int(minutes), set(LINK.findall(needs))) for name, minutes, needs in rows}


# ------------------------------------------------------------------------------ learning path


def test_the_table_says_what_the_chapters_say():
    assert rows_of(PATH) == {
        name: (minutes_of(text), needs_of(text)) for name, text in CHAPTERS.items()
    }


def wrong_paths(page: str) -> list[str]:
    """What is wrong with the ways through the book: times, sums, and the order of chapters."""
    wrong = []
    for title, sum_of_all, steps in re.findall(
        r"^### ([^\n]+)\n\n\*\*(\d+) minutes\.\*\*.*?\n((?:\d+\. [^\n]+\n)+)",
        page,
        re.MULTILINE | re.DOTALL,
    ):
        found = re.findall(r"^\d+\. \[[^\]]+\]\((\S+)\) \((\d+) minutes\)", steps, re.MULTILINE)
        if len(found) != len(steps.splitlines()):
            wrong.append(f"{title}: a step without a time")
        for name, minutes in found:
            if int(minutes) != minutes_of(text_of(name)):
                wrong.append(f"{title}: {name}")
        if sum(int(minutes) for _, minutes in found) != int(sum_of_all):
            wrong.append(f"{title}: sum")
        names = [name for name, _ in found]
        for place, name in enumerate(names):
            later = needs_of(CHAPTERS[name]) & set(names[place:]) if name in CHAPTERS else set()
            wrong += [f"{title}: {name} before {need}" for need in later]
    return wrong


def test_paths_add_up_and_keep_the_order():
    assert len(re.findall(r"^\*\*\d+ minutes\.\*\*", PATH, re.MULTILINE)) == 4
    assert wrong_paths(PATH) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (r"\*\*\d+ minutes\.\*\*", "**999 minutes.**", "sum"),
        (r"\(keras-in-one-page.ipynb\) \(\d+ ", "(keras-in-one-page.ipynb) (99 ", "keras-in-one-"),
        (r"5\. \[Meet MNIST\]\(meet-mnist.ipynb\) \(\d+ minutes\)", "5. Meet MNIST", "without a"),
        (r"3\. \[Build, compile, fit\]\(\S+\)", "3. [C](callbacks.ipynb)", "before"),
    ],
)
def test_a_wrong_path_is_noticed(old, new, message):
    changed = re.sub(old, new, PATH)
    assert changed != PATH
    assert any(message in wrong for wrong in wrong_paths(changed))


# ---------------------------------------------------------------------------------- the map


def without_shortcuts(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Leave out an arrow from a to c where one can go from a to c by way of others."""

    def reach(start: str, without: tuple[str, str]) -> set[str]:
        found, ends = set(), [start]
        while ends:
            here = ends.pop()
            ends += [b for a, b in edges if a == here and (a, b) != without and b not in found]
            found.update(b for a, b in edges if a == here and (a, b) != without)
        return found

    return {(a, b) for a, b in edges if b not in reach(a, (a, b))}


def test_shortcuts_are_found():
    assert without_shortcuts({("a", "b"), ("b", "c"), ("a", "c")}) == {("a", "b"), ("b", "c")}
    assert without_shortcuts({("a", "b"), ("a", "c")}) == {("a", "b"), ("a", "c")}


def test_the_map_shows_the_table():
    svg = ElementTree.parse(SVG).getroot()
    table = {name.removesuffix(".ipynb"): needs for name, (_, needs) in rows_of(PATH).items()}
    drawn = [element.get("data-chapter") for element in svg.iter() if element.get("data-chapter")]
    assert sorted(drawn) == sorted(table)
    arrows = [(e.get("data-from"), e.get("data-to")) for e in svg.iter() if e.get("data-from")]
    edges = {(need.removesuffix(".ipynb"), name) for name in table for need in table[name]}
    assert sorted(arrows) == sorted(without_shortcuts(edges))


def test_the_map_can_be_read_aloud_and_loads_nothing():
    text = SVG.read_text(encoding="utf-8")
    svg = ElementTree.fromstring(text)
    assert svg.get("role") == "img"
    named = {element.get("id"): element.text for element in svg.iter() if element.get("id")}
    for name in svg.get("aria-labelledby").split():
        assert len(named[name].split()) >= 4
    addresses = re.findall(r"https?://[^\"\s]+", text)
    assert set(addresses) == {"http://www.w3.org/2000/svg"}  # the name of the format


# ------------------------------------------------------------------------------ instructors


def test_a_term_has_every_chapter_and_every_exercise_once():
    plan = PLANS.split("### A term")[1].split("\n## ")[0]
    named = LINK.findall(plan)
    assert sorted(name for name in named if "/" not in name) == sorted(
        [*CHAPTERS, "tuning-checklist.md"]
    )
    exercises = {f"exercises/{path.name}" for path in (BOOK / "exercises").glob("*.ipynb")}
    assert {name for name in named if "/" in name} == exercises


@pytest.mark.parametrize("name", sorted({path.name for path in BOOK.glob("exercises/*.ipynb")}))
def test_exercises_of_the_plans_exist(name):
    """Exercises are named as 2-A; each letter of the plans is a heading in the notebooks."""
    headings = re.findall(r"^## Exercise (\d-[A-E])", text_of(f"exercises/{name}"), re.MULTILINE)
    term = PLANS.split("### A term")[1].split("\n## ")[0]
    for letter in headings:
        assert re.search(rf"\b{letter}\b", term), letter


def test_the_page_for_graders_says_so():
    assert "\n# For graders: grading submitted notebooks\n" in text_of("grading.md")


OWN = PLANS.split("\n## Your own exercises\n")[1].split("\n## ")[0]
CHECKS, LOADS, ANSWER, ASKS, WRONG = re.findall(r"```python\n(.*?)\n```", OWN, re.DOTALL)
COMMANDS = re.findall(r"```sh\ncoursekit (.*?)\n```", OWN, re.DOTALL)
CHECK_CHECKS, RELEASE, GRADE, VALIDATE = COMMANDS


@pytest.fixture
def own_exercise(tmp_path, monkeypatch):
    """A folder with the two files that the page has an instructor write; commands run above it."""
    folder = tmp_path / "week3"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalogue, "_check_files", {})
    (folder / "checks.py").write_text(CHECKS, encoding="utf-8")
    made = notebook(given(LOADS, "load"), solution(ANSWER, "rows"), graded(ASKS, "check-rows", 1))
    write(made, folder / "week3.ipynb")
    return folder


def with_answer(released, answer: str):
    """A released notebook as a learner hands it in."""
    handed_in = copy.deepcopy(released)
    handed_in.cells[1].source = answer
    return handed_in


def run_command(words: str) -> None:
    done = CliRunner().invoke(app, shlex.split(words), env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output


def test_an_exercise_of_ones_own_judges_in_the_notebook(own_exercise, monkeypatch, capsys):
    monkeypatch.chdir(own_exercise)  # where its kernel runs
    exec(f"{LOADS}\n{ANSWER}\n{ASKS}", {})
    passed = capsys.readouterr().out
    assert f"It prints `{passed.strip()}`." in OWN
    for wrong, message in [(150, "leaves no flower for training"), (29, "a fifth")]:
        with pytest.raises(CheckFailed, match=message):
            exec(f"{LOADS}\nrows = {wrong}\n{ASKS}", {})


def test_wrong_answers_to_an_exercise_of_ones_own_fail(own_exercise, monkeypatch):
    Path("wrong.py").write_text(WRONG, encoding="utf-8")
    run_command(CHECK_CHECKS)
    monkeypatch.chdir(own_exercise)  # a student has both files in one folder
    run_command(VALIDATE)


@pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
def test_an_exercise_of_ones_own_is_released_and_graded(own_exercise):
    Path("wrong.py").write_text(WRONG, encoding="utf-8")
    run_command(RELEASE)
    released = nbformat.read("handout/week3.ipynb", as_version=4)
    assert [cell.source for cell in released.cells][::2] == [LOADS, ASKS]
    assert "rows = None" in released.cells[1].source and "//" not in released.cells[1].source
    for student, rows in [("right", 30), ("wrong", 29), ("cheating", 29)]:
        write(with_answer(released, f"rows = {rows}"), Path(f"submissions/{student}/week3.ipynb"))
    Path("submissions/cheating/checks.py").write_text(
        re.sub(r"expect\(.*", "pass", CHECKS), encoding="utf-8"
    )
    run_command(GRADE)
    # Nothing lies beside the master that a submission could read: see the page for graders.
    without = [own_exercise / "checks.py"]
    assert not Master.from_file(own_exercise / "week3.ipynb", without).files
    with open("grades/results.json", encoding="utf-8") as file:
        rows = json.load(file)["submissions"]
    assert {row["student"]: row["points"] for row in rows} == {
        "right": 1,
        "wrong": 0,
        "cheating": 0,
    }
    messages = {row["student"]: row["checks"][0]["message"] for row in rows}
    assert messages["right"] == "" and "a fifth" in messages["cheating"] == messages["wrong"]


# ---------------------------------------------------------------------- landing page, citation


def test_three_ways_in_before_anything_else():
    first, *_ = text_of("index.md").split("\n## ")
    assert first.count(":::{grid-item-card}") == 3
    links = set(LINK.findall(first))
    assert links >= {"see-it-live.ipynb", "setting-up.md", "learning-path.md", "exercises.md"}
    assert links >= {"for-instructors.md", "grading.md", "what-is-deep-learning.ipynb"}
    for name in links:
        assert (BOOK / name).exists(), name


def test_citation():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    required = {"cff-version", "message", "title", "authors"}
    allowed = {"abstract", "keywords", "license", "type", "version"}
    assert required <= set(citation) <= required | allowed
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] in ("software", "dataset")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert citation["title"] == config["title"]
    assert citation["authors"] == [{"name": config["author"]}]
    assert citation["version"] == coursekit.__version__
    (cited,) = re.findall(r"^> (.+)$", text_of("index.md"), re.MULTILINE)
    assert cited == (
        f"{config['author']} ({config['copyright']}). *{config['title']}*, "
        f"version {coursekit.__version__}."
    )
