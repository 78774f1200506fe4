"""Pytest plugin: compare notebooks with their stored outputs, without running any of them twice.

``pytest book/*.ipynb`` compares outputs cell by cell, as nbval does, but takes the new outputs from
the execution cache that it shares with ``make book``. A notebook that is not in the cache is run
and added. The cache is keyed by the notebook's code, the package, the data and the installed
versions, so any change that could alter an output runs the notebook again.

nbval always runs every notebook in its own kernel and cannot compare cached outputs, so this plugin
extends its classes. ``pytest --nbval book/*.ipynb`` uses nbval alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import nbformat
from coursekit_execution import (
    ROOT,
    SVG,
    cache_folder,
    draw_for_the_book,
    keep,
    kept,
    open_cache,
    run,
)
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams

SECONDS_PER_CELL = 600


def pytest_addoption(parser) -> None:
    """Add an option for the folder of the cache, which tests of this plugin use."""
    parser.addoption(
        "--notebook-cache",
        type=Path,
        default=ROOT / "_build",
        help="the folder of the book's build, in which its execution cache lies",
    )


class ExecutedNotebook(IPyNbFile):
    """A notebook whose stored outputs are compared with cached or newly computed ones."""

    def setup(self) -> None:
        """Take the outputs from the cache, or run the notebook."""
        self.setup_sanitize_files()
        # nbval itself compares no pictures, but does not take a drawing for one.
        self.skip_compare = (*self.skip_compare, SVG)
        # The stored outputs are of the sample edition: every machine has it.
        os.environ["COURSEKIT_EDITION"] = "sample"
        cache = open_cache(cache_folder(self.config.option.notebook_cache, "sample"))
        notebook = nbformat.read(self.path, as_version=4)
        executed = kept(cache, notebook)
        if executed is None:
            with patch.dict(os.environ):  # other tests start kernels that draw as usual
                draw_for_the_book(self.config.option.notebook_cache)
                path, result = run(Path(self.path), notebook, SECONDS_PER_CELL)
            if not result.err:
                keep(cache, path, result)
            executed = result.nb
        self.executed = [cell for cell in executed.cells if cell.cell_type == "code"]

    def collect(self):
        """Wrap each cell that nbval collects in an `ExecutedCell`."""
        for cell in super().collect():
            yield ExecutedCell.from_parent(
                self,
                name=cell.name,
                cell_num=cell.cell_num,
                cell=cell.cell,
                options=cell.options,
            )


class ExecutedCell(IPyNbCell):
    """A code cell whose stored outputs are compared with the new ones."""

    def runtest(self) -> None:
        """Fail if the cell raised an error, did not run, or has outputs that differ."""
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
    """Collect notebooks, unless nbval itself is used."""
    options = parent.config.option
    if file_path.suffix == ".ipynb" and not (options.nbval or options.nbval_lax):
        return ExecutedNotebook.from_parent(parent, path=file_path)
    return None
