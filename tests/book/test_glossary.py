"""The glossary is in order, and chapters lead to it, each term once and only from running text."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser

import nbformat
import pytest
from check_prose import findings
from coursekit_glossary import UNLINKED_SECTIONS, Finder, read_glossary
from markdown_it import MarkdownIt

from tests.conftest import ROOT

BOOK = ROOT / "book"
PAGE = (BOOK / "glossary.md").read_text(encoding="utf-8")
TERMS = read_glossary(PAGE)
CHAPTERS = [
    path for path in sorted(BOOK.glob("*.ipynb")) if "**You need:**" in path.read_text("utf-8")
]


def running_text(path) -> Iterator[str]:
    """The running text of a notebook, as the extension sees it, without building a page."""
    markdown = MarkdownIt("commonmark").enable("table")
    heading = apart = header = False
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "markdown":
            continue
        text = re.sub(r"^:::.*$|\{\w+\}`[^`]*`", "", cell.source, flags=re.MULTILINE)
        for token in markdown.parse(text):
            if token.type in ("heading_open", "heading_close"):
                heading = token.type == "heading_open"
            elif token.type in ("thead_open", "thead_close"):
                header = token.type == "thead_open"
            elif token.type == "inline" and heading:
                apart = token.content in UNLINKED_SECTIONS
            elif token.type == "inline" and not header and not apart:
                yield from _pieces(token.children)


def _pieces(tokens) -> Iterator[str]:
    piece, links = "", 0
    for token in tokens:
        links += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type in ("text", "softbreak", "hardbreak") and not links:
            piece += token.content or "\n"
        else:
            yield piece
            piece = ""
    yield piece


def uses_in(path) -> dict[str, str]:
    """Term, and the words that become a link, of one chapter."""
    texts = list(running_text(path))
    return {
        term.name: text[start:end]
        for text, uses in zip(texts, Finder(TERMS).first_uses(texts), strict=True)
        for start, end, term in uses
    }


USED = {path.stem: uses_in(path) for path in CHAPTERS}


# ----------------------------------------------------------------------- the book's glossary


def test_terms_are_many_and_in_order():
    names = [term.name for term in TERMS]
    assert 60 <= len(names) <= 110
    assert names == sorted(names, key=str.casefold)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
class TestTerm:
    def test_is_used_in_a_chapter(self, term):
        assert any(term.name in used for used in USED.values())

    def test_definition_is_one_or_two_sentences(self, term):
        sentences = re.findall(r"[.?!](?:\s|$)", term.definition)
        assert 1 <= len(sentences) <= 2, term.definition
        assert len(term.first_sentence.split()) >= 4 and len(term.first_sentence) <= 240
        assert not re.search(r"[`{}<>*]", term.first_sentence)

    def test_no_line_of_its_definition_looks_like_markup(self, term):
        entry = PAGE.split(f"\n{term.name}\n    ")[1].split("\n\n")[0]
        assert not re.search(r"^ *(?:[%#>+*-]|\d+[.)]) ?(?:\D|$)", entry, re.MULTILINE), entry

    def test_definition_is_plain_english(self, term):
        assert not list(findings(term.definition))

    def test_it_names_only_terms(self, term):
        entry = PAGE.split(f"\n{term.name}\n    ")[1].split("\n\n")[0]
        references = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", entry)
        assert set(references) <= {other.name for other in TERMS} - {term.name}


@pytest.mark.parametrize("chapter", USED)
def test_every_chapter_leads_to_the_glossary(chapter):
    assert len(USED[chapter]) >= 5


def names_in(text: str) -> list[str]:
    return [term.name for *_, term in Finder(TERMS).uses(text)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Gradient boosting on trees", []),
        ("a ridge regression, a lasso\nregression", []),
        ("Neither axis has a unit.", []),
        ("Over a bounded interval, enough bends follow any curve.", []),
        ("at equal time intervals", []),
        ("Four of 260 are no great loss.", []),
        ("the three columns come in different units", []),
        ("measurements in various units, or in the same units", []),
        ("The units are uncalibrated: it measures distances in the units it gets.", []),
        ("passes, in units of one forward pass", []),
        ("the loss has the shape of a valley", ["loss"]),
        ("the shape of the curve, the shape of the moons", []),
        ("makes a network of the same shape with new weights", ["weight"]),
        ("Give them a model of your own, of the same shape.", []),
        ("You can weight the losses.", []),
        ("the acceleration along three axes, one call on the axes, an axis label", []),
        ("Restart the kernel. A Jupyter kernel runs cells.", []),
        ("This works on Windows as well.", []),
        ("Recall that these steps of the recipe come first.", []),
        ("the detection prevalence", []),
        ("when training and validation part company", []),
    ],
)
def test_what_looks_like_a_term_and_is_none(text, names):
    """Homonyms, most of them from the chapters, do not become links."""
    assert names_in(text) == names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a linear regression", "regression"),
        ("All three intervals include 0.", "confidence interval"),
        ("two inputs of the same shape", "shape"),
        ("dropout drops different units", "node"),
        ("16 units", "node"),
        ("a test part, the test rows", "test set"),
        ("the training part", "training set"),
        ("a validation part of 0.3", "validation set"),
        ("a learning rate schedule", "learning-rate schedule"),
        ("an optimizer", "optimiser"),
        ("a kernel regularizer", "regularisation"),
        ("standardized columns", "scaling"),
        ("Nesterov's rule", "Nesterov momentum"),
        ("ensembles of trees", "ensemble"),
        ("data augmentation", "augmentation"),
    ],
)
def test_other_words_lead_to_the_term(text, name):
    assert name in names_in(text)


# ---------------------------------------------------------------------- reading, both ways


SMALL = """# Words

