"""The checker finds the habits of translated English, and leaves plain English alone."""

from __future__ import annotations

import check_prose
import pytest
from check_prose import findings, sentences

FOUND = [
    ("Who knows the first two leaves them out.", "who/what clause"),
    ("That is easy. What is left is rounding: sums in another order.", "who/what clause"),
    ("Here whoever trains once sees nothing.", "who/what clause"),
    ("The one trains, the other does not.", "name both things"),
    ("A hidden layer that is none changes nothing.", "without"),
    ("The derivative is the subject of the next chapter.", "passive distance"),
    ("Scale both with the training part.", "training, validation or test set"),
    ("We measure it on rows apart.", "held-out rows"),
    ("A node may keep silent.", "abstaining"),
    ("More capacity has a price: time.", "cost"),
    ("You simply call it.", "leave it out"),
    ("This was an unlucky seed.", "measured"),
    ("All runs fall within the band.", "range"),
    ("So few it is.", "ellipsis"),
    ("Nor does the rule hold for ever.", "actor first"),
    ("Word " * 30 + "ends.", "31 words"),
    (":::{note}\nWho reads this stops.\n:::", "who/what clause"),
]

PLAIN = [
    "What shape does Keras expect?",
    "Who wrote it?\n\nWe ask what the network learned.",
    "If you already know `compile` and `fit`, skip the first two.",
    "The training set and the test set stay apart.",
    "One layer has 5 nodes, and the other has 4.",
    "```python\n# Who reads code parts\nband = 1\n```",
    "| part | band |\n|---|---|\n| Who reads it stays silent. | luck |",
    "[What to expect](page.md) says more.",
    "It needs four things: " + "a long item, " * 12 + "and an end.",
    "We cite it {cite}`band2020luck` and [this page](lucky-band.ipynb).",
    "- a list of words\n- and more " + "of them " * 12 + "\n- and still more " + "of them " * 12,
]


@pytest.mark.parametrize(("text", "advice"), FOUND)
def test_a_habit_is_found(text, advice):
    assert any(advice in found for _, found in findings(text))


@pytest.mark.parametrize("text", PLAIN)
def test_plain_english_passes(text):
    assert list(findings(text)) == []


def test_each_habit_has_an_example():
    found = {advice for text, _ in FOUND for _, advice in findings(text)}
    assert {one.instead for one in check_prose.HABITS} <= found


def test_sentences():
    text = "# Title\n\nOne, e.g. this. Two: three!\n\n- Four\n- five\n\n| a | b |\n"
    assert list(sentences(text)) == ["One, e.g this.", "Two: three!", "Four", "five"]


def test_the_exit_status_says_whether_something_was_found(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("You simply call it.\n", encoding="utf-8")
    assert check_prose.main([str(page)]) == 1
    assert "page.md: You simply call it." in capsys.readouterr().out
    page.write_text("You call it.\n", encoding="utf-8")
    assert check_prose.main([str(page)]) == 0
