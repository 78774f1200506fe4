"""Measure runs for the chapter controlling-the-model."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_diabetes, make_moons
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from coursekit import datasets, preprocessing

CHAPTER = "controlling-the-model"


def two_classes(seed: int) -> dict[str, float]:
    """Train one sigmoid unit, two sigmoid units and two softmax units on a new split."""
    import keras

    cancer = datasets.load_breast_cancer()
    train, test = preprocessing.split_by_group(cancer, group="id", seed=seed)
    scores = cancer.columns.drop(["id", "class"])
    pipeline = preprocessing.feature_pipeline(missing="zero").fit(train[scores])
    x_train, x_test = (
        pipeline.transform(part[scores]).to_numpy("float32") for part in (train, test)
    )
    y_train, y_test = (preprocessing.one_hot(part["class"]).to_numpy() for part in (train, test))
    malignant = y_test[:, 1] == 1

    metrics = {}
    for name, units, activation, loss in (
        ("one sigmoid", 1, "sigmoid", "binary_crossentropy"),
        ("two sigmoids", 2, "sigmoid", "binary_crossentropy"),
        ("softmax", 2, "softmax", "categorical_crossentropy"),
    ):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [
                keras.Input((9,)),
                keras.layers.Dense(8, activation="relu"),
                keras.layers.Dense(units, activation=activation),
            ]
        )
        model.compile(loss=loss, optimizer=keras.optimizers.Adam(learning_rate=0.01))
        labels = y_train[:, 1:] if units == 1 else y_train
        model.fit(x_train, labels, epochs=10, batch_size=64, verbose=0)
        p = model.predict(x_test, verbose=0)
        classes = p[:, 0] > 0.5 if units == 1 else p.argmax(axis=1) == 1
        metrics[f"{name}: accuracy"] = (classes == malignant).mean()
        if units == 2:
            metrics[f"{name}: largest |sum - 1|"] = np.abs(p.sum(axis=1) - 1).max()
    return metrics


def one_number(seed: int) -> dict[str, float]:
    """Return mean absolute errors on a new split: network, linear regression and mean."""
    import keras

    patients, progress = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    x_train, x_test, y_train, y_test = train_test_split(
        patients[["age", "bmi", "bp", "s5", "s6"]], progress, test_size=0.2, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)
    x_train, x_test = scaler.transform(x_train), scaler.transform(x_test)
    mean, sd = y_train.mean(), y_train.std()

    def by_network(target) -> np.ndarray:
        keras.utils.set_random_seed(seed)
        network = keras.Sequential(
            [
                keras.Input((5,)),
                keras.layers.Dense(64, activation="relu"),
                keras.layers.Dense(1),
            ]
        )
        network.compile(loss="mse", optimizer="rmsprop")
        network.fit(x_train, target, epochs=20, verbose=0)
        return network.predict(x_test, verbose=0)[:, 0]

    answers = {
        "mean of the training set": np.full(len(y_test), mean),
        "linear regression": LinearRegression().fit(x_train, y_train).predict(x_test),
        "network, raw target": by_network(y_train),
        "network, scaled target": by_network((y_train - mean) / sd) * sd + mean,
    }
    return {name: np.abs(answer - y_test).mean() for name, answer in answers.items()}


def width_and_dropout(seed: int) -> dict[str, float]:
    """Train on sixty noisy points, new ones for each seed: three widths, one with dropout."""
    import keras

    x, y = make_moons(60, noise=0.3, random_state=seed)
    unseen = make_moons(1000, noise=0.3, random_state=1000 + seed)
    metrics = {}
    for name, width, dropout in (
        ("2 units", 2, 0.0),
        ("16 units", 16, 0.0),
        ("256 units", 256, 0.0),
        ("256 units, dropout 0.3", 256, 0.3),
    ):
        keras.utils.set_random_seed(seed)
        network = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(width, activation="relu"),
                keras.layers.Dropout(dropout),
                keras.layers.Dense(width, activation="relu"),
                keras.layers.Dropout(dropout),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        network.compile(
            loss="binary_crossentropy",
            optimizer=keras.optimizers.Adam(learning_rate=0.01),
        )
        val_loss = network.fit(
            x,
            y,
            epochs=50,
            batch_size=10,
            validation_data=unseen,
            validation_batch_size=1000,
            verbose=0,
        ).history["val_loss"]
        metrics[f"{name}: training loss"] = network.evaluate(x, y, verbose=0)
        metrics[f"{name}: validation loss"] = val_loss[-1]
        metrics[f"{name}: lowest validation loss"] = min(val_loss)
    return metrics


EXPERIMENTS = {
    "three output layers for two classes": two_classes,
    "regression, beside a linear model": one_number,
    "width and dropout on sixty points": width_and_dropout,
}
