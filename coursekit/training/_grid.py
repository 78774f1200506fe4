"""Train networks of several widths and depths in parallel processes."""

from __future__ import annotations

import errno
import inspect
import json
import os
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.training import _model
from coursekit.training._processes import Killed, run_in_processes

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client

RESULT_FILE = "result.json"
METRICS = ("parameters", "best validation loss", "epochs", "seconds")
# Error numbers of os.replace when the target is a folder that is not empty.
NOT_EMPTY_ERRORS = {errno.ENOTEMPTY, errno.EEXIST} | ({errno.EACCES} if os.name == "nt" else set())
MAX_ATTEMPTS = 4  # how often a network is sent to a cluster whose workers keep dying


@dataclass(frozen=True)
class Cell:
    """One network of the grid."""

    units: int
    layers: int

    @property
    def id(self) -> str:
        """The name of the network's TensorBoard run, as in the MNIST lab."""
        return f"mlp_{self.layers}_layers_{self.units}_units"


@dataclass(frozen=True)
class CellResult:
    """The result of training one network: metrics, and event files by path inside the run."""

    metrics: dict[str, float]
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

    Each network is trained by :func:`train_model` in its own process and with the same
    seed, so the results depend neither on the order nor on the number of processes. The
    largest networks are trained first, so that no core is idle at the end. Each finished
    network is stored in ``log_dir`` at once: after an interruption, call the function again
    to train only the networks that are missing.

    Parameters
    ----------
    x : ndarray of float32, shape (n, 784)
        Images as rows, pixel values from 0 to 1, in shuffled order.
    y : ndarray of float32, shape (n, 10)
        Digits, one-hot.
    units, layers : sequence of int
        The widths and depths to combine; each at least 1.
    log_dir : path
        Folder for one TensorBoard run per network, named
        ``mlp_{layers}_layers_{units}_units``.
    n_jobs : int
        Number of processes on this machine, at least 1; -1 starts one per core. Each needs
        about 1 GB of memory.
    client : distributed.Client, optional
        Train on the workers of this Dask cluster instead. The workers need coursekit, but
        no shared folder.
    seed : int
        Seed of every network, from 0 to 2**32 - 1.
    progress : bool
        Whether to show a progress bar.
    **options
        Other options of :func:`train_model`, for example ``epochs`` or ``dropout``.

    Returns
    -------
    DataFrame
        One row per network, ordered by width and then by depth as given: ``id``,
        ``units``, ``layers``, ``parameters``, ``best validation loss``, ``epochs``,
        ``seconds`` and ``error``. Where training failed, ``error`` says why, and the
        metrics are missing.

    Raises
    ------
    TypeError
        If an option is unknown or has the wrong type, ``units`` or ``layers`` are not whole
        numbers, or ``client`` is not a ``distributed.Client``.
    ValueError
        If the grid is empty or names a network twice, an option is out of range, the arrays
        are not as described, ``log_dir`` is a file, or ``log_dir`` holds a network that was
        trained with different data or options.

    Warns
    -----
    UserWarning
        If networks failed (the others are still trained), or if files of a finished network
        are damaged (it is trained again).
    """
    import pandas as pd
    from tqdm import tqdm

    x, y = _model.checked_images(x, y)
    n_jobs = _options.whole("n_jobs", n_jobs, least=-1)
    if n_jobs == 0:
        raise ValueError("n_jobs is 0; it must be 1 or more, or -1 for one per core.")
    progress = _options.flag("progress", progress)
    seed = _options.seed("seed", seed)
    cells = _cells(units, layers)
    parameters = inspect.signature(_model.train_model).parameters
    defaults = {name: parameters[name].default for name in _model.OPTION_CHECKS}
    if unknown := set(options) - set(defaults):
        raise TypeError(f"train_model has no option {', '.join(sorted(unknown))} for the grid.")
    options = _model.checked_options(**options)
    _model.training_rows(len(x), {**defaults, **options}["validation_split"])
    folder = _options.path("log_dir", log_dir)
    if client is not None and not hasattr(client, "scatter"):
        raise TypeError(f"client is {_options.shown(client)}; it must be a distributed.Client.")
    settings = {"data": _digest(x, y), "seed": seed, **defaults, **options}
    done = {cell: _stored_metrics(folder / cell.id, settings) for cell in cells}
    missing = [cell for cell, metrics in done.items() if metrics is None]
    missing.sort(key=lambda cell: cell.units * (784 + cell.layers * cell.units), reverse=True)
    folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)

    errors: dict[Cell, str] = {}
    if client is None:
        outcomes = _on_this_machine(missing, x, y, n_jobs=n_jobs, seed=seed, options=options)
    else:
        outcomes = _on_a_cluster(missing, x, y, client=client, seed=seed, options=options)
    counted = {"total": len(cells), "initial": len(cells) - len(missing), "unit": "network"}
    with tqdm(**counted, disable=not progress) as bar:
        for cell, outcome in outcomes:
            if isinstance(outcome, CellResult):
                try:
                    _store(folder / cell.id, outcome, settings)
                    done[cell] = outcome.metrics
                except OSError as error:  # for example a full disk; smaller networks may still fit
                    outcome = f"it was trained but could not be kept: {error}"
            if isinstance(outcome, str):
                errors[cell] = outcome
            words = "failed" if cell in errors else f"{done[cell]['best validation loss']:.4f}"
            bar.set_postfix_str(f"{cell.id}: {words}")
            bar.update()
    if errors:
        warnings.warn(
            f"{len(errors)} of {len(cells)} networks failed: "
            + "; ".join(f"{cell.id}: {reason.rstrip('.')}" for cell, reason in errors.items())
            + ". The others are finished; call capacity_grid again to retry these.",
            stacklevel=2,
        )
    rows = [
        {"id": cell.id, **asdict(cell), **(metrics or {}), "error": errors.get(cell, "")}
        for cell, metrics in done.items()
    ]
    table = pd.DataFrame(rows, columns=["id", "units", "layers", *METRICS, "error"])
    return table.astype({"parameters": "Int64", "epochs": "Int64"})


# The random seed is shared by a process, so a worker with several threads trains one at a time.
_training_lock = threading.Lock()


def train_cell(
    cell: Cell, x: np.ndarray, y: np.ndarray, seed: int, options: dict
) -> CellResult | str:
    """Train one network in this process; return its result, or why training failed."""
    with _training_lock, tempfile.TemporaryDirectory() as folder:
        try:
            own = {"units": cell.units, "layers": cell.layers, "log_dir": folder, "seed": seed}
            trained = _model.train_model(x, y, **own, **options)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        paths = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    loss = float(trained.best["val_loss"])
    values = (trained.model.count_params(), loss, len(trained.history), trained.seconds)
    return CellResult(dict(zip(METRICS, values, strict=True)), files)


# ------------------------------------------------------------------ where networks are trained

Outcomes = Iterator[tuple[Cell, "CellResult | str"]]


def _on_this_machine(cells, x, y, *, n_jobs, seed, options) -> Outcomes:
    """Train in ``n_jobs`` processes, which map the arrays from one ``.npy`` file each."""
    from joblib import cpu_count

    if not cells:
        return
    cores = cpu_count()
    jobs = min(cores if n_jobs == -1 else n_jobs, len(cells))
    with tempfile.TemporaryDirectory(prefix="coursekit-grid-") as folder:
        files = [os.path.join(folder, f"{name}.npy") for name in "xy"]
        for file, array in zip(files, (x, y), strict=True):
            np.save(file, array)
        arguments = (*files, seed, options)
        train, killed = _train_from_files, []
        shared = {"threads": max(1, cores // jobs), "folder": Path(folder)}
        for cell, outcome in run_in_processes(train, cells, arguments, jobs=jobs, **shared):
            if isinstance(outcome, Killed):
                killed.append(cell)
            else:
                yield cell, outcome
        # A process was most likely killed because memory ran out. Train its network again
        # alone: it may have enough memory then; if not, report it.
        shared["threads"] = cores
        for cell, outcome in run_in_processes(train, killed, arguments, jobs=1, **shared):
            if isinstance(outcome, Killed):
                outcome = "its process was killed; is there enough memory?"
            yield cell, outcome


def _train_from_files(cell, x_file, y_file, seed, options):
    x, y = (np.load(file, mmap_mode="r") for file in (x_file, y_file))
    return train_cell(cell, x, y, seed, options)


def _on_a_cluster(cells, x, y, *, client, seed, options) -> Outcomes:
    """Train on Dask's workers; if a worker dies, submit its networks again."""
    from distributed import as_completed

    for attempt in range(1, MAX_ATTEMPTS + 1):
        if not cells:
            return
        # A copy on every worker. If all of these die, the next attempt sends it to the new ones.
        on_workers = client.scatter([x, y], broadcast=True)
        futures = {
            client.submit(train_cell, cell, *on_workers, seed, options, pure=False): cell
            for cell in cells
        }
        try:
            for future in as_completed(futures):
                if future.status == "finished":
                    yield futures[future], future.result()
                elif future.status == "error":
                    error = future.exception()
                    yield futures[future], f"{type(error).__name__}: {error}"
                elif attempt == MAX_ATTEMPTS:
                    yield futures[future], f"{MAX_ATTEMPTS} times the worker that had its data died"
                else:
                    continue
                cells = [cell for cell in cells if cell is not futures[future]]
        finally:
            client.cancel(list(futures))


