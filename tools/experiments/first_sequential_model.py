"""Results for the chapter first-sequential-model."""

from __future__ import annotations

import keras

from coursekit import datasets, models

CHAPTER = "first-sequential-model"


def threshold_network(seed: int) -> dict[str, float]:
    """Train the first network of the book; the data stay the same, as in the chapter."""
    x, y = datasets.make_threshold(seed=7)
    x_test, y_test = datasets.make_threshold(1_000, seed=8)
    model = models.threshold_network()
    model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
    y_onehot = keras.utils.to_categorical(y, num_classes=2)
    model.fit(x, y_onehot, epochs=20, batch_size=128, validation_split=0.2, verbose=0)
    loss, accuracy = model.evaluate(
        x_test, keras.utils.to_categorical(y_test, num_classes=2), verbose=0
    )
    return {"test accuracy": accuracy, "test loss": loss}


EXPERIMENTS = {"threshold network, 64-64": threshold_network}
