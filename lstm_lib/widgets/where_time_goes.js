// Where the time goes: one forward and backward pass of an LSTM, split, and the roofline of the machine.
//
// The first part of this file is arithmetic (tests hold it to lstm_lib.nn.costs), the second finds words, the third
// draws. The times themselves are recorded. Nothing moves on its own.

import { addressed, draw, guessFirst, logarithmic, make, minus, oneOf, panel, percent, radios, slider, spoken, stage, titled, within } from "./parts.js";

export const UNITS = [16, 64, 128, 256, 512];
export const BATCHES = [1, 8, 32, 128];
export const STEPS = [30, 100];

// ---------------------------------------------------------------- arithmetic

/** Operators of the loop that move numbers. */
export const calls = (T) => 36 * T - 5;

/** Multiplications and additions of all products, forward and backward. */
export const flops = ({ T, B, D, H }) => 24 * T * B * H * (D + H);

/** Bytes that the loop's operators read and write: its products, then all others. */
export function moved({ T, B, D, H }) {
  const products = 3 * T * B * (D + H) + 12 * T * H * (D + H) + 24 * T * B * H + 8 * T * H - 5 * B * H - 4 * H * H;
  const others = 91 * T * B * H - 8 * B * H + 12 * (T - 1) * H * (D + H) + 32 * T * H - 24 * H + 2 * T * B * D;
  return 4 * products + 4 * others;
}

export const intensity = (size) => flops(size) / moved(size);

/** Milliseconds from three constants: of the calls, of the memory, of the arithmetic. */
export function predict(machine, size) {
  return {
    calls: 1e3 * (calls(size.T) * machine.seconds_a_call),
    memory: (1e3 * moved(size)) / machine.bytes_a_second,
    arithmetic: 1e3 * (flops(size) / machine.flops_a_second),
  };
}

export const total = ({ calls, memory, arithmetic }) => calls + memory + arithmetic;

/** FLOP a second that the loop cannot exceed, by each of the three. */
export function ceilings(machine, size) {
  return {
    calls: flops(size) / (calls(size.T) * machine.seconds_a_call),
    memory: intensity(size) * machine.bytes_a_second,
    arithmetic: machine.flops_a_second,
  };
}

/** Which of the three is lowest. */
export function bound(limits) {
  return Object.keys(limits).reduce((low, name) => (limits[name] < limits[low] ? name : low));
}

/** A recorded pass as an object. */
const asPass = ([way, T, B, H, whole, products, pointwise, calls, between]) => ({ way, T, B, D: H, H, whole, products, pointwise, calls, between });
const asGpu = ([T, B, D, H, loop, kernel, launch]) => ({ T, B, D, H, loop, kernel, launch });

/** The passes of one size, by their way. */
export function find(measured, { H, B, T }) {
  const found = measured.map(asPass).filter((row) => row.H === H && row.B === B && row.T === T);
  return Object.fromEntries(found.map((row) => [row.way, row]));
}

/** FLOP a second that a pass reaches. */
export const attained = (size, ms) => flops(size) / (ms / 1e3);

// ---------------------------------------------------------------- words

/** Milliseconds in three digits. */
export const inMs = (ms) => minus(Math.abs(ms) >= 100 ? ms.toFixed(0) : Math.abs(ms) >= 10 ? ms.toFixed(1) : ms.toFixed(2));

/** GFLOP/s in two or three digits. */
export function giga(flopsASecond) {
  const g = flopsASecond / 1e9;
  return g >= 10 ? g.toFixed(0) : g >= 1 ? g.toFixed(1) : g.toFixed(2);
}

const BOUND = { calls: "by calls", memory: "by memory", arithmetic: "by arithmetic" };

/** What is said of a size on the processor. */
export function words(measured, machine, error, size) {
  const { loop, kernel } = find(measured, size);
  const guess = total(predict(machine, loop));
  const limits = ceilings(machine, loop);
  const lowest = bound(limits);
  const share = (loop.calls + Math.max(0, loop.between)) / loop.whole;
  const off = guess / loop.whole - 1;
  return [
    `The loop takes ${inMs(loop.whole)} ms, ${(loop.whole / kernel.whole).toFixed(1)} times as long as torch’s kernel. Calls and waiting are ${percent(share)} of it.`,
    `Bound ${BOUND[lowest]}: calls allow ${giga(limits.calls)} GFLOP/s at this size, memory ${giga(limits.memory)}, arithmetic ${giga(limits.arithmetic)}. The loop reaches ${giga(attained(loop, loop.whole))}.`,
    `Three constants predict ${inMs(guess)} ms (${off < 0 ? "−" : "+"}${Math.abs(100 * off).toFixed(0)} %); they are within ${100 * error.near} % at ${error.within} of ${error.sizes} sizes.`,
  ];
}

