"""Every public function, given what nobody should give it: an answer of its kind, or our words.

``python -m tests.test_edges`` prints which inputs were tried, and what each function answered.
"""

from __future__ import annotations

import functools
import inspect
import re
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import coursekit
from coursekit import datasets, evaluation, models, plotting, preprocessing, training
from coursekit.datasets.walking import Walking

MODULES = (preprocessing, evaluation, models, plotting, training)
PACKAGE = Path(coursekit.__file__).parent
NAN, INF = float("nan"), float("inf")

# What any argument may be given.
ANY = [
    None, True, False, 0, 1, -1, 2.5, NAN, INF, -INF, 1e308, 10**400, 1j, "", "x", "$a$ $", b"x",
    [], [1], ["x"], [[1], [1, 2]], {}, {"x": 1}, (), object(), pd.NA, np.float32(0.5), np.int64(1),
    np.bool_(True), np.array([]), np.array(1), np.array([NAN]), np.zeros((2, 2)),
    pd.Series([], dtype=float), pd.DataFrame(), pd.Series([1, None], dtype="Int64"),
]  # fmt: skip
EDGES = st.one_of(
    st.sampled_from(ANY),
    st.integers(-3, 4),
    st.floats(),
    st.floats(width=32).map(np.float32),
    st.text(max_size=3),
    st.lists(
        st.one_of(st.none(), st.integers(-1, 2), st.floats(), st.text(max_size=1)), max_size=3
    ),
)


@dataclass
class Public:
    """A public function, valid arguments for it, and what its answer has to be."""

    call: Callable
    valid: Callable[[], dict[str, Any]]
    right: Callable[[Any], bool]
    # Edges of its own, by argument, beside those that any argument may be given.
    own: dict[str, list] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)  # other words for an argument
    examples: int = 20
    any_edge: bool = True  # whether all edges may be drawn; some would train for long

    def edges(self, argument: str) -> st.SearchStrategy:
        """What may be drawn for an argument; no folder is written wherever a text may lead."""
        own = st.sampled_from(self.own.get(argument) or [None])
        return st.one_of(own, EDGES) if self.any_edge and argument != "log_dir" else own

    def all_edges(self, argument: str) -> list:
        """All edges of an argument that have names, for the table."""
        every = ANY if self.any_edge and argument != "log_dir" else []
        return [*self.own.get(argument, []), *every]


# ------------------------------------------------------------------ what is valid

IRIS = datasets.load_iris()
TABLE = IRIS.iloc[::5].reset_index(drop=True)
MEASURED = TABLE.iloc[:, :4]
HISTORY = {"loss": [3.0, 2, 1], "val_loss": [4.0, 3, 2]}
REPORT = evaluation.ConfusionReport.from_matrix([[8, 2], [3, 9]], labels=["no", "yes"])
DIGITS = np.zeros((4, 28, 28), dtype=np.uint8)
X = np.tile(np.linspace(0, 1, 784, dtype=np.float32), (10, 1))
Y = np.eye(10, dtype=np.float32)


def walk(people: int = 2, windows: int = 60) -> Walking:
    labels = np.repeat(np.arange(1, people + 1), windows)
    start = np.tile(np.arange(windows) * 52, people)
    return Walking(np.zeros((len(labels), 260, 3), np.float32), labels, start, start / 52)


def a_class(good: bool = True) -> pd.DataFrame:
    rows = TABLE.copy()
    return rows if good else rows.assign(species="a")


@functools.cache
def logs() -> tempfile.TemporaryDirectory:
    """A folder with a network that a grid has trained."""
    folder = tempfile.TemporaryDirectory()
    training.capacity_grid(
        X, Y, units=[1], layers=[1], log_dir=folder.name, progress=False, epochs=1
    )
    return folder


def parts_of(table: pd.DataFrame) -> Callable[[Any], bool]:
    def right(answer) -> bool:
        both = pd.concat(answer)
        return len(both) == len(table) and all(len(part) for part in answer)

    return right


def network(answer) -> bool:
    policies = {layer.compute_dtype for layer in answer.layers}
    return isinstance(answer, keras.Sequential) and answer.built and policies == {"float32"}


def figure(answer) -> bool:
    answer.set_dpi(20)
    answer.canvas.draw()
    return isinstance(answer, Figure)


