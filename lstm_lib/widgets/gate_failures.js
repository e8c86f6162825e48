// Gate failures: hold gates of a trained LSTM at 1, and see which errors it makes.
//
// The network was trained on two boxes and reads streams of which each step is two characters: A1 is written into
// box 1, A. only passes by, ?1 asks for box 1. An answer counts where the right symbol and the three wrong ones with a
// name are four different symbols. The first part of this file is arithmetic (a test holds all counts to Python's), the
// second finds words, the third draws. Nothing moves on its own.

import { sigmoid } from "./cell.js";
import { sliced, whole } from "./engine.js";
import { addressed, draw, guessFirst, make, oneOf, percent, rich, spoken, stage, within } from "./parts.js";

// ---------------------------------------------------------------- arithmetic

const SYMBOLS = "ABCD";
export const KINDS = ["right", "stale", "other", "intruder"];

/** A stream as steps: the symbol, and the box that is written or asked; −1 where there is none. */
export function read(stream) {
  return stream.match(/../g).map(([letter, box]) => {
    const [symbol, which] = [SYMBOLS.indexOf(letter), "12".indexOf(box)];
    return { symbol, write: symbol < 0 ? -1 : which, ask: symbol < 0 ? which : -1 };
  });
}

/** For each question its step and the symbols that could be named, in the order of KINDS; −1 where there is none yet. */
export function questions(steps) {
  const [now, before, found] = [[-1, -1], [-1, -1], []];
  let passed = -1;
  steps.forEach(({ symbol, write, ask }, t) => {
    if (ask >= 0) found.push({ t, box: ask, possible: [now[ask], before[ask], now[1 - ask], passed] });
    else if (write < 0) passed = symbol;
    else [before[write], now[write]] = [now[write], symbol];
  });
  return found.map((one) => ({ ...one, clear: one.possible.every((s, n) => s >= 0 && one.possible.indexOf(s) === n) }));
}

/** What the network says at each question, as numbers of symbols; held is a word of the letters of gates that are 1. */
export function says({ W, b, readout_W, readout_b }, steps, held) {
  const H = b[0].length;
  const [h, c, a, bias] = [new Float64Array(H), new Float64Array(H), new Float64Array(4 * H), Float64Array.from(b.flat())];
  const rows = W.flat().map((row) => Float64Array.from(row));
  const [holdI, holdF, holdO] = [..."ifo"].map((gate) => held.includes(gate));
  const said = [];
  for (const { symbol, write, ask } of steps) {
    const on = [symbol, write < 0 ? -1 : 4 + write, ask < 0 ? -1 : 6 + ask].filter((n) => n >= 0); // the ones in x
    for (let k = 0; k < 4 * H; k++) {
      const row = rows[k];
      let sum = bias[k];
      for (let m = 0; m < H; m++) sum += row[m] * h[m];
      for (let m = 0; m < on.length; m++) sum += row[H + on[m]];
      a[k] = sum;
    }
    for (let n = 0; n < H; n++) {
      const i = holdI ? 1 : sigmoid(a[n]);
      const f = holdF ? 1 : sigmoid(a[H + n]);
      const o = holdO ? 1 : sigmoid(a[3 * H + n]);
      c[n] = f * c[n] + i * Math.tanh(a[2 * H + n]);
      h[n] = o * Math.tanh(c[n]);
    }
    if (ask < 0) continue;
    const scores = readout_W.map((row, k) => row.reduce((sum, w, n) => sum + w * h[n], readout_b[k]));
    said.push(scores.indexOf(Math.max(...scores)));
  }
  return said;
}

/** The questions of a stream with what is said, and of which kind that is: one of KINDS, or "" where it does not count. */
export function answered(network, stream, held) {
  const steps = read(stream);
  const said = says(network, steps, held);
  return questions(steps).map((one, n) => ({ ...one, said: said[n], kind: one.clear ? KINDS[one.possible.indexOf(said[n])] : "" }));
}

/** How many answers of each kind, over all streams; with four symbols each that counts has a kind. In pieces, see engine.js. */
export function* count(network, streams, held) {
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  for (const stream of streams) {
    for (const { kind } of answered(network, stream, held)) if (kind) counts[kind] += 1;
    yield;
  }
  return counts;
}

// ---------------------------------------------------------------- words

