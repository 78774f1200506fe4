"""One training run of the tuning lab, with its callbacks."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coursekit import _keras, _options, models
from coursekit.training import loop

if TYPE_CHECKING:
    import keras
    import pandas as pd

INPUTS, CLASSES = 784, 10
# Nothing is learned from validation, so its batches need not be small.
VALIDATION_BATCH = 2000
# Weights times rows from which steps compiled with XLA are faster: in trials on 48,000 digits
# 1 x 512 (2e10) was slower with it and 1 x 1024 (4e10) faster. With dropout, 2 x 512 was slower.
WORTH_COMPILING = 3e10
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


@dataclass(frozen=True, repr=False, eq=False)
class Trained:
    """A model that :func:`train_model` has trained, and what was recorded on the way.

    Attributes
    ----------
    model : keras.Sequential
        With the weights of its best epoch.
    history : DataFrame
        One row per epoch, counted from 1 (the index): ``accuracy``, ``loss``,
        ``val_accuracy``, ``val_loss`` and ``learning_rate``.
    seconds : float
        How long ``fit`` took.

    Raises
    ------
    TypeError
        If ``model`` is no Keras model, ``history`` no DataFrame, or ``seconds`` no number.
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
            If no epoch has a validation loss that is finite.
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
    plateau_factor: float = 0.1,
    model: keras.Sequential | None = None,
    optimizer: keras.optimizers.Optimizer | str | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    precision: str = "float32",
    log_dir: Path | str | None = None,
    seed: int | None = None,
    verbose: int = 0,
) -> Trained:
    """Train one network of the MNIST tuning lab, or another, with the lab's callbacks.

    Stochastic gradient descent with momentum, early stopping that keeps the best weights,
    and a learning rate that falls when the validation loss stops falling.

    Parameters
    ----------
    x : ndarray of float32, shape (n, 784)
        Images as rows, values 0 to 1, in shuffled order: the last rows are for validation.
    y : ndarray of float32, shape (n, 10)
        Digits, one-hot.
    units, layers, dropout, l2
        As for :func:`coursekit.models.mnist_mlp`.
    learning_rate : float
        Step size at the start, more than 0 and at most 1e38.
    momentum : float
        Share of the last step that the next one keeps, in [0, 1).
    epochs : int
        At most so many, at least 1.
    batch_size : int
        Rows in a step, at least 1.
    validation_split : float
        Share of the rows, the last ones, that are kept out for validation, in (0, 1). At
        least one row has to be left on either side.
    patience : int or None
        Stop after so many epochs without a validation loss lower by ``min_delta``, and go
        back to the weights of the best epoch. None trains all epochs and keeps the last; 0 is
        taken for 1.
    min_delta : float
        See above; 0 or more.
    plateau_patience : int or None
        Multiply the learning rate by ``plateau_factor`` after so many epochs without a lower
        validation loss. None leaves the rate as it is; 0 is taken for 1.
    plateau_factor : float
        See above, in (0, 1).
    model : keras.Sequential, optional
        Train this network for classes instead of the lab's. ``x`` and ``y`` are then as it
        takes and gives them; ``units``, ``layers``, ``dropout`` and ``l2`` are not used.
    optimizer : keras.optimizers.Optimizer or str, optional
        Instead of gradient descent with ``learning_rate`` and ``momentum``.
    callbacks : sequence of keras.callbacks.Callback
        To be called beside the lab's.
    precision : {"float32", "bfloat16"}
        ``"bfloat16"``: compute all layers but the last with 8 significant bits while training;
        weights and the trained model stay float32. Faster for wide networks on processors
        that have it (``avx512_bf16`` or ``amx_bf16`` among the flags of ``/proc/cpuinfo``);
        on others it has not been tried. Its accuracy has not been compared over seeds.
    log_dir : path, optional
        Write TensorBoard's event files into this folder.
    seed : int, optional
        Seed Python, NumPy and Keras first, with 0 to 2**32 - 1.
    verbose : int
        As for ``fit``: 0 is silent, 1 draws a bar, 2 prints a line per epoch.

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
    All steps of an epoch run in one call of the compiled training function, validation takes
    large batches, steps of large networks without dropout are compiled with XLA, and batches
    are made inside TensorFlow (``coursekit.training.loop.fit``, which says when callbacks
    are called). All take less time than the defaults
    and give the same result up to rounding; what they give together is measured in
    ``benchmarks/training.py``.

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
        plateau_factor=plateau_factor,
        precision=precision,
    )
    x, y = checked(x, y) if model is None else _fitting(x, y, model)
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
        optimizer = _optimizer(keras, optimizer)
    if seed is not None:
        keras.utils.set_random_seed(seed)
    if model is None:
        model = models.mnist_mlp(units=units, layers=layers, dropout=dropout, l2=l2, seed=seed)
    if optimizer is None:
        optimizer = keras.optimizers.SGD(
            learning_rate=options["learning_rate"], momentum=options["momentum"]
        )
    dense = all(isinstance(layer, keras.layers.Dense) for layer in model.layers)

    def compile_for(precision: str) -> None:
        # The last layer's probabilities are float32 in any case: the loss needs their digits.
        for layer in model.layers[:-1]:
            layer.dtype_policy = PRECISIONS[precision]
        model.layers[-1].dtype_policy = "float32"
        model.compile(
            loss="categorical_crossentropy",
            optimizer=optimizer,
            metrics=["accuracy"],
            steps_per_execution=loop.steps_per_epoch(rows, batch_size),
            # In bfloat16 steps compiled with XLA took nearly twice as long as without it.
            jit_compile=precision == "float32"
            and dense
            and model.count_params() * rows >= WORTH_COMPILING,
        )

    compile_for(precision)
    called = [_record_rate(keras)]
    if patience is not None:
        called.append(
            keras.callbacks.EarlyStopping(
                patience=options["patience"],
                min_delta=options["min_delta"],
                restore_best_weights=True,
            )
        )
    if plateau_patience is not None:
        called.append(
            keras.callbacks.ReduceLROnPlateau(
                patience=options["plateau_patience"], factor=options["plateau_factor"]
            )
        )
    if folder is not None:
        called.append(keras.callbacks.TensorBoard(str(folder), write_graph=False))
    began = time.perf_counter()
    recorded = loop.fit(
        model,
        x,
        y,
        rows=rows,
        batch_size=batch_size,
        validation_batch_size=VALIDATION_BATCH,
        epochs=options["epochs"],
        callbacks=[*called, *callbacks],
        verbose=int(verbose),
    )
    seconds = time.perf_counter() - began
    if precision != "float32":
        compile_for("float32")
    history = pd.DataFrame(recorded.history)
    history.index = pd.RangeIndex(1, len(history) + 1, name="epoch")
    return Trained(model, history, seconds)


def _record_rate(keras):
    """Write the learning rate of each epoch into the history, whether or not it changes."""

    class RecordRate(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.rate = float(self.model.optimizer.learning_rate.numpy())

        def on_epoch_end(self, epoch, logs=None):
            logs["learning_rate"] = self.rate

    return RecordRate()


def _optimizer(keras, optimizer):
    """Return an optimiser of Keras, by its name or as it is."""
    if not isinstance(optimizer, str | keras.optimizers.Optimizer):
        raise TypeError(
            f"optimizer is {_options.shown(optimizer)}; it must be a Keras optimizer or its name."
        )
    try:
        return keras.optimizers.get(optimizer)
    except ValueError:
        raise ValueError(
            f"optimizer is {optimizer!r}, which Keras does not know; it must be a name such as "
            "'adam'."
        ) from None


def checked_options(**options: Any) -> dict[str, Any]:
    """Return options of :func:`train_model` as Python's own numbers.

    Raises
    ------
    TypeError, ValueError
        If one is out of range; the message names it.
    """
    made = {}
    for name, value in options.items():
        if value is None and name in ("patience", "plateau_patience"):
            made[name] = None
        elif name in ("dropout", "momentum"):
            made[name] = _options.share(name, value)
        elif name in ("l2", "min_delta"):
            made[name] = _options.not_negative(name, value)
        elif name in ("plateau_factor", "validation_split"):
            made[name] = _options.fraction(name, value)
        elif name == "learning_rate":
            # What float32 holds.
            made[name] = _options.number(
                name, value, "more than 0 (1e-38 to 1e38)", lambda rate: 1e-38 <= rate <= 1e38
            )
        elif name in ("epochs", "batch_size"):
            made[name] = _options.whole(name, value)
        elif name in ("patience", "plateau_patience"):
            made[name] = _options.whole(name, value, least=0)
        elif name == "precision":
            made[name] = _options.one_of(name, value, PRECISIONS)
    return made


def training_rows(rows: int, validation_split: float) -> int:
    """Return how many of the rows are trained on, as Keras counts them."""
    first = math.floor(rows * (1.0 - validation_split))
    if not 0 < first < rows:
        raise ValueError(
            f"x has {rows} rows; with a validation_split of {validation_split}, {first} of them "
            f"would be for training and {rows - first} for validation. Each needs at least one."
        )
    return first


def _fitting(x, y, model: keras.Sequential) -> tuple[np.ndarray, np.ndarray]:
    """Return arrays for a network as contiguous float32, or say what does not fit."""
    if not hasattr(model, "layers") or not hasattr(model, "fit"):
        raise TypeError(f"model is {_options.shown(model)}; it must be a Keras model.")
    if not (model.built and model.layers):
        raise ValueError("the model is not built; give it a keras.Input, or call it once.")
    x, y = _options.numbers("x", x), _options.numbers("y", y)
    for name, array, shape in (("x", x, model.input_shape), ("y", y, model.output_shape)):
        # None stands for any length.
        fits = array.ndim == len(shape) and all(
            wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
        )
        if not fits:
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


def checked(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels as contiguous float32, or say what is wrong with them."""
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
    # One copy in the type that the network computes in, rather than one per batch.
    return np.ascontiguousarray(x, dtype=np.float32), np.ascontiguousarray(y, dtype=np.float32)
