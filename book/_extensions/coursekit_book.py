"""Settings of this book that Jupyter Book's own configuration does not offer.

They are in an extension rather than in the Makefile, so that ``jupyter-book build .`` gives the
same book as ``make book``.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from coursekit_execution import cache_folder, draw_for_the_book
from sphinx.errors import ConfigError

FETCH = "from coursekit.cli import app; app(['data', 'fetch'])"


def choose_edition_and_cache(app, config) -> None:
    """Choose the edition of the data (the bundled sample by default), and its execution cache."""
    edition = os.environ.setdefault("COURSEKIT_EDITION", "sample")
    os.environ.setdefault("JUPYTER_DEFAULT_PROVISIONER_NAME", "coursekit-quiet")
    # A backend set in the shell, as on clusters, would suppress the figures.
    os.environ.pop("MPLBACKEND", None)
    if folder := os.environ.get("COURSEKIT_DATA"):
        # Resolve a relative folder here, since chapters run in another folder.
        os.environ["COURSEKIT_DATA"] = os.path.abspath(os.path.expanduser(folder))
    draw_for_the_book(Path(app.outdir).parent)
    config.nb_execution_cache_path = str(cache_folder(Path(app.outdir).parent, edition))
    # Download the data now, so that pages do not contain progress bars.
    if edition == "full" and subprocess.run([sys.executable, "-c", FETCH]).returncode:
        raise ConfigError("The full edition of the book needs the full data; see above.")


def rewrite_if_the_navigation_changed(app, env) -> list[str]:
    """Return all pages if a title or the table of contents has changed, since each shows them."""
    titles = sorted((name, title.astext()) for name, title in env.titles.items())
    contents = Path(app.srcdir, "_toc.yml").read_bytes()
    now = hashlib.sha256(contents + repr(titles).encode()).hexdigest()
    before = getattr(env, "coursekit_navigation", None)
    env.coursekit_navigation = now
    return [] if before in (None, now) else sorted(env.found_docs)


def fill_in(app, page: str, source: list[str]) -> None:
    """Replace ``{{ edition }}`` and ``{{ repository }}`` in Markdown pages."""
    if app.env.doc2path(page).endswith(".md"):
        values = {
            "edition": os.environ["COURSEKIT_EDITION"],
            "repository": app.config.html_theme_options["repository_url"],
        }
        for name, value in values.items():
            source[0] = source[0].replace("{{ " + name + " }}", value)


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect("config-inited", choose_edition_and_cache)
    app.connect("source-read", fill_in)
    app.connect("env-updated", rewrite_if_the_navigation_changed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
