// Draw a digit, and see what the network makes of it.

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const FINE = 5; // points of the paper per pixel and side; the middle one is the pixel's middle
const PAPER = SIDE * FINE;
const ZOOM = 4; // canvas pixels per point
const PEN = 1.6; // the ink ends so many pixels from the pen's path, and is full 1 pixel earlier
const FAR = 9; // pixels: further from the path than any ink
const BOX = 20; // pixels: the longer side of MNIST's digits

// The paper holds how far each point is from the pen's path. So a drawing can be made larger or
// smaller while the pen stays as wide as it is, as with MNIST's writers, who all had a pen.

const blank = () => new Float32Array(PAPER * PAPER).fill(FAR);

/** Draw a line from one point to another, in pixels. */
function drawPath(paper, [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const squared = dx * dx + dy * dy;
  const range = (one, other) => [
    Math.max(Math.floor((Math.min(one, other) - 4) * FINE), 0),
    Math.min(Math.ceil((Math.max(one, other) + 4) * FINE), PAPER),
  ];
  const [[top, bottom], [left, right]] = [range(y0, y1), range(x0, x1)];
  for (let row = top; row < bottom; row += 1) {
    for (let column = left; column < right; column += 1) {
      const [px, py] = [(column + 0.5) / FINE - x0, (row + 0.5) / FINE - y0];
      const along = squared ? Math.min(Math.max((px * dx + py * dy) / squared, 0), 1) : 0;
      const place = row * PAPER + column;
      paper[place] = Math.min(paper[place], Math.hypot(px - along * dx, py - along * dy));
    }
  }
}

const inkAt = (distance) => Math.min(Math.max(PEN - distance, 0), 1);

/** Put a digit of 28 by 28 pixels on paper. */
function paperOf(image) {
  return blank().map((_, place) => {
    const [row, column] = [Math.floor(place / PAPER), place % PAPER];
    const value = image[Math.floor(row / FINE) * SIDE + Math.floor(column / FINE)];
    return value > 0 ? PEN - value : FAR;
  });
}

/** The distance at a place of the paper, between the four points around it. */
function distanceAt(paper, x, y) {
  const [across, down] = [x * FINE - 0.5, y * FINE - 0.5];
  const [column, row] = [Math.floor(across), Math.floor(down)];
  if (column < 0 || row < 0 || column >= PAPER || row >= PAPER) {
    return FAR;
  }
  const [right, below] = [across - column, down - row];
  const at = row * PAPER + column;
  const next = column + 1 < PAPER ? 1 : 0;
  const under = row + 1 < PAPER ? PAPER : 0;
  const upper = paper[at] + right * (paper[at + next] - paper[at]);
  const lower = paper[at + under] + right * (paper[at + under + next] - paper[at + under]);
  return upper + below * (lower - upper);
}

/** The paper as an image, made larger by a factor around a point that comes to the middle. */
function imageOf(paper, factor = 1, [x, y] = [SIDE / 2, SIDE / 2]) {
  return new Float32Array(PIXELS).map((_, place) => {
    const column = ((place % SIDE) + 0.5 - SIDE / 2) / factor + x;
    const row = (Math.floor(place / SIDE) + 0.5 - SIDE / 2) / factor + y;
    return inkAt(factor * distanceAt(paper, column, row));
  });
}

/** The box around the ink, in pixels; nothing if there is none. */
function boxOf(paper) {
  const box = { left: SIDE, top: SIDE, right: 0, bottom: 0 };
  paper.forEach((distance, place) => {
    if (inkAt(distance) >= 0.5) {
      const [column, row] = [(place % PAPER) / FINE, Math.floor(place / PAPER) / FINE];
      box.left = Math.min(box.left, column);
      box.right = Math.max(box.right, column + 1 / FINE);
      box.top = Math.min(box.top, row);
      box.bottom = Math.max(box.bottom, row + 1 / FINE);
    }
  });
  return box.right > box.left ? box : null;
}

/** Scale the drawing so that the longer side of its box is 20 pixels. */
function fitted(paper) {
  const box = boxOf(paper);
  if (!box) {
    return { image: imageOf(paper), factor: 1 };
  }
  const pen = 2 * (PEN - 0.5); // stays as wide as it is
  const side = Math.max(box.right - box.left, box.bottom - box.top);
  const factor = Math.min((BOX - pen) / Math.max(side - pen, 1), 4); // a dot stays a dot
  const middle = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  return { image: imageOf(paper, factor, middle), factor };
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
  let layers = data.layers.map(readDense);
  const units = layers.at(-2).units;
  const pixels = bytes(data.images);
  const samples = data.labels.map((label, number) => ({
    label,
    image: Float32Array.from(
      pixels.subarray(number * PIXELS, (number + 1) * PIXELS),
      (value) => value / 255,
    ),
  }));

  let drawing = blank();
  let sample = null; // the test digit that is shown and has not been drawn on
  let input = imageOf(drawing);
  let probabilities = null;
  const cursor = { row: 14, column: 14, shown: false };

  // ---------------------------------------------------------------- elements

  const paper = make("canvas", {
    class: "ck-paper",
    width: PAPER * ZOOM,
    height: PAPER * ZOOM,
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
  const scaled = make("canvas", { class: "ck-seen", width: SIDE, height: SIDE, role: "img" });
  const scaledText = make("figcaption");
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
      drawing = paperOf(each.image);
      sample = each;
      update();
    });
    load.append(button);
  }
  // A browser that is too old to unpack the stored digits shows the rest of the figure.
  const practice =
    data.stored && typeof DecompressionStream !== "undefined"
      ? makePracticePanel(data.stored, layers, { take, useLayers })
      : null;
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
          make("label", {}, centre, " scale and centre"),
        ),
        ...(practice ? [practice.keepRow] : []),
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
          make("figure", {}, scaled, scaledText),
          make("figure", {}, seen, seenText),
          make("figure", {}, heat, heatText),
        ),
      ),
    ),
    load,
    ...(practice ? [practice.panel] : []),
    spoken.node,
    place.node,
  );

  // ---------------------------------------------------------------- what is shown

  function drawPaper() {
    const context = paper.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, paper.width, paper.height);
    drawing.forEach((distance, at) => {
      if (distance < PEN) {
        const grey = Math.round(255 * (1 - inkAt(distance)));
        context.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
        const [column, row] = [at % PAPER, Math.floor(at / PAPER)];
        context.fillRect(column * ZOOM, row * ZOOM, ZOOM, ZOOM);
      }
    });
    // MNIST's digits fill a box of 20 by 20 pixels.
    context.lineWidth = 2;
    context.strokeStyle = "#8a8a8a";
    context.setLineDash([8, 8]);
    const pixel = FINE * ZOOM;
    context.strokeRect(4 * pixel, 4 * pixel, BOX * pixel, BOX * pixel);
    context.setLineDash([]);
    const box = centre.checked && !sample ? boxOf(drawing) : null;
    if (box) { // what is scaled to that size
      context.strokeStyle = "#0b63a5";
      const { left, top, right, bottom } = box;
      context.strokeRect(left * pixel, top * pixel, (right - left) * pixel, (bottom - top) * pixel);
    }
    if (cursor.shown) {
      const [x, y] = [cursor.column * pixel, cursor.row * pixel];
      context.lineWidth = 7;
      context.strokeStyle = "white";
      context.strokeRect(x, y, pixel, pixel);
      context.lineWidth = 4;
      context.strokeStyle = "#b2182b";
      context.strokeRect(x, y, pixel, pixel);
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
    const whole = !centre.checked || Boolean(sample); // it goes to the network as it is
    const { image, factor } = whole ? { image: imageOf(drawing), factor: 1 } : fitted(drawing);
    const way = whole ? { down: 0, right: 0 } : wayToMiddle(image);
    input = moved(image, way);
    const outputs = layerOutputs(input, layers);
    const hidden = outputs.at(-2);
    probabilities = outputs.at(-1);

    drawPaper();
    const scale = whole ? "Not scaled" : `Scaled to 20 pixels: \u00d7 ${write(factor, 2)}`;
    paint(scaled, image, BLACK);
    scaledText.textContent = scale;
    scaled.setAttribute("aria-label", `The drawing. ${scale}`);
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
      : drawing.some((distance) => distance < PEN)
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
    drawPath(drawing, from, to);
    sample = null;
    update();
  }

  /** The drawing, as the network gets it, to train on; a sentence if there is none. */
  function take() {
    if (sample) {
      return "This is a test digit. Press Clear, and draw one of your own.";
    }
    if (!drawing.some((distance) => distance < PEN)) {
      return "Nothing is drawn. Draw a digit first.";
    }
    show(); // what was drawn since the last frame
    const image = input;
    wipe();
    return image;
  }

  function useLayers(given) {
    layers = given;
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
      drawing = drawing.map((distance, at) => {
        const [row, column] = [Math.floor(at / PAPER), at % PAPER].map((k) => Math.floor(k / FINE));
        const near = Math.abs(row - cursor.row) <= 1 && Math.abs(column - cursor.column) <= 1;
        return near ? FAR : distance;
      });
      sample = null;
    } else {
      return;
    }
    event.preventDefault(); // the page must not scroll
    cursor.shown = true;
    const [x, y] = cursorPoint();
    const dark = Math.round(100 * inkAt(distanceAt(drawing, x, y)));
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
  function wipe() {
    drawing = blank();
    sample = null;
    update();
  }
  clear.addEventListener("click", wipe);
  centre.addEventListener("change", update);

  if (samples.length) { // the first thing a reader sees is a digit, not an empty page
    drawing = paperOf(samples[0].image);
    sample = samples[0];
  }
  show();
  return {
    practice,
    predict: (image) => Array.from(layerOutputs(image, layers).at(-1)),
    hidden: (image) => Array.from(layerOutputs(image, layers).at(-2)),
    current: () => ({
      drawing: Array.from(imageOf(drawing)),
      input: Array.from(input),
      probabilities: Array.from(probabilities),
    }),
  };
}
