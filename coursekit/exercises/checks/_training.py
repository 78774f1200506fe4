"""How a network was compiled and trained: what its optimiser counted and its history recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from coursekit.exercises.checks import _models
from coursekit.exercises.declaring import expect

if TYPE_CHECKING:
    import keras

# Keras's names of the accuracy for one-hot labels. `keras.metrics.Accuracy` is another metric: it
# counts probabilities that are equal to the labels.
OF_ONE_HOT = ("categorical_accuracy", "CategoricalAccuracy")
ACCURACIES = {"acc", "accuracy", *OF_ONE_HOT}
# With two classes, it is the same.
OF_TWO_CLASSES = ("binary_accuracy", "BinaryAccuracy")
# For labels that are numbers of classes.
OF_CLASS_NUMBERS = ("sparse_categorical_accuracy", "SparseCategoricalAccuracy")

# A history holds the means over an epoch while the weights change; the model has the weights of
# its end. Over eight runs of the exercises without dropout, the losses differed by at most 0.06 and
# the accuracies by at most 0.02. The limits leave room for other optimiser settings.
LOSS_FACTOR, LOSS_SHIFT, ACCURACY_SHIFT = 1.5, 0.1, 0.06


# ------------------------------------------------------------------------ how it was compiled


def measures_accuracy(model: keras.Model, *others: str, without: Sequence[str] = ()) -> bool:
    """Return whether a model was compiled with the accuracy for one-hot labels as a metric.

    ``others`` are further names of metrics that serve as well, and ``without`` some that do not.
    """
    names = {*ACCURACIES, *others} - {*without}
    config = (model.get_compile_config() or {}) if model.compiled else {}
    pending: list[Any] = [config.get("metrics"), config.get("weighted_metrics")]
    while pending:
        item = pending.pop()
        if isinstance(item, dict) and "class_name" in item:
            config = item.get("config")  # of a function: its name
            pending += [item["class_name"], config if isinstance(config, str) else None]
        elif isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, (list, tuple)):
            pending += item
        elif isinstance(item, str) and item in names:
            return True
    return False


def expect_compiled(model: keras.Model, name: str) -> None:
    """Expect a model compiled with categorical cross-entropy, Adam and accuracy."""
    loss = _models.loss_name(model)
    expect(
        loss is not None,
        f"`{name}` is not compiled. Compile it with the loss, the optimiser and the metric that "
        "the task names.",
    )
    expect(
        loss == "categorical_crossentropy",
        f"`{name}` is compiled with the loss {loss!r}. The task asks for the loss that goes with a "
        "softmax output and one-hot labels of several classes; the chapter and the cheat sheet "
        "have a table of losses.",
    )
    optimizer = type(model.optimizer).__name__
    expect(
        optimizer == "Adam",
        f"`{name}` is compiled with the optimiser {optimizer}; the task asks for Adam. With "
        "another optimiser, your results cannot be compared with those of the chapter.",
    )
    expect(
        measures_accuracy(model),
        f"`{name}` is compiled without the metric accuracy, which the task asks for. Without it, "
        "`fit` and `evaluate` report the loss alone.",
    )


def expect_weights(model: keras.Model, name: str) -> None:
    """Expect weights that are finite and, in each kernel, not all the same."""
    for layer in _models.layers(model):
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            continue
        values = np.asarray(kernel)
        expect(
            np.isfinite(values).all(),
            f"The layer {layer.name!r} of `{name}` has weights that are not finite.",
        )
        expect(
            np.ptp(values) > 0,
            f"All weights in the layer {layer.name!r} of `{name}` are {values.flat[0]:g}. Its "
            "nodes would all learn the same; keep the random weights that Keras starts with.",
        )


# ------------------------------------------------------------------------- how it was trained


def steps(model: keras.Model) -> int:
    """Return how many training steps a model's optimiser has counted; 0 if it is not compiled."""
    optimizer = getattr(model, "optimizer", None) if model.compiled else None
    return 0 if optimizer is None else int(np.asarray(optimizer.iterations))


