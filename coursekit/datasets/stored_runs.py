"""Results of the chapters' networks over many seeds, measured by ``make reproduce``."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from coursekit import _options

if TYPE_CHECKING:
    import pandas as pd


def load_stored_runs(chapter: str) -> pd.DataFrame:
    """Load the results of a chapter's networks, trained with many seeds.

    Parameters
    ----------
    chapter : str
        Name of the chapter's notebook without ``.ipynb``, such as ``"batch-size"``.

    Returns
    -------
    DataFrame
        One row per result: ``edition`` of the data, ``model``, ``metric``, ``seed`` and ``value``.

    Raises
    ------
    ValueError
        If no runs of this chapter are stored; the message lists the chapters that have some.

    Examples
    --------
    >>> load_stored_runs("batch-size")["seed"].max()
    20
    """
    import pandas as pd

    folder = resources.files(__package__).joinpath("runs")
    stored = sorted(file.name.removesuffix(".csv") for file in folder.iterdir())
    chapter = _options.one_of("chapter", chapter, stored)
    with folder.joinpath(f"{chapter}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)
