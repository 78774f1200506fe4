"""Run the cells of one submission in a process that the submission may control.

The grader does not trust anything that this process sends. Its answers are judged in another
process, and the grader measures the time itself. Each step arrives only after the previous one has
ended, so that no cell can read the source of a later one.
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
from dataclasses import astuple
from pathlib import Path
from typing import Any

from coursegrader import answers
from coursegrader.channel import Channel
from coursegrader.sandbox import Limits, Sandbox, run
from coursekit.exercises import catalogue

MAX_OUTPUT_LENGTH = 200_000  # characters of text in one cell
MAX_PICTURE_BYTES = 1_500_000  # bytes
CHECKS_PACKAGE = "coursekit.exercises.checks"
AWAIT_FLAG = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

# Saved before any submission runs, so that it cannot replace them.
_compile, _eval, _parse = compile, eval, ast.parse
_original_builtins = dict(vars(builtins))


def serve(spec: dict[str, Any], *, fds: list[int]) -> None:
    """Run a submission in a sandbox, in a process forked for this purpose.

    Parameters
    ----------
    spec : dict
        Settings from :meth:`coursegrader.grader.Grader.spec`.
    fds : list of int
        File descriptor of the channel to the grader.
    """
    _run_in_sandbox(spec, fds, lambda sandbox: _serve_requests(sandbox, fds[0], spec["seed"]))


def judge(spec: dict[str, Any], *, fds: list[int]) -> None:
    """Judge answers in a separate sandbox, in which no code of a submission runs.

    Parameters
    ----------
    spec : dict
        Settings from :meth:`coursegrader.grader.Grader.spec`.
    fds : list of int
        File descriptor of the channel to the grader.
    """
    _run_in_sandbox(spec, fds, lambda _: _judge_requests(fds[0], spec))


def _run_in_sandbox(spec: dict[str, Any], fds: list[int], work: Callable[[Sandbox], None]) -> None:
    """Enter the sandbox that the settings describe, and call ``work`` in it."""
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
        tempfile.tempdir = os.getcwd()  # the only writable folder
        work(entered)

    run(sandbox, quietly, keep=fds)


def _serve_requests(sandbox: Sandbox, fd: int, seed: int) -> None:
    """Serve the requests of the grader: read a notebook, write files and run steps."""
    channel = _ForkSafeChannel(socket.socket(fileno=fd))
    channel.send({"event": "ready", "layers": sandbox.on})
    notebook, folder, given = None, Path.cwd(), set()
    while True:
        try:
            request, blob = channel.receive()
        except EOFError:
            return
        asked = request["ask"]
        if asked == "read":
            channel.send(*_read_notebook(blob))
        elif asked == "file":
            try:
                _write_given(folder, request["name"], blob)
                given.add(request["name"])
            except OSError:  # such as: the submission has put a folder there
                # What could not be written before its first cell is no doing of its own.
                if request["name"] in given:
                    channel.send({"event": "note", "note": "kept"})
        elif asked == "step":
            notebook = notebook or _NotebookShell(channel, seed)
            step = json.loads(blob)
            del blob, request  # tests are secret, so keep no other copy
            notebook.run(step)
        else:
            return


def _write_given(folder: Path, name: str, content: bytes) -> None:
    """Write a file of the master, read-only, in the place of what a submission put there."""
    path = folder / name
    for parent in reversed(path.relative_to(folder).parents):
        (folder / parent).mkdir(exist_ok=True)
        (folder / parent).chmod(0o700)  # a submission can make a folder read-only
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)


def _read_notebook(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the cells of a submitted notebook as a message; the sandbox limits its memory.

    Of its metadata, the message has only what they say of its variant, which is small.
    """
    from coursegrader.notebook import BadNotebookError, VariantMark, cells_of, read

    try:
        notebook = read(content)
        cells = cells_of(notebook)
        mark = VariantMark.from_metadata(notebook.get("metadata")).to_metadata()
    except BadNotebookError as error:
        return {"problem": str(error)[:2000]}, b""
    except (MemoryError, RecursionError):
        return {"problem": "reading the file takes more memory than is allowed."}, b""
    content = json.dumps([astuple(cell) for cell in cells])
    return {"problem": "", "metadata": mark}, content.encode()


class _ChecksBlocker(importlib.abc.MetaPathFinder):
    """Prevents a submission from importing the course's checks, which contain the answers."""

    def __init__(self, note: Callable[[str], None]):
        self._note = note

    def find_spec(self, name, path=None, target=None):
        if name == CHECKS_PACKAGE or name.startswith(CHECKS_PACKAGE + "."):
            self._note("imports")
            raise ModuleNotFoundError(
                f"{name} is not here: answers are judged elsewhere", name=name
            )


