"""The twelve networks of the capacity grid: ``capacity_grid`` against the plain loop.

The plain loop is the source's, translated line by line with its depth put right: one network
after the other in one process, Keras's defaults, the same callbacks. Both get the same
networks, callbacks and number of epochs. The clock of the plain loop starts when TensorFlow
is imported and the data are loaded; ours includes starting the process that imports it anew, and
from which those of the networks are forked.

Run with ``make bench``, or ``.venv/bin/python benchmarks/grid.py --edition full --epochs 4``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from functools import partial

from _measure import OURS, PLAIN, Question

UNITS, LAYERS = (128, 256, 512, 1024), (1, 2, 3)


def plain(edition: str, epochs: int, log_dir: str) -> float:
    """Train as the source does."""
    import keras

    from coursekit import datasets

    (images, labels), _ = datasets.load_mnist(edition=edition)
    x = images.reshape(len(images), 784) / 255
    y = keras.utils.to_categorical(labels, 10)
    began = time.perf_counter()
    for units in UNITS:
        for layers in LAYERS:
            model = keras.Sequential([keras.Input((784,))])
            for _ in range(layers):
                model.add(keras.layers.Dense(units, activation="relu"))
            model.add(keras.layers.Dense(10, activation="softmax"))
            model.compile(
                loss="categorical_crossentropy",
                optimizer=keras.optimizers.SGD(learning_rate=0.1, momentum=0.9),
                metrics=["accuracy"],
            )
            model.fit(
                x,
                y,
                validation_split=0.2,
                batch_size=128,
                epochs=epochs,
                callbacks=[
                    keras.callbacks.EarlyStopping(
                        patience=3, restore_best_weights=True, min_delta=0.0001
                    ),
                    keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.1),
                    keras.callbacks.TensorBoard(f"{log_dir}/mlp_{layers}_layers_{units}_units"),
                ],
                verbose=0,
            )
    return time.perf_counter() - began


def ours(edition: str, epochs: int, log_dir: str, n_jobs: int = -1) -> float:
    """Train with ``capacity_grid``, by default with one process per core."""
    from coursekit import datasets, preprocessing, training

    train, _ = datasets.load_mnist(edition=edition)
    x, y = preprocessing.prepare_digits(*train)
    began = time.perf_counter()
    table = training.capacity_grid(
        x,
        y,
        units=UNITS,
        layers=LAYERS,
        log_dir=log_dir,
        n_jobs=n_jobs,
        epochs=epochs,
        progress=False,
    )
    assert (table["error"] == "").all()
    return time.perf_counter() - began


ARMS = {"plain": plain, "ours": ours, "one": partial(ours, n_jobs=1)}


def in_a_fresh_process(arm: str, edition: str, epochs: int) -> float:
    """Run one of the two as if it were the first thing this machine does."""
    with tempfile.TemporaryDirectory() as logs:
        words = ["--arm", arm, "--edition", edition, "--epochs", str(epochs), "--log-dir", logs]
        done = subprocess.run(
            [sys.executable, __file__, *words],
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edition", choices=("sample", "full"), default="sample")
    parser.add_argument("--epochs", type=int, default=4, help="at most, as in fit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--log-dir", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        print(ARMS[options.arm](options.edition, options.epochs, options.log_dir))
        return
    question = Question("grid", "The grid of twelve networks", __doc__.split("\n\n")[1])
    question.alternate(
        f"{options.edition} edition, {options.epochs} epochs",
        {
            PLAIN: lambda: in_a_fresh_process("plain", options.edition, options.epochs),
            OURS: lambda: in_a_fresh_process("ours", options.edition, options.epochs),
        },
        rounds=options.rounds,
        warm_up=False,  # each is a fresh process on purpose
    )
    question.keep()


if __name__ == "__main__":
    main()
