"""Right and wrong answers to the capstone, in variant 0."""

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
    functional,
    labels_off_by_one,
    probabilities,
    trained,
)

SETS = ("train", "validation", "test")
SEEDS = (1, 2, 3, 4, 5)


# ----------------------------------------------------------------------------- material


@cache
def pixels() -> np.ndarray:
    from sklearn.datasets import load_digits

    return load_digits().data


@cache
def labels() -> np.ndarray:
    from sklearn.datasets import load_digits

    return load_digits().target


def digit_by_digit(shuffle) -> dict[str, np.ndarray]:
    """Cut the rows of each digit, after putting them in some order."""
    found = {name: [] for name in SETS}
    for digit in range(10):
        own = shuffle(np.flatnonzero(labels() == digit))
        cuts = round(0.6 * len(own)), round(0.8 * len(own))
        for name, rows_of_digit in zip(SETS, np.split(own, cuts), strict=True):
            found[name].append(rows_of_digit)
    return {name: shuffle(np.concatenate(some)) for name, some in found.items()}


@cache
def rows() -> dict[str, np.ndarray]:
    """Digit by digit, where the solution lets scikit-learn stratify."""
    return digit_by_digit(np.random.default_rng(7).permutation)


def shuffled(*sizes: int) -> dict[str, np.ndarray]:
    order = np.random.default_rng(3).permutation(len(labels()))
    return dict(zip(SETS, np.split(order, np.cumsum(sizes)), strict=True))


def inputs_by(prepare, **changed: Any) -> dict[str, Any]:
    """Row numbers, and inputs prepared by a function of pixels."""
    right = {f"x_{name}": prepare(pixels()[rows()[name]]) for name in SETS}
    return {**rows(), **right, **changed}


def fitted(scaler, learned_from: np.ndarray | None = None) -> dict[str, Any]:
    """Inputs by a scaler of scikit-learn, fitted to the training rows or to these."""
    scaler.fit(pixels()[rows()["train"] if learned_from is None else learned_from])
    return inputs_by(scaler.transform)


def scaler(name: str, **options: Any):
    from sklearn import preprocessing

    return getattr(preprocessing, name)(**options)


def each_by_itself() -> dict[str, Any]:
    return inputs_by(lambda own: scaler("StandardScaler").fit_transform(own))


def train_pixels() -> np.ndarray:
    return pixels()[rows()["train"]]


def everything() -> np.ndarray:
    return np.arange(len(labels()))


def over_length(images: np.ndarray) -> np.ndarray:
    return images / np.linalg.norm(images, axis=1, keepdims=True)


def over_length_standardised() -> dict[str, Any]:
    standard = scaler("StandardScaler").fit(over_length(train_pixels()))
    return inputs_by(lambda own: standard.transform(over_length(own)))


def divided_by_deviation(plus: float) -> dict[str, Any]:
    train = train_pixels()
    with np.errstate(divide="ignore", invalid="ignore"):
        return inputs_by(lambda own: (own - train.mean(axis=0)) / (train.std(axis=0) + plus))


def dead_in_training() -> dict[str, Any]:
    """A pixel without ink in training is divided by nearly 0, where other rows have ink there."""
    ink = (pixels() > 0).sum(axis=0)
    pixel = int(np.where(ink > 0, ink, 9999).argmin())
    inked = np.flatnonzero(pixels()[:, pixel])
    found = {name: np.setdiff1d(some, inked) for name, some in rows().items()}
    found["validation"] = np.concatenate([found["validation"], inked])
    train = pixels()[found["train"]]
    scaled = {
        f"x_{name}": (pixels()[some] - train.mean(axis=0)) / (train.std(axis=0) + 1e-8)
        for name, some in found.items()
    }
    return {**found, **scaled}


def by_sixteen(values: np.ndarray) -> np.ndarray:
    return values / 16


def one_hot(**changed: Any) -> dict[str, Any]:
    right = {f"y_{name}": np.eye(10)[labels()[rows()[name]]] for name in SETS}
    return {**rows(), **right, **changed}


def fitting_rows(**others: Any) -> dict[str, Any]:
    return {"train": rows()["train"], "validation": rows()["validation"], **others}


@cache
def named_by(method: str) -> np.ndarray:
    """The digits by another simple method than the solution's."""
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.tree import DecisionTreeClassifier

    chosen = {
        "neighbours": KNeighborsClassifier(3),
        "Bayes": GaussianNB(),
        "tree": DecisionTreeClassifier(random_state=0),
    }[method]
    chosen.fit(pixels()[rows()["train"]], labels()[rows()["train"]])
    return chosen.predict(pixels()[rows()["validation"]])


