"""Runs for the chapter what-the-network-learned.

Most comparisons are between metrics of one run. The network without ``acc_z`` is compared with
the run of the same seed, which has the same starting weights.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from coursekit import datasets, models, preprocessing
from experiments._walking import train

CHAPTER = "what-the-network-learned"
EDITIONS = ("full",)  # the data have only one

PIECE = 30  # time steps that a kernel of the first convolution spans
HALF_SECOND = 26  # time steps


def opened(seed: int) -> dict[str, float]:
    """Train the final network, and measure its kernels, its answers and its hidden layer."""
    walking = datasets.load_walking()
    training, _, test = preprocessing.split_by_time(walking)
    network = models.walking_final_cnn()
    start = network.get_weights()
    train(network, walking.x[training], walking.y[training])
    untrained = models.walking_final_cnn()
    untrained.set_weights(start)
    rng = np.random.default_rng(seed)
    metrics = {
        "test accuracy": network.evaluate(walking.x[test], walking.y[test], verbose=0)[1],
        **kernels(start[0], network.get_weights()[0]),
        **pieces(walking, test, untrained, network, rng),
        **half_seconds(walking, test, network, rng),
        **channels(walking, test, network),
        **hidden_layer(walking, training, test, untrained, network),
    }
    return {name: float(value) for name, value in metrics.items()}


def without_z(seed: int) -> dict[str, float]:
    """Train and test the final network with the third channel set to 0."""
    walking = datasets.load_walking()
    training, _, test = preprocessing.split_by_time(walking)
    x = walking.x.copy()
    x[:, :, 2] = 0
    network = models.walking_final_cnn()
    train(network, x[training], walking.y[training])
    return {"test accuracy": network.evaluate(x[test], walking.y[test], verbose=0)[1]}


def output_of(network, layer: str, x: np.ndarray) -> np.ndarray:
    """Return the output of a layer."""
    import keras

    up_to_layer = keras.Model(network.inputs[0], network.get_layer(layer).output)
    return up_to_layer.predict(x, verbose=0)


def kernels(before: np.ndarray, trained: np.ndarray) -> dict[str, float]:
    """Return how much of the kernels' power is slow, and how much of their jumps was there."""
    metrics = {
        f"power below 6 Hz, {name}": share_below_6_hz(values)
        for name, values in {
            "untrained kernels": before,
            "trained kernels": trained,
            "change of the kernels": trained - before,
        }.items()
    }
    jumps = [np.diff(values, axis=0).ravel() for values in (before, trained)]
    return metrics | {
        "correlation of the kernels' jumps, before and after": np.corrcoef(*jumps)[0, 1]
    }


def share_below_6_hz(signals: np.ndarray) -> float:
    """Return the share of the power below 6 Hz; time is the first axis."""
    centred = signals - signals.mean(axis=0)
    power = np.abs(np.fft.rfft(centred, n=520, axis=0)) ** 2
    return power[np.fft.rfftfreq(520, d=1 / 52) < 6].sum() / power.sum()


def pieces(walking, test, untrained, network, rng) -> dict[str, float]:
    """Return how alike the five people's pieces are to which a filter responds most."""
    metrics = {}
    for name, model in {"untrained filters": untrained, "trained filters": network}.items():
        responses = output_of(model, "convolution_1", walking.x[test])
        metrics[f"likeness of pieces, {name}"] = np.mean(
            [
                likeness(strongest_pieces(walking, test, responses[:, :, number]))
                for number in range(responses.shape[2])
            ]
        )
    at_random = []
    for _ in range(40):
        rows = rng.choice(test, 5, replace=False)
        first = rng.integers(0, 260 - PIECE + 1, 5)
        drawn = [
            walking.x[row, place : place + PIECE] for row, place in zip(rows, first, strict=True)
        ]
        at_random.append(likeness(np.array(drawn)))
    return metrics | {"likeness of pieces, drawn at random": np.mean(at_random)}


def strongest_pieces(walking, test: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """Return the pieces of signal behind a filter's largest responses, one for each of five people.

    ``responses`` has shape (windows, positions).
    """
    found: dict[int, np.ndarray] = {}
    for place in np.argsort(-responses.max(axis=1)):
        person = walking.labels[test[place]]
        if person not in found:
            first = 2 * responses[place].argmax()  # strides of 2
            found[person] = walking.x[test[place], first : first + PIECE]
        if len(found) == 5:
            break
    return np.array(list(found.values()))


def likeness(five: np.ndarray) -> float:
    """Return the mean correlation between five pieces."""
    correlations = np.corrcoef(five.reshape(5, -1))
    return np.mean([correlations[pair] for pair in combinations(range(5), 2)])


def half_seconds(walking, test, network, rng) -> dict[str, float]:
    """Return how far the probability of the right person falls without half a second."""
    rows = test[::5]
    x, people = walking.x[rows], walking.labels[rows]
    donors = [rng.choice(test[walking.labels[test] != person]) for person in people]
    fillings = {"zeros": np.zeros_like(x), "another person": walking.x[donors]}

    def p_right(windows):
        return network.predict(windows, verbose=0)[np.arange(len(windows)), people - 1]

    intact, metrics = p_right(x), {}
    for name, filling in fillings.items():
        falls = []
        for first in range(0, 260, HALF_SECOND):
            half, covered = slice(first, first + HALF_SECOND), x.copy()
            covered[:, half] = filling[:, half]
            falls.append((intact - p_right(covered)).mean())
        metrics |= {
            f"fall of P(right), {name}": np.mean(falls),
            f"fall of P(right), {name}, the two ends": np.mean([falls[0], falls[-1]]),
            f"fall of P(right), {name}, the eight between": np.mean(falls[1:-1]),
        }
    return metrics


def channels(walking, test, network) -> dict[str, float]:
    """Return the test accuracy with each channel set to 0."""
    metrics = {}
    for channel, name in enumerate(walking.channels):
        x = walking.x[test]
        x[:, :, channel] = 0
        _, accuracy = network.evaluate(x, walking.y[test], verbose=0)
        metrics[f"accuracy without {name}"] = accuracy
    return metrics


def hidden_layer(walking, training, test, untrained, network) -> dict[str, float]:
    """Return the accuracy of five nearest neighbours, before and after the hidden layer."""

    def accuracy(values: list[np.ndarray]) -> float:
        classifier = KNeighborsClassifier(n_neighbors=5)
        classifier.fit(values[0], walking.labels[training])
        return classifier.score(values[1], walking.labels[test])

    both = [walking.x[training], walking.x[test]]
    hidden = [output_of(network, "hidden", x) for x in both]
    pca = PCA(n_components=2).fit(hidden[0])
    return {
        "five neighbours, 780 values": accuracy([x.reshape(len(x), -1) for x in both]),
        "five neighbours, untrained hidden layer": accuracy(
            [output_of(untrained, "hidden", x) for x in both]
        ),
        "five neighbours, trained hidden layer": accuracy(hidden),
        "five neighbours, two components": accuracy([pca.transform(values) for values in hidden]),
        "variance in two components": pca.explained_variance_ratio_.sum(),
    }


EXPERIMENTS = {
    "Final network, split by time, opened": opened,
    "Final network, trained without acc_z": without_z,
}
