"""Each student gets a notebook of their own, and is judged by it whatever comes back."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import stat
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import v4
from nbgrader.utils import compute_checksum
from typer.testing import CliRunner

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader import variants
from coursegrader.grade import RefusedError, grade
from coursegrader.grader import Options
from coursegrader.master import Master, merge
from coursegrader.notebook import VariantMark, cells_of
from coursegrader.variants import (
    AS_GIVEN,
    Issued,
    Recipient,
    VariantCall,
    VariantError,
    find_calls,
    read_key,
    read_roster,
    seed_of,
    sign,
    verify,
)
from coursekit.cli import app
from coursekit.exercises import catalogue
from coursekit.exercises.variants import LARGEST_SEED, Draw
from tests.coursegrader.notebooks import given, graded, marked, notebook, printed, solution, write
from tests.coursegrader.test_grade import files, gradebook, one_warm_process, words  # noqa: F401

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

KEY = bytes(range(32))
OTHER_KEY = bytes(32)
# Lies beside the master, so that submissions can import it; the checks read it too.
NUMBERS = """
from coursekit.exercises.variants import declare_variant

@declare_variant("week")
def rows(draw):
    return draw.one_of("rows", 30, range(31, 100_031))
"""
CHECKS = """
from pathlib import Path
from coursekit.exercises import declare, expect
from coursekit.exercises.kinds import Number
from coursekit.exercises.variants import numbers

exec(Path(__file__).with_name("week_numbers.py").read_text())

@declare("V1.1", "Twice the rows", points=2, total=Number())
def total(total):
    expect(total == 2 * numbers("week"), "`total` is not twice the number of rows.")
