"""Checks of the exercises on the breast cancer data: 2-A to 2-D."""

from __future__ import annotations

import functools
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _answers
from coursekit.exercises.checks._models import (
    accuracy,
    activations,
    check_history,
    cross_entropy,
    dense_layers,
    expect_accuracy,
    expect_learning,
    expect_loss,
    expect_shapes,
    expect_trained,
    held_out,
    layers_of,
    loss_name,
    probabilities,
    widths,
)
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Table, Text

if TYPE_CHECKING:
    import keras
    import pandas as pd

# Limits for all rows, prepared by the check. Trained networks have an accuracy of 0.94 or more.
# Of 400 networks with five relu units, one had 0.76, and none had a loss above 0.47. Guessing
# gives an accuracy of 0.66 and a loss of 0.69.
MIN_ACCURACY, MIN_ACCURACY_RELU, MAX_LOSS = 0.9, 0.7, 0.6
ALL_ROWS = "the rows of the table"
MIN_SEEDS = 5
ROUNDING = 1e-6  # of accuracies, which may be float32


# ------------------------------------------------------------------------------- the data


@functools.cache
def _cancer() -> pd.DataFrame:
    """Return the breast cancer data of the course."""
    from coursekit.datasets import load_breast_cancer

    return load_breast_cancer()


def _score_names() -> list[str]:
    """Return the names of the nine scores."""
    return [name for name in _cancer().columns if name not in ("id", "class")]


@functools.cache
def _prepared() -> tuple[np.ndarray, np.ndarray]:
    """Return all rows, scaled and with gaps filled by 0, and labels (1 for malignant)."""
    scores = _scores(_cancer())
    x = np.nan_to_num((scores - np.nanmean(scores, axis=0)) / np.nanstd(scores, axis=0))
    return x.astype(np.float32), (_cancer()["class"] == "malignant").to_numpy(int)


def _scores(table: pd.DataFrame) -> np.ndarray:
    """Return the scores of a table as floats, with NaN for gaps."""
    return table[_score_names()].astype("float64").to_numpy(dtype=float, na_value=np.nan)


def _row_counts(table: pd.DataFrame) -> Counter:
    """Count how often each distinct row occurs in a table."""
    scores = np.nan_to_num(_scores(table), nan=-1).tolist()
    names = zip(table["id"].astype(str), table["class"].astype(str), strict=True)
    return Counter((*name, *row) for name, row in zip(names, scores, strict=True))


def _is_malignant(table: pd.DataFrame) -> np.ndarray:
    return (table["class"].astype(str) == "malignant").to_numpy()


def _expect_all_columns(train: pd.DataFrame, test: pd.DataFrame) -> None:
    """Expect training and test tables that have all columns of the data."""
    for name, table in (("train", train), ("test", test)):
        lacking = [column for column in _cancer().columns if column not in table.columns]
        expect(
            not lacking,
            f"`{name}` lacks {', '.join(lacking)}. Keep all columns of the data in the two parts; "
            "what the network gets is made of them later.",
        )


# ------------------------------------------------------------------- 2-A: prepare the data


@declare(
    "2-A.1",
    "What is in the table",
    points=1,
    n_rows=Number(),
    n_features=Number(),
    n_gaps=Number(),
    n_malignant=Number(),
)
def inventory(n_rows, n_features, n_gaps, n_malignant):
    """Expect the counts of the table."""
    cancer = _cancer()
    expect(
        n_rows == len(cancer),
        f"`n_rows` is {n_rows:g}. One row is one sample; how many does the shape of the table say?",
    )
    expect(
        n_features == len(_score_names()),
        f"`n_features` is {n_features:g}. A feature describes the cells: look at each column and "
        "ask whether it says something about them, or which sample it is, or what is to be "
        "predicted.",
    )
    expect(
        n_gaps == cancer[_score_names()].isna().sum().sum(),
        f"`n_gaps` is {n_gaps:g}. Count the missing values over all of the scores.",
    )
    expect(
        n_malignant == (cancer["class"] == "malignant").sum(),
        f"`n_malignant` is {n_malignant:g}. Count the rows of each class.",
    )


