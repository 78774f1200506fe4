"""Splits of the data, preparation of tables (on scikit-learn), and of digits.

Everything that learns from data (a mean, a range, a neighbour) is a scikit-learn
transformer: fit it on the training part, then apply it to both parts.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Literal

import numpy as np

from coursekit.datasets.walking import STRIDE

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from coursekit.datasets.walking import Walking

__all__ = [
    "feature_pipeline",
    "one_hot",
    "prepare_digits",
    "split_by_group",
    "split_by_time",
    "split_stratified",
]


def split_stratified(
    table: pd.DataFrame, *, by: str, test: float = 0.2, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows at random so that each class has the same share in both parts.

    Parameters
    ----------
    table : DataFrame
        One row per example.
    by : str
        The column of classes.
    test : float
        Share of the rows for the test part, between 0 and 1.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    train, test : DataFrame
        The rows of ``table``, with their index, in shuffled order.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If ``test`` is out of range, a class is missing in a row, or a class is too small
        to be on both sides.
    """
    from sklearn.model_selection import train_test_split

    classes = _column(table, by)
    if classes.isna().any():
        raise ValueError(f"{by} is missing in {int(classes.isna().sum())} rows; drop them first.")
    return tuple(
        train_test_split(table, test_size=_share(test), stratify=classes, random_state=seed)
    )


