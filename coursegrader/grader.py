"""Grade one submission: run it in a sandbox, and judge its answers in another one."""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from coursegrader.canary import canary, mutants
from coursegrader.channel import BrokenChannelError, Channel
from coursegrader.master import Master, Merged, Step, closest, merge
from coursegrader.notebook import (
    MAX_NOTEBOOK_BYTES,
    BadNotebookError,
    Cell,
    VariantMark,
    too_large,
)
from coursegrader.outcomes import BLANK, CellOutcome, CheckOutcome, Output, SubmissionOutcome
from coursegrader.release import RAISING_STUB, TEXT_STUB
from coursegrader.sandbox import LAYERS, OVERRUN, Limits
from coursegrader.variants import Recipient, Verdict, verify
from coursekit import datasets, exercises
from warmkernels.client import Forked, Warm, WarmUnavailableError

GRACE_SECONDS = 3.0
CHECK_SECONDS = 60.0
START_SECONDS = 30.0
READ_SECONDS = 30.0
FOLDER_PREFIX, LOCK_NAME = "coursekit-grade-", "lock"
CANARY_SECONDS = 10.0
MAX_RECEIVED_BYTES = 256 << 20
MAX_SHOWN_BYTES = 4 << 20
MAX_OUTPUTS = 2000
# The environment variables that a submission can see, and those of the warm process. They must not
# contain secrets. Names are given in full: TF_TOKEN_... does not belong to TensorFlow.
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "COURSEKIT_EDITION", "COURSEKIT_DATA")
IMPORT_ENVIRONMENT = (*ENVIRONMENT, "HOME", "TMPDIR", "COURSEKIT_CACHE", "PYTHONDONTWRITEBYTECODE",
                  "PYTHONHASHSEED", "LD_LIBRARY_PATH", "KERAS_BACKEND", "CUDA_VISIBLE_DEVICES",
                  "TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
                  "TF_XLA_FLAGS", "XLA_FLAGS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                  "MKL_NUM_THREADS")  # fmt: skip
NOTE_REMARKS = {
    "imports": "it imports the checks, which are not here: answers are judged elsewhere",
    "calls": "it calls a check outside of the cell that is there for it",
}


@dataclass(frozen=True)
class Options:
    """How submissions are graded.

    Attributes
    ----------
    cell_seconds, notebook_seconds : float
        Time limits in seconds for one cell and for all cells together.
    seed : int
        Seed for Python, NumPy and Keras, set before the first cell of every submission.
    limits : Limits
    layers : tuple of str
        Layers of the sandbox to try.
    hidden : tuple of str
        Folders that submissions must not read.
    checks : tuple of str
        Paths of additional files of checks, for :func:`coursekit.exercises.use`. Submissions
        cannot read them.
    """

    cell_seconds: float = 120.0
    notebook_seconds: float = 600.0
    seed: int = 1
    limits: Limits = field(default_factory=Limits)
    layers: tuple[str, ...] = tuple(LAYERS)
    hidden: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


class SandboxError(RuntimeError):
    """The sandbox lacks a layer that is required, or a file of checks cannot be used in it."""


class Grader:
    """Grades submissions, each in its own process, forked from a warm process.

    Parameters
    ----------
    masters : sequence of Master
        The exercises that submissions may belong to.
    options : Options, optional
    """

    def __init__(self, masters: Sequence[Master], options: Options | None = None):
        self.masters = list(masters)
        self.options = options or Options()
        self._warm: Warm | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._running: set[_SandboxProcess] = set()
        self._folder = tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX)
        # Locked as long as this process lives: if the lock is free, the folder is left over.
        self._held = FileLock(Path(self.folder) / LOCK_NAME, thread_local=False)
        self._held.acquire()

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all running submissions and the warm process, and remove the temporary files."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for run in running:  # a thread may wait minutes for each of them
            with suppress(ProcessLookupError):
                run.process.kill()
        self._end_warm_process()
        self._held.release()
        with suppress(OSError):
            self._folder.cleanup()

    def sandbox(self) -> dict[str, str]:
        """Start a sandbox to find out which layers work here.

        Returns
        -------
        dict of str to str
            The active layers, with the mechanism of each.

        Raises
        ------
        WarmUnavailableError
            If the process cannot be started.
        """
        with _SandboxProcess(self, "serve") as run:
            return run.wait_until_ready(START_SECONDS).get("layers", {})

    def grade(
        self, content: bytes, name: str = "", recipient: Recipient | None = None
    ) -> SubmissionOutcome:
        """Grade one notebook.

        Parameters
        ----------
        content : bytes
            Content of the file.
        name : str
            Its name without suffix, which identifies the master if no cell does.
        recipient : Recipient, optional
            Whose notebook it is, to verify its variant. By default, the variant of the master
            counts.

        Returns
        -------
        SubmissionOutcome
            With empty student, path and key.

        Raises
        ------
        SandboxError
            If a file of checks cannot be used in the sandbox.
        """
        began = time.monotonic()
        master = self.masters[0] if len(self.masters) == 1 else None
        for attempt in (1, 2):
            warm = None
            try:
                warm = self.warm()
                outcome = self._grade(content, name, recipient)
                break
            except BadNotebookError as error:
                return ungraded(master, str(error), time.monotonic() - began)
            except WarmUnavailableError as error:
                # Without a process namespace, a submission can kill the warm process. Then
                # another one is started, and the submissions that ran in it are run again.
                self._end_warm_process(warm)
                if attempt == 2:
                    # The submission is not to blame, so the next run tries again.
                    row = ungraded(master, str(error), time.monotonic() - began)
                    return replace(row, again=True)
        return replace(outcome, seconds=round(time.monotonic() - began, 2))

    def _grade(self, content: bytes, name: str, recipient: Recipient | None) -> SubmissionOutcome:
        if len(content) > MAX_NOTEBOOK_BYTES:
            raise BadNotebookError(too_large(len(content)))
        with tempfile.TemporaryDirectory(dir=self.folder) as spool:
            with _SandboxProcess(self, "serve") as run:
                run.wait_until_ready(START_SECONDS)
                cells, mark = run.read(content)
                master, variant = closest(self.masters, cells, name), Verdict()
                if master.variant:
                    variant = verify(master.variant, mark, master.seed_in(cells), recipient)
                    master = master.with_seed(variant.seed)
                elif mark.problem != "missing":
                    said = f"its metadata are those of a variant, and {master.name} has none"
                    variant = Verdict(remarks=(said,))
                merged = merge(master, cells)
                submission = _SubmissionGrading(self, master, merged, variant, Path(spool))
                submission.run(run)
            return submission.outcome()

    def _end_warm_process(self, failed: Warm | None = None) -> None:
        """End the warm process; the next grading starts another.

        If ``failed`` is given and another one has been started since, that one goes on.
        """
        with self._lock:
            if self._warm is not None and failed in (None, self._warm):
                self._warm.close()
                self._warm = None

    def warm(self) -> Warm:
        """Return the warm process; start it if necessary.

        Raises
        ------
        WarmUnavailableError
            If it cannot be started, or the grader is closed.
        """
        with self._lock:
            if self._closed:
                raise WarmUnavailableError("grading was stopped")
            if self._warm is None:
                env = {name: os.environ[name] for name in IMPORT_ENVIRONMENT if name in os.environ}
                self._warm = Warm(
                    shared=False,
                    remove=[self._folder.name],
                    preload=(
                        "coursegrader.notebook",
                        "coursegrader.runner",
                        "coursekit.exercises.kinds",
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

    def spec(self, function: str, scratch: str, variant: int = 0) -> dict[str, Any]:
        """Return the settings of a forked process.

        Parameters
        ----------
        function : {"serve", "judge"}
            The function of :mod:`coursegrader.runner` that it runs.
        scratch : str
            Its scratch folder.
        variant : int
            Seed of the variant by which answers are judged.
        """
        options = self.options
        hidden = list(options.hidden)
        readable = [str(folder) for folder in datasets.folders().values() if folder]
        checks = [Path(path).resolve() for path in options.checks]
        if function == "serve":  # the checks reveal the answers
            hidden.append(str(Path(exercises.__file__).resolve().parent / "checks"))
            # Importing such a file leaves a compiled copy there.
            hidden += [str(one) for path in checks for one in (path, path.parent / "__pycache__")]
        else:  # a file of checks may read other files in its folder
            readable += [str(path.parent) for path in checks]
        return {
            "layers": list(options.layers),
            "limits": asdict(options.limits),
            "seed": options.seed,
            "variant": variant,
            "hidden": hidden,
            "readable": [str(Path(folder).resolve()) for folder in readable],
            "scratch": scratch,
            "checks": [str(path) for path in checks] if function == "judge" else [],
        }

    def started(self, run: _SandboxProcess) -> None:
        """Register a process, so that :meth:`close` can end it."""
        with self._lock:
            self._running.add(run)
            stopped = self._closed
        if stopped:
            run.process.kill()

    def ended(self, run: _SandboxProcess) -> None:
        """Unregister a process that has ended."""
        with self._lock:
            self._running.discard(run)

    @property
    def folder(self) -> str:
        """The temporary folder, which is removed when grading ends."""
        return self._folder.name

    def scratch(self) -> str:
        """Make an empty scratch folder, and return its path."""
        return tempfile.mkdtemp(dir=self.folder)


def remove_leftovers() -> None:
    """Remove the temporary folders of earlier runs that were killed."""
    for lock in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*/{LOCK_NAME}"):
        with suppress(OSError, Timeout):
            if lock.lstat().st_uid == os.getuid() and not lock.parent.is_symlink():
                with FileLock(lock, timeout=0):
                    shutil.rmtree(lock.parent, ignore_errors=True)


class _SandboxProcess:
    """A forked process in a sandbox, with a channel to it and a scratch folder."""

    def __init__(self, grader: Grader, function: str, variant: int = 0):
        self._scratch = grader.scratch()
        ours, theirs = socket.socketpair()
        env = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        env["TF_CPP_MIN_LOG_LEVEL"] = "3"
        # There is no terminal, so no colours.
        env["NO_COLOR"] = "1"
        try:
            self.process: Forked = grader.warm().fork(
                f"coursegrader.runner:{function}",
                grader.spec(function, self._scratch, variant),
                fds=[theirs.fileno()],
                cwd="/",
                env=env,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.channel = Channel(ours, budget=MAX_RECEIVED_BYTES)
        self._grader = grader
        grader.started(self)

    def __enter__(self) -> _SandboxProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def wait_until_ready(self, timeout: float) -> dict[str, Any]:
        """Wait for the first message, and return it.

        Raises
        ------
        WarmUnavailableError
            If it does not arrive within the timeout (in seconds).
        """
        try:
            return self.channel.receive(timeout)[0]
        except (EOFError, TimeoutError) as error:
            raise WarmUnavailableError(f"a forked process did not start: {error!r}") from None

    def read(self, content: bytes) -> tuple[list[Cell], VariantMark]:
        """Read a submitted notebook in the sandbox, before any of its code runs.

        Returns
        -------
        cells : list of Cell
        mark : VariantMark
            What its metadata say of its variant.

        Raises
        ------
        BadNotebookError
            If it is not a valid notebook, or reading it takes too much time or memory.
        WarmUnavailableError
            If the warm process has ended.
        """
        try:
            self.channel.send({"ask": "read"}, content, READ_SECONDS)
            answer, cells = self.channel.receive(READ_SECONDS)
        except (OSError, EOFError) as error:
            self.end_or_raise()
            what = "time" if isinstance(error, TimeoutError) else "memory"
            raise BadNotebookError(f"reading the file takes more {what} than is allowed.") from None
        if answer["problem"]:
            raise BadNotebookError(answer["problem"])
        mark = VariantMark.from_metadata(answer["metadata"])
        return [Cell(*cell) for cell in json.loads(cells)], mark

    def interrupt(self) -> None:
        """Interrupt the running cell."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """End the process and its descendants, and return its exit status."""
        self.channel.close()
        # After its last step a runner ends by itself. If it does not, terminate and then kill it.
        for stop, seconds in (
            (lambda: None, 0.5),
            (self.process.terminate, 6),
            (self.process.kill, 6),
        ):
            with suppress(ProcessLookupError):
                stop()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                break
        self._grader.ended(self)
        shutil.rmtree(self._scratch, ignore_errors=True)
        return self.process.returncode if self.process.returncode is not None else -9

    def end_or_raise(self) -> int:
        """End a process that did not answer to the end, and return its exit status.

        Raises
        ------
        WarmUnavailableError
            If the warm process ended before it, so that the submission need not be to blame.
        """
        status = self.end()
        if self.process.lost:
            raise WarmUnavailableError("the warm process ended while the submission ran")
        return status


class _SubmissionGrading:
    """Runs the steps of one submission, and judges the answers that it sends."""

    def __init__(
        self, grader: Grader, master: Master, merged: Merged, variant: Verdict, spool: Path
    ):
        self.grader = grader
        self.variant = variant
        self.spool = spool  # folder for answers, which may be large and many
        self.options = grader.options
        self.master = master
        self.steps = merged.steps
        self.code = [step for step in self.steps if step.runs]
        self.outputs: list[list[Output]] = [[] for _ in self.code]
        self.status = ["not run"] * len(self.code)
        self.answers: list[dict[str, tuple[dict, Path]]] = [{} for _ in self.code]
        self.verdicts: dict[int, dict[str, Any]] = {}
        self.took: dict[int, float] = {}
        self.tampered: dict[int, str] = {}
        self.remarks = [*variant.remarks, *merged.remarks]
        self.shown = 0
        self.blanks = {
            step.identifier: step.shown for step in master.steps if step.kind == "manual"
        }

    def outcome(self) -> SubmissionOutcome:
        """Judge the answers, and return the outcome of the submission."""
        results = self._judge()
        cells, checks, number = [], [], -1
        for step in self.steps:
            outputs, status, held = [], "", None
            if step.runs:
                number += 1
                outputs, status = self.outputs[number], self.status[number]
            if step.kind in ("check", "tests", "manual"):
                held = len(checks)
                checks.append(results[number] if step.kind != "manual" else self._manual(step))
            prose = step.kind == "text" or step.prose
            cells.append(CellOutcome(step.kind, step.shown, tuple(outputs), status, prose, held))
        outcome = SubmissionOutcome(
            self.master.name,
            "graded",
            float(self.master.points),
            tuple(checks),
            tuple(self.remarks),
            tuple(cells),
            variant=self.variant.status,
        )
        ended = {"not run", "timed out", "ended the process"} & set(self.status)
        if ended or self.variant.trouble:
            return replace(outcome, status="graded, with trouble")
        return replace(outcome, status="waiting") if outcome.waiting else outcome

    def _manual(self, step: Step) -> CheckOutcome:
        """Return the outcome of a cell that a person grades; as in nbgrader, a blank earns 0."""
        blank = self.blanks.get(step.identifier, "")
        if step.identifier in self.master.solutions and _unstubbed(step.shown) == _unstubbed(blank):
            return _check_outcome(step, False, BLANK)
        return _check_outcome(step, None, "This is graded by a person.")

    # These methods run the submission's code.

    def run(self, run: _SandboxProcess) -> None:
        """Run all steps; each is sent after the previous one has ended."""
        stopped, reached = "", 0
        self.last = time.monotonic() + self.options.notebook_seconds
        try:
            self._send_files(run)
            for reached, step in enumerate(self.code):
                if step.kind == "tests":
                    self._send_files(run)  # tests read the master's, whatever was written there
                    self._run_canary(run, reached)
                self.status[reached] = "running"
                kind = "code" if step.kind == "manual" else step.kind
                began = time.monotonic()
                self.verdicts[reached] = self._run_step(
                    run, reached, kind, step.source, step.answers, self.options.cell_seconds
                )
                self.took[reached] = time.monotonic() - began
            self._run_mutants(run)
        except _StoppedError as error:
            stopped = str(error)
        except (EOFError, OSError):
            pass  # the submission has ended its process
        run.end()
        if "not run" in self.status or "running" in self.status:
            status = run.end_or_raise()
            self.status[reached] = "timed out" if stopped else "ended the process"
            self.remarks.append(
                f"{self._cell_name(reached)}: {stopped or self._why_it_ended(status)}"
            )

    def _send_files(self, run: _SandboxProcess) -> None:
        """Put the master's files beside the notebook."""
        for name, content in self.master.files:
            try:
                run.channel.send({"ask": "file", "name": name}, content, READ_SECONDS)
            except TimeoutError:
                raise _StoppedError("it does not take the files beside it") from None

    def _run_step(
        self,
        run: _SandboxProcess,
        number: int,
        kind: str,
        source: str,
        answers: Mapping[str, str] | None,
        seconds: float,
    ) -> dict[str, Any]:
        """Run one step, and return the message that ends it.

        If ``answers`` is None, the step is a canary, and its outputs are discarded.

        Raises
        ------
        _StoppedError
            If it takes too long, or sends an invalid message.
        EOFError, OSError
            If the process has ended.
        """
        # Only a process that knows the nonce can end the step.
        nonce = secrets.token_hex(8)
        step = {"nonce": nonce, "kind": kind, "source": source, "answers": dict(answers or {})}
        until, interrupted, noted = time.monotonic() + seconds, False, set()
        try:
            run.channel.send({"ask": "step"}, json.dumps(step).encode(), seconds)
        except TimeoutError:
            raise _StoppedError("it does not take its next cell") from None
        while True:
            left = min(until, self.last) - time.monotonic()
            try:
                message, blob = run.channel.receive(max(0.0, left))
            except TimeoutError:
                now = time.monotonic()
                if now >= self.last:
                    limit = self.options.notebook_seconds
                    raise _StoppedError(f"the notebook took more than {limit:g} s") from None
                if interrupted:
                    text = f"it took more than {seconds:g} s and took no interrupt"
                    raise _StoppedError(text) from None
                interrupted, until = True, now + GRACE_SECONDS
                run.interrupt()
                continue
            except BrokenChannelError as error:
                raise _StoppedError(f"it sends what no submission sends ({error})") from None
            event = message.get("event")
            if event == "end":
                if message.get("nonce") != nonce:
                    raise _StoppedError("it sends what no submission sends (another step's end)")
                if answers is not None:
                    self._keep_status(number, message, interrupted)
                return message
            if event == "note" and message.get("note") == "kept":
                self.tampered[number] = "a file that they may read could not be put back"
            if answers is None:
                continue
            if event == "output":
                self._keep_output(number, message, blob)
            elif event == "answer":
                name = message.get("name")
                if isinstance(name, str) and name in answers:
                    path = self.spool / f"{number}-{len(self.answers[number])}"
                    if name in self.answers[number]:
                        path = self.answers[number][name][1]
                    path.write_bytes(blob)
                    self.answers[number][name] = (message, path)
            elif event == "note":
                note = message.get("note")
                if isinstance(note, str) and note in NOTE_REMARKS and note not in noted:
                    noted.add(note)
                    self.remarks.append(f"{self._cell_name(number)}: {NOTE_REMARKS[note]}")

    def _keep_status(self, number: int, message: dict[str, Any], interrupted: bool) -> None:
        status = message.get("status")
        known = status if status in ("ok", "error", "interrupted") else "error"
        self.status[number] = "timed out" if interrupted else known
        if interrupted:
            self.remarks.append(
                f"{self._cell_name(number)}: it took more than {self.options.cell_seconds:g} s and "
                "was interrupted"
            )

    # In-process tests run in the same process as the submission's code, which can tamper with them.
    # A canary is a test that must fail; if it passes, the tests were tampered with.

    def _run_canary(self, run: _SandboxProcess, number: int) -> None:
        """Run a test that must fail, just as a real one is run."""
        source, message = canary()
        end = self._run_step(run, number, "tests", source, None, self.options.cell_seconds)
        if end.get("status") == "interrupted":
            return
        if end.get("failed") != message:
            self.tampered[number] = "a test that must fail did not"

    def _run_mutants(self, run: _SandboxProcess) -> None:
        """Run the tests that passed again, each with a different expected value.

        This follows all cells, since calling the submission's code again may change its state.
        """
        until = time.monotonic() + CANARY_SECONDS
        for number, step in enumerate(self.code):
            if step.kind != "tests" or not _passed(self.verdicts[number]):
                continue
            for source in mutants(step.source):
                if time.monotonic() + self.took[number] > until:
                    break
                try:
                    end = self._run_step(run, number, "tests", source, None, CANARY_SECONDS)
                except (_StoppedError, EOFError, OSError):
                    return  # all real steps have ended, so this has no effect on the grade
                if end.get("status") == "ok" and end.get("failed") == "":
                    self.tampered[number] = "it also passed with another value as the right one"

    def _keep_output(self, number: int, message: dict[str, Any], blob: bytes) -> None:
        """Store one output, rebuilt from the allowed fields, within the limits."""
        kind = message.get("type")
        if kind not in ("stream", "error"):
            kind = "picture" if message.get("mime") == "image/png" else "text"
        picture = kind == "picture"
        text = b64encode(blob).decode() if picture else blob.decode("utf-8", "replace")
        size = 4 * len(blob) // 3
        few = sum(map(len, self.outputs)) < MAX_OUTPUTS
        if self.shown + size <= MAX_SHOWN_BYTES and few:
            self.shown += size
            self.outputs[number].append(Output(kind, text))

    def _cell_name(self, number: int) -> str:
        step = self.code[number]
        return f"cell {step.identifier!r}" if step.identifier else f"code cell {number + 1}"

    @staticmethod
    def _why_it_ended(status: int) -> str:
        if status in OVERRUN:
            return f"it used more than the limit of {OVERRUN[status]}, and was ended"
        if status > 128 or status < 0:
            number = status - 128 if status > 128 else -status
            with suppress(ValueError):
                return f"its process was ended by {signal.Signals(number).name}"
        return f"it ended its process (exit status {status})"

    # These methods trust nothing that came from the submission's process.

    def _judge(self) -> dict[int, CheckOutcome]:
        """Return the outcome of each check and each cell of tests, by the index of its step."""
        results: dict[int, CheckOutcome] = {}
        waiting = []
        for number, step in enumerate(self.code):
            if step.kind == "tests":
                results[number] = self._outcome_of_tests(number, step)
            elif step.kind == "check":
                if set(self.answers[number]) == set(step.answers):
                    waiting.append(number)
                else:
                    results[number] = _check_outcome(step, False, self._why_unreached(number))
        for number, why in self.tampered.items():
            self.remarks.append(f"{self._cell_name(number)}: its tests were tampered with: {why}")
        self.last = time.monotonic() + self.options.notebook_seconds
        while waiting:
            waiting = self._judge_some(waiting, results)
        return results

    def _outcome_of_tests(self, number: int, step: Step) -> CheckOutcome:
        """Return the outcome of a cell of tests, from the verdict of the submission's process."""
        verdict = self.verdicts.get(number)
        if verdict is None:
            return _check_outcome(step, False, self._why_unreached(number))
        if self.tampered:
            return _check_outcome(
                step, False, "The tests were tampered with, so they count for nothing."
            )
        if not _passed(verdict):
            failed = verdict.get("failed")
            text = failed if isinstance(failed, str) and failed else self._why_unreached(number)
            return _check_outcome(step, False, text)
        value = verdict.get("value")
        if not isinstance(value, float):
            return _check_outcome(step, True, "")
        earned = min(max(value, 0.0), float(step.points)) if math.isfinite(value) else 0.0
        if earned != value:
            text = (
                f"its tests end in {value:g}; this counts as {earned:g} of {step.points:g} points"
            )
            self.remarks.append(f"{self._cell_name(number)}: {text}")
        message = "" if earned == step.points else f"{earned:g} of {step.points:g} points."
        return replace(_check_outcome(step, earned == step.points, message), earned=earned)

    def _why_unreached(self, number: int) -> str:
        if self.status[number] == "timed out":
            return "It took too long."
        return "The notebook ended before this cell."

    def _judge_some(self, waiting: list[int], results: dict[int, CheckOutcome]) -> list[int]:
        """Judge checks in one process; return those that remain if the process ends early."""
        with _SandboxProcess(self.grader, "judge", self.variant.seed) as run:
            if problem := run.wait_until_ready(START_SECONDS).get("problem"):
                raise SandboxError(f"in the process that judges answers, {problem}")
            for position, number in enumerate(waiting):
                step = self.code[number]
                seconds = max(0.1, min(CHECK_SECONDS, self.last - time.monotonic()))
                try:
                    for name in step.answers:
                        message, path = self.answers[number][name]
                        request = {
                            "check": step.check,
                            "name": name,
                            "missing": bool(message.get("missing")),
                            "none": bool(message.get("none")),
                            "problem": str(message.get("problem") or "")[:1000],
                        }
                        run.channel.send(request, path.read_bytes(), seconds)
                    run.channel.send({"check": step.check}, timeout=seconds)
                    verdict, _ = run.channel.receive(seconds)
                    passed, message = verdict["passed"] is True, str(verdict["message"])
                except (OSError, EOFError, BrokenChannelError, KeyError) as error:
                    run.end_or_raise()
                    message = f"The answer could not be judged: {_why_not_judged(error, seconds)}."
                    results[number] = _check_outcome(step, False, message)
                    return waiting[position + 1 :]
                results[number] = _check_outcome(step, passed, message)
        return []


class _StoppedError(Exception):
    """The grader stops a submission; the message says why."""


def _unstubbed(source: str) -> list[str]:
    """Return the lines of a cell without those of a blank: ours, or the one that nbgrader makes."""
    lines = [line.strip() for line in source.splitlines()]
    return [line for line in lines if line not in ("", TEXT_STUB, *RAISING_STUB.splitlines())]


def _passed(verdict: dict[str, Any]) -> bool:
    return verdict.get("status") == "ok" and verdict.get("failed") == ""


def _check_outcome(step: Step, passed: bool | None, message: str) -> CheckOutcome:
    """Return the outcome of one graded cell."""
    return CheckOutcome(
        id=step.check or step.identifier,
        title=step.title,
        points=float(step.points),
        earned=None if passed is None else float(step.points) if passed else 0.0,
        passed=passed,
        message=message[:2000],
        by={"check": "answers", "tests": "in-process", "manual": "a person"}[step.kind],
        hidden=step.hidden,
    )


def _why_not_judged(error: BaseException, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"that took more than {seconds:.0f} s"
    return "reading it took more memory than is allowed, or ended the process that read it"


def ungraded(master: Master | None, reason: str, seconds: float) -> SubmissionOutcome:
    """Return the outcome of a file that cannot be run.

    Parameters
    ----------
    master : Master or None
        The exercise, if it is known.
    reason : str
        Why it cannot be run.
    seconds : float
        How long grading took.
    """
    text = "The notebook could not be read."
    # A person still has to look at manually graded cells.
    checks = [
        _check_outcome(step, None if step.kind == "manual" else False, text)
        for step in (master.graded if master else ())
    ]
    return SubmissionOutcome(
        set=master.name if master else "",
        status="not graded",
        possible=float(master.points) if master else 0.0,
        checks=tuple(checks),
        remarks=(reason,),
        seconds=round(seconds, 2),
    )
