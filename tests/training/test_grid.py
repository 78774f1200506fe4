"""The capacity grid: resumable, interruptible, the same wherever it runs."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coursekit import training
from coursekit.training import _grid
from tests.conftest import ROOT
from tests.training import sabotage
from tests.training.digits import digits

X, Y = digits()
GRID = {"units": (8, 16), "layers": (1, 2), "epochs": 2, "progress": False}
FIGURES = ["id", "units", "layers", "parameters", "best validation loss", "epochs"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A grid that was trained once, and its folder."""
    folder = tmp_path_factory.mktemp("grid") / "logs"
    return training.capacity_grid(X, Y, log_dir=folder, n_jobs=2, **GRID), folder


def same_results(table, expected):
    assert (table["error"] == "").all()
    assert np.allclose(table["best validation loss"], expected["best validation loss"], rtol=1e-4)
    same = ["id", "units", "layers", "parameters", "epochs"]
    pd.testing.assert_frame_equal(table[same], expected[same])


def test_the_table_is_tidy(finished):
    table, folder = finished
    assert list(table) == [*FIGURES, "seconds", "error"]
    assert table["id"].tolist() == [
        "mlp_1_layers_8_units",
        "mlp_2_layers_8_units",
        "mlp_1_layers_16_units",
        "mlp_2_layers_16_units",
    ]
    # 784 * 8 + 8 + 8 * 10 + 10, and so on: depth really is depth.
    assert table["parameters"].tolist() == [6370, 6442, 12730, 13002]
    assert (table["epochs"] == 2).all() and (table["seconds"] > 0).all()
    assert (table["error"] == "").all()
    assert sorted(path.name for path in folder.iterdir()) == sorted(table["id"])


def test_one_network_gives_what_train_model_gives(finished):
    table, _ = finished
    alone = training.train_model(X, Y, units=16, layers=2, epochs=2, seed=1)
    assert table["best validation loss"].iloc[3] == pytest.approx(alone.best["val_loss"], rel=1e-4)


def test_a_finished_network_is_not_trained_again(finished, monkeypatch):
    table, folder = finished

    def never(*args, **kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr(_grid, "train_cell", never)
    monkeypatch.setattr(_grid, "_train_from_files", never)
    again = training.capacity_grid(X, Y, log_dir=folder, **GRID)
    pd.testing.assert_frame_equal(again, table)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": 3}, r"trained with epochs 2 \(now 3\)"),
        ({"seed": 2}, r"seed 1 \(now 2\)"),
        ({"dropout": 0.5}, r"dropout 0.0 \(now 0.5\)"),
    ],
)
def test_a_folder_of_another_grid_is_refused(finished, change, words):
    _, folder = finished
    with pytest.raises(ValueError, match=words):
        training.capacity_grid(X, Y, log_dir=folder, **{**GRID, **change})


def test_options_may_be_numpy_numbers(finished):
    table, folder = finished
    options = {**GRID, "epochs": np.int64(2), "learning_rate": np.float64(0.1)}
    again = training.capacity_grid(X, Y, log_dir=folder, **options)
    pd.testing.assert_frame_equal(again, table)


def test_other_data_are_noticed(finished):
    _, folder = finished
    with pytest.raises(ValueError, match=r"data .* Choose another log_dir"):
        training.capacity_grid(X[:300], Y[:300], log_dir=folder, **GRID)


def test_the_curves_can_be_read_back(finished):
    table, folder = finished
    curves = training.read_tensorboard(folder)
    assert set(curves["run"]) == set(table["id"])
    losses = curves[(curves["data"] == "validation") & (curves["metric"] == "loss")]
    best = losses.groupby("run")["value"].min()
    assert np.allclose(best[table["id"]], table["best validation loss"], rtol=1e-5)
    assert set(curves["metric"]) >= {"loss", "accuracy", "learning_rate"}
    assert sorted(curves["epoch"].unique()) == [1, 2]


def test_a_failing_network_is_reported_and_the_rest_goes_on(tmp_path):
    with pytest.warns(
        UserWarning, match=r"1 of 2 networks failed: mlp_1_layers_0_units: .*units is 0"
    ):
        table = training.capacity_grid(
            X, Y, units=(0, 8), layers=(1,), epochs=1, log_dir=tmp_path, progress=False
        )
    assert "units is 0" in table["error"].iloc[0] and table["error"].iloc[1] == ""
    assert np.isnan(table["best validation loss"].iloc[0])
    assert table["best validation loss"].iloc[1] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["mlp_1_layers_8_units"]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"units": ()}, ValueError, "nothing to train"),
        ({"units": (8, 8)}, ValueError, "name each once"),
        ({"momentun": 0.9}, TypeError, "no option momentun"),
        ({"verbose": 1}, TypeError, "no option verbose"),
        ({"n_jobs": 0}, ValueError, "n_jobs is 0"),
    ],
)
def test_bad_grids_are_refused(tmp_path, options, error, words):
    with pytest.raises(error, match=words):
        training.capacity_grid(X, Y, log_dir=tmp_path / "logs", **{**GRID, **options})
    assert not (tmp_path / "logs").exists()


