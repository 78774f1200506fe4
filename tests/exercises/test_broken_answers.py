"""No check passes on an answer that was broken, in any of the ways in which answers break.

The first right answer of each case is broken, one variable at a time. What passes nevertheless is
in ``ALLOWED``, with the reason; a broken part that no check reads is a reason, too.
"""

from __future__ import annotations

import fnmatch
import os
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from coursekit.exercises import every, find
from coursekit.exercises.kinds import Array, History, Model, Number, Table, Text
from tests.exercises.cases import every_case

HUGE = 1e308
# A table of four columns breaks in a hundred ways, and a check of networks takes a second for each:
# COURSEKIT_THOROUGH=1 tries them all.
THOROUGH = os.environ.get("COURSEKIT_THOROUGH") == "1"
MOST = 34


def seeded() -> np.random.Generator:
    return np.random.default_rng(31)


# ------------------------------------------------------------------------ ways to break numbers


def shuffled(values: np.ndarray) -> np.ndarray:
    """The same values in another order, as if the rows of something else had been taken."""
    order = seeded().permutation(len(values))
    return values[np.roll(order, 1) if np.array_equal(order, np.arange(len(values))) else order]


NUMBERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "NaN": lambda v: np.full(v.shape, np.nan),
    "one NaN": lambda v: np.where(np.arange(v.size).reshape(v.shape) == 0, np.nan, v),
    "zeros": lambda v: np.zeros(v.shape),
    "ones": lambda v: np.ones(v.shape),
    "minus one": lambda v: np.full(v.shape, -1.0),
    "inf": lambda v: np.full(v.shape, np.inf),
    "minus inf": lambda v: np.full(v.shape, -np.inf),
    "huge": lambda v: np.full(v.shape, HUGE),
    "one huge": lambda v: np.where(np.arange(v.size).reshape(v.shape) == 0, HUGE, v),
    "negative": lambda v: -v.astype(float),
    "twice": lambda v: 2 * v.astype(float),
    "a thousandth": lambda v: v / 1000.0,
    "plus one": lambda v: v + 1.0,
    "one value": lambda v: np.full(v.shape, v.reshape(-1)[0]),
    "the mean": lambda v: np.full(v.shape, v.mean()),
    "noise": lambda v: seeded().random(v.shape),
    "nearly": lambda v: v * 1.1 + 0.05,
}
ROWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "first row only": lambda v: np.repeat(v[:1], len(v), axis=0),
    "shuffled": shuffled,
    "backwards": lambda v: v[::-1],
    "one row less": lambda v: v[:-1],
    "one row twice": lambda v: np.concatenate([v, v[:1]]),
    "no rows": lambda v: v[:0],
    "half": lambda v: v[: len(v) // 2],
}


def broken_array(value: np.ndarray) -> Iterator[tuple[str, Any]]:
    if value.ndim:
        for name, change in ROWS.items():
            yield name, change(value)
        yield "another axis", np.stack([value, value], axis=-1)
    if value.dtype.kind in "biuf" and value.size:
        for name, change in NUMBERS.items():
            yield name, change(value)
        yield "as text", value.astype(str)
    elif value.size:
        yield "other words", np.full(value.shape, "other")
        yield "empty words", np.full(value.shape, "")


def broken_number(value: float) -> Iterator[tuple[str, Any]]:
    for name, change in NUMBERS.items():
        if name not in ("one value", "the mean", "one NaN", "one huge"):
            yield name, float(change(np.array([value]))[0])
    yield "text", "seven"
    yield "two numbers", [value, value]


def broken_table(value: Any) -> Iterator[tuple[str, Any]]:
    for name, change in ROWS.items():
        if name in ("shuffled", "backwards"):
            continue  # the order of the rows is the learner's; columns are shuffled below
        yield name, value.iloc[change(np.arange(len(value)))].reset_index(drop=True)
    for column in value.columns:
        values = value[column].to_numpy()
        yield f"{column}: not there", value.drop(columns=column)
        if values.dtype.kind in "biuf":
            changes = {**NUMBERS, "shuffled": shuffled, "backwards": ROWS["backwards"]}
            for name, change in changes.items():
                yield f"{column}: {name}", value.assign(**{column: change(values)})
        else:
            yield f"{column}: other words", value.assign(**{column: "other"})
            yield f"{column}: backwards", value.assign(**{column: values[::-1]})
    numeric = value.select_dtypes("number").columns
    for name in ("NaN", "zeros", "inf", "huge", "first row only"):
        change = NUMBERS.get(name) or ROWS[name]
        changed = {column: change(value[column].to_numpy()) for column in numeric}
        yield f"all numbers: {name}", value.assign(**changed)


