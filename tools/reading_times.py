"""Estimate how long each chapter takes to read, and write it where the book says so.

``make reading-times`` prints the table; ``--write`` puts the minutes into the chapters and the
learning path; ``--before COMMIT`` adds what the chapters had then. A test holds the minutes to
what this tool computes, and every chapter to `LONGEST`.

The estimate: `WORDS` words, `LINES` open lines of code and `FIGURES` figures a minute. Folded
text and code, quizzes, and the time for doing an exercise are not counted.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nbformat

BOOK = Path(__file__).parents[1] / "book"
# Adults read English non-fiction silently at about 240 words a minute (Brysbaert 2019, "How many
# words do we read per minute?", Journal of Memory and Language 109, 104047); a text that one
# learns from takes longer. The rates for code and figures are ours, from reading chapters aloud.
WORDS, LINES, FIGURES = 200, 12, 2
# One sitting, in minutes.
LONGEST = 45
TIME = re.compile(r"(\*\*Time:\*\* )\w+( minutes)")
FENCE = re.compile(r"^(`{3,}|:{3,})(?:\{([\w-]+)\})?\s*(\w*)")


@dataclass(frozen=True)
class Reading:
    """What there is to read in a page."""

    words: int = 0
    lines: int = 0
    figures: int = 0
    folded_words: int = 0
    folded_lines: int = 0

    def __add__(self, other: Reading) -> Reading:
        return Reading(*(a + b for a, b in zip(self.row(), other.row(), strict=True)))

    def row(self) -> tuple[int, int, int, int, int]:
        """Return words, lines, figures, folded words, folded lines."""
        return (self.words, self.lines, self.figures, self.folded_words, self.folded_lines)

    @property
    def minutes(self) -> int:
        """The estimate, rounded."""
        return round(self.words / WORDS + self.lines / LINES + self.figures / FIGURES)


def words_in(text: str) -> int:
    """Count the words of a line of Markdown, without roles, addresses and tags."""
    text = re.sub(r"\{[\w:]+\}`[^`]*`|\]\([^)]*\)|<[^>]+>|https?://\S+", " ", text)
    return len(re.findall(r"[^\W\d_][\w'’-]*", text))


def of_markdown(text: str) -> Reading:
    """Count what a piece of MyST Markdown gives to read."""
    open_fences: list[tuple[str, str]] = []
    words = lines = figures = folded = 0
    for line in text.splitlines():
        fence = FENCE.match(line.strip())
        if open_fences and line.strip() == open_fences[-1][0]:
            open_fences.pop()
        elif fence and (open_fences or fence[2] or fence[1][0] == "`"):
            open_fences.append((fence[1], fence[2] or "code"))
            figures += fence[2] in ("figure", "image", "raw")
        else:
            kinds = [kind for _, kind in open_fences]
            if "code" in kinds or "code-block" in kinds:
                lines += bool(line.strip()) and "dropdown" not in kinds
            elif "dropdown" in kinds:
                folded += words_in(line)
            elif not {"raw", "quiz", "image"} & set(kinds):
                words += words_in(line)
                figures += line.count("![") + line.count("<img")
    return Reading(words, lines, figures, folded)


def of_code(cell: nbformat.NotebookNode) -> Reading:
    """Count what a code cell gives to read: its code unless folded, and its figures."""
    tags = cell.metadata.get("tags", [])
    source = [line.strip() for line in cell.source.splitlines()]
    lines = sum(bool(line) and not line.startswith("#") for line in source)
    folded = any(tag in ("hide-input", "hide-cell", "remove-input", "remove-cell") for tag in tags)
    # Stored outputs are text only; a figure leaves its description.
    figures = sum("<Figure" in str(output.get("data", "")) for output in cell.outputs)
    return Reading(0, 0 if folded else lines, figures, 0, lines if folded else 0)


def of_page(text: str, suffix: str) -> Reading:
    """Count what a page gives to read."""
    if suffix == ".md":
        return of_markdown(text)
    cells = nbformat.reads(text, as_version=4).cells
    read = [of_markdown(c.source) if c.cell_type == "markdown" else of_code(c) for c in cells]
    return sum(read, Reading())


def chapters() -> dict[str, str]:
    """Return the texts of the pages that state a time, by file name."""
    pages = {path.name: path.read_text("utf-8") for path in sorted(BOOK.glob("*.ipynb"))}
    pages |= {path.name: path.read_text("utf-8") for path in sorted(BOOK.glob("*.md"))}
    return {name: text for name, text in pages.items() if TIME.search(text)}


def minutes() -> dict[str, int]:
    """Return the minutes of each page that states a time."""
    return {name: of_page(text, Path(name).suffix).minutes for name, text in chapters().items()}


def with_times(name: str, text: str, times: dict[str, int]) -> str:
    """Return a page in which every stated time is the computed one."""
    if name in times:
        text = TIME.sub(rf"\g<1>{times[name]}\g<2>", text)
    for chapter, time in times.items():
        link = rf"(\]\({re.escape(chapter)}\) )"
        text = re.sub(rf"{link}\(\d+ minutes\)", rf"\g<1>({time} minutes)", text)
        text = re.sub(rf"{link}\| \d+ \|", rf"\g<1>| {time} |", text)

    def sum_of(path: re.Match) -> str:
        steps = re.findall(r"^\d+\. .*?\((\d+) minutes\)", path[0], re.MULTILINE)
        return re.sub(r"\*\*\d+ minutes\.\*\*", f"**{sum(map(int, steps))} minutes.**", path[0])

    return re.sub(r"^### .*?(?=^##|\Z)", sum_of, text, flags=re.MULTILINE | re.DOTALL)


def at_commit(commit: str, name: str) -> Reading | None:
    """Count a page as it was; None if it was not there."""
    command = ["git", "show", f"{commit}:book/{name}"]
    done = subprocess.run(command, cwd=BOOK, capture_output=True, text=True)
    return of_page(done.stdout, Path(name).suffix) if done.returncode == 0 else None


def table(before: str | None) -> str:
    """Return the table of all pages that state a time, or stated one at a commit."""
    names = list(chapters())
    if before:
        command = ["git", "ls-tree", "--full-tree", "--name-only", f"{before}:book"]
        was = subprocess.run(command, cwd=BOOK, capture_output=True, text=True, check=True)
        gone = [name for name in was.stdout.split() if name.endswith(".ipynb")]
        names += [name for name in gone if name not in names and not (BOOK / name).exists()]
    head = ("words", "lines", "figures", "folded words", "folded lines", "minutes")
    rows = [f"{'chapter':34}" + "".join(f"{word:>14}" for word in head)]
    total = {"now": Reading(), "before": Reading()}
    for name in names:
        path = BOOK / name
        now = of_page(path.read_text("utf-8"), path.suffix) if path.exists() else None
        for when, reading in (
            ("before", at_commit(before, name) if before else None),
            ("now", now),
        ):
            if reading is None:
                continue
            total[when] += reading
            label = name if when == "now" else f"  {name}, before"
            numbers = (*reading.row(), reading.minutes)
            rows.append(f"{label:34}" + "".join(f"{number:14,}" for number in numbers))
    for when, reading in total.items():
        if reading != Reading():
            numbers = (*reading.row(), reading.minutes)
            rows.append(f"{'all, ' + when:34}" + "".join(f"{number:14,}" for number in numbers))
    return "\n".join(rows)


def main() -> None:
    """Print the table, or write the times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the minutes into the pages")
    parser.add_argument("--before", metavar="COMMIT", help="show what the pages had at a commit")
    options = parser.parse_args()
    if options.write:
        times = minutes()
        for path in [*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")]:
            text = path.read_text("utf-8")
            if (new := with_times(path.name, text, times)) != text:
                path.write_text(new, "utf-8")
                print(f"wrote {path.name}")
    print(table(options.before))


if __name__ == "__main__":
    main()