def test_a_killed_process_costs_nothing(finished, tmp_path, monkeypatch):
    table, _ = finished
    monkeypatch.setenv(sabotage.MARKER, str(tmp_path / "killed"))
    monkeypatch.setattr(_grid, "_train_from_files", sabotage.killed_once)
    after = training.capacity_grid(X, Y, log_dir=tmp_path / "logs", n_jobs=2, **GRID)
    assert (tmp_path / "killed").exists()
    same_results(after, table)


def test_a_network_that_kills_its_process_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(_grid, "_train_from_files", sabotage.killed_when_wide)
    options = {**GRID, "layers": (1,), "log_dir": tmp_path / "logs", "n_jobs": 2}
    with pytest.warns(UserWarning, match="mlp_1_layers_16_units: its process was killed"):
        table = training.capacity_grid(X, Y, **options)
    assert table["error"].tolist() == ["", "its process was killed; is there enough memory?"]
    monkeypatch.undo()
    again = training.capacity_grid(X, Y, **options)  # only the missing one is trained
    assert (again["error"] == "").all()
    assert again["seconds"].iloc[0] == table["seconds"].iloc[0]


def test_a_cluster_gives_the_same_and_survives_the_loss_of_a_worker(
    finished, tmp_path, monkeypatch
):
    distributed = pytest.importorskip("distributed")
    table, folder = finished
    monkeypatch.setenv(sabotage.MARKER, str(tmp_path / "killed"))
    monkeypatch.setattr(_grid, "train_cell", sabotage.killed_once_on_a_cluster)
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs="CRITICAL",
            local_directory=tmp_path / "dask",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        logs = tmp_path / "logs"
        on_cluster = training.capacity_grid(X, Y, log_dir=logs, client=client, **GRID)
    assert (tmp_path / "killed").exists()
    same_results(on_cluster, table)
    order = ["run", "data", "metric", "epoch"]
    here, there = (training.read_tensorboard(place) for place in (folder, logs))
    pd.testing.assert_frame_equal(there[order], here[order])
    assert np.allclose(there["value"], here["value"], rtol=1e-4)


def test_what_cannot_be_sent_back_is_no_killed_process(tmp_path, monkeypatch):
    """Beyond what training reports, errors are told as they are."""
    monkeypatch.setattr(_grid, "_train_from_files", sabotage.cannot_be_sent_back)
    with pytest.warns(UserWarning, match="mlp_1_layers_8_units: .*(pickle|local object)"):
        training.capacity_grid(
            X, Y, units=(8,), layers=(1,), epochs=1, log_dir=tmp_path, progress=False
        )


INTERRUPTED = """
import sys
from coursekit import training
from coursekit.training import _grid
from tests.training import sabotage
from tests.training.digits import digits
_grid._train_from_files = sabotage.slow_but_one
x, y = digits()
training.capacity_grid(
    x, y, units=(8, 16, 24, 32, 40, 48), layers=(1,), epochs=3, patience=None,
    log_dir=sys.argv[1], progress=False,
)
"""


def test_an_interruption_keeps_what_is_finished(tmp_path):
    folder = tmp_path / "logs"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, folder], cwd=ROOT, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and not list(folder.glob("mlp_*")):
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    kept = {run.name for run in folder.glob("mlp_*")}
    assert 1 <= len(kept) < 6
    for name in kept:
        assert json.loads((folder / name / "result.json").read_text())["figures"]["epochs"] == 3
    before = {run.name: (run / "result.json").stat().st_mtime_ns for run in folder.glob("mlp_*")}
    table = training.capacity_grid(
        X,
        Y,
        units=(8, 16, 24, 32, 40, 48),
        layers=(1,),
        epochs=3,
        patience=None,
        log_dir=folder,
        progress=False,
    )
    assert (table["error"] == "").all() and len(table) == 6
    for name, changed in before.items():
        assert (folder / name / "result.json").stat().st_mtime_ns == changed


