"""Obtain a data file: find it on this machine, or download it for all processes at once."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from coursekit.datasets import checking, downloading, places
from coursekit.datasets.registry import DataFile, files_of

# How many seconds to wait for another process that is downloading the same data set.
LOCK_SECONDS = 900.0

# Errors of file systems, such as some network drives, on which files cannot be locked.
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


class DataUnavailableError(RuntimeError):
    """A data set is neither here nor to be had; the message says what to do next."""


class LocalFile(NamedTuple):
    """A checked file on this machine."""

    path: Path
    sha256: str


def look(file: DataFile, problems: list[str], *, thorough: bool = False) -> LocalFile | None:
    """Look for a usable copy of a file on this machine.

    Parameters
    ----------
    file : DataFile
        The file.
    problems : list of str
        What is wrong with a copy that cannot be used is added to it.
    thorough : bool
        Whether to hash the members of a container again, and write nothing; otherwise
        ``checking.check`` may write its mark.

    Returns
    -------
    LocalFile or None
        The copy, checked; None where there is none.
    """
    for path in places.possible_locations(file):
        try:
            return LocalFile(path, checking.check(path, file, thorough=thorough))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (checking.BadFileError, OSError) as error:
            problems.append(f"{path}: {error}")
    return None


def obtain(file: DataFile) -> LocalFile:
    """Find a file on this machine and check it; download it if need be.

    Parameters
    ----------
    file : DataFile
        The file.

    Returns
    -------
    LocalFile
        The copy, checked.

    Raises
    ------
    DataUnavailableError
        If it is not here and cannot be downloaded, or if its content is wrong in a place
        that is not ours to repair.
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
    if found := look(file, problems):
        return found
    raise _unavailable(file, problems or [_absent(file)], advice)


def _absent(file: DataFile) -> str:
    """Say that a file is not there, or that only its unpacked content is."""
    path = places.location(file)
    said = f"{path}: there is no such file"
    # Some browsers unpack an archive as soon as it is there.
    for name in list(file.members)[:1]:
        for beside in path.parent.rglob(name):
            return f"{said}, only {beside}, unpacked: the archive is needed as it was downloaded"
    return said


def _from_cache(file: DataFile) -> LocalFile:
    """Find a file in the cache, or download it there from the first mirror that gives it."""
    problems: list[str] = []
    # Without the lock, which cannot be had where nothing can be written. A file is moved to its
    # place whole, so there is no half of one to be found.
    if found := look(file, problems):
        return found
    with _one_process(file, problems):
        attempts: list[str] = []
        advice: dict[str, None] = {}
        if found := look(file, attempts):  # another process had the lock, and fetched it
            return found
        path = places.location(file)
        for url in file.urls:
            try:
                return LocalFile(path, downloading.download(file, url, path))
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
    """Hold the cache for one process, so that two never fetch the same file at once.

    Afterwards the lock is gone, and so is every new folder into which nothing came.
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
        raise _unavailable(
            file,
            [
                *problems,
                f"{folder}: another process has been fetching it for {LOCK_SECONDS:.0f} seconds",
            ],
            f"End that process and call again. If there is none, delete {lock} first.",
        ) from error
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