def baseline(method: str = "neighbours", **changed: Any) -> dict[str, Any]:
    actual, named = labels()[rows()["validation"]], named_by(method)
    frequent = np.bincount(labels()[rows()["train"]]).argmax()
    right = fitting_rows(
        baseline_classes=named.astype(float),
        baseline_accuracy=round((named == actual).mean(), 3),
        most_frequent=frequent,
        guessing=(actual == frequent).mean(),
    )
    return {**right, **changed}


# -------------------------------------------------------------------------- trained networks


@cache
def inputs() -> dict[str, np.ndarray]:
    found = fitted(scaler("StandardScaler"))
    return {name: found[f"x_{name}"].astype("float32") for name in SETS}


def targets(name: str) -> np.ndarray:
    return np.eye(10, dtype="float32")[labels()[rows()[name]]]


def validation() -> tuple[np.ndarray, np.ndarray]:
    return inputs()["validation"], targets("validation")


def validated(**others: Any) -> dict[str, Any]:
    return fitting_rows(x_validation=inputs()["validation"], **others)


def network(*widths: int, rate=0.01, momentum=0.9, layers=None, **options: Any):
    import keras

    layers = layers or [*(dense(width) for width in widths), dense(10, "softmax")]
    optimizer = keras.optimizers.SGD(rate, momentum=momentum)
    return functional((64,), layers, **{"optimizer": optimizer, **options})


def fit(model, *, epochs=10, callbacks=()):
    return model.fit(
        inputs()["train"],
        targets("train"),
        batch_size=64,
        epochs=epochs,
        validation_data=validation(),
        validation_batch_size=500,
        callbacks=list(callbacks),
        verbose=0,
    )


def with_steps(model, steps: int, weights=None):
    """The same network, with an optimiser that says it has taken so many steps."""
    other = copy(model, model.get_weights() if weights is None else weights)
    other.optimizer.build(other.trainable_variables)
    other.optimizer.iterations.assign(steps)
    return other


def steps_of(model) -> int:
    return int(np.asarray(model.optimizer.iterations))


@trained
def base():
    model = network(32)
    return model, fit(model)


@trained
def subclassed_base():
    import keras

    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.last = dense(32), dense(10, "softmax")

        def call(self, values):
            return self.last(self.hidden(values))

    model = Network()
    optimizer = keras.optimizers.SGD(momentum=0.9)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return model, fit(model)


@trained
def nested_base():
    import keras

    core = keras.Sequential([dense(32), dense(10, "softmax")])
    model = network(layers=[core])
    return model, fit(model)


@trained
def base_with_adam():
    model = network(32, optimizer="adam")
    return model, fit(model)


@trained
def base_without_metric():
    model = network(32, metrics=[])
    return model, fit(model)


@trained
def tuned():
    """The network with the best of `RATES`, and its last validation loss."""
    model = network(32, rate=BEST_RATE)
    return model, fit(model).history["val_loss"][-1]


@trained
def stopped():
    """The network, its history, and the weights of its worst and of its last epoch."""
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
    worst = int(np.argmax(history.history["val_loss"]))
    return model, history, kept[worst], kept[-1]


# ------------------------------------------------- networks that scikit-learn trains much faster


@cache
def fast(width: int, seed: int, *, alpha: float = 0.0, rate: float = 0.05, epochs: int = 25):
    """A network trained by scikit-learn; alpha is its L2 penalty."""
    import warnings

    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        (width,),
        solver="sgd",
        learning_rate_init=rate,
        nesterovs_momentum=False,
        alpha=alpha,
        batch_size=64,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that training has not converged
        return model.fit(inputs()["train"], labels()[rows()["train"]])


def as_keras(model, *, l2: float = 0.0):
    """The same network in Keras, with the steps of its training."""
    import keras

    penalty = {"kernel_regularizer": keras.regularizers.L2(l2)} if l2 else {}
    made = network(
        layers=[dense(model.coefs_[0].shape[1], **penalty), dense(10, "softmax", **penalty)]
    )
    weights = [
        array for pair in zip(model.coefs_, model.intercepts_, strict=True) for array in pair
    ]
    return with_steps(made, 17 * 25, weights)


def figures_of(p: np.ndarray) -> tuple[float, float]:
    """Cross-entropy and accuracy of probabilities for the validation rows."""
    y = targets("validation")
    own = np.clip((p * y).sum(axis=1), 1e-7, 1)
    return float(-np.log(own).mean()), float((p.argmax(axis=1) == y.argmax(axis=1)).mean())


# ------------------------------------------------------------------------------- answers


def base_answers(**changed: Any) -> dict[str, Any]:
    return validated(**{"base": base()[0], "history_base": base()[1], **changed})


BEST_RATE = 0.1
RATES = (0.003, 0.01, 0.03, BEST_RATE, 0.3, 1)


