"""Training curves, from whatever holds them."""

from __future__ import annotations

import keras
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from coursekit import models, plotting, training

RECORDED = {
    "accuracy": [0.6, 0.8, 0.9],
    "loss": [0.7, 0.4, 0.2],
    "val_accuracy": [0.5, 0.7, 0.8],
    "val_loss": [0.8, 0.5, 0.3],
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def history() -> keras.callbacks.History:
    kept = keras.callbacks.History()
    kept.history = RECORDED
    return kept


@pytest.mark.parametrize("form", [RECORDED, pd.DataFrame(RECORDED), history()], ids=type)
def test_same_curves_from_every_form(form):
    figure = plotting.plot_history(form, title="It learns")
    accuracy, loss = figure.axes
    assert [axis.get_ylabel() for axis in figure.axes] == ["accuracy", "loss"]
    assert loss.get_xlabel() == "epoch" and accuracy.get_xlabel() == ""
    train, validation = loss.lines
    assert train.get_xdata().tolist() == [1, 2, 3]  # epochs count from 1
    assert train.get_ydata().tolist() == RECORDED["loss"]
    assert validation.get_ydata().tolist() == RECORDED["val_loss"]
    assert train.get_color() == plotting.COLOURS["train"]
    assert validation.get_color() == plotting.COLOURS["validation"]
    assert (train.get_linestyle(), validation.get_linestyle()) == ("-", "--")  # differ in grey
    assert figure.get_suptitle() == "It learns"


def test_chosen_metrics_in_chosen_order():
    figure = plotting.plot_history(RECORDED, metrics=["loss", "accuracy"])
    assert [axis.get_ylabel() for axis in figure.axes] == ["loss", "accuracy"]
    assert len(plotting.plot_history(RECORDED, metrics=["loss"]).axes) == 1


def test_without_validation():
    figure = plotting.plot_history({"loss": [0.3, 0.2], "mae": [2, 1]})
    assert [len(axis.lines) for axis in figure.axes] == [1, 1]
    assert figure.axes[1].get_ylabel() == "mean absolute error"


def test_a_single_epoch_is_visible():
    (line,) = plotting.plot_history({"loss": [0.3]}).axes[0].lines
    assert line.get_marker() == "o"


def test_metric_that_was_not_recorded():
    with pytest.raises(KeyError, match="auc was not recorded; this history has accuracy, loss"):
        plotting.plot_history(RECORDED, metrics=["auc"])


@pytest.mark.parametrize("empty", [{}, {"loss": []}])
def test_empty_history(empty):
    with pytest.raises(ValueError, match="fitted for at least one epoch"):
        plotting.plot_history(empty)


def luminance(colour: str) -> float:
    channels = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("name", ["train", "validation", "test", "neutral"])
def test_curves_stand_out_from_white(name):
    """WCAG asks for a contrast of 3 for the lines of a figure."""
    assert 1.05 / (luminance(plotting.COLOURS[name]) + 0.05) >= 3


def test_compared_curves_stand_out_from_white():
    figure = plotting.plot_comparison(
        {str(n): {"loss": [3, 2, 1]} for n in range(6)}, metric="loss"
    )
    for line in figure.axes[0].get_lines():
        assert 1.05 / (luminance(line.get_color()) + 0.05) >= 3


def test_style_is_readable():
    with mpl.rc_context():
        plotting.use_style()
        assert mpl.rcParams["font.size"] >= 12
        cycle = ("train", "validation", "test", "class_0", "class_1")
        colours = [plotting.COLOURS[name] for name in cycle]
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == colours


# ------------------------------------------------------------------ which epochs, which parts


def drawn(figure) -> list[tuple]:
    return [
        (line.get_label(), line.get_color(), line.get_xdata().tolist())
        for line in figure.axes[0].get_lines()
    ]


BLUE, ORANGE = plotting.COLOURS["train"], plotting.COLOURS["validation"]


def fitted(**options) -> keras.callbacks.History:
    model = models.iris_linear_softmax()
    model.compile("adam", "categorical_crossentropy")
    return model.fit(np.zeros((20, 4)), np.eye(3)[[0] * 20], verbose=0, **options)


def test_validation_after_every_second_epoch_is_not_guessed():
    kept = fitted(epochs=4, validation_split=0.2, validation_freq=2)
    for draw in (plotting.plot_history, lambda history: plotting.plot_comparison({"a": history})):
        with pytest.raises(ValueError, match="val_loss has 2 values and there are 4 epochs"):
            draw(kept)


def test_continued_training_goes_on_counting():
    kept = fitted(epochs=6, initial_epoch=4)
    assert drawn(plotting.plot_history(kept)) == [("training", BLUE, [5, 6])]
    (line,) = plotting.plot_comparison({"a": kept}, metric="loss").axes[0].get_lines()
    assert line.get_xdata().tolist() == [5, 6]
    kept = fitted(epochs=6, initial_epoch=4, validation_split=0.2)
    assert drawn(plotting.plot_history(kept))[1] == ("validation", ORANGE, [5, 6])


@pytest.mark.parametrize("form", [{"val_loss": [4, 3]}, {"loss": [3, 2], "val_loss": [4, 3]}])
def test_validation_alone_is_called_validation(form):
    figure = plotting.plot_history(form, metrics=["val_loss"])
    assert drawn(figure) == [("validation", ORANGE, [1, 2])]
    (text,) = figure.axes[0].get_legend().get_texts()
    assert text.get_text() == "validation" and figure.axes[0].get_ylabel() == "loss"
    if len(form) == 1:
        assert drawn(plotting.plot_history(form)) == [("validation", ORANGE, [1, 2])]


def test_what_train_model_gives_and_epochs_without_a_value():
    table = pd.DataFrame({"loss": [3.0, 2, 1, np.nan], "val_loss": [np.nan, 4, np.nan, 3]})
    expected = [("training", BLUE, [1, 2, 3]), ("validation", ORANGE, [2, 4])]
    assert drawn(plotting.plot_history(table)) == expected
    assert drawn(plotting.plot_history(table.astype("Float64"))) == expected
    trained = training.Trained(models.iris_linear_softmax(), table, 1.0)
    assert drawn(plotting.plot_history(trained)) == expected


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        (RECORDED, {"metrics": "loss"}, TypeError, "metrics is 'loss'; it must be a sequence"),
        (RECORDED, {"metrics": []}, ValueError, "metrics is empty; this history has accuracy"),
        (RECORDED, {"metrics": 5}, TypeError, "metrics is 5"),
        (None, {}, TypeError, "history is None; it must be a mapping"),
        ([1, 2], {}, TypeError, r"history is \[1, 2\]"),
        ({"loss": 0.3}, {}, TypeError, r"loss has shape \(\)"),
        ({"loss": ["a"]}, {}, TypeError, "loss hold"),
        ({"loss": [[1], [1, 2]]}, {}, ValueError, "loss is .*same length"),
        ({"loss": [1, 2, 3], "mae": [1, 2]}, {}, ValueError, "mae has 2 values and there are 3"),
        # After epoch 3, 4 or 5?
        ({"loss": [1] * 5, "val_loss": [1]}, {}, ValueError, "val_loss has 1 values .* 5 epochs"),
    ],
)
def test_what_is_no_history_is_refused_and_leaves_no_figure(given, options, error, words):
    with pytest.raises(error, match=words):
        plotting.plot_history(given, **options)
    assert plt.get_fignums() == []
