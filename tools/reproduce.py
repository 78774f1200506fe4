"""Measure the ranges of results over seeds that the book states, for "What to expect".

Run ``make reproduce`` by hand before changing a range in the book; CI never runs it. The rows
of each model are written as soon as its runs have ended, so an interruption loses the runs of
one model at most.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import experiments
import keras
import pandas as pd

from coursekit import evaluation

FOLDER = Path(__file__).parents[1] / "book" / "expected"


def bands(
    train: Callable[[int], Mapping[str, float]], *, model: str, edition: str, seeds: int
) -> pd.DataFrame:
    """Train one model with the seeds 1, 2, ...; return one row per metric."""
    os.environ["COURSEKIT_EDITION"] = edition
    print(f"  {model} ({edition})", flush=True)
    results = []
    for seed in range(1, seeds + 1):
        keras.utils.set_random_seed(seed)
        began = time.perf_counter()
        results.append({**train(seed), "seconds": time.perf_counter() - began})
        print(f"    run {seed} of {seeds}: {results[-1]['seconds']:.1f} s", flush=True)
    runs = pd.DataFrame(results)
    seconds = runs.pop("seconds").median()
    rows = []
    for metric, values in runs.items():
        band = evaluation.band(values)
        rows.append(
            {
                "edition": edition,
                "model": model,
                "figure": metric,
                "low": round(band.low, 4),
                "median": round(band.median, 4),
                "high": round(band.high, 4),
                "mean": round(values.mean(), 5),
                "standard deviation": round(values.std(ddof=1), 5),
                "seeds": band.runs,
                "seconds per run": round(seconds, 1),
            }
        )
        print(f"    {metric}: {band}", flush=True)
    return pd.DataFrame(rows)


def replace_rows(path: Path, rows: pd.DataFrame, order: list[tuple[str, str]]) -> None:
    """Replace the rows of one model and edition in a CSV file.

    ``order`` lists all pairs of edition and model; other rows are dropped.
    """
    if path.exists():
        old = pd.read_csv(path)
        fresh = (old["edition"] == rows["edition"][0]) & (old["model"] == rows["model"][0])
        rows = pd.concat([old[~fresh], rows], ignore_index=True)
    position = {key: number for number, key in enumerate(order)}
    keys = pd.Series(list(zip(rows["edition"], rows["model"], strict=True)), rows.index).map(
        position
    )
    rows = rows.loc[keys.dropna().sort_values(kind="stable").index]
    part = path.with_suffix(".part")
    rows.to_csv(part, index=False, lineterminator="\n")
    os.replace(part, path)


def main() -> int:
    modules = {
        module.CHAPTER: module
        for _, name, _ in pkgutil.iter_modules(experiments.__path__)
        if not name.startswith("_")  # shared helpers
        for module in [importlib.import_module(f"experiments.{name}")]
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help=f"of {', '.join(modules)}; all by default")
    parser.add_argument("--model", help="measure only the models whose names hold these words")
    parser.add_argument("--seeds", type=int, default=6, help="how many, at least 5")
    options = parser.parse_args()
    if unknown := set(options.chapters) - set(modules):
        parser.error(f"no experiments for {', '.join(unknown)}; there are {', '.join(modules)}")
    if options.seeds < 5:
        parser.error("a band needs at least 5 seeds")
    FOLDER.mkdir(exist_ok=True)
    measured = 0
    for chapter in options.chapters or modules:
        module = modules[chapter]
        # If the data have two editions, both are measured, which requires the full edition.
        editions = getattr(module, "EDITIONS", ("sample",))
        sample_only = getattr(module, "SAMPLE_ONLY", ())
        order = [
            (edition, model)
            for edition in editions
            for model in module.EXPERIMENTS
            if edition == "sample" or model not in sample_only
        ]
        print(chapter, flush=True)
        for edition, model in order:
            if options.model and options.model not in model:
                continue
            # Some claims need more seeds than a range does.
            seeds = max(options.seeds, getattr(module, "SEEDS", {}).get(model, 0))
            train = module.EXPERIMENTS[model]
            rows = bands(train, model=model, edition=edition, seeds=seeds)
            replace_rows(FOLDER / f"{chapter}.csv", rows, order)
            measured += 1
    if not measured:
        parser.error(f"no model's name holds {options.model!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
