"""Checks of the exercises on the walking data."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _answers, _models, _training
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Table, Text

if TYPE_CHECKING:
    import keras

    from coursekit.datasets import Walking

PEOPLE, LENGTH = 15, 260
FIRST_PARAMETERS, DENSE_PARAMETERS, FINAL_PARAMETERS = 226_455, 79_615, 117_295
# Two of several thousand windows may be judged otherwise on other hardware, and a share may be
# rounded to three digits.
WINDOWS_OFF, ROUNDED_SHARE = 2.5, 5.5e-4


@cache
def _walking() -> Walking:
    from coursekit import datasets

    return datasets.load_walking()


@cache
def _by_time() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from coursekit import preprocessing

    return preprocessing.split_by_time(_walking())


def _early() -> np.ndarray:
    """Return the rows on which the networks of 3-C are trained."""
    return _by_time()[0][::2]


# ------------------------------------------------------------------ 3-A: a split of the windows


@declare(
    "3-A.1",
    "Row numbers of a random split",
    points=2,
    level="basic",
    hints=(
        "Read the end of 'Loading and splitting 80:20' in Spatial data: draw the row numbers, not "
        "the windows, and draw them once.",
        "Put all row numbers into random order with a NumPy generator. Everything else is cutting.",
        "`permutation` of a generator, given a number of windows, returns all their row numbers in "
        "random order. The first four fifths are for training, the rest for testing.",
    ),
    rows_train=Array(),
    rows_test=Array(),
)
def rows_of_a_split(rows_train, rows_test):
    """Expect each window in exactly one set, split 80:20, in random order."""
    walking = _walking()
    n = len(walking.labels)
    rows_train, rows_test = _expect_split(rows_train, rows_test)
    share = len(rows_train) / n
    expect(
        abs(share - 0.8) < 0.01,  # any way of rounding, and stratified splits
        f"`rows_train` holds {share:.1%} of the windows; the task asks for 80 %.",
    )
    for where, rows in [
        ("`rows_test`", rows_test),
        (
            "the last 30 % of `rows_train`, which `fit` will take for validation",
            _held_out(rows_train),
        ),
    ]:
        people = len(np.unique(walking.labels[rows]))
        expect(
            people == PEOPLE,
            f"Only {people} of {PEOPLE} people have windows in {where}. The windows of the data "
            "are sorted by person; are your rows in random order?",
        )
    expect(
        len(np.unique(np.diff(np.sort(rows_test)))) > 3,
        "`rows_test` follows a regular pattern through the data. The task asks for rows that are "
        "drawn at random.",
    )


def _expect_split(rows_train: np.ndarray, rows_test: np.ndarray) -> tuple[np.ndarray, ...]:
    """Expect row numbers that name each window in exactly one set; return them."""
    n = len(_walking().labels)
    parts = {"rows_train": rows_train, "rows_test": rows_test}
    parts = {name: _answers.row_numbers(name, rows, n) for name, rows in parts.items()}
    _answers.expect_partition(parts, n)
    return tuple(parts.values())


def _held_out(rows: np.ndarray) -> np.ndarray:
    """Return the rows of the validation set for a ``validation_split`` of 0.3."""
    return rows[int(np.floor(len(rows) * (1 - 0.3))) :]


@declare(
    "3-A.2",
    "Windows and labels of the same rows",
    points=1,
    level="basic",
    hints=(
        "The section 'Loading and splitting 80:20' of Spatial data shows what happens if inputs "
        "and labels are taken at different rows.",
        "An array can be indexed by an array of row numbers.",
        "Put `rows_train` in square brackets after `walking.x`, and after `walking.y`. Then do the "
        "same with `rows_test`. Nothing else is needed.",
    ),
    rows_train=Array(),
    rows_test=Array(),
    x_train=Array(),
    y_train=Array(),
    x_test=Array(),
    y_test=Array(),
)
def parts_of_a_split(rows_train, rows_test, x_train, y_train, x_test, y_test):
    """Expect the windows and one-hot labels of these rows, in this order."""
    walking = _walking()
    n = len(walking.labels)
    for part, rows, x, y in [
        ("train", rows_train, x_train, y_train),
        ("test", rows_test, x_test, y_test),
    ]:
        rows = _answers.row_numbers(f"rows_{part}", rows, n)
        for name, values in ((f"x_{part}", x), (f"y_{part}", y)):
            expect(values.dtype.kind in "biuf", f"`{name}` holds text; it should hold numbers.")
        wanted = (len(rows), *walking.x.shape[1:])
        expect(
            x.shape == wanted,
            f"`x_{part}` has shape {x.shape}. `rows_{part}` names {len(rows)} windows, each with "
            f"{wanted[1]} time steps of {wanted[2]} channels.",
        )
        # The windows are scaled to a standard deviation of 1; float16 keeps three digits of them.
        same = np.isclose(x, walking.x[rows], atol=4e-3).all(axis=(1, 2)).mean()
        expect(
            same == 1,
            f"{1 - same:.0%} of the windows in `x_{part}` are not those that `rows_{part}` names, "
            "or are elsewhere in the order.",
        )
        expect(
            y.shape == (len(rows), PEOPLE),
            f"`y_{part}` has shape {y.shape}. A network with one output node per person needs a "
            f"row of {PEOPLE} zeros and ones for each window.",
        )
        right = np.isclose(y, walking.y[rows]).all(axis=1).mean()
        expect(
            right == 1,
            f"In `y_{part}`, {1 - right:.0%} of the rows are not the labels of their windows. Take "
            "the same rows of both.",
        )


@declare(
    "3-A.3",
    "Neighbours across a random split",
    points=2,
    level="standard",
    hints=(
        "Read 'What do neighbours share?' in Spatial data. Two windows overlap if they come from "
        "the same recording and begin close to each other.",
        "Begin with one test window: which training windows have its label, and how far from it do "
        "they begin? A window covers 260 time steps.",
        "With `None` as a second index, the starts of the test windows become a column. Subtract "
        "the starts of the training windows to get all distances at once. Compare the labels in "
        "the same way, count the pairs for which both conditions hold, row by row, and take the "
        "mean.",
    ),
    rows_train=Array(),
    rows_test=Array(),
    neighbours=Number(),
)
def neighbours_across(rows_train, rows_test, neighbours):
    """Expect the mean number of training windows that share time steps with a test window."""
    walking = _walking()
    rows_train, rows_test = _expect_split(rows_train, rows_test)
    counts = {"strangers": 0, "sharing": 0, "touching": 0}
    for person in range(1, PEOPLE + 1):
        tested = np.sort(walking.start[rows_test[walking.labels[rows_test] == person]])
        own = np.sort(walking.start[rows_train[walking.labels[rows_train] == person]])
        everyone = np.sort(walking.start[rows_train])
        counts["sharing"] += _pairs_within(tested, own, LENGTH - 1)
        counts["touching"] += _pairs_within(tested, own, LENGTH)
        counts["strangers"] += _pairs_within(tested, everyone, LENGTH - 1)
    mean = {name: count / len(rows_test) for name, count in counts.items()}
    expect(
        not _is_close(neighbours, mean["strangers"]),
        f"`neighbours` is {neighbours:.2f}, which also counts windows of other people. `start` "
        "counts from the beginning of each person's own recording.",
    )
    expect(
        not _is_close(neighbours, mean["touching"]),
        f"`neighbours` is {neighbours:.2f}, which also counts windows that begin where the other "
        "one ends. These touch, but share no time step.",
    )
    right = _is_close(neighbours, mean["sharing"])
    one_digit = abs(neighbours - round(neighbours, 1)) < 1e-9
    expect(
        right or not (one_digit and abs(neighbours - mean["sharing"]) <= 0.051),
        f"`neighbours` is {neighbours:g}, with one digit after the point; the task asks for two. "
        "Four fifths of eight windows would be about right, too, and nobody would have counted.",
    )
    expect(
        right,
        f"`neighbours` is {neighbours:.2f}, which is not the mean for these rows. How far apart "
        "may two windows begin that share a time step? And is it counted per test window?",
    )


def _pairs_within(some: np.ndarray, others: np.ndarray, distance: int) -> int:
    """Count the pairs, one number from each array, at most ``distance`` apart.

    ``others`` must be sorted.
    """
    first = np.searchsorted(others, some - distance, side="left")
    last = np.searchsorted(others, some + distance, side="right")
    return int((last - first).sum())


def _is_close(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= 0.006  # a mean rounded to two digits


# -------------------------------------------------------------- layers, and how they are compiled

ACTIVATION_LAYERS = ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")
FIRST_KINDS = ["Conv1D", "MaxPooling1D", "Flatten", "Dense", "Dense"]
DENSE_KINDS = ["Flatten", "Dense", "Dense"]
FINAL_KINDS = ["Conv1D", "MaxPooling1D", "Conv1D", "MaxPooling1D", "Flatten", "Dense", "Dense"]


def _is_dropout(layer: keras.layers.Layer) -> bool:
    return "Dropout" in type(layer).__name__


def _kind(layer: keras.layers.Layer) -> str:
    """Return the class of a layer; a reshaping to one axis is a flattening."""
    kind = type(layer).__name__
    return "Flatten" if kind == "Reshape" and len(layer.output.shape) == 2 else kind


def _convolution_activations(model: keras.Model) -> list[str]:
    """Return the activation of each convolution, also if it is a layer of its own."""
    found: list[str] = []
    open_ = False
    for layer in _models.layers(model):
        kind = type(layer).__name__
        if kind == "Conv1D":
            found.append(_models._name(layer.activation))
            open_ = found[-1] == "linear"
        elif open_ and kind in ACTIVATION_LAYERS:
            found[-1] = _models._name(layer.activation) if kind == "Activation" else kind.lower()
            open_ = False
        elif kind not in ("MaxPooling1D", "BatchNormalization") and not _is_dropout(layer):
            open_ = False  # relu after max pooling gives the same as before it
    return found


def _expect_layers(
    name: str,
    model: keras.Model,
    kinds: list[str],
    *,
    convolutions: tuple[tuple[int, int, int], ...] = (),
    dense: tuple[int, ...] = (100, PEOPLE),
    parameters: int | None = None,
) -> None:
    """Expect these layers in this order, compiled as the tasks ask.

    ``convolutions`` has filters, kernel size and strides of each. A number of parameters is named
    in the message, so give only one that the task names.
    """
    _models.expect_shapes(model, (LENGTH, 3), PEOPLE, name)
    layers = _models.layers(model)
    found = [_kind(layer) for layer in layers if type(layer).__name__ not in ACTIVATION_LAYERS]
    found = [kind for kind in found if "Dropout" not in kind]
    expect(
        found == kinds,
        f"`{name}` has the layers {', '.join(found)}; the task asks for {', '.join(kinds)}.",
    )
    for number, (layer, asked, activation) in enumerate(
        zip(
            _models.layers_of(model, "Conv1D"),
            convolutions,
            _convolution_activations(model),
            strict=True,
        ),
        1,
    ):
        is_ = layer.filters, layer.kernel_size[0], layer.strides[0]
        expect(
            is_ == asked,
            f"Convolution {number} of `{name}` has {is_[0]} filters of size {is_[1]} in strides of "
            f"{is_[2]}; the task asks for {asked[0]} of size {asked[1]} in strides of {asked[2]}.",
        )
        expect(
            activation == "relu",
            f"Convolution {number} of `{name}` has the activation {activation}; the task asks for "
            "relu.",
        )
    widths = tuple(_models.widths(model))
    expect(
        widths == dense,
        f"`{name}` has dense layers of {', '.join(map(str, widths))} units; the task asks for "
        f"{', '.join(map(str, dense))}.",
    )
    activations = _models.activations(model)
    expect(
        activations[0] == "sigmoid",
        f"The dense layer after the flattening in `{name}` has the activation {activations[0]}; "
        "the task asks for sigmoid.",
    )
    expect(
        activations[-1] == "softmax",
        f"The output layer of `{name}` has the activation {activations[-1]}; the task asks for "
        "softmax, which turns its 15 numbers into probabilities that sum to 1.",
    )
    if parameters is not None:
        count = _count(model)
        expect(
            count == parameters,
            f"`{name}` has {count:,} parameters; the task asks for {parameters:,}. Compare pool "
            "sizes, padding and biases, layer by layer.",
        )
    _training.expect_compiled(model, name)


def _count(model: keras.Model) -> int:
    """Return the number of parameters, without those of activations such as PReLU."""
    own = [layer for layer in _models.layers(model) if type(layer).__name__ in ACTIVATION_LAYERS]
    return model.count_params() - sum(layer.count_params() for layer in own)


# ---------------------------------------------------------- 3-B: the first convolutional network

EPOCHS_FIRST, EPOCHS_DENSE, BATCH_SIZE_FIRST = 15, 45, 128
# Stated in the tasks. Over three seeds, `first` was right for 0.92 to 0.93 of the validation
# windows, and `dense` for 0.99 of its training windows.
MIN_FIRST, MIN_DENSE = 0.8, 0.9


def _random_sets(rows_train: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return windows and labels of the learner's training and validation set."""
    walking = _walking()
    rows = _answers.row_numbers("rows_train", rows_train, len(walking.labels))
    held_out = _held_out(rows)
    fitted = rows[: len(rows) - len(held_out)]
    return [(walking.x[rows], walking.y[rows]) for rows in (fitted, held_out)]


