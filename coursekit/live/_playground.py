"""An interactive figure: train a small network in the page and watch what it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.datasets.iris import load_iris
from coursekit.datasets.threshold import THRESHOLD
from coursekit.live._figure import LiveFigure, compose
from coursekit.plotting import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What a reader can choose from.
OPTIONS: dict[str, tuple] = {
    "data": ("threshold3", "threshold2", "iris", "spirals", "circles"),
    "rows": (20, 50, 100, 200, 500, 1000),
    "noise": (0, 0.02, 0.05, 0.1, 0.15, 0.2),
    "layers": (0, 1, 2, 3, 4),
    "units": (1, 2, 3, 4, 6, 8, 16, 32),
    "activation": ("relu", "tanh", "sigmoid", "linear"),
    "dropout": (0, 0.1, 0.2, 0.3, 0.5, 0.8),
    "l2": (0, 0.0001, 0.001, 0.01, 0.1),
    "optimiser": ("sgd", "momentum", "rmsprop", "adam"),
    "rate": (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
    "batch": (1, 8, 16, 32, 64, 128, 1000),
    "seed": tuple(range(1, 11)),
}
_START = dict(data="circles", rows=200, noise=0.02, layers=2, units=8, activation="relu")
_START |= dict(dropout=0, l2=0, optimiser="adam", rate=0.01, batch=32, seed=1)
_OVERFITTING = dict(data="spirals", rows=50, noise=0.1, layers=3, units=32)

# Settings that differ from those to start with, and a sentence that says what to look at.
PRESETS: dict[str, dict] = {
    "start": dict(
        look="While the network trains, the border between the two colours closes around the "
        "inner points.",
    ),
    "threshold rule": dict(
        look="While the network trains, the border between the two colours turns until it lies "
        "on the dashed line.",
        data="threshold3",
        rows=500,
        layers=1,
        units=16,
    ),
    "missing input": dict(
        look="The class depends on a, b and c, but the network sees only a and b. However long "
        "it trains, both losses stay high.",
        data="threshold2",
        rows=500,
    ),
    "iris": dict(
        look="Two species overlap. Where does the network stay undecided (white), and which "
        "flowers lie there?",
        data="iris",
        rows=100,
        noise=0,
        layers=1,
    ),
    "spirals": dict(
        look="Compare the units of the first hidden layer with those of the last: the last ones "
        "follow the spirals.",
        data="spirals",
        rows=500,
        layers=3,
        units=16,
    ),
    "no hidden layer": dict(
        look="Without a hidden layer, the border is a straight line. How many examples does it "
        "get right?",
        layers=0,
    ),
    "no activation": dict(
        look="Three hidden layers, but with the activation linear: the border is still a "
        "straight line.",
        layers=3,
        activation="linear",
    ),
    "too few units": dict(
        look="Two hidden units allow the border two bends. That is too few for spirals.",
        data="spirals",
        layers=1,
        units=2,
    ),
    "learning rate too large": dict(
        look="The loss jumps instead of falling: each step is too long. Train for 50 epochs, press "
        "Keep this run, and try 0.1.",
        optimiser="sgd",
        rate=3,
    ),
    "learning rate too small": dict(
        look="The loss falls, but so slowly that 100 epochs teach the network little. Then press "
        "Keep this run, and try 0.1.",
        optimiser="sgd",
        rate=0.001,
    ),
    "overfitting": dict(
        look="The training loss goes on falling. At which epoch does the validation loss begin "
        "to rise?",
        **_OVERFITTING,
    ),
    "dropout": dict(
        look="Train for 200 epochs, press Keep this run, and set dropout to 0. Which validation "
        "loss rises less?",
        **_OVERFITTING,
        dropout=0.3,
    ),
    "L2 penalty": dict(
        look="The loss includes the penalty. Train for 200 epochs, press Keep this run, and set "
        "the penalty to 0. Which validation loss rises less?",
        **_OVERFITTING,
        l2=0.001,
    ),
}


def playground(preset: str = "start", *, running: bool = False, **settings) -> LiveFigure:
    """Return a figure in which readers train a small network in their browser.

    Parameters
    ----------
    preset : str
        Which settings to begin with: ``"start"``, ``"threshold rule"``, ``"missing input"``,
        ``"iris"``, ``"spirals"``, ``"no hidden layer"``, ``"no activation"``, ``"too few
        units"``, ``"learning rate too large"``, ``"learning rate too small"``,
        ``"overfitting"``, ``"dropout"`` or ``"L2 penalty"``.
    running : bool
        Whether to train at once, with the settings folded. Readers who have asked their
        system for less motion press Start themselves.
    **settings
        Settings that differ from the preset, such as ``rate=0.03``: ``data``, ``rows``,
        ``noise``, ``layers``, ``units``, ``activation``, ``dropout``, ``l2``, ``optimiser``,
        ``rate``, ``batch``, ``seed``. An error message lists the values of each. ``look`` is
        the sentence above the figure.

    Returns
    -------
    LiveFigure
        The figure, which a notebook displays. A seed gives every reader the same run.

    Raises
    ------
    TypeError
        If there is no such setting.
    ValueError
        If there is no such preset, or no such value of a setting.

    Examples
    --------
    >>> playground("overfitting", rows=100).title
    'Train a network in the page'
    """
    changes = PRESETS[_options.one_of("preset", preset, PRESETS)] | settings
    look = _options.text("look", changes.pop("look"))
    chosen = dict(_START)
    for name, value in changes.items():
        if name not in OPTIONS:
            raise TypeError(f"{name} is not a setting. The settings are {', '.join(OPTIONS)}.")
        if isinstance(value, bool) or value not in OPTIONS[name]:
            values = ", ".join(map(str, OPTIONS[name]))
            raise ValueError(f"{name} is {_options.shown(value)}; it must be one of {values}.")
        chosen[name] = value
    iris = load_iris()
    flowers = (10 * iris[["petal_length", "petal_width"]]).round().astype(int)  # millimetres
    return compose(
        "playground",
        {
            "preset": preset,
            "settings": chosen,
            "options": OPTIONS,
            "look": look,
            "running": _options.flag("running", running),
            "iris": flowers.assign(species=iris["species"].cat.codes).to_numpy().tolist(),
        },
        title="Train a network in the page",
        alt="The examples that the network learns to classify, as points in a plane. Each class "
        "has a colour and a shape of its own.",
        draw=lambda: _draw(chosen["data"]),
        before=("trainer.js", "engine.js"),
    )


def _draw(data: str) -> Figure:
    """Draw points as the page draws them: the same kind, not the same points."""
    from matplotlib.figure import Figure

    rng = np.random.default_rng(1)
    labels, part = rng.integers(0, 2, 300), rng.random(300)
    names = ("x", "y")
    if data == "iris":
        iris, names = load_iris(), ("petal length (cm)", "petal width (cm)")
        points, labels = iris[["petal_length", "petal_width"]].to_numpy(), iris["species"].cat.codes
    elif data in ("circles", "spirals"):
        turns = 2 * np.pi * rng.random(300)
        radius = np.where(labels, 0.65 + 0.3 * part, 0.45 * np.sqrt(part))
        if data == "spirals":
            radius, turns = np.sqrt(part), np.pi * (2.6 * np.sqrt(part) + labels)
        points = np.column_stack([radius * np.cos(turns), radius * np.sin(turns)])
    else:
        points, names = rng.random((300, 3)), ("a", "b")
        labels = points.sum(axis=1) > THRESHOLD
    figure = Figure(figsize=(4.4, 4.0))
    axis = figure.subplots()
    for label, colour in enumerate((COLOURS["class_0"], COLOURS["class_1"], "#F0E442")):
        x, y = points[labels == label][:, :2].T
        axis.scatter(x, y, color=colour, marker="os^"[label], edgecolors="#222222")
    axis.set(xlabel=names[0], ylabel=names[1])
    return figure
