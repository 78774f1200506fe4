"""One training run of the tuning lab."""

from __future__ import annotations

import math
import random
import threading

import keras
import numpy as np
import pandas as pd
import pytest

from coursekit import models, training
from tests.training.digits import digits

X, Y = digits()
SHORT = {"units": 16, "epochs": 3, "seed": 1}


def test_it_learns_and_records():
    trained = training.train_model(X, Y, units=32, epochs=6, seed=1)
    assert trained.history.index.tolist() == list(range(1, len(trained.history) + 1))
    assert list(trained.history) == [
        "accuracy",
        "loss",
        "val_accuracy",
        "val_loss",
        "learning_rate",
    ]
    assert trained.best["val_loss"] == trained.history["val_loss"].min()
    assert trained.history["loss"].iloc[-1] < trained.history["loss"].iloc[0]
    assert "best: validation loss" in repr(trained) and trained.seconds > 0


def test_it_keeps_the_weights_of_the_best_epoch():
    # So large a rate that the loss rises again.
    trained = training.train_model(X, Y, units=16, learning_rate=1.5, epochs=12, seed=3)
    assert trained.best.name < len(trained.history)
    loss = trained.model.evaluate(X[320:], Y[320:], verbose=0)[0]
    assert loss == pytest.approx(trained.best["val_loss"], rel=1e-4)


def test_one_call_per_epoch_changes_nothing():
    """All steps of an epoch in one call give what one call per step gives."""
    ours = training.train_model(X, Y, **SHORT, patience=None, plateau_patience=None)
    keras.utils.set_random_seed(1)
    plain = models.mnist_mlp(units=16)
    plain.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.SGD(learning_rate=0.1, momentum=0.9),
        metrics=["accuracy"],
    )
    history = plain.fit(X, Y, epochs=3, batch_size=128, validation_split=0.2, verbose=0).history
    for name, curve in history.items():
        assert ours.history[name].tolist() == pytest.approx(curve, rel=1e-4)


def test_compiled_steps_change_nothing(monkeypatch):
    options = {**SHORT, "patience": None, "plateau_patience": None}
    plain = training.train_model(X, Y, **options).history
    monkeypatch.setattr("coursekit.training._model.XLA_MIN_WORK", 0)
    compiled = training.train_model(X, Y, **options)
    assert compiled.model.jit_compile
    assert np.allclose(plain, compiled.history, rtol=1e-3)
    assert not training.train_model(X, Y, **options, dropout=0.3).model.jit_compile


def test_another_network_with_another_optimizer_and_callbacks():
    windows = np.random.default_rng(1).normal(size=(64, 260, 3)).astype(np.float32)
    people = np.eye(15, dtype=np.float32)[np.arange(64) % 15]
    seen = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    network = models.walking_final_cnn()
    trained = training.train_model(
        windows, people, model=network, optimizer="adam", callbacks=[watch], epochs=2, seed=1
    )
    assert trained.model is network and seen == [0, 1]
    assert isinstance(network.optimizer, keras.optimizers.Adam)
    with pytest.raises(ValueError, match=r"x has shape \(400, 784\); walking_final_cnn has"):
        training.train_model(X, Y, model=network)
    with pytest.raises(ValueError, match="x has 64 rows and y has 10"):
        training.train_model(windows, people[:10], model=network)


def test_the_rate_falls_on_a_plateau_and_only_then():
    trained = training.train_model(
        X, Y, units=16, learning_rate=1.5, epochs=12, patience=12, seed=3
    )
    rate = trained.history["learning_rate"]
    assert rate.iloc[0] == pytest.approx(1.5) and rate.iloc[-1] < 1
    assert (rate.diff().dropna() <= 0).all()
    steady = training.train_model(X, Y, **SHORT, plateau_patience=None)
    assert (steady.history["learning_rate"] == steady.history["learning_rate"].iloc[0]).all()


def test_seeds_repeat():
    first, again, other = (
        training.train_model(X, Y, units=16, epochs=2, seed=seed).history for seed in (1, 1, 2)
    )
    assert np.allclose(first, again, rtol=1e-4)
    assert not np.allclose(first, other, rtol=1e-4)


def test_other_threads_that_draw_random_numbers_do_no_harm():
    options = {"units": 16, "dropout": 0.3, "epochs": 1, "seed": 1}
    alone = training.train_model(X, Y, **options).history
    stop = threading.Event()

    def draw():
        while not stop.wait(0.001):
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        beside = training.train_model(X, Y, **options).history
    finally:
        stop.set()
        thread.join(10)
    assert np.allclose(alone, beside, rtol=1e-4)


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "words"),
    [
        (X.reshape(-1, 28, 28), Y, {}, ValueError, r"x has shape \(400, 28, 28\).*reshape"),
        (X, Y.argmax(axis=1), {}, ValueError, r"y has shape \(400,\).*one-hot"),
        (X, Y[:10], {}, ValueError, r"y has shape \(10, 10\); it must be \(400, 10\)"),
        (X * 255, Y, {}, ValueError, "to 255.* divide by 255"),
        (X, Y, {"validation_split": 0}, ValueError, "validation_split is 0"),
        (X, Y, {"learning_rate": -1}, ValueError, "learning_rate is -1"),
        (X, Y, {"units": 0}, ValueError, "units is 0"),
        (X, Y, {"epochs": 0}, ValueError, "epochs is 0"),
    ],
)
def test_bad_input_is_refused(x, y, options, error, words):
    with pytest.raises(error, match=words):
        training.train_model(x, y, **options)


# ------------------------------------------------------------------ what other libraries let by


