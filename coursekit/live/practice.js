// Train the network of digit.js on the reader's own drawings, and see what it learns and forgets.

const EPOCHS = 20;
const BATCH = 10;
const RATE = 0.001; // Adam's

/** What is asked of makeEngine. Uses only what it is given. */
function makePractice(makeTrainer) {
  let [trainer, sets, rows, order, next, epoch] = [];

  /** How many rows of each class are read correctly. */
  function countRight({ x, labels }) {
    const probabilities = trainer.outputs(x).at(-1);
    const right = new Array(10).fill(0);
    labels.forEach((label, row) => {
      const here = probabilities.subarray(10 * row, 10 * row + 10);
      right[label] += Number(here.indexOf(Math.max(...here)) === label);
    });
    return right;
  }

  /** The rows to train on, and their classes, one-hot. */
  function join(parts) {
    const labels = parts.flatMap((part) => part.labels);
    const x = new Float32Array(784 * labels.length);
    let at = 0;
    for (const part of parts) {
      x.set(part.x, at);
      at += part.x.length;
    }
    const y = new Float32Array(10 * labels.length);
    labels.forEach((label, row) => {
      y[10 * row + label] = 1;
    });
    return { x, y, count: labels.length };
  }

  const counts = () => ({ own: countRight(sets.own), test: countRight(sets.test) });
  return {
    begin({ network, weights, ...given }) {
      trainer = makeTrainer(network);
      trainer.setWeights(weights);
      sets = given;
      rows = join([given.own, ...given.rehearsed]);
      [order, next, epoch] = [null, 0, 0];
      return counts();
    },
    /** Train to the end of an epoch, as long as there is time. */
    advance({ batch, milliseconds }) {
      const late = performance.now() + milliseconds;
      const last = epoch + 1;
      while (epoch < last && performance.now() < late) {
        order ??= trainer.shuffled(rows.count);
        const end = Math.min(next + batch, rows.count);
        trainer.step(rows.x, rows.y, order, next, end);
        next = end;
        if (next === rows.count) {
          [order, next, epoch] = [null, 0, epoch + 1];
        }
      }
      return epoch;
    },
    end: () => ({ ...counts(), weights: trainer.weights() }),
  };
}

