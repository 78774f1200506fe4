"""The trainer of the live figures in a browser, against Keras."""

from __future__ import annotations

import numpy as np
import pytest
import trainer_agreement


@pytest.fixture(scope="module")
def page(chrome):
    context = chrome.new_context(offline=True)
    page = context.new_page()
    trainer_agreement.load(page)
    yield page
    context.close()


@pytest.mark.parametrize("case", trainer_agreement.cases(), ids=str)
def test_weights_agree_with_keras(page, case):
    step, epoch, loss = trainer_agreement.difference(page, case)
    assert step < 1e-6
    assert epoch < 1e-4
    assert loss < 1e-5


DROPOUT = """([rate, seed]) => {
  // Inputs of 1 and weights that pass them on: the last layer sees what the dropout left.
  const layers = [{ units: 100, activation: "linear", dropout: rate },
    { units: 1, activation: "linear" }];
  const optimiser = { name: "sgd", learningRate: 0 };
  const trainer = makeTrainer({ inputs: 1, layers, optimiser, seed });
  const ones = (count) => new Float32Array(count).fill(1);
  trainer.setWeights([ones(100), new Float32Array(100), ones(100), new Float32Array(1)]);
  const passed = [];
  for (let k = 0; k < 50; k += 1) {
    trainer.step(ones(4), ones(4).fill(0), [0, 1, 2, 3], 0, 4);
    // The gradient by the output's kernel is the mean of 2 * sum * (what a unit passed on).
    trainer.step(ones(1), ones(1).fill(0), [0], 0, 1);
    const gradients = trainer.gradients();
    const sum = gradients[3][0] / 2;
    passed.push(...Array.from(gradients[2], (each) => each / (2 * sum)));
  }
  return { passed, still: trainer.outputs(ones(1)).map((values) => Array.from(values)) };
}"""


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_leaves_the_share_that_it_should_and_scales_it(page, rate):
    found = page.evaluate(DROPOUT, [rate, 5])
    passed = np.array(found["passed"])
    dropped = np.isclose(passed, 0)
    assert np.allclose(passed[~dropped], 1 / (1 - rate), atol=1e-5)
    # 5,000 units: four standard errors
    assert abs(dropped.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / 5000)
    by_unit = dropped.reshape(50, 100)
    assert by_unit.std(axis=1).min() > 0 and len(np.unique(by_unit, axis=0)) == 50
    assert np.allclose(found["still"][0], 1) and np.isclose(found["still"][1][0], 100)


TRAINED = """(changes) => {
  const network = {
    inputs: 2,
    layers: [{ units: 16, activation: "relu", dropout: 0.2 }, { units: 2, activation: "softmax" }],
    optimiser: { name: "adam", learningRate: 0.01 },
    seed: 1,
    ...changes,
  };
  const trainer = makeTrainer(network);
  const first = trainer.weights();
  const x = Float32Array.from({ length: 400 }, (_, k) => Math.sin(k * k));
  const y = new Float32Array(400);
  for (let row = 0; row < 200; row += 1) {
    y[2 * row + Number(x[2 * row] * x[2 * row + 1] > 0)] = 1;
  }
  const losses = [trainer.evaluate(x, y)];
  for (let k = 0; k < 60; k += 1) {
    trainer.epoch(x, y, 32);
  }
  losses.push(trainer.evaluate(x, y));
  const list = (arrays) => arrays.map((values) => Array.from(values));
  return { first: list(first), last: list(trainer.weights()), losses };
}"""


def test_a_seed_repeats_the_run_and_another_does_not(page):
    one, again, other = (page.evaluate(TRAINED, {"seed": seed}) for seed in (1, 1, 2))
    assert one == again
    assert one["first"] != other["first"] and one["last"] != other["last"]


def test_it_learns(page):
    before, after = page.evaluate(TRAINED, {})["losses"]
    assert after["loss"] < 0.5 * before["loss"]
    assert after["accuracy"] > 0.85


def test_dropout_changes_neither_starting_weights_nor_order(page):
    layers = [{"units": 16, "activation": "relu"}, {"units": 2, "activation": "softmax"}]
    one, other = page.evaluate(TRAINED, {}), page.evaluate(TRAINED, {"layers": layers})
    assert one["first"] == other["first"] and one["last"] != other["last"]


def test_starting_weights_are_glorot_uniform(page):
    layers = [{"units": 300, "activation": "relu"}, {"units": 200, "activation": "softmax"}]
    code = """layers => makeTrainer({ inputs: 100, layers, optimiser: { name: "sgd" } })
      .weights().map((values) => Array.from(values))"""
    kernel, bias, second, _ = (np.array(values) for values in page.evaluate(code, layers))
    assert not bias.any()
    for values, limit in ((kernel, np.sqrt(6 / 400)), (second, np.sqrt(6 / 500))):
        assert np.abs(values).max() <= limit and np.abs(values).max() > 0.99 * limit
        assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))
        assert values.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
        histogram, _ = np.histogram(values, bins=20, range=(-limit, limit))
        expected = len(values) / 20
        assert ((histogram - expected) ** 2 / expected).sum() < 45  # chi-squared, 19 degrees


def test_orders_are_fair(page):
    code = """() => {
      const trainer = makeTrainer({ inputs: 1, layers: [{ units: 1, activation: "linear" }],
        optimiser: { name: "sgd" } });
      return Array.from({ length: 5000 }, () => Array.from(trainer.shuffled(7)));
    }"""
    orders = np.array(page.evaluate(code))
    assert (np.sort(orders, axis=1) == np.arange(7)).all()
    counts = np.array([np.bincount(column, minlength=7) for column in orders.T])
    assert ((counts - 5000 / 7) ** 2 / (5000 / 7)).sum() < 75  # 36 degrees of freedom


def test_a_learning_rate_far_too_large_is_not_hidden(page):
    """What is not a number stays so, and the loss says it."""
    found = page.evaluate(TRAINED, {"optimiser": {"name": "sgd", "learningRate": 1e30}})
    loss = found["losses"][1]["loss"]
    assert loss is None or not loss < 1e6


def test_it_runs_in_a_worker(page):
    code = """async () => {
      const source = `${makeTrainer}
        const trainer = makeTrainer({ inputs: 2, layers: [{ units: 3, activation: "softmax" }],
          optimiser: { name: "sgd", learningRate: 0.1 }, seed: 9 });
        postMessage(trainer.weights());`;
      const worker = new Worker(URL.createObjectURL(new Blob([source])));
      const weights = await new Promise((done) => {
        worker.onmessage = ({ data }) => done(data);
      });
      return weights.map((values) => values.length);
    }"""
    assert page.evaluate(code) == [6, 3]
