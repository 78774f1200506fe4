"""Consoles and helpers for commands: safe printing, and a clean exit when interrupted."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer
from rich.console import Console
from rich.text import Text

# Both print paths and messages, which must not be read as markup or emoji codes.
console = Console(markup=False, emoji=False, highlight=False)
errors = Console(stderr=True, markup=False, emoji=False, highlight=False)


@contextmanager
def exit_on_interrupt(message: str) -> Iterator[None]:
    """On Ctrl+C, SIGTERM or SIGHUP, print a message and exit with 128 + the signal number.

    All of them raise KeyboardInterrupt inside, so that clean-up code runs.
    """
    received = [signal.SIGINT]
    previous = {}

    def interrupt(number: int, frame: object) -> None:
        for name in previous:  # ignore further signals during clean-up
            signal.signal(name, signal.SIG_IGN)
        received.append(number)
        raise KeyboardInterrupt

    with suppress(ValueError, AttributeError):  # not the main thread, or no such signal here
        for number in (signal.SIGTERM, signal.SIGHUP):
            previous[number] = signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        tell(errors, "", message)
        raise typer.Exit(128 + received[-1]) from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def tell(to: Console, coloured: str, text: str = "", style: str = "red") -> None:
    """Print ``coloured`` in a style, then ``text``, without wrapping.

    Control characters, and bytes of a file name that are not UTF-8, are printed as Python escapes
    them.
    """

    def escaped(part: str) -> str:
        letters = (one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in part)
        return "".join(letters)

    to.print(Text.assemble((escaped(coloured), style), escaped(text)), soft_wrap=True)
