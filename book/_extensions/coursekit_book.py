"""What this book asks of Sphinx beyond Jupyter Book's own settings.

It lives in an extension rather than in the Makefile so that a plain
``jupyter-book build .`` gives the same book as ``make book``.
"""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]


def fingerprint() -> str:
    """Name everything, besides a notebook's own cells, that its outputs depend on."""
    digest = hashlib.sha256()
    sources = [*ROOT.glob("coursekit/**/*.py"), *(p for p in ROOT.glob("data/**/*") if p.is_file())]
    for path in sorted(sources):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    versions = {f"{package.name}=={package.version}" for package in distributions()}
    digest.update("\n".join(sorted(versions)).encode())
    return digest.hexdigest()[:16]


def choose_edition_and_cache(app, config) -> None:
    """Build from the bundled data unless told otherwise, and never reuse stale outputs.

    Jupyter Book keys its execution cache by the cells of a notebook alone. With one folder
    per edition and state of the package, a change of either runs the chapters again.
    """
    edition = os.environ.setdefault("COURSEKIT_EDITION", "sample")
    os.environ.setdefault("JUPYTER_DEFAULT_PROVISIONER_NAME", "coursekit-quiet")
    if folder := os.environ.get("COURSEKIT_DATA"):
        # A relative folder is meant from here, not from the folder a chapter runs in.
        os.environ["COURSEKIT_DATA"] = os.path.abspath(folder)
    caches = Path(app.outdir).parent / ".jupyter_cache"
    config.nb_execution_cache_path = str(caches / f"{edition}-{fingerprint()}")


def style_theme(app, config) -> None:
    """Add theme options; in _config.yml they would replace those Jupyter Book sets."""
    config.html_theme_options.update(
        show_toc_level=2,
        # The default colours of code comments are too pale to read.
        pygments_light_style="a11y-high-contrast-light",
        pygments_dark_style="a11y-high-contrast-dark",
    )


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
    app.connect("config-inited", style_theme)
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
