"""Right and wrong answers to the exercises on the breast cancer data."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pandas as pd
from sklearn.impute import KNNImputer
from sklearn.model_selection import StratifiedGroupKFold, train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from coursekit import datasets, models, preprocessing
from tests.exercises.cases import Case

# ------------------------------------------------------------------------------- the data


@functools.cache
def cancer() -> pd.DataFrame:
    return datasets.load_breast_cancer()


def names() -> list[str]:
    return list(cancer().columns[1:-1])


@functools.cache
def parts() -> dict[str, pd.DataFrame]:
    train, test = preprocessing.split_stratified(cancer(), by="class", seed=3)
    return {"train": train, "test": test}


def scores(table: pd.DataFrame) -> np.ndarray:
    return table[names()].astype(float).to_numpy()


def arrays(scale) -> dict[str, np.ndarray]:
    """The features of both parts, made by a function of the raw scores of both."""
    x_train, x_test = scale(*(scores(part) for part in parts().values()))
    return {**parts(), "x_train": x_train, "x_test": x_test}


def standard(train, test):
    scaler = StandardScaler().fit(train)
    return [np.nan_to_num(scaler.transform(part)).astype("float32") for part in (train, test)]


def by_hand(train, test):
    """Sample standard deviation, as pandas and R have it, and float64."""
    mean, sd = np.nanmean(train, axis=0), np.nanstd(train, axis=0, ddof=1)
    return [np.where(np.isnan(part), 0, (part - mean) / sd) for part in (train, test)]


def mean_first(train, test):
    """Gaps filled by the mean of the training part, then scaled."""
    mean = np.nanmean(train, axis=0)
    train, test = (np.where(np.isnan(part), mean, part) for part in (train, test))
    return by_hand(train, test)


def from_all_rows(train, test):
    scaler = StandardScaler().fit(np.concatenate([train, test]))
    return [np.nan_to_num(scaler.transform(part)) for part in (train, test)]


def each_by_itself(train, test):
    return [np.nan_to_num(StandardScaler().fit_transform(part)) for part in (train, test)]


def zero_first(train, test):
    return standard(np.nan_to_num(train), np.nan_to_num(test))


def to_range(train, test):
    scaler = MinMaxScaler().fit(train)
    return [np.nan_to_num(scaler.transform(part)) for part in (train, test)]


def neighbours(train, test):
    scaler = StandardScaler().fit(train)
    fill = KNNImputer().fit(scaler.transform(train))
    return [fill.transform(scaler.transform(part)) for part in (train, test)]


def gaps_left(train, test):
    scaler = StandardScaler().fit(train)
    return [scaler.transform(part) for part in (train, test)]


def rows_dropped(train, test):
    return standard(*(part[~np.isnan(part).any(axis=1)] for part in (train, test)))


def shuffled(train, test):
    train, test = standard(train, test)
    return np.random.default_rng(0).permutation(train), test


def with_the_id(train, test):
    return [np.c_[part, np.arange(len(part))] for part in standard(train, test)]


def other_scale_in_test(train, test):
    scaled, _ = standard(train, test)
    _, other = by_hand(2 * train + 1, test)
    return scaled, other


def shares(**options) -> dict[str, pd.DataFrame]:
    train, test = train_test_split(cancer(), random_state=3, **options)
    return {"train": train, "test": test}


def kept_together() -> dict[str, pd.DataFrame]:
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=2)
    rows, others = next(folds.split(cancer(), cancer()["class"], groups=cancer()["id"]))
    return {"train": cancer().iloc[rows].reset_index(), "test": cancer().iloc[others]}


def shared(count) -> dict:
    train, test = parts().values()
    return {**parts(), "shared_ids": count(train["id"], test["id"])}


def labels(make) -> dict:
    train, test = parts().values()
    return {**parts(), "y_train": make(train), "y_test": make(test)}


def one_hot(table: pd.DataFrame) -> np.ndarray:
    return np.eye(2)[table["class"].cat.codes]


# ------------------------------------------------------------------------------ the models


@functools.cache
def ready() -> dict[str, np.ndarray]:
    """The arrays that the networks are trained and tested on."""
    train, test = parts().values()
    x = arrays(standard)
    return {
        "x_train": x["x_train"],
        "y_train": one_hot(train),
        "x_test": x["x_test"],
        "y_test": one_hot(test),
    }


def some(*wanted: str) -> dict[str, np.ndarray]:
    return {name: ready()[name] for name in wanted}


def network(units=(5,), activation="linear", loss="binary_crossentropy", **options):
    model = models.breast_cancer_network(units=units, activation=activation, **options)
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(0.01), metrics=["accuracy"])
    return model


def fit(model, column=1, epochs=6, **options):
    x, y = ready()["x_train"], ready()["y_train"]
    y = y if column is None else y[:, column]
    return model.fit(x, y, epochs=epochs, verbose=0, **options)


def validation_rows() -> tuple[np.ndarray, np.ndarray]:
    """The rows that ``validation_split=0.2`` keeps out."""
    return ready()["x_train"][447:], ready()["y_train"][447:, 1]


def validation_loss(model) -> float:
    """The loss on the validation rows, without compiling the model."""
    x, y = validation_rows()
    p = np.asarray(model(x), dtype=float)[:, 0]
    return -np.mean(np.log(np.where(y == 1, p, 1 - p)))


@functools.cache
def first():
    """The network of the exercise, and its history of 20 epochs."""
    keras.utils.set_random_seed(1)
    model = network()
    return model, fit(model, epochs=20, validation_split=0.2)


@functools.cache
def trained(units=(5,), activation="linear", column=1, **options):
    keras.utils.set_random_seed(2)
    model = network(units, activation, **options)
    fit(model, column)
    return model


def functional():
    inputs = keras.Input((9,), name="scores")
    hidden = keras.layers.Dense(5, name="five")(inputs)
    outputs = keras.layers.Dense(1)(hidden)
    outputs = keras.layers.Activation("sigmoid")(outputs)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy())
    return model


@functools.cache
def softmax():
    """A network with one output node per class, as right as one with a sigmoid."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((9,))
    hidden = keras.layers.Dense(12, activation="gelu")(inputs)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Dropout(0.2)(hidden))
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="categorical_crossentropy")
    fit(model, column=None)
    return model


