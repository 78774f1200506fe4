"""Checks of the exercises on outer cross-validation: S2."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from coursekit.exercises.checks import _answers
from coursekit.exercises.checks._models import (
    accuracy,
    cross_entropy,
    dense_layers,
    expect_trained,
    layers,
)
from coursekit.exercises.checks._training import expect_steps, steps_of
from coursekit.exercises.checks.first_model import (
    agrees,
    class_probabilities,
    expect_ends,
)
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, Model, Number, Text

if TYPE_CHECKING:
    import keras

FOLDS = 5
SPECIES = ("setosa", "versicolor", "virginica")
LONGEST = 131  # the row of the longest sepal, 7.9 cm; the next longest have 7.7 cm
EPOCHS, BATCH_SIZE = 30, 20
MIN_ACCURACY = 0.88  # of the training flowers, or of all by their folds; measured: 0.95
MAX_RIGHT = 148  # of 150; see _expect_possible
MIN_FOLD_ACCURACY = 0.7  # in a single fold, where one flower is 1/30; measured: 0.87 to 1
MAX_TRAINING_LOSS = 0.3  # measured over 8 seeds of folds and networks: 0.035 to 0.093
SAME_INPUT = 1e-3  # measurements scaled to 0 to 1, computed in float32 or rounded to three digits
SAME_PROBABILITY = 0.01  # rounding to two digits changes a probability by at most 0.005
SAME_LOGISTIC = 0.02  # versions of the solver stop at slightly different coefficients
MAX_SHARE_DIFFERENCE = (
    0.05  # between folds, of malignant rows; StratifiedGroupKFold: 0.005, GroupKFold: 0.08
)
ROUNDING = 1e-9


@functools.cache
def _iris() -> tuple[np.ndarray, np.ndarray]:
    """Return the measurements, shape (150, 4), and the species as numbers from 0 to 2."""
    from coursekit.datasets import load_iris

    iris = load_iris()
    return (
        iris.drop(columns="species").to_numpy(dtype=float),
        iris["species"].cat.codes.to_numpy(int),
    )


def _range(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return rows.min(axis=0), rows.max(axis=0)


def _scaled(fold_of: np.ndarray, fold: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the training and test rows of a fold, scaled by the range of the training rows."""
    x, _ = _iris()
    low, high = _range(x[fold_of != fold])
    return tuple((x[rows] - low) / (high - low) for rows in (fold_of != fold, fold_of == fold))


def _fold_numbers(fold_of: np.ndarray, name: str, rows: int) -> np.ndarray:
    """Validate the fold number of each row, 0 to 4; return them as int."""
    expect(
        fold_of.size == rows and fold_of.dtype.kind in "iuf",
        f"`{name}` has shape {fold_of.shape} and holds {fold_of.dtype}; it takes the number of a "
        f"fold for each of the {rows} rows of the table.",
    )
    fold_of = fold_of.reshape(-1).astype(float)
    found = np.unique(fold_of).tolist()
    expect(
        found == list(range(FOLDS)),
        f"`{name}` holds the numbers {', '.join(f'{n:g}' for n in found[:8])}; the folds are "
        f"numbered from 0 to {FOLDS - 1}, and each row is tested in one of them.",
    )
    return fold_of.astype(int)


def _flower_folds(fold_of: np.ndarray) -> np.ndarray:
    """Validate stratified folds of the flowers, of which fold 0 tests the longest sepal."""
    _, species = _iris()
    fold_of = _fold_numbers(fold_of, "fold_of", len(species))
    table = np.array([np.bincount(species[fold_of == n], minlength=3) for n in range(FOLDS)])
    sizes = table.sum(axis=1)
    expect(
        np.ptp(sizes) <= 1,
        f"By `fold_of`, the folds test {', '.join(map(str, sizes))} flowers; the task asks for "
        "folds of equal size, 30 flowers each.",
    )
    odd = int(np.ptp(table, axis=1).argmax())
    expect(
        np.ptp(table[odd]) <= 1,
        f"By `fold_of`, fold {odd} tests {', '.join(map(str, table[odd]))} flowers of the three "
        "species. Stratified folds hold the species in equal shares, here 10 of each.",
    )
    expect(
        fold_of[LONGEST] == 0,
        f"`fold_of` says that row {LONGEST}, the flower with the longest sepal, is tested in fold "
        f"{fold_of[LONGEST]}. The task asks for folds numbered so that fold 0 tests it: only then "
        "does the scaler of fold 0 show whether it has seen that flower.",
    )
    return fold_of


