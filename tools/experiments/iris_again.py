"""Results for the chapter iris-again."""

from __future__ import annotations

import itertools

import numpy as np

from coursekit import datasets, preprocessing

CHAPTER = "iris-again"

ROW = 100  # the flower that the chapter explains: the first virginica

# For rows_and_predictors.
ROWS = (200, 800, 3200)
EXTRA_COLUMNS = (0, 20, 80)
BATCH, STEPS = 40, 400
TEST_ROWS = 5_000


def with_and_without_dropout(seed: int) -> dict[str, float]:
    """Train both networks on a new split; measure the training rows in several ways."""
    import keras

    train, test = preprocessing.split_stratified(datasets.load_iris(), by="species", seed=seed)
    pipeline = preprocessing.feature_pipeline(scale="range").fit(train.iloc[:, :4])
    x, x_test = (pipeline.transform(part.iloc[:, :4]).to_numpy("float32") for part in (train, test))
    y, y_test = (preprocessing.one_hot(part["species"]).to_numpy() for part in (train, test))
    figures = {}
    for name, dropout in {"plain": 0.0, "dropout": 0.5}.items():
        keras.utils.set_random_seed(seed)
        network = _iris_network(dropout)
        curves = network.fit(x, y, epochs=20, batch_size=8, validation_split=0.2, verbose=0).history
        late_gap = np.mean(curves["val_accuracy"][10:]) - np.mean(curves["accuracy"][10:])
        figures |= {
            f"{name}, last training accuracy of the history": curves["accuracy"][-1],
            f"{name}, training rows after training": network.evaluate(x[:96], y[:96], verbose=0)[1],
            f"{name}, last validation accuracy": curves["val_accuracy"][-1],
            f"{name}, validation minus training, epochs 11 to 20": late_gap,
            f"{name}, test accuracy": network.evaluate(x_test, y_test, verbose=0)[1],
        }
    passes = [np.asarray(network(x[:96], training=True)) for _ in range(30)]
    right = [(out.argmax(axis=1) == y[:96].argmax(axis=1)).mean() for out in passes]
    return figures | {"dropout, training rows with nodes dropped": float(np.mean(right))}


def six_networks(seed: int) -> dict[str, float]:
    """Train six networks on 80 noisy rows of new data; cross-entropy without penalties."""
    import keras
    from sklearn.datasets import make_classification

    x, y = make_classification(
        2080, n_features=20, n_informative=4, n_redundant=0, flip_y=0.1, random_state=seed
    )
    x, y = x.astype("float32"), y.reshape(-1, 1).astype("float32")
    parts = {"training": slice(80), "validation": slice(80, 1080), "test": slice(1080, None)}
    stop = keras.callbacks.EarlyStopping(
        monitor="val_cross_entropy", mode="min", patience=3, restore_best_weights=True
    )
    options = {
        "none": {},
        "L1": {"penalty": keras.regularizers.L1(0.003)},
        "L2": {"penalty": keras.regularizers.L2(0.03)},
        "early stopping": {},
        "weight decay": {"weight_decay": 0.1},
        "dropout": {"dropout": 0.6},
    }
    figures = {}
    for name, option in options.items():
        keras.utils.set_random_seed(seed)
        network = _wide_network(**option)
        curves = network.fit(
            x[:80],
            y[:80],
            epochs=8,
            batch_size=8,
            validation_data=(x[80:1080], y[80:1080]),
            validation_batch_size=1000,
            callbacks=[stop] if name == "early stopping" else None,
            verbose=0,
        ).history
        if name == "early stopping":
            stopped = curves
        for part, rows in parts.items():
            loss = keras.losses.binary_crossentropy(y[rows], network(x[rows]))
            figures[f"{name}, {part} cross-entropy"] = float(np.mean(loss))
        if "penalty" in option:
            last = {metric: values[-1] for metric, values in curves.items()}
            figures[f"{name}, penalty in the loss"] = last["val_loss"] - last["val_cross_entropy"]
    figures["early stopping, epochs"] = len(stopped["loss"])
    return figures


