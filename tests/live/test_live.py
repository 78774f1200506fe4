"""The live figures as Python makes them; tests/site/test_live.py lets a browser compute."""

from __future__ import annotations

import base64
import copy
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import keras
import numpy as np
import pytest
from matplotlib import image as mpl_image

from coursekit import datasets, live, models
from coursekit.live import _weights


def relu_stack(*widths: int, inputs: int = 784, output: str = "softmax") -> keras.Sequential:
    *hidden, last = widths
    layers = [keras.layers.Dense(width, activation="relu") for width in hidden]
    return keras.Sequential(
        [keras.Input((inputs,)), *layers, keras.layers.Dense(last, activation=output)]
    )


def convolution(channels: int = 3, **options) -> keras.Sequential:
    layer = keras.layers.Conv1D(4, 5, **({"activation": "relu"} | options))
    return keras.Sequential([keras.Input((40, channels)), layer])


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    _, (images, labels) = datasets.load_mnist(edition="sample")
    return images[:10], labels[:10]


@pytest.fixture(scope="module")
def windows() -> dict[str, np.ndarray]:
    noise = np.random.default_rng(3).normal(size=(2, 40, 3)).astype("float32")
    return {"one": noise[0], "two": noise[1]}


@pytest.fixture(scope="module")
def figures(digits, windows) -> dict[str, live.LiveFigure]:
    keras.utils.set_random_seed(4)
    return {
        "descent": live.descent_figure([1.0, 2, 3], [2.0, 3, 7]),
        "digit": live.digit_figure(models.mnist_mlp(), *digits),
        "kernel": live.kernel_figure(convolution(), windows),
        "threshold": live.threshold_figure(models.threshold_network()),
    }


class Page(HTMLParser):
    """The elements of a page, in order, and the text of its scripts."""

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.elements[-1][0] == "script" and data.strip():
            self.scripts.append(data)

    def named(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


def data_of(figure: live.LiveFigure) -> dict:
    """What the figure hands to its JavaScript."""
    (line,) = [line for line in figure.html.splitlines() if line.startswith("start(")]
    text = line.removeprefix("start(").removesuffix(");")
    text = "[" + re.sub(r", \w+$", "", text) + "]"
    return json.loads(text)[1]


# ------------------------------------------------------------------ one piece of a page


@pytest.mark.parametrize("kind", ["descent", "digit", "kernel", "threshold"])
def test_nothing_is_loaded(figures, kind):
    page = Page(figures[kind].html)
    addresses = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "data", "action")
    ]
    assert addresses and all(each.startswith("data:image/png;base64,") for each in addresses)
    code = re.sub(r'[A-Za-z0-9+/]{100,}=*"', '"', figures[kind].html)
    for word in ("http://", "https://", "//cdn", "@import", "url(", "fetch(", "import(", "eval("):
        assert word not in code, word


@pytest.mark.parametrize("kind", ["descent", "digit", "kernel", "threshold"])
def test_one_script_and_one_element(figures, kind):
    page = Page(figures[kind].html)
    (script,) = page.scripts  # nothing in the data ended it
    assert script.strip().startswith("(() => {") and script.strip().endswith("})();")
    (identifier,) = [a["id"] for _, a in page.elements if "id" in a]
    assert f'start("{identifier}"' in script
    assert page.named("div")[0]["aria-label"] == figures[kind].title


def test_ids_differ_between_figures_and_not_between_runs(figures, digits):
    keras.utils.set_random_seed(4)
    again = live.digit_figure(models.mnist_mlp(), *digits)
    assert again.html == figures["digit"].html
    keras.utils.set_random_seed(5)
    other = live.digit_figure(models.mnist_mlp(), *digits)
    fewer = live.digit_figure(models.mnist_mlp(seed=1), digits[0][:3], digits[1][:3])
    all_of_them = [*figures.values(), other, fewer]
    ids = {Page(figure.html).named("div")[0]["id"] for figure in all_of_them}
    assert len(ids) == len(all_of_them) == 6


