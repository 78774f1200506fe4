"""Check the content of data files: no file is used unchecked, whatever folder it is in."""

from __future__ import annotations

import gzip
import hashlib
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

from coursekit.datasets.registry import DataFile

PIECE = 1 << 16  # bytes read at a time
GZIP = b"\x1f\x8b"  # the first bytes of a gzip file


class BadFileError(ValueError):
    """The content of a file is not what it should be; the message says how."""


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the content of a file piece by piece, decompressed if it is a gzip file.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    bytes
        A piece, never empty.

    Raises
    ------
    BadFileError
        If it is compressed, and damaged or cut short.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as stream:
        compressed = stream.read(len(GZIP)) == GZIP
    with gzip.open(path) if compressed else path.open("rb") as stream:
        try:
            while piece := stream.read(PIECE):
                yield piece
        except EOFError as error:
            raise BadFileError("it is cut short: the gzip file in it has no end") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise BadFileError(f"it is not a readable gzip file ({error})") from error


def check(path: Path, file: DataFile) -> None:
    """Check the content of a file against the registry.

    Parameters
    ----------
    path : Path
        Where the file is.
    file : DataFile
        What it should be.

    Raises
    ------
    BadFileError
        If the content is not what it should be.
    OSError
        If it cannot be read.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):  # reading a pipe would wait
        raise BadFileError(f"it is {'a folder' if stat.S_ISDIR(mode) else 'a device'}, not a file")
    digest = sha256_of(path)
    if digest != file.sha256 and not _same_content(path, file):
        raise BadFileError(
            f"its {path.stat().st_size:,} bytes have SHA-256 {digest}, expected "
            f"{file.sha256} ({file.size:,} bytes)"
        )


def _same_content(path: Path, file: DataFile) -> bool:
    """Whether ``path`` has the right content in another container, such as an unpacked file."""
    if file.content is None:
        return False
    digest = hashlib.sha256()
    for piece in unpacked(path):
        digest.update(piece)
    return digest.hexdigest() == file.content
