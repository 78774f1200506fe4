"""What of nbgrader is the same, better or refused, says the page for graders; tests hold it."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

HERE = ROOT / "tests" / "coursegrader"
ROW = re.compile(r"^\| (.+?) \| (same|better|refused) \| (.*?) ?\|$", re.M)
# The tests behind each row, by its first words.
HELD_BY = {
    "autograded answers and tests": ["test_nbgrader_forms.py::test_points_as_nbgrader_gives_them"],
    "`### BEGIN SOLUTION`": [
        "test_release.py::test_marks_as_nbgrader_takes_them",
        "test_release.py::test_mark_schemes_are_removed",
        "test_grader_cases.py::test_hidden_tests_stay_hidden",
    ],
    "a solution cell without": [
        "test_release.py::test_free_text_is_replaced",
        "test_release.py::test_code_without_marks_is_replaced",
    ],
    "metadata of schema 0, 1": [
        "test_release.py::test_marks_of_older_schemas_are_converted",
        "test_nbgrader_forms.py::test_points_as_nbgrader_gives_them",
    ],
    "the last line of a test": ["test_grader_cases.py::test_points"],
    "a manually graded cell": ["test_nbgrader_forms.py::test_points_as_nbgrader_gives_them"],
    "a cell whose type": ["test_release.py::test_a_mark_that_was_taken_back_is_none"],
    "several notebooks": ["test_nbgrader_forms.py::test_a_folder_of_masters"],
    "files beside": [
        "test_grader_cases.py::test_files_beside_the_master",
        "test_nbgrader_forms.py::test_tests_read_the_masters_files",
    ],
    "a marker without its end": [
        "test_release.py::test_what_is_nearly_a_mark_is_refused",
        "test_release.py::test_marks_that_do_not_fit_together",
    ],
    "a blank that is a whole": ["test_release.py::test_cells_that_compiled_compile"],
    "a check that a student": ["test_hostile.py::test_tampering"],
    "code that harms": ["test_hostile.py::test_attack"],
    "`nbgrader validate`": ["test_validate.py::test_checks_that_were_deleted_or_changed"],
    "`### AUTOTEST`": ["test_release.py::test_autotests_have_to_be_made_first"],
    "kernels other than": ["test_release.py::test_what_is_refused"],
    "a master without a graded": ["test_nbgrader_forms.py::test_a_folder_of_masters"],
    "metadata of a schema newer": ["test_release.py::test_what_is_refused"],
}
ROWS = ROW.findall((ROOT / "book" / "grading.md").read_text(encoding="utf-8"))


def test_every_row_is_held():
    firsts = [first for first, _, _ in ROWS]
    assert len(ROWS) == len(HELD_BY), firsts
    for words in HELD_BY:
        assert sum(first.startswith(words) for first in firsts) == 1, words


@pytest.mark.parametrize("words", HELD_BY)
def test_its_tests_are_there(words):
    for test in HELD_BY[words]:
        file, name = test.split("::")
        assert f"def {name}(" in (HERE / file).read_text(encoding="utf-8"), test


def test_refusals_say_why():
    assert all(why for _, verdict, why in ROWS if verdict == "refused")
