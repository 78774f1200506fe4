"""Helpers for the checks of the tuning lab: its data, its networks, and how they were trained."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from coursekit.exercises.checks import _answers, _losses, _models, _training
from coursekit.exercises.declaring import expect

if TYPE_CHECKING:
    import keras
    import pandas as pd

N_ROWS, N_TRAINING = 4000, 3200
# No network of these exercises reaches this accuracy on digits that it was not trained on. The best
# stored run of the chapters on 3,200 digits, of longer trainings, reached 0.965.
IMPLAUSIBLE_ACCURACY = 0.985
# Keras computes a loss in float32, on a graphics card partly with fewer digits.
LOSS_ATOL, LOSS_RTOL = 1.5e-4, 5e-4
# A metric rounded to three digits is off by up to 5e-4.
ROUNDING = 6e-4
# Three digits of an accuracy, and one of 800 digits that rounding moves to another class.
ACCURACY_TOLERANCE = 0.002
# Values of min_delta that a learner's callbacks may have used.
MIN_DELTAS = tuple(np.linspace(0, 1e-3, 101))
# Layers that change neither what a dense network computes nor how it is trained.
NEUTRAL = {"Dense", "Activation", "ReLU", "Softmax", "Flatten", "Reshape"}
NEVER = 10**6  # an epoch after all others


# ------------------------------------------------------------------------------------ data


@lru_cache(maxsize=4)  # one variant after the other is judged
def digits(shuffle: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of the exercises, in the order of a variant."""
    from coursekit import datasets, preprocessing

    (images, labels), _ = datasets.load_mnist()
    x, y = preprocessing.prepare_digits(images, labels, seed=shuffle)
    return x[:N_ROWS].copy(), y[:N_ROWS].copy()


