"""Write the results of grading: a gradebook, feedback pages and a summary page.

Everything that comes from a submission is shown as text or as a picture, and never as HTML. Its
size is limited: everything that is stored or shown first passes through :func:`bounded`.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
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
from coursegrader.tables import escape_formula

SCHEMA = 1
PNG = b"\x89PNG\r\n\x1a\n"
MAX_BARS = 10
ANSI_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
WAITING_TEXT = "waits for a person"

# Limits on what is stored of one submission, in characters unless stated otherwise.
MAX_REMARKS = 50
MAX_REMARK_LENGTH = 500
MAX_MESSAGE_LENGTH = 2000
MAX_NAME_LENGTH = 500
MAX_SOURCE_LENGTH = 100_000
MAX_OUTPUT_LENGTH = 100_000
MAX_TEXT_LENGTH = 2_000_000  # of all cells and outputs together
MAX_CELLS = 500  # graded cells are always shown
MAX_OUTPUTS = 1000
MAX_PICTURES = 50
MAX_PICTURE_BYTES = 4 << 20  # of all pictures together, in base64
MAX_REMARKS_IN_TABLE = 2000
MAX_REMARKS_IN_SUMMARY = 300

# Limits on what is rendered; longer text is shown as plain text. The slowest Markdown of 5,000
# characters that we found takes 0.17 s (20 nested quotes, then continuation lines) and the largest
# 15 MB (repeated "_*a"); 10,000 characters take 0.39 s and 54 MB. This excludes link definitions,
# which take 0.24 s for 2,000 characters, growing with the cube of their number, and large tables,
# which grow with columns times rows: 2.1 s and 124 MB for 2,000 characters. 10,000 characters of
# Python take at most 0.4 s ("\N{" in a string).
MAX_MARKDOWN_LENGTH = 5_000
MAX_TABLE_SIZE = 1000  # number of "|" in the widest line, times number of lines
MAX_CODE_LENGTH = 10_000
MAX_PAGE_MARKDOWN = 60_000  # of a page
MAX_PAGE_CODE = 60_000


def write_atomically(path: Path, content: str) -> None:
    """Write a text file completely or not at all.

    Parameters
    ----------
    path : Path
        A file in an existing folder.
    content : str
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(content, encoding="utf-8", errors="replace")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def clip(text: str, most: int) -> str:
    """Shorten a text to at most ``most`` characters, and make it valid UTF-8.

    Parameters
    ----------
    text : str
    most : int

    Returns
    -------
    str
    """
    text = text[:most] if len(text) <= most else text[: most - 1] + "…"
    # A lone surrogate, as in a file name that is not UTF-8, cannot be written.
    return text.encode("utf-8", "replace").decode("utf-8")


def bounded(outcome: SubmissionOutcome) -> SubmissionOutcome:
    """Limit the length and number of the texts and pictures in an outcome.

    The function is idempotent.

    Parameters
    ----------
    outcome : SubmissionOutcome

    Returns
    -------
    SubmissionOutcome
    """
    return replace(
        outcome,
        set=clip(outcome.set, MAX_NAME_LENGTH),
        student=clip(outcome.student, MAX_NAME_LENGTH),
        path=clip(outcome.path, MAX_NAME_LENGTH),
        variant=clip(outcome.variant, MAX_NAME_LENGTH),
        checks=tuple(
            replace(
                check,
                id=clip(check.id, MAX_NAME_LENGTH),
                title=clip(check.title, MAX_NAME_LENGTH),
                message=clip(check.message, MAX_MESSAGE_LENGTH),
            )
            for check in outcome.checks
        ),
        remarks=_bounded_remarks(outcome.remarks),
        cells=_bounded_cells(outcome.cells),
    )


def _bounded_remarks(remarks: Sequence[str]) -> tuple[str, ...]:
    kept = [clip(remark, MAX_REMARK_LENGTH) for remark in remarks]
    if len(kept) > MAX_REMARKS + 1:
        kept = [*kept[:MAX_REMARKS], f"and {len(kept) - MAX_REMARKS} more"]
    return tuple(kept)


