"""Restrict access to files and network addresses with Landlock."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from coursegrader.sandbox.allowed import SYSTEM_PATHS, Sandbox, needed, shared_memory
from coursegrader.sandbox.system import libc

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
# Landlock's file access rights, by the interface version that introduced them.
_FS_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_FS_LIST = 1 << 3
_FS_READ = 1 << 0 | 1 << 2 | _FS_LIST  # execute, read files, read folders
_FS_FILE_ONLY = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")
# Not writable: a shared mapping of /dev/zero is memory that is not counted.
_READ_ONLY_DEVICES = ("/dev/zero",)


def restrict_access(sandbox: Sandbox, mounted: bool) -> None:
    """Restrict this process to the allowed files and addresses, if the kernel has Landlock."""
    call = libc().syscall
    version = call(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1:
        return
    rights = 0
    if "files" in sandbox.layers:
        rights = sum(bits for since, bits in _FS_RIGHTS.items() if since <= version)
    net = 3 if version >= 4 and "network" in sandbox.layers else 0
    scoped = 3 if version >= 6 and "processes" in sandbox.layers else 0
    content = struct.pack("QQQ", rights, net, scoped)[: 24 if version >= 6 else
                                                      16 if version >= 4 else 8]  # fmt: skip
    ruleset = call(_LANDLOCK_CREATE, content, ctypes.c_size_t(len(content)), ctypes.c_uint32(0))
    if ruleset < 0:
        return
    try:
        if rights:
            hidden = {os.path.realpath(path) for path in sandbox.hidden}
            for path in (*SYSTEM_PATHS, *_READ_ONLY_DEVICES, *needed(sandbox)):
                _allow_except(call, ruleset, os.path.realpath(path), rights & _FS_READ, hidden)
            # To find a module, Python lists the folders in sys.path, such as a checkout.
            for path in filter(os.path.isabs, sys.path):
                _allow(call, ruleset, path, rights & _FS_LIST)
            for path in (*_DEVICES, *shared_memory(sandbox), sandbox.scratch):
                _allow(call, ruleset, path, rights)
        if call(_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)) != 0:
            return
    finally:
        os.close(ruleset)
    if rights:
        sandbox.on["files"] = "Landlock and mounts" if mounted else "Landlock"
    if net and "network" not in sandbox.on:
        sandbox.on["network"] = "Landlock (TCP)"


def _allow_except(
    call: Callable[..., int], ruleset: int, path: str, rights: int, hidden: set[str]
) -> None:
    """Allow access to a folder except for hidden files and folders, whose names stay visible.

    Landlock has no exceptions: a rule for a folder holds for everything in it.
    """
    within = {one for one in hidden if one != path and Path(one).is_relative_to(path)}
    if not within:
        _allow(call, ruleset, path, rights)
        return
    _allow(call, ruleset, path, rights & _FS_LIST)
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            # Access through a link depends on its target.
            if entry.path not in hidden and not entry.is_symlink():
                _allow_except(call, ruleset, entry.path, rights, within)


def _allow(call: Callable[..., int], ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _FS_FILE_ONLY
        rule = struct.pack("=Qi", rights, handle)
        call(_LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
    finally:
        os.close(handle)