const GATES = { i: ["learn", "learn gate"], f: ["forget", "forget gate"], o: ["use", "use gate"] };
const NAMES = { right: "right", stale: "stale", other: "other box", intruder: "intruder" };
const MARKS = { right: "✓", stale: "s", other: "o", intruder: "i" };
const FAMILY = { right: "ink", stale: "forget", other: "use", intruder: "learn" };

const total = (counts) => KINDS.reduce((sum, kind) => sum + counts[kind], 0);
const commonest = (counts) => KINDS.slice(1).reduce((best, kind) => (counts[kind] > counts[best] ? kind : best));

/** What the counts say. */
export function countWords(held, counts) {
  const all = total(counts);
  const gates = [...held].map((gate) => `[${GATES[gate][0]}:${gate} = 1]`).join(", ");
  const opening = held ? `With ${gates}, ${counts.right} of ${all} answers are right.` : `No gate is held: ${counts.right} of ${all} answers are right.`;
  if (counts.right === all) return opening;
  const worst = commonest(counts);
  const as = KINDS.slice(1).filter((kind) => counts[kind] === counts[worst]);
  const most = as.length > 1 ? `The commonest errors are ${as.map((kind) => NAMES[kind]).join(" and ")}, ${counts[worst]} times each.` : `The commonest error is [${FAMILY[worst]}:${NAMES[worst]}], ${counts[worst]} times.`;
  return `${opening} ${most}`;
}

const QUESTION = "Guess first. The forget gate of a trained LSTM is held at 1: nothing is forgotten any more. Which error will be the most frequent?";
const ANSWERS = {
  stale: "Stale: what was in the box before",
  other: "The content of the other box",
  intruder: "An intruder that only passed by",
};
const WHY = {
  stale: "Right: the old content is still in the sum when the new one arrives.",
  other: "Not so: which box is meant is the use gate's business. The old content is still in the sum when the new one arrives, so it is the stale one.",
  intruder: "Not so: keeping what passes by outside is the learn gate's business. The old content is still in the sum when the new one arrives, so it is the stale one.",
};

/** The verdict on a guess, with the counts for f = 1. */
export const verdict = (guess, { right, stale, ...others }) =>
  `${WHY[guess]} Of ${right + stale + others.other + others.intruder} answers, ${stale} are stale and ${right} right. Now hold the others, one at a time.`;

/** A stream in words: each question, what is said, and what that is. */
export function streamWords(rows) {
  const told = rows.map(({ t, box, said, possible, kind }) => {
    const what = kind ? NAMES[kind] : said === possible[0] ? "right, not counted" : "wrong, not counted";
    return `step ${t + 1}: box ${box + 1} is asked, it says ${SYMBOLS[said]}, ${what}`;
  });
  return `${told.join("; ")}.`;
}

// ---------------------------------------------------------------- drawing

/** Bars with numbers: how many answers of each kind; a mark where the network stands when no gate is held. */
function bars(counts, whole) {
  const all = total(counts);
  const rows = KINDS.map((kind) => {
    const bar = make("span", { className: `gf-bar gf-${FAMILY[kind]}` });
    bar.style.width = `${(100 * counts[kind]) / all}%`;
    const mark = make("span", { className: "gf-mark" });
    mark.style.left = `${(100 * whole[kind]) / all}%`;
    const track = make("span", { className: "gf-track" }, bar, mark);
    track.ariaHidden = "true";
    const name = make("span", { className: `lw-word lw-${FAMILY[kind]}` }, `${NAMES[kind]} (${MARKS[kind]})`);
    return make("li", {}, name, track, make("span", { className: "lw-value" }, `${counts[kind]} · ${percent(counts[kind] / all)}`));
  });
  return make("ul", { className: "gf-bars" }, ...rows);
}

const [WIDE, TALL] = [22, 72]; // px of a step

