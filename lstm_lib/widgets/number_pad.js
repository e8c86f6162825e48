// Draw a number, and a network reads it: convolutions make columns, an LSTM in both directions reads along them.
//
// The network comes with the first stroke, from the site itself; what is drawn goes nowhere. The first part of this file
// is arithmetic, which tests hold to PyTorch's; the second finds words; the third draws.

import { shipped, sliced } from "./engine.js";
import { look, openReader, spell } from "./line_reader.js";
import { draw, make, percent, spoken, stage } from "./parts.js";

const [WIDE, HIGH] = [600, 170]; // the pad
const ROWS = 32; // of the bitmap whose blocks of 4 × 4 are counted, as those of scikit-learn's digits were
const BLOCK = 4;
const PEN = 3; // half the width of a line, in rows of the bitmap: as much ink as the known digits have
const STRETCH = 1.25; // the digits that the network knows are wider than most people draw them on a pad
const LONGEST = 640; // columns of the bitmap: 20 digits

// ---------------------------------------------------------------- arithmetic

// One way to write each digit: strokes of points, x to the right and y down, in a box 1 high.
const oval = (x, y, rx, ry, from = -90, to = 270) =>
  Array.from({ length: 19 }, (_, n) => {
    const angle = ((from + ((to - from) * n) / 18) * Math.PI) / 180;
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });

export const SAMPLES = {
  0: [oval(0.3, 0.5, 0.27, 0.48)],
  1: [[[0.08, 0.3], [0.32, 0.02], [0.32, 0.98]]],
  2: [[...oval(0.3, 0.27, 0.26, 0.25, -170, 30), [0.04, 0.97], [0.6, 0.97]]],
  3: [[...oval(0.28, 0.26, 0.25, 0.24, -150, 80), ...oval(0.28, 0.73, 0.28, 0.25, -80, 150)]],
  4: [[[0.36, 0.02], [0.04, 0.62], [0.6, 0.62]], [[0.42, 0.36], [0.42, 0.98]]],
  5: [[[0.54, 0.03], [0.12, 0.03], [0.08, 0.45], ...oval(0.28, 0.69, 0.28, 0.28, -120, 150)]],
  6: [[[0.46, 0.02], [0.16, 0.4], ...oval(0.3, 0.7, 0.25, 0.27, -190, 170)]],
  7: [[[0.04, 0.04], [0.56, 0.04], [0.22, 0.98]]],
  8: [[...oval(0.3, 0.25, 0.22, 0.23, 90, -270), ...oval(0.3, 0.74, 0.27, 0.25, -90, 270)]],
  9: [[...oval(0.3, 0.28, 0.24, 0.25, 20, -340), [0.52, 0.5], [0.4, 0.98]]],
};

/** Strokes of a number written with the samples, in the coordinates of the pad, one digit after the other. */
export function compose(number, { size = 110, gap = 40, left = 20, top = 30 } = {}) {
  const strokes = [];
  for (const digit of number) {
    const placed = SAMPLES[digit].map((stroke) => stroke.map(([x, y]) => [left + size * x, top + size * y]));
    strokes.push(...placed);
    left = Math.max(...placed.flat().map(([x]) => x)) + gap;
  }
  return strokes;
}

/** The box around strokes: { left, top, width, height }. */
export function box(strokes) {
  const points = strokes.flat();
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return { left, top, width: Math.max(...xs) - left, height: Math.max(...ys) - top };
}

/**
 * Strokes as a bitmap of 32 rows, the pen 6 rows wide, and as many columns as the drawing needs: { rows, width }.
 * A drawing much wider than high, such as a dash, is not blown up to 32 rows.
 */
export function bitmap(strokes) {
  const { left, top, width, height } = box(strokes);
  const inside = ROWS - 2 * PEN;
  const scale = Math.min(inside / Math.max(height, width / 12, 1), (LONGEST - 2 * PEN) / Math.max(STRETCH * width, 1));
  const over = (ROWS - height * scale) / 2; // ground above the ink
  const needed = Math.ceil((STRETCH * width * scale + 2 * PEN) / BLOCK) * BLOCK;
  const rows = Array.from({ length: ROWS }, () => new Uint8Array(needed));
  const place = ([x, y]) => [STRETCH * (x - left) * scale + PEN, (y - top) * scale + over];
  for (const stroke of strokes) {
    const points = stroke.map(place);
    points.forEach((to, n) => ink(rows, points[Math.max(0, n - 1)], to));
  }
  return { rows, width: needed };
}

