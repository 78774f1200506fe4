"""Bands for the chapter controlling-the-model."""

import keras
import numpy as np
from sklearn.datasets import load_diabetes, make_moons, make_multilabel_classification
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from coursekit import datasets, models, preprocessing

CHAPTER = "controlling-the-model"

DENSE, DROPOUT = keras.layers.Dense, keras.layers.Dropout


def fitted(model, x, y, *, loss: str, optimizer="adam", epochs: int, batch_size: int = 32):
    """Compile and train as the chapter does."""
    model.compile(loss=loss, optimizer=optimizer)
    model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0)
    return model


def two_classes(seed: int) -> dict[str, float]:
    """Train one sigmoid unit, two sigmoid units and two softmax units."""
    cancer = datasets.load_breast_cancer()
    parts = preprocessing.split_by_group(cancer, group="id", seed=seed)
    prepare = preprocessing.feature_pipeline(missing="zero")
    scores = cancer.columns[1:-1]
    x_train = prepare.fit_transform(parts[0][scores]).to_numpy("float32")
    x_test = prepare.transform(parts[1][scores]).to_numpy("float32")
    y_train, y_test = (preprocessing.one_hot(part["class"]).to_numpy() for part in parts)
    truth = y_test.argmax(axis=1)

    def network(units: int, activation: str):
        layers = [DENSE(8, activation="relu"), DENSE(units, activation=activation)]
        return keras.Sequential([keras.Input((9,)), *layers])

    figures = {}
    for name, units, activation, loss in (
        ("one sigmoid", 1, "sigmoid", "binary_crossentropy"),
        ("two sigmoids", 2, "sigmoid", "binary_crossentropy"),
        ("softmax", 2, "softmax", "categorical_crossentropy"),
    ):
        labels = y_train[:, 1:] if units == 1 else y_train
        rate = keras.optimizers.Adam(0.01)
        how = {"loss": loss, "optimizer": rate, "epochs": 10, "batch_size": 64}
        model = fitted(network(units, activation), x_train, labels, **how)
        p = model.predict(x_test, verbose=0)
        classes = p[:, 0] > 0.5 if units == 1 else p.argmax(axis=1)
        figures[f"{name}: accuracy"] = (classes == truth).mean()
        if units == 2:
            figures[f"{name}: largest |sum - 1|"] = np.abs(p.sum(axis=1) - 1).max()
    return figures


def iris_classes(seed: int) -> dict[str, float]:
    """Train the iris network with relu, and with dropout."""
    iris = datasets.load_iris()
    parts = preprocessing.split_stratified(iris, by="species", seed=seed)
    prepare = preprocessing.feature_pipeline().fit(parts[0].drop(columns="species"))
    x_train, x_test = (
        prepare.transform(part.drop(columns="species")).to_numpy("float32") for part in parts
    )
    y_train, y_test = (preprocessing.one_hot(part["species"]).to_numpy() for part in parts)
    figures = {}
    for name, model in (("relu", models.iris_relu()), ("dropout", models.iris_dropout())):
        rate = keras.optimizers.Adam(0.01)
        loss = "categorical_crossentropy"
        fitted(model, x_train, y_train, loss=loss, optimizer=rate, epochs=20, batch_size=16)
        p = model.predict(x_test, verbose=0)
        figures[f"{name}: accuracy"] = (p.argmax(axis=1) == y_test.argmax(axis=1)).mean()
    return figures


def several_labels(seed: int) -> dict[str, float]:
    """Train four sigmoid units on rows that carry several labels each."""
    x, y = make_multilabel_classification(
        400, n_features=10, n_classes=4, n_labels=2, random_state=1
    )
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=seed)
    scaler = StandardScaler().fit(x_train)
    model = keras.Sequential(
        [keras.Input((10,)), DENSE(32, activation="relu"), DENSE(4, activation="sigmoid")]
    )
    rate = keras.optimizers.Adam(0.01)
    fitted(
        model,
        scaler.transform(x_train),
        y_train,
        loss="binary_crossentropy",
        optimizer=rate,
        epochs=15,
    )
    p = model.predict(scaler.transform(x_test), verbose=0)
    guess = y_train.mean(axis=0) > 0.5
    return {
        "share of labels right": ((p > 0.5) == y_test).mean(),
        "by the most frequent answer": (guess == y_test).mean(),
        "mean sum of probabilities": p.sum(axis=1).mean(),
        "mean number of labels": y_test.sum(axis=1).mean(),
        "smallest sum": p.sum(axis=1).min(),
        "largest sum": p.sum(axis=1).max(),
    }


