"""The kinds of answers: what they take, what they refuse, and that nothing is lost on the way."""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from coursegrader import answers
from coursekit.exercises import kinds
from coursekit.exercises.kinds import Array, History, Model, Number, Table, Text, WrongKindError

ARRAY, TABLE, NUMBER, TEXT, HISTORY, MODEL = (
    kind() for kind in (Array, Table, Number, Text, History, Model)
)


def there_and_back(kind, value):
    """What another process gets of a value."""
    content = answers.write(kind, kind.plain("x", value))
    assert isinstance(content, bytes)
    return answers.read(kind, "x", content)


def refused(kind, value, *said: str) -> str:
    with pytest.raises(WrongKindError) as caught:
        kind.plain("my_answer", value)
    message = str(caught.value)
    assert "`my_answer`" in message
    for text in said:
        assert text in message, message
    return message


def unread(kind, content: bytes) -> str:
    with pytest.raises(WrongKindError) as caught:
        answers.read(kind, "my_answer", content)
    assert "`my_answer`" in str(caught.value)
    return str(caught.value)


# --------------------------------------------------------------------------------- arrays

ROWS = [[1.5, 2.0], [3.0, 4.5]]
STYLES = {
    "an array": lambda: np.array(ROWS),
    "a list of lists": lambda: ROWS,
    "a tuple of arrays": lambda: tuple(map(np.array, ROWS)),
    "a DataFrame": lambda: pd.DataFrame(ROWS),
    "a DataFrame with an index": lambda: pd.DataFrame(ROWS, index=["a", "b"], columns=["x", "y"]),
    "a tensor": lambda: tf.constant(ROWS, dtype="float64"),
    "a variable of TensorFlow": lambda: tf.Variable(np.array(ROWS)),
    "a variable of Keras": lambda: keras.Variable(np.array(ROWS), dtype="float64"),
    "a list of tensors": lambda: [tf.constant(row, dtype="float64") for row in ROWS],
    "a view": lambda: np.array(ROWS + ROWS)[::2][:, ::-1][:, ::-1][[0, 0]] * 0 + np.array(ROWS),
    "Fortran's order": lambda: np.asfortranarray(ROWS),
    "a masked array": lambda: np.ma.array(ROWS),
}


@pytest.mark.parametrize("style", STYLES)
def test_an_array_in_many_styles(style):
    plain = ARRAY.plain("x", STYLES[style]())
    assert type(plain) is np.ndarray and plain.dtype == np.float64
    assert plain.tolist() == ROWS
    assert there_and_back(ARRAY, STYLES[style]()).tolist() == ROWS


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pd.Series([1, 2], dtype="Int64"), np.array([1, 2])),
        (pd.Series([True, False], dtype="boolean"), np.array([True, False])),
        (pd.Series(["no", "yes"]), np.array(["no", "yes"])),
        (pd.Series(["no", "yes"], dtype=object), np.array(["no", "yes"])),
        (pd.Series(["no", "yes"], dtype="category"), np.array(["no", "yes"])),
        (pd.Series([3, 4], dtype="category"), np.array([3, 4])),
        (pd.Series([1, None], dtype="Int64"), np.array([1, np.nan])),
        (pd.Series([1, 2.5, True], dtype=object), np.array([1, 2.5, 1])),
        (pd.DataFrame({"a": [True, False], "b": [0.5, 1]}), np.array([[1, 0.5], [0, 1]])),
        (pd.Index([5, 6]), np.array([5, 6])),
        (range(3), np.array([0, 1, 2])),
        (7, np.array(7)),
        (np.float32(0.5), np.array(0.5, "float32")),
        ([], np.array([])),
    ],
    ids=lambda value: f"{type(value).__name__} of {getattr(value, 'dtype', '')}",
)
def test_what_pandas_and_python_hold(value, expected):
    for array in (ARRAY.plain("x", value), there_and_back(ARRAY, value)):
        assert array.dtype == expected.dtype and array.shape == expected.shape
        assert np.array_equal(array, expected, equal_nan=array.dtype.kind == "f")


