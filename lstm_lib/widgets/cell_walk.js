// Cell walk: one cell, one unit, one feature; the reader steps from part to part, forwards or backwards in the walk.
//
// Forwards, both use gates stand side by side, fed by the same i·g; the standard one is listened to. In the mode "back"
// the gradient of one h runs back on the same wires. The drawing is the description that the figures are made from.
// The first part of this file is arithmetic (tests hold it to Python's numbers), the second finds words, the third draws.

import { drawnUse, lstmBack, lstmStep } from "./cell.js";
import { addressed, draw, guessFirst, make, minus, modelSlider, num, rich, spoken, stage, within } from "./parts.js";

// ---------------------------------------------------------------- arithmetic

const only = (tape) => Object.fromEntries(Object.entries(tape).map(([name, [value]]) => [name, value])); // of the one unit

/** Run the cell; for each step its tape, and what the drawn use gate makes of it. */
function run({ weights, start, xs }) {
  let state = { h: [start.h], c: [start.c] };
  return xs.map((x) => (state = lstmStep(weights, [x], state)));
}

/** For each step the number on every wire, by its name in the map. */
export function forward(cell) {
  return run(cell).map((tape) => {
    const { a_i, a_f, a_g, a_o, i, f, g, o, c_prev, learned, kept, c, u, h } = only(tape);
    const drawn = only(drawnUse(cell.weights, tape.o, tape.kept));
    return {
      h_prev: tape.z[0], x: tape.z[1], c_prev, a_i, a_f, a_g, a_o, i, f, g, o, learned, kept, c, c_next: c, c_read: c, u, h,
      "drawn kept": kept, "drawn a_u": drawn.a_u, "drawn u": drawn.u, "drawn o": o, "drawn h": drawn.h,
    };
  });
}

/** For each step up to the loss, which is the h of that step (from 1), the gradient on every wire. */
export function backward(cell, loss) {
  const tapes = run(cell).slice(0, loss);
  const steps = [];
  let [dh, dc] = [[1], [0]];
  for (const tape of tapes.reverse()) {
    const back = lstmBack(cell.weights, tape, { dh, dc });
    const [a_i, a_f, a_g, a_o] = back.db.map(([da]) => da);
    const { dx, di, df, dg, do: d_o, du, dread, dlearned, dkept } = only(back);
    steps.unshift({
      h: dh[0], c_next: dc[0], u: du, o: d_o, c_read: dread, c: dkept, kept: dkept, learned: dlearned, f: df, i: di, g: dg,
      a_i, a_f, a_g, a_o, x: dx, h_prev: back.dh[0], c_prev: back.dc[0],
    });
    [dh, dc] = [back.dh, back.dc];
  }
  return steps;
}

// ---------------------------------------------------------------- the walk

const Z = ["z"];

/** The places of one step, in order: what is lit there, wires and parts by name. */
export const FORWARD = [
  { name: "what comes in", wires: ["h_prev", "x", "c_prev", ...Z], parts: ["z"] },
  { name: "learn gate", wires: [...Z, "i", "g", "learned"], parts: ["i", "g", "learn"] },
  { name: "forget gate", wires: [...Z, "c_prev", "f", "kept"], parts: ["f", "forget"] },
  { name: "remember gate", wires: ["kept", "learned", "c"], parts: ["remember"] },
  { name: "use gate, standard", wires: [...Z, "c_read", "u", "o", "h", "c_next"], parts: ["o", "u", "use"] },
  { name: "use gate, as drawn", wires: ["drawn kept", "drawn u", "drawn o", "drawn h"], parts: ["drawn u", "drawn use"] },
];
export const BACK = [
  { name: "what arrives", wires: ["h", "c_next"], parts: [] },
  { name: "use gate", wires: ["h", "u", "o", "c_read"], parts: ["use", "u", "o"] },
  { name: "remember gate", wires: ["c_read", "c_next", "c", "kept", "learned"], parts: ["remember"] },
  { name: "forget gate", wires: ["kept", "f", "c_prev"], parts: ["forget", "f"] },
  { name: "learn gate", wires: ["learned", "i", "g"], parts: ["learn", "i", "g"] },
  { name: "what goes further back", wires: [...Z, "h_prev", "x", "c_prev"], parts: ["z"] },
];

/** Where a place in the walk is: the step, from 0, and the place in it. */
export function whereIs(at, { mode, loss }) {
  const places = mode === "back" ? BACK : FORWARD;
  const n = Math.floor(at / places.length);
  return { t: mode === "back" ? loss - 1 - n : n, place: at % places.length, places };
}

