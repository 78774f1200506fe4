"""Interactive figures that run or train a model in the reader's browser.

Each function returns an object that Jupyter displays as HTML. The HTML contains the model's
weights, or the settings of a network to train, and the JavaScript that computes with them. It
needs no server and no downloads, and works in the built book, in JupyterLab and in Colab.
"""

from coursekit.live._descent import descent_figure
from coursekit.live._digit import digit_figure
from coursekit.live._figure import LiveFigure
from coursekit.live._kernel import kernel_figure
from coursekit.live._playground import playground
from coursekit.live._threshold import threshold_figure

__all__ = [
    "LiveFigure",
    "descent_figure",
    "digit_figure",
    "kernel_figure",
    "playground",
    "threshold_figure",
]
