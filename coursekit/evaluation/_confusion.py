"""The confusion matrix and its statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class ConfusionReport:
    """A confusion matrix and the statistics that the field reads off it.

    Make one with :meth:`from_labels` or :meth:`from_matrix`; ``print`` shows all of it.

    Attributes
    ----------
    matrix : ndarray of int64, shape (k, k)
        Row: the actual class. Column: the predicted class. R's ``caret`` prints the
        transpose.
    labels : tuple of length k
        Names of the classes, in the order of the rows and columns.

    Raises
    ------
    TypeError
        If ``labels`` are no sequence; text is none.
    ValueError
        If the matrix is not square, holds something other than counts or nothing at
        all, or the labels do not fit it.

    Notes
    -----
    The statistics are those of ``caret::confusionMatrix``. With two classes ``caret``
    describes the first one only; here every class gets its row, each against the rest.
    Where a class is predicted but never occurs, its positive predictive value is 0 here
    and missing there.

    References
    ----------
    Kuhn, M., "Building predictive models in R using the caret package", Journal of
    Statistical Software 28(5), 2008.

    Examples
    --------
    >>> report = ConfusionReport.from_labels(["cat", "cat", "dog"], ["cat", "dog", "dog"])
    >>> report.matrix.tolist()
    [[1, 1], [0, 1]]
    >>> round(report.accuracy, 3)
    0.667
    """

    matrix: np.ndarray
    labels: tuple[Hashable, ...]

    def __post_init__(self):
        counts = _counts(self.matrix)
        names = tuple(_options.sequence("labels", self.labels, "names"))
        if len(names) != len(counts) or not _options.are_distinct(names):
            raise ValueError(
                f"labels are {list(names)}; a matrix with {len(counts)} rows needs "
                f"{len(counts)} different ones, each of them text or a number."
            )
        counts.setflags(write=False)
        # The class is frozen for its users; here is where its attributes get their types.
        object.__setattr__(self, "matrix", counts)
        object.__setattr__(self, "labels", names)

    @classmethod
    def from_labels(
        cls,
        actual: Sequence[Hashable] | np.ndarray,
        predicted: Sequence[Hashable] | np.ndarray,
        *,
        labels: Sequence[Hashable] | None = None,
    ) -> ConfusionReport:
        """Count how often each class was taken for each.

        Parameters
        ----------
        actual, predicted : sequence of length n
            The class of each example, and the class it was given: names or whole numbers.
        labels : sequence, optional
            All classes, in the order wanted; by default those that occur, sorted.

        Returns
        -------
        ConfusionReport

        Raises
        ------
        TypeError
            If ``labels`` are no sequence; text is none.
        ValueError
            If the two have different lengths or none, are not one class per example, miss a
            value, hold something else than names or whole numbers, or both of them, or hold a
            class that ``labels`` does not; or if ``labels`` names a class twice.
        """
        actual = _classes("actual", actual)
        predicted = _classes("predicted", predicted)
        if len(actual) != len(predicted):
            raise ValueError(
                f"there are {len(actual)} actual and {len(predicted)} predicted classes; they "
                "must belong to the same examples."
            )
        if isinstance(actual[0], str) != isinstance(predicted[0], str):
            raise ValueError(
                f"actual holds {actual[0]!r} and predicted {predicted[0]!r}: one is text, the "
                "other is not. Give both the same kind of label."
            )
        found = set(actual) | set(predicted)
        known = sorted(found)
        if labels is not None:
            known = _options.sequence("labels", labels, "classes")
            _options.require_distinct("labels", known)
        if strange := sorted(found - set(known)):
            raise ValueError(f"the classes {strange} occur, but labels are {known}.")
        if len(known) < 2:
            raise ValueError(f"only the class {known[0]!r} occurs; name at least two in labels.")
        pairs = Counter(zip(actual, predicted, strict=True))
        return cls([[pairs[row, column] for column in known] for row in known], known)

    @classmethod
    def from_matrix(
        cls,
        matrix: Sequence[Sequence[int]] | np.ndarray | pd.DataFrame,
        *,
        labels: Sequence[Hashable] | None = None,
    ) -> ConfusionReport:
        """Take counts that are there already.

        Parameters
        ----------
        matrix : array-like of whole numbers, shape (k, k), k at least 2
            Rows actual, columns predicted, without totals. Transpose what ``caret`` prints.
        labels : sequence of length k, optional
            Names of the classes; by default the columns' names of a DataFrame, or 0 to k - 1.

        Returns
        -------
        ConfusionReport

        Raises
        ------
        TypeError
            If ``labels`` are no sequence; text is none.
        ValueError
            If the matrix is not square, holds something other than counts or nothing at
            all, or the labels do not fit it; or if the last row and column of a DataFrame are
            totals, as of ``pandas.crosstab`` with ``margins=True``.
        """
        import pandas as pd

        counts = _counts(matrix)
        if isinstance(matrix, pd.DataFrame):
            if labels is None:
                labels = list(matrix.columns)
                if list(matrix.index) != labels:
                    raise ValueError(
                        f"the rows are named {list(matrix.index)} and the columns {labels}; both "
                        "must name the same classes in the same order."
                    )
            _refuse_totals(counts, matrix.columns[-1])
        return cls(counts, range(len(counts)) if labels is None else labels)

    @property
    def total(self) -> int:
        """How many examples there are."""
        return int(self.matrix.sum())

    @property
    def correct(self) -> int:
        """How many were given their own class."""
        return int(np.trace(self.matrix))

    @property
    def accuracy(self) -> float:
        """Share of examples given their own class."""
        return self.correct / self.total

    @cached_property
    def accuracy_interval(self) -> tuple[float, float]:
        """Exact (Clopper-Pearson) 95 % interval of the accuracy."""
        from scipy.stats import binomtest

        interval = binomtest(self.correct, self.total).proportion_ci(0.95, method="exact")
        return float(interval.low), float(interval.high)

    @property
    def no_information_rate(self) -> float:
        """Share of the most frequent class: the accuracy of always naming it."""
        return float(self.matrix.sum(axis=1).max() / self.total)

    @cached_property
    def accuracy_p_value(self) -> float:
        """P-value of an accuracy this high or higher if the truth were the no-information rate."""
        from scipy.stats import binomtest

        test = binomtest(self.correct, self.total, self.no_information_rate, alternative="greater")
        return float(test.pvalue)

    @cached_property
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond what the class frequencies alone would give.

        NaN where only one class occurs, actual and predicted alike.
        """
        actual, predicted = (self.matrix.sum(axis=axis) / self.total for axis in (1, 0))
        by_chance = actual @ predicted
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as documented
            return float((self.accuracy - by_chance) / (1 - by_chance))

    @cached_property
    def mcnemar_p_value(self) -> float:
        """P-value of McNemar's test that errors go both ways alike (Bowker's, for k > 2).

        With two classes the statistic is corrected for continuity. NaN, as in R, where two
        classes are never taken for each other: their term would be 0 / 0.
        """
        from scipy.stats import chi2

        upper = np.triu_indices(len(self.matrix), k=1)
        one_way, other_way = self.matrix[upper], self.matrix.T[upper]
        both = one_way + other_way
        if not both.all():
            return float("nan")
        difference = np.abs(one_way - other_way).astype(float)
        if len(self.matrix) == 2:
            difference -= difference > 0
        return float(chi2.sf((difference**2 / both).sum(), df=len(both)))

    def overall(self) -> pd.Series:
        """Return the statistics of the whole matrix, by name."""
        import pandas as pd

        low, high = self.accuracy_interval
        return pd.Series(
            {
                "accuracy": self.accuracy,
                "accuracy, 95 % interval from": low,
                "accuracy, 95 % interval to": high,
                "no-information rate": self.no_information_rate,
                "p-value (accuracy > no-information rate)": self.accuracy_p_value,
                "kappa": self.kappa,
                "p-value (McNemar)": self.mcnemar_p_value,
            }
        )

    def per_class(self) -> pd.DataFrame:
        """Return the statistics of each class against the rest.

        Returns
        -------
        DataFrame of float64, shape (k, 8)
            One row per class, all in the range 0 to 1. Sensitivity is also called recall,
            positive predictive value precision. NaN where a class never occurs, or is never
            predicted, and the statistic divides by that.
        """
        import pandas as pd

        true_positive = np.diag(self.matrix)
        false_negative = self.matrix.sum(axis=1) - true_positive
        false_positive = self.matrix.sum(axis=0) - true_positive
        true_negative = self.total - true_positive - false_negative - false_positive
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as documented
            sensitivity = true_positive / (true_positive + false_negative)
            specificity = true_negative / (true_negative + false_positive)
            columns = {
                "sensitivity": sensitivity,
                "specificity": specificity,
                "positive predictive value": true_positive / (true_positive + false_positive),
                "negative predictive value": true_negative / (true_negative + false_negative),
                "prevalence": (true_positive + false_negative) / self.total,
                "detection rate": true_positive / self.total,
                "detection prevalence": (true_positive + false_positive) / self.total,
                "balanced accuracy": (sensitivity + specificity) / 2,
            }
        return pd.DataFrame(columns, index=self._names("class"))

    def mismatches(self) -> pd.DataFrame:
        """Return which classes were taken for which, the most frequent first.

        Returns
        -------
        DataFrame
            Columns ``actual``, ``predicted`` and ``count``; no row for a pair that was never
            confused. Ties keep the order of the matrix.
        """
        import pandas as pd

        off = self.matrix - np.diag(np.diag(self.matrix))
        rows, columns = np.nonzero(off)
        pairs = {
            "actual": [self.labels[row] for row in rows],
            "predicted": [self.labels[column] for column in columns],
            "count": off[rows, columns],
        }
        order = {"ascending": False, "kind": "stable", "ignore_index": True}
        return pd.DataFrame(pairs).sort_values("count", **order)

    def to_frame(self) -> pd.DataFrame:
        """Return the counts with the classes' names: rows actual, columns predicted."""
        import pandas as pd

        return pd.DataFrame(self.matrix, self._names("actual"), self._names("predicted"))

    def __str__(self) -> str:
        low, high = self.accuracy_interval
        lines = {
            "accuracy": f"{self.accuracy:.4f}",
            "95 % interval": f"{low:.4f} to {high:.4f}",
            "no-information rate": f"{self.no_information_rate:.4f}",
            "p-value (accuracy > no-information rate)": _p_value(self.accuracy_p_value),
            "kappa": f"{self.kappa:.4f}",
            "p-value (McNemar)": _p_value(self.mcnemar_p_value),
        }
        return "\n".join(
            [
                "Counts (rows: actual, columns: predicted)",
                self.to_frame().to_string(),
                "",
                *(f"{name:<41}{value}" for name, value in lines.items()),
                "",
                "Each class against the rest",
                self.per_class().rename(columns=_SHORT).to_string(float_format="%.4f"),
            ]
        )

    def __repr__(self) -> str:
        return (
            f"ConfusionReport({len(self.labels)} classes, {self.correct:,} of {self.total:,} "
            f"correct: accuracy {self.accuracy:.4f})"
        )

    def _names(self, what: str) -> pd.Index:
        import pandas as pd

        # A label may be a pair, and is one name all the same.
        return pd.Index(self.labels, name=what, tupleize_cols=False)


