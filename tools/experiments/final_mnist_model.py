"""Results for the chapter on the final MNIST model."""

from __future__ import annotations

import numpy as np

from coursekit import training
from experiments._digits import digits

CHAPTER = "final-mnist-model"
EDITIONS = ("sample", "full")  # of load_mnist

ALIKE = [{4, 9}, {3, 5}, {2, 7}, {5, 6}, {3, 8}, {7, 9}]  # most frequent in the lab's matrix
FINAL = {"units": 512, "layers": 2, "dropout": 0.3}


def final(seed: int) -> dict[str, float]:
    """Train the final network twice, and look at how sure it is of what it misses."""
    (x, y), (x_test, y_test) = digits(seed)
    actual = y_test.argmax(axis=1)
    first, second = (
        training.train_model(x, y, **FINAL, seed=other).model for other in (seed, seed + 100)
    )
    p, q = (network.predict(x_test, batch_size=1000, verbose=0) for network in (first, second))
    wrong, wrong_too = (p.argmax(axis=1) != actual, q.argmax(axis=1) != actual)
    sure, runner_up = p.max(axis=1), p.argsort(axis=1)[:, -2]
    by_doubt = sure.argsort(kind="stable")  # the least sure first
    held_out = first.predict(x[-len(x) // 5 :], batch_size=1000, verbose=0).max(axis=1)
    figures = {
        "test misses": wrong.sum(),
        "median confidence, hits": np.median(sure[~wrong]),
        "median confidence, misses": np.median(sure[wrong]),
        "hits with confidence above 0.9": (sure[~wrong] > 0.9).mean(),
        "misses with confidence above 0.9": (sure[wrong] > 0.9).mean(),
        "mean confidence minus accuracy": sure.mean() - (1 - wrong.mean()),
        "misses whose second guess is right": (runner_up == actual)[wrong].mean(),
        "misses that the other network misses too": wrong_too[wrong].mean(),
        "test misses, other network": wrong_too.sum(),
        "test misses, mean of both": ((p + q).argmax(axis=1) != actual).sum(),
    }
    for share in (0.01, 0.02, 0.05):
        passed_on, kept = np.split(wrong[by_doubt], [round(share * len(wrong))])
        figures |= {
            f"misses among the least sure {share:.0%}": passed_on.mean(),
            f"share of all misses in the least sure {share:.0%}": passed_on.sum() / wrong.sum(),
            f"accuracy without the least sure {share:.0%}": 1 - kept.mean(),
        }
    threshold = np.quantile(held_out, 0.02)
    figures["passed on by the threshold of 2% of the validation digits"] = (sure < threshold).mean()
    kinds = [{a, b} in ALIKE for a, b in zip(actual[wrong], p.argmax(axis=1)[wrong], strict=True)]
    figures["misses of the lab's six most frequent pairs"] = np.mean(kinds)
    return {name: float(figure) for name, figure in figures.items()}


EXPERIMENTS = {"Final network, twice": final}
