"""Hand arrays to Keras's ``fit``, ``evaluate`` and ``predict`` in less time, batch for batch.

Around the training itself Keras 3.12 to 3.15 does four things that take time and change nothing
(on TensorFlow 2.21; ``benchmarks/feeding.py`` measures them together):

- It makes the variables of the optimizer and of the metrics in the first step. A function that
  makes variables is traced twice by TensorFlow, and tracing a small network takes longer than
  an epoch of it: two epochs of a new one took 0.67 s, and 0.43 s with the variables made before.
- It makes two iterators for each pass through the data, and uses one. Making one takes 10 ms,
  several times as long as a step of a small network.
- It finds the rows of a batch in four stages of ``tf.data``, three of which call a function. Two
  such stages are enough to shuffle, and none is needed where nothing is shuffled.
- It leaves ``tf.data``'s tuning on. The thread that tunes sleeps for longer and longer, and an
  iterator that ends sometimes waits until it wakes: up to as long as the iterator has lived, so
  that some epochs take half as long again.

:func:`quicker` and :func:`install` put three functions of ours in the place of three of Keras's.
The same operations draw the same random numbers, so that losses and weights are the same to the
last bit (``tests/test_feed.py``). They do so only if the three functions of the installed Keras
are, letter for letter, those that ours were written for; with any other Keras nothing happens,
but that ``fit`` takes as long as it does.
"""

from __future__ import annotations

import hashlib
import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

# SHA-256 of the source of the three functions in Keras 3.12 to 3.15.1.
WRITTEN_FOR = {
    "get_tf_dataset": "2ab7c0854bf89cd1cc2eb41225a864ee6ed860d0b7471c7348963875f0d8631e",
    "_enumerate_iterator": "376e3e16a928107a7a421a25346d900d805b404430a034ddbed5c24905de9484",
    "_maybe_symbolic_build": "92a504f5eba9b29f81f1bf26180bdd5bf5186b06b7bda426534b90d2d02bc1c2",
}
_lock = threading.Lock()
_originals: dict[str, object] = {}
_users = 0


def _places() -> dict[str, type]:
    """Return the classes of Keras that have the three functions."""
    from keras.src.backend.tensorflow.trainer import TensorFlowTrainer
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
    from keras.src.trainers.epoch_iterator import EpochIterator

    return {
        "get_tf_dataset": ArrayDataAdapter,
        "_enumerate_iterator": EpochIterator,
        "_maybe_symbolic_build": TensorFlowTrainer,
    }


def source_hashes() -> dict[str, str]:
    """Return the SHA-256 of the source of the three functions in the installed Keras."""
    return {
        name: hashlib.sha256(
            inspect.getsource(_originals.get(name) or getattr(place, name)).encode()
        ).hexdigest()
        for name, place in _places().items()
    }


def install() -> bool:
    """Put our functions in place, for the rest of this process.

    Runs no operation of TensorFlow.

    Returns
    -------
    bool
        Whether they are in place: False if Keras is missing, computes with something other than
        TensorFlow, or is not one that they were written for.
    """
    global _users
    with _lock:
        try:
            import keras

            if keras.config.backend() != "tensorflow" or source_hashes() != WRITTEN_FOR:
                return False
            places = _places()
        except (ImportError, AttributeError, OSError):
            return False
        _users += 1
        if _users == 1:
            for name, place in places.items():
                _originals[name] = getattr(place, name)
            places["get_tf_dataset"].get_tf_dataset = _batches
            places["_enumerate_iterator"]._enumerate_iterator = _steps
            places["_maybe_symbolic_build"]._maybe_symbolic_build = _build
    return True


