"""The same submissions, graded by ``coursekit grade``, by nbgrader and by Otter, two at a time.

Of thirty, twenty are right, in varied styles; six are wrong, each in its own way; two raise midway,
one loops for ever, and one is empty. All tools grade all thirty once: printed are the points that
each gives, and the memory. What one more submission costs is measured in rounds, from runs of two
and of six right ones (of fourteen with ours, where one costs least). nbgrader grades one after the
other, and is measured so; two jobs are two courses, each with half of the submissions. Otter has a
process for each. The cells of a submission, run in a process that has Keras imported, show what no
grader that runs them can save.
Memory is the largest sum over all processes of the tool, in which pages that processes share count
once, divided by two jobs.

Otter needs other versions of some packages. This script makes it an environment in the user's
cache, with TensorFlow in the version of this one; ``--otter`` names its command in another.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import nbformat
import psutil
from _environments import MissingError, python_with
from _measure import BIN, Question, markdown, options_of, spread
from nbformat import v4

CELL_SECONDS = 30
LONGEST = 1800  # seconds for one command
JOBS = 2
FEW, ALL = 2, 200
GOAL = 8  # times as fast for one more submission
Codes = dict[str, dict[str, str] | None]
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


def submissions() -> Codes:
    """Return the code of each exercise, by name of the submission; None is an empty one."""
    solution = {task: code for task, (code, _) in TASKS.items()}
    made: Codes = {}
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
            timeout=LONGEST,
            **options,
        )
    return time.perf_counter() - began


class Memory(threading.Thread):
    """Watch the memory of all processes below this one; use it as a context.

    Attributes
    ----------
    peak : int
        The largest sum that was seen, in bytes.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self._end = 0, threading.Event()

    def run(self) -> None:
        """Look twice a second."""
        me = psutil.Process()
        while not self._end.wait(0.5):
            total = 0
            for process in me.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    total += process.memory_full_info().pss
            self.peak = max(self.peak, total)

    def __enter__(self) -> Memory:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join(timeout=10)


# ----------------------------------------------------------------------------- the three


def ours(folder: Path, codes: Codes, jobs: int) -> tuple[float, dict[str, float]]:
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


class NBGrader:
    """Grades with ``nbgrader autograde``, in as many courses as there are jobs.

    Parameters
    ----------
    base : Path
        An empty folder, for the course with nothing but the assignment.
    """

    def __init__(self, base: Path):
        # It calls programs of its environment by name; kernels are ordinary ones, as everywhere.
        self.env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        self.env.pop("JUPYTER_DEFAULT_PROVISIONER_NAME", None)
        self.course, self.log = base / "course", base / "nbgrader.log"
        source = self.course / "source" / "ps1" / f"{NAME}.ipynb"
        source.parent.mkdir(parents=True)
        (self.course / "nbgrader_config.py").write_text(
            "c = get_config()\n"
            "c.CourseDirectory.course_id = 'course'\n"
            f"c.ExecutePreprocessor.timeout = {CELL_SECONDS}\n"
            "c.ExecutePreprocessor.interrupt_on_timeout = True\n"
        )
        codes = {task: code for task, (code, _) in TASKS.items()}
        nbformat.write(nbgrader_notebook(codes, source=True), source)
        self._call("generate_assignment", self.course)

    def __call__(self, folder: Path, codes: Codes, jobs: int) -> tuple[float, dict[str, float]]:
        """Return the seconds, and the points of each submission."""
        names = list(codes)
        courses = []
        for number in range(jobs):
            courses.append(shutil.copytree(self.course, folder / f"nbgrader-{number}"))
            for name in names[number::jobs]:
                path = courses[-1] / "submitted" / name / "ps1" / f"{NAME}.ipynb"
                path.parent.mkdir(parents=True)
                nbformat.write(nbgrader_notebook(codes[name], source=False), path)
        began = time.perf_counter()
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda course: self._call("autograde", course), courses))
        seconds = time.perf_counter() - began
        points: dict[str, float] = {}
        for course in courses:
            points |= _nbgrader_points(course / "gradebook.db")
        return seconds, points

    def _call(self, command: str, course: Path) -> None:
        run([BIN / "nbgrader", command, "ps1", "--create"], self.log, cwd=course, env=self.env)


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


