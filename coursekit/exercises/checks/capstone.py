"""Checks of the capstone: the tuning checklist, applied to scikit-learn's digits."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _answers, _losses, _models
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Table, Text

if TYPE_CHECKING:
    import keras

PIXELS, CLASSES = 64, 10
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
BASE_PARAMETERS = 64 * 32 + 32 + 32 * 10 + 10
MIN_SEEDS = 5
# Tolerance for the best validation loss, since early stopping may ignore small improvements.
RESTORED_TOLERANCE = 1.2e-3
ROUNDING = 1e-6  # for losses that were rounded, or computed in another order


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the images as rows of pixels, 0 to 16, and their digits."""
    from sklearn.datasets import load_digits

    bundle = load_digits()
    return bundle.data.astype(np.float64), bundle.target.astype(np.int64)


def _row_numbers(**parts: np.ndarray) -> dict[str, np.ndarray]:
    n = len(_digits()[1])
    return {name: _answers.row_numbers(name, rows, n) for name, rows in parts.items()}


# --------------------------------------------------------------------------- split and prepare


@declare("C.1", "Three sets, stratified", points=2, train=Array(), validation=Array(), test=Array())
def three_parts(train, validation, test):
    """Expect each row in exactly one set, split 60:20:20, with equal shares of each digit."""
    _, labels = _digits()
    parts = _row_numbers(train=train, validation=validation, test=test)
    _answers.expect_partition(parts, len(labels))
    for name, rows in parts.items():
        share = len(rows) / len(labels)
        expect(
            abs(share - SHARES[name]) < 0.01,
            f"`{name}` holds {share:.1%} of the rows; the three sets are to be 60:20:20.",
        )
    for name, rows in parts.items():
        counts = np.bincount(labels[rows], minlength=CLASSES)
        wanted = np.bincount(labels) * len(rows) / len(labels)
        digit = int(np.abs(counts - wanted).argmax())
        expect(
            abs(counts[digit] - wanted[digit]) <= 2.5,
            f"`{name}` has {counts[digit]} images of the digit {digit}, where the same share as in "
            f"all data would give about {wanted[digit]:.0f}. Split so that each digit keeps its "
            "share.",
        )
    expect(
        not np.array_equal(np.sort(train), np.arange(len(train))),
        "`train` holds the first rows of the data. They are in the order in which they were "
        "collected, writer after writer; draw the rows at random.",
    )


