// The reader of lines in the page; and a line that was found in a picture, cut out and read: as lstm_lib.applied.ocr,
// reading and pictures do it.
//
// Pictures are { height, width, data }, rows one after the other. A test holds all numbers to the library's.

import { columns, conv2d, linear, logSoftmax, lstm, readModel, relu } from "./engine.js";

const TALL = 32; // rows of what is cut out
const AROUND = 0.15; // of the line's height, that is cut out around it
const FLAT = 0.05; // less contrast than this is no writing
const MARGIN = 0.08; // ground around the ink, in heights of the ink

/** Round as Python does: a half goes to the even number. */
const round = (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** Cut a line out of a picture and make it level; beyond the picture its edge goes on. */
export function cutOut({ height, width, data }, corners) {
  const [a, b, c, d] = corners;
  const [across, down] = [[b[0] - a[0], b[1] - a[1]], [d[0] - a[0], d[1] - a[1]]];
  const [long, high] = [Math.max(Math.hypot(...across), 1), Math.max(Math.hypot(...down), 1)];
  const unit = across.map((side) => (side / long) * AROUND * high);
  const way = down.map((side) => side * AROUND);
  const wider = [[a, -1, -1], [b, 1, -1], [c, 1, 1], [d, -1, 1]].map(([corner, x, y]) => [0, 1].map((n) => corner[n] + x * unit[n] + y * way[n]));
  const wide = Math.max(4, round((TALL * (long / high + 2 * AROUND)) / (1 + 2 * AROUND)));
  const out = new Float32Array(TALL * wide);
  const within = (value, size) => Math.min(Math.max(value, 0), size - 1);
  for (let row = 0; row < TALL; row++) {
    for (let column = 0; column < wide; column++) {
      const [u, v] = [(column + 0.5) / wide, (row + 0.5) / TALL];
      const at = (n) => (1 - v) * ((1 - u) * wider[0][n] + u * wider[1][n]) + v * ((1 - u) * wider[3][n] + u * wider[2][n]);
      const [x, y] = [within(at(0) - 0.5, width), within(at(1) - 0.5, height)];
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [right, bottom] = [within(left + 1, width), within(top + 1, height)];
      const upper = data[top * width + left] * (1 - x + left) + data[top * width + right] * (x - left);
      const lower = data[bottom * width + left] * (1 - x + left) + data[bottom * width + right] * (x - left);
      out[row * wide + column] = upper * (1 - y + top) + lower * (y - top);
    }
  }
  return { height: TALL, width: wide, data: out };
}

const sorted = (values) => Float64Array.from(values).sort();

/** The value below which a share of the sorted values lies, between two of them in proportion. */
function quantile(values, share) {
  const place = share * (values.length - 1);
  const low = Math.floor(place);
  return values[low] + (place - low) * (values[Math.min(low + 1, values.length - 1)] - values[low]);
}

/** How far each pixel is from the ground, 1 for full ink; undefined where there is no ink. */
export function inkOf({ height, width, data }) {
  const edge = [];
  for (let x = 0; x < width; x++) edge.push(data[x], data[(height - 1) * width + x]);
  for (let y = 0; y < height; y++) edge.push(data[y * width], data[y * width + width - 1]);
  const ground = quantile(sorted(edge), 0.5);
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const away = data.map((value) => (mean > ground ? value - ground : ground - value));
  const order = sorted(away);
  const largest = order.at(-1);
  const most = Math.max(away.length > 400 ? quantile(order, 0.995) : largest, 0.5 * largest);
  const brightest = data.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
  if (!(most >= FLAT * brightest)) return undefined;
  return { height, width, data: away.map((value) => Math.min(Math.max(value / most, 0), 1)) };
}

/** Cut off the ground around the ink, and leave a margin. */
export function trim({ height, width, data }) {
  const dark = [...data.keys()].filter((n) => data[n] > 0.35);
  const [rows, places] = [dark.map((n) => Math.floor(n / width)), dark.map((n) => n % width)];
  const ends = (values) => [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const [[top, bottom], [left, right]] = [ends(rows), ends(places)];
  const margin = Math.max(1, round(MARGIN * (bottom - top + 1)));
  const [H, W] = [bottom - top + 1 + 2 * margin, right - left + 1 + 2 * margin];
  const out = new Float32Array(H * W);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) out[(y - top + margin) * W + x - left + margin] = data[y * width + x];
  }
  return { height: H, width: W, data: out };
}

/** What each of the new places takes of the old ones: a tent, wider where many become one (Pillow's BILINEAR). */
function tents(from, to) {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, n) => {
    const centre = (n + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const end = Math.min(from, Math.floor(centre + reach + 0.5));
    const shares = Array.from({ length: end - first }, (_, m) => Math.max(0, 1 - Math.abs((m + first - centre + 0.5) / reach)));
    const total = shares.reduce((a, b) => a + b, 0);
    return { first, shares: shares.map((share) => share / total) };
  });
}

/** Scale a picture to a height; its width follows. */
export function toHeight({ height, width, data }, rows) {
  const wide = Math.max(1, round((width * rows) / height));
  const [along, down] = [tents(width, wide), tents(height, rows)];
  const flat = new Float32Array(height * wide);
  for (let y = 0; y < height; y++) {
    along.forEach(({ first, shares }, x) => (flat[y * wide + x] = shares.reduce((sum, share, m) => sum + share * data[y * width + first + m], 0)));
  }
  const out = new Float32Array(rows * wide);
  down.forEach(({ first, shares }, y) => {
    for (let x = 0; x < wide; x++) out[y * wide + x] = shares.reduce((sum, share, m) => sum + share * flat[(first + m) * wide + x], 0);
  });
  return { height: rows, width: wide, data: out };
}

/** A reader of lines, ready to read. */
export function openReader(bytes) {
  const { weights, build } = readModel(bytes);
  const { characters, strides, height } = build.arguments;
  return { weights, strides, height, characters: [...characters], stride: strides.reduce((all, [, along]) => all * along, 1) };
}

/** Read ink of the network's height: a generator that returns log chances, and both memories, at each column. */
export function* look({ weights, strides }, picture) {
  let seen = picture;
  for (const [n, stride] of strides.entries()) {
    seen = relu(yield* conv2d(weights, `convolutions.${n}`, seen, { padding: [1, 1], stride }));
  }
  const { hs, cs } = yield* lstm(weights, "lstm", columns(seen));
  const logs = [];
  for (const h of hs) {
    logs.push(logSoftmax(linear(weights, "readout", h)));
    yield;
  }
  return { logs, cs };
}

/** The best class of each column, repeats merged and blanks dropped: rows of { character, from, to, chance }. */
export function spell({ characters }, logs) {
  const read = [];
  let before = 0;
  logs.forEach((log, t) => {
    const best = log.indexOf(Math.max(...log));
    if (best && best === before) {
      const last = read.at(-1);
      last.to = t + 1;
      last.chance = Math.max(last.chance, Math.exp(log[best]));
    } else if (best) {
      read.push({ character: characters[best - 1], from: t, to: t + 1, chance: Math.exp(log[best]) });
    }
    before = best;
  });
  return read;
}

/** Read a line in a picture: a generator of { text, logs }, the best class of each column; "" where there is no ink. */
export function* readLine(reader, picture, corners) {
  const found = inkOf(cutOut(picture, corners));
  if (!found) return { text: "", logs: [] };
  const { height, width, data } = toHeight(trim(found), reader.height);
  const { logs } = yield* look(reader, { shape: [1, height, width], data });
  return { text: spell(reader, logs).map(({ character }) => character).join(""), logs };
}
