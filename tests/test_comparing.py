"""Intervals: published numbers, and how often they cover the truth."""

from __future__ import annotations

import numpy as np
import pytest

from coursekit import evaluation

# Student (1908): hours of sleep that ten patients gained from each of two drugs.
FIRST_DRUG = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND_DRUG = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
DRAWS = 2_000
MEAN, DEVIATION = 0.97, 0.004


def test_student_s_drugs():
    found = evaluation.paired_difference(FIRST_DRUG, SECOND_DRUG)
    assert found.estimate == pytest.approx(-1.58)
    assert (found.low, found.high) == pytest.approx((-2.4598858, -0.7001142))  # R: t.test(sleep)
    assert found.separated and found.n == 10
    assert not evaluation.paired_difference(FIRST_DRUG, FIRST_DRUG[::-1]).separated


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    # R. G. Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_newcombe_s_proportions(successes, total, low, high):
    found = evaluation.wilson_interval(successes, total)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.covers(successes / total) and not found.covers(high + 0.001)


def test_prediction_interval_by_hand():
    # Mean 4.5, standard deviation 3.02765, t quantile 2.262157 with 9 degrees of freedom.
    found = evaluation.prediction_interval(range(10))
    half = 2.262157 * 3.02765 * np.sqrt(1 + 1 / 10)
    assert (found.low, found.high) == pytest.approx((4.5 - half, 4.5 + half), rel=1e-6)


def test_the_correction_by_hand():
    """Ten folds: a factor of 1/10 + 0.1/0.9 instead of 1/10."""
    plain = evaluation.paired_difference(FIRST_DRUG, SECOND_DRUG)
    corrected = evaluation.resampled_difference(FIRST_DRUG, SECOND_DRUG, test_share=0.1)
    assert corrected.estimate == plain.estimate
    wider = (corrected.high - corrected.low) / (plain.high - plain.low)
    assert wider == pytest.approx(np.sqrt((1 / 10 + 1 / 9) / (1 / 10)))


def covered(hits) -> float:
    return np.mean([bool(hit) for hit in hits])


@pytest.mark.parametrize("pairs", [5, 10, 20])
def test_paired_intervals_cover_the_difference(pairs):
    rng = np.random.default_rng(pairs)
    shared = rng.normal(MEAN, 5 * DEVIATION, (DRAWS, pairs))  # what the runs of a pair share
    first, second = (shared + rng.normal(by, DEVIATION, shared.shape) for by in (0.002, 0))
    found = map(evaluation.paired_difference, first, second)
    assert 0.93 < covered(interval.covers(0.002) for interval in found) < 0.97


@pytest.mark.parametrize("runs", [10, 20])
def test_prediction_intervals_cover_a_further_run(runs):
    rng = np.random.default_rng(runs)
    values = rng.normal(MEAN, DEVIATION, (DRAWS, runs + 1))
    found = (evaluation.prediction_interval(row[:-1]).covers(row[-1]) for row in values)
    assert 0.93 < covered(found) < 0.97
    # Minimum and maximum cover it less often, as the docstring says.
    inside = (values[:, :-1].min(axis=1) <= values[:, -1]) & (
        values[:, -1] <= values[:, :-1].max(axis=1)
    )
    assert inside.mean() == pytest.approx((runs - 1) / (runs + 1), abs=0.025)


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_corrected_intervals_cover_where_folds_overlap(share):
    """The correlation of the differences is the share, as Nadeau and Bengio assume."""
    folds = round(1 / share)
    rng = np.random.default_rng(folds)
    common, own = rng.normal(size=(DRAWS, 1)), rng.normal(size=(DRAWS, folds))
    differences = 0.5 + np.sqrt(share) * common + np.sqrt(1 - share) * own
    zeros = np.zeros(folds)
    corrected = (
        evaluation.resampled_difference(row, zeros, test_share=share).covers(0.5)
        for row in differences
    )
    assert 0.93 < covered(corrected) < 0.97
    plain = (evaluation.paired_difference(row, zeros).covers(0.5) for row in differences)
    assert covered(plain) < 0.9


@pytest.mark.parametrize("proportion", [0.5, 0.9, 0.98])
def test_wilson_intervals_cover_a_proportion(proportion):
    counts = np.random.default_rng(7).binomial(1_000, proportion, DRAWS)
    found = {count: evaluation.wilson_interval(count, 1_000) for count in np.unique(counts)}
    assert 0.93 < covered(found[count].covers(proportion) for count in counts) < 0.97


def test_intervals_are_written_with_two_digits_of_their_width():
    written = {
        "0.0068 (95 % interval 0.0032 to 0.0104, n = 10)": (0.0068, 0.0032, 0.0104, 10),
        "12 (95 % interval -30 to 54, n = 5)": (12.3, -29.6, 54.2, 5),
        "0.015 (95 % interval 0.000 to 0.029, n = 10)": (0.0148, 0, 0.0292, 10),
        "0.015 (95 % interval -0.0001 to 0.029, n = 10)": (0.0148, -0.0001, 0.0292, 10),
        "0.000 (95 % interval -0.029 to 0.00004, n = 10)": (-0.0001, -0.029, 0.00004, 10),
        "1.0000 (95 % interval 1.0000 to 1.0000, n = 3)": (1, 1, 1, 3),
    }
    for text, values in written.items():
        assert str(evaluation.Interval(*values)) == text


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: evaluation.paired_difference([1, 2], [1, 2, 3]), ValueError, "first has 2 values"),
        (lambda: evaluation.paired_difference([1], [2]), ValueError, "at least two"),
        (lambda: evaluation.paired_difference([1, np.nan], [2, 3]), ValueError, "not all finite"),
        (lambda: evaluation.paired_difference("12", [2, 3]), TypeError, "first is '12'"),
        (lambda: evaluation.prediction_interval([0.9] * 9), ValueError, "at least 10"),
        (lambda: evaluation.wilson_interval(5, 4), ValueError, "successes is 5"),
        (lambda: evaluation.resampled_difference([1, 2], [2, 3], test_share=1), ValueError,
         "test_share is 1"),
    ],
)  # fmt: skip
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()
