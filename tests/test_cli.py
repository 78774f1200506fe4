"""The command line, run as a user runs it."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from coursekit.cli import app
from coursekit.datasets import places, registry
from tests.conftest import ROOT
from tests.coursegrader.notebooks import master_of_two, write
from tests.datasets.mirror import mirror  # noqa: F401  (a fixture)
from tests.datasets.test_download import NAMES, mnist_from  # noqa: F401  (a fixture)


def coursekit(*words: str):
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


def test_help_names_the_verbs():
    assert "data" in coursekit("--help").output
    output = coursekit("data", "--help").output
    assert all(verb in output for verb in ("list", "fetch", "verify", "where"))


def test_list_shows_every_file():
    result = coursekit("data", "list")
    assert result.exit_code == 0
    for file in registry.REGISTRY:
        assert file.path.rpartition("/")[2] in result.output
    assert "not here" in result.output and "bundled" in result.output
    assert "440fcabf73cc" in result.output
    assert "9.9 MB" in result.output


def test_where(monkeypatch, tmp_path):
    result = coursekit("data", "where")
    assert "not set" in result.output
    assert str(places.cache_directory()) in result.output
    assert str(ROOT / "data") in result.output
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    assert str(tmp_path) in coursekit("data", "where").output


def test_fetch_list_verify(mnist_from):  # noqa: F811
    mnist_from("good")
    assert coursekit("data", "verify").output.endswith("0 right, 0 wrong, 4 not here\n")
    result = coursekit("data", "fetch", "mnist")
    assert result.exit_code == 0
    assert result.output.count("checked") == 4
    assert coursekit("data", "list").output.count("cache") == 4
    assert "4 right, 0 wrong, 0 not here" in coursekit("data", "verify").output

    (places.cache_directory() / "mnist" / NAMES[1]).write_bytes(b"damaged")
    result = coursekit("data", "verify")
    assert result.exit_code == 1
    assert "3 right, 1 wrong" in result.output and "expected" in result.output

    assert coursekit("data", "fetch").exit_code == 0  # fetches the damaged file again
    assert coursekit("data", "verify").exit_code == 0


def test_fetch_that_fails_tells_why(mnist_from):  # noqa: F811
    mnist_from("404")
    result = coursekit("data", "fetch", "mnist")
    assert result.exit_code == 1
    assert "404 Not Found" in result.output
    assert 'load_mnist(edition="sample")' in result.output


@pytest.mark.parametrize("name", ["iris", "minst", "[/b]", ""])
def test_fetch_of_what_cannot_be_fetched(name):
    result = coursekit("data", "fetch", name)
    assert result.exit_code == 2
    assert (
        f"no full edition of {name or repr('')} to" in result.output
        and "These can be fetched: mnist." in result.output
    )


def test_list_names_the_data_folder(full_data):
    assert coursekit("data", "list").output.count("COURSEKIT_DATA") == 4
    result = coursekit("data", "verify")
    assert result.exit_code == 0
    assert "0 wrong, 0 not here" in result.output


# ------------------------------------------------------- what is printed is what was meant

# rich would read these as markup or an emoji; a closing tag alone ends in an error of its.
NAMES_LIKE_MARKUP = ["[course] data", "x[/b]", ":warning: [red]", "a  b\\[c]"]


@pytest.mark.parametrize("name", NAMES_LIKE_MARKUP)
def test_paths_are_printed_as_they_are(mnist_from, mirror, monkeypatch, tmp_path, name):  # noqa: F811
    mnist_from("good")
    folder = tmp_path / name / "mnist"
    folder.mkdir(parents=True)
    for file, content in mirror.files.items():
        (folder / file).write_bytes(content)
    monkeypatch.setenv("COURSEKIT_DATA", str(folder.parent))
    assert f"COURSEKIT_DATA:         {folder.parent}\n" in coursekit("data", "where").output
    output = coursekit("data", "fetch", "mnist").output
    assert output.splitlines() == [f"{folder / file}: checked" for file in NAMES]
    output = coursekit("data", "verify").output
    assert output.splitlines()[:4] == [f"right  {folder / file}" for file in NAMES]

    (folder / NAMES[0]).write_bytes(b"damaged")
    result = coursekit("data", "verify")
    assert result.exit_code == 1 and f"wrong  {folder / NAMES[0]}: its 7 bytes" in result.output
    result = coursekit("data", "fetch", "mnist")
    assert result.exit_code == 1 and f"  - {folder / NAMES[0]}: its 7 bytes" in result.output


@pytest.mark.parametrize("name", NAMES_LIKE_MARKUP)
def test_paths_of_notebooks_are_printed_as_they_are(tmp_path, name):
    folder = tmp_path / name
    source = write(master_of_two(), folder / "in" / f"{name[-3:].replace('/', '')}.ipynb")
    target = folder / "out" / source.name
    result = coursekit("release", str(source), "--out", str(target.parent))
    assert result.output == f"{target}: written\n"
    source.write_text("{}")
    result = coursekit("release", str(source), "--out", str(target.parent))
    assert result.exit_code == 1 and result.output.startswith(f"{source}: ")
    result = coursekit("release", str(folder), "--out", str(target.parent))
    assert (result.exit_code, result.output) == (2, f"No notebook in {folder}.\n")
    if sys.platform == "linux":
        result = coursekit("grade", str(folder / "none"), "--out", str(target.parent))
        assert result.exit_code == 2 and f"{folder / 'none'}" in result.output
        result = coursekit("grade", str(folder), "--out", str(tmp_path), "--without", name)
        assert f"There is no layer {name}. The layers are" in result.output


COMMAND = "from coursekit.cli import app; app()"


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text are for Linux")
@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", r"\udcff \x1b[2J \u202e ä"), ("ascii", r"\udcff \x1b[2J \u202e \xe4")],
)
def test_a_terminal_gets_nothing_that_it_cannot_show(tmp_path, encoding, shown):
    """Half a letter, an order to clear the screen, one to write backwards, and an umlaut."""
    name = os.fsencode(tmp_path) + b"/\xff \x1b[2J " + "\u202e ä".encode()
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "data", "where"],
        env={**os.environb, b"COURSEKIT_DATA": name, b"PYTHONIOENCODING": encoding.encode()},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert f"COURSEKIT_DATA:         {tmp_path}/{shown}\n" in done.stdout.decode(encoding)


# ------------------------------------------------------------------------------- edges


def test_list_and_verify_find_what_is_unpacked(mnist_from, mirror, monkeypatch, tmp_path):  # noqa: F811
    mnist_from("good")
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, content in mirror.files.items():
        (folder / name).with_suffix("").write_bytes(gzip.decompress(content))
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    assert coursekit("data", "list").output.count("COURSEKIT_DATA") == 4
    result = coursekit("data", "verify")
    assert "4 right, 0 wrong, 0 not here" in result.output
    assert f"right  {(folder / NAMES[0]).with_suffix('')}\n" in result.output


def test_verify_tells_of_a_folder_in_the_place_of_a_file(mnist_from, monkeypatch, tmp_path):  # noqa: F811
    mnist_from("good")
    path = tmp_path / "data" / "mnist" / NAMES[2]
    path.mkdir(parents=True)
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    result = coursekit("data", "verify")
    assert result.exit_code == 1 and f"wrong  {path}: it is a folder, not a file" in result.output
    assert "0 right, 1 wrong, 3 not here" in result.output


def test_verify_tells_of_a_file_that_should_have_come_along(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "bundled_directory", lambda: tmp_path)
    result = coursekit("data", "verify")
    assert result.exit_code == 1
    assert f"wrong  {tmp_path / 'iris.csv'}: there is no such file" in result.output


@pytest.mark.parametrize("command", ["release", "grade"])
@pytest.mark.parametrize("words", [("", "--out", "out"), ("in", "--out", "")])
def test_an_empty_path_is_not_the_current_folder(monkeypatch, tmp_path, command, words):
    """As of a variable of the shell that is not set."""
    monkeypatch.chdir(tmp_path)
    write(master_of_two(), tmp_path / "in" / "two.ipynb")
    result = coursekit(command, *words)
    assert result.exit_code == 2 and "it is empty" in result.output
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["in", "two.ipynb"]


def test_a_tilde_in_a_path_is_the_home(monkeypatch, tmp_path):
    """No shell replaces it in --out=~/folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(master_of_two(), tmp_path / "in" / "two.ipynb")
    assert coursekit("release", "~/in", "--out=~/out").exit_code == 0
    assert (tmp_path / "out" / "two.ipynb").exists()