"""
SETUP = """from coursekit.exercises import check, use, variant
import week_numbers
use("checks.py")"""
CALL = 'numbers = variant("week", {})'


def exercise(code: str, call: str = CALL.format(0)):
    return notebook(
        v4.new_markdown_cell("# The week", id="title"),
        given(SETUP, "setup"),
        given(call, "numbers"),
        solution(code, "answer"),
        graded('check("V1.1", total=total)', "check-total", 2),
    )


def master(call: str = CALL.format(0)):
    blank = "total = None\n### BEGIN SOLUTION\ntotal = 2 * numbers\n### END SOLUTION"
    return exercise(blank, call)


def rows_of(seed: int) -> int:
    """The number that `NUMBERS` draws."""
    return Draw(seed).one_of("rows", 30, range(31, 100_031))


def answered(path: Path, code: str, tampered=None):
    """A released notebook with an answer, after what a student did to it."""
    made = nbformat.read(path, as_version=4)
    made.cells[3].source = code
    if tampered:
        tampered(made)
    return made


def command(*said):
    return CliRunner().invoke(app, [str(word) for word in said], env={"COLUMNS": "200"})


def written_key(path: Path, key: bytes = KEY) -> Path:
    variants.write_key(path, key)
    return path


@pytest.fixture(autouse=True)
def only_the_courses_checks(monkeypatch):
    """Each test names its file anew."""
    monkeypatch.setattr(catalogue, "_check_files", {})


@pytest.fixture
def course(tmp_path):
    """A master, with its numbers and checks, a roster, and a key."""
    home = tmp_path / "course"
    write(master(), home / "week.ipynb")
    (home / "checks.py").write_text(CHECKS)
    (home / "week_numbers.py").write_text(NUMBERS)
    (tmp_path / "students.csv").write_text("student\nanna\nben\n")
    written_key(tmp_path / "variants.key")
    return tmp_path


def release(course, *more, solutions=None):
    out = ["--out", course / "handout", "--checks", course / "course" / "checks.py"]
    return command("release", solutions or course / "course" / "week.ipynb", *out, *more)


def read_master(course, name: str = "week", without=()) -> Master:
    catalogue.use(course / "course" / "checks.py")
    return Master.from_file(course / "course" / f"{name}.ipynb", without=without)


def handout(course, student=""):
    return nbformat.read(course / "handout" / student / "week.ipynb", as_version=4)


# ------------------------------------------------------------------ the call is found and changed


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ('numbers = variant("week", 0)', 'numbers = variant("week", 77)'),
        ("numbers = variant('week', seed=0)", "numbers = variant('week', seed=77)"),
        ('n = ex.variant(name="week", seed = 0 )', 'n = ex.variant(name="week", seed = 77 )'),
        ('é = 0; variant("week",\n  0x0,\n)  # 0', 'é = 0; variant("week",\n  77,\n)  # 0'),
        ('"é→𝛼", variant("week", 5), 0', '"é→𝛼", variant("week", 77), 0'),
        ('%matplotlib inline\nvariant("week", 0)', '%matplotlib inline\nvariant("week", 77)'),
        ('%%time\nif 1:\n  !ls\nvariant("week", 0)', '%%time\nif 1:\n  !ls\nvariant("week", 77)'),
        ('x = 0\r\nvariant("week", 0)\r\n', 'x = 0\r\nvariant("week", 77)\r\n'),
        ('print("\\d")\nvariant("week", 0)', 'print("\\d")\nvariant("week", 77)'),
    ],
)
def test_only_the_literal_is_replaced(source, changed):
    (call,) = find_calls(source)
    assert call.name == "week"
    assert call.write(source, 77) == changed
    assert find_calls(changed)[0].seed == 77


@pytest.mark.parametrize(
    "source",
    ['variant("week", seed)', 'variant("week")', 'variant("week", True)', 'variant("week", -1)',
     'variant("week", *[0])', f'variant("week", {LARGEST_SEED + 1})', 'variant("week", 0.0)'],
)  # fmt: skip
def test_a_seed_that_is_no_number(source):
    assert find_calls(source) == [VariantCall("week", None)]


@pytest.mark.parametrize(
    "source", ["", "variants('week', 0)", "variant(week, 0)", "variant()", "def (:", "# variant"]
)
def test_what_is_no_call(source):
    assert find_calls(source) == []


# ---------------------------------------------------------------------------------- one variant


def test_one_variant_for_all(course):
    done = release(course, "--variant", 2027)
    assert done.exit_code == 0, done.output
    made, plain = handout(course), master()
    assert made.cells[2].source == CALL.format(2027)
    assert made.cells[3].source == "total = None\n# YOUR CODE HERE"
    for place in (0, 1, 4):
        assert made.cells[place].source == plain.cells[place].source
    assert made.metadata["coursekit"] == {
        "variant": 2027,
        "student": "",
        "signature": sign(KEY, "week", "", 2027),
    }
    # nbgrader takes its locked cell for unchanged.
    marks = made.cells[2].metadata["nbgrader"]
    assert marks["checksum"] == compute_checksum(made.cells[2]) and marks["locked"]
    nbformat.validate(made)
    again = release(course, "--variant", 2027)
    assert again.output.count(": as it was") == 1
    differs = release(course, "--variant", 2028, "--check")
    assert differs.exit_code == 1 and "without --check" in differs.output
    assert handout(course).metadata["coursekit"]["variant"] == 2027


def test_a_variant_of_a_variant(course):
    assert release(course, "--variant", 5).exit_code == 0
    first = course / "handout" / "week.ipynb"
    shutil.copy(first, course / "course" / "week.ipynb")
    assert release(course, "--variant", 6).exit_code == 0
    assert handout(course).metadata["coursekit"]["signature"] == sign(KEY, "week", "", 6)
    assert release(course).exit_code == 0
    assert "coursekit" not in handout(course).metadata  # it is not signed for what it is


@pytest.mark.parametrize("seed", ["-1", str(2**31), "1.5", "x", ""])
def test_a_seed_that_is_refused(course, seed):
    done = release(course, "--variant", seed)
    assert done.exit_code == 2 and not (course / "handout").exists()
    assert isinstance(done.exception, SystemExit)


# ------------------------------------------------------------------------ one for each student


def test_one_for_each_student(course):
    done = release(course, "--roster", course / "students.csv")
    assert done.exit_code == 0, done.output
    assert sorted(files(course / "handout")) == ["anna/week.ipynb", "ben/week.ipynb"]
    seeds = {}
    for name in ("anna", "ben"):
        made = handout(course, name)
        seeds[name] = seed_of(KEY, "week", name)
        assert made.cells[2].source == CALL.format(seeds[name])
        assert made.metadata["coursekit"] == {
            "variant": seeds[name],
            "student": name,
            "signature": sign(KEY, "week", name, seeds[name]),
        }
    assert seeds["anna"] != seeds["ben"]


def test_they_stay_the_same(course):
    roster = course / "students.csv"
    assert release(course, "--roster", roster).exit_code == 0
    before = files(course / "handout")
    roster.write_text("id;student\n7;zoe\n3;Ben\n5;anna\n")
    shutil.rmtree(course / "handout")
    assert release(course, "--roster", roster).exit_code == 0
    after = files(course / "handout")
    assert after["anna/week.ipynb"] == before["anna/week.ipynb"] and len(after) == 3
    assert handout(course, "Ben").cells[2] == nbformat.reads(before["ben/week.ipynb"], 4).cells[2]
    assert release(course, "--roster", roster, "--check").exit_code == 0


def test_seeds_depend_on_key_set_and_student():
    seeds = {
        seed_of(key, name, student)
        for key in (KEY, OTHER_KEY)
        for name in ("week", "month")
        for student in ("anna", "ben", "week")
    }
    assert len(seeds) == 12 and all(1 <= seed <= LARGEST_SEED for seed in seeds)
    assert seed_of(KEY, "week", "Anna") == seed_of(KEY, "week", "anna")


# -------------------------------------------------------------------------------------- the key


def test_a_key_is_made_once_and_is_private(course):
    (course / "variants.key").unlink()
    old = os.umask(0)
    try:
        done = release(course, "--variant", 1)
    finally:
        os.umask(old)
    assert done.exit_code == 0, done.output
    assert "do not hand it out" in done.output and "variants.key" in done.output
    path = course / "variants.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made = path.read_bytes()
    assert len(read_key(path)) == 32 and list((course / "handout").iterdir()) == [
        course / "handout" / "week.ipynb"
    ]
    assert release(course, "--variant", 2).exit_code == 0 and path.read_bytes() == made
    named = course / "elsewhere" / "my.key"
    assert release(course, "--variant", 2, "--key", named).exit_code == 0
    assert read_key(named) != read_key(path)


@pytest.mark.parametrize("content", ["", "0" * 63, "0" * 65, "G" * 64, "0" * 500, "\0" * 64, None])
def test_a_key_that_cannot_be_used(course, content):
    path = course / "variants.key"
    path.unlink()
    path.mkdir() if content is None else path.write_text(content)
    done = release(course, "--variant", 1)
    assert done.exit_code == 2 and "Nothing was written" in done.output
    assert "variants.key is no " in done.output and not (course / "handout").exists()
    with pytest.raises(RefusedError, match=r"variants\.key is no "):
        grade(course, course / "out", key=path)


def test_a_key_is_not_handed_out(course):
    inside = course / "handout" / "deep" / "my.key"
    done = release(course, "--variant", 1, "--key", inside)
    assert done.exit_code == 2 and "which is handed out" in done.output
    assert not (course / "handout").exists()


def test_what_does_not_go_together(course):
    roster = course / "students.csv"
    for more, said in (
        (["--variant", 1, "--roster", roster], "give one of these options"),
        (["--key", course / "variants.key"], "leave it out"),
        (["--variant", 1, "--check", "--key", course / "no.key"], "there is no file"),
        (["--roster", course / "no.csv"], "No such file"),
    ):
        done = release(course, *more)
        assert done.exit_code == 2 and said in done.output, done.output
        assert not (course / "handout").exists() and not (course / "no.key").exists()


# ------------------------------------------------------------------------------- what is refused


UNLOCKED = notebook(marked(v4.new_code_cell(CALL.format(0)), "numbers"), given("1", "setup"))
REFUSED = {
    "no call": (notebook(given("1", "setup")), 'no cell calls variant("other", 0)'),
    "not locked": (UNLOCKED, "cell number 1 calls variant(...), but learners can edit it"),
    "not marked": (
        notebook(given("1", "setup"), v4.new_code_cell(CALL.format(0))),
        "cell number 2 calls variant(...), but",
    ),
    "no number": (master("seed = 0\nvariant('week', seed)"), "has to be written as a number"),
    "two calls": (master(f"{CALL.format(0)}\n{CALL.format(0)}"), "2 times (cell 'numbers')"),
    "two cells": (
        notebook(given(CALL.format(0), "a"), given(CALL.format(0), "b")),
        "2 times (cell 'a', 'b')",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_notebook_without_variants(course, name):
    made, said = REFUSED[name]
    other = write(made, course / "course" / "other.ipynb")
    (course / "variants.key").unlink()
    done = release(course, "--roster", course / "students.csv", solutions=course / "course")
    assert done.exit_code == 1 and said in done.output and str(other) in done.output
    # Nothing is written, not even of the notebook that has variants, and no key is made.
    assert not (course / "handout").exists() and not (course / "variants.key").exists()
    assert release(course, solutions=course / "course").exit_code == 0  # without variants


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty; its first row has to name a column `student`"),
        ("student\n\n  \n", "names no student"),
        ("pupil,class\nanna,1", "has no column `student`, `id`, .* first row is 'pupil,class'"),
        ("student,name\nanna,A\n,Ben B", r"line 3, ',Ben B': its student is empty"),
        ("student\nanna\n\n Anna ", r"line 4, 'Anna ': .*'Anna' is already in line 2"),
        ("id,email\n1,a@b\n1,c@d", r"line 3, '1,c@d': the id '1' is already in line 2"),
        ("student\n../anna", r"'\.\./anna' cannot be the name of a folder: it has '/'"),
        ("student\nan\\na", r"cannot be the name of a folder: it has '\\\\'"),
        ("student\n.anna", "begins or ends with a dot"),
        ("student\n..", "begins or ends with a dot"),
        ("student\nnul", "Windows keeps that name"),
        ("student\nNUL.txt", "Windows keeps that name"),
        ("student\nsubmitted", "takes such a folder for something else"),
        ("student\n__MACOSX", "takes such a folder for something else"),
        ("student\nanna.ipynb", "would take it for 'anna'"),
        ("student\nanna_123_assignsubmission_file", "would take it for 'anna'"),
        ("student\nan\u202ena", "would take it for"),
        ("student\n" + "x" * 300, "longer than 200 bytes"),
        ('student\n"anna', "line 2: it is no CSV file"),
        ("student\nänna".encode("latin-1"), "not in UTF-8"),
        ("student\nanna".encode("utf-16"), "not in UTF-8"),
    ],
)  # fmt: skip
def test_a_roster_that_is_refused(course, content, said):
    roster = course / "students.csv"
    roster.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(VariantError, match=said):
        read_roster(roster)
    (course / "variants.key").unlink()
    done = release(course, "--roster", roster)
    assert done.exit_code == 2 and str(roster) in done.output
    assert not (course / "handout").exists() and not (course / "variants.key").exists()


@pytest.mark.parametrize(
    ("content", "students"),
    [
        ("student\nanna\nben", ("anna", "ben")),
        ("\ufeffStudent ;Name\nanna;A, B\n\n ben ;", ("anna", "ben")),
        ("name\te-mail\tID\nAnna\ta@b.edu\t007", ("007",)),
        ("E-Mail,email\nx,anna@uni.edu", ("anna@uni.edu",)),
        ('username,name\nanna,"A\nB"\nÅsa Öberg,', ("anna", "Åsa Öberg")),
        ("student,id\nA\u030asa,1", ("Åsa",)),
    ],
)
def test_a_roster_that_is_read(tmp_path, content, students):
    path = tmp_path / "students.csv"
    path.write_text(content)
    assert read_roster(path).students == students


CLASS = """student,first name,last name,email
doe17,Jane,Doe,jane.doe@uni.edu
doe18,John,Doe,jdoe@uni.edu
mueller,Jürgen,Müller,jm@uni.edu
li,Wei,Li,wei@uni.edu
li2,Wei,Li,wei2@uni.edu
wei,Ana María,de la Cruz,ana@uni.edu
"""


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("doe17", "doe17"),
        ("DOE17", "doe17"),
        ("Jane Doe", "doe17"),  # Moodle
        ("doejane", "doe17"),  # Canvas
        ("doe, jane", "doe17"),
        ("jane_doe", "doe17"),
        ("jane.doe", "doe17"),
        ("jane.doe@uni.edu", "doe17"),
        ("Jurgen Muller", "mueller"),
        ("mullerjurgen", "mueller"),
        ("Ju\u0308rgen  Mu\u0308ller", "mueller"),
        ("delacruzanamaria", "wei"),
        ("Wei Li", "li li2"),
        ("wei", "wei"),  # an identifier counts more than the beginning of an address
        ("Doe", ""),
        ("capstone", ""),
        ("", ""),
        ("-", ""),
    ],
)
def test_students_are_recognised(tmp_path, name, matches):
    path = tmp_path / "students.csv"
    path.write_text(CLASS)
    assert read_roster(path).match(name) == tuple(matches.split())


# ------------------------------------------------------------------------ metadata may be anything


MARK = {"variant": 7, "student": "anna", "signature": "0" * 64}


@pytest.mark.parametrize("metadata", [None, [], 7, "coursekit", {}, {"kernelspec": {}}])
def test_no_mark(metadata):
    assert VariantMark.from_metadata(metadata) == VariantMark("missing")


@pytest.mark.parametrize(
    "mark",
    [
        None, [], 7, "x", {}, [MARK], {"variant": 7},
        *({**MARK, "variant": seed} for seed in (True, -1, 2**31, 7.0, "7", None, [7], 10**400)),
        *({**MARK, "student": name} for name in (None, 7, ["anna"], {}, "x" * 201, "x" * 10**6)),
        *({**MARK, "signature": text} for text in (None, 7, "", "0" * 63, "0" * 65, "Z" * 64,
                                                   "\u0660" * 64, "0" * 64 + "\n")),
    ],
)  # fmt: skip
def test_a_mark_that_is_unreadable(mark):
    read = VariantMark.from_metadata({"coursekit": mark})
    assert read == VariantMark("unreadable")
    assert VariantMark.from_metadata(read.to_metadata()) == read


def test_a_mark_that_is_read():
    read = VariantMark.from_metadata({"coursekit": {**MARK, "more": 1}, "other": 2})
    assert read == VariantMark("", 7, "anna", "0" * 64)
    assert read.to_metadata() == {"coursekit": MARK}


# ------------------------------------------------------------------------- which variant counts


def signed(student: str, seed: int | None = None, name="week", key=KEY) -> VariantMark:
    seed = seed_of(key, name, student) if seed is None else seed
    return VariantMark("", seed, student, sign(key, name, student, seed))


ANNA, BEN = seed_of(KEY, "week", "anna"), seed_of(KEY, "week", "ben")
LISTED = Recipient(KEY, "Anna A", True, ("anna",))
# In a roster that identifies her by her address; the notebooks were made for "anna" and "ben".
MAILED = Recipient(KEY, "Anna A", True, ("anna@uni.edu",), frozenset({"anna", "anna a"}))
BY_MAIL = seed_of(KEY, "week", "anna@uni.edu")
UNKNOWN = Recipient(KEY, "zed", True, ())
UNCLEAR = Recipient(KEY, "wei li", True, ("li", "li2"))
ALONE = Recipient(KEY, "ANNA", False)
MISSING, UNREADABLE = VariantMark("missing"), VariantMark("unreadable")
# Who handed in what, with which seed in its cell; the seed that counts, and what is said.
VERDICTS = {
    "own": (LISTED, signed("anna"), ANNA, ANNA, AS_GIVEN, ""),
    "own, cell lost": (LISTED, signed("anna"), None, ANNA, AS_GIVEN, ""),
    "own, cell edited": (LISTED, signed("anna"), 0, ANNA, "cell edited", "asks for variant 0; it"),
    "of another": (LISTED, signed("ben"), BEN, ANNA, "made for ben",
                   "was made for ben; anna was given another variant, by which it was judged"),
    "for all": (LISTED, signed("", 5), 5, ANNA, "made for the whole class", "own|another variant"),
    "own, by another name": (MAILED, signed("Anna"), ANNA, ANNA, AS_GIVEN, ""),
    "of another, by another name": (MAILED, signed("ben"), BEN, BY_MAIL,
                                    "made for ben", "was made for ben; anna@uni.edu was given"),
    "forged, by another name": (MAILED, VariantMark("", ANNA, "anna", "0" * 64), ANNA, BY_MAIL,
                                "signature does not fit", "own variant"),
    "forged": (LISTED, VariantMark("", ANNA, "anna", "0" * 64), ANNA, ANNA,
               "signature does not fit", "edited, .*; it was judged by anna's own variant"),
    "another seed": (LISTED, VariantMark("", 0, "anna", signed("anna").signature), 0, ANNA,
                     "signature does not fit", "asks for variant 0"),
    "of another set": (LISTED, signed("anna", name="month"), 3, ANNA,
                       "signature does not fit", "come from another notebook"),
    "of another key": (LISTED, signed("anna", key=OTHER_KEY), 3, ANNA,
                       "signature does not fit", "signed with another key"),
    "no metadata": (LISTED, MISSING, ANNA, ANNA, AS_GIVEN, "no longer say .* its locked cell does"),
    "published": (LISTED, MISSING, 0, ANNA, "metadata missing", "asks for variant 0; it ran with"),
    "no cell either": (LISTED, MISSING, None, ANNA, "metadata missing", "anna's own variant"),
    "unreadable": (LISTED, UNREADABLE, ANNA, ANNA, "metadata unreadable", "nothing about its"),
    "unknown": (UNKNOWN, signed("anna"), ANNA, ANNA, "made for anna", "zed is not in the roster"),
    "unknown, for all": (UNKNOWN, signed("", 5), 5, 5, "not in the roster", "not in the roster"),
    "unknown, unsigned": (UNKNOWN, MISSING, 0, 9, "metadata missing", "judged by variant 9"),
    "unclear": (UNCLEAR, signed("li"), seed_of(KEY, "week", "li"), seed_of(KEY, "week", "li"),
                "made for li", r"fits several students of the roster \(li, li2\)"),
    "no roster": (ALONE, signed("anna"), ANNA, ANNA, AS_GIVEN, ""),
    "no roster, for all": (ALONE, signed("", 5), 5, 5, AS_GIVEN, ""),
    "no roster, another": (ALONE, signed("ben"), BEN, BEN, "made for ben",
                           "made for ben; it was judged by the variant of ben, not .* --roster"),
    "no roster, forged": (ALONE, VariantMark("", 3, "anna", "0" * 64), 3, 9,
                          "signature does not fit", "judged by variant 9"),
    "no roster, no metadata": (ALONE, MISSING, ANNA, ANNA, AS_GIVEN, "its locked cell does"),
    "no roster, published": (ALONE, MISSING, 9, 9, "metadata missing", "judged by variant 9"),
    "no key": (None, MISSING, 9, 9, "", ""),
    "no key, no cell": (None, MISSING, None, 9, "", ""),
    "no key, a variant": (None, signed("anna"), ANNA, 9, "", f"variant {ANNA} .* --key"),
    "no key, only a seed": (None, MISSING, 5, 9, "", "variant 5 .* --key"),
    "no key, unreadable": (None, UNREADABLE, 9, 9, "", "a variant .* --key"),
    "no key, this variant": (None, signed("", 9), 9, 9, "", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", VERDICTS)
def test_which_variant_counts(name):
    recipient, mark, asked, seed, status, said = VERDICTS[name]
    verdict = verify(VariantCall("week", 9), mark, asked, recipient)
    assert (verdict.seed, verdict.status) == (seed, status), verdict
    assert verdict.trouble is (status not in ("", AS_GIVEN))
    assert re.search(said, "; ".join(verdict.remarks)) and bool(verdict.remarks) == bool(said)


def test_all_names_of_a_student_that_are_nobody_elses(tmp_path):
    path = tmp_path / "students.csv"
    path.write_text(CLASS + "jm,Jo,Mo,jo@uni.edu\n")
    recipient = Issued(KEY, read_roster(path)).recipient("Jürgen Müller")
    assert recipient.identifier == "mueller"  # and "jm" is somebody else's identifier
    assert recipient.names == {"mueller", "jm@uni.edu", "jürgen müller"}
    assert recipient.fingerprint != Recipient(KEY, "Jürgen Müller", True, ("mueller",)).fingerprint


def test_keys_are_not_shown():
    for one in (LISTED, Issued(KEY, None)):
        assert repr(KEY) not in repr(one) and KEY.hex() not in repr(one)
    assert KEY.hex() not in LISTED.fingerprint
    prints = {one.fingerprint for one in (LISTED, UNKNOWN, UNCLEAR, ALONE)}
    assert len(prints | {Recipient(OTHER_KEY, "Anna A", True, ("anna",)).fingerprint}) == 5


# ---------------------------------------------------------------------------- it is merged


def test_the_students_seed_is_merged(course):
    made = read_master(course)
    assert (made.variant.name, made.variant.seed, made.variant_cell) == ("week", 0, "numbers")
    assert made.with_seed(0) is made and made.with_seed(12345).with_seed(0).steps == made.steps
    for seed, spaces in ((0, ""), (7, "\n"), (12345, "  ")):
        cells = cells_of(exercise("x = 1", CALL.format(seed) + spaces))
        assert made.seed_in(cells) == seed
        merged = merge(made.with_seed(12345), cells)
        assert merged.remarks == ()
        assert merged.steps[2].source == merged.steps[2].shown == CALL.format(12345)
        assert merged.steps[3].source == "x = 1"


@pytest.mark.parametrize(
    "call",
    [CALL.format("0 + 1"), CALL.format(-1), CALL.format("x"), CALL.format(""), "numbers = 7",
     CALL.format("9" * 50), CALL.format("\u0663"), CALL.format(1) + "\nnumbers = 3", "",
     "numbers = variant(", ")", "(" * 100_000],
)  # fmt: skip
def test_an_edited_cell_is_put_back(course, call):
    made = read_master(course)
    cells = cells_of(exercise("x = 1", call))
    assert made.seed_in(cells) is None
    merged = merge(made.with_seed(5), cells)
    assert merged.remarks == ("cell 'numbers' was edited; the original was used",)
    assert merged.steps[2].source == CALL.format(5)


def test_masters_without_variants(course):
    for call in ("numbers = 7", "variant('week', seed)", f"{CALL.format(0)}\n{CALL.format(0)}"):
        write(master(call), course / "course" / "other.ipynb")
        made = read_master(course, "other")
        assert made.variant is None and made.with_seed(5) is made
        assert made.seed_in(cells_of(exercise("x", call))) is None


def test_private_files_are_not_given_to_submissions(course):
    home = course / "course"
    shutil.copy(course / "variants.key", home)
    shutil.copy(course / "variants.key", home / "named.key")
    shutil.copy(course / "students.csv", home)
    private = [home / "named.key", home / "students.csv"]
    names = {name for name, _ in read_master(course, without=private).files}
    assert names == {"checks.py", "week_numbers.py"}


# ------------------------------------------------------------------------- a class is graded


STUDENTS = """student,name
anna,Anna A
ben,Ben B
cleo,
dora,
emil,
fay,
gus,
hal,
ida@uni.edu,Ida Example
kim,
large,
deep,
types,
"""


def no_metadata(made):
    del made.metadata["coursekit"]


def wrong_types(made):
    made.metadata["coursekit"] = {"variant": "7", "student": ["x"], "signature": None}


def large(made):
    made.metadata["coursekit"]["student"] = "x" * 5_000_000
    made.metadata["coursekit"]["more"] = [["y"] * 1000] * 500
    made.metadata["notes"] = "z" * 5_000_000


def cell_of_the_published(made):
    made.cells[2].source = CALL.format(0)


def forged(made):
    seed = seed_of(KEY, "week", "anna")
    made.metadata["coursekit"] |= {"variant": seed, "student": "cleo"}
    made.cells[2].source = CALL.format(seed)


def of_another_set(made):
    mark = signed("hal", name="month")
    made.metadata |= mark.to_metadata()


LOOKS = """
import os
print("beside:", sorted(os.listdir()))
for path in {paths}:
    try:
        print("READ", open(path, "rb").read())
    except OSError as error:
        print("refused", type(error).__name__)
