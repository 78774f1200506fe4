"""Compare the trainer of the live figures with Keras, and print how far they agree.

``python tools/trainer_agreement.py`` starts Chromium, trains the same networks in both from the
same weights on the same rows in the same order, and prints the largest difference of a weight
after one step and after an epoch, and how many epochs per second the browser makes.
"""

from __future__ import annotations

import base64
import itertools
from dataclasses import dataclass
from importlib import resources

import numpy as np
import site_checks
from playwright.sync_api import Page

from coursekit import datasets

ROWS, INPUTS, BATCH = 203, 5, 32  # the last batch has 11 rows
ACTIVATIONS = ("relu", "tanh", "sigmoid", "linear")
OPTIMISERS = {
    "SGD": {"name": "sgd", "learningRate": 0.05},
    "SGD, momentum 0.9": {"name": "sgd", "learningRate": 0.05, "momentum": 0.9},
    "RMSprop": {"name": "rmsprop", "learningRate": 0.001},
    "Adam": {"name": "adam", "learningRate": 0.001},
}


@dataclass(frozen=True)
class Case:
    """A network and how it is trained."""

    optimiser: str
    output: str = "softmax"
    activations: tuple[str, ...] = ACTIVATIONS
    l2: float = 0.0

    def __str__(self) -> str:
        hidden = self.activations[0] if len(set(self.activations)) == 1 else "all four"
        loss = "cross-entropy" if self.output == "softmax" else "squared error"
        return f"{self.optimiser:18} {loss:14} {hidden:9} {self.l2 or 'none'!s:5}"


def cases() -> list[Case]:
    """Each optimiser with each loss, with and without L2; then each activation with each loss."""
    mixed = itertools.product(OPTIMISERS, ("softmax", "linear"), (0.0, 0.01))
    single = itertools.product(ACTIVATIONS, ("softmax", "linear"))
    return [
        *(Case(optimiser, output, l2=l2) for optimiser, output, l2 in mixed),
        *(Case("Adam", output, activations=(name,) * 2) for name, output in single),
    ]


def description(case: Case, *, seed: int = 3) -> dict:
    """Describe the network as the trainer wants it described."""
    hidden = [{"units": 8 + k, "activation": name} for k, name in enumerate(case.activations)]
    layers = [*hidden, {"units": 3, "activation": case.output}]
    layers = [layer | {"l2": case.l2} for layer in layers]
    return {
        "inputs": INPUTS,
        "layers": layers,
        "optimiser": OPTIMISERS[case.optimiser],
        "seed": seed,
    }


