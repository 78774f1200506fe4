"""Measure ways of doing the same in turn, and keep what came out for ``RESULTS.md``.

All ways run alternately, A B A B and then B A B A, so that what else the machine does falls on
each of them. A ratio is taken within a round; printed are its median over the rounds, and its
smallest and largest value. Beside it stands the ratio of the fastest round of each way.

Between the rounds a product of matrices is timed: if it takes longer, the machine has become
slower, and the report says so. Results are kept only where one commit describes what was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
RESULTS = Path(__file__).parent / "results"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coursekit-bench"
PLAIN, OURS = "the plain way", "ours"
# What a measurement writes into the checkout does not change what is measured.
WRITTEN = ("benchmarks/results", "benchmarks/RESULTS.md")
LONGEST = 3600  # seconds after which a command is taken to hang
SIDE, PRODUCTS = 1536, 5  # of the calibration: about 0.3 s on two cores
REST = 1.0  # seconds before it, in which threads of what was measured stop waiting for more
FROM_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "EDITION", "COURSEKIT_DATA", "KERNELS")


class Question:
    """What one script finds out; :meth:`keep` writes it down for the report.

    Parameters
    ----------
    name : str
        Name of the script, and of the file with its results.
    title, about : str
        Heading of its section, and what stands below it.
    quick : bool
        Whether this run only shows that the script works: nothing is kept.
    """

    def __init__(self, name: str, title: str, about: str, *, quick: bool = False):
        self.name, self.quick = name, quick
        self._calibration: list[float] = []
        self._began = time.perf_counter()
        self.content: dict = {
            "title": title,
            "about": " ".join(about.split()),
            "day": date.today().isoformat(),
            "commit": commit(),
            "machine": machine(),
            "parts": [],
            "goals": [],
            "tried": [],
        }

    def alternate(
        self,
        title: str,
        ways: Mapping[str, Callable[[], float]],
        *,
        rounds: int,
        ours: str = OURS,
        warm_up: bool = True,
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

        Returns
        -------
        dict of str to list of float
            The seconds of each way, one number per round.
        """
        if warm_up and not self.quick:
            for run in ways.values():
                run()
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        self.calibrate()
        for number in range(rounds):
            order = list(ways) if number % 2 == 0 else list(ways)[::-1]
            for way in order:
                seconds[way].append(ways[way]())
            self.calibrate()
            line = ", ".join(f"{way} {taken[-1]:.3g} s" for way, taken in seconds.items())
            print(f"  {title}, round {number + 1} of {rounds}: {line}", flush=True)
        self.add(title, seconds, ours=ours)
        return seconds

    def add(self, title: str, seconds: Mapping[str, list[float]], *, ours: str = OURS) -> dict:
        """Put seconds that were measured in turn into the report, and print their ratios.

        A way that ran fewer rounds than ours is compared by the medians.
        """
        rows = []
        for way, taken in seconds.items():
            row = {"way": way, "seconds": [round(value, 5) for value in taken]}
            if way != ours and ours in seconds:
                row["ratio"] = ratio(taken, seconds[ours])
                row["fastest"] = round(min(taken) / min(seconds[ours]), 4)
            rows.append(row)
        part = {"title": title, "ours": ours, "rows": rows}
        self._finish(part)
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

    def say(self, words: str, *, title: str = "") -> None:
        """Put a sentence or a table of Markdown into the report; a title becomes its heading."""
        print(words, flush=True)
        self._finish({"title": title, "words": words} if title else {"words": words})

    def goal(
        self,
        what: str,
        found: float,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        unit: str = "",
    ) -> None:
        """Put a goal, and what was found, into the table at the top of the report.

        Parameters
        ----------
        what : str
            What is measured.
        found : float
            What came out.
        at_least, at_most : float, optional
            The goal: one of the two.
        unit : str
            Of ``found`` and of the goal.
        """
        if (at_least is None) == (at_most is None):
            raise ValueError(f"The goal of {what!r} has to be one of at_least and at_most.")
        goal = {"at least": at_least} if at_most is None else {"at most": at_most}
        self.content["goals"].append({"what": what, **goal, "found": found, "unit": unit})

    def tried(self, what: str, ratio: tuple[float, float, float]) -> None:
        """Note what was tried on top of ours, and how its seconds compare with those of ours."""
        self.content["tried"].append({"what": what, "ratio": ratio})

    def calibrate(self) -> None:
        """Time the calibration; what is measured next to it becomes part of the report with it."""
        time.sleep(REST)
        self._calibration.append(round(calibration(), 4))

    def keep(self, *, unfinished: bool = False) -> None:
        """Write what was found, for the report; a quick run keeps nothing.

        Parameters
        ----------
        unfinished : bool
            Whether there is more to come, which is measured again after an interruption.
        """
        self.content["unfinished"] = unfinished
        self.content["minutes"] = round((time.perf_counter() - self._began) / 60, 2)
        if self.quick:
            print(f"{self.name}: a quick run; nothing was kept.", flush=True)
            return
        if changed := dirty():
            raise SystemExit(
                f"While {self.name}.py measured, {_listed(changed)} changed: nothing was kept. "
                "Commit or stash this, and run the script again."
            )
        if (now := commit()) != self.content["commit"]:
            raise SystemExit(
                f"{self.name}.py began to measure commit {self.content['commit']}, and now commit "
                f"{now} is checked out: nothing was kept. Run the script again."
            )
        RESULTS.mkdir(exist_ok=True)
        part = RESULTS / f".{self.name}.part"
        part.write_text(json.dumps(self.content, indent=1) + "\n", encoding="utf-8")
        os.replace(part, RESULTS / f"{self.name}.json")

    def _finish(self, part: dict) -> None:
        if self._calibration:
            part["calibration"], self._calibration = self._calibration, []
        self.content["parts"].append(part)


