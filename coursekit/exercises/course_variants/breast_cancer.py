"""Variants of the exercises on the breast cancer data: rows, sizes of networks, seeds."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np

from coursekit.exercises.variants import Draw, declare_variant

# How many rows of each class a variant has: any number from the first to the last. With fewer
# rows, the networks would need more epochs to reach the limits of the checks.
KEPT = {"benign": (400, 430), "malignant": (205, 225)}


@dataclass(frozen=True)
class BreastCancer:
    """The numbers of one variant.

    Attributes
    ----------
    rows : tuple of int
        Rows of ``load_breast_cancer()`` that belong to this variant, in ascending order.
    test_share : float
        Share of these rows for the test set.
    units, units_wide : int
        Hidden units of the first network, and of the wide one.
    layers_deep : int
        Hidden layers of the deep network.
    epochs : int
        Epochs of training, unless the learner chooses them.
    widths : tuple of int
        Hidden units of the networks that are compared in 2-D, in ascending order.
    dropout : float
        Rate of the dropout layer in 2-D.
    seeds : tuple of int
        Seeds of the runs with and without dropout.
    """

    rows: tuple[int, ...] = field(repr=False)
    test_share: float
    units: int
    units_wide: int
    layers_deep: int
    epochs: int
    widths: tuple[int, ...]
    dropout: float
    seeds: tuple[int, ...]


@declare_variant("breast-cancer")
@functools.cache
def breast_cancer(draw: Draw) -> BreastCancer:
    """Draw the numbers of the exercises on the breast cancer data."""
    first = draw.one_of("seeds", 1, range(11, 100, 10))
    return BreastCancer(
        rows=_rows(draw),
        test_share=draw.one_of("test_share", 0.2, (0.17, 0.22, 0.24)),
        units=draw.one_of("units", 5, (4, 6, 7, 8)),
        units_wide=draw.one_of("units_wide", 50, (40, 60, 70, 80)),
        layers_deep=draw.one_of("layers_deep", 3, (3, 4)),
        epochs=draw.one_of("epochs", 20, (22, 24, 26, 28)),
        widths=draw.one_of(
            "widths", (1, 2, 8, 32), ((1, 3, 9, 27), (2, 4, 10, 30), (1, 4, 12, 36), (2, 5, 15, 40))
        ),
        dropout=draw.one_of("dropout", 0.3, (0.2, 0.25, 0.4, 0.5)),
        seeds=tuple(range(first, first + 5)),
    )


def _rows(draw: Draw) -> tuple[int, ...]:
    """Draw rows of each class; variant 0 has all rows."""
    from coursekit.datasets import load_breast_cancer

    classes = load_breast_cancer()["class"].astype(str).to_numpy()
    if draw.seed == 0:
        return tuple(range(len(classes)))
    chosen = []
    for name, (least, most) in KEPT.items():
        generator = draw.generator(f"rows: {name}")
        rows = np.flatnonzero(classes == name)
        count = int(generator.integers(least, most + 1))
        chosen += generator.choice(rows, size=count, replace=False).tolist()
    return tuple(sorted(chosen))