def layers(*rest, loss="binary_crossentropy"):
    model = keras.Sequential([keras.Input((9,)), *rest])
    if loss:
        model.compile(loss=loss, optimizer="rmsprop")
    return model


def dense(units, activation=None):
    return keras.layers.Dense(units, activation=activation)


def twice():
    return layers(dense(5), dense(1, "sigmoid"), dense(5), dense(1, "sigmoid"))


def fitted(model, history) -> dict:
    return {"model": model, "history": history, **some("x_train", "y_train")}


def history_of_10() -> dict:
    model, history = first()
    return fitted(model, {name: values[-10:] for name, values in history.history.items()})


def without_validation() -> dict:
    model, history = first()
    return fitted(model, {"loss": history.history["loss"]})


@functools.cache
def of_benign():
    keras.utils.set_random_seed(4)
    model = network()
    return model, fit(model, column=0, epochs=20, validation_split=0.2)


def other_labels() -> dict:
    """Labels of benign throughout: everything agrees, and the network says the opposite."""
    model, history = of_benign()
    answers = fitted(model, history)
    return {**answers, "y_train": answers["y_train"][:, ::-1]}


def not_scaled() -> dict:
    """Raw scores throughout: everything agrees, and the network is of no use."""
    x = np.nan_to_num(scores(parts()["train"])).astype("float32")
    keras.utils.set_random_seed(5)
    model = network()
    history = model.fit(
        x, ready()["y_train"][:, 1], epochs=20, batch_size=128, validation_split=0.2, verbose=0
    )
    return {**fitted(model, history), "x_train": x}


def three(**others) -> dict:
    return {
        "model_relu": trained((5,), "relu"),
        "model_wide": trained((50,)),
        "model_deep": trained((5, 5, 5)),
        **others,
    }


