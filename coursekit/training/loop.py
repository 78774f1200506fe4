"""Train on in-memory arrays with Keras's ``fit`` and less overhead per step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Return the number of batches in one epoch; the last batch may be smaller."""
    return -(-rows // batch_size)


def shuffled_batches(
    x: np.ndarray, y: np.ndarray, batch_size: int, *, shuffle: bool = True
) -> tf.data.Dataset:
    """Return a TensorFlow dataset that yields shuffled batches of two arrays.

    Three TensorFlow operations per epoch shuffle all rows and split them into batches;
    ``fit`` on arrays runs several operations per batch. The order is the one that
    ``fit(x, y)`` draws: after ``keras.utils.set_random_seed`` it is the same in every epoch,
    without a seed it differs.

    Parameters
    ----------
    x, y : ndarray, shape (n, ...)
        Inputs and targets with the same number of rows, at least one.
    batch_size : int
        Rows per batch, at least 1; the last batch has the remaining rows.
    shuffle : bool
        Whether to shuffle the rows.

    Returns
    -------
    tf.data.Dataset
        Pairs of batches, with the dtypes of ``x`` and ``y``.
    """
    import tensorflow as tf

    rows = len(x)
    data = tf.data.Dataset.from_tensors((x, y))
    if shuffle:
        order = tf.data.Dataset.range(1).map(
            lambda _: tf.random.shuffle(tf.range(rows, dtype=tf.int64))
        )
        data = tf.data.Dataset.zip((order, data)).map(
            lambda order, arrays: tuple(tf.gather(array, order) for array in arrays)
        )
    # If all batches have the same size, TensorFlow knows their shape and traces the step once.
    data = data.rebatch(batch_size, drop_remainder=rows % batch_size == 0)
    options = tf.data.Options()
    options.autotune.enabled = False  # there is nothing to tune, and trying costs time
    data = data.with_options(options).prefetch(2)
    return data.apply(tf.data.experimental.assert_cardinality(steps_per_epoch(rows, batch_size)))


def fit(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    rows: int,
    batch_size: int,
    validation_batch_size: int,
    epochs: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int = 0,
) -> keras.callbacks.History:
    """Train a compiled model on the first rows of two arrays and validate it on the rest.

    The result is that of ``model.fit(x, y, validation_split=...)``, up to rounding. Compile
    the model with ``steps_per_execution=steps_per_epoch(rows, batch_size)``, so that each
    epoch is one call of the compiled step; this makes small networks faster. Keras then calls
    ``on_train_batch_begin`` and ``on_train_batch_end`` once per epoch, before the first step
    and after the last; the other methods of callbacks are called as usual.

    Parameters
    ----------
    model : keras.Model
        A compiled model.
    x, y : ndarray, shape (n, ...)
        Inputs and targets with the same number of rows.
    rows : int
        Size of the training set, from 1 to n - 1; the remaining rows are the validation set.
    batch_size, validation_batch_size : int
        Rows per batch, at least 1.
    epochs, callbacks, verbose
        As for ``keras.Model.fit``.

    Returns
    -------
    keras.callbacks.History
        Loss and metrics of each epoch.
    """
    return model.fit(
        shuffled_batches(x[:rows], y[:rows], batch_size),
        validation_data=shuffled_batches(x[rows:], y[rows:], validation_batch_size, shuffle=False),
        epochs=epochs,
        callbacks=list(callbacks),
        shuffle=False,  # the dataset shuffles
        verbose=verbose,
    )
