// What the explorables share: elements, chance, numbers as text, scales and panels, sliders, questions, presets.
//
// Shared classes begin with lw- and have their rules in parts.css.

// ---------------------------------------------------------------- elements

/** Make an HTML element: make("p", { className: "note" }, "text", child, …). */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Make an SVG element with attributes. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Turn the two marks of a text into elements: [forget:f] has the colour of the forget gate, h_{t−1} has an index. */
export function rich(text) {
  const pieces = text.split(/(\[\w+:[^\]]*\]|_\{[^}]*\})/);
  return pieces.filter(Boolean).map((piece) => {
    const [, family, inside] = piece.match(/^\[(\w+):(.*)\]$/) ?? [];
    if (family) return make("span", { className: `lw-word lw-${family}` }, ...rich(inside));
    return piece.startsWith("_{") ? make("sub", {}, piece.slice(2, -1)) : piece;
  });
}

// In a notebook every explorable brings its own copy of this module, so the count is kept where all copies find it.
const COUNT = Symbol.for("lstm_lib.widgets.count");

/** A name that nothing else on the page has: for ids, and for radio buttons that belong together. */
export function unique(stem) {
  globalThis[COUNT] = (globalThis[COUNT] ?? 0) + 1;
  return `lw-${stem}-${globalThis[COUNT]}`;
}

/** The root of an explorable, a group with a name. */
export function stage(className, label) {
  const root = make("div", { className: `lstm-widget ${className}` });
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", `Explorable: ${label}`);
  return root;
}

/** A place whose text is read aloud when it changes. */
export function spoken(tag, className) {
  const element = make(tag, { className });
  element.setAttribute("role", "status");
  return element;
}

/** Tell the page what the reader did: "lstm:done" with { kind, id, passed, mistake, answer }. In a notebook nobody listens. */
export function report(detail) {
  document.dispatchEvent(new CustomEvent("lstm:done", { detail }));
}

/** Keep JupyterLab from taking the arrow keys of an input for itself. */
export function guarded(input) {
  input.dataset.lmSuppressShortcuts = "true";
  return input;
}

// ---------------------------------------------------------------- chance

/** Numbers between 0 and 1 by chance (mulberry32); the same seed gives the same numbers. */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

// ---------------------------------------------------------------- numbers as text