def _expect_first(first: keras.Model) -> None:
    _expect_layers(
        "first",
        first,
        FIRST_KINDS,
        convolutions=((40, 40, 2),),
        parameters=FIRST_PARAMETERS,
    )


def _expect_epochs(name: str, history: dict[str, list[float]], epochs: int) -> None:
    found = len(next(iter(history.values())))
    expect(found == epochs, f"`{name}` has {found} epochs; the task asks for {epochs}.")


@declare(
    "3-B.1",
    "The first convolutional network",
    points=2,
    level="basic",
    hints=(
        "'The network, layer by layer' in Convolutional layers has this network, with shapes and "
        "parameters. `summary` shows yours.",
        "One layer per item of the list in the task, in this order, after a `keras.Input` for one "
        "window. The layers are `Conv1D`, `MaxPooling1D`, `Flatten` and `Dense`.",
        "The convolution takes its strides and its activation as arguments. If the parameters do "
        "not match, compare the shape after each layer with the chapter. Compile with the loss "
        "for one-hot labels of several classes.",
    ),
    first=Model(),
)
def first_network(first):
    """Expect the layers, parameters and activations of the course's first network."""
    _expect_first(first)
    _training.expect_weights(first, "first")


@declare(
    "3-B.2",
    "Trained for fifteen epochs",
    points=2,
    level="basic",
    hints=(
        "'Splitting and training' in The final walking model trains in the same way.",
        "The number of epochs, the batch size and the validation split are arguments of `fit`; "
        "none of them has the value that Keras takes without them.",
        "Give `fit` the training arrays, `epochs`, `batch_size` and `validation_split`, and put "
        "what it returns into `history_first`. If the cell has run before, build `first` again.",
    ),
    first=Model(),
    history_first=History(),
    rows_train=Array(),
)
def first_trained(first, history_first, rows_train):
    """Expect an accurate network with its history of 15 epochs."""
    _expect_first(first)
    (x, y), (x_val, y_val) = _random_sets(rows_train)
    _training.expect_steps(
        first, "first", epochs=EPOCHS_FIRST, rows=len(x), batch_size=BATCH_SIZE_FIRST
    )
    _expect_epochs("history_first", history_first, EPOCHS_FIRST)
    _models.check_history(
        history_first, first, x_val, y_val, name="history_first", model_name="first"
    )
    _training.expect_records(history_first, "history_first", first, "first", x, y)
    _models.expect_accuracy(
        _models.probabilities(first, x_val, "first"),
        y_val,
        MIN_FIRST,
        name="first",
        rows="the validation windows",
    )


