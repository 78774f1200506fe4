"""A folder of submissions becomes a gradebook with feedback, in one run or in several."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Timer

import nbformat
import pytest
from filelock import FileLock
from nbformat import v4
from typer.testing import CliRunner

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader import grade as _grade
from coursegrader import grader as _grader
from coursegrader import machines as _machines
from coursegrader import report as _report
from coursegrader.collect import Submitted
from coursegrader.grade import RefusedError, grade
from coursegrader.grader import Options, SandboxError
from coursegrader.lateness import LatePolicy, read_due, read_times
from coursegrader.master import Master
from coursegrader.sandbox import LAYERS
from coursekit.cli import app
from coursekit.exercises import find
from tests.conftest import ROOT
from tests.coursegrader.notebooks import (
    FIRST_CHECK,
    RIGHT_FIRST,
    RIGHT_SECOND,
    graded,
    marked,
    master_of_two,
    notebook,
    solution,
    two_checks,
    write,
)
from warmkernels.client import Warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

WRONG_SECOND = "by_layer = [108, 104, 36]"
REASON = find("S5.2")({"by_layer": [108, 104, 36]}).message
DRAW = "import random\nprint('drawn', np.random.random(), random.random())\n"


@pytest.fixture(scope="module", autouse=True)
def one_warm_process():
    """Let all graders of this module fork from one process; starting one takes seconds."""
    made = []

    class Shared(Warm):
        def close(self):
            pass

    def shared(**options):
        if not made:
            made.append(Shared(**options))
        return made[0]

    with pytest.MonkeyPatch.context() as patch:
        # Settings that are part of what a run remembers; here they are the same in all tests.
        for name in ("COURSEKIT_EDITION", "COURSEKIT_DATA"):
            patch.delenv(name, raising=False)
        patch.setattr(_grader, "Warm", shared)
        # The package may be edited while its tests run.
        digest = _machines._digest_of_packages()
        patch.setattr(_machines, "_digest_of_packages", lambda: digest)
        yield made
    for warm in made:
        Warm.close(warm)


def borrow(path: str) -> None:
    """Let the graders of this process fork from the warm process of another."""

    class Borrowed(Warm):
        def __init__(self, **options):
            self.path = Path(path)

        def close(self):
            pass

    _grader.Warm = Borrowed


def choose_edition(edition: str) -> None:
    os.environ["COURSEKIT_EDITION"] = edition


def coursekit(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder and what is in them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def gradebook(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((out / "grades.csv").read_text())))


def results(out: Path) -> list[dict]:
    """What results.json says of the submissions, but for the time they took."""
    submissions = json.loads((out / "results.json").read_text())["submissions"]
    return [{**one, "seconds": 0} for one in submissions]


def page(out: Path, row) -> str:
    return (out / "feedback" / f"{row.key}.html").read_text()


def words(text: str) -> str:
    """What a browser shows of HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", text))


