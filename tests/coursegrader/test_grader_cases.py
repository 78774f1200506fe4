"""Cases on which the grader once failed, each with others of its kind.

They are graded in few runs, as starting one takes seconds: a case is a master and the notebooks
handed in for it, and all cases of `CASES` are one class.
"""

from __future__ import annotations

import ast
import copy
import csv
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
import pytest
from nbformat import v4
from typer.testing import CliRunner

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader.grade import grade
from coursegrader.grader import Options
from coursegrader.master import Master
from coursegrader.notebook import BadNotebookError
from coursegrader.outcomes import CheckOutcome, SubmissionOutcome
from coursegrader.release import exercise
from coursegrader.sandbox import Limits
from coursekit.cli import app
from tests.coursegrader.notebooks import (
    RIGHT_FIRST,
    RIGHT_SECOND,
    given,
    graded,
    marked,
    master_of_two,
    notebook,
    printed,
    solution,
    two_checks,
    write,
)
from tests.coursegrader.test_grade import one_warm_process  # noqa: F401 (a fixture for all tests here)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux"),
    pytest.mark.timeout(600),
]

OPTIONS = Options(cell_seconds=20, notebook_seconds=60)


def essay(source: str, identifier: str = "essay", points: float = 3):
    """A Markdown cell that a person grades."""
    cell = v4.new_markdown_cell(source)
    return marked(cell, identifier, solution=True, grade=True, points=points)


def task(source: str, identifier: str = "task", points: float = 3):
    cell = v4.new_markdown_cell(source)
    return marked(cell, identifier, task=True, locked=True, points=points)


def own(source: str):
    """A cell that the learner added."""
    return v4.new_code_cell(source)


def delimited(text: str, begin: str = "### BEGIN {}", end: str = "### END {}", what="SOLUTION"):
    """Text between two marks."""
    return f"{begin.format(what)}\n{text}\n{end.format(what)}"


@dataclass
class Case:
    """A master and the notebooks that were handed in for it, by student."""

    master: nbformat.NotebookNode
    submissions: dict[str, nbformat.NotebookNode]
    files: dict[str, str] = field(default_factory=dict)
    """What lies beside the master."""


CASES: dict[str, Case] = {}


# ------------------------------------------------------- deleted solutions, model answers (01)

TOKEN = "TOKENOFTHESOLUTION"
SQUARES = f"def squares(n):  # {TOKEN}\n    return [i * i for i in range(1, n + 1)]"
# As nbgrader takes them: whatever stands around BEGIN SOLUTION in a line.
SPELLINGS = {
    "plain": ("### BEGIN {}", "### END {}"),
    "one sign": ("#BEGIN {}", "#END {}"),
    "no space": ("###BEGIN {}", "###END {}"),
    "words after": ("### BEGIN {} (for graders)", "### END {} (for graders)"),
    "two signs": ("## BEGIN {}", "## END {}"),
}
# Marks that nbgrader does not see: a master with them is refused, or nothing of it is shown.
NEAR_MISSES = {
    "small letters": ("### Begin Solution", "### End Solution"),
    "two spaces": ("### BEGIN  SOLUTION", "### END  SOLUTION"),
    "underscore": ("### BEGIN_SOLUTION", "### END_SOLUTION"),
}
MARKS = {"undelimited": None, **SPELLINGS, **NEAR_MISSES}


def squares_cells(text: str):
    return [
        given("1", "setup"),
        solution(text, "s"),
        graded("assert squares(2) == [1, 4]", "t", 5),
    ]


def deleted(marks) -> Case:
    master = notebook(*squares_cells(delimited(SQUARES, *marks) if marks else SQUARES))
    setup, _, test = squares_cells("")
    mine = "def squares(n):\n    return [1, 4]"
    return Case(
        master,
        {
            "keeps the first cell": notebook(setup),
            "deletes the solution": notebook(setup, test),
            "keeps none but the test": notebook(test),
            "empties the solution": notebook(*squares_cells("")),
            "makes it Markdown": notebook(setup, marked(v4.new_markdown_cell(mine), "s"), test),
            "solves": notebook(*squares_cells(mine)),
        },
    )


CASES |= {f"deleted, {name}": deleted(marks) for name, marks in MARKS.items()}

CASES["model answers"] = Case(
    notebook(
        given("1", "setup"),
        essay(delimited("MODELANSWER one"), "essay", 5),
        essay(delimited("MODELANSWER two", "<!-- BEGIN {} -->", "<!-- END {} -->"), "essay2", 5),
        essay("MODELANSWER three, with no marks around", "essay3", 5),
        task("Describe.\n" + delimited("MARKSCHEME 3 points", what="MARK SCHEME"), "task1"),
        task(
            "Draw.\n"
            + delimited("MARKSCHEME", "<!-- BEGIN {} -->", "<!-- END {} -->", "MARK SCHEME"),
            "task2",
        ),
        marked(own(delimited("x = 'MODELANSWER'")), "code", solution=True, grade=True, points=2),
        graded("assert 2 + 2 == 4", "t", 5),
    ),
    {
        "deletes all": notebook(given("1", "setup"), task("Describe.", "task1")),
        "keeps blanks": notebook(given("1", "setup"), essay("My words", "essay", 5)),
    },
)


# --------------------------------------------------------------------- hidden tests shown (08)


def hidden(marks) -> Case:
    secret = delimited("assert squares(7)[6] == 49, 'SECRETTEST'", *marks, "HIDDEN TESTS")
    cells = (
        solution(delimited("pass"), "s"),
        graded(f"assert squares(2) == [1, 4]\n{secret}", "t", 5),
    )
    shown = graded("assert squares(2) == [1, 4]", "t", 5)
    return Case(
        notebook(*cells),
        {
            "knows the example": notebook(solution("def squares(n): return [1, 4]", "s"), shown),
            "solves": notebook(solution(SQUARES, "s"), shown),
        },
    )


HIDDEN = {**SPELLINGS, "indented": ("    ### BEGIN {}", "    ### END {}")}
CASES |= {f"hidden, {name}": hidden(marks) for name, marks in HIDDEN.items()}


# ------------------------------------------------------- files beside the master, imports (09)

BESIDE = """import glob, os, sys
import helper
import pandas as pd
d = pd.read_csv('data.csv')
deep = open('folder/deep.txt').read()
print('NOTEBOOKS', glob.glob('**/*.ipynb', recursive=True))"""


