"""Downloads, tried against a mirror on this machine: what goes well, and all that does not."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import signal
import struct
import subprocess
import sys
import threading
import time
import zipfile

import numpy as np
import pytest

from coursekit import datasets
from coursekit.datasets import DataUnavailableError, _files, _gait
from tests.datasets.mirror import mirror  # noqa: F401  (a fixture)

REAL_CONNECT_SECONDS = _files.CONNECT_SECONDS  # before the fixture below shortens it

NAMES = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]


def idx(values: np.ndarray) -> bytes:
    header = b"\x00\x00\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return gzip.compress(header + values.tobytes(), mtime=0)


def small_mnist() -> dict[str, bytes]:
    """Twenty random "digits" in four files of the real form."""
    rng = np.random.default_rng(0)
    contents = {}
    for part, n in (("train", 15), ("t10k", 5)):
        # Large enough that half of a file is more than the network buffers at once.
        contents[f"{part}-images-idx3-ubyte.gz"] = idx(
            rng.integers(0, 256, (n, 280, 280), np.uint8)
        )
        contents[f"{part}-labels-idx1-ubyte.gz"] = idx(rng.integers(0, 10, n, np.uint8))
    return contents


def registry_of(contents: dict[str, bytes], urls) -> tuple[_files.DataFile, ...]:
    return tuple(
        _files.DataFile(
            "mnist",
            "full",
            f"mnist/{name}",
            len(contents[name]),
            hashlib.sha256(contents[name]).hexdigest(),
            tuple(urls(name)),
        )
        for name in NAMES
    )


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(_files, "CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(_files, "STALL_SECONDS", 0.5)


@pytest.fixture
def mnist_from(mirror, monkeypatch):  # noqa: F811
    """Return a function that makes load_mnist download from mirrors of these behaviours."""

    def use(*behaviours: str) -> None:
        mirror.files = small_mnist()
        registry = registry_of(
            mirror.files, lambda name: [mirror.url(behaviour, name) for behaviour in behaviours]
        )
        monkeypatch.setattr(_files, "REGISTRY", registry)

    return use


def cached_files() -> list[str]:
    """All files in the cache but the locks, which are empty and stay."""
    root = _files.cache_directory()
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    )


ALL_FOUR = sorted(f"mnist/{name}" for name in NAMES)


def test_good_mirror(mnist_from, mirror):  # noqa: F811
    mnist_from("good", "gone")
    (x_train, y_train), (x_test, y_test) = datasets.load_mnist()
    assert x_train.shape == (15, 280, 280) and y_test.shape == (5,)
    assert cached_files() == ALL_FOUR
    datasets.load_mnist()
    assert mirror.asked.total() == 4  # the second call asks nobody


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("wrong", "wrong content: its .* bytes have SHA-256 .*, expected"),
        ("truncated", "the connection broke"),
        ("404", "the server answered 404 Not Found"),
        ("500", "the server answered 500 Internal Server Error"),
        ("stall", "the connection broke|no data for"),
        ("gone", "could not connect"),
    ],
)
class TestBadMirror:
    def test_second_mirror_serves(self, mnist_from, mirror, first, words):  # noqa: F811
        mnist_from(first, "good")
        (x_train, _), _ = datasets.load_mnist()
        assert x_train.shape == (15, 280, 280)
        assert cached_files() == ALL_FOUR
        if first != "gone":
            assert mirror.asked[f"{first}/{NAMES[0]}"] == 1
        assert mirror.asked[f"good/{NAMES[0]}"] == 1

    def test_no_mirror_serves(self, mnist_from, mirror, first, words):  # noqa: F811
        mnist_from(first, first)
        with pytest.raises(DataUnavailableError, match=words) as raised:
            datasets.load_mnist()
        message = str(raised.value)
        assert message.count(mirror.url(first, NAMES[0])) == 2  # each attempt is told
        assert 'load_mnist(edition="sample")' in message
        assert str(_files.cache_directory() / "mnist") in message
        assert "COURSEKIT_DATA" in message
        assert all(name in message for name in NAMES)
        assert cached_files() == []


def test_interrupted_download_goes_on(mnist_from, mirror):  # noqa: F811
    mnist_from("good")
    whole = mirror.files.copy()
    mirror.files[NAMES[2]] = b"the mirror is being repaired"
    with pytest.raises(DataUnavailableError):
        datasets.load_mnist()
    assert cached_files() == sorted(f"mnist/{name}" for name in NAMES[:2])
    mirror.files = whole
    datasets.load_mnist()
    assert cached_files() == ALL_FOUR
    assert mirror.asked[f"good/{NAMES[0]}"] == 1  # what was there was not fetched again


def test_damaged_file_in_the_cache_is_replaced(mnist_from, mirror):  # noqa: F811
    mnist_from("good")
    datasets.load_mnist()
    path = _files.cache_directory() / "mnist" / NAMES[1]
    path.write_bytes(path.read_bytes()[:-3])
    datasets.load_mnist()
    assert path.read_bytes() == mirror.files[NAMES[1]]
    assert mirror.asked[f"good/{NAMES[1]}"] == 2


def test_a_host_that_never_answers_is_given_up(mnist_from, monkeypatch):
    test_is_over = threading.Event()

    def hang(*args, **kwargs):
        test_is_over.wait(30)
        raise OSError("nobody waits for this any more")

    mnist_from("good", "good")
    monkeypatch.setattr(_files, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(_files.socket, "create_connection", hang)
    began = time.monotonic()
    try:
        with pytest.raises(DataUnavailableError, match="no answer within"):
            datasets.load_mnist()
        assert time.monotonic() - began < 10
    finally:
        test_is_over.set()


def test_behind_a_proxy_the_host_is_not_looked_up(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert _files._unreachable("http://no-such-host.invalid/file") is None
    monkeypatch.delenv("http_proxy")
    assert "could not connect" in _files._unreachable("http://no-such-host.invalid/file")


def test_offline_the_answer_comes_within_thirty_seconds():
    """Offline, every mirror fails when connecting, for the first of the files."""
    mirrors = max(len(file.urls) for file in _files.REGISTRY)
    assert mirrors * REAL_CONNECT_SECONDS < 15


def test_unwritable_cache(mnist_from, monkeypatch, tmp_path):
    mnist_from("good")
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataUnavailableError, match="COURSEKIT_CACHE"):
        datasets.load_mnist()


# ------------------------------------------------------------------ several processes

LOAD = """
import json, sys
from coursekit import datasets
from coursekit.datasets import _files
_files.REGISTRY = tuple(_files.DataFile(**file) for file in json.load(sys.stdin))
_files.STALL_SECONDS = 20.0
print(datasets.load_mnist()[0][0].shape)
"""


def start_loading() -> subprocess.Popen:
    """Load in another process, which downloads from where this one would."""
    registry = [dataclasses.asdict(file) for file in _files.REGISTRY]
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(json.dumps(registry))
    process.stdin.close()
    process.stdin = None
    return process


def test_two_processes_at_once(mnist_from, mirror):  # noqa: F811
    mnist_from("good")
    processes = [start_loading() for _ in range(3)]
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert output == "(15, 280, 280)\n"
    assert cached_files() == ALL_FOUR
    assert mirror.asked.total() == 4  # nobody fetched what another was fetching


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither of these signals")
@pytest.mark.parametrize("end", ["SIGKILL", "SIGINT"])
def test_killed_half_way(mnist_from, mirror, end):  # noqa: F811
    mnist_from("half")
    process = start_loading()
    assert mirror.half_sent.wait(60)
    process.send_signal(getattr(signal, end))
    process.communicate(timeout=60)
    assert process.returncode != 0
    final = _files.cache_directory() / "mnist" / NAMES[0]
    assert not final.exists()
    if end == "SIGINT":  # only a process that dies at once leaves its scraps
        assert cached_files() == []
    mnist_from("good")
    datasets.load_mnist()
    assert cached_files() == ALL_FOUR  # and the next one clears them away


# ---------------------------------------------------------------------- the walking zip


def recordings(seconds: int = 12) -> dict[str, bytes]:
    contents = {}
    for person in range(1, 16):
        counts = _gait.simulate_recording(person, seconds=seconds, seed=5)
        lines = [f"{row},{x},{y},{z},4\n" for row, (x, y, z) in enumerate(counts)]
        contents[f"{person}.csv"] = "".join(lines).encode()
    return contents


def zip_of(contents: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def walking_from(mirror, monkeypatch):  # noqa: F811
    good = recordings()

    def use(archive: bytes, *behaviours: str) -> None:
        mirror.files = {"walking.zip": archive}
        file = _files.DataFile(
            "walking",
            "full",
            "walking/walking.zip",
            len(archive),
            urls=tuple(mirror.url(behaviour, "walking.zip") for behaviour in behaviours),
            members={name: hashlib.sha256(content).hexdigest() for name, content in good.items()},
        )
        monkeypatch.setattr(_files, "REGISTRY", (file,))

    use.good = good
    return use


@pytest.mark.parametrize("place", ["flat", "folder", "inner zip", "inner zip in a folder"])
def test_members_are_found_wherever_they_sit(walking_from, mirror, place):  # noqa: F811
    good = walking_from.good
    archive = {
        "flat": {"README.txt": b"", **good},
        "folder": {f"Activity Recognition/{name}": content for name, content in good.items()},
        "inner zip": {"data.zip": zip_of(good)},
        "inner zip in a folder": {"a/b/data.zip": zip_of({f"c/{k}": v for k, v in good.items()})},
    }[place]
    walking_from(zip_of(archive), "good")
    walking = datasets.load_walking()
    assert len(walking.x) == 15 * 8  # 12 s hold eight windows of 5 s, one second apart
    again = datasets.load_walking()
    assert np.array_equal(walking.x, again.x)
    assert mirror.asked.total() == 1


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("changed", "1 of 15 members are bad: 7.csv has SHA-256 .*, expected"),
        ("missing", "1 of 15 members are bad: 7.csv is not in the archive"),
        ("not a zip", "not a readable zip archive"),
        ("cut short", "not a readable zip archive"),
    ],
)
def test_bad_archives_are_refused(walking_from, mirror, damage, words):  # noqa: F811
    good = walking_from.good
    archive = {
        "changed": zip_of({**good, "7.csv": good["7.csv"].replace(b",4\n", b",3\n", 1)}),
        "missing": zip_of({name: good[name] for name in good if name != "7.csv"}),
        "not a zip": b"<html>We have moved.</html>",
        "cut short": zip_of(good)[:-50_000],
    }[damage]
    walking_from(archive, "good")
    with pytest.raises(DataUnavailableError, match=words):
        datasets.load_walking()
    assert cached_files() == []
    # A copy of the file with the right hash is found even behind a damaged namesake.
    if damage == "changed":
        walking_from(zip_of({"old/7.csv": b"", **good}), "good")
        assert len(datasets.load_walking().x) == 120


def test_damaged_windows_in_the_cache_are_cut_again(walking_from):
    walking_from(zip_of(walking_from.good), "good")
    walking = datasets.load_walking()
    (kept,) = (_files.cache_directory() / "walking").glob("windows-*.npz")
    kept.write_bytes(kept.read_bytes()[:1000])
    assert np.array_equal(datasets.load_walking().x, walking.x)
    assert kept.stat().st_size > 1000


def test_windows_that_cannot_be_kept_are_still_returned(walking_from, monkeypatch, tmp_path):
    (tmp_path / "data" / "walking").mkdir(parents=True)
    (tmp_path / "data" / "walking" / "walking.zip").write_bytes(zip_of(walking_from.good))
    walking_from(b"", "gone")
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="could not be kept .* COURSEKIT_CACHE"):
        assert len(datasets.load_walking().x) == 120


# ------------------------------------------------------------------- COURSEKIT_DATA


def test_named_folder_is_used_and_never_written_to(mnist_from, mirror, monkeypatch, tmp_path):  # noqa: F811
    mnist_from("good")
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, content in mirror.files.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    assert datasets.load_mnist()[0][0].shape == (15, 280, 280)
    assert mirror.asked.total() == 0
    assert sorted(path.name for path in (tmp_path / "data").rglob("*")) == sorted(["mnist", *NAMES])


@pytest.mark.parametrize(
    ("damage", "words"), [("missing", "there is no such file"), ("wrong", "have SHA-256")]
)
def test_named_folder_with_a_bad_file(mnist_from, mirror, monkeypatch, tmp_path, damage, words):  # noqa: F811
    mnist_from("good")
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    if damage == "wrong":
        (folder / NAMES[0]).write_bytes(b"something else")
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    with pytest.raises(DataUnavailableError, match=words) as raised:
        datasets.load_mnist()
    assert "unset COURSEKIT_DATA" in str(raised.value)
    assert mirror.asked.total() == 0  # never a silent download
