"""Results for the chapter on callbacks."""

from __future__ import annotations

from functools import partial

from coursekit import training
from experiments._digits import digits, figures_of

CHAPTER = "callbacks"
EDITIONS = ("sample", "full")  # of load_mnist
EPOCHS = 20


def at_constant_rate(seed: int, *, patience: int) -> dict[str, float]:
    """Train at the rate 0.1 for at most 20 epochs; the test is of the best epoch's weights."""
    (x, y), test = digits(seed)
    trained = training.train_model(
        x, y, seed=seed, epochs=EPOCHS, patience=patience, plateau_patience=None
    )
    return figures_of(trained, test)


EXPERIMENTS = {
    "Early stopping": partial(at_constant_rate, patience=3),
    # With this patience, training cannot stop before the last epoch.
    "Constant rate, 20 epochs": partial(at_constant_rate, patience=EPOCHS),
}

# The source published no result of it.
SAMPLE_ONLY = ("Constant rate, 20 epochs",)
