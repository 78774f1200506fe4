"""Runs for the chapter one-run-or-many."""

import keras

from coursekit import datasets

CHAPTER = "one-run-or-many"
NEW_ROWS = datasets.make_threshold(10_000, seed=1_000)


def test_accuracy(seed: int, *, units: int = 16, optimizer: str = "rmsprop") -> dict[str, float]:
    """Train a small network on 1,000 rows of its own, and test it on the same 10,000 new ones."""
    x, y = datasets.make_threshold(1_000, seed=seed)
    network = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    network.fit(x, y, epochs=20, batch_size=32, verbose=0)
    return {"test accuracy": network.evaluate(*NEW_ROWS, batch_size=1_000, verbose=0)[1]}


EXPERIMENTS = {
    "16 units": test_accuracy,
    "32 units": lambda seed: test_accuracy(seed, units=32),
    "16 units, Adam": lambda seed: test_accuracy(seed, optimizer="adam"),
    "16 units, Nadam": lambda seed: test_accuracy(seed, optimizer="nadam"),
}
