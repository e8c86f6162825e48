// Three clocks: how long a state lasts, how long its gradient lasts, how long a trained network recalls.
//
// Two memories start at 1 and are left alone for 60 steps:
//   a tanh unit   h_k = tanh(w h_{k-1})     gradient ∂h_k/∂h_0 = product of w (1 - h_t²)
//   a gate        c_k = σ(b_f) c_{k-1}      gradient ∂c_k/∂c_0 = σ(b_f)^k
// The first half of this file is arithmetic (tests hold it to Python's numbers), the second half draws.
// Nothing moves on its own, so there is nothing to still for readers who prefer reduced motion.

export const STEPS = 60;

// ---------------------------------------------------------------- arithmetic

export const sigmoid = (a) => 0.5 * (1 + Math.tanh(0.5 * a));

/** The state and the gradient of a tanh unit after 0 … steps steps. */
export function tanhUnit(w, steps = STEPS) {
  const state = [1];
  const gradient = [1];
  for (let k = 1; k <= steps; k++) {
    const h = Math.tanh(w * state[k - 1]);
    state.push(h);
    gradient.push(gradient[k - 1] * w * (1 - h * h));
  }
  return { state, gradient };
}

/** The same two curves of a constant forget gate. They are one curve: what keeps the state keeps its gradient. */
export function forgetGate(bias, steps = STEPS) {
  const f = sigmoid(bias);
  const state = Array.from({ length: steps + 1 }, (_, k) => f ** k);
  return { f, state, gradient: state };
}

/** Where a tanh unit comes to rest: 0, or for w > 1 the positive solution of h = tanh(w h), by Newton's method. */
export function restingState(w) {
  if (w <= 1) return 0;
  let h = 1;
  for (let n = 0; n < 100; n++) {
    const t = Math.tanh(w * h);
    h -= (t - h) / (w * (1 - t * t) - 1);
  }
  return h;
}

/** What one step leaves of the gradient once the unit has come to rest. */
export const restingFactor = (w) => w * (1 - restingState(w) ** 2);

/** Steps in which a quantity that keeps a fixed factor a step loses half: ln 2 / -ln factor. */
export const halfLife = (factor) => (factor >= 1 ? Infinity : Math.LN2 / -Math.log(factor));

/** Steps until the state of a tanh unit has fallen from 1 to one half, read between two steps on a log scale. */
export function unitStateHalfLife(w) {
  if (restingState(w) >= 0.5) return Infinity;
  let before = 1;
  for (let k = 1; ; k++) {
    const after = Math.tanh(w * before);
    if (after <= 0.5) return k - 1 + Math.log(before / 0.5) / Math.log(before / after);
    before = after;
  }
}

// ---------------------------------------------------------------- words

const count = (steps) => `${steps.toFixed(steps < 1 ? 2 : steps < 100 ? 1 : 0)} steps`;
const percent = (factor) => `${(100 * factor).toFixed(1)} %`;
const small = (x) => (x >= 0.001 ? x.toPrecision(2) : x.toExponential(0).replace("e-", " × 10⁻").replace(/\d+$/, superscript));
const superscript = (digits) => [...digits].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("");

/** What the two clocks of a tanh unit say. */
export function unitWords(w) {
  const rest = restingState(w);
  const half = unitStateHalfLife(w);
  const lost = `The state loses half in ${count(half)}`;
  let state = `${lost}.`;
  if (half === Infinity) state = `The state never dies: it latches at ±${rest.toFixed(3)}.`;
  else if (w > 1) state = `${lost}, then latches at ±${rest.toFixed(3)}.`;
  else if (w === 1) state = `${lost}, and fades ever more slowly after that.`;

  const factor = restingFactor(w);
  const gradient =
    factor < 1
      ? `Once settled, its gradient keeps ${percent(factor)} a step: half-life ${count(halfLife(factor))}.`
      : `Its gradient has no half-life: it fades ever more slowly, to ${small(tanhUnit(w).gradient[STEPS])} after ${STEPS} steps.`;
  return `${state} ${gradient}`;
}

/** What the two clocks of a forget gate say. */
export function gateWords(bias) {
  const f = sigmoid(bias);
  return `The gate keeps ${percent(f)} a step. State and gradient fade together: both lose half in ${count(halfLife(f))}.`;
}

