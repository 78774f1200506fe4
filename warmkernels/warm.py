"""Start kernels by forking a process that has imported TensorFlow."""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo

from warmkernels import client
from warmkernels.quiet import QuietProvisioner

_warm: dict[str, client.Warm] = {}
_lock = threading.Lock()


@atexit.register
def _close_all() -> None:
    for warm in _warm.values():
        warm.close()


class WarmProvisioner(QuietProvisioner):
    """Forks each kernel from a process that has imported TensorFlow and Keras.

    Every notebook gets a new process with the same results as in an ordinary kernel, but without
    the time for the import. An ordinary kernel is started instead if the system is not Linux, if
    the kernel is not an ipykernel of this environment, if Keras has another backend, or if the
    warm process cannot be started.
    """

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel process, or start an ordinary one.

        Parameters
        ----------
        cmd : list of str
            Command of the kernel.
        **kwargs
            As in ``LocalProvisioner.launch_kernel``.

        Returns
        -------
        KernelConnectionInfo
        """
        arguments = kernel_arguments(cmd)
        if arguments is None or not client.supported():
            return await super().launch_kernel(cmd, **kwargs)
        env = dict(kwargs.get("env") or os.environ)
        try:
            self.process = await asyncio.to_thread(
                _fork, arguments, env, kwargs.get("cwd") or os.getcwd()
            )
        except client.WarmUnavailableError as error:
            warnings.warn(f"Starting an ordinary kernel: {error}", RuntimeWarning, stacklevel=2)
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.process.pid
        self.pgid = self.process.pid
        return self.connection_info


def kernel_arguments(command: list[str]) -> list[str] | None:
    """Return the arguments of an ipykernel command.

    Parameters
    ----------
    command : list of str
        Command that starts a kernel.

    Returns
    -------
    list of str or None
        None if it starts another kernel, or one of another environment.
    """
    if len(command) < 3 or command[1:3] != ["-m", "ipykernel_launcher"]:
        return None
    ours = Path(sys.executable)
    named = Path(command[0])
    if named != ours and named.parent != ours.parent:
        return None
    return command[3:]


def _fork(arguments: list[str], env: dict[str, str], cwd: str) -> client.Forked:
    # The warm process has another working directory: resolve paths relative to the notebook's.
    start = dict(env)
    for name in ("PYTHONPATH", "KERAS_HOME", "MPLCONFIGDIR"):
        if env.get(name):
            start[name] = os.pathsep.join(
                os.path.abspath(os.path.join(cwd, folder)) for folder in env[name].split(os.pathsep)
            )
    backend = env.get("KERAS_BACKEND") or client.keras_settings(start)["backend"]
    if backend != "tensorflow":
        raise client.WarmUnavailableError(
            f"Keras is to run on {backend!r} here, and the warm process has it on 'tensorflow'"
        )
    key = client.key(start)
    with _lock:
        for attempt in (1, 2):
            if key not in _warm:
                _warm[key] = client.Warm(env=start)
            try:
                return _warm[key].fork("warmkernels.server:run_kernel", arguments, cwd=cwd, env=env)
            except client.WarmUnavailableError:
                # It has ended in the meantime: start another one, once.
                _warm.pop(key).close()
                if attempt == 2:
                    raise
    raise AssertionError("not reached")