@declare("2-A.2", "Split, with each class in its share", points=2, train=Table(), test=Table())
def split(train, test):
    """Expect each row in one of the two sets, split 80:20, with equal shares of the classes."""
    _expect_all_columns(train, test)
    cancer = _cancer()
    expect(
        len(train) + len(test) == len(cancer),
        f"`train` has {len(train)} rows and `test` {len(test)}, together {len(train) + len(test)}; "
        f"the table has {len(cancer)}. Each row belongs in exactly one part.",
    )
    expect(
        _row_counts(train) + _row_counts(test) == _row_counts(cancer),
        "Some rows of the table are in neither part and others in both, or rows were changed. "
        "Each row belongs in exactly one part, as it is.",
    )
    share = len(test) / len(cancer)
    by_id = not set(train["id"].astype(str)) & set(test["id"].astype(str))
    expect(
        abs(share - 0.2) < (0.04 if by_id else 0.005),
        f"`test` has {share:.0%} of the rows. How many were to be kept for testing?",
    )
    malignant = {"train": _is_malignant(train).mean(), "test": _is_malignant(test).mean()}
    # A split by id cannot meet the shares exactly, because rows of one id stay together.
    expect(
        abs(malignant["train"] - malignant["test"]) < (0.15 if by_id else 0.012),
        f"{malignant['train']:.1%} of `train` are malignant, but {malignant['test']:.1%} of "
        "`test`: the split left the classes to chance. Draw from each class separately.",
    )


@declare(
    "2-A.3",
    "The same id on both sides",
    points=1,
    train=Table(),
    test=Table(),
    shared_ids=Number(),
)
def shared(train, test, shared_ids):
    """Expect the number of ids that occur in both the training and the test set."""
    _expect_all_columns(train, test)
    both = set(train["id"].astype(str)) & set(test["id"].astype(str))
    expect(
        shared_ids == len(both),
        f"`shared_ids` is {shared_ids:g}; in your two parts it is another number of ids that occur "
        "in both. Count an id once, however many rows it has.",
    )


@declare(
    "2-A.4",
    "One-hot classes",
    points=1,
    train=Table(),
    test=Table(),
    y_train=Array(),
    y_test=Array(),
)
def classes(train, test, y_train, y_test):
    """Expect one-hot labels that match the classes of the tables, row by row."""
    _expect_all_columns(train, test)
    for name, table, y in (("train", train, y_train), ("test", test, y_test)):
        malignant = _is_malignant(table)
        expect(
            y.dtype.kind in "biuf",
            f"`y_{name}` holds text, for example {y.ravel()[:1]}. A network needs numbers: one "
            "column for each class.",
        )
        expect(
            y.shape == (len(table), 2),
            f"`y_{name}` has shape {y.shape}. It takes one row for each row of `{name}`, and one "
            "column for each class; no class is left out.",
        )
        y = y.astype(float)
        expect(
            np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all(),
            f"The rows of `y_{name}` are not one-hot: each needs a single 1, in the column of its "
            "class, and 0 elsewhere.",
        )
        right = (y[:, 1] == malignant).mean()
        expect(
            right > 0,
            f"`y_{name}` has its 1 in column 0 where the class is malignant. The exercise wants "
            "benign first: the order of the columns decides what each output node means.",
        )
        expect(
            right == 1,
            f"In {1 - right:.0%} of the rows of `y_{name}` the 1 is not in the column of the row's "
            f"class. Are the rows in the order of `{name}`?",
        )


