"""What this book changes in the theme: what it loads, and how it reads in the dark.

The theme brings a script of 1.5 MB that draws icons, two thousand of them, of which the book
shows about twenty. Those twenty are in ``static/icons.css``, a few kilobytes, and an empty script
takes the place of the theme's.
"""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image  # matplotlib's own requirement

# Sphinx copies what lies here over the theme's own files of the same names.
STATIC = Path(__file__).parent / "static"


def style_theme(app, config) -> None:
    """Add theme options; in _config.yml they would replace those Jupyter Book sets."""
    config.html_theme_options.update(
        show_toc_level=2,
        # The default colours of code comments are too pale to read.
        pygments_light_style="a11y-high-contrast-light",
        pygments_dark_style="a11y-high-contrast-dark",
    )
    # Without it, the theme asks for the mode "" on a first visit, and complains of it.
    config.html_context.setdefault("default_mode", "auto")
    config.html_static_path.append(str(STATIC))
    config.html_css_files.append("icons.css")


def tidy_context(app, page: str, template: str, context: dict, doctree) -> None:
    """Leave out what a page loads and does not use, and escape the addresses of its buttons."""
    # Thebe runs cells on a server elsewhere. It is off, and its script complains.
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


# What the theme and pandas leave unsaid to those who do not see the page.
MENDED = (
    # The corner of a table is no heading of anything.
    (re.compile(r"<th(?: class=\"[^\"]*\")?>(?:<p></p>)?</th>"), "<td></td>"),
    # The arrow that unfolds a part of the table of contents.
    (
        re.compile(r"<summary>(?=<span class=\"toctree-toggle\")"),
        '<summary aria-label="Sections below this page">',
    ),
    # A list is no part of a paragraph.
    (
        re.compile(r'(<dd class="field-\w+">)<p>(<ul.*?</ul>)\s*</p>(\s*</dd>)', re.DOTALL),
        r"\1\2\3",
    ),
    # A role that the standard has taken back; the list it stands in wants items.
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
    (
        re.compile(r'<div id="pst-primary-sidebar" class'),
        '<div id="pst-primary-sidebar" role="complementary" aria-label="The book" class',
    ),
)


# Those who open the folder are sent to the landing page, and may go there themselves.
DOOR = """<!doctype html>
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
    """Store a figure in 256 colours of its own: it looks the same, in a third of the room."""
    with Image.open(path) as figure:
        if figure.mode == "P":  # as it is after an earlier build
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
    """Mend the pages, make figures small, drop what the theme's makers need."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    config = app.config
    door = DOOR.format(
        language=config.language,
        title=html.escape(config.html_title),
        target=f"{config.root_doc}.html",
    )
    (folder / "index.html").write_text(door, encoding="utf-8")
    for path in folder.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        mended = page
        for pattern, replacement in MENDED:
            mended = pattern.sub(replacement, mended)
        if mended != page:
            path.write_text(mended, encoding="utf-8")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lighten, (folder / "_images").glob("*.png")))
    for path in (folder / "_static").rglob("*.map"):
        path.unlink()


def setup(app) -> dict:
    """Register what is above with Sphinx."""
    app.connect("config-inited", style_theme)
    # After the theme has put its buttons there.
    app.connect("html-page-context", tidy_context, priority=900)
    # After the table of contents has put a page without a head in the place of the door.
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
