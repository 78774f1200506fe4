"""Figures that compute in the reader's browser, from models trained when a page is made.

Each function returns an object that Jupyter shows: HTML that holds the model's weights and the
JavaScript that computes with them. It loads nothing, asks no server, and works in the built
book, in JupyterLab and in Colab alike.
"""

from coursekit.live._digit import digit_figure
from coursekit.live._figure import LiveFigure
from coursekit.live._kernel import kernel_figure
from coursekit.live._threshold import threshold_figure

__all__ = ["LiveFigure", "digit_figure", "kernel_figure", "threshold_figure"]
