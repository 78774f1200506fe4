"""The walking data: who is this, from five seconds of gait?"""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursekit.datasets import checking, obtaining, places, registry

PEOPLE = 15
SAMPLING_RATE = 52  # Hz
WALKING = 4  # the activity label of walking
LENGTH = 260  # samples in a window: 5 s
STRIDE = 52  # samples from one window to the next: 1 s
CHANNELS = ("acc_x", "acc_y", "acc_z")

# Part of the cache key. Raise it whenever the way from CSV to windows changes.
RECIPE_VERSION = 1


@dataclass(frozen=True, eq=False, repr=False)
class Walking:
    """Windows of walking, as :func:`load_walking` returns them.

    Attributes
    ----------
    x : ndarray of float32, shape (n, 260, 3)
        Acceleration per window, time and channel. Each channel of each window has mean 0
        and standard deviation 1 (with ``n - 1``), so it has no unit.
    labels : ndarray of int64, shape (n,)
        Who walks: 1 to 15.
    y : ndarray of float32, shape (n, 15)
        The labels, one-hot: person 1 is column 0.
    start : ndarray of int64, shape (n,)
        The window's first row within its person's recording, for splits by time.
    edition : str
        ``"full"`` (real) or ``"sample"`` (simulated).
    sampling_rate : int
        52, in Hz.
    channels : tuple of str
        Names of the last axis of ``x``.

    Raises
    ------
    ValueError
        If ``x`` has not three axes, or ``labels`` or ``start`` not one value for each window,
        or a label is none of 1 to 15.
    """

    x: np.ndarray
    labels: np.ndarray
    start: np.ndarray
    edition: str
    sampling_rate: int = SAMPLING_RATE
    channels: tuple[str, ...] = CHANNELS

    def __post_init__(self) -> None:
        if np.ndim(self.x) != 3:
            raise ValueError(
                f"x has shape {np.shape(self.x)}; it must have three axes: window, time, channel."
            )
        for name in ("labels", "start"):
            if np.shape(getattr(self, name)) != np.shape(self.x)[:1]:
                raise ValueError(
                    f"{name} has shape {np.shape(getattr(self, name))}; it must have one value "
                    f"for each of the {len(self.x)} windows of x."
                )
        if unknown := set(np.unique(self.labels).tolist()) - set(range(1, PEOPLE + 1)):
            raise ValueError(
                f"labels has {min(unknown)}; each must be a whole number from 1 to {PEOPLE}."
            )

    @property
    def y(self) -> np.ndarray:
        """The labels, one-hot."""
        return np.eye(PEOPLE, dtype=np.float32)[self.labels - 1]

    def __repr__(self) -> str:
        windows, length, channels = self.x.shape
        kind = "SIMULATED gait" if self.edition == "sample" else "real gait"
        return (
            f"Walking(edition={self.edition!r}: {kind}, {windows:,} windows of {length} samples "
            f"x {channels} channels at {self.sampling_rate} Hz, {PEOPLE} people)"
        )


def load_walking(*, edition: str | None = None) -> Walking:
    """Load five-second windows of fifteen people walking, from a chest accelerometer.

    Parameters
    ----------
    edition : {"full", "sample"}, optional
        ``"full"``: the real recordings (an 11 MB download on first use). ``"sample"``:
        **simulated** recordings of fifteen people who do not exist, bundled with
        coursekit; the model behind them is documented in ``coursekit.datasets._gait``.
        By default the environment variable ``COURSEKIT_EDITION``, else ``"full"``.

    Returns
    -------
    Walking
        ``x`` (n, 260, 3) float32, ``labels`` (n,) 1 to 15, ``y`` (n, 15) one-hot,
        ``start`` (n,), ``edition``, ``sampling_rate`` (52 Hz) and ``channels``. The full
        edition has 6,792 windows.

    Raises
    ------
    ValueError
        If the edition is neither of the two.
    DataUnavailableError
        If the full edition is not on this machine and cannot be downloaded, or if a file in
        the folder that ``COURSEKIT_DATA`` names is not what it should be.

    Notes
    -----
    The fifteen recordings are laid end to end and a window of 260 rows (5 s) is cut every
    52 rows (1 s), so neighbouring windows share four seconds. A window is dropped where it
    crosses from one person to the next or where the activity changes, and kept where the
    activity is walking. Within each window and channel the mean is subtracted and the
    sample standard deviation divided out.

    The windows are kept in the cache, so that the second call is much faster.

    References
    ----------
    P. Casale, O. Pujol, P. Radeva, "Personalization and user verification in wearable
    systems using biometric walking patterns", Personal and Ubiquitous Computing 16, 2012.
    UCI Machine Learning Repository, data set 287 (CC BY 4.0).

    Examples
    --------
    >>> load_walking(edition="sample").x.shape[1:]
    (260, 3)
    """
    edition = registry.resolve_edition(edition)
    (file,) = registry.files_of("walking", edition)
    archive = obtaining.obtain(file)
    if file.bundled:  # small: cutting it takes less time than keeping the result in step
        arrays = windows_from_zip(archive.path)
    else:
        arrays = _cached_windows(archive, file.members)
    return Walking(**arrays, edition=edition)


