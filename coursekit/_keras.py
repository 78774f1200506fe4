"""Keras, whatever its settings are."""

from __future__ import annotations

import os


def load():
    """Import Keras.

    Raises
    ------
    ModuleNotFoundError
        If the back end that it is set to is not installed.
    """
    try:
        import keras
    except ModuleNotFoundError as error:
        chosen = os.environ.get("KERAS_BACKEND")
        where = f"KERAS_BACKEND={chosen}" if chosen else "backend in keras.json"
        raise ModuleNotFoundError(
            f"Keras cannot be imported with its settings ({where}): {error}. Set "
            "KERAS_BACKEND=tensorflow before Python starts, which is installed with coursekit.",
            name=error.name,
        ) from error
    return keras


def precision():
    """Return what layers compute in: float32, whatever ``floatx`` says.

    A mixed policy is kept: no file of settings can choose one, so the program that runs did.
    """
    import keras

    policy = keras.config.dtype_policy()
    return "float32" if policy.compute_dtype == policy.variable_dtype else policy.name