@pytest.mark.parametrize("number", [np.int64(2), np.float32(2), np.bool_(True)], ids=str)
def test_numbers_of_numpy_among_objects(number):
    plain = ARRAY.plain("x", pd.Series([number, 0.5], dtype=object))
    assert plain.tolist() == [float(number), 0.5]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype="int8").reshape(2, 3, 4),
        np.arange(6, dtype="uint64") + 2**63,
        np.array([0.1, np.nan, np.inf, -0.0], "float32"),
        np.ones((2, 0), "float16"),
        np.array([[True], [False]]),
        np.array(["", "ü 学生", "x" * 300]),
        np.array(3.5),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_an_array_arrives_unchanged(array):
    read = there_and_back(ARRAY, array)
    assert read.dtype == array.dtype and read.shape == array.shape
    assert read.tobytes() == array.tobytes()


def test_an_array_is_a_copy():
    mine = np.zeros(3)
    plain = ARRAY.plain("x", mine)
    mine[:] = 9
    assert plain.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("text", "a str of length 4"),
        (b"bytes", "a bytes"),
        ({"a": [1], "b": [1, 2]}, "a list of length 2, and NumPy makes no array of it"),
        ({1, 2}, "a set of length 2"),
        (len, "a builtin_function_or_method"),
        ([[1], [1, 2]], "a list of length 2, and NumPy makes no array of it"),
        ([1, None], "a list of length 2 that holds a NoneType"),
        ([1, {"a": 1}], "holds a dict of length 1"),
        ((n for n in range(3)), "a generator"),
        (pd.Series(["a", None]), "a Series of shape (2,)"),
        (pd.DataFrame({"a": [1], "b": ["x"]}), "a DataFrame of shape (1, 2)"),
        (np.array([1j]), "complex128"),
        (np.array(["2026-01-01"], "M8[D]"), "datetime64"),
        (np.array([b"a"]), "S1"),
        (np.zeros(2, [("a", int)]), "'a'"),
        (tf.constant(["a"]), "bytes"),
        (tf.data.Dataset.range(3), "Dataset"),
        (keras.Input((3,)), "a KerasTensor of shape (None, 3)"),
        (keras.Sequential(), "a Sequential"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value[:30],
)
def test_what_is_no_array(value, found):
    refused(ARRAY, value, found)


def test_a_whole_number_larger_than_any_float():
    refused(ARRAY, [10**400])


def test_bytes_that_are_no_array():
    def npz(**arrays):
        content = io.BytesIO()
        np.savez(content, **arrays)
        return content.getvalue()

    assert "allow_pickle" in unread(ARRAY, npz(value=np.array([{}], dtype=object)))
    unread(ARRAY, npz(other=np.ones(3)))
    unread(ARRAY, npz(value=np.array([1j])))
    unread(ARRAY, answers.write(ARRAY, np.arange(1000))[:-300])
    unread(ARRAY, np.arange(9).tobytes())
    unread(ARRAY, b"")
    single = io.BytesIO()
    np.save(single, np.ones(3))
    unread(ARRAY, single.getvalue())


def test_a_pickle_is_never_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    content = io.BytesIO()
    np.savez(content, value=np.array([Bomb()], dtype=object))
    unread(ARRAY, content.getvalue())
    unread(ARRAY, np.array([Bomb()], dtype=object).dumps())
    assert not (tmp_path / "exploded").exists()


# --------------------------------------------------------------------------------- tables

FRAME = pd.DataFrame(
    {
        "whole": [1, 2, 3],
        "real": [0.5, np.nan, np.inf],
        "text": ["a", None, "ü"],
        "truth": [True, False, True],
        "small": np.array([1, 2, 3], "int8"),
        "kind": pd.Categorical(["x", "y", "x"]),
        "day": pd.date_range("2026-01-01", periods=3),
    }
)