@declare(
    "2-A.5",
    "Scaled by the training set",
    points=2,
    train=Table(),
    test=Table(),
    x_train=Array(),
    x_test=Array(),
)
def scaled(train, test, x_train, x_test):
    """Expect known scores scaled with the mean and standard deviation of the training set."""
    _expect_all_columns(train, test)
    raw = {"train": _scores(train), "test": _scores(test)}
    x = {"train": _features("train", x_train, train), "test": _features("test", x_test, test)}
    known = {name: ~np.isnan(scores) for name, scores in raw.items()}
    values = x["train"][known["train"]]
    expect(
        np.isfinite(values).all(),
        "`x_train` has missing values where the table has scores. Scaling should not lose any.",
    )
    expect(
        not np.allclose(values, raw["train"][known["train"]]),
        f"`x_train` still runs from {values.min():g} to {values.max():g}: these are the scores as "
        "they were, before scaling.",
    )
    expect(
        values.min() < -0.2 or values.max() > 1.2,
        f"`x_train` runs from {values.min():g} to {values.max():g}: each column was scaled to a "
        "range. The exercise wants mean 0 and standard deviation 1.",
    )

    mean, sd = np.nanmean(raw["train"], axis=0), np.nanstd(raw["train"], axis=0)
    expected = {name: np.nan_to_num((scores - mean) / sd) for name, scores in raw.items()}
    factor = np.ones(len(mean))
    off = []
    for column, name in enumerate(_score_names()):
        rows = known["train"][:, column]
        ours, theirs = expected["train"][rows, column], x["train"][rows, column]
        factor[column] = (ours * theirs).mean()
        left = np.abs(theirs - theirs.mean() - factor[column] * ours).max()
        expect(
            left < 0.01,
            f"Column {column} of `x_train` is not {name} of `train` on another scale. Are its rows "
            "and columns in the order of the table?",
        )
        # The tolerance accepts n or n - 1 in the deviation, and gaps filled with the mean first.
        if abs(theirs.mean()) > 0.002 or abs(factor[column] - 1) > 0.015:
            off.append(column)
    gappy = np.flatnonzero(~known["train"].all(axis=0)).tolist()
    means = [x["train"][known["train"][:, n], n].mean() for n in off]
    largest = max(map(abs, means), default=0)
    expect(
        not off or set(off) - set(gappy),
        f"`x_train` is scaled well but for {_score_names()[off[0] if off else 0]}, the column with "
        "the gaps: something was filled in before its mean and its standard deviation were taken.",
    )
    expect(
        not off,
        f"The columns of `x_train` have means up to {largest:.3f} and standard deviations from "
        f"{factor.min():.3f} to {factor.max():.3f}. On the rows that a scaler was fitted on, they "
        "are 0 and 1: on which rows was this one fitted?",
    )

    own = [x["test"][known["test"][:, n], n].mean() for n in range(len(mean))]
    expect(
        np.isfinite(own).all(),
        "`x_test` has missing values where the table has scores. Scaling should not lose any.",
    )
    expect(
        np.abs(own).max() > 0.002,
        "`x_test` has mean 0 in every column: it was scaled with its own mean, so the same sample "
        "would get other numbers here than in `x_train`. Fit the scaler on the training set only, "
        "then apply it to both.",
    )
    wrong = np.abs(x["test"] - factor * expected["test"])[known["test"]].max()
    expect(
        wrong < 0.01,
        f"`x_test` is not on the scale of `x_train`: the same score differs by up to {wrong:.2f} "
        "between the two. Both sets get the treatment that the training set has taught.",
    )


