"""Access to Keras that does not depend on the reader's Keras settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import UnionType

import numpy as np

from coursekit import _options


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


def known(get: Callable, what: str, name: object, example: str, *, kinds: type | UnionType = str):
    """Return what Keras calls by a name, such as an activation function.

    Parameters
    ----------
    get : callable
        The function of Keras that finds it.
    what : str
        Begins the message: what has this name.
    name : object
        Its name, or the thing itself.
    example : str
        A name that Keras knows.
    kinds : type
        What ``name`` may be.

    Raises
    ------
    TypeError
        If it is neither a name nor such a thing.
    ValueError
        If Keras does not know the name.
    """
    if not isinstance(name, kinds):
        shown = _options.shown(name)
        raise TypeError(f"{what} {shown}; it must be a name that Keras knows, such as {example!r}.")
    try:
        return get(name)
    except ValueError:
        raise ValueError(
            f"{what} {name!r}, which Keras does not know; it must be a name such as {example!r}."
        ) from None


def built(model):
    """Return a Keras model that has weights.

    Raises
    ------
    TypeError
        If it is not a Keras model.
    ValueError
        If it is not built, or has no layers.
    """
    if not hasattr(model, "layers") or not hasattr(model, "built"):
        raise TypeError(f"model is {_options.shown(model)}; it must be a Keras model.")
    if not model.layers or not all(layer.built for layer in model.layers):
        raise ValueError(
            f"the model {model.name} is not built, or has no layer; give it a keras.Input and a "
            "layer, or call it once."
        )
    return model


def dense_layers(model) -> list:
    """Return the dense layers of a model, without dropout, which is inactive in prediction.

    Raises
    ------
    TypeError
        If it is not a Keras model, or has layers that are neither dense nor dropout.
    ValueError
        If it is not built, or has no dense layer.
    """
    # Compared by name, so that Keras need not be imported.
    kinds = {layer: type(layer).__name__ for layer in built(model).layers}
    layers = [layer for layer, kind in kinds.items() if kind != "Dropout"]
    if other := [f"{layer.name} ({kinds[layer]})" for layer in layers if kinds[layer] != "Dense"]:
        raise TypeError(f"this figure shows dense layers only; {', '.join(other)} is not one.")
    if not layers:
        raise ValueError(f"the model {model.name} has no dense layer, and this figure shows them.")
    return layers


def finite_weights(layer) -> list[np.ndarray]:
    """Return the weights of a layer.

    Raises
    ------
    ValueError
        If some are not finite.
    """
    weights = layer.get_weights()
    if not all(np.isfinite(array).all() for array in weights):
        raise ValueError(
            f"{layer.name} has weights that are not finite: training diverged. Train the model "
            "anew, with a smaller learning rate."
        )
    return weights
