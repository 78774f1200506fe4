"""Right and wrong answers to the exercises on the first network."""

from __future__ import annotations

import functools
import time

import keras
import numpy as np
import pandas as pd

from coursekit import datasets, models
from tests.exercises.cases import Case

PARAMETERS = [50, 4546, 8706, 9842, 265730]
NAMES = {
    "small": (8,),
    "base": (64, 64),
    "four_layers": (64, 64, 64),
    "funnel": (128, 64, 16),
    "large": (512, 512),
}
STEPS = 790  # 10 epochs of 79 batches

# ------------------------------------------------------------------------------- the data


@functools.cache
def rows() -> tuple[np.ndarray, np.ndarray]:
    return datasets.make_threshold(seed=7)


@functools.cache
def test_rows() -> tuple[np.ndarray, np.ndarray]:
    return datasets.make_threshold(1_000, seed=8)


def rule(x: np.ndarray) -> np.ndarray:
    return (x > 0.5).sum(axis=1) % 2


def onehot(labels):
    return keras.utils.to_categorical(labels, num_classes=2)


# ------------------------------------------------------------------------------ the models


def network(
    *units, activation="relu", output=(2, "softmax"), extra=(), biases=True, steps=0, of=None, **how
):
    """A network, with the weights of another one and its number of steps if it is to have them."""
    model = keras.Sequential([keras.Input((3,))])
    for nodes in units:
        model.add(keras.layers.Dense(nodes, activation=activation, use_bias=biases))
    for layer in extra:
        model.add(layer)
    model.add(keras.layers.Dense(output[0], activation=output[1]))
    settings = {"loss": "categorical_crossentropy", "optimizer": "rmsprop", "metrics": ["accuracy"]}
    model.compile(**{**settings, **how})
    if of is not None:
        model.set_weights(of.get_weights())
    model.optimizer.iterations.assign(steps)
    return model


@functools.cache
def trained(*units):
    """As the task says."""
    keras.utils.set_random_seed(1)
    model = network(*units)
    began = time.perf_counter()
    model.fit(rows()[0], onehot(rows()[1]), epochs=10, batch_size=128, verbose=0)
    model.seconds = time.perf_counter() - began
    return model


def as_if(steps=STEPS, **how):
    """`four_layers` with another number of steps, or compiled in another way."""
    return {"four_layers": network(64, 64, 64, of=trained(64, 64, 64), steps=steps, **how)}


def fitted(model, seed=2):
    """Trained on a pipeline of batches, as the task says."""
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    table = tf.data.Dataset.from_tensor_slices((rows()[0], onehot(rows()[1])))
    model.fit(table.shuffle(10_000, seed=seed).batch(128), epochs=10, shuffle=False, verbose=0)
    return model


def settings() -> dict:
    return {
        "loss": keras.losses.CategoricalCrossentropy(),
        "optimizer": keras.optimizers.RMSprop(),
        "metrics": [keras.metrics.CategoricalAccuracy()],
    }


@functools.cache
def functional():
    """Three hidden layers in another style, behind a scaling layer."""
    inputs = keras.Input((3,), name="three_numbers")
    hidden = keras.layers.Rescaling(2, offset=-1)(inputs)
    for _ in range(3):
        hidden = keras.layers.Activation("relu")(keras.layers.Dense(64)(hidden))
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(2)(hidden)))
    model.compile(**settings())
    return fitted(model)


class Own(keras.Model):
    """Three hidden layers, whose activations are functions."""

    def __init__(self):
        super().__init__()
        self.hidden = [keras.layers.Dense(64) for _ in range(3)]
        self.out = keras.layers.Dense(2)

    def call(self, inputs):
        for layer in self.hidden:
            inputs = keras.ops.relu(layer(inputs))
        return keras.ops.softmax(self.out(inputs))


@functools.cache
def subclassed():
    model = Own()
    model.compile(**settings())
    return fitted(model)


@functools.cache
def on_turned_labels():
    weights = trained(64, 64, 64).get_weights()
    weights[-2], weights[-1] = weights[-2][:, ::-1], weights[-1][::-1]
    model = network(64, 64, 64, steps=STEPS)
    model.set_weights(weights)
    return model


@functools.cache
def of_the_rule():
    keras.utils.set_random_seed(4)
    model = network(64, 64, optimizer=keras.optimizers.Adam(0.005))
    model.fit(rows()[0], onehot(rule(rows()[0])), epochs=25, batch_size=250, verbose=0)
    return model


