"""Measure the resource use of a submission's processes with /proc."""

from __future__ import annotations

import os
from contextlib import suppress

from coursegrader.sandbox.allowed import Sandbox


def submission_processes(init: int) -> list[int]:
    """Return the process IDs of the submission, as /proc numbers them."""
    if sees_our_pids():
        return descendants(init)
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def sees_our_pids() -> bool:
    """Return whether /proc shows the process IDs of our own process namespace.

    It does not if the new namespace's /proc is mounted: we share its mounts, but are not in it.
    """
    return os.path.exists("/proc/self/stat")


def descendants(pid: int) -> list[int]:
    """Return the process IDs of all descendants of a process."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, ValueError), open(f"/proc/{name}/stat") as file:
                # The name, in parentheses, may contain anything. The parent is two fields on.
                parent = int(file.read().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def threads(tree: list[int]) -> int:
    """Return the total number of threads of some processes."""
    found = 0
    for pid in tree:
        with suppress(OSError):
            # A folder has one link from itself, one from its parent, and one from each subfolder.
            found += os.stat(f"/proc/{pid}/task").st_nlink - 2
    return found


def resident(pid: int, sandbox: Sandbox) -> int:
    """Return the memory of a process in bytes, shared or not, without mapped files."""
    kinds = ("RssAnon:",) if sandbox.private else ("RssAnon:", "RssShmem:")
    return _sum_of(f"/proc/{pid}/status", kinds) or 0


def proportional(pid: int, sandbox: Sandbox) -> int:
    """Return the same, but count memory shared by n processes as an n-th for each."""
    kinds = ("Pss_Anon:",) if sandbox.private else ("Pss_Anon:", "Pss_Shmem:")
    found = _sum_of(f"/proc/{pid}/smaps_rollup", kinds)  # Linux 5.9
    return resident(pid, sandbox) if found is None else found


def _sum_of(path: str, kinds: tuple[str, ...]) -> int | None:
    """Return the sum of some entries of a table in /proc, in bytes; None if it has none."""
    found = None
    with suppress(OSError, ValueError, IndexError), open(path, errors="replace") as file:
        for line in file:
            if line.startswith(kinds):
                found = (found or 0) + (int(line.split()[1]) << 10)
    return found


def sockets(pid: int) -> set[str]:
    """Return the names of the open sockets and pipes of a process."""
    found = set()
    with suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return {name for name in found if name.startswith(("socket:", "pipe:"))}


def bytes_in_files(sandbox: Sandbox) -> int:
    """Return the bytes used in the in-memory file system, if the submission has its own."""
    if not sandbox.private:
        return 0
    try:
        state = os.statvfs(sandbox.scratch)
    except OSError:
        return 0
    return (state.f_blocks - state.f_bfree) * state.f_frsize