def window_starts(
    sequence: np.ndarray,
    activity: np.ndarray,
    *,
    length: int = LENGTH,
    stride: int = STRIDE,
    keep: int = WALKING,
) -> np.ndarray:
    """Find the first row of every window worth keeping.

    Parameters
    ----------
    sequence : ndarray, shape (rows,)
        Running number within each recording; it falls where a new recording begins.
    activity : ndarray of int, shape (rows,)
        Activity label per row.
    length, stride : int
        Rows in a window, and rows from one window to the next.
    keep : int
        The activity to keep.

    Returns
    -------
    ndarray of int64
        Rows, in order. Windows that cross recordings, change activity or show another
        activity are left out.
    """
    first = np.arange(0, len(sequence) - length + 1, stride)
    last = first + length - 1
    changes = np.concatenate([[0], np.cumsum(activity[1:] != activity[:-1])])
    one_recording = sequence[last] >= sequence[first]
    one_activity = changes[last] == changes[first]
    return first[one_recording & one_activity & (activity[first] == keep)]


def windows_from_zip(
    path: Path, members: Mapping[str, str | None] | None = None
) -> dict[str, np.ndarray]:
    """Read recordings 1.csv to 15.csv from a zip and cut them into windows.

    Parameters
    ----------
    path : Path
        The archive.
    members : mapping of str to str, optional
        SHA-256 of each recording; not needed where the archive itself has been checked.

    Returns
    -------
    dict
        ``x``, ``labels`` and ``start``, as in :class:`Walking`.

    Raises
    ------
    BadFileError
        If the archive cannot be read or lacks a recording.
    """
    import pandas as pd

    names = [f"{person}.csv" for person in range(1, PEOPLE + 1)]
    contents = checking.read_members(path, members or dict.fromkeys(names))
    # The sequence number is rounded above 100,000 and then reads 1e+05: not an integer.
    columns = {"sequence": np.float64, **dict.fromkeys(CHANNELS, np.int16), "activity": np.int8}
    recordings = [
        pd.read_csv(io.BytesIO(contents[name]), header=None, names=list(columns), dtype=columns)
        for name in names
    ]
    rows = [len(recording) for recording in recordings]
    everyone = pd.concat(recordings, ignore_index=True)

    start = window_starts(everyone["sequence"].to_numpy(), everyone["activity"].to_numpy())
    counts = everyone[list(CHANNELS)].to_numpy(np.float32)
    x = np.lib.stride_tricks.sliding_window_view(counts, LENGTH, axis=0)[start]
    x = x.transpose(0, 2, 1).astype(np.float64)
    x -= x.mean(axis=1, keepdims=True)
    x /= x.std(axis=1, ddof=1, keepdims=True)

    first_row = np.concatenate([[0], np.cumsum(rows)[:-1]])
    person = np.searchsorted(first_row, start, side="right")
    return {
        "x": np.ascontiguousarray(x, dtype=np.float32),
        "labels": person.astype(np.int64),
        "start": (start - first_row[person - 1]).astype(np.int64),
    }


def _cached_windows(
    archive: obtaining.LocalFile, members: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Return the windows of ``archive``, cut once and then kept in the cache."""
    folder = places.cache_directory() / "walking"
    kept = folder / f"windows-{archive.sha256[:16]}-v{RECIPE_VERSION}.npz"
    try:
        # Opened here, because np.load leaves a damaged file open.
        with kept.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("x", "labels", "start")}
        Walking(**arrays, edition="full")  # raises if they are not what we have written
        return arrays
    # Not there yet, or damaged, of which zipfile and NumPy raise what nobody has written down
    # (NotImplementedError, TokenError, TypeError): make it again.
    except Exception:
        pass
    arrays = windows_from_zip(archive.path, members)
    part = folder / f".{kept.name}.{os.getpid()}.{threading.get_ident()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as stream:
            np.savez(stream, **arrays)
        os.replace(part, kept)
    except OSError as error:
        warnings.warn(
            f"The walking windows could not be kept in {folder} ({error}), so the next call "
            "will cut them again. Name a writable folder in COURSEKIT_CACHE.",
            stacklevel=3,
        )
    finally:
        with suppress(OSError):
            part.unlink()
    return arrays
