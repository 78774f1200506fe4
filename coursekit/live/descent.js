// One weight and its loss: take steps of gradient descent, and see where they lead.

const PLOT = { left: 44, right: 10, top: 22, bottom: 40, width: 380, height: 280 };
const MOST_STEPS = 300;

/** A step of about a hundredth of a value, and how many decimals it has. */
function fineStep(value) {
  const power = Math.floor(Math.log10(Math.abs(value))) - 1;
  return { step: 10 ** power, decimals: Math.max(-power, 0) };
}

function descentFigure(root, data) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const { x, y } = data;
  const meanOf = (term) => x.reduce((sum, each, row) => sum + term(each, y[row]), 0) / x.length;
  const lossAt = (w) => meanOf((input, target) => (w * input - target) ** 2);
  const slopeAt = (w) => meanOf((input, target) => 2 * (w * input - target) * input);
  const best = meanOf((input, target) => input * target) / meanOf((input) => input ** 2);
  const lowest = lossAt(best);
  const limit = 1 / meanOf((input) => input ** 2); // of the rate: above it, steps become longer
  const reach = 1.5 * Math.max(Math.abs(best), Math.abs(data.weight - best));

  let path = [data.weight]; // the weights so far
  let running = false;

  // ---------------------------------------------------------------- elements

  const ofWeight = fineStep(reach);
  const ofRate = fineStep(limit);
  function slider(name, { step, decimals }, from, to, value) {
    const [min, max] = [Math.ceil(from / step), Math.floor(to / step)];
    // Counted in whole steps: 0.1 + 0.2 is not 0.3 for a machine.
    const input = make("input", { type: "range", min, max, step: 1 });
    input.value = Math.round(value / step);
    const shown = make("span", { class: "ck-number" });
    const label = make("label", { class: "ck-slide" }, make("span", {}, name), input, shown);
    const read = () => Number((input.value * step).toFixed(decimals));
    const show = () => {
      shown.textContent = write(read(), decimals);
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    return { input, label, read, show };
  }
  const weight = slider("start at w =", ofWeight, best - reach, best + reach, data.weight);
  const rate = slider("learning rate", ofRate, ofRate.step, 1.4 * limit, data.rate);
  const button = (text, act) => {
    const node = make("button", { type: "button" }, text);
    node.addEventListener("click", act);
    return node;
  };
  const runButton = button("Run", () => (running ? pause() : go()));
  const { svg, add } = makeDrawing({
    class: "ck-drawing",
    viewBox: `0 0 ${PLOT.width} ${PLOT.height}`,
    role: "img",
  });
  const state = make("p", { class: "ck-words" });
  const next = make("p", { class: "ck-words" });
  const judgement = make("p", { class: "ck-judgement" });
  const key = (name, text) =>
    make("span", {}, make("span", { class: `ck-key ${name}`, "aria-hidden": "true" }), text);
  const pastKey = key("ck-key-past", "steps so far");
  const spoken = makeSpoken();
  root.append(
    make(
      "div",
      { class: "ck-columns" },
      make(
        "figure",
        { class: "ck-main" },
        svg,
        make(
          "figcaption",
          { class: "ck-keys" },
          key("ck-key-slope", "tangent: its steepness is the slope"),
          key("ck-key-next", "next step"),
          pastKey,
        ),
      ),
      make(
        "div",
        { class: "ck-side" },
        weight.label,
        rate.label,
        make(
          "div",
          { class: "ck-row" },
          button("Step", () => {
            pause();
            step();
            show();
          }),
          runButton,
          button("Back to the start", restart),
        ),
        state,
        next,
        judgement,
      ),
    ),
    spoken.node,
  );

  // ---------------------------------------------------------------- what is shown

  const weightText = (w) => numberText(w, ofWeight.decimals + 1);
  const lossText = (loss) => numberText(loss, 3);
  function numberText(value, digits) {
    if (Math.abs(value) < 1000) {
      return write(value, digits);
    }
    return Math.round(value).toLocaleString("en").replace("-", "\u2212");
  }

  const arrived = (w) => lossAt(w) <= 1.01 * lowest + 1e-9 * lossAt(0);
  const diverged = (w) => Math.abs(w - best) > 1000 * reach;

  /** What the last step did. */
  function judge() {
    const [before, now] = path.slice(-2);
    if (now === undefined) {
      return "";
    }
    const [old, loss] = [lossAt(before), lossAt(now)];
    if (diverged(now)) {
      return (
        "The training has diverged: the steps became longer and longer. The learning rate is " +
        "too large."
      );
    }
    if (loss > old * (1 + 1e-9)) {
      return (
        "The loss rose: the step went past the minimum and ended higher on the other side. " +
        "The learning rate is too large."
      );
    }
    if (arrived(now)) {
      return "The loss is within 1 % of its minimum.";
    }
    const removed = (old - loss) / (old - lowest);
    const percent = Math.round(100 * removed);
    if ((before - best) * (now - best) < 0) {
      const crossed = "The step went past the minimum and ended lower on the other side.";
      const little = `It removed only ${percent} % of the loss above the minimum.`;
      return removed < 0.2 ? `${crossed} ${little} The rate is almost too large.` : crossed;
    }
    return removed < 0.2
      ? `The step removed only ${percent} % of the loss above the minimum. The rate is small.`
      : "The loss fell. Nearer to the minimum, the slope and the steps become smaller.";
  }

  function draw(w, slope, after) {
    const { left, right, top, bottom, width, height } = PLOT;
    let shown = reach; // a picture that holds all steps
    while ([...path, after].some((each) => Math.abs(each - best) > shown)) {
      shown *= 2;
    }
    const [from, to] = [best - shown, best + shown];
    const high = lossAt(to);
    const across = (each) => left + ((width - left - right) * (each - from)) / (to - from);
    const up = (loss) => height - bottom - ((height - top - bottom) * loss) / high;
    const place = (each) => [across(each), up(lossAt(each))];
    const circle = (name, [cx, cy], r) => add("circle", { class: name, cx, cy, r });
    const compact = { notation: "compact" };
    const tick = (value) =>
      (Math.abs(value) < 1e4 ? `${value}` : value.toLocaleString("en", compact))
        .replace("-", "\u2212");

    svg.replaceChildren();
    for (const loss of ticks(high)) {
      const at = up(loss);
      add("line", { class: "ck-zero", x1: left, x2: width - right, y1: at, y2: at });
      add("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, tick(loss));
    }
    for (const each of ticks(to, from)) {
      const at = { x: across(each), y: height - bottom + 17, "text-anchor": "middle" };
      add("text", at, tick(each));
    }
    add("text", { x: 4, y: 12 }, "loss");
    add("text", { x: across(best), y: height - 6, "text-anchor": "middle" }, "weight w");
    const curve = Array.from({ length: 81 }, (_, k) => place(from + ((to - from) * k) / 80));
    add("path", { class: "ck-curve", d: pathThrough(curve) });
    const loss = lossAt(w);
    // The tangent, as far as it lies in the picture.
    const ends = [-0.6, 0.6].map((part) => {
      const asked = Math.min(Math.max(w + part * shown, from), to);
      const level = Math.min(Math.max(loss + slope * (asked - w), 0), high);
      return [across(slope ? w + (level - loss) / slope : asked), up(level)];
    });
    add("path", { class: "ck-slope", d: pathThrough(ends) });
    add("path", { class: "ck-past", d: pathThrough(path.map(place)) });
    path.slice(0, -1).forEach((each) => circle("ck-past-point", place(each), 3));
    const [x1, x2, level] = [across(w), across(after), up(loss)];
    if (Math.abs(x2 - x1) > 1.5) {
      const head = Math.sign(x2 - x1) * Math.min(7, Math.abs(x2 - x1));
      add("path", { class: "ck-next", d: pathThrough([[x1, level], [x2, level]]) });
      const tip = [[x2 - head, level - 4], [x2, level], [x2 - head, level + 4]];
      add("path", { class: "ck-next", d: pathThrough(tip) });
      add("path", { class: "ck-fall", d: pathThrough([[x2, level], place(after)]) });
      circle("ck-next-point", place(after), 4);
    }
    circle("ck-dot", place(w), 5.5);
  }

  function show() {
    weight.show();
    rate.show();
    const w = path.at(-1);
    const slope = slopeAt(w);
    const change = -rate.read() * slope;
    const [steps, moves] = [path.length - 1, write(rate.read(), ofRate.decimals)];
    state.textContent =
      `After ${steps} ${steps === 1 ? "step" : "steps"}: w\u00a0=\u00a0${weightText(w)}, ` +
      `loss ${lossText(lossAt(w))}, slope\u00a0${lossText(slope)}.`;
    next.textContent =
      `Next step: w\u00a0=\u00a0${weightText(w)} \u2212 ${moves} \u00d7 ${slope < 0 ? "(" : ""}` +
      `${lossText(slope)}${slope < 0 ? ")" : ""} = ${weightText(w + change)}.`;
    judgement.textContent = judge();
    pastKey.hidden = path.length < 2;
    draw(w, slope, w + change);
    const text = [state, next, judgement].map((node) => node.textContent).join(" ");
    svg.setAttribute("aria-label", `The loss over the weight, a parabola. ${text}`);
    spoken.say(text);
  }

  // ---------------------------------------------------------------- what readers do

  function step() {
    const w = path.at(-1);
    if (!diverged(w)) {
      path.push(w - rate.read() * slopeAt(w));
    }
  }

  function pause() {
    running = false;
    runButton.textContent = "Run";
  }

  function restart() {
    pause();
    path = [weight.read()];
    show();
  }

  let loop = 0; // the last Run; an earlier one may still wait for its frame
  function go() {
    running = true;
    runButton.textContent = "Pause";
    loop += 1;
    advance(loop, path.length + MOST_STEPS);
  }

  function advance(mine, most) {
    if (!running || mine !== loop) {
      return;
    }
    // Who wants little motion gets few pictures.
    for (let taken = 0; taken < (still.matches ? 10 : 1) && running; taken += 1) {
      step();
      const w = path.at(-1);
      if (arrived(w) || diverged(w) || path.length >= most) {
        pause();
      }
    }
    show();
    setTimeout(() => requestAnimationFrame(() => advance(mine, most)), still.matches ? 1500 : 200);
  }

  weight.input.addEventListener("input", restart);
  rate.input.addEventListener("input", oncePerFrame(show));

  show();
  return {
    loss: lossAt,
    slope: slopeAt,
    current: () => ({ path, rate: rate.read(), weight: weight.read(), running }),
  };
}
