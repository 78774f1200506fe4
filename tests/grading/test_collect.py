"""Submissions are found however they were handed in, and nothing odd among them does harm."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import pytest

from coursekit.grading import _collect
from coursekit.grading._collect import collect, student

CONTENT = b'{"cells": []}'


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def pack(path: Path, *names: str, content: bytes = CONTENT, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name in names:
            archive.writestr(name, content)
    return path


def found(place: Path) -> list[tuple[str, str]]:
    """Students and paths of what was read well."""
    every = collect(place)
    assert all(one.content == CONTENT and not one.problem for one in every)
    return [(one.student, one.path) for one in every]


def problems(place: Path) -> dict[str, str]:
    """What was said, by path; of what could not be read there is no content."""
    every = {one.path: one for one in collect(place)}
    assert all((one.content == b"") == bool(one.problem) for one in every.values())
    return {path: one.problem for path, one in every.items()}


# -------------------------------------------------------------------------------- layouts


def test_a_notebook_per_student(tmp_path):
    for name in ("bob", "ann", "Ünïcode 学生"):
        put(tmp_path / f"{name}.ipynb")
    put(tmp_path / "LOUD.IPYNB")
    put(tmp_path / "notes.txt")
    names = ["LOUD", "ann", "bob", "Ünïcode 学生"]
    assert [name for name, _ in found(tmp_path)] == names


def test_a_folder_per_student(tmp_path):
    put(tmp_path / "ann" / "iris.ipynb")
    put(tmp_path / "ann" / "first-model.ipynb")
    put(tmp_path / "bob" / "deep" / "down" / "iris.ipynb")
    put(tmp_path / "bob" / "iris.py")
    assert found(tmp_path) == [
        ("ann", "ann/first-model.ipynb"),
        ("ann", "ann/iris.ipynb"),
        ("bob", "bob/deep/down/iris.ipynb"),
    ]


def test_an_archive_per_student(tmp_path):
    pack(tmp_path / "ann.zip", "iris.ipynb", "first-model.ipynb", "data.csv")
    pack(tmp_path / "bob.zip", "my work/iris.ipynb", "my work/more/first-model.ipynb")
    pack(tmp_path / "cyd" / "handed in.ZIP", "iris.ipynb")
    assert found(tmp_path) == [
        ("ann", "ann.zip/first-model.ipynb"),
        ("ann", "ann.zip/iris.ipynb"),
        ("bob", "bob.zip/my work/iris.ipynb"),
        ("bob", "bob.zip/my work/more/first-model.ipynb"),
        ("cyd", "cyd/handed in.ZIP/iris.ipynb"),
    ]


def test_an_archive_of_a_class(tmp_path):
    """Named itself, an archive is one of a class; in a folder, it is one student's."""
    names = ["ann/iris.ipynb", "bob/first-model.ipynb", "bob/iris.ipynb"]
    inside = pack(tmp_path / "all" / "dan.zip", *names)
    assert found(inside) == [("ann", names[0]), ("bob", names[1]), ("bob", names[2])]
    assert found(tmp_path / "all") == [("dan", f"dan.zip/{name}") for name in names]
    assert found(pack(tmp_path / "one.zip", "ann.ipynb")) == [("ann", "ann.ipynb")]


MOODLE = {
    "Jane Doe_12345_assignsubmission_file_/iris.ipynb": "Jane Doe",
    "Zoë van_der Berg_7_assignsubmission_file_/a/iris.ipynb": "Zoë van_der Berg",
    "Jane Doe_12345_assignsubmission_file_iris.ipynb": "Jane Doe",
    "Jane Doe_12345_assignsubmission_file_breast-cancer.ipynb": "Jane Doe",
    "Jane Doe_12345_assignsubmission_file_my work.ipynb": "Jane Doe",
}
CANVAS = {
    "doejane_12345_67890_breast-cancer.ipynb": "doejane",
    "doejane_LATE_12345_67890_breast-cancer.ipynb": "doejane",
    "doejane_12345_67890_iris-2.ipynb": "doejane",
}
PLAIN = {
    "ann.ipynb": "ann",
    "ann_exercise_2.ipynb": "ann_exercise_2",
    "ann/x/y.ipynb": "ann",
    "v1.2.ipynb": "v1.2",
    "folder.with.dots/x.ipynb": "folder.with.dots",
    "../../ann/x.ipynb": "ann",
    "/ann.ipynb": "ann",
}


@pytest.mark.parametrize(("path", "name"), [*MOODLE.items(), *CANVAS.items(), *PLAIN.items()])
def test_whose_a_path_is(path, name):
    assert student(path) == name


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["Jane Doe_1_assignsubmission_file_/iris.ipynb"], ["Jane Doe"]),
        (list(CANVAS)[:2], ["doejane", "doejane"]),
        (["doejane_12345_67890_iris.ipynb", "roejo_22345_67891_iris.ipynb"], ["doejane", "roejo"]),
    ],
    ids=["Moodle", "Canvas", "Canvas, two"],
)
def test_archives_and_folders_of_platforms(tmp_path, paths, names):
    """Also where there is one student only, whose archive could be taken for his own."""
    pack(tmp_path / "packed" / "COURSE-exercise.zip", *paths)
    assert sorted(name for name, _ in found(tmp_path / "packed")) == names
    for path in paths:
        put(tmp_path / "plain" / path)
    assert sorted(name for name, _ in found(tmp_path / "plain")) == names


