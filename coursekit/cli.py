"""The command ``coursekit``: the data, the exercises, and the grading of submitted ones."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from coursekit.datasets import DataUnavailableError, _files

app = typer.Typer(
    help="The companion of the course 'Deep learning with Keras'.", no_args_is_help=True
)
data = typer.Typer(help="The data sets of the book.", no_args_is_help=True)
app.add_typer(data, name="data")

console = Console()
errors = Console(stderr=True)


@app.callback()
def main() -> None:
    """Keep ``data`` a sub-command however many others there are."""


@data.command("list")
def list_data() -> None:
    """List every file with its size, its hash and where it is."""
    table = Table(
        "data set", "edition", Column("file", overflow="fold"), "size", "SHA-256", "where"
    )
    for column in table.columns:
        column.no_wrap = column.header != "file"
    for file in _files.REGISTRY:
        table.add_row(
            file.dataset,
            file.edition,
            file.path.rpartition("/")[2],
            _readable(file.size),
            file.sha256[:12] if file.sha256 else f"{len(file.members)} members",
            _place(file),
        )
    console.print(table)


@data.command()
def fetch(
    datasets: Annotated[
        list[str] | None, typer.Argument(help="Names of data sets; all that there are by default.")
    ] = None,
) -> None:
    """Download the full editions, so that the course can be taken offline."""
    available = {file.dataset: None for file in _files.REGISTRY if not file.bundled}
    wanted = datasets or list(available)
    if unknown := [name for name in wanted if name not in available]:
        errors.print(
            f"[red]There is no full edition of {', '.join(unknown)} to fetch.[/red] "
            f"These can be fetched: {', '.join(available)}. The others come with coursekit."
        )
        raise typer.Exit(2)
    failed = False
    for name in wanted:
        try:
            for file in _files.files_of(name, "full"):
                console.print(f"{_files.obtain(file).path}: checked", soft_wrap=True)
        except DataUnavailableError as error:
            failed = True
            errors.print(f"[red]{name}[/red]: {error}", soft_wrap=True, highlight=False)
    if failed:
        raise typer.Exit(1)


@data.command()
def verify() -> None:
    """Check the content of every file that is here; end with 1 if one is wrong."""
    wrong = absent = 0
    for file in _files.REGISTRY:
        path = _files.location(file)
        if not path.is_file() and not file.bundled:
            absent += 1
            continue
        try:
            _files.check(path, file, thorough=True)
            console.print(f"[green]right[/green]  {path}", soft_wrap=True)
        except (_files.BadFileError, OSError) as error:
            wrong += 1
            console.print(f"[red]wrong[/red]  {path}: {error}", soft_wrap=True)
    console.print(
        f"{len(_files.REGISTRY) - wrong - absent} right, {wrong} wrong, {absent} not here"
    )
    if wrong:
        raise typer.Exit(1)


@data.command()
def where() -> None:
    """Print the folders in which data files are looked for."""
    named = _files.data_directory()
    lines = {
        "bundled with coursekit": _files.bundled_directory(),
        "COURSEKIT_DATA": named or "not set",
        "downloads and cache": _files.cache_directory(),
    }
    for what, folder in lines.items():
        console.print(f"{what + ':':<24}{folder}", soft_wrap=True, highlight=False)


@app.command()
def release(
    solutions: Annotated[
        list[Path], typer.Argument(help="Notebooks with solutions, or a folder of them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the exercises.")],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with 1 if an exercise differs.")
    ] = False,
) -> None:
    """Make the exercises that learners get, with blanks in the place of solutions."""
    try:
        from coursekit.grading import _release
    except ImportError as error:
        _without_extra(error)
    from coursekit.grading._notebook import BadNotebookError

    sources = [
        notebook
        for path in solutions
        for notebook in (sorted(path.glob("*.ipynb")) if path.is_dir() else [path])
    ]
    if not sources:
        errors.print(f"[red]No notebook in {', '.join(map(str, solutions))}.[/red]")
        raise typer.Exit(2)
    differ = 0
    for source in sources:
        target = out / source.name
        try:
            changed = (
                _release.differs(source, target) if check else _release.release(source, target)
            )
        except (BadNotebookError, OSError) as error:
            errors.print(f"[red]{source}[/red]: {error}", soft_wrap=True, highlight=False)
            raise typer.Exit(1) from None
        differ += changed
        state = "differs" if check and changed else "written" if changed else "as it was"
        console.print(f"{target}: {state}", soft_wrap=True, highlight=False)
    if check and differ:
        errors.print("[red]Exercises differ from their solutions.[/red] Run: make release")
        raise typer.Exit(1)


@app.command()
def grade(
    submissions: Annotated[Path, typer.Argument(help="Folder, or archive, of notebooks.")],
    out: Annotated[Path, typer.Option(help="Folder for gradebook and feedback.")],
    master: Annotated[
        list[Path] | None,
        typer.Option(help="Notebook with nbgrader's marks; by default the course's exercises."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="How many at a time; the cores by default.", min=1)
    ] = None,
    cell_seconds: Annotated[float, typer.Option(help="The longest a cell may take.")] = 120.0,
    notebook_seconds: Annotated[float, typer.Option(help="The longest a notebook may.")] = 600.0,
    memory: Annotated[float, typer.Option(help="GB that a submission may use.")] = 4.0,
    seed: Annotated[int, typer.Option(help="Set before the first cell of each.")] = 1,
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
    """Grade submitted notebooks, which nobody trusts, and write feedback.

    Run again with the same folders, it goes on where it stopped. It ends with 2 if it was asked
    for what cannot be done, and with 3 if most notebooks failed in a way that is not their fault.
    """
    try:
        from coursekit.grading import _grade
    except ImportError as error:
        _without_extra(error)
    from coursekit.grading._notebook import BadNotebookError
    from coursekit.grading._sandbox import LAYERS, Limits
    from coursekit.kernels._client import WarmUnavailableError

    if unknown := set(without or ()) - set(LAYERS):
        errors.print(
            f"[red]There is no layer {', '.join(sorted(unknown))}.[/red] "
            f"The layers are {', '.join(LAYERS)}."
        )
        raise typer.Exit(2)
    client, ended = None, []
    columns = (
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    try:
        options = _grade.Options(
            cell_seconds=cell_seconds,
            notebook_seconds=notebook_seconds,
            seed=seed,
            limits=Limits(memory=_grade.memory_in_bytes(memory)),
            layers=tuple(layer for layer in LAYERS if layer not in (without or ())),
        )
        with _ended_by_signals(ended), Progress(*columns, console=errors, transient=True) as bar:
            task = bar.add_task("", total=None)
            if scheduler:
                client = _client(scheduler)
            graded = _grade.grade(
                submissions,
                out,
                masters=master,
                options=options,
                jobs=jobs,
                client=client,
                require_sandbox=require_sandbox,
                show_hidden=show_hidden,
                gradescope=gradescope,
                warn=lambda text: errors.print(f"[yellow]{escape(text)}[/yellow]", soft_wrap=True),
                progress=lambda done, of, name: bar.update(
                    task, completed=done, total=of, description=escape(_printable(name))
                ),
            )
    except (
        _grade.RefusedError,
        BadNotebookError,
        _grade.SandboxError,
        WarmUnavailableError,
        OSError,
    ) as error:
        text = escape(str(error))
        errors.print(f"[red]Not graded:[/red] {text}", soft_wrap=True, highlight=False)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        errors.print(
            f"Stopped. What is finished is kept in {escape(str(out))}; run it again to go on."
        )
        raise typer.Exit(128 + ended[0] if ended else 130) from None
    finally:
        if client is not None:
            client.close()
    states = [row["status"] for row in graded.rows]
    waiting = states.count("waiting")
    console.print(
        f"{len(states)} notebooks graded, {graded.new} of them now; "
        f"{len(states) - waiting - states.count('graded')} need a look"
        f"{f', {waiting} wait for a person' if waiting else ''}. "
        f"See {escape(str(out / 'summary.html'))} and {escape(str(out / 'grades.csv'))}.",
        soft_wrap=True,
        highlight=False,
    )
    if graded.fault:
        text = escape(_printable(graded.fault, 2000))
        errors.print(
            f"[red]These grades say nothing:[/red] {text}", soft_wrap=True, highlight=False
        )
        raise typer.Exit(3)


@contextmanager
def _ended_by_signals(ended: list[int]) -> Iterator[None]:
    """Let whoever ends us do so as Ctrl+C does: everything is cleared away first."""

    def end(number: int, frame: object) -> None:
        for name in before:  # once is enough; clearing away takes a moment
            signal.signal(name, signal.SIG_IGN)
        ended.append(number)
        raise KeyboardInterrupt

    try:
        before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    except (ValueError, AttributeError):  # in a thread, or where there are no such signals
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _printable(text: str, most: int = 60) -> str:
    """Return a text of somebody else's so that a terminal takes nothing in it for an order."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most])


def _client(address: str):
    try:
        from distributed import Client
    except ImportError as error:
        _without_extra(error, "distributed")
    return Client(address, timeout="15s")


def _without_extra(error: ImportError, extra: str = "grading") -> None:
    errors.print(
        f"[red]{error.name} is not installed.[/red] It comes with: "
        f"pip install 'coursekit\\[{extra}]'"
    )
    raise typer.Exit(2) from None


def _place(file: _files.DataFile) -> str:
    if file.bundled:
        return "bundled"
    if not _files.location(file).is_file():
        return "not here"
    return "COURSEKIT_DATA" if _files.data_directory() else "cache"


def _readable(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