class Otter:
    """Grades with ``otter run``, one process per submission.

    Parameters
    ----------
    base : Path
        An empty folder, for what ``otter assign`` makes.
    command : Path
        ``otter`` in its environment.
    """

    def __init__(self, base: Path, command: Path):
        self.command, self.log = command, base / "otter.log"
        self.env = {**os.environ, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}
        self.env.pop("JUPYTER_DEFAULT_PROVISIONER_NAME", None)
        master, dist = base / f"{NAME}.ipynb", base / "dist"
        nbformat.write(otter_master(), master)
        run([command, "assign", master, dist, "--no-run-tests", "--no-pdfs"], self.log,
            env=self.env)  # fmt: skip
        zipped = list((dist / "autograder").glob("*.zip"))
        if not zipped:
            raise MissingError(f"otter assign made nothing: {self.log.read_text()[-300:]}")
        self.zipped, self.student = zipped[0], dist / "student" / f"{NAME}.ipynb"

    def __call__(self, folder: Path, codes: Codes, jobs: int) -> tuple[float, dict[str, float]]:
        """Return the seconds, and the points of each submission."""
        for name, code in codes.items():
            path = folder / "in" / name / f"{NAME}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(otter_submission(self.student, code), path)

        def one(name: str) -> tuple[str, float]:
            path, out = folder / "in" / name / f"{NAME}.ipynb", folder / "out" / name
            out.mkdir(parents=True)
            # It has no limit on the time of a cell, so the limit is put around it.
            run(["timeout", 60, self.command, "run", "-a", self.zipped, "-o", out, path], self.log,
                env=self.env, cwd=path.parent)  # fmt: skip
            result = out / "results.json"
            if not result.exists():
                return name, float("nan")
            tests = json.loads(result.read_text())["tests"]
            return name, sum(float(test.get("score") or 0) for test in tests)

        began = time.perf_counter()
        with ThreadPoolExecutor(jobs) as pool:
            points = dict(pool.map(one, codes))
        return time.perf_counter() - began, points


# ------------------------------------------------------------------------------ what is measured

Grade = Callable[[Path, Codes, int], tuple[float, dict[str, float]]]
COURSEKIT = "coursekit grade"
# One more submission costs ours little: with as few as the others, it would drown in the noise.
ALONE = "nbgrader, one after the other"
MANY = {COURSEKIT: 14, "nbgrader": 6, ALONE: 6, "Otter": 6}


def graders(base: Path, otter: Path | None) -> tuple[dict[str, Grade], str]:
    """Return the tools by name, and why Otter is not among them, if it is not."""
    for name in ("nbgrader", "otter"):
        (base / name).mkdir()
    tools: dict[str, Grade] = {COURSEKIT: ours, "nbgrader": NBGrader(base / "nbgrader")}
    try:
        if otter is None:
            from importlib.metadata import version

            same = [f"{name}=={version(name)}" for name in ("tensorflow", "keras", "scikit-learn")]
            check = "import otter, keras, sklearn"
            packages = ["otter-grader", "ipykernel", *same]
            otter = python_with("otter", packages, check=check).with_name("otter")
        tools["Otter"] = Otter(base / "otter", otter)
    except MissingError as error:
        return tools, str(error)
    return tools, ""


def right_ones(count: int) -> Codes:
    """Return so many right submissions, in varied styles."""
    styles = [code for name, code in submissions().items() if name.startswith("right")]
    return {f"student-{number:03}": styles[number % len(styles)] for number in range(count)}


def seconds_for(grade: Grade, count: int) -> float:
    """Return the seconds of grading so many right submissions, which have to get all points."""
    with tempfile.TemporaryDirectory() as folder:
        seconds, points = grade(Path(folder), right_ones(count), JOBS)
    if set(points.values()) != {6.0} or len(points) != count:
        raise SystemExit(f"Right submissions did not get their points: {points}")
    return seconds


