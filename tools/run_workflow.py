"""Run the commands of the GitHub workflow on this machine.

``python tools/run_workflow.py linux --python 3.12 --data FOLDER`` runs the steps of the job
``linux`` in order in the current checkout (preferably a fresh clone), and then lists the results.
``--data`` replaces the workflow's cache of the full data. Only the standard library is needed,
because the steps make their own environment.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

WORKFLOW = Path(".github/workflows/book.yml")
# Commands that only a hosted runner needs, and why they are skipped.
SKIPPED_COMMANDS = {"sudo ": "needs root, for a setting of Ubuntu's kernel alone"}


@dataclass
class Step:
    """A command of a job."""

    name: str
    command: str
    env: dict[str, str] = field(default_factory=dict)


def steps_of(text: str, job: str, **values: str) -> Iterator[Step]:
    """Yield the commands of a job, with the expressions in ``${{ }}`` replaced.

    Parses this one file line by line, because PyYAML is not installed yet.

    Raises
    ------
    ValueError
        If the workflow has no such job, or uses a value that is not given.
    """
    found = re.search(rf"^  {re.escape(job)}:\n(.*?)(?=^  \S|\Z)", text, re.M | re.S)
    if found is None:
        raise ValueError(f"{WORKFLOW} has no job {job!r}.")

    def fill(value: str) -> str:
        def one(match: re.Match) -> str:
            name = match[1].strip()
            if name not in values:
                raise ValueError(f"{WORKFLOW}: {name} of job {job!r} is not known here.")
            return values[name]

        return re.sub(r"\$\{\{(.*?)\}\}", one, value.strip())

    head, *parts = re.split(r"^      - ", found[1], flags=re.M)
    shared = {
        name: fill(value) for name, value in re.findall(r"^      ([A-Z_]+): (.*)$", head, re.M)
    }
    for part in parts:
        name = re.match(r"name: (.*)", part)
        one_line = re.search(r"^        run: (?!\|)(.*)$", part, re.M)
        more = re.search(r"^        run: \|\n((?:          .*\n?)+)", part, re.M)
        if one_line or more:
            command = one_line[1] if one_line else re.sub(r"^ {10}", "", more[1], flags=re.M)
            own = re.findall(r"^          ([A-Z_]+): (.*)$", part, re.M)
            env = shared | {key: fill(value) for key, value in own}
            yield Step(name[1] if name else command.strip(), fill(command), env)


def main() -> int:
    """Run the steps of a job; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job")
    parser.add_argument("--python", default="3.12")
    parser.add_argument("--data", type=Path, help="a folder with the full data")
    asked = parser.parse_args()
    here = Path.cwd()
    values = {"matrix.python": asked.python, "github.workspace": str(here)}
    done: list[str] = []
    for step in steps_of(WORKFLOW.read_text(encoding="utf-8"), asked.job, **values):
        print(f"\n=== {step.name}\n{step.command}", flush=True)
        if why := next(
            (why for what, why in SKIPPED_COMMANDS.items() if what in step.command), None
        ):
            done.append(f"not run   {step.name}: {why}")
            continue
        if asked.data and (cache := step.env.get("COURSEKIT_CACHE")):
            shutil.copytree(asked.data, cache, dirs_exist_ok=True, copy_function=shutil.copyfile)
        begun = time.monotonic()
        env = {name: value for name, value in os.environ.items() if name != "COURSEKIT_DATA"}
        status = subprocess.run(["bash", "-ec", step.command], env=env | step.env).returncode
        took = f"{time.monotonic() - begun:.0f} s"
        done.append(f"{'green' if status == 0 else 'FAILED':9} {step.name} ({took})")
        if status:
            break
    print("\n" + "\n".join(done))
    return int(any(line.startswith("FAILED") for line in done))


if __name__ == "__main__":
    sys.exit(main())
