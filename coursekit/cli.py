"""The command ``coursekit``: data commands, and those that other installed packages add."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.metadata import entry_points
from typing import Annotated

import typer
from rich.table import Column, Table

from coursekit.datasets import DataUnavailableError, folders, obtaining, places, registry
from coursekit.terminal import console, errors, exit_on_interrupt, tell

# Other packages register commands in this entry-point group: NAME = "module:function".
ENTRY_POINT_GROUP = "coursekit.commands"

app = typer.Typer(
    help="The companion of the course 'Deep learning with Keras'.", no_args_is_help=True
)
data = typer.Typer(help="The data sets of the book.", no_args_is_help=True)
app.add_typer(data, name="data")


@app.callback()
def main() -> None:
    """Make ``data`` a sub-command even if there is no other."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # the stream was replaced
            # Escape characters that the terminal cannot encode.
            stream.reconfigure(errors="backslashreplace")


@data.command("list")
def list_data() -> None:
    """List every data file with its size, hash and location."""
    name = Column("file", overflow="fold")
    table = Table("data set", "edition", name, "size", "SHA-256", "where")
    for column in table.columns:
        column.no_wrap = column is not name
    for file in registry.REGISTRY:
        own = (file.dataset, file.edition, file.path.rpartition("/")[2], _format_size(file.size))
        table.add_row(*own, file.sha256[:12], _location_label(file))
    console.print(table)


@data.command()
def fetch(
    datasets: Annotated[
        list[str] | None, typer.Argument(help="Names of data sets; all by default.")
    ] = None,
) -> None:
    """Download the full editions, so that the course can be used offline."""
    available = {file.dataset: None for file in registry.REGISTRY if not file.bundled}
    wanted = datasets or list(available)
    if unknown := [name or "''" for name in wanted if name not in available]:
        others = f" These can be fetched: {', '.join(available)}. The others come with coursekit."
        tell(errors, f"There is no full edition of {', '.join(unknown)} to fetch.", others)
        raise typer.Exit(2)
    failed = False
    stopped = "Stopped. The files that were fetched whole are kept; run it again to go on."
    with exit_on_interrupt(stopped):
        for name in wanted:
            try:
                for file in registry.files_of(name, "full"):
                    tell(console, "", f"{obtaining.obtain(file)}: checked")
            except DataUnavailableError as error:
                failed = True
                tell(errors, name, f": {error}")
    if failed:
        raise typer.Exit(1)


@data.command()
def verify() -> None:
    """Verify the content of every local data file; exit with 1 if one is wrong."""
    right = absent = 0
    for file in registry.REGISTRY:
        problems: list[str] = []
        if found := obtaining.find(file, problems):
            right += 1
            tell(console, "right", f"  {found}", "green")
            continue
        if file.bundled and not problems:
            problems.append(f"{places.location(file)}: there is no such file")
        absent += not problems
        for problem in problems:
            tell(console, "wrong", f"  {problem}")
    wrong = len(registry.REGISTRY) - right - absent
    console.print(f"{right} right, {wrong} wrong, {absent} not here")
    if wrong:
        raise typer.Exit(1)


@data.command()
def where() -> None:
    """Print the folders that are searched for data files."""
    found = folders()
    lines = {
        "bundled with coursekit": found["bundled"],
        "COURSEKIT_DATA": found["named"] or "not set",
        "downloads and cache": found["downloaded"],
    }
    for what, folder in lines.items():
        tell(console, "", f"{what + ':':<24}{folder}")


for _command in entry_points(group=ENTRY_POINT_GROUP):
    app.command(_command.name)(_command.load())


def _location_label(file: registry.DataFile) -> str:
    if file.bundled:
        return "bundled"
    if not any(os.path.isfile(path) for path in places.possible_locations(file)):
        return "not here"
    return "COURSEKIT_DATA" if places.data_directory() else "cache"


def _format_size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
