"""The kinds of answers that a check reads.

A check judges plain data, not the code that produced it. Each kind converts the value of a
variable in a learner's notebook to plain data.
"""

from __future__ import annotations

import functools
import math
import random
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

MAX_CELL = 200  # characters of a cell of a table that is neither text nor a number


class WrongKindError(ValueError):
    """Raised when a value is not of the kind that a check reads; the message names its type."""


class Kind(Protocol):
    """The protocol of all kinds of answers."""

    def plain(self, name: str, value: Any) -> Any:
        """Convert a value to plain data of this kind.

        Parameters
        ----------
        name : str
            Name of the variable, for messages.
        value : object
            Its value.

        Returns
        -------
        object
            Plain data; the class of the kind describes it.

        Raises
        ------
        WrongKindError
            If the value cannot be converted.
        """


def describe(value: Any) -> str:
    """Describe the type of a value in a few words, with its shape or length."""
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{article} {kind} of shape {shape}"
    if isinstance(value, (list, tuple, dict, set, str)):
        return f"{article} {kind} of length {len(value)}"
    return f"{article} {kind}"


class Array:
    """An array of numbers, truth values or text.

    Arrays, tables, columns, tensors and nested lists are accepted, and of a dict its values in
    their order; the plain value is a NumPy array.
    """

    def plain(self, name: str, value: Any) -> np.ndarray:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (str, bytes, set)) or callable(value):
            raise WrongKindError(f"`{name}` is {describe(value)}; an array is needed.")
        try:
            array = np.array(value)  # a copy, never a subclass
        except Exception as error:
            raise WrongKindError(
                f"`{name}` is {describe(value)}, and NumPy makes no array of it: {error}"
            ) from None
        if array.dtype.kind == "O":
            # pandas stores text columns, and numbers in mixed tables, as objects.
            array = _from_objects(name, value, array)
        if array.dtype.kind not in "biufU":
            raise WrongKindError(
                f"`{name}` holds {array.dtype}; numbers, truth values or text are needed."
            )
        return array


def _from_objects(name: str, value: Any, array: np.ndarray) -> np.ndarray:
    """Convert an array of objects to an array of text or numbers."""
    flat = array.ravel().tolist()
    if all(isinstance(item, str) for item in flat):
        return array.astype(str)
    numbers = (int, float, np.bool_, np.integer, np.floating)
    others = [item for item in flat if not isinstance(item, numbers)]
    if not others:
        try:
            return array.astype(float)
        except OverflowError:
            others = [max(flat, key=abs)]
    odd = others[0]
    raise WrongKindError(
        f"`{name}` is {describe(value)} that holds {describe(odd)}; an array of numbers, truth "
        "values or text is needed."
    )


class Table:
    """A pandas DataFrame, or a Series, dict of columns or list of dicts, converted to one.

    A column of other things than numbers, truth values, text and dates becomes text, since a
    check may not read it.
    """

    def plain(self, name: str, value: Any) -> Any:
        import pandas as pd

        if isinstance(value, pd.Series):
            value = value.to_frame()
        elif isinstance(value, dict) or (
            isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
        ):
            try:
                value = pd.DataFrame(value)
            except Exception:
                raise WrongKindError(f"`{name}` is {describe(value)} that is no table.") from None
        if not isinstance(value, pd.DataFrame):
            raise WrongKindError(f"`{name}` is {describe(value)}; a DataFrame is needed.")
        table = pd.DataFrame(value).copy()
        table.columns = [
            " ".join(map(str, label)) if isinstance(label, tuple) else str(label)
            for label in table.columns
        ]
        if table.columns.has_duplicates:
            twice = table.columns[table.columns.duplicated()][0]
            raise WrongKindError(f"`{name}` has two columns of the name {twice!r}.")
        for column in table.columns:
            table[column] = _plain_column(table[column])
        return _plain_index(table)


def _plain_column(values: Any) -> Any:
    """Convert a column to numbers, truth values, text or dates, which Parquet can store."""
    import pandas as pd

    if isinstance(values.dtype, pd.SparseDtype):
        values = values.sparse.to_dense()
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if pd.api.types.is_string_dtype(values.dtype) and values.dtype != object:
        return values.astype(object)
    if getattr(values.dtype, "kind", "V") in "biufMm":
        return values
    there = [item for item in values if item is not None and item is not pd.NA]
    if all(isinstance(item, str) for item in there):
        return values
    if all(isinstance(item, (bool, np.bool_)) for item in there):
        return values if len(there) < len(values) else values.astype(bool)
    try:
        if any(isinstance(item, str) for item in there):
            raise TypeError
        return values.map(float, na_action="ignore").astype(float)  # also tensors
    except Exception:
        return values.map(lambda item: str(item)[:MAX_CELL], na_action="ignore").astype(object)


def _plain_index(table: Any) -> Any:
    """Drop row labels that Parquet cannot store; turn the levels of a MultiIndex into columns."""
    import pandas as pd

    labels = table.index
    if isinstance(labels, pd.MultiIndex):
        named = None not in labels.names and not set(labels.names) & set(table.columns)
        return table.reset_index(drop=not named)
    as_text = all(isinstance(label, str) for label in labels)
    fits = as_text or getattr(labels.dtype, "kind", "V") in "iufM"
    return table if fits else table.reset_index(drop=True)


class Number:
    """One finite number."""

    def plain(self, name: str, value: Any) -> float:
        try:
            array = Array().plain(name, value)
            if array.dtype.kind not in "iuf" or isinstance(value, dict):
                raise TypeError
            array = array.astype(float)
        except Exception:
            raise WrongKindError(f"`{name}` is {describe(value)}; a number is needed.") from None
        if array.size != 1:
            raise WrongKindError(f"`{name}` is {describe(value)}; a single number is needed.")
        number = float(array.reshape(-1)[0])
        if not math.isfinite(number):
            raise WrongKindError(f"`{name}` is {number}; a finite number is needed.")
        return number


