"""Checks of the exercises of the MNIST tuning lab."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from coursekit.exercises.checks import _answers, _models
from coursekit.exercises.declaring import declare, expect
from coursekit.exercises.kinds import Array, History, Model, Number, Table, Text

if TYPE_CHECKING:
    import keras

N_ROWS, N_TRAINING = 4000, 3200
BASE_WIDTHS = (512,)
# Steps per epoch, with batches of 16, 32, 128 and 512 rows.
STEPS = (200, 100, 25, 7)
# No network of these exercises reaches this accuracy on digits that it was not trained on.
IMPLAUSIBLE_ACCURACY = 0.985
# Tolerance for the best validation loss, since early stopping may ignore small improvements.
RESTORED_TOLERANCE = 1.2e-3
# Values of min_delta that a learner's callbacks may have used.
MIN_DELTAS = tuple(np.linspace(0, 1e-3, 101))


@cache
def _validation() -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of the exercises' validation set."""
    from coursekit import datasets, preprocessing

    (images, labels), _ = datasets.load_mnist()
    x, y = preprocessing.prepare_digits(images, labels, seed=123)
    return x[N_TRAINING:N_ROWS].copy(), y[N_TRAINING:N_ROWS].copy()


def _parameters(widths: tuple[int, ...]) -> int:
    sizes = (784, *widths, 10)
    return sum((a + 1) * b for a, b in pairwise(sizes))


def _expect_network(name: str, model: keras.Model, widths: tuple[int, ...]) -> None:
    """Expect dense relu layers of these widths, a softmax output, and its loss."""
    _models.expect_shapes(model, (784,), 10, name)
    found = _models.widths(model)[:-1]
    expect(
        tuple(found) == widths,
        f"`{name}` has hidden layers of {', '.join(map(str, found)) or 'no'} units; the exercise "
        "asks for others.",
    )
    activations = _models.activations(model)
    expect(
        activations == ["relu"] * len(widths) + ["softmax"],
        f"The activations of `{name}` are {', '.join(activations)}. Compare them with the "
        "exercise, layer by layer.",
    )
    _models.expect_loss(model, "categorical_crossentropy", name=name)
    expect(
        model.count_params() == _parameters(widths),
        f"`{name}` has {model.count_params():,} parameters, where these dense layers alone have "
        f"{_parameters(widths):,}.",
    )


def _expect_rate(name: str, model: keras.Model, rate: float) -> None:
    """Expect plain SGD at this learning rate, if the model records it."""
    kind = _answers.optimizer_kind(model)
    expect(
        kind == "SGD",
        f"`{name}` is compiled with the optimiser {kind}; the exercise asks for plain SGD.",
    )
    momentum = getattr(model.optimizer, "momentum", 0) or 0
    expect(
        momentum == 0,
        f"`{name}` was trained with momentum {momentum:g}; the exercise asks for none.",
    )
    found = _answers.learning_rate(model)
    expect(
        found is None or np.isclose(found, rate, rtol=0.02),
        f"`{name}` was trained at a learning rate of {found or 0:.4g}, which is not the one that "
        "the exercise asks for.",
    )


def _validation_metrics(name: str, model: keras.Model) -> tuple[float, float]:
    """Return cross-entropy and accuracy on the validation set; Wrong if implausibly good."""
    x, y = _validation()
    p = _models.probabilities(model, x, name)
    accuracy = _models.accuracy(p, y)
    expect(
        accuracy < IMPLAUSIBLE_ACCURACY,
        f"`{name}` names {accuracy:.1%} of the validation digits rightly, more than such a network "
        "does on digits that are new to it. Were they trained on?",
    )
    return _models.cross_entropy(p, y), accuracy


def _expect_loss_between(name: str, model: keras.Model, low: float, high: float) -> None:
    """Expect a validation loss from ``low`` to ``high``, a range that holds for any seed."""
    loss, accuracy = _validation_metrics(name, model)
    said = f"`{name}` has a validation loss of {loss:.3f} and an accuracy of {accuracy:.3f}, "
    expect(
        loss <= high,
        said + "which is worse than so much training gives. Was it trained on images from 0 to 1 "
        "with the labels in their order, with the batches, the rate and the epochs asked for?",
    )
    expect(
        loss >= low,
        said + "which is better than so little training gives. Did it begin with new weights, and "
        "was it trained with the batches, the rate and the epochs asked for?",
    )


