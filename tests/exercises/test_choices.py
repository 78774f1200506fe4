"""A choice may be spelled in many ways, and in every exercise in the same ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coursekit.exercises import checks, every
from coursekit.exercises.checks import _answers
from coursekit.exercises.kinds import Text

LETTER_OF = {"S1.5": "b", "2-A.7": "b", "2-B.5": "b", "3-B.5": "b", "4-C.2": "b", "C.13": "a"}
SPELLINGS = ["{}", "{}.", "({})", "{})", " {} ", "{}:", "[{}]", "'{}'", '"{}."', "**{}**", "{}\n"]


def test_these_are_all_checks_that_ask_for_a_letter_alone():
    alone = {
        name
        for name, check in every().items()
        if [type(kind) for kind in check.answers.values()] == [Text]
    }
    assert alone == set(LETTER_OF)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", LETTER_OF)
def test_every_check_takes_every_spelling(name, spelling):
    check = every()[name]
    (answer,) = check.answers
    for letter in (LETTER_OF[name], LETTER_OF[name].upper()):
        result = check({answer: spelling.format(letter)})
        assert result.passed, result.message


@pytest.mark.parametrize("name", LETTER_OF)
@pytest.mark.parametrize("given", ["", "ab", "b or c", "x", "the letter b", "."])
def test_what_is_no_letter_is_refused(name, given):
    check = every()[name]
    (answer,) = check.answers
    result = check({answer: given})
    assert not result.passed and "one of the letters" in result.message
    assert f"`{answer}` is {given!r}" in result.message


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("Kept out.", "kept out"),
        ("  'no clear  difference' ", "no clear difference"),
        ("Logistic\nregression", "logistic regression"),
        ("l2", "l2"),
        ("64x2", "64x2"),
    ],
)
def test_words_are_taken_likewise(given, words):
    assert _answers.normalised(given) == words


def test_no_check_reads_a_choice_in_a_way_of_its_own():
    for path in Path(checks.__file__).parent.glob("*.py"):
        own = re.findall(r"\.strip\(.*\.lower\(\)", path.read_text(encoding="utf-8"))
        # Names of networks in a table are the learner's own, and are compared as they are.
        allowed = {"_answers.py": 2, "capstone.py": 1}.get(path.name, 0)
        assert len(own) == allowed, (path.name, own)
