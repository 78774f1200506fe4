"""The MNIST handwritten digits."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from coursekit.datasets import checking, obtaining, registry

UNSIGNED_BYTES = b"\x00\x00\x08"  # the first bytes of an idx file of this type
MAX_AXES = 32  # of an array, in older versions of NumPy

ImagesAndLabels = tuple[np.ndarray, np.ndarray]


def load_mnist(*, edition: str | None = None) -> tuple[ImagesAndLabels, ImagesAndLabels]:
    """Load handwritten digits, in the form of ``keras.datasets.mnist.load_data``.

    Parameters
    ----------
    edition : {"full", "sample"}, optional
        ``"full"``: the 70,000 digits of MNIST (a 12 MB download on first use).
        ``"sample"``: the first of these, bundled with coursekit. By default the
        environment variable ``COURSEKIT_EDITION``, else ``"full"``.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray of uint8
        Images ``x``, shape (n, 28, 28), 0 (background) to 255 (ink), and labels ``y``,
        shape (n,), 0 to 9. n is 60,000 and 10,000 in the full edition; 4,000 and 1,000
        in the sample.

    Raises
    ------
    ValueError
        If the edition is neither of the two.
    DataUnavailableError
        If the full edition is not on this machine and cannot be downloaded, or if a file in
        the folder that ``COURSEKIT_DATA`` names is not what it should be.

    References
    ----------
    LeCun, Y., Bottou, L., Bengio, Y., Haffner, P., "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86(11), 1998. Licence: CC BY-SA 3.0.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_mnist(edition="sample")
    >>> x_train.shape, y_train.shape, x_train.dtype
    ((4000, 28, 28), (4000,), dtype('uint8'))
    """
    files = registry.files_of("mnist", registry.resolve_edition(edition))
    paths = [obtaining.obtain(file) for file in files]
    x_train, y_train, x_test, y_test = map(read_idx, paths)
    return (x_train, y_train), (x_test, y_test)


def read_idx(path) -> np.ndarray:
    """Read a file in the idx format of the MNIST distribution, which may be compressed with gzip.

    Parameters
    ----------
    path : path-like
        The decompressed content: two zero bytes, the type 0x08 (unsigned byte), the
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
    try:
        content = b"".join(checking.unpacked(Path(path)))
    except checking.BadFileError as error:
        raise checking.BadFileError(f"{path}: {error}") from error
    axes = content[3] if content.startswith(UNSIGNED_BYTES) and len(content) > 3 else 0
    header = 4 + 4 * axes
    if not 0 < axes <= MAX_AXES or len(content) < header:
        raise checking.BadFileError(
            f"{path}: it does not begin as an idx file of unsigned bytes, and is not a readable "
            "gzip file of one"
        )
    shape = tuple(np.frombuffer(content, ">u4", count=axes, offset=4).tolist())
    if math.prod(shape) != len(content) - header:
        raise checking.BadFileError(
            f"{path}: it has {len(content) - header:,} values where its header promises shape "
            f"{shape}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()
