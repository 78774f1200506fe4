"""One training run of the tuning lab."""

from __future__ import annotations

import random
import threading

import keras
import numpy as np
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
    monkeypatch.setattr("coursekit.training._model.WORTH_COMPILING", 0)
    compiled = training.train_model(X, Y, **options)
    assert compiled.model.jit_compile
    assert np.allclose(plain, compiled.history, rtol=1e-3)
    assert not training.train_model(X, Y, **options, dropout=0.3).model.jit_compile


def test_bfloat16_is_for_training_only():
    options = {"units": 32, "epochs": 6, "seed": 1}
    exact = training.train_model(X, Y, **options)
    short = training.train_model(X, Y, **options, precision="bfloat16")
    assert {layer.compute_dtype for layer in short.model.layers} == {"float32"}
    assert {weight.dtype for weight in short.model.weights} == {"float32"}
    assert not np.allclose(exact.history["loss"], short.history["loss"], rtol=1e-5)
    assert np.allclose(exact.history["loss"], short.history["loss"], rtol=0.05)
    loss = short.model.evaluate(X[320:], Y[320:], verbose=0)[0]
    assert loss == pytest.approx(short.best["val_loss"], rel=0.02)


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
        (X, Y, {"precision": "float8"}, ValueError, "precision is 'float8'; .* float32, bfloat16"),
    ],
)
def test_bad_input_is_refused(x, y, options, error, words):
    with pytest.raises(error, match=words):
        training.train_model(x, y, **options)
