"""What is read off a confusion matrix."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from coursekit import evaluation

# ------------------------------------------------------------------ confusion

# What the MNIST tuning lab (S4) prints: caret's matrix, rows predicted, columns actual ...
LAB_MATRIX = """
971 0 4 0 1 2 3 1 4 1
1 1128 0 0 1 0 3 5 0 2
0 1 1017 4 2 0 0 7 3 0
0 2 2 993 1 7 0 1 3 3
1 0 1 0 965 0 3 0 1 9
0 1 1 4 0 874 7 0 3 2
3 2 2 0 3 2 940 0 2 1
1 0 3 3 1 1 1 1009 3 4
2 1 2 5 2 2 1 2 952 1
1 0 0 1 6 4 0 3 3 986
"""
# ... and the statistics of each class below it, to four digits.
LAB_STATISTICS = """
sensitivity 0.9908 0.9938 0.9855 0.9832 0.9827 0.9798 0.9812 0.9815 0.9774 0.9772
specificity 0.9982 0.9986 0.9981 0.9979 0.9983 0.9980 0.9983 0.9981 0.9980 0.9980
positive_predictive_value 0.9838 0.9895 0.9836 0.9812 0.9847 0.9798 0.9843 0.9834 0.9814 0.9821
negative_predictive_value 0.9990 0.9992 0.9983 0.9981 0.9981 0.9980 0.9980 0.9979 0.9976 0.9974
prevalence 0.0980 0.1135 0.1032 0.1010 0.0982 0.0892 0.0958 0.1028 0.0974 0.1009
detection_rate 0.0971 0.1128 0.1017 0.0993 0.0965 0.0874 0.0940 0.1009 0.0952 0.0986
detection_prevalence 0.0987 0.1140 0.1034 0.1012 0.0980 0.0892 0.0955 0.1026 0.0970 0.1004
balanced_accuracy 0.9945 0.9962 0.9918 0.9905 0.9905 0.9889 0.9898 0.9898 0.9877 0.9876
"""


@pytest.fixture
def lab() -> evaluation.ConfusionReport:
    caret = np.array([line.split() for line in LAB_MATRIX.split("\n") if line], dtype=int)
    return evaluation.ConfusionReport.from_matrix(caret.T)


def test_every_statistic_of_the_lab(lab):
    assert lab.total - lab.correct == 165
    low, high = lab.accuracy_interval
    four = [f"{v:.4f}" for v in (lab.accuracy, low, high, lab.no_information_rate, lab.kappa)]
    assert four == ["0.9835", "0.9808", "0.9859", "0.1135", "0.9817"]
    assert lab.accuracy_p_value < 2.2e-16
    assert math.isnan(lab.mcnemar_p_value)
    printed = pd.DataFrame(
        {
            name.replace("_", " "): values
            for name, *values in (line.split() for line in LAB_STATISTICS.split("\n") if line)
        }
    )
    ours = lab.per_class().map("{:.4f}".format).reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, printed)
    assert lab.per_class().index.tolist() == list(range(10))


def test_the_text_holds_the_statistics(lab):
    text = str(lab)
    for words in ("0.9835", "0.9808 to 0.9859", "0.1135", "< 2.2e-16", "0.9817", "not available"):
        assert words in text
    assert all(line in text for line in ("rows: actual", "Each class against the rest"))
    assert text.count("0.9908") == 1  # sensitivity of class 0
    assert max(map(len, text.splitlines())) <= 120
    assert repr(lab) == "ConfusionReport(10 classes, 9,835 of 10,000 correct: accuracy 0.9835)"
    assert lab.overall()["kappa"] == lab.kappa


# What R 4.2 with caret 6.0-93 prints for these tables (transposed there): accuracy, interval,
# no-information rate, its p-value, kappa, McNemar's p-value; then one class's statistics, in the
# order of ours.
CARET = [
    pytest.param(
        [[20, 10, 5], [3, 30, 15], [0, 5, 40]],
        [
            0.703125,
            0.6159940201,
            0.7805982044,
            0.375,
            5.314893393e-14,
            0.5462263271,
            3.236706503e-3,
        ],
        [0.571429, 0.967742, 0.869565, 0.857143, 0.273438, 0.156250, 0.179688, 0.769585],
        id="three classes",
    ),
    pytest.param(
        [[50, 12], [7, 31]],
        [0.81, 0.7193020420, 0.8815568039, 0.62, 3.300042055e-05, 0.6067880795, 0.3587953579],
        [0.806452, 0.815789, 0.877193, 0.720930, 0.62, 0.5, 0.57, 0.811121],
        id="two classes",
    ),
    pytest.param(
        [[5, 2, 0], [0, 0, 0], [0, 1, 3]],
        [
            0.7272727273,
            0.3902574404,
            0.9397822658,
            0.6363636364,
            0.388325196,
            0.5540540541,
            math.nan,
        ],
        [0.714286, 1, 1, 0.666667, 0.636364, 0.454545, 0.454545, 0.857143],
        id="a class that never occurs",
    ),
]


@pytest.mark.parametrize(("matrix", "overall", "first_class"), CARET)
def test_agrees_with_caret(matrix, overall, first_class):
    report = evaluation.ConfusionReport.from_matrix(matrix)
    assert report.overall().tolist() == pytest.approx(overall, rel=1e-9, nan_ok=True)
    assert report.per_class().iloc[0].tolist() == pytest.approx(first_class, abs=1e-6)


@pytest.mark.parametrize(
    ("matrix", "p_value"),
    [([[794, 150], [86, 570]], 4.115e-05), ([[10, 4], [4, 3]], 1.0)],
)
def test_mcnemar(matrix, p_value):
    report = evaluation.ConfusionReport.from_matrix(matrix)
    assert report.mcnemar_p_value == pytest.approx(p_value, rel=1e-3)


def test_from_labels_agrees_with_counting():
    rng = np.random.default_rng(3)
    actual, predicted = rng.integers(1, 5, size=(2, 300))
    report = evaluation.ConfusionReport.from_labels(actual, predicted)
    assert report.labels == (1, 2, 3, 4)
    for row, a in enumerate(report.labels):
        for column, p in enumerate(report.labels):
            assert report.matrix[row, column] == ((actual == a) & (predicted == p)).sum()
    # Chance: kappa is about 0, and the accuracy no better than the most frequent class.
    assert abs(report.kappa) < 0.12
    assert report.accuracy_p_value > 0.01
    assert report.to_frame().loc[1].sum() == (actual == 1).sum()


@pytest.mark.parametrize("kind", ["object", "category", "string"])
def test_names_may_come_from_a_table(kind):
    actual = pd.Series(["setosa", "virginica", "setosa"], dtype=kind)
    predicted = np.array(["setosa", "virginica"])[[0, 1, 1]]
    report = evaluation.ConfusionReport.from_labels(actual, predicted)
    assert report.labels == ("setosa", "virginica")
    assert report.matrix.tolist() == [[1, 1], [0, 1]]


def test_rows_are_actual():
    report = evaluation.ConfusionReport.from_labels(["a", "a", "a", "b"], ["a", "b", "b", "b"])
    assert report.matrix.tolist() == [[1, 2], [0, 1]]
    assert report.per_class().loc["a", "sensitivity"] == pytest.approx(1 / 3)
    assert report.per_class().loc["a", "positive predictive value"] == 1
    assert report.mismatches().to_dict("records") == [{"actual": "a", "predicted": "b", "count": 2}]


def test_absent_classes_are_kept_and_have_no_rate():
    report = evaluation.ConfusionReport.from_labels(
        np.array([1.0, 2.0, 2.0]), np.array([1, 2, 1]), labels=range(1, 4)
    )
    assert report.matrix.shape == (3, 3)
    absent = report.per_class().loc[3]
    assert np.isnan(absent["sensitivity"]) and np.isnan(absent["positive predictive value"])
    assert absent["specificity"] == 1 and absent["prevalence"] == 0


def test_one_class_only():
    report = evaluation.ConfusionReport.from_labels(["a"] * 3, ["a"] * 3, labels=["a", "b"])
    assert report.accuracy == 1 and math.isnan(report.kappa)
    assert report.accuracy_p_value == 1  # always naming "a" is as good
    assert report.accuracy_interval[0] == pytest.approx(0.025 ** (1 / 3))


def test_mismatches_are_in_order_of_frequency(lab):
    table = lab.mismatches()
    assert table["count"].sum() == 165 and table["count"].is_monotonic_decreasing
    assert table.iloc[0].tolist() == [9, 4, 9]  # nine 9s taken for 4


def test_a_data_frame_gives_the_labels():
    table = pd.DataFrame([[3, 1], [0, 4]], index=["no", "yes"], columns=["no", "yes"])
    assert evaluation.ConfusionReport.from_matrix(table).labels == ("no", "yes")
    with pytest.raises(ValueError, match="same classes in the same order"):
        evaluation.ConfusionReport.from_matrix(table.iloc[::-1])


def test_the_matrix_cannot_be_changed_afterwards(lab):
    with pytest.raises(ValueError, match="read-only"):
        lab.matrix[0, 0] = 0


@pytest.mark.parametrize(
    ("actual", "predicted", "options", "words"),
    [
        ([1, 2], [1], {}, "2 actual and 1 predicted"),
        ([], [], {}, "actual is empty"),
        (np.eye(3), [0, 1, 2], {}, r"actual has shape \(3, 3\).*argmax"),
        ([0, 1], [0.2, 0.9], {}, "holds 0.2, which is no class; are these probabilities"),
        ([0, np.nan], [0, 1], {}, "actual misses 1 values"),
        (["a", None], ["a", "b"], {}, "actual misses 1 values"),
        ([1, 2], ["1", "2"], {}, "one is text"),
        ([1, 2], [1, 16], {"labels": range(1, 16)}, r"classes \[16\] occur"),
        ([1, 1], [1, 1], {}, "only the class 1 occurs"),
    ],
)
def test_bad_labels_are_refused(actual, predicted, options, words):
    with pytest.raises(ValueError, match=words):
        evaluation.ConfusionReport.from_labels(actual, predicted, **options)


@pytest.mark.parametrize(
    ("matrix", "options", "words"),
    [
        ([[1, 2, 3], [4, 5, 6]], {}, r"shape \(2, 3\)"),
        ([[5]], {}, "at least two classes"),
        ([[1, -1], [0, 1]], {}, "other than counts"),
        ([[0.5, 0.5], [0, 1]], {}, "other than counts"),
        ([["a", "b"], ["c", "d"]], {}, "other than counts"),
        ([[0, 0], [0, 0]], {}, "only zeros"),
        ([[1, 0], [0, 1]], {"labels": ["a"]}, "needs 2 different ones"),
        ([[1, 0], [0, 1]], {"labels": ["a", "a"]}, "needs 2 different ones"),
    ],
)
def test_bad_matrices_are_refused(matrix, options, words):
    with pytest.raises(ValueError, match=words):
        evaluation.ConfusionReport.from_matrix(matrix, **options)


# ------------------------------------------------------------------ what other libraries let by


def objects(values) -> np.ndarray:
    return np.array(values, dtype=object)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (pd.Series([1, 0, 1], dtype=object), (0, 1)),
        (pd.Series([1, 0, 1], dtype="Int64"), (0, 1)),
        (pd.Series([1.0, 0.0, 1.0]), (0, 1)),
        (pd.Series([1, 0, 1], dtype="category"), (0, 1)),
        (pd.Series(["y", "n", "y"], dtype="category"), ("n", "y")),
        (np.array(["y", "n", "y"]), ("n", "y")),
        (objects(["y", "n", "y"]), ("n", "y")),
        ([True, False, True], (False, True)),
        (np.array([1, 0, 1], dtype=np.uint8), (0, 1)),
    ],
)
def test_names_and_whole_numbers_in_every_form(values, labels):
    report = evaluation.ConfusionReport.from_labels(values, values)
    assert report.labels == labels and report.matrix.tolist() == [[1, 0], [0, 2]]


@pytest.mark.parametrize(
    ("actual", "words"),
    [
        (pd.cut([1, 2, 3], [0, 1.5, 4]), r"actual holds Interval\(0.0, 1.5.*neither a name nor"),
        (objects(["a", 2, "b"]), "actual holds 'a' and 2"),
        (["1", 2, "1"], "actual holds '1' and 2"),
        ([np.inf, 1.0, 1.0], "actual holds inf, which is no class"),
        ([b"a", b"b", b"a"], "actual holds b'a', which is neither"),
        ([1j, 2, 3], "which is neither a name nor a whole number"),
        ([[1], [1, 2]], "actual is .*rows have different lengths"),
        ("aba", r"actual has shape \(\)"),
        (objects([1, pd.NA, 2]), "actual misses 1 values"),
    ],
)
def test_what_is_no_class_is_refused_in_our_words(actual, words):
    with pytest.raises(ValueError, match=words):
        evaluation.ConfusionReport.from_labels(actual, [1, 2, 1])


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        ("ab", TypeError, "labels is 'ab'; it must be a sequence"),
        (2, TypeError, "labels is 2"),
        ([1, 2, 2], ValueError, r"labels are \[1, 2, 2\]"),
        ([[1], [2]], ValueError, r"labels are \[\[1\], \[2\]\]"),
        ([], ValueError, "occur, but labels are"),
    ],
)
def test_labels_that_are_none(labels, error, words):
    with pytest.raises(error, match=words):
        evaluation.ConfusionReport.from_labels([1, 2], [1, 2], labels=labels)


@pytest.mark.parametrize(
    "counts",
    [
        pd.DataFrame([[1, 2], [3, 4]], dtype="Int64"),
        pd.DataFrame([[1, 2], [3, 4]], dtype=object),
        objects([[1, 2], [3, 4]]),
        [[1.0, 2], [3, 4]],
        np.array([[1, 2], [3, 4]], dtype=np.float32),
    ],
)
def test_counts_in_every_form(counts):
    report = evaluation.ConfusionReport.from_matrix(counts)
    assert report.matrix.dtype == np.int64 and report.matrix.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ([[1, -1], [0, 1]], "other than counts .*: -1 in row 0, column 1"),
        ([[1, 2], [0, np.nan]], "nan in row 1, column 1"),
        ([[1, 2], [0, np.inf]], "inf in row 1"),
        ([[1, 2], [0, 1e300]], "1e\\+300 in row 1"),
        ([[1, 2], [0, None]], "None in row 1"),
        ([[True, False], [False, True]], "True in row 0"),
        (pd.DataFrame([[1, None], [0, 1]], dtype="Int64"), "<NA> in row 0"),
        ([[2**52, 2**52], [0, 1]], "at most 9007199254740991"),
        ([[1], [1, 2]], "rows have different lengths"),
    ],
)
def test_what_is_no_count_is_named(matrix, words):
    with pytest.raises(ValueError, match=words):
        evaluation.ConfusionReport.from_matrix(matrix)


@pytest.mark.parametrize("name", ["All", "in total"])
def test_totals_are_no_class(name):
    actual, predicted = [0, 0, 1, 1], [0, 1, 1, 1]
    table = pd.crosstab(actual, predicted, margins=True, margins_name=name)
    with pytest.raises(ValueError, match=f"last row and column, '{name}', hold the sums"):
        evaluation.ConfusionReport.from_matrix(table)
    with pytest.raises(ValueError, match="hold the sums"):
        evaluation.ConfusionReport.from_matrix(table, labels=["no", "yes", "all"])
    report = evaluation.ConfusionReport.from_matrix(pd.crosstab(actual, predicted))
    assert (report.accuracy, report.total) == (0.75, 4)
    # Two classes with equal counts are no totals, and an array has no name that says so.
    equal = pd.DataFrame([[5, 5], [5, 5]], index=["no", "yes"], columns=["no", "yes"])
    assert evaluation.ConfusionReport.from_matrix(equal).total == 20
    assert evaluation.ConfusionReport.from_matrix(table.to_numpy()).total == 16


def test_pairs_may_be_labels():
    labels = [("left", 1), ("right", 2)]
    report = evaluation.ConfusionReport.from_matrix([[3, 1], [0, 2]], labels=labels)
    assert list(report.to_frame().index) == labels and list(report.per_class().index) == labels
    assert "(left, 1)" in str(report)


def test_a_report_that_is_made_directly_is_looked_at_too():
    assert evaluation.ConfusionReport([[3, 1], [0, 2]], ["a", "b"]).labels == ("a", "b")
    with pytest.raises(ValueError, match="needs 2 different ones"):
        evaluation.ConfusionReport(np.eye(2), ("a",))
    mine = np.array([[3, 1], [0, 2]])
    report = evaluation.ConfusionReport.from_matrix(mine)
    mine[0, 0] = 100
    assert report.total == 6


def test_large_counts_do_not_overflow():
    large = evaluation.ConfusionReport.from_matrix(np.array([[6, 1], [2, 7]]) * 10**14)
    small = evaluation.ConfusionReport.from_matrix([[6, 1], [2, 7]])
    assert large.kappa == pytest.approx(small.kappa) and large.accuracy == small.accuracy
