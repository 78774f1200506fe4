"""Grids of runs."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from coursekit import plotting

LOSS = "best validation loss"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def table() -> pd.DataFrame:
    """Six runs, in an order that is not the grid's."""
    return pd.DataFrame(
        {
            "id": list("abcdef"),
            "layers": [2, 1, 1, 2, 1, 2],
            "units": [128, 1024, 128, 1024, 512, 512],
            LOSS: [0.0666, 0.0593, 0.0707, 0.0611, 0.06, 0.065],
        }
    )


def texts(figure) -> dict[tuple[int, int], str]:
    return {text.get_position(): text.get_text() for text in figure.axes[0].texts[:-1]}


def outlined(figure) -> tuple[int, int]:
    """Return the column and row of the outlined cell."""
    (patch,) = figure.axes[0].patches
    return round(patch.get_x() + patch.get_width() / 2), round(
        patch.get_y() + patch.get_height() / 2
    )


def test_values_stand_where_they_belong(table):
    figure = plotting.plot_grid(table, title="Wider is better")
    (axis,) = figure.axes
    assert texts(figure) == {
        (0, 0): "0.0707",
        (1, 0): "0.0600",
        (2, 0): "0.0593",
        (0, 1): "0.0666",
        (1, 1): "0.0650",
        (2, 1): "0.0611",
    }
    assert [label.get_text() for label in axis.get_xticklabels()] == ["128", "512", "1024"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["1", "2"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("units", "layers")
    assert axis.texts[-1].get_text() == f"{LOSS}: the darker, the better"
    assert axis.get_title(loc="left") or axis.get_title() == "Wider is better"
    assert outlined(figure) == (2, 0)
    colours = axis.images[0].get_array()[..., 0]
    assert colours.argmin() == 2 and colours.argmax() == 0  # best darkest, worst lightest


def test_of_an_accuracy_the_largest_is_best(table):
    table["val_accuracy"] = 1 - table[LOSS]
    figure = plotting.plot_grid(
        table, rows="units", columns="layers", values="val_accuracy", digits=2
    )
    assert outlined(figure) == (0, 2)
    assert texts(figure)[0, 2] == "0.94"
    assert figure.axes[0].images[0].get_array()[2, 0, 0] < 0.3
    assert figure.axes[0].get_xlabel() == "layers"


def test_text_can_be_read_on_its_cell(table):
    figure = plotting.plot_grid(table)
    cells = figure.axes[0].images[0].get_array()
    for text in figure.axes[0].texts[:-1]:
        column, row = text.get_position()
        assert abs(cells[row, column, 0] - to_rgb(text.get_color())[0]) > 0.45


def test_runs_without_a_value_have_a_dash(table):
    table.loc[1, LOSS] = np.nan  # the best one has failed
    table = table.drop(index=3)  # and one never ran
    figure = plotting.plot_grid(table)
    assert texts(figure)[2, 0] == texts(figure)[2, 1] == "–"
    assert outlined(figure) == (1, 0)
    assert (figure.axes[0].images[0].get_array()[0, 2] == 1).all()


def test_equal_values_can_be_drawn(table):
    table[LOSS] = 0.5
    assert set(texts(plotting.plot_grid(table)).values()) == {"0.5000"}


def test_values_fit_in_narrow_cells():
    plotting.use_style()
    wide = pd.DataFrame({"layers": 1, "units": range(12), LOSS: np.linspace(0.1, 0.2, 12)})
    figure = plotting.plot_grid(wide)
    figure.canvas.draw()
    (axis,) = figure.axes
    cell = axis.get_window_extent().width / 12
    assert max(text.get_window_extent().width for text in axis.texts[:-1]) < cell


@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [
        (lambda t: t, {"values": "loss"}, KeyError, "values is 'loss', which the table lacks.*id"),
        (lambda t: t, {"rows": "depth"}, KeyError, "rows is 'depth'"),
        (lambda t: t, {"columns": "width"}, KeyError, "columns is 'width'"),
        (lambda t: t.iloc[:0], {}, ValueError, "the table has no rows"),
        (lambda t: t.assign(units=128), {}, ValueError, "layers 1, units 128 stands .* more than"),
        (lambda t: t.assign(**{LOSS: np.nan}), {}, ValueError, "no finite value"),
    ],
)
def test_what_is_no_grid_is_refused(table, change, options, error, words):
    with pytest.raises(error, match=words):
        plotting.plot_grid(change(table), **options)


@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [
        (lambda t: t.to_dict(), {}, TypeError, "table is .*must be a pandas DataFrame"),
        (lambda t: t, {"digits": -1}, ValueError, "digits is -1"),
        (lambda t: t, {"digits": 2.0}, TypeError, "digits is 2.0"),
        (lambda t: t, {"rows": ["layers"]}, KeyError, r"rows is \['layers'\]"),
        (lambda t: t, {"rows": "units"}, ValueError, "three different columns"),
        (lambda t: t.assign(**{LOSS: "low"}), {}, TypeError, f"{LOSS} hold.*give numbers"),
        (lambda t: t.assign(units=[1, 2, 3, 4, 5, None]), {}, ValueError, "units is missing in 1"),
        (lambda t: t.assign(units=[1, "a", 3, 4, 5, 6]), {}, ValueError, "holds text and numbers"),
        (lambda t: t.assign(units=[[1]] * 6), {}, ValueError, "cannot be told apart"),
        (lambda t: pd.concat([t, t["units"]], axis=1), {}, ValueError, "2 columns are called"),
    ],
)
def test_tables_of_another_kind(table, change, options, error, words):
    with pytest.raises(error, match=words):
        plotting.plot_grid(change(table), **options)
    assert plt.get_fignums() == []


def test_large_and_nullable_values_and_names_as_they_are(table):
    plotting.use_style()
    table[LOSS] = pd.array([1e300, -1e300, 12345.67891, 1e308, -1e308, None], dtype="Float64")
    table = table.rename(columns={"units": "$units$"})
    figure = plotting.plot_grid(table, columns="$units$")
    figure.canvas.draw()
    (axis,) = figure.axes
    assert sorted(texts(figure).values()) == sorted(
        ["1.000e+300", "-1.000e+300", "12345.6789", "1.000e+308", "-1.000e+308", "–"]
    )
    cell = axis.get_window_extent().width / 3
    assert max(text.get_window_extent().width for text in axis.texts[:-1]) < cell
    assert axis.get_xlabel() == "$units$" and not axis.xaxis.label.get_parse_math()
