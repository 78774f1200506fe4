"""Right and wrong answers to the exercises on outer cross-validation."""

from __future__ import annotations

import functools
import warnings

import keras
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from coursekit import datasets
from coursekit.evaluation import paired_difference, resampled_difference
from tests.exercises.cases import Case

STEPS = 180  # 30 epochs of 6 batches

# ------------------------------------------------------------------------------- the folds


@functools.cache
def flowers() -> tuple[np.ndarray, np.ndarray]:
    iris = datasets.load_iris()
    return iris.drop(columns="species").to_numpy(), iris["species"].cat.codes.to_numpy()


def numbered(splitter, x, y, groups=None) -> np.ndarray:
    fold_of = np.full(len(x), -1)
    for fold, (_, rows) in enumerate(splitter.split(x, y, groups)):
        fold_of[rows] = fold
    return fold_of


@functools.cache
def folds() -> np.ndarray:
    """Shuffled, and renumbered so that fold 0 tests row 131."""
    fold_of = numbered(StratifiedKFold(5, shuffle=True, random_state=3), *flowers())
    return (fold_of - fold_of[131]) % 5


def in_their_order() -> np.ndarray:
    """Stratified folds may take the flowers of each species in their order."""
    fold_of = numbered(StratifiedKFold(5), *flowers())
    return (fold_of - fold_of[131]) % 5


def left_to_chance() -> np.ndarray:
    return numbered(KFold(5, shuffle=True, random_state=0), *flowers())


# -------------------------------------------------------------- scaler and network of a fold


def parts(make) -> dict:
    """The rows of fold 0, made by a function of the raw training and test rows."""
    x, _ = flowers()
    train, test = make(x[folds() != 0], x[folds() == 0])
    return {"fold_of": folds(), "x0_train": train, "x0_test": test}


def by_hand(train, test):
    low, high = train.min(axis=0), train.max(axis=0)
    return [((part - low) / (high - low)).astype("float32") for part in (train, test)]


def from_all_flowers(train, test):
    scaler = MinMaxScaler().fit(flowers()[0])
    return scaler.transform(train), scaler.transform(test)


def each_by_itself(train, test):
    return [MinMaxScaler().fit_transform(part) for part in (train, test)]


def standardised(train, test):
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def shuffled(train, test):
    train, test = by_hand(train, test)
    return train, test[::-1]


def network(output="softmax", first=(), of=None, steps=0):
    model = keras.Sequential([keras.Input((4,)), *first])
    model.add(keras.layers.Dense(32, activation="relu"))
    model.add(keras.layers.Dense(32, activation="relu"))
    model.add(keras.layers.Dense(3, activation=output))
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    if of is not None:
        model.set_weights(of.get_weights())
    model.optimizer.iterations.assign(steps)
    return model


@functools.cache
def trained(fold, change=None):
    """The network of a fold; the change is of its labels, or of its rows."""
    keras.utils.set_random_seed(1 + fold)
    x, species = flowers()
    rows = folds() != fold
    train, _ = by_hand(x[rows], x[~rows])
    labels = species[rows]
    first = {
        "a scaling layer": lambda: [adapted(x[rows])],
        "scaled twice": lambda: [adapted(train)],
        "a fixed scale": lambda: [keras.layers.Rescaling(2, offset=-1)],
    }.get(change, list)()
    model = network(first=first)
    if change == "labels":
        labels = (labels + 1) % 3
    elif change in ("centimetres", "a scaling layer"):
        train = x[rows]
    model.fit(train, np.eye(3)[labels], epochs=30, batch_size=20, verbose=0)
    return model


def adapted(x):
    layer = keras.layers.Normalization()
    layer.adapt(x)
    return layer


@functools.cache
def adapted_to_all_flowers():
    model = keras.Sequential(
        [keras.Input((4,)), adapted(flowers()[0]), *trained(0, "a scaling layer").layers[1:]]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    model.optimizer.iterations.assign(STEPS)
    return model


def bare():
    """The layers of the network of fold 0 in a network that nobody compiled."""
    return keras.Sequential([keras.Input((4,)), *trained(0).layers])


def without_hidden_layer(classes=3):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(classes, "softmax")])
    model.compile("adam", "categorical_crossentropy")
    return model


