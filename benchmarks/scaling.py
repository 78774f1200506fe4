"""Growth: training, the grid, grading and the book, as their work doubles three times.

Growth is linear or better where twice as much takes no more than twice as long. An epoch of the
1 × 512 network is trained on more rows, the grid has more networks, more right submissions are
graded in two jobs, and a book has more chapters: copies of one that trains a small network, each
with a line of its own, so that none is taken from the cache for another. Building a book is a cold
build each time, in three rounds; the others have five.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import grading
import grid
import nbformat
import numpy as np
from _measure import BIN, ROOT, Question, command_seconds, markdown, options_of, spread
from nbformat import v4
from training import digits

COLD_ROUNDS = 3
TOLERANCE = 2.1  # twice, and what rounds differ
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


def train(count: int) -> float:
    """Return the seconds of an epoch of so many rows, after one that pays for compiling."""
    from coursekit import training

    times = -(-count // len(digits(1)[0]))
    x, y = (np.ascontiguousarray(array[:count]) for array in digits(times))
    ends: list[float] = []
    training.train_model(
        x, y, epochs=3, patience=None, plateau_patience=None, seed=1, callbacks=[_clock(ends)]
    )
    return (ends[-1] - ends[0]) / 2


def _clock(ends: list[float]):
    import time

    import keras

    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter())
    )


def search(count: int) -> float:
    """Return the seconds of a grid of so many networks of nearly the same size."""
    return grid.in_a_fresh_process("ours", units=list(range(256, 256 + count)), layers=[1])


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


def grow(
    question: Question, what: str, run: Callable[[int], float], sizes: list[int], rounds: int
) -> None:
    """Measure all sizes in turn, and say what each doubling costs."""
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    question.calibrate()
    for number in range(rounds):
        for size in sizes if number % 2 == 0 else sizes[::-1]:
            seconds[size].append(run(size))
        question.calibrate()
        line = ", ".join(f"{size}: {taken[-1]:.3g} s" for size, taken in seconds.items())
        print(f"  {what}, round {number + 1} of {rounds}: {line}", flush=True)
    factors = {
        large: [
            after / before for before, after in zip(seconds[small], seconds[large], strict=True)
        ]
        for small, large in pairwise(sizes)
    }
    rows = [
        [f"{size:,}", spread(taken), f"{spread(factors[size])} ×" if size in factors else ""]
        for size, taken in seconds.items()
    ]
    worst = max(statistics.median(each) for each in factors.values())
    verdict = "linear or better" if worst <= TOLERANCE else "**worse than linear**"
    head = [what, f"seconds ({rounds} rounds)", "times as long as half of it"]
    question.say(f"{markdown(head, rows)}\n\nGrowth is {verdict}.", title=what.capitalize())
    question.goal(
        f"{what.capitalize()}: times as long for twice as many, at the worst doubling",
        worst,
        at_most=TOLERANCE,
    )


def main() -> None:
    options = options_of(__doc__)
    question = Question("scaling", "Growth", __doc__.split("\n\n")[1], quick=options.quick)
    kinds = {
        "training rows": (train, 6_000, options.rounds),
        "networks of a grid": (search, 2, options.rounds),
        "submissions": (partial(grading.seconds_for, grading.ours), 3, options.rounds),
        "chapters": (build, 3, min(options.rounds, COLD_ROUNDS)),
    }
    for what, (run, least, rounds) in kinds.items():
        sizes = [least, 2 * least, 4 * least, 8 * least]
        if options.quick:
            sizes = sizes[:2]
        else:
            run(least)  # so that the files are in memory
        grow(question, what, run, sizes, rounds)
        question.keep(unfinished=True)
    question.keep()


if __name__ == "__main__":
    main()
