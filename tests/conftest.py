"""What every test starts from: no edition, no data folder, and a cache of its own."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("agg")
# pytest-xdist tells its workers to be 80 columns wide, before the command line is imported.
os.environ.pop("COLUMNS", None)

# A shell that runs a command in the background has it ignore interrupts, and so do all that it
# starts: the processes that tests interrupt would go on.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[1]
_FULL_DATA = os.environ.get("COURSEKIT_DATA")


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Keep tests apart from each other and from the user's own settings and cache."""
    for name in ("COURSEKIT_EDITION", "COURSEKIT_DATA"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def full_data(monkeypatch) -> Path:
    """The folder with the full data sets; skips the test where there is none."""
    if not _FULL_DATA:
        pytest.skip("COURSEKIT_DATA names no folder with the full data sets")
    folder = Path(_FULL_DATA).absolute()
    monkeypatch.setenv("COURSEKIT_DATA", str(folder))
    return folder