def _bounded_cells(cells: Iterable[CellOutcome]) -> tuple[CellOutcome, ...]:
    """Limit the number of cells, and their content."""
    kept, plain, budget = [], 0, _DisplayBudget()
    for cell in cells:
        if cell.check is None and cell.kind != "note":
            plain += 1
            if plain > MAX_CELLS:
                continue
        kept.append(
            replace(
                cell,
                kind=clip(cell.kind, MAX_NAME_LENGTH),
                source=budget.text(cell.source, MAX_SOURCE_LENGTH),
                outputs=budget.outputs(cell.outputs),
                status=clip(cell.status, MAX_NAME_LENGTH),
            )
        )
    if plain > MAX_CELLS:
        kept.append(CellOutcome("note", f"{plain - MAX_CELLS} more cells are not shown."))
    return tuple(kept)


class _DisplayBudget:
    """How much of one submission may still be shown."""

    def __init__(self) -> None:
        self.characters, self.outputs_left = MAX_TEXT_LENGTH, MAX_OUTPUTS
        self.pictures, self.bytes = MAX_PICTURES, MAX_PICTURE_BYTES

    def text(self, text: str, most: int) -> str:
        """Shorten a text in the middle."""
        most = min(most, max(self.characters, 200))
        if len(text) > most:
            half = most // 2 - 50
            left = len(text) - 2 * half
            text = f"{text[:half]}\n… {left} characters are not shown …\n{text[-half:]}"
        self.characters -= len(text)
        return clip(text, len(text))

    def outputs(self, outputs: Sequence[Output]) -> tuple[Output, ...]:
        """Return the first outputs, as many as the budget allows."""
        kept = outputs[: self.outputs_left]
        self.outputs_left -= len(kept)
        return tuple(map(self.output, kept))

    def output(self, output: Output) -> Output:
        """Shorten a text; replace a picture that exceeds the budget by a text."""
        if output.kind != "picture":
            return replace(output, text=self.text(output.text, MAX_OUTPUT_LENGTH))
        if self.pictures > 0 and len(output.text) <= self.bytes:
            self.pictures -= 1
            self.bytes -= len(output.text)
            return replace(output, text=clip(output.text, len(output.text)))
        return Output("text", "(a picture that is not shown: there are too many)")


def feedback(row: SubmissionOutcome, *, show_hidden: bool = False) -> str:
    """Return the feedback page of one submission.

    Parameters
    ----------
    row : SubmissionOutcome
    show_hidden : bool
        Show the messages of hidden tests.

    Returns
    -------
    str
        HTML.
    """
    return (
        environment()
        .get_template("feedback.html")
        .render(
            title=f"{row.student}: {row.set}",
            student=row.student,
            path=row.path,
            outcome=row,
            show=Renderer(),
            show_hidden=show_hidden,
        )
    )


def summary(
    rows: Iterable[SubmissionOutcome],
    sandbox: Mapping[str, str],
    missing: list[str],
    fault: str = "",
    manual: Sequence[tuple[str, str, str, int]] = (),
) -> str:
    """Return the summary page of all submissions.

    Parameters
    ----------
    rows : iterable of SubmissionOutcome
    sandbox : mapping of str to str
        The active layers of the sandbox, with the mechanism of each.
    missing : list of str
        The inactive layers.
    fault : str
        Why the grades are invalid; empty if they are not.
    manual : sequence of (str, str, str, int)
        The pages for cells that a person grades: path, assignment, cell, and how many answers wait.

    Returns
    -------
    str
        HTML.
    """
    rows = list(rows)
    groups = []
    for name in sorted({row.set for row in rows}):
        group = [row for row in rows if row.set == name]
        counting = [row for row in group if not row.replaced_by]
        groups.append(
            {
                "name": name,
                "rows": group,
                "counting": len(counting),
                "histogram": _histogram(counting) if name else [],
                "late": any(row.days_late or row.penalty for row in group),
                "failed": _most_failed(counting),
                "waits": any(row.waiting for row in group),
                "in_process": any(row.in_process for row in group),
                "variants": any(row.variant for row in group),
            }
        )
    return (
        environment()
        .get_template("summary.html")
        .render(
            title="Grades",
            rows=rows,
            groups=groups,
            sandbox=sandbox,
            missing=missing,
            fault=fault,
            manual=manual,
        )
    )


