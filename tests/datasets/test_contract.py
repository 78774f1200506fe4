"""One contract for all loaders: shape, type, range, counts, and the same data each time."""

from __future__ import annotations

import hashlib
import zipfile

import numpy as np
import pandas as pd
import pytest

from coursekit import datasets
from coursekit.datasets import checking, places, registry
from coursekit.datasets.breast_cancer import SCORES

WINDOWS_PER_PERSON = [511, 422, 493, 444, 509, 419, 509, 419, 509, 421, 336, 575, 335, 559, 331]


def arrays_of(loaded) -> dict[str, np.ndarray]:
    """Every array in what a loader returned, by name."""
    if isinstance(loaded, pd.DataFrame):
        return {name: column.to_numpy() for name, column in loaded.items()}
    if isinstance(loaded, datasets.Walking):
        return {name: getattr(loaded, name) for name in ("x", "labels", "y", "start", "seconds")}
    parts = loaded if isinstance(loaded[0], tuple) else [loaded]
    return {
        f"{i}.{name}": a for i, part in enumerate(parts) for name, a in zip("xy", part, strict=True)
    }


LOADERS = {
    "iris": datasets.load_iris,
    "breast_cancer": datasets.load_breast_cancer,
    "walking": datasets.load_walking,
    "mnist": lambda: datasets.load_mnist(edition="sample"),
    "threshold": lambda: datasets.make_threshold(seed=7),
}

# name: shape, type, lowest and highest value allowed
CONTRACT = {
    "iris": {
        "sepal_length": ((150,), "float64", 4, 8),
        "sepal_width": ((150,), "float64", 2, 4.5),
        "petal_length": ((150,), "float64", 1, 7),
        "petal_width": ((150,), "float64", 0.1, 2.5),
    },
    "walking": {
        "x": ((6792, 260, 3), "float32", -17, 17),
        "labels": ((6792,), "int64", 1, 15),
        "y": ((6792, 15), "float32", 0, 1),
        "start": ((6792,), "int64", 0, 100_000),
        "seconds": ((6792,), "float64", 0, 600),
    },
    "mnist": {
        "0.x": ((4000, 28, 28), "uint8", 0, 255),
        "0.y": ((4000,), "uint8", 0, 9),
        "1.x": ((1000, 28, 28), "uint8", 0, 255),
        "1.y": ((1000,), "uint8", 0, 9),
    },
    "threshold": {
        "0.x": ((10_000, 3), "float32", 0, np.nextafter(np.float32(1), np.float32(0))),
        "0.y": ((10_000,), "int64", 0, 1),
    },
}


@pytest.mark.parametrize(
    ("loader", "name"), [(loader, name) for loader, names in CONTRACT.items() for name in names]
)
def test_shape_type_and_range(loader, name):
    shape, dtype, low, high = CONTRACT[loader][name]
    array = arrays_of(LOADERS[loader]())[name]
    assert array.shape == shape
    assert array.dtype == dtype
    assert np.isfinite(array).all()
    assert low <= array.min() and array.max() <= high


@pytest.mark.parametrize("loader", LOADERS)
def test_same_data_each_time(loader):
    first, second = arrays_of(LOADERS[loader]()), arrays_of(LOADERS[loader]())
    assert first.keys() == second.keys()
    for name in first:
        pd.testing.assert_extension_array_equal(
            pd.array(first[name].ravel()), pd.array(second[name].ravel())
        )


@pytest.mark.parametrize("loader", LOADERS)
def test_results_do_not_share_memory(loader):
    """A learner who changes an array in place must not change the next call's."""
    changed = arrays_of(LOADERS[loader]())
    for array in changed.values():
        if array.dtype.kind in "fiu":
            array.flags.writeable = True
            array += 1
    again = arrays_of(LOADERS[loader]())
    for name, array in again.items():
        if array.dtype.kind in "fiu":
            assert not np.array_equal(array, changed[name])


def test_iris_columns_and_counts():
    iris = datasets.load_iris()
    assert list(iris.columns) == [
        "sepal_length",
        "sepal_width",
        "petal_length",
        "petal_width",
        "species",
    ]
    assert list(iris["species"].cat.categories) == ["setosa", "versicolor", "virginica"]
    assert iris["species"].value_counts().to_dict() == {
        "setosa": 50,
        "versicolor": 50,
        "virginica": 50,
    }
    # Values that tell R's iris from the copy with two wrong flowers that also goes round.
    assert iris.iloc[34, :4].tolist() == [4.9, 3.1, 1.5, 0.2]
    assert iris.iloc[37, :4].tolist() == [4.9, 3.6, 1.4, 0.1]


def test_breast_cancer_columns_and_counts():
    cancer = datasets.load_breast_cancer()
    assert cancer.shape == (699, 11)
    assert list(cancer.columns) == ["id", *SCORES, "class"]
    assert pd.api.types.is_string_dtype(cancer["id"])
    assert cancer["id"].nunique() == 645
    assert (cancer.dtypes[list(SCORES)] == "Int64").all()
    assert cancer[list(SCORES)].min().min() == 1
    assert cancer[list(SCORES)].max().max() == 10
    assert cancer.isna().sum().to_dict() == {
        **dict.fromkeys(cancer.columns, 0),
        "bare_nuclei": 16,
    }
    assert list(cancer["class"].cat.categories) == ["benign", "malignant"]
    assert cancer["class"].value_counts().to_dict() == {"benign": 458, "malignant": 241}


