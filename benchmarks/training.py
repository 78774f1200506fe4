"""An epoch of training: the plain translation, ``train_model``, PyTorch and scikit-learn.

Three perceptrons of the MNIST lab (48,000 digits to learn from, 12,000 to validate) and the
convolutional network of the walking data (70 % and 30 % of its windows), in batches of 128. Each
way has a process of its own. In turn each trains a new network for three epochs without a break;
the time is that of an epoch, with its validation, over the second and third: the first pays for
tracing and compiling. (A break between two epochs would count against Keras: what its data were
fed with is taken down when the next epoch begins, and that may take as long as the break.)

Run with ``.venv/bin/python benchmarks/training.py --torch PYTHON``, where PYTHON is the
interpreter of an environment with PyTorch's CPU build (and NumPy). Without it PyTorch is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

BATCH = 128
NO_CONVOLUTIONS = (
    "scikit-learn has no convolutions. On the walking data it trains a perceptron of about as many "
    "weights, which uses each of them once for a window, where a convolution uses its own at every "
    "position. So it takes much less time than any of the others, and learns less in it (the last "
    "column); the means leave it out. It has no dropout either, so the network with dropout is one "
    "without for it."
)
EPOCHS = 3


@dataclass(frozen=True)
class Network:
    """One of the four, with the numbers of multiplications and additions of a row."""

    title: str
    units: int = 0
    layers: int = 0
    dropout: float = 0.0
    learning_rate: float = 0.1
    momentum: float = 0.9

    @property
    def data(self) -> str:
        """The data it learns."""
        return "mnist" if self.units else "walking"

    @property
    def operations(self) -> tuple[float, float]:
        """Floating-point operations for a row, in training and in validation."""
        if self.units:
            widths = [784, *[self.units] * self.layers, 10]
            layers = [2 * a * b for a, b in pairwise(widths)]
        else:
            # Kernels of 30 and 10 time steps, 40 each; steps of 2, and pooling by 2 in between.
            first, second = (260 - 30) // 2 + 1, ((260 - 30) // 2 + 1) // 2 - 9
            layers = [2 * first * 30 * 3 * 40, 2 * second * 10 * 40 * 40]
            layers += [2 * second // 2 * 40 * 100, 2 * 100 * 15]
        # Backwards as much again for the weights, and for the inputs of all but the first layer.
        return 3 * sum(layers) - layers[0], sum(layers)


NETWORKS = {
    "base": Network("1 × 512, the base network", 512, 1, learning_rate=0.01, momentum=0.0),
    "dropout": Network("2 × 512 with dropout 0.3", 512, 2, dropout=0.3),
    "large": Network("3 × 1024", 1024, 3),
    "walking": Network("the walking network"),
}


# ---------------------------------------------------------------- one way, in a process of its own


def take_turns(train) -> None:
    """Train once for each line that comes in, and answer with an epoch's seconds and accuracy.

    ``train`` calls what it is given at the end of each epoch, with the accuracy.
    """
    for _ in sys.stdin:
        ends, accuracies = [], []

        def note(accuracy, ends=ends, accuracies=accuracies) -> None:
            accuracies.append(float(accuracy))
            ends.append(time.perf_counter())

        train(note)
        seconds = (ends[-1] - ends[0]) / (len(ends) - 1)
        print(json.dumps([seconds, accuracies[-1]]), flush=True)


def noting(note):
    """Return a callback that calls ``note`` at the end of each epoch."""
    import keras

    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: note(logs["val_accuracy"])
    )


def plain(network: Network, x: np.ndarray, y: np.ndarray, split: float) -> None:
    """Train as the sources do, translated line by line."""
    import keras

    if network.units:
        x = x.astype(np.float64)  # what dividing bytes by 255 gives

    def train(note) -> None:
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input(x.shape[1:])])
        if network.units:
            for _ in range(network.layers):
                model.add(keras.layers.Dense(network.units, activation="relu"))
                if network.dropout:
                    model.add(keras.layers.Dropout(network.dropout))
            model.add(keras.layers.Dense(10, activation="softmax"))
            optimizer = keras.optimizers.SGD(network.learning_rate, momentum=network.momentum)
        else:
            model.add(keras.layers.Conv1D(40, 30, strides=2, activation="relu"))
            model.add(keras.layers.MaxPooling1D(2))
            model.add(keras.layers.Conv1D(40, 10, activation="relu"))
            model.add(keras.layers.MaxPooling1D(2))
            model.add(keras.layers.Flatten())
            model.add(keras.layers.Dense(100, activation="sigmoid"))
            model.add(keras.layers.Dense(15, activation="softmax"))
            optimizer = "adam"
        model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
        model.fit(
            x, y, batch_size=BATCH, epochs=EPOCHS, validation_split=split,
            callbacks=[noting(note)], verbose=0,
        )  # fmt: skip

    take_turns(train)


def ours(network: Network, x: np.ndarray, y: np.ndarray, split: float) -> None:
    """Train with ``train_model``."""
    import keras

    from coursekit import models, training

    options = {"batch_size": BATCH, "epochs": EPOCHS, "validation_split": split, "seed": 1,
               "patience": None, "plateau_patience": None}  # fmt: skip
    if network.units:
        options |= {"units": network.units, "layers": network.layers, "dropout": network.dropout}
        options |= {"learning_rate": network.learning_rate, "momentum": network.momentum}

    def train(note) -> None:
        its_own = {}
        if not network.units:
            keras.utils.set_random_seed(1)
            its_own = {"model": models.walking_final_cnn(), "optimizer": "adam"}
        training.train_model(x, y, **options, **its_own, callbacks=[noting(note)])

    take_turns(train)


def pytorch(network: Network, x: np.ndarray, y: np.ndarray, split: float) -> None:
    """Train with a loop as PyTorch's own tutorials write it, on tensors in memory."""
    import torch
    from torch import nn

    if not network.units:
        x = x.transpose(0, 2, 1)
    inputs = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
    targets = torch.from_numpy(y.argmax(axis=1))
    rows = int(len(x) * (1 - split))
    loss = nn.CrossEntropyLoss()

    def train(note) -> None:
        torch.manual_seed(1)
        if network.units:
            layers, width = [], x.shape[1]
            for _ in range(network.layers):
                layers += [nn.Linear(width, network.units), nn.ReLU()]
                layers += [nn.Dropout(network.dropout)] if network.dropout else []
                width = network.units
            layers.append(nn.Linear(width, 10))
        else:
            layers = [nn.Conv1d(3, 40, 30, stride=2), nn.ReLU(), nn.MaxPool1d(2)]
            layers += [nn.Conv1d(40, 40, 10), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten()]
            layers += [nn.LazyLinear(100), nn.Sigmoid(), nn.Linear(100, 15)]
        model = nn.Sequential(*layers)
        model(inputs[:2])
        if network.units:
            optimizer = torch.optim.SGD(
                model.parameters(), network.learning_rate, momentum=network.momentum
            )
        else:
            optimizer = torch.optim.Adam(model.parameters(), 0.001)
        for _ in range(EPOCHS):
            model.train()
            for batch in torch.randperm(rows).split(BATCH):
                optimizer.zero_grad()
                loss(model(inputs[batch]), targets[batch]).backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                right = model(inputs[rows:]).argmax(1) == targets[rows:]
            note(right.float().mean())

    take_turns(train)


