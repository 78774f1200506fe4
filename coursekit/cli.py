"""The command ``coursekit``: the data, the exercises, and the grading of submitted ones."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from coursekit.datasets import DataUnavailableError, _files

app = typer.Typer(
    help="The companion of the course 'Deep learning with Keras'.", no_args_is_help=True
)
data = typer.Typer(help="The data sets of the book.", no_args_is_help=True)
app.add_typer(data, name="data")

# Paths and messages go through both, so nothing in them may be read as markup or as an emoji.
console = Console(markup=False, emoji=False, highlight=False)
errors = Console(stderr=True, markup=False, emoji=False, highlight=False)

# Modules of Python's that only systems like Linux have.
LINUX_ONLY = ("resource", "fcntl")


def _path(text: str) -> Path:
    """Take a path. An empty one, of a variable that is not set, would be the current folder."""
    if not text:
        raise typer.BadParameter("it is empty; name a file or a folder.")
    return Path(os.path.expanduser(text))  # the shell does not in --out=~/folder


@app.callback()
def main() -> None:
    """Keep ``data`` a sub-command however many others there are."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # whatever somebody has put in its place
            # A letter that the terminal does not have is no reason to stop.
            stream.reconfigure(errors="backslashreplace")


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
    if unknown := [name or "''" for name in wanted if name not in available]:
        _tell(
            errors,
            f"There is no full edition of {', '.join(unknown)} to fetch.",
            f" These can be fetched: {', '.join(available)}. The others come with coursekit.",
        )
        raise typer.Exit(2)
    failed = False
    with _stopped("Stopped. The files that were fetched whole are kept; run it again to go on."):
        for name in wanted:
            try:
                for file in _files.files_of(name, "full"):
                    _tell(console, "", f"{_files.obtain(file).path}: checked")
            except DataUnavailableError as error:
                failed = True
                _tell(errors, name, f": {error}")
    if failed:
        raise typer.Exit(1)


@data.command()
def verify() -> None:
    """Check the content of every file that is here; end with 1 if one is wrong."""
    right = absent = 0
    for file in _files.REGISTRY:
        problems: list[str] = []
        if found := _files.look(file, problems, thorough=True):
            right += 1
            _tell(console, "right", f"  {found.path}", "green")
            continue
        if file.bundled and not problems:
            problems.append(f"{_files.location(file)}: there is no such file")
        absent += not problems
        for problem in problems:
            _tell(console, "wrong", f"  {problem}")
    wrong = len(_files.REGISTRY) - right - absent
    console.print(f"{right} right, {wrong} wrong, {absent} not here")
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
        _tell(console, "", f"{what + ':':<24}{folder}")


@app.command()
def release(
    solutions: Annotated[
        list[Path],
        typer.Argument(help="Notebooks with solutions, or a folder of them.", parser=_path),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for the exercises.", parser=_path, metavar="PATH")
    ],
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
        for notebook in (sorted(path.glob("*.ipynb")) if os.path.isdir(path) else [path])
    ]
    if not sources:
        _tell(errors, f"No notebook in {', '.join(map(str, solutions))}.")
        raise typer.Exit(2)
    targets: dict[Path, Path] = {}
    for source in sources:
        target = out / source.name
        other = targets.setdefault(target, source)
        if other != source:
            _tell(errors, f"{other} and {source} would both become {target}.", " Rename one.")
            raise typer.Exit(2)
        if not check and os.path.exists(target) and os.path.samefile(source, target):
            _tell(errors, f"{source} would be overwritten.", " Name another folder with --out.")
            raise typer.Exit(2)
    with _stopped("Stopped. No exercise was written by halves."):
        try:
            # All are made before the first is written: one that is refused leaves the rest alone.
            made = {}
            for target, at in targets.items():
                made[target] = _release.changed(at, target)
            for at, content in made.items():
                if content is not None and not check:
                    _release.write(content, at)
                state = "as it was" if content is None else "differs" if check else "written"
                _tell(console, "", f"{at}: {state}")
        except (BadNotebookError, OSError) as error:
            _tell(errors, str(at), f": {error}")
            raise typer.Exit(1) from None
    if check and any(content is not None for content in made.values()):
        _tell(errors, "Exercises differ from their solutions.", " Run: make release")
        raise typer.Exit(1)


