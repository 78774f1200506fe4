"""Answers, names and texts that are built to harm what reads them, and the process that judges."""

from __future__ import annotations

import csv
import json
import re
import sys

import pytest
from nbformat import v4

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader.grade import grade
from coursegrader.grader import Options
from coursegrader.sandbox import Limits
from coursekit.exercises import catalogue
from tests.coursegrader.notebooks import given, graded, notebook, solution, write

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux"),
    pytest.mark.timeout(900),
]

CHECKS = """
from coursekit.exercises import declare, expect
from coursekit.exercises.kinds import Array, Model, Number

@declare("H1.1", "An array", points=1, numbers=Array())
def numbers(numbers):
    expect(numbers.tolist() == [1, 2, 3], "no")

@declare("H1.2", "A network", points=1, model=Model())
def model(model):
    expect(model.count_params() == 8, "no")

@declare("H1.3", "A number", points=1, total=Number())
def total(total):
    expect(total == 42, "no")
"""
NAMES = ("numbers", "model", "total")
NUMBERS, TOTAL = "numbers = [1, 2, 3]", "total = 42"
MODEL = (
    "import keras\nmodel = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])\n"
    "model.compile(loss='mse')"
)
# The submission's own process sends answers, so it can send anything.
SENDS = """
import io, json, os, zipfile
import coursegrader.answers as answers
real = answers.write
def sends(kind, make):
    answers.write = lambda wanted, value: (
        make(real(wanted, value)) if type(wanted).__name__ == kind else real(wanted, value)
    )
def unfolds(name, head):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(name, "w", force_zip64=True) as file:
            file.write(head)
            for _ in range(48):
                file.write(bytes(1 << 26))
    return out.getvalue()
def header(shape, kind="|u1"):
    import numpy.lib.format as form
    out = io.BytesIO()
    form.write_array_header_1_0(out, {"descr": kind, "fortran_order": False, "shape": shape})
    return out.getvalue()
def rezipped(content, change):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()
def lies():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("value.npy", header((2**40,), "<f8"))
    return out.getvalue()
"""
# By name: the code for each answer that is not honest. That answer earns nothing, the others do.
ANSWERS = {
    "array unfolds": {
        "numbers": "sends('Array', lambda _: unfolds('value.npy', header((3 << 30,))))"
    },
    "array lies about its shape": {"numbers": "sends('Array', lambda _: lies())"},
    "array of objects": {
        "numbers": "sends('Array', lambda _: (lambda out: (np.savez(out, value=np.array([print],"
        " dtype=object)), out.getvalue())[1])(io.BytesIO()))"
    },
    "array that is no archive": {"numbers": "sends('Array', lambda _: b'[' * 200_000)"},
    "number without end": {"total": "sends('Number', lambda _: b'9' * 5_000_000)"},
    "number that is deep": {"total": "sends('Number', lambda _: b'[' * 500_000)"},
    "number that is another kind": {"total": "sends('Number', lambda _: b'{\"a\": [42]}')"},
    "number that is true": {"total": "sends('Number', lambda _: b'true')"},
    "model unfolds": {"model": "sends('Model', lambda _: unfolds('config.json', b'{'))"},
    "model with a huge layer": {
        "model": "sends('Model', lambda old: rezipped(old, lambda name, content: content.replace("
        "b'\"units\": 2', b'\"units\": 200000000000')))"
    },
    "model with code": {
        "model": "model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: "
        "open('/proc/self/comm', 'w').write('caught') or x)])\nmodel.compile(loss='mse')"
    },
    "model that names a class of ours": {
        "model": "sends('Model', lambda old: rezipped(old, lambda name, content: content.replace("
        "b'keras.layers', b'os').replace(b'\"Dense\"', b'\"system\"')))"
    },
}
CHILDREN = """
import json, os, stat, struct, time
def frame(message, blob=b""):
    content = json.dumps(message).encode()
    data = struct.pack("!II", len(content), len(blob)) + content + blob
    for fd in range(3, 60):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, data)
        except OSError:
            pass
for child in range(2):
    if os.fork() == 0:
        until = time.monotonic() + 8
        while time.monotonic() < until:
            frame({"event": "answer", "name": "total"}, b"42" if child else b"41")
            frame({"event": "end", "nonce": "%016x" % child, "status": "ok"})
            time.sleep(0.02)
        os._exit(0)
time.sleep(1)
total = 0
"""
MARKUP = "<img src=x onerror=alert(1)>"
FORMULA = '=HYPERLINK("http://example.org";"x")'


