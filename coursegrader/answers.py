"""Answers as bytes, without pickle: reading one never runs code that came with it."""

from __future__ import annotations

import io
import json
import os
import tempfile
import warnings
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np

from coursekit.exercises.kinds import Array, Kind, Model, Table, WrongKindError


@singledispatch
def write(kind: Kind, value: Any) -> bytes:
    """Return a plain value of a kind as bytes.

    Parameters
    ----------
    kind : Kind
        What the answer is; numbers, text and histories are written as JSON.
    value
        What ``kind.plain`` gave.
    """
    return json.dumps(value).encode()


def read(kind: Kind, name: str, content: bytes) -> Any:
    """Return a plain value again; the content may come from anywhere.

    Parameters
    ----------
    kind : Kind
        What the answer has to be.
    name : str
        The variable, for messages.
    content : bytes

    Raises
    ------
    WrongKindError
        If the content is none that :func:`write` makes.
    """
    return kind.plain(name, _load(kind, name, content))


@singledispatch
def _load(kind: Kind, name: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise WrongKindError(f"`{name}` cannot be read: {error}") from None


@write.register
def _(kind: Array, value: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez(content, value=value)
    return content.getvalue()


@_load.register
def _(kind: Array, name: str, content: bytes) -> np.ndarray:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return archive["value"]
    except Exception as error:
        raise WrongKindError(f"`{name}` cannot be read as an array: {error}") from None


@write.register
def _(kind: Table, value: Any) -> bytes:
    content = io.BytesIO()
    value.to_parquet(content)
    return content.getvalue()


@_load.register
def _(kind: Table, name: str, content: bytes) -> Any:
    import pandas as pd

    try:
        return pd.read_parquet(io.BytesIO(content))
    except Exception as error:
        raise WrongKindError(f"`{name}` cannot be read as a table: {error}") from None


@write.register
def _(kind: Model, value: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a learner may do is not ours to warn of
        path = Path(folder) / "model.keras"
        value.save(path)
        return path.read_bytes()


@_load.register
def _(kind: Model, name: str, content: bytes) -> Any:
    import keras

    handle, path = tempfile.mkstemp(suffix=".keras")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as: compiled, and not fitted
            return keras.saving.load_model(path, safe_mode=True)
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0].replace(path, "the file")
        raise WrongKindError(
            f"`{name}` cannot be loaded as a model: {type(error).__name__}: {first[:300]}"
        ) from None
    finally:
        os.unlink(path)
