"""Paths that optimisers take over a loss surface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.plotting.style import AS_WRITTEN, COLOURS, headline, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# None of them means training, validation or test.
_LOOKS = (
    ("black", "-", "o"),
    (COLOURS["negative"], "--", "s"),
    (COLOURS["class_0"], "-", "^"),
    (COLOURS["class_1"], "-", "D"),
    ("#E69F00", "-.", "v"),
    ("#332288", (0, (5, 1, 1, 1, 1, 1)), "P"),
    ("#117733", ":", "X"),
    ("#661100", (0, (8, 2)), "p"),
)
_LEVELS = 12
_FONT = 11


def plot_loss_paths(
    surface: Callable[[np.ndarray, np.ndarray], np.ndarray],
    paths: Mapping[str, np.ndarray],
    *,
    x_range: Sequence[float],
    y_range: Sequence[float],
    minimum: Sequence[float] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a loss with two parameters as contours, and paths of optimisers over it.

    Parameters
    ----------
    surface : callable
        Takes two arrays of the same shape, the first and the second parameter, and returns
        the losses there.
    paths : mapping of str to ndarray, shape (steps + 1, 2)
        Name of each optimiser, and where it was: before the first step, and after each.
        At most 8.
    x_range, y_range : pair of float
        What the figure shows, from and to. Paths may leave it, and a path ends before its
        first value that is not finite.
    minimum : pair of float, optional
        Where to draw a star.
    title : str, optional
        The finding, above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Contours are spaced logarithmically, darker where the loss is large. Starts are
        ringed and named; a large marker in the colour of the path stands at its end.
        Paths are named at their ends or, where there is no room for that, below.

    Raises
    ------
    TypeError
        If ``surface`` cannot be called or gives no numbers, ``paths`` is no mapping, or a path,
        a range or ``minimum`` holds something else than numbers, or ``title`` is no text.
    ValueError
        If there is no path or more than 8, a path has another shape or starts at a value that
        is not finite, a range is empty, ``minimum`` is no point, or the surface does not give
        one finite loss per point.
    """
    import matplotlib.pyplot as plt
    from matplotlib import patheffects

    title = _options.text("title", title)
    if not callable(surface):
        raise TypeError(f"surface is {surface!r}; give a function of two arrays.")
    paths = _options.mapping("paths", paths, "names of optimisers to arrays")
    if not 1 <= len(paths) <= len(_LOOKS):
        raise ValueError(f"there are {len(paths)} paths; give 1 to {len(_LOOKS)}.")
    walks = {name: _walk(name, path) for name, path in paths.items()}
    x_range, y_range = _range("x_range", x_range), _range("y_range", y_range)
    if minimum is not None:
        point = _options.numbers("minimum", minimum)
        if point.shape != (2,) or not np.isfinite(point).all():
            raise ValueError(f"minimum is {minimum!r}; give its two coordinates.")

    a, b = np.meshgrid(np.linspace(*x_range, 201), np.linspace(*y_range, 201))
    losses = _options.numbers("what surface gives", surface(a, b)).astype(float)
    if losses.shape != a.shape or not np.isfinite(losses).all():
        what = "not finite" if losses.shape == a.shape else f"of shape {losses.shape}"
        raise ValueError(
            f"surface gave losses {what} for two arrays of shape {a.shape}; it must return one "
            "finite loss per point."
        )
    if not np.isfinite(float(losses.max()) - float(losses.min())):
        raise ValueError(
            f"surface gave losses from {losses.min()} to {losses.max()}, which are too far apart; "
            "choose smaller ranges, or divide the loss."
        )

    figure, axis = plt.subplots(figsize=(6.0, 4.6))
    height = losses - losses.min()
    if height.max() > np.finfo(float).tiny / np.finfo(float).eps:
        # The lowest contour holds one point of a hundred, so that the valley has a shape.
        lowest = max(np.quantile(height, 0.01), 1e-4 * height.max())
        if lowest > 0.9 * height.max():  # nearly all points are on a plateau
            lowest = 0.1 * height.max()
        levels = [0, *np.geomspace(lowest, height.max(), _LEVELS)]
        greys = plt.get_cmap("Greys")(np.linspace(0.02, 0.34, _LEVELS))
        axis.contourf(a, b, height, levels=levels, colors=greys)
        axis.contour(a, b, height, levels=levels[1:-1], colors="0.6", linewidths=0.5)
    curves = []
    for (name, walk), (colour, style, marker) in zip(walks.items(), _LOOKS, strict=False):
        curves += axis.plot(
            *walk.T,
            label=name,
            color=colour,
            linestyle=style,
            marker=marker,
            markersize=4,
            markevery=max(1, len(walk) // 10),
            linewidth=1.6,
            path_effects=[patheffects.withStroke(linewidth=2.8, foreground="white", alpha=0.7)],
            zorder=3,
        )
        axis.plot(*walk[0], "o", markersize=11, markerfacecolor="none", markeredgecolor="black")
        if len(walk) == len(paths[name]):  # where it ended, and not where it was lost
            axis.plot(
                *walk[-1],
                marker,
                color=colour,
                markersize=9,
                markeredgecolor="white",
                zorder=4,
            )
    for x, y in np.unique([walk[0] for walk in walks.values()], axis=0):
        below = y > y_range[0] + 0.9 * (y_range[1] - y_range[0])  # no room above it
        axis.annotate(
            "start",
            (x, y),
            xytext=(0, -8 if below else 8),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            fontsize=_FONT,
            path_effects=[patheffects.withStroke(linewidth=2.5, foreground="white")],
            zorder=5,
        )
    if minimum is not None:
        axis.plot(
            *minimum, "*", color="#F0E442", markersize=16, markeredgecolor="black", zorder=2.5
        )
    axis.set(xlim=x_range, ylim=y_range, xlabel="first parameter", ylabel="second parameter")
    headline(axis, title)
    if (places := _room(walks, x_range, y_range, minimum)) is not None:
        for (name, (x, y)), (colour, *_) in zip(places.items(), _LOOKS, strict=False):
            axis.text(
                x,
                y,
                name,
                color=colour,
                ha="center",
                va="center",
                fontsize=_FONT,
                fontweight="bold",
                transform=axis.transAxes,
                path_effects=[patheffects.withStroke(linewidth=2.5, foreground="white")],
                zorder=5,
                **AS_WRITTEN,
            )
    else:
        columns = 3 if max(map(len, walks)) < 16 else 2
        legend(
            figure,
            curves,
            list(walks),
            loc="outside lower center",
            ncols=columns,
            fontsize=_FONT,
            handlelength=3.2,
            columnspacing=1.2,
        )
        figure.set_figheight(4.4 + 0.26 * -(-len(walks) // columns))
    return figure


def _walk(name: str, path) -> np.ndarray:
    """Return a path up to its first value that is not finite."""
    walk = _options.numbers(f"the path {name}", path).astype(float)
    if walk.ndim != 2 or walk.shape[1] != 2 or not len(walk):
        raise ValueError(
            f"the path {name} has shape {walk.shape}; it must be (steps + 1, 2): one row per "
            "position, the start first."
        )
    lost = ~np.isfinite(walk).all(axis=1)
    if lost[0]:
        raise ValueError(f"the path {name} starts at {walk[0].tolist()}, which is not finite.")
    return walk[: lost.argmax()] if lost.any() else walk


def _range(name: str, values) -> tuple[float, float]:
    pair = _options.numbers(name, values).astype(float)
    if pair.shape != (2,) or not np.isfinite(pair).all() or not pair[0] < pair[1]:
        raise ValueError(f"{name} is {values!r}; give two numbers, the smaller one first.")
    # Between neighbours there is no room for points, and figures have no room for more.
    if not 1e-12 * np.abs(pair).max() < float(pair[1]) - float(pair[0]) < 1e100:
        raise ValueError(f"{name} is {values!r}; its ends are too close together or too far apart.")
    return float(pair[0]), float(pair[1])


def _room(walks, x_range, y_range, minimum) -> dict[str, tuple[float, float]] | None:
    """Find a place for each name beside the end of its path, or None if one has no room.

    Places are centres, as shares of the width and height of the panel.
    """
    corner = np.array([x_range[0], y_range[0]])
    scale = np.array([x_range[1] - x_range[0], y_range[1] - y_range[0]])
    marks = [walk[0] + scale * (0, 0.06) for walk in walks.values()]  # where it says "start"
    marks += [] if minimum is None else [minimum]
    taken = [(np.asarray(marks) - corner) / scale]
    for walk in walks.values():
        inner = np.linspace(0, len(walk) - 1, 20 * len(walk))
        steps = np.arange(len(walk))
        points = np.stack([np.interp(inner, steps, walk[:, axis]) for axis in (0, 1)], axis=1)
        taken.append((points - corner) / scale)
    taken = np.concatenate(taken)

    places: dict[str, tuple[float, float]] = {}
    for name, walk in walks.items():
        end = (walk[-1] - corner) / scale
        # Half the width and height of the name, in a panel of about 5.0 by 3.7 inches.
        half = np.array([0.31 * len(name) * _FONT / 72 / 5.0, 0.7 * _FONT / 72 / 3.7])
        for side in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            centre = end + np.array(side) * (half + 0.03)
            free = (centre - half > 0).all() and (centre + half < 1).all()
            if free and not (np.abs(taken - centre) < half + 0.012).all(axis=1).any():
                places[name] = (float(centre[0]), float(centre[1]))
                box = np.stack(np.meshgrid(*np.linspace(centre - half, centre + half, 9).T))
                taken = np.concatenate([taken, box.reshape(2, -1).T])
                break
        else:
            return None
    return places