def _expect_history(
    name: str,
    model: keras.Model,
    history: dict[str, list[float]],
    *,
    epochs: int | None = None,
    restored: bool = False,
) -> None:
    x, y = _validation()
    _models.check_history(
        history,
        model,
        x,
        y,
        epochs=epochs,
        restored=restored,
        name=f"history_{name}",
        model_name=name,
    )


def _expect_in_table(
    table_name: str, name: str, model: keras.Model, value: float, row: str
) -> None:
    """Expect ``value``, from a row of a table, to be the model's validation loss."""
    loss, _ = _validation_metrics(name, model)
    expect(
        np.isclose(loss, value, rtol=5e-3, atol=1e-3),
        f"`{table_name}` has a val_loss of {value:.4f} for {row}; `{name}` as it is now has "
        f"{loss:.4f}. Is it the network of that row, and the figure that of its last epoch?",
    )


# ----------------------------------------------------------------------------- 4-A: batch size


@declare("4-A.1", "Steps per epoch", points=1, steps_per_epoch=Array())
def steps(steps_per_epoch):
    """Expect the number of batches per epoch, including an incomplete last one."""
    expect(
        steps_per_epoch.shape == (4,) and steps_per_epoch.dtype.kind in "iuf",
        f"`steps_per_epoch` has shape {steps_per_epoch.shape}; it is to hold four numbers.",
    )
    found = ", ".join(f"{value:g}" for value in steps_per_epoch)
    expect(
        not np.allclose(steps_per_epoch, [250, 125, 32, 8], atol=0.5),
        f"`steps_per_epoch` is {found}. How many of the 4,000 digits does `fit` train on?",
    )
    expect(
        not np.allclose(steps_per_epoch[:3], STEPS[:3]) or steps_per_epoch[3] == STEPS[3],
        f"`steps_per_epoch` is {found}. What happens to the rows that do not fill a batch?",
    )
    expect(
        np.array_equal(steps_per_epoch, STEPS),
        f"`steps_per_epoch` is {found}. How often does a batch fit into the rows that are trained "
        "on?",
    )


@declare(
    "4-A.2",
    "Four batch sizes, as many epochs",
    points=2,
    batches=Table(),
    trained_16=Model(),
    trained_512=Model(),
)
def batch_sizes(batches, trained_16, trained_512):
    """Expect a loss that rises with the batch size, and the networks of two of the rows."""
    batches = _answers.index_as_columns(batches)
    sizes = _answers.numbers("batches", batches, "batch_size")
    losses = _answers.numbers("batches", batches, "val_loss")
    accuracies = _answers.numbers("batches", batches, "val_accuracy")
    seconds = _answers.numbers("batches", batches, "seconds")
    expect(
        sorted(sizes) == [16, 32, 128, 512],
        f"`batches` has rows for the sizes {', '.join(f'{size:g}' for size in sizes)}; one is "
        "needed for each of the four.",
    )
    expect(
        ((accuracies >= 0) & (accuracies <= 1)).all(),
        "`batches` has a val_accuracy that is no share between 0 and 1.",
    )
    expect((seconds > 0).all(), "`batches` has seconds that are not above 0.")
    of = dict(zip(sizes.astype(int), losses, strict=True))
    said = ", ".join(f"{of[size]:.3f} ({size})" for size in sorted(of))
    expect(
        of[16] < of[32] < of[128] < of[512],
        f"By batch size, val_loss is {said}: it does not rise from each to the next, as it does "
        "where all train for three epochs. Did each network begin with new weights?",
    )
    for name, model, size in [("trained_16", trained_16, 16), ("trained_512", trained_512, 512)]:
        _expect_network(name, model, BASE_WIDTHS)
        _expect_rate(name, model, 0.01)
        _expect_in_table("batches", name, model, of[size], f"batches of {size}")
    _expect_loss_between("trained_16", trained_16, 0.4, 0.7)
    _expect_loss_between("trained_512", trained_512, 1.85, 2.25)


