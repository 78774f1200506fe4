"""A table of runs as a coloured grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.plotting.style import AS_WRITTEN, headline, name_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


_VALUE = "the value of a run"


def plot_grid(
    table: pd.DataFrame,
    *,
    rows: str = "layers",
    columns: str = "units",
    values: str = "best validation loss",
    title: str | None = None,
    digits: int = 4,
) -> Figure:
    """Draw the results of a grid search: one cell per run, the best one outlined.

    Parameters
    ----------
    table : DataFrame
        One row per run, as ``training.capacity_grid`` returns it.
    rows, columns : str
        The columns of ``table`` that say in which row and column of the grid a run stands.
    values : str
        The column to write into the cells. The smallest value is the best, but of an
        accuracy (a name with that word in it) the largest.
    title : str, optional
        The finding, above the figure.
    digits : int
        Decimals of the values in the cells, 0 to 15. Values that are then longer than twelve
        characters are written with four digits and an exponent.

    Returns
    -------
    matplotlib.figure.Figure
        The better a value, the darker its cell. Runs without a value have a dash.

    Raises
    ------
    KeyError
        If the table lacks one of the columns.
    TypeError
        If ``table`` is no DataFrame, the values are no numbers, ``digits`` no whole number, or
        ``title`` no text.
    ValueError
        If the table is empty, has no finite value, has two runs for one cell or one for none,
        two of the columns are the same, or ``digits`` is out of range.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    title = _options.text("title", title)
    table = _options.table("table", table)
    digits = _options.whole("digits", digits, least=0, most=15)
    wanted = {"rows": rows, "columns": columns, "values": values}
    found = {role: _options.column(table, name, role) for role, name in wanted.items()}
    if len({str(name) for name in wanted.values()}) < 3:
        raise ValueError(f"rows, columns and values are {rows}, {columns} and {values}; "
                         "they must be three different columns.")  # fmt: skip
    for role in ("rows", "columns"):
        if found[role].isna().any():
            raise ValueError(
                f"{wanted[role]} is missing in {int(found[role].isna().sum())} rows of the table; "
                "drop them first."
            )
    try:
        twice = table.duplicated([rows, columns])
    except TypeError as error:
        raise ValueError(
            f"{rows} or {columns} holds what cannot be told apart ({error}); use text or numbers."
        ) from None
    if twice.any():
        row, column = table.loc[twice, [rows, columns]].iloc[0]
        raise ValueError(
            f"{rows} {row}, {columns} {column} stands in the table more than once; keep one run "
            "per cell, or average them first."
        )
    numbers = _options.numbers(str(values), found["values"]).astype(float)
    if not np.isfinite(numbers).any():
        raise ValueError(f"{values} holds no finite value: every run failed.")
    grid = table.assign(**{_VALUE: numbers}).pivot(index=rows, columns=columns, values=_VALUE)
    try:
        grid = grid.sort_index().sort_index(axis=1)
    except TypeError:
        raise ValueError(
            f"{rows} or {columns} holds text and numbers, which have no order; give either."
        ) from None
    numbers = grid.to_numpy(dtype=float)
    finite = np.isfinite(numbers)

    largest_is_best = "accuracy" in str(values)
    low, high = numbers[finite].min() / 2, numbers[finite].max() / 2  # halves have a difference
    better = (numbers / 2 - low) / (high - low) if high > low else np.full_like(numbers, 0.5)
    shade = better if largest_is_best else 1 - better
    height, width = numbers.shape
    figure, axis = plt.subplots(figsize=(6.0, 1.2 + 0.7 * max(height, 2)))
    quiet = LinearSegmentedColormap.from_list("quiet", ["#F2F2F2", "#3F3F3F"])
    colours = quiet(np.where(finite, shade, 0))
    colours[~finite] = 1
    axis.imshow(colours, aspect="auto")
    words = np.array([_written(number, digits) for number in numbers.flat]).reshape(numbers.shape)
    longest = max(digits + 2, *map(len, words.flat))
    font = min(12.0, 72 * 5.0 / width / (0.62 * longest))
    for row, column in np.ndindex(numbers.shape):
        inside = finite[row, column]
        axis.text(
            column,
            row,
            words[row, column],
            ha="center",
            va="center",
            fontsize=font,
            color="white" if inside and shade[row, column] > 0.7 else "black",
        )
    pick = np.nanargmax if largest_is_best else np.nanargmin
    best_row, best_column = np.unravel_index(pick(np.where(finite, numbers, np.nan)), grid.shape)
    axis.add_patch(
        Rectangle(
            (best_column - 0.46, best_row - 0.46),
            0.92,
            0.92,
            fill=False,
            edgecolor="#E69F00",
            linewidth=3,
        )
    )
    axis.set_xticks(range(width), [f"{name}" for name in grid.columns], **AS_WRITTEN)
    axis.set_yticks(range(height), [f"{name}" for name in grid.index], **AS_WRITTEN)
    axis.set_xticks(np.arange(width + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(height + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="white", linewidth=2)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)
    name_axes(axis, str(columns), str(rows))
    axis.annotate(
        f"{values}: the darker, the better",
        (0, 1.02),
        xycoords="axes fraction",
        va="bottom",
        fontsize=10,
        color="0.3",
        **AS_WRITTEN,
    )
    headline(axis, title, pad=22)
    return figure


def _written(number: float, digits: int) -> str:
    if not np.isfinite(number):
        return "–"
    text = f"{number:.{digits}f}"
    return text if len(text) <= 12 else f"{number:.3e}"
