// Slide a learned kernel over a window of a signal.

const PANEL = 66; // height of a channel's panel, in pixels
const LEFT = 58; // room for the names
const RIGHT = 10;
const GAP = 10;

function kernelFigure(root, data) {
  const layer = readConvolution(data.layer);
  const { size, channels, filters, strides, activation } = layer;
  const windows = data.windows.map(({ name, values }) => ({ name, values: floats(values) }));
  const { length, rate } = data;
  const positions = positionsOf(length, layer);

  // ---------------------------------------------------------------- elements

  const walk = make("select");
  windows.forEach(({ name }, number) => walk.append(make("option", { value: number }, name)));
  const choice = make("select");
  for (let filter = 0; filter < filters; filter += 1) {
    choice.append(make("option", { value: filter }, `${filter}`));
  }
  const slider = make("input", { type: "range", min: 0, max: positions - 1, step: 1 });
  const highest = make("button", { type: "button" }, "Go to the highest");
  const lowest = make("button", { type: "button" }, "Go to the lowest");
  const { svg, add } = makeDrawing({ class: "ck-drawing", role: "img" });
  const sum = make("p", { class: "ck-sum" });
  const spoken = makeSpoken();
  root.append(
    make(
      "div",
      { class: "ck-row" },
      make("label", {}, "window ", walk),
      make("label", {}, "filter ", choice),
      highest,
      lowest,
    ),
    make("label", { class: "ck-slide" }, "position of the kernel", slider),
    svg,
    sum,
    spoken.node,
  );

  // ---------------------------------------------------------------- what is shown

  let chosen = null; // window, filter, and what follows from these two
  function choose() {
    const signal = windows[Number(walk.value)].values;
    const filter = Number(choice.value);
    const raw = response(signal, layer, filter);
    let longest = 0; // of the bars of products: they have one scale at all positions
    for (let position = 0; position < positions; position += 1) {
      longest = Math.max(longest, ...productsAt(signal, filter, position).map(Math.abs));
    }
    chosen = { signal, filter, raw, longest };
  }

  /** What each covered sample adds: its products with the weights, over all channels. */
  function productsAt(signal, filter, position) {
    const first = position * strides * channels;
    return Array.from({ length: size }, (_, sample) => {
      let product = 0;
      for (let channel = 0; channel < channels; channel += 1) {
        const place = sample * channels + channel;
        product += signal[first + place] * layer.kernel[place * filters + filter];
      }
      return product;
    });
  }

  function goTo(extreme) {
    slider.value = chosen.raw.indexOf(extreme(...chosen.raw));
  }

  function show() {
    const { signal, filter, raw } = chosen;
    const position = Number(slider.value);
    const first = position * strides; // the first sample that is covered
    const parts = productSums(signal, layer, filter, position);
    const before = raw[position];
    const after = activate([before], activation)[0];
    draw(position, first);

    const terms = Array.from(parts, (part, channel) => [data.channels[channel], part]);
    terms.push(["bias", layer.bias[filter]]);
    sum.replaceChildren();
    terms.forEach(([name, value], number) => {
      sum.append(
        make("span", { class: "ck-term" }, make("span", {}, name), ` ${write(value)}`),
        number < terms.length - 1 ? " + " : " = ",
      );
    });
    sum.append(make("strong", {}, write(before)));
    if (activation === "relu") {
      const does = before > 0 ? "; relu leaves it at " : "; relu makes it ";
      sum.append(does, make("strong", {}, write(after)));
    }
    sum.append(".");

    const seconds = (sample) => write(sample / rate, 2);
    const stretch =
      `samples ${first} to ${first + size - 1}, ` +
      `${seconds(first)} to ${seconds(first + size - 1)} s`;
    slider.setAttribute("aria-valuetext", `${stretch}; output ${write(after)}`);
    svg.setAttribute(
      "aria-label",
      `${windows[Number(walk.value)].name}: ${channels} channels over ` +
        `${write(length / rate, 1)} seconds with kernel ${filter} laid over ${stretch}, the ` +
        `products under it, and the output at all ${positions} positions, here ${write(after)}`,
    );
    spoken.say(`Sum ${write(before)}, output ${write(after)}`);
  }

  function draw(position, first) {
    const { signal, filter, raw } = chosen;
    const width = Math.max(svg.clientWidth, 240);
    const below = channels * (PANEL + GAP); // where the products begin
    const lowestPanel = below + PANEL + GAP;
    const bottom = lowestPanel + 1.5 * PANEL;
    const height = bottom + 40;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    svg.replaceChildren();

    const x = (sample) => LEFT + ((width - LEFT - RIGHT) * sample) / (length - 1);
    const middle = (place) => x(place * strides + (size - 1) / 2);
    const name = (text, y) =>
      add("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, text);
    const zero = (y) => add("line", { class: "ck-zero", x1: LEFT, x2: width - RIGHT, y1: y, y2: y });

    add("rect", {
      class: "ck-covered",
      x: x(first),
      y: 0,
      width: x(first + size - 1) - x(first),
      height: lowestPanel - GAP,
    });

    // The channels, with the kernel over them, drawn taller than it is.
    let tallest = 0;
    for (let place = 0; place < size * channels; place += 1) {
      tallest = Math.max(tallest, Math.abs(layer.kernel[place * filters + filter]));
    }
    const largest = signal.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    for (let channel = 0; channel < channels; channel += 1) {
      const centre = channel * (PANEL + GAP) + PANEL / 2;
      const half = PANEL / 2 - 2;
      zero(centre);
      name(data.channels[channel], centre);
      const samples = Array.from({ length }, (_, sample) => [
        x(sample),
        centre - (half * signal[sample * channels + channel]) / largest,
      ]);
      add("path", { class: "ck-signal", d: pathThrough(samples) });
      const weights = Array.from({ length: size }, (_, sample) => {
        const weight = layer.kernel[(sample * channels + channel) * filters + filter];
        return [x(first + sample), centre - (0.8 * half * weight) / (tallest || 1)];
      });
      add("path", { class: "ck-kernel", d: pathThrough(weights) });
    }

    const centre = below + PANEL / 2;
    zero(centre);
    name("products", centre);
    const bar = Math.max((0.7 * (width - LEFT - RIGHT)) / length, 1);
    productsAt(signal, filter, position).forEach((product, sample) => {
      const tall = ((PANEL / 2) * Math.abs(product)) / (chosen.longest || 1);
      add("rect", {
        class: product > 0 ? "ck-up" : "ck-down",
        x: x(first + sample) - bar / 2,
        y: product > 0 ? centre - tall : centre,
        width: bar,
        height: tall,
      });
    });

    // The output, each value at the middle of the samples that it is made from.
    const high = Math.max(0, ...raw);
    const low = Math.min(0, ...raw);
    const y = (value) => bottom - ((bottom - lowestPanel) * (value - low)) / (high - low || 1);
    const after = activate(raw, activation);
    zero(y(0));
    name("output", y(0));
    add("path", { class: "ck-before", d: pathThrough(Array.from(raw, (v, k) => [middle(k), y(v)])) });
    add("path", { class: "ck-after", d: pathThrough(Array.from(after, (v, k) => [middle(k), y(v)])) });
    add("line", {
      class: "ck-link",
      x1: middle(position),
      x2: middle(position),
      y1: lowestPanel - GAP,
      y2: y(after[position]),
    });
    add("circle", { class: "ck-dot", cx: middle(position), cy: y(after[position]), r: 5.5 });

    for (let second = 0; second <= (length - 1) / rate; second += 1) {
      add("text", { x: x(second * rate), y: bottom + 18, "text-anchor": "middle" }, `${second}`);
    }
    add("text", { x: LEFT, y: bottom + 36 }, "time (s)");
  }

  // ---------------------------------------------------------------- what readers do

  const update = oncePerFrame(show);
  slider.addEventListener("input", update);
  for (const select of [walk, choice]) {
    select.addEventListener("change", () => {
      choose();
      update();
    });
  }
  highest.addEventListener("click", () => {
    goTo(Math.max);
    update();
  });
  lowest.addEventListener("click", () => {
    goTo(Math.min);
    update();
  });
  new ResizeObserver(update).observe(root);

  choice.value = data.filter;
  choose();
  goTo(Math.max);
  show();
  return {
    /** All filters at all positions, after the activation, as Keras orders them. */
    predict: (signal) => {
      const columns = Array.from({ length: filters }, (_, filter) =>
        activate(response(signal, layer, filter), activation),
      );
      return Array.from({ length: positionsOf(signal.length / channels, layer) }, (_, place) =>
        columns.map((column) => column[place]),
      );
    },
    current: () => ({
      window: Number(walk.value),
      filter: chosen.filter,
      position: Number(slider.value),
      sum: chosen.raw[Number(slider.value)],
    }),
  };
}