# ----------------------------------------------------------------------- a folder is graded


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A class of four: right, half right, blank, and no notebook."""
    place = tmp_path_factory.mktemp("class")
    write(master_of_two(), place / "masters" / "two.ipynb")
    write(two_checks(DRAW + RIGHT_FIRST), place / "in" / "ann.ipynb")
    write(two_checks(second=WRONG_SECOND), place / "in" / "bob" / "work.ipynb")
    write(two_checks("parameters = None", "by_layer = ..."), place / "in" / "cyd.ipynb")
    (place / "in" / "dan.ipynb").write_text("no notebook")
    return place


@pytest.fixture(scope="module")
def first(folder):
    """The class, graded one after another, and what was said on the way."""
    said = []
    done = grade(
        folder / "in",
        folder / "out",
        masters=[folder / "masters" / "two.ipynb"],
        jobs=1,
        exports=["gradescope"],
        warn=said.append,
        progress=lambda *step: said.append(step),
    )
    return done, said


def again(folder: Path, **changes):
    options = {"masters": [folder / "masters" / "two.ipynb"], "jobs": 1, "exports": ["gradescope"]}
    return grade(folder / "in", changes.pop("out", folder / "out"), **{**options, **changes})


@pytest.fixture
def copied(folder, first, tmp_path):
    """A copy of the class, graded as it is."""
    shutil.copytree(folder, tmp_path / "class")
    return tmp_path / "class"


def test_points_and_states(first):
    rows = {row.student: row for row in first[0].rows}
    assert [row.path for row in first[0].rows] == [
        "ann.ipynb",
        "bob/work.ipynb",
        "cyd.ipynb",
        "dan.ipynb",
    ]
    assert {name: row.points for name, row in rows.items()} == {
        "ann": 2,
        "bob": 1,
        "cyd": 0,
        "dan": 0,
    }
    assert [row.status for row in rows.values()] == [*3 * ["graded"], "not graded"]
    assert all(row.possible == 2 for row in rows.values())
    assert first[0].new == 4


def test_messages(first):
    checks = {row.student: row.checks for row in first[0].rows}
    assert [check.message for check in checks["ann"]] == ["", ""]
    assert checks["bob"][1].message == REASON and "by_layer" in REASON
    for check, name in zip(checks["cyd"], ("parameters", "by_layer"), strict=True):
        assert check.message == f"`{name}` has no value yet. Your code has to give it one."


def test_progress_is_told(first):
    assert [step[:2] for step in first[1]] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert sorted(step[2] for step in first[1]) == [row.path for row in first[0].rows]


def test_the_gradebook(first, folder):
    assert gradebook(folder / "out") == [
        {
            "student": student,
            "set": "two",
            "points": points,
            "possible": "2.0",
            "waiting": "0.0",
            "in_process": "0.0",
            "status": status,
            "remarks": remarks,
            "file": file,
            "feedback": f"feedback/{row.key}.html",
            "S5.1": one,
            "S5.2": two,
        }
        for row, (student, points, status, remarks, file, one, two) in zip(
            first[0].rows,
            [
                ("ann", "2.0", "graded", "", "ann.ipynb", "1.0", "1.0"),
                ("bob", "1.0", "graded", "", "bob/work.ipynb", "1.0", "0.0"),
                ("cyd", "0.0", "graded", "", "cyd.ipynb", "0.0", "0.0"),
                (
                    "dan",
                    "0.0",
                    "not graded",
                    first[0].rows[3].remarks[0],
                    "dan.ipynb",
                    "0.0",
                    "0.0",
                ),
            ],
            strict=True,
        )
    ]
    assert all((folder / "out" / line["feedback"]).exists() for line in gradebook(folder / "out"))
    assert "no JSON" in gradebook(folder / "out")[3]["remarks"]


def test_the_results_file(first, folder):
    content = json.loads((folder / "out" / "results.json").read_text())
    assert set(content) == {"schema", "coursekit", "edition", "sandbox", "submissions"}
    assert content["schema"] == 1 and content["sandbox"] == first[0].sandbox
    assert set(content["sandbox"]) | set(first[0].missing) == set(LAYERS)
    for one in content["submissions"]:
        assert set(one) == {
            "student",
            "path",
            "set",
            "status",
            "points",
            "possible",
            "waiting",
            "in_process",
            "remarks",
            "feedback",
            "checks",
            "seconds",
        }
        for check in one["checks"]:
            assert set(check) == {
                "id",
                "title",
                "points",
                "earned",
                "passed",
                "message",
                "by",
                "hidden",
            }
            assert check["by"] == "answers" or one["student"] == "dan"
        assert one["points"] == sum(check["earned"] for check in one["checks"])


def test_feedback(first, folder):
    ann, bob, cyd, dan = (page(folder / "out", row) for row in first[0].rows)
    assert "2 of 2 points" in ann and "drawn 0." in ann
    assert "✔ S5.1 Parameters counted by hand" in ann and "✘" not in ann
    assert REASON in words(bob) and "✘ S5.2" in bob and "✔ S5.1" in bob
    assert cyd.count("has no value yet") == 2
    assert "0 of 2 points" in dan and "no JSON" in dan
    assert len(list((folder / "out" / "feedback").iterdir())) == 4


def test_the_summary(first, folder):
    summary = (folder / "out" / "summary.html").read_text()
    # Two bars: half of the points or more, and less.
    bars = summary.partition("Checks most often failed")[0].split("<tr><td")[1:]
    assert ["0 to 1" in bars[0], '">2</td>' in bars[0]] == [True, True]
    assert ["1 to 2" in bars[1], '">2</td>' in bars[1]] == [True, True]
    failed = summary.partition("Checks most often failed")[2].partition("<h3>Notebooks")[0]
    assert failed.index("S5.2") < failed.index("S5.1")
    assert "3 of 4" in failed and "2 of 4" in failed
    for row in first[0].rows:
        assert f'href="feedback/{row.key}.html">{row.student}</a>' in summary
    assert all(layer in summary for layer in first[0].sandbox)


def test_files_for_gradescope(first, folder):
    for row in first[0].rows:
        content = json.loads((folder / "out" / "gradescope" / f"{row.key}.json").read_text())
        assert content["score"] == row.points
        assert [(test["score"], test["max_score"]) for test in content["tests"]] == [
            (check.earned, check.points) for check in row.checks
        ]
        assert all(test["visibility"] == "visible" for test in content["tests"])
        names = ["S5.1 Parameters counted by hand", "S5.2 Counted layer by layer, with one layer"]
        assert all(t["name"].startswith(n) for t, n in zip(content["tests"], names, strict=True))
        assert [test["output"] for test in content["tests"]] == [c.message for c in row.checks]
    assert "no JSON" in content["output"]


# ------------------------------------------------------------------------------ once more


def test_a_second_call_grades_nothing_and_changes_nothing(copied):
    before = files(copied / "out")
    done = again(copied)
    assert done.new == 0 and len(done.rows) == 4
    assert files(copied / "out") == before


def test_only_what_has_changed_is_graded(copied):
    out = copied / "out"
    before, told = files(out), []
    write(two_checks(), copied / "in" / "bob" / "work.ipynb")
    write(two_checks(), copied / "in" / "eve.ipynb")
    (copied / "in" / "dan.ipynb").unlink()
    damaged = next((out / "state").glob("cyd-*.json"))
    damaged.write_bytes(damaged.read_bytes()[:50])
    done = again(copied, progress=lambda n, of, name: told.append(name))
    assert done.new == 3 and sorted(told) == ["bob/work.ipynb", "cyd.ipynb", "eve.ipynb"]
    assert [row.points for row in done.rows] == [2, 2, 0, 2]
    assert [line["student"] for line in gradebook(out)] == ["ann", "bob", "cyd", "eve"]
    after = files(out)
    assert {name for name in before if name.startswith(("state/ann", "feedback/ann"))} == {
        name for name in after if "/ann" in name and before.get(name) == after[name]
    } - {name for name in after if name.startswith("gradescope/")}
    assert not [name for name in after if "/dan" in name]


def test_another_master_check_or_setting_grades_all_anew(copied, first, monkeypatch):
    master = copied / "masters" / "two.ipynb"
    made = nbformat.read(master, as_version=4)
    made.cells[1].source += "\nmore = 1"
    write(made, master)
    done = again(copied)
    assert done.new == 4 and "more = 1" in done.rows[0].cells[1].source
    done = again(copied, options=Options(seed=2))
    assert done.new == 4
    # What was drawn without a seed of their own depends on that of the grader, and on no more.
    assert drawn(done.rows[0]) != drawn(first[0].rows[0])
    monkeypatch.setattr(_machines, "_digest_of_packages", lambda: "of others")
    shutil.rmtree(copied / "in" / "bob")
    assert again(copied, options=Options(seed=2)).new == 3


def drawn(row) -> str:
    (text,) = [
        output.text
        for cell in row.cells
        for output in cell.outputs
        if "drawn" in output.text and output.kind == "stream"
    ]
    return text


def test_two_at_a_time_give_the_same(first, folder, tmp_path):
    done = again(folder, out=tmp_path / "out", jobs=2)
    assert done.new == 4 and results(tmp_path / "out") == results(folder / "out")
    ours, theirs = files(tmp_path / "out"), files(folder / "out")
    assert set(ours) == set(theirs)
    for name in ours:
        if not name.startswith("state/") and name != "results.json":
            assert ours[name] == theirs[name], name
    assert drawn(done.rows[0]) == drawn(first[0].rows[0])


def test_a_report_within_the_folder_is_not_graded(copied):
    inside = copied / "in" / "report"
    write(two_checks(), inside / "left" / "here.ipynb")
    done = again(copied, out=inside)
    assert [row.student for row in done.rows] == ["ann", "bob", "cyd", "dan"]


# ------------------------------------------------------------------ one costs only itself


@pytest.mark.parametrize("error", [RecursionError, MemoryError, TypeError], ids=str)
def test_trouble_with_one_is_a_remark_of_its_own(copied, monkeypatch, error):
    content, render = _grade.Submitted.content, _report.feedback

    def reads(one):
        if one.path == "cyd.ipynb":
            raise error("while it is read")
        return content.fget(one)

    def renders(row, **options):
        if row.path == "ann.ipynb" and row.cells:
            raise error("while it is rendered")
        return render(row, **options)

    monkeypatch.setattr(_grade.Submitted, "content", property(reads))
    monkeypatch.setattr(_report, "feedback", renders)
    for new in (4, 1):  # what could not be graded is tried again; what was noted is noted once
        done = again(copied, out=copied / "report")
        ann, bob, cyd, dan = done.rows
        assert done.new == new and bob.remarks == ()
        assert ann.remarks == (f"its feedback page could not be made ({error.__name__})",)
        assert (ann.points, ann.status) == (2, "graded, with trouble")
        assert "2 of 2 points" in page(copied / "report", ann)
        assert cyd.status == dan.status == "not graded"
        assert cyd.remarks[0].startswith(f"it could not be graded ({error.__name__}")
        assert len(gradebook(copied / "report")) == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: "[" * 100_000,
        lambda text: "null",
        lambda text: json.dumps({**json.loads(text), "outcome": {}}),
        lambda text: json.dumps({**json.loads(text), "outcome": [1]}),
        lambda text: text.replace('"earned": 1.0', '"earned": "x"'),
        lambda text: text.replace('"outputs": [', '"outputs": [7, '),
        lambda text: text.replace('"checks": [', '"checks": 1, "rest": ['),
    ],
)
def test_a_damaged_state_is_graded_anew(copied, damage):
    path = next((copied / "out" / "state").glob("ann-*.json"))
    path.write_text(damage(path.read_text()))
    done = again(copied)
    assert done.new == 1 and results(copied / "out")[0]["points"] == 2


# ------------------------------------------------------------------- one report, one folder


def test_a_report_is_of_one_folder_and_one_set_of_masters(copied, tmp_path):
    mine = copied / "out" / "feedback" / "mine.html"
    mine.write_text("of the TA")
    shutil.copytree(copied / "in", copied / "other")
    before = files(copied / "out")
    masters = [copied / "masters" / "two.ipynb"]
    with pytest.raises(ValueError, match=r"holds the report of other submissions.*--out"):
        grade(copied / "other", copied / "out", masters=masters)
    named = shutil.copy(masters[0], tmp_path / "three.ipynb")
    with pytest.raises(ValueError, match="of other masters: of two, not of three"):
        grade(copied / "in", copied / "out", masters=[named])
    assert files(copied / "out") == before
    (copied / "in" / "dan.ipynb").unlink()
    assert again(copied).new == 0
    assert mine.read_text() == "of the TA" and not list((copied / "out").rglob("dan*"))


def test_two_masters_with_one_file_name_are_refused(folder, tmp_path):
    source = tmp_path / "source"
    masters = [write(master_of_two(), source / name / "problem1.ipynb") for name in ("ps1", "ps2")]
    said = r"two masters are called problem1: .*ps1/problem1\.ipynb and .*ps2/problem1\.ipynb"
    for named in (masters, [one.parent for one in masters]):
        with pytest.raises(RefusedError, match=said):
            grade(folder / "in", tmp_path / "out", masters=named)
    assert not (tmp_path / "out").exists()


def test_nothing_of_a_report_without_a_record_is_deleted(copied):
    (copied / "out" / "state" / "run").write_text("{")
    (copied / "in" / "dan.ipynb").unlink()
    again(copied)
    assert list((copied / "out" / "feedback").glob("dan*"))


# ------------------------------------------------------------------------ what is our fault


def test_a_class_that_cannot_begin_is_no_fault_of_theirs(copied, first, monkeypatch):
    honest = _grade.Grader.grade

    def broken(grader, content, *others):
        outcome = honest(grader, content, *others)
        cells = [replace(one, status=one.status and "ended the process") for one in outcome.cells]
        return replace(outcome, cells=tuple(cells))

    with monkeypatch.context() as patch:
        patch.setattr(_grade.Grader, "grade", broken)
        done = again(copied, out=copied / "report")
        assert "3 of 4 notebooks" not in done.fault and "4 of 4 notebooks" in done.fault
        assert "neither did one without any answer" in done.fault
        assert "These grades say nothing." in (copied / "report" / "summary.html").read_text()
        words = ["grade", copied / "in", "--out", copied / "report", "--master"]
        result = coursekit(*words, copied / "masters" / "two.ipynb")
        assert result.exit_code == 3 and "These grades say nothing" in result.output
    done = again(copied, out=copied / "report")
    assert done.new == 4 and not done.fault and done.rows[0].points == 2


def test_a_student_who_cannot_begin_is(copied, tmp_path):
    write(two_checks("import os\nos._exit(1)"), tmp_path / "in" / "eve.ipynb")
    (tmp_path / "in" / "dan.ipynb").write_text("no notebook")
    done = grade(tmp_path / "in", tmp_path / "out", masters=[copied / "masters" / "two.ipynb"])
    assert not done.fault and [row.points for row in done.rows] == [0, 0]


# ------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cell-seconds", "-1"], "cell-seconds is -1"),
        (["--cell-seconds", "nan"], "cell-seconds is nan"),
        (["--notebook-seconds", "0"], "notebook-seconds is 0"),
        (["--notebook-seconds", "inf"], "notebook-seconds is inf"),
        (["--memory", "nan"], "memory is nan GB"),
        (["--memory", "inf"], "memory is inf GB"),
        (["--memory", "-2"], "memory is -2 GB"),
        (["--memory", "0.1"], "memory is 0.1 GB"),
        (["--memory", "1e30"], "memory is 1e+30 GB"),
        (["--seed", "-1"], "seed is -1"),
        (["--jobs", "0"], "jobs"),
    ],
    ids=str,
)
def test_options_that_make_no_sense(folder, tmp_path, words, said):
    master = folder / "masters" / "two.ipynb"
    out = tmp_path / "out"
    result = coursekit("grade", folder / "in", "--out", out, "--master", master, *words)
    assert result.exit_code == 2 and said in result.output
    assert isinstance(result.exception, SystemExit) and not out.exists()


def test_jobs_and_options_are_looked_at_without_the_command_too(folder, tmp_path):
    for changes in ({"jobs": 0}, {"options": Options(cell_seconds=0)}):
        with pytest.raises(ValueError, match=r"jobs is 0|cell-seconds is 0"):
            again(folder, out=tmp_path / "out", **changes)


def test_a_file_is_no_place_for_a_report(folder, tmp_path):
    (tmp_path / "out").write_text("mine")
    master = folder / "masters" / "two.ipynb"
    result = coursekit("grade", folder / "in", "--out", tmp_path / "out", "--master", master)
    assert result.exit_code == 2 and "is a file; name a folder" in result.output
    assert (tmp_path / "out").read_text() == "mine"


def test_nor_is_a_folder_with_a_file_in_the_place_of_one_of_ours(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "feedback").write_text("mine")
    master = folder / "masters" / "two.ipynb"
    result = coursekit("grade", folder / "in", "--out", tmp_path / "out", "--master", master)
    assert result.exit_code == 2 and "feedback is a file, where a folder" in result.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["feedback"]


# ----------------------------------------------------------------------- ended from outside


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_nothing_is_left_in_the_temporary_folder(tmp_path, number, status):
    write(two_checks("import time\ntime.sleep(60)"), tmp_path / "in" / "slow.ipynb")
    master = write(master_of_two(), tmp_path / "two.ipynb")
    place = tmp_path / "temporary"
    place.mkdir()
    # With a warm process of its own, which it has to end.
    command = [sys.executable, "-c", "from coursekit.cli import app; app()", "grade"]
    command += [tmp_path / "in", "--out", tmp_path / "out", "--master", master]
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    run = tmp_path / "out" / "state" / "run"
    try:
        end = time.monotonic() + 240
        while not run.exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        assert list(place.iterdir())  # something that could be left
        time.sleep(1)
        process.send_signal(number)
        assert process.wait(30) == status
    finally:
        process.kill()
        process.wait(30)
    # The warm process that was left alone removes what is left, once it has noticed.
    end = time.monotonic() + (30 if number == signal.SIGKILL else 0)
    while time.monotonic() < end and list(place.iterdir()):
        time.sleep(0.1)
    assert list(place.iterdir()) == []


def test_a_process_that_does_not_start_is_no_fault_of_the_submission(monkeypatch):
    class Started:
        closed = 0

        def close(self):
            self.closed += 1

    started = [Started(), Started()]
    monkeypatch.setattr(_grader, "Warm", lambda **_: started[0])

    def fails(self, *_):
        raise _grader.WarmUnavailableError("a forked process did not start")

    with _grader.Grader([]) as grader:
        monkeypatch.setattr(_grader.Grader, "_grade", fails)
        row = grader.grade(b"")
        assert row.again and row.status == "not graded" and "did not start" in row.remarks[0]

        def another_has_replaced_it(self, *_):
            self._warm = started[1]
            raise _grader.WarmUnavailableError("the old one has ended")

        monkeypatch.setattr(_grader.Grader, "_grade", another_has_replaced_it)
        grader._end_warm_process()
        started[1].closed = 0
        with pytest.MonkeyPatch.context() as once:
            once.setattr(_grader.Grader, "warm", lambda self: started[0])
            grader.grade(b"")
        assert started[1].closed == 0  # others are graded in it


def test_what_failed_before_an_interruption_is_graded_again(copied, monkeypatch):
    real = _grade.on_this_machine

    def interrupted(*arguments):
        run = real(*arguments)

        def some(waiting):
            for number, (one, outcome) in enumerate(run(waiting)):
                if number == 2:
                    raise KeyboardInterrupt
                yield one, replace(outcome, status="not graded", cells=()) if number else outcome

        return some

    out = copied / "report"
    monkeypatch.setattr(_grade, "on_this_machine", interrupted)
    with pytest.raises(KeyboardInterrupt):
        again(copied, out=out)
    monkeypatch.setattr(_grade, "on_this_machine", real)
    assert again(copied, out=out).new == 3


def test_leftovers_of_a_killed_run_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(_grader.tempfile, "tempdir", str(tmp_path))
    with _grader.Grader([]) as alive:
        (tmp_path / "coursekit-grade-left").mkdir()
        (tmp_path / "coursekit-grade-left" / _grader.LOCK_NAME).touch()
        (tmp_path / "coursekit-grade-of-somebody-else").mkdir()
        _grader.remove_leftovers()
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {Path(alive.folder).name, "coursekit-grade-of-somebody-else"}


KILLED = """
import sys
from tests.coursegrader.test_grade import borrow
borrow(sys.argv.pop(1))
from coursekit.cli import app
from coursegrader import machines
digest = sys.argv.pop(1)
machines._digest_of_packages = lambda: digest
app()
"""


def test_a_run_that_is_killed_goes_on(first, one_warm_process, tmp_path):
    names = [f"{number}.ipynb" for number in range(4)]
    for name in names:
        write(two_checks(f"import time\ntime.sleep(0.3)\n{RIGHT_FIRST}"), tmp_path / "in" / name)
    master, out = write(master_of_two(), tmp_path / "masters" / "two.ipynb"), tmp_path / "out"
    digest = _machines._digest_of_packages()
    command = [one_warm_process[0].path, digest, "grade", tmp_path / "in"]
    command += ["--out", out, "--master", master, "--jobs", 1]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # it leaves its folder behind
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 90
        while time.monotonic() < end and not list((out / "state").glob("*.json")):
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait(30)
    before = files(out / "state")
    finished = {name: content for name, content in before.items() if name.endswith(".json")}
    assert 1 <= len(finished) < 4 and not (out / "grades.csv").exists()
    done = grade(tmp_path / "in", out, masters=[master], jobs=1)
    assert done.new == 4 - len(finished)
    assert finished.items() <= files(out / "state").items()
    assert [(line["file"], line["points"]) for line in gradebook(out)] == [
        (name, "2.0") for name in names
    ]
    assert not list(out.rglob("*.part"))


# ------------------------------------------------------------------- tests of a master's own


HIDDEN = """assert abs(a) == 3
### BEGIN HIDDEN TESTS
assert a > 0, "the hidden reason"
### END HIDDEN TESTS"""
PRINTING = HIDDEN.replace("### END", "print('the hidden print')\n### END")
STRIPS = """import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
shell = get_ipython()
shell.ast_transformers.append(Strip())
def strip(lines):
    return [line.replace("assert", "0 and") for line in lines]
shell.input_transformers_cleanup.append(strip)
shell.input_transformers_post.append(strip)
"""


