"""Checks of the exercises on regularisation (4-E)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _answers, _mnist, _models, _training
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import History, Model, Number, Table, Text

if TYPE_CHECKING:
    import keras

    from coursekit.exercises.course_variants.mnist import Regularisation

BATCH_SIZE = 128
RATE, MOMENTUM = 0.1, 0.9
# The callbacks of the first cell.
STOP_PATIENCE, PLATEAU_PATIENCE = 3, 1
GIVEN_DELTAS = (9e-5, 1e-4, 1.1e-4)  # 1e-4, with some room for a rounded history
NO_DELTAS = (0.0, 1e-5)
# Guessing gives 2.3. All networks of four runs of the solution, each of another variant, stayed
# below this, also those with the largest penalty.
LARGEST_LOSS = 0.8
ROUNDED_NUMBER = 6e-4  # three decimals


def _numbers() -> Regularisation:
    return _mnist.chosen("mnist-regularisation")


def _expect_network(
    name: str, model: keras.Model, *, l2: float = 0.0, dropout: float | None = None
) -> float:
    """Expect a trained network of this exercise; return its cross-entropy."""
    numbers = _numbers()
    penalties = (*(l2 for _ in numbers.widths), 0.0)
    _mnist.expect_network(name, model, numbers.widths, l2=penalties, dropout=dropout)
    _mnist.expect_optimizer(name, model, "SGD", momentum=MOMENTUM)
    _training.steps_taken(model, name)
    found = _mnist.figures(name, model, numbers.shuffle)
    expect(
        found.loss < LARGEST_LOSS,
        f"`{name}` has a cross-entropy of {found.loss:.3f} and an accuracy of {found.accuracy:.3f} "
        "on the validation digits, which is worse than so much training gives. Was it trained on "
        "images from 0 to 1 with the labels in their order, and kept as `fit` left it?",
    )
    if not l2:  # a large penalty keeps a network from fitting its training digits
        _mnist.expect_unseen(name, model, numbers.shuffle)
    return found.loss


def _expect_run(
    name: str,
    model: keras.Model,
    history: dict[str, list[float]],
    *,
    l2: float = 0.0,
    dropout: float | None = None,
) -> None:
    """Expect a network that was trained with both callbacks of the first cell."""
    numbers = _numbers()
    told = f"history_{name}"
    _expect_network(name, model, l2=l2, dropout=dropout)
    epochs = len(history.get("val_loss", []))
    found = _mnist.expect_reduced_rate(told, history, rate=RATE)
    _mnist.expect_steps(name, model, BATCH_SIZE, epochs, told)
    _mnist.expect_history(name, model, history, numbers.shuffle, restored=True)
    losses = history["val_loss"]
    _mnist.expect_stopped(told, losses, STOP_PATIENCE, numbers.most_epochs, GIVEN_DELTAS)
    _mnist.expect_reductions(told, losses, found, PLATEAU_PATIENCE, GIVEN_DELTAS)
    _mnist.expect_restored(name, model, history, numbers.shuffle, GIVEN_DELTAS)


@declare(
    "4-E.1",
    "The plain network",
    points=2,
    level="standard",
    hints=(
        "All networks of this exercise are built and trained in the same way. Write one function "
        "that builds, with options for what differs, and one that trains.",
        "The training function sets the seed, builds the network, compiles it, and calls `fit` "
        "with `both_callbacks`. Each call of `both_callbacks` makes new callbacks.",
        "Give `fit` the data, `validation_split`, `batch_size`, `epochs` and `callbacks`, and "
        "return the network and what `fit` returned.",
    ),
    plain=Model(),
    history_plain=History(),
)
def plain_network(plain, history_plain):
    """Expect a trained network without penalty and dropout."""
    _expect_run("plain", plain, history_plain)


@declare(
    "4-E.2",
    "More L2, or less",
    points=2,
    level="standard",
    hints=(
        "An L2 penalty belongs to a layer, and each hidden layer has its own.",
        'See "On the digits" in the chapter: the option is `kernel_regularizer`. The output layer '
        "does not get it.",
        "Make an object of `keras.regularizers.L2` with the factor of the task, and pass it to "
        "both hidden layers. The string `l2` would take Keras's default factor.",
    ),
    l2_1=Model(),
    l2_2=Model(),
    l2_3=Model(),
    history_l2_1=History(),
    history_l2_2=History(),
    history_l2_3=History(),
)
def networks_with_l2(**given):
    """Expect three networks with an L2 penalty on the hidden layers only."""
    for number, factor in enumerate(_numbers().l2_factors, start=1):
        name = f"l2_{number}"
        _expect_run(name, given[name], given[f"history_{name}"], l2=factor)


@declare(
    "4-E.3",
    "More dropout, or less",
    points=1,
    level="basic",
    hints=(
        "Dropout is a layer of its own. It acts on the outputs of the layer before it.",
        'See "Dropout after each hidden layer" in the chapter. How many dropout layers does a '
        "network with two hidden layers get?",
        "In the loop that adds the hidden layers, add a `Dropout` layer right after each `Dense`. "
        "The output layer comes after the loop, and gets none.",
    ),
    dropout_1=Model(),
    dropout_2=Model(),
    dropout_3=Model(),
    history_dropout_1=History(),
    history_dropout_2=History(),
    history_dropout_3=History(),
)
def networks_with_dropout(**given):
    """Expect three networks with dropout after both hidden layers."""
    for number, rate in enumerate(_numbers().dropout_rates, start=1):
        name = f"dropout_{number}"
        _expect_run(name, given[name], given[f"history_{name}"], dropout=rate)


@declare(
    "4-E.4",
    "Penalty and cross-entropy",
    points=2,
    level="challenge",
    hints=(
        "The loss that Keras reports has two parts. One depends on the weights only, the other on "
        "the digits and their probabilities.",
        "For the penalty, take the kernels of the hidden layers, without their biases. For the "
        "cross-entropy, pick from each row of probabilities that of the digit's own class.",
        "The penalty is the factor times the sum of the squares. The one-hot rows `y` pick the "
        "probability: multiply and sum along the row. Both parts add up to what `evaluate` says.",
    ),
    l2_2=Model(),
    l2_penalty=Number(),
    l2_cross_entropy=Number(),
)
def parts_of_the_loss(l2_2, l2_penalty, l2_cross_entropy):
    """Expect the penalty and the cross-entropy, which add up to the loss that Keras reports."""
    factor = _numbers().l2_factors[1]
    _expect_network("l2_2", l2_2, l2=factor)
    now = _mnist.figures("l2_2", l2_2, _numbers().shuffle)
    *hidden, output = _models.dense_layers(l2_2)

    def squares(*arrays) -> float:
        return sum(float((np.asarray(array, dtype=np.float64) ** 2).sum()) for array in arrays)

    kernels = squares(*(layer.kernel for layer in hidden))
    wanted = factor * kernels
    said = f"`l2_penalty` is {l2_penalty:.4f}"
    right = abs(l2_penalty - wanted) <= ROUNDED_NUMBER + 1e-3 * wanted
    for mistake, what in [
        (kernels, "the sum of the squares. What is it multiplied by?"),
        (wanted / 2, "half of what Keras adds. Keras does not divide by 2."),
        (wanted + factor * squares(output.kernel), "with the output layer. Has it a penalty?"),
        (
            wanted + factor * squares(*(layer.bias for layer in hidden)),
            "with the biases. Do they count?",
        ),
    ]:
        expect(right or not np.isclose(l2_penalty, mistake, rtol=2e-3), f"{said}, {what}")
    expect(
        right,
        f"{said}, which is not what Keras adds to the loss for the weights of `l2_2`. Which "
        "weights count, in which layers, and what is done with them?",
    )
    said = f"`l2_cross_entropy` is {l2_cross_entropy:.4f}"
    expect(
        not np.isclose(l2_cross_entropy, now.loss + wanted, rtol=2e-3),
        f"{said}, which still includes the penalty.",
    )
    expect(
        _mnist.close(l2_cross_entropy, now.loss, now.clipped),
        f"{said}, which `l2_2` does not have on the 800 validation digits. Whose probability "
        "enters the logarithm, and of which rows is it the mean?",
    )


@declare(
    "4-E.5",
    "Seven networks on equal terms",
    points=2,
    level="standard",
    hints=(
        "Which of the reported numbers mean the same for a network with a penalty and one without?",
        "Compute the cross-entropy as in task 4, for each of the seven networks, and the accuracy "
        "from the most probable digit. The epochs are the length of a history.",
        "A loop over a dict of name and network makes the rows. To check your function, compare it "
        "with the reported loss of a network without a penalty.",
    ),
    plain=Model(),
    l2_1=Model(),
    l2_2=Model(),
    l2_3=Model(),
    dropout_1=Model(),
    dropout_2=Model(),
    dropout_3=Model(),
    equal_terms=Table(),
    lowest=Text(),
)
def on_equal_terms(equal_terms, lowest, **models):
    """Expect each network's cross-entropy, accuracy and epochs, and the name of the best."""
    numbers = _numbers()
    equal_terms = _answers.index_as_columns(equal_terms)
    names = _answers.words("equal_terms", equal_terms, "network").tolist()
    columns = {
        column: _answers.numbers("equal_terms", equal_terms, column)
        for column in ("cross_entropy", "accuracy", "epochs")
    }
    expect(
        sorted(names) == sorted(models),
        f"`equal_terms` has rows for {', '.join(names)[:150]}; the task asks for one row for each "
        f"of {', '.join(models)}.",
    )
    bare = {}
    for name, model in models.items():
        kind, _, number = name.partition("_")
        factor = numbers.l2_factors[int(number) - 1] if kind == "l2" else 0.0
        rate = numbers.dropout_rates[int(number) - 1] if kind == "dropout" else None
        bare[name] = _expect_network(name, model, l2=factor, dropout=rate)
        row = {column: values[names.index(name)] for column, values in columns.items()}
        told = row["cross_entropy"]
        expect(
            not factor or not _mnist.close(told, bare[name] + _models.penalty(model)),
            f"`equal_terms` has a cross_entropy of {told:.4g} for {name!r}, which still includes "
            "the penalty.",
        )
        _mnist.expect_row(
            "equal_terms",
            row,
            name,
            model,
            numbers.shuffle,
            repr(name),
            loss="cross_entropy",
            accuracy="accuracy",
        )
        epochs = _training.steps_taken(model, name) / _mnist.steps_per_epoch(BATCH_SIZE)
        expect(
            row["epochs"] == epochs,
            f"`equal_terms` has {row['epochs']:g} epochs for {name!r}, which does not agree with "
            f"the steps that the optimiser of `{name}` has taken. How long is its history?",
        )
    best = min(bare.values())
    named = _answers.normalised(lowest)
    # Values that agree to three digits may be ranked either way.
    expect(
        named in bare and bare[named] <= best + 1e-3,
        f"`lowest` is {lowest[:40]!r}, which by `equal_terms` is not the name of the network with "
        "the lowest cross-entropy.",
    )


