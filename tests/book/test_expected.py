"""The stored runs are there for every chapter that measures some."""

from __future__ import annotations

import importlib.util
import sys

import pandas as pd
import pytest

from tests.conftest import ROOT

RUNS = ROOT / "coursekit" / "datasets" / "runs"
MODULES = sorted((ROOT / "tools" / "experiments").glob("[a-z]*.py"))


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_results_were_measured_for_every_experiment(path):
    module = load(path)
    assert (ROOT / "book" / f"{module.CHAPTER}.ipynb").exists()
    table = pd.read_csv(RUNS / f"{module.CHAPTER}.csv")
    assert list(table) == ["edition", "model", "metric", "seed", "value"]
    # Digits come in two editions.
    editions = getattr(module, "EDITIONS", ("sample",))
    assert len(editions) == 1 or "digits" in path.read_text(encoding="utf-8")
    sample_only = getattr(module, "SAMPLE_ONLY", ())
    measured = table[["edition", "model"]].drop_duplicates()
    assert list(measured.itertuples(index=False, name=None)) == [
        (edition, model)
        for edition in editions
        for model in module.EXPERIMENTS
        if edition == "sample" or model not in sample_only
    ]
    for name, runs in table.groupby(["edition", "model", "metric"]):
        assert len(runs) >= 10, name
        assert list(runs["seed"]) == list(range(1, len(runs) + 1)), name
    assert table.notna().all().all()


def test_no_result_without_an_experiment():
    measured = {path.stem for path in RUNS.glob("*.csv")}
    assert measured == {load(path).CHAPTER for path in MODULES}
    assert {path.suffix for path in RUNS.iterdir()} == {".csv"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no-such-chapter"], "no experiments for no-such-chapter"),
        (["--seeds", "9"], "at least 10"),
        (["iris-again", "--model", "forest of ferns"], "no model's name holds 'forest of ferns'"),
    ],
)
def test_reproduce_refuses(words, message, monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "tools")
    monkeypatch.setattr(sys, "argv", ["reproduce.py", *words])
    with pytest.raises(SystemExit) as end:
        load(ROOT / "tools" / "reproduce.py").main()
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_rows_are_replaced_model_by_model(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    reproduce = load(ROOT / "tools" / "reproduce.py")
    order = [("sample", "a"), ("sample", "b"), ("full", "a")]

    def rows(edition, model, low):
        return pd.DataFrame({"edition": [edition], "model": [model], "low": [low]})

    path = tmp_path / "chapter.csv"
    for edition, model, low in [
        ("full", "a", 0.1),
        ("sample", "gone", 0.2),
        ("sample", "b", 0.3),
        ("sample", "a", 0.4),
        ("full", "a", 0.5),
    ]:
        reproduce.replace_rows(path, rows(edition, model, low), order)
    kept = pd.read_csv(path).to_numpy().tolist()
    assert kept == [["sample", "a", 0.4], ["sample", "b", 0.3], ["full", "a", 0.5]]
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_measurement_goes_on(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    reproduce = load(ROOT / "tools" / "reproduce.py")
    monkeypatch.setattr(reproduce, "FOLDER", tmp_path)
    plan = reproduce.Plan("chapter", "a", "sample", "module", seeds=2, order=[("sample", "a")])
    assert not reproduce.is_stored(plan)
    stored = [("sample", "a", 1), ("sample", "b", 2), ("full", "a", 2)]
    path = tmp_path / "chapter.csv"
    columns = ["edition", "model", "seed"]
    pd.DataFrame(stored, columns=columns).to_csv(path, index=False)
    assert not reproduce.is_stored(plan)
    pd.DataFrame([*stored, ("sample", "a", 2)], columns=columns).to_csv(path, index=False)
    assert reproduce.is_stored(plan)


def test_the_published_regimes_are_reproduced():
    runs = pd.read_csv(RUNS / "build-compile-fit.csv")
    accuracy = runs[runs["metric"] == "test accuracy"].groupby("model")["value"]
    iris = accuracy.get_group("Iris, linear and softmax layer, 100 epochs")
    assert 0.75 <= iris.min() <= 0.8 + 0.1 and iris.max() <= 1  # the course: 0.80
    (cancer,) = [values for name, values in accuracy if name.startswith("Breast cancer")]
    assert cancer.median() >= 0.95  # single splits of 140 rows fall a little below


def test_every_chapter_is_on_the_page():
    page = (ROOT / "book" / "what-to-expect.ipynb").read_text(encoding="utf-8")
    for path in RUNS.glob("*.csv"):
        assert f"({path.stem}.ipynb)" in page
