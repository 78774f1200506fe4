"""Checks of the exercises on the first network: S1."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from coursekit.exercises.checks import _answers
from coursekit.exercises.checks._models import (
    accuracy,
    activations,
    expect_accuracy,
    expect_loss,
    expect_shapes,
    expect_trained,
    probabilities,
    widths,
)
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, Model, Number, Table, Text

SHAPES = [(8,), (64, 64), (64, 64, 64), (128, 64, 16), (512, 512)]
TEST_ROWS = 1_000
MIN_ACCURACY = 0.9  # accuracy on new rows
MIN_ACCURACY_RULE = 0.85  # the same for the new rule


@functools.cache
def _new_rows(seed: int, n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Return threshold data for a seed; unused seeds give rows that are new to the network."""
    from coursekit.datasets import make_threshold

    return make_threshold(n, seed=seed)


def _rule(x: np.ndarray) -> np.ndarray:
    """Return the label of each row: 1 if an odd number of its values exceeds 0.5."""
    return (x > 0.5).sum(axis=1) % 2


def _parameters(units: tuple[int, ...]) -> int:
    """Return the number of parameters of a network with these hidden layers."""
    sizes = [3, *units, 2]
    return sum(inputs * nodes + nodes for inputs, nodes in itertools.pairwise(sizes))


@declare("S1.1", "Parameters of five networks", points=1, parameters=Array())
def counts(parameters):
    """Expect the number of parameters of each network."""
    parameters = parameters.reshape(-1)
    expect(
        parameters.shape == (len(SHAPES),),
        f"The length of `parameters` is {parameters.size}; there are {len(SHAPES)} networks in "
        "`shapes`.",
    )
    wrong = [n for n, units in enumerate(SHAPES) if parameters[n] != _parameters(units)]
    if wrong:
        units = SHAPES[wrong[0]]
        expect(
            False,
            f"`parameters` says {parameters[wrong[0]]} for {' - '.join(map(str, units))}. Count "
            "layer by layer, from the three inputs to the two output nodes, and forget neither the "
            "biases nor the output layer.",
        )


def _expect_network(model, units: tuple[int, ...], name: str) -> None:
    """Expect a trained network with these hidden layers."""
    expect_shapes(model, (3,), 2, name)
    found = widths(model)
    expect(
        tuple(found[:-1]) == units,
        f"`{name}` has hidden layers of {found[:-1]} units; the exercise describes others.",
    )
    found = activations(model)
    expect(
        set(found[:-1]) == {"relu"},
        f"The hidden layers of `{name}` have the activations {found[:-1]}; the exercise wants relu "
        "in each. Without an activation, more layers could do no more than one.",
    )
    expect(
        found[-1] == "softmax",
        f"The output layer of `{name}` has the activation {found[-1]}; its two values should be "
        "probabilities that sum to 1.",
    )
    expect_loss(model, "categorical_crossentropy", "sparse_categorical_crossentropy", name=name)
    expect_trained(model, name)
    x, y = _new_rows(20_001)
    p = probabilities(model, x, name)
    expect_accuracy(p, y, MIN_ACCURACY, name=name, rows="4,000 new rows")


@declare("S1.2", "One hidden layer more", points=2, four_layers=Model())
def four(four_layers):
    """Expect a trained network with three hidden layers of 64 units."""
    _expect_network(four_layers, (64, 64, 64), "four_layers")


@declare("S1.3", "A funnel", points=2, funnel=Model())
def narrowing(funnel):
    """Expect a trained network with hidden layers of 128, 64 and 16 units."""
    _expect_network(funnel, (128, 64, 16), "funnel")


