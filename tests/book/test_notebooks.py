"""What every notebook of the book must look like, and that its outputs are really compared."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys

import nbformat
import pytest

from tests.conftest import ROOT

SOLUTIONS = sorted((ROOT / "book" / "solutions").glob("*.ipynb"))
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
# Pages without the form of a chapter.
APPENDICES = {
    "errors-in-the-sources",
    "from-r-to-python",
    "playground",
    "seeds-and-shuffling",
    "see-it-live",
    "what-to-expect",
}
CHAPTERS = [path for path in NOTEBOOKS if path.stem not in APPENDICES]
assert CHAPTERS, "no chapter found"

FIRST = ROOT / "book" / "first-sequential-model.ipynb"

LONGEST_LINE = 88
# How many cells nbval compares at least. Where a short chapter trains, asserts and defines, ten
# cells that every machine gives alike are not left; five of fewer than 20 are.
FEWEST_COMPARED, FEWEST_IN_SHORT = 10, 5
SHORT = 20  # a chapter is short with fewer code cells
# In the dark, the page turns the lightness of other figures over.
LIGHTNESS = re.compile(r"\b(imshow|contourf|pcolormesh|matshow|plot_digits|plot_confusion)\(")


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def compared(cell) -> bool:
    return bool(cell.outputs) and "nbval-ignore-output" not in tags(cell)


def draws(cell) -> bool:
    texts = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return any(text.startswith("<Figure") for text in texts)


@pytest.mark.parametrize(
    "path", NOTEBOOKS + SOLUTIONS, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
class TestNotebook:
    def test_form(self, path):
        notebook = read(path)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.kernelspec.name == "python3"
        assert set(notebook.metadata) == {"kernelspec", "language_info"}

    def test_was_run_from_top_to_bottom(self, path):
        counts = [cell.execution_count for cell in code_cells(path)]
        assert counts == list(range(1, len(counts) + 1))

    def test_stored_outputs_are_text(self, path):
        for cell in code_cells(path):
            for output in cell.outputs:
                assert output.output_type != "error"
                assert output.get("name") != "stderr"
                assert set(output.get("data", {})) <= {"text/plain", "text/html"}
                # TensorFlow's hints on retracing reach us as ordinary output.
                for text in [output.get("text", ""), *output.get("data", {}).values()]:
                    assert not re.search(r"^WARNING:", text, re.MULTILINE), text

    def test_text_reads_well_in_jupyter_too(self, path):
        """JupyterLab shows a role of Sphinx, such as a citation, as it is written."""
        text = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
        assert not re.findall(r"\{[\w:]+\}`[^`]*`", "\n".join(text))

    def test_code_fits_the_page(self, path):
        for cell in code_cells(path):
            for line in cell.source.splitlines():
                assert len(line) <= LONGEST_LINE, line

    def test_figures_have_alt_text(self, path):
        for cell in code_cells(path):
            if draws(cell):
                alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
                assert len(alt.split()) >= 8, cell.source

    def test_pictures_in_which_lightness_means_something_keep_it(self, path):
        cells = code_cells(path)
        functions = [
            node.name
            for cell in cells
            for node in ast.parse(cell.source).body
            if isinstance(node, ast.FunctionDef)
            and LIGHTNESS.search(ast.get_source_segment(cell.source, node))
        ]
        calls = re.compile("|".join([LIGHTNESS.pattern, *(rf"\b{name}\(" for name in functions)]))
        for cell in cells:
            if draws(cell) and calls.search(cell.source):
                assert "keep-colours" in tags(cell), cell.source


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
class TestChapter:
    def test_enough_is_compared(self, path):
        cells = [cell for cell in code_cells(path) if "remove-cell" not in tags(cell)]
        fewest = FEWEST_IN_SHORT if len(cells) < SHORT else FEWEST_COMPARED
        assert sum(compared(cell) for cell in cells) >= fewest

    def test_what_is_not_compared_is_asserted(self, path):
        """A cell whose output nbval ignores is followed by an assertion on its results."""
        cells = code_cells(path)
        for place, cell in enumerate(cells):
            if "nbval-ignore-output" in tags(cell) and "import keras" not in cell.source:
                following = cells[place : place + 4]
                assert any("assert " in later.source for later in following), cell.source

    def test_opening_and_end(self, path):
        cells = read(path).cells
        assert cells[0].source.startswith("# ")
        opening = "\n".join(cell.source for cell in cells[:2])
        assert all(word in opening for word in ("You will learn", "**Time:**", "**You need:**"))
        headings = [
            line[3:]
            for cell in cells
            if cell.cell_type == "markdown"
            for line in cell.source.splitlines()
            if line.startswith("## ")
        ]
        assert headings[-3:] == ["Exercises", "Summary", "Further reading"]


# ------------------------------------------- outputs are really compared, and really differ


def hold_to_outputs(path, *options: str) -> subprocess.CompletedProcess:
    """Run pytest on a notebook, as ``make test`` does, with an execution cache of its own."""
    # Without our settings: a notebook outside the repository, which finds no conftest.py.
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "notebook_outputs"]
    plugin = os.pathsep.join(str(ROOT / place) for place in ("tools", "book/_extensions"))
    return subprocess.run(
        [*command, f"--notebook-cache={path.parent}", *options, path],
        env={**os.environ, "PYTHONPATH": plugin},
        capture_output=True,
        text=True,
        timeout=240,
        cwd=path.parent,
        check=False,
    )


def without_training(path) -> nbformat.NotebookNode:
    """The chapter up to its first training cell: quick, and all of it compared."""
    notebook = read(path)
    end = next(place for place, cell in enumerate(notebook.cells) if ".fit(" in cell.source)
    notebook.cells = notebook.cells[:end]
    return notebook


def the_cell(notebook, text: str) -> nbformat.NotebookNode:
    (cell,) = [cell for cell in notebook.cells if text in cell.source]
    return cell


def test_nbval_itself_passes_on_the_chapter_as_it_is(tmp_path):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(without_training(FIRST), path)
    done = hold_to_outputs(path, "--nbval")
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / ".jupyter_cache").exists()  # ours stood aside


def test_a_chapter_runs_once_and_again_when_its_code_changes(tmp_path):
    path = tmp_path / "chapter.ipynb"
    runs = tmp_path / "runs"
    cell = nbformat.v4.new_code_cell(
        f"with open({str(runs)!r}, 'a') as file:\n    print('ran', file=file)\n1 + 1",
        execution_count=1,
        outputs=[nbformat.v4.new_output("execute_result", data={"text/plain": "2"})],
    )
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata=read(FIRST).metadata)
    changed = cell.source.replace("1 + 1", "1 + 2")
    for source, stored, times, failed in (
        (cell.source, "2", 1, 0),
        (cell.source, "3", 1, 1),  # from the cache, and still compared
        (changed, "3", 2, 0),
    ):
        cell.source = source
        cell.outputs[0].data["text/plain"] = stored
        nbformat.write(notebook, path)
        done = hold_to_outputs(path)
        assert done.returncode == failed, done.stdout
        assert runs.read_text().split() == ["ran"] * times


def test_a_tampered_chapter_fails(tmp_path):
    """Cells that give something else than is stored fail, and so does all from an error on."""
    notebook = without_training(FIRST)
    by_hand = the_cell(notebook, "by_hand, sum(by_hand)")
    by_hand.outputs[0].data["text/plain"] = "([256], 4547)"
    shape = the_cell(notebook, "x.shape, y.shape")
    shape.source = "x.shape, x.shape"
    *_, before_last, _last = (cell for cell in notebook.cells if cell.cell_type == "code")
    before_last.source = "assert sum(by_hand) == 4547"
    path = tmp_path / "chapter.ipynb"
    nbformat.write(notebook, path)
    done = hold_to_outputs(path)
    assert done.returncode == 1
    assert "4 failed" in done.stdout, done.stdout
    for words in ("((10000, 3), (10000, 3))", "4547)", "AssertionError", "ended in an earlier"):
        assert words in done.stdout
