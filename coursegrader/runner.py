"""Run the cells of one submission; everything here is in the hands of that submission.

The grader believes nothing that comes from this process but that somebody said so: the
answers it sends are judged elsewhere, and only the time between its messages, which the
grader measures itself, counts against it. Each step comes when the one before has ended, so that
no cell can look up what a later one holds.
"""

from __future__ import annotations

import ast
import base64
import builtins
import importlib.abc
import inspect
import json
import math
import numbers
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from coursegrader import answers
from coursegrader.channel import Channel
from coursegrader.sandbox import Limits, Sandbox, run
from coursekit.exercises import catalogue

LARGEST_OUTPUT = 200_000  # characters of text in one cell
LARGEST_PICTURE = 1_500_000  # bytes
CHECKS = "coursekit.exercises.checks"
AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

# Captured before any submission runs: what it patches later is not what judges it.
_compile, _eval, _parse = compile, eval, ast.parse
_original_builtins = dict(vars(builtins))


def serve(spec: dict[str, Any], *, fds: list[int]) -> None:
    """Run a submission in a sandbox. Called in a process forked for it alone."""
    _run_in_sandbox(spec, fds, lambda sandbox: _serve_requests(sandbox, fds[0], spec["seed"]))


def judge(spec: dict[str, Any], *, fds: list[int]) -> None:
    """Judge answers in a sandbox of its own, in which no code of a submission ever ran."""
    _run_in_sandbox(spec, fds, lambda _: _judge_requests(fds[0], spec["seed"], spec["checks"]))


def _run_in_sandbox(spec: dict[str, Any], fds: list[int], work: Callable[[Sandbox], None]) -> None:
    """Enter the sandbox that the grader has described, and do the work there."""
    sandbox = Sandbox(
        layers=set(spec["layers"]),
        limits=Limits(**spec["limits"]),
        readable=spec["readable"],
        hidden=spec["hidden"],
        scratch=spec["scratch"],
    )

    def quietly(entered: Sandbox) -> None:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        tempfile.tempdir = os.getcwd()  # the only folder that can be written to
        work(entered)

    run(sandbox, quietly, keep=fds)


