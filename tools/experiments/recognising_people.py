"""Results for the chapter recognising-people."""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from coursekit import datasets, models, preprocessing

CHAPTER = "recognising-people"
EDITIONS = ("full",)  # the data have only one


def random_split(walking, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split as the course does: 80:20, then 70:30."""
    rest, test = train_test_split(
        np.arange(len(walking.x)), test_size=0.2, stratify=walking.labels, random_state=seed
    )
    train, validation = train_test_split(
        rest, test_size=0.3, stratify=walking.labels[rest], random_state=seed
    )
    return train, validation, test


def fitted(x: np.ndarray, y: np.ndarray, epochs: int = 15):
    """Train the final network as the chapter does."""
    model = models.walking_final_cnn(length=x.shape[1])
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, batch_size=128, verbose=0)
    return model


def accuracy(model, walking, rows: np.ndarray) -> float:
    """Share of the rows that are given to the right person."""
    return float(model.evaluate(walking.x[rows], walking.y[rows], verbose=0)[1])


def random_or_by_time(seed: int) -> dict[str, float]:
    """Train on a random split and on a split by time."""
    walking = datasets.load_walking()
    figures = {}
    for name, (train, validation, test) in {
        "random": random_split(walking, seed),
        "by time": preprocessing.split_by_time(walking),
    }.items():
        model = fitted(walking.x[train], walking.y[train])
        figures[f"{name}, validation accuracy"] = accuracy(model, walking, validation)
        figures[f"{name}, test accuracy"] = accuracy(model, walking, test)
    difference = figures["random, test accuracy"] - figures["by time, test accuracy"]
    return {**figures, "random minus by time, test accuracy": difference}


def without_overlap(seed: int) -> dict[str, float]:
    """Compare the two splits where no two windows share a sample."""
    walking = every_fifth(datasets.load_walking())
    figures = {}
    for name, (train, _, test) in {
        "random": random_split(walking, seed),
        "by time": preprocessing.split_by_time(walking, gap=0),
    }.items():
        model = fitted(walking.x[train], walking.y[train], epochs=60)
        figures[f"{name}, test accuracy"] = accuracy(model, walking, test)
    difference = figures["random, test accuracy"] - figures["by time, test accuracy"]
    return {**figures, "random minus by time, test accuracy": difference}


def every_fifth(walking):
    """Keep one window in five of each person: no two of them overlap."""
    kept = walking.seconds.astype(int) % 5 == 0
    return dataclasses.replace(
        walking,
        **{name: getattr(walking, name)[kept] for name in ("x", "labels", "start", "seconds")},
    )


def since_training(seed: int) -> dict[str, float]:
    """Accuracy right after the training part, and later; and over several windows."""
    walking = datasets.load_walking()
    train, validation, test = preprocessing.split_by_time(walking)
    model = fitted(walking.x[train], walking.y[train])
    later = np.setdiff1d(np.arange(len(walking.x)), train)
    last = np.array(
        [walking.seconds[train][walking.labels[train] == p].max() for p in range(1, 16)]
    )
    seconds = np.round(walking.seconds[later] - last[walking.labels[later] - 1])
    probability = model.predict(walking.x[later], verbose=0)
    right = probability.argmax(axis=1) + 1 == walking.labels[later]
    in_test = np.isin(later, test)
    per_person = [right[in_test & (walking.labels[later] == p)].mean() for p in range(1, 16)]
    figures = {
        "overlapping windows": right[seconds < 5].mean(),
        "later windows": right[seconds >= 5].mean(),
        "worst person": min(per_person),
        "best person": max(per_person),
    }
    for windows in (3, 6):  # five seconds each, end to end
        found = []
        for person in range(1, 16):
            of_person = probability[in_test & (walking.labels[later] == person)]
            for first in range(len(of_person) - 5 * (windows - 1)):
                mean = of_person[first : first + 5 * windows : 5].mean(axis=0)
                found.append(mean.argmax() + 1 == person)
        figures[f"{5 * windows} seconds, by mean probability"] = np.mean(found)
    return {name: float(value) for name, value in figures.items()}


def backwards(seed: int) -> dict[str, float]:
    """Train on the end of each walk and test on its beginning."""
    walking = datasets.load_walking()
    first, middle, last = preprocessing.split_by_time(
        walking, train=0.20, validation=0.24, test=0.56
    )
    model = fitted(walking.x[last], walking.y[last])
    seconds = walking.seconds[first].astype(int)
    return {
        "accuracy on the first fifth": accuracy(model, walking, first),
        "accuracy on the first 20 seconds": accuracy(model, walking, first[seconds < 20]),
    }


def last_minute(seed: int) -> dict[str, float]:
    """Train on all but the last minute of each walk, and on as many windows at random."""
    walking = datasets.load_walking()
    end = np.array([walking.seconds[walking.labels == p].max() for p in range(1, 16)])
    from_end = np.round(end[walking.labels - 1] - walking.seconds)
    test = np.flatnonzero(from_end <= 55)
    train = np.flatnonzero(from_end >= 55 + 5)
    shuffled = np.random.default_rng(seed).permutation(len(walking.x))
    kept_out = fitted(walking.x[train], walking.y[train])
    at_random = fitted(walking.x[shuffled[: len(train)]], walking.y[shuffled[: len(train)]])
    return {
        "last minute kept out": accuracy(kept_out, walking, test),
        "as many windows, at random": accuracy(at_random, walking, shuffled[len(train) :]),
    }


def cut(x: np.ndarray, length: int) -> np.ndarray:
    """Keep the first samples of each window, standardised again."""
    x = x[:, :length]
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, ddof=1, keepdims=True)


def window_length(seed: int) -> dict[str, float]:
    """Accuracy by time for shorter windows."""
    walking = datasets.load_walking()
    train, validation, test = preprocessing.split_by_time(walking)
    figures = {}
    for length in (78, 104, 156, 208, 260):
        x = cut(walking.x, length)
        model = fitted(x[train], walking.y[train])
        figures[f"{length / 52:g} seconds"] = float(
            model.evaluate(x[test], walking.y[test], verbose=0)[1]
        )
    return figures


def spectra(x: np.ndarray) -> np.ndarray:
    """Log amplitudes of each channel between 0.4 and 12 Hz, side by side."""
    taper = np.hanning(x.shape[1])[None, :, None]
    amplitude = np.abs(np.fft.rfft(x * taper, axis=1))
    frequency = np.fft.rfftfreq(x.shape[1], 1 / 52)
    kept = amplitude[:, (frequency >= 0.4) & (frequency <= 12)]
    return np.log(kept + 0.1).reshape(len(x), -1)


def spectral_baseline(seed: int) -> dict[str, float]:
    """Fit a support vector machine on spectra, on the same splits."""
    walking = datasets.load_walking()
    features = spectra(walking.x)
    figures = {}
    for name, (train, _, test) in {
        "random": random_split(walking, seed),
        "by time": preprocessing.split_by_time(walking),
    }.items():
        machine = make_pipeline(StandardScaler(), SVC(C=5))
        machine.fit(features[train], walking.labels[train])
        figures[f"{name}, test accuracy"] = machine.score(features[test], walking.labels[test])
    return figures


EXPERIMENTS = {
    "Final network: random split or by time": random_or_by_time,
    "Final network, windows without overlap: random split or by time": without_overlap,
    "Final network, by time: how long after the training part": since_training,
    "Final network, trained backwards in time": backwards,
    "Final network: the last minute kept out": last_minute,
    "Final network, by time: shorter windows": window_length,
    "Spectra and a support vector machine": spectral_baseline,
}
