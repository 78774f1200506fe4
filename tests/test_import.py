"""Importing the package imports no large library, and loading data not TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import coursekit",
        "from coursekit import models, plotting, preprocessing, training",
        "from coursekit import cli",
        "from coursekit import datasets; datasets.load_iris(); datasets.load_breast_cancer(); "
        "datasets.load_mnist(); datasets.load_walking(); datasets.make_threshold()",
    ],
)
def test_no_tensorflow(code):
    heavy = "{'tensorflow', 'keras', 'torch', 'jax'}"
    output = run(
        f"import sys; {code}; print(sorted({heavy} & set(sys.modules)))", COURSEKIT_EDITION="sample"
    )
    assert output == "[]\n"


# In the order of the data, so that a library is reported with the module that imports it.
IMPORT_EACH = """
import importlib, sys
large = {"pandas", "matplotlib", "scipy", "sklearn", "tqdm", "PIL", "keras", "tensorflow"}
seen = set()
for name in "datasets preprocessing models training evaluation plotting live exercises cli".split():
    importlib.import_module(f"coursekit.{name}")
    if found := large & set(sys.modules) - seen:
        print(f"coursekit.{name} imports {', '.join(sorted(found))}.")
    seen |= found
"""


def test_no_large_library():
    """The reference promises that importing all modules takes a fraction of a second."""
    told = run(IMPORT_EACH)
    assert not told, told


def test_tensorflow_is_asked_to_be_quiet_unless_told_otherwise():
    code = "import coursekit, os; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    assert (
        subprocess.check_output([sys.executable, "-c", code], env=environment, text=True) == "3\n"
    )
    assert run(code, TF_CPP_MIN_LOG_LEVEL="0") == "0\n"
