// The page that writes: a character model goes on from what the reader has typed, and shows its cells at each character.
//
// The network comes with the first click (1.7 MB), from the site itself; what the reader types goes nowhere. The first
// part of this file is arithmetic, which tests hold to PyTorch's; the second finds words; the third draws.

import { linear, logSoftmax, lstmLayer, readModel, shipped, sliced } from "./engine.js";
import { draw, linear as scale, make, modelSlider, num, percent, random, slider, spoken, stage } from "./parts.js";

export const LONGEST = 2000; // characters, those of the beginning included
const NAMED = 5; // of the likeliest characters
const ROW = 32; // cells in a row of the picture
const AROUND = 100; // characters in the picture of one cell
const READ = 500; // characters of a beginning: its end

// ---------------------------------------------------------------- arithmetic

/** Shares of chance from scores: divided by the temperature first; at 0 the likeliest takes all. */
export function shares(scores, temperature) {
  if (temperature > 0) return logSoftmax(scores.map((score) => score / temperature)).map(Math.exp);
  const best = scores.indexOf(Math.max(...scores));
  return scores.map((_, n) => (n === best ? 1 : 0));
}

/** The place whose share the number u, between 0 and 1, falls into. */
export function pick(shares, u) {
  let sum = 0;
  const place = shares.findIndex((share) => (sum += share) > u);
  return place < 0 ? shares.lastIndexOf(Math.max(...shares)) : place;
}

/** A character model, ready to read: its characters, its cell, its readout. */
export function open(bytes) {
  const { weights, card } = readModel(bytes);
  const cell = lstmLayer(weights, "lstm");
  return { characters: [...card.characters], cells: card.cells ?? [], cell, score: (h) => linear(weights, "readout", h) };
}

/** The first character of a text that the network does not know, or undefined. */
export const stranger = ({ characters }, text) => [...text].find((character) => !characters.includes(character));

/**
 * Read a beginning, then write: a generator that yields after each character.
 * each() is given { character, memory, scores, shares, taken } for every character read or written; scores and shares
 * are those of the next one. Without a beginning it begins after a line break, which is not shown.
 */
export function* write(network, beginning, { length, temperature, chance, each }) {
  const { characters, cell, score } = network;
  const waiting = [...(beginning || "\n")].map((character) => characters.indexOf(character));
  const hidden = beginning ? 0 : 1;
  let state = cell.zero();
  for (let n = 0, read = waiting.length; n < read + length; n++) {
    const token = waiting.shift();
    state = cell.step(token, state);
    const scores = score(state.h);
    if (n >= hidden) each({ character: characters[token], memory: state.c.map(Math.tanh), scores, written: n >= read });
    if (!waiting.length) waiting.push(pick(shares(scores, temperature), chance()));
    yield;
  }
}

// ---------------------------------------------------------------- words

const VISIBLE = { "\n": "line break", " ": "blank" };
export const shown = (character) => VISIBLE[character] ?? `“${character}”`;

/** What the network expects next, the likeliest first. */
export function expected({ characters }, scores) {
  const p = shares(scores, 1);
  const order = [...p.keys()].sort((a, b) => p[b] - p[a]).slice(0, NAMED);
  return order.map((n) => ({ character: characters[n], share: p[n] }));
}

export function placeWords(network, steps, at, cell) {
  const { character, memory, scores } = steps[at];
  const next = expected(network, scores).slice(0, 3).map(({ character, share }) => `${shown(character)} ${percent(share)}`);
  const after = steps[at + 1] ? `; ${shown(steps[at + 1].character)} came` : "";
  return `After ${shown(character)}, character ${at + 1} of ${steps.length}, the network expects ${next.join(", ")}${after}. Cell ${cell} holds ${num(memory[cell])}.`;
}

const TELLS = { "in a speaker's name": "knows a speaker’s name", "place in the line": "counts along the line" };
TELLS["letters of the word"] = "counts letters of a word";
TELLS["lines of the speech"] = "counts lines of a speech";

// ---------------------------------------------------------------- pictures

/** The colour of a memory: purple above 0, orange below, as strong as it is large. */
const tint = (value) => {
  const side = value < 0 ? "wr-below" : "wr-above";
  return `color-mix(in srgb, var(--${side}) ${Math.round(65 * Math.min(1, Math.abs(value)))}%, transparent)`;
};

