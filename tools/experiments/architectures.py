"""Runs for the chapter on architectures; the final network itself is in final_walking_model."""

from __future__ import annotations

import keras
import numpy as np

from coursekit import datasets
from experiments._walking import STRIDE, on_moved_windows, on_random_split, random_split

CHAPTER = "architectures"
EDITIONS = ("full",)  # the data have only one


def relu_in_the_hidden_layer(seed: int) -> dict[str, float]:
    """Train the final network with relu where the course has a sigmoid."""
    network = keras.Sequential(
        [
            keras.Input((260, 3)),
            keras.layers.Conv1D(40, 30, strides=2, activation="relu"),
            keras.layers.MaxPooling1D(2),
            keras.layers.Conv1D(40, 10, activation="relu"),
            keras.layers.MaxPooling1D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(15, activation="softmax"),
        ]
    )
    return on_random_split(network, datasets.load_walking(), seed)


def dense_only(seed: int) -> dict[str, float]:
    """Train the network without convolutions, and move its training windows along in time."""
    walking = datasets.load_walking()
    network = keras.Sequential(
        [
            keras.Input((260, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(100, activation="sigmoid"),
            keras.layers.Dense(15, activation="softmax"),
        ]
    )
    metrics = on_random_split(network, walking, seed)
    training, *_ = random_split(walking, seed)
    metrics |= on_moved_windows(network, walking, training)

    # Moved by one stride, a window is like the window before it of the same person.
    known = set(zip(walking.labels[training], walking.start[training], strict=True))
    trained_on_previous = np.array(
        [
            (person, start - STRIDE) in known
            for person, start in zip(walking.labels[training], walking.start[training], strict=True)
        ]
    )
    moved = np.roll(walking.x[training], STRIDE, axis=1)
    right = network.predict(moved, verbose=0).argmax(axis=1) + 1 == walking.labels[training]
    return {
        **metrics,
        "moved by one second, window before it in training": right[trained_on_previous].mean(),
        "moved by one second, window before it not in training": right[~trained_on_previous].mean(),
    }


EXPERIMENTS = {
    "Final network, relu in the hidden layer": relu_in_the_hidden_layer,
    "Dense layers only": dense_only,
}
