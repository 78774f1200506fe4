"""Train one network of the MNIST tuning lab, with the lab's callbacks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coursekit import _keras, _options, models
from coursekit.training import loop

if TYPE_CHECKING:
    import keras
    import pandas as pd

INPUTS, CLASSES = 784, 10
# Validation updates no weights, so its batches can be large.
VALIDATION_BATCH = 2000
# Parameters times training rows from which XLA is faster: in trials on 48,000 digits,
# 1 x 512 (2e10) was slower with it and 1 x 1024 (4e10) faster. With dropout, 2 x 512 was slower.
XLA_MIN_WORK = 3e10


@dataclass(frozen=True, repr=False, eq=False)
class Trained:
    """A trained model with its history, as :func:`train_model` returns it.

    Attributes
    ----------
    model : keras.Sequential
        The trained network; with early stopping, it has the weights of its best epoch.
    history : DataFrame
        One row per epoch, counted from 1 (the index): ``accuracy``, ``loss``,
        ``val_accuracy``, ``val_loss`` and ``learning_rate``.
    seconds : float
        Duration of ``fit``, in seconds.

    Raises
    ------
    TypeError
        If ``model`` is not a Keras model, ``history`` not a DataFrame, or ``seconds`` not a
        number.
    ValueError
        If ``history`` has no rows or no ``val_loss``, or ``seconds`` is negative.
    """

    model: keras.Sequential
    history: pd.DataFrame
    seconds: float

    def __post_init__(self):
        if not hasattr(self.model, "count_params"):
            raise TypeError(f"model is {_options.shown(self.model)}; it must be a Keras model.")
        if "val_loss" not in _options.table("history", self.history):
            raise ValueError(
                f"history has the columns {', '.join(map(str, self.history))}; it must have "
                "val_loss."
            )
        _options.not_negative("seconds", self.seconds)

    @property
    def best(self) -> pd.Series:
        """The row of ``history`` with the smallest validation loss; its name is the epoch.

        Raises
        ------
        ValueError
            If no epoch has a finite validation loss.
        """
        losses = self.history["val_loss"]
        if not np.isfinite(losses).any():
            raise ValueError(f"{self._diverged()}. Take a smaller learning_rate.")
        return self.history.loc[losses.idxmin()]

    def _diverged(self) -> str:
        found = "NaN" if self.history["val_loss"].isna().all() else "not finite"
        return f"the validation loss is {found} in every epoch: training diverged"

    def __repr__(self) -> str:
        if np.isfinite(self.history["val_loss"]).any():
            best = self.best
            result = f"epoch {best.name} is best: validation loss {best['val_loss']:.4f}"
            if "val_accuracy" in best:
                result += f", accuracy {best['val_accuracy']:.4f}"
        else:
            result = self._diverged()
        return (
            f"Trained({self.model.count_params():,} parameters, {len(self.history)} epochs in "
            f"{self.seconds:.1f} s; {result})"
        )


def train_model(
    x: np.ndarray,
    y: np.ndarray,
    *,
    units: int = 512,
    layers: int = 1,
    dropout: float = 0.0,
    l2: float = 0.0,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    epochs: int = 20,
    batch_size: int = 128,
    validation_split: float = 0.2,
    patience: int | None = 3,
    min_delta: float = 1e-4,
    plateau_patience: int | None = 1,
    model: keras.Sequential | None = None,
    optimizer: keras.optimizers.Optimizer | str | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    log_dir: Path | str | None = None,
    seed: int | None = None,
    verbose: int = 0,
) -> Trained:
    """Train a network of the MNIST tuning lab, or a given model, with the lab's callbacks.

    By default, training uses stochastic gradient descent with momentum, early stopping that
    restores the best weights, and a learning rate that is reduced when the validation loss
    stops falling.

    Parameters
    ----------
    x : ndarray of float32, shape (n, 784)
        Images as rows, pixel values from 0 to 1, in shuffled order: the last rows are the
        validation set.
    y : ndarray of float32, shape (n, 10)
        Digits, one-hot.
    units, layers, dropout, l2
        As for :func:`coursekit.models.mnist_mlp`.
    learning_rate : float
        Initial learning rate, from 1e-38 to 1e38.
    momentum : float
        Momentum of the gradient descent, in [0, 1).
    epochs : int
        Maximum number of epochs, at least 1.
    batch_size : int
        Examples per training step, at least 1.
    validation_split : float
        Share of the rows, in (0, 1), that forms the validation set; these are the last rows.
        Training and validation set need at least one row each.
    patience : int or None
        Stop after this many epochs in which the validation loss has not fallen by more than
        ``min_delta``, and restore the weights of the best epoch. None trains all epochs and
        leaves the last weights; 0 means 1.
    min_delta : float
        Smallest decrease of the validation loss that counts for early stopping, at least 0.
    plateau_patience : int or None
        Divide the learning rate by 10 after this many epochs without a lower validation loss.
        None never reduces the rate; 0 means 1.
    model : keras.Sequential, optional
        Train this classifier instead of a network of the lab. ``x`` and ``y`` must have its
        input and output shapes; ``units``, ``layers``, ``dropout`` and ``l2`` are ignored.
    optimizer : keras.optimizers.Optimizer or str, optional
        Use this instead of gradient descent with ``learning_rate`` and ``momentum``.
    callbacks : sequence of keras.callbacks.Callback
        Callbacks in addition to the lab's.
    log_dir : path, optional
        Folder for TensorBoard's event files.
    seed : int, optional
        Seed for Python, NumPy and Keras, from 0 to 2**32 - 1. None leaves them unseeded.
    verbose : int
        As for ``fit``: 0 prints nothing, 1 a progress bar, 2 one line per epoch.

    Returns
    -------
    Trained

    Raises
    ------
    TypeError, ValueError
        If an option is out of range, the arrays are not as described, or Keras's ``floatx`` is
        not ``"float32"``.

    Notes
    -----
    Four changes make training faster than Keras's defaults, with the same result up to
    rounding: all steps of an epoch run in one call of the compiled training function,
    validation uses large batches, steps of large networks without dropout are compiled with
    XLA, and batches are made inside TensorFlow. Keras then calls ``on_train_batch_begin`` and
    ``on_train_batch_end`` of callbacks once per epoch, before the first step and after the last;
    their other methods are called as usual. ``benchmarks/training.py`` measures the speed.

    References
    ----------
    "Deep learning with Keras: MNIST tuning lab", adapted from the workshop of
    rstudio::conf 2020.
    """
    options = checked_options(
        dropout=dropout,
        l2=l2,
        learning_rate=learning_rate,
        momentum=momentum,
        epochs=epochs,
        batch_size=batch_size,
        validation_split=validation_split,
        patience=patience,
        min_delta=min_delta,
        plateau_patience=plateau_patience,
    )
    x, y = checked_images(x, y) if model is None else _checked_for_model(x, y, model)
    rows = training_rows(len(x), validation_split)
    batch_size = options["batch_size"]
    if seed is not None:
        seed = _options.seed("seed", seed)
    folder = None if log_dir is None else _options.path("log_dir", log_dir)
    if not isinstance(verbose, int | np.integer) or verbose not in (0, 1, 2):
        raise ValueError(f"verbose is {_options.shown(verbose)}; it must be 0, 1 or 2.")

    keras = _keras.load()
    import pandas as pd

    if keras.config.floatx() != "float32":
        raise ValueError(
            f"Keras's floatx is {keras.config.floatx()!r}, in which losses are something else; "
            "call keras.config.set_floatx('float32') first, or change it in keras.json."
        )
    callbacks = _options.sequence("callbacks", callbacks, "Keras callbacks")
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                f"callbacks hold {_options.shown(callback)}; each must be a Keras callback."
            )
    if optimizer is not None:
        get, kinds = keras.optimizers.get, str | keras.optimizers.Optimizer
        optimizer = _keras.known(get, "optimizer is", optimizer, "adam", kinds=kinds)
    if seed is not None:
        keras.utils.set_random_seed(seed)
    if model is None:
        model = models.mnist_mlp(units=units, layers=layers, dropout=dropout, l2=l2, seed=seed)
    if optimizer is None:
        optimizer = keras.optimizers.SGD(options["learning_rate"], options["momentum"])
    dense = all(isinstance(layer, keras.layers.Dense) for layer in model.layers)
    model.compile(
        loss="categorical_crossentropy",
        optimizer=optimizer,
        metrics=["accuracy"],
        steps_per_execution=loop.steps_per_epoch(rows, batch_size),
        jit_compile=dense and model.count_params() * rows >= XLA_MIN_WORK,
    )
    lab_callbacks = [_record_rate(keras)]
    if patience is not None:
        stopping = {"patience": options["patience"], "min_delta": options["min_delta"]}
        lab_callbacks.append(keras.callbacks.EarlyStopping(**stopping, restore_best_weights=True))
    if plateau_patience is not None:
        waiting = options["plateau_patience"]
        lab_callbacks.append(keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=waiting))
    if folder is not None:
        lab_callbacks.append(keras.callbacks.TensorBoard(str(folder), write_graph=False))
    began = time.perf_counter()
    recorded = model.fit(
        loop.shuffled_batches(x[:rows], y[:rows], batch_size),
        validation_data=loop.shuffled_batches(x[rows:], y[rows:], VALIDATION_BATCH, shuffle=False),
        epochs=options["epochs"],
        callbacks=[*lab_callbacks, *callbacks],
        shuffle=False,  # the dataset shuffles
        verbose=int(verbose),
    )
    seconds = time.perf_counter() - began
    history = pd.DataFrame(recorded.history)
    history.index = pd.RangeIndex(1, len(history) + 1, name="epoch")
    return Trained(model, history, seconds)


def _record_rate(keras):
    """Return a callback that records the learning rate of each epoch in the history."""

    class RecordRate(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.rate = float(self.model.optimizer.learning_rate.numpy())

        def on_epoch_end(self, epoch, logs=None):
            logs["learning_rate"] = self.rate

    return RecordRate()


# The options that a grid offers too, and what each may be.
OPTION_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "dropout": _options.share,
    "l2": _options.not_negative,
    "learning_rate": partial(  # the range of float32
        _options.number,
        wanted="more than 0 (1e-38 to 1e38)",
        holds=lambda rate: 1e-38 <= rate <= 1e38,
    ),
    "momentum": _options.share,
    "epochs": _options.whole,
    "batch_size": _options.whole,
    "validation_split": _options.fraction,
    "patience": partial(_options.whole, least=0),
    "min_delta": _options.not_negative,
    "plateau_patience": partial(_options.whole, least=0),
}


def checked_options(**options: Any) -> dict[str, Any]:
    """Validate options of :func:`train_model` and convert NumPy numbers to Python numbers.

    Raises
    ------
    TypeError, ValueError
        If an option has the wrong type or is out of range; the message names it.
    """
    may_be_none = ("patience", "plateau_patience")
    return {
        name: None if value is None and name in may_be_none else OPTION_CHECKS[name](name, value)
        for name, value in options.items()
    }


def training_rows(rows: int, validation_split: float) -> int:
    """Return the size of the training set for a ``validation_split``, as Keras computes it."""
    first = math.floor(rows * (1.0 - validation_split))
    if not 0 < first < rows:
        raise ValueError(
            f"x has {rows} rows; with a validation_split of {validation_split}, {first} of them "
            f"would be for training and {rows - first} for validation. Each needs at least one."
        )
    return first


def _checked_for_model(x, y, model: keras.Sequential) -> tuple[np.ndarray, np.ndarray]:
    """Validate arrays for a given model; return them as contiguous float32."""
    if not hasattr(model, "layers") or not hasattr(model, "fit"):
        raise TypeError(f"model is {_options.shown(model)}; it must be a Keras model.")
    if not (model.built and model.layers):
        raise ValueError("the model is not built; give it a keras.Input, or call it once.")
    x, y = _options.numbers("x", x), _options.numbers("y", y)
    for name, array, shape in (("x", x, model.input_shape), ("y", y, model.output_shape)):
        # None stands for any length.
        pairs = zip(shape, array.shape, strict=False)
        if array.ndim != len(shape) or any(wanted not in (None, found) for wanted, found in pairs):
            raise ValueError(
                f"{name} has shape {array.shape}; {model.name} has {('n', *shape[1:])} there."
            )
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y has {len(y)}; they must have as many.")
    _expect_finite(x=x, y=y)
    return np.ascontiguousarray(x, dtype=np.float32), np.ascontiguousarray(y, dtype=np.float32)


def _expect_finite(**arrays: np.ndarray) -> None:
    for name, array in arrays.items():
        if strange := int((~np.isfinite(array)).sum()):
            raise ValueError(
                f"{name} holds {strange} values that are NaN or infinite; drop or fill them first."
            )


def checked_images(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Validate images and one-hot labels; return them as contiguous float32."""
    x, y = _options.numbers("x", x), _options.numbers("y", y)
    if x.ndim != 2 or x.shape[1] != INPUTS:
        raise ValueError(
            f"x has shape {x.shape}; it must be (n, {INPUTS}): reshape each image to a row first."
        )
    if y.shape != (len(x), CLASSES):
        raise ValueError(
            f"y has shape {y.shape}; it must be ({len(x)}, {CLASSES}): one-hot rows, as many as x."
        )
    if not len(x):
        raise ValueError("x has no rows; give at least one image for training and validation.")
    _expect_finite(x=x, y=y)
    if x.dtype.kind not in "fiu" or x.min() < 0 or x.max() > 1:
        raise ValueError(
            f"x holds {x.dtype} values from {x.min()} to {x.max()}; divide by 255 first, so that "
            "they run from 0 to 1."
        )
    odd = (y < 0).any(axis=1) | (np.abs(y.sum(axis=1, dtype=float) - 1) > 1e-3)
    if odd.any():
        row = int(odd.argmax())
        raise ValueError(
            f"row {row} of y is {y[row].tolist()}, which does not sum to 1; it must be one-hot: "
            "1 in the column of its digit, else 0."
        )
    # Convert once here rather than once per batch.
    return np.ascontiguousarray(x, dtype=np.float32), np.ascontiguousarray(y, dtype=np.float32)
