"""Right and wrong answers to the exercises of the MNIST tuning lab."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from coursekit import datasets, preprocessing
from tests.exercises.cases import Case
from tests.exercises.cases._networks import (
    claimed,
    copy,
    dense,
    dropout,
    figures,
    functional,
    labels_off_by_one,
    trained,
)

# ----------------------------------------------------------------------------- material


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    (images, labels), _ = datasets.load_mnist()
    x, y = preprocessing.prepare_digits(images, labels, seed=123)
    return x[:4000].copy(), y[:4000].copy()


def validation() -> tuple[np.ndarray, np.ndarray]:
    x, y = digits()
    return x[3200:], y[3200:]


def sgd(rate=0.01, momentum=0.0):
    import keras

    return keras.optimizers.SGD(rate, momentum=momentum)


def adam(rate=0.001):
    import keras

    return keras.optimizers.Adam(rate)


def lab_sgd():
    return sgd(0.1, 0.9)


def network(*widths: int, optimizer="sgd", layers=None, **options: Any):
    layers = layers or [*(dense(width) for width in widths), dense(10, "softmax")]
    return functional((784,), layers, optimizer=optimizer, **options)


def fit(model, *, epochs=3, batch_size=128, callbacks=(), slices=(3200, 4000)):
    """Validation rows given by name, where the solution lets fit take them."""
    x, y = digits()
    fitted, end = slices
    return model.fit(
        x[:fitted],
        y[:fitted],
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(x[3200:end], y[3200:end]),
        validation_batch_size=800,
        callbacks=list(callbacks),
        verbose=0,
    )


def last(history) -> dict[str, float]:
    return {name: history.history[name][-1] for name in ("val_loss", "val_accuracy")}


# -------------------------------------------------------------------------- trained networks


@trained
def by_batch(size: int):
    model = network(512)
    return model, fit(model, batch_size=size)


@trained
def same_steps():
    model = network(512)
    return model, fit(model, epochs=12)


@trained
def in_proportion():
    model = network(512, optimizer=sgd(0.16))
    return model, fit(model, batch_size=512)


@trained
def with_momentum():
    model = network(512, optimizer=lab_sgd())
    return model, fit(model)


@trained
def adaptive(name: str):
    import keras

    maker = {"rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam}[name]
    model = network(512, optimizer=maker(learning_rate=1e-3))
    return model, fit(model)


@trained
def funnel():
    model = network(512, 256, 128, optimizer=lab_sgd())
    return model, fit(model)


def both(stop: int, plateau: int, **options: Any) -> list:
    import keras

    return [
        keras.callbacks.ReduceLROnPlateau(patience=plateau, factor=0.1, min_delta=0),
        keras.callbacks.EarlyStopping(patience=stop, **{"restore_best_weights": True, **options}),
    ]


@trained
def big():
    """The network, its history, and the weights of its worst epoch."""
    import keras

    model, kept = network(1024, 1024, optimizer=lab_sgd()), []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    history = fit(model, epochs=20, callbacks=[*both(2, 1), keep])
    return model, history, kept[int(np.argmax(history.history["val_loss"]))]


def penalised(factors=(0.001, 0.001, None)):
    import keras

    def penalty(factor):
        return None if factor is None else keras.regularizers.L2(factor)

    layers = [
        dense(512, kernel_regularizer=penalty(factors[0])),
        dense(512, kernel_regularizer=penalty(factors[1])),
        dense(10, "softmax", kernel_regularizer=penalty(factors[2])),
    ]
    return network(layers=layers, optimizer=lab_sgd())


def dropping(first=0.3, second=0.3):
    layers = [dense(512), dropout(first), dense(512), dropout(second), dense(10, "softmax")]
    return network(layers=layers, optimizer=lab_sgd())


@trained
def restrained(name: str):
    model = {
        "plain": lambda: network(512, 512, optimizer=lab_sgd()),
        "l2": penalised,
        "dropout": dropping,
    }[name]()
    return model, fit(model, epochs=5, callbacks=both(3, 1))


@trained
def seen_everything():
    """Trained on the validation digits too."""
    model = network(512, 512, optimizer=lab_sgd())
    return model, fit(model, epochs=8, slices=(4000, 4000))


# ------------------------------------------------------------------------------- answers


def table(rows: list[dict[str, Any]]):
    import pandas as pd

    return pd.DataFrame(rows)


def batch_answers(*, losses=None, accuracy=0.8, sizes=(512, 128, 32, 16), **changed: Any):
    """The rows of 32 and 128 are made up; the others are those of the two networks."""
    found = {size: by_batch(size)[1].history["val_loss"][-1] for size in (16, 512)}
    found = {**found, 32: 0.75, 128: 1.6, **(losses or {})}
    rows = [
        {
            "batch_size": size,
            "val_loss": found[size],
            "val_accuracy": accuracy,
            "seconds": 1.5,
        }
        for size in sizes
    ]
    right = {
        "batches": table(rows),
        "trained_16": by_batch(16)[0],
        "trained_512": by_batch(512)[0],
    }
    return {**right, **changed}


def one_network_all_along() -> dict[str, Any]:
    """Never built anew: each size goes on where the one before it stopped."""
    losses = {16: 0.51, 32: 0.45, 128: 0.44, 512: 0.43}
    return batch_answers(losses=losses)


def indexed_batches() -> dict[str, Any]:
    right = batch_answers()
    return {**right, "batches": right["batches"].set_index("batch_size")}


MADE_UP = {
    (0.01, 0.0): (1.6, 0.74),
    (0.1, 0.0): (0.5, 0.87),
    (1.0, 0.0): (0.31, 0.9),
    (0.1, 0.5): (0.4, 0.89),
    (0.1, 0.99): (0.6, 0.88),
}


def sgd_answers(*, changes=None, **changed: Any) -> dict[str, Any]:
    own = last(with_momentum()[1])
    settings = {**MADE_UP, (0.1, 0.9): (own["val_loss"], own["val_accuracy"]), **(changes or {})}
    settings[1.0, 0.0] = (max(settings[1.0, 0.0][0], own["val_loss"] + 0.02), 0.9)
    rows = [
        {"learning_rate": rate, "momentum": momentum, "val_loss": loss, "val_accuracy": accuracy}
        for (rate, momentum), (loss, accuracy) in settings.items()
        if loss is not None
    ]
    return {"sgd": table(rows), "best_sgd": with_momentum()[0], **changed}


REACHED = {
    ("SGD", 0.1): 0.87,
    ("SGD", 1.0): 0.9,
    ("SGD", 10.0): np.nan,
    ("RMSprop", 0.001): 0.9,
    ("RMSprop", 0.01): 0.9,
    ("RMSprop", 0.1): 0.6,
    ("Adam", 0.001): 0.9,
    ("Adam", 0.01): 0.93,
    ("Adam", 0.1): 0.82,
}


def rates_answers(*, changes=None, without=(), **changed: Any) -> dict[str, Any]:
    reached = {**REACHED, **(changes or {})}
    rows = [
        {"optimiser": name, "learning_rate": rate, "val_accuracy": accuracy}
        for (name, rate), accuracy in reached.items()
        if (name, rate) not in without
    ]
    right = {"rates": table(rows), "largest_sgd": 1, "largest_rmsprop": 0.01, "largest_adam": 0.1}
    return {**right, **changed}


def parameters(*widths: int) -> int:
    sizes = [784, *widths, 10]
    return sum((a + 1) * b for a, b in pairwise(sizes))


def capacity_answers(*, changes=None, without=(), **changed: Any) -> dict[str, Any]:
    own = last(funnel()[1])
    rows = {
        "2": (parameters(2), 1.9, 0.3),
        "32": (parameters(32), 0.41, 0.88),
        "512": (parameters(512), 0.3, 0.91),
        "2048": (parameters(2048), 0.29, 0.91),
        "512-512": (parameters(512, 512), 0.31, 0.9),
        "512-256-128": (parameters(512, 256, 128), own["val_loss"], own["val_accuracy"]),
        **(changes or {}),
    }
    frame = table(
        [
            {
                "network": name,
                "parameters": count,
                "val_loss": loss,
                "val_accuracy": accuracy,
                "seconds": 2.0,
            }
            for name, (count, loss, accuracy) in rows.items()
            if name not in without
        ]
    )
    return {"capacity": frame, "funnel": funnel()[0], **changed}


def patient_answers(**changed: Any) -> dict[str, Any]:
    right = {"history_big": big()[1], "stop_patience": 2, "plateau_patience": 1}
    return {**right, **changed}


def big_history(**changed: Any) -> dict[str, list[float]]:
    return {**big()[1].history, **changed}


def loss_answers(**changed: Any) -> dict[str, Any]:
    model = restrained("l2")[0]
    right = {
        "l2": model,
        "l2_penalty": squares(model) * 0.001,
        "l2_cross_entropy": figures(model, *validation())[0],
    }
    return {**right, **changed}


def squares(model, *, biases=False, output=False) -> float:
    layers = [layer for layer in model.layers if layer.name.startswith("dense")]
    return sum(
        float((np.asarray(weights) ** 2).sum())
        for layer in layers[: 3 if output else 2]
        for weights in ([layer.kernel, layer.bias] if biases else [layer.kernel])
    )


def terms_answers(*, penalty=False, **changed: Any) -> dict[str, Any]:
    models = {name: restrained(name)[0] for name in ("dropout", "l2", "plain")}
    rows = []
    for name, model in models.items():
        loss, accuracy = figures(model, *validation())
        extra = 0.001 * squares(model) if penalty and name == "l2" else 0
        rows.append({"network": name, "cross_entropy": loss + extra, "accuracy": accuracy})
    frame = table(rows)
    lowest = frame.loc[frame["cross_entropy"].idxmin(), "network"]
    return {**models, "equal_terms": frame, "lowest": lowest, **changed}


def worst_named() -> dict[str, Any]:
    right = terms_answers()
    frame = right["equal_terms"]
    return {**right, "lowest": frame.loc[frame["cross_entropy"].idxmax(), "network"]}


def noisy() -> np.ndarray:
    epochs = np.arange(1, 41)
    noise = np.random.default_rng(31).normal(0, 0.02, size=40)
    return np.round(0.2 + 0.5 * np.exp(-epochs / 6) + noise, 4)


def patience_answers(*, shift=0, best_epochs=False, last_loss=False) -> dict[str, Any]:
    """By looking at the running minimum, where the solution counts."""
    losses = noisy()
    ends, keeps = [], []
    for patience in (1, 3, 8):
        for end in range(1, 41):
            best = int(losses[:end].argmin()) + 1
            if end - best == patience:
                break
        ends.append(best if best_epochs else end + shift)
        keeps.append(losses[end - 1] if last_loss else losses[best - 1])
    return {"ends_with": ends, "keeps": np.array(keeps)}


def history_and(name: str, model, history) -> dict[str, Any]:
    return {name: model, f"history_{name}": history}


CASES: dict[str, Case] = {
    "4-A.1": Case(
        right={"a list": lambda: {"steps_per_epoch": [200, 100, 25, 7.0]}},
        wrong={
            "of all 4,000": (lambda: {"steps_per_epoch": [250, 125, 32, 8]}, "does `fit` train on"),
            "rounded down": (
                lambda: {"steps_per_epoch": 3200 // np.array([16, 32, 128, 512])},
                "rows that do not fill a batch",
            ),
            "of three epochs": (
                lambda: {"steps_per_epoch": [600, 300, 75, 21]},
                "How often does a batch fit",
            ),
            "one number": (lambda: {"steps_per_epoch": 200}, "hold four numbers"),
        },
    ),
    "4-A.2": Case(
        right={
            "rows in another order": batch_answers,
            "sizes in the index": indexed_batches,
        },
        wrong={
            "one network all along": (one_network_all_along, "begin with new weights"),
            "three sizes": (lambda: batch_answers(sizes=(512, 32, 16)), "each of the four"),
            "networks exchanged": (
                lambda: batch_answers(trained_16=by_batch(512)[0], trained_512=by_batch(16)[0]),
                "Is it the network of that row",
            ),
            "another width": (
                lambda: batch_answers(trained_16=network(128)),
                "hidden layers of 128 units",
            ),
            "Adam": (
                lambda: batch_answers(
                    trained_16=network(512, optimizer="adam"),
                ),
                "the optimiser Adam",
            ),
            "never trained": (
                lambda: batch_answers(
                    trained_512=(model := network(512)),
                    losses={512: figures(model, *validation())[0]},
                ),
                "worse than so much training gives",
            ),
        },
    ),
    "4-A.3": Case(
        right={
            "validation rows by name": lambda: history_and("same_steps", *same_steps()),
        },
        wrong={
            "three epochs": (
                lambda: history_and("same_steps", *by_batch(128)),
                "has 3 epochs",
            ),
            "the same epochs of 16": (
                lambda: history_and("same_steps", *by_batch(16)),
                "has 3 epochs",
            ),
            "the history of another network": (
                lambda: history_and("same_steps", same_steps()[0], in_proportion()[1]),
                "do not belong together",
            ),
            "twelve epochs, claimed": (
                lambda: history_and(
                    "same_steps",
                    by_batch(128)[0],
                    claimed(by_batch(128)[0], *validation(), 12),
                ),
                "worse than so much training gives",
            ),
        },
    ),
    "4-A.4": Case(
        right={
            "validation rows by name": lambda: history_and("in_proportion", *in_proportion()),
        },
        wrong={
            "the default rate": (
                lambda: history_and("in_proportion", *by_batch(512)),
                "learning rate of 0.01",
            ),
            "with the root": (
                lambda: history_and(
                    "in_proportion", network(512, optimizer=sgd(0.04)), in_proportion()[1]
                ),
                "learning rate of 0.04",
            ),
            "built again": (
                lambda: history_and("in_proportion", copy(in_proportion()[0]), in_proportion()[1]),
                "do not belong together",
            ),
        },
    ),
    "4-B.1": Case(
        right={"a list": lambda: {"longer_moves": [2, 10, 100]}},
        wrong={
            "1 + m": (lambda: {"longer_moves": [1.5, 1.9, 1.99]}, "no longer changes"),
            "m / (1 - m)": (lambda: {"longer_moves": [1, 9, 99]}, "no longer changes"),
            "two of them": (lambda: {"longer_moves": [2, 10]}, "hold three numbers"),
        },
    ),
    "4-B.2": Case(
        right={"rows in another order": sgd_answers},
        wrong={
            "a setting is missing": (
                lambda: sgd_answers(changes={(0.1, 0.99): (None, None)}),
                "no row for a rate of 0.1 with momentum 0.99",
            ),
            "one network all along": (
                lambda: sgd_answers(changes={(0.01, 0.0): (0.35, 0.9)}),
                "begin with new weights",
            ),
            "not the best": (
                lambda: sgd_answers(best_sgd=by_batch(128)[0]),
                "Is it the network of that row",
            ),
            "Adam instead": (
                lambda: sgd_answers(best_sgd=adaptive("adam")[0]),
                "the optimiser Adam",
            ),
            "labels off by one": (
                lambda: sgd_answers(best_sgd=labels_off_by_one(with_momentum()[0])),
                "Is it the network of that row",
            ),
        },
    ),
    "4-B.3": Case(
        right={"the rate written out": lambda: history_and("rmsprop", *adaptive("rmsprop"))},
        wrong={
            "Adam": (lambda: history_and("rmsprop", *adaptive("adam")), "the optimiser Adam"),
            "the history of the other": (
                lambda: history_and("rmsprop", adaptive("rmsprop")[0], adaptive("adam")[1]),
                "do not belong together",
            ),
        },
    ),
    "4-B.4": Case(
        right={"the rate written out": lambda: history_and("adam", *adaptive("adam"))},
        wrong={
            "SGD": (lambda: history_and("adam", *with_momentum()), "the optimiser SGD"),
            "another rate": (
                lambda: history_and(
                    "adam",
                    network(512, optimizer=adam(0.01)),
                    adaptive("adam")[1],
                ),
                "which is not the default",
            ),
            "never trained": (
                lambda: history_and(
                    "adam",
                    (model := network(512, optimizer="adam")),
                    claimed(model, *validation(), 3),
                ),
                "worse than so much training gives",
            ),
        },
    ),
    "4-B.5": Case(
        right={"names as Keras writes them, a figure missing": rates_answers},
        wrong={
            "a row is missing": (
                lambda: rates_answers(without=[("Adam", 0.1)]),
                "no row for 'adam' with a rate of 0.1",
            ),
            "the best rate, not the largest": (
                lambda: rates_answers(largest_adam=0.01),
                "`largest_adam` is 0.01",
            ),
            "the largest that was tried": (
                lambda: rates_answers(largest_sgd=10),
                "`largest_sgd` is 10",
            ),
            "a rate of 10 that learns": (
                lambda: rates_answers(changes={("SGD", 10.0): 0.9}, largest_sgd=10),
                "Was the network new",
            ),
            "in per cent": (
                lambda: rates_answers(changes={("SGD", 0.1): 87.0}),
                "no share between 0 and 1",
            ),
        },
    ),
    "4-C.1": Case(
        right={"the figures of others": capacity_answers},
        wrong={
            "a loop that adds one layer": (
                lambda: capacity_answers(changes={"512-512": (parameters(512), 0.3, 0.91)}),
                "count the layers that your loop adds",
            ),
            "a network is missing": (
                lambda: capacity_answers(without=["2048"]),
                "no row for the network '2048'",
            ),
            "another funnel": (
                lambda: capacity_answers(funnel=network(128, 256, 512, optimizer=lab_sgd())),
                "hidden layers of 128, 256, 512 units",
            ),
            "a funnel built again": (
                lambda: capacity_answers(funnel=copy(funnel()[0])),
                "Is it the network of that row",
            ),
            "validation digits trained on": (
                lambda: capacity_answers(changes={"2048": (parameters(2048), 0.01, 0.999)}),
                "and the validation digits left out",
            ),
            "two units that know everything": (
                lambda: capacity_answers(changes={"2": (parameters(2), 0.3, 0.9)}),
                "Did the network begin with new weights",
            ),
        },
    ),
    "4-C.2": Case(
        right={"in capitals": lambda: {"answer_capacity": "B"}},
        wrong={
            "a": (lambda: {"answer_capacity": "a"}, "from 2 to 32 units"),
            "c": (lambda: {"answer_capacity": "c"}, "the widest one"),
        },
    ),
    "4-D.1": Case(
        right={"another patience": lambda: history_and("big", *big()[:2])},
        wrong={
            "the weights of another epoch": (
                lambda: history_and("big", copy(big()[0], big()[2]), big()[1]),
                "so that the best weights come back",
            ),
            "one layer": (
                lambda: history_and("big", network(1024, optimizer=lab_sgd()), big()[1]),
                "hidden layers of 1024 units",
            ),
            "built again": (
                lambda: history_and("big", copy(big()[0]), big()[1]),
                "do not belong together",
            ),
            "labels off by one": (
                lambda: history_and("big", labels_off_by_one(big()[0]), big()[1]),
                "do not belong together",
            ),
        },
    ),
    "4-D.2": Case(
        right={"the history as a table": lambda: patient_answers(history_big=table(big_history()))},
        wrong={
            "stopping is the less patient one": (
                lambda: patient_answers(stop_patience=1, plateau_patience=2),
                "ever get its turn",
            ),
            "the same for both": (
                lambda: patient_answers(stop_patience=2, plateau_patience=2),
                "ever get its turn",
            ),
            "no callback for the rate": (
                lambda: patient_answers(
                    history_big={
                        name: values
                        for name, values in big_history().items()
                        if name != "learning_rate"
                    }
                ),
                "Was it given to `fit`",
            ),
            "a patience of another run": (
                lambda: patient_answers(stop_patience=5),
                "would not have ended",
            ),
            "a rate that falls for no reason": (
                lambda: patient_answers(
                    history_big=big_history(
                        learning_rate=[0.1] + [0.01] * (len(big()[1].history["loss"]) - 1)
                    )
                ),
                "lead to other epochs",
            ),
            "another rate": (
                lambda: patient_answers(
                    history_big=big_history(
                        learning_rate=[rate / 10 for rate in big()[1].history["learning_rate"]]
                    )
                ),
                "training began at a learning rate of 0.01",
            ),
        },
    ),
    "4-D.3": Case(
        right={
            "by evaluate": lambda: {
                "big": big()[0],
                "reported": big()[0].evaluate(*validation(), verbose=0)[0],
            },
        },
        wrong={
            "of another epoch": (
                lambda: {"big": big()[0], "reported": big()[1].history["val_loss"][1]},
                "Whose weights does it have",
            ),
            "the training loss": (
                lambda: {"big": big()[0], "reported": min(big()[1].history["loss"])},
                "Whose weights does it have",
            ),
        },
    ),
    "4-E.1": Case(
        right={"functional": lambda: history_and("plain", *restrained("plain"))},
        wrong={
            "with dropout": (
                lambda: history_and("plain", *restrained("dropout")),
                "has 2 dropout layers",
            ),
            "validation digits trained on": (
                lambda: history_and("plain", *seen_everything()),
                "Were they trained on",
            ),
            "one layer": (
                lambda: history_and("plain", *with_momentum()),
                "hidden layers of 512 units",
            ),
        },
    ),
    "4-E.2": Case(
        right={"functional": lambda: history_and("l2", *restrained("l2"))},
        wrong={
            "no penalty": (
                lambda: history_and("l2", *restrained("plain")),
                "L2 factors of 0, 0, 0",
            ),
            "a larger factor": (
                lambda: history_and("l2", penalised((0.01, 0.01, None)), restrained("l2")[1]),
                "L2 factors of 0.01, 0.01, 0",
            ),
            "on the output layer too": (
                lambda: history_and("l2", penalised((0.001,) * 3), restrained("l2")[1]),
                "L2 factors of 0.001, 0.001, 0.001",
            ),
            "the history of the plain one": (
                lambda: history_and("l2", restrained("l2")[0], restrained("plain")[1]),
                "do not belong together",
            ),
        },
    ),
    "4-E.3": Case(
        right={"functional": lambda: history_and("dropout", *restrained("dropout"))},
        wrong={
            "no dropout": (
                lambda: history_and("dropout", *restrained("plain")),
                "has 0 dropout layers",
            ),
            "rates of 0.5": (
                lambda: history_and("dropout", dropping(0.5, 0.5), restrained("dropout")[1]),
                "with rates 0.5, 0.5",
            ),
            "after the output layer": (
                lambda: history_and(
                    "dropout",
                    network(
                        layers=[
                            dense(512),
                            dropout(0.3),
                            dense(512),
                            dense(10, "softmax"),
                            dropout(0.3),
                        ],
                        optimizer=lab_sgd(),
                    ),
                    restrained("dropout")[1],
                ),
                "Where is dropout to act",
            ),
        },
    ),
    "4-E.4": Case(
        right={
            "by Keras": lambda: loss_answers(
                l2_penalty=sum(float(part) for part in restrained("l2")[0].losses)
            ),
        },
        wrong={
            "without the factor": (
                lambda: loss_answers(l2_penalty=squares(restrained("l2")[0])),
                "What is it multiplied by",
            ),
            "half of it": (
                lambda: loss_answers(l2_penalty=0.0005 * squares(restrained("l2")[0])),
                "no division by 2",
            ),
            "the output layer too": (
                lambda: loss_answers(l2_penalty=0.001 * squares(restrained("l2")[0], output=True)),
                "Which weights count",
            ),
            "the reported loss": (
                lambda: loss_answers(l2_cross_entropy=min(restrained("l2")[1].history["val_loss"])),
                "still includes the penalty",
            ),
            "of the training digits": (
                lambda: loss_answers(
                    l2_cross_entropy=figures(
                        restrained("l2")[0], digits()[0][:3200], digits()[1][:3200]
                    )[0]
                ),
                "and of which rows",
            ),
        },
    ),
    "4-E.5": Case(
        right={"rows in another order": terms_answers},
        wrong={
            "the penalty included": (
                lambda: terms_answers(penalty=True),
                "Is anything else in the figure",
            ),
            "the worst one": (worst_named, "does not have the lowest"),
            "a network is missing": (
                lambda: terms_answers(equal_terms=terms_answers()["equal_terms"].iloc[:2]),
                "one is needed for each",
            ),
        },
    ),
    "4-E.6": Case(
        right={"by the running minimum": patience_answers},
        wrong={
            "counted from 0": (lambda: patience_answers(shift=-1), "the exercise from 1"),
            "the best epochs": (
                lambda: patience_answers(best_epochs=True),
                "training goes on after them",
            ),
            "one epoch late": (lambda: patience_answers(shift=1), "the lowest so far"),
            "the loss of the last epoch": (
                lambda: patience_answers(last_loss=True),
                "not of the last",
            ),
        },
    ),
}
