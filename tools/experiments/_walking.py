"""What the experiments on the walking data share."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import train_test_split

PEOPLE = range(1, 16)
STRIDE = 52  # time steps from one window to the next: one second
MOVES = {"one time step": 1, "half a second": STRIDE // 2, "one second": STRIDE}


def random_split(walking, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return training, validation and test rows.

    A fifth of each person's windows is for testing. ``fit`` with ``validation_split=0.3`` would
    take the same rows of the rest for validation.
    """
    rows, test = train_test_split(
        np.arange(len(walking.x)), test_size=0.2, stratify=walking.labels, random_state=seed
    )
    cut = int(0.7 * len(rows))
    return rows[:cut], rows[cut:], test


def train(network, x: np.ndarray, y: np.ndarray, *, epochs: int = 15):
    """Compile and train a network in place, as the chapters do, and return it."""
    network.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    network.fit(x, y, epochs=epochs, batch_size=128, verbose=0)
    return network


def is_right(network, walking, rows: np.ndarray) -> np.ndarray:
    """Return for each window of a set whether the network names the right person."""
    return network.predict(walking.x[rows], verbose=0).argmax(axis=1) + 1 == walking.labels[rows]


def on_random_split(network, walking, seed: int) -> dict[str, float]:
    """Train a network on a random split, and judge it on the three sets."""
    training, validation, test = random_split(walking, seed)
    train(network, walking.x[training], walking.y[training])
    metrics = {}
    for name, rows in {"training": training, "validation": validation, "test": test}.items():
        loss, accuracy = network.evaluate(walking.x[rows], walking.y[rows], verbose=0)
        metrics[f"{name} accuracy"] = accuracy
    return {**metrics, "test loss": loss}


def on_moved_windows(network, walking, training: np.ndarray) -> dict[str, float]:
    """Return the accuracy on the training windows, moved along in time."""
    return {
        f"training accuracy, moved by {how_far}": network.evaluate(
            np.roll(walking.x[training], steps, axis=1), walking.y[training], verbose=0
        )[1]
        for how_far, steps in MOVES.items()
    }
