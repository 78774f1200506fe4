"""One style for all figures: colours with a meaning, sizes that survive a phone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cycler import cycler

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

# From the Okabe-Ito palette, which readers with any colour vision tell apart.
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
# text is still as large as a caption on the phone.
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

# For text that others have written: a dollar is a dollar, and not the beginning of a formula.
AS_WRITTEN = {"parse_math": False, "usetex": False}


def headline(place: Axes | Figure, title: str, **options) -> None:
    """Write the finding above one panel, or above a figure of several."""
    if not title:
        return
    if hasattr(place, "suptitle"):
        place.suptitle(title, x=0.02, ha="left", fontsize=12, **AS_WRITTEN)
    else:
        place.set_title(title, **options, **AS_WRITTEN)


def name_axes(axis: Axes, x: str | None = None, y: str | None = None) -> None:
    """Write what the axes of a panel show."""
    if x is not None:
        axis.set_xlabel(x, **AS_WRITTEN)
    if y is not None:
        axis.set_ylabel(y, **AS_WRITTEN)


def legend(place: Axes | Figure, curves: Sequence, names: Sequence[str], **options) -> Legend:
    """Name curves as their names are written, whatever letter they begin with."""
    # matplotlib leaves out names that begin with an underscore, so they come afterwards.
    made = place.legend(curves, [str(place) for place in range(len(names))], **options)
    for text, name in zip(made.get_texts(), names, strict=True):
        text.set(text=name, **AS_WRITTEN)
    return made


def use_style() -> None:
    """Give every matplotlib figure of this session the style of the book."""
    import matplotlib as mpl

    mpl.rcParams.update(_SETTINGS)
