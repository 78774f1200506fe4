"""Start ordinary kernels that do not write to the terminal of whoever runs them."""

from __future__ import annotations

import subprocess
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner


class QuietProvisioner(LocalProvisioner):
    """An ordinary local kernel whose own log goes nowhere.

    ipykernel warns that it listens on the loopback address without encryption, and
    TensorFlow describes its build, in every kernel of every build. Among these lines a
    warning that matters is easily missed. What cells write to stderr is not affected: it
    reaches the notebook through the kernel's messages, and pages show it.
    """

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel process, with its stderr closed to the terminal."""
        kwargs.setdefault("stderr", subprocess.DEVNULL)
        return await super().launch_kernel(cmd, **kwargs)
