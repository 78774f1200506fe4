"""Right and wrong answers to the capstone."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from tests.exercises.cases import Case
from tests.exercises.cases._networks import (
    claimed,
    copy,
    dense,
    dropout,
    figures,
    functional,
    labels_off_by_one,
    probabilities,
    trained,
)

PARTS = ("train", "validation", "test")


# ----------------------------------------------------------------------------- material


@cache
def pixels() -> np.ndarray:
    from sklearn.datasets import load_digits

    return load_digits().data


@cache
def labels() -> np.ndarray:
    from sklearn.datasets import load_digits

    return load_digits().target


@cache
def rows() -> dict[str, np.ndarray]:
    """Digit by digit, where the solution lets scikit-learn stratify."""
    rng = np.random.default_rng(7)
    found = {name: [] for name in PARTS}
    for digit in range(10):
        own = rng.permutation(np.flatnonzero(labels() == digit))
        cuts = round(0.6 * len(own)), round(0.8 * len(own))
        for name, part in zip(PARTS, np.split(own, cuts), strict=True):
            found[name].append(part)
    return {name: rng.permutation(np.concatenate(part)) for name, part in found.items()}


def shuffled(*sizes: int) -> dict[str, np.ndarray]:
    order = np.random.default_rng(3).permutation(len(labels()))
    return dict(zip(PARTS, np.split(order, np.cumsum(sizes)), strict=True))


def standardised(learned_from: np.ndarray | None = None, **fitted_to: str) -> dict[str, Any]:
    """Inputs scaled by scikit-learn, learned from these rows, or from another part for one."""
    from sklearn.preprocessing import StandardScaler

    source = pixels()[rows()["train"] if learned_from is None else learned_from]
    found = dict(rows())
    for name in PARTS:
        own = pixels()[rows()[fitted_to[name]]] if name in fitted_to else source
        scaled = StandardScaler().fit(own).transform(pixels()[rows()[name]])
        found[f"x_{name}"] = scaled
    return found


def scaled(scaler, learned_from: np.ndarray | None = None) -> dict[str, Any]:
    scaler.fit(pixels()[rows()["train"] if learned_from is None else learned_from])
    return {
        **rows(),
        **{f"x_{name}": scaler.transform(pixels()[rows()[name]]) for name in PARTS},
    }


def standardised_alike() -> dict[str, Any]:
    train = pixels()[rows()["train"]]
    return {
        **rows(),
        **{f"x_{name}": (pixels()[rows()[name]] - train.mean()) / train.std() for name in PARTS},
    }


def minmax():
    from sklearn.preprocessing import MinMaxScaler

    return MinMaxScaler()


def everything() -> np.ndarray:
    return np.arange(len(labels()))


def divided_by_nothing() -> dict[str, Any]:
    train = pixels()[rows()["train"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            **rows(),
            **{
                f"x_{name}": (pixels()[rows()[name]] - train.mean(axis=0)) / train.std(axis=0)
                for name in PARTS
            },
        }


def divided(by: float, **changed: Any) -> dict[str, Any]:
    right = {f"x_{name}": pixels()[rows()[name]] / by for name in PARTS}
    return {**rows(), **right, **changed}


def one_hot(**changed: Any) -> dict[str, Any]:
    right = {f"y_{name}": np.eye(10)[labels()[rows()[name]]] for name in PARTS}
    return {**rows(), **right, **changed}


def fitting_rows(**others: Any) -> dict[str, Any]:
    return {"train": rows()["train"], "validation": rows()["validation"], **others}


@cache
def neighbour() -> np.ndarray:
    """The digits by another simple method than the solution's."""
    from sklearn.neighbors import KNeighborsClassifier

    method = KNeighborsClassifier(3).fit(pixels()[rows()["train"]], labels()[rows()["train"]])
    return method.predict(pixels()[rows()["validation"]])


def baseline(**changed: Any) -> dict[str, Any]:
    actual = labels()[rows()["validation"]]
    frequent = np.bincount(labels()[rows()["train"]]).argmax()
    right = fitting_rows(
        baseline_digits=neighbour().astype(float),
        baseline_accuracy=round((neighbour() == actual).mean(), 3),
        guessing=(actual == frequent).mean(),
    )
    return {**right, **changed}


