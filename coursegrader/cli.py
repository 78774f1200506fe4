"""The commands ``coursekit release`` and ``coursekit grade``.

``coursekit`` finds them through the entry points in pyproject.toml and imports them whenever it
runs. So this module imports nothing that is slow or available only on Linux.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from coursekit.terminal import console, errors, exit_on_interrupt, tell

# Modules of the standard library that exist only on systems like Linux.
LINUX_ONLY = ("resource", "fcntl")
LARGEST_SEED = 2**31 - 1  # as in coursekit.exercises.variants, which takes time to import


def _to_path(text: str) -> Path:
    """Convert an argument to a path; an empty one (an unset variable) is refused."""
    if not text:
        raise typer.BadParameter("it is empty; name a file or a folder.")
    return Path(os.path.expanduser(text))  # the shell does not expand --out=~/folder


_Checks = Annotated[
    list[Path] | None,
    typer.Option(
        help="Python file with checks that do not come with the course; may be given again.",
        parser=_to_path,
        metavar="PATH",
    ),
]


def release(
    solutions: Annotated[
        list[Path],
        typer.Argument(help="Notebooks with solutions, or a folder of them.", parser=_to_path),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for the exercises.", parser=_to_path, metavar="PATH")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with 1 if an exercise differs.")
    ] = False,
    checks: _Checks = None,
    variant: Annotated[
        int | None,
        typer.Option(
            help="Write this variant of the exercises: other data and numbers, drawn with the "
            "seed. 0 is the published one.",
            min=0,
            max=LARGEST_SEED,
            metavar="SEED",
        ),
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option(
            help="Write OUT/STUDENT/ for each student of a CSV file, each with a variant of their "
            "own. Its column student (or id, email, username) names the students.",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            help="File with the key that signs variants; made if it is not there. By default, "
            "variants.key beside the folder OUT.",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
) -> None:
    """Make exercises for learners from solutions, with blanks instead of the answers."""
    try:
        from coursegrader import release as releasing
    except ImportError as error:
        _refuse_missing_module(error)
    from coursegrader.notebook import BadNotebookError
    from coursegrader.variants import write_key
    from coursekit.exercises import use

    try:
        for path in checks or ():
            use(path)
        issue = _read_issue(variant, roster, key, out, check)
    except (OSError, ValueError) as error:
        tell(errors, "Nothing was written:", f" {error}")
        raise typer.Exit(2) from None
    sources = [
        notebook
        for path in solutions
        for notebook in (sorted(path.glob("*.ipynb")) if os.path.isdir(path) else [path])
    ]
    if not sources:
        tell(errors, f"No notebook in {', '.join(map(str, solutions))}.")
        raise typer.Exit(2)
    targets: dict[Path, tuple[Path, str]] = {}
    for source, student in itertools.product(sources, issue.students if issue else [""]):
        target = out / student / source.name
        other, _ = targets.setdefault(target, (source, student))
        if other != source:
            tell(errors, f"{other} and {source} would both become {target}.", " Rename one.")
            raise typer.Exit(2)
        if not check and os.path.exists(target) and os.path.samefile(source, target):
            tell(errors, f"{source} would be overwritten.", " Name another folder with --out.")
            raise typer.Exit(2)
    with exit_on_interrupt("Stopped. No exercise was written by halves."):
        try:
            # Make all exercises before writing any: an error leaves all files unchanged.
            made, exercises = {}, {}
            for target, (at, student) in targets.items():
                if at not in exercises:
                    exercises[at] = releasing.released(at)
                exercise = exercises[at]
                if issue:
                    exercise = releasing.of_variant(
                        exercise, at.stem, issue.key, seed=variant, student=student
                    )
                made[target] = releasing.changed_text(exercise, target)
            if issue and issue.is_new:
                at = issue.path
                write_key(issue.path, issue.key)
            for at, content in made.items():
                if content is not None and not check:
                    releasing.write(content, at)
                state = "as it was" if content is None else "differs" if check else "written"
                tell(console, "", f"{at}: {state}")
        except (BadNotebookError, OSError) as error:
            tell(errors, str(at), f": {error}")
            raise typer.Exit(1) from None
    if check and any(content is not None for content in made.values()):
        what = "the same command without --check" if issue else "make release"
        tell(errors, "Exercises differ from their solutions.", f" Run: {what}")
        raise typer.Exit(1)
    if issue and not check:
        tell(
            errors,
            f"Keep {issue.path}, and do not hand it out.",
            f" This {'new ' if issue.is_new else ''}key signed the notebooks. Grading needs it; "
            "anybody who has it can sign a variant for themselves.",
            style="yellow",
        )


class _Issue(NamedTuple):
    """For whom variants are released, and the key that signs them."""

    students: list[str]
    path: Path
    key: bytes
    is_new: bool


def _read_issue(
    variant: int | None, roster: Path | None, path: Path | None, out: Path, check: bool
) -> _Issue | None:
    """Read the roster and the key; return None if no variant is asked for.

    A key that is not there is made, but not written yet.
    """
    from coursegrader import variants

    if variant is not None and roster is not None:
        raise variants.VariantError(
            "--variant makes one variant for all, and --roster one for each student; give one of "
            "these options."
        )
    if variant is None and roster is None:
        if path is not None:
            raise variants.VariantError(
                f"the key {path} is for variants; give --variant or --roster too, or leave it out."
            )
        return None
    students = [""] if roster is None else list(variants.read_roster(roster).students)
    path = path or out.resolve().parent / variants.KEY_NAME
    if path.resolve().is_relative_to(out.resolve()):
        raise variants.VariantError(
            f"the key {path} would be in {out}, which is handed out. Name another file with --key."
        )
    if check or os.path.lexists(path):
        return _Issue(students, path, variants.read_key(path), False)
    return _Issue(students, path, variants.new_key(), True)


def grade(
    submissions: Annotated[
        Path, typer.Argument(help="Folder, or archive, of notebooks.", parser=_to_path)
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder for gradebook and feedback.", parser=_to_path, metavar="PATH"),
    ],
    master: Annotated[
        list[Path] | None,
        typer.Option(
            help="Notebook with nbgrader's marks, or a folder of them; may be given again. By "
            "default, the course's exercises.",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
    checks: _Checks = None,
    key: Annotated[
        Path | None,
        typer.Option(
            help="File with the key of the variants, from coursekit release.",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of the students: a roster (with --key, to verify variants), or what "
            "Canvas's gradebook or Moodle's grading worksheet exports (with --export).",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(help="Notebooks to grade at a time; by default, the number of cores.", min=1),
    ] = None,
    cell_seconds: Annotated[float, typer.Option(help="The longest a cell may take.")] = 120.0,
    notebook_seconds: Annotated[
        float, typer.Option(help="The longest a notebook may take.")
    ] = 600.0,
    memory: Annotated[float, typer.Option(help="GB that a submission may use.")] = 4.0,
    seed: Annotated[
        int, typer.Option(help="Random seed, set before the first cell of each notebook.")
    ] = 1,
    require_sandbox: Annotated[
        bool, typer.Option("--require-sandbox", help="Refuse to run without every layer.")
    ] = False,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave out a layer of the sandbox, by name.")
    ] = None,
    show_hidden: Annotated[
        bool, typer.Option("--show-hidden", help="Show what hidden tests found.")
    ] = False,
    export: Annotated[
        list[str] | None,
        typer.Option(
            help="Also write what canvas, moodle, gradescope or nbgrader imports; may be given "
            "again.",
            metavar="FORMAT",
        ),
    ] = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Grade cells by hand without seeing names.")
    ] = False,
    manual: Annotated[
        list[Path] | None,
        typer.Option(
            help="Filled-in table of cells that a person grades, beside OUT/manual.csv; may be "
            "given again.",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
    due: Annotated[
        list[str] | None,
        typer.Option(
            help='When submissions are due, such as "2026-11-30 23:59"; NAME=TIME for one '
            "assignment. May be given again.",
            metavar="TIME",
        ),
    ] = None,
    late_penalty: Annotated[
        float, typer.Option(help="Percent of the possible points, for each started day.")
    ] = 0.0,
    late_cap: Annotated[float, typer.Option(help="The largest penalty, in percent.")] = 100.0,
    times: Annotated[
        Path | None,
        typer.Option(
            help="CSV file with the columns student and submitted: when each handed in.",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Grade only this student again; all others stay as they are. May be given again.",
            metavar="STUDENT",
        ),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler to grade on.")
    ] = None,
) -> None:
    """Grade untrusted notebooks in a sandbox, and write feedback.

    Run again with the same folders, it resumes where it stopped. The exit status is 2 for an
    invalid request, and 3 if most notebooks failed because of an error that is not theirs.
    """
    try:
        from coursegrader import grade as grading
    except ImportError as error:
        _refuse_missing_module(error)
    from coursegrader.notebook import BadNotebookError
    from coursegrader.sandbox import LAYERS, Limits
    from coursegrader.tables import TableError
    from warmkernels.client import WarmUnavailableError

    if unknown := set(without or ()) - set(LAYERS):
        tell(
            errors,
            f"There is no layer {', '.join(sorted(unknown))}.",
            f" The layers are {', '.join(LAYERS)}.",
        )
        raise typer.Exit(2)
    client = None
    columns = (
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    try:
        options = grading.Options(
            cell_seconds=cell_seconds,
            notebook_seconds=notebook_seconds,
            seed=seed,
            limits=Limits(memory=grading.memory_in_bytes(memory)),
            layers=tuple(layer for layer in LAYERS if layer not in (without or ())),
            checks=tuple(map(str, checks or ())),
        )
        late = _late_policy(due, late_penalty, late_cap, times)
        words = f"Stopped. What is finished is kept in {out}; run it again to go on."
        with exit_on_interrupt(words), Progress(*columns, console=errors, transient=True) as bar:
            task = bar.add_task("", total=None)
            if scheduler:
                client = _connect_to_dask(scheduler)
            graded = grading.grade(
                submissions,
                out,
                masters=master,
                options=options,
                key=key,
                roster=roster,
                jobs=jobs,
                client=client,
                require_sandbox=require_sandbox,
                show_hidden=show_hidden,
                exports=export or (),
                anonymous=anonymous,
                manual=manual or (),
                late=late,
                only=only or (),
                private=[times] if times else [],
                warn=lambda text: tell(errors, text, style="yellow"),
                progress=lambda done, of, name: bar.update(
                    task, completed=done, total=of, description=_printable(name)
                ),
            )
    except (
        grading.RefusedError,
        BadNotebookError,
        grading.SandboxError,
        WarmUnavailableError,
        TableError,
        OSError,
    ) as error:
        tell(errors, "Not graded:", f" {error}")
        raise typer.Exit(2) from None
    finally:
        if client is not None:
            client.close()
    states = [row.status for row in graded.rows]
    waiting = states.count("waiting")
    tell(
        console,
        "",
        f"{len(states)} notebooks graded, {graded.new} of them now; "
        f"{len(states) - waiting - states.count('graded')} need a look"
        f"{f', {waiting} wait for a person' if waiting else ''}. "
        f"See {out / 'summary.html'} and {out / 'grades.csv'}.",
    )
    if graded.fault:
        tell(errors, "These grades say nothing:", f" {_printable(graded.fault, 2000)}")
        raise typer.Exit(3)


def _late_policy(due: list[str] | None, percent: float, cap: float, times: Path | None):
    """Return when submissions are due, as the options say."""
    from coursegrader import lateness
    from coursegrader.tables import TableError

    try:
        asked = {"times": lateness.read_times(times)} if times else {}
        return lateness.LatePolicy(lateness.read_due(due or ()), percent, cap, **asked)
    except ValueError as error:
        raise TableError(str(error)) from None


def _connect_to_dask(address: str):
    try:
        from distributed import Client
    except ImportError as error:
        _refuse_missing_module(error, "distributed")
    try:
        return Client(address, timeout="15s")
    except ValueError as error:
        tell(errors, f"{address!r} is no address of a Dask scheduler", f" ({error}).")
        raise typer.Exit(2) from None


def _refuse_missing_module(error: ImportError, extra: str = "grading") -> None:
    if error.name in LINUX_ONLY:
        tell(
            errors,
            "Grading needs Linux.",
            f" Python has no module {error.name} here, with which submissions are held in bounds. "
            "Grade on Linux, in WSL or in a container; nbgrader grades the same notebooks "
            "elsewhere.",
        )
    else:
        tell(
            errors,
            f"{error.name} is not installed.",
            f" It comes with: pip install 'coursekit[{extra}]'",
        )
    raise typer.Exit(2) from None


def _printable(text: str, max_length: int = 60) -> str:
    """Cut an untrusted text and replace its control characters by spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:max_length])
