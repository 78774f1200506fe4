"""Batches of in-memory arrays for Keras's ``fit``, with less overhead per step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
    without a seed it differs. The result of ``fit`` is that of ``fit(x, y)``, up to rounding.
    Compile the model with ``steps_per_execution=steps_per_epoch(rows, batch_size)``, so that each
    epoch is one call of the compiled step; this makes small networks faster.

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
