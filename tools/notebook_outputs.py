"""A pytest plugin: hold the notebooks to their stored outputs, and run none of them twice.

``pytest book/*.ipynb`` compares what nbval compares, in nbval's way, cell by
cell. But the new outputs come from the execution cache that ``make book`` shares: a notebook that
is not in it runs, and is put there. The cache is keyed by the notebook's code, the package, the
data and the installed versions, so whatever could change an output runs the notebook again.

nbval itself runs every notebook in a kernel of its own, and cannot compare outputs that are there;
so its classes are extended here. ``pytest --nbval book/*.ipynb`` is nbval alone.
"""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
from coursekit_execution import ROOT, cache_folder, keep, kept, open_cache, run
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams

SECONDS_PER_CELL = 600


def pytest_addoption(parser) -> None:
    """Let tests of this plugin keep a cache of their own."""
    parser.addoption(
        "--notebook-cache",
        type=Path,
        default=ROOT / "_build",
        help="the folder of the book's build, in which its execution cache lies",
    )


class ExecutedNotebook(IPyNbFile):
    """A notebook whose cells are compared with what the cache has, or a run gives."""

    def setup(self) -> None:
        """Look the outputs up, or run the notebook."""
        self.setup_sanitize_files()
        # The stored outputs are of the sample edition: every machine has it.
        os.environ["COURSEKIT_EDITION"] = "sample"
        cache = open_cache(cache_folder(self.config.option.notebook_cache, "sample"))
        notebook = nbformat.read(self.path, as_version=4)
        executed = kept(cache, notebook)
        if executed is None:
            path, result = run(Path(self.path), notebook, SECONDS_PER_CELL)
            if not result.err:
                keep(cache, path, result)
            executed = result.nb
        self.executed = [cell for cell in executed.cells if cell.cell_type == "code"]

    def collect(self):
        """Take each of the cells that nbval finds, to compare it in our way."""
        for cell in super().collect():
            yield ExecutedCell.from_parent(
                self,
                name=cell.name,
                cell_num=cell.cell_num,
                cell=cell.cell,
                options=cell.options,
            )


class ExecutedCell(IPyNbCell):
    """One code cell: its stored outputs against the new ones."""

    def runtest(self) -> None:
        """Fail if the cell raised, was not reached, or gave something else than is stored."""
        new = self.parent.executed[self.cell_num]
        for output in new.outputs:
            if output.output_type == "error" and not self.options["check_exception"]:
                self.raise_cell_error(
                    "Cell execution caused an exception", "\n".join(output.traceback)
                )
        if new.execution_count is None:
            self.raise_cell_error("Not run: the notebook ended in an earlier cell")
        if self.cell.execution_count is None:
            self.raise_cell_error("No outputs are stored: run `make refresh`")
        stored = coalesce_streams(self.cell.outputs)
        if self.options["check"] and not self.compare_outputs(
            coalesce_streams(new.outputs), stored
        ):
            self.raise_cell_error("Cell outputs differ", "\n".join(self.comparison_traceback))


def pytest_collect_file(file_path: Path, parent):
    """Take the notebooks, unless nbval itself is asked to."""
    options = parent.config.option
    if file_path.suffix == ".ipynb" and not (options.nbval or options.nbval_lax):
        return ExecutedNotebook.from_parent(parent, path=file_path)
    return None
