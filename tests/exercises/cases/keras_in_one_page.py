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
from tests.exercises.cases._networks import copy, figures

STEPS = 1500  # 150 epochs of 100 rows in batches of 10

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


def network(*units, activation="relu", output="softmax", **settings):
    *hidden, last = units or (12, 8, 3)
    model = keras.Sequential([keras.Input((8,))])
    for nodes in hidden:
        model.add(keras.layers.Dense(nodes, activation=activation))
    model.add(keras.layers.Dense(last, activation=output))
    return compiled(model, **settings)


def compiled(model, **settings):
    usual = {"loss": "categorical_crossentropy", "optimizer": "adam", "metrics": ["accuracy"]}
    model.compile(**{**usual, **settings})
    return model


def not_compiled():
    model = network()
    return keras.Model(model.inputs, model.outputs)  # clone_model would keep the settings


def functional():
    """The same network, with each activation as a layer, and loss and metric as objects."""
    inputs = keras.Input((8,), name="columns")
    hidden = keras.layers.ReLU()(keras.layers.Dense(12)(inputs))
    hidden = keras.layers.Activation("relu")(keras.layers.Dense(8)(hidden))
    outputs = keras.layers.Softmax()(keras.layers.Dense(3)(hidden))
    return compiled(
        keras.Model(inputs, outputs),
        loss=keras.losses.CategoricalCrossentropy(),
        optimizer=keras.optimizers.Adam(),
        metrics=[keras.metrics.CategoricalAccuracy()],
    )


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(12, activation="relu")
        self.second = keras.layers.Dense(8, activation="relu")
        self.last = keras.layers.Dense(3, activation="softmax")

    def call(self, values):
        return self.last(self.second(self.first(values)))


def subclassed():
    model = compiled(Subclassed())
    model(np.zeros((1, 8), "float32"))  # builds it
    return model


def five_columns():
    return compiled(
        keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="softmax")])
    )


def without_biases():
    model = keras.Sequential([keras.Input((8,))])
    for nodes, activation in ((12, "relu"), (8, "relu"), (3, "softmax")):
        model.add(keras.layers.Dense(nodes, activation=activation, use_bias=False))
    return compiled(model)


@functools.cache
def trained():
    """A network in another style, and its history."""
    keras.utils.set_random_seed(1)
    model = compiled(functional())
    x, y, x_val, y_val = halves().values()
    history = model.fit(
        x,
        y,
        epochs=150,
        batch_size=10,
        validation_data=(x_val, y_val),
        validation_batch_size=100,
        verbose=0,
    )
    return model, history.history


def after(steps: int, model=None):
    """The same weights in a network whose optimiser has counted this many steps."""
    model = model or trained()[0]
    other = copy(model, model.get_weights())
    other.optimizer.iterations.assign(steps)
    return other


def judged_after(steps: int) -> dict:
    return {"model": after(steps), "history": trained()[1]}


@functools.cache
def on_all_rows():
    """A network for which the rows kept out were no news, with the right number of steps."""
    keras.utils.set_random_seed(5)
    model = network(optimizer=keras.optimizers.Adam(0.01))
    x, y, x_val, y_val = halves().values()
    everything = np.concatenate([x, x_val]), np.concatenate([y, y_val])
    model.fit(*everything, epochs=150, batch_size=50, verbose=0)
    loss, share = figures(model, x_val, y_val)
    own, own_share = figures(model, x, y)
    told = {
        "loss": [1.1] + [own] * 149,
        "accuracy": [0.4] + [own_share] * 149,
        "val_loss": [loss] * 150,
        "val_accuracy": [share] * 150,
    }
    return {"model": after(STEPS, model), "history": told}


@functools.cache
def on_swapped_labels():
    """Labels off by one: class 0 taken for 1, 1 for 2, and 2 for 0."""
    keras.utils.set_random_seed(3)
    model = network(optimizer=keras.optimizers.Adam(0.01))
    x, y, x_val, y_val = halves().values()
    model.fit(x, np.roll(y, 1, axis=1), epochs=60, batch_size=50, verbose=0)
    loss, share = figures(model, x_val, y_val)
    own, own_share = figures(model, x, y)
    told = {
        "loss": [own + 1] + [own] * 149,
        "accuracy": [0.0] + [max(own_share, 0.01)] * 149,
        "val_loss": [loss] * 150,
        "val_accuracy": [share] * 150,
    }
    return {"model": after(STEPS, model), "history": told}


def history(change) -> dict:
    model, recorded = trained()
    return {"model": model, "history": change(recorded)}


def with_metric(metric: str, values: list[float]) -> dict:
    return history(lambda recorded: {**recorded, metric: values})