```{glossary}
.. also: batches; mini-batch
batch
    The rows of one {term}`step <step>`. Say `batch_size`.

.. as: training step
.. not: step aside
step
    One change.

.. also: logistic model
logistic regression
    A *model* of classes.

.. not: ridge regression
regression
    A task.

L2
    A penalty.
```
"""


def test_a_glossary_is_read():
    terms = {term.name: term for term in read_glossary(SMALL)}
    assert list(terms) == ["batch", "step", "logistic regression", "regression", "L2"]
    assert terms["batch"].words == ("batch", "batches", "mini-batch")
    assert terms["batch"].first_sentence == "The rows of one step."
    assert terms["batch"].definition.endswith("Say batch_size.")
    assert terms["step"].words == ("training step",)
    assert terms["step"].homonyms == ("step aside",)
    assert terms["logistic regression"].first_sentence == "A model of classes."


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (".. as: training", ".. like: training", "must begin with one of"),
        (".. as: training step", ".. as:", "name words"),
        ("L2\n", "batch\n", "'batch' stands for 'batch' and for 'batch'"),
        ("; mini-batch", "; Regression", "'regression' stands for 'batch' and for 'regression'"),
        ("L2\n", "L2\nL1\n", "has 2 terms"),
        ("\n    A penalty.", "", "no definition"),
    ],
)
def test_a_wrong_glossary_is_refused(old, new, message):
    assert old in SMALL
    with pytest.raises(ValueError, match=re.escape(message)):
        read_glossary(SMALL.replace(old, new))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Batches, a batch, another batch.", ["Batches"]),
        ("a mini-batch", ["mini-batch"]),
        ("a micro-batch, batch-wise, batched, my_batch", []),
        ("each step; step aside; each training\nstep", ["training\nstep"]),
        ("logistic regression and regression", ["logistic regression", "regression"]),
        ("a ridge\nregression", []),
        ("l2 and L2", ["L2"]),
        ("the BATCH", []),
    ],
)
def test_terms_are_found(text, words):
    (found,) = Finder(read_glossary(SMALL)).first_uses([text])
    assert [text[start:end] for start, end, _ in found] == words


def test_a_term_is_found_once_in_a_page():
    found = Finder(read_glossary(SMALL)).first_uses(["none", "two batches", "a batch, an L2"])
    assert [[term.name for *_, term in uses] for uses in found] == [[], ["batch"], ["L2"]]


# ------------------------------------------------------------------------------- a tiny book


CHAPTER = """# About batch

## Every batch here

`batch`, [batch](other.md), and:

```python
batch = 1
```

| batch | L2 |
|---|---|
| the **batch** | *regression* |

:::{note}
Another batch, one training
step.
:::

## Further reading

