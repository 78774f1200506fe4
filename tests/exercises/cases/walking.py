"""Right and wrong answers to the exercises on the walking data."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy import stats

from coursekit import datasets, preprocessing
from tests.exercises.cases import Case
from tests.exercises.cases._networks import (
    claimed,
    copy,
    dense,
    dropout,
    figures,
    functional,
    trained,
)

# Epochs times batches: 3,803 windows in batches of 128, and 1,872 in batches of 64.
STEPS_FIRST, STEPS_DENSE, STEPS, STEPS_LONGER = 15 * 30, 45 * 30, 10 * 30, 20 * 30

# ----------------------------------------------------------------------------- material


@cache
def walking():
    return datasets.load_walking()


def n() -> int:
    return len(walking().labels)


@cache
def rows() -> dict[str, np.ndarray]:
    """A split in another style than the solution's: stratified, by scikit-learn."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        np.arange(n()), test_size=0.2, stratify=walking().labels, random_state=3
    )
    return {"rows_train": train, "rows_test": test}


def only_train() -> dict[str, np.ndarray]:
    return {"rows_train": rows()["rows_train"]}


def parts(**changed: Any) -> dict[str, Any]:
    train, test = rows().values()
    right = {
        **rows(),
        "x_train": walking().x[train],
        "y_train": walking().y[train],
        "x_test": walking().x[test],
        "y_test": walking().y[test],
    }
    return {**right, **changed}


def network(layers, *, shape=(260, 3), **options):
    return functional(shape, layers, **options)


def head():
    return [dense(100, "sigmoid"), dense(15, "softmax")]


def convolution(filters=40, size=40, strides=2, activation="relu", **options):
    import keras

    options |= {"strides": strides, "activation": activation}
    return keras.layers.Conv1D(filters, size, **options)


def pool():
    import keras

    return keras.layers.MaxPooling1D(2)


def flatten():
    import keras

    return keras.layers.Flatten()


def as_layer(name, *arguments, **options):
    import keras

    return getattr(keras.layers, name)(*arguments, **options)


def new_first(*, size=40, top=None, bottom=None, **options):
    layers = [*(bottom or [convolution(size=size), pool()]), flatten(), *(top or head())]
    return network(layers, **options)


def subclassed_first():
    import keras

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.parts = [convolution(), pool(), flatten(), *head()]

        def call(self, values):
            for part in self.parts:
                values = part(values)
            return values

    model = Net()
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model(np.zeros((1, 260, 3), "float32"))  # builds it
    return model


def after(steps, model, weights=None):
    """The weights of a network in one whose optimiser has counted this many steps."""
    other = copy(model, model.get_weights() if weights is None else weights)
    other.optimizer.iterations.assign(steps)
    return other


def without_weights(model):
    return copy(model, [0 * array for array in model.get_weights()])


def new_final(*, filters=40, sizes=(30, 10), top=None, extra=None):
    layers = [
        convolution(filters, sizes[0]),
        pool(),
        *(extra or []),
        convolution(filters, sizes[1], 1),
        pool(),
        flatten(),
        *(top or head()),
    ]
    return network(layers)


# -------------------------------------------------------------------------- trained networks


@cache
def random_validation():
    train = rows()["rows_train"]
    last = train[int(np.floor(len(train) * 0.7)) :]
    return walking().x[last], walking().y[last]


def fit_random(model, epochs=15):
    train = rows()["rows_train"]
    return model.fit(
        walking().x[train],
        walking().y[train],
        epochs=epochs,
        batch_size=128,
        validation_split=0.3,
        verbose=0,
    )


@trained
def first_trained():
    model = new_first()
    return model, fit_random(model)


@trained
def dense_trained():
    model = network([flatten(), *head()])
    return model, fit_random(model, 45)


@cache
def by_time():
    return preprocessing.split_by_time(walking())


def fit_by_time(model, epochs=10, callbacks=()):
    early, middle, _ = by_time()
    return model.fit(
        walking().x[early[::2]],
        walking().y[early[::2]],
        epochs=epochs,
        batch_size=64,
        validation_data=(walking().x[middle], walking().y[middle]),
        validation_batch_size=len(middle),
        callbacks=list(callbacks),
        verbose=0,
    )


