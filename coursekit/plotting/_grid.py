"""A table of runs as a coloured grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


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
        Decimals of the values in the cells.

    Returns
    -------
    matplotlib.figure.Figure
        The better a value, the darker its cell. Runs without a value have a dash.

    Raises
    ------
    KeyError
        If the table lacks one of the columns.
    ValueError
        If the table is empty, has no finite value, or has two runs for one cell.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    wanted = {"rows": rows, "columns": columns, "values": values}
    for role, name in wanted.items():
        if name not in table:
            raise KeyError(
                f"{role} is {name!r}, which the table lacks; it has "
                f"{', '.join(map(str, table.columns))}."
            )
    if not len(table):
        raise ValueError("the table has no rows: there is no run to draw.")
    if (twice := table.duplicated([rows, columns])).any():
        row, column = table.loc[twice, [rows, columns]].iloc[0]
        raise ValueError(
            f"{rows} {row}, {columns} {column} stands in the table more than once; keep one run "
            "per cell, or average them first."
        )
    grid = table.pivot(index=rows, columns=columns, values=values).sort_index().sort_index(axis=1)
    numbers = grid.to_numpy(dtype=float)
    finite = np.isfinite(numbers)
    if not finite.any():
        raise ValueError(f"{values} holds no finite value: every run failed.")

    largest_is_best = "accuracy" in values
    low, high = numbers[finite].min(), numbers[finite].max()
    better = (numbers - low) / (high - low) if high > low else np.full_like(numbers, 0.5)
    shade = better if largest_is_best else 1 - better
    height, width = numbers.shape
    figure, axis = plt.subplots(figsize=(6.0, 1.2 + 0.7 * max(height, 2)))
    quiet = LinearSegmentedColormap.from_list("quiet", ["#F2F2F2", "#3F3F3F"])
    colours = quiet(np.where(finite, shade, 0))
    colours[~finite] = 1
    axis.imshow(colours, aspect="auto")
    font = min(12.0, 72 * 5.0 / width / (0.62 * (digits + 2)))
    for row, column in np.ndindex(numbers.shape):
        inside = finite[row, column]
        axis.text(
            column,
            row,
            f"{numbers[row, column]:.{digits}f}" if inside else "–",
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
    axis.set_xticks(range(width), [f"{name}" for name in grid.columns])
    axis.set_yticks(range(height), [f"{name}" for name in grid.index])
    axis.set_xticks(np.arange(width + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(height + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="white", linewidth=2)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)
    axis.set(xlabel=columns, ylabel=rows)
    axis.annotate(
        f"{values}: the darker, the better",
        (0, 1.02),
        xycoords="axes fraction",
        va="bottom",
        fontsize=10,
        color="0.3",
    )
    if title:
        axis.set_title(title, pad=22)
    return figure
