"""Checks of the exercises on the breast cancer data: 2-A to 2-D.

The numbers in the tasks, and the rows of the data, are those of the variant that was chosen; see
:mod:`coursekit.exercises.course_variants.breast_cancer`. What a check judges, it computes anew
from the tables, arrays and networks that it is given. So a check of 2-B to 2-D first compares the
arrays with the tables, and the number of training steps with the rows that a network was to be
trained on.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from coursekit.exercises import variants
from coursekit.exercises.checks import _answers, _training
from coursekit.exercises.checks._models import (
    accuracy,
    activations,
    cross_entropy,
    dense_layers,
    expect_accuracy,
    expect_learning,
    expect_loss,
    expect_shapes,
    expect_trained,
    layers,
    layers_of,
    loss_name,
    penalty,
    probabilities,
    widths,
)
from coursekit.exercises.declaring import Wrong, declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Table, Text

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from coursekit.exercises.course_variants.breast_cancer import BreastCancer

# What the tasks ask for in every variant: the share of the training rows that `validation_split`
# keeps out, and Keras's default batch size.
VALIDATION_SHARE, BATCH_SIZE = 0.2, 32
# Limits on the rows of the training set. Trained networks have an accuracy of 0.94 or more. Of 400
# networks with five relu units, one had 0.76, and none had a loss above 0.47. Guessing gives an
# accuracy of 0.66 and a loss of 0.69.
MIN_ACCURACY, MIN_ACCURACY_RELU, MAX_LOSS = 0.9, 0.7, 0.6
# A recorded loss agrees with the network: float32 sums differ in the sixth digit, and a table that
# was rounded to three digits is off by 0.0005.
ATOL, RTOL = 6e-4, 2e-3
# Losses, accuracies and probabilities may be rounded to two digits, and weights too.
TWO_DIGITS = 0.0051
# Ends of an interval may be rounded to three digits.
THREE_DIGITS = 6e-4
ROUNDING = 1e-6  # of accuracies, which may be float32
# Any of many epochs may be the one whose weights were restored, so that a history of another
# network might agree with one by chance. It may be off by no more than sums in float32 are.
FLOAT32 = 2e-5


# ------------------------------------------------------------------------------- the data


def _numbers() -> BreastCancer:
    """Return the numbers of the variant that was chosen."""
    return variants.numbers("breast-cancer")


def _cancer() -> pd.DataFrame:
    """Return the rows of the breast cancer data that belong to the variant."""
    return _rows_of_data(_numbers().rows)


@functools.cache
def _rows_of_data(rows: tuple[int, ...]) -> pd.DataFrame:
    from coursekit.datasets import load_breast_cancer

    return load_breast_cancer().iloc[list(rows)].reset_index(drop=True)


def _score_names() -> list[str]:
    """Return the names of the nine scores."""
    return [name for name in _cancer().columns if name not in ("id", "class")]


def _scores(table: pd.DataFrame) -> np.ndarray:
    """Return the scores of a table as floats, with NaN for gaps."""
    try:
        return table[_score_names()].astype("float64").to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise Wrong(
            "The scores in one of the tables are not numbers any more. Keep the columns of the "
            "data as they are; the arrays are made of them later."
        ) from None


def _row_counts(table: pd.DataFrame) -> Counter:
    """Count how often each distinct row occurs in a table."""
    scores = np.nan_to_num(_scores(table), nan=-1).tolist()
    names = zip(table["id"].astype(str), table["class"].astype(str), strict=True)
    return Counter((*name, *row) for name, row in zip(names, scores, strict=True))


def _is_malignant(table: pd.DataFrame) -> np.ndarray:
    return (table["class"].astype(str) == "malignant").to_numpy()


def _expect_all_columns(**tables: pd.DataFrame) -> None:
    """Expect tables that have all columns of the data."""
    for name, table in tables.items():
        lacking = [column for column in _cancer().columns if column not in table.columns]
        expect(
            not lacking,
            f"`{name}` lacks {', '.join(lacking)}. Keep all columns of the data in the two sets; "
            "the arrays for the network are made of them later.",
        )


def _expect_partition(train: pd.DataFrame, test: pd.DataFrame) -> None:
    """Expect each row of the data in exactly one of the two tables."""
    _expect_all_columns(train=train, test=test)
    cancer = _cancer()
    expect(
        len(train) + len(test) == len(cancer) and len(train) and len(test),
        f"`train` has {len(train)} rows and `test` {len(test)}, together {len(train) + len(test)}; "
        f"the table has {len(cancer)}. Each row belongs in exactly one of the two sets.",
    )
    lacking = (_row_counts(cancer) - _row_counts(train) - _row_counts(test)).total()
    expect(
        lacking == 0,
        f"{lacking} rows of the table are in neither `train` nor `test`; in their places are rows "
        "that were changed, or that are there twice. Each row belongs in exactly one of the two "
        "sets, with all its values as they were. The split is step 2 of Exercise 2-A.",
    )


def _expect_rows(name: str, table: pd.DataFrame) -> None:
    """Expect a table of rows of the data, each at most as often as there."""
    _expect_all_columns(**{name: table})
    expect(len(table), f"`{name}` has no rows.")
    strange = (_row_counts(table) - _row_counts(_cancer())).total()
    expect(
        strange == 0,
        f"{strange} of the {len(table)} rows of `{name}` are not rows of the table `cancer` of "
        "this notebook, or are there more often than in it. Make `train` and `test` as in step 2 "
        "of Exercise 2-A, and leave their values as they are.",
    )


def _features(name: str, x: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Return the features as floats; Wrong if their shape does not match the table."""
    expect(
        x.ndim == 2 and len(x) == len(table),
        f"`x_{name}` has shape {x.shape}, and `{name}` has {len(table)} rows. Each row stays, also "
        "one with a gap.",
    )
    expect(
        x.shape[1] == len(_score_names()),
        f"`x_{name}` has {x.shape[1]} columns. The features are the {len(_score_names())} scores: "
        "neither the id nor the class belongs among them.",
    )
    expect(x.dtype.kind != "U", f"`x_{name}` holds text; a network needs numbers.")
    return x.astype(float)


def _expect_finite(name: str, x: np.ndarray) -> None:
    """Expect features without missing or absurd values."""
    missing = int((~np.isfinite(x)).sum())
    expect(
        not missing,
        f"`x_{name}` has {missing} values that are missing or not finite. A single one makes the "
        "loss, and then every weight, `nan`. The task wants 0 in the gaps.",
    )
    largest = np.abs(x).max()
    expect(
        largest < 1e3,  # the largest score, 10, is about 5 standard deviations above the mean
        f"`x_{name}` holds {largest:.3g}, which no score becomes by scaling.",
    )


