"""A few digits for tests that train."""

from __future__ import annotations

import keras
import numpy as np

from coursekit import datasets


def digits(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Images as rows from 0 to 1, and one-hot labels."""
    (x, y), _ = datasets.load_mnist(edition="sample")
    return (
        x[:count].reshape(count, 784).astype("float32") / 255,
        keras.utils.to_categorical(y[:count], 10),
    )
