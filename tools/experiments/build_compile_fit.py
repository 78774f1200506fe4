"""Results for the chapter build-compile-fit."""

from __future__ import annotations

import numpy as np

from coursekit import datasets, models, preprocessing

CHAPTER = "build-compile-fit"


def linear_softmax(seed: int) -> dict[str, float]:
    """Train as the course does: RMSprop, 100 epochs, batches of 32; new split, new weights."""
    return _train(seed, learning_rate=0.001, epochs=100)


def larger_steps(seed: int) -> dict[str, float]:
    """Train with ten times the learning rate for 30 epochs."""
    return _train(seed, learning_rate=0.01, epochs=30)


def breast_cancer(seed: int) -> dict[str, float]:
    """Do exercises 2-A to 2-C: Dense 5 and one sigmoid unit, 20 epochs; new split, new weights."""
    cancer = datasets.load_breast_cancer()
    train, test = preprocessing.split_stratified(cancer, by="class", seed=seed)
    scores = list(cancer.columns[1:-1])
    pipeline = preprocessing.feature_pipeline(missing="zero").fit(train[scores])
    x_train, x_test = (
        pipeline.transform(part[scores]).to_numpy("float32") for part in (train, test)
    )
    y_train, y_test = ((part["class"] == "malignant").to_numpy("float32") for part in (train, test))
    model = models.breast_cancer_network()
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=20, verbose=0)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return {"test accuracy": accuracy, "test loss": loss}


EXPERIMENTS = {
    "Iris, linear and softmax layer, 100 epochs": linear_softmax,
    "Iris, learning rate 0.01, 30 epochs": larger_steps,
    "Breast cancer, linear layer and one sigmoid unit, 20 epochs (exercises 2-A to 2-C)": (
        breast_cancer
    ),
}


def _train(seed: int, *, learning_rate: float, epochs: int) -> dict[str, float]:
    import keras

    train, test = preprocessing.split_stratified(datasets.load_iris(), by="species", seed=seed)
    columns = list(train.columns.drop("species"))
    pipeline = preprocessing.feature_pipeline().fit(train[columns])
    x_train, x_test = (
        pipeline.transform(part[columns]).to_numpy("float32") for part in (train, test)
    )
    y_train, y_test = (preprocessing.one_hot(part["species"]).to_numpy() for part in (train, test))
    model = models.iris_linear_softmax()
    model.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    curves = model.fit(
        x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=0
    ).history
    wrong = model.predict(x_test, verbose=0).argmax(axis=1) != y_test.argmax(axis=1)
    after = model.evaluate(x_train, y_train, verbose=0, return_dict=True)
    return {
        "training accuracy": after["accuracy"],
        "training loss": after["loss"],
        "test accuracy": curves["val_accuracy"][-1],
        "test loss": curves["val_loss"][-1],
        "best test accuracy of any epoch": max(curves["val_accuracy"]),
        "fall of the training loss in the last 20 epochs": curves["loss"][-21] - curves["loss"][-1],
        "setosa misclassified": float(np.sum(wrong & (y_test[:, 0] == 1))),
    }
