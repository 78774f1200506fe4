"""Whatever is done to a notebook's cells and their marks, nobody gets more than for their code.

Every cell of a right, a blank and a half-right submission is deleted, doubled, moved, retyped and
marked anew, one at a time and two at a time. Mutants that the grader puts together to the same
cells are run once.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import nbformat
import pytest
from nbformat import v4

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader.grade import grade
from coursegrader.grader import Options
from coursegrader.master import Master, merge
from coursegrader.notebook import BadNotebookError, cells_of, read
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
from tests.coursegrader.test_grade import one_warm_process  # noqa: F401 (a fixture for all tests here)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux"),
    pytest.mark.no_cover,  # what they run, others run too; watched, they take longer
    pytest.mark.timeout(7200),
]

# All pairs take long; COURSEKIT_THOROUGH=1 tries them.
THOROUGH = os.environ.get("COURSEKIT_THOROUGH") == "1"
PAIRS_TRIED, PAIRS_RUN = 100, 1

Mutation = Callable[[nbformat.NotebookNode], None]


# ------------------------------------------------------------------------- three masters

BLANK = "{}\n### BEGIN SOLUTION\n{}\n### END SOLUTION"


def of_tests(first: str, second: str, *, hidden: bool = False):
    """Tests that are code, some hidden, and a helper that is given."""
    secret = "### BEGIN HIDDEN TESTS\nassert area(5, 7) == 35\n### END HIDDEN TESTS"
    return notebook(
        v4.new_markdown_cell("# Areas"),
        given("def close(a, b):\n    return abs(a - b) < 1e-9", "helper"),
        solution(first, "area"),
        graded(f"assert close(area(2, 3), 6)\n{secret if hidden else ''}", "test-area", 2),
        solution(second, "volume"),
        graded("assert close(volume(2, 3, 4), 24)", "test-volume", 3),
    )


def of_all_kinds(code: str, words: str, text: str):
    """Points by a person, by a number that a cell ends in, and by a task."""
    return notebook(
        given("import math", "setup"),
        solution(code, "roots"),
        graded("sum(root(n * n) == n for n in (1, 2)) if callable(root) else 0", "partial", 2),
        graded("assert root(9) == 3", "whole", 1),
        marked(v4.new_markdown_cell(words), "essay", solution=True, grade=True, points=4),
        marked(v4.new_code_cell(text), "by-hand", solution=True, grade=True, points=2),
        marked(v4.new_markdown_cell("Draw it."), "task", task=True, locked=True, points=3),
        marked(v4.new_markdown_cell("Read on."), "note", locked=True),
    )


@dataclass
class Kind:
    """A master, and submissions with the points that their code earns."""

    master: nbformat.NotebookNode
    submissions: dict[str, tuple[nbformat.NotebookNode, float]]


AREA, VOLUME = "def area(a, b): return a * b", "def volume(a, b, c): return a * b * c"
ROOT = "def root(n): return math.isqrt(n)"
KINDS = {
    "answers": Kind(
        master_of_two(),
        {
            "right": (two_checks(), 2),
            "blank": (two_checks("parameters = None", "by_layer = None"), 0),
            "half": (two_checks(RIGHT_FIRST, "by_layer = [1, 2, 3, 4]"), 1),
        },
    ),
    "tests": Kind(
        of_tests(
            BLANK.format("area = None", AREA), BLANK.format("volume = None", VOLUME), hidden=True
        ),
        {
            "right": (of_tests(AREA, VOLUME), 5),
            "blank": (of_tests("area = None", "volume = None"), 0),
            "half": (of_tests(AREA, "def volume(a, b, c): return 0"), 2),
        },
    ),
    "all kinds": Kind(
        of_all_kinds(BLANK.format("root = None", ROOT), "YOUR ANSWER HERE", "# Yours"),
        {
            "right": (of_all_kinds(ROOT, "Because.", "x = 1"), 3),
            "blank": (of_all_kinds("root = None", "YOUR ANSWER HERE", "# Yours"), 0),
            "half": (of_all_kinds("def root(n): return 1", "So.", "y = 2"), 1),
        },
    ),
}


# ----------------------------------------------------------------------------- mutations


def mutations(size: int, identifiers: list[str]) -> Iterator[tuple[str, Mutation]]:
    """What is done to one cell, for every cell; cells are counted from the start."""
    for place in range(size):
        for name, change in CHANGES.items():
            yield f"{name} {place}", lambda made, place=place, change=change: change(made, place)
        for identifier in [*identifiers, "", "of-my-own"]:
            yield (
                f"call {place} {identifier!r}",
                lambda made, place=place, identifier=identifier: remark(
                    made, place, grade_id=identifier
                ),
            )


def at(made, place: int):
    """The cell there, or None where an earlier mutation took it away."""
    return made.cells[place] if place < len(made.cells) else None


def marks_of(cell) -> dict:
    marks = cell.metadata.get("nbgrader")
    return marks if isinstance(marks, dict) else {}


def remark(made, place: int, **marks) -> None:
    cell = at(made, place)
    if cell is not None:
        cell.metadata["nbgrader"] = {**marks_of(cell), **marks}


def flip(flag: str) -> Callable:
    def change(made, place: int) -> None:
        cell = at(made, place)
        if cell is not None:
            remark(made, place, **{flag: not marks_of(cell).get(flag)})

    return change


def retype(kind: str) -> Callable:
    make = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell, "raw": v4.new_raw_cell}

    def change(made, place: int) -> None:
        cell = at(made, place)
        if cell is not None:
            made.cells[place] = make[kind](cell.source, metadata=cell.metadata)

    return change


def move(to: Callable[[int], int]) -> Callable:
    def change(made, place: int) -> None:
        if at(made, place) is not None:
            made.cells.insert(to(place), made.cells.pop(place))

    return change


def double(at_end: bool) -> Callable:
    def change(made, place: int) -> None:
        if at(made, place) is not None:
            copied = copy.deepcopy(made.cells[place])
            made.cells.insert(len(made.cells) if at_end else place, copied)

    return change


def unmark(made, place: int) -> None:
    if at(made, place) is not None:
        at(made, place).metadata.pop("nbgrader", None)


def swap(made, place: int) -> None:
    """Exchange the marks of a cell and the next."""
    one, other = at(made, place), at(made, place + 1)
    if one is not None and other is not None:
        one.metadata, other.metadata = other.metadata, one.metadata


CHANGES = {
    "delete": lambda made, place: made.cells.pop(place) if at(made, place) is not None else None,
    "double": double(False),
    "double at the end": double(True),
    "move to the start": move(lambda place: 0),
    "move to the end": move(lambda place: 10**6),
    "move on": move(lambda place: place + 1),
    **{f"make {kind}": retype(kind) for kind in ("code", "markdown", "raw")},
    **{f"flip {flag}": flip(flag) for flag in ("solution", "grade", "locked", "task")},
    "100 points": lambda made, place: remark(made, place, points=100),
    "-1 points": lambda made, place: remark(made, place, points=-1),
    "points of a strange kind": lambda made, place: remark(made, place, points=[1e308]),
    "schema 1": lambda made, place: remark(made, place, schema_version=1),
    "schema of a strange kind": lambda made, place: remark(made, place, schema_version={}),
    "unmark": unmark,
    "swap marks": swap,
    "no marks, but a list": lambda made, place: (
        made.cells[place].metadata.update(nbgrader=[]) if at(made, place) is not None else None
    ),
}


def mutants(made, thorough: bool, seed: int) -> Iterator[tuple[str, nbformat.NotebookNode]]:
    """One mutation at a time, then two: all pairs, or some drawn by a seed."""
    identifiers = [
        cell.metadata["nbgrader"]["grade_id"] for cell in made.cells if "nbgrader" in cell.metadata
    ]
    single = list(mutations(len(made.cells), identifiers))
    for name, mutate in single:
        mutant = copy.deepcopy(made)
        mutate(mutant)
        yield name, mutant
    pairs = itertools.permutations(single, 2)
    if not thorough:
        draw = random.Random(seed)
        pairs = (draw.sample(single, 2) for _ in range(PAIRS_TRIED))
    for (name, mutate), (other_name, other) in pairs:
        mutant = copy.deepcopy(made)
        mutate(mutant)
        other(mutant)
        yield f"{name}, {other_name}", mutant


def test_mutations_change_something():
    made = two_checks()
    names = [name for name, mutant in mutants(made, False, 1) if mutant != made]
    assert len(names) > 6 * (len(CHANGES) - 4)
    assert any("," in name for name in names)


# ----------------------------------------------------------------------------- the claim


def run_alike(master: Master, mutant) -> str | None:
    """What decides over points: the cells that are run; None if it is not graded at all."""
    try:
        steps = merge(master, cells_of(read(nbformat.writes(mutant).encode()))).steps
    except BadNotebookError:
        return None
    return json.dumps([(step.kind, step.source, step.identifier) for step in steps if step.runs])


@pytest.mark.filterwarnings("ignore::nbformat.warnings.DuplicateCellId")
@pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning")
@pytest.mark.parametrize("name", KINDS)
def test_no_mutant_gets_more_than_its_code(name, tmp_path):
    kind = KINDS[name]
    place = write(kind.master, tmp_path / "master" / "set.ipynb")
    master = Master.from_file(place)
    most, seen = {}, 0
    for which, (made, points) in kind.submissions.items():
        alike: dict[str, str] = {run_alike(master, made): "untouched"}
        write(made, tmp_path / "in" / f"{which} untouched.ipynb")
        most[f"{which} untouched"] = points
        pairs = 0
        for what, mutant in mutants(made, THOROUGH, seed=len(which)):
            seen += 1
            key = run_alike(master, mutant)
            if key is None or key in alike:
                continue
            if "," in what and not THOROUGH:
                pairs += 1
                if pairs > PAIRS_RUN:
                    continue
            alike[key] = what
            title = f"{which} {len(alike)}"
            mutant.metadata["what"] = what
            most[title] = points
            target = tmp_path / "in" / f"{title}.ipynb"
            target.write_text(json.dumps(mutant), encoding="utf-8")
    done = grade(
        tmp_path / "in",
        tmp_path / "out",
        masters=[place],
        options=Options(cell_seconds=20),
        jobs=2,
    )
    assert len(done.rows) == len(most)
    too_much = []
    for row in done.rows:
        title = row.student
        earned = sum(check.earned or 0 for check in row.checks)
        assert earned == row.points and row.possible == master.points, title
        if "untouched" in title:
            assert row.points == most[title], (title, row.remarks, row.checks)
        if earned > most[title]:
            made = json.loads((tmp_path / "in" / f"{title}.ipynb").read_text())
            too_much.append((title, made["metadata"].get("what"), earned))
    assert too_much == []
    assert seen > 100
