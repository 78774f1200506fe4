"""The first step of a pipeline for tables: it knows its columns by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from coursekit import _options

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 1e100  # the square of what is larger may not be a number any more


class NumericColumns(TransformerMixin, BaseEstimator):
    """Give the columns that it was fitted on, in their order, as float64 with NaN for gaps.

    Attributes
    ----------
    feature_names_in_ : ndarray of str
        Names of the columns, in order.
    n_features_in_ : int
        How many there are.
    """

    def fit(self, table: pd.DataFrame, y=None) -> NumericColumns:
        """Remember the columns of a table.

        Raises
        ------
        TypeError
            If it is no DataFrame.
        ValueError
            If it has no rows or columns, names that are no text or not different, a column
            without any value, or values that are no numbers.
        """
        columns = list(_options.table("table", table).columns)
        if not columns:
            raise ValueError("the table has no columns; give at least one.")
        if odd := [name for name in columns if not isinstance(name, str)]:
            raise ValueError(
                f"a column is called {odd[0]!r}, which is no text; name the columns first, for "
                "example with table.columns = table.columns.astype(str)."
            )
        _options.different("the columns", columns)
        numbers = _numbers(table, columns)
        if empty := [name for name in columns if numbers[name].isna().all()]:
            raise ValueError(
                f"there is no value at all in {', '.join(empty)}; drop such columns, since there "
                "is nothing to scale or fill them by."
            )
        self.feature_names_in_ = np.array(columns, dtype=object)
        self.n_features_in_ = len(columns)
        return self

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of another table, found by their names.

        Raises
        ------
        TypeError
            If it is no DataFrame.
        ValueError
            If it has other columns, no rows, or values that are no numbers.
        """
        check_is_fitted(self)
        wanted, given = list(self.feature_names_in_), list(_options.table("table", table).columns)
        lacking = [name for name in wanted if name not in given]
        unknown = [name for name in given if name not in wanted]
        if lacking or unknown or len(given) > len(wanted):
            raise ValueError(
                f"the table has the columns {', '.join(map(str, given))}; the pipeline was fitted "
                f"on {', '.join(wanted)}, and needs just these, in any order."
            )
        return _numbers(table, wanted)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Return the names of the columns."""
        return self.feature_names_in_


def _numbers(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return some columns as float64, or say which of them holds something else."""
    for name in columns:
        kind = getattr(table[name].dtype, "kind", "O")
        try:
            if kind in "cMm":  # numbers of another kind, which pandas would cut to fit
                raise TypeError
            values = table[name].astype("float64").to_numpy()
        except (TypeError, ValueError):
            raise ValueError(
                f"the column {name} holds {table[name].dtype}, for example "
                f"{_options.shown(table[name].iloc[0])}; numbers are needed."
            ) from None
        if len(large := values[np.abs(values) > LARGEST]):
            raise ValueError(
                f"the column {name} holds {large[0]}; values must be from {-LARGEST} to {LARGEST}."
            )
    return table[columns].astype("float64")