def outer_cross_validation(seed: int) -> dict[str, float]:
    """Judge the network and its rivals on five new folds, and open the networks."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.inspection import permutation_importance
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    iris = datasets.load_iris()
    table, species = iris.iloc[:, :4], iris["species"]
    outer = StratifiedKFold(5, shuffle=True, random_state=seed)
    inner = StratifiedKFold(3, shuffle=True, random_state=seed)
    logistic = make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=1000))
    rivals = {
        "logistic, default": logistic,
        "logistic, tuned": GridSearchCV(
            logistic, {"logisticregression__C": [1, 10, 100]}, cv=inner
        ),
        "boosted trees": GradientBoostingClassifier(random_state=1),
    }
    recipes, scores, importances, both = [], {"network": []}, [], []
    for train, test in outer.split(table, species):
        recipe = _Recipe().fit(table.iloc[train], species.iloc[train])
        held_out = table.iloc[test], species.iloc[test]
        recipes.append(recipe)
        scores["network"].append(recipe.score(*held_out))
        importances.append(
            permutation_importance(
                recipe, *held_out, scoring=_Recipe.score, n_repeats=5, random_state=seed
            ).importances_mean
        )
        both.append(_importance_of_both_petal_columns(recipe, *held_out, seed=seed))
        if ROW in test:
            start, values = _shapley(recipe, table.iloc[ROW], table.iloc[train])
    for name, model in rivals.items():
        scores[name] = cross_validate(model, table, species, cv=outer)["test_score"]

    figures = {f"{name}, mean accuracy": np.mean(folds) for name, folds in scores.items()}
    figures |= {f"{name}, sd over folds": np.std(folds, ddof=1) for name, folds in scores.items()}
    for name in rivals:
        figures[f"network minus {name}"] = np.mean(scores["network"]) - np.mean(scores[name])
    for name, value in zip(table.columns, np.mean(importances, axis=0), strict=True):
        figures[f"importance of {name}"] = value
    figures["importance of both petal columns"] = np.mean(both)
    figures["Shapley start"] = start
    figures |= {f"Shapley value of {name}": value for name, value in values.items()}
    return {name: float(value) for name, value in figures.items()}


def rows_and_predictors(seed: int) -> dict[str, float]:
    """Train one network on 3 to 83 columns and 200 to 3,200 rows, with the same number of steps."""
    import keras

    metrics = {}
    for extra in EXTRA_COLUMNS:
        test = _with_extra_columns(TEST_ROWS, extra, seed=10_000 + seed)
        for n in ROWS:
            x, y = _with_extra_columns(n, extra, seed=seed)
            keras.utils.set_random_seed(seed)
            network = keras.Sequential(
                [
                    keras.Input((3 + extra,)),
                    keras.layers.Dense(32, activation="relu"),
                    keras.layers.Dense(1, activation="sigmoid"),
                ]
            )
            network.compile(
                loss="binary_crossentropy", optimizer=keras.optimizers.Adam(learning_rate=0.005)
            )
            network.fit(x, y, epochs=STEPS * BATCH // n, batch_size=BATCH, verbose=0)
            for name, rows in {"training": (x, y), "test": test}.items():
                loss = network.evaluate(*rows, batch_size=1_000, verbose=0)
                metrics[f"{n} rows, {extra} extra columns, {name} loss"] = loss
    return metrics


EXPERIMENTS = {
    "Iris with and without dropout, 20 epochs": with_and_without_dropout,
    "Six networks on 80 noisy rows": six_networks,
    "Iris, outer cross-validation and explanation": outer_cross_validation,
    "Threshold rule with extra columns": rows_and_predictors,
}


def _iris_network(dropout: float = 0.0):
    import keras

    network = keras.Sequential([keras.Input((4,))])
    for _ in range(2):
        network.add(keras.layers.Dense(32, activation="relu"))
        if dropout:
            network.add(keras.layers.Dropout(dropout))
    network.add(keras.layers.Dense(3, activation="softmax"))
    network.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.Adam(0.005),
        metrics=["accuracy"],
    )
    return network


def _wide_network(*, penalty=None, dropout: float = 0.0, weight_decay: float = 0.0):
    import keras

    network = keras.Sequential([keras.Input((20,))])
    for _ in range(2):
        network.add(keras.layers.Dense(256, activation="relu", kernel_regularizer=penalty))
        if dropout:
            network.add(keras.layers.Dropout(dropout))
    network.add(keras.layers.Dense(1, activation="sigmoid"))
    network.compile(
        loss="binary_crossentropy",
        optimizer=keras.optimizers.AdamW(0.004, weight_decay=weight_decay),
        metrics=[keras.metrics.BinaryCrossentropy(name="cross_entropy")],
    )
    return network


class _Recipe:
    """Scaler and network, fitted together."""

    def fit(self, table, species):
        self.scaler = preprocessing.feature_pipeline(scale="range").fit(table)
        self.network = _iris_network()
        x = self.scaler.transform(table).to_numpy("float32")
        y = preprocessing.one_hot(species).to_numpy()
        self.network.fit(x, y, epochs=15, batch_size=8, verbose=0)
        return self

    def predict_proba(self, table):
        return np.asarray(self.network(self.scaler.transform(table).to_numpy("float32")))

    def score(self, table, species):
        return (self.predict_proba(table).argmax(axis=1) == species.cat.codes).mean()


def _importance_of_both_petal_columns(recipe, table, species, *, seed: int) -> float:
    rng = np.random.default_rng(seed)
    petals = ["petal_length", "petal_width"]
    drops = []
    for _ in range(5):
        mixed = table.copy()
        mixed[petals] = table[petals].to_numpy()[rng.permutation(len(table))]
        drops.append(recipe.score(table, species) - recipe.score(mixed, species))
    return float(np.mean(drops))


def _shapley(recipe, flower, background) -> tuple[float, dict[str, float]]:
    """Return the mean P(virginica), and what each column adds, over all orders of columns."""
    columns = list(background.columns)
    mean = {}
    for known in itertools.product([False, True], repeat=4):
        rows = background.copy()
        for column, is_known in zip(columns, known, strict=True):
            if is_known:
                rows[column] = flower[column]
        mean[known] = recipe.predict_proba(rows)[:, 2].mean()
    added = dict.fromkeys(columns, 0.0)
    orders = list(itertools.permutations(range(4)))
    for order in orders:
        known = [False] * 4
        for place in order:
            before = mean[tuple(known)]
            known[place] = True
            added[columns[place]] += (mean[tuple(known)] - before) / len(orders)
    return mean[(False,) * 4], added


def _with_extra_columns(n: int, extra: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the data of the threshold rule, with further columns that carry no information."""
    x, y = datasets.make_threshold(n, seed=seed)
    # [seed, 1] and not seed, which would repeat the numbers that decide the labels.
    noise = np.random.default_rng([seed, 1]).random((n, extra), dtype=np.float32)
    return np.hstack([x, noise]), y
