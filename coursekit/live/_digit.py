"""An interactive figure: draw a digit and see how a network classifies it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from coursekit import _options
from coursekit.live._figure import LiveFigure, compose
from coursekit.live._weights import dense_layers, encode, encode_dense
from coursekit.plotting import COLOURS
from coursekit.preprocessing import prepare_digits

if TYPE_CHECKING:
    import keras

_SIDE, _CLASSES = 28, 10


def digit_figure(
    model: keras.Sequential,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    training: tuple[np.ndarray, np.ndarray] | None = None,
) -> LiveFigure:
    """Return a figure in which readers draw a digit and a network classifies it.

    Parameters
    ----------
    model : keras.Sequential
        A model such as :func:`coursekit.models.mnist_mlp` builds: 784 inputs from 0
        (background) to 1 (ink), one or more hidden layers (relu), 10 outputs (softmax).
        Dropout layers are allowed.
    images : ndarray of uint8, shape (n, 28, 28)
        Digits that the reader can load, as ``load_mnist`` returns them; at least one. The
        first is shown initially.
    labels : ndarray of int, shape (n,)
        Label of each image, 0 to 9.
    test, training : tuple of ndarray, optional
        Images and labels, as above; both or none. If given, readers can train the network in
        the page on digits that they draw. ``test`` shows what it then forgets; ``training`` can be
        mixed in, and should be digits that the network was trained on.

    Returns
    -------
    LiveFigure
        About 0.75 MB for one hidden layer of 512 units, and 0.2 kB for each digit in ``test``
        and ``training``.

    Raises
    ------
    TypeError, ValueError
        If the model or the digits are not as described.
    """
    layers = dense_layers(model, inputs=_SIDE * _SIDE, classes=_CLASSES)
    images, labels = _checked(images, labels)
    if (test is None) != (training is None):
        raise ValueError("test and training belong together; give both or none.")
    probabilities, _ = prepare_digits(images, labels)
    for layer in layers:
        hidden, probabilities = probabilities, layer(probabilities)
    data = {
        "layers": [
            # With 10 bits per weight, the probabilities for MNIST digits are within 0.001 of
            # those of Keras; with 8 they are not.
            encode_dense(layers[0], bits=10, image=(_SIDE, _SIDE)),
            *(encode_dense(layer, bits=16) for layer in layers[1:]),
        ],
        "images": encode(images),
        "labels": labels.tolist(),
        # The activation that the picture of the hidden layer draws darkest.
        "strongest": float(np.quantile(hidden.max(axis=1), 0.5)) or 1.0,
    }
    if test is not None:
        data["stored"] = {"test": _compressed(*test), "training": _compressed(*training)}
    predicted = int(probabilities[0].argmax())
    return compose(
        "digit",
        data,
        title="Draw a digit and watch the network read it",
        alt=f"A handwritten digit labelled {labels[0]}, and ten bars with the probability of each "
        f"digit. The longest belongs to {predicted}.",
        draw=lambda: _draw(images[0], probabilities[0]),
        before=() if test is None else ("trainer.js", "engine.js", "practice.js"),
    )


def _checked(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    images, labels = _options.numbers("images", images), _options.numbers("labels", labels)
    if images.ndim == 3 and not len(images):
        raise ValueError(f"images have shape {images.shape}; give at least one image.")
    prepare_digits(images, labels)
    return images, labels.astype(int)


def _compressed(images: np.ndarray, labels: np.ndarray) -> dict:
    images, labels = _checked(images, labels)
    packed = np.frombuffer(zlib.compress(images.tobytes(), level=9), dtype=np.uint8)
    return {"images": encode(packed), "labels": labels.tolist()}


def _draw(image: np.ndarray, probabilities: np.ndarray):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 2.8))
    paper, bars = figure.subplots(1, 2, width_ratios=(1, 1.3))
    paper.imshow(image, cmap="Greys")
    paper.set(xticks=[], yticks=[])
    paper.spines[:].set_visible(True)
    bars.barh(range(_CLASSES), probabilities, color=COLOURS["neutral"])
    bars.set(yticks=range(_CLASSES), xlim=(0, 1), xlabel="probability")
    bars.invert_yaxis()
    return figure
