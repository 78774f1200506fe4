"""Start Jupyter kernels quickly by forking a process that has imported TensorFlow.

The package provides two *kernel provisioners*, which define how jupyter_client starts a kernel:
``coursekit-warm`` (:class:`WarmProvisioner`) forks kernels; ``coursekit-quiet``
(:class:`QuietProvisioner`) starts ordinary kernels that do not write to the terminal.
``JUPYTER_DEFAULT_PROVISIONER_NAME`` selects one for every kernel that a tool starts, so notebooks
can use the ordinary ``python3`` kernel. To fork other processes, use :class:`Warm`.
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
    # Import on demand: the warm process imports this package too, but needs none of these.
    if name in _MODULES:
        return getattr(importlib.import_module(f"warmkernels.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