@pytest.mark.parametrize("kind", ["descent", "digit", "kernel", "threshold"])
def test_picture_for_readers_without_javascript(figures, kind):
    page = Page(figures[kind].html)
    assert page.named("noscript")
    (picture,) = page.named("img")
    assert len(picture["alt"].split()) >= 8
    content = base64.b64decode(picture["src"].split(",")[1])
    assert len(content) < 60_000
    pixels = mpl_image.imread(BytesIO(content), format="png")
    assert pixels[..., :3].std() > 0.05
    ratio = pixels.shape[1] / pixels.shape[0]
    assert int(picture["width"]) / int(picture["height"]) == pytest.approx(ratio, rel=0.02)


def test_all_figures_of_a_page_stay_small(figures):
    sizes = {kind: len(figure.html) for kind, figure in figures.items()}
    assert sum(sizes.values()) < 1_000_000, sizes
    assert sizes["kernel"] < 100_000 and sizes["threshold"] < 100_000


def test_jupyter_gets_html_and_text(figures):
    figure = figures["kernel"]
    shown = figure._repr_mimebundle_()
    assert shown == {"text/html": figure.html, "text/plain": repr(figure)}
    assert "Slide a learned kernel" in repr(figure) and "kB" in repr(figure)


def test_names_cannot_break_out(windows):
    nasty = '</script><img src="x" alt="'
    figure = live.kernel_figure(convolution(), {nasty: windows["one"], "<!--": windows["two"]})
    page = Page(figure.html)
    assert len(page.scripts) == 1
    assert len(page.named("img")) == 1
    assert [window["name"] for window in data_of(figure)["windows"]] == [nasty, "<!--"]


# ------------------------------------------------------------------ weights


def unpack_bits(packed: np.ndarray, *, bits: int, count: int) -> np.ndarray:
    """Undo ``pack_bits``, as the JavaScript does."""
    ones = np.unpackbits(packed, count=bits * count, bitorder="little").reshape(count, bits)
    return ones.astype(np.int64) @ (1 << np.arange(bits))


