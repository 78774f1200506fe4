"""Write what grading found: a gradebook, feedback, and a page that sums it up.

What a submission printed, drew or called itself is shown as text, and pictures as pictures;
none of it is ever taken for HTML.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

import coursekit

SCHEMA = 1
PNG = b"\x89PNG\r\n\x1a\n"
BARS = 10
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def write_atomically(path: Path, content: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(content, encoding="utf-8", errors="replace")
    os.replace(part, path)


def feedback(row: Mapping[str, Any], *, show_hidden: bool = False) -> str:
    """Return one student's page."""
    return (
        _environment()
        .get_template("feedback.html")
        .render(
            title=f"{row['student']}: {row['set']}",
            student=row["student"],
            path=row["path"],
            outcome=row,
            show_hidden=show_hidden,
        )
    )


def summary(rows: Iterable[Mapping[str, Any]], sandbox: Mapping[str, str], missing: list) -> str:
    """Return the page that sums up all notebooks."""
    rows = list(rows)
    groups = []
    for name in sorted({row["set"] for row in rows}):
        group = [row for row in rows if row["set"] == name]
        groups.append(
            {
                "name": name,
                "rows": group,
                "histogram": _histogram(group) if name else [],
                "failed": _most_failed(group),
            }
        )
    return (
        _environment()
        .get_template("summary.html")
        .render(title="Grades", rows=rows, groups=groups, sandbox=sandbox, missing=missing)
    )


def grades(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the gradebook: a row per notebook, with a column for each check."""
    lines = []
    for row in rows:
        line = {name: row[name] for name in ("student", "set", "points", "possible", "status")}
        line["remarks"] = "; ".join(row["remarks"])
        line["file"] = row["path"]
        line |= {check["id"]: check["earned"] for check in row["checks"]}
        lines.append({name: _harmless(value) for name, value in line.items()})
    return pd.DataFrame(lines)


def results(rows: Iterable[Mapping[str, Any]], about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``results.json`` holds; its form is documented in the course."""
    names = ("student", "path", "set", "status", "points", "possible", "remarks", "checks",
             "seconds")  # fmt: skip
    return {
        "schema": SCHEMA,
        "coursekit": coursekit.__version__,
        **about,
        "submissions": [{name: row[name] for name in names} for row in rows],
    }


def gradescope(row: Mapping[str, Any], *, show_hidden: bool = False) -> dict[str, Any]:
    """Return one notebook's results in the form that Gradescope reads."""
    tests = []
    for check in row["checks"]:
        shown = show_hidden or not check["hidden"]
        tests.append(
            {
                "name": f"{check['id']} {check['title']}",
                "score": check["earned"],
                "max_score": check["points"],
                "output": check["message"] if shown else "",
                "visibility": "visible",
            }
        )
    return {"score": row["points"], "output": "\n".join(row["remarks"]), "tests": tests}


def _harmless(value: Any) -> Any:
    """Keep spreadsheets from taking a student's text for a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


def _histogram(rows: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    possible = max(row["possible"] for row in rows)
    if not possible:
        return []
    bars = min(BARS, int(possible)) or 1
    counts = Counter(min(bars - 1, int(bars * row["points"] / possible)) for row in rows)
    most = max(counts.values())
    edges = [possible * bar / bars for bar in range(bars + 1)]
    return [
        {
            "label": f"{edges[bar]:.3g} to {edges[bar + 1]:.3g}",
            "count": counts[bar],
            "width": round(100 * counts[bar] / most),
        }
        for bar in range(bars)
    ]


def _most_failed(rows: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    failed: dict[str, dict[str, Any]] = {}
    for row in rows:
        for check in row["checks"]:
            if check["passed"] is False:
                entry = failed.setdefault(
                    check["id"], {"id": check["id"], "title": check["title"], "messages": Counter()}
                )
                entry["messages"][check["message"]] += 1
    for entry in failed.values():
        entry["count"] = entry["messages"].total()
        entry["message"] = entry.pop("messages").most_common(1)[0][0]
    return sorted(failed.values(), key=lambda entry: (-entry["count"], entry["id"]))


_made: jinja2.Environment | None = None


def _environment() -> jinja2.Environment:
    global _made
    if _made is None:
        _made = jinja2.Environment(
            loader=jinja2.PackageLoader("coursekit.grading"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        _made.filters |= {
            "markdown": _markdown,
            "code": _code,
            "output": _output,
            "mood": lambda check: {True: "good", False: "bad", None: "wait"}[check["passed"]],
            "mark": lambda check: {True: "✔", False: "✘", None: "…"}[check["passed"]],
        }
    return _made


_text = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "html_inline"])


def _markdown(source: str) -> Markup:
    return Markup(_text.render(source))


def _code(source: str) -> Markup:
    if len(source) > 50_000:
        return escape(source)
    return Markup(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True, noclasses=True)))


def as_a_terminal_shows_it(text: str) -> str:
    """Apply carriage returns and backspaces, as of progress bars, and drop colours."""
    lines = []
    for line in COLOURS.sub("", text).split("\n"):
        shown: list[str] = []
        place = 0
        for part in re.split("([\r\b])", line):
            if part == "\r":
                place = 0
            elif part == "\b":
                place = max(0, place - 1)
            else:
                shown[place : place + len(part)] = part
                place += len(part)
        lines.append("".join(shown))
    return CONTROL.sub("", "\n".join(lines))


def _output(output: Mapping[str, Any]) -> Markup:
    """Show one output: as text, or as a picture if it is one."""
    kind = output.get("type")
    if kind == "stream":
        return Markup('<pre class="output">{}</pre>').format(_text_of(output, "text"))
    if kind == "error":
        return Markup('<pre class="output error">{}</pre>').format(_text_of(output, "traceback"))
    data = output.get("data")
    if not isinstance(data, Mapping):
        return Markup("")
    picture = data.get("image/png")
    if isinstance(picture, str):
        try:
            content = base64.b64decode(picture.replace("\n", ""), validate=True)
        except (binascii.Error, ValueError):
            content = b""
        if content.startswith(PNG):
            encoded = base64.b64encode(content).decode()
            return Markup('<p><img alt="a figure of this cell" src="data:image/png;base64,{}"></p>'
                          ).format(encoded)  # fmt: skip
    return Markup('<pre class="output">{}</pre>').format(_text_of(data, "text/plain"))


def _text_of(output: Mapping[str, Any], name: str) -> str:
    return as_a_terminal_shows_it(str(output.get(name, "")))


def dump(value: Any) -> str:
    """Return JSON as it is written to files: readable, and the same for the same value."""
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