@declare(
    "4-A.3",
    "The same number of steps",
    points=2,
    same_steps=Model(),
    history_same_steps=History(),
)
def same_number_of_steps(same_steps, history_same_steps):
    """Expect a network trained for 300 steps with batches of 128."""
    _expect_network("same_steps", same_steps, BASE_WIDTHS)
    _expect_rate("same_steps", same_steps, 0.01)
    _expect_history("same_steps", same_steps, history_same_steps)
    epochs = len(history_same_steps["loss"])
    expect(
        epochs == 12,
        f"`history_same_steps` has {epochs} epochs. How many steps make one epoch with batches of "
        "128, and how many are needed?",
    )
    _expect_loss_between("same_steps", same_steps, 0.6, 0.95)


@declare(
    "4-A.4",
    "A rate in proportion",
    points=2,
    in_proportion=Model(),
    history_in_proportion=History(),
)
def rate_in_proportion(in_proportion, history_in_proportion):
    """Expect a learning rate scaled in proportion to the batch size."""
    _expect_network("in_proportion", in_proportion, BASE_WIDTHS)
    _expect_rate("in_proportion", in_proportion, 0.01 * 512 / 32)
    _expect_history("in_proportion", in_proportion, history_in_proportion, epochs=3)
    _expect_loss_between("in_proportion", in_proportion, 0.55, 0.95)


# ------------------------------------------------------------------ 4-B: optimisers and rates


@declare("4-B.1", "How far momentum carries", points=1, longer_moves=Array())
def momentum_by_hand(longer_moves):
    """Expect the limits of the three geometric series, 1 / (1 - momentum)."""
    expect(
        longer_moves.shape == (3,) and longer_moves.dtype.kind in "iuf",
        f"`longer_moves` has shape {longer_moves.shape}; it is to hold three numbers.",
    )
    expect(
        np.allclose(longer_moves, [2, 10, 100], rtol=0.01),
        f"`longer_moves` is {', '.join(f'{value:.3g}' for value in longer_moves)}. If a move no "
        "longer changes, it is momentum times itself plus rate times gradient: solve for it.",
    )


@declare("4-B.2", "Six settings of SGD", points=2, sgd=Table(), best_sgd=Model())
def settings_of_sgd(sgd, best_sgd):
    """Expect a plausible row for each setting, and the network of the best row."""
    sgd = _answers.index_as_columns(sgd)
    rates = _answers.numbers("sgd", sgd, "learning_rate")
    momenta = _answers.numbers("sgd", sgd, "momentum")
    losses = _answers.numbers("sgd", sgd, "val_loss")
    accuracies = _answers.numbers("sgd", sgd, "val_accuracy")
    of = {
        (round(rate, 6), round(momentum, 6)): (loss, accuracy)
        for rate, momentum, loss, accuracy in zip(rates, momenta, losses, accuracies, strict=True)
    }
    wanted = [(0.01, 0), (0.1, 0), (1, 0), (0.1, 0.5), (0.1, 0.9), (0.1, 0.99)]
    for rate, momentum in wanted:
        expect(
            (rate, momentum) in of,
            f"`sgd` has no row for a rate of {rate:g} with momentum {momentum:g}.",
        )
    expect(len(sgd) == 6, f"`sgd` has {len(sgd)} rows; one is needed for each of the six settings.")
    expect(
        ((accuracies >= 0) & (accuracies <= 1)).all(),
        "`sgd` has a val_accuracy that is no share between 0 and 1.",
    )
    loss = {setting: figures[0] for setting, figures in of.items()}
    for slower, faster in [((0.01, 0), (0.1, 0)), ((0.1, 0), (0.1, 0.5)), ((0.1, 0), (0.1, 0.9))]:
        expect(
            loss[faster] < loss[slower],
            f"By `sgd`, a rate of {slower[0]:g} with momentum {slower[1]:g} gets to "
            f"{loss[slower]:.3f}, and a rate of {faster[0]:g} with momentum {faster[1]:g} only to "
            f"{loss[faster]:.3f}. After three epochs the longer steps are ahead there. Did each "
            "network begin with new weights?",
        )
    _expect_network("best_sgd", best_sgd, BASE_WIDTHS)
    kind = _answers.optimizer_kind(best_sgd)
    expect(kind == "SGD", f"`best_sgd` is compiled with the optimiser {kind}, not with SGD.")
    best = min(loss.values())
    _expect_in_table("sgd", "best_sgd", best_sgd, best, "its best row")
    _expect_loss_between("best_sgd", best_sgd, 0.12, 0.4)


