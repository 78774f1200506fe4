"""Environments for what is compared with the course: other frameworks, another grader.

They need other versions of some packages than the course's own environment, or packages that it
does without. Each is made once, in a folder of the user's cache, with what pip is set up to reach.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from _measure import CACHE, environment

LONGEST = 900  # seconds for one call of an installer


class MissingError(Exception):
    """An environment could not be made; the message says why, in one line."""


def python_with(name: str, packages: Sequence[str], *, check: str, cpu_torch: bool = False) -> Path:
    """Return the interpreter of an environment that has some packages, which is made if need be.

    Parameters
    ----------
    name : str
        Name of the environment.
    packages : sequence of str
        What pip installs.
    check : str
        Code that runs in it only if it is as it should be.
    cpu_torch : bool
        Install PyTorch's build for processors first, instead of that for graphics cards, which
        has several gigabytes.

    Returns
    -------
    Path

    Raises
    ------
    MissingError
        If it could not be made, or the check fails.
    """
    key = hashlib.sha256("\n".join([sys.version, *packages]).encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{key}"
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"  Making an environment for {name} in {folder}", flush=True)
    try:
        # What links to this environment's interpreter would find its packages, too.
        _call([sys.executable, "-m", "venv", folder])
        if cpu_torch:
            _install_cpu_torch(python)
        _call([python, "-m", "pip", "install", "--quiet", "--compile", *packages])
        _call([python, "-c", check])
    except MissingError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / "ready").touch()
    return python


def _install_cpu_torch(python: Path) -> None:
    if uv := shutil.which("uv"):
        try:
            return _call([uv, "pip", "install", "--python", python, "--torch-backend", "cpu",
                          "torch"])  # fmt: skip
        except MissingError:
            pass  # its index is not reached; a wheel may lie where pip looks for files
    try:
        _call([python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "torch"])
    except MissingError as error:
        raise MissingError(
            "no build of PyTorch for processors was found, neither on PyTorch's own index (with "
            f"uv) nor in pip's find-links: {error}"
        ) from None


def _call(command: list[str | Path]) -> None:
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env=environment(CUDA_VISIBLE_DEVICES="-1"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        raise MissingError(f"{words[0]} {words[1]} did not end within {LONGEST} s") from None
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise MissingError(lines[-1].strip())
