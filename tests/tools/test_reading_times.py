"""The times in the book are those that the tool computes, and no chapter is too long."""

from __future__ import annotations

import nbformat
import pytest
from reading_times import BOOK, LONGEST, Reading, minutes, of_code, of_page, with_times

PAGES = sorted(path.name for pattern in ("*.ipynb", "*.md") for path in BOOK.glob(pattern))


@pytest.fixture(scope="module")
def computed():
    return minutes()


@pytest.mark.parametrize("name", PAGES)
def test_the_book_states_the_computed_times(name, computed):
    text = (BOOK / name).read_text(encoding="utf-8")
    assert with_times(name, text, computed) == text, "run `make reading-times`"


def test_each_chapter_is_one_sitting(computed):
    assert {name: time for name, time in computed.items() if time > LONGEST} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A title\n\nTwo words, it's four.", Reading(words=6)),
        ("See [this page](page.ipynb#a-section) {cite}`someone2020title`.", Reading(words=3)),
        ("| one | two |\n|---|---|\n| 3 | four |", Reading(words=3)),
        ("Before\n\n```python\nx = 1\n\ny = 2\n```\n\nafter", Reading(words=2, lines=2)),
        (":::{note}\nRead me.\n:::\nAfter.", Reading(words=3)),
        (
            "::::{dropdown} More\nFolded.\n:::{note}\nToo.\n:::\n::::\nOpen.",
            Reading(1, 0, 0, 0 + 2),
        ),
        ("```{dropdown} Code\nfolded\n```\nopen", Reading(words=1, folded_words=1)),
        ("```{raw} html\n<svg>drawn</svg>\n```", Reading(figures=1)),
        ("![what it shows](a.svg)", Reading(words=3, figures=1)),
    ],
)
def test_what_is_counted(text, expected):
    assert of_page(text, ".md") == expected


def code_cell(source: str, *tags: str, figure: bool = False) -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("display_data", {"text/plain": "<Figure size 10x10>"})]
    cell = nbformat.v4.new_code_cell(source, outputs=outputs if figure else [])
    cell.metadata["tags"] = list(tags)
    return cell


def test_code_that_is_folded_counts_apart():
    source = "x = 1\n# a comment\n\ny = 2"
    assert of_code(code_cell(source)) == Reading(lines=2)
    assert of_code(code_cell(source, "hide-input", figure=True)) == Reading(
        figures=1, folded_lines=2
    )


def test_minutes():
    assert Reading(words=1000, lines=60, figures=4).minutes == 12


def test_times_are_written_everywhere_and_added_up():
    times = {"a.ipynb": 12, "b.md": 7}
    page = (
        "| [A](a.ipynb) | 30 | nothing |\n\n### A way\n\n**99 minutes.** For all.\n\n"
        "1. [A](a.ipynb) (30 minutes), then\n2. [B](b.md) (5 minutes)\n\n"
        "### Another\n\n**5 minutes.**\n\n1. [B](b.md) (5 minutes)\n"
    )
    assert with_times("path.md", page, times) == (
        "| [A](a.ipynb) | 12 | nothing |\n\n### A way\n\n**19 minutes.** For all.\n\n"
        "1. [A](a.ipynb) (12 minutes), then\n2. [B](b.md) (7 minutes)\n\n"
        "### Another\n\n**7 minutes.**\n\n1. [B](b.md) (7 minutes)\n"
    )
    assert with_times("a.ipynb", "**Time:** 30 minutes to read", times) == (
        "**Time:** 12 minutes to read"
    )
    assert with_times("c.ipynb", "**Time:** 30 minutes to read", times) == (
        "**Time:** 30 minutes to read"
    )
