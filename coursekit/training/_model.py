"""One training run of the tuning lab, with its callbacks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _feed, models

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
    """

    model: keras.Sequential
    history: pd.DataFrame
    seconds: float

    @property
    def best(self) -> pd.Series:
        """The row of ``history`` with the smallest validation loss; its name is the epoch."""
        return self.history.loc[self.history["val_loss"].idxmin()]

    def __repr__(self) -> str:
        best = self.best
        return (
            f"Trained({self.model.count_params():,} parameters, {len(self.history)} epochs in "
            f"{self.seconds:.1f} s; epoch {best.name} is best: validation loss "
            f"{best['val_loss']:.4f}, accuracy {best['val_accuracy']:.4f})"
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
        Step size at the start, more than 0.
    momentum : float
        Share of the last step that the next one keeps, in [0, 1).
    epochs : int
        At most so many.
    batch_size : int
        Rows in a step.
    validation_split : float
        Share of the rows, the last ones, that are kept out for validation, in (0, 1).
    patience : int or None
        Stop after so many epochs without a validation loss lower by ``min_delta``, and go
        back to the weights of the best epoch. None trains all epochs and keeps the last.
    min_delta : float
        See above.
    plateau_patience : int or None
        Multiply the learning rate by ``plateau_factor`` after so many epochs without a lower
        validation loss. None leaves the rate as it is.
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
        Seed Python, NumPy and Keras first.
    verbose : int
        As for ``fit``: 0 is silent, 1 draws a bar, 2 prints a line per epoch.

    Returns
    -------
    Trained

    Raises
    ------
    TypeError, ValueError
        If an option is out of range, or the arrays are not as described.

    Notes
    -----
    All steps of an epoch run in one call of the compiled training function, validation takes
    large batches, steps of large networks without dropout are compiled with XLA, and batches
    come to the network in a shorter way than Keras's own. All take less time than the defaults
    and give the same result up to rounding; what they give together is measured in
    ``benchmarks/training.py``.

    References
    ----------
    "Deep learning with Keras: MNIST tuning lab", adapted from the workshop of
    rstudio::conf 2020.
    """
    x, y = checked(x, y) if model is None else _fitting(x, y, model)
    if not 0 < validation_split < 1:
        raise ValueError(f"validation_split is {validation_split}; it must lie between 0 and 1.")
    if not learning_rate > 0:
        raise ValueError(f"learning_rate is {learning_rate}; it must be more than 0.")
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; it must be at least 1.")
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; it must be one of {', '.join(PRECISIONS)}.")

    import keras
    import pandas as pd

    if seed is not None:
        keras.utils.set_random_seed(seed)
    if model is None:
        model = models.mnist_mlp(units=units, layers=layers, dropout=dropout, l2=l2, seed=seed)
    if optimizer is None:
        optimizer = keras.optimizers.SGD(learning_rate=learning_rate, momentum=momentum)
    rows = int(len(x) * (1 - validation_split))
    dense = all(isinstance(layer, keras.layers.Dense) for layer in model.layers)

    def compile_for(precision: str) -> None:
        # The last layer's probabilities are float32 in any case: the loss needs their digits.
        for layer in model.layers[:-1]:
            layer.dtype_policy = PRECISIONS[precision]
        model.compile(
            loss="categorical_crossentropy",
            optimizer=optimizer,
            metrics=["accuracy"],
            steps_per_execution=-(-rows // batch_size),
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
                patience=patience, min_delta=min_delta, restore_best_weights=True
            )
        )
    if plateau_patience is not None:
        called.append(
            keras.callbacks.ReduceLROnPlateau(patience=plateau_patience, factor=plateau_factor)
        )
    if log_dir is not None:
        called.append(keras.callbacks.TensorBoard(str(log_dir), write_graph=False))
    began = time.perf_counter()
    with _feed.quicker():
        recorded = model.fit(
            x,
            y,
            epochs=epochs,
            batch_size=batch_size,
            validation_split=validation_split,
            validation_batch_size=VALIDATION_BATCH,
            callbacks=[*called, *callbacks],
            verbose=verbose,
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


def _fitting(x, y, model: keras.Sequential) -> tuple[np.ndarray, np.ndarray]:
    """Return arrays for a network as contiguous float32, or say what does not fit."""
    for name, array, shape in (("x", x, model.input_shape), ("y", y, model.output_shape)):
        if np.shape(array)[1:] != shape[1:]:
            raise ValueError(
                f"{name} has shape {np.shape(array)}; {model.name} has {('n', *shape[1:])} there."
            )
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y has {len(y)}; they must have as many.")
    return np.ascontiguousarray(x, dtype=np.float32), np.ascontiguousarray(y, dtype=np.float32)


def checked(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels as contiguous float32, or say what is wrong with them."""
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or x.shape[1] != INPUTS:
        raise ValueError(
            f"x has shape {x.shape}; it must be (n, {INPUTS}): reshape each image to a row first."
        )
    if y.shape != (len(x), CLASSES):
        raise ValueError(
            f"y has shape {y.shape}; it must be ({len(x)}, {CLASSES}): one-hot rows, as many as x."
        )
    if x.dtype.kind not in "fiu" or (len(x) and (x.min() < 0 or x.max() > 1)):
        raise ValueError(
            f"x holds {x.dtype} values from {x.min()} to {x.max()}; divide by 255 first, so that "
            "they run from 0 to 1."
        )
    # One copy in the type that the network computes in, rather than one per batch.
    return np.ascontiguousarray(x, dtype=np.float32), np.ascontiguousarray(y, dtype=np.float32)