def _fitted_scaling(x: np.ndarray, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the factor and the offset of each pixel's scaling, fitted by least squares."""
    mean_raw, mean = raw.mean(axis=0), x.mean(axis=0)
    centred = raw - mean_raw
    square = (centred**2).sum(axis=0)
    factor = (centred * (x - mean)).sum(axis=0) / np.where(square == 0, 1, square)
    return factor, mean - factor * mean_raw


@declare(
    "C.2",
    "Inputs, prepared without a leak",
    points=3,
    train=Array(),
    validation=Array(),
    test=Array(),
    x_train=Array(),
    x_validation=Array(),
    x_test=Array(),
)
def inputs(train, validation, test, x_train, x_validation, x_test):
    """Expect rows of 64 numbers, scaled in all three sets by a rule of the training set alone."""
    pixels, _ = _digits()
    rows = _row_numbers(train=train, validation=validation, test=test)
    prepared = {"train": x_train, "validation": x_validation, "test": x_test}
    for name, x in prepared.items():
        expect(
            x.shape == (len(rows[name]), PIXELS),
            f"`x_{name}` has shape {x.shape}. A dense network takes one row of {PIXELS} numbers "
            f"per image, and `{name}` names {len(rows[name])} images.",
        )
        expect(
            x.dtype.kind in "fiu" and np.isfinite(x.astype(float)).all(),
            f"`x_{name}` has values that are not finite. Some pixels have the same value in all "
            "images of the training set; what happens to these where you divide?",
        )
    prepared = {name: x.astype(np.float64) for name, x in prepared.items()}
    typical = prepared["train"].std()
    expect(
        0.05 < typical < 3,
        f"The values of `x_train` spread by {typical:.3g} around their mean; inputs of a size of "
        "about 1 train well. What range do the pixels have?",
    )
    raw = pixels[rows["train"]]
    factor, offset = _fitted_scaling(prepared["train"], raw)
    # The scaling of a pixel that is constant in the training set cannot be recovered.
    varies = raw.std(axis=0) > 1e-9
    for name, x in prepared.items():
        by_rule = factor * pixels[rows[name]] + offset
        fits = np.isclose(x, by_rule, atol=0.01)[:, varies].mean()
        if name == "train":
            expect(
                fits > 0.999,
                "The rows of `x_train` are not the images that `train` names, pixel by pixel and "
                "scaled. Are they in the same order?",
            )
        else:
            expect(
                fits > 0.999,
                f"`x_{name}` is not scaled like `x_train`, or does not hold the images that "
                f"`{name}` names. Whatever was learned for the scaling goes unchanged to all "
                "three sets.",
            )
    expect(
        (factor[varies] > 0).all(),
        "Ink has the higher numbers in the data; in `x_train` some pixels are turned round.",
    )
    factor, offset = factor[varies], offset[varies]
    expect(
        _scaled_by(raw[:, varies], factor, offset, raw.mean()),
        "The scaling of the pixels is not one that the training set alone gives. Were other rows "
        "in it when means, deviations or ranges were computed?",
    )


def _scaled_by(raw: np.ndarray, factor: np.ndarray, offset: np.ndarray, overall: float) -> bool:
    """Return whether a common method gives this scaling for these rows.

    Also true for one fixed rule for all pixels, such as division by 16.
    """
    if np.allclose(factor, factor[0], rtol=0.01) and np.allclose(offset, offset[0], atol=0.01):
        # One rule for all pixels, such as division by 16. If it centres the values, it must use
        # the mean of these rows.
        return bool(
            np.isclose(offset[0], 0, atol=1e-3)
            or np.isclose(-offset[0] / factor[0], overall, rtol=2e-3)
            or np.isclose(-offset[0] / factor[0], 8, rtol=2e-3)  # from -1 to 1
        )
    spread = raw.max(axis=0) - raw.min(axis=0)
    for centre, scale in [
        (raw.mean(axis=0), raw.std(axis=0)),
        (raw.mean(axis=0), raw.std(axis=0, ddof=1)),
        (raw.min(axis=0), spread),
        ((raw.min(axis=0) + raw.max(axis=0)) / 2, spread / 2),
        (raw.mean(axis=0), np.full(raw.shape[1], 1 / np.median(factor))),
        (np.zeros(raw.shape[1]), np.abs(raw).max(axis=0)),
        (np.median(raw, axis=0), _interquartile_range(raw)),
    ]:
        if np.allclose(factor, 1 / scale, rtol=2e-4) and np.allclose(
            offset, -centre / scale, rtol=2e-4, atol=2e-4
        ):
            return True
    return False


def _interquartile_range(raw: np.ndarray) -> np.ndarray:
    """Return the interquartile range of each column, as scikit-learn's RobustScaler does."""
    low, high = np.percentile(raw, [25, 75], axis=0)
    return np.where(high > low, high - low, 1)


@declare(
    "C.3",
    "Labels, one-hot",
    points=1,
    train=Array(),
    validation=Array(),
    test=Array(),
    y_train=Array(),
    y_validation=Array(),
    y_test=Array(),
)
def one_hot_labels(train, validation, test, y_train, y_validation, y_test):
    """Expect one-hot labels that match the rows of each set."""
    _, labels = _digits()
    rows = _row_numbers(train=train, validation=validation, test=test)
    for name, y in {"train": y_train, "validation": y_validation, "test": y_test}.items():
        expect(
            y.shape == (len(rows[name]), CLASSES),
            f"`y_{name}` has shape {y.shape}; `{name}` names {len(rows[name])} images, and each "
            f"needs a row with a place for each of {CLASSES} digits.",
        )
        right = np.isclose(y, np.eye(CLASSES)[labels[rows[name]]]).all(axis=1).mean()
        expect(
            right == 1,
            f"In `y_{name}`, {1 - right:.0%} of the rows are not the one-hot labels of the images "
            f"that `{name}` names. Same rows, same order; the digit 0 has the first column.",
        )


# ------------------------------------------------------------------------------- a baseline


@declare(
    "C.4",
    "A baseline",
    points=2,
    train=Array(),
    validation=Array(),
    baseline_digits=Array(),
    baseline_accuracy=Number(),
    guessing=Number(),
)
def a_baseline(train, validation, baseline_digits, baseline_accuracy, guessing):
    """Expect predictions for the validation set, their accuracy, and that of guessing."""
    _, labels = _digits()
    rows = _row_numbers(train=train, validation=validation)
    actual = labels[rows["validation"]]
    expect(
        baseline_digits.shape == actual.shape,
        f"`baseline_digits` has shape {baseline_digits.shape}; it is to hold one digit for each of "
        f"the {len(actual)} validation rows.",
    )
    expect(
        np.isin(baseline_digits, np.arange(CLASSES)).all(),
        f"`baseline_digits` holds {baseline_digits[0]!r}, for example; digits are needed, from 0 "
        "to 9.",
    )
    hits = float((baseline_digits == actual).mean())
    expect(
        hits > 0.85,
        f"`baseline_digits` is right for {hits:.1%} of the validation rows. Simple methods do "
        "better than that, if images and labels belong together and the rows are in order.",
    )
    expect(
        hits < 0.9999,
        "`baseline_digits` is right for every validation row. Was the method fitted to them, or "
        "are these the labels themselves?",
    )
    expect(
        np.isclose(baseline_accuracy, hits, atol=2e-3),
        f"`baseline_accuracy` is {baseline_accuracy:.4f}; of `baseline_digits`, {hits:.4f} are "
        "right. An accuracy is a share of rows.",
    )
    # If several digits are equally frequent in the training set, any of them may be guessed.
    counts = np.bincount(labels[rows["train"]], minlength=CLASSES)
    shares = [float((actual == digit).mean()) for digit in np.flatnonzero(counts == counts.max())]
    expect(
        any(np.isclose(guessing, share, atol=6e-4) for share in shares),
        f"`guessing` is {guessing:.4f}, which is not the share of right answers on the validation "
        "rows when always naming the digit that the training set has most of.",
    )


# -------------------------------------------------------------------------- networks in general


def _checked_shapes(
    x_validation: np.ndarray, y_validation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the validation set; Wrong if its shapes do not suit the network."""
    expect(
        x_validation.ndim == 2 and x_validation.shape[1] == PIXELS,
        f"`x_validation` has shape {x_validation.shape}; one row has {PIXELS} numbers.",
    )
    expect(
        y_validation.shape == (len(x_validation), CLASSES),
        f"`y_validation` has shape {y_validation.shape}, which does not suit the "
        f"{len(x_validation)} rows of `x_validation`.",
    )
    return x_validation, y_validation


def _expect_classifier(name: str, model: keras.Model) -> None:
    """Expect 64 inputs, ten softmax outputs, and a loss for one-hot labels."""
    _models.expect_shapes(model, (PIXELS,), CLASSES, name)
    last = _models.activations(model)[-1:]
    expect(
        last == ["softmax"],
        f"The output layer of `{name}` has the activation {', '.join(last) or 'none'}. What turns "
        "its ten numbers into probabilities that sum to 1?",
    )
    _models.expect_loss(model, "categorical_crossentropy", name=name)


def _expect_base(name: str, model: keras.Model) -> None:
    """Expect the architecture and loss of the base network."""
    _expect_classifier(name, model)
    hidden = _models.widths(model)[:-1]
    expect(
        hidden == [32],
        f"`{name}` has hidden layers of {', '.join(map(str, hidden)) or 'no'} units; the base "
        "network has one, of 32.",
    )
    expect(
        _models.activations(model)[0] == "relu",
        f"The hidden layer of `{name}` has the activation {_models.activations(model)[0]}; the "
        "exercise names another.",
    )
    expect(
        model.count_params() == BASE_PARAMETERS,
        f"`{name}` has {model.count_params():,} parameters; the base network has "
        f"{BASE_PARAMETERS:,}.",
    )


# ---------------------------------------------------------------------------- a first network


@declare(
    "C.5",
    "A base network",
    points=2,
    x_validation=Array(),
    y_validation=Array(),
    base=Model(),
    history_base=History(),
)
def base_network(x_validation, y_validation, base, history_base):
    """Expect the base network, trained for ten epochs, and its history."""
    x, y = _checked_shapes(x_validation, y_validation)
    _expect_base("base", base)
    kind = _answers.optimizer_kind(base)
    momentum = float(getattr(base.optimizer, "momentum", 0) or 0)
    expect(
        kind == "SGD" and np.isclose(momentum, 0.9),
        f"`base` is compiled with {kind}"
        + (f" and a momentum of {momentum:g}" if kind == "SGD" else "")
        + "; the exercise asks for SGD with a momentum of 0.9.",
    )
    _losses.check_history(
        history_base, base, x, y, epochs=10, name="history_base", model_name="base"
    )
    _models.expect_learning(history_base, "history_base")
    p = _models.probabilities(base, x, "base")
    _models.expect_accuracy(p, y, 0.7, name="base", rows="the validation rows")


# ------------------------------------------------------------------------------ the learning rate


@declare("C.6", "A learning rate, from both sides", points=2, rates=Table(), best_rate=Number())
def learning_rates(rates, best_rate):
    """Expect at least four rates, and a best one that is neither the lowest nor the highest."""
    rates = _answers.index_as_columns(rates)
    tried = _answers.numbers("rates", rates, "learning_rate")
    # With too large a rate, training diverges and the loss may be missing.
    losses = _answers.numbers("rates", rates, "val_loss", failed=True)
    losses = np.where(np.isfinite(losses), losses, np.inf)
    order = np.argsort(tried)
    tried, losses = tried[order], losses[order]
    said = ", ".join(f"{loss:.3f} ({rate:g})" for rate, loss in zip(tried, losses, strict=True))
    expect((tried > 0).all(), "`rates` has a learning_rate that is not above 0.")
    expect(
        len(np.unique(tried)) == len(tried),
        "`rates` has a learning_rate twice; one row for each is needed.",
    )
    expect(
        len(tried) >= 4, f"`rates` has {len(tried)} rates; at least four show where the best lies."
    )
    steps = tried[1:] / tried[:-1]
    expect(
        ((steps > 1.9) & (steps < 10.5)).all(),
        f"Neighbours in `rates` differ by factors of {', '.join(f'{step:.3g}' for step in steps)}. "
        "Rates are compared by factors: from 2 to 10 between neighbours.",
    )
    expect(
        (losses > 0.02).all() and losses.min() < 0.6,
        f"By rate, val_loss is {said}. Ten epochs of the base network give other losses, at least "
        "at a good rate. Are these validation losses, each of a network with new weights?",
    )
    best = int(losses.argmin())
    expect(
        0 < best < len(tried) - 1,
        f"By rate, val_loss is {said}: the lowest is at the end of what was tried. It may go on "
        "falling beyond.",
    )
    expect(
        np.isclose(best_rate, tried[best], rtol=1e-6),
        f"`best_rate` is {best_rate:g}. By rate, val_loss is {said}.",
    )


# ---------------------------------------------------------------------------------- callbacks


@declare(
    "C.7",
    "Training that ends by itself",
    points=3,
    x_validation=Array(),
    y_validation=Array(),
    best_rate=Number(),
    most_epochs=Number(),
    stopped=Model(),
    history_stopped=History(),
)
def callbacks(x_validation, y_validation, best_rate, most_epochs, stopped, history_stopped):
    """Expect early stopping with the best weights, and a learning rate reduced on plateaus."""
    x, y = _checked_shapes(x_validation, y_validation)
    _expect_base("stopped", stopped)
    _losses.check_history(
        history_stopped,
        stopped,
        x,
        y,
        restored=True,
        name="history_stopped",
        model_name="stopped",
    )
    losses = np.asarray(history_stopped["val_loss"])
    expect(
        len(losses) < most_epochs,
        f"`history_stopped` has {len(losses)} epochs, all of the {most_epochs:g} that were "
        "allowed: training did not end by itself. Was early stopping given to `fit`, with enough "
        "epochs?",
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
    expect(
        "learning_rate" in history_stopped,
        f"`history_stopped` records {', '.join(history_stopped)}; the callback that reduces the "
        "rate adds it to the history. Was it given to `fit`?",
    )
    rates = np.asarray(history_stopped["learning_rate"])
    expect(
        np.isclose(rates[0], best_rate, rtol=1e-3),
        f"By `history_stopped`, training began at a rate of {rates[0]:.4g}; `best_rate` is "
        f"{best_rate:g}.",
    )
    expect(
        (np.diff(rates) <= 1e-12).all() and rates[-1] < 0.9 * rates[0],
        f"By `history_stopped`, the learning rate went from {rates[0]:.4g} to {rates[-1]:.4g}. It "
        "is to fall where the loss does, before training ends: which of the two callbacks has to "
        "be the less patient one?",
    )
    _models.expect_accuracy(
        _models.probabilities(stopped, x, "stopped"),
        y,
        0.88,
        name="stopped",
        rows="the validation rows",
    )


# ------------------------------------------------------- capacity, regularisation, selection


def _candidates(table) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return three columns of the table of candidates, and the row positions of each network.

    The positions are in the order of the seeds, which are the same for all networks, so that
    runs can be compared in pairs.
    """
    table = _answers.index_as_columns(table)
    names = _answers.words("candidates", table, "network")
    parameters = _answers.numbers("candidates", table, "parameters")
    seeds = _answers.numbers("candidates", table, "seed")
    losses = _answers.numbers("candidates", table, "val_loss")
    accuracies = _answers.numbers("candidates", table, "val_accuracy")
    runs = _answers.runs_by_network("candidates", names, seeds)
    runs = {name: rows[np.argsort(seeds[rows])] for name, rows in runs.items()}
    first = next(iter(runs))
    for name, rows in runs.items():
        expect(
            len(np.unique(parameters[rows])) == 1,
            f"The runs of {name!r} in `candidates` have different numbers of parameters. Only the "
            "seed is to differ between runs of a network.",
        )
        expect(
            len(rows) >= MIN_SEEDS,
            f"`candidates` has {len(rows)} {'seed' if len(rows) == 1 else 'seeds'} for {name!r}; "
            f"at least {MIN_SEEDS} are asked for. With fewer pairs of runs, the interval of a "
            "difference gets very wide.",
        )
        expect(
            np.array_equal(seeds[rows], seeds[runs[first]]),
            f"`candidates` has other seeds for {name!r} than for {first!r}. Networks are compared "
            "by pairs of runs that share a seed, so all of them need the same seeds.",
        )
    return parameters, losses, accuracies, runs


@declare("C.8", "Sizes and regularisation, over seeds", points=3, candidates=Table())
def candidates_over_seeds(candidates):
    """Expect at least four networks of three sizes, five seeds each, with plausible metrics."""
    parameters, losses, accuracies, runs = _candidates(candidates)
    sizes = np.unique(parameters)
    expect(
        len(runs) >= 4,
        f"`candidates` has {len(runs)} networks: {', '.join(runs)}. Three sizes are needed, and "
        "one of them once more with dropout or a penalty.",
    )
    expect(
        len(sizes) >= 3,
        f"`candidates` has networks of {len(sizes)} sizes: "
        f"{', '.join(f'{size:,.0f}' for size in sizes)} parameters. Three are needed.",
    )
    expect(
        (parameters >= PIXELS + CLASSES).all() and (parameters == parameters.round()).all(),
        f"`candidates` has a network of {parameters.min():g} parameters, too few to see 64 pixels.",
    )
    expect(
        ((accuracies > 0.05) & (accuracies <= 1)).all(),
        f"`candidates` has a val_accuracy of {accuracies.min():.3f}. Networks that were trained "
        "with both callbacks reach more, and none more than 1.",
    )
    expect(
        ((losses > 0.01) & (losses < 2.45)).all(),
        f"`candidates` has val_losses from {losses.min():.3f} to {losses.max():.3f}, which trained "
        "networks of this kind do not have. Cross-entropy on the validation rows is asked for.",
    )
    _answers.expect_varied("candidates", runs, losses)
    lowest = min(losses[rows].mean() for rows in runs.values())
    expect(
        lowest < 0.4,
        f"The lowest mean val_loss of a network in `candidates` is {lowest:.3f}. A larger network, "
        "or a better rate, gets further on these digits.",
    )


@declare(
    "C.9",
    "A choice by the rule",
    points=3,
    x_validation=Array(),
    y_validation=Array(),
    candidates=Table(),
    chosen=Text(),
    final=Model(),
)
def choice_by_rule(x_validation, y_validation, candidates, chosen, final):
    """Expect the smallest network not separated from the best over seeds, and a run of it."""
    from coursekit.evaluation import paired_difference

    x, y = _checked_shapes(x_validation, y_validation)
    parameters, losses, accuracies, runs = _candidates(candidates)
    name = chosen.strip().lower()
    if name not in runs:  # compare without punctuation, as for other choices
        spelled = {_answers.normalised(network): network for network in runs}
        name = spelled.get(_answers.normalised(chosen), name)
    expect(
        name in runs,
        f"`chosen` is {chosen[:60]!r}; the networks in `candidates` are "
        f"{', '.join(map(repr, runs))}.",
    )
    means = {network: float(losses[rows].mean()) for network, rows in runs.items()}
    best = min(means, key=means.get)
    differences = {
        network: paired_difference(losses[rows], losses[runs[best]])
        for network, rows in runs.items()
    }
    size = {network: parameters[rows][0] for network, rows in runs.items()}
    expect(
        differences[name].low <= ROUNDING,
        f"The val_loss of {chosen[:60]!r} minus that of {best!r}, which has the lowest mean, is "
        f"{differences[name]}. The interval leaves out 0, so the rule does not allow this choice.",
    )
    allowed = [best, *(network for network in runs if differences[network].low < -ROUNDING)]
    smallest = min(allowed, key=lambda network: (size[network], means[network]))
    expect(
        (size[name], means[name]) <= (size[smallest], means[smallest] + ROUNDING),
        f"{chosen[:60]!r} has {size[name]:,.0f} parameters and a mean val_loss of "
        f"{means[name]:.4f}. By the rule, which other networks are not separated from {best!r}, "
        "and how large are they?",
    )
    _expect_classifier("final", final)
    expect(
        final.count_params() == size[name],
        f"`final` has {final.count_params():,} parameters, and {chosen!r} in `candidates` "
        f"{size[name]:,.0f}. Is it one of the networks of that name?",
    )
    p = _models.probabilities(final, x, "final")
    loss, accuracy = _models.cross_entropy(p, y), _models.accuracy(p, y)
    rows = runs[name]
    near = np.zeros(len(rows), dtype=bool)
    for as_computed in (loss, _losses.exact_cross_entropy(final, x, y)):
        near |= np.isclose(losses[rows], as_computed, rtol=0.01, atol=2e-3)
    near &= np.isclose(accuracies[rows], accuracy, atol=0.004)
    expect(
        near.any(),
        f"`final` has a cross-entropy of {loss:.4f} and an accuracy of {accuracy:.4f} on the "
        f"validation rows, and no run of {chosen!r} in `candidates` has both. Was it trained "
        "again, or does the table hold another epoch than the one whose weights were kept?",
    )


# ---------------------------------------------------------------------------------- the test


def _actual_and_predicted(
    test: np.ndarray, test_digits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the actual and the predicted digits of the test set."""
    _, labels = _digits()
    actual = labels[_row_numbers(test=test)["test"]]
    expect(
        test_digits.shape == actual.shape,
        f"`test_digits` has shape {test_digits.shape}; it is to hold one digit for each of the "
        f"{len(actual)} test rows.",
    )
    expect(
        np.isin(test_digits, np.arange(CLASSES)).all(),
        f"`test_digits` holds {test_digits[0]!r}, for example; digits are needed, from 0 to 9.",
    )
    return actual, test_digits.astype(np.int64)


@declare(
    "C.10",
    "The test set, opened once",
    points=2,
    test=Array(),
    x_test=Array(),
    final=Model(),
    test_digits=Array(),
    test_accuracy=Number(),
)
def the_test(test, x_test, final, test_digits, test_accuracy):
    """Expect the final network's predictions for the test set, and their accuracy."""
    actual, named = _actual_and_predicted(test, test_digits)
    _models.expect_shapes(final, (PIXELS,), CLASSES, "final")
    expect(
        x_test.shape == (len(actual), PIXELS),
        f"`x_test` has shape {x_test.shape}, and `test` names {len(actual)} rows.",
    )
    p = _models.probabilities(final, x_test, "final")
    differ = int((p.argmax(axis=1) != named).sum())
    expect(
        differ <= 1,
        f"For {differ} of {len(named)} test rows, `final` gives another digit the largest "
        "probability than `test_digits` says. Is each row's answer that of this network, and is "
        "the first digit 0?",
    )
    hits = float((named == actual).mean())
    expect(
        hits > 0.87,
        f"`final` names {hits:.1%} of the test digits rightly, far fewer than on the validation "
        "rows. Are rows and labels in the same order, and prepared alike?",
    )
    expect(
        np.isclose(test_accuracy, hits, atol=2e-3),
        f"`test_accuracy` is {test_accuracy:.4f}; of `test_digits`, {hits:.4f} are right.",
    )


@declare(
    "C.11",
    "Confusion matrix and interval",
    points=2,
    test=Array(),
    test_digits=Array(),
    confusion=Array(),
    interval=Array(),
)
def confusion_and_interval(test, test_digits, confusion, interval):
    """Expect a confusion matrix with one row per actual digit, and the exact interval."""
    from coursekit.evaluation import ConfusionReport

    actual, named = _actual_and_predicted(test, test_digits)
    report = ConfusionReport.from_labels(actual, named, labels=range(CLASSES))
    expect(
        confusion.shape == (CLASSES, CLASSES),
        f"`confusion` has shape {confusion.shape}; it is to have a row and a column per digit.",
    )
    expect(
        np.array_equal(confusion, report.matrix) or not np.array_equal(confusion, report.matrix.T),
        "`confusion` has a column per actual digit and a row per predicted one; it is asked for "
        "the other way round.",
    )
    expect(
        np.array_equal(confusion, report.matrix),
        f"`confusion` has {np.trace(confusion):g} of {confusion.sum():g} on its diagonal, and is "
        "not the count of `test_digits` against the actual digits: counts, not shares, of the "
        "test rows.",
    )
    expect(
        interval.shape == (2,) and interval[0] <= interval[1],
        f"`interval` has shape {interval.shape}; it is to hold the lower end, then the upper one.",
    )
    expect(
        np.allclose(interval, report.accuracy_interval, atol=6e-4),
        f"`interval` runs from {interval[0]:.4f} to {interval[1]:.4f}. The exact interval "
        "(Clopper-Pearson), for as many hits of as many test rows, has other ends.",
    )


@declare(
    "C.12",
    "The digit that is missed most",
    points=1,
    test=Array(),
    test_digits=Array(),
    missed_most=Number(),
)
def most_missed(test, test_digits, missed_most):
    """Expect the digit with the lowest sensitivity."""
    actual, named = _actual_and_predicted(test, test_digits)
    expect(missed_most in range(CLASSES), f"`missed_most` is {missed_most:g}, which is no digit.")
    share = np.array([(named[actual == digit] == digit).mean() for digit in range(CLASSES)])
    found = share[int(missed_most)]
    expect(
        np.isclose(found, share.min()),
        f"`missed_most` is {missed_most:g}, of which {found:.1%} are named rightly. Another digit "
        "does worse. Divide by how often each occurs, not by how often it is named.",
    )


@declare("C.13", "What may be claimed", points=1, claim=Text())
def what_may_be_claimed(claim):
    """Expect choice a."""
    letter = _answers.choice("claim", claim)
    hint = {
        "b": "How many people wrote these digits, and on which sides of the split are they?",
        "c": "Which rows decided between the widths and rates, and how often was the test set "
        "looked at?",
    }
    expect(letter == "a", f"`claim` is {letter!r}. {hint.get(letter)}")
