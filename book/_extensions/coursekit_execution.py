"""Run the chapters that are not in the execution cache side by side, before Sphinx reads them.

Jupyter Book runs one notebook after the other while it reads. A chapter waits for a kernel to
start, for TensorFlow to be imported, and keeps one core busy much of the time, so two at a time
take clearly less. Here the cache is filled first; Jupyter Book then finds every chapter in it.
``make test`` holds the chapters to their stored outputs with what lies in the same cache, so that
no chapter runs twice; see ``tools/notebook_outputs.py``.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sysconfig
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

import nbformat
import psutil
from filelock import FileLock
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution

ROOT = Path(__file__).parents[2]
# What the outputs of a notebook depend on, besides its own cells and the installed packages.
SOURCES = (
    *(f"coursekit/**/*.{kind}" for kind in ("py", "js", "css")),
    "data/**/*",
    "book/expected/*.csv",
)
# These take longest; they begin, so that none of them is left alone at the end.
LONGEST = (
    "capacity-and-grid",
    "callbacks",
    "capstone",
    "mnist",
    "first-sequential-model",
    "breast-cancer",
    "walking",
    "iris-again",
)
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
# A kernel with TensorFlow and a chapter's data stays below this.
MEMORY_PER_CHAPTER = 2 * 2**30


def fingerprint() -> str:
    """Name everything, besides a notebook's own cells, that its outputs depend on."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        if path.is_file():
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    # Not sys.path: setuptools puts packages of its own there, once something imports it.
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    versions = {f"{one.name}=={one.version}" for one in distributions(path=sorted(installed))}
    digest.update("\n".join(sorted(versions)).encode())
    return digest.hexdigest()[:16]


def cache_folder(build: Path, edition: str) -> Path:
    """Name the folder of the cache for an edition and the present state of the package.

    Jupyter Book keys its cache by the cells of a notebook alone. With one folder per edition and
    state of the package, a change of either runs the chapters again.
    """
    return build / ".jupyter_cache" / f"{edition}-{fingerprint()}"


def open_cache(folder: Path):
    """Open the cache in a folder, which one process makes while the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        cache = get_cache(folder)
        cache.list_cache_records()  # makes its database
    return cache


def kept(cache, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """Return the notebook with the outputs that the cache has of it, if it has any."""
    try:
        return cache.get_cache_bundle(cache.match_cache_notebook(notebook).pk).nb
    except KeyError:
        return None


def keep(cache, path: Path, result: ExecutionResult) -> None:
    """Put into the cache what ran to its end."""
    bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def run(path: Path, notebook: nbformat.NotebookNode, timeout: int) -> tuple[Path, ExecutionResult]:
    """Run one notebook in its own folder, as Jupyter Book does."""
    # Where a cell fails, those after it have to look as if never run, not as they are stored.
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(execution_count=None, outputs=[])
    return path, single_nb_execution(notebook, str(path.parent), timeout, allow_errors=False)


def chapters_at_once() -> int:
    """One more than there are cores, as far as the free memory goes.

    A chapter leaves its core idle about a quarter of its time.
    """
    by_memory = psutil.virtual_memory().available // MEMORY_PER_CHAPTER
    return max(1, min((os.cpu_count() or 1) + 1, by_memory))


@contextmanager
def one_thread_each():
    """Have kernels that start meanwhile compute in one thread: the others take the other cores."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def fill_cache(app, env, docnames: list[str]) -> None:
    """Run what is missing; keep what ran to its end.

    A chapter that fails is left alone: Jupyter Book runs it again and reports it.
    """
    # Without a folder of its own, the cache would lie wherever the build was started.
    if app.config.nb_execution_mode != "cache" or not app.config.nb_execution_cache_path:
        return
    cache = open_cache(Path(app.config.nb_execution_cache_path))
    missing = []
    left_out = app.config.nb_execution_excludepatterns
    for name in docnames:
        path = Path(env.doc2path(name))
        if path.suffix == ".ipynb" and not any(map(path.match, left_out)):
            notebook = nbformat.read(path, as_version=4)
            if kept(cache, notebook) is None:
                missing.append((path, notebook))
    if len(missing) < 2:
        return
    missing.sort(key=lambda chapter: chapter[0].stem not in LONGEST)
    workers = min(chapters_at_once(), len(missing))
    print(f"Running {len(missing)} chapters, {workers} at a time", flush=True)
    with one_thread_each(), ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(run, *chapter, app.config.nb_execution_timeout) for chapter in missing]
        try:
            for place, job in enumerate(as_completed(jobs), start=1):
                path, result = job.result()
                outcome = "failed" if result.err else f"{result.time:.0f} s"
                print(f"{place:>3} of {len(missing)}: {path.stem}, {outcome}", flush=True)
                if not result.err:
                    keep(cache, path, result)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def setup(app) -> dict:
    """Register with Sphinx."""
    # Pages are trees of a hundred thousand nodes that stay until the end: looking through them
    # for what could be freed takes a tenth of the time that Sphinx does.
    gc.set_threshold(200_000, 20, 100)
    app.connect("env-before-read-docs", fill_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