/** How many places the walk has. */
export const length = ({ mode, xs, loss }) => (mode === "back" ? BACK.length * loss : FORWARD.length * xs.length);

// ---------------------------------------------------------------- words

const fine = (x) => num(x, 3);
const plainly = (x) => minus(`${Number(x.toFixed(3))}`);
const factor = (x, text = fine(x)) => (text.startsWith("−") ? `(${text})` : text);

/** What a squashing function is given, with the numbers put in. */
function sum([w_h, w_x], b, { h_prev, x }) {
  const terms = [[w_h, fine(h_prev)], [w_x, plainly(x)], [b, ""]];
  const texts = terms.map(([weight, value], n) => {
    const sign = weight < 0 ? (n ? " − " : "−") : n ? " + " : "";
    return `${sign}${plainly(Math.abs(weight))}${value && `·${factor(0, value)}`}`;
  });
  return texts.join("");
}

/** What is said at a place forwards. */
export function forwardWords(cell, n, t, place) {
  const { W, b, W_u, b_u } = cell.weights;
  const squash = (gate, index, squashed, family) =>
    `[${family}:${gate}] = ${squashed}(${sum(W[index][0], b[index][0], n)}) = ${squashed}(${fine(n[`a_${gate}`])}) = [${family}:${fine(n[gate])}]`;
  const said = [
    () => `In come the event [event:x] = ${plainly(n.x)}, the short-term memory [use:h_{t−1}] = ${fine(n.h_prev)} and the long-term memory [remember:c_{t−1}] = ${fine(n.c_prev)}. All four gates read the first two, z = [h, x].`,
    () => `Now the [learn:learn gate]. ${squash("i", 0, "σ", "learn")}, ${squash("g", 2, "tanh", "learn")}. Learned: i·g = ${fine(n.i)}·${factor(n.g)} = [learn:${fine(n.learned)}].`,
    () => `Now the [forget:forget gate]. ${squash("f", 1, "σ", "forget")}. Kept: f·c_{t−1} = ${fine(n.f)}·${factor(n.c_prev)} = [forget:${fine(n.kept)}].`,
    () => `Now the [remember:remember gate], a sum: c_{t} = kept + learned = ${fine(n.kept)} + ${factor(n.learned)} = [remember:${fine(n.c)}].`,
    () => `Now the [use:standard use gate], which reads the new memory. ${squash("o", 3, "σ", "use")}, u = tanh(c_{t}) = tanh(${fine(n.c)}) = ${fine(n.u)}. It says h_{t} = o·u = [use:${fine(n.h)}], which goes to the next step.`,
    () => `The [use:use gate as drawn], beside it, reads what was kept, through weights of its own: u = tanh(${plainly(W_u[0][0])}·${factor(n.kept)} + ${factor(b_u[0], plainly(b_u[0]))}) = ${fine(n["drawn u"])}. With the same o it would say [use:${fine(n["drawn h"])}]: it does not hear i·g = ${fine(n.learned)} in this step.`,
  ];
  return `Step ${t + 1} of ${cell.xs.length}. ${said[place]()}`;
}