def sklearn(network: Network, x: np.ndarray, y: np.ndarray, split: float) -> None:
    """Train scikit-learn's perceptron; for the walking network one with as many weights."""
    from sklearn.neural_network import MLPClassifier

    x = x.reshape(len(x), -1)
    labels = y.argmax(axis=1)
    rows = int(len(x) * (1 - split))
    if network.units:
        how = {"hidden_layer_sizes": (network.units,) * network.layers, "solver": "sgd",
               "learning_rate_init": network.learning_rate, "momentum": network.momentum,
               "nesterovs_momentum": False}  # fmt: skip
    else:
        how = {"hidden_layer_sizes": (147,), "solver": "adam"}

    def train(note) -> None:
        model = MLPClassifier(batch_size=BATCH, alpha=0, random_state=1, **how)
        for _ in range(EPOCHS):
            model.partial_fit(x[:rows], labels[:rows], classes=np.unique(labels))
            note(model.score(x[rows:], labels[rows:]))

    take_turns(train)


def peak_of_matrix_multiplication() -> None:
    """Print the most operations per second that large products of matrices reach."""
    import tensorflow as tf

    side = 3072
    matrix = tf.random.normal((side, side))
    times = []
    for _ in range(8):
        began = time.perf_counter()
        tf.linalg.matmul(matrix, matrix).numpy()
        times.append(time.perf_counter() - began)
    print(2 * side**3 / min(times))