def with_tests(code: str, why: str = "Why?"):
    """A notebook as nbgrader knows it: tests, hidden ones, and a question for a person."""
    return notebook(
        solution(code, "a"),
        graded("assert abs(a) == 3", "size", 1),
        graded(HIDDEN, "sign", 2),
        graded(PRINTING, "printing", 2),
        graded(FIRST_CHECK, "check-S5-1", 1),
        marked(v4.new_markdown_cell(why), "why", solution=True, grade=True, points=4),
        marked(
            v4.new_code_cell("print(6 * 7, 'by hand')"),
            "figure",
            solution=True,
            grade=True,
            points=1,
        ),
        solution("assert False", "after"),
    )


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    place = tmp_path_factory.mktemp("tests")
    blank = "a = None\nparameters = None\n### BEGIN SOLUTION\n### END SOLUTION"
    write(with_tests(blank), place / "masters" / "plain.ipynb")
    for name, code in {
        "right": f"a = 3\n{RIGHT_FIRST}",
        "wrong": "a = 4",
        "hidden": f"a = -3\n{RIGHT_FIRST}",
        "strips": f"a = 4\n{STRIPS}",
    }.items():
        write(with_tests(code, f"Because of {name}."), place / "in" / f"{name}.ipynb")
    options = {"masters": [place / "masters" / "plain.ipynb"], "exports": ["gradescope"]}
    done = grade(place / "in", place / "out", **options)
    return place, {row.student: row for row in done.rows}, options


