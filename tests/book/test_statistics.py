"""The page of execution statistics tells what ran, when, and what did not."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import nbformat
import pytest
from coursekit_statistics import Run, circumstances

from tests.conftest import ROOT

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("run", "cells"),
    [
        (Run("a"), ["not run in this build", "", ""]),
        (Run("a", 7.25, NOW), ["2026-03-01 12:30", "7.2", "this one"]),
        (Run("a", 7.26, NOW - timedelta(days=1)), ["2026-02-28 12:30", "7.3", "an earlier one"]),
        (Run("a", 0.5, None), ["not recorded", "0.5", "not recorded"]),
        (Run("a", 0.5, NOW, succeeded=False), ["2026-03-01 12:30", "0.5", "this one, failed"]),
    ],
)
def test_what_is_said_of_a_run(run, cells):
    assert run.cells(NOW) == cells


def test_circumstances():
    found = circumstances("sample", "_build/.jupyter_cache/sample-0123abcd")
    assert found["edition of the data"] == "sample"
    assert found["state of the package"] == "0123abcd"
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", found["Python"])
    assert re.match(r"\d+\.\d+", found["tensorflow"]) and re.match(r"\d+\.\d+", found["keras"])
    assert circumstances("full", None)["state of the package"] == "not recorded"


CONFIG = """
extensions = ["myst_nb", "coursekit_statistics"]
nb_execution_mode = "cache"
nb_execution_cache_path = {cache!r}
nb_execution_excludepatterns = ["blank.ipynb"]
html_theme = "basic"
"""


def build(folder) -> str:
    extensions = str(ROOT / "book" / "_extensions")
    program = f"import sys; sys.path.insert(0, {extensions!r})\n" + (
        "from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "-W", "-n", "-q", folder, folder.parent / "out" / "html"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return (folder.parent / "out" / "html" / "index.html").read_text(encoding="utf-8")


def test_a_page_of_statistics(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_EDITION", "sample")
    monkeypatch.delenv("JUPYTER_DEFAULT_PROVISIONER_NAME", raising=False)
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "conf.py").write_text(CONFIG.format(cache=str(tmp_path / "sample-0123")))
    (pages / "index.md").write_text(
        "# Book\n\n```{execution-statistics}\n```\n\n```{toctree}\nran\nblank\n```\n"
    )
    for name in ("ran", "blank"):
        cells = [
            nbformat.v4.new_markdown_cell(f"# Chapter {name}"),
            nbformat.v4.new_code_cell("1 + 1"),
        ]
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
        nbformat.write(notebook, pages / f"{name}.ipynb")

    def row(page: str, name: str) -> list[str]:
        rows = re.findall(r"<tr.*?</tr>", page, re.DOTALL)
        (found,) = [row for row in rows if f'href="{name}.html"' in row]
        cells = re.findall(r"<td.*?</td>", found, re.DOTALL)
        return [" ".join(re.sub(r"<.*?>", "", cell).split()) for cell in cells]

    page = build(pages)
    title, ended, seconds, where = row(page, "ran")
    assert (title, where) == ("Chapter ran", "this one")
    assert abs(datetime.fromisoformat(f"{ended}+00:00") - datetime.now(UTC)) < timedelta(minutes=5)
    assert 0 < float(seconds) < 100
    assert row(page, "blank") == ["Chapter blank", "not run in this build", "", ""]
    assert "1 of 2 notebooks ran" in page
    assert page.count("<th") >= 6 and "0123" in page
    # Built again, the outputs come from the cache, and the page says so.
    (pages / "ran.ipynb").touch()
    again = build(pages)
    assert row(again, "ran") == ["Chapter ran", ended, seconds, "an earlier one"]
