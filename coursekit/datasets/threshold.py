"""Data made by a rule: is the sum of three numbers above a threshold?"""

from __future__ import annotations

import numpy as np

from coursekit._options import whole

THRESHOLD = 1.5
MAX_ROWS = 10**8  # 1.2 GB


def make_threshold(n: int = 10_000, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of three uniform numbers and label those whose sum exceeds 1.5.

    Parameters
    ----------
    n : int
        Number of rows, 1 to 100,000,000.
    seed : int
        Seed of the random numbers, 0 or more. The same seed gives the same rows.

    Returns
    -------
    x : ndarray of float32, shape (n, 3)
        Independent and uniform in [0, 1).
    y : ndarray of int64, shape (n,)
        1 where the row's sum is greater than 1.5, else 0.

    Raises
    ------
    TypeError
        If ``n`` or ``seed`` is not a whole number.
    ValueError
        If ``n`` or ``seed`` is out of range.

    References
    ----------
    Casas, P., "How to create a sequential model in Keras for R", Data Science Heroes.

    Examples
    --------
    >>> x, y = make_threshold(4, seed=7)
    >>> x.shape, y.shape
    ((4, 3), (4,))
    """
    n = whole("n", n, most=MAX_ROWS)
    rng = np.random.default_rng(whole("seed", seed, least=0, most=2**128 - 1))
    # Drawn as float32: rounding float64 draws could give exactly 1.
    x = rng.random((n, 3), dtype=np.float32)
    # Summed in float64, so that no label depends on the order of the sum.
    return x, (x.sum(axis=1, dtype=np.float64) > THRESHOLD).astype(np.int64)
