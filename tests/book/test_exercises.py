"""Every exercise that a chapter states is in a notebook that checks itself, or has a solution.

``python -m tests.book.test_exercises`` prints the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import nbformat
import pytest

from coursekit.exercises import every
from tests.conftest import ROOT

CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
# "**Exercise 2-A." or, in a sentence, "Exercise 3-B"; S1 and S2 are named by their notebooks.
NAMED = re.compile(r"^\*\*Exercise (\d-[A-E])\b", re.MULTILINE)
NUMBERED = re.compile(r"^(\d+)\. ")
OWN = re.compile(r"^One of ours: \*\*(.+?)\*\*", re.MULTILINE)
# A line that ends the tasks of a named exercise: those after it are the chapter's own.
FURTHER = re.compile(
    r"^(More questions|One more|A shorter one|Shorter ones|One of ours|Before that|Others?)\b.*:"
)


@dataclass(frozen=True)
class Stated:
    """One exercise of a chapter, and where it is answered: empty if nowhere."""

    chapter: str
    name: str
    answered: str


def section(text: str, title: str) -> str:
    """The text below a heading of the second level, to the next one."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def stated(path) -> list[Stated]:
    notebook = nbformat.read(path, as_version=4)
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    exercises = section(text, "Exercises")
    dropdowns = re.findall(r"^:::\{dropdown\}.*?^:::$", exercises, re.DOTALL | re.MULTILINE)
    folded = "\n".join(dropdowns)
    for dropdown in dropdowns:
        exercises = exercises.replace(dropdown, "")
    checked = {identifier.rpartition(".")[0] for identifier in every()}
    found, current = [], ""
    links = re.findall(r"exercises/([\w-]+)\.ipynb", exercises)
    for line in exercises.splitlines():
        if named := NAMED.match(line):
            current = named[1]
            answer = f"checks {current}.*" if current in checked else ""
            found.append(Stated(path.stem, f"Exercise {current}", answer))
        elif FURTHER.match(line):
            current = ""
        if (own := OWN.match(line)) or ((own := NUMBERED.match(line)) and not current):
            number = own[1]
            pattern = rf"^(- \*\*{re.escape(number)}(?!\w)|{number}\. )"
            there = re.search(pattern, folded, re.MULTILINE)
            found.append(Stated(path.stem, number, "folded solution" if there else ""))
    if not found and links:
        found.append(Stated(path.stem, "notebook", f"exercises/{links[0]}.ipynb"))
    return found


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_exercise_is_answered(path):
    assert [one.name for one in stated(path) if not one.answered] == []


def test_exercises_are_found():
    assert sum(len(stated(path)) for path in CHAPTERS) >= 70


if __name__ == "__main__":
    for path in CHAPTERS:
        for one in stated(path):
            print(f"{one.chapter:32}{one.name:20}{one.answered or 'NOWHERE'}")
