"""Consoles and helpers for commands: safe printing, and a clean exit when interrupted."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

# Both print paths and messages, which must not be read as markup or emoji codes.
console = Console(markup=False, emoji=False, highlight=False)
errors = Console(stderr=True, markup=False, emoji=False, highlight=False)


@contextmanager
def exit_on_interrupt(message: str) -> Iterator[None]:
    """On Ctrl+C, SIGTERM or SIGHUP, print a message and exit with 128 + the signal number."""
    received: list[int] = []
    try:
        with _signals_as_interrupt(received):
            yield
    except KeyboardInterrupt:
        tell(errors, "", message)
        raise typer.Exit(128 + received[0] if received else 130) from None


@contextmanager
def _signals_as_interrupt(received: list[int]) -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP, so that clean-up code runs."""

    def interrupt(number: int, frame: object) -> None:
        for name in previous:  # ignore further signals during clean-up
            signal.signal(name, signal.SIG_IGN)
        received.append(number)
        raise KeyboardInterrupt

    try:
        previous = {
            number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
        }
    except (ValueError, AttributeError):  # not the main thread, or no such signal here
        previous = {}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def tell(to: Console, coloured: str, text: str = "", style: str = "red") -> None:
    """Print ``coloured`` in a style, then ``text``, without wrapping.

    Control characters, and bytes of a file name that are not UTF-8, are printed as Python escapes
    them.
    """
    parts = (
        "".join(
            letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1]
            for letter in part
        )
        for part in (coloured, text)
    )
    to.print(Text.assemble(*zip(parts, (style, ""), strict=True)), soft_wrap=True)


def printable(text: str, max_length: int = 60) -> str:
    """Cut an untrusted text and replace its control characters by spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:max_length])
