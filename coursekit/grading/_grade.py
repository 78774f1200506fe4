"""Grade a folder of submissions, and go on where an interrupted run stopped."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import coursekit
from coursekit.grading import _report
from coursekit.grading._collect import Submitted, collect
from coursekit.grading._grader import Grader, Options, SandboxError, ungraded
from coursekit.grading._notebook import Master
from coursekit.grading._sandbox import LAYERS

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class Graded:
    """What :func:`grade` has done.

    Attributes
    ----------
    rows : list of dict
        One per notebook, in the order of their paths.
    sandbox : dict of str to str
        The layers that were on, and by what means.
    missing : list of str
        Those that were not.
    new : int
        How many notebooks were run now; the others were finished before.
    """

    rows: list[dict[str, Any]]
    sandbox: dict[str, str]
    missing: list[str]
    new: int


def grade(
    submissions: Path | str,
    out: Path | str,
    *,
    masters: Sequence[Path | str] | None = None,
    options: Options | None = None,
    jobs: int | None = None,
    client: Client | None = None,
    require_sandbox: bool = False,
    show_hidden: bool = False,
    gradescope: bool = False,
    warn: Callable[[str], None] = lambda message: None,
    progress: Callable[[int, int, str], None] = lambda done, of, name: None,
) -> Graded:
    """Grade all notebooks of a folder, and write a gradebook with feedback.

    Parameters
    ----------
    submissions : path
        A folder or archive; see :func:`coursekit.grading._collect.collect`.
    out : path
        Where ``grades.csv``, ``results.json``, ``summary.html`` and ``feedback/`` go. What a
        run finished before is kept there too: called again, only what is new, or was changed,
        is graded.
    masters : sequence of path, optional
        Notebooks with nbgrader's metadata; by default the exercises of the course.
    options : Options, optional
    jobs : int, optional
        How many to grade at a time; by default as many as there are cores.
    client : distributed.Client, optional
        Grade on the workers of a Dask cluster instead.
    require_sandbox : bool
        Refuse to run where a layer of the sandbox does not work.
    show_hidden : bool
        Show learners what hidden tests found.
    gradescope : bool
        Write ``gradescope/NAME.json`` for each notebook too.
    warn : callable
        Takes a message for the grader.
    progress : callable
        Takes the number of finished notebooks, of all, and the name of one just finished.

    Raises
    ------
    FileNotFoundError
        If there is nothing to grade.
    SandboxError
        If a layer is required and does not work here.
    BadNotebookError
        If a master is none.
    """
    submissions, out = Path(submissions), Path(out)
    models = [Master.from_file(path) for path in (masters or course_masters())]
    found = collect(submissions)
    # Our own pages lie beside them if somebody grades into the same folder.
    found = [one for one in found if not _inside(submissions / one.path, out)]
    if not found:
        raise FileNotFoundError(f"no notebook (.ipynb) or archive (.zip) below {submissions}.")
    options = _hiding(options or Options(), submissions, out)
    for folder in ("state", "feedback", *(["gradescope"] if gradescope else [])):
        (out / folder).mkdir(parents=True, exist_ok=True)
    write = _Writer(out, models, options, show_hidden, gradescope)
    rows = {one.path: row for one in found if (row := write.earlier(one)) is not None}
    waiting = [one for one in found if one.path not in rows]
    with Grader(models, options) as grader:
        sandbox = grader.sandbox()
        missing = [layer for layer in LAYERS if layer not in sandbox]
        _judge_sandbox(missing, require_sandbox, warn)
        run = _on_cluster(client, models, options) if client else _here(grader, jobs)
        for one, outcome in run(waiting):
            rows[one.path] = write.one(one, outcome)
            progress(len(rows), len(found), one.path)
    ordered = [rows[one.path] for one in found]
    write.all(ordered, sandbox, missing)
    return Graded(ordered, sandbox, missing, len(waiting))


def course_masters() -> list[Path]:
    """Return the exercises of the course, which travel with the package."""
    installed = Path(coursekit.__file__).parent / "exercises"
    # In a checkout installed with `pip install -e`, they are where readers find them.
    folder = installed if installed.is_dir() else _checkout() / "book" / "exercises"
    found = sorted(folder.glob("*.ipynb"))
    if not found:
        raise FileNotFoundError(f"no exercise in {folder}; name a notebook with --master.")
    return found


def _checkout() -> Path:
    return Path(coursekit.__file__).resolve().parents[1]


def _hiding(options: Options, submissions: Path, out: Path) -> Options:
    """Add the folders that no submission may read."""
    home = Path.home()
    hidden = [submissions if submissions.is_dir() else submissions.parent, out]
    hidden += [_checkout() / "book", _checkout() / "tests", home / ".ssh", home / ".aws"]
    folders = dict.fromkeys([*options.hidden, *(str(folder.resolve()) for folder in hidden)])
    return replace(options, hidden=tuple(folders))


def _inside(path: Path, folder: Path) -> bool:
    with suppress(OSError):
        return path.resolve().is_relative_to(folder.resolve())
    return False


def _judge_sandbox(missing: list[str], required: bool, warn: Callable[[str], None]) -> None:
    if not missing:
        return
    what = "; ".join(f"{layer} ({LAYERS[layer]})" for layer in missing)
    if required:
        raise SandboxError(
            f"these layers of the sandbox do not work here: {what}. Grade on Linux 5.19 or newer "
            "with user namespaces allowed, or without --require-sandbox in a machine that you "
            "can throw away."
        )
    if len(missing) == len(LAYERS):
        warn(
            "No layer of the sandbox works here. Submitted code runs with all your rights: it can "
            "read and delete your files. Grade in a container or a machine that you can throw away."
        )
    else:
        warn(f"These layers of the sandbox do not work here: {what}.")


def _here(grader: Grader, jobs: int | None) -> Callable:
    """Grade in this machine, some at a time."""
    jobs = jobs or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else (1,))

    def run(waiting: Sequence[Submitted]) -> Iterator[tuple[Submitted, dict[str, Any]]]:
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            futures = {pool.submit(_outcome, grader, one): one for one in waiting}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                grader.close()  # ends what runs
                raise

    return run


def _outcome(grader: Grader, one: Submitted) -> dict[str, Any]:
    if one.problem:
        master = grader.masters[0] if len(grader.masters) == 1 else None
        return ungraded(master, one.problem, 0.0)
    return grader.grade(one.content, one.stem)


_remote: dict[str, Grader] = {}
_remote_lock = threading.Lock()


def _on_cluster(client: Client, models: list[Master], options: Options) -> Callable:
    """Grade on Dask's workers; one that is lost is replaced, and its notebooks run again."""

    def run(waiting: Sequence[Submitted]) -> Iterator[tuple[Submitted, dict[str, Any]]]:
        from distributed import as_completed as completed

        shared = client.scatter([models], broadcast=True)[0]
        futures = {
            client.submit(_grade_remotely, one, shared, options, pure=False, retries=2): one
            for one in waiting
        }
        for future in completed(list(futures)):
            yield futures[future], future.result()
            future.release()

    return run


