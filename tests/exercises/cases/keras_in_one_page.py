"""Right and wrong answers to the exercises on the 8-12-8-3 network."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pandas as pd
from experiments.keras_in_one_page import three_classes
from sklearn.datasets import load_digits
from sklearn.preprocessing import OneHotEncoder

from coursekit import models
from tests.exercises.cases import Case

# ------------------------------------------------------------------------------- the data


@functools.cache
def halves() -> dict[str, np.ndarray]:
    x, labels = three_classes()
    y = np.eye(3)[labels]
    return {"x": x[:100], "y": y[:100], "x_val": x[100:], "y_val": y[100:]}


def arrays(**others) -> dict:
    return {**halves(), **others}


def other_half() -> dict:
    x, y, x_val, y_val = halves().values()
    return {"x": x_val, "y": y_val, "x_val": x, "y_val": y}


def in_scikit_learn() -> dict:
    encoder = OneHotEncoder(sparse_output=False)
    y = encoder.fit_transform(halves()["y"].argmax(axis=1)[:, None])
    y_val = encoder.transform(halves()["y_val"].argmax(axis=1)[:, None]).astype(bool)
    return arrays(y=pd.DataFrame(y), y_val=y_val, x=pd.DataFrame(halves()["x"]))


# ------------------------------------------------------------------------------ the models


def network(*units, activation="relu", output="softmax", loss="categorical_crossentropy"):
    *hidden, last = units or (12, 8, 3)
    model = keras.Sequential([keras.Input((8,))])
    for nodes in hidden:
        model.add(keras.layers.Dense(nodes, activation=activation))
    model.add(keras.layers.Dense(last, activation=output))
    if loss:
        model.compile(loss=loss, optimizer=keras.optimizers.Adam(0.01))
    return model


def functional():
    """The same network, with each activation as a layer and a loss as an object."""
    inputs = keras.Input((8,), name="columns")
    hidden = keras.layers.ReLU()(keras.layers.Dense(12)(inputs))
    hidden = keras.layers.Activation("relu")(keras.layers.Dense(8)(hidden))
    outputs = keras.layers.Softmax()(keras.layers.Dense(3)(hidden))
    model = keras.Model(inputs, outputs)
    model.compile(loss=keras.losses.CategoricalCrossentropy(), optimizer="adam")
    return model


def five_columns():
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="softmax")])


def without_biases():
    model = keras.Sequential([keras.Input((8,))])
    for nodes, activation in ((12, "relu"), (8, "relu"), (3, "softmax")):
        model.add(keras.layers.Dense(nodes, activation=activation, use_bias=False))
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    return model


@functools.cache
def trained():
    """A network in another style, and its history; large batches, to be done sooner."""
    keras.utils.set_random_seed(1)
    model = functional()
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.02),
        metrics=["accuracy"],
    )
    x, y, x_val, y_val = halves().values()
    history = model.fit(
        x,
        y,
        epochs=150,
        batch_size=50,
        validation_data=(x_val, y_val),
        validation_batch_size=100,
        verbose=0,
    )
    return model, history.history


@functools.cache
def after_more_training():
    """The same network, trained on: its history is that of the first training."""
    keras.utils.set_random_seed(2)
    model = keras.models.clone_model(trained()[0])
    model.set_weights(trained()[0].get_weights())
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.02))
    model.fit(halves()["x"], halves()["y"], epochs=20, batch_size=50, verbose=0)
    return model


@functools.cache
def on_swapped_labels():
    """Labels off by one: class 0 taken for 1, 1 for 2, and 2 for 0."""
    keras.utils.set_random_seed(3)
    model = network()
    x, y, x_val, y_val = halves().values()
    y, y_val = np.roll(y, 1, axis=1), np.roll(y_val, 1, axis=1)
    model.fit(x, y, epochs=60, batch_size=50, verbose=0)
    loss = model.evaluate(x_val, halves()["y_val"], verbose=0)
    return model, {"loss": [2.0] + [1.0] * 149, "val_loss": [loss] * 150}


def history(change) -> dict:
    model, recorded = trained()
    return {"model": model, "history": change(recorded)}


def in_percent() -> dict:
    answers = evaluations()
    return {**answers, "accuracy_seen": 100 * answers["accuracy_seen"]}


@functools.cache
def accuracies() -> list[float]:
    x, y, x_val, y_val = halves().values()
    found = [trained()[0].predict(rows, verbose=0).argmax(axis=1) for rows in (x, x_val)]
    return [np.mean(p == y.argmax(axis=1)) for p, y in zip(found, (y, y_val), strict=True)]


def evaluations(order=1, report="kept out") -> dict:
    seen, kept_out = accuracies()[::order]
    return {
        "model": trained()[0],
        "accuracy_seen": seen,
        "accuracy_kept_out": kept_out,
        "report": report,
    }


@functools.cache
def y_shuffled() -> np.ndarray:
    return halves()["y"][np.random.default_rng(7).permutation(100)]


@functools.cache
def by_heart():
    """A wider network, which learns the shuffled labels sooner."""
    keras.utils.set_random_seed(4)
    model = network(64, 32, 3)
    model.fit(halves()["x"], y_shuffled(), epochs=60, batch_size=50, verbose=0)
    return model


def nonsense(labels=None, model=None) -> dict:
    labels = y_shuffled() if labels is None else labels
    return {"y_shuffled": labels, "nonsense_model": model or by_heart()}


# ------------------------------------------------------------------------------ the images


def images() -> np.ndarray:
    return load_digits().images[:50]


def rows() -> np.ndarray:
    return images().reshape((50, 64), order="F")


CASES = {
    "S5.1": Case(
        right={
            "NumPy": lambda: {"parameters": np.array([108, 104, 27]).sum()},
            "a float": lambda: {"parameters": 239.0},
        },
        wrong={
            "no biases": (lambda: {"parameters": 216}, "the number of weights"),
            "output layer forgotten": (lambda: {"parameters": 212}, "leaves out a layer"),
            "first layer only": (lambda: {"parameters": 108}, "leaves out a layer"),
            "nodes": (lambda: {"parameters": 31}, "and one number more"),
        },
    ),
    "S5.2": Case(
        right={
            "by Keras, as an array": lambda: {
                "by_layer": np.array(
                    [
                        layer.count_params()
                        for layer in models.keras_basics_network(units=(12, 8, 4)).layers
                    ]
                )
            }
        },
        wrong={
            "output layer as before": (lambda: {"by_layer": [108, 104, 36, 27]}, "dense layer 4"),
            "no biases": (lambda: {"by_layer": [96, 96, 32, 12]}, "says 96 for dense layer 1"),
            "three layers": (lambda: {"by_layer": [108, 104, 27]}, "another number of dense"),
            "the sum": (lambda: {"by_layer": [263]}, "length of `by_layer` is 1"),
        },
    ),
    "S5.3": Case(
        right={"tables and truth values": in_scikit_learn},
        wrong={
            "float64": (lambda: arrays(x=halves()["x"].astype(float)), "holds float64"),
            "classes": (lambda: arrays(y=halves()["y"].argmax(axis=1)), "one column for each"),
            "halves the wrong way round": (other_half, "Which half is for training"),
            "all rows": (
                lambda: arrays(x=np.concatenate([halves()["x"], halves()["x_val"]])),
                "one half of the rows",
            ),
            "labels off by one": (
                lambda: arrays(y_val=np.roll(halves()["y_val"], 1, axis=1)),
                "in the column of the row's class",
            ),
        },
    ),
    "S5.4": Case(
        right={
            "functional, activations as layers": lambda: {"model": functional()},
            "of the package": lambda: {"model": _compiled(models.keras_basics_network())},
        },
        wrong={
            "softmax forgotten": (lambda: {"model": network(output=None)}, "activation linear"),
            "sigmoid": (lambda: {"model": network(output="sigmoid")}, "that sum to 1"),
            "no relu": (lambda: {"model": network(activation=None)}, "['linear', 'linear']"),
            "layers added twice": (
                lambda: {"model": network(12, 8, 3, 12, 8, 3)},
                "did a cell that adds layers run twice",
            ),
            "one layer": (lambda: {"model": network(12, 3)}, "[12, 3] units"),
            "no biases": (lambda: {"model": without_biases()}, "one without biases"),
            "loss of yes or no": (
                lambda: {"model": network(loss="binary_crossentropy")},
                "'binary_crossentropy'",
            ),
            "not compiled": (lambda: {"model": network(loss=None)}, "is not compiled"),
        },
    ),
    "S5.5": Case(
        right={"a table of the history": lambda: history(pd.DataFrame)},
        wrong={
            "built again": (
                lambda: {"model": network(), "history": trained()[1]},
                "do not belong together",
            ),
            "trained on": (
                lambda: {"model": after_more_training(), "history": trained()[1]},
                "do not belong together",
            ),
            "fewer epochs": (
                lambda: history(
                    lambda recorded: {name: values[-50:] for name, values in recorded.items()}
                ),
                "has 50 epochs",
            ),
            "no validation": (
                lambda: history(lambda recorded: {"loss": recorded["loss"]}),
                "Were validation rows given",
            ),
            "labels off by one": (
                lambda: dict(zip(("model", "history"), on_swapped_labels(), strict=True)),
                "Look at the labels",
            ),
            "another network": (
                lambda: {"model": five_columns(), "history": trained()[1]},
                "takes inputs of shape",
            ),
        },
    ),
    "S5.6": Case(
        right={"NumPy": evaluations},
        wrong={
            "the flattering one": (lambda: evaluations(report="seen"), "by learning them by heart"),
            "the wrong way round": (lambda: evaluations(order=-1), "the wrong way round"),
            "percent": (in_percent, "`accuracy_seen` is"),
            "another word": (lambda: evaluations(report="validation"), "should be 'seen' or"),
        },
    ),
    "S5.7": Case(
        right={"a wider network": nonsense},
        wrong={
            "labels not shuffled": (
                lambda: nonsense(labels=halves()["y"]),
                "still something to learn",
            ),
            "trained on the right labels": (
                lambda: nonsense(model=trained()[0]),
                "has hardly learned them",
            ),
            "untrained": (lambda: nonsense(model=network()), "has hardly learned them"),
            "labels drawn anew": (
                lambda: nonsense(labels=np.eye(3)[np.arange(100) % 3]),
                "changes the order only",
            ),
            "values shuffled": (
                lambda: nonsense(labels=np.random.default_rng(1).permuted(halves()["y"], axis=0)),
                "Shuffle whole rows",
            ),
        },
    ),
    "S5.8": Case(
        right={
            "transposed": lambda: {"restored": rows().reshape((50, 8, 8)).transpose(0, 2, 1)},
            "whole numbers": lambda: {
                "restored": rows().reshape((50, 8, 8), order="F").astype(int).tolist()
            },
        },
        wrong={
            "read row by row": (
                lambda: {"restored": rows().reshape((50, 8, 8))},
                "is mirrored at its diagonal",
            ),
            "samples last": (
                lambda: {"restored": rows().reshape((8, 8, 50), order="F")},
                "Samples come first",
            ),
            "still rows": (lambda: {"restored": rows()}, "has shape (50, 64)"),
            "transposed first": (
                lambda: {"restored": rows().T.reshape((50, 8, 8))},
                "but not the images",
            ),
        },
    ),
}


def _compiled(model):
    model.compile(loss="categorical_crossentropy", optimizer="sgd")
    return model
