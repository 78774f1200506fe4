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
from coursekit._options import not_negative, sequence, share, whole

if TYPE_CHECKING:
    import keras

__all__ = [
    "breast_cancer_network",
    "iris_linear_softmax",
    "keras_basics_network",
    "mnist_cnn",
    "mnist_mlp",
    "threshold_network",
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
    Casas, P., "How to create a sequential model in Keras for R".
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


def iris_linear_softmax() -> keras.Sequential:
    """Build the course's first iris network: a linear layer, then softmax.

    Returns
    -------
    keras.Sequential
        Input (4,), output (3,) softmax; 83 parameters. Two linear layers in a row can express
        no more than one, so its decision boundaries are straight.

    References
    ----------
    Ashton, D., "Deep Learning with Keras for R", Mango Solutions, section 2.1.9.
    """
    options = {"inputs": 4, "units": (10,), "classes": 3, "activation": "linear"}
    return _dense_network("iris_linear_softmax", **options)


def breast_cancer_network(
    *, units: Sequence[int] = (5,), activation: str | None = "linear"
) -> keras.Sequential:
    """Build the breast-cancer network: nine scores in, one probability out.

    Parameters
    ----------
    units : sequence of int
        Units of each hidden layer, in order; each at least 1.
    activation : str or None
        Keras name of the activation of the hidden layers. The source names none, so they are
        linear by default; None also means linear.

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
    Ashton, D., "Deep Learning with Keras for R", Mango Solutions, exercise after 2.1.11.
    """
    options = {"activation": activation, "output_activation": "sigmoid"}
    return _dense_network("breast_cancer_network", inputs=9, units=units, classes=1, **options)


def walking_first_cnn() -> keras.Sequential:
    """Build the course's first convolutional network for the walking data.

    Returns
    -------
    keras.Sequential
        Input (260, 3), output (15,) softmax; 226,455 parameters. Its 40 kernels span 40 time
        steps each, with strides of 2.

    References
    ----------
    Ashton, D., "Deep Learning with Keras for R", Mango Solutions, sections 3.1.4-3.1.7.
    """
    return _walking_network("walking_first_cnn", {"convolution": (40, 2)}, length=260)


def walking_final_cnn(*, length: int = 260) -> keras.Sequential:
    """Build the course's final convolutional network for the walking data.

    Parameters
    ----------
    length : int
        Time steps in a window, 72 to 1,000,000; 260 are five seconds.

    Returns
    -------
    keras.Sequential
        Input (length, 3), output (15,) softmax; 117,295 parameters by default. Two convolutions
        of 40 kernels span 30 and 10 time steps, with strides of 2 and 1.

    Raises
    ------
    TypeError, ValueError
        If ``length`` is not a whole number, or is out of range.

    References
    ----------
    Ashton, D., "Deep Learning with Keras for R", Mango Solutions, section 3.1.8.
    """
    # Of 71 time steps, convolutions and pooling would leave none.
    length = whole("length", length, least=72, most=_MAX_SIZE)
    convolutions = {"convolution_1": (30, 2), "convolution_2": (10, 1)}
    return _walking_network("walking_final_cnn", convolutions, length=length)


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


def mnist_cnn(
    *, filters: Sequence[int] = (32, 64), dropout: float = 0.0, classes: int = 10
) -> keras.Sequential:
    """Build a small convolutional network for MNIST's images.

    Parameters
    ----------
    filters : sequence of int
        Filters of each convolution (3 by 3, relu), 1 to 3 of them; each is followed by max
        pooling, 2 by 2.
    dropout : float
        Share of the flattened values set to 0 in each training step, in [0, 1).
    classes : int
        Number of outputs, at least 2.

    Returns
    -------
    keras.Sequential
        Input (28, 28, 1), output (10,) softmax; 34,826 parameters by default.

    Raises
    ------
    TypeError, ValueError
        If an option is out of range.
    """
    given = sequence("filters", filters, "whole numbers")
    filters = [whole("filters", number, limit=_MAX_SIZE) for number in given]
    if not 1 <= len(filters) <= 3:
        raise ValueError(f"filters has {len(filters)} numbers; 1 to 3 convolutions fit 28 pixels.")
    dropout, classes = share("dropout", dropout), whole("classes", classes, least=2)
    keras = _keras.load()
    layers, dtype = keras.layers, _keras.precision()
    model = keras.Sequential(name="mnist_cnn")
    model.add(keras.Input((28, 28, 1), dtype="float32"))
    for number, width in enumerate(filters, start=1):
        options = {"data_format": "channels_last", "dtype": dtype}
        model.add(
            layers.Conv2D(width, 3, activation="relu", name=f"convolution_{number}", **options)
        )
        model.add(layers.MaxPooling2D(2, name=f"pooling_{number}", **options))
    model.add(layers.Flatten(data_format="channels_last", dtype=dtype, name="flatten"))
    if dropout:
        model.add(layers.Dropout(dropout, dtype=dtype, name="dropout"))
    model.add(layers.Dense(classes, activation="softmax", dtype=dtype, name="output"))
    return model


# ------------------------------------------------------------------ building blocks

# A larger value is a typing error, and no machine has the memory for it.
_MAX_SIZE, _MAX_LAYERS = 1_000_000, 1000


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
    given = sequence("units", units, "whole numbers")
    widths = [whole("units", width, limit=_MAX_SIZE) for width in given]
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


def _walking_network(
    name: str, convolutions: dict[str, tuple[int, int]], *, length: int
) -> keras.Sequential:
    """Build a network from the kernel size and strides of each convolution."""
    keras = _keras.load()
    layers, dtype = keras.layers, _keras.precision()
    # Set for each layer, because keras.json may choose something else.
    common = {"data_format": "channels_last", "dtype": dtype}

    model = keras.Sequential(name=name)
    model.add(keras.Input((length, 3), dtype="float32"))
    for each, (kernel_size, strides) in convolutions.items():
        options = {"strides": strides, "activation": "relu", "name": each}
        model.add(layers.Conv1D(40, kernel_size, **options, **common))
        pool = each.replace("convolution", "pool")
        model.add(layers.MaxPooling1D(2, name=pool, **common))
    model.add(layers.Flatten(name="flatten", **common))
    model.add(layers.Dense(100, activation="sigmoid", dtype=dtype, name="hidden"))
    model.add(layers.Dense(15, activation="softmax", dtype=dtype, name="output"))
    return model