def _grade_remotely(one: Submitted, models: list[Master], options: Options) -> dict[str, Any]:
    key = "".join(model.digest for model in models) + repr(options)
    with _remote_lock:
        if key not in _remote:
            _remote[key] = Grader(models, options)
    return _outcome(_remote[key], one)


class _Writer:
    """Writes each result when it is there, and finds those of an earlier run."""

    def __init__(
        self,
        out: Path,
        models: list[Master],
        options: Options,
        show_hidden: bool,
        gradescope: bool,
    ):
        self.out, self.show_hidden, self.gradescope = out, show_hidden, gradescope
        # Whatever could change a grade; the folders that are hidden could not.
        settings = {**asdict(options), "hidden": [], "coursekit": coursekit.__version__}
        settings["edition"] = os.environ.get("COURSEKIT_EDITION", "full")
        settings["masters"] = sorted(model.digest for model in models)
        settings["checks"] = _digest_of_checks()
        self.settings = json.dumps(settings, sort_keys=True, default=list)

    def _digest(self, one: Submitted) -> str:
        content = hashlib.sha256(one.content).hexdigest()
        whole = f"{content} {one.path} {one.problem} {self.settings}"
        return hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()

    def earlier(self, one: Submitted) -> dict[str, Any] | None:
        """Return the row that an earlier run has written, if nothing changed since."""
        path = self.out / "state" / f"{one.key}.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            state = json.loads(path.read_text(encoding="utf-8"))
            if state["digest"] == self._digest(one):
                self._pages(state["row"])
                return state["row"]
        return None

    def one(self, one: Submitted, outcome: dict[str, Any]) -> dict[str, Any]:
        """Write one result."""
        row = {"student": one.student, "path": one.path, "key": one.key, **outcome}
        # What cannot be written down, such as half a character, is not passed on either.
        row = json.loads(json.dumps(row).encode("utf-8", "replace"))
        self._pages(row)
        state = _report.dump({"digest": self._digest(one), "row": row})
        _report.write_atomically(self.out / "state" / f"{one.key}.json", state)
        return row

    def _pages(self, row: dict[str, Any]) -> None:
        page = _report.feedback(row, show_hidden=self.show_hidden)
        _report.write_atomically(self.out / "feedback" / f"{row['key']}.html", page)
        if self.gradescope:
            content = _report.gradescope(row, show_hidden=self.show_hidden)
            path = self.out / "gradescope" / f"{row['key']}.json"
            _report.write_atomically(path, _report.dump(content))

    def all(self, rows: list[dict[str, Any]], sandbox: dict[str, str], missing: list[str]) -> None:
        """Write what is about all of them."""
        about = {"sandbox": sandbox, "edition": os.environ.get("COURSEKIT_EDITION", "full")}
        table = _report.grades(rows)
        _report.write_atomically(self.out / "grades.csv", table.to_csv(index=False))
        _report.write_atomically(
            self.out / "results.json", _report.dump(_report.results(rows, about))
        )
        page = _report.summary(rows, sandbox, missing)
        _report.write_atomically(self.out / "summary.html", page)
        kept = {row["key"] for row in rows}
        for folder, ending in (("state", "json"), ("feedback", "html"), ("gradescope", "json")):
            for path in (self.out / folder).glob(f"*.{ending}"):
                if path.stem not in kept:  # of a notebook that was taken away since
                    path.unlink()


def _digest_of_checks() -> str:
    """Return what changes when a check does."""
    digest = hashlib.sha256()
    for path in sorted((Path(__file__).parent).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