def beside(source: str):
    return notebook(given(BESIDE, "setup"), solution(source, "s"), graded("assert x == 4", "t", 5))


CASES["files beside"] = Case(
    beside(delimited("x = helper.f(d.a.sum())")),
    {
        "uses them": beside("x = helper.f(d.a.sum())"),
        "changes them": beside("open('data.csv', 'w').write('a\\n1000')\nx = 5"),
    },
    {"helper.py": "def f(x): return int(x) + 1\n", "data.csv": "a\n1\n2\n", "folder/deep.txt": "1"},
)


def imports(source: str):
    return notebook(solution(source, "s"), graded("import helper\nassert helper.f() == 3", "t", 5))


CASES["written, then imported"] = Case(
    imports(delimited("pass")),
    {
        "by a magic": imports("%%writefile helper.py\ndef f(): return 3"),
        "by open": imports("with open('helper.py', 'w') as f:\n    f.write('def f(): return 3')"),
        "in a package": imports(
            "import os\nos.mkdir('helper')\n"
            "open('helper/__init__.py', 'w').write('def f(): return 3')"
        ),
    },
)


# ----------------------------------------------------------------- tests that are fooled (13)

SEEN = "assert squares(1) == [1]\nassert squares(2) == [1, 4]"
UNSEEN = "assert squares(5) == [1, 4, 9, 16, 25], 'SECRETMESSAGE'\nassert len(squares(11)) == 11"


def in_process(first: str, second: str = "pass", *, whole: bool = False):
    """The notebook of these tests; the master has the hidden ones as well."""
    tests = (
        delimited(UNSEEN, what="HIDDEN TESTS"),
        delimited("assert total(10) == 385", what="HIDDEN TESTS"),
    )
    if whole:
        first, second = delimited(first), delimited(second)
    return notebook(
        given("import numpy as np", "setup"),
        solution(first, "squares"),
        graded(SEEN, "test_squares", 1),
        graded(f"# hidden\n{tests[0] if whole else ''}", "hidden_squares", 1),
        solution(second, "total"),
        graded(f"assert total(2) == 5\n{tests[1] if whole else ''}", "test_total", 2),
    )


ANYTHING = """class Anything:
    def __eq__(self, other): return True
    def __len__(self): return 11
"""
# What finds the objects that speak to the grader, whatever they are called.
CHANNELS = """import gc
channels = [o for o in gc.get_objects() if hasattr(type(o), "send") and
            str(type(o).__module__).startswith("coursegrader")]
assert channels
"""
TOTAL = "def total(n): return sum(squares(n))"
# By name: the first and second solution, and what the code earns by its answers alone.
FOOLING = {
    "patches eval": (
        "import coursegrader.runner as r\nassert r._eval\nr._eval = lambda *a: None",
        "pass",
        0,
    ),
    "patches the builtins put aside": (
        "import coursegrader.runner as r\n"
        "r._original_builtins['len'] = lambda x: 11\n"
        f"{ANYTHING}\ndef squares(n): return Anything()",
        f"{ANYTHING}\ndef total(n): return Anything()",
        0,
    ),
    "equal to everything": (
        f"{ANYTHING}\ndef squares(n): return Anything()",
        f"{ANYTHING}\ndef total(n): return Anything()",
        0,
    ),
    "equal to everything, as a list": (
        "class E(list):\n    def __eq__(self, other): return True\n"
        "    def __len__(self): return 11\ndef squares(n): return E()",
        "class N(int):\n    def __eq__(self, other): return True\n"
        "    __hash__ = None\ndef total(n): return N()",
        0,
    ),
    "forges verdicts": (
        CHANNELS + "import os\nfor ch in channels:\n"
        "    ch.send({'event': 'end', 'step': 1, 'status': 'ok'})\n"
        "    for n, tests in ((2, 1), (3, 1), (4, 0), (5, 1)):\n"
        "        ch.send({'event': 'start', 'step': n})\n"
        "        if tests: ch.send({'event': 'verdict', 'step': n, 'failed': ''})\n"
        "        ch.send({'event': 'end', 'step': n, 'status': 'ok'})\nos._exit(0)",
        "pass",
        0,
    ),
    "patches ast": (
        "import ast\n_p = ast.parse\n"
        "ast.parse = lambda s, *a, **k: _p('' if 'assert' in s else s, *a, **k)",
        "pass",
        0,
    ),
    "patches what transforms": (
        "import gc\nfor o in gc.get_objects():\n"
        "    if type(o).__name__ == '_NotebookShell': o.transform = lambda s: ''\n"
        "get_ipython().transform_cell = lambda s: ''",
        "pass",
        0,
    ),
    "patches the step": (
        "import coursegrader.runner as r\n"
        "assert r._NotebookShell._run_tests\n"
        "r._NotebookShell._run_tests = lambda self, s, verdict: verdict.update(failed='') or 'ok'",
        "pass",
        0,
    ),
    "jumps over lines": (
        "import sys\ndef tr(frame, event, arg):\n"
        "    if 'tests' in frame.f_code.co_filename or frame.f_globals.get('squares'):\n"
        "        frame.f_trace_lines = True\n        if event == 'line':\n"
        "            last = max(l for _, _, l in frame.f_code.co_lines() if l)\n"
        "            try: frame.f_lineno = last\n            except Exception: pass\n"
        "    return tr\nsys.settrace(tr)",
        "pass",
        0,
    ),
    "a namespace of its own": (
        "ip = get_ipython()\n" + ANYTHING + "class D(dict):\n"
        "    def __getitem__(self, k):\n"
        "        mine = {'squares': lambda n: Anything(), 'total': lambda n: Anything(),\n"
        "                'len': lambda x: 11}\n"
        "        return mine[k] if k in mine else dict.__getitem__(self, k)\n"
        "ip.user_ns = D(ip.user_ns)",
        "pass",
        0,
    ),
    "looks the tests up": (
        "import gc, re\nsrc = [o['source'] for o in gc.get_objects()\n"
        "       if type(o) is dict and o.get('kind') == 'tests']\n"
        "pairs = dict(re.findall(r'squares\\((\\d+)\\) == (\\[.*?\\])', '\\n'.join(src)))\n"
        "tot = dict(re.findall(r'total\\((\\d+)\\) == (\\d+)', '\\n'.join(src)))\n"
        "def squares(n): return eval(pairs[str(n)]) if str(n) in pairs else [0] * n",
        "def total(n): return int(tot[str(n)])",
        0,
    ),
    "swallows the error": (
        "import builtins\nclass Quiet(BaseException): pass\nbuiltins.AssertionError = Quiet\n"
        "import coursegrader.runner as r\nr.BaseException = ()",
        "pass",
        0,
    ),
    "changes what is sent": (
        "def squares(n): return [1] if n == 1 else [1, 4]\n" + CHANNELS + "for ch in channels:\n"
        "    kind = next(k for k in type(ch).__mro__ if 'send' in vars(k))\n"
        "    def send(self, m, *b, _s=kind.send):\n"
        "        if isinstance(m, dict) and m.get('event') == 'verdict':\n"
        "            m = {**m, 'failed': ''}\n        return _s(self, m, *b)\n"
        "    kind.send = send",
        "pass",
        1,
    ),
    "redefines assert's error in the namespace": (
        "class AssertionError(BaseException): pass\n__debug__ if True else 0\n"
        "import sys\nsys.flags.optimize if False else 0",
        "pass",
        0,
    ),
    "ends at the test": (
        "class Ends:\n    def __eq__(self, other):\n        raise SystemExit(0)\n"
        "def squares(n): return Ends()",
        "def total(n):\n    import os\n    os._exit(0)",
        0,
    ),
}
CASES["fooled"] = Case(
    in_process(SQUARES, TOTAL, whole=True),
    {
        "honest": in_process(SQUARES, TOTAL),
        **{name: in_process(first, second) for name, (first, second, _) in FOOLING.items()},
    },
)


