"""Right and wrong answers to the exercises on the breast cancer data."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pandas as pd
from sklearn.impute import KNNImputer
from sklearn.model_selection import StratifiedGroupKFold, train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from coursekit import datasets, evaluation, models, preprocessing
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
    """Gaps filled by the mean of the training set, then scaled."""
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


def filled_and_as_float32(train, test):
    """As `by_hand`, in the type that the task asks for."""
    return [part.astype("float32") for part in by_hand(train, test)]


def rounded(train, test):
    return [part.round(3) for part in standard(train, test)]


def by_variance(train, test):
    mean, variance = np.nanmean(train, axis=0), np.nanvar(train, axis=0)
    return [np.nan_to_num((part - mean) / variance).astype("float32") for part in (train, test)]


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


def shared(find) -> dict:
    train, test = parts().values()
    return {**parts(), "shared_ids": find(train["id"], test["id"])}


def on_both_sides(train: pd.Series, test: pd.Series) -> list[str]:
    return sorted(set(train) & set(test))


def labels(make) -> dict:
    train, test = parts().values()
    return {**parts(), "y_train": make(train), "y_test": make(test)}


def one_hot(table: pd.DataFrame) -> np.ndarray:
    return np.eye(2)[table["class"].cat.codes]


# ------------------------------------------------------------------------------ the models


@functools.cache
def ready() -> dict[str, np.ndarray]:
    """The tables, and the arrays that the networks are trained and tested on."""
    x = arrays(standard)
    return {**x, **{f"y_{name}": one_hot(table) for name, table in parts().items()}}


def some(*wanted: str) -> dict[str, np.ndarray]:
    return {name: ready()[name] for name in wanted}


def training() -> dict:
    return some("train", "x_train", "y_train")


def compiled(model, loss="binary_crossentropy", optimizer=None, metrics=("accuracy",)):
    optimizer = optimizer or keras.optimizers.Adam(0.01)
    model.compile(loss=loss, optimizer=optimizer, metrics=list(metrics))
    return model


def network(units=(5,), activation="linear", **options):
    return compiled(models.breast_cancer_network(units=units, activation=activation), **options)


def layers(*rest, **options):
    return compiled(keras.Sequential([keras.Input((9,)), *rest]), **options)


def dense(units, activation=None):
    return keras.layers.Dense(units, activation=activation)


def rows_of(which: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and one-hot labels: of the training set, the test set, or both."""
    names_of = ("train", "test") if which == "both" else (which,)
    x, y = ([ready()[f"{kind}_{name}"] for name in names_of] for kind in "xy")
    return np.concatenate(x), np.concatenate(y)


def fit(model, column=1, rows="train", epochs=20, **options):
    x, y = rows_of(rows)
    y = y if column is None else y[:, column]
    return model.fit(x, y, **{"epochs": epochs, "validation_split": 0.2, "verbose": 0, **options})


@functools.cache
def trained(units=(5,), activation="linear", **options):
    """A network and its history, trained as the tasks ask but for the options."""
    keras.utils.set_random_seed(2)
    made = {key: options.pop(key) for key in ("loss", "optimizer", "metrics") if key in options}
    model = network(units, activation, **made)
    return model, fit(model, **options).history


def first():
    """The network of the exercise, and its history."""
    return trained()


def validation_rows() -> tuple[np.ndarray, np.ndarray]:
    """The rows that ``validation_split=0.2`` keeps out."""
    return ready()["x_train"][447:], ready()["y_train"][447:, 1]


def seen_in_validation():
    """Trained on all rows of the training set, with the last fifth given as validation rows."""
    return trained_with_validation_data(447, 559)


@functools.cache
def trained_with_validation_data(begin=447, end=447):
    keras.utils.set_random_seed(2)
    model, x, y = network(), ready()["x_train"], ready()["y_train"][:, 1]
    history = model.fit(
        x[:end], y[:end], epochs=20, validation_data=(x[begin:], y[begin:]), verbose=0
    )
    return model, history.history


@functools.cache
def by_tf_data():
    import tensorflow as tf

    keras.utils.set_random_seed(2)
    model, x, y = network(), ready()["x_train"], ready()["y_train"][:, 1]
    pairs = [
        tf.data.Dataset.from_tensor_slices((x[s], y[s])) for s in (slice(447), slice(447, None))
    ]
    fitted_on, validated_on = (pair.batch(32) for pair in pairs)
    history = model.fit(
        fitted_on, epochs=20, validation_data=validated_on, shuffle=False, verbose=0
    )
    return model, history.history


@functools.cache
def run_twice():
    """The cell with `fit` was run a second time."""
    keras.utils.set_random_seed(2)
    model = network()
    fit(model)
    return model, fit(model).history


def compiled_anew():
    model, history = first()
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    return compiled(other), history


@functools.cache
def functional():
    keras.utils.set_random_seed(2)
    inputs = keras.Input((9,), name="scores")
    hidden = keras.layers.Dense(5, name="five")(inputs)
    outputs = keras.layers.Dense(1)(hidden)
    outputs = keras.layers.Activation("sigmoid")(outputs)
    loss, metrics = keras.losses.BinaryCrossentropy(), [keras.metrics.BinaryAccuracy("accuracy")]
    return compiled(keras.Model(inputs, outputs), loss, "sgd", metrics)


