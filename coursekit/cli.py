"""The command ``coursekit``: look at the data, fetch it, check it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
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


def _place(file: _files.DataFile) -> str:
    if file.bundled:
        return "bundled"
    if not _files.location(file).is_file():
        return "not here"
    return "COURSEKIT_DATA" if _files.data_directory() else "cache"


def _readable(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
