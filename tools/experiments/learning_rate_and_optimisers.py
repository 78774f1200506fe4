"""Runs for the chapter on the learning rate and optimisers."""

from __future__ import annotations

from functools import partial

import keras

from coursekit import models
from experiments._digits import digits

CHAPTER = "learning-rate-and-optimisers"


def base(seed: int, *, optimizer) -> dict[str, float]:
    """Train the base network with batches of 128 for ten epochs."""
    (x, y), _ = digits(seed)
    network = models.mnist_mlp()
    network.compile(
        loss="categorical_crossentropy",
        optimizer=optimizer(),  # each run needs its own
        metrics=["accuracy"],
        steps_per_execution=25,  # the same metrics, in less time
    )
    curves = network.fit(x, y, epochs=10, batch_size=128, validation_split=0.2, verbose=0).history
    return {
        "validation loss": curves["val_loss"][-1],
        "validation accuracy": curves["val_accuracy"][-1],
        "validation accuracy after one epoch": curves["val_accuracy"][0],
    }


def sgd(rate: float, momentum: float = 0.0, nesterov: bool = False):
    """Return what makes an SGD optimiser."""
    return partial(keras.optimizers.SGD, learning_rate=rate, momentum=momentum, nesterov=nesterov)


OPTIMISERS = {
    "SGD 0.01": sgd(0.01),
    "SGD 0.1": sgd(0.1),
    "SGD 1": sgd(1.0),
    "SGD 10": sgd(10.0),
    "SGD 0.1, momentum 0.5": sgd(0.1, 0.5),
    "SGD 0.1, momentum 0.9": sgd(0.1, 0.9),
    "SGD 0.1, momentum 0.99": sgd(0.1, 0.99),
    "SGD 0.1, Nesterov 0.9": sgd(0.1, 0.9, nesterov=True),
    # The rates of 0.001 are Keras's defaults.
    "Adagrad 0.001": keras.optimizers.Adagrad,
    "Adagrad 0.1": partial(keras.optimizers.Adagrad, learning_rate=0.1),
    "Adadelta 0.001": keras.optimizers.Adadelta,
    "Adadelta 1": partial(keras.optimizers.Adadelta, learning_rate=1.0),
    **{
        f"{name} {rate}": partial(maker, learning_rate=rate)
        for name, maker in {
            "RMSprop": keras.optimizers.RMSprop,
            "Adam": keras.optimizers.Adam,
        }.items()
        for rate in (0.001, 0.01, 0.1)
    },
}

EXPERIMENTS = {name: partial(base, optimizer=make) for name, make in OPTIMISERS.items()}
