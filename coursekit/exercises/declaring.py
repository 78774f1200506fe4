"""How a check is declared: what it reads, what it is worth, and the function that judges."""

from __future__ import annotations

import contextlib
import functools
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from coursekit.exercises.kinds import Kind, WrongKindError

_declared: MutableMapping[str, Check] = {}


class Wrong(Exception):  # noqa: N818 (it is a verdict, not an error)
    """An answer is wrong; the message is for the learner."""


def expect(condition: object, message: str) -> None:
    """Say that the answer is wrong, with this message, unless the condition holds.

    Raises
    ------
    Wrong
        If the condition is false. Arrays of truth values have no single answer: use
        ``.all()`` or ``.any()``.
    """
    if not condition:
        raise Wrong(message)


@dataclass(frozen=True)
class Result:
    """What a check says of some answers.

    Attributes
    ----------
    identifier, title : str
        Of the check.
    points : float
        What it is worth if it passes.
    passed : bool
    message : str
        Why it did not pass; empty if it did.
    """

    identifier: str
    title: str
    points: float
    passed: bool
    message: str = ""

    @property
    def earned(self) -> float:
        """The points that the answers get."""
        return self.points if self.passed else 0

    def __str__(self) -> str:
        unit = "point" if self.points == 1 else "points"
        if self.passed:
            return f"✔ {self.identifier} {self.title} ({self.points:g} {unit})"
        return f"✘ {self.identifier} {self.title}\n  {self.message}"


@dataclass(frozen=True)
class Check:
    """One check: what it reads, what it is worth, and the function that judges.

    Attributes
    ----------
    identifier : str
        Such as ``"2-A.3"``: the exercise and the number of the check in it.
    title : str
        What the learner was to do, in a few words.
    points : float
    answers : mapping of str to Kind
        Names of the variables it reads, and what each has to be.
    judge : callable
        Takes the plain answers by name and raises :class:`Wrong` if they are.
    """

    identifier: str
    title: str
    points: float
    answers: Mapping[str, Kind]
    judge: Callable[..., None]

    def __call__(self, given: Mapping[str, Any]) -> Result:
        """Judge answers as a notebook holds them."""
        result = functools.partial(Result, self.identifier, self.title, self.points)
        try:
            plain = {name: self._plain(name, given) for name in self.answers}
            self.judge(**plain)
        except (Wrong, WrongKindError) as verdict:
            return result(False, str(verdict))
        except Exception as error:  # an answer so odd that the check tripped over it
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
    identifier: str, title: str, *, points: float, **answers: Kind
) -> Callable[[Callable[..., None]], Check]:
    """Make a check of a function that raises :class:`Wrong` for wrong answers.

    Parameters
    ----------
    identifier, title, points
        As in :class:`Check`.
    **answers : Kind
        The variables that the check reads.

    Raises
    ------
    ValueError
        If there is a check of that name already.
    """

    def register(judge: Callable[..., None]) -> Check:
        if identifier in _declared:
            raise ValueError(
                f"there is a check {identifier!r} already: {_declared[identifier].title}. "
                "Give this one another name."
            )
        made = Check(identifier, title, points, answers, judge)
        _declared[identifier] = made
        return made

    return register


def declared() -> dict[str, Check]:
    """Return the checks that have been declared so far, by name, in the order of declaration."""
    return dict(_declared)


@contextlib.contextmanager
def declared_meanwhile(known: Mapping[str, Check]) -> Iterator[Mapping[str, Check]]:
    """Collect the checks that are declared meanwhile, none of which may be known already."""
    global _declared
    before, made = _declared, {}
    _declared = ChainMap(made, dict(known))
    try:
        yield made
    finally:
        _declared = before
