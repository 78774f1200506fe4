"""Convert answers to bytes and back without pickle, so that reading one never runs its code."""

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
    """Convert a plain value to bytes.

    Parameters
    ----------
    kind : Kind
        Type of the answer. Numbers, text and histories are written as JSON.
    value
        Result of ``kind.plain``.

    Returns
    -------
    bytes
        Content that :func:`read` accepts.
    """
    return json.dumps(value).encode()


def read(kind: Kind, name: str, content: bytes) -> Any:
    """Convert bytes back to a plain value; the bytes need not be trusted.

    Parameters
    ----------
    kind : Kind
        Expected type of the answer.
    name : str
        Name of the variable, used in error messages.
    content : bytes
        Output of :func:`write`, or bytes from an untrusted source.

    Returns
    -------
    object
        The value, as ``kind.plain`` returns it.

    Raises
    ------
    WrongKindError
        If the content is not in the format of :func:`write`, or is not of this kind.
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
        warnings.simplefilter("ignore")  # warnings about the model are not the grader's concern
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
            warnings.simplefilter("ignore")  # such as: compiled but not fitted
            return keras.saving.load_model(path, safe_mode=True)
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0].replace(path, "the file")
        raise WrongKindError(
            f"`{name}` cannot be loaded as a model: {type(error).__name__}: {first[:300]}"
        ) from None
    finally:
        os.unlink(path)
