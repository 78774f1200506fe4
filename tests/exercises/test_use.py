"""Checks of an instructor's own: a file beside the notebook, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from coursekit.exercises import CheckFailed, catalogue, check, declaring, every, find, use

CHECKS = """
from coursekit.exercises import declare, expect
from coursekit.exercises.kinds import Number

@declare("W3.1", "Rows for testing", points=2, rows=Number())
def rows_for_testing(rows):
    expect(rows == 30, f"`rows` is {rows:g}.")
"""
COURSE = list(every())


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder like a notebook's, in a process that has used no file yet."""
    monkeypatch.setattr(catalogue, "_check_files", {})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(content: str = CHECKS, name: str = "checks.py"):
    with open(name, "w", encoding="utf-8") as file:
        file.write(textwrap.dedent(content))
    return name


def refused(path, *said: str, error=ValueError) -> str:
    """What is said of a file, of which no check is known after that."""
    with pytest.raises(error) as caught:
        use(path)
    message = str(caught.value)
    for text in said:
        assert text in message, message
    assert list(every()) == COURSE
    return message


def test_checks_of_a_file_come_after_those_of_the_course(folder, capsys):
    assert use(written()) is None
    assert list(every()) == [*COURSE, "W3.1"]
    assert find("W3.1").points == 2
    check("W3.1", rows=30)
    assert capsys.readouterr().out == "✔ W3.1 Rows for testing (2 points)\n"
    with pytest.raises(CheckFailed, match="`rows` is 29"):
        check("W3.1", rows=29)
    assert list(declaring.declared()) == COURSE  # declarations elsewhere are not touched


def test_a_file_is_run_once_by_whatever_path(folder):
    written(CHECKS + "with open('runs', 'a') as file: file.write('x')")
    (folder / "below").mkdir()
    (folder / "other.py").symlink_to("checks.py")
    for path in ("checks.py", folder / "checks.py", "below/../checks.py", "other.py"):
        use(path)
    assert (folder / "runs").read_text() == "x"


def test_a_changed_file_replaces_its_checks():
    use(written())
    use(written(CHECKS.replace("W3.1", "W4.1"), "more.py"))
    use(written(CHECKS.replace("30", "31").replace("W3.1", "W3.2")))
    assert list(every()) == [*COURSE, "W4.1", "W3.2"]
    # As large as before and written in the same second: bytecode would be taken for the same.
    use(written(CHECKS.replace("30", "32").replace("W3.1", "W3.2")))
    assert find("W3.2")({"rows": 32}).passed


def test_an_unknown_check_says_how_to_add_it_until_a_file_is_used():
    with pytest.raises(KeyError, match=r"use\(\"checks\.py\"\)"):
        check("W3.1", rows=30)
    use(written())
    with pytest.raises(KeyError) as caught:
        check("W3.2", rows=30)
    assert "Did you mean W3.1" in str(caught.value) and "use(" not in str(caught.value)


def test_where_submissions_are_graded_nothing_is_used(monkeypatch):
    monkeypatch.setattr(catalogue, "_on_check", lambda identifier: None)
    assert use("there is no such file.py") is None
    use(written())
    assert list(every()) == COURSE


def test_the_course_is_there_when_a_file_is_the_first_to_ask():
    """A file that looks at the course's checks does not become their owner."""
    written(CHECKS + "from coursekit.exercises import find; find('S5.1')")
    code = (
        "from coursekit.exercises import declaring, every, use; use('checks.py');"
        "assert len(declaring.declared()) == len(every()) - 1 > 50"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_what_a_file_may_hold():
    use(
        written(
            """
            from __future__ import annotations
            import dataclasses
            from coursekit.exercises import declare, expect
            from coursekit.exercises.kinds import Number

            @dataclasses.dataclass
            class Bounds:
                low: float = 25
                high: float = 35

            if __name__ == "__main__":
                raise SystemExit("not a program")

            @declare("W3.1", "Über 25", points=1, rows=Number())
            def rows_for_testing(rows):
                expect(Bounds().low < rows < Bounds().high, f"{rows} in {__file__}")
            """
        )
    )
    assert find("W3.1")({"rows": 30}).passed
    assert find("W3.1")({"rows": 3}).message.endswith("checks.py")


def test_a_file_may_use_another():
    written(CHECKS.replace("W3.1", "W4.1"), "more.py")
    use_more = "from coursekit.exercises import use; use('more.py')\n"
    with pytest.raises(ValueError, match="division by zero"):
        use(written(CHECKS + use_more + "1 / 0"))
    assert list(every()) == [*COURSE, "W4.1"]
    use(written(CHECKS + use_more))
    assert list(every()) == [*COURSE, "W4.1", "W3.1"]


def test_annotations_are_those_of_the_file():
    """Our own `from __future__ import annotations` is not the file's."""
    use(written(CHECKS + "def f(a: int): pass\nassert f.__annotations__['a'] is int"))


@pytest.mark.parametrize("name", ["checks", "checks.ipynb", ""])
def test_what_is_no_python_file(folder, name):
    if name:
        written(name=name)
    refused(name, str(folder / name), "not a Python file", "ends in .py")


def test_a_file_that_is_not_there(folder):
    (folder / "folder.py").mkdir()
    for name in ("absent.py", "folder.py"):
        refused(name, f"no file {folder / name}", "path to where", error=FileNotFoundError)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("x = 1\nif:", 2, "SyntaxError"),
        (CHECKS + "def f():\n    return 1 / 0\nf()", 9, "ZeroDivisionError: division by zero"),
        ("import nothing_of_this_name", 1, "No module named 'nothing_of_this_name'"),
        (CHECKS + "raise SystemExit", 8, "SystemExit"),
        (CHECKS + CHECKS, 12, "a check 'W3.1' already: Rows for testing. Give this"),
        ("\0", 1, "null bytes"),
    ],
    ids=["syntax", "error", "import", "exit", "twice", "no text"],
)
def test_a_file_that_does_not_run(folder, content, line, said):
    refused(
        written(content), f"{folder / 'checks.py'} cannot be used. Correct its line {line}: ", said
    )


def test_an_interrupt_is_no_error_of_the_file():
    with pytest.raises(KeyboardInterrupt):
        use(written("raise KeyboardInterrupt"))


def test_a_check_that_the_course_has(folder):
    content = CHECKS + CHECKS.replace("W3.1", "S5.1")
    refused(
        written(content), str(folder / "checks.py"), "'S5.1' already: Parameters counted by hand"
    )
    assert find("S5.1").title == "Parameters counted by hand"


def test_a_check_that_another_file_has(folder):
    use(written())
    with pytest.raises(ValueError, match=r"other\.py cannot be used.* 'W3\.1' already"):
        use(written(CHECKS.replace("30", "31"), "other.py"))
    assert find("W3.1")({"rows": 30}).passed


def test_a_file_that_was_refused_can_be_corrected():
    use(written())
    refused(written("declare("), "SyntaxError")
    use(written())
    assert find("W3.1")({"rows": 30}).passed
