"""What the benchmarks say is what they measured."""

from __future__ import annotations

import importlib
import json

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "benchmarks"


@pytest.fixture
def module(monkeypatch):
    """Import from the folder of the benchmarks."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def test_the_report_is_made_of_the_kept_results(module):
    report = module("report")
    assert report.REPORT.read_text(encoding="utf-8") == report.report()
    kept = {path.stem for path in report.RESULTS.glob("*.json")}
    assert kept and kept <= set(report.ORDER)


def test_every_script_is_run_by_make_bench():
    scripts = {path.stem for path in FOLDER.glob("[!_]*.py")}
    lines = (ROOT / "Makefile").read_text().partition("\nbench:")[2].splitlines()
    run = {line.split("benchmarks/")[1].split(".py")[0] for line in lines if "benchmarks/" in line}
    assert run == scripts


def test_ways_take_turns_and_ratios_are_taken_within_rounds(module, monkeypatch, tmp_path):
    measure = module("_measure")
    monkeypatch.setattr(measure, "RESULTS", tmp_path / "results")
    order = []

    def way(name, seconds):
        def run():
            order.append(name)
            return next(seconds)

        return run

    question = measure.Question("loading", "Loading", "About\n  it.")
    ways = {"slow": way("slow", iter([9, 2, 4, 6])), "fast": way("fast", iter([9, 1, 1, 2]))}
    question.alternate("Part", ways, rounds=3, ours="fast", against="slow", goal=3.5)
    question.keep()
    # A warm-up that does not count, then A B B A A B.
    assert order == ["slow", "fast", "slow", "fast", "fast", "slow", "slow", "fast"]
    kept = json.loads((tmp_path / "results" / "loading.json").read_text())
    assert kept["about"] == "About it."
    slow, fast = kept["parts"][0]["rows"]
    assert slow["seconds"] == [2, 4, 6] and fast["seconds"] == [1, 1, 2]
    assert slow["ratio"] == [3.0, 2.0, 4.0] and "ratio" not in fast

    text = module("report").section(kept)
    assert "| slow | 4 (2–6) | 3 (2–4) | 2 |" in text and "| **fast** | 1 (1–2) |  |  |" in text
    assert "3.5 times as fast as slow; **not reached**" in text


def test_a_command_that_fails_ends_the_measurement(module):
    with pytest.raises(SystemExit, match="no such module"):
        module("_measure").command_seconds(["bash", "-c", "echo no such module; exit 3"])
