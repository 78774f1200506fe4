"""The same thirty submissions, graded by ``coursekit grade``, by nbgrader and by Otter.

Twenty are right, in varied styles; six are wrong, each in its own way; two raise midway, one
loops for ever, and one is empty. Printed are the points that each tool gives to each, and how
long each took: the whole run, and what another submission costs once it is running (from a
run of four right ones and one of all twenty).

Run with ``.venv/bin/python benchmarks/grading.py``. Otter needs versions of its own of some
packages: ``--otter`` names its command in another environment, which has TensorFlow in the
version of this one. Without it, Otter is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import nbformat
from _measure import BIN, Question
from nbformat import v4

CELL_SECONDS = 15
NAME = "three-exercises"

SETUP = """\
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import keras
keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
rows = rng.normal(5, 3, size=(2000, 4)).astype("float32")
classes = (rows.sum(axis=1) > 20).astype(int)"""

TASKS = {
    "scale": (
        "x = (rows - rows.mean(axis=0)) / rows.std(axis=0)",
        [
            "assert x.shape == (2000, 4)",
            "assert np.allclose(np.asarray(x).mean(axis=0), 0, atol=1e-4)",
            "assert np.allclose(np.asarray(x).std(axis=0), 1, atol=1e-3)",
        ],
    ),
    "build": (
        "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, 'relu'),\n"
        "                          keras.layers.Dense(2, 'softmax')])",
        [
            "assert model.count_params() == 58",
            "assert np.allclose(model(np.zeros((3, 4))).numpy().sum(axis=1), 1, atol=1e-5)",
        ],
    ),
    "train": (
        "model.compile(keras.optimizers.Adam(0.03), 'sparse_categorical_crossentropy')\n"
        "model.fit(x, classes, epochs=3, batch_size=64, verbose=0)",
        ["assert (model.predict(x, verbose=0).argmax(axis=1) == classes).mean() > 0.9"],
    ),
}
STYLES = {
    "scale": [
        TASKS["scale"][0],
        "x = rows - rows.mean(0)\nx /= x.std(0)",
        "from sklearn.preprocessing import StandardScaler\n"
        "x = StandardScaler().fit_transform(rows)",
        "scaler = keras.layers.Normalization()\nscaler.adapt(rows)\nx = scaler(rows).numpy()",
    ],
    "build": [
        TASKS["build"][0],
        "inputs = keras.Input((4,))\nhidden = keras.layers.Dense(8, activation='relu')(inputs)\n"
        "model = keras.Model(inputs, keras.layers.Dense(2, activation='softmax')(hidden))",
        "model = keras.Sequential()\nmodel.add(keras.Input((4,)))\n"
        "model.add(keras.layers.Dense(8))\nmodel.add(keras.layers.ReLU())\nmodel.add(keras.layers.Dense(2))\n"
        "model.add(keras.layers.Softmax())",
    ],
    "train": [
        TASKS["train"][0],
        "model.compile(optimizer=keras.optimizers.RMSprop(0.03),\n"
        "              loss='categorical_crossentropy')\n"
        "model.fit(x, keras.utils.to_categorical(classes), epochs=4, batch_size=64, verbose=0)",
    ],
}
WRONG = {
    "scaled by one number": {"scale": "x = (rows - rows.mean()) / rows.std()"},
    "not scaled": {"scale": "x = rows"},
    "too wide": {"build": TASKS["build"][0].replace("Dense(8", "Dense(9")},
    "softmax forgotten": {"build": TASKS["build"][0].replace(", 'softmax'", "")},
    "not trained": {"train": "model.compile('adam', 'sparse_categorical_crossentropy')"},
    "trained on other labels": {"train": TASKS["train"][0].replace("classes,", "1 - classes,")},
}
RAISES = {
    "raises in the second": {"build": "raise ValueError('midway')"},
    "raises in the third": {"train": "model.fit(no_such_name)"},
}
LOOPS = {"loops for ever": {"train": "n = 0\nwhile True: n += 1"}}


def submissions() -> dict[str, dict[str, str] | None]:
    """Return the code of each exercise, by name of the submission; None is an empty one."""
    solution = {task: code for task, (code, _) in TASKS.items()}
    made: dict[str, dict[str, str] | None] = {}
    styles = list(product(*STYLES.values()))
    for number, style in enumerate(styles[:20], start=1):
        made[f"right-{number:02}"] = dict(zip(TASKS, style, strict=True))
    for name, changed in {**WRONG, **RAISES, **LOOPS}.items():
        made[name.replace(" ", "-")] = {**solution, **changed}
    made["empty"] = None
    return made


def nbgrader_notebook(codes: dict[str, str] | None, *, source: bool) -> nbformat.NotebookNode:
    """Return a submission, or the source, with nbgrader's marks."""
    notebook = v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    if codes is None:
        return notebook

    def cell(code: str, identifier: str, **marks: object) -> None:
        base = {"grade": False, "locked": False, "solution": False, "task": False}
        made = v4.new_code_cell(code)
        made.id = identifier
        made.metadata["nbgrader"] = {
            **base,
            "schema_version": 3,
            "grade_id": identifier,
            **marks,
        }
        notebook.cells.append(made)

    cell(SETUP, "setup", locked=True)
    for task, (_, tests) in TASKS.items():
        code = codes[task]
        if source:
            code = f"### BEGIN SOLUTION\n{code}\n### END SOLUTION"
        cell(code, task, solution=True)
        cell("\n".join(tests), f"{task}-test", grade=True, locked=True, points=2)
    return notebook


