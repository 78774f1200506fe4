"""Networks of several widths and depths, trained side by side."""

from __future__ import annotations

import errno
import hashlib
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
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.training._model import checked, checked_options, train_model, training_rows
from coursekit.training._processes import Killed, side_by_side

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client

RESULT = "result.json"
FIGURES = ("parameters", "best validation loss", "epochs", "seconds")
# How systems say that there is a folder, which cannot be replaced as it has something in it.
TAKEN = {errno.ENOTEMPTY, errno.EEXIST} | ({errno.EACCES} if os.name == "nt" else set())
ROUNDS = 4  # how often a network is sent to a cluster whose workers keep dying
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
        If networks failed; the others are trained all the same. If files of a finished network
        are damaged; it is trained anew.
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
    _remove_leftovers(folder)

    errors: dict[Cell, str] = {}
    if client is None:
        outcomes = _on_this_machine(missing, x, y, n_jobs=n_jobs, seed=seed, options=options)
    else:
        outcomes = _on_a_cluster(missing, x, y, client=client, seed=seed, options=options)
    for cell, outcome in _with_bar(outcomes, len(missing), of=len(cells), draw=progress):
        if isinstance(outcome, Finished):
            try:
                _keep(folder / cell.id, outcome, settings)
            except OSError as error:  # a disk that is full: the others may have room
                outcome = f"it was trained but could not be kept: {error}"
            else:
                done[cell] = outcome.figures
        if isinstance(outcome, str):
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
_one_at_a_time = threading.Lock()


def train_cell(
    cell: Cell, x: np.ndarray, y: np.ndarray, seed: int, options: dict
) -> Finished | str:
    """Train one network where this runs; return what it gave, or why it failed."""
    with _one_at_a_time, tempfile.TemporaryDirectory() as folder:
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
    from joblib import cpu_count

    if not cells:
        return
    cores = cpu_count()
    jobs = min(cores if n_jobs == -1 else n_jobs, len(cells))
    with tempfile.TemporaryDirectory(prefix="coursekit-grid-") as folder:
        files = []
        for name, array in (("x", x), ("y", y)):
            files.append(os.path.join(folder, f"{name}.npy"))
            np.save(files[-1], array)
        arguments = (*files, seed, options)
        train, killed = _train_from_files, []
        shared = {"threads": max(1, cores // jobs), "folder": Path(folder)}
        for cell, outcome in side_by_side(train, cells, arguments, jobs=jobs, **shared):
            if isinstance(outcome, Killed):
                killed.append(cell)
            else:
                yield cell, outcome
        # Most likely for want of memory. By itself its network may have enough; if not, it is
        # the one to name.
        shared["threads"] = cores
        for cell, outcome in side_by_side(train, killed, arguments, jobs=1, **shared):
            if isinstance(outcome, Killed):
                outcome = "its process was killed; is there enough memory?"
            yield cell, outcome


def _train_from_files(cell, x_file, y_file, seed, options):
    x, y = (np.load(file, mmap_mode="r") for file in (x_file, y_file))
    return train_cell(cell, x, y, seed, options)


def _on_a_cluster(cells, x, y, *, client, seed, options) -> Outcomes:
    """Train on Dask's workers; one that dies has its network trained once more."""
    from distributed import as_completed

    for attempt in range(1, ROUNDS + 1):
        if not cells:
            return
        # A copy on every worker. If all that have one die, those that come back get it again.
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
                elif attempt == ROUNDS:
                    yield futures[future], f"{ROUNDS} times the worker that had its data died"
                else:
                    continue
                cells = [cell for cell in cells if cell is not futures[future]]
        finally:
            client.cancel(list(futures))


# ------------------------------------------------------------------ what is kept


def _finished(run: Path, settings: dict) -> dict | None:
    """Return the figures of a network that is finished; warn if its folder is damaged."""
    try:
        text = (run / RESULT).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except ValueError as error:  # no UTF-8
        return _damaged(run, error)
    try:
        kept = json.loads(text)
        earlier, figures, files = (dict(kept[part]) for part in ("settings", "figures", "files"))
        found = {name: type(figures[name]) for name in FIGURES}
    except (ValueError, TypeError, KeyError) as error:
        return _damaged(run, f"{type(error).__name__}: {error}")
    if not all(issubclass(kind, int | float) for kind in found.values()):
        return _damaged(run, "figures are no numbers")
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
    for name, digest in files.items():
        try:
            if hashlib.sha256((run / name).read_bytes()).hexdigest() != digest:
                return _damaged(run, f"{name} has changed")
        except OSError as error:
            return _damaged(run, error)
    return figures


def _damaged(run: Path, reason: object) -> None:
    warnings.warn(
        f"{run / RESULT}, or what belongs to it, is damaged ({reason}); the network is trained "
        "anew.",
        stacklevel=4,
    )


def _keep(run: Path, outcome: Finished, settings: dict) -> None:
    """Write a finished network so that it is there as a whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written; then nothing of it is left.
    """
    part = Path(tempfile.mkdtemp(prefix=f".{run.name}.", suffix=".part", dir=run.parent))
    try:
        new = part / "new"
        for name, content in outcome.files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(content)
        new.mkdir(exist_ok=True)
        kept = {
            "settings": settings,
            "figures": outcome.figures,
            "files": {
                name: hashlib.sha256(content).hexdigest() for name, content in outcome.files.items()
            },
        }
        (new / RESULT).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        # Another grid may put the same network there at the same time: the last one stays.
        for attempt in range(1000):
            try:
                os.replace(new, run)
            except OSError as error:
                if error.errno not in TAKEN:
                    raise
                with suppress(FileNotFoundError):
                    os.replace(run, part / f"old{attempt}")
            else:
                return
        raise OSError(f"{run} is replaced by others again and again")
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove what a grid that was killed while it wrote has left, an hour ago or more."""
    for part in folder.glob(".mlp_*.part"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - 3600:
                shutil.rmtree(part, ignore_errors=True)


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
