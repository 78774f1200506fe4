"""How the book's builds and tests start kernels.

These are *kernel provisioners*, jupyter_client's own way to say how a kernel is started.
pyproject.toml registers them, and ``JUPYTER_DEFAULT_PROVISIONER_NAME`` chooses one for every
kernel that a tool starts, so notebooks themselves keep the ordinary ``python3``. The
kernelspec ``coursekit``, which comes with the package, names the warm one.
"""

__all__ = ["QuietProvisioner", "WarmProvisioner"]


def __getattr__(name: str):
    # The warm process imports this package too, and needs neither of the two.
    if name == "QuietProvisioner":
        from warmkernels.quiet import QuietProvisioner

        return QuietProvisioner
    if name == "WarmProvisioner":
        from warmkernels.warm import WarmProvisioner

        return WarmProvisioner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
