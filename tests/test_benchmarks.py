"""What the benchmarks say is what they measured."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import nbformat
import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "benchmarks"


@pytest.fixture
def module(monkeypatch):
    """Import from the folder of the benchmarks."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


@pytest.fixture
def measure(module, monkeypatch, tmp_path):
    """The module that measures, with a clean repository and folders of its own."""
    measure = module("_measure")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    monkeypatch.setattr(measure, "ROOT", checkout)
    monkeypatch.setattr(measure, "RESULTS", checkout / "benchmarks" / "results")
    monkeypatch.setattr(measure, "calibration", lambda: 0.3)
    monkeypatch.setattr(measure, "REST", 0)
    (checkout / "benchmarks").mkdir()
    (checkout / "file").write_text("as committed")
    for words in (
        ["init", "--quiet"],
        ["add", "file"],
        ["-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "--quiet", "-m", "one"],
    ):
        subprocess.run(["git", *words], cwd=checkout, check=True)
    return measure


def result(**changed) -> dict:
    """Return made-up results of one script."""
    rows = [
        {"way": "plain", "seconds": [4, 6], "ratio": [2.0, 1.9, 2.1], "fastest": 2.0},
        {"way": "ours", "seconds": [2, 3]},
    ]
    part = {"title": "Part", "ours": "ours", "rows": rows, "calibration": [0.3, 0.31]}
    return {
        "title": "Title", "about": "About.", "day": "2030-01-02", "commit": "abc", "minutes": 3,
        "machine": {"cores": "2"}, "parts": [part], "goals": [], "tried": [], **changed,
    }  # fmt: skip


@pytest.fixture
def reported(module, monkeypatch, tmp_path):
    """A function that returns the report of made-up results."""
    report = module("report")
    monkeypatch.setattr(report, "RESULTS", tmp_path)

    def of(**results) -> str:
        for name, content in results.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        return report.report()

    return of


def test_the_report_is_made_of_the_kept_results(module):
    report = module("report")
    assert report.REPORT.read_text(encoding="utf-8") == report.report()


def test_every_script_is_run_by_make_bench(module):
    scripts = {path.stem for path in FOLDER.glob("[!_]*.py")} - {"bench", "report"}
    bench = module("bench")
    assert set(bench.SCRIPTS) | set(bench.SUITE) == scripts
    assert "benchmarks/bench.py" in (ROOT / "Makefile").read_text().partition("\nbench:")[2]
    assert sum(module("bench").SCRIPTS.values()) <= 120


def test_ways_take_turns_and_ratios_are_taken_within_rounds(measure, module):
    order = []

    def way(name, seconds):
        def run():
            order.append(name)
            return next(seconds)

        return run

    question = measure.Question("grid", "Grid", "About\n  it.")
    ways = {"slow": way("slow", iter([9, 2, 4, 6])), "fast": way("fast", iter([9, 1, 1, 2]))}
    question.alternate("Part", ways, rounds=3, ours="fast")
    question.keep()
    # A warm-up that does not count, then A B B A A B.
    assert order == ["slow", "fast", "slow", "fast", "fast", "slow", "slow", "fast"]
    kept = json.loads((measure.RESULTS / "grid.json").read_text())
    assert kept["about"] == "About it." and kept["commit"] == measure.commit()
    slow, fast = kept["parts"][0]["rows"]
    assert slow["seconds"] == [2, 4, 6] and fast["seconds"] == [1, 1, 2]
    assert slow["ratio"] == [3.0, 2.0, 4.0] and "ratio" not in fast
    # Before the first round, and after each.
    assert kept["parts"][0]["calibration"] == [0.3] * 4

    text = module("report").section(kept)
    assert "| slow | 4 (2–6) | 3 (2–4) | 2 |" in text and "| **fast** | 1 (1–2) |  |  |" in text
    assert "seconds (3 rounds)" in text


def test_a_way_with_fewer_rounds_is_compared_by_the_median(measure, module):
    question = measure.Question("book", "Book", "About.")
    part = question.add("Cold", {"plain": [9.0], "ours": [3.0, 2.0, 4.0]})
    assert part["rows"][0]["ratio"] == (3.0, 3.0, 3.0)
    text = "\n".join(module("report").table(part))
    assert "rounds as noted" in text and "| plain | 9; 1 × |" in text


def test_a_working_tree_with_changes_is_refused(measure):
    measure.refuse_dirty()
    (measure.RESULTS.parent / "RESULTS.md").write_text("what a run writes is no change")
    measure.refuse_dirty()
    (measure.ROOT / "file").write_text("changed")
    (measure.ROOT / "new").write_text("new")
    with pytest.raises(SystemExit, match=r"no commit holds \(file, new\): commit or stash"):
        measure.refuse_dirty()


def test_nothing_is_kept_if_the_tree_changed_meanwhile(measure):
    question = measure.Question("grid", "Grid", "About.")
    (measure.ROOT / "file").write_text("changed")
    with pytest.raises(SystemExit, match=r"While grid\.py measured, file changed"):
        question.keep()
    assert not measure.RESULTS.exists()


def test_a_quick_run_keeps_nothing_and_needs_no_clean_tree(measure, monkeypatch):
    (measure.ROOT / "file").write_text("changed")
    monkeypatch.setattr(sys, "argv", ["grid.py", "--quick", "--rounds", "7"])
    options = measure.options_of("About.")
    assert options.rounds == 1
    measure.Question("grid", "Grid", "About.", quick=options.quick).keep()
    assert not measure.RESULTS.exists()
    monkeypatch.setattr(sys, "argv", ["grid.py"])
    with pytest.raises(SystemExit, match="no commit holds"):
        measure.options_of("About.")


def test_every_script_can_be_quick():
    for path in FOLDER.glob("[!_]*.py"):
        if path.stem not in ("bench", "report"):
            source = path.read_text()
            assert "options_of(__doc__" in source and "quick=options.quick" in source, path


def test_a_command_that_fails_ends_the_measurement(module):
    with pytest.raises(SystemExit, match="no such module"):
        module("_measure").command_seconds(["bash", "-c", "echo no such module; exit 3"])


def test_commands_get_nothing_that_make_passes_on(module, monkeypatch):
    monkeypatch.setenv("MAKEFLAGS", "EDITION=full")
    monkeypatch.setenv("COURSEKIT_DATA", "/somewhere")
    found = module("_measure").environment(A="1", PATH=None)
    assert found["A"] == "1" and not {"MAKEFLAGS", "COURSEKIT_DATA", "PATH"} & set(found)


def test_an_environment_that_cannot_be_made_says_why(module, monkeypatch, tmp_path):
    environments = module("_environments")
    monkeypatch.setattr(environments, "CACHE", tmp_path / "cache")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho a line >&2\necho no space left >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(environments.MissingError, match=r"^no space left$"):
        environments.python_with("nothing", ["nothing"], check="pass")
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").iterdir())


# -------------------------------------------------------------------------------- the report


def test_goals_stand_at_the_top(reported):
    goals = [
        {"what": "Cold", "at least": 1.6, "found": 1.23, "unit": ""},
        {"what": "Test", "at most": 6, "found": 5.5, "unit": "min"},
    ]
    text = reported(grid=result(goals=goals))
    assert text.index("## Goals") < text.index("## Title")
    assert "| Cold | at least 1.6 | 1.23 | **not reached** |" in text
    assert "| Test | at most 6 min | 5.5 min | reached |" in text
    assert "Commit abc, 2030-01-02; 3 minutes in all." in text
    assert "**Not measured yet: start_up, training" in text


def test_a_goal_that_was_not_reached_has_its_reason_below(reported):
    goal = {"what": "A cold build, times as fast", "at least": 1.6, "found": 1.2, "unit": ""}
    reason = "- Most of the time goes into the chapters' own training"
    assert reason in reported(grid=result(goals=[goal]))
    assert reason not in reported(grid=result(goals=[goal | {"found": 1.7}]))


def test_a_goal_has_one_bound(measure):
    question = measure.Question("grid", "Grid", "About.")
    question.goal("Cold", 2.0, at_least=1.6)
    assert question.content["goals"] == [
        {"what": "Cold", "at least": 1.6, "found": 2.0, "unit": ""}
    ]
    with pytest.raises(ValueError, match="one of at_least and at_most"):
        question.goal("Cold", 2.0)


def test_a_steady_machine_is_said_to_be_steady(reported):
    text = reported(grid=result())
    assert "The machine's speed was steady" in text and "drifted" not in text


def test_a_machine_that_drifted_is_named_with_the_part(reported):
    parts = result()["parts"]
    parts[0]["calibration"] = [0.3, 0.3, 0.4]
    text = reported(grid=result(parts=parts))
    assert "**The machine's speed drifted.**" in text
    assert "- *Title*, Part: by 33% within the part (0.30 to 0.40 s)" in text


def test_a_part_that_ran_on_a_slower_machine_is_named(reported):
    slower = result(title="Other")
    slower["parts"][0]["calibration"] = [0.4, 0.4]
    text = reported(start_up=result(), grid=result(), book=slower, pages=result())
    assert "- *Other*, Part: +31% against the usual (0.40 instead of 0.30 s)" in text


def test_results_of_two_commits_are_refused(reported):
    with pytest.raises(SystemExit, match=r"2 commits \(abc: start_up; def: grid\).*make bench"):
        reported(start_up=result(), grid=result(commit="def"))


def test_results_of_no_script_are_refused(reported):
    with pytest.raises(SystemExit, match=r"No script makes loading\.json"):
        reported(loading=result())


def test_what_did_not_help_is_chosen_by_what_was_measured(reported):
    tried = [
        {"what": "XLA", "ratio": [1.2, 1.1, 1.3]},
        {"what": "bfloat16", "ratio": [0.8, 0.7, 0.9]},
        {"what": "three processes", "ratio": [0.98, 0.9, 1.1]},
    ]
    text = reported(grid=result(tried=tried)).partition("## Tried and did not help")[2]
    assert "- XLA: 1.2 (1.1–1.3) times as long\n- three processes: 0.98 (0.9–1.1)" in text
    assert "took less time: bfloat16 (0.8 (0.7–0.9))" in text


# ------------------------------------------------------------------------------ single scripts


@pytest.mark.parametrize(
    ("ours", "plain", "expected"), [(400, 500, 1), (240, 480, 2), (120, 300, 3), (900, 900, 1)]
)
def test_cold_builds_of_the_plain_way_fit_into_the_minutes(module, ours, plain, expected):
    assert module("book").rounds_that_fit(ours, plain, 3, 30) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("5 minutes to read; the code runs in half a minute on a laptop.", ("half a minute", 45)),
        ("5 minutes to read; the code runs in under a minute.", ("under a minute", 60)),
        ("5 minutes to read. The grid takes about half a minute.", ("about half a minute", 45)),
        ("5 minutes to read.", None),
    ],
)
def test_the_printed_time_is_read_from_the_page(module, said, expected):
    cell = nbformat.v4.new_markdown_cell(f"# Title\n\n**Time:** {said} **You need:** nothing.")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert module("chapters").printed(notebook) == expected


def test_chapters_are_those_of_the_table_of_contents(module):
    names = {path.stem for path in module("chapters").chapters()}
    assert "meet-mnist" in names and "index" not in names
    assert names == {path.stem for path in ROOT.glob("book/*.ipynb")}


def test_a_path_without_uv_keeps_the_other_programs(module, monkeypatch, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("uv", "uvx", "make"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin")
    path = module("first_page").path_without_uv(tmp_path / "links")
    links, rest = path.split(":")
    assert rest == "/usr/bin" and links != str(programs)
    assert {each.name for each in (tmp_path / "links" / "0").iterdir()} == {"make"}


def test_no_digit_is_in_both_sets(module):
    training = module("training")
    x, y = training.digits(3)
    first = int(len(x) * 0.8)
    assert len(x) == len(y) == 12_000
    learned = {row.tobytes() for row in x[:first]}
    assert not learned & {row.tobytes() for row in x[first:]}


def test_missing_pages_are_said_plainly(module, monkeypatch, tmp_path):
    pages = module("pages")
    monkeypatch.setattr(pages, "CACHE", tmp_path)
    with pytest.raises(SystemExit, match=r"There is no built book in .*: run `make book`"):
        pages.built_book(tmp_path)