def _expect_adaptive(
    name: str, kind: str, model: keras.Model, history: dict[str, list[float]]
) -> None:
    _expect_network(name, model, BASE_WIDTHS)
    found = _answers.optimizer_kind(model)
    expect(found == kind, f"`{name}` is compiled with the optimiser {found}.")
    rate = _answers.learning_rate(model)
    expect(
        rate is None or np.isclose(rate, 0.001, rtol=0.02),
        f"`{name}` was trained at a learning rate of {rate or 0:.4g}, which is not the default.",
    )
    _expect_history(name, model, history, epochs=3)
    _expect_loss_between(name, model, 0.15, 0.5)


@declare("4-B.3", "RMSprop with its default", points=1, rmsprop=Model(), history_rmsprop=History())
def with_rmsprop(rmsprop, history_rmsprop):
    """Expect a network trained for three epochs with RMSprop at its default rate."""
    _expect_adaptive("rmsprop", "RMSprop", rmsprop, history_rmsprop)


@declare("4-B.4", "Adam with its default", points=1, adam=Model(), history_adam=History())
def with_adam(adam, history_adam):
    """Expect a network trained for three epochs with Adam at its default rate."""
    _expect_adaptive("adam", "Adam", adam, history_adam)


@declare(
    "4-B.5",
    "The largest rates that learn",
    points=2,
    rates=Table(),
    largest_sgd=Number(),
    largest_rmsprop=Number(),
    largest_adam=Number(),
)
def largest_rates(rates, largest_sgd, largest_rmsprop, largest_adam):
    """Expect nine plausible rows, and the largest rate of each optimiser that still learns."""
    rates = _answers.index_as_columns(rates)
    names = _answers.words("rates", rates, "optimiser")
    tried = _answers.numbers("rates", rates, "learning_rate")
    # With too large a rate, training diverges and the accuracy may be missing.
    reached = np.nan_to_num(_answers.numbers("rates", rates, "val_accuracy", failed=True))
    of = {
        (name, round(rate, 6)): accuracy
        for name, rate, accuracy in zip(names, tried, reached, strict=True)
    }
    wanted = {
        "sgd": (0.1, 1, 10),
        "rmsprop": (0.001, 0.01, 0.1),
        "adam": (0.001, 0.01, 0.1),
    }
    for name, candidates in wanted.items():
        for rate in candidates:
            expect((name, rate) in of, f"`rates` has no row for {name!r} with a rate of {rate:g}.")
    expect(
        ((reached >= 0) & (reached <= 1)).all(),
        "`rates` has a val_accuracy that is no share between 0 and 1.",
    )
    expect(
        of["sgd", 10] < 0.5,
        f"By `rates`, SGD with a rate of 10 reaches {of['sgd', 10]:.3f}, which it does not. Was "
        "the network new?",
    )
    for name, rate in [("sgd", 1), ("rmsprop", 0.001), ("adam", 0.001)]:
        expect(
            of[name, rate] >= 0.8,
            f"By `rates`, {name} with a rate of {rate:g} reaches {of[name, rate]:.3f}; three "
            "epochs give more than that.",
        )
    for name, largest in [
        ("sgd", largest_sgd),
        ("rmsprop", largest_rmsprop),
        ("adam", largest_adam),
    ]:
        best = max(rate for rate in wanted[name] if of[name, rate] >= 0.8)
        expect(
            np.isclose(largest, best),
            f"`largest_{name}` is {largest:g}, which by `rates` is not the largest rate with an "
            "accuracy of 0.8 or more.",
        )


# ------------------------------------------------------------------------------ 4-C: capacity


NETWORKS = {
    "2": (2,),
    "32": (32,),
    "512": (512,),
    "2048": (2048,),
    "512-512": (512, 512),
    "512-256-128": (512, 256, 128),
}


