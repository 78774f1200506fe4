"""Every network has the parameters of its source, and refuses what makes no sense."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import keras
import numpy as np
import pytest

from coursekit import models
from tests.conftest import ROOT

# builder, options: inputs, outputs, output activation, parameters
SOURCES = [
    ("threshold_network", {}, (3,), 2, "softmax", 4_546),
    ("keras_basics_network", {}, (8,), 3, "softmax", 239),
    ("iris_linear_softmax", {}, (4,), 3, "softmax", 83),
    ("breast_cancer_network", {}, (9,), 1, "sigmoid", 56),
    ("walking_first_cnn", {}, (260, 3), 15, "softmax", 226_455),
    ("walking_final_cnn", {}, (260, 3), 15, "softmax", 117_295),
    # 3,640 + 16,040 + (5 * 40 + 1) * 100 + 1,515: 104 samples leave 5 positions.
    ("walking_final_cnn", {"length": 104}, (104, 3), 15, "softmax", 41_295),
    ("walking_final_cnn", {"length": 72}, (72, 3), 15, "softmax", 25_295),
    ("mnist_mlp", {}, (784,), 10, "softmax", 407_050),
    ("mnist_mlp", {"layers": 2}, (784,), 10, "softmax", 669_706),
    ("mnist_mlp", {"layers": 3}, (784,), 10, "softmax", 932_362),
    ("mnist_mlp", {"layers": 2, "dropout": 0.3, "l2": 0.001}, (784,), 10, "softmax", 669_706),
    ("mnist_cnn", {}, (28, 28, 1), 10, "softmax", 34_826),
    # 160 + 4,640 + 18,496; the last map is 1 by 1, so that 64 numbers reach the output.
    ("mnist_cnn", {"filters": (16, 32, 64)}, (28, 28, 1), 10, "softmax", 23_946),
    ("mnist_cnn", {"classes": 5, "dropout": 0.5}, (28, 28, 1), 5, "softmax", 26_821),
    ("threshold_network", {"units": (128, 64, 16)}, (3,), 2, "softmax", 9_842),
]


@pytest.mark.parametrize(
    ("name", "options", "inputs", "outputs", "activation", "parameters"), SOURCES
)
def test_network(name, options, inputs, outputs, activation, parameters):
    model = getattr(models, name)(**options)
    assert isinstance(model, keras.Sequential)
    assert model.built and not model.compiled
    assert model.input_shape == (None, *inputs)
    assert model.output_shape == (None, outputs)
    assert model.count_params() == parameters
    assert model.layers[-1].activation.__name__ == activation
    answer = np.asarray(model(np.zeros((2, *inputs), np.float32)))
    if activation == "softmax":
        assert np.allclose(answer.sum(axis=1), 1, atol=1e-5)


def test_every_public_builder_is_in_the_table():
    assert set(models.__all__) == {row[0] for row in SOURCES}


def test_walking_shapes_layer_by_layer():
    shapes = [layer.output.shape[1:] for layer in models.walking_first_cnn().layers]
    assert shapes == [(111, 40), (55, 40), (2200,), (100,), (15,)]
    final = models.walking_final_cnn()
    shapes = [layer.output.shape[1:] for layer in final.layers]
    assert shapes == [(116, 40), (58, 40), (49, 40), (24, 40), (960,), (100,), (15,)]
    assert [layer.count_params() for layer in final.layers] == [3640, 0, 16040, 0, 0, 96100, 1515]


def test_activations_of_the_hidden_layers():
    def hidden(model):
        return model.layers[0].activation.__name__

    assert hidden(models.iris_linear_softmax()) == "linear"
    assert hidden(models.threshold_network()) == hidden(models.mnist_mlp()) == "relu"
    assert hidden(models.breast_cancer_network()) == "linear"
    assert hidden(models.breast_cancer_network(activation="relu")) == "relu"
    assert hidden(models.breast_cancer_network(activation=None)) == "linear"


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_mnist_depth_really_is_depth(layers):
    model = models.mnist_mlp(units=16, layers=layers, dropout=0.2)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Dense", "Dropout"] * layers + ["Dense"]


def test_regularisation_reaches_the_layers():
    model = models.mnist_mlp(units=16, layers=2, dropout=0.25, l2=0.001)
    penalties = [layer.kernel_regularizer for layer in model.layers if layer.name[:6] == "hidden"]
    assert [float(penalty.l2) for penalty in penalties] == pytest.approx([0.001, 0.001])
    assert model.get_layer("output").kernel_regularizer is None
    assert model.get_layer("dropout_1").rate == 0.25


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("mnist_mlp", {"units": 0}, ValueError, "units is 0; it must be .* at least 1"),
        ("mnist_mlp", {"units": 12.5}, TypeError, "units is 12.5"),
        ("mnist_mlp", {"units": True}, ValueError, "units is True"),
        ("mnist_mlp", {"layers": 0}, ValueError, "layers is 0"),
        (
            "mnist_mlp",
            {"dropout": 1.0},
            ValueError,
            r"dropout is 1.0; .* at least 0 and less than 1",
        ),
        ("mnist_mlp", {"dropout": -0.1}, ValueError, "dropout is -0.1"),
        ("mnist_mlp", {"l2": -1e-3}, ValueError, "l2 is -0.001; .* 0 or a positive"),
        ("mnist_mlp", {"l2": float("nan")}, ValueError, "l2 is nan"),
        ("mnist_mlp", {"l2": float("inf")}, ValueError, "l2 is inf"),
        ("threshold_network", {"units": ()}, ValueError, "at least one hidden layer"),
        ("threshold_network", {"units": (64, -1)}, ValueError, "units is -1"),
        ("mnist_mlp", {"dropout": 1}, ValueError, "dropout is 1;"),
        ("walking_final_cnn", {"length": 71}, ValueError, "length is 71; .* from 72"),
        ("walking_final_cnn", {"length": 2.5}, TypeError, "length is 2.5"),
        ("mnist_cnn", {"filters": ()}, ValueError, "filters has 0 numbers"),
        ("mnist_cnn", {"filters": (8,) * 4}, ValueError, "1 to 3 convolutions"),
        ("mnist_cnn", {"filters": (32, 0)}, ValueError, "filters is 0"),
        ("mnist_cnn", {"classes": 1}, ValueError, "classes is 1"),
        ("mnist_cnn", {"dropout": 1.0}, ValueError, "dropout is 1.0"),
    ],
)
def test_bad_options_are_refused(name, options, error, words):
    with pytest.raises(error, match=words):
        getattr(models, name)(**options)


@pytest.mark.parametrize("name", models.__all__)
def test_options_are_keyword_only(name):
    with pytest.raises(TypeError):
        getattr(models, name)(8)


@pytest.mark.parametrize("options", [{}, {"layers": 3, "dropout": 0.3, "l2": 0.001}])
def test_a_seed_gives_what_keras_would_draw(options):
    import keras

    keras.utils.set_random_seed(5)
    drawn = models.mnist_mlp(units=8, **options)
    random.seed(99)
    seeded = models.mnist_mlp(units=8, seed=5, **options)
    assert all(map(np.array_equal, drawn.get_weights(), seeded.get_weights()))
    x = np.ones((4, 784), "float32")
    assert np.array_equal(drawn(x, training=True), seeded(x, training=True))
    other = models.mnist_mlp(units=8, seed=6, **options)
    assert not np.array_equal(other.get_weights()[0], seeded.get_weights()[0])


# ------------------------------------------------------------------ Keras with other settings

BUILDS = """
import json, warnings
warnings.simplefilter("error")
import keras, numpy as np
from coursekit import models
keras.utils.set_random_seed(3)
made = {}
for name in models.__all__:
    model = getattr(models, name)()
    x = np.ones((2, *model.input_shape[1:]), "float32")
    made[name] = [
        [(type(layer).__name__, layer.output.shape[1:]) for layer in model.layers],
        [str(weight.dtype) for weight in model.weights],
        np.asarray(model(x), dtype=float).round(4).tolist(),
    ]
