// Gradient flow: which past event does an output depend on?
//
// One LSTM unit and one tanh unit read the same events, a number x and a flag each. The gradient of one output with
// respect to each earlier x is sent back step by step. The first part of this file is arithmetic (tests hold it to
// Python's numbers), the second finds words, the third draws. Nothing moves on its own.

// ---------------------------------------------------------------- arithmetic

export const sigmoid = (a) => 0.5 * (1 + Math.tanh(0.5 * a));

/** The weights of the LSTM unit: a row [w_h, w_x, w_flag, b] for each gate. A flag opens the input gate by 8. */
export const lstmRows = (forgetBias, inputBias) => ({
  i: [0, 0, 8, inputBias],
  f: [0, 0, 0, forgetBias],
  g: [0.5, 1, 0, 0],
  o: [0.5, 0, 0, 1],
});

/** The weights of the tanh unit. */
export const RNN_ROW = [0.9, 1, 0, 0];

const sum = ([w_h, w_x, w_flag, b], h, x, flag) => w_h * h + w_x * x + w_flag * flag + b;

/** Run the LSTM unit over the events from empty memories; one entry a step. */
export function lstmForward(rows, values, flags) {
  let h = 0;
  let c = 0;
  return values.map((x, t) => {
    const c_prev = c;
    const i = sigmoid(sum(rows.i, h, x, flags[t]));
    const f = sigmoid(sum(rows.f, h, x, flags[t]));
    const g = Math.tanh(sum(rows.g, h, x, flags[t]));
    const o = sigmoid(sum(rows.o, h, x, flags[t]));
    const learned = i * g;
    const kept = f * c_prev;
    c = kept + learned;
    h = o * Math.tanh(c);
    return { i, f, g, o, c_prev, c, h };
  });
}

/**
 * Send the gradient of the output of step T (from 1) back; return ∂h_T/∂x_t for t = 1 … T.
 * With alongMemoryOnly the road through h is closed, and what is left came along c.
 */
export function lstmBackward(rows, steps, T, alongMemoryOnly = false) {
  const dxs = [];
  let dh = 1;
  let dc = 0;
  for (let t = T - 1; t >= 0; t--) {
    const { i, f, g, o, c_prev, c } = steps[t];
    const u = Math.tanh(c);
    dc += dh * o * (1 - u * u);
    const da = {
      i: dc * g * i * (1 - i),
      f: dc * c_prev * f * (1 - f),
      g: dc * i * (1 - g * g),
      o: dh * u * o * (1 - o),
    };
    const back = (column) => ["i", "f", "g", "o"].reduce((all, gate) => all + da[gate] * rows[gate][column], 0);
    dxs.unshift(back(1));
    dh = alongMemoryOnly ? 0 : back(0);
    dc *= f;
  }
  return dxs;
}

/** Run the tanh unit; one h a step. */
export function rnnForward(row, values, flags) {
  let h = 0;
  return values.map((x, t) => (h = Math.tanh(sum(row, h, x, flags[t]))));
}

/** The gradient of the tanh unit's output of step T with respect to each x. */
export function rnnBackward(row, hs, T) {
  const dxs = [];
  let dh = 1;
  for (let t = T - 1; t >= 0; t--) {
    const da = dh * (1 - hs[t] * hs[t]);
    dxs.unshift(da * row[1]);
    dh = da * row[0];
  }
  return dxs;
}

/** Everything that is shown, for one setting. */
export function flow({ values, flags, forgetBias, inputBias, output }) {
  const rows = lstmRows(forgetBias, inputBias);
  const steps = lstmForward(rows, values, flags);
  const hs = rnnForward(RNN_ROW, values, flags);
  return {
    steps,
    hs,
    lstm: lstmBackward(rows, steps, output),
    alongMemory: lstmBackward(rows, steps, output, true),
    rnn: rnnBackward(RNN_ROW, hs, output),
  };
}

// ---------------------------------------------------------------- words

const superscript = (digits) => [...digits].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("");

/** A number with one digit after the point, and a minus that is one. */
export const signed = (x) => x.toFixed(1).replace("-", "−");

/** A size in two digits. */
export function small(x) {
  const size = Math.abs(x);
  if (size === 0) return "0";
  if (size >= 0.001) return size.toPrecision(2);
  const [digits, power] = size.toExponential(0).split("e-");
  return `${digits} × 10⁻${superscript(power)}`;
}

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
  return `Of the flagged event's gradient, ${Math.round(100 * share)} % comes along c alone; the rest has passed through h and the gates on its way.`;
}

