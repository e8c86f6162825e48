// One step of three cells, forward and backward, for vectors: the LSTM, the LSTM as the article draws it, a tanh layer.
//
// As in Python's cells: W acts on z = [h, x] and is (4, H, H+D) in an LSTM, gates in the order i, f, g, o; b is (4, H).
// A step returns a tape, with all that it computed; its way back takes the tape and the gradients of h and c, and
// returns the gradients of everything that went in (dx, dh, dc, dW, db), and of what lies between. Time is the caller's loop. A test holds all numbers to Python's.

export const sigmoid = (a) => 0.5 * (1 + Math.tanh(0.5 * a));

// Vectors are arrays, matrices are arrays of rows.
const each = (f, ...vectors) => vectors[0].map((_, n) => f(...vectors.map((vector) => vector[n])));
const times = (a, b) => each((x, y) => x * y, a, b);
const plus = (a, b) => each((x, y) => x + y, a, b);
const dot = (a, b) => a.reduce((sum, x, n) => sum + x * b[n], 0);
const affine = (W, b, z) => W.map((row, n) => dot(row, z) + b[n]);
const outer = (a, b) => a.map((x) => b.map((y) => x * y));
const back = (W, da) => W[0].map((_, n) => dot(W.map((row) => row[n]), da)); // through W to what it read

/** The remember gate: what is kept and what is learned, and their sum. */
export function remember({ i, f, g }, c_prev) {
  const learned = times(i, g); // learn gate
  const kept = times(f, c_prev); // forget gate
  return { learned, kept, c: plus(kept, learned) }; // remember gate
}

/** The standard use gate, which reads the new memory. */
export function use(o, c) {
  const u = c.map(Math.tanh);
  return { u, h: times(o, u) };
}

/** The use gate as drawn, which reads what was kept, through weights of its own: W_u (H, H), b_u (H). */
export function drawnUse({ W_u, b_u }, o, kept) {
  const a_u = affine(W_u, b_u, kept);
  const u = a_u.map(Math.tanh);
  return { a_u, u, h: times(o, u) };
}

/** The four gates (a: what each squashing function is given) and the memory: what both LSTMs have in common. */
function gates({ W, b }, x, { h, c: c_prev }) {
  const z = [...h, ...x];
  const [a_i, a_f, a_g, a_o] = W.map((rows, gate) => affine(rows, b[gate], z));
  const [i, f, g, o] = [a_i.map(sigmoid), a_f.map(sigmoid), a_g.map(Math.tanh), a_o.map(sigmoid)];
  return { z, a_i, a_f, a_g, a_o, i, f, g, o, c_prev, ...remember({ i, f, g }, c_prev) };
}

/** From the gradients of what was learned for c, of what was kept, and of h, back to the weights, x, h and c. */
function gatesBack({ W }, { z, i, f, g, o, c_prev, u }, dlearned, dkept, dh) {
  const [di, df, dg, d_o] = [times(dlearned, g), times(dkept, c_prev), times(dlearned, i), times(dh, u)];
  const through = (dy, y) => each((dy, y) => dy * y * (1 - y), dy, y);
  const db = [through(di, i), through(df, f), each((dg, g) => dg * (1 - g * g), dg, g), through(d_o, o)];
  const dz = db.map((da, gate) => back(W[gate], da)).reduce(plus);
  const on = { dx: dz.slice(dh.length), dh: dz.slice(0, dh.length), dc: times(dkept, f) };
  return { dW: db.map((da) => outer(da, z)), db, ...on, di, df, dg, do: d_o, dlearned, dkept };
}

/** The standard LSTM. */
export function lstmStep(params, x, state) {
  const tape = gates(params, x, state);
  return { ...tape, ...use(tape.o, tape.c) };
}

export function lstmBack(params, tape, { dh, dc }) {
  const du = times(dh, tape.o);
  const dread = each((du, u) => du * (1 - u * u), du, tape.u); // what c gets from the use gate
  const dc_all = plus(dc, dread);
  return { ...gatesBack(params, tape, dc_all, dc_all, dh), du, dread };
}

/** The LSTM as the article draws it. */
export function drawnStep(params, x, state) {
  const tape = gates(params, x, state);
  return { ...tape, ...drawnUse(params, tape.o, tape.kept) };
}

export function drawnBack(params, tape, { dh, dc }) {
  const db_u = each((dh, o, u) => dh * o * (1 - u * u), dh, tape.o, tape.u);
  const dkept = plus(dc, back(params.W_u, db_u));
  return { ...gatesBack(params, tape, dc, dkept, dh), dW_u: outer(db_u, tape.kept), db_u };
}

/** A tanh layer: h = tanh(W [h, x] + b), with W (H, H+D), b (H). */
export function tanhStep({ W, b }, x, { h }) {
  const z = [...h, ...x];
  return { z, h: affine(W, b, z).map(Math.tanh) };
}

export function tanhBack({ W }, { z, h }, { dh }) {
  const db = each((dh, h) => dh * (1 - h * h), dh, h);
  const dz = back(W, db);
  return { dW: outer(db, z), db, dx: dz.slice(h.length), dh: dz.slice(0, h.length) };
}