/** Digits of 28 by 28 pixels that Python has compressed. */
async function inflateDigits({ images, labels }) {
  const stream = new Blob([bytes(images)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const pixels = new Uint8Array(await new Response(stream).arrayBuffer());
  return { x: Float32Array.from(pixels, (value) => value / 255), labels };
}

/**
 * Make what stands below the paper: the drawings that are kept, the training, and its results.
 *
 * take() returns the image that the network gets, or a sentence that says why there is none;
 * useLayers(layers) puts a network into the figure.
 */
function makePracticePanel(stored, original, { take, useLayers }) {
  const own = []; // { image, label }, the oldest first
  let results = {}; // counts before, after training, after training with stored digits
  let running = 0; // the last training that was asked for; 0: none runs
  let asked = 0;
  let ask = null;
  const sets = Promise.all([inflateDigits(stored.test), inflateDigits(stored.training)]);

  // ---------------------------------------------------------------- elements

  const button = (text, act) => {
    const node = make("button", { type: "button" }, text);
    node.addEventListener("click", act);
    return node;
  };
  const digit = make("select", {});
  digit.append(...Array.from({ length: 10 }, (_, label) => make("option", {}, `${label}`)));
  const keepRow = make(
    "div",
    { class: "ck-row" },
    make("label", {}, "This is a ", digit),
    button("Keep it for training", keep),
  );
  const rehearse = make("input", { type: "checkbox" });
  const trainButton = button("Train on them", () => (running ? stop() : train()));
  const undo = button("Undo training", restore);
  const title = make("p", { class: "ck-run" }, "Train it on your digits");
  const kept = make("div", { class: "ck-samples", role: "group" });
  kept.setAttribute("aria-label", "Your drawings");
  const notice = make("p", { class: "ck-notice" });
  const table = make("table", { class: "ck-results" });
  const spoken = makeSpoken();
  const count = stored.training.labels.length;
  const panel = make(
    "section",
    { class: "ck-practice" },
    title,
    kept,
    make(
      "div",
      { class: "ck-row" },
      trainButton,
      make("label", {}, rehearse, ` rehearse with ${count} stored training digits`),
      undo,
    ),
    notice,
    table,
    spoken.node,
  );
  undo.hidden = true;
  table.hidden = true;

  // ---------------------------------------------------------------- what is shown

  function say(text) {
    notice.textContent = text;
    spoken.say(text);
  }

  function showKept() {
    kept.replaceChildren(
      ...own.map((each, place) => {
        const picture = make("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
        paint(picture, each.image, BLACK);
        const node = button("", () => remove(place));
        node.append(
          picture,
          make("span", { class: "ck-spoken" }, `Remove drawing ${place + 1}, kept as `),
          `${each.label}`,
          make("span", { "aria-hidden": "true" }, " \u00d7"),
        );
        return node;
      }),
    );
  }

  const total = (counts) => counts.reduce((left, right) => left + right, 0);
  const testSize = stored.test.labels.length;
  const COLUMNS = {
    before: "right before",
    plain: "right after",
    rehearsed: "right after, with rehearsal",
  };

  function showResults() {
    const columns = Object.keys(COLUMNS).filter((key) => results[key]);
    table.hidden = columns.length < 2;
    table.replaceChildren();
    if (table.hidden) {
      return;
    }
    const row = (name, of, valueOf) => {
      const first = valueOf(results.before);
      const cells = columns.map((key) => {
        const value = valueOf(results[key]);
        const change = value - first;
        const text = change ? ` (${change > 0 ? "+" : "\u2212"}${Math.abs(change)})` : "";
        return make("td", { class: change < 0 && "ck-lost" }, `${value}${text}`);
      });
      return make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, `${of}`), ...cells);
    };
    const heads = ["digits", "how many", ...columns.map((key) => COLUMNS[key])];
    table.append(
      make(
        "thead",
        {},
        make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text))),
      ),
      make(
        "tbody",
        {},
        row("your drawings, trained on", own.length, ({ own: counts }) => total(counts)),
        row("test digits, not trained on", testSize, ({ test }) => total(test)),
        ...Array.from({ length: 10 }, (_, label) =>
          row(
            `test digits: ${label}`,
            stored.test.labels.filter((each) => each === label).length,
            ({ test }) => test[label],
          ),
        ),
      ),
    );
  }

  function describe({ own: drawn, test }) {
    const { before } = results;
    const lost = before.test.map((right, label) => right - test[label]);
    const most = Math.max(...lost);
    const words =
      most > 1
        ? `It forgot most about ${lost.indexOf(most)}: ${test[lost.indexOf(most)]} correct, ` +
          `before ${before.test[lost.indexOf(most)]}.`
        : "It forgot at most one test digit of each kind.";
    return (
      `It now reads ${total(drawn)} of your ${own.length} ${own.length === 1 ? "drawing" : "drawings"}, ` +
      `on which it was trained (before: ${total(before.own)}), and ${total(test)} of ${testSize} ` +
      `test digits, on which it was not (before: ${total(before.test)}). ${words}`
    );
  }

  // ---------------------------------------------------------------- what readers do

  /** Other drawings: earlier results are no longer about them. */
  function change(text) {
    stop();
    results = {};
    showKept();
    showResults();
    say(text);
  }

  function keep() {
    const image = take();
    if (typeof image === "string") {
      say(image);
      return;
    }
    const label = digit.selectedIndex;
    own.push({ image, label });
    digit.selectedIndex = (label + 1) % 10;
    change(`Kept as ${label}: drawing ${own.length}. Draw the next one, or press Train on them.`);
  }

  function remove(place) {
    const [{ label }] = own.splice(place, 1);
    change(`Drawing ${place + 1}, kept as ${label}, is removed.`);
    (kept.children[Math.min(place, own.length - 1)] ?? digit).focus();
  }

  function restore() {
    stop();
    useLayers(original);
    undo.hidden = true;
    say("The network is as it was before the training.");
    trainButton.focus();
  }

  function stop() {
    running = 0;
    trainButton.textContent = "Train on them";
  }

  async function train() {
    if (!own.length) {
      say("Nothing to train on yet: draw a digit, choose which it is, and press Keep it.");
      return;
    }
    asked += 1;
    const mine = asked;
    running = mine;
    const kind = rehearse.checked ? "rehearsed" : "plain";
    trainButton.textContent = "Stop";
    notice.textContent = "Training.";
    const [test, training] = await sets;
    ask ??= makeEngine(makePractice);
    const images = new Float32Array(PIXELS * own.length);
    own.forEach(({ image }, row) => images.set(image, PIXELS * row));
    const before = await ask("begin", {
      network: {
        inputs: PIXELS,
        layers: original.map(({ units, activation }) => ({ units, activation })),
        optimiser: { name: "adam", learningRate: RATE },
      },
      weights: original.flatMap(({ kernel, bias }) => [kernel, bias]),
      own: { x: images, labels: own.map(({ label }) => label) },
      test,
      rehearsed: kind === "rehearsed" ? [training] : [],
    });
    for (let epoch = 0; epoch < EPOCHS;) {
      epoch = await ask("advance", { batch: BATCH, milliseconds: 200 });
      if (running !== mine) {
        notice.textContent = running ? notice.textContent : "The training was stopped.";
        return;
      }
      notice.textContent = `Training: epoch ${epoch} of ${EPOCHS}.`;
    }
    const { weights, ...after } = await ask("end", {});
    if (running !== mine) {
      return;
    }
    stop();
    results.before = before;
    results[kind] = after;
    useLayers(
      original.map((layer, place) => ({
        ...layer,
        kernel: weights[2 * place],
        bias: weights[2 * place + 1],
      })),
    );
    undo.hidden = false;
    showResults();
    say(describe(after));
  }

  notice.textContent =
    "Draw at least one digit above, choose which it is, and press Keep it for training.";
  return {
    keepRow,
    panel,
    current: () => ({
      own: own.map(({ label }) => label),
      results,
      running: running > 0,
    }),
    /** Keep a drawing that was made elsewhere, for tests. */
    add(image, label) {
      own.push({ image: Float32Array.from(image), label });
      change("Kept.");
    },
  };
}
