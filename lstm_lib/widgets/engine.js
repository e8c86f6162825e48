// A trained network in the page: its weights out of a safetensors file, and the layers that the course's models have.
//
// Vectors are Float32Arrays, sequences are arrays of vectors, pictures are { shape: [C, H, W], data }. Sums are taken in
// float64. What may take long is a generator, which yields between small pieces of work: whole() runs it at once, and
// sliced() in pieces that leave the page time to draw. A test holds all numbers to PyTorch's.

// ---------------------------------------------------------------- weights

const KINDS = { F32: [4, (view, n) => view.getFloat32(n, true)], I8: [1, (view, n) => view.getInt8(n)] };

/**
 * Read a model that lstm_lib.applied.models has saved, from its bytes (an ArrayBuffer, or a view of one).
 * Returns { build, card, weights }, weights by name as { shape, data }; what was kept in bytes is made whole.
 */
export function readModel(bytes) {
  const view = ArrayBuffer.isView(bytes) ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new DataView(bytes);
  const length = view.byteLength < 8 ? NaN : Number(view.getBigUint64(0, true));
  if (!(length <= view.byteLength - 8)) throw new Error(`got ${view.byteLength} bytes that are not a whole safetensors file`);
  const text = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + 8, length));
  const { __metadata__: words = {}, ...entries } = JSON.parse(text);
  if (!words.build) throw new Error("got safetensors of another kind, expected what lstm_lib has saved");
  const raw = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(entries)) {
    const [size, read] = KINDS[dtype] ?? [];
    if (!size) throw new Error(`got ${name} of type ${dtype}, expected one of ${Object.keys(KINDS).join(", ")}`);
    const data = new Float32Array((to - from) / size);
    for (let n = 0; n < data.length; n++) data[n] = read(view, 8 + length + from + n * size);
    raw[name] = { shape, data };
  }
  const weights = {};
  for (const [name, { shape, data }] of Object.entries(raw)) {
    if (name.endsWith(".scale")) continue;
    const scale = raw[`${name}.scale`]?.data;
    const row = data.length / shape[0];
    weights[name] = { shape, data: scale ? data.map((value, n) => value * scale[Math.floor(n / row)]) : data };
  }
  return { build: JSON.parse(words.build), card: JSON.parse(words.card), weights };
}

// ---------------------------------------------------------------- work in pieces

/** Run a generator to its end, and return what it returns. */
export function whole(work) {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** A moment in which the page can draw and listen; a page that is hidden draws nothing, and must not wait for it. */
const pause = () =>
  new Promise((go) => {
    const late = setTimeout(go, 50);
    requestAnimationFrame(() => {
      clearTimeout(late);
      setTimeout(go);
    });
  });

/**
 * Run a generator in pieces of at most about budget milliseconds, one for each frame of the page.
 * Returns a promise of what it returns, or of undefined where the signal has stopped it. took() is told how long each
 * piece was; benchmarks set lstmTook.
 */
export async function sliced(work, { budget = 8, signal, took = globalThis.lstmTook } = {}) {
  for (;;) {
    const start = performance.now();
    let step;
    do {
      if (signal?.aborted) return undefined;
      step = work.next();
    } while (!step.done && performance.now() - start < budget);
    took?.(performance.now() - start);
    if (step.done) return step.value;
    await pause();
  }
}

// ---------------------------------------------------------------- layers

const sigmoid = (a) => 0.5 * (1 + Math.tanh(0.5 * a));

/** out[n] += W[n] · x, for the rows of a weight (rows, columns); x may be a token, which stands for a one-hot vector. */
function addProduct(out, { shape: [rows, columns], data }, x) {
  if (typeof x === "number") {
    for (let n = 0; n < rows; n++) out[n] += data[n * columns + x];
    return;
  }
  if (x.length !== columns) throw new Error(`got a vector of ${x.length} numbers, expected ${columns}`);
  for (let n = 0, place = 0; n < rows; n++) {
    let sum = 0;
    for (let m = 0; m < columns; m++) sum += data[place++] * x[m];
    out[n] += sum;
  }
}

/** scores = W x + b, with the weights NAME.weight (K, D) and NAME.bias (K). */
export function linear(weights, name, x) {
  const out = Float64Array.from(weights[`${name}.bias`].data);
  addProduct(out, weights[`${name}.weight`], x);
  return Float32Array.from(out);
}

/** Logarithms of the shares of chance, from scores. */
export function logSoftmax(scores) {
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const log = most + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0));
  return Float32Array.from(scores, (score) => score - log);
}