def test_release_does_not_write_over_a_solution(tmp_path):
    source = write(master_of_two(), tmp_path / "in" / "two.ipynb")
    before = source.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for out in (tmp_path / "in", tmp_path / "link"):
        result = coursekit("release", str(tmp_path / "in"), "--out", str(out))
        assert (result.exit_code, source.read_bytes()) == (2, before)
        assert f"{source} would be overwritten. Name another folder with --out." in result.output


def test_release_does_not_write_one_exercise_over_another(tmp_path):
    first, second = (
        write(master_of_two(), tmp_path / folder / "two.ipynb") for folder in ("a", "b")
    )
    result = coursekit("release", str(first), str(second), "--out", str(tmp_path / "out"))
    assert result.exit_code == 2 and f"{first} and {second} would both become" in result.output
    assert not (tmp_path / "out").exists()
    result = coursekit("release", str(first), str(first.parent), "--out", str(tmp_path / "out"))
    assert result.exit_code == 0  # the same one twice is one


def test_release_over_what_is_no_text(tmp_path):
    source = write(master_of_two(), tmp_path / "in" / "two.ipynb")
    target = tmp_path / "out" / "two.ipynb"
    target.parent.mkdir()
    target.write_bytes(b"\xff\xfe")
    words = ("release", str(source), "--out", str(target.parent))
    assert coursekit(*words, "--check").exit_code == 1
    assert coursekit(*words).output == f"{target}: written\n"
    assert coursekit(*words).output == f"{target}: as it was\n"


@pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
def test_an_address_that_is_none(tmp_path):
    write(master_of_two(), tmp_path / "in" / "two.ipynb")
    out = str(tmp_path / "out")
    for address in ("no[/b]://where", "127.0.0.1:x"):
        result = coursekit("grade", str(tmp_path / "in"), "--out", out, "--scheduler", address)
        assert result.exit_code == 2 and isinstance(result.exception, SystemExit)
        assert f"{address!r} is no address of a Dask scheduler" in result.output


# ----------------------------------------------------------- where there is no Linux

WITHOUT = """
import sys
import psutil  # imports resource here, and not on Windows
sys.modules[sys.argv.pop(1)] = None
"""


def without(module: str, code: str, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT + code, module, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "200"},
    )


def test_grading_says_that_it_needs_linux(tmp_path):
    done = without("resource", COMMAND, "grade", str(tmp_path), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert done.stderr.startswith("Grading needs Linux. Python has no module resource here")
    assert all(word in done.stderr for word in ("WSL", "container", "nbgrader"))
    assert "pip install" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_other_commands_do_not_need_linux(tmp_path):
    done = without("resource", COMMAND, "data", "where")
    assert done.returncode == 0, done.stderr
    write(master_of_two(), tmp_path / "in" / "two.ipynb")
    done = without(
        "resource", COMMAND, "release", str(tmp_path / "in"), "--out", str(tmp_path / "x")
    )
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'x' / 'two.ipynb'}: written\n")


def test_a_missing_package_is_named_as_it_is_installed(tmp_path):
    for command in ("release", "grade"):
        done = without("nbformat", COMMAND, command, str(tmp_path), "--out", str(tmp_path / "out"))
        assert done.returncode == 2
        assert done.stderr == (
            "nbformat is not installed. It comes with: pip install 'coursekit[grading]'\n"
        )