/** A number as text, with a minus that is one; nothing is "−0". */
export const minus = (text) => (Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−"));
export const num = (x, digits = 2) => minus(x.toFixed(digits));

/** A share of the scale, with more digits where rounding would make it look like none or all. */
function shown(share, scale, digits) {
  const texts = [0, 1, 2].map((more) => (scale * share).toFixed(digits + more));
  const exact = share === 0 || Math.abs(share) === 1;
  return minus(texts.find((text) => exact || ![0, scale].includes(Math.abs(Number(text)))) ?? texts[2]);
}
export const squashed = (x) => shown(x, 1, 2);
export const percent = (share, digits = 0) => `${shown(share, 100, digits)} %`;

export const superscript = (digits) => [...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");

/** A size in two digits. */
export function small(x) {
  const size = Math.abs(x);
  if (size === 0) return "0";
  if (size >= 0.001) return size.toPrecision(2);
  const [digits, power] = size.toExponential(0).split("e-");
  return `${digits} × 10⁻${superscript(power)}`;
}

// ---------------------------------------------------------------- scales and panels

/** A scale turns a value into a position between two ends; values beyond the ends stay at them. */
export function linear([from, to], [start, end]) {
  return (value) => start + ((Math.min(Math.max(value, from), to) - from) / (to - from)) * (end - start);
}

export function logarithmic([from, to], ends) {
  const scale = linear([Math.log10(from), Math.log10(to)], ends);
  return (value) => scale(Math.log10(Math.max(value, from)));
}

/** Move the heights of labels apart until each can be read: down one after the other, then up again from the floor. */
export function spread(heights, [top, floor], distance = 15) {
  const moved = [...heights];
  const order = heights.map((_, n) => n).sort((a, b) => heights[a] - heights[b]);
  for (const n of order) top = (moved[n] = Math.max(moved[n], top)) + distance;
  for (const n of order.reverse()) floor = (moved[n] = Math.min(moved[n], floor)) - distance;
  return moved;
}

/** A title over a picture. */
export const titled = (title, svg, kind = "") =>
  make("div", { className: "lw-panel" }, make("p", { className: `lw-title ${kind}` }, title), svg);

/**
 * A panel: grid and axis labels in a box { width, height, left, right, top, bottom }, the last four its margins.
 * x and y are a kind of scale with its domain, [linear, [0, 1]]; ticks are rows of [value, text].
 * Returns the figure, the drawing, the group into which curves go, both scales, and a place for names at the right.
 */
export function panel({ title, box, x, y, xTicks, yTicks, xLabel, yLabel }) {
  const { width, height, left, right, top, bottom } = box;
  const [end, floor] = [width - right, height - bottom];
  const xScale = x[0](x[1], [left, end]);
  const yScale = y[0](y[1], [floor, top]);
  const grid = draw("g", { class: "lw-grid" });
  for (const [value, text] of yTicks) {
    grid.append(draw("path", { d: `M${left} ${yScale(value)}H${end}` }));
    grid.append(draw("text", { x: left - 6, y: yScale(value) + 4, "text-anchor": "end" }, text));
  }
  for (const [value, text] of xTicks) {
    grid.append(draw("text", { x: xScale(value), y: floor + 17, "text-anchor": "middle" }, text));
  }
  grid.append(draw("text", { x: (left + end) / 2, y: height - 5, "text-anchor": "middle" }, xLabel));
  grid.append(draw("text", { transform: `translate(11 ${(top + floor) / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel));
  const curves = draw("g");
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, grid, curves);
  /** Names at the right end of what they name: rows of { text, kind, value }. */
  const names = (rows) => {
    const heights = spread(rows.map(({ value }) => yScale(value) + 4), [top, floor + 4]);
    return rows.map(({ text, kind }, n) => draw("text", { class: `lw-name ${kind}`, x: end + 8, y: heights[n] }, text));
  };
  return { figure: titled(title, svg), svg, curves, xScale, yScale, names };
}

// ---------------------------------------------------------------- what the reader moves

/**
 * A slider with its label and its value beside it. While it is dragged, the words that follow from it are not read aloud.
 * label is a list of texts and elements; words is their place, made by spoken(); describe turns a value into text.
 */
export function slider({ label, kind = "", min, max, step = 1, describe, words, moved }) {
  const input = guarded(make("input", { type: "range", id: unique("slider"), min, max, step }));
  const value = make("span", { className: "lw-value" }); // not an <output>, which is read aloud at every change
  input.addEventListener("input", () => {
    words.setAttribute("aria-busy", "true");
    moved(Number(input.value));
  });
  input.addEventListener("change", () => words.setAttribute("aria-busy", "false"));
  const show = (now) => {
    input.value = now;
    value.textContent = describe(now);
    input.setAttribute("aria-valuetext", value.textContent);
  };
  const row = make("div", { className: `lw-slider ${kind}` }, make("label", { htmlFor: input.id }, ...label), input, value);
  return { input, row, show };
}

/** A slider that stands for one value of the model. */
export function modelSlider(model, key, { label, ...options }) {
  const moved = (value) => {
    model.set(key, value);
    model.save_changes();
  };
  const made = slider({ ...options, label: [label], moved });
  const show = () => made.show(model.get(key));
  model.on(`change:${key}`, show);
  show();
  return { ...made, show };
}

/**
 * Folds with controls, of which at most one is open, so that few are in sight: rows of { name, rows }, the first is open.
 * now(n, text) writes beside the name of a fold how its controls stand.
 */
export function folds(groups) {
  const stands = groups.map(() => make("span", { className: "lw-fold-now" }));
  const all = groups.map(({ name, rows }, n) => {
    const summary = make("summary", {}, make("span", {}, ...[name].flat()), stands[n]);
    summary.dataset.lmSuppressShortcuts = "true";
    const fold = make("details", { className: "lw-fold", open: n === 0 }, summary, make("div", { className: "lw-fold-rows" }, ...rows));
    fold.addEventListener("toggle", () => {
      if (fold.open) all.filter((other) => other !== fold).forEach((other) => (other.open = false));
    });
    return fold;
  });
  const now = (n, text) => stands[n].replaceChildren(...[text].flat());
  return { all, now };
}

/** Radio buttons that belong together, from [value, text] pairs. */
export function radios(options) {
  const name = unique("choice");
  const buttons = options.map(([value]) => guarded(make("input", { type: "radio", name, value })));
  return { name, buttons, rows: buttons.map((button, n) => make("label", {}, button, ` ${options[n][1]}`)) };
}

/** Buttons that set several values at once, from [name, values] pairs; the one whose values are set is pressed. */
export function presets(label, situations, { current, choose }) {
  const buttons = situations.map(([name, values]) => {
    const button = make("button", { type: "button" }, name);
    button.addEventListener("click", () => choose(values));
    return button;
  });
  const group = make("div", { className: "lw-presets" }, ...buttons);
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", label);
  const show = () => {
    const now = current();
    situations.forEach(([, values], n) => {
      const on = Object.keys(values).every((key) => values[key] === now[key]);
      buttons[n].setAttribute("aria-pressed", `${on}`);
    });
  };
  show();
  return { group, show };
}

/**
 * A question that comes before an explorable, which stays hidden until the reader has guessed or skipped; then the verdict.
 * The guess is kept in the model, "" before it; first() gives the control that has the focus afterwards.
 */
export function guessFirst(model, { question, answers, verdict, explorable, first }) {
  explorable.classList.add("lw-explorable"); // on paper it is shown as it stands, guess or no guess
  const { buttons, rows } = radios(Object.entries(answers));
  const check = make("button", { type: "submit" }, "Check my guess");
  const skip = make("button", { type: "button" }, "Show without guessing");
  const form = make("form", {}, make("fieldset", {}, make("legend", {}, question), ...rows, check, " ", skip));
  const said = spoken("p", "lw-verdict");
  const answer = (guess) => {
    model.set("guess", guess);
    model.save_changes();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const guess = buttons.find(({ checked }) => checked);
    if (guess) answer(guess.value);
    else said.textContent = "Choose an answer first: a guess is enough.";
  });
  skip.addEventListener("click", () => answer("skipped"));

  function reveal() {
    const guess = model.get("guess");
    form.hidden = guess !== "";
    explorable.hidden = guess === "";
    said.textContent = guess in answers ? verdict(guess) : "";
  }
  model.on("change:guess", () => {
    reveal();
    if (!explorable.hidden) first().focus(); // the button that had the focus is gone
  });
  reveal();
  return [form, said];
}

// ---------------------------------------------------------------- the address of the page

/** Checks of what an address gives: a number between two ends, one of some words. */
export const within = (min, max) => (value) => Number.isFinite(value) && min <= value && value <= max;
export const oneOf = (words) => (value) => words.includes(value);

const ADDRESSED = Symbol.for("lstm_lib.widgets.addressed"); // how often each name was given on this page

/** A value of a model; a dot looks into a dictionary. */
function inside(model, key) {
  const [whole, part] = key.split(".");
  return part ? model.get(whole)[part] : model.get(whole);
}

/** What a fragment says of an explorable, as texts: "#truncation=lag:9,mode:carry" gives { lag: "9", mode: "carry" }. */
export function fromFragment(fragment, name) {
  if (!fragment.startsWith(`#${name}=`)) return null;
  const pairs = fragment.slice(name.length + 2).split(",").map((pair) => pair.split(/:(.*)/s, 2).map(unescaped));
  return Object.fromEntries(pairs.filter(([key, text]) => key && text));
}

/** A text as what the model holds: a number, yes or no, a word. */
function like(sample, text) {
  if (typeof sample === "number") return Number(text);
  return typeof sample === "boolean" ? text === "true" : text;
}

function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // a broken link
  }
}

export const toFragment = (name, values) =>
  `#${name}=${Object.entries(values).map(([key, value]) => `${key}:${encodeURIComponent(value)}`).join(",")}`;

/**
 * Keep what the reader has set in the address of the page, so that a link restores it; only on a website, where the
 * model says so (model.website). Call it last in render, when the root is in the page and its listeners are there.
 * checks: { w: within(0, 1), mode: oneOf(["a", "b"]), "values.f": within(0, 1) }, a number, a word, or true and false
 * each; a dot looks into a dictionary. What an address gives is set only if its check holds. Two of one name are told apart by their order.
 */
export function addressed(model, root, stem, checks) {
  if (!model.website) return;
  const counts = (globalThis[ADDRESSED] ??= {});
  counts[stem] = (counts[stem] ?? 0) + 1;
  const name = counts[stem] > 1 ? `${stem}-${counts[stem]}` : stem;
  const keys = Object.keys(checks);
  const start = Object.fromEntries(keys.map((key) => [key, inside(model, key)]));
  let restoring = false;
  let waiting;

  function restore() {
    const given = fromFragment(location.hash, name);
    if (!given) return;
    restoring = true;
    const named = keys.filter((key) => Object.hasOwn(given, key)).map((key) => [key, like(start[key], given[key])]);
    const values = { ...start, ...Object.fromEntries(named.filter(([key, value]) => checks[key](value))) };
    for (const key of keys) {
      const [whole, part] = key.split(".");
      model.set(whole, part ? { ...model.get(whole), [part]: values[key] } : values[key]);
    }
    model.save_changes();
    restoring = false;
    const look = () => root.scrollIntoView({ block: "start" });
    if (document.readyState === "complete") look();
    else addEventListener("load", look, { once: true });
  }

  function keep() {
    const changed = keys.filter((key) => inside(model, key) !== start[key]);
    const fragment = toFragment(name, Object.fromEntries(changed.map((key) => [key, inside(model, key)])));
    const here = location.pathname + location.search;
    if (changed.length) history.replaceState(history.state, "", here + fragment);
    else if (fromFragment(location.hash, name)) history.replaceState(history.state, "", here);
  }

  for (const whole of new Set(keys.map((key) => key.split(".")[0]))) {
    model.on(`change:${whole}`, () => {
      if (restoring) return;
      clearTimeout(waiting);
      waiting = setTimeout(keep, 300); // browsers allow some hundred writes a minute, and a drag makes sixty a second
    });
  }
  addEventListener("hashchange", restore);
  restore();
}
