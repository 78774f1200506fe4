"""Access to Keras that does not depend on the reader's Keras settings."""

from __future__ import annotations

import os


def load():
    """Import Keras and return it.

    Raises
    ------
    ModuleNotFoundError
        If the configured back end is not installed.
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
    """Return the dtype policy for layers: float32, regardless of ``floatx``.

    A mixed policy is respected: a settings file cannot choose one, so the running program did.
    """
    import keras

    policy = keras.config.dtype_policy()
    return "float32" if policy.compute_dtype == policy.variable_dtype else policy.name
