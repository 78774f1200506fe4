"""Overfitting with more rows and with more predictors, for the chapter iris-again."""

from __future__ import annotations

import numpy as np

from coursekit import datasets

ROWS = (200, 800, 3200)
EXTRA_COLUMNS = (0, 20, 80)
BATCH, STEPS = 40, 400
TEST_ROWS = 5_000


def rows_and_predictors(seed: int) -> dict[str, float]:
    """Train one network on 3 to 83 columns and 200 to 3,200 rows, with the same number of steps."""
    import keras

    metrics = {}
    for extra in EXTRA_COLUMNS:
        test = _with_extra_columns(TEST_ROWS, extra, seed=10_000 + seed)
        for n in ROWS:
            x, y = _with_extra_columns(n, extra, seed=seed)
            keras.utils.set_random_seed(seed)
            network = keras.Sequential(
                [
                    keras.Input((3 + extra,)),
                    keras.layers.Dense(32, activation="relu"),
                    keras.layers.Dense(1, activation="sigmoid"),
                ]
            )
            network.compile(
                loss="binary_crossentropy", optimizer=keras.optimizers.Adam(learning_rate=0.005)
            )
            network.fit(x, y, epochs=STEPS * BATCH // n, batch_size=BATCH, verbose=0)
            for name, rows in {"training": (x, y), "test": test}.items():
                loss = network.evaluate(*rows, batch_size=1_000, verbose=0)
                metrics[f"{n} rows, {extra} extra columns, {name} loss"] = loss
    return metrics


def _with_extra_columns(n: int, extra: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the data of the threshold rule, with further columns that carry no information."""
    x, y = datasets.make_threshold(n, seed=seed)
    # [seed, 1] and not seed, which would repeat the numbers that decide the labels.
    noise = np.random.default_rng([seed, 1]).random((n, extra), dtype=np.float32)
    return np.hstack([x, noise]), y