@declare(
    "4-E.6",
    "Patience on a noisy curve",
    points=2,
    level="standard",
    hints=(
        "The two runs are to differ in the patience only. Then they are the same until the first "
        "one stops. What has to be the same at the start?",
        "Set the seed right before you build each network. Leave out the callback that reduces the "
        "rate, and restore the best weights in both runs.",
        "The number of epochs is the length of a list in the history. Each network keeps the "
        "weights of its lowest validation loss: subtract the smallest values of the two histories.",
    ),
    impatient=Model(),
    patient=Model(),
    history_impatient=History(),
    history_patient=History(),
    extra_epochs=Number(),
    lower_by=Number(),
)
def patience_on_a_noisy_curve(extra_epochs, lower_by, **given):
    """Expect one training that ended at two epochs, and what the longer one gained."""
    numbers = _numbers()
    losses = {}
    for name, patience in zip(("impatient", "patient"), numbers.patiences, strict=True):
        told, model, history = f"history_{name}", given[name], given[f"history_{name}"]
        _expect_network(name, model, dropout=numbers.noisy_rate)
        rates = history.get("learning_rate", [RATE])
        expect(
            np.isfinite(rates).all() and np.ptp(rates) == 0 and rates[0] > 0,
            f"By `{told}`, the learning rate changed. The task asks for a constant one, so that "
            "the curve stays noisy.",
        )
        _mnist.expect_optimizer(name, model, "SGD", rate=RATE, momentum=MOMENTUM)
        _mnist.expect_steps(name, model, BATCH_SIZE, len(history.get("val_loss", [])), told)
        _mnist.expect_history(name, model, history, numbers.shuffle, restored=True)
        losses[name] = history["val_loss"]
        _mnist.expect_stopped(told, losses[name], patience, numbers.noisy_epochs, NO_DELTAS)
        _mnist.expect_restored(name, model, history, numbers.shuffle, NO_DELTAS)
    # The first epoch has only 25 steps, in which rounding hardly grows. Runs from other seeds may
    # agree in one of the two losses, but not in both.
    first = [
        np.isclose(
            given["history_impatient"][loss][0], given["history_patient"][loss][0], rtol=2e-3
        )
        for loss in ("loss", "val_loss")
    ]
    expect(
        all(first),
        f"The first validation loss is {losses['impatient'][0]:.4f} in `history_impatient` and "
        f"{losses['patient'][0]:.4f} in `history_patient`. Did both networks start from the same "
        "seed, set right before they were built?",
    )
    extra = len(losses["patient"]) - len(losses["impatient"])
    expect(
        extra_epochs == extra,
        f"`extra_epochs` is {extra_epochs:g}, which does not agree with the lengths of the two "
        "histories.",
    )
    gain = min(losses["impatient"]) - min(losses["patient"])
    expect(
        abs(lower_by + gain) > 2 * ROUNDED_NUMBER or abs(gain) <= ROUNDED_NUMBER,
        f"`lower_by` is {lower_by:.4f}. Which of the two is subtracted from the other, if a gain "
        "is to be above 0?",
    )
    expect(
        abs(lower_by - gain) <= 2 * ROUNDED_NUMBER,
        f"`lower_by` is {lower_by:.4f}, which does not agree with the two histories. Which loss "
        "belongs to the weights that each network keeps?",
    )


