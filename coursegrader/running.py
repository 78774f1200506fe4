"""Run a notebook that is trusted, cell by cell, in a fresh kernel of this Python.

This is for one's own notebooks: there is no sandbox, and it works on every system.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode, v4

START_SECONDS = 120
MAX_SAID = 1000  # characters of an error


@dataclass(frozen=True)
class CellRun:
    """How the run of one cell ended.

    Attributes
    ----------
    error : str
        Its error in one text; empty if there was none.
    kind : str
        Name of the exception; ``"timeout"`` or ``"dead"`` if no further cell can be run.
    """

    error: str = ""
    kind: str = ""

    @property
    def stopped(self) -> bool:
        """Whether no further cell can be run."""
        return self.kind in ("timeout", "dead")


class Kernel:
    """A kernel that runs cells; see :func:`kernel`."""

    def __init__(self, client, cell_seconds: float):
        self._client, self._seconds = client, cell_seconds

    def run(self, source: str) -> CellRun:
        """Run the source of one cell, and return how it ended.

        Parameters
        ----------
        source : str

        Returns
        -------
        CellRun
        """
        from nbclient.exceptions import CellTimeoutError, DeadKernelError

        cell = v4.new_code_cell(source)
        # nbclient looks up the cell in its notebook.
        self._client.nb.cells = [cell]
        try:
            self._client.execute_cell(cell, 0, store_history=True)
        except CellTimeoutError:
            return CellRun(f"It took more than {self._seconds:g} s.", "timeout")
        except DeadKernelError:
            return CellRun("Its process ended. Did it use all the memory, or exit?", "dead")
        for output in cell.outputs:
            if output.output_type == "error":
                said = str(output.evalue or output.ename)
                if output.ename == "CheckFailed":  # without the title of the check
                    said = said.partition("\n")[2].strip() or said
                return CellRun(said[:MAX_SAID], str(output.ename))
        return CellRun()


@contextmanager
def kernel(folder: Path, cell_seconds: float) -> Iterator[Kernel]:
    """Start a kernel of this Python, and end it and its cells whatever happens.

    Parameters
    ----------
    folder : path
        Where it runs: the folder of the notebook.
    cell_seconds : float
        The longest that a cell may take.
    """
    from nbclient import NotebookClient

    logging.getLogger("traitlets").setLevel(logging.CRITICAL)  # we say ourselves what happened
    client = NotebookClient(
        v4.new_notebook(),
        timeout=cell_seconds,
        startup_timeout=START_SECONDS,
        kernel_name="python3",  # that of this environment, whatever the notebook names
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    # What a kernel itself says there is about its connection.
    with client.setup_kernel(stderr=subprocess.DEVNULL):
        yield Kernel(client, cell_seconds)


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Return the code cells of a notebook with their numbers, from 1, among all cells."""
    return [
        (number, cell)
        for number, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "code" and cell.source.strip()
    ]
