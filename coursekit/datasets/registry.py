"""Which files there are: their names, addresses and hashes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

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
        In bytes; about, for a container whose hash is not known.
    sha256 : str or None
        The hash of the file; None for a container whose hash is not known (the walking zip).
    urls : tuple of str
        Its address at each mirror; none for a file that travels with the package.
    members : mapping of str to str
        File name to SHA-256 of what must be inside a container whose hash is not known.
    content : str or None
        The hash of what a gzip file holds: the same data, unpacked or compressed by another
        program, are as good.
    """

    dataset: str
    edition: str
    path: str
    size: int
    sha256: str | None = None
    urls: tuple[str, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict)
    content: str | None = None

    @property
    def bundled(self) -> bool:
        """Whether the file travels with the package."""
        return not self.urls


_MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)


def _mnist(name: str, size: int, sha256: str, content: str) -> DataFile:
    urls = tuple(mirror + name for mirror in _MNIST_MIRRORS)
    return DataFile("mnist", "full", f"mnist/{name}", size, sha256, urls, content=content)


_WALKING_ZIP = "activity+recognition+from+single+chest+mounted+accelerometer.zip"

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
        dataset="walking",
        edition="full",
        path=f"walking/{_WALKING_ZIP}",
        size=11_098_084,
        urls=(
            f"https://archive.ics.uci.edu/static/public/287/{_WALKING_ZIP}",
            "https://archive.ics.uci.edu/ml/machine-learning-databases/00287/"
            "Activity%20Recognition%20from%20Single%20Chest-Mounted%20Accelerometer.zip",
        ),
        members={
            "1.csv": "517c3182b69294e9d5b402b47fa27baa7d912e1f55063c12e2fe866895d4dc29",
            "2.csv": "94282f1b10cc77f85cae2ae9da5a644791505c63d861978f526368adc700d4a5",
            "3.csv": "1caa47a160e33b24728c64fadfc6d807fbc83e1f6ecd0326c15d9f2f08e85bbc",
            "4.csv": "d8ffa611da84fc99c0f53d75fb700f1e5cb9263fbca17be81a6e690be6055963",
            "5.csv": "f7900e7ed9bfbaaa488514acafd96a09e5d8e13b04b066425c3cfbb3ec125784",
            "6.csv": "e75c295681b5d73088709408421db4827fef53508529bfd239f2e132ada5aa91",
            "7.csv": "08eb87b81d7d26c69730b25d86d301e0f4dae22028508009770d1840b1602d5b",
            "8.csv": "5cb33776f413c4518cbd728483e5f1c093f086023c573817ee9f6214c510f961",
            "9.csv": "81237118f445b68eb68aa9576a39282f4820a00d4efb627a48fa90faf88d7715",
            "10.csv": "9c2be46118cbdd3fced0210e26f553ea2061cb4421887297c1d1f80ac50652dd",
            "11.csv": "d154a2d59c2a3ccfa91efcd3de23fe7e7e94789fdc9ef49957e723dbcfe18201",
            "12.csv": "c960a3770c6f047634f1bec1555f46f1ef3882a0446ecb4fec4801f18f79bc73",
            "13.csv": "d4fae870eb1fcd482a521448f6276853e8dcf7634febdb2ffeaac4a032b28222",
            "14.csv": "38afc987ff34d2a79717d0ac6ab891a3a34babb26c7e8e12ff6180c90cf0091e",
            "15.csv": "dd33fa778fff54a6cc58d2f1ae5ae8de30f50d83dd826ea924ecab5ee4750e3c",
        },
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
        "sample",
        "walking_sample/simulated_walking.zip",
        1_142_653,
        "1308b0379494289688d436c471672a9a84393e06ea721fa74bbdec5ab3d5a0f4",
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
