"""Checks of the exercises on the 8-12-8-3 network: S5."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _answers, _training
from coursekit.exercises.checks._models import (
    accuracy,
    activations,
    check_history,
    cross_entropy,
    expect_shapes,
    probabilities,
    widths,
)
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Text

if TYPE_CHECKING:
    import keras

UNITS = [12, 8, 3]
PARAMETERS = [8 * 12 + 12, 12 * 8 + 8, 8 * 3 + 3]
DEEPER = [8 * 12 + 12, 12 * 8 + 8, 8 * 4 + 4, 4 * 3 + 3]
HALF = 100
EPOCHS, BATCH_SIZE = 150, 10
# Limits on accuracies, which the tasks state. Over 20 seeds, networks trained as asked have 0.97
# to 1.00 on the training rows and 0.85 to 0.93 on the others. With shuffled labels, they have at
# least 0.66 on the training rows and at most 0.61 on the others.
MIN_TRAINING, MIN_VALIDATION = 0.93, 0.8
MIN_NONSENSE_TRAINING, MAX_NONSENSE_VALIDATION = 0.55, 0.78
# Over 20 seeds, the loss on the rows kept out was at least 4 times that on the training rows. A
# network that was trained on all rows has about the same loss on both halves.
MIN_LOSS_RATIO = 2
# Accuracies are multiples of 1/100, which float32 and rounding to three digits keep.
ACCURACY_TOLERANCE = 6e-4
# A loss rounded to three digits after the point, and 1 % for other hardware.
LOSS_TOLERANCE, LOSS_SHARE = 6e-4, 0.01
# Of a random shuffle, 35 of 100 labels stay right on average, with a standard deviation of 5.
MAX_STILL_RIGHT = 0.6
# The pixel of S5.8: its row and column, counted from 0, in images of 28 x 28 pixels.
PIXEL, SIDE = (3, 20), 28


@functools.cache
def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the inputs, labels and images of the exercise."""
    from sklearn.datasets import load_digits, make_classification

    inputs, labels = make_classification(
        n_samples=2 * HALF,
        n_features=8,
        n_informative=5,
        n_redundant=0,
        n_classes=3,
        n_clusters_per_class=1,
        class_sep=1.5,
        random_state=3,
    )
    return inputs.astype("float32"), labels, load_digits().images[:50]