/** What is said of a size on the GPU. */
export function gpuWords(row) {
  const step = (ms) => `${((1e3 * ms) / row.T).toFixed(0)} µs a step`;
  const loop = row.loop === null ? "The loop was not timed at this size." : `The loop takes ${inMs(row.loop)} ms, ${step(row.loop)}.`;
  return [
    `${loop} torch’s kernel takes ${inMs(row.kernel)} ms, ${step(row.kernel)}, one launch ${inMs(row.launch)} ms, ${step(row.launch)}.`,
    `A step has ${(flops(row) / row.T / 1e6).toPrecision(3)} million FLOP here. Neither parts of a pass nor the GPU’s roof were measured, so none are drawn.`,
  ];
}

const ANSWERS = {
  products: "The matrix products.",
  pointwise: "The pointwise work: gates and memories.",
  calls: "The calls of operators, and the waiting between them.",
};
const ASKED = { H: 16, B: 1, T: 100 };

/** The verdict on a guess. */
export function verdict(guess, measured) {
  const { loop } = find(measured, ASKED);
  const opening = guess === "calls" ? "Right." : `You said: “${ANSWERS[guess]}” It is the calls.`;
  return (
    `${opening} Of ${inMs(loop.whole)} ms the products are ${inMs(loop.products)}, pointwise work ${inMs(loop.pointwise)}; ` +
    `${calls(ASKED.T).toLocaleString("en")} calls take ${inMs(loop.calls)}, and Python and autograd between them ${inMs(loop.between)}.`
  );
}

// ---------------------------------------------------------------- drawing

const PARTS = { products: "matrix products", pointwise: "pointwise work", calls: "calls of operators", between: "waiting, and the rest" };
const BAR = { left: 62, right: 66, width: 360, high: 22, gap: 8 };

/** Bars of one length each, made of pieces: rows of { name, whole, pieces: [[kind, ms], …], mark }. */
function drawBars(rows, label) {
  const longest = Math.max(...rows.flatMap(({ whole, mark = 0 }) => [whole, mark]));
  const scale = (ms) => (ms / longest) * (BAR.width - BAR.left - BAR.right);
  const drawn = rows.flatMap(({ name, whole, pieces, mark }, n) => {
    const y = 4 + n * (BAR.high + BAR.gap);
    let x = BAR.left;
    const rects = pieces.map(([kind, ms]) => {
      const rect = draw("rect", { class: `wt-part wt-${kind}`, x: x.toFixed(2), y, width: scale(ms).toFixed(2), height: BAR.high });
      x += scale(ms);
      return rect;
    });
    const end = BAR.left + scale(Math.max(whole, mark ?? 0));
    const line = mark === undefined ? [] : [draw("path", { class: "wt-predicted", d: `M${(BAR.left + scale(mark)).toFixed(2)} ${y - 4}v${BAR.high + 8}` })];
    return [
      draw("text", { x: BAR.left - 6, y: y + 16, "text-anchor": "end" }, name),
      ...rects,
      ...line,
      draw("text", { x: end + 6, y: y + 16 }, `${inMs(whole)} ms`),
    ];
  });
  const height = 4 + rows.length * (BAR.high + BAR.gap);
  return draw("svg", { viewBox: `0 0 ${BAR.width} ${height}`, role: "img", "aria-label": label }, ...drawn);
}

/** The pieces of a pass that can be drawn: none below 0, and together no longer than the whole. */
export function pieces(row) {
  const parts = Object.keys(PARTS).map((kind) => [kind, Math.max(0, row[kind] ?? 0)]);
  const sum = parts.reduce((all, [, ms]) => all + ms, 0);
  return parts.map(([kind, ms]) => [kind, (ms * row.whole) / sum]);
}

function table(head, rows) {
  const cells = (row, tag) => row.map((text, n) => {
    const cell = make(n === 0 ? "th" : tag, {}, ...[text].flat());
    if (n === 0 || tag === "th") cell.scope = tag === "th" ? "col" : "row";
    return cell;
  });
  const body = rows.map((row) => make("tr", {}, ...cells(row, "td")));
  return make("table", { className: "wt-table" }, make("thead", {}, make("tr", {}, ...cells(head, "th"))), make("tbody", {}, ...body));
}

const swatch = (kind) =>
  draw("svg", { class: "wt-swatch", viewBox: "0 0 20 12", "aria-hidden": "true" }, draw("rect", { class: `wt-part wt-${kind}`, x: 0.5, y: 0.5, width: 19, height: 11 }));

const BOX = { width: 360, height: 176, left: 46, right: 78, top: 8, bottom: 38 };
const decades = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => [10 ** (from + n), `${10 ** (from + n)}`]);

