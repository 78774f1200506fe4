"""Run the chapters that are not in the execution cache in parallel, before Sphinx reads them.

Jupyter Book runs notebooks one after the other. Each waits for its kernel and for the import of
TensorFlow, and then mostly uses one core, so running several at a time is faster. This extension
fills the cache first; Jupyter Book then finds every chapter in it. ``make test`` uses the same
cache to compare the chapters with their stored outputs, so that no chapter runs twice; see
``tools/notebook_outputs.py``.
"""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import sysconfig
import zlib
from base64 import b64decode
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
# Files on which the outputs of all notebooks depend, apart from compiled ones in __pycache__.
OUTPUT_SOURCES = (
    "coursekit/**/*",
    "data/**/*",
    "book/cheat-sheet.md",
    "book/_extensions/ipython_kernel_config.json",
)
# These take longest, so they start first: none of them should run alone at the end.
SLOWEST_CHAPTERS = (
    "capacity-and-grid",
    "callbacks",
    "capstone",
    "mnist-regularisation",
    "first-sequential-model",
    "breast-cancer",
    "walking",
    "iris-again",
)
THREAD_VARIABLES = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
# In bytes: a kernel with TensorFlow and a chapter's data needs less.
MEMORY_PER_CHAPTER = 2 * 2**30


# Tells IPython to draw figures for the book twice: as lines (SVG), and with 192 dots per inch, two
# for each pixel of CSS (PNG). Readers' own kernels do not know of it.
KERNEL_CONFIG = Path(__file__).parent / "ipython_kernel_config.json"
SVG, PNG = "image/svg+xml", "image/png"
# Of a drawing with more bytes than this, for example thousands of points, the picture is lighter.
MOST_SVG_BYTES = 300_000
MOST_TIMES_PNG = 2  # ... or one that is this much heavier than the picture, both compressed


def draw_for_the_book(build: Path) -> None:
    """Have the kernels that this process starts draw figures as the book needs them.

    Parameters
    ----------
    build : Path
        Folder of the build; IPython keeps its profile in it, apart from the user's own.
    """
    folder = build / "ipython"
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    part = profile / f"{KERNEL_CONFIG.name}.{os.getpid()}"
    shutil.copyfile(KERNEL_CONFIG, part)
    part.replace(profile / KERNEL_CONFIG.name)
    os.environ["IPYTHONDIR"] = str(folder)


def is_better_as_svg(svg: str, png: bytes) -> bool:
    """Return whether a figure consists of lines, and its drawing is not much heavier."""
    if "<image" in svg:  # digits, heat maps: the drawing holds a picture, and a coarse one
        return False
    compressed = len(zlib.compress(svg.encode()))  # as web servers send it
    return len(svg) <= MOST_SVG_BYTES and compressed <= MOST_TIMES_PNG * len(png)


def keep_one_picture(notebook: nbformat.NotebookNode) -> None:
    """Of each figure that was drawn twice, keep the drawing or the picture."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if SVG in data and PNG in data:
                better = is_better_as_svg(data[SVG], b64decode(data[PNG]))
                del data[PNG if better else SVG]


def fingerprint() -> str:
    """Return a hash of everything, besides its own cells, that a notebook's outputs depend on."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in OUTPUT_SOURCES for path in ROOT.glob(pattern)):
        if path.is_file() and path.parent.name != "__pycache__":
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    # Not sys.path: setuptools adds its vendored packages there when it is imported.
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    versions = {f"{one.name}=={one.version}" for one in distributions(path=sorted(installed))}
    digest.update("\n".join(sorted(versions)).encode())
    return digest.hexdigest()[:16]


def cache_folder(build: Path, edition: str) -> Path:
    """Return the cache folder for an edition and the current state of the package.

    Jupyter Book's cache depends only on the cells of a notebook. Separate folders for each edition
    and state of the package ensure that a change of either runs the chapters again.

    Parameters
    ----------
    build : Path
        Folder of the build.
    edition : str
        Edition of the data.

    Returns
    -------
    Path
    """
    return build / ".jupyter_cache" / f"{edition}-{fingerprint()}"


def open_cache(folder: Path):
    """Open the cache in a folder; a lock lets only one process create it."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        cache = get_cache(folder)
        cache.list_cache_records()  # creates its database
    return cache


def kept(cache, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """Return the notebook with its cached outputs, or None if it is not in the cache."""
    try:
        return cache.get_cache_bundle(cache.match_cache_notebook(notebook).pk).nb
    except KeyError:
        return None


def keep(cache, path: Path, result: ExecutionResult) -> None:
    """Store a notebook that ran without an error in the cache, each figure in one format."""
    keep_one_picture(result.nb)
    bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def run(path: Path, notebook: nbformat.NotebookNode, timeout: int) -> tuple[Path, ExecutionResult]:
    """Run one notebook in its own folder, as Jupyter Book does."""
    # If a cell fails, the cells after it must not show their stored outputs.
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(execution_count=None, outputs=[])
    return path, single_nb_execution(notebook, str(path.parent), timeout, allow_errors=False)


def chapters_at_once() -> int:
    """Return how many chapters to run at a time: one more than there are cores, memory permitting.

    A chapter leaves its core idle about a quarter of the time.
    """
    by_memory = psutil.virtual_memory().available // MEMORY_PER_CHAPTER
    return max(1, min((os.cpu_count() or 1) + 1, by_memory))


@contextmanager
def one_thread_each():
    """Limit kernels that start in this context to one thread each, since they run in parallel."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def fill_cache(app, env, docnames: list[str]) -> None:
    """Run the chapters that are missing from the cache, and store their outputs in it.

    A chapter that fails is not stored, so that Jupyter Book runs it again and reports the error.
    """
    # Without a configured folder, the cache would be in the working directory.
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
    if not missing:
        return
    missing.sort(key=lambda chapter: chapter[0].stem not in SLOWEST_CHAPTERS)
    workers = min(chapters_at_once(), len(missing))
    print(f"Running {len(missing)} chapters, {workers} at a time", flush=True)
    with one_thread_each(), ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(run, *chapter, app.config.nb_execution_timeout) for chapter in missing]
        try:
            for number, job in enumerate(as_completed(jobs), start=1):
                path, result = job.result()
                outcome = "failed" if result.err else f"{result.time:.0f} s"
                print(f"{number:>3} of {len(missing)}: {path.stem}, {outcome}", flush=True)
                if not result.err:
                    keep(cache, path, result)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def setup(app) -> dict:
    """Register with Sphinx."""
    # Pages are trees of a hundred thousand nodes that stay in memory. By default, garbage
    # collection of them takes a tenth of Sphinx's time.
    gc.set_threshold(200_000, 20, 100)
    app.connect("env-before-read-docs", fill_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
