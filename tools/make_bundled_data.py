"""Make the files in data/ anew, and print the registry lines and the README's hashes.

Run with ``make data``, by hand, when a bundled file has to change. It reads MNIST as
``coursekit data fetch`` downloads it. Two files need a source of their own: the zip of UCI
data set 287, and the file BreastCancer.rda of R's mlbench with the package rdata, which reads it:

    apt-get download r-cran-mlbench && dpkg -x r-cran-mlbench*.deb mlbench
    make data MLBENCH=mlbench/usr/lib/R/site-library/mlbench/data/BreastCancer.rda WALKING=...zip
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from coursekit.datasets import checking, load_mnist, walking
from coursekit.datasets.breast_cancer import SCORES

DATA = Path(__file__).parents[1] / "data"

# Of the fifteen files 1.csv to 15.csv, one after the other.
WALKING_SHA256 = "ff27ebee799cd7adcf29cb1d362553db3ece1dba0985a566dd75345976ba937a"
FIRST_ROWS = ("first_row_of_person", "first_row_of_all")
WALKING = 4  # the label of this activity
TRAINING_DIGITS, TEST_DIGITS = 4_000, 1_000


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
    """Take the first digits of the training and of the test set, in their order."""
    training, test = load_mnist(edition="full")
    for name, (x, y), count in (("train", training, TRAINING_DIGITS), ("t10k", test, TEST_DIGITS)):
        write_idx(DATA / "mnist_sample" / f"{name}-images-idx3-ubyte.gz", x[:count])
        write_idx(DATA / "mnist_sample" / f"{name}-labels-idx1-ubyte.gz", y[:count])


def write_idx(path: Path, values: np.ndarray) -> None:
    header = b"\x00\x00\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.parent.mkdir(exist_ok=True)
    # No time and no name in the header, so that the same values give the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as stream:
        stream.write(header + values.tobytes())


def make_walking(path: Path) -> None:
    """Take the rows of walking out of the published recordings, each person's one walk."""
    columns = ["sequence", *walking.CHANNELS, "activity"]
    stored = {name: [] for name in (*walking.CHANNELS, "rows", *FIRST_ROWS)}
    published, before = hashlib.sha256(), 0
    with zipfile.ZipFile(path) as archive:
        places = {name.rpartition("/")[2]: name for name in archive.namelist()}
        for person in range(1, walking.PEOPLE + 1):
            content = archive.read(places[f"{person}.csv"])
            published.update(content)
            recording = pd.read_csv(io.BytesIO(content), header=None, names=columns)
            rows = np.flatnonzero(recording["activity"] == WALKING)
            first = int(rows[0])
            if rows[-1] - first + 1 != len(rows):
                raise SystemExit(f"{person}.csv has more than one walk")
            for channel in walking.CHANNELS:
                stored[channel].append(recording[channel].to_numpy(np.int16)[rows])
            stored["rows"].append(len(rows))
            stored["first_row_of_person"].append(first)
            stored["first_row_of_all"].append(before + first)
            before += len(recording)
    if published.hexdigest() != WALKING_SHA256:
        raise SystemExit(f"{path} does not hold the recordings of UCI data set 287")
    arrays = {name: np.concatenate(stored[name]) for name in walking.CHANNELS}
    arrays |= {name: np.array(stored[name], dtype=np.int64) for name in ("rows", *FIRST_ROWS)}
    np.savez_compressed(DATA / "walking.npz", **arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mlbench", type=Path, help="BreastCancer.rda of R's mlbench")
    parser.add_argument("--walking", type=Path, help="the zip of UCI data set 287")
    options = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    make_iris()
    make_mnist()
    if options.walking:
        make_walking(options.walking)
    if options.mlbench:
        make_breast_cancer(options.mlbench)
    for path in sorted(DATA.rglob("*.*")):
        if path.name != "README.md":
            print(f"{checking.sha256_of(path)}  {path.stat().st_size:>9}  {path.relative_to(DATA)}")


if __name__ == "__main__":
    main()
