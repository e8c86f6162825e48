// Gradient flow: which past event does an output depend on?
//
// One LSTM unit and one tanh unit read the same events, a number x and a flag each. The gradient of one output with
// respect to each earlier x is sent back step by step. The first part of this file is arithmetic (tests hold it to
// Python's numbers), the second finds words, the third draws. Nothing moves on its own.

import { lstmBack, lstmStep, sigmoid, tanhBack, tanhStep } from "./cell.js";
import { addressed, draw, folds, guessFirst, logarithmic, make, modelSlider, num, percent, presets, small, spoken, stage, titled, within } from "./parts.js";

// ---------------------------------------------------------------- arithmetic

/** The weights of the LSTM unit, for [h, x, flag], and its biases. A flag opens the input gate by 8. */
export const lstmUnit = (forgetBias, inputBias) => ({
  W: [[[0, 0, 8]], [[0, 0, 0]], [[0.5, 1, 0]], [[0.5, 0, 0]]], // i, f, g, o
  b: [[inputBias], [forgetBias], [0], [1]],
});

/** The weights of the tanh unit, for [h, x, flag]. */
export const rnnUnit = (rnnH, rnnX) => ({ W: [[rnnH, rnnX, 0]], b: [0] });

/** Run a unit over the events from empty memories; one tape a step. */
function run(step, unit, values, flags) {
  let state = { h: [0], c: [0] };
  return values.map((x, t) => (state = step(unit, [x, flags[t]], state)));
}

/**
 * Send the gradient of the output of step T (from 1) back; return ∂h_T/∂x_t for t = 1 … T.
 * With alongMemoryOnly the road through h is closed, and what is left came along c.
 */
function flowBack(back, unit, tapes, T, alongMemoryOnly = false) {
  const dxs = [];
  let dstate = { dh: [1], dc: [0] };
  for (let t = T - 1; t >= 0; t--) {
    const { dx, dh, dc } = back(unit, tapes[t], dstate);
    dxs.unshift(dx[0]);
    dstate = { dh: alongMemoryOnly ? [0] : dh, dc };
  }
  return dxs;
}

/** Everything that is shown, for one setting. */
export function flow({ values, flags, forgetBias, inputBias, rnnH, rnnX, output }) {
  const unit = lstmUnit(forgetBias, inputBias);
  const rnn = rnnUnit(rnnH, rnnX);
  const tapes = run(lstmStep, unit, values, flags);
  const rnnTapes = run(tanhStep, rnn, values, flags);
  return {
    steps: tapes.map(({ i: [i], f: [f], g: [g], o: [o], c: [c], h: [h] }) => ({ i, f, g, o, c, h })),
    hs: rnnTapes.map(({ h: [h] }) => h),
    lstm: flowBack(lstmBack, unit, tapes, output),
    alongMemory: flowBack(lstmBack, unit, tapes, output, true),
    rnn: flowBack(tanhBack, rnn, rnnTapes, output),
  };
}

// ---------------------------------------------------------------- words

const largest = (sizes) => sizes.reduce((best, size, t) => (Math.abs(size) > Math.abs(sizes[best]) ? t : best), 0);

/** What one unit's bars say: its strongest event, the flagged one, the latest. */
export function unitWords(name, gradients, flags) {
  const flagged = flags.slice(0, gradients.length).indexOf(1);
  const best = largest(gradients);
  const at = best === flagged ? `${best + 1}, the flagged one` : best === gradients.length - 1 ? `${best + 1}, the latest` : `${best + 1}`;
  const others = [];
  if (flagged >= 0 && best !== flagged) others.push(`the flagged event ${flagged + 1} has ${small(gradients[flagged])}`);
  if (best !== gradients.length - 1) others.push(`the latest has ${small(gradients.at(-1))}`);
  return `${name}: the strongest event is ${at} (${small(gradients[best])})${others.length ? "; " + others.join(", ") : ""}.`;
}