@cache
def losses_by_rate() -> dict[float, float]:
    """Losses of new base networks; only that of the best rate is of a Keras network."""
    found = {
        rate: figures_of(fast(32, 1, rate=rate, epochs=10).predict_proba(inputs()["validation"]))[0]
        for rate in RATES
        if rate not in (BEST_RATE, 1)
    }
    return {**found, BEST_RATE: tuned()[1], 1: float("nan")}


def rates_answers(changes: dict[float, float] | None = None, **changed: Any) -> dict[str, Any]:
    import pandas as pd

    found = {**losses_by_rate(), **(changes or {})}
    table = pd.DataFrame({"learning_rate": found.keys(), "val_loss": found.values()})
    right = {
        "x_train": inputs()["train"],
        "rates": table.sample(frac=1, random_state=1),
        "best_rate": table.loc[table["val_loss"].idxmin(), "learning_rate"],
        "tuned": tuned()[0],
    }
    return validated(**{**right, **changed})


def only(*rates: float) -> Any:
    return rates_answers()["rates"].query("learning_rate in @rates")


def stopped_answers(**changed: Any) -> dict[str, Any]:
    right = {
        "best_rate": 0.1,
        "stopped": stopped()[0],
        "history_stopped": stopped()[1],
    }
    return validated(**{**right, **changed})


def stopped_history(**changed: Any) -> dict[str, list[float]]:
    return {**stopped()[1].history, **changed}


def stopped_with(weights) -> Any:
    return with_steps(stopped()[0], steps_of(stopped()[0]), weights)


def count(*widths: int) -> int:
    sizes = [64, *widths, 10]
    return sum((sizes[k] + 1) * sizes[k + 1] for k in range(len(sizes) - 1))


CANDIDATES = {"8": (8, 0.0), "32": (32, 0.0), "64 L2": (64, 0.1), "128": (128, 0.0)}


def run_of(name: str, seed: int):
    width, alpha = CANDIDATES[name]
    return fast(width, seed, alpha=alpha)


def trained_run(name: str, seed: int = 1):
    return as_keras(run_of(name, seed), l2=1e-3 if CANDIDATES[name][1] else 0.0)


@cache
def runs() -> dict[tuple[str, int], np.ndarray]:
    """Probabilities of the networks that were trained, by name and seed."""
    x = inputs()["validation"]
    return {
        (name, seed): run_of(name, seed).predict_proba(x) for name in CANDIDATES for seed in SEEDS
    }


def table_of(outputs: dict[tuple[str, int], np.ndarray], sizes: dict[str, int]) -> dict[str, Any]:
    """Table and probabilities of these runs."""
    import pandas as pd

    found = [
        {
            "network": name,
            "parameters": sizes[name],
            "seed": seed,
            "val_loss": figures_of(p)[0],
            "val_accuracy": figures_of(p)[1],
        }
        for (name, seed), p in outputs.items()
    ]
    return {"candidates": pd.DataFrame(found), "outputs": np.stack(list(outputs.values()))}


def candidates(**changed: Any) -> dict[str, Any]:
    sizes = {name: count(width) for name, (width, _) in CANDIDATES.items()}
    right = {**table_of(runs(), sizes), "regularised": trained_run("64 L2")}
    return validated(**{**right, **changed})


def changed_table(change) -> dict[str, Any]:
    return candidates(candidates=change(candidates()["candidates"]))


def in_another_order() -> dict[str, Any]:
    right = candidates()
    order = np.random.default_rng(1).permutation(len(right["outputs"]))
    table = right["candidates"].iloc[order]
    table = table[table.columns[::-1]].set_index(["network", "seed"])
    return {**right, "candidates": table, "outputs": right["outputs"][order].tolist()}


def only_seeds(*seeds: int) -> dict[str, Any]:
    right = candidates()
    keep = right["candidates"]["seed"].isin(seeds).to_numpy()
    return {**right, "candidates": right["candidates"][keep], "outputs": right["outputs"][keep]}


def only_networks(*names: str) -> dict[str, Any]:
    right = candidates()
    keep = right["candidates"]["network"].isin(names).to_numpy()
    return {**right, "candidates": right["candidates"][keep], "outputs": right["outputs"][keep]}


def two_seeds_more() -> dict[str, Any]:
    more = {
        (name, seed): p * 0.98 + 0.002 + 0.001 * (seed - 1) / 5 * (0.1 - p)
        for (name, seed), p in runs().items()
        if seed <= 2
    }
    sizes = {name: count(width) for name, (width, _) in CANDIDATES.items()}
    extended = {**runs(), **{(name, seed + 10): p for (name, seed), p in more.items()}}
    return {**candidates(), **table_of(extended, sizes)}


