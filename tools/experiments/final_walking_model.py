"""Results for the chapter final-walking-model."""

import numpy as np
from sklearn.model_selection import train_test_split

from coursekit import datasets, evaluation, models

CHAPTER = "final-walking-model"
EDITIONS = ("full",)  # the data have only one


def final_network(seed: int) -> dict[str, float]:
    """Train as the chapter does; look at the errors; then train on, to 30 epochs."""
    walking, rows, test = _split(seed)
    x, y, x_test, y_test = walking.x[rows], walking.y[rows], walking.x[test], walking.y[test]
    fitted = int(0.7 * len(rows))
    network = _compiled(models.walking_final_cnn())
    curves = _fit(network, x, y, epochs=15)
    loss, accuracy = network.evaluate(x_test, y_test, verbose=0)

    actual, predicted = walking.labels[test], network.predict(x_test, verbose=0).argmax(axis=1) + 1
    report = evaluation.ConfusionReport.from_labels(actual, predicted, labels=range(1, 16))
    per_person = report.per_class()
    pairs = {frozenset(pair) for pair in zip(actual, predicted, strict=True) if len(set(pair)) == 2}

    unseen = np.concatenate([rows[fitted:], test])  # validation and test
    probabilities = network.predict(walking.x[unseen], verbose=0)
    actual, predicted = walking.labels[unseen], probabilities.argmax(axis=1) + 1
    wrong = predicted != actual
    seconds = walking.seconds[unseen]
    likeness = _alignment(walking.x[unseen], _typical(x[:fitted], walking.labels[rows[:fitted]]))
    own = likeness[np.arange(len(unseen)), actual - 1]
    named = likeness[np.arange(len(unseen)), predicted - 1]
    val_loss = curves["val_loss"]
    figures = {
        "validation accuracy, epoch 1": curves["val_accuracy"][0],
        "validation accuracy": curves["val_accuracy"][-1],
        "validation accuracy, best of 15 epochs": max(curves["val_accuracy"]),
        "test accuracy": accuracy,
        "test loss": loss,
        "kappa": report.kappa,
        "validation loss, epochs 13 to 15 / epochs 10 to 12": sum(val_loss[12:])
        / sum(val_loss[9:12]),
        "lowest sensitivity": per_person["sensitivity"].min(),
        "lowest specificity": per_person["specificity"].min(),
        "lowest positive predictive value": per_person["positive predictive value"].min(),
        "pairs never confused, of 105": 105 - len(pairs),
        "most frequent mismatch": report.mismatches()["count"].iloc[0],
        "share of windows misread, first 20 s of a walk": wrong[seconds < 20].mean(),
        "share of windows misread, after 60 s": wrong[seconds >= 60].mean(),
        "largest probability, right": probabilities.max(axis=1)[~wrong].mean(),
        "largest probability, misread": probabilities.max(axis=1)[wrong].mean(),
        "likeness to one's typical window, right": own[~wrong].mean(),
        "likeness to one's typical window, misread": own[wrong].mean(),
        "likeness to the named person's typical window, misread": named[wrong].mean(),
        **_moved(network, x[:fitted], y[:fitted]),
    }
    for epochs in (20, 30):
        done = 15 if epochs == 20 else 20
        curves = _fit(network, x, y, epochs=epochs - done)
        loss, accuracy = network.evaluate(x_test, y_test, verbose=0)
        figures |= {
            f"validation accuracy after {epochs} epochs": curves["val_accuracy"][-1],
            f"test accuracy after {epochs} epochs": accuracy,
            f"test loss after {epochs} epochs": loss,
        }
    return {name: float(value) for name, value in figures.items()}


