"""What search engines and other sites read of a page: address, description, date, site map.

``sphinxext-opengraph`` describes each page by its first sentences, ``sphinx-last-updated-by-git``
dates it by its last commit, and ``sphinx-sitemap`` lists all pages. This extension tells them the
address of the site, and writes the page that GitHub Pages shows for addresses that do not exist.
"""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import urlsplit

# A date is missing, and nothing else, where git or a part of the history is: in an archive of the
# source, in a shallow clone. Likewise a site map, where there is no address.
EXPECTED = ("git.too_shallow", "git.command_not_found", "git.subprocess_error", "sitemap")


def site_of(repository: str) -> str:
    """Return the address of GitHub Pages of a repository, with a slash at its end, or ""."""
    parts = urlsplit(repository)
    owner, _, name = parts.path.strip("/").removesuffix(".git").partition("/")
    if parts.netloc != "github.com" or not name or "/" in name:
        return ""
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def choose_address(app, config) -> None:
    """Take the site's address from ``html: baseurl:``, else from that of the repository."""
    repository = config.html_theme_options.get("repository_url", "")
    address = config.html_baseurl or site_of(repository)
    config.html_baseurl = address and address.rstrip("/") + "/"
    config.ogp_site_url = config.html_baseurl
    config.ogp_site_name = config.html_title
    config.suppress_warnings = [*config.suppress_warnings, *EXPECTED]


# GitHub Pages shows this page at any address, so it names nothing by a relative address.
NOT_FOUND_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>Page not found: {title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 34rem; padding: 0 1rem; }}
input, button {{ font: inherit; max-width: 100%; padding: 0.2rem 0.5rem; }}
</style>
</head>
<body><main>
<h1>Page not found</h1>
<p>There is no page at this address. It may have moved.</p>
<form action="{site}search.html" role="search">
<input type="search" name="q" aria-label="Search the book" placeholder="Search the book">
<button>Search</button>
</form>
<p><a href="{site}{root}.html">To the first page of {title}</a></p>
</main></body>
</html>
"""


def write_not_found(app, exception) -> None:
    """Write 404.html after a build."""
    if exception is not None or app.builder.format != "html":
        return
    config = app.config
    page = NOT_FOUND_PAGE.format(
        language=config.language,
        title=html.escape(config.html_title),
        site=html.escape(config.html_baseurl),
        root=config.root_doc,
    )
    (Path(app.outdir) / "404.html").write_text(page, encoding="utf-8")


def setup(app) -> dict:
    """Register with Sphinx."""
    # After whatever sets the address of the repository.
    app.connect("config-inited", choose_address, priority=900)
    app.connect("build-finished", write_not_found)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