# ------------------------------------------- points by a person, partial credit (15, and more)

PARTIAL = "points = 0\nif callable(f): points += f(1) == 1\nif callable(f): points += f(2) == 4\n"


def partly(source: str, *, whole: bool = False):
    return notebook(
        solution(delimited(source) if whole else source, "f"),
        graded(PARTIAL + "float(points)", "partial", 2),
        graded("1.5 if f(3) == 9 else 0", "expression", 3),
        graded("f(1) == 1", "a-truth-value", 1),
        graded("1000 if f(3) == 9 else -1000", "too-many", 1),
    )


CASES["partial credit"] = Case(
    partly("f = lambda x: x * x", whole=True),
    {
        "all": partly("f = lambda x: x * x"),
        "some": partly("f = lambda x: x"),
        "none": partly("f = lambda x: -1"),
        "raises": partly("def f(x): raise ValueError(x)"),
        "prints numbers": partly("def f(x):\n    print(2.0)\n    return -1"),
    },
)


def with_essay(words: str, **changes):
    made = two_checks(**changes)
    made.cells.append(essay(words))
    return made


CASES["manual"] = Case(
    with_essay("YOUR ANSWER HERE"),
    {"right": with_essay("My answer"), "wrong": with_essay("My answer", second="by_layer = [1]")},
)


# -------------------------------------------------------- the checks answer themselves (23)

READS = "import glob, os\nimport coursekit.exercises as g\nfor folder in g.__path__:\n"
ASKS = {
    "imports": "import coursekit.exercises.checks.first_model as f",
    "imports the package": "from coursekit.exercises import checks",
    "imports by name": "import importlib\nimportlib.import_module('coursekit.exercises.checks')",
    "asks for every check": "from coursekit.exercises import every\nevery()['S5.2']",
    "asks for one": "from coursekit.exercises import find\nfind('S5.2')",
    "finds it loaded": (
        "import sys\nmine = [m for n, m in sys.modules.items() if 'exercises.checks' in n]\n"
        "assert mine\nmine[0]"
    ),
    "reads the files": (
        READS + "    for name in glob.glob(folder + '/checks/**/*', recursive=True):\n"
        "        if open(name, 'rb').read(): break\n    else: raise ImportError\n"
    ),
    "runs a process that imports": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c',"
        " 'import coursekit.exercises.checks.iris'], check=True)"
    ),
}
CASES["asks the checks"] = Case(
    master_of_two(),
    {
        "honest": two_checks(),
        # A learner looks at a check while working, and leaves the cell in.
        "calls a check": two_checks(second=f"{RIGHT_SECOND}\ncheck('S5.2', by_layer=by_layer)"),
        **{
            name: two_checks(second=f"by_layer = 0\n{code}\nprint('GOT' + 'IT')")
            for name, code in ASKS.items()
        },
    },
)


# ------------------------------------------------------------- all of these in one run


def prefixed(made: nbformat.NotebookNode, prefix: str) -> nbformat.NotebookNode:
    """Give cells names of their own, so that a notebook belongs to one master of many."""
    made = copy.deepcopy(made)  # cells are shared by several notebooks
    for cell in made.cells:
        if marks := cell.metadata.get("nbgrader"):
            marks["grade_id"] = f"{prefix}-{marks['grade_id']}"
    return made


def slug(name: str) -> str:
    return re.sub(r"\W+", "-", name)


@dataclass
class Run:
    """What came of all cases."""

    out: Path
    rows: dict[tuple[str, str], SubmissionOutcome]
    refused: dict[str, str]

    def row(self, case: str, student: str) -> SubmissionOutcome:
        return self.rows[slug(case), slug(student)]

    def page(self, case: str, student: str) -> str:
        return (self.out / "feedback" / f"{self.row(case, student).key}.html").read_text()

    def line(self, case: str, student: str) -> dict[str, str]:
        """A line of the gradebook."""
        with (self.out / "grades.csv").open(newline="") as file:
            lines = [line for line in csv.DictReader(file)]
        (found,) = [one for one in lines if one["file"] == self.row(case, student).path]
        return found

    def everywhere(self, case: str, student: str) -> str:
        """All that a student or grader is shown of one notebook."""
        return self.page(case, student) + repr(self.row(case, student))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("cases")
    masters, refused = [], {}
    for name, case in CASES.items():
        prefix = slug(name)
        place = folder / "masters" / prefix / f"{prefix}.ipynb"
        write(prefixed(case.master, prefix), place)
        for path, content in case.files.items():
            (place.parent / path).parent.mkdir(exist_ok=True)
            (place.parent / path).write_text(content)
        try:
            Master.from_file(place)
        except BadNotebookError as error:
            refused[name] = str(error)
            continue
        masters.append(place)
        for student, made in case.submissions.items():
            # The folder names the student; the file names the exercise, if no cell does.
            path = folder / "in" / f"{slug(student)}~{prefix}" / f"{prefix}.ipynb"
            write(prefixed(made, prefix), path)
    graded = grade(
        folder / "in",
        folder / "out",
        masters=masters,
        options=OPTIONS,
        jobs=2,
        exports=["gradescope"],
    )
    rows = {tuple(reversed(row.path.split("/")[0].split("~"))): row for row in graded.rows}
    return Run(folder / "out", rows, refused)


