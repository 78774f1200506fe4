"""Checks of the exercises on the walking data."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _answers, _models
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Table, Text

if TYPE_CHECKING:
    import keras

    from coursekit.datasets import Walking

PEOPLE, LENGTH = 15, 260
FIRST_PARAMETERS, DENSE_PARAMETERS, FINAL_PARAMETERS = 226_455, 79_615, 117_295


@cache
def _walking() -> Walking:
    from coursekit import datasets

    return datasets.load_walking()


@cache
def _by_time() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from coursekit import preprocessing

    return preprocessing.split_by_time(_walking())


# ------------------------------------------------------------------ 3-A: a split of the windows


@declare("3-A.1", "Row numbers of a random split", points=2, rows_train=Array(), rows_test=Array())
def rows_of_a_split(rows_train, rows_test):
    """Expect each window in exactly one set, split 80:20, in random order."""
    walking = _walking()
    n = len(walking.labels)
    parts = {"rows_train": rows_train, "rows_test": rows_test}
    parts = {name: _answers.row_numbers(name, rows, n) for name, rows in parts.items()}
    _answers.expect_partition(parts, n)
    rows_train, rows_test = parts.values()
    share = len(rows_train) / n
    expect(
        abs(share - 0.8) < 0.01,
        f"`rows_train` holds {share:.1%} of the windows; the split is to be 80:20.",
    )
    for where, rows in [
        ("`rows_test`", rows_test),
        (
            "the last 30 % of `rows_train`, which `fit` will take for validation",
            _held_out(rows_train),
        ),
    ]:
        people = len(np.unique(walking.labels[rows]))
        expect(
            people == PEOPLE,
            f"Only {people} of {PEOPLE} people have windows in {where}. The windows of the data "
            "are sorted by person; are your rows in random order?",
        )
    expect(
        len(np.unique(np.diff(np.sort(rows_test)))) > 3,
        "`rows_test` follows a regular pattern through the data. The rows are to be drawn at "
        "random.",
    )


def _held_out(rows: np.ndarray) -> np.ndarray:
    """Return the rows of the validation set for a ``validation_split`` of 0.3."""
    return rows[int(np.floor(len(rows) * (1 - 0.3))) :]


@declare(
    "3-A.2",
    "Windows and labels of the same rows",
    points=2,
    rows_train=Array(),
    rows_test=Array(),
    x_train=Array(),
    y_train=Array(),
    x_test=Array(),
    y_test=Array(),
)
def parts_of_a_split(rows_train, rows_test, x_train, y_train, x_test, y_test):
    """Expect the windows and one-hot labels of these rows, in this order."""
    walking = _walking()
    n = len(walking.labels)
    for part, rows, x, y in [
        ("train", rows_train, x_train, y_train),
        ("test", rows_test, x_test, y_test),
    ]:
        rows = _answers.row_numbers(f"rows_{part}", rows, n)
        wanted = (len(rows), *walking.x.shape[1:])
        expect(
            x.shape == wanted,
            f"`x_{part}` has shape {x.shape}. `rows_{part}` names {len(rows)} windows, each with "
            f"{wanted[1]} time steps of {wanted[2]} channels.",
        )
        same = np.isclose(x, walking.x[rows], atol=1e-4).all(axis=(1, 2)).mean()
        expect(
            same == 1,
            f"{1 - same:.0%} of the windows in `x_{part}` are not those that `rows_{part}` names, "
            "or are elsewhere in the order.",
        )
        expect(
            y.shape == (len(rows), PEOPLE),
            f"`y_{part}` has shape {y.shape}. A network with one output node per person needs a "
            "row of zeros and a one for each window.",
        )
        right = np.isclose(y, walking.y[rows]).all(axis=1).mean()
        expect(
            right == 1,
            f"In `y_{part}`, {1 - right:.0%} of the rows are not the labels of their windows. Take "
            "the same rows of both.",
        )


@declare(
    "3-A.3",
    "Neighbours across a random split",
    points=2,
    rows_train=Array(),
    rows_test=Array(),
    neighbours=Number(),
)
def neighbours_across(rows_train, rows_test, neighbours):
    """Expect the mean number of training windows that share time steps with a test window."""
    walking = _walking()
    n = len(walking.labels)
    rows_train = _answers.row_numbers("rows_train", rows_train, n)
    rows_test = _answers.row_numbers("rows_test", rows_test, n)
    counts = {"strangers": 0, "sharing": 0, "touching": 0}
    for person in range(1, PEOPLE + 1):
        tested = np.sort(walking.start[rows_test[walking.labels[rows_test] == person]])
        own = np.sort(walking.start[rows_train[walking.labels[rows_train] == person]])
        everyone = np.sort(walking.start[rows_train])
        counts["sharing"] += _pairs_within(tested, own, LENGTH - 1)
        counts["touching"] += _pairs_within(tested, own, LENGTH)
        counts["strangers"] += _pairs_within(tested, everyone, LENGTH - 1)
    mean = {name: count / len(rows_test) for name, count in counts.items()}
    expect(
        not _is_close(neighbours, mean["strangers"]),
        f"`neighbours` is {neighbours:.2f}, which also counts windows of other people. `start` "
        "counts from the beginning of each person's own recording.",
    )
    expect(
        not _is_close(neighbours, mean["touching"]),
        f"`neighbours` is {neighbours:.2f}, which also counts windows that begin where the other "
        "one ends. These touch, but share no time step.",
    )
    expect(
        _is_close(neighbours, mean["sharing"]),
        f"`neighbours` is {neighbours:.2f}, which is not the mean for these rows. How far apart "
        "may two windows begin that share a time step? And is it counted per test window?",
    )


def _pairs_within(some: np.ndarray, others: np.ndarray, distance: int) -> int:
    """Count the pairs, one number from each array, at most ``distance`` apart.

    ``others`` must be sorted.
    """
    first = np.searchsorted(others, some - distance, side="left")
    last = np.searchsorted(others, some + distance, side="right")
    return int((last - first).sum())


def _is_close(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= 0.006  # accepts a mean rounded to two digits


# ---------------------------------------------------------- 3-B: the first convolutional network


def _random_validation(rows_train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows and labels of the learner's validation set."""
    walking = _walking()
    rows = _held_out(_answers.row_numbers("rows_train", rows_train, len(walking.labels)))
    return walking.x[rows], walking.y[rows]