def pipeline(answer) -> bool:
    for scaled in (answer.fit_transform(MEASURED), answer.transform(MEASURED.iloc[:1, ::-1])):
        if list(scaled) != list(MEASURED) or not np.isfinite(scaled.to_numpy()).all():
            return False
    return True


def interval(answer) -> bool:
    return answer.low <= answer.estimate <= answer.high and answer.n >= 1 and bool(str(answer))


# Values of a metric, run by run.
RUNS = [
    [0.9],
    [0.9, NAN],
    [0.9, "0.8"],
    "12",
    np.float32([1, 2]),
    [1, 1],
    [[1, 2], [3, 4]],
    [1, None],
    [1, 10**400],
    pd.Series([1, None], dtype="Int64"),
    pd.Series([0.9, 0.8], index=[5, 7]),
]


def report(answer) -> bool:
    classes = len(answer.labels)
    stated = answer.overall().drop(["kappa", "p-value (McNemar)"])
    return (
        answer.matrix.shape == (classes, classes)
        and answer.matrix.dtype == np.int64
        and bool(stated.between(0, 1).all())
        and answer.per_class().shape == (classes, 8)
        and bool(str(answer))
    )


def trained(answer) -> bool:
    return bool(repr(answer)) and isinstance(answer.history, pd.DataFrame) and len(answer.history)


def grid(answer) -> bool:
    return list(answer)[-1] == "error" and (answer["error"] == "").all() and len(answer) == 1


def prepare(table):
    """Fit and apply a pipeline of every kind, as users of ``feature_pipeline`` do."""
    made = [
        preprocessing.feature_pipeline(scale=scale, missing=missing).fit_transform(table)
        for scale in ("standard", "range")
        for missing in ("zero", "mean", "nearest")
    ]
    assert all(list(scaled) == list(table) for scaled in made)
    return made


def column(*values, **options) -> pd.DataFrame:
    """Return measurements of which one column has these values."""
    return MEASURED.iloc[: len(values)].assign(petal_width=list(values), **options)


SHARES = [1e-9, 1 - 1e-9, np.float32(0.2), np.float64(0.5), 0.999, "0.2"]
SEEDS = [2**32 - 1, 2**32, np.int64(3), np.uint8(3)]
UNITS = [(), (0,), (1,), (1, 1), (True,), (2.0,), np.array([2, 3]), "12", [None], 3, np.int64(3)]
ONE = {"units": [np.int64(3), np.float64(3), "3", (3,)]}
HALF = {"dropout": [np.float32(0.5), 1 - 1e-9, 0.999, "0.5", 0.0]}
CURVES = [
    {"loss": []}, {"loss": 1}, {"loss": [NAN]}, {"loss": [1, INF]}, {"loss": ["a"]}, {"loss": [1]},
    {"loss": [[1]]}, {"loss": [1] * 4, "val_loss": [1, 2]}, {"loss": [1] * 5, "val_loss": [1]},
    {"val_loss": [1, 2]}, {"loss": [1, 2], "$a$": [1, 2]}, {"loss": pd.Series([1, None])},
    pd.DataFrame(HISTORY), keras.callbacks.History(), {"loss": [1, 2], "mae": [1]},
]  # fmt: skip
NAMES = [["a", "b"], ["a", "a"], ["$a$", "_b"], [1, 2], [None, NAN], ["a"], "ab", ("x" * 40, "y")]
TEXTS = ["$4 and $5", "_", "\n", "x" * 200, 5]
PATHS = ["/nowhere/at/all", __file__, Path("/nowhere"), b"/tmp", "", None, 5, [], PACKAGE]
WINDOW = np.zeros((20, 3))


def small() -> keras.Sequential:
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="only")])


SMALL = small()

