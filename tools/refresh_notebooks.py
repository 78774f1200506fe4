"""Run notebooks and store the outputs that ``make test`` compares with later runs.

Run ``make refresh`` by hand after changing a chapter; CI never runs it. A notebook is written
only after all of its cells have run, so a failed run never replaces a good notebook. Only text
is stored: images, cell timings and the outputs of cells whose numbers come from training (tag
``nbval-ignore-output``) are removed.
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
IGNORE_TAG = "nbval-ignore-output"
CELL_SECONDS = 600


def strip_and_select(output: nbformat.NotebookNode, tags: list[str]) -> bool:
    """Remove images and metadata from an output; return whether to store the output."""
    data = output.get("data", {})
    had_picture = any(data.pop(kind, None) for kind in PICTURES)
    output.get("metadata", {}).clear()
    # The line "<Figure ...>" is always stored: tests use it to find the cells that draw figures.
    return had_picture or IGNORE_TAG not in tags


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
            cell.outputs = [output for output in cell.outputs if strip_and_select(output, tags)]
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
    # Outputs are stored for the sample edition, which every machine has and CI uses.
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
