"""Starting up: importing TensorFlow with and without bytecode, coursekit, and a kernel.

Where PYTHONDONTWRITEBYTECODE is set, as it often is in containers and on build machines, Python
compiles every module anew at every start, unless that was done at install. ``make`` does it at
install (uv's ``--compile-bytecode``). Without bytecode is measured by having Python look for it
in an empty folder. A kernel is started, TensorFlow is imported in it, and the clock stops when
its answer comes; the warm one is forked from a process that was started before.
"""

from __future__ import annotations

import sys
import tempfile
import time

from _measure import Question, command_seconds, options_of

NOT_COMPILED, COMPILED = "without bytecode", "bytecode compiled at install"


def imports(module: str, *, compiled: bool) -> float:
    """Return the seconds of a Python process that imports a module and ends."""
    command = [sys.executable, "-c", f"import {module}"]
    with tempfile.TemporaryDirectory() as empty:
        return command_seconds(
            command,
            PYTHONDONTWRITEBYTECODE="1",
            PYTHONPYCACHEPREFIX=None if compiled else empty,
            TF_CPP_MIN_LOG_LEVEL="3",
        )


def kernel(provisioner: str) -> float:
    """Return the seconds from asking for a kernel to its first answer with Keras imported."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": provisioner}
    began = time.perf_counter()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        answer = client.execute_interactive("import keras", timeout=120, output_hook=lambda _: None)
        if answer["content"]["status"] != "ok":
            raise SystemExit(f"The kernel could not import Keras: {answer['content']}")
        return time.perf_counter() - began
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main() -> None:
    options = options_of(__doc__)
    question = Question("start_up", "Starting up", __doc__.split("\n\n")[1], quick=options.quick)
    for module in ("coursekit",) if options.quick else ("tensorflow", "coursekit"):
        question.alternate(
            f"import {module}",
            {
                NOT_COMPILED: lambda module=module: imports(module, compiled=False),
                COMPILED: lambda module=module: imports(module, compiled=True),
            },
            rounds=options.rounds,
            ours=COMPILED,
        )
    question.alternate(
        "A kernel with Keras imported",
        {
            "an ordinary kernel": lambda: kernel("coursekit-quiet"),
            "a warm kernel": lambda: kernel("coursekit-warm"),
        },
        rounds=options.rounds,
        ours="a warm kernel",
    )
    question.keep()


if __name__ == "__main__":
    main()