def test_points_of_tests(tested):
    points = {name: [check.earned for check in row.checks] for name, row in tested[1].items()}
    assert points == {
        "right": [1, 2, 2, 1, None, None],
        "wrong": [0, 0, 0, 0, None, None],
        "hidden": [1, 0, 0, 1, None, None],
        "strips": [0, 0, 0, 0, None, None],
    }
    right = tested[1]["right"]
    assert (right.points, right.waiting, right.in_process) == (6, 5, 5)
    assert tested[1]["right"].possible == 11


def test_a_notebook_that_strips_asserts_gains_nothing(tested):
    strips = tested[1]["strips"]
    # The assert of a cell that is its own did not stop it, so they were dropped indeed.
    assert strips.cells[-1].status == "ok"
    assert tested[1]["wrong"].cells[-1].status == "error"
    assert [check.message for check in strips.checks[:2]] == 2 * ["AssertionError"]


# By name: what is done to a file beside the master, the points, and what is said.
FORGED = "import os\nos.remove('data/rows.csv')\ntotal = 0\n"
FORGERIES = {
    "keeps it": ("total = 3", [1, 1], ""),
    "replaces it": (f"{FORGED}open('data/rows.csv', 'w').write('0')", [0, 1], ""),
    "locks its folders": (
        f"{FORGED}open('data/rows.csv', 'w').write('0')\n"
        "os.chmod('data', 0o555)\nos.chmod('.', 0o555)",
        [0, 1],
        "",
    ),
    "puts a folder there": (f"{FORGED}os.mkdir('data/rows.csv')", [0, 0], "tampered with: a file"),
}


