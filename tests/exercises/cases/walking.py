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


def network(layers, *, loss="categorical_crossentropy", shape=(260, 3)):
    return functional(shape, layers, loss=loss)


def head():
    return [dense(100, "sigmoid"), dense(15, "softmax")]


def convolution(filters=40, size=40, strides=2):
    import keras

    return keras.layers.Conv1D(filters, size, strides=strides, activation="relu")


def pool():
    import keras

    return keras.layers.MaxPooling1D(2)


def flatten():
    import keras

    return keras.layers.Flatten()


def softmax():
    import keras

    return keras.layers.Softmax()


def new_first(*, size=40, top=None, loss="categorical_crossentropy"):
    layers = [convolution(size=size), pool(), flatten(), *(top or head())]
    return network(layers, loss=loss)


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
    return model, fit_random(model)


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


@trained
def deeper_trained():
    model = new_final(top=[dense(100, "sigmoid"), dense(100, "relu"), dense(15, "softmax")])
    return model, fit_by_time(model)


def with_dropout(rate=0.5):
    return [dense(100, "sigmoid"), dropout(rate), dense(15, "softmax")]


@trained
def dropped_trained():
    import keras

    model = new_final(extra=[keras.layers.SpatialDropout1D(0.2)])
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


def longer_answers(**changed: Any) -> dict[str, Any]:
    model, history, _ = longer_trained()
    best = int(np.argmin(history.history["val_loss"])) + 1
    return {"longer": model, "history_longer": history, "best_epoch": best, **changed}


def first_ten_of_longer() -> dict[str, Any]:
    import pandas as pd

    model, history, weights = longer_trained()
    table = pd.DataFrame(history.history).iloc[:10]
    best = int(table["val_loss"].argmin()) + 1
    return {"longer": copy(model, weights), "history_longer": table, "best_epoch": best}


SEEDS = (1, 2, 3, 4, 5)
FINAL = [0.80, 0.75, 0.84, 0.82, 0.79]
UNCLEAR, BETTER, WORSE = (
    [0.80 + change, 0.75 + change + 0.01, 0.84 + other, 0.82 + other - 0.02, 0.79 + change]
    for change, other in [(0.02, -0.03), (0.03, 0.05), (-0.06, -0.04)]
)


def ending_at(accuracy: float, epochs: int) -> dict[str, list[float]]:
    """A made-up history whose fifth epoch has this accuracy."""
    rising = [accuracy + 0.01 * (epoch - 4) for epoch in range(epochs)]
    return {"loss": rising[::-1], "val_accuracy": rising}


def results_answers(
    verdict: str = "not separated", *, final=FINAL, dropout=UNCLEAR, seeds=SEEDS, **changed: Any
) -> dict[str, Any]:
    """Made-up runs, of which the first pair is that of the two histories."""
    import pandas as pd

    rows = [
        (name, seed, value)
        for name, values in (("final", final), ("dropout", dropout))
        for seed, value in zip(seeds, values, strict=True)
    ]
    ends = [0, 0]
    if len(final) > 1:
        ends = list(stats.ttest_rel(dropout, final).confidence_interval())
    right = {
        "results": pd.DataFrame(rows, columns=["network", "seed", "val_accuracy"]),
        "history_longer": ending_at(final[0], 20),
        "history_dropped": ending_at(dropout[0], 10),
        "difference": np.subtract(dropout, final).mean(),
        "interval": ends,
        "verdict": verdict,
    }
    return {**right, **changed}


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
    table = right["results"].sample(frac=1, random_state=1).set_index(["network", "seed"])
    return {**right, "results": table}


def rounded_results() -> dict[str, Any]:
    right = results_answers("Better", dropout=BETTER)
    return {
        **right,
        "results": right["results"][["val_accuracy", "seed", "network"]],
        "difference": round(right["difference"], 3),
        "interval": np.round(right["interval"], 3),
    }


def seven_pairs() -> dict[str, Any]:
    final, dropout = [*FINAL, 0.81, 0.77], [*WORSE, 0.76, 0.73]
    return results_answers("worse", final=final, dropout=dropout, seeds=range(11, 18))


def turned_difference() -> dict[str, Any]:
    right = results_answers()
    return {**right, "difference": -right["difference"]}


def small_count(*, biases=True, pooled=True) -> int:
    positions = 28 if pooled else 57
    count = 15 * 3 * 20 + 5 * 20 * 20 + positions * 20 * 100 + 100 * 15
    return count + (20 + 20 + 100 + 15 if biases else 0)


