"""Submissions are found however they were handed in, and nothing odd among them does harm."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import random
import socket
import struct
import sys
import tarfile
import time
import tracemalloc
import unicodedata
import zipfile
from pathlib import Path

import pytest

from coursegrader import collect as _collect
from coursegrader.collect import Submitted, collect, student

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


def packed(files: dict[str, bytes], ending: str = ".zip") -> bytes:
    """An archive of any kind."""
    file = io.BytesIO()
    if ending == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=file, mode=TARS[ending]) as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name.rstrip("/"))
                member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


TARS = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}
KINDS = [".zip", *TARS]


def said(place: Path) -> dict[str, str]:
    """What was said to each student who has one row."""
    every = collect(place)
    assert len({one.student for one in every}) == len(every)
    return {one.student: one.problem for one in every}


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
    put(tmp_path / "notes.txt")
    assert collect(tmp_path) == []
    (tmp_path / "ann").mkdir()
    assert "nothing in it: no notebook (.ipynb)" in problems(tmp_path)["ann"]


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder or archive .*nowhere"):
        collect(tmp_path / "nowhere")


def test_a_file_that_is_no_archive(tmp_path):
    place = put(tmp_path / "class.zip", b"{}")
    assert "bad archive" in problems(place)["class.zip"]
    place = put(tmp_path / "hw.py", b"{}")
    assert "hw.py: no notebook (.ipynb)" in problems(place)["hw.py"]


def test_a_single_notebook(tmp_path):
    put(tmp_path / "bob.ipynb")
    assert found(put(tmp_path / "ann.ipynb")) == [("ann", "ann.ipynb")]
    (tmp_path / "link.ipynb").symlink_to("ann.ipynb")
    assert found(tmp_path / "link.ipynb") == [("link", "link.ipynb")]


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
    monkeypatch.setattr(_collect, "MAX_NOTEBOOK_BYTES", 1_000_000)
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
    assert sum(most) <= _collect.MAX_NOTEBOOK_BYTES + 1


def test_an_archive_that_says_how_large_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(_collect, "MAX_NOTEBOOK_BYTES", 1_000_000)
    pack(tmp_path / "ann.zip", "a.ipynb", "b.ipynb", content=bytes(2_000_000))
    said = problems(tmp_path)
    assert len(said) == 2 and all("at most 1 MB" in problem for problem in said.values())


def test_an_archive_of_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(_collect, "MAX_FILES", 3)
    pack(tmp_path / "ann.zip", *(f"{n}.txt" for n in range(4)), "iris.ipynb")
    pack(tmp_path / "bob.zip", "1.txt", "iris.ipynb")
    said = problems(tmp_path)
    assert "too many files in it: more than 3" in said.pop("ann.zip")
    assert said == {"bob.zip/iris.ipynb": ""}


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


# --------------------------------------------------------------------------- everyone has a row

MISTAKES = {
    "hw.py": "hw.py: no notebook (.ipynb)",
    "hw.pdf": "hw.pdf: no notebook (.ipynb)",
    "hw.docx": "hw.docx: no notebook (.ipynb)",
    "hw.ipynb.txt": "hw.ipynb.txt: no notebook (.ipynb)",
    "hw": "hw: no notebook (.ipynb)",
    "hw.rar": "packed in a way that is not read",
    "hw.7z": "packed in a way that is not read",
    "hw.ipynb.gz": "packed in a way that is not read",
    "hw.zip": "bad archive",
    "hw.tar": "bad archive",
    "hw.tgz": "bad archive",
    "hw.txz": "bad archive",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_who_handed_in_no_notebook(tmp_path, name):
    """In a folder, and in the archive of a class, of each kind, as platforms make it or not."""
    for number, layout in enumerate(
        ("Jo_{}_assignsubmission_file_/{}", "Jo_{}_assignsubmission_file_{}", "jo{}/{}")
    ):
        one, two = layout.format(12, name), layout.format(34, "hw.ipynb")
        put(tmp_path / str(number) / one, b"x")
        put(tmp_path / str(number) / two)
        places = [tmp_path / str(number)]
        for ending in KINDS:
            content = packed({one: b"x", two: CONTENT}, ending)
            places.append(put(tmp_path / f"class{ending}", content))
        for place in places:
            bad, good = sorted(collect(place), key=lambda one: not one.problem)
            assert MISTAKES[name] in bad.problem and bad.path == one
            assert not good.problem and good.content == CONTENT and good.path == two
            assert (bad.content, bad.digest) == (b"", "")


def test_one_row_for_all_that_is_no_notebook(tmp_path):
    for name in ("hw.py", "data.csv", "a/picture.png", "b/more.txt"):
        put(tmp_path / "ann" / name)
    put(tmp_path / "bob" / ".hidden" / "hw.ipynb")
    put(tmp_path / "cyd" / "hw.py")
    put(tmp_path / "cyd" / "hw.zip", packed({"hw.ipynb": CONTENT})[:-30])
    put(tmp_path / "dan" / "hw.zip", packed({"hw.py": b"", "a/hw.tar": b""}))
    (tmp_path / "eve" / "a" / "b").mkdir(parents=True)
    (tmp_path / "fay.ipynb").mkdir()
    every = {one.student: one for one in collect(tmp_path)}
    assert len(every) == 6 and not any(one.content or one.note for one in every.values())
    assert every["ann"].path == "ann"
    assert "data.csv, hw.py, picture.png and 1 more: no notebook" in every["ann"].problem
    assert every["bob"].path == "bob" and "nothing in it" in every["bob"].problem
    assert every["cyd"].path == "cyd/hw.zip" and "bad archive" in every["cyd"].problem
    assert "in it: hw.py, hw.tar. Archives within" in every["dan"].problem
    assert "nothing in it" in every["eve"].problem and "nothing in it" in every["fay"].problem


def test_what_accompanies_a_notebook(tmp_path):
    for name in ("hw.ipynb", "hw.py", "data.csv", "a/picture.png", "notes.pdf", "more.rar"):
        put(tmp_path / "ann" / name)
    put(tmp_path / "ann" / "data.zip", packed({"data.csv": b""}))
    put(tmp_path / "bob.ipynb")
    put(tmp_path / "bob.py")
    expected = [("ann", "ann/hw.ipynb"), ("bob", "bob.ipynb")]
    assert found(tmp_path) == expected
    content = {f"ann/{name}": CONTENT for name in ("hw.ipynb", "hw.py", "data.csv", "a/b.png")}
    for ending in KINDS:
        place = put(tmp_path / f"class{ending}", packed({**content, "bob.ipynb": CONTENT}, ending))
        assert found(place) == expected
        assert not any(one.note for one in collect(place))


def test_what_might_hold_a_notebook_is_noted(tmp_path):
    put(tmp_path / "ann" / "hw.ipynb")
    put(tmp_path / "ann" / "more.zip", b"no zip")
    (one,) = collect(tmp_path)
    assert "Beside it, more.zip was not read: bad archive" in one.note and not one.problem


def test_what_lies_about_in_a_folder(tmp_path):
    names = [".DS_Store", "README.md", "README.html", "grades.csv", "notes.txt", "__MACOSX/x"]
    for name in [*names, "desktop.ini", "__pycache__/x.pyc", "picture.png"]:
        put(tmp_path / name)
    assert collect(tmp_path) == []
    put(tmp_path / "Jane Doe_12_assignsubmission_file_notes.txt")
    put(tmp_path / "doejohn_LATE_12345_67890_notes.csv")
    put(tmp_path / "ann.html")
    assert set(said(tmp_path)) == {"Jane Doe", "doejohn", "ann"}


@pytest.mark.parametrize("inner", KINDS)
@pytest.mark.parametrize("outer", KINDS)
def test_archives_in_the_archive_of_a_class(tmp_path, outer, inner):
    own = packed({"a/hw.ipynb": CONTENT, "a/data.csv": b"", "b.ipynb": b"[]"}, inner)
    deep = packed({"hw.zip": packed({"hw.ipynb": CONTENT})}, inner)
    files = {
        f"Jane Doe_1_assignsubmission_file_/hw{inner}": own,
        f"John Roe_2_assignsubmission_file_hw{inner}": own,
        f"ann{inner}": own,
        f"deep/hw{inner}": deep,
        f"bad/hw{inner}": own[: min(300, len(own) // 2)],
        "empty/": b"",
    }
    every = collect(put(tmp_path / f"class{outer}", packed(files, outer)))
    good = [(one.student, one.content) for one in every if not one.problem]
    assert sorted(good) == sorted(
        (name, content) for name in ("Jane Doe", "John Roe", "ann") for content in (CONTENT, b"[]")
    )
    bad = {one.student: one.problem for one in every if one.problem}
    assert set(bad) == {"deep", "bad", "empty"}
    assert "Archives within an archive of a student are not opened" in bad["deep"]
    assert len({one.key for one in every}) == len(every)


# ------------------------------------------------------------------------------ who handed in


@pytest.mark.parametrize("ending", KINDS)
@pytest.mark.parametrize(
    "inner", [*MOODLE, *CANVAS, "../Jane Doe_1_assignsubmission_file_/x.ipynb"]
)
def test_nobody_hands_in_for_another(tmp_path, ending, inner):
    evil = packed({inner: b"evil"}, ending)
    layouts = {
        "folder": f"Evil Eve_2_assignsubmission_file_/hw{ending}",
        "file": f"Evil Eve_2_assignsubmission_file_hw{ending}",
        "canvas": f"Evil Eve_LATE_12345_67890_hw{ending}",
        "plain": f"Evil Eve/hw{ending}",
        "deep": f"Evil Eve/ps1/hw{ending}",
    }
    for layout, name in layouts.items():
        put(tmp_path / layout / name, evil)
        put(tmp_path / layout / "Jane Doe_1_assignsubmission_file_" / "hw.ipynb")
        every = {one.student: one for one in collect(tmp_path / layout)}
        assert set(every) == {"Evil Eve", "Jane Doe"}
        assert every["Jane Doe"].content == CONTENT and every["Evil Eve"].content == b"evil"
        assert not every["Jane Doe"].note
        place = put(tmp_path / f"{layout}{ending}", packed({name: evil, "ann.ipynb": b""}, ending))
        assert {one.student for one in collect(place)} == {"Evil Eve", "ann"}


def test_an_archive_that_may_be_a_class_replaces_nobody(tmp_path):
    inner = {
        "Jane Doe_1_assignsubmission_file_/hw.ipynb": b"evil",
        "JANE  DOE_9_assignsubmission_file_/hw.ipynb": b"evil",
        "John Roe_2_assignsubmission_file_/hw.ipynb": CONTENT,
    }
    put(tmp_path / "evil.zip", packed(inner))
    put(tmp_path / "Jane Doe_1_assignsubmission_file_" / "hw.ipynb")
    every = collect(tmp_path)
    assert len(every) == len({one.key for one in every}) == 4
    notes = {one.path: one.note for one in every}
    assert notes.pop("evil.zip/John Roe_2_assignsubmission_file_/hw.ipynb") == ""
    assert all("find out whether" in note for note in notes.values())
    own = notes["Jane Doe_1_assignsubmission_file_/hw.ipynb"]
    assert "Something else was handed in as Jane Doe (evil.zip/" in own


def test_namesakes_are_two_students(tmp_path):
    put(tmp_path / "Jo Li_1_assignsubmission_file_" / "hw.ipynb")
    put(tmp_path / "Jo Li_2_assignsubmission_file_" / "hw.py")
    put(tmp_path / "Jo Li_1_assignsubmission_onlinetext_" / "onlinetext.html")
    good, bad = collect(tmp_path)
    assert (good.student, bad.student, good.problem) == ("Jo Li", "Jo Li", "") and bad.problem
    assert good.note and bad.note


# ------------------------------------------------------------------------------------ archives


@pytest.mark.parametrize("ending", KINDS)
def test_any_kind_of_archive(tmp_path, ending):
    files = {"hw.ipynb": CONTENT, "a/": b"", "a/hw.ipynb": CONTENT, "a/data.csv": b"1"}
    put(tmp_path / "in" / f"ann{ending}", packed(files, ending))
    put(tmp_path / "in" / "bob" / f"hw{ending.upper()}", packed(files, ending))
    assert found(tmp_path / "in") == [
        ("ann", f"ann{ending}/a/hw.ipynb"),
        ("ann", f"ann{ending}/hw.ipynb"),
        ("bob", f"bob/hw{ending.upper()}/a/hw.ipynb"),
        ("bob", f"bob/hw{ending.upper()}/hw.ipynb"),
    ]
    place = put(tmp_path / f"class{ending}", packed({f"submitted/{n}": CONTENT for n in files}))
    if ending == ".zip":
        assert found(place) == [("a", "a/hw.ipynb"), ("hw", "hw.ipynb")]


def test_a_tar_that_is_not_packed_as_its_name_says(tmp_path):
    put(tmp_path / "ann.tar.gz", packed({"hw.ipynb": CONTENT}, ".tar"))
    put(tmp_path / "bob.tar", packed({"hw.ipynb": CONTENT}, ".tar.xz"))
    assert [name for name, _ in found(tmp_path)] == ["ann", "bob"]


@pytest.mark.parametrize("ending", TARS)
def test_links_and_devices_in_a_tar(tmp_path, ending):
    put(tmp_path / "secret.ipynb")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=TARS[ending]) as archive:
        for name, kind in (
            ("link", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("pipe", tarfile.FIFOTYPE),
            ("null", tarfile.CHRTYPE),
        ):
            member = tarfile.TarInfo(f"{name}/hw.ipynb")
            member.type, member.linkname = kind, str(tmp_path / "secret.ipynb")
            archive.addfile(member)
        for name in ("/absolute.ipynb", "../../above.ipynb"):
            member = tarfile.TarInfo(name)
            member.size = len(CONTENT)
            archive.addfile(member, io.BytesIO(CONTENT))
    place = put(tmp_path / f"class{ending}", file.getvalue())
    before = sorted(tmp_path.rglob("*"))
    every = {one.student: one for one in collect(place)}
    assert {"link", "hard", "pipe", "null", "absolute", "above"} == set(every)
    for name in ("link", "hard"):
        assert "a link, which is not followed" in every[name].problem
    for name in ("pipe", "null"):
        assert every[name].problem == "not an ordinary file"
    assert every["above"].content == every["absolute"].content == CONTENT
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "ann.zip", "w") as archive:
        member = zipfile.ZipInfo("hw.ipynb")
        member.create_system, member.external_attr = 3, 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    assert "symbolic link" in problems(tmp_path)["ann.zip/hw.ipynb"]


@pytest.mark.parametrize("ending", [".tar.gz", ".tar.bz2", ".tar.xz", ".tar"])
def test_a_tar_that_was_cut(tmp_path, ending):
    """Who is before the cut is graded, and the grader hears of the cut."""
    noise = random.Random(0).randbytes(300_000)
    content = packed({"ann/hw.ipynb": CONTENT, "bob/hw.ipynb": noise, "cyd/hw.ipynb": b""}, ending)
    every = {
        one.student: one for one in collect(put(tmp_path / f"class{ending}", content[:150_000]))
    }
    assert every["class"].problem and "cyd" not in every
    if ending != ".tar.bz2":  # it is packed in blocks of 900 kB
        assert every["ann"].content == CONTENT and every["bob"].problem


# -------------------------------------------------------------------------------------- names


def clean(text: str) -> bool:
    text.encode("utf-8")
    return not any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in text)


ODD = {
    "not UTF-8": os.fsdecode(b"M\xfcller"),
    "lines": "a\nb\r\tc",
    "escapes": "a\x1b[31mb",
    "right to left": "a\u202ebpyni",
    "separators": "a\u2028b\u2029c\x85d",
    "long": "x" * 10_000,
}


@pytest.mark.parametrize(
    ("what", "ending"),
    # A zip says of its names that they are UTF-8, or of an old code page that has all bytes.
    [(what, ending) for what in ODD for ending in KINDS if (what, ending) != ("not UTF-8", ".zip")],
)
def test_odd_names_in_an_archive(tmp_path, what, ending):
    name = ODD[what]
    if ending == ".zip":
        name = name.replace("\0", "")
    content = packed({f"{name}/{name}.ipynb": CONTENT, f"{name}.py": b"", "ok.ipynb": b""}, ending)
    for place in (
        put(tmp_path / f"class{ending}", content),
        put(tmp_path / "in" / f"ann{ending}", content).parent,
    ):
        every = collect(place)
        assert any(one.content == CONTENT for one in every)
        for one in every:
            for text in (one.student, one.path, one.problem, one.note, one.key):
                assert clean(text) and "\u202e" not in text
            assert len(one.student) <= 200 and len(one.path) <= 400 and len(one.key) < 80
            assert "long" not in what or one.stem.endswith(("ok", "x")) or one.problem


@pytest.mark.parametrize("what", [what for what in ODD if what != "long"])
def test_odd_names_in_a_folder(tmp_path, what):
    try:
        put(tmp_path / f"{ODD[what]}.ipynb")
        put(tmp_path / f"{ODD[what]} 2" / f"{ODD[what]}.py")
        put(tmp_path / f"{ODD[what]} 3" / f"{ODD[what]}.tgz")
    except (OSError, UnicodeError):
        pytest.skip("no such names here")
    every = collect(tmp_path)
    assert len({one.key for one in every}) == len(every) == 3
    assert sum(one.content == CONTENT for one in every) == 1
    for one in every:
        for text in (one.student, one.path, one.problem, one.key):
            assert clean(text) and "\u202e" not in text
        assert one.student.startswith(("a\ufffd", "M\ufffdller"))


def test_names_that_look_alike_stay_apart(tmp_path):
    try:
        for letter in (b"\xfc", b"\xf6"):
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/M" + letter + b"ller.ipynb")).write_bytes(
                letter
            )
    except (OSError, UnicodeError):
        pytest.skip("no such names here")
    put(tmp_path / "M\ufffdller.ipynb (2)" / "hw.py")
    put(tmp_path / "M\ufffdller.ipynb")
    every = collect(tmp_path)
    assert len({one.path for one in every}) == len({one.key for one in every}) == 4
    assert {one.content for one in every} == {b"\xfc", b"\xf6", CONTENT, b""}
    assert [one.key for one in every] == [one.key for one in collect(tmp_path)]


def test_joiners_belong_to_names(tmp_path):
    put(tmp_path / "علی\u200cرضا.ipynb")
    assert collect(tmp_path)[0].student == "علی\u200cرضا"


# ------------------------------------------------------------------------------ read when needed


@pytest.mark.parametrize("ending", ["", *KINDS])
def test_contents_are_read_when_needed(tmp_path, ending, monkeypatch):
    inner = packed({"hw.ipynb": b"[1]", "x.py": b"", "more.ipynb": b"[2]"}, ending or ".zip")
    files = {"ann/data.csv": b"", "ann/hw.ipynb": b"[0]", f"bob/hw{ending or '.zip'}": inner}
    for name, content in files.items():
        put(tmp_path / "class" / name, content)
    place = tmp_path / "class"
    if ending:
        place = put(tmp_path / f"class{ending}", packed(files, ending))
    monkeypatch.chdir(tmp_path)
    every = collect(place.name)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert [one.content for one in every] == [b"[0]", b"[1]", b"[2]"]
    for one in every:
        assert one.digest == hashlib.sha256(one.content).hexdigest()
        assert one.held is None and pickle.loads(pickle.dumps(one)) == one
    carried = [pickle.loads(pickle.dumps(one.loaded())) for one in every]
    (place if ending else place / "ann" / "hw.ipynb").unlink()
    with pytest.raises(OSError, match="was found, but cannot be read now"):
        _ = every[0].content
    for one, other in zip(carried, every, strict=True):
        assert hashlib.sha256(one.content).hexdigest() == one.digest == other.digest
        assert (one.key, one.path) == (other.key, other.path)


@pytest.mark.parametrize("ending", ["", *KINDS])
@pytest.mark.parametrize("now", [b"", b"[]", b"x" * 50_000])
def test_a_file_that_changes(tmp_path, ending, now):
    content = packed({"hw.ipynb": CONTENT}, ending) if ending else CONTENT
    place = put(tmp_path / f"ann{ending or '.ipynb'}", content)
    (one,) = collect(place.parent)
    place.write_bytes(packed({"hw.ipynb": now, "a": b""}, ending) if ending else now)
    with pytest.raises(ValueError, match="was changed after it was found"):
        _ = one.content
    place.write_bytes(now)
    with pytest.raises((ValueError, OSError), match=r"ann.*run it again"):
        one.loaded()
    place.unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(place)
        with pytest.raises(ValueError, match="not an ordinary file"):
            _ = one.content


def test_what_has_a_problem_has_no_content():
    one = Submitted("ann", "ann/hw.py", "no notebook")
    assert one.content == b"" and one.loaded().content == b"" and one.digest == ""


def test_contents_are_not_all_held(tmp_path):
    content = random.Random(0).randbytes(1 << 20)
    for ending in (".zip", ".tar", ".tar.gz"):
        for number in range(15):
            put(tmp_path / f"s{number}.ipynb", content)
        put(tmp_path / f"a{ending}", packed({f"{n}.ipynb": content for n in range(15)}, ending))
    tracemalloc.start()
    every = collect(tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(every) == 60 and most < 10 << 20


# ------------------------------------------------------------------------------------- bombs


def zeros(file, size: int) -> None:
    for _ in range(size >> 20):
        file.write(bytes(1 << 20))


def bomb(
    size: int, name: str = "hw.ipynb", kind: int = zipfile.ZIP_DEFLATED, said: int = 0
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive, archive.open(name, "w") as member:
        zeros(member, size)
    content = file.getvalue()
    return content.replace(struct.pack("<I", size), struct.pack("<I", said)) if said else content


def most_memory() -> int:
    """In kB, which only Linux counts so."""
    if sys.platform != "linux":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def cheaply(place: Path) -> list[Submitted]:
    """Collect in little time and memory; this process may have used much before."""
    before, start = most_memory(), time.monotonic()
    every = collect(place)
    assert most_memory() - before < 250_000
    assert time.monotonic() - start < 20
    return every


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.no_cover
def test_zip_bombs(tmp_path, kind):
    """Bzip2 makes 46 MB of forty bytes."""
    put(tmp_path / "plain.zip", bomb(128 << 20, kind=kind))
    put(tmp_path / "liar.zip", bomb(128 << 20, kind=kind, said=10 << 20))
    put(tmp_path / "ok.zip", bomb(2 << 20, kind=kind))
    said = {one.student: one.problem for one in cheaply(tmp_path)}
    assert "at most 21 MB" in said["plain"] and said["liar"] and not said["ok"]


@pytest.mark.parametrize("said", [0, 10 << 20])
@pytest.mark.no_cover
def test_bombs_in_the_archive_of_a_class(tmp_path, said, monkeypatch):
    monkeypatch.setattr(_collect, "MAX_STUDENT_BYTES", 30_000_000)
    large = bomb(128 << 20, said=said)
    inner = bomb(128 << 20, "a.zip")
    nested = packed({"hw.zip": packed({"hw.ipynb": CONTENT})})
    files = {
        "notebook/hw.zip": large,
        "quine/hw.zip": nested,
        "inner/hw.zip": inner,
        "ok/hw.ipynb": CONTENT,
        **{f"many/{number}.zip": bomb(20 << 20) for number in range(30)},
    }
    with zipfile.ZipFile(tmp_path / "class.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        with archive.open("archive/hw.zip", "w") as member:
            zeros(member, 128 << 20)
    every = cheaply(tmp_path / "class.zip")
    by_name = {one.student: one for one in every}
    assert set(by_name) == {"notebook", "archive", "quine", "inner", "ok", "many"}
    assert by_name["ok"].content == CONTENT
    assert "too much to unpack: more than 30 MB" in by_name["archive"].problem
    assert all(by_name[name].problem for name in ("notebook", "quine", "inner"))
    assert sum(not one.problem for one in every if one.student == "many") == 1


@pytest.mark.no_cover
def test_a_class_of_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(_collect, "MAX_CLASS_BYTES", 50_000_000)
    files = {f"Jo_{n}_assignsubmission_file_/hw.ipynb": bytes(10 << 20) for n in range(20)}
    put(tmp_path / "in" / "evil.zip", packed(files))
    put(tmp_path / "in" / "ok.ipynb")
    put(tmp_path / "in" / "good.zip", packed({"hw.ipynb": CONTENT}))
    every = cheaply(tmp_path / "in")
    assert sum(not one.problem for one in every) == 4 + 2
    assert "more than 50 MB" in next(one.problem for one in every if one.problem)


@pytest.mark.parametrize("ending", [".tar.gz", ".tar.bz2", ".tar.xz"])
@pytest.mark.no_cover
def test_tar_bombs(tmp_path, ending, monkeypatch):
    monkeypatch.setattr(_collect, "MAX_STUDENT_BYTES", 30_000_000)
    files = {"first.ipynb": CONTENT, "large.ipynb": bytes(64 << 20), "last.ipynb": CONTENT}
    put(tmp_path / f"ann{ending}", packed(files, ending))
    put(tmp_path / "bob" / f"hw{ending}", packed({"data.bin": bytes(64 << 20)}, ending))
    every = {one.path: one for one in cheaply(tmp_path)}
    first = every[f"ann{ending}/first.ipynb"]
    assert first.content == CONTENT and "more than 30 MB" in first.note
    assert "at most 21 MB" in every[f"ann{ending}/large.ipynb"].problem
    assert "too much to unpack: more than 30 MB" in every[f"bob/hw{ending}"].problem


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_name_of_a_gigabyte(tmp_path, kind):
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, 1 << 30
    put(tmp_path / "ann.tar", member.tobuf(tarfile.USTAR_FORMAT) + bytes(64 << 20))
    tracemalloc.start()
    (one,) = collect(tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than a million characters" in one.problem and most < 8 << 20


def test_a_directory_of_many_files(tmp_path):
    """It is not even read."""
    pack(tmp_path / "ann.zip", *(str(number) for number in range(120_000)))
    tracemalloc.start()
    (one,) = collect(tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "too many files in it: more than 20000" in one.problem and most < 16 << 20


@pytest.mark.parametrize("ending", KINDS)
def test_a_tar_of_many_files(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(_collect, "MAX_FILES", 30)
    put(tmp_path / f"ann{ending}", packed({f"{n}.txt": b"" for n in range(31)}, ending))
    put(tmp_path / f"bob{ending}", packed({f"{n}.txt": b"" for n in range(30)}, ending))
    said = problems(tmp_path)
    assert "too many files in it: more than 30" in said[f"ann{ending}"]
    assert "without a notebook" in said[f"bob{ending}"]


@pytest.mark.parametrize("ending", KINDS)
def test_many_notebooks_of_one_student(tmp_path, ending):
    names = [f"{number:02}.ipynb" for number in range(25)]
    put(tmp_path / f"ann{ending}", packed(dict.fromkeys(names, CONTENT), ending))
    every = collect(tmp_path)
    assert [one.path.split("/")[-1] for one in every if not one.problem] == names[:20]
    (bad,) = [one for one in every if one.problem]
    assert (bad.student, bad.path) == ("ann", f"ann{ending}")
    assert "25 notebooks in it; the first 20 are graded" in bad.problem


def test_many_archives_of_one_student(tmp_path):
    for number in range(25):
        put(tmp_path / "ann" / f"{number:02}.zip", packed({"hw.ipynb": CONTENT}))
    every = collect(tmp_path)
    assert len(every) == 20 and "more than 20 archives of this student" in every[0].note


def test_many_and_deep_folders(tmp_path, monkeypatch):
    put(tmp_path / "ann" / "hw.ipynb")
    put(tmp_path / "ann" / "/".join("d" * 50) / "hidden.ipynb")
    put(tmp_path / "bob" / "/".join("d" * 50) / "hidden.ipynb")
    monkeypatch.setattr(_collect, "MAX_FILES", 200)
    for number in range(201):
        put(tmp_path / "cyd" / f"{number}.ipynb")
    every = {one.student: one for one in collect(tmp_path)}
    assert set(every) == {"ann", "bob", "cyd"}
    assert "more than 32 deep" in every["ann"].note and every["ann"].content == CONTENT
    assert "more than 32 deep" in every["bob"].problem
    assert "too many files: more than 200" in every["cyd"].problem


# ------------------------------------------------------------------- nothing stops the others


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_odd_things_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    for name in ("a.ipynb", "b.zip", "c.tar.gz", "d.py"):
        os.mkfifo(name)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind("e.ipynb")
    put(tmp_path / "f.ipynb" / "hw.zip", packed({"hw.ipynb": CONTENT}))
    put(tmp_path / "g.ipynb")
    try:
        every = {one.student: one for one in collect(tmp_path)}
        assert "not an ordinary file" in collect(tmp_path / "a.ipynb")[0].problem
        assert "not an ordinary file" in collect(tmp_path / "b.zip")[0].problem
    finally:
        sock.close()
    assert set(every) == set("abcdefg")
    assert all(every[name].problem == "not an ordinary file" for name in "abcde")
    assert every["f"].content == every["g"].content == CONTENT


@pytest.mark.parametrize(
    "error", [RecursionError("deep"), UnicodeError(), MemoryError(), KeyError(1), PermissionError()]
)
def test_whatever_goes_wrong_with_one(tmp_path, monkeypatch, error):
    put(tmp_path / "ann.zip", packed({"hw.ipynb": CONTENT}))
    put(tmp_path / "bob.tgz", packed({"hw.ipynb": CONTENT}, ".tgz"))
    put(tmp_path / "cyd.ipynb")

    def broken(*_, **__):
        raise error

    monkeypatch.setattr(_collect.zipfile, "ZipFile", broken)
    every = said(tmp_path)
    assert every.pop("ann").startswith("bad archive: ")
    assert every == {"bob": "", "cyd": ""}


@pytest.mark.parametrize("ending", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_damaged_archives(tmp_path, ending, seed):
    """Whatever bytes are changed, there is a row for it, and the others are found."""
    chance = random.Random(seed)
    for number in range(20):
        content = bytearray(packed({"a/hw.ipynb": CONTENT, "b.ipynb": CONTENT}, ending))
        for _ in range(chance.choice((1, 3, 30))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        put(tmp_path / f"s{number}{ending}", bytes(content[: chance.choice((None, -5, -300))]))
    put(tmp_path / "ok.ipynb")
    every = collect(tmp_path)
    assert {f"s{number}" for number in range(20)} | {"ok"} == {one.student for one in every}
    for one in every:
        one.path.encode()
        if not one.problem:
            assert hashlib.sha256(one.content).hexdigest() == one.digest


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_folders_that_may_not_be_read(tmp_path):
    put(tmp_path / "in" / "ann" / "hw.ipynb").parent.chmod(0)
    put(tmp_path / "in" / "bob" / "hw.ipynb")
    put(tmp_path / "in" / "bob" / "more" / "hw.ipynb").parent.chmod(0)
    try:
        every = {one.student: one for one in collect(tmp_path / "in")}
        assert "cannot be read" in every["ann"].problem
        assert "more was not read" in every["bob"].note and not every["bob"].problem
        (tmp_path / "in").chmod(0)
        assert "cannot be read" in collect(tmp_path / "in")[0].problem
    finally:
        (tmp_path / "in").chmod(0o700)
        for name in ("ann", "bob/more"):
            (tmp_path / "in" / name).chmod(0o700)
