"""What the tests of the warm process let its children do."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from warmkernels import server


def threads(report: str, *, fds):
    there = "tensorflow" in sys.modules
    Path(report).write_text(f"{there} {server.tensorflow_threads()}")


def memory(report: str, *, fds):
    """Write how much of this process's memory is its own, and how much is shared."""
    own = shared = 0
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name.startswith("Private_"):
            own += int(rest.split()[0])
        elif name.startswith("Shared_"):
            shared += int(rest.split()[0])
    Path(report).write_text(f"{own} {shared}")


def leave(status: int, *, fds):
    raise SystemExit(status)


def fail(*, fds):
    raise ValueError("as asked")


def sleep(*, fds):
    time.sleep(600)