def test_tests_read_the_file_of_the_master(tmp_path):
    def reading(code: str):
        return notebook(
            solution(code, "total"),
            graded("assert total == sum(map(int, open('data/rows.csv')))", "sum", 1),
            graded("assert total is not None", "any", 1),
        )

    master = reading("total = None\n### BEGIN SOLUTION\ntotal = 3\n### END SOLUTION")
    path = write(master, tmp_path / "master" / "rows.ipynb")
    (path.parent / "data").mkdir()
    (path.parent / "data" / "rows.csv").write_text("1\n2\n")
    for name, (code, _, _) in FORGERIES.items():
        write(reading(code), tmp_path / "in" / f"{name}.ipynb")
    done = grade(tmp_path / "in", tmp_path / "out", masters=[path])
    for row in done.rows:
        _, points, said = FORGERIES[row.student]
        assert [check.earned for check in row.checks] == points, row
        assert said in "; ".join(row.remarks) and bool(said) == bool(row.remarks), row.remarks


def test_who_judged_is_told(tested):
    place, rows, _ = tested
    for row in rows.values():
        by = ["in-process", "in-process", "in-process", "answers", "a person", "a person"]
        assert [check.by for check in row.checks] == by
        hidden = [check.id for check in row.checks if check.hidden]
        assert hidden == ["sign", "printing"]
    assert page(place / "out", rows["right"]).count("(judged in-process)") == 3


def test_what_a_person_grades(tested):
    place, rows, _ = tested
    check = rows["right"].checks[4]
    assert (check.id, check.passed, check.earned, check.points) == (
        "why",
        None,
        None,
        4,
    )
    assert check.message == "This is graded by a person."
    shown = page(place / "out", rows["right"])
    assert "Because of right." in words(shown) and "This is graded by a person." in shown
    assert "42 by hand" in words(shown)  # a figure to be judged has to be drawn first
    assert "– / 4" in shown and "5 points wait for a person" in words(shown)
    assert rows["right"].status == "waiting"
    (line,) = [line for line in gradebook(place / "out") if line["student"] == "right"]
    assert (line["points"], line["waiting"], line["why"], line["sign"]) == ("6.0", "5.0", "", "2.0")
    sent = json.loads((place / "out" / "gradescope" / f"{rows['right'].key}.json").read_text())
    assert ["score" in test for test in sent["tests"]] == [True] * 4 + [False] * 2
    assert "waits for a person" in sent["tests"][4]["output"]
    # A score that is not the total is not shown before a person has said the rest.
    assert {test["visibility"] for test in sent["tests"]} == {"after_published"}
    assert (sent["score"], sent["visibility"]) == (6, "after_published")
    summary = (place / "out" / "summary.html").read_text()
    assert "why" not in summary.partition("most often failed")[2].partition("Notebooks")[0]


def test_hidden_messages_are_for_those_who_grade(tested):
    place, rows, options = tested
    shown = page(place / "out", rows["hidden"])
    assert "A hidden test failed." in shown and "the hidden reason" not in shown
    for_gradescope = (place / "out" / "gradescope" / f"{rows['hidden'].key}.json").read_text()
    assert "the hidden reason" not in for_gradescope
    assert "the hidden reason" in (place / "out" / "results.json").read_text()
    # Asked for, they are shown, and nothing has to be run for it.
    done = grade(place / "in", place / "out", show_hidden=True, **options)
    assert done.new == 0
    assert "AssertionError: the hidden reason" in page(place / "out", rows["hidden"])
    assert grade(place / "in", place / "out", **options).new == 0
    assert page(place / "out", rows["hidden"]) == shown


