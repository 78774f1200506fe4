"""Measure ways of doing the same in turn, and keep what came out for ``RESULTS.md``.

All ways run alternately, A B A B and then B A B A, so that what else the machine does falls on
each of them. A ratio is taken within a round; printed are its median over the rounds, and its
smallest and largest value. Beside it stands the ratio of the fastest round of each way.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
RESULTS = Path(__file__).parent / "results"
PLAIN, OURS = "the plain way", "ours"


class Question:
    """What one script finds out; :meth:`keep` writes it down for the report."""

    def __init__(self, name: str, title: str, about: str):
        self.name = name
        self.content: dict = {
            "title": title,
            "about": " ".join(about.split()),
            "day": date.today().isoformat(),
            "commit": _commit(),
            "machine": machine(),
            "parts": [],
        }

    def alternate(
        self,
        title: str,
        ways: Mapping[str, Callable[[], float]],
        *,
        rounds: int,
        ours: str = OURS,
        warm_up: bool = True,
        goal: float | None = None,
        against: str = PLAIN,
    ) -> dict[str, list[float]]:
        """Run all ways in turn, and put their seconds into the report.

        Parameters
        ----------
        title : str
            What is done.
        ways : mapping of str to callable
            Each returns the seconds that it took.
        rounds : int
            How often each runs; a warm-up before them is not counted.
        ours : str
            The way that the others are compared with.
        warm_up : bool
            Run each once before. False where that would take too long.
        goal : float, optional
            How many times faster than ``against`` ours has to be.
        against : str
            See above.
        """
        if warm_up:
            for run in ways.values():
                run()
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds):
            order = list(ways) if number % 2 == 0 else list(ways)[::-1]
            for way in order:
                seconds[way].append(ways[way]())
            line = ", ".join(f"{way} {taken[-1]:.3g} s" for way, taken in seconds.items())
            print(f"  {title}, round {number + 1} of {rounds}: {line}", flush=True)
        self.add(title, seconds, ours=ours, goal=goal, against=against)
        return seconds

    def add(
        self,
        title: str,
        seconds: Mapping[str, list[float]],
        *,
        ours: str = OURS,
        goal: float | None = None,
        against: str = PLAIN,
    ) -> dict:
        """Put seconds that were measured in turn into the report, and print their ratios."""
        rows = []
        for way, taken in seconds.items():
            row = {"way": way, "seconds": [round(value, 5) for value in taken]}
            if way != ours:
                row["ratio"] = ratio(taken, seconds[ours])
                row["fastest"] = round(min(taken) / min(seconds[ours]), 4)
            rows.append(row)
        part = {"title": title, "ours": ours, "rows": rows}
        if goal is not None:
            part["goal"] = {"against": against, "at least": goal}
        self.content["parts"].append(part)
        for row in rows:
            if "ratio" in row:
                middle, low, high = row["ratio"]
                print(
                    f"{title}: {ours} is {middle:.2f} times as fast as {row['way']} "
                    f"({low:.2f} to {high:.2f} over {len(row['seconds'])} rounds; "
                    f"{row['fastest']:.2f} by the fastest of each)",
                    flush=True,
                )
        return part

    def say(self, words: str) -> None:
        """Put a sentence or a table of Markdown into the report."""
        print(words, flush=True)
        self.content["parts"].append({"words": words})

    def keep(self) -> None:
        """Write what was found; the report is made of it."""
        RESULTS.mkdir(exist_ok=True)
        part = RESULTS / f".{self.name}.part"
        part.write_text(json.dumps(self.content, indent=1) + "\n", encoding="utf-8")
        os.replace(part, RESULTS / f"{self.name}.json")


def ratio(plain: list[float], ours: list[float]) -> tuple[float, float, float]:
    """Return the median, smallest and largest ratio of the rounds."""
    ratios = [one / other for one, other in zip(plain, ours, strict=True)]
    return tuple(round(value, 4) for value in (statistics.median(ratios), min(ratios), max(ratios)))


def command_seconds(command: list[str | Path], *, cwd: Path = ROOT, **env: str | None) -> float:
    """Run a command to its end, and return the seconds it took; None unsets a variable."""
    words = [str(word) for word in command]
    began = time.perf_counter()
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(words[:4])} failed:\n{done.stdout[-3000:]}")
    return seconds


def environment(**changed: str | None) -> dict[str, str]:
    """Return this process's environment with some variables set, and others (None) not."""
    env = {**os.environ, **{name: value for name, value in changed.items() if value is not None}}
    for name, value in changed.items():
        if value is None:
            env.pop(name, None)
    return env


def machine() -> dict[str, str]:
    """Describe what was measured on."""
    found = {
        "cores": str(os.cpu_count()),
        "processor": platform.processor() or platform.machine(),
        "Python": platform.python_version(),
    }
    with open("/proc/cpuinfo") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    if names:
        found["processor"] = names[0]
    for package in ("tensorflow", "keras", "numpy", "scikit-learn", "jupyter-book", "nbgrader"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"
