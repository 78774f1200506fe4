"""The sandbox by itself: what it refuses and counts; honest programs notice nothing of it."""

from __future__ import annotations

import errno
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

# Where this module is missing, what is imported below cannot be.
pytest.importorskip("resource", reason="grading needs Linux")

from coursegrader.sandbox import LAYERS, OVERRUN, SCRATCH_BYTES
from coursegrader.sandbox import seccomp as _seccomp

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux"),
    pytest.mark.timeout(120),
]
MEMORY, PROCESSES = 90, 91
NOBODY = 65534

# Runs in a process of its own: it leaves namespaces, and gives up what it may do.
PROGRAM = """
import ctypes, json, mmap, os, socket, sys, tempfile, threading  # before being somebody else
import numpy
from coursegrader.sandbox import Limits, Sandbox, processes, run

asked = json.loads(sys.argv[1])
if asked["user"]:
    os.chown(asked["scratch"], asked["user"], asked["user"])
    os.setgroups([])
    os.setresgid(*[asked["user"]] * 3)
    os.setresuid(*[asked["user"]] * 3)
if asked["refused"]:
    processes.separate = lambda sandbox: False

def work(sandbox):
    os.environ["HOME"] = tempfile.tempdir = os.getcwd()
    print(json.dumps(sandbox.on), flush=True)
    names = {"__name__": "__main__", "on": sandbox.on}
    exec(compile(asked["code"], "<inside>", "exec"), names)
    sys.stdout.flush()

threads = os.fork()  # which leaves NumPy's threads behind: who has any keeps its namespaces
if threads:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(threads, 0)[1]))
limits = Limits(**asked["limits"])
run(Sandbox(layers=set(asked["layers"]), limits=limits, scratch=asked["scratch"],
            hidden=asked["hidden"], readable=asked["readable"]), work, [])
"""


class Inside:
    """What came of code in the sandbox."""

    def __init__(self, done: subprocess.CompletedProcess):
        self.status, self.error = done.returncode, done.stderr
        first, _, self.printed = done.stdout.partition("\n")
        self.on = json.loads(first) if first else {}
        self.lines = self.printed.split()


@pytest.fixture
def inside(tmp_path):
    def run(code, *, user=0, refused=False, python=sys.executable, scratch=None, **fields):
        scratch = scratch or tmp_path / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        asked = {
            "code": code,
            "user": user,
            "refused": refused,
            "scratch": str(scratch),
            "layers": list(LAYERS),
            "limits": {},
            "hidden": [],
            "readable": [],
            **fields,
        }
        for folder in (scratch, *scratch.parents):
            if user and folder.name.startswith(("pytest-", "popen-", tmp_path.name, "scratch")):
                folder.chmod(0o755)  # so that another user gets there
        command = [str(python), "-c", PROGRAM, json.dumps(asked)]
        return Inside(subprocess.run(command, capture_output=True, text=True, timeout=100))

    return run


@pytest.fixture
def whole(inside):
    """As :func:`inside`, on a machine where all layers work."""
    if set(inside("").on) != set(LAYERS):
        pytest.skip("not all layers of the sandbox work here")
    return inside


def refusing(*calls: str) -> str:
    """Return code that prints what is not refused."""
    lines = ["import ctypes, os, mmap, socket", "libc = ctypes.CDLL(None, use_errno=True)"]
    for call in calls:
        lines += ["try:", f"    done = {call}"]
        lines += ["    if done != -1:", f"        print({call.replace(' ', '')!r})"]
        lines += ["except OSError:", "    pass"]
    return "\n".join(lines)


NUMBERS = _seccomp._numbers(
    _seccomp._REFUSED, _seccomp._MACHINES.get(platform.machine(), (0, 0))[1]
)


