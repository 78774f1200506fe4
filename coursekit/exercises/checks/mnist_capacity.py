"""Checks of the exercises on capacity (4-C) and on both callbacks (4-D)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coursekit.exercises.checks import _answers, _mnist, _training
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import History, Model, Number, Table, Text

if TYPE_CHECKING:
    import keras

    from coursekit.exercises.course_variants.mnist import Capacity

BATCH_SIZE = 128
MOMENTUM = 0.9
RATE = 0.1


def _numbers() -> Capacity:
    return _mnist.chosen("mnist-capacity")


# ------------------------------------------------------------------------------ 4-C: capacity


@declare(
    "4-C.1",
    "Six networks",
    points=3,
    level="standard",
    hints=(
        "All six networks differ only in the widths of their hidden layers. So one function with "
        "the widths as its argument builds all of them.",
        "In the function, begin with a `Sequential` that has only the input, and add one `Dense` "
        "layer for each width, in a loop. Count the parameters of the result before you train.",
        "In the loop over `numbers.networks`, build, train, and note `count_params` and the last "
        "values of the history. The name of a row joins the widths by hyphens.",
    ),
    capacity=Table(),
    network_1=Model(),
    network_2=Model(),
    network_3=Model(),
    network_4=Model(),
    network_5=Model(),
    network_6=Model(),
)
def six_networks(capacity, **networks):
    """Expect the networks of all six rows, their parameters and their metrics."""
    numbers = _numbers()
    capacity = _answers.index_as_columns(capacity)
    names = _answers.words("capacity", capacity, "network")
    names = [name.strip("[]() ").replace(" ", "").replace(",", "-").strip("-") for name in names]
    columns = {
        column: _answers.numbers("capacity", capacity, column)
        for column in ("parameters", "val_loss", "val_accuracy")
    }
    expect(
        len(capacity) == len(numbers.networks),
        f"`capacity` has {len(capacity)} rows; the task asks for one for each of the "
        f"{len(numbers.networks)} networks.",
    )
    for (variable, model), widths in zip(networks.items(), numbers.networks, strict=True):
        name = "-".join(map(str, widths))
        expect(name in names, f"`capacity` has no row for the network {name!r}.")
        row = {column: values[names.index(name)] for column, values in columns.items()}
        expect(
            row["parameters"] == _mnist.parameters(widths),
            f"`capacity` says {row['parameters']:,.0f} parameters for {name!r}, which these layers "
            "do not have. Compare with `count_params`, and count the layers that your loop adds.",
        )
        _mnist.expect_network(variable, model, widths)
        _mnist.expect_optimizer(variable, model, "SGD", rate=RATE, momentum=MOMENTUM)
        _mnist.expect_steps(variable, model, BATCH_SIZE, numbers.epochs)
        _mnist.expect_row("capacity", row, variable, model, numbers.shuffle, repr(name))
        accuracy = row["val_accuracy"]
        # Those with 100 units or more passed this in four runs, each of another variant.
        expect(
            accuracy > 0.8 or max(widths) < 100,
            f"`{variable}` reaches an accuracy of {accuracy:.3f}, less than such a network does. "
            "Was it trained on images from 0 to 1 with the labels in their order?",
        )


CLAIMS = {
    "a": "Compare the networks with the most parameters in your table: do they follow this order? "
    "And by how much would another seed move each loss?",
    "c": "It is a fair comparison of six runs. What would the order be if each network started "
    'from other weights? See the intervals in "Which network is best?".',
    "d": "Put the networks with several layers beside the widest one with a single layer. Are the "
    "differences larger than what another seed changes?",
}


@declare(
    "4-C.2",
    "What capacity changes",
    points=1,
    level="standard",
    hints=(
        "Ask of each sentence what your table can show. It has one run of each network.",
        "Look at the largest difference in your table, and then at the differences among the wide "
        "and deep networks.",
        "The chapter trained such networks with 10 or 20 seeds, and some of their differences "
        "stayed open. Which differences in your table are much larger than those?",
    ),
    answer_capacity=Text(),
)
def capacity_described(answer_capacity):
    """Expect choice b."""
    letter = _answers.choice("answer_capacity", answer_capacity, "abcd")
    expect(letter == "b", f"`answer_capacity` is {letter!r}. {CLAIMS.get(letter)}")


# ------------------------------------------------------- 4-D: a large network, both callbacks


def _expect_big(big: keras.Model) -> None:
    numbers = _numbers()
    _mnist.expect_network("big", big, numbers.big)
    _mnist.expect_optimizer("big", big, "SGD", momentum=MOMENTUM)
    _training.steps_taken(big, "big")
    _mnist.expect_unseen("big", big, numbers.shuffle)


def _expect_big_run(big: keras.Model, history_big: dict[str, list[float]]) -> None:
    """Expect the network and the history of one training."""
    numbers = _numbers()
    _expect_big(big)
    epochs = len(history_big.get("loss", []))
    expect(
        epochs <= numbers.most_epochs,
        f"`history_big` has {epochs} epochs; the task allows {numbers.most_epochs}.",
    )
    _mnist.expect_steps("big", big, BATCH_SIZE, epochs, "history_big")
    _mnist.expect_history("big", big, history_big, numbers.shuffle, restored=True)


@declare(
    "4-D.1",
    "A large network, with both callbacks",
    points=2,
    level="standard",
    hints=(
        'Both callbacks go to `fit` in one list. "Early stopping" in the chapter on callbacks and '
        '"Reduce on plateau" in the one on schedules show one each.',
        "Write `EarlyStopping` with your patience first. By default, the network keeps the weights "
        "of its last epoch: which option changes that?",
        "Early stopping needs `restore_best_weights`, the other callback `factor`. Both watch the "
        "validation loss by default.",
    ),
    big=Model(),
    history_big=History(),
)
def big_network(big, history_big):
    """Expect the network with the weights of its best epoch, and a rate that fell by 0.1."""
    _expect_big_run(big, history_big)
    _mnist.expect_reduced_rate("history_big", history_big, rate=RATE)
    _mnist.expect_restored("big", big, history_big, _numbers().shuffle)


@declare(
    "4-D.2",
    "Two kinds of patience",
    points=1,
    level="standard",
    hints=(
        "Both callbacks count epochs without an improvement. What is each to do when the loss "
        "stops falling, and in which order?",
        "A lower rate can only help if training goes on after it. Which patience has to be the "
        "smaller one?",
        "Count by hand: the loss falls for the last time in epoch 5. With your two numbers, after "
        "which epoch does the rate fall, and after which does training stop? There have to be "
        "epochs in between. Pass the variables themselves to the callbacks.",
    ),
    big=Model(),
    history_big=History(),
    stop_patience=Number(),
    plateau_patience=Number(),
)
def two_callbacks(big, history_big, stop_patience, plateau_patience):
    """Expect a history that agrees with the patience of both callbacks."""
    _expect_big_run(big, history_big)
    for name, value in [("stop_patience", stop_patience), ("plateau_patience", plateau_patience)]:
        expect(
            value >= 1 and value == int(value),
            f"`{name}` is {value:g}; it counts epochs, and has to be a whole number from 1 on.",
        )
    expect(
        stop_patience > plateau_patience,
        f"`stop_patience` is {stop_patience:g} and `plateau_patience` {plateau_patience:g}. What "
        "happens first when the loss stops falling, and does the lower rate ever get its turn?",
    )
    losses = history_big["val_loss"]
    found = _mnist.expect_reduced_rate("history_big", history_big, rate=RATE)
    _mnist.expect_stopped("history_big", losses, int(stop_patience), _numbers().most_epochs)
    _mnist.expect_reductions("history_big", losses, found, int(plateau_patience))


# Four decimals, and what float32 rounds.
REPORTED_ATOL = 6e-5


@declare(
    "4-D.3",
    "The loss to report",
    points=1,
    level="basic",
    hints=(
        "A report is about a network that exists. Which weights does `big` have now?",
        'Read "Which weights are these, and which loss?" in the chapter on callbacks. The lowest '
        "loss in the history need not be that of the kept weights: a gain below `min_delta` does "
        "not count. How can you measure the network itself?",
        "Ask the network: `evaluate` on the 800 validation digits, with `verbose=0`, returns the "
        "loss first.",
    ),
    big=Model(),
    history_big=History(),
    reported=Number(),
)
def loss_to_report(big, history_big, reported):
    """Expect the validation loss of the network with its present weights."""
    _expect_big_run(big, history_big)
    now = _mnist.figures("big", big, _numbers().shuffle)
    last, lowest = history_big["val_loss"][-1], min(history_big["val_loss"])
    tolerance = REPORTED_ATOL + _mnist.LOSS_RTOL * now.loss
    right = min(abs(reported - now.loss), abs(reported - now.clipped)) <= tolerance
    # The last epoch's loss can be told from the network's where float32 tells them apart.
    of_last = abs(reported - last) < 1e-6 and abs(last - now.loss) > 5e-5
    expect(
        not of_last,
        f"`reported` is {reported:.4f}, with which the history ends. Whose weights does `big` have "
        "now: those of the last epoch?",
    )
    expect(
        right or abs(reported - lowest) > tolerance,
        f"`reported` is {reported:.4f}, the lowest loss of the history. `big` as it is does not "
        "have it: early stopping kept another epoch, because of its `min_delta`, or restored none. "
        "What does the network itself say?",
    )
    expect(
        right or abs(reported - min(history_big["loss"])) > tolerance,
        f"`reported` is {reported:.4f}, a loss on the training digits. Which digits has the "
        "network not been trained on?",
    )
    expect(
        right,
        f"`reported` is {reported:.4f}; {_mnist.compare('`big` as it is', reported, now.loss)} on "
        "the 800 validation digits, to four decimals. Whose weights does it have, "
        "and which epoch is about them?",
    )