def seconds_of_cells() -> float:
    """Return the processor's seconds of a right submission's cells, with Keras imported before."""
    cells = nbgrader_notebook(next(iter(right_ones(1).values())), source=False).cells
    program = "import json, sys, time, keras, sklearn\ncells = json.load(sys.stdin)\n"
    program += "began = time.process_time()\nfor cell in cells: exec(cell)\n"
    program += "print(time.process_time() - began)"
    done = subprocess.run(
        [BIN / "python", "-c", program],
        input=json.dumps([cell.source for cell in cells]),
        capture_output=True,
        text=True,
        check=True,
        timeout=LONGEST,
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--otter", type=Path, help="the command of Otter's environment")

    options = options_of(__doc__, more=more)
    few, at_all = (1, 4) if options.quick else (FEW, ALL)
    question = Question("grading", "Grading", __doc__.split("\n\n")[1], quick=options.quick)
    everything = submissions()
    if options.quick:
        everything = {name: everything[name] for name in ("right-01", "not-scaled", "empty")}
    points: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as base:
        tools, missing = graders(Path(base), options.otter)
        if missing:
            question.say(f"**Not measured: Otter.** Its environment could not be made: {missing}")

        taken, peaks = {}, {}
        question.calibrate()
        for tool, grade in tools.items():
            with tempfile.TemporaryDirectory() as folder, Memory() as memory:
                seconds, points[tool] = grade(Path(folder), everything, JOBS)
            taken[tool], peaks[tool] = [seconds], memory.peak
            question.calibrate()
        part = question.add(f"{len(everything)} submissions of all kinds", taken, ours=COURSEKIT)
        for row in part["rows"]:
            row["memory per job, MB"] = f"{peaks[row['way']] / JOBS / 1e6:,.0f}"
        _say_points(question, everything, points)
        question.keep(unfinished=True)

        nbgrader = tools["nbgrader"]
        tools[ALONE] = lambda folder, codes, _: nbgrader(folder, codes, 1)
        short: dict[str, list[float]] = {tool: [] for tool in tools}

        def one_more(tool: str) -> float:
            many = 2 if options.quick else MANY[tool]
            short[tool].append(seconds_for(tools[tool], few))
            return (seconds_for(tools[tool], many) - short[tool][-1]) / (many - few)

        slopes = question.alternate(
            "One more submission",
            {tool: lambda tool=tool: one_more(tool) for tool in tools},
            rounds=options.rounds,
            ours=COURSEKIT,
            warm_up=False,
        )
        for row in question.content["parts"][-1]["rows"][1:]:
            what = f"Grading against {row['way']}, times as fast for one more submission"
            question.goal(what, row["ratio"][0], at_least=GOAL)
        own = [seconds_of_cells() for _ in range(options.rounds)]
        question.say(
            f"The cells of a right submission take {spread(own)} s of processor time, with Keras "
            f"imported before; divided by {JOBS} jobs, {statistics.median(own) / JOBS:.2f} s."
        )
        question.calibrate()
        long = {COURSEKIT: [seconds_for(ours, at_all)]}
        question.calibrate()
    for tool in tools:
        if tool != COURSEKIT:
            slope = statistics.median(slopes[tool])
            long[tool] = [statistics.median(short[tool]) + (at_all - few) * slope]
    part = question.add(f"{at_all} right submissions", long, ours=COURSEKIT)
    for row in part["rows"]:
        row["how"] = "measured" if row["way"] == COURSEKIT else "from the slope"
    question.keep()


def _say_points(question: Question, everything: Codes, points: dict[str, dict]) -> None:
    rows = [
        [name, *(f"{given.get(name, float('nan')):g}" for given in points.values())]
        for name in everything
    ]
    question.say(
        "Points, of 6 (nan: no result):\n\n" + markdown(["submission", *points], rows),
        title="The same points",
    )


if __name__ == "__main__":
    main()