def validation(shuffle: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of the validation set."""
    x, y = digits(shuffle)
    return x[N_TRAINING:], y[N_TRAINING:]


def steps_per_epoch(batch_size: int, rows: int = N_TRAINING) -> int:
    """Return the number of batches, of which the last may be smaller."""
    return -(-rows // batch_size)


# -------------------------------------------------------------------------------- networks


def parameters(widths: tuple[int, ...]) -> int:
    """Return the number of parameters of a dense network with these hidden layers."""
    return sum((a + 1) * b for a, b in pairwise((784, *widths, 10)))


def listed(widths: tuple[int, ...] | list[int]) -> str:
    """Return the widths of hidden layers in words."""
    if not widths:
        return "no hidden layer"
    layers = "a hidden layer" if len(widths) == 1 else f"{len(widths)} hidden layers"
    return f"{layers} of {', '.join(map(str, widths))} units"


def expect_network(
    name: str,
    model: keras.Model,
    widths: tuple[int, ...],
    *,
    l2: tuple[float, ...] | None = None,
    dropout: float | None = None,
) -> None:
    """Expect dense relu layers of these widths, a softmax output, and their loss.

    ``l2`` holds the factor of each dense layer, 0 everywhere by default. ``dropout`` is the rate
    after each hidden layer, if there is dropout.
    """
    _models.expect_shapes(model, (784,), 10, name)
    found = _models.widths(model)[:-1]
    expect(
        tuple(found) == tuple(widths),
        f"`{name}` has {listed(found)}; the task asks for {listed(widths)}.",
    )
    activations = _models.activations(model)
    expect(
        activations == ["relu"] * len(widths) + ["softmax"],
        f"The activations of `{name}` are {', '.join(activations)}. The task asks for relu in the "
        "hidden layers, and for softmax in the output layer, whose ten values are probabilities.",
    )
    _models.expect_loss(model, "categorical_crossentropy", name=name)
    kinds = [type(layer).__name__ for layer in _models.layers(model)]
    allowed = NEUTRAL if dropout is None else NEUTRAL | {"Dropout"}
    for kind in kinds:
        expect(
            kind in allowed,
            f"`{name}` has a layer of the kind {kind}, which the task does not ask for. Then a "
            "difference could come from it.",
        )
    expect(
        model.count_params() == parameters(widths),
        f"`{name}` has {model.count_params():,} parameters, where these dense layers alone have "
        f"{parameters(widths):,}. Has each of them a bias?",
    )
    _expect_penalties(name, model, (0.0,) * (len(widths) + 1) if l2 is None else l2)
    if dropout is not None:
        _expect_dropout(
            name, model, [kind for kind in kinds if kind in ("Dense", "Dropout")], dropout
        )


def _expect_penalties(name: str, model: keras.Model, wanted: tuple[float, ...]) -> None:
    found = []
    for layer in _models.dense_layers(model):
        for part in ("bias_regularizer", "activity_regularizer", "kernel_constraint"):
            expect(
                getattr(layer, part, None) is None,
                f"A layer of `{name}` has the option {part}, which the task does not ask for.",
            )
        regularizer = layer.kernel_regularizer
        kind = type(regularizer).__name__
        l1 = float(np.asarray(getattr(regularizer, "l1", 0) or 0))
        l2 = float(np.asarray(getattr(regularizer, "l2", 0) or 0))
        expect(
            regularizer is None or kind in ("L1", "L2", "L1L2"),
            f"`{name}` has a penalty of the kind {kind}; only L1 and L2 are of this chapter.",
        )
        expect(
            l1 == 0,
            f"`{name}` has an L1 penalty, which adds the sizes of the weights to the loss. "
            + (
                "The task asks for L2, which adds their squares."
                if any(wanted)
                else "The task asks for no penalty."
            ),
        )
        found.append(l2)
    if np.allclose(found, wanted, rtol=1e-4, atol=0):
        return
    said = f"The dense layers of `{name}` have L2 factors of {', '.join(f'{f:g}' for f in found)}. "
    if not any(wanted):
        expect(False, said + "The task asks for no penalty.")
    expect(
        not found[-1],
        said + "The task asks for a penalty on the hidden layers only: the output layer has few "
        "weights, and they have to be large for a confident answer.",
    )
    expect(
        not np.allclose(found[:-1], 0.01) or np.allclose(wanted[:-1], 0.01),
        said + f"That is what Keras takes if no factor is given; the task asks for {wanted[0]:g}.",
    )
    expect(False, said + f"The task asks for {wanted[0]:g} in both hidden layers.")


def _expect_dropout(name: str, model: keras.Model, kinds: list[str], wanted: float) -> None:
    rates = [layer.rate for layer in _models.layers_of(model, "Dropout")]
    hidden = len(_models.dense_layers(model)) - 1
    expect(
        len(rates) == hidden,
        f"`{name}` has {len(rates)} dropout layers; the task asks for one after each of the "
        f"{hidden} hidden layers.",
    )
    expect(
        np.allclose(rates, wanted, rtol=1e-4),
        f"The dropout layers of `{name}` have the rates {', '.join(f'{r:g}' for r in rates)}; the "
        f"task asks for {wanted:g} in both.",
    )
    expect(
        kinds == ["Dense", "Dropout"] * hidden + ["Dense"],
        f"`{name}` has its layers in the order {', '.join(kinds)}. Dropout is to act on the "
        "outputs of each hidden layer. After the output layer it would remove classes.",
    )


# -------------------------------------------------------------------------------- training


def expect_optimizer(
    name: str, model: keras.Model, kind: str, *, rate: float | None = None, momentum: float = 0.0
) -> None:
    """Expect this optimiser and learning rate, and Keras's defaults in everything else.

    Without ``rate``, any learning rate is accepted: a callback may have changed it.
    """
    found = _answers.optimizer_kind(model)
    asked = f"{kind} with momentum {momentum:g}" if momentum else kind
    expect(
        found == kind,
        f"`{name}` was compiled with the optimiser {found}; the task asks for {asked}.",
    )
    config, default = model.optimizer.get_config(), type(model.optimizer)().get_config()
    given = float(config.get("momentum") or 0)
    expect(
        np.isclose(given, momentum, rtol=1e-3),
        f"`{name}` was trained with momentum {given:g}; the task asks for "
        + (f"{momentum:g}." if momentum else "none."),
    )
    expect(
        not isinstance(config.get("learning_rate"), dict),
        f"`{name}` was trained with a schedule of learning rates; the task asks for a number.",
    )
    if rate is not None:
        given = _answers.learning_rate(model)
        expect(
            given is not None and np.isclose(given, rate, rtol=1e-3),
            f"`{name}` was trained at a learning rate of {given or 0:.4g}; the task asks for "
            "another. Is it the network of this setting?",
        )
    for key, value in default.items():
        expect(
            key in ("name", "learning_rate", "momentum") or config.get(key) == value,
            f"`{name}` was compiled with another {key} than Keras's default for {kind}. The task "
            "leaves everything else as it is.",
        )


def expect_steps(
    name: str, model: keras.Model, batch_size: int, epochs: int, history: str = ""
) -> None:
    """Expect the number of steps of so many epochs over the training rows.

    ``history`` is the name of the history that has the epochs, if the task leaves them open.
    """
    taken = _training.steps_taken(model, name)
    wanted = steps_per_epoch(batch_size) * epochs
    said = f"The optimiser of `{name}` has taken {taken:,} steps in all. "
    expect(
        taken == wanted or taken != steps_per_epoch(batch_size, N_ROWS) * epochs,
        said + "So many are needed for all 4,000 digits: was the network trained on the validation "
        "digits, too?",
    )
    expect(
        taken == wanted or taken % wanted,
        said + f"That is {taken // wanted} times as many as the task asks for. Did the cell run "
        "again, with a network that was trained already?",
    )
    expect(
        taken == wanted or not history,
        said + f"`{history}` has another number of epochs than these steps with batches of "
        f"{batch_size}. So the two do not belong together, or the batches or the validation split "
        "were others.",
    )
    expect(
        taken == wanted,
        said
        + f"The task asks for {epochs} epochs with batches of {batch_size}, which take another "
        "number. Were the batches, the epochs and the validation split those of the task?",
    )


@dataclass(frozen=True)
class Figures:
    """What a network does on the digits.

    Attributes
    ----------
    loss, clipped : float
        Cross-entropy on the validation digits, as Keras computes it from the inputs of the
        softmax, and from probabilities that are clipped at 1e-7.
    accuracy : float
        Accuracy on the validation digits.
    seen : float
        Cross-entropy on the training digits.
    """

    loss: float
    clipped: float
    accuracy: float
    seen: float


# The figures of the last networks: a check looks at each network several times.
_known: dict[tuple[bytes, int], Figures] = {}
MOST_KNOWN = 100


def _fingerprint(model: keras.Model) -> bytes:
    """Return a hash of a dense network's weights and activations."""
    digest = hashlib.blake2b(repr(_models.activations(model)).encode())
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights))
    return digest.digest()