# fmt: off
PUBLIC = {
    "preprocessing.split_stratified": Public(
        preprocessing.split_stratified,
        lambda: {"table": TABLE, "by": "species", "test": 0.2, "seed": 1},
        parts_of(TABLE),
        {
            "table": [TABLE.iloc[:0], a_class(False), TABLE[["species"]], TABLE.iloc[:1]],
            "by": ["sepal_length", "species", 5, ["species"]],
            "test": SHARES,
            "seed": SEEDS,
        },
        {"by": "column|sepal_length is", "table": "table|column|split|species"},
        examples=40,
    ),
    "preprocessing.split_by_group": Public(
        preprocessing.split_by_group,
        lambda: {"table": TABLE, "group": "species", "test": 0.4, "seed": 1},
        parts_of(TABLE),
        {
            "table": [TABLE.iloc[:0], a_class(False), TABLE[["species"]], TABLE.iloc[:1]],
            "group": ["sepal_length", "species", 5, ["species"]],
            "test": SHARES,
            "seed": SEEDS,
        },
        {"group": "column", "table": "table|column|species"},
        examples=40,
    ),
    "preprocessing.split_by_time": Public(
        preprocessing.split_by_time,
        lambda: {"walking": walk(), "train": 0.5, "validation": 0.25, "test": 0.25, "gap": 5},
        lambda answer: all(part.dtype == np.int64 and len(part) for part in answer),
        {
            "walking": [walk(1), walk(0), walk(2, 1), walk(1, 20)],
            "gap": [0, np.int64(3), 10**30, 5.0],
            **dict.fromkeys(("train", "validation", "test"), SHARES),
        },
        {"walking": "walking|person", "gap": "gap|person"},
        examples=40,
    ),
    "preprocessing.feature_pipeline": Public(
        preprocessing.feature_pipeline,
        lambda: {"scale": "standard", "missing": "mean"},
        pipeline,
        {"scale": ["range", "Standard"], "missing": ["zero", "nearest", "refuse", "drop"]},
        examples=25,
    ),
    "preprocessing.feature_pipeline().fit_transform": Public(
        prepare,
        lambda: {"table": MEASURED},
        lambda answer: all(np.isfinite(scaled.to_numpy()).all() for scaled in answer),
        {
            "table": [
                MEASURED.iloc[:1], MEASURED.iloc[:0], MEASURED[[]], column(1, 2, NAN), column(1, 1),
                column(NAN, NAN), column(1, INF), column(1e300, 1), column("a", 1),
                column("1", 2), column(1j, 1), column(1, None), MEASURED,
                MEASURED.set_axis([0, 1, 2, 3], axis=1), MEASURED.set_axis(list("aabc"), axis=1),
                MEASURED.astype("Float64"),
                column(0, 5e-324), column(True, False), column(1e99, -1e99, 0), MEASURED.to_numpy(),
            ]
        },
        {"table": "table|columns?|no value"},
        examples=30,
    ),
    "preprocessing.one_hot": Public(
        preprocessing.one_hot,
        lambda: {"labels": TABLE["species"]},
        lambda answer: (answer.dtypes == "float32").all() and (answer.sum(axis=1) == 1).all(),
        {"labels": [TABLE["species"][:0], TABLE["species"][:1], TABLE["sepal_length"], TABLE,
                    pd.Categorical(["a"]), pd.Series(pd.Categorical(["a", None])),
                    pd.Series(pd.Categorical([], categories=["a"]))]},
        examples=25,
    ),
    "preprocessing.prepare_digits": Public(
        preprocessing.prepare_digits,
        lambda: {"images": DIGITS, "labels": [0, 1, 2, 9], "seed": None},
        lambda answer: answer[0].shape[1:] == (784,) and answer[0].dtype == answer[1].dtype == "f4",
        {"images": [DIGITS[:0], DIGITS[0], DIGITS / 255, DIGITS.tolist(), DIGITS.reshape(4, 784)],
         "labels": [[0, 1, 2, 10], [0, 1, 2, -1], list("0123"), [0.0, 1, 2, 3], [[0]] * 4],
         "seed": [*SEEDS, 10**30]},
        {"images": "images?|labels"},
        examples=30,
    ),
    "evaluation.Interval": Public(
        evaluation.Interval,
        lambda: {"estimate": 0.02, "low": 0.01, "high": 0.03, "n": 10},
        lambda answer: isinstance(answer.separated, bool) and bool(str(answer)),
        {"estimate": [NAN, INF, 1e-300], "low": [-0.01, -INF, NAN], "high": [0.01, INF, NAN]},
        examples=40,
    ),
    "evaluation.Interval.covers": Public(
        evaluation.Interval(0.02, 0.01, 0.03, 10).covers,
        lambda: {"value": 0.02},
        lambda answer: isinstance(answer, bool),
        {"value": [np.float32(0.03), NAN, "0.02"]},
        examples=40,
    ),
    **{
        f"evaluation.{function.__name__}": Public(
            function,
            lambda options=options: {"first": [0.9, 0.8], "second": [0.7, 0.9], **options},
            interval,
            {name: RUNS for name in ("first", "second")} | {"test_share": [0, 1, 0.5, NAN, "0.1"]}
            if options
            else {name: RUNS for name in ("first", "second")},
            {"first": "first|second", "second": "first|second"},
            examples=30,
        )
        for function, options in [
            (evaluation.paired_difference, {}),
            (evaluation.resampled_difference, {"test_share": 0.1}),
        ]
    },
    "evaluation.prediction_interval": Public(
        evaluation.prediction_interval,
        lambda: {"runs": list(range(10))},
        interval,
        {"runs": [*RUNS, [1] * 10, [NAN, *range(10)], np.arange(20.0), pd.Series(range(10))]},
        examples=30,
    ),
    "evaluation.wilson_interval": Public(
        evaluation.wilson_interval,
        lambda: {"successes": 9, "total": 10},
        interval,
        {"successes": [0, 10, 11, -1, 9.0, NAN, True], "total": [9, 8, 0, 10.0, "10"]},
        {"total": "total|successes"},
        examples=30,
    ),
    "evaluation.ConfusionReport": Public(
        evaluation.ConfusionReport,
        lambda: {"matrix": np.array([[8, 2], [3, 9]]), "labels": ("no", "yes")},
        report,
        {"matrix": [[[1, 2], [3, 4]], [[1]], [[0, 0], [0, 0]]], "labels": NAMES},
        {"matrix": "matrix"},
        examples=20,
    ),
    "evaluation.ConfusionReport.from_labels": Public(
        evaluation.ConfusionReport.from_labels,
        lambda: {"actual": ["a", "b", "b"], "predicted": ["a", "b", "a"], "labels": None},
        report,
        {
            "actual": [list("ab"), list("aaa"), ["a", 1, "b"], ["a", None, "b"], [1, 2, 1], "abc",
                       np.array(["a", "b", "b"], dtype=object), [0.5, 1, 1], [INF, 1, 1], [[1]] * 3,
                       pd.Series(["a", "b", "a"], dtype="category"), pd.cut([1, 2, 3], 2)],
            "labels": [*NAMES, ["b", "a"], [["a"], ["b"]]],
        },
        {"actual": "actual|class|one is text", "predicted": "predicted|class|one is text"},
        examples=30,
    ),
    "evaluation.ConfusionReport.from_matrix": Public(
        evaluation.ConfusionReport.from_matrix,
        lambda: {"matrix": [[8, 2], [3, 9]], "labels": None},
        report,
        {
            "matrix": [
                [[1, -1], [0, 1]], [[1, 0.5], [0, 1]], [[1, NAN], [0, 1]], [[1, 1e300], [0, 1]],
                [[0, 0], [0, 1]], [[1, 0], [1, 0]], [["a", 1], [1, 1]], [[1, None], [1, 1]],
                pd.DataFrame([[1, 2], [3, 4]], dtype="Int64"), np.array([[1, 2], [3, 4]], object),
                pd.crosstab([0, 0, 1], [0, 1, 1], margins=True), np.eye(3),
                [[2**52, 2**52], [1, 1]], [[10**15, 3], [4, 10**15]],
            ],
            "labels": NAMES,
        },
        {"matrix": "matrix|hold the sums|rows are named", "labels": "labels"},
        examples=30,
    ),
    "models.threshold_network": Public(
        models.threshold_network, lambda: {"units": (4,)}, network, {"units": UNITS}
    ),
    "models.keras_basics_network": Public(
        models.keras_basics_network, lambda: {"units": (4,)}, network, {"units": UNITS}
    ),
    "models.iris_linear_softmax": Public(models.iris_linear_softmax, dict, network),
    "models.breast_cancer_network": Public(
        models.breast_cancer_network,
        lambda: {"units": (4,), "activation": "relu"},
        network,
        {"units": UNITS, "activation": ["tanh", "glu", "softmax", "no_such", None]},
    ),
    "models.walking_first_cnn": Public(models.walking_first_cnn, dict, network),
    "models.walking_final_cnn": Public(
        models.walking_final_cnn,
        lambda: {"length": 260},
        network,
        {"length": [71, 72, 104, 260.0, np.int64(80)]},
    ),
    "models.mnist_mlp": Public(
        models.mnist_mlp,
        lambda: {"units": 4, "layers": 1, "dropout": 0.0, "l2": 0.0, "seed": None},
        network,
        {"layers": [2, np.int64(2), 2.0], "l2": [1e-300, np.float32(0.1), "0"], "seed": SEEDS}
        | ONE | HALF,
    ),
    "models.mnist_cnn": Public(
        models.mnist_cnn,
        lambda: {"filters": (4,), "dropout": 0.0, "classes": 3},
        network,
        {"filters": UNITS, "classes": [2, 1, np.int64(3), 3.0], **HALF},
    ),
    "plotting.plot_comparison": Public(
        plotting.plot_comparison,
        lambda: {"histories": {"a": HISTORY, "b": HISTORY}, "metric": "val_loss", "title": None},
        figure,
        {"histories": [{name: curve} for name, curve in zip(["_", 3, "$a$", ""] * 4, CURVES,
                                                            strict=False)],
         "metric": ["loss", "mae"], "title": TEXTS},
        {"histories": "histories|history of|did not record|loss|val_loss|mae|x has shape",
         "metric": "did not record"},
    ),
    "plotting.plot_confusion": Public(
        plotting.plot_confusion,
        lambda: {"report": REPORT, "title": None},
        figure,
        {"report": [evaluation.ConfusionReport.from_matrix([[0, 1], [0, 0]], labels=["$a$", " "]),
                    evaluation.ConfusionReport.from_matrix([[2**52, 1], [0, 1]])],
         "title": TEXTS},
    ),
    "plotting.plot_digits": Public(
        plotting.plot_digits,
        lambda: {"images": DIGITS, "titles": None, "columns": None, "title": None},
        figure,
        {"images": [DIGITS[:1], DIGITS[:0], DIGITS[0], DIGITS.reshape(4, 784), DIGITS * NAN,
                    DIGITS + 1e308, DIGITS - 1e-320, DIGITS.astype(str), DIGITS.astype(bool)],
         "titles": [list("abcd"), ["$a$", "_", "", "\n"], "abcd", [1, 2, 3, None], ["a"]],
         "columns": [10**9, np.int64(2), 2.0], "title": TEXTS},
        {"images": "images?"},
    ),
    "plotting.plot_history": Public(
        plotting.plot_history,
        lambda: {"history": HISTORY, "metrics": None, "title": None},
        figure,
        {"history": CURVES, "metrics": [["loss"], ["val_loss"], "loss", ["mae"], ["loss"] * 2],
         "title": TEXTS},
        {"history": "history|loss|val_loss|mae|x has shape", "metrics": "metrics|was not recorded"},
    ),
    "plotting.plot_network": Public(
        plotting.plot_network,
        lambda: {"model": small(), "observation": None, "inputs": None, "outputs": None,
                 "most_nodes": 10, "title": None},
        figure,
        {"model": [models.walking_final_cnn(), keras.Sequential(),
                   keras.Sequential([keras.Input((2,))])],
         "observation": [[1, 2], [[1, 2]], [1, NAN], [1e300, 1], [1, 2, 3], "ab", [1e37, 1]],
         "inputs": NAMES, "outputs": NAMES, "most_nodes": [2, 3, np.int64(4), 3.0], "title": TEXTS},
        {"model": "model|layers?", "outputs": "outputs", "observation": "observation"},
    ),
    "plotting.use_style": Public(plotting.use_style, dict, lambda answer: answer is None),
    "training.train_model": Public(
        training.train_model,
        lambda: {"x": X, "y": Y, "units": 2, "layers": 1, "dropout": 0.0, "l2": 0.0,
                 "learning_rate": 0.1, "momentum": 0.9, "epochs": 1, "batch_size": 8,
                 "validation_split": 0.2, "patience": 3, "min_delta": 1e-4, "plateau_patience": 1,
                 "model": None, "optimizer": None, "callbacks": (),
                 "log_dir": None, "seed": None, "verbose": 0},
        trained,
        {"x": [X[:0], X * NAN, X * 255, X.reshape(10, 28, 28), X.astype(str), X[:1]],
         "y": [Y[:1], Y * NAN, Y * 0, Y + 0.5, np.arange(10), Y.astype(bool)],
         "learning_rate": [np.float32(0.1), "0.1", 1e39, 1e30, 1e-300],
         "epochs": [np.int64(1), 1.0],
         "batch_size": [10**9, np.int64(3), 2.0], "validation_split": SHARES,
         "momentum": SHARES, "min_delta": [np.float32(0.1), "0"],
         "model": [keras.Sequential(), SMALL], "optimizer": ["adam", "no_such", keras.Model],
         "callbacks": [[keras.callbacks.Callback], [keras.callbacks.Callback()], [None]],
         "log_dir": [__file__, b"/tmp", "", 5, []], "seed": SEEDS,
         "verbose": ["auto", 3], "units": [2.0, np.int64(2)], "layers": [2.0], **HALF},
        {"validation_split": "validation_split|x has", "model": "model|x has shape|sequential"},
        examples=25,
    ),
    "training.capacity_grid": Public(
        training.capacity_grid,
        lambda: {"x": X, "y": Y, "units": [1], "layers": [1], "log_dir": logs().name, "n_jobs": 1,
                 "client": None, "seed": 1, "progress": False, "options": {"epochs": 1}},
        grid,
        # Nothing here is trained: what is valid is in the folder, and all else is refused first.
        {"x": [X[:0], X * NAN, X * 2, X[:, :3]], "y": [Y[:1], Y * NAN, Y * 0, "x", None],
         "units": [[], [1, 1], [1.0], ["1"], "1", 1, None, [True], np.array([1]), (np.int64(1),)],
         "layers": [[], [1, 1], [1.5], "1", 1, [None], np.array([1])],
         "log_dir": [None, 5, "", __file__, b"/tmp", []],
         "n_jobs": [0, -2, True, 1.0, "1", None, NAN, -1, np.int64(1)], "client": [5, "local"],
         "seed": [None, -1, 1.0, True, 2**32, np.int64(1), 2], "progress": [False],
         "options": [{"epochs": 0}, {"epoch": 1}, {"learning_rate": -1}, {"learning_rate": "1"},
                     {"epochs": np.int64(1)}, {"dropout": NAN}, {"epochs": 2}]},
        {"options": "epochs|epoch|learning_rate|dropout", "seed": "seed"},
        any_edge=False,
        examples=30,
    ),
    "training.read_tensorboard": Public(
        training.read_tensorboard,
        lambda: {"log_dir": logs().name},
        lambda answer: list(answer) == ["run", "data", "metric", "epoch", "value"] and len(answer),
        {"log_dir": PATHS},
        {"log_dir": "log_dir|no folder|no event file"},
        examples=40,
    ),
    "training.Trained": Public(
        training.Trained,
        lambda: {"model": SMALL, "history": pd.DataFrame({"val_loss": [1.0]}), "seconds": 1.0},
        trained,
        {"history": [pd.DataFrame({"val_loss": [NAN]}), pd.DataFrame({"loss": [1.0]}),
                     pd.DataFrame({"val_loss": [1, INF]}), HISTORY],
         "seconds": [0, np.float32(1), "1"]},
        examples=40,
    ),
}
# fmt: on


