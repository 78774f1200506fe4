"""The style of all figures: colours with fixed meanings, and sizes readable on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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

# For text from elsewhere: a dollar sign does not start a formula.
PLAIN_TEXT = {"parse_math": False, "usetex": False}


def headline(target: Axes | Figure, title: str) -> None:
    """Write a title above one panel, or above a figure of several panels."""
    if not title:
        return
    if hasattr(target, "suptitle"):
        target.suptitle(title, x=0.02, ha="left", fontsize=12, **PLAIN_TEXT)
    else:
        target.set_title(title, **PLAIN_TEXT)


def legend(target: Axes | Figure, curves: Sequence, names: Sequence[str], **options) -> None:
    """Add a legend whose names may start with an underscore or contain dollar signs."""
    # matplotlib leaves out names that begin with an underscore, so set the names afterwards.
    made = target.legend(curves, [str(index) for index in range(len(names))], **options)
    for text, name in zip(made.get_texts(), names, strict=True):
        text.set(text=name, **PLAIN_TEXT)


def use_style() -> None:
    """Apply the style of the book to all matplotlib figures of this session."""
    from matplotlib import style

    style.use("coursekit.plotting.book")
