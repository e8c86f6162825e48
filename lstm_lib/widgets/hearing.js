// From samples to what was said: log-mel features, resampling, and the prefix beam of CTC, as lstm_lib.applied has them.
//
// All of it works step by step, so that it can follow a voice; tests hold each part to Python's numbers.

import { linear, logSoftmax, lstmLayer, lstmShape, readModel } from "./engine.js";

export const RATE = 8000; // samples a second
export const FRAME = 200; // samples of a frame
export const HOP = 80; // samples from one frame to the next
const [TRANSFORM, MELS] = [256, 40];
const FLOOR = 1e-5;

// ---------------------------------------------------------------- features

const mel = (hertz) => 2595 * Math.log10(1 + hertz / 700);
const window_ = Float64Array.from({ length: FRAME }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / (FRAME - 1)));
const pitch = Array.from({ length: TRANSFORM / 2 + 1 }, (_, k) => mel((k * RATE) / TRANSFORM));
const stepOf = mel(RATE / 2) / (MELS + 1);

/** For each band its first frequency and its weights, without the zeros on both sides. */
const filters = Array.from({ length: MELS }, (_, m) => {
  const all = pitch.map((p) => Math.max(0, 1 - Math.abs(p - (m + 1) * stepOf) / stepOf));
  const first = all.findIndex((weight) => weight > 0);
  return { first: Math.max(0, first), weights: first < 0 ? [] : all.slice(first, all.findLastIndex((weight) => weight > 0) + 1) };
});

const turns = Array.from({ length: TRANSFORM / 2 }, (_, k) => {
  const angle = (-2 * Math.PI * k) / TRANSFORM;
  return [Math.cos(angle), Math.sin(angle)];
});

/** The energy of each frequency of a frame: a fast Fourier transform, from the even and the odd numbers. */
function energies(frame) {
  const [re, im] = [new Float64Array(TRANSFORM), new Float64Array(TRANSFORM)];
  for (let n = 0; n < TRANSFORM; n++) {
    let place = 0; // the bits of n, turned round
    for (let bit = 1, other = TRANSFORM >> 1; bit < TRANSFORM; bit <<= 1, other >>= 1) if (n & bit) place |= other;
    re[place] = n < FRAME ? frame[n] * window_[n] : 0;
  }
  for (let half = 1; half < TRANSFORM; half *= 2) {
    for (let start = 0; start < TRANSFORM; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const [c, s] = turns[(k * TRANSFORM) / (2 * half)];
        const [a, b] = [start + k, start + k + half];
        const [x, y] = [re[b] * c - im[b] * s, re[b] * s + im[b] * c];
        [re[b], im[b]] = [re[a] - x, im[a] - y];
        re[a] += x;
        im[a] += y;
      }
    }
  }
  return Float64Array.from(pitch, (_, k) => re[k] ** 2 + im[k] ** 2);
}

/** The features of one frame of FRAME samples: ln of the energy in each mel band. */
export function logMel(frame) {
  const power = energies(frame);
  return Float32Array.from(filters, ({ first, weights }) => {
    const energy = weights.reduce((sum, weight, n) => sum + weight * power[first + n], 0);
    return Math.log(energy + FLOOR);
  });
}

// ---------------------------------------------------------------- another rate

/** Turns samples of any rate from 8000 on into ours, piece by piece: push(samples) returns what can be told by then. */
export function resampler(rate) {
  if (rate === RATE) return { push: (samples) => Float32Array.from(samples) };
  const divisor = (function common(a, b) { return b ? common(b, a % b) : a; })(rate, RATE);
  const [up, down] = [RATE / divisor, rate / divisor];
  const cut = (0.95 * RATE) / rate;
  const reach = Math.ceil(32 / cut);
  const phases = {};
  const weightsOf = (rest) =>
    (phases[rest] ??= Float64Array.from({ length: 2 * reach }, (_, n) => {
      const away = n + 1 - reach - rest / up;
      const x = Math.PI * cut * away;
      const wave = x === 0 ? 1 : Math.sin(x) / x;
      return cut * wave * (0.5 + 0.5 * Math.cos(Math.PI * Math.max(-1, Math.min(1, away / reach))));
    }));
  let kept = new Float32Array(reach); // before the first sample there was quiet
  let first = -reach; // the number of kept[0]
  let next = 0; // the number of the sample that comes out next
  return {
    push(samples) {
      const all = new Float32Array(kept.length + samples.length);
      all.set(kept);
      all.set(samples, kept.length);
      const out = [];
      for (;;) {
        const at = Math.floor((next * down) / up);
        if (at + reach >= first + all.length) break;
        const weights = weightsOf((next * down) % up);
        let sum = 0;
        for (let n = 0, place = at - reach + 1 - first; n < 2 * reach; n++, place++) sum += weights[n] * all[place];
        out.push(sum);
        next += 1;
      }
      const from = Math.max(0, Math.floor((next * down) / up) - reach + 1 - first);
      kept = all.slice(from);
      first += from;
      return Float32Array.from(out);
    },
  };
}

