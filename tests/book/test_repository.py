"""Buttons lead to the repository of the checkout, and no machine's own address gets on a page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from coursekit_repository import repository_address, set_address, web_address
from install_cells import source, with_cell

from tests.conftest import ROOT

ADDRESS = "https://github.com/ann/course"
CONFIGURED = "https://github.com/upstream/course"


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/ann/course", ADDRESS),
        ("https://github.com/ann/course.git\n", ADDRESS),
        ("https://github.com/ann/course/", ADDRESS),
        ("http://github.com/ann/course", ADDRESS),
        ("git@github.com:ann/course.git", ADDRESS),
        ("github.com:ann/course", ADDRESS),
        ("ssh://git@github.com/ann/course.git", ADDRESS),
        ("ssh://git@github.com:22/ann/course", ADDRESS),
        ("git://github.com/ann/course.git", ADDRESS),
        ("https://ann:token@github.com/ann/course.git", ADDRESS),
        ("https://x-access-token:ghs_1234@github.com/ann/course", ADDRESS),
        ("https://github.com/ann/course?token=secret#secret", ADDRESS),
        ("https://gitlab.com/group/below/course.git", "https://gitlab.com/group/below/course"),
        ("git@codeberg.org:ann/course.git", "https://codeberg.org/ann/course"),
        ("https://git.example.org:8443/ann/course", "https://git.example.org:8443/ann/course"),
        # What only one machine or network knows.
        ("", None),
        ("/srv/git/course.git", None),
        ("../course", None),
        ("D:\\course", None),
        ("D:/ann/course", None),
        ("file:///srv/git/course.git", None),
        ("https://localhost:3000/ann/course", None),
        ("http://ann@127.0.0.1:4567/git/ann/course", None),
        ("http://[::1]/ann/course", None),
        ("git@workplace:ann/course.git", None),
        ("https://github.com:port/ann/course", None),
        ("https://github.com/", None),
        ("https://github.com/course", None),
        ("git@github.com:/srv/git/course.git", None),
        ("ext::sh -c whoami", None),
    ],
)
def test_the_address_in_a_browser(remote, address):
    assert web_address(remote) == address


@pytest.fixture(autouse=True)
def no_workflow(monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)


def checkout(folder: Path, remote: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    if remote:
        subprocess.run(["git", "-C", folder, "remote", "add", "origin", remote], check=True)
    return folder


def test_the_remote_comes_first_then_the_workflow_then_the_configuration(tmp_path, monkeypatch):
    with_remote = checkout(tmp_path / "cloned", "git@github.com:ann/course.git")
    on_this_machine = checkout(tmp_path / "copied", str(with_remote))
    without = checkout(tmp_path / "new")
    assert repository_address(with_remote, CONFIGURED) == ADDRESS
    assert repository_address(on_this_machine, CONFIGURED) == CONFIGURED
    assert repository_address(without, CONFIGURED) == CONFIGURED
    monkeypatch.setenv("GITHUB_REPOSITORY", "ben/course")
    assert repository_address(with_remote, CONFIGURED) == ADDRESS
    assert repository_address(without, CONFIGURED) == "https://github.com/ben/course"
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example.org")
    assert repository_address(without, CONFIGURED) == "https://github.example.org/ben/course"


def test_an_archive_unpacked_in_another_checkout_is_not_that_one(tmp_path):
    unpacked = checkout(tmp_path, "https://github.com/ann/notes") / "course"
    unpacked.mkdir()
    assert repository_address(unpacked, CONFIGURED) == CONFIGURED


def test_without_git_the_configuration_is_used(tmp_path, monkeypatch):
    folder = checkout(tmp_path, ADDRESS)
    monkeypatch.setenv("PATH", "")
    assert repository_address(folder, CONFIGURED) == CONFIGURED


LAUNCH = {"colab_url": "https://colab.example", "binderhub_url": "https://binder.example"}


def options_for(folder: Path) -> dict:
    """Return the options of the theme for a checkout."""
    options = {
        "repository_url": CONFIGURED,
        "launch_buttons": dict(LAUNCH),
        "use_issues_button": True,
    }
    set_address(SimpleNamespace(srcdir=folder), SimpleNamespace(html_theme_options=options))
    return options


@pytest.mark.parametrize(
    ("remote", "colab", "issues", "provider"),
    [
        (ADDRESS, True, True, None),
        ("https://gitlab.com/ann/course", False, True, None),
        ("https://github.example.org/ann/course", False, True, None),
        ("https://bitbucket.org/ann/course", False, False, None),
        ("https://codeberg.org/ann/course", False, True, "github"),
    ],
)
def test_only_buttons_that_work_are_left(tmp_path, remote, colab, issues, provider):
    options = options_for(checkout(tmp_path, remote))
    assert options["repository_url"] == remote
    assert ("colab_url" in options["launch_buttons"]) == colab
    assert "binderhub_url" in options["launch_buttons"]
    assert options["use_issues_button"] == issues
    assert options.get("repository_provider") == provider


CONFIG = f"""
title: A small book
execute:
  execute_notebooks: "off"
repository:
  url: {CONFIGURED}
  branch: main
launch_buttons:
  colab_url: https://colab.example
  binderhub_url: https://binder.example
  jupyterhub_url: https://hub.example
  notebook_interface: jupyterlab
html:
  use_repository_button: true
  use_issues_button: true
sphinx:
  extra_extensions: [coursekit_repository]
  local_extensions:
    coursekit_repository: {ROOT / "book" / "_extensions"}
"""


@pytest.mark.parametrize(
    ("host", "button"),
    [
        ("github.com", "https://colab.example/github/ann/course/blob/main/page.ipynb"),
        ("codeberg.org", "https://codeberg.org/ann/course/issues/new?title="),
        ("bitbucket.org", "https://hub.example/hub/user-redirect/git-pull?repo=https%3A//bitbuc"),
    ],
)
def test_a_book_of_any_host_builds_without_warnings_and_without_the_token(tmp_path, host, button):
    checkout(tmp_path, f"https://ann:secret-token@{host}/ann/course.git")
    (tmp_path / "_config.yml").write_text(CONFIG)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: page\n")
    v4 = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# Page"), v4.new_code_cell("1 + 1")])
    with_cell(notebook, source(CONFIGURED, "main"), locked=False)
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, tmp_path / "page.ipynb")
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", tmp_path, "-W", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "_build" / "html" / "page.html").read_text(encoding="utf-8")
    assert button in page and f"https://{host}/ann/course" in page
    assert ("colab.example" in page) == (host == "github.com")
    assert "Installs the package" not in page and "upstream" not in page
    for path in (tmp_path / "_build" / "html").rglob("*"):
        assert not path.is_file() or b"secret-token" not in path.read_bytes(), path
