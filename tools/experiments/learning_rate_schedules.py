"""Results for the chapter on learning-rate schedules.

Runs at a constant rate belong to the chapter on callbacks. With the same seed, they have the same
rows, starting weights and order of batches as these.
"""

from __future__ import annotations

import math
from functools import partial

import keras
from keras.optimizers import schedules

from coursekit import training
from experiments._digits import digits, figures_of

CHAPTER = "learning-rate-schedules"
EDITIONS = ("sample", "full")  # of load_mnist
EPOCHS = 20


def stopped(
    seed: int, *, learning_rate: float = 0.1, plateau_patience: int | None = 1
) -> dict[str, float]:
    """Train with early stopping and, unless ``plateau_patience`` is None, with a falling rate."""
    (x, y), test = digits(seed)
    trained = training.train_model(
        x, y, seed=seed, learning_rate=learning_rate, plateau_patience=plateau_patience
    )
    return figures_of(trained, test)


def triangular(epoch: int, learning_rate: float) -> float:
    """Go up for five epochs and down for five; lowest in epochs 10 and 20."""
    return 0.001 + 0.099 * (1 - abs((epoch + 1) % 10 - 5) / 5)


def inverse_time(steps: int):
    """Return a schedule from 0.1 to 0.01, and no callback."""
    return schedules.InverseTimeDecay(0.1, decay_steps=steps, decay_rate=9), []


def cosine(steps: int):
    """Return a schedule from 0.1 to 0.001, and no callback."""
    return schedules.CosineDecay(0.1, decay_steps=steps, alpha=0.01), []


def cycles(steps: int):
    """Return a first rate, and the callback that sets the rate of each epoch."""
    return 0.1, [keras.callbacks.LearningRateScheduler(triangular)]


def planned(seed: int, *, plan) -> dict[str, float]:
    """Train for 20 epochs with a plan for the rate; the test is of the best epoch's weights."""
    (x, y), test = digits(seed)
    rate, callbacks = plan(EPOCHS * math.ceil(0.8 * len(x) / 128))
    trained = training.train_model(
        x,
        y,
        seed=seed,
        epochs=EPOCHS,
        patience=EPOCHS,  # it cannot stop before the last epoch
        plateau_patience=None,
        optimizer=keras.optimizers.SGD(rate, momentum=0.9),
        callbacks=callbacks,
    )
    return figures_of(trained, test)


EXPERIMENTS = {
    "Early stopping and reduce on plateau": stopped,
    "Inverse time, 20 epochs": partial(planned, plan=inverse_time),
    "Cosine, 20 epochs": partial(planned, plan=cosine),
    "Triangular, 20 epochs": partial(planned, plan=cycles),
    "Base rate 0.3, early stopping": partial(stopped, learning_rate=0.3, plateau_patience=None),
    "Base rate 0.3, early stopping and reduce on plateau": partial(stopped, learning_rate=0.3),
}

# The source published results of the first one only.
SAMPLE_ONLY = tuple(EXPERIMENTS)[1:]
