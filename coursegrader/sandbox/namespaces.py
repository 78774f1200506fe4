"""Give the submission its own processes, network and mounts with namespaces."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from coursegrader.sandbox.allowed import SCRATCH_BYTES, SHARED_MEMORY, SYSTEM_PATHS, Sandbox, needed
from coursegrader.sandbox.system import libc

MAX_SCRATCH_FILES = 100_000  # even an empty file takes memory

_CLONE = {"user": 0x10000000, "mount": 0x00020000, "pid": 0x20000000, "net": 0x40000000,
          "ipc": 0x08000000}  # fmt: skip
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 1, 2, 4, 0x4000, 1 << 18
_MS_REMOUNT, _MS_BIND = 0x20, 0x1000


def separate(sandbox: Sandbox) -> bool:
    """Enter new namespaces; return whether that is allowed here."""
    wanted = set()
    if "processes" in sandbox.layers:
        wanted |= {"pid", "ipc"}
    if "network" in sandbox.layers:
        wanted |= {"net"}
    if not wanted and "files" not in sandbox.layers:
        return False
    flags = sum(_CLONE[name] for name in wanted | {"user", "mount"})
    uid, gid = os.getuid(), os.getgid()
    if libc().unshare(flags) != 0:
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError:
        return False
    if "pid" in wanted:
        sandbox.on["processes"] = "namespace"
    if "net" in wanted:
        sandbox.on["network"] = "namespace"
    return True


def mount_folders(sandbox: Sandbox) -> bool:
    """Mount the scratch folder and cover hidden folders; return whether both worked."""
    if libc().mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    if "files" not in sandbox.layers:
        return False
    kept = {os.path.abspath(path) for path in (*SYSTEM_PATHS, *needed(sandbox), sandbox.scratch)}
    kept |= {os.path.realpath(path) for path in kept}
    # These contain other submissions' scratch folders, sockets of servers and backups of editors.
    hidden = {tempfile.gettempdir(), "/tmp", "/var/tmp", "/run", *sandbox.hidden}
    # Outer folders first: a folder restored in one may itself contain a hidden folder.
    covered = [_cover(path, kept) for path in sorted(set(map(os.path.realpath, hidden)))]
    sandbox.private = _mount_scratch(sandbox)
    return sandbox.private and all(covered)


def _mount_scratch(sandbox: Sandbox) -> bool:
    """Mount one in-memory file system for all writable folders, so that one limit applies."""
    mount, scratch = libc().mount, os.fsencode(sandbox.scratch)
    content = f"size={SCRATCH_BYTES},nr_inodes={MAX_SCRATCH_FILES},mode=700".encode()
    if mount(b"tmpfs", scratch, b"tmpfs", _MS_NOSUID | _MS_NODEV, content) != 0:
        return False
    for target in (
        SHARED_MEMORY,
        sandbox.scratch,
    ):  # the second mount covers the folder that contains both
        source = os.path.join(sandbox.scratch, f"for {os.path.basename(target)}")
        os.mkdir(source, mode=0o700)
        if os.path.isdir(target) and mount(
            os.fsencode(source), os.fsencode(target), None, _MS_BIND, None
        ):
            return False
    return True


def _cover(path: str, kept: set[str]) -> bool:
    """Hide a folder or file except for the paths to keep; return whether that worked.

    An empty folder is mounted over it, and the paths to keep are mounted into that.
    """
    mount = libc().mount
    if path in kept or not os.path.exists(path):
        return True
    if not os.path.isdir(path):
        nothing = os.fsencode(os.devnull)
        return mount(nothing, os.fsencode(path), None, _MS_BIND, None) == 0
    if path == os.path.dirname(path):
        return False  # the root folder cannot be covered
    within = [one for one in sorted(kept) if Path(one).is_relative_to(path)]
    outermost: list[tuple[str, int]] = []
    try:
        for one in within:
            if not (outermost and Path(one).is_relative_to(outermost[-1][0])):
                with suppress(OSError):
                    outermost.append((one, os.open(one, os.O_PATH | os.O_CLOEXEC)))
        flags = _MS_NOSUID | _MS_NODEV
        content = b"size=1m,mode=755" if outermost else b"size=4096,mode=000"
        if mount(b"tmpfs", os.fsencode(path), b"tmpfs", flags, content) != 0:
            return False
        done = True
        for one, handle in outermost:
            source = f"/proc/self/fd/{handle}"
            if os.path.isdir(source):
                os.makedirs(one, exist_ok=True)
            else:
                os.makedirs(os.path.dirname(one), exist_ok=True)
                os.close(os.open(one, os.O_CREAT | os.O_WRONLY, 0o600))
            bound = mount(source.encode(), os.fsencode(one), None, _MS_BIND | _MS_REC, None)
            done = done and bound == 0
    finally:
        for _, handle in outermost:
            os.close(handle)
    flags |= _MS_REMOUNT | _MS_BIND | _MS_RDONLY
    return mount(None, os.fsencode(path), None, flags, None) == 0 and done


def mount_processes() -> None:
    """Mount /proc for the new process namespace; only its process 1 may do so.

    Some containers forbid it. Then the old /proc stays visible, but Landlock restricts its use.
    """
    libc().mount(b"proc", b"/proc", b"proc", _MS_NOSUID | _MS_NODEV, None)
