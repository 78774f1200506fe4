"""Results for the chapter on batch size and learning rate."""

from __future__ import annotations

from functools import partial

import keras

from coursekit import models
from experiments._digits import digits

CHAPTER = "batch-size-and-learning-rate"
EDITIONS = ("sample", "full")  # of load_mnist


def base(seed: int, *, batch_size: int, optimizer=lambda: "sgd") -> dict[str, float]:
    """Train the base network for ten epochs."""
    (x, y), _ = digits(seed)
    network = models.mnist_mlp()
    network.compile(
        loss="categorical_crossentropy",
        optimizer=optimizer(),
        metrics=["accuracy"],
        steps_per_execution=50,  # the same figures, in less time
    )
    curves = network.fit(
        x, y, epochs=10, batch_size=batch_size, validation_split=0.2, verbose=0
    ).history
    return {
        "loss": curves["loss"][-1],
        "accuracy": curves["accuracy"][-1],
        "validation loss": curves["val_loss"][-1],
        "validation accuracy": curves["val_accuracy"][-1],
    }


def compiled(optimizer):
    """Return the base network, and where it starts."""
    network = models.mnist_mlp()
    network.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return network, network.get_weights()


def same_steps(seed: int) -> dict[str, float]:
    """Take 128 steps on 1,024 rows with three batch sizes."""
    (x, y), _ = digits(seed)
    training_rows = int(len(x) * 0.8)
    held_out = x[training_rows:][:800], y[training_rows:][:800]
    network, start = compiled("sgd")
    figures = {}
    for size in (16, 128, 512):
        network.set_weights(start)
        for epochs in (2, size // 8 - 2):
            if epochs:
                network.fit(x[:1024], y[:1024], batch_size=size, epochs=epochs, verbose=0)
            loss = network.evaluate(*held_out, batch_size=800, verbose=0)[0]
            figures.setdefault(f"validation loss, 2 epochs of {size}", loss)
        figures[f"validation loss, 128 steps of {size}"] = loss
    return figures


def first_epoch(seed: int) -> dict[str, float]:
    """Train one epoch of SGD at four rates."""
    (x, y), _ = digits(seed)
    training_rows = int(len(x) * 0.8)
    held_out = x[training_rows:][:800], y[training_rows:][:800]
    network, start = compiled("sgd")
    figures = {}
    for rate in (0.01, 0.1, 1.0, 10.0):
        network.set_weights(start)
        network.optimizer.learning_rate = rate
        network.fit(x[:training_rows], y[:training_rows], batch_size=128, verbose=0)
        accuracy = network.evaluate(*held_out, batch_size=800, verbose=0)[1]
        figures[f"validation accuracy, rate {rate}"] = accuracy
    return figures


def five_epochs(seed: int) -> dict[str, float]:
    """Train the four recipes of the chapter's figure."""
    (x, y), _ = digits(seed)
    figures = {}
    for name in ("SGD 0.1, momentum 0.9", "Adam", "Adadelta 1", "Adadelta"):
        network, _ = compiled({**OPTIMISERS, **LARGER}[name]())
        curves = network.fit(
            x, y, epochs=5, batch_size=128, validation_split=0.2, verbose=0
        ).history
        figures[f"validation accuracy, {name}"] = curves["val_accuracy"][-1]
    return figures


def sgd(rate: float, momentum: float = 0.0, nesterov: bool = False):
    """Return what makes the optimiser; each run needs its own."""
    return partial(keras.optimizers.SGD, rate, momentum=momentum, nesterov=nesterov)


OPTIMISERS = {
    "SGD 0.01": sgd(0.01),
    "SGD 0.1": sgd(0.1),
    "SGD 1": sgd(1.0),
    "SGD 0.1, momentum 0.5": sgd(0.1, 0.5),
    "SGD 0.1, momentum 0.9": sgd(0.1, 0.9),
    "SGD 0.1, momentum 0.99": sgd(0.1, 0.99),
    "SGD 0.1, Nesterov 0.9": sgd(0.1, 0.9, nesterov=True),
    "Adagrad": keras.optimizers.Adagrad,
    "Adadelta": keras.optimizers.Adadelta,
    "RMSprop": keras.optimizers.RMSprop,
    "RMSprop 0.01": partial(keras.optimizers.RMSprop, 0.01),
    "Adam": keras.optimizers.Adam,
    "Adam 0.01": partial(keras.optimizers.Adam, 0.01),
}

LARGER = {
    "SGD 10": sgd(10.0),
    "Adagrad 0.1": partial(keras.optimizers.Adagrad, 0.1),
    "Adadelta 1": partial(keras.optimizers.Adadelta, 1.0),
}

EXPERIMENTS = {
    **{f"batch {size}": partial(base, batch_size=size) for size in (32, 16, 128, 512)},
    **{name: partial(base, batch_size=128, optimizer=make) for name, make in OPTIMISERS.items()},
    # The rate in proportion to the batch; rates that Adagrad and Adadelta want; one too many.
    "batch 128, SGD 0.04": partial(base, batch_size=128, optimizer=sgd(0.04)),
    "batch 512, SGD 0.16": partial(base, batch_size=512, optimizer=sgd(0.16)),
    **{name: partial(base, batch_size=128, optimizer=make) for name, make in LARGER.items()},
    "batches of 16, 128 and 512 rows": same_steps,
    "one epoch at four rates": first_epoch,
    "five epochs of four optimisers": five_epochs,
}

# They back assertions of the chapter, and no published figure.
SAMPLE_ONLY = ("RMSprop 0.01", "five epochs of four optimisers")