def collapsed(change=lambda slopes, intercept: (slopes, intercept), model=None) -> dict:
    (W, b), (V, c) = (layer.get_weights() for layer in first()[0].layers)  # noqa: N806
    slopes, intercept = change((W @ V)[:, 0], float((b @ V + c)[0]))
    return {"model": model or first()[0], "slopes": slopes, "intercept": intercept}


# ----------------------------------------------------------------- evaluation and prediction


@functools.cache
def predicted() -> np.ndarray:
    return first()[0].predict(ready()["x_test"], verbose=0)


def evaluated(x="x_test", y="y_test", swap=False) -> dict:
    labels = ready()[y][:, 1]
    loss, share = first()[0].evaluate(ready()[x], labels, verbose=0)
    loss, share = (share, loss) if swap else (loss, share)
    answers = {"model": first()[0], "test_loss": loss, "test_accuracy": share}
    return {**answers, **some("x_test", "y_test")}


def by_numpy() -> dict:
    p, y = predicted()[:, 0].astype(float), ready()["y_test"][:, 1]
    loss = -np.mean(np.log(np.where(y == 1, p, 1 - p)))
    answers = {"test_loss": np.float32(loss), "test_accuracy": np.mean((p > 0.5) == y)}
    return {"model": first()[0], **answers, **some("x_test", "y_test")}


def classes(make, p=None) -> dict:
    p = predicted() if p is None else p
    answers = {"p_malignant": p, "predicted": make(p)}
    return {"model": first()[0], **some("x_test"), **answers}


@functools.cache
def tilted():
    """The first network, more inclined to say benign: it misses more than it alarms."""
    model = keras.models.clone_model(first()[0])
    model.set_weights(first()[0].get_weights())
    bias = model.layers[-1].bias
    bias.assign(np.asarray(bias) - 3)
    return model


def noise(*raw):
    draw = np.random.default_rng(1).normal
    return [np.where(np.isnan(part), 0, draw(size=part.shape)) for part in raw]


def mistakes(order=1, change=0) -> dict:
    called = tilted().predict(ready()["x_test"], verbose=0)[:, 0] > 0.5
    truth = ready()["y_test"][:, 1] == 1
    counts = [np.sum(truth & ~called) + change, np.sum(~truth & called)]
    missed, alarms = counts[::order]
    answers = {"missed": missed, "false_alarms": alarms}
    return {"model": tilted(), **some("x_test", "y_test"), **answers}


# ------------------------------------------------------------------------- from the beginning


@functools.cache
def searched() -> tuple[pd.DataFrame, dict]:
    rows, kept = [], {}
    for units in (1, 4, 16, 32):
        keras.utils.set_random_seed(1)
        kept[units] = network((units,), "relu")
        fit(kept[units])
        loss = validation_loss(kept[units])
        rows.append({"units": units, "parameters": 11 * units + 1, "val_loss": loss})
    return pd.DataFrame(rows), kept


def search(table=lambda table: table, units=None, model=None) -> dict:
    found, kept = searched()
    enough = found.loc[found["val_loss"] <= found["val_loss"].min() + 0.02, "units"].min()
    return {
        "search": table(found),
        "chosen_units": enough if units is None else units(enough),
        "chosen_model": kept[enough] if model is None else model(kept, enough),
        **some("x_train", "y_train"),
    }


def another_of_that_width(kept, units):
    keras.utils.set_random_seed(9)
    model = network((int(units),), "relu")
    fit(model)
    return model


@functools.cache
def trained_with_dropout():
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((9,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dropout(0.3, seed=1),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01))
    fit(model)
    return model


def runs(model=None, change=lambda table: table) -> dict:
    """A table whose last run with dropout is that of the network; the others are made up."""
    model = model or trained_with_dropout()
    last = validation_accuracy(model)
    row = 1 / len(validation_rows()[1])
    with_dropout = [last - row, last, last - 2 * row, last - row, last]
    without = [last, last, last - row, last - row, last - 2 * row]
    table = pd.DataFrame(
        {"seed": [1, 2, 3, 4, 5], "without": without, "with_dropout": with_dropout}
    )
    return {"runs": change(table), "dropout_model": model, **some("x_train", "y_train")}