class TestCalls:
    def test_the_tables(self):
        for column in (0, 1):
            tables = [
                _seccomp._numbers(table, column)
                for table in (_seccomp._ALLOWED, _seccomp._WITH_ARGUMENTS, _seccomp._REFUSED)
            ]
            numbers = [number for table in tables for number in table.values()]
            assert len(set(numbers)) == len(numbers) > 200
        assert set(tables[1]) < set(_seccomp._rules(network=False, inside=True))

    @pytest.mark.parametrize("kind", _seccomp._MACHINES)
    def test_the_filter_is_what_the_tables_say(self, kind):
        machine, column = _seccomp._MACHINES[kind]
        rules = _seccomp._rules(network=False, inside=True)
        steps = _seccomp._program(kind, rules)
        assert len(steps) < 4096 and all(step[1] < 256 and step[2] < 256 for step in steps)
        allowed = _seccomp._numbers(_seccomp._ALLOWED, column).values()
        refused = _seccomp._numbers(_seccomp._REFUSED, column).values()
        tested = _seccomp._numbers(_seccomp._WITH_ARGUMENTS, column)
        allow, unknown = 0x7FFF0000, 0x00050000 + errno.ENOSYS
        for number in {*range(600), 0x40000000, 0x40000001, 0xFFFFFFFF} - set(tested.values()):
            expected = unknown
            if number in allowed:
                expected = allow
            elif number in refused:
                expected = 0x00050000 + errno.EPERM
            assert answer(steps, machine, number) == expected, number
            assert answer(steps, machine ^ 1, number) == unknown
        clone, pair = tested["clone"], tested["socketpair"]
        assert answer(steps, machine, clone, 0x003D0F00) == allow
        for flag in _seccomp._NAMESPACES:
            assert answer(steps, machine, clone, 0x003D0F00 | flag) != allow
        assert answer(steps, machine, pair, 1, 1 | 0o2000000) == allow
        assert answer(steps, machine, pair, 1, 2) != allow
        assert answer(steps, machine, pair, 16, 1) != allow
        assert answer(steps, machine, tested["mmap"], 0, 9, 3, 0x22) == allow
        assert answer(steps, machine, tested["mmap"], 0, 9, 3, 0x01) == allow
        for flags in (0x21, 0x23, 0x40022):
            assert answer(steps, machine, tested["mmap"], 0, 9, 3, flags) != allow

    @pytest.mark.parametrize("user", [0, NOBODY])
    @pytest.mark.parametrize("refused", [False, True])
    def test_what_is_refused(self, inside, user, refused):
        if user and os.getuid() != 0:
            pytest.skip("only root can be somebody else")
        calls = [f"libc.syscall({number}, 0, 0, 0, 0)" for number in NUMBERS.values()]
        calls += [
            "os.memfd_create('x')",
            "libc.shmget(0, 4096, 0o1600)",
            "mmap.mmap(-1, 4096)",
            "mmap.mmap(os.open('/dev/zero', os.O_RDWR), 4096)",
            "libc.unshare(0x10000000)",
            "libc.personality(0)",
            "libc.prctl(4, 0, 0, 0, 0)",  # who is not dumpable could not be looked at
            "os.mknod('node', 0o020600, os.makedev(1, 5))",
            *(f"socket.socket({family}, 3)" for family in (1, 16, 17, 38, 40)),
            "socket.socket(socket.AF_UNIX)",
            "socket.socketpair(type=socket.SOCK_DGRAM)",
            "socket.socketpair(type=socket.SOCK_SEQPACKET)",
            "socket.socketpair()[0].setsockopt(1, 7, 1 << 24)",
        ]
        result = inside(refusing(*calls), user=user, refused=refused)
        assert (result.status, result.lines) == (0, []), result.error
        assert "seccomp" in result.on["limits"] and "seccomp" in result.on["network"]

    def test_without_namespaces_there_is_no_socket(self, inside):
        code = refusing("socket.socket(socket.AF_INET)", "socket.socket(socket.AF_INET6, 2)")
        result = inside(code, refused=True)
        assert (result.status, result.lines) == (0, []), result.error

    def test_without_the_layer_of_networks_sockets_are_allowed(self, inside):
        layers = [layer for layer in LAYERS if layer != "network"]
        result = inside(
            "import socket\nfor family in (1, 2, 16):\n    print(socket.socket(family, 2).family)",
            layers=layers,
        )
        assert result.status == 0 and len(result.lines) == 3 and "network" not in result.on

    def test_unknown_machines_have_no_such_layer(self, inside):
        code = "pass"
        before = "from coursegrader.sandbox import seccomp as _seccomp\n_seccomp._MACHINES = {}\n"
        asked = {"code": code, "user": 0, "refused": False, "layers": list(LAYERS)}
        asked |= {"limits": {}, "hidden": [], "readable": [], "scratch": os.getcwd()}
        asked["refused"] = True
        command = [sys.executable, "-c", before + PROGRAM, json.dumps(asked)]
        done = Inside(subprocess.run(command, capture_output=True, text=True, timeout=60))
        assert done.status == 0 and not {"limits", "network"} & set(done.on)