/** Which of its two roads the gradient of the flagged event takes. */
export function roadWords(lstm, alongMemory, flags) {
  const flagged = flags.slice(0, lstm.length).indexOf(1);
  if (flagged < 0) return "The flagged event comes after this output: nothing that comes later can matter.";
  const whole = Math.abs(lstm[flagged]);
  if (whole < 1e-6) return "Next to nothing comes back to the flagged event, by either road.";
  const share = alongMemory[flagged] / lstm[flagged];
  return `Of the flagged event's gradient, ${percent(share)} comes along c alone; the rest has passed through h and the gates on its way.`;
}

export const ANSWERS = {
  flagged: "The flagged event, eleven steps ago.",
  latest: "The latest event.",
  equal: "Both about equally.",
};

/** The setting that the question speaks of, whatever the sliders say. */
export const ASKED = { forgetBias: 5, inputBias: -4, rnnH: 0.9, rnnX: 1 };

/** What is said of a guess, with the numbers of the setting that the question speaks of. */
export function verdict(guess, lstm, rnn, flags) {
  const flagged = flags.indexOf(1);
  const right = "flagged";
  const opening = guess === right ? "Right." : `You said: “${ANSWERS[guess]}” It is the flagged one.`;
  return (
    `${opening} In the LSTM its gradient is ${small(lstm[flagged])}, that of the latest event ${small(lstm.at(-1))}. ` +
    `In the RNN it is the other way round: ${small(rnn[flagged])} and ${small(rnn.at(-1))}.`
  );
}

// ---------------------------------------------------------------- drawing

const BOX = { width: 380, left: 72, right: 8, row: 22 };
const FLOOR = 1e-4; // bars begin here: the scale is logarithmic

const place = (t, count) => BOX.left + ((t + 0.5) / count) * (BOX.width - BOX.left - BOX.right);

/** A picture with a name, as high as its rows need. */
function picture(height, label, ...children) {
  return draw("svg", { viewBox: `0 0 ${BOX.width} ${height}`, role: "img", "aria-label": label }, ...children);
}

const rowName = (text, y, kind = "") => draw("text", { class: `gf-name ${kind}`, x: BOX.left - 8, y, "text-anchor": "end" }, text);

/** The events as bars up and down from a line, the flagged one marked; and the numbers of the steps. */
function drawEvents(values, flags, output) {
  const middle = 34;
  const bars = values.map((x, t) => {
    const at = place(t, values.length);
    const kind = t >= output ? "gf-later" : "gf-event";
    const bar = draw("rect", { class: kind, x: at - 5, width: 10, y: x > 0 ? middle - 20 * x : middle, height: 20 * Math.abs(x) });
    return draw("g", {}, bar, ...(flags[t] ? [draw("text", { class: "gf-flag", x: at, y: 11, "text-anchor": "middle" }, "flag")] : []));
  });
  const numbers = values.map((_, t) =>
    draw("text", { class: t + 1 === output ? "gf-chosen" : "", x: place(t, values.length), y: 72, "text-anchor": "middle" }, `${t + 1}`),
  );
  const line = draw("path", { class: "gf-axis", d: `M${BOX.left} ${middle}H${BOX.width - BOX.right}` });
  const said = values.map((x, t) => `${t + 1}: ${x}${flags[t] ? " with the flag" : ""}`).join(", ");
  return picture(78, `Events by step. ${said}.`, rowName("event x", middle + 4), rowName("step", 72), line, ...bars, ...numbers);
}

