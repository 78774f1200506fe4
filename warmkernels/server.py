"""A *warm process*: it imports TensorFlow once, and forks on request.

Importing TensorFlow and Keras takes seconds, but forking a process that has imported them takes
milliseconds, and the memory is shared. Every forked process is independent: it has not run any
notebook before, and its state is not visible to others.

:mod:`warmkernels.client` starts it as ``python -m warmkernels.server SOCKET``. It ends by itself
when nothing is connected to it any more.

TensorFlow can be forked after its import and after setting seeds. But once it has run a single
operation, it has threads, which a fork does not copy, and the first ``fit`` in a forked process
waits for them forever. So this process runs no operations, and checks its threads before each fork.

The fork server of :mod:`multiprocessing` is not suitable: it serves only the program that started
it, and its children share its environment and process group, so that one child and its descendants
cannot be signalled together. ``multiprocessing.connection`` is not used either:
``Connection.recv_bytes`` has no timeout within a message, so a client that stops in the middle of
one would block all others, and passing file descriptors needs the socket itself.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import sys
import time
import traceback
from contextlib import suppress

# Modules that most notebooks import; missing ones are skipped. This excludes
# matplotlib_inline.backend_inline, which looks for an IPython shell when it is imported.
PRELOADED = (
    "tensorflow",
    "keras",
    "pandas",
    "scipy.stats",
    "sklearn.model_selection",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.metrics",
    "sklearn.linear_model",
    "matplotlib.pyplot",
    "IPython",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
)
IDLE_SECONDS = 3.0
HEADER = struct.Struct("!I")
MAX_REQUEST_BYTES = 1 << 20
MAX_FDS = 4


def tensorflow_threads() -> list[str]:
    """Return the names of TensorFlow's threads in this process; forking is safe if it has none."""
    names = []
    for task in os.listdir("/proc/self/task"):
        with suppress(OSError), open(f"/proc/self/task/{task}/comm") as file:
            names.append(file.read().strip())
    return sorted(name for name in names if name.startswith("tf_"))