# -------------------------------------------------------------------- the folds of iris


@declare(
    "S2.1",
    "What `validation_split` leaves of sorted rows",
    points=1,
    level="basic",
    hints=(
        "The chapter Iris again has a section on which rows `validation_split` takes. Does `fit` "
        "shuffle before it cuts them off, or afterwards?",
        "The first rows of the table stay for training, and the last ones are cut off. How many "
        "rows are four fifths of 150, and how many two thirds?",
        "The table has 50 setosa, then 50 versicolor, then 50 virginica. Count each species among "
        "the rows before the cut; `np.bincount` of `species` does it, with `minlength` so that "
        "a species that is not there counts 0.",
    ),
    left_fifth=Array(),
    left_third=Array(),
)
def sorted_rows(left_fifth, left_third):
    """Expect the numbers of each species that ``validation_split`` leaves for training."""
    _, species = _iris()
    for name, said, share in (("left_fifth", left_fifth, 1 / 5), ("left_third", left_third, 1 / 3)):
        expect(
            said.size == len(SPECIES) and said.dtype.kind in "iuf",
            f"`{name}` has shape {said.shape} and holds {said.dtype}; the task asks for three "
            "counts: setosa, versicolor, virginica. A species that is not there counts 0.",
        )
        said = said.reshape(-1).astype(float)
        cut = round(len(species) * (1 - share))
        left, kept_out = (np.bincount(part, minlength=3) for part in (species[:cut], species[cut:]))
        reason = "Count each species among the rows that come before the cut."
        if np.array_equal(said, kept_out):
            reason = "So many are kept out. How many are left to train on?"
        elif len(set(said)) == 1:
            reason = (
                "Equal numbers of each species would be left if the rows were shuffled, or the "
                "split stratified. The last rows of the table are cut off before anything is "
                "shuffled."
            )
        expect(
            np.array_equal(said, left),
            f"`{name}` says {', '.join(f'{count:g}' for count in said)}. {reason}",
        )


@declare(
    "S2.2",
    "Five stratified folds",
    points=2,
    level="standard",
    hints=(
        "The chapter on cross-validation makes such folds. Each pass of the loop over a splitter "
        "gives the row numbers of one fold: those to train on, and those to test.",
        "Make an array of 150 whole numbers. In each pass, write the number of the fold into the "
        "places of its test rows; `enumerate` counts the folds from 0.",
        "Fold numbers are names, so you may renumber them: if row 131 is in fold 3, subtract 3 "
        "from all numbers and take the remainder after division by 5.",
    ),
    fold_of=Array(),
)
def folds(fold_of):
    """Expect folds of equal size with equal shares of the species."""
    _flower_folds(fold_of)


# ------------------------------------------------------------- scaler and network of a fold