def broken_history(value: dict[str, list[float]]) -> Iterator[tuple[str, Any]]:
    def of(change: Callable[[np.ndarray], np.ndarray], *metrics: str) -> dict[str, list[float]]:
        return {
            metric: change(np.array(values)).tolist()
            if not metrics or metric in metrics
            else values
            for metric, values in value.items()
        }

    for name, change in {**NUMBERS, **ROWS}.items():
        if name not in ("first row only", "one value"):
            yield name, of(change)
    yield "constant", of(lambda v: np.full(v.shape, v[-1]))
    for metric in value:
        yield f"{metric}: not there", {name: v for name, v in value.items() if name != metric}
        for name in ("NaN", "zeros", "huge", "negative", "inf"):
            yield f"{metric}: {name}", of(NUMBERS[name], metric)
    yield "one epoch", {metric: values[-1:] for metric, values in value.items()}
    yield "an epoch more", of(lambda v: np.concatenate([v, v[-1:]]))


def broken_model(value: Any) -> Iterator[tuple[str, Any]]:
    import keras

    def with_weights(change: Callable[[np.ndarray], np.ndarray] | None) -> Any:
        other = keras.models.clone_model(value)  # with the settings of compile
        if change is not None:
            other.set_weights([change(np.asarray(array)) for array in value.get_weights()])
            if value.compiled:
                other.optimizer.iterations.assign(value.optimizer.iterations)
        return other

    yield "untrained", with_weights(None)
    for name, change in {
        "weights of 0": np.zeros_like,
        "weights of NaN": lambda v: np.full_like(v, np.nan),
        "weights negative": np.negative,
        "weights backwards": lambda v: v[::-1],
        "weights of noise": lambda v: seeded().normal(size=v.shape).astype(v.dtype),
    }.items():
        yield name, with_weights(change)
    bare = type(value).from_config(value.get_config())
    bare.set_weights(value.get_weights())
    yield "not compiled", bare


def broken_text(value: str) -> Iterator[tuple[str, Any]]:
    yield from {
        "empty": "",
        "another word": "something else",
        "all letters": "abcd",
        "a question mark": "?",
        "a number": 1,
    }.items()
    yield from ((letter, letter) for letter in "abcd" if letter != value.strip(" .()").lower())


BREAK = {
    Array: broken_array,
    Number: broken_number,
    Table: broken_table,
    History: broken_history,
    Model: broken_model,
    Text: broken_text,
}

TIMES = "nobody else can know how long it took; the task says so"
BUILT = "the task is only to build and compile; it has random weights, and so have these"
ORDER = "a set of rows has no order"
LINEAR = "two linear layers with both signs turned compute the same"
PAIRS = "other seeds, with the same pairs"
# What may pass: (check, variable and way, with wildcards) and the reason.
ALLOWED: dict[tuple[str, str], str] = {
    ("S1.4", "costs: seconds: twice"): TIMES,
    ("S1.4", "costs: seconds: plus one"): TIMES,
    ("S1.4", "costs: seconds: nearly"): TIMES,
    ("S1.4", "costs: seconds: shuffled"): TIMES,
    ("S1.4", "costs: seconds: backwards"): TIMES,
    ("S5.4", "model: untrained"): BUILT,
    ("S5.4", "model: weights *"): BUILT,
    ("3-B.1", "first: untrained"): BUILT,
    ("3-B.1", "first: weights *"): BUILT,
    ("3-A.1", "rows_*: shuffled"): ORDER,
    ("3-A.1", "rows_*: backwards"): ORDER,
    ("3-A.3", "rows_*: shuffled"): ORDER,
    ("3-A.3", "rows_*: backwards"): ORDER,
    ("3-B.3", "rows_test: shuffled"): ORDER,
    ("3-B.3", "rows_test: backwards"): ORDER,
    ("3-B.2", "rows_train: one row less"): "80 % of the rows, rounded up or down",
    ("3-B.4", "rows_train: one row less"): "80 % of the rows, rounded up or down",
    ("3-C.6", "results: seed: twice"): PAIRS,
    ("3-C.6", "results: seed: plus one"): PAIRS,
    ("3-C.6", "results: seed: backwards"): PAIRS,
    **{
        ("C.1", f"{name}: {way}"): ORDER
        for name in ("train", "validation", "test")
        for way in ("shuffled", "backwards")
    },
    **{
        (check, f"train: {way}"): "C.1 judges the split; here it gives a size, or which rows"
        for check in ("C.4", "C.5", "C.7", "C.8", "C.9", "C.10")
        for way in ("shuffled", "backwards", "one row less")
    },
    ("C.6", "rates: one row less"): "still four rates around the best",
    ("C.8", "candidates: network: backwards"): "the learner chooses the names",
    ("C.8", "candidates: seed: backwards"): PAIRS,
    ("C.9", "candidates: seed: backwards"): PAIRS,
    **{
        (check, f"x_test: {way}"): "the classes named stay the same; C.2 judges the scaling"
        for check in ("C.10", "C.11", "C.12")
        for way in ("twice", "nearly")
    },
    ("2-A.3", "shared_ids: shuffled"): ORDER,
    ("2-A.3", "shared_ids: backwards"): ORDER,
    ("2-B.1", "model: untrained"): BUILT,
    ("2-B.1", "model: weights *"): BUILT,
    ("2-B.3", "model*: weights negative"): LINEAR,
    ("2-B.3", "model_wide: weights backwards"): LINEAR,
    ("2-B.4", "train: one row less"): "the number of training steps stays the same",
    ("2-D.4", "runs: seed: shuffled"): PAIRS,
    ("2-D.4", "runs: seed: backwards"): PAIRS,
    ("S1.7", "rule_model: not compiled"): "a network is judged by its outputs there",
}


