"""Runs for the chapter recognising-people; those of the random split are in final_walking_model."""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from coursekit import datasets, models, preprocessing
from experiments._walking import PEOPLE, is_right, random_split, train

CHAPTER = "recognising-people"
EDITIONS = ("full",)  # the data have only one


def split_by_time(seed: int) -> dict[str, float]:
    """Train on the beginning of each walk, and test on its end."""
    walking = datasets.load_walking()
    training, _, test = preprocessing.split_by_time(walking)
    network = train(models.walking_final_cnn(), walking.x[training], walking.y[training])

    probabilities = network.predict(walking.x[test], verbose=0)
    people = walking.labels[test]
    right = probabilities.argmax(axis=1) + 1 == people
    later = np.setdiff1d(np.arange(len(walking.x)), training)
    since = seconds_since(walking, training, later)
    right_later = is_right(network, walking, later)
    return {
        "test accuracy": right.mean(),
        "accuracy, 1 to 4 seconds after training": right_later[since <= 4].mean(),
        "accuracy, 5 to 8 seconds after training": right_later[(since > 4) & (since <= 8)].mean(),
        "accuracy, 9 seconds or more after training": right_later[since > 8].mean(),
        **{
            f"test accuracy, {5 * windows} seconds": accuracy_of_means(
                probabilities, people, windows
            )
            for windows in (2, 3, 6)
        },
        **{f"sensitivity, person {person}": right[people == person].mean() for person in PEOPLE},
    }


def seconds_since(walking, training: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return how much later each window begins than the person's last training window."""
    last = np.array(
        [walking.seconds[training][walking.labels[training] == person].max() for person in PEOPLE]
    )
    return np.round(walking.seconds[rows] - last[walking.labels[rows] - 1])


def accuracy_of_means(probabilities: np.ndarray, people: np.ndarray, windows: int) -> float:
    """Name a person by the mean probabilities of several windows that lie end to end.

    The rows are in order of time within each person, one second apart; windows last five.
    """
    right = []
    for person in PEOPLE:
        own = probabilities[people == person]
        for first in range(len(own) - 5 * (windows - 1)):
            mean = own[first : first + 5 * windows : 5].mean(axis=0)
            right.append(mean.argmax() + 1 == person)
    return float(np.mean(right))


def without_overlap(seed: int) -> dict[str, float]:
    """Compare a random split with one by time where no two windows share a time step."""
    walking = every_fifth(datasets.load_walking())
    metrics = {}
    for name, (training, _, test) in {
        "random split": random_split(walking, seed),
        "split by time": preprocessing.split_by_time(walking, gap=0),
    }.items():
        network = models.walking_final_cnn()
        train(network, walking.x[training], walking.y[training], epochs=60)
        metrics[f"test accuracy, {name}"] = is_right(network, walking, test).mean()
    return metrics


def every_fifth(walking):
    """Keep one window in five of each person: no two of them overlap."""
    kept = walking.seconds.astype(int) % 5 == 0
    return dataclasses.replace(
        walking,
        **{name: getattr(walking, name)[kept] for name in ("x", "labels", "start", "seconds")},
    )


def backwards(seed: int) -> dict[str, float]:
    """Train on the end of each walk, and test on its beginning."""
    walking = datasets.load_walking()
    beginning, middle, end = preprocessing.split_by_time(
        walking, train=0.20, validation=0.24, test=0.56
    )
    network = train(models.walking_final_cnn(), walking.x[end], walking.y[end])
    unseen = np.concatenate([beginning, middle])
    right = is_right(network, walking, unseen)
    seconds = walking.seconds[unseen]
    return {
        "test accuracy": is_right(network, walking, beginning).mean(),
        # All fifteen people walk for longer than this.
        **{
            f"accuracy, {first} to {first + 10} seconds": right[
                (seconds >= first) & (seconds < first + 10)
            ].mean()
            for first in range(0, 140, 10)
        },
    }


def shorter_windows(seed: int) -> dict[str, float]:
    """Train on the first 1.5 and 3 seconds of each window, split by time."""
    walking = datasets.load_walking()
    training, _, test = preprocessing.split_by_time(walking)
    metrics = {}
    for length in (78, 156):
        x = walking.x[:, :length]
        x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, ddof=1, keepdims=True)
        network = train(models.walking_final_cnn(length=length), x[training], walking.y[training])
        metrics[f"test accuracy, {length / 52:g} seconds"] = network.evaluate(
            x[test], walking.y[test], verbose=0
        )[1]
    return metrics


def spectra(x: np.ndarray) -> np.ndarray:
    """Return log amplitudes of each channel between 0.4 and 12 Hz, side by side."""
    taper = np.hanning(x.shape[1])[None, :, None]
    amplitude = np.abs(np.fft.rfft(x * taper, axis=1))
    frequency = np.fft.rfftfreq(x.shape[1], 1 / 52)
    kept = amplitude[:, (frequency >= 0.4) & (frequency <= 12)]
    return np.log(kept + 0.1).reshape(len(x), -1)


def support_vector_machine(seed: int) -> dict[str, float]:
    """Fit a support vector machine to spectra, on the splits of the network."""
    walking = datasets.load_walking()
    features = spectra(walking.x)
    metrics = {}
    for name, (training, _, test) in {
        "random split": random_split(walking, seed),
        "split by time": preprocessing.split_by_time(walking),
    }.items():
        machine = make_pipeline(StandardScaler(), SVC(C=5))
        machine.fit(features[training], walking.labels[training])
        metrics[f"test accuracy, {name}"] = machine.score(features[test], walking.labels[test])
    return metrics


EXPERIMENTS = {
    "Final network, split by time": split_by_time,
    "Final network, windows without overlap": without_overlap,
    "Final network, trained backwards in time": backwards,
    "Final network, shorter windows": shorter_windows,
    "Spectra and a support vector machine": support_vector_machine,
}