@pytest.mark.parametrize("bits", [2, 3, 8, 10, 12, 16])
@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_packing_goes_both_ways(bits, count):
    values = np.random.default_rng(bits).integers(0, 2**bits, count)
    packed = _weights.pack_bits(values, bits=bits)
    assert len(packed) == -(-bits * count // 8)  # not a byte more than needed
    assert np.array_equal(unpack_bits(packed, bits=bits, count=count), values)


def test_bits_are_laid_lowest_first():
    assert _weights.pack_bits([0xABC, 0x123], bits=12).tolist() == [0xBC, 0x3A, 0x12]


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_rounding_is_to_the_nearest_step_of_each_unit(bits):
    kernel = np.random.default_rng(1).normal(size=(300, 6)).astype("float32")
    kernel[:, 1] *= 1000  # a unit with large weights does not cost the others
    kernel[:, 2] = 0
    whole, scale = _weights.quantise(kernel, bits=bits)
    assert np.abs(whole).max() == 2 ** (bits - 1) - 1
    error = np.abs(whole * scale.astype("float64") - kernel)
    assert (error <= 0.51 * scale + 1e-30).all()
    assert scale[2] == 0 and not whole[:, 2].any()
    assert scale[1] > 100 * scale[0]


def test_errors_of_neighbouring_pixels_cancel():
    kernel = np.random.default_rng(2).normal(size=(28 * 28, 40)).astype("float32")
    errors = {}
    for name, image in (("plain", None), ("shared", (28, 28))):
        whole, scale = _weights.quantise(kernel, bits=8, image=image)
        assert np.abs(whole).max() == 127
        errors[name] = (whole * scale.astype("float64") - kernel) / scale
        assert np.abs(errors[name]).max() < 2  # steps
    squares = {  # of 4 by 4 pixels
        name: error.reshape(7, 4, 7, 4, 40).sum(axis=(1, 3)).std() for name, error in errors.items()
    }
    assert squares["shared"] < 0.7 * squares["plain"]


def test_what_the_browser_gets_is_the_network(figures, digits):
    """Decoded in NumPy, the few bits of each weight predict what Keras predicts."""
    keras.utils.set_random_seed(4)
    network = models.mnist_mlp()
    decoded = []
    for described in data_of(figures["digit"])["layers"]:
        shape, bits = (described["inputs"], described["units"]), described["bits"]
        packed = np.frombuffer(base64.b64decode(described["kernel"]), np.uint8)
        whole = unpack_bits(packed, bits=bits, count=shape[0] * shape[1])
        whole -= 2 ** (bits - 1) - 1
        scale, bias = (
            np.frombuffer(base64.b64decode(described[name]), "<f4") for name in ("scale", "bias")
        )
        kernel = whole.reshape(shape) * scale
        decoded.append(_weights.Dense("", kernel, bias, described["activation"]))
    x = digits[0].reshape(10, 784) / np.float32(255)
    expected = network.predict(x, verbose=0)
    found = decoded[1](decoded[0](x))
    assert np.abs(found - expected).max() < 1e-3
    off = replace(decoded[1], bias=decoded[1].bias + np.eye(10)[0] * 0.05)
    assert np.abs(off(decoded[0](x)) - expected).max() > 1e-3  # and a small mistake shows


def test_dropout_is_left_out_and_layers_may_be_many(digits):
    deep = models.mnist_mlp(units=16, layers=3, dropout=0.4)
    layers = data_of(live.digit_figure(deep, *digits))["layers"]
    assert [layer["units"] for layer in layers] == [16, 16, 16, 10]
    assert [layer["activation"] for layer in layers] == ["relu"] * 3 + ["softmax"]


def test_layers_without_bias(windows):
    layers = data_of(live.kernel_figure(convolution(use_bias=False), windows))
    assert base64.b64decode(layers["layer"]["bias"]) == bytes(16)


# ------------------------------------------------------------------ what is refused


def diverged() -> keras.Sequential:
    network = models.threshold_network(units=(4,))
    network.layers[0].set_weights([np.full((3, 4), np.nan), np.zeros(4)])
    return network


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        ("no model", TypeError, "'no model'; it must be a Keras model"),
        (keras.Sequential([keras.layers.Dense(2)]), ValueError, "not built"),
        (relu_stack(8, 2, inputs=4), ValueError, r"takes rows of shape \(4,\).*needs \(3,\)"),
        (relu_stack(8, 3, inputs=3), ValueError, r"puts out rows of shape \(3,\).*needs \(2,\)"),
        (relu_stack(2, inputs=3), ValueError, "no hidden layer"),
        (relu_stack(8, 2, inputs=3, output="sigmoid"), ValueError, "sigmoid.*needs softmax"),
        (convolution(), TypeError, r"conv1d\S* \(Conv1D\) is not one"),
        (diverged(), ValueError, "hidden_1 has weights that are not finite"),
    ],
)
def test_models_that_do_not_fit(model, error, words):
    with pytest.raises(error, match=words):
        live.threshold_figure(model)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": np.zeros((2, 784), np.uint8)}, r"images have shape \(2, 784\)"),
        ({"images": np.zeros((0, 28, 28), np.uint8)}, r"images have shape \(0, 28, 28\)"),
        ({"images": np.zeros((10, 28, 28))}, "images hold float64"),
        ({"labels": np.zeros(9, int)}, r"labels have shape \(9,\); it must be \(10,\)"),
        ({"labels": np.full(10, 10)}, r"labels hold int64 values, for example \[10, 10, 10\]"),
        ({"labels": np.full(10, 0.5)}, "labels hold float64"),
        ({"model": models.threshold_network()}, r"takes rows of shape \(3,\).*needs \(784,\)"),
    ],
)
def test_digits_that_do_not_fit(digits, change, words):
    arguments = {"model": relu_stack(8, 10), "images": digits[0], "labels": digits[1]}
    live.digit_figure(**arguments)
    with pytest.raises(ValueError, match=words):
        live.digit_figure(**(arguments | change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"training": None}, "test and training belong together"),
        ({"test": (np.zeros((0, 28, 28), np.uint8), [])}, "give at least one image"),
        ({"training": (np.zeros((2, 28, 28), np.uint8), [1])}, r"must be \(2,\)"),
    ],
)
def test_stored_digits_that_do_not_fit(digits, change, words):
    stored = {"test": digits, "training": digits}
    live.digit_figure(relu_stack(8, 10), *digits, **stored)
    with pytest.raises(ValueError, match=words):
        live.digit_figure(relu_stack(8, 10), *digits, **(stored | change))