def _expect_layers(
    name: str, model: keras.Model, kinds: list[str], parameters: int | None = None
) -> None:
    """Expect layers of these classes, in this order, and this number of parameters."""
    _models.expect_shapes(model, (LENGTH, 3), PEOPLE, name)
    found = [type(layer).__name__ for layer in _models.layers(model) if _is_structure(layer)]
    expect(
        found == kinds,
        f"`{name}` has the layers {', '.join(found)}. Compare them, and their order, with the "
        "exercise.",
    )
    expect(
        parameters is None or model.count_params() == parameters,
        f"`{name}` has {model.count_params():,} parameters, not {parameters or 0:,}. Compare "
        "filters, kernel size, strides and units, layer by layer.",
    )
    expect(
        _models.activations(model)[-1] == "softmax",
        f"The output layer of `{name}` has the activation {_models.activations(model)[-1]}. What "
        "turns its 15 numbers into probabilities that sum to 1?",
    )
    _models.expect_loss(model, "categorical_crossentropy", name=name)


def _is_structure(layer: keras.layers.Layer) -> bool:
    return type(layer).__name__ not in ("Activation", "ReLU", "Softmax")


@declare("3-B.1", "The first convolutional network", points=2, first=Model())
def first_network(first):
    """Expect the layers, parameters and activations of the course's first network."""
    kinds = ["Conv1D", "MaxPooling1D", "Flatten", "Dense", "Dense"]
    _expect_layers("first", first, kinds, FIRST_PARAMETERS)
    (convolution,) = _models.layers_of(first, "Conv1D")
    found = convolution.filters, convolution.kernel_size[0], convolution.strides[0]
    expect(
        found == (40, 40, 2),
        f"The convolution of `first` has {found[0]} filters of size {found[1]} in strides of "
        f"{found[2]}. Compare them with the exercise.",
    )
    hidden = _models.activations(first)[0]
    expect(
        hidden == "sigmoid",
        f"The dense hidden layer of `first` has the activation {hidden}; the exercise names "
        "another.",
    )