@declare(
    "S2.3",
    "Scaled inside the fold",
    points=2,
    level="basic",
    hints=(
        "The scaler belongs to the recipe: it is learned from data, so it may learn only from the "
        "flowers that fold 0 trains on.",
        "`fold_of` compared with 0 gives truth values that select rows. Fit `MinMaxScaler` on the "
        "rows that are selected for training.",
        "Apply the fitted scaler with `transform` to both sets, without fitting it again. Then "
        "look at the largest sepal length of `x0_test`, that of row 131. What would it be if the "
        "scaler had seen this flower?",
    ),
    fold_of=Array(),
    x0_train=Array(),
    x0_test=Array(),
)
def scaled_inside(fold_of, x0_train, x0_test):
    """Expect the rows of fold 0, scaled by the range of its training rows."""
    x, _ = _iris()
    fold_of = _flower_folds(fold_of)
    train, test = _scaled(fold_of, 0)
    for name, found, expected in (("x0_train", x0_train, train), ("x0_test", x0_test, test)):
        expect(
            found.shape == expected.shape and found.dtype.kind in "iuf",
            f"`{name}` has shape {found.shape} and holds {found.dtype}; by `fold_of`, it takes "
            f"{len(expected)} flowers with four measurements each.",
        )
        expect(
            np.isfinite(found).all(),
            f"`{name}` holds values that are missing or not finite.",
        )
    raw = x[fold_of == 0]
    expect(
        not np.allclose(x0_test, raw, atol=SAME_INPUT),
        f"`x0_test` still holds centimetres, up to {x0_test.max():g}. The task asks for "
        "measurements scaled to the range of the training flowers.",
    )
    low, high = _range(raw)
    expect(
        not np.allclose(x0_test, (raw - low) / (high - low), atol=SAME_INPUT),
        "`x0_test` runs from 0 to 1 in every column: it was scaled by its own smallest and largest "
        "values. It needs those of the training flowers of the fold.",
    )
    low, high = _range(x)
    expect(
        not np.allclose(x0_test, (raw - low) / (high - low), atol=SAME_INPUT),
        "`x0_test` is scaled by the smallest and largest values of all 150 flowers, its own among "
        "them: the longest sepal, which fold 0 tests, is 1. The scaler may see only the flowers "
        "that fold 0 trains on, or the test flowers leak into the recipe.",
    )
    low, high = _range(x0_train)
    expect(
        np.allclose(low, 0, atol=SAME_INPUT) and np.allclose(high, 1, atol=SAME_INPUT),
        f"The columns of `x0_train` start at {', '.join(f'{n:.2g}' for n in low)} and end at "
        f"{', '.join(f'{n:.2g}' for n in high)}. Scaled by these very rows, they would start at 0 "
        "and end at 1: did other flowers take part, or is it another kind of scaling?",
    )
    expect(
        np.allclose(x0_train, train, atol=SAME_INPUT),
        "`x0_train` does not hold the training flowers of fold 0 in the order of the table.",
    )
    expect(
        np.allclose(x0_test, test, atol=SAME_INPUT),
        "`x0_test` does not hold the test flowers of fold 0, in the order of the table and on the "
        "scale of `x0_train`.",
    )


def _inputs(model: keras.Model, fold_of: np.ndarray, fold: int, name: str) -> list[np.ndarray]:
    """Return the training and test rows of a fold as a network takes them.

    A network that begins with a scaling layer may take centimetres.
    """
    scaled, kind = list(_scaled(fold_of, fold)), type(layers(model)[0]).__name__
    if kind not in ("Normalization", "Rescaling"):
        return scaled
    x, species = _iris()
    own, of_own = fold_of != fold, species[fold_of != fold]
    ways = ([x[own], x[~own]], scaled)
    if kind == "Rescaling":  # any numbers may be meant: take those that it was trained on
        losses = [cross_entropy(class_probabilities(model, rows[0], name), of_own) for rows in ways]
        return ways[int(np.argmin(losses))]
    # Adapted to these rows, the means are 0 within 1e-6; to all flowers, 0.01 and more.
    means = [np.asarray(layers(model)[0](rows[0].astype(np.float32))).mean(axis=0) for rows in ways]
    fits = [np.abs(mean).max() < 2e-3 for mean in means]
    expect(
        any(fits),
        f"The scaling layer in `{name}` was adapted to other flowers than those that fold {fold} "
        "trains on: scaled by it, they do not have a mean of 0.",
    )
    return ways[fits.index(True)]


