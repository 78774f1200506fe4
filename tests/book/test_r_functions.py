"""The appendices: every R function of the sources is there, and what they say runs and leads on."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import nbformat
import pytest

from tests.book.test_lessons import headings, slug
from tests.conftest import ROOT

BOOK = ROOT / "book"
PAGE = BOOK / "from-r-to-python.ipynb"
SHEET = BOOK / "cheat-sheet.md"
ERRORS = BOOK / "errors-in-the-sources.ipynb"
CHAPTERS = sorted(set(BOOK.glob("*.ipynb")) - {PAGE, ERRORS})

# Every function, operator and word of the language that the R code and the text of a source
# name, read off the sources. S2's copy has lost its code, S5 is written in Python.
FUNCTIONS = {
    "S1": """
        %>% compile evaluate fit ifelse install.packages keras_model_sequential layer_dense
        matrix ncol optimizer_rmsprop predict predict_classes rowSums runif to_categorical
    """,
    "S2": "",
    "S3": """
        %>% all_outcomes all_predictors bake c caret::confusionMatrix compile dim evaluate
        fit head initial_split install_keras is_keras_available keras_model_sequential
        layer_conv_1d layer_dense layer_dropout layer_flatten layer_max_pooling_1d library list
        map max.col names nrow plot predict predict_classes prep readRDS recipe replace
        replace_na sample step_center step_dummy step_knnimpute step_meanimpute step_scale
        testing training ts
    """,
    "S4": """
        %<-% %>% [[ aes array_reshape as.array as.data.frame as.raster as.vector c
        callback_early_stopping callback_learning_rate_scheduler callback_reduce_lr_on_plateau
        callback_tensorboard caret::confusionMatrix cat ceiling class compile coord_fixed count
        dataset_mnist dim element_blank evaluate expand_grid factor filter fit for function
        geom_point ggplot ggtitle head if k_argmax keras_model_sequential
        knitr::include_graphics labs layer_dense layer_dropout length library list matrix mean
        min mutate n ncol nrow optimizer_adam optimizer_rmsprop optimizer_sgd par paste paste0
        plot predict range regularizer_l2 return sample scale scale_size_area
        scale_x_continuous scale_y_continuous seq_along seq_len set.seed sqrt str sum summary
        system.time tensorboard theme tibble title to_categorical train_model which
    """,
    "S5": "",
}
PACKAGES = {"S2": ("DALEX", "lime")}
S5_CALLS = ("Dense", "Sequential", "add", "astype", "compile", "evaluate", "fit", "print",
            "reshape", "to_categorical")  # fmt: skip

SHELL = ("pip ", "tensorboard ")


def cells(path, kind: str) -> list[str]:
    notebook = nbformat.read(path, as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


class Row(NamedTuple):
    """A row of a table: the snippets of code in its column for R, and in that for Python."""

    r: list[str]
    python: list[str]


def snippets(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def rows(texts: list[str], header: tuple[str, ...] = ("R", "Python")) -> Iterator[Row]:
    """All rows of the tables that have these two neighbouring columns."""
    for text in texts:
        for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
            lines = [
                [field.strip() for field in line.strip().strip("|").split("|")]
                for line in table.splitlines()
            ]
            if header[0] not in lines[0]:
                continue
            place = lines[0].index(header[0])
            if lines[0][place + 1 : place + 2] != [header[1]]:
                continue
            for line in lines[2:]:
                assert len(line) == len(lines[0]), line
                yield Row(snippets(line[place]), snippets(line[place + 1]))


def rows_of_the_sheet(text: str) -> list[Row]:
    """The rows of the cheat sheet, which has Python on the left."""
    return [Row(right, left) for left, right in rows([text], ("Python", "R"))]


def functions_in(snippet: str) -> set[str]:
    """The functions and operators that a piece of R uses, without their packages."""
    calls = re.findall(r"([A-Za-z_.][\w.]*) ?\(", snippet)
    operators = re.findall(r"%[^ %]+%|\[\[", snippet)
    return {*calls, *operators}


# ------------------------------------------------------------------------ what Python uses


class Uses(NamedTuple):
    """What a piece of Python calls and reads."""

    dotted: set[str]  # whole names: keras.layers.Dense
    last: set[str]  # their last parts, and the functions that are called by a plain name
    keywords: dict[str, set[str]]  # of each function, by the last part of its name
    imported: set[str]


def dotted(node: ast.expr) -> str | None:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def last_part(function: ast.expr) -> str | None:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def uses(code: str) -> Uses:
    found = Uses(set(), set(), defaultdict(set), set())
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            found.last.add(node.attr)
            if name := dotted(node):
                found.dotted.add(name)
        elif isinstance(node, ast.Call) and (name := last_part(node.func)):
            found.last.add(name)
            found.keywords[name] |= {word.arg for word in node.keywords if word.arg}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.imported.update(alias.asname or alias.name for alias in node.names)
    return found


def unused(snippet: str, code: Uses) -> list[str]:
    """What a snippet of a table names that no code cell uses."""
    if snippet.startswith(SHELL):
        return []
    named = uses(snippet)
    missing = [name for name in named.imported if name not in code.imported]
    for name in named.dotted:
        # `model` and `x` stand for anything; a module is to be the same one.
        if name.split(".")[0] in code.imported and name not in code.dotted:
            missing.append(name)
    missing += [name for name in named.last if name not in code.last]
    for function, words in named.keywords.items():
        missing += [f"{function}({word}=)" for word in words - code.keywords[function]]
    return sorted(missing)


@pytest.fixture(scope="module")
def page() -> list[Row]:
    return list(rows(cells(PAGE, "markdown")))


@pytest.fixture(scope="module")
def known(page) -> list[Row]:
    """The rows that a reader finds: those of the page, and those of the cheat sheet.

    What runs the Python of the sheet is tests/book/test_cheat_sheet.py.
    """
    return [*page, *rows_of_the_sheet(SHEET.read_text("utf-8"))]


@pytest.fixture(scope="module")
def page_code() -> Uses:
    return uses("\n".join(cells(PAGE, "code")))


# ------------------------------------------------------------------------ from R to Python


@pytest.mark.parametrize("source", FUNCTIONS)
def test_every_r_function_of_a_source_has_its_row(source, known):
    listed = {name for row in known for snippet in row.r for name in functions_in(snippet)}
    names = FUNCTIONS[source].split()
    assert [name for name in names if name.split("::")[-1] not in listed] == []
    text = " ".join(snippet for row in known for snippet in row.r)
    assert all(f"{package}::" in text for package in PACKAGES.get(source, ()))


def test_every_python_call_of_s5_is_listed():
    listed = list(rows(cells(PAGE, "markdown"), ("S5", "today")))
    text = " ".join(snippet for row in listed for snippet in row.r)
    assert [name for name in S5_CALLS if not re.search(rf"\b{name}\(", text)] == []


def test_no_python_is_named_that_no_cell_runs(page, page_code):
    listed = [*page, *rows(cells(PAGE, "markdown"), ("S5", "today"))]
    assert len(listed) > 100
    missing = {
        snippet: found
        for row in listed
        for snippet in row.python
        if (found := unused(snippet, page_code))
    }
    assert missing == {}


def test_every_row_has_both_languages(page):
    assert [row for row in page if not row.r or not row.python] == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_the_tables_of_the_chapters_agree(chapter, known):
    """What a chapter writes beside an R function, the appendix or the sheet writes, too."""
    theirs = defaultdict(set)
    for row in known:
        for function in calls_of(row):
            theirs[function] |= set().union(*map(parts_of, row.python))
    for row in rows(cells(chapter, "markdown")):
        ours = set().union(*map(parts_of, row.python))
        for function in calls_of(row):
            where = f"{function} is in {chapter.name}, but not in the appendix or the sheet"
            assert function in theirs, where
            assert not ours or ours & theirs[function], (row, theirs[function])


def calls_of(row: Row) -> set[str]:
    """The R functions of a row, without what joins any two of them: operators, `c` and `list`."""
    found = set().union(*map(functions_in, row.r))
    return {name for name in found if name[0] not in "%["} - {"c", "list"}


def parts_of(snippet: str) -> set[str]:
    """The last parts of the Python names in a snippet; none where it is a command."""
    try:
        return uses("_" * snippet.startswith(".") + snippet).last
    except SyntaxError:
        return set()


# ------------------------------------------------------------------------ the checks, checked


def test_what_is_not_used_is_found():
    code = uses("import keras\nmodel = keras.Input((4,))\nmodel.fit(x, epochs=1)\nlen(model)")
    for fine in ("keras.Input((3,))", "other.fit(y, epochs=2)", "len(x)", "import keras",
                 "pip install keras"):  # fmt: skip
        assert unused(fine, code) == []
    assert unused("keras.layers.Dense(3)", code) == [
        "Dense", "keras.layers", "keras.layers.Dense", "layers",
    ]  # fmt: skip
    assert unused("keras.fit(x)", code) == ["keras.fit"]  # a fit, and not this one
    assert unused("model.fit(x, batch_size=1)", code) == ["fit(batch_size=)"]
    assert unused("model.predict(x).argmax(axis=1)", code) == ["argmax", "argmax(axis=)", "predict"]
    assert unused("range(3)", code) == ["range"]
    assert unused("import numpy", code) == ["numpy"]


def test_a_cell_less_is_noticed(page):
    code = cells(PAGE, "code")
    fewer = [cell for cell in code if "TSNE(" not in cell]
    assert len(fewer) == len(code) - 1
    code = uses("\n".join(fewer))
    missing = {name for row in page for text in row.python for name in unused(text, code)}
    assert {"TSNE", "PCA", "permutation_importance"} <= missing


def test_tables_and_functions_are_read():
    table = (
        "| | R | Python | trap |\n|---|---|---|---|\n| a | `f(g.h(x))`, `a %>% b` | `k(y)` | |\n"
    )
    (row,) = rows([f"text\n\n{table}\ntext"])
    assert row == Row(["f(g.h(x))", "a %>% b"], ["k(y)"])
    assert set().union(*map(functions_in, row.r)) == {"f", "g.h", "%>%"}
    assert functions_in("caret::confusionMatrix(x[[1]])") == {"confusionMatrix", "[["}
    assert list(rows(["| a | b |\n|---|---|\n| `f(x)` | `g(x)` |"])) == []
    sheet = "| | Python | R |\n|---|---|---|\n| a | `k.F(y)` | `f(y)` |\n"
    assert rows_of_the_sheet(sheet) == [Row(["f(y)"], ["k.F(y)"])]


# ------------------------------------------------------------------------ links and errors


def links(text: str) -> list[tuple[str, str]]:
    """Page and section of each link within the book; the page is empty for this one."""
    found = re.findall(r"\]\(((?!https?://)[^)#\s]*)(?:#([^)\s]+))?\)", text)
    return sorted(set(found))


@pytest.mark.parametrize("path", [PAGE, ERRORS], ids=lambda path: path.stem)
def test_links_lead_to_sections(path):
    found = links("\n".join(cells(path, "markdown")))
    assert len(found) > 8
    for name, anchor in found:
        target = name or path.name
        assert (BOOK / target).exists(), target
        if anchor:
            assert anchor in {slug(heading) for heading in headings(target)}, (target, anchor)


def test_links_are_found():
    text = "[a](b.md) [c](d.ipynb#e) [f](#g) [h](https://i.org/j#k) ![l](m)"
    assert links(text) == [("", "g"), ("b.md", ""), ("d.ipynb", "e"), ("m", "")]


class Item(NamedTuple):
    """One error: its text, and the code that proves it."""

    text: str
    code: str


def items(notebook: nbformat.NotebookNode) -> dict[str, Item]:
    """What stands under each heading of the third level, by its title."""
    found: dict[str, Item] = {}
    title = None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if title:
                text, code = found[title]
                found[title] = Item(text, f"{code}\n{cell.source}")
            continue
        for piece in re.split(r"^(?=#)", cell.source, flags=re.MULTILINE):
            if heading := re.match(r"(#+) (.+)", piece):
                title = heading[2] if heading[1] == "###" else None
                if title:
                    found[title] = Item("", "")
            if title:
                text, code = found[title]
                found[title] = Item(text + piece, code)
    return found


@pytest.fixture(scope="module")
def errors() -> dict[str, Item]:
    return items(nbformat.read(ERRORS, as_version=4))


def unproved(item: Item) -> list[str]:
    """What an error lacks: its source, the truth, code that proves it, where it bites."""
    lacks = {
        "source": not re.search(r"\*\*S[1-5]\*\*", item.text),
        "truth": "**True:**" not in item.text,
        "proof": "assert " not in item.code,
        "link": not any(name.endswith(".ipynb") and at for name, at in links(item.text)),
    }
    return [what for what, lacking in lacks.items() if lacking]


def test_every_error_is_proved(errors):
    assert len(errors) >= 25
    assert {title: found for title, item in errors.items() if (found := unproved(item))} == {}


def test_an_error_without_proof_is_found():
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    notebook = nbformat.v4.new_notebook(
        cells=[
            markdown("# Page\n\n## Part\n\n### One\n\n**S1** says a. **True:** b."),
            code("assert 1"),
            markdown("See [there](there.ipynb#here).\n\n### Two\n\nSomebody says c."),
            code("2"),
            markdown("## Next part"),
            code("assert 3"),
        ]
    )
    found = items(notebook)
    assert list(found) == ["One", "Two"]
    assert unproved(found["One"]) == []
    assert unproved(found["Two"]) == ["source", "truth", "proof", "link"]


def test_the_list_of_errors_is_complete(errors):
    """The table at the top of the page leads to every error, in order."""
    listed = re.findall(
        r"^\| (\d+) \|.*\]\(#([^)]+)\)", "\n".join(cells(ERRORS, "markdown")), re.MULTILINE
    )
    assert [int(number) for number, _ in listed] == list(range(1, len(errors) + 1))
    assert [anchor for _, anchor in listed] == [slug(title) for title in errors]