class _ForkSafeChannel(Channel):
    """A channel whose messages stay complete despite threads, forks and interrupts."""

    def __init__(self, connection: socket.socket):
        super().__init__(connection)
        self._lock = threading.RLock()
        self._owner = os.getpid()

    def send(
        self, message: dict[str, Any], blob: bytes = b"", timeout: float | None = None
    ) -> None:
        """Send a message; do nothing in a process that the submission has forked."""
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
        self.room_left = MAX_OUTPUT_LENGTH
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
                pass  # figures are always shown inline

            def system(self, cmd):
                # IPython needs a terminal, which the sandbox does not have.
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
        # Hide this program's own __main__ module from the notebook.
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
        # Like Jupyter, look for modules in the folder of the notebook first.
        sys.path.insert(0, "")
        sys.meta_path.insert(0, _ChecksBlocker(self.note))
        catalogue.defer_checks(self.check_called)
        _set_seed(seed)

    def run(self, step: dict[str, Any]) -> None:
        """Run one step, and send its end message to the grader."""
        status, verdict = "ok", {}
        # An interrupt may come at any time, even just after the cell has ended.
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
        """Run one step, and return its status; tests add their result to ``verdict``."""
        self.room_left = MAX_OUTPUT_LENGTH
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
                self.flush()  # so that output of tests is not added to the next cell
        for name, kind in step["answers"].items():
            self._send_answer(name, kind)
        return "ok"

    def _send_answer(self, name: str, kind: str) -> None:
        """Send the value of one variable to the grader, or the reason why that is not possible."""
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
        """Run the master's tests in the submission's namespace, with the original builtins.

        As in nbgrader, an error earns no points, a number in the last line earns that many
        points, and anything else earns all points.
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
                last = _compile(
                    ast.Expression(body.pop().value), "<tests>", "eval", flags=AWAIT_FLAG
                )
            rest = _compile(ast.Module(body, []), "<tests>", "exec", flags=AWAIT_FLAG)
            del source, body  # they would reveal the expected values
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
        """Run compiled tests; ``await`` works as in any cell."""
        value = _eval(code, space)
        if code.co_flags & inspect.CO_COROUTINE:
            value = self.shell.loop_runner(value)
        return value

    def note(self, what: str) -> None:
        """Send a note to the grader, which adds a remark."""
        self.channel.send({"event": "note", "note": what})

    def check_called(self, identifier: str) -> None:
        """Print a message if a check is called outside of its cell, and notify the grader."""
        print(f"{str(identifier)[:40]} is judged when the notebook has run.")
        self.note("calls")

    def flush(self) -> None:
        """Send the buffered output."""
        for stream in self.streams:
            stream.flush()

    def show(self, kind: str, data: dict[str, Any]) -> None:
        """Send one output to the grader, within the limits."""
        self.flush()
        picture = data.get("image/png")
        if isinstance(picture, str):
            with suppress(ValueError):
                picture = base64.b64decode(picture)
        if isinstance(picture, bytes) and len(picture) <= MAX_PICTURE_BYTES:
            self._send_output({"type": kind, "mime": "image/png"}, picture)
        elif isinstance(text := data.get("text/plain"), str):
            self._send_output({"type": kind, "mime": "text/plain"}, self._shorten(text))

    def write(self, text: str) -> None:
        """Send printed text."""
        self._send_output({"type": "stream"}, self._shorten(text))

    def error(self, traceback: list[str]) -> None:
        """Send a traceback."""
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
    """Replaces ``sys.stdout`` or ``sys.stderr``: buffers text and sends it to the grader."""

    encoding = "utf-8"
    errors = "replace"
    MAX_BUFFER_LENGTH = 4096

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
            if self._length > self.MAX_BUFFER_LENGTH:
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


def _judge_requests(fd: int, spec: dict[str, Any]) -> None:
    """Judge the answers of one submission until the connection closes.

    This uses the course's checks, and those in the files that the settings name.
    """
    import hashlib

    from coursekit.exercises import find, use
    from coursekit.exercises.kinds import WrongKindError
    from coursekit.exercises.variants import choose

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=fd))
    _set_seed(spec["seed"])
    choose(spec["variant"])
    try:
        for file in spec["checks"]:
            use(file)
    except (OSError, ValueError) as error:
        channel.send({"problem": str(error)[:2000]})
        return
    channel.send({})
    read: dict[tuple, Any] = {}  # cache: a model that three checks use is loaded once
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
            key = (type(check.answers[name]), name, hashlib.sha256(content).digest())
            try:
                if key not in read:
                    read[key] = answers.read(check.answers[name], name, content)
                given[name] = read[key]
            except WrongKindError as error:
                problem = problem or str(error)
        else:
            passed = False
            if not problem:
                result = check(given)
                passed, problem = result.passed, result.message
            channel.send({"passed": passed, "message": problem[:2000]})
            given, problem = {}, ""
