// Draw a digit, and see what the network makes of it.

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const ZOOM = 20; // canvas pixels per pixel of the image
const PEN = 1.6; // the ink ends so many pixels from the pen's path, and is full 1 pixel earlier

/** Ink along a line from one point to another, in pixels; dark stays dark. */
function ink(image, from, to) {
  const [x0, y0] = from;
  const [dx, dy] = [to[0] - x0, to[1] - y0];
  const squared = dx * dx + dy * dy;
  for (let row = 0; row < SIDE; row += 1) {
    for (let column = 0; column < SIDE; column += 1) {
      const [px, py] = [column + 0.5 - x0, row + 0.5 - y0];
      const along = squared ? Math.min(Math.max((px * dx + py * dy) / squared, 0), 1) : 0;
      const distance = Math.hypot(px - along * dx, py - along * dy);
      const place = row * SIDE + column;
      image[place] = Math.max(image[place], Math.min(Math.max(PEN - distance, 0), 1));
    }
  }
}

/** By how many pixels the ink's centre of mass has to move to get to the middle of the image. */
function wayToMiddle(image) {
  let [mass, rows, columns] = [0, 0, 0];
  image.forEach((value, place) => {
    mass += value;
    rows += value * Math.floor(place / SIDE);
    columns += value * (place % SIDE);
  });
  // Counted from 0, MNIST's digits have their centre of mass at pixel (14, 14).
  const way = (sum) => (mass ? Math.round(SIDE / 2 - sum / mass) : 0);
  return { down: way(rows), right: way(columns) };
}

function moved(image, { down, right }) {
  const result = new Float32Array(PIXELS);
  image.forEach((value, place) => {
    const row = Math.floor(place / SIDE) + down;
    const column = (place % SIDE) + right;
    if (row >= 0 && row < SIDE && column >= 0 && column < SIDE) {
      result[row * SIDE + column] = value;
    }
  });
  return result;
}

/** Paint values from 0 to 1 on a small canvas, white to a colour. */
function paint(canvas, values, [red, green, blue]) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(canvas.width, canvas.height);
  picture.data.fill(255);
  values.forEach((value, place) => {
    const part = Math.min(Math.max(value, 0), 1);
    picture.data[4 * place] = 255 - part * (255 - red);
    picture.data[4 * place + 1] = 255 - part * (255 - green);
    picture.data[4 * place + 2] = 255 - part * (255 - blue);
  });
  context.putImageData(picture, 0, 0);
}

const BLACK = [0, 0, 0];
const BLUE = [8, 48, 107];

