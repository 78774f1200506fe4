"""Grade made-up submissions on a Dask cluster that loses a worker and gets another one midway.

The same submissions are graded on this machine alone, and the gradebooks are compared byte for
byte, ``results.json`` without the seconds. Each worker is a process of its own, as on another
machine; one is killed after a third of the submissions, and one starts after half of them.

Run it by hand on a quiet machine: ``python tools/cluster_trial.py --submissions 2000``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import nbformat
from distributed import Client
from nbformat import v4

from coursegrader.grade import grade

START_SECONDS = 120
DASK = Path(sys.executable).parent / "dask"
SOURCES = ("total = 6", "total = 3 + 3", "total = 7", "total = 6 / 0", "total = sum([1, 2, 3])")


def marked(cell: nbformat.NotebookNode, identifier: str, **marks: object) -> nbformat.NotebookNode:
    """Give a cell nbgrader's marks."""
    flags = dict.fromkeys(("locked", "grade", "solution", "task"), False)
    about = {"grade_id": identifier, "schema_version": 3}
    cell.metadata["nbgrader"] = {**flags, **about, **marks}
    cell.id = identifier
    return cell


def homework(source: str, why: str) -> str:
    """Return a notebook with a test and a cell that a person grades."""
    cells = [
        marked(v4.new_code_cell(source), "total", solution=True),
        marked(v4.new_code_cell("assert total == 6"), "test", grade=True, locked=True, points=2),
        marked(v4.new_markdown_cell(why), "why", grade=True, solution=True, points=1),
    ]
    made = v4.new_notebook(cells=cells)
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.writes(made)


def write_class(folder: Path, count: int) -> Path:
    """Write submissions, and return the path of their master."""
    (folder / "in").mkdir()
    for number in range(count):
        text = homework(SOURCES[number % len(SOURCES)], f"Reason {number}.")
        (folder / "in" / f"student{number:05}.ipynb").write_text(text, encoding="utf-8")
    master = folder / "master" / "homework.ipynb"
    master.parent.mkdir()
    solved = "### BEGIN SOLUTION\ntotal = 6\n### END SOLUTION"
    master.write_text(homework(solved, "A reason."), encoding="utf-8")
    return master


class Cluster:
    """A scheduler and workers, each a process that can be killed."""

    def __init__(self, folder: Path):
        self.folder, self.workers, self.stack = folder, [], ExitStack()
        file = folder / "scheduler.json"
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                   "--scheduler-file", file)  # fmt: skip
        until = time.monotonic() + START_SECONDS
        while not file.exists():
            if time.monotonic() > until:
                raise TimeoutError("the scheduler did not start.")
            time.sleep(0.1)
        self.address = json.loads(file.read_text())["address"]

    def start(self, *words: object) -> subprocess.Popen:
        """Start a program of Dask's, which is killed at the end."""
        process = subprocess.Popen(
            [DASK, *map(str, words)], cwd=self.folder, stderr=subprocess.DEVNULL
        )
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def add_worker(self) -> None:
        """Start a worker."""
        self.workers.append(
            self.start("worker", self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard")
        )


def without_seconds(out: Path) -> list[dict]:
    return [
        {**one, "seconds": 0}
        for one in json.loads((out / "results.json").read_text())["submissions"]
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--submissions", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    words = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        master = write_class(folder, words.submissions)
        cluster = Cluster(folder)
        stack.callback(cluster.stack.close)
        for _ in range(words.workers):
            cluster.add_worker()
        client = stack.enter_context(Client(cluster.address, timeout="60s"))
        client.wait_for_workers(words.workers, timeout=START_SECONDS)

        def sabotage(done: int, of: int, name: str) -> None:
            if done == of // 3:
                cluster.workers[0].kill()
                print(f"{done} graded: a worker is killed", flush=True)
            if done == of // 2:
                cluster.add_worker()
                print(f"{done} graded: a worker is added", flush=True)

        took = {}
        ways = {
            "the cluster": {"client": client, "progress": sabotage},
            "one machine": {"jobs": words.workers},
        }
        for way, options in ways.items():
            began = time.monotonic()
            out = folder / way
            graded = grade(folder / "in", out, masters=[master], **options)
            took[way] = time.monotonic() - began
            again = sum(row.again for row in graded.rows)
            print(f"{way}: {len(graded.rows)} notebooks in {took[way]:.0f} s, {again} not graded",
                  flush=True)  # fmt: skip
        one, other = (folder / way for way in ways)
        same = {
            "grades.csv": (one / "grades.csv").read_bytes() == (other / "grades.csv").read_bytes(),
            "results.json": without_seconds(one) == without_seconds(other),
        }
        for file, equal in same.items():
            print(f"{file}: {'the same' if equal else 'NOT the same'}")
        return 0 if all(same.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