# -------------------------------------------------------------------------- trained networks


@cache
def inputs() -> dict[str, np.ndarray]:
    return {name: standardised()[f"x_{name}"].astype("float32") for name in PARTS}


def targets(name: str) -> np.ndarray:
    return np.eye(10, dtype="float32")[labels()[rows()[name]]]


def validation() -> tuple[np.ndarray, np.ndarray]:
    return inputs()["validation"], targets("validation")


def validated(**others: Any) -> dict[str, Any]:
    x, y = validation()
    return {"x_validation": x, "y_validation": y, **others}


def network(*widths: int, rate=0.01, momentum=0.9, layers=None, **options: Any):
    import keras

    layers = layers or [*(dense(width) for width in widths), dense(10, "softmax")]
    optimizer = keras.optimizers.SGD(rate, momentum=momentum)
    return functional((64,), layers, **{"optimizer": optimizer, **options})


def fit(model, *, epochs=10, callbacks=(), y=None):
    return model.fit(
        inputs()["train"],
        targets("train") if y is None else y,
        batch_size=32,
        epochs=epochs,
        validation_data=validation(),
        validation_batch_size=500,
        callbacks=list(callbacks),
        verbose=0,
    )


@trained
def base():
    model = network(32)
    return model, fit(model)


@trained
def base_with_adam():
    model = network(32, optimizer="adam")
    return model, fit(model)


@trained
def stopped():
    """The network, its history, and the weights of its worst epoch."""
    import keras

    model, kept = network(32, rate=0.1), []
    callbacks = [
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5),
        keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
        ),
    ]
    history = fit(model, epochs=60, callbacks=callbacks)
    return model, history, kept[int(np.argmax(history.history["val_loss"]))]


@trained
def final():
    model = network(layers=[dense(64), dropout(0.2), dense(10, "softmax")])
    fit(model)
    return model


# ------------------------------------------------------------------------------- answers


def base_answers(**changed: Any) -> dict[str, Any]:
    return validated(**{"base": base()[0], "history_base": base()[1], **changed})


def rates_answers(found: dict[float, float], **changed: Any) -> dict[str, Any]:
    import pandas as pd

    table = pd.DataFrame({"learning_rate": found.keys(), "val_loss": found.values()})
    best = table.loc[table["val_loss"].idxmin(), "learning_rate"]
    return {"rates": table.sample(frac=1, random_state=1), "best_rate": best, **changed}


RATES = {0.003: 0.3, 0.01: 0.18, 0.03: 0.12, 0.1: 0.11, 0.3: 0.14, 1: float("nan")}


def stopped_answers(**changed: Any) -> dict[str, Any]:
    right = {
        "best_rate": 0.1,
        "most_epochs": 60,
        "stopped": stopped()[0],
        "history_stopped": stopped()[1],
    }
    return validated(**{**right, **changed})


def stopped_history(**changed: Any) -> dict[str, list[float]]:
    return {**stopped()[1].history, **changed}


def count(*widths: int) -> int:
    sizes = [64, *widths, 10]
    return sum((sizes[k] + 1) * sizes[k + 1] for k in range(len(sizes) - 1))


SEEDS = (1, 2, 3, 4, 5)
RUNS = {
    "8": (count(8), [0.3, 0.24, 0.27, 0.26, 0.29]),
    "32": (count(32), [0.12, 0.11, 0.13, 0.1, 0.14]),
    "64 dropout": (count(64), None),
    "128": (count(128), None),
    "128 L2": (count(128), [0.31, 0.3, 0.33, 0.32, 0.3]),
}


