// A small trainer for dense networks. It makes the steps that Keras makes, in float32.

/**
 * Make a network and the optimiser that trains it.
 *
 * layers: [{ units, activation, dropout, l2 }, ...], the last one the output. Softmax is trained
 * with cross-entropy, any other output with squared error. dropout (0) is the share of a layer's
 * outputs that training sets to zero; l2 (0) is Keras's factor for the layer's kernel.
 * optimiser: { name: "sgd" | "rmsprop" | "adam", learningRate, momentum }, momentum for sgd only;
 * all other constants are Keras's defaults.
 *
 * Rows lie one after the other in a Float32Array; classes are one-hot. The function uses nothing
 * outside itself, so that its source also runs in a Web Worker.
 */
function makeTrainer({ inputs, layers: described, optimiser, seed = 1 }) {
  const AT_ONCE = 512; // rows, where nothing is trained: the outputs stay in the cache

  // ---------------------------------------------------------------- random numbers

  /** Uniform numbers from 0 to 1: Marsaglia's xorshift with a period of 2^32 - 1. */
  function makeRandom(stream) {
    let state = (Math.imul(seed + 1, 0x9e3779b1) + Math.imul(stream, 0x85ebca77)) | 0 || 1;
    const draw = () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 32;
    };
    for (let k = 0; k < 20; k += 1) { // seeds that are near each other start alike
      draw();
    }
    return draw;
  }

  // One stream for each purpose: a network with dropout starts from the same weights as without.
  const drawWeight = makeRandom(1);
  const drawOrder = makeRandom(2);
  const drawDropout = makeRandom(3);

  /** The numbers from 0 to count - 1 in random order. */
  function shuffled(count) {
    const order = Uint32Array.from({ length: count }, (_, k) => k);
    for (let last = count - 1; last > 0; last -= 1) {
      const other = Math.floor(drawOrder() * (last + 1));
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  }

  // ---------------------------------------------------------------- layers

  function makeLayer({ units, activation, dropout = 0, l2 = 0 }, before) {
    const limit = Math.sqrt(6 / (before + units)); // Glorot and Bengio's, Keras's default
    const kernel = new Float32Array(before * units).map(() => limit * (2 * drawWeight() - 1));
    const parameters = [kernel, new Float32Array(units)].map((values) => ({
      values,
      gradient: new Float32Array(values.length),
      first: new Float32Array(values.length), // what the optimiser remembers: a mean or a speed
      second: new Float32Array(values.length), // and a mean of squares
    }));
    const turned = new Float32Array(before * units); // the kernel, transposed
    return { inputs: before, units, activation, dropout, l2, parameters, turned, rows: 0 };
  }

  const layers = [];
  for (const each of described) {
    layers.push(makeLayer(each, layers.at(-1)?.units ?? inputs));
  }
  const output = layers.at(-1);

  /** Have room for so many rows in what each layer computes. */
  function makeRoom(rows) {
    for (const layer of layers) {
      if (layer.rows < rows) {
        const size = rows * layer.units;
        layer.rows = rows;
        layer.active = new Float32Array(size); // after the activation
        layer.passed = layer.dropout ? new Float32Array(size) : layer.active; // after the dropout
        layer.kept = layer.dropout ? new Float32Array(size) : null; // 0, or by how much to scale
        layer.delta = new Float32Array(size); // the loss's derivative
      }
    }
  }

  // ---------------------------------------------------------------- sums

  /** Add factor times one row of the table to sums[at ...]. */
  function addRow(sums, at, width, factor, table, row) {
    if (factor !== 0) {
      for (let u = 0; u < width; u += 1) {
        sums[at + u] += factor * table[row + u];
      }
    }
  }

  /**
   * Add factors (rows, count) times table (count, width) to sums (rows, width).
   *
   * All that takes time happens here. Two rows of sums and four of the table at once: each number
   * is read and written less often. Zeros are left out: most pixels are zero, and half the outputs
   * of relu. The factors of a row lie `along` places apart, and those of a column `down` places.
   */
  function addProduct(sums, rows, width, factors, down, along, count, table) {
    for (let r = 0; r < rows; r += 1) {
      const pair = r + 1 < rows;
      const at = r * width;
      const below = at + width;
      let one = r * down;
      let two = one + down;
      let row = 0;
      let k = 0;
      for (; pair && k + 3 < count; k += 4, row += 4 * width) {
        const a = factors[one];
        const b = factors[one + along];
        const c = factors[one + 2 * along];
        const d = factors[one + 3 * along];
        const e = factors[two];
        const f = factors[two + along];
        const g = factors[two + 2 * along];
        const h = factors[two + 3 * along];
        one += 4 * along;
        two += 4 * along;
        if (a !== 0 || b !== 0 || c !== 0 || d !== 0 || e !== 0 || f !== 0 || g !== 0 || h !== 0) {
          for (let u = 0; u < width; u += 1) {
            const v = table[row + u];
            const w = table[row + width + u];
            const x = table[row + 2 * width + u];
            const y = table[row + 3 * width + u];
            sums[at + u] += a * v + b * w + c * x + d * y;
            sums[below + u] += e * v + f * w + g * x + h * y;
          }
        }
      }
      for (; k < count; k += 1, row += width) { // what is left over
        addRow(sums, at, width, factors[one], table, row);
        if (pair) {
          addRow(sums, below, width, factors[two], table, row);
        }
        one += along;
        two += along;
      }
      r += Number(pair);
    }
  }

  // ---------------------------------------------------------------- forward

  function activate({ activation, active, units }, rows) {
    const size = rows * units;
    if (activation === "relu") {
      for (let k = 0; k < size; k += 1) {
        active[k] = active[k] < 0 ? 0 : active[k]; // what is not a number stays so
      }
    } else if (activation === "tanh") {
      for (let k = 0; k < size; k += 1) {
        active[k] = Math.tanh(active[k]);
      }
    } else if (activation === "sigmoid") {
      for (let k = 0; k < size; k += 1) {
        active[k] = 1 / (1 + Math.exp(-active[k]));
      }
    }
  }

  /** Compute every layer for the first rows of x, up to the sums of the output layer. */
  function forward(x, rows, training) {
    makeRoom(rows);
    let from = x;
    for (const layer of layers) {
      const { inputs: before, units, active, passed, kept } = layer;
      const [kernel, bias] = layer.parameters;
      for (let row = 0; row < rows; row += 1) {
        active.set(bias.values, row * units);
      }
      addProduct(active, rows, units, from, before, 1, before, kernel.values);
      activate(layer, rows);
      if (layer.dropout && training) {
        for (let k = 0; k < rows * units; k += 1) {
          kept[k] = drawDropout() < layer.dropout ? 0 : 1 / (1 - layer.dropout);
          passed[k] = active[k] * kept[k];
        }
      }
      from = training ? passed : active;
    }
  }

  /** The sum of the rows' losses; turns sums into probabilities where the output is softmax. */
  function lossOf(y, rows) {
    const { active, units } = output;
    let sum = 0;
    for (let at = 0; at < rows * units; at += units) {
      if (output.activation === "softmax") {
        let largest = -Infinity;
        for (let u = 0; u < units; u += 1) {
          largest = Math.max(largest, active[at + u]);
        }
        let total = 0;
        for (let u = 0; u < units; u += 1) {
          total += Math.exp(active[at + u] - largest);
        }
        for (let u = 0; u < units; u += 1) {
          const logarithm = active[at + u] - largest - Math.log(total);
          sum -= y && y[at + u] ? y[at + u] * logarithm : 0;
          active[at + u] = Math.exp(logarithm);
        }
      } else if (y) {
        for (let u = 0; u < units; u += 1) {
          sum += (active[at + u] - y[at + u]) ** 2 / units;
        }
      }
    }
    return sum;
  }

  function penalty() {
    let sum = 0;
    for (const { l2, parameters } of layers) {
      if (l2) {
        sum += l2 * parameters[0].values.reduce((total, weight) => total + weight * weight, 0);
      }
    }
    return sum;
  }

  // ---------------------------------------------------------------- backward

  /** From the derivative by a layer's outputs to the one by its sums. */
  function passActivation({ activation, active, delta, kept, units }, rows) {
    for (let k = 0; k < rows * units; k += 1) {
      const value = active[k];
      const given = kept ? delta[k] * kept[k] : delta[k];
      if (activation === "relu") {
        delta[k] = value > 0 ? given : 0;
      } else if (activation === "tanh") {
        delta[k] = given * (1 - value * value);
      } else if (activation === "sigmoid") {
        delta[k] = given * value * (1 - value);
      } else {
        delta[k] = given;
      }
    }
  }

  function backward(x, y, rows) {
    // For softmax with cross-entropy, the two derivatives shorten to this difference.
    const share = output.activation === "softmax" ? 1 / rows : 2 / (rows * output.units);
    for (let k = 0; k < rows * output.units; k += 1) {
      output.delta[k] = share * (output.active[k] - y[k]);
    }
    for (let place = layers.length - 1; place >= 0; place -= 1) {
      const layer = layers[place];
      const { inputs: before, units, delta, l2, turned } = layer;
      const [kernel, bias] = layer.parameters;
      if (layer.activation !== "softmax") {
        passActivation(layer, rows);
      }
      const from = place ? layers[place - 1].passed : x;
      kernel.gradient.fill(0);
      addProduct(kernel.gradient, before, units, from, 1, before, rows, delta);
      if (l2) {
        for (let k = 0; k < kernel.values.length; k += 1) {
          kernel.gradient[k] += 2 * l2 * kernel.values[k];
        }
      }
      bias.gradient.fill(0);
      for (let at = 0; at < rows * units; at += units) {
        for (let u = 0; u < units; u += 1) {
          bias.gradient[u] += delta[at + u];
        }
      }
      if (place) {
        for (let k = 0; k < turned.length; k += 1) {
          turned[(k % units) * before + Math.floor(k / units)] = kernel.values[k];
        }
        const below = layers[place - 1].delta;
        below.fill(0, 0, rows * before);
        addProduct(below, rows, before, delta, units, 1, units, turned);
      }
    }
  }

  // ---------------------------------------------------------------- the optimisers of Keras 3

  const rate = optimiser.learningRate;
  let steps = 0;
  const updates = {
    sgd({ values, gradient, first }) {
      const momentum = optimiser.momentum ?? 0;
      for (let k = 0; k < values.length; k += 1) {
        first[k] = momentum * first[k] - rate * gradient[k];
        values[k] += first[k];
      }
    },
    rmsprop({ values, gradient, second }) {
      for (let k = 0; k < values.length; k += 1) {
        second[k] = 0.9 * second[k] + 0.1 * gradient[k] * gradient[k];
        values[k] -= (rate * gradient[k]) / Math.sqrt(second[k] + 1e-7);
      }
    },
    adam({ values, gradient, first, second }) {
      // Keras computes these powers in float32, which can be seen in the first steps.
      const power = (beta) => Math.fround(Math.fround(beta) ** steps);
      const alpha = (rate * Math.sqrt(1 - power(0.999))) / (1 - power(0.9));
      for (let k = 0; k < values.length; k += 1) {
        first[k] += 0.1 * (gradient[k] - first[k]);
        second[k] += 0.001 * (gradient[k] * gradient[k] - second[k]);
        values[k] -= (alpha * first[k]) / (Math.sqrt(second[k]) + 1e-7);
      }
    },
  };
  const update = updates[optimiser.name];

  // ---------------------------------------------------------------- what others call

  let [batchX, batchY] = [new Float32Array(0), new Float32Array(0)];

  /** Train on the rows order[from] to order[to - 1]; return their loss before the step. */
  function step(x, y, order, from, to) {
    const rows = to - from;
    if (batchX.length < rows * inputs) {
      batchX = new Float32Array(rows * inputs);
      batchY = new Float32Array(rows * output.units);
    }
    for (let row = 0; row < rows; row += 1) {
      const source = order[from + row];
      batchX.set(x.subarray(source * inputs, (source + 1) * inputs), row * inputs);
      const target = y.subarray(source * output.units, (source + 1) * output.units);
      batchY.set(target, row * output.units);
    }
    forward(batchX, rows, true);
    const loss = lossOf(batchY, rows) / rows + penalty();
    backward(batchX, batchY, rows);
    steps += 1;
    layers.forEach(({ parameters }) => parameters.forEach(update));
    return loss;
  }

  /** Train once on all rows; the last batch may be smaller. */
  function epoch(x, y, batch, order = shuffled(x.length / inputs)) {
    for (let from = 0; from < order.length; from += batch) {
      step(x, y, order, from, Math.min(from + batch, order.length));
    }
  }

  /** Call a function with the number of the first row, of each few hundred rows, and how many. */
  function inParts(x, use) {
    for (let first = 0; first < x.length / inputs; first += AT_ONCE) {
      const part = x.subarray(first * inputs, (first + AT_ONCE) * inputs);
      forward(part, part.length / inputs, false);
      use(first, part.length / inputs);
    }
  }

  /** The loss with its penalty, as Keras reports it, and the share of rows that are right. */
  function evaluate(x, y) {
    const { units } = output;
    let [loss, right] = [0, 0];
    inParts(x, (first, rows) => {
      const targets = y.subarray(first * units, (first + rows) * units);
      loss += lossOf(targets, rows);
      for (let at = 0; at < rows * units; at += units) {
        let [found, wanted] = [0, 0];
        for (let u = 1; u < units; u += 1) {
          found = output.active[at + u] > output.active[at + found] ? u : found;
          wanted = targets[at + u] > targets[at + wanted] ? u : wanted;
        }
        right += Number(found === wanted);
      }
    });
    const rows = x.length / inputs;
    return { loss: loss / rows + penalty(), accuracy: right / rows };
  }

  /** What every layer puts out for every row, the first layer to the last. */
  function outputs(x) {
    const rows = x.length / inputs;
    const all = layers.map(({ units }) => new Float32Array(rows * units));
    inParts(x, (first, count) => {
      lossOf(null, count);
      layers.forEach(({ active, units }, place) => {
        all[place].set(active.subarray(0, count * units), first * units);
      });
    });
    return all;
  }

  const all = () => layers.flatMap(({ parameters }) => parameters);
  return {
    shuffled,
    step,
    epoch,
    evaluate,
    outputs,
    /** Kernel and bias of each layer, in Keras's order and shapes. */
    weights: () => all().map(({ values }) => values.slice()),
    setWeights: (given) => all().forEach(({ values }, place) => values.set(given[place])),
    gradients: () => all().map(({ gradient }) => gradient.slice()),
  };
}
