"""Right and wrong answers to the exercises on outer cross-validation."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from coursekit import datasets
from coursekit.evaluation import paired_difference, resampled_difference
from tests.exercises.cases import Case

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
    """Not shuffled: stratified folds may take the flowers of each species in their order."""
    return numbered(StratifiedKFold(5), *flowers())


def by_species() -> np.ndarray:
    return numbered(KFold(5), *flowers())


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
    """Fold 0 without the flowers that have the largest and the smallest values."""
    low, high = flowers()[0].min(axis=0) - 0.5, flowers()[0].max(axis=0)
    return [(part - low) / (high - low) for part in (train, test)]


def each_by_itself(train, test):
    return [MinMaxScaler().fit_transform(part) for part in (train, test)]


def standardised(train, test):
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


def shuffled(train, test):
    train, test = by_hand(train, test)
    return train, test[::-1]


def network(output="softmax"):
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(32, activation="relu"))
    model.add(keras.layers.Dense(3, activation=output))
    optimizer = keras.optimizers.Adam(0.03)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer)
    return model


@functools.cache
def trained(fold, change=None, seed=1):
    """The network of a fold; the change is of its labels or of its rows."""
    keras.utils.set_random_seed(seed)
    x, species = flowers()
    rows = folds() != fold
    train, _ = by_hand(x[rows], x[~rows])
    labels = species[rows]
    if change == "labels":
        labels = (labels + 1) % 3
    elif change == "centimetres":
        train = x[rows]
    model = network()
    model.fit(train, np.eye(3)[labels], epochs=20, batch_size=40, verbose=0)
    return model


def with_weights_of_its_own(fold):
    """A network of another fold: that of fold 0 with other weights, to train only one."""
    model = keras.models.clone_model(trained(0))
    weights = trained(0).get_weights()
    model.set_weights([weight * (1 + 0.02 * fold) for weight in weights])
    return model


# ------------------------------------------------------------------------ out-of-fold answers


@functools.cache
def out_of_fold() -> np.ndarray:
    p_out = np.empty((150, 3), dtype="float32")
    for fold in range(5):
        model = with_weights_of_its_own(fold) if fold else trained(0)
        p_out[folds() == fold] = model.predict(scaled(fold), verbose=0)
    return p_out


def scaled(fold: int) -> np.ndarray:
    """The test rows of a fold."""
    x, _ = flowers()
    rows = folds() == fold
    return by_hand(x[~rows], x[rows])[1]


def all_scaled() -> np.ndarray:
    x_out = np.empty((150, 4), dtype="float32")
    for fold in range(5):
        x_out[folds() == fold] = scaled(fold)
    return x_out


def answers(p_out=None, model=None, x_out=None) -> dict:
    return {
        "fold_of": folds(),
        "network_0": model or trained(0),
        "x_out": all_scaled() if x_out is None else x_out,
        "p_out": out_of_fold() if p_out is None else p_out,
    }


def by_one_network() -> dict:
    p_out = out_of_fold().copy()
    for fold in range(1, 5):
        p_out[folds() == fold] = trained(0).predict(scaled(fold), verbose=0)
    return answers(p_out)


def scaled_by_test_rows() -> np.ndarray:
    x_out = flowers()[0].copy()
    for fold in range(5):
        x_out[folds() == fold] = MinMaxScaler().fit_transform(x_out[folds() == fold])
    return x_out


def of_the_first_fold_only() -> dict:
    return answers(np.where((folds() == 0)[:, None], out_of_fold(), 0))


def fold_after_fold() -> dict:
    """The predictions below each other, in the order of the folds."""
    return answers(np.concatenate([out_of_fold()[folds() == fold] for fold in range(5)]))


def others_off() -> dict:
    p_out = out_of_fold().copy()
    p_out[folds() != 0] = np.roll(p_out[folds() != 0], 1, axis=1)
    return answers(p_out)


def accuracies() -> np.ndarray:
    right = out_of_fold().argmax(axis=1) == flowers()[1]
    return np.array([right[folds() == fold].mean() for fold in range(5)])


def summary(**others) -> dict:
    found = accuracies()
    summed = {"fold_accuracy": found, "mean_accuracy": found.mean(), "spread": found.std(ddof=1)}
    return {"fold_of": folds(), "p_out": out_of_fold(), **summed, **others}


@functools.cache
def logistic(scaled=True) -> np.ndarray:
    x, species = flowers()
    steps = [MinMaxScaler()] if scaled else []
    model = make_pipeline(*steps, LogisticRegression(C=10))
    return cross_val_score(model, x, species, cv=StratifiedKFold(5))


def compared(verdict, plus=0.0, noise=0.0, other=None) -> dict:
    """Accuracies of a network that exceeds logistic regression by ``plus`` on average.

    ``noise`` is how far the difference in a fold is from that average.
    """
    around = np.array([-1, 1, 0, 1, -1]) * noise
    return {
        "fold_of": folds(),
        "fold_accuracy": logistic() + plus + around,
        "logistic_accuracy": logistic() if other is None else other,
        "verdict": verdict,
    }


def ahead_in_every_fold(verdict) -> dict:
    # One flower fewer in the last fold, as with another version of the solver; none is wrong there.
    other = logistic() - np.array([0, 0, 0, 0, 1]) / 30
    ours = other + np.array([0.015, 0.025, 0.02, 0.025, 0.015])
    return {**compared(verdict, other=other), "fold_accuracy": ours}


def behind_in_every_fold(verdict) -> dict:
    """The mean difference is smaller than the spread over the folds, and separated from 0."""
    given = compared(verdict, plus=-0.02, noise=0.005)
    ours, other = given["fold_accuracy"], given["logistic_accuracy"]
    assert abs(ours.mean() - other.mean()) < ours.std()
    assert resampled_difference(ours, other, test_share=0.2).separated
    return given


def behind_in_most_folds(verdict) -> dict:
    """The mean difference is larger than the spread over the folds, and not separated from 0."""
    given = compared(verdict, plus=-0.03)
    # The same accuracy in each fold: no spread at all, but the differences vary.
    given["fold_accuracy"] = np.full(5, given["fold_accuracy"].mean())
    assert not resampled_difference(
        given["fold_accuracy"], given["logistic_accuracy"], test_share=0.2
    ).separated
    return given


def as_if_independent(verdict) -> dict:
    """Separated by the ordinary t interval, not by the corrected one."""
    given = compared(verdict, plus=-0.02, noise=0.0135)
    ours, other = given["fold_accuracy"], given["logistic_accuracy"]
    assert paired_difference(ours, other).separated
    assert not resampled_difference(ours, other, test_share=0.2).separated
    return given


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
            "NumPy": lambda: {"virginica_fifth": np.int64(20), "virginica_third": np.float64(0)}
        },
        wrong={
            "those kept out": (
                lambda: {"virginica_fifth": 30, "virginica_third": 50},
                "so many virginica are kept out",
            ),
            "in proportion": (
                lambda: {"virginica_fifth": 40, "virginica_third": 33},
                "cuts off the last rows",
            ),
        },
    ),
    "S2.2": Case(
        right={
            "not shuffled": lambda: {"fold_of": folds()},
            "a list of floats": lambda: {"fold_of": folds().astype(float).tolist()},
        },
        wrong={
            "not stratified": (lambda: {"fold_of": left_to_chance()}, "in equal shares"),
            "sorted": (lambda: {"fold_of": by_species()}, "in equal shares"),
            "from 1": (lambda: {"fold_of": folds() + 1}, "numbered from 0"),
            "four folds": (lambda: {"fold_of": np.arange(150) % 4}, "numbered from 0"),
            "test rows only": (lambda: {"fold_of": np.arange(30) % 5}, "for each of the 150 rows"),
            "of unequal size": (
                lambda: {"fold_of": np.minimum(np.arange(150) % 7, 4)},
                "parts of equal size",
            ),
        },
    ),
    "S2.3": Case(
        right={
            "NumPy and float32": lambda: parts(by_hand),
            "tables": lambda: parts(lambda *raw: [pd.DataFrame(part) for part in by_hand(*raw)]),
        },
        wrong={
            "centimetres": (lambda: parts(lambda *raw: raw), "still holds centimetres"),
            "scaled on more flowers": (
                lambda: parts(from_all_flowers),
                "did other flowers take part",
            ),
            "test by itself": (lambda: parts(each_by_itself), "by its own smallest and largest"),
            "standardised": (lambda: parts(standardised), "The columns of `x0_train` start at"),
            "other order": (lambda: parts(shuffled), "does not hold the test flowers"),
            "training and test swapped": (
                lambda: parts(lambda *raw: by_hand(*raw)[::-1]),
                "another number of flowers",
            ),
        },
    ),
    "S2.4": Case(
        right={
            "another width": lambda: {"fold_of": folds(), "network_0": trained(0)},
        },
        wrong={
            "untrained": (
                lambda: {"fold_of": folds(), "network_0": network()},
                "the weights it started with",
            ),
            "labels off by one": (
                lambda: {"fold_of": folds(), "network_0": trained(0, "labels")},
                "of its own training flowers",
            ),
            "trained on centimetres": (
                lambda: {"fold_of": folds(), "network_0": trained(0, "centimetres")},
                "scaled like these",
            ),
            "softmax forgotten": (
                lambda: {"fold_of": folds(), "network_0": network(None)},
                "with the activations ['relu', 'linear']",
            ),
        },
    ),
    "S2.5": Case(
        right={"float32, by predict": answers},
        wrong={
            "one network for all": (by_one_network, "have been predicted by `network_0`"),
            "one scaler for all": (
                lambda: answers(x_out=MinMaxScaler().fit_transform(flowers()[0])),
                "one scaler has seen them all",
            ),
            "each fold by itself": (
                lambda: answers(x_out=scaled_by_test_rows()),
                "that this fold trains on",
            ),
            "fold 0 only": (of_the_first_fold_only, "rows without a prediction"),
            "fold after fold": (fold_after_fold, "in the order of the table"),
            "classes": (
                lambda: answers(out_of_fold().argmax(axis=1)),
                "a probability of each species",
            ),
            "added up": (lambda: answers(5 * out_of_fold()), "added up over the folds"),
            "columns off by one": (others_off, "Look at the folds one by one"),
            "another network": (
                lambda: answers(model=with_weights_of_its_own(5)),
                "the network of that fold",
            ),
        },
    ),
    "S2.6": Case(
        right={
            "sd divided by n, lists": lambda: summary(
                fold_accuracy=accuracies().tolist(), spread=np.std(accuracies())
            )
        },
        wrong={
            "percent": (lambda: summary(fold_accuracy=100 * accuracies()), "is a share"),
            "accuracies of something else": (
                lambda: summary(fold_accuracy=np.array([1, 1, 0.5, 1, 1])),
                "by `p_out` it is another share",
            ),
            "variance": (lambda: summary(spread=accuracies().var() + 0.1), "`spread` is"),
            "of the best fold": (
                lambda: summary(mean_accuracy=accuracies().max() + 0.01),
                "`mean_accuracy` is",
            ),
            "one number": (lambda: summary(fold_accuracy=0.95), "one accuracy for each fold"),
        },
    ),
    "S2.7": Case(
        right={
            "too close": lambda: compared("neither", plus=-0.01, noise=0.03),
            "equal in every fold": lambda: compared("neither"),
            "equal up to rounding": lambda: compared("neither", plus=-1e-12),
            "network ahead": lambda: ahead_in_every_fold("Network"),
            "network behind, a list": lambda: {
                **compared("'Logistic regression'", plus=-0.1, noise=0.01),
                "logistic_accuracy": logistic().tolist(),
            },
            "behind in every fold": lambda: behind_in_every_fold("logistic regression"),
            "behind in most folds": lambda: behind_in_most_folds("neither"),
            "a column of a table": lambda: {
                **as_if_independent("neither"),
                "logistic_accuracy": pd.DataFrame({"accuracy": logistic()}),
            },
        },
        wrong={
            "by the larger mean": (
                lambda: compared("logistic regression", plus=-0.01, noise=0.03),
                "this interval includes 0",
            ),
            "by the spread, too careful": (
                lambda: behind_in_every_fold("neither"),
                "this interval lies below 0",
            ),
            "by the spread, too bold": (
                lambda: behind_in_most_folds("logistic regression"),
                "this interval includes 0",
            ),
            "not corrected": (
                lambda: as_if_independent("logistic regression"),
                "this interval includes 0",
            ),
            "sign swapped": (
                lambda: compared("network", plus=-0.1, noise=0.01),
                "the network's accuracy minus that of logistic regression is -0.1",
            ),
            "too careful": (
                lambda: ahead_in_every_fold("neither"),
                "this interval lies above 0",
            ),
            "on the training rows": (
                lambda: compared("neither", other=np.full(5, 1.0)),
                "has another accuracy there",
            ),
            "in percent": (
                lambda: compared("neither", other=100 * logistic()),
                "is a share",
            ),
            "a sentence": (lambda: compared("they are alike"), "should be one of"),
            "another word": (lambda: compared("not separated"), "should be one of"),
            "the mean only": (lambda: compared("neither", other=0.93), "one accuracy for each"),
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
            "ids counted": (lambda: patients(KEPT_TOGETHER, 46), "that counts the ids"),
            "all rows": (lambda: patients(KEPT_TOGETHER, 699), "`repeated_rows` is 699"),
        },
    ),
}
