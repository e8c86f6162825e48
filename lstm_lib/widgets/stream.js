// The stream of boxes in the page: how it is drawn, what an answer can be, and the networks that play it.
//
// A step is { kind, symbol, box }: "write" puts a symbol into a box, "pass" shows one that goes into no box, "ask" wants
// to know what is in a box, and "echo", which a player makes of a write, wants to know it in the same step. Symbols and
// boxes are counted from 0. Tests hold features, kinds of answers, and what the networks say to Python's.

import { remember, sigmoid, tanhStep, use } from "./cell.js";
import { readModel } from "./engine.js";
import { random } from "./parts.js";

export const SYMBOLS = ["A", "B", "C", "D"];
export const NOTHING = -1; // no such symbol yet

export const writes = ({ kind }) => kind === "write" || kind === "echo";
export const asks = ({ kind }) => kind === "ask" || kind === "echo";

// ---------------------------------------------------------------- the stream

/**
 * Draw a stream, by the rule of recall_stream: the first steps fill the boxes in order; each later step is a write, a
 * question, or a symbol that passes by. Drawn again until it asks least times, and ends with a question.
 */
export function drawStream({ boxes, T, p_write, p_ask }, seed, least = 1) {
  const chance = random(seed);
  for (;;) {
    const steps = Array.from({ length: T }, (_, t) => {
      const [symbol, box, u] = [Math.floor(SYMBOLS.length * chance()), Math.floor(boxes * chance()), chance()];
      if (t < boxes) return { kind: "write", symbol, box: t };
      if (u < p_write) return { kind: "write", symbol, box };
      return u < p_write + p_ask ? { kind: "ask", symbol: NOTHING, box } : { kind: "pass", symbol, box: NOTHING };
    });
    if (steps.filter(asks).length >= least && steps.at(-1).kind === "ask") return steps;
  }
}

/** A step as a network sees it: the symbol one-hot, the write flags, the ask flags. */
export function features({ kind, symbol, box }, boxes) {
  const x = new Array(SYMBOLS.length + 2 * boxes).fill(0);
  if (kind !== "ask") x[symbol] = 1;
  if (kind === "write") x[SYMBOLS.length + box] = 1;
  if (kind === "ask") x[SYMBOLS.length + boxes + box] = 1;
  return x;
}

/** For each question: its step, the right symbol, the one before it in that box, those of the other boxes, and the last that passed by. */
export function questions(steps, boxes) {
  const [now, before] = [new Array(boxes).fill(NOTHING), new Array(boxes).fill(NOTHING)];
  let passed = NOTHING;
  const rows = [];
  steps.forEach((step, t) => {
    const { symbol, box } = step;
    if (writes(step)) [before[box], now[box]] = [now[box], symbol];
    if (asks(step)) rows.push({ t, box, right: now[box], stale: before[box], others: now.filter((_, n) => n !== box), intruder: passed });
    if (step.kind === "pass") passed = symbol;
  });
  return rows;
}

/** What an answer is: right, or each kind of error that it can be; none where nobody ever wrote or showed it so. */
export function kindsOf(answer, { right, stale, others, intruder }) {
  if (answer === right) return ["right"];
  const fits = { stale: answer === stale, "other box": others.includes(answer), intruder: answer === intruder };
  return Object.keys(fits).filter((kind) => fits[kind]);
}

/** Count answers: how many were given, how many are right, and how many could be each kind of error. */
export function score(answers, asked) {
  const count = { given: 0, right: 0, stale: 0, "other box": 0, intruder: 0, none: 0 };
  answers.forEach((answer, n) => {
    const kinds = kindsOf(answer, asked[n]);
    count.given += 1;
    for (const kind of kinds.length ? kinds : ["none"]) count[kind] += 1;
  });
  return count;
}

// ---------------------------------------------------------------- the players

/** Read the players out of the library's file: { card, players }, a player as { recipe, gates, W, b, readout }. */
export function openPlayers(bytes) {
  const { build, card, weights } = readModel(bytes);
  const nested = ({ shape, data }, from = 0) => {
    const size = shape.slice(1).reduce((a, b) => a * b, 1);
    return Array.from({ length: shape[0] }, (_, n) =>
      shape.length === 1 ? data[from + n] : nested({ shape: shape.slice(1), data }, from + n * size));
  };
  const player = ([name, [recipe]]) => {
    const part = (key) => weights[`${name}.${key}`] && nested(weights[`${name}.${key}`]);
    const gates = { rnn: "h", memory: "g", learn: "ig", forget: "ifg", lstm: "ifgo" }[recipe];
    return [name, { recipe, gates, W: part("W"), b: part("b"), readout: { W: part("readout_W"), b: part("readout_b") } }];
  };
  return { card, players: Object.fromEntries(Object.entries(build.arguments.players).map(player)) };
}

const affine = (W, b, z) => W.map((row, n) => row.reduce((sum, w, m) => sum + w * z[m], b[n]));

/** A stage of the cell, empty. */
export const empty = ({ b }) => ({ h: b[0].map(() => 0), c: b[0].map(() => 0) });

/** One step of a stage of the cell; a gate that it lacks is open: 1. */
export function playerStep({ gates, W, b }, x, { h, c: c_prev }) {
  if (gates === "h") return tanhStep({ W: W[0], b: b[0] }, x, { h });
  const z = [...h, ...x];
  const gate = (name, squash) => (gates.includes(name) ? affine(W[gates.indexOf(name)], b[gates.indexOf(name)], z).map(squash) : h.map(() => 1));
  const [i, f, g, o] = [gate("i", sigmoid), gate("f", sigmoid), gate("g", Math.tanh), gate("o", sigmoid)];
  const { c } = remember({ i, f, g }, c_prev);
  return { i, f, g, o, c, ...use(o, c) };
}

/** A player at its work: a function that takes one step after another and gives the share of each symbol. */
export function listener(player) {
  let state = empty(player);
  return (x) => {
    state = playerStep(player, x, state);
    const scores = affine(player.readout.W, player.readout.b, state.h);
    const most = Math.max(...scores);
    const shares = scores.map((score) => Math.exp(score - most));
    const sum = shares.reduce((a, b) => a + b);
    return shares.map((share) => share / sum);
  };
}

/** The symbol with the largest share. */
export const likeliest = (shares) => shares.indexOf(Math.max(...shares));
