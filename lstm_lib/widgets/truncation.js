// Truncation: training in windows, what the state carries over a border, and where the gradient stops.
//
// A stream is cut into windows of w steps, and each window is one update of the weights. A symbol is written at one
// step; the question for it comes L steps later, perhaps in another window. The first part of this file is arithmetic
// (tests count it out in PyTorch), the second finds words, the third draws. Nothing moves on its own.

export const STEPS = 60;

// ---------------------------------------------------------------- arithmetic

/** Steps in a window: all of them where the sequence is not cut. */
const length = ({ mode, window }) => (mode === "whole" ? STEPS : window);

/** First and last step, counted from 1, of the window that a step is in. */
function windowAround(step, size) {
  const first = step - ((step - 1) % size);
  return { first, last: Math.min(first + size - 1, STEPS) };
}

/** What gets from the write to the question, and back: the steps where each begins and ends. */
export function reach(setting) {
  const size = length(setting);
  const write = Math.min(setting.position, size); // the write is in the first window
  const ask = write + setting.lag;
  const borders = []; // a border lies behind each of these steps
  for (let step = size; step < STEPS; step += size) borders.push(step);
  const stateTo = setting.mode === "reset" ? Math.min(ask, windowAround(write, size).last) : ask;
  const gradientTo = Math.max(write, windowAround(ask, size).first);
  const between = borders.filter((step) => write <= step && step < ask);
  return { write, ask, borders, between, stateTo, gradientTo, state: stateTo === ask, gradient: gradientTo === write };
}

/** For which share of the places in a window the state, and the gradient, get from one to the other. */
export function shares({ mode, window, lag }) {
  const gradient = mode === "whole" ? 1 : Math.max(0, 1 - lag / window);
  return { state: mode === "reset" ? gradient : 1, gradient };
}

/** The most that any network can be right where the state arrives for a share of the questions. */
export const bestAccuracy = (state, chance) => state + (1 - state) * chance;

// ---------------------------------------------------------------- words

const percent = (share) => `${Number((100 * share).toFixed(1))} %`;
const some = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

const MODES = {
  reset: "reset: the state begins anew",
  carry: "carry and detach: the state goes on, the gradient is cut",
  whole: "no borders: the whole sequence is one window",
};

const ANSWERS = {
  both: "The state reaches the question, and the gradient reaches the write.",
  state: "The state reaches the question, but the gradient does not reach the write.",
  gradient: "The gradient reaches the write, but the state does not reach the question.",
  neither: "Neither.",
};

const AT_BORDER = {
  reset: "at each border the state begins anew",
  carry: "at each border the state goes on, and the gradient is cut (carry and detach)",
  whole: "the windows are joined to one, without borders",
};

/** The question, for the setting at which the explorable starts. */
export function questionWords({ mode, window, lag, position }) {
  return (
    `Guess first. A stream is cut into windows of ${some(window, "step")}; ${AT_BORDER[mode]}. A symbol is written at step ${position}, ` +
    `and the question for it comes ${some(lag, "step")} later, at step ${position + lag}. What gets through?`
  );
}

/** What becomes of the one pair that is drawn. */
export function pairWords(setting) {
  const { write, ask, between, state, gradient, stateTo, gradientTo } = reach(setting);
  if (!between.length) {
    const why = setting.mode === "whole" ? "There are no borders" : `Step ${write} and step ${ask} are in one window`;
    return `${why}: the state reaches the question, and the gradient reaches the write.`;
  }
  const one = between.length === 1;
  const crossed = one ? `A border lies between step ${write} and step ${ask}` : `${between.length} borders lie between step ${write} and step ${ask}`;
  const carried = state ? `the state crosses ${one ? "it" : "them"} and reaches the question` : `the state is lost behind step ${stateTo}`;
  const cut = gradient ? "the gradient reaches the write" : `the gradient goes back from step ${ask} to step ${gradientTo} and stops, ${some(gradientTo - write, "step")} short of the write`;
  return `${crossed}: ${carried}; ${cut}.`;
}

