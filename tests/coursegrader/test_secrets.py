"""What is the master's own is neither in the feedback nor in a submission's process.

The master of these tests has a word in everything that is secret, and the submissions look for
these words: in all objects that Python knows of, and in all memory of their process.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from nbformat import v4

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader.grade import grade
from coursegrader.grader import Options
from tests.coursegrader.notebooks import (
    given,
    graded,
    marked,
    notebook,
    printed,
    solution,
    write,
)
from tests.coursegrader.test_grade import one_warm_process  # noqa: F401 (a fixture for all tests here)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux"),
    pytest.mark.no_cover,  # what they run, others run too; watched, they take longer
    pytest.mark.timeout(600),
]

# In two halves: who looks for a word has to name it, and should not find itself.
HALVES = {
    "solution": ("QXSOLU", "TIONQX"),
    "later-solution": ("QXLATER", "SOLQX"),
    "answer": ("QXMODEL", "ANSWERQX"),
    "scheme": ("QXMARK", "SCHEMEQX"),
    "first-test": ("QXFIRST", "TESTQX"),
    "second-test": ("QXSECOND", "TESTQX"),
    "last-test": ("QXLAST", "TESTQX"),
    "attached": ("QXATTACH", "MENTQX"),
    "output": ("QXSTORED", "OUTPUTQX"),
}
WORDS = {name: "".join(halves) for name, halves in HALVES.items()}


def hidden(word: str) -> str:
    return f"### BEGIN HIDDEN TESTS\nassert square(3) == 9, '{WORDS[word]}'\n### END HIDDEN TESTS"


def solved(code: str, word: str) -> str:
    return f"### BEGIN SOLUTION\n# {WORDS[word]}\n{code}\n### END SOLUTION"


def the_master():
    made = notebook(
        given("import sys", "setup"),
        solution(solved("def square(x): return x * x", "solution"), "square"),
        graded(f"assert square(2) == 4\n{hidden('first-test')}", "test-1", 1),
        solution(solved("def cube(x): return x ** 3", "later-solution"), "cube"),
        graded(f"assert cube(2) == 8\n{hidden('second-test')}", "test-2", 1),
        marked(
            v4.new_markdown_cell(f"### BEGIN SOLUTION\n{WORDS['answer']}\n### END SOLUTION"),
            "essay",
            solution=True,
            grade=True,
            points=2,
        ),
        marked(
            v4.new_markdown_cell(
                f"Draw.\n### BEGIN MARK SCHEME\n{WORDS['scheme']}\n### END MARK SCHEME"
            ),
            "task",
            task=True,
            locked=True,
            points=2,
        ),
        solution("### BEGIN SOLUTION\ny = 1\n### END SOLUTION", "last"),
        graded(f"assert True\n{hidden('last-test')}", "test-3", 1),
    )
    made.cells[1].outputs = [v4.new_output("stream", text=WORDS["output"])]
    made.cells[5].attachments = {"a.txt": {"text/plain": WORDS["attached"]}}
    return made


def submission(first: str, second: str, last: str):
    """The notebook as it is handed out, with three solutions."""
    return notebook(
        given("import sys", "setup"),
        solution(f"def square(x): return x * x\n{first}", "square"),
        graded("assert square(2) == 4", "test-1", 1),
        solution(f"def cube(x): return x ** 3\n{second}", "cube"),
        graded("assert cube(2) == 8", "test-2", 1),
        marked(v4.new_markdown_cell("Mine"), "essay", solution=True, grade=True, points=2),
        marked(v4.new_markdown_cell("Draw."), "task", task=True, locked=True, points=2),
        solution(f"y = 1\n{last}", "last"),
        graded("assert True", "test-3", 1),
    )


# The halves are kept apart as lists of numbers, so that no text of a word is in the memory.
SEARCH = f"""
import gc, os, re, sys, types
halves = {{ {
    ", ".join(
        f"{name!r}: ({[ord(c) + 1 for c in one]}, {[ord(c) + 1 for c in other]})"
        for name, (one, other) in HALVES.items()
    )
} }}

def in_objects():
    found, seen, todo = set(), set(), list(gc.get_objects())
    for frame in sys._current_frames().values():
        while frame is not None:
            todo += [frame.f_code, *frame.f_locals.values()]
            frame = frame.f_back
    mine = (halves, globals().get("In"), globals().get("_ih"))
    while todo:
        one = todo.pop()
        if id(one) in seen or any(one is other for other in (todo, seen, found, *mine)):
            continue
        seen.add(id(one))
        if isinstance(one, (str, bytes, bytearray)):
            text = one if isinstance(one, str) else bytes(one).decode("latin-1")
            for name, (first, second) in halves.items():
                place = text.find(bytes(c - 1 for c in first).decode())
                while place >= 0:
                    rest = text[place + len(first):place + len(first) + len(second)]
                    if [ord(c) + 1 for c in rest] == second: found.add(name)
                    place = text.find(bytes(c - 1 for c in first).decode(), place + 1)
        elif type(one) in (dict, list, tuple, set, frozenset) and len(one) < 100_000:
            todo += list(one)
            if type(one) is dict: todo += list(one.values())
        elif isinstance(one, types.FunctionType): todo.append(one.__code__)
        elif isinstance(one, types.CodeType): todo += one.co_consts
        elif hasattr(one, "__dict__") and type(one.__dict__) is dict:
            todo.append(one.__dict__)
    return found

