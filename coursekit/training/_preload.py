"""What a process that others are forked from imports; it must run no operation of TensorFlow."""

import importlib
import os

# TensorFlow describes its build while it is imported, whatever it is told, and a notebook would
# show that.
_stderr, _nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
os.dup2(_nowhere, 2)
try:
    for _name in ("tensorflow", "keras", "pandas", "coursekit.training"):
        importlib.import_module(_name)
finally:
    os.dup2(_stderr, 2)
    os.close(_stderr)
    os.close(_nowhere)
