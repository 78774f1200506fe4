"""Read a model's weights from Keras and encode them for the browser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coursekit import _keras


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense layer with relu or softmax activation, computed with NumPy."""

    name: str
    kernel: np.ndarray  # (inputs, units)
    bias: np.ndarray  # (units,)
    activation: str

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the layer's output for ``x`` of shape (n, inputs)."""
        from scipy.special import softmax

        sums = x @ self.kernel + self.bias
        return np.maximum(sums, 0) if self.activation == "relu" else softmax(sums, axis=1)


def dense_layers(model, *, inputs: int, classes: int) -> list[Dense]:
    """Return the dense layers of a classifier, without dropout, which is inactive in prediction.

    Raises
    ------
    TypeError
        If it is not a Keras model, or has layers that are neither dense nor dropout.
    ValueError
        If it is not built, has other shapes or activations, no hidden layer, or weights that are
        not finite.
    """
    layers = _keras.dense_layers(model)
    for what, shape, width in (
        ("takes rows of shape", model.input_shape, inputs),
        ("puts out rows of shape", model.output_shape, classes),
    ):
        if tuple(shape[1:]) != (width,):
            raise ValueError(f"the model {what} {tuple(shape[1:])}; this figure needs ({width},).")
    if len(layers) < 2:
        raise ValueError("the model has no hidden layer, and this figure shows one.")
    wanted = ["relu"] * (len(layers) - 1) + ["softmax"]
    found = []
    for layer, activation in zip(layers, wanted, strict=True):
        kernel, bias = _weights(layer)
        found.append(Dense(layer.name, kernel, bias, _activation(layer, [activation])))
    return found


def first_convolution(model) -> dict:
    """Return the weights, strides and activation of a model's first layer, a convolution.

    Raises
    ------
    TypeError
        If it is not a Keras model, or its first layer is not a ``Conv1D``.
    ValueError
        If it is not built, its first layer has other options, or weights are not finite.
    """
    layer = _keras.built(model).layers[0]
    kinds = [type(each).__name__ for each in model.layers]
    if kinds[0] != "Conv1D":
        raise TypeError(
            "this figure needs a model whose first layer is a Conv1D; this one has "
            f"{', '.join(kinds)}."
        )
    for name, value, wanted in (
        ("padding", layer.padding, "valid"),
        ("dilation_rate", layer.dilation_rate[0], 1),
        ("groups", layer.groups, 1),
        ("data_format", layer.data_format, "channels_last"),
    ):
        if value != wanted:
            raise ValueError(f"{layer.name} has {name}={value!r}; this figure needs {wanted!r}.")
    kernel, bias = _weights(layer)
    activation, strides = _activation(layer, ["relu", "linear"]), int(layer.strides[0])
    return {"kernel": kernel, "bias": bias, "strides": strides, "activation": activation}


# ------------------------------------------------------------------ numbers as text


def encode(array: np.ndarray) -> str:
    """Encode the little-endian bytes of an array as base64."""
    array = np.ascontiguousarray(array)
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def encode_dense(
    layer: Dense, *, bits: int | None = None, image: tuple[int, int] | None = None
) -> dict:
    """Return a dense layer as a dict for JSON; without ``bits``, at full precision."""
    inputs, units = layer.kernel.shape
    described = {"inputs": inputs, "units": units, "activation": layer.activation}
    described["bias"] = encode(layer.bias)
    if bits is None:
        return described | {"kernel": encode(layer.kernel)}
    whole, scale = quantise(layer.kernel, bits=bits, image=image)
    # Packed numbers are unsigned, so shift them by the largest level.
    packed = pack_bits(whole + _max_level(bits), bits=bits)
    return described | {"bits": bits, "kernel": encode(packed), "scale": encode(scale)}


def quantise(
    kernel: np.ndarray, *, bits: int, image: tuple[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Round the weights of each unit to whole multiples of that unit's step.

    Parameters
    ----------
    kernel : ndarray of float32, shape (inputs, units)
        Weights of a dense layer.
    bits : int
        Bits per whole number, including the sign; at least 2.
    image : tuple of int, optional
        Rows and columns of the image whose pixels are the inputs. If given, the rounding error
        of each weight is distributed among neighbours that are not yet rounded (error
        diffusion, Floyd and Steinberg, 1976). Neighbouring pixels of a digit have similar
        values, so the errors largely cancel in the weighted sums.

    Returns
    -------
    whole : ndarray of int64, shape (inputs, units)
        From ``-(2 ** (bits - 1) - 1)`` to ``2 ** (bits - 1) - 1``.
    scale : ndarray of float32, shape (units,)
        Step of each unit: ``whole * scale`` approximates the kernel.
    """
    scale = (np.abs(kernel).max(axis=0) / _max_level(bits)).astype(np.float32)
    steps = kernel.astype(np.float64) / np.where(scale > 0, scale, 1)
    if image is None:
        return _round_and_clip(steps, bits), scale
    rows, columns = image
    steps = steps.reshape(rows, columns, -1)
    whole = np.zeros(steps.shape, dtype=np.int64)
    for row, column in np.ndindex(rows, columns):
        whole[row, column] = _round_and_clip(steps[row, column], bits)
        error = steps[row, column] - whole[row, column]
        for down, right, share in ((0, 1, 7), (1, -1, 3), (1, 0, 5), (1, 1, 1)):
            if row + down < rows and 0 <= column + right < columns:
                steps[row + down, column + right] += error * share / 16
    return whole.reshape(kernel.shape), scale


def _round_and_clip(steps: np.ndarray, bits: int) -> np.ndarray:
    # Diffused errors may push a weight beyond the largest level.
    return np.rint(steps).astype(np.int64).clip(-_max_level(bits), _max_level(bits))


def pack_bits(values: np.ndarray, *, bits: int) -> np.ndarray:
    """Pack whole numbers from 0 to ``2**bits - 1`` into bytes, lowest bit first."""
    values = np.asarray(values).reshape(-1)
    ones = values[:, None] >> np.arange(bits) & 1
    return np.packbits(ones.astype(np.uint8).reshape(-1), bitorder="little")


def _max_level(bits: int) -> int:
    return 2 ** (bits - 1) - 1


# ------------------------------------------------------------------ reading Keras


def _weights(layer) -> tuple[np.ndarray, np.ndarray]:
    weights = _keras.finite_weights(layer)
    kernel, *bias = (np.asarray(array, dtype=np.float32) for array in weights)
    return kernel, bias[0] if bias else np.zeros(kernel.shape[-1], dtype=np.float32)


def _activation(layer, wanted: Sequence[str]) -> str:
    name = getattr(layer.activation, "__name__", repr(layer.activation))
    if name not in wanted:
        raise ValueError(
            f"{layer.name} has the activation {name}; this figure needs {' or '.join(wanted)}."
        )
    return name
