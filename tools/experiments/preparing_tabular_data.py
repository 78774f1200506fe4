"""Results for the chapter preparing-tabular-data."""

import keras
import numpy as np
from sklearn.datasets import load_wine
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

CHAPTER = "preparing-tabular-data"


def leak(seed: int) -> dict[str, float]:
    """Choose 20 of 2,000 columns of noise, before cross-validation and within it."""
    x = np.random.default_rng(seed).normal(size=(100, 2_000))
    y = np.repeat([0, 1], 50)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    best = SelectKBest(f_classif, k=20)
    model = LogisticRegression()
    leaky = cross_val_score(model, best.fit_transform(x, y), y, cv=folds)
    honest = cross_val_score(make_pipeline(best, model), x, y, cv=folds)
    return {"chosen on all rows": leaky.mean(), "chosen within each fold": honest.mean()}


def leak_by_scaling(seed: int) -> dict[str, float]:
    """Scale the same noise before cross-validation and within it."""
    x = np.random.default_rng(seed).normal(size=(100, 20))
    y = np.repeat([0, 1], 50)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model, scaler = LogisticRegression(), StandardScaler()
    leaky = cross_val_score(model, scaler.fit_transform(x), y, cv=folds)
    honest = cross_val_score(make_pipeline(scaler, model), x, y, cv=folds)
    return {"scaled on all rows": leaky.mean(), "scaled within each fold": honest.mean()}


def wine(seed: int) -> dict[str, float]:
    """Train one small network on the wine table as it is, and scaled."""
    x, y = load_wine(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)
    figures = {}
    for name, prepare in (("as it is", lambda part: part), ("scaled", scaler.transform)):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [
                keras.Input((13,)),
                keras.layers.Dense(16, activation="relu"),
                keras.layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile(
            loss="sparse_categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"]
        )
        curves = model.fit(prepare(x_train), y_train, epochs=40, batch_size=16, verbose=0)
        figures[f"{name}: accuracy"] = model.evaluate(prepare(x_test), y_test, verbose=0)[1]
        for epoch in (1, 40):
            figures[f"{name}: loss of epoch {epoch}"] = curves.history["loss"][epoch - 1]
    return figures


EXPERIMENTS = {
    "columns chosen with a leak": leak,
    "scaled with a leak": leak_by_scaling,
    "a network on scaled and unscaled columns": wine,
}