def answer(steps, machine: int, number: int, *arguments: int) -> int:
    """Run a filter as the kernel does."""
    data = {0: number, 4: machine}
    data |= {16 + 8 * place: value for place, value in enumerate(arguments)}
    value, at = 0, 0
    while True:
        what, yes, no, constant = steps[at]
        at += 1
        if what == 0x06:
            return constant
        if what == 0x20:
            value = data.get(constant, 0)
        elif what == 0x54:
            value &= constant
        elif what == 0x05:
            at += constant
        else:
            true = value == constant if what == 0x15 else value >= constant
            at += yes if true else no


HONEST = {
    "processes": """
import subprocess, sys
print(subprocess.run("echo one | cat; for i in 2 3; do echo $i; done", shell=True, check=True,
                     capture_output=True, text=True).stdout)
subprocess.run([sys.executable, "-c", "import numpy"], check=True)
""",
    "multiprocessing": """
import multiprocessing as mp
from multiprocessing import shared_memory
with mp.get_context("fork").Pool(2) as pool:
    print(pool.map(abs, [-1, -2]))
value = mp.Value("i", 3)
shared_memory.SharedMemory(create=True, size=1 << 20).unlink()
queue = mp.get_context("fork").Queue()
queue.put(1); queue.get()
""",
    "asyncio": """
import asyncio
async def main():
    made = await asyncio.create_subprocess_exec("echo", "x", stdout=-1)
    print(await made.communicate(), await asyncio.to_thread(abs, -1))
asyncio.run(main())
""",
    "files": """
import os, shutil, sqlite3, tempfile
with tempfile.TemporaryDirectory() as folder:
    open(os.path.join(folder, "x"), "w").write("x")
    shutil.copytree(folder, "copied")
    shutil.make_archive("archive", "zip", "copied")
base = sqlite3.connect("x.sqlite")
base.execute("create table t (x)"); base.commit()
os.mkfifo("fifo"); os.symlink("x", "y"); open("z", "w").close(); os.truncate("z", 10)
print(open("/dev/zero", "rb").read(3), len(os.urandom(3)), len(open("/proc/self/maps").read()) > 9)
""",
    "threads": """
import threading, concurrent.futures as futures, signal, time, ctypes
with futures.ThreadPoolExecutor(20) as pool:
    print(sum(pool.map(abs, range(100))))
signal.setitimer(signal.ITIMER_REAL, 5); signal.setitimer(signal.ITIMER_REAL, 0)
time.sleep(0.01)
ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 3)()
""",
}


class TestHonest:
    @pytest.mark.parametrize("name", HONEST)
    def test_they_notice_nothing(self, inside, name):
        result = inside(HONEST[name])
        assert result.status == 0 and not result.error, result.error

    @pytest.mark.parametrize("name", sorted(set(HONEST) - {"multiprocessing"}))
    def test_nor_where_namespaces_are_refused(self, inside, name):
        result = inside(HONEST[name], refused=True)
        assert result.status == 0 and not result.error, result.error

    def test_tables_pictures_and_models(self, inside):
        pytest.importorskip("sklearn")
        pytest.importorskip("pyarrow")
        code = """
import os
os.environ["MPLCONFIGDIR"] = os.getcwd()
import matplotlib; matplotlib.use("Agg")
import matplotlib.pyplot as plt, pandas, joblib
plt.plot([1, 2]); plt.savefig("x.png")
pandas.DataFrame({"a": range(9)}).to_parquet("x.parquet")
print(len(pandas.read_parquet("x.parquet")), joblib.Parallel(n_jobs=2)([joblib.delayed(abs)(-3)]))
"""
        result = inside(code)
        assert (result.status, result.lines) == (0, ["9", "[3]"]), result.error

    def test_what_a_fork_shares_counts_once(self, whole):
        code = """
import os, time, numpy
shared = numpy.ones(25 << 20)  # 200 MB
for _ in range(4):
    if os.fork() == 0:
        time.sleep(1.5); os._exit(0)
time.sleep(1)
print("fine")
"""
        result = whole(code, limits={"memory": 600 << 20})
        assert (result.status, result.lines) == (0, ["fine"]), result.error


