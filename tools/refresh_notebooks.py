"""Run notebooks and store the outputs that ``make test`` then holds a re-run to.

Run by ``make refresh``, by hand, after a chapter changed; CI never does it. A notebook is
written only after all of its cells have run, so a failed or half-run one never replaces a
good one. Stored outputs are text: pictures, cell timings and the outputs of cells whose
numbers come from training (tag ``nbval-ignore-output``) are left out.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

PICTURES = ("image/png", "image/jpeg", "image/svg+xml", "application/pdf")
NOT_COMPARED = "nbval-ignore-output"
CELL_SECONDS = 600


def keep(output: nbformat.NotebookNode, tags: list[str]) -> bool:
    """Whether to store an output; strips its pictures on the way."""
    data = output.get("data", {})
    had_picture = any(data.pop(kind, None) for kind in PICTURES)
    output.get("metadata", {}).clear()
    # Of a figure, the line "<Figure ...>" stays, also where training decides the picture:
    # tests find the cells that draw by it.
    return had_picture or NOT_COMPARED not in tags


def refresh(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
    ).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tags = cell.metadata.get("tags", [])
            cell.outputs = [output for output in cell.outputs if keep(output, tags)]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(notebook)
    part = path.with_suffix(".part")
    nbformat.write(notebook, part)
    os.replace(part, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    failed = 0
    # The reference is the sample edition: every machine has it, and CI compares with it.
    os.environ["COURSEKIT_EDITION"] = "sample"
    for path in parser.parse_args().notebooks:
        began = time.perf_counter()
        try:
            refresh(path)
        except CellExecutionError as error:
            failed += 1
            print(f"{path}: NOT stored, a cell failed\n{error}", flush=True)
        else:
            print(f"{path}: stored, {time.perf_counter() - began:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
