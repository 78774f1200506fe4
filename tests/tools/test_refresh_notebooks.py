"""Storing outputs: text only, and never those of a notebook that failed."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.conftest import ROOT


def refresh(path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "refresh_notebooks.py", path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def notebook(tmp_path):
    """Return a function that writes a notebook of the given cells and gives its path."""

    def write(*cells):
        path = tmp_path / "notebook.ipynb"
        nbformat.write(new_notebook(cells=list(cells)), path)
        return path

    return write


def test_pictures_and_training_outputs_are_left_out(notebook):
    ignore = {"tags": ["nbval-ignore-output"]}
    plot = "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()"
    path = notebook(
        new_code_cell("import os; os.environ['COURSEKIT_EDITION']"),
        new_code_cell("print(0.123)", metadata=ignore),
        new_code_cell(plot),
        new_code_cell(plot, metadata=ignore),
    )
    done = refresh(path)
    assert done.returncode == 0, done.stdout + done.stderr
    edition, training, *figures = nbformat.read(path, 4).cells
    assert edition.outputs[0].data["text/plain"] == "'sample'"
    assert training.outputs == []
    for figure in figures:
        assert list(figure.outputs[0].data) == ["text/plain"]
    assert "image/png" not in path.read_text()


def test_failed_notebook_is_left_alone(notebook):
    path = notebook(new_code_cell("1 + 1"), new_code_cell("1 / 0"), new_code_cell("2 + 2"))
    before = path.read_bytes()
    done = refresh(path)
    assert done.returncode == 1
    assert "NOT stored" in done.stdout and "ZeroDivisionError" in done.stdout
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