/** What is said at a place on the way back: n the numbers of the step, d their gradients. */
export function backWords(cell, n, d, t, place, loss) {
  const { W } = cell.weights;
  const from = t === loss - 1 ? "The loss is this h itself, so" : "From the step to the right";
  const slope = (gate, y) => (gate === "g" ? `(1 − ${factor(y)}²)` : `${fine(y)}·(1 − ${fine(y)})`);
  const through = (gate, family) => `∂a_{${gate}} = ∂${gate}·${slope(gate, n[gate])} = [${family}:${fine(d[`a_${gate}`])}]`;
  const road = (column) => ["i", "f", "g", "o"].map((gate, k) => [W[k][0][column], d[`a_${gate}`]]).filter(([w]) => w !== 0)
    .map(([w, da]) => `${factor(w, plainly(w))}·${factor(da)}`).join(" + ") || "0";
  const said = [
    () => `${from} ∂h = ${fine(d.h)}${t === loss - 1 ? ", and nothing" : " arrives, and ∂c ="} ${t === loss - 1 ? "arrives along c: ∂c =" : ""} ${fine(d.c_next)}${t === loss - 1 ? "" : " along c"}.`,
    () => `Back through the [use:use gate]: ∂o = ∂h·u = ${fine(d.h)}·${factor(n.u)} = ${fine(d.o)}, so ${through("o", "use")}. And ∂u = ∂h·o = ${fine(d.u)}, of which c gets ∂u·(1 − u²) = [remember:${fine(d.c_read)}].`,
    () => `Into [remember:c] two roads lead: ∂c = ${fine(d.c_next)} + ${factor(d.c_read)} = [remember:${fine(d.c)}]. A sum hands it on whole: ∂kept = ∂learned = ${fine(d.c)}.`,
    () => `Back through the [forget:forget gate]: ∂f = ∂kept·c_{t−1} = ${fine(d.kept)}·${factor(n.c_prev)} = ${fine(d.f)}, so ${through("f", "forget")}. Along the memory goes ∂c_{t−1} = ∂kept·f = ${fine(d.kept)}·${fine(n.f)} = [remember:${fine(d.c_prev)}].`,
    () => `Back through the [learn:learn gate]: ∂i = ∂learned·g = ${fine(d.i)}, ∂g = ∂learned·i = ${fine(d.g)}, so ${through("i", "learn")} and ${through("g", "learn")}.`,
    () => `Through the weights of the four gates: ∂h_{t−1} = ${road(0)} = [use:${fine(d.h_prev)}], ∂x = ${road(1)} = ${fine(d.x)}. To the step before go [remember:${fine(d.c_prev)}] along c and [use:${fine(d.h_prev)}] through h.`,
  ];
  return `Step ${t + 1} of ${cell.xs.length}. ${said[place]().replace(/ {2,}/g, " ")}`;
}

const QUESTIONS = {
  forward: {
    ask: (x) =>
      `Guess first. After the pencil's step the next event is x = ${plainly(x)}. From the weights of i and f, −1 + 2x and 1 − 2x: what will this cell do with its memory?`,
    answers: {
      keep: "Keep nearly all of it, and learn nearly nothing",
      overwrite: "Forget most of it, and learn the new event",
      both: "Keep nearly all of it, and add the new event",
    },
    right: "keep",
  },
  back: {
    ask: () =>
      "Guess first. The loss is the last h. Going back through step 2, where f is 0.95: on which road does more of the gradient arrive at step 1, along c or through h?",
    answers: { c: "Along c", h: "Through h", same: "About the same on both" },
    right: "c",
  },
};

/** What is said of a guess, with the numbers of the second step. */
export function verdict(cell, guess) {
  const { answers, right } = QUESTIONS[cell.mode];
  const opening = guess === right ? "Right." : `You said: “${answers[guess]}”. It is “${answers[right]}”.`;
  const n = forward(cell)[1];
  if (cell.mode === "forward") {
    return `${opening} At step 2, f = ${num(n.f)} and i = ${num(n.i)}: ${num(n.kept)} of ${num(n.c_prev)} is kept, and i·g = ${num(n.learned)} is learned. Walk there.`;
  }
  const d = backward(cell, cell.xs.length)[1];
  return `${opening} Through step 2 come ${num(d.c_prev, 3)} along c and ${num(d.h_prev, 3)} through h. At steps with x = 1, where f is ${num(forward(cell)[0].f)}, it can be the other way round. Walk and see.`;
}

// ---------------------------------------------------------------- drawing

const SCALES = { narrow: { x: 29.4, y: 56, digits: 2 }, wide: { x: 60, y: 54, digits: 3 } };
const NARROW = 560; // px
const SIGNS = ["×", "+"];

