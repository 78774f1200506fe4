"""The digits of the tuning lab, and networks trained on them in other ways than the solutions."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from coursekit import datasets, preprocessing
from tests.exercises.cases._networks import copy, dense, functional, trained

N_TRAINING = 3200


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    (images, labels), _ = datasets.load_mnist()
    x, y = preprocessing.prepare_digits(images, labels, seed=123)
    return x[:4000].copy(), y[:4000].copy()


def validation() -> tuple[np.ndarray, np.ndarray]:
    x, y = digits()
    return x[N_TRAINING:], y[N_TRAINING:]


def sgd(rate=0.01, momentum=0.0, **options: Any):
    import keras

    return keras.optimizers.SGD(rate, momentum=momentum, **options)


def lab_sgd():
    return sgd(0.1, 0.9)


def adam(rate=0.001):
    import keras

    return keras.optimizers.Adam(rate)


def network(*widths: int, optimizer="sgd", layers=None, **options: Any):
    layers = layers or [*(dense(width) for width in widths), dense(10, "softmax")]
    return functional((784,), layers, optimizer=optimizer, **options)


def subclassed(*widths: int, optimizer="sgd"):
    """A network of a class of its own."""
    import keras

    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = [dense(width) for width in widths]
            self.out = dense(10, "softmax")

        def call(self, inputs):
            for layer in self.hidden:
                inputs = layer(inputs)
            return self.out(inputs)

    model = Network()
    model.compile(
        loss=keras.losses.CategoricalCrossentropy(), optimizer=optimizer, metrics=["accuracy"]
    )
    return model


def fit(model, *, epochs=3, batch_size=128, callbacks=(), rows=N_TRAINING):
    """Validation rows given by name, where the solution lets fit take them."""
    x, y = digits()
    return model.fit(
        x[:rows],
        y[:rows],
        epochs=epochs,
        batch_size=batch_size,
        validation_data=validation(),
        validation_batch_size=800,
        callbacks=list(callbacks),
        verbose=0,
    )


def last(history) -> dict[str, float]:
    return {name: history.history[name][-1] for name in ("val_loss", "val_accuracy")}


def both(stop: int, plateau: int, *, stop_delta=0.0, delta=0.0, **options: Any) -> list:
    """Both callbacks, the plateau first."""
    import keras

    return [
        keras.callbacks.ReduceLROnPlateau(patience=plateau, factor=0.1, min_delta=delta),
        keras.callbacks.EarlyStopping(
            patience=stop, min_delta=stop_delta, **{"restore_best_weights": True, **options}
        ),
    ]


def with_state(model, weights=None, **compiled: Any):
    """The same network, as if its training had ended with these weights or this optimiser."""
    other = copy(model, model.get_weights() if weights is None else weights)
    if compiled:
        other.compile(loss=model.loss, metrics=["accuracy"], **compiled)
    other.optimizer.iterations.assign(model.optimizer.iterations)
    return other


def labels_off_by_one(model):
    """The network with its output nodes one place further, as labels from 1 would have it."""
    weights = model.get_weights()
    weights[-2], weights[-1] = np.roll(weights[-2], 1, axis=1), np.roll(weights[-1], 1)
    return with_state(model, weights)


def parameters(*widths: int) -> int:
    return sum((a + 1) * b for a, b in pairwise([784, *widths, 10]))


def table(rows: list[dict[str, Any]]):
    import pandas as pd

    return pd.DataFrame(rows)


def history_and(name: str, model, history) -> dict[str, Any]:
    return {name: model, f"history_{name}": history}


@trained
def by_batch(size: int):
    """The base network after three epochs of plain SGD."""
    model = network(512)
    return model, fit(model, batch_size=size)


@trained
def with_sgd(rate: float, momentum: float = 0.0):
    model = network(512, optimizer=sgd(rate, momentum))
    return model, fit(model)
