"""Variants of the capstone: one solution solves them all, and one's answers fit no other."""

from __future__ import annotations

import contextlib
import io
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from coursekit.exercises import every, find, variant
from coursekit.exercises.variants import choose

SOLUTION = Path(__file__).parents[2] / "book" / "solutions" / "capstone.ipynb"
PUBLISHED = 'variant("capstone", 0)'
CHECKS = [name for name in every() if name.startswith("C.")]
# A run takes about a minute: the first one is for every day, the others for the thorough tests.
FIRST, *OTHERS = (101, 2_026, 30_303, 404_404, 2_147_483_647)


@pytest.fixture(autouse=True)
def published():
    yield
    choose(0)


@cache
def solved(seed: int) -> tuple[dict[str, Any], list[str]]:
    """Run all cells of the solution with this variant; return its variables and what it printed.

    The cells hold plain Python, so they run here: starting a kernel would take longer, and would
    not leave its variables. A check that does not pass raises an error.
    """
    cells = nbformat.read(SOLUTION, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert sum(source.count(PUBLISHED) for source in code) == 1
    variables: dict[str, Any] = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for number, source in enumerate(code, 1):
            source = source.replace(PUBLISHED, f'variant("capstone", {seed})')
            exec(compile(source, f"cell {number}", "exec"), variables)
    return variables, said.getvalue().splitlines()


def results(variables: dict[str, Any], seed: int) -> dict[str, Any]:
    """Judge the answers to all checks by this variant."""
    choose(seed)
    return {name: find(name)(variables) for name in CHECKS}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "seed", [FIRST, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in OTHERS)]
)
def test_the_one_solution_solves_a_variant(seed):
    _, said = solved(seed)
    assert [line.split()[1] for line in said if line.startswith("✔")] == CHECKS


@pytest.mark.timeout(900)
@pytest.mark.parametrize("other", [*OTHERS, 0, 77])
def test_answers_of_another_variant_fail(other):
    found = results(solved(FIRST)[0], other)
    # The right claim is the same in all variants.
    failed = {name: result.message for name, result in found.items() if not result.passed}
    assert set(CHECKS) - set(failed) <= {"C.13"}
    for name, message in failed.items():
        assert message and len(message) <= 600, (name, message)
        assert "could not be judged" not in message, (name, message)


def test_answers_pass_again_by_their_own_variant():
    found = results(solved(FIRST)[0], FIRST)
    assert [name for name, result in found.items() if not result.passed] == []


def test_variant_0_has_the_published_numbers():
    from sklearn.datasets import load_digits

    numbers, bundle = variant("capstone", 0), load_digits()
    images, labels = numbers.digits()
    assert np.array_equal(images, bundle.images) and np.array_equal(labels, bundle.target)
    assert (numbers.validation_share, numbers.test_share, numbers.largest) == (0.2, 0.2, 16)
    assert (numbers.units, numbers.batch_size, numbers.epochs) == (32, 64, 10)
    assert (numbers.seeds, numbers.statistic) == ((1, 2, 3, 4, 5), "sensitivity")


def test_each_student_has_rows_images_and_classes_of_their_own():
    from sklearn.datasets import load_digits

    bundle = load_digits()
    seen = set()
    for seed in range(1, 40):
        numbers = variant("capstone", seed)
        images, labels = numbers.digits()
        rows = np.array(numbers.rows)
        assert len(rows) == len(set(numbers.rows)) == len(images) == len(labels) == 1500
        assert images.max() == numbers.largest and images.min() == 0
        # Turned back and scaled back, they are scikit-learn's, under another number.
        back = images[:, :, ::-1] if numbers.mirrored else images
        back = np.rot90(back, -numbers.quarter_turns, axes=(1, 2)) * 16 / numbers.largest
        assert np.allclose(back, bundle.images[rows])
        assert sorted(numbers.classes) == list(range(10))
        assert np.array_equal(labels, np.array(numbers.classes)[bundle.target[rows]])
        # The commonest guess, one in ten, is not the share of the most frequent class.
        assert np.bincount(labels).max() / len(labels) > 0.108
        assert 0.5 < 1 - numbers.validation_share - numbers.test_share < 0.7
        seen.add((numbers.rows[:20], numbers.classes, numbers.seeds))
    assert len(seen) == 39


def test_a_variant_is_always_the_same():
    assert variant("capstone", 5) == variant("capstone", 5)
    assert variant("capstone", 5).rows[:3] == variant("capstone", 5).rows[:3]
