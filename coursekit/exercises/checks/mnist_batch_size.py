"""Checks of the exercises on batch size (4-A)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _answers, _mnist
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Table, Text

if TYPE_CHECKING:
    import keras

    from coursekit.exercises.course_variants.mnist import BatchSize

WIDTHS = (512,)
# Mean validation loss of the base network after a number of steps of plain SGD, by the product of
# learning rate and steps. At a rate of 0.01 it depends on that alone, for batches of 10 to 600
# rows: three runs of each size, with other digits and weights, lay within 7 % of these means.
PATHS = (0.18, 0.24, 0.6, 0.75, 0.96, 2.4, 3.0, 3.84, 4.8, 6.0, 9.6)
LOSSES = (2.11, 2.05, 1.71, 1.59, 1.45, 0.89, 0.78, 0.68, 0.61, 0.55, 0.45)
SPREAD = 0.2
# At 12 to 30 times that rate, the steps are rougher: the loss was up to 22 % higher.
ROUGH_SPREAD = 0.4


def _numbers() -> BatchSize:
    return _mnist.chosen("mnist-batch-size")


def _expect_trained(
    name: str,
    model: keras.Model,
    *,
    batch_size: int,
    epochs: int,
    rate: float,
    spread: float = SPREAD,
) -> None:
    """Expect the base network, trained from new weights with plain SGD."""
    _mnist.expect_network(name, model, WIDTHS)
    _mnist.expect_optimizer(name, model, "SGD", rate=rate)
    _mnist.expect_steps(name, model, batch_size, epochs)
    found = _mnist.figures(name, model, _numbers().shuffle)
    path = rate * epochs * _mnist.steps_per_epoch(batch_size)
    usual = np.exp(np.interp(np.log(path), np.log(PATHS), np.log(LOSSES)))
    said = (
        f"`{name}` has a validation loss of {found.loss:.3f} and an accuracy of "
        f"{found.accuracy:.3f}, "
    )
    expect(
        found.loss <= usual * (1 + spread),
        said + "which is worse than so much training gives. Was it trained on images from 0 to 1 "
        "with the labels in their order, and kept as `fit` left it?",
    )
    expect(
        found.loss >= usual * (1 - SPREAD),
        said + "which is better than so little training gives. Did it begin with new weights?",
    )


@declare(
    "4-A.1",
    "Steps per epoch",
    points=1,
    level="basic",
    hints=(
        'See "Epoch, batch, step" in the chapter: a step takes one batch, and an epoch takes every '
        "training row once.",
        "Divide the training rows, not all 4,000, by each size. With one of the sizes, this leaves "
        "a remainder.",
        "The rows left over make one more, smaller batch, and so one more step. Which way do you "
        "have to round?",
    ),
    steps_per_epoch=Array(),
)
def steps(steps_per_epoch):
    """Expect the number of batches per epoch, including an incomplete last one."""
    sizes = _numbers().batch_sizes
    wanted = np.array([_mnist.steps_per_epoch(size) for size in sizes])
    expect(
        steps_per_epoch.shape == (4,) and steps_per_epoch.dtype.kind in "iuf",
        f"`steps_per_epoch` has shape {steps_per_epoch.shape} and holds {steps_per_epoch.dtype}; "
        "the task asks for four numbers.",
    )
    found = ", ".join(f"{value:g}" for value in steps_per_epoch)
    of_all = [_mnist.steps_per_epoch(size, _mnist.N_ROWS) for size in sizes]
    expect(
        not np.array_equal(steps_per_epoch, of_all),
        f"`steps_per_epoch` is {found}. How many of the 4,000 digits does `fit` train on?",
    )
    short = np.abs(steps_per_epoch - _mnist.N_TRAINING / np.array(sizes)) < 1
    expect(
        np.array_equal(steps_per_epoch, wanted) or not short.all(),
        f"`steps_per_epoch` is {found}. A step is taken as a whole: what happens to the rows that "
        "do not fill a batch?",
    )
    expect(
        np.array_equal(steps_per_epoch, wanted),
        f"`steps_per_epoch` is {found}. How often does a batch fit into the rows that are trained "
        "on?",
    )


@declare(
    "4-A.2",
    "Four batch sizes, as many epochs",
    points=2,
    level="standard",
    hints=(
        "Fill the builder first: two `Dense` layers, with their units and activations. Try it: "
        "does the summary of the network count 407,050 parameters?",
        "In the loop, `fit` needs `batch_size`, `epochs`, `validation_split`, and the timer in "
        "`callbacks`. The last epoch is the last entry of a list in `history.history`.",
        "`timer.seconds` is a list with an entry per epoch, and `timer.seconds[1:]` the same list "
        "without the first. `pd.DataFrame` takes the rows and the names of the `columns`.",
    ),
    batches=Table(),
    trained_1=Model(),
    trained_2=Model(),
    trained_3=Model(),
    trained_4=Model(),
)
def batch_sizes(batches, **trained):
    """Expect the networks of all four rows, and their metrics in the table."""
    numbers = _numbers()
    rows = _mnist.rows_by("batches", batches, ("batch_size",), ("val_loss", "val_accuracy"))
    sizes = sorted(key[0] for key in rows)
    expect(
        sizes == list(numbers.batch_sizes),
        f"`batches` has rows for the sizes {', '.join(f'{size:g}' for size in sizes)}; the task "
        "asks for one row for each of the four sizes.",
    )
    for (name, model), size in zip(trained.items(), numbers.batch_sizes, strict=True):
        _expect_trained(
            name, model, batch_size=size, epochs=numbers.epochs, rate=numbers.learning_rate
        )
        what = f"batches of {size}"
        _mnist.expect_row("batches", rows[size,], name, model, numbers.shuffle, what)


@declare(
    "4-A.3",
    "The same number of steps",
    points=2,
    level="standard",
    hints=(
        'Read "The same number of steps" in the chapter: there, each batch size gets as many '
        "steps, so larger batches get more epochs.",
        "How many steps did the network with the second batch size take in all? Your "
        "`steps_per_epoch` and the number of epochs say it.",
        "Divide that number by the steps that an epoch takes with the third batch size, and give "
        "the result to `fit` as `epochs`, for a new network.",
    ),
    same_steps=Model(),
    history_same_steps=History(),
)
def same_number_of_steps(same_steps, history_same_steps):
    """Expect a network trained for as many steps as the second batch size in its epochs."""
    numbers = _numbers()
    _, base, larger, _ = numbers.batch_sizes
    steps = numbers.epochs * _mnist.steps_per_epoch(base)
    epochs = steps // _mnist.steps_per_epoch(larger)
    found = len(history_same_steps.get("loss", []))
    expect(
        found == epochs,
        f"`history_same_steps` has {found} epochs. How many steps make one epoch with batches of "
        f"{larger}, and how many are needed?",
    )
    _expect_trained(
        "same_steps", same_steps, batch_size=larger, epochs=epochs, rate=numbers.learning_rate
    )
    _mnist.expect_history("same_steps", same_steps, history_same_steps, numbers.shuffle)


@declare(
    "4-A.4",
    "A rate in proportion",
    points=2,
    level="standard",
    hints=(
        'Read "Change the rate with the batch": fewer steps can go as far if each is longer.',
        "By what factor is the largest batch larger than one of the second size, to which "
        "`numbers.learning_rate` belongs?",
        "Multiply the rate by that factor, and give the product to `base_network`. Batch size and "
        "epochs go to `fit` as before.",
    ),
    in_proportion=Model(),
    history_in_proportion=History(),
)
def rate_in_proportion(in_proportion, history_in_proportion):
    """Expect a learning rate scaled in proportion to the batch size."""
    numbers = _numbers()
    _, base, _, largest = numbers.batch_sizes
    _expect_trained(
        "in_proportion",
        in_proportion,
        batch_size=largest,
        epochs=numbers.epochs,
        rate=numbers.learning_rate * largest / base,
        spread=ROUGH_SPREAD,
    )
    _mnist.expect_history(
        "in_proportion",
        in_proportion,
        history_in_proportion,
        numbers.shuffle,
        epochs=numbers.epochs,
    )


REASONS = {
    "a": "Each epoch takes every training row once, whatever the batch size. So the rows are as "
    "many.",
    "b": "The gradient is more precise, but that changes what a step achieves, not how long an "
    "epoch takes.",
    "d": "Keras compiles the training step in the first epoch, and your table leaves this epoch "
    "out. Which work is left?",
}
LONGEST = 3600  # seconds; an epoch takes less than one
# Of times that differ by less, either may be called the shortest: another run changes the order.
AS_SHORT = 1.05


@declare(
    "4-A.5",
    "Seconds per epoch and per step",
    points=2,
    level="standard",
    hints=(
        "An epoch with large batches takes fewer steps, and each step has more rows. Your table "
        "has the seconds of an epoch; how long does a single step take?",
        "Divide the seconds of an epoch by its steps, for each row, and multiply by 1,000. Then "
        "look for the smallest value among the epochs, and among the steps.",
        "For the reason, go through the sentences twice. Which of them are true? And which of the "
        "true ones speak of time, not of the loss?",
    ),
    batches=Table(),
    ms_per_step=Array(),
    fastest_epoch=Number(),
    fastest_step=Number(),
    reason_time=Text(),
)
def computing_time(batches, ms_per_step, fastest_epoch, fastest_step, reason_time):
    """Expect times that agree with each other, and what follows from them."""
    numbers = _numbers()
    sizes = numbers.batch_sizes
    rows = _mnist.rows_by("batches", batches, ("batch_size",), ("seconds_per_epoch",))
    expect(
        sorted(key[0] for key in rows) == list(sizes),
        "`batches` needs one row for each of the four batch sizes.",
    )
    seconds = np.array([rows[size,]["seconds_per_epoch"] for size in sizes])
    expect(
        ((seconds > 0) & (seconds < LONGEST)).all(),
        "`batches` has seconds_per_epoch that no epoch takes: 0 or less, or more than an hour.",
    )
    expect(
        ms_per_step.shape == (4,)
        and ms_per_step.dtype.kind in "iuf"
        and np.isfinite(ms_per_step).all(),
        f"`ms_per_step` has shape {ms_per_step.shape} and holds {ms_per_step.dtype}; the task asks "
        "for four finite numbers.",
    )
    steps = np.array([_mnist.steps_per_epoch(size) for size in sizes])
    wanted = 1000 * seconds / steps
    # Seconds may be rounded to three digits, and milliseconds to two.
    near = np.abs(ms_per_step - wanted) <= 0.01 * wanted + 0.5 / steps + 0.006
    expect(
        near.all(),
        f"`ms_per_step` is {', '.join(f'{value:.3g}' for value in ms_per_step)}. That does not "
        "agree with the seconds per epoch in `batches`. How many steps does each epoch have, and "
        "how many milliseconds a second?",
    )
    expect(
        seconds[0] > seconds[-1],
        f"By `batches`, an epoch with batches of {sizes[0]} takes no longer than one with batches "
        f"of {sizes[-1]}, which has far fewer steps. Does the first epoch count, in which Keras "
        "also compiles the training step?",
    )
    for name, told, times, what in [
        ("fastest_epoch", fastest_epoch, seconds, "epoch"),
        ("fastest_step", fastest_step, ms_per_step, "step"),
    ]:
        expect(
            told in sizes,
            f"`{name}` is {told:g}; the task asks for one of the four batch sizes.",
        )
        expect(
            times[sizes.index(int(told))] <= AS_SHORT * times.min(),
            f"`{name}` is {told:g}. By your own times, another batch size has the shorter {what}.",
        )
    letter = _answers.choice("reason_time", reason_time, "abcd")
    expect(letter == "c", f"`reason_time` is {letter!r}. {REASONS.get(letter)}")
