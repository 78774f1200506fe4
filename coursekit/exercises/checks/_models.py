"""Helpers for several checks: models and training histories."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.declaring import Wrong, expect

if TYPE_CHECKING:
    import keras

BATCH_SIZE = 2048
EPSILON = 1e-7  # Keras clips probabilities to [EPSILON, 1 - EPSILON] in a loss
RTOL, ATOL = 2e-3, 5e-4  # tolerances between a history and its model


# ------------------------------------------------------------------ outputs of a model


def probabilities(model: keras.Model, x: np.ndarray, name: str = "model") -> np.ndarray:
    """Return a model's outputs for these rows; Wrong if it rejects them or they are not finite."""
    x = np.asarray(x, dtype=np.float32)
    starts = range(0, len(x), BATCH_SIZE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # learners see only the message of the check
            parts = [np.asarray(model(x[n : n + BATCH_SIZE], training=False)) for n in starts]
    except Exception as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise Wrong(
            f"`{name}` refuses rows of shape {x.shape[1:]}: {said} Which shape does its input have?"
        ) from None
    p = np.concatenate(parts).astype(np.float64)
    expect(
        np.isfinite(p).all(),
        f"`{name}` puts out values that are not finite. Was something missing in the rows it was "
        "trained on, or were its steps too large?",
    )
    return p


def cross_entropy(p: np.ndarray, y: np.ndarray, floor: float = EPSILON) -> float:
    """Return the mean cross-entropy of probabilities p for labels y.

    A single column of p is P(class 1). Labels are one-hot rows or class numbers.
    """
    p, y = np.asarray(p, dtype=np.float64), np.asarray(y)
    if p.ndim == 1 or p.shape[1] == 1:
        one = y[:, 1] if y.ndim == 2 and y.shape[1] == 2 else y.reshape(-1)
        p = np.clip(p.reshape(-1), floor, 1 - EPSILON)
        other = np.clip(1 - p, floor, 1)
        return float(-np.mean(one * np.log(p) + (1 - one) * np.log(other)))
    classes = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1).astype(int)
    total = p.sum(axis=1)
    own = p[np.arange(len(p)), classes] / np.where(total == 0, 1, total)
    return float(-np.mean(np.log(np.clip(own, floor, 1))))


def accuracy(p: np.ndarray, y: np.ndarray) -> float:
    """Return the share of rows whose most probable class is right; see `cross_entropy`."""
    p, y = np.asarray(p), np.asarray(y)
    classes = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
    if p.ndim == 1 or p.shape[1] == 1:
        return float(np.mean((p.reshape(-1) > 0.5) == (classes > 0.5)))
    return float(np.mean(p.argmax(axis=1) == classes))


def penalty(model: keras.Model) -> float:
    """Return the penalty that a model's regularisers add to its loss."""
    return float(sum(float(np.asarray(part)) for part in model.losses))


# ------------------------------------------------------------------------ architecture


def layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers in order, including those of nested models, without input layers."""
    import keras

    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += layers(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            found.append(layer)
    return found


def layers_of(model: keras.Model, kind: str) -> list[keras.layers.Layer]:
    """Return the layers of one class, such as ``"Dropout"``, in order."""
    return [layer for layer in layers(model) if type(layer).__name__ == kind]


def dense_layers(model: keras.Model) -> list[keras.layers.Dense]:
    """Return the dense layers in order."""
    return layers_of(model, "Dense")


def activations(model: keras.Model) -> list[str]:
    """Return the activation of each dense layer, including separate activation layers."""
    found = []
    after_dense = False
    for layer in layers(model):
        kind = type(layer).__name__
        if kind == "Dense":
            found.append(_name(layer.activation))
            after_dense = True
        elif kind in ("Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax"):
            if after_dense and found[-1] == "linear":
                found[-1] = _name(layer.activation) if kind == "Activation" else _snake(kind)
        elif kind not in ("Dropout", "BatchNormalization", "LayerNormalization"):
            after_dense = False
    return found


def widths(model: keras.Model) -> list[int]:
    """Return the number of units of each dense layer."""
    return [layer.units for layer in dense_layers(model)]


def loss_name(model: keras.Model) -> str | None:
    """Return the Keras name of a model's loss; None if it is not compiled or has several."""
    import keras

    if not model.compiled:
        return None
    loss = model.loss
    if isinstance(loss, dict):
        loss = list(loss.values())
    if isinstance(loss, (list, tuple)):
        loss = loss[0] if len(loss) == 1 else None
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    return None if loss is None else _name(loss)


def _name(thing: object) -> str:
    """Return the Keras name of an activation or loss, given as a function or object."""
    name = getattr(thing, "__name__", None) or type(thing).__name__
    name = _snake(name)
    return {"re_lu": "relu", "leaky_re_lu": "leaky_relu"}.get(name, name)


