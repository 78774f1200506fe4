"""Measure the bands that the chapters assert, and write them for "What to expect".

Run by ``make reproduce``, by hand, before a band in the book changes; CI never does it.
Each chapter's table is written when all of its runs have ended, so that interrupting
loses one chapter's runs at most.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from pathlib import Path

import experiments
import pandas as pd

from coursekit import evaluation, training

FOLDER = Path(__file__).parents[1] / "book" / "expected"


def bands(modules_experiments: dict, seeds: list[int]) -> pd.DataFrame:
    """Train every model with every seed; one row per model and figure."""
    rows = []
    for model, train in modules_experiments.items():
        print(f"  {model}", flush=True)
        runs = training.over_seeds(train, seeds=seeds)
        seconds = runs.pop("seconds").median()
        for figure, values in runs.items():
            band = evaluation.band(values)
            rows.append(
                {
                    "model": model,
                    "figure": figure,
                    "low": round(band.low, 4),
                    "median": round(band.median, 4),
                    "high": round(band.high, 4),
                    "seeds": band.runs,
                    "seconds per run": round(seconds, 1),
                }
            )
            print(f"    {figure}: {band}", flush=True)
    return pd.DataFrame(rows)


def main() -> int:
    modules = {
        module.CHAPTER: module
        for _, name, _ in pkgutil.iter_modules(experiments.__path__)
        for module in [importlib.import_module(f"experiments.{name}")]
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help=f"of {', '.join(modules)}; all by default")
    parser.add_argument("--seeds", type=int, default=6, help="how many, at least 5")
    options = parser.parse_args()
    if unknown := set(options.chapters) - set(modules):
        parser.error(f"no experiments for {', '.join(unknown)}; there are {', '.join(modules)}")
    if options.seeds < 5:
        parser.error("a band needs at least 5 seeds")
    os.environ.setdefault("COURSEKIT_EDITION", "sample")
    FOLDER.mkdir(exist_ok=True)
    for chapter in options.chapters or modules:
        print(chapter, flush=True)
        table = bands(modules[chapter].EXPERIMENTS, list(range(1, options.seeds + 1)))
        part = FOLDER / f"{chapter}.part"
        table.to_csv(part, index=False, lineterminator="\n")
        os.replace(part, FOLDER / f"{chapter}.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
