// Where is the text? A scene with the reader's words, or the reader's own picture, and a network that looks for lines.
//
// The networks come with the first click (90 kB, and 270 kB to read), from the site itself; words and pictures stay in the page. The first
// part of this file is arithmetic, which tests hold to the library's; the second draws scenes; the third shows.

import { conv2d, linear, lstm, readModel, relu, shipped, sliced } from "./engine.js";
import { openReader, readLine } from "./line_reader.js";
import { draw, make, modelSlider, num, percent, radios, random, spoken, stage } from "./parts.js";

const [DOWN, ACROSS] = [4, 8]; // pixels of a cell
const HEIGHTS = [9, 13, 18, 26]; // of the anchors
const ALIKE = 0.5; // how much two slices of one line must overlap in height
const [HEIGHT, WIDTH] = [96, 192]; // of scenes that are made here
const LONGEST = 288; // pixels of the longer side of the reader's own picture

// ---------------------------------------------------------------- arithmetic

/** Give a picture mean 0 and spread 1, and sides that are whole cells: { height, width, data } to { shape, data }. */
export function prepare({ height, width, data }) {
  let [sum, most] = [0, 0];
  for (const value of data) [sum, most] = [sum + value, Math.max(most, Math.abs(value))];
  const mean = sum / data.length;
  const spread = Math.sqrt(data.reduce((total, value) => total + (value - mean) ** 2, 0) / data.length);
  const [H, W] = [Math.ceil(height / DOWN) * DOWN, Math.ceil(width / ACROSS) * ACROSS];
  const out = new Float32Array(H * W);
  for (let y = 0; y < H; y++) {
    const from = Math.min(y, height - 1) * width;
    for (let x = 0; x < W; x++) out[y * W + x] = (data[from + Math.min(x, width - 1)] - mean) / (spread + 0.02 * most + 1e-6);
  }
  return { shape: [1, H, W], data: out };
}

const CONVOLUTIONS = [
  { stride: [2, 2], padding: [1, 1] },
  { stride: [2, 2], padding: [1, 1] },
  { stride: [1, 2], padding: [2, 1] },
  { stride: [1, 1], padding: [2, 1] },
];

/**
 * What the network answers for a picture: a generator, of { together, alone }, each (rows, columns) of 12 numbers.
 * In alone, the memory is emptied before each column.
 */
export function* look(weights, picture) {
  let maps = picture;
  for (const [n, options] of CONVOLUTIONS.entries()) maps = relu(yield* conv2d(weights, `convolutions.${n}`, maps, options));
  const { shape: [channels, rows, columns], data } = maps;
  const [together, alone] = [[], []];
  for (let r = 0; r < rows; r++) {
    const at = (c) => Float32Array.from({ length: channels }, (_, n) => data[(n * rows + r) * columns + c]);
    const cells = Array.from({ length: columns }, (_, c) => at(c));
    const { hs } = yield* lstm(weights, "row", cells);
    together.push(hs.map((h) => linear(weights, "readout", h)));
    const own = [];
    for (const cell of cells) own.push((yield* lstm(weights, "row", [cell])).hs[0]);
    alone.push(own.map((h) => linear(weights, "readout", h)));
  }
  return { together, alone };
}

const chanceOf = (score) => 1 / (1 + Math.exp(-score));

/** How sure each cell is, whatever the height: (rows, columns). */
export const sureness = (answers) =>
  answers.map((row) => row.map((cell) => chanceOf(Math.max(...HEIGHTS.map((_, k) => cell[3 * k])))));

const overlap = (one, other) => {
  const common = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return Math.max(common, 0) / (Math.max(one.bottom, other.bottom) - Math.min(one.top, other.top));
};

