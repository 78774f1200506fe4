"""Jupyter kernels that start at once: each is forked from a process that has TensorFlow imported.

The package brings two *kernel provisioners*, jupyter_client's way to say how a kernel is started:
``coursekit-warm`` (:class:`WarmProvisioner`) forks kernels, ``coursekit-quiet``
(:class:`QuietProvisioner`) starts ordinary ones that do not write to the terminal.
``JUPYTER_DEFAULT_PROVISIONER_NAME`` chooses one for every kernel that a tool starts, so notebooks
keep the ordinary ``python3``. A program that forks processes of its own uses :class:`Warm`.
"""

import importlib

_MODULES = {
    "QuietProvisioner": "quiet",
    "WarmProvisioner": "warm",
    "Warm": "client",
    "Forked": "client",
    "WarmUnavailableError": "client",
}
__all__ = list(_MODULES)


def __getattr__(name: str):
    # The warm process imports this package too, and needs none of them.
    if name in _MODULES:
        return getattr(importlib.import_module(f"warmkernels.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
