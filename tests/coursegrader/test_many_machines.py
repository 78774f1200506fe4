"""The examples for many machines on the page for graders can be read by what they are for."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

from coursekit.cli import app
from tests.conftest import ROOT

PAGE = (ROOT / "book" / "grading.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.partition("### Many machines")[2], re.M | re.S)
COMPOSE = next(text for language, text in BLOCKS if language == "yaml")
SLURM = next(text for language, text in BLOCKS if language == "sh")


def assert_command(words: list[str]) -> None:
    """A command exists, and knows the options that it is given."""
    if words[0] == "coursekit":
        commands = typer.main.get_command(app)
        command = commands.get_command(typer.Context(commands), words[1])
        command.make_context(words[1], words[2:])
        return
    assert words[0] == "dask"
    pytest.importorskip("distributed")
    help_ = subprocess.run(
        [Path(sys.executable).parent / "dask", words[1], "--help"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    for word in words[2:]:
        assert not word.startswith("--") or re.search(rf"{word}\b", help_), word


def test_docker_compose():
    services = yaml.safe_load(COMPOSE)["services"]
    assert set(services) == {"scheduler", "worker", "grade"}
    for service in services.values():
        # The package is in no registry: it comes from the clone, which is what is built.
        lines = service["build"]["dockerfile_inline"].splitlines()
        assert "COPY . /course" in lines
        assert lines[-1] == "RUN pip install '/course[grading,distributed]'"
        assert f"a clone of this course in `{service['build']['context']}`" in PAGE
        assert_command(shlex.split(service["command"]))
    words = shlex.split(services["grade"]["command"])
    address = words[words.index("--scheduler") + 1]
    assert address in services["worker"]["command"]
    port = address.rpartition(":")[2]
    assert address == f"tcp://scheduler:{port}"
    assert f"--port {port}" in services["scheduler"]["command"]


def test_a_worker_has_the_checks_in_the_same_place_and_nothing_else_of_the_class():
    services = yaml.safe_load(COMPOSE)["services"]
    words = shlex.split(services["grade"]["command"])
    (whole,) = services["grade"]["volumes"]
    (part,) = services["worker"]["volumes"]
    here, there = whole.split(":")
    assert f"a folder `{here.removeprefix('./')}`" in PAGE
    at, inside, mode = part.split(":")
    assert mode == "ro" and inside == at.replace(here, there)
    assert Path(words[words.index("--checks") + 1]).is_relative_to(inside)
    for private in (words[2], *(words[words.index(name) + 1] for name in ("--out", "--master"))):
        assert Path(private).is_relative_to(there)
        assert not Path(private).is_relative_to(inside)


def test_slurm():
    shell = shutil.which("sh")
    assert shell
    subprocess.run([shell, "-n"], input=SLURM, text=True, timeout=60, check=True)
    options = next(line for line in SLURM.splitlines() if line.startswith("#SBATCH "))
    tasks = int(re.search(r"--ntasks=(\d+)", options)[1])
    steps = [shlex.split(line.rstrip("& ")) for line in SLURM.splitlines() if "srun" in line]
    assert sum(int(words[1].removeprefix("--ntasks=")) for words in steps) == tasks
    for words in steps:
        assert words[2] == "--exact"  # or the steps wait for each other
        assert_command(words[3:])


@pytest.mark.parametrize("appears", [True, False], ids=["new", "stale"])
def test_slurm_takes_no_address_of_an_earlier_job(tmp_path, monkeypatch, appears):
    """The steps are recorded; the scheduler writes its file, or never does."""
    earlier = tmp_path / "scheduler.json"
    earlier.write_text('{"address": "tcp://earlier:1"}')
    new = '{"address": "tcp://new:2"}'
    writes = f"""case "$*" in *"dask scheduler"*) echo '{new}' > scheduler.json;; esac\n"""
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text('#!/bin/sh\necho "$*" >> steps\n' + writes * appears)
    srun.chmod(0o755)
    (srun.parent / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{srun.parent}:{os.environ['PATH']}")
    script = SLURM.replace("timeout 300", f"timeout {60 if appears else 2}")
    assert script != SLURM
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, timeout=120)
    (asked,) = [
        line for line in (tmp_path / "steps").read_text().splitlines() if "coursekit" in line
    ] or [""]
    assert (done.returncode == 0) == appears
    assert ("--scheduler tcp://new:2" in asked) == appears
