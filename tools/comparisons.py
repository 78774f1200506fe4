"""List every comparison of the book: where it stands, its interval, and its verdict.

``python tools/comparisons.py`` reads the stored outputs of the chapters, in which each interval is
printed by ``coursekit.evaluation.Interval``. A test holds sections that claim a difference between
methods to printing an interval.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from check_prose import sentences

BOOK = Path(__file__).parents[1] / "book"
INTERVAL = re.compile(
    r"^(?P<label>.*?):?\s*(?P<estimate>-?[\d.]+) "
    r"\(95 % interval (?P<low>-?[\d.]+) to (?P<high>-?[\d.]+), n = (?P<n>\d+)\)(?P<rest>.*)$",
    re.MULTILINE,
)
KINDS = {
    "paired_difference": "paired difference",
    "resampled_difference": "corrected resampled difference",
    "prediction_interval": "prediction interval",
    "wilson_interval": "proportion",
}
# A sentence that says which of two methods is better, by what a network is judged by.
BETTER = re.compile(
    r"\b(?:better|worse|beats?|outperforms?|wins?|ahead|helps?|helped|hurts?|improves?)\b"
)
JUDGED_BY = re.compile(r"\b(?:accurac\w+|loss\w*|error\w*|sensitivit\w+|networks?|models?)\b")
# Sections whose sentences ask, sum up or point elsewhere.
NO_CLAIMS = {"Exercises", "Summary", "Further reading"}


@dataclass
class Section:
    """A section of a chapter: its sentences, and the intervals that its cells print."""

    chapter: str
    title: str
    sentences: list[str] = field(default_factory=list)
    intervals: list[dict[str, str]] = field(default_factory=list)

    def claims(self) -> Iterator[str]:
        """Yield the sentences that say which method is better."""
        if self.title not in NO_CLAIMS:
            for sentence in self.sentences:
                if BETTER.search(sentence) and JUDGED_BY.search(sentence) and "?" not in sentence:
                    yield sentence


def printed(cell: nbformat.NotebookNode) -> str:
    """Return the text that a code cell has printed."""
    texts = (
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )
    return "\n".join(texts)


def kind_of(code: str, label: str) -> str:
    """Return the kind of an interval: by the function that the cell calls, or by its label."""
    called = [kind for name, kind in KINDS.items() if name in code]
    if len(called) == 1:
        return called[0]
    return "difference" if " minus " in label else "interval"


def verdict(row: dict[str, str]) -> str:
    """Return what an interval says: separated from 0 or not, or what the cell itself printed."""
    if "difference" in row["kind"]:
        covers = float(row["low"]) <= 0 <= float(row["high"])
        return "not separated from 0" if covers else "separated from 0"
    said = re.search(r"\b(?:inside|outside)\b", row["rest"])
    return said[0] if said else ""


def sections(name: str, notebook: nbformat.NotebookNode) -> list[Section]:
    """Divide a chapter at its headings of the first two levels."""
    found = [Section(name, "")]
    code = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for piece in re.split(r"(?m)^(?=#{1,2} )", cell.source):
                if heading := re.match(r"#{1,2} (.+)", piece):
                    found.append(Section(name, heading[1]))
                found[-1].sentences += sentences(piece)
        elif cell.cell_type == "code":
            code = cell.source if "evaluation." in cell.source else code
            for match in INTERVAL.finditer(printed(cell)):
                row = match.groupdict()
                row["kind"] = kind_of(code, row["label"])
                found[-1].intervals.append(row | {"verdict": verdict(row)})
    return found


def book() -> list[Section]:
    """Return the sections of all chapters."""
    pages = sorted(BOOK.glob("*.ipynb"))
    return [one for page in pages for one in sections(page.name, nbformat.read(page, as_version=4))]


def unsupported(found: list[Section]) -> list[tuple[str, str, str]]:
    """Return chapter, section and sentence of each claim in a section without an interval."""
    return [
        (one.chapter, one.title, sentence)
        for one in found
        if not one.intervals
        for sentence in one.claims()
    ]


def main() -> None:
    """Print the table."""
    head = ("chapter", "section", "what", "kind", "n", "estimate", "interval", "verdict")
    print(" | ".join(head))
    for one in book():
        for row in one.intervals:
            interval = f"{row['low']} to {row['high']}"
            cells = (row["label"].strip(), row["kind"], row["n"], row["estimate"], interval)
            print(" | ".join((one.chapter, one.title, *cells, row["verdict"])))


if __name__ == "__main__":
    main()