@declare(
    "3-B.3",
    "Judged on validation and test windows",
    points=1,
    level="basic",
    hints=(
        "Which rows did `fit` keep out of the training by itself, and which has it never seen?",
        "`fit` has measured the accuracy on the validation set after each epoch, and recorded it. "
        "For the test set, call `evaluate`.",
        "`history_first.history` is a dict of lists, and the last entry of a list belongs to the "
        "last epoch. `evaluate` returns the loss and then the accuracy.",
    ),
    first=Model(),
    rows_train=Array(),
    rows_test=Array(),
    first_validation=Number(),
    first_test=Number(),
)
def first_judged(first, rows_train, rows_test, first_validation, first_test):
    """Expect the network's accuracy on the validation and test sets."""
    _expect_first(first)
    rows_train, rows_test = _expect_split(rows_train, rows_test)
    training, validation = _random_sets(rows_train)
    _training.expect_steps(
        first, "first", epochs=EPOCHS_FIRST, rows=len(training[0]), batch_size=BATCH_SIZE_FIRST
    )
    walking = _walking()
    sets = {
        "first_validation": validation,
        "first_test": (walking.x[rows_test], walking.y[rows_test]),
    }
    said = {"first_validation": first_validation, "first_test": first_test}
    shares, losses = {}, {}
    for name, (x, y) in sets.items():
        p = _models.probabilities(first, x, "first")
        shares[name], losses[name] = _models.accuracy(p, y), _models.cross_entropy(p, y)
    for name, value in said.items():
        expect(
            0 <= value <= 1,
            f"`{name}` is {value:g}. An accuracy is a share, between 0 and 1.",
        )
        near = {
            which: abs(value - share) <= ROUNDED_SHARE + WINDOWS_OFF / len(sets[which][0])
            for which, share in shares.items()
        }
        other = next(which for which in sets if which != name)
        expect(
            near[name] or not np.isclose(value, losses[name], rtol=5e-3),
            f"`{name}` is {value:.4f}, which is the loss. The task asks for the accuracy.",
        )
        expect(
            near[name] or not near[other],
            f"`{name}` is {value:.4f}, which belongs to the other set: compare the rows that each "
            "of the two names stands for.",
        )
        expect(
            near[name],
            f"`{name}` is {value:.4f}, and `first` as it is now has another accuracy on these "
            "windows. Was it taken from another set, epoch or network? Give three digits.",
        )


