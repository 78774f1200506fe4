"""The twelve networks of the capacity grid: ``capacity_grid`` against the plain loop.

The plain loop is the source's, translated line by line with its depth put right: one network
after the other in one process, Keras's defaults, the same callbacks. Both get the same
networks, callbacks and number of epochs. The clock of the plain loop starts when TensorFlow
is imported and the data are loaded; ours includes starting the process that imports it anew, and
from which those of the networks are forked.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from _measure import LONGEST, OURS, PLAIN, Question, environment, options_of

UNITS, LAYERS = (128, 256, 512, 1024), (1, 2, 3)
EPOCHS = 4  # at most, as in fit


def plain(log_dir: str, *, units=UNITS, layers=LAYERS, epochs: int = EPOCHS) -> float:
    """Train as the source does."""
    import keras

    from coursekit import datasets

    (images, labels), _ = datasets.load_mnist(edition="sample")
    x = images.reshape(len(images), 784) / 255
    y = keras.utils.to_categorical(labels, 10)
    began = time.perf_counter()
    for width in units:
        for depth in layers:
            model = keras.Sequential([keras.Input((784,))])
            for _ in range(depth):
                model.add(keras.layers.Dense(width, activation="relu"))
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
                    keras.callbacks.TensorBoard(f"{log_dir}/mlp_{depth}_layers_{width}_units"),
                ],
                verbose=0,
            )
    return time.perf_counter() - began


def ours(log_dir: str, *, units=UNITS, layers=LAYERS, n_jobs: int = -1, epochs=EPOCHS) -> float:
    """Train with ``capacity_grid``, by default with one process per core."""
    from coursekit import datasets, preprocessing, training

    train, _ = datasets.load_mnist(edition="sample")
    x, y = preprocessing.prepare_digits(*train)
    began = time.perf_counter()
    table = training.capacity_grid(
        x, y, units=units, layers=layers, log_dir=log_dir, n_jobs=n_jobs, epochs=epochs,
        progress=False,
    )  # fmt: skip
    assert (table["error"] == "").all()
    return time.perf_counter() - began


def in_a_fresh_process(arm: str, **options: object) -> float:
    """Train one grid as if it were the first thing that this machine does.

    Parameters
    ----------
    arm : str
        ``"plain"`` or ``"ours"``.
    **options
        For :func:`ours` or :func:`plain`.

    Returns
    -------
    float
        Seconds.
    """
    with tempfile.TemporaryDirectory() as logs:
        done = subprocess.run(
            [sys.executable, __file__, "--arm", arm, "--log-dir", logs, "--with",
             json.dumps(options)],
            text=True, capture_output=True, check=False, timeout=LONGEST, env=environment(),
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The grid ({arm}) failed:\n{done.stderr[-2000:]}")
    return float(done.stdout.split()[-1])


def main() -> None:
    if "--arm" in sys.argv:
        parser = argparse.ArgumentParser()
        for name in ("--arm", "--log-dir", "--with"):
            parser.add_argument(name)
        asked = vars(parser.parse_args())
        arm = {"plain": plain, "ours": ours}[asked["arm"]]
        print(arm(asked["log_dir"], **json.loads(asked["with"])))
        return
    options = options_of(__doc__)
    question = Question(
        "grid", "The grid of twelve networks", __doc__.split("\n\n")[1], quick=options.quick
    )
    sizes = {"units": [32], "layers": [1], "epochs": 1} if options.quick else {}
    cores = os.cpu_count() or 1
    more = f"ours, with {cores + 1} processes on {cores} cores"
    question.alternate(
        f"Sample edition, {EPOCHS} epochs",
        {
            PLAIN: lambda: in_a_fresh_process("plain", **sizes),
            OURS: lambda: in_a_fresh_process("ours", **sizes),
            more: lambda: in_a_fresh_process("ours", n_jobs=cores + 1, **sizes),
        },
        rounds=options.rounds,
        warm_up=False,  # each is a fresh process on purpose
    )
    row = next(row for row in question.content["parts"][-1]["rows"] if row["way"] == more)
    question.tried(f"The grid: {cores + 1} processes on {cores} cores", row["ratio"])
    question.keep()


if __name__ == "__main__":
    main()
