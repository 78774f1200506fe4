"""The confusion matrix as a picture, and windows of a signal."""

from __future__ import annotations

from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from coursekit import plotting
from coursekit.evaluation import ConfusionReport


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_counts_stand_where_they_belong():
    report = ConfusionReport.from_matrix([[8, 2, 0], [0, 9, 1], [0, 0, 5]], labels=["a", "b", "c"])
    figure = plotting.plot_confusion(report, title="Two a's were taken for b")
    (axis,) = figure.axes
    # x is the column, which is the predicted class.
    texts = {text.get_position(): text.get_text() for text in axis.texts}
    assert texts == {(0, 0): "8", (1, 0): "2", (1, 1): "9", (2, 1): "1", (2, 2): "5"}
    assert [label.get_text() for label in axis.get_xticklabels()] == ["a", "b", "c"]
    assert axis.get_xlabel() == "predicted" and axis.get_ylabel() == "actual"
    assert axis.get_title(loc="left") or axis.get_title() == "Two a's were taken for b"
    colours = axis.images[0].get_array()
    assert (colours[0, 2, :3] == 1).all()  # 0: blank
    red, green, blue = colours[0, 1, :3]
    assert red > green and red > blue  # a mistake
    assert np.ptp(colours[0, 0, :3]) < 0.01  # right: grey


def test_fifteen_classes_fit_in_their_cells():
    rng = np.random.default_rng(1)
    report = ConfusionReport.from_matrix(rng.integers(100, 200, (15, 15)), labels=range(1, 16))
    plotting.use_style()
    figure = plotting.plot_confusion(report)
    figure.canvas.draw()
    (axis,) = figure.axes
    cell = axis.get_window_extent().width / 15
    assert max(text.get_window_extent().width for text in axis.texts) < cell


def bubbles(figure) -> dict[tuple[int, int], float]:
    """Return the area of the bubble at each place."""
    (drawn,) = figure.axes[0].collections
    places = [tuple(place) for place in drawn.get_offsets().astype(int).tolist()]
    return dict(zip(places, drawn.get_sizes(), strict=True))


def test_mismatches_stand_where_they_belong():
    report = ConfusionReport.from_matrix([[8, 2, 1], [4, 9, 0], [0, 12, 5]], labels=["a", "b", "c"])
    figure = plotting.plot_mismatches(report, title="c is often taken for b")
    (axis,) = figure.axes
    areas = bubbles(figure)
    # x is the actual class, y the predicted one; what occurs once is left out.
    assert set(areas) == {(0, 1), (1, 0), (2, 1)}
    assert areas[1, 0] == pytest.approx(2 * areas[0, 1])
    assert areas[2, 1] == pytest.approx(6 * areas[0, 1])
    assert {text.xy: text.get_text() for text in axis.texts} == {
        (0, 1): "2",
        (1, 0): "4",
        (2, 1): "12",
    }
    assert [label.get_text() for label in axis.get_xticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b", "c"]
    assert axis.get_xlabel() == "actual" and axis.get_ylabel() == "predicted"
    assert axis.get_ylim()[0] < axis.get_ylim()[1]  # upwards
    assert axis.get_title(loc="left") or axis.get_title() == "c is often taken for b"
    (diagonal,) = axis.lines
    assert np.array_equal(diagonal.get_xdata(), diagonal.get_ydata())


def test_bubbles_keep_apart_and_small_ones_have_their_count_beside():
    plotting.use_style()
    rng = np.random.default_rng(1)
    matrix = rng.integers(100, 200, (15, 15))
    matrix[3, 4] = 2
    figure = plotting.plot_mismatches(ConfusionReport.from_matrix(matrix))
    figure.canvas.draw()
    (axis,) = figure.axes
    cell = axis.get_window_extent().width / 15
    largest = np.sqrt(max(bubbles(figure).values())) * figure.dpi / 72
    assert 0.7 * cell < largest < cell
    (beside,) = [text for text in axis.texts if text.get_text() == "2"]
    assert beside.get_color() == "black"
    assert beside.get_window_extent().x0 > axis.transData.transform((3, 4))[0]


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ([[8, 1], [1, 9]], "no two classes were confused twice; the report has 2 mistakes"),
        ([[8, 0], [0, 9]], "the report has 0 mistakes"),
    ],
)
def test_no_mismatch_to_draw(matrix, words):
    with pytest.raises(ValueError, match=words):
        plotting.plot_mismatches(ConfusionReport.from_matrix(matrix))


