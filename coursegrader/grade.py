"""Grade a folder of submissions, and resume an interrupted run."""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

import coursekit
from coursegrader import report as _report
from coursegrader.collect import Submitted, collect, normalized_name
from coursegrader.exports import FORMATS, ClassList, nbgrader_place, write_exports
from coursegrader.grader import Grader, Options, SandboxError, remove_leftovers
from coursegrader.lateness import LatePolicy, mark_attempts
from coursegrader.machines import (
    Machine,
    RefusedError,
    expected_machine,
    on_cluster,
    on_this_machine,
    use_checks,
)
from coursegrader.manual import ManualGrades, read_questions
from coursegrader.master import Master, NothingGradedError, checkout, course_masters
from coursegrader.outcomes import SubmissionOutcome, from_json, to_json
from coursegrader.sandbox import LAYERS
from coursegrader.tables import TableError
from coursegrader.variants import (
    MADE_FOR,
    Issued,
    Recipient,
    VariantError,
    others_can_read,
    read_key,
    read_roster,
)

if TYPE_CHECKING:
    from distributed import Client

MIN_MEMORY = 2**28  # in bytes; a process with TensorFlow needs more than that to start
MAX_MEMORY = 2**50
MAX_SECONDS = 1e6
MAX_STATE_BYTES = 64 << 20
# Fewer notebooks than this may all fail at their first step by chance.
MIN_STOPPED_NOTEBOOKS = 3
MIN_FOREIGN_NOTEBOOKS = 3  # fewer may be made for others by chance
MAX_WARNINGS = 20  # of what was typed
MAX_FILES_BESIDE = 10_000  # beside files of checks
MAX_BYTES_READ_BESIDE = 10 << 20  # of a larger file, the time of its last change counts
MAX_TRIES = 5  # to write a table that somebody changes meanwhile
EMPTY_NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@dataclass(frozen=True)
class Graded:
    """The result of :func:`grade`.

    Attributes
    ----------
    rows : list of SubmissionOutcome
        One per notebook, in the order of their paths.
    sandbox : dict of str to str
        The active layers of the sandbox, with the mechanism of each.
    missing : list of str
        The inactive layers.
    new : int
        How many notebooks were run now; the others were finished before.
    fault : str
        Why the grades are invalid if the grading failed, not the submissions; else empty.
    """

    rows: list[SubmissionOutcome]
    sandbox: dict[str, str]
    missing: list[str]
    new: int
    fault: str = ""