def otter_master() -> nbformat.NotebookNode:
    """Return the master in the form that ``otter assign`` reads."""
    notebook = v4.new_notebook()
    cells = notebook.cells
    cells.append(v4.new_raw_cell("# ASSIGNMENT CONFIG\ninit_cell: false\nexport_cell: false\n"))
    cells.append(v4.new_code_cell(SETUP))
    for task, (code, tests) in TASKS.items():
        cells += [
            v4.new_raw_cell(f"# BEGIN QUESTION\nname: {task}\npoints: 2"),
            v4.new_markdown_cell(task),
            v4.new_raw_cell("# BEGIN SOLUTION"),
            v4.new_code_cell(f"# BEGIN SOLUTION\n{code}\n# END SOLUTION"),
            v4.new_raw_cell("# END SOLUTION"),
            v4.new_raw_cell("# BEGIN TESTS"),
            v4.new_code_cell("\n".join(tests)),
            v4.new_raw_cell("# END TESTS"),
            v4.new_raw_cell("# END QUESTION"),
        ]
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return notebook


def otter_submission(student: Path, codes: dict[str, str] | None) -> nbformat.NotebookNode:
    """Return the student's notebook that ``otter assign`` made, filled in."""
    notebook = nbformat.read(student, as_version=4)
    if codes is None:
        notebook.cells = []
        return notebook
    blanks = [cell for cell in notebook.cells if cell.cell_type == "code" and "..." in cell.source]
    for cell, task in zip(blanks, TASKS, strict=True):
        cell.source = codes[task]
    return notebook


def run(command: list[str | Path], log: Path, **options: object) -> float:
    """Run a command, and return the seconds it took."""
    began = time.perf_counter()
    with log.open("ab") as file:
        subprocess.run(
            [str(word) for word in command],
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            check=False,
            **options,
        )
    return time.perf_counter() - began


# ----------------------------------------------------------------------------- the three


def ours(folder: Path, codes: dict, jobs: int) -> tuple[float, dict[str, float]]:
    """Grade with ``coursekit grade --master``: the same cells of tests, nothing left out."""
    master = folder / "ours" / f"{NAME}.ipynb"
    master.parent.mkdir(parents=True)
    nbformat.write(nbgrader_notebook({task: code for task, (code, _) in TASKS.items()},
                                     source=True), master)  # fmt: skip
    for name, code in codes.items():
        path = folder / "ours" / "submissions" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(nbgrader_notebook(code, source=False), path)
    out = folder / "ours" / "report"
    seconds = run(
        [BIN / "coursekit", "grade", folder / "ours" / "submissions", "--out", out,
         "--master", master, "--jobs", jobs, "--cell-seconds", CELL_SECONDS],
        folder / "ours.log",
    )  # fmt: skip
    with (out / "grades.csv").open() as file:
        return seconds, {line["student"]: float(line["points"]) for line in csv.DictReader(file)}


def nbgrader(folder: Path, codes: dict, jobs: int) -> tuple[float, dict[str, float]]:
    """Grade with ``nbgrader autograde``; two jobs are two courses, each with half of them."""
    # It calls programs of its environment by name; kernels are ordinary ones, as everywhere.
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    env.pop("JUPYTER_DEFAULT_PROVISIONER_NAME", None)
    names = list(codes)
    shares = [names[start::jobs] for start in range(jobs)]
    courses = [folder / f"nbgrader-{number}" for number in range(jobs)]
    log = folder / "nbgrader.log"
    master = nbgrader_notebook({task: code for task, (code, _) in TASKS.items()}, source=True)
    for course, share in zip(courses, shares, strict=True):
        source = course / "source" / "ps1" / f"{NAME}.ipynb"
        source.parent.mkdir(parents=True)
        (course / "nbgrader_config.py").write_text(
            "c = get_config()\n"
            "c.CourseDirectory.course_id = 'course'\n"
            f"c.ExecutePreprocessor.timeout = {CELL_SECONDS}\n"
            "c.ExecutePreprocessor.interrupt_on_timeout = True\n"
        )
        nbformat.write(master, source)
        run([BIN / "nbgrader", "generate_assignment", "ps1", "--create"], log, cwd=course, env=env)
        for name in share:
            path = course / "submitted" / name / "ps1" / f"{NAME}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(nbgrader_notebook(codes[name], source=False), path)

    def one(course: Path) -> None:
        run([BIN / "nbgrader", "autograde", "ps1", "--create"], log, cwd=course, env=env)

    began = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, courses))
    seconds = time.perf_counter() - began
    points: dict[str, float] = {}
    for course in courses:
        points |= _nbgrader_points(course / "gradebook.db")
    return seconds, points