/** Gates as shades, 0 to 1, and the memory as a line. */
function drawInside(steps, output) {
  const count = steps.length;
  const wide = (BOX.width - BOX.left - BOX.right) / count;
  const rows = [["i", "lw-learn"], ["f", "lw-forget"], ["o", "lw-use"]].flatMap(([gate, kind], n) => [
    rowName(`gate ${gate}`, 15 + n * BOX.row, kind),
    ...steps.map((step, t) => {
      const cell = { class: `gf-cell ${kind}${t >= output ? " gf-later" : ""}`, x: BOX.left + t * wide + 1, y: 2 + n * BOX.row, width: wide - 2, height: BOX.row - 4 };
      return draw("rect", { ...cell, "fill-opacity": step[gate].toFixed(3) });
    }),
  ]);
  const top = 3 * BOX.row + 6;
  const limit = Math.max(1, ...steps.map(({ c }) => Math.abs(c)));
  const y = (c) => top + 20 - (18 * c) / limit;
  const path = steps.map(({ c }, t) => `${t ? "L" : "M"}${place(t, count).toFixed(1)} ${y(c).toFixed(1)}`).join("");
  const said = steps.map(({ i, f, o, c }, t) => `${t + 1}: i ${i.toFixed(2)}, f ${f.toFixed(2)}, o ${o.toFixed(2)}, c ${c.toFixed(2)}`).join("; ");
  return picture(
    top + 44,
    `Gates and memory of the LSTM by step. ${said}.`,
    ...rows,
    rowName("memory c", top + 24, "lw-remember"),
    draw("path", { class: "gf-axis", d: `M${BOX.left} ${y(0)}H${BOX.width - BOX.right}` }),
    draw("path", { class: "gf-memory", d: path }),
  );
}

/** One row of bars: the size of each gradient on a logarithmic scale; marks are lines across the bars. */
function drawGradients(name, kind, gradients, count, marks = []) {
  const bottom = 66;
  const height = logarithmic([FLOOR, 1], [0, 58]);
  const ticks = [1, 0.01, FLOOR].flatMap((size) => [
    draw("path", { class: "gf-axis", d: `M${BOX.left} ${bottom - height(size)}H${BOX.width - BOX.right}` }),
    draw("text", { class: "gf-tick", x: BOX.left - 4, y: bottom - height(size) + 4, "text-anchor": "end" }, size === FLOOR ? "0.0001" : `${size}`),
  ]);
  const bars = gradients.map((gradient, t) => {
    const tall = height(Math.abs(gradient));
    return draw("rect", { class: `gf-bar ${kind}`, x: place(t, count) - 6, width: 12, y: bottom - tall, height: tall });
  });
  const lines = marks.map((mark, t) => {
    const y = bottom - height(Math.abs(mark));
    return draw("path", { class: "gf-mark", d: y < bottom ? `M${place(t, count) - 10} ${y}h20` : "" });
  });
  const along = (t) => (marks.length ? `, along c ${small(marks[t])}` : "");
  const said = gradients.map((gradient, t) => `${t + 1}: ${small(gradient)}${along(t)}`).join("; ");
  const svg = picture(bottom + 10, `${name}, by event, log scale. ${said}.`, ...ticks, ...bars, ...lines);
  return titled(name, svg, kind);
}

// ---------------------------------------------------------------- the explorable

const QUESTION =
  "Guess first. An LSTM unit opens its input gate at a flag (event 3 of 14) and keeps its memory. " +
  "On which event does its last output depend most?";

const PRESETS = {
  "writes when flagged, keeps": { forget_bias: 5, input_bias: -4 },
  "writes everything, keeps": { forget_bias: 5, input_bias: 3 },
  "writes when flagged, forgets": { forget_bias: 0, input_bias: -4 },
  "writes everything, forgets": { forget_bias: 0, input_bias: 3 },
};

const settings = (model) => ({
  values: model.get("values"),
  flags: model.get("flags"),
  forgetBias: model.get("forget_bias"),
  inputBias: model.get("input_bias"),
  rnnH: model.get("rnn_h"),
  rnnX: model.get("rnn_x"),
  output: model.get("output"),
});

