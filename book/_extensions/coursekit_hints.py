"""Insert the hints for a task below the cell that checks it, folded one into the other.

The hints are declared with the check (``coursekit.exercises.declare``), where ``hint("2-A.3")``
finds them, too. The second can be unfolded only after the first, and the third after the second.
"""

from __future__ import annotations

import html
import inspect
import re

from docutils import nodes

from coursekit.exercises import every

CALL = re.compile(r'^check\(\s*"([^"]+)"')


def folded(hints: tuple[str, ...]) -> str:
    """Return HTML that unfolds the hints one after the other; backticks mark code."""
    inner = ""
    for number in range(len(hints), 0, -1):
        text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(hints[number - 1], quote=False))
        inner = (
            f'<details class="hint"><summary>Hint {number} of {len(hints)}</summary>'
            f"<p>{text}</p>{inner}</details>"
        )
    return inner


def insert_hints(app, doctree: nodes.document) -> None:
    """Insert the hints after each code cell that calls a check which has some."""
    checks = None
    for block in list(doctree.findall(nodes.literal_block)):
        called = CALL.match(block.astext())
        if not called:
            continue
        checks = checks or every()
        cell = block
        while cell is not None and "cell" not in cell.get("classes", ()):
            cell = cell.parent if isinstance(cell.parent, nodes.Element) else None
        found = checks.get(called[1])
        if cell is None or found is None or not found.hints:
            continue
        app.env.note_dependency(inspect.getfile(inspect.unwrap(found.judge)))
        position = cell.parent.index(cell)
        cell.parent.insert(position + 1, nodes.raw("", folded(found.hints), format="html"))


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect("doctree-read", insert_hints)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
