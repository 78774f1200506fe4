"""A learner's kernel: every chapter in an ordinary kernel, against the time that its page prints.

Each chapter of the table of contents runs in the kernel `python3`, started as `make lab` starts it,
in a copy of the book's folder, with the sample edition of the digits; the seconds include starting
the kernel and importing TensorFlow. All chapters run once, because together they take ten minutes;
three of them run in rounds. What a page prints is rounded, so a chapter counts as longer than
printed from one and a half times the printed time on; where the page says "less than" or "under",
from that time on.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import nbformat
from _measure import ROOT, Question, environment, markdown, options_of
from nbclient import NotebookClient

CELL_SECONDS = 900
IN_ROUNDS = ("meet-mnist", "keras-in-one-page", "functional-api")
TOLERANCE = 1.5
WORDS = {
    "a few seconds": 10, "half a minute": 30, "a minute": 60, "a few minutes": 180,
    "several minutes": 300,
}  # fmt: skip
TIME = re.compile(
    r"\*\*Time:\*\*.*?(?:runs in|takes) (?P<limit>less than |under |about )?"
    rf"(?P<time>{'|'.join(WORDS)})",
    re.DOTALL,
)


def chapters() -> list[Path]:
    """Return the notebooks of the table of contents, without exercises and solutions."""
    names = re.findall(r"file: (book/[\w-]+)$", (ROOT / "_toc.yml").read_text(), re.MULTILINE)
    paths = [ROOT / f"{name}.ipynb" for name in names]
    return [path for path in paths if path.exists()]


def printed(notebook: nbformat.NotebookNode) -> tuple[str, float] | None:
    """Return what a page says of the time that its code takes, and the seconds that are allowed.

    Parameters
    ----------
    notebook : NotebookNode

    Returns
    -------
    tuple of str and float, or None
        None where the page says nothing of the kind.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "**Time:**" in cell.source:
            found = TIME.search(" ".join(cell.source.split("\n\n")[0].split()))
            if found is None:
                found = TIME.search(" ".join(cell.source.split()))
            if found is None:
                return None
            limit = found["limit"] or ""
            strict = limit in ("less than ", "under ")
            return limit + found["time"], WORDS[found["time"]] * (1 if strict else TOLERANCE)
    return None


def run(path: Path) -> float:
    """Run a chapter from the start of its kernel to the end of its last cell."""
    with tempfile.TemporaryDirectory() as base:
        # Chapters read what lies beside them, and what they write must not stay there.
        folder = shutil.copytree(path.parent, Path(base) / "book")
        notebook = nbformat.read(folder / path.name, as_version=4)
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        )
        began = time.perf_counter()
        client.execute(env=environment(COURSEKIT_EDITION="sample", IPYTHONDIR=None))
        return time.perf_counter() - began


def main() -> None:
    options = options_of(__doc__)
    # Read by Jupyter in this process. It is what `make lab` sets: ordinary, and without a log.
    os.environ["JUPYTER_DEFAULT_PROVISIONER_NAME"] = "coursekit-quiet"
    question = Question("chapters", "A learner's kernel", __doc__.split("\n\n")[1],
                        quick=options.quick)  # fmt: skip
    paths = {path.stem: path for path in chapters()}
    if options.quick:
        paths = {"meet-mnist": paths["meet-mnist"]}
    rows, longer, total = [], [], 0.0
    question.calibrate()
    for name, path in paths.items():
        seconds = run(path)
        total += seconds
        said = printed(nbformat.read(path, as_version=4))
        print(f"  {name}: {seconds:.1f} s, printed: {said[0] if said else 'nothing'}", flush=True)
        verdict = ""
        if said:
            verdict = "yes" if seconds <= said[1] else "**longer**"
            longer += [name] if seconds > said[1] else []
        rows.append([name, f"{seconds:.1f}", said[0] if said else "nothing", verdict])
        question.calibrate()
    table = markdown(["chapter", "seconds (once)", "the page says", "as printed"], rows)
    question.say(f"{table}\n\nAll {len(rows)} chapters take {total / 60:.1f} minutes.",
                 title="All chapters")  # fmt: skip
    question.goal("Chapters whose code takes longer than their page prints", len(longer), at_most=0)
    question.keep(unfinished=True)
    for name in [name for name in IN_ROUNDS if name in paths]:
        question.alternate(
            f"Chapter: {name}",
            {"python3": lambda name=name: run(paths[name])},
            rounds=options.rounds,
            ours="python3",
            warm_up=False,
        )
    question.keep()


if __name__ == "__main__":
    main()
