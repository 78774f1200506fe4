"""What the experiments of the MNIST lab share."""

from __future__ import annotations

from coursekit import datasets, preprocessing


def digits(seed: int):
    """Return shuffled training arrays and test arrays; the seed decides the validation rows."""
    train, test = datasets.load_mnist()
    return preprocessing.prepare_digits(*train, seed=seed), preprocessing.prepare_digits(*test)


def figures_of(trained, test) -> dict[str, float]:
    """Return the figures of a run of ``train_model``; the test is of its best weights."""
    last = trained.history.iloc[-1]
    loss, accuracy = trained.model.evaluate(*test, batch_size=1000, verbose=0)
    return {
        "validation loss, last epoch": float(last["val_loss"]),
        "validation accuracy, last epoch": float(last["val_accuracy"]),
        "best validation loss": float(trained.best["val_loss"]),
        "validation accuracy, best epoch": float(trained.best["val_accuracy"]),
        "epochs": len(trained.history),
        "test loss": loss,
        "test accuracy": accuracy,
        "test misses": round((1 - accuracy) * len(test[0])),
    }
