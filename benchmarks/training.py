"""An epoch of training: ``train_model``, and what else one could train the same network with.

Three perceptrons of the MNIST lab, the book's convolutional network of digits, and that of the
walking data (70 % and 30 % of its windows), in batches of 128. The digits are those of the sample
edition, 3,200 to learn from and 800 to validate, each three times in an epoch, and once for the
convolutional network: rows were reduced so that five rounds of all ways fit into half an hour.
Each way has a process of its own. In turn each trains a new network for three epochs without a
break; the time is that of an epoch, with its validation, over the second and third: the first pays
for tracing and compiling. (A break between two epochs would count against Keras: what its data were
fed with is taken down when the next epoch begins, and that may take as long as the break.) All ways
use all cores.

PyTorch and JAX live in environments of their own, which this script makes in the user's cache.
``--torch`` and ``--jax`` name the interpreters of others, which need Keras too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

BATCH = 128
EPOCHS = 3
TIMES = 3  # how often an epoch has each digit of the sample
SPLIT = {"mnist": 0.2, "images": 0.2, "walking": 0.3}
LONGEST = 900  # seconds for one training
PLAIN_GOAL = 1.5  # times as fast as plain Keras, over all networks
NO_CONVOLUTIONS = (
    "scikit-learn has no convolutions. Where the others train a convolutional network, it trains a "
    "perceptron of about as many weights, which uses each of them once for a row, where a "
    "convolution uses its own at every position. So it takes much less time than any of the "
    "others, and its accuracy is that of another network; the means leave it out. It has no "
    "dropout either, so the network with dropout is one without for it."
)


@dataclass(frozen=True)
class Network:
    """One of the five, with the numbers of multiplications and additions of a row."""

    title: str
    data: str = "mnist"
    units: int = 0
    layers: int = 0
    dropout: float = 0.0
    learning_rate: float = 0.1
    momentum: float = 0.9
    perceptron: int = 0  # units with which scikit-learn's has about as many weights

    @property
    def operations(self) -> tuple[float, float]:
        """Floating-point operations for a row, in training and in validation."""
        if self.data == "mnist":
            widths = [784, *[self.units] * self.layers, 10]
            layers = [2 * a * b for a, b in pairwise(widths)]
        elif self.data == "images":
            layers = [2 * 26**2 * 9 * 32, 2 * 11**2 * 9 * 32 * 64, 2 * 5**2 * 64 * 10]
        else:
            # Kernels of 30 and 10 time steps, 40 each; steps of 2, and pooling by 2 in between.
            first, second = (260 - 30) // 2 + 1, ((260 - 30) // 2 + 1) // 2 - 9
            layers = [2 * first * 30 * 3 * 40, 2 * second * 10 * 40 * 40]
            layers += [2 * second // 2 * 40 * 100, 2 * 100 * 15]
        # Backwards as much again for the weights, and for the inputs of all but the first layer.
        return 3 * sum(layers) - layers[0], sum(layers)


NETWORKS = {
    "base": Network(
        "1 × 512, the base network", units=512, layers=1, learning_rate=0.01, momentum=0.0
    ),
    "dropout": Network("2 × 512 with dropout 0.3", units=512, layers=2, dropout=0.3),
    "large": Network("3 × 1024", units=1024, layers=3),
    "images": Network("mnist_cnn, 32 and 64 filters", "images", perceptron=44),
    "walking": Network("the walking network", "walking", perceptron=147),
}


# ---------------------------------------------------------------- one way, in a process of its own


def take_turns(train) -> None:
    """Train once for each line that comes in, and answer with an epoch's seconds and accuracy.

    ``train`` calls what it is given at the end of each epoch, with the accuracy.
    """
    print("ready", flush=True)
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
    """Train as the sources do, translated line by line; KERAS_BACKEND names the back end."""
    import keras

    if network.data != "walking":
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
        elif network.data == "images":
            for filters in (32, 64):
                model.add(keras.layers.Conv2D(filters, 3, activation="relu"))
                model.add(keras.layers.MaxPooling2D(2))
            model.add(keras.layers.Flatten())
            model.add(keras.layers.Dense(10, activation="softmax"))
            optimizer = "adam"
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
            build = models.mnist_cnn if network.data == "images" else models.walking_final_cnn
            its_own = {"model": build(), "optimizer": "adam"}
        training.train_model(x, y, **options, **its_own, callbacks=[noting(note)])

    take_turns(train)


def pytorch(
    network: Network, x: np.ndarray, y: np.ndarray, split: float, *, compiled: bool = False
) -> None:
    """Train with a loop as PyTorch's own tutorials write it, on tensors in memory."""
    import torch
    from torch import nn

    torch.set_num_threads(os.cpu_count() or 1)  # by default it leaves out logical cores
    if not network.units:
        x = np.moveaxis(x, -1, 1)
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
        elif network.data == "images":
            layers = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)]
            layers += [nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
            layers += [nn.Linear(1600, 10)]
        else:
            layers = [nn.Conv1d(3, 40, 30, stride=2), nn.ReLU(), nn.MaxPool1d(2)]
            layers += [nn.Conv1d(40, 40, 10), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten()]
            layers += [nn.LazyLinear(100), nn.Sigmoid(), nn.Linear(100, 15)]
        model = nn.Sequential(*layers)
        model(inputs[:2])
        for layer in model:  # as Keras does, so that the accuracies can be compared
            if hasattr(layer, "weight"):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
        if compiled:
            torch.compiler.reset()  # it gives up after some networks of the same form
            model = torch.compile(model)
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
        how = {"hidden_layer_sizes": (network.perceptron,), "solver": "adam"}

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


def parts_of_a_step() -> None:
    """Print the microseconds of a step's parts, in the framework that KERAS_BACKEND names.

    They are the products of matrices and the update with momentum of a layer of 784 × 512 weights.
    Each is the median over some hundred, as the framework's users would write it.
    """
    rng = np.random.default_rng(1)
    rows, weights, errors = (
        rng.normal(size=size).astype("float32") for size in ((BATCH, 784), (784, 512), (BATCH, 512))
    )
    parts = {"tensorflow": _in_tensorflow, "jax": _in_jax, "torch": _in_pytorch}
    calls = parts[os.environ["KERAS_BACKEND"]](rows, weights, errors)
    found = {}
    for name, call in calls.items():
        times = []
        for _ in range(400):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        found[name] = 1e6 * statistics.median(times[100:])
    print(json.dumps(found))


FORWARD, BACKWARD, UPDATE = "product forwards", "product backwards", "update with momentum"


def _in_tensorflow(rows, weights, errors) -> dict[str, Callable]:
    import keras
    import tensorflow as tf

    variable = keras.Variable(weights)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build([variable])
    rows, weights, errors = map(tf.constant, (rows, weights, errors))
    forward = tf.function(lambda: tf.matmul(rows, weights))
    backward = tf.function(lambda: tf.matmul(rows, errors, transpose_a=True))
    update = tf.function(lambda: optimizer.apply([weights], [variable]))
    return {FORWARD: lambda: forward().numpy(), BACKWARD: lambda: backward().numpy(),
            UPDATE: update}  # fmt: skip


def _in_jax(rows, weights, errors) -> dict[str, Callable]:
    import jax

    rows, weights, errors = map(jax.numpy.asarray, (rows, weights, errors))
    forward, backward = jax.jit(lambda x, w: x @ w), jax.jit(lambda x, e: x.T @ e)

    def step(state, gradient):
        variable, velocity = state
        velocity = 0.9 * velocity - 0.1 * gradient
        return variable + velocity, velocity

    step = jax.jit(step, donate_argnums=0)
    state = [jax.numpy.array(weights), jax.numpy.zeros_like(weights)]

    def update() -> None:
        state[:] = step(tuple(state), weights)
        state[0].block_until_ready()

    return {
        FORWARD: lambda: forward(rows, weights).block_until_ready(),
        BACKWARD: lambda: backward(rows, errors).block_until_ready(),
        UPDATE: update,
    }


def _in_pytorch(rows, weights, errors) -> dict[str, Callable]:
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    rows, errors = map(torch.from_numpy, (rows, errors))
    variable = torch.nn.Parameter(torch.from_numpy(weights))
    variable.grad = torch.from_numpy(weights.copy())
    constant = torch.from_numpy(weights.copy())
    optimizer = torch.optim.SGD([variable], 0.1, momentum=0.9)
    return {FORWARD: lambda: rows @ constant, BACKWARD: lambda: rows.T @ errors,
            UPDATE: optimizer.step}  # fmt: skip


@dataclass(frozen=True)
class Way:
    """How one could train the network, and what its process needs.

    Attributes
    ----------
    train : callable
        Trains whenever it is asked to.
    lives_in : str
        ``"here"``, or the name of another environment.
    backend : str
        Of Keras.
    """

    train: Callable
    lives_in: str = "here"
    backend: str = "tensorflow"


OURS, PLAIN = "train_model", "plain Keras, TensorFlow"
WAYS = {
    PLAIN: Way(plain),
    OURS: Way(ours),
    "plain Keras, JAX": Way(plain, "jax", "jax"),
    "plain Keras, PyTorch": Way(plain, "torch", "torch"),
    "PyTorch": Way(pytorch, "torch"),
    "PyTorch, torch.compile": Way(partial(pytorch, compiled=True), "torch"),
    "scikit-learn": Way(sklearn),
}
CHECKS = {
    "jax": "import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras",
    # torch.compile calls the machine's C++ compiler.
    "torch": """
import os; os.environ["KERAS_BACKEND"] = "torch"
import keras, torch
assert torch.compile(lambda x: (x + 1).sum())(torch.ones(9)) == 18
""",
}


# ------------------------------------------------------------------------------ all ways in turn


def load(folder: Path, times: int = TIMES) -> None:
    """Write the data of all ways into files, prepared."""
    from coursekit import datasets

    images, classes = digits(1)
    walking = datasets.load_walking()
    order = np.random.default_rng(1).permutation(len(walking.x))
    order = order if times == TIMES else order[:1000]
    for name, arrays in {
        "mnist": digits(times),
        "images": (images.reshape(-1, 28, 28, 1), classes),
        "walking": (walking.x[order], walking.y[order]),
    }.items():
        for axis, array in zip("xy", arrays, strict=True):
            np.save(folder / f"{name}-{axis}.npy", array)


def digits(times: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the digits of the sample as rows, each several times; the last fifth validates.

    Parameters
    ----------
    times : int
        How often each digit comes. None is both in the training and in the validation set.

    Returns
    -------
    tuple of ndarray
        Rows and one-hot classes.
    """
    from coursekit import datasets, preprocessing

    train, _ = datasets.load_mnist(edition="sample")
    arrays = preprocessing.prepare_digits(*train, seed=1)
    first = int(len(arrays[0]) * (1 - SPLIT["mnist"]))
    parts = ([array[:first], array[first:]] for array in arrays)
    return tuple(np.concatenate([part for each in two for part in [each] * times]) for two in parts)


class Worker:
    """A way's process, which trains whenever it is asked to."""

    def __init__(self, name: str, network: str, folder: Path, python: Path):
        way = WAYS[name]
        self.errors = folder / f"{network}, {name}.log"
        own = {"KERAS_BACKEND": way.backend, "CUDA_VISIBLE_DEVICES": "-1"}
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [python, __file__, "--way", name, "--network", network, "--folder", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **own},
            )
        self.name, self.accuracy = name, float("nan")
        self._ready = False

    def wait_until_ready(self) -> None:
        """Wait until it has imported what it needs, which would disturb what others measure."""
        if not self._ready:
            self._answer()
            self._ready = True

    def epoch(self) -> float:
        """Return an epoch's seconds of one more training."""
        self.wait_until_ready()
        seconds, self.accuracy = json.loads(self._answer("\n"))
        return seconds

    def _answer(self, question: str = "") -> str:
        """Send a line, and return the one that comes back."""
        timer = threading.Timer(LONGEST, self.process.kill)
        timer.start()
        try:
            self.process.stdin.write(question)
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            timer.cancel()
        if not answer:
            said = self.errors.read_text(errors="replace")[-2000:]
            raise SystemExit(f"{self.name} ended, or took more than {LONGEST} s:\n{said}")
        return answer

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def interpreters(given: dict[str, Path | None]) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the interpreter of each environment, and why some could not be made."""
    from importlib.metadata import version

    from _environments import MissingError, python_with

    same = [f"{name}=={version(name)}" for name in ("keras", "numpy")]
    found, missing = {"here": Path(sys.executable)}, {}
    for name in CHECKS:
        try:
            found[name] = given[name] or python_with(
                name, [name, *same], check=CHECKS[name], cpu_torch=name == "torch"
            )
        except MissingError as error:
            missing[name] = str(error)
    return found, missing


def measured_peak() -> float:
    """Return the most operations per second that large products of matrices reach."""
    done = subprocess.run(
        [sys.executable, __file__, "--way", "peak"],
        check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LONGEST,
    )  # fmt: skip
    return float(done.stdout)


def say_parts(question, pythons: dict[str, Path]) -> None:
    """Say what the parts of a step take in each framework, as far as they are installed."""
    from _measure import environment, markdown

    rows = []
    for name, lives_in, backend in (
        ("TensorFlow", "here", "tensorflow"), ("JAX", "jax", "jax"), ("PyTorch", "torch", "torch")
    ):  # fmt: skip
        if lives_in not in pythons:
            continue
        done = subprocess.run(
            [pythons[lives_in], __file__, "--way", "parts"],
            env=environment(KERAS_BACKEND=backend, CUDA_VISIBLE_DEVICES="-1"),
            check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=LONGEST,
        )  # fmt: skip
        found = json.loads(done.stdout.splitlines()[-1])
        rows.append([name, *(f"{found[part]:.0f}" for part in (FORWARD, BACKWARD, UPDATE))])
    head = ["microseconds", FORWARD, BACKWARD, UPDATE]
    question.say(
        f"{markdown(head, rows)}\n\nA batch of {BATCH} rows and a layer of 784 × 512 weights, in "
        "each framework by itself (once; medians over 300). Where another framework is ahead with "
        "the perceptrons, its share in a part that it does faster is the reason.",
        title="Parts of a step",
    )


def summarise(question, against: dict[str, list[tuple[float, float]]]) -> None:
    """Say how train_model compares with each way over all networks, and put that into the goals."""
    for way, ratios in against.items():
        medians, fastest = zip(*ratios, strict=True)
        question.say(
            f"Over {len(ratios)} networks, train_model is "
            f"{statistics.geometric_mean(medians):.2f} times as fast as {way} by the medians "
            f"({min(medians):.2f} to {max(medians):.2f}), and "
            f"{statistics.geometric_mean(fastest):.2f} times by the fastest rounds "
            f"({min(fastest):.2f} to {max(fastest):.2f}; geometric means)."
        )
        if way == PLAIN:
            question.goal(f"train_model against {way}, times as fast over all networks",
                          statistics.geometric_mean(medians), at_least=PLAIN_GOAL)  # fmt: skip
        question.goal(
            f"train_model against {way}, times as fast on the network where it does worst",
            min(medians), at_least=1,
        )  # fmt: skip


def worker_main() -> bool:
    """Be the process of one way, if the arguments say so; return whether they did."""
    parser = argparse.ArgumentParser(add_help=False)
    for hidden in ("--way", "--network", "--folder"):
        parser.add_argument(hidden)
    asked, _ = parser.parse_known_args()
    if asked.way == "peak":
        peak_of_matrix_multiplication()
    elif asked.way == "parts":
        parts_of_a_step()
    elif asked.way:
        network, folder = NETWORKS[asked.network], Path(asked.folder)
        x, y = (np.load(folder / f"{network.data}-{axis}.npy") for axis in "xy")
        WAYS[asked.way].train(network, x, y, SPLIT[network.data])
    return asked.way is not None


def main() -> None:
    if worker_main():
        return

    # The other environments have no coursekit, and need nothing of what follows.
    from _measure import Question, options_of

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--torch", type=Path, help="a Python with PyTorch and Keras")
        parser.add_argument("--jax", type=Path, help="a Python with JAX and Keras")

    options = options_of(__doc__, more=more)
    question = Question(
        "training", "An epoch of training", __doc__.split("\n\n")[1], quick=options.quick
    )
    pythons, missing = interpreters({"torch": options.torch, "jax": options.jax})
    for name, why in missing.items():
        left = ", ".join(each for each, way in WAYS.items() if way.lives_in == name)
        question.say(f"**Not measured: {left}.** Its environment could not be made: {why}")
    ways = {name: way for name, way in WAYS.items() if way.lives_in in pythons}
    networks = ["base", "images"] if options.quick else list(NETWORKS)
    against: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        load(folder, 1 if options.quick else TIMES)
        peak = measured_peak()
        question.say(
            f"Large products of matrices reach {peak / 1e9:.0f} billion operations in a second "
            "here (TensorFlow, float32, all cores); the shares of the peak are shares of that."
        )
        for name in networks:
            network = NETWORKS[name]
            rows = np.load(folder / f"{network.data}-x.npy", mmap_mode="r").shape[0]
            learned = int(rows * (1 - SPLIT[network.data]))
            training, validation = network.operations
            operations = training * learned + validation * (rows - learned)
            workers = {way: Worker(way, name, folder, pythons[WAYS[way].lives_in]) for way in ways}
            try:
                for worker in workers.values():
                    worker.wait_until_ready()
                seconds = question.alternate(
                    network.title,
                    {way: worker.epoch for way, worker in workers.items()},
                    rounds=options.rounds,
                    ours=OURS,
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
            question.keep(unfinished=True)  # what an error in the next one would lose
    say_parts(question, pythons)
    question.say(NO_CONVOLUTIONS)
    summarise(question, against)
    question.keep()


if __name__ == "__main__":
    main()
