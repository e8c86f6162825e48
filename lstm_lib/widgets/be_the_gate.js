// Be the gate: at each step of the stream of one box the reader sets the gates of one unit, and the memory lives with it.
//
// The content of the unit is given, g is the value of the symbol. Gates that are not in the reader's hand are 1; where o
// alone is in the hand, i and f overwrite at each write, and what is said is shown twice: by the standard use gate and by
// the drawn one, which reads what was kept. Trained units play the same stream. The first part of this file is arithmetic
// (tests hold it to Python's numbers), the second finds words, the third draws.

import { drawnUse, remember, use } from "./cell.js";
import { shipped } from "./engine.js";
import { addressed, draw, guessFirst, linear, make, num, percent, random, slider, spoken, stage, within } from "./parts.js";
import { SYMBOLS, asks, drawStream, empty, openPlayers, playerStep, questions, score, writes } from "./stream.js";

// ---------------------------------------------------------------- arithmetic

export const VALUES = [-0.75, -0.25, 0.25, 0.75];
export const SPOKEN = Math.tanh(0.25) / 2; // what is said loud enough to be heard
export const STREAM = { boxes: 1, T: 16, p_write: 0.2, p_ask: 0.25 };
const LEAST = 4; // questions of a stream
export const STAGES = { rnn: "RNN unit", memory: "sum alone", learn: "+ learn", forget: "+ forget", lstm: "LSTM unit" };

/** The stage of the cell that has the gates which are in the reader's hand. */
export const stageOf = (gates) => ({ i: "learn", if: "forget", o: "lstm", ifo: "lstm" })[gates];

/** A game: the stream of a seed, and its questions. Where o alone is in the hand, two writes are asked for at once. */
export function open(seed, gates = "ifo") {
  const steps = gates === "o" ? withEchoes(seed) : drawStream(STREAM, seed, LEAST);
  return { steps, asked: questions(steps, 1) };
}

function withEchoes(seed) {
  for (let n = seed; ; n += 10000) {
    const steps = drawStream(STREAM, n, 3);
    const later = steps.flatMap((step, t) => (t && writes(step) ? [t] : []));
    if (later.length >= 3) return steps.map((step, t) => (t === later[0] || t === later[2] ? { ...step, kind: "echo" } : step));
  }
}

/** The gates that are set for the reader. */
export const held = (gates, step) => (gates === "o" ? { i: Number(writes(step)), f: Number(!writes(step)) } : {});

/** The content of a step: the value of its symbol, 0 at a question. */
export const content = ({ kind, symbol }) => (kind === "ask" ? 0 : VALUES[symbol]);

/** One step of the unit, with gates that somebody has set. */
export function turn({ i, f, o }, g, c_prev) {
  const { learned, kept, c } = remember({ i: [i], f: [f], g: [g] }, [c_prev]);
  const { h } = use([o], c);
  const drawn = drawnUse({ W_u: [[1]], b_u: [0] }, [o], kept).h[0];
  return { i, f, o, g, c_prev, learned: learned[0], kept: kept[0], c: c[0], h: h[0], drawn };
}

/** The symbol whose tanh(value) is nearest to what is said. */
export function heard(h) {
  const far = VALUES.map((value) => Math.abs(h - Math.tanh(value)));
  return far.indexOf(Math.min(...far));
}

/** Choices as a text, a character for each gate in hand and step, "0" to "9" and "A" for 1: what an address can hold. */
const DIGITS = "0123456789A";
export const written = (gates, values) => [...gates].map((gate) => DIGITS[Math.round(10 * values[gate])]).join("");
export function read(gates, choices, steps) {
  const whole = Math.min(Math.floor(choices.length / gates.length), steps);
  return Array.from({ length: whole }, (_, t) => {
    const own = [...gates].map((gate, n) => [gate, DIGITS.indexOf(choices[t * gates.length + n]) / 10]);
    return { i: 1, f: 1, o: 1, ...Object.fromEntries(own) };
  });
}