/** All cells as small squares; a click chooses one. */
function cellMap(count, choose) {
  const [size, rows] = [10, Math.ceil(count / ROW)];
  const squares = Array.from({ length: count }, (_, n) => {
    const place = { x: (n % ROW) * size, y: Math.floor(n / ROW) * size, width: size - 1, height: size - 1 };
    const square = draw("rect", { ...place, class: "wr-cell" }, draw("title", {}, `cell ${n}`));
    square.addEventListener("click", () => choose(n));
    return square;
  });
  const frame = draw("rect", { class: "wr-chosen", width: size + 1, height: size + 1 });
  const svg = draw("svg", { viewBox: `-2 -2 ${ROW * size + 3} ${rows * size + 3}`, role: "img" }, ...squares, frame);
  return {
    svg,
    show(memory, cell) {
      squares.forEach((square, n) => (square.style.fill = tint(memory[n])));
      frame.setAttribute("x", (cell % ROW) * size - 1);
      frame.setAttribute("y", Math.floor(cell / ROW) * size - 1);
      const far = memory.reduce((count, value) => count + (Math.abs(value) > 0.5), 0);
      svg.setAttribute("aria-label", `${count} cells; ${far} hold more than 0.5 or less than −0.5.`);
    },
  };
}

/** The likeliest next characters as bars. */
function bars(rows, taken) {
  const items = rows.map(({ character, share }) => {
    const bar = make("span", { className: "wr-bar" });
    bar.style.width = `${100 * share}%`;
    const name = make("span", { className: "wr-next" }, shown(character), character === taken ? " ✓" : "");
    return make("li", {}, name, make("span", { className: "wr-track" }, bar), make("span", { className: "lw-value" }, percent(share)));
  });
  return make("ol", { className: "wr-bars" }, ...items);
}

/** What one cell holds at the characters around a place. */
function trace(steps, at, cell) {
  const [width, height] = [320, 80];
  const first = Math.max(0, Math.min(at - AROUND / 2, steps.length - AROUND));
  const piece = steps.slice(first, first + AROUND);
  const [x, y] = [scale([0, AROUND - 1], [6, width - 6]), scale([-1, 1], [height - 4, 4])];
  const line = piece.map(({ memory }, n) => `${n ? "L" : "M"}${x(n).toFixed(1)} ${y(memory[cell]).toFixed(1)}`).join("");
  const breaks = piece.flatMap(({ character }, n) => (character === "\n" ? [`M${x(n).toFixed(1)} 2V${height - 2}`] : []));
  const here = { class: "wr-here", cx: x(at - first), cy: y(steps[at].memory[cell]), r: 4 };
  const values = piece.map(({ memory }) => memory[cell]);
  const label = `Cell ${cell} at characters ${first + 1} to ${first + piece.length}: from ${num(Math.min(...values))} to ${num(Math.max(...values))}.`;
  return draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    draw("path", { class: "wr-zero", d: `M0 ${y(0)}H${width}` }), draw("path", { class: "wr-breaks", d: breaks.join("") }),
    draw("path", { class: "wr-line", d: line }), draw("circle", here));
}

// ---------------------------------------------------------------- the explorable

