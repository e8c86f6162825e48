// Say a digit: a listener hears the reader's voice, or a built-in sound, and tells what it understands while it hears.
//
// The microphone is asked for by a click only, and what it hears stays in the page: nothing is sent, nothing is kept.

import { ear, HOP, open, RATE, resampler } from "./hearing.js";
import { draw, linear as scale, make, percent, slider, spoken, stage } from "./parts.js";
import { shipped, sliced } from "./engine.js";

const LONGEST = 10; // seconds
const [BEFORE, AFTER] = [0.1, 0.3]; // seconds of quiet around a built-in sound
const SHOWN = 300; // frames in the picture

// ---------------------------------------------------------------- words

export const readAs = (labels, names) => labels.map((k) => names[k - 1]).join(" ") || "(nothing)";

/** A chance in percent; one that is next to none, or to all, is not shown as none or all. */
export function chance(share) {
  if (share > 0 && share < 0.001) return `< ${percent(0.001, 1)}`;
  return share > 0.999 && share < 1 ? `> ${percent(0.999, 1)}` : percent(share, 1);
}

/** What was understood by some step, in words. */
export function stepWords(steps, at, names, seconds) {
  const [{ labels, all }, other] = steps[at].beam;
  const second = other ? `; next, ${readAs(other.labels, names)} with ${chance(Math.exp(other.all))}` : "";
  return `After ${seconds(at).toFixed(2)} seconds: ${readAs(labels, names)}, with a chance of ${chance(Math.exp(all))}${second}.`;
}

/** Samples from -1 to 1, from bytes in base64: 8 bits each, 128 is quiet. */
export function decode(text) {
  const quiet = (seconds) => new Array(Math.round(seconds * RATE)).fill(0);
  const bytes = Array.from(atob(text), (character) => (character.charCodeAt(0) - 128) / 127);
  return Float32Array.from([...quiet(BEFORE), ...bytes, ...quiet(AFTER)]);
}

// ---------------------------------------------------------------- the microphone

const MISSING = { NotFoundError: "No microphone was found.", NotAllowedError: "The microphone was not allowed." };

/** What to say of an error. */
const problem = ({ name, message }) =>
  name in MISSING ? `${MISSING[name]} The built-in sounds need none.` : `That did not work: ${message}.`;

const WORKLET = `registerProcessor("lstm-ear", class extends AudioWorkletProcessor {
  process([[samples]]) { if (samples) this.port.postMessage(samples.slice()); return true; }
});`;

/** A node that hands on samples, in a thread of its own. */
async function thread(context, heard) {
  const address = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }));
  await context.audioWorklet.addModule(address);
  URL.revokeObjectURL(address);
  const node = new AudioWorkletNode(context, "lstm-ear", { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }) => heard(data, context.sampleRate);
  return node;
}

/** The same for browsers that have no such threads. */
function older(context, heard) {
  const node = context.createScriptProcessor(2048, 1, 1);
  node.onaudioprocess = ({ inputBuffer }) => heard(inputBuffer.getChannelData(0).slice(), context.sampleRate);
  node.connect(context.destination);
  return node;
}

/** Listen to the microphone: calls heard(samples, rate) again and again; returns a function that ends it. */
async function microphone(heard) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("this browser gives pages no microphone here");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  const context = new AudioContext();
  const end = () => {
    stream.getTracks().forEach((track) => track.stop());
    if (context.state !== "closed") context.close();
  };
  try {
    const node = await (context.audioWorklet ? thread : older)(context, heard);
    context.createMediaStreamSource(stream).connect(node);
  } catch (error) {
    end();
    throw error;
  }
  return end;
}

