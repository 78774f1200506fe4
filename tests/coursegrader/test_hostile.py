"""Submissions that attack the grader: it lives, the others get their points, and it says why."""

from __future__ import annotations

import copy
import json
import os
import socket
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import nbformat
import pytest

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader.grade import grade
from coursegrader.grader import Options
from coursegrader.sandbox import Limits
from tests.coursegrader.notebooks import (
    RIGHT_FIRST,
    RIGHT_SECOND,
    given,
    master_of_two,
    printed,
    two_checks,
    write,
)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux"),
    pytest.mark.timeout(600),
]

MARK = "98765.4321"  # how long the daemons sleep: what a process of theirs is known by

# By name: what the second cell does, the points it must get, and what must be said of it.
ATTACKS = {
    "endless loop": ("x = 0\nwhile True: x += 1", 1, "took more than 6 s and was interrupted"),
    "endless loop that takes no interrupt": (
        "import time\nwhile True:\n    try:\n        time.sleep(9)\n"
        "    except BaseException as error:\n        pass",
        1,
        "took no interrupt",
    ),
    "ends its process": ("import os\nos._exit(0)", 1, "ended its process (exit status 0)"),
    "exits": (f"{RIGHT_SECOND}\nraise SystemExit", 2, ""),
    "kills its parent": (
        "import os\ntry:\n    os.kill(os.getppid(), 9)\nexcept OSError:\n    print('refused')\n"
        f"{RIGHT_SECOND}",
        2,
        "",
    ),
    "kills everything": (
        f"import os\nfor pid in range(2, 40000):\n    try:\n        if pid != os.getpid():\n"
        f"            os.kill(pid, 9)\n    except OSError:\n        pass\n{RIGHT_SECOND}",
        2,
        "",
    ),
    "20 GB": (f"{RIGHT_SECOND}\nhuge = np.ones(20 * 2**30 // 8)", 2, ""),
    "1 GB of output": (
        f"for _ in range(1000):\n    print('x' * 10**6)\n{RIGHT_SECOND}",
        2,
        "",
    ),
    "1 GB past Python": (
        "import os\nfor _ in range(1000):\n    os.write(1, b'x' * 10**6)\n"
        f"    os.write(2, b'x' * 10**6)\n{RIGHT_SECOND}",
        2,
        "",
    ),
    "deletes files": (
        "import os, shutil\nfor place in PLACES:\n    shutil.rmtree(place, ignore_errors=True)\n"
        f"{RIGHT_SECOND}",
        2,
        "",
    ),
    "overwrites files": (
        "import os\nfor place in PLACES:\n    for name in ('x.ipynb', 'honest 1.ipynb'):\n"
        "        try:\n            open(os.path.join(place, name), 'w').write('{}')\n"
        f"            print('WRITTEN')\n        except OSError:\n            pass\n{RIGHT_SECOND}",
        2,
        "",
    ),
    "reads files": (
        "import glob, os\nfor place in PLACES:\n"
        "    for name in glob.glob(place + '/**/*', recursive=True):\n        try:\n"
        "            print('READ', name, open(name).read()[:20])\n        except OSError:\n"
        f"            pass\n{RIGHT_SECOND}",
        2,
        "",
    ),
    "fills the disk": (
        "try:\n    with open('large', 'wb') as file:\n        for _ in range(3000):\n"
        f"            file.write(bytes(2**20))\nexcept OSError as error:\n    print(error)\n"
        f"{RIGHT_SECOND}",
        2,
        "",
    ),
    "calls a server": (
        "import socket\ntry:\n    socket.create_connection(('127.0.0.1', PORT), 2)\n"
        f"    print('CONNECTED')\nexcept OSError:\n    pass\n{RIGHT_SECOND}",
        2,
        "",
    ),
    "calls a server by its file": (
        "import asyncio, socket\nasyncio.run(asyncio.sleep(0))\n"  # which makes a pair of sockets
        "for path in SOCKETS:\n    try:\n"
        "        socket.socket(socket.AF_UNIX).connect(path)\n        print('CONNECTED')\n"
        "    except OSError:\n        pass\n"
        "    try:\n        one, other = socket.socketpair(type=socket.SOCK_DGRAM)\n"
        "        print('CONNECTED: a datagram could be sent')\n"
        f"    except OSError:\n        pass\n{RIGHT_SECOND}",
        2,
        "",
    ),
    "leaves a daemon": (
        "import os, subprocess\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        f"        os.execvp('sleep', ['sleep', '{MARK}'])\n    os._exit(0)\n{RIGHT_SECOND}",
        2,
        "",
    ),
    "patches what judges": (
        "import builtins\nimport coursekit.exercises as g\nfrom coursekit.exercises import kinds\n"
        "from coursekit.exercises import declaring\n"
        "declaring.Check.__call__ = lambda *a: None\n"
        "g.check = check = lambda *a, **k: None\ndeclaring.expect = lambda *a: None\n"
        "builtins.all = builtins.any = builtins.isinstance = lambda *a: True\n"
        "np.array_equal = np.allclose = lambda *a, **k: True\nby_layer = [1, 2, 3, 4]",
        1,
        "",
    ),
    "lies about itself": (
        "class Liar(np.ndarray):\n    def __eq__(self, other): return True\n"
        "    def __array__(self, *a, **k): return np.array([1, 2, 3, 4])\n"
        "    def __len__(self): return 4\nby_layer = np.zeros(4).view(Liar)",
        1,
        "",
    ),
    "lies as an object": (
        "class Liar:\n    shape = (4,)\n    def __eq__(self, other): return True\n"
        "    def __getattr__(self, name): return self\n    def __call__(self, *a): return self\n"
        "by_layer = Liar()",
        1,
        "",
    ),
    "hides a pickle": (
        "import pickle\nclass Bomb:\n    def __reduce__(self): return (exit, ())\n"
        "by_layer = np.array([Bomb()] * 4, dtype=object)",
        1,
        "",
    ),
    "writes to the grader": (
        "import os\nfor fd in range(3, 60):\n    try:\n        os.write(fd, b'\\xff' * 4096)\n"
        f"    except OSError:\n        pass\n{RIGHT_SECOND}",
        1,
        "",
    ),
    "raises": ("raise ValueError('midway')", 1, ""),
    "warns on stderr": (f"import sys\nprint('careful', file=sys.stderr)\n{RIGHT_SECOND}", 2, ""),
    "script in the output": (
        f"from IPython.display import HTML, display\ndisplay(HTML('<script>alert(1)</script>'))\n"
        f"print('<script>alert(2)</script>')\n{RIGHT_SECOND}",
        2,
        "",
    ),
}
# These must reach a limit of resources before that of time. On a busy machine 2 GiB and 64 large
# processes take many seconds (two cores and four busy programs beside: 46 processes in 6 s).
EXCESSES = {
    "fork bomb": ("import os\nwhile True: os.fork()", "limit of"),
    "many large processes": (
        "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n"
        "        a = np.ones(2**26)\n        time.sleep(90)\ntime.sleep(90)",
        "limit of memory",
    ),
}


