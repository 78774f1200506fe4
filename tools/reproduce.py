"""Measure how results vary over seeds, for the chapters and for "What to expect".

Run ``make reproduce`` by hand before changing such a result in the book; CI never runs it. Each
run is stored in ``coursekit/datasets/runs``, so that runs of two models with the same seed can be
compared as pairs. The rows of a model are written as soon as its runs have ended, so an
interruption loses the runs of one model at most.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import pkgutil
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

import experiments
import pandas as pd

FOLDER = Path(__file__).parents[1] / "coursekit" / "datasets" / "runs"


def run(seed: int, *, module: str, model: str, edition: str) -> dict[str, float]:
    """Train one model with one seed; return the seed and its metrics."""
    import keras

    os.environ["COURSEKIT_EDITION"] = edition
    keras.utils.set_random_seed(seed)
    began = time.perf_counter()
    metrics = importlib.import_module(module).EXPERIMENTS[model](seed)
    seconds = time.perf_counter() - began
    keras.utils.clear_session()
    print(f"    {model}, seed {seed}: {seconds:.1f} s", flush=True)
    return {"seed": seed, **metrics}


def one_row_per_value(runs: pd.DataFrame, *, model: str, edition: str) -> pd.DataFrame:
    """Arrange runs with the columns edition, model, metric, seed and value."""
    rows = runs.melt("seed", var_name="metric")
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


@dataclass(frozen=True)
class Plan:
    """The runs of one model on one edition of the data.

    Attributes
    ----------
    chapter, model, edition : str
    module : str
        Name of the module that trains it.
    seeds : int
    order : list of (str, str)
        All pairs of edition and model of this chapter.
    """

    chapter: str
    model: str
    edition: str
    module: str
    seeds: int
    order: list[tuple[str, str]]


def plans_of(module: ModuleType, options: argparse.Namespace) -> Iterator[Plan]:
    """Return the plans of a chapter."""
    # If the data have two editions, both are measured, which requires the full edition.
    editions = getattr(module, "EDITIONS", ("sample",))
    sample_only = getattr(module, "SAMPLE_ONLY", ())
    order = [
        (edition, model)
        for edition in editions
        for model in module.EXPERIMENTS
        if edition == "sample" or model not in sample_only
    ]
    for edition, model in order:
        larger = edition == "full" and len(editions) > 1
        seeds = options.full_seeds if larger else options.seeds
        yield Plan(module.CHAPTER, model, edition, module.__name__, seeds, order)


def is_stored(plan: Plan) -> bool:
    """Return whether all runs of a plan are stored."""
    path = FOLDER / f"{plan.chapter}.csv"
    if not path.exists():
        return False
    rows = pd.read_csv(path)
    seeds = rows.loc[(rows["edition"] == plan.edition) & (rows["model"] == plan.model), "seed"]
    return set(range(1, plan.seeds + 1)) <= set(seeds)


def end_with_parent() -> None:
    """End this process as soon as the one that started it does, even if that one was killed."""

    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def runs_of(plans: list[Plan], jobs: int) -> Iterator[Iterator[Iterator[dict[str, float]]]]:
    """Return the runs of each plan; with several jobs, all plans share one pool of processes."""

    def train(plan: Plan, spread) -> Iterator[dict[str, float]]:
        one = partial(run, module=plan.module, model=plan.model, edition=plan.edition)
        return spread(one, range(1, plan.seeds + 1))

    if jobs == 1:
        yield (train(plan, map) for plan in plans)
        return
    # Read by TensorFlow when a process starts.
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(max(1, os.cpu_count() // jobs))
    spawning = {"mp_context": multiprocessing.get_context("spawn"), "initializer": end_with_parent}
    with ProcessPoolExecutor(jobs, **spawning) as pool:
        try:
            yield iter([train(plan, pool.map) for plan in plans])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


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
    parser.add_argument("--edition", choices=["sample", "full"], help="measure only this one")
    parser.add_argument("--seeds", type=int, default=20, help="how many, at least 10")
    parser.add_argument(
        "--full-seeds", type=int, default=10, help="the same for the full edition of the digits"
    )
    parser.add_argument(
        "--missing", action="store_true", help="only models whose runs are not stored yet"
    )
    parser.add_argument("--jobs", type=int, default=1, help="how many runs at the same time")
    options = parser.parse_args()
    if unknown := set(options.chapters) - set(modules):
        parser.error(f"no experiments for {', '.join(unknown)}; there are {', '.join(modules)}")
    if min(options.seeds, options.full_seeds) < 10:
        parser.error("a comparison needs at least 10 seeds")
    FOLDER.mkdir(parents=True, exist_ok=True)
    plans = [
        plan
        for chapter in options.chapters or modules
        for plan in plans_of(modules[chapter], options)
        if (not options.model or options.model in plan.model)
        and options.edition in (None, plan.edition)
    ]
    if not plans:
        parser.error(f"no model's name holds {options.model!r}")
    if options.missing:
        plans = [plan for plan in plans if not is_stored(plan)]
    with runs_of(plans, options.jobs) as results:
        for plan, result in zip(plans, results, strict=True):
            runs = pd.DataFrame(list(result))
            rows = one_row_per_value(runs, model=plan.model, edition=plan.edition)
            replace_rows(FOLDER / f"{plan.chapter}.csv", rows, plan.order)
            print(f"{plan.chapter}: {plan.model} ({plan.edition})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
