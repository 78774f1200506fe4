"""Training curves, from whatever holds them."""

from __future__ import annotations

import keras
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from coursekit import plotting

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


def test_style_is_readable():
    with mpl.rc_context():
        plotting.use_style()
        assert mpl.rcParams["font.size"] >= 12
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"][0] == plotting.COLOURS["train"]