def grade(
    submissions: Path | str,
    out: Path | str,
    *,
    masters: Sequence[Path | str] | None = None,
    options: Options | None = None,
    key: Path | str | None = None,
    roster: Path | str | None = None,
    jobs: int | None = None,
    client: Client | None = None,
    require_sandbox: bool = False,
    show_hidden: bool = False,
    exports: Sequence[str] = (),
    anonymous: bool = False,
    manual: Sequence[Path | str] = (),
    late: LatePolicy | None = None,
    only: Sequence[str] = (),
    private: Sequence[Path | str] = (),
    warn: Callable[[str], None] = lambda message: None,
    progress: Callable[[int, int, str], None] = lambda done, of, name: None,
) -> Graded:
    """Grade all notebooks in a folder, and write a gradebook and feedback.

    Parameters
    ----------
    submissions : path
        A folder or archive; see :func:`coursegrader.collect.collect`.
    out : path
        Folder for ``grades.csv``, ``results.json``, ``summary.html`` and ``feedback/``. It also
        stores the state of each notebook, so that a second call grades only notebooks that are
        new or have changed.
    masters : sequence of path, optional
        Notebooks with nbgrader's metadata, or folders of them, such as nbgrader's
        ``source/ASSIGNMENT``; by default the exercises of the course.
    options : Options, optional
    key : path, optional
        File with the key of the variants, from ``coursekit release``. By default, the variant in
        the master counts, and none is verified.
    roster : path, optional
        CSV file with the students of the class; see :func:`coursegrader.variants.read_roster`
        and :class:`coursegrader.exports.ClassList`. It serves to verify variants, which needs the
        key, and to find the students' numbers for Canvas and Moodle.
    jobs : int, optional
        How many notebooks to grade at a time, at least 1; by default the number of cores.
    client : distributed.Client, optional
        Grade on the workers of a Dask cluster instead.
    require_sandbox : bool
        Refuse to run if a layer of the sandbox does not work here.
    show_hidden : bool
        Show learners the messages of hidden tests.
    exports : sequence of {"canvas", "moodle", "gradescope", "nbgrader"}
        Also write what these import: ``gradescope/NAME.json`` for each notebook, and the others
        into the folder ``exports``.
    anonymous : bool
        Leave names out of what a person reads to grade cells.
    manual : sequence of path
        Tables with points and comments for such cells, beside the report's own ``manual.csv``.
    late : LatePolicy, optional
        When submissions are due, and what lateness costs.
    only : sequence of str
        Grade only these students again; the results of all others stay as they are.
    private : sequence of path
        More files that no submission may read, even if they lie beside a master.
    warn : callable
        Called with each warning for the person who grades.
    progress : callable
        Called after each notebook with the number of finished notebooks, the number of all, and
        the path of the notebook.

    Returns
    -------
    Graded

    Raises
    ------
    FileNotFoundError
        If there is nothing to grade, or a file of checks, the key or the roster does not exist.
    RefusedError
        If an option is invalid, a file of checks, the key or the roster cannot be used, two
        masters have one file name, or `out` cannot be written or holds the report of other
        submissions. It is a ValueError.
    SandboxError
        If a layer is required and does not work here, or a file of checks cannot be used in the
        sandbox.
    BadNotebookError
        If a master is not a valid notebook with nbgrader's metadata.
    WarmUnavailableError
        If no warm process can be started.
    """
    submissions, out = Path(submissions), Path(out)
    options = options or Options()
    _refuse_bad_options(options, jobs)
    options = replace(options, checks=tuple(str(Path(path).resolve()) for path in options.checks))
    use_checks(options.checks)
    _refuse_unknown_exports(exports)
    listed = _read_class(roster, exports)
    issued = _read_issued(key, None if listed and key is None else roster, warn)
    private = [Path(path) for path in (key, roster, *manual, *private) if path is not None]
    without = (submissions, out, *private, *map(Path, options.checks))
    paths, models = _read_masters(masters or course_masters(), without, warn)
    _refuse_unknown_due(late, models)
    if issued and not any(model.variant for model in models):
        raise RefusedError(
            f"no exercise here has variants: {', '.join(model.name for model in models)}. Leave "
            '--key out, or name the notebook whose locked cell calls variant("NAME", 0) with '
            "--master."
        )
    found = collect(submissions)
    # Exclude earlier reports, in case `out` lies within the folder of submissions.
    found = [one for one in found if not _is_inside(submissions / one.path, out)]
    if not found:
        raise FileNotFoundError(f"no notebook (.ipynb) or archive (.zip) below {submissions}.")
    again = _again(found, only)
    record = _ReportRecord(out, submissions, models)
    record.refuse_other_reports()
    by_hand = _read_manual(out, models, paths, anonymous, manual)
    remove_leftovers()
    options = _with_hidden_folders(options, submissions, out, private)
    with Grader(models, options) as grader:
        machine = expected_machine(grader, client)
        where = f"on the worker {machine.host}" if client else "here"
        _refuse_missing_layers(machine.missing, require_sandbox, warn, where)
        with record.begin([one.key for one in found], "gradescope" in exports):
            whose = _recipients(issued)
            beside = _digest_beside(options, warn)
            writer = _ReportWriter(
                out, models, options, machine, beside, whose, show_hidden, exports, by_hand, late
            )
            rows = {}
            for one in found:
                if again is None or one.key not in again:
                    row = writer.earlier(one, even_if_changed=again is not None)
                    rows |= {one.key: row} if row else {}
            waiting = [
                one for one in found if one.key not in rows and one.key in (again or (one.key,))
            ]
            if client:
                run = on_cluster(client, models, options, whose, machine)
            else:
                run = on_this_machine(grader, jobs, whose)
            try:
                for one, outcome in run(waiting):
                    rows[one.key] = writer.write_outcome(one, outcome)
                    progress(len(rows), len(found), one.path)
            except BaseException:
                # Whether that was the grader's fault is judged at the end, so they run again.
                for one in waiting:
                    if one.key in rows and _first_step_failure(rows[one.key]):
                        writer.forget(one)
                raise
            ran = [(one, rows[one.key]) for one in waiting if not one.problem]
            fault = _grading_fault(ran, models, run)
            if fault:  # grade them again in the next run, when the fault is fixed
                for one, row in ran:
                    if _first_step_failure(row):
                        writer.forget(one)
            fault = fault or _roster_fault(rows.values(), issued)
            if missed := len(found) - len(rows):
                warn(
                    f"{missed} notebooks were never graded, and are not in the report: see --only."
                )
            pairs = [(one, rows[one.key]) for one in found if one.key in rows]
            ordered = writer.finish(pairs)
            if untimed := late.untimed(ordered) if late else []:
                warn(
                    f"Whether {len(untimed)} of {len(ordered)} submissions are late is not known, "
                    f"because they have no time: {_report.clip(', '.join(untimed), 200)}. Give "
                    "their times with --times, and look whether its students and assignments are "
                    "spelt as in grades.csv."
                )
            for text in by_hand.warnings[:MAX_WARNINGS]:
                warn(text)
            if more := by_hand.warnings[MAX_WARNINGS:]:
                warn(f"And {len(more)} more: see the column `remark` of manual.csv.")
            writer.write_overview(ordered, fault)
            if fault and exports:
                warn(
                    f"Nothing was exported to {', '.join(exports)}, because these points say "
                    "nothing."
                )
                for one in found if "gradescope" in exports else ():
                    (out / "gradescope" / f"{one.key}.json").unlink(missing_ok=True)
            elif set(exports) - {"gradescope"}:
                of_name = {model.name: model for model in models}
                places = {path.stem: nbgrader_place(path) for path in paths}
                for text in write_exports(
                    out, exports, ordered, of_name, places, listed, show_hidden
                ):
                    warn(text)
            record.end({one.key for one in found})
            return Graded(ordered, machine.layers, machine.missing, len(waiting), fault)


