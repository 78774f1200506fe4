"""Self-contained HTML for interactive figures: data, code and style in one fragment."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from coursekit.plotting import use_style

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class LiveFigure:
    """An interactive figure that computes in the reader's browser.

    Jupyter displays it if it is the last expression of a cell.

    Attributes
    ----------
    title : str
        A short title, which screen readers read.
    html : str
        The complete figure, as an HTML fragment that loads nothing.
    """

    title: str
    html: str = field(compare=False)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"LiveFigure({self.title!r}, {len(self.html) / 1000:,.0f} kB; a notebook shows it)"


def compose(
    kind: str,
    data: dict,
    *,
    title: str,
    alt: str,
    draw: Callable[[], Figure],
    before: tuple[str, ...] = (),
) -> LiveFigure:
    """Build the HTML of an interactive figure.

    Parameters
    ----------
    kind : str
        ``"digit"``, ``"kernel"``, ``"playground"`` or ``"threshold"``: names the JavaScript
        file and the function in it, ``digitFigure`` for example, and a style sheet if there
        is one.
    data : dict
        What that function receives besides its HTML element; must be serialisable as JSON.
    title : str
        Title of the figure, for screen readers.
    alt : str
        Alternative text of the static picture.
    draw : callable
        Draws the static picture, for readers without JavaScript.
    before : tuple of str
        JavaScript files that the figure's own file needs.

    Returns
    -------
    LiveFigure
        Identical HTML for identical arguments.
    """
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    identifier = f"coursekit-{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    picture, width, height = _png(draw)
    styles = [name for name in ("live.css", f"{kind}.css") if _file(name).is_file()]
    return LiveFigure(
        title,
        _read("figure.html").format(
            id=identifier,
            kind=kind,
            title=html.escape(title),
            css="".join(map(_read_minified, styles)),
            picture=picture,
            width=width,
            height=height,
            alt=html.escape(alt),
            shared=_read_minified("live.js"),
            own="".join(map(_read_minified, (*before, f"{kind}.js"))),
            # Inside a script element, "</" could end it and "<!--" hide the rest.
            data=text.replace("<", "\\u003c"),
        ),
    )


def _file(name: str) -> Traversable:
    return resources.files(__package__).joinpath(name)


def _read(name: str) -> str:
    return _file(name).read_text(encoding="utf-8")


def _read_minified(name: str) -> str:
    """Read a file of this package without its comments and indentation."""
    text = re.sub(r"/\*.*?\*/", "", _read(name), flags=re.DOTALL)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


def _png(draw: Callable[[], Figure]) -> tuple[str, int, int]:
    """Draw in the book's style; return the PNG as base64, and its size in CSS pixels."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image  # matplotlib's own requirement

    with mpl.rc_context():
        use_style()
        figure = draw()
        figure.set_dpi(100)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    # All readers download it and few see it: 32 colours take a quarter of the bytes.
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).quantize(32)
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return base64.b64encode(buffer.getvalue()).decode("ascii"), width, height
