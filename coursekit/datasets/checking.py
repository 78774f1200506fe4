"""Check the content of data files: whatever the folder, none is used before that."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from coursekit.datasets import places
from coursekit.datasets.registry import DataFile

PIECE = 1 << 16  # bytes of a file at a time
GZIP = b"\x1f\x8b"  # what a file compressed with gzip begins with


class BadFileError(ValueError):
    """The content of a file is not what it should be; the message says how."""


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the content of a file piece by piece, unpacked where it is compressed with gzip.

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
        piece = stream.read(PIECE)
        if not piece.startswith(GZIP):
            while piece:
                yield piece
                piece = stream.read(PIECE)
            return
        unzip = zlib.decompressobj(wbits=31)  # gzip, whose checksum is looked at
        try:
            while piece:
                if content := unzip.decompress(piece):
                    yield content
                # What follows the end is another part, as some programs write, or zeros that pad.
                if piece := unzip.unused_data.lstrip(b"\0"):
                    unzip = zlib.decompressobj(wbits=31)
                else:
                    piece = stream.read(PIECE)
        except zlib.error as error:
            raise BadFileError(f"it is not a readable gzip file ({error})") from error
    if not unzip.eof:
        raise BadFileError("it is cut short: the gzip file in it has no end")


def read_members(path: Path, members: Mapping[str, str | None]) -> dict[str, bytes]:
    """Read the named files out of a zip, each checked by its content.

    Parameters
    ----------
    path : Path
        A zip archive. The members may lie in any folder of it, or in a zip inside it.
    members : mapping of str to str or None
        File name to SHA-256; None where the archive itself has been checked already.

    Returns
    -------
    dict of str to bytes
        One entry per name in ``members``.

    Raises
    ------
    BadFileError
        If the file is not a readable zip, or a member is missing or has other content.
    """
    found: dict[str, bytes] = {}
    wrong: dict[str, str] = {}

    def search(archive: zipfile.ZipFile, depth: int) -> None:
        for info in archive.infolist():
            # Some programs for Windows write backslashes, against the format's rules.
            name = PurePosixPath(info.filename.replace("\\", "/")).name
            if name in members and name not in found:
                content = archive.read(info)
                expected = members[name]
                digest = expected and hashlib.sha256(content).hexdigest()
                if digest == expected:
                    found[name] = content
                else:
                    wrong[name] = digest
            elif name.lower().endswith(".zip") and depth < 2:
                with zipfile.ZipFile(io.BytesIO(archive.read(info))) as inner:
                    search(inner, depth + 1)

    try:
        with zipfile.ZipFile(path) as archive:
            search(archive, 0)
    # Nobody says what else a damaged archive has zipfile raise: errors of zlib, bz2 and lzma,
    # NotImplementedError for an unknown method, UnicodeDecodeError for a name, and more.
    except Exception as error:
        raise BadFileError(f"it is not a readable zip archive ({error})") from error
    if missing := [name for name in members if name not in found]:
        first = missing[0]
        problem = (
            f"has SHA-256 {wrong[first]}, expected {members[first]}"
            if first in wrong
            else "is not in the archive"
        )
        raise BadFileError(f"{len(missing)} of {len(members)} members are bad: {first} {problem}")
    return found


def check(path: Path, file: DataFile, *, thorough: bool = False) -> str:
    """Check the content of a file against what the registry says of it.

    The members of a container are hashed once per content and then remembered in the
    cache, because that takes a third of a second.

    Parameters
    ----------
    path : Path
        Where the file is.
    file : DataFile
        What it should be.
    thorough : bool
        Whether to hash the members of a container again, and write nothing.

    Returns
    -------
    str
        The SHA-256 of the file, as hexadecimal text.

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
    if file.sha256 is not None:
        if digest != file.sha256 and not _same_content(path, file):
            raise BadFileError(
                f"its {path.stat().st_size:,} bytes have SHA-256 {digest}, expected "
                f"{file.sha256} ({file.size:,} bytes)"
            )
        return digest
    mark = places.cache_directory() / "verified" / digest
    if thorough:  # asked for by who only looks, and wants nothing written
        read_members(path, file.members)
    elif not os.path.exists(mark):
        read_members(path, file.members)
        # In a read-only home the mark fails, and the members are hashed again next time.
        with suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
    return digest


def _same_content(path: Path, file: DataFile) -> bool:
    """Whether ``path`` holds the content of ``file``, unpacked or compressed anew."""
    if file.content is None:
        return False
    digest = hashlib.sha256()
    for piece in unpacked(path):
        digest.update(piece)
    return digest.hexdigest() == file.content
