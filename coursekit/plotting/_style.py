"""One style for all figures: colours with a meaning, sizes that survive a phone."""

from __future__ import annotations

from cycler import cycler

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


def use_style() -> None:
    """Give every matplotlib figure of this session the style of the book."""
    import matplotlib as mpl

    mpl.rcParams.update(_SETTINGS)
