"""The command line, run as a user runs it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from coursekit.cli import app
from coursekit.datasets import _files
from tests.conftest import ROOT
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
    for file in _files.REGISTRY:
        assert file.path.rpartition("/")[2] in result.output
    assert "not here" in result.output and "bundled" in result.output
    assert "440fcabf73cc" in result.output
    assert "9.9 MB" in result.output


def test_where(monkeypatch, tmp_path):
    result = coursekit("data", "where")
    assert "not set" in result.output
    assert str(_files.cache_directory()) in result.output
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

    (_files.cache_directory() / "mnist" / NAMES[1]).write_bytes(b"damaged")
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


@pytest.mark.parametrize("name", ["iris", "minst"])
def test_fetch_of_what_cannot_be_fetched(name):
    result = coursekit("data", "fetch", name)
    assert result.exit_code == 2
    assert f"no full edition of {name}" in result.output and "mnist, walking" in result.output


def test_list_names_the_data_folder(full_data):
    assert coursekit("data", "list").output.count("COURSEKIT_DATA") == 5
    result = coursekit("data", "verify")
    assert result.exit_code == 0
    assert "0 wrong, 0 not here" in result.output