@declare("4-C.1", "Six networks", points=2, capacity=Table(), funnel=Model())
def six_networks(capacity, funnel):
    """Expect the parameters of each network, plausible metrics, and the funnel network."""
    capacity = _answers.index_as_columns(capacity)
    names = _answers.words("capacity", capacity, "network")
    names = np.array([name.replace(",", "").replace(" ", "") for name in names])
    parameters = _answers.numbers("capacity", capacity, "parameters")
    losses = _answers.numbers("capacity", capacity, "val_loss")
    accuracies = _answers.numbers("capacity", capacity, "val_accuracy")
    seconds = _answers.numbers("capacity", capacity, "seconds")
    row = {name: position for position, name in enumerate(names)}
    for name, widths in NETWORKS.items():
        expect(name in row, f"`capacity` has no row for the network {name!r}.")
        found = parameters[row[name]]
        expect(
            found == _parameters(widths),
            f"`capacity` says {found:,.0f} parameters for {name!r}, which these layers do not "
            "have. Compare with `count_params()`, and count the layers that your loop adds.",
        )
    expect(
        len(capacity) == len(NETWORKS),
        f"`capacity` has {len(capacity)} rows; the exercise names {len(NETWORKS)} networks.",
    )
    expect(
        ((accuracies >= 0) & (accuracies <= 1)).all(),
        "`capacity` has a val_accuracy that is no share between 0 and 1.",
    )
    expect((seconds > 0).all(), "`capacity` has seconds that are not above 0.")
    expect(
        accuracies[row["2"]] < 0.7,
        f"By `capacity`, two units reach an accuracy of {accuracies[row['2']]:.3f}, which they do "
        "not in three epochs. Did the network begin with new weights?",
    )
    for name in ("512", "2048", "512-512", "512-256-128"):
        expect(
            0.84 < accuracies[row[name]] < IMPLAUSIBLE_ACCURACY,
            f"By `capacity`, {name!r} reaches an accuracy of {accuracies[row[name]]:.3f}, which is "
            "not what three epochs give. Were rate, momentum and batches those of the exercise, "
            "and the validation digits left out?",
        )
    _expect_network("funnel", funnel, (512, 256, 128))
    _expect_in_table("capacity", "funnel", funnel, losses[row["512-256-128"]], "'512-256-128'")


@declare("4-C.2", "What capacity changes", points=1, answer_capacity=Text())
def capacity_described(answer_capacity):
    """Expect choice b."""
    letter = _answers.choice("answer_capacity", answer_capacity)
    hint = {
        "a": "In your table, what did the step from 2 to 32 units gain, and what the one from 512 "
        "to 2,048?",
        "c": "Put the networks with several layers beside the widest one with a single layer.",
    }
    expect(letter == "b", f"`answer_capacity` is {letter!r}. {hint.get(letter)}")


# ------------------------------------------------------- 4-D: two layers of 1,024, both callbacks


@declare("4-D.1", "Two layers of 1,024 units", points=2, big=Model(), history_big=History())
def big_network(big, history_big):
    """Expect the network with the weights of its best epoch."""
    _expect_network("big", big, (1024, 1024))
    _expect_history("big", big, history_big, restored=True)
    losses = np.asarray(history_big["val_loss"])
    loss, _ = _validation_metrics("big", big)
    expect(
        abs(loss - losses.min()) <= RESTORED_TOLERANCE,
        f"`big` has a validation loss of {loss:.4f}, while its best epoch had {losses.min():.4f}. "
        "What does early stopping have to be told so that the best weights come back?",
    )
    _expect_loss_between("big", big, 0.08, 0.4)


