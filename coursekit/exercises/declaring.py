"""Declare checks: their name, points, the answers they read, and the function that judges."""

from __future__ import annotations

import contextlib
import functools
import textwrap
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from coursekit.exercises.kinds import Kind, WrongKindError

LEVELS = ("", "basic", "standard", "challenge")

_registry: MutableMapping[str, Check] = {}


class Wrong(Exception):  # noqa: N818 (it is a verdict, not an error)
    """Raised by a check when an answer is wrong; the learner sees the message."""


def expect(condition: object, message: str) -> None:
    """Raise :class:`Wrong` with a message unless the condition holds.

    Parameters
    ----------
    condition : object
        A truth value. Reduce an array with ``.all()`` or ``.any()`` first.
    message : str
        What is wrong, for the learner.

    Raises
    ------
    Wrong
        If the condition is false.
    """
    if not condition:
        raise Wrong(message)


def wrapped(text: str, indent: str = "") -> str:
    """Return a text in lines of 90 characters; JupyterLab would break longer ones within words."""
    lines = (
        textwrap.fill(
            line,
            90,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )
    return "\n".join(lines)


@dataclass(frozen=True)
class Result:
    """The verdict of a check on given answers.

    Attributes
    ----------
    identifier, title : str
        Name and title of the check.
    points : float
        Points for a correct answer.
    passed : bool
        Whether the answers are right.
    message : str
        Why the check did not pass; empty if it passed.
    """

    identifier: str
    title: str
    points: float
    passed: bool
    message: str = ""

    @property
    def earned(self) -> float:
        """The points earned by the answers."""
        return self.points if self.passed else 0

    def __str__(self) -> str:
        unit = "point" if self.points == 1 else "points"
        if self.passed:
            return f"✔ {self.identifier} {self.title} ({self.points:g} {unit})"
        return f"✘ {self.identifier} {self.title}\n{wrapped(self.message, indent='  ')}"


@dataclass(frozen=True)
class Check:
    """A check, which judges the answers to one step of an exercise.

    Attributes
    ----------
    identifier : str
        Exercise and number of the check in it, such as ``"2-A.3"``.
    title : str
        The task in a few words.
    points : float
        Points for a correct answer.
    answers : mapping of str to Kind
        Name and kind of each variable that the check reads.
    judge : callable
        Function that takes the plain answers as keyword arguments and raises
        :class:`Wrong` if one is wrong.
    level : {"", "basic", "standard", "challenge"}
        How hard the task is; empty if nobody has said.
    hints : tuple of str
        Hints for the learner, from the idea to just short of the solution.
    """

    identifier: str
    title: str
    points: float
    answers: Mapping[str, Kind]
    judge: Callable[..., None]
    level: str = ""
    hints: tuple[str, ...] = ()

    def __call__(self, given: Mapping[str, Any]) -> Result:
        """Judge the values of a notebook's variables, given by name."""
        result = functools.partial(Result, self.identifier, self.title, self.points)
        try:
            plain = {name: self._plain(name, given) for name in self.answers}
            self.judge(**plain)
        except (Wrong, WrongKindError) as verdict:
            return result(False, str(verdict))
        except Exception as error:  # the answer is so unusual that the check itself failed
            text = " ".join(str(error).split())[:300]
            return result(
                False,
                f"The answer could not be judged ({type(error).__name__}: {text}). Look at "
                f"{' and '.join(f'`{name}`' for name in self.answers)} once more.",
            )
        return result(True)

    def _plain(self, name: str, given: Mapping[str, Any]) -> Any:
        if name not in given:
            raise Wrong(f"`{name}` is not defined: the cell that makes it has not run.")
        if given[name] is None or given[name] is ...:
            raise Wrong(f"`{name}` has no value yet. Your code has to give it one.")
        return self.answers[name].plain(name, given[name])


def declare(
    identifier: str,
    title: str,
    *,
    points: float,
    level: str = "",
    hints: tuple[str, ...] = (),
    **answers: Kind,
) -> Callable[[Callable[..., None]], Check]:
    """Declare a check; decorates the function that judges the answers.

    Parameters
    ----------
    identifier, title, points, level, hints
        As in :class:`Check`.
    **answers : Kind
        Name and kind of each variable that the check reads.

    Returns
    -------
    callable
        A decorator for a function that takes the answers as keyword arguments and raises
        :class:`Wrong` if one is wrong. It returns a :class:`Check`.

    Raises
    ------
    ValueError
        If the level is unknown; by the decorator, if there is already a check with this name.
    TypeError
        If the hints are a single string, or a kind is not from :mod:`coursekit.exercises.kinds`.
    """
    if level not in LEVELS:
        raise ValueError(
            f"{identifier!r} has the level {level!r}; it has to be one of {', '.join(LEVELS[1:])}."
        )
    if own := [name for name, kind in answers.items() if type(kind).__module__ != Kind.__module__]:
        raise TypeError(
            f"{identifier!r} reads `{own[0]}` as a kind of your own. While a submission is graded, "
            "only the kinds in coursekit.exercises.kinds are known: read one of these, and convert "
            "it in the function that judges."
        )
    if isinstance(hints, str):
        raise TypeError(f"{identifier!r} has one string as hints; give a tuple of strings.")

    def register(judge: Callable[..., None]) -> Check:
        if identifier in _registry:
            raise ValueError(
                f"there is a check {identifier!r} already: {_registry[identifier].title}. "
                "Give this one another name."
            )
        made = Check(identifier, title, points, answers, judge, level, tuple(hints))
        _registry[identifier] = made
        return made

    return register


def declared() -> dict[str, Check]:
    """Return all checks declared so far, by name, in the order of declaration."""
    return dict(_registry)


@contextlib.contextmanager
def collect_declared(known: Mapping[str, Check]) -> Iterator[Mapping[str, Check]]:
    """Collect the checks declared inside a ``with`` block; names in ``known`` are refused."""
    global _registry
    before, made = _registry, {}
    _registry = ChainMap(made, dict(known))
    try:
        yield made
    finally:
        _registry = before