def steps_taken(model: keras.Model, name: str) -> int:
    """Return how many training steps a model's optimiser has counted; Wrong if none."""
    found = steps(model)
    expect(
        found > 0,
        f"The optimiser of `{name}` has counted no training step. Either the network was not "
        "trained, or it was copied, compiled or built again afterwards, which clears the count. "
        "The check reads it: keep the network as `fit` left it.",
    )
    return found


def steps_of(epochs: int, rows: int, batch_size: int) -> int:
    """Return the number of training steps; the last batch of an epoch may be smaller."""
    return epochs * math.ceil(rows / batch_size)


def expect_steps(
    model: keras.Model,
    name: str,
    *,
    epochs: int,
    rows: int,
    batch_size: int,
    others: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Expect the number of training steps of this many epochs; the last batch may be dropped.

    The steps show other rows, another batch size, another number of epochs, or a second `fit`.
    ``others`` has numbers of steps that common mistakes take, each with a sentence about it.
    """
    found, right = steps_taken(model, name), steps_of(epochs, rows, batch_size)
    if found in (right, epochs * (rows // batch_size)):  # a pipeline may drop the last, small batch
        return
    reason = others.get(found, "")
    if not reason and found % right == 0:
        reason = (
            f"That is {found // right} times as many: was the cell run again, or `fit` called "
            "again, on a network that was trained before?"
        )
    expect(
        False,
        f"`{name}` was trained for {found:,} steps. {epochs} epochs over {rows:,} rows in batches "
        f"of {batch_size} take {right:,}. "
        + (reason or "Look at the epochs, the batch size and the rows that `fit` was given."),
    )


def expect_records(
    history: dict[str, list[float]],
    name: str,
    model: keras.Model,
    model_name: str,
    x: np.ndarray,
    y: np.ndarray,
    *,
    dropout: bool = False,
) -> None:
    """Expect records of a training that ended with this model, with x and y as training set.

    With dropout, the network is worse while it is trained than afterwards; with much of it, its
    accuracy need not rise at all.
    """
    found = {}
    for prefix in ("", "val_"):
        keys = [key for key in history if "acc" in key and key.startswith("val_") == bool(prefix)]
        found[prefix] = keys[0] if keys else ""
        expect(
            keys,
            f"`{name}` records {', '.join(history)}, and no "
            f"{'validation ' if prefix else ''}accuracy. Compile with this metric before you train"
            f"{', and give `fit` validation rows' if prefix else ''}.",
        )
    for key, values in history.items():
        expect(
            np.isfinite(values).all() and min(values) >= 0,
            f"`{name}` holds values of {key} that are missing, negative or not finite.",
        )
    shares = np.array(history[found[""]])
    expect(
        shares.max() <= 1,
        f"`{name}` has an accuracy of {shares.max():g}; an accuracy is a share, between 0 and 1.",
    )
    _models.expect_learning(history, name)
    expect(
        shares[-1] > shares[0] or (dropout and np.ptp(shares) > 0),
        f"By `{name}`, the training accuracy was {shares[0]:.3f} in the first epoch and "
        f"{shares[-1]:.3f} in the last: the network did not learn. Look at the inputs and labels.",
    )
    highest = int(np.argmax(history["loss"]))
    expect(
        highest == 0,
        f"By `{name}`, the training loss was highest in epoch {highest + 1}. A network that starts "
        "from new weights has its highest loss in the first epoch. Are these the epochs of one "
        "training, in their order?",
    )
    p = _models.probabilities(model, x, model_name)
    loss, accuracy = _models.cross_entropy(p, y), _models.accuracy(p, y)
    last = history["loss"][-1]
    agrees = loss <= LOSS_FACTOR * last + LOSS_SHIFT and accuracy >= shares[-1] - ACCURACY_SHIFT
    if not dropout:
        agrees &= last <= LOSS_FACTOR * loss + LOSS_SHIFT
        agrees &= accuracy <= shares[-1] + ACCURACY_SHIFT
    expect(
        agrees,
        f"By `{name}`, `{model_name}` ended its training with a loss of {last:.3f} and an accuracy "
        f"of {shares[-1]:.3f} on the training rows, and as it is now it is far from that. Was it "
        "trained on these rows, and is this the history of that training?",
    )
