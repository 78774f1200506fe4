"""The shorter way of arrays to Keras: the same numbers, to the last bit."""

import re

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from coursekit import _feed, _steps

ROWS = 300
NUMBERS = np.random.default_rng(0)
X = NUMBERS.normal(size=(ROWS, 7)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[NUMBERS.integers(0, 3, ROWS)]


def network(**compile_options) -> keras.Sequential:
    """Return a small network with dropout, compiled."""
    nodes = compile_options.pop("nodes", 3)
    model = keras.Sequential(
        [
            keras.Input((7,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(nodes, activation="softmax" if nodes > 1 else "sigmoid"),
        ]
    )
    if momentum := compile_options.pop("momentum", None):
        compile_options["optimizer"] = keras.optimizers.SGD(0.1, momentum=momentum)
    options = {"optimizer": "adam", "loss": "categorical_crossentropy", "metrics": ["accuracy"]}
    model.compile(**options | compile_options)
    return model


def stopping(epoch: int, batch: int) -> keras.callbacks.Callback:
    """Return a callback that stops in the middle of an epoch."""

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, now, logs=None):
            self.epoch = now

        def on_train_batch_end(self, now, logs=None):
            self.model.stop_training = (self.epoch, now) == (epoch, batch)

    return Stop()


def numbers(x, y, compile_options, options, further: bool) -> list[np.ndarray]:
    """Train, and return every number that comes of it; ``further`` also tests and goes on."""
    keras.utils.set_random_seed(5)
    model = network(**compile_options)
    options = dict(options)
    if "stop" in options:
        options["callbacks"] = [stopping(*options.pop("stop"))]
    history = model.fit(x, y, epochs=3, verbose=0, **options).history
    found = [*(values for _, values in sorted(history.items())), *model.get_weights()]
    if further:
        batch = options.get("batch_size", 32)
        found += [model.evaluate(x, y, batch_size=batch, verbose=0)]
        found += [model.predict(x, batch_size=batch, verbose=0)]
        found += model.fit(x, y, epochs=1, verbose=0, **options).history.values()
    # What is drawn next has to be the same as well.
    found += [np.random.random(2), keras.random.uniform((2,)), tf.random.uniform((2,))]
    return [np.asarray(values) for values in found]


# In these, evaluate and predict are called, and fit a second time.
FURTHER = ("as usual", "a part of a batch at the end", "a table")
CASES = {
    "as usual": (X, Y, {}, {"validation_split": 0.2}),
    "whole batches": (X, Y, {}, {"batch_size": 30}),
    "a part of a batch at the end": (X, Y, {}, {"batch_size": 64, "validation_split": 0.1}),
    "one batch, larger than the data": (X, Y, {}, {"batch_size": 1000}),
    "one row at a time": (X[:40], Y[:40], {}, {"batch_size": 1}),
    "in order": (X, Y, {}, {"shuffle": False}),
    "batches shuffled": (X, Y, {}, {"shuffle": "batch"}),
    "weights of rows": (X, Y, {}, {"sample_weight": NUMBERS.random(ROWS)}),
    "weights of classes": (X, Y, {}, {"class_weight": {0: 1.0, 1: 2.0, 2: 3.0}}),
    "validation data": (X, Y, {}, {"validation_data": (X[:50], Y[:50]), "validation_freq": 2}),
    "float64": (X.astype(np.float64), Y.astype(np.float64), {}, {}),
    "bytes": ((X * 20).astype(np.uint8), Y.astype(np.int64), {}, {}),
    "a table": (pd.DataFrame(X), Y, {}, {"validation_split": 0.2}),
    "tensors": (tf.constant(X), tf.constant(Y), {}, {}),
    "labels": (X, Y.argmax(1), {"loss": "sparse_categorical_crossentropy"}, {}),
    "one number for a row": (X[:, :7], Y[:, 0], {"nodes": 1, "loss": "binary_crossentropy"}, {}),
    "more epochs than steps at once": (X, Y, {}, {"batch_size": 3}),
    "some steps of an epoch": (X, Y, {}, {"steps_per_epoch": 4}),
    "steps at once": (X, Y, {"steps_per_execution": 4}, {"validation_split": 0.2}),
    "more steps at once than there are": (X, Y, {"steps_per_execution": 50}, {}),
    "momentum": (X, Y, {"momentum": 0.9}, {}),
    "more metrics": (X, Y, {"metrics": ["accuracy", "AUC"]}, {}),
    "metrics with weights": (
        X,
        Y,
        {"metrics": [], "weighted_metrics": ["accuracy"]},
        {"sample_weight": NUMBERS.random(ROWS)},
    ),
    "compiled with XLA": (X, Y, {"jit_compile": True}, {"batch_size": 100}),
    "eagerly": (X[:60], Y[:60], {"run_eagerly": True}, {}),
    "stopped in an epoch": (X, Y, {}, {"stop": (1, 3), "validation_split": 0.2}),
}


# Most of their time is Keras's own; the other tests see our lines covered.
@pytest.mark.no_cover
@pytest.mark.parametrize("case", CASES)
def test_the_same_numbers_to_the_last_bit(case):
    plain = numbers(*CASES[case], case in FURTHER)
    with _feed.quicker() as installed:
        assert installed
        quick = numbers(*CASES[case], case in FURTHER)
    assert len(plain) == len(quick) > 8
    for one, other in zip(plain, quick, strict=True):
        np.testing.assert_array_equal(one, other)


def both_ways(run):
    """Return what comes of Keras's way and of ours, from the same seed."""
    keras.utils.set_random_seed(5)
    plain = run()
    keras.utils.set_random_seed(5)
    with _feed.quicker() as installed:
        assert installed
        return plain, run()


@pytest.mark.parametrize("rows", [320, 300])
def test_a_convolutional_network_and_batches_of_other_sizes(rows):
    """Its numbers tell batches that are traced for one size from those for any."""
    x = NUMBERS.normal(size=(rows, 60, 3)).astype(np.float32)
    y = np.eye(5, dtype=np.float32)[NUMBERS.integers(0, 5, rows)]

    def run():
        model = keras.Sequential(
            [
                keras.Input((60, 3)),
                keras.layers.Rescaling(1 / 7),
                keras.layers.Conv1D(20, 10, strides=2, activation="relu"),
                keras.layers.BatchNormalization(),
                keras.layers.MaxPooling1D(2),
                keras.layers.Flatten(),
                keras.layers.LayerNormalization(),
                keras.layers.Dense(30, "sigmoid", kernel_regularizer=keras.regularizers.L2(0.001)),
                keras.layers.Dropout(0.3),
                keras.layers.Dense(5, "softmax"),
            ]
        )
        rate = keras.optimizers.schedules.InverseTimeDecay(0.1, 10, 0.5)
        model.compile(
            keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
            "categorical_crossentropy",
            metrics=["accuracy"],
        )
        losses = [
            model.fit(x, y, batch_size=size, validation_split=0.2, verbose=0).history
            for size in (32, 20, 16, 32)
        ]
        return [*losses, *model.get_weights()]

    for one, other in zip(*both_ways(run), strict=True):
        np.testing.assert_equal(one, other)


def noting(calls: list, *hooks: str) -> keras.callbacks.Callback:
    """Return a callback that notes what these of its functions are called with."""
    callback = keras.callbacks.Callback()
    for hook in hooks:
        setattr(
            callback, hook, lambda *given, hook=hook, **named: calls.append((hook, given, named))
        )
    return callback


@pytest.mark.parametrize(
    "hook",
    ["on_train_batch_begin", "on_train_batch_end", "on_test_batch_end", "on_batch_end"],
)
def test_a_callback_is_called_at_every_step_with_the_same_numbers(hook):
    def run():
        calls = []
        options = {"validation_split": 0.2, "epochs": 2, "verbose": 0}
        network().fit(X, Y, callbacks=[noting(calls, hook)], **options)
        return calls

    plain, quick = both_ways(run)
    assert plain == quick
    assert len(plain) == 2 * (2 if "test" in hook else 8)


def test_every_step_is_drawn_where_a_bar_is_asked_for(capsys):
    def run():
        network().fit(X, Y, batch_size=100, verbose=1)
        return re.findall(r"\d/3|(?:loss|accuracy): [\d.]+", capsys.readouterr().out)

    plain, quick = both_ways(run)
    assert plain == quick
    assert [word for word in plain if "/" in word][-1] == "3/3"


def test_what_callbacks_do_between_epochs():
    """They may evaluate, predict, train another network, and draw a seed."""
    found = []

    def between(epoch, logs):
        found.append(model.evaluate(X[:50], Y[:50], verbose=0))
        found.append(model.predict(X[:3], verbose=0).sum())
        keras.utils.set_random_seed(epoch)
        found.append(network().fit(X, Y, verbose=0).history["loss"][0])

    def run():
        nonlocal model
        found.clear()
        calls = []
        model = network()
        called = [
            noting(calls, "on_train_batch_end"),
            keras.callbacks.LambdaCallback(on_epoch_end=between),
        ]
        recorded = model.fit(X, Y, epochs=3, callbacks=called, verbose=0)
        return [*recorded.history.values(), *found, *calls]

    model = None
    for one, other in zip(*both_ways(run), strict=True):
        np.testing.assert_equal(one, other)


def test_another_seed_after_the_data_were_handed_over_changes_no_order():
    def run():
        keras.utils.set_random_seed(11)  # an order that is not known yet
        other_seed = keras.callbacks.LambdaCallback(
            on_train_begin=lambda logs: keras.utils.set_random_seed(12)
        )
        model = network()
        first = model.fit(X[:90], Y[:90], callbacks=[other_seed], verbose=0).history
        return first, model.fit(X[:90], Y[:90], verbose=0).history, tf.random.uniform([2]).numpy()

    for one, other in zip(*both_ways(run), strict=True):
        np.testing.assert_equal(one, other)


def test_steps_are_taken_many_at_a_time_and_not_too_many(monkeypatch):
    """As many as TensorFlow is called for, whoever interrupts a training waits."""
    parts = []
    original = _steps.Many.__call__

    def counted(self, part):
        parts.append(part.last - part.first)
        return original(self, part)

    monkeypatch.setattr(_steps.Many, "__call__", counted)
    with _feed.quicker():
        model = network()
        model.fit(X, Y, batch_size=2, verbose=0)
        model.evaluate(X, Y, batch_size=100, verbose=0)
    assert parts == [50, 50, 50, 3]


def test_no_warning_of_tracing_however_many_networks(caplog):
    with _feed.quicker():
        for seed in range(6):
            keras.utils.set_random_seed(seed)
            model = network()
            model.fit(X, Y, validation_split=0.2, verbose=0)
            model.evaluate(X, Y, verbose=0)
    assert caplog.messages == []


def test_a_dataset_of_the_users_own_is_left_alone():
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(30)
    keras.utils.set_random_seed(5)
    plain = network().fit(data, epochs=2, shuffle=False, verbose=0).history
    keras.utils.set_random_seed(5)
    with _feed.quicker():
        assert network().fit(data, epochs=2, shuffle=False, verbose=0).history == plain


WRONG = {
    "labels of another width": (X, Y[:, :2]),
    "labels not one-hot": (X, Y.argmax(1)),
    "inputs of another width": (X[:, :5], Y),
    "fewer labels": (X, Y[:-1]),
    "text": (X.astype(str), Y),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_reported_in_the_same_words(case):
    def complaint() -> tuple[type, str]:
        keras.utils.set_random_seed(5)
        with pytest.raises(Exception) as caught:
            network().fit(*WRONG[case], epochs=1, verbose=0)
        # Names of layers and operations are counted on.
        return caught.type, re.sub(r"_\d+", "", str(caught.value))

    plain = complaint()
    with _feed.quicker():
        assert complaint() == plain


@pytest.mark.no_cover
@pytest.mark.parametrize("case", WRONG)
def test_what_did_not_fit_leaves_the_same_behind(case):
    def second_try() -> str:
        keras.utils.set_random_seed(5)
        model = network()
        with pytest.raises(Exception):  # noqa: B017
            model.fit(*WRONG[case], epochs=1, verbose=0)
        try:
            return str(model.fit(X, Y, epochs=1, verbose=0).history)
        except Exception as error:
            return re.sub(r"_\d+", "", f"{type(error)} {error}".split("defined at")[0])

    plain = second_try()
    with _feed.quicker():
        assert second_try() == plain


def test_evaluating_leaves_the_optimizer_alone():
    with _feed.quicker():
        model = network()
        model.evaluate(X, Y, verbose=0)
        assert not model.optimizer.built
        model.fit(X, Y, epochs=1, verbose=0)
        assert model.optimizer.built


def test_a_first_step_is_traced_once(monkeypatch):
    from keras.src.backend.tensorflow.trainer import TensorFlowTrainer

    traced = []
    original = TensorFlowTrainer.train_step

    def counted(self, data):
        traced.append(self)
        return original(self, data)

    monkeypatch.setattr(TensorFlowTrainer, "train_step", counted)
    network().fit(X, Y, epochs=1, batch_size=30, verbose=0)
    assert len(traced) == 2
    traced.clear()
    with _feed.quicker():
        network().fit(X, Y, epochs=1, batch_size=30, verbose=0)
    assert len(traced) == 1


def test_two_inputs_under_names():
    def losses():
        keras.utils.set_random_seed(5)
        one, two = keras.Input((7,), name="one"), keras.Input((7,), name="two")
        out = keras.layers.Dense(3)(keras.layers.concatenate([one, two]))
        model = keras.Model({"one": one, "two": two}, out)
        model.compile("sgd", "mse")
        return model.fit({"one": X, "two": X * 2}, Y, epochs=3, verbose=0).history["loss"]

    plain = losses()
    with _feed.quicker():
        assert losses() == plain


def test_each_epoch_sees_every_row_once_and_another_order():
    seen = []

    class Rows(keras.Model):
        def train_step(self, data):
            seen.append(data[0].numpy()[:, 0])
            return {"loss": 0.0}

    # With a seed Keras goes through the rows in the same order in every epoch.
    tf.random.set_seed(None)
    model = Rows()
    model.compile(run_eagerly=True)
    rows = np.arange(100, dtype=np.float32)[:, None]
    with _feed.quicker():
        model.fit(rows, rows, batch_size=30, epochs=2, verbose=0)
    assert [len(batch) for batch in seen] == 2 * [30, 30, 30, 10]
    epochs = np.concatenate(seen).reshape(2, 100)
    assert all(np.array_equal(np.sort(order), rows[:, 0]) for order in epochs)
    assert not np.array_equal(*epochs)


def test_no_iterator_for_a_pass_and_one_that_is_not_tuned_to_predict(monkeypatch):
    from tensorflow.python.data.ops import iterator_ops

    made = []
    original = iterator_ops.OwnedIterator.__init__

    def counted(self, dataset=None, *arguments, **options):
        made.append(dataset)
        original(self, dataset, *arguments, **options)

    monkeypatch.setattr(iterator_ops.OwnedIterator, "__init__", counted)
    model = network()
    model.fit(X, Y, epochs=1, verbose=0)

    def count() -> int:
        made.clear()
        model.fit(X, Y, epochs=10, validation_split=0.2, verbose=0)
        return len(made)

    assert count() >= 40
    model = network()
    with _feed.quicker():
        assert count() == 0
        model.predict(X, verbose=0)
    (dataset,) = made
    assert not dataset.options().autotune.enabled


def test_keras_gets_its_own_functions_back():
    before = {name: getattr(place, name) for name, place in _feed._places().items()}
    with pytest.raises(KeyError), _feed.quicker(), _feed.quicker() as installed:
        assert installed
        assert all(getattr(place, name) != before[name] for name, place in _feed._places().items())
        raise KeyError
    assert before == {name: getattr(place, name) for name, place in _feed._places().items()}


def test_another_keras_is_left_as_it_is(monkeypatch):
    monkeypatch.setitem(_feed.WRITTEN_FOR, "get_tf_dataset", "0" * 64)
    before = {name: getattr(place, name) for name, place in _feed._places().items()}
    with _feed.quicker() as installed:
        assert not installed
        assert before == {name: getattr(place, name) for name, place in _feed._places().items()}


def test_with_a_graphics_card_keras_feeds_as_it_does(monkeypatch):
    cards = [tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: cards)
    monkeypatch.setattr(_steps.Arrays, "__init__", None)
    with _feed.quicker():
        history = network(jit_compile=False).fit(X, Y, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_another_backend_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    assert not _feed.install()


def test_under_a_strategy_keras_feeds_as_it_does():
    with tf.distribute.MirroredStrategy(["cpu:0"]).scope(), _feed.quicker():
        history = network().fit(X, Y, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