def _refuse_unknown_exports(exports: Sequence[str]) -> None:
    if unknown := set(exports) - set(FORMATS):
        raise RefusedError(
            f"There is no export {', '.join(sorted(unknown))}; the exports are "
            f"{', '.join(FORMATS)}."
        )
    if "nbgrader" in exports and find_spec("nbgrader") is None:
        raise RefusedError(
            "nbgrader is not installed, and writes its database itself. Run: pip install nbgrader"
        )


def _refuse_unknown_due(late: LatePolicy | None, models: Sequence[Master]) -> None:
    names = [model.name for model in models]
    if unknown := set(late.due if late else ()) - {"", *names}:
        raise RefusedError(
            f"--due is given for {', '.join(sorted(unknown))}, and there is no such assignment. "
            f"There are: {', '.join(names)}."
        )


def _read_class(roster: Path | str | None, exports: Sequence[str]) -> ClassList | None:
    """Read the class for an export that names students; None if there is none."""
    if roster is None or not {"canvas", "moodle"} & set(exports):
        return None
    try:
        return ClassList(Path(roster))
    except TableError as error:
        raise RefusedError(str(error)) from None


def _again(found: Sequence[Submitted], only: Sequence[str]) -> set[str] | None:
    """Return the keys of the submissions that are graded again; None if all may be."""
    if not only:
        return None
    keys = set()
    for name in only:
        wanted = normalized_name(name)
        own = {
            one.key for one in found if wanted in (normalized_name(one.student), one.origin.number)
        }
        if not own:
            names = sorted({one.student for one in found})
            raise RefusedError(
                f"--only {name}: nobody of that name handed in anything. There are: "
                f"{_report.clip(', '.join(names), 500)}."
            )
        keys |= own
    return keys