def cell(made, identifier):
    (found,) = [
        c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == identifier
    ]
    return found


def without(made, identifier):
    made.cells = [c for c in made.cells if c is not cell(made, identifier)]
    return made


def tampered():
    """Notebooks whose cells were tampered with: points, and what must be said."""
    edited = two_checks(second="by_layer = [0]")
    cell(edited, "check-S5-2").source = "print('fine')"
    yield "edits a check", edited, 1, "cell 'check-S5-2' was edited"
    yield "deletes a check", without(two_checks(), "check-S5-2"), 2, "'check-S5-2' is missing"
    yield "deletes a solution", without(two_checks(), "second"), 1, "cell 'second' is missing"
    twice = two_checks()
    for number, identifier in enumerate(("check-S5-2", "second")):
        twice.cells.append(copy.deepcopy(cell(twice, identifier)))
        twice.cells[-1].id = f"copy-{number}"
    yield "copies cells", twice, 2, "more than once"
    unknown = two_checks()
    unknown.cells.insert(2, given("parameters = 0", "of-my-own"))
    yield "adds a marked cell", unknown, 2, "'of-my-own' is not in the exercise"
    turned = two_checks()
    turned.cells = turned.cells[::-1]
    yield "turns the order round", turned, 2, ""
    unlocked = two_checks(second="by_layer = [0]")
    cell(unlocked, "check-S5-2").metadata["nbgrader"]["points"] = 100
    yield "gives itself points", unlocked, 1, ""
    helped = two_checks(second="by_layer = helper()")
    helped.cells.insert(
        3, nbformat.v4.new_code_cell(f"def helper():\n    {RIGHT_SECOND}\n    return by_layer")
    )
    yield "adds a cell of its own", helped, 2, ""


def version_3() -> str:
    cells = []
    for one in two_checks().cells:
        if one.cell_type == "code":
            cells.append(
                {
                    "cell_type": "code",
                    "input": one.source,
                    "language": "python",
                    "metadata": one.metadata,
                    "outputs": [],
                    "collapsed": False,
                }
            )
    made = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}}
    return json.dumps({**made, "worksheets": [{"cells": cells, "metadata": {}}]})