// ---------------------------------------------------------------- all paths of the likeliest texts

const logAdd = (a, b) => {
  const [most, least] = a > b ? [a, b] : [b, a];
  return least === -Infinity ? most : most + Math.log1p(Math.exp(least - most));
};

/** Nothing was said yet. A prefix has the log chances of its paths that end in a blank, and of those that do not. */
export const silence = () => [{ labels: [], blank: 0, label: -Infinity, all: 0 }];

/** Read one more frame of log chances, blank first: every prefix stays, or grows by one label; equal ones are added. */
export function beamStep(beam, log, width = 12) {
  const grown = new Map();
  const put = (labels, part, value) => {
    const key = labels.join();
    if (!grown.has(key)) grown.set(key, { labels, blank: -Infinity, label: -Infinity });
    const prefix = grown.get(key);
    prefix[part] = logAdd(prefix[part], value);
  };
  for (const { labels, blank, label, all } of beam) {
    put(labels, "blank", all + log[0]);
    for (let k = 1; k < log.length; k++) {
      if (k === labels.at(-1)) {
        put(labels, "label", label + log[k]); // the same sound goes on
        put([...labels, k], "label", blank + log[k]); // said again, after a blank
      } else put([...labels, k], "label", all + log[k]);
    }
  }
  for (const prefix of grown.values()) prefix.all = logAdd(prefix.blank, prefix.label);
  return [...grown.values()].filter(({ all }) => all > -Infinity).sort((a, b) => b.all - a.all).slice(0, width);
}

// ---------------------------------------------------------------- a listener

/** A listener of one direction, ready to hear: its labels, and how to begin. */
export function open(bytes) {
  const { weights, card, build } = readModel(bytes);
  const { layers, bidirectional } = lstmShape(weights, "lstm");
  if (bidirectional || !layers) throw new Error("got a listener that hears the future, expected one direction");
  const cells = Array.from({ length: layers }, (_, layer) => lstmLayer(weights, "lstm", { layer }));
  const [mean, spread] = [weights.mean.data, weights.spread.data];
  return { labels: card.labels, card, stack: build.arguments.stack, weights, cells, mean, spread };
}

/**
 * An ear that hears samples piece by piece. hear(samples) is a generator that yields after each frame; it calls
 * each({ frames, log, beam, memory }) for every step of the network: features of its frames, log chances, the likeliest
 * texts so far, and what the last layer holds.
 */
export function ear(network, { width = 12, each }) {
  const { stack, mean, spread, weights, cells } = network;
  let states = cells.map((cell) => cell.zero());
  let beam = silence();
  let waiting = new Float32Array(0);
  let frames = [];
  return {
    *hear(samples) {
      const all = new Float32Array(waiting.length + samples.length);
      all.set(waiting);
      all.set(samples, waiting.length);
      let start = 0;
      for (; start + FRAME <= all.length; start += HOP) {
        frames.push(logMel(all.subarray(start, start + FRAME)));
        if (frames.length === stack) {
          const scaled = frames.map((frame) => frame.map((value, m) => (value - mean[m]) / spread[m]));
          let x = Float32Array.from(scaled.flatMap((frame) => [...frame]));
          states = cells.map((cell, layer) => {
            const state = cell.step(x, states[layer]);
            x = state.h;
            return state;
          });
          const log = logSoftmax(linear(weights, "readout", x));
          beam = beamStep(beam, log, width);
          each({ frames, log, beam, memory: states.at(-1).c.map(Math.tanh) });
          frames = [];
        }
        yield;
      }
      waiting = all.slice(start);
    },
  };
}
