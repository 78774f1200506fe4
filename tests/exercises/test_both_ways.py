"""Every check, both ways: other right answers than the solution's pass, plausible mistakes do not.

The answers are in ``tests/exercises/cases``, one module for each set of exercises.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from coursegrader.answers import read, write
from coursekit.exercises import every, find
from coursekit.exercises.kinds import Array, History, Number, Table
from tests.exercises.cases import every_case

CASES = every_case()
CHECKS = list(every())
LONGEST = 600
# What solves an exercise is code; a message may name variables, functions and layers only.
CODE = re.compile(r"\w\(.*\w.*\)|[^=!<>]=[^=]|\[.*[:\w].*\]|\b(import|def|for|lambda) ")


def answers(which: str):
    """Parametrise over the answers of a kind; they are made when the test runs."""
    return pytest.mark.parametrize(
        ("identifier", "name"),
        [
            pytest.param(identifier, name, id=f"{identifier}: {name}")
            for identifier in CHECKS
            if identifier in CASES
            for name in getattr(CASES[identifier], which)
        ],
    )


@pytest.fixture(autouse=True)
def bundled_data(monkeypatch):
    monkeypatch.setenv("COURSEKIT_EDITION", "sample")


def handed_in(identifier: str, given) -> dict:
    """The answers as they arrive where submissions are judged."""
    kinds = find(identifier).answers
    return {
        name: read(kind, name, write(kind, kind.plain(name, given[name])))
        for name, kind in kinds.items()
    }


def helpful(message: str) -> None:
    """Expect a message that says what is wrong, and not what is right."""
    assert message and len(message) <= LONGEST, len(message)
    for quoted in re.findall(r"`([^`]*)`", message):
        assert not CODE.search(quoted), message
    assert "could not be judged" not in message


@pytest.mark.parametrize("identifier", CHECKS)
def test_every_check_has_answers_of_both_kinds(identifier):
    assert identifier in CASES, "no module in tests/exercises/cases has answers to it"
    assert len(CASES[identifier].right) >= 1 and len(CASES[identifier].wrong) >= 2


def test_there_are_answers_to_no_other_check():
    assert set(CASES) <= set(CHECKS)


@answers("right")
def test_right(identifier, name):
    given = CASES[identifier].right[name]()
    for result in (find(identifier)(given), find(identifier)(handed_in(identifier, given))):
        assert result.passed, result.message
        assert result.message == "" and result.earned == find(identifier).points


def test_a_check_that_is_run_again_says_the_same():
    """Also of a network of a class of one's own, whose layers the first run has used."""
    given = CASES["C.5"].right["subclassed"]()
    for _ in range(2):
        result = find("C.5")(given)
        assert result.passed, result.message


@answers("wrong")
def test_wrong(identifier, name):
    make, fragment = CASES[identifier].wrong[name]
    result = find(identifier)(make())
    assert not result.passed and result.earned == 0
    assert fragment and fragment in result.message
    helpful(result.message)


def emptied(kind, value):
    """The same answer with zeros in the place of all that was computed."""
    if isinstance(kind, Array) and value.dtype.kind in "biuf":
        return np.zeros_like(value)
    if isinstance(kind, Table):
        numbers = value.select_dtypes("number").columns
        return value.assign(**{str(name): 0 * value[name].fillna(0) for name in numbers})
    if isinstance(kind, Number):
        return 0.0
    if isinstance(kind, History):
        return {name: [0.0] * len(values) for name, values in value.items()}
    return value


@pytest.mark.parametrize("identifier", CHECKS)
def test_zeros(identifier):
    """Who computes nothing gets nothing, though all shapes and names are right."""
    kinds = find(identifier).answers
    if not any(isinstance(kind, (Array, Table, Number, History)) for kind in kinds.values()):
        return  # text, and models, are of other tests
    given = next(iter(CASES[identifier].right.values()))()
    plain = {name: kind.plain(name, given[name]) for name, kind in kinds.items()}
    zeros = {name: emptied(kind, plain[name]) for name, kind in kinds.items()}
    result = find(identifier)(zeros)
    assert not result.passed
    assert "could not be judged" not in result.message


@pytest.mark.parametrize("identifier", CHECKS)
def test_blank(identifier):
    check = find(identifier)
    for empty in (None, ...):
        result = check(dict.fromkeys(check.answers, empty))
        assert not result.passed and result.earned == 0
        assert result.message == (
            f"`{next(iter(check.answers))}` has no value yet. Your code has to give it one."
        )
    assert "is not defined" in check({}).message


@pytest.mark.parametrize(
    "odd",
    [object(), "nonsense", -1, [], {}, [[]]],
    ids=["object", "text", "number", "list", "dict", "nested"],
)
def test_nonsense(odd):
    """An answer of no sense at all never passes, and never raises."""
    for identifier in CHECKS:
        result = find(identifier)(dict.fromkeys(find(identifier).answers, odd))
        assert not result.passed and result.message, identifier
        assert len(result.message) <= LONGEST, identifier