def one_number(seed: int) -> dict[str, float]:
    """Train the regression network on a raw and a scaled target, beside a linear model."""
    patients, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    x = patients[["age", "bmi", "bp", "s5", "s6"]]
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=seed)
    scaler = StandardScaler().fit(x_train)
    x_train, x_test = scaler.transform(x_train), scaler.transform(x_test)
    centre, spread = y_train.mean(), y_train.std()
    linear = LinearRegression().fit(x_train, y_train)
    how = {"loss": "mse", "optimizer": "rmsprop", "epochs": 20}
    raw = fitted(models.regression_network(), x_train, y_train, **how)
    scaled = fitted(models.regression_network(), x_train, (y_train - centre) / spread, **how)

    def error(prediction) -> float:
        return np.abs(np.ravel(prediction) - y_test).mean()

    return {
        "mean of the training part": error(np.full(len(y_test), centre)),
        "linear regression": error(linear.predict(x_test)),
        "network, raw target": error(raw.predict(x_test, verbose=0)),
        "network, scaled target": error(scaled.predict(x_test, verbose=0) * spread + centre),
    }


def moons_network(width: int, dropout: float = 0.0):
    """Build two hidden layers of one width, with or without dropout after each."""
    layers = []
    for _ in range(2):
        layers.append(DENSE(width, activation="relu"))
        if dropout:
            layers.append(DROPOUT(dropout))
    return keras.Sequential([keras.Input((2,)), *layers, DENSE(1, activation="sigmoid")])


def width_and_dropout(seed: int, points: int | None = None) -> dict[str, float]:
    """Train on sixty noisy points, new ones for each seed, with growing width and dropout."""
    points = seed if points is None else points
    x, y = make_moons(60, noise=0.3, random_state=points)
    unseen = make_moons(1000, noise=0.3, random_state=1000 + points)
    figures = {}
    for width, dropout in ((2, 0), (16, 0), (256, 0), (256, 0.5)):
        model = moons_network(width, dropout)
        model.compile(
            loss="binary_crossentropy",
            optimizer=keras.optimizers.Adam(0.01),
            metrics=["accuracy"],
        )
        curves = model.fit(
            np.tile(x, (30, 1)),
            np.tile(y, 30),
            epochs=10,
            batch_size=60,
            validation_data=unseen,
            validation_batch_size=1000,
            verbose=0,
        ).history
        loss, accuracy = model.evaluate(x, y, verbose=0)
        name = f"{width}{' with dropout' if dropout else ''}"
        figures[f"{name}: training loss"] = loss
        figures[f"{name}: validation loss"] = curves["val_loss"][-1]
        figures[f"{name}: lowest validation loss"] = min(curves["val_loss"])
        figures[f"{name}: epoch of the lowest"] = int(np.argmin(curves["val_loss"])) + 1
        figures[f"{name}: training accuracy"] = accuracy
        figures[f"{name}: validation accuracy"] = curves["val_accuracy"][-1]
    return figures


def same_points(seed: int) -> dict[str, float]:
    """Train on the chapter's own sixty points."""
    return width_and_dropout(seed, points=1)


EXPERIMENTS = {
    "three output layers for two classes": two_classes,
    "iris, with and without dropout": iris_classes,
    "several labels at once": several_labels,
    "regression, beside a linear model": one_number,
    "width and dropout on sixty points": width_and_dropout,
    "width and dropout on the chapter's sixty points": same_points,
}
