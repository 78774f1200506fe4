"""Split data, and prepare tables and images of digits for a network.

Whatever is estimated from data (a mean, a range, nearest neighbours) is a scikit-learn
transformer: fit it on the training set, then apply it to every set.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from coursekit import _options
from coursekit._options import fraction, one_of, whole
from coursekit.datasets.walking import STRIDE, Walking

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

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
    """Split rows at random so that each class has about the same share in both sets.

    Parameters
    ----------
    table : DataFrame
        One row per example.
    by : str
        Name of the column that holds the classes.
    test : float
        Share of the rows for the test set, between 0 and 1 (both excluded).
    seed : int
        Seed of the shuffle, 0 to 2**32 - 1.

    Returns
    -------
    train, test : DataFrame
        The rows of ``table``, with their index, in shuffled order.

    Raises
    ------
    KeyError
        If the table has no column ``by``.
    TypeError
        If ``table`` is not a DataFrame, ``test`` is not a number, or ``seed`` is not a whole
        number.
    ValueError
        If ``test`` or ``seed`` is out of range, the table has no rows, several columns are called
        ``by``, a row has no class, or a class is too small to be in both sets.
    """
    from sklearn.model_selection import train_test_split

    classes, names = _encode_categories(_options.table("table", table), by)
    fraction("test", test)
    seed = _options.seed("seed", seed)
    counts = np.bincount(classes)
    test_rows = math.ceil(test * len(classes))
    if counts.min() < 2:
        rarest = counts.argmin()
        raise ValueError(
            f"{by} is {names[rarest]} in a single row; a class needs at least 2 to be on both "
            "sides. Drop it, or join it with another one."
        )
    if min(test_rows, len(classes) - test_rows) < len(counts):
        raise ValueError(
            f"test is {test}: the {len(classes)} rows would be split into "
            f"{len(classes) - test_rows} and {test_rows}, and each side needs a row of each of "
            f"the {len(counts)} classes of {by}."
        )
    options = {"test_size": test_rows, "stratify": classes, "random_state": seed}
    train, held_out = train_test_split(np.arange(len(classes)), **options)
    for side, rows in (("training", train), ("test", held_out)):
        lacking = np.flatnonzero(np.bincount(classes[rows], minlength=len(counts)) == 0)
        if len(lacking):
            few = ", ".join(f"{names[index]} ({counts[index]} rows)" for index in lacking)
            raise ValueError(
                f"{by} has classes too small to be on both sides with test={test}; the {side} set "
                f"would lack {few}. Choose another share, drop them, or join them with others."
            )
    return table.iloc[train], table.iloc[held_out]


def split_by_group(
    table: pd.DataFrame, *, group: str, test: float = 0.2, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows at random so that all rows of a group are in the same set.

    Parameters
    ----------
    table : DataFrame
        One row per example.
    group : str
        Name of the column that identifies the group, for example a patient's id.
    test : float
        Share of the *groups* for the test set, between 0 and 1 (both excluded). If groups are
        small, the share of rows is about the same.
    seed : int
        Seed of the shuffle, 0 to 2**32 - 1.

    Returns
    -------
    train, test : DataFrame
        The rows of ``table``, with their index, in the order of ``table``.

    Raises
    ------
    KeyError
        If the table has no column ``group``.
    TypeError
        If ``table`` is not a DataFrame, ``test`` is not a number, or ``seed`` is not a whole
        number.
    ValueError
        If ``test`` or ``seed`` is out of range, the table has no rows, several columns are called
        ``group``, a row has no group, or there are too few groups for both sets.
    """
    from sklearn.model_selection import GroupShuffleSplit

    groups, names = _encode_categories(_options.table("table", table), group)
    fraction("test", test)
    seed = _options.seed("seed", seed)
    test_groups = math.ceil(test * len(names))
    if test_groups == len(names):
        raise ValueError(
            f"test is {test}: of the {len(names)} different values of {group}, none would be left "
            "for the training set. Two are needed at least, and more for so large a share."
        )
    splitter = GroupShuffleSplit(n_splits=1, test_size=test_groups, random_state=seed)
    train_rows, test_rows = next(splitter.split(groups, groups=groups))
    return table.iloc[sorted(train_rows)], table.iloc[sorted(test_rows)]


