"""Take Keras's ``fit``, ``evaluate`` and ``predict`` through arrays in less time, step for step.

Around the steps of the training itself Keras 3.12 to 3.15 does five things that take time and
change nothing (on TensorFlow 2.21; ``benchmarks/feeding.py`` measures them together):

- It goes back to Python for every step, which takes several times as long as the step of a small
  network: 0.9 ms for one of 0.08 ms.
- It feeds arrays through ``tf.data``, and makes two iterators for each pass. Making one takes
  10 ms, and the thread that tunes it may have an epoch wait when it ends.
- It traces the step inside two more functions, which carry what ``tf.data`` yields.
- It makes the variables of the optimizer and of the metrics in the first step. A function that
  makes variables is traced twice by TensorFlow, and tracing a small network takes longer than
  an epoch of it.
- It hands the numbers of every step to callbacks, of which few have a use for them.

:func:`quicker` and :func:`install` put functions of ours in the place of some of Keras's. Steps
then run many at a time inside TensorFlow (:mod:`coursekit._steps`), unless a callback asks to be
called between them. The same operations see the same rows and draw the same random numbers, so
that losses and weights are the same to the last bit (``tests/test_feed.py``). They do so only if
the functions of the installed Keras are, letter for letter, those that ours were written for;
with any other Keras, and where there is a graphics card, nothing happens, but that ``fit`` takes
as long as it does.
"""

from __future__ import annotations

import hashlib
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from itertools import repeat
from typing import NamedTuple

import numpy as np

from coursekit import _steps

# SHA-256 of the source of the functions that ours take the place of, in Keras 3.12 to 3.15.1.
WRITTEN_FOR = {
    "get_tf_dataset": "2ab7c0854bf89cd1cc2eb41225a864ee6ed860d0b7471c7348963875f0d8631e",
    "_enumerate_iterator": "376e3e16a928107a7a421a25346d900d805b404430a034ddbed5c24905de9484",
    "_maybe_symbolic_build": "92a504f5eba9b29f81f1bf26180bdd5bf5186b06b7bda426534b90d2d02bc1c2",
    "_make_function": "bb33b7a0da3d27406c70fac54b8e9617156ef225f452b93f6addf8cc34aca0d0",
}
# Ours only look at what is handed to these two, and then call them.
LOOKED_AT = {"fit": "train", "evaluate": "test"}
_lock = threading.Lock()
_originals: dict[str, Callable] = {}
_users = 0


class Use(NamedTuple):
    """What arrays are gone through for."""

    phase: str  # "train" or "test"
    hooks: bool  # whether callbacks are called between steps
    model: object = None


# The fit or evaluate that runs.
_use: ContextVar[Use | None] = ContextVar("_use", default=None)
# What an epoch iterator notes it under.
USE = "_coursekit_use"


def _places() -> dict[str, type]:
    """Return the classes of Keras that have the functions."""
    from keras.src.backend.tensorflow.trainer import TensorFlowTrainer
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
    from keras.src.trainers.epoch_iterator import EpochIterator

    return {
        "get_tf_dataset": ArrayDataAdapter,
        "_enumerate_iterator": EpochIterator,
        "_maybe_symbolic_build": TensorFlowTrainer,
        "_make_function": TensorFlowTrainer,
        "fit": TensorFlowTrainer,
        "evaluate": TensorFlowTrainer,
    }


