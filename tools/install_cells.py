"""Write the cell that installs the course into every notebook where it is missing or differs.

Colab, Kaggle and other people's Jupyter open a notebook without the package. Its first code cell
installs it there; where the package is, the cell does nothing. Colab opens the files of the
repository, so the cell is committed. ``make install-cells`` writes it, with the address of the
checkout's repository; a fork that changes the package runs it once.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
NAME = "install-coursekit"
SOURCE = """\
# Installs the package of this course where it is missing, as on Colab and Kaggle.
import importlib.util

if importlib.util.find_spec("coursekit") is None:
    import subprocess
    import sys

    address = "git+{address}@{branch}"
    print("Installing coursekit, the package of this course. This takes a minute.")
    command = [sys.executable, "-m", "pip", "install", f"coursekit @ {{address}}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ImportError(
            f"coursekit could not be installed from {{address}}. Installing needs pip, "
            "Git and the internet; on Kaggle, turn that on in the settings.\\n"
            + done.stderr
        )
    importlib.invalidate_caches()"""
# As in the other cells of an exercise that learners do not edit.
LOCKED = {"grade": False, "grade_id": NAME, "locked": True, "schema_version": 3,
          "solution": False, "task": False}  # fmt: skip


def source(address: str, branch: str) -> str:
    """Return the code of the cell."""
    return SOURCE.format(address=address, branch=branch)


def with_cell(notebook: NotebookNode, code: str, *, locked: bool) -> NotebookNode:
    """Put the cell before all other code cells, in place; return the notebook.

    The cell prints nothing where notebooks are run for the book, so no outputs change: only the
    numbers of the cells after it.
    """
    notebook.cells = [cell for cell in notebook.cells if cell["id"] != NAME]
    first = next(place for place, cell in enumerate(notebook.cells) if cell["cell_type"] == "code")
    # Hidden on the page, and folded in JupyterLab: it concerns none who have the package.
    metadata = {"jupyter": {"source_hidden": True}, "tags": ["remove-cell"]}
    if locked:
        metadata["nbgrader"] = LOCKED
    cell = nbformat.v4.new_code_cell(code, id=NAME, metadata=metadata)
    notebook.cells.insert(first, cell)
    code_cells = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    for number, cell in enumerate(code_cells, start=1):
        cell["execution_count"] = number
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = number
    return notebook


def notebooks() -> list[Path]:
    """Return the notebooks that are edited; exercises are released from their solutions."""
    return sorted(
        [*(ROOT / "book").glob("*.ipynb"), *(ROOT / "book" / "solutions").glob("*.ipynb")]
    )


def main() -> int:
    sys.path.insert(0, str(ROOT / "book" / "_extensions"))
    from coursekit_repository import repository_address

    repository = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    code = source(repository_address(ROOT, repository["url"]), repository["branch"])
    for path in notebooks():
        before = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(before, as_version=4)
        locked = path.parent.name == "solutions"
        after = nbformat.writes(with_cell(notebook, code, locked=locked)) + "\n"
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
