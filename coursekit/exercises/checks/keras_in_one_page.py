"""Checks of the exercises on the 8-12-8-3 network: S5."""

from __future__ import annotations

import functools

import numpy as np

from coursekit.exercises.checks import _answers
from coursekit.exercises.checks._models import (
    accuracy,
    activations,
    check_history,
    expect_learning,
    expect_loss,
    expect_shapes,
    probabilities,
    widths,
)
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Text

UNITS = [12, 8, 3]
PARAMETERS = [8 * 12 + 12, 12 * 8 + 8, 8 * 3 + 3]
DEEPER = [8 * 12 + 12, 12 * 8 + 8, 8 * 4 + 4, 4 * 3 + 3]
HALF = 100
# Limits on accuracies. With shuffled labels, networks have at least 0.66 on the training rows
# and at most 0.61 on the others; with the right labels, the chapter measures 0.98 and 0.89.
MIN_NONSENSE_TRAINING, MAX_NONSENSE_VALIDATION = 0.55, 0.78
MIN_TRAINING, MIN_VALIDATION = 0.93, 0.8


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


@declare("S5.1", "Parameters counted by hand", points=1, parameters=Number())
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


@declare("S5.2", "Counted layer by layer, with one layer more", points=1, by_layer=Array())
def one_more(by_layer):
    """Expect the number of parameters of each layer, in order."""
    by_layer = by_layer.reshape(-1)
    expect(
        by_layer.shape == (4,),
        f"The length of `by_layer` is {by_layer.size}; the network with the additional layer has "
        "another number of dense layers.",
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
            f"`x{suffix}` has shape {rows.shape}; it is one half of the rows, with all columns.",
        )
        expect(
            rows.dtype == np.float32,
            f"`x{suffix}` holds {rows.dtype}; the exercise asks for the type in which Keras "
            "computes.",
        )
        expect(
            np.allclose(rows, inputs, atol=1e-5),
            f"`x{suffix}` does not hold the rows of its half, in their order. Which half is for "
            "training?",
        )
        expect(
            onehot.ndim == 2 and onehot.shape == (HALF, 3),
            f"`y{suffix}` has shape {onehot.shape}. It takes one row for each row of `x{suffix}`, "
            "and one column for each class.",
        )
        expect(
            np.array_equal(onehot.astype(float), np.eye(3)[labels]),
            f"`y{suffix}` does not have a single 1 in each row, in the column of the row's class.",
        )


@declare("S5.4", "The network, built and compiled", points=2, model=Model())
def built(model):
    """Expect the 8-12-8-3 network: its layers, activations, parameters and loss."""
    expect_shapes(model, (8,), 3)
    expect(
        widths(model) == UNITS,
        f"`model` has dense layers of {widths(model)} units. If it has too many, did a cell that "
        "adds layers run twice?",
    )
    found = activations(model)
    expect(
        found[:2] == ["relu", "relu"],
        f"The hidden layers of `model` have the activations {found[:2]}. Which one is the default "
        "choice there, and which one does the exercise name?",
    )
    expect(
        found[2] == "softmax",
        f"The output layer of `model` has the activation {found[2]}; its three values should be "
        "probabilities that sum to 1.",
    )
    expect(
        model.count_params() == sum(PARAMETERS),
        f"`model` has {model.count_params()} parameters, not as many as you counted. Is there a "
        "layer too many, or one without biases?",
    )
    expect_loss(model, "categorical_crossentropy")


@declare("S5.5", "Fitted for 150 epochs", points=2, model=Model(), history=History())
def fitted(model, history):
    """Expect a history of this model on the validation half, and an accurate model."""
    expect_shapes(model, (8,), 3)
    (x, y), (x_val, y_val) = _halves()
    check_history(history, model, x_val, y_val, epochs=150)
    expect_learning(history)
    seen = accuracy(probabilities(model, x), y)
    kept_out = accuracy(probabilities(model, x_val), y_val)
    expect(
        seen >= MIN_TRAINING and kept_out >= MIN_VALIDATION,
        f"`model` is right on {seen:.0%} of the training rows and on {kept_out:.0%} of those kept "
        "out; after 150 epochs in batches of 10 it gets farther. Look at the labels and the loss.",
    )


@declare(
    "S5.6",
    "Two evaluations",
    points=2,
    model=Model(),
    accuracy_seen=Number(),
    accuracy_kept_out=Number(),
    report=Text(),
)
def evaluations(model, accuracy_seen, accuracy_kept_out, report):
    """Expect both accuracies of the model, and the choice of the held-out one to report."""
    expect_shapes(model, (8,), 3)
    said = {"accuracy_seen": accuracy_seen, "accuracy_kept_out": accuracy_kept_out}
    now = [accuracy(probabilities(model, x), y) for x, y in _halves()]
    right = [
        abs(number - found) < 0.5 / HALF for number, found in zip(said.values(), now, strict=True)
    ]
    swapped = np.abs(np.array(list(said.values())) - now[::-1]).max() < 0.5 / HALF
    expect(
        all(right) or not swapped,
        "`accuracy_seen` and `accuracy_kept_out` are the wrong way round.",
    )
    for (name, number), agrees in zip(said.items(), right, strict=True):
        expect(
            agrees,
            f"`{name}` is {number:.3f}; `model` has another accuracy on those rows. Is it the "
            "loss, or a value from during the training?",
        )
    report = _answers.normalised(report)
    expect(
        report in ("seen", "kept out"),
        f"`report` is {report!r}; it should be 'seen' or 'kept out'.",
    )
    expect(
        report == "kept out",
        "`report` is 'seen'. A network can do well on rows that it was shown by learning them by "
        "heart; which figure says how it will do on others?",
    )


@declare(
    "S5.7",
    "Nothing to learn",
    points=2,
    y_shuffled=Array(),
    nonsense_model=Model(),
)
def nonsense(y_shuffled, nonsense_model):
    """Expect shuffled labels, and a model that has memorised them and does not generalise."""
    (x, y), (x_val, y_val) = _halves()
    expect(
        y_shuffled.shape == (HALF, 3) and y_shuffled.dtype.kind in "biuf",
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
        same < 0.5,
        f"In {same:.0%} of the rows, `y_shuffled` is the right label, so there is still something "
        "to learn.",
    )
    expect_shapes(nonsense_model, (8,), 3, "nonsense_model")
    seen = accuracy(probabilities(nonsense_model, x, "nonsense_model"), classes)
    kept_out = accuracy(probabilities(nonsense_model, x_val, "nonsense_model"), y_val)
    expect(
        seen >= MIN_NONSENSE_TRAINING,
        f"`nonsense_model` is right on {seen:.0%} of the shuffled labels of its training rows, so "
        "it has hardly learned them. Was it trained on `y_shuffled`, for as long as the first?",
    )
    expect(
        kept_out <= MAX_NONSENSE_VALIDATION,
        f"`nonsense_model` is right on {kept_out:.0%} of the rows kept out, which nobody can learn "
        "from shuffled labels. Did it start with new weights?",
    )


@declare("S5.8", "Images there and back", points=2, restored=Array())
def round_trip(restored):
    """Expect the images of the exercise, unchanged."""
    _, _, images = _data()
    expect(
        restored.shape == images.shape,
        f"`restored` has shape {restored.shape}; the images were of another. Samples come first.",
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