# ------------------------------------------------------------------ what has to come of it


def public_names() -> set[str]:
    """Return all public functions and classes, from what their modules name as public."""
    return {
        f"{module.__name__.removeprefix('coursekit.')}.{name}"
        for module in MODULES
        for name in module.__all__
        if callable(getattr(module, name))
    }


def call(public: Public, arguments: dict[str, Any]) -> Any:
    arguments = dict(arguments)
    arguments |= arguments.pop("options", {})  # of capacity_grid, which passes them on
    positional = []
    for name, parameter in inspect.signature(public.call).parameters.items():
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and name in arguments:
            positional.append(arguments.pop(name))
    return public.call(*positional, **arguments)


def outcome(name: str, edges: dict[str, Any]) -> str:
    """Return what a function answers; "wrong: ..." is what it must not answer.

    A warning is an error here, and so is a figure that an error leaves behind.
    """
    public = PUBLIC[name]
    arguments = public.valid() | edges
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # As in pyproject.toml: Keras's own, of NumPy 2.
            warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
            # A font that lacks a letter is the reader's, and the warning says which one.
            warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
            answer = call(public, arguments)
            kind = "answer" if public.right(answer) else f"wrong: {answer!r:.200}"
    except Exception as error:
        kind = judged(public, edges, error)
        if kind in ("ValueError", "TypeError", "KeyError", "FileNotFoundError"):
            kind = kind if not plt.get_fignums() else "wrong: it leaves a figure behind"
    finally:
        plt.close("all")
    return kind