def evaluations(**changed) -> dict:
    model = trained()[0]
    x, y, x_val, y_val = halves().values()
    loss_seen, seen = figures(model, x, y)
    loss_kept_out, kept_out = figures(model, x_val, y_val)
    right = {
        "model": model,
        "loss_seen": loss_seen,
        "accuracy_seen": seen,
        "loss_kept_out": loss_kept_out,
        "accuracy_kept_out": kept_out,
        "report": "b",
    }
    return {**right, **changed}


def rounded() -> dict:
    right = evaluations(report="(B)")
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in right.items()
    }


def exchanged(one: str, other: str) -> dict:
    right = evaluations()
    return {**right, one: right[other], other: right[one]}


def halves_exchanged() -> dict:
    right = evaluations()
    swapped = {
        name: right[name.replace("seen", "X").replace("kept_out", "seen").replace("X", "kept_out")]
        for name in right
        if "_" in name
    }
    return {**right, **swapped}


def best_of_history() -> dict:
    recorded = trained()[1]
    return evaluations(loss_kept_out=min(recorded["val_loss"]))


@functools.cache
def y_shuffled() -> np.ndarray:
    return halves()["y"][np.random.default_rng(7).permutation(100)]


@functools.cache
def by_heart():
    keras.utils.set_random_seed(4)
    model = functional()
    model.fit(halves()["x"], y_shuffled(), epochs=150, batch_size=10, verbose=0)
    return model


def nonsense(labels=None, model=None) -> dict:
    labels = y_shuffled() if labels is None else labels
    return {"y_shuffled": labels, "nonsense_model": model or by_heart()}


# ------------------------------------------------------------------------------ the images


def images() -> np.ndarray:
    return load_digits().images[:50]


def rows() -> np.ndarray:
    return images().reshape((50, 64), order="F")


def there_and_back(**changed) -> dict:
    right = {"restored": rows().reshape((50, 8, 8), order="F"), "places": [563, 104]}
    return {**right, **changed}


