"""Training by our batches gives what Keras's own ``fit`` gives."""

import keras
import numpy as np
import pytest

from coursekit.training import loop

ROWS = 260
NUMBERS = np.random.default_rng(0)
X = NUMBERS.normal(size=(ROWS, 7)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[(X[:, :3] + NUMBERS.normal(size=(ROWS, 3))).argmax(axis=1)]
SPLIT = 0.2
TRAINED_ON = 208


def network(optimizer, dropout: float, **compiled) -> keras.Sequential:
    model = keras.Sequential(
        [
            keras.Input((7,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"], **compiled)
    return model


def stopping() -> list[keras.callbacks.Callback]:
    """Callbacks that end training after an epoch, change the rate and put weights back."""
    return [
        keras.callbacks.EarlyStopping(patience=2, min_delta=0.002, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=0.01, factor=0.5),
    ]


def both_ways(seed, optimizer, dropout, batch_size, *, epochs=4, callbacks=list):
    """Train by ``fit(x, y)`` and by our batches; return history and weights of each."""
    results = []
    for ours in (False, True):
        keras.utils.set_random_seed(seed)
        if not ours:
            model = network(optimizer, dropout)
            history = model.fit(
                X, Y, batch_size=batch_size, validation_split=SPLIT, epochs=epochs, verbose=0,
                callbacks=callbacks(),
            )  # fmt: skip
        else:
            steps = loop.steps_per_epoch(TRAINED_ON, batch_size)
            model = network(optimizer, dropout, steps_per_execution=steps)
            held_out = X[TRAINED_ON:], Y[TRAINED_ON:]
            history = model.fit(
                loop.shuffled_batches(X[:TRAINED_ON], Y[:TRAINED_ON], batch_size),
                validation_data=loop.shuffled_batches(*held_out, 50, shuffle=False),
                epochs=epochs, callbacks=callbacks(), shuffle=False, verbose=0,
            )  # fmt: skip
        results.append((history.history, model.get_weights()))
    return results


# Equal batches, uneven ones, a single one, and one that the rows do not fill.
@pytest.mark.parametrize(
    ("seed", "optimizer", "dropout", "batch_size"),
    [
        (1, "sgd", 0.0, 26),
        (2, "adam", 0.4, 26),
        (3, "rmsprop", 0.4, 50),
        (4, "sgd", 0.4, 50),
        (5, "adam", 0.0, 3),
        (6, "rmsprop", 0.0, 208),
        (7, "adam", 0.4, 1000),
    ],
)
def test_the_same_as_fit(seed, optimizer, dropout, batch_size):
    (plain, weights), (ours, our_weights) = both_ways(seed, optimizer, dropout, batch_size)
    assert plain.keys() == ours.keys()
    for name, values in plain.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-5, atol=1e-6, err_msg=name)
    for found, expected in zip(our_weights, weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("seed", [3, 4])
def test_callbacks_stop_both_at_the_same_epoch(seed):
    (plain, weights), (ours, our_weights) = both_ways(
        seed, "sgd", 0.0, 13, epochs=60, callbacks=stopping
    )
    assert 2 < len(plain["loss"]) == len(ours["loss"]) < 60
    for name in plain:
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-4, err_msg=name)
    for found, expected in zip(our_weights, weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_every_row_once_an_epoch():
    numbers = np.arange(10, dtype=np.float32)
    for shuffle in (True, False):
        batches = loop.shuffled_batches(numbers, numbers * 2, 4, shuffle=shuffle)
        for _ in range(2):
            pairs = [(x.numpy(), y.numpy()) for x, y in batches]
            assert [len(x) for x, _ in pairs] == [4, 4, 2]
            seen = np.concatenate([x for x, _ in pairs])
            np.testing.assert_array_equal(np.concatenate([y for _, y in pairs]), seen * 2)
            assert sorted(seen) == list(numbers)
            assert (list(seen) == list(numbers)) is not shuffle


def test_when_callbacks_are_called():
    called = []

    class Record(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            called.append("train")

        def on_epoch_begin(self, epoch, logs=None):
            called.append(f"epoch {epoch}")

        def on_train_batch_begin(self, batch, logs=None):
            called.append("first step")

        def on_train_batch_end(self, batch, logs=None):
            called.append("last step")

        def on_test_end(self, logs=None):
            called.append("validated")

    both_ways(1, "sgd", 0.0, 26, epochs=2, callbacks=lambda: [Record()])
    in_loop = called[len(called) - 1 - called[::-1].index("train") :]
    epoch = ["first step", "last step", "validated"]
    assert in_loop == ["train", "epoch 0", *epoch, "epoch 1", *epoch]