A book on logistic regression.
"""
CONFIG = """
extensions = ["myst_parser", "coursekit_glossary"]
myst_enable_extensions = ["colon_fence"]
glossary_page, glossary_suffixes = "book/glossary", [".md"]
html_theme = "basic"
html_static_path = [{static!r}]
"""


class Links(HTMLParser):
    """Collects links: class, address, title and text, and what element they stand in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict] = []
        self._open: dict | None = None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self._open = {**dict(attributes), "text": ""}
            self.found.append(self._open)

    def handle_endtag(self, tag):
        if tag == "a":
            self._open = None

    def handle_data(self, data):
        if self._open is not None:
            self._open["text"] += data

    def of_terms(self) -> list[dict]:
        return [link for link in self.found if "glossary-term" in link.get("class", "").split()]


def build(folder, *options: str) -> subprocess.CompletedProcess:
    extensions = str(ROOT / "book" / "_extensions")
    program = f"import sys; sys.path.insert(0, {extensions!r})\n" + (
        "from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", program, "-W", "-n", "-q", *options, folder, folder / "out"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / "conf.py").write_text(CONFIG.format(static=str(BOOK / "_static")))
    pages = {"glossary": SMALL, "one": CHAPTER, "other": "# Other\n\nA batch.\n"}
    # Sphinx reads side by side only where there are more than five pages.
    pages |= {f"page{n}": f"# Page {n}\n\nA batch and an L2.\n" for n in range(6)}
    (tmp_path / "book" / "exercises").mkdir(parents=True)
    for name, text in pages.items():
        (tmp_path / "book" / f"{name}.md").write_text(text)
    (tmp_path / "book" / "exercises" / "task.md").write_text("# Task\n\nA batch.\n")
    toc = "\n".join(["book/exercises/task", *(f"book/{name}" for name in pages)])
    (tmp_path / "index.md").write_text(f"# Book\n\nA batch.\n\n```{{toctree}}\n{toc}\n```\n")
    return tmp_path


def links_in(folder, page: str) -> list[dict]:
    return Links((folder / "out" / f"{page}.html").read_text(encoding="utf-8")).of_terms()


def test_a_book_has_the_links(tiny):
    done = build(tiny, "-j", "2")
    assert done.returncode == 0, done.stderr
    links = links_in(tiny, "book/one")
    assert [link["text"] for link in links] == ["batch", "regression", "training\nstep"]
    assert links[0]["href"] == "glossary.html#term-batch"
    assert links[0]["title"] == "The rows of one step."
    # Until the script runs, the definition is said once, by the title.
    assert all(link["title"] and not any("aria" in name for name in link) for link in links)
    glossary = (tiny / "out" / "book" / "glossary.html").read_text(encoding="utf-8")
    for link in links:
        assert f'id="{link["href"].partition("#")[2]}"' in glossary
    for n in range(6):
        assert [link["text"] for link in links_in(tiny, f"book/page{n}")] == ["batch", "L2"]
    # Neither exercises nor pages elsewhere, nor the glossary itself.
    assert not links_in(tiny, "book/exercises/task") and not links_in(tiny, "index")
    assert not links_in(tiny, "book/glossary")
    # The script goes where the links are.
    script = re.compile(r'<script defer="defer" src="[^"]*_static/glossary\.js')
    for page, scripted in [("book/one", True), ("book/page0", True), ("book/glossary", False)]:
        text = (tiny / "out" / f"{page}.html").read_text(encoding="utf-8")
        assert bool(script.search(text)) is scripted, page
        assert "_static/glossary.css" in text
    assert (tiny / "out" / "_static" / "glossary.js").is_file()


def test_links_that_a_page_writes_in_html_stay_whole(tiny):
    text = '# One\n\nSee <a href="#x">the batch and *its batch*</a>, then a batch.\n'
    (tiny / "book" / "one.md").write_text(text)
    assert build(tiny).returncode == 0
    page = (tiny / "out" / "book" / "one.html").read_text(encoding="utf-8")
    assert '<a href="#x">the batch and <em>its batch</em></a>' in page
    assert [link["text"] for link in links_in(tiny, "book/one")] == ["batch"]


def test_chapters_follow_a_change_of_the_glossary(tiny):
    assert build(tiny).returncode == 0
    glossary = tiny / "book" / "glossary.md"
    glossary.write_text(SMALL.replace("A penalty.", "A price on weights."))
    assert build(tiny).returncode == 0
    assert links_in(tiny, "book/page0")[1]["title"] == "A price on weights."


def test_a_wrong_glossary_stops_the_build(tiny):
    (tiny / "book" / "glossary.md").write_text(SMALL.replace("; mini-batch", "; L2"))
    done = build(tiny)
    assert done.returncode != 0
    assert "'l2' stands for 'batch' and for 'L2'" in done.stderr