def as_if(steps):
    """The network of fold 0 with another number of steps."""
    return {"fold_of": folds(), "network_0": network(of=trained(0), steps=steps)}


# ------------------------------------------------------------------------ out-of-fold answers


def scaled(fold: int) -> np.ndarray:
    """The test rows of a fold."""
    x, _ = flowers()
    rows = folds() == fold
    return by_hand(x[~rows], x[rows])[1]


@functools.cache
def all_scaled() -> np.ndarray:
    x_out = np.empty((150, 4), dtype="float32")
    for fold in range(5):
        x_out[folds() == fold] = scaled(fold)
    return x_out


def predicted_by(network_of) -> np.ndarray:
    p_out = np.empty((150, 3), dtype="float32")
    for fold in range(5):
        p_out[folds() == fold] = network_of(fold)(scaled(fold))
    return p_out


@functools.cache
def out_of_fold() -> np.ndarray:
    return predicted_by(trained)


def answers(**others) -> dict:
    networks = {f"network_{fold}": trained(fold) for fold in range(5)}
    given = {"fold_of": folds(), "x_out": all_scaled(), "p_out": out_of_fold(), **networks}
    return {**given, **others}


def by_one_network() -> dict:
    return answers(
        p_out=predicted_by(lambda fold: trained(0)),
        **{f"network_{fold}": trained(0) for fold in range(5)},
    )


def trained_on_from_fold_to_fold() -> dict:
    """Other weights after each fold, and the steps of all folds so far."""
    return answers(
        network_1=network(of=trained(1), steps=2 * STEPS),
        network_2=network(of=trained(2), steps=3 * STEPS),
    )


def scaled_by_test_rows() -> np.ndarray:
    x_out = flowers()[0].copy()
    for fold in range(5):
        x_out[folds() == fold] = MinMaxScaler().fit_transform(x_out[folds() == fold])
    return x_out


def fold_after_fold() -> dict:
    """The predictions below each other, in the order of the folds."""
    return answers(p_out=np.concatenate([out_of_fold()[folds() == fold] for fold in range(5)]))


@functools.cache
def in_sample():
    """What a network says that was trained on all flowers."""
    keras.utils.set_random_seed(7)
    x, species = flowers()
    model = network()
    x = MinMaxScaler().fit_transform(x)
    model.fit(x, np.eye(3)[species], epochs=30, batch_size=20, verbose=0)
    return np.asarray(model(x))


def with_scaling_layers() -> dict:
    networks = {f"network_{fold}": trained(fold, "a scaling layer") for fold in range(5)}
    p_out = np.empty((150, 3))
    for fold in range(5):
        rows = folds() == fold
        p_out[rows] = networks[f"network_{fold}"](flowers()[0][rows])
    return answers(p_out=p_out, **networks)


def others_off() -> np.ndarray:
    p_out = out_of_fold().copy()
    p_out[folds() != 0] = np.roll(p_out[folds() != 0], 1, axis=1)
    return p_out


def shares(p) -> np.ndarray:
    right = np.asarray(p).argmax(axis=1) == flowers()[1]
    return np.array([right[folds() == fold].mean() for fold in range(5)])


def summary(**others) -> dict:
    found = shares(out_of_fold())
    summed = {"fold_accuracy": found, "mean_accuracy": found.mean(), "spread": found.std(ddof=1)}
    return {"fold_of": folds(), "p_out": out_of_fold(), **summed, **others}


# ----------------------------------------------------------------------------- the comparison


@functools.cache
def logistic(scaled=True, penalty=10, seen=False) -> np.ndarray:
    x, species = flowers()
    p = np.empty((150, 3))
    for fold in range(5):
        tests = folds() == fold
        train, test = by_hand(x[~tests], x[tests]) if scaled else (x[~tests], x[tests])
        labels = species[~tests]
        if seen:
            train, labels = np.concatenate([train, test]), np.append(labels, species[tests])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            p[tests] = LogisticRegression(C=penalty).fit(train, labels).predict_proba(test)
    return p


