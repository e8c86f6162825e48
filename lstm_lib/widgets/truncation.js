// Truncation: training in windows, what the state carries over a border, and where the gradient stops.
//
// A stream is cut into windows of w steps, and each window is one update of the weights. A symbol is written at one
// step; the question for it comes L steps later, perhaps in another window. The first part of this file is arithmetic
// (tests count it out in PyTorch), the second finds words, the third draws. Nothing moves on its own.

import { addressed, draw, guessFirst, linear, make, modelSlider, oneOf, panel, percent, radios, spoken, stage, within } from "./parts.js";

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

const part = (share) => percent(share, 1).replace(".0 ", " "); // 37.5 %, but 25 %
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
      `the gradient gets through for 1 − ${lag}/${window} = ${part(gradient)} of the pairs.`
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
    const best = `While the state is reset, in training as in use, a question whose write is in another window can only be guessed: no network is right in more than ${part(bestAccuracy(state, chance))}`;
    return gradient ? `${best} (${part(state)} + ${part(1 - state)} × ${chance}).` : `${best}, which is chance.`;
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
    over("write", write, 14, "lw-learn"),
    over("question", ask, 64, "lw-use"),
    mark(write, "lw-learn"),
    mark(ask, "lw-use"),
    name("state", 91, "lw-remember"),
    ...arrow({ from: write, to: { step: stateTo }, y: 87, kind: "lw-remember", arrives: state }),
    name("gradient", 123, "lw-ink"),
    ...arrow({ from: ask, to: { step: gradientTo }, y: 119, kind: "tr-gradient lw-ink", arrives: gradient }),
    name("step", 154),
    ...ticks,
  );
}

const LONGEST = 40;
const BOX = { width: 360, height: 210, left: 52, right: 82, top: 12, bottom: 40 };

/** A panel over the lag, with values from 0 to 1. */
function lagPanel({ title, yLabel, said }) {
  const made = panel({
    title,
    box: BOX,
    xLabel: "lag L in steps",
    yLabel,
    x: [linear, [0, LONGEST]],
    y: [linear, [0, 1]],
    xTicks: [0, 10, 20, 30, 40].map((lag) => [lag, `${lag}`]),
    yTicks: [0, 0.5, 1].map((value) => [value, `${value}`]),
  });
  made.svg.setAttribute("aria-label", said);
  return made;
}

/** The share of pairs for which state and gradient get through, over the lag. */
function drawShares(setting) {
  const now = shares(setting);
  const { figure, curves, xScale, yScale, names } = lagPanel({
    title: "What gets through, over all places",
    yLabel: "share of pairs",
    said: `Share of pairs that get through, by lag. At lag ${setting.lag}: the state ${part(now.state)}, the gradient ${part(now.gradient)}.`,
  });
  const lags = Array.from({ length: LONGEST + 1 }, (_, lag) => lag);
  const last = shares({ ...setting, lag: LONGEST });
  const rows = [["state", "lw-remember", 6], ["gradient", "lw-ink", 3.5]];
  for (const [what, kind] of rows) {
    const points = lags.map((lag) => `${xScale(lag).toFixed(1)} ${yScale(shares({ ...setting, lag })[what]).toFixed(1)}`);
    curves.append(draw("path", { class: `tr-line tr-${what} ${kind}`, d: `M${points.join("L")}` }));
  }
  for (const [what, kind, r] of rows) {
    curves.append(draw("circle", { class: `tr-now ${kind}`, cx: xScale(setting.lag), cy: yScale(now[what]), r }));
  }
  curves.append(...names(rows.map(([what, kind]) => ({ text: what, kind, value: last[what] }))));
  return figure;
}