def test_windows_share_time_and_keep_apart():
    first, second = np.random.default_rng(2).standard_normal((2, 260, 3))
    figure = plotting.plot_windows({"person 3": first, "person 7": second}, title="Two gaits")
    assert [axis.get_ylabel() for axis in figure.axes] == ["acc_x", "acc_y", "acc_z"]
    one, other = figure.axes[1].lines
    assert np.array_equal(one.get_ydata(), first[:, 1])
    assert one.get_xdata()[-1] == pytest.approx(259 / 52)
    assert one.get_linestyle() != other.get_linestyle()
    assert one.get_color() != other.get_color()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["person 3", "person 7"]
    assert not plotting.plot_windows({"person 3": first}).legends


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ({}, "there are 0 windows"),
        ({str(number): np.zeros((260, 3)) for number in range(4)}, "there are 4 windows"),
        ({"person 3": np.zeros((1, 260, 3))}, r"person 3 has shape \(1, 260, 3\)"),
        ({"person 3": np.zeros((3, 260))}, "one column for each of acc_x"),
    ],
)
def test_wrong_windows_are_refused(windows, words):
    with pytest.raises(ValueError, match=words):
        plotting.plot_windows(windows)


# ------------------------------------------------------------------ long names, large counts

FASHION = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]
ACTIVITIES = ["WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING"]
NAMES = {
    "fashion": FASHION,
    "activities": ACTIVITIES,
    "two": ["an exceedingly long name of a class", "and another one that is longer still"],
    "thirty": [f"species {number}" for number in range(30)],
    "capitals": ["WWWWWW", "MMMMMMMM", "A", "B"],
    "short": list("abc"),
}


@pytest.mark.parametrize("draw", [plotting.plot_confusion, plotting.plot_mismatches])
@pytest.mark.parametrize("largest", [900, 10**6])
@pytest.mark.parametrize("styled", [True, False])
@pytest.mark.parametrize("kind", NAMES)
def test_names_keep_apart_and_everything_stays_inside(draw, largest, styled, kind):
    names = NAMES[kind]
    counts = np.random.default_rng(0).integers(1, largest, (len(names), len(names)))
    with mpl.rc_context():
        mpl.rcdefaults()
        if styled:
            plotting.use_style()
        figure = draw(ConfusionReport.from_matrix(counts, labels=names))
        figure.canvas.draw()
    (axis,) = figure.axes
    panel = axis.get_window_extent()
    below = [label.get_window_extent() for label in axis.get_xticklabels()]
    beside = [label.get_window_extent() for label in axis.get_yticklabels()]
    assert all(one.x1 < other.x0 for one, other in pairwise(below))
    for one, other in pairwise(sorted(beside, key=lambda box: box.y0)):
        assert one.y1 < other.y0 + 1  # their boxes have some air
    assert max(box.y1 for box in below) < panel.y0 + 1
    assert max(box.x1 for box in beside) < panel.x0 + 1
    for text in (axis.xaxis.label, axis.yaxis.label):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in below + beside)
    if draw is plotting.plot_confusion:
        cell = panel.width / len(names)
        assert max((text.get_window_extent().width for text in axis.texts), default=0) < cell


@pytest.mark.parametrize("draw", [plotting.plot_confusion, plotting.plot_mismatches])
def test_dollars_stay_dollars(draw):
    names = ["$0-$50k", "> $50k_{a}^$"]
    report = ConfusionReport.from_matrix([[4, 2], [2, 3]], labels=names)
    figure = draw(report, title="$4 and $5")
    figure.canvas.draw()
    (axis,) = figure.axes
    titles = axis.findobj(lambda each: getattr(each, "get_text", str)() == "$4 and $5")
    assert len(titles) == 1
    for text in [*axis.get_xticklabels(), *axis.get_yticklabels(), *titles]:
        assert not text.get_parse_math() and "$" in text.get_text()


def test_what_is_no_report_is_refused():
    for draw in (plotting.plot_confusion, plotting.plot_mismatches):
        with pytest.raises(TypeError, match=r"report is \[\[1, 2\]\]"):
            draw([[1, 2]])


@pytest.mark.parametrize(
    ("windows", "error", "words"),
    [
        ([np.zeros((5, 3))], TypeError, "windows is .*must be a mapping"),
        ({"a": [["x"] * 3]}, TypeError, "a holds <U1"),
        ({"a": np.zeros((0, 3))}, ValueError, r"a has shape \(0, 3\)"),
        ({"a": np.zeros((5, 2))}, ValueError, r"a has shape \(5, 2\)"),
    ],
)
def test_windows_of_another_kind(windows, error, words):
    with pytest.raises(error, match=words):
        plotting.plot_windows(windows)
    assert plt.get_fignums() == []


def test_names_that_begin_with_an_underscore_are_named():
    first, second = np.random.default_rng(2).standard_normal((2, 20, 3))
    figure = plotting.plot_windows({"_one": first, "$2 or $3": second})
    (legend,) = figure.legends
    texts = legend.get_texts()
    assert [text.get_text() for text in texts] == ["_one", "$2 or $3"]
    assert not any(text.get_parse_math() for text in texts)