@app.command()
def grade(
    submissions: Annotated[
        Path, typer.Argument(help="Folder, or archive, of notebooks.", parser=_path)
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for gradebook and feedback.", parser=_path, metavar="PATH")
    ],
    master: Annotated[
        list[Path] | None,
        typer.Option(
            help="Notebook with nbgrader's marks; by default the course's exercises.",
            parser=_path,
            metavar="PATH",
        ),
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
        _tell(
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
        options = _grade.Options(
            cell_seconds=cell_seconds,
            notebook_seconds=notebook_seconds,
            seed=seed,
            limits=Limits(memory=_grade.memory_in_bytes(memory)),
            layers=tuple(layer for layer in LAYERS if layer not in (without or ())),
        )
        stopped = f"Stopped. What is finished is kept in {out}; run it again to go on."
        with _stopped(stopped), Progress(*columns, console=errors, transient=True) as bar:
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
                warn=lambda text: _tell(errors, text, style="yellow"),
                progress=lambda done, of, name: bar.update(
                    task, completed=done, total=of, description=_printable(name)
                ),
            )
    except (
        _grade.RefusedError,
        BadNotebookError,
        _grade.SandboxError,
        WarmUnavailableError,
        OSError,
    ) as error:
        _tell(errors, "Not graded:", f" {error}")
        raise typer.Exit(2) from None
    finally:
        if client is not None:
            client.close()
    states = [row["status"] for row in graded.rows]
    waiting = states.count("waiting")
    _tell(
        console,
        "",
        f"{len(states)} notebooks graded, {graded.new} of them now; "
        f"{len(states) - waiting - states.count('graded')} need a look"
        f"{f', {waiting} wait for a person' if waiting else ''}. "
        f"See {out / 'summary.html'} and {out / 'grades.csv'}.",
    )
    if graded.fault:
        _tell(errors, "These grades say nothing:", f" {_printable(graded.fault, 2000)}")
        raise typer.Exit(3)


@contextmanager
def _stopped(said: str) -> Iterator[None]:
    """Where Ctrl+C or a signal stops what is inside, say so, and end as such programs end."""
    ended: list[int] = []
    try:
        with _ended_by_signals(ended):
            yield
    except KeyboardInterrupt:
        _tell(errors, "", said)
        raise typer.Exit(128 + ended[0] if ended else 130) from None


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


def _tell(to: Console, coloured: str, text: str = "", style: str = "red") -> None:
    """Print a text as it is, the first words in a colour.

    What a terminal would take for an order, or what is half a letter, as in the name of a file
    that is no UTF-8, is shown as Python writes it.
    """
    parts = (
        "".join(
            letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1]
            for letter in part
        )
        for part in (coloured, text)
    )
    to.print(Text.assemble(*zip(parts, (style, ""), strict=True)), soft_wrap=True)


def _printable(text: str, most: int = 60) -> str:
    """Return a text of somebody else's so that a terminal takes nothing in it for an order."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most])


def _client(address: str):
    try:
        from distributed import Client
    except ImportError as error:
        _without_extra(error, "distributed")
    try:
        return Client(address, timeout="15s")
    except ValueError as error:
        _tell(errors, f"{address!r} is no address of a Dask scheduler", f" ({error}).")
        raise typer.Exit(2) from None


def _without_extra(error: ImportError, extra: str = "grading") -> None:
    if error.name in LINUX_ONLY:
        _tell(
            errors,
            "Grading needs Linux.",
            f" Python has no module {error.name} here, with which submissions are held in bounds. "
            "Grade on Linux, in WSL or in a container; nbgrader grades the same notebooks "
            "elsewhere.",
        )
    else:
        _tell(
            errors,
            f"{error.name} is not installed.",
            f" It comes with: pip install 'coursekit[{extra}]'",
        )
    raise typer.Exit(2) from None


def _place(file: _files.DataFile) -> str:
    if file.bundled:
        return "bundled"
    if not any(os.path.isfile(path) for path in _files.places(file)):
        return "not here"
    return "COURSEKIT_DATA" if _files.data_directory() else "cache"


def _readable(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