def figures(name: str, model: keras.Model, shuffle: int) -> Figures:
    """Return what a network does on the digits; Wrong if it is too good for unseen digits."""
    key = _fingerprint(model), shuffle
    if key not in _known:
        x, y = digits(shuffle)
        training, unseen = (x[:N_TRAINING], y[:N_TRAINING]), (x[N_TRAINING:], y[N_TRAINING:])
        p = _models.probabilities(model, unseen[0], name)
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[key] = Figures(
            loss=_losses.exact_cross_entropy(model, *unseen),
            clipped=_models.cross_entropy(p, unseen[1]),
            accuracy=_models.accuracy(p, unseen[1]),
            seen=_losses.exact_cross_entropy(model, *training),
        )
    found = _known[key]
    expect(
        found.accuracy < IMPLAUSIBLE_ACCURACY,
        f"`{name}` is right on {found.accuracy:.1%} of the validation digits, more than such a "
        "network is on digits that are new to it. Was it trained on them?",
    )
    return found


def expect_unseen(name: str, model: keras.Model, shuffle: int) -> None:
    """Expect a network that does better on the training digits than on the validation digits."""
    found = figures(name, model, shuffle)
    expect(
        found.loss > found.seen,
        f"`{name}` has a lower loss on the 800 validation digits than on the 3,200 training "
        "digits. Such a large network fits best what it was trained on. Are these the digits of "
        "the first cell, in their order?",
    )


def compare(name: str, told: float, computed: float) -> str:
    """Say on which side of a computed value another lies, without naming the computed one."""
    return f"{name} has a {'higher' if computed > told else 'lower'} one"


def close(told: float, *computed: float, rounding: float = ROUNDING) -> bool:
    """Whether a loss is one of these values, up to rounding to three digits."""
    return any(abs(told - value) <= rounding + LOSS_RTOL * abs(value) for value in computed)


def expect_row(
    table_name: str,
    row: dict[str, float],
    name: str,
    model: keras.Model,
    shuffle: int,
    what: str,
    loss: str = "val_loss",
    accuracy: str = "val_accuracy",
) -> None:
    """Expect the metrics of a table's row to be those of a network on the validation digits."""
    found = figures(name, model, shuffle)
    expect(
        close(row[loss], found.loss, found.clipped),
        f"`{table_name}` has a {loss} of {row[loss]:.4g} for {what}; "
        f"{compare(f'`{name}` as it is', row[loss], found.loss)} on the validation digits. Is it "
        "the network of that row, and the value that of its last epoch?",
    )
    expect(
        abs(row[accuracy] - found.accuracy) <= ACCURACY_TOLERANCE,
        f"`{table_name}` has a {accuracy} of {row[accuracy]:.4g} for {what}; "
        f"{compare(f'`{name}` as it is', row[accuracy], found.accuracy)} on the validation digits. "
        "Is it the network of that row, and the value that of its last epoch?",
    )