def test_mnist_sample_begins_as_mnist_does():
    (x_train, y_train), (_, y_test) = datasets.load_mnist(edition="sample")
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert x_train[0].sum() == 27_525
    assert np.bincount(y_train).min() > 300 and np.bincount(y_test).min() > 80


def test_mnist_sample_is_the_beginning_of_mnist(full_data):
    full, sample = datasets.load_mnist(edition="full"), datasets.load_mnist(edition="sample")
    for whole, beginning in zip(full, sample, strict=True):
        for one, other in zip(whole, beginning, strict=True):
            assert np.array_equal(one[: len(other)], other)


def test_walking():
    walking = datasets.load_walking()
    assert np.abs(walking.x.mean(axis=1)).max() < 1e-4
    assert np.allclose(walking.x.std(axis=1, ddof=1), 1, atol=1e-4)
    assert (walking.y.argmax(axis=1) + 1 == walking.labels).all()
    assert (walking.y.sum(axis=1) == 1).all()
    assert np.bincount(walking.labels)[1:].tolist() == WINDOWS_PER_PERSON
    for person in range(1, 16):
        own = walking.labels == person
        assert set(np.diff(walking.start[own])) == {52}  # one walk without a break
        assert np.allclose(np.diff(walking.seconds[own]), 1)
        assert 0 <= walking.seconds[own].min() < 1
    # Neighbours really are cut from one recording: they share their overlap, up to scale.
    first, second = walking.x[10, 52:, 1], walking.x[11, :-52, 1]
    assert np.corrcoef(first, second)[0, 1] > 0.999
    assert walking.sampling_rate == 52
    assert walking.channels == ("acc_x", "acc_y", "acc_z")


def test_walking_is_what_was_published(full_data):
    """Byte for byte the windows that the published recordings give, cut the long way."""
    (path,) = (full_data / "walking").glob("*.zip")
    columns = ["sequence", "acc_x", "acc_y", "acc_z", "activity"]
    with zipfile.ZipFile(path) as archive:
        recordings = [
            pd.read_csv(archive.open(f"{person}.csv"), header=None, names=columns)
            for person in range(1, 16)
        ]
    person = np.repeat(np.arange(1, 16), [len(recording) for recording in recordings])
    row = np.concatenate([np.arange(len(recording)) for recording in recordings])
    everyone = pd.concat(recordings)
    activity = everyone["activity"].to_numpy()
    sequence = everyone["sequence"].to_numpy()
    # The running number falls where a new recording begins; 4 stands for walking.
    first = np.arange(0, len(sequence) - 260 + 1, 52)
    one_recording = sequence[first + 259] >= sequence[first]
    walks = np.lib.stride_tricks.sliding_window_view(activity == 4, 260)[first].all(axis=1)
    start = first[one_recording & walks]
    began = np.array([np.flatnonzero(recording["activity"] == 4)[0] for recording in recordings])

    walking = datasets.load_walking()
    assert np.array_equal(walking.labels, person[start])
    assert np.array_equal(walking.start, row[start])
    assert np.array_equal(walking.seconds, (row[start] - began[person[start] - 1]) / 52)
    counts = everyone[["acc_x", "acc_y", "acc_z"]].to_numpy(np.float64)
    for window, first in zip(walking.x, start, strict=True):
        cut = counts[first : first + 260] - counts[first : first + 260].mean(axis=0)
        assert np.array_equal(window, (cut / cut.std(axis=0, ddof=1)).astype(np.float32))


def test_mnist_full(full_data):
    (x_train, y_train), (x_test, y_test) = datasets.load_mnist()
    assert x_train.shape == (60_000, 28, 28) and x_test.shape == (10_000, 28, 28)
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    assert y_train[0] == 5
    assert x_train[0].sum() == 27_525
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_hashes_of_the_unpacked_files(full_data):
    for file in registry.files_of("mnist", "full"):
        content = b"".join(checking.unpacked(places.location(file)))
        assert hashlib.sha256(content).hexdigest() == file.content


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_threshold_labels_follow_the_rule(seed):
    x, y = datasets.make_threshold(2_000, seed=seed)
    assert np.array_equal(y == 1, x.astype(np.float64).sum(axis=1) > 1.5)


def test_threshold_seeds_differ():
    assert not np.array_equal(
        datasets.make_threshold(seed=1)[0], datasets.make_threshold(seed=2)[0]
    )


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n": 0}, ValueError, "n is 0"),
        ({"n": 2.5}, TypeError, "n is 2.5; it must be a whole number"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": None}, TypeError, "seed is None"),
    ],
)
def test_threshold_refuses_bad_options(options, error, words):
    with pytest.raises(error, match=words):
        datasets.make_threshold(**options)


def test_unknown_edition_is_refused(monkeypatch):
    load = datasets.load_mnist
    with pytest.raises(ValueError, match="edition is 'big'; it must be one of full, sample"):
        load(edition="big")
    monkeypatch.setenv("COURSEKIT_EDITION", "smal")
    with pytest.raises(ValueError, match="COURSEKIT_EDITION is 'smal'"):
        load()


def test_options_are_keyword_only():
    with pytest.raises(TypeError):
        datasets.load_mnist("sample")


def test_environment_chooses_the_edition(monkeypatch):
    monkeypatch.setenv("COURSEKIT_EDITION", "sample")
    assert len(datasets.load_mnist()[0][0]) == 4_000
