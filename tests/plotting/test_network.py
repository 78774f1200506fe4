"""Networks and comparisons, drawn from real models."""

from __future__ import annotations

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

from coursekit import datasets, models, plotting
from coursekit.plotting import COLOURS

FLOWER = datasets.load_iris().iloc[0, :4].astype(float).to_numpy()


def iris(units: int = 10) -> keras.Sequential:
    hidden = keras.layers.Dense(units, "relu", name="hidden_1")
    output = keras.layers.Dense(3, "softmax", name="output")
    return keras.Sequential([keras.Input((4,)), hidden, output])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def nodes(figure) -> list:
    return [line for line in figure.axes[0].lines if line.get_marker() == "o"]


def edges(figure) -> list:
    return [line for line in figure.axes[0].lines if line.get_marker() != "o"]


def test_nodes_edges_and_names():
    model = iris(units=5)
    figure = plotting.plot_network(
        model,
        FLOWER,
        inputs=["sepal length", "sepal width", "petal length", "petal width"],
        outputs=["setosa", "versicolor", "virginica"],
        title="One flower",
    )
    assert len(nodes(figure)) == 4 + 5 + 3
    assert len(edges(figure)) == 4 * 5 + 5 * 3
    assert {"sepal length", "virginica", "hidden_1\nrelu", "output\nsoftmax"} <= set(texts(figure))
    assert figure.axes[0].get_title(loc="left") or figure.axes[0].get_title() == "One flower"


def test_values_are_those_of_the_model():
    model = iris(units=5)
    shown = texts(plotting.plot_network(model, FLOWER))
    hidden = np.asarray(model.layers[0](FLOWER[None].astype("float32")))[0]
    output = np.asarray(model(FLOWER[None].astype("float32")))[0]
    for value in [*FLOWER, *hidden, *output]:  # none of them is negative or above 10
        assert f"{value:.2f}" in shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7, "0.70"),
        (-0.7, "−0.7"),
        (-0.01, "0.0"),
        (10.835, "10.8"),
        (-12.3, "−12"),
        (250.2, "250"),
    ],
)
def test_numbers_stay_inside_their_nodes(value, text):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    assert text in texts(plotting.plot_network(model, [value]))


def test_width_and_colour_follow_the_weights():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="only")])
    model.layers[0].set_weights([np.array([[2.0], [-0.5]]), np.zeros(1)])
    large, small = edges(plotting.plot_network(model))
    assert large.get_color() == COLOURS["positive"] and small.get_color() == COLOURS["negative"]
    assert large.get_linestyle() == "-" and small.get_linestyle() == "--"
    assert large.get_linewidth() > 2 * small.get_linewidth()


def test_wide_layers_are_cut_short():
    figure = plotting.plot_network(models.threshold_network(), most_nodes=7)
    assert len(nodes(figure)) == 3 + 6 + 6 + 2
    assert texts(figure).count("⋮") == 2


def test_dropout_is_left_out():
    hidden, output = iris().layers
    layers = [keras.Input((4,)), hidden, keras.layers.Dropout(0.3), output]
    with_dropout = plotting.plot_network(keras.Sequential(layers))
    assert len(nodes(with_dropout)) == 4 + 10 + 3
    assert not any("dropout" in text for text in texts(with_dropout))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"observation": [1, 2, 3]}, ValueError, "3 numbers; the model has 4 inputs"),
        ({"inputs": ["a"]}, ValueError, "inputs has 1 names; the model has 4"),
        ({"outputs": ["a", "b"]}, ValueError, "outputs has 2 names; the model has 3"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        plotting.plot_network(iris(), **options)


def test_other_layers_are_refused():
    with pytest.raises(TypeError, match=r"dense layers only; convolution"):
        plotting.plot_network(models.walking_first_cnn())


def test_comparison():
    histories = {"plain": {"val_loss": [1, 0.5]}, "dropout": {"val_loss": [1, 0.4, 0.3]}}
    figure = plotting.plot_comparison(histories, title="Dropout wins")
    plain, dropout = figure.axes[0].lines
    assert (plain.get_label(), dropout.get_label()) == ("plain", "dropout")
    assert plain.get_linestyle() != dropout.get_linestyle()
    assert dropout.get_xdata().tolist() == [1, 2, 3]
    assert figure.axes[0].get_ylabel() == "validation loss"
    with pytest.raises(KeyError, match="plain did not record val_mae"):
        plotting.plot_comparison(histories, metric="val_mae")


# ------------------------------------------------------------------ what other libraries let by


def weighted(value: float) -> keras.Sequential:
    model = iris()
    model.layers[0].set_weights([np.full((4, 10), value), np.zeros(10)])
    return model


@pytest.mark.parametrize(
    ("model", "options", "error", "words"),
    [
        ("iris", {}, TypeError, "model is 'iris'; it must be a Keras model"),
        (keras.Sequential([keras.Input((4,))]), {}, ValueError, "is not built, or has no layer"),
        (keras.Sequential([keras.layers.Dense(3)]), {}, ValueError, "is not built, or has no"),
        (weighted(np.nan), {}, ValueError, "hidden_1 has weights that are not finite"),
        (iris(), {"inputs": "abcd"}, TypeError, "inputs is 'abcd'"),
        (iris(), {"outputs": 3}, TypeError, "outputs is 3"),
        (iris(), {"most_nodes": 2}, ValueError, "most_nodes is 2.*at least 3"),
        (iris(), {"most_nodes": 5.0}, TypeError, "most_nodes is 5.0"),
        (iris(), {"observation": "abcd"}, TypeError, "observation holds <U4"),
        (iris(), {"observation": [[1, 2], [3, 4]]}, ValueError, r"shape \(2, 2\)"),
        (iris(), {"observation": [1, 2, 3, np.nan]}, ValueError, "must be finite"),
        (weighted(1e38), {"observation": [1e5] * 4}, ValueError, "makes hidden_1 give values"),
    ],
)
def test_what_cannot_be_drawn_is_named_and_leaves_no_figure(model, options, error, words):
    with pytest.raises(error, match=words):
        plotting.plot_network(model, **options)
    assert plt.get_fignums() == []


def test_an_activation_may_be_a_layer():
    layer = keras.layers.Dense(2, activation=keras.layers.LeakyReLU(), name="only")
    shown = texts(plotting.plot_network(keras.Sequential([keras.Input((2,)), layer])))
    assert "only\nLeakyReLU" in shown


@pytest.mark.parametrize(
    ("histories", "error", "words"),
    [
        ({}, ValueError, "histories is empty"),
        ([{"val_loss": [1]}], TypeError, "histories is .*must be a mapping"),
        ({"a": None}, TypeError, "the history of a is None"),
        ({"a": {"val_loss": "x"}}, TypeError, "val_loss holds <U1|val_loss hold"),
    ],
)
def test_what_cannot_be_compared(histories, error, words):
    with pytest.raises(error, match=words):
        plotting.plot_comparison(histories)
    assert plt.get_fignums() == []


def test_names_are_written_as_they_are():
    histories = {"_a": {"val_loss": [1, 0.5]}, "$b$": {"val_loss": [1, 0.4]}, 3: {"val_loss": [1]}}
    figure = plotting.plot_comparison(histories, title="$5 or $6")
    shown = figure.axes[0].get_legend().get_texts()
    assert [text.get_text() for text in shown] == ["_a", "$b$", "3"]
    assert not any(text.get_parse_math() for text in shown)
    figure = plotting.plot_network(iris(), inputs=["$a$", "b", "c", "d"])
    (name,) = [text for text in figure.axes[0].texts if text.get_text() == "$a$"]
    assert not name.get_parse_math()
