"""The folders in which data files are searched.

Three folders can hold a file:

* the **bundled** folder inside the package;
* the folder named by ``COURSEKIT_DATA``, which already holds the full data and is never
  written to;
* the **cache**, where downloads go (``COURSEKIT_CACHE``, else the user cache directory).
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from coursekit.datasets.registry import DataFile


def bundled_directory() -> Path:
    """Find the folder with the files that travel with the package."""
    installed = Path(__file__).parents[1] / "data"
    # In a checkout installed with `pip install -e`, the files lie beside the package.
    return installed if installed.is_dir() else Path(__file__).parents[2] / "data"


def data_directory() -> Path | None:
    """Return the folder named by ``COURSEKIT_DATA``, or None where it is not set."""
    named = os.environ.get("COURSEKIT_DATA")
    return _folder(named) if named else None


def cache_directory() -> Path:
    """Say where downloads go: ``COURSEKIT_CACHE``, else the user cache directory."""
    named = os.environ.get("COURSEKIT_CACHE")
    if named:
        return _folder(named)
    return Path(import_pooch().os_cache("coursekit"))


def folders() -> dict[str, Path | None]:
    """Return the folders in which data files are looked for, in this order.

    Returns
    -------
    dict of str to Path
        ``"bundled"``: what travels with the package. ``"named"``: the folder that
        ``COURSEKIT_DATA`` names, or None. ``"downloaded"``: where downloads go.
    """
    return {
        "bundled": bundled_directory(),
        "named": data_directory(),
        "downloaded": cache_directory(),
    }


def _folder(named: str) -> Path:
    # Unlike Path.expanduser, this takes ~somebody for a plain name where nobody is called so.
    return Path(os.path.abspath(os.path.expanduser(named)))


def import_pooch():
    """Import pooch without the advice, in notebooks, to install a nicer progress bar."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import pooch
    return pooch


def location(file: DataFile) -> Path:
    """Say where ``file`` is, or would be, on this machine."""
    if file.bundled:
        return bundled_directory() / file.path
    return (data_directory() or cache_directory()) / file.path


def possible_locations(file: DataFile) -> list[Path]:
    """List the paths at which ``file`` may be.

    A browser that unpacks a download drops its ``.gz``, so that path without it is the second.
    """
    path = location(file)
    return [path, path.with_suffix("")] if path.suffix == ".gz" else [path]
