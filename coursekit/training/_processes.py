"""Do work in processes of this machine, of which any may be killed without harm to the others.

``concurrent.futures`` gives up all work once one process is killed, and does not say whose
process it was; so each network gets a process and a pipe of its own here.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import types
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import Any, TypeVar

Name = TypeVar("Name", bound=Hashable)

NOT_STARTED = "its process ended before it could train; what it said is on the terminal"
LONGEST_FOLDER = 70  # bytes of the temporary folder, below which sockets have names


class Killed:
    """Stands for what a process would have sent if nobody had killed it."""


def side_by_side(
    work: Callable[..., Any],
    names: Iterable[Name],
    arguments: tuple,
    *,
    jobs: int,
    threads: int,
    folder: Path,
) -> Iterator[tuple[Name, Any]]:
    """Call ``work(name, *arguments)`` for each name, each in a new process.

    Parameters
    ----------
    work : callable
        A function that can be pickled, as its result has to be.
    names : iterable
        The first arguments, in the order in which they are begun.
    arguments : tuple
        The others, the same for all.
    jobs : int
        How many processes run at a time.
    threads : int
        How many threads TensorFlow takes in each.
    folder : Path
        For the temporary files of all processes. The caller removes it; if it was killed, the
        processes do.

    Yields
    ------
    name, result
        In the order in which they end. The result is an instance of :class:`Killed` if the
        process was killed, and an error's text if it ended in another way without a result.
    """
    context = _context()
    # The process that others are forked from has the environment of the first call.
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    for pool in ("INTRA", "INTER"):
        environment[f"TF_NUM_{pool}OP_THREADS"] = str(threads)
    folders = [folder]
    if context.get_start_method() == "forkserver":
        folders.append(get_temp_dir())  # which holds its sockets
    waiting = list(names)[::-1]
    running: dict[Connection, tuple[Name, multiprocessing.Process]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                receiver, sender = context.Pipe(duplex=False)
                name = waiting.pop()
                process = context.Process(
                    target=_in_process,
                    args=(sender, environment, folders, work, (name, *arguments)),
                    daemon=True,
                )
                with _without_main():
                    process.start()
                sender.close()  # so that the pipe ends when the process does
                running[receiver] = name, process
            for receiver in wait(list(running)):
                name, process = running.pop(receiver)
                try:
                    result = receiver.recv()
                except EOFError:
                    result = None
                receiver.close()
                process.join()
                if result is None:
                    result = Killed() if process.exitcode < 0 else NOT_STARTED
                yield name, result
    finally:
        for _, process in running.values():
            process.kill()
            process.join()


def _context():
    """Return the way to start processes: forked from one that has TensorFlow, on Linux."""
    # Elsewhere it is not known to be safe, and the names of sockets have at most 107 bytes.
    if sys.platform != "linux" or len(os.fsencode(tempfile.gettempdir())) > LONGEST_FOLDER:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["coursekit.training._preload"])
    return context


@contextmanager
def _without_main() -> Iterator[None]:
    """Let a process start without the caller's script, which it needs nothing of.

    It would run the script again, which then had to be written for that.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _in_process(
    sender: Connection, environment: dict[str, str], folders: list, work, arguments: tuple
) -> None:
    """Do the work and send its result."""
    threading.Thread(target=_end_with_caller, args=(folders,), daemon=True).start()
    os.environ.update(environment)
    tempfile.tempdir = str(folders[0])  # TensorFlow writes there, too
    try:
        sender.send(work(*arguments))
    except Exception as error:  # of training, or because the result cannot be pickled
        sender.send(f"{type(error).__name__}: {error}")


def _end_with_caller(folders: list) -> None:
    """Wait for the end of the process that asked for this one; then clear away, and end."""
    multiprocessing.parent_process().join()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