VERDICTS = ("l2", "plain", "not separated")


@declare(
    "4-E.7",
    "Five pairs",
    points=2,
    level="challenge",
    hints=(
        "Two networks that start from the same seed make a pair. What is compared is the "
        "difference within each pair, not the two means.",
        "Train both networks for each of `numbers.seeds`, and note the cross-entropies of the "
        "weights that they keep. The first pair is there already.",
        "`evaluation.paired_difference` takes the two columns, and returns an interval with `low` "
        "and `high`. Does it include 0?",
    ),
    plain=Model(),
    l2_2=Model(),
    pairs=Table(),
    low=Number(),
    high=Number(),
    verdict=Text(),
)
def five_pairs(plain, l2_2, pairs, low, high, verdict):
    """Expect five pairs, the interval of their difference, and what follows from it."""
    from coursekit import evaluation

    numbers = _numbers()
    rows = _mnist.rows_by("pairs", pairs, ("seed",), ("plain", "l2"))
    expect(
        sorted(key[0] for key in rows) == sorted(numbers.seeds),
        f"`pairs` has the seeds {', '.join(f'{key[0]:g}' for key in rows)[:100]}; the task asks "
        "for one row for each of `numbers.seeds`.",
    )
    values = {
        column: np.array([rows[seed,][column] for seed in numbers.seeds])
        for column in ("plain", "l2")
    }
    for column, found in values.items():
        expect(
            ((found > 0.05) & (found < LARGEST_LOSS)).all() and len(np.unique(found)) > 1,
            f"The column {column!r} of `pairs` has values that five such networks do not have. Is "
            "each the cross-entropy of the weights that a network keeps, on the validation digits?",
        )
    for name, column, model, factor in [
        ("plain", "plain", plain, 0.0),
        ("l2_2", "l2", l2_2, numbers.l2_factors[1]),
    ]:
        loss = _expect_network(name, model, l2=factor)
        told = values[column][0]
        expect(
            _mnist.close(told, loss),
            f"`pairs` has {told:.4g} in the column {column!r} for the seed {numbers.seeds[0]}; "
            f"{_mnist.compare(f'`{name}`, which started from it,', told, loss)}. Is the penalty "
            "left out?",
        )
    found = evaluation.paired_difference(values["l2"], values["plain"])
    for name, told, wanted in [("low", low, found.low), ("high", high, found.high)]:
        # Rounded columns move the ends a little.
        expect(
            abs(told - wanted) <= ROUNDED_NUMBER + 0.01 * abs(wanted),
            f"`{name}` is {told:.4f}, which is not an end of the 95 % t interval of the "
            "differences in `pairs`, L2 minus plain. Is each difference within a pair, and is the "
            "interval of their mean?",
        )
    separated = "l2" if found.high < 0 else "plain" if found.low > 0 else "not separated"
    word = _answers.verdict(verdict, VERDICTS)
    expect(
        word == separated,
        f"`verdict` is {word!r}. Does the interval include 0? If it does not, which network has "
        "the lower cross-entropy?",
    )