def setting(value: float) -> float:
    """Return a number of the task as it was written; in float32, 0.1 is 0.10000000149."""
    return float(f"{value:.6g}")


def rows_by(
    table_name: str,
    table: pd.DataFrame,
    keys: tuple[str, ...],
    values: tuple[str, ...],
    *,
    failed: bool = False,
) -> dict[tuple[float, ...], dict[str, float]]:
    """Return the rows of a table by the numbers in its key columns; Wrong if two rows agree."""
    table = _answers.index_as_columns(table)
    columns = {
        column: _answers.numbers(table_name, table, column, failed=failed and column in values)
        for column in (*keys, *values)
    }
    found = {}
    for position in range(len(table)):
        key = tuple(setting(columns[column][position]) for column in keys)
        said = ", ".join(f"{column} {value:g}" for column, value in zip(keys, key, strict=True))
        expect(key not in found, f"`{table_name}` has two rows with {said}.")
        found[key] = {column: float(columns[column][position]) for column in values}
    return found


# ------------------------------------------------------------------------------- histories


def _metric(history: dict[str, list[float]], validation: bool) -> str | None:
    """Return the name under which a history has the accuracy."""
    names = [name for name in history if "acc" in name and name.startswith("val_") == validation]
    return names[0] if names else None


def expect_history(
    name: str,
    model: keras.Model,
    history: dict[str, list[float]],
    shuffle: int,
    *,
    epochs: int | None = None,
    restored: bool = False,
) -> None:
    """Expect the history of a network that learned from new weights.

    ``epochs`` is the required number of epochs, if there is one. The last epoch must agree with
    the network as it is; with ``restored``, any epoch may.
    """
    told = f"history_{name}"
    accuracies = {
        what: _metric(history, what == "val_accuracy") for what in ("accuracy", "val_accuracy")
    }
    for what, found in {"loss": "loss", "val_loss": "val_loss", **accuracies}.items():
        expect(
            found in history,
            f"`{told}` records {', '.join(history)}, but no {what}. "
            + (
                "Was the network compiled with the metric accuracy?"
                if what == "accuracy"
                else "Were validation digits given to `fit`?"
            ),
        )
        values = np.asarray(history[found])
        expect(
            np.isfinite(values).all() and (values >= 0).all(),
            f"`{told}` has a {what} that is negative or not finite. Were the steps too large?",
        )
        expect(
            "acc" not in what or (values <= 1).all(),
            f"`{told}` has an {what} above 1; it is a share between 0 and 1.",
        )
    loss, accuracy = np.asarray(history["loss"]), np.asarray(history[accuracies["accuracy"]])
    if epochs is not None:
        expect(
            len(loss) == epochs,
            f"`{told}` has {len(loss)} epochs; the task asks for {epochs}.",
        )
    expect(
        loss[0] == loss.max() and loss[-1] < loss[0] and accuracy[-1] > accuracy[0],
        f"By `{told}`, the training loss went from {loss[0]:.3f} to {loss[-1]:.3f} and the "
        f"accuracy from {accuracy[0]:.3f} to {accuracy[-1]:.3f}. From new weights, the loss is "
        "highest in the first epoch, and the accuracy rises. Had the network been trained before?",
    )
    now, penalty = figures(name, model, shuffle), _models.penalty(model)
    recorded, shares = (
        np.asarray(history["val_loss"]),
        np.asarray(history[accuracies["val_accuracy"]]),
    )
    agrees = [
        close(value, now.loss + penalty, now.clipped + penalty)
        and abs(share - now.accuracy) <= ACCURACY_TOLERANCE
        for value, share in zip(recorded, shares, strict=True)
    ]
    expect(
        any(agrees) if restored else agrees[-1],
        f"By `{told}`, the validation loss ended at {recorded[-1]:.4f}; "
        f"{compare(f'`{name}` as it is', recorded[-1], now.loss + penalty)}, or another accuracy. "
        "So the two do not belong together: was the network built or trained again, or are the "
        "validation digits or their labels others?",
    )


# ------------------------------------------------------------------------------- callbacks


def stopping_epoch(losses: list[float], patience: int, delta: float) -> int:
    """Return the epoch, from 1, after which early stopping ends training; NEVER if it does not."""
    best, since = np.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        since += 1
        if loss < best - delta:
            best, since = loss, 0
        elif since >= patience and epoch > 1:
            return epoch
    return NEVER