# Fifteen classes have to fit on a page: the text uses the field's short names.
_SHORT = {"positive predictive value": "PPV", "negative predictive value": "NPV"}


def _p_value(value: float) -> str:
    if np.isnan(value):
        return "not available: some classes are never confused"
    return "< 2.2e-16" if value < 2.2e-16 else f"{value:.4g}"


def _classes(name: str, values: Sequence[Hashable] | np.ndarray) -> list[str] | list[int]:
    """Return the class of each example, all of them text or all of them whole numbers."""
    import pandas as pd

    array = _array(name, values)
    if array.ndim != 1:
        raise ValueError(
            f"{name} has shape {array.shape}; give one class per example. Of one-hot rows or "
            "probabilities, take .argmax(axis=1)."
        )
    if not len(array):
        raise ValueError(f"{name} is empty: there is no example to judge by.")
    if pd.isna(array).any():
        raise ValueError(f"{name} misses {int(pd.isna(array).sum())} values; drop these examples.")
    # NumPy makes text of the numbers in a list that holds both.
    items = array.tolist() if hasattr(values, "dtype") else list(values)
    texts = [item for item in items if isinstance(item, str)]
    others = [item for item in items if not isinstance(item, str)]
    if texts and others:
        raise ValueError(
            f"{name} holds {texts[0]!r} and {others[0]!r}; give names or whole numbers, not both."
        )
    for item in others:
        if not isinstance(item, Real | np.bool_):
            raise ValueError(
                f"{name} holds {_options.shown(item)}, which is neither a name nor a whole number."
            )
        if not float(item).is_integer():
            raise ValueError(f"{name} holds {item}, which is no class; are these probabilities?")
    if texts:
        return [str(item) for item in texts]
    return [item if isinstance(item, bool) else int(item) for item in others]