/** Set the pixels whose centre is within the pen's reach of a line from a to b. */
function ink(rows, [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const long = dx * dx + dy * dy;
  const last = rows[0].length - 1;
  for (let r = Math.max(0, Math.floor(Math.min(ay, by) - PEN)); r <= Math.min(ROWS - 1, Math.max(ay, by) + PEN); r++) {
    for (let c = Math.max(0, Math.floor(Math.min(ax, bx) - PEN)); c <= Math.min(last, Math.max(ax, bx) + PEN); c++) {
      const [x, y] = [c + 0.5 - ax, r + 0.5 - ay];
      const share = long ? Math.min(1, Math.max(0, (x * dx + y * dy) / long)) : 0;
      if ((x - share * dx) ** 2 + (y - share * dy) ** 2 <= PEN * PEN) rows[r][c] = 1;
    }
  }
}

/** How many of the 16 pixels of each block are set, from 0 to 1: 8 rows. */
export function blocks({ rows, width }) {
  const across = width / BLOCK;
  const data = new Float32Array((ROWS / BLOCK) * across);
  rows.forEach((row, r) => row.forEach((on, c) => (data[Math.floor(r / BLOCK) * across + Math.floor(c / BLOCK)] += on / 16)));
  return { shape: [1, ROWS / BLOCK, across], data };
}

/** Twice as many rows and columns, between two pixels three parts of the nearer and one of the other (Pillow's BILINEAR). */
export function doubled({ shape: [, H, W], data }) {
  const near = (n, size) => [Math.floor(n / 2), Math.min(size - 1, Math.max(0, Math.floor(n / 2) + (n % 2 ? 1 : -1)))];
  const wide = new Float32Array(H * 2 * W);
  for (let y = 0; y < H; y++) {
    for (let n = 0; n < 2 * W; n++) {
      const [one, other] = near(n, W);
      wide[y * 2 * W + n] = 0.75 * data[y * W + one] + 0.25 * data[y * W + other];
    }
  }
  const out = new Float32Array(4 * H * W);
  for (let n = 0; n < 2 * H; n++) {
    const [one, other] = near(n, H);
    for (let x = 0; x < 2 * W; x++) out[n * 2 * W + x] = 0.75 * wide[one * 2 * W + x] + 0.25 * wide[other * 2 * W + x];
  }
  return { shape: [1, 2 * H, 2 * W], data: out };
}

/** The counted blocks of strokes, with a block of ground on both sides. */
export function counts(strokes) {
  const { shape: [, rows, across], data } = blocks(bitmap(strokes));
  const padded = new Float32Array(rows * (across + 2));
  for (let y = 0; y < rows; y++) padded.set(data.subarray(y * across, (y + 1) * across), y * (across + 2) + 1);
  return { shape: [1, rows, across + 2], data: padded };
}

/** What the network is given for strokes. */
export const picture = (strokes) => doubled(counts(strokes));

// ---------------------------------------------------------------- words

export function words(read) {
  if (!read.length) return "It reads nothing: every column is blank.";
  const parts = read.map(({ character, chance }) => `${character} with ${percent(chance)}`);
  return `It reads ${read.map(({ character }) => character).join("")}: ${parts.join(", ")}.`;
}

// ---------------------------------------------------------------- pictures

const path = (stroke) => `M${stroke.map((point) => point.map((value) => value.toFixed(1)).join(" ")).join("L")}${stroke.length < 2 ? "h0.01" : ""}`;

/** The counts that the network was given, and under them a row for each digit and a column for each step: as light as the chance. */
function chart(network, given, logs, read) {
  const [, rows, width] = given.shape;
  const [left, cell, line, dot] = [14, network.stride, 5, 2];
  const classes = network.characters.length;
  const parts = [];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < width; x++) {
      const value = given.data[y * width + x];
      const place = { x: left + x * dot, y: y * dot, width: dot, height: dot };
      if (value) parts.push(draw("rect", { ...place, opacity: value.toFixed(2), class: "np-ink" }));
    }
  }
  const top = rows * dot + 9;
  logs.forEach((log, t) => {
    const lit = draw("g", { class: "np-column" });
    lit.style.animationDelay = `${t * 25}ms`;
    for (let k = 1; k <= classes; k++) {
      const chance = Math.exp(log[k]);
      const place = { x: left + t * cell, y: top + (k - 1) * line, width: cell, height: line };
      if (chance > 0.02) lit.append(draw("rect", { ...place, opacity: chance.toFixed(2), class: "np-lit" }));
    }
    parts.push(lit);
  });
  for (const { character, from, to } of read) {
    parts.push(draw("text", { x: left + ((from + to) / 2) * cell, y: top - 1.5, "text-anchor": "middle", class: "np-read" }, character));
  }
  network.characters.forEach((character, k) => parts.push(draw("text", { x: 3, y: top + k * line + 4.2, class: "np-class" }, character)));
  const grid = draw("path", { class: "np-grid", d: `M${left} ${top}h${logs.length * cell}v${classes * line}h${-logs.length * cell}z` });
  const box = { viewBox: `0 0 ${left + Math.max(width * dot, 110) + 2} ${top + classes * line + 1}`, role: "img" };
  const told = read.map(({ character, from, to }) => `${character} at columns ${from + 1} to ${to}`).join(", ") || "nothing";
  return draw("svg", { ...box, class: "np-chart", "aria-label": `${logs.length} columns; read: ${told}.` }, grid, ...parts);
}

