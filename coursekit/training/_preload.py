"""Imports of the fork server; it must run no TensorFlow operation before it forks."""

import importlib
import os

# TensorFlow always prints details of its build to stderr when imported; hide them from notebooks.
_stderr, _devnull = os.dup(2), os.open(os.devnull, os.O_WRONLY)
os.dup2(_devnull, 2)
try:
    for _name in ("tensorflow", "keras", "pandas", "coursekit.training"):
        importlib.import_module(_name)
finally:
    os.dup2(_stderr, 2)
    os.close(_stderr)
    os.close(_devnull)