@pytest.mark.parametrize(
    "table",
    [FRAME, FRAME.iloc[[2, 0]], FRAME.iloc[:0], FRAME.set_index("whole")],
    ids=["columns", "chosen rows", "no rows", "index"],
)
def test_a_table_arrives_unchanged(table):
    plain = TABLE.plain("x", table)
    assert list(plain.columns) == list(table.columns) and plain.index.equals(table.index)
    for column in table:
        assert (plain[column].isna() == table[column].isna()).all()
        there = table[column].notna()
        assert plain[column][there].tolist() == table[column][there].tolist()
    assert all(plain[name].dtype == table[name].dtype for name in ("real", "truth", "small"))
    pd.testing.assert_frame_equal(there_and_back(TABLE, table), plain)


@pytest.mark.parametrize("names", [["text"], ["real"], ["text", "real"]], ids=str)
def test_a_named_index_is_not_lost(names):
    table = pd.DataFrame({"text": ["a", "b"], "real": [0.5, 0.25], "v": [1, 2]})
    read = there_and_back(TABLE, table.set_index(names)).reset_index()
    assert read[[*names, "v"]].to_dict("list") == table[[*names, "v"]].to_dict("list")


def test_what_is_made_a_table():
    series = there_and_back(TABLE, pd.Series([1, 2], name="loss"))
    assert list(series.columns) == ["loss"] and series["loss"].tolist() == [1, 2]
    assert there_and_back(TABLE, {"a": [1, 2], "b": np.ones(2)}).shape == (2, 2)
    assert list(there_and_back(TABLE, pd.DataFrame([[1, 2]])).columns) == ["0", "1"]
    grouped = pd.DataFrame({"g": [1, 1, 2], "v": [1.0, 2, 3]}).groupby("g").agg(["mean", "std"])
    read = there_and_back(TABLE, grouped)
    assert list(read.columns) == ["v mean", "v std"] and read.index.name == "g"


def test_a_table_is_a_copy():
    mine = pd.DataFrame({"a": [1, 2]})
    plain = TABLE.plain("x", mine)
    mine["a"] = 9
    assert plain["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (np.ones((2, 2)), "an ndarray of shape (2, 2)"),
        ([[1, 2]], "a list of length 1"),
        ({"a": 1}, "a dict of length 1 that is no table"),
        ({"a": [1], "b": [1, 2]}, "a dict of length 2 that is no table"),
        ("a,b\n1,2", "a str of length 7"),
        (FRAME.groupby("truth"), "a DataFrameGroupBy"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns of the name 'a'"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "two columns of the name '1'"),
        ({"a": {1, 2}}, "a dict of length 1 that is no table"),
        ([], "a list of length 0"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value[:30],
)
def test_what_is_no_table(value, found):
    refused(TABLE, value, found.replace("an ndarray", "ndarray"))


# A check that passes in the notebook must not fail in grading because nobody can write the answer.
@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"units": [64, (64, 32)]}),
        pd.DataFrame({"units": [64, "many"]}),
        pd.DataFrame({"range": pd.cut([1, 2, 3], 2)}),
        pd.DataFrame({"value": [1j]}),
        pd.DataFrame({"model": [object()]}),
        pd.DataFrame({"value": [1, 2]}, index=["first", 2]),
    ],
    ids=["tuples and numbers", "text and numbers", "intervals", "complex", "objects", "index"],
)
def test_a_table_is_refused_at_once_or_arrives(table):
    try:
        plain = TABLE.plain("my_answer", table)
    except WrongKindError as error:
        assert "`my_answer`" in str(error)
    else:
        assert answers.read(TABLE, "my_answer", answers.write(TABLE, plain)).shape == table.shape


def test_columns_of_other_things_become_text_and_tensors_numbers():
    given = {
        "units": [64, (64, 32)],
        "mixed": [1, "many"],
        "loss": [tf.constant(0.5), keras.Variable(0.25)],
        "missing": [None, 2],
        "history": [{"a": 1}, [2]],
    }
    read = there_and_back(TABLE, pd.DataFrame(given))
    assert read["loss"].tolist() == [0.5, 0.25] and read["missing"].tolist()[1] == 2
    assert read["units"].tolist() == ["64", "(64, 32)"] and read["mixed"].tolist() == ["1", "many"]
    assert read["history"].tolist() == ["{'a': 1}", "[2]"]