def test_what_hidden_tests_print_is_not_shown(tested):
    place, rows, _ = tested
    assert rows["right"].checks[2].passed
    assert "the hidden print" not in page(place / "out", rows["right"])


# ------------------------------------------------------------------- what notebooks are like


# Each is the beginning of a cell that goes on with a right answer.
HABITS = {
    # Bug: NotImplementedError, so that the rest of the cell does not run.
    "a magic": "%matplotlib inline\n",
    "a command": "!echo from the shell\n",
    "timing": "%%time\n",
    "awaiting": "import asyncio\nawait asyncio.sleep(0)\n",
    "a figure": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n",
    "a file": "open('mine', 'w').write('kept')\nprint(open('mine').read())\n",
    "processes": "import multiprocessing as m\nwith m.Pool(2) as p: print(p.map(abs, [-7]))\n",
    "a warning": "import warnings\nwarnings.warn('careful')\n",
    "a progress bar": "print('1/2\\r\\x08\\x08\\x1b[1m2/2\\x1b[0m done')\n",
}


@pytest.fixture(scope="module")
def habits(tmp_path_factory):
    place = tmp_path_factory.mktemp("habits")
    for name, code in HABITS.items():
        write(two_checks(second=code + RIGHT_SECOND), place / "in" / f"{name}.ipynb")
    master = write(master_of_two(), place / "two.ipynb")
    done = grade(place / "in", place / "out", masters=[master])
    return {row.student: (row, page(place / "out", row)) for row in done.rows}


@pytest.mark.parametrize("name", HABITS)
def test_habits_cost_nothing(habits, name):
    row, _ = habits[name]
    assert (row.points, row.remarks) == (2, ()), row.cells[4].outputs


def test_habits_are_shown(habits):
    for name, shown in {
        "a figure": "data:image/png;base64,",
        "a file": "kept",
        "processes": "[7]",
        "a warning": "UserWarning: careful",
        "a progress bar": "2/2 done",
        "a command": "from the shell\n",
    }.items():
        assert shown in habits[name][1], name


def test_no_control_characters_reach_a_browser(habits):
    for _, shown in habits.values():
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", shown)


# ------------------------------------------------------------------------------ the sandbox


def test_a_sandbox_with_a_hole_is_refused_or_told(folder, tmp_path):
    few = Options(layers=tuple(layer for layer in LAYERS if layer != "network"))
    with pytest.raises(SandboxError, match=r"do not work here: network \(no network"):
        again(folder, out=tmp_path / "out", options=few, require_sandbox=True)
    assert not (tmp_path / "out" / "grades.csv").exists()
    said = []
    (tmp_path / "one").mkdir()
    shutil.copy(folder / "in" / "ann.ipynb", tmp_path / "one")
    done = grade(
        tmp_path / "one",
        tmp_path / "out",
        masters=[folder / "masters" / "two.ipynb"],
        options=few,
        warn=said.append,
    )
    assert done.missing == ["network"] and done.rows[0].points == 2
    assert len(said) == 1 and "network (no network" in said[0]
    assert "off: network" in (tmp_path / "out" / "summary.html").read_text()


# ------------------------------------------------------------------------- the command line


def test_the_command(folder, copied):
    words = ["grade", copied / "in", "--out", copied / "out", "--master"]
    result = coursekit(*words, copied / "masters" / "two.ipynb")
    assert result.exit_code == 0, result.output
    assert "4 notebooks graded, 0 of them now; 1 need a look." in result.output
    assert str(copied / "out" / "grades.csv") in result.output


def test_the_command_requires_the_sandbox_if_asked(folder, tmp_path):
    master = folder / "masters" / "two.ipynb"
    words = ["grade", folder / "in", "--out", tmp_path / "out", "--master", master]
    result = coursekit(*words, "--require-sandbox", "--without", "files", "--without", "network")
    assert result.exit_code == 2
    assert "Not graded: these layers of the sandbox do not work here: network" in result.output
    assert "files (nothing can be written" in result.output


def test_the_command_knows_the_layers(folder, tmp_path):
    result = coursekit("grade", folder / "in", "--out", tmp_path / "out", "--without", "walls")
    assert result.exit_code == 2
    assert "There is no layer walls." in result.output
    assert all(layer in result.output for layer in LAYERS)


def refused(folder, tmp_path, submissions, master) -> str:
    result = coursekit("grade", submissions, "--out", tmp_path / "out", "--master", master)
    assert result.exit_code == 2 and "Not graded: " in result.output
    assert isinstance(result.exception, SystemExit)
    assert not (tmp_path / "out" / "grades.csv").exists()
    return result.output


def test_the_command_without_submissions(folder, tmp_path):
    master = folder / "masters" / "two.ipynb"
    assert "no folder or archive" in refused(folder, tmp_path, tmp_path / "nowhere", master)
    (tmp_path / "empty").mkdir()
    assert "no notebook (.ipynb) or archive" in refused(
        folder, tmp_path, tmp_path / "empty", master
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no JSON"),
        ('{"cells": []}', "no notebook"),
        (nbformat.writes(notebook(v4.new_code_cell("1"))), "no cell of it is graded"),
        (None, "No such file"),
    ],
    ids=["no JSON", "no notebook", "no marks", "missing"],
)
def test_the_command_with_a_bad_master(folder, tmp_path, content, said):
    master = tmp_path / "bad master.ipynb"
    if content is not None:
        master.write_text(content)
    output = refused(folder, tmp_path, folder / "in", master)
    assert said in output and "bad master.ipynb" in output


def test_the_command_with_a_check_called_otherwise(folder, tmp_path):
    made = master_of_two()
    made.cells[3].source = 'check("S5.1", by_layer=by_layer)'
    master = write(made, tmp_path / "bad master.ipynb")
    output = refused(folder, tmp_path, folder / "in", master)
    assert "has to be called with parameters=parameters" in output
    assert "bad master.ipynb" in output


