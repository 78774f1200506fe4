"""What this book asks of Sphinx beyond Jupyter Book's own settings.

It lives in an extension rather than in the Makefile so that a plain
``jupyter-book build .`` gives the same book as ``make book``.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from coursekit_execution import cache_folder
from sphinx.errors import ConfigError

FETCH = "from coursekit.cli import app; app(['data', 'fetch'])"


def choose_edition_and_cache(app, config) -> None:
    """Build from the bundled data unless told otherwise, and never reuse stale outputs."""
    edition = os.environ.setdefault("COURSEKIT_EDITION", "sample")
    os.environ.setdefault("JUPYTER_DEFAULT_PROVISIONER_NAME", "coursekit-quiet")
    # A back end that the shell names, as on clusters, would leave figures out of the book.
    os.environ.pop("MPLBACKEND", None)
    if folder := os.environ.get("COURSEKIT_DATA"):
        # A relative folder is meant from here, not from the folder a chapter runs in.
        os.environ["COURSEKIT_DATA"] = os.path.abspath(os.path.expanduser(folder))
    config.nb_execution_cache_path = str(cache_folder(Path(app.outdir).parent, edition))
    # Chapters that download show how far they are, which is nothing for a page.
    if edition == "full" and subprocess.run([sys.executable, "-c", FETCH]).returncode:
        raise ConfigError("The full edition of the book needs the full data; see above.")


def rewrite_if_the_navigation_changed(app, env) -> list[str]:
    """Name all pages if a title or the table of contents changed: each page shows them."""
    titles = sorted((name, title.astext()) for name, title in env.titles.items())
    contents = Path(app.srcdir, "_toc.yml").read_bytes()
    now = hashlib.sha256(contents + repr(titles).encode()).hexdigest()
    before = getattr(env, "coursekit_navigation", None)
    env.coursekit_navigation = now
    return [] if before in (None, now) else sorted(env.found_docs)


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
    app.connect("env-updated", rewrite_if_the_navigation_changed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
