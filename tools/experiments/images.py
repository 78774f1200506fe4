"""Results for the chapter on images.

Networks that are compared belong to one model here: their metrics come from the same seed, and
with it from the same rows, the same starting weights where layers are alike, and the same order
of batches. Losses are mean cross-entropies per image; accuracies are shares of the images.
"""

from __future__ import annotations

import keras
import numpy as np

from coursekit import models
from experiments._digits import digits

CHAPTER = "images"


def image_rows(seed: int):
    """Return training and validation images with their one-hot labels.

    Images have shape (n, 28, 28, 1), with pixels from 0 to 1. The seed decides which fifth of
    the rows is for validation.
    """
    (x, y), _ = digits(seed)
    cut = int(len(x) * 0.8)
    images = x.reshape(-1, 28, 28, 1)
    return (images[:cut], y[:cut]), (images[cut:], y[cut:])


def train(network, rows, *, epochs: int, seed: int, batch_size: int = 128) -> None:
    """Train with Adam, whose rate stays at 0.001; the seed decides the order of the batches."""
    network.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    keras.utils.set_random_seed(seed)
    network.fit(*rows, epochs=epochs, batch_size=batch_size, verbose=0)


def validate(network, rows, name: str) -> dict[str, float]:
    """Return validation loss and accuracy of a trained network, with its name."""
    loss, accuracy = network.evaluate(*rows, batch_size=500, verbose=0)
    return {f"validation loss, {name}": loss, f"validation accuracy, {name}": accuracy}


def perceptron() -> keras.Sequential:
    """Return the base network of the lab, which takes images and flattens them."""
    return keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), *models.mnist_mlp().layers]
    )


def shuffled(images, order):
    """Return images whose 784 pixels are in another order, the same for all images."""
    return images.reshape(len(images), -1)[:, order].reshape(images.shape)


def two_networks(seed: int) -> dict[str, float]:
    """Train perceptron and convolutional network, on images and on shuffled pixels.

    The seed also decides the order of the shuffled pixels.
    """
    train_rows, validation_rows = image_rows(seed)
    order = np.random.default_rng(seed).permutation(28 * 28)
    data = {
        "": (train_rows, validation_rows),
        ", pixels shuffled": [(shuffled(x, order), y) for x, y in (train_rows, validation_rows)],
    }
    metrics = {}
    for name, build in {"perceptron": perceptron, "convolutional": models.mnist_cnn}.items():
        for kind, (rows, held_out) in data.items():
            keras.utils.set_random_seed(seed)
            network = build()
            train(network, rows, epochs=8, seed=seed)
            metrics |= validate(network, held_out, name + kind)
    return metrics


def augmenting() -> list[keras.layers.Layer]:
    """Return the layers that move, turn and zoom images while a network trains.

    They move by up to 10 % of the side (2.8 pixels), turn by up to 3 % of a full turn (10.8
    degrees), and zoom by up to 10 %.
    """
    return [
        keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
        keras.layers.RandomRotation(0.03, fill_mode="constant"),
        keras.layers.RandomZoom(0.1, fill_mode="constant"),
    ]


def augmentation(seed: int) -> dict[str, float]:
    """Train the convolutional network without and with augmentation, in batches of 32."""
    train_rows, validation_rows = image_rows(seed)
    metrics = {}
    for name in ("plain", "augmented"):
        keras.utils.set_random_seed(seed)
        layers = models.mnist_cnn().layers  # before other layers draw seeds: alike in both
        changes = augmenting() if name == "augmented" else []
        network = keras.Sequential([keras.Input((28, 28, 1)), *changes, *layers])
        train(network, train_rows, epochs=12, batch_size=32, seed=seed)
        metrics |= validate(network, validation_rows, name)
    return metrics


def transfer(seed: int) -> dict[str, float]:
    """Learn the digits 5 to 9 from ten images of each.

    The two convolutions are frozen as trained on the digits 0 to 4, frozen as they start
    ("untrained features"), or trained with the rest.
    """
    (x, y), (x_validation, y_validation) = image_rows(seed)
    label = y.argmax(axis=1)
    low, high = label < 5, y_validation.argmax(axis=1) >= 5
    few = np.concatenate([np.flatnonzero(label == digit)[:10] for digit in range(5, 10)])
    keras.utils.set_random_seed(seed)
    source = models.mnist_cnn(classes=5)
    train(source, (x[low], y[low][:, :5]), epochs=8, seed=seed)
    metrics = {}
    for name in ("features of 0 to 4", "untrained features", "from scratch"):
        keras.utils.set_random_seed(seed)
        network = models.mnist_cnn(classes=5)
        for layer, trained in zip(network.layers[:-1], source.layers[:-1], strict=True):
            if name == "features of 0 to 4":
                layer.set_weights(trained.get_weights())
            layer.trainable = name == "from scratch"
        train(network, (x[few], y[few][:, 5:]), epochs=50, batch_size=10, seed=seed)
        metrics |= validate(network, (x_validation[high], y_validation[high][:, 5:]), name)
    return metrics


EXPERIMENTS = {
    "Perceptron and convolutional network, 8 epochs": two_networks,
    "Augmentation, 12 epochs": augmentation,
    "Ten images of each of 5 to 9": transfer,
}
