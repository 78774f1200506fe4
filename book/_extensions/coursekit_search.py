"""Search the sections of the book in the page, with synonyms and tolerance for typing errors.

Sphinx's index knows which words are on which page, but neither how often nor in which section, and
its script fetches each page that it shows an excerpt of, which browsers refuse for files. So the
text of all sections is written to ``_static/search_data.js``. The page ``search.html`` loads it and
searches it with MiniSearch; ``static/search.js`` says how the results are ranked. A script is what
a page may load from a folder, so the search works without a server.

What the search knows beyond the text:

- **Weights.** The config value ``search_weights`` lists patterns of pages and their weights. The
  first that matches counts; a page that none matches, such as a chapter, has the weight 1.
  ``search_minor_sections`` lists headings of sections that count half.
- **Synonyms.** The words of an entry of the glossary stand for each other. Its line ``.. search:``
  lists words that readers type, but that the book does not use.
- **Code.** Of code cells and their output, the search knows the names only, each once per section
  and not if the text has them too.
- **Tables.** The first column says what a row is about. Its words count more than others, and
  functions that are named there count like a heading. So do the keywords of a page (``html_meta``
  in its front matter): words that readers type, but that the page does not use.
- **Entries.** Each entry of the glossary and of coursekit's reference is a section.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from keyword import iskeyword
from pathlib import Path

from coursekit_glossary import Term, glossary_file, read_glossary
from coursekit_quiz import QuizAnswers, QuizChoice
from docutils import nodes
from sphinx import addnodes

TEMPLATES = Path(__file__).parent / "templates"
DATA = "_static/search_data.js"
SCRIPTS = ("_static/language_data.js", "_static/minisearch.min.js", DATA, "_static/search.js")
# Functions and operators in a piece of R or Python code.
NAME = re.compile(r"%[^\s%]*%|[\w.:]+(?=\()")
# Names and words in code and output, which hold much else.
IDENTIFIER = re.compile(r"%[^\s%]*%|(?<!\\)\b[^\W\d]\w{2,}")
ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Of a quiz, the questions count: half of what its answers say is wrong.
IGNORED = (nodes.section, nodes.title, nodes.comment, nodes.raw, QuizChoice, QuizAnswers)


@dataclass
class Section:
    """A section of a page, or an entry of the glossary or of the reference."""

    heading: str
    anchor: str = ""
    text: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)

    def as_list(self, page: int) -> list[int | str]:
        """Return the row of the section in the data."""
        in_text = {word for text in self.text for word in IDENTIFIER.findall(text)}
        code = dict.fromkeys(word for part in self.code for word in identifiers(part))
        code = [word for word in code if word not in in_text and not iskeyword(word)]
        parts = (self.text, code, self.names, self.rows)
        texts = (" ".join(" ".join(part).split()) for part in parts)
        return [page, self.anchor, self.heading, *texts]


def identifiers(code: str) -> list[str]:
    """Return the names and words in code or output."""
    return IDENTIFIER.findall(ANSI_COLOUR.sub("", code))


# ------------------------------------------------------------------------------ reading pages


def sections_of(document: nodes.document) -> list[Section]:
    """Return the sections of a page in its order, each without those within it.

    Parameters
    ----------
    document : docutils.nodes.document

    Returns
    -------
    list of Section
        The first is the page itself, and has no anchor.
    """
    found: list[Section] = []
    for number, section in enumerate(document.findall(nodes.section)):
        title = section.next_node(nodes.title)
        ids = section["ids"] if number else [""]
        here = Section(title.astext() if title else "", ids[0] if ids else "")
        found.append(here)
        for child in section.children:
            found += _read(child, here)
    if found:
        keywords = (node for node in document.findall(nodes.meta) if node.get("name") == "keywords")
        found[0].names += [node["content"].replace(",", " ") for node in keywords]
    return found


def _read(node: nodes.Node, section: Section) -> Iterator[Section]:
    """Add the text of a node to its section, and yield the entries that it contains."""
    if isinstance(node, IGNORED):
        return
    if isinstance(node, nodes.literal_block):
        section.code.append(node.astext())
        return
    if isinstance(node, (nodes.definition_list_item, addnodes.desc)):
        heading = node.next_node(nodes.term, descend=True) or node.next_node(
            addnodes.desc_signature
        )
        if heading is not None and heading["ids"]:
            yield from _read_entry(node, heading)
            return
    if isinstance(node, nodes.row):
        _read_row(node, section)
        return
    if isinstance(node, nodes.TextElement):
        section.text.append(node.astext())
        return
    for child in node.children:
        yield from _read(child, section)


def _read_entry(node: nodes.Element, heading: nodes.Element) -> Iterator[Section]:
    anchor = heading["ids"][0]
    is_term = isinstance(heading, nodes.term)
    # "load_walking", not its module and its parameters.
    entry = Section(heading.astext() if is_term else heading["fullname"].split(".")[-1], anchor)
    yield entry
    if not is_term:
        entry.code.append(heading.astext())
    for child in node.children:
        if not isinstance(child, (nodes.term, addnodes.desc_signature)):
            yield from _read(child, entry)


def _read_row(row: nodes.row, section: Section) -> None:
    """Add a row of a table, what it is about, and the functions that are named there."""
    section.text.append(" | ".join(entry.astext() for entry in row.children))
    if row.children and not isinstance(row.parent, nodes.thead):
        section.rows.append(row[0].astext())
        for code in row[0].findall(nodes.literal):
            section.names += NAME.findall(code.astext())


# --------------------------------------------------------------------------------- the data


def synonyms(terms: list[Term]) -> list[list[str]]:
    """Return the groups of words that stand for each other: those of each term with several."""
    groups = (dict.fromkeys((term.name, *term.words, *term.searches)) for term in terms)
    return [list(group) for group in groups if len(group) > 1]


def weight_of(page: str, weights: list[tuple[str, float]]) -> float:
    """Return the weight of a page: that of the first pattern that its name matches, or 1."""
    return next((weight for pattern, weight in weights if fnmatch(page, pattern)), 1.0)


def captions(env) -> dict[str, str]:
    """Return the caption of the part of the book in which each page is."""
    found: dict[str, str] = {}

    def add(page: str, caption: str) -> None:
        found[page] = caption
        for child in env.toctree_includes.get(page, ()):
            add(child, caption)

    for toctree in env.get_doctree(env.config.root_doc).findall(addnodes.toctree):
        for page in toctree["includefiles"]:
            add(page, toctree.get("caption") or "")
    return found


def data_of(app) -> str:
    """Return the script with the data of all pages."""
    env = app.env
    parts = captions(env)
    pages, rows = [], []
    # An exercise beside its solution, which repeats it: so the file is compressed better.
    for page in sorted(env.coursekit_sections, key=lambda page: page.split("/")[::-1]):
        weight = weight_of(page, app.config.search_weights)
        title = env.titles[page].astext()
        address = app.builder.get_target_uri(page)
        rows += [section.as_list(len(pages)) for section in env.coursekit_sections[page]]
        pages.append([address, title, parts.get(page, ""), weight])
    path = glossary_file(app)
    terms = read_glossary(path.read_text(encoding="utf-8")) if path.exists() else []
    data = {"pages": pages, "sections": rows, "synonyms": synonyms(terms)}
    data["minor"] = app.config.search_minor_sections
    compact = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"window.coursekitSearch = {compact};\n"


# ---------------------------------------------------------------------------------- Sphinx


def collect(app, document: nodes.document) -> None:
    """Keep the sections of a page that was read."""
    sections = getattr(app.env, "coursekit_sections", {})
    app.env.coursekit_sections = {**sections, app.env.docname: sections_of(document)}


def forget(app, env, page: str) -> None:
    """Remove a page that has changed or is gone."""
    getattr(env, "coursekit_sections", {}).pop(page, None)


def merge(app, env, pages, other) -> None:
    """Take over the pages that another process has read."""
    theirs = getattr(other, "coursekit_sections", {})
    ours = getattr(env, "coursekit_sections", {})
    env.coursekit_sections = {**ours, **{page: theirs[page] for page in pages if page in theirs}}


def write_data(app, page: str, template: str, context: dict, doctree) -> None:
    """Write the data before the search page, which loads them."""
    if page != "search":
        return
    data = data_of(app)
    path = Path(app.outdir, DATA)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data, encoding="utf-8")
    # A new version has a new address, so that no browser shows results of the one before it.
    version = hashlib.sha256(data.encode()).hexdigest()[:8]
    context["search_scripts"] = [f"{script}?v={version}" for script in SCRIPTS]


def add_templates(app, config) -> None:
    """Use our page for the search."""
    config.templates_path.append(str(TEMPLATES))


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_config_value("search_weights", [], "html")
    app.add_config_value("search_minor_sections", [], "html")
    app.add_css_file("search.css")
    app.connect("config-inited", add_templates)
    # After quizzes were inserted.
    app.connect("doctree-read", collect, priority=900)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("html-page-context", write_data)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
