"""Results for the chapter on capacity."""

from __future__ import annotations

from functools import partial

import keras

from coursekit import training
from experiments._digits import digits

CHAPTER = "capacity-and-grid"
EDITIONS = ("sample", "full")  # of load_mnist


def network(seed: int, *, units: int, layers: int) -> dict[str, float]:
    """Train one network of the grid with both callbacks."""
    (x, y), _ = digits(seed)
    trained = training.train_model(x, y, units=units, layers=layers, seed=seed)
    return {
        "best validation loss": float(trained.best["val_loss"]),
        "epochs": len(trained.history),
    }


def deep_network(
    initializer: str = "glorot_uniform", *, normalise: bool = False
) -> keras.Sequential:
    """Return 20 hidden layers of 32 units, as in the chapter."""
    network = keras.Sequential([keras.Input((784,))])
    for _ in range(20):
        network.add(keras.layers.Dense(32, kernel_initializer=initializer))
        if normalise:
            network.add(keras.layers.BatchNormalization())
        network.add(keras.layers.Activation("relu"))
    network.add(keras.layers.Dense(10, activation="softmax"))
    return network


def deep_networks(seed: int) -> dict[str, float]:
    """Train the deep network in three ways, with the same data and seed."""
    (x, y), _ = digits(seed)
    ways = {
        "Glorot": {},
        "He": {"initializer": "he_normal"},
        "batch normalisation": {"normalise": True},
    }
    metrics = {}
    for name, options in ways.items():
        keras.utils.set_random_seed(seed)
        trained = training.train_model(x, y, model=deep_network(**options), learning_rate=0.01)
        metrics[f"{name}: best validation loss"] = float(trained.best["val_loss"])
        metrics[f"{name}: validation accuracy, best epoch"] = float(trained.best["val_accuracy"])
    return metrics


EXPERIMENTS = {
    f"{layers} x {units} units": partial(network, units=units, layers=layers)
    for units in (128, 256, 512, 1024)
    for layers in (1, 2, 3)
} | {"20 x 32 units, three ways": deep_networks}

# The source published no loss of these: its networks of "three" layers have two.
SAMPLE_ONLY = (
    *(f"3 x {units} units" for units in (128, 256, 512, 1024)),
    "20 x 32 units, three ways",
)