@declare(
    "3-B.2",
    "Trained for fifteen epochs",
    points=2,
    first=Model(),
    history_first=History(),
    rows_train=Array(),
)
def first_trained(first, history_first, rows_train):
    """Expect an accurate network with its history of 15 epochs."""
    _models.expect_shapes(first, (LENGTH, 3), PEOPLE, "first")
    x, y = _random_validation(rows_train)
    _models.check_history(
        history_first, first, x, y, epochs=15, name="history_first", model_name="first"
    )
    _models.expect_learning(history_first, "history_first")
    _models.expect_accuracy(
        _models.probabilities(first, x, "first"),
        y,
        0.8,
        name="first",
        rows="the validation windows",
    )


@declare(
    "3-B.3",
    "Judged on validation and test windows",
    points=1,
    first=Model(),
    rows_train=Array(),
    rows_test=Array(),
    first_validation=Number(),
    first_test=Number(),
)
def first_judged(first, rows_train, rows_test, first_validation, first_test):
    """Expect the network's accuracy on the validation and test sets."""
    _models.expect_shapes(first, (LENGTH, 3), PEOPLE, "first")
    walking = _walking()
    rows_test = _answers.row_numbers("rows_test", rows_test, len(walking.labels))
    for name, value, (x, y) in [
        ("first_validation", first_validation, _random_validation(rows_train)),
        ("first_test", first_test, (walking.x[rows_test], walking.y[rows_test])),
    ]:
        expect(
            0 <= value <= 1,
            f"`{name}` is {value:g}. An accuracy is a share, between 0 and 1.",
        )
        p = _models.probabilities(first, x, "first")
        expect(
            not np.isclose(value, _models.cross_entropy(p, y), rtol=2e-3)
            or np.isclose(value, _models.accuracy(p, y), atol=0.003),
            f"`{name}` is {value:.4f}, which is the loss. Which metric is asked for?",
        )
        expect(
            np.isclose(value, _models.accuracy(p, y), atol=max(0.003, 1.5 / len(p))),
            f"`{name}` is {value:.4f}; `first` as it is now names {_models.accuracy(p, y):.4f} of "
            "these windows rightly. Was it taken from another set, epoch or network?",
        )


@declare(
    "3-B.4",
    "Dense layers only",
    points=2,
    dense=Model(),
    history_dense=History(),
    rows_train=Array(),
)
def dense_network(dense, history_dense, rows_train):
    """Expect the first network without convolution and pooling, and its history."""
    _expect_layers("dense", dense, ["Flatten", "Dense", "Dense"], DENSE_PARAMETERS)
    x, y = _random_validation(rows_train)
    _models.check_history(
        history_dense, dense, x, y, epochs=15, name="history_dense", model_name="dense"
    )
    walking = _walking()
    fitted = rows_train[: len(rows_train) - len(x)]
    _models.expect_accuracy(
        _models.probabilities(dense, walking.x[fitted], "dense"),
        walking.y[fitted],
        0.4,
        name="dense",
        rows="the windows that it was to be trained on",
    )


@declare("3-B.5", "What dense layers learn of a walk", points=1, answer_dense=Text())
def dense_described(answer_dense):
    """Expect choice b."""
    letter = _answers.choice("answer_dense", answer_dense)
    hint = {
        "a": "Put the last validation accuracy of `dense` beside that of `first`.",
        "c": "Look at the training accuracy of `dense` after the last epoch, and at what guessing "
        "among fifteen people would give.",
    }
    expect(letter == "b", f"`answer_dense` is {letter!r}. {hint.get(letter)}")


