"""The range of a metric over several training runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from coursekit import _options


@dataclass(frozen=True)
class Band:
    """The spread of one figure over several training runs.

    Attributes
    ----------
    low, median, high : float
        Smallest, middle and largest value.
    runs : int
        How many there were, at least two.

    Raises
    ------
    TypeError
        If one of these is no number.
    ValueError
        If they are not finite or not in this order, or there are fewer than two runs.
    """

    low: float
    median: float
    high: float
    runs: int

    def __post_init__(self):
        for name in ("low", "median", "high"):
            value = getattr(self, name)
            found = _options.number(name, value, "finite", lambda found: abs(found) < np.inf)
            object.__setattr__(self, name, found)  # frozen for its users alone
        if not self.low <= self.median <= self.high:
            raise ValueError(
                f"low, median and high are {self.low}, {self.median} and {self.high}; they must "
                "be in this order."
            )
        _options.whole("runs", self.runs, least=2)

    def covers(self, value: float, *, digits: int = 2) -> bool:
        """Whether ``value`` lies between low and high, all rounded to ``digits``.

        A value that is not finite never does.

        Raises
        ------
        TypeError
            If ``value`` is no number, or ``digits`` no whole number.
        ValueError
            If ``digits`` is negative.
        """
        value = _options.number("value", value, "which may be missing", lambda found: True)
        digits = _options.whole("digits", digits, least=0)
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
    TypeError
        If ``values`` are not numbers, each of one run.
    ValueError
        If there are fewer than two values, or one is not finite.
    """
    array = _options.numbers("values", _options.sequence("values", values, "numbers"))
    if array.ndim != 1:
        raise TypeError(f"values have shape {array.shape}; give one number per run.")
    array = array.astype(float)
    if len(array) < 2:
        raise ValueError(
            f"values are {array.tolist()}, which make no band; train with at least two seeds."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"the values {array.tolist()} are not all finite: a run failed.")
    return Band(float(array.min()), float(np.median(array)), float(array.max()), len(array))
