"""Results for the chapter on the final MNIST model."""

from __future__ import annotations

import numpy as np

from coursekit import training
from experiments._digits import digits

CHAPTER = "final-mnist-model"
# The sample edition only: what the source published of this network is measured with the
# chapter on regularisation, in both editions.

FINAL = {"units": 512, "layers": 2, "dropout": 0.3}
ABSTAIN = 0.02  # share of the validation digits below the threshold


def two_networks(seed: int) -> dict[str, float]:
    """Train the final network twice on the same split; let it abstain; average the two."""
    (x, y), (x_test, y_test) = digits(seed)
    actual = y_test.argmax(axis=1)
    first, second = (
        training.train_model(x, y, **FINAL, seed=other).model for other in (seed, seed + 100)
    )
    p, q = (network.predict(x_test, batch_size=1000, verbose=0) for network in (first, second))
    wrong, wrong_too, wrong_averaged = (
        probabilities.argmax(axis=1) != actual for probabilities in (p, q, p + q)
    )

    validation = x[int(len(x) * 0.8) :]
    confidence = first.predict(validation, batch_size=1000, verbose=0).max(axis=1)
    abstains = p.max(axis=1) < np.quantile(confidence, ABSTAIN)
    return {
        "test accuracy": float(1 - wrong.mean()),
        "share abstained": float(abstains.mean()),
        "test accuracy without abstentions": float(1 - wrong[~abstains].mean()),
        # Not a number if it abstains from no digit.
        "abstentions that avoid a miss": float(wrong[abstains].mean()),
        "test misses, first network": int(wrong.sum()),
        "test misses, second network": int(wrong_too.sum()),
        "test misses, average of both": int(wrong_averaged.sum()),
        "misses of the first that the second shares": float(wrong_too[wrong].mean()),
    }


EXPERIMENTS = {"two final networks": two_networks}
