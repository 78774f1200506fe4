"""The figures that more than one chapter draws, and the one style they share."""

from coursekit.plotting._history import plot_history
from coursekit.plotting._style import COLOURS, use_style

__all__ = ["COLOURS", "plot_history", "use_style"]