/** Accuracies of trained networks, at the measured window that is nearest to the slider's. */
function drawMeasured(measured, chance, { window }) {
  const cut = measured.filter(({ mode }) => mode !== "whole").map((row) => row.window);
  const nearest = cut.reduce((best, size) => (Math.abs(size - window) < Math.abs(best - window) ? size : best), cut[0]);
  const rows = measured.filter((row) => row.mode === "whole" || row.window === nearest);
  const said = rows.map(({ mode, lag, accuracy }) => `${mode} ${part(accuracy)} at lag ${lag}`).join(", ");
  const title = cut.length ? `Measured, windows of ${nearest} steps` : "Measured, whole sequences";
  const { figure, curves, xScale, yScale, names } = lagPanel({
    title, yLabel: "accuracy", said: `${title}: ${said}. Chance is ${part(chance)}.`,
  });
  const kinds = { reset: "lw-forget", carry: "lw-remember", whole: "lw-ink" };
  const shape = {
    reset: (x, y) => draw("path", { class: "tr-point lw-forget", d: `M${x - 4.5} ${y - 4.5}l9 9m0 -9l-9 9` }),
    carry: (x, y) => draw("circle", { class: "tr-point lw-remember", cx: x, cy: y, r: 4.5 }),
    whole: (x, y) => draw("rect", { class: "tr-point lw-ink", x: x - 4, y: y - 4, width: 8, height: 8 }),
  };
  if (cut.length) curves.append(draw("path", { class: "tr-border", d: `M${xScale(nearest)} ${BOX.top}V${BOX.height - BOX.bottom}` }));
  curves.append(draw("path", { class: "tr-chance", d: `M${BOX.left} ${yScale(chance)}H${BOX.width - BOX.right}` }));
  curves.append(...rows.map(({ mode, lag, accuracy }) => shape[mode](xScale(lag), yScale(accuracy))));
  const used = Object.keys(kinds).filter((mode) => rows.some((row) => row.mode === mode));
  const labels = used.map((mode) => {
    const of = rows.filter((row) => row.mode === mode);
    const furthest = Math.max(...of.map(({ lag }) => lag));
    const ends = of.filter(({ lag }) => lag === furthest);
    return { text: mode, kind: kinds[mode], value: ends.reduce((sum, { accuracy }) => sum + accuracy, 0) / ends.length };
  });
  curves.append(...names([...labels, { text: "chance", kind: "lw-ink", value: chance }]));
  return figure;
}

// ---------------------------------------------------------------- the explorable

/** What happens at a border: three radio buttons. */
function modes(model) {
  const { buttons, rows } = radios(Object.entries(MODES));
  for (const button of buttons) {
    button.addEventListener("change", () => {
      model.set("mode", button.value);
      model.save_changes();
    });
  }
  const show = () => buttons.forEach((button) => (button.checked = button.value === model.get("mode")));
  model.on("change:mode", show);
  show();
  return make("fieldset", { className: "tr-modes" }, make("legend", {}, "At each border"), ...rows);
}

const KEYS = ["window", "lag", "position", "mode"];

function render({ model, el }) {
  const root = stage("truncation", "truncation");
  const words = spoken("div", "lw-words");
  const window = modelSlider(model, "window", { label: "Window length w", min: 2, max: 20, words, describe: (w) => some(w, "step") });
  const lag = modelSlider(model, "lag", { label: "Lag L, write to question", min: 1, max: LONGEST, words, describe: (L) => some(L, "step") });
  const position = modelSlider(model, "position", {
    label: "Place of the write", min: 1, max: model.get("window"), words,
    describe: (place) => `step ${place} of ${model.get("window")}`,
  });
  const stream = make("div", { className: "tr-stream" });
  const panels = make("div", { className: "lw-panels" });
  const controls = make("div", { className: "tr-controls" }, window.row, lag.row, position.row);
  const explorable = make("div", {}, modes(model), controls, make("div", { className: "tr-pictures" }, stream, panels, words));

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

  model.on("change:window", resize);
  model.on("change:lag change:position change:mode change:measured", redraw);
  redraw();
  const asked = guessFirst(model, {
    question: questionWords(model.get("asked")),
    answers: ANSWERS,
    verdict: (guess) => verdict(guess, model.get("asked")),
    explorable,
    first: () => explorable.querySelector("input:checked"),
  });
  root.append(...asked, explorable);
  el.append(root);
  const checks = { window: within(2, 20), lag: within(1, LONGEST), position: within(1, 20), mode: oneOf(Object.keys(MODES)) };
  addressed(model, root, "truncation", checks);
}

export default { render };
