"""Link the first use of each term in a chapter to its entry in the glossary.

Terms are defined only in the glossary. Its lines ``.. also:``, ``.. as:`` and ``.. not:``, which
Sphinx ignores as comments, list the words that stand, or do not stand, for the term below them; a
line ``.. search:`` lists words that stand for it only in the search (see ``coursekit_search``).
Chapters need no markup: when a page is written, the first use of each term in its running text
becomes a link whose title is the first sentence of the definition. ``glossary.js`` takes the title
away and shows it in a box, which opens for the mouse, the keyboard and a finger.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)

WORD_LINES = ("also", "as", "not", "search")
# Elements of running text. Other elements with text are headings, links, code, captions and so on,
# in which a link would be unusable, as within another link or in the label of a button.
RUNNING_TEXT = (nodes.paragraph, nodes.emphasis, nodes.strong)
# Classes of code cells, and of quizzes and interactive figures of other extensions.
INTERACTIVE = re.compile(r"(?:^|[-_])(?:cell|quiz|live|no-glossary)(?:$|[-_])", re.IGNORECASE)
# Sections without links, since they contain titles of other works.
UNLINKED_SECTIONS = {"Further reading"}


@dataclass(frozen=True)
class Term:
    """One entry of the glossary, and the words that stand for it in the chapters."""

    name: str
    definition: str
    words: tuple[str, ...]
    homonyms: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()

    @property
    def first_sentence(self) -> str:
        """The first sentence of the definition, which chapters show."""
        return re.match(r".+?[.?!](?=\s|$)|.+", self.definition)[0]


# ----------------------------------------------------------------------- reading the glossary


def read_glossary(text: str) -> list[Term]:
    """Read the entries of the glossary from the Markdown of its page.

    Parameters
    ----------
    text : str
        The page, with one or more fenced ``{glossary}`` directives.

    Returns
    -------
    list of Term
        The terms in the order of the page.

    Raises
    ------
    ValueError
        If an entry is malformed, or one word stands for two terms.
    """
    terms: list[Term] = []
    for block in re.findall(r"^```\{glossary\}[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for entry in re.split(r"\n\s*\n(?=\S)", block.strip("\n")):
            terms.append(_entry(entry))
    _refuse_duplicates(terms)
    return terms


def _entry(text: str) -> Term:
    """Read one entry: the lines with words, the term and its definition."""
    words: dict[str, list[str]] = {kind: [] for kind in WORD_LINES}
    names, definition = [], []
    for line in text.splitlines():
        if line.startswith(".. "):
            kind, _, phrases = line[3:].partition(":")
            if kind not in WORD_LINES or not phrases.strip():
                raise ValueError(
                    f"the glossary has a line {line!r}; it must begin with one of "
                    f"{', '.join(f'.. {kind}:' for kind in WORD_LINES)} and name words."
                )
            words[kind] += [phrase.strip() for phrase in phrases.split(";") if phrase.strip()]
        elif line[:1].strip():
            names.append(line.strip())
        else:
            definition.append(line.strip())
    if len(names) != 1 or not any(definition):
        raise ValueError(
            f"an entry of the glossary has {len(names)} terms {names} and "
            f"{'a' if any(definition) else 'no'} definition; it must have one of each: {text!r}"
        )
    own = words["as"] or [names[0]]
    return Term(
        names[0],
        _plain(" ".join(definition)),
        words=(*own, *words["also"]),
        homonyms=(*words["not"],),
        searches=(*words["search"],),
    )


def _plain(markdown: str) -> str:
    """Remove the markup of a definition."""
    text = re.sub(r"\{\w+\}`([^`<]*?)\s*(?:<[^`>]*>)?`", r"\1", markdown)
    return " ".join(re.sub(r"[`*]", "", text).split())


def _refuse_duplicates(terms: list[Term]) -> None:
    seen: dict[str, str] = {}
    for term in terms:
        every = (term.name, *term.words, *term.homonyms, *term.searches)
        for word in {word.casefold() for word in every}:
            if word in seen:
                raise ValueError(
                    f"in the glossary, {word!r} stands for {seen[word]!r} and for "
                    f"{term.name!r}; let it stand for one of them."
                )
            seen[word] = term.name


# ------------------------------------------------------------------------------ finding terms


class Finder:
    """Finds the terms of a glossary in running text.

    Parameters
    ----------
    terms : iterable of Term
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        self._meant: dict[str, Term | None] = {}
        spelled: list[str] = []
        for term in terms:
            self._meant |= {word.casefold(): term for word in term.words}
            self._meant |= {word.casefold(): None for word in term.homonyms}
            spelled += [*term.words, *term.homonyms]
        # Longest first, so that "logistic regression" takes precedence over "regression".
        spelled.sort(key=len, reverse=True)
        words = "|".join(map(_pattern, spelled)) or r"(?!)"
        self._regex = re.compile(rf"(?<![\w-])(?:{words})(?!\w|-\w)")

    def uses(self, text: str) -> Iterator[tuple[int, int, Term]]:
        """Yield each use of a term: start, end and the term."""
        for match in self._regex.finditer(text):
            term = self._meant[" ".join(match[0].split()).casefold()]
            if term is not None:
                yield match.start(), match.end(), term

    def first_uses(self, texts: Iterable[str]) -> list[list[tuple[int, int, Term]]]:
        """Find the first use of each term in a page.

        Parameters
        ----------
        texts : iterable of str
            The paragraphs of its running text, from top to bottom.

        Returns
        -------
        list of list of (int, int, Term)
            For each paragraph, the first uses in it: start, end and the term.
        """
        seen: set[str] = set()
        found = []
        for text in texts:
            here = []
            for start, end, term in self.uses(text):
                if term.name not in seen:
                    seen.add(term.name)
                    here.append((start, end, term))
            found.append(here)
        return found


