"""Splits that keep what they promise, and preparation that learns from the training set only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from coursekit import datasets, preprocessing
from coursekit.datasets.breast_cancer import SCORES

IRIS = datasets.load_iris()
CANCER = datasets.load_breast_cancer()
MEASUREMENTS = list(IRIS.columns[:4])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stratified_split(seed):
    train, test = preprocessing.split_stratified(IRIS, by="species", seed=seed)
    assert (len(train), len(test)) == (120, 30)
    assert set(train.index).isdisjoint(test.index)
    assert set(train.index) | set(test.index) == set(IRIS.index)
    assert train["species"].value_counts().tolist() == [40, 40, 40]
    assert test["species"].value_counts().tolist() == [10, 10, 10]
    again, _ = preprocessing.split_stratified(IRIS, by="species", seed=seed)
    assert again.index.equals(train.index)
    # Shuffled: the last rows, which validation_split takes, are of all classes.
    assert train["species"].tail(24).nunique() == 3


def test_seeds_give_different_splits():
    first, second = (
        preprocessing.split_stratified(IRIS, by="species", seed=seed)[1] for seed in (1, 2)
    )
    assert set(first.index) != set(second.index)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_group_split_keeps_patients_together(seed):
    train, test = preprocessing.split_by_group(CANCER, group="id", seed=seed)
    assert set(train["id"]).isdisjoint(test["id"])
    assert len(train) + len(test) == len(CANCER)
    assert 0.15 < len(test) / len(CANCER) < 0.25
    # A random split does not: this is what the group split is for.
    train, test = preprocessing.split_stratified(CANCER, by="class", seed=seed)
    assert not set(train["id"]).isdisjoint(test["id"])


@pytest.mark.parametrize(
    ("split", "error", "words"),
    [
        (
            lambda: preprocessing.split_stratified(IRIS, by="kind", seed=1),
            KeyError,
            "no column 'kind'",
        ),
        (
            lambda: preprocessing.split_stratified(IRIS, by="species", test=1.2, seed=1),
            ValueError,
            "test is 1.2",
        ),
        (
            lambda: preprocessing.split_stratified(CANCER, by="bare_nuclei", seed=1),
            ValueError,
            "missing in 16 rows",
        ),
        (
            lambda: preprocessing.split_by_group(IRIS, group="id", seed=1),
            KeyError,
            "no column 'id'",
        ),
        (
            lambda: preprocessing.split_by_group(CANCER, group="id", test=0, seed=1),
            ValueError,
            "test is 0",
        ),
    ],
)
def test_bad_splits_are_refused(split, error, words):
    with pytest.raises(error, match=words):
        split()


def test_standard_scaling_learns_from_train_only():
    train, test = preprocessing.split_stratified(IRIS, by="species", seed=1)
    pipeline = preprocessing.feature_pipeline().fit(train[MEASUREMENTS])
    x_train = pipeline.transform(train[MEASUREMENTS])
    x_test = pipeline.transform(test[MEASUREMENTS])
    assert list(x_train.columns) == MEASUREMENTS and x_train.index.equals(train.index)
    assert np.allclose(x_train.mean(), 0) and np.allclose(x_train.std(ddof=0), 1)
    by_hand = (test[MEASUREMENTS] - train[MEASUREMENTS].mean()) / train[MEASUREMENTS].std(ddof=0)
    pd.testing.assert_frame_equal(x_test, by_hand)
    assert (x_test.mean().abs() > 1e-3).any()


def test_range_scaling():
    scaled = preprocessing.feature_pipeline(scale="range").fit_transform(IRIS[MEASUREMENTS])
    assert np.allclose(scaled.min(), 0) and np.allclose(scaled.max(), 1)


@pytest.mark.parametrize("missing", ["zero", "mean", "nearest"])
def test_missing_values_are_filled(missing):
    scores = CANCER[list(SCORES)]
    filled = preprocessing.feature_pipeline(missing=missing).fit_transform(scores)
    assert not filled.isna().any().any()
    holes = scores["bare_nuclei"].isna()
    assert list(filled.columns) == list(SCORES)
    if missing == "nearest":
        assert filled.loc[holes, "bare_nuclei"].nunique() > 3  # depends on the other scores
    else:
        assert np.allclose(filled.loc[holes, "bare_nuclei"], 0, atol=1e-12)
    assert np.allclose(filled["mitoses"].mean(), 0)


def test_missing_values_are_refused_by_default():
    with pytest.raises(ValueError, match=r"missing in bare_nuclei \(16\); choose missing="):
        preprocessing.feature_pipeline().fit_transform(CANCER[list(SCORES)])


@pytest.mark.parametrize("options", [{"scale": "log"}, {"missing": "median"}])
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match="must be one of"):
        preprocessing.feature_pipeline(**options)


def test_one_hot():
    hot = preprocessing.one_hot(IRIS["species"])
    assert hot.shape == (150, 3)
    assert list(hot.columns) == ["setosa", "versicolor", "virginica"]
    assert (hot.dtypes == "float32").all()
    assert (hot.sum(axis=1) == 1).all()
    assert (hot.to_numpy().argmax(axis=1) == IRIS["species"].cat.codes).all()


def test_one_hot_of_a_part_that_lacks_a_class():
    hot = preprocessing.one_hot(IRIS["species"].head(50))
    assert hot.shape == (50, 3)
    assert hot.sum().tolist() == [50, 0, 0]


def test_one_hot_refuses_what_has_no_order():
    with pytest.raises(TypeError, match="make them categorical first"):
        preprocessing.one_hot(pd.Series(["a", "b"]))
    with pytest.raises(ValueError, match="1 labels are missing"):
        preprocessing.one_hot(pd.Series(pd.Categorical(["a", None])))


# ------------------------------------------------------------------ walking, by time


def a_walk(counts: dict[int, int], *, skip: int = 0) -> datasets.walking.Walking:
    """Windows of people who walk without a break, or with one of ``skip`` strides half-way."""
    labels = np.repeat(list(counts), list(counts.values()))
    strides = [np.arange(n) + skip * (np.arange(n) >= n // 2) for n in counts.values()]
    start = 104 + 52 * np.concatenate(strides)
    return datasets.walking.Walking(
        x=np.zeros((len(labels), 260, 3), np.float32),
        labels=labels,
        start=start,
        seconds=(start - 104) / 52,
    )


def nearest(walking, one, other) -> int:
    """Fewest strides between a window of one part and a window of another, same person."""
    return (
        min(
            np.abs(
                walking.start[one][walking.labels[one] == person][:, None]
                - walking.start[other][walking.labels[other] == person]
            ).min()
            for person in np.unique(walking.labels)
        )
        // 52
    )


@pytest.mark.parametrize("gap", [0, 1, 5, 8])
@pytest.mark.parametrize("skip", [0, 3, 40])
def test_split_by_time(gap, skip):
    walking = a_walk({1: 100, 4: 57, 15: 331}, skip=skip)
    # The order in which windows are stored must not matter.
    shuffled = np.random.default_rng(5).permutation(len(walking.labels))
    walking = datasets.walking.Walking(
        walking.x, walking.labels[shuffled], walking.start[shuffled], walking.seconds[shuffled]
    )
    parts = preprocessing.split_by_time(walking, gap=gap)
    for part in parts:
        assert part.dtype == np.int64
        for person in (1, 4, 15):
            start = walking.start[part][walking.labels[part] == person]
            assert len(start) and (np.diff(start) > 0).all()
    train, validation, test = parts
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
    for one, other in [(train, validation), (validation, test), (train, test)]:
        assert nearest(walking, one, other) >= max(gap, 1)
    for person in (1, 4, 15):
        ends = [walking.start[part][walking.labels[part] == person] for part in parts]
        assert ends[0].max() < ends[1].min() < ends[1].max() < ends[2].min()
    # What is lost is what the gaps cost, and no more: a break in the walk is a gap already.
    lost = len(walking.labels) - sum(map(len, parts))
    assert lost <= 3 * 2 * max(gap - 1, 0)
    assert lost == 0 if gap <= 1 else lost >= 3 * (gap - 1)
    assert len(test) == round(0.2 * 100) + round(0.2 * 57) + round(0.2 * 331)


def test_split_by_time_on_the_walking_data():
    walking = datasets.load_walking()
    parts = preprocessing.split_by_time(walking)
    shares = np.array([len(part) for part in parts]) / len(walking.x)
    assert np.allclose(shares, [0.56, 0.24, 0.20], atol=0.03)
    # No sample of a test window is in a training window: five strides are one window.
    for one, other in [(0, 1), (1, 2), (0, 2)]:
        assert nearest(walking, parts[one], parts[other]) * 52 >= 260
    # A random split of the same sizes is what this guards against.
    shuffled = np.random.default_rng(1).permutation(len(walking.x))
    assert nearest(walking, shuffled[:1000], shuffled[1000:]) == 1


def test_other_shares():
    walking = a_walk({1: 200})
    train, validation, test = preprocessing.split_by_time(
        walking, train=0.3, validation=0.3, test=0.4, gap=0
    )
    assert (len(train), len(validation), len(test)) == (60, 60, 80)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"train": 0.9}, ValueError, "they must make 1"),
        ({"validation": 0.0, "train": 0.8}, ValueError, "validation is 0.0"),
        ({"test": float("nan")}, ValueError, "test is nan"),
        ({"gap": -1}, ValueError, "gap is -1"),
        ({"gap": 2.5}, TypeError, "gap is 2.5"),
        ({"gap": 30}, ValueError, "person 2 has 40 windows, of which none is left for the"),
    ],
)
def test_bad_splits_by_time_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        preprocessing.split_by_time(a_walk({1: 300, 2: 40}), **options)


class TestDigits:
    (IMAGES, LABELS), _ = datasets.load_mnist(edition="sample")

    def test_form(self):
        x, y = preprocessing.prepare_digits(self.IMAGES, self.LABELS)
        assert (x.shape, x.dtype) == ((4000, 784), np.float32)
        assert (y.shape, y.dtype) == ((4000, 10), np.float32)
        assert (x.min(), x.max()) == (0, 1)
        # Pixel (i, j) is column 28 i + j, and a row is its own image.
        assert np.allclose(x[7, 28 * 10 + 13], self.IMAGES[7, 10, 13] / 255)
        assert np.array_equal((x.reshape(-1, 28, 28) * 255).round(), self.IMAGES)
        assert np.array_equal(y.argmax(axis=1), self.LABELS) and (y.sum(axis=1) == 1).all()

    def test_a_shuffle_keeps_image_and_label_together(self):
        x, y = preprocessing.prepare_digits(self.IMAGES, self.LABELS)
        shuffled, labels = preprocessing.prepare_digits(self.IMAGES, self.LABELS, seed=1)
        assert not np.array_equal(shuffled, x)
        label_of = {row.tobytes(): label.argmax() for row, label in zip(x, y, strict=True)}
        assert all(
            label_of[row.tobytes()] == label.argmax()
            for row, label in zip(shuffled, labels, strict=True)
        )
        again, _ = preprocessing.prepare_digits(self.IMAGES, self.LABELS, seed=1)
        other, _ = preprocessing.prepare_digits(self.IMAGES, self.LABELS, seed=2)
        assert np.array_equal(again, shuffled) and not np.array_equal(other, shuffled)

    @pytest.mark.parametrize(
        ("images", "labels", "words"),
        [
            (IMAGES.reshape(4000, 784), LABELS, r"shape \(4000, 784\); they must be"),
            (IMAGES / 255, LABELS, "images hold float64"),
            (IMAGES, LABELS[:10], r"labels have shape \(10,\)"),
            (IMAGES, np.eye(10)[LABELS], r"labels have shape \(4000, 10\)"),
            (IMAGES, LABELS + 1, "whole numbers from 0 to 9"),
            (IMAGES, LABELS.astype(float), "labels hold float64"),
        ],
    )
    def test_other_arrays_are_refused(self, images, labels, words):
        with pytest.raises(ValueError, match=words):
            preprocessing.prepare_digits(images, labels)


# ------------------------------------------------------------------ what other libraries let by


WIDE = pd.DataFrame({"height": [150.0, 180, 165], "weight": [50.0, 90, 70], "age": [20.0, 60, 31]})
WAYS = ["refuse", "zero", "mean", "nearest"]


@pytest.mark.parametrize("missing", WAYS)
@pytest.mark.parametrize("scale", ["standard", "range"])
def test_columns_are_found_by_their_names(missing, scale):
    pipeline = preprocessing.feature_pipeline(scale=scale, missing=missing).fit(WIDE)
    right, turned = pipeline.transform(WIDE), pipeline.transform(WIDE[["age", "weight", "height"]])
    assert list(turned.columns) == ["height", "weight", "age"]
    pd.testing.assert_frame_equal(turned, right)


@pytest.mark.parametrize("missing", WAYS)
@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        (WIDE.drop(columns="age"), ValueError, "has the columns height, weight; .* weight, age"),
        (WIDE.assign(rent=1.0), ValueError, "columns height, weight, age, rent"),
        (WIDE.rename(columns={"age": "rent"}), ValueError, "columns height, weight, rent"),
        (pd.concat([WIDE, WIDE["age"]], axis=1), ValueError, "columns height, weight, age, age"),
        (WIDE.assign(age=["a", "b", "c"]), ValueError, "the column age holds str.*'a'"),
        (WIDE.assign(age=[1, 2, np.inf]), ValueError, "the column age holds inf"),
        (WIDE.assign(age=[1, 2, 1j]), ValueError, "the column age holds complex128"),
        (WIDE.assign(age=pd.Timestamp("2026-01-01")), ValueError, "the column age holds datetime"),
        (WIDE.iloc[:0], ValueError, "the table has no rows"),
        (WIDE.to_numpy(), TypeError, "table is array.*must be a pandas DataFrame"),
    ],
)
def test_a_fitted_pipeline_refuses_other_tables(missing, table, error, words):
    pipeline = preprocessing.feature_pipeline(missing=missing).fit(WIDE)
    with pytest.raises(error, match=words):
        pipeline.transform(table)


@pytest.mark.parametrize("missing", WAYS)
@pytest.mark.parametrize(
    ("table", "words"),
    [
        (WIDE.assign(empty=np.nan), "no value at all in empty"),
        (WIDE.assign(empty=pd.array([None] * 3, "Int64")), "no value at all in empty"),
        (WIDE[[]], "no columns"),
        (WIDE.set_axis([0, 1, 2], axis=1), "a column is called 0, which is no text"),
        (WIDE.set_axis(["a", "b", "b"], axis=1), r"the columns are \['a', 'b', 'b'\]"),
    ],
)
def test_what_no_pipeline_can_be_fitted_on(missing, table, words):
    with pytest.raises(ValueError, match=words):
        preprocessing.feature_pipeline(missing=missing).fit(table)


def test_a_pipeline_can_be_kept_and_cloned():
    import pickle

    from sklearn.base import clone

    fitted = preprocessing.feature_pipeline().fit(WIDE)
    again = pickle.loads(pickle.dumps(fitted))
    pd.testing.assert_frame_equal(again.transform(WIDE), fitted.transform(WIDE))
    assert list(clone(fitted).fit_transform(WIDE)) == list(WIDE)


def classes(**counts: int) -> pd.DataFrame:
    return pd.DataFrame({"cls": np.repeat(list(counts), list(counts.values()))})


@pytest.mark.parametrize(
    ("table", "test", "words"),
    [
        (classes(common=38, rare=2), 0.2, r"test=0.2; the test set would lack rare \(2 rows\)"),
        (classes(common=38, rare=2), 0.8, r"test=0.8; the training set would lack rare"),
        (classes(common=39, rare=1), 0.5, "cls is rare in a single row"),
        (classes(a=3, b=3, c=3), 0.2, "test is 0.2: the 9 rows would be split into 7 and 2"),
        (classes(a=3, b=3, c=3).iloc[:0], 0.2, "the table has no rows"),
    ],
)
def test_classes_that_are_too_small_are_named(table, test, words):
    with pytest.raises(ValueError, match=words):
        preprocessing.split_stratified(table, by="cls", test=test, seed=1)


@pytest.mark.parametrize("counts", [{"a": 2, "b": 2}, {"a": 5, "b": 50, "c": 7}])
def test_every_class_is_on_both_sides(counts):
    parts = preprocessing.split_stratified(classes(**counts), by="cls", test=0.5, seed=1)
    assert [set(part["cls"]) for part in parts] == [set(counts)] * 2


@pytest.mark.parametrize("share", [0.2, np.float32(0.2), np.float64(0.2)])
@pytest.mark.parametrize("seed", [1, np.int64(1)])
def test_numbers_of_numpy_split_alike(share, seed):
    parts = preprocessing.split_stratified(IRIS, by="species", test=share, seed=seed)
    for part, expected in zip(
        parts, preprocessing.split_stratified(IRIS, by="species", seed=1), strict=True
    ):
        pd.testing.assert_frame_equal(part, expected)


MIXED = pd.DataFrame({"g": [1, "a", 1, "a", 2, 2], 7: 0})


@pytest.mark.parametrize(
    ("table", "options", "error", "words"),
    [
        (MIXED, {"group": "h"}, KeyError, "no column 'h'; the table has g, 7"),
        (MIXED.assign(g=[1, 1, 2, 2, None, 3]), {"group": "g"}, ValueError, "g is missing in 1"),
        (MIXED.assign(g=1), {"group": "g"}, ValueError, "of the 1 different values of g"),
        (MIXED, {"group": "g", "test": 0.9}, ValueError, "test is 0.9: of the 3 different"),
        (MIXED, {"group": "g", "seed": -1}, ValueError, "seed is -1; it must be a whole number"),
        (MIXED, {"group": "g", "seed": None}, TypeError, "seed is None"),
        (MIXED, {"group": "g", "test": "0.2"}, TypeError, "test is '0.2'; it must be a number"),
        ([1, 2], {"group": "g"}, TypeError, r"table is \[1, 2\]; it must be a pandas DataFrame"),
        (pd.concat([MIXED, MIXED["g"]], axis=1), {"group": "g"}, ValueError, "2 columns are"),
        (MIXED.assign(g=[[1]] * 6), {"group": "g"}, ValueError, "values of g cannot be told apart"),
    ],
)
def test_groups_that_cannot_be_split(table, options, error, words):
    with pytest.raises(error, match=words):
        preprocessing.split_by_group(table, **({"seed": 1} | options))


def test_groups_of_text_and_numbers():
    train, test = preprocessing.split_by_group(MIXED, group="g", test=0.3, seed=1)
    assert set(train["g"]).isdisjoint(test["g"]) and len(train) == 4 and len(test) == 2


@pytest.mark.parametrize(
    ("walking", "options", "words"),
    [
        (a_walk({1: 100}), {"gap": True}, "gap is True"),
        (a_walk({1: 100}), {"train": "0.5"}, "train is '0.5'"),
        (a_walk({1: 0}), {}, "walking has no windows"),
        ([1, 2], {}, r"walking is \[1, 2\]"),
    ],
)
def test_walks_that_cannot_be_split(walking, options, words):
    with pytest.raises((TypeError, ValueError), match=words):
        preprocessing.split_by_time(walking, **options)


@pytest.mark.parametrize("labels", [["a"], pd.Categorical(["a"]), IRIS[["species"]]])
def test_one_hot_takes_a_series(labels):
    with pytest.raises(TypeError, match="give a Series"):
        preprocessing.one_hot(labels)


@pytest.mark.parametrize("seed", [-1, True, 1.5, "1"])
def test_seeds_of_a_shuffle(seed):
    images = np.zeros((3, 28, 28), np.uint8)
    with pytest.raises((TypeError, ValueError), match=f"seed is {seed!r}"):
        preprocessing.prepare_digits(images, [1, 2, 3], seed=seed)
    assert len(preprocessing.prepare_digits(images, [1, 2, 3], seed=np.int64(1))[0]) == 3