@trained
def longer_trained():
    """The final network after twenty epochs, its history, and the weights after ten."""
    import keras

    model, kept = new_final(), []

    def keep(epoch, logs):
        if epoch == 9:
            kept.append(model.get_weights())

    history = fit_by_time(model, 20, [keras.callbacks.LambdaCallback(on_epoch_end=keep)])
    return model, history, kept[0]


@trained
def small_trained():
    model = new_final(filters=20, sizes=(15, 5))
    return model, fit_by_time(model)


def two_dense(second, *activation):
    return [dense(100, "sigmoid"), dense(100, second), *activation, dense(15, "softmax")]


@trained
def deeper_trained():
    model = new_final(top=two_dense("linear", as_layer("LeakyReLU")))
    return model, fit_by_time(model)


@trained
def deeper_with_parameters():
    """An activation with parameters of its own."""
    model = new_final(top=two_dense("linear", as_layer("PReLU")))
    return model, fit_by_time(model)


def with_dropout(rate=0.5):
    return [dense(100, "sigmoid"), dropout(rate), dense(15, "softmax")]


@trained
def dropped_trained():
    model = new_final(extra=[as_layer("SpatialDropout1D", 0.2)])
    return model, fit_by_time(model)


@trained
def dropped_everywhere():
    """Half of the outputs dropped after every layer: hardly better than guessing, and allowed."""
    layers = [convolution(size=30), dropout(0.5), pool(), dropout(0.5), convolution(40, 10, 1)]
    layers += [dropout(0.5), pool(), dropout(0.5), flatten(), dropout(0.5), *with_dropout()]
    model = network(layers)
    return model, fit_by_time(model)


def middle():
    _, rows_middle, _ = by_time()
    return walking().x[rows_middle], walking().y[rows_middle]


# ------------------------------------------------------------------------------- answers


def neighbours(limit=260, strangers=False) -> float:
    """Counted window by window, where the solution takes one large array."""
    train, test = rows().values()
    labels, start = walking().labels, walking().start
    found = 0
    for row in test:
        near = np.abs(start[train] - start[row]) < limit
        found += int((near if strangers else near & (labels[train] == labels[row])).sum())
    return found / len(test)


def share_with_neighbours() -> float:
    train, test = rows().values()
    labels, start = walking().labels, walking().start
    near = [
        (np.abs(start[train[labels[train] == labels[row]]] - start[row]) < 260).any()
        for row in test
    ]
    return float(np.mean(near))


def judged(**changed: Any) -> dict[str, Any]:
    model = first_trained()[0]
    test = rows()["rows_test"]
    right = {
        "first": model,
        **rows(),
        "first_validation": figures(model, *random_validation())[1],
        "first_test": figures(model, walking().x[test], walking().y[test])[1],
    }
    return {**right, **changed}


def best_epochs(recorded: dict[str, list[float]]) -> dict[str, int]:
    return {
        "best_epoch": int(np.argmin(recorded["val_loss"])) + 1,
        "most_accurate_epoch": int(np.argmax(recorded["val_accuracy"])) + 1,
    }


def longer_answers(**changed: Any) -> dict[str, Any]:
    model, history, _ = longer_trained()
    right = {"longer": model, "history_longer": history, **best_epochs(history.history)}
    return {**right, **changed}


def first_ten_of_longer() -> dict[str, Any]:
    model, history, weights = longer_trained()
    recorded = {name: values[:10] for name, values in history.history.items()}
    ten = after(STEPS, model, weights)
    return {"longer": ten, "history_longer": recorded, **best_epochs(recorded)}


def neither_epoch() -> int:
    return next(
        epoch
        for epoch in range(1, 20)
        if not {epoch, epoch + 1} & set(best_epochs(longer_trained()[1].history).values())
    )


def by_accuracy() -> dict[str, Any]:
    """Both epochs chosen by the accuracy, which rose once more after the lowest loss."""
    model, history, _ = longer_trained()
    best = best_epochs(history.history)["best_epoch"]
    recorded = {name: list(values) for name, values in history.history.items()}
    elsewhere = 4 if best not in (5, 6) else 9
    recorded["val_accuracy"][elsewhere] = max(recorded["val_accuracy"]) + 0.001
    chosen = {"best_epoch": elsewhere + 1, "most_accurate_epoch": elsewhere + 1}
    return {"longer": model, "history_longer": recorded, **chosen}


