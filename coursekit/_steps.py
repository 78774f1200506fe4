"""Steps of ``fit`` and ``evaluate`` through arrays, many in one call of TensorFlow.

What :mod:`coursekit._feed` puts in the place of ``tf.data`` and of Keras's loop over steps.

Functions are traced by ``get_concrete_function`` here, not by their first call: of one that is
made anew for each network, and called a few times, TensorFlow would warn that it is traced too
often, and notebooks would show that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import NamedTuple

# Calling TensorFlow takes a third of a millisecond, so this many steps hide it. More would have
# whoever interrupts a training wait: TensorFlow hears of it only between two calls.
AT_ONCE = 50


class Arrays:
    """Arrays, and how to go through them: what ``fit`` holds in the place of a dataset.

    Parameters
    ----------
    inputs : nested tuple of Tensor
        As in Keras: what the network reads, then labels and weights if there are any.
    rows, batch : int
        How many rows there are, and how many are taken in a step.
    shuffle : bool
        Whether to go through them in another order than they are in.
    """

    def __init__(self, inputs, *, rows: int, batch: int, shuffle: bool):
        from tensorflow.python.eager import context

        self.inputs = inputs
        self.rows, self.batch, self.shuffle = rows, batch, shuffle
        # The one that Keras's own dataset would be made with.
        self._seed = context.global_seed()
        self._made = None

    @property
    def whole(self) -> bool:
        """Whether all batches have as many rows; that number is then part of their shape."""
        return self.rows % self.batch == 0

    @cached_property
    def element_spec(self):
        """Shapes and dtypes of a batch, as a dataset has them."""
        import tensorflow as tf
        from keras import tree

        specs = tree.map_structure(tf.type_spec_from_value, self.inputs)
        return _with_rows(specs, self.batch if self.whole else None)

    def order(self):
        """Return the rows in the order of one pass: a Tensor of int64, or None for as they are.

        With a seed it is the same order in every pass, as it is in Keras.
        """
        import tensorflow as tf

        if not self.shuffle:
            return None
        if self._seed is None:
            return tf.random.shuffle(tf.range(self.rows, dtype=tf.int64))
        return _seeded_order(self._seed, self.rows)

    def batches(self, order):
        """Return one pass as a dataset, for functions that take nothing else."""
        if self.shuffle and self._seed is None:
            return self._dataset(order)
        if self._made is None:
            self._made = self._dataset(order)
        return self._made

    def __iter__(self):
        """Go through them once, as a dataset."""
        return iter(self.batches(self.order()))

    def _dataset(self, order):
        import tensorflow as tf
        from keras import tree

        batches = tf.data.Dataset.from_tensors(self.inputs)
        if order is None:
            batches = batches.rebatch(self.batch, drop_remainder=self.whole)
        else:

            @tf.autograph.experimental.do_not_convert
            def pick(places, arrays):
                return tree.map_structure(lambda array: tf.gather(array, places), arrays)

            places = tf.data.Dataset.from_tensors(order)
            places = places.rebatch(self.batch, drop_remainder=self.whole)
            batches = tf.data.Dataset.zip((places, batches.repeat())).map(pick)
        # The thread that tunes a dataset sleeps for longer and longer, and an iterator that ends
        # sometimes waits until it wakes.
        options = tf.data.Options()
        options.autotune.enabled = False
        options.experimental_optimization.apply_default_optimizations = False
        return batches.with_options(options).prefetch(2)


@lru_cache(maxsize=32)
def _seeded_order(seed: int, rows: int):
    """Shuffle as the dataset of Keras does that is made under this global seed."""
    import tensorflow as tf

    # A random operation takes its seed from its place in the function it is in, and starts from
    # it in every new function: here and there it is the first. The global seed may be another by
    # now, so this function is given the one that was.
    @tf.function(autograph=False)
    def shuffled():
        tf.compat.v1.set_random_seed(seed)
        return tf.random.shuffle(tf.range(rows, dtype=tf.int64))

    return shuffled.get_concrete_function()()


def _with_rows(specs, rows: int | None):
    """Return the same specs for another number of rows."""
    import tensorflow as tf
    from keras import tree

    return tree.map_structure(
        lambda spec: tf.TensorSpec([rows, *spec.shape[1:]], spec.dtype), specs
    )


class Part(NamedTuple):
    """Some steps of a pass: those from ``first`` up to, and without, ``last``."""

    arrays: Arrays
    order: object
    first: int
    last: int


class Many:
    """A function that takes all steps of a :class:`Part` in one call.

    Parameters
    ----------
    model : keras.Model
        Compiled, with all its variables made.
    step : callable
        Takes a batch, and changes the variables of the model.
    """

    def __init__(self, model, step: Callable):
        self._model = model
        self._step = step
        self._functions: dict[tuple, Callable] = {}

    def __call__(self, part: Part) -> dict:
        """Take the steps, and return the metrics after the last."""
        import tensorflow as tf

        arrays, shuffled = part.arrays, part.order is not None
        specs = self._specs(arrays.element_spec, shuffled)
        if (shuffled, specs) not in self._functions:
            self._functions[shuffled, specs] = self._made(shuffled, specs)
        numbers = tf.constant([part.first, part.last, arrays.batch], tf.int64)
        order = part.order if shuffled else numbers
        return self._functions[shuffled, specs](numbers, order, arrays.inputs)

    def _specs(self, batch, shuffled: bool):
        """Return what to trace for: batches of this size or, after those of another, of any."""
        any_size = _with_rows(batch, None)
        traced = [specs for used, specs in self._functions if used == shuffled]
        if batch not in traced and any(_with_rows(specs, None) == any_size for specs in traced):
            return any_size
        return batch

    def _made(self, shuffled: bool, specs) -> Callable:
        import tensorflow as tf
        from keras import tree

        model, step = self._model, self._step
        if model.jit_compile:
            step = tf.function(step, autograph=False, jit_compile=True)

        @tf.function(
            autograph=False,
            input_signature=[
                tf.TensorSpec([3], tf.int64),
                tf.TensorSpec([None], tf.int64),
                _with_rows(specs, None),
            ],
        )
        def steps(numbers, order, inputs):
            first, last, batch = tf.unstack(numbers)
            rows = tf.shape(tree.flatten(inputs)[0], out_type=tf.int64)[0]

            def body(number):
                begin = number * batch
                end = tf.minimum(begin + batch, rows)
                places = order[begin:end]

                def batch_of(array, spec):
                    taken = tf.gather(array, places) if shuffled else array[begin:end]
                    return tf.ensure_shape(taken, spec.shape)

                step(tree.map_structure(batch_of, inputs, specs))
                return number + 1

            tf.while_loop(lambda number: number < last, body, [first], parallel_iterations=1)
            return model.get_metrics_result()

        return steps.get_concrete_function()