def options_of(
    doc: str, *, rounds: int = 5, more: Callable[[argparse.ArgumentParser], object] | None = None
) -> argparse.Namespace:
    """Return the options of a script, and end it where its results would belong to no commit.

    Parameters
    ----------
    doc : str
        The docstring of the script.
    rounds : int
        How often each way runs.
    more : callable, optional
        Adds options of its own to the parser.

    Returns
    -------
    argparse.Namespace
        With ``rounds`` and ``quick``, among others.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=rounds, help="how often each way runs")
    parser.add_argument(
        "--quick", action="store_true", help="one round of the smallest sizes; keeps nothing"
    )
    if more:
        more(parser)
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}; at least one round is needed.")
    if options.quick:
        options.rounds = 1
    else:
        refuse_dirty()
    return options


def refuse_dirty() -> None:
    """End the program where the working tree has changes that no commit holds."""
    if changed := dirty():
        raise SystemExit(
            f"The working tree has changes that no commit holds ({_listed(changed)}): commit or "
            "stash them first, so that all results belong to one commit."
        )


def dirty() -> list[str]:
    """Return the paths with changes that no commit holds, apart from the results themselves."""
    excluded = [f":(exclude){path}" for path in WRITTEN]
    lines = _git("status", "--porcelain", "--", ".", *excluded).splitlines()
    return [line[3:] for line in lines]


def commit() -> str:
    """Return the commit that is checked out."""
    return _git("rev-parse", "--short=12", "HEAD").strip() or "unknown"


def calibration() -> float:
    """Return the seconds of a fixed number of products of matrices, by the median of them.

    A sum would report every moment in which something else ran; the median reports a machine that
    has become slower.
    """
    matrix = np.full((SIDE, SIDE), 0.5, dtype=np.float32)
    product = np.empty_like(matrix)
    seconds = []
    for _ in range(PRODUCTS):
        began = time.perf_counter()
        np.matmul(matrix, matrix, out=product)
        seconds.append(time.perf_counter() - began)
    return PRODUCTS * statistics.median(seconds)


def ratio(plain: list[float], ours: list[float]) -> tuple[float, float, float]:
    """Return the median, smallest and largest ratio of the rounds.

    With fewer rounds of one way, these are the ratios of its rounds to the median of ours.
    """
    if len(plain) != len(ours):
        ours = [statistics.median(ours)] * len(plain)
    ratios = [one / other for one, other in zip(plain, ours, strict=True)]
    return tuple(round(value, 4) for value in (statistics.median(ratios), min(ratios), max(ratios)))


def command_seconds(command: list[str | Path], *, cwd: Path = ROOT, **env: str | None) -> float:
    """Run a command to its end, and return the seconds it took; None unsets a variable."""
    words = [str(word) for word in command]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{' '.join(words[:4])} did not end within {LONGEST} s.") from None
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(words[:4])} failed:\n{done.stdout[-3000:]}")
    return seconds


def environment(**changed: str | None) -> dict[str, str]:
    """Return this process's environment with some variables set, and others (None) not.

    What `make` passes on to other calls of `make` is not in it.
    """
    env = {name: value for name, value in os.environ.items() if name not in FROM_MAKE}
    env |= {name: value for name, value in changed.items() if value is not None}
    for name, value in changed.items():
        if value is None:
            env.pop(name, None)
    return env


def clone(folder: Path) -> float:
    """Clone the checkout into a folder, objects and all, and return the seconds."""
    shutil.rmtree(folder, ignore_errors=True)
    seconds = command_seconds(["git", "clone", "--quiet", "--no-local", ROOT, folder])
    # A checkout that is on no branch is cloned at another commit.
    command_seconds(["git", "-C", folder, "checkout", "--quiet", "--detach", _full_commit()])
    return seconds


def _full_commit() -> str:
    return _git("rev-parse", "HEAD").strip()


def spread(values: list[float], digits: int = 3) -> str:
    """Return the median as text, with the smallest and the largest value if they differ."""

    def short(value: float) -> str:
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{digits}g}"

    low, high = min(values), max(values)
    middle = short(statistics.median(values))
    return middle if low == high else f"{middle} ({short(low)}–{short(high)})"


def markdown(head: list[str], rows: list[list[object]]) -> str:
    """Return a table of Markdown; columns of numbers are aligned to the right."""
    cells = [[str(cell) for cell in row] for row in rows]

    def alignment(column: int) -> str:
        texts = [row[column].strip("*") for row in cells if row[column]]
        return "---:" if all(text[0].isdigit() for text in texts if text) else "---"

    lines = [head, [alignment(column) for column in range(len(head))], *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> dict[str, str]:
    """Describe what was measured on."""
    found = {
        "cores": str(os.cpu_count()),
        "processor": platform.processor() or platform.machine(),
        "Python": platform.python_version(),
    }
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    if names:
        found["processor"] = names[0]
    for package in ("tensorflow", "keras", "numpy", "scikit-learn", "jupyter-book", "nbgrader"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"git {words[0]} failed ({done.stderr.strip()}): results belong to a commit, so the "
            "benchmarks run in a clone of the repository."
        )
    return done.stdout


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + more