def check(row: SubmissionOutcome, name: str) -> CheckOutcome:
    (found,) = [check for check in row.checks if check.id.endswith(name)]
    return found


@pytest.mark.parametrize("marks", MARKS)
class TestDeletedSolution:
    """A cell that was deleted comes back blank, however its solution was marked."""

    WITHOUT_WORK = (
        "keeps the first cell",
        "deletes the solution",
        "keeps none but the test",
        "empties the solution",
    )

    def test_no_points_and_nothing_shown(self, run, marks):
        case = f"deleted, {marks}"
        if case in run.refused:
            assert marks in NEAR_MISSES, run.refused[case]
            return
        for student in self.WITHOUT_WORK:
            row = run.row(case, student)
            assert (row.points, row.possible) == (0, 5), (student, row.remarks)
            assert TOKEN not in run.everywhere(case, student), student

    def test_work_counts(self, run, marks):
        case = f"deleted, {marks}"
        if case not in run.refused:
            assert run.row(case, "solves").points == 5
            assert run.row(case, "solves").remarks == ()
            assert TOKEN not in run.everywhere(case, "makes it Markdown")


@pytest.mark.parametrize("student", CASES["model answers"].submissions)
def test_model_answers_and_mark_schemes_are_for_graders(run, student):
    assert "model answers" not in run.refused
    shown = run.everywhere("model answers", student)
    assert "MODELANSWER" not in shown and "MARKSCHEME" not in shown
    row = run.row("model answers", student)
    assert row.possible == 5 + 5 + 5 + 3 + 3 + 2 + 5
    assert row.points == 5  # of the test, which asks for nothing
    # Blanks of text earn 0, as in nbgrader; what was written, and every task, waits for a person.
    waiting = {"task1", "task2"} | ({"essay"} if student == "keeps blanks" else set())
    manual = [entry for entry in row.checks if entry.by == "a person"]
    assert len(manual) == 6 and not any(entry.earned for entry in manual)
    left = {entry.id.removeprefix("model-answers-") for entry in manual if entry.passed is None}
    assert left == waiting


@pytest.mark.parametrize("marks", HIDDEN)
def test_hidden_tests_stay_hidden(run, marks):
    case = f"hidden, {marks}"
    if marks == "indented":
        # In the middle of nothing, the test is no Python; where it is taken, it is hidden.
        if case in run.refused:
            return
    else:
        assert case not in run.refused
        assert run.row(case, "solves").points == 5
    row = run.row(case, "knows the example")
    assert row.points == 0 and row.remarks == ()
    assert "SECRETTEST" not in run.page(case, "knows the example")
    assert "squares(7)" not in run.page(case, "knows the example")
    line = json.dumps(run.line(case, "knows the example"))
    assert "SECRETTEST" not in line


def test_files_beside_the_master(run):
    row = run.row("files beside", "uses them")
    assert (row.points, row.remarks) == (5, ()), printed(row)
    # Not the master itself, in which the solution is.
    assert "NOTEBOOKS []" in printed(row)
    # Each has a copy: nobody changes the others' or ours.
    assert run.row("files beside", "changes them").points == 0
    data = run.out.parent / "masters" / "files-beside" / "data.csv"
    assert data.read_text() == CASES["files beside"].files["data.csv"]


@pytest.mark.parametrize("student", CASES["written, then imported"].submissions)
def test_written_then_imported(run, student):
    row = run.row("written, then imported", student)
    assert row.points == 5, (row.checks, printed(row))


class TestFooled:
    """Tests beside a student's code: fooled, they give nothing, or the gradebook says so."""

    @pytest.mark.parametrize("way", FOOLING)
    def test_nothing_or_a_word(self, run, way):
        row, most = run.row("fooled", way), FOOLING[way][2]
        said = re.search("tamper", " ".join(row.remarks), re.I)
        assert row.points <= most or said, (row.points, row.remarks, row.checks)
        if said:
            assert "tamper" in run.line("fooled", way)["remarks"].lower()

    def test_the_honest(self, run):
        row = run.row("fooled", "honest")
        assert (row.points, row.remarks, row.status) == (4, (), "graded")
        assert {entry.by for entry in row.checks} == {"in-process"}

    def test_the_column(self, run):
        assert float(run.line("fooled", "honest")["in_process"]) == 4
        assert float(run.line("manual", "right")["in_process"] or 0) == 0

    def test_no_hidden_message(self, run):
        for way in FOOLING:
            assert "SECRETMESSAGE" not in run.page("fooled", way), way


class TestPartialCredit:
    @pytest.mark.parametrize(
        ("student", "partial", "expression"),
        [
            ("all", 2, 1.5),
            ("some", 1, 0),
            ("none", 0, 0),
            ("raises", 0, 0),
            ("prints numbers", 0, 0),
        ],
    )
    def test_points(self, run, student, partial, expression):
        row = run.row("partial credit", student)
        assert check(row, "partial").earned == partial
        assert check(row, "expression").earned == expression
        for entry in row.checks:
            assert 0 <= entry.earned <= entry.points, entry
        assert row.points == sum(entry.earned for entry in row.checks)

    def test_a_truth_value_is_no_number(self, run):
        row = run.row("partial credit", "all")
        assert check(row, "a-truth-value").earned == 1


class TestManual:
    def test_empty_and_waiting(self, run):
        line = run.line("manual", "right")
        (column,) = [name for name in line if name.endswith("manual-essay")]
        assert (line[column], line["status"]) == ("", "waiting")
        assert (float(line["points"]), float(line["possible"])) == (2, 5)
        assert float(line["waiting"]) == 3
        assert float(run.line("manual", "wrong")["points"]) == 1

    def test_gradescope_shows_no_zero(self, run):
        key = run.row("manual", "right").key
        content = json.loads((run.out / "gradescope" / f"{key}.json").read_text())
        (entry,) = [test for test in content["tests"] if "essay" in test["name"]]
        assert entry.get("score") is None