def test_a_list_of_dicts_is_a_table():
    read = there_and_back(TABLE, [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
    assert read.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_the_values_of_a_dict_are_an_array():
    assert there_and_back(ARRAY, {"first": 1, "second": 2.5}).tolist() == [1, 2.5]


def test_bytes_that_are_no_table():
    whole = answers.write(TABLE, pd.DataFrame({"a": range(1000)}))
    for content in (b"", b"PAR1", whole[:-20], whole[20:], b"a,b\n1,2\n", b"\x80\x04N."):
        unread(TABLE, content)
    buffer = io.BytesIO()
    pd.DataFrame([[1, 2]], columns=["a", "b"]).to_pickle(buffer)
    unread(TABLE, buffer.getvalue())


# --------------------------------------------------------------------------- numbers and text


@pytest.mark.parametrize(
    "value",
    [
        4,
        4.0,
        np.int8(4),
        np.float32(4),
        np.array(4),
        np.array([[4.0]]),
        [4],
        pd.Series([4]),
        pd.DataFrame([[4]]),
        tf.constant(4),
        tf.Variable(4.0),
        keras.Variable([4.0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_number_in_many_styles(value):
    for number in (NUMBER.plain("x", value), there_and_back(NUMBER, value)):
        assert type(number) is float and number == 4


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-320, -0.0, 2**53 + 2, 1.7976931348623157e308])
def test_a_number_arrives_unchanged(value):
    assert there_and_back(NUMBER, value).hex() == float(value).hex()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (True, "a bool"),
        ("4", "a str of length 1"),
        (b"4", "a bytes"),
        ([1, 2], "a list of length 2; a single number"),
        ([], "a list of length 0"),
        (np.ones((2, 2)), "ndarray of shape (2, 2); a single number"),
        (float("nan"), "is nan; a finite number"),
        (float("-inf"), "is -inf; a finite number"),
        (10**400, "an int"),
        (1 + 2j, "a complex"),
        ({"a": 1}, "a dict of length 1"),
        (len, "a builtin_function_or_method"),
        (pd.NA, "a NAType"),
        (keras.Sequential(), "a Sequential"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value[:30],
)
def test_what_is_no_number(value, found):
    refused(NUMBER, value, found)


@pytest.mark.parametrize(
    "value",
    [
        np.bool_(True),
        ["3.5"],
        np.array("3.5"),
        np.datetime64("2020-01-01"),
        np.timedelta64(5, "s"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_as_an_array_either(value):
    refused(NUMBER, value)


def test_text():
    for text in ("b", "", "ü 学生 \N{GRINNING FACE}", "two\nlines\t\0", "x" * 2000, "\ud800"):
        assert there_and_back(TEXT, text) == text
    assert there_and_back(TEXT, np.str_("b")) == "b"
    assert type(TEXT.plain("x", np.str_("b"))) is str
    refused(TEXT, "x" * 2001, "2001 characters")
    assert Text(longest=3).plain("x", "abc") == "abc"
    for value, found in [(7, "an int"), (b"b", "a bytes"), (["b"], "a list of length 1")]:
        refused(TEXT, value, found, "text in quotes")


@pytest.mark.parametrize("kind", [NUMBER, TEXT, HISTORY], ids=lambda kind: type(kind).__name__)
def test_bytes_that_are_no_json(kind):
    for content in (b"", b"\xff", b"{", b"nothing", b"[" * 100_000, b'{"a":' * 100_000, b"5 6"):
        unread(kind, content)


# Python refuses whole numbers of so many digits, with a ValueError that is no JSONDecodeError.
@pytest.mark.parametrize("kind", [NUMBER, TEXT, HISTORY], ids=lambda kind: type(kind).__name__)
def test_json_of_a_number_with_thousands_of_digits(kind):
    unread(kind, b"1" * 5000)


@pytest.mark.parametrize(
    ("kind", "contents"),
    [
        (NUMBER, [True, "5", None, {}, [1, 2], [], float("nan"), float("inf")]),
        (TEXT, [True, 5, None, {}, ["a"], "x" * 2001]),
        (HISTORY, [True, 5, None, "loss", [], {}, {"loss": []}, {"loss": {"a": 1}}]),
        (HISTORY, [{"loss": ["high"]}, {"loss": [1], "val_loss": [1, 2]}, {"a": [[1], [2, 3]]}]),
    ],
    ids=["Number", "Text", "History", "history of other values"],
)
def test_json_of_another_type(kind, contents):
    for content in contents:
        unread(kind, json.dumps(content).encode())


# ------------------------------------------------------------------------------- histories


@pytest.fixture(scope="module")
def fitted():
    """A functional model that was fitted for two epochs, and what `fit` returned."""
    first = keras.Input((3,))
    hidden = keras.layers.Dense(4, activation="relu", kernel_regularizer="l2")(first)
    hidden = keras.layers.Dropout(0.3)(keras.layers.BatchNormalization()(hidden))
    model = keras.Model(first, keras.layers.Dense(2, activation="softmax")(hidden))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(1).random((20, 3)).astype("float32")
    y = np.eye(2)[(x.sum(axis=1) > 1.5).astype(int)]
    return model, model.fit(x, y, epochs=2, validation_split=0.2, verbose=0)


def test_a_history_in_many_styles(fitted):
    history = fitted[1]
    recorded = history.history
    assert set(recorded) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    arrays = {name: np.array(values, "float64") for name, values in recorded.items()}
    for value in (history, recorded, pd.DataFrame(recorded), arrays):
        for plain in (HISTORY.plain("x", value), there_and_back(HISTORY, value)):
            assert plain == recorded
            assert {type(number) for values in plain.values() for number in values} == {float}


def test_a_history_arrives_unchanged():
    broken = {"loss": [0.1 + 0.2, float("nan"), float("inf")]}
    read = there_and_back(HISTORY, broken)
    assert read["loss"][0] == 0.1 + 0.2 and np.isnan(read["loss"][1]) and np.isinf(read["loss"][2])
    assert there_and_back(HISTORY, {"loss": 0.5}) == {"loss": [0.5]}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([0.3, 0.2], "a list of length 2; what `fit` returns"),
        (0.3, "a float"),
        (pd.Series([1.0]), "a Series of shape (1,)"),
        ({}, "is empty: no epoch"),
        ({"loss": []}, "is empty: no epoch"),
        (keras.callbacks.History(), "is empty: no epoch was recorded. Did `fit` run?"),
        ({"loss": [1.0], "val_loss": [1.0, 2.0]}, "different numbers of epochs"),
        ({"loss": ["high"]}, "does not hold numbers for each epoch"),
        ({"loss": [[1, 2], [3]]}, "does not hold numbers for each epoch"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value[:30],
)
def test_what_is_no_history(value, found):
    refused(HISTORY, value, found)


def test_a_model_is_no_history(fitted):
    refused(HISTORY, fitted[0], "a Functional; what `fit` returns")


# --------------------------------------------------------------------------------- models


def sequential(*layers, **options):
    model = keras.Sequential([keras.Input((3,)), *(layers or [keras.layers.Dense(2)])])
    if options:
        model.compile(**options)
    return model


def same_model(read, model):
    assert type(read) is type(model)
    for ours, theirs in zip(read.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    x = np.random.default_rng(2).random((5, 3)).astype("float32")
    assert np.array_equal(np.asarray(read(x)), np.asarray(model(x)))


def test_a_functional_model_arrives_unchanged(fitted):
    model = fitted[0]
    assert MODEL.plain("x", model) is model
    read = there_and_back(MODEL, model)
    same_model(read, model)
    assert read.compiled and read.loss == "categorical_crossentropy"
    assert type(read.optimizer) is keras.optimizers.Adam
    assert [layer.name for layer in read.layers] == [layer.name for layer in model.layers]
    assert read.layers[1].kernel_regularizer is not None and len(read.losses) == 1


def test_layers_in_layers_and_operations_arrive_unchanged():
    first = keras.Input((3,))
    rows = keras.layers.Reshape((3, 1))(keras.ops.sin(first) + first)
    cells = keras.layers.StackedRNNCells([keras.layers.LSTMCell(2), keras.layers.GRUCell(2)])
    rows = keras.layers.Bidirectional(keras.layers.LSTM(2, return_sequences=True))(rows)
    rows = keras.layers.TimeDistributed(keras.layers.Dense(2, "relu"))(rows)
    rows = keras.layers.MultiHeadAttention(1, 2)(rows, rows)
    model = keras.Model(first, keras.layers.RNN(cells)(rows))
    same_model(there_and_back(MODEL, model), model)


def test_what_a_functional_model_is_costs_no_names():
    keras.backend.clear_session()
    kinds._model_classes.cache_clear()
    kinds._model_classes()
    first = keras.Input((3,))
    later = keras.Model(first, keras.layers.Dense(2)(first))
    assert type(later) in kinds._model_classes()
    assert [later.name, *(layer.name for layer in later.layers)] == [
        "functional",
        "input_layer",
        "dense",
    ]


def test_sequential_models_arrive_unchanged():
    plain = sequential()
    read = there_and_back(MODEL, plain)
    same_model(read, plain)
    assert not read.compiled
    nested = sequential(sequential(), keras.layers.Dense(1, activation="sigmoid"))
    same_model(there_and_back(MODEL, nested), nested)
    late = keras.Sequential([keras.layers.Dense(2)])
    late.build((None, 3))
    same_model(there_and_back(MODEL, late), late)


# Keras warns that the optimiser has no variables yet, which is an error here and under
# PYTHONWARNINGS=error.
def test_a_model_that_is_compiled_and_not_fitted_arrives_unchanged():
    model = sequential(optimizer="adam", loss=keras.losses.BinaryCrossentropy())
    read = there_and_back(MODEL, model)
    same_model(read, model)
    assert isinstance(read.loss, keras.losses.BinaryCrossentropy)


class Own(keras.Model):
    """A network of a learner's own class, which works in one of several ways."""

    def __init__(self, by: str = "layers"):
        super().__init__()
        self.by = by
        self.inner, self.out = keras.layers.Dense(4, "relu"), keras.layers.Dense(2, "softmax")
        self.drop, self.twice = keras.layers.Dropout(0.5), Twice()
        self.build((None, 3))

    def build(self, shape):
        self.inner.build(shape)
        self.out.build((None, 4))
        self.built = True

    def call(self, inputs, training=False):
        if self.by == "numpy":
            inputs = np.asarray(inputs)
        if self.by == "own layer":
            inputs = self.twice(inputs)
        if self.by == "unused":
            return keras.ops.softmax(self.inner(inputs))
        return self.out(self.drop(self.inner(inputs), training=training))


class OwnSequential(keras.Sequential):
    pass


class Twice(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


class Pretender(keras.layers.Dense):
    """A layer that says it is one of Keras's."""


Pretender.__module__ = "keras.src.layers.core.dense"


class Cell(keras.layers.LSTMCell):
    """A layer inside a layer of Keras's, which no model lists among its own."""


@pytest.mark.parametrize("compiled", [True, False])
def test_a_model_of_a_class_of_ones_own_arrives_as_a_functional_one(compiled):
    model, x, y = (
        Own(),
        np.random.default_rng(1).random((20, 3)).astype("float32"),
        np.arange(20) % 2,
    )
    if compiled:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=2, batch_size=5, verbose=0)
    plain = MODEL.plain("x", model)
    assert [type(layer).__name__ for layer in plain.layers] == [
        "InputLayer", "Dense", "Dropout", "Dense"
    ]  # fmt: skip
    for read in (plain, there_and_back(MODEL, model)):
        assert np.allclose(read(x), model(x), atol=1e-6) and read.compiled == compiled
        if compiled:
            assert read.loss == model.loss and int(read.optimizer.iterations) == 8


def test_a_sequential_model_of_ones_own_class_arrives():
    model = OwnSequential([keras.Input((3,)), keras.layers.Dense(2)])
    x = np.ones((2, 3), "float32")
    assert np.allclose(there_and_back(MODEL, model)(x), model(x))


def of_steps(layer):
    return keras.Sequential([keras.Input((4, 3)), layer])


def by_lambda():
    return keras.layers.Lambda(keras.activations.relu)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: 5, "an int"),
        (lambda: keras.Sequential, "a type"),
        (lambda: lambda x: x, "a function"),
        (lambda: keras.layers.Dense(2), "a Dense"),
        (lambda: sequential().get_weights(), "a list of length 2"),
        (lambda: Own(by="numpy"), "its layers cannot be read from its `call`"),
        (lambda: Own(by="unused"), "which its `call` uses 16"),
        (lambda: Own(by="own layer"), "of the class Twice"),
        (lambda: keras.Sequential([keras.layers.Dense(2)]), "no weights yet"),
        (lambda: sequential(Twice(name="mine")), "a layer 'mine' of the class Twice"),
        (lambda: sequential(sequential(Twice(name="inner"))), "a layer 'inner' of the class Twice"),
        (lambda: sequential(keras.layers.Lambda(np.sin)), "of the class Lambda"),
        (lambda: sequential(Pretender(2, name="mine")), "a layer 'mine' of the class Pretender"),
        (lambda: of_steps(keras.layers.TimeDistributed(Twice())), "uses Twice"),
        (lambda: of_steps(keras.layers.RNN(Cell(2))), "uses Cell"),
        (lambda: of_steps(keras.layers.TimeDistributed(by_lambda())), "uses Lambda"),
        (
            lambda: of_steps(keras.layers.TimeDistributed(keras.layers.Lambda(np.sin))),
            "something else that Keras cannot save",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_model(make, found):
    refused(MODEL, make(), found)


ONES = np.ones((3, 2), "float32")


def own_function(*values):
    return 2 * values[-1]


# A check that passes in the notebook must not fail in grading because Keras cannot load the answer.
@pytest.mark.parametrize(
    "make",
    [
        lambda: sequential(optimizer="sgd", loss=own_function),
        lambda: sequential(optimizer="sgd", loss="mse", metrics=[own_function]),
        lambda: sequential(keras.layers.Dense(2, activation=own_function)),
        lambda: sequential(keras.layers.Dense(2, activation=lambda x: x**2)),
        lambda: sequential(keras.layers.Dense(2, kernel_initializer=lambda *a, **k: ONES)),
    ],
    ids=["loss", "metric", "activation", "lambda", "initialiser"],
)
@pytest.mark.filterwarnings("ignore")
def test_a_model_with_code_is_refused_at_once_or_arrives(make):
    try:
        plain = MODEL.plain("my_answer", make())
    except WrongKindError as error:
        assert "`my_answer`" in str(error)
    else:
        same_model(answers.read(MODEL, "my_answer", answers.write(MODEL, plain)), plain)


def saved(model) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return answers.write(MODEL, model)


def changed(content: bytes, config) -> bytes:
    """A model's file with another config.json."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            if name == "config.json":
                target.writestr(name, json.dumps(config))
            else:
                target.writestr(name, source.read(name))
    return made.getvalue()


def test_bytes_with_code_are_no_model(tmp_path):
    # A Lambda layer carries the bytecode of its function.
    mine = sequential(keras.layers.Lambda(lambda x: x))
    unread(MODEL, saved(mine))
    unread(MODEL, saved(sequential(Twice())))
    unread(MODEL, saved(sequential(Pretender(2))))
    unread(MODEL, saved(of_steps(keras.layers.TimeDistributed(Twice()))))
    # Keras loads this Lambda, whose function is one of its own.
    assert "uses Lambda" in unread(
        MODEL, saved(of_steps(keras.layers.TimeDistributed(by_lambda())))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine.save(tmp_path / "old.h5")
    unread(MODEL, (tmp_path / "old.h5").read_bytes())


@pytest.mark.parametrize(
    "config",
    [
        {"module": "os", "class_name": "system", "config": {"command": "touch exploded"}},
        {"module": "builtins", "class_name": "function", "config": "os.system"},
        {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}},
        "a model",
        [],
        None,
    ],
    ids=str,
)
def test_a_config_that_is_no_model(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if isinstance(config, dict):
        config["registered_name"] = None
    unread(MODEL, changed(saved(sequential()), config))
    assert not list(tmp_path.glob("exploded"))


def test_damaged_bytes_are_no_model():
    whole = saved(sequential())
    for content in (
        b"",
        b"model",
        whole[:-50],
        whole[: len(whole) // 2],
        answers.write(ARRAY, np.ones(3)),
    ):
        unread(MODEL, content)


def test_what_is_said_of_damaged_bytes_is_always_the_same():
    assert unread(MODEL, b"damaged") == unread(MODEL, b"damaged")


def test_nothing_is_left_of_reading_a_model(monkeypatch, tmp_path):
    monkeypatch.setattr(answers.tempfile, "tempdir", str(tmp_path))
    unread(MODEL, b"damaged")
    answers.read(MODEL, "x", saved(sequential()))
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------ answers that lie about themselves


def test_an_array_that_lies():
    class Liar(np.ndarray):
        def __eq__(self, other):
            return True

        def __array__(self, *arguments, **options):
            return np.array([1, 2, 3])

        def all(self):
            return True

    plain = ARRAY.plain("x", np.zeros(3).view(Liar))
    assert type(plain) is np.ndarray and plain.tolist() == [0, 0, 0]
    assert there_and_back(ARRAY, np.zeros(3).view(Liar)).tolist() == [0, 0, 0]


def test_an_object_that_says_yes_to_everything():
    class Yes:
        shape = (4,)
        history = property(lambda self: self)

        def __eq__(self, other):
            return True

        def __getattr__(self, name):
            return self

        def __call__(self, *arguments, **options):
            return self

    for kind in (ARRAY, TABLE, NUMBER, TEXT, HISTORY, MODEL):
        refused(kind, Yes())


def test_a_table_that_lies():
    class Liar(pd.DataFrame):
        def __eq__(self, other):
            return True

        def copy(self, *arguments, **options):
            return self

        columns = property(lambda self: ["right"])

    plain = TABLE.plain("x", Liar({"a": [1, 2]}))
    assert type(plain) is pd.DataFrame and list(plain.columns) == ["a"]


def test_numbers_and_text_that_lie():
    class Float(float):
        def __eq__(self, other):
            return True

        def __float__(self):
            return 5.0

    class String(str):
        def __eq__(self, other):
            return True

        __hash__ = str.__hash__

    number, text = NUMBER.plain("x", Float(3)), TEXT.plain("x", String("a"))
    assert type(number) is float and number == there_and_back(NUMBER, Float(3))
    assert type(text) is str and text == "a" and text != "b"


def test_text_that_lies_about_its_text():
    class String(str):
        def __eq__(self, other):
            return True

        __hash__ = str.__hash__

        def __str__(self):
            return self

    assert type(TEXT.plain("x", String("a"))) is str


def test_a_history_that_lies():
    class Liar(dict):
        def __eq__(self, other):
            return True

        def __getitem__(self, name):
            return [0.0]

    plain = HISTORY.plain("x", Liar(loss=[0.5]))
    assert type(plain) is dict and plain["loss"] == [0.5]


def test_an_object_that_says_it_is_a_model():
    class Liar:
        __class__ = keras.Sequential
        built = True
        compiled = False
        layers = ()

        def get_config(self):
            return {}

        from_config = get_config

    refused(MODEL, Liar())


def test_what_a_value_is_in_a_few_words():
    for value, words in [
        (np.ones((2, 3)), "ndarray of shape (2, 3)"),
        ([1], "a list of length 1"),
        ((), "a tuple of length 0"),
        (1, "an int"),
        (None, "a NoneType"),
    ]:
        assert re.fullmatch(rf"(a |an )?{re.escape(words)}", kinds.describe(value))
