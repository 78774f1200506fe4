"""Building the book: from nothing, with nothing changed, and with one chapter changed.

Both ways build the same commit, each in a copy of its own, with the same pages, theme and checks.
The plain way is `jupyter-book build` as it comes: ordinary kernels, and one chapter after the
other (its cache of outputs is on, as in the book's settings). Ours is `make book`: kernels forked
from a process that has TensorFlow imported, and one chapter more side by side than there are
cores.

A cold build of each way takes minutes: ``--cold`` says how often, and the others ``--rounds``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import nbformat
from _measure import BIN, OURS, PLAIN, ROOT, Question, command_seconds

# A chapter of middling length, and the two that take longest.
CHANGED = ("preparing-tabular-data", "callbacks", "capacity-and-grid")


def copy(folder: Path, *, plain: bool) -> Path:
    """Copy what git knows into a folder; the plain way without our execution."""
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for name in names:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    if plain:
        path = folder / "_config.yml"
        # Only the running of notebooks differs; the names of the cache come from there, too.
        text, count = re.subn(r"\n    - coursekit_execution(?=\n)", "", path.read_text())
        assert count == 1
        path.write_text(text)
    return folder


def build(folder: Path, *, plain: bool) -> float:
    """Build the copy, and return the seconds."""
    # The package of the environment is the one of this checkout, not the copy's: the same code.
    return command_seconds(
        [BIN / "jupyter-book", "build", ".", "--quiet"],
        cwd=folder,
        COURSEKIT_EDITION="sample",
        COURSEKIT_DATA=None,
        JUPYTER_DEFAULT_PROVISIONER_NAME="coursekit-quiet" if plain else "coursekit-warm",
    )


def change(folder: Path, chapter: str) -> None:
    """Change one line of a chapter: a comment, so that all cells have to run again."""
    path = folder / "book" / f"{chapter}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.source += f"\n# changed {os.urandom(4).hex()}"
    nbformat.write(notebook, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cold", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    question = Question("book", "Building the book", __doc__.split("\n\n")[1])
    with tempfile.TemporaryDirectory() as base:
        folders = {}
        for way, plain in ((PLAIN, True), (OURS, False)):
            folders[way] = (copy(Path(base) / way.replace(" ", "-"), plain=plain), plain)

        def cold(way: str) -> float:
            folder, plain = folders[way]
            shutil.rmtree(folder / "_build", ignore_errors=True)
            return build(folder, plain=plain)

        def warm(way: str) -> float:
            folder, plain = folders[way]
            return build(folder, plain=plain)

        def changed(way: str, chapter: str) -> float:
            folder, plain = folders[way]
            change(folder, chapter)
            return build(folder, plain=plain)

        def ways(run, *words) -> dict:
            return {way: lambda way=way: run(way, *words) for way in folders}

        question.alternate("Cold", ways(cold), rounds=options.cold, warm_up=False, goal=1.6)
        question.alternate("Nothing changed", ways(warm), rounds=options.rounds)
        for chapter in CHANGED:
            question.alternate(
                f"One chapter changed: {chapter}",
                ways(changed, chapter),
                rounds=options.rounds,
                warm_up=False,
            )
    question.keep()


if __name__ == "__main__":
    main()
