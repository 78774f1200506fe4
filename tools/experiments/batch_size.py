"""Runs for the chapter on batch size."""

from __future__ import annotations

import time
from functools import partial

import keras
import numpy as np

from coursekit import models
from experiments._digits import digits

CHAPTER = "batch-size"
EDITIONS = ("sample", "full")  # of load_mnist


class ProcessorSeconds(keras.callbacks.Callback):
    """Measures the processor time that the steps of each epoch take, without validation."""

    def __init__(self):
        super().__init__()
        self.of_epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.began = time.process_time()

    def on_test_begin(self, logs=None):
        """Stop it before validation."""
        self.of_epochs.append(time.process_time() - self.began)


def base(seed: int, *, batch_size: int, rate: float = 0.01) -> dict[str, float]:
    """Train the base network for ten epochs."""
    (x, y), _ = digits(seed)
    network = compiled(rate)
    seconds = ProcessorSeconds()
    curves = network.fit(
        x,
        y,
        epochs=10,
        batch_size=batch_size,
        validation_split=0.2,
        callbacks=[seconds],
        verbose=0,
    ).history
    return {
        "loss": curves["loss"][-1],
        "accuracy": curves["accuracy"][-1],
        "validation loss": curves["val_loss"][-1],
        "validation accuracy": curves["val_accuracy"][-1],
        # In the first epoch, TensorFlow also builds the graph.
        "processor seconds per epoch": float(np.median(seconds.of_epochs[1:])),
    }


def same_steps(seed: int) -> dict[str, float]:
    """Take 128 steps on 1,024 rows with three batch sizes, from the same starting weights."""
    (x, y), _ = digits(seed)
    training_rows = int(len(x) * 0.8)
    held_out = x[training_rows:][:800], y[training_rows:][:800]
    network = compiled(0.01)
    start = network.get_weights()
    metrics = {}
    for size in (16, 128, 512):
        network.set_weights(start)
        losses = network.fit(
            x[:1024],
            y[:1024],
            batch_size=size,
            epochs=size // 8,  # 128 steps
            validation_data=held_out,
            validation_batch_size=800,
            verbose=0,
        ).history["val_loss"]
        metrics[f"validation loss after 2 epochs, batch {size}"] = losses[1]
        metrics[f"validation loss after 128 steps, batch {size}"] = losses[-1]
    return metrics


def compiled(rate: float):
    """Return the base network, compiled with plain SGD."""
    network = models.mnist_mlp()
    network.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.SGD(learning_rate=rate),
        metrics=["accuracy"],
    )
    return network


EXPERIMENTS = {
    **{f"batch {size}": partial(base, batch_size=size) for size in (32, 16, 128, 512)},
    # The rate in proportion to the batch.
    "batch 128, rate 0.04": partial(base, batch_size=128, rate=0.04),
    "batch 512, rate 0.16": partial(base, batch_size=512, rate=0.16),
    "1,024 digits, batches of 16, 128 and 512": same_steps,
}

# Of these models, the source published metrics of the first only.
SAMPLE_ONLY = tuple(EXPERIMENTS)[1:]
