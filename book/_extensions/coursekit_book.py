"""What this book asks of Sphinx beyond Jupyter Book's own settings.

It lives in an extension rather than in the Makefile so that a plain
``jupyter-book build .`` gives the same book as ``make book``.
"""

from __future__ import annotations

import os
from pathlib import Path

from coursekit_execution import cache_folder


def choose_edition_and_cache(app, config) -> None:
    """Build from the bundled data unless told otherwise, and never reuse stale outputs."""
    edition = os.environ.setdefault("COURSEKIT_EDITION", "sample")
    os.environ.setdefault("JUPYTER_DEFAULT_PROVISIONER_NAME", "coursekit-quiet")
    if folder := os.environ.get("COURSEKIT_DATA"):
        # A relative folder is meant from here, not from the folder a chapter runs in.
        os.environ["COURSEKIT_DATA"] = os.path.abspath(folder)
    config.nb_execution_cache_path = str(cache_folder(Path(app.outdir).parent, edition))


def fill_in(app, page: str, source: list[str]) -> None:
    """Write the few things that a page cannot know, in text and in code blocks alike."""
    if app.env.doc2path(page).endswith(".md"):
        values = {
            "edition": os.environ["COURSEKIT_EDITION"],
            "repository": app.config.html_theme_options["repository_url"],
        }
        for name, value in values.items():
            source[0] = source[0].replace("{{ " + name + " }}", value)


def setup(app) -> dict:
    """Register what is above with Sphinx."""
    app.connect("config-inited", choose_edition_and_cache)
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