/** One layer and direction of an LSTM, the standard cell: how it begins, and its step. */
export function lstmLayer(weights, name, { layer = 0, reverse = false } = {}) {
  const at = (kind) => weights[`${name}.${kind}_l${layer}${reverse ? "_reverse" : ""}`];
  const [W_x, W_h, b_x, b_h] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map(at);
  const H = W_h.shape[1];
  const bias = Float64Array.from({ length: 4 * H }, (_, n) => (b_x ? b_x.data[n] + b_h.data[n] : 0));
  return {
    H,
    zero: () => ({ h: new Float32Array(H), c: new Float32Array(H) }),
    /** From x (a vector or a token) and the state to the new state, with the gates that made it. */
    step(x, { h: h_prev, c: c_prev }) {
      const a = Float64Array.from(bias);
      addProduct(a, W_x, x);
      addProduct(a, W_h, h_prev);
      const [i, f, g, o, c, h] = Array.from({ length: 6 }, () => new Float32Array(H));
      for (let n = 0; n < H; n++) {
        i[n] = sigmoid(a[n]);
        f[n] = sigmoid(a[H + n]);
        g[n] = Math.tanh(a[2 * H + n]);
        o[n] = sigmoid(a[3 * H + n]);
        c[n] = f[n] * c_prev[n] + i[n] * g[n]; // kept and learned: the remember gate
        h[n] = o[n] * Math.tanh(c[n]); // the use gate
      }
      return { h, c, i, f, g, o };
    },
  };
}

/** How many layers an LSTM has, and whether it reads in both directions. */
export function lstmShape(weights, name) {
  let layers = 0;
  while (`${name}.weight_ih_l${layers}` in weights) layers += 1;
  return { layers, bidirectional: `${name}.weight_ih_l0_reverse` in weights };
}

/** All layers of an LSTM over a sequence, from zeros; returns { hs, cs } of the last layer, directions side by side. */
export function* lstm(weights, name, xs) {
  const { layers, bidirectional } = lstmShape(weights, name);
  let hs = xs;
  let cs = [];
  for (let layer = 0; layer < layers; layer++) {
    const ways = [];
    for (const reverse of bidirectional ? [false, true] : [false]) {
      const cell = lstmLayer(weights, name, { layer, reverse });
      const states = new Array(hs.length);
      let state = cell.zero();
      for (let n = 0; n < hs.length; n++) {
        const t = reverse ? hs.length - 1 - n : n;
        states[t] = state = cell.step(hs[t], state);
        yield;
      }
      ways.push(states);
    }
    const beside = (part) => ways[0].map((_, t) => join(ways.map((states) => states[t][part])));
    [hs, cs] = [beside("h"), beside("c")];
  }
  return { hs, cs };
}

function join(vectors) {
  if (vectors.length === 1) return vectors[0];
  const joined = new Float32Array(vectors.reduce((sum, vector) => sum + vector.length, 0));
  let place = 0;
  for (const vector of vectors) {
    joined.set(vector, place);
    place += vector.length;
  }
  return joined;
}

// ---------------------------------------------------------------- pictures