const ANSWERS = {
  state: "The state dies, the gradient stays.",
  gradient: "The gradient dies, the state stays.",
  both: "Both die.",
  neither: "Neither dies.",
};

/** The verdict on a guess. */
export function verdict(guess) {
  const opening = guess === "gradient" ? "Right." : `You said: “${ANSWERS[guess]}” It is the gradient that dies.`;
  const rest = restingState(1.5).toFixed(3);
  return (
    `${opening} At w = 1.5 the state latches at ${rest} and stays there for ever, while its gradient is multiplied ` +
    `by w (1 − h²) = ${restingFactor(1.5).toFixed(3)} at every step: half of it is gone every ` +
    `${count(halfLife(restingFactor(1.5)))}. Storing is not learning to store.`
  );
}

// ---------------------------------------------------------------- drawing

const SVG = "http://www.w3.org/2000/svg";
const BOX = { width: 360, height: 230, left: 52, right: 90, top: 12, bottom: 40 };

/** Make an HTML element: make("p", { className: "note" }, "text", child, …). */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Make an SVG element with attributes. */
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A scale turns a value into a position between two ends; values beyond the ends stay at them.
function linear([from, to], [start, end]) {
  return (value) => start + ((Math.min(Math.max(value, from), to) - from) / (to - from)) * (end - start);
}

function logarithmic([from, to], ends) {
  const scale = linear([Math.log10(from), Math.log10(to)], ends);
  return (value) => scale(Math.log10(Math.max(value, from)));
}

