"""Changes to the theme: fewer scripts, readable colours and accessible HTML.

The theme's script for icons has 1.5 MB and two thousand icons, of which the book uses about twenty.
``static/icons.css`` contains these in a few kilobytes, and an empty script replaces the theme's.
"""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image  # installed with Matplotlib

# Sphinx copies these files over the theme's files of the same names.
STATIC = Path(__file__).parent / "static"


def style_theme(app, config) -> None:
    """Add theme options. In _config.yml, they would replace those that Jupyter Book sets."""
    config.html_theme_options.update(
        show_toc_level=2,
        # The default colours of code comments are too pale to read.
        pygments_light_style="a11y-high-contrast-light",
        pygments_dark_style="a11y-high-contrast-dark",
    )
    # Without it, the theme uses the invalid mode "" on a first visit, and logs a warning.
    config.html_context.setdefault("default_mode", "auto")
    config.html_static_path.append(str(STATIC))
    config.html_css_files.append("icons.css")


def tidy_context(app, page: str, template: str, context: dict, doctree) -> None:
    """Remove scripts that a page does not use, and escape the addresses of its buttons."""
    # Thebe, which runs cells on a remote server, is off, but its script logs an error.
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context[kind]
            if "thebe" not in f"{getattr(file, 'filename', file)} {_body(file)}".lower()
        ]
    _escape_addresses(context.get("header_buttons", []))


def _body(file) -> str:
    return str(getattr(file, "attributes", {}).get("body", ""))


def _escape_addresses(buttons: list[dict]) -> None:
    for button in buttons:
        if "&" in button.get("url", "") and "&amp;" not in button["url"]:
            button["url"] = button["url"].replace("&", "&amp;")
        _escape_addresses(button.get("buttons", []))


# Corrections of the HTML of the theme and of pandas, for screen readers.
HTML_FIXES = (
    # The corner cell of a table is not a heading.
    (re.compile(r"<th(?: class=\"[^\"]*\")?>(?:<p></p>)?</th>"), "<td></td>"),
    # The arrow that expands a section of the table of contents.
    (
        re.compile(r"<summary>(?=<span class=\"toctree-toggle\")"),
        '<summary aria-label="Sections below this page">',
    ),
    # A paragraph cannot contain a list.
    (
        re.compile(r'(<dd class="field-\w+">)<p>(<ul.*?</ul>)\s*</p>(\s*</dd>)', re.DOTALL),
        r"\1\2\3",
    ),
    # This role is deprecated, and the children of a list must be list items.
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
    (
        re.compile(r'<div id="pst-primary-sidebar" class'),
        '<div id="pst-primary-sidebar" role="complementary" aria-label="The book" class',
    ),
)


# index.html redirects to the landing page, and has a link to it.
REDIRECT_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={target}">
<link rel="icon" href="_static/logo.svg">
<title>{title}</title>
</head>
<body><main><h1>{title}</h1><p><a href="{target}">To the book</a></p></main></body>
</html>
"""


def lighten(path: Path) -> None:
    """Reduce a PNG figure to 256 colours: it looks the same, in a third of the file size."""
    with Image.open(path) as figure:
        if figure.mode == "P":  # already reduced in an earlier build
            return
        flat = Image.new("RGB", figure.size, "white")
        flat.paste(figure, mask=figure.getchannel("A") if "A" in figure.mode else None)
    light = flat.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    part = path.with_suffix(".part")
    light.save(part, format="png")
    if part.stat().st_size < path.stat().st_size:
        part.replace(path)
    else:
        part.unlink()


def finish(app, exception) -> None:
    """Correct the HTML, reduce the figures, and delete source maps after a build."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    config = app.config
    redirect = REDIRECT_PAGE.format(
        language=config.language,
        title=html.escape(config.html_title),
        target=f"{config.root_doc}.html",
    )
    (folder / "index.html").write_text(redirect, encoding="utf-8")
    for path in folder.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        fixed = page
        for pattern, replacement in HTML_FIXES:
            fixed = pattern.sub(replacement, fixed)
        if fixed != page:
            path.write_text(fixed, encoding="utf-8")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lighten, (folder / "_images").glob("*.png")))
    for path in (folder / "_static").rglob("*.map"):
        path.unlink()


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect("config-inited", style_theme)
    # After the theme has added its buttons.
    app.connect("html-page-context", tidy_context, priority=900)
    # After sphinx-external-toc has written its own index.html, which has no head.
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