def test_tensorboard_shows_the_runs(finished):
    table, folder = finished
    from tensorboard import program

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        board = program.TensorBoard()
        board.configure(argv=[None, "--logdir", str(folder), "--host", "127.0.0.1", "--port", "0"])
        address = board.launch()
    deadline = time.monotonic() + 30
    runs: set[str] = set()
    wanted = {f"{name}/{part}" for name in table["id"] for part in ("train", "validation")}
    while time.monotonic() < deadline and runs < wanted:
        with urllib.request.urlopen(f"{address}data/runs", timeout=5) as answer:
            runs = set(json.load(answer))
        time.sleep(0.2)
    assert runs == wanted


# ------------------------------------------------------------------ what other libraries let by


def test_any_number_is_a_learning_rate(tmp_path):
    options = {"units": [8], "layers": [1], "epochs": 1, "progress": False}
    table = training.capacity_grid(X, Y, log_dir=tmp_path / "a", learning_rate=1, **options)
    assert table["error"].tolist() == [""] and table["best validation loss"].iloc[0] > 0
    # 1 and 1.0 are the same rate, so nothing is trained again.
    again = training.capacity_grid(X, Y, log_dir=tmp_path / "a", learning_rate=1.0, **options)
    assert again["seconds"].tolist() == table["seconds"].tolist()


def test_a_network_that_diverged_is_named(tmp_path):
    with pytest.warns(
        UserWarning, match=r"1 of 1 networks failed: .*NaN.*smaller learning_rate\. "
    ):
        table = training.capacity_grid(
            X, Y, units=[64], layers=[1], log_dir=tmp_path, learning_rate=1e30, epochs=2,
            progress=False,
        )  # fmt: skip
    assert "the validation loss is NaN in every epoch" in table["error"].iloc[0]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"learning_rate": -1}, ValueError, "learning_rate is -1"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"validation_split": 0.999}, ValueError, "x has 400 rows; with a validation_split"),
        ({"units": (8.5,)}, TypeError, "units is 8.5"),
        ({"units": 8}, TypeError, "units is 8; it must be a sequence"),
        ({"units": "8"}, TypeError, "units is '8'"),
        ({"layers": (True,)}, ValueError, "layers is True"),
        ({"n_jobs": 1.5}, TypeError, "n_jobs is 1.5"),
        ({"n_jobs": float("nan")}, TypeError, "n_jobs is nan"),
        ({"n_jobs": -2}, ValueError, "n_jobs is -2"),
        ({"seed": None}, TypeError, "seed is None"),
        ({"client": 5}, TypeError, "client is 5"),
        ({"log_dir": None}, TypeError, "log_dir is None"),
        ({"log_dir": __file__}, ValueError, "log_dir is .*which is a file"),
    ],
)
def test_what_no_network_could_be_trained_with_is_refused_first(tmp_path, options, error, words):
    with pytest.raises(error, match=words):
        training.capacity_grid(X, Y, **{"log_dir": tmp_path / "logs", **GRID, **options})
    assert not (tmp_path / "logs").exists()


# ------------------------------------------------------------------ folders that are damaged


def damage(how: str, run) -> None:
    (events,) = (run / "train").glob("events*")
    content = events.read_bytes()
    if how == "emptied":
        events.write_bytes(b"")
    elif how == "cut":
        events.write_bytes(content[:-7])
    elif how == "flipped":
        events.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    elif how == "gone":
        events.unlink()
    else:
        (run / "result.json").write_text(how)


@pytest.mark.parametrize(
    "how",
    ["emptied", "cut", "flipped", "gone", '{"settings": ', "{}", "[]", "null", '{"settings": {}}',
     '{"settings": {}, "figures": null}', '{"settings": [], "figures": {}, "files": {}}'],
)  # fmt: skip
def test_a_damaged_network_is_trained_anew(finished, tmp_path, monkeypatch, how):
    table, folder = finished
    shutil.copytree(folder, tmp_path / "logs")
    damage(how, tmp_path / "logs" / "mlp_2_layers_8_units")
    asked = []
    stands_for = _grid.CellResult({name: 1 for name in _grid.METRICS}, {})
    monkeypatch.setattr(
        _grid,
        "_on_this_machine",
        lambda cells, *a, **k: asked.extend(cells) or iter([(cells[0], stands_for)]),
    )
    with pytest.warns(UserWarning, match=r"mlp_2_layers_8_units.*is damaged .*trained anew"):
        again = training.capacity_grid(X, Y, log_dir=tmp_path / "logs", **GRID)
    assert [cell.id for cell in asked] == ["mlp_2_layers_8_units"]
    assert again["error"].tolist() == [""] * 4
    others = [0, 2, 3]
    pd.testing.assert_frame_equal(again.iloc[others], table.iloc[others])


