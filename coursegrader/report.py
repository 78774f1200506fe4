"""Write what grading found: a gradebook, feedback, and a page that sums it up.

What a submission printed, drew or called itself is shown as text, and pictures as pictures;
none of it is ever taken for HTML. All of it is bounded, too: :func:`bounded` is the one place
through which whatever is kept or shown has to go.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
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
from coursegrader.outcomes import CellOutcome, CheckOutcome, Output, SubmissionOutcome

SCHEMA = 1
PNG = b"\x89PNG\r\n\x1a\n"
BARS = 10
ANSI_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
WAITS = "waits for a person"

# The most that is kept of one submission, in characters where it is not said otherwise.
MOST_REMARKS = 50
LONGEST_REMARK = 500
LONGEST_MESSAGE = 2000
LONGEST_NAME = 500
LONGEST_SOURCE = 100_000
LONGEST_OUTPUT = 100_000
MOST_TEXT = 2_000_000  # of all cells and outputs together
MOST_CELLS = 500  # cells that are graded are shown whatever their number
MOST_OUTPUTS = 1000
MOST_PICTURES = 50
MOST_PICTURE_BYTES = 4 << 20  # of all pictures together, as they are written: in base64
REMARKS_IN_TABLE = 2000
REMARKS_IN_SUMMARY = 300

# The most that is rendered; what is longer is shown as plain text. The worst that was found for a
# cell of 5,000 characters of Markdown takes 0.17 s (20 quotes in each other, then lines that go
# on with them) and 15 MB ("_*a" over and over), and grows to 0.39 s and 54 MB for 10,000. That
# is without definitions of links, which take 0.24 s for 2,000 characters and grow with the cube
# of their number, and without large tables, which grow with columns times rows: 2.1 s and 124 MB
# for 2,000 characters. 10,000 characters of Python take 0.4 s at most ("\N{" in a text).
LONGEST_MARKDOWN = 5_000
LARGEST_TABLE = 1000  # bars of the widest line, times lines
LONGEST_CODE = 10_000
MOST_MARKDOWN = 60_000  # of a page
MOST_CODE = 60_000


def write_atomically(path: Path, content: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(content, encoding="utf-8", errors="replace")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def clip(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters that can be written down as UTF-8."""
    text = text[:most] if len(text) <= most else text[: most - 1] + "…"
    # Half a character, as of a file name that is no UTF-8, is written by nobody.
    return text.encode("utf-8", "replace").decode("utf-8")


def bounded(outcome: SubmissionOutcome) -> SubmissionOutcome:
    """Return what is kept of one outcome: its texts shortened, and only so many of them.

    What is returned is returned unchanged if it is given once more.
    """
    return replace(
        outcome,
        set=clip(outcome.set, LONGEST_NAME),
        student=clip(outcome.student, LONGEST_NAME),
        path=clip(outcome.path, LONGEST_NAME),
        checks=tuple(
            replace(
                check,
                id=clip(check.id, LONGEST_NAME),
                title=clip(check.title, LONGEST_NAME),
                message=clip(check.message, LONGEST_MESSAGE),
            )
            for check in outcome.checks
        ),
        remarks=_bounded_remarks(outcome.remarks),
        cells=_bounded_cells(outcome.cells),
    )


def _bounded_remarks(remarks: Sequence[str]) -> tuple[str, ...]:
    kept = [clip(remark, LONGEST_REMARK) for remark in remarks]
    if len(kept) > MOST_REMARKS + 1:
        kept = [*kept[:MOST_REMARKS], f"and {len(kept) - MOST_REMARKS} more"]
    return tuple(kept)


def _bounded_cells(cells: Iterable[CellOutcome]) -> tuple[CellOutcome, ...]:
    """Return what a page can show of the cells."""
    kept, plain, budget = [], 0, _DisplayBudget()
    for cell in cells:
        if cell.check is None and cell.kind != "note":
            plain += 1
            if plain > MOST_CELLS:
                continue
        kept.append(
            replace(
                cell,
                kind=clip(cell.kind, LONGEST_NAME),
                source=budget.text(cell.source, LONGEST_SOURCE),
                outputs=budget.outputs(cell.outputs),
                status=clip(cell.status, LONGEST_NAME),
            )
        )
    if plain > MOST_CELLS:
        kept.append(CellOutcome("note", f"{plain - MOST_CELLS} more cells are not shown."))
    return tuple(kept)