def test_the_command_is_interrupted(folder, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(_grade, "grade", interrupted)
    result = coursekit("grade", folder / "in", "--out", tmp_path / "out")
    assert result.exit_code == 130 and "run it again to go on" in result.output


def test_results_without_a_layer_are_not_taken_over_with_it(copied, first, monkeypatch):
    sandbox = _grade.Grader.sandbox
    monkeypatch.setattr(
        _grade.Grader,
        "sandbox",
        lambda grader: {k: v for k, v in sandbox(grader).items() if k != "network"},
    )
    without = again(copied)
    assert "network" in without.missing and without.new == len(without.rows) == 4
    monkeypatch.undo()
    assert again(copied).new == 4
    assert again(copied).new == 0


# ------------------------------------------------------------------------------ one student


def test_one_student_is_graded_again_and_no_other(copied, first):
    before = files(copied / "out")
    write(two_checks(second=WRONG_SECOND), copied / "in" / "ann.ipynb")
    write(two_checks(), copied / "in" / "cyd.ipynb")  # has changed, too, and is not asked for
    (copied / "in" / "zoe.ipynb").write_bytes((copied / "in" / "ann.ipynb").read_bytes())
    said = []
    done = again(copied, only=["Ann"], warn=said.append)
    assert done.new == 1
    assert [(row.student, row.points) for row in done.rows] == [
        *(("ann", 1), ("bob", 1), ("cyd", 0), ("dan", 0)),
    ]
    assert any("1 notebooks were never graded" in text for text in said)
    after = files(copied / "out")
    others = {name for name in before if name.startswith(("state/", "feedback/"))}
    changed = {name for name in others if before[name] != after.get(name)}
    assert {name.partition("/")[2][:3] for name in changed - {"state/run"}} == {"ann"}
    assert again(copied).new == 2  # now cyd and zoe


def test_a_student_whom_nobody_knows(copied, first):
    with pytest.raises(ValueError, match=r"--only zoe: nobody of that name.*ann, bob, cyd, dan"):
        again(copied, only=["zoe"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--export", "excel"], "There is no export excel; the exports are canvas, moodle"),
        (["--late-penalty", "10"], "give --due"),
        (["--due", "soon"], "'soon' is no time"),
        (["--due", "tow=2026-11-30"], "--due is given for tow, and there is no such assignment. "
         "There are: two."),
        (["--times", "no.csv"], "No such file"),
        (["--manual", "no.csv"], "No such file"),
    ],
)  # fmt: skip
def test_options_that_are_refused(copied, first, words, said):
    before = files(copied / "out")
    master = copied / "masters" / "two.ipynb"
    done = coursekit("grade", copied / "in", "--out", copied / "out", "--master", master, *words)
    assert done.exit_code == 2 and said in " ".join(done.output.split()), done.output
    assert files(copied / "out") == before


def test_submissions_without_a_time_are_named_if_they_are_due(copied, first):
    times = copied / "times.csv"
    times.write_text("student,submitted\nann,2026-11-30\nbbo,2026-12-24\ncyd,2026-12-24\n")
    late, said = LatePolicy(read_due(["2026-12-01"]), 10, times=read_times(times)), []
    done = again(copied, late=late, warn=said.append)
    assert [row.days_late for row in done.rows] == [0, None, 23, None]
    assert any("Whether 2 of 4 submissions are late is not known" in text for text in said)
    assert any("they have no time: bob, dan. Give" in text for text in said)
    said.clear()
    again(copied, late=LatePolicy({}, times=read_times(times)), warn=said.append)
    assert not any("late" in text for text in said)


# -------------------------------------------------------------------------------- a cluster


@contextmanager
def cluster(folder: Path, warm: Warm):
    """Two worker processes that fork from a warm one, and a client of theirs."""
    distributed = pytest.importorskip("distributed")
    path, digest = str(warm.path), _machines._digest_of_packages()

    class Borrowing(distributed.WorkerPlugin):
        def setup(self, worker):
            borrow(path)
            _machines._digest_of_packages = lambda: digest

    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs="CRITICAL",
            local_directory=folder,
        ) as workers,
        distributed.Client(workers) as client,
    ):
        client.wait_for_workers(2, timeout=60)
        client.register_plugin(Borrowing())  # of a worker that is started later, too
        yield client, workers