# ------------------------------------------------------------------ stored networks


def _stored_metrics(run: Path, settings: dict) -> dict | None:
    """Return the stored metrics of a finished network; None if missing or damaged (with a warning).

    Raises
    ------
    ValueError
        If the network was trained with different settings.
    """
    try:
        text = (run / RESULT_FILE).read_bytes()
    except FileNotFoundError:
        return None
    try:
        stored = json.loads(text)
        earlier, metrics, files = (dict(stored[key]) for key in ("settings", "figures", "files"))
        if not all(isinstance(metrics[name], int | float) for name in METRICS):
            raise TypeError("figures are no numbers")
    except (ValueError, TypeError, KeyError) as error:
        return _warn_damaged(run, f"{type(error).__name__}: {error}")
    names = sorted({*earlier, *settings})
    if other := [name for name in names if earlier.get(name) != settings.get(name)]:
        found = ", ".join(f"{one} {earlier.get(one)} (now {settings.get(one)})" for one in other)
        raise ValueError(
            f"{run.name} in {run.parent} was trained with {found}. Choose another log_dir, or "
            "delete that folder."
        )
    for name, digest in files.items():
        try:
            if sha256((run / name).read_bytes()).hexdigest() != digest:
                return _warn_damaged(run, f"{name} has changed")
        except OSError as error:
            return _warn_damaged(run, error)
    return metrics


