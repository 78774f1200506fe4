"""The first step of a feature pipeline, which selects columns by name."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from coursekit import _options

MAX_VALUE = 1e100  # the square of a larger value may overflow


class NumericColumns(TransformerMixin, BaseEstimator):
    """Select the columns seen in ``fit``, in that order, as float64 with NaN for missing values.

    Attributes
    ----------
    feature_names_in_ : ndarray of str
        Names of the columns that ``fit`` saw, in order.
    n_features_in_ : int
        Number of columns.
    """

    def fit(self, table: pd.DataFrame, y=None) -> NumericColumns:
        """Store the names and order of a table's columns.

        Parameters
        ----------
        table : DataFrame
            Numeric columns with distinct names; at least one row and one column.
        y : optional
            Ignored.

        Returns
        -------
        NumericColumns
            This transformer.

        Raises
        ------
        TypeError
            If ``table`` is not a DataFrame.
        ValueError
            If ``table`` has no rows or columns, a column name that is not text or not unique,
            a column without any value, or values that are not numbers or beyond 1e100.
        """
        columns = list(_options.table("table", table).columns)
        if not columns:
            raise ValueError("the table has no columns; give at least one.")
        if odd := [name for name in columns if not isinstance(name, str)]:
            raise ValueError(
                f"a column is called {odd[0]!r}, which is no text; name the columns first, for "
                "example with table.columns = table.columns.astype(str)."
            )
        _options.require_distinct("the columns", columns)
        numbers = _to_float64(table, columns)
        if empty := [name for name in columns if numbers[name].isna().all()]:
            raise ValueError(
                f"there is no value at all in {', '.join(empty)}; drop such columns, since there "
                "is nothing to scale or fill them by."
            )
        self.feature_names_in_ = np.array(columns, dtype=object)
        self.n_features_in_ = len(columns)
        return self

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of a table in the order in which they were fitted.

        Parameters
        ----------
        table : DataFrame
            The same columns as in ``fit``, in any order; at least one row.

        Returns
        -------
        DataFrame of float64
            The same rows.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If ``fit`` was not called.
        TypeError
            If ``table`` is not a DataFrame.
        ValueError
            If ``table`` has other columns, no rows, or values that are not numbers or beyond
            1e100.
        """
        check_is_fitted(self)
        wanted, given = list(self.feature_names_in_), list(_options.table("table", table).columns)
        if Counter(given) != Counter(wanted):
            raise ValueError(
                f"the table has the columns {', '.join(map(str, given))}; the pipeline was fitted "
                f"on {', '.join(wanted)}, and needs just these, in any order."
            )
        return _to_float64(table, wanted)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Return the names of the columns, in order; ``input_features`` is ignored."""
        return self.feature_names_in_


def _to_float64(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return some columns as float64, or raise ValueError for values that are not numbers."""
    for name in columns:
        kind = getattr(table[name].dtype, "kind", "O")
        try:
            if kind in "cMm":  # complex numbers, durations and dates, which pandas would convert
                raise TypeError
            values = table[name].astype("float64").to_numpy()
        except (TypeError, ValueError):
            raise ValueError(
                f"the column {name} holds {table[name].dtype}, for example "
                f"{_options.shown(table[name].iloc[0])}; numbers are needed."
            ) from None
        if len(large := values[np.abs(values) > MAX_VALUE]):
            raise ValueError(
                f"the column {name} holds {large[0]}; values must be from {-MAX_VALUE} to "
                f"{MAX_VALUE}."
            )
    return table[columns].astype("float64")
