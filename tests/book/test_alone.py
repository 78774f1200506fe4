"""A notebook needs nothing beside it: neither files of the checkout nor packages of the book.

Colab opens one notebook, and its first cell installs the package. ``make test-alone`` runs all
chapters so; here their code is read.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions, requires

import nbformat
import pytest
import yaml
from coursekit_repository import repository_address
from install_cells import NAME, source, with_cell
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

BOOK = ROOT / "book"
NOTEBOOKS = sorted(
    path for folder in ("", "solutions", "exercises") for path in (BOOK / folder).glob("*.ipynb")
)
ALL = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
IN_THE_PACKAGE = {"cheat-sheet.md"}


def code_of(path) -> list[str]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


# -------------------------------------------------------------------------------- the first cell


@cache
def allowed() -> set[str]:
    """Return the codes that the cell may have: a fork need not write its own address."""
    repository = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    addresses = {repository["url"], repository_address(ROOT, repository["url"])}
    return {source(address, repository["branch"]) for address in addresses}


def test_every_notebook_begins_with_the_same_cell():
    firsts = {code_of(path)[0] for path in NOTEBOOKS}
    assert len(firsts) == 1 and firsts <= allowed(), "run `make install-cells`"


@ALL
def test_the_cell_is_not_on_the_page_and_not_for_learners_to_edit(path):
    cells = nbformat.read(path, as_version=4).cells
    (cell,) = [cell for cell in cells if cell.source in allowed()]
    assert cell.id == NAME and cell.metadata["tags"] == ["remove-cell"]
    marks = cell.metadata.get("nbgrader", {})
    assert bool(marks.get("locked")) == (path.parent != BOOK)


def test_writing_the_cell_again_changes_nothing():
    path = BOOK / "iris-again.ipynb"
    notebook = nbformat.read(path, as_version=4)
    (code,) = {code_of(path)[0]}
    again = with_cell(nbformat.from_dict(notebook), code, locked=False)
    assert nbformat.writes(again) + "\n" == path.read_text(encoding="utf-8")


def test_the_cell_replaces_an_older_one_and_numbers_the_cells():
    v4 = nbformat.v4
    result = v4.new_output("execute_result", data={"text/plain": "2"}, execution_count=1)
    old = v4.new_code_cell("old", id=NAME, execution_count=7)
    plain = v4.new_code_cell("1 + 1", execution_count=1, outputs=[result])
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# Title"), old, plain])
    cells = with_cell(notebook, "new", locked=True).cells
    assert [cell.source for cell in cells] == ["# Title", "new", "1 + 1"]
    assert [cell.execution_count for cell in cells[1:]] == [1, 2]
    assert cells[2].outputs[0].execution_count == 2


@pytest.fixture
def cell():
    """The code of the cell, with an address of which no name is in the notebooks."""
    return source("https://git.example.org/fork/course", "main")


def test_where_the_package_is_the_cell_does_nothing(cell, capfd, monkeypatch):
    monkeypatch.setattr(subprocess, "run", pytest.fail)
    names: dict = {}
    exec(cell, names)
    assert set(names) - {"__builtins__"} == {"importlib"}
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def pip(monkeypatch):
    """Where the package is missing: what the cell has pip do, and how that ends."""

    class Pip:
        def __init__(self):
            self.commands = []
            self.done = subprocess.CompletedProcess([], 0, stdout="", stderr="")

        def run(self, command, **options):
            self.commands.append(command)
            return self.done

    made = Pip()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", made.run)
    return made


def test_where_the_package_is_missing_the_cell_installs_it(cell, pip, capsys):
    exec(cell, {})
    words = "coursekit @ git+https://git.example.org/fork/course@main"
    (command,) = pip.commands
    assert command == [sys.executable, "-m", "pip", "install", words]
    assert Requirement(words).url == words.split()[-1]
    assert "Installing coursekit" in capsys.readouterr().out


def test_a_failed_installation_says_what_is_needed(cell, pip):
    pip.done = subprocess.CompletedProcess([], 1, stdout="", stderr="fatal: no route to host")
    with pytest.raises(ImportError, match=r"(?s)needs pip, Git and the internet.*no route to host"):
        exec(cell, {})


# ------------------------------------------------------------------------------- nothing beside it


def files_named(code: str, folder) -> set[str]:
    """Return the strings in some code that name a file or folder of the book."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                part.value if isinstance(part, ast.Constant) else "*" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        # A path, and not a word that happens to be the name of a folder.
        if re.fullmatch(r"[\w./*-]*(?:/|\.)[\w./*-]*\w", text) and not text.startswith("/"):
            found |= {text for _ in folder.glob(text)}
    return found


@ALL
def test_no_notebook_reads_a_file_beside_it(path):
    named = set().union(*(files_named(code, path.parent) for code in code_of(path)))
    assert named <= IN_THE_PACKAGE


@pytest.mark.parametrize(
    "code",
    [
        'pd.read_csv("references.bib")',
        "pd.read_csv(f'quizzes/{chapter}.yml')",
        'open("../data/iris.csv")',
        'Path("_static/course.css")',
    ],
)
def test_a_file_beside_a_notebook_is_found(code):
    assert files_named(code, BOOK)


def requirements(name: str = "coursekit") -> set[str]:
    """Return the distributions that the package brings, without its extras."""
    found, todo = set(), [name]
    while todo:
        one = canonicalize_name(todo.pop())
        if one in found:
            continue
        found.add(one)
        for line in requires(one) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                todo.append(needed.name)
    return found


@pytest.fixture(scope="module")
def importable() -> set[str]:
    """The modules that are there where only the package and a kernel are installed."""
    there = requirements() | requirements("ipykernel")
    names = packages_distributions()
    ours = {name for name, of in names.items() if there & {canonicalize_name(one) for one in of}}
    return ours | {"coursekit"} | set(sys.stdlib_module_names)


def imported(code: str) -> set[str]:
    """Return the packages that some code imports."""
    modules = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules.append(node.module)
    return {module.partition(".")[0] for module in modules}


@ALL
def test_a_notebook_imports_what_the_package_brings(path, importable):
    assert set().union(*map(imported, code_of(path))) <= importable


def test_a_package_of_the_book_is_not_what_the_package_brings(importable):
    assert imported("import sphinx\nfrom nbgrader import api\nimport keras") - importable == {
        "sphinx",
        "nbgrader",
    }


def test_chapters_read_stored_runs_of_their_own_names():
    code = "\n".join(text for path in NOTEBOOKS for text in code_of(path))
    names = re.findall(r'load_stored_runs\("([\w-]+)"\)', code)
    assert len(names) >= 15 and all((BOOK / f"{name}.ipynb").exists() for name in names)