/** A convolution with NAME.weight (O, C, kh, kw) and NAME.bias (O): zeros around the picture, then every stride-th place. */
export function* conv2d(weights, name, { shape: [C, H, W], data }, { padding = [0, 0], stride = [1, 1] } = {}) {
  const { shape: [O, channels, kh, kw], data: kernel } = weights[`${name}.weight`];
  if (channels !== C) throw new Error(`got a picture of ${C} channels, expected ${channels}`);
  const bias = weights[`${name}.bias`]?.data;
  const [ph, pw] = padding;
  const [sh, sw] = stride;
  const height = Math.floor((H + 2 * ph - kh) / sh) + 1;
  const width = Math.floor((W + 2 * pw - kw) / sw) + 1;
  const out = new Float32Array(O * height * width);
  const sums = new Float64Array(width);
  for (let o = 0; o < O; o++) {
    for (let y = 0; y < height; y++) {
      sums.fill(bias ? bias[o] : 0);
      for (let c = 0; c < C; c++) {
        for (let m = 0; m < kh; m++) {
          const from = y * sh + m - ph;
          if (from < 0 || from >= H) continue;
          const row = (c * H + from) * W;
          for (let n = 0; n < kw; n++) {
            const weight = kernel[((o * C + c) * kh + m) * kw + n];
            const first = Math.max(0, Math.ceil((pw - n) / sw));
            const last = Math.min(width - 1, Math.floor((W - 1 + pw - n) / sw));
            for (let x = first, at = row + first * sw + n - pw; x <= last; x++, at += sw) sums[x] += weight * data[at];
          }
        }
      }
      out.set(sums, (o * height + y) * width);
      yield;
    }
  }
  return { shape: [O, height, width], data: out };
}

/** The larger of zero and each number, in place. */
export function relu(picture) {
  for (let n = 0; n < picture.data.length; n++) if (picture.data[n] < 0) picture.data[n] = 0;
  return picture;
}

/** The largest number of each block of (kh, kw), blocks side by side; what does not fill a block is left out. */
export function maxPool({ shape: [C, H, W], data }, [kh, kw]) {
  const [height, width] = [Math.floor(H / kh), Math.floor(W / kw)];
  const out = new Float32Array(C * height * width).fill(-Infinity);
  for (let c = 0; c < C; c++) {
    for (let y = 0; y < height * kh; y++) {
      for (let x = 0; x < width * kw; x++) {
        const to = (c * height + Math.floor(y / kh)) * width + Math.floor(x / kw);
        out[to] = Math.max(out[to], data[(c * H + y) * W + x]);
      }
    }
  }
  return { shape: [C, height, width], data: out };
}

/** The columns of a picture as a sequence: W vectors of C · H numbers, channel after channel. */
export function columns({ shape: [C, H, W], data }) {
  return Array.from({ length: W }, (_, x) => Float32Array.from({ length: C * H }, (_, n) => data[n * W + x]));
}

// ---------------------------------------------------------------- where the weights come from

const asked = {}; // name -> promise of bytes

/** The bytes of a model of the library: on the website a script beside widgets.js, in a notebook a message from Python. */
export function shipped(model, name) {
  return (asked[name] ??= (globalThis.lstmWidgets?.base ? fromSite : fromPython)(model, name).catch((error) => {
    delete asked[name]; // the next click tries again
    throw error;
  }));
}

/** A script, and no fetch: a browser refuses to fetch from file://, and readers do open the built book from their disk. */
async function fromSite(_, name) {
  const script = Object.assign(document.createElement("script"), { src: `${globalThis.lstmWidgets.base}models/${name}.js` });
  await new Promise((done, fail) => {
    script.addEventListener("load", done);
    script.addEventListener("error", () => fail(new Error(`the weights of what was trained (${name}) did not load, as happens offline`)));
    document.head.append(script);
  });
  script.remove();
  return Uint8Array.from(atob(globalThis.lstmModels[name]), (character) => character.charCodeAt(0));
}

function fromPython(model, name) {
  return new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error("Python does not answer: run the cell again")), 20000);
    const listen = (message, buffers) => {
      if (message?.model !== name) return;
      clearTimeout(late);
      model.off("msg:custom", listen);
      if (message.error) fail(new Error(message.error));
      else done(buffers[0]);
    };
    model.on("msg:custom", listen);
    model.send({ model: name });
  });
}