@pytest.mark.parametrize("how", ["cut", "gone"])
def test_another_grid_s_damaged_network_is_refused_too(finished, tmp_path, how):
    _, folder = finished
    shutil.copytree(folder, tmp_path / "logs")
    damage(how, tmp_path / "logs" / "mlp_2_layers_8_units")
    with pytest.raises(ValueError, match=r"mlp_2_layers_8_units.*epochs 2 \(now 3\)"):
        training.capacity_grid(
            X, Y, log_dir=tmp_path / "logs", **{**GRID, "units": (8,), "layers": (2,), "epochs": 3}
        )


@pytest.mark.parametrize("how", ["emptied", "cut", "flipped"])
def test_damaged_curves_are_not_read_as_shorter_ones(finished, tmp_path, how):
    _, folder = finished
    shutil.copytree(folder, tmp_path / "logs")
    damage(how, tmp_path / "logs" / "mlp_1_layers_16_units")
    with pytest.raises(ValueError, match=r"mlp_1_layers_16_units.*events.* is damaged"):
        training.read_tensorboard(tmp_path / "logs")


KEEPS = """
import sys
from pathlib import Path
from coursekit.training import _grid
outcome = _grid.CellResult({"parameters": 1}, {f"train/e{i}": bytes(2000) for i in range(6)})
for _ in range(300):
    _grid._store(Path(sys.argv[1]) / "run", outcome, {})
"""


def test_two_grids_keep_the_same_network(tmp_path):
    both = [subprocess.Popen([sys.executable, "-c", KEEPS, tmp_path]) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert len(list((tmp_path / "run" / "train").iterdir())) == 6
    assert set(json.loads((tmp_path / "run" / "result.json").read_text())["files"]) == {
        f"train/e{number}" for number in range(6)
    }


def test_a_full_disk_costs_one_network_and_leaves_nothing(tmp_path, monkeypatch):
    keep = _grid._store

    def full(run, outcome, settings):
        if run.name == "mlp_1_layers_8_units":
            outcome = dataclasses.replace(outcome, files={"x" * 300: b""})  # too long a name
        keep(run, outcome, settings)

    monkeypatch.setattr(_grid, "_store", full)
    options = {**GRID, "layers": (1,), "log_dir": tmp_path}
    with pytest.warns(UserWarning, match="8_units: it was trained but could not be kept: .*name"):
        table = training.capacity_grid(X, Y, **options)
    assert table["error"].iloc[1] == ""
    assert [path.name for path in tmp_path.iterdir()] == ["mlp_1_layers_16_units"]


def test_what_a_killed_grid_has_left_is_removed(tmp_path):
    for name, age in (("old", 7200), ("new", 0)):
        part = tmp_path / f".mlp_1_layers_8_units.{name}.part"
        part.mkdir()
        os.utime(part, (time.time() - age,) * 2)
    _grid._remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".mlp_1_layers_8_units.new.part"]


@pytest.mark.parametrize("length", ["short", "long"])
def test_nothing_is_left_of_a_killed_caller(tmp_path, length):
    """Its processes end too, and the last thing they do is to clear away."""
    # In a long one there can be no sockets.
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        temporary = Path(short) if length == "short" else tmp_path / ("temporary" * 9)
        temporary.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, tmp_path / "logs"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        try:
            deadline = time.monotonic() + 90
            while not list((tmp_path / "logs").glob("mlp_*")):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            assert list(temporary.iterdir())
        finally:
            process.kill()
            process.wait(30)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and list(temporary.iterdir()):
            time.sleep(0.1)
        assert list(temporary.iterdir()) == []


SCRIPT = """
import sys
from coursekit import training
from tests.training.digits import digits
x, y = digits()
table = training.capacity_grid(
    x, y, units=(8,), layers=(1,), epochs=1, log_dir=sys.argv[1], progress=False
)
print("trained", table["epochs"][0], repr(table["error"][0]))
"""


def test_a_script_needs_no_guard(tmp_path):
    """No process runs the script again."""
    (tmp_path / "script.py").write_text(SCRIPT)
    told = subprocess.run(
        [sys.executable, "-W", "ignore", tmp_path / "script.py", tmp_path / "logs"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout == "trained 1 ''\n"


def test_widths_and_depths_may_come_one_by_one(finished):
    table, folder = finished
    options = {**GRID, "units": iter((8, 16)), "layers": iter((1, 2))}
    pd.testing.assert_frame_equal(training.capacity_grid(X, Y, log_dir=folder, **options), table)


@pytest.mark.parametrize("place", [5, None, "", __file__])
def test_curves_are_read_from_a_folder(place):
    with pytest.raises((TypeError, ValueError), match="log_dir is "):
        training.read_tensorboard(place)
