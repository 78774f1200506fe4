"""A small book built with our extension: what reaches its pages, whatever the shell says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

CONFIG = f"""
title: A small book
execute:
  execute_notebooks: cache
repository:
  url: https://github.com/example/book
sphinx:
  extra_extensions: [coursekit_book]
  local_extensions:
    coursekit_book: {ROOT / "book" / "_extensions"}
"""
CONTENTS = """
format: jb-book
root: first
parts:
  - caption: {caption}
    chapters:
      - file: second
      - file: third
"""
DRAWS = """---
file_format: mystnb
kernelspec: {{name: python3}}
---
# {title}

```{{code-cell}}
import matplotlib.pyplot as plt
plt.plot([1, 2]);
```
"""


@pytest.fixture(scope="module")
def small_book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    (folder / "_config.yml").write_text(CONFIG)
    (folder / "_toc.yml").write_text(CONTENTS.format(caption="Old caption"))
    for name in ("first", "second"):
        (folder / f"{name}.md").write_text(f"# The {name} page\n\nText.\n")
    (folder / "third.md").write_text(DRAWS.format(title="Old title"))

    def build(**env):
        program = Path(sys.executable).with_name("jupyter-book")
        command = [program, "build", folder, "-W", "-q"]
        env = os.environ | {"MPLBACKEND": "Agg"} | env
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=200)
        pages = sorted((folder / "_build" / "html").glob("*.html"))
        return done, {page.stem: page.read_text() for page in pages}

    done, pages = build()
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, build, pages


def test_figures_are_there_whatever_back_end_the_shell_names(small_book):
    _, _, pages = small_book
    assert "cell_output" in pages["third"] and "_images/" in pages["third"]


def test_captions_and_titles_reach_every_page_at_the_next_build(small_book):
    folder, build, _ = small_book
    (folder / "_toc.yml").write_text(CONTENTS.format(caption="New caption"))
    (folder / "third.md").write_text(DRAWS.format(title="New title"))
    done, pages = build()
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("first", "second", "third"):
        assert "New caption" in pages[name] and "New title" in pages[name], name
        assert "Old caption" not in pages[name] and "Old title" not in pages[name], name


def test_the_full_edition_is_fetched_before_anything_runs(small_book, tmp_path):
    """Else a chapter that downloads would keep its progress on the page."""
    _, build, _ = small_book
    done, _ = build(COURSEKIT_EDITION="full", COURSEKIT_DATA=str(tmp_path))
    said = done.stdout + done.stderr
    assert (
        done.returncode != 0 and "there is no such file" in said and "needs the full data" in said
    )
