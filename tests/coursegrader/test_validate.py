"""Learners validate their own notebook: it says in words what does not run, pass or is blank."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nbformat import v4
from typer.testing import CliRunner

from coursegrader.release import exercise
from coursegrader.validate import validate
from coursekit.cli import app
from tests.coursegrader.notebooks import (
    RIGHT_FIRST,
    given,
    graded,
    marked,
    master_of_two,
    notebook,
    solution,
    two_checks,
    write,
)

CHECKS = "from coursekit.exercises import check"


def with_import(made):
    """The notebook as learners have it: it imports the checks that it calls."""
    made = copy.deepcopy(made)
    made.cells[1].source += f"\n{CHECKS}"
    return made


@pytest.fixture
def found(tmp_path):
    """Validate a notebook against the exercise that it was made from."""
    master = write(with_import(master_of_two()), tmp_path / "master" / "set.ipynb")

    def run(made, **options):
        path = write(made, tmp_path / "set.ipynb")
        before = path.read_bytes()
        result = validate(path, masters=[master], **options)
        assert path.read_bytes() == before
        return [(one.good, f"{one.where} {one.text}") for one in result]

    return run


def test_all_is_well(found):
    assert found(with_import(two_checks())) == [
        (True, "cell 4 (S5.1 Parameters counted by hand) passed."),
        (True, "cell 6 (S5.2 Counted layer by layer, with one layer more) passed."),
    ]


def test_a_wrong_answer_says_what_the_check_says(found):
    (first, second) = found(with_import(two_checks(first="parameters = 7")))
    assert first[0] is False and "did not pass." in first[1] and "7" in first[1]
    assert "CheckFailed" not in first[1] and "Traceback" not in first[1]
    assert second[0] is True


@pytest.mark.parametrize(
    "blank",
    [
        "# YOUR CODE HERE\nraise NotImplementedError()",
        "parameters = None\n# YOUR CODE HERE",  # as it was handed out
        "parameters = ...",
        "...",
        "",
    ],
)
def test_blanks_that_were_left(found, blank):
    said = found(with_import(two_checks(first=blank)))
    assert said[0] == (False, "cell 3 (first) is still blank.")
    assert [good for good, _ in said] == [False, False, True], said


def test_dots_that_are_no_blank(found):
    code = f"import numpy as np\n{RIGHT_FIRST}\nnp.zeros((2, 2))[..., 0]"
    assert [good for good, _ in found(with_import(two_checks(first=code)))] == [True, True]


def test_a_cell_that_fails_and_why(found):
    said = found(with_import(two_checks(first=f"{RIGHT_FIRST}\nparametres + 1")))
    assert said[0] == (
        False,
        "cell 3 (first) failed. NameError: name 'parametres' is not defined",
    )
    assert [good for good, _ in said[1:]] == [True, True]


def test_checks_that_were_deleted_or_changed(found):
    made = with_import(two_checks())
    made.cells[3].source = "check('S5.1', parameters=239)"
    del made.cells[5]
    assert found(made)[-2:] == [
        (
            False,
            "the check S5.1 differs from the exercise set. Grading uses the original.",
        ),
        (
            False,
            "the check S5.2 is in the exercise set, and was deleted here. Grading puts it back.",
        ),
    ]


def test_a_cell_that_never_ends_is_stopped(found):
    began = time.monotonic()
    said = found(with_import(two_checks(first="while True: pass")), cell_seconds=2)
    assert time.monotonic() - began < 60
    assert said == [
        (False, "cell 3 (first) failed. It took more than 2 s."),
        *(
            (False, f"{where} was not run: cell 3 (first) did not end.")
            for where in (
                "cell 4 (S5.1 Parameters counted by hand)",
                "cell 6 (S5.2 Counted layer by layer, with one layer more)",
            )
        ),
    ]


def test_a_kernel_that_ends(found):
    said = found(with_import(two_checks(first="import os\nos._exit(1)")))
    assert said[0][1].startswith("cell 3 (first) failed. Its process ended.")


def test_plain_tests_essays_and_other_courses(tmp_path):
    """A notebook that is of no known exercise is validated as it is."""
    essay = marked(v4.new_markdown_cell("Because."), "why", solution=True, grade=True, points=2)
    empty = marked(
        v4.new_markdown_cell("YOUR ANSWER HERE"), "how", solution=True, grade=True, points=1
    )
    made = notebook(
        given("1", "my-setup"),
        solution("x = 1", "my-x"),
        graded("assert x == 2, 'x is not 2'", "my-test", 1),
        graded("x / 0", "my-other-test", 1),
        essay,
        empty,
    )
    assert [(one.good, one.text) for one in validate(write(made, tmp_path / "other.ipynb"))] == [
        (False, "did not pass. x is not 2"),
        (False, "did not pass. ZeroDivisionError: division by zero"),
        (None, "has an answer, which a person grades (2 points)."),
        (False, "is still blank."),
    ]


def test_the_courses_own_exercises_are_known(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "coursegrader.validate.course_masters",
        lambda: [
            write(exercise(with_import(master_of_two()), "set"), tmp_path / "m" / "set.ipynb")
        ],
    )
    made = with_import(two_checks())
    del made.cells[5]
    (*_, last) = validate(write(made, tmp_path / "set-jane.ipynb"))
    assert "was deleted here" in last.text


def test_without_nbgrader_nothing_is_compared(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "nbgrader"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    path = write(with_import(two_checks()), tmp_path / "set.ipynb")
    found = validate(path)
    assert [one.good for one in found] == [True, True, None]
    assert "was not compared with it: nbgrader is not installed." in found[-1].text
    with pytest.raises(ImportError):
        validate(path, masters=[path])


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def test_the_command(tmp_path):
    master = write(with_import(master_of_two()), tmp_path / "master" / "set.ipynb")
    good = write(with_import(two_checks()), tmp_path / "good.ipynb")
    bad = write(with_import(two_checks(second="by_layer = 1")), tmp_path / "bad.ipynb")
    done = command("validate", good, "--master", master)
    assert done.exit_code == 0 and "✔ cell 4 (S5.1" in done.output, done.output
    done = command("validate", bad, "--master", master)
    assert done.exit_code == 1 and "✘ cell 6 (S5.2" in done.output
    assert "1 thing to look at" in done.output
    (tmp_path / "no.ipynb").write_text("{")
    for path, said in (("no.ipynb", "is no JSON"), ("none.ipynb", "No such file")):
        done = command("validate", tmp_path / path)
        assert done.exit_code == 2 and said in done.output, done.output


def test_another_language_is_refused(tmp_path):
    made = two_checks()
    made.metadata.kernelspec["language"] = "R"
    done = command("validate", write(made, tmp_path / "set.ipynb"))
    assert done.exit_code == 2 and "only Python notebooks" in done.output


@pytest.mark.parametrize(("stored", "status"), [("239\n", 0), ("240\n", 1)])
def test_outputs_are_compared_on_request(tmp_path, stored, status):
    made = notebook(v4.new_code_cell("print(239)"))
    made.cells[0].execution_count = 1
    made.cells[0].outputs = [v4.new_output("stream", text=stored)]
    path = write(made, tmp_path / "set.ipynb")
    # A project around the notebook makes no difference.
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    assert command("validate", path).exit_code == 0
    assert command("validate", path, "--outputs").exit_code == status


@pytest.mark.skipif(sys.platform == "win32", reason="the signal is sent otherwise there")
def test_an_interrupt_leaves_nothing_behind(tmp_path):
    started = tmp_path / "started"
    code = f"import os, time\nopen({str(started)!r}, 'w').write(str(os.getpid()))\ntime.sleep(300)"
    path = write(notebook(v4.new_code_cell(code)), tmp_path / "set.ipynb")
    coursekit = Path(sys.executable).with_name("coursekit")
    process = subprocess.Popen(
        [coursekit, "validate", path], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        until = time.monotonic() + 120
        while not (started.exists() and started.read_text()) and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and said.strip() == "Stopped. The notebook is as it was."
    kernel = int(started.read_text())
    until = time.monotonic() + 10
    while Path(f"/proc/{kernel}").exists() and time.monotonic() < until:
        time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)


def test_a_run_needs_nothing_of_linux():
    """On Windows and macOS, these modules can be imported as well."""
    code = (
        "import sys\nsys.modules.update(fcntl=None, resource=None, pwd=None)\n"
        "import coursegrader.validate, coursegrader.check_checks, coursegrader.commands"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
