// What the live figures share: reading weights, computing a network, making elements.
//
// Python puts this file, one figure's own file and its data into one function, so that nothing
// becomes global and several figures stand on a page without knowing of each other.

// ------------------------------------------------------------------ weights, as Python packs them

function bytes(base64) {
  const text = atob(base64);
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Little-endian, as all machines are that run a browser. */
function floats(base64) {
  return new Float32Array(bytes(base64).buffer);
}

/** Whole numbers of a few bits each, laid end to end, the lowest bit first. */
function unpackBits(packed, bits, count) {
  const values = new Uint16Array(count);
  const mask = (1 << bits) - 1;
  let held = 0; // bits read and not yet used: at most 23 of them
  let have = 0;
  let next = 0;
  for (let place = 0; place < count; place += 1) {
    while (have < bits) {
      held |= packed[next] << have;
      next += 1;
      have += 8;
    }
    values[place] = held & mask;
    held >>>= bits;
    have -= bits;
  }
  return values;
}

/** A dense layer: its kernel is (inputs, units) in row-major order. */
function readDense({ inputs, units, activation, bits, kernel, scale, bias }) {
  if (!bits) {
    return { inputs, units, activation, kernel: floats(kernel), bias: floats(bias) };
  }
  const whole = unpackBits(bytes(kernel), bits, inputs * units);
  const middle = 2 ** (bits - 1) - 1; // stands for 0
  const step = floats(scale); // one per unit
  const decoded = new Float32Array(inputs * units);
  for (let place = 0; place < decoded.length; place += 1) {
    decoded[place] = (whole[place] - middle) * step[place % units];
  }
  return { inputs, units, activation, kernel: decoded, bias: floats(bias) };
}

/** A convolution over one axis: its kernel is (size, channels, filters) in row-major order. */
function readConvolution(layer) {
  return { ...layer, kernel: floats(layer.kernel), bias: floats(layer.bias) };
}

// ------------------------------------------------------------------ what a network computes

function activate(sums, activation) {
  if (activation === "relu") {
    return sums.map((sum) => Math.max(sum, 0));
  }
  if (activation === "softmax") {
    const largest = Math.max(...sums); // subtracted: exp of a large number is infinite
    const powers = sums.map((sum) => Math.exp(sum - largest));
    const total = powers.reduce((left, right) => left + right);
    return powers.map((power) => power / total);
  }
  return sums;
}

function dense(x, layer) {
  const { inputs, units, kernel, bias, activation } = layer;
  if (x.length !== inputs) {
    throw new RangeError(`the layer takes ${inputs} numbers; it was given ${x.length}.`);
  }
  const sums = Float64Array.from(bias);
  for (let input = 0; input < inputs; input += 1) {
    const value = x[input];
    if (value !== 0) { // most pixels of a digit are
      const row = input * units;
      for (let unit = 0; unit < units; unit += 1) {
        sums[unit] += value * kernel[row + unit];
      }
    }
  }
  return activate(sums, activation);
}

/** What every layer puts out, the first to the last. */
function layerOutputs(x, layers) {
  const outputs = [];
  for (const layer of layers) {
    outputs.push(dense(outputs.at(-1) ?? x, layer));
  }
  return outputs;
}

function positionsOf(length, { size, strides }) {
  return Math.floor((length - size) / strides) + 1;
}

/** One position of one filter: the sum of the products of each channel. */
function productSums(signal, layer, filter, position) {
  const { size, channels, filters, strides, kernel } = layer;
  const sums = new Float64Array(channels);
  const start = position * strides * channels;
  for (let sample = 0; sample < size; sample += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      const place = sample * channels + channel;
      sums[channel] += signal[start + place] * kernel[place * filters + filter];
    }
  }
  return sums;
}

/** One filter at all positions, before the activation. */
function response(signal, layer, filter) {
  const positions = positionsOf(signal.length / layer.channels, layer);
  return Float64Array.from({ length: positions }, (_, position) =>
    productSums(signal, layer, filter, position).reduce(
      (left, right) => left + right,
      layer.bias[filter],
    ),
  );
}

// ------------------------------------------------------------------ elements

/** Make an element; attributes whose value is undefined or false are left out. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  setAttributes(node, attributes);
  node.append(...children);
  return node;
}

function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
}

/** Make an empty drawing and a function that adds shapes to it. */
function makeDrawing(attributes) {
  const holder = document.createElement("div");
  holder.innerHTML = "<svg></svg>"; // the parser knows the name space of SVG
  const svg = holder.firstChild;
  setAttributes(svg, attributes);
  const add = (tag, shape, text) => {
    const node = document.createElementNS(svg.namespaceURI, tag);
    setAttributes(node, shape);
    if (text !== undefined) {
      node.textContent = text;
    }
    svg.append(node);
    return node;
  };
  return { svg, add };
}

/** The attribute d of a line through points. */
function pathThrough(points) {
  return points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** Round numbers from one limit to another, at most five. */
function ticks(to, from = 0) {
  const rough = (to - from) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((each) => each * power >= rough) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first;
  return Array.from({ length: count + 1 }, (_, k) => Number(((first + k) * step).toPrecision(3)));
}

/** A number with a fixed number of digits, a real minus sign, and no minus zero. */
function write(value, digits = 3) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace("-", "\u2212");
}

/** Rows of name, bar and number, for probabilities. */
function makeBars(names, label) {
  const rows = names.map((name) => {
    const fill = make("span", { class: "ck-fill" });
    const number = make("span", { class: "ck-number" });
    const row = make(
      "li",
      {},
      make("span", { class: "ck-name" }, name),
      make("span", { class: "ck-track", "aria-hidden": "true" }, fill),
      number,
    );
    return { row, fill, number };
  });
  const list = make("ul", { class: "ck-bars", role: "list", "aria-label": label });
  list.append(...rows.map(({ row }) => row));
  const show = (values) => {
    const largest = Math.max(...values);
    rows.forEach(({ row, fill, number }, place) => {
      fill.style.width = `${100 * values[place]}%`;
      number.textContent = write(values[place]);
      row.classList.toggle("ck-largest", values[place] === largest);
    });
  };
  return { list, show };
}

/** A line that screen readers speak, once the reader has paused. */
function makeSpoken() {
  const node = make("p", { class: "ck-spoken", role: "status", "aria-live": "polite" });
  let timer = 0;
  const say = (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      node.textContent = text;
    }, 700);
  };
  return { node, say };
}

/** Call a function at most once per frame, however often it is asked for. */
function oncePerFrame(work) {
  let asked = false;
  return () => {
    if (!asked) {
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        work();
      });
    }
  };
}

/** Find the figure's element and let it live. */
function start(id, data, build) {
  const alike = [...document.querySelectorAll(`[id="${id}"]`)];
  const root = alike.find((node) => !node.coursekitLive);
  if (!root) {
    return;
  }
  if (alike.length > 1) { // the same figure stands on the page twice
    let number = 2;
    while (document.getElementById(`${id}-${number}`)) {
      number += 1;
    }
    root.id = `${id}-${number}`;
  }
  root.coursekitLive = build(root, data);
}