/** All turns of the reader so far. */
export function turns(steps, choices, gates = "ifo") {
  let c = 0;
  return choices.map((own, t) => {
    const now = turn({ ...own, ...held(gates, steps[t]) }, content(steps[t]), c);
    c = now.c;
    return now;
  });
}

/** A trained unit over a stream: it sees atanh(value), write, ask. */
export function unit(player, steps) {
  let state = empty(player);
  return steps.map((step) => {
    const x = [Math.atanh(content(step)), Number(writes(step)), Number(asks(step))];
    state = playerStep(player, x, state);
    return Object.fromEntries(Object.entries(state).filter(([name]) => "ifgoch".includes(name)).map(([name, [value]]) => [name, value]));
  });
}

const SILENT = -2; // no symbol, and not NOTHING

/** How a unit did, so far: its answers counted, and at how many other steps it spoke. One with a use gate can be silent. */
export function judged(hs, { steps, asked }, gates = "") {
  const silent = (h) => gates.includes("o") && Math.abs(h) <= SPOKEN;
  const answers = asked.filter(({ t }) => t < hs.length).map(({ t }) => (silent(hs[t]) ? SILENT : heard(hs[t])));
  const unasked = hs.filter((h, t) => !asks(steps[t]) && Math.abs(h) > SPOKEN).length;
  const count = score(answers, asked);
  const nothing = answers.filter((answer) => answer === SILENT).length;
  return { ...count, none: count.none - nothing, silent: nothing, unasked };
}

// ---------------------------------------------------------------- words

const ERRORS = { stale: "stale", intruder: "passer-by", none: "neither", silent: "silent" };
export function errorWords(count) {
  const kinds = Object.keys(ERRORS).filter((kind) => count[kind]);
  return kinds.map((kind) => `${count[kind]} ${ERRORS[kind]}`).join(", ") || "none";
}

export function eventWords({ kind, symbol }, at) {
  const where = `Step ${at + 1} of ${STREAM.T}. `;
  if (kind === "ask") return `${where}The box is asked for.`;
  const value = `value ${num(VALUES[symbol])}`;
  if (kind === "echo") return `${where}${SYMBOLS[symbol]} is written into the box, and the box is asked for: ${value}.`;
  return kind === "write" ? `${where}${SYMBOLS[symbol]} is written into the box: ${value}.` : `${where}${SYMBOLS[symbol]} passes by: ${value}.`;
}

/** How a symbol is a number: told before the first step. */
const SCALE = `The symbols are numbers: ${VALUES.map((value, n) => `${SYMBOLS[n]} is ${num(value)}`).join(", ")}. What is said is heard as the nearest. `;

/** What was heard of what is said. */
const speech = (h, gates) => (gates.includes("o") && Math.abs(h) <= SPOKEN ? "nothing" : SYMBOLS[heard(h)]);

/** What the last turn has brought. */
export function turnWords({ steps, asked }, done, gates) {
  const at = done.length - 1;
  const { h, drawn } = done[at];
  if (!asks(steps[at])) return gates.includes("o") && Math.abs(h) > SPOKEN ? "You spoke, and nobody had asked. " : "";
  const right = SYMBOLS[asked.find(({ t }) => t === at).right];
  const said = speech(h, gates);
  if (gates === "o") return `In the box is ${right}. The standard gate said ${said}, the drawn one ${speech(drawn, gates)}. `;
  return said === right ? `You said ${said}: right. ` : `You said ${said}; in the box is ${right}. `;
}

/** What the gates as they are set would do. */
export function previewWords({ c_prev, kept, learned, c, h, drawn }, gates = "") {
  const terms = `${num(kept)} ${learned < 0 ? "−" : "+"} ${num(Math.abs(learned))}`;
  const loud = (value) => `${num(value)}${Math.abs(value) > SPOKEN ? `, heard as ${SYMBOLS[heard(value)]}` : ""}`;
  const said = gates === "o" ? `. Standard gate: ${loud(h)}; drawn gate: ${loud(drawn)}` : `; said: ${loud(h)}`;
  return `Memory ${num(c_prev)}, then ${terms} = ${num(c)}${said}.`;
}

const times = (count) => (count === 1 ? "once" : `${count} times`);