def _standardised(train: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """Scale the scores of a table with the mean and standard deviation of the training set."""
    raw = _scores(train)
    return (_scores(table) - np.nanmean(raw, axis=0)) / np.nanstd(raw, axis=0)


def _fit_lines(
    name: str, x: np.ndarray, expected: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit each column of x by a line in the expected one, over the known scores.

    Returns the slope, the intercept and the number of known scores of each column. Raises Wrong
    if a column is not the expected one on another scale.
    """
    slopes, intercepts, counts = [], [], []
    for column, score in enumerate(_score_names()):
        known = ~np.isnan(expected[:, column])
        ours, theirs = expected[known, column], x[known, column]
        centred = ours - ours.mean()
        slope = (centred * theirs).sum() / (centred**2).sum()
        intercept = theirs.mean() - slope * ours.mean()
        off = np.abs(theirs - intercept - slope * ours).max()
        alike = np.ptp(theirs) < 1e-6
        # 0.011: values that were rounded to two digits are off by up to 0.005, and the line too.
        expect(
            slope > 0.01 and off < max(0.011, 0.011 * slope),
            f"Column {column} of `x_{name}` is not {score} of `{name}` on another scale"
            + (": its values are all alike. " if alike else ". ")
            + f"Are its rows and columns in the order of `{name}`?",
        )
        slopes.append(slope)
        intercepts.append(intercept)
        counts.append(known.sum())
    return np.array(slopes), np.array(intercepts), np.array(counts)


def _expect_input(name: str, x: np.ndarray, table: pd.DataFrame, train: pd.DataFrame) -> np.ndarray:
    """Expect the scaled scores of a table, for the checks that come after Exercise 2-A.

    A slip in the scaling, such as one over all rows, is judged there and passes here.
    """
    x = _features(name, x, table)
    _expect_finite(name, x)
    slopes, intercepts, _ = _fit_lines(name, x, _standardised(train, table))
    # Scaling over all rows, or filling first, moves means by up to 0.1 and slopes by up to 6 %.
    expect(
        np.abs(slopes - 1).max() < 0.08 and np.abs(intercepts).max() < 0.15,
        f"`x_{name}` is not on the scale that the networks are to be trained on: mean 0 and "
        "standard deviation 1 in each column of the training set. Go back to step 5 of Exercise "
        "2-A, and run the cells below it again.",
    )
    return x


def _expect_labels(name: str, y: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Expect the one-hot classes of a table; return 1 for malignant and 0 for benign."""
    malignant = _is_malignant(table)
    expect(
        y.dtype.kind in "biuf"
        and y.shape == (len(table), 2)
        and np.array_equal(y.astype(float), np.c_[~malignant, malignant]),
        f"`y_{name}` does not hold the classes of `{name}` as two columns, first benign, then "
        "malignant. Go back to step 4 of Exercise 2-A, and run the cells below it again.",
    )
    return malignant.astype(float)


def _training_set(
    train: pd.DataFrame, x_train: np.ndarray, y_train: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return features, and 1 for malignant, of a training set that agrees with its table."""
    _expect_rows("train", train)
    x = _expect_input("train", x_train, train, train)
    return x, _expect_labels("train", y_train, train)


def _test_set(
    train: pd.DataFrame, test: pd.DataFrame, x_test: np.ndarray, y_test: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return features, and 1 for malignant, of a test set that agrees with its table."""
    _expect_partition(train, test)
    x = _expect_input("test", x_test, test, train)
    if y_test is not None:
        _expect_labels("test", y_test, test)
    return x, _is_malignant(test).astype(float)


def _rows_to_fit(n_train: int) -> int:
    """Return how many training rows `validation_split` leaves, computed as Keras does."""
    return math.floor(n_train * (1 - VALIDATION_SHARE))


# ------------------------------------------------------------------- 2-A: prepare the data


@declare(
    "2-A.1",
    "What is in the table",
    points=1,
    level="basic",
    hints=(
        "Which columns describe the cells of a sample? The section “Missing values” of the chapter "
        "Preparing tabular data looks at the same table.",
        "Leave out the columns that name the sample and its diagnosis, and keep the names of the "
        "others in a list. Three of the four numbers are counts over rows or over these columns.",
        "For the gaps, `isna` gives a table of truth values. Sum it twice: over the rows of each "
        "column, then over the columns. For the class, sum a comparison.",
    ),
    n_rows=Number(),
    n_features=Number(),
    n_gaps=Number(),
    n_malignant=Number(),
)
def inventory(n_rows, n_features, n_gaps, n_malignant):
    """Expect the counts of the table."""
    cancer = _cancer()
    expect(
        n_rows == len(cancer),
        f"`n_rows` is {n_rows:g}. One row is one sample, with or without gaps; how many does the "
        "shape of the table say?",
    )
    expect(
        n_features == len(_score_names()),
        f"`n_features` is {n_features:g}. A feature describes the cells: look at each column and "
        "ask whether it says something about them, or which sample it is, or what is to be "
        "predicted.",
    )
    expect(
        n_gaps == cancer[_score_names()].isna().sum().sum(),
        f"`n_gaps` is {n_gaps:g}. Count the missing values, over all of the scores; neither the "
        "columns nor the rows that have some.",
    )
    expect(
        n_malignant == (cancer["class"] == "malignant").sum(),
        f"`n_malignant` is {n_malignant:g}. Count the rows of each class.",
    )


@declare(
    "2-A.2",
    "Split, with each class in its share",
    points=2,
    level="basic",
    hints=(
        "The section “Which rows are for testing?” of Preparing tabular data shows why a plain "
        "random split will not do.",
        "Decide first: a split of rows that draws from each class, or a split of ids. The package "
        "coursekit.preprocessing has a function for each; scikit-learn has them too.",
        "`split_stratified` takes the table, the name of the class column, the share of the test "
        "set and a seed, and returns the two tables in the order that you need.",
    ),
    train=Table(),
    test=Table(),
)
def split(train, test):
    """Expect each row in one of the two sets, in the share asked for and stratified by class."""
    _expect_partition(train, test)
    share, asked = len(test) / len(_cancer()), _numbers().test_share
    by_id = not set(train["id"].astype(str)) & set(test["id"].astype(str))
    # A split of rows meets the share to half a row. A split of ids meets neither it nor the shares
    # of the classes exactly, because the rows of an id stay together.
    expect(
        abs(share - asked) < (0.04 if by_id else 0.005),
        f"`test` has {len(test)} rows, {share:.1%} of the table; the task asks for {asked:.0%} "
        "(`numbers.test_share`). A larger test set takes rows from the training, and a smaller one "
        "says less about the network.",
    )
    malignant = {"train": _is_malignant(train).mean(), "test": _is_malignant(test).mean()}
    expect(
        abs(malignant["train"] - malignant["test"]) < (0.15 if by_id else 0.012),
        f"{malignant['train']:.1%} of `train` are malignant, but {malignant['test']:.1%} of "
        "`test`: the split left the classes to chance. Draw from each class separately.",
    )
    last = _is_malignant(train)[_rows_to_fit(len(train)) :].mean()
    expect(
        # Its standard deviation is 0.045, where the order is random.
        abs(last - malignant["train"]) < 0.2,
        f"Of the last fifth of `train`, {last:.1%} are malignant, and of all its rows "
        f"{malignant['train']:.1%}. `fit` takes the last rows for validation, so leave the rows in "
        "random order, or shuffle them.",
    )


@declare(
    "2-A.3",
    "The same id on both sides",
    points=1,
    level="basic",
    hints=(
        "Two rows with one id may come from one patient. The section “When rows belong together” "
        "of Preparing tabular data looks for such rows.",
        "Take the ids of each table without repetitions, and keep those that are in both.",
        "With `set`, and the operator for what two sets have in common, it is one line; "
        "`np.intersect1d` does the same. Make a list of the result with `sorted`.",
    ),
    train=Table(),
    test=Table(),
    shared_ids=Array(),
)
def shared(train, test, shared_ids):
    """Expect the ids that occur in both the training and the test set, each once."""
    _expect_partition(train, test)
    expect(
        shared_ids.ndim == 1,
        f"`shared_ids` has shape {shared_ids.shape}; a list of ids is asked for, not their number.",
    )
    if shared_ids.dtype.kind != "U":  # ids that were converted to numbers
        numeric = shared_ids.astype(float)
        expect(np.isfinite(numeric).all(), "`shared_ids` has values that are no ids.")
        given = [f"{number:.0f}" for number in numeric]
    else:
        given = [identifier.strip() for identifier in shared_ids.tolist()]
    repeated = len(given) - len(set(given))
    expect(
        repeated == 0,
        f"`shared_ids` has {len(given)} entries, and {repeated} of them repeat another one: those "
        "are rows. Count an id once, however many rows it has.",
    )
    both = set(train["id"].astype(str)) & set(test["id"].astype(str))
    lacking, strange = len(both - set(given)), len(set(given) - both)
    expect(
        not lacking and not strange,
        f"`shared_ids` lacks {lacking} of the ids that have rows in both of your tables, and names "
        f"{strange} that have not. An id counts only if it is in `train` and in `test`.",
    )


@declare(
    "2-A.4",
    "One-hot classes",
    points=1,
    level="basic",
    hints=(
        "The section “Classes as columns” of Preparing tabular data makes such columns, and says "
        "why none is dropped.",
        "The column `class` is categorical, and its categories already have the order that the "
        "task asks for. What makes the columns has to keep that order in both tables.",
        "`preprocessing.one_hot` takes the column of one table; `to_numpy` makes an array of what "
        "it returns. Do it for both tables.",
    ),
    train=Table(),
    test=Table(),
    y_train=Array(),
    y_test=Array(),
)
def classes(train, test, y_train, y_test):
    """Expect one-hot labels that match the classes of the tables, row by row."""
    _expect_partition(train, test)
    for name, table, y in (("train", train, y_train), ("test", test, y_test)):
        malignant = _is_malignant(table)
        expect(
            y.dtype.kind in "biuf",
            f"`y_{name}` holds text, for example {y.ravel()[:1]}. A network needs numbers: one "
            "column for each class.",
        )
        expect(
            y.shape == (len(table), 2),
            f"`y_{name}` has shape {y.shape}. It takes one row for each row of `{name}`, and one "
            "column for each class; no class is left out.",
        )
        y = y.astype(float)
        expect(
            np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all(),
            f"The rows of `y_{name}` are not one-hot: each needs a single 1, in the column of its "
            "class, and 0 elsewhere.",
        )
        right = (y[:, 1] == malignant).mean()
        expect(
            right > 0,
            f"`y_{name}` has its 1 in column 0 where the class is malignant. The exercise wants "
            "benign first: the order of the columns decides what each output node means.",
        )
        expect(
            right == 1,
            f"In {1 - right:.0%} of the rows of `y_{name}` the 1 is not in the column of the row's "
            f"class. Are the rows in the order of `{name}`?",
        )


@declare(
    "2-A.5",
    "Scaled by the training set",
    points=2,
    level="standard",
    hints=(
        "Which rows may a mean be learned from? The sections “Centre and scale” and “What may the "
        "test set tell us?” of Preparing tabular data answer this.",
        "Fit one scaler on the nine scores of `train`, gaps included: scikit-learn's scaler and "
        "pandas both leave missing values out of a mean. Then apply this scaler to both tables.",
        "`preprocessing.feature_pipeline` declares the scaling and the filling together. Call "
        "`fit` once, on the scores of `train`, and `transform` twice.",
    ),
    train=Table(),
    test=Table(),
    x_train=Array(),
    x_test=Array(),
)
def scaled(train, test, x_train, x_test):
    """Expect known scores scaled with the mean and standard deviation of the training set."""
    _expect_partition(train, test)
    x = {"train": _features("train", x_train, train), "test": _features("test", x_test, test)}
    for name, values in x.items():
        _expect_finite(name, values)
    _expect_scaled(train, test, x)


def _expect_scaled(train: pd.DataFrame, test: pd.DataFrame, x: Mapping[str, np.ndarray]) -> None:
    """Expect known scores on the scale of the known scores of the training set."""
    raw = _scores(train)
    known = ~np.isnan(raw)
    values = x["train"][known]
    expect(
        not np.allclose(values, raw[known]),
        f"`x_train` still runs from {values.min():g} to {values.max():g}: these are the scores as "
        "they were, before scaling.",
    )
    expect(
        values.min() < -0.2 or values.max() > 1.2 or np.ptp(values) < 0.5,
        f"`x_train` runs from {values.min():g} to {values.max():g}: each column was scaled to a "
        "range. The exercise wants mean 0 and standard deviation 1.",
    )
    slopes, means, counts = _fit_lines("train", x["train"], _standardised(train, train))
    # The deviation may divide by n or by n - 1. Rounding to three digits moves mean and slope by
    # less than 0.0005. Three filled gaps of 500 values make the slope 0.003 larger.
    by_n = np.minimum(np.abs(slopes - 1), np.abs(slopes - np.sqrt(1 - 1 / counts)))
    off = np.flatnonzero((np.abs(means) > 0.001) | (by_n > 0.001))
    gappy = np.flatnonzero(~known.all(axis=0))
    expect(
        not len(off) or set(off) - set(gappy),
        f"`x_train` is scaled well but for {_score_names()[off[0] if len(off) else 0]}, the column "
        "with the gaps: something was filled in before its mean and standard deviation were taken, "
        "and they are to be those of the known scores.",
    )
    expect(
        not len(off),
        f"The known scores in `x_train` have means up to {np.abs(means).max():.3f} and standard "
        f"deviations from {slopes.min():.3f} to {slopes.max():.3f}. On the rows that a scaler was "
        "fitted on, they are 0 and 1: on which rows was this one fitted, and by what does it "
        "divide?",
    )

    expected = _standardised(train, test)
    own = [x["test"][~np.isnan(expected[:, n]), n].mean() for n in range(len(slopes))]
    expect(
        np.abs(own).max() > 0.002,
        "`x_test` has mean 0 in every column: it was scaled with its own mean, so the same sample "
        "would get other numbers here than in `x_train`. Fit the scaler on the training set only, "
        "then apply it to both.",
    )
    wrong = np.nanmax(np.abs(x["test"] - means - slopes * expected))
    expect(
        wrong < 0.011,  # values that were rounded to two digits
        f"`x_test` is not on the scale of `x_train`: the same score differs by up to {wrong:.2f} "
        "between the two. The same scaler, fitted on `train`, has to transform both, and the rows "
        "stay in the order of `test`.",
    )


@declare(
    "2-A.6",
    "Nothing missing, and 0 in the gaps",
    points=2,
    level="standard",
    hints=(
        "What does a 0 stand for before the scaling, and what after it? See the section “Zero "
        "after scaling is the mean” of Preparing tabular data.",
        "Scale first, with the gaps still in the columns. Then fill them, and then make arrays of "
        "the type that Keras computes in.",
        "`feature_pipeline` has an option `missing`. By hand: `np.nan_to_num` after the scaling, "
        "then `astype`.",
    ),
    train=Table(),
    test=Table(),
    x_train=Array(),
    x_test=Array(),
)
def filled(train, test, x_train, x_test):
    """Expect 0, the mean after scaling, in every gap, and well-scaled scores in float32."""
    _expect_partition(train, test)
    x = {}
    for name, table, given in (("train", train, x_train), ("test", test, x_test)):
        gaps = np.isnan(_scores(table))
        x[name] = _features(name, given, table)
        _expect_finite(name, x[name])
        if gaps.any():
            farthest = max(x[name][gaps], key=abs)
            expect(
                abs(farthest) < 1e-3,  # float32, or rounded to three digits
                f"Where the table has gaps, `x_{name}` holds values such as {farthest:.2f}; the "
                "exercise wants 0 there. Does the filling come before or after the scaling?",
            )
    try:
        _expect_scaled(train, test, x)
    except Wrong as verdict:
        raise Wrong(f"0 fits a gap only where it stands for the mean. {verdict}") from None
    for name, given in (("train", x_train), ("test", x_test)):
        expect(
            given.dtype == np.float32,
            f"`x_{name}` holds {given.dtype}; the task asks for float32, the type that Keras "
            "computes in. It takes half the memory of float64, and nothing is converted later.",
        )


@declare(
    "2-A.7",
    "What leaks nothing",
    points=1,
    level="standard",
    hints=(
        "Ask of each step: would a row come out differently if the other rows were others? See the "
        "section “What may the test set tell us?” of Preparing tabular data.",
        "Go through the steps one by one: one-hot columns, scaling, filling. Which of them uses a "
        "number that was computed from several rows?",
        "A step that uses a mean or a standard deviation has learned from all rows that went into "
        "it. A step that needs no such number treats each row by itself.",
    ),
    leaks_nothing=Text(),
)
def harmless(leaks_nothing):
    """Expect the choice of steps that learn nothing from the rows."""
    reasons = {
        "a": "It is the safe answer, but too careful. The classes are known beforehand, and what a "
        "row's one-hot columns become does not depend on any other row. Which of the steps "
        "computes something from many rows?",
        "c": "In the chapter, scaling on all rows changed the accuracy by too little to be found. "
        "But a leak that is small is one: a mean over the whole table has the test rows in it. See "
        "“What may the test set tell us?”",
        "d": "Neither the scaling nor the filling looks at the labels, so they seem harmless. But "
        "a mean over the whole table has the test rows in it. See “What may the test set tell "
        "us?”",
    }
    _expect_choice("leaks_nothing", leaks_nothing, "b", reasons)


def _expect_choice(name: str, answer: str, right: str, reasons: dict[str, str]) -> None:
    """Expect the letter ``right``; ``reasons`` gives a hint for each wrong letter."""
    answer = _answers.choice(name, answer, "".join(sorted({right, *reasons})))
    expect(answer == right, f"`{name}` is {answer!r}. {reasons.get(answer, '')}")


# ------------------------------------------------------------------- networks and their training


def _p_malignant(model: keras.Model, x: np.ndarray, name: str) -> np.ndarray:
    """Return P(malignant) for these rows from a network with one or two outputs."""
    p = probabilities(model, x, name)
    expect(
        p.ndim == 2 and p.shape[1] in (1, 2),
        f"`{name}` puts out the shape {p.shape[1:]} for one row. One question, two classes: how "
        "many output nodes can that be?",
    )
    return p[:, -1]


def _loss_function(model: keras.Model) -> Any:
    """Return the loss of a compiled model as a function or a loss object of Keras."""
    import keras

    loss = model.loss
    if isinstance(loss, dict):
        loss = list(loss.values())
    if isinstance(loss, (list, tuple)):
        loss = loss[0]
    return keras.losses.get(loss)


def _losses_now(model: keras.Model, x: np.ndarray, y: np.ndarray, name: str) -> np.ndarray:
    """Return the loss of a network as Keras may compute it, with the penalty of its weights.

    Keras takes the loss from what goes into a sigmoid or softmax, where it can, and from clipped
    probabilities otherwise. The two differ for rows that a network gets very wrong.
    """
    p = probabilities(model, x, name)
    if p.shape[1] == 1:
        labels = y[:, None]
    else:
        labels = y if loss_name(model).startswith("sparse") else np.eye(2)[y.astype(int)]
    loss, labels = _loss_function(model), np.asarray(labels, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # learners see only the message of the check
        outputs = model(np.asarray(x, np.float32), training=False)
        found = [
            float(np.mean(np.asarray(loss(labels, of_model))))
            for of_model in (outputs, p.astype(np.float32))
        ]
    return np.array(found) + penalty(model)


def _expect_compiled(model: keras.Model, name: str, *losses: str) -> None:
    """Expect a loss of these for probabilities, and the metric accuracy."""
    expect_loss(model, *losses, name=name)
    settings = getattr(_loss_function(model), "get_config", dict)()
    expect(
        not settings.get("from_logits"),
        f"The loss of `{name}` is set to expect logits (`from_logits`), the sums before the "
        "activation. The output layer has an activation, so it gives probabilities.",
    )
    names = _training.OF_TWO_CLASSES
    if loss_name(model).startswith("sparse"):
        names = _training.OF_CLASS_NUMBERS
    # The class with the larger of one number is always the first.
    without = _training.OF_ONE_HOT if widths(model)[-1:] == [1] else ()
    expect(
        _training.measures_accuracy(model, *names, without=without),
        f"`{name}` is compiled without the metric accuracy that the task asks for, so `fit` and "
        "`evaluate` report the loss alone.",
    )


def _expect_steps(model: keras.Model, name: str, n_train: int, epochs: int) -> None:
    """Expect the number of training steps that these epochs on the right rows take.

    Without its last, smaller batch, an epoch takes as many steps as with too many validation rows.
    """
    done, rows = _training.steps_taken(model, name), _rows_to_fit(n_train)
    expect(
        done == _training.steps_of(epochs, rows, BATCH_SIZE),
        f"`{name}` was trained for {done} steps. With {epochs} epochs, batches of {BATCH_SIZE} and "
        f"the {rows} training rows that are not kept for validation it is "
        f"{_training.steps_of(1, rows, BATCH_SIZE)} steps per epoch. "
        f"{_likely_cause(done, epochs, n_train)}",
    )


def _likely_cause(done: int, epochs: int, n_train: int) -> str:
    """Say what would lead to this number of steps."""
    rows, n = _rows_to_fit(n_train), len(_cancer())
    per_epoch = math.ceil(rows / BATCH_SIZE)
    fitting = []
    if done % (epochs * per_epoch) == 0:
        times = done // (epochs * per_epoch)
        fitting.append(
            f"running the cell with `fit` {times} times (it goes on from the weights that it finds)"
        )
    elif done % per_epoch == 0:
        fitting.append(f"{done // per_epoch} epochs")
    others = {
        "all rows of `x_train`, the validation rows too": n_train,
        "all rows of the table, test rows too": n,
        "training and test rows together": _rows_to_fit(n),
        "the test rows alone": n - n_train,
        "most of the test rows": _rows_to_fit(n - n_train),
    }
    in_batches = {f"batches of {size}": rows / size for size in (1, 8, 16, 64, 128, 256, 512)}
    in_batches |= {what: count / BATCH_SIZE for what, count in others.items()}
    fitting += [what for what, steps in in_batches.items() if done == epochs * math.ceil(steps)]
    if fitting:
        return f"The number fits {', or '.join(fitting)}."
    return "Which rows, which batch size and how many epochs was it trained with?"


def _expect_learned(
    model: keras.Model, name: str, x: np.ndarray, y: np.ndarray, least: float = MIN_ACCURACY
) -> None:
    """Expect a network that separates malignant from benign in the training set."""
    expect_trained(model, name)
    p = _p_malignant(model, x, name)
    found = accuracy(p, y)
    expect(
        found > 1 - MIN_ACCURACY,
        f"`{name}` is right on only {found:.1%} of the rows of `train`, so it calls benign what is "
        "malignant. What does a label of 1 stand for in the labels that it was given?",
    )
    expect_accuracy(p, y, least, name=name, rows="the rows of `train`")
    loss = cross_entropy(p, y)
    expect(
        loss < MAX_LOSS,
        f"`{name}` has a loss of {loss:.2f} on the rows of `train`; one that gives every row the "
        "probability 1/2 has 0.69. Was it trained for as long as the exercise says?",
    )


def _expect_curves(
    history: dict[str, list[float]],
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    name: str,
    model_name: str,
    restored: bool = False,
    gap: float,
) -> None:
    """Expect a history of this network on these rows, of which the last are for validation.

    Its last epoch has to agree with the network as it is; with ``restored``, the best epoch may,
    because its weights may have been restored. ``gap`` is how far the training loss, which
    is a mean over an epoch, may be from that of the network after it.
    """
    keys = {
        "loss": "loss",
        "val_loss": "val_loss",
        "accuracy": next((key for key in history if key[:4] != "val_" and "acc" in key), None),
        "val_accuracy": next((key for key in history if key[:4] == "val_" and "acc" in key), None),
    }
    for metric, key in keys.items():
        expect(
            key in history,
            f"`{name}` records {', '.join(history)}, but no {metric}. "
            + (
                "Were validation rows given to `fit`?"
                if metric.startswith("val") and "val_loss" not in history
                else "Hand in all that `fit` returns; the accuracy is a metric of `compile`."
            ),
        )
        values = np.array(history[key])
        is_share = "acc" in metric
        most = 1 + ROUNDING if is_share else 1e3
        least = values >= 0 if is_share else values > 0
        expect(
            np.isfinite(values).all() and least.all() and (values <= most).all(),
            f"The {metric} in `{name}` runs from {values.min():.3g} to {values.max():.3g}, or is "
            "not finite in every epoch. A cross-entropy is above 0; an accuracy is a share, from 0 "
            "to 1. "
            "Was something missing in the rows, or were the steps too large?",
        )
    curves = {metric: np.array(history[key]) for metric, key in keys.items()}
    expect_learning(history, name)
    cut = _rows_to_fit(len(x))
    fitted, validated = (x[:cut], y[:cut]), (x[cut:], y[cut:])
    now = _losses_now(model, *validated, model_name)
    off = np.abs(curves["val_loss"][:, None] - now).min(axis=1)
    epochs = np.arange(len(off))
    near = (epochs == epochs[-1]) & (off <= ATOL + RTOL * np.abs(now).min())
    if restored:  # the best epoch by the loss, but for a `min_delta`, or by the accuracy
        best = curves["val_loss"] <= curves["val_loss"].min() + 0.02
        best |= curves["val_accuracy"] >= curves["val_accuracy"].max()
        near |= best & (off <= FLOAT32)
    share = accuracy(probabilities(model, validated[0], model_name), validated[1])
    # One row may be on the other side of 0.5 in another order of the sums; or two digits.
    near &= np.abs(curves["val_accuracy"] - share) <= max(1.5 / len(validated[1]), TWO_DIGITS)
    expect(
        near.any(),
        f"By `{name}`, the validation loss ended at {curves['val_loss'][-1]:.4f}; on the last "
        f"fifth of `x_train`, `{model_name}` as it is has {now[0]:.4f}. So the two do not belong "
        "together: was the network built or trained again, or were the validation rows or their "
        "labels others?",
    )
    epoch = np.flatnonzero(near)[-1]
    loss = _losses_now(model, *fitted, model_name)[0]
    share = accuracy(probabilities(model, fitted[0], model_name), fitted[1])
    expect(
        abs(curves["loss"][epoch] - loss) < gap and abs(curves["accuracy"][epoch] - share) < gap,
        f"By `{name}`, the training loss ended at {curves['loss'][epoch]:.3f} and the accuracy at "
        f"{curves['accuracy'][epoch]:.3f}; on the rows that it was fitted to, `{model_name}` has a "
        f"loss of {loss:.3f} and an accuracy of {share:.3f}. Were these other rows, or other "
        "labels?",
    )


# -------------------------------------------------------------- 2-B: build, compile and fit


def _expect_first_network(model: keras.Model, n_train: int) -> None:
    """Expect the network of 2-B.1, as the training of 2-B.2 left it."""
    units, epochs = _numbers().units, _numbers().epochs
    expect_shapes(model, (len(_score_names()),), 1)
    expect(
        widths(model)[:-1] == [units],
        f"`model` has hidden layers of {widths(model)[:-1]} units; this is about the first "
        f"network, which has one hidden layer of {units} (`numbers.units`).",
    )
    _expect_steps(model, "model", n_train, epochs)
    expect_loss(model, "binary_crossentropy")


@declare(
    "2-B.1",
    "A small network with a sigmoid",
    points=2,
    level="basic",
    hints=(
        "The last section of Build, compile, fit, “A yes-or-no answer: one unit”, has such a "
        "network.",
        "Three parts in one list: an input of nine numbers, the hidden layer, the output layer. A "
        "dense layer has no activation unless you name one. Then compile.",
        "`keras.Sequential` takes a list of `keras.Input` and two `keras.layers.Dense`, of which "
        "the second gets an activation. `compile` takes a loss, an optimiser and a list of "
        "metrics.",
    ),
    model=Model(),
)
def network(model):
    """Expect 9 inputs, one hidden layer without activation, one sigmoid output, and the loss."""
    units = _numbers().units
    expect_shapes(model, (len(_score_names()),), 1)
    found = widths(model)
    expect(
        len(found) == 2 and found[0] == units,
        f"`model` has dense layers of {found} units; the task asks for one hidden layer of {units} "
        "(`numbers.units`) and an output layer of 1. Did a cell that adds layers run twice?",
    )
    hidden, output = activations(model)
    expect(
        hidden == "linear",
        f"The hidden layer of `model` has the activation {hidden}; the task asks for none. What "
        "relu changes is seen in step 3.",
    )
    expect(
        output == "sigmoid",
        f"The output of `model` has the activation {output}. Which one makes a single number a "
        "probability?",
    )
    expect(
        model.count_params() == (len(_score_names()) + 1) * units + units + 1,
        f"`model` has {model.count_params()} parameters, which is not what two dense layers with "
        "their biases come to. Has it further layers, or a layer without a bias?",
    )
    kernels = [np.asarray(layer.kernel) for layer in dense_layers(model)]
    expect(
        all(np.isfinite(kernel).all() and kernel.any() for kernel in kernels),
        "`model` has a layer whose weights are all 0, or not finite. Keras starts with small "
        "random numbers, because units that start alike stay alike; build the network again.",
    )
    _expect_compiled(model, "model", "binary_crossentropy")


@declare(
    "2-B.2",
    "Fitted",
    points=2,
    level="basic",
    hints=(
        "The section “Fit” of Build, compile, fit shows the call, and what it returns.",
        "One output unit takes one column of labels, so `y_train` as it is does not fit. The rows "
        "for validation are named by their share, in the same call.",
        "`fit` takes the inputs, the column of the labels, `epochs` and `validation_split`. If you "
        "have run it before, run the cell that builds `model` first.",
    ),
    model=Model(),
    history=History(),
    train=Table(),
    x_train=Array(),
    y_train=Array(),
)
def fitted(model, history, train, x_train, y_train):
    """Expect a history of this model on its validation set, and a trained model."""
    x, y = _training_set(train, x_train, y_train)
    epochs = _numbers().epochs
    found = len(next(iter(history.values())))
    expect(
        found == epochs,
        f"`history` has {found} epochs; the task asks for {epochs} (`numbers.epochs`). If `fit` "
        "ran more than once, build the network anew first: `fit` goes on from the weights that it "
        "finds.",
    )
    _expect_first_network(model, len(train))
    _expect_compiled(model, "model", "binary_crossentropy")
    # The training loss is the mean over an epoch, in which it falls by 0.02 or less at the end.
    _expect_curves(history, model, x, y, name="history", model_name="model", gap=0.1)
    _expect_learned(model, "model", x, y)


@declare(
    "2-B.3",
    "Three variations",
    points=2,
    level="standard",
    hints=(
        "Each network differs from the first in one thing; everything else, the training too, is "
        "the same. The section “What is an activation for?” of Controlling the model says what to "
        "expect.",
        "Copy what you wrote for `model` into `fitted`. In it, add a hidden layer for each number "
        "in `units`. For the deep network, `units` is the same number several times.",
        "`models.breast_cancer_network` takes `units`, one number for each hidden layer, and "
        "`activation`. Compile and fit what it returns as you did with `model`.",
    ),
    model=Model(),
    model_relu=Model(),
    model_wide=Model(),
    model_deep=Model(),
    train=Table(),
    x_train=Array(),
    y_train=Array(),
)
def variations(model, model_relu, model_wide, model_deep, train, x_train, y_train):
    """Expect one difference from the first network in each variation, and the same training."""
    x, y = _training_set(train, x_train, y_train)
    numbers = _numbers()
    _expect_first_network(model, len(train))
    _expect_learned(model, "model", x, y)
    asked = {
        "model_relu": ([numbers.units], "relu"),
        "model_wide": ([numbers.units_wide], "linear"),
        "model_deep": ([numbers.units] * numbers.layers_deep, "linear"),
    }
    models = {"model_relu": model_relu, "model_wide": model_wide, "model_deep": model_deep}
    for name, other in models.items():
        units, activation = asked[name]
        expect_shapes(other, (len(_score_names()),), 1, name)
        hidden, found = widths(other)[:-1], activations(other)
        expect(
            hidden == units and found[:-1] == [activation] * len(units),
            f"`{name}` has hidden layers of {hidden} units with the activations "
            f"{', '.join(found[:-1]) or 'of no layer'}; the task asks for {units} units, "
            + ("with relu." if activation == "relu" else "without an activation (linear).")
            + " With two changes at once, you could not say which of them made a difference.",
        )
        expect(
            found[-1] == "sigmoid",
            f"The output of `{name}` has the activation {found[-1]}; it should be that of `model`, "
            "a sigmoid.",
        )
        _expect_compiled(other, name, "binary_crossentropy")
        _expect_same_training({"model": model, name: other})
        _expect_steps(other, name, len(train), numbers.epochs)
        least = MIN_ACCURACY_RELU if name == "model_relu" else MIN_ACCURACY
        _expect_learned(other, name, x, y, least)


def _expect_same_training(models: Mapping[str, keras.Model], *, but: str = "") -> None:
    """Expect the same optimiser, settings, loss and further layers in all of these networks.

    ``but`` is the kind of layer in which they may differ.
    """
    (first, model), *others = models.items()
    for name, other in others:
        kinds = _answers.optimizer_kind(model), _answers.optimizer_kind(other)
        expect(
            kinds[0] == kinds[1],
            f"`{first}` was trained by {kinds[0]} and `{name}` by {kinds[1]}. If the optimiser "
            "changes too, a difference may come from it.",
        )
        rates = _answers.learning_rate(model), _answers.learning_rate(other)
        expect(
            None in rates or math.isclose(*rates, rel_tol=1e-3),  # float32
            f"`{first}` has the learning rate {rates[0]:g} and `{name}` {rates[1]:g}, "
            "as far as their optimisers say. If the rate changes too, a difference may come from "
            "it."
            if None not in rates
            else "",
        )
        losses = loss_name(model), loss_name(other)
        expect(
            losses[0] == losses[1],
            f"`{first}` was compiled with the loss {losses[0]} and `{name}` with {losses[1]}. "
            "Losses of two kinds cannot be compared.",
        )
        settings = [one.optimizer.get_config() for one in (model, other)]
        different = [
            key
            for key in settings[0].keys() | settings[1].keys()
            if key not in ("name", "learning_rate") and settings[0].get(key) != settings[1].get(key)
        ]
        expect(
            not different,
            f"The optimisers of `{first}` and `{name}` have another "
            f"{', '.join(sorted(different))}. If the optimiser changes too, a difference may come "
            "from it.",
        )
        for one, its, than in ((name, other, model), (first, model, other)):
            more = _regularisation(its) - _regularisation(than) - {but}
            expect(
                not more,
                f"`{one}` has {', '.join(sorted(more))}, and the network it is compared with has "
                "not. If that changes too, a difference may come from it.",
            )


def _regularisation(model: keras.Model) -> set[str]:
    """Return what a network has beside its dense layers and their activations."""
    shapes = {"Dense", "Activation", "ReLU", "Softmax", "Reshape", "Flatten"}
    found = {type(layer).__name__ for layer in layers(model)} - shapes
    return found | ({"a penalty on the weights"} if penalty(model) > 0 else set())


@declare(
    "2-B.4",
    "What linear hidden units amount to",
    points=2,
    level="challenge",
    hints=(
        "The section “What is an activation for?” of Controlling the model replaces two layers "
        "without an activation by one.",
        "Write down what one hidden unit computes from the nine inputs. Put this, for every hidden "
        "unit, into what the output unit adds up, and sort the result: what multiplies each input, "
        "and what is left if all inputs are 0?",
        "`get_weights` of a layer gives its matrix and its biases. The slopes are a product of two "
        "matrices. For the intercept, send the hidden biases through the second matrix, and "
        "remember that the output unit has a bias too.",
    ),
    model=Model(),
    slopes=Array(),
    intercept=Number(),
    train=Table(),
)
def collapsed(model, slopes, intercept, train):
    """Expect nine slopes and an intercept that give the network's log-odds."""
    _expect_rows("train", train)
    expect(
        slopes.ndim <= 2 and slopes.size == len(_score_names()) and slopes.dtype.kind in "biuf",
        f"`slopes` has the shape {slopes.shape}; one number for each of the nine scores is asked "
        "for.",
    )
    _expect_first_network(model, len(train))
    expect(
        activations(model)[:-1] == ["linear"],
        "`model` has an activation between its layers, so it is not one weighted sum any more. "
        "The question is about the first network, without relu.",
    )
    expect_trained(model)
    hidden, output = (
        (np.asarray(layer.kernel, float), np.asarray(layer.bias, float))
        for layer in dense_layers(model)
    )
    right = (hidden[0] @ output[0])[:, 0], float((hidden[1] @ output[0] + output[1])[0])
    slopes = slopes.astype(float).reshape(-1)
    wrong = int((~(np.abs(slopes - right[0]) < TWO_DIGITS)).sum())
    expect(
        wrong == 0,
        f"{wrong} of the nine `slopes` are not what the output unit adds up for one score. A score "
        "reaches it through every hidden unit: by the weight into that unit, times the weight from "
        "there to the output.",
    )
    expect(
        abs(intercept - right[1]) < TWO_DIGITS,
        f"The `slopes` are right. The `intercept` is {intercept:.3f}, which is not what goes into "
        "the sigmoid if all nine scores are 0. Which numbers does each layer add to its sums, and "
        "what happens on the way to the output to those of the hidden layer?",
    )


@declare(
    "2-B.5",
    "Which rows decide",
    points=1,
    level="basic",
    hints=(
        "What was each set of rows used for so far? See “The test set as validation set?” in "
        "Build, compile, fit.",
        "For each answer, ask what the loss on these rows would say of the network that you "
        "choose: is it likely to be lower than on new rows?",
        "Rows that a network was fitted to are out. Rows that are to judge the chosen network at "
        "the end are out as well.",
    ),
    compare_by=Text(),
)
def comparing(compare_by):
    """Expect the choice of the validation set."""
    reasons = {
        "a": "There are most of these rows, so the loss looks most precise. But the networks were "
        "fitted to them: the loss on them tends to be lowest for the network with most units, "
        "whether or not it is best on new rows.",
        "c": "No network has seen these rows, so they look fair. But rows that helped to choose a "
        "network cannot say afterwards how good it is. See “The test set as validation set?” in "
        "Build, compile, fit.",
        "d": "More rows make a loss more precise, but most of these are rows that the networks "
        "were fitted to, and precision does not help against that.",
    }
    _expect_choice("compare_by", compare_by, "b", reasons)


# ------------------------------------------------------------- 2-C: evaluate and predict


@declare(
    "2-C.1",
    "Evaluated on the test set",
    points=2,
    level="basic",
    hints=(
        "The section “Evaluate” of Build, compile, fit shows the call, and what it returns.",
        "`model` has one output unit, so it takes one column of the labels here too: the one that "
        "it was trained with.",
        "`evaluate` returns the loss first and then the metrics, in the order of `compile`. It "
        "takes the inputs and the column of labels of the test set.",
    ),
    model=Model(),
    train=Table(),
    test=Table(),
    x_test=Array(),
    y_test=Array(),
    test_loss=Number(),
    test_accuracy=Number(),
)
def evaluated(model, train, test, x_test, y_test, test_loss, test_accuracy):
    """Expect the model's loss and accuracy on the test set."""
    x, y = _test_set(train, test, x_test, y_test)
    _expect_first_network(model, len(train))
    losses, share = _losses_now(model, x, y, "model"), accuracy(_p_malignant(model, x, "model"), y)
    expect(
        max(abs(test_accuracy - losses[0]), abs(test_loss - share)) > 1e-3,
        "`test_loss` and `test_accuracy` are the wrong way round. `evaluate` returns the loss "
        "first, then the metrics.",
    )
    expect(
        abs(test_accuracy - share) < TWO_DIGITS,
        f"`test_accuracy` is {test_accuracy:.4f}; `model` has another on `x_test`. An accuracy is "
        "a share, from 0 to 1. Was the model evaluated on the test set, and after its training?",
    )
    expect(
        np.abs(test_loss - losses).min() < TWO_DIGITS,
        f"`test_loss` is {test_loss:.4f}; `model` has another on `x_test`. Which of the numbers "
        "that `evaluate` returns is the loss, and were these the labels of the test set?",
    )


@declare(
    "2-C.2",
    "Probabilities and classes",
    points=2,
    level="standard",
    hints=(
        "What does one output unit say of a row, and what does it not say? See “A yes-or-no "
        "answer: one unit” in Build, compile, fit.",
        "`predict` returns one column of probabilities. A class needs a decision: from which "
        "probability on is malignant the more probable of the two?",
        "Compare the probabilities with one half. `argmax` does not help: it looks for the largest "
        "column of a row, and there is only one.",
    ),
    model=Model(),
    train=Table(),
    test=Table(),
    x_test=Array(),
    p_malignant=Array(),
    predicted=Array(),
)
def predictions(model, train, test, x_test, p_malignant, predicted):
    """Expect the model's probabilities, and the classes that follow from them."""
    x, _ = _test_set(train, test, x_test)
    _expect_first_network(model, len(train))
    p = _p_malignant(model, x, "model")
    for name, values in (("p_malignant", p_malignant), ("predicted", predicted)):
        expect(
            values.size == len(p) and values.ndim <= 2,
            f"`{name}` has shape {values.shape}; there are {len(p)} test rows, and each has one.",
        )
        expect(values.dtype.kind != "U", f"`{name}` holds text; numbers are asked for.")
    given = p_malignant.astype(float).reshape(-1)
    expect(
        np.isfinite(given).all() and (given >= 0).all() and (given <= 1).all(),
        f"`p_malignant` runs from {given.min():.3g} to {given.max():.3g}, or is not finite. A "
        "probability is a number from 0 to 1.",
    )
    off = np.abs(given - p).max()
    expect(
        off < TWO_DIGITS,
        f"`p_malignant` differs by up to {off:.2f} from what `model` computes for `x_test`. Is it "
        "a prediction of this model for these rows, in their order?",
    )
    labels = predicted.astype(float).reshape(-1)
    expect(
        np.isin(labels, (0, 1)).all(),
        f"`predicted` holds values such as {labels[~np.isin(labels, (0, 1))][:1]}; it should hold "
        "classes, 1 for malignant and 0 for benign.",
    )
    expect(
        labels.any(),
        "`predicted` is 0 in every row, so every tumour is called benign. With one column, the "
        "largest is always column 0: a single probability wants a threshold.",
    )
    unsure = np.abs(p - 0.5) < TWO_DIGITS
    wrong = int(((labels == 1) != (p > 0.5))[~unsure].sum())
    expect(
        wrong == 0,
        f"In {wrong} rows, `predicted` is not the class that has the larger probability.",
    )


@declare(
    "2-C.3",
    "Two kinds of mistakes",
    points=1,
    level="standard",
    hints=(
        "Four things can happen to a test row, of which two are mistakes. Make a small table of "
        "the diagnosis against the prediction.",
        "Compare `predicted` with the column of malignant in `y_test`, and count the rows in which "
        "the two have different values, once for each kind.",
        "Two truth values for each row, joined with `&`: one for the diagnosis, one for the "
        "prediction. The sum of the result is the count.",
    ),
    model=Model(),
    train=Table(),
    test=Table(),
    x_test=Array(),
    y_test=Array(),
    missed=Number(),
    false_alarms=Number(),
)
def mistakes(model, train, test, x_test, y_test, missed, false_alarms):
    """Expect the counts of missed tumours and false alarms on the test set."""
    x, y = _test_set(train, test, x_test, y_test)
    _expect_first_network(model, len(train))
    y, called = y == 1, _p_malignant(model, x, "model") > 0.5
    right = int((y & ~called).sum()), int((~y & called).sum())
    expect(
        (missed, false_alarms) == right or (missed, false_alarms) != right[::-1],
        "The two counts are the wrong way round: a tumour that is missed is malignant, and was "
        "called benign.",
    )
    expect(
        missed == right[0],
        f"`missed` is {missed:g}; by `model`, `x_test` and `y_test` it is another number of "
        "malignant rows that are called benign, at a threshold of one half.",
    )
    expect(
        false_alarms == right[1],
        f"`false_alarms` is {false_alarms:g}; by `model`, `x_test` and `y_test` it is another "
        "number of benign rows that are called malignant, at a threshold of one half.",
    )


# ------------------------------------------------------------------ 2-D: from the beginning

# Output layers that give one probability of malignant, and the losses that go with them.
PAIRS = {
    (1, "sigmoid"): ("binary_crossentropy", "binary_focal_crossentropy"),
    (2, "softmax"): (
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "categorical_focal_crossentropy",
    ),
}


def _expect_own_network(model: keras.Model, name: str) -> None:
    """Expect a network of any size for this question, compiled with a loss that suits it."""
    found = model.input_shape
    expect(
        isinstance(found, tuple) and tuple(found[1:]) == (len(_score_names()),),
        f"`{name}` takes inputs of shape {found}. How many features does one row have?",
    )
    expect(widths(model), f"`{name}` has no dense layer, which gives the probability at the end.")
    output = (widths(model)[-1], activations(model)[-1])
    expect(
        output in PAIRS,
        f"The output layer of `{name}` has {output[0]} unit(s) with the activation {output[1]}. "
        "The task asks for one probability of malignant, or for those of both classes, which sum "
        "to 1. Two sigmoids answer two questions, and nothing makes them agree; see “Two classes” "
        "in Controlling the model.",
    )
    expect(
        loss_name(model) in PAIRS[output],
        f"`{name}` is compiled with the loss {loss_name(model)}, which does not go with "
        f"{output[0]} unit(s) and {output[1]}. The question decides the last layer and the loss "
        "together; see “Loss by problem” in Build, compile, fit.",
    )
    _expect_compiled(model, name, *PAIRS[output])


@declare(
    "2-D.1",
    "A network of your own",
    points=2,
    level="standard",
    hints=(
        "The question decides the output layer and the loss; the data decide how many hidden units "
        "are worth trying. See “Which output layer?” and “How many hidden units?” in Controlling "
        "the model.",
        "Start small: one hidden layer with about as many units as there are inputs, and relu. For "
        "the output, take one unit for one yes-or-no question, or two whose outputs sum to 1.",
        "Put the building and compiling into a function of the number of units, because steps 2 "
        "and 3 need it again. In `fit`, leave the batch size as it is, and keep what it returns.",
    ),
    own_model=Model(),
    own_history=History(),
    train=Table(),
    x_train=Array(),
    y_train=Array(),
)
def own(own_model, own_history, train, x_train, y_train):
    """Expect a network of any size, trained on the rows that are not kept for validation."""
    x, y = _training_set(train, x_train, y_train)
    _expect_own_network(own_model, "own_model")
    _expect_steps(own_model, "own_model", len(train), len(next(iter(own_history.values()))))
    _expect_learned(own_model, "own_model", x, y)
    # Dropout and early stopping leave the training loss further from that of the network.
    options = {"name": "own_history", "model_name": "own_model", "restored": True, "gap": 0.3}
    _expect_curves(own_history, own_model, x, y, **options)


@declare(
    "2-D.2",
    "The smallest network that does",
    points=2,
    level="standard",
    hints=(
        "The section “How many hidden units?” of Controlling the model compares widths by the "
        "validation loss. Here a rule chooses among them.",
        "Only the width changes, so write a function that builds, compiles and trains a network, "
        "with the width as its argument. `count_params` gives the parameters, and the last entry "
        "of `val_loss` in the history the loss.",
        "For the rule, compare the column of losses with its minimum plus the margin. Of the "
        "widths of the rows that remain, take the `min`.",
    ),
    chosen_units=Number(),
    search=Table(),
    chosen_model=Model(),
    narrowest_model=Model(),
    widest_model=Model(),
    train=Table(),
    x_train=Array(),
    y_train=Array(),
)
def smallest(
    chosen_units, search, chosen_model, narrowest_model, widest_model, train, x_train, y_train
):
    """Expect a complete search, the width that its rule selects, and networks of its rows."""
    x, y = _training_set(train, x_train, y_train)
    numbers = _numbers()
    search = _with_columns("search", search, ("units", "parameters", "val_loss"))
    units = search["units"].to_numpy(float)
    expect(
        len(set(units)) == len(units) and set(numbers.widths) <= set(units),
        f"`search` has rows for {', '.join(f'{one:.6g}' for one in units[:20])} units. The task "
        f"asks for one row for each of {', '.join(map(str, numbers.widths))} (`numbers.widths`).",
    )
    models = {
        "narrowest_model": (narrowest_model, units.min()),
        "widest_model": (widest_model, units.max()),
        "chosen_model": (chosen_model, chosen_units),
    }
    outputs = widths(widest_model)[-1] if widths(widest_model) else 1
    count = (len(_score_names()) + 1 + outputs) * units + outputs
    counted = search["parameters"].to_numpy(float)
    expect(
        (counted == count).all(),
        f"The parameters in `search`, {', '.join(f'{one:.6g}' for one in counted[:20])}, are not "
        "those of networks with nine inputs, one hidden layer of these widths and their output "
        "layer. Count the biases too, or let Keras count.",
    )
    losses = search["val_loss"].to_numpy(float)
    expect(
        np.isfinite(losses).all() and 0 < losses.min() < 0.4 and losses.max() < 1,
        f"The validation losses in `search` run from {losses.min():.3g} to {losses.max():.3g}. "
        "A network that gives every row the probability 1/2 has 0.69, and the best of these are "
        "far below.",
    )
    # A table that was rounded to three digits may move a width over the margin.
    allowed = {
        units[losses <= losses.min() + 0.02 + slack].min() for slack in (-2 * ATOL, 0, 2 * ATOL)
    }
    expect(
        chosen_units in allowed,
        f"`chosen_units` is {chosen_units:g}. By your table and the rule of the exercise, it is "
        "another width: the smallest of those whose validation loss is at most 0.02 above the "
        "lowest.",
    )
    for name, (model, asked) in models.items():
        _expect_own_network(model, name)
        expect(
            widths(model)[:-1] == [int(asked)],
            f"`{name}` has hidden layers of {widths(model)[:-1]} units; by `search` and "
            f"`chosen_units` it should have one, of {asked:g} units.",
        )
        _expect_steps(model, name, len(train), numbers.epochs)
        _expect_row("search", search, "units", asked, "val_loss", model, name, x, y)
    _expect_same_training({name: model for name, (model, _) in models.items()})
    kinds = {tuple(activations(model)) for model, _ in models.values()}
    expect(
        len(kinds) == 1,
        "The networks that you handed in have different activations: "
        f"{' and '.join(', '.join(kind) for kind in sorted(kinds))}. Change one thing only, the "
        "number of hidden units.",
    )
    _expect_learned(widest_model, "widest_model", x, y)
    # Narrow networks may have learned little; the one that was chosen has not.
    _expect_learned(chosen_model, "chosen_model", x, y)


def _expect_row(
    table_name: str,
    table: pd.DataFrame,
    key: str,
    value: float,
    column: str,
    model: keras.Model,
    name: str,
    x: np.ndarray,
    y: np.ndarray,
) -> None:
    """Expect that a row of a table has the loss or accuracy of a network on the validation rows."""
    cut = _rows_to_fit(len(x))
    said = table[column][table[key] == value].iloc[0]
    if column == "val_loss":
        now = _losses_now(model, x[cut:], y[cut:], name)
        right = np.abs(said - now).min() < ATOL + RTOL * np.abs(now).min()
    else:
        share = accuracy(_p_malignant(model, x[cut:], name), y[cut:])
        right = abs(said - share) < 0.5 / (len(x) - cut)  # half a row: three digits will do
    expect(
        right,
        f"In the row of {key} {value:g}, `{table_name}` says {said:.4f}; on the last fifth "
        f"of `x_train`, `{name}` has another value. Keep the very network that made the row, and "
        "write down its last value.",
    )


def _with_columns(name: str, table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return these columns of a table as floats; one of them may be its index."""
    had = ", ".join(table.columns)
    if not set(columns) <= set(table.columns):
        table = table.reset_index()
    lacking = [column for column in columns if column not in table.columns]
    expect(not lacking, f"`{name}` has the columns {had}; it lacks {', '.join(lacking)}.")
    table = table[list(columns)]
    expect(
        len(table) > 0 and table.notna().all(axis=None),
        f"`{name}` has {len(table)} rows, and something is missing in them.",
    )
    try:
        return table.astype(float).reset_index(drop=True)
    except (TypeError, ValueError):
        raise Wrong(f"`{name}` holds text where numbers are asked for.") from None


@declare(
    "2-D.3",
    "Five seeds with dropout and without",
    points=2,
    level="standard",
    hints=(
        "The two networks of a pair have the same seed, rows, epochs and optimiser; only the "
        "dropout layer is added. The section “Is one network better than another?” of One run or "
        "many? says what pairs are good for.",
        "Write a function that builds, compiles and trains your network, with the dropout rate as "
        "an argument. Without dropout, leave the layer out. Call it twice in the loop.",
        "The function returns the network and what `fit` returns. In `history`, the last entry of "
        "`val_accuracy` is the accuracy after the last epoch. Take it from both.",
    ),
    plain_model=Model(),
    dropout_model=Model(),
    runs=Table(),
    train=Table(),
    x_train=Array(),
    y_train=Array(),
)
def with_dropout(plain_model, dropout_model, runs, train, x_train, y_train):
    """Expect possible validation accuracies for all seeds, and the networks of the last one."""
    x, y = _training_set(train, x_train, y_train)
    runs = _paired_runs(runs)
    numbers, n_validation = _numbers(), len(x) - _rows_to_fit(len(x))
    for column in ("without", "with_dropout"):
        rows = runs[column].to_numpy() * n_validation
        # Three digits: an accuracy may be off by 0.0005, which is 0.06 of a row.
        expect(
            np.abs(rows - rows.round()).max() < 5.1e-4 * n_validation,
            f"The column {column} of `runs` holds values such as "
            f"{runs[column][np.abs(rows - rows.round()).argmax()]:.4f}, which no number of "
            f"{n_validation} validation rows gives. Is it the accuracy on the last fifth of the "
            "training set, to three digits or more?",
        )
    for name, model in (("plain_model", plain_model), ("dropout_model", dropout_model)):
        _expect_own_network(model, name)
    kinds = [layer for layer in layers(dropout_model) if hasattr(layer, "units")]
    rates = [layer.rate for layer in layers_of(dropout_model, "Dropout")]
    order = [type(layer).__name__ for layer in layers(dropout_model)]
    order = [kind for kind in order if kind in ("Dense", "Dropout")]
    hidden = order.count("Dense") - 1
    expect(
        np.allclose(rates, numbers.dropout)
        and order == [*(["Dense", "Dropout"] * hidden), "Dense"],
        f"`dropout_model` has dropout layers with the rates {rates}, in the order "
        f"{', '.join(order)}; the task asks for one of rate {numbers.dropout:g} "
        "(`numbers.dropout`) after each hidden layer, and none after the output.",
    )
    expect(
        len(kinds) > 1,
        "`dropout_model` has no hidden layer, so there is nothing that dropout could act on but "
        "the nine scores.",
    )
    found = [layer.rate for layer in layers_of(plain_model, "Dropout")]
    expect(
        not found,
        f"`plain_model` has dropout layers with the rates {found}; it is the network without.",
    )
    shapes = [(widths(model), activations(model)) for model in (plain_model, dropout_model)]
    expect(
        shapes[0] == shapes[1],
        f"`plain_model` has layers of {shapes[0][0]} units ({', '.join(shapes[0][1])}), and "
        f"`dropout_model` of {shapes[1][0]} ({', '.join(shapes[1][1])}). They are to differ in the "
        "dropout alone.",
    )
    both = {"plain_model": plain_model, "dropout_model": dropout_model}
    _expect_same_training(both, but="Dropout")
    last = numbers.seeds[-1]
    for name, model, column in (
        ("plain_model", plain_model, "without"),
        ("dropout_model", dropout_model, "with_dropout"),
    ):
        _expect_steps(model, name, len(train), numbers.epochs)
        _expect_row("runs", runs, "seed", last, column, model, name, x, y)
        _expect_learned(model, name, x, y)


def _paired_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the table of runs; Wrong unless it has plausible accuracies for all seeds."""
    runs = _with_columns("runs", runs, ("seed", "without", "with_dropout"))
    seeds = _numbers().seeds
    expect(
        runs["seed"].is_unique and set(seeds) <= set(runs["seed"]),
        f"`runs` has the seeds {', '.join(f'{seed:.6g}' for seed in runs['seed'][:20])}; the task "
        f"asks for one row for each of {', '.join(map(str, seeds))} (`numbers.seeds`). Further "
        "seeds are welcome.",
    )
    for column in ("without", "with_dropout"):
        expect(
            runs[column].between(0, 1).all(),
            f"The column {column} of `runs` holds values such as {runs[column].iloc[0]:g}; an "
            "accuracy is a share, from 0 to 1.",
        )
        expect(
            runs[column].min() >= MIN_ACCURACY - 0.1,  # few rows: single runs may be lower
            f"The column {column} of `runs` goes down to {runs[column].min():.3f}; trained "
            "networks are better than that.",
        )
    return runs


@declare(
    "2-D.4",
    "Does dropout help here?",
    points=1,
    level="standard",
    hints=(
        "The yardstick is the interval of the paired differences, not the range of the runs. See "
        "“Is one network better than another?” and “What if the interval includes 0?” in One run "
        "or many?",
        "`evaluation.paired_difference` takes two columns and returns the first minus the second. "
        "What it returns has the attributes `low` and `high`.",
        "Compare both ends with 0. If they lie on different sides of it, the pairs do not separate "
        "the two networks.",
    ),
    runs=Table(),
    low=Number(),
    high=Number(),
    verdict=Text(),
)
def helps(runs, low, high, verdict):
    """Expect the interval of the paired differences, and the verdict that follows from it."""
    from coursekit.evaluation import paired_difference

    runs = _paired_runs(runs)
    verdict = _answers.verdict(verdict, ("better", "worse", "not separated"))
    difference = paired_difference(runs["with_dropout"], runs["without"])
    expect(
        not (
            abs(low + difference.high) < THREE_DIGITS and abs(high + difference.low) < THREE_DIGITS
        )
        or abs(low - difference.low) < THREE_DIGITS,
        "`low` and `high` are those of the difference without dropout minus with dropout. The task "
        "asks for it the other way round: with dropout minus without.",
    )
    expect(
        abs(low - difference.low) < THREE_DIGITS and abs(high - difference.high) < THREE_DIGITS,
        f"`low` is {low:.4f} and `high` {high:.4f}; by your table, the 95 % interval of the mean "
        "of the paired differences, with dropout minus without, has other ends. It is Student's "
        "interval for the differences of the rows, not for the two columns.",
    )
    # An end of the interval that is 0 but for rounding allows two verdicts.
    allowed = {
        "better": difference.low > -ROUNDING and difference.high > ROUNDING,
        "worse": difference.high < ROUNDING and difference.low < -ROUNDING,
        "not separated": difference.low < ROUNDING and difference.high > -ROUNDING,
    }
    expect(
        allowed[verdict],
        f"`verdict` is {verdict!r}. In your table, the mean difference of the pairs, with dropout "
        f"minus without, is {difference}. On which side of 0 does the interval lie?",
    )
