"""Obtain a data file: find it on this machine, or download it for all processes at once."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from coursekit.datasets import checking, downloading, places
from coursekit.datasets.registry import DataFile, files_of

# How many seconds to wait for another process that is downloading the same data set.
LOCK_SECONDS = 900.0

# Errors of file systems, such as some network drives, on which files cannot be locked.
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


class DataUnavailableError(RuntimeError):
    """A data set is not here and could not be downloaded; the message says what to do next."""


def find(file: DataFile, problems: list[str]) -> Path | None:
    """Find a usable copy of a file on this machine.

    Parameters
    ----------
    file : DataFile
        The file.
    problems : list of str
        Receives what is wrong with each copy that cannot be used.

    Returns
    -------
    Path or None
        The copy, checked; None where there is none.
    """
    for path in places.possible_locations(file):
        try:
            checking.check(path, file)
            return path
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (checking.BadFileError, OSError) as error:
            problems.append(f"{path}: {error}")
    return None


def obtain(file: DataFile) -> Path:
    """Find a file on this machine and check it; download it if need be.

    Parameters
    ----------
    file : DataFile
        The file.

    Returns
    -------
    Path
        The copy, checked.

    Raises
    ------
    DataUnavailableError
        If it is not here and cannot be downloaded, or if a copy in a folder that coursekit
        does not write to has the wrong content.
    """
    if file.bundled:
        advice = "The installation is damaged: install coursekit again."
    elif places.data_directory() is not None:
        advice = (
            "COURSEKIT_DATA names that folder, so nothing was downloaded. Put the file there, "
            "point COURSEKIT_DATA at the folder that has it, or unset COURSEKIT_DATA to "
            "download it."
        )
    else:
        return _from_cache(file)

    problems: list[str] = []
    if found := find(file, problems):
        return found
    absent = f"{places.location(file)}: there is no such file"
    raise _unavailable(file, problems or [absent], advice)


def _from_cache(file: DataFile) -> Path:
    """Find a file in the cache, or download it there from the first mirror that gives it."""
    problems: list[str] = []
    # Without the lock, which a read-only folder does not allow. A download is moved here only
    # when it is complete.
    if found := find(file, problems):
        return found
    with _one_process(file, problems):
        attempts: list[str] = []
        advice: dict[str, None] = {}
        if found := find(file, attempts):  # another process had the lock, and fetched it
            return found
        path = places.location(file)
        for url in file.urls:
            try:
                downloading.download(file, url, path)
                return path
            except downloading.MirrorError as error:
                attempts.append(f"{url}: {error}")
                advice[error.advice] = None
    raise _unavailable(file, attempts, "\n".join(advice))


def _unavailable(file: DataFile, attempts: list[str], advice: str) -> DataUnavailableError:
    """Make the error that lists what was tried and says what to do."""
    lines = [f"The {file.dataset} data ({file.edition} edition) could not be loaded."]
    lines += ["What was tried:", *(f"  - {attempt}" for attempt in attempts), advice]
    if not file.bundled:
        names = sorted(PurePosixPath(other.path).name for other in files_of(file.dataset, "full"))
        lines += [
            "Without a connection, there are two ways on:",
            f'  - load_{file.dataset}(edition="sample") uses the small data set that comes with '
            "coursekit (or set COURSEKIT_EDITION=sample for a whole session);",
            f"  - put the files in {places.location(file).parent}",
            f"    ({', '.join(names)}), or in the folder {file.dataset}/ of any folder that you "
            "name in COURSEKIT_DATA.",
        ]
    return DataUnavailableError("\n".join(lines))


@contextmanager
def _one_process(file: DataFile, problems: list[str]) -> Iterator[None]:
    """Lock the cache, so that two processes never download the same file at once.

    Afterwards the lock is removed, and so is every new folder that stayed empty.
    """
    from filelock import FileLock, Timeout

    folder = places.cache_directory()
    lock = folder / f".{file.dataset}.lock"
    inner = places.location(file).parent
    made = [path for path in (inner, *inner.parents) if not os.path.exists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=LOCK_SECONDS):
            try:
                yield
            finally:
                # While it is held, so that nobody else's is removed. Windows does not do that.
                with suppress(OSError):
                    lock.unlink()
    except Timeout as error:
        busy = f"{folder}: another process has been fetching it for {LOCK_SECONDS:.0f} seconds"
        advice = f"End that process and call again. If there is none, delete {lock} first."
        raise _unavailable(file, [*problems, busy], advice) from error
    except (OSError, NotImplementedError) as error:  # of older filelocks, in place of ENOSYS
        advice = "Free the folder, or name another one in COURSEKIT_CACHE."
        if getattr(error, "errno", errno.ENOSYS) in NO_LOCKS:
            with suppress(OSError):  # it was made before it could not be locked
                lock.unlink()
            advice = (
                "Files cannot be locked there, as on some network drives, and a download needs a "
                "lock. Name a folder on a disk of this machine in COURSEKIT_CACHE."
            )
        raise _unavailable(file, [*problems, f"{folder}: {error}"], advice) from error
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()
