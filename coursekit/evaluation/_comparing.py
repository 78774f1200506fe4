"""95 % intervals: for differences between methods, for a new run, and for proportions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coursekit import _options

LEVEL = 0.95
MAX_VALUE = 1e100  # the square of a larger number may overflow
MIN_RUNS = 10  # for a prediction interval: with fewer, it is too wide to be of use


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes
    ----------
    estimate : float
        The mean, mean difference or proportion.
    low, high : float
        Ends of the interval.
    n : int
        How many values it was computed from: pairs, runs, folds or examples.

    Raises
    ------
    TypeError
        If one of these is not a number.
    ValueError
        If they are not finite or not in the order low, estimate, high, or ``n`` is below 1.

    Examples
    --------
    >>> print(Interval(0.0068, 0.0032, 0.0104, n=10))
    0.0068 (95 % interval 0.0032 to 0.0104, n = 10)
    """

    estimate: float
    low: float
    high: float
    n: int

    def __post_init__(self):
        for name in ("estimate", "low", "high"):
            value = _options.number(name, getattr(self, name), "finite", np.isfinite)
            object.__setattr__(self, name, value)  # frozen only for its users
        if not self.low <= self.estimate <= self.high:
            raise ValueError(
                f"low, estimate and high are {self.low}, {self.estimate} and {self.high}; they "
                "must be in this order."
            )
        _options.whole("n", self.n)

    def covers(self, value: float) -> bool:
        """Whether ``value`` lies in the interval, its ends included.

        Raises
        ------
        TypeError
            If ``value`` is not a number.
        """
        value = _options.number("value", value, "which may be missing", lambda found: True)
        return self.low <= value <= self.high

    @property
    def separated(self) -> bool:
        """Whether the interval of a difference leaves out 0."""
        return not self.low <= 0 <= self.high

    def __str__(self) -> str:
        digits = _decimal_places(self.high - self.low)

        def end(value: float) -> str:
            # Just beside 0 it keeps its sign, which decides whether the interval is separated.
            beside_zero = value and abs(value) < 0.5 * 10**-digits
            places = min(_first_place(value), 12) if beside_zero else digits
            return f"{value:z.{places}f}"  # the z makes 0.0 of -0.0

        low, high = end(self.low), end(self.high)
        estimate = f"{self.estimate:z.{digits}f}"
        return f"{estimate} (95 % interval {low} to {high}, n = {self.n})"


