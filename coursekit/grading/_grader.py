"""Grade one submission: run it, follow it, and judge its answers elsewhere."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from coursekit.datasets import _files
from coursekit.grading._channel import BrokenChannelError, Channel
from coursekit.grading._notebook import BadNotebookError, Master, closest, merge, read
from coursekit.grading._sandbox import LAYERS, OVERRUN, Limits
from coursekit.kernels._client import Forked, Warm, WarmUnavailableError

GRACE_SECONDS = 3.0
CHECK_SECONDS = 60.0
START_SECONDS = 30.0
MOST_BYTES = 256 << 20
MOST_SHOWN = 4 << 20
# What a submission sees of the grader's environment; nothing secret is in it.
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "COURSEKIT_EDITION", "COURSEKIT_DATA")


@dataclass(frozen=True)
class Options:
    """How submissions are graded.

    Attributes
    ----------
    cell_seconds, notebook_seconds : float
        The longest that one cell, and all cells together, may take.
    seed : int
        Of Python, NumPy and Keras, set before the first cell of every submission.
    limits : Limits
    layers : tuple of str
        Of the sandbox, those to try.
    hidden : tuple of str
        Folders that submissions must not read.
    """

    cell_seconds: float = 120.0
    notebook_seconds: float = 600.0
    seed: int = 1
    limits: Limits = field(default_factory=Limits)
    layers: tuple[str, ...] = tuple(LAYERS)
    hidden: tuple[str, ...] = ()


class SandboxError(RuntimeError):
    """A layer of the sandbox that is required does not work here."""


class Grader:
    """Grades submissions, each in a process of its own that a warm one forks.

    Parameters
    ----------
    masters : sequence of Master
    options : Options
    """

    def __init__(self, masters: Sequence[Master], options: Options | None = None):
        self.masters = list(masters)
        self.options = options or Options()
        self._warm: Warm | None = None
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="coursekit-grade-")

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the warm process, and remove what was written."""
        self._renew()
        with suppress(OSError):
            self._folder.cleanup()

    def sandbox(self) -> dict[str, str]:
        """Return the layers of the sandbox that are on here, and by what means."""
        with _Run(self, "serve") as run:
            return run.ready(START_SECONDS).get("layers", {})

    def grade(self, content: bytes, name: str = "") -> dict[str, Any]:
        """Grade one notebook.

        Parameters
        ----------
        content : bytes
            Of the file.
        name : str
            Its stem, which tells the master where no cell does.

        Returns
        -------
        dict
            ``set``, ``status``, ``points``, ``possible``, ``checks``, ``remarks``, ``cells``
            and ``seconds``; what JSON can carry.
        """
        began = time.monotonic()
        try:
            notebook = read(content)
            master = closest(self.masters, notebook, name)
            merged = merge(master, notebook)
        except BadNotebookError as error:
            master = self.masters[0] if len(self.masters) == 1 else None
            return ungraded(master, str(error), time.monotonic() - began)
        for attempt in (1, 2):
            try:
                outcome = _Submission(self, master, merged.steps).grade()
                break
            except WarmUnavailableError as error:
                # Without its own process space, a submission can end the warm process. Then
                # another takes its place, and others that ran beside it are run again.
                self._renew()
                if attempt == 2:
                    return ungraded(master, str(error), time.monotonic() - began)
        outcome["remarks"] = [*merged.remarks, *outcome["remarks"]]
        outcome["seconds"] = round(time.monotonic() - began, 2)
        return outcome

    def _renew(self) -> None:
        """End the warm process; whoever needs one next starts another."""
        with self._lock:
            if self._warm is not None:
                self._warm.close()
                self._warm = None

    def warm(self) -> Warm:
        """Return the warm process, started if need be."""
        with self._lock:
            if self._warm is None:
                env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
                self._warm = Warm(
                    shared=False,
                    preload=(
                        "coursekit.grading.checks",
                        "coursekit.grading._runner",
                        "coursekit.datasets",
                        "coursekit.preprocessing",
                        "coursekit.models",
                        "coursekit.training",
                        "coursekit.evaluation",
                        "coursekit.plotting",
                        "pyarrow",
                    ),
                    env=env,
                )
            return self._warm

    def spec(self, scratch: str) -> dict[str, Any]:
        """Return what a runner has to know."""
        options = self.options
        readable = [str(_files.bundled_directory()), str(_files.cache_directory())]
        if (named := _files.data_directory()) is not None:
            readable.append(str(named))
        return {
            "layers": list(options.layers),
            "limits": asdict(options.limits),
            "seed": options.seed,
            "hidden": list(options.hidden),
            "readable": [str(Path(folder).resolve()) for folder in readable],
            "scratch": scratch,
        }

    def scratch(self) -> str:
        """Make an empty folder."""
        return tempfile.mkdtemp(dir=self._folder.name)


