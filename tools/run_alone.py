"""Run notebooks, each alone in an empty folder and offline, with the Python that runs this script.

``make test-alone`` runs every chapter in an environment that holds the built package and a kernel,
but nothing of the checkout: as on Colab after the first cell. The exit status is 1 if one fails.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

# Nothing listens there, so a download fails at once.
NOWHERE = "http://127.0.0.1:9"
CELL_SECONDS = 900


def run(path: Path) -> str:
    """Run a notebook alone; return the error of the cell that failed, or an empty string."""
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(shutil.copy(path, folder))
        notebook = nbformat.read(alone, as_version=4)
        resources = {"metadata": {"path": folder}}
        try:
            NotebookClient(
                notebook,
                timeout=CELL_SECONDS,
                kernel_name="python3",
                resources=resources,
                extra_arguments=["--log-level=ERROR"],
            ).execute()
        except CellExecutionError as error:
            return f"{error.ename}: {error.evalue}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    paths = parser.parse_args().notebooks
    os.environ.update(HTTP_PROXY=NOWHERE, HTTPS_PROXY=NOWHERE, COURSEKIT_EDITION="sample")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what TensorFlow says of processors
    failed = 0
    for path in paths:
        began = time.perf_counter()
        error = run(path)
        failed += bool(error)
        print(f"{path.stem:32}{time.perf_counter() - began:6.0f} s  {error or 'ran'}", flush=True)
    print(f"{len(paths) - failed} of {len(paths)} notebooks ran alone")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
