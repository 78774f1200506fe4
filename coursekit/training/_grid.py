"""Networks of several widths and depths, trained side by side."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pickle
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.kernels import _client
from coursekit.training._model import checked, checked_options, train_model, training_rows

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client

RESULT = "result.json"
# What the grid itself decides; everything else goes to train_model.
_DECIDED = {"x", "y", "units", "layers", "log_dir", "seed", "verbose"}
_DECIDED |= {"model", "optimizer", "callbacks"}


@dataclass(frozen=True)
class Cell:
    """One network of the grid."""

    units: int
    layers: int

    @property
    def id(self) -> str:
        """The name of its TensorBoard run, as in the lab."""
        return f"mlp_{self.layers}_layers_{self.units}_units"


@dataclass(frozen=True)
class Finished:
    """What a worker sends back: figures, and the event files by their place in the run."""

    figures: dict[str, float]
    files: dict[str, bytes]


def capacity_grid(
    x: np.ndarray,
    y: np.ndarray,
    *,
    units: Sequence[int] = (128, 256, 512, 1024),
    layers: Sequence[int] = (1, 2, 3),
    log_dir: Path | str,
    n_jobs: int = 1,
    client: Client | None = None,
    seed: int = 1,
    progress: bool = True,
    **options: object,
) -> pd.DataFrame:
    """Train a network of every width and depth, and compare their best validation losses.

    Each network is trained by :func:`train_model` in another process and with the same
    seed, so the results depend neither on the order nor on the number of processes. The
    largest come first, which leaves no core idle at the end. A finished network is kept in
    ``log_dir`` at once: call the function again after an interruption, and it goes on where
    it stopped.

    Parameters
    ----------
    x : ndarray of float32, shape (n, 784)
        Images as rows, values 0 to 1, in shuffled order.
    y : ndarray of float32, shape (n, 10)
        Digits, one-hot.
    units, layers : sequence of int
        The widths and depths to combine; each at least 1.
    log_dir : path
        Folder with one TensorBoard run per network, named by its id,
        ``mlp_{layers}_layers_{units}_units``.
    n_jobs : int
        Processes on this machine, at least 1; -1 is one per core. Each takes about 1 GB.
    client : distributed.Client, optional
        Train on the workers of this Dask cluster instead. They need coursekit, but no
        folder in common.
    seed : int
        Seed of every network.
    progress : bool
        Draw a bar.
    **options
        Further options of :func:`train_model`, for example ``epochs`` or ``dropout``.

    Returns
    -------
    DataFrame
        One row per network, in the order of widths and, within each, of depths: ``id``,
        ``units``, ``layers``, ``parameters``, ``best validation loss``, ``epochs``,
        ``seconds`` and ``error``. Where training failed, ``error`` says why, and the
        figures are missing.

    Raises
    ------
    TypeError
        If there is no such option, one is of another type, ``units`` or ``layers`` are not
        whole numbers, or ``client`` is no client.
    ValueError
        If the grid is empty or names a network twice, an option is out of range, the arrays
        are not as described, ``log_dir`` is a file, or holds a network that was trained with
        other data or options.

    Warns
    -----
    UserWarning
        If networks failed; the others are trained all the same.
    """
    import pandas as pd

    x, y = checked(x, y)
    n_jobs, progress = _jobs(n_jobs), _options.flag("progress", progress)
    seed = _options.seed("seed", seed)
    cells = _cells(units, layers)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(train_model).parameters.items()
        if name not in _DECIDED
    }
    if unknown := set(options) - set(defaults):
        raise TypeError(f"train_model has no option {', '.join(sorted(unknown))} for the grid.")
    options = checked_options(**options)
    training_rows(len(x), {**defaults, **options}["validation_split"])
    folder = _options.path("log_dir", log_dir)
    if client is not None and not hasattr(client, "scatter"):
        raise TypeError(f"client is {_options.shown(client)}; it must be a distributed.Client.")
    settings = {"data": _digest(x, y), "seed": seed, **defaults, **options}
    done = {cell: _finished(folder / cell.id, settings) for cell in cells}
    missing = [cell for cell, figures in done.items() if figures is None]
    missing.sort(key=lambda cell: cell.units * (784 + cell.layers * cell.units), reverse=True)
    folder.mkdir(parents=True, exist_ok=True)

    errors: dict[Cell, str] = {}
    if client is None:
        outcomes = _on_this_machine(missing, x, y, n_jobs=n_jobs, seed=seed, options=options)
    else:
        outcomes = _on_a_cluster(missing, x, y, client=client, seed=seed, options=options)
    for cell, outcome in _with_bar(outcomes, len(missing), of=len(cells), draw=progress):
        if isinstance(outcome, Finished):
            _keep(folder / cell.id, outcome, settings)
            done[cell] = outcome.figures
        else:
            errors[cell] = outcome
    if errors:
        warnings.warn(
            f"{len(errors)} of {len(cells)} networks failed: "
            + "; ".join(f"{cell.id}: {reason.rstrip('.')}" for cell, reason in errors.items())
            + ". The others are finished; call capacity_grid again to retry these.",
            stacklevel=2,
        )
    rows = [
        {"id": cell.id, **asdict(cell), **(figures or {}), "error": errors.get(cell, "")}
        for cell, figures in done.items()
    ]
    columns = ["id", "units", "layers", "parameters", "best validation loss", "epochs"]
    table = pd.DataFrame(rows, columns=[*columns, "seconds", "error"])
    return table.astype({"parameters": "Int64", "epochs": "Int64"})


# The seed is the process's, so a worker with several threads trains one network at a time.
_ALONE = threading.Lock()


def train_cell(cell: Cell, x: np.ndarray, y: np.ndarray, seed: int, options: dict):
    """Train one network where this runs; return what it gave, or why it failed."""
    with _ALONE, tempfile.TemporaryDirectory() as folder:
        try:
            trained = train_model(
                x, y, units=cell.units, layers=cell.layers, log_dir=folder, seed=seed, **options
            )
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }
    figures = {
        "parameters": trained.model.count_params(),
        "best validation loss": float(trained.best["val_loss"]),
        "epochs": len(trained.history),
        "seconds": trained.seconds,
    }
    return Finished(figures, files)


# ------------------------------------------------------------------ where networks are trained

Outcomes = Iterator[tuple[Cell, "Finished | str"]]


def _on_this_machine(cells, x, y, *, n_jobs, seed, options) -> Outcomes:
    """Train in ``n_jobs`` processes, which read the arrays from one file each."""
    from loky import cpu_count

    if not cells:
        return
    cores = cpu_count()
    jobs = min(cores if n_jobs == -1 else n_jobs, len(cells))
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, array in (("x", x), ("y", y)):
            files.append(os.path.join(folder, f"{name}.npy"))
            np.save(files[-1], array)
        train, killed = _train_from_files, []
        for cell, outcome in _side_by_side(cells, train, (*files, seed, options), jobs, cores):
            if outcome is None:
                killed.append(cell)
            else:
                yield cell, outcome
        # A process was killed, most likely for want of memory. By itself its network may have
        # enough; if not, it is the one to name.
        for cell in killed:
            for _, outcome in _side_by_side([cell], train, (*files, seed, options), 1, cores):
                yield cell, outcome or "its process was killed; is there enough memory?"


def _side_by_side(cells, train, arguments, jobs, cores) -> Iterator[tuple[Cell, object]]:
    """Call ``train`` for each network in another process; gives None where one was killed."""
    threads = str(max(1, cores // jobs))
    env = {
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    try:
        warm = _client.nearest()
    except _client.WarmUnavailableError:
        # Where a process with TensorFlow in it cannot be forked, each imports it for itself.
        yield from _imported(cells, train, arguments, jobs, env)
    else:
        with warm:
            yield from _forked(cells, train, arguments, jobs, env, warm)


def _train_from_files(cell, x_file, y_file, seed, options):
    x, y = (np.load(file, mmap_mode="r") for file in (x_file, y_file))
    return train_cell(cell, x, y, seed, options)


def _forked(cells, train, arguments, jobs, env, warm) -> Iterator[tuple[Cell, object]]:
    """Give each network a process of its own, forked from one that has TensorFlow imported."""
    running: set[_client.Forked] = set()
    starting, ended = threading.Lock(), False

    def one(cell, folder):
        file = os.path.join(folder, cell.id)
        with open(file, "wb") as work:
            pickle.dump(sys.path, work)
            pickle.dump((train, cell, arguments), work)
        with starting:
            if ended:
                return None
            try:
                process = warm.fork(f"{__name__}:_leave", file, env={**os.environ, **env})
            except _client.WarmUnavailableError:  # gone, and so is all that it had forked
                return None
            running.add(process)
        process.wait()
        running.discard(process)
        try:
            with open(f"{file}.done", "rb") as done:
                return pickle.load(done)
        except FileNotFoundError:
            return None

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(one, cell, folder): cell for cell in cells}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            with starting:
                ended = True
            for process in list(running):
                with suppress(ProcessLookupError):
                    process.kill()


def _leave(file: str, *, fds: list[int]) -> None:
    """Do what a file asks for, in a forked process, and leave the outcome beside the file."""
    with open(file, "rb") as work:
        sys.path[:] = pickle.load(work)  # where the function of the next line is found
        train, cell, arguments = pickle.load(work)
    try:
        outcome = pickle.dumps(train(cell, *arguments))
    except Exception as error:
        outcome = pickle.dumps(f"{type(error).__name__}: {error}")
    with open(f"{file}.part", "wb") as part:
        part.write(outcome)
    os.replace(f"{file}.part", f"{file}.done")


def _imported(cells, train, arguments, jobs, env) -> Iterator[tuple[Cell, object]]:
    """Train in processes that import TensorFlow, and train one network after the other."""
    from loky import BrokenProcessPool, ProcessPoolExecutor
    from loky import as_completed as as_they_end

    left = set(cells)
    executor = ProcessPoolExecutor(jobs, env=env)
    try:
        futures = {executor.submit(train, cell, *arguments): cell for cell in cells}
        for future in as_they_end(futures):
            outcome = future.result()
            left.discard(futures[future])
            yield futures[future], outcome
    except BrokenProcessPool:
        # A process that is killed takes the others' work with it.
        for cell in cells:
            if cell in left:
                yield cell, None
    finally:
        executor.shutdown(wait=True, kill_workers=True)


def _on_a_cluster(cells, x, y, *, client, seed, options) -> Outcomes:
    """Train on Dask's workers; one that dies has its network trained elsewhere."""
    from distributed import as_completed

    if not cells:
        return
    # A copy on every worker: the death of one loses nothing.
    on_workers = client.scatter([x, y], broadcast=True)
    futures = {
        client.submit(train_cell, cell, *on_workers, seed, options, pure=False): cell
        for cell in cells
    }
    try:
        for future in as_completed(futures):
            if future.status == "finished":
                yield futures[future], future.result()
            else:
                error = future.exception()
                yield futures[future], f"{type(error).__name__}: {error}"
    finally:
        client.cancel(list(futures))


