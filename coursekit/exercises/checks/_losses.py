"""Losses as Keras computes them, where probabilities are too small for float32 to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _models

if TYPE_CHECKING:
    import keras


def exact_cross_entropy(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean cross-entropy from what goes into the softmax, as Keras takes it in a loss.

    From the probabilities themselves, a row that a network is wholly wrong about cannot be told
    from one that it is a little less wrong about: both are 0. Where the last layer is no softmax,
    the probabilities are all there is.
    """
    import keras

    last = _models.layers(model)[-1]
    kind = type(last).__name__
    activation = getattr(last, "activation", None)
    is_softmax = kind == "Softmax" or getattr(activation, "__name__", "") == "softmax"
    if not is_softmax or kind not in ("Dense", "Activation", "Softmax"):
        return _models.cross_entropy(_models.probabilities(model, x), y)
    before = keras.Model(model.inputs[0], last.input)
    scores = np.asarray(before(np.asarray(x, np.float32), training=False), dtype=np.float64)
    if kind == "Dense":
        scores = scores @ np.asarray(last.kernel, np.float64)
        if last.use_bias:
            scores = scores + np.asarray(last.bias, np.float64)
    highest = scores.max(axis=1, keepdims=True)
    logarithms = scores - highest - np.log(np.exp(scores - highest).sum(axis=1, keepdims=True))
    return float(-np.mean((logarithms * y).sum(axis=1)))


def check_history(
    history: dict[str, list[float]], model: keras.Model, x: np.ndarray, y: np.ndarray, **options
) -> None:
    """Expect the history of this model, as ``_models.check_history``, by the exact loss too."""
    if len(x) == len(y) and "val_loss" in history:
        p = _models.probabilities(model, x, options.get("model_name", "model"))
        penalty = _models.penalty(model)
        exact = exact_cross_entropy(model, x, y) + penalty
        told = _models.cross_entropy(p, y) + penalty
        recorded = np.asarray(history["val_loss"])
        near = np.abs(recorded - exact) <= _models.ABSOLUTE + _models.RELATIVE * abs(exact)
        history = {**history, "val_loss": np.where(near, told, recorded).tolist()}
    _models.check_history(history, model, x, y, **options)