@declare(
    "3-B.4",
    "Dense layers only, and for longer",
    points=2,
    level="standard",
    hints=(
        "'What do convolutions and pooling contribute?' in Architectures has this network. The "
        "training differs from the chapter's in one number.",
        "Take the cells of `first`, and leave out two layers. All other layers and the settings "
        "of `compile` stay.",
        "The first layer after the input is now `Flatten`. In `fit`, change the number of epochs "
        "and nothing else; keep the batch size and the validation split.",
    ),
    dense=Model(),
    history_dense=History(),
    rows_train=Array(),
)
def dense_network(dense, history_dense, rows_train):
    """Expect the first network without convolution and pooling, and its history."""
    _expect_layers("dense", dense, DENSE_KINDS)
    expect(
        _count(dense) == DENSE_PARAMETERS,
        f"`dense` has {_count(dense):,} parameters, which is not what these layers have. Are they "
        "without biases?",
    )
    (x, y), (x_val, y_val) = _random_sets(rows_train)
    _training.expect_steps(
        dense, "dense", epochs=EPOCHS_DENSE, rows=len(x), batch_size=BATCH_SIZE_FIRST
    )
    _expect_epochs("history_dense", history_dense, EPOCHS_DENSE)
    _models.check_history(
        history_dense, dense, x_val, y_val, name="history_dense", model_name="dense"
    )
    _training.expect_records(history_dense, "history_dense", dense, "dense", x, y)
    _models.expect_accuracy(
        _models.probabilities(dense, x, "dense"),
        y,
        MIN_DENSE,
        name="dense",
        rows="the windows that it was trained on",
    )