def one_run_copied() -> dict[str, Any]:
    outputs = {key: runs()["8", 1] if key[0] == "8" else p for key, p in runs().items()}
    return {**candidates(), **table_of(outputs, {n: count(w) for n, (w, _) in CANDIDATES.items()})}


def penalties_included(table):
    more = np.where(table["network"] == "64 L2", 0.4, 0)
    return table.assign(val_loss=table["val_loss"] + more)


# Tables of made-up losses: the probabilities of a network are moved until they have them.


def with_loss(loss: float, which: int) -> np.ndarray:
    """Probabilities for the validation rows with this cross-entropy."""
    noise = np.random.default_rng(which).dirichlet(np.ones(10), len(rows()["validation"]))
    p = 0.97 * runs()["32", 1] + 0.03 * noise
    toward = np.full_like(p, 0.1) if figures_of(p)[0] < loss else targets("validation")
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        found = figures_of((1 - middle) * p + middle * toward)[0]
        too_far = found > loss if toward[0, 0] == toward[0, 1] == 0.1 else found < loss
        low, high = (low, middle) if too_far else (middle, high)
    return (1 - low) * p + low * toward


MADE_UP = {
    "8": (count(8), [0.9, 0.95, 0.92, 0.91, 0.93]),
    "32": (count(32), [0.7, 0.72, 0.71, 0.73, 0.69]),
    "64 L2": (count(64), None),
    "128": (count(128), None),
    "128 L2": (count(128), [0.31, 0.3, 0.33, 0.32, 0.3]),
}


def final_loss() -> float:
    return figures_of(runs()["64 L2", 1])[0]


def made_up(changes=None, **changed: Any) -> dict[str, Any]:
    """A choice from made-up runs, of which the first with 64 units is the final network."""
    loss = final_loss()
    # Whatever the final network's loss, it is not separated from that of the best network.
    around = {
        "64 L2": [loss, loss - 0.002, loss + 0.004, loss - 0.001, loss + 0.001],
        "128": [loss - 0.03, loss + 0.01, loss - 0.02, loss + 0.004, loss - 0.017],
    }
    kinds = {**MADE_UP, **(changes or {})}
    outputs, which = {}, 0
    for name, (_, losses) in kinds.items():
        for seed, value in zip(SEEDS, losses or around[name], strict=True):
            which += 1
            own = (name, seed) == ("64 L2", 1)
            outputs[name, seed] = runs()["64 L2", 1] if own else with_loss(value, which)
    right = {
        **table_of(outputs, {name: size for name, (size, _) in kinds.items()}),
        "chosen": "64 L2",
        "final": trained_run("64 L2"),
    }
    return validated(**{**right, **changed})


def worse_in_each_pair() -> dict[str, tuple[int, list[float]]]:
    """A network within the range of the best one's runs, and separated from it in pairs."""
    loss = final_loss()
    best = [loss - 0.03, loss + 0.01, loss - 0.02, loss + 0.004, loss - 0.017]
    more = [0.02, 0.021, 0.019, 0.022, 0.018]
    return {"32": (count(32), [one + other for one, other in zip(best, more, strict=True)])}


def best_is_smallest() -> dict[str, tuple[int, list[float]]]:
    """The network of 64 units has the lowest mean, and a larger one is not separated from it."""
    loss = final_loss()
    return {
        "128": (count(128), [loss + 0.03, loss - 0.01, loss + 0.02, loss - 0.004, loss + 0.017])
    }


def by_the_rule() -> str:
    """The choice from the networks that were trained."""
    from coursekit.evaluation import paired_difference

    table = candidates()["candidates"].pivot(index="seed", columns="network", values="val_loss")
    best = table.mean().idxmin()
    allowed = [
        name
        for name in table
        if name == best or not paired_difference(table[name], table[best]).separated
    ]
    return min(allowed, key=lambda name: count(CANDIDATES[name][0]))


def choice(**changed: Any) -> dict[str, Any]:
    right = candidates()
    right.pop("regularised")
    chosen = by_the_rule()
    return {**right, "chosen": chosen, "final": trained_run(chosen, 1), **changed}


def rounded_choice() -> dict[str, Any]:
    right = made_up(chosen=" 64 L2. ")
    return {**right, "candidates": right["candidates"].round(3)}


@cache
def final():
    return trained_run("32")


@cache
def named() -> np.ndarray:
    return probabilities(final(), inputs()["test"]).argmax(axis=1)


def actual() -> np.ndarray:
    return labels()[rows()["test"]]


def tested(**changed: Any) -> dict[str, Any]:
    right = {
        "test": rows()["test"],
        "x_test": inputs()["test"],
        "final": final(),
        "test_classes": named().astype(float),
    }
    return {**right, **changed}