/** Every anchor that says it is text, moved to where it says: rows of { column, top, bottom, chance }. */
export function voices(answers, sure) {
  const said = [];
  answers.forEach((row, r) =>
    row.forEach((cell, column) =>
      HEIGHTS.forEach((height, k) => {
        const chance = chanceOf(cell[3 * k]);
        if (chance < sure) return;
        const middle = DOWN * (r + 0.5) + cell[3 * k + 1] * height;
        const half = (height * Math.exp(Math.min(Math.max(cell[3 * k + 2], -2), 2))) / 2;
        said.push({ column, top: middle - half, bottom: middle + half, chance });
      }),
    ),
  );
  return said;
}

/** Of the voices that overlap in a column, the surest. */
export function propose(answers, sure) {
  const kept = [];
  for (const voice of voices(answers, sure).sort((a, b) => a.column - b.column || b.chance - a.chance)) {
    if (kept.every((other) => other.column !== voice.column || overlap(voice, other) < 0.2)) kept.push(voice);
  }
  return kept;
}

/** The slice that goes on from another to the right (way 1) or left (-1): nearest, then surest. */
function best(slices, from, way, reach) {
  for (let step = 1; step <= reach; step++) {
    const there = slices.filter((s) => s.column === from.column + way * step && overlap(s, from) >= ALIKE);
    if (there.length) return there.reduce((a, b) => (b.chance > a.chance ? b : a));
  }
  return undefined;
}

/** A straight line through points, at two places; through their mean where there are two at most. */
function fit(xs, ys, ends) {
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const [x0, y0] = [mean(xs), mean(ys)];
  const square = xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
  const slope = xs.length > 2 ? xs.reduce((sum, x, n) => sum + (x - x0) * (ys[n] - y0), 0) / square : 0;
  return ends.map((x) => y0 + slope * (x - x0));
}

function cornersOf(chain) {
  const ends = [ACROSS * chain[0].column, ACROSS * (chain.at(-1).column + 1)];
  const middles = chain.map(({ column }) => ACROSS * (column + 0.5));
  const [tops, bottoms] = ["top", "bottom"].map((side) => fit(middles, chain.map((slice) => slice[side]), ends));
  return [[ends[0], tops[0]], [ends[1], tops[1]], [ends[1], bottoms[1]], [ends[0], bottoms[0]]];
}

const boxOf = (corners) => {
  const [xs, ys] = [0, 1].map((n) => corners.map((corner) => corner[n]));
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
};

/** What two boxes share, of the smaller one. */
function hidden(one, other) {
  const area = ([left, top, right, bottom]) => Math.max(0, right - left) * Math.max(0, bottom - top);
  const both = [Math.max(one[0], other[0]), Math.max(one[1], other[1]), Math.min(one[2], other[2]), Math.min(one[3], other[3])];
  return area(both) / Math.max(Math.min(area(one), area(other)), 1e-9);
}

/** Join slices into lines, the surest first: rows of { corners, box, chance }. */
export function join(slices, { line, reach, least }) {
  const after = new Map(slices.map((slice) => [slice, best(slices, slice, 1, reach)]));
  const before = new Map(slices.map((slice) => [slice, best(slices, slice, -1, reach)]));
  const next = (slice) => (after.get(slice) && before.get(after.get(slice)) === slice ? after.get(slice) : undefined);
  const inner = new Set(slices.map(next));
  const lines = [];
  for (const slice of slices.filter((one) => !inner.has(one))) {
    const chain = [slice];
    while (next(chain.at(-1))) chain.push(next(chain.at(-1)));
    const chance = chain.reduce((sum, one) => sum + one.chance, 0) / chain.length;
    if (chain.at(-1).column - slice.column + 1 < least || chance < line) continue;
    const corners = cornersOf(chain);
    lines.push({ corners, box: boxOf(corners), chance });
  }
  lines.sort((a, b) => b.chance - a.chance || a.box[0] - b.box[0] || a.box[1] - b.box[1]);
  const kept = [];
  for (const one of lines) if (kept.every((other) => hidden(one.box, other.box) < 0.5)) kept.push(one);
  return kept;
}