# Each holds 600 MB in its way, and says so.
HELD = {
    "one array": "import numpy\nheld = numpy.ones(75 << 20)",
    "files of the scratch, and an array": """
import numpy
for number in range(2):
    open(str(number), "wb").write(bytes(200 << 20))
held = numpy.ones(25 << 20)""",
    "shared memory that nobody maps": """
from multiprocessing import shared_memory
import numpy
for _ in range(4):
    one = shared_memory.SharedMemory(create=True, size=100 << 20)
    one.buf[:] = bytes(100 << 20)
    one.close()
held = numpy.ones(25 << 20)""",
    "many processes": """
import os, time, numpy
for _ in range(4):
    if os.fork() == 0:
        held = numpy.ones(19 << 20)
        time.sleep(20)""",
    "sockets": """
import os, socket, time
for _ in range(4):
    if os.fork() == 0:
        held = [socket.socketpair() for _ in range(450)]
        for one, _ in held:
            one.setblocking(False)
            try:
                while True: one.send(bytes(65536))
            except BlockingIOError: pass
        time.sleep(20)""",
    "memory files": "import os\nfor i in range(3):\n"
    "    os.write(os.memfd_create('x'), bytes(200 << 20))",
    "memory shared without a file": "import mmap\nheld = mmap.mmap(-1, 600 << 20)\n"
    "held[:] = bytes(600 << 20)",
}


class TestMemory:
    @pytest.mark.parametrize("way", HELD)
    def test_no_way_around_the_limit(self, whole, way):
        code = HELD[way] + "\nimport time\ntime.sleep(3)\nprint('HELD')"
        result = whole(code, limits={"memory": 500 << 20})
        assert "HELD" not in result.printed
        assert result.status in (MEMORY, 1), result.error  # ended, or refused with an error

    def test_the_scratch_is_one(self, whole):
        code = """
import os
total = 0
for place in (".", "/dev/shm"):
    for number in range(4):
        try:
            with open(os.path.join(place, str(number)), "wb") as file:
                for _ in range(200):
                    total += file.write(bytes(1 << 20))
        except OSError:
            pass
print(total)
"""
        result = whole(code)
        assert result.status == 0 and int(result.lines[0]) <= SCRATCH_BYTES

    def test_empty_files_take_memory_too(self, whole):
        code = """
try:
    for number in range(200_000):
        open(str(number), "x").close()
except OSError:
    print("refused")
"""
        assert whole(code).lines == ["refused"]


class TestProcesses:
    def test_too_many(self, inside):
        result = inside("import os\nwhile True: os.fork()", limits={"processes": 20})
        assert result.status == PROCESSES and OVERRUN[PROCESSES] == "processes"

    def test_too_many_threads(self, inside):
        code = """
import threading, time
threading.stack_size(65536)
for _ in range(400):
    threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
time.sleep(5)
print("HELD")
"""
        result = inside(code, limits={"processes": 4})
        assert "HELD" not in result.printed

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
    @pytest.mark.parametrize("refused", [False, True])
    def test_what_a_user_runs_elsewhere_does_not_count(self, inside, refused):
        elsewhere = (
            "import os, threading, time\nos.setresuid(65534, 65534, 65534)\n"
            "threading.stack_size(65536)\nfor _ in range(400):\n"
            "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
            "print('there', flush=True)\ntime.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", elsewhere], stdout=-1) as others:
            try:
                assert others.stdout.readline() == b"there\n"
                code = (
                    "import threading, time\nmade = [threading.Thread(target=time.sleep, "
                    "args=(1,)) for _ in range(40)]\nfor one in made: one.start()\nprint('fine')"
                )
                limits = {"processes": 16}
                result = inside(code, user=NOBODY, refused=refused, limits=limits)
            finally:
                others.kill()
        assert (result.status, result.lines) == (0, ["fine"]), result.error


