"""What a result is worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

__all__ = ["Band", "band"]


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
