"""Checks of the exercises on outer cross-validation: S2."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _answers
from coursekit.exercises.checks._models import (
    accuracy,
    activations,
    cross_entropy,
    expect_shapes,
    expect_trained,
    probabilities,
)
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, Model, Number, Text

if TYPE_CHECKING:
    import keras

FOLDS = 5
MIN_ACCURACY = 0.88  # of out-of-fold predictions for all flowers
MAX_TRAINING_LOSS = 0.3  # measured: 0.06 to 0.16
MAX_SHARE_DIFFERENCE = (
    0.05  # between folds, of malignant rows; StratifiedGroupKFold: 0.005, GroupKFold: 0.08
)
ROUNDING = 1e-9
MIN_FOLD_ACCURACY = 0.7  # accuracy in a single fold, where one flower is 1/30


@functools.cache
def _iris() -> tuple[np.ndarray, np.ndarray]:
    """Return the measurements, shape (150, 4), and the species as numbers from 0 to 2."""
    from coursekit.datasets import load_iris

    iris = load_iris()
    return (
        iris.drop(columns="species").to_numpy(dtype=float),
        iris["species"].cat.codes.to_numpy(int),
    )


def _scaled(fold_of: np.ndarray, fold: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the training and test rows of a fold, scaled by the range of the training rows."""
    x, _ = _iris()
    fit = x[fold_of != fold]
    low, high = fit.min(axis=0), fit.max(axis=0)
    return (fit - low) / (high - low), (x[fold_of == fold] - low) / (high - low)


def _fold_numbers(fold_of: np.ndarray, name: str, rows: int) -> np.ndarray:
    """Validate the fold number of each row, 0 to 4; return them as int."""
    expect(
        fold_of.size == rows and fold_of.dtype.kind in "iuf",
        f"`{name}` has shape {fold_of.shape} and holds {fold_of.dtype}; it takes the number of a "
        f"fold for each of the {rows} rows of the table.",
    )
    fold_of = fold_of.reshape(-1).astype(float)
    found = np.unique(fold_of).tolist()
    expect(
        found == list(range(FOLDS)),
        f"`{name}` holds the numbers {', '.join(f'{n:g}' for n in found[:8])}; the folds are "
        f"numbered from 0 to {FOLDS - 1}, and each row is tested in one of them.",
    )
    return fold_of.astype(int)


# -------------------------------------------------------------------- the folds of iris


@declare(
    "S2.1",
    "What `validation_split` leaves of sorted rows",
    points=1,
    virginica_fifth=Number(),
    virginica_third=Number(),
)
def sorted_rows(virginica_fifth, virginica_third):
    """Expect the numbers of virginica that ``validation_split`` leaves for training."""
    _, species = _iris()
    for name, said, share in (
        ("virginica_fifth", virginica_fifth, 1 / 5),
        ("virginica_third", virginica_third, 1 / 3),
    ):
        cut = round(len(species) * (1 - share))
        right, kept_out = (int((part == 2).sum()) for part in (species[:cut], species[cut:]))
        expect(
            said != kept_out or said == right,
            f"`{name}` is {said:g}: so many virginica are kept out. How many are left to train on?",
        )
        expect(
            said == right,
            f"`{name}` is {said:g}. `validation_split` cuts off the last rows of the table before "
            "anything is shuffled; count the virginica among the rows that come before the cut.",
        )


@declare("S2.2", "Five stratified folds", points=2, fold_of=Array())
def folds(fold_of):
    """Expect folds of equal size with equal shares of the species."""
    _, species = _iris()
    fold_of = _fold_numbers(fold_of, "fold_of", len(species))
    table = np.array([np.bincount(species[fold_of == n], minlength=3) for n in range(FOLDS)])
    sizes = table.sum(axis=1)
    expect(
        np.ptp(sizes) <= 1,
        f"The folds test {', '.join(map(str, sizes))} flowers; folds are parts of equal size.",
    )
    odd = int(np.ptp(table, axis=1).argmax())
    expect(
        np.ptp(table[odd]) <= 1,
        f"Fold {odd} tests {', '.join(map(str, table[odd]))} flowers of the three species. "
        "Stratified folds hold the species in equal shares.",
    )


# ------------------------------------------------------------- scaler and network of a fold


