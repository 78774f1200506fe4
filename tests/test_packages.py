"""Which package may import which: the rules in pyproject.toml hold, and a breach is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("coursekit", "coursegrader", "warmkernels")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the packages and of the rules."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in PACKAGES:
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.json", "__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


# The checkout itself is on the path as well, and of two trees of a name either may be read.
LINT = """
import sys
from importlinter.cli import lint_imports_command
sys.path[:] = [sys.argv[1], *(path for path in sys.path if path not in ("", sys.argv[2]))]
sys.argv = ["lint-imports", "--no-cache"]
lint_imports_command()
"""


def lint(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", LINT, folder, ROOT],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_rules_hold(checkout):
    told = lint(checkout)
    assert told.returncode == 0, told.stdout
    assert "4 kept, 0 broken" in told.stdout


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("coursekit/models.py", "import coursegrader.grade", "The course knows neither"),
        ("coursekit/training/loop.py", "from warmkernels import client", "The course knows neith"),
        ("warmkernels/quiet.py", "from coursekit import datasets", "The course knows neither"),
        ("coursekit/datasets/iris.py", "from coursekit import models", "Data flow one way"),
        ("coursekit/new.py", "", "Data flow one way"),  # it has no place in the order yet
        ("coursegrader/report.py", "from coursekit import _options", "a private module of anot"),
        ("coursegrader/notebook.py", "from coursegrader import master", "No circle"),
    ],
)
def test_a_breach_is_found(checkout, file, line, rule):
    path = checkout / file
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    try:
        told = lint(checkout)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")
    assert told.returncode == 1
    broken = told.stdout.partition("Broken contracts")[2]
    assert rule in broken, told.stdout


def test_the_course_imports_without_its_grader_and_kernels(checkout):
    """Whoever has coursekit alone can use all of it."""
    code = (
        "import sys\nfor name in ('coursegrader', 'warmkernels'): sys.modules[name] = None\n"
        "from coursekit import datasets, evaluation, exercises, live, models, plotting, "
        "preprocessing, training\nfrom coursekit.grading import check\nexercises.every()\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
