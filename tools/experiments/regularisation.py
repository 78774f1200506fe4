"""Results for the chapter on regularisation."""

from __future__ import annotations

from functools import partial

import numpy as np

from coursekit import training
from experiments._digits import digits, figures_of

CHAPTER = "regularisation"
EDITIONS = ("sample", "full")  # of load_mnist


def two_layers(seed: int, **options: float) -> dict[str, float]:
    """Train two hidden layers of 512 units with both callbacks."""
    (x, y), test = digits(seed)
    trained = training.train_model(x, y, units=512, layers=2, **options)
    last = trained.history.iloc[-1]
    return {
        **figures_of(trained, test),
        "validation minus training loss, last epoch": float(last["val_loss"] - last["loss"]),
    }


def equal_terms(seed: int) -> dict[str, float]:
    """Train the three networks; compare them without penalty and without dropout."""
    (x, y), test = digits(seed)
    cut = int(len(x) * 0.8)
    networks = {"plain": {}, "L2": {"l2": 0.001}, "dropout": {"dropout": 0.3}}
    runs = {
        name: training.train_model(x, y, units=512, layers=2, seed=seed, **options)
        for name, options in networks.items()
    }
    figures = {}
    for name, run in runs.items():
        figures[f"{name}: training cross-entropy"] = cross_entropy(run.model, x[:cut], y[:cut])
        figures[f"{name}: validation cross-entropy"] = cross_entropy(run.model, x[cut:], y[cut:])
        figures[f"{name}: test cross-entropy"] = cross_entropy(run.model, *test)
        figures[f"{name}: epochs with training below validation accuracy"] = int(
            (run.history["accuracy"] < run.history["val_accuracy"]).sum()
        )
    plain, l2, dropout = (run.history for run in runs.values())
    first = {name: np.asarray(run.model.layers[0].kernel) for name, run in runs.items()}
    return figures | {
        "plain: last validation loss / last training loss": float(
            plain["val_loss"].iloc[-1] / plain["loss"].iloc[-1]
        ),
        "dropout / plain: training loss, epoch 3": float(dropout["loss"][3] / plain["loss"][3]),
        "L2: share of the penalty in the best validation loss": float(
            1 - figures["L2: validation cross-entropy"] / l2["val_loss"].min()
        ),
        "L2 / plain: spread of the first layer's weights": float(
            first["L2"].std() / first["plain"].std()
        ),
    }


def cross_entropy(model, x, y) -> float:
    """Return the loss of a model without penalty and without dropout."""
    of_truth = (model.predict(x, batch_size=1000, verbose=0) * y).sum(axis=1)
    return float(-np.log(np.clip(of_truth, 1e-7, 1)).mean())


def patience(seed: int) -> dict[str, float]:
    """Train 20 epochs with dropout 0.5 at a constant rate; stop in hindsight."""
    (x, y), _ = digits(seed)
    options = {"dropout": 0.5, "patience": None, "plateau_patience": None}
    losses = training.train_model(x, y, layers=2, **options).history["val_loss"]
    figures = {"epochs in which the validation loss rises": int((losses.diff() > 0).sum())}
    for epochs_to_wait in (1, 3, 5):
        best, waited, seen = np.inf, 0, 0
        while waited < epochs_to_wait and seen < len(losses):
            loss = losses.iloc[seen]
            best, waited = (loss, 0) if loss < best - 1e-4 else (best, waited + 1)
            seen += 1
        figures[f"patience {epochs_to_wait}: epochs"] = seen
        figures[f"patience {epochs_to_wait}: best validation loss"] = float(best)
    return figures


EXPERIMENTS = {
    "2 x 512 units": two_layers,
    "2 x 512 units, L2 0.001": partial(two_layers, l2=0.001),
    "2 x 512 units, dropout 0.3": partial(two_layers, dropout=0.3),
    "2 x 512 units, dropout 0.2": partial(two_layers, dropout=0.2),
    "2 x 512 units, dropout 0.5": partial(two_layers, dropout=0.5),
    "plain, L2 and dropout on equal terms": equal_terms,
    "patience, dropout 0.5 at a constant rate": patience,
}

# They back assertions of the chapter, and no published figure.
SAMPLE_ONLY = (
    "plain, L2 and dropout on equal terms",
    "patience, dropout 0.5 at a constant rate",
)
