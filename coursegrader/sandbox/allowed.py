"""What a submission may use, and where."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LAYERS = {
    "limits": "memory, processes, file sizes and open files are limited",
    "processes": "no process outside can be seen or signalled, and none stays behind",
    "network": "no network, not even this machine's own",
    "files": "nothing can be written but a scratch folder, and nothing read that is not needed",
}
SCRATCH_BYTES = 512 << 20
# Programs and libraries, and what they read of the machine.
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/proc", "/sys", "/opt",
           "/etc/alternatives", "/etc/fonts", "/etc/group", "/etc/host.conf", "/etc/hosts",
           "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf",
           "/etc/passwd", "/etc/python3", "/etc/timezone")  # fmt: skip
SHARED = "/dev/shm"  # where semaphores and shared memory lie


@dataclass(frozen=True)
class Limits:
    """How much a submission may use, in bytes where it is not said otherwise.

    Attributes
    ----------
    memory : int
        Of one process beyond what a fresh one has, and of all of them together.
    processes : int
        At the same time.
    file : int
        The largest file.
    """

    memory: int = 4 << 30
    processes: int = 64
    file: int = 256 << 20


@dataclass
class Sandbox:
    """What to allow, and, once entered, which layers are on.

    Attributes
    ----------
    layers : set of str
        Those to try, of :data:`LAYERS`.
    limits : Limits
    readable : list of str
        Folders to read besides the system's and Python's own.
    hidden : list of str
        Folders and files that nobody may look into, wherever they lie. What has to be read
        (``readable``, and Python's own folders) stays where it lies within one of them; one
        that lies within what has to be read is hidden. A folder that is named in both stays.
    scratch : str
        An empty folder, the only one to write to.
    on : dict of str to str
        The layers that are on, and by what means; filled in on the way.
    private : bool
        Whether scratch and shared memory are file systems of its own; filled in on the way.
    """

    layers: set[str] = field(default_factory=lambda: set(LAYERS))
    limits: Limits = field(default_factory=Limits)
    readable: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    scratch: str = ""
    on: dict[str, str] = field(default_factory=dict)
    private: bool = False


def most_threads(limits: Limits) -> int:
    """Return how many threads all processes may have: a few each, and libraries' own per core."""
    return 4 * limits.processes + 16 * (os.cpu_count() or 1)


def needed(sandbox: Sandbox) -> list[str]:
    """Return the folders that Python and the course are read from."""
    here = Path(__file__).resolve().parents[2]
    return [sys.prefix, sys.base_prefix, sys.exec_prefix, str(here), *sandbox.readable]


def shared_memory(sandbox: Sandbox) -> list[str]:
    """Return the folder of shared memory, if not more can be left in it than in the scratch."""
    with suppress(OSError):
        state = os.statvfs(SHARED)
        if sandbox.private or state.f_blocks * state.f_frsize <= SCRATCH_BYTES:
            return [SHARED]
    return []