/** How it went; without theirs where the trained units could not come. */
export function endWords(mine, theirs, gates, drawn) {
  const given = `of ${mine.given} right`;
  const silence = `, and you spoke unasked ${times(mine.unasked)}`;
  const twice = ` with the standard gate, ${drawn?.right} with the drawn one`;
  const yours = `You had ${mine.right} ${given}${gates === "o" ? twice : gates.includes("o") ? silence : ""}`;
  if (!theirs) return `${yours}.`;
  return `${yours}; the trained unit${gates === "o" ? ", which has the standard one," : " with the same gates"} had ${theirs.right}.`;
}

/** Where the gates were open, of both. */
export function replayWords(mine, theirs, gates) {
  const at = (runs, gate) => runs.flatMap((run, t) => (run[gate] >= 0.5 ? [t + 1] : [])).join(", ") || "none";
  const closed = (runs) => runs.flatMap(({ f }, t) => (f < 0.5 ? [t + 1] : [])).join(", ") || "none";
  const words = { i: "Steps at which i was open", f: "Steps at which f was closed", o: "Steps at which o was open" };
  const steps = (runs, gate) => (gate === "f" ? closed(runs) : at(runs, gate));
  return [...gates].map((gate) => `${words[gate]}: yours ${steps(mine, gate)}; the trained unit’s ${steps(theirs, gate)}.`).join(" ");
}

const QUESTIONS = {
  i: {
    question: "Guess first. The learn gate i is in your hand, and nothing is ever forgotten (f = 1). A new symbol is written over an old one. What does the memory hold after i = 1?",
    answers: { new: "The new value", sum: "The sum of both values", old: "The old value" },
    right: "sum",
    why: "The memory adds. You keep passers-by out with i = 0, but you cannot take the old value away, except with the help of a passer-by that has the other sign.",
  },
  if: {
    question: "Guess first. Which setting makes a written symbol replace the old one?",
    answers: { both: "i = 1, f = 1", replace: "i = 1, f = 0", none: "i = 0, f = 0" },
    right: "replace",
    why: "f = 0 drops the old value and i = 1 takes the new one, in the same step. At all other steps i = 0 and f = 1 keep it.",
  },
  o: {
    question: "Guess first. The use gate o is in your hand; i and f overwrite at each write, as in Chapter 5. A symbol is written, and the box is asked for at the same step. How can you make the drawn gate say it?",
    answers: { now: "By o = 1 at this step", late: "Not at this step: the next one at the earliest", before: "By o = 1 at the step before" },
    right: "late",
    why: "The drawn gate reads what was kept, and an overwrite keeps nothing. At the next step it has the symbol too; but then nobody asks.",
  },
  ifo: {
    question: "Guess first. What can the use gate o do that i and f cannot?",
    answers: { longer: "Hold the memory for longer", silent: "Hold the memory and say nothing", replace: "Replace the memory" },
    right: "silent",
    why: "o stands behind the memory: it decides what is said of it, and leaves the memory as it is.",
  },
};

// ---------------------------------------------------------------- drawing

const BOX = { width: 340, left: 122, right: 12 };
const scale = linear([-1.25, 1.25], [BOX.left, BOX.width - BOX.right]);