/** Play samples once. */
function play(samples) {
  const context = new AudioContext();
  const buffer = context.createBuffer(1, samples.length, RATE);
  buffer.copyToChannel(samples, 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  source.addEventListener("ended", () => context.close());
  source.start();
}

// ---------------------------------------------------------------- pictures

/** The last seconds as a spectrogram; a line marks the step that is looked at. */
function picture() {
  const canvas = make("canvas", { width: SHOWN, height: 80, className: "sd-sound" });
  canvas.setAttribute("role", "img");
  return {
    canvas,
    show(frames, mark) {
      const pen = canvas.getContext("2d");
      pen.clearRect(0, 0, canvas.width, canvas.height);
      const first = Math.max(0, frames.length - SHOWN);
      frames.slice(first).forEach((frame, x) => {
        frame.forEach((value, m) => {
          const share = Math.max(0, Math.min(1, (value + 9) / 13));
          pen.fillStyle = `rgb(${Math.round(255 * share)} ${Math.round(40 + 190 * share)} ${Math.round(110 - 40 * share)})`;
          pen.fillRect(x, 78 - 2 * m, 1, 2);
        });
      });
      if (mark >= first) {
        pen.fillStyle = "#FFFFFF";
        pen.fillRect(mark - first, 0, 2, 80);
      }
      const seconds = ((frames.length * HOP) / RATE).toFixed(1);
      canvas.setAttribute("aria-label", `Spectrogram of ${seconds} seconds, low pitch below, loud bright.`);
    },
  };
}

/** The likeliest texts as bars. */
function bars(beam, names) {
  const items = beam.map(({ labels, all }) => {
    const bar = make("span", { className: "sd-bar" });
    bar.style.width = `${100 * Math.exp(all)}%`;
    const track = make("span", { className: "sd-track" }, bar);
    const share = make("span", { className: "lw-value" }, chance(Math.exp(all)));
    return make("li", {}, make("span", {}, readAs(labels, names)), track, share);
  });
  return make("ol", { className: "sd-bars" }, ...items);
}

/** When each sign was heard: the chance of each label over the steps. */
function spikes(steps, names, at) {
  const [width, height] = [320, 90];
  const [x, y] = [scale([0, Math.max(1, steps.length - 1)], [4, width - 4]), scale([0, 1], [height - 4, 14])];
  const parts = [draw("path", { class: "sd-zero", d: `M0 ${y(0)}H${width}M${x(at)} 0V${height}` })];
  const heard = [];
  for (let k = 1; k <= names.length; k++) {
    const chances = steps.map(({ log }) => Math.exp(log[k]));
    const most = Math.max(...chances);
    if (most < 0.2) continue;
    const top = chances.indexOf(most);
    heard.push(names[k - 1]);
    parts.push(draw("path", { class: "sd-line", d: chances.map((c, n) => `${n ? "L" : "M"}${x(n).toFixed(1)} ${y(c).toFixed(1)}`).join("") }));
    parts.push(draw("text", { x: Math.min(x(top), width - 30), y: y(most) - 2, class: "sd-name" }, names[k - 1]));
  }
  const label = heard.length ? `Chances over time; spikes of ${heard.join(", ")}.` : "Chances over time; no label has a spike.";
  return draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...parts);
}

// ---------------------------------------------------------------- the explorable