def _fold_network(network: keras.Model, fold_of: np.ndarray, fold: int, name: str) -> np.ndarray:
    """Expect a network that was trained for a fold; return what it says about the test flowers."""
    _, species = _iris()
    tests = fold_of == fold
    expect_ends(network, 4, 3, name)
    expect(
        len(dense_layers(network)) >= 2,
        f"`{name}` has no hidden layer; the task asks for a network of `new_network()`, or one of "
        "your own with a hidden layer.",
    )
    train, test = _inputs(network, fold_of, fold, name)
    p = class_probabilities(network, train, name)
    expect_trained(network, name)
    expect(
        network.compiled,
        f"`{name}` is not compiled. The task asks for the network that was given to `fit`, as it "
        "is afterwards.",
    )
    expect_steps(
        network,
        name,
        epochs=EPOCHS,
        rows=int((~tests).sum()),
        batch_size=BATCH_SIZE,
        others={
            steps_of(
                EPOCHS, len(tests), BATCH_SIZE
            ): f"It was trained on all 150 flowers, those that fold {fold} tests among them.",
            steps_of(
                EPOCHS, int(tests.sum()), BATCH_SIZE
            ): f"It was trained on the flowers that fold {fold} tests, not on the others.",
            steps_of(
                EPOCHS, int((~tests).sum()), 32
            ): "Those are batches of 32, which `fit` takes if it is not told otherwise.",
            steps_of(EPOCHS, 96, BATCH_SIZE): "It was trained on 96 flowers: was a fifth kept out "
            "for validation? The folds do that here.",
            # A network that is trained on from fold to fold, or a cell that was run again.
            **{
                times * steps_of(EPOCHS, int((~tests).sum()), BATCH_SIZE): f"That is {times} times "
                "as many. Was it trained on from fold to fold, or the cell run again? A network "
                "that goes on has seen the flowers that it is tested on; each fold needs a new one."
                for times in range(2, 11)
            },
        },
    )
    right, loss = accuracy(p, species[~tests]), cross_entropy(p, species[~tests])
    expect(
        right >= MIN_ACCURACY and loss < MAX_TRAINING_LOSS,
        f"`{name}` is right on {right:.0%} of its own training flowers, scaled to the range 0 to "
        f"1, with a loss of {loss:.2f}; a trained one knows them better. Was it trained on rows "
        "that are scaled like these, with their own labels?",
    )
    p = class_probabilities(network, test, name)
    right = accuracy(p, species[tests])
    expect(
        right >= MIN_FOLD_ACCURACY,
        f"`{name}` is right on {right:.0%} of the flowers that fold {fold} tests. Was it trained "
        "on the other four folds?",
    )
    return p


@declare(
    "S2.4",
    "The network of a fold",
    points=2,
    level="basic",
    hints=(
        "The network sees the training flowers of fold 0 only: their scaled measurements, and "
        "their species as one-hot rows.",
        "`keras.utils.to_categorical` makes the one-hot rows of `species`; select those that fold "
        "0 trains on, as you selected the flowers.",
        "Make a new network, then call `fit` once with `x0_train`, the selected one-hot rows, "
        "`epochs` and `batch_size`. If you run the cell again, it must build a new network again.",
    ),
    fold_of=Array(),
    network_0=Model(),
)
def of_a_fold(fold_of, network_0):
    """Expect a network for fold 0 that is accurate on its training and test flowers."""
    _fold_network(network_0, _flower_folds(fold_of), 0, "network_0")


# ----------------------------------------------------------------- out-of-fold predictions


