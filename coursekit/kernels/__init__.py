"""How the book's builds and tests start kernels.

These are *kernel provisioners*, jupyter_client's own way to say how a kernel is started.
pyproject.toml registers them, and ``JUPYTER_DEFAULT_PROVISIONER_NAME`` chooses one for every
kernel that a tool starts, so notebooks themselves keep the ordinary ``python3``.
"""

from coursekit.kernels._quiet import QuietProvisioner

__all__ = ["QuietProvisioner"]