def in_memory():
    found, step = set(), 1 << 20
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps.read().splitlines():
            begin, end, rights = re.match(r"(\\w+)-(\\w+) (\\S+)", line).groups()
            if not rights.startswith("rw") or rights[3] != "p":
                continue  # of a file, or shared with all who have it open
            begin, end = int(begin, 16), int(end, 16)
            for place in range(begin, end, step):
                try:
                    memory.seek(place)
                    piece = memory.read(min(step + 64, end - place))
                except (OSError, ValueError, OverflowError):
                    break
                for name, (first, second) in halves.items():
                    if name in found: continue
                    at = piece.find(bytes(c - 1 for c in first))
                    while at >= 0:
                        at += len(first)
                        if [c + 1 for c in piece[at:at + len(second)]] == second:
                            found.add(name); break
                        at = piece.find(bytes(c - 1 for c in first), at)
    return found

def tell(where, found):
    for name in sorted(found): print("FOUND", where, name)
    print("LOOKED", where)
"""
OBJECTS = SEARCH + "tell('objects', in_objects())\n"
MEMORY = SEARCH + "tell('memory', in_memory())\n"

LOOK_AROUND = """
import glob, os, sys
import coursekit.exercises as g
for pattern in ("/*", os.getcwd() + "/**/*", *(path + "/checks/**/*" for path in g.__path__)):
    for name in glob.glob(pattern, recursive=True):
        if "exercises/checks/" in name or name.endswith("secret.ipynb"):
            try:
                if open(name, "rb").read(): print("FOUND", "file", name)
            except OSError: pass
print("LOOKED files")
for path in g.__path__:
    for name in ("first_model.py", "__init__.py", "__pycache__"):
        full = os.path.join(path, "checks", name)
        try:
            os.listdir(full) if "cache" in name else open(full, "rb").read()
            print("FOUND", "file", full)
        except OSError: print("LOOKED", name)
for name in list(sys.modules):
    if name.startswith("coursekit.exercises.checks"): print("FOUND", "module", name)
for name in ("coursekit.exercises.checks", "coursekit.exercises.checks.first_model"):
    try:
        __import__(name); print("FOUND", "module", name)
    except ImportError: print("LOOKED", name)
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    master = write(the_master(), folder / "master" / "secret.ipynb")
    looks = {
        "objects-first": submission(OBJECTS, "", ""),
        "memory-first": submission(MEMORY, "", ""),
        "objects-later": submission("", OBJECTS, ""),
        "memory-later": submission("", MEMORY, ""),
        "objects-last": submission("", "", OBJECTS),
        "files": submission(LOOK_AROUND, "", ""),
        "honest": submission("", "", ""),
        # What a submission leaves out is put back: no text of a solution may come with it.
        "deletes-all": notebook(given("import sys", "setup")),
        # Finds what it holds itself; without it, the others would prove nothing.
        "finds": submission(
            f"{SEARCH}kept = bytes(c - 1 for half in halves['solution'] for c in half).decode()\n"
            "holder = [kept]\n"
            "tell('objects', in_objects())\ntell('memory', in_memory())",
            "",
            "",
        ),
    }
    for name, made in looks.items():
        write(made, folder / "in" / f"{name}.ipynb")
    done = grade(
        folder / "in",
        folder / "out",
        masters=[master],
        options=Options(cell_seconds=120),
        jobs=2,
        exports=["gradescope"],
    )
    return folder / "out", {Path(row.path).stem: row for row in done.rows}


def found(row) -> set[str]:
    """What a submission has printed that it found."""
    lines = set()
    for cell in row.cells:
        for output in cell.outputs:
            lines |= {
                line for line in output.text.splitlines() if "FOUND" in line or "LOOKED" in line
            }
    assert any("LOOKED" in line for line in lines), row.cells
    return {line.split()[-1] for line in lines if "FOUND" in line}


def test_the_search_finds(searched):
    row = searched[1]["finds"]
    assert "solution" in found(row)
    text = printed(row)
    assert "FOUND objects solution" in text and "FOUND memory solution" in text


def test_honest(searched):
    row = searched[1]["honest"]
    assert row.points == 3 and row.remarks == (), row.checks


@pytest.mark.parametrize("where", ["objects", "memory"])
def test_nothing_before_the_first_test(searched, where):
    assert found(searched[1][f"{where}-first"]) == set()


def test_nothing_of_later_cells(searched):
    """Memory that was given back may still hold what has been; not what will be."""
    assert found(searched[1]["memory-later"]) <= {"first-test"}


def test_tests_that_ended_are_gone(searched):
    assert found(searched[1]["objects-later"]) == set()
    assert found(searched[1]["objects-last"]) == set()


def test_no_file_and_no_module(searched):
    assert found(searched[1]["files"]) == set()


def test_feedback(searched):
    out, rows = searched
    written = [path for path in out.rglob("*") if path.is_file()]
    assert len([path for path in written if path.suffix == ".html"]) > len(rows)
    # Whoever grades by hand needs the rubric; these files are for them alone.
    by_hand = [path for path in written if "manual" in (path.parent.name, path.stem)]
    assert {path.name for path in by_hand if path.parent == out} == {"manual.csv", "manual.key"}
    assert WORDS["scheme"] in (out / "manual.csv").read_text(encoding="utf-8")
    for path in written:
        if path in by_hand:
            continue
        text = path.read_text(encoding="utf-8")
        for name in ("solution", "later-solution", "answer", "scheme", "attached", "output"):
            assert WORDS[name] not in text, (path.name, name)
        # What a hidden test says is for graders, who read the gradebook and what is kept.
        if path.parent.name in ("feedback", "gradescope"):
            for name in ("first-test", "second-test", "last-test"):
                assert WORDS[name] not in text, (path.name, name)