def three(numbers=NUMBERS, model=MODEL, total=TOTAL):
    return notebook(
        given("import numpy as np", "setup"),
        solution(numbers, "numbers"),
        graded('check("H1.1", numbers=numbers)', "check-1", 1),
        solution(model, "model"),
        graded('check("H1.2", model=model)', "check-2", 1),
        solution(total, "total"),
        graded('check("H1.3", total=total)', "check-3", 1),
    )


def dishonest(**answers):
    honest = {"numbers": NUMBERS, "model": MODEL, "total": TOTAL}
    return three(**{
        name: f"{code}\n{SENDS}\n{answers[name]}" if name in answers else code
        for name, code in honest.items()
    })  # fmt: skip


@pytest.fixture(scope="module")
def class_(tmp_path_factory):
    """All of them, graded in one run with honest ones."""
    folder = tmp_path_factory.mktemp("answers")
    checks = folder / "course" / "checks.py"
    checks.parent.mkdir()
    checks.write_text(CHECKS)
    for name, answers in ANSWERS.items():
        write(dishonest(**answers), folder / "in" / f"{name}.ipynb")
    write(three(total=CHILDREN), folder / "in" / "two children.ipynb")
    for number in range(2):
        write(three(), folder / "in" / f"honest {number}.ipynb")
    write(
        three(total=f"print({FORMULA!r})\nprint({MARKUP!r})\nraise ValueError({FORMULA!r})"),
        folder / "in" / f"{MARKUP}.ipynb",
    )
    write(three(total=f"total = {FORMULA!r}"), folder / "in" / "=1+1.ipynb")
    large = three()
    large.cells.insert(1, v4.new_markdown_cell("*a_ " * (19_000_000 // 4)))
    write(large, folder / "in" / "large Markdown.ipynb")
    master = write(
        three(*(f"{n} = None\n### BEGIN SOLUTION\n{n} = 1\n### END SOLUTION" for n in "abc")),
        folder / "course" / "three.ipynb",
    )
    before = dict(catalogue._check_files)
    try:
        graded_ = grade(
            folder / "in",
            folder / "out",
            masters=[master],
            options=Options(
                cell_seconds=90,
                notebook_seconds=300,
                limits=Limits(memory=2 << 30),
                checks=(str(checks),),
            ),
            jobs=2,
        )
    finally:
        catalogue._check_files.clear()
        catalogue._check_files.update(before)
    rows = {row.path.removesuffix(".ipynb"): row for row in graded_.rows}
    return rows, folder / "out"


def test_the_honest_get_their_points(class_):
    for number in range(2):
        row = class_[0][f"honest {number}"]
        assert (row.points, row.status, row.remarks) == (3, "graded", ()), row.checks


@pytest.mark.parametrize("name", ANSWERS)
def test_such_an_answer_earns_nothing_and_costs_nothing_else(class_, name):
    row = class_[0][name]
    (lied,) = ANSWERS[name]
    earned = {name: one.earned for name, one in zip(NAMES, row.checks, strict=True)}
    said = [one.message for one in row.checks]
    assert earned.pop(lied) == 0, said
    assert all(earned.values()), (earned, said, row.remarks)
    assert row.checks[NAMES.index(lied)].message


def test_two_children_that_answer(class_):
    """They may spoil their parent's answers; the grader lives, and takes no end from them."""
    row = class_[0]["two children"]
    assert [one.earned for one in row.checks[:2]] == [1, 1]
    assert row.remarks, row.checks


def test_a_markdown_cell_of_19_mb(class_):
    row = class_[0]["large Markdown"]
    assert row.status == "not graded" and "characters of text" in row.remarks[0]


def test_markup_and_formulas_are_text(class_):
    rows, out = class_
    pages = [*out.glob("feedback/*.html"), out / "summary.html"]
    assert len(pages) == len(rows) + 1
    for page in pages:
        text = page.read_text()
        assert MARKUP not in text and "<script" not in text, page
    (shown,) = [row for path, row in rows.items() if "onerror" in path]
    page = (out / "feedback" / f"{shown.key}.html").read_text()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    with (out / "grades.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            for value in line.values():
                assert not re.match(r"[=+@\t\r]", value or ""), value
    json.loads((out / "results.json").read_text())