def _read_manual(
    out: Path,
    models: Sequence[Master],
    paths: Sequence[Path],
    anonymous: bool,
    others: Sequence[Path | str],
) -> ManualGrades:
    """Read what a person typed into the tables of manually graded cells."""
    solutions = checkout() / "book" / "solutions"  # they hold the rubrics of the course
    questions = {}
    for model, path in zip(models, paths, strict=True):
        solved = solutions / path.name
        is_ours = path.resolve().parent == (solutions.parent / "exercises").resolve()
        questions[model.name] = read_questions(model, solved if is_ours else path)
    try:
        return ManualGrades(
            out, models, questions, anonymous=anonymous, others=[Path(path) for path in others]
        )
    except TableError as error:
        raise RefusedError(str(error)) from None


def _read_masters(
    paths: Sequence[Path | str], without: Sequence[Path], warn: Callable[[str], None]
) -> tuple[list[Path], list[Master]]:
    """Read masters; from a folder take all notebooks in which something is graded."""
    models = {}
    for path in map(Path, paths):
        if not path.is_dir():
            models[path] = Master.from_file(path, without=without)
            continue
        for notebook in sorted(path.glob("*.ipynb")):
            try:
                models[notebook] = Master.from_file(notebook, without=without)
            except NothingGradedError as error:
                warn(f"{error} It is left out.")
    if not models:
        raise FileNotFoundError(
            f"no notebook in {', '.join(map(str, paths))} has a graded cell; name one with "
            "--master."
        )
    named: dict[str, Path] = {}
    for path in models:
        other = named.setdefault(normalized_name(path.stem), path)
        if other.resolve() != path.resolve():
            raise RefusedError(
                f"two masters are called {path.stem}: {other} and {path}. The file name tells "
                "assignments apart. Rename one of them, or grade each in a run of its own, with "
                "another --out."
            )
    return list(models), list(models.values())


def _read_issued(
    key: Path | str | None, roster: Path | str | None, warn: Callable[[str], None]
) -> Issued | None:
    """Read the key of the variants and the roster; None if there is no key."""
    if key is None:
        if roster is not None:
            raise RefusedError(
                f"the roster {roster} needs the key of the variants as well: give --key. (For an "
                "export to canvas or moodle, it needs none.)"
            )
        return None
    try:
        issued = Issued(read_key(Path(key)), None if roster is None else read_roster(Path(roster)))
    except VariantError as error:
        raise RefusedError(str(error)) from None
    if others_can_read(Path(key)):
        warn(
            f"Other users of this machine can read {key}, and make variants with it. Run: "
            f"chmod 600 {key}"
        )
    return issued


def _recipients(issued: Issued | None) -> Callable[[Submitted], Recipient | None]:
    """Return a function that says whose notebook a submission is; None if no key is given."""
    # The notebook that looks for a fault of the grader is nobody's.
    return lambda one: issued.recipient(one.student) if issued and one.student else None


def memory_in_bytes(gigabytes: float) -> int:
    """Convert a memory size from gigabytes (2**30 bytes) to bytes.

    Parameters
    ----------
    gigabytes : float

    Returns
    -------
    int

    Raises
    ------
    RefusedError
        If it is infinite or not a number.
    """
    if not math.isfinite(gigabytes):
        raise RefusedError(f"memory is {gigabytes:g} GB; it has to be a number, such as 4.")
    return int(gigabytes * 2**30)


def _refuse_bad_options(options: Options, jobs: int | None) -> None:
    """Raise an error for options that are out of range."""
    for name in ("cell_seconds", "notebook_seconds"):
        value = getattr(options, name)
        if not 0 < value <= MAX_SECONDS:  # also false for NaN
            raise RefusedError(
                f"{name.replace('_', '-')} is {value:g}; it has to be a number of seconds above 0 "
                f"and at most {MAX_SECONDS:g}."
            )
    memory = options.limits.memory
    if not MIN_MEMORY <= memory <= MAX_MEMORY or not math.isfinite(memory):
        raise RefusedError(
            f"memory is {memory / 2**30:.3g} GB; it has to be at least {MIN_MEMORY / 2**30:g} GB "
            f"and at most {MAX_MEMORY / 2**30:g} GB."
        )
    if isinstance(options.seed, bool) or not 0 <= options.seed < 2**32:
        raise RefusedError(f"seed is {options.seed}; it has to be from 0 to {2**32 - 1}.")
    if unknown := set(options.layers) - set(LAYERS):
        raise RefusedError(
            f"There is no layer {', '.join(sorted(unknown))}. The layers are {', '.join(LAYERS)}."
        )
    if jobs is not None and jobs < 1:
        raise RefusedError(f"jobs is {jobs}; at least 1 has to be graded at a time.")


