"""Checks of the capstone: the tuning checklist, applied to scikit-learn's digits.

The data and the numbers that the tasks name depend on the variant; see
:mod:`coursekit.exercises.course_variants.capstone`.
"""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises import variants
from coursekit.exercises.checks import _answers, _losses, _models, _training
from coursekit.exercises.course_variants.capstone import Capstone
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Table, Text

if TYPE_CHECKING:
    import keras
    import pandas as pd

PIXELS, CLASSES = 64, 10
LEVELS = 17  # a pixel counts the inked dots of a block, 0 to 16
MOMENTUM, DEFAULT_RATE = 0.9, 0.01
MOST_EPOCHS = 200
MIN_SEEDS = 5
MAX_PARAMETERS = 10**7
# Shares and losses may be rounded to three decimals: half a unit of the last, and a little more.
THREE_DECIMALS = 6e-4
# Early stopping with a min_delta of 0.001, the most that the task allows, may keep an epoch whose
# loss is by so much above the lowest; a little more for float32.
RESTORED_TOLERANCE = 1.2e-3
# Validation losses in a history are float32 means over batches, ours are float64.
SAME_LOSS = 1e-5
# Probabilities of one network, computed in batches of other sizes, differ by about 1e-6; those of
# two runs differ by far more in some rows.
SAME_OUTPUT = 1e-3
ROUNDING = 1e-6  # for losses that were computed in another order


def _task() -> Capstone:
    """Return the numbers of the variant that is judged."""
    return variants.numbers("capstone")


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the images as rows of pixels, and their classes."""
    images, labels = _task().digits()
    return images.reshape(len(images), PIXELS), labels


def _of_your_variant() -> str:
    """Return what to add to a message about rows that do not fit; nothing in variant 0."""
    seed = _task().seed
    return f" This is variant {seed}: do all answers come from your own notebook?" if seed else ""


def _row_numbers(**parts: np.ndarray) -> dict[str, np.ndarray]:
    n = len(_digits()[1])
    for name, rows in parts.items():
        highest = rows.max() if rows.dtype.kind in "iu" and rows.size else 0
        expect(
            highest < n,
            f"`{name}` names the row {highest}, and the rows of your data are numbered 0 to "
            f"{n - 1}.{_of_your_variant()}",
        )
    return {name: _answers.row_numbers(name, rows, n) for name, rows in parts.items()}


def _expect_numbers(name: str, values: np.ndarray) -> None:
    """Expect numbers, all of them finite."""
    expect(
        values.dtype.kind in "biuf",
        f"`{name}` holds text ({values.dtype}); numbers are needed.",
    )
    expect(np.isfinite(values.astype(float)).all(), f"`{name}` has values that are not finite.")


# --------------------------------------------------------------------------- split and prepare


@declare(
    "C.1",
    "Three sets, stratified",
    points=2,
    level="basic",
    hints=(
        'The chapters "Meet MNIST" and "Preparing tabular data" split rows into sets. Which '
        "argument of scikit-learn's `train_test_split` keeps the shares of the classes?",
        "Split twice: first take the test set from all row numbers, then the validation set from "
        "those that are left.",
        "The second split takes its share of fewer rows than the first. Which share of the rest "
        "is `numbers.validation_share` of all rows? And stratify by the labels of the rest.",
    ),
    train=Array(),
    validation=Array(),
    test=Array(),
)
def three_sets(train, validation, test):
    """Expect each row in exactly one set, in the asked-for shares, with equal shares of classes."""
    _, labels = _digits()
    n, task = len(labels), _task()
    sets = _row_numbers(train=train, validation=validation, test=test)
    _answers.expect_partition(sets, n)
    shares = {"validation": task.validation_share, "test": task.test_share}
    shares["train"] = 1 - sum(shares.values())
    for name, rows in sets.items():
        # 1 % of the rows leaves room for the rounding of each of ten classes, and of two splits.
        expect(
            abs(len(rows) / n - shares[name]) < 0.01,
            f"`{name}` holds {len(rows) / n:.1%} of the rows; the task asks for "
            f"{shares[name]:.0%}.",
        )
    for name, rows in sets.items():
        counts = np.bincount(labels[rows], minlength=CLASSES)
        wanted = np.bincount(labels, minlength=CLASSES) * len(rows) / n
        digit = int(np.abs(counts - wanted).argmax())
        # Two splits, each rounded by up to 1, and sets that are up to 1 % larger than asked for.
        expect(
            abs(counts[digit] - wanted[digit]) <= 2.5,
            f"`{name}` has {counts[digit]} images of the class {digit}, where the same share as in "
            f"all data would give about {wanted[digit]:.0f}. Split so that each class keeps its "
            f"share.{_of_your_variant()}",
        )
    for name, rows in sets.items():
        # The mean of row numbers drawn at random, in standard errors; 6 never occur by chance.
        error = np.sqrt((n + 1) * (n - len(rows)) / (12 * len(rows)))
        expect(
            abs(rows.mean() - (n - 1) / 2) < 6 * error,
            f"`{name}` holds mostly rows from one end of the data, which are in the order in which "
            "they were collected, writer after writer. Draw the rows at random.",
        )


# Ways to scale each image by itself. Nothing is learned for them, so nothing can leak.
_EACH_IMAGE = {
    "not at all": lambda raw: raw,
    "to a sum of 1": lambda raw: raw / raw.sum(axis=1, keepdims=True),
    "to a length of 1": lambda raw: raw / np.linalg.norm(raw, axis=1, keepdims=True),
    "to a maximum of 1": lambda raw: raw / raw.max(axis=1, keepdims=True),
    "to a mean of 0 and a deviation of 1": lambda raw: (
        (raw - raw.mean(axis=1, keepdims=True)) / raw.std(axis=1, keepdims=True)
    ),
}


def _fitted_line(x: np.ndarray, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the factor and the offset of each pixel, fitted by least squares."""
    mean_raw, mean = raw.mean(axis=0), x.mean(axis=0)
    centred = raw - mean_raw
    square = (centred**2).sum(axis=0)
    factor = (centred * (x - mean)).sum(axis=0) / np.where(square == 0, 1, square)
    return factor, mean - factor * mean_raw