class _Run:
    """A forked process, the channel to it, and its scratch folder."""

    def __init__(self, grader: Grader, function: str):
        self._scratch = grader.scratch()
        ours, theirs = socket.socketpair()
        env = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        env["TF_CPP_MIN_LOG_LEVEL"] = "3"
        # Beyond what is asked of it, a runner asks for nothing: no terminal, no colours.
        env["NO_COLOR"] = "1"
        try:
            self.process: Forked = grader.warm().fork(
                f"coursekit.grading._runner:{function}",
                grader.spec(self._scratch),
                fds=[theirs.fileno()],
                cwd="/",
                env=env,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.channel = Channel(ours, budget=MOST_BYTES)

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def ready(self, timeout: float) -> dict[str, Any]:
        """Wait for the first message."""
        try:
            return self.channel.receive(timeout)[0]
        except (EOFError, TimeoutError) as error:
            raise WarmUnavailableError(f"a forked process did not start: {error!r}") from None

    def interrupt(self) -> None:
        """Interrupt the cell that runs."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """End the process and all below it, and return its exit status."""
        self.channel.close()
        # After its last step a runner ends by itself; whoever does not is helped.
        for help_on, seconds in (
            (lambda: None, 0.5),
            (self.process.terminate, 6),
            (self.process.kill, 6),
        ):
            with suppress(ProcessLookupError):
                help_on()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                break
        shutil.rmtree(self._scratch, ignore_errors=True)
        return self.process.returncode if self.process.returncode is not None else -9


class _Submission:
    """The grading of one submission."""

    def __init__(self, grader: Grader, master: Master, steps: Sequence[Any]):
        self.grader = grader
        self.options = grader.options
        self.master = master
        self.steps = steps
        self.code = [step for step in steps if step.runs]
        self.outputs: list[list[dict]] = [[] for _ in self.code]
        self.status = ["not run"] * len(self.code)
        self.answers: list[dict[str, tuple[dict, bytes]]] = [{} for _ in self.code]
        self.verdicts: dict[int, str] = {}
        self.remarks: list[str] = []
        self.shown = 0

    def grade(self) -> dict[str, Any]:
        self._run()
        results = self._judge()
        cells, checks, number = [], [], -1
        for step in self.steps:
            cell = {"kind": step.kind, "source": step.shown, "outputs": [], "status": ""}
            cell["prose"] = step.kind == "text" or step.prose
            if step.runs:
                number += 1
                cell["outputs"], cell["status"] = self.outputs[number], self.status[number]
            if step.kind in ("check", "tests", "manual"):
                check = results.get(number) if step.kind != "manual" else None
                if check is None:
                    check = self._entry(step, None, "This is graded by a person.")
                cell["check"] = len(checks)
                checks.append(check)
            cells.append(cell)
        return {
            "set": self.master.name,
            "status": "graded" if not self._trouble() else "graded, with trouble",
            "points": sum(check["earned"] for check in checks),
            "possible": self.master.points,
            "checks": checks,
            "remarks": self.remarks,
            "cells": cells,
        }

    def _trouble(self) -> bool:
        return any(status in ("not run", "timed out") for status in self.status)

    def _entry(self, step, passed: bool | None, message: str) -> dict[str, Any]:
        by = {"check": "answers", "tests": "in-process", "manual": "a person"}[step.kind]
        return {
            "id": step.check or step.identifier,
            "title": step.title,
            "points": step.points,
            "earned": step.points if passed else 0,
            "passed": passed,
            "message": message,
            "by": by,
            "hidden": step.hidden,
        }

    # What follows runs the submission's code.

    def _run(self) -> None:
        with _Run(self.grader, "serve") as run:
            run.ready(START_SECONDS)
            steps = [
                {
                    "kind": "code" if step.kind == "manual" else step.kind,
                    "source": step.source,
                    "answers": step.answers,
                }
                for step in self.code
            ]
            with suppress(OSError):
                run.channel.send({"steps": steps})
            stopped = self._follow(run)
            status = run.end()
        if "not run" in self.status or "running" in self.status:
            reached = next(
                (n for n, state in enumerate(self.status) if state in ("running", "not run")), 0
            )
            reason = stopped or self._reason(status)
            self.status[reached] = "timed out" if stopped else "ended the process"
            self.remarks.append(f"{self._place(reached)}: {reason}")

    def _follow(self, run: _Run) -> str:
        """Take what the runner sends until it ends; says why we stopped it, if we did."""
        options = self.options
        last = time.monotonic() + options.notebook_seconds
        until = last
        current, interrupted = -1, False
        while True:
            try:
                message, blob = run.channel.receive(max(0.0, min(until, last) - time.monotonic()))
            except TimeoutError:
                now = time.monotonic()
                if now >= last:
                    return f"the notebook took more than {options.notebook_seconds:g} s"
                if interrupted or current < 0:
                    return f"it took more than {options.cell_seconds:g} s and took no interrupt"
                interrupted = True
                until = now + GRACE_SECONDS
                run.interrupt()
                continue
            except EOFError:
                return ""
            except BrokenChannelError as error:
                return f"it sends what no submission sends ({error})"
            event, number = message.get("event"), message.get("step")
            if not isinstance(number, int) or not 0 <= number < len(self.code):
                return "it sends what no submission sends (a step that there is not)"
            if event == "start" and number == current + 1:
                current, interrupted = number, False
                self.status[number] = "running"
                until = time.monotonic() + options.cell_seconds
            elif number != current:
                return "it sends what no submission sends (steps out of order)"
            elif event == "end":
                self.status[number] = "timed out" if interrupted else str(message.get("status"))
                if interrupted:
                    self.remarks.append(
                        f"{self._place(number)}: it took more than {options.cell_seconds:g} s and "
                        "was interrupted"
                    )
                until = time.monotonic() + options.cell_seconds
            elif event == "output":
                self._output(number, message.get("output"))
            elif event == "answer":
                name = message.get("name")
                if name in self.code[number].answers:
                    self.answers[number][name] = (message, blob)
            elif event == "verdict":
                self.verdicts[number] = str(message.get("failed"))[:2000]

    def _output(self, number: int, output: Any) -> None:
        if not isinstance(output, dict):
            return
        size = len(str(output))
        if self.shown + size <= MOST_SHOWN:
            self.shown += size
            self.outputs[number].append(output)

    def _place(self, number: int) -> str:
        step = self.code[number]
        return f"cell {step.identifier!r}" if step.identifier else f"code cell {number + 1}"

    @staticmethod
    def _reason(status: int) -> str:
        if status in OVERRUN:
            return f"it used more than the limit of {OVERRUN[status]}, and was ended"
        if status > 128 or status < 0:
            number = status - 128 if status > 128 else -status
            with suppress(ValueError):
                return f"its process was ended by {signal.Signals(number).name}"
        return f"it ended its process (exit status {status})"

    # What follows believes nothing that came from there.

    def _judge(self) -> dict[int, dict[str, Any]]:
        """Return an entry for every check and every cell of tests."""
        results: dict[int, dict[str, Any]] = {}
        waiting = []
        for number, step in enumerate(self.code):
            if step.kind == "tests":
                failed = self.verdicts.get(number)
                if failed is None:
                    failed = self._unreached(number)
                results[number] = self._entry(step, failed == "", failed)
            elif step.kind == "check":
                if set(self.answers[number]) == set(step.answers):
                    waiting.append(number)
                else:
                    results[number] = self._entry(step, False, self._unreached(number))
        while waiting:
            waiting = self._judge_some(waiting, results)
        return results

    def _unreached(self, number: int) -> str:
        if self.status[number] == "timed out":
            return "It took too long."
        return "The notebook ended before this cell."

    def _judge_some(self, waiting: list[int], results: dict[int, dict[str, Any]]) -> list[int]:
        """Judge in one process; returns what is left if that process does not survive."""
        with _Run(self.grader, "judge") as run:
            run.ready(START_SECONDS)
            for position, number in enumerate(waiting):
                step = self.code[number]
                request, blobs = [], []
                for name in step.answers:
                    message, blob = self.answers[number][name]
                    request.append(
                        {
                            "name": name,
                            "missing": bool(message.get("missing")),
                            "none": bool(message.get("none")),
                            "problem": str(message.get("problem") or ""),
                            "length": len(blob),
                        }
                    )
                    blobs.append(blob)
                try:
                    run.channel.send({"check": step.check, "answers": request}, b"".join(blobs))
                    verdict, _ = run.channel.receive(CHECK_SECONDS)
                    passed, message = verdict["passed"] is True, str(verdict["message"])
                except (OSError, EOFError, BrokenChannelError, KeyError) as error:
                    passed = False
                    message = f"The answer could not be judged: {_why(error)}."
                    results[number] = self._entry(step, passed, message)
                    return waiting[position + 1 :]
                results[number] = self._entry(step, passed, message)
        return []


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"that took more than {CHECK_SECONDS:g} s"
    return "reading it took more memory than is allowed, or ended the process that read it"


def ungraded(master: Master | None, reason: str, seconds: float) -> dict[str, Any]:
    """Return the outcome for a file that cannot be run."""
    checks = []
    for step in master.graded if master else ():
        checks.append(
            {
                "id": step.check or step.identifier,
                "title": step.title,
                "points": step.points,
                "earned": 0,
                "passed": False,
                "message": "The notebook could not be read.",
                "by": "answers" if step.kind == "check" else "in-process",
                "hidden": step.hidden,
            }
        )
    return {
        "set": master.name if master else "",
        "status": "not graded",
        "points": 0,
        "possible": master.points if master else 0,
        "checks": checks,
        "remarks": [reason],
        "cells": [],
        "seconds": round(seconds, 2),
    }