@declare(
    "4-D.2",
    "Two kinds of patience",
    points=2,
    history_big=History(),
    stop_patience=Number(),
    plateau_patience=Number(),
)
def two_callbacks(history_big, stop_patience, plateau_patience):
    """Expect a history that agrees with the patience of both callbacks."""
    losses = history_big.get("val_loss", [])
    expect(losses, "`history_big` has no val_loss, so neither callback had anything to go by.")
    for name, value in [("stop_patience", stop_patience), ("plateau_patience", plateau_patience)]:
        expect(
            value >= 1 and value == int(value),
            f"`{name}` is {value:g}; it counts epochs, and has to be 1 or more.",
        )
    expect(
        stop_patience > plateau_patience,
        f"`stop_patience` is {stop_patience:g} and `plateau_patience` {plateau_patience:g}. What "
        "happens first when the loss stops falling, and does the lower rate ever get its turn?",
    )
    expect(
        "learning_rate" in history_big,
        f"`history_big` records {', '.join(history_big)}; the callback that reduces the rate adds "
        "it to the history. Was it given to `fit`?",
    )
    epochs = len(losses)
    expect(epochs <= 20, f"`history_big` has {epochs} epochs; at most 20 are to be allowed.")
    rates = np.asarray(history_big["learning_rate"])
    expect(
        np.isclose(rates[0], 0.1, rtol=0.01),
        f"By `history_big`, training began at a learning rate of {rates[0]:.4g}; the exercise "
        "names another.",
    )
    factors = rates[1:] / rates[:-1]
    expect(
        (np.isclose(factors, 1) | np.isclose(factors, 0.1, rtol=0.02)).all(),
        f"By `history_big`, the learning rate went {', '.join(f'{rate:.2g}' for rate in rates)}. "
        "On a plateau it is to be multiplied by 0.1, and otherwise to stay.",
    )
    ends = {_stopping_epoch(losses, int(stop_patience), delta) for delta in MIN_DELTAS}
    expect(
        epochs in {min(end, 20) for end in ends},
        f"`history_big` has {epochs} epochs, where early stopping with a patience of "
        f"{stop_patience:g} would not have ended. Are history and patience of the same run?",
    )
    falls = {tuple(_reduction_epochs(losses, int(plateau_patience), delta)) for delta in MIN_DELTAS}
    found = tuple((np.flatnonzero(factors < 0.5) + 2).tolist())
    expect(
        found in falls,
        f"By `history_big`, the rate was lower from epoch {', '.join(map(str, found)) or 'none'} "
        f"on. With a patience of {plateau_patience:g}, these losses lead to other epochs. Are "
        "history and patience of the same run?",
    )


def _stopping_epoch(losses: list[float], patience: int, delta: float) -> int:
    """Return the epoch, from 1, after which early stopping ends training; 10**6 if it does not."""
    best, since = np.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        since += 1
        if loss < best - delta:
            best, since = loss, 0
        elif since >= patience and epoch > 1:
            return epoch
    return 10**6


def _reduction_epochs(losses: list[float], patience: int, delta: float) -> list[int]:
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


@declare("4-D.3", "The loss to report", points=1, big=Model(), reported=Number())
def loss_to_report(big, reported):
    """Expect the validation loss of the network with its present weights."""
    _models.expect_shapes(big, (784,), 10, "big")
    loss, _ = _validation_metrics("big", big)
    expect(
        np.isclose(reported, loss, rtol=5e-3, atol=1e-3),
        f"`reported` is {reported:.4f}; `big` as it is now has a validation loss of {loss:.4f}. "
        "Whose weights does it have, and which row of the history is about them?",
    )


# ------------------------------------------------------------------------ 4-E: regularisation


REGULARISED = (512, 512)


def _penalties(model: keras.Model) -> list[float]:
    """Return the L2 factor of each dense layer's weights; NaN for any other penalty."""
    found = []
    for layer in _models.dense_layers(model):
        regularizer = layer.kernel_regularizer
        if regularizer is None:
            found.append(0.0)
        elif float(getattr(regularizer, "l1", 0) or 0):
            found.append(np.nan)
        else:
            found.append(float(np.asarray(getattr(regularizer, "l2", np.nan))))
    return found