def _serve_requests(sandbox: Sandbox, fd: int, seed: int) -> None:
    """Read a notebook, write files and run steps, as the grader asks for it."""
    channel = _ForkSafeChannel(socket.socket(fileno=fd))
    channel.send({"event": "ready", "layers": sandbox.on})
    notebook = None
    while True:
        try:
            request, blob = channel.receive()
        except EOFError:
            return
        asked = request["ask"]
        if asked == "read":
            channel.send(*_read_notebook(blob))
        elif asked == "file":
            path = Path(request["name"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(blob)
        elif asked == "step":
            notebook = notebook or _NotebookShell(channel, seed)
            step = json.loads(blob)
            del blob, request  # tests are secret: only what runs them holds them
            notebook.run(step)
        else:
            return


def _read_notebook(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the cells of a submitted notebook as a message; the sandbox's limits hold for it."""
    from coursegrader.notebook import BadNotebookError, cells_of, read

    try:
        cells = cells_of(read(content))
    except BadNotebookError as error:
        return {"problem": str(error)[:2000]}, b""
    except (MemoryError, RecursionError):
        return {"problem": "reading the file takes more memory than is allowed."}, b""
    content = json.dumps([[cell.kind, cell.identifier, cell.source] for cell in cells])
    return {"problem": ""}, content.encode()


class _ChecksBlocker(importlib.abc.MetaPathFinder):
    """Keeps a submission from importing the course's checks, which hold the answers."""

    def __init__(self, note: Callable[[str], None]):
        self._note = note

    def find_spec(self, name, path=None, target=None):
        if name == CHECKS or name.startswith(CHECKS + "."):
            self._note("imports")
            raise ModuleNotFoundError(
                f"{name} is not here: answers are judged elsewhere", name=name
            )


class _ForkSafeChannel(Channel):
    """A channel that sends whole messages only, whatever threads, forks and interrupts do."""

    def __init__(self, connection: socket.socket):
        super().__init__(connection)
        self._lock = threading.RLock()
        self._owner = os.getpid()

    def send(
        self, message: dict[str, Any], blob: bytes = b"", timeout: float | None = None
    ) -> None:
        """Send a message, unless this is a process that the submission has forked."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                super().send(message, blob, timeout)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _NotebookShell:
    """An IPython shell whose outputs go to the grader."""

    def __init__(self, channel: Channel, seed: int):
        import matplotlib
        from IPython.core.displayhook import DisplayHook
        from IPython.core.displaypub import DisplayPublisher
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        self.channel = channel
        self.room_left = LARGEST_OUTPUT
        notebook = self

        class Publisher(DisplayPublisher):
            def publish(self, data, metadata=None, **_):
                notebook.show("display_data", data)

            def clear_output(self, wait=False):
                pass

        class Hook(DisplayHook):
            def write_output_prompt(self):
                pass

            def write_format_data(self, format_dict, md_dict=None):
                notebook.show("execute_result", format_dict)

            def finish_displayhook(self):
                pass

        class Shell(InteractiveShell):
            def _showtraceback(self, etype, evalue, stb):
                notebook.error(stb)

            def ask_exit(self):
                raise SystemExit

            def enable_gui(self, gui=None):
                pass  # figures are drawn into the page, whatever is asked for

            def system(self, cmd):
                # IPython asks for a terminal, which there is none of in the sandbox.
                done = subprocess.run(
                    self.var_expand(cmd, depth=1),
                    shell=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
                print(done.stdout.decode(errors="replace"), end="")
                self.user_ns["_exit_code"] = done.returncode

            system_piped = system_raw = system

            def init_history(self):
                self.config.HistoryManager.enabled = False
                super().init_history()

        for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR"):
            os.environ[name] = os.getcwd()
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        matplotlib.rcParams["backend"] = os.environ["MPLBACKEND"]
        config = Config()
        config.InteractiveShell.colors = "nocolor"
        config.HistoryManager.enabled = False
        # Nothing of this process's own program is to be seen from the notebook.
        main = types.ModuleType("__main__")
        self.shell = Shell.instance(
            config=config,
            user_module=main,
            display_pub_class=Publisher,
            displayhook_class=Hook,
        )
        sys.modules["__main__"] = main
        self.streams = _OutputStream(self, "stdout"), _OutputStream(self, "stderr")
        sys.stdout, sys.stderr = self.streams
        self.transform = type(self.shell.input_transformer_manager)().transform_cell
        # The folder of the notebook is where Jupyter looks for modules first.
        sys.path.insert(0, "")
        sys.meta_path.insert(0, _ChecksBlocker(self.note))
        catalogue.judge_elsewhere(self.check_called)
        _set_seed(seed)

    def run(self, step: dict[str, Any]) -> None:
        """Run one step, and say how it ended."""
        status, verdict = "ok", {}
        # An interrupt may come at any moment, also when the cell has just ended.
        try:
            status = self.step(step, verdict)
        except KeyboardInterrupt:
            status = "interrupted"
        while True:
            with suppress(KeyboardInterrupt):
                self.channel.send(
                    {"event": "end", "nonce": step["nonce"], "status": status, **verdict}
                )
                break

    def step(self, step: dict[str, Any], verdict: dict[str, Any]) -> str:
        """Run one step; what tests find is put into the verdict."""
        self.room_left = LARGEST_OUTPUT
        if step["kind"] == "code":
            result = self.shell.run_cell(step["source"], store_history=True)
            if result.success:
                return "ok"
            error = result.error_before_exec or result.error_in_exec
            return "interrupted" if isinstance(error, KeyboardInterrupt) else "error"
        if step["kind"] == "tests":
            try:
                return self._run_tests(step.pop("source"), verdict)
            finally:
                self.flush()  # what tests print is theirs, and not the next cell's
        for name, kind in step["answers"].items():
            self._send_answer(name, kind)
        return "ok"

    def _send_answer(self, name: str, kind: str) -> None:
        """Send the value of one variable to the grader, or why that cannot be done."""
        from coursekit.exercises import kinds

        message: dict[str, Any] = {"event": "answer", "name": name}
        blob = b""
        value = self.shell.user_ns.get(name, self)
        if value is self:
            message["missing"] = True
        elif value is None or value is ...:
            message["none"] = True
        else:
            try:
                judge = getattr(kinds, kind)()
                blob = answers.write(judge, judge.plain(name, value))
            except kinds.WrongKindError as error:
                message["problem"] = str(error)[:1000]
            except Exception as error:
                text = f"`{name}` cannot be handed in ({type(error).__name__}: {error})"
                message["problem"] = text[:1000]
        self.channel.send(message, blob)

    def _run_tests(self, source: str, verdict: dict[str, Any]) -> str:
        """Run tests of the master beside the submission's code, with the original builtins.

        As in nbgrader, an error earns nothing, a number at the end so many points, and all
        else everything.
        """
        sys.settrace(None)
        sys.setprofile(None)
        space = self.shell.user_ns
        before = space.get("__builtins__")
        space["__builtins__"] = dict(_original_builtins)
        try:
            source = self.transform(source)
            body = _parse(source).body
            last = None
            if body and isinstance(body[-1], ast.Expr) and not source.rstrip().endswith(";"):
                last = _compile(ast.Expression(body.pop().value), "<tests>", "eval", flags=AWAIT)
            rest = _compile(ast.Module(body, []), "<tests>", "exec", flags=AWAIT)
            del source, body  # they tell what is right to whoever looks for it
            self._evaluate(rest, space)
            value = None if last is None else self._evaluate(last, space)
            if isinstance(value, numbers.Real) and not isinstance(value, bool):
                verdict["value"] = float(value) if math.isfinite(value) else 0.0
        except KeyboardInterrupt:
            return "interrupted"
        except BaseException as error:
            kind = type(error).__name__
            verdict["failed"] = (f"{kind}: {error}" if str(error) else kind)[:2000]
            return "error"
        finally:
            space["__builtins__"] = before
        verdict["failed"] = ""
        return "ok"

    def _evaluate(self, code: types.CodeType, space: dict[str, Any]) -> Any:
        """Run a piece of tests; ``await`` works as in any cell."""
        value = _eval(code, space)
        if code.co_flags & inspect.CO_COROUTINE:
            value = self.shell.loop_runner(value)
        return value

    def note(self, what: str) -> None:
        """Tell the grader of something that it should remark upon."""
        self.channel.send({"event": "note", "note": what})

    def check_called(self, identifier: str) -> None:
        """Say what a learner who calls a check outside of its cell should know."""
        print(f"{str(identifier)[:40]} is judged when the notebook has run.")
        self.note("calls")

    def flush(self) -> None:
        """Send what was printed so far."""
        for stream in self.streams:
            stream.flush()

    def show(self, kind: str, data: dict[str, Any]) -> None:
        """Send one output to the grader, as far as there is room for it."""
        self.flush()
        picture = data.get("image/png")
        if isinstance(picture, str):
            with suppress(ValueError):
                picture = base64.b64decode(picture)
        if isinstance(picture, bytes) and len(picture) <= LARGEST_PICTURE:
            self._send_output({"type": kind, "mime": "image/png"}, picture)
        elif isinstance(text := data.get("text/plain"), str):
            self._send_output({"type": kind, "mime": "text/plain"}, self._shorten(text))

    def write(self, text: str) -> None:
        """Send what was printed."""
        self._send_output({"type": "stream"}, self._shorten(text))

    def error(self, traceback: list[str]) -> None:
        """Send what was raised."""
        self.flush()
        self._send_output({"type": "error"}, self._shorten("\n".join(traceback)))

    def _send_output(self, what: dict[str, Any], content: str | bytes) -> None:
        if isinstance(content, str):
            content = content.encode("utf-8", "replace")
        if content:
            self.channel.send({"event": "output", **what}, content)

    def _shorten(self, text: str) -> str:
        if self.room_left <= 0:
            return ""
        if len(text) > self.room_left:
            text = text[: self.room_left] + "\n[the rest of the output is left out]\n"
        self.room_left -= len(text)
        return text


class _OutputStream:
    """Takes the place of ``sys.stdout``: gathers what is printed and sends it in pieces."""

    encoding = "utf-8"
    errors = "replace"
    GATHERED = 4096

    def __init__(self, notebook: _NotebookShell, name: str):
        self.name = f"<{name}>"
        self._notebook = notebook
        self._which = name
        self._parts: list[str] = []
        self._length = 0
        notebook.shell.events.register("post_run_cell", lambda *_: self.flush())

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._notebook.room_left > 0:
            self._parts.append(text[: self._notebook.room_left + 1])
            self._length += len(text)
            if self._length > self.GATHERED:
                self.flush()
        return len(text)

    def writelines(self, lines) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._parts:
            text, self._parts, self._length = "".join(self._parts), [], 0
            self._notebook.write(text)

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return {"stdout": 1, "stderr": 2}[self._which]

    closed = False


def _set_seed(seed: int) -> None:
    import keras

    keras.utils.set_random_seed(seed)


def _judge_requests(fd: int, seed: int, files: list[str]) -> None:
    """Judge answers, with the course's checks and those in files, until the grader hangs up."""
    import hashlib

    from coursekit.exercises import find, use
    from coursekit.exercises.kinds import WrongKindError

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=fd))
    _set_seed(seed)
    try:
        for file in files:
            use(file)
    except (OSError, ValueError) as error:
        channel.send({"problem": str(error)[:2000]})
        return
    channel.send({})
    read: dict[tuple, Any] = {}  # a model that three checks look at is loaded once
    given: dict[str, Any] = {}
    problem = ""
    while True:
        try:
            request, content = channel.receive()
        except EOFError:
            return
        check = find(request["check"])
        if name := request.get("name"):
            if request["missing"]:
                continue
            if request["none"]:
                given[name] = None
                continue
            if request["problem"]:
                problem = problem or request["problem"]
                continue
            place = (type(check.answers[name]), name, hashlib.sha256(content).digest())
            try:
                if place not in read:
                    read[place] = answers.read(check.answers[name], name, content)
                given[name] = read[place]
            except WrongKindError as error:
                problem = problem or str(error)
        else:
            passed = False
            if not problem:
                result = check(given)
                passed, problem = result.passed, result.message
            channel.send({"passed": passed, "message": problem[:2000]})
            given, problem = {}, ""