def split_by_group(
    table: pd.DataFrame, *, group: str, test: float = 0.2, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows at random so that all rows of a group lie on the same side.

    Parameters
    ----------
    table : DataFrame
        One row per example.
    group : str
        The column that says what belongs together, for example a patient's id.
    test : float
        Share of the *groups* for the test part, between 0 and 1. The share of rows is
        about the same where groups are small.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    train, test : DataFrame
        The rows of ``table``, with their index, in the order of ``table``.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If ``test`` is out of range or there are fewer than two groups.
    """
    from sklearn.model_selection import GroupShuffleSplit

    splitter = GroupShuffleSplit(n_splits=1, test_size=_share(test), random_state=seed)
    train_rows, test_rows = next(splitter.split(table, groups=_column(table, group)))
    return table.iloc[sorted(train_rows)], table.iloc[sorted(test_rows)]


def split_by_time(
    walking: Walking,
    *,
    train: float = 0.56,
    validation: float = 0.24,
    test: float = 0.20,
    gap: int = 5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split windows so that each person's later windows test what the earlier ones taught.

    Neighbouring windows share four of their five seconds, so a random split puts
    near-copies of the training windows into the test part. Here every person's windows are
    cut, in order of time, into a training, a validation and a test part, and windows at
    the borders are left out.

    Parameters
    ----------
    walking : Walking
        What ``load_walking`` returns; ``labels`` and ``start`` are used.
    train, validation, test : float
        Shares of each person's windows, each more than 0; together 1. The windows that a
        gap costs are taken from the end of the training and of the validation part.
    gap : int
        Windows of different parts start at least this many strides (of 1 s) apart. From 5
        on, which is the default, they share no sample.

    Returns
    -------
    train, validation, test : ndarray of int64
        Indices into ``walking``: person after person, and in order of time within each.

    Raises
    ------
    TypeError
        If ``gap`` is not a whole number.
    ValueError
        If a share is not positive, they do not add up to 1, ``gap`` is negative, or a part
        would hold no window of some person.
    """
    shares = {"train": train, "validation": validation, "test": test}
    for name, share in shares.items():
        if not share > 0:
            raise ValueError(f"{name} is {share}; each part must have a positive share.")
    if not abs(sum(shares.values()) - 1) < 1e-9:
        raise ValueError(
            f"train, validation and test are {train}, {validation} and {test}, which make "
            f"{sum(shares.values()):.6g}; they must make 1."
        )
    try:
        distance = operator.index(gap) * STRIDE
    except TypeError:
        raise TypeError(f"gap is {gap!r}; it must be a whole number of windows.") from None
    if distance < 0:
        raise ValueError(f"gap is {gap}; it must be 0 or a positive number of windows.")

    parts: dict[str, list[np.ndarray]] = {name: [] for name in shares}
    for person in np.unique(walking.labels):
        windows = np.flatnonzero(walking.labels == person)
        windows = windows[np.argsort(walking.start[windows], kind="stable")]
        start = walking.start[windows]
        first_cut = round(train * len(windows))
        second_cut = round((train + validation) * len(windows))
        for name, begin, end in [
            ("train", 0, first_cut),
            ("validation", first_cut, second_cut),
            ("test", second_cut, len(windows)),
        ]:
            kept = windows[begin:end]
            if end < len(windows):
                # A window stays only if the first one of the next part is far enough away.
                kept = kept[start[end] - start[begin:end] >= distance]
            if not len(kept):
                raise ValueError(
                    f"person {person} has {len(windows)} windows, of which none is left for the "
                    f"{name} part with a gap of {gap}; make the gap smaller or the share larger."
                )
            parts[name].append(kept)
    train_rows, validation_rows, test_rows = (np.concatenate(kept) for kept in parts.values())
    return train_rows, validation_rows, test_rows


def feature_pipeline(
    *,
    scale: Literal["standard", "range"] = "standard",
    missing: Literal["refuse", "zero", "mean", "nearest"] = "refuse",
    neighbours: int = 5,
) -> Pipeline:
    """Declare how numeric columns are prepared; nothing is computed until ``fit``.

    Parameters
    ----------
    scale : {"standard", "range"}
        ``"standard"`` gives each column mean 0 and standard deviation 1 on the rows it is
        fitted on, ``"range"`` the range 0 to 1.
    missing : {"refuse", "zero", "mean", "nearest"}
        What to do about missing values: refuse them when applied, replace them by 0 after
        scaling, by the column's mean before it, or by the mean of the nearest rows,
        measured after scaling.
    neighbours : int
        How many rows ``"nearest"`` looks at.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Takes and returns DataFrames with the same column names. After standard scaling,
        ``"zero"`` and ``"mean"`` fill in the same place, the centre; the scales differ,
        because the standard deviation is taken before or after filling.

    Raises
    ------
    ValueError
        If an option is none of the above.
    """
    from sklearn.impute import KNNImputer, SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

    scalers = {"standard": StandardScaler, "range": MinMaxScaler}
    if scale not in scalers:
        raise ValueError(f"scale is {scale!r}; it must be one of {', '.join(scalers)}.")
    scaling = ("scale", scalers[scale]())
    steps = {
        "refuse": [scaling, ("refuse", FunctionTransformer(_refuse_missing))],
        "zero": [scaling, ("fill", SimpleImputer(strategy="constant", fill_value=0.0))],
        "mean": [("fill", SimpleImputer(strategy="mean")), scaling],
        "nearest": [scaling, ("fill", KNNImputer(n_neighbors=neighbours))],
    }
    if missing not in steps:
        raise ValueError(f"missing is {missing!r}; it must be one of {', '.join(steps)}.")
    # Nullable integers hold pd.NA; the imputers look for NaN.
    as_float = ("as_float", FunctionTransformer(_as_float, feature_names_out="one-to-one"))
    return Pipeline([as_float, *steps[missing]]).set_output(transform="pandas")


def one_hot(labels: pd.Series) -> pd.DataFrame:
    """Turn a categorical column into one column of 0 and 1 per category.

    Parameters
    ----------
    labels : Series of categories, length n
        Its categories decide the columns and their order, so that a part of the data that
        lacks a class still gets that class's column.

    Returns
    -------
    DataFrame of float32, shape (n, categories)
        Each row sums to 1. Columns are named after the categories.

    Raises
    ------
    TypeError
        If ``labels`` is not categorical.
    ValueError
        If a label is missing.
    """
    import pandas as pd

    if not isinstance(labels.dtype, pd.CategoricalDtype):
        raise TypeError(
            f"labels have type {labels.dtype}; make them categorical first, with the categories "
            "in the order that the output nodes shall have."
        )
    if labels.isna().any():
        raise ValueError(f"{int(labels.isna().sum())} labels are missing; drop these rows first.")
    columns = pd.get_dummies(labels, dtype="float32")
    columns.columns = list(labels.cat.categories)
    return columns


def prepare_digits(
    images: np.ndarray, labels: np.ndarray, *, seed: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Turn images of digits and their labels into what a dense network takes.

    Each image becomes a row, pixels run from 0 to 1 instead of 0 to 255, and labels become
    one-hot rows.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, 28, 28)
        0 (background) to 255 (ink), as :func:`coursekit.datasets.load_mnist` gives them.
    labels : ndarray of int, shape (n,)
        0 to 9.
    seed : int, optional
        Shuffle images and labels alike, with this seed; without it the order stays.

    Returns
    -------
    x : ndarray of float32, shape (n, 784)
        Rows in NumPy's order: pixel (i, j) of an image is column 28 * i + j.
    y : ndarray of float32, shape (n, 10)
        Column k is 1 where the label is k.

    Raises
    ------
    ValueError
        If the images or labels are not as described.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"images have shape {images.shape}; they must be (n, 28, 28).")
    if images.dtype != np.uint8:
        raise ValueError(
            f"images hold {images.dtype}; give the bytes of load_mnist, 0 to 255, unscaled."
        )
    if labels.shape != (len(images),):
        raise ValueError(
            f"labels have shape {labels.shape}; it must be ({len(images)},), one per image."
        )
    if labels.dtype.kind not in "iu" or (
        len(labels) and not 0 <= labels.min() <= labels.max() < 10
    ):
        raise ValueError(
            f"labels hold {labels.dtype} values, for example {labels[:3].tolist()}; they must be "
            "whole numbers from 0 to 9."
        )
    x = images.reshape(len(images), 28 * 28).astype(np.float32) / np.float32(255)
    y = np.eye(10, dtype=np.float32)[labels]
    if seed is None:
        return x, y
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order], y[order]


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        raise KeyError(f"there is no column {name!r}; the table has {', '.join(table.columns)}.")
    return table[name]


def _share(test: float) -> float:
    if not 0 < test < 1:
        raise ValueError(f"test is {test}; it is a share of the rows, between 0 and 1.")
    return test


def _as_float(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype("float64")


def _refuse_missing(table: pd.DataFrame) -> pd.DataFrame:
    counts = table.isna().sum()
    if counts.any():
        found = ", ".join(f"{name} ({n})" for name, n in counts[counts > 0].items())
        raise ValueError(
            f"values are missing in {found}; choose missing='zero', 'mean' or 'nearest'."
        )
    return table