def _expect_regularisation(
    name: str, model: keras.Model, *, l2: tuple[float, float, float], dropout: list[float]
) -> None:
    _expect_network(name, model, REGULARISED)
    found = _penalties(model)
    expect(
        np.allclose(found, l2),
        f"The weights of the three dense layers of `{name}` have L2 factors of "
        f"{', '.join(f'{factor:g}' for factor in found)}. Which of them are to have a penalty, "
        "and how large?",
    )
    rates = [layer.rate for layer in _models.layers_of(model, "Dropout")]
    expect(
        np.shape(rates) == np.shape(dropout) and np.allclose(rates, dropout),
        f"`{name}` has {len(rates)} dropout layers"
        + (f", with rates {', '.join(f'{rate:g}' for rate in rates)}" if rates else "")
        + ". Compare them with the exercise.",
    )
    kinds = [type(layer).__name__ for layer in _models.layers(model)]
    if dropout:
        kinds = [kind for kind in kinds if kind in ("Dense", "Dropout")]
        expect(
            kinds == ["Dense", "Dropout", "Dense", "Dropout", "Dense"],
            f"`{name}` has its layers in the order {', '.join(kinds)}. Where is dropout to act?",
        )


def _expect_trained(name: str, model: keras.Model, history: dict[str, list[float]]) -> None:
    _expect_history(name, model, history, restored=True)
    losses = np.asarray(history["val_loss"])
    loss = _validation_metrics(name, model)[0] + _models.penalty(model)
    expect(
        abs(loss - losses.min()) <= RESTORED_TOLERANCE,
        f"`{name}` has a validation loss of {loss:.4f}, while its best epoch had "
        f"{losses.min():.4f}. Early stopping is to restore the best weights.",
    )
    _expect_loss_between(name, model, 0.08, 0.6)


@declare("4-E.1", "The network as it is", points=1, plain=Model(), history_plain=History())
def plain_network(plain, history_plain):
    """Expect a trained network without penalty and dropout."""
    _expect_regularisation("plain", plain, l2=(0, 0, 0), dropout=[])
    _expect_trained("plain", plain, history_plain)


@declare("4-E.2", "With an L2 penalty", points=2, l2=Model(), history_l2=History())
def network_with_l2(l2, history_l2):
    """Expect a trained network with an L2 penalty on the two hidden layers only."""
    _expect_regularisation("l2", l2, l2=(0.001, 0.001, 0), dropout=[])
    _expect_trained("l2", l2, history_l2)


@declare("4-E.3", "With dropout", points=2, dropout=Model(), history_dropout=History())
def network_with_dropout(dropout, history_dropout):
    """Expect a trained network with dropout after both hidden layers."""
    _expect_regularisation("dropout", dropout, l2=(0, 0, 0), dropout=[0.3, 0.3])
    _expect_trained("dropout", dropout, history_dropout)


@declare(
    "4-E.4",
    "Penalty and cross-entropy",
    points=2,
    l2=Model(),
    l2_penalty=Number(),
    l2_cross_entropy=Number(),
)
def parts_of_the_loss(l2, l2_penalty, l2_cross_entropy):
    """Expect the penalty and the cross-entropy, which add up to the loss that Keras reports."""
    _models.expect_shapes(l2, (784,), 10, "l2")
    bare, _ = _validation_metrics("l2", l2)
    squares, biases = 0.0, 0.0
    for layer in _models.dense_layers(l2)[:-1]:
        squares += float((np.asarray(layer.kernel, dtype=np.float64) ** 2).sum())
        biases += float((np.asarray(layer.bias, dtype=np.float64) ** 2).sum())
    wanted = 0.001 * squares
    expect(
        not np.isclose(l2_penalty, squares, rtol=2e-3),
        f"`l2_penalty` is {l2_penalty:.4f}, the sum of the squares. What is it multiplied by?",
    )
    expect(
        not np.isclose(l2_penalty, wanted / 2, rtol=2e-3),
        f"`l2_penalty` is {l2_penalty:.4f}, half of what Keras adds. There is no division by 2.",
    )
    expect(
        np.isclose(l2_penalty, wanted, rtol=2e-3, atol=6e-4),
        f"`l2_penalty` is {l2_penalty:.4f}, which is not what Keras adds for the weights of `l2`. "
        "Which weights count, in which layers?",
    )
    expect(
        not np.isclose(l2_cross_entropy, bare + wanted, rtol=2e-3),
        f"`l2_cross_entropy` is {l2_cross_entropy:.4f}, which still includes the penalty.",
    )
    expect(
        np.isclose(l2_cross_entropy, bare, rtol=5e-3, atol=6e-4),
        f"`l2_cross_entropy` is {l2_cross_entropy:.4f}, which `l2` does not have on the 800 "
        "validation digits. Whose probability enters the logarithm, and of which rows?",
    )