/** A detector, ready to look. */
export function open(bytes) {
  const { weights, card } = readModel(bytes);
  return { weights, how: { sure: 0.5, line: 0.6, reach: 2, least: 2, ...card.how } };
}

// ---------------------------------------------------------------- scenes

const shade = (value) => `rgb(${Array(3).fill(Math.round(255 * Math.min(1, Math.max(0, value)))).join(" ")})`;

const GROUNDS = {
  wall: () => {},
  bricks(pen, chance) {
    for (let y = 0; y < HEIGHT; y += 12) {
      for (let x = ((y / 12) % 2) * -13; x < WIDTH; x += 26) {
        pen.fillStyle = shade(0.4 + 0.16 * chance());
        pen.fillRect(x, y, 24, 10);
      }
    }
  },
  leaves(pen, chance) {
    for (let n = 0; n < 900; n++) {
      pen.fillStyle = shade(0.22 + 0.5 * chance());
      pen.beginPath();
      pen.ellipse(WIDTH * chance(), HEIGHT * chance(), 2 + 4 * chance(), 1 + 2 * chance(), 6.28 * chance(), 0, 6.3);
      pen.fill();
    }
  },
  tiles(pen, chance) {
    for (let y = 0; y < HEIGHT; y += 16) {
      for (let x = 0; x < WIDTH; x += 16) {
        pen.fillStyle = shade(0.25 + 0.45 * chance());
        pen.fillRect(x, y, 16, 16);
      }
    }
  },
};

const FACES = ["sans-serif", "serif", "monospace"];
const SMALLEST = 8; // pixels of a font: what is smaller is hardly found
const MOST = 3; // lines of a scene

/** The lines of a text that has been typed. */
const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

/** What is wrong with words for a scene, given the font's size of each line that was drawn; "" if nothing is. */
export function wrongWords(text, sizes) {
  const [lines, said] = [linesOf(text), []];
  const strange = [...new Set(text.replace(/[\x20-\x7e\s]/g, ""))];
  if (!lines.length) said.push("No words: the scene is without text.");
  if (lines.length > MOST) said.push(`There is room for ${MOST} lines only: the other ${lines.length - MOST} are left out.`);
  sizes.forEach((size, n) => {
    if (size < SMALLEST) said.push(`Line ${n + 1} does not fit: its ${lines[n].length} characters become ${Math.round(size)} pixels high, too small to be found.`);
  });
  if (strange.length) said.push(`The networks have learned no such letters: ${strange.slice(0, 5).join(" ")}.`);
  return said.join(" ");
}

/** Draw a scene into a canvas of HEIGHT and WIDTH; return the font's size of each line. */
function paint(canvas, { text, ground, clutter, blur, contrast, post, seed }) {
  Object.assign(canvas, { width: WIDTH, height: HEIGHT });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const chance = random(seed);
  pen.fillStyle = shade(0.48);
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  GROUNDS[ground](pen, chance);
  for (let n = 0; n < clutter; n++) {
    pen.strokeStyle = pen.fillStyle = shade(chance());
    pen.lineWidth = 1 + 2 * chance();
    const [x, y, w, h] = [WIDTH * chance(), HEIGHT * chance(), 6 + 50 * chance(), 4 + 24 * chance()];
    pen.beginPath();
    if (n % 3 === 0) pen.rect(x, y, w, h);
    else if (n % 3 === 1) pen.arc(x, y, h / 2, 0, 6.3);
    else for (let bar = 0; bar < 5; bar++) [pen.moveTo(x + 5 * bar, y), pen.lineTo(x + 5 * bar, y + h)];
    pen.stroke();
  }
  const lines = linesOf(text).slice(0, MOST);
  const sizes = [];
  const light = chance() < 0.5;
  lines.forEach((line, n) => {
    const room = HEIGHT / lines.length;
    let size = Math.min(15 + 12 * chance(), 0.75 * room);
    const face = FACES[Math.floor(3 * chance())];
    pen.font = `${size}px ${face}`;
    size *= Math.min(1, (WIDTH - 16) / pen.measureText(line).width);
    sizes.push(size);
    pen.font = `${size}px ${face}`;
    pen.save();
    const left = 6 + (WIDTH - 12 - pen.measureText(line).width) * chance();
    pen.translate(left, room * (n + 0.5) + size / 3);
    pen.rotate(0.08 * (chance() - 0.5));
    pen.fillStyle = shade(0.48 + (light ? 0.5 : -0.48) * contrast);
    pen.fillText(line, 0, 0);
    pen.restore();
  });
  if (post) {
    pen.fillStyle = shade(0.15 + 0.6 * chance());
    pen.fillRect(WIDTH * (0.38 + 0.2 * chance()), 0, 20, HEIGHT);
  }
  const { height, width, data } = greyOf(canvas);
  const soft = soften({ height, width, data }, blur);
  for (let n = 0; n < soft.length; n++) soft[n] += 5 * (chance() - 0.5);
  show(pen, { height, width, data: soft });
  return sizes;
}

