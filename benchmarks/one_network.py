"""What makes the training of one network faster: each means against Keras's default.

Run with ``make bench``. The median of each ratio decides what ``train_model`` uses; a means
that is not faster for small and large networks alike is left out.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

import numpy as np
from _pairs import compare

from coursekit import datasets, models, preprocessing

EPOCHS = 3


def seconds(x, y, *, units: int, layers: int, validation_batch: int = 128, **compiled) -> float:
    """Train for some epochs, after one that pays for tracing and compiling."""
    import keras

    keras.utils.set_random_seed(1)
    network = models.mnist_mlp(units=units, layers=layers)
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
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    train, _ = datasets.load_mnist(edition=options.edition)
    x, y = preprocessing.prepare_digits(*train, seed=1)
    x, y = x[:12_000], y[:12_000]
    epoch = -(-int(0.8 * len(x)) // 128)
    means = {
        "an epoch's steps in one call": {"steps_per_execution": epoch},
        "validation in batches of 2,000": {"validation_batch": 2000},
        "both": {"steps_per_execution": epoch, "validation_batch": 2000},
        "steps compiled with XLA": {"jit_compile": True},
    }
    for units, layers in ((128, 1), (512, 2), (1024, 3)):
        train_on = partial(seconds, units=units, layers=layers)
        default = partial(train_on, x, y)
        for name, changed in means.items():
            ours = partial(train_on, x, y, **changed)
            compare(f"{layers} x {units}: {name}", default, ours, pairs=options.pairs)
        compare(
            f"{layers} x {units}: float32 in memory instead of float64",
            partial(train_on, x.astype(np.float64), y),
            default,
            pairs=options.pairs,
        )


if __name__ == "__main__":
    main()
