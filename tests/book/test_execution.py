"""What the key depends on under which executed chapters are cached."""

from __future__ import annotations

import shutil

import coursekit_execution
import pytest

from tests.conftest import ROOT


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    """A copy of the package, of whose state the key is taken."""
    shutil.copytree(
        ROOT / "coursekit", tmp_path / "coursekit", ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(coursekit_execution, "ROOT", tmp_path)
    monkeypatch.setattr(coursekit_execution, "distributions", lambda path: [])  # takes long
    return tmp_path


def test_the_key_depends_on_every_file_of_the_package(checkout):
    key = coursekit_execution.fingerprint()
    files = [path for path in checkout.rglob("*") if path.is_file()]
    assert {".py", ".js", ".css", ".csv", ".html", ".mplstyle"} <= {path.suffix for path in files}
    for path in files:
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        assert coursekit_execution.fingerprint() != key, path.relative_to(checkout)
        path.write_bytes(before)
    assert coursekit_execution.fingerprint() == key


def test_the_key_depends_on_files_of_a_new_kind_and_not_on_compiled_ones(checkout):
    key = coursekit_execution.fingerprint()
    compiled = checkout / "coursekit" / "live" / "__pycache__"
    compiled.mkdir()
    (compiled / "digit.cpython-311.pyc").write_bytes(b"compiled")
    assert coursekit_execution.fingerprint() == key
    (checkout / "coursekit" / "live" / "new.kind").touch()
    assert coursekit_execution.fingerprint() != key
