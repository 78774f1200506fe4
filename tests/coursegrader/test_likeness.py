"""Likeness of submissions: copies are found whatever was renamed; what all share says nothing."""

from __future__ import annotations

import json
import random
import re
import shutil
import time
from itertools import combinations

import pytest
from typer.testing import CliRunner

from coursegrader import likeness
from coursegrader.likeness import write_page
from coursekit.cli import app
from tests.conftest import ROOT
from tests.coursegrader.notebooks import given, graded, notebook, solution, write

GIVEN = """
import csv

def read_measurements(path):
    with open(path, newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    return [[float(value) for value in row] for row in rows[1:]]
"""
MODEL = """
def summarise(rows):
    totals = {}
    for row in rows:
        station, value = int(row[0]), row[1]
        totals.setdefault(station, []).append(value)
    return {key: sum(values) / len(values) for key, values in sorted(totals.items())}
"""
# Three ways to do it, none of which is the model solution.
ANN = """
def summarise(rows):
    # count and add up by station
    count = [0] * 100
    added = [0.0] * 100
    for station, value in rows:
        count[int(station)] += 1
        added[int(station)] = added[int(station)] + value
    result = {}
    for index in range(100):
        if count[index] > 0:
            result[index] = added[index] / count[index]
    return result

def largest(rows):
    best = None
    for station, value in summarise(rows).items():
        if best is None or value > best[1]:
            best = (station, value)
    return best[0]
"""
BEA = """
def summarise(rows):
    import numpy as np
    table = np.array(rows)
    stations = np.unique(table[:, 0])
    means = [table[table[:, 0] == one, 1].mean() for one in stations]
    return dict(zip(stations.astype(int).tolist(), means))

def largest(rows):
    found = summarise(rows)
    return max(found, key=found.get)
"""
CID = """
def summarise(rows):
    out = {}
    while rows:
        first = rows[0][0]
        same = [r for r in rows if r[0] == first]
        rows = [r for r in rows if r[0] != first]
        n = len(same)
        s = 0
        for r in same:
            s = s + r[1]
        out[int(first)] = s / n
    return out

def largest(rows):
    pairs = list(summarise(rows).items())
    pairs.sort(key=lambda pair: pair[1])
    return pairs[-1][0]
"""


def disguised(code: str) -> str:
    """Rename what may be renamed, write other comments, and change the order of functions."""
    new = {"count": "n", "added": "summe", "station": "s", "value": "v", "result": "ret",
           "index": "i", "best": "top", "rows": "data", "largest": "biggest"}  # fmt: skip
    for old, name in new.items():
        code = re.sub(rf"\b{old}\b", name, code)
    code = re.sub(r" *#.*\n", "", code)
    first, second = re.split(r"\n(?=def biggest)", code)
    return f"# my own work\n{second}\n\n# here I add\n{first}"


def exercise(answer: str):
    return notebook(
        given(GIVEN, "setup"),
        solution(answer, "answer"),
        graded("assert summarise([[1, 2.0]]) == {1: 2.0}, 'one'", "test", 2),
    )


@pytest.fixture
def pairs(tmp_path):
    """Compare answers by name; return the pairs, and the page."""
    master = write(
        exercise(f"### BEGIN SOLUTION\n{MODEL}\n### END SOLUTION"), tmp_path / "m" / "set.ipynb"
    )

    def run(**answers):
        for name, answer in answers.items():
            made = answer if not isinstance(answer, str) else exercise(answer)
            write(made, tmp_path / "in" / f"{name}.ipynb")
        out = tmp_path / "page.html"
        write_page(tmp_path / "in", out, masters=[master])
        page = out.read_text()
        return re.findall(r"<h2>(\d+) % alike: (\w+)\.ipynb and (\w+)\.ipynb", page), page

    return run


def test_a_copy_is_found_whatever_was_renamed(pairs):
    found, page = pairs(ann=ANN, bea=BEA, cid=CID, dan=disguised(ANN))
    assert [names for _, *names in found] == [["ann", "dan"]]
    assert int(found[0][0]) > 80
    assert "Being alike proves nothing." in page
    assert not re.search(r"(?i)plagiar|cheat|copied|guilty|suspect", page)


def test_own_work_is_not_alike(pairs):
    assert pairs(ann=ANN, bea=BEA, cid=CID)[0] == []


def test_half_a_copy_is_found_and_shown_side_by_side(pairs):
    one, two = ANN.split("def largest")[0], "def largest" + CID.split("def largest")[1]
    found, page = pairs(ann=ANN, bea=BEA, cid=CID, dan=one + two)
    assert {"ann", "dan"} in [{a, b} for _, a, b in found]
    assert "<mark>    added = [0.0] * 100</mark>" in page


def test_the_exercise_and_its_solution_explain_themselves(pairs):
    """Given code that was copied into an answer, and the model solution, are nobody's own."""
    copied = GIVEN.replace("read_measurements", "load").replace("rows", "lines")
    assert pairs(ann=copied + MODEL, bea=copied + MODEL, cid=MODEL + copied)[0] == []


def test_what_most_of_the_class_shares_does_not_count(pairs):
    answers = {f"s{number}": ANN for number in range(6)}
    assert pairs(**answers, other=BEA, third=CID)[0] == []


