"""Checks: how they are declared and found, and what a learner reads of them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from coursekit.exercises import (
    CheckFailed,
    Result,
    Wrong,
    catalogue,
    check,
    declare,
    declaring,
    every,
    expect,
    find,
    hint,
)
from coursekit.exercises.declaring import LEVELS
from coursekit.exercises.kinds import Array, Model, Number, Text
from tests.coursegrader.notebooks import RIGHT_FIRST, RIGHT_SECOND


@pytest.fixture(autouse=True)
def own_checks(monkeypatch):
    """Checks that a test declares end with it."""
    monkeypatch.setattr(declaring, "_registry", every())


def declared(judge, **answers):
    """Return a check that reads ``a`` (a number), or other answers."""
    return declare("T.1", "Of a test", points=2, **(answers or {"a": Number()}))(judge)


def right_answer():
    space = {}
    exec(f"{RIGHT_FIRST}\n{RIGHT_SECOND}", space)
    return space


# --------------------------------------------------------------------- declaring and finding


def test_every_check_is_found_by_its_name():
    assert len(every()) > 50
    for identifier, found in every().items():
        assert found.identifier == identifier and find(identifier) is found
        assert found.points > 0 and found.title and found.answers


def test_the_order_is_that_of_the_course():
    sets = list(dict.fromkeys(name.rpartition(".")[0].partition("-")[0] for name in every()))
    assert sets == ["S1", "S2", "2", "S5", "3", "4", "C"]


def test_every_hands_out_a_copy():
    every().clear()
    assert find("S5.1").points == 1


def test_a_declared_check_is_found():
    made = declared(lambda a: None)
    assert find("T.1") is made
    assert (made.title, made.points, list(made.answers)) == ("Of a test", 2, ["a"])


def test_two_checks_of_one_name_are_refused():
    first = declared(lambda a: None)
    with pytest.raises(ValueError, match=r"a check 'T\.1' already: Of a test\."):
        declared(lambda a: None)
    assert find("T.1") is first


def test_notebooks_of_before_import_check_from_its_former_home():
    from coursekit import grading

    assert grading.check is check and grading.__all__ == ["check"]


@pytest.mark.parametrize(("asked", "near"), [("S5.11", "S5.1"), ("s5.2", "S5.2"), ("2A3", "2-A.3")])
def test_an_unknown_name_suggests_near_ones(asked, near):
    with pytest.raises(KeyError) as caught:
        find(asked)
    said = caught.value.args[0]
    assert f"no check {asked!r}" in said and "Did you mean" in said
    assert near in said.partition("Did you mean ")[2].partition("?")[0].split(", ")


def test_a_name_like_no_other_suggests_none():
    with pytest.raises(KeyError) as caught:
        check("quite something else", a=1)
    assert "no check" in str(caught.value) and "Did you mean" not in str(caught.value)
    assert 'use("checks.py")' in caught.value.args[0]


@pytest.mark.parametrize("given", [{}, {"by_layer": [1]}, {"parameters": 239, "more": 1}])
def test_other_variables_are_refused(given):
    with pytest.raises(TypeError, match=r"'S5\.1' reads parameters; it was given") as caught:
        check("S5.1", **given)
    assert str(caught.value).endswith(f"{', '.join(given) or 'nothing'}.")


# -------------------------------------------------------------------------- what is printed


def test_a_right_answer(capsys):
    assert check("S5.1", parameters=right_answer()["parameters"]) is None
    assert capsys.readouterr().out == "✔ S5.1 Parameters counted by hand (1 point)\n"
    assert check("S5.2", by_layer=right_answer()["by_layer"]) is None


def test_points_in_the_plural(capsys):
    declared(lambda a: None)
    check("T.1", a=1)
    assert capsys.readouterr().out == "✔ T.1 Of a test (2 points)\n"


def test_a_wrong_answer(capsys):
    with pytest.raises(CheckFailed) as caught:
        check("S5.1", parameters=216)
    message = find("S5.1")({"parameters": 216}).message
    assert "`parameters`" in message
    # Said once: by the error, which stops the notebook.
    assert capsys.readouterr().out == ""
    assert str(caught.value) == f"✘ S5.1 Parameters counted by hand\n  {message}"
    assert isinstance(caught.value, AssertionError)  # nbval and pytest take it for a failure


def test_ipython_shows_the_message_once(tmp_path):
    code = "from coursekit.exercises import check\ncheck('S5.1', parameters=7)"
    (tmp_path / "cell.ipy").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=nocolor", "--quick", "cell.ipy"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "IPYTHONDIR": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
    )
    shown = done.stdout + done.stderr
    assert shown.count("✘ S5.1") == 1
    assert " ".join(shown.split()).count(find("S5.1")({"parameters": 7}).message) == 1
    assert "Traceback" not in shown and "catalogue.py" not in shown


def test_hints_come_one_after_the_other(capsys, monkeypatch):
    monkeypatch.setattr(catalogue, "_hints_shown", {})
    declare("T.1", "Of a test", points=2, level="basic", hints=("One.", "Two."), a=Number())(
        lambda a: None
    )
    for _ in range(3):
        hint("T.1")
    assert capsys.readouterr().out.splitlines() == [
        "Hint 1 of 2: One.", "Hint 2 of 2: Two.", "Hint 2 of 2: Two."
    ]  # fmt: skip
    with pytest.raises(KeyError, match=r"no check .*T\.0"):
        hint("T.0")


def test_long_hints_and_messages_break_between_words(capsys):
    declare("T.1", "Of a test", points=2, level="basic", hints=("word " * 60,), a=Number())(
        lambda a: expect(False, "one-hot " * 60)
    )
    hint("T.1")
    for text in (capsys.readouterr().out, str(find("T.1")({"a": 1}))):
        lines = text.rstrip("\n").split("\n")
        assert len(lines) > 3 and max(map(len, lines)) <= 90
        assert set(" ".join(lines[1:]).split()) <= {"word", "one-hot"}


def test_a_check_without_hints(capsys):
    declared(lambda a: None)
    hint("T.1")
    assert capsys.readouterr().out == "There are no hints for T.1.\n"


def test_a_kind_of_ones_own_is_refused():
    class Mine(Number):
        pass

    with pytest.raises(TypeError, match="reads `a` as a kind of your own"):
        declare("T.1", "Of a test", points=1, a=Mine())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"level": "easy"}, ValueError, "has the level 'easy'; it has to be one of basic,"),
        ({"hints": "Look."}, TypeError, "one string as hints; give a tuple"),
    ],
)
def test_levels_and_hints_of_other_kinds_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        declare("T.1", "Of a test", points=1, **options, a=Number())


@pytest.mark.parametrize("identifier", list(every()))
def test_every_check_of_the_course_has_a_level_and_three_hints(identifier):
    found = find(identifier)
    assert found.level in LEVELS[1:] and len(found.hints) == 3
    assert len({hint for hint in found.hints if hint.strip()}) == 3
    for text in found.hints:
        assert (
            (text[0].isupper() or text[0] in "`'")
            and text.endswith((".", "?", ":"))
            and len(text) <= 400
        ), text


def test_a_result_knows_what_was_earned():
    assert Result("T.1", "Of a test", 2, True).earned == 2
    assert Result("T.1", "Of a test", 2, False, "no").earned == 0


# ------------------------------------------------------------------------ what judging gives


def test_no_value_yet():
    made = declared(lambda a: None)
    for empty in (None, ...):
        result = made({"a": empty})
        assert not result.passed
        assert result.message == "`a` has no value yet. Your code has to give it one."
    result = made({"b": 1})
    assert not result.passed and result.message.startswith("`a` is not defined")


def test_the_first_of_several_that_is_missing_is_named():
    made = declared(lambda a, b: None, a=Number(), b=Text())
    assert made({"a": 1, "b": None}).message.startswith("`b` has no value yet")
    assert made({"a": 1}).message.startswith("`b` is not defined")
    assert made({"a": 1, "b": "x", "c": None}).passed


def test_an_answer_of_another_kind():
    result = declared(lambda a: None)({"a": "seven"})
    assert not result.passed
    assert result.message == "`a` is a str of length 5; a number is needed."


def test_the_judge_gets_plain_values():
    seen = {}
    made = declared(lambda a, b: seen.update(a=a, b=b), a=Number(), b=Array())
    assert made({"a": np.float32(2), "b": [1, 2]}).passed
    assert type(seen["a"]) is float and type(seen["b"]) is np.ndarray


def test_a_verdict_is_the_message():
    def judge(a):
        expect(a > 3, "Larger, please.")

    made = declared(judge)
    assert made({"a": 4}) == Result("T.1", "Of a test", 2, True, "")
    assert made({"a": 2}) == Result("T.1", "Of a test", 2, False, "Larger, please.")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a\n  long   " + "x" * 1000),
        ZeroDivisionError(),
        RecursionError("deep"),
        MemoryError(),
        AssertionError("of mine"),
        StopIteration(),
        KeyError("a"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_in_a_judge_never_passes(error):
    def judge(a):
        raise error

    result = declared(judge)({"a": 1})
    assert result.passed is False and result.earned == 0
    assert result.message.startswith(f"The answer could not be judged ({type(error).__name__}: ")
    assert "`a`" in result.message and "\n" not in result.message and len(result.message) < 500


def test_an_array_of_truth_values_is_no_condition():
    def judge(a):
        expect(a == a, "never said")

    result = declared(judge, a=Array())({"a": [1, 2]})
    assert not result.passed and "could not be judged" in result.message


def test_an_exception_while_reading_never_passes():
    class Odd:
        def __array__(self, *arguments, **options):
            raise RuntimeError("not today")

    result = declared(lambda a: None, a=Array())({"a": Odd()})
    assert not result.passed and "`a`" in result.message and "not today" in result.message


def test_an_interrupt_is_no_verdict():
    def judge(a):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        declared(judge)({"a": 1})


def test_expect():
    expect([0], "a list with something in it holds")
    with pytest.raises(Wrong, match=r"^so it is$"):
        expect([], "so it is")


def test_checks_of_models_import_no_keras_to_be_declared():
    """Reading a master, or asking for a check by name, must not cost seconds."""
    code = (
        "import sys, coursekit.exercises as g; g.every(); "
        "raise SystemExit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    )
    assert any(isinstance(kind, Model) for kind in find("S5.4").answers.values())
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
