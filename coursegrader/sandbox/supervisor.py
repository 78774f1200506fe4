"""Monitor the resource use of a submission, and end it if it exceeds a limit.

Each process has its own memory limit, and the supervisor adds up the memory of all processes.
Memory that it could not see, outside the submission's processes and files, is refused by the other
layers. A control group would count all of it, but creating one needs root or a delegated subtree.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

from coursegrader.sandbox import counting
from coursegrader.sandbox.allowed import Sandbox, max_threads

OVERRUN = {90: "memory", 91: "processes"}  # exit statuses of the supervisor
SOCKET_BYTES = 208 << 10  # Linux's default buffer size of a socket or pipe
WATCH_SECONDS = 0.1
MAX_MEMORY_RATIO = 8  # times the memory limit, if shared memory counts for each process
# A signal for all processes of a namespace, and the signal that asks init to send it.
RELAYED_SIGNALS = {signal.SIGSTOP: signal.SIGUSR1, signal.SIGCONT: signal.SIGUSR2}


@dataclass
class _Watch:
    """Compares the resource use of the processes below init with the limits.

    Attributes
    ----------
    init : int
        Process ID of init.
    sandbox : Sandbox
    next_count : float
        Earliest time (``time.monotonic``) of the next proportional sum of memory.
    """

    init: int
    sandbox: Sandbox
    next_count: float = 0.0

    def overrun(self) -> int:
        """Return the exit status for an exceeded limit (see :data:`OVERRUN`), or 0."""
        limits = self.sandbox.limits
        tree = counting.submission_processes(self.init)
        if len(tree) > limits.processes or counting.threads(tree) > max_threads(limits):
            return 91
        sockets = set().union(*map(counting.sockets, tree))
        beside = counting.bytes_in_files(self.sandbox) + SOCKET_BYTES * len(sockets)
        # This sum counts memory shared after a fork once for each process.
        most = beside + sum(counting.resident(pid, self.sandbox) for pid in tree)
        if most > MAX_MEMORY_RATIO * limits.memory:
            return 90
        now = time.monotonic()
        if most > limits.memory and now > self.next_count:
            # The proportional sum takes longer, and busy processes would delay it.
            _signal(self.init, signal.SIGSTOP)
            tree = counting.submission_processes(self.init)
            fair = beside + sum(counting.proportional(pid, self.sandbox) for pid in tree)
            _signal(self.init, signal.SIGCONT)
            if fair > limits.memory:
                return 90
            # Stop the submission for at most half of the time.
            end = time.monotonic()
            self.next_count = end + (end - now)
        return 0


def supervise(init: int, sandbox: Sandbox) -> int:
    """Monitor the processes below init until they end, and return the exit status.

    Parameters
    ----------
    init : int
        Process ID of init.
    sandbox : Sandbox

    Returns
    -------
    int
        As a shell reports it: 128 plus the number of the signal that ended init, or a key of
        :data:`OVERRUN` if a limit was exceeded.
    """
    awaited = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    status = None
    watch = _Watch(init, sandbox)
    while status is None:
        pid, raw = os.waitpid(init, os.WNOHANG)
        if pid:
            status = os.waitstatus_to_exitcode(raw)
        elif "limits" in sandbox.layers and (overrun := watch.overrun()):
            status = overrun
        else:
            came = signal.sigtimedwait(awaited, WATCH_SECONDS)
            if came is not None and came.si_signo == signal.SIGTERM:
                status = -signal.SIGTERM
    _kill_tree(init)
    return status if status >= 0 else 128 - status


def _signal(init: int, which: signal.Signals) -> None:
    """Stop or continue all processes of the submission."""
    if not counting.sees_our_pids():
        os.kill(init, RELAYED_SIGNALS[which])
        # Init has to wake up first. If that takes longer, the count is slower but still correct.
        time.sleep(0.002)
        return
    for pid in counting.descendants(init):
        with suppress(ProcessLookupError):
            os.kill(pid, which)


def _kill_tree(init: int) -> None:
    """Kill init and, if it has no process namespace, all our descendants."""
    with suppress(ProcessLookupError):
        os.kill(init, signal.SIGKILL)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        # We are the subreaper: orphans become our children, so none escapes.
        for pid in counting.descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)