def test_short_answers_are_alike_by_chance(pairs):
    short = "def summarise(rows):\n    return {1: 2.0}"
    assert pairs(ann=short, bea=short, cid=CID)[0] == []


def test_cells_that_were_added_are_compared_too(pairs):
    from nbformat import v4

    def split(code):
        made = exercise("from_below = 1")
        made.cells.insert(2, v4.new_code_cell(code))
        return made

    found, _ = pairs(ann=split(ANN), bea=BEA, dan=split(disguised(ANN)))
    assert [names for _, *names in found] == [["ann", "dan"]]


NASTY = "<script>alert(1)</script>"


def test_the_page_is_text(pairs):
    answer = ANN.replace("# count", f'"{NASTY}"  # {NASTY}')
    _, page = pairs(ann=answer, dan=answer, bea=BEA)
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[" * 100_000,
        json.dumps({"nbformat": 4, "cells": [None, 7, {"cell_type": "code", "source": 7}]}),
        json.dumps({"nbformat": 4, "cells": {"a": 1}}),
        json.dumps({"nbformat": 3, "worksheets": []}),
    ],
    ids=["no JSON", "deep", "cells of another kind", "no list", "version 3"],
)
def test_files_that_are_no_notebook_are_named(pairs, tmp_path, content):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "eve.ipynb").write_text(content)
    found, page = pairs(ann=ANN, dan=disguised(ANN), bea=BEA)
    assert len(found) == 1 and "Not compared" in page and "eve.ipynb" in page


@pytest.mark.parametrize("code", ['"""' * 60_000, "'\\" * 90_000, "a." * 90_000, "#" * 180_000])
def test_code_that_takes_long_to_read(code):
    began = time.process_time()
    likeness.winnow(likeness.hashes(code[: likeness.MAX_CODE]))
    assert time.process_time() - began < 20


def test_fingerprints_are_those_of_winnowing():
    """Every equal passage of TOKENS_OF_HASH + WINDOW - 1 tokens is found."""
    shared = "+".join(f"x.a{n}" for n in range(6))  # 4 tokens each
    tokens = likeness.TOKENS_OF_HASH + likeness.WINDOW - 1
    assert tokens <= 4 * 6 - 1
    random.seed(1)
    for _ in range(30):
        before, after = ("-".join(f"y.b{random.random()}" for _ in range(9)) for _ in "12")
        one = likeness.winnow(likeness.hashes(f"{before}*{shared}"))
        two = likeness.winnow(likeness.hashes(f"{shared}*{after}"))
        assert one.keys() & two.keys()


def test_a_class_of_200_takes_seconds(pairs):
    """180 notebooks of their own, and 10 pairs of disguised copies."""
    names = ["sum", "len", "min", "max", "sorted", "abs", "round"]

    def work(seed):
        rng = random.Random(seed)
        lines = ["def summarise(rows):", "    out = {}"]
        for number in range(40):
            a, b = rng.sample(names, 2)
            op = rng.choice("+-*")
            c, d = rng.randint(0, 999), rng.randint(0, 999)
            lines.append(f"    v{number} = {a}(rows[{c}]) {op} {b}(rows[{d}:{d + c}]) % {c + d}")
        return "\n".join([*lines, "    return out"])

    answers = {f"own{seed}": work(seed) for seed in range(180)}
    copies = {}
    for seed in range(1000, 1010):
        copies[f"a{seed}"], copies[f"b{seed}"] = work(seed), work(seed).replace("v", "w")
    began = time.process_time()
    found, _ = pairs(**answers, **copies)
    assert time.process_time() - began < 60  # a busy machine; on a quiet one, a few seconds
    assert sorted((a, b) for _, a, b in found) == [(f"a{n}", f"b{n}") for n in range(1000, 1010)]


def test_the_course_explains_its_own_solutions(tmp_path):
    """Which are public, so that two who took one over are no pair."""
    source = ROOT / "book" / "solutions" / "keras-in-one-page.ipynb"
    if not source.exists():
        pytest.skip("there is no book/solutions here")
    for name in ("ann", "bob", "cid"):
        (tmp_path / "in").mkdir(exist_ok=True)
        shutil.copy(source, tmp_path / "in" / f"{name}.ipynb")
    assert write_page(tmp_path / "in", tmp_path / "page.html") == (0, 3)


def test_the_command(tmp_path):
    master = write(
        exercise(f"### BEGIN SOLUTION\n{MODEL}\n### END SOLUTION"), tmp_path / "m" / "set.ipynb"
    )
    for name, answer in {"ann": ANN, "dan": disguised(ANN), "bea": BEA}.items():
        write(exercise(answer), tmp_path / "in" / f"{name}.ipynb")
    words = ["likeness", tmp_path / "in", "--out", tmp_path / "page.html"]
    words += ["--master", master.parent]  # a folder of masters

    def command(words):
        return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})

    done = command(words)
    assert done.exit_code == 0 and "3 notebooks compared; 1 pair is alike" in done.output
    (tmp_path / "none").mkdir()
    done = command(["likeness", tmp_path / "none", *words[2:]])
    assert done.exit_code == 2 and "no notebook" in done.output


def test_the_three_ways_are_their_own():
    for one, two in combinations((ANN, BEA, CID, MODEL), 2):
        first, second = (likeness.winnow(likeness.hashes(code)) for code in (one, two))
        assert len(first.keys() & second.keys()) < likeness.MIN_SHARED
