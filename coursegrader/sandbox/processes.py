"""The processes of a sandbox: each starts the next one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

from coursegrader.sandbox.allowed import Sandbox
from coursegrader.sandbox.landlock import restrict_access
from coursegrader.sandbox.limits import drop_capabilities, limit
from coursegrader.sandbox.namespaces import mount_folders, mount_processes, separate
from coursegrader.sandbox.seccomp import filter_calls
from coursegrader.sandbox.supervisor import RELAYED_SIGNALS, supervise
from coursegrader.sandbox.system import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    prctl,
)


def run(sandbox: Sandbox, work: Callable[[Sandbox], None], keep: Iterable[int]) -> None:
    """Run ``work`` in a sandboxed process; this process becomes its supervisor and never returns.

    Parameters
    ----------
    sandbox : Sandbox
    work : callable
        Called in the worker with the sandbox, whose ``on`` then contains the active layers.
    keep : iterable of int
        File descriptors that stay open in the worker. The supervisor closes its own copies, so
        that the other end notices when the worker ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    mounted = separate(sandbox) and mount_folders(sandbox)
    init = os.fork()
    if init == 0:
        _run_init(sandbox, work, mounted)
    for fd in keep:
        os.close(fd)
    os._exit(supervise(init, sandbox))


def _run_init(sandbox: Sandbox, work: Callable[[Sandbox], None], mounted: bool) -> None:
    """Start the worker, and wait for it."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if sandbox.on.get("processes"):
        mount_processes()
    worker = os.fork()
    if worker == 0:
        status = 1
        try:
            # Interrupts are meant for the worker and its descendants.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            _restrict(sandbox, mounted)
            os.chdir(sandbox.scratch)
            work(sandbox)
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException as error:
            with suppress(Exception):
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
        finally:
            os._exit(status)
    _close_all_but_standard()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sandbox.on.get("processes"):
        for what, asked in RELAYED_SIGNALS.items():
            signal.signal(asked, lambda *_, what=what: _signal_all(what))
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            os._exit(1)
        if pid == worker:
            code = os.waitstatus_to_exitcode(status)
            # If this is process 1 of a process namespace, all others in it end too.
            os._exit(code if code >= 0 else 128 - code)


def _signal_all(which: signal.Signals) -> None:
    """Send a signal to all processes of the namespace except its process 1, which calls this."""
    with suppress(ProcessLookupError):
        os.kill(-1, which)


def _restrict(sandbox: Sandbox, mounted: bool) -> None:
    """Restrict this process irrevocably."""
    if "limits" in sandbox.layers:
        limit(sandbox)
    drop_capabilities()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if {"files", "network", "processes"} & sandbox.layers:
        restrict_access(sandbox, mounted)
    network = "network" not in sandbox.layers
    inside = sandbox.on.get("network") == "namespace"
    filtered = bool(sandbox.layers) and filter_calls(network, inside)
    # Without seccomp, some memory is not counted, and local servers can be reached by a file.
    if "limits" in sandbox.layers and filtered:
        sandbox.on["limits"] = "rlimits, a supervisor and seccomp"
    if "network" in sandbox.layers:
        means = sandbox.on.pop("network", None)
        if filtered:
            sandbox.on["network"] = f"{means} and seccomp" if means else "seccomp"


def _close_all_but_standard() -> None:
    os.closerange(3, 4096)