print(json.dumps(made))
"""


def built(settings: dict, folder) -> str:
    """Build all networks in a process whose keras.json holds these settings."""
    folder.mkdir()
    (folder / "keras.json").write_text(json.dumps({"backend": "tensorflow", **settings}))
    done = subprocess.run(
        [sys.executable, "-c", BUILDS],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "KERAS_HOME": str(folder)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_networks_are_the_same_whatever_keras_is_set_to(tmp_path):
    usual = built({}, tmp_path / "usual")
    odd = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 1e-3}
    assert json.loads(built(odd, tmp_path / "odd")) == json.loads(usual)


def test_a_mixed_policy_is_kept():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        made = [models.walking_final_cnn(), models.mnist_mlp(units=4, dropout=0.2)]
    finally:
        keras.config.set_dtype_policy(before)
    for model in made:
        assert {layer.compute_dtype for layer in model.layers} == {"bfloat16"}


def test_a_back_end_that_is_not_there_is_named():
    code = "from coursekit import models; models.iris_linear_softmax()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "torch"},
        timeout=120,
    )
    if done.returncode == 0:
        pytest.skip("PyTorch is installed")
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("ModuleNotFoundError: Keras cannot be imported with its settings")
    assert "KERAS_BACKEND=torch" in said and "Set KERAS_BACKEND=tensorflow" in said


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("breast_cancer_network", {"activation": "no_such"}, ValueError, "activation is 'no_such'"),
        ("breast_cancer_network", {"activation": "glu"}, ValueError, "'glu', which gives fewer"),
        ("breast_cancer_network", {"activation": 7}, TypeError, "activation is 7"),
        ("breast_cancer_network", {"units": 5}, TypeError, "units is 5; it must be a sequence"),
        ("threshold_network", {"units": "64"}, TypeError, "units is '64'"),
        ("mnist_cnn", {"filters": 32}, TypeError, "filters is 32"),
        ("mnist_mlp", {"dropout": "0.3"}, TypeError, "dropout is '0.3'; it must be a number"),
        ("mnist_mlp", {"dropout": None}, TypeError, "dropout is None"),
        ("mnist_mlp", {"l2": True}, TypeError, "l2 is True"),
        ("mnist_mlp", {"l2": 10**400}, ValueError, "l2 is 1000"),
        ("mnist_mlp", {"seed": -1}, ValueError, "seed is -1; .* from 0 to 4294967295"),
        ("mnist_mlp", {"seed": 1.0}, TypeError, "seed is 1.0"),
    ],
)
def test_options_of_another_type_are_named(name, options, error, words):
    with pytest.raises(error, match=words):
        getattr(models, name)(**options)


def test_numbers_of_numpy_are_taken():
    ours = models.mnist_mlp(units=np.int64(8), dropout=np.float32(0.5), seed=np.int64(5))
    assert ours.count_params() == 6370 and ours.get_layer("dropout_1").rate == 0.5
    expected = models.mnist_mlp(units=8, dropout=0.5, seed=5)
    assert all(map(np.array_equal, ours.get_weights(), expected.get_weights()))
