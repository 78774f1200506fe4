"""Helpers for several checks: choices, row numbers and tables of results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.declaring import expect

if TYPE_CHECKING:
    import keras
    import pandas as pd


# Characters that learners write around a choice: "b.", "(b)", "b)", "'b'", "**b**".
_SURROUNDING = " \t\r\n.,:;!()[]{}'\"`´*_"


def normalised(answer: str) -> str:
    """Normalise a choice: lower case, single blanks, no surrounding punctuation.

    Every check that reads a choice uses this function, so all accept the same spellings.
    """
    return " ".join(answer.strip(_SURROUNDING).lower().split())


def verdict(answer: str, choices: tuple[str, ...]) -> str:
    """Return the chosen word of ``verdict``; Wrong if it is not one of ``choices``."""
    word = normalised(answer)
    expect(
        word in choices,
        f"`verdict` is {word[:40]!r}; it should be one of {', '.join(map(repr, choices))}.",
    )
    return word


def choice(name: str, answer: str, choices: str = "abc") -> str:
    """Return the chosen letter; Wrong if it is not one of ``choices``."""
    letter = normalised(answer)
    expect(
        len(letter) == 1 and letter in choices,
        f"`{name}` is {answer[:40]!r}; it has to be one of the letters "
        f"{', '.join(choices)}, in quotes.",
    )
    return letter


def row_numbers(name: str, rows: np.ndarray, n: int) -> np.ndarray:
    """Validate row numbers of a table with n rows; return them as int64."""
    expect(
        rows.ndim == 1 and rows.dtype.kind in "iu",
        f"`{name}` has shape {rows.shape} and holds {rows.dtype}; it is to hold row numbers: one "
        "axis of whole numbers.",
    )
    expect(len(rows), f"`{name}` is empty.")
    expect(
        rows.min() >= 0 and rows.max() < n,
        f"`{name}` runs from {rows.min()} to {rows.max()}; the rows of the data are numbered 0 to "
        f"{n - 1}.",
    )
    twice = len(rows) - len(np.unique(rows))
    expect(
        twice == 0,
        f"`{name}` has {len(rows)} entries, of which {twice} repeat another one. Draw without "
        "putting back.",
    )
    return rows.astype(np.int64)


def expect_partition(parts: dict[str, np.ndarray], n: int) -> None:
    """Expect that each of n rows is in exactly one of the sets of row numbers."""
    names = list(parts)
    for position, name in enumerate(names):
        for other in names[position + 1 :]:
            shared = np.intersect1d(parts[name], parts[other])
            expect(
                not len(shared),
                f"{len(shared)} rows are in `{name}` and in `{other}`. What is judged on rows that "
                "were trained on is judged too well.",
            )
    together = sum(map(len, parts.values()))
    sizes = ", ".join(str(len(rows)) for rows in parts.values())
    expect(
        together == n,
        f"The parts have {sizes} rows, {together} of {n}: the others are in no part.",
    )


def index_as_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its named index levels as columns."""
    if any(name is not None and str(name) not in table.columns for name in table.index.names):
        table = table.reset_index()
        table.columns = [str(column) for column in table.columns]
    return table


def numbers(name: str, table: pd.DataFrame, column: str, *, failed: bool = False) -> np.ndarray:
    """Return a column as floats; ``failed`` allows missing values, of runs that diverged."""
    values = _column(name, table, column)
    try:
        found = values.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        found = None
    expect(
        found is not None,
        f"The column {column!r} of `{name}` holds {values.iloc[0]!r}; numbers are needed.",
    )
    expect(
        failed or np.isfinite(found).all(),
        f"The column {column!r} of `{name}` has values that are missing or not finite.",
    )
    return found


def words(name: str, table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column as text in lower case, without surrounding blanks."""
    values = _column(name, table, column)
    return np.array([str(value).strip().lower() for value in values])


def _column(name: str, table: pd.DataFrame, column: str) -> pd.Series:
    expect(len(table), f"`{name}` has no rows.")
    found = [label for label in table.columns if normalised(label) == normalised(column)]
    expect(
        len(found) == 1,
        f"`{name}` has the columns {', '.join(table.columns)[:200]}; the exercise asks for one "
        f"named {column!r}.",
    )
    return table[found[0]]


def runs_by_network(
    table_name: str, networks: np.ndarray, seeds: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the row positions of each network's runs; Wrong if one names a seed twice."""
    runs = {str(network): np.flatnonzero(networks == network) for network in np.unique(networks)}
    for network, rows in runs.items():
        expect(
            len(np.unique(seeds[rows])) == len(rows),
            f"`{table_name}` names a seed of {network!r} twice; each run has a seed of its own.",
        )
    return runs


def expect_varied(table_name: str, runs: dict[str, np.ndarray], values: np.ndarray) -> None:
    """Expect that the runs of each network have different values, as with different seeds."""
    for network, rows in runs.items():
        expect(
            len(np.unique(values[rows])) > 1,
            f"The runs of {network!r} in `{table_name}` all have the value {values[rows][0]:.4f}. "
            "Networks that start from different weights differ: was the seed set before the "
            "network was built, and was each run recorded?",
        )


def learning_rate(model: keras.Model) -> float | None:
    """Return the learning rate of a compiled model; None if it is not a plain number."""
    if not model.compiled or getattr(model, "optimizer", None) is None:
        return None
    try:
        return float(np.asarray(model.optimizer.learning_rate))
    except (TypeError, ValueError):
        return None


def optimizer_kind(model: keras.Model) -> str:
    """Return the class name of a model's optimiser, such as ``"SGD"``."""
    return type(getattr(model, "optimizer", None)).__name__