/** The drawing in px, back or not: parts as boxes, wires as points between the edges of what they join, in its direction. */
export function layOut(map, scale, back) {
  const top = back ? map.size[1] - 1.15 : map.size[1]; // the drawn use gate lies above, and has no gradient here
  const across = (x) => x * scale.x;
  const width = across(map.size[0]) + 8; // for a number with a minus at the right
  const down = (y) => (top - y) * scale.y;
  const hidden = (name) => back && name.startsWith("drawn");
  const parts = Object.fromEntries(
    Object.entries(map.parts).filter(([name]) => !hidden(name)).map(([name, part]) => {
      const sign = SIGNS.includes(part.text);
      const width = sign ? 26 : Math.max(part.width * scale.x, 38);
      return [name, { ...part, sign, x: across(part.x), y: down(part.y), width, height: sign ? 26 : 35 }];
    }),
  );
  const touches = ([x, y], { x: left, y: low, width, height }) => Math.abs(x - left) <= width / 2 + 0.05 && Math.abs(y - low) <= height / 2 + 0.05;
  /** An end at a part moves to the edge of the part's box. */
  function ended(point, other) {
    const [x, y] = [across(point[0]), down(point[1])];
    const part = parts[Object.keys(parts).find((name) => touches(point, map.parts[name]))];
    if (!part) return [x, y];
    if (other[1] === point[1]) return [part.x - Math.sign(point[0] - other[0]) * (part.width / 2 + 1), y];
    return [x, part.y + Math.sign(point[1] - other[1]) * (part.height / 2 + 1)];
  }
  const wires = map.wires.filter(({ carries }) => !hidden(carries)).map((wire) => {
    const { points: corners } = wire;
    const points = corners.map(([x, y]) => [across(x), down(y)]);
    points[0] = ended(corners[0], corners[1]);
    points[points.length - 1] = ended(corners.at(-1), corners.at(-2));
    const tip = back ? corners[0] : corners.at(-1);
    const arrives = tip[0] < 0.5 || tip[0] > map.size[0] - 0.5 || Object.values(map.parts).some((part) => touches(tip, part));
    const [label, x, y] = (back && BACK_LABELS[wire.carries]) || [wire.label && `${back ? "∂" : ""}${wire.label}`, ...wire.label_at];
    const anchor = x > map.size[0] - 1.2 ? { x: width - 2, "text-anchor": "end" } : { x: across(x) };
    return { ...wire, points: back ? points.reverse() : points, arrives, label, anchor: { ...anchor, y: down(y) } };
  });
  return { width, height: down(0), across, down, parts, wires };
}

// Labels that only gradients have: the two roads into c, which forwards are one number; and ∂o, which would lie on a wire.
const BACK_LABELS = {
  c_next: ["∂c next", 11, 4.72], c: ["∂c_{t}", 7.1, 4.72], c_read: ["to c", 9.75, 3.85], o: ["∂o", 7.95, 2.7],
};

/** The letters of a label, with their index lower and smaller. */
function letters(text) {
  return text.split(/(_\{[^}]*\})/).filter(Boolean).map((piece) =>
    piece.startsWith("_{") ? draw("tspan", { class: "cw-index", "baseline-shift": "-25%" }, piece.slice(2, -1)) : piece,
  );
}

/** An arrow: its line, and a head where it arrives. */
function arrow({ points, arrives }) {
  const [[x0, y0], [x, y]] = points.slice(-2);
  const angle = (Math.atan2(y - y0, x - x0) * 180) / Math.PI;
  const line = draw("path", { class: "cw-line", d: `M${points.map((point) => point.join(" ")).join("L")}` });
  const head = draw("path", { class: "cw-head", d: "M0 0l-8 -4.5v9z", transform: `translate(${x} ${y}) rotate(${angle})` });
  return arrives ? [line, head] : [line];
}

const CAPTIONS = [["drawn use gate", 4.95, 5.2], ["standard", 8.6, 0.95], ["use gate", 8.6, 0.68]];

/** Draw the cell at a place: lit, known already, or not yet; numbers by the names of wires and parts. */
function picture(cell, map, numbers, { at, scale, label }) {
  const { place, places } = whereIs(at, cell);
  const back = cell.mode === "back";
  const state = (name, which) => {
    if (places[place][which].includes(name)) return "cw-now";
    const first = places.findIndex((one) => one[which].includes(name));
    return first >= 0 && first < place ? "cw-past" : "cw-next";
  };
  const drawn = layOut(map, scale, back);
  const svg = draw("svg", { viewBox: `0 0 ${drawn.width} ${drawn.height}`, role: "img", "aria-label": label, class: back ? "cw-back" : "" });
  const labels = [];
  for (const wire of drawn.wires) {
    const when = state(wire.carries, "wires");
    svg.append(draw("g", { class: `cw-wire cw-${wire.family} ${when}` }, ...arrow(wire)));
    if (!wire.label || when === "cw-next") continue;
    const name = { ...wire.anchor, y: wire.anchor.y - 13, class: `cw-name cw-${wire.family} ${when}` };
    labels.push(draw("text", name, ...letters(wire.label)));
    labels.push(draw("text", { ...wire.anchor, class: `cw-value ${when}` }, num(numbers[wire.carries], back ? 3 : scale.digits)));
  }
  for (const [name, part] of Object.entries(drawn.parts)) {
    const when = state(name, "parts");
    const box = { x: part.x - part.width / 2, y: part.y - part.height / 2, width: part.width, height: part.height, rx: part.sign ? 13 : 6 };
    const value = when === "cw-next" ? undefined : numbers[name === "drawn u" ? "drawn a_u" : `a_${name}`];
    const middle = { x: part.x, "text-anchor": "middle" };
    const text = draw("text", { ...middle, y: part.y + (value === undefined ? 4 : -3) }, part.text);
    const group = draw("g", { class: `cw-part cw-${part.family} ${when}` }, draw("rect", { class: "cw-paper", ...box }), draw("rect", { class: "cw-box", ...box }), text);
    if (value !== undefined) group.append(draw("text", { ...middle, class: "cw-inside", y: part.y + 11 }, num(value, back ? 3 : 2)));
    svg.append(group);
  }
  const captions = back ? [] : CAPTIONS;
  svg.append(...captions.map(([text, x, y]) => draw("text", { class: "cw-caption", x: drawn.across(x), y: drawn.down(y) }, text)), ...labels);
  return svg;
}