/** Four rows: the memory before, what is kept of it, what is added, the memory after; then what is said, once or twice. */
function gauge({ c_prev, kept, c, h, drawn }, gates) {
  const rows = { before: 34, kept: 60, learned: 86, after: 112, said: 152, drawn: 178 };
  const both = gates === "o";
  const floor = both ? 188 : 162;
  const name = (text, y, kind) => draw("text", { class: `bg-name ${kind}`, x: 0, y: y + 4 }, text);
  const letters = (at, y) => VALUES.map((value, n) => draw("text", { class: "bg-letter", x: scale(at(value)), y, "text-anchor": "middle" }, SYMBOLS[n]));
  const lines = (at, from, to) => VALUES.map((value) => draw("path", { class: "bg-line", d: `M${scale(at(value))} ${from}V${to}` }));
  const arrow = (from, to, y, kind) => {
    const [a, b] = [scale(from), scale(to)];
    const way = Math.sign(b - a);
    if (Math.abs(b - a) < 2) return draw("circle", { class: `bg-still ${kind}`, cx: b, cy: y, r: 3 });
    return draw("path", { class: `bg-arrow ${kind}`, d: `M${a} ${y}H${b}m${-6 * way} -5l${6 * way} 5l${-6 * way} 5` });
  };
  const id = (value) => value;
  const loud = (value) => (Math.abs(value) > SPOKEN ? 6 : 3);
  const square = (value, y, half) => draw("rect", { class: "bg-new lw-use", x: scale(value) - half, y: y - half, width: 2 * half, height: 2 * half });
  const second = both ? [name("drawn o·tanh f·c", rows.drawn, "lw-use"), square(drawn, rows.drawn, loud(drawn))] : [];
  return draw("svg", { viewBox: `0 0 ${BOX.width} ${floor + 4}`, "aria-hidden": "true" },
    ...letters(id, 14), ...lines(id, 20, 122), ...letters(Math.tanh, 138), ...lines(Math.tanh, 142, floor),
    draw("path", { class: "bg-zero", d: `M${scale(0)} 20V${floor}` }),
    name("memory c", rows.before, "lw-remember"), name("kept f·c", rows.kept, "lw-forget"),
    name("+ learned i·g", rows.learned, "lw-learn"), name("new memory", rows.after, "lw-remember"), name(both ? "standard o·tanh c" : "said o·tanh c", rows.said, "lw-use"),
    draw("circle", { class: "bg-old lw-remember", cx: scale(c_prev), cy: rows.before, r: 5.5 }),
    arrow(c_prev, kept, rows.kept, "lw-forget"), arrow(kept, c, rows.learned, "lw-learn"),
    draw("circle", { class: "bg-new lw-remember", cx: scale(c), cy: rows.after, r: 7 }),
    draw("circle", { class: "bg-new lw-use", cx: scale(h), cy: rows.said, r: loud(h) }),
    ...second,
  );
}

const mark = ({ kind, symbol }) => ({ ask: "?", echo: `${SYMBOLS[symbol]}?` })[kind] ?? SYMBOLS[symbol];

/** The tile of a step, as in the stream. */
function tile({ kind, symbol }) {
  const text = { write: "into the box", pass: "passes by", ask: "the box is asked for", echo: "into the box, and asked for" }[kind];
  return make("p", { className: "bg-event" }, make("span", { className: `bg-tile bg-${kind}` }, mark({ kind, symbol })), make("span", {}, text, kind === "ask" ? "" : make("small", {}, ` value ${num(VALUES[symbol])}`)));
}

/** The gates of both, step by step, and their memories. */
function replay({ steps }, mine, theirs, gates) {
  const [left, step] = [26, 19];
  const x = (t) => left + t * step;
  const parts = steps.map(({ kind, symbol }, t) => draw("text", { class: `bg-mark bg-${kind}`, x: x(t) + 8, y: 14, "text-anchor": "middle" }, mark({ kind, symbol })));
  const kinds = { i: "lw-learn", f: "lw-forget", o: "lw-use" };
  [...gates].forEach((gate, row) => {
    const floor = 54 + 40 * row;
    parts.push(draw("text", { class: `bg-name ${kinds[gate]}`, x: 4, y: floor - 8 }, gate), draw("path", { class: "bg-line", d: `M${left} ${floor}H${x(steps.length)}` }));
    steps.forEach((_, t) => {
      const bar = (value, at, kind) => draw("rect", { class: `${kind} ${kinds[gate]}`, x: x(t) + at, y: floor - 30 * value, width: 6, height: 30 * value });
      parts.push(bar(mine[t][gate], 1, "bg-mine"), bar(theirs[t][gate], 9, "bg-theirs"));
    });
  });
  const top = 54 + 40 * (gates.length - 1) + 12;
  const y = linear([-1.1, 1.1], [top + 70, top]);
  const line = (runs, kind) => draw("path", { class: `bg-run ${kind}`, d: runs.map(({ c }, t) => `${t ? "L" : "M"}${x(t) + 8} ${y(c).toFixed(1)}`).join("") });
  parts.push(...VALUES.map((value, n) => draw("text", { class: "bg-letter", x: 6, y: y(value) + 4 }, SYMBOLS[n])));
  parts.push(...VALUES.map((value) => draw("path", { class: "bg-line", d: `M${left} ${y(value)}H${x(steps.length)}` })));
  parts.push(line(theirs, "bg-theirs"), line(mine, "bg-mine"));
  const label = replayWords(mine, theirs, gates);
  const svg = draw("svg", { viewBox: `0 0 ${x(steps.length) + 4} ${top + 76}`, role: "img", "aria-label": label }, ...parts);
  return make("div", { className: "lw-panel" }, make("p", { className: "lw-title" }, "Replay: your gates (filled) and those of the trained unit (outlined)"), svg, make("p", { className: "bg-same" }, label));
}