@declare(
    "S1.4",
    "What capacity costs",
    points=2,
    costs=Table(),
    four_layers=Model(),
    funnel=Model(),
)
def capacity(costs, four_layers, funnel):
    """Expect the right numbers of parameters, and the accuracies of the two given models."""
    columns = ["parameters", "seconds", "accuracy"]
    lacking = [column for column in columns if column not in costs.columns]
    expect(
        not lacking,
        f"`costs` has the columns {', '.join(costs.columns)}; it lacks {', '.join(lacking)}.",
    )
    expect(
        len(costs) == len(SHAPES),
        f"`costs` has {len(costs)} rows; it takes one for each network in `shapes`.",
    )
    expect(
        costs[columns].notna().all(axis=None),
        "`costs` has missing values. Each network has all three figures.",
    )
    count, seconds, share = (costs[column].to_numpy(float) for column in columns)
    expect(
        count.tolist() == [_parameters(units) for units in SHAPES],
        f"The parameters in `costs` are {count.astype(int).tolist()}. Are the rows in the order of "
        "`shapes`, and does each network start new?",
    )
    expect(
        (seconds > 0).all() and (seconds < 3600).all(),
        f"The seconds in `costs` run from {seconds.min():g} to {seconds.max():g}, which cannot be "
        "the time of a training.",
    )
    expect(
        len(set(seconds)) > 1,
        "All seconds in `costs` are the same. Measure around each training by itself.",
    )
    expect(
        share.min() > MIN_ACCURACY - 0.04 and share.max() <= 1,
        f"The accuracies in `costs` run from {share.min():.3f} to {share.max():.3f}; after ten "
        "epochs each of these networks is better, and none is above 1. Is it the accuracy, as a "
        "share of the test rows?",
    )
    x, y = _new_rows(8, TEST_ROWS)
    for name, model, row in (("four_layers", four_layers, 2), ("funnel", funnel, 3)):
        now = accuracy(probabilities(model, x, name), y)
        expect(
            abs(share[row] - now) < 0.5 / TEST_ROWS,
            f"In row {row} of `costs` (counted from 0) the accuracy is {share[row]:.4f}; `{name}` "
            f"has {now:.4f} on the test rows. The row should be about this very network.",
        )


@declare("S1.5", "What to say about capacity", points=1, summary=Text())
def summed_up(summary):
    """Expect the choice that one run of each network supports."""
    reasons = {
        "a": "Each network was trained once. Do accuracies also differ when only the seed changes?",
        "c": "Compare the last row of your table, parameters and accuracy, with the number of "
        "training rows.",
    }
    answer = _answers.choice("summary", summary)
    expect(answer == "b", f"`summary` is {answer!r}. {reasons.get(answer, '')}")


@declare("S1.6", "Another rule, and what guessing gives", points=2, y_rule=Array(), guess=Number())
def rule(y_rule, guess):
    """Expect labels that follow the rule, and the share of the larger class as the guess."""
    x, y_sum = _new_rows(7, 10_000)
    y = _rule(x)
    expect(
        y_rule.size == len(y) and y_rule.dtype.kind in "biuf",
        f"`y_rule` has shape {y_rule.shape}; it takes one label, 0 or 1, for each row of `x`.",
    )
    y_rule = y_rule.reshape(-1).astype(float)
    expect(
        np.isin(y_rule, (0, 1)).all(),
        f"`y_rule` holds values such as {y_rule[~np.isin(y_rule, (0, 1))][:1]}; labels are 0 or 1. "
        "When is a number odd?",
    )
    right = (y_rule == y).mean()
    expect(
        right > 0,
        "`y_rule` is 1 where the number of values above 0.5 is even. It should be 1 where the "
        "number is odd.",
    )
    expect(
        not np.array_equal(y_rule, y_sum),
        "`y_rule` still follows the old rule, about the sum of the values.",
    )
    expect(
        right == 1,
        f"{1 - right:.0%} of `y_rule` do not follow the rule. Work out the label of one row by "
        "hand and compare.",
    )
    best = max(y.mean(), 1 - y.mean())
    expect(
        abs(guess - best) < 0.015,
        f"`guess` is {guess:g}. Somebody who says the same class for every row, the more frequent "
        "one, is right on another share of the rows.",
    )


@declare("S1.7", "The new rule, learned", points=2, rule_model=Model())
def learned(rule_model):
    """Expect a model that predicts the new rule on rows it has not seen."""
    expect_shapes(rule_model, (3,), 2, "rule_model")
    expect(
        activations(rule_model)[-1] == "softmax",
        f"The output layer of `rule_model` has the activation {activations(rule_model)[-1]}; its "
        "two values should be probabilities that sum to 1.",
    )
    expect_trained(rule_model, "rule_model")
    x, y_sum = _new_rows(20_002)
    p = probabilities(rule_model, x, "rule_model")
    y = _rule(x)
    expect(
        accuracy(p, y_sum) < MIN_ACCURACY,
        f"`rule_model` is right on {accuracy(p, y_sum):.1%} of new rows, by the old rule. Which "
        "labels was it given?",
    )
    expect_accuracy(
        p, y, MIN_ACCURACY_RULE, name="rule_model", rows="4,000 new rows, by the new rule"
    )