@declare(
    "S2.3",
    "Scaled inside the fold",
    points=2,
    fold_of=Array(),
    x0_train=Array(),
    x0_test=Array(),
)
def scaled_inside(fold_of, x0_train, x0_test):
    """Expect the rows of fold 0, scaled by the range of its training rows."""
    x, species = _iris()
    fold_of = _fold_numbers(fold_of, "fold_of", len(species))
    train, test = _scaled(fold_of, 0)
    for name, found, expected in (("x0_train", x0_train, train), ("x0_test", x0_test, test)):
        expect(
            found.shape == expected.shape and found.dtype.kind in "iuf",
            f"`{name}` has shape {found.shape}; by `fold_of`, that part of fold 0 has another "
            "number of flowers. Each has four measurements.",
        )
    raw = x[fold_of == 0]
    expect(
        not np.allclose(x0_test, raw, atol=1e-3),
        f"`x0_test` still holds centimetres, up to {x0_test.max():g}.",
    )
    own = (raw - raw.min(axis=0)) / np.ptp(raw, axis=0)
    expect(
        not np.allclose(x0_test, own, atol=1e-3),
        "`x0_test` runs from 0 to 1 in every column: it was scaled by its own smallest and largest "
        "values. It needs those of the training part of the fold.",
    )
    low, high = x0_train.min(axis=0), x0_train.max(axis=0)
    expect(
        np.allclose(low, 0, atol=1e-3) and np.allclose(high, 1, atol=1e-3),
        f"The columns of `x0_train` start at {', '.join(f'{n:.2f}' for n in low)} and end at "
        f"{', '.join(f'{n:.2f}' for n in high)}. Scaled by these very rows, they would start at 0 "
        "and end at 1: did other flowers take part?",
    )
    expect(
        np.allclose(x0_train, train, atol=1e-3),
        "`x0_train` does not hold the training flowers of fold 0 in the order of the table.",
    )
    expect(
        np.allclose(x0_test, test, atol=1e-3),
        "`x0_test` does not hold the test flowers of fold 0, in the order of the table and on the "
        "scale of `x0_train`.",
    )


def _expect_network(network_0: keras.Model, fold_of: np.ndarray) -> None:
    """Expect a trained network of fold 0."""
    expect_shapes(network_0, (4,), 3, "network_0")
    found = activations(network_0)
    expect(
        len(found) >= 2 and found[-1] == "softmax",
        f"`network_0` has dense layers with the activations {found}; use the network that the "
        "exercise gives.",
    )
    expect_trained(network_0, "network_0")
    _, species = _iris()
    train, _ = _scaled(fold_of, 0)
    p = probabilities(network_0, train, "network_0")
    right, loss = accuracy(p, species[fold_of != 0]), cross_entropy(p, species[fold_of != 0])
    expect(
        right >= MIN_ACCURACY and loss < MAX_TRAINING_LOSS,
        f"`network_0` is right on {right:.0%} of its own training flowers, scaled to the range 0 "
        f"to 1, with a loss of {loss:.2f}; a trained one knows them better. Was it trained for as "
        "long as the exercise says, on rows that are scaled like these?",
    )


@declare("S2.4", "The network of a fold", points=2, fold_of=Array(), network_0=Model())
def of_a_fold(fold_of, network_0):
    """Expect a network for fold 0 that is accurate on its training and test flowers."""
    _, species = _iris()
    fold_of = _fold_numbers(fold_of, "fold_of", len(species))
    _expect_network(network_0, fold_of)
    _, test = _scaled(fold_of, 0)
    right = accuracy(probabilities(network_0, test, "network_0"), species[fold_of == 0])
    expect(
        right >= MIN_FOLD_ACCURACY,
        f"`network_0` is right on {right:.0%} of the flowers that fold 0 tests. Was it trained on "
        "the other four folds?",
    )


# ----------------------------------------------------------------- out-of-fold predictions


