"""The commands ``coursekit release`` and ``coursekit grade``.

``coursekit`` finds them through the entry points in pyproject.toml and imports them whenever it
runs. So this module imports nothing that is slow or available only on Linux.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from coursekit.terminal import console, errors, exit_on_interrupt, tell

# Modules of the standard library that exist only on systems like Linux.
LINUX_ONLY = ("resource", "fcntl")


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
) -> None:
    """Make exercises for learners from solutions, with blanks instead of the answers."""
    try:
        from coursegrader import release as releasing
    except ImportError as error:
        _refuse_missing_module(error)
    from coursegrader.notebook import BadNotebookError
    from coursekit.exercises import use

    try:
        for path in checks or ():
            use(path)
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
    targets: dict[Path, Path] = {}
    for source in sources:
        target = out / source.name
        other = targets.setdefault(target, source)
        if other != source:
            tell(errors, f"{other} and {source} would both become {target}.", " Rename one.")
            raise typer.Exit(2)
        if not check and os.path.exists(target) and os.path.samefile(source, target):
            tell(errors, f"{source} would be overwritten.", " Name another folder with --out.")
            raise typer.Exit(2)
    with exit_on_interrupt("Stopped. No exercise was written by halves."):
        try:
            # Make all exercises before writing any: an error leaves all files unchanged.
            made = {}
            for target, at in targets.items():
                made[target] = releasing.changed(at, target)
            for at, content in made.items():
                if content is not None and not check:
                    releasing.write(content, at)
                state = "as it was" if content is None else "differs" if check else "written"
                tell(console, "", f"{at}: {state}")
        except (BadNotebookError, OSError) as error:
            tell(errors, str(at), f": {error}")
            raise typer.Exit(1) from None
    if check and any(content is not None for content in made.values()):
        tell(errors, "Exercises differ from their solutions.", " Run: make release")
        raise typer.Exit(1)


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
            help="Notebook with nbgrader's marks; by default the course's exercises.",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
    checks: _Checks = None,
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
    gradescope: Annotated[
        bool, typer.Option("--gradescope", help="Write Gradescope's results.json for each.")
    ] = False,
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
                jobs=jobs,
                client=client,
                require_sandbox=require_sandbox,
                show_hidden=show_hidden,
                gradescope=gradescope,
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