def _pattern(word: str) -> str:
    """Return a pattern that matches a word also at the start of a sentence or across lines."""
    first, rest = word[0], word[1:]
    begin = f"[{first.upper()}{first}]" if first.islower() else re.escape(first)
    return begin + r"\s+".join(re.escape(part) for part in rest.split(" "))


# ------------------------------------------------------------------------------------- Sphinx


HTML_LINK = re.compile(r"</?a\b", re.IGNORECASE)


def runs_of_text(node: nodes.Element) -> Iterator[list[nodes.Text]]:
    """Yield the runs of adjacent text nodes in the running text below a node.

    Markdown makes a text node of each line, so a sentence may span several of them.
    """
    run: list[nodes.Text] = []
    in_link = False  # a link that a page writes in HTML, between <a ...> and </a>
    for child in node.children:
        if isinstance(child, nodes.raw):
            for tag in HTML_LINK.findall(child.astext()):
                in_link = not tag.startswith("</")
        if isinstance(child, nodes.Text):
            if isinstance(node, RUNNING_TEXT) and not in_link:
                run.append(child)
            continue
        if run:
            yield run
            run = []
        if not in_link and not _is_unlinked(child):
            yield from runs_of_text(child)
    if run:
        yield run


def _is_unlinked(node: nodes.Element) -> bool:
    if isinstance(node, nodes.TextElement):
        return not isinstance(node, RUNNING_TEXT)
    if isinstance(node, (nodes.thead, addnodes.pending_xref)):
        return True
    if isinstance(node, nodes.section):
        return bool(node.children) and node[0].astext() in UNLINKED_SECTIONS
    return is_interactive(node)


def is_interactive(node: nodes.Element) -> bool:
    """Return whether a node is a code cell or interactive, such as a question."""
    return any(INTERACTIVE.search(name) for name in (node.tagname, *node.get("classes", ())))


@lru_cache(maxsize=4)
def _finder(path: Path, _changed: int) -> Finder:
    try:
        return Finder(read_glossary(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ExtensionError(f"{path.name}: {error}") from None


def glossary_file(app) -> Path:
    """Return the path of the glossary."""
    return Path(app.env.doc2path(app.config.glossary_page))


def is_chapter(app, page: str) -> bool:
    """Return whether a page is a chapter: a notebook in the folder of the glossary."""
    beside = page.rpartition("/")[0] == app.config.glossary_page.rpartition("/")[0]
    return beside and str(app.env.doc2path(page)).endswith(tuple(app.config.glossary_suffixes))


def depend_on_glossary(app, doctree: nodes.document) -> None:
    """Rebuild a chapter when the glossary has changed."""
    if is_chapter(app, app.env.docname) and glossary_file(app).exists():
        app.env.note_dependency(str(glossary_file(app)))


def link_terms(app, doctree: nodes.document, page: str) -> None:
    """Link the first use of each term on a page."""
    path = glossary_file(app)
    if app.builder.format != "html" or not is_chapter(app, page) or not path.exists():
        return
    finder = _finder(path, path.stat().st_mtime_ns)
    anchors = {
        name: anchor
        for (kind, name), (_, anchor) in app.env.get_domain("std").objects.items()
        if kind == "term"
    }
    address = app.builder.get_relative_uri(page, app.config.glossary_page)
    runs = list(runs_of_text(doctree))
    texts = ["".join(run) for run in runs]
    for run, text, uses in zip(runs, texts, finder.first_uses(texts), strict=True):
        pieces: list[nodes.Node] = []
        done = 0
        for start, end, term in uses:
            if term.name not in anchors:
                logger.warning("the glossary has no anchor for %r", term.name, location=page)
                continue
            link = nodes.reference(
                "",
                text[start:end],
                internal=True,
                refuri=f"{address}#{anchors[term.name]}",
                reftitle=term.first_sentence,
                classes=["glossary-term"],
            )
            pieces += [nodes.Text(text[done:start]), link]
            done = end
        if pieces:
            _replace(run, [*pieces, nodes.Text(text[done:])])


def _replace(run: list[nodes.Text], pieces: list[nodes.Node]) -> None:
    parent = run[0].parent
    start = next(n for n, child in enumerate(parent.children) if child is run[0])
    parent[start : start + len(run)] = [piece for piece in pieces if piece.astext()]


def is_term(link: nodes.reference) -> bool:
    """Return whether a link is the use of a term."""
    return "glossary-term" in link.get("classes", ())


def add_script(app, page: str, template: str, context: dict, doctree) -> None:
    """Load the script only on pages with terms."""
    if doctree is not None and any(map(is_term, doctree.findall(nodes.reference))):
        app.add_js_file("glossary.js", loading_method="defer")


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_config_value("glossary_page", "book/glossary", "env")
    app.add_config_value("glossary_suffixes", [".ipynb"], "env")
    app.add_css_file("glossary.css")
    app.connect("doctree-read", depend_on_glossary)
    app.connect("doctree-resolved", link_terms)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