class TestChecksAnswerThemselves:
    @pytest.mark.parametrize("way", ASKS)
    def test_nothing_is_got(self, run, way):
        row = run.row("asks the checks", way)
        assert "GOTIT" not in printed(row) and row.points == 1, printed(row)

    @pytest.mark.parametrize("way", ["imports", "imports the package", "imports by name"])
    def test_it_is_remarked_upon(self, run, way):
        row = run.row("asks the checks", way)
        assert "checks" in " ".join(row.remarks), row.remarks
        assert re.search("ImportError|ModuleNotFoundError", printed(row))

    def test_the_honest(self, run):
        row = run.row("asks the checks", "honest")
        assert (row.points, row.remarks) == (2, ())
        assert run.row("asks the checks", "calls a check").points == 2


# --------------------------------------------------------- one stops the class (02 and 02b)

SPEAKS = """import json, os, stat, struct
def raw(content):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    for fd in range(3, 60):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, struct.pack("!II", len(content), 0) + content)
        except OSError:
            pass
"""
# Of the second solution, which is step 3.
FRAMES = {
    "a list for a name": {"event": "answer", "step": 3, "name": []},
    "an object for a name": {"event": "answer", "step": 3, "name": {"a": 1}},
    "a list for an event": {"event": ["output"], "step": 3},
    "an object for a step": {"event": "output", "step": {}, "output": {}},
    "true for a step": {"event": "output", "step": True, "output": {}},
    "a huge step": {"event": "output", "step": 10**30, "output": {}},
    "a broken step": {"event": "output", "step": 3.5, "output": {}},
    "a text for an output": {"event": "output", "step": 3, "output": "words"},
    "a list for a text": {
        "event": "output",
        "step": 3,
        "output": {"type": "stream", "text": [[], {}]},
    },
    "an object for a traceback": {
        "event": "output",
        "step": 3,
        "output": {"type": "error", "ename": 7, "traceback": {"x": []}},
    },
    "a number for data": {
        "event": "output",
        "step": 3,
        "output": {"type": "display_data", "data": 7},
    },
    "a number for a picture": {
        "event": "output",
        "step": 3,
        "output": {"type": "display_data", "data": {"image/png": [1], "text/plain": {}}},
    },
    "half a character": {
        "event": "output",
        "step": 3,
        "output": {"type": "stream", "text": "\ud800"},
    },
    "not a number": {"event": "end", "step": 3, "status": float("nan")},
    "a list for a status": {"event": "end", "step": 3, "status": [[[]]]},
    "a list of its own": [1, 2, 3],
    "an end that nobody asked for": {"event": "end", "nonce": "0" * 16, "status": "ok"},
    "a list for a nonce": {"event": "end", "nonce": [], "status": "ok"},
    "a list for a type": {"event": "output", "type": [], "mime": {}},
    "objects for an error": {"event": "output", "type": "error", "ename": {"a": [{}]}},
    "an object for a note": {"event": "note", "note": {}},
    "a foreign note": {"event": "note", "note": "full points"},
    "objects for a problem": {"event": "answer", "name": "by_layer", "problem": [[]], "none": {}},
}
# Those that no version of our own program would send; the rest may do no more than be ignored.
REMARKED = (
    "not a number",
    "a list for a status",
    "a list of its own",
    "an end that nobody asked for",
    "a list for a nonce",
)
DEPTHS = [*range(930, 1000, 7), 3000, 100_000]


def deep(depth: int, kind: str) -> str:
    """Code that sends an output of lists in lists."""
    begin = b'{"event": "output", "step": 3, "output": {"type": "stream", "text": '
    end = b"}}"
    if kind == "data":
        begin = b'{"event": "output", "type": "error", "ename": {"text/plain": '
    return f"raw({begin!r} + b'[' * {depth} + b']' * {depth} + {end!r})"


@pytest.fixture(scope="module")
def forged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forged")
    for name, frame in FRAMES.items():
        content = json.dumps(frame).encode()
        write(two_checks(second=f"{SPEAKS}raw({content!r})"), folder / "in" / f"{name}.ipynb")
    for depth in DEPTHS:
        for kind in ("text", "data"):
            code = SPEAKS + deep(depth, kind)
            write(two_checks(second=code), folder / "in" / f"deep {kind} {depth}.ipynb")
    for number in range(3):
        write(two_checks(), folder / "in" / f"honest {number}.ipynb")
    master = write(master_of_two(), folder / "two.ipynb")
    options = Options(cell_seconds=5, notebook_seconds=20)
    done = grade(folder / "in", folder / "out", masters=[master], options=options, jobs=2)
    return folder / "out", {Path(row.path).stem: row for row in done.rows}


class TestOneStopsTheClass:
    def test_everyone_has_a_row_and_a_page(self, forged):
        out, rows = forged
        assert len(rows) == len(FRAMES) + 2 * len(DEPTHS) + 3
        with (out / "grades.csv").open(newline="") as file:
            assert len(list(csv.DictReader(file))) == len(rows)
        assert len(list((out / "feedback").glob("*.html"))) == len(rows)

    def test_the_others_get_their_points(self, forged):
        for number in range(3):
            row = forged[1][f"honest {number}"]
            assert (row.points, row.status, row.remarks) == (2, "graded", ())

    @pytest.mark.parametrize("name", FRAMES)
    def test_nothing_is_gained(self, forged, name):
        assert forged[1][name].points <= 1, forged[1][name].checks

    @pytest.mark.parametrize("name", REMARKED)
    def test_it_is_remarked_upon(self, forged, name):
        assert forged[1][name].remarks

    def test_deep_output(self, forged):
        for depth in DEPTHS:
            for kind in ("text", "data"):
                assert forged[1][f"deep {kind} {depth}"].points <= 1, (kind, depth)
        assert forged[1]["deep text 100000"].remarks


# ------------------------------------------------------------------- each a run of its own


def class_of(folder: Path, **submissions) -> Path:
    """Write a master of two checks and who handed in what; returns the folder of these."""
    write(master_of_two(), folder / "masters" / "two.ipynb")
    for student, made in submissions.items():
        write(made, folder / "in" / f"{student}.ipynb")
    (folder / "in").mkdir(exist_ok=True)
    return folder / "in"