def new_order(seed: int) -> dict[str, float]:
    """Shuffle the training rows anew for every epoch."""
    walking, rows, test = _split(seed)
    x, y = walking.x[rows], walking.y[rows]
    fitted = int(0.7 * len(rows))
    network = _compiled(models.walking_final_cnn())
    rng = np.random.default_rng(seed)
    accuracies = []
    for epoch in range(1, 21):
        order = rng.permutation(fitted)
        network.fit(x[order], y[order], batch_size=128, shuffle=False, verbose=0)
        accuracies.append(network.evaluate(x[fitted:], y[fitted:], verbose=0)[1])
        if epoch == 15:
            loss, accuracy = network.evaluate(walking.x[test], walking.y[test], verbose=0)
    return {
        "validation accuracy": accuracies[14],
        "validation accuracy, best of 15 epochs": max(accuracies[:15]),
        "test accuracy": accuracy,
        "test loss": loss,
        "validation accuracy after 20 epochs": accuracies[-1],
    }


def rmsprop(seed: int) -> dict[str, float]:
    """Train with the optimiser that the course uses elsewhere."""
    walking, rows, test = _split(seed)
    network = _compiled(models.walking_final_cnn(), optimizer="rmsprop")
    curves = _fit(network, walking.x[rows], walking.y[rows], epochs=15)
    loss, accuracy = network.evaluate(walking.x[test], walking.y[test], verbose=0)
    return {
        "validation accuracy": curves["val_accuracy"][-1],
        "test accuracy": accuracy,
        "test loss": loss,
    }


def dense_only(seed: int) -> dict[str, float]:
    """Train the network without convolutions alike."""
    walking, rows, test = _split(seed)
    x, y = walking.x[rows], walking.y[rows]
    fitted = int(0.7 * len(rows))
    network = _compiled(models.walking_dense())
    curves = _fit(network, x, y, epochs=15)
    windows = list(zip(walking.labels[rows[:fitted]], walking.start[rows[:fitted]], strict=True))
    known = set(windows)
    has_previous = np.array([(person, start - 52) in known for person, start in windows])
    moved = network.predict(np.roll(x[:fitted], 52, axis=1), verbose=0).argmax(axis=1)
    right = moved == y[:fitted].argmax(axis=1)
    return {
        "validation accuracy": curves["val_accuracy"][-1],
        "test accuracy": network.evaluate(walking.x[test], walking.y[test], verbose=0)[1],
        **_moved(network, x[:fitted], y[:fitted]),
        "moved by 52 samples, window before it fitted": float(right[has_previous].mean()),
        "moved by 52 samples, window before it not fitted": float(right[~has_previous].mean()),
    }


EXPERIMENTS = {
    "Final network, random split": final_network,
    "Final network, a new order in every epoch": new_order,
    "Final network, RMSprop": rmsprop,
    "Dense layers only": dense_only,
}


def _split(seed: int):
    """Return the data, the rows for ``fit`` and those for the test."""
    walking = datasets.load_walking()
    rows, test = train_test_split(
        np.arange(len(walking.x)), test_size=0.2, stratify=walking.labels, random_state=seed
    )
    return walking, rows, test


def _compiled(network, optimizer: str = "adam"):
    network.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return network


def _fit(network, x, y, *, epochs: int) -> dict[str, list[float]]:
    return network.fit(x, y, epochs=epochs, batch_size=128, validation_split=0.3, verbose=0).history


def _moved(network, x, y) -> dict[str, float]:
    """Accuracy on the training windows, as they are and moved along in time."""
    return {
        f"training windows moved by {step} samples": network.evaluate(
            np.roll(x, step, axis=1), y, verbose=0
        )[1]
        for step in (0, 1, 26, 52)
    }


def _alignment(a, b, furthest: int = 52) -> np.ndarray:
    """Mean product of each window of a with each of b, at the lag where it is largest."""
    best = np.full((len(a), len(b)), -np.inf)
    for lag in range(-furthest, furthest + 1):
        left = a[:, max(lag, 0) : 260 + min(lag, 0)].reshape(len(a), -1)
        right = b[:, max(-lag, 0) : 260 - max(lag, 0)].reshape(len(b), -1)
        best = np.maximum(best, left @ right.T / left.shape[1])
    return best


def _typical(x, labels) -> np.ndarray:
    """Return each person's window that is most like all others of that person."""
    windows = []
    for person in range(1, 16):
        of_person = x[labels == person][:100]
        windows.append(of_person[_alignment(of_person, of_person).mean(axis=0).argmax()])
    return np.stack(windows)
