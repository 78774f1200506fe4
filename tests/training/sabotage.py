"""Training that goes wrong, in a module that a worker process can import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from coursekit.training import _grid

MARKER = "COURSEKIT_TEST_MARKER"  # names a file that says that a worker was killed

_train_cell, _train_from_files = _grid.train_cell, _grid._train_from_files


def _kill_this_process_once() -> None:
    try:
        Path(os.environ[MARKER]).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def killed_once(*arguments):
    """Kill the process that runs this, as a machine short of memory does; work when retried."""
    _kill_this_process_once()
    return _train_from_files(*arguments)


def killed_once_on_a_cluster(*arguments):
    """Do the same to a Dask worker."""
    _kill_this_process_once()
    return _train_cell(*arguments)


def killed_when_wide(cell, *arguments):
    """Kill the process whenever the network has 16 units."""
    if cell.units == 16:
        os.kill(os.getpid(), signal.SIGKILL)
    return _train_from_files(cell, *arguments)


def slow_but_one(cell, *arguments):
    """Train one network, and be busy with the others for longer than the test lasts."""
    if cell.units != 48:
        time.sleep(600)
    return _train_from_files(cell, *arguments)


def cannot_be_sent_back(*arguments):
    """Give what no other process can be given."""
    return lambda: None