/** What becomes of all pairs at this lag, wherever in a window the write falls. */
export function shareWords(setting) {
  if (setting.mode === "whole") return "State and gradient get through for every pair.";
  const { window, lag } = setting;
  const { state, gradient } = shares(setting);
  const fitting = Math.max(0, window - lag);
  const counted = fitting
    ? `The write can fall on ${window} places in its window, and from ${fitting} of them the question is still inside: ` +
      `the gradient gets through for 1 − ${lag}/${window} = ${percent(gradient)} of the pairs.`
    : "Wherever in its window the write falls, the question is outside, because the lag is not shorter than the window: the gradient gets through for no pair.";
  const same = state ? "The state arrives for the same pairs, and no others." : "Nor does the state.";
  const arrives = state === 1 ? "The state arrives for all pairs." : same;
  return `${counted} ${arrives}`;
}

/** What can be learned, and what can be done. */
export function lessonWords(setting, chance) {
  const { mode, window, lag } = setting;
  const { state, gradient } = shares(setting);
  if (mode === "whole") return `Nothing stands in the way of learning; the price is that all ${STEPS} steps are kept in memory for the way back, where a window keeps ${window}.`;
  if (mode === "reset") {
    const best = `While the state is reset, in training as in use, a question whose write is in another window can only be guessed: no network is right in more than ${percent(bestAccuracy(state, chance))}`;
    return gradient ? `${best} (${percent(state)} + ${percent(1 - state)} × ${chance}).` : `${best}, which is chance.`;
  }
  if (gradient) return "The pairs that fit can teach the network to write and to keep. Once it keeps, the state that crosses the borders answers the others too.";
  return (
    `No error made at this lag reaches its write: it teaches only what to do with what the state brings over the last border, not what to write. ` +
    `But the state arrives: a network that has learned to write and to keep at lags under ${window} can answer at lag ${lag}, beyond its window.`
  );
}

/** Which of the four answers is right. */
export function answer(setting) {
  const { state, gradient } = reach(setting);
  return state ? (gradient ? "both" : "state") : "neither";
}

/** The verdict on a guess. */
export function verdict(guess, setting) {
  const right = answer(setting);
  const opening = guess === right ? "Right." : `You said: “${ANSWERS[guess]}” That is not so.`;
  return `${opening} ${pairWords(setting)}`;
}

// ---------------------------------------------------------------- drawing

const SVG = "http://www.w3.org/2000/svg";

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

const LINE = { width: 380, height: 162, left: 62, right: 6 };
const along = (step) => LINE.left + ((step - 0.5) / STEPS) * (LINE.width - LINE.left - LINE.right); // middle of a step
const behind = (step) => along(step + 0.5); // the line between a step and the next

/** An arrow from one step to another; where it does not arrive it ends at a wall, the border. */
function arrow({ from, to, y, kind, arrives }) {
  const forward = to.step >= from;
  const end = arrives ? along(to.step) : forward ? behind(to.step) : behind(to.step - 1);
  const tip = forward ? -7 : 7;
  const wall = draw("path", { class: "tr-wall", d: `M${end} ${y - 9}v18` });
  const head = draw("path", { class: `tr-head ${kind}`, d: `M${end} ${y}l${tip} -4.5v9z` });
  const line = draw("path", { class: `tr-line ${kind}`, d: `M${along(from)} ${y}H${end + (arrives ? tip * 0.7 : 0)}` });
  return arrives ? [line, head] : [line, wall];
}