def second_fit_of(name: str, made) -> dict[str, Any]:
    """A network whose cell was run twice; only the optimiser tells."""
    model, history = made()
    return {name: after(2 * STEPS, model), f"history_{name}": history}


def trained_on_middle_too() -> dict[str, Any]:
    model, _, _ = longer_trained()
    return longer_answers(longer=after(20 * 54, model))


SEEDS = (1, 2, 3, 4, 5)
FINAL = [0.80, 0.75, 0.84, 0.82, 0.79]
UNCLEAR, BETTER, WORSE = (
    [0.80 + change, 0.75 + change + 0.01, 0.84 + other, 0.82 + other - 0.02, 0.79 + change]
    for change, other in [(0.02, -0.03), (0.03, 0.05), (-0.06, -0.04)]
)


@cache
def actual() -> np.ndarray:
    return middle()[1].argmax(axis=1)


@cache
def as_predicted(share: float, run: int) -> np.ndarray:
    """Predictions that are right for this share of the middle windows, wrong on the harder ones."""
    hard = np.random.default_rng(0).normal(size=len(actual()))
    noise = np.random.default_rng(run).normal(size=len(actual()))
    wrong = np.argsort(hard + noise)[round(share * len(actual())) :]
    named = actual().copy()
    named[wrong] = (named[wrong] + 1 + run % 3) % 15
    return named


def results_answers(
    verdict: str = "not separated", *, final=FINAL, dropout=UNCLEAR, seeds=SEEDS, **changed: Any
) -> dict[str, Any]:
    """Runs whose accuracies are computed from their predictions."""
    import pandas as pd

    asked = [
        (name, seed, share)
        for seed, *both in zip(seeds, final, dropout, strict=True)
        for name, share in zip(("final", "dropout"), both, strict=True)
    ]
    predicted = np.array([as_predicted(share, run) for run, (*_, share) in enumerate(asked, 1)])
    shares = (predicted == actual()).mean(axis=1)
    runs = [(name, seed, got) for (name, seed, _), got in zip(asked, shares, strict=True)]
    differences = shares[1::2] - shares[::2]
    ends = [0, 0]
    if len(final) > 1:
        ends = list(stats.ttest_1samp(differences, 0).confidence_interval())
    right = {
        "results": pd.DataFrame(runs, columns=["network", "seed", "val_accuracy"]),
        "predicted": predicted,
        "difference": differences.mean(),
        "interval": ends,
        "verdict": verdict,
    }
    return {**right, **changed}