def _array(name: str, values) -> np.ndarray:
    """Return a copy of values as an array, or say that their rows are not of one length."""
    try:
        return np.array(values)
    except ValueError:
        shown = _options.shown(values)
        raise ValueError(f"{name} is {shown}, whose rows have different lengths.") from None


def _counts(matrix) -> np.ndarray:
    """Return a square matrix of counts as int64, or say what is wrong with it."""
    # Of objects: they are shown as Python's own numbers.
    counts = _array("the matrix", matrix).astype(object)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2:
        raise ValueError(
            f"the matrix has shape {counts.shape}; it must be square, with one row and one "
            "column for each of at least two classes."
        )
    for (row, column), count in np.ndenumerate(counts):
        possible = isinstance(count, Real) and not isinstance(count, bool) and 0 <= count < 2**53
        if not possible or count != int(count):
            raise ValueError(
                "the matrix holds something other than counts 0, 1, 2, ...: "
                f"{_options.shown(count)} in row {row}, column {column} (from 0)."
            )
    whole = counts.astype(np.int64)
    if not whole.any():
        raise ValueError("the matrix holds only zeros: there is no example to judge by.")
    if (total := sum(whole.ravel().tolist())) >= 2**53:
        raise ValueError(f"the matrix holds {total} examples; at most {2**53 - 1} can be counted.")
    return whole


def _refuse_totals(counts: np.ndarray, name: Hashable) -> None:
    """Refuse counts whose last row and column, called ``name``, are the sums of the others."""
    # Two equal counts in two rows are no totals, unless their name says so.
    if len(counts) == 2 and name != "All":
        return
    below, beside = counts[:-1].sum(axis=0), counts[:, :-1].sum(axis=1)
    if (below == counts[-1]).all() and (beside == counts[:, -1]).all():
        raise ValueError(
            f"the last row and column, {name!r}, hold the sums of the others; leave such totals "
            "out (margins=False). If it is a class, give matrix.to_numpy() and labels."
        )
