"""Right and wrong answers to the exercises on capacity, and on both callbacks."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.exercises.cases import Case
from tests.exercises.cases._mnist import (
    both,
    fit,
    history_and,
    lab_sgd,
    labels_off_by_one,
    last,
    network,
    parameters,
    sgd,
    table,
    validation,
    with_sgd,
    with_state,
)
from tests.exercises.cases._networks import copy, dense, trained

NETWORKS = [(2,), (32,), (512,), (2048,), (512, 512), (512, 256, 128)]
FUNNEL = NETWORKS[-1]


@trained
def one_of_six(*widths: int):
    model = network(*widths, optimizer=lab_sgd())
    return model, fit(model)


@trained
def funnel_on_all_digits():
    model = network(*FUNNEL, optimizer=lab_sgd())
    return model, fit(model, rows=4000)


@trained
def big():
    """The network, its history, the weights of its worst epoch, and those of its last one."""
    import keras

    model, kept = network(1024, 1024, optimizer=lab_sgd()), []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    history = fit(model, epochs=20, callbacks=[keep, *both(2, 1)])
    return model, history, kept[int(np.argmax(history.history["val_loss"]))], kept[-1]


@trained
def big_beyond_float32():
    """Some digits get a probability below 1e-7, where a clipped cross-entropy is another one."""
    import keras

    keras.utils.set_random_seed(3)
    model = network(1024, 1024, optimizer=lab_sgd())
    return model, fit(model, epochs=20, callbacks=both(6, 3, delta=1e-4))


def capacity_answers(*, changes=None, without=(), **changed: Any) -> dict[str, Any]:
    rows = [
        {
            "network": "-".join(map(str, widths)),
            "parameters": parameters(*widths),
            **last(one_of_six(*widths)[1]),
            **(changes or {}).get(widths, {}),
        }
        for widths in reversed(NETWORKS)
        if widths not in without
    ]
    right = {
        f"network_{place}": one_of_six(*widths)[0] for place, widths in enumerate(NETWORKS, start=1)
    }
    return {"capacity": table(rows), **right, **changed}


def named_by_lists() -> dict[str, Any]:
    frame = capacity_answers()["capacity"].round(3)
    frame["network"] = [f"[{name.replace('-', ', ')}]" for name in frame["network"]]
    return capacity_answers(capacity=frame.assign(seconds=np.nan))


def big_answers(**changed: Any) -> dict[str, Any]:
    return {**history_and("big", *big()[:2]), **changed}


def patient_answers(**changed: Any) -> dict[str, Any]:
    return {**big_answers(), "stop_patience": 2, "plateau_patience": 1, **changed}


def reported_answers(**changed: Any) -> dict[str, Any]:
    """With the metrics that the task needs."""
    loss = big()[0].evaluate(*validation(), verbose=0)[0]
    history = {name: v for name, v in big()[1].history.items() if name != "learning_rate"}
    return {**big_answers(history_big=history), "reported": loss, **changed}


def exactly_reported() -> dict[str, Any]:
    model, history = big_beyond_float32()
    loss = model.evaluate(*validation(), verbose=0)[0]
    return {**history_and("big", model, history), "reported": round(loss, 4)}


def big_history(**changed: Any) -> dict[str, list[float]]:
    return {**big()[1].history, **changed}


def halved() -> list[float]:
    rates = np.array(big()[1].history["learning_rate"])
    return (0.1 * 0.5 ** np.round(-np.log10(rates / 0.1))).tolist()


CASES: dict[str, Case] = {
    "4-C.1": Case(
        right={
            "rows in another order": capacity_answers,
            "lists as names, rounded, another column": named_by_lists,
        },
        wrong={
            "a loop that adds one layer": (
                lambda: capacity_answers(changes={(512, 512): {"parameters": parameters(512)}}),
                "count the layers that your loop adds",
            ),
            "a network is missing": (lambda: capacity_answers(without=[(2048,)]), "has 5 rows"),
            "another name": (
                lambda: capacity_answers(changes={(2048,): {"network": "wide"}}),
                "no row for the network '2048'",
            ),
            "another funnel": (
                lambda: capacity_answers(network_6=network(128, 256, 512, optimizer=lab_sgd())),
                "3 hidden layers of 128, 256, 512 units",
            ),
            "without momentum": (
                lambda: capacity_answers(network_6=network(*FUNNEL, optimizer=sgd(0.1))),
                "momentum 0; the task asks for 0.9",
            ),
            "a funnel built again": (
                lambda: capacity_answers(network_6=copy(one_of_six(*FUNNEL)[0])),
                "has counted no training step",
            ),
            "sigmoid": (
                lambda: capacity_answers(
                    network_3=network(
                        layers=[dense(512, "sigmoid"), dense(10, "softmax")], optimizer=lab_sgd()
                    )
                ),
                "The activations of `network_3` are sigmoid, softmax",
            ),
            "validation digits trained on": (
                lambda: capacity_answers(
                    changes={FUNNEL: last(funnel_on_all_digits()[1])},
                    network_6=funnel_on_all_digits()[0],
                ),
                "needed for all 4,000 digits",
            ),
            "a row that is made up": (
                lambda: capacity_answers(changes={(2048,): {"val_loss": 0.2}}),
                "Is it the network of that row",
            ),
        },
    ),
    "4-C.2": Case(
        right={"in capitals": lambda: {"answer_capacity": "B"}},
        wrong={
            "a": (lambda: {"answer_capacity": "a"}, "do they follow this order"),
            "c": (lambda: {"answer_capacity": "c"}, "started from other weights"),
            "d": (lambda: {"answer_capacity": "d"}, "what another seed changes"),
        },
    ),
    "4-D.1": Case(
        right={
            "another patience": big_answers,
            "digits with probabilities that float32 rounds": lambda: history_and(
                "big", *big_beyond_float32()
            ),
        },
        wrong={
            "the weights of another epoch": (
                lambda: big_answers(big=with_state(big()[0], big()[2])),
                "so that the best weights come back",
            ),
            "the weights of the last epoch": (
                lambda: big_answers(big=with_state(big()[0], big()[3])),
                "so that the best weights come back",
            ),
            "one layer": (
                lambda: big_answers(big=network(1024, optimizer=lab_sgd())),
                "has a hidden layer of 1024 units; the task asks for 2 hidden layers",
            ),
            "without momentum": (
                lambda: big_answers(big=network(1024, 1024, optimizer=sgd(0.1))),
                "momentum 0; the task asks for 0.9",
            ),
            "built again": (
                lambda: big_answers(big=copy(big()[0])),
                "has counted no training step",
            ),
            "labels off by one": (
                lambda: big_answers(big=labels_off_by_one(big()[0])),
                "lower loss on the 800 validation digits",
            ),
            "a factor of 0.5": (
                lambda: big_answers(history_big=big_history(learning_rate=halved())),
                "the task multiplies it by 0.1",
            ),
            "no callback for the rate": (
                lambda: big_answers(
                    history_big={
                        name: values
                        for name, values in big_history().items()
                        if name != "learning_rate"
                    }
                ),
                "was this callback given to `fit`",
            ),
            "the history of a shorter run": (
                lambda: big_answers(
                    history_big={name: values[:-1] for name, values in big_history().items()}
                ),
                "steps in all",
            ),
        },
    ),
    "4-D.2": Case(
        right={
            "the history as a table": lambda: patient_answers(history_big=table(big_history())),
        },
        wrong={
            "stopping is the less patient one": (
                lambda: patient_answers(stop_patience=1, plateau_patience=2),
                "ever get its turn",
            ),
            "the same for both": (
                lambda: patient_answers(stop_patience=2, plateau_patience=2),
                "ever get its turn",
            ),
            "no callback for the rate": (
                lambda: patient_answers(
                    history_big={
                        name: values
                        for name, values in big_history().items()
                        if name != "learning_rate"
                    }
                ),
                "was this callback given to `fit`",
            ),
            "a patience of another run": (
                lambda: patient_answers(stop_patience=5),
                "would have ended training later",
            ),
            "a rate that falls for no reason": (
                lambda: patient_answers(
                    history_big=big_history(
                        learning_rate=[0.1] + [0.01] * (len(big()[1].history["loss"]) - 1)
                    )
                ),
                "lead to other epochs",
            ),
            "another rate": (
                lambda: patient_answers(
                    history_big=big_history(
                        learning_rate=[rate / 10 for rate in big()[1].history["learning_rate"]]
                    )
                ),
                "training began at a learning rate of 0.01",
            ),
            "half an epoch": (lambda: patient_answers(plateau_patience=0.5), "a whole number"),
        },
    ),
    "4-D.3": Case(
        right={
            "by evaluate": reported_answers,
            "rounded to four digits, beyond float32": exactly_reported,
        },
        wrong={
            "of the last epoch": (
                lambda: reported_answers(reported=big()[1].history["val_loss"][-1]),
                "with which the history ends",
            ),
            "of another epoch": (
                lambda: reported_answers(reported=big()[1].history["val_loss"][1]),
                "Whose weights does it have",
            ),
            "the training loss": (
                lambda: reported_answers(reported=min(big()[1].history["loss"])),
                "a loss on the training digits",
            ),
            "two digits": (
                lambda: reported_answers(reported=round(reported_answers()["reported"], 2) + 0.01),
                "to four decimals",
            ),
            "not restored": (
                lambda: reported_answers(big=with_state(big()[0], big()[3])),
                "`big` as it is does not have it",
            ),
            "of a network built again": (
                lambda: reported_answers(big=copy(big()[0])),
                "has counted no training step",
            ),
            "of another network": (
                lambda: reported_answers(big=with_sgd(0.1, 0.9)[0]),
                "has a hidden layer of 512 units",
            ),
        },
    ),
}
