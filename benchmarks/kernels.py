"""Warm kernels against ordinary ones: the notebooks' tests, and the book built from nothing.

Each round runs both kinds, on the same commit and in the same environment, and side by side
as many notebooks as there are cores (in the book one more). A warm kernel has TensorFlow imported
when it starts. A round runs all chapters four times: be patient, or name one ``--part``.
"""

from __future__ import annotations

import argparse
import tempfile

from _measure import BIN, ROOT, Question, command_seconds

ORDINARY, WARM = "coursekit-quiet", "coursekit-warm"


def on(kernels: str) -> dict[str, str | None]:
    """Return the environment in which notebooks run on such kernels."""
    return {
        "COURSEKIT_EDITION": "sample",
        "COURSEKIT_DATA": None,
        "JUPYTER_DEFAULT_PROVISIONER_NAME": kernels,
    }


def tests(kernels: str) -> float:
    """Hold all notebooks to their outputs, as ``make test`` does."""
    notebooks = sorted([*ROOT.glob("book/*.ipynb"), *ROOT.glob("book/solutions/*.ipynb")])
    words = ["--nbval", "--nbval-sanitize-with", "tests/book/sanitize.cfg", "--nbval-kernel-name"]
    side_by_side = ["--numprocesses", "2", "--dist", "loadfile"]
    return command_seconds(
        [BIN / "python", "-m", "pytest", "-q", *words, "python3", *side_by_side, *notebooks],
        **on(kernels),
    )


def book(kernels: str) -> float:
    """Build the book with nothing in its cache."""
    with tempfile.TemporaryDirectory() as folder:
        return command_seconds(
            [BIN / "jupyter-book", "build", ".", "--path-output", folder, "--quiet"],
            **on(kernels),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("tests", "book"))
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    question = Question("kernels", "Warm kernels", __doc__.split("\n\n")[1])
    parts = {
        "tests": ("All notebooks held to their outputs (nbval, two processes)", tests),
        "book": ("The book, with nothing in its cache", book),
    }
    for key, (name, part) in parts.items():
        if options.part in (None, key):
            question.alternate(
                name,
                {
                    "ordinary kernels": lambda part=part: part(ORDINARY),
                    "warm kernels": lambda part=part: part(WARM),
                },
                rounds=options.rounds,
                ours="warm kernels",
                warm_up=False,
            )
    if options.part is None:
        question.keep()


if __name__ == "__main__":
    main()
