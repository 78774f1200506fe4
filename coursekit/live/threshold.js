// Move three numbers, and see on which side of the threshold the network puts them.

const CELLS = 32; // of the map, along each side

function thresholdFigure(root, data) {
  const layers = data.layers.map(readDense);
  const { threshold, names } = data;
  const probabilitiesOf = (row) => layerOutputs(row, layers).at(-1);

  // ---------------------------------------------------------------- elements

  const sliders = names.map((name, number) => {
    const input = make("input", { type: "range", min: 0, max: 1, step: 0.01 });
    input.value = data.begin[number];
    const value = make("span", { class: "ck-number" });
    return { input, value, label: make("label", { class: "ck-slide" }, name, input, value) };
  });
  const segments = names.map(() => make("span"));
  const mark = make("span", { class: "ck-mark" });
  mark.style.left = `${(100 * threshold) / 3}%`;
  const total = make("div", { class: "ck-total", "aria-hidden": "true" }, ...segments, mark);
  const rule = make("p");
  const answer = make("p", { class: "ck-answer" });
  const bars = makeBars(["class 0", "class 1"], "Probability of each class");
  const map = make("canvas", { width: CELLS, height: CELLS, "aria-hidden": "true" });
  const { svg, add } = makeDrawing({ viewBox: "0 0 100 100", "aria-hidden": "true" });
  const frame = make("div", { class: "ck-map", role: "img" }, map, svg);
  const caption = make("figcaption");
  const key = (name, text) =>
    make("span", {}, make("span", { class: `ck-key ${name}`, "aria-hidden": "true" }), text);
  const spoken = makeSpoken();
  root.append(
    make(
      "div",
      { class: "ck-columns" },
      make(
        "div",
        { class: "ck-main" },
        ...sliders.map(({ label }) => label),
        total,
        rule,
        answer,
        bars.list,
      ),
      make(
        "figure",
        { class: "ck-side" },
        make(
          "div",
          { class: "ck-axes" },
          make("span", { class: "ck-up-axis", "aria-hidden": "true" }, names[1]),
          frame,
          make("span", { class: "ck-right-axis", "aria-hidden": "true" }, names[0]),
        ),
        caption,
        make(
          "p",
          { class: "ck-keys" },
          key("ck-class-0", "network says 0"),
          key("ck-class-1", "network says 1"),
          key("ck-rule", "the rule"),
        ),
      ),
    ),
    spoken.node,
  );

  // ---------------------------------------------------------------- what is shown

  const CLASS_0 = [86, 180, 233];
  const CLASS_1 = [204, 121, 167];

  let mapped = null; // the third number that the map was computed for
  function drawMap(third) {
    if (mapped === third) {
      return;
    }
    mapped = third;
    const context = map.getContext("2d");
    const picture = context.createImageData(CELLS, CELLS);
    for (let row = 0; row < CELLS; row += 1) {
      for (let column = 0; column < CELLS; column += 1) {
        const point = [(column + 0.5) / CELLS, 1 - (row + 0.5) / CELLS, third];
        const surplus = 2 * probabilitiesOf(point)[1] - 1; // -1 for class 0, 1 for class 1
        const colour = surplus < 0 ? CLASS_0 : CLASS_1;
        const strength = Math.abs(surplus);
        const place = 4 * (row * CELLS + column);
        colour.forEach((part, at) => {
          picture.data[place + at] = 255 - strength * (255 - part);
        });
        picture.data[place + 3] = 255;
      }
    }
    context.putImageData(picture, 0, 0);
  }

  function show() {
    const values = sliders.map(({ input }) => Number(input.value));
    // In hundredths, which are whole: 0.1 + 0.6 + 0.8 is a little more than 1.5 for a machine.
    const sum = values.reduce((left, right) => left + Math.round(100 * right), 0) / 100;
    const isOne = sum > threshold;
    const probabilities = probabilitiesOf(values);
    const says = probabilities[1] > probabilities[0] ? 1 : 0;

    sliders.forEach(({ value }, number) => {
      value.textContent = write(values[number], 2);
      segments[number].style.width = `${(100 * values[number]) / 3}%`;
    });
    const terms = values.map((value) => write(value, 2)).join(" + ");
    rule.textContent =
      `${terms} = ${write(sum, 2)}, ${isOne ? "more" : "not more"} than ${threshold}: ` +
      `the rule says ${isOne ? 1 : 0}.`;
    answer.replaceChildren(
      "The network says ",
      make("strong", {}, `${says}`),
      ` (${write(probabilities[says])})${says === Number(isOne) ? "." : ", which is wrong."}`,
    );
    bars.show(probabilities);

    const [first, second, third] = values;
    drawMap(third);
    svg.replaceChildren();
    const rest = threshold - third; // the rule's border: first + second = rest
    add("line", {
      class: "ck-border",
      x1: 100 * (rest - 1),
      y1: 0,
      x2: 100 * rest,
      y2: 100,
    });
    add("circle", { class: "ck-point", cx: 100 * first, cy: 100 * (1 - second), r: 3 });
    caption.textContent =
      `${names[0]} and ${names[1]} from 0 to 1, with ${names[2]} at ${write(third, 2)}`;
    frame.setAttribute(
      "aria-label",
      `Map of the network's answer for all ${names[0]} and ${names[1]} from 0 to 1, with ` +
        `${names[2]} at ${write(third, 2)}; the point at ${write(first, 2)} and ` +
        `${write(second, 2)} gets class ${says}`,
    );
    spoken.say(`${rule.textContent} ${answer.textContent}`);
  }

  // ---------------------------------------------------------------- what readers do

  const update = oncePerFrame(show);
  for (const { input } of sliders) {
    input.addEventListener("input", update);
  }
  // The map is a second way to set the first two; a finger that drags scrolls the page.
  function pick(event) {
    const box = map.getBoundingClientRect();
    sliders[0].input.value = (event.clientX - box.left) / box.width;
    sliders[1].input.value = 1 - (event.clientY - box.top) / box.height;
    update();
  }
  frame.addEventListener("click", pick);
  frame.addEventListener("pointermove", (event) => {
    if (event.buttons === 1 && event.pointerType !== "touch") {
      pick(event);
    }
  });

  show();
  return {
    predict: (row) => Array.from(probabilitiesOf(row)),
    current: () => {
      const values = sliders.map(({ input }) => Number(input.value));
      return { values, probabilities: Array.from(probabilitiesOf(values)) };
    },
  };
}
