"""The book's pages as a whole."""

from __future__ import annotations

import re
import subprocess

import nbformat
import pytest
import yaml

from tests.conftest import ROOT


def table_of_contents() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    pages = [page for part in toc["parts"] for page in part["chapters"]]
    pages += [below for page in pages for below in page.get("sections", [])]
    return [toc["root"]] + [page["file"] for page in pages]


def test_every_page_is_in_the_table_of_contents():
    pages = {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for folder in ("book", "book/api", "book/exercises", "book/solutions")
        for path in (ROOT / folder).glob("*.*")
        if path.suffix in (".md", ".ipynb")
    }
    listed = table_of_contents()
    assert len(listed) == len(set(listed))
    assert set(listed) == pages


def test_the_title_tells_an_exercise_from_its_solution():
    """In the sidebar, in the search and in the browser: none of them has a title of its own."""
    assert "title:" not in (ROOT / "_toc.yml").read_text(encoding="utf-8")
    for path in sorted((ROOT / "book" / "solutions").glob("*.ipynb")):
        titles = [
            nbformat.read(path.parents[1] / folder / path.name, as_version=4)
            .cells[0]
            .source.partition("\n")[0]
            for folder in ("exercises", "solutions")
        ]
        exercises, solution = (title.partition(": ") for title in titles)
        assert (exercises[0], solution[0]) == ("# Exercises", "# Solution"), path.name
        assert exercises[2] == solution[2]


@pytest.mark.parametrize(
    ("page", "figure"),
    [
        ("first-sequential-model", "threshold_figure(model"),
        ("convolutional-layers", "kernel_figure(model"),
        ("final-mnist-model", "digit_figure(small"),
        ("see-it-live", "digit_figure("),
        ("how-a-network-learns", "descent_figure("),
    ],
)
def test_live_figures_stand_where_their_network_is_trained(page, figure):
    """With the code folded, so that a reader sees the figure at once."""
    cells = nbformat.read(ROOT / "book" / f"{page}.ipynb", as_version=4).cells
    (cell,) = [cell for cell in cells if f"live.{figure}" in cell.source]
    assert {"hide-input", "nbval-ignore-output"} <= set(cell.metadata["tags"])


def test_nothing_stands_open_before_the_first_live_figure():
    cells = nbformat.read(ROOT / "book" / "see-it-live.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    first = next(place for place, cell in enumerate(code) if "live.digit_figure" in cell.source)
    folded = {"hide-input", "remove-cell"}
    assert all(folded & set(cell.metadata.get("tags", [])) for cell in code[: first + 1])


def tracked_text_files():
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT)
    for name in names.decode().splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in (".gz", ".npz", ".png"):
            yield path


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_repository_address_stands_in_one_place():
    """And, from there, in the cell of each notebook that installs the package."""
    address = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    places = [
        path.relative_to(ROOT).as_posix()
        for path in tracked_text_files()
        if address in path.read_text(encoding="utf-8").replace(f"git+{address}@", "")
    ]
    assert places == ["_config.yml"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_no_machine_is_named():
    machine = re.compile(r"(?<![\w.])/(home|root|work|Users)/\w")
    for path in tracked_text_files():
        assert not machine.search(path.read_text(encoding="utf-8")), path


def test_readme_names_what_exists():
    """The folders of the map and the verbs of make are really there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"^([\w.]+/?)  +\S", readme, re.MULTILINE):
        assert (ROOT / name).exists(), name
    makefile = (ROOT / "Makefile").read_text()
    for verb in re.findall(r"(?:^|`)make ([a-z]+)", readme, re.MULTILINE):
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE), verb
