"""Warm kernels against ordinary ones: the notebooks' tests, and the book built from nothing.

Each pair is one run of either kind, on the same commit and in the same environment. A pair
takes as long as it takes to run all chapters four times; be patient, or name one ``--part``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _pairs import compare

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
COLD, WARM = "coursekit-quiet", "coursekit-warm"


def seconds(command: list[str | Path], kernels: str) -> float:
    env = {
        **os.environ,
        "COURSEKIT_EDITION": "sample",
        "JUPYTER_DEFAULT_PROVISIONER_NAME": kernels,
    }
    env.pop("COURSEKIT_DATA", None)
    began = time.perf_counter()
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout[-3000:]}")
    return time.perf_counter() - began


def tests(kernels: str) -> float:
    """Hold all notebooks to their outputs, as ``make test`` does."""
    notebooks = sorted([*ROOT.glob("book/*.ipynb"), *ROOT.glob("book/solutions/*.ipynb")])
    words = ["--nbval", "--nbval-sanitize-with", "tests/book/sanitize.cfg", "--nbval-kernel-name"]
    side_by_side = ["--numprocesses", "2", "--dist", "loadfile"]
    return seconds(
        [BIN / "python", "-m", "pytest", "-q", *words, "python3", *side_by_side, *notebooks],
        kernels,
    )


def book(kernels: str) -> float:
    """Build the book with nothing in its cache."""
    with tempfile.TemporaryDirectory() as folder:
        return seconds(
            [BIN / "jupyter-book", "build", ".", "--path-output", folder, "--quiet"], kernels
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("tests", "book"))
    parser.add_argument("--pairs", type=int, default=1)
    options = parser.parse_args()
    for name, part in {"tests": tests, "book": book}.items():
        if options.part in (None, name):
            compare(
                f"{name}, warm against ordinary kernels",
                lambda part=part: part(COLD),
                lambda part=part: part(WARM),
                pairs=options.pairs,
            )


if __name__ == "__main__":
    main()