export const ANSWERS = {
  flagged: "The flagged event, eleven steps ago.",
  latest: "The latest event.",
  equal: "Both about equally.",
};

/** The setting that the question speaks of, whatever the sliders say. */
export const ASKED = { forgetBias: 5, inputBias: -4 };

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

const SVG = "http://www.w3.org/2000/svg";
const BOX = { width: 380, left: 72, right: 8, row: 22 };
const FLOOR = 1e-4; // bars begin here: the scale is logarithmic

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

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
  const rows = [["i", "gf-learn"], ["f", "gf-forget"], ["o", "gf-use"]].flatMap(([gate, kind], n) => [
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
    rowName("memory c", top + 24, "gf-remember"),
    draw("path", { class: "gf-axis", d: `M${BOX.left} ${y(0)}H${BOX.width - BOX.right}` }),
    draw("path", { class: "gf-memory", d: path }),
  );
}

/** One row of bars: the size of each gradient on a logarithmic scale; marks are lines across the bars. */
function drawGradients(name, kind, gradients, count, marks = []) {
  const bottom = 66;
  const height = (size) => (size <= FLOOR ? 0 : (58 * Math.log(size / FLOOR)) / Math.log(1 / FLOOR));
  const ticks = [1, 0.01, FLOOR].flatMap((size) => [
    draw("path", { class: "gf-axis", d: `M${BOX.left} ${bottom - height(size)}H${BOX.width - BOX.right}` }),
    draw("text", { class: "gf-tick", x: BOX.left - 4, y: bottom - height(size) + 4, "text-anchor": "end" }, size === FLOOR ? "0.0001" : `${size}`),
  ]);
  const bars = gradients.map((gradient, t) => {
    const tall = height(Math.min(1, Math.abs(gradient)));
    return draw("rect", { class: `gf-bar ${kind}`, x: place(t, count) - 6, width: 12, y: bottom - tall, height: tall });
  });
  const lines = marks.map((mark, t) => {
    const y = bottom - height(Math.min(1, Math.abs(mark)));
    return draw("path", { class: "gf-mark", d: y < bottom ? `M${place(t, count) - 10} ${y}h20` : "" });
  });
  const along = (t) => (marks.length ? `, along c ${small(marks[t])}` : "");
  const said = gradients.map((gradient, t) => `${t + 1}: ${small(gradient)}${along(t)}`).join("; ");
  return make(
    "div",
    { className: "gf-panel" },
    make("p", { className: `gf-title ${kind}` }, name),
    picture(bottom + 10, `${name}, by event, log scale. ${said}.`, ...ticks, ...bars, ...lines),
  );
}

// ---------------------------------------------------------------- the explorable

function slider(model, key, { kind, label, min, max, step, describe, quiet }) {
  const input = make("input", { type: "range", min, max, step, value: model.get(key) });
  input.dataset.lmSuppressShortcuts = "true"; // or JupyterLab takes the arrow keys for itself
  const shown = make("span", { className: "gf-value" }); // not <output>, which would announce every change
  const show = () => {
    input.value = model.get(key);
    shown.textContent = describe(model.get(key));
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  input.addEventListener("input", () => {
    quiet(true); // nothing is read aloud while a slider is on its way
    model.set(key, Number(input.value));
    model.save_changes();
  });
  input.addEventListener("change", () => quiet(false));
  model.on(`change:${key}`, show);
  show();
  return { input, row: make("label", { className: `gf-slider ${kind}` }, make("span", {}, label), input, shown) };
}

const PRESETS = {
  "writes when flagged, keeps": { forget_bias: 5, input_bias: -4 },
  "writes everything, keeps": { forget_bias: 5, input_bias: 3 },
  "writes when flagged, forgets": { forget_bias: 0, input_bias: -4 },
  "writes everything, forgets": { forget_bias: 0, input_bias: 3 },
};

function presets(model) {
  const buttons = Object.entries(PRESETS).map(([name, values]) => {
    const button = make("button", { type: "button" }, name);
    button.addEventListener("click", () => {
      for (const [key, value] of Object.entries(values)) model.set(key, value);
      model.save_changes();
    });
    const show = () => button.setAttribute("aria-pressed", `${Object.entries(values).every(([key, value]) => model.get(key) === value)}`);
    model.on("change:forget_bias change:input_bias", show);
    show();
    return button;
  });
  const group = make("div", { className: "gf-presets" }, ...buttons);
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Settings worth seeing");
  return group;
}

let count = 0; // groups of radio buttons need a name of their own on the page

function question(model) {
  const name = `gf-guess-${++count}`;
  const radios = Object.entries(ANSWERS).map(([value, text]) => {
    const radio = make("input", { type: "radio", name, value, required: true });
    radio.dataset.lmSuppressShortcuts = "true";
    return make("label", {}, radio, ` ${text}`);
  });
  const legend = make(
    "legend",
    {},
    "Guess first. An LSTM unit opens its input gate at a flag (event 3 of 14) and keeps its memory. On which event does its last output depend most?",
  );
  const check = make("button", { type: "submit" }, "Check my guess");
  const skip = make("button", { type: "button" }, "Show without guessing");
  const form = make("form", { className: "gf-question" }, make("fieldset", {}, legend, ...radios, check, " ", skip));
  const answer = (guess) => {
    model.set("guess", guess);
    model.save_changes();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(new FormData(form).get(name));
  });
  skip.addEventListener("click", () => answer("skipped"));
  return form;
}

