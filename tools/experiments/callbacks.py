"""Results for the chapter on callbacks."""

from __future__ import annotations

from coursekit import models, training
from experiments._digits import digits, figures_of

CHAPTER = "callbacks"
EDITIONS = ("sample", "full")  # of load_mnist


def early_stopping(seed: int) -> dict[str, float]:
    """Stop when the validation loss stands still; the rate stays."""
    (x, y), test = digits(seed)
    return figures_of(training.train_model(x, y, plateau_patience=None), test)


def reduce_on_plateau(seed: int) -> dict[str, float]:
    """Stop early, and divide the rate by ten on a plateau."""
    (x, y), test = digits(seed)
    trained = training.train_model(x, y)
    rate = trained.history["learning_rate"]
    return {
        **figures_of(trained, test),
        "learning rate, last epoch": float(rate.iloc[-1]),
        "loss, last epoch": float(trained.history["loss"].iloc[-1]),
        "accuracy, last epoch": float(trained.history["accuracy"].iloc[-1]),
    }


def triangular(epoch: int, learning_rate: float) -> float:
    """Go up for five epochs and down for five; lowest in epochs 10 and 20."""
    return 0.001 + 0.099 * (1 - abs((epoch + 1) % 10 - 5) / 5)


def plans_for_the_rate(seed: int) -> dict[str, float]:
    """Train with the same seed and validation rows at each plan for the learning rate."""
    import keras

    (x, y), _ = digits(seed)
    steps = 20 * -(-int(len(x) * 0.8) // 128)

    def curves(rate=0.1, callbacks=()):
        keras.utils.set_random_seed(seed)
        model = models.mnist_mlp()
        optimizer = keras.optimizers.SGD(learning_rate=rate, momentum=0.9)
        model.compile(loss="categorical_crossentropy", optimizer=optimizer)
        options = {"epochs": 20, "batch_size": 128, "validation_split": 0.2, "verbose": 0}
        return model.fit(x, y, callbacks=list(callbacks), **options).history

    def stop():
        return keras.callbacks.EarlyStopping(patience=3, min_delta=1e-4)

    schedules = keras.optimizers.schedules
    reduce = keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.1)
    runs = {
        "constant": curves(),
        "inverse time": curves(schedules.InverseTimeDecay(0.1, steps, 9)),
        "cosine": curves(schedules.CosineDecay(0.1, steps, alpha=0.01)),
        "triangular": curves(callbacks=[keras.callbacks.LearningRateScheduler(triangular)]),
        "stopped": curves(callbacks=[stop()]),
        "stopped, reduced": curves(callbacks=[stop(), reduce]),
    }
    losses = {name: run["val_loss"] for name, run in runs.items()}
    best = {name: min(values) for name, values in losses.items()}
    rates, reduced = runs["stopped, reduced"]["learning_rate"], losses["stopped, reduced"]
    cut = next((epoch for epoch in range(1, len(rates)) if rates[epoch] < 0.05), None)
    after = reduced[cut] / reduced[cut - 1] if cut else 1.0
    return {
        **{f"best validation loss, {name}": value for name, value in best.items()},
        "best validation loss, apart": max(best.values()) - min(best.values()),
        "best validation loss, stopped minus constant": best["stopped"] - best["constant"],
        "best validation loss, reduced minus stopped": best["stopped, reduced"] - best["stopped"],
        "validation loss, first epoch at the lower rate / before": after,
        "validation loss, last / best, constant": losses["constant"][-1] / best["constant"],
        "validation loss, last / best, reduced": reduced[-1] / best["stopped, reduced"],
        "validation loss, highest / lowest from epoch 10, constant": max(losses["constant"][9:])
        / min(losses["constant"][9:]),
        "training loss, last / tenth epoch, constant": runs["constant"]["loss"][-1]
        / runs["constant"]["loss"][9],
    }


EXPERIMENTS = {
    "Early stopping": early_stopping,
    "Early stopping and reduce on plateau": reduce_on_plateau,
    "Plans for the learning rate": plans_for_the_rate,
}

# It backs assertions of the chapter, and no published figure.
SAMPLE_ONLY = ("Plans for the learning rate",)
