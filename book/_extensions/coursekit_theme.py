"""Changes to the theme: fewer scripts, readable colours and accessible HTML.

The theme's script for icons has 1.5 MB and two thousand icons, of which the book uses about twenty.
``static/icons.css`` contains these in a few kilobytes, and an empty script replaces the theme's.
"""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

from PIL import Image  # installed with Matplotlib

# Sphinx copies these files over the theme's files of the same names.
STATIC = Path(__file__).parent / "static"


def style_theme(app, config) -> None:
    """Add theme options. In _config.yml, they would replace those that Jupyter Book sets."""
    config.html_theme_options.update(
        show_toc_level=2,
        logo={"text": config.html_title or config.project},  # beside the picture
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
    # What a fold holds, its own words say.
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
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


IMAGE = re.compile(r'<img\b[^>]*?\bsrc="([^":?#]+)[^">]*"[^>]*>')
CSS_PIXELS = {"": 1.0, "px": 1.0, "pt": 96 / 72, "in": 96.0}


def size_of(path: Path) -> tuple[int, int] | None:
    """Return the width and height of an image in CSS pixels; None if the file does not say."""
    if path.suffix != ".svg":
        with Image.open(path) as image:
            dots = image.info.get("dpi", (96, 96))
            return tuple(round(96 * n / per) for n, per in zip(image.size, dots, strict=True))
    found = re.search(r"<svg\b[^>]*>", path.read_text(encoding="utf-8"))
    if found is None:
        return None
    lengths = [
        re.search(rf'\b{name}="([\d.]+)(px|pt|in|)"', found[0]) for name in ("width", "height")
    ]
    if all(lengths):
        return tuple(round(float(length[1]) * CSS_PIXELS[length[2]]) for length in lengths)
    box = re.search(r'\bviewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', found[0])
    return (round(float(box[1])), round(float(box[2]))) if box else None


def reserve_room(text: str, folder: Path) -> str:
    """Give the images of a page their size, so that nothing moves when they come, late.

    Parameters
    ----------
    text : str
        HTML of the page.
    folder : Path
        Folder of the page.
    """

    def complete(match: re.Match) -> str:
        tag, path = match[0], folder / unquote(match[1])
        if re.search(r"\b(width|height)=|\bstyle=\"[^\"]*(width|height):", tag):
            return tag
        size = size_of(path) if path.is_file() else None
        if size is None:
            return tag
        late = "" if "logo__image" in tag or "loading=" in tag else ' loading="lazy"'
        return f'<img width="{size[0]}" height="{size[1]}"{late}{tag[4:]}'

    return IMAGE.sub(complete, text)


def lighten(path: Path) -> None:
    """Reduce a PNG figure to 256 colours: it looks the same, in a third of the file size."""
    with Image.open(path) as figure:
        if figure.mode == "P":  # already reduced in an earlier build
            return
        dots = figure.info.get("dpi")  # how large it is to be shown
        flat = Image.new("RGB", figure.size, "white")
        flat.paste(figure, mask=figure.getchannel("A") if "A" in figure.mode else None)
    light = flat.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    part = path.with_suffix(".part")
    light.save(part, format="png", **({"dpi": dots} if dots else {}))
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
        fixed = reserve_room(fixed, path.parent)
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
