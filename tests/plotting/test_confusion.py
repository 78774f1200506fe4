"""The confusion matrix as a picture."""

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


@pytest.mark.parametrize("largest", [900, 10**6])
@pytest.mark.parametrize("styled", [True, False])
@pytest.mark.parametrize("kind", NAMES)
def test_names_keep_apart_and_everything_stays_inside(largest, styled, kind):
    names = NAMES[kind]
    counts = np.random.default_rng(0).integers(1, largest, (len(names), len(names)))
    with mpl.rc_context():
        mpl.rcdefaults()
        if styled:
            plotting.use_style()
        figure = plotting.plot_confusion(ConfusionReport.from_matrix(counts, labels=names))
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
    cell = panel.width / len(names)
    assert max((text.get_window_extent().width for text in axis.texts), default=0) < cell


def test_dollars_stay_dollars():
    names = ["$0-$50k", "> $50k_{a}^$"]
    report = ConfusionReport.from_matrix([[4, 2], [2, 3]], labels=names)
    figure = plotting.plot_confusion(report, title="$4 and $5")
    figure.canvas.draw()
    (axis,) = figure.axes
    titles = axis.findobj(lambda each: getattr(each, "get_text", str)() == "$4 and $5")
    assert len(titles) == 1
    for text in [*axis.get_xticklabels(), *axis.get_yticklabels(), *titles]:
        assert not text.get_parse_math() and "$" in text.get_text()


def test_what_is_no_report_is_refused():
    with pytest.raises(TypeError, match=r"report is \[\[1, 2\]\]"):
        plotting.plot_confusion([[1, 2]])
