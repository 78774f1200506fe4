"""Right and wrong answers to the exercises on learning rates and optimisers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.exercises.cases import Case
from tests.exercises.cases._mnist import (
    adam,
    by_batch,
    fit,
    history_and,
    labels_off_by_one,
    last,
    network,
    sgd,
    subclassed,
    table,
    validation,
    with_sgd,
    with_state,
)
from tests.exercises.cases._networks import claimed, copy, trained

SETTINGS = [(0.01, 0.0), (0.1, 0.0), (1.0, 0.0), (0.1, 0.5), (0.1, 0.9), (0.1, 0.99)]
RATES = {"SGD": (0.1, 1.0, 10.0), "RMSprop": (0.001, 0.01, 0.1), "Adam": (0.001, 0.01, 0.1)}


@trained
def adaptive(name: str, rate: float = 0.001):
    import keras

    maker = {"RMSprop": keras.optimizers.RMSprop, "Adam": keras.optimizers.Adam}[name]
    model = network(512, optimizer=maker(learning_rate=rate))
    return model, fit(model)


@trained
def adam_subclassed():
    model = subclassed(512, optimizer=adam())
    return model, fit(model)


@trained
def adam_twice():
    """The cell ran again, with the network of the first time."""
    model = network(512, optimizer=adam())
    fit(model)
    return model, fit(model)


@trained
def with_nesterov():
    model = network(512, optimizer=sgd(0.1, 0.9, nesterov=True))
    return model, fit(model)


@trained
def one_network_all_along():
    """The second setting goes on where the first one stopped."""
    model = network(512, optimizer=sgd(0.01))
    fit(model)
    model.optimizer.learning_rate.assign(0.1)
    return model, fit(model)


def sgd_answers(*, changes=None, without=(), **changed: Any) -> dict[str, Any]:
    runs = {setting: with_sgd(*setting) for setting in SETTINGS}
    rows = [
        {
            "learning_rate": setting[0],
            "momentum": setting[1],
            **last(runs[setting][1]),
            **(changes or {}).get(setting, {}),
        }
        for setting in reversed(SETTINGS)
        if setting not in without
    ]
    losses = [last(history)["val_loss"] for _, history in runs.values()]
    right = {
        "sgd": table(rows),
        **{f"sgd_{place}": runs[setting][0] for place, setting in enumerate(SETTINGS, start=1)},
        "alike": 3,
        "lowest": int(np.argmin(losses)) + 1,
    }
    return {**right, **changed}


def worst_named() -> dict[str, Any]:
    losses = [last(with_sgd(*setting)[1])["val_loss"] for setting in SETTINGS]
    return sgd_answers(lowest=int(np.argmax(losses)) + 1)


def compiled_again(model):
    """The trained network, compiled with Adam at its default rate."""
    other = copy(model, model.get_weights())
    other.compile(loss=model.loss, optimizer="adam", metrics=["accuracy"])
    return other


def trained_with(name: str, rate: float):
    return with_sgd(rate) if name == "SGD" else adaptive(name, rate)


def rates_answers(*, changes=None, without=(), **changed: Any) -> dict[str, Any]:
    reached = {
        (name, rate): last(trained_with(name, rate)[1])["val_accuracy"]
        for name, candidates in RATES.items()
        for rate in candidates
    }
    right = {}
    for name, candidates in RATES.items():
        best = max(rate for rate in candidates if reached[name, rate] >= 0.8)
        right[f"largest_{name.lower()}"] = best
        right[f"network_{name.lower()}"] = trained_with(name, best)[0]
    rows = [
        {"optimiser": name, "learning_rate": rate, "val_accuracy": accuracy}
        for (name, rate), accuracy in {**reached, **(changes or {})}.items()
        if (name, rate) not in without
    ]
    return {"rates": table(rows), **right, **changed}


def another_largest(name: str) -> dict[str, Any]:
    """The smallest rate, with its network."""
    rate = RATES[name][0]
    model = trained_with(name, rate)[0]
    return rates_answers(**{f"largest_{name.lower()}": rate, f"network_{name.lower()}": model})


def half(name: str, rate: float) -> dict[str, Any]:
    """The accuracy of another network in the row of the kept one."""
    return rates_answers(changes={(name, rate): 0.857})


CASES: dict[str, Case] = {
    "4-B.1": Case(
        right={
            "a list": lambda: {"longer_moves": [2, 10, 100]},
            "a loop": lambda: {"longer_moves": np.array([2.0, 10.0, 99.6], "float32")},
        },
        wrong={
            "1 + m": (lambda: {"longer_moves": [1.5, 1.9, 1.99]}, "That is the second move"),
            "m / (1 - m)": (lambda: {"longer_moves": [1, 9, 99]}, "what earlier moves add"),
            "two of them": (lambda: {"longer_moves": [2, 10]}, "asks for three numbers"),
            "after ten moves": (
                lambda: {"longer_moves": [2.0, 6.5, 9.6]},
                "until they no longer change",
            ),
        },
    ),
    "4-B.2": Case(
        right={
            "rows in another order": sgd_answers,
            "rounded, numbers as floats": lambda: sgd_answers(
                sgd=sgd_answers()["sgd"].round(3), alike=3.0
            ),
            "rates as the optimiser has them": lambda: sgd_answers(
                sgd=sgd_answers()["sgd"].astype("float32")
            ),
        },
        wrong={
            "a setting is missing": (
                lambda: sgd_answers(without=[(0.1, 0.99)]),
                "no row for a rate of 0.1 with momentum 0.99",
            ),
            "rows that are made up": (
                lambda: sgd_answers(changes={(0.1, 0.5): {"val_loss": 0.41}}),
                "Is it the network of that row",
            ),
            "one network all along": (
                lambda: sgd_answers(
                    changes={(0.1, 0.0): last(one_network_all_along()[1])},
                    sgd_2=one_network_all_along()[0],
                ),
                "2 times as many as the task asks for",
            ),
            "another order of the networks": (
                lambda: sgd_answers(sgd_1=with_sgd(0.1)[0], sgd_2=with_sgd(0.01)[0]),
                "learning rate of 0.1",
            ),
            "the momentum left out": (
                lambda: sgd_answers(sgd_5=with_sgd(0.1)[0]),
                "momentum 0; the task asks for 0.9",
            ),
            "Nesterov": (
                lambda: sgd_answers(
                    changes={(0.1, 0.9): last(with_nesterov()[1])}, sgd_5=with_nesterov()[0]
                ),
                "another nesterov than Keras's default",
            ),
            "Adam instead": (
                lambda: sgd_answers(sgd_1=adaptive("Adam")[0]),
                "the optimiser Adam",
            ),
            "batches of 32": (lambda: sgd_answers(sgd_1=by_batch(32)[0]), "steps in all"),
            "labels off by one": (
                lambda: sgd_answers(sgd_5=labels_off_by_one(with_sgd(0.1, 0.9)[0])),
                "Is it the network of that row",
            ),
            "alike: the same rate": (lambda: sgd_answers(alike=2), "how long are the moves"),
            "alike: with momentum": (lambda: sgd_answers(alike=6), "a setting without momentum"),
            "the highest loss": (worst_named, "another setting has a lower validation loss"),
            "a position": (lambda: sgd_answers(lowest=0), "from 1 to 6"),
        },
    ),
    "4-B.3": Case(
        right={"the rate written out": lambda: history_and("rmsprop", *adaptive("RMSprop"))},
        wrong={
            "Adam": (lambda: history_and("rmsprop", *adaptive("Adam")), "the optimiser Adam"),
            "another rate": (
                lambda: history_and("rmsprop", *adaptive("RMSprop", 0.01)),
                "learning rate of 0.01",
            ),
            "the history of the other": (
                lambda: history_and("rmsprop", adaptive("RMSprop")[0], adaptive("Adam")[1]),
                "do not belong together",
            ),
        },
    ),
    "4-B.4": Case(
        right={
            "the rate written out": lambda: history_and("adam", *adaptive("Adam")),
            "subclassed": lambda: history_and("adam", *adam_subclassed()),
        },
        wrong={
            "SGD": (lambda: history_and("adam", *with_sgd(0.1, 0.9)), "the optimiser SGD"),
            "another rate": (
                lambda: history_and("adam", *adaptive("Adam", 0.01)),
                "learning rate of 0.01",
            ),
            "another rate, then compiled with the default": (
                lambda: history_and(
                    "adam", compiled_again(adaptive("Adam", 0.01)[0]), adaptive("Adam", 0.01)[1]
                ),
                "which clears the count",
            ),
            "never trained": (
                lambda: history_and(
                    "adam",
                    (model := network(512, optimizer="adam")),
                    claimed(model, *validation(), 3),
                ),
                "has counted no training step",
            ),
            "trained twice": (
                lambda: history_and("adam", *adam_twice()),
                "2 times as many as the task asks for",
            ),
            "the first two epochs": (
                lambda: history_and(
                    "adam",
                    adaptive("Adam")[0],
                    {name: v[:2] for name, v in adaptive("Adam")[1].history.items()},
                ),
                "has 2 epochs; the task asks for 3",
            ),
            "weights of plain SGD": (
                lambda: history_and(
                    "adam",
                    with_state(adaptive("Adam")[0], with_sgd(0.01)[0].get_weights()),
                    with_sgd(0.01)[1],
                ),
                "which 3 epochs at the default rate do not give",
            ),
        },
    ),
    "4-B.5": Case(
        right={
            "names as Keras writes them": rates_answers,
            "an accuracy missing, another order": lambda: rates_answers(
                rates=rates_answers(changes={("SGD", 10.0): np.nan})["rates"].iloc[::-1]
            ),
            "rates as the optimiser has them": lambda: rates_answers(
                rates=rates_answers()["rates"].astype({"learning_rate": "float32"})
            ),
        },
        wrong={
            "a row is missing": (
                lambda: rates_answers(without=[("Adam", 0.1)]),
                "no row for 'adam' with a rate of 0.1",
            ),
            "the smallest rate, not the largest": (
                lambda: another_largest("SGD"),
                "`largest_sgd` is 0.1",
            ),
            "the largest that was tried": (
                lambda: rates_answers(largest_sgd=10, network_sgd=with_sgd(10.0)[0]),
                "`largest_sgd` is 10",
            ),
            "a rate of 10 that learns": (
                lambda: rates_answers(changes={("SGD", 10.0): 0.9}, largest_sgd=10),
                "Was the network new",
            ),
            "a default rate that does not learn": (
                lambda: rates_answers(changes={("Adam", 0.001): 0.3}),
                "In all our runs",
            ),
            "in per cent": (
                lambda: rates_answers(changes={("SGD", 0.1): 87.0}),
                "not between 0 and 1",
            ),
            "rows that are made up": (lambda: half("SGD", 1.0), "Is it the network of that row"),
            "the network of another rate": (
                lambda: rates_answers(network_sgd=with_sgd(0.1)[0]),
                "learning rate of 0.1",
            ),
            "the network of another optimiser": (
                lambda: rates_answers(network_rmsprop=adaptive("Adam", 0.01)[0]),
                "the optimiser Adam",
            ),
        },
    ),
}
