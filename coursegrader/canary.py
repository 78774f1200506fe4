"""Tests that must fail, to notice submissions that fool the tests beside them."""

from __future__ import annotations

import ast
import copy
import math
import random
import secrets
from collections.abc import Iterator
from itertools import islice
from typing import Any

MOST_MUTANTS = 3  # of one cell of tests

_random = random.SystemRandom()


def canary() -> tuple[str, str]:
    """Return the source of a test that fails, and what its failing says.

    Both are new at each call, so that nobody can know them beforehand.
    """
    word = secrets.token_hex(6)
    name = f"_{word}"
    low = _random.randrange(2, 500)
    high = low + _random.randrange(1, 500)
    # Without functions: a learner may have called a variable `sum`.
    source = _random.choice(
        (
            f"assert {low} == {high}, '{word}'",
            f"assert [{low}, {high}] == [{high}, {low}], '{word}'",
            f"assert {low} > {high}, '{word}'",
            f"{name} = {low}\nassert {name} * 2 == {2 * high}, '{word}'",
            f"{name} = [{high}, {low}]\nassert {name}[1] == {name}[0], '{word}'",
            f"for {name} in [{low}, {high}]:\n    assert {name} != {high}, '{word}'",
        )
    )
    return source, f"AssertionError: {word}"


def mutants(source: str) -> list[str]:
    """Return tests again, each with another value where one names the right one.

    Only an ``assert a == b`` with a literal ``b`` that always runs is changed: if it holds for
    the literal, it cannot hold for another one, unless what is compared is equal to everything
    or has looked up what it is compared with.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:  # IPython's own, such as %%time
        return []
    return list(islice(_mutate(tree), MOST_MUTANTS))


def _mutate(tree: ast.Module) -> Iterator[str]:
    places = list(range(len(tree.body)))
    _random.shuffle(places)
    for place in places:
        match tree.body[place]:
            case ast.Assert(ast.Compare(_, [ast.Eq()], [literal])):
                try:
                    value = ast.literal_eval(literal)
                    other = _different_value(value)
                except (ValueError, TypeError, RecursionError):
                    continue
                changed = copy.deepcopy(tree)
                changed.body[place].test.comparators = [ast.parse(repr(other)).body[0].value]
                yield ast.unparse(changed)


def _different_value(value: Any) -> Any:
    """Return a literal of the same kind that is not equal.

    Raises
    ------
    TypeError
        If there is none.
    """
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        step = _random.randrange(1_000, 9_000)
        return value + step if math.isfinite(value) and abs(value) < 1e12 else 0
    if isinstance(value, str):
        return value + secrets.token_hex(3)
    if isinstance(value, (list, tuple)) and value:
        place = _random.randrange(len(value))
        changed = [*value[:place], _different_value(value[place]), *value[place + 1 :]]
        return type(value)(changed)
    raise TypeError(f"no other value for {value!r}")