def looked_up() -> list[int]:
    """The places, found in an image that numbers its pixels."""
    found = []
    for order in "FC":
        numbered = np.arange(28 * 28).reshape((28, 28), order=order)
        found.append(numbered[3, 20])
    return found


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
            },
            "a tuple of floats": lambda: {"by_layer": (108.0, 104.0, 36.0, 15.0)},
        },
        wrong={
            "output layer as before": (lambda: {"by_layer": [108, 104, 36, 27]}, "dense layer 4"),
            "no biases": (lambda: {"by_layer": [96, 96, 32, 12]}, "says 96 for dense layer 1"),
            "three layers": (lambda: {"by_layer": [108, 104, 27]}, "another number of dense"),
            "the sum": (lambda: {"by_layer": [263]}, "length of `by_layer` is 1"),
            "a table": (lambda: {"by_layer": [[108], [104], [36], [15]]}, "a list of numbers"),
            "text": (lambda: {"by_layer": ["108", "104", "36", "15"]}, "holds text"),
        },
    ),
    "S5.3": Case(
        right={"tables and truth values": in_scikit_learn, "arrays": arrays},
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
            "a sparse matrix": (
                lambda: arrays(y=OneHotEncoder().fit_transform(halves()["y"][:, :1])),
                "`y` is",
            ),
        },
    ),
    "S5.4": Case(
        right={
            "functional, activations as layers": lambda: {"model": functional()},
            "of the package": lambda: {"model": compiled(models.keras_basics_network())},
            "subclassed": lambda: {"model": subclassed()},
            "after the training": lambda: {"model": trained()[0]},
        },
        wrong={
            "softmax forgotten": (lambda: {"model": network(output=None)}, "activation linear"),
            "sigmoid": (lambda: {"model": network(output="sigmoid")}, "sum to 1"),
            "no relu": (lambda: {"model": network(activation=None)}, "activation linear"),
            "layers added twice": (
                lambda: {"model": network(12, 8, 3, 12, 8, 3)},
                "a cell that adds layers has run twice",
            ),
            "one layer": (lambda: {"model": network(12, 3)}, "of 12, 3 units"),
            "no biases": (lambda: {"model": without_biases()}, "be without biases"),
            "loss of yes or no": (
                lambda: {"model": network(loss="binary_crossentropy")},
                "'binary_crossentropy'",
            ),
            "not compiled": (lambda: {"model": not_compiled()}, "is not compiled"),
            "no metric": (lambda: {"model": network(metrics=None)}, "without the metric accuracy"),
            "the metric of class numbers": (
                lambda: {"model": network(metrics=["sparse_categorical_accuracy"])},
                "without the metric accuracy",
            ),
            "SGD": (lambda: {"model": network(optimizer="sgd")}, "with the optimiser SGD"),
            "all weights 0": (
                lambda: {"model": copy(m := network(), [0 * w for w in m.get_weights()])},
                "would all learn the same",
            ),
        },
    ),
    "S5.5": Case(
        right={
            "as it is": lambda: history(dict),
            "a table of the history": lambda: history(pd.DataFrame),
        },
        wrong={
            "built again": (
                lambda: {"model": network(), "history": trained()[1]},
                "has counted no training step",
            ),
            "compiled again": (
                lambda: judged_after(0),
                "built again afterwards",
            ),
            "the cell run twice": (lambda: judged_after(2 * STEPS), "was the cell run again"),
            "batches of 32": (lambda: judged_after(600), "in batches of 10"),
            "both halves": (lambda: judged_after(3000), "trained for 3,000 steps"),
            "both halves, in batches of 20": (on_all_rows, "Was it trained on all 200 rows"),
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
            "no metric recorded": (
                lambda: history(
                    lambda recorded: {name: recorded[name] for name in ("loss", "val_loss")}
                ),
                "no accuracy",
            ),
            "a loss of 0 from the start": (
                lambda: with_metric("loss", [0.0] * 150),
                "did not learn",
            ),
            "labels off by one": (on_swapped_labels, "Look at the labels"),
            "another network": (
                lambda: {"model": five_columns(), "history": trained()[1]},
                "takes inputs of shape",
            ),
        },
    ),
    "S5.6": Case(
        right={"NumPy": evaluations, "rounded to three digits": rounded},
        wrong={
            "the flattering one": (lambda: evaluations(report="a"), "could learn by heart"),
            "the lower one": (lambda: evaluations(report="c"), "because it is lower"),
            "the mean": (lambda: evaluations(report="d"), "half of them took part"),
            "a word": (lambda: evaluations(report="kept out"), "one of the letters"),
            "the halves the wrong way round": (halves_exchanged, "the wrong way round"),
            "loss and accuracy the wrong way round": (
                lambda: exchanged("loss_kept_out", "accuracy_kept_out"),
                "returns the loss first",
            ),
            "percent": (
                lambda: evaluations(accuracy_seen=100 * evaluations()["accuracy_seen"]),
                "an accuracy is a share",
            ),
            "best of the history": (best_of_history, "`loss_kept_out` is"),
            "trained on": (
                lambda: evaluations(model=after(2 * STEPS)),
                "was the cell run again",
            ),
        },
    ),
    "S5.7": Case(
        right={
            "functional": nonsense,
            "truth values": lambda: nonsense(labels=y_shuffled().astype(bool)),
        },
        wrong={
            "labels not shuffled": (
                lambda: nonsense(labels=halves()["y"]),
                "still something to learn",
            ),
            "trained on the right labels": (
                lambda: nonsense(model=after(STEPS)),
                "it should be on more than",
            ),
            "untrained": (lambda: nonsense(model=network()), "has counted no training step"),
            "the first network, trained further": (
                lambda: nonsense(model=after(2 * STEPS, by_heart())),
                "was the cell run again",
            ),
            "a wider network": (lambda: nonsense(model=network(64, 32, 3)), "of 64, 32, 3 units"),
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
            "by order": there_and_back,
            "transposed, places looked up": lambda: there_and_back(
                restored=rows().reshape((50, 8, 8)).transpose(0, 2, 1), places=looked_up()
            ),
            "whole numbers": lambda: there_and_back(
                restored=rows().reshape((50, 8, 8), order="F").astype(int).tolist()
            ),
        },
        wrong={
            "read row by row": (
                lambda: there_and_back(restored=rows().reshape((50, 8, 8))),
                "is mirrored at its diagonal",
            ),
            "samples last": (
                lambda: there_and_back(restored=rows().reshape((8, 8, 50), order="F")),
                "Samples come first",
            ),
            "still rows": (lambda: there_and_back(restored=rows()), "has shape (50, 64)"),
            "transposed first": (
                lambda: there_and_back(restored=rows().T.reshape((50, 8, 8))),
                "but not the images",
            ),
            "places exchanged": (
                lambda: there_and_back(places=[104, 563]),
                "the wrong way round",
            ),
            "counted from 1": (lambda: there_and_back(places=[564, 105]), "as R does"),
            "row and column counted from 1": (
                lambda: there_and_back(places=[534, 75]),
                "counting column by column",
            ),
            "one number": (lambda: there_and_back(places=[563]), "asks for two numbers"),
            "images copied, places guessed": (
                lambda: there_and_back(restored=images(), places=[60, 60]),
                "How many pixels come before",
            ),
        },
    ),
}
