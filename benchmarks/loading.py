"""Loading data: the walking windows, the digits, and coursekit itself.

Each load is a process of its own that has NumPy and pandas imported; the clock starts after that.
What is downloaded only once is on the machine: COURSEKIT_DATA names its folder, with the zip of
UCI data set 287 in walking/. The plain way reads the walking data from that zip, as one has to
without coursekit: whole recordings, as text. coursekit bundles the rows of walking alone, as
numbers. For Keras and scikit-learn the same digits are written in their formats first. Their
loaders accept only the published files, by their hashes, which files written here cannot have. So
what they do with a file is written out with public functions: Keras's get_file, given the hash of
this file, and np.load; and pd.read_csv with the options with which fetch_openml reads an ARFF
file.

Run with ``COURSEKIT_DATA=... .venv/bin/python benchmarks/loading.py``.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

WALKING_ZIP = "walking/activity+recognition+from+single+chest+mounted+accelerometer.zip"
PIXELS = [f"pixel{number}" for number in range(1, 785)]


# ------------------------------------------------------------------------------ the walking data


def walking_with_loops(folder: Path) -> tuple:
    """Cut the windows of the published recordings with loops, as one would in R."""
    windows, labels = [], []
    with zipfile.ZipFile(Path(os.environ["COURSEKIT_DATA"], WALKING_ZIP)) as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        if "1.csv" not in names:  # the archive lies in another one
            (inner,) = (name for name in archive.namelist() if name.endswith(".zip"))
            archive = zipfile.ZipFile(archive.open(inner))
            names = {Path(name).name: name for name in archive.namelist()}
        people = [
            pd.read_csv(archive.open(names[f"{person}.csv"]), header=None).assign(person=person)
            for person in range(1, 16)
        ]
    everyone = pd.concat(people, ignore_index=True)
    for first in range(0, len(everyone) - 259, 52):
        window = everyone.iloc[first : first + 260]
        if window["person"].nunique() == 1 and (window[4] == 4).all():
            values = window[[1, 2, 3]]
            windows.append(((values - values.mean()) / values.std()).to_numpy())
            labels.append(window["person"].iloc[0])
    return np.stack(windows), np.array(labels)


def walking(folder: Path) -> tuple:
    """Load with coursekit."""
    from coursekit import datasets

    walking = datasets.load_walking()
    return walking.x, walking.labels


# ------------------------------------------------------------------------------------ the digits


def digits(folder: Path) -> tuple:
    """Load with coursekit."""
    from coursekit import datasets

    began = time.perf_counter()
    (x, y), (x_test, y_test) = datasets.load_mnist(edition="full")
    return np.concatenate([x, x_test]), np.concatenate([y, y_test]), began


def digits_with_keras(folder: Path) -> tuple:
    """Load as ``keras.datasets.mnist.load_data`` does once its file is in the cache."""
    from keras.utils import get_file

    file_hash = (folder / "mnist.npz.sha256").read_text()
    began = time.perf_counter()
    path = get_file(
        "mnist.npz",
        # Nothing listens there: a file that is not taken from the cache is an error.
        origin="http://127.0.0.1:1/mnist.npz",
        file_hash=file_hash,
        cache_dir=str(folder),
    )
    with np.load(path, allow_pickle=False) as file:
        x, y, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    return np.concatenate([x, x_test]), np.concatenate([y, y_test]), began


def digits_with_scikit_learn(folder: Path) -> tuple:
    """Read the ARFF file as ``fetch_openml(parser="pandas")`` does."""
    began = time.perf_counter()
    with gzip.open(folder / "mnist.arff.gz") as stream:
        while not stream.readline().lower().startswith(b"@data"):
            pass
        frame = pd.read_csv(
            stream, header=None, index_col=False, na_values=["?"], keep_default_na=False,
            comment="%", quotechar='"', skipinitialspace=True, escapechar="\\",
        )  # fmt: skip
    frame.columns = [*PIXELS, "class"]
    return frame[PIXELS].to_numpy(), frame["class"].to_numpy(), began


WAYS = {
    way.__name__: way
    for way in (
        walking_with_loops, walking, digits, digits_with_keras, digits_with_scikit_learn,
    )
}  # fmt: skip


# ------------------------------------------------------------------------------ all ways in turn


def in_a_process(way: str, folder: Path, shapes: dict) -> float:
    """Load in a fresh process; return the seconds."""
    done = subprocess.run(
        [sys.executable, __file__, "--way", way, "--folder", str(folder)],
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    seconds, shapes[way] = json.loads(done.stdout)
    return seconds


def write_for_others(folder: Path) -> None:
    """Write the digits as Keras and OpenML have them."""
    x, y, _ = digits(folder)
    (folder / "datasets").mkdir()
    np.savez_compressed(
        folder / "datasets/mnist.npz", x_train=x[:60_000], y_train=y[:60_000],
        x_test=x[60_000:], y_test=y[60_000:],
    )  # fmt: skip
    digest = hashlib.sha256((folder / "datasets/mnist.npz").read_bytes()).hexdigest()
    (folder / "mnist.npz.sha256").write_text(digest)
    with gzip.open(folder / "mnist.arff.gz", "wt", compresslevel=6) as stream:
        stream.write("@RELATION mnist_784\n")
        stream.writelines(f"@ATTRIBUTE {name} real\n" for name in PIXELS)
        stream.write("@ATTRIBUTE class real\n@DATA\n")
        pd.DataFrame(np.column_stack([x.reshape(len(x), -1), y])).to_csv(
            stream, header=False, index=False
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    for hidden in ("--way", "--folder"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        began = time.perf_counter()
        x, y, *later = WAYS[options.way](Path(options.folder))
        # Importing Keras, scikit-learn or coursekit is not loading data.
        print(json.dumps([time.perf_counter() - (later or [began])[0], [x.shape, y.shape]]))
        return

    if "COURSEKIT_DATA" not in os.environ:
        parser.error("COURSEKIT_DATA has to name the folder with MNIST and the walking recordings.")

    from _measure import Question

    question = Question("loading", "Loading data", __doc__.split("\n\n")[1])
    shapes: dict[str, list] = {}
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        question.alternate(
            "The walking windows",
            {
                "pandas and loops": lambda: in_a_process("walking_with_loops", folder, shapes),
                "load_walking": lambda: in_a_process("walking", folder, shapes),
            },
            rounds=options.rounds,
            ours="load_walking",
            against="pandas and loops",
            goal=20,
        )
        write_for_others(folder)
        question.alternate(
            "The 70,000 digits",
            {
                "keras.datasets.mnist": lambda: in_a_process("digits_with_keras", folder, shapes),
                "scikit-learn, ARFF of OpenML": lambda: in_a_process(
                    "digits_with_scikit_learn", folder, shapes
                ),
                "load_mnist": lambda: in_a_process("digits", folder, shapes),
            },
            rounds=options.rounds,
            ours="load_mnist",
            against="keras.datasets.mnist",
            goal=1,
        )
    question.say(f"All ways of loading the same gave the same shapes: {_agreed(shapes)}.")
    question.keep()


def _agreed(shapes: dict[str, list]) -> str:
    walked = {str(shapes[way]) for way in ("walking", "walking_with_loops")}
    written = {str(np.prod(shape[0]).item()) for way, shape in shapes.items() if "digits" in way}
    if len(walked) > 1 or len(written) > 1:
        raise SystemExit(f"The ways did not load the same: {shapes}")
    return f"windows {shapes['walking'][0]}, digits {shapes['digits'][0]}"


if __name__ == "__main__":
    main()