def _halves() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return the inputs and labels of the training half and of the validation half."""
    inputs, labels, _ = _data()
    return (inputs[:HALF], labels[:HALF]), (inputs[HALF:], labels[HALF:])


def _expect_network(model: keras.Model, name: str) -> None:
    """Expect the layers and settings of the 8-12-8-3 network."""
    expect_shapes(model, (8,), 3, name)
    found = widths(model)
    expect(
        found == UNITS,
        f"`{name}` has dense layers of {', '.join(map(str, found))} units; the task asks for 12, 8 "
        "and 3. If it has too many, a cell that adds layers has run twice.",
    )
    names = activations(model)
    for place, layer, asked, why in [
        (0, "first hidden layer", "relu", "the hidden layers"),
        (1, "second hidden layer", "relu", "the hidden layers"),
        (2, "output layer", "softmax", "the output layer, so that its three values sum to 1"),
    ]:
        expect(
            names[place] == asked,
            f"The {layer} of `{name}` has the activation {names[place]}; the task asks for {asked} "
            f"in {why}.",
        )
    count = model.count_params()
    expect(
        count == sum(PARAMETERS),
        f"`{name}` has {count} parameters, which are not as many as you counted in S5-A. A layer "
        "may be too many, or be without biases.",
    )
    _training.expect_compiled(model, name)


def _expect_numbers(name: str, values: np.ndarray) -> None:
    expect(
        values.dtype.kind in "biuf",
        f"`{name}` holds text; it should hold numbers.",
    )


@declare(
    "S5.1",
    "Parameters counted by hand",
    points=1,
    level="basic",
    hints=(
        "Read 'Build: one layer at a time' in the chapter. Count each layer on its own, then add.",
        "A node of the first layer is connected to each of the 8 inputs, and each connection has a "
        "weight. Every node has one more parameter.",
        "A layer has `inputs` × `nodes` weights and `nodes` biases. The inputs of the second layer "
        "are the nodes of the first, and so on.",
    ),
    parameters=Number(),
)
def by_hand(parameters):
    """Expect the number of parameters of the three layers together."""
    weights = 8 * 12 + 12 * 8 + 8 * 3
    expect(
        parameters != weights,
        f"`parameters` is {parameters:g}: that is the number of weights. What else does each node "
        "have?",
    )
    expect(
        parameters not in (*PARAMETERS, sum(PARAMETERS[:2])),
        f"`parameters` is {parameters:g}, which leaves out a layer. Sum over all of them.",
    )
    expect(
        parameters == sum(PARAMETERS),
        f"`parameters` is {parameters:g}. Each node of a dense layer has one weight for each of "
        "the layer's inputs, and one number more.",
    )


@declare(
    "S5.2",
    "Counted layer by layer, with one layer more",
    points=1,
    level="basic",
    hints=(
        "A layer's parameters depend on its own nodes and on the nodes of the layer before it. "
        "Which layers does the new layer touch?",
        "Write down the sizes in order: 8 inputs, then 12, 8, 4 and 3 nodes. Each pair of "
        "neighbours in this list is a layer.",
        "For a layer that takes in `m` numbers and has `n` nodes, multiply `m` + 1 by `n`. Only "
        "the last two layers differ from the network before.",
    ),
    by_layer=Array(),
)
def one_more(by_layer):
    """Expect the number of parameters of each layer, in order."""
    _expect_numbers("by_layer", by_layer)
    expect(
        by_layer.ndim == 1,
        f"`by_layer` has shape {by_layer.shape}; the task asks for a list of numbers.",
    )
    expect(
        by_layer.size == 4,
        f"The length of `by_layer` is {by_layer.size}; the task asks for one number per dense "
        "layer, and this network has another number of dense layers.",
    )
    wrong = [n for n, right in enumerate(DEEPER) if by_layer[n] != right]
    expect(
        not wrong,
        f"`by_layer` says {by_layer[wrong[0] if wrong else 0]} for dense layer "
        f"{(wrong[0] if wrong else 0) + 1}. How many numbers does a node of it take in, and how "
        "many nodes are there?",
    )


@declare(
    "S5.3",
    "Rows and labels as Keras takes them",
    points=2,
    level="basic",
    hints=(
        "Two things change: the type of the numbers, and the form of the labels. The sections "
        "'Types: float32' and 'Labels: to_categorical' of the chapter have both.",
        "Cut `samples` and `labels` at row 100 first. A slice up to 100 and one from 100 on are "
        "all you need.",
        "`astype` changes the type of an array, and `keras.utils.to_categorical` makes the one-hot "
        "rows. Name the number of classes.",
    ),
    x=Array(),
    y=Array(),
    x_val=Array(),
    y_val=Array(),
)
def arrays(x, y, x_val, y_val):
    """Expect both halves of the data with the right type, shape and values."""
    parts = {"": (x, y), "_val": (x_val, y_val)}
    for (suffix, (rows, onehot)), (inputs, labels) in zip(parts.items(), _halves(), strict=True):
        expect(
            rows.shape == inputs.shape,
            f"`x{suffix}` has shape {rows.shape}; it should be one half of the rows, with all 8 "
            "columns.",
        )
        expect(
            rows.dtype == np.float32,
            f"`x{suffix}` holds {rows.dtype}; the task asks for float32, the type in which Keras "
            "computes.",
        )
        expect(
            np.allclose(rows, inputs, atol=1e-5),  # float32 has about 7 digits
            f"`x{suffix}` does not hold the rows of its half, in their order. Which half is for "
            "training?",
        )
        _expect_numbers(f"y{suffix}", onehot)
        expect(
            onehot.shape == (HALF, 3),
            f"`y{suffix}` has shape {onehot.shape}. It needs one row for each row of `x{suffix}`, "
            "and one column for each class.",
        )
        expect(
            np.array_equal(onehot.astype(float), np.eye(3)[labels]),
            f"`y{suffix}` does not have a single 1 in each row, in the column of the row's class.",
        )


@declare(
    "S5.4",
    "The network, built and compiled",
    points=2,
    level="basic",
    hints=(
        "The chapter builds this network in 'Build: one layer at a time', and the section after it "
        "compiles it.",
        "Start with an empty `keras.Sequential`, add a `keras.Input` with the shape of one row, "
        "and then one `keras.layers.Dense` per layer.",
        "`compile` takes `loss`, `optimizer` and `metrics`. The table 'Last layer and loss' of the "
        "cheat sheet has the loss for one-hot labels; `metrics` is a list.",
    ),
    model=Model(),
)
def built(model):
    """Expect the 8-12-8-3 network: its layers, activations, parameters and settings."""
    _expect_network(model, "model")
    _training.expect_weights(model, "model")


def _expect_fitted(model: keras.Model) -> None:
    """Expect the network after 150 epochs on the training half."""
    _expect_network(model, "model")
    _training.expect_steps(model, "model", epochs=EPOCHS, rows=HALF, batch_size=BATCH_SIZE)


@declare(
    "S5.5",
    "Fitted for 150 epochs",
    points=2,
    level="basic",
    hints=(
        "One call of `fit` does it. The table 'Arguments of fit' of the cheat sheet lists what you "
        "can give it.",
        "Name the epochs and the batch size: without them, Keras takes 1 epoch and batches of 32.",
        "The rows and labels come first, then `epochs`, `batch_size`, `validation_data` (a pair in "
        "parentheses) and `verbose`. If you have run the cell before, run the cell that builds "
        "`model` once more first.",
    ),
    model=Model(),
    history=History(),
)
def fitted(model, history):
    """Expect a history of this model on the validation half, and an accurate model."""
    _expect_fitted(model)
    (x, y), (x_val, y_val) = _halves()
    found = len(history["loss"]) if "loss" in history else EPOCHS
    expect(
        found == EPOCHS,
        f"`history` has {found} epochs; the task asks for {EPOCHS}.",
    )
    check_history(history, model, x_val, y_val)
    _training.expect_records(history, "history", model, "model", x, y)
    p, p_val = probabilities(model, x), probabilities(model, x_val)
    seen, kept_out = accuracy(p, y), accuracy(p_val, y_val)
    expect(
        seen >= MIN_TRAINING and kept_out >= MIN_VALIDATION,
        f"`model` is right on {seen:.0%} of the training rows and on {kept_out:.0%} of those kept "
        f"out; the task asks for {MIN_TRAINING:.0%} and {MIN_VALIDATION:.0%}. Look at the labels "
        "and the loss.",
    )
    expect(
        cross_entropy(p_val, y_val) > MIN_LOSS_RATIO * cross_entropy(p, y),
        "`model` has nearly the same loss on the rows kept out as on the training rows, which is "
        "too good to be true after 150 epochs. Was it trained on all 200 rows?",
    )


WHY_NOT = {
    "a": "The rows that `model` was trained on are the ones that it could learn by heart. That it "
    "knows them well is the reason for doubt. Read 'Evaluate: on which rows?' in the chapter.",
    "c": "A lower accuracy is not more honest because it is lower: with other rows it might have "
    "been the higher one. Ask what `fit` did with these rows.",
    "d": "The mean has twice as many rows, but half of them took part in the training. More rows "
    "make the random error smaller, not the error of the question.",
}


@declare(
    "S5.6",
    "Two evaluations",
    points=2,
    level="standard",
    hints=(
        "Read 'Evaluate: on which rows?' in the chapter. It calls one method twice.",
        "`evaluate` returns the loss and then the metrics, in the order in which you compiled "
        "them. Give it the rows and labels of one half.",
        "Unpack each of the two results into two names. For `report`, ask of each option: would "
        "this reason hold for a network that has learned its training rows by heart?",
    ),
    model=Model(),
    loss_seen=Number(),
    accuracy_seen=Number(),
    loss_kept_out=Number(),
    accuracy_kept_out=Number(),
    report=Text(),
)
def evaluations(model, loss_seen, accuracy_seen, loss_kept_out, accuracy_kept_out, report):
    """Expect loss and accuracy on both halves, and the reason for reporting the second."""
    _expect_fitted(model)
    said = {"seen": (loss_seen, accuracy_seen), "kept_out": (loss_kept_out, accuracy_kept_out)}
    now = {}
    for half, (x, y) in zip(said, _halves(), strict=True):
        p = probabilities(model, x)
        now[half] = cross_entropy(p, y), accuracy(p, y)
    expect(
        not (_agree(said["seen"], now["kept_out"]) and _agree(said["kept_out"], now["seen"])),
        "The results on the two halves are the wrong way round. The training rows are the ones "
        "that `model` has seen.",
    )
    for half, (loss, share) in said.items():
        expect(
            not _agree((share, loss), now[half]),
            f"`loss_{half}` and `accuracy_{half}` are the wrong way round: `evaluate` returns the "
            "loss first.",
        )
        expect(
            0 <= share <= 1,
            f"`accuracy_{half}` is {share:g}; an accuracy is a share, between 0 and 1.",
        )
        for name, value, right in [
            (f"accuracy_{half}", share, abs(share - now[half][1]) < ACCURACY_TOLERANCE),
            (f"loss_{half}", loss, _is_loss(loss, now[half][0])),
        ]:
            expect(
                right,
                f"`{name}` is {value:.4f}, but `model` as it is now has another value on these "
                "rows. Was it taken from the history, from other rows, or rounded to fewer than "
                "three digits?",
            )
    letter = _answers.choice("report", report, "abcd")
    expect(letter == "b", f"`report` is {letter!r}. {WHY_NOT.get(letter, '')}")


def _is_loss(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= LOSS_TOLERANCE + LOSS_SHARE * wanted


def _agree(said: tuple[float, float], wanted: tuple[float, float]) -> bool:
    """Return whether a loss and an accuracy are these."""
    return _is_loss(said[0], wanted[0]) and abs(said[1] - wanted[1]) < ACCURACY_TOLERANCE


@declare(
    "S5.7",
    "Nothing to learn",
    points=2,
    level="standard",
    hints=(
        "Only the order of the labels changes. The rows of `x`, the network and the training stay "
        "as they were.",
        "`permutation` of a NumPy random generator returns the rows of an array in another order. "
        "Then build a new network: one that is trained further has not forgotten the right labels.",
        "If you wrote a function that builds and compiles the network, call it once more. Train "
        "the result on `x` and `y_shuffled` with as many epochs and the same batch size.",
    ),
    y_shuffled=Array(),
    nonsense_model=Model(),
)
def nonsense(y_shuffled, nonsense_model):
    """Expect shuffled labels, and a model that has memorised them and does not generalise."""
    (x, y), (x_val, y_val) = _halves()
    _expect_numbers("y_shuffled", y_shuffled)
    expect(
        y_shuffled.shape == (HALF, 3),
        f"`y_shuffled` has shape {y_shuffled.shape}; it should be the one-hot rows of the training "
        "half, in another order.",
    )
    y_shuffled = y_shuffled.astype(float)
    expect(
        np.isin(y_shuffled, (0, 1)).all() and (y_shuffled.sum(axis=1) == 1).all(),
        "The rows of `y_shuffled` are not one-hot. Shuffle whole rows, not the values in them.",
    )
    classes = y_shuffled.argmax(axis=1)
    expect(
        np.array_equal(np.bincount(classes, minlength=3), np.bincount(y, minlength=3)),
        "`y_shuffled` has other numbers of rows in each class than the labels. A shuffle changes "
        "the order only.",
    )
    same = (classes == y).mean()
    expect(
        same < MAX_STILL_RIGHT,
        f"In {same:.0%} of the rows, `y_shuffled` is the right label, so there is still something "
        "to learn.",
    )
    _expect_network(nonsense_model, "nonsense_model")
    _training.expect_steps(
        nonsense_model, "nonsense_model", epochs=EPOCHS, rows=HALF, batch_size=BATCH_SIZE
    )
    seen = accuracy(probabilities(nonsense_model, x, "nonsense_model"), classes)
    kept_out = accuracy(probabilities(nonsense_model, x_val, "nonsense_model"), y_val)
    expect(
        seen >= MIN_NONSENSE_TRAINING,
        f"`nonsense_model` is right on {seen:.0%} of the shuffled labels of its training rows; "
        f"after 150 epochs it should be on more than {MIN_NONSENSE_TRAINING:.0%}. Was it trained "
        "on `y_shuffled`, and not on another shuffle?",
    )
    expect(
        kept_out <= MAX_NONSENSE_VALIDATION,
        f"`nonsense_model` is right on {kept_out:.0%} of the rows kept out, which nobody can learn "
        "from shuffled labels. Did it start with new weights?",
    )


@declare(
    "S5.8",
    "Images there and back",
    points=2,
    level="challenge",
    hints=(
        "Read 'From images to rows: reshape' in the chapter. The way back has to count in the same "
        "order as the way there.",
        "`reshape` has an argument `order`. For `places`, draw an image of 3 × 3 pixels, number "
        "its pixels in both orders, and look for a rule.",
        "Counted row by row, all pixels of the rows above come before the one that you look for, "
        "and then those to its left. Counted column by column, swap rows and columns.",
    ),
    restored=Array(),
    places=Array(),
)
def round_trip(restored, places):
    """Expect the images of the exercise, unchanged, and the places of a pixel in both orders."""
    _, _, images = _data()
    _expect_numbers("restored", restored)
    expect(
        restored.shape == images.shape,
        f"`restored` has shape {restored.shape}; the task asks for {images.shape}. Samples come "
        "first.",
    )
    expect(
        not np.array_equal(restored, images.transpose(0, 2, 1)),
        "Each image in `restored` is mirrored at its diagonal: rows of pixels have become columns. "
        "In which order were the pixels read, and in which were they put back?",
    )
    expect(
        np.array_equal(restored, images),
        "`restored` has the right shape, but not the images. `reshape` checks the number of "
        "values only; draw one of the images.",
    )
    row, column = PIXEL
    by_columns, by_rows = column * SIDE + row, row * SIDE + column
    _expect_numbers("places", places)
    expect(
        places.shape == (2,),
        f"`places` has shape {places.shape}; the task asks for two numbers: column by column, then "
        "row by row.",
    )
    expect(
        not np.array_equal(places, (by_rows, by_columns)),
        "The two numbers in `places` are the wrong way round: column by column comes first.",
    )
    expect(
        not np.array_equal(places, (by_columns + 1, by_rows + 1)),
        "`places` counts from 1, as R does; the task counts from 0.",
    )
    for found, wanted, order in zip(
        places, (by_columns, by_rows), ("column by column", "row by row"), strict=True
    ):
        expect(
            found == wanted,
            f"`places` has {found} for counting {order}. How many pixels come before the one in "
            f"row {row}, column {column} in this order? Try it with an image of 3 × 3 pixels.",
        )