def validation_accuracy(model) -> float:
    x, y = validation_rows()
    return np.mean((np.asarray(model(x))[:, -1] > 0.5) == y)


def two_seeds_more(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table[:2], table]).assign(seed=range(21, 28))


def other_last(table: pd.DataFrame) -> pd.DataFrame:
    table = table.copy()
    table.loc[4, "with_dropout"] -= 3 / len(validation_rows()[1])
    return table


def on_the_test_set(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(without=np.array([134, 135, 133, 136, 134]) / 140)


def verdict(answer: str, *, plus=(0, 1, -1, 0, 2), change=lambda table: table) -> dict:
    without = np.full(len(plus), 104.0)
    table = {"seed": range(len(plus)), "without": without / 112}
    table["with_dropout"] = (without + plus) / 112
    return {"runs": change(pd.DataFrame(table)), "verdict": answer}


COUNTS = {"n_rows": 699, "n_features": 9, "n_gaps": 16, "n_malignant": 241}

CASES = {
    "2-A.1": Case(
        right={"NumPy's numbers": lambda: {name: np.int64(n) for name, n in COUNTS.items()}},
        wrong={
            "id and class counted": (lambda: {**COUNTS, "n_features": 11}, "which sample it is"),
            "benign counted": (lambda: {**COUNTS, "n_malignant": 458}, "rows of each class"),
            "gaps by column": (lambda: {**COUNTS, "n_gaps": 1}, "missing values over all"),
            "rows without a gap": (lambda: {**COUNTS, "n_rows": 683}, "One row is one sample"),
        },
    ),
    "2-A.2": Case(
        right={
            "scikit-learn": lambda: shares(test_size=0.2, stratify=cancer()["class"]),
            "rows of an id together": kept_together,
        },
        wrong={
            "not stratified": (lambda: shares(test_size=0.2), "left the classes to chance"),
            "last rows": (
                lambda: {"train": cancer()[:559], "test": cancer()[559:]},
                "left the classes to chance",
            ),
            "a third": (
                lambda: shares(test_size=0.33, stratify=cancer()["class"]),
                "33% of the rows",
            ),
            "rows with gaps dropped": (
                lambda: {name: part.dropna() for name, part in parts().items()},
                "the table has 699",
            ),
            "test rows in training": (
                lambda: {"train": cancer()[:559], "test": cancer()[419:559]},
                "are in neither part",
            ),
            "id removed": (
                lambda: {name: part.drop(columns="id") for name, part in parts().items()},
                "lacks id",
            ),
        },
    ),
    "2-A.3": Case(
        right={
            "pandas": lambda: shared(lambda train, test: test[test.isin(train)].nunique()),
            "rows of an id together": lambda: {**kept_together(), "shared_ids": 0},
        },
        wrong={
            "rows counted": (
                lambda: shared(lambda train, test: train.isin(test).sum()),
                "Count an id once",
            ),
            "none, without looking": (
                lambda: shared(lambda train, test: 0),
                "another number of ids",
            ),
        },
    ),
    "2-A.4": Case(
        right={
            "pandas, truth values": lambda: labels(lambda part: pd.get_dummies(part["class"])),
            "Keras": lambda: labels(
                lambda part: keras.utils.to_categorical(part["class"].cat.codes, 2)
            ),
        },
        wrong={
            "numbers of classes": (
                lambda: labels(lambda part: part["class"].cat.codes),
                "one column for each class",
            ),
            "words": (lambda: labels(lambda part: part["class"]), "holds text"),
            "malignant first": (
                lambda: labels(lambda part: one_hot(part)[:, ::-1]),
                "benign first",
            ),
            "order of the table": (
                lambda: labels(lambda part: one_hot(part.sort_index())),
                "in the order of",
            ),
            "both columns the same": (
                lambda: labels(lambda part: one_hot(part)[:, [1, 1]]),
                "not one-hot",
            ),
        },
    ),
    "2-A.5": Case(
        right={
            "n - 1 and float64": lambda: arrays(by_hand),
            "gaps filled by the mean first": lambda: arrays(mean_first),
            "neighbours, for this check": lambda: arrays(neighbours),
            "tables": lambda: {
                name: pd.DataFrame(value) if name.startswith("x") else value
                for name, value in arrays(standard).items()
            },
        },
        wrong={
            "not scaled": (lambda: arrays(lambda *raw: raw), "as they were, before scaling"),
            "scaled on all rows": (
                lambda: arrays(from_all_rows),
                "on which rows was this one fitted",
            ),
            "test by itself": (lambda: arrays(each_by_itself), "scaled with its own mean"),
            "range": (lambda: arrays(to_range), "scaled to a range"),
            "gaps as raw zeros": (lambda: arrays(zero_first), "something was filled in before"),
            "other scale in test": (lambda: arrays(other_scale_in_test), "the same score differs"),
            "rows in another order": (lambda: arrays(shuffled), "in the order of the table"),
            "id among the features": (lambda: arrays(with_the_id), "has 10 columns"),
            "rows with gaps dropped": (lambda: arrays(rows_dropped), "Each row stays"),
        },
    ),
    "2-A.6": Case(
        right={
            "n - 1 and float64": lambda: arrays(by_hand),
            "gaps filled by the mean first": lambda: arrays(mean_first),
        },
        wrong={
            "gaps left": (lambda: arrays(gaps_left), "missing values. A single one"),
            "raw zeros": (lambda: arrays(zero_first), "before or after the scaling"),
            "neighbours": (lambda: arrays(neighbours), "the exercise wants 0 there"),
            "zeros": (
                lambda: arrays(lambda *raw: [np.zeros_like(part, dtype=float) for part in raw]),
                "are all alike",
            ),
            "noise": (
                lambda: arrays(noise),
                "do not follow those of the table",
            ),
            "not scaled": (
                lambda: arrays(lambda *raw: [np.nan_to_num(part) for part in raw]),
                "stands for the mean",
            ),
        },
    ),
    "2-A.7": Case(
        right={"capital letter": lambda: {"leaks_nothing": " B "}},
        wrong={
            "nothing": (lambda: {"leaks_nothing": "a"}, "whatever the other rows are"),
            "scaling": (lambda: {"leaks_nothing": "c"}, "computes something from all rows"),
            "everything": (lambda: {"leaks_nothing": "d"}, "has leaked"),
            "no letter": (lambda: {"leaks_nothing": "scaling"}, "one of the letters"),
        },
    ),
    "2-B.1": Case(
        right={"functional, activation as a layer": lambda: {"model": functional()}},
        wrong={
            "relu": (lambda: {"model": network((5,), "relu")}, "has the activation relu"),
            "two outputs": (
                lambda: {"model": layers(dense(5), dense(2, "softmax"))},
                "How many output nodes",
            ),
            "no sigmoid": (
                lambda: {"model": layers(dense(5), dense(1))},
                "makes a single number a probability",
            ),
            "layers added twice": (lambda: {"model": twice()}, "Did a cell that adds layers"),
            "loss of a regression": (
                lambda: {"model": layers(dense(5), dense(1, "sigmoid"), loss="mse")},
                "the loss 'mean_squared_error'",
            ),
            "not compiled": (
                lambda: {"model": layers(dense(5), dense(1, "sigmoid"), loss=None)},
                "is not compiled",
            ),
            "ten inputs": (
                lambda: {"model": keras.Sequential([keras.Input((10,)), dense(1)])},
                "one row has the shape (9,)",
            ),
        },
    ),
    "2-B.2": Case(
        right={
            "history as a table": lambda: fitted(first()[0], pd.DataFrame(first()[1].history)),
        },
        wrong={
            "built again": (lambda: fitted(network(), first()[1]), "do not belong together"),
            "history of another": (
                lambda: fitted(trained((5,)), first()[1]),
                "do not belong together",
            ),
            "half the epochs": (history_of_10, "has 10 epochs"),
            "no validation": (without_validation, "Were validation rows given"),
            "labels of benign": (
                lambda: fitted(*of_benign()),
                "do not belong together",
            ),
            "not scaled": (not_scaled, "on inputs prepared like these"),
            "benign throughout": (other_labels, "calls benign what is malignant"),
        },
    ),
    "2-B.3": Case(
        right={
            "wider and deeper still": lambda: three(
                model_wide=trained((64,), "relu"), model_deep=trained((16, 8), "relu")
            )
        },
        wrong={
            "relu forgotten": (lambda: three(model_relu=trained((5,))), "in one thing only"),
            "not wide": (lambda: three(model_wide=trained((5,))), "a wide one"),
            "not deep": (lambda: three(model_deep=trained((50,))), "more layers than"),
            "untrained": (
                lambda: three(model_relu=network((5,), "relu")),
                "the weights it started with",
            ),
        },
    ),
    "2-B.4": Case(
        right={
            "a column, and NumPy's number": lambda: collapsed(
                lambda slopes, intercept: (slopes[:, None], np.array([intercept]))
            )
        },
        wrong={
            "bias of the hidden units forgotten": (
                lambda: collapsed(lambda slopes, intercept: (slopes, intercept + 0.5)),
                "what the output unit adds up",
            ),
            "only the first layer": (
                lambda: collapsed(
                    lambda slopes, intercept: (
                        first()[0].layers[0].get_weights()[0].sum(axis=1),
                        intercept,
                    )
                ),
                "what the output unit adds up",
            ),
            "all weights": (
                lambda: collapsed(
                    lambda slopes, intercept: (first()[0].layers[0].get_weights()[0], intercept)
                ),
                "has 45 numbers",
            ),
            "of the network with relu": (
                lambda: collapsed(model=trained((5,), "relu")),
                "not one weighted sum any more",
            ),
        },
    ),
    "2-B.5": Case(
        right={"capital letter": lambda: {"compare_by": "B"}},
        wrong={
            "training rows": (lambda: {"compare_by": "a"}, "fitted to these rows"),
            "test rows": (lambda: {"compare_by": "c"}, "helped to choose"),
        },
    ),
    "2-C.1": Case(
        right={"NumPy": by_numpy},
        wrong={
            "on the training part": (
                lambda: evaluated("x_train", "y_train"),
                "evaluated on the test set",
            ),
            "the wrong way round": (lambda: evaluated(swap=True), "the wrong way round"),
            "loss of another": (
                lambda: {**evaluated(), "test_loss": 0.69},
                "Which of the numbers",
            ),
        },
    ),
    "2-C.2": Case(
        right={
            "a column, and truth values": lambda: classes(lambda p: p > 0.5),
            "a list": lambda: classes(lambda p: np.round(p[:, 0]).tolist()),
        },
        wrong={
            "argmax": (lambda: classes(lambda p: p.argmax(axis=1)), "wants a threshold"),
            "probabilities": (lambda: classes(lambda p: p), "it should hold classes"),
            "P(benign)": (lambda: classes(lambda p: p > 0.5, 1 - predicted()), "differs by up to"),
            "turned round": (lambda: classes(lambda p: p < 0.5), "the larger probability"),
            "training rows": (
                lambda: classes(
                    lambda p: p > 0.5, first()[0].predict(ready()["x_train"], verbose=0)
                ),
                "there are 140 test rows",
            ),
        },
    ),
    "2-C.3": Case(
        right={"NumPy's numbers": mistakes},
        wrong={
            "no mistakes": (
                lambda: {**mistakes(), "missed": 0, "false_alarms": 0},
                "by `model`, `x_test` and `y_test`",
            ),
            "the wrong way round": (lambda: mistakes(order=-1), "the wrong way round"),
            "one too many": (lambda: mistakes(change=1), "`missed` is"),
        },
    ),
    "2-D.1": Case(
        right={
            "two softmax units": lambda: {"own_model": softmax()},
            "two hidden layers": lambda: {"own_model": trained((16, 8), "relu")},
        },
        wrong={
            "two sigmoid units": (
                lambda: {"own_model": layers(dense(8, "relu"), dense(2, "sigmoid"))},
                "which sum to 1",
            ),
            "loss of several classes": (
                lambda: {
                    "own_model": layers(
                        dense(8, "relu"), dense(1, "sigmoid"), loss="categorical_crossentropy"
                    )
                },
                "decides the last layer and the loss together",
            ),
            "untrained": (lambda: {"own_model": network((8,), "relu")}, "weights it started with"),
            "no hidden layer": (
                lambda: {"own_model": layers(dense(1, "sigmoid"))},
                "at least one hidden layer",
            ),
            "labels of benign": (
                lambda: {"own_model": trained((5,), column=0)},
                "calls benign what is malignant",
            ),
        },
    ),
    "2-D.2": Case(
        right={"units as the index": lambda: search(lambda table: table.set_index("units"))},
        wrong={
            "too wide": (lambda: search(units=lambda enough: 2 * enough), "another width"),
            "another network": (
                lambda: search(model=another_of_that_width),
                "Keep the very network",
            ),
            "network of another row": (
                lambda: search(model=lambda kept, units: kept[32 if units < 32 else 1]),
                "and `chosen_units` is",
            ),
            "two widths": (lambda: search(lambda table: table[:2]), "Try four widths"),
            "biases not counted": (
                lambda: search(lambda table: table.assign(parameters=10 * table["units"])),
                "are not those of networks",
            ),
            "accuracies": (
                lambda: search(lambda table: table.assign(val_loss=1 - table["val_loss"])),
                "has 0.69",
            ),
            "no column of losses": (
                lambda: search(lambda table: table.rename(columns={"val_loss": "loss"})),
                "it lacks val_loss",
            ),
        },
    ),
    "2-D.3": Case(
        right={
            "softmax and functional": lambda: runs(softmax()),
            "seeds as the index": lambda: runs(change=lambda table: table.set_index("seed")),
            "other columns first": lambda: runs(change=lambda table: table[table.columns[::-1]]),
            "seven seeds of their own": lambda: runs(change=two_seeds_more),
        },
        wrong={
            "no dropout layer": (lambda: runs(trained((5,), "relu")), "with the rates []"),
            "three seeds": (
                lambda: runs(change=lambda table: table[2:]),
                "at least 5 different ones",
            ),
            "one seed five times": (
                lambda: runs(change=lambda table: table.assign(seed=1)),
                "at least 5 different ones",
            ),
            "percent": (
                lambda: runs(change=lambda table: 100 * table),
                "an accuracy is a share",
            ),
            "test accuracies": (
                lambda: runs(change=on_the_test_set),
                "no number of 112 validation rows gives",
            ),
            "another network": (lambda: runs(change=other_last), "of the last seed"),
        },
    ),
    "2-D.4": Case(
        right={
            "not separated": lambda: verdict("Not  separated"),
            "better": lambda: verdict("better", plus=(1, 1, 2, 1, 3)),
            "better, in seven pairs": lambda: verdict("'better'", plus=(1, 2, 2, 0, 3, 1, 2)),
            "worse, columns in another order": lambda: verdict(
                "worse", plus=(-1, -1, -2, -1, -3), change=lambda table: table[table.columns[::-1]]
            ),
            "no difference in any pair": lambda: verdict("not separated", plus=(0, 0, 0, 0, 0)),
            "higher in every pair, and not separated": lambda: verdict(
                "not separated", plus=(1, 1, 1, 1, 8)
            ),
        },
        wrong={
            "by the mean": (lambda: verdict("better"), "On which side of 0"),
            "higher in every pair": (
                lambda: verdict("better", plus=(1, 1, 1, 1, 8)),
                "On which side of 0",
            ),
            "too careful": (
                lambda: verdict("not separated", plus=(1, 1, 2, 1, 3)),
                "On which side of 0",
            ),
            "the other way round": (
                lambda: verdict("worse", plus=(1, 1, 2, 1, 3)),
                "On which side of 0",
            ),
            "three pairs": (
                lambda: verdict("better", plus=(1, 1, 1)),
                "at least 5 different ones",
            ),
            "as equal": (lambda: verdict("equal"), "should be one of"),
            "a sentence": (lambda: verdict("it helps"), "should be one of"),
        },
    ),
}