def graded_rows(
    folder: Path, submissions: Path | None = None, **options
) -> dict[str, SubmissionOutcome]:
    options.setdefault("options", OPTIONS)
    done = grade(
        submissions or folder / "in",
        folder / "out",
        masters=[folder / "masters" / "two.ipynb"],
        **options,
    )
    return {row.student: row for row in done.rows}


class TestAnotherAssignment:
    """A cell that many assignments have makes a notebook none of this one."""

    def test_a_shared_cell(self, tmp_path):
        foreign = notebook(
            given("import numpy as np", "setup"),
            solution("def mean(x): return sum(x) / len(x)", "mean"),
            graded("assert mean([1, 3]) == 2", "test_mean", 3),
        )
        class_of(tmp_path, foreign=foreign, honest=two_checks())
        rows = graded_rows(tmp_path)
        assert (rows["foreign"].status, rows["foreign"].points) == ("not graded", 0)
        assert (rows["honest"].points, rows["honest"].remarks) == (2, ())


class TestHiddenFolderAroundWhatIsNeeded:
    """What a submission may not read lies around the programs that it needs."""

    def test_the_folder_of_the_environment(self, tmp_path):
        around = Path(sys.prefix).parent
        if around == Path("/"):
            pytest.skip("Python lies at the root")
        class_of(tmp_path, honest=two_checks("import sklearn.svm, tensorflow\n" + RIGHT_FIRST))
        options = Options(cell_seconds=60, hidden=(str(around),))
        row = graded_rows(tmp_path, options=options)["honest"]
        assert (row.points, row.remarks) == (2, ())

    def test_the_folder_of_the_master(self, tmp_path):
        class_of(tmp_path, honest=two_checks("import helper\n" + RIGHT_FIRST))
        (tmp_path / "masters" / "helper.py").write_text("")
        with zipfile.ZipFile(tmp_path / "masters" / "class.zip", "w") as archive:
            archive.write(tmp_path / "in" / "honest.ipynb", "honest.ipynb")
        row = graded_rows(tmp_path, tmp_path / "masters" / "class.zip")["honest"]
        assert (row.points, row.remarks) == (2, ())


LARGEST = 1 << 30  # bytes that the grader itself may hold at most
MARKDOWN = {
    "emphasis": "*a_ " * 20_000,
    "emphasis, long": "*a_ " * 250_000,
    "brackets": "[" * 80_000,
    "quotes": ">" * 80_000,
    "nested quotes": "> " * 40_000 + "x",
    "lists": "\n".join("  " * n + "- a" for n in range(1000)),
    "images": "![" * 40_000,
    "links": "[a](" * 20_000,
    "table": "|" * 20_000 + "\n" + "|-" * 20_000 + "|\n" + ("|" * 20_000 + "\n") * 20,
    "ticks": "".join("`" * n + " " for n in range(400)),
    "definitions": "\n".join(f"[{n}]: x" for n in range(20_000)) + "\n" + "[1] " * 20_000,
    "entities": "&amp;" * 20_000,
    "stars": "**" * 40_000 + "x",
    "lines": "\n" * 100_000 + "a",
}


def once(folder: Path, *words, env: dict[str, str] | None = None, seconds: float = 300):
    """Run ``coursekit grade`` in a process of its own.

    Returns
    -------
    status : int
    said : str
        On standard output and error.
    peak : int
        Bytes that this process, without those it started, held at most; -1 if it was ended.
    """
    report = folder / "peak"
    report.unlink(missing_ok=True)
    # The kernel counts in ru_maxrss what the process that forked this one had held; not here.
    code = (
        "import atexit, pathlib, re, sys\n"
        "def tell():\n"
        "    held = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]\n"
        f"    pathlib.Path({str(report)!r}).write_text(held)\n"
        "atexit.register(tell)\n"
        "from coursekit.cli import app\napp()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "grade", *map(os.fspath, map(str, words))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        check=False,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
    )
    peak = int(report.read_text()) << 10 if report.exists() else -1
    return done.returncode, done.stdout.decode(errors="replace"), peak


