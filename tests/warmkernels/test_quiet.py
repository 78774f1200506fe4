"""A quiet kernel works as an ordinary one, and leaves the terminal alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# Runs in a process of its own, whose stderr stands for the terminal.
CODE = """
import json, nbformat
from nbclient import NotebookClient
cells = [
    "import sys; print('to the page', file=sys.stderr)",
    "6 * 7",
    "import os, time; os.write(2, b'as C++ libraries do'); time.sleep(1)",
    "print('as always')",
]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
print(json.dumps([cell.outputs for cell in notebook.cells]))
"""


@pytest.mark.parametrize("provisioner", ["coursekit-quiet", "local-provisioner"])
def test_terminal_and_page(provisioner):
    # Under pytest, as this variable says, ipykernel captures no file descriptor.
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        capture_output=True,
        text=True,
        timeout=120,
        env={**environment, "JUPYTER_DEFAULT_PROVISIONER_NAME": provisioner},
        check=True,
    )
    first, second, third, fourth = json.loads(done.stdout)
    assert first[0]["name"] == "stderr" and first[0]["text"] == "to the page\n"
    assert second[0]["data"]["text/plain"] == "42"
    assert fourth[0]["name"] == "stdout" and fourth[0]["text"] == "as always\n"
    below_the_cell = [output["text"] for output in third if output["output_type"] == "stream"]
    if provisioner == "coursekit-quiet":
        assert done.stderr == ""
        assert below_the_cell == []
    else:  # the reasons why the quiet one exists
        assert "without encryption" in done.stderr
        assert below_the_cell == ["as C++ libraries do"]
