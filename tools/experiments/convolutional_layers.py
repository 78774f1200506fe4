"""Results for the chapter convolutional-layers."""

import numpy as np

from coursekit import datasets, models

CHAPTER = "convolutional-layers"
EDITIONS = ("full",)  # the data have only one


def filters_after_six_epochs(seed: int) -> dict[str, float]:
    """Train the first CNN on 80 % of the windows and look at what its filters answer."""
    walking = datasets.load_walking()
    order = np.random.default_rng(seed).permutation(len(walking.x))
    train = order[: int(0.8 * len(order))]
    network = models.walking_first_cnn()
    kernels_before = network.layers[0].get_weights()[0]
    network.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    accuracy = network.fit(
        walking.x[train], walking.y[train], epochs=6, batch_size=128, verbose=0
    ).history["accuracy"]
    kernels, biases = network.layers[0].get_weights()

    window = walking.x[50]
    patches = np.lib.stride_tricks.sliding_window_view(window, 40, axis=0)
    response = np.einsum("pck,kcf->pf", patches, kernels) + biases
    best, chosen = np.unravel_index(response.argmax(), response.shape)
    alike = np.corrcoef(kernels[:, :, chosen].ravel(), window[best : best + 40].ravel())[0, 1]
    elsewhere = np.abs(np.arange(221) - best) > 60
    worst = np.where(elsewhere, response[:, chosen], np.inf).argmin()
    unlike = np.corrcoef(kernels[:, :, chosen].ravel(), window[worst : worst + 40].ravel())[0, 1]
    between = np.corrcoef(response.T)[np.triu_indices(40, 1)]
    return {
        "training accuracy": accuracy[-1],
        "change of the kernels / their start": float(
            np.abs(kernels - kernels_before).mean() / np.abs(kernels_before).mean()
        ),
        "jaggedness kept from the start (correlation)": float(
            np.corrcoef(np.diff(kernels_before, axis=0).ravel(), np.diff(kernels, axis=0).ravel())[
                0, 1
            ]
        ),
        "kernel and window alike at the peak (correlation)": float(alike),
        "the same where the response is lowest": float(unlike),
        "share of positions above 0, chosen filter": float((response[:, chosen] > 0).mean()),
        "fewest positions above 0, any filter": float((response > 0).mean(axis=0).min()),
        "most positions above 0, any filter": float((response > 0).mean(axis=0).max()),
        "peak kept by strides of 2, median filter": float(
            np.median(response[::2].max(axis=0) / response.max(axis=0))
        ),
        "peak kept by strides of 2, worst filter": float(
            (response[::2].max(axis=0) / response.max(axis=0)).min()
        ),
        "filters' strongest positions, distinct": len(set(response[::2].argmax(axis=0))),
        "pairs of filters with |correlation| below 0.5": float((np.abs(between) < 0.5).mean()),
    }


EXPERIMENTS = {"the first CNN after six epochs": filters_after_six_epochs}
