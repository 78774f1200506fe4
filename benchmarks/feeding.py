"""What is around the training: ``fit`` with Keras's way of feeding arrays, and with ours.

Small networks, whose steps take a tenth of a millisecond, so that the rest shows: going back to
Python for each step, feeding arrays through ``tf.data``, and tracing the first step. Both ways
alternate in one process, give the same losses to the last bit (which is looked at), and differ
only in ``coursekit/_feed.py`` and ``_steps.py``.

Run with ``.venv/bin/python benchmarks/feeding.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from _measure import OURS, PLAIN, Question

from coursekit import _feed

numbers = np.random.default_rng(1)


def network(features: int, units: int, classes: int) -> keras.Sequential:
    """Return a perceptron with one hidden layer."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((features,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def fit(rows: int, features: int, units: int, *, epochs: int, networks: int = 1):
    """Return a function that trains so, and says how long that took and the last loss."""
    x = numbers.normal(size=(rows, features)).astype(np.float32)
    y = np.eye(2, dtype=np.float32)[numbers.integers(0, 2, rows)]

    def train() -> tuple[float, float]:
        models = [network(features, units, 2) for _ in range(networks)]
        began = time.perf_counter()
        for model in models:
            recorded = model.fit(x, y, epochs=epochs, validation_split=0.2, verbose=0)
        return time.perf_counter() - began, recorded.history["val_loss"][-1]

    return train


TASKS = {
    "60 epochs of 9-12-2 on 500 rows": fit(500, 9, 12, epochs=60),
    "20 epochs of 784-128-2 on 5,000 rows": fit(5000, 784, 128, epochs=20),
    "One epoch of each of five new networks on 500 rows": fit(500, 9, 12, epochs=1, networks=5),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    question = Question("feeding", "Around the training", __doc__.split("\n\n")[1])
    for title, train in TASKS.items():
        losses = set()

        def timed(way, train=train, losses=losses) -> float:
            with way() as installed:
                assert installed is not False, "not the Keras that coursekit/_feed.py is for"
                seconds, loss = train()
            losses.add(loss)
            return seconds

        question.alternate(
            title,
            {
                PLAIN: lambda timed=timed: timed(contextlib.nullcontext),
                OURS: lambda timed=timed: timed(_feed.quicker),
            },
            rounds=options.rounds,
        )
        assert len(losses) == 1, losses
    question.keep()


if __name__ == "__main__":
    main()