@pytest.mark.parametrize("rate", [1, np.float32(0.1), np.float64(0.1), np.int64(1)])
def test_any_number_is_a_learning_rate(rate):
    trained = training.train_model(X, Y, units=4, epochs=1, learning_rate=rate, seed=1)
    expected = training.train_model(X, Y, units=4, epochs=1, learning_rate=float(rate), seed=1)
    assert trained.history.equals(expected.history)
    assert trained.history["learning_rate"].iloc[0] == pytest.approx(float(rate))


def test_numbers_of_numpy_are_options_too():
    options = {"units": 4, "momentum": 0.5, "epochs": 2, "batch_size": 64, "patience": 1, "seed": 1}
    of_numpy = {name: np.asarray(value)[()] for name, value in options.items()}
    assert all(isinstance(value, np.generic) for value in of_numpy.values())
    expected = training.train_model(X, Y, validation_split=0.25, **options)
    trained = training.train_model(X, Y, validation_split=np.float32(0.25), **of_numpy)
    assert trained.history.equals(expected.history)


def test_a_run_that_diverged_can_be_shown():
    rng = np.random.default_rng(0)
    x, y = rng.random((500, 784), np.float32), np.eye(10, dtype=np.float32)[np.arange(500) % 10]
    trained = training.train_model(x, y, units=64, epochs=2, learning_rate=1e20, seed=1)
    assert trained.history["val_loss"].isna().all()
    assert repr(trained).endswith("the validation loss is NaN in every epoch: training diverged)")
    with pytest.raises(ValueError, match=r"NaN in every epoch.*smaller learning_rate"):
        trained.best  # noqa: B018


def test_a_run_that_diverged_later_has_a_best_epoch():
    history = pd.DataFrame({"val_loss": [0.5, np.nan], "val_accuracy": [0.8, 0.1]}, index=[1, 2])
    trained = training.Trained(models.iris_linear_softmax(), history, 1.0)
    assert trained.best.name == 1 and "epoch 1 is best: validation loss 0.5000" in repr(trained)
    only_loss = training.Trained(models.iris_linear_softmax(), history[["val_loss"]], 1.0)
    assert repr(only_loss).endswith("epoch 1 is best: validation loss 0.5000)")


def changed(array: np.ndarray, value: float) -> np.ndarray:
    array = array.copy()
    array[3, 3] = value
    return array


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (changed(X, np.nan), Y, "x holds 1 values that are NaN or infinite"),
        (changed(X, np.inf), Y, "x holds 1 values that are NaN or infinite"),
        (X, changed(Y, np.nan), "y holds 1 values that are NaN or infinite"),
        (X, changed(Y, 0.7), "row 3 of y is .*does not sum to 1"),
        (X, np.zeros_like(Y), "row 0 of y is .*does not sum to 1"),
        (X[:0], Y[:0], "x has no rows"),
        (X[:1], Y[:1], "x has 1 rows; with a validation_split of 0.2, 0 of them"),
        (X.astype(str), Y, "x holds <U"),
        (X, Y.astype(object).astype(str), "y holds <U"),
    ],
)
def test_arrays_from_which_nothing_can_be_learned(x, y, words):
    with pytest.raises((TypeError, ValueError), match=words):
        training.train_model(x, y, units=4, epochs=1)


def test_another_network_is_not_fed_with_gaps():
    windows, people = np.zeros((20, 260, 3)), np.eye(15)[np.arange(20) % 15]
    with pytest.raises(ValueError, match="x holds 1 values that are NaN"):
        windows[0, 0, 0] = np.nan
        training.train_model(windows, people, model=models.walking_final_cnn(), epochs=1)
    with pytest.raises(TypeError, match="model is 'walking_final_cnn'"):
        training.train_model(windows, people, model="walking_final_cnn")
    with pytest.raises(ValueError, match="not built"):
        training.train_model(windows, people, model=keras.Sequential([keras.layers.Dense(2)]))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("learning_rate", (0, -1, True, "0.1", None, math.nan, math.inf, 1e39, [0.1])),
        ("momentum", (1, -0.1, True, "0.9", None, math.nan)),
        ("epochs", (0, -1, True, 1.0, "2", None, math.inf)),
        ("batch_size", (0, -1, True, 32.0, None)),
        ("validation_split", (0, 1, True, "0.2", None, math.nan, 1.5)),
        ("patience", (-1, True, 1.5, "3", math.inf)),
        ("min_delta", (-1e-4, True, "0", None, math.nan, math.inf)),
        ("plateau_patience", (-1, True, 1.5)),
        ("dropout", (1, -0.1, "0.5", None)),
        ("l2", (-1, "0", None, math.inf)),
        ("layers", (0, True, 1.5, None)),
        ("optimizer", ("no_such", 5, ["adam"])),
        ("callbacks", (5, [5], "x", keras.callbacks.Callback())),
        ("seed", (-1, True, 1.5, "1", 2**32)),
        ("verbose", (3, -1, "auto", None)),
        ("log_dir", (5, "", __file__)),
    ],
)
def test_every_option_is_named_when_it_is_out_of_range(name, values):
    for value in values:
        options = {"units": 4, "epochs": 1, name: value}
        with pytest.raises((TypeError, ValueError), match=f"^{name} (is|hold) "):
            training.train_model(X, Y, **options)


def test_another_float_of_keras_is_refused():
    keras.config.set_floatx("float16")
    try:
        with pytest.raises(ValueError, match=r"floatx is 'float16'.*set_floatx"):
            training.train_model(X, Y, units=4, epochs=1)
    finally:
        keras.config.set_floatx("float32")
