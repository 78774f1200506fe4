"""Which files there are: their names, addresses and hashes, which are in ``registry.csv``."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from importlib import resources

from coursekit import _options

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


MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/",
    "https://ossci-datasets.s3.amazonaws.com/",
)


def _read_registry() -> tuple[DataFile, ...]:
    text = resources.files(__package__).joinpath("registry.csv").read_text(encoding="utf-8")
    files = []
    for row in csv.DictReader(text.splitlines()):
        urls = tuple(mirror + row["path"] for mirror in MIRRORS) if row["edition"] == "full" else ()
        row |= {"size": int(row["size"]), "urls": urls, "content": row["content"] or None}
        files.append(DataFile(**row))
    return tuple(files)


# The hashes of the bundled files are printed by `make data`, which makes the files.
REGISTRY = _read_registry()


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
    return str(_options.one_of(source, edition, EDITIONS))