def _nbgrader_points(path: Path) -> dict[str, float]:
    query = """
        select submitted_assignment.student_id, sum(coalesce(grade.auto_score, 0))
        from grade
        join submitted_notebook on grade.notebook_id = submitted_notebook.id
        join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
        group by submitted_assignment.student_id
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {name: float(points) for name, points in connection.execute(query)}


def otter(folder: Path, codes: dict, jobs: int, command: Path) -> tuple[float, dict[str, float]]:
    """Grade with ``otter run``, one process per submission."""
    home = folder / "otter"
    home.mkdir()
    log = folder / "otter.log"
    master = home / f"{NAME}.ipynb"
    nbformat.write(otter_master(), master)
    env = {**os.environ, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}
    env.pop("JUPYTER_DEFAULT_PROVISIONER_NAME", None)
    run([command, "assign", master, home / "dist", "--no-run-tests", "--no-pdfs"], log, env=env)
    zipped = next((home / "dist" / "autograder").glob("*.zip"))
    student = home / "dist" / "student" / f"{NAME}.ipynb"
    for name, code in codes.items():
        path = home / "in" / name / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(otter_submission(student, code), path)

    def one(name: str) -> tuple[str, float]:
        path = home / "in" / name / f"{NAME}.ipynb"
        out = home / "out" / name
        out.mkdir(parents=True)
        # It has no limit on the time of a cell, so the limit is put around it.
        run(["timeout", 60, command, "run", "-a", zipped, "-o", out, path], log, env=env,
            cwd=path.parent)  # fmt: skip
        result = out / "results.json"
        if not result.exists():
            return name, float("nan")
        tests = json.loads(result.read_text())["tests"]
        return name, sum(float(test.get("score") or 0) for test in tests)

    began = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        points = dict(pool.map(one, codes))
    return time.perf_counter() - began, points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--otter", type=Path, help="the command of Otter's environment")
    parser.add_argument("--only", nargs="*", help="names of tools, such as nbgrader-2")
    parser.add_argument("--many", type=int, default=200, help="right ones for a long run of ours")
    options = parser.parse_args()
    tools = {
        "coursekit-2": lambda folder, codes: ours(folder, codes, 2),
        "coursekit-1": lambda folder, codes: ours(folder, codes, 1),
        "nbgrader-1": lambda folder, codes: nbgrader(folder, codes, 1),
        "nbgrader-2": lambda folder, codes: nbgrader(folder, codes, 2),
    }
    if options.otter:
        tools["otter-1"] = lambda folder, codes: otter(folder, codes, 1, options.otter)
        tools["otter-2"] = lambda folder, codes: otter(folder, codes, 2, options.otter)
    question = Question("grading", "Grading", __doc__.split("\n\n")[1])
    everything = submissions()
    right = {name: code for name, code in everything.items() if name.startswith("right")}
    few = dict(list(right.items())[:4])
    seconds, steady, points = {}, {}, {}
    for tool, grade in tools.items():
        if options.only and tool not in options.only:
            continue
        with tempfile.TemporaryDirectory() as base:
            seconds[tool], points[tool] = grade(_folder(base, "all"), everything)
            short, _ = grade(_folder(base, "few"), few)
            long, _ = grade(_folder(base, "right"), right)
            steady[tool] = (long - short) / (len(right) - len(few))
        print(
            f"{tool}: thirty in {seconds[tool]:.1f} s, twenty right ones in {long:.1f} s, "
            f"{steady[tool]:.2f} s for one more",
            flush=True,
        )
    for title, measured in (("The thirty submissions", seconds), ("One more submission", steady)):
        question.add(title, {tool: [taken] for tool, taken in measured.items()}, ours="coursekit-2")
    table = [f"| submission | {' | '.join(points)} |", "|---" * (1 + len(points)) + "|"]
    for name in everything:
        given = (f"{points[tool].get(name, float('nan')):g}" for tool in points)
        table.append(f"| {name} | {' | '.join(given)} |")
    question.say("Points, of 6 (nan: no result):\n\n" + "\n".join(table))
    if options.many and (not options.only or "many" in options.only):
        names = list(right.values())
        codes = {f"student-{number:03}": names[number % 20] for number in range(options.many)}
        with tempfile.TemporaryDirectory() as base:
            took, given = ours(_folder(base, "many"), codes, 2)
        assert set(given.values()) == {6.0}, given
        question.say(f"coursekit-2 grades {options.many} right submissions in {took:.0f} s.")
    if not options.only or "coursekit-2" in options.only:
        question.keep()


def _folder(base: str, name: str) -> Path:
    folder = Path(base) / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