def test_markdown_does_not_eat_the_memory(tmp_path):
    folder = class_of(tmp_path, honest=two_checks())
    for name, text in MARKDOWN.items():
        made = two_checks()
        made.cells.insert(3, v4.new_markdown_cell(text))
        write(made, folder / f"{slug(name)}.ipynb")
    many = two_checks()
    many.cells += [v4.new_markdown_cell("*a_ " * 500) for _ in range(500)]
    write(many, folder / "many.ipynb")
    out = tmp_path / "out"
    master = tmp_path / "masters" / "two.ipynb"
    secret = {"MY_SECRET_TOKEN": "hunter2"}
    look = "import glob, os\nfor path in glob.glob('/proc/[0-9]*/environ'):\n    try:\n"
    look += "        print(open(path).read())\n    except OSError:\n        pass\n"
    look += "print(os.environ)\nprint(os.popen('env').read())"
    write(two_checks(second=f"{RIGHT_SECOND}\n{look}"), folder / "looks.ipynb")
    words = folder, "--out", out, "--master", master
    status, said, peak = once(tmp_path, *words, env=secret, seconds=120)
    assert status == 0, said
    assert 0 < peak < LARGEST, f"{peak / 1e6:.0f} MB"
    with (out / "grades.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(MARKDOWN) + 3
    assert {line["points"] for line in lines} == {"2.0"}, lines
    # Case 06, in the same run: the grader's environment is nowhere.
    for path in out.rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path


class TestNames:
    NAMES = (
        b"M\xfcller.ipynb",
        b"\xff\xfe\xfd.ipynb",
        "Mu\u0308ller\u202e.ipynb".encode(),
        b"two\nlines.ipynb",
        b"tab\tand \x1b[31mred.ipynb",
        b"=HYPERLINK(1).ipynb",
        b"\n=cmd.ipynb",
        b"@SUM(A1).ipynb",
        b"a" * 240 + b".ipynb",
        b"<script>alert(1)<_script>.ipynb",
        b"a..ipynb.ipynb",
        b" .ipynb",
    )

    def test_every_name_is_graded(self, tmp_path):
        folder = class_of(tmp_path, honest=two_checks())
        content = (folder / "honest.ipynb").read_bytes()
        for name in self.NAMES:
            Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(content)
        (folder / os.fsdecode(b"J\xf6rg")).mkdir()
        (folder / os.fsdecode(b"J\xf6rg") / "work.ipynb").write_bytes(content)
        done = grade(
            folder,
            tmp_path / "out",
            masters=[tmp_path / "masters" / "two.ipynb"],
            options=OPTIONS,
            exports=["gradescope"],
        )
        assert len(done.rows) == len(self.NAMES) + 2
        for row in done.rows:
            assert (row.points, row.status) == (2, "graded"), (row.path, row.remarks)
            row.student.encode(), row.path.encode()
        assert len({row.key for row in done.rows}) == len(done.rows)
        text = (tmp_path / "out" / "grades.csv").read_bytes().decode()
        lines = list(csv.reader(text.splitlines(keepends=True)))
        assert len(lines) == len(done.rows) + 1
        for line in lines:
            for value in line:
                assert not re.match(r"[\s\ufeff\u200b]*[=+\-@]", value), line
        assert "\x1b" not in text and "\u202e" not in text
        json.loads((tmp_path / "out" / "results.json").read_text())
        for page in (tmp_path / "out").rglob("*.html"):
            assert "<script" not in page.read_text()


class TestRelease:
    @staticmethod
    def master():
        return notebook(
            solution(
                "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION\n\n"
                "def cube(x):\n    return x ** 3",
                "f",
            ),
            graded("assert square(2) == 4", "t1", 1),
            graded("assert cube(2) == 8", "t2", 1),
            solution(
                "class A:\n    def one(self):\n        ### BEGIN SOLUTION\n        return 1\n"
                "        ### END SOLUTION\n    def two(self):\n        return 2",
                "a",
            ),
            graded("assert A().two() == 2", "t3", 1),
            solution(
                "if True:\n    ### BEGIN SOLUTION\n    y = 1\n    ### END SOLUTION\n"
                "else:\n    y = 0\nz = 3",
                "b",
            ),
            essay("YOUR ANSWER HERE"),
            essay("MODELANSWER with no marks around", "essay2"),
        )

    def test_it_compiles_and_says_nothing(self):
        made = exercise(self.master(), "hw")
        for cell in made.cells:
            if cell.cell_type == "code":
                ast.parse(cell.source)
            assert "MODELANSWER" not in cell.source and "x * x" not in cell.source
        assert "YOUR ANSWER HERE" in made.cells[-2].source

    def test_what_is_given_survives(self, tmp_path):
        master = write(self.master(), tmp_path / "source" / "hw.ipynb")
        outcome = CliRunner().invoke(app, ["release", str(master), "--out", str(tmp_path / "in")])
        assert outcome.exit_code == 0, outcome.output
        done = grade(tmp_path / "in", tmp_path / "out", masters=[master], options=OPTIONS)
        (row,) = done.rows
        assert row.remarks == ()
        assert [check(row, name).earned for name in ("t1", "t2", "t3")] == [0, 1, 1]


class TestEveryoneHasARow:
    def test_in_the_archive_of_a_class(self, tmp_path):
        class_of(tmp_path)
        content = nbformat.writes(two_checks())
        inner = tmp_path / "inner.zip"
        with zipfile.ZipFile(inner, "w") as archive:
            archive.writestr("hw.ipynb", content)
        packed = tmp_path / "inner.tar.gz"
        (tmp_path / "hw.ipynb").write_text(content)
        with tarfile.open(packed, "w:gz") as archive:
            archive.add(tmp_path / "hw.ipynb", "hw.ipynb")
        place = tmp_path / "z" / "class.zip"
        place.parent.mkdir()
        with zipfile.ZipFile(place, "w") as archive:
            for number, (who, name, what) in enumerate(
                [
                    ("Jane Doe", "hw.ipynb", content),
                    ("Zip Student", "hw.zip", inner.read_bytes()),
                    ("Tar Student", "hw.tar.gz", packed.read_bytes()),
                    ("Py Student", "hw.py", "x"),
                    ("Rar Student", "hw.rar", "Rar!"),
                    ("Pdf Student", "hw.pdf", "%PDF"),
                    ("Bad Zip", "hw.zip", "PK no zip"),
                ]
            ):
                archive.writestr(f"{who}_{101 + number}_assignsubmission_file_/{name}", what)
        rows = graded_rows(tmp_path, place)
        for who in ("Jane Doe", "Zip Student", "Tar Student"):
            assert (rows[who].points, rows[who].status) == (2, "graded"), who
        for who in ("Py Student", "Rar Student", "Pdf Student", "Bad Zip"):
            assert (rows[who].points, rows[who].status) == (0, "not graded"), who
            assert rows[who].remarks

    def test_in_a_folder(self, tmp_path):
        folder = class_of(tmp_path, honest=two_checks())
        for name in ("py/hw.py", "rar/hw.rar", "word/hw.docx"):
            (folder / name).parent.mkdir()
            (folder / name).write_text("x")
        (folder / "empty").mkdir()
        rows = graded_rows(tmp_path)
        assert set(rows) == {"honest", "py", "rar", "word", "empty"}
        assert rows["honest"].points == 2

    @pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
    @pytest.mark.parametrize(
        "inner",
        [
            "Jane Doe_1_assignsubmission_file_/hw.ipynb",
            "doejane_LATE_12345_67890_hw.ipynb",
            "../Jane Doe_1_assignsubmission_file_/hw.ipynb",
        ],
    )
    def test_nobody_hands_in_for_another(self, tmp_path, inner, ending):
        write(master_of_two(), tmp_path / "masters" / "two.ipynb")
        jane = tmp_path / "in" / "Jane Doe_1_assignsubmission_file_" / "hw.ipynb"
        write(two_checks(), jane)
        bad = write(two_checks("1", "1"), tmp_path / "bad.ipynb")
        evil = tmp_path / "in" / "Evil Eve_2_assignsubmission_file_" / f"hw.{ending}"
        evil.parent.mkdir()
        if ending == "zip":
            with zipfile.ZipFile(evil, "w") as archive:
                archive.write(bad, inner)
        else:
            with tarfile.open(evil, "w:gz" if ending.endswith("gz") else "w") as archive:
                archive.add(bad, inner)
        done = grade(
            tmp_path / "in", tmp_path / "out", masters=[tmp_path / "masters" / "two.ipynb"]
        )
        rows = [(row.student, row.points) for row in done.rows]
        assert sorted(rows) == [("Evil Eve", 0), ("Jane Doe", 2)]


HOLDERS = {
    "memfd": "fds = []\nfor i in range(11):\n    fd = os.memfd_create(f'm{i}')\n"
    "    for _ in range(240): os.write(fd, bytes(1 << 20))\n    fds.append(fd)\n"
    "held = sum(os.fstat(f).st_blocks * 512 for f in fds)",
    "shared mapping in children": "import mmap\nheld = 0\nfor _ in range(5):\n"
    "    room = mmap.mmap(-1, 500 << 20)\n    pid = os.fork()\n    if pid == 0:\n"
    "        for place in range(0, 500 << 20, 4096): room[place] = 1\n        time.sleep(60)\n"
    "    room.close()\ntime.sleep(4)\nheld = 2500 << 20",
    "files": "held = 0\nfor folder in ('.', '/dev/shm', '/tmp', '/run', '/var/tmp'):\n"
    "    try:\n        for number in range(13):\n"
    "            with open(f'{folder}/mine{number}', 'wb') as file:\n"
    "                for _ in range(200):\n                    file.write(bytes(1 << 20))\n"
    "                    file.flush()\n                    held += 1 << 20\n"
    "    except OSError: pass",
    "shared memory": "from multiprocessing import shared_memory\nheld, kept = 0, []\n"
    "for _ in range(11):\n    one = shared_memory.SharedMemory(create=True, size=240 << 20)\n"
    "    for place in range(0, 240 << 20, 4096): one.buf[place] = 1\n"
    "    held += 240 << 20\n    kept.append(one)",
}


def test_no_way_to_hold_more_memory(tmp_path):
    folder = class_of(tmp_path, honest=two_checks())
    for name, code in HOLDERS.items():
        code = f"import os, time\n{code}\ntime.sleep(2)\nprint(f'HELD {{held >> 20}} MB')"
        write(two_checks(second=code), folder / f"{slug(name)}.ipynb")
    rows = graded_rows(tmp_path, options=Options(limits=Limits(memory=1 << 30)), jobs=1)
    assert rows["honest"].points == 2
    for name in HOLDERS:
        held = [int(number) for number in re.findall(r"HELD (\d+) MB", printed(rows[slug(name)]))]
        assert all(number <= 1024 for number in held), (name, held)


@pytest.mark.parametrize(
    "line", ["### AUTOTEST squares(1)", "### HASHED AUTOTEST squares(1)", "# AUTOTEST squares(1)"]
)
def test_autotest_is_refused(tmp_path, line):
    master = notebook(
        solution(delimited("def squares(n): return 1"), "s"), graded(f"{line}\n{line}", "t", 5)
    )
    write(master, tmp_path / "masters" / "two.ipynb")
    write(notebook(solution("pass", "s"), graded("", "t", 5)), tmp_path / "in" / "jane.ipynb")
    with pytest.raises(BadNotebookError, match="generate_assignment"):
        graded_rows(tmp_path)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class TestTwoAssignmentsOneFolder:
    def test_nothing_of_the_first_is_lost(self, tmp_path):
        class_of(tmp_path, jane=two_checks())
        graded_rows(tmp_path)
        note = tmp_path / "out" / "feedback" / "comments-of-the-TA.html"
        note.write_text("well done")
        before = files(tmp_path / "out")
        write(two_checks(), tmp_path / "h2" / "ann.ipynb")
        with suppress(Exception):  # refused, or written beside the first
            graded_rows(tmp_path, tmp_path / "h2")
        after = files(tmp_path / "out")
        kept = [name for name in before if name.startswith(("feedback/", "state/"))]
        assert [name for name in kept if name not in after] == []
        assert note.read_text() == "well done"

    def test_only_our_own_pages_go(self, tmp_path):
        folder = class_of(tmp_path, jane=two_checks(), ann=two_checks())
        rows = graded_rows(tmp_path)
        note = tmp_path / "out" / "feedback" / "comments-of-the-TA.html"
        note.write_text("well done")
        (folder / "ann.ipynb").unlink()
        assert set(graded_rows(tmp_path)) == {"jane"}
        assert not (tmp_path / "out" / "feedback" / f"{rows['ann'].key}.html").exists()
        assert note.read_text() == "well done"


class TestSmallThings:
    @staticmethod
    def command(folder: Path, *words):
        common = ["--out", folder / "out", "--master", folder / "masters" / "two.ipynb"]
        words = [str(word) for word in ("grade", *common, *words)]
        return CliRunner().invoke(app, words, env={"COLUMNS": "200"})

    @pytest.mark.parametrize("option", ["--cell-seconds", "--notebook-seconds", "--memory"])
    @pytest.mark.parametrize("value", ["-1", "0", "nan", "inf"])
    def test_settings_that_make_no_sense(self, tmp_path, option, value):
        folder = class_of(tmp_path, jane=two_checks())
        outcome = self.command(tmp_path, folder, option, value)
        assert outcome.exit_code == 2, outcome.output
        assert "Traceback" not in outcome.output
        assert not (tmp_path / "out" / "grades.csv").exists()

    def test_one_notebook(self, tmp_path):
        folder = class_of(tmp_path, jane=two_checks())
        outcome = self.command(tmp_path, folder / "jane.ipynb")
        assert outcome.exit_code == 0, outcome.output
        text = (tmp_path / "out" / "grades.csv").read_text()
        assert "jane" in text and ",2.0,2.0," in text

    @pytest.mark.parametrize(
        "damage",
        [
            lambda state: state["outcome"].pop("checks"),
            lambda state: state["outcome"].update(checks=7),
            lambda state: state["outcome"].update(possible="many", remarks=None),
            lambda state: state.update(outcome=[]),
            lambda state: state["outcome"].update(key="../../escape"),
            lambda state: state["outcome"]["checks"].append({"id": []}),
        ],
    )
    def test_a_damaged_state(self, tmp_path, damage):
        class_of(tmp_path, jane=two_checks())
        first = graded_rows(tmp_path)["jane"]
        path = tmp_path / "out" / "state" / f"{first.key}.json"
        state = json.loads(path.read_text())
        damage(state)
        path.write_text(json.dumps(state))
        again = graded_rows(tmp_path)["jane"]
        assert replace(again, seconds=0) == replace(first, seconds=0)
        assert not list(tmp_path.rglob("escape*"))
