"""Results for the chapter what-the-network-learned."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from coursekit import datasets, models, preprocessing

CHAPTER = "what-the-network-learned"
EDITIONS = ("full",)  # the data have only one

FILLS = ("zero", "line", "noise", "other person")


def one_network_opened(seed: int) -> dict[str, float]:
    """Train the final network once, then measure its kernels, layers, answers and map."""
    walking, train, validation, test = _data()
    model = models.walking_final_cnn()
    start = [np.array(weights) for weights in model.get_weights()]
    accuracy = _fit(model, walking.x, walking, train, validation)
    untrained = models.walking_final_cnn()
    untrained.set_weights(start)

    x, right = walking.x[test], walking.labels[test] - 1
    layers, before = _layers(model, x), _layers(untrained, x)
    answers = layers["output"].argmax(axis=1)
    rng = np.random.default_rng(seed)
    figures = {
        "validation accuracy": accuracy,
        "test accuracy": (answers == right).mean(),
        **_kernels(start[0], model.get_weights()[0]),
        **_silence(layers),
        **_likeness(walking, test, before["convolution_1"], layers["convolution_1"], rng),
        **_occlusion(model, walking, test, rng),
        **_neighbours(walking, test, answers),
        **_map(model, untrained, walking, train, test, layers, before, rng),
        "acc_z, never there: accuracy": _trained_without_z(seed, walking, train, validation, test),
    }
    return {name: float(value) for name, value in figures.items()}


EXPERIMENTS = {
    "Final walking network, split by time, opened": one_network_opened,
}


def _data():
    walking = datasets.load_walking()
    return walking, *preprocessing.split_by_time(walking)


def _fit(model, x, walking, train, validation) -> float:
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    history = model.fit(
        x[train],
        walking.y[train],
        epochs=15,
        batch_size=128,
        validation_data=(x[validation], walking.y[validation]),
        verbose=0,
    ).history
    return history["val_accuracy"][-1]


def _layers(model, x, names=None) -> dict[str, np.ndarray]:
    import keras

    names = names or ["convolution_1", "convolution_2", "hidden", "output"]
    inner = keras.Model(model.inputs[0], [model.get_layer(name).output for name in names])
    parts = [inner(x[first : first + 512]) for first in range(0, len(x), 512)]
    return {
        name: np.concatenate([np.asarray(part[place]) for part in parts])
        for place, name in enumerate(names)
    }


def _answers(model, x) -> np.ndarray:
    return np.concatenate([np.asarray(model(x[i : i + 512])) for i in range(0, len(x), 512)])


def _power(kernels):
    centred = kernels - kernels.mean(axis=0)
    return (np.abs(np.fft.rfft(centred, n=520, axis=0)) ** 2).sum(axis=1)


def _fast(kernels):
    """Return what is left of the kernels without everything up to 6 Hz."""
    spectrum = np.fft.rfft(kernels, axis=0)
    spectrum[np.fft.rfftfreq(30, 1 / 52) <= 6] = 0
    return np.fft.irfft(spectrum, n=30, axis=0).reshape(90, -1)


def _kernels(start, trained) -> dict[str, float]:
    frequency = np.fft.rfftfreq(520, 1 / 52)
    figures = {}
    for name, kernels in {"start": start, "trained": trained, "added": trained - start}.items():
        power = _power(kernels)
        strongest = frequency[power.argmax(axis=0)]
        figures |= {
            f"kernels, {name}: median strongest frequency": np.median(strongest),
            f"kernels, {name}: share with it below 6 Hz": (strongest < 6).mean(),
            f"kernels, {name}: power below 6 Hz": (
                power[frequency < 6].sum(0) / power.sum(0)
            ).mean(),
        }
    pairs = zip(_fast(start).T, _fast(trained).T, strict=True)
    figures["kernels: fast part, correlation of start and trained"] = np.mean(
        [np.corrcoef(*pair)[0, 1] for pair in pairs]
    )
    return figures


def _silence(layers) -> dict[str, float]:
    figures = {}
    for name in ("convolution_1", "convolution_2"):
        figures |= {
            f"{name}: silent filters": (layers[name].max(axis=(0, 1)) == 0).sum(),
            f"{name}: share of zeros": (layers[name] == 0).mean(),
        }
    return figures


def _strongest(walking, test, responses):
    """Return the pieces of signal behind the strongest response in five people's windows."""
    peak, pieces = responses.max(axis=1), []
    for window in np.argsort(-peak):
        person = walking.labels[test[window]]
        if person not in [other for other, _ in pieces]:
            first = 2 * responses[window].argmax()
            pieces.append((person, walking.x[test[window], first : first + 30]))
        if len(pieces) == 5:
            return np.array([piece for _, piece in pieces])


def _alike(pieces) -> float:
    table = np.corrcoef(pieces.reshape(len(pieces), -1))
    return table[np.triu_indices(len(pieces), 1)].mean()


def _likeness(walking, test, before, after, rng) -> dict[str, float]:
    figures = {}
    for name, responses in {"untrained": before, "trained": after}.items():
        filters = [f for f in range(40) if responses[:, :, f].max() > 0]
        alike = [_alike(_strongest(walking, test, responses[:, :, f])) for f in filters]
        figures[f"strongest pieces, {name}: likeness"] = np.mean(alike)
    random = []
    for _ in range(40):
        places = zip(rng.choice(test, 5, replace=False), rng.integers(0, 231, 5), strict=True)
        random.append(_alike(np.array([walking.x[row, f : f + 30] for row, f in places])))
    return figures | {"pieces drawn at random: likeness": np.mean(random)}