class _DisplayBudget:
    """How much of one submission may still be shown."""

    def __init__(self) -> None:
        self.characters, self.places = MOST_TEXT, MOST_OUTPUTS
        self.pictures, self.bytes = MOST_PICTURES, MOST_PICTURE_BYTES

    def text(self, text: str, most: int) -> str:
        """Keep the beginning and the end of a text."""
        most = min(most, max(self.characters, 200))
        if len(text) > most:
            half = most // 2 - 50
            left = len(text) - 2 * half
            text = f"{text[:half]}\n… {left} characters are not shown …\n{text[-half:]}"
        self.characters -= len(text)
        return clip(text, len(text))

    def outputs(self, outputs: Sequence[Output]) -> tuple[Output, ...]:
        """Keep as many outputs as there is room for."""
        kept = outputs[: self.places]
        self.places -= len(kept)
        return tuple(map(self.output, kept))

    def output(self, output: Output) -> Output:
        """Keep a picture whole or not at all, and the ends of a text."""
        if output.kind != "picture":
            return replace(output, text=self.text(output.text, LONGEST_OUTPUT))
        if self.pictures > 0 and len(output.text) <= self.bytes:
            self.pictures -= 1
            self.bytes -= len(output.text)
            return replace(output, text=clip(output.text, len(output.text)))
        return Output("text", "(a picture that is not shown: there are too many)")


def feedback(row: SubmissionOutcome, *, show_hidden: bool = False) -> str:
    """Return one student's page."""
    return (
        _environment()
        .get_template("feedback.html")
        .render(
            title=f"{row.student}: {row.set}",
            student=row.student,
            path=row.path,
            outcome=row,
            show=_Renderer(),
            show_hidden=show_hidden,
        )
    )


def summary(
    rows: Iterable[SubmissionOutcome],
    sandbox: Mapping[str, str],
    missing: list[str],
    fault: str = "",
) -> str:
    """Return the page that sums up all notebooks."""
    rows = list(rows)
    groups = []
    for name in sorted({row.set for row in rows}):
        group = [row for row in rows if row.set == name]
        groups.append(
            {
                "name": name,
                "rows": group,
                "histogram": _histogram(group) if name else [],
                "failed": _most_failed(group),
                "waits": any(row.waiting for row in group),
                "in_process": any(row.in_process for row in group),
            }
        )
    return (
        _environment()
        .get_template("summary.html")
        .render(
            title="Grades",
            rows=rows,
            groups=groups,
            sandbox=sandbox,
            missing=missing,
            fault=fault,
        )
    )


def grades(rows: Iterable[SubmissionOutcome]) -> pd.DataFrame:
    """Return the gradebook: a row per notebook, with a column for each check.

    The cell of a check that waits for a person is empty.
    """
    lines = []
    for row in rows:
        names = ("student", "set", "points", "possible", "waiting", "in_process", "status")
        line = {name: getattr(row, name) for name in names}
        line["remarks"] = clip("; ".join(row.remarks), REMARKS_IN_TABLE)
        line["file"] = row.path
        for check in row.checks:
            # A master may call a cell as a column is called that is there already.
            name = f"{check.id} (check)" if check.id in line else check.id
            line[name] = check.earned
        lines.append({_no_formula(name): _no_formula(value) for name, value in line.items()})
    return pd.DataFrame(lines)


