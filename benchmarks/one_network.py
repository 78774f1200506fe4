"""What makes the training of one network faster: each means against Keras's defaults.

Seconds are those of three epochs of 9,600 rows in batches of 128, each validated with 2,400 (the
digits of the sample, three times each), after one that pays for tracing and compiling. The last of
the means is what ``train_model`` does with a small network; for large ones without dropout it adds
XLA. What stands below it was tried on top. It does not use bfloat16, whose accuracy has not been
compared. A number below 1 in the third column means less time than ``train_model``'s way. Float64
in memory is what dividing bytes by 255 gives.
"""

from __future__ import annotations

import time
from functools import partial

import numpy as np
from _measure import Question, options_of
from training import BATCH, EPOCHS, TIMES, digits

from coursekit import models
from coursekit.training import loop

SPLIT = 0.2
OURS = "both, and batches made in TensorFlow"
TRIED = {
    "steps compiled with XLA": {"jit_compile": True},
    "hidden layers in bfloat16": {"policy": "mixed_bfloat16"},
    "tf.data tunes itself": {"autotune": True},
}


def seconds(
    x: np.ndarray,
    y: np.ndarray,
    *,
    units: int,
    layers: int,
    dropout: float = 0.0,
    validation_batch: int = BATCH,
    policy: str = "float32",
    in_tensorflow: bool = False,
    autotune: bool = False,
    first: bool = False,
    **compiled,
) -> float:
    """Train for some epochs, after one that pays for tracing and compiling.

    Parameters
    ----------
    x, y : ndarray
        Digits, of which the last fifth validates.
    units, layers, dropout
        As for :func:`coursekit.models.mnist_mlp`.
    validation_batch : int
        Rows per batch of the validation.
    policy : str
        Keras's name of the precision of the hidden layers.
    in_tensorflow : bool
        Whether TensorFlow shuffles the rows and cuts them into batches.
    autotune : bool
        Whether tf.data then tunes its own threads and buffers.
    first : bool
        Whether to return the seconds of the first epoch instead.
    **compiled
        For ``compile``.

    Returns
    -------
    float
    """
    import keras
    import tensorflow as tf

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
    if in_tensorflow:
        rows = int((1 - SPLIT) * len(x))
        training = loop.shuffled_batches(x[:rows], y[:rows], BATCH)
        validation = loop.shuffled_batches(x[rows:], y[rows:], validation_batch, shuffle=False)
        if autotune:
            tuned = tf.data.Options()
            tuned.autotune.enabled = True
            training = training.with_options(tuned)
        train = partial(network.fit, training, validation_data=validation, verbose=0)
    else:
        train = partial(
            network.fit, x, y, batch_size=BATCH, validation_split=SPLIT,
            validation_batch_size=validation_batch, verbose=0,
        )  # fmt: skip
    began = time.perf_counter()
    train(epochs=1)
    if first:
        return time.perf_counter() - began
    began = time.perf_counter()
    train(epochs=EPOCHS)
    return time.perf_counter() - began


def main() -> None:
    options = options_of(__doc__)
    x, y = digits(1 if options.quick else TIMES)
    epoch = loop.steps_per_epoch(int((1 - SPLIT) * len(x)), BATCH)
    both = {"steps_per_execution": epoch, "validation_batch": 2000}
    ours = {**both, "in_tensorflow": True}
    means = {
        "an epoch's steps in one call": {"steps_per_execution": epoch},
        "validation in batches of 2,000": {"validation_batch": 2000},
        "both": both,
        OURS: ours,
    }
    means |= {f"{OURS}, {name}": {**ours, **changed} for name, changed in TRIED.items()}
    question = Question(
        "one_network", "What train_model does, means by means", __doc__.split("\n\n")[1],
        quick=options.quick,
    )  # fmt: skip
    networks = ((64, 1),) if options.quick else ((512, 1), (1024, 3))
    for units, layers in networks:
        train_on = partial(seconds, units=units, layers=layers)
        ways = {"Keras's defaults": partial(train_on, x, y)}
        ways |= {name: partial(train_on, x, y, **changed) for name, changed in means.items()}
        ways["float64 in memory"] = partial(train_on, x.astype(np.float64), y)
        question.alternate(
            f"{layers} × {units}", ways, rounds=options.rounds, ours=OURS, warm_up=False
        )
        for row in question.content["parts"][-1]["rows"]:
            name = row["way"].removeprefix(f"{OURS}, ")
            if name in TRIED:
                question.tried(f"Training {layers} × {units}: {name}", row["ratio"])
        compiled = f"{OURS}, steps compiled with XLA"
        question.alternate(
            f"{layers} × {units}, the first epoch alone",
            {name: partial(ways[name], first=True) for name in (OURS, compiled)},
            rounds=options.rounds,
            ours=OURS,
            warm_up=False,
        )
    question.keep()


if __name__ == "__main__":
    main()
