"""Measure how results vary over seeds, for the chapters and for "What to expect".

Run ``make reproduce`` by hand before changing such a result in the book; CI never runs it. Each
run is stored in ``book/expected/runs``, so that runs of two models with the same seed can be
compared as pairs; ``book/expected`` holds a summary. The rows of a model are written as soon as
its runs have ended, so an interruption loses the runs of one model at most.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import pkgutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import experiments
import pandas as pd

FOLDER = Path(__file__).parents[1] / "book" / "expected"


def run(seed: int, *, module: str, model: str, edition: str) -> dict[str, float]:
    """Train one model with one seed; return its metrics and ``"seconds"``."""
    import keras

    os.environ["COURSEKIT_EDITION"] = edition
    keras.utils.set_random_seed(seed)
    began = time.perf_counter()
    metrics = importlib.import_module(module).EXPERIMENTS[model](seed)
    seconds = time.perf_counter() - began
    print(f"    {model}, seed {seed}: {seconds:.1f} s", flush=True)
    return {"seed": seed, **metrics, "seconds": seconds}


def summary(runs: pd.DataFrame, *, model: str, edition: str) -> pd.DataFrame:
    """Summarise runs, one row per metric."""
    metrics = runs.drop(columns=["seed", "seconds"])
    table = pd.DataFrame(
        {
            "low": metrics.min(),
            "median": metrics.median(),
            "high": metrics.max(),
            "mean": metrics.mean().round(5),
            "standard deviation": metrics.std(ddof=1).round(5),
        }
    )
    table[["low", "median", "high"]] = table[["low", "median", "high"]].round(4)
    table["seeds"] = len(runs)
    table["seconds per run"] = round(runs["seconds"].median(), 1)
    table = table.rename_axis("figure").reset_index()
    table.insert(0, "edition", edition)
    table.insert(1, "model", model)
    return table


def one_row_per_value(runs: pd.DataFrame, *, model: str, edition: str) -> pd.DataFrame:
    """Arrange runs with the columns edition, model, metric, seed and value."""
    rows = runs.drop(columns="seconds").melt("seed", var_name="metric")
    rows["value"] = rows["value"].round(6)
    rows.insert(0, "edition", edition)
    rows.insert(1, "model", model)
    return rows[["edition", "model", "metric", "seed", "value"]]


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
    parser.add_argument("--seeds", type=int, default=20, help="how many, at least 10")
    parser.add_argument("--jobs", type=int, default=1, help="how many runs at the same time")
    options = parser.parse_args()
    if unknown := set(options.chapters) - set(modules):
        parser.error(f"no experiments for {', '.join(unknown)}; there are {', '.join(modules)}")
    if options.seeds < 10:
        parser.error("a comparison needs at least 10 seeds")
    (FOLDER / "runs").mkdir(parents=True, exist_ok=True)
    spread = map
    if options.jobs > 1:
        # Read by TensorFlow when a process starts.
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(max(1, os.cpu_count() // options.jobs))
        context = multiprocessing.get_context("spawn")
        spread = ProcessPoolExecutor(options.jobs, mp_context=context).map
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
            of_model = {"model": model, "edition": edition}
            print(f"  {model} ({edition})", flush=True)
            train = partial(run, module=module.__name__, **of_model)
            runs = pd.DataFrame(spread(train, range(1, seeds + 1)))
            replace_rows(FOLDER / f"{chapter}.csv", summary(runs, **of_model), order)
            rows = one_row_per_value(runs, **of_model)
            replace_rows(FOLDER / "runs" / f"{chapter}.csv", rows, order)
            measured += 1
    if not measured:
        parser.error(f"no model's name holds {options.model!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
