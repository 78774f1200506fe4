"""What a task tells its learner: points and level, words for a person, and hints on the page."""

from __future__ import annotations

import re

import nbformat
import pytest
from coursekit_hints import folded

from coursegrader.notebook import check_call, marks_of
from coursekit.exercises import find
from tests.conftest import ROOT

SOLUTIONS = sorted((ROOT / "book" / "solutions").glob("*.ipynb"))
RUBRIC = re.compile(r"\*\*Rubric\.\*\*(.*)", re.DOTALL)


def cells(path):
    return nbformat.read(path, as_version=4).cells


def is_manual(cell) -> bool:
    marks = marks_of(cell)
    return bool(marks.get("grade") and marks.get("solution") and cell.cell_type == "markdown")


def points(number: float) -> str:
    return f"{number:g} {'point' if number == 1 else 'points'}"


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
class TestTasks:
    def test_each_shows_its_points_and_level(self, path):
        text, found = "", 0
        for cell in cells(path):
            if cell.cell_type == "markdown" and not is_manual(cell):
                text = cell.source if not marks_of(cell) else text
            elif cell.cell_type == "code" and marks_of(cell).get("grade"):
                check = find(check_call(cell.source))
                line = f"{check.identifier}: {points(check.points)}, {check.level}."
                assert re.search(rf"^\*.*{re.escape(line)}.*\*$", text, re.MULTILINE), line
                found += 1
        assert found >= 4

    def test_a_person_grades_some_words(self, path):
        text, found = "", 0
        for cell in cells(path):
            if is_manual(cell) and marks_of(cell)["points"]:  # a note is worth none
                worth = points(marks_of(cell)["points"])
                assert re.search(rf"^\*.*{worth}, graded by a person\.\*$", text, re.MULTILINE)
                assert "**A model answer.**" in cell.source
                rubric = RUBRIC.search(cell.source)[1]
                parts = [float(part) for part in re.findall(r"([\d.]+) points?:", rubric)]
                assert sum(parts) == marks_of(cell)["points"], cell.source
                found += 1
            elif cell.cell_type == "markdown":
                text = cell.source
        assert found >= 1


def test_hints_are_folded_one_into_the_other():
    made = folded(("Look at `x < 3`.", "Then & then.", "Last."))
    assert made.count("<details") == made.count("</details>") == 3
    assert "<summary>Hint 1 of 3</summary><p>Look at <code>x &lt; 3</code>.</p><details" in made
    assert made.endswith("<p>Last.</p></details></details></details>")
