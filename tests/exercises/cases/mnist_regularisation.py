"""Right and wrong answers to the exercises on regularisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit import evaluation
from tests.exercises.cases import Case
from tests.exercises.cases._mnist import (
    both,
    digits,
    fit,
    history_and,
    lab_sgd,
    labels_off_by_one,
    network,
    sgd,
    table,
    validation,
    with_sgd,
    with_state,
)
from tests.exercises.cases._networks import copy, dense, dropout, figures, trained

FACTORS, RATES = (0.01, 0.001, 0.0001), (0.2, 0.3, 0.5)
EPOCHS = 10


def penalised(*factors, kind="L2", **options: Any):
    """A network whose layers have these penalties; the last one is that of the output layer."""
    import keras

    make = getattr(keras.regularizers, kind)
    penalties = [None if factor is None else make(factor) for factor in (*factors, None)][:3]
    layers = [
        dense(512, kernel_regularizer=penalties[0], **options),
        dense(512, kernel_regularizer=penalties[1]),
        dense(10, "softmax", kernel_regularizer=penalties[2]),
    ]
    return network(layers=layers, optimizer=lab_sgd())


def dropping(first=0.3, second=0.3):
    layers = [dense(512), dropout(first), dense(512), dropout(second), dense(10, "softmax")]
    return network(layers=layers, optimizer=lab_sgd())


def given_callbacks(**options: Any) -> list:
    return both(3, 1, stop_delta=1e-4, delta=1e-4, **options)


@trained
def regularised(name: str):
    """One of the seven networks, such as "l2_1"."""
    kind, _, number = name.partition("_")
    if kind == "l2":
        factor = FACTORS[int(number) - 1]
        model = penalised(factor, factor)
    elif kind == "dropout":
        rate = RATES[int(number) - 1]
        model = dropping(rate, rate)
    else:
        model = network(512, 512, optimizer=lab_sgd())
    return model, fit(model, epochs=EPOCHS, callbacks=given_callbacks())


@trained
def noisy(patience: int, seed: int = 1, **options: Any):
    import keras

    keras.utils.set_random_seed(seed)
    model = dropping(0.5, 0.5)
    stop = keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
    return model, fit(model, epochs=20, callbacks=[stop])


@trained
def without_callbacks():
    model = network(512, 512, optimizer=lab_sgd())
    return model, fit(model, epochs=EPOCHS)


@trained
def with_the_plateau_alone():
    """Never stopped, and with the weights of the last epoch."""
    model = network(512, 512, optimizer=lab_sgd())
    return model, fit(model, epochs=EPOCHS, callbacks=given_callbacks()[:1])


@trained
def on_all_digits():
    model = network(512, 512, optimizer=lab_sgd())
    return model, fit(model, epochs=EPOCHS, callbacks=given_callbacks(), rows=4000)


@trained
def not_restored():
    model = network(512, 512, optimizer=lab_sgd())
    callbacks = given_callbacks(restore_best_weights=False)
    return model, fit(model, epochs=EPOCHS, callbacks=callbacks)


NAMES = ("plain", *(f"{kind}_{n}" for kind in ("l2", "dropout") for n in (1, 2, 3)))


def three(kind: str, **changed: Any) -> dict[str, Any]:
    right = {}
    for number in (1, 2, 3):
        right |= history_and(f"{kind}_{number}", *regularised(f"{kind}_{number}"))
    return {**right, **changed}


def squares(model, *, biases=False, output=False) -> float:
    layers = [layer for layer in model.layers if layer.name.startswith("dense")]
    return sum(
        float((np.asarray(weights) ** 2).sum())
        for layer in layers[: 3 if output else 2]
        for weights in ([layer.kernel, layer.bias] if biases else [layer.kernel])
    )


def loss_answers(**changed: Any) -> dict[str, Any]:
    model = regularised("l2_2")[0]
    right = {
        "l2_2": model,
        "l2_penalty": squares(model) * 0.001,
        "l2_cross_entropy": figures(model, *validation())[0],
    }
    return {**right, **changed}


def terms_answers(*, penalty=False, changes=None, **changed: Any) -> dict[str, Any]:
    rows = []
    for name in reversed(NAMES):
        model, history = regularised(name)
        loss, accuracy = figures(model, *validation())
        if penalty and name.startswith("l2"):
            loss += sum(float(part) for part in model.losses)
        row = {
            "network": name,
            "cross_entropy": loss,
            "accuracy": accuracy,
            "epochs": len(history.history["loss"]),
        }
        rows.append({**row, **(changes or {}).get(name, {})})
    frame = table(rows)
    lowest = frame.loc[frame["cross_entropy"].idxmin(), "network"]
    models = {name: regularised(name)[0] for name in NAMES}
    return {**models, "equal_terms": frame, "lowest": lowest, **changed}


def worst_named() -> dict[str, Any]:
    frame = terms_answers()["equal_terms"]
    return terms_answers(lowest=frame.loc[frame["cross_entropy"].idxmax(), "network"])


def patience_answers(short=(1,), long=(5,), **changed: Any) -> dict[str, Any]:
    runs = {"impatient": noisy(*short), "patient": noisy(*long)}
    losses = {name: history.history["val_loss"] for name, (_, history) in runs.items()}
    right = {
        **history_and("impatient", *runs["impatient"]),
        **history_and("patient", *runs["patient"]),
        "extra_epochs": len(losses["patient"]) - len(losses["impatient"]),
        "lower_by": min(losses["impatient"]) - min(losses["patient"]),
    }
    return {**right, **changed}


def pair_answers(differences=(-0.021, -0.034, -0.012, -0.025), **changed: Any) -> dict[str, Any]:
    """The first pair is that of the two networks; the others differ by these values."""
    plain, l2 = (figures(regularised(name)[0], *validation())[0] for name in ("plain", "l2_2"))
    without = [plain, 0.2471, 0.2553, 0.2398, 0.2502]
    penalised = [l2, *(np.array(without[1:]) + differences)]
    rows = zip(range(1, 6), without, penalised, strict=True)
    frame = table([{"seed": seed, "plain": one, "l2": other} for seed, one, other in rows])
    found = evaluation.paired_difference(frame["l2"], frame["plain"])
    word = "l2" if found.high < 0 else "plain" if found.low > 0 else "not separated"
    right = {"plain": regularised("plain")[0], "l2_2": regularised("l2_2")[0], "pairs": frame}
    return {**right, "low": found.low, "high": found.high, "verdict": word, **changed}


def of_the_means() -> dict[str, Any]:
    """The interval of unpaired runs."""
    right = pair_answers()
    frame = right["pairs"]
    spread = 2.3 * np.sqrt(frame["l2"].var() / 5 + frame["plain"].var() / 5) + 0.02
    middle = frame["l2"].mean() - frame["plain"].mean()
    return {**right, "low": middle - spread, "high": middle + spread}


def undecided(verdict: str) -> dict[str, Any]:
    return pair_answers(differences=(0.04, -0.03, 0.05, -0.02), verdict=verdict)


def extra_seed() -> dict[str, Any]:
    right = pair_answers()
    return {**right, "pairs": right["pairs"].assign(seed=[1, 2, 3, 4, 6])}


CASES: dict[str, Case] = {
    "4-E.1": Case(
        right={"functional": lambda: history_and("plain", *regularised("plain"))},
        wrong={
            "with dropout": (
                lambda: history_and("plain", *regularised("dropout_2")),
                "a layer of the kind Dropout",
            ),
            "with a penalty": (
                lambda: history_and("plain", *regularised("l2_2")),
                "L2 factors of 0.001, 0.001, 0. The task asks for no penalty",
            ),
            "with L1": (
                lambda: history_and(
                    "plain", penalised(1e-5, 1e-5, kind="L1"), regularised("plain")[1]
                ),
                "has an L1 penalty",
            ),
            "no callbacks": (
                lambda: history_and("plain", *without_callbacks()),
                "was this callback given to `fit`",
            ),
            "early stopping left out": (
                lambda: history_and("plain", *with_the_plateau_alone()),
                "history_plain",
            ),
            "not restored": (
                lambda: history_and("plain", *not_restored()),
                "so that the best weights come back",
            ),
            "validation digits trained on": (
                lambda: history_and("plain", *on_all_digits()),
                "Was it trained on them",
            ),
            "one layer": (
                lambda: history_and("plain", *with_sgd(0.1, 0.9)),
                "has a hidden layer of 512 units; the task asks for 2 hidden layers",
            ),
        },
    ),
    "4-E.2": Case(
        right={"functional": lambda: three("l2")},
        wrong={
            "no penalty": (
                lambda: three("l2", l2_1=regularised("plain")[0]),
                "L2 factors of 0, 0, 0. The task asks for 0.01 in both hidden layers",
            ),
            "Keras's factor for all": (
                lambda: three(
                    "l2", **history_and("l2_2", *regularised("l2_1")), l2_3=regularised("l2_1")[0]
                ),
                "what Keras takes if no factor is given; the task asks for 0.001",
            ),
            "factors exchanged": (
                lambda: three("l2", l2_2=regularised("l2_3")[0]),
                "L2 factors of 0.0001, 0.0001, 0. The task asks for 0.001",
            ),
            "on the output layer too": (
                lambda: three("l2", l2_2=penalised(0.001, 0.001, 0.001)),
                "a penalty on the hidden layers only",
            ),
            "on one layer only": (
                lambda: three("l2", l2_2=penalised(0.001, None)),
                "L2 factors of 0.001, 0, 0",
            ),
            "L1": (
                lambda: three("l2", l2_2=penalised(0.001, 0.001, kind="L1")),
                "The task asks for L2, which adds their squares",
            ),
            "on the biases": (
                lambda: three("l2", l2_2=penalised(0.001, 0.001, bias_regularizer="l2")),
                "has the option bias_regularizer",
            ),
            "the history of the plain one": (
                lambda: three("l2", history_l2_2=regularised("plain")[1]),
                "history_l2_2",
            ),
            "labels off by one": (
                lambda: three("l2", l2_2=labels_off_by_one(regularised("l2_2")[0])),
                "worse than so much training gives",
            ),
        },
    ),
    "4-E.3": Case(
        right={"functional": lambda: three("dropout")},
        wrong={
            "no dropout": (
                lambda: three("dropout", dropout_1=regularised("plain")[0]),
                "has 0 dropout layers; the task asks for one after each of the 2 hidden layers",
            ),
            "rates exchanged": (
                lambda: three("dropout", dropout_2=regularised("dropout_3")[0]),
                "the rates 0.5, 0.5; the task asks for 0.3 in both",
            ),
            "one dropout only": (
                lambda: three(
                    "dropout",
                    dropout_2=network(
                        layers=[dense(512), dropout(0.3), dense(512), dense(10, "softmax")],
                        optimizer=lab_sgd(),
                    ),
                ),
                "has 1 dropout layers",
            ),
            "after the output layer": (
                lambda: three(
                    "dropout",
                    dropout_2=network(
                        layers=[
                            dense(512),
                            dropout(0.3),
                            dense(512),
                            dense(10, "softmax"),
                            dropout(0.3),
                        ],
                        optimizer=lab_sgd(),
                    ),
                ),
                "After the output layer it would remove classes",
            ),
            "no callbacks": (
                lambda: three(
                    "dropout",
                    history_dropout_1={
                        name: values
                        for name, values in regularised("dropout_1")[1].history.items()
                        if name != "learning_rate"
                    },
                ),
                "was this callback given to `fit`",
            ),
        },
    ),
    "4-E.4": Case(
        right={
            "by Keras": lambda: loss_answers(
                l2_penalty=sum(float(part) for part in regularised("l2_2")[0].losses)
            ),
            "rounded": lambda: {
                name: value if name == "l2_2" else round(value, 3)
                for name, value in loss_answers().items()
            },
        },
        wrong={
            "without the factor": (
                lambda: loss_answers(l2_penalty=squares(regularised("l2_2")[0])),
                "What is it multiplied by",
            ),
            "half of it": (
                lambda: loss_answers(l2_penalty=0.0005 * squares(regularised("l2_2")[0])),
                "Keras does not divide by 2",
            ),
            "the output layer too": (
                lambda: loss_answers(
                    l2_penalty=0.001 * squares(regularised("l2_2")[0], output=True)
                ),
                "with the output layer",
            ),
            "the whole loss": (
                lambda: loss_answers(l2_penalty=min(regularised("l2_2")[1].history["val_loss"])),
                "Which weights count",
            ),
            "the reported loss": (
                lambda: loss_answers(
                    l2_cross_entropy=min(regularised("l2_2")[1].history["val_loss"])
                ),
                "still includes the penalty",
            ),
            "of the training digits": (
                lambda: loss_answers(
                    l2_cross_entropy=figures(
                        regularised("l2_2")[0], digits()[0][:3200], digits()[1][:3200]
                    )[0]
                ),
                "and of which rows",
            ),
            "of another factor": (
                lambda: loss_answers(l2_2=regularised("l2_1")[0]),
                "the task asks for 0.001",
            ),
        },
    ),
    "4-E.5": Case(
        right={
            "rows in another order": terms_answers,
            "rounded": lambda: terms_answers(equal_terms=terms_answers()["equal_terms"].round(3)),
        },
        wrong={
            "the penalty included": (
                lambda: terms_answers(penalty=True),
                "which still includes the penalty",
            ),
            "the highest": (worst_named, "not the name of the network with the lowest"),
            "a network is missing": (
                lambda: terms_answers(equal_terms=terms_answers()["equal_terms"].iloc[:3]),
                "one row for each of",
            ),
            "the most epochs for all": (
                lambda: terms_answers(changes={"plain": {"epochs": EPOCHS + 1}}),
                "How long is its history",
            ),
            "the lowest of the history": (
                lambda: terms_answers(
                    changes={
                        "plain": {"accuracy": max(regularised("plain")[1].history["accuracy"])}
                    }
                ),
                "Is it the network of that row",
            ),
            "networks exchanged": (
                lambda: terms_answers(l2_1=regularised("l2_2")[0]),
                "The task asks for 0.01",
            ),
        },
    ),
    "4-E.6": Case(
        right={
            "the callback in a list": patience_answers,
            "rounded": lambda: patience_answers(lower_by=round(patience_answers()["lower_by"], 3)),
        },
        wrong={
            "another seed": (
                lambda: patience_answers(long=(5, 2)),
                "start from the same seed",
            ),
            "the same patience": (
                lambda: patience_answers(long=(1,)),
                "would have ended training later",
            ),
            "the other way round": (
                lambda: patience_answers(short=(5,), long=(1,)),
                "would have ended training earlier",
            ),
            "all epochs, not the extra ones": (
                lambda: patience_answers(extra_epochs=len(noisy(5)[1].history["loss"])),
                "the lengths of the two histories",
            ),
            "the last losses": (
                lambda: patience_answers(
                    lower_by=noisy(1)[1].history["val_loss"][-1]
                    - noisy(5)[1].history["val_loss"][-1]
                ),
                "Which loss belongs to the weights",
            ),
            "subtracted the other way round": (
                lambda: patience_answers(lower_by=-patience_answers()["lower_by"]),
                "Which of the two is subtracted",
            ),
            "a falling rate": (
                lambda: patience_answers(
                    history_impatient={
                        **noisy(1)[1].history,
                        "learning_rate": [0.1] * (len(noisy(1)[1].history["loss"]) - 1) + [0.01],
                    }
                ),
                "the learning rate changed",
            ),
            "not restored": (
                lambda: patience_answers(
                    patient=with_state(noisy(5)[0], noisy(1)[0].get_weights())
                ),
                "so that the best weights come back",
            ),
            "another dropout rate": (
                lambda: patience_answers(impatient=regularised("dropout_2")[0]),
                "the task asks for 0.5 in both",
            ),
            "built again": (
                lambda: patience_answers(patient=copy(noisy(5)[0])),
                "has counted no training step",
            ),
        },
    ),
    "4-E.7": Case(
        right={
            "pairs of another machine": pair_answers,
            "rounded": lambda: (
                (right := pair_answers())
                | {
                    "pairs": right["pairs"].round(3),
                    "low": round(right["low"], 3),
                    "high": round(right["high"], 3),
                }
            ),
            "not separated": lambda: undecided("Not separated."),
        },
        wrong={
            "the interval of the means": (of_the_means, "Is each difference within a pair"),
            "plain minus L2": (
                lambda: (right := pair_answers()) | {"low": -right["high"], "high": -right["low"]},
                "L2 minus plain",
            ),
            "the smallest and the largest difference": (
                lambda: pair_answers(low=-0.05, high=-0.001),
                "not an end of the 95 % t interval",
            ),
            "another seed": (extra_seed, "one row for each of `numbers.seeds`"),
            "made up": (
                lambda: (
                    (right := pair_answers())
                    | {"pairs": right["pairs"].assign(plain=right["pairs"]["plain"] + 0.03)}
                ),
                "Is the penalty left out",
            ),
            "a lower mean decides": (lambda: undecided("l2"), "Does the interval include 0"),
            "the wrong one": (lambda: pair_answers(verdict="plain"), "which network has the lower"),
            "another word": (lambda: pair_answers(verdict="better"), "should be one of"),
            "optimiser": (
                lambda: pair_answers(plain=network(512, 512, optimizer=sgd(0.1))),
                "momentum 0; the task asks for 0.9",
            ),
        },
    ),
}
