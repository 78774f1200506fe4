"""What every command prints with, and how a command ends that is stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

# Paths and messages go through both, so nothing in them may be read as markup or as an emoji.
console = Console(markup=False, emoji=False, highlight=False)
errors = Console(stderr=True, markup=False, emoji=False, highlight=False)


@contextmanager
def stopped(said: str) -> Iterator[None]:
    """Where Ctrl+C or a signal stops what is inside, say so, and end as such programs end."""
    ended: list[int] = []
    try:
        with _ended_by_signals(ended):
            yield
    except KeyboardInterrupt:
        tell(errors, "", said)
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


def tell(to: Console, coloured: str, text: str = "", style: str = "red") -> None:
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


def printable(text: str, most: int = 60) -> str:
    """Return a text of somebody else's so that a terminal takes nothing in it for an order."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most])