# ------------------------------------------------------------------ what is kept


def _finished(run: Path, settings: dict) -> dict | None:
    """Return the figures of a run that is there already."""
    try:
        kept = json.loads((run / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{run / RESULT} is damaged ({error}); delete the folder.") from None
    kept = kept if isinstance(kept, dict) else {}
    earlier, figures = kept.get("settings"), kept.get("figures")
    if not isinstance(earlier, dict) or not isinstance(figures, dict):
        raise ValueError(f"{run / RESULT} is damaged (parts are missing); delete the folder.")
    other = {
        name: (earlier.get(name), settings.get(name))
        for name in {*earlier, *settings}
        if earlier.get(name) != settings.get(name)
    }
    if other:
        found = ", ".join(f"{name} {old} (now {new})" for name, (old, new) in sorted(other.items()))
        raise ValueError(
            f"{run.name} in {run.parent} was trained with {found}. Choose another log_dir, or "
            "delete that folder."
        )
    return figures


def _keep(run: Path, outcome: Finished, settings: dict) -> None:
    """Write a run so that it is there as a whole or not at all."""
    part = run.parent / f".{run.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    for name, content in outcome.files.items():
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).write_bytes(content)
    part.mkdir(parents=True, exist_ok=True)
    kept = {"settings": settings, "figures": outcome.figures}
    (part / RESULT).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(run, ignore_errors=True)
    os.replace(part, run)


def _digest(x: np.ndarray, y: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in (x, y):
        digest.update(str(array.shape).encode())
        digest.update(memoryview(array))
    return digest.hexdigest()[:16]


def _jobs(n_jobs: int) -> int:
    if n_jobs is not True and isinstance(n_jobs, int | np.integer) and n_jobs == -1:
        return -1
    try:
        return _options.whole("n_jobs", n_jobs)
    except ValueError:
        raise ValueError(
            f"n_jobs is {n_jobs}; it must be 1 or more, or -1 for one per core."
        ) from None


def _cells(units: Sequence[int], layers: Sequence[int]) -> list[Cell]:
    widths, depths = (
        # One that is too small is a network that fails, and the others are trained all the same.
        [_options.whole(name, each, least=-(2**31)) for each in given]
        for name, given in (
            ("units", _options.sequence("units", units, "whole numbers")),
            ("layers", _options.sequence("layers", layers, "whole numbers")),
        )
    )
    cells = [Cell(width, depth) for width in widths for depth in depths]
    if not cells:
        raise ValueError(f"units are {widths} and layers {depths}: nothing to train.")
    if len(set(cells)) < len(cells):
        raise ValueError(f"units are {widths} and layers {depths}; name each once.")
    return cells


def _with_bar(outcomes: Outcomes, missing: int, *, of: int, draw: bool) -> Outcomes:
    from tqdm import tqdm

    with tqdm(total=of, initial=of - missing, disable=not draw, unit="network") as bar:
        for cell, outcome in outcomes:
            words = (
                f"{outcome.figures['best validation loss']:.4f}"
                if isinstance(outcome, Finished)
                else "failed"
            )
            bar.set_postfix_str(f"{cell.id}: {words}")
            bar.update()
            yield cell, outcome
