"""Paths over a loss surface."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from coursekit import plotting
from coursekit.plotting import COLOURS

RANGES = {"x_range": (-5, 5), "y_range": (-2, 2)}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def bowl(a, b):
    return a**2 + 10 * b**2


def walk(x: float, y: float, steps: int = 20) -> np.ndarray:
    """Go straight from (-4, 1) to (x, y)."""
    return np.linspace([-4.0, 1.0], [x, y], steps + 1)


def named(axis) -> dict:
    """Return the lines that belong to a path, by its name."""
    return {line.get_label(): line for line in axis.lines if line.get_label()[0] != "_"}


def test_paths_starts_and_ends():
    paths = {"SGD": walk(0, 0), "Adam": walk(3, -1, steps=7)}
    figure = plotting.plot_loss_paths(bowl, paths, **RANGES, minimum=(0, 0), title="Two ways")
    (axis,) = figure.axes
    for name, line in named(axis).items():
        assert np.array_equal(line.get_xydata(), paths[name])
    points = [tuple(line.get_xydata()[0]) for line in axis.lines if len(line.get_xdata()) == 1]
    assert points.count((-4, 1)) == 2  # a ring for each start
    assert points.count((3, -1)) == 1 and points.count((0, 0)) == 2  # an end and the star
    assert axis.get_xlim() == (-5, 5) and axis.get_ylim() == (-2, 2)
    assert axis.get_title(loc="left") or axis.get_title() == "Two ways"
    assert axis.get_xlabel() and axis.get_ylabel()
    assert [text.get_text() for text in axis.texts].count("start") == 1


def test_every_path_can_be_told_apart_and_means_no_part_of_the_data():
    paths = {f"optimiser {number}": walk(number / 2, 0) for number in range(8)}
    lines = named(plotting.plot_loss_paths(bowl, paths, **RANGES).axes[0]).values()
    colours = {line.get_color() for line in lines}
    assert len(colours) == 8 and len({line.get_marker() for line in lines}) == 8
    assert not colours & {COLOURS[part] for part in ("train", "validation", "test")}
    assert len({str(line.get_linestyle()) for line in lines}) >= 4


def test_contours_are_spaced_logarithmically_and_grey():
    axis = plotting.plot_loss_paths(lambda a, b: bowl(a, b) - 7, {"SGD": walk(0, 0)}, **RANGES)
    filled, lines = axis.axes[0].collections
    steps = np.diff(np.log(filled.levels[1:]))
    assert np.allclose(steps, steps[0])
    assert filled.levels[-1] == pytest.approx(25 + 40)  # heights above the lowest point
    faces = filled.get_facecolor()
    assert np.ptp(faces[:, :3], axis=1).max() < 0.01
    assert (np.diff(faces[:, 0]) <= 0).all() and faces[:, 0].min() > 0.7  # quiet


def test_names_at_the_ends_where_there_is_room():
    plotting.use_style()
    figure = plotting.plot_loss_paths(bowl, {"SGD": walk(2, 1.5), "Adam": walk(2, -1.5)}, **RANGES)
    figure.canvas.draw()
    (axis,) = figure.axes
    assert not figure.legends
    texts = {text.get_text(): text.get_window_extent() for text in axis.texts}
    assert set(texts) == {"start", "SGD", "Adam"}
    assert not texts["SGD"].overlaps(texts["Adam"])
    panel = axis.get_window_extent()
    assert all(panel.x0 < box.x0 and box.x1 < panel.x1 for box in texts.values())
    for name, line in named(axis).items():
        drawn = axis.transData.transform(line.get_xydata())
        assert not texts[name].count_contains(drawn)


def test_names_below_where_there_is_none():
    paths = {"SGD": walk(0, 0), "momentum": walk(0.01, 0), "Adam": walk(0, 0.01)}
    figure = plotting.plot_loss_paths(bowl, paths, **RANGES)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(paths)
    assert [text.get_text() for text in figure.axes[0].texts] == ["start"]


def test_a_diverging_path_leaves_the_figure():
    away = np.array([-4.0, 1.0]) * (-3.0) ** np.arange(90)[:, None]
    away = np.concatenate([away, [[np.nan, 0]], [[0, 0]]])
    figure = plotting.plot_loss_paths(bowl, {"rate too large": away}, **RANGES)
    figure.canvas.draw()
    (axis,) = figure.axes
    assert axis.get_xlim() == (-5, 5)
    assert len(named(axis)["rate too large"].get_xdata()) == 90
    assert len([line for line in axis.lines if len(line.get_xdata()) == 1]) == 1  # the start alone
    assert figure.legends


def test_a_flat_surface_has_no_contours():
    figure = plotting.plot_loss_paths(lambda a, b: 0 * a, {"SGD": walk(0, 0)}, **RANGES)
    assert not figure.axes[0].collections


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"surface": 3}, TypeError, "surface is 3"),
        ({"paths": {}}, ValueError, "there are 0 paths"),
        ({"paths": {str(n): walk(0, 0) for n in range(9)}}, ValueError, "there are 9 paths"),
        ({"paths": {"SGD": np.zeros(4)}}, ValueError, r"path SGD has shape \(4,\)"),
        ({"paths": {"SGD": np.zeros((2, 3))}}, ValueError, r"path SGD has shape \(2, 3\)"),
        ({"paths": {"SGD": np.zeros((0, 2))}}, ValueError, r"path SGD has shape \(0, 2\)"),
        ({"paths": {"SGD": [[np.inf, 0]]}}, ValueError, r"SGD starts at \[inf, 0.0\]"),
        ({"x_range": (5, -5)}, ValueError, r"x_range is \(5, -5\)"),
        ({"y_range": (0, 1, 2)}, ValueError, r"y_range is \(0, 1, 2\)"),
        ({"y_range": (0, np.inf)}, ValueError, "y_range is"),
        ({"minimum": 0}, ValueError, "minimum is 0"),
        ({"surface": lambda a, b: 1.0}, ValueError, r"losses of shape \(\)"),
        ({"surface": lambda a, b: a + np.inf}, ValueError, "losses not finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, error, words):
    given = {"surface": bowl, "paths": {"SGD": walk(0, 0)}, **RANGES, **change}
    with pytest.raises(error, match=words):
        plotting.plot_loss_paths(**given)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"paths": [walk(0, 0)]}, TypeError, "paths is .*must be a mapping"),
        ({"paths": {"SGD": [["a", "b"]]}}, TypeError, "the path SGD holds <U1"),
        ({"paths": {"SGD": [[1], [1, 2]]}}, ValueError, "the path SGD is .*same length"),
        ({"x_range": "ab"}, TypeError, "x_range holds <U2"),
        ({"x_range": (1, 1 + 1e-15)}, ValueError, "x_range is .*too close"),
        ({"minimum": (0, np.nan)}, ValueError, "minimum is"),
        ({"minimum": ("a", "b")}, TypeError, "minimum holds <U1"),
        ({"surface": lambda a, b: "x"}, TypeError, "what surface gives holds <U1"),
        ({"surface": lambda a, b: a * 1j}, TypeError, "what surface gives holds complex128"),
        (
            {"surface": lambda a, b: np.where(a > 0, 1e308, -1e308)},
            ValueError,
            "too far apart",
        ),
    ],
)
def test_what_is_of_another_type_is_named_and_leaves_no_figure(change, error, words):
    given = {"surface": bowl, "paths": {"SGD": walk(0, 0)}, **RANGES, **change}
    with pytest.raises(error, match=words):
        plotting.plot_loss_paths(**given)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "surface",
    [
        lambda a, b: np.where(a**2 + b**2 < 0.01, 0.0, 1.0),  # a plateau with one hole
        lambda a, b: 1 + 1e-16 * a,
        lambda a, b: 5e-324 * (a > 0),
    ],
)
def test_surfaces_without_a_shape_can_be_drawn(surface):
    plotting.plot_loss_paths(surface, {"SGD": walk(0, 0)}, **RANGES).canvas.draw()


def test_names_are_written_as_they_are():
    names = ["_a long name", "$b$ and $c$"]
    known = [*names, 3, *map("optimiser {}".format, range(5))]
    crowded = {name: walk(place / 100, 0) for place, name in enumerate(known)}
    (legend,) = plotting.plot_loss_paths(bowl, crowded, **RANGES, title="$1 or $2").legends
    assert [text.get_text() for text in legend.get_texts()] == [str(name) for name in known]
    apart = dict(zip(names, (walk(2, 1.5), walk(2, -1.5)), strict=True))
    beside = plotting.plot_loss_paths(bowl, apart, **RANGES).axes[0].texts
    written = [text for text in beside if text.get_text() in names]
    assert len(written) == 2
    assert not any(text.get_parse_math() for text in [*legend.get_texts(), *written])