def _snake(name: str) -> str:
    name = {"ReLU": "Relu", "LeakyReLU": "LeakyRelu", "PReLU": "Prelu", "ELU": "Elu"}.get(
        name, name
    )
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


# ------------------------------------------------------------------------------- verdicts


def expect_shapes(
    model: keras.Model, inputs: tuple[int, ...], outputs: int, name: str = "model"
) -> None:
    """Expect a model with this input shape per row and this number of output nodes."""
    found = model.input_shape
    expect(
        isinstance(found, tuple) and tuple(found[1:]) == inputs,
        f"`{name}` takes inputs of shape {found}; one row has the shape {inputs}, and the first "
        "place (None) stands for the number of rows.",
    )
    found = model.output_shape
    expect(
        isinstance(found, tuple) and len(found) == 2 and found[1] == outputs,
        f"`{name}` puts out the shape {found}, which does not suit the question. How many output "
        "nodes does it ask for?",
    )


def expect_loss(model: keras.Model, *names: str, name: str = "model") -> None:
    """Expect a model compiled with one of these losses."""
    found = loss_name(model)
    expect(found is not None, f"`{name}` is not compiled, so it cannot have been trained.")
    expect(
        found in names,
        f"`{name}` is compiled with the loss {found!r}, which is not the one that goes with this "
        "output layer and these labels.",
    )


def held_out(x: np.ndarray, y: np.ndarray, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Return the validation set of ``validation_split``: the last rows."""
    expect(
        len(x) == len(y),
        f"There are {len(x)} rows of inputs and {len(y)} of labels; they belong together.",
    )
    cut = int(np.floor(len(x) * (1 - share)))
    return x[cut:], y[cut:]


def check_history(
    history: dict[str, list[float]],
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int | None = None,
    restored: bool = False,
    name: str = "history",
    model_name: str = "model",
) -> None:
    """Expect a history that belongs to this model, with x and y as the validation set.

    The last epoch must agree with the model's present validation loss and accuracy; with
    ``restored``, any epoch may, because the best weights may have been restored. ``epochs`` is
    the required number of epochs, if there is one.
    """
    for metric in ("loss", "val_loss"):
        expect(
            metric in history,
            f"`{name}` records {', '.join(history)}, but no {metric}. "
            + ("Were validation rows given to `fit`?" if metric == "val_loss" else ""),
        )
        expect(
            np.isfinite(history[metric]).all(),
            f"The {metric} in `{name}` is not finite in every epoch. Was something missing in the "
            "rows, or were the steps too large?",
        )
    recorded = np.asarray(history["val_loss"])
    if epochs is not None:
        expect(
            len(recorded) == epochs,
            f"`{name}` has {len(recorded)} epochs; the exercise asks for another number.",
        )
    p = probabilities(model, x, model_name)
    # Keras clips probabilities in some settings and not in others.
    now = np.array([cross_entropy(p, y, floor) for floor in (EPSILON, 1e-37)]) + penalty(model)
    near = np.abs(recorded[:, None] - now) <= ATOL + RTOL * np.abs(now)
    near = near.any(axis=1)
    metric = next((key for key in history if key.startswith("val_") and "acc" in key), None)
    if metric is not None:
        shares = np.asarray(history[metric])
        near &= np.abs(shares - accuracy(p, y)) <= max(1.5 / len(p), 0.002)
    agrees = near.any() if restored else near[-1]
    expect(
        agrees,
        f"By `{name}`, the validation loss ended at {recorded[-1]:.4f}; `{model_name}` as it is "
        f"has {now[0]:.4f} on these rows. So the two do not belong together: was the model built "
        "or trained again, or were the validation rows or their labels others?",
    )


def expect_learning(history: dict[str, list[float]], name: str = "history") -> None:
    """Expect a training loss that is lower in the last epoch than in the first."""
    first, last = history["loss"][0], history["loss"][-1]
    expect(
        last < first,
        f"The training loss in `{name}` went from {first:.3f} to {last:.3f}: the network did not "
        "learn. Look at the inputs, the labels and the size of the steps.",
    )


def expect_trained(model: keras.Model, name: str = "model") -> None:
    """Expect biases that are not all 0, as they are in an untrained network."""
    biases = [layer.bias for layer in layers(model) if getattr(layer, "bias", None) is not None]
    expect(
        not biases or any(np.any(np.asarray(bias)) for bias in biases),
        f"`{name}` still has the weights it started with: its biases are all 0. Was it built again "
        "after the training?",
    )


def expect_accuracy(
    p: np.ndarray, y: np.ndarray, least: float, *, name: str = "model", rows: str
) -> None:
    """Expect at least this accuracy on given rows, which the message describes as ``rows``."""
    found = accuracy(p, y)
    expect(
        found >= least,
        f"`{name}` is right on {found:.1%} of {rows}, where a trained one reaches {least:.0%} or "
        "more. Was it trained, on inputs prepared like these and with labels in the right order?",
    )