@declare(
    "S2.5",
    "Every flower by a network that has not seen it",
    points=3,
    level="challenge",
    hints=(
        "What you did for fold 0 is the recipe: select, scale, train, predict. A loop over the "
        "other folds repeats all of it, scaler and network included.",
        "Fill in the rows of fold 0 first. In the loop, the truth values that select the test "
        "flowers of a fold also select their places in `x_out` and `p_out`.",
        "In each pass, fit a new scaler, build and train a new network, and put it into the place "
        "of its fold in `networks`. Write the scaled test flowers into their places in `x_out`, "
        "and the probabilities of the network into the same places in `p_out`.",
    ),
    fold_of=Array(),
    x_out=Array(),
    p_out=Array(),
    network_0=Model(),
    network_1=Model(),
    network_2=Model(),
    network_3=Model(),
    network_4=Model(),
)
def out_of_fold(fold_of, x_out, p_out, **networks):
    """Expect flowers scaled within their folds, and predictions of the network of each fold."""
    x, _ = _iris()
    fold_of = _flower_folds(fold_of)
    expect(
        x_out.shape == x.shape and x_out.dtype.kind in "iuf",
        f"`x_out` has shape {x_out.shape} and holds {x_out.dtype}; it takes the four scaled "
        "measurements of each of the 150 flowers.",
    )
    low, high = _range(x)
    expect(
        not np.allclose(x_out, (x - low) / (high - low), atol=SAME_INPUT),
        "`x_out` runs from 0 to 1 over all flowers: one scaler has seen them all. The flower with "
        "the longest sepal, say, must reach beyond 1 in the fold that tests it.",
    )
    for fold in range(FOLDS):
        expect(
            np.allclose(x_out[fold_of == fold], _scaled(fold_of, fold)[1], atol=SAME_INPUT),
            f"The flowers that fold {fold} tests are not scaled in `x_out` by the flowers that "
            "this fold trains on, or are not in their places.",
        )
    p_out = _probabilities_of_all(p_out)
    _expect_different(networks)
    for fold in range(FOLDS):
        name = f"network_{fold}"
        own = _fold_network(networks[name], fold_of, fold, name)
        off = np.abs(p_out[fold_of == fold] - own).max()
        expect(
            off < SAME_PROBABILITY,
            f"For the flowers of fold {fold}, `p_out` differs by up to {off:.2f} from what "
            f"`{name}` computes. Are the rows in the order of the table, and are they predicted "
            "by the network of that fold?",
        )
    _expect_possible(p_out)


def _expect_different(networks: Mapping[str, keras.Model]) -> None:
    """Expect that no two networks have the same weights."""
    weights = {name: model.get_weights() for name, model in networks.items()}
    names = sorted(networks)
    for position, name in enumerate(names):
        for other in names[position + 1 :]:
            same = len(weights[name]) == len(weights[other]) and all(
                one.shape == two.shape and np.allclose(one, two, atol=1e-6)
                for one, two in zip(weights[name], weights[other], strict=True)
            )
            expect(
                not same,
                f"`{name}` and `{other}` have the same weights. Each fold needs a new network: one "
                "that serves two folds has seen the flowers that one of them tests.",
            )


def _expect_possible(p_out: np.ndarray) -> None:
    """Expect no more flowers right than networks get that have not seen them."""
    _, species = _iris()
    right = int((p_out.argmax(axis=1) == species).sum())
    expect(
        right >= MIN_ACCURACY * len(species),
        f"`p_out` is right on {right / len(species):.0%} of the flowers. Look at the folds one by "
        "one: is one of them filled in at the wrong place, or are the columns in another order?",
    )
    # Over 8 seeds of folds and networks, 142 to 146 were right.
    expect(
        right <= MAX_RIGHT,
        f"`p_out` is right on {right} of the 150 flowers. That is nearly always too good to be "
        "true: some flowers look like another species to a network that has not seen them. Are "
        "these the labels, or predictions of a network that was trained on the flowers it "
        "predicts? If neither, train again with other folds.",
    )


