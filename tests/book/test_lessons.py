"""The page that says where each lesson is taught leads to sections that exist."""

from __future__ import annotations

import re

import nbformat
import pytest

from tests.conftest import ROOT

BOOK = ROOT / "book"
PAGE = (BOOK / "lessons.md").read_text(encoding="utf-8")
LINKS = re.findall(r"\]\(([^)#\s]+)#([^)\s]+)\)", PAGE)

# How many lessons and exercises each source has, counted in the sources themselves.
LESSONS = {
    "S1": 9,
    "S2": 6,
    "S3, chapter 1": 15,
    "S3, chapter 2": 16,
    "S3, chapter 3": 19,
    "S4": 22,
    "S5": 8,
}


def headings(name: str) -> list[str]:
    path = BOOK / name
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = path.read_text(encoding="utf-8")
    return re.findall(r"^#{1,3} (.+)$", text, re.MULTILINE)


def slug(heading: str) -> str:
    """Make the anchor that MyST makes of a heading, in the manner of GitHub."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower().replace("`", ""))
    return kept.strip().replace(" ", "-")


@pytest.mark.parametrize(("name", "anchor"), sorted(set(LINKS)))
def test_link_leads_to_a_section(name, anchor):
    assert anchor in {slug(heading) for heading in headings(name)}


@pytest.mark.parametrize("source", LESSONS)
def test_every_lesson_is_listed(source):
    section = PAGE.split(f"## {source}")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    rows = [row for row in rows if not row.startswith("|--") and "---" not in row]
    assert len(rows) >= LESSONS[source]
    for row in rows:
        assert re.search(r"\]\([^)]+#[^)]+\)", row), row
