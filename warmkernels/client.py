"""Fork processes from a warm process (:mod:`warmkernels.server`)."""

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
MAX_FOLDER_BYTES = 70  # the path of a socket has at most 107 bytes
# Prefixes of environment variables that Python, TensorFlow and other libraries read at start or
# import. A warm process must have been started with the same values.
IMPORT_ENVIRONMENT = (
    *("PYTHON", "LD_", "LC_", "LANG", "HOME", "XDG_CONFIG_HOME", "GLIBC_TUNABLES", "MALLOC_"),
    *("TF_", "KERAS_", "CUDA_", "XLA_", "OMP_", "OPENBLAS_", "MKL_", "NPY_", "MPLCONFIGDIR"),
)
# Exceptions, in which a child may differ.
IGNORED_ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONSTARTUP"}
# Keras's defaults for settings that are missing from its configuration file.
KERAS_DEFAULTS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "backend": "tensorflow",
    "image_data_format": "channels_last",
}


class WarmUnavailableError(RuntimeError):
    """No warm process is available; the message says why."""


def supported() -> bool:
    """Return whether forking a process with TensorFlow is known to be safe here (only on Linux)."""
    return sys.platform == "linux"


class Forked:
    """A process forked from a warm process, with the interface of ``subprocess.Popen``.

    Attributes
    ----------
    pid : int
        Process ID, which is also the ID of its process group.
    returncode : int or None
        Exit status, or the negative number of the signal that ended it; None while it runs.
    lost : bool
        Whether the warm process ended before it. It was then killed, and its own exit status is
        not known.
    """

    stdin = stdout = stderr = None

    def __init__(self, control: socket.socket, pid: int):
        self.pid = pid
        self.returncode: int | None = None
        self.lost = False
        self._control = control
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit status, or None while the process runs."""
        return self._await_exit(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the process to end, and return the exit status.

        Parameters
        ----------
        timeout : float, optional
            In seconds; by default, wait forever.

        Raises
        ------
        subprocess.TimeoutExpired
            If it has not ended within the timeout.
        """
        if self._await_exit(timeout) is None:
            raise subprocess.TimeoutExpired("a forked process", timeout)
        return self.returncode

    def _await_exit(self, timeout: float | None) -> int | None:
        # While one thread waits, others can poll and kill.
        if not self._lock.acquire(blocking=timeout != 0):
            return self.returncode
        try:
            if self.returncode is not None:
                return self.returncode
            try:
                # A timeout of 0 would make the socket non-blocking, so use a very short one.
                self._control.settimeout(0.001 if timeout == 0 else timeout)
                message, _ = server.receive(self._control)
                self.returncode = message["exit"]
            except TimeoutError:
                return None
            except (OSError, EOFError, ValueError):
                # The warm process is gone, so nothing would reap the child: kill it.
                with suppress(ProcessLookupError, PermissionError):
                    server.signal_all(self.pid, signal.SIGKILL)
                self.returncode, self.lost = -signal.SIGKILL, True
            self._control.close()
            return self.returncode
        finally:
            self._lock.release()

    def send_signal(self, number: int) -> None:
        """Send a signal to the process group, if the process still runs."""
        if self.poll() is None:
            server.signal_all(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM to the process group."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the process group."""
        self.send_signal(signal.SIGKILL)


class Warm:
    """A connection to a warm process, which runs as long as a connection is open.

    Parameters
    ----------
    shared : bool
        Whether other programs of this user may use the same warm process. It ends when the last
        of them has closed its connection or has ended.
    preload : sequence of str
        Names of additional modules to import.
    env : mapping, optional
        Environment of the warm process; by default that of this process.
    remove : sequence of path
        Folders that the warm process removes when it ends, even if this process was killed.

    Attributes
    ----------
    path : Path
        Path of its socket.

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
        """Close the connection; the warm process soon ends if it has no other."""
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
            Values that JSON can represent.
        fds : sequence of int
            File descriptors to pass to the process, at most four.
        cwd : path, optional
            Working directory; by default that of this process.
        env : mapping, optional
            Environment variables; by default those of this process.

        Returns
        -------
        Forked

        Raises
        ------
        WarmUnavailableError
            If the warm process has ended or refuses to fork.
        """
        request = {
            "target": target,
            "arguments": list(arguments),
            # The warm process has another working directory, so resolve a relative folder here.
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
        # One program starts it, and the others wait.
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
        # Reap it, so that it does not become a zombie if it ends before us.
        threading.Thread(target=process.wait, daemon=True).start()


def key(env: Mapping[str, str]) -> str:
    """Return a key for warm processes: processes with the same key are interchangeable.

    It depends on the interpreter, on the settings that libraries read at import, and on the
    resource limits, umask, CPU affinity and priority that a process inherits.

    Parameters
    ----------
    env : mapping of str to str
        Environment variables.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    read = sorted(
        f"{name}={value}"
        for name, value in env.items()
        if name.startswith(IMPORT_ENVIRONMENT) and name not in IGNORED_ENVIRONMENT
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
    """Return the settings in Keras's configuration file, completed by its defaults.

    Parameters
    ----------
    env : mapping of str to str
        Environment variables, which determine the path of the file.

    Returns
    -------
    dict
        Such as ``{"backend": "tensorflow", ...}``.
    """
    home = Path(env.get("HOME") or Path.home())
    if not os.access(home, os.W_OK):
        home = Path("/tmp")
    folder = Path(env.get("KERAS_HOME", home / ".keras"))
    try:
        return {**KERAS_DEFAULTS, **json.loads((folder / "keras.json").read_text())}
    except (OSError, ValueError, TypeError):  # like Keras, ignore an unreadable file
        return KERAS_DEFAULTS


def _temporary() -> str:
    """Return the temporary folder, or /tmp if its path is too long for a socket."""
    named = tempfile.gettempdir()
    return named if len(os.fsencode(named)) <= MAX_FOLDER_BYTES else "/tmp"


def _runtime_folder() -> Path:
    """Return a folder for sockets that only this user can enter, with a short path."""
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
