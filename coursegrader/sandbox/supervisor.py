"""Watch what a submission uses, and end all of it in time.

Memory is limited by counting and by refusing. No process has more than its own limit, the
supervisor adds up what all of them hold, and what it could not see is refused: memory that
belongs to no process and to no file of the submission's. A control group would count all of it,
but only root, and whoever was handed a part of their tree, can make one.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

from coursegrader.sandbox import counting
from coursegrader.sandbox.allowed import Sandbox, most_threads

OVERRUN = {90: "memory", 91: "processes"}  # exit statuses of the supervisor
SOCKET_BYTES = 208 << 10  # what may wait in one or in a pipe, as Linux comes
WATCH_SECONDS = 0.1
MOST_SHARED = 8  # times the limit of memory, if each process counts what it shares
# What the supervisor sends init, and what init sends all in its process space then.
TO_ALL = {signal.SIGSTOP: signal.SIGUSR1, signal.SIGCONT: signal.SIGUSR2}


@dataclass
class _Watch:
    """How much the processes below init use, against what they may.

    Attributes
    ----------
    init : int
    sandbox : Sandbox
    next_count : float
        The time before which the fair sum of memory is not made again.
    """

    init: int
    sandbox: Sandbox
    next_count: float = 0.0

    def overrun(self) -> int:
        """Return the status that says what there is too much of, or 0."""
        limits = self.sandbox.limits
        tree = counting.submission_processes(self.init)
        if len(tree) > limits.processes or counting.threads(tree) > most_threads(limits):
            return 91
        sockets = set().union(*map(counting.sockets, tree))
        beside = counting.bytes_in_files(self.sandbox) + SOCKET_BYTES * len(sockets)
        # In this sum, what forking shares is counted once for each process.
        most = beside + sum(counting.resident(pid, self.sandbox) for pid in tree)
        if most > MOST_SHARED * limits.memory:
            return 90
        now = time.monotonic()
        if most > limits.memory and now > self.next_count:
            # The fair sum takes longer, and many busy processes would keep us from it.
            _signal(self.init, signal.SIGSTOP)
            tree = counting.submission_processes(self.init)
            fair = beside + sum(counting.proportional(pid, self.sandbox) for pid in tree)
            _signal(self.init, signal.SIGCONT)
            if fair > limits.memory:
                return 90
            # Half of the time is the submission's.
            end = time.monotonic()
            self.next_count = end + (end - now)
        return 0


def supervise(init: int, sandbox: Sandbox) -> int:
    """Watch what the tree of processes uses, and return how it ended."""
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
    if not counting.sees_our_numbers():
        os.kill(init, TO_ALL[which])
        # Init has to wake up first. Where it takes longer, the count is slower, and still right.
        time.sleep(0.002)
        return
    for pid in counting.descendants(init):
        with suppress(ProcessLookupError):
            os.kill(pid, which)


def _kill_tree(init: int) -> None:
    """End init and, where it has no process space of its own, everything below us."""
    with suppress(ProcessLookupError):
        os.kill(init, signal.SIGKILL)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        # Orphans become ours (we are their subreaper), so none escapes by leaving its parent.
        for pid in counting.descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)