def test_the_folder_of_nbgrader(tmp_path):
    put(tmp_path / "submitted" / "ann" / "ps1" / "iris.ipynb")
    put(tmp_path / "submitted" / "bob" / "ps1" / "iris.ipynb")
    put(tmp_path / "source" / "ps1" / "iris.ipynb")
    put(tmp_path / "feedback" / "ann" / "iris.ipynb")
    expected = [("ann", "ann/ps1/iris.ipynb"), ("bob", "bob/ps1/iris.ipynb")]
    assert found(tmp_path) == expected == found(tmp_path / "submitted")


# --------------------------------------------------------------------------- what is left out


def test_what_nobody_handed_in(tmp_path):
    put(tmp_path / "ann" / "iris.ipynb")
    put(tmp_path / "ann" / ".ipynb_checkpoints" / "iris-checkpoint.ipynb")
    put(tmp_path / "ann" / "__MACOSX" / "._iris.ipynb")
    put(tmp_path / ".hidden.ipynb")
    put(tmp_path / ".cache" / "iris.ipynb")
    (tmp_path / "ann" / "folder.ipynb").mkdir()
    pack(
        tmp_path / "bob.zip",
        "iris.ipynb",
        "__MACOSX/._iris.ipynb",
        ".ipynb_checkpoints/iris-checkpoint.ipynb",
        "a/.b/iris.ipynb",
        "folder.ipynb/",
    )
    assert found(tmp_path) == [("ann", "ann/iris.ipynb"), ("bob", "bob.zip/iris.ipynb")]


def test_an_empty_folder(tmp_path):
    assert collect(tmp_path) == []
    (tmp_path / "ann").mkdir()
    put(tmp_path / "notes.txt")
    assert collect(tmp_path) == []


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder or archive .*nowhere"):
        collect(tmp_path / "nowhere")


def test_a_file_that_is_no_archive(tmp_path):
    place = put(tmp_path / "ann.ipynb", b"{}")
    assert "bad archive" in problems(place)["ann.ipynb"]


# ------------------------------------------------------------------------------ odd files


def test_links_are_not_followed(tmp_path):
    secret = put(tmp_path / "elsewhere" / "secret.ipynb")
    pack(tmp_path / "elsewhere" / "secret.zip", "secret.ipynb")
    place = tmp_path / "in"
    put(place / "ann.ipynb")
    (place / "bob.ipynb").symlink_to(secret)
    (place / "cyd.zip").symlink_to(tmp_path / "elsewhere" / "secret.zip")
    (place / "dan.ipynb").symlink_to(tmp_path / "nowhere")
    (place / "eve").symlink_to(tmp_path / "elsewhere")
    said = problems(place)
    assert said.pop("ann.ipynb") == ""
    assert {"bob.ipynb", "cyd.zip", "dan.ipynb"} <= set(said)
    assert all("symbolic link" in problem for problem in said.values())