def _by_level(x: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the mean of x for each pixel and each level of ink, NaN where there is none."""
    cells = (levels + LEVELS * np.arange(PIXELS)).ravel()
    counts = np.bincount(cells, minlength=LEVELS * PIXELS)
    sums = np.bincount(cells, weights=x.ravel(), minlength=LEVELS * PIXELS)
    with np.errstate(invalid="ignore"):
        return (sums / counts).reshape(PIXELS, LEVELS)


def _expect_prepared(prepared: dict[str, np.ndarray], rows: dict[str, np.ndarray]) -> None:
    """Expect rows of 64 numbers, scaled in all sets by one rule of the training set alone.

    Parameters
    ----------
    prepared : dict of str to ndarray
        The inputs of each set; ``"train"`` is among them.
    rows : dict of str to ndarray
        Row numbers of the same sets.
    """
    images, _ = _digits()
    for name, x in prepared.items():
        expect(
            x.shape == (len(rows[name]), PIXELS),
            f"`x_{name}` has shape {x.shape}. A dense network takes one row of {PIXELS} numbers "
            f"per image, and `{name}` names {len(rows[name])} images.",
        )
        expect(
            x.dtype.kind in "biuf",
            f"`x_{name}` holds text ({x.dtype}); a network takes numbers.",
        )
        expect(
            np.isfinite(x.astype(float)).all(),
            f"`x_{name}` has values that are not finite. Some pixels have the same value in all "
            "images of the training set; what happens to these where you divide?",
        )
    prepared = {name: x.astype(np.float64) for name, x in prepared.items()}
    raw = {name: images[rows[name]] for name in prepared}
    with np.errstate(over="ignore", invalid="ignore"):
        typical = prepared["train"].std()
    expect(
        0.05 < typical < 3,
        f"The values of `x_train` spread by {typical:.3g} around their mean; inputs of a size of "
        "about 1 train well. What range do the pixels have?",
    )
    varies = raw["train"].std(axis=0) > 0
    for name, x in prepared.items():
        # A pixel that is inked by one dot in one training image has a deviation of 1 / sqrt(n), so
        # standardising gives at most 16 sqrt(n) = 680. Larger values come from dividing by 1e-8.
        row, pixel = np.unravel_index(np.abs(x).argmax(), x.shape)
        expect(
            abs(x[row, pixel]) < 1000,
            f"`x_{name}` has the value {x[row, pixel]:.3g} at pixel {pixel}, where most values are "
            f"about {typical:.2g}."
            + (
                ""
                if varies[pixel]
                else " That pixel has one value in all training images; what did you divide by?"
            ),
        )
    predict, shared, zero, full = _rule(prepared["train"], raw["train"], varies, typical)
    for name, x in prepared.items():
        expected = predict(raw[name])
        seen = np.isfinite(expected)
        # 1 % of the usual size: means and ranges of another set differ by more in some pixels,
        # and float16 by less.
        near = np.abs(x - expected)[seen] <= 0.01 * typical + 1e-3 * np.abs(expected[seen])
        expect(
            near.all(),
            f"`x_{name}` is not scaled like `x_train`, or does not hold the images that `{name}` "
            "names, in their order. Whatever was learned for the scaling goes unchanged to all "
            f"sets.{_of_your_variant()}",
        )
    x = prepared["train"]
    if shared:
        # One rule for all pixels, such as division by the largest value. If it is centred, then by
        # the range or by the mean of the training rows. The mean of all rows is off by about 0.003
        # of the deviation.
        centred = abs(x.mean()) < 3e-4 * typical
        learned = centred or min(abs(zero), abs(full), abs(zero + full)) < 1e-3 * typical
    else:
        learned = _learned_from(x[:, varies], raw["train"][:, varies], zero)
    worst = int(np.abs(x.mean(axis=0) * varies).argmax())
    expect(
        learned,
        "The scaling is not one that the training rows alone give. For example, pixel "
        f"{worst} of `x_train` has the mean {x[:, worst].mean():.3f} and the standard deviation "
        f"{x[:, worst].std():.3f}. Were other rows in it when means, deviations or ranges were "
        "computed?",
    )


def _rule(x: np.ndarray, raw: np.ndarray, varies: np.ndarray, typical: float) -> tuple:
    """Find the rule by which the training images became the training inputs.

    Returns
    -------
    predict : callable
        From raw images to inputs by this rule; NaN where it is not known.
    shared : bool
        Whether all pixels have the same rule.
    zero, full : float
        Input of a pixel without ink and with the most ink; ``zero`` is NaN if pixels differ.
    """
    full_ink = _task().largest
    for scale in _EACH_IMAGE.values():
        z = scale(raw)
        factor, offset = _fitted_line(x, z)
        if (
            np.abs(x - factor * z - offset)[:, varies]
            <= 0.005 * typical + 1e-3 * np.abs(x[:, varies])
        ).all():
            _expect_one_direction(factor[varies])
            shared = np.ptp(factor[varies]) <= 2e-3 * np.abs(factor[varies]).max() and (
                np.ptp(offset[varies]) <= 2e-3 * typical
            )
            zeros = offset[varies]
            # Only what is not scaled image by image has a value of full ink.
            full = full_ink * factor[varies][0] + zeros[0] if scale(raw) is raw else zeros[0]
            known = np.where(varies, 1.0, np.nan)

            def predict(images, scale=scale, factor=factor * known, offset=offset):
                return factor * scale(images) + offset

            same_zero = np.ptp(zeros) <= 2e-3 * typical
            return predict, shared, zeros[0] if same_zero else np.nan, full
    levels = _levels_of_ink(raw)
    table = _by_level(x, levels)
    pixels = np.arange(PIXELS)
    residual = np.abs(x - table[pixels, levels])
    expect(
        (residual <= 0.005 * typical + 1e-3 * np.abs(x)).all(),
        "The rows of `x_train` are not the images that `train` names, scaled pixel by pixel or "
        f"image by image. Are they in the same order?{_of_your_variant()}",
    )
    steps = [np.diff(row[np.isfinite(row)]) for row in table[varies]]
    _expect_one_direction(np.concatenate(steps))
    spread = np.nanmax(table[varies], axis=0) - np.nanmin(table[varies], axis=0)
    shared = bool((spread[np.isfinite(spread)] <= 5e-3 * typical).all())
    zeros = table[varies, 0]
    same_zero = np.ptp(zeros[np.isfinite(zeros)]) <= 2e-3 * typical
    table = np.where(varies[:, None], table, np.nan)
    return (
        lambda images: table[pixels, _levels_of_ink(images)],
        shared,
        np.nanmean(zeros) if same_zero else np.nan,
        np.nanmean(table[:, -1]),
    )


def _levels_of_ink(raw: np.ndarray) -> np.ndarray:
    return np.rint(raw * ((LEVELS - 1) / _task().largest)).astype(int)


def _expect_one_direction(steps: np.ndarray) -> None:
    """Expect that more ink gives larger numbers in all pixels, or smaller ones in all.

    A power of a pixel that is hardly ever inked may be too flat for float64, so a few steps of 0
    are allowed; in black and white, most are 0.
    """
    steps = steps if steps.sum() > 0 else -steps
    expect(
        (steps > -1e-9).all() and (steps > 1e-9).mean() > 0.9,
        "In `x_train`, the order of the grey values is not kept: in some pixels, more ink gives a "
        "larger number, and in others a smaller one or the same.",
    )


def _learned_from(x: np.ndarray, raw: np.ndarray, zero: float) -> bool:
    """Return whether pixels scaled one by one have the properties of a rule of these rows.

    Each way of scaling leaves its trace in the rows that it was learned from, such as a mean of
    exactly 0, and in no others.
    """
    # Rules that were learned from all rows are off by about 0.02 of the deviation.
    near = 2e-3
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    bessel = np.sqrt(len(x) / (len(x) - 1))
    lowest, highest = x.min(axis=0), x.max(axis=0)
    spread = highest - lowest

    def alike(values: np.ndarray) -> bool:
        return np.ptp(values) <= near * np.abs(values).max()

    def one_spread() -> bool:
        # A small constant in the divisor, against division by 0, makes deviations smaller.
        return bool((deviation <= 1 + near).all()) and (
            np.quantile(deviation, 0.5) > 1 - 0.05 or alike(deviation * bessel)
        )

    if (np.abs(mean) <= near * np.maximum(deviation, 1e-9)).all():
        return one_spread() or alike(spread) or alike(deviation / raw.std(axis=0))
    if np.ptp(lowest) <= near * spread.max() and np.ptp(highest) <= near * spread.max():
        return True  # one range for all pixels
    if abs(zero) <= near:  # no ink stays 0
        return alike(np.abs(x).max(axis=0)) or one_spread()
    low, middle, high = np.percentile(x, [25, 50, 75], axis=0)
    raw_low, raw_high = np.percentile(raw, [25, 75], axis=0)
    if (np.abs(middle) <= near * spread.max()).all():  # the median, as in RobustScaler
        return alike(np.abs(high - low)[raw_high > raw_low])
    return False


@declare(
    "C.2",
    "Inputs, prepared without a leak",
    points=2,
    level="standard",
    hints=(
        'The chapter "Preparing tabular data" says what may be learned from which rows. "Meet '
        'MNIST" scales pixels without learning anything.',
        "Reshape the images to one row of 64 numbers each. Then decide: a rule that is known "
        "beforehand, or one that is fitted to the training rows and applied to all three sets.",
        "Pixels run from 0 to `numbers.largest`, whatever the rows. Which division brings them to "
        "a range of 0 to 1? It fits all images, so the rows of each set can be taken afterwards.",
    ),
    train=Array(),
    validation=Array(),
    test=Array(),
    x_train=Array(),
    x_validation=Array(),
    x_test=Array(),
)
def inputs(train, validation, test, x_train, x_validation, x_test):
    """Expect rows of 64 numbers, scaled in all three sets by a rule of the training set alone."""
    _expect_prepared(
        {"train": x_train, "validation": x_validation, "test": x_test},
        _row_numbers(train=train, validation=validation, test=test),
    )


@declare(
    "C.3",
    "Labels, one-hot",
    points=1,
    level="basic",
    hints=(
        'The chapter "Meet MNIST" makes one-hot rows of digits. What does one row look like?',
        "Make the one-hot rows of all labels first, then take the rows of each set.",
        "Use `keras.utils.to_categorical` with `num_classes`, and index its result with `train`, "
        "`validation` and `test`.",
    ),
    train=Array(),
    validation=Array(),
    test=Array(),
    y_train=Array(),
    y_validation=Array(),
    y_test=Array(),
)
def one_hot_labels(train, validation, test, y_train, y_validation, y_test):
    """Expect one-hot labels that match the rows of each set."""
    rows = _row_numbers(train=train, validation=validation, test=test)
    for name, y in {"train": y_train, "validation": y_validation, "test": y_test}.items():
        expect(
            y.shape == (len(rows[name]), CLASSES),
            f"`y_{name}` has shape {y.shape}; `{name}` names {len(rows[name])} images, and each "
            f"needs a row with a place for each of {CLASSES} classes.",
        )
        _expect_numbers(f"y_{name}", y)
        wrong = int((~np.isclose(y, _one_hot(rows[name])).all(axis=1)).sum())
        expect(
            wrong == 0,
            f"In `y_{name}`, {wrong} of {len(y)} rows are not the one-hot labels of the images "
            f"that `{name}` names. Same rows, same order; the class 0 has the first column."
            + _of_your_variant(),
        )


def _one_hot(rows: np.ndarray) -> np.ndarray:
    """Return the one-hot labels of these rows."""
    return np.eye(CLASSES)[_digits()[1][rows]]


# ------------------------------------------------------------------------------- a baseline


def _expect_classes(name: str, classes: np.ndarray, n: int, rows: str) -> np.ndarray:
    """Expect one class for each of n rows; return them as int64."""
    expect(
        classes.shape == (n,),
        f"`{name}` has shape {classes.shape}; it is to hold one class for each of the {n} {rows}.",
    )
    known = classes.dtype.kind in "iuf" and np.isin(classes, np.arange(CLASSES))
    strange = classes[~known][0] if np.ndim(known) and not known.all() else classes[0]
    expect(
        np.all(known),
        f"`{name}` holds {strange!r}, for example; classes are needed, from 0 to 9.",
    )
    return classes.astype(np.int64)


def _expect_share(name: str, given: float, share: float, what: str) -> None:
    """Expect a share with three decimals; the message does not tell it."""
    expect(
        0 <= given <= 1,
        f"`{name}` is {given:.6g}. A share of rows lies between 0 and 1.",
    )
    expect(
        abs(given - share) <= THREE_DECIMALS,
        f"`{name}` is {given:.4f}, which is not {what}, to three decimals.",
    )


@declare(
    "C.4",
    "A baseline",
    points=2,
    level="basic",
    hints=(
        "The tuning checklist asks what the simplest methods reach. An accuracy is the share of "
        "rows for which two arrays are equal.",
        "Fit `LogisticRegression` to the training inputs and the classes (not the one-hot rows) of "
        "the training rows, then predict the validation inputs. If it warns that it did not "
        "converge, raise its `max_iter`.",
        "Count the classes in the training rows with `np.bincount`. The position of the largest "
        "count is `most_frequent`; compare the classes of the validation rows with it.",
    ),
    train=Array(),
    validation=Array(),
    baseline_classes=Array(),
    baseline_accuracy=Number(),
    most_frequent=Number(),
    guessing=Number(),
)
def a_baseline(train, validation, baseline_classes, baseline_accuracy, most_frequent, guessing):
    """Expect predictions for the validation set, their accuracy, and that of guessing."""
    images, labels = _digits()
    rows = _row_numbers(train=train, validation=validation)
    shared = len(np.intersect1d(rows["train"], rows["validation"]))
    expect(
        shared == 0,
        f"{shared} rows are in `train` and in `validation`. The baseline is judged on rows that it "
        "was not fitted to.",
    )
    actual = labels[rows["validation"]]
    named = _expect_classes("baseline_classes", baseline_classes, len(actual), "validation rows")
    hits = float((named == actual).mean())
    # In 40 splits of four variants, naive Bayes was right for 76 to 88 %, a decision tree for 79 to
    # 87 %. Rows in another order, or labels that do not belong to them, give about 10 %.
    expect(
        hits > 0.6,
        f"`baseline_classes` is right for {hits:.1%} of the validation rows; the task asks for "
        "more than 60 %, which simple methods reach if images and labels belong together. Are the "
        f"rows in order?{_of_your_variant()}",
    )
    if hits == 1:
        nearest = _nearest_neighbour(images, labels, rows["train"], rows["validation"])
        expect(
            (nearest == actual).all(),
            "`baseline_classes` is right for every validation row, where even nearest neighbours, "
            f"one of the best simple methods here, miss {int((nearest != actual).sum())}. Was the "
            "method fitted to these rows, or are these the labels themselves?",
        )
    _expect_share(
        "baseline_accuracy",
        baseline_accuracy,
        hits,
        "the share of the validation rows for which `baseline_classes` has the class of `labels`",
    )
    # If several classes are equally frequent in the training set, any of them may be guessed.
    counts = np.bincount(labels[rows["train"]], minlength=CLASSES)
    expect(
        most_frequent in np.flatnonzero(counts == counts.max()),
        f"`most_frequent` is {most_frequent:g}, which is not the class that occurs most often in "
        "the training rows. Other rows, such as all data, can have another one.",
    )
    _expect_share(
        "guessing",
        guessing,
        float((actual == most_frequent).mean()),
        "the share of the validation rows that have the class `most_frequent`",
    )


def _nearest_neighbour(
    images: np.ndarray, labels: np.ndarray, train: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return the class of the nearest training image for each of these rows."""
    known, asked = images[train], images[rows]
    distances = (known**2).sum(axis=1) - 2 * asked @ known.T
    return labels[train][distances.argmin(axis=1)]


# -------------------------------------------------------------------------- networks in general


def _expect_images(name: str, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Expect the inputs of these rows, scaled in whatever way; return them as floats.

    C.2 looks at the scaling; here it is enough to see that each pixel goes with its ink.
    """
    expect(
        x.shape == (len(rows), PIXELS),
        f"`x_{name}` has shape {x.shape}; `{name}` names {len(rows)} rows, of {PIXELS} numbers "
        "each.",
    )
    _expect_numbers(f"x_{name}", x)
    x = x.astype(np.float64)
    raw = _digits()[0][rows]
    with np.errstate(over="ignore", invalid="ignore"):
        a, b = x - x.mean(axis=0), raw - raw.mean(axis=0)
        lengths = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
        there = b.any(axis=0)
        correlation = (a * b).sum(axis=0)[there] / np.maximum(lengths[there], 1e-300)
    # It was 0.91 and more for the scalings in tests/exercises/cases; rows in another order have
    # about 0.
    expect(
        np.abs(correlation).mean() > 0.6,
        f"`x_{name}` does not hold the images that `{name}` names, in their order."
        + _of_your_variant(),
    )
    return x


def _validation_set(validation: np.ndarray, x_validation: np.ndarray) -> tuple:
    """Return the inputs and the one-hot labels of the validation rows."""
    rows = _row_numbers(validation=validation)["validation"]
    return _expect_images("validation", x_validation, rows), _one_hot(rows)


def _expect_classifier(name: str, model: keras.Model) -> None:
    """Expect 64 inputs, ten softmax outputs, and a loss for one-hot labels."""
    _models.expect_shapes(model, (PIXELS,), CLASSES, name)
    last = _models.activations(model)[-1:]
    expect(
        last == ["softmax"],
        f"The output layer of `{name}` has the activation {', '.join(last) or 'none'}. What turns "
        "its ten numbers into probabilities that sum to 1?",
    )
    expect(_models.loss_name(model) is not None, f"`{name}` is not compiled.")
    _models.expect_loss(model, "categorical_crossentropy", name=name)


def _expect_base(name: str, model: keras.Model) -> None:
    """Expect the architecture, loss and optimiser of the base network."""
    _expect_classifier(name, model)
    units = _task().units
    hidden = _models.widths(model)[:-1]
    expect(
        hidden == [units],
        f"`{name}` has hidden layers of {', '.join(map(str, hidden)) or 'no'} units; the task asks "
        f"for one, of {units}.",
    )
    activation = _models.activations(model)[0]
    expect(
        activation == "relu",
        f"The hidden layer of `{name}` has the activation {activation}; the task asks for relu.",
    )
    changes = [type(layer).__name__ for layer in _models.layers_of(model, "Dropout")]
    changes += ["a penalty on the weights"] * (_models.penalty(model) > 0)
    changes += ["Nesterov's momentum"] * bool(getattr(model.optimizer, "nesterov", False))
    expect(
        not changes,
        f"`{name}` has {', '.join(changes)}, which the base network has not. What you change comes "
        "in a later step, one thing at a time.",
    )
    # A scaling layer inside the network has weights that are not trained.
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    wanted = (PIXELS + 1) * units + (units + 1) * CLASSES
    expect(
        trained == wanted,
        f"`{name}` has {trained:,} trainable parameters; the base network has {wanted:,}.",
    )
    kind = _answers.optimizer_kind(model)
    momentum = float(getattr(model.optimizer, "momentum", 0) or 0)
    expect(
        kind == "SGD" and np.isclose(momentum, MOMENTUM),
        f"`{name}` is compiled with {kind}"
        + (f" and a momentum of {momentum:g}" if kind == "SGD" else "")
        + f"; the task asks for SGD with a momentum of {MOMENTUM}.",
    )


def _expect_rate(name: str, model: keras.Model, rate: float, which: str) -> None:
    """Expect this learning rate, which the message calls ``which``."""
    found = _answers.learning_rate(model)
    expect(
        found is not None,
        f"The learning rate of `{name}` is a schedule; the task asks for one rate.",
    )
    expect(
        np.isclose(found, rate, rtol=1e-3),  # it is stored as float32
        f"`{name}` has a learning rate of {found:g}; {which} is {rate:g}.",
    )


def _expect_steps(
    name: str, model: keras.Model, train: np.ndarray, *, epochs: int | None = None
) -> None:
    """Expect as many training steps as the training rows and the batch size give.

    Without ``epochs``, any number of whole epochs will do. Other rows than the training set's, such
    as the validation rows with them, take another number of steps per epoch.
    """
    rows = _row_numbers(train=train)["train"]
    batch = _task().batch_size
    per_epoch = -(-len(rows) // batch)
    taken = _training.steps_taken(model, name)
    so_far = (
        f"The optimiser of `{name}` has taken {taken} training steps. With {len(rows)} training "
        f"rows in batches of {batch}, an epoch takes {per_epoch}"
    )
    why = "Was `fit` called twice, with another batch size, or with other rows?"
    if epochs is None:
        expect(
            taken % per_epoch == 0 and taken <= MOST_EPOCHS * per_epoch,
            f"{so_far}, and {MOST_EPOCHS} epochs are allowed. {why}",
        )
    else:
        expect(
            taken == epochs * per_epoch,
            f"{so_far}, and the training has {epochs} epochs. {why}",
        )


def _expect_history(
    history: dict[str, list[float]],
    name: str,
    model: keras.Model,
    model_name: str,
    x: np.ndarray,
    y: np.ndarray,
    *,
    restored: bool = False,
) -> None:
    """Expect a history of losses and accuracies that belongs to this network."""
    for metric in ("loss", "val_loss"):
        expect(
            metric in history,
            f"`{name}` records {', '.join(history)}, but no {metric}. What `fit` returns has it, "
            "if validation rows are given.",
        )
    accuracies = [metric for metric in history if "acc" in metric]
    expect(
        any(metric.startswith("val_") for metric in accuracies)
        and not all(metric.startswith("val_") for metric in accuracies),
        f"`{name}` records {', '.join(history)}. The task asks for the accuracy on the training "
        "and on the validation rows: was the network compiled with that metric?",
    )
    for metric in ("loss", "val_loss", *accuracies):
        values = np.asarray(history[metric])
        top = 1 if metric in accuracies else 1e3
        expect(
            np.isfinite(values).all() and values.min() >= 0 and values.max() <= top,
            f"The {metric} in `{name}` runs from {values.min():.3g} to {values.max():.3g}, which "
            "is not possible for it, or training broke down.",
        )
        expect(
            metric in accuracies or values.min() > 0,
            f"The {metric} in `{name}` is 0 in some epoch. A network is never so sure of all rows.",
        )
    train_accuracy = next(metric for metric in accuracies if not metric.startswith("val_"))
    for metric, better in (("loss", -1), ("val_loss", -1), (train_accuracy, 1)):
        values = np.asarray(history[metric])
        end = values.min() if restored and metric == "val_loss" else values[-1]
        expect(
            better * (end - values[0]) > 0,
            f"The {metric} in `{name}` went from {values[0]:.3f} to {end:.3f}: that is not how "
            "the training of a new network runs.",
        )
    _losses.check_history(history, model, x, y, restored=restored, name=name, model_name=model_name)


# ---------------------------------------------------------------------------- a first network


@declare(
    "C.5",
    "A base network",
    points=2,
    level="basic",
    hints=(
        'The chapter "Batch size" builds, compiles and trains such a network. Write a function '
        "that builds it, with the learning rate as an argument: you will need it again.",
        "Compile with the optimiser `keras.optimizers.SGD` and its `momentum`, the loss for "
        "one-hot labels, and the metric of the task.",
        "In `fit`, give the validation set as `validation_data`, and the numbers of the task as "
        "`batch_size` and `epochs`. Run the cell once: each further `fit` goes on with the same "
        "network.",
    ),
    train=Array(),
    validation=Array(),
    x_validation=Array(),
    base=Model(),
    history_base=History(),
)
def base_network(train, validation, x_validation, base, history_base):
    """Expect the base network, trained as the task says, and its history."""
    x, y = _validation_set(validation, x_validation)
    task = _task()
    _expect_base("base", base)
    _expect_rate("base", base, DEFAULT_RATE, "the default of SGD")
    epochs = len(next(iter(history_base.values())))
    expect(
        epochs == task.epochs,
        f"`history_base` has {epochs} epochs; the task asks for {task.epochs}.",
    )
    _expect_history(history_base, "history_base", base, "base", x, y)
    _expect_steps("base", base, train, epochs=epochs)
    # In eight runs, over seeds and variants, the base network reached 88 to 95 %.
    p = _models.probabilities(base, x, "base")
    _models.expect_accuracy(p, y, 0.7, name="base", rows="the validation rows")


# ------------------------------------------------------------------------------ the learning rate


def _losses_at(rate: float, x: np.ndarray, classes: np.ndarray, x_new, y_new) -> np.ndarray:
    """Return validation losses of three base networks that scikit-learn trains with this rate.

    It is the same network, with the same starting weights and the same steps, in a fraction of the
    time. The loss is infinite where training broke down.
    """
    from sklearn.neural_network import MLPClassifier

    task, found = _task(), []
    for seed in range(3):
        network = MLPClassifier(
            (task.units,),
            solver="sgd",
            learning_rate_init=rate,
            momentum=MOMENTUM,
            nesterovs_momentum=False,
            alpha=0,
            batch_size=task.batch_size,
            max_iter=task.epochs,
            n_iter_no_change=task.epochs + 1,
            random_state=seed,
        )
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                p = network.fit(x, classes).predict_proba(x_new)
            found.append(_models.cross_entropy(p, y_new) if np.isfinite(p).all() else np.inf)
        except ValueError:  # its weights are not finite
            found.append(np.inf)
    return np.array(found)


def _bounds(usual: np.ndarray) -> tuple[float, float]:
    """Return between which losses another run may end, given those of a few runs.

    Over 16 seeds at eight rates, losses differed by a factor of 1.2 to 2, and by up to 4 at rates
    at which training is unstable and the few runs differ much as well.
    """
    finite = usual[np.isfinite(usual)]
    if len(finite) < len(usual):
        return (finite.min() / 5 if len(finite) else 0.5), np.inf
    factor = 3 * usual.max() / usual.min()
    # Worse than ten equal probabilities: training has broken down, and may give NaN as well.
    broke_down = usual.max() > np.log(CLASSES) + 0.1
    return usual.min() / factor, np.inf if broke_down else usual.max() * factor


@declare(
    "C.6",
    "A learning rate, from both sides",
    points=2,
    level="standard",
    hints=(
        'The chapter "Learning rate and optimisers" compares rates by factors. Where does the '
        "loss rise again?",
        "Loop over the rates. Build a new network in each round, or training goes on with the "
        "weights of the round before; keep the networks in a dict by their rate.",
        "Start with the default rate, and multiply and divide it by 10. If the lowest loss is at "
        "an end of the table, add a rate there. `tuned` is the network that the dict has for "
        "`best_rate`.",
    ),
    train=Array(),
    validation=Array(),
    x_train=Array(),
    x_validation=Array(),
    rates=Table(),
    best_rate=Number(),
    tuned=Model(),
)
def learning_rates(train, validation, x_train, x_validation, rates, best_rate, tuned):
    """Expect at least four rates, a best one inside of them, and the network trained with it."""
    rates = _answers.index_as_columns(rates)
    tried = _answers.numbers("rates", rates, "learning_rate")
    # With too large a rate, training diverges and the loss may be missing.
    losses = _answers.numbers("rates", rates, "val_loss", failed=True)
    losses = np.where(np.isfinite(losses), losses, np.inf)
    order = np.argsort(tried)
    tried, losses = tried[order], losses[order]
    expect(
        (tried > 1e-6).all() and (tried < 100).all(),
        f"`rates` has learning rates from {tried[0]:.3g} to {tried[-1]:.3g}; rates between "
        "0.000001 and 100 are enough to see both sides.",
    )
    expect(
        len(np.unique(tried)) == len(tried),
        "`rates` has a learning_rate twice; one row for each is needed.",
    )
    expect(
        len(tried) >= 4, f"`rates` has {len(tried)} rates; at least four show where the best lies."
    )
    steps = tried[1:] / tried[:-1]
    # 2 and 10, as the task says, with room for rates such as 0.03, 0.06 or 0.1.
    expect(
        ((steps > 1.9) & (steps < 10.5)).all(),
        f"Neighbours in `rates` differ by factors of {', '.join(f'{step:.3g}' for step in steps)}. "
        "The task asks for rates that are from 2 to 10 times apart.",
    )
    lowest = losses.min()
    expect(
        np.isfinite(lowest) and lowest > 0,
        f"The lowest val_loss in `rates` is {lowest:.3g}. No network that was trained has that.",
    )
    expect(
        min(losses[0], losses[-1]) > lowest,
        "In `rates`, val_loss is lowest at the smallest or the largest rate that was tried. It may "
        "go on falling beyond: try a rate on that side.",
    )
    at_best = losses[np.isclose(tried, best_rate, rtol=1e-6)]
    expect(
        len(at_best) and at_best[0] <= lowest,
        f"`best_rate` is {best_rate:g}, "
        + ("where val_loss is not the lowest." if len(at_best) else "which is not in `rates`."),
    )

    x, y = _validation_set(validation, x_validation)
    _expect_base("tuned", tuned)
    _expect_rate("tuned", tuned, best_rate, "`best_rate`")
    _expect_steps("tuned", tuned, train, epochs=_task().epochs)
    found = _losses.exact_cross_entropy(tuned, x, y)
    # The loss in the table may be rounded.
    expect(
        abs(found - lowest) <= THREE_DECIMALS + 2e-3 * lowest,
        f"`tuned` has another cross-entropy on the validation rows than the {lowest:.4f} that "
        "`rates` has for its rate. Is it the network of that row, as it was after the last epoch?",
    )

    rows = _row_numbers(train=train, validation=validation)
    _expect_prepared({"train": x_train, "validation": x_validation}, rows)
    classes = _digits()[1][rows["train"]]
    inputs = x_train.astype(np.float64)
    for rate, loss in zip(tried, losses, strict=True):
        usual = _losses_at(rate, inputs, classes, x, y)
        low, high = _bounds(usual)
        expect(
            low <= loss <= high,
            f"In `rates`, val_loss is {loss:.3f} for a learning rate of {rate:g}; {_task().epochs} "
            "epochs of a new base network give other losses there. Did each rate get a network of "
            "its own, and is it the loss on the validation rows after the last epoch?",
        )


# ---------------------------------------------------------------------------------- callbacks


@declare(
    "C.7",
    "Training that ends by itself",
    points=3,
    level="standard",
    hints=(
        'The chapter "Callbacks" shows early stopping, and "Learning-rate schedules" a rate that '
        "falls on a plateau. Which argument brings the best weights back?",
        "Give `fit` a list of both callbacks. If training stops before the rate has fallen, "
        "compare the two values of `patience`.",
        "The callback for the rate needs the smaller `patience`, so that training goes on at a "
        "lower rate before it stops. Make new callbacks for each `fit`.",
    ),
    train=Array(),
    validation=Array(),
    x_validation=Array(),
    best_rate=Number(),
    stopped=Model(),
    history_stopped=History(),
)
def callbacks(train, validation, x_validation, best_rate, stopped, history_stopped):
    """Expect early stopping with the best weights, and a learning rate reduced on plateaus."""
    x, y = _validation_set(validation, x_validation)
    _expect_base("stopped", stopped)
    _expect_history(history_stopped, "history_stopped", stopped, "stopped", x, y, restored=True)
    losses = np.asarray(history_stopped["val_loss"])
    expect(
        len(losses) < MOST_EPOCHS,
        f"`history_stopped` has {len(losses)} epochs, all of the {MOST_EPOCHS} that the task "
        "allows: training did not end by itself. Was early stopping given to `fit`?",
    )
    expect(
        len(losses) > 1 and losses[:-1].min() <= losses.min() + RESTORED_TOLERANCE,
        "The validation loss in `history_stopped` is lowest in its last epoch, and still falling: "
        "early stopping on the validation loss did not end it.",
    )
    now = _losses.exact_cross_entropy(stopped, x, y)
    expect(
        abs(now - losses.min()) <= RESTORED_TOLERANCE,
        f"`stopped` has a validation loss of {now:.4f}, while its best epoch had "
        f"{losses.min():.4f}. What does early stopping have to be told so that the best weights "
        "come back?",
    )
    # Training never stops in the epoch that it keeps. In the last epochs, at a low rate, losses
    # may be too close to tell epochs apart.
    away = np.abs(losses - now)
    expect(
        away[:-1].min() <= away[-1] + SAME_LOSS,
        "`stopped` has the weights of its last epoch, which is not the one that early stopping "
        "keeps. What does it have to be told so that the best weights come back?",
    )
    expect(
        "learning_rate" in history_stopped,
        f"`history_stopped` records {', '.join(history_stopped)}; the callback that reduces the "
        "rate adds it to the history. Was it given to `fit`?",
    )
    rates = np.asarray(history_stopped["learning_rate"])
    expect(
        np.isclose(rates[0], best_rate, rtol=1e-3),  # it is stored as float32
        f"By `history_stopped`, training did not begin at `best_rate`, which is {best_rate:g}.",
    )
    expect(
        (np.diff(rates) <= 1e-12).all() and 0 < rates[-1] < 0.9 * rates[0],
        f"By `history_stopped`, the learning rate went from {rates[0]:.4g} to {rates[-1]:.4g}. It "
        "is to fall where the loss does not, before training ends: which of the two callbacks has "
        "to be the less patient one?",
    )
    _expect_steps("stopped", stopped, train, epochs=len(losses))
    # In eight runs, over seeds and variants, it reached 93 to 97 %.
    _models.expect_accuracy(
        _models.probabilities(stopped, x, "stopped"),
        y,
        0.8,
        name="stopped",
        rows="the validation rows",
    )


# ------------------------------------------------------- capacity, regularisation, selection


def _candidates(
    candidates: pd.DataFrame, outputs: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], float]:
    """Return parameters and losses of the candidates, and the row positions of each network.

    The positions are in the order of the seeds, which are the same for all networks, so that
    runs can be compared in pairs. The last value is by how much the losses were rounded.
    """
    table = _answers.index_as_columns(candidates)
    names = _answers.words("candidates", table, "network")
    parameters = _answers.numbers("candidates", table, "parameters")
    seeds = _answers.numbers("candidates", table, "seed")
    losses = _answers.numbers("candidates", table, "val_loss")
    accuracies = _answers.numbers("candidates", table, "val_accuracy")
    runs = _answers.runs_by_network("candidates", names, seeds)
    runs = {name: rows[np.argsort(seeds[rows])] for name, rows in runs.items()}
    asked = _task().seeds
    for name, rows in runs.items():
        count = parameters[rows]
        expect(
            len(np.unique(count)) == 1,
            f"The runs of {name[:40]!r} in `candidates` have different numbers of parameters. Only "
            "the seed is to differ between runs of a network.",
        )
        expect(
            PIXELS + CLASSES <= count[0] <= MAX_PARAMETERS and count[0] == round(count[0]),
            f"`candidates` has {count[0]:g} parameters for {name[:40]!r}. A dense network that "
            "sees 64 pixels has more than 74, and none of these needs ten million.",
        )
        expect(
            len(rows) >= MIN_SEEDS,
            f"`candidates` has {len(rows)} {'seed' if len(rows) == 1 else 'seeds'} for "
            f"{name[:40]!r}; at least {MIN_SEEDS} are asked for. With fewer pairs of runs, the "
            "interval of a difference gets very wide.",
        )
        missing = sorted(set(asked) - set(seeds[rows]))
        expect(
            not missing,
            f"`candidates` has no run of {name[:40]!r} with the seed "
            f"{missing[0] if missing else 0}. The task asks for the seeds "
            f"{', '.join(map(str, asked))} for each network: networks are compared by pairs of "
            "runs that share a seed.",
        )
        expect(
            np.array_equal(seeds[rows], seeds[runs[names[0]]]),
            f"`candidates` has other seeds for {name[:40]!r} than for {names[0][:40]!r}. Networks "
            "are compared by pairs of runs that share a seed, so all of them need the same seeds.",
        )

    expect(
        outputs.shape == (len(table), len(y), CLASSES),
        f"`outputs` has shape {outputs.shape}. For each of the {len(table)} rows of `candidates`, "
        f"it is to hold the {CLASSES} probabilities of each of {len(y)} validation rows.",
    )
    _expect_numbers("outputs", outputs)
    # Softmax in float32 sums to 1 within 1e-6, in float16 within 5e-3.
    expect(
        outputs.min() >= 0
        and outputs.max() < 1.01
        and (np.abs(outputs.sum(axis=2, dtype=np.float64) - 1) < 0.01).all(),
        f"`outputs` has values from {outputs.min():.3g} to {outputs.max():.3g}, and they do not "
        "sum to 1 for each validation row. The probabilities that a network puts out are asked "
        "for.",
    )
    told = np.array([_losses_of(p, y) for p in outputs])
    distance = np.abs(told - losses[:, None]).min(axis=1)
    wrong = distance > THREE_DECIMALS + 1e-3 * losses
    at = int(np.argmax(wrong))
    expect(
        not wrong.any(),
        f"Row {at} of `candidates` (counted from 0, {names[at][:40]!r}) has a val_loss of "
        f"{losses[at]:.4g}, and its probabilities in `outputs` have another cross-entropy. Are "
        "both of the same run, in the same order, of the network as it is after training, and "
        "without the penalty?" + _of_your_variant(),
    )
    shares = np.array([_models.accuracy(p, y) for p in outputs])
    wrong = np.abs(shares - accuracies) > THREE_DECIMALS
    at = int(np.argmax(wrong))
    expect(
        not wrong.any(),
        f"Row {at} of `candidates` (counted from 0, {names[at][:40]!r}) has a val_accuracy of "
        f"{accuracies[at]:.4g}, which is not the share of validation rows for which `outputs` "
        "gives the right class the largest probability. Shares are between 0 and 1.",
    )
    order = np.argsort(told[:, 0])
    for one, other in itertools.pairwise(order):
        expect(
            np.abs(outputs[one] - outputs[other]).max() > SAME_OUTPUT,
            f"Rows {min(one, other)} and {max(one, other)} of `candidates` (counted from 0) have "
            "the same probabilities in `outputs`. Networks that start from different weights "
            "differ: was the seed set before the network was built, and was each run recorded?",
        )
    return parameters, losses, runs, float(distance.max())


def _losses_of(p: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the cross-entropy of probabilities, clipped as Keras does and not clipped."""
    return _models.cross_entropy(p, y), _models.cross_entropy(p, y, 1e-37)


def _row_of(name: str, model: keras.Model, x: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return the rows of ``outputs`` that this network puts out."""
    p = _models.probabilities(model, x, name)
    return np.flatnonzero(np.abs(outputs - p).max(axis=(1, 2)) <= SAME_OUTPUT)


def _regularisation(model: keras.Model) -> bool:
    """Return whether a network has dropout or an L2 penalty on weights."""
    for layer in _models.layers(model):
        if "Dropout" in type(layer).__name__ and float(getattr(layer, "rate", 0) or 0) > 0:
            return True
        penalty = getattr(layer, "kernel_regularizer", None)
        if float(np.asarray(getattr(penalty, "l2", 0) or 0)) > 0:
            return True
    return False


@declare(
    "C.8",
    "Sizes and regularisation, over seeds",
    points=4,
    level="challenge",
    hints=(
        'The chapter "Capacity and the grid" loops over networks, "One run or many?" over seeds, '
        'and "Regularisation" shows dropout and L2. Here, one loop is inside the other.',
        "In the inner loop: set the seed, build, train with new callbacks, compute the "
        "probabilities of the validation rows, and append a row to the table and the "
        "probabilities to a list.",
        "Compute both metrics from the probabilities: the mean of minus the logarithm of the "
        "right class's probability, and the share of rows whose largest probability is that of "
        "the right class. Both lists grow in the same round, so their order agrees.",
    ),
    train=Array(),
    validation=Array(),
    x_validation=Array(),
    candidates=Table(),
    outputs=Array(),
    regularised=Model(),
)
def candidates_over_seeds(train, validation, x_validation, candidates, outputs, regularised):
    """Expect at least four networks of three sizes, five seeds each, with metrics of theirs."""
    x, y = _validation_set(validation, x_validation)
    parameters, losses, runs, _ = _candidates(candidates, outputs, y)
    sizes = np.unique(parameters)
    expect(
        len(runs) >= 4,
        f"`candidates` has {len(runs)} networks: {', '.join(runs)[:200]}. Three sizes are asked "
        "for, and one of them once more with dropout or an L2 penalty.",
    )
    expect(
        len(sizes) >= 3,
        f"`candidates` has networks of {len(sizes)} sizes: "
        f"{', '.join(f'{size:,.0f}' for size in sizes)} parameters. The task asks for three.",
    )
    means = {name: float(losses[rows].mean()) for name, rows in runs.items()}
    best = min(means, key=means.get)
    # In eight runs, over seeds and variants, the best network had 0.11 to 0.18.
    expect(
        means[best] < 0.4,
        f"The lowest mean val_loss of a network in `candidates` is {means[best]:.3f}, for "
        f"{best[:40]!r}. A larger network, or a better rate, gets further on these digits.",
    )
    expect(
        means[best] > 0.01,
        f"The mean val_loss of {best[:40]!r} in `candidates` is {means[best]:.4f}, too good to be "
        "true for rows that a network has not seen. Were the validation rows trained on?",
    )
    _expect_classifier("regularised", regularised)
    expect(
        _regularisation(regularised),
        "`regularised` has neither a dropout layer nor an L2 penalty on the weights of a layer; "
        "the task asks for a network with one of them.",
    )
    at = _row_of("regularised", regularised, x, outputs)
    expect(
        len(at),
        "No row of `outputs` has the probabilities that `regularised` gives for the validation "
        "rows. Is it one of the trained networks of the table, as it was when its row was made?",
    )
    expect(
        regularised.count_params() == parameters[at[0]],
        f"`regularised` has {regularised.count_params():,} parameters, and its row in `candidates` "
        f"{parameters[at[0]]:,.0f}.",
    )
    _expect_steps("regularised", regularised, train)


@declare(
    "C.9",
    "A choice by the rule",
    points=3,
    level="challenge",
    hints=(
        'The chapter "One run or many?" compares two networks by pairs of runs that share a seed. '
        "Which network is each of the others compared with?",
        "Pivot the table to a column per network and a row per seed. The best network has the "
        "lowest column mean. Then compute `evaluation.paired_difference` of each other column and "
        "the best one.",
        "Keep the best network and those whose difference is not `separated`. Of these, take the "
        "one with the fewest parameters, and for `final` its run of the first seed from the dict "
        "of trained networks.",
    ),
    train=Array(),
    validation=Array(),
    x_validation=Array(),
    candidates=Table(),
    outputs=Array(),
    chosen=Text(),
    final=Model(),
)
def choice_by_rule(train, validation, x_validation, candidates, outputs, chosen, final):
    """Expect the smallest network not separated from the best over seeds, and a run of it."""
    from coursekit.evaluation import paired_difference

    x, y = _validation_set(validation, x_validation)
    parameters, losses, runs, rounded = _candidates(candidates, outputs, y)
    # Rounded losses move the ends of an interval by about as much.
    rounding = max(ROUNDING, rounded)
    name = chosen.strip().lower()
    if name not in runs:  # compare without punctuation, as for other choices
        spelled = {_answers.normalised(network): network for network in runs}
        name = spelled.get(_answers.normalised(chosen), name)
    expect(
        name in runs,
        f"`chosen` is {chosen[:60]!r}; the networks in `candidates` are "
        f"{', '.join(map(repr, runs))[:300]}.",
    )
    means = {network: float(losses[rows].mean()) for network, rows in runs.items()}
    best = min(means, key=means.get)
    differences = {
        network: paired_difference(losses[rows], losses[runs[best]])
        for network, rows in runs.items()
    }
    size = {network: parameters[rows][0] for network, rows in runs.items()}
    expect(
        differences[name].low <= rounding,
        f"The val_loss of {name[:60]!r} minus that of {best[:60]!r}, which has the lowest mean, is "
        f"{differences[name]}. The interval leaves out 0, so the rule does not allow this choice.",
    )
    allowed = [best, *(network for network in runs if differences[network].low < -rounding)]
    smallest = min(allowed, key=lambda network: (size[network], means[network]))
    expect(
        (size[name], means[name]) <= (size[smallest], means[smallest] + rounding),
        f"{name[:60]!r} has {size[name]:,.0f} parameters and a mean val_loss of "
        f"{means[name]:.4f}. By the rule, which other networks are not separated from "
        f"{best[:60]!r}, and how large are they?",
    )
    _expect_classifier("final", final)
    at = _row_of("final", final, x, outputs)
    expect(
        len(at),
        "No row of `outputs` has the probabilities that `final` gives for the validation rows. Was "
        "it trained again after the table was made?",
    )
    expect(
        at[0] in runs[name],
        f"`final` is a run of another network in `candidates` than {name[:60]!r}.",
    )
    seeds = _answers.numbers("candidates", _answers.index_as_columns(candidates), "seed")
    first = _task().seeds[0]
    expect(
        first in seeds[at],
        f"`final` is the run of {name[:60]!r} with the seed {seeds[at[0]]:g}; the task asks for "
        f"that of the first seed, {first}. A run that is chosen for its result looks better than "
        "the next one will be.",
    )
    expect(
        final.count_params() == size[name],
        f"`final` has {final.count_params():,} parameters, and {name[:60]!r} in `candidates` "
        f"{size[name]:,.0f}.",
    )
    _expect_steps("final", final, train)


# ---------------------------------------------------------------------------------- the test


def _tested(
    test: np.ndarray, x_test: np.ndarray, final: keras.Model, test_classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the actual classes of the test rows, and those that the final network predicts."""
    rows = _row_numbers(test=test)["test"]
    actual = _digits()[1][rows]
    named = _expect_classes("test_classes", test_classes, len(actual), "test rows")
    _expect_classifier("final", final)
    x = _expect_images("test", x_test, rows)
    p = _models.probabilities(final, x, "final")
    differ = int((p.argmax(axis=1) != named).sum())
    # In one row, two classes may be equally probable but for the rounding of float32.
    expect(
        differ <= 1,
        f"For {differ} of {len(named)} test rows, `final` gives another class the largest "
        "probability than `test_classes` says. Is each row's answer that of this network, and is "
        "the first class 0?",
    )
    return actual, named


@declare(
    "C.10",
    "The test set, opened once",
    points=2,
    level="basic",
    hints=(
        'The chapter "The final model" opens the test set of MNIST. What does `predict` return for '
        "one row?",
        "Take the position of the largest probability in each row of what `final` predicts for "
        "`x_test`.",
        "Compare `test_classes` with `labels` at the row numbers in `test`; the mean of that "
        "comparison is the accuracy. Do not round it to fewer than three decimals.",
    ),
    train=Array(),
    test=Array(),
    x_test=Array(),
    final=Model(),
    test_classes=Array(),
    test_accuracy=Number(),
)
def the_test(train, test, x_test, final, test_classes, test_accuracy):
    """Expect the final network's predictions for the test set, and their accuracy."""
    actual, named = _tested(test, x_test, final, test_classes)
    hits = float((named == actual).mean())
    # The rule may choose a small network: one of four units named 87 % rightly. Rows in another
    # order give about 10 %.
    expect(
        hits > 0.6,
        f"`final` predicts {hits:.1%} of the test rows rightly, far fewer than of the validation "
        "rows. Are rows and labels in the same order, and prepared alike?",
    )
    _expect_steps("final", final, train)
    _expect_share(
        "test_accuracy",
        test_accuracy,
        hits,
        "the share of the test rows for which `test_classes` has the class of `labels`",
    )


@declare(
    "C.11",
    "Confusion matrix and interval",
    points=2,
    level="standard",
    hints=(
        'The chapter "The final model" prints a confusion matrix and the interval of its accuracy. '
        "What does each row of the matrix count?",
        "Make a `ConfusionReport` with `from_labels`: first the actual classes of the test rows, "
        "then those that the network predicts. Give it all ten classes in its argument `labels`, "
        "so that none is left out.",
        "The report has the attributes `matrix` and `accuracy_interval`.",
    ),
    test=Array(),
    x_test=Array(),
    final=Model(),
    test_classes=Array(),
    confusion=Array(),
    interval=Array(),
)
def confusion_and_interval(test, x_test, final, test_classes, confusion, interval):
    """Expect a confusion matrix with one row per actual class, and the exact interval."""
    from coursekit.evaluation import ConfusionReport

    actual, named = _tested(test, x_test, final, test_classes)
    report = ConfusionReport.from_labels(actual, named, labels=range(CLASSES))
    expect(
        confusion.shape == (CLASSES, CLASSES),
        f"`confusion` has shape {confusion.shape}; it is to have a row and a column for each of "
        f"{CLASSES} classes.",
    )
    _expect_numbers("confusion", confusion)
    expect(
        np.array_equal(confusion, report.matrix) or not np.array_equal(confusion, report.matrix.T),
        "`confusion` has a column per actual class and a row per predicted one; it is asked for "
        "the other way round.",
    )
    with np.errstate(over="ignore"):
        total = confusion.sum()
    expect(
        np.array_equal(confusion, report.matrix),
        f"`confusion` has {np.trace(confusion):g} of {total:g} on its diagonal, and is not the "
        "count of `test_classes` against the actual classes: counts, not shares, of the test rows.",
    )
    expect(
        interval.shape == (2,),
        f"`interval` has shape {interval.shape}; it is to hold two numbers, the lower end and the "
        "upper one.",
    )
    _expect_numbers("interval", interval)
    expect(
        interval[0] <= interval[1],
        f"`interval` runs from {interval[0]:.4g} to {interval[1]:.4g}; the lower end comes first.",
    )
    # Other kinds of intervals differ by 0.002 and more for a few hundred rows.
    expect(
        np.abs(interval - np.array(report.accuracy_interval)).max() <= THREE_DECIMALS,
        f"`interval` runs from {interval[0]:.4g} to {interval[1]:.4g}. The exact interval "
        "(Clopper-Pearson), for as many hits of as many test rows, has other ends.",
    )


@declare(
    "C.12",
    "The class that does worst",
    points=1,
    level="basic",
    hints=(
        "The glossary says what sensitivity and positive predictive value are. By which total "
        "does each divide the diagonal of the matrix?",
        "The method `per_class` of the report makes a table with a row per class and a column per "
        "statistic.",
        "Take the column that `numbers.statistic` names. The methods `idxmin` and `min` of a "
        "column give the class and its value.",
    ),
    test=Array(),
    x_test=Array(),
    final=Model(),
    test_classes=Array(),
    weakest=Number(),
    weakest_value=Number(),
)
def weakest_class(test, x_test, final, test_classes, weakest, weakest_value):
    """Expect the class with the lowest value of the variant's statistic, and the value."""
    actual, named = _tested(test, x_test, final, test_classes)
    statistic = _task().statistic
    expect(weakest in range(CLASSES), f"`weakest` is {weakest:g}, which is no class.")
    of, divide_by, not_by = (
        (actual, "how often each class occurs", "how often it is predicted")
        if statistic == "sensitivity"
        else (named, "how often each class is predicted", "how often it occurs")
    )
    values = np.array(
        [
            (named == actual)[of == digit].mean() if (of == digit).any() else np.nan
            for digit in range(CLASSES)
        ]
    )
    found = values[int(weakest)]
    expect(
        np.isclose(found, np.nanmin(values)),
        f"`weakest` is {weakest:g}, whose {statistic} is {found:.3f}. Another class has a lower "
        f"one. Divide by {divide_by}, not by {not_by}.",
    )
    _expect_share("weakest_value", weakest_value, found, f"the {statistic} of the class `weakest`")


@declare(
    "C.13",
    "What may be claimed",
    points=1,
    level="standard",
    hints=(
        'The chapter "Is it really recognising people?" asks what a split allows you to claim. Who '
        "wrote the test digits, and what else did they write?",
        "Ask of each claim: new images of which kind does it speak of, and were the test rows "
        "drawn like these?",
        "Strike out what speaks of people or networks that the test set says nothing about. If two "
        "claims are left: of what is this interval, of the accuracy in general, or of one more "
        "sample?",
    ),
    claim=Text(),
)
def what_may_be_claimed(claim):
    """Expect choice a."""
    letter = _answers.choice("claim", claim, "abcd")
    hint = {
        "b": "That is what one would like to know. But how many people wrote these digits, and on "
        'which sides of the split are they? See the chapter "Is it really recognising people?".',
        "c": "The rule chose by the validation rows, and may prefer a smaller network. Which of "
        "the networks did the test set judge?",
        "d": "The interval has 95 % in its name. Which number does it speak of, and what else "
        'would differ in a new test set? See "How precise is one accuracy?" in the chapter "One '
        'run or many?".',
    }
    expect(letter == "a", f"`claim` is {letter!r}. {hint.get(letter)}")
