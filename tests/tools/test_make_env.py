"""``make env`` on machines that have other Pythons, with uv and without."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "sed", "rm", "mv", "mkdir", "cp", "chmod", "touch", "dirname", "sleep")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a script for sh; Windows has no make")

# A Python that says it has another version. What it is asked to make or install, it writes down.
STAND_IN = """#!/bin/sh
case "$1" in
-c) code=$2; shift 2; exec {real} -I -c "import sys; sys.version_info = ({version}, 'final', 0)
$code" "$@" ;;
-m) echo "{name} $*" >> {log}
  case "$2" in
  venv) {venv}mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  pip) {pip} ;;
  esac ;;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >> {log}
case "$1" in
venv) {venv}mkdir -p .venv/bin && cp {bin}/{python} .venv/bin/python ;;
esac
"""


class Machine:
    """A folder of programs, and a project in another, as ``make env`` meets them."""

    def __init__(self, folder: Path):
        self.bin, self.project, self.log = folder / "bin", folder / "my project", folder / "log"
        self.bin.mkdir()
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        (self.project / "tools").mkdir(parents=True)
        for name in ("pyproject.toml", "constraints.txt", "tools/make_env.sh"):
            shutil.copy(ROOT / name, self.project / name)

    def write(self, name: str, content: str) -> None:
        (self.bin / name).write_text(content)
        (self.bin / name).chmod(0o755)

    def python(self, name: str, version: str, venv: str = "", pip: str = "exit 0") -> None:
        fields = {"real": sys.executable, "version": version.replace(".", ", "), "name": name}
        self.write(name, STAND_IN.format(log=self.log, venv=venv, pip=pip, **fields))

    def uv(self, python: str, venv: str = "") -> None:
        self.write("uv", UV.format(log=self.log, bin=self.bin, python=python, venv=venv))

    def command(self, *arguments: str) -> dict:
        script = str(self.project / "tools" / "make_env.sh")
        return {"args": ["sh", script, *arguments], "env": {"PATH": str(self.bin)}}

    def make(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            **self.command(*arguments), capture_output=True, text=True, timeout=60
        )

    @property
    def said(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    @property
    def environment(self) -> list[str]:
        return sorted(path.name for path in self.project.glob(".venv*"))


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize("version", ["3.11.9", "3.12.1", "3.13.0"])
@pytest.mark.parametrize("name", ["python3", "python"])
def test_the_only_python_will_do(machine, version, name):
    machine.python(name, version)
    done = machine.make()
    assert done.returncode == 0, done.stderr
    assert machine.said[0] == f"{name} -m venv .venv" and len(machine.said) == 2
    assert (machine.project / ".venv" / ".ready").exists()


def test_a_named_version_comes_before_what_does_not_fit(machine):
    machine.python("python3", "3.14.0")
    machine.python("python3.12", "3.12.3")
    machine.python("python3.11", "3.11.2")
    assert machine.make().returncode == 0
    assert machine.said[0] == "python3.12 -m venv .venv"


@pytest.mark.parametrize("version", ["2.7.18", "3.10.13", "3.14.0", "4.11.0"])
def test_no_python_that_will_do(machine, version):
    machine.python("python3", version)
    machine.write("python3.13", "#!/bin/sh\nexit 127\n")  # as pyenv leaves one that is not chosen
    done = machine.make()
    assert done.returncode == 1 and machine.environment == [] and machine.said == []
    first, *more = done.stderr.splitlines()
    assert first == (
        "The course needs Python 3.11 to 3.13, which is not here (found: python3.13 (does not "
        f"start), python3 ({version}))."
    )
    assert all(way in " ".join(more) for way in ("uv", "apt install", "pyenv", "PYTHON="))


def test_no_python_at_all(machine):
    done = machine.make()
    assert done.returncode == 1 and "no Python at all" in done.stderr


def test_a_version_asked_for_by_number(machine):
    machine.python("python3.12", "3.12.1")
    machine.python("python3.13", "3.13.0")
    assert machine.make("3.12").returncode == 0
    assert machine.said[0] == "python3.12 -m venv .venv"


@pytest.mark.parametrize("asked", ["3.11", "python3.11"])
def test_a_version_asked_for_that_is_not_here(machine, asked):
    machine.python("python3.12", "3.12.1")
    done = machine.make(asked)
    assert done.returncode == 1 and "(found: no python3.11)" in done.stderr
    assert machine.environment == []


def test_python_without_the_module_for_environments(machine):
    machine.python("python3", "3.12.3", venv="exit 1; ")
    done = machine.make()
    assert done.returncode == 1 and "apt install python3.12-venv" in done.stderr
    assert machine.environment == []


def test_uv_is_asked_for_a_range(machine):
    machine.python("python3", "3.10.13")
    machine.python("fetched", "3.13.5")
    machine.uv("fetched")
    assert machine.make().returncode == 0
    assert machine.said[0] == "uv venv --quiet --python >=3.11,<3.14 .venv"


def test_uv_finds_none(machine):
    machine.python("python3", "3.14.0")
    machine.uv("python3", venv="echo no interpreter found >&2; exit 2; ")
    done = machine.make()
    assert done.returncode == 1 and machine.environment == []
    assert "no interpreter" in done.stderr and "3.11 to 3.13, and uv neither found" in done.stderr


@pytest.mark.parametrize("with_uv", [True, False])
def test_one_that_is_named(machine, with_uv):
    machine.python("python3.11", "3.11.9")
    machine.python("python3.14", "3.14.0")
    machine.python("mine", "3.12.1")
    if with_uv:
        machine.uv("mine")
    assert machine.make("mine").returncode == 0
    assert "mine" in machine.said[0] or with_uv
    if with_uv:
        machine.uv("python3.14")
    done = machine.make("python3.14")
    assert done.returncode == 1 and "3.14.0" in done.stderr


class TestWhatWasThere:
    @pytest.fixture
    def old(self, machine):
        machine.python("python3", "3.12.1", pip="echo no network >&2; exit 1")
        (machine.project / ".venv").mkdir()
        (machine.project / ".venv" / "old").write_text("old")
        return machine

    def test_an_old_environment_stays_if_there_can_be_no_new_one(self, old):
        done = old.make()
        assert done.returncode == 1 and "no network" in done.stderr
        assert old.environment == [".venv"]
        assert (old.project / ".venv" / "old").read_text() == "old"

    @pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_and_if_making_one_is_interrupted(self, old, which):
        old.python("python3", "3.12.1", pip="sleep 60")
        with subprocess.Popen(**old.command(), start_new_session=True) as process:
            end = time.monotonic() + 30
            while len(old.said) < 2 and time.monotonic() < end:
                time.sleep(0.02)
            said = old.said
            os.killpg(process.pid, which)
        assert len(said) == 2  # otherwise nothing was interrupted
        if which == signal.SIGKILL:  # nobody could put anything back; the next one does
            assert old.environment == [".venv", ".venv.old"]
            old.python("python3", "3.10.1")
            assert old.make().returncode == 1
        assert old.environment == [".venv"]
        assert (old.project / ".venv" / "old").read_text() == "old"

    def test_a_new_one_takes_its_place(self, old):
        old.python("python3", "3.12.1")
        assert old.make().returncode == 0 and old.environment == [".venv"]
        assert not (old.project / ".venv" / "old").exists()
