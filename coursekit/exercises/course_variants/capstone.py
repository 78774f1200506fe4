"""The variants of the capstone: which digits a student gets, and what the tasks ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from coursekit.exercises.variants import Draw, declare_variant

ROWS = 1500  # of the 1,797 that scikit-learn bundles; a variant leaves out the others
FULL = 16  # a fully inked block in scikit-learn's data
CLASSES = 10
RARER = 3  # digits of which a variant leaves out more, so that no share is exactly 1 in 10
KEPT_OF_RARER = 0.6


@dataclass(frozen=True)
class Capstone:
    """The data and the numbers of one variant.

    Attributes
    ----------
    seed : int
        Seed of the variant; 0 is the published one.
    rows : tuple of int
        The rows of scikit-learn's digits that the student gets, in the student's order.
    classes : tuple of int
        Class number of each digit, from 0 to 9.
    quarter_turns : int
        By how many quarter turns the images are rotated.
    mirrored : bool
        Whether the images are mirrored after that.
    largest : int
        Value of a pixel that is full of ink.
    validation_share, test_share : float
        Sizes of the validation and the test set, as shares of all rows.
    units : int
        Number of hidden units of the base network.
    batch_size : int
        Batch size of all trainings.
    epochs : int
        Number of epochs of the base network.
    seeds : tuple of int
        Seeds with which the candidates are trained.
    statistic : str
        The statistic by which the classes are compared in the end; a column of
        ``ConfusionReport.per_class()``.
    """

    seed: int
    rows: tuple[int, ...] = field(repr=False)
    classes: tuple[int, ...] = field(repr=False)
    quarter_turns: int = field(repr=False)
    mirrored: bool = field(repr=False)
    largest: int
    validation_share: float
    test_share: float
    units: int
    batch_size: int
    epochs: int
    seeds: tuple[int, ...]
    statistic: str

    def digits(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the images and the class of each.

        Returns
        -------
        images : ndarray of float64, shape (n, 8, 8)
            Pixels from 0 to ``largest``.
        labels : ndarray of int64, shape (n,)
            Classes from 0 to 9.
        """
        images, labels = _bundled()
        rows = np.array(self.rows)
        images = np.rot90(images[rows], self.quarter_turns, axes=(1, 2))
        if self.mirrored:
            images = images[:, :, ::-1]
        scaled = np.ascontiguousarray(images) * (self.largest / FULL)
        return scaled, np.array(self.classes)[labels[rows]]


@cache
def _bundled() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's images and digits."""
    from sklearn.datasets import load_digits

    bundle = load_digits()
    return bundle.images.astype(np.float64), bundle.target.astype(np.int64)


def _draw_rows(draw: Draw) -> tuple[int, ...]:
    """Return the student's rows in random order; some digits are rarer than the others."""
    _, labels = _bundled()
    if draw.seed == 0:
        return tuple(range(len(labels)))
    rng = draw.generator("rows")
    order = rng.permutation(len(labels))
    rarer = rng.permutation(CLASSES)[:RARER]
    # The first rows of the random order stay; of the rarer digits, only a part of them.
    place = np.empty(len(labels), dtype=int)
    for digit in range(CLASSES):
        own = order[labels[order] == digit]
        place[own] = np.arange(len(own))
    share = np.where(np.isin(labels, rarer), KEPT_OF_RARER, 1)
    possible = order[place[order] < share[order] * np.bincount(labels)[labels[order]]]
    return tuple(int(row) for row in possible[:ROWS])


@declare_variant("capstone")
def capstone(draw: Draw) -> Capstone:
    """Draw the numbers of the capstone."""
    validation_share, test_share = draw.one_of(
        "shares", (0.2, 0.2), [(0.2, 0.2), (0.25, 0.2), (0.2, 0.25), (0.15, 0.25), (0.25, 0.15)]
    )
    seeds = draw.generator("seeds").choice(np.arange(10, 1000), 5, replace=False)
    return Capstone(
        seed=draw.seed,
        rows=_draw_rows(draw),
        classes=draw.order_of("classes", range(CLASSES)),
        quarter_turns=draw.one_of("quarter turns", 0, range(4)),
        mirrored=draw.one_of("mirrored", False, (False, True)),
        largest=draw.one_of("largest", FULL, [32, 48, 64, 80, 96, 112, 144, 160, 192, 240]),
        validation_share=validation_share,
        test_share=test_share,
        units=draw.one_of("units", 32, range(24, 49)),
        batch_size=draw.one_of("batch size", 64, [40, 48, 50, 56, 64]),
        epochs=draw.one_of("epochs", 10, range(9, 15)),
        seeds=draw.one_of("seeds", (1, 2, 3, 4, 5), [tuple(map(int, seeds))]),
        statistic=draw.one_of(
            "statistic", "sensitivity", ["sensitivity", "positive predictive value"]
        ),
    )