def _probabilities_of_all(p_out: np.ndarray, name: str = "p_out") -> np.ndarray:
    """Validate the class probabilities of all flowers; return them as float."""
    _, species = _iris()
    expect(
        p_out.shape == (len(species), 3) and p_out.dtype.kind in "iuf",
        f"`{name}` has shape {p_out.shape} and holds {p_out.dtype}; it takes a probability of each "
        "of the three species for each of the 150 flowers.",
    )
    p_out = p_out.astype(float)
    empty = int((~np.isfinite(p_out) | (p_out == 0)).all(axis=1).sum())
    expect(
        empty == 0,
        f"`{name}` has {empty} rows without a prediction. Over the five folds, every flower is "
        "tested once.",
    )
    expect(
        np.isfinite(p_out).all() and p_out.min() >= 0,
        f"`{name}` holds values that are negative, missing or not finite; probabilities run from "
        "0 to 1.",
    )
    sums = p_out.sum(axis=1)
    expect(
        np.abs(sums - 1).max() < 0.02,  # three numbers, each rounded to two digits
        f"The rows of `{name}` sum to values from {sums.min():.3g} to {sums.max():.3g}. "
        "Probabilities of the species sum to 1; was something added up over the folds?",
    )
    return p_out


def _accuracies(fold_of: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the accuracy of out-of-fold predictions in each fold."""
    right = p.argmax(axis=1) == _iris()[1]
    return np.array([right[fold_of == fold].mean() for fold in range(FOLDS)])


@declare(
    "S2.6",
    "Mean and spread",
    points=2,
    level="basic",
    hints=(
        "A flower is right if the species with the largest probability in its row of `p_out` is "
        "its own species.",
        "`argmax` along the columns gives the predicted species; compared with `species`, it gives "
        "150 truth values. The mean of truth values is a share. Take it within each fold.",
        "Put the five shares into an array, from fold 0 to fold 4; the mean and the standard "
        "deviation of that array are the other two answers.",
    ),
    fold_of=Array(),
    p_out=Array(),
    fold_accuracy=Array(),
    mean_accuracy=Number(),
    spread=Number(),
)
def mean_and_spread(fold_of, p_out, fold_accuracy, mean_accuracy, spread):
    """Expect the accuracy in each fold, and their mean and standard deviation."""
    fold_of = _flower_folds(fold_of)
    p_out = _probabilities_of_all(p_out)
    _expect_possible(p_out)
    found = _accuracies(fold_of, p_out)
    said = _expect_fold_accuracies("fold_accuracy", fold_accuracy, found, "p_out")
    expect(
        0 <= mean_accuracy <= 1
        and any(agrees(mean_accuracy, values.mean()) for values in (found, said)),
        f"`mean_accuracy` is {mean_accuracy:.4g}, which is not the mean of the five accuracies.",
    )
    spreads = [values.std(ddof=ddof) for values in (found, said) for ddof in (0, 1)]
    reason = ""
    if any(agrees(spread, value**2) for value in spreads):
        reason = " That is their variance; the standard deviation is its square root."
    elif agrees(spread, np.ptp(found)):
        reason = " That is the largest minus the smallest."
    expect(
        spread >= 0 and any(agrees(spread, value) for value in spreads),
        f"`spread` is {spread:.4g}, which is not the standard deviation of the five accuracies."
        f"{reason}",
    )


def _expect_fold_accuracies(
    name: str, values: np.ndarray, found: np.ndarray, source: str
) -> np.ndarray:
    """Expect the accuracy in each fold, as the predictions in ``source`` have it."""
    expect(
        values.size == FOLDS and values.dtype.kind in "iuf",
        f"`{name}` has shape {values.shape} and holds {values.dtype}; it takes one accuracy for "
        "each of the five folds.",
    )
    values = values.reshape(-1).astype(float)
    expect(
        values.min() >= 0 and values.max() <= 1,
        f"`{name}` runs from {values.min():g} to {values.max():g}; an accuracy is a share, from 0 "
        "to 1.",
    )
    for fold in range(FOLDS):
        expect(
            agrees(values[fold], found[fold]),
            f"`{name}` says {values[fold]:.3f} for fold {fold}; by `{source}` it is another share "
            "of the flowers that this fold tests.",
        )
    return values


# ----------------------------------------------------------------------- the comparison


@functools.cache
def _logistic(
    fold_of: tuple[int, ...], penalty: float = 10, scaled: bool = True, unseen: bool = True
) -> np.ndarray:
    """Return what logistic regression says about each flower, fold by fold."""
    from sklearn.linear_model import LogisticRegression

    x, species = _iris()
    numbers = np.array(fold_of)
    found = np.empty((len(species), 3))
    for fold in range(FOLDS):
        tests = numbers == fold
        train, test = _scaled(numbers, fold) if scaled else (x[~tests], x[tests])
        labels = species[~tests]
        if not unseen:
            train, labels = np.concatenate([train, test]), np.append(labels, species[tests])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a solver that has not converged on centimetres
            found[tests] = LogisticRegression(C=penalty).fit(train, labels).predict_proba(test)
    return found


def _expect_logistic(fold_of: np.ndarray, p_logistic: np.ndarray) -> None:
    """Expect the probabilities of the logistic regression that the task asks for."""
    folds_ = tuple(fold_of.tolist())

    def near(**options: Any) -> bool:
        return bool(np.abs(p_logistic - _logistic(folds_, **options)).max() < SAME_LOGISTIC)

    if near():
        return
    reason = "Are the rows in the order of the table, and `C` and the folds those of the task?"
    if near(scaled=False):
        reason = (
            "They are those of a logistic regression on centimetres. Both methods are to get the "
            "same inputs, scaled inside each fold."
        )
    elif near(penalty=1):
        reason = "They are those of the default penalty; the task asks for `C` of 10."
    elif near(unseen=False):
        reason = "They are those of a logistic regression that was fitted to the test flowers too."
    off = np.abs(p_logistic - _logistic(folds_)).max(axis=1)
    expect(
        False,
        f"`p_logistic` differs from the logistic regression of the task, by up to {off.max():.2f} "
        f"in fold {fold_of[off.argmax()]}. {reason}",
    )


@declare(
    "S2.7",
    "Beside logistic regression",
    points=3,
    level="standard",
    hints=(
        "Both methods were tested on the same five folds, so the accuracies come in pairs. One run "
        "or many? has a section on several folds and the function for them.",
        "The loop is that of the network with another model in it; `predict_proba` gives the three "
        "probabilities. For the interval, give `evaluation.resampled_difference` the five "
        "accuracies of the network first and those of logistic regression second.",
        "`test_share` is the share of the flowers that one fold tests. The interval has the "
        "attributes `low` and `high`. If 0 lies between them, the folds do not separate the "
        "methods; otherwise the sign of the interval says which one is ahead.",
    ),
    fold_of=Array(),
    p_out=Array(),
    p_logistic=Array(),
    logistic_accuracy=Array(),
    low=Number(),
    high=Number(),
    verdict=Text(),
)
def beside(fold_of, p_out, p_logistic, logistic_accuracy, low, high, verdict):
    """Expect logistic regression in the same folds, the interval, and the verdict it gives."""
    from coursekit.evaluation import paired_difference, resampled_difference

    fold_of = _flower_folds(fold_of)
    p_out = _probabilities_of_all(p_out)
    _expect_possible(p_out)
    p_logistic = _probabilities_of_all(p_logistic, "p_logistic")
    _expect_logistic(fold_of, p_logistic)
    ours, other = _accuracies(fold_of, p_out), _accuracies(fold_of, p_logistic)
    _expect_fold_accuracies("logistic_accuracy", logistic_accuracy, other, "p_logistic")
    share = 1 / FOLDS
    interval = resampled_difference(ours, other, test_share=share)
    swapped = resampled_difference(other, ours, test_share=share)
    plain = paired_difference(ours, other)
    of_training = resampled_difference(ours, other, test_share=1 - share)

    def said(found: Any) -> bool:
        return agrees(low, found.low) and agrees(high, found.high)

    reason = "Is it the interval of the differences, fold by fold, with the share of a fold?"
    if said(swapped):
        reason = (
            "That is logistic regression minus the network; the task asks for the network minus "
            "logistic regression."
        )
    elif said(plain):
        reason = (
            "That is the ordinary t interval. The folds share training flowers, so it is too "
            "narrow; One run or many? has the corrected one."
        )
    elif said(of_training):
        reason = "Is the share that of the flowers which a fold tests, or of those it trains on?"
    elif low > high:
        reason = "The lower end is above the upper one."
    expect(
        said(interval),
        f"`low` and `high` are {low:.4g} and {high:.4g}. The 95 % interval of the network's "
        f"accuracy minus that of logistic regression, over your five folds, is another one. "
        f"{reason}",
    )
    verdict = _answers.verdict(verdict, ("network", "logistic regression", "neither"))
    # Accuracies computed in two ways may differ by rounding, so an end at 0 counts either way.
    right = set()
    if interval.low <= ROUNDING and interval.high >= -ROUNDING:
        right.add("neither")
    if interval.separated:
        right.add("network" if interval.estimate > 0 else "logistic regression")
    found = "includes 0"
    if interval.separated:
        found = f"lies {'above' if interval.low > 0 else 'below'} 0"
    expect(
        verdict in right,
        f"`verdict` is {verdict!r}. Over your five folds, the interval of the network's accuracy "
        f"minus that of logistic regression {found}. The rule of the task asks only whether the "
        "interval includes 0 and, if it does not, which of the two is ahead. The spread over the "
        "folds and the larger mean do not decide.",
    )


# ---------------------------------------------------------------------- patients in one fold


@declare(
    "S2.8",
    "Patients kept together",
    points=2,
    level="standard",
    hints=(
        "Rows with one `id` may be related: after training on one of them, the other is an easy "
        "test. Which splitter of scikit-learn takes groups and looks at the classes?",
        "`duplicated` of a column marks repeated values; with `keep` set to False it marks all of "
        "them, the first ones too. The splitter `StratifiedGroupKFold` keeps groups together.",
        "Its `split` takes the table, the classes and the ids as `groups`. Write the number of "
        "each fold into the places of its test rows, as you did for the flowers.",
    ),
    repeated_rows=Number(),
    patient_fold=Array(),
)
def together(repeated_rows, patient_fold):
    """Expect folds of the breast cancer data that keep patients together and balance classes."""
    from coursekit.datasets import load_breast_cancer

    cancer = load_breast_cancer()
    ids = cancer["id"].astype(str)
    counted = ids.value_counts()
    reason = {
        int((counted - 1).sum()): "That counts the rows beyond each id's first.",
        int((counted > 1).sum()): "That counts the ids.",
        len(counted): "That counts the different ids.",
        len(cancer): "That counts all rows of the table.",
    }.get(repeated_rows, "")
    expect(
        repeated_rows == counted[counted > 1].sum(),
        f"`repeated_rows` is {repeated_rows:g}. {reason} Count all rows of every id that occurs "
        "more than once.".replace("  ", " "),
    )
    patient_fold = _fold_numbers(patient_fold, "patient_fold", len(cancer))
    split = [
        patient
        for patient, rows in ids.groupby(ids.to_numpy()).indices.items()
        if len(set(patient_fold[rows])) > 1
    ]
    expect(
        not split,
        f"{len(split)} patients have rows in more than one fold, so a network is tested on "
        "patients that it was trained on. Which splitter takes groups?",
    )
    sizes = np.bincount(patient_fold, minlength=FOLDS) / len(cancer)
    expect(
        # Groups have up to six rows, so folds of 140 rows may differ by a few.
        sizes.min() > 0.15 and sizes.max() < 0.25,
        f"The folds hold {', '.join(f'{size:.0%}' for size in sizes)} of the rows; the task asks "
        "for folds of about equal size, 15 % to 25 % each.",
    )
    malignant = (cancer["class"] == "malignant").to_numpy()
    shares = [malignant[patient_fold == fold].mean() for fold in range(FOLDS)]
    expect(
        np.ptp(shares) < MAX_SHARE_DIFFERENCE,
        f"Between {min(shares):.0%} and {max(shares):.0%} of the folds' rows are malignant; the "
        "task asks for shares that differ by less than 5 percentage points. The patients are "
        "together, but the classes are left to chance.",
    )