NOT_SO = {
    "a": "The training accuracies of the two networks do meet. If the gap closed, the validation "
    "accuracies would meet, too. Put the last values of both side by side.",
    "c": "A network with too few parameters would stop rising on its training windows. Compare the "
    "training accuracy of `dense` in epoch 15 with that in the last epoch.",
    "d": "A rising training accuracy often comes with a falling validation accuracy, but need not. "
    "Compare the validation accuracy of `dense` in epoch 15 with that in the last epoch.",
}


@declare(
    "3-B.5",
    "What more training does for dense layers",
    points=1,
    level="standard",
    hints=(
        "Four numbers decide: training and validation accuracy of `dense`, in epoch 15 and in the "
        "last epoch. Print them beside those of `first`.",
        "Ask two questions. How much did each of the two accuracies rise after epoch 15? How far "
        "is each then from that of `first`?",
        "In `history_dense.history`, epoch 15 is position 14 of `accuracy` and of `val_accuracy`, "
        "and the last epoch is position -1. Strike out each sentence that one of these four "
        "numbers contradicts, or the last values of `first`.",
    ),
    answer_dense=Text(),
)
def dense_described(answer_dense):
    """Expect choice b."""
    letter = _answers.choice("answer_dense", answer_dense, "abcd")
    expect(letter == "b", f"`answer_dense` is {letter!r}. {NOT_SO.get(letter, '')}")


# ------------------------------------------------------ 3-C: the final network, changed

FINAL = ((40, 30, 2), (40, 10, 1))
EPOCHS, EPOCHS_LONGER, BATCH_SIZE = 10, 20, 64
# Stated in the tasks. Over two seeds, the final network was right for 0.90 and 0.92 of the late
# windows after twenty epochs, and the smaller one for 0.84 and 0.86 after ten.
MIN_FINAL, MIN_SMALL = 0.7, 0.5
MIN_RATE, MAX_RATE = 0.1, 0.6
# On the windows that were trained on, naming everybody equally often has a loss of log(15), 2.71.
# With softmax in the second dense layer, which learns slowest of the activations that we tried, it
# was 2.27 and 2.38 after ten epochs.
MAX_LOSS = 2.6


def _expect_trained(
    name: str,
    model: keras.Model,
    history: dict[str, list[float]],
    *,
    epochs: int = EPOCHS,
    least: float | None = None,
    dropout: bool = False,
) -> None:
    """Expect a history of this model on the middle windows, after training on early ones."""
    walking = _walking()
    _, middle, late = _by_time()
    early = _early()
    _training.expect_steps(model, name, epochs=epochs, rows=len(early), batch_size=BATCH_SIZE)
    told = f"history_{name}"
    _expect_epochs(told, history, epochs)
    _models.check_history(
        history, model, walking.x[middle], walking.y[middle], name=told, model_name=name
    )
    x, y = walking.x[early], walking.y[early]
    _training.expect_records(history, told, model, name, x, y, dropout=dropout)
    loss = _models.cross_entropy(_models.probabilities(model, x, name), y)
    if dropout:
        _models.expect_trained(model, name)
    expect(
        loss <= MAX_LOSS or dropout,  # half of the outputs dropped everywhere teach little
        f"`{name}` has a loss of {loss:.2f} on the windows that it was trained on, hardly less "
        "than a network that names all people equally often. Look at the labels and at the "
        "activations.",
    )
    if least is not None:
        _models.expect_accuracy(
            _models.probabilities(model, walking.x[late], name),
            walking.y[late],
            least,
            name=name,
            rows="the late windows",
        )


@declare(
    "3-C.1",
    "Further epochs",
    points=2,
    level="standard",
    hints=(
        "You will train five more networks below. Write a function that builds and compiles the "
        "final network, and a function that trains one, so that only the changes need new code.",
        "`history_longer.history` has a list `val_loss` and a list `val_accuracy`, each with a "
        "value for each epoch. Look for the lowest value of the first list and the highest value "
        "of the second.",
        "`np.argmin` and `np.argmax` return the position of the first lowest and highest value. "
        "Positions count from 0, and epochs from 1.",
    ),
    longer=Model(),
    history_longer=History(),
    best_epoch=Number(),
    most_accurate_epoch=Number(),
)
def further_epochs(longer, history_longer, best_epoch, most_accurate_epoch):
    """Expect the final network, trained for longer, and the best epoch by each metric."""
    _expect_layers("longer", longer, FINAL_KINDS, convolutions=FINAL, parameters=FINAL_PARAMETERS)
    _expect_trained("longer", longer, history_longer, epochs=EPOCHS_LONGER, least=MIN_FINAL)
    shares = next(
        values for key, values in history_longer.items() if key.startswith("val_") and "acc" in key
    )
    best = int(np.argmin(history_longer["val_loss"])) + 1
    most_accurate = int(np.argmax(shares)) + 1
    for name, value, wanted, other, what in [
        ("best_epoch", best_epoch, best, most_accurate, "the lowest validation loss"),
        (
            "most_accurate_epoch",
            most_accurate_epoch,
            most_accurate,
            best,
            "the highest validation accuracy",
        ),
    ]:
        expect(
            value == wanted or value != wanted - 1,
            f"`{name}` is {value:g}; Python counts the epochs from 0, the task from 1.",
        )
        expect(
            value == wanted or value != other,
            f"`{name}` is {value:g}, the best epoch by the other metric. The task asks for the "
            f"epoch with {what}.",
        )
        expect(
            value == wanted,
            f"`{name}` is {value:g}, but `history_longer` has {what} in another epoch. If several "
            "epochs have it, the task asks for the first of them.",
        )