/** The stream: its windows, the write and the question, and the two arrows. */
function drawStream(setting) {
  const { write, ask, borders, state, gradient, stateTo, gradientTo } = reach(setting);
  const edges = [0, ...borders, STEPS];
  const windows = edges.slice(1).map((last, n) => {
    const x = behind(edges[n]);
    return draw("rect", { class: `tr-window${n % 2 ? " tr-odd" : ""}`, x, width: behind(last) - x, y: 22, height: 26 });
  });
  const walls = borders.map((step) => draw("path", { class: "tr-border", d: `M${behind(step)} 18V52M${behind(step)} 72V136` }));
  const mark = (step, kind) => draw("circle", { class: kind, cx: along(step), cy: 35, r: 5.5 });
  const name = (text, y, kind = "") => draw("text", { class: `tr-name ${kind}`, x: LINE.left - 8, y, "text-anchor": "end" }, text);
  const over = (text, step, y, kind) => {
    const anchor = along(step) < LINE.left + 30 ? "start" : along(step) > LINE.width - 36 ? "end" : "middle";
    return draw("text", { class: `tr-event ${kind}`, x: anchor === "middle" ? along(step) : along(step) - (anchor === "start" ? 5 : -5), y, "text-anchor": anchor }, text);
  };
  const ticks = [1, 10, 20, 30, 40, 50, 60].map((step) => draw("text", { x: along(step), y: 154, "text-anchor": "middle" }, `${step}`));
  const said = `${setting.mode === "whole" ? "One window" : `Windows of ${some(setting.window, "step")}`}. Write at step ${write}, question at step ${ask}. ${pairWords(setting)}`;
  return draw(
    "svg",
    { viewBox: `0 0 ${LINE.width} ${LINE.height}`, role: "img", "aria-label": said },
    ...windows,
    ...walls,
    name("windows", 39),
    over("write", write, 14, "tr-learn"),
    over("question", ask, 64, "tr-use"),
    mark(write, "tr-learn"),
    mark(ask, "tr-use"),
    name("state", 91, "tr-remember"),
    ...arrow({ from: write, to: { step: stateTo }, y: 87, kind: "tr-remember", arrives: state }),
    name("gradient", 123, "tr-ink"),
    ...arrow({ from: ask, to: { step: gradientTo }, y: 119, kind: "tr-gradient tr-ink", arrives: gradient }),
    name("step", 154),
    ...ticks,
  );
}

const BOX = { width: 360, height: 210, left: 52, right: 82, top: 12, bottom: 40 };
const LONGEST = 40;

const scale = ([from, to], [start, end]) => (value) => start + ((value - from) / (to - from)) * (end - start);
const xScale = scale([0, LONGEST], [BOX.left, BOX.width - BOX.right]);
const yScale = scale([0, 1], [BOX.height - BOX.bottom, BOX.top]);

