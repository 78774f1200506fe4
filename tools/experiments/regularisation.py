"""Results for the chapter on regularisation."""

from __future__ import annotations

from functools import partial

import numpy as np

from coursekit import training
from experiments._digits import digits, figures_of

CHAPTER = "regularisation"
EDITIONS = ("sample", "full")  # of load_mnist


def two_layers(seed: int, **options: float) -> dict[str, float]:
    """Train two hidden layers of 512 units with both callbacks.

    The cross-entropies are those of the finished network, without penalty and without dropout.
    """
    (x, y), test = digits(seed)
    cut = int(len(x) * 0.8)
    trained = training.train_model(x, y, units=512, layers=2, seed=seed, **options)
    last = trained.history.iloc[-1]
    first_layer = trained.model.layers[0].get_weights()[0]
    return {
        **figures_of(trained, test),
        "validation minus training loss, last epoch": float(last["val_loss"] - last["loss"]),
        "training cross-entropy": cross_entropy(trained.model, x[:cut], y[:cut]),
        "validation cross-entropy": cross_entropy(trained.model, x[cut:], y[cut:]),
        "standard deviation of the first layer's weights": float(first_layer.std()),
    }


def cross_entropy(model, x, y) -> float:
    """Return the loss of a model without penalty and without dropout."""
    of_truth = (model.predict(x, batch_size=1000, verbose=0) * y).sum(axis=1)
    return float(-np.log(np.clip(of_truth, 1e-7, 1)).mean())


def patience(seed: int) -> dict[str, float]:
    """Train 20 epochs with dropout 0.5 at a constant rate; apply early stopping afterwards."""
    (x, y), _ = digits(seed)
    options = {"dropout": 0.5, "patience": None, "plateau_patience": None}
    trained = training.train_model(x, y, units=512, layers=2, seed=seed, **options)
    losses = trained.history["val_loss"]
    metrics = {"epochs in which the validation loss rises": int((losses.diff() > 0).sum())}
    for epochs_to_wait in (1, 3, 5):
        best, waited, seen = np.inf, 0, 0
        while waited < epochs_to_wait and seen < len(losses):
            loss = losses.iloc[seen]
            best, waited = (loss, 0) if loss < best - 1e-4 else (best, waited + 1)
            seen += 1
        metrics[f"patience {epochs_to_wait}: epochs"] = seen
        metrics[f"patience {epochs_to_wait}: best validation loss"] = float(best)
    return metrics


EXPERIMENTS = {
    "2 x 512 units": two_layers,
    "2 x 512 units, L2 0.001": partial(two_layers, l2=0.001),
    "2 x 512 units, dropout 0.2": partial(two_layers, dropout=0.2),
    "2 x 512 units, dropout 0.3": partial(two_layers, dropout=0.3),
    "2 x 512 units, dropout 0.5": partial(two_layers, dropout=0.5),
    "patience, dropout 0.5 at a constant rate": patience,
}

# The source published no figure of these.
SAMPLE_ONLY = (
    "2 x 512 units, dropout 0.2",
    "2 x 512 units, dropout 0.5",
    "patience, dropout 0.5 at a constant rate",
)