def test_a_cluster_loses_a_worker_gets_another_and_grades_the_same(
    first, one_warm_process, tmp_path, monkeypatch
):
    """``tools/cluster_trial.py`` does it with workers of their own and 2,000 notebooks."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a killed worker leaves its folder behind
    names = [f"{number:02}.ipynb" for number in range(20)]
    for name in names:
        code = f"import time\ntime.sleep(0.1)\n{RIGHT_FIRST}"
        write(two_checks(code, RIGHT_SECOND if name < "10" else "x = 1"), tmp_path / "in" / name)
    master = write(master_of_two(), tmp_path / "masters" / "two.ipynb")
    told, killed = [], []
    with cluster(tmp_path / "dask", one_warm_process[0]) as (client, workers):
        processes = client.run(os.getpid)
        address = next(iter(processes))
        client.run(choose_edition, "sample", workers=[address])
        with pytest.raises(RefusedError, match="sample edition of the data, and this machine by"):
            grade(tmp_path / "in", tmp_path / "out", masters=[master], client=client,
                  options=Options(seed=2))  # fmt: skip
        assert not (tmp_path / "out").exists()
        client.run(choose_edition, "full", workers=[address])

        def progress(done, of, name):
            told.append((done, of, name))
            if not killed:
                busy = [worker for worker, tasks in client.processing().items() if tasks]
                killed.append(processes[busy[0]])
                os.kill(killed[0], signal.SIGKILL)
            if done == 5:
                workers.scale(3)

        done = grade(
            tmp_path / "in", tmp_path / "out", masters=[master], client=client, progress=progress
        )
        assert len(client.scheduler_info(n_workers=-1)["workers"]) > 1
    assert killed and len(told) == 20
    assert [step[0] for step in told] == list(range(1, 21))
    assert sorted(step[2] for step in told) == names
    assert [line["file"] for line in gradebook(tmp_path / "out")] == names
    assert [row.points for row in done.rows] == 10 * [2] + 10 * [1]
    assert all(row.status == "graded" and not row.remarks for row in done.rows)
    assert len(list((tmp_path / "out" / "state").glob("*.json"))) == 20
    assert grade(tmp_path / "in", tmp_path / "out", masters=[master]).new == 0
    grade(tmp_path / "in", tmp_path / "alone", masters=[master])
    assert (tmp_path / "out" / "grades.csv").read_bytes() == (
        tmp_path / "alone" / "grades.csv"
    ).read_bytes()
    assert results(tmp_path / "out") == results(tmp_path / "alone")


class Workers:
    """Stands for a client of a cluster whose workers are described by what they have."""

    status = "running"

    def __init__(self, *machines):
        self.machines = machines

    def wait_for_workers(self, number, timeout):
        if not self.machines:
            raise TimeoutError("no worker came")

    def run(self, function, *arguments, on_error):
        assert on_error == "return"
        return dict(enumerate(self.machines))


ALL_LAYERS = dict.fromkeys(LAYERS, "how")
FEWER = {name: how for name, how in ALL_LAYERS.items() if name != "network"}


def test_what_a_cluster_grades_with_is_what_all_of_its_workers_have(one_warm_process):
    ours = _machines.digest_of_code(Options())
    with _grader.Grader([]) as grader:
        strong = _machines.Machine("strong", ALL_LAYERS, "full", ours)
        weak = _machines.Machine("weak", FEWER, "full", ours)
        lost = OSError("the worker has gone")
        expected = _machines.expected_machine(grader, Workers(strong, lost, weak, strong))
        assert (expected.host, expected.layers, expected.missing) == ("weak", FEWER, ["network"])
        assert _machines.expected_machine(grader, Workers(strong)).missing == []
        here = _machines.Machine.of(grader)
        assert here.layers and here == _machines.expected_machine(grader, Workers())
        assert here == _machines.expected_machine(grader, None)
        for field, said in (
            ({"code": "of others"}, "on weak has another version of the course or of the files"),
            ({"edition": "sample"}, "on weak judges by the sample edition of the data, and this"),
        ):
            with pytest.raises(RefusedError, match=said):
                _machines.expected_machine(grader, Workers(strong, replace(weak, **field)))
        with pytest.raises(RefusedError, match="cannot be used"):
            _machines.expected_machine(grader, Workers(strong, RefusedError("it cannot be used")))


def test_a_report_of_a_cluster_says_what_its_workers_lack(copied, monkeypatch):
    """The layers of the calling machine say nothing about what ran elsewhere."""
    weak = _machines.Machine("weak", FEWER, "full", _machines.digest_of_code(Options()))
    real, said = _grade.on_this_machine, []
    with _grader.Grader([Master.from_file(copied / "masters" / "two.ipynb")]) as grader:

        def on_workers(client, models, options, whose, expected):
            assert expected == weak
            return real(grader, 2, whose)

        monkeypatch.setattr(_grade, "on_cluster", on_workers)
        done = again(copied, client=Workers(weak), warn=said.append)
        assert done.new == 4 and done.missing == ["network"]  # nothing of the first run counts
        assert any("do not work on the worker weak: network" in text for text in said)
        about = json.loads((copied / "out" / "results.json").read_text())
        assert about["sandbox"] == FEWER
        with pytest.raises(SandboxError, match="do not work on the worker weak: network"):
            again(copied, client=Workers(weak), require_sandbox=True)
        assert again(copied, client=Workers(weak)).new == 0
    assert again(copied).new == 4


def test_a_worker_that_comes_later_may_not_lack_a_layer(one_warm_process, tmp_path):
    master = Master.from_file(write(master_of_two(), tmp_path / "two.ipynb"))
    options = Options(layers=tuple(layer for layer in LAYERS if layer != "network"))
    expected = _machines.Machine("here", ALL_LAYERS, "full", _machines.digest_of_code(options))
    with pytest.raises(SandboxError, match=r"the worker on .* lacks .*: .*network"):
        _machines._grade_remotely(Submitted("ann", "a.ipynb"), [master], options, None, expected)


# --------------------------------------------------------------------- two runs, a lost process


def test_two_runs_do_not_write_to_one_folder(copied, first):
    before = files(copied / "out")
    with FileLock(copied / "out" / "state" / "lock"):
        with pytest.raises(RefusedError, match=r"another run is writing to .*out\. Wait until"):
            again(copied)
        assert files(copied / "out") == before
        assert again(copied, out=copied / "other").new == 4
    assert again(copied).new == 0


@pytest.mark.parametrize("times", [1, 2], ids=["once", "each time"])
def test_a_submission_loses_no_points_with_the_warm_process(tmp_path, monkeypatch, times):
    """As where the machine runs out of memory: nothing that the submission did ends it."""
    waits = f"import time\ntime.sleep(1)\n{RIGHT_FIRST}"
    write(two_checks(waits), tmp_path / "in" / "ann.ipynb")
    master = write(master_of_two(), tmp_path / "two.ipynb")
    real, begun = Warm.fork, []

    def fork(self, target, *arguments, **options):
        child = real(self, target, *arguments, **options)
        if target.endswith(":serve"):
            begun.append(child)
            state = Path(f"/proc/{child.pid}/stat").read_text()
            parent = int(state.rpartition(")")[2].split()[1])
            if 1 < len(begun) <= 1 + times:  # the first only asks for the layers of the sandbox
                Timer(0.7, os.kill, (parent, signal.SIGKILL)).start()
        return child

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_grader, "Warm", Warm)
        patch.setattr(Warm, "fork", fork)
        (row,) = grade(tmp_path / "in", tmp_path / "out", masters=[master]).rows
    assert begun[1].lost and begun[2].lost == (times == 2)
    if times == 2:
        assert row.again and row.status == "not graded"
        assert row.remarks == ("the warm process ended while the submission ran",)
        (row,) = grade(tmp_path / "in", tmp_path / "out", masters=[master]).rows
    assert (row.status, row.points, row.remarks) == ("graded", 2, ())


# ----------------------------------------------------------------------------- a quick look


def test_nbval_is_a_quick_look(tmp_path):
    """What the course recommends before handing in: the checks of a notebook stop it."""
    looks = {}
    for name, second in {"right": RIGHT_SECOND, "wrong": WRONG_SECOND}.items():
        made = two_checks(second=second)
        made.cells[1].source = "from coursekit.exercises import check"
        path = write(made, tmp_path / name / "submission.ipynb")
        command = [sys.executable, "-m", "pytest", "-q", "--nbval-lax", str(path)]
        command += ["-c", os.devnull, "--rootdir", str(path.parent), "-p", "no:cacheprovider"]
        looks[name] = subprocess.Popen(
            [*command, "--nbval-kernel-name", "python3"],
            cwd=path.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    said = {name: process.communicate(timeout=120)[0] for name, process in looks.items()}
    assert looks["right"].returncode == 0, said["right"]
    assert "5 passed" in said["right"]
    assert looks["wrong"].returncode == 1, said["wrong"]
    assert "1 failed, 4 passed" in said["wrong"]
    assert "S5.2" in said["wrong"] and REASON[:60] in said["wrong"]
