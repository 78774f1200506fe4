"""The checks that there are, and the call in a notebook that asks one of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from coursekit.exercises.declaring import Check, declared

# What to do instead where a submission is graded: its answers are judged in another process.
_elsewhere: Callable[[str], None] | None = None


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
    import coursekit.exercises.checks  # noqa: F401 (importing declares them)

    return declared()


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
