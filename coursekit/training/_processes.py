"""Run tasks in separate processes, so that a killed process loses only its own task.

``concurrent.futures`` abandons all tasks when one process is killed, and does not report which
task was running in it. Here each task has its own process and pipe.
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

NO_RESULT = "its process ended before it could train; what it said is on the terminal"
MAX_TEMP_DIR_BYTES = 70  # longer paths leave no room for socket names (at most 107 bytes)


class Killed:
    """Stands for the result of a process that was killed."""


def run_in_processes(
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
        A function that can be pickled, and whose result can be pickled.
    names : iterable
        First arguments of the calls, in the order in which to start them.
    arguments : tuple
        Further arguments, the same for all calls.
    jobs : int
        Maximum number of processes at a time.
    threads : int
        Number of TensorFlow threads per process.
    folder : Path
        Folder for the temporary files of all processes. The caller removes it; if the caller
        is killed, the processes do.

    Yields
    ------
    name, result
        Pairs in the order in which the calls end. The result is an instance of
        :class:`Killed` if the process was killed, and the text of an error if the call failed.
    """
    context = _process_context()
    # The fork server has the environment of the first call, so each process sets its own.
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    for pool in ("INTRA", "INTER"):
        environment[f"TF_NUM_{pool}OP_THREADS"] = str(threads)
    folders = [folder]
    if context.get_start_method() == "forkserver":
        folders.append(get_temp_dir())  # holds the sockets of the fork server
    waiting = list(names)[::-1]
    running: dict[Connection, tuple[Name, multiprocessing.Process]] = {}
    try:
        while waiting or running:
            ready = wait(list(running)) if running else []
            ended = [_result(receiver, *running.pop(receiver)) for receiver in ready]
            # Before the results are handed on: a caller that is killed while it stores them then
            # has a process that clears away after it.
            while waiting and len(running) < jobs:
                receiver, sender = context.Pipe(duplex=False)
                name = waiting.pop()
                task = (sender, environment, folders, work, (name, *arguments))
                process = context.Process(target=_run_and_send, args=task, daemon=True)
                with _main_module_hidden():
                    process.start()
                sender.close()  # so that the pipe ends when the process does
                running[receiver] = name, process
            yield from ended
    finally:
        for _, process in running.values():
            process.kill()
            process.join()


def _result(receiver: Connection, name: Name, process: multiprocessing.Process) -> tuple[Name, Any]:
    """Return what a process that ends has sent."""
    try:
        result = receiver.recv()
    except EOFError:
        result = None
    receiver.close()
    process.join()
    if result is None:
        result = Killed() if process.exitcode < 0 else NO_RESULT
    return name, result


def _process_context():
    """Return the multiprocessing context: on Linux, a fork server that has imported TensorFlow."""
    # On other systems forking is not known to be safe. The fork server needs short socket names.
    if sys.platform != "linux" or len(os.fsencode(tempfile.gettempdir())) > MAX_TEMP_DIR_BYTES:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["coursekit.training._preload"])
    return context


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Hide the caller's script, so that a new process does not run it again.

    Otherwise the script would need an ``if __name__ == "__main__"`` guard.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _run_and_send(
    sender: Connection, environment: dict[str, str], folders: list, work, arguments: tuple
) -> None:
    """Call ``work`` and send its result through the pipe."""
    threading.Thread(target=_exit_with_parent, args=(folders,), daemon=True).start()
    os.environ.update(environment)
    tempfile.tempdir = str(folders[0])  # TensorFlow writes there too
    try:
        sender.send(work(*arguments))
    except Exception as error:  # from training, or because the result cannot be pickled
        sender.send(f"{type(error).__name__}: {error}")


def _exit_with_parent(folders: list) -> None:
    """Wait until the parent process ends; then delete the temporary folders and exit."""
    multiprocessing.parent_process().join()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
