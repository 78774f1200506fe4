"""Resource limits and capabilities of a single process."""

from __future__ import annotations

import os
import resource
import struct

from coursegrader.sandbox.allowed import Sandbox, max_threads
from coursegrader.sandbox.system import PR_CAPBSET_DROP, libc, prctl


def limit(sandbox: Sandbox) -> None:
    """Lower the resource limits of this process."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    _lower(resource.RLIMIT_AS, now + sandbox.limits.memory)
    _lower(resource.RLIMIT_FSIZE, sandbox.limits.file)
    _lower(resource.RLIMIT_NOFILE, 1024)
    _lower(resource.RLIMIT_CORE, 0)
    # The limit does not apply to root, and outside a new user namespace it would include the user's
    # other processes. The supervisor counts the submission's processes in any case.
    if os.getuid() != 0 and "namespace" in sandbox.on.values():
        _lower(resource.RLIMIT_NPROC, max_threads(sandbox.limits))


def drop_capabilities() -> None:
    """Drop the capabilities of the first process of a user namespace, such as unmounting."""
    for capability in range(64):
        prctl(PR_CAPBSET_DROP, capability)
    libc().capset(struct.pack("Ii", 0x20080522, 0), bytes(24))


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))