// ---------------------------------------------------------------- the explorable

const KEYS = { ArrowRight: 1, ArrowLeft: -1 };

function render({ model, el }) {
  const mode = model.get("mode");
  const root = stage("cell-walk", mode === "back" ? "gradients walk back through the cell" : "a walk through the cell");
  const words = spoken("p", "cw-words");
  const map = JSON.parse(model.get("map"));
  const cell = () => ({ mode, ...Object.fromEntries(["weights", "start", "xs", "loss"].map((key) => [key, model.get(key)])) });
  const go = (at) => {
    model.set("at", Math.min(Math.max(at, 0), length(cell()) - 1));
    model.save_changes();
  };
  const walked = modelSlider(model, "at", {
    label: "Place", min: 0, max: length(cell()) - 1, words,
    describe(at) {
      const { t, place, places } = whereIs(at, cell());
      return `step ${t + 1}, ${places[place].name}`;
    },
  });
  const turn = (text, way) => {
    const button = make("button", { type: "button" }, text);
    button.addEventListener("click", () => go(model.get("at") + way));
    return button;
  };
  const [before, next] = [turn("◀ Back", -1), turn("Next ▶", 1)];
  const buttons = make("div", { className: "cw-buttons" }, before, next);
  const loss = mode === "back" && model.get("xs").length > 1
    ? modelSlider(model, "loss", { kind: "lw-of-use", label: "The loss is h of", min: 1, max: model.get("xs").length, words, describe: (t) => `step ${t}` })
    : null;
  const canvas = make("div", { className: "cw-canvas" });
  const controls = make("div", { className: "cw-controls" }, buttons, walked.row, ...(loss ? [loss.row] : []));
  const explorable = make("div", {}, controls, canvas, words);

  // The arrow keys turn the pages of the walk from the buttons too; a slider knows them by itself.
  buttons.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    event.stopPropagation();
    go(model.get("at") + KEYS[event.key]);
  });
  for (const button of [before, next]) button.dataset.lmSuppressShortcuts = "true";

  function show() {
    const now = cell();
    walked.input.max = length(now) - 1;
    const at = Math.min(model.get("at"), length(now) - 1);
    const { t, place } = whereIs(at, now);
    const numbers = forward(now)[t];
    const gradients = mode === "back" ? backward(now, now.loss)[t] : null;
    const said = gradients ? backWords(now, numbers, gradients, t, place, now.loss) : forwardWords(now, numbers, t, place);
    const scale = canvas.clientWidth && canvas.clientWidth < NARROW ? SCALES.narrow : SCALES.wide;
    const label = `The cell at step ${t + 1}, ${whereIs(at, now).places[place].name}.`;
    canvas.replaceChildren(picture(now, map, gradients ?? numbers, { at, scale, label }));
    words.replaceChildren(...rich(said));
    before.disabled = at === 0;
    next.disabled = at === length(now) - 1;
  }

  model.on("change:at", show);
  model.on("change:loss", () => {
    model.set("at", 0);
    show();
    walked.show();
  });
  new ResizeObserver(show).observe(canvas);
  const { ask, answers } = QUESTIONS[mode];
  const asked = model.get("xs").length > 1
    ? guessFirst(model, {
        question: ask(model.get("xs")[1]), answers, explorable, first: () => next, verdict: (guess) => verdict(cell(), guess),
      })
    : [];
  root.append(...asked, explorable);
  el.append(root);
  show();
  addressed(model, root, mode === "back" ? "cell-walk-back" : "cell-walk", {
    ...(loss ? { loss: within(1, model.get("xs").length) } : {}),
    at: (at) => Number.isInteger(at) && at >= 0 && at < length(cell()),
  });
}

export default { render };
