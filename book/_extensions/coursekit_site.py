"""What search engines and other sites read of a page: address, description, date, site map.

``sphinxext-opengraph`` describes each page by its first sentences, and
``sphinx-last-updated-by-git`` dates it by its last commit. This extension tells them the address of
the site, lists all pages in a site map, and writes the page that GitHub Pages shows for addresses
that do not exist. (``sphinx-sitemap`` would list only the pages that a build has changed.)
"""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import urlsplit

# A date is missing, and nothing else, where git or a part of the history is: in an archive of the
# source, in a shallow clone.
EXPECTED = ("git.too_shallow", "git.command_not_found", "git.subprocess_error")


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
html {{ background: light-dark(#fff, #121212); color: light-dark(#222832, #ced6dd); }}
a {{ color: light-dark(#00609c, #79b8f0); }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 34rem; }}
main {{ padding: 0 1rem; }}
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


def write_files(app, exception) -> None:
    """Write 404.html and, if the site has an address, sitemap.xml after a build."""
    if exception is not None or app.builder.name != "html":
        return
    config = app.config
    page = NOT_FOUND_PAGE.format(
        language=config.language,
        title=html.escape(config.html_title),
        site=html.escape(config.html_baseurl),
        root=config.root_doc,
    )
    (Path(app.outdir) / "404.html").write_text(page, encoding="utf-8")
    if config.html_baseurl:
        pages = [app.builder.get_target_uri(name) for name in sorted(app.env.found_docs)]
        (Path(app.outdir) / "sitemap.xml").write_text(
            site_map([config.html_baseurl + page for page in pages]), encoding="utf-8"
        )


def site_map(addresses: list[str]) -> str:
    """Return a site map that lists some addresses."""
    lines = [f"<url><loc>{html.escape(address)}</loc></url>" for address in addresses]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
            *lines,
            "</urlset>\n",
        ]
    )


def setup(app) -> dict:
    """Register with Sphinx."""
    # After whatever sets the address of the repository.
    app.connect("config-inited", choose_address, priority=900)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
