"""How a check is declared, and how it judges answers."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coursekit.grading.kinds import Kind, WrongKindError

_declared: dict[str, Check] = {}
# What to do instead where a submission is graded: its answers are judged in another process.
_elsewhere: Callable[[str], None] | None = None


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
            raise ValueError(f"there are two checks {identifier!r}.")
        made = Check(identifier, title, points, answers, judge)
        _declared[identifier] = made
        return made

    return register


def find(identifier: str) -> Check:
    """Return the check of that name.

    Raises
    ------
    KeyError
        If there is none; the message names the nearest ones.
    """
    known = every()
    if identifier not in known:
        near = difflib.get_close_matches(identifier, known, n=3, cutoff=0.4)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise KeyError(f"there is no check {identifier!r}.{hint}")
    return known[identifier]


def every() -> dict[str, Check]:
    """Return all checks of the course by name, in the order of the exercises."""
    import coursekit.grading.checks  # noqa: F401 (importing declares them)

    return dict(_declared)


def judge_elsewhere(told: Callable[[str], None]) -> None:
    """Have :func:`check` judge nothing in this process, and tell somebody that it was called."""
    global _elsewhere
    _elsewhere = told


class CheckFailed(AssertionError):  # noqa: N818 (what a learner reads)
    """A check did not pass; stops the notebook, and nbval, at the cell."""

    def _render_traceback_(self) -> list[str]:
        # What IPython shows: the message was printed, and our own frames help nobody.
        return [f"CheckFailed: {self}"]


def check(identifier: str, /, **answers: Any) -> None:
    """Judge answers to an exercise at once, and say what is wrong with them.

    Parameters
    ----------
    identifier : str
        Which check, such as ``"2-A.3"``.
    **answers
        The variables that it reads, by name.

    Raises
    ------
    CheckFailed
        If an answer is wrong; what is wrong is printed too.
    KeyError
        If there is no such check.
    TypeError
        If the check reads other variables.

    Examples
    --------
    >>> check("S5.1", parameters=239)
    ✔ S5.1 Parameters counted by hand (1 point)
    """
    if _elsewhere is not None:
        return _elsewhere(identifier)
    found = find(identifier)
    if set(answers) != set(found.answers):
        raise TypeError(
            f"check {identifier!r} reads {', '.join(found.answers)}; it was given "
            f"{', '.join(answers) or 'nothing'}."
        )
    result = found(answers)
    print(result)
    if not result.passed:
        raise CheckFailed(f"{identifier}: {result.message}")