class OwnRule(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = (keras.layers.Dense(64, activation="relu") for _ in range(2))
        self.out = keras.layers.Dense(2, activation="softmax")

    def call(self, inputs):
        return self.out(self.second(self.first(inputs)))


@functools.cache
def own_of_the_rule():
    """A network of a class of its own, on labels that are not one-hot."""
    keras.utils.set_random_seed(6)
    model = OwnRule()
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
    model.fit(rows()[0], rule(rows()[0]), epochs=25, batch_size=250, verbose=0)
    return model


def turned_rule():
    weights = of_the_rule().get_weights()
    weights[-2], weights[-1] = weights[-2][:, ::-1], weights[-1][::-1]
    model = network(64, 64)
    model.set_weights(weights)
    return model


@functools.cache
def too_small():
    keras.utils.set_random_seed(5)
    model = network(4)
    model.fit(rows()[0], onehot(rule(rows()[0])), epochs=5, batch_size=250, verbose=0)
    return model


# --------------------------------------------------------------------------------- the table


def share(model) -> float:
    x, y = test_rows()
    return float(np.mean(np.asarray(model(x)).argmax(axis=1) == y))


def costs() -> pd.DataFrame:
    found = [trained(*units) for units in NAMES.values()]
    return pd.DataFrame(
        {
            "parameters": [model.count_params() for model in found],
            "seconds": [model.seconds for model in found],
            "accuracy": [share(model) for model in found],
        }
    )


def measured(change=lambda table: table, **others) -> dict:
    networks = {name: trained(*units) for name, units in NAMES.items()}
    return {"costs": change(costs()), **networks, **others}


def in_another_form(table: pd.DataFrame) -> dict:
    """Sorted, rounded, as tensors and text, with a column of tuples and capital names."""
    table = table[::-1].round({"seconds": 1, "accuracy": 2})
    return {
        "Hidden layers": [units for units in list(NAMES.values())[::-1]],
        "Parameters": table["parameters"].tolist(),
        "Seconds": [str(seconds) for seconds in table["seconds"]],
        "Accuracy": [keras.ops.convert_to_tensor(number) for number in table["accuracy"]],
    }


def right_guess(digits=None) -> float:
    mean = rule(rows()[0]).mean()
    return float(max(mean, 1 - mean) if digits is None else round(max(mean, 1 - mean), digits))


def answers(y_rule=None, guess=None) -> dict:
    return {
        "y_rule": rule(rows()[0]) if y_rule is None else y_rule,
        "guess": right_guess() if guess is None else guess,
    }


CASES = {
    "S1.1": Case(
        right={
            "by Keras, as an array": lambda: {
                "parameters": np.array(
                    [
                        models.threshold_network(units=units).count_params()
                        for units in NAMES.values()
                    ]
                )
            },
            "a dict by name": lambda: {
                "parameters": dict(zip("abcde", map(float, PARAMETERS), strict=True))
            },
        },
        wrong={
            "no biases": (
                lambda: {"parameters": [40, 4416, 8512, 9632, 264704]},
                "says 40 for 8. That counts the weights alone",
            ),
            "no output layer": (
                lambda: {"parameters": [32, 4416, 8576, 9808, 264704]},
                "the hidden layers alone",
            ),
            "funnel without its output layer": (
                lambda: {"parameters": [50, 4546, 8706, 9808, 265730]},
                "for 128 - 64 - 16",
            ),
            "one network": (lambda: {"parameters": 4546}, "The length of `parameters` is 1"),
            "a map, used up when it is read": (
                lambda: {"parameters": map(int, PARAMETERS)},
                "holds a map; an array of numbers",
            ),
            "with thousands separators": (
                lambda: {"parameters": ["50", "4,546", "8,706", "9,842", "265,730"]},
                "asks for 5 numbers",
            ),
        },
    ),
    "S1.2": Case(
        right={
            "as the task says": lambda: {"four_layers": trained(64, 64, 64)},
            "functional, a scaling layer, tf.data": lambda: {"four_layers": functional()},
            "subclassed, activations as functions": lambda: {"four_layers": subclassed()},
        },
        wrong={
            "layers counted with the output": (
                lambda: {"four_layers": trained(64, 64)},
                "hidden layers of 64 - 64 units; the task asks for 64 - 64 - 64",
            ),
            "untrained": (
                lambda: {"four_layers": network(64, 64, 64, steps=STEPS)},
                "the weights it started with",
            ),
            "no activations": (lambda: as_if(activation=None), "could do no more than one"),
            "softmax forgotten": (
                lambda: as_if(output=(2, None)),
                "asks for softmax in the output layer",
            ),
            "sigmoid": (lambda: as_if(output=(2, "sigmoid")), "each row sums to 1"),
            "one output": (
                lambda: {"four_layers": network(64, 64, 64, output=(1, "sigmoid"))},
                "3 inputs and 2 output nodes",
            ),
            "labels off by one": (
                lambda: {"four_layers": on_turned_labels()},
                "labels in the right order",
            ),
            "loss of a regression": (lambda: as_if(loss="mse"), "'mean_squared_error'"),
            "labels that are not one-hot": (
                lambda: as_if(loss="sparse_categorical_crossentropy"),
                "the labels here are the one-hot rows",
            ),
            "Adam": (lambda: as_if(optimizer="adam"), "compiled with Adam"),
            "another learning rate": (
                lambda: as_if(optimizer=keras.optimizers.RMSprop(0.01)),
                "RMSprop with its default settings",
            ),
            "no metric": (lambda: as_if(metrics=None), "without the metric accuracy"),
            "a metric that compares probabilities with labels": (
                lambda: as_if(metrics=[keras.metrics.Accuracy()]),
                "without the metric accuracy",
            ),
            "dropout": (
                lambda: as_if(extra=[keras.layers.Dropout(0.3)]),
                "a layer of the kind Dropout",
            ),
            "no biases": (
                lambda: {"four_layers": network(64, 64, 64, biases=False, steps=STEPS)},
                "Does each layer have its biases",
            ),
            "the test rows among them": (lambda: as_if(860), "are the test rows among them"),
            "on the test rows": (lambda: as_if(80), "are these the test rows"),
            "a fifth kept out": (lambda: as_if(630), "kept out for validation"),
            "the cell run twice": (lambda: as_if(2 * STEPS), "run twice on the same network"),
            "run three times": (lambda: as_if(3 * STEPS), "That is 3 times as many"),
            "batches of 32": (lambda: as_if(3130), "batches of 32, which `fit` takes"),
            "one epoch": (lambda: as_if(79), "That is one epoch"),
            "another batch size": (lambda: as_if(400), "Look at the epochs, the batch size"),
            "compiled again": (lambda: as_if(0), "which clears the count"),
            "not compiled": (
                lambda: {
                    "four_layers": keras.Sequential(
                        [keras.Input((3,)), *trained(64, 64, 64).layers]
                    )
                },
                "is not compiled",
            ),
        },
    ),
    "S1.3": Case(
        right={"as the task says": lambda: {"funnel": trained(128, 64, 16)}},
        wrong={
            "upside down": (lambda: {"funnel": network(16, 64, 128)}, "of 16 - 64 - 128 units"),
            "no funnel": (lambda: {"funnel": trained(64, 64, 64)}, "of 64 - 64 - 64 units"),
            "untrained": (
                lambda: {"funnel": network(128, 64, 16, steps=STEPS)},
                "the weights it started with",
            ),
            "no hidden layer": (lambda: {"funnel": network()}, "hidden layers of no units"),
        },
    ),
    "S1.4": Case(
        right={
            "measured": measured,
            "more columns, other index": lambda: measured(
                lambda table: table.assign(units=list("abcde")).set_index("units")
            ),
            "in another form": lambda: measured(in_another_form),
            "a list of dicts": lambda: measured(lambda table: table.round(3).to_dict("records")),
            "parameters as the index": lambda: measured(
                lambda table: table.set_index("parameters")
            ),
        },
        wrong={
            "trained again since": (
                lambda: measured(lambda table: table.assign(accuracy=table["accuracy"] - 0.004)),
                "Was the network trained again since",
            ),
            "two rows swapped": (
                lambda: measured(
                    lambda table: table.assign(
                        accuracy=table["accuracy"].to_numpy()[[4, 1, 2, 3, 0]]
                    )
                ),
                "on the 1,000 test rows, `small`",
            ),
            "typed in": (
                lambda: measured(lambda table: table.assign(accuracy=0.5)),
                "as it is now has another one",
            ),
            "one time for all": (
                lambda: measured(lambda table: table.assign(seconds=9.0)),
                "All seconds in `costs` are the same",
            ),
            "no time at all": (
                lambda: measured(lambda table: table.assign(seconds=np.arange(5) * 1e-3)),
                "cannot be the times of such trainings",
            ),
            "percent": (
                lambda: measured(lambda table: table.assign(accuracy=100 * table["accuracy"])),
                "the share of the test rows",
            ),
            "a network twice": (
                lambda: measured(lambda table: table.iloc[[0, 1, 2, 2, 4]]),
                "More than one row",
            ),
            "another network in the table": (
                lambda: measured(lambda table: table.assign(parameters=[50, 4546, 8706, 9842, 7])),
                "No row of `costs` has as many parameters as the network 512 - 512",
            ),
            "rows missing": (lambda: measured(lambda table: table[:2]), "has 2 rows"),
            "column missing": (
                lambda: measured(lambda table: table.drop(columns="seconds")),
                "asks for one named 'seconds'",
            ),
            "words": (
                lambda: measured(lambda table: table.assign(accuracy="high")),
                "holds 'high'; numbers",
            ),
            "missing values": (
                lambda: measured(lambda table: table.assign(seconds=np.nan)),
                "missing or not finite",
            ),
            "one network for two": (
                lambda: measured(base=trained(64, 64, 64)),
                "`base` has hidden",
            ),
            "no table": (lambda: measured(lambda table: 3), "a DataFrame is needed"),
        },
    ),
    "S1.5": Case(
        right={"in brackets": lambda: {"summary": "(b)"}},
        wrong={
            "the larger the better": (lambda: {"summary": "a"}, "when only the seed changes"),
            "all alike": (lambda: {"summary": "c"}, "not shown to be zero"),
            "too many parameters": (lambda: {"summary": "d"}, "learned the training rows by heart"),
            "a sentence": (lambda: {"summary": "no difference"}, "one of the letters"),
        },
    ),
    "S1.6": Case(
        right={
            "counted": lambda: answers(guess=right_guess()),
            "truth values, three digits": lambda: answers(
                rule(rows()[0]) == 1, right_guess(digits=3)
            ),
            "a column": lambda: answers(
                rule(rows()[0]).reshape(-1, 1).astype("float32"), np.float32(right_guess())
            ),
        },
        wrong={
            "even": (lambda: answers(1 - rule(rows()[0])), "is even"),
            "the old labels": (lambda: answers(rows()[1]), "still follows the old rule"),
            "counts": (lambda: answers((rows()[0] > 0.5).sum(axis=1)), "When is a number odd"),
            "any above": (lambda: answers((rows()[0] > 0.5).any(axis=1)), "do not follow the rule"),
            "backwards": (lambda: answers(rule(rows()[0])[::-1]), "in the order of the rows"),
            "one-hot": (lambda: answers(onehot(rule(rows()[0]))), "one label, 0 or 1"),
            "share of three classes": (lambda: answers(guess=1 / 3), "the more frequent class"),
            "theory": (lambda: answers(guess=0.5), "on average over all possible rows"),
            "the rarer class": (lambda: answers(guess=1 - right_guess()), "that is less frequent"),
            "two digits": (lambda: answers(guess=right_guess(2)), "asks for three digits"),
            "percent": (lambda: answers(guess=100 * right_guess()), "a share of the rows"),
        },
    ),
    "S1.7": Case(
        right={
            "Adam, larger batches": lambda: {"rule_model": of_the_rule()},
            "subclassed, labels that are not one-hot": lambda: {"rule_model": own_of_the_rule()},
        },
        wrong={
            "the old rule": (lambda: {"rule_model": trained(64, 64, 64)}, "by the old rule"),
            "too small": (lambda: {"rule_model": too_small()}, "by the new rule"),
            "labels turned": (
                lambda: {"rule_model": turned_rule()},
                "the opposite of the new rule",
            ),
            "untrained": (lambda: {"rule_model": network(64, 64)}, "the weights it started with"),
            "one output": (
                lambda: {"rule_model": network(64, output=(1, "sigmoid"))},
                "3 inputs and 2 output nodes",
            ),
            "no softmax": (
                lambda: {"rule_model": network(64, 64, output=(2, None), of=of_the_rule())},
                "asks for softmax",
            ),
        },
    ),
}
