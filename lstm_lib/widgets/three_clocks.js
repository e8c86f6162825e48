// Three clocks: how long a state lasts, how long its gradient lasts, over how long training can learn to store.
//
// Two memories start at 1 and are left alone for 60 steps:
//   a tanh unit   h_k = tanh(w h_{k-1})     gradient ∂h_k/∂h_0 = product of w (1 - h_t²)
//   a gate        c_k = σ(b_f) c_{k-1}      gradient ∂c_k/∂c_0 = σ(b_f)^k
// The first half of this file is arithmetic (tests hold it to Python's numbers), the second half draws.
// Nothing moves on its own, so there is nothing to still for readers who prefer reduced motion.

import { sigmoid, tanhBack, tanhStep } from "./cell.js";
import {
  addressed,
  draw,
  guessFirst,
  linear,
  logarithmic,
  make,
  modelSlider,
  num,
  panel,
  percent,
  small,
  spoken,
  stage,
  titled,
  within,
} from "./parts.js";

export const STEPS = 60;

// ---------------------------------------------------------------- arithmetic

/** The state and the gradient of a tanh unit after 0 … steps steps. It reads nothing but itself. */
export function tanhUnit(w, steps = STEPS) {
  const unit = { W: [[w]], b: [0] };
  const state = [1];
  const gradient = [1];
  for (let k = 1; k <= steps; k++) {
    const tape = tanhStep(unit, [], { h: [state[k - 1]] });
    state.push(tape.h[0]);
    gradient.push(gradient[k - 1] * tanhBack(unit, tape, { dh: [1] }).dh[0]);
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

export const DELAYS = 20;
const MOST = 1000; // training steps

/**
 * What it costs to learn to store a bit over 1 … DELAYS steps, in training steps, null where MOST are too few. The unit
 * rests at its latch; an event x = ±1 comes through a weight that starts at 0.1 and goes downhill by a tenth of the
 * gradient of the squared error, until the sign of the state is that of the event. Without a latch there is nothing.
 */
export function trainingSteps(w) {
  const rest = restingState(w);
  const costs = [];
  for (let k = 1; rest > 0 && k <= DELAYS; k++) costs.push(costs.at(-1) === null ? null : costOf(k, w, rest));
  return costs;
}

function costOf(k, w, rest) {
  let w_x = 0.1;
  for (let n = 0; n <= MOST; n++) {
    let stored = true;
    let gradient = 0;
    for (const x of [-1, 1]) {
      let h = Math.tanh(w * rest + w_x * x);
      let slope = (1 - h * h) * x; // ∂h/∂w_x
      for (let t = 0; t < k; t++) {
        h = Math.tanh(w * h);
        slope *= w * (1 - h * h);
      }
      stored &&= Math.sign(h) === x;
      gradient += ((h - rest * x) * slope) / 2;
    }
    if (stored) return n;
    w_x -= 0.1 * gradient;
  }
  return null;
}

// ---------------------------------------------------------------- words

/** What the third clock says of a tanh unit. */
export function costWords(w, costs) {
  if (!costs.length) return "Without a latch there is no bit to store: a third clock does not run.";
  const reached = costs.findIndex((n) => n === null);
  if (reached < 0) return `It learns to store a bit over ${DELAYS} steps in ${costs.at(-1)} training steps.`;
  if (reached === 0) return `A thousand training steps do not teach it to store a bit for one step.`;
  return `A thousand training steps teach it to store a bit over ${reached} ${reached === 1 ? "step" : "steps"}, not over ${reached + 1}.`;
}

const count = (steps) => `${steps.toFixed(steps < 1 ? 2 : steps < 100 ? 1 : 0)} steps`;

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
      ? `Once settled, its gradient keeps ${percent(factor, 1)} a step: half-life ${count(halfLife(factor))}.`
      : `Its gradient has no half-life: it fades ever more slowly, to ${small(tanhUnit(w).gradient[STEPS])} after ${STEPS} steps.`;
  return `${state} ${gradient}`;
}

/** What the two clocks of a forget gate say. */
export function gateWords(bias) {
  const f = sigmoid(bias);
  return `The gate keeps ${percent(f, 1)} a step. State and gradient fade together: both lose half in ${count(halfLife(f))}.`;
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

const BOX = { width: 360, height: 180, left: 52, right: 90, top: 12, bottom: 40 };

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
  const { curves, svg, floor } = frame;
  const paths = series.map(({ kind, values }) => draw("path", { class: `tc-curve ${kind}`, d: path(values, frame) }));
  const ends = series.map(({ name, kind, values }) => {
    const value = values.at(-1);
    return { text: value < floor ? `${name} ↓` : name, kind, value };
  });
  curves.replaceChildren(...paths, ...frame.names(ends));
  svg.setAttribute("aria-label", description);
  if (frame.plain) {
    const again = series.map(({ kind, values }) => draw("path", { class: `tc-curve ${kind}`, d: path(values, frame.plain) }));
    frame.plain.curves.replaceChildren(...again);
  }
}

const stepTicks = [0, 20, 40, 60].map((k) => [k, `${k}`]);

const halves = [0, 0.5, 1].map((value) => [value, `${value}`]);

const statePanel = () =>
  panel({
    title: "Clock 1: what is left of the state",
    box: BOX,
    xLabel: "steps k",
    yLabel: "state",
    x: [linear, [0, STEPS]],
    y: [linear, [0, 1]],
    xTicks: stepTicks,
    yTicks: halves,
  });

const SMALLEST = 1e-3; // the gradient panel ends here, and so do curves that fall below it

/** The gradient twice: on a log scale, and on a linear one, where what vanishes can be seen to be nothing. */
function gradientPanel() {
  const shared = { title: "", xLabel: "steps k", x: [linear, [0, STEPS]] };
  const log = panel({
    ...shared,
    box: { ...BOX, width: 236, right: 94 },
    yLabel: "gradient, log scale",
    y: [logarithmic, [SMALLEST, 1]],
    xTicks: [0, 30, 60].map((k) => [k, `${k}`]),
    yTicks: [1, 0.5, 0.1, 0.01, 0.001].map((value) => [value, `${value}`]),
  });
  const plain = panel({
    ...shared,
    box: { ...BOX, width: 124, left: 40, right: 8 },
    yLabel: "the same, linear scale",
    y: [linear, [0, 1]],
    xTicks: [0, 60].map((k) => [k, `${k}`]),
    yTicks: halves,
  });
  plain.svg.removeAttribute("role"); // the words of the first one are those of both
  plain.svg.setAttribute("aria-hidden", "true");
  const both = make("div", { className: "tc-scales" }, log.svg, plain.svg);
  return { ...log, floor: SMALLEST, figure: titled("Clock 2: what is left of the gradient", both), plain };
}

/** The third clock: how many training steps each delay costs; a cross at the top where a thousand were too few. */
function costPanel() {
  const made = panel({
    title: "Clock 3: training steps until the tanh unit stores a bit",
    box: BOX,
    xLabel: "delay in steps",
    yLabel: "training steps",
    x: [linear, [0, DELAYS]],
    y: [logarithmic, [1, MOST]],
    xTicks: [1, 5, 10, 15, 20].map((k) => [k, `${k}`]),
    yTicks: [1, 10, 100, 1000].map((n) => [n, `${n}`]),
  });
  /** Draw the costs of a weight: numbers of training steps by delay, null where there were too few. */
  const show = (costs) => {
    const points = costs.map((n, at) => {
      const [x, y] = [made.xScale(at + 1), made.yScale(n ?? MOST)];
      return n === null ? draw("path", { class: "tc-never", d: `M${x - 3} ${y - 3}l6 6m0 -6l-6 6` }) : draw("circle", { class: "tc-point tc-unit", cx: x, cy: y, r: 3.5 });
    });
    const over = costs.includes(null) ? made.names([{ text: "over 1000", kind: "tc-unit", value: MOST }]) : [];
    made.curves.replaceChildren(...points, ...over);
    const told = costs.map((n, at) => `${at + 1}: ${n ?? "over 1000"}`).join(", ");
    made.svg.setAttribute("aria-label", costs.length ? `Training steps by delay. ${told}.` : "No points: without a latch there is no bit to store.");
  };
  return { figure: made.figure, show };
}

// ---------------------------------------------------------------- the explorable

const QUESTION =
  "Guess first. A tanh unit with w = 1.5 holds a 1 and is then left alone. After 60 steps, what has died: " +
  "its state, the gradient of its state, both, or neither?";

function render({ model, el }) {
  const root = stage("three-clocks", "three clocks");
  const words = spoken("div", "lw-words");
  const weight = modelSlider(model, "w", {
    kind: "tc-of-unit",
    label: "Recurrent weight w of the tanh unit",
    min: 0.1,
    max: 2.5,
    step: 0.05,
    describe: (w) => `w = ${w.toFixed(2)}`,
    words,
  });
  const bias = modelSlider(model, "forget_bias", {
    kind: "lw-of-remember", // the colour of its curves
    label: "Bias of the forget gate",
    min: -2,
    max: 6,
    step: 0.1,
    describe: (b) => `bias ${num(b, 1)}, f = ${sigmoid(b).toFixed(3)}`,
    words,
  });
  const clocks = [statePanel(), gradientPanel()];
  const cost = costPanel();
  const figures = [...clocks, cost].map(({ figure }) => figure);
  const explorable = make("div", {}, weight.row, bias.row, make("div", { className: "lw-panels" }, ...figures), words);

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
    const costs = trainingSteps(w);
    cost.show(costs);
    words.replaceChildren(
      make("p", {}, make("strong", { className: "tc-unit" }, `Tanh unit, w = ${w.toFixed(2)}. `), `${unitWords(w)} ${costWords(w, costs)}`),
      make("p", {}, make("strong", { className: "tc-gate" }, `Forget gate, bias ${num(b, 1)}. `), gateWords(b)),
    );
  }

  model.on("change:w change:forget_bias", redraw);
  redraw();
  const asked = guessFirst(model, { question: QUESTION, answers: ANSWERS, verdict, explorable, first: () => weight.input });
  root.append(...asked, explorable);
  el.append(root);
  addressed(model, root, "three-clocks", { w: within(0.1, 2.5), forget_bias: within(-2, 6) });
}

export default { render };
