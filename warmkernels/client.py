"""Ask a warm process (:mod:`warmkernels.server`) for forked ones."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from warmkernels import server

START_SECONDS = 120
LONGEST_FOLDER = 70  # names of sockets have at most 107 bytes
# What Python, TensorFlow and other libraries read while they start or are imported. A process
# that was started under other values of these is no place to fork from.
READ_AT_IMPORT = (
    *("PYTHON", "LD_", "LC_", "LANG", "HOME", "XDG_CONFIG_HOME", "GLIBC_TUNABLES", "MALLOC_"),
    *("TF_", "KERAS_", "CUDA_", "XLA_", "OMP_", "OPENBLAS_", "MKL_", "NPY_", "MPLCONFIGDIR"),
)
# A child may differ in these all the same.
NOT_READ = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONSTARTUP"}
# What Keras takes where its file of settings, which it writes when it is missing, does not say.
KERAS_DEFAULTS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "backend": "tensorflow",
    "image_data_format": "channels_last",
}


class WarmUnavailableError(RuntimeError):
    """There is no warm process to fork from; the message says why."""


def supported() -> bool:
    """Whether forking a process with TensorFlow in it is known to be safe here: on Linux."""
    return sys.platform == "linux"


class Forked:
    """A process that a warm one has forked for us; used like ``subprocess.Popen``.

    Attributes
    ----------
    pid : int
        It leads a process group of the same number.
    returncode : int or None
        As in ``subprocess``: negative is the signal that ended it.
    """

    stdin = stdout = stderr = None

    def __init__(self, control: socket.socket, pid: int):
        self.pid = pid
        self.returncode: int | None = None
        self._control = control
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit status, or None while the process runs."""
        return self._await_exit(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status.

        Raises
        ------
        subprocess.TimeoutExpired
            If it has not ended after so many seconds.
        """
        if self._await_exit(timeout) is None:
            raise subprocess.TimeoutExpired("a forked process", timeout)
        return self.returncode

    def _await_exit(self, timeout: float | None) -> int | None:
        # While one thread waits for the end, others can look, and kill.
        if not self._lock.acquire(blocking=timeout != 0):
            return self.returncode
        try:
            if self.returncode is not None:
                return self.returncode
            try:
                # A timeout of 0 would make the socket non-blocking; a moment is as good.
                self._control.settimeout(0.001 if timeout == 0 else timeout)
                message, _ = server.receive(self._control)
                self.returncode = message["exit"]
            except TimeoutError:
                return None
            except (OSError, EOFError, ValueError):
                # The warm process is gone, so nobody waits for the child any more.
                with suppress(ProcessLookupError, PermissionError):
                    server.signal_all(self.pid, signal.SIGKILL)
                self.returncode = -signal.SIGKILL
            self._control.close()
            return self.returncode
        finally:
            self._lock.release()

    def send_signal(self, number: int) -> None:
        """Send a signal to its process group, if it still runs."""
        if self.poll() is None:
            server.signal_all(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class Warm:
    """A warm process, kept for as long as this object is open.

    Parameters
    ----------
    shared : bool
        Whether other programs of this user may fork from it as well. It ends when the last
        of them has closed it or has ended, however that came about.
    preload : sequence of str
        More modules to import.
    env : mapping, optional
        The environment it is started in; by default that of this process.
    remove : sequence of path
        Folders that it removes when it ends, also if whoever started it was killed.

    Attributes
    ----------
    path : Path
        Its socket.

    Raises
    ------
    WarmUnavailableError
        If it cannot be started.
    """

    def __init__(
        self,
        *,
        shared: bool = True,
        preload: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        remove: Sequence[Path | str] = (),
    ):
        if not supported():
            raise WarmUnavailableError(
                f"forking a process with TensorFlow in it is not known to be safe on "
                f"{sys.platform}; it is on Linux (also in a container, or in WSL)"
            )
        self._env = dict(os.environ if env is None else env)
        self._preload = list(preload)
        self._remove = list(map(str, remove))
        self._folder = None
        if shared:
            self.path = _runtime_folder() / f"warm-{key(self._env)}.socket"
        else:
            self._folder = tempfile.TemporaryDirectory(prefix="warmkernels-", dir=_temporary())
            self.path = Path(self._folder.name) / "socket"
            self._remove.append(self._folder.name)
        self._lease = None
        try:
            self._lease = self._connect_or_start()
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise WarmUnavailableError(f"no warm process answers at {self.path}: {error}") from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the warm process up; it ends soon if nobody else uses it."""
        if self._lease is not None:
            self._lease.close()
        if self._folder is not None:
            self._folder.cleanup()

    def fork(
        self,
        target: str,
        *arguments: Any,
        fds: Sequence[int] = (),
        cwd: Path | str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Forked:
        """Fork a process that calls ``target(*arguments, fds=[...])``.

        Parameters
        ----------
        target : str
            ``"package.module:function"``.
        *arguments
            What JSON can carry.
        fds : sequence of int
            Open files to hand over.
        cwd, env
            As in ``subprocess``; by default as here.

        Raises
        ------
        WarmUnavailableError
            If the warm process is gone, or refuses.
        """
        request = {
            "target": target,
            "arguments": list(arguments),
            # The warm process is somewhere else: a relative folder is meant from here.
            "cwd": os.path.abspath(cwd or os.getcwd()),
            "env": dict(os.environ if env is None else env),
        }
        try:
            control = _connect(self.path)
        except OSError as error:
            raise WarmUnavailableError(f"the warm process is gone: {error}") from None
        try:
            server.send(control, request, tuple(fds))
            answer, _ = server.receive(control)
        except (OSError, EOFError, ValueError) as error:
            control.close()
            raise WarmUnavailableError(f"the warm process does not answer: {error!r}") from None
        if "pid" not in answer:
            control.close()
            raise WarmUnavailableError(answer["refused"])
        return Forked(control, answer["pid"])

    def _connect_or_start(self) -> socket.socket:
        # One starts it, the others wait for that one.
        with FileLock(str(self.path) + ".lock", timeout=START_SECONDS + 10):
            for _ in range(2):
                with suppress(OSError, EOFError, ValueError):
                    return _lease(self.path)
                self._start()
        raise WarmUnavailableError("the warm process was started and does not answer")

    def _start(self) -> None:
        with suppress(FileNotFoundError):
            self.path.unlink()
        with suppress(FileNotFoundError):
            Path(str(self.path) + ".part").unlink()
        command = [sys.executable, "-m", "warmkernels.server", str(self.path)]
        for module in self._preload:
            command += ["--preload", module]
        for folder in self._remove:
            command += ["--remove", folder]
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                command,
                env=self._env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            end = time.monotonic() + START_SECONDS
            while not self.path.exists():
                if process.poll() is not None or time.monotonic() > end:
                    process.kill()
                    process.wait()
                    log.seek(0)
                    tail = log.read()[-2000:].decode(errors="replace").strip()
                    raise WarmUnavailableError(f"the warm process did not start:\n{tail}")
                time.sleep(0.02)
        # It outlives us if others use it, and is then nobody's zombie.
        threading.Thread(target=process.wait, daemon=True).start()


def key(env: Mapping[str, str]) -> str:
    """Name what a warm process depends on: two of the same name can stand for each other.

    That is the interpreter, what it and its libraries read when they start, and what a process
    inherits from the one that starts it.
    """
    read = sorted(
        f"{name}={value}"
        for name, value in env.items()
        if name.startswith(READ_AT_IMPORT) and name not in NOT_READ
    )
    status = Path("/proc/self/status").read_text().splitlines()
    inherited = [
        next((line for line in status if line.startswith("Umask:")), ""),
        Path("/proc/self/limits").read_text(),
        str(sorted(os.sched_getaffinity(0))),
        str(os.getpriority(os.PRIO_PROCESS, 0)),
    ]
    settings = json.dumps(keras_settings(env), sort_keys=True)
    named = "\n".join([sys.executable, sys.prefix, *read, *inherited, settings])
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def keras_settings(env: Mapping[str, str]) -> dict[str, Any]:
    """Return what Keras's own file of settings says in an environment."""
    home = Path(env.get("HOME") or Path.home())
    if not os.access(home, os.W_OK):
        home = Path("/tmp")
    folder = Path(env.get("KERAS_HOME", home / ".keras"))
    try:
        return {**KERAS_DEFAULTS, **json.loads((folder / "keras.json").read_text())}
    except (OSError, ValueError, TypeError):  # Keras ignores one that it cannot read
        return KERAS_DEFAULTS


def _temporary() -> str:
    """Return the temporary folder, or another one if its name is too long for that of a socket."""
    named = tempfile.gettempdir()
    return named if len(os.fsencode(named)) <= LONGEST_FOLDER else "/tmp"


def _runtime_folder() -> Path:
    """Return a folder that only this user can enter; sockets' names have to be short."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and os.access(base, os.W_OK):
        folder = Path(base) / "warmkernels"
    else:
        folder = Path(_temporary()) / f"warmkernels-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise WarmUnavailableError(f"{folder} belongs to, or is open to, somebody else")
    return folder


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(10)
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _lease(path: Path) -> socket.socket:
    connection = _connect(path)
    try:
        server.send(connection, {})
        server.receive(connection)
    except BaseException:
        connection.close()
        raise
    return connection