LOOK = """
import os, sys
for path in {paths}:
    try:
        content = os.listdir(path) if os.path.isdir(path) else open(path).read()
    except OSError:
        content = ""
    print(content if content else "nothing")
import numpy.fft, xml.dom.minidom
"""


@pytest.fixture
def place(tmp_path):
    """Folders as a teacher has them."""
    for name in ("class/jane.ipynb", "class/data/a.csv", "class/data/secret/b.csv", "one.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    return tmp_path


@pytest.mark.parametrize("refused", [False, True])
class TestHidden:
    def look(self, run, place, refused, paths, **fields):
        paths = [str(place / path) for path in paths]
        fields = {name: [str(place / path) for path in value] for name, value in fields.items()}
        result = run(LOOK.format(paths=paths), refused=refused, **fields)
        assert result.status == 0, result.error
        return result.printed.splitlines()

    def test_what_is_needed_stays_in_a_folder_that_is_hidden(self, whole, place, refused):
        # Also where something within is hidden again.
        paths = ["class/jane.ipynb", "class/data/a.csv", "class/data/secret/b.csv"]
        hidden = ["class", "class/data/secret"]
        seen = self.look(whole, place, refused, paths, hidden=hidden, readable=["class/data"])
        assert seen == ["nothing", "a.csv", "nothing"]

    def test_what_is_needed_deepest(self, whole, place, refused):
        paths = ["class/jane.ipynb", "class/data/a.csv", "class/data/secret/b.csv"]
        readable = ["class", "class/data/secret"]
        seen = self.look(whole, place, refused, paths, hidden=["class/data"], readable=readable)
        assert seen == ["jane.ipynb", "nothing", "b.csv"]

    def test_files_can_be_hidden(self, whole, place, refused):
        paths = ["class/jane.ipynb", "class/data/a.csv"]
        hidden = ["class/jane.ipynb"]
        seen = self.look(whole, place, refused, paths, hidden=hidden, readable=["class"])
        assert seen == ["nothing", "a.csv"]

    def test_what_leads_to_the_scratch(self, whole, place, refused):
        scratch = place / "class" / "scratch"
        code = "open('x', 'w').write('y')\n" + LOOK.format(paths=[str(place / "class/jane.ipynb")])
        result = whole(code, refused=refused, scratch=scratch, hidden=[str(place / "class")])
        assert (result.status, result.lines) == (0, ["nothing"]), result.error

    def test_what_does_not_exist(self, whole, place, refused):
        seen = self.look(whole, place, refused, ["one.txt"], hidden=["none", "none/at/all"])
        assert seen == ["nothing"]

    def test_python_itself_beside_the_archive(self, whole, place, refused):
        python = place / "class" / ".venv" / "bin" / "python"
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", "--symlinks", python.parents[1]],
            check=True,
        )
        (packages,) = python.parents[1].glob("lib/*/site-packages")
        ours = Path(os.__file__).parents[2] / "nowhere"
        for folder in filter(os.path.isabs, sys.path):
            if folder.endswith("site-packages"):
                ours = Path(folder)
        packages.rmdir() if not any(packages.iterdir()) else None
        packages.symlink_to(ours)
        readable = [str(ours), str(Path(_seccomp.__file__).parents[2])]
        code = LOOK.format(paths=[str(place / "class/jane.ipynb")])
        hidden = [str(place / "class")]
        result = whole(code, refused=refused, python=python, hidden=hidden, readable=readable)
        assert (result.status, result.lines) == (0, ["nothing"]), result.error


def test_nothing_stays_on_the_disk(whole, tmp_path):
    scratch = tmp_path / "scratch"
    whole("import os\nopen('x', 'w').write('y')\nopen('/dev/shm/of-the-sandbox', 'w').close()")
    assert list(scratch.iterdir()) == [] and not Path("/dev/shm/of-the-sandbox").exists()
