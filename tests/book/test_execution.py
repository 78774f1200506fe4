"""The cache of executed chapters: what its key depends on, and which figures it keeps."""

from __future__ import annotations

import io
import shutil
from base64 import b64decode, b64encode

import coursekit_execution
import nbformat
import pytest
from nbformat import v4
from PIL import Image

from tests.conftest import ROOT


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    """A copy of the package, of whose state the key is taken."""
    shutil.copytree(
        ROOT / "coursekit", tmp_path / "coursekit", ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(coursekit_execution, "ROOT", tmp_path)
    monkeypatch.setattr(coursekit_execution, "distributions", lambda path: [])  # takes long
    return tmp_path


def test_the_key_depends_on_every_file_of_the_package(checkout):
    key = coursekit_execution.fingerprint()
    files = [path for path in checkout.rglob("*") if path.is_file()]
    assert {".py", ".js", ".css", ".csv", ".html", ".mplstyle"} <= {path.suffix for path in files}
    for path in files:
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        assert coursekit_execution.fingerprint() != key, path.relative_to(checkout)
        path.write_bytes(before)
    assert coursekit_execution.fingerprint() == key


def test_the_key_depends_on_files_of_a_new_kind_and_not_on_compiled_ones(checkout):
    key = coursekit_execution.fingerprint()
    compiled = checkout / "coursekit" / "live" / "__pycache__"
    compiled.mkdir()
    (compiled / "digit.cpython-311.pyc").write_bytes(b"compiled")
    assert coursekit_execution.fingerprint() == key
    (checkout / "coursekit" / "live" / "new.kind").touch()
    assert coursekit_execution.fingerprint() != key


# ------------------------------------------------------------------ figures, drawn for the book

LINES = '<svg width="432pt" height="216pt" viewBox="0 0 432 216"><path d="M0 0L9 9"/></svg>'


def drawn(svg: str, png: bytes) -> nbformat.NotebookNode:
    data = {"image/svg+xml": svg, "image/png": b64encode(png).decode(), "text/plain": "<Figure>"}
    cell = v4.new_code_cell("draw()", outputs=[v4.new_output("display_data", data)])
    return v4.new_notebook(cells=[v4.new_markdown_cell("Text"), cell])


@pytest.mark.parametrize(
    ("svg", "kept"),
    [
        (LINES, "image/svg+xml"),
        (LINES.replace("<path", '<image href="data:,"/><path'), "image/png"),  # a heat map
        (LINES.replace("M0", "M0 0L1 2" * 50_000), "image/png"),  # thousands of points
        (LINES + "".join(chr(33 + n * n % 90) * (n % 7) for n in range(9000)), "image/png"),
    ],
)
def test_of_lines_the_drawing_is_kept_else_the_picture(svg, kept):
    notebook = drawn(svg, b"a picture" * 30)
    coursekit_execution.keep_one_picture(notebook)
    assert set(notebook.cells[1].outputs[0].data) == {kept, "text/plain"}


def test_a_picture_that_comes_alone_is_kept():
    notebook = drawn(LINES, b"a picture")
    del notebook.cells[1].outputs[0].data["image/svg+xml"]
    coursekit_execution.keep_one_picture(notebook)
    assert "image/png" in notebook.cells[1].outputs[0].data


def test_kernels_of_the_book_draw_lines_and_fine_pictures(tmp_path, monkeypatch):
    """Twice the same, byte for byte: else each build would change all pages."""
    monkeypatch.setenv("IPYTHONDIR", "")
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "coursekit-quiet")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    coursekit_execution.draw_for_the_book(tmp_path)
    code = (
        "import matplotlib.pyplot as plt\n"
        "plt.figure(figsize=(3, 2), layout='constrained')\nplt.plot([1, 2]);"
    )
    cells = [v4.new_code_cell(code), v4.new_code_cell(code)]
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    _, result = coursekit_execution.run(tmp_path / "figure.ipynb", notebook, 120)
    assert not result.err, result.err
    first, second = (cell.outputs[-1].data for cell in result.nb.cells)
    assert first == second
    with Image.open(io.BytesIO(b64decode(first["image/png"]))) as picture:
        assert picture.info["dpi"] == pytest.approx((192, 192), abs=0.1)
        assert picture.width == pytest.approx(3 * 192, rel=0.06)
    assert first["image/svg+xml"].count("<path") > 3
