"""A command that fails, or is interrupted, leaves every file and folder as it was."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coursekit.cli import app
from coursekit.datasets import places, registry
from tests.coursegrader.notebooks import master_of_two, notebook, two_checks, write
from tests.datasets.mirror import mirror  # noqa: F401  (a fixture)
from tests.datasets.test_download import NAMES, mnist_from  # noqa: F401  (a fixture)

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

# What a shell reports of a program that was ended in this way.
ENDED = [pytest.param("SIGINT", 130, id="SIGINT"), pytest.param("SIGTERM", 143, id="SIGTERM")]

# Runs a command where there are the data files that the parent has.
COMMAND = """
import json, sys
from coursekit.datasets import downloading, registry
if files := json.load(sys.stdin):
    registry.REGISTRY = tuple(registry.DataFile(**file) for file in files)
    downloading.STALL_SECONDS = 60.0
from coursekit.cli import app
app()
"""


def tree(folder: Path) -> dict[str, tuple]:
    """Every file and folder by name: what is in it, and when a file was last written."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[name] = (digest, path.stat().st_mtime_ns)
        else:
            found[name] = ("folder" if path.is_dir() else "other",)
    return found


def coursekit(*words) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def start(*words, files=(), **environment: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", COMMAND, *(str(word) for word in words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    json.dump([dataclasses.asdict(file) for file in files], process.stdin)
    process.stdin.close()
    process.stdin = None
    return process


def end(process: subprocess.Popen, name: str, ready: Callable[[], bool]) -> tuple[int, str]:
    """Send a signal once the command is in the middle of its work, and wait for its end."""
    try:
        limit = time.monotonic() + 60
        while not ready():
            assert process.poll() is None and time.monotonic() < limit, process.communicate()
            time.sleep(0.02)
        # Python sees a signal between two of its instructions: one that comes right before a
        # call that blocks waits as long as the call. Whoever is at the keyboard presses again.
        for _ in range(6):
            process.send_signal(getattr(signal, name))
            with suppress(subprocess.TimeoutExpired):
                output = process.communicate(timeout=10)
                return process.returncode, "".join(output)
        raise AssertionError(f"six times {name}, and it still runs")
    finally:
        process.kill()
        process.communicate(timeout=30)


# ------------------------------------------------------------------------------- data


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to be in, with a file of the user's in the cache, which is below it."""
    (tmp_path / "cache" / "mnist").mkdir(parents=True)
    (tmp_path / "cache" / "mnist" / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("behaviour", ["404", "wrong", "truncated", "gone"])
@pytest.mark.parametrize("cache", ["used", "empty", "none"])
def test_a_fetch_that_fails(mnist_from, place, behaviour, cache):  # noqa: F811
    if cache != "used":
        shutil.rmtree(places.cache_directory())
    if cache == "empty":
        places.cache_directory().mkdir()
    mnist_from(behaviour, behaviour)
    before = tree(place)
    assert coursekit("data", "fetch", "mnist")[0] == 1
    assert tree(place) == before


def half_written() -> bool:
    """Whether a part of a file has come, as it does once the progress bar is there."""
    incoming = places.cache_directory() / "mnist" / ".incoming"
    with suppress(FileNotFoundError):  # moved in this moment
        return any(path.stat().st_size for path in incoming.glob("*"))
    return False


@SIGNALS
@pytest.mark.parametrize(("name", "status"), ENDED)
@pytest.mark.parametrize("cache", ["used", "none"])
def test_a_fetch_that_is_interrupted(mnist_from, place, name, status, cache):  # noqa: F811
    if cache == "none":
        shutil.rmtree(places.cache_directory())
    mnist_from("half")
    before = tree(place)
    process = start("data", "fetch", files=registry.REGISTRY)
    code, output = end(process, name, half_written)
    assert code == status, output
    assert "Stopped. The files that were fetched whole are kept" in output
    assert "Traceback" not in output
    assert tree(place) == before


@SIGNALS
def test_what_was_fetched_whole_is_kept(mnist_from, mirror, place):  # noqa: F811
    mnist_from("good")
    good = registry.REGISTRY[0]
    mnist_from("half")
    before = tree(place)
    process = start("data", "fetch", files=(good, *registry.REGISTRY[1:]))
    assert end(process, "SIGTERM", mirror.half_sent.is_set)[0] == 143
    after = tree(place)
    assert after.pop(f"cache/mnist/{NAMES[0]}")[0] == good.sha256
    assert after == before


@pytest.mark.parametrize("damage", ["wrong", "missing", "folder"])
@pytest.mark.parametrize("variable", ["COURSEKIT_DATA", "COURSEKIT_CACHE"])
def test_a_look_at_the_files(mnist_from, mirror, place, monkeypatch, damage, variable):  # noqa: F811
    mnist_from("good")
    folder = place / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, content in mirror.files.items():
        (folder / name).write_bytes(content)
    (folder / NAMES[1]).unlink()
    if damage == "wrong":
        (folder / NAMES[1]).write_bytes(b"damaged")
    elif damage == "folder":
        (folder / NAMES[1]).mkdir()
    monkeypatch.setenv(variable, str(place / "data"))
    before = tree(place)
    assert coursekit("data", "verify")[0] == (damage != "missing")
    assert coursekit("data", "where")[0] == 0
    assert coursekit("data", "list")[0] == 0
    if variable == "COURSEKIT_DATA":
        assert coursekit("data", "fetch", "mnist")[0] == 1
    assert coursekit("data", "fetch", "iris")[0] == 2
    assert coursekit("data", "fetch", "--unknown")[0] == 2
    assert tree(place) == before


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_look_that_is_interrupted(mnist_from, place, name):  # noqa: F811
    mnist_from("good")
    path = places.cache_directory() / "mnist" / NAMES[0]
    with path.open("wb") as stream:
        stream.truncate(1 << 36)  # takes no room, and minutes to be read
    before = sizes(place)
    process = start("data", "verify", files=registry.REGISTRY)
    code, output = end(process, name, lambda: reads(process.pid, path))
    assert code != 0 and "Traceback" not in output
    assert sizes(place) == before


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """As :func:`tree`, for files that are too large to be read."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def reads(pid: int, path: Path) -> bool:
    """Whether a process has a file open."""
    try:
        return any(link.resolve() == path for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # closed in this moment
        return False


# ---------------------------------------------------------------------------- release


@pytest.fixture
def solutions(place):
    """Three solutions, of which the last is none, and an exercise made earlier of the first."""
    for name in ("a", "b"):
        write(master_of_two(), place / "in" / f"{name}.ipynb")
    write(notebook(), place / "in" / "c.ipynb")
    (place / "out").mkdir()
    (place / "out" / "a.ipynb").write_text("made earlier")
    return place


def test_a_release_that_fails(solutions):
    before = tree(solutions)
    for words in (
        ("in", "--out", "out"),  # the last of the three is refused
        ("in", "--out", "new/folder"),
        ("in", "--out", "out", "--check"),
        ("in/a.ipynb", "in/none.ipynb", "--out", "out"),
        ("in/a.ipynb", "--out", "cache/mnist/notes.txt"),
        ("in/a.ipynb", "in/b.ipynb", "--out", "in"),
        ("cache", "--out", "out"),
        ("in", "--out", ""),
        ("in",),
    ):
        assert coursekit("release", *words)[0] in (1, 2), words
        assert tree(solutions) == before, words


def test_an_exercise_whose_place_is_taken(solutions):
    (solutions / "out" / "b.ipynb").mkdir()
    (solutions / "in" / "c.ipynb").unlink()
    before = tree(solutions)
    code, output = coursekit("release", "in", "--out", "out")
    assert code == 1 and "out/b.ipynb" in output
    assert tree(solutions) == before


def test_an_exercise_that_is_written_by_halves(tmp_path):
    _release = pytest.importorskip("coursegrader.release")
    with pytest.raises(UnicodeEncodeError):  # half a letter, after all that fits into a buffer
        _release.write("x" * 100_000 + "\ud800", tmp_path / "a.ipynb")
    assert tree(tmp_path) == {}


@SIGNALS
@pytest.mark.parametrize(("name", "status"), ENDED)
def test_a_release_that_is_interrupted(solutions, name, status):
    """The last notebook is one that nobody finishes writing."""
    (solutions / "in" / "c.ipynb").unlink()
    os.mkfifo(solutions / "in" / "c.ipynb")
    before = tree(solutions)
    process = start("release", "in", "--out", "out")
    # Once a reader is there, a pipe can be opened for writing.
    opened: list[int] = []

    def ready() -> bool:
        try:
            opened.append(os.open(solutions / "in" / "c.ipynb", os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    code, output = end(process, name, ready)
    os.close(opened[0])
    assert code == status and "Stopped." in output and "Traceback" not in output
    assert tree(solutions) == before


# ------------------------------------------------------------------------------ grade


@pytest.fixture
def submitted(place):
    write(two_checks("import time\ntime.sleep(60)"), place / "in" / "slow.ipynb")
    write(master_of_two(), place / "two.ipynb")
    (place / "bad.ipynb").write_text("{}")
    (place / "empty").mkdir()
    return place


@LINUX
def test_grading_that_fails(submitted):
    before = tree(submitted)
    master = ("--master", "two.ipynb")
    for words in (
        ("none", "--out", "out", *master),
        ("empty", "--out", "out", *master),
        ("in", "--out", "bad.ipynb", *master),
        ("in", "--out", "bad.ipynb/out", *master),
        ("in", "--out", "out", "--master", "bad.ipynb"),
        ("in", "--out", "out", "--master", "none.ipynb"),
        ("in", "--out", "out", *master, "--memory", "nan"),
        ("in", "--out", "out", *master, "--jobs", "0"),
        ("in", "--out", "out", *master, "--seed", "-1"),
        ("in", "--out", "out", *master, "--cell-seconds", "0"),
        ("in", "--out", "out", *master, "--without", "[/b]"),
        ("in", "--out", "out", *master, "--scheduler", "nobody://"),
        ("in", "--out", "out", *master, "--without", "network", "--require-sandbox"),
        ("in", "--out", "", *master),
        ("in", *master),
    ):
        code, output = coursekit("grade", *words)
        assert code == 2, (words, output)
        assert tree(submitted) == before, words


@LINUX
def test_grading_that_is_interrupted(submitted):
    """The report of what is finished is there; all else is as it was."""
    before = tree(submitted)
    process = start("grade", "in", "--out", "out", "--master", "two.ipynb")
    code, output = end(process, "SIGTERM", (submitted / "out" / "state" / "run").exists)
    assert code == 143, output
    assert "Stopped. What is finished is kept in out" in output and "Traceback" not in output
    after = tree(submitted)
    made = {name for name in after if name.partition("/")[0] == "out"}
    assert made == {"out", "out/feedback", "out/state", "out/state/lock", "out/state/run"}
    assert {name: after[name] for name in after.keys() - made} == before