# ------------------------------------------------------ 3-C: the final network, changed

FINAL_KINDS = ["Conv1D", "MaxPooling1D", "Conv1D", "MaxPooling1D", "Flatten", "Dense", "Dense"]
MIN_EPOCHS, MIN_EPOCHS_LONGER = 10, 20
MIN_PAIRS, EPOCHS_OF_PAIRS = 5, 5
ROUNDING = 6e-4  # of a difference and of the ends of its interval


def _expect_trained(
    name: str,
    model: keras.Model,
    history: dict[str, list[float]],
    *,
    epochs: int = MIN_EPOCHS,
    least: float,
) -> None:
    """Expect a history of this model on the middle windows, and accuracy on the late ones."""
    walking = _walking()
    _, middle, late = _by_time()
    _models.check_history(
        history,
        model,
        walking.x[middle],
        walking.y[middle],
        name=f"history_{name}",
        model_name=name,
    )
    found = len(history["loss"])
    expect(
        found >= epochs,
        f"`history_{name}` has {found} epochs. Train for longer before you judge a change.",
    )
    _models.expect_accuracy(
        _models.probabilities(model, walking.x[late], name),
        walking.y[late],
        least,
        name=name,
        rows="the late windows",
    )


def _expect_convolutions(
    name: str, model: keras.Model, filters: int = 40, kernel_sizes: tuple[int, int] = (30, 10)
) -> None:
    for layer, size, strides in zip(
        _models.layers_of(model, "Conv1D"), kernel_sizes, (2, 1), strict=True
    ):
        found = layer.filters, layer.kernel_size[0], layer.strides[0]
        expect(
            found == (filters, size, strides),
            f"A convolution of `{name}` has {found[0]} filters of size {found[1]} in strides of "
            f"{found[2]}, where the exercise asks for others.",
        )


@declare(
    "3-C.1",
    "Further epochs",
    points=2,
    longer=Model(),
    history_longer=History(),
    best_epoch=Number(),
)
def further_epochs(longer, history_longer, best_epoch):
    """Expect the final network, trained for longer, and the epoch with the lowest loss."""
    _expect_layers("longer", longer, FINAL_KINDS, FINAL_PARAMETERS)
    _expect_convolutions("longer", longer)
    _expect_trained("longer", longer, history_longer, epochs=MIN_EPOCHS_LONGER, least=0.7)
    best = int(np.argmin(history_longer["val_loss"]))
    expect(
        best_epoch != best or best_epoch == best + 1,
        f"`best_epoch` is {best_epoch:g}; Python counts the epochs from 0, the exercise from 1.",
    )
    expect(
        best_epoch == best + 1,
        f"`best_epoch` is {best_epoch:g}, but `history_longer` has its lowest validation loss in "
        "another epoch.",
    )


