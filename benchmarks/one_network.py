"""What makes the training of one network faster: each means against Keras's defaults.

Seconds are those of three epochs of 9,600 digits in batches of 128, each validated with 2,400,
after one that pays for tracing and compiling. ``train_model`` uses what helps: both of the first
two always, and XLA for large networks without dropout. It does not use bfloat16, whose accuracy
has not been compared. What is below 1 in the last column took less time than "both"; float64 in
memory is what dividing bytes by 255 gives.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

import numpy as np
from _measure import Question

from coursekit import datasets, models, preprocessing

EPOCHS = 3


def seconds(
    x,
    y,
    *,
    units: int,
    layers: int,
    dropout: float,
    validation_batch: int = 128,
    policy: str = "float32",
    **compiled,
) -> float:
    """Train for some epochs, after one that pays for tracing and compiling."""
    import keras

    keras.utils.set_random_seed(1)
    network = models.mnist_mlp(units=units, layers=layers, dropout=dropout)
    for layer in network.layers[:-1]:
        layer.dtype_policy = policy
    network.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.SGD(learning_rate=0.1, momentum=0.9),
        metrics=["accuracy"],
        **compiled,
    )
    options = {"batch_size": 128, "validation_split": 0.2, "verbose": 0}
    options["validation_batch_size"] = validation_batch
    network.fit(x, y, epochs=1, **options)
    began = time.perf_counter()
    network.fit(x, y, epochs=EPOCHS, **options)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edition", choices=("sample", "full"), default="sample")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    train, _ = datasets.load_mnist(edition=options.edition)
    x, y = preprocessing.prepare_digits(*train, seed=1)
    x, y = x[:12_000], y[:12_000]
    epoch = -(-int(0.8 * len(x)) // 128)
    both = {"steps_per_execution": epoch, "validation_batch": 2000}
    means = {
        "an epoch's steps in one call": {"steps_per_execution": epoch},
        "validation in batches of 2,000": {"validation_batch": 2000},
        "both": both,
        "both, steps compiled with XLA": {**both, "jit_compile": True},
        "both, in bfloat16": {**both, "policy": "mixed_bfloat16"},
    }
    question = Question(
        "one_network", "What train_model does, means by means", __doc__.split("\n\n")[1]
    )
    for units, layers, dropout in ((128, 1, 0.0), (512, 1, 0.0), (512, 2, 0.3), (1024, 3, 0.0)):
        train_on = partial(seconds, units=units, layers=layers, dropout=dropout)
        ways = {"Keras's defaults": partial(train_on, x, y)}
        ways |= {name: partial(train_on, x, y, **changed) for name, changed in means.items()}
        ways["float64 in memory"] = partial(train_on, x.astype(np.float64), y)
        question.alternate(
            f"{layers} × {units}" + ", dropout" * bool(dropout),
            ways,
            rounds=options.rounds,
            ours="both",
            warm_up=False,
        )
    question.keep()


if __name__ == "__main__":
    main()
