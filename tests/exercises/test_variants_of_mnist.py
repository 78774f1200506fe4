"""The tuning lab: answers that belong to the digits of another student do not pass."""

from __future__ import annotations

import dataclasses

import pytest

from coursekit.exercises import find, variants
from tests.exercises.cases import every_case

SETS = {
    "4-A": "mnist-batch-size",
    "4-B": "mnist-learning-rate",
    "4-C": "mnist-capacity",
    "4-D": "mnist-capacity",
    "4-E": "mnist-regularisation",
}


@pytest.mark.parametrize("identifier", ["4-A.3", "4-B.3", "4-C.1", "4-D.1", "4-E.1", "4-E.4"])
def test_networks_of_other_digits_do_not_pass(identifier, monkeypatch):
    """Only the order of the digits is another one, and with it the validation set."""
    monkeypatch.setenv("COURSEKIT_EDITION", "sample")
    given = next(iter(every_case()[identifier].right.values()))()
    assert find(identifier)(given).passed
    name = SETS[identifier.partition(".")[0]]
    others = dataclasses.replace(variants.numbers(name), shuffle=5)
    monkeypatch.setitem(variants._makers, name, lambda draw: others)
    assert not find(identifier)(given).passed