class Own(keras.Model):
    """A network of a learner's own class."""

    def __init__(self, units=5):
        super().__init__()
        self.hidden, self.out = dense(units), dense(1, "sigmoid")

    def call(self, scores):
        return self.out(self.hidden(scores))


def subclassed():
    model = compiled(Own())
    model(np.zeros((1, 9), "float32"))
    return model


def fitted(model, history) -> dict:
    return {"model": model, "history": history, **training()}


def changed(change, *metrics: str) -> dict:
    """The history of the first network, with a change to some of its metrics, or to all."""
    model, history = first()
    return fitted(
        model,
        {
            metric: change(np.array(values)).tolist()
            if metric in metrics or not metrics
            else values
            for metric, values in history.items()
        },
    )


def without(*metrics: str) -> dict:
    model, history = first()
    return fitted(model, {name: v for name, v in history.items() if name not in metrics})


@functools.cache
def trained_on_raw():
    x = np.nan_to_num(scores(parts()["train"])).astype("float32")
    keras.utils.set_random_seed(5)
    model, y = network(), ready()["y_train"][:, 1]
    return model, model.fit(x, y, epochs=20, validation_split=0.2, verbose=0).history, x


def not_scaled() -> dict:
    """Raw scores throughout: everything agrees, and the network is of no use."""
    model, history, x = trained_on_raw()
    return {**fitted(model, history), "x_train": x}


def other_labels() -> dict:
    """Labels of benign throughout: everything agrees, and the network says the opposite."""
    answers = fitted(*trained(column=0))
    return {**answers, "y_train": answers["y_train"][:, ::-1]}


def three(**others) -> dict:
    return {
        "model": first()[0],
        "model_relu": trained((5,), "relu")[0],
        "model_wide": trained((50,))[0],
        "model_deep": trained((5, 5, 5))[0],
        **training(),
        **others,
    }


@functools.cache
def deep_by_layers():
    """The deep network in the functional style, with a name for each activation."""
    keras.utils.set_random_seed(3)
    value = first_input = keras.Input((9,))
    for _ in range(3):
        value = keras.layers.Activation("linear")(dense(5)(value))
    model = compiled(keras.Model(first_input, dense(1, "sigmoid")(value)))
    fit(model)
    return model


def collapsed(change=lambda slopes, intercept: (slopes, intercept), model=None) -> dict:
    (W, b), (V, c) = (layer.get_weights() for layer in first()[0].layers)  # noqa: N806
    slopes, intercept = change((W @ V)[:, 0], float((b @ V + c)[0]))
    answers = {"model": model or first()[0], "slopes": slopes, "intercept": intercept}
    return {**answers, **some("train")}


def last_bias() -> float:
    return float(first()[0].layers[-1].get_weights()[1][0])


# ----------------------------------------------------------------- evaluation and prediction


def of_test_set(*wanted: str) -> dict:
    return some("train", "test", *wanted)


@functools.cache
def predicted() -> np.ndarray:
    return first()[0].predict(ready()["x_test"], verbose=0)


def evaluated(which="test", swap=False, model=None) -> dict:
    model = model or first()[0]
    x, y = rows_of(which)
    loss, share = model.evaluate(x, y[:, 1], verbose=0)
    loss, share = (share, loss) if swap else (loss, share)
    answers = {"model": model, "test_loss": loss, "test_accuracy": share}
    return {**answers, **of_test_set("x_test", "y_test")}


def by_numpy() -> dict:
    p, y = predicted()[:, 0].astype(float), ready()["y_test"][:, 1]
    loss = -np.mean(np.log(np.where(y == 1, p, 1 - p)))
    answers = {"test_loss": np.float32(loss), "test_accuracy": np.mean((p > 0.5) == y)}
    return {"model": first()[0], **answers, **of_test_set("x_test", "y_test")}


def to_two_digits() -> dict:
    answers = evaluated()
    return {**answers, **{name: round(answers[name], 2) for name in ("test_loss", "test_accuracy")}}


@functools.cache
def trained_on():
    """The first network, trained on by the test set before it is evaluated."""
    keras.utils.set_random_seed(2)
    model = network()
    fit(model)
    x, y = rows_of("test")
    model.fit(x, y[:, 1], epochs=5, verbose=0)
    return model


def classified(make, p=None) -> dict:
    p = predicted() if p is None else p
    answers = {"p_malignant": p, "predicted": make(p)}
    return {"model": first()[0], **of_test_set("x_test"), **answers}


def noise(*raw):
    draw = np.random.default_rng(1).normal
    return [np.where(np.isnan(part), 0, draw(size=part.shape)) for part in raw]


def mistakes(order=1, change=0) -> dict:
    called = predicted()[:, 0] > 0.5
    truth = ready()["y_test"][:, 1] == 1
    counts = [np.sum(truth & ~called) + change, np.sum(~truth & called)]
    missed, alarms = counts[::order]
    answers = {"missed": missed, "false_alarms": alarms}
    return {"model": first()[0], **of_test_set("x_test", "y_test"), **answers}


# ------------------------------------------------------------------------- from the beginning


def own(model, history) -> dict:
    return {"own_model": model, "own_history": history, **training()}


