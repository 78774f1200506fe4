"""Training more than once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from coursekit import _keras, _options

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
        Takes a seed, builds and fits a model, and returns its figures by name, of which none
        is called ``seed`` or ``seconds``. Python, NumPy and Keras are seeded with the same
        seed before each call.
    seeds : iterable of int
        One run each; each from 0 to 2**32 - 1.
    progress : bool
        Print a line when a run ends.

    Returns
    -------
    DataFrame
        One row per seed (the index), one column per figure, and ``seconds``.

    Raises
    ------
    TypeError
        If ``train`` cannot be called or returns no mapping, a seed is no whole number, or
        ``progress`` no truth value.
    ValueError
        If there are no seeds, one is given twice or is out of range, or a figure is called
        ``seed`` or ``seconds``.
    """
    if not callable(train):
        raise TypeError(f"train is {_options.shown(train)}; it must be a function of a seed.")
    progress = _options.flag("progress", progress)
    given = _options.sequence("seeds", seeds, "whole numbers")
    seeds = [_options.seed("seed", seed) for seed in given]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds are {seeds}; give at least one, and each only once.")
    keras = _keras.load()
    import pandas as pd

    rows = []
    for place, seed in enumerate(seeds, start=1):
        keras.utils.set_random_seed(seed)
        began = time.perf_counter()
        figures = train(seed)
        seconds = time.perf_counter() - began
        if not isinstance(figures, Mapping):
            raise TypeError(
                f"train gave {_options.shown(figures)} for seed {seed}; it must return a mapping "
                "of names to figures, such as {'accuracy': 0.9}."
            )
        if taken := {"seed", "seconds"} & set(figures):
            raise ValueError(
                f"train gave a figure called {', '.join(sorted(taken))}, as a column of ours is; "
                "give it another name."
            )
        rows.append({"seed": seed, **figures, "seconds": seconds})
        if progress:
            print(f"run {place} of {len(seeds)}: {seconds:.1f} s", flush=True)
    return pd.DataFrame(rows).set_index("seed")
