"""Networks and histories that answers to several exercises are made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import numpy as np


def trained(function: Callable) -> Callable:
    """Train once, from the same seed whatever was trained before."""

    @cache
    @wraps(function)
    def once(*arguments):
        import keras

        keras.utils.set_random_seed(1)
        return function(*arguments)

    return once


def functional(shape: tuple[int, ...], layers: list, **options: Any):
    """A compiled network in the functional style, where the solutions take Sequential."""
    import keras

    first = keras.Input(shape)
    value = first
    for layer in layers:
        value = layer(value)
    model = keras.Model(first, value)
    settings = {"loss": "categorical_crossentropy", "optimizer": "adam", "metrics": ["accuracy"]}
    model.compile(**{**settings, **options})
    return model


def dense(units: int, activation: str = "relu", **options: Any):
    import keras

    return keras.layers.Dense(units, activation=activation, **options)


def dropout(rate: float):
    import keras

    return keras.layers.Dropout(rate)


def copy(model, weights=None):
    """A network of the same layers and loss, with new weights or with these."""
    import keras

    other = keras.models.clone_model(model)
    optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
    other.compile(loss=model.loss, optimizer=optimizer, metrics=["accuracy"])
    if weights is not None:
        other.set_weights(weights)
    return other


def probabilities(model, x) -> np.ndarray:
    return np.asarray(model(x, training=False), dtype=float)


def figures(model, x, y) -> tuple[float, float]:
    """Cross-entropy and accuracy of a network as it is."""
    p = probabilities(model, x)
    own = np.clip((p * y).sum(axis=1), 1e-7, 1)
    return float(-np.log(own).mean()), float((p.argmax(axis=1) == y.argmax(axis=1)).mean())


def claimed(model, x, y, epochs: int) -> dict[str, list[float]]:
    """A history that agrees with a network as it is, whatever became of it."""
    loss, accuracy = figures(model, x, y)
    falling = np.linspace(loss + 0.5, loss, epochs).tolist()
    return {
        "loss": falling,
        "accuracy": [accuracy] * epochs,
        "val_loss": falling,
        "val_accuracy": [accuracy] * epochs,
    }


def labels_off_by_one(model):
    """The same network with its output nodes one place further, as labels from 1 would have it."""
    weights = model.get_weights()
    weights[-2], weights[-1] = np.roll(weights[-2], 1, axis=1), np.roll(weights[-1], 1)
    return copy(model, weights)
