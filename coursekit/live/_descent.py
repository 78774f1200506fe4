"""An interactive figure: gradient descent on the loss of one weight, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.live._figure import LiveFigure, compose
from coursekit.plotting import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def descent_figure(
    x: np.ndarray, y: np.ndarray, *, weight: float = 0.0, rate: float = 0.02
) -> LiveFigure:
    """Return a figure in which readers take steps of gradient descent with one weight.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Inputs and targets. The loss is the mean squared error of ``w * x``.
    weight, rate : float
        Weight and learning rate to begin with; the rate must be above 0.

    Returns
    -------
    LiveFigure
        The figure, which a notebook displays.

    Raises
    ------
    ValueError
        If the arrays have not the same length, are not finite, or the best weight is 0.
    """
    x, y = (_options.numbers(*pair).astype(float) for pair in (("x", x), ("y", y)))
    if x.ndim != 1 or x.shape != y.shape or not 0 < np.abs(np.sum(x * y)) < np.inf:
        raise ValueError(
            f"x and y have shapes {x.shape} and {y.shape}; they must be (n,) and (n,), finite, "
            "and the sum of their products not 0."
        )
    weight = _options.number("weight", weight, "a finite number", np.isfinite)
    rate = _options.number("rate", rate, "above 0", lambda value: 0 < value < np.inf)
    best = float(np.mean(x * y) / np.mean(x**2))
    return compose(
        "descent",
        {"x": x.tolist(), "y": y.tolist(), "weight": weight, "rate": rate},
        title="Take steps of gradient descent",
        alt=f"The loss over the weight is a parabola with its lowest point at {best:.3f}. A dashed "
        f"line touches it at {weight:g}, and an arrow leads from there to the next weight.",
        draw=lambda: _draw(x, y, best, weight, rate),
    )


def _draw(x: np.ndarray, y: np.ndarray, best: float, weight: float, rate: float) -> Figure:
    from matplotlib.figure import Figure

    def loss(w):
        return np.mean((np.multiply.outer(w, x) - y) ** 2, axis=-1)

    slope = np.mean(2 * (weight * x - y) * x)
    reach = 1.25 * max(abs(weight - best), abs(best))
    ws = np.linspace(best - reach, best + reach, 99)
    figure = Figure(figsize=(5.6, 3.4))
    axis = figure.subplots()
    axis.plot(ws, loss(ws), color=COLOURS["train"])
    top = axis.get_ylim()
    axis.plot(ws, loss(weight) + slope * (ws - weight), "--", color=COLOURS["neutral"])
    after = weight - rate * slope
    axis.annotate(
        "", (after, loss(weight)), (weight, loss(weight)), arrowprops={"arrowstyle": "->"}
    )
    axis.plot([weight, after], loss(np.array([weight, after])), "o", color="black")
    axis.set(xlabel="weight w", ylabel="loss (mean squared error)", ylim=top)
    return figure