/** The grey of a canvas, 0 to 255. */
function greyOf(canvas) {
  const { width, height } = canvas;
  const { data: rgba } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
  const data = new Float32Array(width * height);
  for (let n = 0; n < data.length; n++) data[n] = 0.299 * rgba[4 * n] + 0.587 * rgba[4 * n + 1] + 0.114 * rgba[4 * n + 2];
  return { height, width, data };
}

/** Blur by a bell curve, along rows and then along columns; the edge goes on outside. */
function soften({ height, width, data }, radius) {
  if (radius < 0.1) return data;
  const reach = Math.ceil(2.5 * radius);
  const bell = Array.from({ length: 2 * reach + 1 }, (_, n) => Math.exp(-((n - reach) ** 2) / (2 * radius ** 2)));
  const total = bell.reduce((a, b) => a + b, 0);
  /** Blur lines of a length, whose pixels lie a step apart. */
  const pass = (from, lines, next, length, step) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      for (let n = 0; n < length; n++) {
        let sum = 0;
        for (let m = -reach; m <= reach; m++) sum += bell[m + reach] * from[line * next + Math.min(Math.max(n + m, 0), length - 1) * step];
        to[line * next + n * step] = sum / total;
      }
    }
    return to;
  };
  return pass(pass(data, height, width, width, 1), width, 1, height, width);
}

