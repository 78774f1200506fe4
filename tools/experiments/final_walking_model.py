"""Runs for the chapter final-walking-model; two other chapters compare theirs with these."""

from __future__ import annotations

import numpy as np

from coursekit import datasets, models
from experiments._walking import is_right, on_moved_windows, on_random_split, random_split

CHAPTER = "final-walking-model"
EDITIONS = ("full",)  # the data have only one


def final_network(seed: int) -> dict[str, float]:
    """Train the final network on a random split, and look at when it errs."""
    walking = datasets.load_walking()
    network = models.walking_final_cnn()
    metrics = on_random_split(network, walking, seed)
    training, validation, test = random_split(walking, seed)
    unseen = np.concatenate([validation, test])
    wrong = ~is_right(network, walking, unseen)
    seconds = walking.seconds[unseen]
    return {
        **metrics,
        **on_moved_windows(network, walking, training),
        "share misread, first 20 seconds of a walk": wrong[seconds < 20].mean(),
        "share misread, after one minute": wrong[seconds >= 60].mean(),
    }


EXPERIMENTS = {"Final network, random split": final_network}