function render({ model, el, signal }) {
  const root = stage("writer", "the page that writes");
  const words = spoken("p", "wr-words");
  const said = spoken("p", "wr-said");
  const set = (key, value) => {
    model.set(key, value);
    model.save_changes();
  };
  let network;
  let steps = [];
  let spans = [];
  let stop;
  let at = 0;
  let cell = model.get("cell");

  const beginning = make("textarea", { rows: 2, value: model.get("beginning"), spellcheck: false });
  beginning.dataset.lmSuppressShortcuts = "true";
  beginning.addEventListener("change", () => set("beginning", beginning.value));
  const field = make("label", { className: "wr-beginning" }, "A beginning", beginning);
  const temperature = modelSlider(model, "temperature", {
    label: "Temperature",
    min: 0,
    max: 1.5,
    step: 0.05,
    describe: (value) => (value === 0 ? "0: the likeliest only" : value.toFixed(2)),
    words: said,
  });
  const go = make("button", { type: "button" }, "Write");
  const halt = make("button", { type: "button", hidden: true }, "Stop");
  const text = make("p", { className: "wr-text" });
  text.setAttribute("role", "region");
  text.setAttribute("aria-label", "The text, coloured by one cell");

  const looking = make("div", { hidden: true });
  const map = make("div", { className: "lw-panel" });
  const likely = make("div", { className: "lw-panel" });
  const line = make("div", { className: "lw-panel" });
  const chosen = make("div", { className: "lw-presets" });
  chosen.setAttribute("role", "group");
  chosen.setAttribute("aria-label", "Cells that tell where the text is");
  const place = slider({ label: ["Character to look at"], min: 1, max: 1, describe: (n) => `${n}`, words, moved: (n) => look(n - 1) });
  const which = slider({ label: ["Cell that colours the text"], min: 0, max: 1, describe: (n) => `cell ${n}`, words, moved: choose });
  let cells;

  /** Colour the text by the cell, the whole of it or from a character on. */
  function paint(from = 0) {
    for (let n = from; n < spans.length; n++) spans[n].style.backgroundColor = tint(steps[n].memory[cell]);
  }

  function choose(n) {
    cell = n;
    set("cell", n);
    paint();
    look(at);
  }

  function look(n) {
    if (!steps.length) return;
    spans[at]?.classList.remove("wr-at");
    at = Math.min(n, steps.length - 1);
    spans[at].classList.add("wr-at");
    place.input.max = steps.length;
    place.show(at + 1);
    which.show(cell);
    cells.show(steps[at].memory, cell);
    for (const [button, { cell: its }] of buttons) button.setAttribute("aria-pressed", `${its === cell}`);
    likely.replaceChildren(
      make("p", { className: "lw-title" }, `What it expects after ${shown(steps[at].character)}`),
      bars(expected(network, steps[at].scores), steps[at + 1]?.character),
    );
    line.replaceChildren(make("p", { className: "lw-title" }, `Cell ${cell} along the text`), trace(steps, at, cell));
    words.textContent = placeWords(network, steps, at, cell);
  }

  text.addEventListener("pointerover", ({ target, pointerType }) => {
    if (pointerType === "mouse" && target.dataset.n) look(Number(target.dataset.n));
  });
  text.addEventListener("click", ({ target }) => target.dataset.n && look(Number(target.dataset.n)));

  let buttons = [];
  function furnish() {
    cells = cellMap(network.cell.H, choose);
    which.input.max = network.cell.H - 1;
    cell = Math.min(cell, network.cell.H - 1);
    map.replaceChildren(make("p", { className: "lw-title" }, "All cells at this character"), cells.svg);
    buttons = network.cells.map((row) => {
      const button = make("button", { type: "button" }, `${row.cell} ${TELLS[row.what] ?? row.what}`);
      button.addEventListener("click", () => choose(row.cell));
      return [button, row];
    });
    chosen.replaceChildren(...buttons.map(([button]) => button));
  }

  function add(step) {
    const span = make("span", {}, step.character === "\n" ? "⏎\n" : step.character);
    span.dataset.n = steps.length;
    if (!step.written) span.className = "wr-given";
    steps.push(step);
    spans.push(span);
    text.append(span);
    paint(steps.length - 1);
  }

  async function run() {
    const typed = [...beginning.value.replace(/\r\n?/g, "\n")];
    const given = typed.slice(-READ).join("");
    const has = (element) => root.getRootNode().activeElement === element;
    const focused = has(go);
    stop = new AbortController();
    signal?.addEventListener("abort", () => stop.abort());
    halt.hidden = false;
    if (focused) halt.focus(); // a button that is disabled loses it
    go.disabled = true;
    try {
      if (!network) {
        said.textContent = "The network comes: 1.7 MB.";
        network = open(await shipped(model, "shakespeare"));
        furnish();
      }
      const strange = stranger(network, given);
      if (strange) {
        const code = strange.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
        said.textContent = `The network does not know ${shown(strange)} (U+${code}): its text had ${network.characters.length} characters, English letters and a few marks.${steps.length ? " The text below is the one before." : ""}`;
        looking.classList.add("wr-old");
        return;
      }
      [steps, spans, at] = [[], [], 0];
      text.replaceChildren();
      looking.classList.remove("wr-old");
      const seed = model.get("seed") || Math.floor(Math.random() * 2 ** 32);
      const length = Math.min(model.get("length"), LONGEST - given.length);
      const how = { length, temperature: model.get("temperature"), chance: random(seed), each: add };
      looking.hidden = false;
      said.textContent = "It writes.";
      await sliced(write(network, given, how), { signal: stop.signal });
      const count = steps.filter(({ written }) => written).length;
      const read = given.length < typed.length ? `read the last ${READ} of ${typed.length} characters, and has ` : "";
      said.textContent = `It has ${read}written ${count} characters${stop.signal.aborted ? " and was stopped" : ""}.`;
      look(steps.length - 1);
    } catch (error) {
      said.textContent = `That did not work: ${error.message}.`;
    } finally {
      const back = has(halt);
      [go.disabled, halt.hidden] = [false, true];
      if (text.scrollHeight > text.clientHeight) text.tabIndex = 0; // what scrolls must be reached by the keyboard
      else text.removeAttribute("tabindex");
      if (back) go.focus();
    }
  }
  go.addEventListener("click", run);
  halt.addEventListener("click", () => stop.abort());

  const panels = make("div", { className: "lw-panels" }, likely, line, map);
  looking.append(text, place.row, words, panels, which.row, chosen);
  root.append(field, temperature.row, make("div", { className: "lw-presets" }, go, halt), said, looking);
  el.append(root);
}

export default { render };