// ---------------------------------------------------------------- the explorable

function render({ model, el, signal }) {
  const root = stage("number-pad", "draw a number");
  const said = spoken("p", "np-said");
  const shown = make("div", { className: "lw-panel np-seen" });
  const lines = draw("g", { class: "np-strokes" });
  const pad = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "np-pad", role: "img" }, lines);
  let strokes = compose(model.get("number"));
  let network;
  let pen = null; // the stroke that is being drawn
  let [busy, again] = [false, false];
  let told = ""; // what was read last

  /** Show the strokes, and read them; what is drawn meanwhile is read next. */
  async function read() {
    lines.replaceChildren(...strokes.map((stroke) => draw("path", { d: path(stroke) })));
    pad.setAttribute("aria-label", `The pad: ${strokes.length === 1 ? "1 stroke" : `${strokes.length} strokes`}.`);
    undo.disabled = clear.disabled = !strokes.length;
    again = true;
    if (busy) return;
    busy = true;
    while (again && !signal?.aborted) {
      again = false;
      await once();
    }
    busy = false;
  }

  async function once() {
    if (!strokes.length) {
      shown.replaceChildren();
      told = "";
      said.textContent = "Draw a number on the pad, or write it with the buttons.";
      return;
    }
    try {
      network ??= openReader(await shipped(model, "ocr_digits"));
      const given = counts(strokes);
      const seen = await sliced(look(network, doubled(given)), { signal, budget: 6 });
      if (!seen || !strokes.length) return;
      const found = spell(network, seen.logs);
      shown.classList.toggle("np-lights", !pen);
      shown.replaceChildren(make("p", { className: "lw-title" }, "What it sees, and what it says at each column"), chart(network, given, seen.logs, found));
      said.textContent = told = words(found);
      model.set("text", found.map(({ character }) => character).join(""));
      model.save_changes();
    } catch (error) {
      said.textContent = `That did not work: ${error.message}.`;
    }
  }

  const at = ({ clientX, clientY }) => {
    const { left, top, width } = pad.getBoundingClientRect();
    return [((clientX - left) * WIDE) / width, ((clientY - top) * WIDE) / width];
  };
  pad.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button > 0) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    pen = [at(event)];
    strokes = [...strokes, pen];
    read();
  });
  pad.addEventListener("pointermove", (event) => {
    if (!pen || !event.isPrimary) return;
    const point = at(event);
    const [x, y] = pen.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) < 3) return;
    pen.push(point);
    read();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    pad.addEventListener(end, () => {
      if (!pen) return;
      pen = null;
      read(); // once more, so that the columns light up one after the other
    });
  }

  const digits = Object.keys(SAMPLES).map((digit) => {
    const button = make("button", { type: "button" }, digit);
    button.addEventListener("click", () => {
      const { left, width } = strokes.length ? box(strokes) : { left: 0, width: 0 };
      const start = strokes.length ? left + width + 40 : 20;
      if (start > WIDE - 80) said.textContent = `The pad is full. ${told}`.trim();
      else {
        strokes = [...strokes, ...compose(digit, { left: start })];
        read();
      }
    });
    return button;
  });
  const row = make("div", { className: "lw-presets" }, ...digits);
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "Write a digit with the keyboard");
  const undo = make("button", { type: "button" }, "Take back a stroke");
  undo.addEventListener("click", () => {
    strokes = strokes.slice(0, -1);
    read();
    if (undo.disabled) digits[0].focus();
  });
  const clear = make("button", { type: "button" }, "Clear");
  clear.addEventListener("click", () => {
    strokes = [];
    read();
    digits[0].focus();
  });
  root.append(pad, row, make("div", { className: "lw-presets" }, undo, clear), said, shown);
  el.append(root);
  if (strokes.length) lines.replaceChildren(...strokes.map((stroke) => draw("path", { d: path(stroke) })));
  pad.setAttribute("aria-label", `The pad: ${strokes.length} strokes.`);
  undo.disabled = clear.disabled = !strokes.length;
  said.textContent = strokes.length ? "Draw on, and it reads." : "Draw a number on the pad, or write it with the buttons.";
}

export default { render };
