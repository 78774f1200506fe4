"""Count what the processes of a submission use, as /proc has it."""

from __future__ import annotations

import os
from contextlib import suppress

from coursegrader.sandbox.allowed import Sandbox


def submission_processes(init: int) -> list[int]:
    """Return the processes of the submission, as /proc has them."""
    if sees_our_numbers():
        return descendants(init)
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def sees_our_numbers() -> bool:
    """Return whether /proc has our numbers for processes.

    We share the mounts of the new process space but are not in it, where its /proc is mounted.
    """
    return os.path.exists("/proc/self/stat")


def descendants(pid: int) -> list[int]:
    """Return the processes below one."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, ValueError), open(f"/proc/{name}/stat") as file:
                # The name, in brackets, may hold anything; the parent is the second after it.
                parent = int(file.read().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def threads(tree: list[int]) -> int:
    """Return how many threads processes have."""
    found = 0
    for pid in tree:
        with suppress(OSError):
            # The links of a folder: itself, its parent, and one for each folder in it.
            found += os.stat(f"/proc/{pid}/task").st_nlink - 2
    return found


def resident(pid: int, sandbox: Sandbox) -> int:
    """Return the bytes of memory that a process uses, shared or not, but those of files."""
    kinds = ("RssAnon:",) if sandbox.private else ("RssAnon:", "RssShmem:")
    return _sum_of(f"/proc/{pid}/status", kinds) or 0


def proportional(pid: int, sandbox: Sandbox) -> int:
    """Return the same, but of what n processes share an n-th."""
    kinds = ("Pss_Anon:",) if sandbox.private else ("Pss_Anon:", "Pss_Shmem:")
    found = _sum_of(f"/proc/{pid}/smaps_rollup", kinds)  # Linux 5.9
    return resident(pid, sandbox) if found is None else found


def _sum_of(path: str, kinds: tuple[str, ...]) -> int | None:
    """Return the bytes that a table of the kernel gives for some kinds; None if for none."""
    found = None
    with suppress(OSError, ValueError, IndexError), open(path, errors="replace") as file:
        for line in file:
            if line.startswith(kinds):
                found = (found or 0) + (int(line.split()[1]) << 10)
    return found


def sockets(pid: int) -> set[str]:
    """Return the names of the sockets and pipes that a process has open."""
    found = set()
    with suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return {name for name in found if name.startswith(("socket:", "pipe:"))}


def bytes_in_files(sandbox: Sandbox) -> int:
    """Return the bytes in files that lie in memory, if they are the submission's alone."""
    if not sandbox.private:
        return 0
    try:
        state = os.statvfs(sandbox.scratch)
    except OSError:
        return 0
    return (state.f_blocks - state.f_bfree) * state.f_frsize