/** The scores at the end. */
function scores(rows, measured, gates) {
  const silence = gates.includes("o");
  const columns = ["player", "right", "wrong", ...(silence ? ["unasked"] : []), ...(measured ? ["in 1,000 streams"] : [])];
  const head = columns.map((text) => make("th", { scope: "col" }, text));
  const body = rows.map(([stage, name, count]) => {
    const known = measured?.find((row) => row.level === "one unit" && row.player === stage);
    const cells = [`${count.right}/${count.given}`, errorWords(count), ...(silence ? [`${count.unasked}`] : []), ...(measured ? [known ? percent(known.right) : ""] : [])];
    return make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((text) => make("td", {}, text)));
  });
  return make("table", { className: "bg-scores" }, make("caption", {}, "One wrong answer can count as two kinds"), make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
}

// ---------------------------------------------------------------- the explorable

const LABELS = { i: ["Learn gate i", "learn"], f: ["Forget gate f", "forget"], o: ["Use gate o", "use"] };

function render({ model, el }) {
  const root = stage("be-the-gate", "be the gate");
  root.dataset.lmSuppressShortcuts = "true";
  const gates = model.get("gates");
  const words = spoken("p", "bg-words");
  const event = make("div", { className: "bg-now" });
  const picture = make("div", { className: "bg-gauge" });
  const step = make("button", { type: "button", className: "bg-step" });
  const another = make("button", { type: "button" }, "New stream");
  const end = make("div", { className: "bg-end", tabIndex: -1 });
  end.setAttribute("role", "group");
  end.setAttribute("aria-label", "How it went");
  let game = open(model.get("seed"), gates);
  let seed = model.get("seed");
  let set = { i: 1, f: 1, o: 1 };
  let network;
  let failed = "";

  const made = Object.fromEntries([...gates].map((gate) => {
    const [label, family] = LABELS[gate];
    const moved = (value) => {
      set = { ...set, [gate]: value };
      made[gate].show(value);
      preview();
    };
    const row = slider({ label: [`${label} `, make("kbd", {}, gate)], kind: `lw-of-${family}`, min: 0, max: 1, step: 0.1, describe: (value) => num(value, 1), words, moved });
    row.input.setAttribute("aria-keyshortcuts", gate);
    return [gate, row];
  }));
  const controls = make("div", { className: "bg-controls" }, ...Object.values(made).map(({ row }) => row));
  const playing = make("div", { className: "bg-playing" }, event, picture, controls);
  const explorable = make("div", {}, playing, words, make("div", { className: "bg-buttons" }, step, another), end);

  const write = (values) => {
    for (const [key, value] of Object.entries(values)) model.set(key, value);
    model.save_changes();
  };
  const done = () => turns(game.steps, read(gates, model.get("choices"), game.steps.length), gates);
  const ahead = (past) => turn({ ...set, ...held(gates, game.steps[past.length]) }, content(game.steps[past.length]), past.at(-1)?.c ?? 0);

  async function load() {
    try {
      network ??= openPlayers(await shipped(model, "stream"));
      failed = "";
    } catch (error) {
      failed = `The trained units could not come: ${error.message}.`;
    }
    redraw();
  }

  /** While a gate is being set: what it would do. */
  function preview() {
    const past = done();
    const now = ahead(past);
    picture.replaceChildren(gauge(now, gates));
    words.textContent = `${eventWords(game.steps[past.length], past.length)} ${previewWords(now, gates)}`;
  }

  function finish(past) {
    const hs = (runs) => runs.map(({ h }) => h);
    const mine = judged(hs(past), game, gates);
    const drawn = judged(past.map((now) => now.drawn), game, gates);
    const yours = gates === "o" ? [["", "You, standard", mine], ["", "You, drawn", drawn]] : [["", "You", mine]];
    if (!network) {
      words.textContent = `${endWords(mine, null, gates, drawn)} ${failed || "The trained units come."}`;
      end.replaceChildren(scores(yours, null, gates));
      return;
    }
    const { players, card } = network;
    const all = Object.fromEntries(Object.keys(STAGES).map((stage) => [stage, unit(players[`unit_${stage}`], game.steps)]));
    const rows = Object.entries(STAGES).map(([stage, name]) => [stage, name, judged(hs(all[stage]), game)]);
    const same = stageOf(gates);
    const beside = gates === "o" ? rows.filter(([stage]) => ["forget", "lstm"].includes(stage)) : rows;
    words.textContent = endWords(mine, rows.find(([stage]) => stage === same)[2], gates, drawn);
    end.replaceChildren(scores([...yours, ...beside], gates === "o" ? null : card.measured, gates), replay(game, past, all[same], gates));
  }

  function redraw() {
    const past = done();
    const over = past.length === game.steps.length;
    const lost = over && playing.contains(root.getRootNode().activeElement);
    playing.hidden = over;
    if (lost) end.focus(); // the slider that had the focus is gone; and one Enter too many must not begin anew
    step.textContent = over ? "The same stream again" : past.length ? "Take this step" : "Take the first step";
    end.replaceChildren();
    words.setAttribute("aria-busy", "false");
    if (over) {
      finish(past);
      return;
    }
    for (const gate of gates) made[gate].show(set[gate]);
    event.replaceChildren(tile(game.steps[past.length]));
    preview();
    const last = past.length ? turnWords(game, past, gates) : SCALE;
    words.prepend(last);
  }

  function go() {
    const past = done();
    if (!network) load();
    if (past.length === game.steps.length) write({ choices: "" });
    else write({ choices: model.get("choices").slice(0, past.length * gates.length) + written(gates, set) });
  }

  function change() {
    if (model.get("seed") !== seed) game = open((seed = model.get("seed")), gates);
    const past = done();
    if (past.length) set = { i: 1, f: 1, o: 1, ...read(gates, model.get("choices"), game.steps.length).at(-1) };
    if (past.length && !network) load();
    redraw();
  }

  step.addEventListener("click", go);
  another.addEventListener("click", () => write({ choices: "", seed: 1 + Math.floor(random(Date.now())() * 9998) }));
  explorable.addEventListener("keydown", (pressed) => {
    if (pressed.altKey || pressed.ctrlKey || pressed.metaKey || playing.hidden) return;
    const key = pressed.key.toLowerCase();
    if (key.length === 1 && gates.includes(key)) {
      set = { ...set, [key]: set[key] >= 0.5 ? 0 : 1 };
      made[key].show(set[key]);
      preview();
    } else if (key === "enter" && pressed.target.type === "range") go();
    else return;
    pressed.preventDefault();
    pressed.stopPropagation();
  });

  model.on("change:seed change:choices", change);
  change();
  const { question, answers, right, why } = QUESTIONS[gates];
  const asked = guessFirst(model, {
    question,
    answers,
    verdict: (guess) => `${guess === right ? "Right." : `You said: “${answers[guess]}”. That is not so.`} ${why}`,
    explorable,
    first: () => made[gates[0]].input,
  });
  root.append(...asked, explorable);
  el.append(root);
  addressed(model, root, "gate", { seed: within(1, 9999), choices: (text) => /^[0-9A]*$/.test(text) });
}

export default { render };