def split_by_time(
    walking: Walking,
    *,
    train: float = 0.56,
    validation: float = 0.24,
    test: float = 0.20,
    gap: int = 5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split each person's windows by time: the earliest for training, the latest for testing.

    Neighbouring windows share four of their five seconds, so a random split puts
    near-copies of training windows into the test set. This function sorts each person's
    windows by time, cuts them into a training, a validation and a test set, and leaves out
    windows at the cuts.

    Parameters
    ----------
    walking : Walking
        What ``load_walking`` returns; ``labels`` and ``start`` are used.
    train, validation, test : float
        Shares of each person's windows, each between 0 and 1 (both excluded); their sum is 1.
        The windows left out are taken from the end of the training and validation sets.
    gap : int
        Windows of different sets start at least this many strides (of 1 s) apart, 0 or more.
        With 5 or more, windows of different sets share no time step.

    Returns
    -------
    train, validation, test : ndarray of int64
        Indices into ``walking``: person after person, and in order of time within each.

    Raises
    ------
    TypeError
        If ``walking`` has no labels and starts, a share is not a number, or ``gap`` is not a
        whole number.
    ValueError
        If a share is out of range, the shares do not sum to 1, ``gap`` is negative, ``walking``
        has no windows, or a set would hold no window of some person.
    """
    shares = {"train": train, "validation": validation, "test": test}
    for name, share in shares.items():
        fraction(name, share)
    if not abs(sum(shares.values()) - 1) < 1e-9:
        raise ValueError(
            f"train, validation and test are {train}, {validation} and {test}, which make "
            f"{sum(shares.values()):.6g}; they must make 1."
        )
    gap = whole("gap", gap, least=0)
    if not isinstance(walking, Walking):
        raise TypeError(f"walking is {_options.shown(walking)}; give what load_walking returns.")
    if not len(walking.labels):
        raise ValueError("walking has no windows; give at least one.")
    labels, starts = np.asarray(walking.labels), np.asarray(walking.start)

    subsets: dict[str, list[np.ndarray]] = {name: [] for name in shares}
    for person in np.unique(labels):
        windows = np.flatnonzero(labels == person)
        windows = windows[np.argsort(starts[windows], kind="stable")]
        start = starts[windows]
        cuts = [round(share * len(windows)) for share in (0, train, train + validation, 1)]
        for name, (begin, end) in zip(shares, pairwise(cuts), strict=True):
            selected = windows[begin:end]
            if end < len(windows):
                # Leave out windows that start too close to the first window of the next set.
                selected = selected[start[end] - start[begin:end] >= gap * STRIDE]
            if not len(selected):
                raise ValueError(
                    f"person {person} has {len(windows)} windows, of which none is left for the "
                    f"{name} set with a gap of {gap}; make the gap smaller or the share larger."
                )
            subsets[name].append(selected)
    return tuple(np.concatenate(selected) for selected in subsets.values())


def feature_pipeline(
    *,
    scale: Literal["standard", "range"] = "standard",
    missing: Literal["refuse", "zero", "mean", "nearest"] = "refuse",
) -> Pipeline:
    """Return an unfitted pipeline that scales numeric columns and handles missing values.

    Parameters
    ----------
    scale : {"standard", "range"}
        On the rows that it is fitted on, ``"standard"`` gives each column mean 0 and standard
        deviation 1; ``"range"`` maps each column to the range 0 to 1.
    missing : {"refuse", "zero", "mean", "nearest"}
        What to do about missing values: raise ValueError (``"refuse"``), fill in 0 after scaling
        (``"zero"``), fill in the column's mean before scaling (``"mean"``), or fill in the mean
        of the five nearest rows after scaling (``"nearest"``).

    Returns
    -------
    sklearn.pipeline.Pipeline
        Takes and returns DataFrames. It finds columns by name and returns them in the order in
        which it was fitted. After standard scaling, ``"zero"`` and ``"mean"`` both fill in the
        centre, 0; the scales differ, because ``"mean"`` fills before the standard deviation is
        computed. A column of equal values becomes 0.
        ``fit`` and ``transform`` raise TypeError for anything but a DataFrame. They raise
        ValueError for column names that are not text, not unique or not those of ``fit``, for
        a table without rows or columns, and for values that are not numbers or beyond 1e100;
        ``fit`` also for a column without any value.

    Raises
    ------
    ValueError
        If ``scale`` or ``missing`` is not one of the values above.
    """
    from sklearn import impute, pipeline, preprocessing

    from coursekit._columns import NumericColumns

    scalers = {"standard": preprocessing.StandardScaler, "range": preprocessing.MinMaxScaler}
    one_of("scale", scale, scalers)
    scaling = ("scale", scalers[scale]())
    steps = {
        "refuse": [scaling, ("refuse", preprocessing.FunctionTransformer(_refuse_missing))],
        "zero": [scaling, ("fill", impute.SimpleImputer(strategy="constant", fill_value=0.0))],
        "mean": [("fill", impute.SimpleImputer(strategy="mean")), scaling],
        "nearest": [scaling, ("fill", impute.KNNImputer(n_neighbors=5))],
    }
    one_of("missing", missing, steps)
    columns = ("as_float", NumericColumns())
    return pipeline.Pipeline([columns, *steps[missing]]).set_output(transform="pandas")


def one_hot(labels: pd.Series) -> pd.DataFrame:
    """Convert a categorical column to one column of 0 and 1 per category.

    Parameters
    ----------
    labels : Series of categories, length n
        Its categories determine the columns and their order, so a subset of the data that
        lacks a class still gets that class's column.

    Returns
    -------
    DataFrame of float32, shape (n, categories)
        Each row sums to 1. Columns are named after the categories.

    Raises
    ------
    TypeError
        If ``labels`` is not a Series, or not categorical.
    ValueError
        If a label is missing.
    """
    import pandas as pd

    if not isinstance(labels, pd.Series):
        raise TypeError(f"labels are {_options.shown(labels)}; give a Series, as of one column.")
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
    """Convert images of digits and their labels to the arrays a dense network takes.

    Each image is flattened to a row, pixels are scaled from 0-255 to 0-1, and labels are
    one-hot encoded.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, 28, 28)
        0 (background) to 255 (ink), as :func:`coursekit.datasets.load_mnist` returns them.
    labels : ndarray of int, shape (n,)
        0 to 9.
    seed : int, optional
        Seed of the shuffle, 0 to 2**63 - 1; images and labels are shuffled together.
        Without a seed, the order is unchanged.

    Returns
    -------
    x : ndarray of float32, shape (n, 784)
        Rows in NumPy's order: pixel (i, j) of an image is column 28 * i + j.
    y : ndarray of float32, shape (n, 10)
        Column k is 1 where the label is k.

    Raises
    ------
    TypeError
        If the images or labels are not numbers, or the seed is not a whole number.
    ValueError
        If the images or labels have another shape, dtype or range, or the seed is out of range.
    """
    if seed is not None:
        seed = whole("seed", seed, least=0, most=2**63 - 1)
    images, labels = _options.numbers("images", images), _options.numbers("labels", labels)
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
    if labels.dtype.kind not in "iu" or not np.isin(labels, np.arange(10)).all():
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


def _encode_categories(table: pd.DataFrame, name: str) -> tuple[np.ndarray, list]:
    """Return a column as integer codes from 0, and the sorted values that they stand for."""
    import pandas as pd

    values = _options.column(table, name)
    if values.isna().any():
        raise ValueError(f"{name} is missing in {int(values.isna().sum())} rows; drop them first.")
    try:
        # Categories, too, are sorted by name: the splits depend on this order.
        numbers, names = pd.factorize(np.asarray(values), sort=True)
    except TypeError as error:
        raise ValueError(
            f"the values of {name} cannot be told apart ({error}), so they name no classes or "
            "groups; use text or numbers."
        ) from None
    return numbers, list(names)


def _refuse_missing(table: pd.DataFrame) -> pd.DataFrame:
    counts = table.isna().sum()
    if counts.any():
        found = ", ".join(f"{name} ({n})" for name, n in counts[counts > 0].items())
        raise ValueError(
            f"values are missing in {found}; choose missing='zero', 'mean' or 'nearest'."
        )
    return table