"""


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A class whose notebooks came back, most of them not as they were handed out."""
    place = tmp_path_factory.mktemp("school")
    home = place / "course"
    write(master(), home / "week.ipynb")
    (home / "checks.py").write_text(CHECKS)
    (home / "week_numbers.py").write_text(NUMBERS)
    written_key(home / "my.key")  # where it should not be
    (home / "students.csv").write_text(STUDENTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "_check_files", {})
        done = release(place, "--roster", home / "students.csv", "--key", home / "my.key")
    assert done.exit_code == 0, done.output

    def typed(whose: str) -> str:
        """The right answer for one student, as a number."""
        return f"total = {2 * rows_of(seed_of(KEY, 'week', whose) if whose else 0)}"

    def hand_in(name: str, whose: str, code: str, tampered=None, path=None):
        source = place / "handout" / whose / "week.ipynb" if whose else home / "week.ipynb"
        write(answered(source, code, tampered), place / "in" / (path or f"{name}.ipynb"))

    looks = LOOKS.format(paths=[str(home / "my.key"), str(home / "students.csv")])
    hand_in("anna", "anna", typed("anna") + looks)
    hand_in("ben", "anna", typed("anna"))
    hand_in("cleo", "cleo", typed("anna"), forged)
    hand_in("dora", "dora", typed("dora"), no_metadata)
    hand_in("emil", "", typed(""))
    hand_in("fay", "fay", typed("fay"), wrong_types)
    hand_in("gus", "gus", typed(""), cell_of_the_published)
    hand_in("hal", "hal", typed("hal"), of_another_set)
    moodle = "Ida Example_12345_assignsubmission_file_/week.ipynb"
    hand_in("ida", "ida@uni.edu", typed("ida@uni.edu"), path=moodle)
    # The variant that counts is the student's, so what the solution computes is right for it.
    hand_in("kim", "ben", "total = 2 * numbers")
    hand_in("zed", "anna", typed("anna"))
    hand_in("large", "large", typed("large"), large)
    hand_in("types", "types", typed("types"))
    hand_in("deep", "deep", typed("deep"))
    for name, value in (("types", "NaN"), ("deep", "[" * 10_000 + "]" * 10_000)):
        path = place / "in" / f"{name}.ipynb"
        made = json.loads(path.read_text())
        made["metadata"]["coursekit"] = "HERE"
        path.write_text(json.dumps(made).replace('"HERE"', value))
    return place


