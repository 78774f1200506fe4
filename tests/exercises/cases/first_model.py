"""Right and wrong answers to the exercises on the first network."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pandas as pd

from coursekit import datasets, models
from tests.exercises.cases import Case

PARAMETERS = [50, 4546, 8706, 9842, 265730]

# ------------------------------------------------------------------------------- the data


@functools.cache
def rows() -> tuple[np.ndarray, np.ndarray]:
    return datasets.make_threshold(seed=7)


def rule(x: np.ndarray) -> np.ndarray:
    return (x > 0.5).sum(axis=1) % 2


# ------------------------------------------------------------------------------ the models


def network(*units, activation="relu", output=(2, "softmax"), loss="categorical_crossentropy"):
    model = keras.Sequential([keras.Input((3,))])
    for nodes in units:
        model.add(keras.layers.Dense(nodes, activation=activation))
    model.add(keras.layers.Dense(output[0], activation=output[1]))
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(0.005))
    return model


def fit(model, labels, epochs=5):
    x, _ = rows()
    labels = keras.utils.to_categorical(labels, num_classes=2)
    model.fit(x, labels, epochs=epochs, batch_size=250, verbose=0)
    return model


@functools.cache
def trained(*units):
    keras.utils.set_random_seed(1)
    return fit(network(*units), rows()[1])


@functools.cache
def functional():
    """Three hidden layers in another style, with labels that are not one-hot."""
    keras.utils.set_random_seed(2)
    inputs = hidden = keras.Input((3,), name="three_numbers")
    for _ in range(3):
        hidden = keras.layers.Activation("relu")(keras.layers.Dense(64)(hidden))
    outputs = keras.layers.Softmax()(keras.layers.Dense(2)(hidden))
    model = keras.Model(inputs, outputs)
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(0.005))
    model.fit(*rows(), epochs=5, batch_size=250, verbose=0)
    return model


@functools.cache
def on_turned_labels():
    keras.utils.set_random_seed(3)
    return fit(network(64, 64, 64), 1 - rows()[1])


@functools.cache
def of_the_rule():
    keras.utils.set_random_seed(4)
    return fit(network(64, 64), rule(rows()[0]), epochs=25)


@functools.cache
def too_small():
    keras.utils.set_random_seed(5)
    return fit(network(4), rule(rows()[0]), epochs=5)


@functools.cache
def costs() -> pd.DataFrame:
    x, y = datasets.make_threshold(1_000, seed=8)
    found = [
        np.mean(model.predict(x, verbose=0).argmax(axis=1) == y)
        for model in (trained(64, 64, 64), trained(128, 64, 16))
    ]
    return pd.DataFrame(
        {
            "parameters": PARAMETERS,
            "seconds": [2.5, 3.1, 3.4, 3.3, 9.8],
            "accuracy": [0.981, 0.99, *found, 0.988],
        }
    )


def measured(change=lambda table: table) -> dict:
    answers = {"four_layers": trained(64, 64, 64), "funnel": trained(128, 64, 16)}
    return {"costs": change(costs()), **answers}


def answers(y_rule=None, guess=0.5) -> dict:
    return {"y_rule": rule(rows()[0]) if y_rule is None else y_rule, "guess": guess}


CASES = {
    "S1.1": Case(
        right={
            "by Keras, as an array": lambda: {
                "parameters": np.array(
                    [
                        models.threshold_network(units=units).count_params()
                        for units in [(8,), (64, 64), (64, 64, 64), (128, 64, 16), (512, 512)]
                    ]
                )
            }
        },
        wrong={
            "no biases": (
                lambda: {"parameters": [40, 4416, 8512, 9632, 264704]},
                "says 40 for 8. Count",
            ),
            "funnel without its output layer": (
                lambda: {"parameters": [50, 4546, 8706, 9808, 265730]},
                "for 128 - 64 - 16",
            ),
            "one network": (lambda: {"parameters": 4546}, "The length of `parameters` is 1"),
        },
    ),
    "S1.2": Case(
        right={"functional, plain labels": lambda: {"four_layers": functional()}},
        wrong={
            "layers counted with the output": (
                lambda: {"four_layers": trained(64, 64)},
                "hidden layers of [64, 64] units",
            ),
            "untrained": (
                lambda: {"four_layers": network(64, 64, 64)},
                "the weights it started with",
            ),
            "no activations": (
                lambda: {"four_layers": network(64, 64, 64, activation=None)},
                "could do no more than one",
            ),
            "softmax forgotten": (
                lambda: {"four_layers": network(64, 64, 64, output=(2, None))},
                "activation linear",
            ),
            "one output": (
                lambda: {"four_layers": network(64, 64, 64, output=(1, "sigmoid"))},
                "How many output nodes",
            ),
            "labels off by one": (
                lambda: {"four_layers": on_turned_labels()},
                "labels in the right order",
            ),
            "loss of a regression": (
                lambda: {"four_layers": network(64, 64, 64, loss="mse")},
                "'mean_squared_error'",
            ),
        },
    ),
    "S1.3": Case(
        right={"batches of another size": lambda: {"funnel": trained(128, 64, 16)}},
        wrong={
            "upside down": (lambda: {"funnel": network(16, 64, 128)}, "[16, 64, 128] units"),
            "no funnel": (lambda: {"funnel": trained(64, 64, 64)}, "[64, 64, 64] units"),
            "untrained": (lambda: {"funnel": network(128, 64, 16)}, "the weights it started with"),
        },
    ),
    "S1.4": Case(
        right={
            "more columns, other index": lambda: measured(
                lambda table: table.assign(units=list("abcde")).set_index("units")
            )
        },
        wrong={
            "trained again since": (
                lambda: measured(lambda table: table.assign(accuracy=table["accuracy"] - 0.004)),
                "about this very network",
            ),
            "another order": (lambda: measured(lambda table: table[::-1]), "in the order of"),
            "one time for all": (
                lambda: measured(lambda table: table.assign(seconds=9.0)),
                "All seconds in `costs` are the same",
            ),
            "losses": (
                lambda: measured(lambda table: table.assign(accuracy=0.04)),
                "Is it the accuracy",
            ),
            "rows missing": (lambda: measured(lambda table: table[:2]), "has 2 rows"),
            "column missing": (
                lambda: measured(lambda table: table.drop(columns="seconds")),
                "it lacks seconds",
            ),
        },
    ),
    "S1.5": Case(
        right={"in brackets": lambda: {"summary": "(b)"}},
        wrong={
            "the larger the better": (lambda: {"summary": "a"}, "when only the seed changes"),
            "too many parameters": (lambda: {"summary": "c"}, "the number of training rows"),
            "a sentence": (lambda: {"summary": "no difference"}, "one of the letters"),
        },
    ),
    "S1.6": Case(
        right={
            "truth values, and theory": lambda: answers(rule(rows()[0]) == 1, 1 / 2),
            "a column": lambda: answers(rule(rows()[0]).reshape(-1, 1).astype("float32"), 0.504),
        },
        wrong={
            "even": (lambda: answers(1 - rule(rows()[0])), "is even"),
            "the old labels": (lambda: answers(rows()[1]), "still follows the old rule"),
            "counts": (lambda: answers((rows()[0] > 0.5).sum(axis=1)), "When is a number odd"),
            "any above": (lambda: answers((rows()[0] > 0.5).any(axis=1)), "do not follow the rule"),
            "one-hot": (
                lambda: answers(keras.utils.to_categorical(rule(rows()[0]), 2)),
                "one label, 0 or 1",
            ),
            "share of three classes": (lambda: answers(guess=1 / 3), "the more frequent one"),
        },
    ),
    "S1.7": Case(
        right={"Adam, larger batches": lambda: {"rule_model": of_the_rule()}},
        wrong={
            "the old rule": (lambda: {"rule_model": trained(64, 64, 64)}, "by the old rule"),
            "too small": (lambda: {"rule_model": too_small()}, "by the new rule"),
            "untrained": (lambda: {"rule_model": network(64, 64)}, "the weights it started with"),
            "one output": (
                lambda: {"rule_model": network(64, output=(1, "sigmoid"))},
                "How many output nodes",
            ),
        },
    ),
}
