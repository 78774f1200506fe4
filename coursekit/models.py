"""One builder function per network of the book.

Every builder returns a built, uncompiled ``keras.Sequential``. With default options it has the
same parameters as the network of the source. Options are keyword-only. The optimiser and the
loss depend on the task, so the chapters choose them.

The networks do not depend on Keras's settings file: channels are the last axis, and layers
compute in float32, unless the program sets a mixed policy (``keras.config.set_dtype_policy``).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _keras, _options
from coursekit._options import not_negative, sequence, share, shown, whole

if TYPE_CHECKING:
    import keras

__all__ = [
    "breast_cancer_network",
    "iris_dropout",
    "iris_linear_softmax",
    "iris_relu",
    "keras_basics_network",
    "mnist_mlp",
    "regression_network",
    "threshold_network",
    "walking_dense",
    "walking_final_cnn",
    "walking_first_cnn",
]


def threshold_network(*, units: Sequence[int] = (64, 64)) -> keras.Sequential:
    """Build the first network of the book: three numbers in, two classes out.

    Parameters
    ----------
    units : sequence of int
        Units of each hidden layer (relu), in order; each at least 1.

    Returns
    -------
    keras.Sequential
        Input (3,), output (2,) softmax; 4,546 parameters by default.

    Raises
    ------
    TypeError
        If a number of units is not a whole number.
    ValueError
        If there is no hidden layer or one has fewer than 1 unit.

    References
    ----------
    P. Casas, "How to create a sequential model in Keras for R".
    """
    return _dense_network("threshold_network", inputs=3, units=units, classes=2)


def keras_basics_network(*, units: Sequence[int] = (12, 8)) -> keras.Sequential:
    """Build the 8-12-8-3 network of "Keras in one page".

    Parameters
    ----------
    units : sequence of int
        Units of each hidden layer (relu), in order; each at least 1.

    Returns
    -------
    keras.Sequential
        Input (8,), output (3,) softmax; 239 parameters by default.

    Raises
    ------
    TypeError
        If a number of units is not a whole number.
    ValueError
        If there is no hidden layer or one has fewer than 1 unit.
    """
    return _dense_network("keras_basics_network", inputs=8, units=units, classes=3)


def iris_linear_softmax(*, units: int = 10) -> keras.Sequential:
    """Build the course's first iris network: a linear layer, then softmax.

    Parameters
    ----------
    units : int
        Units of the hidden layer, at least 1.

    Returns
    -------
    keras.Sequential
        Input (4,), output (3,) softmax; 83 parameters by default. Two linear layers in a
        row can express no more than one, so its decision boundaries are straight.

    Raises
    ------
    TypeError, ValueError
        If ``units`` is not a whole number of at least 1.

    References
    ----------
    D. Ashton, "Deep Learning with Keras for R", Mango Solutions, section 2.1.9.
    """
    return _dense_network(
        "iris_linear_softmax", inputs=4, units=(units,), classes=3, activation="linear"
    )


def iris_relu(*, units: int = 10) -> keras.Sequential:
    """Build the iris network with a relu hidden layer.

    Parameters
    ----------
    units : int
        Units of the hidden layer, at least 1.

    Returns
    -------
    keras.Sequential
        Input (4,), output (3,) softmax; 83 parameters by default.

    Raises
    ------
    TypeError, ValueError
        If ``units`` is not a whole number of at least 1.

    References
    ----------
    D. Ashton, "Deep Learning with Keras for R", Mango Solutions, section 2.1.12.
    """
    return _dense_network("iris_relu", inputs=4, units=(units,), classes=3)


def iris_dropout(*, units: int = 10, dropout: float = 0.3) -> keras.Sequential:
    """Build the iris network with dropout between its layers.

    Parameters
    ----------
    units : int
        Units of the hidden layer, at least 1.
    dropout : float
        Share of hidden units set to 0 in each training step, in [0, 1).

    Returns
    -------
    keras.Sequential
        Input (4,), output (3,) softmax; 83 parameters by default (dropout has none).

    Raises
    ------
    TypeError, ValueError
        If ``units`` is not a whole number of at least 1, or ``dropout`` is out of range.

    References
    ----------
    D. Ashton, "Deep Learning with Keras for R", Mango Solutions, section 2.1.15.
    """
    return _dense_network("iris_dropout", inputs=4, units=(units,), classes=3, dropout=dropout)


def breast_cancer_network(
    *, units: Sequence[int] = (5,), activation: str | None = "linear", dropout: float = 0.0
) -> keras.Sequential:
    """Build the breast-cancer network: nine scores in, one probability out.

    Parameters
    ----------
    units : sequence of int
        Units of each hidden layer, in order; each at least 1.
    activation : str or None
        Keras name of the activation of the hidden layers. The source names none, so they are
        linear by default; None also means linear.
    dropout : float
        Share of hidden units set to 0 in each training step, in [0, 1).

    Returns
    -------
    keras.Sequential
        Input (9,), output (1,) sigmoid; 56 parameters by default. The source mentions
        two output units for a binary class, but the loss ``binary_crossentropy`` needs one
        sigmoid unit.

    Raises
    ------
    TypeError, ValueError
        If an option is out of range.

    References
    ----------
    D. Ashton, "Deep Learning with Keras for R", Mango Solutions, exercise after 2.1.11.
    """
    options = {"activation": activation, "output_activation": "sigmoid", "dropout": dropout}
    return _dense_network("breast_cancer_network", inputs=9, units=units, classes=1, **options)


def regression_network(*, inputs: int = 5, units: int = 64) -> keras.Sequential:
    """Build the regression network: five columns in, one number out.

    Parameters
    ----------
    inputs : int
        Number of input columns, at least 1.
    units : int
        Units of the hidden layer (relu), at least 1.

    Returns
    -------
    keras.Sequential
        Input (inputs,), output (1,) linear; 449 parameters by default.

    Raises
    ------
    TypeError, ValueError
        If an option is not a whole number of at least 1.

    References
    ----------
    D. Ashton, "Deep Learning with Keras for R", Mango Solutions, section 2.1.13.
    """
    sizes = {"inputs": _layer_size("inputs", inputs), "units": (units,), "classes": 1}
    return _dense_network("regression_network", **sizes, output_activation="linear")


def walking_first_cnn(
    *, filters: int = 40, kernel_size: int = 40, strides: int = 2
) -> keras.Sequential:
    """Build the course's first convolutional network for the walking data.

    Parameters
    ----------
    filters : int
        Number of kernels, at least 1.
    kernel_size : int
        Time steps that each kernel spans, 1 to 260.
    strides : int
        Time steps from one position of the kernel to the next, at least 1.

    Returns
    -------
    keras.Sequential
        Input (260, 3), output (15,) softmax; 226,455 parameters by default.

    Raises
    ------
    TypeError, ValueError
        If an option is out of range.

    References
    ----------
    D. Ashton, "Deep Learning with Keras for R", Mango Solutions, sections 3.1.4-3.1.7.
    """
    convolution = _convolution("convolution", filters, kernel_size, strides)
    return _walking_network("walking_first_cnn", [convolution])


def walking_final_cnn(
    *,
    filters: int = 40,
    kernel_sizes: tuple[int, int] = (30, 10),
    dropout: float = 0.0,
    length: int = 260,
) -> keras.Sequential:
    """Build the course's final convolutional network for the walking data.

    Parameters
    ----------
    filters : int
        Number of kernels in each of the two convolutions, at least 1.
    kernel_sizes : tuple of two int
        Time steps that each kernel of the first and second convolution spans, at least 1. The
        strides are 2 and 1.
    dropout : float
        Share of the 100 dense units set to 0 in each training step, in [0, 1).
    length : int
        Time steps in a window; 260 are five seconds.

    Returns
    -------
    keras.Sequential
        Input (length, 3), output (15,) softmax; 117,295 parameters by default.

    Raises
    ------
    TypeError, ValueError
        If an option is out of range.

    References
    ----------
    D. Ashton, "Deep Learning with Keras for R", Mango Solutions, section 3.1.8.
    """
    sizes = sequence("kernel_sizes", kernel_sizes, "two whole numbers")
    if len(sizes) != 2:
        raise ValueError(f"kernel_sizes is {shown(kernel_sizes)}; it must be two whole numbers.")
    first, second = sizes
    convolutions = [
        _convolution("convolution_1", filters, first, 2),
        _convolution("convolution_2", filters, second, 1),
    ]
    length = _layer_size("length", length)
    return _walking_network("walking_final_cnn", convolutions, dropout=dropout, length=length)


def walking_dense(*, dropout: float = 0.0) -> keras.Sequential:
    """Build the walking network without convolutions, for comparison.

    Parameters
    ----------
    dropout : float
        Share of the 100 dense units set to 0 in each training step, in [0, 1).

    Returns
    -------
    keras.Sequential
        Input (260, 3), flattened to 780; output (15,) softmax; 79,615 parameters.

    Raises
    ------
    TypeError, ValueError
        If ``dropout`` is not a number, or is out of range.

    References
    ----------
    D. Ashton, "Deep Learning with Keras for R", Mango Solutions, exercise after 3.1.7.
    """
    return _walking_network("walking_dense", [], dropout=dropout)


def mnist_mlp(
    *,
    units: int = 512,
    layers: int = 1,
    dropout: float = 0.0,
    l2: float = 0.0,
    seed: int | None = None,
) -> keras.Sequential:
    """Build the multi-layer perceptron of the MNIST tuning lab.

    Parameters
    ----------
    units : int
        Units of each hidden layer (relu), at least 1.
    layers : int
        Number of hidden layers, 1 to 1000. (The loop in the source never builds more than
        two.)
    dropout : float
        Share of units set to 0 after each hidden layer in each training step, in [0, 1).
    l2 : float
        Factor of the L2 penalty on the weights of the hidden layers, 0 or more.
    seed : int, optional
        Seed of the initial weights and of dropout, 0 to 2**32 - 1. The weights are those that
        ``keras.utils.set_random_seed(seed)`` just before the call would give, even while other
        threads draw random numbers.

    Returns
    -------
    keras.Sequential
        Input (784,), output (10,) softmax; 407,050 parameters by default.

    Raises
    ------
    TypeError, ValueError
        If an option is out of range.

    References
    ----------
    "Deep learning with Keras: MNIST tuning lab", adapted from the workshop of
    rstudio::conf 2020.
    """
    hidden = (units,) * whole("layers", layers, limit=_MAX_LAYERS)
    options = {"dropout": dropout, "l2": l2, "seed": seed}
    return _dense_network("mnist_mlp", inputs=784, units=hidden, classes=10, **options)


# ------------------------------------------------------------------ building blocks

# A larger value is a typing error, and no machine has the memory for it.
_MAX_SIZE, _MAX_LAYERS = 1_000_000, 1000


def _layer_size(name: str, value: int) -> int:
    return whole(name, value, limit=_MAX_SIZE)


def _dense_network(
    name: str,
    *,
    inputs: int,
    units: Sequence[int],
    classes: int,
    activation: str | None = "relu",
    output_activation: str = "softmax",
    dropout: float = 0.0,
    l2: float = 0.0,
    seed: int | None = None,
) -> keras.Sequential:
    widths = [_layer_size("units", width) for width in sequence("units", units, "whole numbers")]
    if not widths:
        raise ValueError("units is empty; at least one hidden layer is needed.")
    dropout, l2 = share("dropout", dropout), not_negative("l2", l2)
    seed = None if seed is None else _options.seed("seed", seed)

    keras = _keras.load()
    if activation is not None:
        _check_activation(keras, activation)
    dtype = _keras.precision()

    # Keras draws a seed for each layer from Python's random, which all threads share. Our own
    # generator draws the same numbers.
    generator = random.Random(seed)

    def layer_seed() -> int | None:
        return None if seed is None else generator.randint(1, int(1e9))

    def dense(width: int, activation: str | None, name: str, penalty=None) -> keras.layers.Dense:
        initial = keras.initializers.GlorotUniform(seed=layer_seed())
        kernel = {"kernel_initializer": initial, "kernel_regularizer": penalty}
        return keras.layers.Dense(width, activation, dtype=dtype, name=name, **kernel)

    model = keras.Sequential(name=name)
    model.add(keras.Input((inputs,), dtype="float32"))
    for number, width in enumerate(widths, start=1):
        penalty = keras.regularizers.L2(l2) if l2 else None
        model.add(dense(width, activation, f"hidden_{number}", penalty))
        if dropout:
            options = {"seed": layer_seed(), "dtype": dtype, "name": f"dropout_{number}"}
            model.add(keras.layers.Dropout(dropout, **options))
    model.add(dense(classes, output_activation, "output"))
    return model


def _check_activation(keras, name: str) -> None:
    """Refuse an activation that Keras does not know, or that changes the number of values."""
    function = _keras.known(keras.activations.get, "activation is", name, "relu")
    if np.shape(function(np.zeros((1, 2), dtype=np.float32))) != (1, 2):
        raise ValueError(
            f"activation is {name!r}, which gives fewer values than it takes; choose another one, "
            "such as 'relu'."
        )


def _convolution(name: str, filters: int, kernel_size: int, strides: int) -> dict:
    """Validate the options of one convolution before Keras is imported."""
    return {
        "name": name,
        "filters": _layer_size("filters", filters),
        "kernel_size": whole("kernel_size", kernel_size),
        "strides": whole("strides", strides),
    }


def _walking_network(
    name: str, convolutions: list[dict], *, dropout: float = 0.0, length: int = 260
) -> keras.Sequential:
    dropout = share("dropout", dropout)
    remaining = length
    for options in convolutions:
        if options["kernel_size"] > remaining:
            raise ValueError(
                f"kernel_size is {options['kernel_size']} in {options['name']}, which sees only "
                f"{remaining} samples; it must be 1 to {remaining}."
            )
        remaining = ((remaining - options["kernel_size"]) // options["strides"] + 1) // 2
        if remaining < 1:
            raise ValueError(
                f"{options['name']} with kernel_size {options['kernel_size']} and strides "
                f"{options['strides']} leaves nothing to pool; make either smaller."
            )

    keras = _keras.load()
    layers, dtype = keras.layers, _keras.precision()
    # Set for each layer, because keras.json may choose something else.
    common = {"data_format": "channels_last", "dtype": dtype}

    model = keras.Sequential(name=name)
    model.add(keras.Input((length, 3), dtype="float32"))
    for options in convolutions:
        model.add(layers.Conv1D(activation="relu", **options, **common))
        pool = options["name"].replace("convolution", "pool")
        model.add(layers.MaxPooling1D(2, name=pool, **common))
    model.add(layers.Flatten(name="flatten", **common))
    model.add(layers.Dense(100, activation="sigmoid", dtype=dtype, name="hidden"))
    if dropout:
        model.add(layers.Dropout(dropout, dtype=dtype, name="dropout"))
    model.add(layers.Dense(15, activation="softmax", dtype=dtype, name="output"))
    return model
