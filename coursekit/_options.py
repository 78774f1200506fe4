"""Validation of arguments, with error messages that name the argument.

Arguments are validated here before they reach another library, whose messages would name neither
the argument nor the remedy.
"""

from __future__ import annotations

import operator
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

MAX_SEED = 2**32 - 1  # the largest seed that NumPy, scikit-learn and Keras accept
MAX_INTEGER = 2**31 - 1  # more than any machine can hold of what is counted here


def shown(value: Any) -> str:
    """Return the ``repr`` of a value on one line, cut to 80 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"


def whole(
    name: str, value: Any, *, least: int = 1, most: int | None = None, limit: int = MAX_INTEGER
) -> int:
    """Return a Python or NumPy integer as an int, if it is within the limits.

    Where there is no ``most``, no sensible value is larger than ``limit``.

    Raises
    ------
    TypeError
        If it is not a whole number.
    ValueError
        If it is out of range, or a truth value.
    """
    wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {shown(value)}; it must be a whole number {wanted}.") from None
    if isinstance(value, bool) or number < least or (most is not None and number > most):
        raise ValueError(f"{name} is {value}; it must be a whole number {wanted}.")
    if most is None and number > limit:
        raise ValueError(f"{name} is {shown(number)}; it must be at most {limit}.")
    return number


def flag(name: str, value: Any) -> bool:
    """Return a truth value as a bool.

    Raises
    ------
    TypeError
        If it is neither a truth value nor an int.
    """
    if not isinstance(value, bool | np.bool_ | int):
        raise TypeError(f"{name} is {shown(value)}; it must be True or False.")
    return bool(value)


def seed(name: str, value: Any) -> int:
    """Return a seed as an int, if NumPy, scikit-learn and Keras accept it."""
    return whole(name, value, least=0, most=MAX_SEED)


def number(name: str, value: Any, wanted: str, holds: Callable[[float], bool]) -> float:
    """Return a Python or NumPy number as a float, if it satisfies a condition.

    Raises
    ------
    TypeError
        If it is not a number, or is a truth value.
    ValueError
        If it does not satisfy the condition.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            found = float(value)
        except OverflowError:
            found = np.inf if value > 0 else -np.inf
    else:
        array = _array_or_none(value)
        if array is None or array.ndim or array.dtype.kind not in "iuf":
            raise TypeError(f"{name} is {shown(value)}; it must be a number, {wanted}.")
        found = float(array)
    if not holds(found):
        raise ValueError(f"{name} is {value}; it must be {wanted}.")
    return found


def share(name: str, value: Any) -> float:
    """Return a number in [0, 1) as a float."""
    return number(name, value, "at least 0 and less than 1", lambda found: 0 <= found < 1)


def fraction(name: str, value: Any) -> float:
    """Return a number in (0, 1) as a float."""
    return number(name, value, "more than 0 and less than 1", lambda found: 0 < found < 1)


def not_negative(name: str, value: Any) -> float:
    """Return a number from 0 to 1e38, which float32 can hold, as a float."""
    return number(name, value, "0 or a positive number, at most 1e38", lambda x: 0 <= x <= 1e38)


def one_of(name: str, value: Any, options: Iterable[str]) -> str:
    """Return a text, if it is one of the options.

    Raises
    ------
    ValueError
        If it is not.
    """
    options = list(options)
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} is {shown(value)}; it must be one of {', '.join(options)}.")
    return value


def text(name: str, value: Any) -> str:
    """Return text, or empty text for None.

    Raises
    ------
    TypeError
        If it is neither text nor None.
    """
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is {shown(value)}; it must be text.")
    return value or ""


def sequence(name: str, value: Any, what: str) -> list:
    """Return the items of an iterable as a list.

    Raises
    ------
    TypeError
        If it is not iterable. Text is refused: its letters would be taken one by one.
    """
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return list(value)
    except TypeError:
        raise TypeError(f"{name} is {shown(value)}; it must be a sequence of {what}.") from None