def opened(**changed: Any) -> dict[str, Any]:
    accuracy = (named() == actual()).mean()
    return tested(**{"train": rows()["train"], "test_accuracy": accuracy, **changed})


def counted(**changed: Any) -> dict[str, Any]:
    from scipy.stats import beta
    from sklearn.metrics import confusion_matrix

    hits, total = int((actual() == named()).sum()), len(actual())
    exact = [
        beta.ppf(0.025, hits, total - hits + 1),
        beta.ppf(0.975, hits + 1, total - hits),
    ]
    return tested(
        **{"confusion": confusion_matrix(actual(), named()), "interval": exact, **changed}
    )


def by_the_normal_distribution() -> list[float]:
    share = (actual() == named()).mean()
    half = 1.96 * np.sqrt(share * (1 - share) / len(actual()))
    return [share - half, share + half]


def shares_by(total: np.ndarray) -> np.ndarray:
    return np.array([(named() == actual())[total == digit].mean() for digit in range(10)])


def weakest(**changed: Any) -> dict[str, Any]:
    shares = shares_by(actual())
    right = {"weakest": shares.argmin(), "weakest_value": round(shares.min(), 3)}
    return tested(**{**right, **changed})


CASES: dict[str, Case] = {
    "C.1": Case(
        right={"digit by digit": rows},
        wrong={
            "not stratified": (
                lambda: shuffled(1078, 359),
                "Split so that each class keeps its share",
            ),
            "80:10:10": (
                lambda: {
                    "train": np.concatenate([rows()["train"], rows()["test"]]),
                    "validation": rows()["validation"][::2],
                    "test": rows()["validation"][1::2],
                },
                "the task asks for 60%",
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
            "the first rows of each digit": (
                lambda: digit_by_digit(lambda some: some),
                "Draw the rows at random",
            ),
        },
    ),
    "C.2": Case(
        right={
            "standardised by scikit-learn": lambda: fitted(scaler("StandardScaler")),
            "from 0 to 1, by the training set": lambda: fitted(scaler("MinMaxScaler")),
            "divided by 16, as nested lists": lambda: inputs_by(
                by_sixteen, x_test=(pixels()[rows()["test"]] / 16).tolist()
            ),
            "divided by 16, in float16": lambda: inputs_by(
                lambda own: (own / 16).astype("float16")
            ),
            "by the mean and deviation of all pixels together": lambda: inputs_by(
                lambda own: (own - train_pixels().mean()) / train_pixels().std()
            ),
            "centred and divided alike": lambda: inputs_by(lambda own: (own - 8) / 8),
            "the negative": lambda: inputs_by(lambda own: 1 - own / 16),
            "the square root": lambda: inputs_by(lambda own: np.sqrt(own / 16)),
            "the logarithm": lambda: inputs_by(lambda own: np.log1p(own) / 3),
            "each image to length 1": lambda: inputs_by(over_length),
            "each image to length 1, then standardised": over_length_standardised,
            "by PowerTransformer": lambda: fitted(scaler("PowerTransformer")),
            "by QuantileTransformer": lambda: fitted(
                scaler("QuantileTransformer", n_quantiles=100)
            ),
            "by RobustScaler": lambda: fitted(scaler("RobustScaler")),
            "by MaxAbsScaler": lambda: fitted(scaler("MaxAbsScaler")),
            "a constant added to the deviation": lambda: divided_by_deviation(0.1),
        },
        wrong={
            "scaler fitted to all rows": (
                lambda: fitted(scaler("StandardScaler"), everything()),
                "Were other rows in it",
            ),
            "range of all rows": (
                lambda: fitted(scaler("MinMaxScaler"), everything()),
                "Were other rows in it",
            ),
            "powers of all rows": (
                lambda: fitted(scaler("PowerTransformer"), everything()),
                "Were other rows in it",
            ),
            "each set by itself": (
                each_by_itself,
                "`x_validation` is not scaled like `x_train`",
            ),
            "divided by 0": (lambda: divided_by_deviation(0), "values that are not finite"),
            "divided by nearly 0": (
                dead_in_training,
                "one value in all training images; what did you divide by?",
            ),
            "divided by 255": (
                lambda: inputs_by(lambda own: own / 255),
                "What range do the pixels have",
            ),
            "not scaled": (lambda: inputs_by(lambda own: own), "What range do the pixels have"),
            "black and white": (
                lambda: inputs_by(lambda own: (own > 8).astype(float)),
                "the order of the grey values is not kept",
            ),
            "still images": (
                lambda: inputs_by(
                    by_sixteen, x_train=(pixels()[rows()["train"]] / 16).reshape(-1, 8, 8)
                ),
                "one row of 64 numbers",
            ),
            "other rows": (
                lambda: inputs_by(by_sixteen, x_test=pixels()[np.sort(rows()["test"])] / 16),
                "`x_test` is not scaled like `x_train`",
            ),
            "training rows in another order": (
                lambda: inputs_by(by_sixteen, x_train=pixels()[np.sort(rows()["train"])] / 16),
                "Are they in the same order",
            ),
            "one value of 1e8": (
                lambda: inputs_by(
                    by_sixteen, x_test=np.where(inputs()["test"] == inputs()["test"][3, 3], 1e8, 0)
                ),
                "`x_test` has the value 1e+08",
            ),
            "as text": (
                lambda: inputs_by(by_sixteen, x_test=(pixels()[rows()["test"]] / 16).astype(str)),
                "`x_test` holds text",
            ),
        },
    ),
    "C.3": Case(
        right={
            "as floats": one_hot,
            "truth values": lambda: one_hot(
                y_test=labels()[rows()["test"]][:, None] == np.arange(10)
            ),
        },
        wrong={
            "numbers": (
                lambda: one_hot(y_train=labels()[rows()["train"]]),
                "a place for each of 10 classes",
            ),
            "in another order": (
                lambda: one_hot(y_test=np.eye(10)[labels()[np.sort(rows()["test"])]]),
                "Same rows, same order",
            ),
            "off by one": (
                lambda: one_hot(y_train=np.roll(np.eye(10)[labels()[rows()["train"]]], 1, axis=1)),
                "the class 0 has the first column",
            ),
            "text": (
                lambda: one_hot(y_train=np.eye(10)[labels()[rows()["train"]]].astype(str)),
                "`y_train` holds text",
            ),
        },
    ),
    "C.4": Case(
        right={
            "nearest neighbours": baseline,
            "naive Bayes": lambda: baseline("Bayes"),
            "a decision tree": lambda: baseline("tree"),
        },
        wrong={
            "probabilities": (
                lambda: baseline(baseline_classes=np.eye(10)[named_by("neighbours")]),
                "one class for each of the",
            ),
            "on the training rows": (
                lambda: baseline(baseline_classes=labels()[rows()["train"]]),
                "one class for each of the",
            ),
            "the labels themselves": (
                lambda: baseline(baseline_classes=labels()[rows()["validation"]]),
                "right for every validation row",
            ),
            "labels in another order": (
                lambda: baseline(baseline_classes=named_by("neighbours")[::-1]),
                "which simple methods reach",
            ),
            "words": (
                lambda: baseline(baseline_classes=named_by("neighbours").astype(str)),
                "classes are needed",
            ),
            "number of hits": (lambda: baseline(baseline_accuracy=350), "A share of rows"),
            "another accuracy": (
                lambda: baseline(baseline_accuracy=0.5),
                "`baseline_accuracy` is 0.5000, which is not the share",
            ),
            "another class": (lambda: baseline(most_frequent=8), "which is not the class"),
            "the share of misses": (lambda: baseline(guessing=0.9), "that have the class"),
        },
    ),
    "C.5": Case(
        right={
            "functional, standardised": base_answers,
            "subclassed": lambda: base_answers(
                base=subclassed_base()[0], history_base=subclassed_base()[1]
            ),
            "a network in a network": lambda: base_answers(
                base=nested_base()[0], history_base=nested_base()[1]
            ),
        },
        wrong={
            "Adam": (
                lambda: base_answers(base=base_with_adam()[0], history_base=base_with_adam()[1]),
                "compiled with Adam",
            ),
            "no metric": (
                lambda: base_answers(
                    base=base_without_metric()[0], history_base=base_without_metric()[1]
                ),
                "was the network compiled with that metric",
            ),
            "another rate": (
                lambda: base_answers(base=network(32, rate=0.1)),
                "a learning rate of 0.1",
            ),
            "dropout": (
                lambda: base_answers(
                    base=network(layers=[dense(32), dropout(0.3), dense(10, "softmax")])
                ),
                "has Dropout, which the base network has not",
            ),
            "a penalty": (
                lambda: base_answers(
                    base=network(layers=[dense(32, kernel_regularizer="l2"), dense(10, "softmax")])
                ),
                "has a penalty on the weights, which the base network has not",
            ),
            "sixteen units": (
                lambda: base_answers(base=network(16)),
                "hidden layers of 16 units; the task asks for one, of 32",
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
            "twice as many steps": (
                lambda: base_answers(base=with_steps(base()[0], 2 * steps_of(base()[0]))),
                "Was `fit` called twice",
            ),
            "compiled again": (
                lambda: base_answers(base=with_steps(base()[0], 0)),
                "as `fit` left it",
            ),
            "five epochs": (
                lambda: base_answers(
                    history_base={name: v[5:] for name, v in base()[1].history.items()}
                ),
                "has 5 epochs; the task asks for 10",
            ),
            "never trained": (
                lambda: base_answers(
                    base=(model := with_steps(network(32), 170)),
                    history_base=claimed(model, *validation(), 10),
                ),
                "how the training of a new network runs",
            ),
            "labels off by one": (
                lambda: base_answers(base=labels_off_by_one(base()[0])),
                "do not belong together",
            ),
            "other validation rows": (
                lambda: base_answers(validation=np.sort(rows()["validation"])),
                "does not hold the images that `validation` names",
            ),
        },
    ),
    "C.6": Case(
        right={
            "six rates, the largest broke down": rates_answers,
            "rounded to three decimals": lambda: rates_answers(
                rates=rates_answers()["rates"].round(3)
            ),
        },
        wrong={
            "the best is the largest": (
                lambda: rates_answers(rates=only(0.003, 0.01, 0.03, 0.1)),
                "lowest at the smallest or the largest rate",
            ),
            "three rates": (
                lambda: rates_answers(rates=only(0.03, 0.1, 0.3)),
                "at least four",
            ),
            "by equal differences": (
                lambda: rates_answers(
                    rates={"learning_rate": [0.1, 0.2, 0.3, 0.4], "val_loss": [3, 2, 1, 4]}
                ),
                "differ by factors",
            ),
            "not the best": (lambda: rates_answers(best_rate=0.03), "`best_rate` is 0.03"),
            "losses of one network that was trained on and on": (
                lambda: rates_answers({0.001: tuned()[1] + 0.001}),
                "Did each rate get a network of its own",
            ),
            "typed in": (
                lambda: rates_answers({0.03: 1.5}),
                "give other losses there",
            ),
            "the network of another rate": (
                lambda: rates_answers(tuned=base()[0]),
                "a learning rate of 0.01",
            ),
            "trained again": (
                lambda: rates_answers(tuned=with_steps(network(32, rate=0.1), 170)),
                "Is it the network of that row",
            ),
            "inputs scaled otherwise": (
                lambda: rates_answers(x_train=1.1 * inputs()["train"]),
                "`x_validation` is not scaled like `x_train`",
            ),
        },
    ),
    "C.7": Case(
        right={"another patience": stopped_answers},
        wrong={
            "all epochs used": (
                lambda: stopped_answers(
                    history_stopped=stopped_history(
                        **{
                            name: [*values[:1], *values[1:2] * 198, *values]
                            for name, values in stopped()[1].history.items()
                        }
                    )
                ),
                "did not end by itself",
            ),
            "the weights of another epoch": (
                lambda: stopped_answers(stopped=stopped_with(stopped()[2])),
                "so that the best weights come back",
            ),
            "the weights of the last epoch": (
                lambda: stopped_answers(stopped=stopped_with(stopped()[3])),
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
                "training did not begin at `best_rate`",
            ),
            "the base network of before": (
                lambda: stopped_answers(stopped=base()[0]),
                "do not belong together",
            ),
            "losses of 0": (
                lambda: stopped_answers(
                    history_stopped=stopped_history(loss=[0.0] * len(stopped()[1].history["loss"]))
                ),
                "is 0 in some epoch",
            ),
            "steps of other rows": (
                lambda: stopped_answers(stopped=with_steps(stopped()[0], 23 * 20)),
                "with other rows",
            ),
        },
    ),
    "C.8": Case(
        right={
            "an L2 penalty": candidates,
            "in another order, networks and seeds in the index": in_another_order,
            "two seeds more": two_seeds_more,
            "rounded to three decimals": lambda: changed_table(lambda table: table.round(3)),
        },
        wrong={
            "one seed": (lambda: only_seeds(1), "1 seed for '128'"),
            "three seeds": (lambda: only_seeds(1, 2, 3), "at least 5 are asked for"),
            "other seeds": (
                lambda: changed_table(lambda table: table.assign(seed=table["seed"] + 1)),
                "no run of '128' with the seed 1",
            ),
            "three networks": (lambda: only_networks("8", "64 L2", "128"), "has 3 networks"),
            "seeds without effect": (one_run_copied, "have the same probabilities"),
            "accuracies in per cent": (
                lambda: changed_table(lambda t: t.eval("val_accuracy = 100 * val_accuracy")),
                "Shares are between 0 and 1",
            ),
            "penalties included": (
                lambda: changed_table(penalties_included),
                "without the penalty",
            ),
            "probabilities in another order": (
                lambda: candidates(outputs=candidates()["outputs"][::-1]),
                "in the same order",
            ),
            "classes in place of probabilities": (
                lambda: candidates(outputs=candidates()["outputs"].argmax(axis=2)),
                "it is to hold the 10 probabilities",
            ),
            "huge numbers of parameters": (
                lambda: changed_table(lambda table: table.assign(parameters=1e308)),
                "none of these needs ten million",
            ),
            "not regularised": (
                lambda: candidates(regularised=trained_run("128")),
                "neither a dropout layer nor an L2 penalty",
            ),
            "trained again": (
                lambda: candidates(regularised=copy(trained_run("64 L2"))),
                "Is it one of the trained networks of the table",
            ),
            "trained on the validation rows too": (
                lambda: candidates(regularised=with_steps(trained_run("64 L2"), 23 * 25)),
                "with other rows",
            ),
        },
    ),
    "C.9": Case(
        right={
            "networks that were trained": choice,
            "with made-up losses": made_up,
            "a smaller one separated in pairs": lambda: made_up(worse_in_each_pair()),
            "the best itself": lambda: made_up(best_is_smallest()),
            "rounded, with a full stop": rounded_choice,
        },
        wrong={
            "the best, whatever its size": (lambda: made_up(chosen="128"), "By the rule"),
            "a larger one than the best": (
                lambda: made_up(best_is_smallest(), chosen="128"),
                "By the rule",
            ),
            "the smallest, whatever its loss": (
                lambda: made_up(chosen="8"),
                "The interval leaves out 0",
            ),
            "the smallest within the range of the best": (
                lambda: made_up(worse_in_each_pair(), chosen="32"),
                "The interval leaves out 0",
            ),
            "three seeds": (
                lambda: {**only_seeds(1, 2, 3), "chosen": "32", "final": trained_run("32")},
                "at least 5 are asked for",
            ),
            "a name that is not in the table": (
                lambda: made_up(chosen="64"),
                "the networks in `candidates` are",
            ),
            "another network": (
                lambda: choice(final=trained_run("8")),
                "is a run of another network",
            ),
            "the run of another seed": (
                lambda: choice(final=trained_run(by_the_rule(), 2)),
                "with the seed 2; the task asks for that of the first seed, 1",
            ),
            "trained again": (
                lambda: made_up(final=copy(trained_run("64 L2"))),
                "Was it trained again",
            ),
            "compiled again": (
                lambda: made_up(final=with_steps(trained_run("64 L2"), 0)),
                "as `fit` left it",
            ),
        },
    ),
    "C.10": Case(
        right={"digits as floats": opened},
        wrong={
            "probabilities": (
                lambda: opened(test_classes=probabilities(final(), inputs()["test"])),
                "one class for each of the",
            ),
            "of another network": (
                lambda: opened(final=copy(final())),
                "gives another class the largest probability",
            ),
            "classes off by one": (
                lambda: opened(test_classes=(named() + 1) % 10),
                "is the first class 0",
            ),
            "the misses": (
                lambda: opened(test_accuracy=1 - opened()["test_accuracy"]),
                "which is not the share of the test rows",
            ),
            "the validation accuracy": (
                lambda: opened(test_accuracy=opened()["test_accuracy"] + 0.002),
                "which is not the share of the test rows",
            ),
            "in per cent": (lambda: opened(test_accuracy=97.5), "between 0 and 1"),
            "trained on the test rows too": (
                lambda: opened(final=with_steps(final(), 23 * 25)),
                "with other rows",
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
                lambda: counted(confusion=counted()["confusion"] / len(actual())),
                "counts, not shares",
            ),
            "by the normal distribution": (
                lambda: counted(interval=by_the_normal_distribution()),
                "Clopper-Pearson",
            ),
            "half its length": (lambda: counted(interval=0.01), "the lower end and the upper"),
            "turned round, the interval": (
                lambda: counted(interval=counted()["interval"][::-1]),
                "the lower end comes first",
            ),
            "other predictions": (
                lambda: counted(test_classes=actual()),
                "gives another class the largest probability",
            ),
        },
    ),
    "C.12": Case(
        right={"by counting": weakest},
        wrong={
            "another class": (
                lambda: weakest(weakest=shares_by(actual()).argmax()),
                "Another class has a lower one",
            ),
            "a share": (lambda: weakest(weakest=0.86), "which is no class"),
            "another value": (
                lambda: weakest(weakest_value=0.5),
                "which is not the sensitivity of the class `weakest`",
            ),
            "all named 0": (
                lambda: weakest(test_classes=0 * named()),
                "gives another class the largest probability",
            ),
        },
    ),
    "C.13": Case(
        right={"with a bracket": lambda: {"claim": "a)"}},
        wrong={
            "everybody's digits": (lambda: {"claim": "b"}, "how many people"),
            "the best of all": (lambda: {"claim": "C"}, "did the test set judge"),
            "the next test set": (lambda: {"claim": "d"}, "would differ in a new test set"),
        },
    ),
}