def with_wrong(*more: int) -> np.ndarray:
    """Predictions with as many more flowers wrong in each fold than logistic regression has."""
    p = np.where(np.eye(3)[flowers()[1]] == 1, 0.9, 0.05)
    for fold, extra in enumerate(more):
        rows = np.flatnonzero(folds() == fold)
        wrong = round(30 * (1 - shares(logistic())[fold])) + extra
        p[rows[:wrong]] = np.roll(p[rows[:wrong]], 1, axis=1)
    return p


def compared(verdict=None, p_out=None, p_logistic=None, of=resampled_difference, **others) -> dict:
    """The comparison with logistic regression, as the task says; or with another interval."""
    p_out = out_of_fold() if p_out is None else p_out
    p_logistic = logistic() if p_logistic is None else p_logistic
    ours, other = shares(p_out), shares(p_logistic)
    interval = of(ours, other, **({"test_share": 0.2} if of is resampled_difference else {}))
    rule = "neither"
    if interval.separated:
        rule = "network" if interval.estimate > 0 else "logistic regression"
    return {
        "fold_of": folds(),
        "p_out": p_out,
        "p_logistic": p_logistic,
        "logistic_accuracy": other,
        "low": interval.low,
        "high": interval.high,
        "verdict": verdict or rule,
        **others,
    }


def behind(verdict=None, **others) -> dict:
    """The network is behind in every fold, and the interval excludes 0."""
    given = compared(verdict, p_out=with_wrong(1, 2, 1, 2, 2), **others)
    assert compared(p_out=with_wrong(1, 2, 1, 2, 2))["verdict"] == "logistic regression"
    return given


def behind_in_most_folds(verdict=None, **others) -> dict:
    """Separated by the ordinary t interval, not by the corrected one."""
    given = compared(verdict, p_out=with_wrong(2, 1, 1, 1, 0), **others)
    p_out = given["p_out"]
    assert paired_difference(shares(p_out), shares(logistic())).separated
    assert compared(p_out=p_out)["verdict"] == "neither"
    return given


def swapped() -> dict:
    given = behind()
    return {**given, "low": -given["high"], "high": -given["low"], "verdict": "network"}


def of_training_share() -> dict:
    found = resampled_difference(shares(out_of_fold()), shares(logistic()), test_share=0.8)
    return compared(low=found.low, high=found.high)


# ---------------------------------------------------------------------------------- patients


@functools.cache
def cancer() -> pd.DataFrame:
    return datasets.load_breast_cancer()


def patients(splitter, rows=None) -> dict:
    ids = cancer()["id"]
    repeated = int(ids.map(ids.value_counts()).gt(1).sum()) if rows is None else rows
    groups = ids if "Group" in type(splitter).__name__ else None
    fold_of = numbered(splitter, cancer(), cancer()["class"], groups)
    return {"repeated_rows": repeated, "patient_fold": fold_of}


KEPT_TOGETHER = StratifiedGroupKFold(5)