def graded_school(school, out="out", **changes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "_check_files", {})
        home = school / "course"
        settings = {"key": home / "my.key", "roster": home / "students.csv", **changes}
        return grade(
            school / "in",
            school / out,
            masters=[home / "week.ipynb"],
            options=Options(checks=(str(home / "checks.py"),)),
            exports=["gradescope"],
            **settings,
        )


@pytest.fixture(scope="module")
def marked_school(school, one_warm_process):  # noqa: F811
    done = graded_school(school)
    return done, {row.path.partition(".")[0]: row for row in done.rows}


EXPECTED = {
    "anna": (2, AS_GIVEN, ""),
    "ben": (0, "made for anna", "made for anna; ben was given another variant"),
    "cleo": (0, "signature does not fit", "judged by cleo's own variant"),
    "dora": (2, AS_GIVEN, "its metadata no longer say"),
    "emil": (0, "metadata missing", "asks for variant 0; it ran with variant"),
    "fay": (2, "metadata unreadable", "judged by fay's own variant"),
    "gus": (0, "cell edited", "asks for variant 0; it ran with variant"),
    "hal": (2, "signature does not fit", "come from another notebook"),
    "kim": (2, "made for ben", "made for ben; kim was given another variant"),
    "zed": (2, "made for anna", "zed is not in the roster"),
    "large": (2, "metadata unreadable", "judged by large's own variant"),
    "types": (2, "metadata unreadable", "judged by types's own variant"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_is_judged_by_their_own(marked_school, name):
    row = marked_school[1][name]
    points, status, said = EXPECTED[name]
    assert (row.points, row.variant) == (points, status), row.remarks
    assert said in "; ".join(row.remarks) and bool(said) == bool(row.remarks)
    assert row.status == ("graded" if status == AS_GIVEN else "graded, with trouble")
    asked = {"kim": "kim", "zed": "anna"}.get(name, name)
    assert row.cells[2].source == CALL.format(seed_of(KEY, "week", asked))


def test_a_name_of_moodle(marked_school):
    row = next(row for row in marked_school[0].rows if row.student == "Ida Example")
    assert (row.points, row.variant, row.remarks) == (2, AS_GIVEN, ())


def test_metadata_that_are_deeply_nested(marked_school):
    """Python may or may not read them; the others have their points."""
    row = marked_school[1]["deep"]
    if row.status == "not graded":
        assert "the file is no" in row.remarks[0]
    else:
        assert (row.points, row.variant) == (2, "metadata unreadable")
    assert not marked_school[0].fault


def test_nobody_reads_key_and_roster(marked_school):
    said = printed(marked_school[1]["anna"])
    assert "READ b''" in said or "refused" in said  # what is covered is empty
    assert KEY.hex() not in said and "Ida" not in said
    assert "beside: ['profile_default', 'week_numbers.py']" in said, said


def test_the_report_says_so(marked_school, school):
    out = school / "out"
    said = {line["student"]: line["variant"] for line in gradebook(out)}
    assert said["anna"] == AS_GIVEN and said["ben"] == "made for anna"
    assert said["cleo"] == "signature does not fit" and said["zed"] == "made for anna"
    for one in json.loads((out / "results.json").read_text())["submissions"]:
        assert one["variant"] == said[one["student"]]
    summary = words((out / "summary.html").read_text())
    assert "Variant" in summary and "made for anna" in summary
    row = marked_school[1]["ben"]
    page = words((out / "feedback" / f"{row.key}.html").read_text())
    assert "this notebook was made for anna; ben was given another variant" in page
    sent = json.loads((out / "gradescope" / f"{row.key}.json").read_text())
    assert "made for anna" in sent["output"]
    for path in (one for one in out.rglob("*") if one.is_file()):
        assert KEY.hex().encode() not in path.read_bytes()


def test_it_resumes(marked_school, school, tmp_path):
    copied = tmp_path / "school"
    shutil.copytree(school, copied)
    assert graded_school(copied).new == 0
    roster = copied / "course" / "students.csv"
    # One more student, and another name: only who is concerned is graded again.
    roster.write_text(STUDENTS.replace("ben,Ben B", "benjamin,Ben B") + "zed,\n")
    done = graded_school(copied)
    rows = {row.student: row for row in done.rows}
    assert done.new == 2
    assert (rows["zed"].points, rows["zed"].variant) == (0, "made for anna")
    assert "ben is not in the roster" in rows["ben"].remarks
    assert graded_school(copied).new == 0
    (copied / "course" / "my.key").unlink()
    written_key(copied / "course" / "my.key", OTHER_KEY)
    done = graded_school(copied)
    assert done.new == len(done.rows)
    rows = {row.student: row for row in done.rows}
    assert (rows["anna"].points, rows["anna"].variant) == (0, "signature does not fit")
    assert (rows["kim"].points, rows["kim"].variant) == (2, "signature does not fit")


@pytest.fixture
def few(school, tmp_path):
    """Some of the class, to be graded in other ways."""
    place = tmp_path / "few"
    shutil.copytree(school / "course", place / "course")
    for name in ("anna", "ben", "cleo", "dora", "emil"):
        (place / "in").mkdir(exist_ok=True)
        shutil.copy(school / "in" / f"{name}.ipynb", place / "in")
    return place


def test_without_a_roster_the_signature_counts(few):
    rows = {row.student: row for row in graded_school(few, roster=None).rows}
    assert {name: (row.points, row.variant) for name, row in rows.items()} == {
        "anna": (2, AS_GIVEN),
        "ben": (2, "made for anna"),
        "cleo": (0, "signature does not fit"),
        "dora": (2, AS_GIVEN),
        "emil": (2, "metadata missing"),
    }
    assert "with --roster, the student's own would count" in rows["ben"].remarks[0]


def test_without_a_key_all_is_as_before(few):
    done = graded_school(few, key=None, roster=None)
    rows = {row.student: row for row in done.rows}
    assert {name: row.points for name, row in rows.items()} == {
        "anna": 0, "ben": 0, "cleo": 0, "dora": 0, "emil": 2,
    }  # fmt: skip
    assert all("--key" in "; ".join(rows[name].remarks) for name in ("anna", "ben", "cleo", "dora"))
    assert rows["emil"].remarks == () and {row.status for row in done.rows} == {"graded"}
    assert "variant" not in gradebook(few / "out")[0]
    assert "<th>Variant</th>" not in (few / "out" / "summary.html").read_text()
    for one in json.loads((few / "out" / "results.json").read_text())["submissions"]:
        assert "variant" not in one
    assert graded_school(few, roster=None).new == 5  # with the key, all are graded again


def test_a_variant_for_the_whole_class(course):
    assert release(course, "--variant", 2027).exit_code == 0
    given_out = course / "handout" / "week.ipynb"
    write(answered(given_out, f"total = {2 * rows_of(2027)}"), course / "in" / "anna.ipynb")
    write(answered(given_out, "total = 60"), course / "in" / "ben.ipynb")
    said = ["--master", course / "course" / "week.ipynb"]
    said += ["--checks", course / "course" / "checks.py", "--key", course / "variants.key"]
    done = command("grade", course / "in", "--out", course / "out", *said)
    assert done.exit_code == 0, done.output
    assert "2 notebooks graded, 2 of them now; 0 need a look." in done.output
    table = list(csv.DictReader(io.StringIO((course / "out" / "grades.csv").read_text())))
    assert [(line["points"], line["variant"]) for line in table] == [
        ("2.0", AS_GIVEN),
        ("0.0", AS_GIVEN),
    ]
    # A roster of students who were given variants of their own: this is none of them.
    said += ["--roster", course / "students.csv"]
    done = command("grade", course / "in", "--out", course / "out", *said)
    assert "2 of them now; 2 need a look" in done.output, done.output
    assert gradebook(course / "out")[0]["variant"] == "made for the whole class"


def test_a_master_that_is_a_variant(course):
    """Without a key, the number in the master counts."""
    assert release(course, "--variant", 2027).exit_code == 0
    given_out = course / "handout" / "week.ipynb"
    write(answered(given_out, f"total = {2 * rows_of(2027)}"), course / "in" / "anna.ipynb")
    shutil.copy(given_out, course / "course" / "week.ipynb")
    options = Options(checks=(str(course / "course" / "checks.py"),))
    masters = [course / "course" / "week.ipynb"]
    (row,) = grade(course / "in", course / "out", masters=masters, options=options).rows
    assert (row.points, row.remarks) == (2, ())


def test_what_grading_refuses(course):
    (course / "in").mkdir()
    said = ["grade", course / "in", "--out", course / "out"]
    for more, text in (
        (["--roster", course / "students.csv"], "needs the key of the variants"),
        (["--key", course / "no.key"], "there is no file"),
        (["--key", course / "students.csv"], "is no key"),
        (["--key", course / "variants.key", "--roster", course / "no.csv"], "No such file"),
    ):
        done = command(*said, *more)
        assert done.exit_code == 2 and text in done.output, done.output
        assert isinstance(done.exception, SystemExit) and not (course / "out").exists()
    plain = notebook(solution("a = 1", "a"), marked(v4.new_code_cell("assert a"), "b", grade=True,
                                                    locked=True, points=1))  # fmt: skip
    path = write(plain, course / "plain" / "plain.ipynb")
    done = command(*said, "--master", path, "--key", course / "variants.key")
    assert done.exit_code == 2 and "no exercise here has variants: plain" in done.output


@pytest.mark.parametrize("known", [True, False])
def test_a_roster_with_other_identifiers(course, known):
    """The class was released with students.csv, and is graded with a worksheet of Moodle's."""
    names = {"anna": "Anna A", "ben": "Ben B", "cleo": "Cleo C"}
    (course / "students.csv").write_text("student\n" + "\n".join(names))
    assert release(course, "--roster", course / "students.csv").exit_code == 0
    lines = ["Identifier,Full name,Email address"]
    for number, (student, name) in enumerate(names.items()):
        lines.append(f"Participant {number},{name},{student if known else number}@uni.edu")
        code = f"total = {2 * rows_of(seed_of(KEY, 'week', student))}"
        made = answered(course / "handout" / student / "week.ipynb", code)
        write(made, course / "in" / f"{name}_{number}_assignsubmission_file_" / "week.ipynb")
    (course / "worksheet.csv").write_text("\n".join(lines))
    done = graded_school(course, key=course / "variants.key", roster=course / "worksheet.csv")
    found = [(row.points, row.variant) for row in done.rows]
    if known:
        assert found == [(2, AS_GIVEN)] * 3 and not done.fault
    else:
        assert found == [(0, "made for anna"), (0, "made for ben"), (0, "made for cleo")]
        assert "3 of 3 notebooks were made for nobody in the roster (the first was" in done.fault


def test_a_key_that_others_can_read(few):
    os.chmod(few / "course" / "my.key", 0o644)
    for name in ("anna", "ben", "cleo", "dora"):
        (few / "in" / f"{name}.ipynb").unlink()
    warned = []
    graded_school(few, warn=warned.append)
    assert any("can read" in text and "chmod 600" in text for text in warned)
