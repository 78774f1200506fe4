"""The figures of the walking course, on the full data, with one seed.

The bands hold the seeds that ``make reproduce`` measures, with room for another, and are narrow
enough to fail a network that learns badly. What only many seeds show is in ``book/expected``.
"""

from __future__ import annotations

import pytest

# All of the package that runs here is covered elsewhere, and being watched takes time.
pytestmark = pytest.mark.no_cover

SEED = 31  # not one of those that are measured


@pytest.fixture
def experiment(full_data, monkeypatch):
    monkeypatch.setenv("COURSEKIT_EDITION", "full")
    import keras
    from experiments import recognising_people

    keras.utils.set_random_seed(SEED)
    return recognising_people


def test_a_random_split_reaches_the_course_and_flatters(experiment):
    figures = experiment.random_or_by_time(SEED)
    assert 0.89 < figures["random, validation accuracy"] < 0.98  # the course: 0.954
    assert 0.89 < figures["random, test accuracy"] < 0.98  # the course: 0.947
    assert 0.83 < figures["by time, test accuracy"] < 0.96
    # A single pair can come out a little the other way round; the mean of many does not.
    assert -0.03 < figures["random minus by time, test accuracy"] < 0.12


def test_the_beginning_of_a_walk_is_another_matter(experiment):
    figures = experiment.backwards(SEED)
    assert 0.5 < figures["accuracy on the first fifth"] < 0.72
    assert figures["accuracy on the first 20 seconds"] < 0.5


def test_spectra_lose_most_by_time(experiment):
    figures = experiment.spectral_baseline(SEED)
    assert 0.92 < figures["random, test accuracy"] < 0.97
    assert 0.68 < figures["by time, test accuracy"] < 0.78