def page(template: str, **values: Any) -> str:
    """Fill in another template of :mod:`coursegrader`; all values are escaped.

    Parameters
    ----------
    template : str
        Name of the file in ``coursegrader/templates``.
    **values

    Returns
    -------
    str
        An HTML page without scripts.
    """
    return environment().get_template(template).render(**values)


def grades(rows: Iterable[SubmissionOutcome]) -> pd.DataFrame:
    """Return the gradebook: a row for each notebook, a column for each check.

    Parameters
    ----------
    rows : iterable of SubmissionOutcome

    Returns
    -------
    DataFrame
        The value of a check that a person has yet to grade is missing. There is a column
        ``variant`` if a variant was verified, and others if a learning platform gave numbers, times
        are known, or somebody handed in several times.
    """
    rows, lines = list(rows), []
    names = ["student", "set", "points", "possible", "waiting", "in_process", "status"]
    names += ["variant"] * any(row.variant for row in rows) + _more_names(rows)
    for row in rows:
        line = {name: getattr(row, name) for name in names}
        line["remarks"] = clip("; ".join(row.remarks), MAX_REMARKS_IN_TABLE)
        line["file"] = row.path
        line["feedback"] = f"feedback/{row.key}.html"
        for check in row.checks:
            # The identifier of a check may equal the name of another column.
            name = f"{check.id} (check)" if check.id in line else check.id
            line[name] = check.earned
        lines.append({escape_formula(name): escape_formula(value) for name, value in line.items()})
    table = pd.DataFrame(lines)
    if "days_late" in table:  # whole numbers, some of which are missing
        table["days_late"] = table["days_late"].astype("Int64")
    return table


def _more_names(rows: Sequence[SubmissionOutcome]) -> list[str]:
    """Return the fields that are shown only where a submission has them."""
    names = ["platform", "number"] if any(row.number for row in rows) else []
    if any(row.submitted or row.days_late is not None for row in rows):
        names += ["submitted", "days_late", "penalty", "final"]
    return names + ["replaced_by"] * any(row.replaced_by for row in rows)


