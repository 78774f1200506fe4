"""The built book, a server on the loopback interface, and a browser."""

from __future__ import annotations

import pytest
import site_checks


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