def preload(extra: list[str]) -> dict[str, str]:
    """Import the modules that notebooks need; none of them starts a thread.

    Parameters
    ----------
    extra : list of str
        Names of additional modules.

    Returns
    -------
    dict of str to str
        Environment variables that the imports have set.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    before = dict(os.environ)
    for name in (*PRELOADED, *extra):
        with suppress(ImportError):
            importlib.import_module(name)
    if "pandas" in sys.modules:
        # This default of pandas depends on whether it is imported in a notebook.
        sys.modules["pandas"].set_option("display.max_columns", 20)
    # Exclude the present objects from garbage collection: otherwise the first collection in a
    # child would write to every memory page of them, and so copy it.
    gc.collect()
    gc.freeze()
    return dict(os.environ.items() - before.items())


class Server:
    """Accepts requests, forks processes, and reports their exit status to the clients.

    Parameters
    ----------
    listener : socket
        A listening Unix socket.
    environment : dict of str to str
        Environment variables of each child, in addition to those in the request.
    """

    def __init__(self, listener: socket.socket, environment: dict[str, str]):
        self.listener = listener
        self.environment = environment  # added to that of each request
        self.selector = selectors.DefaultSelector()
        self.clients: set[socket.socket] = set()
        self.children: dict[int, socket.socket] = {}
        self.alone_since = time.monotonic()

    def run(self) -> None:
        """Serve requests until no client is connected any more."""
        self.woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.wake = wake
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector.register(self.woken, selectors.EVENT_READ)
        self.selector.register(self.listener, selectors.EVENT_READ)
        while self.clients or time.monotonic() - self.alone_since < IDLE_SECONDS:
            for key, _ in self.selector.select(timeout=0.5):
                if key.fileobj == self.woken:
                    with suppress(BlockingIOError):
                        os.read(self.woken, 4096)
                elif key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj in self.clients:
                    self._answer(key.fileobj)
            self._reap()

    def _accept(self) -> None:
        with suppress(OSError):
            client, _ = self.listener.accept()
            client.settimeout(10)
            self.clients.add(client)
            self.selector.register(client, selectors.EVENT_READ)

    def _answer(self, client: socket.socket) -> None:
        try:
            request, fds = receive(client)
        except (OSError, ValueError, EOFError):
            self._disconnect(client)
            return
        try:
            if "target" not in request:  # a lease: a client needs the server to keep running
                answer = {"ready": True}
            elif threads := tensorflow_threads():
                answer = {
                    "refused": "TensorFlow has run an operation in the warm process "
                    f"(threads {', '.join(threads)}), so it cannot be forked any more"
                }
            else:
                answer = {"pid": self._fork(client, request, fds)}
        finally:
            for fd in fds:
                os.close(fd)
        with suppress(OSError):
            send(client, answer)

    def _fork(self, client: socket.socket, request: dict, fds: list[int]) -> int:
        pid = os.fork()
        if pid:
            self.children[pid] = client
            return pid
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            self.selector.close()
            for connection in (self.listener, *self.clients):
                connection.close()
            os.close(self.woken)
            os.close(self.wake)
            become({**request, "env": {**self.environment, **request["env"]}}, fds)
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        while self.children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            client = self.children.pop(pid, None)
            if client in self.clients:
                with suppress(OSError):
                    send(client, {"exit": os.waitstatus_to_exitcode(status)})

    def _disconnect(self, client: socket.socket) -> None:
        """Remove a client, and kill the processes that it started."""
        for pid, owner in self.children.items():
            if owner is client:
                with suppress(ProcessLookupError):
                    signal_all(pid, signal.SIGKILL)
        self.selector.unregister(client)
        self.clients.discard(client)
        client.close()
        if not self.clients:
            self.alone_since = time.monotonic()


def signal_all(pid: int, number: int) -> None:
    """Send a signal to a forked process and its process group.

    Parameters
    ----------
    pid : int
        ID of the process.
    number : int
        Number of the signal.

    Raises
    ------
    ProcessLookupError
        If there is no such process.
    """
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        # A process that was just forked has no group yet, and has started nothing.
        os.kill(pid, number)


def become(request: dict, fds: list[int]) -> None:
    """Run the requested function in a forked process; return when it has ended.

    Parameters
    ----------
    request : dict
        With ``"target"``, ``"arguments"``, ``"env"`` and ``"cwd"``.
    fds : list of int
        File descriptors, passed on to the function.
    """
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["env"])
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    time.tzset()
    os.chdir(request["cwd"])
    # After a fork, Python reseeds its random generator, but NumPy does not.
    import numpy as np

    np.random.seed()
    module, _, function = request["target"].partition(":")
    getattr(importlib.import_module(module), function)(*request["arguments"], fds=fds)


def run_kernel(arguments: list[str], *, fds: list[int]) -> None:
    """Run an ipykernel in this process.

    Parameters
    ----------
    arguments : list of str
        Command-line arguments of ipykernel.
    fds : list of int
        Not used.
    """
    import ipykernel_launcher
    import matplotlib
    from ipykernel.kernelapp import IPKernelApp

    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    matplotlib.rc_file(
        matplotlib.matplotlib_fname()
    )  # there may be one in the folder of the notebook
    # An ordinary kernel sets the backend before it imports Matplotlib. Here that is too late.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    matplotlib.rcParams["backend"] = os.environ["MPLBACKEND"]
    sys.argv = [ipykernel_launcher.__file__, *arguments]
    IPKernelApp.launch_instance(argv=arguments)


def send(connection: socket.socket, message: dict, fds: tuple[int, ...] = ()) -> None:
    """Send one message, optionally with file descriptors.

    Parameters
    ----------
    connection : socket
    message : dict
        An object that JSON can represent.
    fds : tuple of int
        File descriptors.
    """
    content = json.dumps(message).encode()
    if fds:
        socket.send_fds(connection, [HEADER.pack(len(content))], fds)
    else:
        connection.sendall(HEADER.pack(len(content)))
    connection.sendall(content)


def receive(connection: socket.socket) -> tuple[dict, list[int]]:
    """Receive one message and its file descriptors.

    Parameters
    ----------
    connection : socket

    Returns
    -------
    message : dict
    fds : list of int

    Raises
    ------
    EOFError
        If the connection was closed.
    ValueError
        If the message is too long or is not JSON.
    """
    header, fds, _, _ = socket.recv_fds(connection, HEADER.size, MAX_FDS)
    try:
        header += _receive_exactly(connection, HEADER.size - len(header)) if header else b""
        if not header:
            raise EOFError
        (length,) = HEADER.unpack(header)
        if length > MAX_REQUEST_BYTES:
            raise ValueError(f"a message of {length} bytes")
        return json.loads(_receive_exactly(connection, length)), list(fds)
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise


def _receive_exactly(connection: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        piece = connection.recv(length - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content


def main() -> None:
    """Preload the modules, and serve requests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("socket")
    parser.add_argument("--preload", action="append", default=[])
    parser.add_argument("--remove", action="append", default=[])
    options = parser.parse_args()
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory; IPython adds the folder of the notebook
    environment = preload(options.preload)
    with socket.socket(socket.AF_UNIX) as listener:
        # The socket gets its final name only when it accepts connections.
        part = options.socket + ".part"
        listener.bind(part)
        listener.listen(64)
        os.rename(part, options.socket)
        try:
            Server(listener, environment).run()
        finally:
            with suppress(OSError):
                os.unlink(options.socket)
            for folder in options.remove:
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