/** Hand the colours of lstm_lib.notation to the style sheet, which picks the light or the dark ones. */
function setColours(element, palette) {
  for (const [name, { hue, on_light, on_dark }] of Object.entries(palette)) {
    element.style.setProperty(`--gf-${name}-hue`, hue);
    element.style.setProperty(`--gf-${name}-light`, on_light);
    element.style.setProperty(`--gf-${name}-dark`, on_dark);
  }
}

const settings = (model) => ({
  values: model.get("values"),
  flags: model.get("flags"),
  forgetBias: model.get("forget_bias"),
  inputBias: model.get("input_bias"),
  output: model.get("output"),
});

function render({ model, el }) {
  const root = make("div", { className: "gradient-flow" });
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Explorable: gradient flow");
  setColours(root, model.get("palette"));

  const form = question(model);
  const said = make("p", { className: "gf-verdict" });
  said.setAttribute("role", "status");
  const events = model.get("values").length;
  const asked = flow({ ...settings(model), ...ASKED, output: events });
  const words = make("div", { className: "gf-words" });
  words.setAttribute("role", "status");
  const quiet = (busy) => words.setAttribute("aria-busy", `${busy}`);

  const output = slider(model, "output", {
    kind: "gf-of-use", label: "Output of step", min: 1, max: events, step: 1, quiet, describe: (t) => `step ${t}`,
  });
  const forget = slider(model, "forget_bias", {
    kind: "gf-of-forget", label: "Bias of the forget gate", min: -2, max: 6, step: 0.5, quiet,
    describe: (b) => `bias ${signed(b)}, f = ${sigmoid(b).toFixed(2)}`,
  });
  const input = slider(model, "input_bias", {
    kind: "gf-of-learn", label: "Bias of the input gate", min: -6, max: 4, step: 0.5, quiet,
    describe: (b) => `bias ${signed(b)}, i = ${sigmoid(b).toFixed(2)}, at a flag ${sigmoid(b + 8).toFixed(2)}`,
  });
  const pictures = make("div", { className: "gf-pictures" });
  const explorable = make("div", {}, presets(model), output.row, forget.row, input.row, pictures, words);

  function redraw() {
    const now = settings(model);
    const { steps, lstm, alongMemory, rnn } = flow(now);
    pictures.replaceChildren(
      make("div", { className: "gf-panel" }, make("p", { className: "gf-title" }, "What both units read"), drawEvents(now.values, now.flags, now.output)),
      make("div", { className: "gf-panel" }, make("p", { className: "gf-title" }, "Inside the LSTM unit (filled = open)"), drawInside(steps, now.output)),
      drawGradients(`LSTM: how much the output of step ${now.output} depends on each event (line: along c alone)`, "gf-remember", lstm, events, alongMemory),
      drawGradients(`RNN: how much the output of step ${now.output} depends on each event`, "gf-ink", rnn, events),
    );
    words.replaceChildren(
      make("p", {}, unitWords("LSTM", lstm, now.flags)),
      make("p", {}, roadWords(lstm, alongMemory, now.flags)),
      make("p", {}, unitWords("RNN", rnn, now.flags)),
    );
  }

  function reveal() {
    const guess = model.get("guess");
    form.hidden = guess !== "";
    explorable.hidden = guess === "";
    said.textContent = guess in ANSWERS ? verdict(guess, asked.lstm, asked.rnn, model.get("flags")) : "";
  }

  model.on("change:output change:forget_bias change:input_bias", redraw);
  model.on("change:guess", () => {
    reveal();
    if (!explorable.hidden) output.input.focus(); // the button that had the focus is gone
  });
  redraw();
  reveal();
  root.append(form, said, explorable);
  el.append(root);
}

export default { render };