def _features(name: str, x: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Return the features as floats; Wrong if their shape does not match the table."""
    expect(
        x.ndim == 2 and len(x) == len(table),
        f"`x_{name}` has shape {x.shape}, and `{name}` has {len(table)} rows. Each row stays, also "
        "one with a gap.",
    )
    expect(
        x.shape[1] == len(_score_names()),
        f"`x_{name}` has {x.shape[1]} columns. The features are the scores: neither the id nor the "
        "class belongs among them.",
    )
    expect(x.dtype.kind != "U", f"`x_{name}` holds text; a network needs numbers.")
    return x.astype(float)


@declare(
    "2-A.6",
    "Nothing missing, and 0 in the gaps",
    points=2,
    train=Table(),
    test=Table(),
    x_train=Array(),
    x_test=Array(),
)
def filled(train, test, x_train, x_test):
    """Expect 0, the mean after scaling, in every gap, and known scores unchanged."""
    _expect_all_columns(train, test)
    for name, table, x in (("train", train, x_train), ("test", test, x_test)):
        gaps = np.isnan(_scores(table))
        x = _features(name, x, table)
        missing = int((~np.isfinite(x)).sum())
        expect(
            not missing,
            f"`x_{name}` still has {missing} missing values. A single one makes the loss, and then "
            "every weight, `nan`.",
        )
        for number, score in enumerate(_score_names()):
            known = ~gaps[:, number]
            value, scaled = _scores(table)[known, number], x[known, number]
            varied = scaled.std() > 0.01
            expect(
                varied and np.corrcoef(value, scaled)[0, 1] > 0.9,
                f"In `x_{name}`, the known values of {score} "
                + ("do not follow those of the table." if varied else "are all alike.")
                + " Only gaps are to be filled; a known score keeps its place on the new scale.",
            )
        column = int(gaps.any(axis=0).argmax())
        typical = x[~gaps[:, column], column].mean()
        expect(
            abs(typical) < 0.5,
            f"In `x_{name}`, the known values of {_score_names()[column]} have mean {typical:.2f}. "
            "0 is a sensible value for a gap only where it stands for the mean.",
        )
        if gaps.any():
            farthest = max(x[gaps], key=abs)
            expect(
                abs(farthest) < 1e-3,
                f"Where the table has gaps, `x_{name}` holds values such as {farthest:.2f}; the "
                "exercise wants 0 there. Does the filling come before or after the scaling?",
            )


@declare("2-A.7", "What leaks nothing", points=1, leaks_nothing=Text())
def harmless(leaks_nothing):
    """Expect the choice of steps that learn nothing from the rows."""
    reasons = {
        "a": "Some steps do the same to a row whatever the other rows are.",
        "c": "One of these steps computes something from all rows it is given, test rows too.",
        "d": "Whatever is learned from test rows, be it a mean, has leaked.",
    }
    _expect_choice("leaks_nothing", leaks_nothing, "b", reasons)


def _expect_choice(name: str, answer: str, right: str, reasons: dict[str, str]) -> None:
    """Expect the letter ``right``; ``reasons`` gives a hint for each wrong letter."""
    answer = _answers.choice(name, answer, "".join(sorted({right, *reasons})))
    expect(answer == right, f"`{name}` is {answer!r}. {reasons.get(answer, '')}")


# -------------------------------------------------------------- 2-B: build, compile and fit


def _p_malignant(model: keras.Model, x: np.ndarray, name: str) -> np.ndarray:
    """Return P(malignant) for these rows from a network with one or two outputs."""
    p = probabilities(model, x, name)
    expect(
        (x != x[:1]).any(),
        "All rows that the network is given are alike. Are they the scaled scores of the table?",
    )
    expect(
        p.ndim == 2 and p.shape[1] in (1, 2),
        f"`{name}` puts out the shape {p.shape[1:]} for one row. One question, two classes: how "
        "many output nodes can that be?",
    )
    return p[:, -1]


def _expect_trained(model: keras.Model, name: str, least: float = MIN_ACCURACY) -> None:
    """Expect a network that separates malignant from benign on rows prepared by the check."""
    expect_trained(model, name)
    x, y = _prepared()
    p = _p_malignant(model, x, name)
    found = accuracy(p, y)
    expect(
        found > 1 - MIN_ACCURACY,
        f"`{name}` is right on only {found:.1%} of {ALL_ROWS}, so it calls benign what is "
        "malignant. What does a label of 1 stand for in the labels that it was given?",
    )
    expect_accuracy(p, y, least, name=name, rows=ALL_ROWS)
    loss = cross_entropy(p, y)
    expect(
        loss < MAX_LOSS,
        f"`{name}` has a loss of {loss:.2f} on {ALL_ROWS}; one that gives every row the "
        "probability 1/2 has 0.69. Was it trained for as long as the exercise says?",
    )


def _malignant_labels(y: np.ndarray) -> np.ndarray:
    """Convert one-hot labels to one column, 1 for malignant."""
    expect(
        y.ndim == 2 and y.shape[1] == 2,
        f"The one-hot labels have shape {y.shape}; go back to Exercise 2-A, which makes them.",
    )
    return y[:, 1].astype(float)


@declare("2-B.1", "A network of 5 units and a sigmoid", points=2, model=Model())
def network(model):
    """Expect 9 inputs, 5 hidden units without activation, one sigmoid output, and the loss."""
    expect_shapes(model, (len(_score_names()),), 1)
    found = widths(model)
    expect(
        len(found) == 2 and found[0] == 5,
        f"`model` has dense layers of {found} units; the exercise asks for one hidden layer of 5 "
        "and the output layer. Did a cell that adds layers run twice?",
    )
    hidden, output = activations(model)
    expect(
        hidden == "linear",
        f"The hidden layer of `model` has the activation {hidden}; at first it should have none.",
    )
    expect(
        output == "sigmoid",
        f"The output of `model` has the activation {output}. Which one makes a single number a "
        "probability?",
    )
    expect(
        model.count_params() == 9 * 5 + 5 + 5 + 1,
        f"`model` has {model.count_params()} parameters, which is not what two dense layers with "
        "their biases come to.",
    )
    expect_loss(model, "binary_crossentropy")


@declare(
    "2-B.2",
    "Fitted for 20 epochs",
    points=2,
    model=Model(),
    history=History(),
    x_train=Array(),
    y_train=Array(),
)
def fitted(model, history, x_train, y_train):
    """Expect a history of this model on its validation set, and a trained model."""
    check_history(history, model, *held_out(x_train, _malignant_labels(y_train)), epochs=20)
    expect_learning(history)
    _expect_trained(model, "model")


@declare(
    "2-B.3",
    "Three variations",
    points=2,
    model_relu=Model(),
    model_wide=Model(),
    model_deep=Model(),
)
def variations(model_relu, model_wide, model_deep):
    """Expect the required difference in each variation, and trained models."""
    models = {"model_relu": model_relu, "model_wide": model_wide, "model_deep": model_deep}
    for name, model in models.items():
        expect_shapes(model, (len(_score_names()),), 1, name)
    found = {name: widths(model)[:-1] for name, model in models.items()}
    expect(
        found["model_relu"] == [5] and activations(model_relu)[0] == "relu",
        f"`model_relu` has hidden layers of {found['model_relu']} units with the activations "
        f"{activations(model_relu)[:-1]}. It differs from the first network in one thing only.",
    )
    expect(
        len(found["model_wide"]) == 1 and found["model_wide"][0] >= 20,
        f"`model_wide` has hidden layers of {found['model_wide']} units; it should have one, and "
        "a wide one.",
    )
    expect(
        len(found["model_deep"]) >= 2,
        f"`model_deep` has hidden layers of {found['model_deep']} units; it should have more "
        "layers than the first network.",
    )
    for name, model in models.items():
        expect_loss(model, "binary_crossentropy", name=name)
        _expect_trained(model, name, MIN_ACCURACY_RELU if name == "model_relu" else MIN_ACCURACY)


@declare(
    "2-B.4",
    "What the five linear units amount to",
    points=2,
    model=Model(),
    slopes=Array(),
    intercept=Number(),
)
def collapsed(model, slopes, intercept):
    """Expect nine slopes and an intercept that give the network's log-odds."""
    slopes = slopes.astype(float).reshape(-1)
    expect(
        slopes.shape == (len(_score_names()),),
        f"`slopes` has {slopes.size} numbers; each of the scores has one.",
    )
    expect(
        activations(model)[:-1] == ["linear"] * (len(dense_layers(model)) - 1),
        "`model` has an activation between its layers, so it is not one weighted sum any more. "
        "The question is about the first network, without relu.",
    )
    x, _ = _prepared()
    p = np.clip(_p_malignant(model, x, "model"), 1e-6, 1 - 1e-6)
    theirs = x @ slopes + intercept
    ours = np.log(p / (1 - p))
    sure = np.abs(ours) > 10  # there, float32 probabilities are too coarse for the log-odds
    off = np.abs(np.where(sure, 0, theirs - ours)).max()
    expect(
        off < 0.02,
        f"A weighted sum with your `slopes` and `intercept` differs from what `model` computes "
        f"before its sigmoid, by up to {off:.2f}. Write down what the output unit adds up, and put "
        "in for each hidden unit what that one adds up.",
    )


@declare("2-B.5", "Which rows may compare models", points=1, compare_by=Text())
def comparing(compare_by):
    """Expect the choice of the validation set."""
    reasons = {
        "a": "The network was fitted to these rows; by them, the one with most units tends to win.",
        "c": "Rows that helped to choose a network have been used for training it, in a way.",
    }
    _expect_choice("compare_by", compare_by, "b", reasons)


# ------------------------------------------------------------- 2-C: evaluate and predict


@declare(
    "2-C.1",
    "Evaluated on the test set",
    points=2,
    model=Model(),
    x_test=Array(),
    y_test=Array(),
    test_loss=Number(),
    test_accuracy=Number(),
)
def evaluated(model, x_test, y_test, test_loss, test_accuracy):
    """Expect the model's loss and accuracy on the test set."""
    y = _malignant_labels(y_test)
    p = _p_malignant(model, x_test, "model")
    loss, share = cross_entropy(p, y), accuracy(p, y)
    expect(
        max(abs(test_accuracy - loss), abs(test_loss - share)) > 1e-3,
        "`test_loss` and `test_accuracy` are the wrong way round. `evaluate` returns the loss "
        "first, then the metrics.",
    )
    expect(
        abs(test_accuracy - share) < 0.5 / len(y),
        f"`test_accuracy` is {test_accuracy:.4f}; `model` has another on `x_test`. Was it "
        "evaluated on the test set, and after its last training?",
    )
    expect(
        abs(test_loss - loss) < 1e-3 + 1e-2 * loss,
        f"`test_loss` is {test_loss:.4f}; `model` has another on `x_test`. Which of the numbers "
        "that `evaluate` returns is the loss?",
    )


@declare(
    "2-C.2",
    "Probabilities and classes",
    points=2,
    model=Model(),
    x_test=Array(),
    p_malignant=Array(),
    predicted=Array(),
)
def predictions(model, x_test, p_malignant, predicted):
    """Expect the model's probabilities, and the classes that follow from them."""
    p = _p_malignant(model, x_test, "model")
    for name, values in (("p_malignant", p_malignant), ("predicted", predicted)):
        expect(
            values.size == len(p),
            f"`{name}` has shape {values.shape}; there are {len(p)} test rows, and each has one.",
        )
        expect(values.dtype.kind != "U", f"`{name}` holds text; numbers are asked for.")
    off = np.abs(p_malignant.astype(float).reshape(-1) - p).max()
    expect(
        off < 1e-3,
        f"`p_malignant` differs by up to {off:.2f} from what `model` computes for `x_test`. Is it "
        "a prediction of this model for these rows, in their order?",
    )
    labels = predicted.astype(float).reshape(-1)
    expect(
        np.isin(labels, (0, 1)).all(),
        f"`predicted` holds values such as {labels[~np.isin(labels, (0, 1))][:1]}; it should hold "
        "classes, 1 for malignant and 0 for benign.",
    )
    expect(
        labels.any(),
        "`predicted` is 0 in every row, so every tumour is called benign. With one column, the "
        "largest is always column 0: a single probability wants a threshold.",
    )
    unsure = np.abs(p - 0.5) < 1e-3
    wrong = int(((labels == 1) != (p > 0.5))[~unsure].sum())
    expect(
        wrong == 0,
        f"In {wrong} rows, `predicted` is not the class that has the larger probability.",
    )


@declare(
    "2-C.3",
    "Two kinds of mistakes",
    points=1,
    model=Model(),
    x_test=Array(),
    y_test=Array(),
    missed=Number(),
    false_alarms=Number(),
)
def mistakes(model, x_test, y_test, missed, false_alarms):
    """Expect the counts of missed tumours and false alarms on the test set."""
    y = _malignant_labels(y_test) == 1
    called = _p_malignant(model, x_test, "model") > 0.5
    right = int((y & ~called).sum()), int((~y & called).sum())
    expect(
        (missed, false_alarms) == right or (missed, false_alarms) != right[::-1],
        "The two counts are the wrong way round: a tumour that is missed is malignant, and was "
        "called benign.",
    )
    expect(
        missed == right[0],
        f"`missed` is {missed:g}; by `model`, `x_test` and `y_test` it is another number of "
        "malignant rows that are called benign.",
    )
    expect(
        false_alarms == right[1],
        f"`false_alarms` is {false_alarms:g}; by `model`, `x_test` and `y_test` it is another "
        "number of benign rows that are called malignant.",
    )


# ------------------------------------------------------------------ 2-D: from the beginning


def _expect_own_network(model: keras.Model, name: str) -> None:
    """Expect a trained network of any size for this question."""
    found = model.input_shape
    expect(
        isinstance(found, tuple) and tuple(found[1:]) == (len(_score_names()),),
        f"`{name}` takes inputs of shape {found}. How many features does one row have?",
    )
    units = widths(model)
    expect(
        len(units) >= 2,
        f"`{name}` has {len(units)} dense layer(s); at least one hidden layer and an output layer "
        "are needed.",
    )
    pairs = {
        (1, "sigmoid"): ("binary_crossentropy",),
        (2, "softmax"): ("categorical_crossentropy", "sparse_categorical_crossentropy"),
    }
    output = (units[-1], activations(model)[-1])
    expect(
        output in pairs,
        f"The output layer of `{name}` has {output[0]} unit(s) with the activation {output[1]}. "
        "Its values should be the probability of one class, or those of both, which sum to 1.",
    )
    expect(
        loss_name(model) in pairs[output],
        f"`{name}` is compiled with the loss {loss_name(model)}, which does not go with "
        f"{output[0]} unit(s) and {output[1]}. The question decides the last layer and the loss "
        "together.",
    )
    _expect_trained(model, name)


@declare("2-D.1", "A network of your own", points=2, own_model=Model())
def own(own_model):
    """Expect a trained network of any size with a matching output layer and loss."""
    _expect_own_network(own_model, "own_model")


@declare(
    "2-D.2",
    "The smallest network that does",
    points=3,
    search=Table(),
    chosen_units=Number(),
    chosen_model=Model(),
    x_train=Array(),
    y_train=Array(),
)
def smallest(search, chosen_units, chosen_model, x_train, y_train):
    """Expect a complete search, the width that its rule selects, and the network of that row."""
    search = _with_columns("search", search, ("units", "parameters", "val_loss"))
    units = search["units"].to_numpy(float)
    expect(
        len(set(units)) == len(units) >= 4 and units.min() <= 2 and units.max() >= 16,
        f"`search` has rows for {sorted(units.astype(int).tolist())} units. Try four widths or "
        "more, each once, from very narrow (1 or 2) to wide (16 or more).",
    )
    outputs = widths(chosen_model)[-1]
    count = (len(_score_names()) + 1 + outputs) * units + outputs
    counted = search["parameters"].to_numpy(float)
    expect(
        (counted == count).all(),
        f"The parameters in `search`, {counted.astype(int).tolist()}, are not those of networks "
        "with one hidden layer of these widths.",
    )
    losses = search["val_loss"].to_numpy(float)
    expect(
        np.isfinite(losses).all() and 0 < losses.min() < 0.4 and losses.max() < 1,
        f"The validation losses in `search` run from {losses.min():.3f} to {losses.max():.3f}. "
        "A network that gives every row the probability 1/2 has 0.69, and the best of these are "
        "far below.",
    )
    enough = units[losses <= losses.min() + 0.02].min()
    expect(
        chosen_units == enough,
        f"`chosen_units` is {chosen_units:g}. By your table and the rule of the exercise, it is "
        "another width: the smallest of those whose validation loss is at most 0.02 above the "
        "lowest.",
    )
    expect(
        widths(chosen_model)[:-1] == [int(chosen_units)],
        f"`chosen_model` has hidden layers of {widths(chosen_model)[:-1]} units, and "
        f"`chosen_units` is {chosen_units:g}.",
    )
    _expect_own_network(chosen_model, "chosen_model")
    x, y = held_out(x_train, _malignant_labels(y_train))
    now = cross_entropy(_p_malignant(chosen_model, x, "chosen_model"), y)
    said = losses[units == chosen_units][0]
    expect(
        abs(said - now) < 1e-3 + 5e-3 * now,
        f"`search` says {said:.4f} for {chosen_units:g} units; `chosen_model` has {now:.4f} on the "
        "rows kept for validation. Keep the very network that made the row.",
    )


def _with_columns(name: str, table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return these columns of a table as floats; one of them may be its index."""
    had = ", ".join(table.columns)
    if not set(columns) <= set(table.columns):
        table = table.reset_index()
    lacking = [column for column in columns if column not in table.columns]
    expect(not lacking, f"`{name}` has the columns {had}; it lacks {', '.join(lacking)}.")
    table = table[list(columns)]
    expect(
        len(table) > 0 and table.notna().all(axis=None),
        f"`{name}` has {len(table)} rows, and something is missing in them.",
    )
    try:
        return table.astype(float)
    except (TypeError, ValueError):
        expect(False, f"`{name}` holds text where numbers are asked for.")


@declare(
    "2-D.3",
    "Five seeds with dropout and without",
    points=2,
    runs=Table(),
    dropout_model=Model(),
    x_train=Array(),
    y_train=Array(),
)
def with_dropout(runs, dropout_model, x_train, y_train):
    """Expect possible validation accuracies for five seeds, and the model of the last row."""
    runs = _paired_runs(runs)
    x, y = held_out(x_train, _malignant_labels(y_train))
    for column in ("without", "with_dropout"):
        rows = runs[column].to_numpy() * len(y)
        expect(
            np.abs(rows - rows.round()).max() < 0.01,
            f"The column {column} of `runs` holds values such as {runs[column].iloc[0]:.4f}, which "
            f"no number of {len(y)} validation rows gives. Is it the accuracy on the last fifth of "
            "the training set?",
        )
    dropped = [layer.rate for layer in layers_of(dropout_model, "Dropout")]
    expect(
        dropped and min(dropped) > 0 and max(dropped) < 1,
        f"`dropout_model` has dropout layers with the rates {dropped}; it needs one at least that "
        "drops something.",
    )
    _expect_own_network(dropout_model, "dropout_model")
    now = accuracy(_p_malignant(dropout_model, x, "dropout_model"), y)
    said = runs["with_dropout"].iloc[-1]
    expect(
        abs(said - now) < 0.5 / len(y),
        f"The last row of `runs` says {said:.4f} with dropout; `dropout_model` has {now:.4f} on "
        "the validation rows. Keep the network of the last seed.",
    )


def _paired_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the table of runs; Wrong unless it has accuracies for at least five seeds."""
    runs = _with_columns("runs", runs, ("seed", "without", "with_dropout"))
    expect(
        len(runs) >= MIN_SEEDS and runs["seed"].is_unique,
        f"`runs` has the seeds {', '.join(f'{seed:g}' for seed in runs['seed'][:20])}; at least "
        f"{MIN_SEEDS} different ones are asked for.",
    )
    for column in ("without", "with_dropout"):
        expect(
            runs[column].between(0, 1).all(),
            f"The column {column} of `runs` holds values such as {runs[column].iloc[0]:g}; an "
            "accuracy is a share, from 0 to 1.",
        )
        expect(
            runs[column].min() >= MIN_ACCURACY - 0.1,
            f"The column {column} of `runs` goes down to {runs[column].min():.3f}; trained "
            "networks are better than that.",
        )
    return runs


@declare("2-D.4", "Does dropout help here?", points=1, runs=Table(), verdict=Text())
def helps(runs, verdict):
    """Expect the verdict that follows from the interval of the paired differences."""
    from coursekit.evaluation import paired_difference

    runs = _paired_runs(runs)
    verdict = _answers.verdict(verdict, ("better", "worse", "not separated"))
    difference = paired_difference(runs["with_dropout"], runs["without"])
    # An end of the interval that is 0 but for rounding allows two verdicts.
    allowed = {
        "better": difference.low > -ROUNDING and difference.high > ROUNDING,
        "worse": difference.high < ROUNDING and difference.low < -ROUNDING,
        "not separated": difference.low < ROUNDING and difference.high > -ROUNDING,
    }
    expect(
        allowed[verdict],
        f"`verdict` is {verdict!r}. In your table, the mean difference of the pairs, with dropout "
        f"minus without, is {difference}. On which side of 0 does the interval lie?",
    )
