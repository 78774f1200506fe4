"""Training more than once."""

from __future__ import annotations

import random

import keras
import numpy as np
import pytest

from coursekit import training


def draw(seed: int) -> dict[str, float]:
    return {
        "python": random.random(),
        "numpy": np.random.rand(),
        "keras": float(keras.random.normal(())),
        "given": seed,
    }


def test_every_run_is_seeded(capsys):
    runs = training.over_seeds(draw, seeds=(3, 1))
    assert list(runs.index) == [3, 1] and runs.index.name == "seed"
    assert runs["given"].tolist() == [3, 1]
    assert (runs["seconds"] >= 0).all()
    again = training.over_seeds(draw, seeds=(1, 3), progress=False).loc[[3, 1]]
    for name in ("python", "numpy", "keras"):
        assert runs[name].tolist() == again[name].tolist()
        assert runs[name].nunique() == 2
    assert capsys.readouterr().out.count("run ") == 2  # silent without progress


@pytest.mark.parametrize("seeds", [(), (1, 1)])
def test_bad_seeds(seeds):
    with pytest.raises(ValueError, match="seeds are"):
        training.over_seeds(draw, seeds=seeds)


@pytest.mark.parametrize(
    ("train", "seeds", "error", "words"),
    [
        (None, (1,), TypeError, "train is None; it must be a function"),
        (draw, 5, TypeError, "seeds is 5; it must be a sequence"),
        (draw, "12", TypeError, "seeds is '12'"),
        (draw, (-1,), ValueError, "seed is -1"),
        (draw, (1.5,), TypeError, "seed is 1.5"),
        (lambda seed: None, (1,), TypeError, "train gave None for seed 1"),
        (lambda seed: {"seed": 3}, (1,), ValueError, "train gave a figure called seed"),
        (lambda seed: {"seconds": 3}, (1,), ValueError, "train gave a figure called seconds"),
    ],
)
def test_what_is_no_training(train, seeds, error, words):
    with pytest.raises(error, match=words):
        training.over_seeds(train, seeds=seeds, progress=False)


def test_seeds_of_numpy():
    runs = training.over_seeds(draw, seeds=np.arange(1, 3), progress=False)
    assert runs["given"].tolist() == [1, 2] and list(runs.index) == [1, 2]