@dataclass(frozen=True)
class Text:
    """A string, such as a name or the letter of a choice.

    Attributes
    ----------
    longest : int
        Maximum number of characters.
    """

    longest: int = 2000

    def plain(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise WrongKindError(f"`{name}` is {describe(value)}; text in quotes is needed.")
        if len(value) > self.longest:
            raise WrongKindError(f"`{name}` has {len(value)} characters; {self.longest} will do.")
        return "".join(value)  # an exact str, never a subclass


class History:
    """A training history: a Keras ``History``, its dict, or a table with one row per epoch.

    The plain value is a dict from the name of a metric to its list of values, one per epoch.
    """

    def plain(self, name: str, value: Any) -> dict[str, list[float]]:
        import pandas as pd

        recorded = getattr(value, "history", value)
        if isinstance(recorded, pd.DataFrame):
            recorded = {str(column): recorded[column].tolist() for column in recorded}
        if not isinstance(recorded, dict):
            raise WrongKindError(f"`{name}` is {describe(value)}; what `fit` returns is needed.")
        try:
            plain = {
                str(metric): [float(number) for number in np.array(values, dtype=float).reshape(-1)]
                for metric, values in recorded.items()
            }
        except Exception:
            raise WrongKindError(f"`{name}` does not hold numbers for each epoch.") from None
        if not plain or not all(plain.values()):
            raise WrongKindError(f"`{name}` is empty: no epoch was recorded. Did `fit` run?")
        if len({len(values) for values in plain.values()}) > 1:
            raise WrongKindError(f"`{name}` has figures for different numbers of epochs.")
        return plain


class Model:
    """A built Keras model that has only Keras's own layers.

    A model of the learner's own class is accepted if its ``call`` works on symbolic inputs. The
    plain value is then a functional model that shares its layers.
    """

    def plain(self, name: str, value: Any) -> Any:
        import keras

        # Not isinstance, which a class can deceive with a false __class__.
        kind = type(value)
        if not issubclass(kind, keras.Model):
            raise WrongKindError(f"`{name}` is {describe(value)}; a Keras model is needed.")
        if not value.built:
            raise WrongKindError(
                f"`{name}` has no weights yet: give it an input shape, or train it first."
            )
        if kind not in _model_classes():
            value = _as_functional(name, value)
        for layer in _layers(value):
            kind = type(layer)
            if kind is keras.layers.Lambda or kind not in vars(keras.layers).values():
                raise WrongKindError(
                    f"`{name}` has a layer {layer.name!r} of the class {kind.__name__}, "
                    "which carries code; only Keras's own layers can be checked."
                )
        if own := _custom_code(value):
            raise WrongKindError(
                f"`{name}` uses {own}: code of your own. Only Keras's own layers, losses, "
                "metrics, activations and initialisers can be checked."
            )
        return value


@functools.cache
def _model_classes() -> tuple[type, ...]:
    """Return the accepted model classes, with that of functional models, which Keras hides."""
    import keras

    # Explicit names, so that the default names of a learner's later layers do not change.
    nothing = keras.Input((1,), name="nothing")
    return keras.Sequential, keras.Model, type(keras.Model(nothing, nothing, name="nothing"))


def _as_functional(name: str, model: Any) -> Any:
    """Return a functional model with the layers and compile settings of a subclassed one."""
    import keras

    try:
        (shape,) = model.get_build_config().values()
        # Explicit names, as above.
        inputs = keras.Input(shape[1:], name=f"{model.name}_input")
        made = keras.Model(inputs, model.call(inputs), name=model.name)
        if model.compiled:
            made.compile_from_config(model.get_compile_config())
            made.optimizer.iterations.assign(model.optimizer.iterations)
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WrongKindError(
            f"`{name}` is a model of a class of your own, and its layers cannot be read from its "
            f"`call` ({first[:200]}). Use only Keras layers and keras.ops there, or build a "
            "`keras.Sequential` or a functional `keras.Model`."
        ) from None
    if made.count_params() != model.count_params():
        raise WrongKindError(
            f"`{name}` has {model.count_params():,} weights, of which its `call` uses "
            f"{made.count_params():,}. Remove the layers that it does not use."
        )
    return made


def _layers(model: Any) -> Iterator[Any]:
    """Yield the layers of a model, including those of nested models."""
    for layer in model.layers:
        if type(layer) in _model_classes():
            yield from _layers(layer)
        else:
            yield layer


def _custom_code(model: Any) -> str:
    """Name an object in a model that needs the learner's code to load; an empty string if none."""
    state = random.getstate()  # layers draw seeds, which must not change later results
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config = model.get_config()
            compiled = model.get_compile_config() if model.compiled else None
            if own := _custom_name([config, compiled]):
                return own
            type(model).from_config(config)  # as the judging process will
    except Exception:
        return "a lambda, or something else that Keras cannot save"
    finally:
        random.setstate(state)
    return ""


def _custom_name(config: Any) -> str:
    """Name the first object in a configuration that is not from Keras; an empty string if none."""
    pending = [config]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            kind = item.get("class_name")
            if isinstance(kind, str) and "config" in item:
                package = (item.get("module") or "keras").partition(".")[0]
                if kind == "function" and package != "keras":
                    return str(item["config"])
                if kind in ("__lambda__", "Lambda") or package not in ("keras", "builtins"):
                    return kind
            if {"code", "closure"} <= item.keys():
                return "a lambda"
            pending += item.values()
        elif isinstance(item, (list, tuple)):
            pending += item
    return ""