@declare(
    "S2.5",
    "Every flower by a network that has not seen it",
    points=3,
    fold_of=Array(),
    network_0=Model(),
    x_out=Array(),
    p_out=Array(),
)
def out_of_fold(fold_of, network_0, x_out, p_out):
    """Expect flowers scaled within their folds, and predictions of a different network per fold."""
    x, species = _iris()
    fold_of = _fold_numbers(fold_of, "fold_of", len(species))
    expect(
        x_out.shape == x.shape and x_out.dtype.kind in "iuf",
        f"`x_out` has shape {x_out.shape}; it takes the four scaled measurements of each flower.",
    )
    expect(
        not np.allclose(x_out, (x - x.min(axis=0)) / np.ptp(x, axis=0), atol=1e-3),
        "`x_out` runs from 0 to 1 over all flowers: one scaler has seen them all. The flower with "
        "the longest sepal, say, must reach beyond 1 in the fold that tests it.",
    )
    for fold in range(FOLDS):
        expect(
            np.allclose(x_out[fold_of == fold], _scaled(fold_of, fold)[1], atol=1e-3),
            f"The flowers that fold {fold} tests are not scaled in `x_out` by the flowers that "
            "this fold trains on, or are not in their places.",
        )
    _expect_network(network_0, fold_of)
    p_out = _probabilities_of_all(p_out)
    own = probabilities(network_0, _scaled(fold_of, 0)[1], "network_0")
    off = np.abs(p_out[fold_of == 0] - own).max()
    expect(
        off < 0.01,
        f"For the flowers of fold 0, `p_out` differs by up to {off:.2f} from what `network_0` "
        "computes. Are the rows in the order of the table, and is it the network of that fold?",
    )
    for fold in range(1, FOLDS):
        same = probabilities(network_0, _scaled(fold_of, fold)[1], "network_0")
        expect(
            np.abs(p_out[fold_of == fold] - same).max() > 1e-3,
            f"The flowers of fold {fold} have been predicted by `network_0`, which was trained on "
            "them. Each fold needs a new network.",
        )
    right = np.mean(p_out.argmax(axis=1) == species)
    expect(
        right >= MIN_ACCURACY,
        f"`p_out` is right on {right:.0%} of the flowers. Look at the folds one by one: is a part "
        "of them filled in at the wrong place, or a network not trained?",
    )


def _probabilities_of_all(p_out: np.ndarray) -> np.ndarray:
    """Validate the class probabilities of all flowers; return them as float."""
    _, species = _iris()
    expect(
        p_out.shape == (len(species), 3) and p_out.dtype.kind in "iuf",
        f"`p_out` has shape {p_out.shape}; it takes a probability of each species for each flower.",
    )
    p_out = p_out.astype(float)
    empty = int((~np.isfinite(p_out) | (p_out == 0)).all(axis=1).sum())
    expect(
        empty == 0,
        f"`p_out` has {empty} rows without a prediction. Over the five folds, every flower is "
        "tested once.",
    )
    expect(
        np.allclose(p_out.sum(axis=1), 1, atol=1e-3),
        f"The rows of `p_out` sum to values from {p_out.sum(axis=1).min():.2f} to "
        f"{p_out.sum(axis=1).max():.2f}. Probabilities of the species sum to 1; was something "
        "added up over the folds?",
    )
    return p_out


@declare(
    "S2.6",
    "Mean and spread",
    points=2,
    fold_of=Array(),
    p_out=Array(),
    fold_accuracy=Array(),
    mean_accuracy=Number(),
    spread=Number(),
)
def mean_and_spread(fold_of, p_out, fold_accuracy, mean_accuracy, spread):
    """Expect the accuracy in each fold, and their mean and standard deviation."""
    _, species = _iris()
    fold_of = _fold_numbers(fold_of, "fold_of", len(species))
    right = _probabilities_of_all(p_out).argmax(axis=1) == species
    _expect_fold_accuracies("fold_accuracy", fold_accuracy)
    fold_accuracy = fold_accuracy.reshape(-1).astype(float)
    for fold in range(FOLDS):
        now = right[fold_of == fold].mean()
        expect(
            abs(fold_accuracy[fold] - now) < 0.01,
            f"`fold_accuracy` says {fold_accuracy[fold]:.3f} for fold {fold}; by `p_out` it is "
            "another share of the flowers that this fold tests.",
        )
    expect(
        abs(mean_accuracy - fold_accuracy.mean()) < 2e-3,
        f"`mean_accuracy` is {mean_accuracy:.4f}, which is not the mean of `fold_accuracy`.",
    )
    expect(
        min(abs(spread - fold_accuracy.std(ddof=ddof)) for ddof in (0, 1)) < 2e-3,
        f"`spread` is {spread:.4f}, which is not the standard deviation of `fold_accuracy`.",
    )


def _expect_fold_accuracies(name: str, values: np.ndarray) -> None:
    """Expect five accuracies from 0 to 1."""
    expect(
        values.size == FOLDS and values.dtype.kind in "iuf",
        f"`{name}` has shape {values.shape}; it takes one accuracy for each fold.",
    )
    expect(
        values.min() >= 0 and values.max() <= 1,
        f"`{name}` runs from {values.min():g} to {values.max():g}; an accuracy is a share, from 0 "
        "to 1.",
    )


