"""No page says that one method is better than another without an interval."""

from __future__ import annotations

import nbformat
import pytest
from comparisons import book, sections, unsupported
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

# Sentences that say "better" of no two methods that were measured, and why.
NO_COMPARISON = {
    "A loss that stays at this value is no better than equal guessing.": "arithmetic",
    "Not every trained network is so regular, but the table shows the idea of deep learning: each "
    "layer describes the same flowers again, in numbers that suit the question better.": "counted",
    "If you have few examples, a network trained on similar data may help.": "of the field",
    "A network needs an array of numbers without missing values, and usually trains better when "
    "the columns have similar scales.": "of the field",
    "Try a simple method first, and keep it if the network is no better.": "advice",
    "Generalisation:** networks trained with large batches have been reported to do worse on new "
    "data (Keskar and others, 2017).": "of the field, with its source",
    "help a deep network that does not learn.": "an aim",
    "The choice favours networks that do better on these test digits than they would on others.": (
        "arithmetic"
    ),
    "The p-value tests whether the network is better than that.": "a question",
    "While the penalty falls, this loss can fall even if the predictions get no better, so "
    "training may go on for longer.": "arithmetic",
}


@pytest.fixture(scope="module")
def found():
    return book()


def test_no_claim_without_an_interval(found):
    left = {sentence for _, _, sentence in unsupported(found)}
    assert left == set(NO_COMPARISON)


def test_comparisons_are_many_and_each_has_a_verdict(found):
    rows = [row for section in found for row in section.intervals]
    assert len(rows) >= 20
    for row in rows:
        assert float(row["low"]) <= float(row["estimate"]) <= float(row["high"])
        assert row["verdict"] or "difference" not in row["kind"]


def chapter(text: str, printed: str = "", code: str = "") -> nbformat.NotebookNode:
    output = new_output("stream", name="stdout", text=printed)
    return new_notebook(cells=[new_markdown_cell(text), new_code_cell(code, outputs=[output])])


INTERVAL = "first minus second: 0.02 (95 % interval 0.01 to 0.03, n = 20)"


@pytest.mark.parametrize(
    "text",
    [
        "## Which?\n\nThe wide network is better than the narrow one.",
        "## Does it help?\n\nDropout helps this network.",
        "## A new section\n\nWith L2 the validation loss is worse.",
    ],
)
def test_a_claim_is_found(text):
    assert len(unsupported(sections("page.ipynb", chapter(text)))) == 1
    assert unsupported(sections("page.ipynb", chapter(text, INTERVAL))) == []
    apart = chapter("## Another section\n\nText.", INTERVAL)
    apart.cells += chapter(text).cells
    assert len(unsupported(sections("page.ipynb", apart))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "## Which?\n\nIs the wide network better?",
        "## Summary\n\nThe wide network is better.",
        "## Shapes\n\nThe network has two layers.",
    ],
)
def test_what_is_no_claim(text):
    assert unsupported(sections("page.ipynb", chapter(text))) == []


def test_a_row():
    code = "found = evaluation.paired_difference(a, b)"
    made = sections("page.ipynb", chapter("# Page\n\n## Which?\n\nText.", INTERVAL, code))
    (row,) = made[-1].intervals
    assert (made[-1].title, row["label"], row["n"]) == ("Which?", "first minus second", "20")
    assert (row["kind"], row["verdict"]) == ("paired difference", "separated from 0")