/** The roofline of the processor, and where the loop lies under it. */
function roofline(machine) {
  const [x, y] = [[0.1, 100], [0.05, 300]];
  const made = panel({
    title: "The roof, and the loop under it",
    box: BOX, x: [logarithmic, x], y: [logarithmic, y],
    xTicks: decades(-1, 2), yTicks: decades(-1, 2), xLabel: "FLOP for each byte moved", yLabel: "GFLOP/s",
  });
  const { xScale, yScale, curves, svg } = made;
  const peak = machine.flops_a_second / 1e9;
  const corner = machine.flops_a_second / machine.bytes_a_second;
  const roof = `M${xScale(x[0])} ${yScale((x[0] * machine.bytes_a_second) / 1e9)}L${xScale(corner)} ${yScale(peak)}H${xScale(x[1])}`;
  const show = (loop, kernel) => {
    const limits = ceilings(machine, loop);
    const [at, own] = [attained(loop, loop.whole) / 1e9, attained(kernel, kernel.whole) / 1e9];
    const across = (value) => (value > y[1] ? "" : `M${xScale(x[0])} ${yScale(value).toFixed(1)}H${xScale(x[1])}`);
    curves.replaceChildren(
      draw("path", { class: "wt-roof", d: roof }),
      draw("path", { class: "wt-ceiling", d: across(limits.calls / 1e9) }),
      draw("path", { class: "wt-kernel", d: across(own) }),
      draw("circle", { class: "wt-point", cx: xScale(intensity(loop)).toFixed(1), cy: yScale(at).toFixed(1), r: 6 }),
      ...made.names([
        { text: "roof", kind: "lw-ink", value: peak },
        { text: "torch", kind: "wt-of-kernel", value: own },
        { text: limits.calls / 1e9 > y[1] ? "calls ↑" : "calls", kind: "lw-event", value: limits.calls / 1e9 },
        { text: "loop ●", kind: "lw-use", value: at },
      ]),
    );
    svg.setAttribute(
      "aria-label",
      `Roofline, both axes logarithmic. The roof rises with the FLOP for each byte to ${giga(machine.flops_a_second)} GFLOP/s. ` +
        `The loop lies at ${intensity(loop).toPrecision(2)} FLOP for each byte and reaches ${giga(1e9 * at)} GFLOP/s, under a roof of ` +
        `${giga(Math.min(limits.memory, limits.arithmetic))} and a ceiling of ${giga(limits.calls)} that its calls set. torch’s kernel reaches ${giga(1e9 * own)}.`,
    );
  };
  return { ...made, show };
}

/** What torch's kernel and one launch reach on the GPU, at every recorded size: points without a roof. */
function gpuPanel(rows) {
  const made = panel({
    title: "Reached on the GPU; no roof measured",
    box: BOX, x: [logarithmic, [1e4, 1e10]], y: [logarithmic, [0.1, 200000]],
    xTicks: [1e4, 1e6, 1e8, 1e10].map((n) => [n, n === 1e4 ? "10⁴" : n === 1e6 ? "10⁶" : n === 1e8 ? "10⁸" : "10¹⁰"]),
    yTicks: [[1, "1"], [100, "100"], [10000, "10⁴"]], xLabel: "FLOP in a step", yLabel: "GFLOP/s",
  });
  const { xScale, yScale, curves, svg } = made;
  const place = (row, ms) => ({ cx: xScale(flops(row) / row.T).toFixed(1), cy: yScale(attained(row, ms) / 1e9).toFixed(1) });
  const show = (now) => {
    const points = rows.map((row) => draw("circle", { class: row === now ? "wt-point" : "wt-other", ...place(row, row.launch), r: row === now ? 6 : 4 }));
    const others = rows.map((row) => {
      const { cx, cy } = place(row, row.kernel);
      return draw("path", { class: "wt-kernel", d: `M${cx - 4} ${cy - 4}l8 8m0 -8l-8 8` });
    });
    const last = rows.at(-1);
    curves.replaceChildren(...points, ...others, ...made.names([
      { text: "launch ●", kind: "lw-use", value: attained(last, last.launch) / 1e9 },
      { text: "torch ×", kind: "wt-of-kernel", value: attained(last, last.kernel) / 1e9 },
    ]));
    const told = rows.map((row) => `T ${row.T}, B ${row.B}, H ${row.H}: torch ${giga(attained(row, row.kernel))}, one launch ${giga(attained(row, row.launch))}`);
    svg.setAttribute("aria-label", `GFLOP/s at each recorded size, both axes logarithmic. ${told.join("; ")}.`);
  };
  return { ...made, show };
}

// ---------------------------------------------------------------- the explorable

const QUESTION =
  "Guess first. A layer of 16 units reads one sequence of 100 steps and learns from it, by the loop, on a processor. " +
  "What takes most of the time?";