@functools.cache
def _logistic_accuracies(fold_of: tuple[int, ...]) -> list[float]:
    """Return the accuracy of logistic regression in each of these folds."""
    from sklearn.linear_model import LogisticRegression

    _, species = _iris()
    numbers = np.array(fold_of)
    found = []
    for fold in range(FOLDS):
        train, test = _scaled(numbers, fold)
        model = LogisticRegression(C=10).fit(train, species[numbers != fold])
        found.append(float(model.score(test, species[numbers == fold])))
    return found


@declare(
    "S2.7",
    "Beside logistic regression",
    points=2,
    fold_of=Array(),
    fold_accuracy=Array(),
    logistic_accuracy=Array(),
    verdict=Text(),
)
def beside(fold_of, fold_accuracy, logistic_accuracy, verdict):
    """Expect logistic regression in the same folds, and the verdict that follows by the rule."""
    from coursekit.evaluation import resampled_difference

    _, species = _iris()
    fold_of = _fold_numbers(fold_of, "fold_of", len(species))
    _expect_fold_accuracies("fold_accuracy", fold_accuracy)
    _expect_fold_accuracies("logistic_accuracy", logistic_accuracy)
    ours = fold_accuracy.reshape(-1).astype(float)
    other = logistic_accuracy.reshape(-1).astype(float)
    off = np.abs(other - _logistic_accuracies(tuple(fold_of.tolist())))
    expect(
        off.max() < 0.04,  # versions of the solver may differ by one flower
        f"`logistic_accuracy` says {other[off.argmax()]:.3f} for fold {off.argmax()}; the logistic "
        "regression of the exercise, scaled inside the folds of `fold_of`, has another accuracy "
        "there.",
    )
    verdict = _answers.verdict(verdict, ("network", "logistic regression", "neither"))
    interval = resampled_difference(ours, other, test_share=1 / FOLDS)
    # Accuracies computed in two ways may differ by rounding, so an end at 0 counts either way.
    right = set()
    if interval.low <= ROUNDING and interval.high >= -ROUNDING:
        right.add("neither")
    if interval.separated:
        right.add("network" if interval.estimate > 0 else "logistic regression")
    found = "includes 0"
    if interval.separated:
        found = f"lies {'above' if interval.low > 0 else 'below'} 0"
    expect(
        verdict in right,
        f"`verdict` is {verdict!r}. Over your five folds, the network's accuracy minus that of "
        f"logistic regression is {interval}; this interval {found}. The rule of the exercise asks "
        "only whether the interval includes 0 and, if it does not, which of the two is ahead. "
        "The spread over the folds and the larger mean do not decide.",
    )


# ---------------------------------------------------------------------- patients in one fold


@declare(
    "S2.8",
    "Patients kept together",
    points=2,
    repeated_rows=Number(),
    patient_fold=Array(),
)
def together(repeated_rows, patient_fold):
    """Expect folds of the breast cancer data that keep patients together and balance classes."""
    from coursekit.datasets import load_breast_cancer

    cancer = load_breast_cancer()
    ids = cancer["id"].astype(str)
    counted = ids.value_counts()
    beyond_first = int((counted - 1).sum())
    several = int((counted > 1).sum())
    right = int(counted[counted > 1].sum())
    expect(
        repeated_rows == right or repeated_rows not in (beyond_first, several),
        f"`repeated_rows` is {repeated_rows:g}: that counts "
        + ("the ids" if repeated_rows == several else "the rows beyond each id's first")
        + ". Count all rows of every id that occurs more than once.",
    )
    expect(
        repeated_rows == right,
        f"`repeated_rows` is {repeated_rows:g}. Count all rows of every id that occurs more than "
        "once.",
    )
    patient_fold = _fold_numbers(patient_fold, "patient_fold", len(cancer))
    split = [
        patient
        for patient, rows in ids.groupby(ids.to_numpy()).indices.items()
        if len(set(patient_fold[rows])) > 1
    ]
    expect(
        not split,
        f"{len(split)} patients have rows in more than one fold, so a network is tested on "
        "patients that it was trained on. Which splitter takes groups?",
    )
    sizes = np.bincount(patient_fold, minlength=FOLDS) / len(cancer)
    expect(
        sizes.min() > 0.15 and sizes.max() < 0.25,
        f"The folds hold {', '.join(f'{size:.0%}' for size in sizes)} of the rows; they should be "
        "of about equal size.",
    )
    malignant = (cancer["class"] == "malignant").to_numpy()
    shares = [malignant[patient_fold == fold].mean() for fold in range(FOLDS)]
    expect(
        np.ptp(shares) < MAX_SHARE_DIFFERENCE,
        f"Between {min(shares):.0%} and {max(shares):.0%} of the folds' rows are malignant: the "
        "patients are together, but the classes are left to chance.",
    )