def permuted_test() -> np.ndarray:
    return np.random.default_rng(0).permutation(rows()["rows_test"])


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
                "the split is to be 80:20",
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
                "a row of zeros and a one",
            ),
            "labels off by one": (
                lambda: parts(y_train=np.eye(16)[walking().labels[rows()["rows_train"]]]),
                "a row of zeros and a one",
            ),
            "parts exchanged": (
                lambda: parts(x_train=walking().x[rows()["rows_test"]]),
                "`x_train` has shape",
            ),
        },
    ),
    "3-A.3": Case(
        right={"rounded": lambda: {**rows(), "neighbours": round(neighbours(), 2)}},
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
            "all eight": (
                lambda: {**rows(), "neighbours": 8},
                "not the mean for these rows",
            ),
        },
    ),
    "3-B.1": Case(
        right={
            "functional, softmax as a layer of its own": lambda: {
                "first": new_first(top=[dense(100, "sigmoid"), dense(15, "linear"), softmax()])
            },
        },
        wrong={
            "kernels of 30": (lambda: {"first": new_first(size=30)}, "parameters, not 226,455"),
            "no softmax": (
                lambda: {"first": new_first(top=[dense(100, "sigmoid"), dense(15, "linear")])},
                "probabilities that sum to 1",
            ),
            "relu in the dense layer": (
                lambda: {"first": new_first(top=[dense(100, "relu"), dense(15, "softmax")])},
                "names another",
            ),
            "a binary loss": (
                lambda: {"first": new_first(loss="binary_crossentropy")},
                "not the one that goes with this output layer",
            ),
            "channels first": (
                lambda: {"first": network([flatten(), *head()], shape=(3, 260))},
                "one row has the shape",
            ),
            "dense layers only": (
                lambda: {"first": network([flatten(), *head()])},
                "has the layers Flatten, Dense, Dense",
            ),
            "a table": (lambda: {"first": np.zeros(3)}, "functional `keras.Model` is needed"),
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
            "built again after training": (
                lambda: {
                    "first": new_first(),
                    "history_first": first_trained()[1],
                    **only_train(),
                },
                "do not belong together",
            ),
            "the history of the dense network": (
                lambda: {
                    "first": first_trained()[0],
                    "history_first": dense_trained()[1],
                    **only_train(),
                },
                "do not belong together",
            ),
            "twelve epochs": (
                lambda: {
                    "first": first_trained()[0],
                    "history_first": {
                        name: values[-12:] for name, values in first_trained()[1].history.items()
                    },
                    **only_train(),
                },
                "asks for another number",
            ),
            "no validation": (
                lambda: {
                    "first": first_trained()[0],
                    "history_first": {"loss": first_trained()[1].history["loss"]},
                    **only_train(),
                },
                "no val_loss",
            ),
            "a forged history of a new network": (
                lambda: {
                    "first": (model := new_first()),
                    "history_first": claimed(model, *random_validation(), 15),
                    **only_train(),
                },
                "of the validation windows",
            ),
        },
    ),
    "3-B.3": Case(
        right={
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
            "another network": (
                lambda: judged(first=new_first()),
                "Was it taken from another set",
            ),
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
                lambda: {
                    "dense": first_trained()[0],
                    "history_dense": first_trained()[1],
                    **only_train(),
                },
                "has the layers Conv1D",
            ),
            "fifty units": (
                lambda: {
                    "dense": network([flatten(), dense(50, "sigmoid"), dense(15, "softmax")]),
                    "history_dense": dense_trained()[1],
                    **only_train(),
                },
                "parameters, not 79,615",
            ),
            "never trained": (
                lambda: {
                    "dense": (model := network([flatten(), *head()])),
                    "history_dense": claimed(model, *random_validation(), 15),
                    **only_train(),
                },
                "was to be trained on",
            ),
            "the history of the convolutional network": (
                lambda: {
                    "dense": dense_trained()[0],
                    "history_dense": first_trained()[1],
                    **only_train(),
                },
                "do not belong together",
            ),
        },
    ),
    "3-B.5": Case(
        right={"in another hand": lambda: {"answer_dense": " (B)"}},
        wrong={
            "a": (lambda: {"answer_dense": "a"}, "beside that of `first`"),
            "c": (lambda: {"answer_dense": "c"}, "training accuracy"),
            "a sentence": (lambda: {"answer_dense": "the second"}, "one of the letters"),
        },
    ),
    "3-C.1": Case(
        right={"functional": longer_answers},
        wrong={
            "counted from 0": (
                lambda: longer_answers(best_epoch=longer_answers()["best_epoch"] - 1),
                "the exercise from 1",
            ),
            "another epoch": (
                lambda: longer_answers(best_epoch=2),
                "lowest validation loss in another epoch",
            ),
            "ten epochs": (first_ten_of_longer, "Train for longer"),
            "the first network": (
                lambda: longer_answers(longer=new_first()),
                "has the layers Conv1D, MaxPooling1D, Flatten",
            ),
            "built again": (lambda: longer_answers(longer=new_final()), "do not belong together"),
            "never trained": (
                lambda: {
                    "longer": (model := new_final()),
                    "history_longer": claimed(model, *middle(), 20),
                    "best_epoch": 20,
                },
                "of the late windows",
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
                lambda: {
                    "small": new_final(filters=20, sizes=(5, 15)),
                    "history_small": small_trained()[1],
                },
                "where the exercise asks for others",
            ),
            "forty filters": (
                lambda: {
                    "small": new_final(sizes=(15, 5)),
                    "history_small": small_trained()[1],
                },
                "has 40 filters of size 15",
            ),
            "the history of the final network": (
                lambda: {"small": small_trained()[0], "history_small": longer_trained()[1]},
                "do not belong together",
            ),
            "never trained": (
                lambda: {
                    "small": (model := new_final(filters=20, sizes=(15, 5))),
                    "history_small": claimed(model, *middle(), 10),
                },
                "of the late windows",
            ),
        },
    ),
    "3-C.4": Case(
        right={
            "relu in the second one": lambda: {
                "deeper": deeper_trained()[0],
                "history_deeper": deeper_trained()[1],
            },
        },
        wrong={
            "no further layer": (
                lambda: {"deeper": longer_trained()[0], "history_deeper": longer_trained()[1]},
                "Flatten, Dense, Dense.",
            ),
            "fifty units": (
                lambda: {
                    "deeper": new_final(
                        top=[dense(100, "sigmoid"), dense(50, "sigmoid"), dense(15, "softmax")]
                    ),
                    "history_deeper": deeper_trained()[1],
                },
                "parameters, not 127,395",
            ),
            "built again": (
                lambda: {
                    "deeper": copy(deeper_trained()[0]),
                    "history_deeper": deeper_trained()[1],
                },
                "do not belong together",
            ),
        },
    ),
    "3-C.5": Case(
        right={
            "between the convolutions, of whole filters": lambda: {
                "dropped": dropped_trained()[0],
                "history_dropped": dropped_trained()[1],
            },
        },
        wrong={
            "no dropout": (
                lambda: {"dropped": longer_trained()[0], "history_dropped": longer_trained()[1]},
                "has no layer for dropout",
            ),
            "after the output layer": (
                lambda: {
                    "dropped": new_final(top=[*head(), with_dropout()[1]]),
                    "history_dropped": dropped_trained()[1],
                },
                "drops some of its 15 answers",
            ),
            "a rate of 0.9": (
                lambda: {
                    "dropped": new_final(top=with_dropout(0.9)),
                    "history_dropped": dropped_trained()[1],
                },
                "drops shares of 0.9",
            ),
            "more units as well": (
                lambda: {
                    "dropped": new_final(top=[dense(200, "sigmoid"), *with_dropout()[1:]]),
                    "history_dropped": dropped_trained()[1],
                },
                "something else differs too",
            ),
            "built again": (
                lambda: {
                    "dropped": copy(dropped_trained()[0]),
                    "history_dropped": dropped_trained()[1],
                },
                "do not belong together",
            ),
        },
    ),
    "3-C.6": Case(
        right={
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
                "all have the value 0.8500",
            ),
            "in per cent": (
                lambda: results_answers(final=[100 * value for value in FINAL]),
                "an accuracy is a share",
            ),
            "after ten epochs": (
                lambda: results_answers(history_dropped=ending_at(0.77, 10)),
                "Were both trained with the same seed",
            ),
            "the difference turned round": (
                turned_difference,
                "above 0 where dropout is the better one",
            ),
            "the difference of the medians": (
                lambda: results_answers(difference=np.median(UNCLEAR) - np.median(FINAL)),
                "not the mean of the 5 paired differences",
            ),
            "the interval of unpaired runs": (
                lambda: results_answers(
                    interval=list(stats.ttest_ind(UNCLEAR, FINAL).confidence_interval())
                ),
                "seed by seed",
            ),
            "the range of single runs": (
                lambda: results_answers(interval=[min(UNCLEAR), max(UNCLEAR)]),
                "seed by seed",
            ),
            "half its width": (
                lambda: results_answers(interval=0.05),
                "it is to hold two numbers",
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
