"""The style of all figures: colours with fixed meanings, and sizes readable on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cycler import cycler

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

# The first three and the class colours are from the colour-blind-safe Okabe-Ito palette.
COLOURS = {
    "train": "#0072B2",  # blue
    "validation": "#D55E00",  # orange
    "test": "#009E73",  # green
    "neutral": "#5F5F5F",
    "positive": "#2166AC",  # weights above zero
    "negative": "#B2182B",  # weights below zero
    "class_0": "#56B4E9",  # light blue
    "class_1": "#CC79A7",  # pink
}

# A page shows a figure up to 700 px wide, a phone 350 px. At 6 inches and 12 points,
# text on the phone is still as large as a caption.
_SETTINGS = {
    "figure.figsize": (6.0, 3.8),
    "figure.dpi": 140,
    "figure.constrained_layout.use": True,
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(
        color=[COLOURS[name] for name in ("train", "validation", "test", "class_0", "class_1")]
    ),
    "lines.linewidth": 2,
    "legend.frameon": False,
}

# For text from elsewhere: a dollar sign does not start a formula.
PLAIN_TEXT = {"parse_math": False, "usetex": False}


def headline(target: Axes | Figure, title: str, **options) -> None:
    """Write a title above one panel, or above a figure of several panels."""
    if not title:
        return
    if hasattr(target, "suptitle"):
        target.suptitle(title, x=0.02, ha="left", fontsize=12, **PLAIN_TEXT)
    else:
        target.set_title(title, **options, **PLAIN_TEXT)


def label_axes(axis: Axes, x: str | None = None, y: str | None = None) -> None:
    """Label the axes of a panel."""
    if x is not None:
        axis.set_xlabel(x, **PLAIN_TEXT)
    if y is not None:
        axis.set_ylabel(y, **PLAIN_TEXT)


def legend(target: Axes | Figure, curves: Sequence, names: Sequence[str], **options) -> Legend:
    """Add a legend whose names may start with an underscore or contain dollar signs."""
    # matplotlib leaves out names that begin with an underscore, so set the names afterwards.
    made = target.legend(curves, [str(index) for index in range(len(names))], **options)
    for text, name in zip(made.get_texts(), names, strict=True):
        text.set(text=name, **PLAIN_TEXT)
    return made


def use_style() -> None:
    """Apply the style of the book to all matplotlib figures of this session."""
    import matplotlib as mpl

    mpl.rcParams.update(_SETTINGS)
