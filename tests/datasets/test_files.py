"""Hashes, folders, and the files that travel with the package."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from coursekit import datasets
from coursekit.datasets import (
    DataUnavailableError,
    checking,
    mnist,
    obtaining,
    places,
    registry,
)
from tests.conftest import ROOT

BUNDLED = [file for file in registry.REGISTRY if file.bundled]


@pytest.mark.parametrize("file", BUNDLED, ids=lambda file: file.path)
def test_bundled_files_are_what_the_registry_says(file):
    path = obtaining.obtain(file)
    assert checking.sha256_of(path) == file.sha256
    assert path.stat().st_size == file.size


def test_data_readme_lists_exactly_the_bundled_files():
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|", text, re.MULTILINE))
    assert listed == {file.path: file.sha256 for file in BUNDLED}
    present = {
        path.relative_to(ROOT / "data").as_posix()
        for path in (ROOT / "data").rglob("*")
        if path.is_file()
    }
    assert present == {*listed, "README.md"}


def test_every_download_has_an_address_and_a_hash():
    for file in registry.REGISTRY:
        if not file.bundled:
            assert all(url.startswith("https://") for url in file.urls)
            assert len(file.urls) == 2
            assert (file.content is not None) == file.path.endswith(".gz")


def test_damaged_installation_is_reported(monkeypatch, tmp_path):
    (tmp_path / "iris.csv").write_text("sepal_length\n")
    monkeypatch.setattr(places, "bundled_directory", lambda: tmp_path)
    with pytest.raises(DataUnavailableError, match="install coursekit again"):
        datasets.load_iris()
    with pytest.raises(DataUnavailableError, match="there is no such file"):
        datasets.load_breast_cancer()


def test_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSEKIT_DATA", "some/where")
    assert places.data_directory() == Path.cwd() / "some" / "where"
    monkeypatch.delenv("COURSEKIT_CACHE")
    assert places.cache_directory().name == "coursekit"


@pytest.mark.parametrize("name", ["COURSEKIT_DATA", "COURSEKIT_CACHE"])
def test_a_tilde_is_the_home_of_whom_it_can_be(monkeypatch, tmp_path, name):
    directory = {"COURSEKIT_DATA": places.data_directory, "COURSEKIT_CACHE": places.cache_directory}
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv(name, "~/data")
    assert directory[name]() == tmp_path / "data"
    monkeypatch.setenv(name, "~no-such-user-here/data")
    assert directory[name]() == Path.cwd() / "~no-such-user-here" / "data"


# ------------------------------------------------------------------------ idx files


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


def test_idx_axes_and_order(tmp_path):
    content = b"\x00\x00\x08\x03" + struct.pack(">3I", 2, 3, 4) + bytes(range(24))
    array = mnist.read_idx(write(tmp_path / "a.gz", content))
    assert array.shape == (2, 3, 4)
    assert array[1, 2, 3] == 23 and array[0, 1, 0] == 4
    array[0] = 0  # the learner's own copy


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x00\x00\x09\x01" + struct.pack(">I", 1) + b"\x00", "does not begin as an idx"),
        (b"\x00\x00", "does not begin as an idx"),
        (b"\x00\x00\x08\x03\x00", "does not begin as an idx"),
        (b"\x00\x00\x08\x01" + struct.pack(">I", 5) + b"\x00" * 4, r"4 values .* shape \(5,\)"),
        (b"\x00\x00\x08\x01" + struct.pack(">I", 5) + b"\x00" * 6, r"6 values .* shape \(5,\)"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12 + b"\x00" * 9, "9 values where its header promises"),
        (b"\x00\x00\x08\xff" + b"\x00\x00\x00\x01" * 255 + b"\x00", "does not begin as an idx"),
        (b"\x00\x00\x08", "does not begin as an idx"),
        (b"", "does not begin as an idx"),
    ],
)
def test_bad_idx(tmp_path, content, words):
    with pytest.raises(checking.BadFileError, match=words):
        mnist.read_idx(write(tmp_path / "a.gz", content))


def test_idx_over_many_pieces(tmp_path):
    values = np.random.default_rng(1).integers(0, 256, (50, 90, 90), np.uint8)
    content = b"\x00\x00\x08\x03" + struct.pack(">3I", *values.shape) + values.tobytes()
    path = write(tmp_path / "a.gz", content)
    assert path.stat().st_size > 5 * checking.PIECE
    np.testing.assert_array_equal(mnist.read_idx(path), values)
    whole = path.read_bytes()
    for bad, words in {
        whole[:-3]: "cut short",
        whole[: 2 * checking.PIECE]: "cut short",
        whole[:-8] + b"\x00\x00\x00\x00" + whole[-4:]: "not a readable gzip file",
        b"no gzip file": "not a readable gzip file",
        whole + b"no gzip file": "not a readable gzip file",
        b"": "does not begin as an idx",
    }.items():
        path.write_bytes(bad)
        with pytest.raises(checking.BadFileError, match=words):
            mnist.read_idx(path)


def test_idx_in_any_container(tmp_path):
    """Unpacked, in one part or in several, with zeros after the end: the values are the same."""
    values = np.random.default_rng(1).integers(0, 256, (9, 100, 100), np.uint8)
    content = b"\x00\x00\x08\x03" + struct.pack(">3I", *values.shape) + values.tobytes()
    path, packed = tmp_path / "a", gzip.compress(content)
    parts = gzip.compress(content[:7]) + gzip.compress(content[7:])
    # The first part of the last one ends where a piece ends.
    comment = b"\x1f\x8b\x08\x10" + bytes(6)
    fill = checking.PIECE - len(comment) - 1 - len(gzip.compress(b"")) + 10
    edge = comment + b"x" * fill + b"\0" + gzip.compress(b"")[10:]
    assert len(edge) == checking.PIECE
    for container in (content, packed, parts, packed + bytes(200_000), edge + packed):
        path.write_bytes(container)
        np.testing.assert_array_equal(mnist.read_idx(path), values)
        assert b"".join(checking.unpacked(path)) == content
