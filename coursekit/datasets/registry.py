"""Which files there are: their names, addresses and hashes."""

from __future__ import annotations

import os
from dataclasses import dataclass

EDITIONS = ("full", "sample")


@dataclass(frozen=True)
class DataFile:
    """One file of one data set.

    Attributes
    ----------
    dataset : str
        The name of the data set.
    edition : {"full", "sample", "both"}
        ``"both"`` where there is only one edition.
    path : str
        Where it is below the bundled folder, ``COURSEKIT_DATA`` or the cache.
    size : int
        In bytes.
    sha256 : str
        The hash of the file.
    urls : tuple of str
        Its address at each mirror; empty for a file that comes with the package.
    content : str or None
        The hash of what a gzip file holds: the same data, unpacked or compressed by another
        program, are as good.
    """

    dataset: str
    edition: str
    path: str
    size: int
    sha256: str
    urls: tuple[str, ...] = ()
    content: str | None = None

    @property
    def bundled(self) -> bool:
        """Whether the file comes with the package."""
        return not self.urls


_MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)


def _mnist(name: str, size: int, sha256: str, content: str) -> DataFile:
    urls = tuple(mirror + name for mirror in _MNIST_MIRRORS)
    return DataFile("mnist", "full", f"mnist/{name}", size, sha256, urls, content=content)


# The hashes of the bundled files are printed by `make data`, which makes the files.
REGISTRY: tuple[DataFile, ...] = (
    _mnist(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    _mnist(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    _mnist(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    _mnist(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    DataFile(
        "iris",
        "both",
        "iris.csv",
        3_858,
        "9cc1c345c71bcc9b486b74cbf6063fa66f4bb5e0f603a4b3c3471ec2e5e8e355",
    ),
    DataFile(
        "breast_cancer",
        "both",
        "breast_cancer.csv",
        24_263,
        "d3c46f082ba1687840a2ebd2117450cd40c29edb13b968a0ed9525697203adf5",
    ),
    DataFile(
        "mnist",
        "sample",
        "mnist_sample/train-images-idx3-ubyte.gz",
        651_283,
        "4b9820e455bf0d275661675aa07afe9f952413e3a66f8b3e9bf66449317215fd",
    ),
    DataFile(
        "mnist",
        "sample",
        "mnist_sample/train-labels-idx1-ubyte.gz",
        2_061,
        "50b13da766150405f389de75603209f87d1e7cc12120362cd78d971e4cb21d47",
    ),
    DataFile(
        "mnist",
        "sample",
        "mnist_sample/t10k-images-idx3-ubyte.gz",
        164_121,
        "88a3f51dd47802e13cbe8ae159d6df92a721540e4576df6cf4468e735dbd344b",
    ),
    DataFile(
        "mnist",
        "sample",
        "mnist_sample/t10k-labels-idx1-ubyte.gz",
        522,
        "aeba4b5fe5da657d1c5eb3e2c24d30d530bb1220dd399cc8f5660c0a3d31e123",
    ),
    DataFile(
        "walking",
        "both",
        "walking.npz",
        1_332_143,
        "1bc3657e6d7d053021f28c7cadd2eefe12412c6510ec6b0ad1ebc23305f582a8",
    ),
)


def files_of(dataset: str, edition: str) -> tuple[DataFile, ...]:
    """List the files that make up one edition of one data set.

    Parameters
    ----------
    dataset : str
        Its name; a name that is in no :class:`DataFile` has no files.
    edition : {"full", "sample", "both"}
        The edition; ``"both"`` for a data set that has only one.

    Returns
    -------
    tuple of DataFile
        In the order of ``REGISTRY``.
    """
    return tuple(
        file for file in REGISTRY if file.dataset == dataset and file.edition in (edition, "both")
    )


def resolve_edition(edition: str | None) -> str:
    """Turn a loader's ``edition`` argument into ``"full"`` or ``"sample"``.

    Parameters
    ----------
    edition : str or None
        What the caller gave. ``None`` reads ``COURSEKIT_EDITION`` and falls back to ``"full"``.

    Returns
    -------
    str
        ``"full"`` or ``"sample"``.

    Raises
    ------
    ValueError
        For any other name, wherever it came from.
    """
    source = "edition"
    if edition is None:
        source = "the environment variable COURSEKIT_EDITION"
        edition = os.environ.get("COURSEKIT_EDITION") or "full"
    # An array is neither, but can be asked only element by element.
    if not isinstance(edition, str) or edition not in EDITIONS:
        raise ValueError(f"{source} is {edition!r}; it must be one of {', '.join(EDITIONS)}.")
    return str(edition)