/** One stream, its steps in rows; under each question what is said. */
function drawStream(steps, rows, perRow) {
  const lines = Math.ceil(steps.length / perRow);
  const at = (t) => [(t % perRow) * WIDE, Math.floor(t / perRow) * TALL];
  const text = (content, t, y, kind) => draw("text", { class: kind, x: at(t)[0] + WIDE / 2, y: at(t)[1] + y, "text-anchor": "middle" }, content);
  const tiles = steps.flatMap(({ symbol, write, ask }, t) => {
    const [x, y] = at(t);
    const kind = ask >= 0 ? "gf-ask" : write >= 0 ? "gf-write" : "gf-pass";
    const tile = draw("rect", { class: `gf-tile ${kind}`, x: x + 1.5, y: y + 1, width: WIDE - 3, height: 20, rx: 3 });
    const below = write >= 0 ? `→${write + 1}` : "";
    return [tile, text(ask >= 0 ? `${ask + 1}?` : SYMBOLS[symbol], t, 15.5, `gf-letter ${kind}`), text(below, t, 34, "gf-below")];
  });
  const answers = rows.flatMap(({ t, said, possible, kind }) => {
    const right = said === possible[0];
    const style = kind ? `gf-said lw-${FAMILY[kind]}` : "gf-uncounted";
    return [text(SYMBOLS[said], t, 37, style), text(kind ? MARKS[kind] : right ? "✓" : "✗", t, 51, style)];
  });
  const label = `Stream of ${steps.length} steps. ${streamWords(rows)}`;
  return draw("svg", { viewBox: `0 0 ${perRow * WIDE} ${lines * TALL - 16}`, role: "img", "aria-label": label }, ...tiles, ...answers);
}

// ---------------------------------------------------------------- the explorable

const NARROW = 560; // px

function render({ model, el }) {
  const root = stage("gate-failures", "gates that fail");
  const [network, streams] = [JSON.parse(model.get("network")), model.get("streams")];
  const words = spoken("p", "gf-words");
  const known = {};
  const counts = (held) => (known[held] ??= whole(count(network, streams, held)));
  const counted = async (held) => (known[held] ??= await sliced(count(network, streams, held), { budget: 4 }));

  const switches = Object.entries(GATES).map(([gate, [family, name]]) => {
    const box = make("input", { type: "checkbox" });
    box.dataset.lmSuppressShortcuts = "true";
    box.addEventListener("change", () => {
      const held = switches.filter((one) => one.box.checked).map((one) => one.gate).join("");
      model.set("held", held);
      model.save_changes();
    });
    return { gate, box, row: make("label", { className: `lw-${family}` }, box, ` ${name}: `, make("b", {}, `${gate} = 1`)) };
  });
  const group = make("fieldset", { className: "gf-switches" }, make("legend", {}, "Held wide open"), ...switches.map(({ row }) => row));

  const sorted = make("div", { className: "gf-sorted" });
  const canvas = make("div", { className: "gf-stream" });
  const which = make("span", { className: "gf-which" });
  const turn = (text, name, way) => {
    const button = make("button", { type: "button" }, text);
    button.setAttribute("aria-label", name);
    button.addEventListener("click", () => {
      model.set("stream", ((model.get("stream") - 1 + way + streams.length) % streams.length) + 1);
      model.save_changes();
    });
    return button;
  };
  const turns = make("div", { className: "gf-turns" }, turn("◀", "Stream before", -1), which, turn("▶", "Next stream", 1));
  const key = make("p", { className: "gf-key" }, "A →1: A is written into box 1. A pale letter only passes by. 1? asks for box 1; below it stand the answer and its kind, pale where it does not count: only where four different symbols could be named does it.");
  const explorable = make("div", {}, group, sorted, words, turns, canvas, key);

  function showStream() {
    const stream = streams[model.get("stream") - 1];
    which.textContent = `Stream ${model.get("stream")} of ${streams.length}`;
    const perRow = canvas.clientWidth && canvas.clientWidth < NARROW ? 15 : 30;
    canvas.replaceChildren(drawStream(read(stream), answered(network, stream, model.get("held")), perRow));
  }
  function show() {
    const held = model.get("held");
    for (const { gate, box } of switches) box.checked = held.includes(gate);
    showStream();
    Promise.all([counted(held), counted("")]).then((both) => {
      if (held !== model.get("held")) return; // the reader is further by now
      sorted.replaceChildren(bars(...both));
      words.replaceChildren(...rich(countWords(held, both[0])));
    });
  }

  model.on("change:held", show);
  model.on("change:stream", showStream);
  new ResizeObserver(showStream).observe(canvas);
  const asked = guessFirst(model, {
    question: QUESTION, answers: ANSWERS, explorable, first: () => switches[1].box, verdict: (guess) => verdict(guess, counts("f")),
  });
  root.append(...asked, explorable);
  el.append(root);
  show();
  addressed(model, root, "gate-failures", {
    held: oneOf(["", "i", "f", "o", "if", "io", "fo", "ifo"]), stream: within(1, streams.length),
  });
}

export default { render };
