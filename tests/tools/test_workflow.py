"""The commands of the published workflow: what stands in the file is what runs here."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import run_workflow
import yaml

from tests.conftest import ROOT

FILE = ROOT / ".github" / "workflows" / "book.yml"
TEXT = FILE.read_text(encoding="utf-8")
JOBS = yaml.safe_load(TEXT)["jobs"]
VALUES = {"matrix.python": "3.12", "github.workspace": str(ROOT)}
COMMANDS = {
    f"{job}: {step.name}": step
    for job in ("linux", "elsewhere", "build")
    for step in run_workflow.steps_of(TEXT, job, **VALUES)
}


def test_our_reader_reads_what_yaml_does():
    for job in ("linux", "elsewhere", "build"):
        steps = [step for step in JOBS[job]["steps"] if "run" in step]
        ours = list(run_workflow.steps_of(TEXT, job, **VALUES))
        assert [step.name for step in ours] == [step["name"] for step in steps]
        for mine, step in zip(ours, steps, strict=True):
            filled = re.sub(r"\$\{\{ (.*?) \}\}", lambda match: VALUES[match[1]], step["run"])
            assert mine.command.split() == filled.split()
            assert set(mine.env) == set(JOBS[job].get("env", {})) | set(step.get("env", {}))


def run(command: str, *more: str, env: dict | None = None) -> subprocess.CompletedProcess:
    """Run a command of the workflow with the Python that runs these tests."""
    here = Path(sys.executable).parent
    command = re.sub(r"(\.venv/bin/|uv run --no-sync )", f"{here}/", command)
    if not (here / "pytest").exists() and not (here / "pytest.exe").exists():
        pytest.skip("pytest is no command beside this Python")
    return subprocess.run(
        ["bash", "-ec", " ".join([command.strip(), *more])],
        cwd=ROOT,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_every_verb_of_make_is_there():
    lines = [line for step in COMMANDS.values() for line in step.command.splitlines()]
    verbs = [line for line in lines if line.startswith("make ")]
    assert len(verbs) >= 5
    for line in verbs:
        done = subprocess.run(["make", "-n", *shlex.split(line)[1:]], cwd=ROOT, capture_output=True)
        assert done.returncode == 0, (line, done.stderr)


def test_what_must_run_is_there():
    named = re.findall(r"\btests/[\w./]+", TEXT)
    assert {"tests/site", "tests/reproduction"} <= set(named)
    assert all((ROOT / path).exists() for path in named)


NBVAL = [name for name, step in COMMANDS.items() if "--nbval" in step.command]


class TestNbval:
    """nbval itself, which users of the course know."""

    @pytest.mark.parametrize("name", NBVAL)
    def test_it_takes_all_chapters_and_no_exercise(self, name):
        done = run(COMMANDS[name].command, "--collect-only", "-q", "-n", "0")
        assert done.returncode == 0, done.stdout[-2000:]
        found = set(re.findall(r"^(book/\S+\.ipynb)::", done.stdout, re.M))
        expected = {*ROOT.glob("book/*.ipynb"), *ROOT.glob("book/solutions/*.ipynb")}
        assert found == {path.relative_to(ROOT).as_posix() for path in expected}

    def test_it_is_green(self):
        name, *others = NBVAL
        assert len(others) == 1  # with the same command
        few = "book/preparing-tabular-data.ipynb"
        command = re.sub(r"book/\S+\.ipynb", few, COMMANDS[name].command, count=1)
        command = re.sub(r" book/solutions/\S+\.ipynb", "", command)
        done = run(command, "-q", env=COMMANDS[name].env | {"MPLBACKEND": "Agg"})
        assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-2000:]


# What the hosted machines of the job "elsewhere" lack.
WITHOUT = """
import sys
import filelock, psutil, pytest  # which are built otherwise there
for name in ("resource", "fcntl"):
    sys.modules[name] = None
sys.exit(pytest.main(sys.argv[1:]))
"""


def test_tests_can_be_collected_where_linux_is_not():
    (command,) = (step.command for step in COMMANDS.values() if "pytest tests" in step.command)
    asked = command.split("pytest ", 1)[1].split()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *asked, "--collect-only", "-q", "-n", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "tests/test_models.py::" in done.stdout
