"""Bands."""

from __future__ import annotations

import math

import pytest

from coursekit import evaluation


def test_band():
    band = evaluation.band([0.9, 0.95, 0.93, 0.99, 0.91])
    assert (band.low, band.median, band.high, band.runs) == (0.9, 0.93, 0.99, 5)
    assert str(band) == "0.900 to 0.990, median 0.930 (5 runs)"


@pytest.mark.parametrize(
    ("value", "covered"),
    [(0.9, True), (0.896, True), (0.894, False), (0.994, True), (0.996, False)],
)
def test_covers_after_rounding(value, covered):
    assert evaluation.band([0.9, 0.99]).covers(value) is covered


@pytest.mark.parametrize(
    ("values", "words"),
    [([], "at least two seeds"), ([0.9], "at least two seeds"), ([0.9, math.nan], "a run failed")],
)
def test_no_band(values, words):
    with pytest.raises(ValueError, match=words):
        evaluation.band(values)
