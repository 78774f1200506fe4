"""Results for the chapter on capacity."""

from __future__ import annotations

from functools import partial

from coursekit import training
from experiments._digits import digits, figures_of

CHAPTER = "capacity-and-grid"
EDITIONS = ("sample", "full")  # of load_mnist


def network(seed: int, *, units: int, layers: int) -> dict[str, float]:
    """Train one network of the grid with both callbacks."""
    (x, y), test = digits(seed)
    return figures_of(training.train_model(x, y, units=units, layers=layers), test)


EXPERIMENTS = {
    f"{layers} x {units} units": partial(network, units=units, layers=layers)
    for units in (128, 256, 512, 1024)
    for layers in (1, 2, 3)
}
