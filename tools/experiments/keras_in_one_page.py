"""Results for the chapter keras-in-one-page."""

from __future__ import annotations

import numpy as np

from coursekit import models

CHAPTER = "keras-in-one-page"


def new_weights(seed: int) -> dict[str, float]:
    """Train as the chapter does, on its rows, from other starting weights."""
    return _train(random_state=3)


def new_rows(seed: int) -> dict[str, float]:
    """Train as the chapter does, on other rows of another problem of the same kind."""
    return _train(random_state=seed)


EXPERIMENTS = {
    "8-12-8-3, the chapter's rows": new_weights,
    "8-12-8-3, other rows": new_rows,
}


def three_classes(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Make the rows of the chapter, or others of the same kind.

    Parameters
    ----------
    seed : int
        The chapter's is 3.

    Returns
    -------
    x : numpy.ndarray
        200 rows of 8 features, float32.
    labels : numpy.ndarray
        Their classes, from 0 to 2.
    """
    from sklearn.datasets import make_classification

    samples, labels = make_classification(
        n_samples=200,
        n_features=8,
        n_informative=5,
        n_redundant=0,
        n_classes=3,
        n_clusters_per_class=1,
        class_sep=1.5,
        random_state=seed,
    )
    return samples.astype("float32"), labels


def _train(*, random_state: int) -> dict[str, float]:
    import keras

    x, labels = three_classes(random_state)
    y = keras.utils.to_categorical(labels, num_classes=3)
    model = models.keras_basics_network()
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x[:100], y[:100], epochs=150, batch_size=10, verbose=0)
    seen = model.evaluate(x[:100], y[:100], verbose=0, return_dict=True)
    kept_out = model.evaluate(x[100:], y[100:], verbose=0, return_dict=True)
    return {
        "training accuracy": seen["accuracy"],
        "validation accuracy": kept_out["accuracy"],
        "training loss": seen["loss"],
        "validation loss": kept_out["loss"],
    }