@declare(
    "3-C.2",
    "Parameters of smaller kernels, by hand",
    points=2,
    level="standard",
    hints=(
        "'The final model, layer by layer' in Architectures counts the final network by hand. Do "
        "the same with other numbers.",
        "First follow the number of positions: after the first convolution, after pooling, after "
        "the second convolution, after pooling. Pooling drops a last odd position.",
        "A convolution has kernel size × channels + 1 parameters per filter; the channels of the "
        "second are the filters of the first. The first dense layer takes in positions × filters "
        "numbers.",
    ),
    small_parameters=Number(),
)
def smaller_by_hand(small_parameters):
    """Expect the number of parameters of the network with smaller kernels."""
    convolutions = [(15 * 3 + 1) * 20, (5 * 20 + 1) * 20]
    positions = [((LENGTH - 15) // 2 + 1) // 2]
    positions.append((positions[0] - 5 + 1) // 2)
    dense = [positions[1] * 20 * 100 + 100, 100 * PEOPLE + PEOPLE]
    wanted = sum(convolutions) + sum(dense)
    biases = 20 + 20 + 100 + PEOPLE
    expect(
        small_parameters != wanted - biases,
        f"`small_parameters` is {small_parameters:,.0f}: all weights, and no bias.",
    )
    expect(
        small_parameters == wanted,
        f"`small_parameters` is {small_parameters:,.0f}. Go through it layer by layer: how many "
        "positions does each convolution and each pooling leave, and how many numbers reach the "
        "first dense layer?",
    )


@declare(
    "3-C.3",
    "Smaller kernels, fewer filters",
    points=2,
    level="basic",
    hints=(
        "Only the two convolutions differ from the final network. Pooling, dense layers and "
        "training stay.",
        "If your function that builds the final network takes the filters and the kernel sizes as "
        "arguments, one call is enough.",
        "Both convolutions have 20 filters; the first has kernels of 15 and strides of 2, the "
        "second kernels of 5. `count_params` should give what you counted.",
    ),
    small=Model(),
    history_small=History(),
)
def smaller(small, history_small):
    """Expect a trained network with kernels of 15 and 5 and with 20 filters."""
    _expect_layers("small", small, FINAL_KINDS, convolutions=((20, 15, 2), (20, 5, 1)))
    positions = (((LENGTH - 15) // 2 + 1) // 2 - 5 + 1) // 2
    flattened = _models.dense_layers(small)[0].kernel.shape[0]
    expect(
        flattened == positions * 20,
        f"The first dense layer of `small` takes in {flattened} numbers, not as many as after two "
        "poolings by 2 and convolutions without padding.",
    )
    _expect_trained("small", small, history_small, least=MIN_SMALL)


@declare(
    "3-C.4",
    "More dense layers",
    points=1,
    level="basic",
    hints=(
        "The new layer goes between the dense hidden layer and the output layer.",
        "The new layer takes in 100 numbers and has 100 units. How many parameters must the "
        "network have now? `count_params` should say the same.",
        "Add one `Dense` layer of 100 units after the one with the sigmoid. Its activation is "
        "yours to choose, as an argument or as a layer such as `LeakyReLU`; without one, two dense "
        "layers in a row do what one can do.",
    ),
    deeper=Model(),
    history_deeper=History(),
)
def more_dense_layers(deeper, history_deeper):
    """Expect the final network with a second hidden dense layer, after training."""
    _expect_layers(
        "deeper",
        deeper,
        [*FINAL_KINDS, "Dense"],
        convolutions=FINAL,
        dense=(100, 100, PEOPLE),
    )
    second = _models.activations(deeper)[1]
    expect(
        second != "linear",
        "The second dense layer of `deeper` has no activation; the task asks for one of your "
        "choice. Without it, this layer and the output layer together compute what the output "
        "layer could compute alone.",
    )
    expect(
        _count(deeper) == FINAL_PARAMETERS + 100 * 100 + 100,
        f"`deeper` has {_count(deeper):,} parameters. The final network has {FINAL_PARAMETERS:,}, "
        "and a dense layer of 100 units after one of 100 adds 10,100. What else differs?",
    )
    _expect_trained("deeper", deeper, history_deeper)


@declare(
    "3-C.5",
    "Dropout",
    points=2,
    level="standard",
    hints=(
        "Dropout sets some outputs of the layer before it to 0 while the network is trained. Which "
        "layer has the most parameters, and so can best learn windows by heart?",
        "Any place before the output layer is right for the check. The dense layer after the "
        "flattening has most of the parameters; whole channels of a convolution can be dropped, "
        "too.",
        "Put `keras.layers.Dropout` or `keras.layers.SpatialDropout1D` with your rate behind a "
        "layer of the final network, and change nothing else. It has no parameters.",
    ),
    dropped=Model(),
    history_dropped=History(),
)
def with_dropout(dropped, history_dropped):
    """Expect the final network with dropout before its output layer, after training."""
    layers = _models.layers(dropped)
    found = [layer for layer in layers if _is_dropout(layer)]
    expect(
        found,
        f"`dropped` has the layers {', '.join(type(layer).__name__ for layer in layers)}, and no "
        "layer for dropout.",
    )
    last_dense = max(
        (place for place, layer in enumerate(layers) if type(layer).__name__ == "Dense"),
        default=len(layers),
    )
    expect(
        not any(_is_dropout(layer) for layer in layers[last_dense:]),
        "`dropped` drops some of its 15 answers, after the output layer. Where would dropout make "
        "the network share its knowledge among more units?",
    )
    rates = ", ".join(f"{layer.rate:g}" for layer in found)
    expect(
        all(MIN_RATE <= layer.rate <= MAX_RATE for layer in found),
        f"`dropped` drops shares of {rates}; the task asks for rates from {MIN_RATE} to "
        f"{MAX_RATE}. With 0 dropout does nothing, and with most of the outputs gone ten epochs "
        "teach little.",
    )
    _expect_layers("dropped", dropped, FINAL_KINDS, convolutions=FINAL, parameters=FINAL_PARAMETERS)
    _expect_trained("dropped", dropped, history_dropped, dropout=True)


# ------------------------------------------------------------- 3-C.6: pairs of runs

MIN_PAIRS = 5
ROUNDING = 1.1e-3  # accuracies, and then the results, may be rounded to three digits
# Over ten runs, accuracies on the middle windows were 0.80 to 0.87, and the errors of any two runs
# had a correlation of 0.35 or more. Errors drawn at random have one near 0.
MIN_ACCURACY, MAX_ACCURACY, MIN_SHARED_ERRORS = 0.5, 0.97, 0.1
MAX_SEED = 2**32 - 1


@declare(
    "3-C.6",
    "Five pairs of runs",
    points=3,
    level="challenge",
    hints=(
        "Read the chapter 'One run or many?': the two runs of a pair share their seed, so some of "
        "what the seed does to both may cancel in the difference.",
        "In the loop, set the seed, build one of the two networks and train it. The seed has to be "
        "set again before the second network of the pair. `predict` gives 15 probabilities for "
        "each window; `people` takes the place of the largest.",
        "For the comparison, put the accuracies of each network in the order of the seeds, for "
        "instance with `pivot`. Give both columns to `evaluation.paired_difference`, dropout "
        "first. Its result has `estimate`, `low` and `high`. Is `low` above 0, is `high` below 0, "
        "or neither?",
    ),
    results=Table(),
    predicted=Array(),
    difference=Number(),
    interval=Array(),
    verdict=Text(),
)
def over_seeds(results, predicted, difference, interval, verdict):
    """Expect pairs of runs of both networks, and the verdict that follows from them."""
    from coursekit.evaluation import paired_difference

    final, dropout, seeds = _pairs(results, predicted)
    wanted = paired_difference(dropout, final)
    expect(
        not np.isclose(difference, -wanted.estimate, atol=ROUNDING)
        or np.isclose(wanted.estimate, 0, atol=ROUNDING),
        f"`difference` is {difference:.4f}; it has to be above 0 where dropout is the better one.",
    )
    expect(
        np.isclose(difference, wanted.estimate, rtol=0, atol=ROUNDING),
        f"`difference` is {difference:.4f}, which is not the mean of the {len(seeds)} paired "
        "differences in `results`: 'dropout' minus 'final' with the same seed. Give three digits.",
    )
    expect(
        interval.shape == (2,) and interval.dtype.kind in "fiu",
        f"`interval` has shape {interval.shape} and holds {interval.dtype}; the task asks for two "
        "numbers, the low end and the high one.",
    )
    expect(
        np.allclose(interval, (wanted.low, wanted.high), rtol=0, atol=ROUNDING),
        f"`interval` runs from {interval[0]:.4f} to {interval[1]:.4f}. The 95 % interval of the "
        f"mean of the {len(seeds)} paired differences in `results` has other ends. It needs the "
        "differences themselves, seed by seed, and not how far single runs lie apart.",
    )
    verdict = _answers.verdict(verdict, ("better", "worse", "not separated"))
    # An end of the interval that was rounded to 0 allows two verdicts.
    allowed = {
        "better": wanted.low > -ROUNDING and wanted.high > 0,
        "worse": wanted.high < ROUNDING and wanted.low < 0,
        "not separated": wanted.low < ROUNDING and wanted.high > -ROUNDING,
    }
    expect(
        allowed[verdict],
        f"`verdict` is {verdict!r}, and the difference is {wanted}. On which side of 0 does the "
        "interval lie?",
    )


def _pairs(results, predicted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the accuracies of both networks in the order of their seeds, and the seeds."""
    results = _answers.index_as_columns(results)
    networks = _answers.words("results", results, "network")
    seeds = _answers.numbers("results", results, "seed")
    values = _answers.numbers("results", results, "val_accuracy")
    expect(
        set(networks) == {"final", "dropout"},
        f"`results` has runs of {', '.join(sorted(set(networks)))}; the networks to compare are "
        "called 'final' and 'dropout'.",
    )
    odd = seeds[(seeds != np.round(seeds)) | (seeds < 0) | (seeds > MAX_SEED)]
    expect(
        not len(odd),
        f"`results` has a seed {odd[:1].sum():g}; Keras takes whole numbers from 0 to "
        f"{MAX_SEED:,}.",
    )
    runs = _answers.runs_by_network("results", networks, seeds)
    final, dropout = (runs[name][np.argsort(seeds[runs[name]])] for name in ("final", "dropout"))
    alone = np.setxor1d(seeds[final], seeds[dropout])
    expect(
        not len(alone),
        f"In `results`, only one of the two networks has the seed {alone[:1].sum():g}. A pair is a "
        "run of each with the same seed.",
    )
    expect(
        len(final) >= MIN_PAIRS,
        f"`results` has {len(final)} {'pair' if len(final) == 1 else 'pairs'} of runs; at least "
        f"{MIN_PAIRS} are asked for. With fewer, the interval gets very wide.",
    )
    largest = values[np.abs(values).argmax()]
    expect(
        ((values >= 0) & (values <= 1)).all(),
        f"`results` has a val_accuracy of {largest:g}; an accuracy is a share, between 0 and 1.",
    )
    _answers.expect_varied("results", runs, values)
    shares = _expect_predictions(predicted, values)
    return shares[final], shares[dropout], seeds[final]


def _expect_predictions(predicted: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Expect the people that each run names for the middle windows; return its accuracies."""
    _, middle, _ = _by_time()
    actual = _walking().y[middle].argmax(axis=1)
    expect(
        predicted.dtype.kind in "iuf",
        f"`predicted` holds {predicted.dtype}; the task asks for whole numbers.",
    )
    expect(
        predicted.shape == (len(values), len(middle)),
        f"`predicted` has shape {predicted.shape}; the task asks for an entry for each of the "
        f"{len(values)} rows of `results`, with a number for each of the {len(middle)} windows in "
        "`x_middle`.",
    )
    lowest, highest = predicted.min(), predicted.max()
    expect(
        lowest >= 0 and highest < PEOPLE and (predicted == np.round(predicted)).all(),
        f"`predicted` holds numbers from {lowest:g} to {highest:g}; the task asks for the numbers "
        "of the people, whole numbers from 0 to 14.",
    )
    wrong = predicted != actual
    shares = 1 - wrong.mean(axis=1)
    far = np.flatnonzero(np.abs(shares - values) > ROUNDED_SHARE + WINDOWS_OFF / len(middle))
    expect(
        not len(far),
        f"In row {far[:1].sum()} of `results`, val_accuracy is {values[far[:1]].sum():.4f}, but "
        "the same entry of `predicted` is right for another share of the middle windows. Do both "
        "come from the same network, after its last epoch?",
    )
    extreme = shares[np.abs(shares - 0.5).argmax()]
    expect(
        shares.min() > MIN_ACCURACY and shares.max() < MAX_ACCURACY,
        f"A run in `predicted` is right for {extreme:.1%} of the middle windows, which networks do "
        "not reach that were trained on the early windows for five epochs.",
    )
    # Of each pair of runs: do they err on the same windows, as networks do that learned alike?
    shared = np.corrcoef(wrong.astype(float))[np.triu_indices(len(wrong), 1)]
    expect(
        shared.max() < 1 - 1e-9,
        "Two entries of `predicted` are wrong on exactly the same windows. Networks that start "
        "from different weights differ: was each run predicted with its own network?",
    )
    expect(
        shared.min() > MIN_SHARED_ERRORS,
        "Two entries of `predicted` are wrong on windows that have nothing in common, as if the "
        "errors had been drawn at random. Networks trained on the same windows err on the same "
        "hard ones. Are all entries in the order of `x_middle`?",
    )
    return shares
