"""Run the chapters that are not in the execution cache side by side, before Sphinx reads them.

Jupyter Book runs one notebook after the other while it reads. A chapter waits for a kernel to
start, for TensorFlow to be imported, and keeps one core busy much of the time, so two at a time
take clearly less. Here the cache is filled first; Jupyter Book then finds every chapter in it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
import psutil
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution

# A kernel with TensorFlow and a chapter's data stays below this.
MEMORY_PER_CHAPTER = 2 * 2**30


def chapters_at_once() -> int:
    """One per core, as far as the free memory goes."""
    by_memory = psutil.virtual_memory().available // MEMORY_PER_CHAPTER
    return max(1, min(os.cpu_count() or 1, by_memory))


def run(path: Path, notebook: nbformat.NotebookNode, timeout: int) -> tuple[Path, ExecutionResult]:
    """Run one notebook in its own folder, as Jupyter Book does."""
    return path, single_nb_execution(notebook, str(path.parent), timeout, allow_errors=False)


def fill_cache(app, env, docnames: list[str]) -> None:
    """Run what is missing; keep what ran to its end.

    A chapter that fails is left alone: Jupyter Book runs it again and reports it.
    """
    if app.config.nb_execution_mode != "cache":
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    missing = []
    left_out = app.config.nb_execution_excludepatterns
    for name in docnames:
        path = Path(env.doc2path(name))
        if path.suffix == ".ipynb" and not any(map(path.match, left_out)):
            notebook = nbformat.read(path, as_version=4)
            try:
                cache.match_cache_notebook(notebook)
            except KeyError:
                missing.append((path, notebook))
    if len(missing) < 2:
        return
    workers = min(chapters_at_once(), len(missing))
    print(f"Running {len(missing)} chapters, {workers} at a time", flush=True)
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(run, *chapter, app.config.nb_execution_timeout) for chapter in missing]
        try:
            for place, job in enumerate(as_completed(jobs), start=1):
                path, result = job.result()
                outcome = "failed" if result.err else f"{result.time:.0f} s"
                print(f"{place:>3} of {len(missing)}: {path.stem}, {outcome}", flush=True)
                if not result.err:
                    bundle = CacheBundleIn(
                        result.nb, str(path), data={"execution_seconds": result.time}
                    )
                    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect("env-before-read-docs", fill_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
