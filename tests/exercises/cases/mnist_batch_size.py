"""Right and wrong answers to the exercises on batch size."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.exercises.cases import Case
from tests.exercises.cases._mnist import (
    by_batch,
    digits,
    fit,
    history_and,
    labels_off_by_one,
    last,
    network,
    sgd,
    subclassed,
    table,
    validation,
    with_state,
)
from tests.exercises.cases._networks import claimed, copy, dense, dropout, trained

SIZES = (16, 32, 128, 512)
STEPS = np.array([200, 100, 25, 7])
SECONDS = {16: 0.318, 32: 0.172, 128: 0.0714, 512: 0.0523}


@trained
def same_steps():
    model = network(512)
    return model, fit(model, epochs=12)


@trained
def same_steps_subclassed():
    model = subclassed(512)
    return model, fit(model, epochs=12)


@trained
def in_proportion():
    model = network(512, optimizer=sgd(0.16))
    return model, fit(model, batch_size=512)


@trained
def on_all_digits():
    """The validation digits were trained on, too."""
    model = network(512)
    return model, fit(model, batch_size=16, rows=4000)


@trained
def one_network_all_along():
    """Never built anew: the steps of the second size come on top of those of the first."""
    model = network(512)
    fit(model, batch_size=16)
    return model, fit(model, batch_size=32)


@trained
def with_dropout():
    model = network(layers=[dense(512), dropout(0.2), dense(10, "softmax")])
    return model, fit(model, batch_size=16)


@trained
def shifted_labels():
    """Labels that belong to the next digit."""
    x, y = digits()
    model = network(512)
    history = model.fit(x[:3200], np.roll(y[:3200], 1, axis=0), batch_size=16, epochs=3, verbose=0)
    return model, history


def rows_of(histories, epoch: int = -1) -> list[dict[str, float]]:
    return [
        {
            "batch_size": size,
            **{name: histories[size].history[name][epoch] for name in ("val_loss", "val_accuracy")},
        }
        for size in histories
    ]


def batch_answers(*, changes=None, epoch=-1, sizes=SIZES, **changed: Any) -> dict[str, Any]:
    """The rows begin with the largest size."""
    rows = rows_of({size: by_batch(size)[1] for size in reversed(sizes)}, epoch)
    for row in rows:
        row.update((changes or {}).get(row["batch_size"], {}))
    right = {f"trained_{place}": by_batch(size)[0] for place, size in enumerate(SIZES, start=1)}
    return {"batches": table(rows), **right, **changed}


def row_of_all_along() -> dict[str, Any]:
    model, history = one_network_all_along()
    return batch_answers(changes={32: last(history)}, trained_2=model)


def row_of(size: int, model, place: int) -> dict[str, Any]:
    """A row that agrees with a network, whatever became of it."""
    figures = claimed(model, *validation(), 1)
    row = {name: figures[name][-1] for name in ("val_loss", "val_accuracy")}
    return batch_answers(changes={size: row}, **{f"trained_{place}": model})


def timed(seconds=None, *, ms=None, **changed: Any) -> dict[str, Any]:
    seconds = seconds or SECONDS
    rows = [{"batch_size": size, "seconds_per_epoch": seconds[size]} for size in SIZES]
    if ms is None:
        ms = 1000 * np.array([seconds[size] for size in SIZES]) / STEPS
    right = {
        "batches": table(rows),
        "ms_per_step": ms,
        "fastest_epoch": 512,
        "fastest_step": 16,
        "reason_time": "c",
    }
    return {**right, **changed}


CASES: dict[str, Case] = {
    "4-A.1": Case(
        right={"a list": lambda: {"steps_per_epoch": [200, 100, 25, 7.0]}},
        wrong={
            "of all 4,000": (lambda: {"steps_per_epoch": [250, 125, 32, 8]}, "does `fit` train on"),
            "rounded down": (
                lambda: {"steps_per_epoch": 3200 // np.array(SIZES)},
                "rows that do not fill a batch",
            ),
            "not rounded": (
                lambda: {"steps_per_epoch": 3200 / np.array(SIZES)},
                "rows that do not fill a batch",
            ),
            "of three epochs": (
                lambda: {"steps_per_epoch": [600, 300, 75, 21]},
                "How often does a batch fit",
            ),
            "one number": (lambda: {"steps_per_epoch": 200}, "asks for four numbers"),
        },
    ),
    "4-A.2": Case(
        right={
            "rows in another order": batch_answers,
            "rounded, sizes in the index": lambda: batch_answers(
                batches=batch_answers()["batches"].set_index("batch_size").round(3)
            ),
            "a dict, and columns of one's own": lambda: batch_answers(
                batches={
                    **batch_answers()["batches"].to_dict("list"),
                    "seconds": [np.nan] * 4,
                    "note": ["", "", "slow", ""],
                }
            ),
        },
        wrong={
            "one network all along": (row_of_all_along, "Did the cell run again"),
            "three sizes": (lambda: batch_answers(sizes=(16, 32, 512)), "each of the four sizes"),
            "middle rows that are made up": (
                lambda: batch_answers(
                    changes={
                        32: {"val_loss": 0.752, "val_accuracy": 0.84},
                        128: {"val_loss": 1.61, "val_accuracy": 0.71},
                    }
                ),
                "Is it the network of that row",
            ),
            "metrics of the first epoch": (
                lambda: batch_answers(epoch=0),
                "the value that of its last epoch",
            ),
            "accuracy in per cent": (
                lambda: batch_answers(changes={16: {"val_accuracy": 87.0}}),
                "has a val_accuracy of 87",
            ),
            "networks exchanged": (
                lambda: batch_answers(trained_1=by_batch(512)[0], trained_4=by_batch(16)[0]),
                "steps in all",
            ),
            "another width": (
                lambda: batch_answers(trained_1=network(128)),
                "has a hidden layer of 128 units; the task asks for a hidden layer of 512 units",
            ),
            "Adam": (
                lambda: batch_answers(trained_1=network(512, optimizer="adam")),
                "the optimiser Adam; the task asks for SGD",
            ),
            "momentum": (
                lambda: batch_answers(trained_1=network(512, optimizer=sgd(0.01, 0.9))),
                "momentum 0.9; the task asks for none",
            ),
            "another rate": (
                lambda: batch_answers(trained_1=network(512, optimizer=sgd(0.1))),
                "learning rate of 0.1",
            ),
            "another loss": (
                lambda: batch_answers(trained_1=network(512, loss="mse")),
                "the loss 'mean_squared_error'",
            ),
            "never trained": (lambda: row_of(512, network(512), 4), "has counted no training step"),
            "compiled once more": (
                lambda: batch_answers(
                    trained_1=copy(by_batch(16)[0], by_batch(16)[0].get_weights())
                ),
                "has counted no training step",
            ),
            "trained on all digits": (
                lambda: batch_answers(
                    changes={16: last(on_all_digits()[1])}, trained_1=on_all_digits()[0]
                ),
                "needed for all 4,000 digits",
            ),
            "with dropout": (
                lambda: batch_answers(
                    changes={16: last(with_dropout()[1])}, trained_1=with_dropout()[0]
                ),
                "a layer of the kind Dropout",
            ),
            "labels in another order": (
                lambda: row_of(16, shifted_labels()[0], 1),
                "with the labels in their order",
            ),
            "labels off by one": (
                lambda: batch_answers(trained_1=labels_off_by_one(by_batch(16)[0])),
                "worse than so much training gives",
            ),
        },
    ),
    "4-A.3": Case(
        right={
            "validation rows by name": lambda: history_and("same_steps", *same_steps()),
            "subclassed": lambda: history_and("same_steps", *same_steps_subclassed()),
        },
        wrong={
            "three epochs": (lambda: history_and("same_steps", *by_batch(128)), "has 3 epochs"),
            "the same epochs of 16": (
                lambda: history_and("same_steps", *by_batch(16)),
                "has 3 epochs",
            ),
            "the history of another network": (
                lambda: history_and("same_steps", same_steps()[0], in_proportion()[1]),
                "has 3 epochs",
            ),
            "twelve epochs, claimed": (
                lambda: history_and(
                    "same_steps", by_batch(128)[0], claimed(by_batch(128)[0], *validation(), 12)
                ),
                "steps in all",
            ),
            "no loss from the start": (
                lambda: history_and(
                    "same_steps", same_steps()[0], {**same_steps()[1].history, "loss": [0.0] * 12}
                ),
                "From new weights, the loss is highest in the first epoch",
            ),
            "no metric": (
                lambda: history_and(
                    "same_steps",
                    same_steps()[0],
                    {name: same_steps()[1].history[name] for name in ("loss", "val_loss")},
                ),
                "but no accuracy",
            ),
        },
    ),
    "4-A.4": Case(
        right={
            "validation rows by name": lambda: history_and("in_proportion", *in_proportion()),
        },
        wrong={
            "the default rate": (
                lambda: history_and("in_proportion", *by_batch(512)),
                "learning rate of 0.01",
            ),
            "with the root": (
                lambda: history_and(
                    "in_proportion", network(512, optimizer=sgd(0.04)), in_proportion()[1]
                ),
                "learning rate of 0.04",
            ),
            "built again": (
                lambda: history_and("in_proportion", copy(in_proportion()[0]), in_proportion()[1]),
                "has counted no training step",
            ),
            "a history of another network": (
                lambda: history_and("in_proportion", in_proportion()[0], by_batch(512)[1]),
                "do not belong together",
            ),
            "weights of another network": (
                lambda: history_and(
                    "in_proportion",
                    with_state(in_proportion()[0], by_batch(512)[0].get_weights()),
                    by_batch(512)[1],
                ),
                "worse than so much training gives",
            ),
        },
    ),
    "4-A.5": Case(
        right={
            "a DataFrame": timed,
            "rounded": lambda: timed(
                {size: round(value, 3) for size, value in SECONDS.items()},
                ms=[1.59, 1.72, 2.86, 7.47],
                reason_time="(C)",
            ),
            "a list, and a machine on which all steps take as long": lambda: timed(
                {16: 0.4, 32: 0.2, 128: 0.05, 512: 0.014},
                ms=[2.0, 2.0, 2.0, 2.0],
                fastest_step=128,
            ),
        },
        wrong={
            "seconds": (lambda: timed(ms=np.array(list(SECONDS.values())) / STEPS), "agree with"),
            "of three epochs": (
                lambda: timed(ms=1000 * np.array(list(SECONDS.values())) / STEPS / 3),
                "agree with",
            ),
            "the first epoch counted": (
                lambda: timed({16: 0.8, 32: 0.7, 128: 0.7, 512: 0.9}, fastest_step=16),
                "Does the first epoch count",
            ),
            "the same for all": (
                lambda: timed({size: 1.5 for size in SIZES}),
                "Does the first epoch count",
            ),
            "the fastest step by its epoch": (
                lambda: timed(fastest_step=512),
                "another batch size has the shorter step",
            ),
            "not a size": (lambda: timed(fastest_epoch=3), "one of the four batch sizes"),
            "fewer rows": (lambda: timed(reason_time="a"), "every training row once"),
            "precise gradients": (lambda: timed(reason_time="b"), "what a step achieves"),
            "compiled for each batch": (lambda: timed(reason_time="d"), "leaves this epoch out"),
        },
    ),
}