class Listener:
    """A server on loopback, or behind a file, that counts who calls."""

    def __init__(self, file: Path | None = None):
        if file is None:
            self.server = socket.create_server(("127.0.0.1", 0))
        else:
            self.server = socket.socket(socket.AF_UNIX)
            self.server.bind(str(file))
            self.server.listen()
        self.server.settimeout(0.2)
        self.address = self.server.getsockname()
        self.calls, self.open = 0, True
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while self.open:
            try:
                connection, _ = self.server.accept()
            except TimeoutError:
                continue
            self.calls += 1
            connection.close()

    def close(self):
        self.open = False
        self.thread.join()
        self.server.close()


def rows_by_name(graded):
    return {Path(row.path).stem: row for row in graded.rows}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """All of them, graded in one run, together with honest ones."""
    folder = tmp_path_factory.mktemp("hostile")
    submissions, out = folder / "submissions", folder / "report"
    # Where programs have the sockets of their servers; /run is root's, but for /run/user.
    behind = [Path(place) for place in (tempfile.gettempdir(), "/run") if os.access(place, os.W_OK)]
    files = [place / f"{MARK}-{os.getpid()}.socket" for place in behind]
    listeners = [Listener(), *map(Listener, files)]
    book = Path(__file__).parents[2] / "book" / "solutions"
    places = [str(submissions), str(out), str(book), str(folder)]
    beginning = f"PLACES, PORT = {places!r}, {listeners[0].address[1]}\n"
    beginning += f"SOCKETS = {[str(file) for file in files]!r}\n"
    for number in range(3):
        write(two_checks(), submissions / f"honest {number}.ipynb")
    for name, (code, _, _) in ATTACKS.items():
        write(two_checks(second=beginning + code), submissions / f"{name}.ipynb")
    for name, made, _, _ in tampered():
        write(made, submissions / f"{name}.ipynb")
    (submissions / "not JSON.ipynb").write_text('{"nbformat": 4, "cells": [')
    (submissions / "deep.ipynb").write_text("[" * 100_000)
    (submissions / "other JSON.ipynb").write_text('{"cells": 7}')
    (submissions / "odd cells.ipynb").write_text(
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": 3}, 7]}'
    )
    (submissions / "empty.ipynb").write_text("")
    (submissions / "version 3.ipynb").write_text(version_3())
    (submissions / "50 MB.ipynb").write_text(" " * (50 << 20))
    (submissions / "a link.ipynb").symlink_to("/etc/passwd")
    write(two_checks(), submissions / "Ünïcode 学生 ñ.ipynb")
    write(two_checks(), submissions / "=cmd|'calc'.ipynb")
    with zipfile.ZipFile(submissions / "lms.zip", "w") as archive:
        content = nbformat.writes(two_checks())
        archive.writestr("../../../escape.ipynb", content)
        archive.writestr("Jane Doe_123_assignsubmission_file_/my work.ipynb", content)
    master = write(master_of_two(), folder / "masters" / "two.ipynb")
    warnings = []
    before = {path: path.read_bytes() for path in submissions.rglob("*.ipynb")}
    try:
        graded = grade(
            submissions,
            out,
            masters=[master],
            options=Options(cell_seconds=6, notebook_seconds=60, limits=Limits(memory=2 << 30)),
            jobs=2,
            warn=warnings.append,
        )
    finally:
        for listener in listeners:
            listener.close()
        for file in files:
            file.unlink()
    yield {
        "graded": graded,
        "rows": rows_by_name(graded),
        "out": out,
        "submissions": submissions,
        "before": before,
        "calls": [listener.calls for listener in listeners],
        "warnings": warnings,
    }


def test_the_sandbox_is_whole(hostile):
    assert hostile["graded"].missing == [] and hostile["warnings"] == []


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(hostile, name):
    _, points, remark = ATTACKS[name]
    row = hostile["rows"][name]
    assert row.points == points, (row.remarks, row.checks)
    assert remark in "; ".join(row.remarks)
    if remark:
        assert row.status == "graded, with trouble"


@pytest.fixture(scope="module")
def excessive(tmp_path_factory):
    """The rows of those that use too much, graded with more time."""
    folder = tmp_path_factory.mktemp("excessive")
    for name, (code, _) in EXCESSES.items():
        write(two_checks(second=code), folder / "in" / f"{name}.ipynb")
    graded = grade(
        folder / "in",
        folder / "report",
        masters=[write(master_of_two(), folder / "masters" / "two.ipynb")],
        options=Options(cell_seconds=60, notebook_seconds=120, limits=Limits(memory=2 << 30)),
        jobs=1,
    )
    return rows_by_name(graded)


