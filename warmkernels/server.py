"""A process that has TensorFlow imported, and forks.

Importing TensorFlow and Keras takes seconds, forking a process that has them takes
milliseconds, and the memory is shared. Every forked process is a fresh one: it has seen no
notebook before, and no other sees what it does.

Started by :mod:`warmkernels.client`, as ``python -m warmkernels.server
SOCKET``. It ends by itself when nobody is connected to it any more.

TensorFlow may be forked after its import, and after seeds were set; but once it has run a
single operation it has threads, which a fork does not copy, and the first ``fit`` in a
forked process waits for them for ever. So this process runs none, and looks at its own
threads before every fork.

It is not the fork server of :mod:`multiprocessing`, because that one serves only the program that
started it, and its children keep its environment and its process group, so that none of them can
be signalled together with what it has started. Nor do its connections carry the messages:
``Connection.recv_bytes`` has no time limit within a message, so that a client which stops in the
middle of one would hold up all others, and handing over open files needs the socket itself anyway.
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

# What most notebooks import. All of it is optional: what is missing is not preloaded. Not here:
# matplotlib_inline.backend_inline, which looks for its IPython shell when it is imported.
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
LARGEST_REQUEST = 1 << 20
MOST_FDS = 4


def tensorflow_threads() -> list[str]:
    """Return the names of TensorFlow's threads in this process; none may be there at a fork."""
    names = []
    for task in os.listdir("/proc/self/task"):
        with suppress(OSError), open(f"/proc/self/task/{task}/comm") as file:
            names.append(file.read().strip())
    return sorted(name for name in names if name.startswith("tf_"))


def preload(extra: list[str]) -> dict[str, str]:
    """Import what notebooks will import, and nothing that starts a thread.

    Returns
    -------
    dict of str to str
        What these imports have set in the environment.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    before = dict(os.environ)
    for name in (*PRELOADED, *extra):
        with suppress(ImportError):
            importlib.import_module(name)
    if "pandas" in sys.modules:
        # When pandas is imported, it looks whether it is in a notebook, and shows wide tables so.
        sys.modules["pandas"].set_option("display.max_columns", 20)
    # Collected objects are moved out of the collector's sight, so that a child's first
    # collection does not write to, and so copy, every page of them.
    gc.collect()
    gc.freeze()
    return dict(os.environ.items() - before.items())


class Server:
    """Accept requests, fork, and tell each client how its process ended."""

    def __init__(self, listener: socket.socket, environment: dict[str, str]):
        self.listener = listener
        self.environment = environment  # of each child, besides what its client gives it
        self.selector = selectors.DefaultSelector()
        self.clients: set[socket.socket] = set()
        self.children: dict[int, socket.socket] = {}
        self.alone_since = time.monotonic()

    def run(self) -> None:
        """Serve until nobody is connected any more."""
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
            self._dismiss(client)
            return
        try:
            if "target" not in request:  # a lease: somebody wants the server to stay
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

    def _dismiss(self, client: socket.socket) -> None:
        """Forget a client; what it had started ends with it."""
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
    """Send a signal to a forked process and all that it has started."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        # Just forked, it leads no group yet, and has started nothing.
        os.kill(pid, number)


def become(request: dict, fds: list[int]) -> None:
    """Turn a forked process into what was asked for. Returns when that has ended."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["env"])
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    time.tzset()
    os.chdir(request["cwd"])
    # Python seeds its own generator anew after a fork; NumPy does not.
    import numpy as np

    np.random.seed()
    module, _, function = request["target"].partition(":")
    getattr(importlib.import_module(module), function)(*request["arguments"], fds=fds)


def run_kernel(arguments: list[str], *, fds: list[int]) -> None:
    """Be an ipykernel."""
    import ipykernel_launcher
    import matplotlib
    from ipykernel.kernelapp import IPKernelApp

    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    matplotlib.rc_file(matplotlib.matplotlib_fname())  # perhaps one beside the notebook
    # An ordinary kernel names its backend before Matplotlib is imported; here it is too late.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    matplotlib.rcParams["backend"] = os.environ["MPLBACKEND"]
    sys.argv = [ipykernel_launcher.__file__, *arguments]
    IPKernelApp.launch_instance(argv=arguments)


def send(connection: socket.socket, message: dict, fds: tuple[int, ...] = ()) -> None:
    """Send one message, with open files."""
    content = json.dumps(message).encode()
    if fds:
        socket.send_fds(connection, [HEADER.pack(len(content))], fds)
    else:
        connection.sendall(HEADER.pack(len(content)))
    connection.sendall(content)


def receive(connection: socket.socket) -> tuple[dict, list[int]]:
    """Receive one message; raises EOFError at the end of the connection."""
    header, fds, _, _ = socket.recv_fds(connection, HEADER.size, MOST_FDS)
    try:
        header += _exactly(connection, HEADER.size - len(header)) if header else b""
        if not header:
            raise EOFError
        (length,) = HEADER.unpack(header)
        if length > LARGEST_REQUEST:
            raise ValueError(f"a message of {length} bytes")
        return json.loads(_exactly(connection, length)), list(fds)
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise


def _exactly(connection: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        piece = connection.recv(length - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content


def main() -> None:
    """Import what is to be shared, and serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("socket")
    parser.add_argument("--preload", action="append", default=[])
    parser.add_argument("--remove", action="append", default=[])
    options = parser.parse_args()
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder this was started in; IPython adds that of the notebook
    environment = preload(options.preload)
    with socket.socket(socket.AF_UNIX) as listener:
        # Its name appears when connections are taken, and not before.
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