def paired_difference(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Estimate by how much a metric of one method exceeds that of another.

    Both methods were trained with the same seeds: pair ``i`` shares its split, its validation
    rows and the order of its examples. What the runs of a pair have in common then cancels.

    Parameters
    ----------
    first, second : sequence of float, shape (n,)
        The metric of each method, run by run in the same order; n is at least 2.

    Returns
    -------
    Interval
        The mean of ``first - second``, with Student's t interval.

    Raises
    ------
    TypeError
        If one of them is not a sequence of numbers.
    ValueError
        If their lengths differ or are below 2, or a value is not finite.

    References
    ----------
    Student, "The probable error of a mean", Biometrika 6(1), 1908.

    Examples
    --------
    >>> print(paired_difference([0.93, 0.94, 0.95], [0.91, 0.93, 0.92]))
    0.020 (95 % interval -0.005 to 0.045, n = 3)
    """
    differences = _differences(first, second)
    return _t_interval(differences, variance_factor=1 / len(differences))


def resampled_difference(
    first: Sequence[float], second: Sequence[float], *, test_share: float
) -> Interval:
    """Estimate a difference between two methods over folds or repeated random splits.

    The training sets of different folds overlap, so the differences are correlated and the
    ordinary t interval is too narrow. This one is corrected for that.

    Parameters
    ----------
    first, second : sequence of float, shape (n,)
        The metric of each method, fold by fold in the same order; n is at least 2.
    test_share : float
        Share of the rows in each test fold, between 0 and 1: 0.1 for 10-fold cross-validation.

    Returns
    -------
    Interval
        The mean of ``first - second``, with the corrected resampled t interval.

    Raises
    ------
    TypeError
        If ``first`` or ``second`` is not a sequence of numbers, or ``test_share`` not a number.
    ValueError
        If their lengths differ or are below 2, a value is not finite, or ``test_share`` is not
        between 0 and 1.

    References
    ----------
    Nadeau, C., Bengio, Y., "Inference for the generalization error", Machine Learning 52(3), 2003.
    """
    differences = _differences(first, second)
    share = _options.fraction("test_share", test_share)
    return _t_interval(differences, variance_factor=1 / len(differences) + share / (1 - share))


def prediction_interval(runs: Sequence[float]) -> Interval:
    """Estimate where a metric of one further run will fall.

    Use it to compare our runs with one published value: inside or outside is all that can be
    said. Minimum and maximum of n runs cover a further run only with probability
    (n - 1) / (n + 1).

    Parameters
    ----------
    runs : sequence of float, shape (n,)
        The metric of each run; n is at least 10.

    Returns
    -------
    Interval
        The mean, with the interval that covers a further run in 95 % of cases if the metric
        is normally distributed.

    Raises
    ------
    TypeError
        If ``runs`` is not a sequence of numbers.
    ValueError
        If there are fewer than 10 runs, or a value is not finite.

    References
    ----------
    Hahn, G. J., Meeker, W. Q., "Statistical intervals: a guide for practitioners", Wiley, 1991.
    """
    values = _finite("runs", runs)
    if len(values) < MIN_RUNS:
        raise ValueError(
            f"runs has {len(values)} values; a prediction interval needs at least {MIN_RUNS}."
        )
    return _t_interval(values, variance_factor=1 + 1 / len(values))


def wilson_interval(successes: int, total: int) -> Interval:
    """Estimate a proportion, such as an accuracy, from a count.

    Parameters
    ----------
    successes : int
        How many of the examples were right; 0 to ``total``.
    total : int
        How many examples there were, at least 1.

    Returns
    -------
    Interval
        The proportion, with Wilson's score interval. It stays within 0 and 1, and is usable for
        proportions near them.

    Raises
    ------
    TypeError
        If one of them is not a whole number.
    ValueError
        If one of them is out of range.

    References
    ----------
    Wilson, E. B., "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22(158), 1927.

    Examples
    --------
    >>> print(wilson_interval(982, 1000))
    0.982 (95 % interval 0.972 to 0.989, n = 1000)
    """
    from scipy.stats import binomtest

    total = _options.whole("total", total)
    successes = _options.whole("successes", successes, least=0, most=total)
    found = binomtest(successes, total).proportion_ci(LEVEL, method="wilson")
    return Interval(successes / total, float(found.low), float(found.high), total)


def _differences(first: Sequence[float], second: Sequence[float]) -> np.ndarray:
    first, second = _finite("first", first), _finite("second", second)
    if len(first) != len(second):
        raise ValueError(
            f"first has {len(first)} values and second {len(second)}; give one pair per seed or "
            "fold, in the same order."
        )
    return first - second


def _finite(name: str, values: Sequence[float]) -> np.ndarray:
    """Return at least two finite values as an array of floats."""
    array = _options.numbers(name, _options.sequence(name, values, "numbers"))
    if array.ndim != 1:
        raise TypeError(f"{name} has shape {array.shape}; give one number per run.")
    array = array.astype(float)
    if len(array) < 2:
        raise ValueError(f"{name} has {len(array)} values; give at least two.")
    if not (np.abs(array) <= MAX_VALUE).all():
        raise ValueError(
            f"{name} has {_options.shown(array.tolist())}, which are not all finite: a run failed."
        )
    return array


def _t_interval(values: np.ndarray, *, variance_factor: float) -> Interval:
    """Return the mean, plus and minus a t quantile times an error.

    The squared error is the sample variance times ``variance_factor``.
    """
    from scipy.stats import t

    error = values.std(ddof=1) * np.sqrt(variance_factor)
    mean, half = float(values.mean()), float(t.ppf((1 + LEVEL) / 2, len(values) - 1) * error)
    return Interval(mean, mean - half, mean + half, len(values))


def _first_place(value: float) -> int:
    """Return the place of the first significant digit after the decimal point."""
    return int(-np.floor(np.log10(abs(value))))


def _decimal_places(width: float) -> int:
    """How many decimal places show two significant digits of the width of an interval."""
    if not 0 < width < np.inf:
        return 4
    return int(np.clip(1 + _first_place(width), 0, 12))
