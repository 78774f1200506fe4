"""The resources and files that a submission may use."""

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
# Programs and libraries, and the system files that they read.
SYSTEM_PATHS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/proc", "/sys", "/opt",
           "/etc/alternatives", "/etc/fonts", "/etc/group", "/etc/host.conf", "/etc/hosts",
           "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf",
           "/etc/passwd", "/etc/python3", "/etc/timezone")  # fmt: skip
SHARED_MEMORY = "/dev/shm"  # for semaphores and shared memory


@dataclass(frozen=True)
class Limits:
    """Resource limits of a submission.

    Attributes
    ----------
    memory : int
        Memory in bytes: of one process beyond that of a new one, and of all together.
    processes : int
        Number of processes at the same time.
    file : int
        Size of the largest file in bytes.
    """

    memory: int = 4 << 30
    processes: int = 64
    file: int = 256 << 20


@dataclass
class Sandbox:
    """The settings of a sandbox and, once it is entered, its active layers.

    Attributes
    ----------
    layers : set of str
        The layers to try, from :data:`LAYERS`.
    limits : Limits
    readable : list of str
        Additional readable folders, besides those of the system and of Python.
    hidden : list of str
        Folders and files that the submission must not read. If a readable folder (in
        ``readable``, or of Python) lies within a hidden one, it stays readable. If a hidden
        folder lies within a readable one, it is hidden. A folder in both lists is readable.
    scratch : str
        An empty folder, the only writable one.
    on : dict of str to str
        The active layers, with the mechanism of each; set when the sandbox is entered.
    private : bool
        Whether scratch and shared memory are separate file systems; set when it is entered.
    """

    layers: set[str] = field(default_factory=lambda: set(LAYERS))
    limits: Limits = field(default_factory=Limits)
    readable: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    scratch: str = ""
    on: dict[str, str] = field(default_factory=dict)
    private: bool = False


def max_threads(limits: Limits) -> int:
    """Return the maximum number of threads: a few per process, plus thread pools per core."""
    return 4 * limits.processes + 16 * (os.cpu_count() or 1)


def needed(sandbox: Sandbox) -> list[str]:
    """Return the folders that must be readable for Python and the course."""
    here = Path(__file__).resolve().parents[2]
    return [sys.prefix, sys.base_prefix, sys.exec_prefix, str(here), *sandbox.readable]


def shared_memory(sandbox: Sandbox) -> list[str]:
    """Return the folder of shared memory, if it cannot hold more than the scratch folder."""
    with suppress(OSError):
        state = os.statvfs(SHARED_MEMORY)
        if sandbox.private or state.f_blocks * state.f_frsize <= SCRATCH_BYTES:
            return [SHARED_MEMORY]
    return []
