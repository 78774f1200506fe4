"""A killed `make reproduce` takes its workers along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil

from tests.conftest import ROOT

# Starts the pool as the tool does, with work that never ends by itself.
WAITING = """
import argparse, sys, time
sys.path.insert(0, "tools")
import reproduce

plan = reproduce.Plan("none", "none", "sample", "none", 10, [])
if __name__ == "__main__":
    with reproduce.runs_of([plan], jobs=2):
        print("started", flush=True)
        time.sleep(600)
"""


def test_the_workers_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "waiting.py"
    script.write_text(WAITING)
    parent = subprocess.Popen(
        [sys.executable, str(script)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert parent.stdout.readline() == b"started\n"
        deadline = time.monotonic() + 60
        workers = []
        while len(workers) < 2 and time.monotonic() < deadline:
            workers = [
                child
                for child in psutil.Process(parent.pid).children()
                if "spawn_main" in " ".join(child.cmdline())
            ]
            time.sleep(0.1)
        assert len(workers) == 2
        time.sleep(1)
        os.kill(parent.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert not alive
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