def examples(output: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, their targets, and an order of the rows."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(ROWS, INPUTS)).astype("float32")
    if output == "softmax":
        y = np.eye(3, dtype="float32")[(x[:, :3] + x[:, 2:]).argmax(axis=1)]
    else:
        y = np.tanh(x[:, :3] - x[:, 2:]).astype("float32")
    return x, y, rng.permutation(ROWS)


TRAIN = """([network, x, y, order, batch, steps]) => {
  const trainer = makeTrainer(network);
  const [rows, targets] = [Float32Array.from(x), Float32Array.from(y)];
  const given = trainer.weights();
  for (let k = 0; k < steps; k += 1) {
    trainer.step(rows, targets, order, k * batch, Math.min((k + 1) * batch, order.length));
  }
  const loss = trainer.evaluate(rows, targets).loss;
  return [given, trainer.weights(), loss].map((list) => list.map
    ? list.map((values) => Array.from(values)) : list);
}"""


def load(page: Page) -> None:
    """Give a page the trainer."""
    source = resources.files("coursekit.live").joinpath("trainer.js").read_text(encoding="utf-8")
    page.goto("about:blank")
    page.add_script_tag(content=source)


def difference(page: Page, case: Case) -> tuple[float, float, float]:
    """Return the largest difference of a weight after a step, after an epoch, and of the loss."""
    import keras

    network = description(case)
    x, y, order = examples(case.output)
    l2 = keras.regularizers.L2(case.l2) if case.l2 else None
    model = keras.Sequential([keras.Input((INPUTS,))])
    for layer in network["layers"]:
        dense = keras.layers.Dense(
            layer["units"], activation=layer["activation"], kernel_regularizer=l2
        )
        model.add(dense)
    options = dict(OPTIMISERS[case.optimiser])
    kind = {"sgd": "SGD", "rmsprop": "RMSprop", "adam": "Adam"}[options.pop("name")]
    model.compile(
        optimizer=getattr(keras.optimizers, kind)(
            learning_rate=options.pop("learningRate"), **options
        ),
        loss="categorical_crossentropy" if case.output == "softmax" else "mean_squared_error",
        jit_compile=False,
    )
    found = []
    all_steps = -(-ROWS // BATCH)
    done = 0
    for steps in (1, all_steps):
        given, weights, loss = page.evaluate(
            TRAIN, [network, x.ravel().tolist(), y.ravel().tolist(), order.tolist(), BATCH, steps]
        )
        if not done:
            shapes = [weight.shape for weight in model.get_weights()]
            pairs = zip(given, shapes, strict=True)
            model.set_weights([np.array(g, "float32").reshape(shape) for g, shape in pairs])
        for step in range(done, steps):
            rows = order[step * BATCH : (step + 1) * BATCH]
            model.train_on_batch(x[rows], y[rows])
        done = steps
        pairs = zip(weights, model.get_weights(), strict=True)
        found.append(max(np.abs(np.array(w) - k.ravel()).max() for w, k in pairs))
    expected = model.evaluate(x, y, batch_size=ROWS, verbose=0)
    return (*found, abs(loss - expected))


SPEED = """([inputs, units, rows, batch, seconds, pixels]) => {
  const activations = units.map((_, k) => k < units.length - 1 ? "relu" : "softmax");
  const layers = units.map((each, k) => ({ units: each, activation: activations[k] }));
  const trainer = makeTrainer(
    { inputs, layers, optimiser: { name: "adam", learningRate: 0.001 } });
  const classes = units.at(-1);
  const bytes = atob(pixels);
  const x = new Float32Array(rows * inputs).map(
    (_, k) => pixels ? bytes.charCodeAt(k) / 255 : Math.random());
  const y = new Float32Array(rows * classes).map((_, k) => Number(
    k % classes === Math.floor(k / classes) % classes));
  trainer.epoch(x, y, batch);
  const from = performance.now();
  let epochs = 0;
  while (performance.now() - from < 1000 * seconds) {
    trainer.epoch(x, y, batch);
    epochs += 1;
  }
  return [epochs, (performance.now() - from) / 1000];
}"""
NETWORKS = {  # inputs, units of the layers, rows, batch, seconds
    "3-64-64-2, 10,000 rows, batch 128": (3, [64, 64, 2], 10_000, 128, 3),
    "784-64-10, 1,000 digits, batch 128": (784, [64, 10], 1_000, 128, 3),
}


def epochs_per_second(page: Page, name: str) -> tuple[float, float]:
    """Train a network of `NETWORKS`; return epochs per second, and per second of processor time.

    The two differ where other programs use the processor too.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def processor_time() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "ProcessTime")

    _, (images, _) = datasets.load_mnist(edition="sample")
    pixels = base64.b64encode(images.tobytes()).decode() if "digits" in name else ""
    before = processor_time()
    epochs, seconds = page.evaluate(SPEED, [*NETWORKS[name], pixels])
    return epochs / seconds, (epochs + 1) / (processor_time() - before)


def main() -> None:
    """Print both tables."""
    with site_checks.browser() as browser:
        page = browser.new_page()
        load(page)
        for name in NETWORKS:
            shown, own = epochs_per_second(page, name)
            print(f"{name:36} {shown:5.1f} epochs a second, {own:5.1f} a second of processor time")
        print(f"\n{'optimiser':18} {'loss':14} {'hidden':9} {'L2':5} step     epoch    loss")
        for case in cases():
            print(case, *(f"{number:.1e}" for number in difference(page, case)), sep="  ")


if __name__ == "__main__":
    main()