def source_hashes() -> dict[str, str]:
    """Return the SHA-256 of the source of the functions in the installed Keras."""
    places = _places()
    return {
        name: hashlib.sha256(
            inspect.getsource(_originals.get(name) or getattr(places[name], name)).encode()
        ).hexdigest()
        for name in WRITTEN_FOR
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
            places["get_tf_dataset"].get_tf_dataset = _arrays
            places["_enumerate_iterator"]._enumerate_iterator = _parts
            places["_maybe_symbolic_build"]._maybe_symbolic_build = _build
            places["_make_function"]._make_function = _function
            for name, phase in LOOKED_AT.items():
                setattr(places[name], name, _looked_at(_originals[name], phase))
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


def _looked_at(original: Callable, phase: str) -> Callable:
    """Wrap ``fit`` or ``evaluate``, to see which callbacks it is given."""
    parameters = inspect.signature(original)

    @wraps(original)
    def called(*arguments, **options):
        try:
            given = parameters.bind(*arguments, **options).arguments
        except TypeError:
            given = {}  # Keras says what is wrong with them.
        quiet = given.get("verbose", "auto") == 0 or hasattr(given.get("callbacks"), "callbacks")
        token = _use.set(Use(phase, not quiet or _has_hooks(given.get("callbacks"), phase)))
        try:
            return original(*arguments, **options)
        finally:
            _use.reset(token)

    return called


def _has_hooks(callbacks, phase: str) -> bool:
    """Say whether any of the callbacks does something between steps."""
    from keras import tree
    from keras.src.utils.python_utils import is_default

    hooks = [f"on_{phase}_batch_begin", f"on_{phase}_batch_end"]
    if phase == "train":
        hooks += ["on_batch_begin", "on_batch_end"]
    called = tree.flatten(getattr(callbacks, "callbacks", callbacks))
    return not all(
        is_default(getattr(callback, hook, None))
        for callback in called
        for hook in hooks
        if callback is not None
    )


def _arrays(adapter):
    """Return what stands for a dataset of arrays: ``ArrayDataAdapter.get_tf_dataset``."""
    import tensorflow as tf
    from keras import tree
    from keras.src.trainers.data_adapters import array_slicing

    shuffle, rows = adapter._shuffle, adapter._num_samples
    inputs = tree.lists_to_tuples(
        array_slicing.convert_to_sliceable(adapter._inputs, target_backend="tensorflow")
    )
    dense = all(isinstance(array, (np.ndarray, tf.Tensor)) for array in tree.flatten(inputs))
    left_alone = (
        not dense
        or shuffle not in (True, False)
        or not rows
        or tf.distribute.has_strategy()
        # There, all rows would have to fit into the card's memory.
        or tf.config.list_physical_devices("GPU")
    )
    if left_alone:
        return _originals["get_tf_dataset"](adapter)
    return _steps.Arrays(
        tree.map_structure(tf.convert_to_tensor, inputs),
        rows=rows,
        batch=adapter._batch_size,
        shuffle=shuffle,
    )


def _parts(epoch):
    """Go through an epoch in parts: ``EpochIterator._enumerate_iterator``."""
    batches = epoch._num_batches
    arrays = getattr(epoch, "_distributed_dataset", None)
    if epoch.steps_per_epoch or not batches or not isinstance(arrays, _steps.Arrays):
        yield from _originals["_enumerate_iterator"](epoch)
        return
    epoch.data_adapter.on_epoch_begin()
    order, size = arrays.order(), epoch.steps_per_execution
    use = getattr(epoch, USE, None)
    if use is not None and hasattr(getattr(use.model, f"{use.phase}_function"), "many"):
        if not use.hooks:
            size = max(size, _steps.AT_ONCE)
        parts = (
            _steps.Part(arrays, order, first, min(first + size, batches))
            for first in range(0, batches, size)
        )
    else:
        # One iterator for the whole pass, where Keras makes a second one at its end.
        parts = repeat(iter(arrays.batches(order)))
    epoch._steps_seen = 0
    for first, part in zip(range(0, batches, size), parts, strict=False):
        epoch._current_iterator = part
        epoch._steps_seen += size
        yield first, first + size - 1, part
    epoch._steps_seen = 0
    epoch.data_adapter.on_epoch_end()


def _function(model, step):
    """Make the function that takes steps: ``TensorFlowTrainer._make_function``."""
    one = _originals["_make_function"](model, step)
    many = _steps.Many(model, step)

    def function(iterator):
        return (many if isinstance(iterator, _steps.Part) else one)(iterator)

    function.many = many
    return function


def _build(model, iterator=None, data_batch=None):
    """Make all variables before the first step: ``TensorFlowTrainer._maybe_symbolic_build``."""
    _originals["_maybe_symbolic_build"](model, iterator=iterator, data_batch=data_batch)
    use = _use.get()
    arrays = getattr(iterator, "_distributed_dataset", None)
    if use is None or not isinstance(arrays, _steps.Arrays) or not _simple(model, arrays):
        return
    if use.phase == "train" and not model.optimizer.built and model.train_function is None:
        _build_metrics(model, arrays.element_spec)
        # This makes what is not made by then.
        model._symbolic_build(data_batch=arrays.element_spec)
    if _built(model, use.phase):
        setattr(iterator, USE, use._replace(model=model))


def _build_metrics(model, spec) -> None:
    """Make loss and metrics for labels like these, if no step has to be traced to know how."""
    from keras import KerasTensor, metrics, tree

    compiled = model._compile_metrics
    if compiled is not None and not all(
        metric in ("accuracy", "acc") or isinstance(metric, metrics.MeanMetricWrapper)
        for metric in tree.flatten([compiled._user_metrics, compiled._user_weighted_metrics])
        if metric is not None
    ):
        return
    labels = KerasTensor(spec[1].shape, spec[1].dtype.name)
    for part in (compiled, model._compile_loss):
        if part is not None and not part.built:
            part.build(labels, model.outputs[0])


def _simple(model, arrays) -> bool:
    """Say whether this is a network of Keras's own kind, and arrays that fit to it."""
    # Models of other kinds may do something else in a step than what they were compiled for.
    if not (
        model._distribute_strategy is None
        and type(model).__module__.startswith("keras.")
        and model.built
        and len(getattr(model, "outputs", None) or ()) == 1
        and model.optimizer is not None
        and not model.run_eagerly
    ):
        return False
    # What does not fit together is left to fail as ever, and to leave behind what it ever does.
    x, y, *_ = (*arrays.element_spec, None)
    inputs, outputs = (getattr(model, name, None) for name in ("input_shape", "output_shape"))
    if not all(isinstance(shape, tuple) for shape in (inputs, outputs)):
        return False
    if not all(hasattr(array, "shape") for array in (x, y)):
        return False
    # Labels for one output node may be a plain vector.
    whole_labels = model.loss == "sparse_categorical_crossentropy"
    one_number = whole_labels or outputs[1:] == (1,)
    expected = ((None,), (None, 1)) if one_number else (outputs,)
    return x.shape[1:] == inputs[1:] and any(y.shape[1:] == shape[1:] for shape in expected)


def _built(model, phase: str) -> bool:
    """Say whether a step would find all variables made."""
    parts = [model._compile_metrics, model._compile_loss]
    if phase == "train":
        parts.append(model.optimizer)
    return all(part is None or part.built for part in parts)
