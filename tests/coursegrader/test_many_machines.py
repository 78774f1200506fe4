"""The examples for many machines on the page for graders can be read by what they are for."""

from __future__ import annotations

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
        assert "coursekit[grading,distributed]" in service["build"]["dockerfile_inline"]
        assert_command(shlex.split(service["command"]))
    words = shlex.split(services["grade"]["command"])
    address = words[words.index("--scheduler") + 1]
    assert address in services["worker"]["command"]
    port = address.rpartition(":")[2]
    assert address == f"tcp://scheduler:{port}"
    assert f"--port {port}" in services["scheduler"]["command"]


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