@pytest.mark.parametrize("inside", ["", "submitted"])
def test_the_folder_itself_may_be_a_link(tmp_path, inside):
    put(tmp_path / "class" / "ann.ipynb")
    (tmp_path / "link").mkdir()
    link = tmp_path / "link" / (inside or "to the class")
    link.symlink_to(tmp_path / "class")
    assert found(link.parent if inside else link) == [("ann", "ann.ipynb")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "ann.ipynb")
    assert problems(tmp_path) == {"ann.ipynb": "not an ordinary file"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_that_may_not_be_read(tmp_path):
    put(tmp_path / "ann.ipynb").chmod(0)
    put(tmp_path / "bob.ipynb")
    said = problems(tmp_path)
    assert "cannot be read" in said["ann.ipynb"] and not said["bob.ipynb"]


def test_a_large_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(_collect, "LARGEST_NOTEBOOK", 1_000_000)
    put(tmp_path / "ann.ipynb", b" " * 1_000_000)
    put(tmp_path / "bob.ipynb", b" " * 3_000_000)
    said = problems(tmp_path)
    assert not said["ann.ipynb"]
    assert "3 MB; at most 1 MB are read. Clear the outputs" in said["bob.ipynb"]


# ------------------------------------------------------------------------------- odd archives


def test_what_is_no_archive(tmp_path):
    put(tmp_path / "ann.zip", b"no archive")
    put(tmp_path / "bob.zip", b"")
    whole = pack(tmp_path / "whole.zip", "iris.ipynb").read_bytes()
    put(tmp_path / "cyd.zip", whole[:-30])
    said = problems(tmp_path)
    assert said.pop("whole.zip/iris.ipynb") == ""
    assert len(said) == 3 and all("bad archive" in problem for problem in said.values())
    assert {one.student for one in collect(tmp_path)} == {"ann", "bob", "cyd", "whole"}


def test_an_archive_without_a_notebook(tmp_path):
    pack(tmp_path / "ann.zip", "iris.py", "__MACOSX/iris.ipynb")
    pack(tmp_path / "bob.zip")
    said = problems(tmp_path)
    assert set(said) == {"ann.zip", "bob.zip"}
    assert all("without a notebook" in problem for problem in said.values())


def of_three(path: Path, **options) -> bytes:
    pack(path, *(f"{name}/iris.ipynb" for name in ("ann", "bob", "cyd")), **options)
    return path.read_bytes()


def member(content: bytes, name: bytes, which: int = 0) -> int:
    """Where a member's bytes begin."""
    at = content.index(name)
    assert content[at - 30 : at - 26] == b"PK\3\4"
    return at + len(name)


def damaged(path: Path, how: str) -> None:
    """An archive of three students, of which the second one's notebook is damaged."""
    methods = {"deflate": zipfile.ZIP_DEFLATED, "lzma": zipfile.ZIP_LZMA}
    content = bytearray(of_three(path, compression=methods.get(how, zipfile.ZIP_STORED)))
    at = member(bytes(content), b"bob/iris.ipynb")
    if how == "encrypted":
        for place in (at - 14 - 30 + 6, content.rindex(b"bob/iris.ipynb") - 46 + 8):
            content[place] |= 1
    elif how == "lzma":
        content[at + 4 : at + 14] = b"\xff" * 10
    else:
        content[at : at + 8] = b"\xff" * 8
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["checksum", "deflate", "lzma", "encrypted"])
def test_a_damaged_notebook_costs_the_others_nothing(tmp_path, how):
    damaged(tmp_path / "class.zip", how)
    said = {one.student: one.problem for one in collect(tmp_path / "class.zip")}
    assert said.pop("ann") == said.pop("cyd") == ""
    assert set(said) == {"bob"} and said["bob"]


def test_an_archive_that_claims_to_be_small(tmp_path, monkeypatch):
    """What an archive says of its sizes is not believed, and the whole is never in memory."""
    size = 30 << 20
    path = pack(
        tmp_path / "ann.zip", "iris.ipynb", content=bytes(size), compression=zipfile.ZIP_DEFLATED
    )
    assert path.stat().st_size < 100_000
    content = path.read_bytes()
    assert content.count(struct.pack("<I", size)) == 2
    path.write_bytes(content.replace(struct.pack("<I", size), struct.pack("<I", 100)))
    most = []
    read = zipfile.ZipExtFile.read

    def counted(self, *arguments):
        most.append(len(result := read(self, *arguments)))
        return result

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    (one,) = collect(tmp_path)
    assert one.student == "ann" and one.problem and not one.content
    assert sum(most) <= _collect.LARGEST_NOTEBOOK + 1


def test_an_archive_that_says_how_large_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(_collect, "LARGEST_NOTEBOOK", 1_000_000)
    pack(tmp_path / "ann.zip", "a.ipynb", "b.ipynb", content=bytes(2_000_000))
    said = problems(tmp_path)
    assert len(said) == 2 and all("at most 1 MB" in problem for problem in said.values())


def test_an_archive_of_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(_collect, "MOST_FILES", 3)
    pack(tmp_path / "ann.zip", *(f"{n}.txt" for n in range(4)), "iris.ipynb")
    pack(tmp_path / "bob.zip", "1.txt", "iris.ipynb")
    assert problems(tmp_path) == {"ann.zip": "too many files in it", "bob.zip/iris.ipynb": ""}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_two_files_of_one_name(tmp_path):
    pack(tmp_path / "ann.zip", "iris.ipynb", "iris.ipynb")
    paths = [one.path for one in collect(tmp_path)]
    assert paths and len(paths) == len(set(paths))
    assert paths[0] == "ann.zip/iris.ipynb"


def test_nothing_of_an_archive_is_written(tmp_path):
    pack(tmp_path / "in" / "ann.zip", "../../../escape.ipynb", "/root.ipynb", "a/../../b.ipynb")
    before = sorted(tmp_path.rglob("*"))
    assert len(collect(tmp_path / "in")) == 3
    assert sorted(tmp_path.rglob("*")) == before


# ------------------------------------------------------------------------- names of their files


def test_keys_are_plain_and_their_own(tmp_path):
    names = ["ann", "Ann", "a/nn", "ännä 学生", "=cmd|'calc'", "x" * 200, "a b", "a-b", "学"]
    for name in names:
        put(tmp_path / f"{name}.ipynb")
    put(tmp_path / "ann" / "ann.ipynb")
    every = collect(tmp_path)
    keys = [one.key for one in every]
    assert len(every) == len({key.casefold() for key in keys}) == len(names) + 1
    for key in keys:
        assert key.replace("-", "").isalnum() and key.isascii() and len(key) < 80
    assert keys == [one.key for one in collect(tmp_path)]
