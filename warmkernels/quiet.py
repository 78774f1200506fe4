"""Start ordinary kernels that do not write to the terminal."""

from __future__ import annotations

import subprocess
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner


class QuietProvisioner(LocalProvisioner):
    """Starts an ordinary local kernel and discards its log.

    In every kernel, ipykernel warns that it listens on the loopback address without encryption,
    and TensorFlow describes its build, whatever ``TF_CPP_MIN_LOG_LEVEL`` says (TensorFlow 2.21).
    Important warnings are easily missed among these lines, and a learner's first cell would end in
    a red box. What cells write to ``sys.stderr`` is not affected: it reaches the notebook through
    kernel messages. What libraries write to the file descriptor itself is discarded.
    """

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel process with its stderr discarded.

        A kernel of ipykernel is told to leave the file descriptor of stderr as it is; otherwise it
        would send to the notebook what arrives there.

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
        if "ipykernel_launcher" in cmd or "ipykernel" in cmd:
            cmd = [*cmd, "--IPKernelApp.capture_fd_output=False"]
        return await super().launch_kernel(cmd, **kwargs)