def candidates(*, changes=None, without=(), seeds=SEEDS):
    """A table of made-up runs, with the final network as one of those with 64 units."""
    import pandas as pd

    loss, accuracy = figures(final(), *validation())
    # Whatever the final network's loss, it is not separated from that of the best network.
    around = {
        "64 dropout": [loss, loss - 0.002, loss + 0.004, loss - 0.001, loss + 0.001],
        "128": [loss - 0.03, loss + 0.01, loss - 0.02, loss + 0.004, loss - 0.017],
    }
    runs = {
        name: (size, values or around[name])
        for name, (size, values) in {**RUNS, **(changes or {})}.items()
        if name not in without
    }
    return pd.DataFrame(
        [
            {
                "network": name,
                "parameters": size,
                "seed": seed,
                "val_loss": value,
                "val_accuracy": accuracy,
            }
            for name, (size, values) in runs.items()
            for seed, value in zip(seeds, values, strict=False)
        ]
    )


def more_seeds():
    """Seven runs of each network, with seeds of their own."""
    import pandas as pd

    table = candidates()
    more = table[table["seed"] <= 2].eval("val_loss = val_loss + 0.001 * seed")
    return pd.concat([table, more.assign(seed=more["seed"] + 10)]).assign(
        seed=lambda found: found["seed"] + 100
    )


def other_seeds_for_one():
    table = candidates()
    table.loc[(table["network"] == "32") & (table["seed"] == 5), "seed"] = 6
    return table


def choice(*, changes=None, **changed: Any) -> dict[str, Any]:
    right = {"candidates": candidates(changes=changes), "chosen": "64 dropout", "final": final()}
    return validated(**{**right, **changed})


FAR = {
    "32": (count(32), [0.7, 0.72, 0.71, 0.73, 0.69]),
    "8": (count(8), [0.9, 0.95, 0.92, 0.91, 0.93]),
}


def worse_in_each_pair() -> dict[str, tuple[int, list[float]]]:
    """A network within the range of the best one's runs, and separated from it in pairs."""
    table = candidates()
    best = table.loc[table["network"] == "128", "val_loss"]
    more = [0.02, 0.021, 0.019, 0.022, 0.018]
    return {**FAR, "32": (count(32), [one + other for one, other in zip(best, more, strict=True)])}


def shuffled_and_indexed():
    table = candidates(changes=worse_in_each_pair()).sample(frac=1, random_state=1)
    return table[table.columns[::-1]].set_index(["network", "seed"])


def best_is_smallest() -> dict[str, tuple[int, list[float]]]:
    """The network of 64 units has the lowest mean, and a larger one is not separated from it."""
    loss, _ = figures(final(), *validation())
    larger = [loss + 0.03, loss - 0.01, loss + 0.02, loss - 0.004, loss + 0.017]
    return {**FAR, "128": (count(128), larger)}


def tested(**changed: Any) -> dict[str, Any]:
    named = probabilities(final(), inputs()["test"]).argmax(axis=1)
    right = {
        "test": rows()["test"],
        "x_test": inputs()["test"],
        "final": final(),
        "test_digits": named.astype(float),
        "test_accuracy": (named == labels()[rows()["test"]]).mean(),
    }
    return {**right, **changed}


@cache
def named_with_misses() -> np.ndarray:
    """Actual digits with a few mistakes that do not go both ways alike."""
    named = labels()[rows()["test"]].copy()
    eights = np.flatnonzero(named == 8)[:5]
    ones = np.flatnonzero(named == 1)[:2]
    named[eights], named[ones] = 1, 7
    return named


def counted(**changed: Any) -> dict[str, Any]:
    from scipy.stats import beta
    from sklearn.metrics import confusion_matrix

    actual, named = labels()[rows()["test"]], named_with_misses()
    hits, total = int((actual == named).sum()), len(actual)
    exact = [
        beta.ppf(0.025, hits, total - hits + 1),
        beta.ppf(0.975, hits + 1, total - hits),
    ]
    right = {
        "test": rows()["test"],
        "test_digits": named,
        "confusion": confusion_matrix(actual, named),
        "interval": exact,
    }
    return {**right, **changed}


def by_the_normal_distribution() -> list[float]:
    share = (labels()[rows()["test"]] == named_with_misses()).mean()
    half = 1.96 * np.sqrt(share * (1 - share) / len(named_with_misses()))
    return [share - half, share + half]


