"""Find pairs of submissions whose code is alike beyond what the exercise explains.

Fingerprints are chosen by winnowing (Schleimer, Wilkerson and Aiken 2003). We do it ourselves
because `copydetect`, the library for it, compares files pair by pair, and counts what most of a
class shares.
"""

from __future__ import annotations

import builtins
import hashlib
import json
import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from coursegrader import report
from coursegrader.collect import collect
from coursegrader.master import Master, NothingGradedError, checkout, closest, course_masters, merge
from coursegrader.notebook import MAX_NOTEBOOK_BYTES, BadNotebookError, Cell, read

TOKENS_OF_HASH = 12  # shorter equal passages are chance
WINDOW = 6  # every equal passage of TOKENS_OF_HASH + WINDOW - 1 tokens is found
MIN_LIKENESS, MIN_SHARED, MAX_PAIRS = 0.5, 4, 50
MAX_CODE = 200_000  # characters of a submission
GIVEN_NAMES = frozenset(keyword.kwlist) | frozenset(dir(builtins))
# A string without an end goes to the end of its line or of the code, so that each is read once.
TOKEN = re.compile(
    r"(?P<no>\#[^\n]*|\s+)"
    r"|(?P<text>[rbfuRBFU]{0,2}(?:'''(?:[^\\]|\\.)*?(?:'''|\Z)|\"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\Z)"
    r"|'(?:[^'\\\n]|\\.)*'?|\"(?:[^\"\\\n]|\\.)*\"?))"
    r"|(?P<name>[^\W\d]\w*)|\d[\w.]*|.",
    re.S,
)


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints of one submission.

    Attributes
    ----------
    path, set : str
        Path of the notebook, and name of its exercise.
    source : str
        Its code for answers.
    lines : dict of bytes to set of int
        The lines of the source that each fingerprint covers, from 0.
    """

    path: str
    set: str
    source: str
    lines: dict[bytes, frozenset[int]]


@dataclass(frozen=True)
class Pair:
    """Two submissions that are alike.

    Attributes
    ----------
    likeness : float
        How much of the shorter one's own code is in the other, from 0 to 1.
    first, second : Fingerprints
    shared : frozenset of bytes
        The fingerprints that both have.
    """

    likeness: float
    first: Fingerprints
    second: Fingerprints
    shared: frozenset[bytes]


def hashes(source: str) -> list[tuple[bytes, int, int]]:
    """Return a hash of every run of tokens, with its first and last line.

    Comments, white space and the content of strings make no difference, nor do the names that a
    learner chose.

    Parameters
    ----------
    source : str
        Python code; it need not compile.

    Returns
    -------
    list of (bytes, int, int)
    """
    tokens, line, after_dot = [], 0, False
    for found in TOKEN.finditer(source):
        text, kind = found[0], found.lastgroup
        if kind != "no":
            chosen = kind == "name" and not (after_dot or text in GIVEN_NAMES)
            tokens.append(("T" if kind == "text" else "N" if chosen else text, line))
            after_dot = text == "."
        line += text.count("\n")
    return [
        (
            hashlib.blake2b("\0".join(word for word, _ in run).encode(), digest_size=8).digest(),
            run[0][1],
            run[-1][1],
        )
        for start in range(len(tokens) - TOKENS_OF_HASH + 1)
        if (run := tokens[start : start + TOKENS_OF_HASH])
    ]


def winnow(found: Sequence[tuple[bytes, int, int]]) -> dict[bytes, frozenset[int]]:
    """Choose the least hash of each window as a fingerprint, and return the lines it covers.

    Parameters
    ----------
    found : sequence of (bytes, int, int)
        From :func:`hashes`.

    Returns
    -------
    dict of bytes to frozenset of int
    """
    lines: dict[bytes, set[int]] = defaultdict(set)
    for start in range(max(1, len(found) - WINDOW + 1) if found else 0):
        value, first, last = min(found[start : start + WINDOW])
        lines[value].update(range(first, last + 1))
    return {value: frozenset(covered) for value, covered in lines.items()}


def alike(submissions: Sequence[Fingerprints]) -> list[Pair]:
    """Find the pairs that are alike, the most alike first.

    A fingerprint counts less the more submissions have it, and nothing if half of them do.

    Parameters
    ----------
    submissions : sequence of Fingerprints

    Returns
    -------
    list of Pair
        At most :data:`MAX_PAIRS`.
    """
    found = []
    for name in {one.set for one in submissions}:
        group = [one for one in submissions if one.set == name]
        owners: dict[bytes, list[int]] = defaultdict(list)
        for number, one in enumerate(group):
            for value in one.lines:
                owners[value].append(number)
        weights = {
            value: max(0.0, 1 - max(0, len(numbers) - 2) / (len(group) / 2))
            for value, numbers in owners.items()
        }
        shared: Counter[tuple[int, int]] = Counter()
        for value, numbers in owners.items():
            if weights[value]:
                for pair in combinations(numbers, 2):
                    shared[pair] += weights[value]
        own = [sum(weights[value] for value in one.lines) for one in group]
        for (a, b), weight in shared.items():
            if weight < MIN_SHARED or weight < MIN_LIKENESS * min(own[a], own[b]):
                continue
            both = {value for value in group[a].lines.keys() & group[b].lines if weights[value]}
            value = weight / min(own[a], own[b])
            found.append(Pair(value, group[a], group[b], frozenset(both)))
    found.sort(key=lambda pair: (-pair.likeness, pair.first.path, pair.second.path))
    return found[:MAX_PAIRS]


def write_page(
    submissions: Path | str, out: Path | str, *, masters: Sequence[Path | str] | None = None
) -> tuple[int, int]:
    """Compare all submissions, and write the page that shows pairs side by side.

    No code of a submission is run.

    Parameters
    ----------
    submissions : path
        A folder or archive; see :func:`coursegrader.collect.collect`.
    out : path
        The HTML page.
    masters : sequence of path, optional
        The exercises with their solutions, or folders of them; by default, those of the course.
        Code of a solution counts for nothing.

    Returns
    -------
    tuple of int
        How many pairs are shown, and how many notebooks were compared.

    Raises
    ------
    BadNotebookError
        If a master is not a valid notebook with nbgrader's metadata.
    OSError
        If there is nothing to compare, or the page cannot be written.
    """
    models, explained = [], {}
    for path in _notebooks(masters or _course_solutions()):
        try:
            master = Master.from_file(path)
        except NothingGradedError:  # a page to be read, beside the exercises
            continue
        models.append(master)
        sources = [str(cell.source) for cell in read(path.read_bytes()).cells]
        # With the blanks in the place of solutions, too.
        sources += [step.shown for step in master.steps]
        explained[master.name] = {value for source in sources for value, _, _ in hashes(source)}
    if not models:
        raise FileNotFoundError("no master has a graded cell; name your notebook with --master.")
    compared, left_out = [], []
    for one in collect(submissions):
        try:
            if one.problem:
                raise BadNotebookError(one.problem)
            cells = _cells(one.content)
            master = closest(models, cells, one.stem)
        except (OSError, ValueError) as error:
            left_out.append((one.path, str(error)[:300]))
            continue
        sources, own, line, room = [], [], 0, MAX_CODE
        for source in _answers(master, cells):  # cell by cell, as in the master
            sources.append(source[:room])
            own += [
                (value, line + first, line + last)
                for value, first, last in hashes(sources[-1])
                if value not in explained[master.name]
            ]
            line += sources[-1].count("\n") + 2
            room -= len(sources[-1])
        source = "\n\n".join(sources)
        compared.append(Fingerprints(one.path, master.name, source, winnow(own)))
    if not compared and not left_out:
        raise FileNotFoundError(f"no notebook (.ipynb) or archive (.zip) below {submissions}.")
    pairs = alike(compared)
    shown = [(pair, [_lines(pair, one) for one in (pair.first, pair.second)]) for pair in pairs]
    page = report.page(
        "likeness.html", title="Likeness", pairs=shown, compared=len(compared), left_out=left_out
    )
    report.write_atomically(Path(out), page)
    return len(pairs), len(compared)


def _course_solutions() -> list[Path]:
    """Return where the solutions of the course are; its exercises if only these are installed."""
    solutions = checkout() / "book" / "solutions"
    return [solutions] if solutions.is_dir() else course_masters()


def _notebooks(paths: Sequence[Path | str]) -> Iterator[Path]:
    """Yield the notebooks themselves, and those in folders."""
    for path in map(Path, paths):
        yield from sorted(path.glob("*.ipynb")) if path.is_dir() else [path]


def _answers(master: Master, cells: Sequence[Cell]) -> Iterator[str]:
    """Return the code that a learner wrote: answers, and cells of their own."""
    for step in merge(master, cells).steps:
        own = not step.identifier or step.identifier in master.solutions
        if own and step.runs:
            yield step.source


def _lines(pair: Pair, one: Fingerprints) -> list[tuple[bool, str]]:
    """Return the lines of one side, and whether the other side has them."""
    marked = {line for value in pair.shared for line in one.lines[value]}
    return [(number in marked, line) for number, line in enumerate(one.source.split("\n"))]


def _cells(content: bytes) -> list[Cell]:
    """Read the cells of a submission, and nothing else of it: it may be built to use up memory.

    Raises
    ------
    BadNotebookError
        If it is no notebook of version 4.
    """
    if len(content) > MAX_NOTEBOOK_BYTES:
        raise BadNotebookError(f"it has {len(content) / 1e6:.0f} MB.")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadNotebookError(f"the file is no JSON: {error}") from None
    cells = []
    match found:
        case {"nbformat": 4, "cells": list(raw)}:
            pass
        case _:
            raise BadNotebookError("it is no notebook of version 4.")
    for cell in raw:
        match cell:
            case {"cell_type": "code" | "markdown" | "raw" as kind, "source": source}:
                if isinstance(source, list):
                    source = "".join(line for line in source if isinstance(line, str))
                match cell.get("metadata"):
                    case {"nbgrader": {"grade_id": str(identifier)}}:
                        pass
                    case _:
                        identifier = ""
                if isinstance(source, str):
                    cells.append(Cell(kind, identifier, source))
    return cells