CASES = {
    "S2.1": Case(
        right={
            "counted": lambda: {
                "left_fifth": np.bincount(flowers()[1][:120], minlength=3),
                "left_third": np.bincount(flowers()[1][:100], minlength=3),
            },
            "dicts": lambda: {
                "left_fifth": {"setosa": 50, "versicolor": 50, "virginica": 20},
                "left_third": {0: 50.0, 1: 50.0, 2: 0.0},
            },
        },
        wrong={
            "those kept out": (
                lambda: {"left_fifth": [0, 0, 30], "left_third": [0, 0, 50]},
                "So many are kept out",
            ),
            "in proportion": (
                lambda: {"left_fifth": [40, 40, 40], "left_third": [100 / 3] * 3},
                "cut off before anything is shuffled",
            ),
            "another cut": (
                lambda: {"left_fifth": [50, 50, 20], "left_third": [50, 49, 0]},
                "`left_third` says 50, 49, 0",
            ),
            "virginica alone": (
                lambda: {"left_fifth": 20, "left_third": 0},
                "asks for three counts",
            ),
            "two species": (
                lambda: {"left_fifth": [50, 50, 20], "left_third": [50, 50]},
                "A species that is not there counts 0",
            ),
        },
    ),
    "S2.2": Case(
        right={
            "shuffled": lambda: {"fold_of": folds()},
            "not shuffled, a list of floats": lambda: {
                "fold_of": in_their_order().astype(float).tolist()
            },
        },
        wrong={
            "not stratified": (lambda: {"fold_of": left_to_chance()}, "in equal shares"),
            "sorted": (lambda: {"fold_of": np.arange(150) // 30}, "in equal shares"),
            "from 1": (lambda: {"fold_of": folds() + 1}, "numbered from 0"),
            "four folds": (lambda: {"fold_of": np.arange(150) % 4}, "numbered from 0"),
            "test rows only": (lambda: {"fold_of": np.arange(30) % 5}, "for each of the 150 rows"),
            "of unequal size": (
                lambda: {"fold_of": np.minimum(np.arange(150) % 7, 4)},
                "30 flowers each",
            ),
            "not renumbered": (
                lambda: {"fold_of": (folds() + 2) % 5},
                "is tested in fold 2. The task asks",
            ),
        },
    ),
    "S2.3": Case(
        right={
            "NumPy and float32": lambda: parts(by_hand),
            "tables, rounded": lambda: parts(
                lambda *raw: [pd.DataFrame(part).round(3) for part in by_hand(*raw)]
            ),
        },
        wrong={
            "centimetres": (lambda: parts(lambda *raw: raw), "still holds centimetres"),
            "scaled on all flowers": (
                lambda: parts(from_all_flowers),
                "values of all 150 flowers, its own among them",
            ),
            "test by itself": (lambda: parts(each_by_itself), "by its own smallest and largest"),
            "standardised": (lambda: parts(standardised), "another kind of scaling"),
            "other order": (lambda: parts(shuffled), "does not hold the test flowers"),
            "training flowers in another order": (
                lambda: parts(lambda *raw: (by_hand(*raw)[0][::-1], by_hand(*raw)[1])),
                "does not hold the training flowers",
            ),
            "training and test swapped": (
                lambda: parts(lambda *raw: by_hand(*raw)[::-1]),
                "it takes 120 flowers",
            ),
            "missing": (
                lambda: parts(lambda train, test: (train * np.nan, test)),
                "missing or not finite",
            ),
            "another fold": (
                lambda: {**parts(by_hand), "fold_of": (folds() + 1) % 5},
                "is tested in fold 1",
            ),
        },
    ),
    "S2.4": Case(
        right={
            "as the task says": lambda: {"fold_of": folds(), "network_0": trained(0)},
            "a scaling layer of its own": lambda: {
                "fold_of": folds(),
                "network_0": trained(0, "a scaling layer"),
            },
            "a scaling layer on what is scaled": lambda: {
                "fold_of": folds(),
                "network_0": trained(0, "scaled twice"),
            },
            "a fixed scaling layer": lambda: {
                "fold_of": folds(),
                "network_0": trained(0, "a fixed scale"),
            },
        },
        wrong={
            "untrained": (
                lambda: {"fold_of": folds(), "network_0": network(steps=STEPS)},
                "the weights it started with",
            ),
            "on all flowers": (lambda: as_if(240), "trained on all 150 flowers"),
            "on the test flowers": (lambda: as_if(60), "on the flowers that fold 0 tests, not"),
            "the cell run twice": (lambda: as_if(360), "That is 2 times as many"),
            "batches of 32": (lambda: as_if(120), "batches of 32"),
            "a validation split": (lambda: as_if(150), "kept out for validation"),
            "too few epochs": (lambda: as_if(90), "Look at the epochs"),
            "compiled again": (lambda: as_if(0), "which clears the count"),
            "not compiled": (
                lambda: {"fold_of": folds(), "network_0": bare()},
                "is not compiled",
            ),
            "labels off by one": (
                lambda: {"fold_of": folds(), "network_0": trained(0, "labels")},
                "with their own labels",
            ),
            "trained on centimetres": (
                lambda: {"fold_of": folds(), "network_0": trained(0, "centimetres")},
                "scaled like these",
            ),
            "a scaling layer that has seen all flowers": (
                lambda: {"fold_of": folds(), "network_0": adapted_to_all_flowers()},
                "was adapted to other flowers",
            ),
            "softmax forgotten": (
                lambda: {"fold_of": folds(), "network_0": network(None, of=trained(0))},
                "asks for softmax",
            ),
            "no hidden layer": (
                lambda: {"fold_of": folds(), "network_0": without_hidden_layer()},
                "has no hidden layer",
            ),
            "two classes": (
                lambda: {"fold_of": folds(), "network_0": without_hidden_layer(2)},
                "4 inputs and 3 output nodes",
            ),
        },
    ),
    "S2.5": Case(
        right={
            "float32, called": answers,
            "with scaling layers": with_scaling_layers,
            "rounded to two digits": lambda: answers(p_out=out_of_fold().round(2)),
        },
        wrong={
            "one network for all": (by_one_network, "have the same weights"),
            "trained on from fold to fold": (
                trained_on_from_fold_to_fold,
                "Was it trained on from fold to fold",
            ),
            "on all flowers": (
                lambda: answers(network_3=network(of=trained(3), steps=240)),
                "those that fold 3 tests among them",
            ),
            "in-sample predictions": (lambda: answers(p_out=in_sample()), "differs by up to"),
            "the truth typed in": (
                lambda: answers(p_out=np.eye(3)[flowers()[1]]),
                "from what `network_0` computes",
            ),
            "one scaler for all": (
                lambda: answers(x_out=MinMaxScaler().fit_transform(flowers()[0])),
                "one scaler has seen them all",
            ),
            "each fold by itself": (
                lambda: answers(x_out=scaled_by_test_rows()),
                "that this fold trains on",
            ),
            "fold 0 only": (
                lambda: answers(p_out=np.where((folds() == 0)[:, None], out_of_fold(), 0)),
                "rows without a prediction",
            ),
            "fold after fold": (fold_after_fold, "in the order of the table"),
            "classes": (
                lambda: answers(p_out=out_of_fold().argmax(axis=1)),
                "a probability of each of the three species",
            ),
            "added up": (lambda: answers(p_out=5 * out_of_fold()), "added up over the folds"),
            "columns off by one": (
                lambda: answers(p_out=others_off()),
                "For the flowers of fold 1",
            ),
            "two networks swapped": (
                lambda: answers(network_1=trained(2), network_2=trained(1)),
                "predicted by the network of that fold",
            ),
        },
    ),
    "S2.6": Case(
        right={
            "as the task says": summary,
            "sd divided by n, a dict": lambda: summary(
                fold_accuracy=dict(enumerate(shares(out_of_fold()))),
                spread=np.std(shares(out_of_fold())),
            ),
            "two digits": lambda: summary(
                fold_accuracy=shares(out_of_fold()).round(2).tolist(),
                mean_accuracy=round(shares(out_of_fold()).mean(), 2),
                spread=round(shares(out_of_fold()).std(ddof=1), 2),
            ),
        },
        wrong={
            "percent": (
                lambda: summary(fold_accuracy=100 * shares(out_of_fold())),
                "is a share",
            ),
            "accuracies of something else": (
                lambda: summary(fold_accuracy=np.array([1, 1, 0.5, 1, 1])),
                "by `p_out` it is another share",
            ),
            "variance": (
                lambda: summary(spread=shares(out_of_fold()).var(ddof=1)),
                "That is their variance",
            ),
            "range": (
                lambda: summary(spread=np.ptp(shares(out_of_fold()))),
                "the largest minus the smallest",
            ),
            "of the best fold": (
                lambda: summary(mean_accuracy=shares(out_of_fold()).max() + 0.01),
                "`mean_accuracy` is",
            ),
            "one number": (lambda: summary(fold_accuracy=0.95), "for each of the five folds"),
            "the truth as predictions": (
                lambda: summary(
                    p_out=np.eye(3)[flowers()[1]],
                    fold_accuracy=np.ones(5),
                    mean_accuracy=1,
                    spread=0,
                ),
                "too good to be true",
            ),
            "columns off by one": (lambda: summary(p_out=others_off()), "folds one by one"),
            "negative": (lambda: summary(p_out=1 - 2 * out_of_fold()), "run from 0 to 1"),
        },
    ),
    "S2.7": Case(
        right={
            "as the task says": compared,
            "equal in every fold": lambda: compared("neither", p_out=with_wrong(0, 0, 0, 0, 0)),
            "behind": behind,
            "behind, three digits": lambda: behind(
                "'Logistic regression'",
                low=round(behind()["low"], 3),
                high=round(behind()["high"], 3),
                logistic_accuracy=shares(logistic()).round(3).tolist(),
            ),
            "behind in most folds": behind_in_most_folds,
            "a column of a table": lambda: compared(
                logistic_accuracy=pd.DataFrame({"accuracy": shares(logistic())}),
                p_logistic=pd.DataFrame(logistic()).round(2),
            ),
        },
        wrong={
            "by the larger mean": (
                lambda: behind_in_most_folds("logistic regression"),
                "logistic regression includes 0",
            ),
            "too careful": (lambda: behind("neither"), "logistic regression lies below 0"),
            "not corrected": (
                lambda: compared(of=paired_difference),
                "That is the ordinary t interval",
            ),
            "sign swapped": (swapped, "That is logistic regression minus the network"),
            "verdict swapped": (lambda: behind("network"), "lies below 0"),
            "share of the training flowers": (of_training_share, "or of those it trains on"),
            "ends swapped": (lambda: behind(low=0.5, high=-0.5), "above the upper one"),
            "guessed": (lambda: compared(low=-0.05, high=0.05), "is another one"),
            "unscaled": (
                lambda: compared(p_logistic=logistic(scaled=False)),
                "on centimetres",
            ),
            "default penalty": (
                lambda: compared(p_logistic=logistic(penalty=1)),
                "of the default penalty",
            ),
            "fitted to the test flowers": (
                lambda: compared(p_logistic=logistic(seen=True)),
                "fitted to the test flowers too",
            ),
            "the network again": (
                lambda: compared(p_logistic=out_of_fold()),
                "Are the rows in the order of the table",
            ),
            "on the training rows": (
                lambda: compared(logistic_accuracy=np.ones(5)),
                "by `p_logistic` it is another share",
            ),
            "in percent": (
                lambda: compared(logistic_accuracy=100 * shares(logistic())),
                "is a share",
            ),
            "a sentence": (lambda: compared("they are alike"), "should be one of"),
            "another word": (lambda: compared("not separated"), "should be one of"),
            "the mean only": (
                lambda: compared(logistic_accuracy=0.93),
                "one accuracy for each of the five folds",
            ),
            "the truth as predictions": (
                lambda: compared(p_out=np.eye(3)[flowers()[1]]),
                "too good to be true",
            ),
        },
    ),
    "S2.8": Case(
        right={
            "not shuffled": lambda: patients(KEPT_TOGETHER),
            "shuffled": lambda: patients(StratifiedGroupKFold(5, shuffle=True, random_state=7)),
        },
        wrong={
            "rows split": (
                lambda: patients(StratifiedKFold(5, shuffle=True, random_state=1)),
                "patients have rows in more than one fold",
            ),
            "classes in blocks": (lambda: patients(GroupKFold(5)), "left to chance"),
            "beyond the first": (lambda: patients(KEPT_TOGETHER, 54), "beyond each id's first"),
            "ids counted": (lambda: patients(KEPT_TOGETHER, 46), "That counts the ids"),
            "different ids": (lambda: patients(KEPT_TOGETHER, 645), "the different ids"),
            "all rows": (lambda: patients(KEPT_TOGETHER, 699), "all rows of the table"),
        },
    ),
}