@cache
def plain_answers(identifier: str) -> dict[str, Any]:
    """The first right answers, as the check reads them."""
    given = next(iter(every_case()[identifier].right.values()))()
    return {name: kind.plain(name, given[name]) for name, kind in find(identifier).answers.items()}


def same(one: Any, other: Any) -> bool:
    """Whether breaking changed nothing, as zeros do not change zeros."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return (
            one.shape == other.shape
            and one.dtype.kind == other.dtype.kind
            and (np.array_equal(one, other))
        )
    if hasattr(one, "equals") and hasattr(other, "equals"):
        return one.equals(other)
    if isinstance(one, (dict, str, float, list)):
        return type(one) is type(other) and one == other
    return False


def ends_of_each_kind(answers: dict[str, Any]) -> list[tuple[str, Any]]:
    """The first and the last variable of each kind: one piece of code judges those between."""
    by_kind: dict[type, list[tuple[str, Any]]] = {}
    for name, kind in answers.items():
        by_kind.setdefault(type(kind), []).append((name, kind))
    return [
        pair
        for same_kind in by_kind.values()
        for pair in dict([same_kind[0], same_kind[-1]]).items()
    ]


def broken_answers(identifier: str) -> list[tuple[str, str, Any]]:
    """The ways to break the answers to a check; at most ``MOST`` of them, spread evenly.

    Each with the variable that is broken, and its value.
    """
    right = plain_answers(identifier)
    ways = [
        (f"{variable}: {way}", variable, broken)
        for variable, kind in ends_of_each_kind(find(identifier).answers)
        for way, broken in BREAK[type(kind)](right[variable])
        if not same(broken, right[variable])
    ]
    if THOROUGH or len(ways) <= MOST:
        return ways
    # Which ones differs from check to check, so that each way is tried on many of them.
    start = zlib.crc32(identifier.encode()) / 2**32
    return [ways[int((number + start) * len(ways) / MOST)] for number in range(MOST)]


def passed(identifier: str) -> list[str]:
    """The broken answers that a check lets pass."""
    check, right = find(identifier), plain_answers(identifier)

    def passes(variable: str, broken: Any) -> bool:
        try:
            # Only the broken one is converted: the others, such as networks, have been.
            plain = check.answers[variable].plain(variable, broken)
            check.judge(**{**right, variable: plain})
        except Exception:  # as a call of the check takes it
            return False
        return True

    return [way for way, *broken in broken_answers(identifier) if passes(*broken)]


def is_allowed(identifier: str, way: str) -> bool:
    return any(
        name == identifier and fnmatch.fnmatchcase(way, pattern) for name, pattern in ALLOWED
    )


@pytest.mark.filterwarnings("ignore")  # what broken numbers make NumPy and pandas say
@pytest.mark.parametrize("identifier", list(every()))
def test_nothing_broken_passes(identifier, monkeypatch):
    monkeypatch.setenv("COURSEKIT_EDITION", "sample")
    assert find(identifier)(plain_answers(identifier)).passed
    ways = passed(identifier)
    unexplained = [way for way in ways if not is_allowed(identifier, way)]
    assert unexplained == []
    if not THOROUGH:
        return
    outdated = [
        pattern
        for name, pattern in ALLOWED
        if name == identifier and not any(fnmatch.fnmatchcase(way, pattern) for way in ways)
    ]
    assert outdated == [], "these no longer pass: remove them from ALLOWED"


def test_answers_break_in_at_least_34_ways():
    import pandas as pd

    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"]})
    assert len(list(broken_table(table))) >= 30
    assert len(NUMBERS) + len(ROWS) + len(list(broken_text("a"))) >= 30
    assert all(reason for reason in ALLOWED.values())