@pytest.mark.parametrize("name", EXCESSES)
def test_excess(excessive, name):
    row = excessive[name]
    assert row.points == 1, (row.remarks, row.checks)
    assert EXCESSES[name][1] in "; ".join(row.remarks)
    assert row.status == "graded, with trouble"


@pytest.mark.parametrize("tampering", list(tampered()), ids=lambda tampering: tampering[0])
def test_tampering(hostile, tampering):
    name, _, points, remark = tampering
    row = hostile["rows"][name]
    assert row.points == points, (row.remarks, row.checks)
    assert remark in "; ".join(row.remarks)


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("not JSON", "no JSON"),
        ("deep", "no JSON"),
        ("empty", "no JSON"),
        ("other JSON", "no notebook"),
        ("odd cells", "no valid notebook"),
        ("50 MB", "52 MB; at most"),
        ("a link", "symbolic link"),
    ],
)
def test_files_that_are_no_notebook(hostile, name, remark):
    row = hostile["rows"][name]
    assert (row.status, row.points, row.possible) == ("not graded", 0, 2)
    assert remark in row.remarks[0]


def test_the_others_get_their_points(hostile):
    names = [*(f"honest {n}" for n in range(3)), "version 3", "Ünïcode 学生 ñ", "=cmd|'calc'"]
    for name in [*names, "escape", "my work"]:
        row = hostile["rows"][name]
        assert (row.points, row.status) == (2, "graded"), (name, row.remarks)


def test_names_lead_nowhere(hostile):
    assert hostile["rows"]["my work"].student == "Jane Doe"
    out = hostile["out"]
    for row in hostile["graded"].rows:
        page = out / "feedback" / f"{row.key}.html"
        assert page.resolve().parent == (out / "feedback").resolve() and page.is_file()
    assert not list(out.parent.parent.rglob("escape.ipynb"))
    # A spreadsheet must not take a name for a formula.
    assert "\n=cmd" not in (out / "grades.csv").read_text()


def test_nothing_was_read_written_or_called(hostile):
    for row in hostile["graded"].rows:
        for word in ("READ ", "WRITTEN", "CONNECTED"):
            assert word not in printed(row), row.path
    assert set(hostile["calls"]) == {0}
    after = {path: path.read_bytes() for path in hostile["submissions"].rglob("*.ipynb")}
    assert after == hostile["before"]


def test_output_is_cut(hostile):
    text = printed(hostile["rows"]["1 GB of output"])
    assert len(text) < 1_000_000 and "left out" in text


def test_no_script_reaches_a_browser(hostile):
    for page in hostile["out"].rglob("*.html"):
        assert "<script" not in page.read_text(), page


def test_nothing_is_left_behind(hostile):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        left = [pid for pid in os.listdir("/proc") if pid.isdigit() and MARK in command(pid)]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(left)


def command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bare")
    names = ("endless loop", "ends its process", "kills its parent", "leaves a daemon",
             "patches what judges")  # fmt: skip
    for name in names:
        write(two_checks(second=ATTACKS[name][0]), folder / "in" / f"{name}.ipynb")
    for number in range(3):
        write(two_checks(), folder / "in" / f"honest {number}.ipynb")
    master = write(master_of_two(), folder / "two.ipynb")
    warnings = []
    options = Options(cell_seconds=6, notebook_seconds=60, layers=())
    graded = grade(
        folder / "in", folder / "out", masters=[master], options=options, warn=warnings.append
    )
    return rows_by_name(graded), warnings


class TestWithoutTheSandbox:
    """The grader lives with no layer on, and says once that there is none."""

    def test_points(self, bare):
        rows, _ = bare
        assert all(rows[f"honest {number}"].points == 2 for number in range(3))
        for name in ("endless loop", "ends its process", "patches what judges"):
            assert rows[name].points == 1, name
        assert rows["leaves a daemon"].points == 2
        # It ended our supervisor, and with it itself: at once, or one cell later.
        assert rows["kills its parent"].points in (1, 2)

    def test_one_plain_warning(self, bare):
        _, warnings = bare
        assert len(warnings) == 1 and "all your rights" in warnings[0]

    def test_nothing_is_left_behind(self, bare):
        test_nothing_is_left_behind(None)


def test_first_is_right():
    """The tests above rest on these two being right."""
    space = {}
    exec(f"{RIGHT_FIRST}\n{RIGHT_SECOND}", space)
    assert space["parameters"] == 239