/** A panel over the lag, with values from 0 to 1. */
function panel({ title, yLabel, said }, ...children) {
  const grid = draw("g", { class: "tr-grid" });
  for (const value of [0, 0.5, 1]) {
    grid.append(draw("path", { d: `M${BOX.left} ${yScale(value)}H${BOX.width - BOX.right}` }));
    grid.append(draw("text", { x: BOX.left - 6, y: yScale(value) + 4, "text-anchor": "end" }, `${value}`));
  }
  for (const lag of [0, 10, 20, 30, 40]) grid.append(draw("text", { x: xScale(lag), y: BOX.height - BOX.bottom + 17, "text-anchor": "middle" }, `${lag}`));
  grid.append(draw("text", { x: (BOX.left + BOX.width - BOX.right) / 2, y: BOX.height - 5, "text-anchor": "middle" }, "lag L in steps"));
  grid.append(draw("text", { transform: `translate(11 ${(BOX.top + BOX.height - BOX.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel));
  const svg = draw("svg", { viewBox: `0 0 ${BOX.width} ${BOX.height}`, role: "img", "aria-label": said }, grid, ...children);
  return make("div", { className: "tr-panel" }, make("p", { className: "tr-title" }, title), svg);
}

/** Move labels apart until each can be read: down one after the other, then up again from the floor of the panel. */
function spread(heights, distance = 15) {
  const order = heights.map((_, n) => n).sort((a, b) => heights[a] - heights[b]);
  let ceiling = BOX.top;
  for (const n of order) ceiling = (heights[n] = Math.max(heights[n], ceiling)) + distance;
  let floor = BOX.height - BOX.bottom + 4;
  for (const n of order.reverse()) floor = (heights[n] = Math.min(heights[n], floor)) - distance;
  return heights;
}

/** Names at the right end of what they name. */
function names(rows) {
  const heights = spread(rows.map(({ value }) => yScale(value) + 4));
  return rows.map(({ text, kind }, n) => draw("text", { class: `tr-label ${kind}`, x: BOX.width - BOX.right + 8, y: heights[n] }, text));
}

/** The share of pairs for which state and gradient get through, over the lag. */
function drawShares(setting) {
  const lags = Array.from({ length: LONGEST + 1 }, (_, lag) => lag);
  const curves = [["state", "tr-remember"], ["gradient", "tr-gradient tr-ink"]].map(([what, kind]) => {
    const points = lags.map((lag) => `${xScale(lag).toFixed(1)} ${yScale(shares({ ...setting, lag })[what]).toFixed(1)}`);
    return draw("path", { class: `tr-line ${kind}`, d: `M${points.join("L")}` });
  });
  const now = shares(setting);
  const points = [["state", "tr-remember"], ["gradient", "tr-ink"]].map(([what, kind]) =>
    draw("circle", { class: `tr-now ${kind}`, cx: xScale(setting.lag), cy: yScale(now[what]), r: what === "state" ? 6 : 3.5 }),
  );
  const last = shares({ ...setting, lag: LONGEST });
  const labels = names([{ text: "state", kind: "tr-remember", value: last.state }, { text: "gradient", kind: "tr-ink", value: last.gradient }]);
  const said = `Share of pairs that get through, by lag. At lag ${setting.lag}: the state ${percent(now.state)}, the gradient ${percent(now.gradient)}.`;
  return panel({ title: "What gets through, over all places", yLabel: "share of pairs", said }, ...curves, ...points, ...labels);
}

/** Accuracies of trained networks, at the measured window that is nearest to the slider's. */
function drawMeasured(measured, chance, { window }) {
  const cut = measured.filter(({ mode }) => mode !== "whole").map((row) => row.window);
  const nearest = cut.reduce((best, size) => (Math.abs(size - window) < Math.abs(best - window) ? size : best), cut[0]);
  const rows = measured.filter((row) => row.mode === "whole" || row.window === nearest);
  const kinds = { reset: "tr-forget", carry: "tr-remember", whole: "tr-ink" };
  const shape = {
    reset: (x, y) => draw("path", { class: "tr-point tr-forget", d: `M${x - 4.5} ${y - 4.5}l9 9m0 -9l-9 9` }),
    carry: (x, y) => draw("circle", { class: "tr-point tr-remember", cx: x, cy: y, r: 4.5 }),
    whole: (x, y) => draw("rect", { class: "tr-point tr-ink", x: x - 4, y: y - 4, width: 8, height: 8 }),
  };
  const used = Object.keys(kinds).filter((mode) => rows.some((row) => row.mode === mode));
  const points = rows.map(({ mode, lag, accuracy }) => shape[mode](xScale(Math.min(lag, LONGEST)), yScale(accuracy)));
  const labels = used.map((mode) => {
    const of = rows.filter((row) => row.mode === mode);
    const furthest = Math.max(...of.map(({ lag }) => lag));
    const ends = of.filter(({ lag }) => lag === furthest);
    return { text: mode, kind: kinds[mode], value: ends.reduce((sum, { accuracy }) => sum + accuracy, 0) / ends.length };
  });
  labels.push({ text: "chance", kind: "tr-ink", value: chance });
  const border = cut.length ? [draw("path", { class: "tr-border", d: `M${xScale(nearest)} ${BOX.top}V${BOX.height - BOX.bottom}` })] : [];
  const guessing = draw("path", { class: "tr-chance", d: `M${BOX.left} ${yScale(chance)}H${BOX.width - BOX.right}` });
  const said = rows.map(({ mode, lag, accuracy }) => `${mode} ${percent(accuracy)} at lag ${lag}`).join(", ");
  const title = cut.length ? `Measured, windows of ${nearest} steps` : "Measured, whole sequences";
  return panel({ title, yLabel: "accuracy", said: `${title}: ${said}. Chance is ${percent(chance)}.` }, ...border, guessing, ...points, ...names(labels));
}

// ---------------------------------------------------------------- the explorable

/** A slider that writes to the model, with its label and its value beside it; quiet is told while it moves. */
function slider(model, key, { label, min, max, describe, quiet }) {
  const input = make("input", { type: "range", min, max, step: 1, value: model.get(key) });
  input.dataset.lmSuppressShortcuts = "true"; // or JupyterLab takes the arrow keys for itself
  const shown = make("span", { className: "tr-value" }); // not <output>, which would announce every change
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
  return { input, show, row: make("label", { className: "tr-slider" }, make("span", {}, label), input, shown) };
}

let count = 0; // groups of radio buttons need a name of their own on the page

/** What happens at a border: three radio buttons. */
function modes(model) {
  const group = `tr-mode-${++count}`;
  const radios = Object.entries(MODES).map(([value, text]) => {
    const radio = make("input", { type: "radio", name: group, value });
    radio.dataset.lmSuppressShortcuts = "true";
    radio.addEventListener("change", () => {
      model.set("mode", value);
      model.save_changes();
    });
    return { radio, row: make("label", {}, radio, ` ${text}`) };
  });
  const show = () => radios.forEach(({ radio }) => (radio.checked = radio.value === model.get("mode")));
  model.on("change:mode", show);
  show();
  return make("fieldset", { className: "tr-modes" }, make("legend", {}, "At each border"), ...radios.map(({ row }) => row));
}

/** The question that comes before the pictures. */
function question(model) {
  const name = `tr-guess-${++count}`;
  const radios = Object.entries(ANSWERS).map(([value, text]) => {
    const radio = make("input", { type: "radio", name, value, required: true });
    radio.dataset.lmSuppressShortcuts = "true";
    return make("label", {}, radio, ` ${text}`);
  });
  const check = make("button", { type: "submit" }, "Check my guess");
  const skip = make("button", { type: "button" }, "Show without guessing");
  const legend = make("legend", {}, questionWords(model.get("asked")));
  const form = make("form", { className: "tr-question" }, make("fieldset", {}, legend, ...radios, check, " ", skip));
  const guessed = (guess) => {
    model.set("guess", guess);
    model.save_changes();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    guessed(new FormData(form).get(name));
  });
  skip.addEventListener("click", () => guessed("skipped"));
  return form;
}

/** Hand the colours of lstm_lib.notation to the style sheet, which picks the light or the dark ones. */
function setColours(element, palette) {
  for (const [name, { hue, on_light, on_dark }] of Object.entries(palette)) {
    element.style.setProperty(`--tr-${name}-hue`, hue);
    element.style.setProperty(`--tr-${name}-light`, on_light);
    element.style.setProperty(`--tr-${name}-dark`, on_dark);
  }
}

const KEYS = ["window", "lag", "position", "mode"];

function render({ model, el }) {
  const root = make("div", { className: "truncation" });
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Explorable: truncation");
  setColours(root, model.get("palette"));

  const form = question(model);
  const said = make("p", { className: "tr-verdict" });
  said.setAttribute("role", "status");
  const words = make("div", { className: "tr-words" });
  words.setAttribute("role", "status");
  const quiet = (busy) => words.setAttribute("aria-busy", `${busy}`);

  const window = slider(model, "window", { label: "Window length w", min: 2, max: 20, quiet, describe: (w) => some(w, "step") });
  const lag = slider(model, "lag", { label: "Lag L, write to question", min: 1, max: LONGEST, quiet, describe: (L) => some(L, "step") });
  const position = slider(model, "position", {
    label: "Place of the write", min: 1, max: model.get("window"), quiet,
    describe: (place) => `step ${place} of ${model.get("window")}`,
  });
  const stream = make("div", { className: "tr-stream" });
  const panels = make("div", { className: "tr-panels" });
  const controls = make("div", { className: "tr-controls" }, window.row, lag.row, position.row);
  const explorable = make("div", {}, modes(model), controls, stream, panels, words);

  function redraw() {
    const setting = Object.fromEntries(KEYS.map((key) => [key, model.get(key)]));
    window.input.disabled = setting.mode === "whole";
    stream.replaceChildren(drawStream(setting));
    panels.replaceChildren(drawShares(setting));
    if (model.get("measured").length) panels.append(drawMeasured(model.get("measured"), model.get("chance"), setting));
    words.replaceChildren(
      make("p", {}, make("strong", {}, "This pair. "), pairWords(setting)),
      make("p", {}, make("strong", {}, "All places. "), shareWords(setting)),
      make("p", {}, make("strong", {}, "What can be learned. "), lessonWords(setting, model.get("chance"))),
    );
  }

  /** A shorter window has fewer places for the write. */
  function resize() {
    position.input.max = model.get("window");
    if (model.get("position") > model.get("window")) model.set("position", model.get("window"));
    position.show();
    redraw();
  }

  function reveal() {
    const guess = model.get("guess");
    form.hidden = guess !== "";
    explorable.hidden = guess === "";
    said.textContent = guess in ANSWERS ? verdict(guess, model.get("asked")) : "";
  }

  model.on("change:window", resize);
  model.on("change:lag change:position change:mode change:measured", redraw);
  model.on("change:guess", () => {
    reveal();
    if (!explorable.hidden) explorable.querySelector("input:checked").focus(); // the button that had the focus is gone
  });
  redraw();
  reveal();
  root.append(form, said, explorable);
  el.append(root);
}

export default { render };