def _occlusion(model, walking, test, rng) -> dict[str, float]:
    some = rng.choice(test, 300, replace=False)
    labels = walking.labels
    donors = np.array([rng.choice(test[labels[test] != labels[row]]) for row in some])
    x, other, rows = walking.x[some], walking.x[donors], np.arange(300)
    noise = rng.standard_normal(x.shape).astype("float32")
    p_right = _answers(model, x)[rows, labels[some] - 1]
    seen = np.zeros(260)
    for column in range(24):
        seen[8 * column : 8 * column + 72] += 1
    figures = {}
    for fill in FILLS:
        right, accuracy = [], []
        for first in range(0, 260, 26):
            part, changed = slice(first, first + 26), x.copy()
            if fill == "line":
                changed[:, part] = np.linspace(x[:, first], x[:, first + 25], 26, axis=1)
            else:
                changed[:, part] = {"zero": 0 * noise, "noise": noise}.get(fill, other)[:, part]
            after = _answers(model, changed)
            right.append((p_right - after[rows, labels[some] - 1]).mean())
            accuracy.append((after.argmax(axis=1) == labels[some] - 1).mean())
        figures |= {
            f"half a second, {fill}: mean drop of P(right)": np.mean(right),
            f"half a second, {fill}: the two ends over the eight others": np.mean(
                [right[0], right[-1]]
            )
            / np.mean(right[1:-1]),
            f"half a second, {fill}: mean accuracy": np.mean(accuracy),
            f"half a second, {fill}: correlation of drop and columns": np.corrcoef(
                right, seen.reshape(10, 26).mean(axis=1)
            )[0, 1],
        }
    for name in FILLS[1:]:
        figures[f"half a second: {name} over zero"] = (
            figures[f"half a second, {name}: mean drop of P(right)"]
            / figures["half a second, zero: mean drop of P(right)"]
        )
    donors = np.array([rng.choice(test[labels[test] != labels[row]]) for row in test])
    for place, channel in enumerate(walking.channels):
        for fill, values in {"zero": 0, "other person": walking.x[donors][:, :, place]}.items():
            changed = walking.x[test]
            changed[:, :, place] = values
            figures[f"{channel}, {fill}: accuracy"] = (
                _answers(model, changed).argmax(axis=1) == labels[test] - 1
            ).mean()
    return figures


def _trained_without_z(seed, walking, train, validation, test) -> float:
    import keras

    blank = walking.x.copy()
    blank[:, :, 2] = 0
    keras.utils.set_random_seed(seed)
    model = models.walking_final_cnn()
    _fit(model, blank, walking, train, validation)
    return (_answers(model, blank[test]).argmax(axis=1) == walking.labels[test] - 1).mean()


def _neighbours(walking, test, answers) -> dict[str, float]:
    same_person = walking.labels[test][1:] == walking.labels[test][:-1]
    pairs = same_person & (np.diff(walking.start[test]) == 52)
    wrong = answers != walking.labels[test] - 1
    after_wrong = wrong[1:][pairs & wrong[:-1]].mean()
    return {
        "neighbours with the same answer": (answers[1:] == answers[:-1])[pairs].mean(),
        "wrong after a wrong one": after_wrong,
        "wrong after a wrong one, over the share of wrong": after_wrong / wrong.mean(),
    }


def _map(model, untrained, walking, train, test, layers, before, rng) -> dict[str, float]:
    from scipy.stats import spearmanr
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.neighbors import KNeighborsClassifier
    from threadpoolctl import threadpool_limits

    def nearest(learn, ask):
        judge = KNeighborsClassifier(5).fit(learn, walking.labels[train])
        return judge.score(ask, walking.labels[test])

    def spectrum(rows):
        return np.abs(np.fft.rfft(walking.x[rows], axis=1)).reshape(len(rows), -1)

    raw = walking.x.reshape(len(walking.x), -1).astype("float64")
    hidden = _layers(model, walking.x[train], ["hidden", "output"])["hidden"]
    start = _layers(untrained, walking.x[train], ["hidden", "output"])["hidden"]
    pca = PCA(2).fit(hidden)
    figures = {
        "five neighbours, 780 samples": nearest(raw[train], raw[test]),
        "five neighbours, spectrum": nearest(spectrum(train), spectrum(test)),
        "five neighbours, untrained hidden layer": nearest(start, before["hidden"]),
        "five neighbours, hidden layer": nearest(hidden, layers["hidden"]),
        "five neighbours, two components": nearest(
            pca.transform(hidden), pca.transform(layers["hidden"])
        ),
        "variance in two components": pca.explained_variance_ratio_.sum(),
    }
    pick = rng.choice(len(test), 500, replace=False)
    labels, distances = walking.labels[test][pick], {}
    for perplexity in (5, 50):
        tsne = TSNE(perplexity=perplexity, max_iter=500, random_state=1)
        with threadpool_limits(1):
            place = tsne.fit_transform(layers["hidden"][pick])
        middle = [np.median(place[labels == person], axis=0) for person in np.unique(labels)]
        distances[perplexity] = [np.linalg.norm(a - b) for a, b in combinations(middle, 2)]
    figures["t-SNE, perplexity 5 and 50: rank correlation of distances"] = spearmanr(
        *distances.values()
    )[0]
    return figures