function digitFigure(root, data) {
  const layers = data.layers.map(readDense);
  const units = layers.at(-2).units;
  const pixels = bytes(data.images);
  const samples = data.labels.map((label, number) => ({
    label,
    image: Float32Array.from(
      pixels.subarray(number * PIXELS, (number + 1) * PIXELS),
      (value) => value / 255,
    ),
  }));

  let drawing = new Float32Array(PIXELS);
  let sample = null; // the test digit that is shown and has not been drawn on
  let input = drawing;
  let probabilities = null;
  const cursor = { row: 14, column: 14, shown: false };

  // ---------------------------------------------------------------- elements

  const paper = make("canvas", {
    class: "ck-paper",
    width: SIDE * ZOOM,
    height: SIDE * ZOOM,
    tabindex: "0",
    role: "application",
    "aria-label": "Drawing area of 28 by 28 pixels",
    "aria-describedby": `${root.id}-help`,
  });
  const clear = make("button", { type: "button" }, "Clear");
  const centre = make("input", { type: "checkbox" });
  centre.checked = true;
  const help = make(
    "p",
    { class: "ck-help", id: `${root.id}-help` },
    "Draw with mouse, finger or pen. Keyboard: arrow keys move, Space inks, Shift with an " +
      "arrow key draws a line, Backspace rubs out.",
  );
  const seen = make("canvas", { class: "ck-seen", width: SIDE, height: SIDE, role: "img" });
  const seenText = make("figcaption");
  const answer = make("p", { class: "ck-answer" });
  const bars = makeBars(
    Array.from({ length: 10 }, (_, digit) => `${digit}`),
    "Probability of each digit",
  );
  const wide = Math.ceil(Math.sqrt(2 * units));
  const heat = make("canvas", {
    class: "ck-heat",
    width: wide,
    height: Math.ceil(units / wide),
    role: "img",
  });
  const heatText = make("figcaption");
  const spoken = makeSpoken();
  const place = makeSpoken();
  const load = make("div", { class: "ck-samples", role: "group" });
  load.setAttribute("aria-label", "Load a test digit");
  load.append(make("span", { "aria-hidden": "true" }, "Load a test digit:"));
  for (const each of samples) {
    const picture = make("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
    paint(picture, each.image, BLACK);
    const button = make(
      "button",
      { type: "button" },
      picture,
      make("span", { class: "ck-spoken" }, "test digit, labelled "),
      `${each.label}`,
    );
    button.addEventListener("click", () => {
      drawing = each.image.slice();
      sample = each;
      update();
    });
    load.append(button);
  }
  root.append(
    make(
      "div",
      { class: "ck-columns" },
      make(
        "div",
        { class: "ck-side" },
        paper,
        make(
          "div",
          { class: "ck-row" },
          clear,
          make("label", {}, centre, " centre what I draw"),
        ),
        help,
      ),
      make(
        "div",
        { class: "ck-main" },
        answer,
        bars.list,
        make(
          "div",
          { class: "ck-row ck-figures" },
          make("figure", {}, seen, seenText),
          make("figure", {}, heat, heatText),
        ),
      ),
    ),
    load,
    spoken.node,
    place.node,
  );

  // ---------------------------------------------------------------- what is shown

  function drawPaper() {
    const context = paper.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, paper.width, paper.height);
    drawing.forEach((value, at) => {
      if (value > 0) {
        const grey = Math.round(255 * (1 - value));
        context.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
        context.fillRect((at % SIDE) * ZOOM, Math.floor(at / SIDE) * ZOOM, ZOOM, ZOOM);
      }
    });
    // MNIST's digits fill a box of 20 by 20 pixels.
    context.lineWidth = 2;
    context.strokeStyle = "#8a8a8a";
    context.setLineDash([8, 8]);
    context.strokeRect(4 * ZOOM, 4 * ZOOM, 20 * ZOOM, 20 * ZOOM);
    context.setLineDash([]);
    if (cursor.shown) {
      const [x, y] = [cursor.column * ZOOM, cursor.row * ZOOM];
      context.lineWidth = 7;
      context.strokeStyle = "white";
      context.strokeRect(x, y, ZOOM, ZOOM);
      context.lineWidth = 4;
      context.strokeStyle = "#b2182b";
      context.strokeRect(x, y, ZOOM, ZOOM);
    }
  }

  function describeMove({ down, right }) {
    const parts = [];
    if (down) {
      parts.push(`${Math.abs(down)} ${down > 0 ? "down" : "up"}`);
    }
    if (right) {
      parts.push(`${Math.abs(right)} ${right > 0 ? "right" : "left"}`);
    }
    return parts.length ? `moved ${parts.join(", ")}` : "not moved";
  }

  function show() {
    const still = { down: 0, right: 0 };
    const way = centre.checked && !sample ? wayToMiddle(drawing) : still;
    input = moved(drawing, way);
    const outputs = layerOutputs(input, layers);
    const hidden = outputs.at(-2);
    probabilities = outputs.at(-1);

    drawPaper();
    paint(seen, input, BLACK);
    seenText.textContent = `The network gets this: ${describeMove(way)}`;
    seen.setAttribute("aria-label", `What the network gets: the drawing, ${describeMove(way)}`);
    paint(heat, hidden.map((value) => value / data.strongest), BLUE);
    const active = hidden.filter((value) => value > 0).length;
    heatText.textContent = `Hidden layer: ${active} of ${units} units active`;
    heat.setAttribute("aria-label", `${active} of ${units} hidden units are active`);
    bars.show(probabilities);

    const order = Array.from(probabilities.keys()).sort(
      (left, right) => probabilities[right] - probabilities[left],
    );
    const [first, second] = order;
    const opening = sample
      ? `A test digit, labelled ${sample.label}.`
      : drawing.some((value) => value > 0)
        ? "Your drawing."
        : "Nothing is drawn, and the network answers all the same.";
    answer.replaceChildren(
      `${opening} Read as `,
      make("strong", {}, `${first}`),
      ` (${write(probabilities[first])}), then ${second} (${write(probabilities[second])}).`,
    );
    spoken.say(answer.textContent);
  }

  const update = oncePerFrame(show);

  // ---------------------------------------------------------------- what readers do

  function drawLine(from, to) {
    ink(drawing, from, to);
    sample = null;
    update();
  }

  let last = null; // where the pen was, while it is down
  function pointOf(event) {
    const box = paper.getBoundingClientRect();
    return [
      ((event.clientX - box.left - paper.clientLeft) * SIDE) / paper.clientWidth,
      ((event.clientY - box.top - paper.clientTop) * SIDE) / paper.clientHeight,
    ];
  }
  paper.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) {
      return;
    }
    paper.setPointerCapture(event.pointerId);
    cursor.shown = false;
    last = { id: event.pointerId, point: pointOf(event) };
    drawLine(last.point, last.point);
  });
  paper.addEventListener("pointermove", (event) => {
    if (last?.id !== event.pointerId) {
      return;
    }
    const between = event.getCoalescedEvents?.() ?? [];
    for (const each of between.length ? between : [event]) {
      const point = pointOf(each);
      drawLine(last.point, point);
      last.point = point;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    paper.addEventListener(end, () => {
      last = null;
    });
  }

  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const cursorPoint = () => [cursor.column + 0.5, cursor.row + 0.5];
  paper.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    if (event.key in steps) {
      const from = cursorPoint();
      const [down, right] = steps[event.key];
      cursor.row = Math.min(Math.max(cursor.row + down, 0), SIDE - 1);
      cursor.column = Math.min(Math.max(cursor.column + right, 0), SIDE - 1);
      if (event.shiftKey) {
        drawLine(from, cursorPoint());
      }
    } else if (event.key === " ") {
      drawLine(cursorPoint(), cursorPoint());
    } else if (event.key === "Backspace" || event.key === "Delete") {
      for (let at = 0; at < PIXELS; at += 1) {
        const near =
          Math.abs(Math.floor(at / SIDE) - cursor.row) <= 1 &&
          Math.abs((at % SIDE) - cursor.column) <= 1;
        drawing[at] = near ? 0 : drawing[at];
      }
      sample = null;
    } else {
      return;
    }
    event.preventDefault(); // the page must not scroll
    cursor.shown = true;
    const dark = Math.round(100 * drawing[cursor.row * SIDE + cursor.column]);
    place.say(`Row ${cursor.row + 1}, column ${cursor.column + 1}, ink ${dark} per cent`);
    update();
  });
  paper.addEventListener("focus", () => {
    cursor.shown = paper.matches(":focus-visible");
    update();
  });
  paper.addEventListener("blur", () => {
    cursor.shown = false;
    update();
  });
  clear.addEventListener("click", () => {
    drawing = new Float32Array(PIXELS);
    sample = null;
    update();
  });
  centre.addEventListener("change", update);

  if (samples.length) { // the first thing a reader sees is a digit, not an empty page
    drawing = samples[0].image.slice();
    sample = samples[0];
  }
  show();
  return {
    predict: (image) => Array.from(layerOutputs(image, layers).at(-1)),
    hidden: (image) => Array.from(layerOutputs(image, layers).at(-2)),
    current: () => ({
      drawing: Array.from(drawing),
      input: Array.from(input),
      probabilities: Array.from(probabilities),
    }),
  };
}
