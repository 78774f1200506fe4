"""Linux system calls that the standard library does not offer."""

from __future__ import annotations

import ctypes

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER = 1, 38, 36
PR_CAPBSET_DROP = 24


def libc() -> ctypes.CDLL:
    """Return the C library; its functions set ``ctypes.get_errno``."""
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """Set an option of this process; do nothing if the kernel does not support it."""
    libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0)
