// Train a small network in the page, and watch what it learns.

// ------------------------------------------------------------------ data

const VALIDATION = 200; // examples; of the iris flowers, 50

/** Always the same numbers from 0 to 1 (Park and Miller's): all readers see the same points. */
function makeDice(seed) {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** One example: a point and its class. */
const DRAW = {
  threshold(draw) {
    const row = [draw(), draw(), draw()];
    return [row, Number(row[0] + row[1] + row[2] > 1.5)];
  },
  spirals(draw) {
    const arm = Number(draw() < 0.5);
    const along = Math.sqrt(0.03 + 0.97 * draw());
    const angle = Math.PI * (2.6 * along + arm);
    return [[along * Math.cos(angle), along * Math.sin(angle)], arm];
  },
  circles(draw) {
    const outside = Number(draw() < 0.5);
    const radius = outside ? 0.65 + 0.3 * draw() : 0.45 * Math.sqrt(draw());
    const angle = 2 * Math.PI * draw();
    return [[radius * Math.cos(angle), radius * Math.sin(angle)], outside];
  },
};

const PLANES = {
  unit: { axes: ["a", "b"], from: [0, 0], to: [1, 1] },
  round: { axes: ["x", "y"], from: [-1.15, -1.15], to: [1.15, 1.15] },
  iris: {
    axes: ["petal length, 0.5 to 7.5 cm", "petal width, 0 to 3 cm"],
    from: [0.5, 0],
    to: [7.5, 3],
  },
};
const CLASSES = ["class 0", "class 1"];
const DATA = {
  threshold3: { draw: DRAW.threshold, plane: PLANES.unit, inputs: 3, classes: CLASSES },
  threshold2: { draw: DRAW.threshold, plane: PLANES.unit, inputs: 2, classes: CLASSES },
  iris: { plane: PLANES.iris, inputs: 2, classes: ["setosa", "versicolor", "virginica"] },
  spirals: { draw: DRAW.spirals, plane: PLANES.round, inputs: 2, classes: CLASSES },
  circles: { draw: DRAW.circles, plane: PLANES.round, inputs: 2, classes: CLASSES },
};
const THIRD = 0.5; // where the map cuts through three inputs
const NEAR = 0.1; // which of their points it shows

/** The training and the validation set; noise moves points, by a share of the picture's width. */
function makeData({ data, rows, noise }, iris) {
  const { draw, plane, inputs, classes } = DATA[data];
  const dice = makeDice(20);
  const normal = makeDice(77);
  let examples;
  if (draw) {
    examples = Array.from({ length: Number(rows) + VALIDATION }, () => draw(dice));
  } else {
    examples = iris.map(([length, width, label]) => [[length / 10, width / 10], label]);
    for (let last = examples.length - 1; last > 0; last -= 1) {
      const other = Math.floor(dice() * (last + 1));
      [examples[last], examples[other]] = [examples[other], examples[last]];
    }
  }
  const wide = plane.to.map((to, axis) => to - plane.from[axis]);
  for (const [point] of examples) {
    point.forEach((value, axis) => {
      const moved = Math.sqrt(-2 * Math.log(normal())) * Math.cos(2 * Math.PI * normal());
      point[axis] = value + noise * (wide[axis] ?? 1) * moved;
    });
  }
  const held = draw ? VALIDATION : 50;
  const pack = (chosen) => {
    const x = new Float32Array(chosen.length * inputs);
    const y = new Float32Array(chosen.length * classes.length);
    chosen.forEach(([point, label], row) => {
      x.set(scaled(point.slice(0, inputs), data), row * inputs);
      y[row * classes.length + label] = 1;
    });
    return { x, y, examples: chosen };
  };
  return {
    training: pack(examples.slice(held, held + Number(rows))),
    validation: pack(examples.slice(0, held)),
  };
}

/** Iris: as wide as the other data, around 0. */
function scaled(point, data) {
  return data === "iris" ? [(point[0] - 3.8) / 1.8, (point[1] - 1.2) / 0.76] : point;
}

const CELLS = 40; // of the map, along each side

/** The middle of each cell of the map, row by row from the top left. */
function makeGrid(data) {
  const { plane, inputs } = DATA[data];
  const grid = new Float32Array(CELLS * CELLS * inputs);
  for (let cell = 0; cell < CELLS * CELLS; cell += 1) {
    const across = ((cell % CELLS) + 0.5) / CELLS;
    const up = 1 - (Math.floor(cell / CELLS) + 0.5) / CELLS;
    const at = [across, up].map(
      (part, axis) => plane.from[axis] + part * (plane.to[axis] - plane.from[axis]),
    );
    grid.set(scaled([...at, THIRD].slice(0, inputs), data), cell * inputs);
  }
  return grid;
}

// ------------------------------------------------------------------ training

/** What is asked of makeEngine. Uses only what it is given. */
function makeSession(makeNetwork) {
  let [trainer, data, order, next, epoch, losses] = [];

  function record() {
    const at = epoch + (order ? next / order.length : 0);
    const { training, validation } = data;
    losses.push({
      epoch: at,
      training: trainer.evaluate(training.x, training.y),
      validation: trainer.evaluate(validation.x, validation.y),
    });
  }

  function report() {
    const outputs = trainer.outputs(data.grid);
    const fresh = losses;
    losses = [];
    return { epoch: epoch + (order ? next / order.length : 0), losses: fresh, outputs };
  }

  function oneStep() {
    const rows = data.training.x.length / data.network.inputs;
    order ??= trainer.shuffled(rows);
    const end = Math.min(next + data.batch, rows);
    trainer.step(data.training.x, data.training.y, order, next, end);
    next = end;
    if (next === rows) {
      [order, next, epoch] = [null, 0, epoch + 1];
    }
  }

  return {
    begin(given) {
      data = given;
      trainer = makeNetwork(data.network);
      [order, next, epoch, losses] = [null, 0, 0, []];
      record();
      return report();
    },
    /** Train for one step, or to the end of an epoch as long as there is time. */
    advance({ steps = Infinity, epochs, milliseconds }) {
      const late = performance.now() + milliseconds;
      const last = Math.floor(epoch + epochs);
      for (let done = 0; done < steps && epoch < last && performance.now() < late; done += 1) {
        oneStep();
        if (!order || steps < Infinity) {
          record();
        }
      }
      return report();
    },
  };
}

// ------------------------------------------------------------------ what is drawn

const CLASS_COLOURS = [[86, 180, 233], [204, 121, 167], [240, 228, 66]];
const POSITIVE = [11, 99, 165];
const NEGATIVE = [178, 24, 43];
const MAP = 400; // canvas pixels, along each side

const css = ([red, green, blue]) => `rgb(${red}, ${green}, ${blue})`;

/** Colour each cell of a small picture: a colour, and how much of it, on white. */
function paintCells(colourOf) {
  const picture = new ImageData(CELLS, CELLS);
  for (let cell = 0; cell < CELLS * CELLS; cell += 1) {
    const [colour, strength] = colourOf(cell);
    colour.forEach((part, at) => {
      picture.data[4 * cell + at] = 255 - strength * (255 - part);
    });
    picture.data[4 * cell + 3] = 255;
  }
  const canvas = make("canvas", { width: CELLS, height: CELLS });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

/** Circle, square or triangle: a class can be told without its colour. Hollow: validation. */
function drawPoint(context, x, y, label, hollow, size = 6) {
  context.beginPath();
  if (label === 0) {
    context.arc(x, y, size, 0, 2 * Math.PI);
  } else if (label === 1) {
    context.rect(x - 0.9 * size, y - 0.9 * size, 1.8 * size, 1.8 * size);
  } else {
    context.moveTo(x, y - 1.2 * size);
    context.lineTo(x + 1.15 * size, y + 0.9 * size);
    context.lineTo(x - 1.15 * size, y + 0.9 * size);
    context.closePath();
  }
  context.fillStyle = hollow ? "white" : css(CLASS_COLOURS[label].map((part) => 0.8 * part));
  context.fill();
  context.lineWidth = hollow ? 1.6 : 1.2;
  context.strokeStyle = "#222222";
  context.stroke();
}

function drawMap(canvas, run) {
  const { plane, inputs, classes } = DATA[run.settings.data];
  const context = canvas.getContext("2d");
  const probabilities = run.outputs.at(-1);
  const cells = paintCells((cell) => {
    const at = cell * classes.length;
    const here = Array.from(probabilities.subarray(at, at + classes.length));
    const [first, second] = [...here].sort((left, right) => right - left);
    const best = Math.max(here.indexOf(first), 0);
    return [CLASS_COLOURS[best], first - second || 0];
  });
  context.imageSmoothingEnabled = true;
  context.drawImage(cells, 0, 0, MAP, MAP);
  const place = ([x, y]) => [
    (MAP * (x - plane.from[0])) / (plane.to[0] - plane.from[0]),
    MAP * (1 - (y - plane.from[1]) / (plane.to[1] - plane.from[1])),
  ];
  const shown = ([point]) => inputs < 3 || Math.abs(point[2] - THIRD) <= NEAR;
  for (const [set, hollow, size] of [["validation", true, 4.5], ["training", false, 6]]) {
    for (const example of run.sets[set].examples.filter(shown)) {
      drawPoint(context, ...place(example[0]), example[1], hollow, size);
    }
  }
  if (plane === PLANES.unit) { // the rule: a + b + c = 1.5
    context.beginPath();
    context.moveTo(0, 0);
    context.lineTo(MAP, MAP);
    context.setLineDash([10, 7]);
    context.lineWidth = 3;
    context.strokeStyle = "#222222";
    context.stroke();
    context.setLineDash([]);
  }
}

const PER_ROW = 8; // hidden units

/** The units of a hidden layer, each a small map. */
function drawUnits(canvas, values, units) {
  const columns = Math.min(units, PER_ROW);
  canvas.width = columns * (CELLS + 3) - 3;
  canvas.height = Math.ceil(units / columns) * (CELLS + 3) - 3;
  canvas.style.width = `${canvas.width}px`;
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  for (let unit = 0; unit < units; unit += 1) {
    const cells = paintCells((cell) => {
      const value = values[cell * units + unit] / largest || 0;
      return [value < 0 ? NEGATIVE : POSITIVE, Math.abs(value)];
    });
    const [column, row] = [unit % columns, Math.floor(unit / columns)];
    canvas.getContext("2d").drawImage(cells, column * (CELLS + 3), row * (CELLS + 3));
  }
}

const CHART = { left: 40, right: 74, top: 22, bottom: 44, width: 340, height: 240 };

/** The two losses, with their names at the ends of the lines. */
function drawLosses({ svg, add }, run, limits) {
  const { left, right, top, bottom, width, height } = CHART;
  const x = (epoch) => left + ((width - left - right) * epoch) / limits.epochs;
  const high = height - top - bottom;
  const y = (loss) => height - bottom - high * Math.min(loss / limits.loss, 1);
  svg.replaceChildren();
  for (const loss of ticks(limits.loss)) {
    add("line", { class: "ck-zero", x1: left, x2: width - right, y1: y(loss), y2: y(loss) });
    add("text", { x: left - 6, y: y(loss) + 4, "text-anchor": "end" }, `${loss}`);
  }
  for (const epoch of ticks(limits.epochs)) {
    add("text", { x: x(epoch), y: height - bottom + 17, "text-anchor": "middle" }, `${epoch}`);
  }
  add("text", { x: 4, y: 12 }, "loss");
  const middle = (left + width - right) / 2;
  add("text", { x: middle, y: height - 8, "text-anchor": "middle" }, "epoch");
  const every = Math.ceil(run.losses.length / 300);
  const ends = ["training", "validation"].map((set) => {
    const finite = run.losses.filter((each) => Number.isFinite(each[set].loss));
    const points = finite
      .filter((_, k) => k % every === 0 || k === finite.length - 1)
      .map((each) => [x(each.epoch), y(each[set].loss)]);
    if (points.length > 1) {
      add("path", { class: `ck-${set}`, d: pathThrough(points) });
    }
    const cut = finite.length && finite.at(-1)[set].loss > limits.loss;
    return { set, name: cut ? `${set} \u2191` : set, at: points.at(-1) ?? [left, top] };
  });
  const [upper, lower] = ends.sort((one, other) => one.at[1] - other.at[1]);
  // The two names stay apart, and above the numbers of the axis.
  const lack = Math.max(14 - (lower.at[1] - upper.at[1]), 0) / 2;
  const lowest = Math.min(lower.at[1] + lack + 4, height - bottom - 3);
  const highest = Math.min(upper.at[1] - lack + 4, lowest - 14);
  [[upper, highest], [lower, lowest]].forEach(([{ set, name, at }, level]) => {
    add("text", { class: `ck-of-${set}`, x: at[0] + 5, y: level }, name);
  });
}

// ------------------------------------------------------------------ the figure

const NAMES = {
  data: "data set",
  rows: "training set",
  noise: "noise",
  layers: "hidden layers",
  units: "units per layer",
  activation: "activation",
  dropout: "dropout",
  l2: "L2 penalty",
  optimiser: "optimiser",
  rate: "learning rate",
  batch: "batch size",
  seed: "random seed",
};
const GROUPS = {
  Data: ["data", "rows", "noise"],
  Network: ["layers", "units", "activation", "dropout", "l2"],
  Training: ["optimiser", "rate", "batch", "seed"],
};
const VALUES = {
  threshold3: "threshold: a, b, c",
  threshold2: "threshold: a, b",
  iris: "iris",
  spirals: "spirals",
  circles: "circles",
  sgd: "SGD",
  momentum: "SGD, momentum 0.9",
  rmsprop: "RMSprop",
  adam: "Adam",
};
function textOf(key, value) {
  if (key === "noise") {
    return `${Math.round(100 * value)} %`;
  }
  return VALUES[value] ?? `${value}`;
}

const PAUSE_AFTER = 500; // epochs: nobody may be looking any more
const FRAME = 50; // milliseconds for an epoch, so that one can follow
const CALM = 1500; // between two pictures where the reader wants little motion

function playgroundFigure(root, data) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const ask = makeEngine(makeSession);
  let run = null; // the present one: its settings, data, losses, and what it computes
  let kept = null; // the one beside it
  let running = false;
  let asked = 0; // the last run that was asked for; answers for earlier ones are out of date
  let loop = 0; // the last Start; an earlier one may still wait for its answer
  let spokenAt = 0;

  // ---------------------------------------------------------------- elements

  const fields = {};
  const groups = Object.entries(GROUPS).map(([title, keys]) => {
    const labels = keys.map((key) => {
      fields[key] = make("select", { name: key });
      for (const value of data.options[key]) {
        fields[key].append(make("option", { value }, textOf(key, value)));
      }
      fields[key].addEventListener("change", () => restart(running));
      return make("label", {}, make("span", {}, NAMES[key]), fields[key]);
    });
    return make("fieldset", {}, make("legend", {}, title), ...labels);
  });
  const summary = make("summary");
  const settings = make(
    "details",
    // On a phone, and where the training begins by itself, the picture comes first.
    { class: "ck-settings", open: !data.running && root.clientWidth > 560 },
    summary,
    make("div", {}, ...groups),
  );
  const button = (text, act) => {
    const node = make("button", { type: "button" }, text);
    node.addEventListener("click", () => run && act()); // the first run takes a moment to come
    return node;
  };
  const startButton = button("Start", () => (running ? pause() : go()));
  startButton.classList.add("ck-first");
  const keep = button("Keep this run", () => {
    kept = run;
    restart(false);
  });
  const drop = button("Remove kept run", () => {
    kept = null;
    show();
    keep.focus();
  });
  const link = make("input", { type: "text", readonly: true });
  link.setAttribute("aria-label", "Link to these settings");
  link.hidden = true;
  const notice = make("p", { class: "ck-notice" });
  const panes = [makePane(), makePane()];
  const board = make("div", { class: "ck-board" }, ...panes.map(({ node }) => node));
  const spoken = makeSpoken();
  root.append(
    make("p", { class: "ck-look" }, data.look),
    settings,
    make(
      "div",
      { class: "ck-row" },
      startButton,
      button("One step", oneStep),
      button("Reset", () => restart(false)),
      keep,
      drop,
      button("Copy link", copyLink),
    ),
    link,
    notice,
    board,
    spoken.node,
  );

  /** All that is shown of one run. */
  function makePane() {
    const title = make("p", { class: "ck-run" });
    const map = make("canvas", { class: "ck-field", width: MAP, height: MAP, role: "img" });
    map.setAttribute("aria-label", "Map of the class that the network predicts");
    const [across, up] = [make("span"), make("span")];
    const key = make("p", { class: "ck-keys" });
    const chart = makeDrawing({
      class: "ck-drawing",
      viewBox: `0 0 ${CHART.width} ${CHART.height}`,
      role: "img",
      "aria-label": "Training and validation loss",
    });
    const state = make("p", { class: "ck-state" });
    const layers = make("div", { class: "ck-layers" });
    const node = make(
      "section",
      { class: "ck-pane" },
      title,
      make(
        "div",
        { class: "ck-pair" },
        make(
          "figure",
          { class: "ck-plane" },
          make("span", { class: "ck-up", "aria-hidden": "true" }, up),
          map,
          make("span", { class: "ck-across", "aria-hidden": "true" }, across),
          key,
        ),
        make(
          "figure",
          { class: "ck-losses" },
          chart.svg,
          make("figcaption", {}, "The loss after each epoch, computed without dropout."),
          state,
        ),
      ),
      layers,
    );
    return { node, title, map, across, up, key, chart, state, layers, shown: null, drawn: null };
  }

  // ---------------------------------------------------------------- what is shown

  const percent = (part) => `${Math.round(100 * part)}\u00a0%`;
  const number = (loss) => (Number.isFinite(loss) ? write(loss) : "not a number");
  const epochText = (epoch) => write(epoch, Number.isInteger(epoch) ? 0 : 2);

  function describe({ losses, epoch }) {
    const { training, validation } = losses.at(-1);
    return (
      `Epoch ${epochText(epoch)}. Training: loss ${number(training.loss)}, ` +
      `${percent(training.accuracy)} right. Validation: loss ${number(validation.loss)}, ` +
      `${percent(validation.accuracy)} right.`
    );
  }

  function differences(from, to) {
    const keys = Object.keys(NAMES).filter((key) => from.settings[key] !== to.settings[key]);
    const unit = (key) => (key === "rows" ? " examples" : "");
    const text = (key) => `${NAMES[key]} ${textOf(key, from.settings[key])}${unit(key)}`;
    return keys.length ? keys.map(text).join(", ") : "the same settings";
  }

  /** What stays as it is while a run trains: the names, the key, a canvas for each layer. */
  function prepare(pane, shown) {
    const { plane, classes, inputs } = DATA[shown.settings.data];
    [pane.across.textContent, pane.up.textContent] = plane.axes;
    pane.key.replaceChildren(
      ...classes.map((name, label) => {
        const picture = make("canvas", { width: 16, height: 16, "aria-hidden": "true" });
        drawPoint(picture.getContext("2d"), 8, 8, label, false);
        return make("span", {}, picture, name);
      }),
      make(
        "span",
        {},
        `Filled: training; hollow: validation.${
          inputs === 3 ? " The map shows c = 0.5, and points with c from 0.4 to 0.6." : ""
        }${plane === PLANES.unit ? " Dashed: a + b + c = 1.5 with c = 0.5." : ""}`,
      ),
    );
    const hidden = shown.network.layers.slice(0, -1);
    pane.layers.replaceChildren(
      ...hidden.map(({ units }, place) => {
        const canvas = make("canvas", { role: "img" });
        const name = `Hidden layer ${place + 1}: ${units} ${units === 1 ? "unit" : "units"}`;
        canvas.setAttribute("aria-label", `${name}, each drawn as a map of its output`);
        const caption = place
          ? name
          : `${name}. Each square is a map of one unit's output: blue above zero, red below.`;
        return make("figure", {}, make("figcaption", {}, caption), canvas);
      }),
    );
    pane.shown = shown;
    pane.drawn = null;
  }

  function summarise({ layers, units, activation, data: set, optimiser, rate }) {
    const hidden = layers === "0" ? "no hidden layer" : `${layers} \u00d7 ${units} ${activation}`;
    const training = `${VALUES[optimiser]}, learning rate ${rate}`;
    summary.textContent = `Settings: ${VALUES[set]}, ${hidden}, ${training}`;
  }

  function showRun(pane, shown, limits, title) {
    if (pane.shown !== shown) {
      prepare(pane, shown);
    }
    pane.title.textContent = title;
    pane.title.hidden = !kept;
    if (pane.drawn !== shown.outputs) {
      drawMap(pane.map, shown);
      pane.layers.querySelectorAll("canvas").forEach((canvas, place) => {
        drawUnits(canvas, shown.outputs[place], shown.network.layers[place].units);
      });
      pane.drawn = shown.outputs;
    }
    const text = describe(shown);
    pane.map.setAttribute("aria-label", `Map of the class that the network predicts. ${text}`);
    pane.chart.svg.setAttribute("aria-label", `Training and validation loss. ${text}`);
    drawLosses(pane.chart, shown, limits);
    pane.state.textContent = text;
  }

  function show() {
    const runs = kept ? [run, kept] : [run];
    summarise(run.settings);
    const all = runs.flatMap(({ losses }) =>
      losses.flatMap(({ training, validation }) => [training.loss, validation.loss]),
    );
    const first = Math.max(...runs.map(({ losses }) => losses[0].training.loss));
    const limits = {
      epochs: Math.max(10, ...runs.map(({ epoch }) => epoch)),
      loss: Math.min(Math.max(...all.filter(Number.isFinite)) * 1.03, 5 * first),
    };
    showRun(panes[0], run, limits, `This run: ${kept ? differences(run, kept) : ""}`);
    panes[1].node.hidden = !kept;
    drop.hidden = !kept;
    board.classList.toggle("ck-two", Boolean(kept));
    if (kept) {
      showRun(panes[1], kept, limits, `Kept run: ${differences(kept, run)}`);
    }
  }

  function say() {
    spokenAt = performance.now();
    spoken.say(`${notice.textContent} ${describe(run)}`);
  }

  // ---------------------------------------------------------------- training

  function readSettings() {
    return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, field.value]));
  }

  function writeSettings(given) {
    for (const [key, value] of Object.entries(given)) {
      if (data.options[key]?.some((option) => `${option}` === `${value}`)) {
        fields[key].value = `${value}`;
      }
    }
  }

  function networkOf(chosen) {
    const hidden = Array.from({ length: Number(chosen.layers) }, () => ({
      units: Number(chosen.units),
      activation: chosen.activation,
      dropout: Number(chosen.dropout),
      l2: Number(chosen.l2),
    }));
    const { inputs, classes } = DATA[chosen.data];
    const output = { units: classes.length, activation: "softmax", l2: Number(chosen.l2) };
    const momentum = chosen.optimiser === "momentum" ? 0.9 : 0;
    const name = momentum ? "sgd" : chosen.optimiser;
    return {
      inputs,
      layers: [...hidden, output],
      optimiser: { name, learningRate: Number(chosen.rate), momentum },
      seed: Number(chosen.seed),
    };
  }

  /** Take an answer into a run. */
  function take(into, { epoch, losses, outputs }) {
    into.epoch = epoch;
    into.outputs = outputs;
    into.losses.push(...losses);
  }

  /** A new run, with its starting weights. */
  async function begin(chosen) {
    const network = networkOf(chosen);
    const sets = makeData(chosen, data.iris);
    const fresh = { settings: chosen, network, sets, losses: [] };
    const { training, validation } = sets;
    const given = {
      network,
      batch: Number(chosen.batch),
      grid: makeGrid(chosen.data),
      training: { x: training.x, y: training.y },
      validation: { x: validation.x, y: validation.y },
    };
    take(fresh, await ask("begin", given));
    return fresh;
  }

  async function restart(goOn) {
    pause();
    asked += 1;
    const request = asked;
    const fresh = await begin(readSettings());
    if (request === asked) {
      run = fresh;
      notice.textContent = "";
      show();
      if (goOn) {
        go();
      } else {
        say();
      }
    }
  }

  async function advance(request) {
    const mine = asked;
    const answer = await ask("advance", request);
    if (mine !== asked) {
      return false;
    }
    take(run, answer);
    const { loss } = run.losses.at(-1).training;
    const diverged = !Number.isFinite(loss);
    const rest = run.epoch > 0 && run.epoch % PAUSE_AFTER === 0;
    if (diverged || (rest && running)) {
      pause();
      notice.textContent = diverged
        ? "The training has diverged: the loss is no longer a number. Try a smaller learning rate."
        : `Paused after ${run.epoch} epochs. Press Start to go on.`;
      say();
    }
    show();
    return true;
  }

  async function train(mine) {
    const stopped = () => !running || mine !== loop;
    if (stopped()) {
      return;
    }
    const from = performance.now();
    const calm = still.matches;
    const wait = calm ? CALM : FRAME;
    const toRest = PAUSE_AFTER - (Math.floor(run.epoch) % PAUSE_AFTER);
    const epochs = calm ? Math.min(CALM / FRAME, toRest) : 1;
    if (!(await advance({ epochs, milliseconds: wait })) || stopped()) {
      return;
    }
    if (performance.now() - spokenAt > 5000) {
      say();
    }
    // No frames come while the page is hidden, so that the training rests too.
    const left = from + wait - performance.now() - 8;
    setTimeout(() => requestAnimationFrame(() => train(mine)), Math.max(left, 0));
  }

  function go() {
    if (!running && run) {
      running = true;
      startButton.textContent = "Pause";
      notice.textContent = "";
      spokenAt = performance.now();
      loop += 1;
      train(loop);
    }
  }

  function pause() {
    if (running) {
      running = false;
      startButton.textContent = "Start";
      say();
    }
  }

  async function oneStep() {
    pause();
    if (await advance({ steps: 1, epochs: 1, milliseconds: 1000 })) {
      say();
    }
  }

  // ---------------------------------------------------------------- links

  function linkOf() {
    const words = new URLSearchParams({ playground: data.preset, ...run.settings });
    if (kept) {
      words.set("kept.epochs", Math.floor(kept.epoch));
      for (const [key, value] of Object.entries(kept.settings)) {
        if (value !== run.settings[key]) {
          words.set(`kept.${key}`, value);
        }
      }
    }
    return `${location.href.split("#")[0]}#${words}`;
  }

  async function copyLink() {
    const text = linkOf();
    try {
      await navigator.clipboard.writeText(text);
      notice.textContent = "The link to these settings is copied.";
    } catch { // not allowed here: the reader can copy it
      link.value = text;
      link.hidden = false;
      link.focus();
      link.select();
      notice.textContent = "Copy this link to keep the settings.";
    }
    spoken.say(notice.textContent);
  }

  /** Set what a link holds; a kept run is trained again, which gives the same. */
  async function readLink() {
    const words = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    if (words.playground !== data.preset) {
      return false;
    }
    pause();
    asked += 1;
    const request = asked;
    const ofKept = Object.entries(words).filter(([key]) => key.startsWith("kept."));
    writeSettings({ ...data.settings, ...words });
    const present = readSettings();
    if (ofKept.length) {
      writeSettings(Object.fromEntries(ofKept.map(([key, value]) => [key.slice(5), value])));
      const other = await begin(readSettings());
      const epochs = Math.min(Number(words["kept.epochs"]) || 0, 20 * PAUSE_AFTER);
      while (other.epoch < epochs && request === asked) {
        take(other, await ask("advance", { epochs: epochs - other.epoch, milliseconds: 300 }));
      }
      if (request !== asked) {
        return true;
      }
      kept = other;
      writeSettings(present);
    }
    settings.open = true;
    await restart(false);
    root.scrollIntoView();
    return true;
  }

  addEventListener("hashchange", readLink);
  writeSettings(data.settings);
  drop.hidden = true;
  panes[1].node.hidden = true;
  const ready = (async () => {
    if (!(await readLink())) {
      await restart(false);
      if (data.running && !still.matches) {
        go();
      }
    }
  })();
  return {
    ready,
    current: () => ({
      settings: run.settings,
      epoch: run.epoch,
      losses: run.losses,
      running,
      map: Array.from(run.outputs.at(-1)),
      kept: kept && { settings: kept.settings, epoch: kept.epoch, losses: kept.losses },
    }),
    link: linkOf,
    train: (epochs) => advance({ epochs, milliseconds: Infinity }),
  };
}