def _with_hidden_folders(
    options: Options, submissions: Path, out: Path, private: Sequence[Path]
) -> Options:
    """Add the folders and files that submissions must not read to the options."""
    home = Path.home()
    hidden = [submissions if submissions.is_dir() else submissions.parent, out, *private]
    hidden += [checkout() / "book", checkout() / "tests", home / ".ssh", home / ".aws"]
    folders = dict.fromkeys([*options.hidden, *(str(folder.resolve()) for folder in hidden)])
    return replace(options, hidden=tuple(folders))


def _digest_beside(options: Options, warn: Callable[[str], None]) -> str:
    """Return a digest of the files beside those of checks, which they may read.

    Folders that submissions must not read, such as the submissions themselves, are left out.
    """
    digest = hashlib.sha256()
    for top in sorted({Path(path).parent for path in options.checks}):
        # The checks themselves are part of the code.
        for number, path in enumerate(_files_below(top, (*options.hidden, *options.checks))):
            if number == MAX_FILES_BESIDE:
                warn(
                    f"There are more than {MAX_FILES_BESIDE:,} files below {top}, where the checks "
                    "are. Whether the others change is not noticed. Give the checks a folder of "
                    "their own."
                )
                break
            with suppress(OSError):  # a link that leads nowhere
                state = path.stat()
                if stat.S_ISREG(state.st_mode):
                    large = state.st_size > MAX_BYTES_READ_BESIDE
                    content = str(state.st_mtime_ns).encode() if large else path.read_bytes()
                    digest.update(f"{path.relative_to(top)} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _files_below(top: Path, without: Sequence[str]) -> Iterator[Path]:
    """Yield the files below a folder in a fixed order, but those that are hidden or left out."""
    if str(top) in without:
        return
    for folder, folders, names in os.walk(top):
        for some in (folders, names):
            some[:] = sorted(
                name
                for name in some
                if not name.startswith((".", "__pycache__"))
                and os.path.join(folder, name) not in without
            )
        yield from (Path(folder, name) for name in names)


def _is_inside(path: Path, folder: Path) -> bool:
    with suppress(OSError):
        return path.resolve().is_relative_to(folder.resolve())
    return False


def _refuse_missing_layers(
    missing: list[str], required: bool, warn: Callable[[str], None], where: str
) -> None:
    """Raise an error if a required layer of the sandbox does not work, or else warn."""
    if not missing:
        return
    what = "; ".join(f"{layer} ({LAYERS[layer]})" for layer in missing)
    if required:
        raise SandboxError(
            f"these layers of the sandbox do not work {where}: {what}. Grade on Linux 5.19 or "
            "newer with user namespaces allowed, or without --require-sandbox in a machine that "
            "you can throw away."
        )
    if len(missing) == len(LAYERS):
        warn(
            f"No layer of the sandbox works {where}. Submitted code runs with all your rights: it "
            "can read and delete your files. Grade in a container or a machine that you can throw "
            "away."
        )
    else:
        warn(f"These layers of the sandbox do not work {where}: {what}.")


def _first_step_failure(row: SubmissionOutcome) -> str:
    """Return how the first step of a notebook failed; empty if it did not."""
    if row.status == "not graded":
        return "not graded"
    first = next((cell for cell in row.cells if cell.status), None)
    if first is None or first.status == "ok":
        return ""
    if first.status == "error":
        said = "".join(output.text for output in first.outputs if output.kind == "error")
        return "an import failed" if "ImportError" in said or "ModuleNotFound" in said else ""
    return first.status


def _grading_fault(
    ran: list[tuple[Submitted, SubmissionOutcome]], models: list[Master], run
) -> str:
    """Return why the grades are invalid if the notebooks are not to blame; else an empty string.

    If most notebooks failed at their first step, an empty notebook is graded in the same way. If
    it fails as well, the points are invalid.
    """
    stopped = [(one, row) for one, row in ran if _first_step_failure(row)]
    if 2 * len(stopped) <= len(ran) or not ran:
        return ""
    name = next((row.set for _, row in stopped if row.set), models[0].name)
    (_, outcome), *_ = run([Submitted("", f"{name}.ipynb", held=EMPTY_NOTEBOOK)])
    how = _first_step_failure(outcome)
    ended = sum(
        _first_step_failure(row) not in ("not graded", "an import failed") for _, row in stopped
    )
    if not how and (ended < len(ran) or ended < MIN_STOPPED_NOTEBOOKS):
        return ""
    why = "; ".join((outcome if how else stopped[0][1]).remarks[:1]) or how
    return (
        f"{len(stopped)} of {len(ran)} notebooks did not get past their first step"
        + (f", and neither did one without any answer ({why})" if how else f" ({why})")
        + ". This is no fault of theirs, and their points say nothing. Look at the memory, the "
        "time and the sandbox that they are given, and at what their first cell needs; then run "
        "it again: they are graded anew."
    )


def _roster_fault(rows: Iterable[SubmissionOutcome], issued: Issued | None) -> str:
    """Return why the grades are invalid if the notebooks were not released with this roster.

    Then nobody in it was given the variant by which they are judged.
    """
    if issued is None or issued.roster is None:
        return ""
    judged, foreign = 0, []
    for row in rows:
        student = issued.recipient(row.student).identifier
        if not row.variant or not student:
            continue  # judged by the variant for which it was signed
        judged += 1
        name = row.variant.removeprefix(MADE_FOR)
        if name != row.variant and set(issued.roster.match(name)) <= {student}:
            foreign.append(name)
    if len(foreign) < MIN_FOREIGN_NOTEBOOKS or 2 * len(foreign) <= judged:
        return ""
    return (
        f"{len(foreign)} of {judged} notebooks were made for nobody in the roster (the first was "
        f"made for {foreign[0]}), and were judged by variants that no student was given. Grade "
        "with the roster with which they were released; or without --roster, if they were "
        "released with --variant."
    )


class _ReportRecord:
    """Records in a file which submissions a report covers, and which files belong to it.

    Only files written for the same submissions are ever deleted.
    """

    def __init__(self, out: Path, submissions: Path, models: list[Master]):
        self.out = out
        # Without the suffix .json: all files with it hold the state of one notebook.
        self.path = out / "state" / "run"
        # Relative to the report, so that both can be moved together.
        whence = os.path.relpath(submissions.resolve(), out.resolve())
        self.about = {
            "submissions": _report.clip(whence, 10_000),
            "masters": sorted({_report.clip(model.name, 1000) for model in models}),
        }
        self.keys: set[str] = set()

    def refuse_other_reports(self) -> None:
        """Raise an error if the folder holds the report of other submissions or masters."""
        if self.out.exists() and not self.out.is_dir():
            raise RefusedError(f"{self.out} is a file; name a folder with --out.")
        for name in ("state", "feedback", "gradescope"):
            if (self.out / name).exists() and not (self.out / name).is_dir():
                raise RefusedError(
                    f"{self.out / name} is a file, where a folder has to be: name another --out."
                )
        try:
            earlier = _read_json(self.path)
            about = {name: earlier[name] for name in self.about}
            keys = {str(key) for key in earlier["keys"]}
            if any(type(about[name]) is not type(here) for name, here in self.about.items()):
                raise TypeError("not what this tool writes")
        except Exception:  # missing or damaged: no file is known to be ours
            return
        for name, here in self.about.items():
            if about[name] != here:
                was, now = (
                    value if isinstance(value, str) else ", ".join(map(str, value))
                    for value in (about[name], here)
                )
                where = " (as seen from it)" if name == "submissions" else ""
                raise RefusedError(
                    f"{self.out} holds the report of other {name}: of {was:.500}, not of "
                    f"{now:.500}{where}. Name another folder with --out, or delete it first."
                )
        self.keys = keys

    @contextmanager
    def begin(self, keys: Sequence[str], gradescope: bool) -> Iterator[None]:
        """Record the files before writing them, so that they are known if this run is killed.

        A context, in which no other run writes to the same folder.
        """
        lock = FileLock(self.out / "state" / "lock", timeout=0, thread_local=False)
        with ExitStack() as until_then:
            try:
                for folder in ("state", "feedback", *(["gradescope"] if gradescope else [])):
                    (self.out / folder).mkdir(parents=True, exist_ok=True)
                with suppress(NotImplementedError):  # some file systems have no locks
                    until_then.enter_context(lock)
                self.refuse_other_reports()  # another run may have begun one since
                self.keys |= set(keys)
                self._write()
            except Timeout:
                raise RefusedError(
                    f"another run is writing to {self.out}. Wait until it has ended, or name "
                    "another folder with --out."
                ) from None
            except OSError as error:
                raise RefusedError(
                    f"nothing can be written to {self.out} ({error.strerror}); name another "
                    "folder with --out."
                ) from None
            yield

    def end(self, kept: set[str]) -> None:
        """Delete the files of notebooks that are no longer among the submissions."""
        for key in self.keys - kept:
            for folder, ending in (("state", "json"), ("feedback", "html"), ("gradescope", "json")):
                # Skip keys with a path, in case somebody changed the record.
                if Path(key).name == key:
                    (self.out / folder / f"{key}.{ending}").unlink(missing_ok=True)
        self.keys = kept
        self._write()

    def _write(self) -> None:
        _report.write_atomically(self.path, _report.dump({**self.about, "keys": sorted(self.keys)}))


def _read_json(path: Path) -> Any:
    """Read a JSON file that we have written; refuse it if it has grown too large."""
    if path.stat().st_size > MAX_STATE_BYTES:
        raise ValueError(f"{path} has more than {MAX_STATE_BYTES} bytes.")
    return json.loads(path.read_text(encoding="utf-8"))


class _ReportWriter:
    """Writes the files of a report, and reads the outcomes that an earlier run has stored."""

    def __init__(
        self,
        out: Path,
        models: list[Master],
        options: Options,
        machine: Machine,
        beside: str,
        whose: Callable[[Submitted], Recipient | None],
        show_hidden: bool,
        exports: Sequence[str],
        by_hand: ManualGrades,
        late: LatePolicy | None,
    ):
        self.whose, self.machine = whose, machine
        self.out, self.show_hidden, self.gradescope = out, show_hidden, "gradescope" in exports
        self.by_hand, self.late = by_hand, late or LatePolicy({})
        # For each key: what its pages show, and the same with remarks on pages that failed.
        self.shown: dict[str, tuple[SubmissionOutcome, SubmissionOutcome]] = {}
        # Everything that could change a grade; neither hidden folders can, nor where checks are.
        settings = {
            **asdict(options),
            "hidden": [],
            "checks": [],
            "coursekit": coursekit.__version__,
        }
        settings["missing"] = machine.missing  # what ran without a layer is not taken over with it
        settings["edition"], settings["code"] = machine.edition, machine.code
        settings["beside"] = beside
        settings["masters"] = sorted(model.digest for model in models)
        self.settings = json.dumps(settings, sort_keys=True, default=list)

    def _digest(self, one: Submitted) -> str:
        recipient = self.whose(one)
        whose = recipient.fingerprint if recipient else ""
        whole = f"{one.digest} {one.path} {one.problem} {one.note} {whose} {self.settings}"
        return hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()

    def _state(self, one: Submitted) -> Path:
        return self.out / "state" / f"{one.key}.json"

    def earlier(self, one: Submitted, even_if_changed: bool = False) -> SubmissionOutcome | None:
        """Return the outcome that an earlier run stored, or None if anything has changed since."""
        try:
            state = _read_json(self._state(one))
            if state["digest"] != self._digest(one) and not even_if_changed:
                return None
            row = self._row(one, from_json(state["outcome"]))
        except Exception:  # missing or damaged: grade the notebook again
            return None
        self._write_pages(self._complete(one, row))
        return row

    def write_outcome(self, one: Submitted, outcome: SubmissionOutcome) -> SubmissionOutcome:
        """Write one notebook's state and pages, and return its outcome as it is stored.

        What a person gave and what lateness costs may change later, and is not stored with it.
        """
        if one.note:
            outcome = replace(outcome, remarks=(one.note, *outcome.remarks))
        row = self._row(one, outcome)
        if row.again:
            self.forget(one)
        else:
            try:
                state = _report.dump({"digest": self._digest(one), "outcome": to_json(row)})
                _report.write_atomically(self._state(one), state)
            except Exception as error:
                row = _with_remark(row, "its result could not be kept for the next run", error)
        self._write_pages(self._complete(one, row))
        return row

    def _complete(self, one: Submitted, row: SubmissionOutcome) -> SubmissionOutcome:
        """Add what a person gave, and what lateness costs."""
        return _report.bounded(self.late.apply(one, self.by_hand.apply(row)))

    def finish(
        self, pairs: Sequence[tuple[Submitted, SubmissionOutcome]]
    ) -> list[SubmissionOutcome]:
        """Read again what a person gave meanwhile, and write it into all pages and the table."""
        rows = [row for _, row in pairs]
        for _ in range(MAX_TRIES):
            try:
                self.by_hand.refresh()
                self.by_hand.bind(rows)
                if self.by_hand.write(rows):
                    break
            except (TableError, OSError) as error:  # the rest of the report is written all the same
                self.by_hand.warnings.append(f"manual.csv was not written: {error}")
                break
        else:
            self.by_hand.warnings.append(
                "manual.csv is being changed, and was not written. Run it again."
            )
        completed = mark_attempts([(one, self._complete(one, row)) for one, row in pairs])
        return [self._write_pages(_report.bounded(row)) for row in completed]

    def forget(self, one: Submitted) -> None:
        """Delete the stored state of a notebook, so that the next run grades it again."""
        self._state(one).unlink(missing_ok=True)

    def _row(self, one: Submitted, outcome: SubmissionOutcome) -> SubmissionOutcome:
        named = replace(outcome, student=one.student, path=one.path, key=one.key)
        named = replace(named, platform=one.origin.platform, number=one.origin.number)
        return _report.bounded(named)

    def _write_pages(self, row: SubmissionOutcome) -> SubmissionOutcome:
        """Write the pages of one outcome, and return it with a remark for each page that failed."""
        before, written = self.shown.get(row.key, (None, None))
        if before == row:
            return written
        complete = row
        path = self.out / "feedback" / f"{row.key}.html"
        try:
            _report.write_atomically(path, _report.feedback(row, show_hidden=self.show_hidden))
        except Exception as error:
            row = _with_remark(row, "its feedback page could not be made", error)
            with suppress(Exception):  # show the points at least
                _report.write_atomically(path, _report.feedback(replace(row, cells=())))
        if self.gradescope and row.again:  # nothing was graded, so there is nothing to hand on
            (self.out / "gradescope" / f"{row.key}.json").unlink(missing_ok=True)
        elif self.gradescope:
            path = self.out / "gradescope" / f"{row.key}.json"
            try:
                content = _report.gradescope(row, show_hidden=self.show_hidden)
                _report.write_atomically(path, _report.dump(content))
            except Exception as error:
                row = _with_remark(row, "its file for Gradescope could not be made", error)
        self.shown[row.key] = complete, row
        return row

    def write_overview(self, rows: list[SubmissionOutcome], fault: str) -> None:
        """Write the gradebook, the results and the summary page of all notebooks."""
        sandbox, missing = self.machine.layers, self.machine.missing
        about: dict[str, Any] = {"sandbox": sandbox, "edition": self.machine.edition}
        if fault:
            about["fault"] = fault
        table = _report.grades(rows)
        _report.write_atomically(self.out / "grades.csv", table.to_csv(index=False))
        _report.write_atomically(
            self.out / "results.json", _report.dump(_report.results(rows, about))
        )
        page = _report.summary(rows, sandbox, missing, fault, self.by_hand.pages)
        _report.write_atomically(self.out / "summary.html", page)


def _with_remark(row: SubmissionOutcome, what: str, error: Exception) -> SubmissionOutcome:
    """Add a remark on an error in grading, unless an earlier run added it."""
    remark = f"{what} ({type(error).__name__})"
    if remark not in row.remarks:
        row = replace(row, remarks=(*row.remarks, remark))
    if row.status in ("graded", "waiting"):
        row = replace(row, status="graded, with trouble")
    return row