def remove() -> None:
    """Undo one :func:`install`; the last one puts Keras's own functions back."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for name, place in _places().items():
                setattr(place, name, _originals.pop(name))


@contextmanager
def quicker() -> Iterator[bool]:
    """Have our functions in place for a while; gives whether they are."""
    installed = install()
    try:
        yield installed
    finally:
        if installed:
            remove()


def _batches(adapter):
    """Return the batches of arrays as a dataset: ``ArrayDataAdapter.get_tf_dataset``."""
    import tensorflow as tf
    from keras import tree
    from keras.src.trainers.data_adapters import array_slicing

    shuffle, rows = adapter._shuffle, adapter._num_samples
    inputs = tree.lists_to_tuples(
        array_slicing.convert_to_sliceable(adapter._inputs, target_backend="tensorflow")
    )
    dense = all(isinstance(array, (np.ndarray, tf.Tensor)) for array in tree.flatten(inputs))
    if not dense or shuffle not in (True, False) or not rows or tf.distribute.has_strategy():
        return _originals["get_tf_dataset"](adapter)
    inputs = tree.map_structure(tf.convert_to_tensor, inputs)
    # As in Keras, the number of rows in a batch is part of its shape where all have as many.
    whole = not adapter._partial_batch_size
    everything = tf.data.Dataset.from_tensors(inputs)
    if shuffle:
        # The operations and their number are Keras's: the seed of an operation is drawn from
        # its place in the graph.
        @tf.autograph.experimental.do_not_convert
        def permutation(_):
            return tf.random.shuffle(tf.range(rows, dtype=tf.int64))

        @tf.autograph.experimental.do_not_convert
        def pick(places, arrays):
            return tree.map_structure(lambda array: tf.gather(array, places, axis=0), arrays)

        places = tf.data.Dataset.range(1).map(permutation)
        places = places.rebatch(adapter._batch_size, drop_remainder=whole)
        batches = tf.data.Dataset.zip((places, everything.repeat())).map(pick)
    else:
        batches = everything.rebatch(adapter._batch_size, drop_remainder=whole)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    if shuffle:
        options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    return batches.with_options(options).prefetch(2)


def _steps(epoch):
    """Go through one epoch's steps with one iterator: ``EpochIterator._enumerate_iterator``."""
    batches = epoch._num_batches
    if epoch.steps_per_epoch or not batches:
        yield from _originals["_enumerate_iterator"](epoch)
        return
    epoch.data_adapter.on_epoch_begin()
    epoch._current_iterator = iter(epoch._get_iterator())
    epoch._steps_seen = 0
    for first in range(0, batches, epoch.steps_per_execution):
        epoch._steps_seen += epoch.steps_per_execution
        yield first, first + epoch.steps_per_execution - 1, epoch._current_iterator
    epoch._steps_seen = 0
    epoch.data_adapter.on_epoch_end()


def _build(model, iterator=None, data_batch=None):
    """Make all variables before the first step: ``TensorFlowTrainer._maybe_symbolic_build``."""
    if iterator is not None and _to_be_built(model, iterator):
        model._symbolic_build(data_batch=iterator._distributed_dataset.element_spec)
    else:
        _originals["_maybe_symbolic_build"](model, iterator=iterator, data_batch=data_batch)


def _to_be_built(model, iterator) -> bool:
    """Say whether this is ``fit`` with a network and arrays that will take a first step."""
    # evaluate does not shuffle, and leaves the optimizer alone. Models of other kinds than Keras's
    # own may do something else in a step than what they were compiled for.
    if not (
        getattr(iterator.data_adapter, "_shuffle", False)
        and model._distribute_strategy is None
        and type(model).__module__.startswith("keras.")
        and model.built
        and model.optimizer is not None
        and not model.optimizer.built
        and model.train_function is None
        and not model.run_eagerly
    ):
        return False
    # What does not fit together is left to fail as ever, and to leave behind what it ever does.
    x, y, *_ = (*iterator._distributed_dataset.element_spec, None)
    inputs, outputs = (getattr(model, name, None) for name in ("input_shape", "output_shape"))
    if not all(isinstance(shape, tuple) for shape in (inputs, outputs)):
        return False
    if not all(hasattr(array, "shape") for array in (x, y)):
        return False
    whole_labels = model.loss == "sparse_categorical_crossentropy"
    expected = ((None,), (None, 1)) if whole_labels else (outputs,)
    return x.shape[1:] == inputs[1:] and any(y.shape[1:] == shape[1:] for shape in expected)