def judged(public: Public, edges: dict[str, Any], error: Exception) -> str:
    """Return the kind of an error if it is ours and says which argument it is about."""
    said = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__
    if Path(last.filename).parent not in {PACKAGE, *(PACKAGE / name for name in SUBPACKAGES)}:
        return f"wrong: {kind} of {last.filename}:{last.lineno}: {said:.200}"
    if kind not in ("ValueError", "TypeError", "KeyError", "FileNotFoundError"):
        return f"wrong: {kind}: {said:.200}"
    for name, value in edges.items():
        words = rf"\b({name}|{public.known.get(name, name)})\b"
        if re.search(words, said) or any(
            shown and shown[:60] in said for shown in (repr(value), str(value))
        ):
            return kind
    return f"wrong: it does not say what is meant: {kind}: {said:.200}"


SUBPACKAGES = ("evaluation", "plotting", "training")


def test_every_public_function_is_tried_with_each_of_its_arguments():
    assert public_names() <= set(PUBLIC)
    for name, public in PUBLIC.items():
        parameters = set(inspect.signature(public.call).parameters)
        assert set(public.valid()) == parameters, name
        assert set(public.own) <= parameters, name


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_valid_is_answered(name):
    assert outcome(name, {}) == "answer"


@pytest.mark.parametrize("name", [name for name, public in PUBLIC.items() if public.valid()])
def test_edges_are_answered_or_refused_in_our_words(name):
    public = PUBLIC[name]

    @settings(
        max_examples=public.examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def tried(data):
        known = sorted(public.valid())
        chosen = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
        edges = {argument: data.draw(public.edges(argument)) for argument in chosen}
        found = outcome(name, edges)
        assert not found.startswith("wrong"), (edges, found)

    tried()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda size: np.zeros(size), "TypeError of"),
        (lambda size: np.float32(1e308), "RuntimeWarning"),
        (lambda size: plt.figure() and models.mnist_mlp(units=size), "leaves a figure behind"),
        (lambda size: models.mnist_mlp(units=0), "does not say what is meant"),
        (lambda size: "something else", "wrong: 'something else'"),
    ],
)
def test_what_is_not_right_is_seen(monkeypatch, call, words):
    """The table would say so if a function let another library speak."""
    tried = Public(call, lambda: {"size": 1}, lambda answer: isinstance(answer, int))
    tried.known = {"size": "values"}
    monkeypatch.setitem(PUBLIC, "tried", tried)
    assert outcome("tried", {"size": "x"}).startswith("wrong") and words in outcome(
        "tried", {"size": "x"}
    )


def table() -> str:
    """Try every edge of every argument, one at a time, and return what came of it."""
    lines = ["| function | inputs tried | answered | refused | wrong |", "|---|---|---|---|---|"]
    for name, public in PUBLIC.items():
        found, wrong = Counter(), []
        for argument in public.valid():
            for value in public.all_edges(argument):
                kind = outcome(name, {argument: value})
                found[kind.partition(":")[0]] += 1
                if kind.startswith("wrong"):
                    wrong.append(f"{argument}={value!r:.60}: {kind}")
        refused = ", ".join(
            f"{count} {kind}" for kind, count in sorted(found.items())
            if kind not in ("answer", "wrong")
        )  # fmt: skip
        lines.append(
            f"| {name} | {found.total()} | {found['answer']} | {refused or '–'} | {len(wrong)} |"
        )
        lines += [f"  {line}" for line in wrong]
        print(lines[-1 - len(wrong)], *lines[len(lines) - len(wrong) :], sep="\n", flush=True)
    return "\n".join(lines)


if __name__ == "__main__":
    table()