function render({ model, el }) {
  const root = stage("where-time-goes", "where the time goes");
  const said = spoken("div", "lw-words");
  const [measured, onGpu] = [JSON.parse(model.get("measured")), JSON.parse(model.get("on_gpu")).map(asGpu)];
  const [machine, error, names] = [model.get("machine"), model.get("model_error"), model.get("names")];
  const setTo = (key, value) => {
    model.set(key, value);
    model.save_changes();
  };
  const choice = (key, label, values) => {
    const describe = (n) => `${key} = ${values[n]}`;
    const made = slider({ label: [label], min: 0, max: values.length - 1, describe, words: said, moved: (n) => setTo(key, values[n]) });
    return { ...made, show: () => made.show(values.indexOf(model.get(key))) };
  };
  const sliders = [choice("H", "Units", UNITS), choice("B", "Sequences at once", BATCHES), choice("T", "Steps", STEPS)];
  const sizes = slider({
    label: ["Size"], min: 0, max: onGpu.length - 1, words: said, moved: (n) => setTo("size", n),
    describe: (n) => `T = ${onGpu[n].T}, B = ${onGpu[n].B}, D = ${onGpu[n].D}, H = ${onGpu[n].H}`,
  });
  const { buttons, rows } = radios([["processor", "processor"], ["gpu", names.gpu]]);
  buttons.forEach((button) => button.addEventListener("change", () => setTo("device", button.value)));
  const devices = make("fieldset", { className: "wt-devices" }, ...rows);
  devices.setAttribute("aria-label", "Device");

  const here = make("div", { className: "wt-sliders" }, ...sliders.map(({ row }) => row));
  const bars = make("div", { className: "wt-bars" });
  const [roof, gpu] = [roofline(machine), gpuPanel(onGpu)];
  const pictures = make("div", { className: "lw-panels" });
  const explorable = make("div", {}, devices, here, sizes.row, pictures, said);

  function showProcessor() {
    const size = { H: model.get("H"), B: model.get("B"), T: model.get("T") };
    const { loop, kernel } = find(measured, size);
    const mark = total(predict(machine, loop));
    const ms = (value) => (value === null ? "in the rest" : inMs(value));
    const table_ = table([names.processor, "loop, ms", "torch, ms"], Object.entries(PARTS).map(([kind, name]) => [[swatch(kind), name], ms(loop[kind]), ms(kernel[kind])]));
    const label = `The loop takes ${inMs(loop.whole)} ms, torch’s kernel ${inMs(kernel.whole)} ms; three constants predict ${inMs(mark)} ms for the loop. The table has the parts.`;
    bars.replaceChildren(titled("One pass, forward and backward", drawBars([
      { name: "loop", whole: loop.whole, pieces: pieces(loop), mark },
      { name: "torch", whole: kernel.whole, pieces: pieces(kernel) },
    ], label)), table_);
    roof.show(loop, kernel);
    said.replaceChildren(...words(measured, machine, error, size).map((text) => make("p", {}, text)));
  }

  function showGpu() {
    const row = onGpu[model.get("size")];
    const named = [["loop", row.loop], ["torch", row.kernel], ["launch", row.launch]].filter(([, ms]) => ms !== null);
    const told = named.map(([name, ms]) => `${name} ${inMs(ms)} ms`).join(", ");
    const lines = named.map(([name, ms]) => [name, inMs(ms), ((1e3 * ms) / row.T).toFixed(0), giga(attained(row, ms))]);
    bars.replaceChildren(
      titled("One pass in bfloat16", drawBars(named.map(([name, whole]) => ({ name, whole, pieces: [["whole", whole]] })), `One pass on the GPU: ${told}.`)),
      table(["way", "ms", "µs a step", "GFLOP/s"], lines),
    );
    gpu.show(row);
    said.replaceChildren(...gpuWords(row).map((text) => make("p", {}, text)));
  }

  function redraw() {
    const device = model.get("device");
    for (const button of buttons) button.checked = button.value === device;
    here.hidden = device !== "processor";
    sizes.row.hidden = device !== "gpu";
    const figure = device === "gpu" ? gpu.figure : roof.figure;
    if (pictures.lastChild !== figure) pictures.replaceChildren(bars, figure);
    sliders.forEach(({ show }) => show());
    sizes.show(model.get("size"));
    if (device === "gpu") showGpu();
    else showProcessor();
  }

  model.on("change:H change:B change:T change:device change:size", redraw);
  redraw();
  const asked = guessFirst(model, {
    question: QUESTION, answers: ANSWERS, explorable, first: () => sliders[0].input, verdict: (guess) => verdict(guess, measured),
  });
  root.append(...asked, explorable);
  el.append(root);
  addressed(model, root, "where-time-goes", {
    H: oneOf(UNITS), B: oneOf(BATCHES), T: oneOf(STEPS), device: oneOf(["processor", "gpu"]), size: (n) => Number.isInteger(n) && within(0, onGpu.length - 1)(n),
  });
}

export default { render };