def kept_epoch(losses: list[float], delta: float) -> int:
    """Return the epoch, from 1, whose weights early stopping restores."""
    best, kept = np.inf, 1
    for epoch, loss in enumerate(losses, start=1):
        if loss < best - delta:
            best, kept = loss, epoch
    return kept


def reduction_epochs(losses: list[float], patience: int, delta: float) -> list[int]:
    """Return the epochs, from 1, that start with a reduced learning rate."""
    best, since, found = np.inf, 0, []
    for epoch, loss in enumerate(losses, start=1):
        if loss < best - delta:
            best, since = loss, 0
            continue
        since += 1
        if since >= patience:
            found.append(epoch + 1)
            since = 0
    return [epoch for epoch in found if epoch <= len(losses)]


def expect_restored(
    name: str,
    model: keras.Model,
    history: dict[str, list[float]],
    shuffle: int,
    deltas: tuple[float, ...] = MIN_DELTAS,
) -> None:
    """Expect the weights of the epoch that early stopping keeps, for one of these ``min_delta``."""
    losses = np.asarray(history["val_loss"])
    now, penalty = figures(name, model, shuffle), _models.penalty(model)
    kept = losses[sorted({kept_epoch(losses.tolist(), delta) - 1 for delta in deltas})]
    near = np.abs(kept[:, None] - (np.array([now.loss, now.clipped]) + penalty)).min()
    expect(
        near <= LOSS_ATOL + LOSS_RTOL * (now.loss + penalty),
        f"`{name}` as it is does not have the validation loss of the best epoch of "
        f"`history_{name}`. What does early stopping have to be told so that the best weights come "
        "back?",
    )


def expect_reduced_rate(
    told: str, history: dict[str, list[float]], *, rate: float = 0.1, factor: float = 0.1
) -> np.ndarray:
    """Expect a learning rate that starts at ``rate`` and is multiplied by ``factor`` at times.

    Returns the epochs, from 1, that start with a reduced rate.
    """
    expect(
        "learning_rate" in history,
        f"`{told}` records {', '.join(history)}. The callback that reduces the learning rate adds "
        "it to the history: was this callback given to `fit`?",
    )
    rates = np.asarray(history["learning_rate"])
    expect(
        np.isclose(rates[0], rate, rtol=0.01),
        f"By `{told}`, training began at a learning rate of {rates[0]:.4g}; the task asks for "
        f"{rate:g}.",
    )
    said = f"By `{told}`, the learning rate went {', '.join(f'{value:.2g}' for value in rates)}. "
    expect(np.isfinite(rates).all() and (rates > 0).all(), said + "It has to stay above 0.")
    factors = rates[1:] / rates[:-1]
    expect(
        (np.isclose(factors, 1) | np.isclose(factors, factor, rtol=0.02)).all(),
        said + f"On a plateau, the task multiplies it by {factor:g}; otherwise it stays.",
    )
    return np.flatnonzero(factors < (1 + factor) / 2) + 2


def expect_stopped(
    told: str,
    losses: list[float],
    patience: int,
    most: int,
    deltas: tuple[float, ...] = MIN_DELTAS,
) -> None:
    """Expect as many epochs as early stopping with this patience lets pass."""
    epochs = len(losses)
    expect(epochs <= most, f"`{told}` has {epochs} epochs; the task allows {most}.")
    ends = {min(stopping_epoch(losses, patience, delta), most) for delta in deltas}
    when = "later" if epochs < min(ends) else "earlier"
    expect(
        epochs in ends,
        f"`{told}` has {epochs} epochs. With a patience of {patience}, early stopping would have "
        f"ended training {when}, by these validation losses. Was it given to `fit`, and are "
        "history and patience of the same run?",
    )


def expect_reductions(
    told: str,
    losses: list[float],
    found: np.ndarray,
    patience: int,
    deltas: tuple[float, ...] = MIN_DELTAS,
) -> None:
    """Expect the learning rate to fall where a callback with this patience makes it fall."""
    falls = {tuple(reduction_epochs(losses, patience, delta)) for delta in deltas}
    expect(
        tuple(found.tolist()) in falls,
        f"By `{told}`, the rate was lower from epoch {', '.join(map(str, found)) or 'none'} on. "
        f"With a patience of {patience}, these losses lead to other epochs. Are history and "
        "patience of the same run?",
    )


# ------------------------------------------------------------------------------- variants


def chosen(name: str) -> Any:
    """Return the numbers of the variant that is judged."""
    from coursekit.exercises import variants

    return variants.numbers(name)
