"""Training on arrays by Keras's own ``fit``, whose batches are shuffled and cut in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Return how many steps of training go through all rows once; the last may be smaller."""
    return -(-rows // batch_size)


def shuffled_batches(
    x: np.ndarray, y: np.ndarray, batch_size: int, *, shuffle: bool = True
) -> tf.data.Dataset:
    """Return arrays as a data set of shuffled batches.

    All rows are one element: they are put in order, and cut into batches, by three operations
    of TensorFlow an epoch, where ``fit`` on arrays calls several for each batch. The order is
    the one that ``fit(x, y)`` draws. After ``keras.utils.set_random_seed`` that is the same
    order in each epoch; without a seed it is another one each time.

    Parameters
    ----------
    x, y : ndarray, shape (n, ...)
        Inputs and targets, at least one row, as many in both.
    batch_size : int
        Rows in a batch, at least 1; the last batch has what is left.
    shuffle : bool
        Whether rows are put in a random order first.

    Returns
    -------
    tf.data.Dataset
        Pairs of batches, of the dtypes of ``x`` and ``y``.
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
    # With equal batches their size is known, and the step is traced once.
    data = data.rebatch(batch_size, drop_remainder=rows % batch_size == 0)
    options = tf.data.Options()
    options.autotune.enabled = False  # there is nothing to tune, and looking costs time
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
    """Train a compiled model on the first rows of two arrays, and validate it on the others.

    It gives what ``model.fit(x, y, validation_split=...)`` gives, up to rounding. If the model
    was compiled with ``steps_per_execution=steps_per_epoch(rows, batch_size)``, an epoch is
    one call of the compiled step, which is what saves the time of small networks. Callbacks
    are then called as Keras does for such a model: ``on_train_begin``, ``on_epoch_begin``,
    ``on_epoch_end``, ``on_train_end`` and those of validation as ever, ``on_train_batch_begin``
    and ``on_train_batch_end`` once an epoch, before its first step and after its last.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    x, y : ndarray, shape (n, ...)
        Inputs and targets, as many rows in both.
    rows : int
        How many of them, from the first, are trained on; at least 1, fewer than n.
    batch_size, validation_batch_size : int
        Rows in a batch, at least 1.
    epochs, callbacks, verbose
        As for ``keras.Model.fit``.

    Returns
    -------
    keras.callbacks.History
    """
    return model.fit(
        shuffled_batches(x[:rows], y[:rows], batch_size),
        validation_data=shuffled_batches(x[rows:], y[rows:], validation_batch_size, shuffle=False),
        epochs=epochs,
        callbacks=list(callbacks),
        shuffle=False,  # the batches are
        verbose=verbose,
    )