@functools.cache
def softmax(loss="categorical_crossentropy", column=None, metric="accuracy"):
    """Two output nodes, dropout, and the weights of the best epoch restored."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((9,))
    hidden = keras.layers.Dense(12, activation="gelu")(inputs)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Dropout(0.2)(hidden))
    model = compiled(keras.Model(inputs, outputs), loss, metrics=[metric])
    stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    return model, fit(model, column=column, epochs=40, callbacks=[stop]).history


@functools.cache
def fitted_layers(*kinds, column=1, rows="train", loss="binary_crossentropy", **options):
    """A network of dense layers, given as pairs of units and activation."""
    keras.utils.set_random_seed(4)
    model = layers(*(dense(*kind) for kind in kinds), loss=loss)
    return model, fit(model, column=column, rows=rows, **options).history


@functools.cache
def with_a_scaling_layer():
    keras.utils.set_random_seed(4)
    scaling = keras.layers.Normalization()
    scaling.adapt(ready()["x_train"])
    model = layers(scaling, dense(8, "relu"), dense(1, "sigmoid"))
    return model, fit(model).history


@functools.cache
def of_own_class():
    keras.utils.set_random_seed(4)
    model = compiled(Own(8))
    return model, fit(model).history


HIDDEN, OUTPUT = (8, "relu"), (1, "sigmoid")
WIDTHS = (1, 2, 8, 32)


@functools.cache
def searched(rows="train", **options) -> tuple[pd.DataFrame, dict]:
    table, kept = [], {}
    for units in WIDTHS:
        keras.utils.set_random_seed(1)
        kept[units] = network((units,), "relu")
        history = fit(kept[units], rows=rows, **options).history
        loss = history["val_loss"][-1]
        table.append({"units": units, "parameters": 11 * units + 1, "val_loss": loss})
    return pd.DataFrame(table), kept


def search(table=lambda table: table, units=None, found=None, **models_of) -> dict:
    found, kept = found or searched()
    enough = found.loc[found["val_loss"] <= found["val_loss"].min() + 0.02, "units"].min()
    return {
        "search": table(found),
        "chosen_units": enough if units is None else units(enough),
        "chosen_model": kept[enough],
        "narrowest_model": kept[WIDTHS[0]],
        "widest_model": kept[WIDTHS[-1]],
        **training(),
        **{name: make(kept, enough) for name, make in models_of.items()},
    }


@functools.cache
def another_of_that_width(units):
    keras.utils.set_random_seed(9)
    model = network((int(units),), "relu")
    fit(model)
    return model


@functools.cache
def widest(activation="relu", optimizer="adam", **options):
    keras.utils.set_random_seed(1)
    model = network((32,), activation, optimizer=optimizer)
    history = fit(model, **options).history
    return model, history["val_loss"][-1]


def other_widest(**options) -> dict:
    """Another network in the widest row, whose loss is in the table."""
    model, loss = widest(**options)
    table = searched()[0].copy()
    table.loc[3, "val_loss"] = loss
    chosen = table.loc[table["val_loss"] <= table["val_loss"].min() + 0.02, "units"].min()
    kept = {**searched()[1], 32: model}
    return {**search(lambda _: table), "chosen_units": chosen, "widest_model": model,
            "chosen_model": kept[chosen]}  # fmt: skip


SEEDS = (1, 2, 3, 4, 5)


@functools.cache
def one_run(seed, rate=0.0, units=16, **options):
    keras.utils.set_random_seed(seed)
    dropped = [keras.layers.Dropout(rate)] if rate else []
    model = layers(dense(units, "relu"), *dropped, dense(1, "sigmoid"))
    return model, fit(model, **options).history


@functools.cache
def of_five_seeds() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "seed": SEEDS,
            "without": [one_run(seed)[1]["val_accuracy"][-1] for seed in SEEDS],
            "with_dropout": [one_run(seed, 0.3)[1]["val_accuracy"][-1] for seed in SEEDS],
        }
    )


def runs(change=lambda table: table, plain=None, dropped=None) -> dict:
    models_of = plain or one_run(SEEDS[-1]), dropped or one_run(SEEDS[-1], 0.3)
    answers = {"plain_model": models_of[0][0], "dropout_model": models_of[1][0]}
    table = of_five_seeds().copy()
    for column, (_, history) in zip(("without", "with_dropout"), models_of, strict=True):
        table.loc[4, column] = history["val_accuracy"][-1]
    return {**answers, "runs": change(table), **training()}


def two_seeds_more(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table[3:], table[:2].assign(seed=[21, 22]), table[:3]])


def other_last(table: pd.DataFrame) -> pd.DataFrame:
    table = table.copy()
    table.loc[4, "with_dropout"] -= 3 / len(validation_rows()[1])
    return table


def on_the_test_set(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(without=np.array([134, 135, 133, 136, 134]) / 140)


def verdict(answer: str, *, plus=(0, 1, -1, 0, 2), change=lambda table: table, ends=None) -> dict:
    seeds = range(1, 1 + len(plus))
    table = pd.DataFrame({"seed": seeds, "without": np.full(len(plus), 104 / 112)})
    table["with_dropout"] = (104 + np.array(plus)) / 112
    found = evaluation.paired_difference(table["with_dropout"], table["without"])
    low, high = (found.low, found.high) if ends is None else ends(table, found)
    return {"runs": change(table), "low": low, "high": high, "verdict": answer}


def really(change=lambda table: table) -> dict:
    """The interval of runs that were really trained, and its verdict."""
    table = of_five_seeds()
    found = evaluation.paired_difference(table["with_dropout"], table["without"])
    word = "better" if found.low > 0 else "worse" if found.high < 0 else "not separated"
    return {"runs": change(table), "low": found.low, "high": found.high, "verdict": word}


def of_single_runs(table, found) -> tuple[float, float]:
    """The range of the differences, in the place of the interval of their mean."""
    differences = table["with_dropout"] - table["without"]
    return differences.min(), differences.max()


def by_the_normal_distribution(table, found) -> tuple[float, float]:
    differences = table["with_dropout"] - table["without"]
    half = 1.96 * differences.std() / np.sqrt(len(differences))
    return differences.mean() - half, differences.mean() + half


COUNTS = {"n_rows": 699, "n_features": 9, "n_gaps": 16, "n_malignant": 241}

CASES = {
    "2-A.1": Case(
        right={
            "NumPy's numbers": lambda: {name: np.int64(n) for name, n in COUNTS.items()},
            "floats": lambda: {name: float(n) for name, n in COUNTS.items()},
        },
        wrong={
            "id and class counted": (lambda: {**COUNTS, "n_features": 11}, "which sample it is"),
            "benign counted": (lambda: {**COUNTS, "n_malignant": 458}, "rows of each class"),
            "columns with gaps": (lambda: {**COUNTS, "n_gaps": 1}, "neither the columns nor"),
            "rows without a gap": (lambda: {**COUNTS, "n_rows": 683}, "One row is one sample"),
        },
    ),
    "2-A.2": Case(
        right={
            "scikit-learn": lambda: shares(test_size=0.2, stratify=cancer()["class"]),
            "rows of an id together": kept_together,
            "ids as numbers": lambda: {
                name: part.assign(id=part["id"].astype(int)) for name, part in parts().items()
            },
        },
        wrong={
            "not stratified": (lambda: shares(test_size=0.2), "left the classes to chance"),
            "last rows": (
                lambda: {"train": cancer()[:559], "test": cancer()[559:]},
                "left the classes to chance",
            ),
            "one class after the other": (
                lambda: {name: part.sort_values("class") for name, part in parts().items()},
                "100.0% are malignant, and of all its rows",
            ),
            "a third": (
                lambda: shares(test_size=0.33, stratify=cancer()["class"]),
                "has 231 rows, 33.0% of the table; the task asks for 20%",
            ),
            "the two exchanged": (
                lambda: dict(zip(("test", "train"), parts().values(), strict=True)),
                "80.0% of the table",
            ),
            "rows with gaps dropped": (
                lambda: {name: part.dropna() for name, part in parts().items()},
                "the table has 699",
            ),
            "test rows in training": (
                lambda: {"train": cancer()[:559], "test": cancer()[419:559]},
                "are in neither `train` nor `test`",
            ),
            "gaps filled": (
                lambda: {name: part.fillna({"bare_nuclei": 1}) for name, part in parts().items()},
                "16 rows of the table are in neither",
            ),
            "id removed": (
                lambda: {name: part.drop(columns="id") for name, part in parts().items()},
                "lacks id",
            ),
        },
    ),
    "2-A.3": Case(
        right={
            "sets": lambda: shared(on_both_sides),
            "NumPy": lambda: shared(np.intersect1d),
            "pandas, in the order of the rows": lambda: shared(
                lambda train, test: test[test.isin(train)].unique()
            ),
            "ids as numbers": lambda: shared(
                lambda train, test: np.array(on_both_sides(train, test)).astype(int)
            ),
            "rows of an id together": lambda: {**kept_together(), "shared_ids": []},
        },
        wrong={
            "rows counted": (
                lambda: shared(lambda train, test: train[train.isin(test)]),
                "Count an id once",
            ),
            "their number": (
                lambda: shared(lambda train, test: len(on_both_sides(train, test))),
                "not their number",
            ),
            "none, without looking": (
                lambda: shared(lambda train, test: []),
                "of the ids that have rows in both",
            ),
            "ids with two rows, anywhere": (
                lambda: shared(lambda train, test: train[train.duplicated()].unique()),
                "An id counts only if it is in",
            ),
            "NaN in the tables": (
                lambda: {
                    **shared(on_both_sides),
                    "test": parts()["test"].assign(mitoses=np.nan),
                },
                "in their places are rows that were changed",
            ),
        },
    ),
    "2-A.4": Case(
        right={
            "Keras": lambda: labels(
                lambda part: keras.utils.to_categorical(part["class"].cat.codes, 2)
            ),
            "pandas, truth values": lambda: labels(lambda part: pd.get_dummies(part["class"])),
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
            "tables of one row": (
                lambda: {
                    **labels(one_hot),
                    "train": pd.concat([parts()["train"][:1]] * 559),
                },
                "that are there twice",
            ),
        },
    ),
    "2-A.5": Case(
        right={
            "scikit-learn": lambda: arrays(standard),
            "n - 1 and float64": lambda: arrays(by_hand),
            "rounded to three digits": lambda: arrays(rounded),
            "neighbours, for this check": lambda: arrays(neighbours),
            "tables": lambda: {
                name: pd.DataFrame(value) if name.startswith("x") else value
                for name, value in arrays(standard).items()
            },
        },
        wrong={
            "not scaled": (
                lambda: arrays(lambda *raw: [np.nan_to_num(part, nan=1) for part in raw]),
                "as they were, before scaling",
            ),
            "gaps left": (lambda: arrays(gaps_left), "values that are missing"),
            "scaled on all rows": (
                lambda: arrays(from_all_rows),
                "on which rows was this one fitted",
            ),
            "gaps filled by the mean first": (
                lambda: arrays(mean_first),
                "something was filled in before",
            ),
            "divided by the variance": (lambda: arrays(by_variance), "by what does it divide"),
            "test by itself": (lambda: arrays(each_by_itself), "scaled with its own mean"),
            "range": (lambda: arrays(to_range), "scaled to a range"),
            "gaps as raw zeros": (lambda: arrays(zero_first), "something was filled in before"),
            "other scale in test": (lambda: arrays(other_scale_in_test), "the same score differs"),
            "rows in another order": (lambda: arrays(shuffled), "in the order of `train`"),
            "id among the features": (lambda: arrays(with_the_id), "has 10 columns"),
            "rows with gaps dropped": (lambda: arrays(rows_dropped), "Each row stays"),
        },
    ),
    "2-A.6": Case(
        right={
            "scikit-learn": lambda: arrays(standard),
            "n - 1": lambda: arrays(filled_and_as_float32),
        },
        wrong={
            "gaps left": (lambda: arrays(gaps_left), "missing or not finite. A single one"),
            "raw zeros": (lambda: arrays(zero_first), "before or after the scaling"),
            "neighbours": (lambda: arrays(neighbours), "the exercise wants 0 there"),
            "gaps filled by the mean first": (
                lambda: arrays(mean_first),
                "something was filled in before",
            ),
            "scaled on all rows": (
                lambda: arrays(from_all_rows),
                "on which rows was this one fitted",
            ),
            "test by itself": (lambda: arrays(each_by_itself), "scaled with its own mean"),
            "range": (lambda: arrays(to_range), "scaled to a range"),
            "divided by the variance": (lambda: arrays(by_variance), "by what does it divide"),
            "float64": (lambda: arrays(by_hand), "holds float64"),
            "zeros": (
                lambda: arrays(lambda *raw: [np.zeros_like(part, dtype=float) for part in raw]),
                "are all alike",
            ),
            "noise": (lambda: arrays(noise), "on another scale"),
            "not scaled": (
                lambda: arrays(lambda *raw: [np.nan_to_num(part) for part in raw]),
                "stands for the mean",
            ),
        },
    ),
    "2-A.7": Case(
        right={"capital letter": lambda: {"leaks_nothing": " B "}},
        wrong={
            "nothing": (lambda: {"leaks_nothing": "a"}, "depend on any other row"),
            "scaling": (lambda: {"leaks_nothing": "c"}, "too little to be found"),
            "everything": (lambda: {"leaks_nothing": "d"}, "looks at the labels"),
            "no letter": (lambda: {"leaks_nothing": "scaling"}, "one of the letters"),
        },
    ),
    "2-B.1": Case(
        right={
            "functional, activation as a layer": lambda: {"model": functional()},
            "of a class of one's own": lambda: {"model": subclassed()},
            "after the training": lambda: {"model": first()[0]},
        },
        wrong={
            "relu": (lambda: {"model": network((5,), "relu")}, "has the activation relu"),
            "twenty units": (
                lambda: {"model": network((20,))},
                "dense layers of [20, 1] units; the task asks for one hidden layer of 5",
            ),
            "two outputs": (
                lambda: {"model": layers(dense(5), dense(2, "softmax"))},
                "How many output nodes",
            ),
            "no sigmoid": (
                lambda: {"model": layers(dense(5), dense(1))},
                "makes a single number a probability",
            ),
            "layers added twice": (
                lambda: {
                    "model": layers(dense(5), dense(1, "sigmoid"), dense(5), dense(1, "sigmoid"))
                },
                "Did a cell that adds layers",
            ),
            "loss of a regression": (
                lambda: {"model": network(loss="mse")},
                "the loss 'mean_squared_error'",
            ),
            "no metric": (lambda: {"model": network(metrics=())}, "without the metric accuracy"),
            "the accuracy of one-hot labels": (
                lambda: {"model": network(metrics=("categorical_accuracy",))},
                "without the metric accuracy",
            ),
            "a metric that compares probabilities with labels": (
                lambda: {"model": network(metrics=[keras.metrics.Accuracy()])},
                "without the metric accuracy",
            ),
            "another metric": (
                lambda: {"model": network(metrics=("mse",))},
                "without the metric accuracy",
            ),
            "logits expected": (
                lambda: {"model": network(loss=keras.losses.BinaryCrossentropy(from_logits=True))},
                "set to expect logits",
            ),
            "not compiled": (
                lambda: {"model": models.breast_cancer_network(units=(5,))},
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
            "history as a dict": lambda: fitted(*first()),
            "history as a table": lambda: fitted(first()[0], pd.DataFrame(first()[1])),
            "rounded to three digits": lambda: changed(lambda v: v.round(3)),
            "validation rows given": lambda: fitted(*trained_with_validation_data()),
            "tf.data": lambda: fitted(*by_tf_data()),
            "another optimiser": lambda: fitted(*trained(optimizer="rmsprop")),
        },
        wrong={
            "built again": (lambda: fitted(network(), first()[1]), "has counted no training step"),
            "compiled again": (lambda: fitted(*compiled_anew()), "compiled or built again"),
            "run twice": (lambda: fitted(*run_twice()), "running the cell with `fit` 2 times"),
            "all rows": (lambda: fitted(*seen_in_validation()), "the validation rows too"),
            "test rows too": (
                lambda: fitted(*trained(rows="both")),
                "training and test rows together",
            ),
            "larger batches": (lambda: fitted(*trained(batch_size=64)), "batches of 64"),
            "more epochs": (
                lambda: fitted(trained(epochs=30)[0], first()[1]),
                "The number fits 30 epochs",
            ),
            "history of another": (
                lambda: fitted(trained(optimizer="rmsprop")[0], first()[1]),
                "do not belong together",
            ),
            "half the epochs": (lambda: fitted(*trained(epochs=10)), "has 10 epochs"),
            "no validation": (
                lambda: without("val_loss", "val_accuracy"),
                "Were validation rows given",
            ),
            "no accuracy": (lambda: without("accuracy", "val_accuracy"), "metric of `compile`"),
            "labels of benign": (
                lambda: fitted(*trained(column=0)),
                "do not belong together",
            ),
            "losses of 0": (lambda: changed(np.zeros_like, "loss"), "The loss in `history` runs"),
            "constant": (
                lambda: changed(lambda v: np.full_like(v, v[-1])),
                "the network did not learn",
            ),
            "the wrong way round": (
                lambda: changed(lambda v: v[::-1]),
                "the network did not learn",
            ),
            "training loss of another": (
                lambda: changed(lambda v: v + 0.4, "loss"),
                "on the rows that it was fitted to",
            ),
            "not scaled": (not_scaled, "is not on the scale"),
            "benign throughout": (other_labels, "first benign, then malignant"),
        },
    ),
    "2-B.3": Case(
        right={
            "as asked": three,
            "functional": lambda: three(model_deep=deep_by_layers()),
        },
        wrong={
            "relu forgotten": (
                lambda: three(model_relu=trained((5,))[0]),
                "the task asks for [5] units, with relu",
            ),
            "twenty units, with relu": (
                lambda: three(model_wide=trained((20,), "relu")[0]),
                "hidden layers of [20] units with the activations relu; the task asks for [50]",
            ),
            "wide with relu": (
                lambda: three(model_wide=trained((50,), "relu")[0]),
                "With two changes at once",
            ),
            "two deep layers": (
                lambda: three(model_deep=trained((5, 5))[0]),
                "the task asks for [5, 5, 5] units, without an activation",
            ),
            "deep with relu": (
                lambda: three(model_deep=trained((5, 5, 5), "relu")[0]),
                "With two changes at once",
            ),
            "wide with dropout": (
                lambda: three(
                    model_wide=layers(dense(50), keras.layers.Dropout(0.3), dense(1, "sigmoid"))
                ),
                "`model_wide` has Dropout, and the network it is compared with has not",
            ),
            "another optimiser setting": (
                lambda: three(
                    model_relu=network(
                        (5,), "relu", optimizer=keras.optimizers.Adam(0.01, beta_1=0.5)
                    )
                ),
                "`model` and `model_relu` have another beta_1",
            ),
            "untrained": (
                lambda: three(model_relu=network((5,), "relu")),
                "has counted no training step",
            ),
            "no metric": (
                lambda: three(model_wide=network((50,), metrics=())),
                "without the metric accuracy",
            ),
            "another optimiser": (
                lambda: three(model_wide=trained((50,), optimizer="rmsprop")[0]),
                "`model` was trained by Adam and `model_wide` by RMSprop",
            ),
            "another rate": (
                lambda: three(model_wide=trained((50,), optimizer="adam")[0]),
                "has the learning rate 0.01 and `model_wide` 0.001",
            ),
            "fewer epochs": (
                lambda: three(model_deep=trained((5, 5, 5), epochs=10)[0]),
                "The number fits 10 epochs",
            ),
            "all rows": (
                lambda: three(model_wide=trained((50,), validation_split=0.0)[0]),
                "the validation rows too",
            ),
        },
    ),
    "2-B.4": Case(
        right={
            "a column, and NumPy's number": lambda: collapsed(
                lambda slopes, intercept: (slopes[:, None], np.array([intercept]))
            ),
            "rounded to two digits": lambda: collapsed(
                lambda slopes, intercept: (slopes.round(2).tolist(), round(intercept, 2))
            ),
        },
        wrong={
            "bias of the hidden units forgotten": (
                lambda: collapsed(lambda slopes, intercept: (slopes, last_bias())),
                "The `slopes` are right",
            ),
            "only the first layer": (
                lambda: collapsed(
                    lambda slopes, intercept: (
                        first()[0].layers[0].get_weights()[0].sum(axis=1),
                        intercept,
                    )
                ),
                "through every hidden unit",
            ),
            "all weights": (
                lambda: collapsed(
                    lambda slopes, intercept: (first()[0].layers[0].get_weights()[0], intercept)
                ),
                "has the shape (9, 5)",
            ),
            "NaN": (
                lambda: collapsed(lambda slopes, intercept: (slopes * np.nan, intercept)),
                "9 of the nine",
            ),
            "of the network with relu": (
                lambda: collapsed(model=trained((5,), "relu")[0]),
                "not one weighted sum any more",
            ),
            "of another network": (
                lambda: collapsed(model=trained((50,))[0]),
                "hidden layers of [50] units",
            ),
        },
    ),
    "2-B.5": Case(
        right={"capital letter": lambda: {"compare_by": "B"}},
        wrong={
            "training rows": (lambda: {"compare_by": "a"}, "lowest for the network with most"),
            "test rows": (lambda: {"compare_by": "c"}, "helped to choose"),
            "all but the test rows": (lambda: {"compare_by": "d"}, "precision does not help"),
        },
    ),
    "2-C.1": Case(
        right={
            "Keras": evaluated,
            "NumPy": by_numpy,
            "two digits": to_two_digits,
        },
        wrong={
            "on the training set": (lambda: evaluated("train"), "has another on `x_test`"),
            "the wrong way round": (lambda: evaluated(swap=True), "the wrong way round"),
            "loss of another": (
                lambda: {**evaluated(), "test_loss": 0.69},
                "Which of the numbers",
            ),
            "percent": (
                lambda: {**evaluated(), "test_accuracy": 100 * evaluated()["test_accuracy"]},
                "An accuracy is a share",
            ),
            "trained on the test set as well": (
                lambda: evaluated(model=trained_on()),
                "`model` was trained for 305 steps",
            ),
            "test set of zeros": (
                lambda: {**evaluated(), "x_test": 0 * ready()["x_test"]},
                "its values are all alike",
            ),
            "labels of benign": (
                lambda: {**evaluated(), "y_test": ready()["y_test"][:, ::-1]},
                "first benign, then malignant",
            ),
        },
    ),
    "2-C.2": Case(
        right={
            "a column, and truth values": lambda: classified(lambda p: p > 0.5),
            "a list": lambda: classified(lambda p: np.round(p[:, 0]).tolist()),
            "two digits": lambda: classified(lambda p: p > 0.5, predicted().round(2)),
        },
        wrong={
            "argmax": (lambda: classified(lambda p: p.argmax(axis=1)), "wants a threshold"),
            "probabilities": (lambda: classified(lambda p: p), "it should hold classes"),
            "P(benign)": (
                lambda: classified(lambda p: p > 0.5, 1 - predicted()),
                "differs by up to",
            ),
            "turned round": (lambda: classified(lambda p: p < 0.5), "the larger probability"),
            "another threshold": (
                lambda: classified(lambda p: p > 0.2),
                "is not the class that has the larger probability",
            ),
            "NaN": (
                lambda: classified(lambda p: p > 0.5, predicted() * np.nan),
                "is a number from 0 to 1",
            ),
            "training rows": (
                lambda: classified(
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
            "two softmax units, stopped early": lambda: own(*softmax()),
            "class numbers as labels": lambda: own(*softmax("sparse_categorical_crossentropy", 1)),
            "class numbers, and the metric by its own name": lambda: own(
                *softmax("sparse_categorical_crossentropy", 1, "sparse_categorical_accuracy")
            ),
            "two hidden layers": lambda: own(*trained((16, 8), "relu")),
            "no hidden layer": lambda: own(*fitted_layers(OUTPUT)),
            "focal loss": lambda: own(
                *fitted_layers(HIDDEN, OUTPUT, loss="binary_focal_crossentropy")
            ),
            "label smoothing": lambda: own(
                *fitted_layers(
                    HIDDEN, OUTPUT, loss=keras.losses.BinaryCrossentropy(label_smoothing=0.1)
                )
            ),
            "a scaling layer": lambda: own(*with_a_scaling_layer()),
            "of a class of one's own": lambda: own(*of_own_class()),
        },
        wrong={
            "two sigmoid units": (
                lambda: own(*fitted_layers(HIDDEN, (2, "sigmoid"), column=None)),
                "which sum to 1",
            ),
            "loss of several classes": (
                lambda: own(layers(dense(8, "relu"), dense(1, "sigmoid"), loss="mse"), first()[1]),
                "decides the last layer and the loss together",
            ),
            "untrained": (
                lambda: own(network((8,), "relu"), first()[1]),
                "has counted no training step",
            ),
            "trained on the test set": (
                lambda: own(*fitted_layers(HIDDEN, OUTPUT, rows="test")),
                "most of the test rows",
            ),
            "trained on test and training rows": (
                lambda: own(*fitted_layers(HIDDEN, OUTPUT, rows="both")),
                "training and test rows together",
            ),
            "all rows of the training set": (
                lambda: own(*seen_in_validation()),
                "the validation rows too",
            ),
            "larger batches": (
                lambda: own(*fitted_layers(HIDDEN, OUTPUT, batch_size=64)),
                "batches of 64",
            ),
            "history of another": (
                lambda: own(fitted_layers(HIDDEN, OUTPUT)[0], first()[1]),
                "do not belong together",
            ),
            "labels of benign": (
                lambda: own(*trained(column=0)),
                "calls benign what is malignant",
            ),
        },
    ),
    "2-D.2": Case(
        right={
            "as asked": search,
            "units as the index": lambda: search(lambda table: table.set_index("units")),
            "another order of rows, three digits": lambda: search(
                lambda table: table[::-1].round(3)
            ),
            "a column of text": lambda: search(lambda table: table.assign(name="net")),
        },
        wrong={
            "too wide": (lambda: search(units=lambda enough: 2 * enough), "another width"),
            "another network": (
                lambda: search(chosen_model=lambda kept, units: another_of_that_width(units)),
                "Keep the very network",
            ),
            "network of another row": (
                lambda: search(chosen_model=lambda kept, units: kept[32 if units < 32 else 1]),
                "`chosen_model` has hidden layers of",
            ),
            "narrowest and widest exchanged": (
                lambda: search(
                    narrowest_model=lambda kept, units: kept[32],
                    widest_model=lambda kept, units: kept[1],
                ),
                "`narrowest_model` has hidden layers of [32]",
            ),
            "two widths": (
                lambda: search(lambda table: table[:2]),
                "asks for one row for each of 1, 2, 8, 32",
            ),
            "biases not counted": (
                lambda: search(lambda table: table.assign(parameters=10 * table["units"])),
                "are not those of networks",
            ),
            "accuracies": (
                lambda: search(lambda table: table.assign(val_loss=1 - table["val_loss"])),
                "has 0.69",
            ),
            "losses of another run": (
                lambda: search(lambda table: table.assign(val_loss=table["val_loss"] + 0.003)),
                "Keep the very network",
            ),
            "no column of losses": (
                lambda: search(lambda table: table.rename(columns={"val_loss": "loss"})),
                "it lacks val_loss",
            ),
            "test rows too": (
                lambda: search(found=searched(rows="both")),
                "training and test rows together",
            ),
            "another optimiser for one width": (
                lambda: other_widest(optimizer="rmsprop"),
                "If the optimiser changes too",
            ),
            "another activation for one width": (
                lambda: other_widest(activation="tanh", optimizer=None),
                "have different activations",
            ),
        },
    ),
    "2-D.3": Case(
        right={
            "as asked": runs,
            "seeds as the index": lambda: runs(lambda table: table.set_index("seed")),
            "other columns first": lambda: runs(lambda table: table[table.columns[::-1]]),
            "three digits, and the rows turned": lambda: runs(lambda table: table[::-1].round(3)),
            "two seeds more": lambda: runs(two_seeds_more),
        },
        wrong={
            "no dropout layer": (lambda: runs(dropped=one_run(5)), "with the rates []"),
            "dropout on the scores": (
                lambda: runs(
                    dropped=(
                        layers(keras.layers.Dropout(0.3), dense(16, "relu"), dense(1, "sigmoid")),
                        one_run(5, 0.3)[1],
                    )
                ),
                "in the order Dropout, Dense, Dense; the task asks for one of rate 0.3",
            ),
            "another rate": (
                lambda: runs(dropped=one_run(5, 0.5)),
                "with the rates [0.5], in the order Dense, Dropout, Dense; the task asks for one",
            ),
            "dropout in both": (
                lambda: runs(plain=one_run(5, 0.3)),
                "it is the network without",
            ),
            "wider with dropout": (
                lambda: runs(dropped=one_run(5, 0.3, units=32)),
                "differ in the dropout alone",
            ),
            "longer with dropout": (
                lambda: runs(dropped=one_run(5, 0.3, epochs=30)),
                "The number fits 30 epochs",
            ),
            "validation rows trained on": (
                lambda: {
                    **runs(),
                    "plain_model": one_run(5, validation_split=0.0)[0],
                },
                "the validation rows too",
            ),
            "three seeds": (
                lambda: runs(lambda table: table[2:]),
                "asks for one row for each of 1, 2, 3, 4, 5",
            ),
            "one seed five times": (
                lambda: runs(lambda table: table.assign(seed=1)),
                "asks for one row for each of",
            ),
            "percent": (
                lambda: runs(lambda table: table.assign(without=100 * table["without"])),
                "an accuracy is a share",
            ),
            "test accuracies": (
                lambda: runs(on_the_test_set),
                "no number of 112 validation rows gives",
            ),
            "another network": (lambda: runs(other_last), "Keep the very network"),
        },
    ),
    "2-D.4": Case(
        right={
            "trained": really,
            "not separated": lambda: verdict("Not  separated"),
            "better": lambda: verdict("better", plus=(1, 1, 2, 1, 3)),
            "better, in seven pairs": lambda: verdict("'better'", plus=(1, 2, 2, 0, 3, 1, 2)),
            "worse, columns in another order": lambda: verdict(
                "worse", plus=(-1, -1, -2, -1, -3), change=lambda table: table[table.columns[::-1]]
            ),
            "three digits": lambda: verdict(
                "not separated",
                ends=lambda table, found: (round(found.low, 3), round(found.high, 3)),
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
            "without minus with": (
                lambda: verdict(
                    "worse",
                    plus=(1, 1, 2, 1, 3),
                    ends=lambda table, found: (-found.high, -found.low),
                ),
                "the other way round",
            ),
            "the range of the runs": (
                lambda: verdict("not separated", ends=of_single_runs),
                "has other ends",
            ),
            "the normal distribution": (
                lambda: verdict("not separated", ends=by_the_normal_distribution),
                "It is Student's interval",
            ),
            "a guess": (
                lambda: {**verdict("not separated"), "low": 0.0, "high": 0.0},
                "has other ends",
            ),
            "three pairs": (
                lambda: verdict("better", plus=(1, 1, 1)),
                "asks for one row for each of",
            ),
            "as equal": (lambda: verdict("equal"), "should be one of"),
            "a sentence": (lambda: verdict("it helps"), "should be one of"),
        },
    ),
}