function render({ model, el }) {
  const root = stage("gradient-flow", "gradient flow");
  const events = model.get("values").length;
  const words = spoken("div", "lw-words");
  const output = modelSlider(model, "output", {
    kind: "lw-of-use", label: "Output of step", min: 1, max: events, words, describe: (t) => `step ${t}`,
  });
  const forget = modelSlider(model, "forget_bias", {
    kind: "lw-of-forget", label: "Forget bias", min: -2, max: 6, step: 0.5, words,
    describe: (b) => `${num(b, 1)}: f = ${sigmoid(b).toFixed(2)}`,
  });
  const input = modelSlider(model, "input_bias", {
    kind: "lw-of-learn", label: "Input bias", min: -6, max: 4, step: 0.5, words,
    describe: (b) => `${num(b, 1)}: i = ${sigmoid(b).toFixed(2)}, flagged ${sigmoid(b + 8).toFixed(2)}`,
  });
  const of = (key, label, min, max, step) =>
    modelSlider(model, key, { kind: "lw-of-ink", label, min, max, step, words, describe: (w) => num(w) });
  const [recurrent, reading] = [of("rnn_h", "Weight of h", 0, 1.5, 0.05), of("rnn_x", "Weight of x", 0.1, 3, 0.1)];
  const parts = folds([
    { name: "Biases of the LSTM", rows: [forget.row, input.row] },
    { name: "Weights of the RNN", rows: [recurrent.row, reading.row] },
  ]);
  const situations = presets("Settings worth seeing", Object.entries(PRESETS), {
    current: () => ({ forget_bias: model.get("forget_bias"), input_bias: model.get("input_bias") }),
    choose(values) {
      for (const [key, value] of Object.entries(values)) model.set(key, value);
      model.save_changes();
    },
  });
  const pictures = make("div", { className: "lw-panels" });
  const controls = make("div", { className: "gf-controls" }, output.row, make("div", {}, ...parts.all));
  const explorable = make("div", {}, situations.group, controls, pictures, words);

  let drawn = {}; // the picture of the events, which only the choice of the output changes
  function redraw() {
    const now = settings(model);
    const { steps, lstm, alongMemory, rnn } = flow(now);
    if (drawn.output !== now.output) {
      drawn = { output: now.output, picture: titled("What both units read", drawEvents(now.values, now.flags, now.output)) };
    }
    pictures.replaceChildren(
      drawn.picture,
      titled("Inside the LSTM unit (filled = open)", drawInside(steps, now.output)),
      drawGradients(`LSTM: gradient of output ${now.output} (line: along c)`, "lw-remember", lstm, events, alongMemory),
      drawGradients(`RNN: gradient of output ${now.output}`, "lw-ink", rnn, events),
    );
    words.replaceChildren(
      make("p", {}, unitWords("LSTM", lstm, now.flags)),
      make("p", {}, roadWords(lstm, alongMemory, now.flags)),
      make("p", {}, unitWords("RNN", rnn, now.flags)),
    );
    situations.show();
    parts.now(0, `forget ${num(now.forgetBias, 1)}, input ${num(now.inputBias, 1)}`);
    parts.now(1, `h ${num(now.rnnH)}, x ${num(now.rnnX)}`);
  }

  model.on("change:output change:forget_bias change:input_bias change:rnn_h change:rnn_x", redraw);
  redraw();
  const { lstm, rnn } = flow({ ...settings(model), ...ASKED, output: events });
  const asked = guessFirst(model, {
    question: QUESTION,
    answers: ANSWERS,
    verdict: (guess) => verdict(guess, lstm, rnn, model.get("flags")),
    explorable,
    first: () => output.input,
  });
  root.append(...asked, explorable);
  el.append(root);
  addressed(model, root, "gradient-flow", {
    output: within(1, events), forget_bias: within(-2, 6), input_bias: within(-6, 4), rnn_h: within(0, 1.5), rnn_x: within(0.1, 3),
  });
}

export default { render };
