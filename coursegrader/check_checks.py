"""Test checks both ways: the solution passes them, the blank and wrong answers do not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbformat import NotebookNode

from coursegrader.master import Master, Step
from coursegrader.notebook import BadNotebookError, marks_of, read
from coursegrader.release import exercise
from coursegrader.running import CellRun, Kernel, code_cells, kernel

CELL_SECONDS = 120.0
# A new cell in the percent format, which editors and jupytext know.
SECTION = re.compile(r"^#[ \t]*%%[ \t]*(\S+)[ \t]*(.*)$", re.M)
# Runs in the kernel after the solution has passed a check. It changes no variable of the notebook.
JUDGE = """
def _judge_wrong_answer(names, answer, test, name):
    from coursekit.exercises import CheckFailed, find
    space = dict(names)
    try:
        exec(compile(answer, "<wrong answer>", "exec"), space)
    except Exception as error:
        raise SystemError(f"{type(error).__name__}: {error}") from None
    if name:
        result = find(name)(space)
        if not result.passed:
            raise CheckFailed(result)
    else:
        exec(compile(test, "<tests>", "exec"), space)
"""
CRASHED = "could not be judged ("  # what a check says that fails itself


@dataclass(frozen=True)
class Judged:
    """How a check judged one answer.

    Attributes
    ----------
    check : str
    answer : str
        ``"solution"``, ``"blank"`` or the words for a wrong answer.
    good : bool
        Whether it was judged as it should be.
    text : str
        What the check said, or what is wrong with that.
    """

    check: str
    answer: str
    good: bool
    text: str


def check_checks(
    path: Path | str,
    *,
    wrong: Path | str | None = None,
    cell_seconds: float = CELL_SECONDS,
) -> list[Judged]:
    """Run a solution, its blank and wrong answers, and judge how they were judged.

    Parameters
    ----------
    path : path
        Notebook with solutions. It runs where it lies, with all rights.
    wrong : path, optional
        Python file of wrong answers. Each begins with a line ``# %% CHECK words``; the code
        below runs after the solution has passed that check, with a copy of its variables.
    cell_seconds : float
        The longest that a cell may take.

    Returns
    -------
    list of Judged
        Check by check: the solution, the blank, the wrong answers.

    Raises
    ------
    BadNotebookError
        If the notebook is no master, or a wrong answer is for a check that is not in it.
    OSError
        If a file cannot be read.
    """
    path = Path(path)
    steps = {step.identifier: step for step in Master.from_file(path).graded}
    notebook = read(path.read_bytes())
    tests = {
        number: step
        for number, cell in code_cells(notebook)
        if (step := steps.get(marks_of(cell).get("grade_id", ""))) and step.kind != "manual"
    }
    names = {number: step.check or step.identifier for number, step in tests.items()}
    wrong_answers = _read_wrong(Path(wrong), list(names.values())) if wrong else {}
    rows: dict[int, list[Judged]] = {}
    with kernel(path.resolve().parent, cell_seconds) as running:
        for number, ended in _run_all(running, notebook, tests):
            if number in tests:
                said = f"does not pass: {ended.error}" if ended.error else "passes"
                rows[number] = [Judged(names[number], "solution", not ended.error, said)]
                for words, code in wrong_answers.get(names[number], ()):
                    judged = _run_wrong(running, tests[number], code)
                    rows[number].append(_judge_failing(names[number], words, judged))
            elif ended.error:  # the checks below may fail because of it
                said = f"fails: {ended.error}"
                rows[number] = [Judged(f"cell {number}", "solution", False, said)]
    with kernel(path.resolve().parent, cell_seconds) as running:
        for number, ended in _run_all(running, exercise(notebook, path.stem), tests):
            if number in tests:
                rows[number].insert(1, _judge_failing(names[number], "blank", ended))
    return [one for number in sorted(rows) for one in rows[number]]


def _run_all(
    running: Kernel, notebook: NotebookNode, tests: Mapping[int, Step]
) -> Iterator[tuple[int, CellRun]]:
    """Run the code cells; after a cell that never ended none is run."""
    stopped = None
    for number, cell in enumerate(notebook.cells, 1):
        # With hidden tests, which may be all that a cell of tests has.
        source = tests[number].source if number in tests else cell.source
        if cell.cell_type != "code" or not source.strip():
            continue
        ended = stopped or running.run(source)
        if ended.stopped and stopped is None:
            stopped = replace(ended, error=f"Cell {number} did not end: {ended.error}")
        yield number, ended


def _run_wrong(running: Kernel, step: Step, code: str) -> CellRun:
    """Judge one wrong answer with a copy of the solution's variables."""
    arguments = ", ".join(map(repr, (code, step.source, step.check)))
    return running.run(f"{JUDGE}\n_judge_wrong_answer(globals(), {arguments})")


def _judge_failing(name: str, answer: str, ended: CellRun) -> Judged:
    """Judge how a check took an answer that is not right."""
    if not ended.error:
        return Judged(name, answer, False, "passes, and must not")
    if ended.stopped:
        return Judged(name, answer, False, ended.error)
    if ended.kind == "SystemError":
        said = f"the code of this wrong answer fails itself: {ended.error}"
        return Judged(name, answer, False, said)
    if CRASHED in ended.error:
        return Judged(name, answer, False, f"the check fails itself: {ended.error}")
    if ended.kind == "NotImplementedError":
        return Judged(name, answer, True, "the blank says that it is one (NotImplementedError)")
    if ended.error == ended.kind:
        return Judged(name, answer, False, f"fails without words ({ended.kind}); add a message")
    return Judged(name, answer, True, ended.error)


def _read_wrong(path: Path, names: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Read the wrong answers of a file, by check: the words for each, and its code."""
    text = path.read_text(encoding="utf-8")
    _, *parts = SECTION.split(text)
    found: dict[str, list[tuple[str, str]]] = {}
    for name, words, code in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if name not in names:
            raise BadNotebookError(
                f"{path}: it has a wrong answer for {name!r}, and the checks of the notebook are "
                f"{', '.join(names)}."
            )
        answers = found.setdefault(name, [])
        answers.append((words or f"wrong answer {len(answers) + 1}", code))
    if not found:
        raise BadNotebookError(
            f"{path}: it has no wrong answer. Begin each with a line such as: "
            f"# %% {next(iter(names), 'W1.1')} the mean instead of the median"
        )
    return found
