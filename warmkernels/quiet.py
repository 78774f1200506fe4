"""Start ordinary kernels that do not write to the terminal."""

from __future__ import annotations

import subprocess
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner


class QuietProvisioner(LocalProvisioner):
    """Starts an ordinary local kernel and discards its log.

    In every kernel, ipykernel warns that it listens on the loopback address without encryption,
    and TensorFlow describes its build. Important warnings are easily missed among these lines.
    Output of cells to stderr is not affected: it reaches the notebook through kernel messages.
    """

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel process with its stderr discarded.

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
        kwargs.setdefault("stderr", subprocess.DEVNULL)
        return await super().launch_kernel(cmd, **kwargs)
