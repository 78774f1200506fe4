"""Building the book: from nothing, with nothing changed, and with one chapter changed.

Both ways build the same commit, each in a clone of its own, with the same pages, theme, checks and
environment. The plain way is `jupyter-book build` as it comes: ordinary kernels, and one chapter
after the other (its cache of outputs is on, as in the book's settings). Ours is `make book`:
kernels forked from a process that has TensorFlow imported, and one chapter more side by side than
there are cores.

A cold build takes minutes, so ours has three rounds, and the plain way as many of three as fit with
ours into half an hour, but at least one: with more, all measurements together would take longer
than two hours. Where it has fewer rounds, its cold builds are compared with the median of ours.
``--cold-minutes 60`` makes room for all.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import tempfile
from itertools import zip_longest
from pathlib import Path

import nbformat
from _measure import BIN, CACHE, OURS, PLAIN, Question, clone, command_seconds, commit, options_of

CHANGED = "preparing-tabular-data"  # a chapter of middling length
# In a quick run: a book of two pages, so that it takes seconds.
SMALL = "format: jb-book\nroot: book/index\nchapters:\n  - file: book/meet-mnist\n"
COLD_GOAL, MINUTES_GOAL = 1.6, 4


class Book:
    """A clone of the checkout in which the book is built.

    Parameters
    ----------
    folder : Path
        Where it is made.
    programs : Path, optional
        The folder of the environment's programs; by default the clone makes its own.
    plain : bool
        Whether to build the plain way.
    small : bool
        Whether to build two pages only.
    """

    def __init__(
        self, folder: Path, *, programs: Path | None, plain: bool = False, small: bool = False
    ):
        clone(folder)
        self.folder, self.plain, self.small = folder, plain, small
        if programs is None:
            command_seconds(["make", "env"], cwd=folder)
        self.programs = programs or folder / ".venv" / "bin"
        config = folder / "_config.yml"
        if plain:
            # Only the running of notebooks differs; the names of the cache come from there, too.
            text, count = re.subn(r"\n    - coursekit_execution(?=\n)", "", config.read_text())
            assert count == 1
            config.write_text(text)
        if small:
            (folder / "_toc.yml").write_text(SMALL)
            everything = 'include_patterns: ["book/**"]'
            text = config.read_text()
            assert everything in text
            two = 'include_patterns: ["book/index.md", "book/meet-mnist.ipynb"]'
            config.write_text(text.replace(everything, two))
            for quiz in (folder / "book" / "quizzes").glob("*.yml"):
                if quiz.stem != "meet-mnist":
                    quiz.unlink()

    def build(self, *, cold: bool = False) -> float:
        """Build the book, from nothing if it has to be cold, and return the seconds."""
        if cold:
            shutil.rmtree(self.folder / "_build", ignore_errors=True)
        if not self.plain and not self.small:
            return command_seconds(["make", "book"], cwd=self.folder)
        return command_seconds(
            [self.programs / "jupyter-book", "build", ".", "--quiet"],
            cwd=self.folder,
            COURSEKIT_EDITION="sample",
            JUPYTER_DEFAULT_PROVISIONER_NAME=None if self.plain else "coursekit-warm",
        )

    def rebuild(self, chapter: str) -> float:
        """Change one line of a chapter, so that all its cells have to run again; then build."""
        path = self.folder / "book" / f"{chapter}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
        cell.source += f"\n# changed {os.urandom(4).hex()}"
        nbformat.write(notebook, path)
        return self.build()


def rounds_that_fit(ours: float, plain: float, rounds: int, minutes: float) -> int:
    """Return how many rounds of the plain way fit into some minutes with all rounds of ours.

    Parameters
    ----------
    ours, plain : float
        Seconds of one cold build.
    rounds : int
        Of ours, and at most of the plain way.
    minutes : float
        For all cold builds together.

    Returns
    -------
    int
        At least 1.
    """
    return max(1, min(rounds, int((60 * minutes - rounds * ours) / plain)))


def cold_builds(question: Question, books: dict[str, Book], rounds: int, minutes: float) -> None:
    """Build from nothing in turn, ours as often as it shall; put it into the report."""
    seconds: dict[str, list[float]] = {way: [] for way in books}

    def build(way: str) -> None:
        seconds[way].append(books[way].build(cold=True))
        print(f"  Cold, {way}: {seconds[way][-1]:.0f} s", flush=True)
        question.calibrate()

    question.calibrate()
    for way in books:
        build(way)
    more = rounds_that_fit(*seconds[OURS], *seconds[PLAIN], rounds, minutes) - 1
    for pair in zip_longest([OURS] * (rounds - 1), [PLAIN] * more):
        for way in filter(None, pair):
            build(way)
    part = question.add("Cold", seconds)
    ratio = next(row["ratio"][0] for row in part["rows"] if row["way"] == PLAIN)
    question.goal("A cold build, times as fast as jupyter-book's", ratio, at_least=COLD_GOAL)
    median = statistics.median(seconds[OURS]) / 60
    question.goal("A cold build", median, at_most=MINUTES_GOAL, unit="min")


def hand_on(html: Path) -> None:
    """Keep the built pages of this commit for the script that opens them in a browser."""
    for old in CACHE.glob("html-*"):
        shutil.rmtree(old)
    shutil.copytree(html, CACHE / f"html-{commit()}")


def main() -> None:
    def more(parser) -> None:
        parser.add_argument("--cold", type=int, default=3, help="cold builds of ours")
        parser.add_argument("--cold-minutes", type=float, default=30, help="for all cold builds")

    options = options_of(__doc__, more=more)
    small = options.quick
    about = " ".join(__doc__.split("\n\n")[1:])
    question = Question("book", "Building the book", about, quick=options.quick)
    with tempfile.TemporaryDirectory() as base:
        ours = Book(Path(base) / "ours", programs=BIN if small else None, small=small)
        plain = Book(Path(base) / "plain", programs=ours.programs, plain=True, small=small)
        books = {PLAIN: plain, OURS: ours}
        cold_builds(question, books, 1 if small else options.cold, options.cold_minutes)
        if not small:
            hand_on(ours.folder / "_build" / "html")
            question.keep(unfinished=True)
        question.alternate(
            "Nothing changed",
            {way: book.build for way, book in books.items()},
            rounds=options.rounds,
        )
        chapter = "meet-mnist" if small else CHANGED
        question.alternate(
            f"One chapter changed: {chapter}",
            {way: lambda book=book: book.rebuild(chapter) for way, book in books.items()},
            rounds=options.rounds,
            warm_up=False,
        )
    question.keep()


if __name__ == "__main__":
    main()