@declare("3-C.2", "Parameters of smaller kernels, by hand", points=1, small_parameters=Number())
def smaller_by_hand(small_parameters):
    """Expect the number of parameters of the network with smaller kernels."""
    convolutions = [(15 * 3 + 1) * 20, (5 * 20 + 1) * 20]
    positions = [((LENGTH - 15) // 2 + 1) // 2]
    positions.append((positions[0] - 5 + 1) // 2)
    dense = [positions[1] * 20 * 100 + 100, 100 * PEOPLE + PEOPLE]
    wanted = sum(convolutions) + sum(dense)
    biases = 20 + 20 + 100 + PEOPLE
    expect(
        small_parameters != wanted - biases,
        f"`small_parameters` is {small_parameters:,.0f}: all weights, and no bias.",
    )
    expect(
        small_parameters == wanted,
        f"`small_parameters` is {small_parameters:,.0f}. Go through it layer by layer: how many "
        "positions does each convolution and each pooling leave, and how many numbers reach the "
        "first dense layer?",
    )


@declare(
    "3-C.3", "Smaller kernels, fewer filters", points=2, small=Model(), history_small=History()
)
def smaller(small, history_small):
    """Expect a trained network with kernels of 15 and 5 and with 20 filters."""
    _expect_layers("small", small, FINAL_KINDS)
    _expect_convolutions("small", small, 20, (15, 5))
    _expect_trained("small", small, history_small, least=0.5)


@declare("3-C.4", "More dense layers", points=2, deeper=Model(), history_deeper=History())
def more_dense_layers(deeper, history_deeper):
    """Expect the final network with a second hidden dense layer, after training."""
    _expect_layers("deeper", deeper, [*FINAL_KINDS, "Dense"], FINAL_PARAMETERS + 100 * 100 + 100)
    _expect_convolutions("deeper", deeper)
    _expect_trained("deeper", deeper, history_deeper, least=0.15)


def _is_dropout(layer: keras.layers.Layer) -> bool:
    return "Dropout" in type(layer).__name__


@declare("3-C.5", "Dropout", points=2, dropped=Model(), history_dropped=History())
def with_dropout(dropped, history_dropped):
    """Expect the final network with dropout before its output layer, after training."""
    layers = _models.layers(dropped)
    found = [layer for layer in layers if _is_dropout(layer)]
    expect(found, "`dropped` has no layer for dropout.")
    expect(
        not _is_dropout(layers[-1]),
        "`dropped` drops some of its 15 answers, after the output layer. Where would dropout make "
        "the network share its knowledge among more units?",
    )
    rates = ", ".join(f"{layer.rate:g}" for layer in found)
    expect(
        all(0 < layer.rate <= 0.6 for layer in found),
        f"`dropped` drops shares of {rates}. With 0 it does nothing, and with most of the units "
        "gone little gets through.",
    )
    kinds = [type(layer).__name__ for layer in layers]
    without = [kind for kind in kinds if "Dropout" not in kind]
    expect(
        without == FINAL_KINDS,
        f"Without dropout, `dropped` has the layers {', '.join(without)}. Change nothing else in "
        "the final network, or you will not know what made the difference.",
    )
    expect(
        dropped.count_params() == FINAL_PARAMETERS,
        f"`dropped` has {dropped.count_params():,} parameters, and the final network "
        f"{FINAL_PARAMETERS:,}. "
        "Dropout has none, so something else differs too.",
    )
    _models.expect_shapes(dropped, (LENGTH, 3), PEOPLE, "dropped")
    _models.expect_loss(dropped, "categorical_crossentropy", name="dropped")
    _expect_trained("dropped", dropped, history_dropped, least=0.25)


@declare(
    "3-C.6",
    "Five pairs of runs",
    points=3,
    results=Table(),
    history_longer=History(),
    history_dropped=History(),
    difference=Number(),
    interval=Array(),
    verdict=Text(),
)
def over_seeds(results, history_longer, history_dropped, difference, interval, verdict):
    """Expect pairs of runs of both networks, and the verdict that follows from them."""
    from coursekit.evaluation import paired_difference

    final, dropout, seeds = _pairs(results)
    _expect_own_pair(final, dropout, history_longer, history_dropped)
    wanted = paired_difference(dropout, final)
    expect(
        not np.isclose(difference, -wanted.estimate, atol=ROUNDING)
        or np.isclose(wanted.estimate, 0, atol=ROUNDING),
        f"`difference` is {difference:.4f}; it is to be above 0 where dropout is the better one.",
    )
    expect(
        np.isclose(difference, wanted.estimate, atol=ROUNDING),
        f"`difference` is {difference:.4f}, which is not the mean of the {len(seeds)} paired "
        "differences in `results`: 'dropout' minus 'final' with the same seed.",
    )
    expect(
        interval.shape == (2,) and interval.dtype.kind in "fiu",
        f"`interval` has shape {interval.shape}; it is to hold two numbers, the low end and the "
        "high one.",
    )
    expect(
        np.allclose(interval, (wanted.low, wanted.high), atol=ROUNDING),
        f"`interval` runs from {interval[0]:.4f} to {interval[1]:.4f}. The 95 % interval of the "
        f"mean of the {len(seeds)} paired differences in `results` has other ends. It needs the "
        "differences themselves, seed by seed, and not how far single runs lie apart.",
    )
    verdict = _answers.verdict(verdict, ("better", "worse", "not separated"))
    # An end of the interval that was rounded to 0 allows two verdicts.
    allowed = {
        "better": wanted.low > -ROUNDING and wanted.high > 0,
        "worse": wanted.high < ROUNDING and wanted.low < 0,
        "not separated": wanted.low < ROUNDING and wanted.high > -ROUNDING,
    }
    expect(
        allowed[verdict],
        f"`verdict` is {verdict!r}, and the difference is {wanted}. On which side of 0 does the "
        "interval lie?",
    )


def _pairs(results) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the accuracies of both networks in the order of their seeds, and the seeds."""
    results = _answers.index_as_columns(results)
    networks = _answers.words("results", results, "network")
    seeds = _answers.numbers("results", results, "seed")
    values = _answers.numbers("results", results, "val_accuracy")
    expect(
        set(networks) == {"final", "dropout"},
        f"`results` has runs of {', '.join(sorted(set(networks)))}; the networks to compare are "
        "called 'final' and 'dropout'.",
    )
    runs = _answers.runs_by_network("results", networks, seeds)
    final, dropout = (runs[name][np.argsort(seeds[runs[name]])] for name in ("final", "dropout"))
    alone = np.setxor1d(seeds[final], seeds[dropout])
    expect(
        not len(alone),
        f"In `results`, only one of the two networks has the seed {alone[:1].sum():g}. A pair is a "
        "run of each with the same seed.",
    )
    expect(
        len(final) >= MIN_PAIRS,
        f"`results` has {len(final)} {'pair' if len(final) == 1 else 'pairs'} of runs; at least "
        f"{MIN_PAIRS} are asked for. With fewer, the interval gets very wide.",
    )
    largest = values[np.abs(values).argmax()]
    expect(
        ((values >= 0) & (values <= 1)).all(),
        f"`results` has a val_accuracy of {largest:g}; an accuracy is a share, between 0 and 1.",
    )
    _answers.expect_varied("results", runs, values)
    expect(
        (values > 0.1).all(),
        f"`results` has a val_accuracy of {values.min():.3f}, which a network that was trained "
        "like the others does not fall to.",
    )
    return values[final], values[dropout], seeds[final]


def _expect_own_pair(
    final: np.ndarray,
    dropout: np.ndarray,
    history_longer: dict[str, list[float]],
    history_dropped: dict[str, list[float]],
) -> None:
    """Expect the fifth epoch of `longer` and of `dropped` among the pairs."""
    own = []
    for name, history in (("longer", history_longer), ("dropped", history_dropped)):
        recorded = history.get("val_accuracy", [])
        expect(
            len(recorded) >= EPOCHS_OF_PAIRS,
            f"`history_{name}` has {len(recorded)} epochs with a val_accuracy; the pairs of runs "
            f"are compared after {EPOCHS_OF_PAIRS}.",
        )
        own.append(recorded[EPOCHS_OF_PAIRS - 1])
    near = (np.abs(final - own[0]) < 0.004) & (np.abs(dropout - own[1]) < 0.004)
    expect(
        near.any(),
        f"After {EPOCHS_OF_PAIRS} epochs, `longer` had a val_accuracy of {own[0]:.4f} and "
        f"`dropped` {own[1]:.4f}. No pair in `results` has these two. Were both trained with the "
        "same seed, and is their pair in the table?",
    )
