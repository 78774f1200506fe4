"""What a notebook calls: find checks by name, run one, show a hint, choose a variant."""

from __future__ import annotations

import difflib
import os
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from coursekit.exercises import variants
from coursekit.exercises.declaring import Check, collect_declared, declared, wrapped

# The files loaded by `use`, each with its content and the checks that it declares.
_check_files: dict[Path, tuple[bytes, Mapping[str, Check]]] = {}
# Called by `check` instead of judging, while a submission is graded in another process.
_on_check: Callable[[str], None] | None = None


def find(identifier: str) -> Check:
    """Return the check with this name.

    Parameters
    ----------
    identifier : str
        Name of the check, such as ``"2-A.3"``.

    Returns
    -------
    Check

    Raises
    ------
    KeyError
        If no check has this name; the message suggests similar names and how to add checks.
    """
    known = every()
    if identifier not in known:
        near = difflib.get_close_matches(identifier, known, n=3, cutoff=0.4)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        if not _check_files:
            hint += (
                ' If the exercise came with a file of checks, run use("checks.py") first; '
                "`coursekit release` and `coursekit grade` take --checks checks.py."
            )
        raise KeyError(f"there is no check {identifier!r}.{hint}")
    return known[identifier]


def every() -> dict[str, Check]:
    """Return all checks by name: those of the course, in its order, then those added by `use`."""
    import coursekit.exercises.checks  # noqa: F401 (importing declares them)

    checks = declared()
    for _, others in _check_files.values():
        checks |= others
    return checks


def use(path: str | os.PathLike[str]) -> None:
    """Add the checks that a Python file declares to those of the course.

    The file is run once. If it changes, the next call runs it again and replaces its checks.
    While a submission is graded, this function does nothing, because another process judges
    the answers.

    Parameters
    ----------
    path : path
        A Python file that calls :func:`declare`. A relative path starts at the current folder,
        which in a notebook is the folder of the notebook.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file does not end in ``.py``, raises an error, or declares a check whose name is
        taken. None of its checks is added then.

    Examples
    --------
    >>> use("checks.py")  # doctest: +SKIP
    >>> check("W3.1", rows=30)  # doctest: +SKIP
    ✔ W3.1 Rows for testing (1 point)
    """
    if _on_check is not None:
        return
    file = Path(path).resolve()
    if file.suffix != ".py":
        raise ValueError(f"{file} is not a Python file. Name a file that ends in .py.")
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no file {file}. Put it there, or give `use` the path to where it is."
        )
    content = file.read_bytes()
    if file in _check_files and _check_files[file][0] == content:
        return
    _check_files.pop(file, None)
    _check_files[file] = content, _run(file, content)


def _run(file: Path, content: bytes) -> Mapping[str, Check]:
    """Run a Python file and return the checks that it declares."""
    module = types.ModuleType(str(file))
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses look up annotations there
    with collect_declared(every()) as made:
        try:
            # Not imported: Python could run the outdated bytecode of a changed file.
            exec(compile(content, file, "exec", dont_inherit=True), vars(module))
        except (Exception, SystemExit) as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == str(file)]
            line = lines[-1] if lines else getattr(error, "lineno", None) or 1
            raise ValueError(
                f"{file} cannot be used. Correct its line {line}: {type(error).__name__}: {error}"
            ) from error
    return made


def defer_checks(on_check: Callable[[str], None]) -> None:
    """Make :func:`check` call ``on_check`` with the check's name instead of judging answers."""
    global _on_check
    _on_check = on_check


class CheckFailed(AssertionError):  # noqa: N818 (what a learner reads)
    """Raised when a check does not pass; stops the notebook at the cell."""

    def _render_traceback_(self) -> list[str]:
        # Shown by IPython instead of a traceback, which would not help the learner.
        return [str(self)]


def check(identifier: str, /, **answers: Any) -> None:
    """Judge answers to an exercise; print the result, or stop the cell with what is wrong.

    Parameters
    ----------
    identifier : str
        Name of the check, such as ``"2-A.3"``.
    **answers
        The answers, by the names of the variables that the check reads.

    Raises
    ------
    CheckFailed
        If an answer is wrong; its message says what is wrong.
    KeyError
        If no check has this name.
    TypeError
        If the names of the answers are not those that the check reads.

    Examples
    --------
    >>> check("S5.1", parameters=239)
    ✔ S5.1 Parameters counted by hand (1 point)
    """
    if _on_check is not None:
        return _on_check(identifier)
    found = find(identifier)
    if set(answers) != set(found.answers):
        raise TypeError(
            f"check {identifier!r} reads {', '.join(found.answers)}; it was given "
            f"{', '.join(answers) or 'nothing'}."
        )
    result = found(answers)
    if not result.passed:
        raise CheckFailed(result)
    print(result)


# How many hints of a check were shown in this session.
_hints_shown: dict[str, int] = {}


def hint(identifier: str) -> None:
    """Print the next hint for a task; call it again for one more.

    Parameters
    ----------
    identifier : str
        Name of the check, such as ``"2-A.3"``.

    Raises
    ------
    KeyError
        If no check has this name.

    Examples
    --------
    >>> hint("S5.1")  # doctest: +SKIP
    Hint 1 of 3: Count layer by layer ...
    """
    if _on_check is not None:
        return
    hints = find(identifier).hints
    if not hints:
        print(f"There are no hints for {identifier}.")
        return
    shown = _hints_shown[identifier] = min(_hints_shown.get(identifier, 0) + 1, len(hints))
    print(wrapped(f"Hint {shown} of {len(hints)}: {hints[shown - 1]}"))


def variant(name: str, seed: int = 0) -> Any:
    """Choose a variant of a set of exercises, and return its numbers.

    Parameters
    ----------
    name : str
        Name of the notebook, such as ``"capstone"``.
    seed : int
        Seed of the variant; 0 is the published one.

    Returns
    -------
    object
        A frozen dataclass with the numbers; its class describes them.

    Raises
    ------
    KeyError
        If the set has no variants.
    TypeError, ValueError
        If the seed is not a whole number from 0 to 2,147,483,647.
    """
    import coursekit.exercises.course_variants  # noqa: F401 (importing declares them)

    variants.choose(seed)
    return variants.numbers(name)
