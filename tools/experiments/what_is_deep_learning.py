"""Results for the chapter what-is-deep-learning."""

import keras
import numpy as np

from coursekit import datasets

CHAPTER = "what-is-deep-learning"


def one_unseen_flower(seed: int) -> dict[str, float]:
    """Train on 149 flowers and ask for the species of the one left out, a setosa."""
    keras.utils.set_random_seed(seed)
    iris = datasets.load_iris()
    lengths = iris.drop(columns="species")
    x = (lengths - lengths.drop(index=0).mean().round(1)).round(1).to_numpy("float32")
    species = iris["species"].cat.codes.to_numpy()
    one_hot = keras.utils.to_categorical(species, num_classes=3)
    network = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, activation="relu"),
            keras.layers.Dense(4, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    before = np.concatenate([part.ravel() for part in network.get_weights()])
    network.compile(
        loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(learning_rate=0.02)
    )
    losses = network.fit(x[1:], one_hot[1:], epochs=30, batch_size=15, verbose=0).history["loss"]
    after = np.concatenate([part.ravel() for part in network.get_weights()])
    probabilities = np.asarray(network(x))
    return {
        "probability of its species": float(probabilities[0, 0]),
        "last loss / first loss": losses[-1] / losses[0],
        "share of parameters moved by 0.01": float((np.abs(after - before) > 0.01).mean()),
        "share of 149 named right": float((probabilities.argmax(axis=1) == species)[1:].mean()),
    }


EXPERIMENTS = {"the species of one flower that was left out": one_unseen_flower}
