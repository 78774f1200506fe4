"""Checks of the exercises on learning rates and optimisers (4-B)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _answers, _mnist
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Table

if TYPE_CHECKING:
    import keras

    from coursekit.exercises.course_variants.mnist import LearningRate

WIDTHS = (512,)
LEARNED = 0.8  # the accuracy from which the task says that a network has learned
# With a rate of 10, SGD guesses; 20 runs reached an accuracy of at most 0.12.
FAILED = 0.5
KINDS = {"sgd": "SGD", "rmsprop": "RMSprop", "adam": "Adam"}


def _numbers() -> LearningRate:
    return _mnist.chosen("mnist-learning-rate")


def _expect_trained(
    name: str, model: keras.Model, kind: str, *, rate: float, momentum: float = 0.0
) -> None:
    """Expect the base network, trained from new weights with these settings."""
    numbers = _numbers()
    _mnist.expect_network(name, model, WIDTHS)
    _mnist.expect_optimizer(name, model, kind, rate=rate, momentum=momentum)
    _mnist.expect_steps(name, model, numbers.batch_size, numbers.epochs)


@declare(
    "4-B.1",
    "How far momentum carries",
    points=1,
    level="standard",
    hints=(
        "Take a rate times gradient of 1, so that the first move is 1. With momentum, each move "
        "adds a share of the last one.",
        "Write a loop: each new move is momentum times the last one, plus 1. Which number do the "
        "moves approach? With a momentum close to 1, take at least a thousand moves.",
        "In the long run, a move is as long as the one before. Write this as an equation: a move "
        "is momentum times itself, plus 1. Solve it for the move.",
    ),
    longer_moves=Array(),
)
def momentum_by_hand(longer_moves):
    """Expect the limits of the three geometric series, 1 / (1 - momentum)."""
    momenta = np.array(_numbers().momenta)
    expect(
        longer_moves.shape == (3,) and longer_moves.dtype.kind in "iuf",
        f"`longer_moves` has shape {longer_moves.shape} and holds {longer_moves.dtype}; the task "
        "asks for three numbers.",
    )
    said = f"`longer_moves` is {', '.join(f'{value:.3g}' for value in longer_moves)}. "
    expect(
        not np.allclose(longer_moves, 1 + momenta, rtol=0.005),
        said + "That is the second move. The third one gets a share of the second, and so on.",
    )
    expect(
        not np.allclose(longer_moves, momenta / (1 - momenta), rtol=0.005),
        said + "That is what earlier moves add. The gradient of the present step moves the weight, "
        "too.",
    )
    # Two digits: a loop that stops early is off by less.
    expect(
        np.allclose(longer_moves, 1 / (1 - momenta), rtol=0.01),
        said + "Follow the moves step by step, with a gradient that stays the same, until they no "
        "longer change.",
    )


@declare(
    "4-B.2",
    "Six settings of SGD",
    points=2,
    level="standard",
    hints=(
        "From setting to setting, only the optimiser differs. Where does `train` need it?",
        "Fill `train` first: add the two layers, compile with the optimiser that is passed in, and "
        "call `fit`. Try it with one optimiser.",
        "In the loop, pass the rate and the momentum to `keras.optimizers.SGD`. For `alike`, "
        "multiply each rate by the factor that you found in task 1 for its momentum, or by 1 "
        "without momentum.",
    ),
    sgd=Table(),
    sgd_1=Model(),
    sgd_2=Model(),
    sgd_3=Model(),
    sgd_4=Model(),
    sgd_5=Model(),
    sgd_6=Model(),
    alike=Number(),
    lowest=Number(),
)
def settings_of_sgd(sgd, alike, lowest, **networks):
    """Expect the network and the row of each setting, and what the table says."""
    numbers = _numbers()
    rows = _mnist.rows_by("sgd", sgd, ("learning_rate", "momentum"), ("val_loss", "val_accuracy"))
    for rate, momentum in numbers.sgd_settings:
        expect(
            (rate, momentum) in rows,
            f"`sgd` has no row for a rate of {rate:g} with momentum {momentum:g}.",
        )
    wanted = len(numbers.sgd_settings)
    expect(
        len(rows) == wanted,
        f"`sgd` has {len(rows)} rows; the task asks for one for each of the {wanted} settings.",
    )
    losses = []
    for (name, model), (rate, momentum) in zip(networks.items(), numbers.sgd_settings, strict=True):
        _expect_trained(name, model, "SGD", rate=rate, momentum=momentum)
        what = f"a rate of {rate:g} with momentum {momentum:g}"
        _mnist.expect_row("sgd", rows[rate, momentum], name, model, numbers.shuffle, what)
        losses.append(rows[rate, momentum]["val_loss"])
    settings = dict(enumerate(numbers.sgd_settings, start=1))
    long_run = {number: rate / (1 - momentum) for number, (rate, momentum) in settings.items()}
    alone = [number for number, (_, momentum) in settings.items() if momentum == 0]
    (as_long,) = [number for number in alone if np.isclose(long_run[number], long_run[5])]
    expect(
        alike in alone,
        f"`alike` is {alike:g}; the task asks for the number of a setting without momentum.",
    )
    expect(
        alike == as_long,
        f"`alike` is {alike:g}. On a gradient that stays the same, how long are the moves of "
        "setting 5 in the long run? Look for the setting without momentum whose moves are as long.",
    )
    expect(
        lowest in range(1, wanted + 1),
        f"`lowest` is {lowest:g}; the task asks for the number of a setting, from 1 to {wanted}.",
    )
    # Losses that agree to three digits may be ranked either way.
    expect(
        losses[int(lowest) - 1] <= min(losses) + 1e-3,
        f"`lowest` is {lowest:g}. By `sgd`, another setting has a lower validation loss.",
    )


def _expect_adaptive(
    name: str, kind: str, model: keras.Model, history: dict[str, list[float]]
) -> None:
    numbers = _numbers()
    _expect_trained(name, model, kind, rate=0.001)
    _mnist.expect_history(name, model, history, numbers.shuffle, epochs=numbers.epochs)
    found = _mnist.figures(name, model, numbers.shuffle)
    # Both optimisers stayed inside in four runs, each of another variant.
    expect(
        0.15 < found.loss < 0.5,
        f"`{name}` has a validation loss of {found.loss:.3f} and an accuracy of "
        f"{found.accuracy:.3f}, which {numbers.epochs} epochs at the default rate do not give. Did "
        "it begin with new weights, and was it trained on images from 0 to 1 with the labels in "
        "their order?",
    )


_DEFAULT_HINTS = (
    'The default rate of an optimiser is the one that Keras takes if you name none. "Start with '
    'Adam" in the chapter lists them.',
    "Use the function of task 2. It builds a new network, and takes any optimiser.",
    "Pass an object of `keras.optimizers.{kind}`, made without arguments, and keep both values "
    "that the function returns.",
)


@declare(
    "4-B.3",
    "RMSprop with its default",
    points=1,
    level="basic",
    hints=tuple(hint.replace("{kind}", "RMSprop") for hint in _DEFAULT_HINTS),
    rmsprop=Model(),
    history_rmsprop=History(),
)
def with_rmsprop(rmsprop, history_rmsprop):
    """Expect a network trained for three epochs with RMSprop at its default rate."""
    _expect_adaptive("rmsprop", "RMSprop", rmsprop, history_rmsprop)


@declare(
    "4-B.4",
    "Adam with its default",
    points=1,
    level="basic",
    hints=tuple(hint.replace("{kind}", "Adam") for hint in _DEFAULT_HINTS),
    adam=Model(),
    history_adam=History(),
)
def with_adam(adam, history_adam):
    """Expect a network trained for three epochs with Adam at its default rate."""
    _expect_adaptive("adam", "Adam", adam, history_adam)


@declare(
    "4-B.5",
    "The largest rates that learn",
    points=2,
    level="standard",
    hints=(
        "Nine rows: three optimisers, three rates each. A network that fails is a result, too, and "
        "gets its row.",
        "Loop over the optimisers, and inside over their rates. Keep each network in a dict, by "
        "optimiser and rate, so that you can take out those of the largest rates at the end.",
        "Keep the rows whose accuracy is at least 0.8, group them by optimiser, and take the "
        "largest rate of each.",
    ),
    rates=Table(),
    largest_sgd=Number(),
    largest_rmsprop=Number(),
    largest_adam=Number(),
    network_sgd=Model(),
    network_rmsprop=Model(),
    network_adam=Model(),
)
def largest_rates(rates, **given):
    """Expect nine rows, the largest rate of each optimiser that learns, and its network."""
    numbers = _numbers()
    table = _answers.index_as_columns(rates)
    names = [_answers.normalised(name) for name in _answers.words("rates", table, "optimiser")]
    tried = _answers.numbers("rates", table, "learning_rate")
    # With too large a rate, training diverges and the accuracy may be missing.
    reached = np.nan_to_num(_answers.numbers("rates", table, "val_accuracy", failed=True))
    of = {
        (name, _mnist.setting(rate)): accuracy
        for name, rate, accuracy in zip(names, tried, reached, strict=True)
    }
    wanted = {
        "sgd": numbers.sgd_rates,
        "rmsprop": numbers.adaptive_rates,
        "adam": numbers.adaptive_rates,
    }
    for name, candidates in wanted.items():
        for rate in candidates:
            expect((name, rate) in of, f"`rates` has no row for {name!r} with a rate of {rate:g}.")
    expect(
        len(table) == sum(map(len, wanted.values())),
        f"`rates` has {len(table)} rows; the task asks for one for each of the nine settings.",
    )
    expect(
        ((reached >= 0) & (reached <= 1)).all(),
        "`rates` has a val_accuracy that is not between 0 and 1; it is a share.",
    )
    failed = of["sgd", numbers.sgd_rates[-1]]
    expect(
        failed < FAILED,
        f"By `rates`, SGD with a rate of {numbers.sgd_rates[-1]:g} reaches an accuracy of "
        f"{failed:.3f}. In our runs, so long steps never learned. Was the network new?",
    )
    for name, candidates in wanted.items():
        # The lowest rates learned in each of 20 runs of the chapter, and in ours.
        safe = candidates[0]
        expect(
            of[name, safe] >= LEARNED,
            f"By `rates`, {name} with a rate of {safe:g} reaches an accuracy of "
            f"{of[name, safe]:.3f}. In all our runs, {numbers.epochs} epochs gave more.",
        )
        best = max(rate for rate in candidates if of[name, rate] >= LEARNED)
        told = given[f"largest_{name}"]
        expect(
            np.isclose(told, best),
            f"`largest_{name}` is {told:g}. By `rates`, that is not the largest rate with an "
            f"accuracy of {LEARNED:g} or more.",
        )
        network = f"network_{name}"
        _expect_trained(network, given[network], KINDS[name], rate=best)
        share = _mnist.figures(network, given[network], numbers.shuffle).accuracy
        expect(
            abs(share - of[name, best]) <= _mnist.ACCURACY_TOLERANCE,
            f"By `rates`, {name} with a rate of {best:g} reaches an accuracy of "
            f"{of[name, best]:.4g}; {_mnist.compare(f'`{network}`', of[name, best], share)} on the "
            "validation digits. Is it the network of that row?",
        )
