"""Warm kernels: fresh processes with the import done, and nothing left of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from warmkernels import client, server
from warmkernels import warm as provisioner

resource = pytest.importorskip("resource", reason="warm kernels need Linux")

pytestmark = pytest.mark.skipif(not client.supported(), reason="warm kernels need Linux")

TRAIN = """
import keras, numpy as np
keras.utils.set_random_seed(7)
x = np.random.default_rng(1).random((64, 5)).astype("float32")
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, "relu"),
                          keras.layers.Dropout(0.3), keras.layers.Dense(1)])
model.compile("adam", "mse")
history = model.fit(x, x.sum(axis=1), epochs=3, verbose=0)
print([value.hex() for value in history.history["loss"]])
print(sum(float(np.abs(weight).sum()) for weight in model.get_weights()).hex())
import pandas as pd
print(pd.options.display.max_columns, pd.DataFrame(np.ones((1, 15))))
"""


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def within(seconds: float, condition) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def warm():
    with client.Warm(shared=False) as warm:
        yield warm


def manager(provisioner: str):
    """Return a manager whose kernels the provisioner starts."""
    from jupyter_client.manager import KernelManager

    made = KernelManager(kernel_name="python3")
    made.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": provisioner}
    return made


class Kernel:
    """A kernel and its client."""

    def __init__(self, provisioner="coursekit-warm", **options):
        self.manager = manager(provisioner)
        self.manager.start_kernel(**options)
        self.connect()

    def connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str) -> str:
        """Run code, and return what it printed or the name of the error."""
        texts = []

        def hook(message):
            if message["msg_type"] == "stream":
                texts.append(message["content"]["text"])

        reply = self.client.execute_interactive(code, timeout=60, output_hook=hook)
        return reply["content"].get("ename") or "".join(texts)

    @property
    def pid(self) -> int:
        return self.manager.provisioner.pid

    def end(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.end()


def test_results_are_those_of_a_cold_kernel(kernel):
    cold = Kernel("coursekit-quiet")
    try:
        expected = cold.run(TRAIN)
    finally:
        cold.end()
    assert "0x" in expected
    assert kernel.run(TRAIN) == expected


def test_tensorflow_is_there_and_no_other_notebook(kernel):
    assert kernel.run("import sys; print('tensorflow' in sys.modules)") == "True\n"
    kernel.run("left_behind = 1\nimport keras; keras.left_behind = 1")
    other = Kernel()
    try:
        text = other.run(
            "import keras; print('left_behind' in globals(), hasattr(keras, 'left_behind'))"
        )
    finally:
        other.end()
    assert text == "False False\n"


FACTS = """
import importlib, json, locale, os, resource, signal, sys, tempfile, time
import IPython, keras, matplotlib, sklearn
print(json.dumps({
    "beside": importlib.import_module("beside_the_notebook").__file__,
    "on PYTHONPATH": importlib.import_module("on_the_path").__file__,
    "path": sys.path, "flags": str(sys.flags), "warnings": sys.warnoptions,
    # The quiet kernel has one argument more.
    "argv": [*sys.argv[:2], sum("capture_fd" not in one for one in sys.argv)],
    "hash": hash("a string"),
    "folder": os.getcwd(), "umask": os.umask(0o027), "nice": os.nice(0),
    "cores": sorted(os.sched_getaffinity(0)), "leads": os.getpid() == os.getsid(0),
    "limits": {name: resource.getrlimit(getattr(resource, name))
               for name in dir(resource) if name.startswith("RLIMIT_")},
    "signals": {number.name: str(signal.getsignal(number)).split(" at ")[0]
                for number in signal.valid_signals() if isinstance(number, signal.Signals)},
    "environment": {name: value for name, value in os.environ.items()
                    if name not in asked_of_nobody},
    "time": [time.tzname, time.localtime(0).tm_hour], "temporary": tempfile.gettempdir(),
    "locale": [locale.setlocale(locale.LC_ALL), sys.getfilesystemencoding()],
    "keras": [keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(),
              keras.config.backend(), str(keras.config.dtype_policy())],
    "IPython": [get_ipython().profile_dir.location, IPython.get_ipython().user_ns["started"]],
    "figures": {name: str(value) for name, value in matplotlib.rcParams.items()},
}))
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A notebook's folder, and an environment, in which all differs that a kernel looks at."""
    home, notebooks = tmp_path / "home", tmp_path / "notebooks"
    files = {
        notebooks / "beside_the_notebook.py": "",
        notebooks / "matplotlibrc": "lines.linewidth: 3.5\n",
        notebooks / "relative" / "on_the_path.py": "",
        home / ".keras" / "keras.json": '{"floatx": "float64", "epsilon": 1e-5, '
        '"backend": "tensorflow", "image_data_format": "channels_first"}',
        home / ".ipython" / "profile_default" / "startup" / "first.py": "started = 1",
        tmp_path / "temporary" / "x": "",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    env = {
        "HOME": str(home),
        "TZ": "Pacific/Auckland",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": "relative",
        "PYTHONHASHSEED": "3",
        "TMPDIR": str(tmp_path / "temporary"),
    }
    for name in ("KERAS_HOME", "KERAS_BACKEND", "MPLCONFIGDIR", "XDG_CONFIG_HOME", "IPYTHONDIR"):
        monkeypatch.delenv(name, raising=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    before = os.umask(0o027)
    yield notebooks, {**os.environ, **env}
    os.umask(before)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_warm_kernel_is_as_an_ordinary_one(place):
    folder, env = place
    found = {}
    for kind in ("local-provisioner", "coursekit-quiet", "coursekit-warm"):
        kernel = Kernel(kind, cwd=str(folder), env=env)
        try:
            # Who started it differs.
            kernel.run("asked_of_nobody = ['JPY_PARENT_PID']")
            found[kind] = json.loads(kernel.run(FACTS))
        finally:
            kernel.end()
    ordinary = found.pop("local-provisioner")
    assert ordinary["beside"] == str(folder / "beside_the_notebook.py")
    assert ordinary["keras"][0] == "float64" and ordinary["figures"]["lines.linewidth"] == "3.5"
    assert ordinary["time"][0] == ["NZST", "NZDT"] and ordinary["umask"] == 0o027
    environment = ordinary.pop("environment")
    for facts in found.values():
        assert facts.pop("environment").items() ^ environment.items() == set()
        assert facts == ordinary


def test_another_backend_of_keras_has_an_ordinary_kernel(place):
    folder, env = place
    settings = folder.parent / "home/.keras/keras.json"
    settings.write_text(settings.read_text().replace("tensorflow", "elsewhere"))
    with pytest.warns(RuntimeWarning, match="Keras is to run on 'elsewhere' here"):
        kernel = Kernel(cwd=str(folder), env=env)
    try:
        assert isinstance(kernel.manager.provisioner.process, subprocess.Popen)
    finally:
        kernel.end()


def test_unseeded_draws_differ_between_kernels(kernel):
    code = "import random, numpy as np; print(random.random(), np.random.random())"
    other = Kernel()
    try:
        ours, theirs = kernel.run(code).split(), other.run(code).split()
    finally:
        other.end()
    assert ours[0] != theirs[0] and ours[1] != theirs[1]


def test_figures_are_drawn(kernel):
    seen = []
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    kernel.client.execute_interactive(code, timeout=60, output_hook=seen.append)
    (shown,) = [message["content"] for message in seen if message["msg_type"] == "display_data"]
    assert "image/png" in shown["data"]


@pytest.mark.parametrize("relative", [False, True])
def test_folder_and_environment(tmp_path, monkeypatch, relative):
    monkeypatch.chdir(tmp_path.parent)
    folder = tmp_path.name if relative else str(tmp_path)
    kernel = Kernel(cwd=folder, env={**os.environ, "OF_THIS_KERNEL": "yes"})
    try:
        text = kernel.run("import os; print(os.getcwd(), os.environ['OF_THIS_KERNEL'])")
    finally:
        kernel.end()
    assert text == f"{tmp_path} yes\n"


def test_interrupt(kernel):
    # Otherwise ipykernel refuses what comes right after an error.
    message = kernel.client.execute("import time\nprint('on')\ntime.sleep(60)", stop_on_error=False)
    while kernel.client.get_iopub_msg(timeout=30)["msg_type"] != "stream":
        pass
    began = time.monotonic()
    kernel.manager.interrupt_kernel()
    while True:
        reply = kernel.client.get_shell_msg(timeout=30)
        if reply["parent_header"]["msg_id"] == message:
            break
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert time.monotonic() - began < 20
    assert kernel.run("print('still here')") == "still here\n"


def test_restart_is_another_process(kernel):
    first = kernel.pid
    kernel.run("left_behind = 1")
    kernel.client.stop_channels()
    kernel.manager.restart_kernel(now=True)
    kernel.connect()
    assert kernel.pid != first and within(10, lambda: not alive(first))
    assert kernel.run("left_behind") == "NameError"


def test_kill(kernel):
    os.kill(kernel.pid, signal.SIGKILL)
    assert within(10, lambda: not kernel.manager.is_alive())


def test_nothing_is_left_when_the_client_dies(tmp_path):
    code = """
import os, sys, time
from warmkernels import client
warm = client.Warm(shared=False)
child = warm.fork("time:sleep", 600)
"""
    # time.sleep takes no files, so a function of our own stands for a kernel.
    (tmp_path / "sleeper.py").write_text("import time\ndef sleep(fds):\n    time.sleep(600)\n")
    code = code.replace('"time:sleep", 600', '"sleeper:sleep"')
    code = code.replace("shared=False", "shared=False, preload=['sleeper']")
    code += "print(child.pid, os.getppid(), flush=True)\ntime.sleep(600)\n"
    client = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    try:
        child = int(client.stdout.readline().split()[0])
        assert alive(child)
        with open(f"/proc/{child}/stat") as file:
            server = int(file.read().rpartition(")")[2].split()[1])
    finally:
        client.kill()
        client.wait(30)
        client.stdout.close()
    assert within(15, lambda: not alive(child))
    assert within(15, lambda: not alive(server))


def test_a_process_ends_that_leads_no_group_yet():
    """As right after the fork: its client may die in that moment."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        server.signal_all(child.pid, signal.SIGKILL)
        assert child.wait(10) == -signal.SIGKILL
    finally:
        child.kill()
    with pytest.raises(ProcessLookupError):
        server.signal_all(child.pid, signal.SIGKILL)


def test_kernels_end_with_the_warm_process(tmp_path):
    with client.Warm(shared=False) as warm:
        first = warm.fork("warmkernels.server:run_kernel", ["-f", str(tmp_path / "k.json")])
        with open(f"/proc/{first.pid}/stat") as file:
            server = int(file.read().rpartition(")")[2].split()[1])
        os.kill(server, signal.SIGKILL)
        assert within(10, lambda: first.poll() == -signal.SIGKILL)
        assert first.lost and within(10, lambda: not alive(first.pid))
        with pytest.raises(client.WarmUnavailableError, match="gone"):
            warm.fork("warmkernels.server:run_kernel", [])


class TestTheWarmProcess:
    def test_it_has_no_thread_of_tensorflow(self, warm, tmp_path):
        report = tmp_path / "threads"
        child = warm.fork("tests.warmkernels.forked:threads", str(report), env=self.env())
        assert child.wait(30) == 0
        assert report.read_text() == "True []"

    def test_it_refuses_after_an_operation(self, tmp_path):
        (tmp_path / "operation.py").write_text("import tensorflow as tf\ntf.constant(1) + 1\n")
        env = {**os.environ, "PYTHONPATH": str(tmp_path)}
        with (
            client.Warm(shared=False, preload=["operation"], env=env) as warm,
            pytest.raises(client.WarmUnavailableError, match=r"has run an operation.*tf_"),
        ):
            warm.fork("tests.warmkernels.forked:threads", str(tmp_path / "never"))

    def test_memory_is_shared(self, warm, tmp_path):
        report = tmp_path / "memory"
        child = warm.fork("tests.warmkernels.forked:memory", str(report), env=self.env())
        assert child.wait(30) == 0
        own, shared = map(int, report.read_text().split())
        assert own < shared / 2, (own, shared)

    def test_exit_status(self, warm):
        child = warm.fork("tests.warmkernels.forked:leave", 7, env=self.env())
        assert child.wait(30) == 7
        child = warm.fork("tests.warmkernels.forked:fail", env=self.env())
        assert child.wait(30) == 1
        child = warm.fork("tests.warmkernels.forked:sleep", env=self.env())
        assert child.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.1)
        child.kill()
        assert child.wait(30) == -signal.SIGKILL and not child.lost

    def test_one_thread_waits_and_another_ends_it(self, warm):
        child = warm.fork("tests.warmkernels.forked:sleep", env=self.env())
        waiting = threading.Thread(target=child.wait)
        waiting.start()
        assert not within(0.3, lambda: not waiting.is_alive())
        assert child.poll() is None
        child.kill()
        waiting.join(30)
        assert child.returncode == -signal.SIGKILL

    def test_one_that_cannot_start_says_why(self, tmp_path):
        (tmp_path / "tensorflow.py").write_text("raise SystemExit('no TensorFlow today')\n")
        with pytest.raises(client.WarmUnavailableError, match="no TensorFlow today"):
            client.Warm(shared=False, env={**os.environ, "PYTHONPATH": str(tmp_path)})

    @staticmethod
    def env():
        return dict(os.environ)


def test_what_is_read_at_import_tells_processes_apart():
    env = {"PATH": "/bin", "TF_NUM_INTRAOP_THREADS": "1"}
    same = {"PATH": "/usr/bin", "TF_NUM_INTRAOP_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    other = {"PATH": "/bin", "TF_NUM_INTRAOP_THREADS": "2"}
    assert client.key(env) == client.key(same) != client.key(other)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ([sys.executable, "-m", "ipykernel_launcher", "-f", "x.json"], ["-f", "x.json"]),
        (["/elsewhere/bin/python", "-m", "ipykernel_launcher", "-f", "x.json"], None),
        (["R", "--slave", "-e", "IRkernel::main()"], None),
        ([sys.executable, "-m", "xpython", "-f", "x.json"], None),
    ],
)
def test_only_kernels_of_this_environment_are_forked(command, arguments):
    assert provisioner.kernel_arguments(command) == arguments


@pytest.mark.parametrize("reason", ["platform", "start"])
def test_an_ordinary_kernel_where_none_can_be_forked(reason, monkeypatch):
    monkeypatch.setattr(provisioner, "_warm", {})
    if reason == "platform":
        monkeypatch.setattr(client, "supported", lambda: False)
        kernel = Kernel()
    else:
        monkeypatch.setattr(client, "START_SECONDS", 0)
        # A name of its own, so that no running one is found.
        monkeypatch.setattr(client, "key", lambda env: f"never-{os.getpid()}")
        with pytest.warns(RuntimeWarning, match="ordinary kernel"):
            kernel = Kernel()
    try:
        assert kernel.run("print(6 * 7)") == "42\n"
        assert isinstance(kernel.manager.provisioner.process, subprocess.Popen)
    finally:
        kernel.end()


def test_the_kernelspec_that_comes_with_the_package():
    from jupyter_client.kernelspec import KernelSpecManager

    spec = KernelSpecManager().get_kernel_spec("coursekit")
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == "coursekit-warm"
    assert spec.argv[1:3] == ["-m", "ipykernel_launcher"]