def by_network(answers: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The accuracies of the runs with dropout and of those without."""
    table = answers["results"]
    return tuple(
        table.loc[table["network"] == name, "val_accuracy"].to_numpy()
        for name in ("dropout", "final")
    )


def first_pairs(n: int) -> dict[str, Any]:
    return results_answers(final=FINAL[:n], dropout=UNCLEAR[:n], seeds=SEEDS[:n])


def reseeded(seed: int, *networks: str) -> dict[str, Any]:
    """The last run of these networks with another seed."""
    right = results_answers()
    table = right["results"]
    table.loc[table["network"].isin(networks) & (table["seed"] == 5), "seed"] = seed
    return right


def indexed_results() -> dict[str, Any]:
    right = results_answers()
    order = np.random.default_rng(1).permutation(len(right["results"]))
    table = right["results"].iloc[order].set_index(["network", "seed"])
    return {**right, "results": table, "predicted": right["predicted"][order].tolist()}


def rounded_results() -> dict[str, Any]:
    right = results_answers("Better", dropout=BETTER)
    table = right["results"][["val_accuracy", "seed", "network"]].round(3)
    return {
        **right,
        "results": table.assign(note="after five epochs"),
        "predicted": right["predicted"].astype(float),
        "difference": round(right["difference"], 3),
        "interval": np.round(right["interval"], 3),
    }


def seven_pairs() -> dict[str, Any]:
    final, dropout = [*FINAL, 0.81, 0.77], [*WORSE, 0.76, 0.73]
    return results_answers("worse", final=final, dropout=dropout, seeds=range(11, 18))


def turned_difference() -> dict[str, Any]:
    right = results_answers()
    return {**right, "difference": -right["difference"]}


def typed_in() -> dict[str, Any]:
    """A table typed in, with predictions of another seed's runs."""
    right = results_answers()
    table = right["results"].copy()
    table.loc[table["seed"] == 4, "val_accuracy"] += 0.02
    return {**right, "results": table}


def errors_at_random() -> dict[str, Any]:
    """Predictions made up: the truth, with errors drawn at random."""
    right = results_answers()
    wrong = right["predicted"] != actual()
    made = []
    for run, row in enumerate(wrong):
        drawn = np.random.default_rng(run).permutation(row)
        made.append(np.where(drawn, (actual() + 1) % 15, actual()))
    return {**right, "predicted": np.array(made)}


def one_network_twice() -> dict[str, Any]:
    """The second run of a pair predicted with the network of the first."""
    right = results_answers()
    predicted = right["predicted"].copy()
    predicted[1] = predicted[0]
    table = right["results"].copy()
    table.loc[1, "val_accuracy"] = table.loc[0, "val_accuracy"]
    return {**right, "results": table, "predicted": predicted}


def small_count(*, biases=True, pooled=True) -> int:
    positions = 28 if pooled else 57
    count = 15 * 3 * 20 + 5 * 20 * 20 + positions * 20 * 100 + 100 * 15
    return count + (20 + 20 + 100 + 15 if biases else 0)


def permuted_test() -> np.ndarray:
    return np.random.default_rng(0).permutation(rows()["rows_test"])


def not_compiled(model):
    import keras

    return keras.Model(model.inputs, model.outputs)  # clone_model would keep the settings


def pd_table(history):
    import pandas as pd

    return pd.DataFrame(history.history)


def short(history, epochs: int) -> dict[str, list[float]]:
    """The last epochs of a history."""
    return {name: values[-epochs:] for name, values in history.history.items()}


def rising(history: dict[str, list[float]]) -> dict[str, list[float]]:
    """A forged history that tells of learning."""
    n_epochs = len(history["loss"])
    told = {"loss": np.linspace(2.7, 0.3, n_epochs), "accuracy": np.linspace(0.1, 0.9, n_epochs)}
    return {**history, **{name: values.tolist() for name, values in told.items()}}


def fitted(first=None, history_first=None) -> dict[str, Any]:
    model, history = first_trained()
    return {
        "first": first or model,
        "history_first": history_first or history,
        **only_train(),
    }


def dense_answers(dense=None, history=None) -> dict[str, Any]:
    model, recorded = dense_trained()
    return {"dense": dense or model, "history_dense": history or recorded, **only_train()}


def small_answers(small=None, history=None) -> dict[str, Any]:
    model, recorded = small_trained()
    return {"small": small or model, "history_small": history or recorded}


def deeper_answers(deeper) -> dict[str, Any]:
    return {"deeper": deeper, "history_deeper": deeper_trained()[1]}


def dropped_answers(dropped, history=None) -> dict[str, Any]:
    return {"dropped": dropped, "history_dropped": history or dropped_trained()[1]}


CASES: dict[str, Case] = {
    "3-A.1": Case(
        right={
            "stratified by scikit-learn": rows,
            "drawn without putting back, and the rest": lambda: {
                "rows_train": (
                    train := np.random.default_rng(5).choice(n(), int(0.8 * n()), replace=False)
                ),
                "rows_test": np.setdiff1d(np.arange(n()), train),
            },
        },
        wrong={
            "the first four fifths": (
                lambda: {
                    "rows_train": np.arange(int(0.8 * n())),
                    "rows_test": np.arange(int(0.8 * n()), n()),
                },
                "sorted by person",
            ),
            "drawn at random, then sorted": (
                lambda: {name: np.sort(part) for name, part in rows().items()},
                "which `fit` will take for validation",
            ),
            "drawn with putting back": (
                lambda: {
                    "rows_train": np.random.default_rng(1).integers(0, n(), int(0.8 * n())),
                    "rows_test": rows()["rows_test"],
                },
                "Draw without putting back",
            ),
            "drawn twice": (
                lambda: {
                    "rows_train": np.random.default_rng(1).permutation(n())[: int(0.8 * n())],
                    "rows_test": np.random.default_rng(2).permutation(n())[: int(0.2 * n())],
                },
                "rows are in `rows_train` and in `rows_test`",
            ),
            "seventy to thirty": (
                lambda: {
                    "rows_train": (order := np.random.default_rng(1).permutation(n()))[
                        : int(0.7 * n())
                    ],
                    "rows_test": order[int(0.7 * n()) :],
                },
                "the task asks for 80 %",
            ),
            "every fifth row": (
                lambda: {
                    "rows_train": np.random.default_rng(1).permutation(
                        np.flatnonzero(np.arange(n()) % 5)
                    ),
                    "rows_test": np.arange(0, n(), 5),
                },
                "regular pattern",
            ),
            "truth values": (
                lambda: {
                    "rows_train": np.isin(np.arange(n()), rows()["rows_train"]),
                    "rows_test": np.isin(np.arange(n()), rows()["rows_test"]),
                },
                "it is to hold row numbers",
            ),
        },
    ),
    "3-A.2": Case(
        right={
            "float64 and truth values": lambda: parts(
                x_train=walking().x[rows()["rows_train"]].astype("float64"),
                y_test=walking().y[rows()["rows_test"]] > 0.5,
            ),
        },
        wrong={
            "labels of other rows": (
                lambda: parts(y_test=walking().y[permuted_test()]),
                "are not the labels of their windows",
            ),
            "windows of other rows": (
                lambda: parts(x_test=walking().x[permuted_test()]),
                "are not those that `rows_test` names",
            ),
            "numbers for labels": (
                lambda: parts(y_train=walking().labels[rows()["rows_train"]]),
                "zeros and ones for each window",
            ),
            "labels off by one": (
                lambda: parts(y_train=np.eye(16)[walking().labels[rows()["rows_train"]]]),
                "zeros and ones for each window",
            ),
            "parts exchanged": (
                lambda: parts(x_train=walking().x[rows()["rows_test"]]),
                "`x_train` has shape",
            ),
        },
    ),
    "3-A.3": Case(
        right={
            "as it is": lambda: {**rows(), "neighbours": neighbours()},
            "rounded": lambda: {**rows(), "neighbours": round(neighbours(), 2)},
        },
        wrong={
            "windows of everybody": (
                lambda: {**rows(), "neighbours": neighbours(strangers=True)},
                "windows of other people",
            ),
            "windows that touch": (
                lambda: {**rows(), "neighbours": neighbours(limit=261)},
                "These touch",
            ),
            "the share of windows with a neighbour": (
                lambda: {**rows(), "neighbours": share_with_neighbours()},
                "not the mean for these rows",
            ),
            "rounded to one digit": (
                lambda: {**rows(), "neighbours": round(neighbours(), 1)},
                "with one digit after the point",
            ),
            "half of the training rows": (
                lambda: {
                    "rows_train": rows()["rows_train"][::2],
                    "rows_test": rows()["rows_test"],
                    "neighbours": neighbours() / 2,
                },
                "the others are in no part",
            ),
            "all eight": (
                lambda: {**rows(), "neighbours": 8},
                "not the mean for these rows",
            ),
        },
    ),
    "3-B.1": Case(
        right={
            "functional, softmax as a layer of its own": lambda: {
                "first": new_first(
                    top=[dense(100, "sigmoid"), dense(15, "linear"), as_layer("Softmax")]
                )
            },
            "relu after pooling, and a reshaping": lambda: {
                "first": network(
                    [
                        convolution(activation=None),
                        pool(),
                        as_layer("ReLU"),
                        as_layer("Reshape", (-1,)),
                        *head(),
                    ]
                )
            },
            "subclassed": lambda: {"first": subclassed_first()},
        },
        wrong={
            "kernels of 30": (lambda: {"first": new_first(size=30)}, "40 filters of size 30"),
            "no relu": (
                lambda: {"first": new_first(bottom=[convolution(activation=None), pool()])},
                "has the activation linear",
            ),
            "padded": (
                lambda: {"first": new_first(bottom=[convolution(padding="same"), pool()])},
                "the task asks for 226,455",
            ),
            "SGD": (lambda: {"first": new_first(optimizer="sgd")}, "the optimiser SGD"),
            "no metric": (lambda: {"first": new_first(metrics=None)}, "without the metric"),
            "not compiled": (lambda: {"first": not_compiled(new_first())}, "is not compiled"),
            "all weights 0": (
                lambda: {"first": without_weights(new_first())},
                "would all learn the same",
            ),
            "no softmax": (
                lambda: {"first": new_first(top=[dense(100, "sigmoid"), dense(15, "linear")])},
                "probabilities that sum to 1",
            ),
            "relu in the dense layer": (
                lambda: {"first": new_first(top=[dense(100, "relu"), dense(15, "softmax")])},
                "the task asks for sigmoid",
            ),
            "a binary loss": (
                lambda: {"first": new_first(loss="binary_crossentropy")},
                "the loss that goes with a softmax",
            ),
            "channels first": (
                lambda: {"first": network([flatten(), *head()], shape=(3, 260))},
                "one row has the shape",
            ),
            "dense layers only": (
                lambda: {"first": network([flatten(), *head()])},
                "has the layers Flatten, Dense, Dense",
            ),
            "a table": (lambda: {"first": np.zeros(3)}, "a Keras model is needed"),
        },
    ),
    "3-B.2": Case(
        right={
            "the history as a dict": lambda: {
                "first": first_trained()[0],
                "history_first": first_trained()[1].history,
                **only_train(),
            },
        },
        wrong={
            "built again after training": (lambda: fitted(new_first()), "no training step"),
            "the history of the dense network": (
                lambda: fitted(history_first=short(dense_trained()[1], 15)),
                "do not belong together",
            ),
            "twelve epochs": (
                lambda: fitted(history_first=short(first_trained()[1], 12)),
                "the task asks for 15",
            ),
            "the cell run twice": (
                lambda: fitted(after(2 * STEPS_FIRST, first_trained()[0])),
                "was the cell run again",
            ),
            "batches of 32": (
                lambda: fitted(after(15 * 119, first_trained()[0])),
                "in batches of 128",
            ),
            "test windows too": (
                lambda: fitted(after(15 * 38, first_trained()[0])),
                "the rows that `fit` was given",
            ),
            "no validation": (
                lambda: fitted(history_first={"loss": first_trained()[1].history["loss"]}),
                "no val_loss",
            ),
            "a forged history of a new network": (
                lambda: fitted(
                    model := after(STEPS_FIRST, new_first()),
                    claimed(model, *random_validation(), 15),
                ),
                "did not learn",
            ),
        },
    ),
    "3-B.3": Case(
        right={
            "NumPy": judged,
            "rounded": lambda: judged(
                first_validation=round(judged()["first_validation"], 3),
                first_test=np.float32(judged()["first_test"]),
            ),
        },
        wrong={
            "in per cent": (
                lambda: judged(first_test=100 * judged()["first_test"]),
                "An accuracy is a share",
            ),
            "the loss": (
                lambda: judged(
                    first_validation=figures(first_trained()[0], *random_validation())[0]
                ),
                "which is the loss",
            ),
            "the training accuracy": (
                lambda: judged(first_validation=first_trained()[1].history["accuracy"][-1]),
                "Was it taken from another set",
            ),
            "always the most frequent person": (
                lambda: judged(first_test=0.085),
                "Was it taken from another set",
            ),
            "the wrong way round": (
                lambda: judged(
                    first_validation=judged()["first_test"], first_test=judged()["first_validation"]
                ),
                "other set",
            ),
            "another network": (lambda: judged(first=new_first()), "no training step"),
        },
    ),
    "3-B.4": Case(
        right={
            "functional": lambda: {
                "dense": dense_trained()[0],
                "history_dense": dense_trained()[1],
                **only_train(),
            },
        },
        wrong={
            "with the convolution": (
                lambda: dense_answers(first_trained()[0]),
                "has the layers Conv1D",
            ),
            "fifty units": (
                lambda: dense_answers(
                    network([flatten(), dense(50, "sigmoid"), dense(15, "softmax")])
                ),
                "of 50, 15 units",
            ),
            "relu": (
                lambda: dense_answers(
                    network([flatten(), dense(100, "relu"), dense(15, "softmax")])
                ),
                "the task asks for sigmoid",
            ),
            "fifteen epochs": (
                lambda: dense_answers(after(15 * 30, dense_trained()[0])),
                "45 epochs over 3,803 rows",
            ),
            "never trained": (
                lambda: dense_answers(
                    model := after(STEPS_DENSE, network([flatten(), *head()])),
                    claimed(model, *random_validation(), 45),
                ),
                "did not learn",
            ),
            "the history of the convolutional network": (
                lambda: dense_answers(history=short(first_trained()[1], 15)),
                "has 15 epochs",
            ),
        },
    ),
    "3-B.5": Case(
        right={"in another hand": lambda: {"answer_dense": " (B)"}},
        wrong={
            "a": (lambda: {"answer_dense": "a"}, "do meet"),
            "c": (lambda: {"answer_dense": "c"}, "too few parameters"),
            "d": (lambda: {"answer_dense": "d"}, "falling validation accuracy"),
            "a sentence": (lambda: {"answer_dense": "the second"}, "one of the letters"),
        },
    ),
    "3-C.1": Case(
        right={
            "functional": longer_answers,
            "the history as a table": lambda: longer_answers(
                history_longer=pd_table(longer_trained()[1])
            ),
        },
        wrong={
            "counted from 0": (
                lambda: longer_answers(
                    **{
                        name: epoch - 1
                        for name, epoch in best_epochs(longer_trained()[1].history).items()
                    }
                ),
                "the task from 1",
            ),
            "another epoch": (
                lambda: longer_answers(best_epoch=neither_epoch()),
                "lowest validation loss in another epoch",
            ),
            "by accuracy": (by_accuracy, "by the other metric"),
            "ten epochs": (first_ten_of_longer, "20 epochs over 1,872 rows"),
            "the middle windows too": (trained_on_middle_too, "trained for 1,080 steps"),
            "the first network": (
                lambda: longer_answers(longer=new_first()),
                "has the layers Conv1D, MaxPooling1D, Flatten",
            ),
            "built again": (lambda: longer_answers(longer=new_final()), "no training step"),
            "never trained": (
                lambda: longer_answers(
                    longer=(model := after(STEPS_LONGER, new_final())),
                    history_longer=claimed(model, *middle(), 20),
                ),
                "did not learn",
            ),
        },
    ),
    "3-C.2": Case(
        right={"as a float": lambda: {"small_parameters": float(small_count())}},
        wrong={
            "no biases": (
                lambda: {"small_parameters": small_count(biases=False)},
                "all weights, and no bias",
            ),
            "the last pooling forgotten": (
                lambda: {"small_parameters": small_count(pooled=False)},
                "how many positions",
            ),
        },
    ),
    "3-C.3": Case(
        right={
            "functional": lambda: {
                "small": small_trained()[0],
                "history_small": small_trained()[1],
            },
        },
        wrong={
            "kernels exchanged": (
                lambda: small_answers(new_final(filters=20, sizes=(5, 15))),
                "the task asks for 20 of size 15",
            ),
            "forty filters": (
                lambda: small_answers(new_final(sizes=(15, 5))),
                "has 40 filters of size 15",
            ),
            "the history of the final network": (
                lambda: small_answers(history=short(longer_trained()[1], 10)),
                "do not belong together",
            ),
            "the cell run twice": (
                lambda: second_fit_of("small", small_trained),
                "was the cell run again",
            ),
            "never trained": (
                lambda: small_answers(
                    model := after(STEPS, new_final(filters=20, sizes=(15, 5))),
                    claimed(model, *middle(), 10),
                ),
                "did not learn",
            ),
        },
    ),
    "3-C.4": Case(
        right={
            "a layer of leaky relu": lambda: {
                "deeper": deeper_trained()[0],
                "history_deeper": deeper_trained()[1],
            },
            "an activation with parameters": lambda: {
                "deeper": deeper_with_parameters()[0],
                "history_deeper": deeper_with_parameters()[1],
            },
        },
        wrong={
            "no further layer": (
                lambda: {"deeper": longer_trained()[0], "history_deeper": longer_trained()[1]},
                "Flatten, Dense, Dense;",
            ),
            "fifty units": (
                lambda: deeper_answers(
                    new_final(
                        top=[dense(100, "sigmoid"), dense(50, "sigmoid"), dense(15, "softmax")]
                    )
                ),
                "of 100, 50, 15 units",
            ),
            "no activation": (
                lambda: deeper_answers(new_final(top=two_dense("linear"))),
                "has no activation",
            ),
            "relu in the first one": (
                lambda: deeper_answers(
                    new_final(top=[dense(100, "relu"), dense(100, "relu"), dense(15, "softmax")])
                ),
                "the task asks for sigmoid",
            ),
            "built again": (
                lambda: deeper_answers(copy(deeper_trained()[0])),
                "no training step",
            ),
        },
    ),
    "3-C.5": Case(
        right={
            "between the convolutions, of whole filters": lambda: {
                "dropped": dropped_trained()[0],
                "history_dropped": dropped_trained()[1],
            },
            "after all layers": lambda: {
                "dropped": dropped_everywhere()[0],
                "history_dropped": dropped_everywhere()[1],
            },
        },
        wrong={
            "no dropout": (
                lambda: {"dropped": longer_trained()[0], "history_dropped": longer_trained()[1]},
                "no layer for dropout",
            ),
            "after the output layer": (
                lambda: dropped_answers(new_final(top=[*head(), dropout(0.5)])),
                "drops some of its 15 answers",
            ),
            "a rate of 0.9": (
                lambda: dropped_answers(new_final(top=with_dropout(0.9))),
                "drops shares of 0.9",
            ),
            "a rate of 0": (
                lambda: dropped_answers(new_final(top=with_dropout(0.0))),
                "drops shares of 0;",
            ),
            "more units as well": (
                lambda: dropped_answers(
                    new_final(top=[dense(200, "sigmoid"), *with_dropout()[1:]])
                ),
                "of 200, 15 units",
            ),
            "built again": (
                lambda: dropped_answers(copy(dropped_trained()[0])),
                "no training step",
            ),
            "never trained": (
                lambda: dropped_answers(
                    model := after(STEPS, new_final(top=with_dropout())),
                    rising(claimed(model, *middle(), 10)),
                ),
                "far from that",
            ),
        },
    ),
    "3-C.6": Case(
        right={
            "computed": results_answers,
            "in the index, and in another order": indexed_results,
            "rounded, columns in another order": rounded_results,
            "seven pairs with seeds of their own": seven_pairs,
        },
        wrong={
            "one pair": (lambda: first_pairs(1), "has 1 pair of runs"),
            "three pairs": (lambda: first_pairs(3), "has 3 pairs of runs"),
            "the same seed twice": (
                lambda: reseeded(1, "final", "dropout"),
                "names a seed of 'dropout' twice",
            ),
            "other seeds for one network": (
                lambda: reseeded(6, "final"),
                "only one of the two networks has the seed 5",
            ),
            "runs that do not differ": (
                lambda: results_answers(final=[0.85] * 5),
                "all have the value 0.85",
            ),
            "in per cent": (
                lambda: (
                    (right := results_answers())
                    | {
                        "results": right["results"].assign(
                            val_accuracy=100 * by_network(right)[0][0]
                        )
                    }
                ),
                "an accuracy is a share",
            ),
            "typed in": (typed_in, "the same entry of `predicted` is right"),
            "errors drawn at random": (errors_at_random, "drawn at random"),
            "one network for two runs": (one_network_twice, "on exactly the same windows"),
            "the people, from 1 to 15": (
                lambda: (right := results_answers()) | {"predicted": right["predicted"] + 1},
                "from 0 to 14",
            ),
            "probabilities": (
                lambda: (right := results_answers()) | {"predicted": right["predicted"][..., None]},
                "a number for each of the",
            ),
            "negative seeds": (
                lambda: results_answers(seeds=range(-5, 0)),
                "whole numbers from 0",
            ),
            "the difference turned round": (
                turned_difference,
                "above 0 where dropout is the better one",
            ),
            "the difference of the medians": (
                lambda: (
                    (right := results_answers())
                    | {
                        "difference": np.subtract(
                            *(np.median(values) for values in by_network(right))
                        )
                    }
                ),
                "not the mean of the 5 paired differences",
            ),
            "the interval of unpaired runs": (
                lambda: (
                    (right := results_answers())
                    | {"interval": list(stats.ttest_ind(*by_network(right)).confidence_interval())}
                ),
                "seed by seed",
            ),
            "the range of single runs": (
                lambda: results_answers(interval=[min(UNCLEAR), max(UNCLEAR)]),
                "seed by seed",
            ),
            "half its width": (
                lambda: results_answers(interval=0.05),
                "the task asks for two numbers",
            ),
            "by the mean alone": (lambda: results_answers("worse"), "On which side of 0"),
            "too careful": (
                lambda: results_answers("not separated", dropout=BETTER),
                "On which side of 0",
            ),
            "as equal": (lambda: results_answers("equal"), "should be one of"),
        },
    ),
}