def results(rows: Iterable[SubmissionOutcome], about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of ``results.json``, whose format is documented in the course.

    Parameters
    ----------
    rows : iterable of SubmissionOutcome
    about : mapping of str to object
        Additional entries, such as the layers of the sandbox.

    Returns
    -------
    dict
        For :func:`dump`.
    """
    rows = list(rows)
    names = ["student", "path", "set", "status", "points", "possible", "waiting", "in_process",
             "remarks", "seconds"]  # fmt: skip
    names += ["variant"] * any(row.variant for row in rows) + _more_names(rows)
    return {
        "schema": SCHEMA,
        "coursekit": coursekit.__version__,
        **about,
        "submissions": [
            {name: getattr(row, name) for name in names}
            | {"feedback": f"feedback/{row.key}.html"}
            | {"checks": [asdict(check) for check in row.checks]}
            for row in rows
        ],
    }


def gradescope(row: SubmissionOutcome, *, show_hidden: bool = False) -> dict[str, Any]:
    """Return the results of one notebook in Gradescope's format.

    A test that a person has yet to grade has no score. Gradescope then needs a total score, which
    covers only the graded tests. So that students do not mistake it for the final score, nothing
    is visible before grades are published.

    Parameters
    ----------
    row : SubmissionOutcome
    show_hidden : bool
        Show the messages of hidden tests.

    Returns
    -------
    dict
        For :func:`dump`.
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
            test["output"] = f"This {WAITING_TEXT}."
        else:
            test["score"] = check.earned
        tests.append(test)
    said = list(row.remarks)  # also on what lateness costs
    if row.waiting:
        said.insert(0, f"{row.waiting:g} of {row.possible:g} points: {WAITING_TEXT}. "
                    "The score is of what is graded so far.")  # fmt: skip
    return {
        "score": row.final,
        "visibility": visibility,
        "output": "\n".join(said),
        "tests": tests,
    }


def _histogram(rows: list[SubmissionOutcome]) -> list[dict[str, Any]]:
    possible = max(row.possible for row in rows)
    if not possible:
        return []
    bars = min(MAX_BARS, int(possible)) or 1
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
        entry["message"] = clip(message, MAX_REMARK_LENGTH)
    return sorted(failed.values(), key=lambda entry: (-entry["count"], entry["id"]))


_template_environment: jinja2.Environment | None = None


def environment() -> jinja2.Environment:
    """Return the environment of the templates, which escapes all that it inserts."""
    global _template_environment
    if _template_environment is None:
        _template_environment = jinja2.Environment(
            loader=jinja2.PackageLoader("coursegrader"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        _template_environment.filters |= {
            "short": lambda remarks: clip("; ".join(remarks), MAX_REMARKS_IN_SUMMARY),
            "earned": _points_or_dash,
            "mood": lambda check: _look(check)[0],
            "mark": lambda check: _look(check)[1],
        }
    return _template_environment


def _look(check: CheckOutcome) -> tuple[str, str]:
    """Return how a check is coloured and marked."""
    if check.by == "a person" and check.earned and not check.passed:
        return "wait", "◐"  # some of the points
    return {True: ("good", "✔"), False: ("bad", "✘"), None: ("wait", "…")}[check.passed]


def _points_or_dash(check: CheckOutcome) -> str:
    return "–" if check.waits else f"{check.earned:g}"


# The time for link definitions grows with the cube of their number.
_markdown = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_inline", "reference"])
_tables = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_inline", "reference"])
_tables.enable("table")


class Renderer:
    """Renders Markdown, code and outputs of one page, up to a limit per page.

    Parameters
    ----------
    times : int
        How many times the usual limit, for a page with answers of many students.
    """

    def __init__(self, times: int = 1) -> None:
        self.markdown, self.python = MAX_PAGE_MARKDOWN * times, MAX_PAGE_CODE * times

    def prose(self, source: str) -> Markup:
        """Render Markdown, or show it as plain text if it is too long."""
        if len(source) > min(MAX_MARKDOWN_LENGTH, self.markdown):
            return Markup("<pre>{}</pre>").format(source)
        self.markdown -= len(source)
        lines = source.split("\n")
        few = max(line.count("|") for line in lines) * len(lines) <= MAX_TABLE_SIZE
        try:
            return Markup((_tables if few else _markdown).render(source))
        except Exception:
            # Such as IndexError for many ">"; then show the plain text.
            return Markup("<pre>{}</pre>").format(source)

    def code(self, source: str) -> Markup:
        """Highlight Python, or show it as plain text if it is too long."""
        if len(source) > min(MAX_CODE_LENGTH, self.python):
            return escape(source)
        self.python -= len(source)
        try:
            formatter = HtmlFormatter(nowrap=True, noclasses=True)
            return Markup(highlight(source, PythonLexer(), formatter))
        except Exception:
            return escape(source)

    def output(self, output: Output) -> Markup:
        """Render one output as a picture or as text."""
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
    """Apply carriage returns and backspaces, as progress bars use them, and remove colours.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    lines = []
    for line in ANSI_ESCAPES.sub("", text).split("\n"):
        shown: list[str] = []
        column = 0
        for part in re.split("([\r\b])", line):
            if part == "\r":
                column = 0
            elif part == "\b":
                column = max(0, column - 1)
            else:
                shown[column : column + len(part)] = part
                column += len(part)
        lines.append("".join(shown))
    return CONTROL_CHARACTERS.sub("", "\n".join(lines))


def dump(value: Any) -> str:
    """Convert a value to JSON with indentation and sorted keys.

    Parameters
    ----------
    value
        Any value that JSON can represent.

    Returns
    -------
    str
    """
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
