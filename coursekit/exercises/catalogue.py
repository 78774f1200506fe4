"""The checks that there are, and the call in a notebook that asks one of them."""

from __future__ import annotations

import difflib
import os
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from coursekit.exercises.declaring import Check, declared, declared_meanwhile

# The files of other checks, each with its content and the checks that it declares.
_used: dict[Path, tuple[bytes, Mapping[str, Check]]] = {}
# What to do instead where a submission is graded: its answers are judged in another process.
_elsewhere: Callable[[str], None] | None = None


def find(identifier: str) -> Check:
    """Return the check of that name.

    Raises
    ------
    KeyError
        If there is none; the message names the nearest ones, and how to add others.
    """
    known = every()
    if identifier not in known:
        near = difflib.get_close_matches(identifier, known, n=3, cutoff=0.4)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        if not _used:
            hint += (
                ' If the exercise came with a file of checks, run use("checks.py") first; '
                "`coursekit release` and `coursekit grade` take --checks checks.py."
            )
        raise KeyError(f"there is no check {identifier!r}.{hint}")
    return known[identifier]


def every() -> dict[str, Check]:
    """Return all checks by name: the course's in the order of the exercises, then those used."""
    import coursekit.exercises.checks  # noqa: F401 (importing declares them)

    checks = declared()
    for _, others in _used.values():
        checks |= others
    return checks


def use(path: str | os.PathLike[str]) -> None:
    """Add the checks that a Python file declares to those of the course.

    The file is run once. If it has changed since, it is run again, and its new checks take the
    place of the old ones. Where a submission is graded, nothing is done, because its answers are
    judged elsewhere.

    Parameters
    ----------
    path : path
        A file that calls :func:`declare`. A relative path starts at the current folder, which in
        a notebook is the notebook's own.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no Python file, raises an error, or declares a check that there is already.
        None of its checks can be called then.

    Examples
    --------
    >>> use("checks.py")  # doctest: +SKIP
    >>> check("W3.1", rows=30)  # doctest: +SKIP
    ✔ W3.1 Rows for testing (1 point)
    """
    if _elsewhere is not None:
        return
    file = Path(path).resolve()
    if file.suffix != ".py":
        raise ValueError(f"{file} is not a Python file. Name a file that ends in .py.")
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no file {file}. Put it there, or give `use` the path to where it is."
        )
    content = file.read_bytes()
    if file in _used and _used[file][0] == content:
        return
    _used.pop(file, None)
    _used[file] = content, _run(file, content)


def _run(file: Path, content: bytes) -> Mapping[str, Check]:
    """Run a file of checks, and return those that it declares."""
    module = types.ModuleType(str(file))
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # where a dataclass looks up its annotations
    with declared_meanwhile(every()) as made:
        try:
            # Not by importing: Python may take a changed file's old bytecode for its own.
            exec(compile(content, file, "exec", dont_inherit=True), vars(module))
        except (Exception, SystemExit) as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == str(file)]
            line = lines[-1] if lines else getattr(error, "lineno", None) or 1
            raise ValueError(
                f"{file} cannot be used. Correct its line {line}: {type(error).__name__}: {error}"
            ) from error
    return made


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