def names(name: str, value: Any, *, number: int | None = None, of: str = "") -> list[str]:
    """Return a list of names as text, ``number`` of them where that is given.

    Raises
    ------
    TypeError
        If they are not a sequence, or are a single text.
    ValueError
        If there are too many or too few.
    """
    found = [str(each) for each in sequence(name, value, "names")]
    if number is not None and len(found) != number:
        raise ValueError(f"{name} has {len(found)} names; {of} {number} {name}.")
    return found


def mapping(name: str, value: Any, what: str) -> dict[str, Any]:
    """Return a mapping as a dict with text keys.

    Raises
    ------
    TypeError
        If it is not a mapping.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is {shown(value)}; it must be a mapping from {what}.")
    return {str(key): each for key, each in value.items()}


def numbers(name: str, values: Any) -> np.ndarray:
    """Return an array of numbers or truth values.

    Raises
    ------
    TypeError
        If it holds something else.
    ValueError
        If its rows have different lengths.
    """
    array = _array_or_none(values)
    if array is None:
        raise ValueError(
            f"{name} is {shown(values)}, of which NumPy makes no array: all of its rows must have "
            "the same length."
        )
    # NumPy reads nullable pandas columns as objects. Text that looks like numbers stays text.
    if array.dtype.kind == "O" and not any(isinstance(each, str) for each in array.flat):
        import pandas as pd

        with suppress(TypeError, ValueError, OverflowError):
            array = np.where(pd.isna(array), np.nan, array).astype(float)
    if array.dtype.kind not in "biuf":
        holds = "hold" if name in ("images", "labels", "values") else "holds"
        raise TypeError(f"{name} {holds} {array.dtype}: {shown(values)}; give numbers.")
    return array


def table(name: str, value: Any) -> Any:
    """Return a DataFrame, if it has at least one row.

    Raises
    ------
    TypeError
        If it is not a DataFrame.
    ValueError
        If it has no rows.
    """
    import pandas as pd

    if not isinstance(value, pd.DataFrame):
        raise TypeError(f"{name} is {shown(value)}; it must be a pandas DataFrame.")
    if not len(value):
        raise ValueError(f"the {name} has no rows.")
    return value


def column(table: Any, name: Any) -> Any:
    """Return one column of a table.

    Raises
    ------
    KeyError
        If no column has that name.
    ValueError
        If several columns have it.
    """
    columns = list(table.columns)
    try:
        found = Counter(columns)[name]
    except TypeError:  # it has no hash, as every name has
        found = 0
    if not found:
        known = ", ".join(map(str, columns))
        raise KeyError(f"there is no column {name!r}; the table has {known}.")
    if found > 1:
        raise ValueError(f"{found} columns are called {name!r}; rename all but one.")
    return table.iloc[:, columns.index(name)]


def path(name: str, value: Any) -> Path:
    """Return the path of a folder, which need not exist.

    Raises
    ------
    TypeError
        If it is not a path.
    ValueError
        If there is a file of that name.
    """
    if not isinstance(value, str | os.PathLike) or not value:
        raise TypeError(f"{name} is {shown(value)}; it must be the path of a folder.")
    folder = Path(value)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{name} is {folder}, which is a file; name a folder.")
    return folder


def are_distinct(values: Sequence) -> bool:
    """Whether all values are hashable, such as text or numbers, and differ from each other."""
    try:
        return len(set(values)) == len(values)
    except TypeError:
        return False


def require_distinct(name: str, values: Sequence) -> None:
    """Refuse values that are not distinct.

    Raises
    ------
    ValueError
        If two are equal, or one is not hashable.
    """
    if not are_distinct(values):
        raise ValueError(
            f"{name} are {shown(values)}; each must be text or a number, and there only once."
        )


def _array_or_none(values: Any) -> np.ndarray | None:
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        return None
