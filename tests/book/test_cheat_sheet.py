"""Every line of the cheat sheet runs, and says the same in Python and in R.

The chapter that explains the sheet runs its lines, in cells with the tag ``cheat-sheet``. The tests
run these cells on the page and on pages with mistakes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

import matplotlib as mpl
import nbformat
import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "book" / "cheat-sheet.md").read_text(encoding="utf-8")
CHAPTER = ROOT / "book" / "keras-in-one-page.ipynb"


def preparation() -> list[str]:
    """Return the chapter's cells that make what the lines of the sheet use."""
    cells = nbformat.read(CHAPTER, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    (imports,) = [source for source in code if "import keras" in source]
    data = [source for source in code if "make_classification(" in source and source != imports]
    return [imports, data[0]]  # the others belong to the exercises


def cells_for(word: str = "") -> list[str]:
    """Return the cells that read the sheet, and those that run the tables with a word."""
    cells = nbformat.read(CHAPTER, as_version=4).cells
    reader, *others = [
        cell.source for cell in cells if "cheat-sheet" in cell.metadata.get("tags", [])
    ]
    assert "def read_sheet" in reader and len(others) == 6
    return [reader, *(source for source in others if word in source)]


@pytest.fixture
def run_cells(tmp_path, monkeypatch) -> Callable:
    """Run cells of the chapter beside a page with this text."""
    monkeypatch.chdir(tmp_path)

    def run(page: str, cells: list[str]) -> dict:
        (tmp_path / "cheat-sheet.md").write_text(page, encoding="utf-8")
        names: dict = {}
        with mpl.rc_context():
            for cell in [*preparation(), *cells]:
                exec(cell, names)
        return names

    return run


def test_every_line_runs(run_cells):
    names = run_cells(PAGE, cells_for())
    assert len(names["ran"]) > 100
    assert not list(names["Path"]().glob("*.keras"))  # lines that write do it elsewhere


@pytest.mark.parametrize(
    ("cell", "right", "wrong", "error"),
    [
        ('sheet["Layers"]', "Dropout(0.3)", "Dropout(rat=0.3)", (TypeError, ValueError)),
        ('sheet["Layers"]', "260×3 → 116×40", "260×3 → 115×40", AssertionError),
        ('sheet["Layers"]', "`keras.layers.Flatten()`", "`keras.layers.Flaten()`", AttributeError),
        ('sheet["Activations"]', "`np.maximum(z, 0)`", "`np.maximum(z, 1)`", AssertionError),
        ('sheet["Optimisers"]', "Adam(learning_rate=0.01)", "Adam(lr=0.01)", ValueError),
        ('sheet["Last layer', '`"mae"`', '`"maee"`', ValueError),
        ('sheet["Last layer', "a column of counts", "counts", KeyError),
        ('sheet["Metrics"]', "F1Score(", "F2Score(", AttributeError),
    ],
)
def test_a_mistake_is_found(run_cells, cell, right, wrong, error):
    assert PAGE.count(right) == 1
    with pytest.raises(error):
        run_cells(PAGE.replace(right, wrong), cells_for(cell))


NEW_TABLE = "\n## New\n\n| | Python | R |\n|---|---|---|\n| a | `keras.Model` | `b()` |\n"


@pytest.mark.parametrize("new", [NEW_TABLE, "\nUse `keras.Model` instead.\n"])
def test_a_line_that_no_cell_runs_is_found(run_cells, new):
    reader, *_, last = cells_for()
    every_line = "ran |= {line for table in sheet.values() for name in table if name != 'R'" + (
        " for line in table[name] if line[0] == '`'}"
    )
    run_cells(PAGE, [reader, every_line, last])
    after = every_line.replace("sheet.values()", "list(sheet.values())[:12]")
    with pytest.raises(AssertionError, match=r"keras\.Model"):
        run_cells(PAGE + new, [reader, after, last])


# ------------------------------------------------------------------------ R beside Python

PREFIXES = {
    "keras.layers.": "layer_",
    "keras.optimizers.schedules.": "learning_rate_schedule_",
    "keras.optimizers.": "optimizer_",
    "keras.metrics.": "metric_",
    "keras.callbacks.": "callback_",
    "keras.regularizers.": "regularizer_",
}
IRREGULAR = {
    "rm_sprop": "rmsprop",
    "tensor_board": "tensorboard",
    "terminate_on_na_n": "terminate_on_nan",
}
PYTHON_ONLY = {"axis", "return_dict"}


def rows() -> Iterator[tuple[str, str]]:
    """Yield the Python and the R of each row that has both."""
    for line in PAGE.splitlines():
        code = re.findall(r"`([^`]+)`", line)
        if line.startswith("|") and len(code) == 2 and "NumPy" not in line:
            yield tuple(code)


def in_r(name: str) -> str | None:
    """Return what keras3 calls a class of Keras; None for another name."""
    for prefix, ours in PREFIXES.items():
        rest = name.removeprefix(prefix)
        if rest != name and re.fullmatch(r"[A-Z]\w*", rest):
            words = r"(?<=[a-z])(?=[A-Z\d])|(?<=[a-z\d])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])"
            snake = re.sub(words, "_", rest).lower()
            return ours + IRREGULAR.get(snake, snake)
    return None


def differences(python: str, r: str) -> list[str]:
    """Return the functions and the named arguments of Keras that the R does not have."""
    missing = []
    for node in ast.walk(ast.parse(python)):
        if not isinstance(node, ast.Call):
            continue
        if (name := in_r(ast.unparse(node.func))) and f"{name}(" not in r:
            missing.append(name)
        words = {word.arg for word in node.keywords} - PYTHON_ONLY
        missing += [word for word in sorted(words) if f"{word} = " not in r]
    return missing


def test_r_and_python_agree():
    found = list(rows())
    assert len(found) > 80
    assert {python: lacks for python, r in found if (lacks := differences(python, r))} == {}


def test_r_that_differs_is_found():
    python = 'keras.layers.Conv1D(40, 30, strides=2, activation="relu")'
    assert differences(python, 'layer_conv_1d(40, 30, strides = 2, activation = "relu")') == []
    assert differences(python, "layer_conv_2d(40, 30, strides = 2)") == [
        "layer_conv_1d", "activation",
    ]  # fmt: skip
    for python, r in (
        ("keras.metrics.F1Score", "metric_f1_score"),
        ("keras.metrics.TopKCategoricalAccuracy", "metric_top_k_categorical_accuracy"),
        ("keras.layers.GlobalAveragePooling2D", "layer_global_average_pooling_2d"),
        ("keras.optimizers.AdamW", "optimizer_adam_w"),
        ("keras.optimizers.RMSprop", "optimizer_rmsprop"),
        ("keras.callbacks.ReduceLROnPlateau", "callback_reduce_lr_on_plateau"),
        ("keras.callbacks.CSVLogger", "callback_csv_logger"),
        ("keras.optimizers.schedules.CosineDecay", "learning_rate_schedule_cosine_decay"),
        ("keras.Model", None),
    ):
        assert in_r(python) == r