def _warn_damaged(run: Path, reason: object) -> None:
    warnings.warn(
        f"{run / RESULT_FILE}, or what belongs to it, is damaged ({reason}); the network is "
        "trained anew.",
        stacklevel=4,
    )


def _store(run: Path, outcome: CellResult, settings: dict) -> None:
    """Write the files of a finished network atomically: all of them or none.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    part = Path(tempfile.mkdtemp(prefix=f".{run.name}.", suffix=".part", dir=run.parent))
    try:
        new = part / "new"
        for name, content in outcome.files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(content)
        new.mkdir(exist_ok=True)
        digests = {name: sha256(content).hexdigest() for name, content in outcome.files.items()}
        stored = {"settings": settings, "figures": outcome.metrics, "files": digests}
        (new / RESULT_FILE).write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
        # Another grid may store the same network at the same time: the last one wins.
        for attempt in range(1000):
            try:
                os.replace(new, run)
            except OSError as error:
                if error.errno not in NOT_EMPTY_ERRORS:
                    raise
                with suppress(FileNotFoundError):
                    os.replace(run, part / f"old{attempt}")
            else:
                return
        raise OSError(f"{run} is replaced by others again and again")
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary folders, older than an hour, of grids that were killed while writing."""
    for part in folder.glob(".mlp_*.part"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - 3600:
                shutil.rmtree(part, ignore_errors=True)


def _digest(x: np.ndarray, y: np.ndarray) -> str:
    digest = sha256()
    for array in (x, y):
        digest.update(str(array.shape).encode())
        digest.update(memoryview(array))
    return digest.hexdigest()[:16]


def _cells(units: Sequence[int], layers: Sequence[int]) -> list[Cell]:
    sizes = {}
    for name, given in (("units", units), ("layers", layers)):
        items = _options.sequence(name, given, "whole numbers")
        # A width or depth below 1 is reported in its own row; the other networks are trained.
        sizes[name] = [_options.whole(name, each, least=-(2**31)) for each in items]
    widths, depths = sizes.values()
    cells = [Cell(width, depth) for width in widths for depth in depths]
    if not cells:
        raise ValueError(f"units are {widths} and layers {depths}: nothing to train.")
    if len(set(cells)) < len(cells):
        raise ValueError(f"units are {widths} and layers {depths}; name each once.")
    return cells
