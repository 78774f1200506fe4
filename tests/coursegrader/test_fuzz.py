"""Damaged notebooks, archives, frames and names: everyone has a row, the honest all their points.

Starting a run takes longer than a notebook, so Hypothesis draws many submissions first, and one
run of ``coursekit grade``, in a process of its own, grades them together with honest ones. What
fails is not made smaller, but the message names the folder in which all of it lies.

In CI the same submissions come each time; COURSEKIT_THOROUGH=1 draws others for about an hour.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import shutil
import struct
import sys
import tarfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from tests.coursegrader.notebooks import RIGHT_SECOND, master_of_two, two_checks, write
from tests.coursegrader.test_grader_cases import LARGEST, SPEAKS, once

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux"),
    pytest.mark.no_cover,  # what they run, others run too; watched, they take longer
    pytest.mark.timeout(7200),
]

THOROUGH = os.environ.get("COURSEKIT_THOROUGH") == "1"
SECONDS = 720 if THOROUGH else 0  # for each kind of damage
HONEST = 3


def draw(strategy: st.SearchStrategy, count: int) -> list[Any]:
    """Draw examples: always the same in CI, others each time by hand."""
    drawn = []

    @settings(
        max_examples=count,
        derandomize=not THOROUGH,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def take(value):
        drawn.append(value)

    take()
    return drawn


# ------------------------------------------------------------------ notebooks, as JSON

# Written into JSON as it is: what json.dumps would not write, or only at great length.
RAW = st.sampled_from(
    [
        "NaN",
        "-Infinity",
        "1e999",
        "9" * 5000,
        "-" + "9" * 30,
        '"\\ud800"',
        '"\\u0000\\u202e"',
        "[" * 500 + "]" * 500,
        '{"a":' * 900 + "1" + "}" * 900,
        "[" * 20_000 + "]" * 20_000,
        '"' + "x" * 100_000 + '"',
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
PLACE = "\u2603 raw {} \u2603"  # stands in the JSON for a raw text


def nodes(value: Any, path: tuple = ()) -> list[tuple]:
    """All places in a JSON value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key in value:
            found += nodes(value[key], (*path, key))
    elif isinstance(value, list):
        for key in range(len(value)):
            found += nodes(value[key], (*path, key))
    return found


@st.composite
def damaged_json(draw) -> bytes:
    made = json.loads(nbformat.writes(two_checks()))
    raws = []
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(nodes(made)))
        holder = made
        for key in way:
            holder = holder[key]
        what = draw(st.sampled_from(["value", "raw", "delete", "double", "wrap", "rename"]))
        if what == "value":
            holder[last] = draw(VALUES)
        elif what == "raw":
            raws.append(draw(RAW))
            holder[last] = PLACE.format(len(raws) - 1)
        elif what == "delete":
            del holder[last]
        elif what == "double" and isinstance(holder, list):
            holder[last:last] = [holder[last]] * draw(st.sampled_from([1, 2, 300]))
        elif what == "wrap":
            holder[last] = draw(st.sampled_from([[holder[last]], {"a": holder[last]}]))
        elif isinstance(holder, dict):
            holder[draw(st.text(max_size=8))] = holder.pop(last)
        if not nodes(made):
            break
    text = json.dumps(made)
    for number, raw in enumerate(raws):
        text = text.replace(json.dumps(PLACE.format(number)), raw)
    if draw(st.booleans()):  # a key that is there twice
        key = draw(st.sampled_from(["cells", "metadata", "nbformat", "source", "cell_type"]))
        text = text.replace(f'"{key}":', f'"{key}": {json.dumps(draw(VALUES))}, "{key}":', 1)
    return text.encode("utf-8", "surrogatepass")