function render({ model, el, signal }) {
  const root = stage("say-a-digit", "say a digit");
  const said = spoken("p", "sd-said");
  const verdict = make("p", { className: "sd-verdict" });
  const words = spoken("p", "sd-words");
  const sounds = model.get("sounds");
  let [network, steps, frames] = [undefined, [], []];
  let stop = () => {};
  const names = () => network.labels;
  const seconds = (at) => ((at + 1) * network.stack * HOP) / RATE;

  const speak = make("button", { type: "button" }, "Speak into the microphone");
  const halt = make("button", { type: "button", hidden: true }, "Stop");
  const buttons = sounds.map((sound) => {
    const button = make("button", { type: "button" }, sound.title);
    button.addEventListener("click", () => hearSound(sound));
    return button;
  });
  const group = make("div", { className: "lw-presets" }, ...buttons);
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Built-in sounds");
  const loud = make("input", { type: "checkbox", checked: true });
  loud.dataset.lmSuppressShortcuts = "true";
  const audible = make("label", { className: "sd-loud" }, loud, " play built-in sounds aloud");

  const looking = make("div", { hidden: true });
  const sound = picture();
  const paths = make("div", { className: "lw-panel" });
  const chances = make("div", { className: "lw-panel" });
  const moment = slider({ label: ["Moment"], min: 1, max: 1, describe: (n) => (network ? `${seconds(n - 1).toFixed(2)} s` : ""), words, moved: (n) => look(n - 1) });

  function look(at, aloud = true) {
    if (!steps[at]) return;
    const { beam } = steps[at];
    moment.input.max = steps.length;
    moment.show(at + 1);
    sound.show(frames, (at + 1) * network.stack);
    verdict.textContent = readAs(beam[0].labels, names());
    paths.replaceChildren(make("p", { className: "lw-title" }, "The likeliest texts, all their paths added up"), bars(beam, names()));
    chances.replaceChildren(make("p", { className: "lw-title" }, "Chance of each digit, step by step"), spikes(steps, names(), at));
    if (aloud) words.textContent = stepWords(steps, at, names(), seconds);
  }

  /** Get the network, and an ear that begins anew. */
  async function begin() {
    if (!network) {
      said.textContent = "The network comes: 0.2 MB.";
      network = open(await shipped(model, "voice"));
    }
    [steps, frames] = [[], []];
    looking.hidden = false;
    return ear(network, {
      each(step) {
        frames.push(...step.frames);
        steps.push(step);
      },
    });
  }

  async function attempt(work) {
    const active = () => root.getRootNode().activeElement;
    const focused = active();
    for (const button of [speak, ...buttons]) button.disabled = true;
    try {
      await work();
    } catch (error) {
      said.textContent = problem(error);
    } finally {
      for (const button of [speak, ...buttons]) button.disabled = false;
      if (!active() || active() === document.body) focused?.focus(); // a button that was disabled has lost it
    }
  }

  const hearSound = (one) =>
    attempt(async () => {
      const listener = await begin();
      const samples = decode(one.samples);
      if (loud.checked) play(samples);
      await sliced(listener.hear(samples), { signal });
      look(steps.length - 1);
      said.textContent = `Heard: ${readAs(steps.at(-1).beam[0].labels, names())}. Said: ${one.said}. ${one.by}`;
    });

  const hearMicrophone = () =>
    attempt(async () => {
      const listener = await begin();
      let [convert, waiting, done] = [undefined, [], false];
      const end = await microphone((samples, rate) => {
        convert ??= resampler(rate);
        waiting.push(convert.push(samples));
      });
      stop = () => (done = true);
      signal?.addEventListener("abort", stop);
      halt.hidden = false;
      halt.focus();
      said.textContent = `Listening, up to ${LONGEST} seconds. What you say stays in this page.`;
      try {
        while (!done && frames.length * HOP < LONGEST * RATE) {
          const piece = waiting.shift();
          if (piece) await sliced(listener.hear(piece), {});
          else {
            look(steps.length - 1, false);
            await new Promise((go) => setTimeout(go, 20));
          }
        }
      } finally {
        end();
        halt.hidden = true;
      }
      await sliced(listener.hear(new Float32Array(AFTER * RATE)), { signal });
      look(steps.length - 1);
      said.textContent = `Heard: ${readAs(steps.at(-1).beam[0].labels, names())}.`;
    }).then(() => speak.focus());

  speak.addEventListener("click", hearMicrophone);
  halt.addEventListener("click", () => stop());

  const about = make("p", { className: "sd-about" }, "Digits in English, one or several. The microphone is asked for when you press the button; what it hears is worked out in this page and goes nowhere.");
  looking.append(verdict, sound.canvas, moment.row, words, make("div", { className: "lw-panels" }, paths, chances));
  root.append(about, make("div", { className: "lw-presets" }, speak, halt), group, audible, said, looking);
  el.append(root);
}

export default { render };
