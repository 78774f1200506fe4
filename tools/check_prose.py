"""Find habits of translated English in the pages of the book; ``make check`` runs it.

Each pattern is a habit that readers of the first edition stumbled over. A finding names the page,
the sentence, the habit and what to write instead. Code, tables and citations are not looked at.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from reading_times import words_in

BOOK = Path(__file__).parents[1] / "book"
# The longest sentence in words, without and with a list: a colon and at least three items.
LONGEST, LONGEST_LIST = 30, 45
LIST = re.compile(r":[^:]*[,;][^:]*[,;]")


@dataclass(frozen=True)
class Habit:
    """A pattern to avoid, and what to do instead."""

    pattern: re.Pattern[str]
    instead: str


def habit(pattern: str, instead: str) -> Habit:
    """Return a habit; upper and lower case count as the same only where the pattern says so."""
    return Habit(re.compile(pattern), instead)


HABITS = [
    habit(
        r"^(?:And |But |So )?(?:Who|Whoever|What) (?!is\b[^,]*\?|if\b|about\b)[^?]*[.:]$",
        "a who/what clause as subject: name the actor ('If you already know ...', 'We ...')",
    ),
    habit(r"\b[Ww]hoever\b", "a who/what clause: name the actor"),
    habit(
        r"\b[Tt]he one\b[^.?]*\bthe other\b",
        "'the one ... the other': name both things",
    ),
    habit(r"\bthat is none\b|\bis none\b", "'that is none': say 'without ...'"),
    habit(
        r"(?i)\b(?:is|are) the (?:business|subject|matter) of\b|\bwould have (?:told|said)\b",
        "passive distance: 'We do that in ...', 'would have shown'",
    ),
    habit(
        r"(?i)\b(?:training|test|validation) parts?\b",
        "our own word: training, validation or test set",
    ),
    habit(r"(?i)\brows apart\b", "our own word: held-out rows"),
    habit(
        r"(?i)\b(?:keeps?|keeping|stays?|staying) silent\b|\brestraints?\b",
        "a metaphor for a standard term: abstaining, inactive, regularisation",
    ),
    habit(
        r"(?i)\bat a price\b|\b(?:the|its|a|whose|has a) price\b",
        "a metaphor for a standard term: cost, penalty",
    ),
    habit(
        r"(?i)\b(?:simply|obviously|of course|needless to say|let's|let us|dive)\b",
        "cheerleading: leave it out",
    ),
    habit(r"(?i)\b(?:un)?luck(?:y|ily)?\b", "a cause that nothing measures: say what was measured"),
    habit(r"(?i)\bbands?\b", "our own word: range (of runs seen) or interval (that is computed)"),
    habit(r"(?i)\bso few\b|\bso much so\b|\bas well it\b", "an ellipsis the reader must fill"),
    habit(
        r"^(?:Once|Twice|Not|Nor|Never|Hardly|Seldom|Only then|So)\b[^,.?]{0,40}"
        r"\b(?:does|do|did|is|are|was|has|have|can) (?:the|a|an|it|they|we|you|our)\b[^?]*[.]$",
        "an inverted clause: put the actor first",
    ),
]


def prose_of(text: str) -> str:
    """Return Markdown with code, tables, roles and addresses taken out."""
    text = re.sub(r"^(`{3,})(?!\{(?:note|warning|tip|admonition|dropdown)).*?^\1\s*$", "\n\n", text,
                  flags=re.MULTILINE | re.DOTALL)  # fmt: skip
    text = re.sub(
        r"^(?:[|]|%|#|:{3,}|`{3,}|\$\$|:\w+:|---|\[\^).*$", "\n\n", text, flags=re.MULTILINE
    )
    text = re.sub(r"\$[^$\n]+\$", "N", text)
    text = re.sub(r"\{[\w:-]+\}`[^`]*`|`[^`\n]+`", "X", text)
    # The text of a link may be the title of a page, such as "What to expect".
    text = re.sub(r"\[[A-Z][^\]]*\]\([^)]*\)", "Title", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"<[^>]+>|[*_]{1,2}(?=\w)|(?<=[\w.])[*_]{1,2}", "", text)


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a piece of Markdown."""
    for block in re.split(r"\n\s*\n|\n\s*(?:[-*]|\d+\.) ", "\n" + prose_of(text)):
        block = re.sub(r"^(?:[-*]|\d+\.) ", "", " ".join(block.split()))
        block = re.sub(r"\b(e\.g|i\.e|cf|vs|Fig|St|No)\.", r"\1", block)
        yield from (
            s for s in re.split(r"(?:(?<=[.!?:])|(?<=[.!?]\)))\s+(?=[A-Z“\"'(])", block) if s
        )


def findings(text: str) -> Iterator[tuple[str, str]]:
    """Yield sentence and advice for each habit found in a piece of Markdown."""
    for sentence in sentences(text):
        for one in HABITS:
            if one.pattern.search(sentence):
                yield sentence, one.instead
        number = words_in(sentence)
        if number > (LONGEST_LIST if LIST.search(sentence) else LONGEST):
            yield sentence, f"{number} words: two sentences, or a list"


def texts(path: Path) -> Iterator[str]:
    """Yield the pieces of Markdown of a page."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        yield from (cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = path.read_text(encoding="utf-8")
        # Options of the page come before its first line of prose.
        yield re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)


def pages() -> list[Path]:
    """Return the pages that people wrote; exercises are made from the solutions."""
    return sorted(
        path
        for pattern in ("*.ipynb", "*.md", "solutions/*.ipynb", "solutions/*.md")
        for path in BOOK.glob(pattern)
    )


def main(names: list[str]) -> int:
    """Print the findings in the given pages, or in all; return how many there are."""
    count = 0
    for path in [Path(name) for name in names] or pages():
        for text in texts(path):
            for sentence, advice in findings(text):
                count += 1
                print(f"{path.name}: {sentence}\n    {advice}")
    if count:
        print(f"{count} habits to lose in the book's English.")
    return count


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
