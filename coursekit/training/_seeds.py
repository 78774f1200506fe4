"""Training more than once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["over_seeds"]


def over_seeds(
    train: Callable[[int], Mapping[str, float]],
    *,
    seeds: Iterable[int] = (1, 2, 3, 4, 5),
    progress: bool = True,
) -> pd.DataFrame:
    """Train once per seed and put the results side by side.

    Parameters
    ----------
    train : callable
        Takes a seed, builds and fits a model, and returns its figures by name. Python,
        NumPy and Keras are seeded with the same seed before each call.
    seeds : iterable of int
        One run each.
    progress : bool
        Print a line when a run ends.

    Returns
    -------
    DataFrame
        One row per seed (the index), one column per figure, and ``seconds``.

    Raises
    ------
    ValueError
        If there are no seeds, or one is given twice.
    """
    import keras
    import pandas as pd

    seeds = list(seeds)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds are {seeds}; give at least one, and each only once.")
    rows = []
    for place, seed in enumerate(seeds, start=1):
        keras.utils.set_random_seed(seed)
        began = time.perf_counter()
        figures = dict(train(seed))
        seconds = time.perf_counter() - began
        rows.append({"seed": seed, **figures, "seconds": seconds})
        if progress:
            print(f"run {place} of {len(seeds)}: {seconds:.1f} s", flush=True)
    return pd.DataFrame(rows).set_index("seed")
