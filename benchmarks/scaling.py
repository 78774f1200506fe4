"""Growth: the grid on one and two processes, more submissions, and a book with more chapters.

Growth is linear or better where twice as much takes no more than twice as long. The submissions
are the right ones of ``benchmarks/grading.py``; the chapters are copies of one that trains a
small network, each with a line of its own, so that none is taken from the cache for another.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import grading
import grid
import nbformat
from _measure import BIN, ROOT, Question, command_seconds
from nbformat import v4

SUBMISSIONS = (10, 50, 200)
CHAPTERS = (4, 8, 16, 32)
CONFIGURATION = """\
title: Copies
execute:
  execute_notebooks: cache
  cache: {cache}
sphinx:
  extra_extensions: [coursekit_execution]
  local_extensions:
    coursekit_execution: _extensions
"""
CHAPTER = [
    "import keras\nimport numpy as np\n\nkeras.utils.set_random_seed({number})",
    "x = np.random.default_rng(1).normal(size=(2000, 20)).astype('float32')\n"
    "y = (x.sum(axis=1) > 0).astype('float32')",
    "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(32, 'relu'),\n"
    "                          keras.layers.Dense(1, 'sigmoid')])\n"
    "model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])\n"
    "history = model.fit(x, y, epochs=10, verbose=0)",
    "assert history.history['accuracy'][-1] > 0.8",
]


def grade(count: int) -> float:
    """Return the seconds of grading so many right submissions in two jobs."""
    right = [code for name, code in grading.submissions().items() if name.startswith("right")]
    codes = {f"student-{number:03}": right[number % len(right)] for number in range(count)}
    with tempfile.TemporaryDirectory() as folder:
        seconds, points = grading.ours(Path(folder), codes, 2)
    if set(points.values()) != {6.0} or len(points) != count:
        raise SystemExit(f"Right submissions did not get their points: {points}")
    return seconds


def build(count: int) -> float:
    """Return the seconds of a cold build of so many chapters."""
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        (folder / "_extensions").mkdir()
        shutil.copy(ROOT / "book/_extensions/coursekit_execution.py", folder / "_extensions")
        (folder / "_config.yml").write_text(CONFIGURATION.format(cache=folder / "cache"))
        names = [f"chapter-{number:02}" for number in range(1, count + 1)]
        chapters = "".join(f"  - file: {name}\n" for name in names)
        (folder / "_toc.yml").write_text(f"format: jb-book\nroot: intro\nchapters:\n{chapters}")
        (folder / "intro.md").write_text("# Copies\n")
        for number, name in enumerate(names, start=1):
            cells = [v4.new_markdown_cell(f"# Chapter {number}")]
            cells += [v4.new_code_cell(code.replace("{number}", str(number))) for code in CHAPTER]
            notebook = v4.new_notebook(cells=cells)
            notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
            nbformat.write(notebook, folder / f"{name}.ipynb")
        return command_seconds(
            [BIN / "jupyter-book", "build", folder, "--quiet"],
            JUPYTER_DEFAULT_PROVISIONER_NAME="coursekit-warm",
        )


def growth(question: Question, what: str, seconds: dict[int, float]) -> None:
    """Say what each step costs, and whether growth is linear or better."""
    sizes = list(seconds)
    steps = [
        f"from {small} to {large} ({large / small:g} times as many): "
        f"{seconds[large] / seconds[small]:.2f} times as long"
        for small, large in pairwise(sizes)
    ]
    linear = all(
        seconds[large] / seconds[small] <= large / small for small, large in pairwise(sizes)
    )
    times = ", ".join(f"{size}: {taken:.1f} s" for size, taken in seconds.items())
    verdict = "linear or better" if linear else "**worse than linear**"
    question.say(f"**{what}.** {times}. Growth {'; '.join(steps)}: {verdict}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="for the grid")
    parser.add_argument("--part", choices=("grid", "grading", "book"))
    options = parser.parse_args()
    question = Question("scaling", "Growth", __doc__.split("\n\n")[1])
    if options.part in (None, "grid"):
        question.alternate(
            "The grid of twelve networks, sample edition, 4 epochs",
            {
                "one process": lambda: grid.in_a_fresh_process("one", "sample", 4),
                "two processes": lambda: grid.in_a_fresh_process("ours", "sample", 4),
            },
            rounds=options.rounds,
            ours="two processes",
        )
    if options.part in (None, "grading"):
        growth(question, "Submissions", {count: grade(count) for count in SUBMISSIONS})
    if options.part in (None, "book"):
        build(1)  # so that the files are in memory
        growth(question, "Chapters", {count: build(count) for count in CHAPTERS})
    if options.part is None:
        question.keep()


if __name__ == "__main__":
    main()
