"""The built book, a server on the loopback interface, and a browser."""

from __future__ import annotations

import itertools

import pytest
import site_checks

# A page with live figures, in the colours of the book's theme where it is dark.
PAGE = """<!doctype html>
<html lang="en"{theme}>
<head><meta charset="utf-8"><title>Live figures</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>html {{ background: var(--pst-color-background); color: var(--pst-color-text-base); }}
html[data-theme="dark"] {{ --pst-color-background: #14181e; --pst-color-text-base: #ced6dd;
  --pst-color-text-muted: #9ca4af; --pst-color-surface: #29313d; }}</style></head>
<body><main><h1>Live figures</h1>
{figures}
</main></body>
</html>
"""


@pytest.fixture(scope="session")
def built():
    """The folder of the built book."""
    if not (site_checks.BUILT / "book" / "index.html").exists():
        pytest.skip("the book is not built: run `make book`")
    return site_checks.BUILT


@pytest.fixture(scope="session")
def chrome():
    """Chromium, for the whole session."""
    if site_checks.chromium() is None:
        pytest.skip("Chromium is not installed (on Debian: apt install chromium)")
    with site_checks.browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def address(built):
    """The address of the served book; it ends in a slash."""
    with site_checks.serve(built) as address:
        yield address


@pytest.fixture
def tab(chrome):
    """A new tab that remembers nothing, and may read what is copied."""
    context = chrome.new_context(viewport={"width": 1300, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture
def show_figures(chrome, tmp_path):
    """A function that opens live figures from a file, offline; fails on any error or request."""
    contexts, wrong, numbers = [], [], itertools.count()

    def note(request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            wrong.append(request.url)

    def show(*figures, dark: bool = False, script: str = "", **options):
        path = tmp_path / f"{next(numbers)}.html"
        html = "\n".join(figure.html for figure in figures)
        theme = ' data-theme="dark"' if dark else ""
        path.write_text(PAGE.format(figures=html, theme=theme), encoding="utf-8")
        options = {"viewport": {"width": 900, "height": 1000}, "offline": True} | options
        contexts.append(chrome.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", note)
        page.add_init_script(script)
        page.goto(path.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert wrong == []