WAYS = {
    "plain Keras": plain,
    "train_model": ours,
    "PyTorch": pytorch,
    "scikit-learn": sklearn,
}


# ------------------------------------------------------------------------------ all ways in turn


def load(folder: Path) -> None:
    """Write the data of all ways into files, prepared."""
    from coursekit import datasets, preprocessing

    train, _ = datasets.load_mnist(edition="full")
    walking = datasets.load_walking()
    order = np.random.default_rng(1).permutation(len(walking.x))
    for name, (x, y) in {
        "mnist": preprocessing.prepare_digits(*train, seed=1),
        "walking": (walking.x[order], walking.y[order]),
    }.items():
        np.save(folder / f"{name}-x.npy", x)
        np.save(folder / f"{name}-y.npy", y)


class Worker:
    """A way's process, which trains whenever it is asked to."""

    def __init__(self, way: str, network: str, folder: Path, python: str):
        self.process = subprocess.Popen(
            [python, __file__, "--way", way, "--network", network, "--folder", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self.way, self.accuracy = way, float("nan")

    def epoch(self) -> float:
        """Return an epoch's seconds of one more training."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.way} ended; run it by itself to see why.")
        seconds, self.accuracy = json.loads(answer)
        return seconds

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="trainings of each way")
    parser.add_argument("--torch", help="the interpreter of an environment with PyTorch")
    parser.add_argument("--only", nargs="*", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    for hidden in ("--way", "--network", "--folder"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way == "peak":
        return peak_of_matrix_multiplication()
    if options.way:
        network, folder = NETWORKS[options.network], Path(options.folder)
        x, y = (np.load(folder / f"{network.data}-{axis}.npy") for axis in "xy")
        return WAYS[options.way](network, x, y, 0.2 if network.units else 0.3)

    from _measure import Question

    question = Question("training", "An epoch of training", " ".join(__doc__.split("\n\n")[1:2]))
    interpreters = dict.fromkeys(options.ways, sys.executable)
    if options.torch:
        interpreters["PyTorch"] = options.torch
    else:
        interpreters.pop("PyTorch", None)
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        load(folder)
        peak = float(
            subprocess.run(
                [sys.executable, __file__, "--way", "peak"],
                check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            ).stdout
        )  # fmt: skip
        question.say(
            f"Large products of matrices reach {peak / 1e9:.0f} billion operations in a second "
            "here (TensorFlow, float32, all cores); the shares of the peak are shares of that."
        )
        against: dict[str, list[float]] = {}
        for name in options.only:
            network = NETWORKS[name]
            sizes = np.load(folder / f"{network.data}-x.npy", mmap_mode="r").shape[0]
            learned = int(sizes * (0.8 if network.units else 0.7))
            training, validation = network.operations
            operations = training * learned + validation * (sizes - learned)
            workers = {
                way: Worker(way, name, folder, python) for way, python in interpreters.items()
            }
            try:
                seconds = question.alternate(
                    network.title,
                    {way: worker.epoch for way, worker in workers.items()},
                    rounds=options.rounds,
                    ours="train_model",
                    warm_up=False,  # the first epoch of each training is
                )
            finally:
                for worker in workers.values():
                    worker.end()
            for row in question.content["parts"][-1]["rows"]:
                way = row["way"]
                share = operations / statistics.median(seconds[way]) / peak
                same = network.units or way != "scikit-learn"
                row["share of the peak"] = f"{share:.0%}" if same else "another network"
                row[f"validation accuracy after {EPOCHS} epochs"] = f"{workers[way].accuracy:.4f}"
                if "ratio" in row and same:
                    against.setdefault(way, []).append((row["ratio"][0], row["fastest"]))
            if len(options.only) == len(NETWORKS):
                question.keep()  # what an error in the next one would lose
        question.say(NO_CONVOLUTIONS)
        for way, ratios in against.items():
            medians, fastest = zip(*ratios, strict=True)
            question.say(
                f"Over {len(ratios)} networks, train_model is "
                f"{statistics.geometric_mean(medians):.2f} times as fast as {way} by the medians "
                f"({min(medians):.2f} to {max(medians):.2f}), and "
                f"{statistics.geometric_mean(fastest):.2f} times by the fastest rounds "
                f"({min(fastest):.2f} to {max(fastest):.2f}; geometric means)."
            )
    if len(options.only) == len(NETWORKS):
        question.keep()


if __name__ == "__main__":
    main()
