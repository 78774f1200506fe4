"""Variants: what a seed changes, and what it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from coursekit.exercises import variant, variants
from coursekit.exercises.variants import Draw, choose, declare_variant, numbers


@pytest.fixture(autouse=True)
def published():
    yield
    choose(0)


def names() -> list[str]:
    """The course's own sets; other tests may have declared more."""
    with pytest.raises(KeyError, match=r"there are of .*capstone"):
        variant("none of them")
    return [
        name for name, make in variants._makers.items() if make.__module__.startswith("coursekit.")
    ]


def test_a_draw_depends_on_seed_and_label_alone():
    draw = Draw(4)
    assert draw.generator("a").integers(10**9) == Draw(4).generator("a").integers(10**9)
    assert draw.generator("a").integers(10**9) != draw.generator("b").integers(10**9)
    assert draw.generator("a").integers(10**9) != Draw(5).generator("a").integers(10**9)


def test_variant_0_is_the_published_one():
    assert Draw(0).one_of("a", "x", "pqr") == "x"
    assert Draw(0).order_of("a", [3, 1, 2]) == (3, 1, 2)
    assert Draw(1).one_of("a", "x", "pqr") in "pqr"
    orders = {Draw(seed).order_of("a", [3, 1, 2]) for seed in range(1, 30)}
    assert len(orders) == 6 and {tuple(sorted(order)) for order in orders} == {(1, 2, 3)}


def test_numbers_are_those_of_the_chosen_variant(monkeypatch):
    names()  # declares the sets of the course
    monkeypatch.setattr(variants, "_makers", dict(variants._makers))
    declare_variant("mine")(lambda draw: draw.seed)
    assert variant("mine") == 0 and variant("mine", 7) == 7
    assert numbers("mine") == 7
    choose(8)
    assert numbers("mine") == 8


@pytest.mark.parametrize("seed", [-1, 2**31, 1.5, "1", None])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(
        (TypeError, ValueError), match=r"the variant is .*; it must be a whole number from 0"
    ):
        choose(seed)


@pytest.mark.parametrize("name", ["capstone", "breast-cancer", "mnist-batch-size"])
def test_sets_with_variants(name):
    assert name in names()


def test_every_set_differs_from_seed_to_seed_and_is_the_same_in_another_process():
    for name in names():
        found = {repr(variant(name, seed)) for seed in range(6)}
        assert len(found) == 6, name
    code = f"from coursekit.exercises import variant; print([variant(n, 3) for n in {names()!r}])"
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert again.stdout.strip() == str([variant(name, 3) for name in names()])