def test_stored_digits_are_packed_without_loss(digits):
    figure = live.digit_figure(relu_stack(8, 10), *digits, test=digits, training=digits)
    stored = data_of(figure)["stored"]["test"]
    pixels = zlib.decompress(base64.b64decode(stored["images"]))
    assert pixels == digits[0].tobytes() and stored["labels"] == digits[1].tolist()
    assert len(stored["images"]) < 400 * len(digits[0])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"x": [1.0, 2]}, ValueError, r"x and y have shapes \(2,\) and \(3,\)"),
        ({"x": [1.0, 2, np.nan]}, ValueError, "finite"),
        ({"x": [0.0, 0, 0]}, ValueError, "the sum of their products not 0"),
        ({"x": ["a", "b", "c"]}, TypeError, "x holds <U1"),
        ({"rate": 0}, ValueError, "rate is 0; it must be above 0"),
        ({"weight": np.inf}, ValueError, "weight is inf; it must be a finite number"),
    ],
)
def test_descents_that_do_not_fit(change, error, words):
    arguments = {"x": [1.0, 2, 3], "y": [2.0, 3, 7]}
    live.descent_figure(**arguments)
    with pytest.raises(error, match=words):
        live.descent_figure(**(arguments | change))


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"model": relu_stack(8, 10)}, TypeError, "this one has Dense, Dense"),
        ({"model": convolution(padding="same")}, ValueError, "padding='same'.*needs 'valid'"),
        ({"model": convolution(dilation_rate=2)}, ValueError, "dilation_rate=2"),
        ({"model": convolution(activation="tanh")}, ValueError, "tanh.*relu or linear"),
        ({"windows": {}}, ValueError, "no window"),
        ({"windows": {"a": noise(40)}}, ValueError, r"a has shape \(40,\).*3 columns"),
        ({"windows": {"a": noise(40, 2)}}, ValueError, r"a has shape \(40, 2\)"),
        ({"windows": {"a": noise(4, 3)}}, ValueError, r"a has shape \(4, 3\).*least the 5"),
        (
            {"windows": {"a": noise(40, 3), "b": noise(39, 3)}},
            ValueError,
            r"b has shape \(39, 3\); all windows must have the same length",
        ),
        ({"windows": {"a": np.full((40, 3), np.inf)}}, ValueError, "a holds values"),
        ({"model": convolution(channels=2)}, ValueError, "kernels have 2 channels.*needs 3"),
    ],
)
def test_windows_that_do_not_fit(windows, change, error, words):
    arguments = {"model": convolution(), "windows": windows}
    live.kernel_figure(**arguments)
    with pytest.raises(error, match=words):
        live.kernel_figure(**(arguments | change))


# ------------------------------------------------------------------ files


def test_code_is_safe_inside_a_script_element():
    from importlib import resources

    names = {path.name for path in resources.files("coursekit.live").iterdir()}
    wanted = {"live.js", "digit.js", "kernel.js", "threshold.js", "live.css", "descent.js"}
    wanted |= {"practice.js", "engine.js", "descent.css", "digit.css"}
    assert wanted <= names
    for name in wanted:
        text = resources.files("coursekit.live").joinpath(name).read_text(encoding="utf-8")
        assert "</" not in text.replace("</svg>", "") and "<!--" not in text, name
        assert "window." not in text and "globalThis" not in text, name


def test_figures_do_not_touch_the_session(digits):
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    before = copy.deepcopy(dict(mpl.rcParams))
    live.digit_figure(relu_stack(8, 10), *digits)
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


# ------------------------------------------------------------------ what other libraries let by


def test_digits_of_another_type():
    with pytest.raises(TypeError, match="images hold <U1"):
        live.digit_figure(relu_stack(8, 10), np.full((1, 28, 28), "7"), [7])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"windows": [noise(40, 3)]}, TypeError, "windows is .*must be a mapping"),
        ({"windows": {"a": [["x", "y", "z"]] * 40}}, TypeError, "a holds <U1"),
        ({"windows": {"a": 5}}, ValueError, r"a has shape \(\)"),
    ],
)
def test_windows_of_another_type(windows, change, error, words):
    arguments = {"model": convolution(), "windows": windows}
    with pytest.raises(error, match=words):
        live.kernel_figure(**(arguments | change))


def test_names_are_written_as_they_are(windows):
    """Angles make elements on the page, if nobody minds."""
    figure = live.kernel_figure(convolution(), {"$^{$": windows["one"], "<b>$": windows["two"]})
    assert [window["name"] for window in data_of(figure)["windows"]] == ["$^{$", "<b>$"]
    assert "<b>" not in figure.html