/** Put grey into a canvas. */
function show(pen, { height, width, data }) {
  const image = pen.createImageData(width, height);
  for (let n = 0; n < data.length; n++) {
    image.data[4 * n] = image.data[4 * n + 1] = image.data[4 * n + 2] = data[n];
    image.data[4 * n + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

// ---------------------------------------------------------------- the explorable

const VIEWS = { boxes: "lines", slices: "slices that say “text”", memory: "how sure, with memory", emptied: "how sure, memory emptied" };
const NAMES = { wall: "a plain wall", bricks: "bricks", leaves: "leaves", tiles: "tiles" };

/** What was found, in words; and what it says, where it was read. */
export function foundWords(lines, width) {
  if (!lines.length) return "It finds no text.";
  const where = ({ box: [left, top, right, bottom], chance, text }) => {
    const said = text === undefined ? "" : text ? `, read “${text}”` : ", not read";
    return `${percent(left / width)} to ${percent(Math.min(1, right / width))} from the left, rows ${Math.round(top)} to ${Math.round(bottom)}, ${num(chance)} sure${said}`;
  };
  return `It finds ${lines.length === 1 ? "one line" : `${lines.length} lines`}: ${lines.map(where).join("; ")}.`;
}

function render({ model, el, signal }) {
  const root = stage("text-finder", "where is the text?");
  const said = spoken("p", "tf-said");
  const hint = make("p", { className: "tf-hint" });
  hint.setAttribute("aria-live", "polite");
  const set = (key, value) => {
    model.set(key, value);
    model.save_changes();
  };
  const canvas = make("canvas", { className: "tf-canvas" });
  canvas.setAttribute("role", "img");
  const marks = draw("svg", { class: "tf-marks", "aria-hidden": "true" });
  let network;
  let reader;
  let answers;
  let lines = [];
  let own; // the reader's picture, where there is one
  let stop = new AbortController();

  const text = make("textarea", { rows: 2, value: model.get("text"), maxLength: 90, spellcheck: false });
  text.dataset.lmSuppressShortcuts = "true";
  text.addEventListener("input", () => set("text", text.value));
  const ground = make("select", {}, ...Object.entries(NAMES).map(([value, name]) => make("option", { value }, name)));
  ground.value = model.get("ground");
  ground.addEventListener("change", () => set("ground", ground.value));
  const post = make("input", { type: "checkbox", checked: model.get("post") });
  post.dataset.lmSuppressShortcuts = "true";
  post.addEventListener("change", () => set("post", post.checked));
  const moving = { words: said };
  const clutter = modelSlider(model, "clutter", { label: "Clutter", min: 0, max: 20, describe: (n) => `${n} strokes`, ...moving });
  const blur = modelSlider(model, "blur", { label: "Blur", min: 0, max: 2, step: 0.1, describe: (n) => `${n.toFixed(1)} pixels`, ...moving });
  const contrast = modelSlider(model, "contrast", { label: "Contrast", min: 0.1, max: 1, step: 0.05, describe: (n) => percent(n), ...moving });
  const another = make("button", { type: "button" }, "Another scene");
  another.addEventListener("click", () => set("seed", model.get("seed") + 1));
  const go = make("button", { type: "button" }, "Find the text");
  const file = make("input", { type: "file", accept: "image/*" });
  file.dataset.lmSuppressShortcuts = "true";
  const back = make("button", { type: "button", hidden: true }, "Back to the scene");
  const views = radios(Object.entries(VIEWS));
  views.buttons.forEach((button) => button.addEventListener("change", () => set("view", button.value)));

  /** Draw what is looked at, and forget what was found in something else. */
  function scene() {
    said.textContent = network ? "It looks …" : "";
    hint.textContent = "";
    if (own) {
      Object.assign(canvas, { width: own.width, height: own.height });
      show(canvas.getContext("2d", { willReadFrequently: true }), own);
    } else {
      const keys = ["ground", "clutter", "blur", "contrast", "post", "seed", "text"];
      const sizes = paint(canvas, Object.fromEntries(keys.map((key) => [key, model.get(key)])));
      hint.textContent = wrongWords(model.get("text"), sizes);
    }
    [answers, lines] = [undefined, []];
    marks.setAttribute("viewBox", `0 0 ${canvas.width} ${canvas.height}`);
    mark();
  }

  /** Lay over the picture what the view asks for. */
  function mark() {
    const view = model.get("view");
    views.buttons.forEach((button) => (button.checked = button.value === view));
    const label = own ? "Your picture" : `A scene with the words ${model.get("text").split("\n").join(", ")} on ${NAMES[model.get("ground")]}`;
    canvas.setAttribute("aria-label", `${label}. ${answers ? foundWords(lines, canvas.width) : "Not yet looked at."}`);
    if (!answers) return marks.replaceChildren();
    if (view === "boxes") {
      const box = ({ corners }) => draw("polygon", { class: "tf-line", points: corners.map((corner) => corner.join(",")).join(" ") });
      const name = ({ box: [left, top, , bottom], text = "" }) => draw("text", { class: "tf-read", x: left + 2, y: top > 9 ? top - 2 : bottom + 8 }, text);
      return marks.replaceChildren(...lines.map(box), ...lines.map(name));
    }
    if (view === "slices") {
      const slice = ({ column, top, bottom }) => draw("rect", { class: "tf-slice", x: ACROSS * column, y: top, width: ACROSS, height: bottom - top });
      return marks.replaceChildren(...voices(answers.together, network.how.sure).map(slice));
    }
    const sure = sureness(view === "memory" ? answers.together : answers.alone);
    const cell = (value, r, c) => draw("rect", { class: "tf-cell", x: ACROSS * c, y: DOWN * r, width: ACROSS, height: DOWN, "fill-opacity": (0.9 * value).toFixed(3) });
    const dark = draw("rect", { class: "tf-dark", x: 0, y: 0, width: canvas.width, height: canvas.height });
    return marks.replaceChildren(dark, ...sure.flatMap((row, r) => row.map((value, c) => cell(value, r, c))));
  }

  async function find() {
    stop.abort();
    const mine = (stop = new AbortController());
    try {
      if (!network) {
        said.textContent = model.get("reader") ? "The networks come: 360 kB." : "The network comes: 90 kB.";
        network = open(await shipped(model, "detection"));
      }
      const grey = greyOf(canvas);
      const told = await sliced(look(network.weights, prepare(grey)), { signal: mine.signal });
      if (!told || mine !== stop) return;
      const found = join(propose(told.together, network.how.sure), network.how);
      if (model.get("reader") && found.length) {
        reader ??= openReader(await shipped(model, "ocr_words"));
        for (const line of found) {
          const read = await sliced(readLine(reader, grey, line.corners), { signal: mine.signal });
          if (!read || mine !== stop) return;
          line.text = read.text;
        }
      }
      if (mine !== stop) return;
      [answers, lines] = [told, found];
      said.textContent = foundWords(lines, canvas.width);
      mark();
    } catch (error) {
      said.textContent = `That did not work: ${error.message}.`;
    }
  }

  async function take() {
    const [picture] = file.files;
    if (!picture) return;
    try {
      const image = await createImageBitmap(picture);
      const scale = Math.min(1, LONGEST / Math.max(image.width, image.height));
      const [width, height] = [image.width, image.height].map((side) => Math.max(8, Math.round(side * scale)));
      const sheet = make("canvas", { width, height });
      const pen = sheet.getContext("2d", { willReadFrequently: true });
      pen.fillStyle = "white";
      pen.fillRect(0, 0, width, height);
      pen.drawImage(image, 0, 0, width, height);
      own = greyOf(sheet);
    } catch {
      file.value = "";
      said.textContent = `${picture.name} could not be opened as a picture.`;
      return;
    }
    back.hidden = false;
    again();
  }

  /** After a change: draw, and look again where the reader has asked for it once. */
  function again() {
    scene();
    if (network) find();
  }
  const changed = () => {
    [own, back.hidden, file.value] = [undefined, true, ""];
    again();
  };
  for (const key of ["text", "ground", "clutter", "blur", "contrast", "post", "seed"]) model.on(`change:${key}`, changed);
  model.on("change:view", mark);
  go.addEventListener("click", find);
  file.addEventListener("change", take);
  back.addEventListener("click", () => {
    changed();
    file.focus();
  });
  signal?.addEventListener("abort", () => stop.abort());

  const field = (label, input) => make("label", { className: "tf-field" }, label, input);
  const choice = make("fieldset", { className: "tf-views" }, make("legend", {}, "Show"), ...views.rows);
  const places = make("div", { className: "tf-places" }, field("Your words, up to three lines", text), field("Behind them", ground));
  const picture = make("div", { className: "tf-picture" }, canvas, marks);
  const note = make("p", { className: "tf-note" }, "Words and pictures stay in this page. Letters 8 to 26 pixels high are found best; a large picture is shrunk. What was found is read as small letters and digits, without blanks.");
  root.append(places, hint, clutter.row, blur.row, contrast.row, make("label", { className: "tf-check" }, post, " a post in front"));
  root.append(make("div", { className: "lw-presets" }, go, another), picture, said, choice);
  root.append(make("div", { className: "tf-own" }, field("Or a picture of your own", file), back), note);
  scene();
  el.append(root);
}

export default { render };