def results(rows: Iterable[SubmissionOutcome], about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``results.json`` holds; its form is documented in the course."""
    names = ("student", "path", "set", "status", "points", "possible", "waiting", "in_process",
             "remarks", "seconds")  # fmt: skip
    return {
        "schema": SCHEMA,
        "coursekit": coursekit.__version__,
        **about,
        "submissions": [
            {name: getattr(row, name) for name in names}
            | {"checks": [asdict(check) for check in row.checks]}
            for row in rows
        ],
    }


def gradescope(row: SubmissionOutcome, *, show_hidden: bool = False) -> dict[str, Any]:
    """Return one notebook's results in the form that Gradescope reads.

    A test that waits for a person has no score. Gradescope then wants a score of the whole, which
    is of what is graded so far. So that no student takes it for the total, nothing is visible
    before grades are published.
    """
    visibility = "after_published" if row.waiting else "visible"
    tests = []
    for check in row.checks:
        shown = show_hidden or not check.hidden
        test = {
            "name": f"{check.id} {check.title}",
            "max_score": check.points,
            "output": check.message if shown else "",
            "visibility": visibility,
        }
        if check.waits:
            test["output"] = f"This {WAITS}."
        else:
            test["score"] = check.earned
        tests.append(test)
    said = list(row.remarks)
    if row.waiting:
        said.insert(0, f"{row.waiting:g} of {row.possible:g} points: {WAITS}. "
                    "The score is of what is graded so far.")  # fmt: skip
    return {
        "score": row.points,
        "visibility": visibility,
        "output": "\n".join(said),
        "tests": tests,
    }


# Signs with which a formula begins, after NFKC, which knows them in full width, too.
FORMULA = "=+-@\u2212"
# Some spreadsheets take these for the end of a cell even where commas are.
SEPARATORS = re.compile(r"([;\t])")


def _no_formula(value: Any) -> Any:
    """Keep spreadsheets from taking a text for a formula; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    begins_oddly = value[:1] in ("\t", "\r", "\n")
    lines = re.sub(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+", " ", value)
    pieces = ["'" * _is_formula(piece) + piece for piece in SEPARATORS.split(lines)]
    text = "".join(pieces)
    return "'" + text if begins_oddly and not text.startswith("'") else text


def _is_formula(text: str) -> bool:
    for letter in text:
        # Spaces, and what nobody sees: marks of order and of width, and control characters.
        if not (letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf", "Mn", "Me")):
            return unicodedata.normalize("NFKC", letter)[0] in FORMULA
    return False


def _histogram(rows: list[SubmissionOutcome]) -> list[dict[str, Any]]:
    possible = max(row.possible for row in rows)
    if not possible:
        return []
    bars = min(BARS, int(possible)) or 1
    counts = Counter(min(bars - 1, int(bars * row.points / possible)) for row in rows)
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


def _most_failed(rows: list[SubmissionOutcome]) -> list[dict[str, Any]]:
    failed: dict[str, dict[str, Any]] = {}
    for row in rows:
        for check in row.checks:
            if check.passed is False:
                entry = failed.setdefault(
                    check.id, {"id": check.id, "title": check.title, "messages": Counter()}
                )
                entry["messages"][check.message] += 1
    for entry in failed.values():
        entry["count"] = entry["messages"].total()
        message = entry.pop("messages").most_common(1)[0][0]
        entry["message"] = clip(message, LONGEST_REMARK)
    return sorted(failed.values(), key=lambda entry: (-entry["count"], entry["id"]))


_made: jinja2.Environment | None = None


def _environment() -> jinja2.Environment:
    global _made
    if _made is None:
        _made = jinja2.Environment(
            loader=jinja2.PackageLoader("coursegrader"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        _made.filters |= {
            "short": lambda remarks: clip("; ".join(remarks), REMARKS_IN_SUMMARY),
            "earned": _points_or_dash,
            "mood": lambda check: {True: "good", False: "bad", None: "wait"}[check.passed],
            "mark": lambda check: {True: "✔", False: "✘", None: "…"}[check.passed],
        }
    return _made


def _points_or_dash(check: CheckOutcome) -> str:
    return "–" if check.waits else f"{check.earned:g}"


# Definitions of links take time that grows with the cube of their number.
_markdown = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_inline", "reference"])
_tables = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_inline", "reference"])
_tables.enable("table")


class _Renderer:
    """Renders what is on one page, while it is not too much."""

    def __init__(self) -> None:
        self.markdown, self.python = MOST_MARKDOWN, MOST_CODE

    def prose(self, source: str) -> Markup:
        """Show Markdown."""
        if len(source) > min(LONGEST_MARKDOWN, self.markdown):
            return Markup("<pre>{}</pre>").format(source)
        self.markdown -= len(source)
        lines = source.split("\n")
        few = max(line.count("|") for line in lines) * len(lines) <= LARGEST_TABLE
        try:
            return Markup((_tables if few else _markdown).render(source))
        except Exception:
            # Such as IndexError for ">" over and over; the text is what matters.
            return Markup("<pre>{}</pre>").format(source)

    def code(self, source: str) -> Markup:
        """Show Python."""
        if len(source) > min(LONGEST_CODE, self.python):
            return escape(source)
        self.python -= len(source)
        try:
            formatter = HtmlFormatter(nowrap=True, noclasses=True)
            return Markup(highlight(source, PythonLexer(), formatter))
        except Exception:
            return escape(source)

    def output(self, output: Output) -> Markup:
        """Show one output: as text, or as a picture if it is one."""
        if output.kind != "picture":
            kind = "output error" if output.kind == "error" else "output"
            return _preformatted(kind, output.text)
        try:
            content = base64.b64decode(output.text.replace("\n", ""), validate=True)
        except (binascii.Error, ValueError):
            content = b""
        if not content.startswith(PNG):
            return _preformatted("output", "")
        encoded = base64.b64encode(content).decode()
        return Markup(
            '<p><img alt="a figure of this cell" src="data:image/png;base64,{}"></p>'
        ).format(encoded)


def _preformatted(kind: str, text: str) -> Markup:
    return Markup('<pre class="{}">{}</pre>').format(kind, as_a_terminal_shows_it(text))


def as_a_terminal_shows_it(text: str) -> str:
    """Apply carriage returns and backspaces, as of progress bars, and drop colours."""
    lines = []
    for line in ANSI_ESCAPES.sub("", text).split("\n"):
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
    return CONTROL_CHARACTERS.sub("", "\n".join(lines))


def dump(value: Any) -> str:
    """Return JSON as it is written to files: readable, and the same for the same value."""
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