@declare(
    "4-E.5",
    "Three networks on equal terms",
    points=2,
    plain=Model(),
    l2=Model(),
    dropout=Model(),
    equal_terms=Table(),
    lowest=Text(),
)
def on_equal_terms(plain, l2, dropout, equal_terms, lowest):
    """Expect each network's cross-entropy and accuracy, and the name of the best network."""
    equal_terms = _answers.index_as_columns(equal_terms)
    names = _answers.words("equal_terms", equal_terms, "network")
    losses = _answers.numbers("equal_terms", equal_terms, "cross_entropy")
    accuracies = _answers.numbers("equal_terms", equal_terms, "accuracy")
    expect(
        sorted(names) == ["dropout", "l2", "plain"],
        f"`equal_terms` has rows for {', '.join(names)}; one is needed for each of 'plain', 'l2' "
        "and 'dropout'.",
    )
    bare = {}
    for name, model in [("plain", plain), ("l2", l2), ("dropout", dropout)]:
        _models.expect_shapes(model, (784,), 10, name)
        bare[name], accuracy = _validation_metrics(name, model)
        (row,) = np.flatnonzero(names == name)
        expect(
            np.isclose(losses[row], bare[name], rtol=5e-3, atol=1e-3),
            f"`equal_terms` has a cross_entropy of {losses[row]:.4f} for {name!r}; `{name}` as it "
            f"is now has {bare[name]:.4f} on the validation digits. Is anything else in the "
            "figure, or is it of another epoch?",
        )
        expect(
            np.isclose(accuracies[row], accuracy, atol=0.003),
            f"`equal_terms` has an accuracy of {accuracies[row]:.4f} for {name!r}; `{name}` as it "
            f"is now has {accuracy:.4f} on the validation digits.",
        )
    best = min(bare.values())
    named = _answers.normalised(lowest)
    expect(
        named in bare and bare[named] <= best + 1e-3,
        f"`lowest` is {lowest[:40]!r}, which by `equal_terms` does not have the lowest "
        "cross-entropy.",
    )


@cache
def _noisy_losses() -> np.ndarray:
    epochs = np.arange(1, 41)
    noise = np.random.default_rng(31).normal(0, 0.02, size=40)
    return np.round(0.2 + 0.5 * np.exp(-epochs / 6) + noise, 4)


@declare("4-E.6", "Patience rehearsed", points=2, ends_with=Array(), keeps=Array())
def patience_rehearsed(ends_with, keeps):
    """Expect the last epoch and the best loss under early stopping, for three patiences."""
    for name, values in [("ends_with", ends_with), ("keeps", keeps)]:
        expect(
            values.shape == (3,) and values.dtype.kind in "iuf",
            f"`{name}` has shape {values.shape}; it is to hold three numbers, for patiences of 1, "
            "3 and 8.",
        )
    losses = _noisy_losses()
    ends = [min(_stopping_epoch(losses.tolist(), patience, 0), 40) for patience in (1, 3, 8)]
    lowest = [losses[:end].min() for end in ends]
    said = ", ".join(f"{value:g}" for value in ends_with)
    expect(
        not np.array_equal(ends_with, np.array(ends) - 1),
        f"`ends_with` is {said}; Python counts the epochs from 0, the exercise from 1.",
    )
    best = [int(losses[:end].argmin()) + 1 for end in ends]
    expect(
        not np.array_equal(ends_with, best),
        f"`ends_with` is {said}. These epochs are the best ones; training goes on after them.",
    )
    expect(
        np.array_equal(ends_with, ends),
        f"`ends_with` is {said}. For each patience, follow the losses epoch by epoch: what is the "
        "lowest so far, and for how many epochs has it been?",
    )
    expect(
        np.allclose(keeps, lowest, atol=6e-4),
        f"`keeps` is {', '.join(f'{value:g}' for value in keeps)}. The weights that are kept are "
        "those of the best epoch until then, not of the last.",
    )
