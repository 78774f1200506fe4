"""What a result is worth."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Band", "ConfusionReport", "band"]


@dataclass(frozen=True)
class Band:
    """The spread of one figure over several training runs.

    Attributes
    ----------
    low, median, high : float
        Smallest, middle and largest value.
    runs : int
        How many there were.
    """

    low: float
    median: float
    high: float
    runs: int

    def covers(self, value: float, *, digits: int = 2) -> bool:
        """Whether ``value`` lies between low and high, all rounded to ``digits``."""
        return round(self.low, digits) <= round(value, digits) <= round(self.high, digits)

    def __str__(self) -> str:
        return f"{self.low:.3f} to {self.high:.3f}, median {self.median:.3f} ({self.runs} runs)"


def band(values: Iterable[float]) -> Band:
    """Summarise one figure over several training runs.

    Parameters
    ----------
    values : iterable of float
        One value per run, at least two.

    Returns
    -------
    Band

    Raises
    ------
    ValueError
        If there are fewer than two values, or one is not a finite number.
    """
    array = np.asarray(list(values), dtype=float)
    if len(array) < 2:
        raise ValueError(f"{len(array)} value is no band; train with at least two seeds.")
    if not np.isfinite(array).all():
        raise ValueError(f"the values {array.tolist()} are not all finite: a run failed.")
    return Band(float(array.min()), float(np.median(array)), float(array.max()), len(array))


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

    Notes
    -----
    The statistics are those of ``caret::confusionMatrix``. With two classes ``caret``
    describes the first one only; here every class gets its row, each against the rest.
    Where a class is predicted but never occurs, its positive predictive value is 0 here
    and missing there.

    References
    ----------
    M. Kuhn, "Building predictive models in R using the caret package", Journal of
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
        ValueError
            If the two have different lengths or none, are not one class per example, miss a
            value, or hold a class that ``labels`` does not.
        """
        from sklearn.metrics import confusion_matrix

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
        found = np.unique(np.concatenate([actual, predicted]))
        known = found.tolist() if labels is None else list(labels)
        if strange := sorted(set(found.tolist()) - set(known)):
            raise ValueError(f"the classes {strange} occur, but labels are {known}.")
        if len(known) < 2:
            raise ValueError(f"only the class {known[0]!r} occurs; name at least two in labels.")
        return cls.from_matrix(confusion_matrix(actual, predicted, labels=known), labels=known)

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
            Rows actual, columns predicted. Transpose what ``caret`` prints.
        labels : sequence of length k, optional
            Names of the classes; by default the columns' names of a DataFrame, or 0 to k - 1.

        Returns
        -------
        ConfusionReport

        Raises
        ------
        ValueError
            If the matrix is not square, holds something other than counts or nothing at
            all, or the labels do not fit it.
        """
        if labels is None and hasattr(matrix, "columns"):
            labels = list(matrix.columns)
            if list(matrix.index) != labels:
                raise ValueError(
                    f"the rows are named {list(matrix.index)} and the columns {labels}; both "
                    "must name the same classes in the same order."
                )
        counts = np.asarray(matrix)
        if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2:
            raise ValueError(
                f"the matrix has shape {counts.shape}; it must be square, with one row and one "
                "column for each of at least two classes."
            )
        if (
            counts.dtype.kind not in "iuf"
            or not (np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts))).all()
        ):
            raise ValueError("the matrix holds something other than counts 0, 1, 2, ...")
        if not counts.any():
            raise ValueError("the matrix holds only zeros: there is no example to judge by.")
        names = tuple(range(len(counts))) if labels is None else tuple(labels)
        if len(names) != len(counts) or len(set(names)) < len(names):
            raise ValueError(
                f"labels are {list(names)}; a matrix with {len(counts)} rows needs "
                f"{len(counts)} different ones."
            )
        counts = counts.astype(np.int64)
        counts.setflags(write=False)
        return cls(counts, names)

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
        from sklearn.metrics import cohen_kappa_score

        if (self.matrix.sum(axis=0) * self.matrix.sum(axis=1)).max() == self.total**2:
            return float("nan")
        actual, predicted = self._pairs()
        return float(cohen_kappa_score(actual, predicted, sample_weight=self.matrix.ravel()))

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
        from sklearn.metrics import multilabel_confusion_matrix

        actual, predicted = self._pairs()
        tables = multilabel_confusion_matrix(
            actual,
            predicted,
            labels=np.arange(len(self.labels)),
            sample_weight=self.matrix.ravel(),
        )
        true_negative, false_positive, false_negative, true_positive = tables.reshape(-1, 4).T
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
        return pd.DataFrame(columns, index=pd.Index(self.labels, name="class"))

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
        order = np.argsort(-off[rows, columns], kind="stable")
        rows, columns = rows[order], columns[order]
        return pd.DataFrame(
            {
                "actual": [self.labels[row] for row in rows],
                "predicted": [self.labels[column] for column in columns],
                "count": off[rows, columns],
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the counts with the classes' names: rows actual, columns predicted."""
        import pandas as pd

        return pd.DataFrame(
            self.matrix,
            index=pd.Index(self.labels, name="actual"),
            columns=pd.Index(self.labels, name="predicted"),
        )

    def __str__(self) -> str:
        import pandas as pd

        low, high = self.accuracy_interval
        lines = {
            "accuracy": f"{self.accuracy:.4f}",
            "95 % interval": f"{low:.4f} to {high:.4f}",
            "no-information rate": f"{self.no_information_rate:.4f}",
            "p-value (accuracy > no-information rate)": _p_value(self.accuracy_p_value),
            "kappa": f"{self.kappa:.4f}",
            "p-value (McNemar)": _p_value(self.mcnemar_p_value),
        }
        wide = {"display.width": None, "display.max_columns": None, "display.max_rows": None}
        with pd.option_context(*(part for option in wide.items() for part in option)):
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

    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the actual and the predicted class of each cell of the matrix, row by row."""
        actual, predicted = np.indices(self.matrix.shape)
        return actual.ravel(), predicted.ravel()


# Fifteen classes have to fit on a page: the text uses the field's short names.
_SHORT = {
    "positive predictive value": "PPV",
    "negative predictive value": "NPV",
}


def _p_value(value: float) -> str:
    if np.isnan(value):
        return "not available: some classes are never confused"
    return "< 2.2e-16" if value < 2.2e-16 else f"{value:.4g}"


def _classes(name: str, values: Sequence[Hashable] | np.ndarray) -> np.ndarray:
    import pandas as pd

    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(
            f"{name} has shape {array.shape}; give one class per example. Of one-hot rows or "
            "probabilities, take .argmax(axis=1)."
        )
    if not len(array):
        raise ValueError(f"{name} is empty: there is no example to judge by.")
    if pd.isna(array).any():
        raise ValueError(f"{name} misses {int(pd.isna(array).sum())} values; drop these examples.")
    if array.dtype.kind == "f":
        if (array != np.floor(array)).any():
            raise ValueError(
                f"{name} holds {array[array != np.floor(array)][0]}, which is no class; are these "
                "probabilities?"
            )
        array = array.astype(np.int64)
    return array