def missed(digit: int) -> dict[str, Any]:
    return {"test": rows()["test"], "test_digits": named_with_misses(), "missed_most": digit}


CASES: dict[str, Case] = {
    "C.1": Case(
        right={"digit by digit": rows},
        wrong={
            "not stratified": (
                lambda: shuffled(1078, 359),
                "Split so that each digit keeps its share",
            ),
            "80:10:10": (
                lambda: {
                    "train": np.concatenate([rows()["train"], rows()["test"]]),
                    "validation": rows()["validation"][::2],
                    "test": rows()["validation"][1::2],
                },
                "are to be 60:20:20",
            ),
            "the test set is the validation set": (
                lambda: {**rows(), "test": rows()["validation"]},
                "rows are in `validation` and in `test`",
            ),
            "rows left out": (
                lambda: {**rows(), "train": rows()["train"][:-40]},
                "the others are in no part",
            ),
            "images in place of row numbers": (
                lambda: {**rows(), "train": pixels()[rows()["train"]]},
                "it is to hold row numbers",
            ),
        },
    ),
    "C.2": Case(
        right={
            "standardised by scikit-learn": standardised,
            "from 0 to 1, by the training part": lambda: scaled(minmax()),
            "divided by 16, as nested lists": lambda: divided(
                16, x_test=(pixels()[rows()["test"]] / 16).tolist()
            ),
            "by the mean and deviation of all pixels together": standardised_alike,
            "centred and divided alike": lambda: divided(
                1,
                **{f"x_{name}": (pixels()[rows()[name]] - 8) / 8 for name in PARTS},
            ),
        },
        wrong={
            "scaler fitted to all rows": (
                lambda: standardised(everything()),
                "Were other rows in it",
            ),
            "range of all rows": (
                lambda: scaled(minmax(), everything()),
                "Were other rows in it",
            ),
            "each part by itself": (
                lambda: standardised(validation="validation", test="test"),
                "`x_validation` is not scaled like `x_train`",
            ),
            "divided by 0": (divided_by_nothing, "values that are not finite"),
            "divided by 255": (lambda: divided(255), "What range do the pixels have"),
            "not scaled": (lambda: divided(1), "What range do the pixels have"),
            "still images": (
                lambda: divided(16, x_train=(pixels()[rows()["train"]] / 16).reshape(-1, 8, 8)),
                "one row of 64 numbers",
            ),
            "other rows": (
                lambda: divided(16, x_test=(pixels()[np.sort(rows()["test"])] / 16)),
                "`x_test` is not scaled like `x_train`",
            ),
        },
    ),
    "C.3": Case(
        right={
            "truth values": lambda: one_hot(
                y_test=labels()[rows()["test"]][:, None] == np.arange(10)
            ),
        },
        wrong={
            "numbers": (
                lambda: one_hot(y_train=labels()[rows()["train"]]),
                "a place for each of 10 digits",
            ),
            "in another order": (
                lambda: one_hot(y_test=np.eye(10)[labels()[np.sort(rows()["test"])]]),
                "Same rows, same order",
            ),
            "off by one": (
                lambda: one_hot(y_train=np.roll(np.eye(10)[labels()[rows()["train"]]], 1, axis=1)),
                "the digit 0 has the first column",
            ),
        },
    ),
    "C.4": Case(
        right={"nearest neighbours": baseline},
        wrong={
            "probabilities": (
                lambda: baseline(baseline_digits=np.eye(10)[neighbour()]),
                "one digit for each of the",
            ),
            "on the training rows": (
                lambda: baseline(baseline_digits=labels()[rows()["train"]]),
                "one digit for each of the",
            ),
            "the labels themselves": (
                lambda: baseline(baseline_digits=labels()[rows()["validation"]]),
                "right for every validation row",
            ),
            "labels in another order": (
                lambda: baseline(baseline_digits=neighbour()[::-1]),
                "Simple methods do better",
            ),
            "number of hits": (lambda: baseline(baseline_accuracy=350), "a share of rows"),
            "the share of misses": (lambda: baseline(guessing=0.9), "always naming the digit"),
        },
    ),
    "C.5": Case(
        right={"functional, standardised": base_answers},
        wrong={
            "Adam": (
                lambda: base_answers(base=base_with_adam()[0], history_base=base_with_adam()[1]),
                "compiled with Adam",
            ),
            "sixteen units": (
                lambda: base_answers(base=network(16)),
                "hidden layers of 16 units",
            ),
            "no softmax": (
                lambda: base_answers(base=network(layers=[dense(32), dense(10, "linear")])),
                "probabilities that sum to 1",
            ),
            "a loss for numbers": (
                lambda: base_answers(base=network(32, loss="sparse_categorical_crossentropy")),
                "not the one that goes with",
            ),
            "built again": (
                lambda: base_answers(base=copy(base()[0])),
                "do not belong together",
            ),
            "never trained": (
                lambda: base_answers(
                    base=(model := network(32)),
                    history_base=claimed(model, *validation(), 10),
                ),
                "of the validation rows",
            ),
            "labels off by one": (
                lambda: base_answers(base=labels_off_by_one(base()[0])),
                "do not belong together",
            ),
        },
    ),
    "C.6": Case(
        right={"six rates, the largest broke down": lambda: rates_answers(RATES)},
        wrong={
            "the best is the largest": (
                lambda: rates_answers({0.0001: 1.5, 0.001: 0.8, 0.01: 0.3, 0.1: 0.12}),
                "at the end of what was tried",
            ),
            "three rates": (
                lambda: rates_answers({0.01: 0.3, 0.1: 0.12, 1: 0.5}),
                "at least four",
            ),
            "by equal differences": (
                lambda: rates_answers({0.01: 0.3, 0.02: 0.2, 0.03: 0.12, 0.04: 0.15}),
                "compared by factors",
            ),
            "not the best": (lambda: rates_answers(RATES, best_rate=0.03), "`best_rate` is 0.03"),
            "one network all along": (
                lambda: rates_answers({0.001: 0.01, 0.01: 0.005, 0.1: 0.001, 1: 0.002}),
                "each of a network with new weights",
            ),
        },
    ),
    "C.7": Case(
        right={"another patience": stopped_answers},
        wrong={
            "all epochs used": (
                lambda: stopped_answers(most_epochs=len(stopped()[1].history["loss"])),
                "did not end by itself",
            ),
            "the weights of another epoch": (
                lambda: stopped_answers(stopped=copy(stopped()[0], stopped()[2])),
                "so that the best weights come back",
            ),
            "ten epochs, and no early stopping": (
                lambda: stopped_answers(stopped=base()[0], history_stopped=base()[1]),
                "and still falling",
            ),
            "the rate stays": (
                lambda: stopped_answers(
                    history_stopped=stopped_history(
                        learning_rate=[0.1] * len(stopped()[1].history["loss"])
                    )
                ),
                "the less patient one",
            ),
            "no callback for the rate": (
                lambda: stopped_answers(
                    history_stopped={
                        name: values
                        for name, values in stopped_history().items()
                        if name != "learning_rate"
                    }
                ),
                "Was it given to `fit`",
            ),
            "another rate": (
                lambda: stopped_answers(best_rate=0.01),
                "training began at a rate of 0.1",
            ),
            "the base network of before": (
                lambda: stopped_answers(stopped=base()[0]),
                "do not belong together",
            ),
        },
    ),
    "C.8": Case(
        right={
            "five networks, rows in another order": lambda: {
                "candidates": candidates().sample(frac=1, random_state=1)
            },
            "networks and seeds in the index": lambda: {"candidates": shuffled_and_indexed()},
            "seven seeds of their own": lambda: {"candidates": more_seeds()},
        },
        wrong={
            "one seed": (
                lambda: {"candidates": candidates(seeds=(1,))},
                "1 seed for '128'",
            ),
            "three seeds": (
                lambda: {"candidates": candidates(seeds=(1, 2, 3))},
                "at least 5 are asked for",
            ),
            "another seed for one network": (
                lambda: {"candidates": other_seeds_for_one()},
                "has other seeds for '32' than for '128'",
            ),
            "two sizes": (
                lambda: {"candidates": candidates(without=["8", "64 dropout"])},
                "has 3 networks",
            ),
            "seeds without effect": (
                lambda: {"candidates": candidates(changes={"8": (count(8), [0.3] * 5)})},
                "all have the value 0.3000",
            ),
            "accuracies in per cent": (
                lambda: {"candidates": candidates().eval("val_accuracy = 100 * val_accuracy")},
                "and none more than 1",
            ),
            "penalties included": (
                lambda: {
                    "candidates": candidates(
                        changes={"128 L2": (count(128), [2.9, 3.1, 2.8, 3.0, 2.7])}
                    )
                },
                "Cross-entropy on the validation rows",
            ),
        },
    ),
    "C.9": Case(
        right={
            "with dropout": lambda: choice(changes=FAR),
            "in another order, a smaller one separated in pairs": lambda: choice(
                candidates=shuffled_and_indexed()
            ),
            "the best itself": lambda: choice(changes=best_is_smallest()),
        },
        wrong={
            "the best, whatever its size": (
                lambda: choice(changes=FAR, chosen="128"),
                "By the rule",
            ),
            "a larger one than the best": (
                lambda: choice(changes=best_is_smallest(), chosen="128"),
                "By the rule",
            ),
            "the smallest, whatever its loss": (
                lambda: choice(changes=FAR, chosen="8"),
                "The interval leaves out 0",
            ),
            "the smallest within the range of the best": (
                lambda: choice(changes=worse_in_each_pair(), chosen="32"),
                "The interval leaves out 0",
            ),
            "three seeds": (
                lambda: choice(candidates=candidates(changes=FAR, seeds=(1, 2, 3))),
                "at least 5 are asked for",
            ),
            "a name that is not in the table": (
                lambda: choice(changes=FAR, chosen="64"),
                "the networks in `candidates` are",
            ),
            "another network": (
                lambda: choice(changes=FAR, final=base()[0]),
                "Is it one of the networks of that name",
            ),
            "trained again": (
                lambda: choice(changes=FAR, final=copy(final())),
                "no run of '64 dropout' in `candidates` has both",
            ),
        },
    ),
    "C.10": Case(
        right={"digits as floats": tested},
        wrong={
            "probabilities": (
                lambda: tested(test_digits=probabilities(final(), inputs()["test"])),
                "one digit for each of the",
            ),
            "of another network": (
                lambda: tested(final=copy(final())),
                "gives another digit the largest probability",
            ),
            "digits off by one": (
                lambda: tested(test_digits=(tested()["test_digits"] + 1) % 10),
                "is the first digit 0",
            ),
            "the misses": (
                lambda: tested(test_accuracy=1 - tested()["test_accuracy"]),
                "are right",
            ),
            "the validation accuracy": (
                lambda: tested(test_accuracy=tested()["test_accuracy"] + 0.02),
                "are right",
            ),
        },
    ),
    "C.11": Case(
        right={"counted by scikit-learn, interval by the beta distribution": counted},
        wrong={
            "turned round": (
                lambda: counted(confusion=counted()["confusion"].T),
                "the other way round",
            ),
            "shares": (
                lambda: counted(confusion=counted()["confusion"] / len(named_with_misses())),
                "counts, not shares",
            ),
            "by the normal distribution": (
                lambda: counted(interval=by_the_normal_distribution()),
                "Clopper-Pearson",
            ),
            "half its length": (lambda: counted(interval=0.01), "the lower end, then the upper"),
        },
    ),
    "C.12": Case(
        right={"by counting": lambda: missed(8)},
        wrong={
            "the lowest predictive value": (lambda: missed(1), "Another digit does worse"),
            "a share": (
                lambda: {**missed(8), "missed_most": 0.86},
                "which is no digit",
            ),
        },
    ),
    "C.13": Case(
        right={"with a bracket": lambda: {"claim": "a)"}},
        wrong={
            "everybody's digits": (lambda: {"claim": "b"}, "How many people"),
            "the best of all": (lambda: {"claim": "C"}, "how often was the test set"),
        },
    ),
}
