"""Make tests that must fail, to detect submissions that tamper with in-process tests."""

from __future__ import annotations

import ast
import copy
import math
import random
import secrets
from collections.abc import Iterator
from itertools import islice
from typing import Any

MAX_MUTANTS = 3  # per cell of tests

_random = random.SystemRandom()


def canary() -> tuple[str, str]:
    """Generate a test that must fail.

    Returns
    -------
    source : str
        Source of the test. It differs at each call, so that no submission can predict it.
    message : str
        Error that the test raises, such as ``"AssertionError: 3f2a9c"``.
    """
    word = secrets.token_hex(6)
    name = f"_{word}"
    low = _random.randrange(2, 500)
    high = low + _random.randrange(1, 500)
    # No functions: a learner may have named a variable `sum`.
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
    """Return variants of a cell of tests, each with one expected value replaced.

    Only a top-level ``assert a == b`` with a literal ``b`` is changed. If it holds for the
    original literal, it must fail for another one. If it passes all the same, then ``a`` equals
    everything or has looked up its expected value.

    Parameters
    ----------
    source : str
        Python source of the tests.

    Returns
    -------
    list of str
        At most :data:`MAX_MUTANTS` sources; empty if none can be made.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:  # IPython syntax, such as %%time
        return []
    return list(islice(_mutate_assertions(tree), MAX_MUTANTS))


def _mutate_assertions(tree: ast.Module) -> Iterator[str]:
    indices = list(range(len(tree.body)))
    _random.shuffle(indices)
    for index in indices:
        match tree.body[index]:
            case ast.Assert(ast.Compare(_, [ast.Eq()], [literal])):
                try:
                    value = ast.literal_eval(literal)
                    other = _different_value(value)
                except (ValueError, TypeError, RecursionError):
                    continue
                changed = copy.deepcopy(tree)
                changed.body[index].test.comparators = [ast.parse(repr(other)).body[0].value]
                yield ast.unparse(changed)


def _different_value(value: Any) -> Any:
    """Return a different literal of the same type.

    Raises
    ------
    TypeError
        If the type is not supported, or the value is an empty sequence.
    """
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        step = _random.randrange(1_000, 9_000)
        return value + step if math.isfinite(value) and abs(value) < 1e12 else 0
    if isinstance(value, str):
        return value + secrets.token_hex(3)
    if isinstance(value, (list, tuple)) and value:
        index = _random.randrange(len(value))
        changed = [*value[:index], _different_value(value[index]), *value[index + 1 :]]
        return type(value)(changed)
    raise TypeError(f"no other value for {value!r}")