@st.composite
def damaged_bytes(draw, content: bytes) -> bytes:
    made = bytearray(content)
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, max(0, len(made) - 1)))
        what = draw(st.sampled_from(["flip", "cut", "insert", "copy", "end"]))
        if what == "flip" and made:
            made[place] ^= 1 << draw(st.integers(0, 7))
        elif what == "cut":
            del made[place : place + draw(st.integers(1, 400))]
        elif what == "insert":
            piece = st.binary(max_size=30) | st.sampled_from(
                [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80"]
            )
            made[place:place] = draw(piece)
        elif what == "copy":
            made[place:place] = made[place : place + 200]
        else:
            del made[place:]
    return bytes(made)


# -------------------------------------------------------------------------- archives

NAMES = st.sampled_from(
    [
        "hw.ipynb",
        "../../../escape.ipynb",
        "/tmp/escape.ipynb",
        "C:\\escape.ipynb",
        "Jane Doe_1_assignsubmission_file_/hw.ipynb",
        "honest-0.ipynb",
        "a/" * 300 + "deep.ipynb",
        "x" * 4000 + ".ipynb",
        "=cmd|'calc'.ipynb",
        "\x00null.ipynb",
        "\x1b[31m\n\u202e.ipynb",
        ".ipynb",
        "",
        "folder/",
        "readme.txt",
        "hw.zip",
    ]
) | st.text(max_size=30).map(lambda text: text + ".ipynb")


PACKED = {
    "tar.gz": lambda content: gzip.compress(content, mtime=0),
    "tgz": lambda content: gzip.compress(content, mtime=0),
    "tar.xz": lzma.compress,
    "tar.bz2": bz2.compress,
}


@st.composite
def archive(draw, depth: int = 0) -> tuple[str, bytes]:
    """The ending of an archive and its bytes."""
    ending = draw(st.sampled_from(["zip", "tar", "tar.gz", "tgz", "tar.xz", "tar.bz2"]))
    good = nbformat.writes(two_checks()).encode()
    members = []
    for _ in range(draw(st.integers(0, 4))):
        name = draw(NAMES)
        content = draw(st.sampled_from([good, b"", b"{}", bytes(3 << 20)]) | damaged_bytes(good))
        if depth == 0 and draw(st.integers(0, 3)) == 0:
            inner_ending, content = draw(archive(depth=1))
            name = f"inner.{inner_ending}"
        members.append((name, content))
    file = io.BytesIO()
    if ending == "zip":
        packing = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
        with zipfile.ZipFile(file, "w", packing) as made, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # two files of one name are wanted
            for name, content in members:
                made.writestr(zipfile.ZipInfo(name.encode("utf-8", "replace").decode()), content)
    else:
        with tarfile.open(fileobj=file, mode="w:") as made:
            for name, content in members:
                member = tarfile.TarInfo(name.replace("\x00", "0") or "none")
                member.size = len(content)
                member.type = draw(
                    st.sampled_from([tarfile.REGTYPE] * 5 + [tarfile.SYMTYPE, tarfile.LNKTYPE])
                )
                member.linkname = "/etc/passwd"
                if member.type != tarfile.REGTYPE:
                    member.size, content = 0, b""
                made.addfile(member, io.BytesIO(content))
    # The hour must not be in it: Hypothesis wants the same draws to give the same bytes.
    content = PACKED.get(ending, bytes)(file.getvalue())
    if draw(st.booleans()):
        content = draw(damaged_bytes(content))
    return ending, content


# ---------------------------------------------------------------------------- frames

FIELDS = {
    "event": st.sampled_from(["start", "end", "output", "answer", "verdict", "note", "ready"]),
    "step": st.integers(-1, 8),
    "nonce": st.sampled_from(["", "0" * 16, "\ud800"]),
    "status": st.sampled_from(["ok", "error", "interrupted"]),
    "name": st.sampled_from(["by_layer", "parameters", "stdout"]),
    "type": st.sampled_from(["stream", "error", "display_data", "execute_result"]),
    "mime": st.sampled_from(["image/png", "text/plain", "text/html"]),
    "failed": st.sampled_from(["", "AssertionError"]),
    "value": st.sampled_from([1e308, -1, 0.5]),
    "output": st.just({"type": "stream", "text": "x"}),
    "text": st.text(max_size=5),
    "missing": st.booleans(),
    "none": st.booleans(),
    "problem": st.text(max_size=5),
    "length": st.integers(),
    "note": st.sampled_from(["imports", "calls", "x"]),
    "layers": st.just({}),
    "passed": st.booleans(),
    "message": st.text(max_size=5),
}


@st.composite
def frame(draw, whole: bool = False) -> bytes:
    """One frame; a whole one is an object with bytes beside it, whatever its fields are."""
    if not whole and draw(st.integers(0, 3)) == 0:
        return draw(st.binary(max_size=64))
    kind = 5 if whole else draw(st.integers(0, 4))
    if kind == 0:
        content = json.dumps(draw(VALUES))
    elif kind == 1:
        content = draw(RAW)
    else:
        fields = {}
        for name in ["event", *draw(st.lists(st.sampled_from(list(FIELDS)), max_size=6))]:
            wrong = draw(st.integers(0, 2)) == 0
            fields[name] = draw(VALUES if wrong else FIELDS[name])
        content = json.dumps(fields)
    content = content.encode("utf-8", "surrogatepass")
    blob = draw(st.binary(max_size=40))
    if whole:
        return struct.pack("!II", len(content), len(blob)) + content + blob
    lie = draw(st.sampled_from([0, 0, 0, 1, -1, 1 << 20, (1 << 31) - 1]))
    sizes = max(0, len(content) + lie), draw(st.sampled_from([len(blob), len(blob), 0, 1 << 31]))
    return struct.pack("!II", *sizes) + content + blob


def speaking(frames: list[bytes]) -> bytes:
    """A notebook whose second solution sends these, by the file and by the object."""
    code = f"""{SPEAKS}
import gc, socket
frames = {frames!r}
for frame in frames:
    for fd in range(3, 60):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, frame)
        except OSError: pass
for one in gc.get_objects():
    if type(one) is socket.socket:
        try: one.sendall(frames[-1])
        except Exception: pass
"""
    return nbformat.writes(two_checks(second=code + RIGHT_SECOND)).encode()


# ----------------------------------------------------------------------------- names

PIECES = st.one_of(
    st.binary(min_size=1, max_size=12),
    st.sampled_from(
        [b"\xff\xfe", b"=1+1", b"@SUM(A1)", b"+", b"-", b"\n", b"\r", b"\t=", b"\x1b[2J", b"..",
         b"%s%n", b"<b>", b'"', b"'", b",", b";", b"\xe2\x80\xae", b"\xef\xbb\xbf=", b" ", b"~",
         b"_123_assignsubmission_file_", b"_LATE_123_456_x", b"x" * 200, "学生".encode()]
    ),
)  # fmt: skip
FILE_NAMES = (
    st.lists(PIECES, min_size=1, max_size=4)
    .map(b"".join)
    .map(lambda name: name.replace(b"/", b"|").replace(b"\0", b"0")[:240] + b".ipynb")
    # What starts with a dot is hidden, and no submission.
    .map(lambda name: b"n" + name if name.startswith(b".") else name)
)


# -------------------------------------------------------------------- one run for many


def put(folder: Path, files: dict[bytes, bytes]) -> None:
    for name, content in files.items():
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(content)


def numbered(kind: str, contents: list[bytes]) -> dict[bytes, bytes]:
    return {
        f"{kind}-{number:03d}.ipynb".encode(): content for number, content in enumerate(contents)
    }


def of_json(count: int) -> dict[bytes, bytes]:
    return numbered("json", draw(damaged_json(), count))


def of_bytes(count: int) -> dict[bytes, bytes]:
    content = nbformat.writes(two_checks()).encode()
    return numbered("bytes", draw(damaged_bytes(content), count))


def of_archives(count: int) -> dict[bytes, bytes]:
    return {
        f"archive-{number:03d}.{ending}".encode(): content
        for number, (ending, content) in enumerate(draw(archive(), count))
    }


def of_frames(count: int) -> dict[bytes, bytes]:
    # What is broken ends the conversation, so half of them speak in whole frames only.
    several = [st.lists(frame(whole), min_size=1, max_size=5) for whole in (True, False)]
    drawn = draw(several[0], count - count // 2) + draw(several[1], count // 2)
    return numbered("frames", [speaking(frames) for frames in drawn])


def of_names(count: int) -> dict[bytes, bytes]:
    content = nbformat.writes(two_checks()).encode()
    return dict.fromkeys(draw(FILE_NAMES, count), content)


KINDS: dict[str, tuple[Callable[[int], dict[bytes, bytes]], int]] = {
    "json": (of_json, 25),
    "bytes": (of_bytes, 20),
    "archive": (of_archives, 15),
    "frames": (of_frames, 16),
    "names": (of_names, 10),
}


def judge(place: Path, files: dict[bytes, bytes]) -> list[dict[str, str]]:
    """Grade them with honest ones in one run, and hold what comes of it to the promises."""
    write(master_of_two(), place / "master" / "two.ipynb")
    folder = place / "in"
    folder.mkdir()
    put(folder, files)
    for number in range(HONEST):
        write(two_checks(), folder / f"honest-{number}.ipynb")
    status, said, peak = once(
        place,
        folder,
        "--out",
        place / "out",
        "--master",
        place / "master" / "two.ipynb",
        "--jobs",
        2,
        "--cell-seconds",
        8,
        "--notebook-seconds",
        20,
        seconds=900,
    )
    assert status == 0 and "Traceback" not in said, f"{place}: status {status}\n{said[-3000:]}"
    assert 0 < peak < LARGEST, f"{place}: the grader held {peak / 1e6:.0f} MB"
    text = (place / "out" / "grades.csv").read_bytes().decode()
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    json.loads((place / "out" / "results.json").read_bytes().decode())
    for number in range(HONEST):
        (line,) = [line for line in lines if line["file"] == f"honest-{number}.ipynb"]
        assert (line["points"], line["status"]) == ("2.0", "graded"), f"{place}: {line}"
        # Hypothesis draws names from this file, too.
        remark = line["remarks"]
        assert not remark or remark.startswith("Something else was handed in as"), place
    assert len(list((place / "out" / "feedback").glob("*.html"))) == len(lines), place
    assert not list(place.parent.rglob("escape.ipynb")), place
    assert not Path("/tmp/escape.ipynb").exists(), place
    for line in lines:
        assert 0 <= float(line["points"]) <= 2, f"{place}: {line}"
    return lines


def check_rows(kind: str, files: dict[bytes, bytes], lines: list[dict[str, str]], place: Path):
    """Everyone has a row."""
    paths = [line["file"] for line in lines]
    if kind == "names":
        others = [line for line in lines if not line["file"].startswith(tuple(
            [*(f"{other}-" for other in KINDS), "honest-"]))]  # fmt: skip
        assert len(others) == len(files), f"{place}: {sorted(paths)}"
        for line in others:
            assert (line["points"], line["status"]) == ("2.0", "graded"), f"{place}: {line}"
        return
    for name in files:
        assert any(path.startswith(name.decode()) for path in paths), f"{place}: no row for {name}"


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """All kinds in one run; where it fails, in one run each, to see which is to blame."""
    drawn = {kind: make(count) for kind, (make, count) in KINDS.items()}
    place = tmp_path_factory.mktemp("fuzz")
    everything = {name: content for files in drawn.values() for name, content in files.items()}
    try:
        lines = judge(place, everything)
    except AssertionError as error:
        failed = {}
        for kind, files in drawn.items():
            apart = tmp_path_factory.mktemp(kind)
            try:
                judge(apart, files)
            except AssertionError as why:
                failed[kind] = str(why)
        raise AssertionError(f"{error}\nalone: {failed}") from None
    return place, drawn, lines


@pytest.mark.skipif(THOROUGH, reason="COURSEKIT_THOROUGH=1 does this, and more")
@pytest.mark.parametrize("kind", KINDS)
def test_damage(graded, kind):
    place, drawn, lines = graded
    check_rows(kind, drawn[kind], lines, place)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_much_damage(tmp_path, kind):
    make, count = KINDS[kind]
    until, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        number += 1
        place = tmp_path / f"round-{number}"
        place.mkdir()
        files = make(4 * count)
        check_rows(kind, files, judge(place, files), place)
        shutil.rmtree(place)  # where it fails, it stays


def test_what_is_drawn_is_damaged():
    """Most damage is none that cannot be read at all, or that changes nothing."""
    good = json.loads(nbformat.writes(two_checks()))
    states = []
    for content in draw(damaged_json(), 50):
        try:
            states.append(json.loads(content) == good)
        except (ValueError, RecursionError):
            states.append(None)
    assert states.count(False) > 15
    assert len(set(draw(damaged_bytes(b"x" * 500), 50))) > 25
    assert len({content for _, content in draw(archive(), 25)}) > 10
    assert len({tuple(frames) for frames in draw(st.lists(frame(), min_size=1), 25)}) > 15
    assert len(set(draw(FILE_NAMES, 15))) > 8