/** A panel: frame, grid, axis labels. Returns the drawing, its scales, and the group into which curves go. */
function panel({ title, xLabel, yLabel, x, y, xTicks, yTicks }) {
  const { width, height, left, right, top, bottom } = BOX;
  const xScale = x([left, width - right]);
  const yScale = y([height - bottom, top]);
  const grid = draw("g", { class: "tc-grid" });
  for (const [value, text] of yTicks) {
    grid.append(draw("path", { d: `M${left} ${yScale(value)}H${width - right}` }));
    grid.append(draw("text", { x: left - 6, y: yScale(value) + 4, "text-anchor": "end" }, text));
  }
  for (const [value, text] of xTicks) {
    grid.append(draw("text", { x: xScale(value), y: height - bottom + 17, "text-anchor": "middle" }, text));
  }
  grid.append(draw("text", { x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle" }, xLabel));
  grid.append(draw("text", { class: "tc-y", transform: `translate(11 ${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel));
  const curves = draw("g");
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, grid, curves);
  const figure = make("div", { className: "tc-panel" }, make("p", { className: "tc-title" }, title), svg);
  return { figure, svg, curves, xScale, yScale };
}

/** The path of a curve from step 0 to its end, or to the floor of the panel, which it meets between two steps. */
function path(values, { xScale, yScale, floor = -Infinity }) {
  const below = values.findIndex((value) => value < floor);
  const points = values.map((value, k) => [k, value]).slice(0, below < 0 ? undefined : below);
  if (below > 0) {
    const [before, after] = [values[below - 1], values[below]];
    points.push([below - 1 + Math.log(before / floor) / Math.log(before / after), floor]);
  }
  return "M" + points.map(([k, value]) => `${xScale(k).toFixed(1)} ${yScale(value).toFixed(1)}`).join("L");
}

/** Draw the curves of one panel anew, and write the name of each at its right end. */
function drawCurves(frame, series, description) {
  const { curves, svg, yScale, floor } = frame;
  const end = BOX.width - BOX.right + 6;
  const labels = series.map(({ values }) => yScale(values.at(-1)) + 4);
  spread(labels);
  curves.replaceChildren(
    ...series.flatMap(({ name, kind, values }, n) => [
      draw("path", { class: `tc-curve ${kind}`, d: path(values, frame) }),
      draw("text", { class: `tc-name ${kind}`, x: end, y: labels[n] }, values.at(-1) < floor ? `${name} ↓` : name),
    ]),
  );
  svg.setAttribute("aria-label", description);
}

/** Move labels apart until each can be read: down one after the other, then up again from the floor of the panel. */
function spread(heights, distance = 15) {
  const order = heights.map((_, n) => n).sort((a, b) => heights[a] - heights[b]);
  let ceiling = BOX.top;
  for (const n of order) ceiling = (heights[n] = Math.max(heights[n], ceiling)) + distance;
  let floor = BOX.height - BOX.bottom + 4;
  for (const n of order.reverse()) floor = (heights[n] = Math.min(heights[n], floor)) - distance;
}

const stepTicks = [0, 20, 40, 60].map((k) => [k, `${k}`]);

const statePanel = () =>
  panel({
    title: "Clock 1: what is left of the state",
    xLabel: "steps k",
    yLabel: "state",
    x: (ends) => linear([0, STEPS], ends),
    y: (ends) => linear([0, 1], ends),
    xTicks: stepTicks,
    yTicks: [0, 0.5, 1].map((value) => [value, `${value}`]),
  });

const SMALLEST = 1e-12; // the gradient panel ends here, and so do curves that fall below it

const gradientPanel = () => ({
  floor: SMALLEST,
  ...panel({
    title: "Clock 2: what is left of the gradient",
    xLabel: "steps k",
    yLabel: "gradient, log scale",
    x: (ends) => linear([0, STEPS], ends),
    y: (ends) => logarithmic([SMALLEST, 1], ends),
    xTicks: stepTicks,
    yTicks: [0, -4, -8, -12].map((n) => [10 ** n, n ? `10⁻${superscript(`${-n}`)}` : "1"]),
  }),
});

/** Measured recall: one row of points for each network, and chance as a thin line. */
function recallPanel(recall, chance) {
  const delays = recall.map(({ delay }) => delay);
  const ends = [Math.min(...delays), Math.max(...delays)];
  const name = ({ network = "RNN" }) => network;
  const frame = panel({
    title: "Clock 3: what a trained network recalls (measured)",
    xLabel: "delay in steps, log scale",
    yLabel: "accuracy",
    x: (range) => logarithmic(ends[0] < ends[1] ? ends : [ends[0], ends[0] + 1], range),
    y: (range) => linear([0, 1], range),
    xTicks: [...new Set(ends)].map((delay) => [delay, `${delay}`]),
    yTicks: [0, 0.5, 1].map((value) => [value, `${value}`]),
  });
  const { curves, svg, xScale, yScale } = frame;
  const right = BOX.width - BOX.right;
  curves.append(draw("path", { class: "tc-chance", d: `M${BOX.left} ${yScale(chance)}H${right}` }));
  const networks = [...new Set(recall.map(name))];
  const lasts = networks.map((network) => recall.filter((row) => name(row) === network).at(-1));
  const labels = [...lasts.map(({ accuracy }) => accuracy), chance].map((accuracy) => yScale(accuracy) + 4);
  spread(labels);
  curves.append(draw("text", { class: "tc-name", x: right + 6, y: labels.at(-1) }, "chance"));
  networks.forEach((network, n) => {
    const kind = n ? "tc-gate" : "tc-unit";
    for (const { delay, accuracy } of recall.filter((row) => name(row) === network)) {
      curves.append(draw("circle", { class: `tc-point ${kind}`, cx: xScale(delay), cy: yScale(accuracy), r: 4 }));
    }
    curves.append(draw("text", { class: `tc-name ${kind}`, x: right + 6, y: labels[n] }, network));
  });
  const said = recall.map((row) => `${name(row)} ${percent(row.accuracy)} at delay ${row.delay}`).join(", ");
  svg.setAttribute("aria-label", `Accuracy against delay: ${said}. Chance is ${percent(chance)}.`);
  return frame.figure;
}

// ---------------------------------------------------------------- the explorable

/** A slider that writes to the model, with its label and its value beside it. */
function slider(model, key, { kind, label, min, max, step, describe }) {
  const input = make("input", { type: "range", min, max, step, value: model.get(key) });
  input.dataset.lmSuppressShortcuts = "true"; // or JupyterLab takes the arrow keys for itself
  const output = make("span", { className: "tc-value" }); // not <output>, which would announce every change
  const show = () => {
    input.value = model.get(key);
    output.textContent = describe(model.get(key));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => {
    model.set(key, Number(input.value));
    model.save_changes();
  });
  model.on(`change:${key}`, show);
  show();
  return { input, row: make("label", { className: `tc-slider ${kind}` }, make("span", {}, label), input, output) };
}

/** The question that comes before the curves. */
function question(model) {
  const radios = Object.entries(ANSWERS).map(([value, text]) => {
    const radio = make("input", { type: "radio", name: "tc-guess", value, required: true });
    return make("label", {}, radio, ` ${text}`);
  });
  const check = make("button", { type: "submit" }, "Check my guess");
  const skip = make("button", { type: "button" }, "Show without guessing");
  const legend = make(
    "legend",
    {},
    "Guess first. A tanh unit with w = 1.5 holds a 1 and is then left alone. After 60 steps, what has died: " +
      "its state, the gradient of its state, both, or neither?",
  );
  const form = make("form", { className: "tc-question" }, make("fieldset", {}, legend, ...radios, check, " ", skip));
  const answer = (guess) => {
    model.set("guess", guess);
    model.save_changes();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(new FormData(form).get("tc-guess"));
  });
  skip.addEventListener("click", () => answer("skipped"));
  return form;
}

/** Hand the colours of lstm_lib.notation to the style sheet, which picks the light or the dark ones. */
function setColours(element, palette) {
  for (const [name, { hue, on_light, on_dark }] of Object.entries(palette)) {
    element.style.setProperty(`--tc-${name}-hue`, hue);
    element.style.setProperty(`--tc-${name}-light`, on_light);
    element.style.setProperty(`--tc-${name}-dark`, on_dark);
  }
}

function render({ model, el }) {
  const root = make("div", { className: "three-clocks" });
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Explorable: three clocks");
  setColours(root, model.get("palette"));

  const form = question(model);
  const said = make("p", { className: "tc-verdict" });
  said.setAttribute("role", "status");

  const weight = slider(model, "w", {
    kind: "tc-of-unit",
    label: "Recurrent weight w of the tanh unit",
    min: 0.1,
    max: 2.5,
    step: 0.05,
    describe: (w) => `w = ${w.toFixed(2)}`,
  });
  const bias = slider(model, "forget_bias", {
    kind: "tc-of-gate",
    label: "Bias of the forget gate",
    min: -2,
    max: 6,
    step: 0.1,
    describe: (b) => `bias ${b.toFixed(1)}, f = ${sigmoid(b).toFixed(3)}`,
  });
  const clocks = [statePanel(), gradientPanel()];
  const recall = model.get("recall");
  const figures = clocks.map(({ figure }) => figure);
  if (recall.length) figures.push(recallPanel(recall, model.get("chance")));
  const words = make("div", { className: "tc-words" });
  words.setAttribute("role", "status");
  const explorable = make("div", {}, weight.row, bias.row, make("div", { className: "tc-panels" }, ...figures), words);

  function redraw() {
    const w = model.get("w");
    const b = model.get("forget_bias");
    const curves = { "tc-unit": tanhUnit(w), "tc-gate": forgetGate(b) };
    ["state", "gradient"].forEach((clock, n) => {
      const series = Object.entries(curves).map(([kind, curve]) => ({
        name: kind === "tc-unit" ? "tanh unit" : "gate",
        kind: `${kind} tc-${clock}`,
        values: curve[clock],
      }));
      const ends = series.map(({ name, values }) => `${name} ${small(values.at(-1))}`).join(", ");
      drawCurves(clocks[n], series, `Curves of the ${clock} from step 0 to ${STEPS}. Left at the end: ${ends}.`);
    });
    words.replaceChildren(
      make("p", {}, make("strong", { className: "tc-unit" }, `Tanh unit, w = ${w.toFixed(2)}. `), unitWords(w)),
      make("p", {}, make("strong", { className: "tc-gate" }, `Forget gate, bias ${b.toFixed(1)}. `), gateWords(b)),
    );
  }

  function reveal() {
    const guess = model.get("guess");
    form.hidden = guess !== "";
    explorable.hidden = guess === "";
    said.textContent = guess in ANSWERS ? verdict(guess) : "";
  }

  model.on("change:w change:forget_bias", redraw);
  model.on("change:guess", () => {
    reveal();
    if (!explorable.hidden) weight.input.focus(); // the button that had the focus is gone
  });
  redraw();
  reveal();
  root.append(form, said, explorable);
  el.append(root);
}

export default { render };
