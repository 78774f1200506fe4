"""Data made by a rule: is the sum of three numbers above a threshold?"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np


def make_threshold(
    n: int = 10_000, *, threshold: float = 1.5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of three uniform numbers and label those whose sum exceeds a threshold.

    Parameters
    ----------
    n : int
        Number of rows, at least 1.
    threshold : float
        Between 0 and 3, both excluded: outside, all rows would have one label.
    seed : int
        Seed of the random numbers, 0 or more. The same seed gives the same rows.

    Returns
    -------
    x : ndarray of float32, shape (n, 3)
        Independent and uniform in [0, 1).
    y : ndarray of int64, shape (n,)
        1 where the row's sum is greater than ``threshold``, else 0.

    Raises
    ------
    TypeError
        If ``n`` or ``seed`` is not a whole number, or ``threshold`` not a number.
    ValueError
        If ``n``, ``threshold`` or ``seed`` is out of range, or so many rows do not fit into
        memory.

    References
    ----------
    P. Casas, "How to create a sequential model in Keras for R", Data Science Heroes.

    Examples
    --------
    >>> x, y = make_threshold(4, seed=7)
    >>> x.shape, y.shape
    ((4, 3), (4,))
    """
    n = _taken("n", n, operator.index, "a whole number")
    seed = _taken("seed", seed, operator.index, "a whole number")
    # Of what is a number already: float() would take text, too.
    limit = _taken("threshold", threshold, lambda value: math.fsum([value]), "a number")
    if n < 1:
        raise ValueError(f"n is {n}; at least 1 row is needed.")
    if not 0 < limit < 3:
        raise ValueError(
            f"threshold is {threshold}; it must lie between 0 and 3, because the sum of three "
            "numbers from [0, 1) does, and outside every row would have the same label."
        )
    if seed < 0:
        raise ValueError(f"seed is {seed}; it must be 0 or more.")
    # Drawn as float32: rounding float64 draws could give exactly 1.
    try:
        x = np.random.default_rng(seed).random((n, 3), dtype=np.float32)
    except (MemoryError, OverflowError, ValueError) as error:
        raise ValueError(f"n is {n}; so many rows do not fit into memory ({error}).") from error
    # Summed in float64, so that no label depends on the order of the sum.
    y = (x.sum(axis=1, dtype=np.float64) > limit).astype(np.int64)
    return x, y


def _taken(name: str, value: Any, convert: Callable[[Any], Any], kind: str) -> Any:
    """Return an argument as a plain number, or say which one is none."""
    try:
        return convert(value)
    except TypeError as error:
        raise TypeError(
            f"{name} is {value!r:.100} ({type(value).__name__}); it must be {kind}."
        ) from error
    except OverflowError as error:  # a whole number too large for a float
        raise ValueError(f"{name} is {value!r:.100}, which is out of range.") from error
