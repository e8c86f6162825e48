// One gate of one unit under the finger: what it reads, what it decides, what it lets through.
//
// h and x stand for h_{t−1} and x_t, the short-term memory before this step and the event; c is the long-term memory
// that the gate reads: c_{t−1}, but the new c_t in the standard use gate. w_fh is the weight of h in the forget gate f.
// The first half of this file is arithmetic and words (tests hold the numbers to Python's), the second half draws.

import { drawnUse, lstmStep, remember, sigmoid, use } from "./cell.js";
import { addressed, draw, folds, linear, make, minus, num, percent, presets, rich, slider, spoken, squashed, stage, within } from "./parts.js";

// ---------------------------------------------------------------- arithmetic

const only = (numbers) => Object.fromEntries(Object.entries(numbers).map(([name, [number]]) => [name, number]));

/** The numbers of one step of an LSTM of one unit. Gates that have no sliders have no weights, and are not looked at. */
function step(v) {
  const params = {
    W: ["i", "f", "g", "o"].map((gate) => [[v[`w_${gate}h`] ?? 0, v[`w_${gate}x`] ?? 0]]),
    b: ["i", "f", "g", "o"].map((gate) => [v[`b_${gate}`] ?? 0]),
  };
  return lstmStep(params, [v.x], { h: [v.h], c: [v.c ?? 0] });
}

/** The numbers of one step of each gate, from where its sliders stand. */
export const COMPUTE = {
  remember(v) {
    return only(remember({ i: [v.i], f: [v.f], g: [v.g] }, [v.c]));
  },
  learn(v) {
    const { a_i, i, a_g, g, learned } = step(v);
    return only({ a_i, i, a_g, g, learned });
  },
  forget(v) {
    const { a_f, f, kept } = step(v);
    return only({ a_f, f, kept });
  },
  use(v) {
    const { a_o, o } = step(v);
    return only({ a_o, o, ...use(o, [v.c]) });
  },
  "drawn use"(v) {
    const { a_o, o } = step(v);
    const { kept } = remember({ i: [0], f: [v.f], g: [0] }, [v.c]);
    return only({ a_o, o, kept, ...drawnUse({ W_u: [[v.w_u]], b_u: [v.b_u] }, o, kept) });
  },
  "both uses"(v) {
    const { kept, learned, c } = remember({ i: [v.i], f: [v.f], g: [v.g] }, [v.c]);
    const drawn = drawnUse({ W_u: [[v.w_u]], b_u: [v.b_u] }, [v.o], kept);
    return only({ kept, learned, c, ...use([v.o], c), a_u: drawn.a_u, drawn_u: drawn.u, drawn_h: drawn.h });
  },
};

// ---------------------------------------------------------------- numbers as text

const remainder = (whole, part) => num(Number(whole.toFixed(2)) - Number(part.toFixed(2))); // what is shown adds up

const factor = (x) => (x < 0 ? `(${squashed(x)})` : squashed(x)); // as it stands behind a dot

/** A sum with the numbers put in: [[weight, value, colour], …, [bias]]. Lines may break before a sign, not after it. */
function sum(terms) {
  const term = ([weight, value, family], n) => {
    const sign = num(weight).startsWith("−") ? (n ? " −\u00a0" : "−") : n ? " +\u00a0" : "";
    return sign + num(Math.abs(weight)) + (family ? `·[${family}:${factor(value)}]` : "");
  };
  return terms.map(term).join("");
}

// ---------------------------------------------------------------- what each gate shows

const [H, X, O, U, SAID] = ["[use:h_{t−1}]", "[event:x_{t}]", "[use:o]", "[use:u]", "[use:h_{t}]"];
const [I, G, F, OLD, NEW] = ["[learn:i]", "[learn:g]", "[forget:f]", "[remember:c_{t−1}]", "[remember:c_{t}]"];

/** One squashing function of h and x: the equation, the same with numbers, the result. */
function squashing(name, family, squash, v, n) {
  const [a, y] = [n[`a_${name}`], n[name]];
  const numbers = sum([[v[`w_${name}h`], v.h, "use"], [v[`w_${name}x`], v.x, "event"], [v[`b_${name}`]]]);
  return {
    left: `[${family}:${name}]`,
    steps: [
      `${squash}(w_{${name},h}·${H} +\u00a0w_{${name},x}·${X} +\u00a0b_{${name}})`,
      `${squash}(${numbers})`,
      `${squash}(${num(a)}) = [${family}:${squashed(y)}]`,
    ],
  };
}

const product = (a, x, b, y, result) => `[${a}:${squashed(x)}]·[${b}:${factor(y)}] = ${result}`;
const keptLine = (f, c, n) => ({ left: "kept", steps: [`${F}·${OLD} = ${product("forget", f, "remember", c, num(n.kept))}`] });
const learnedLine = (i, g, n) => ({ left: "learned", steps: [`${I}·${G} = ${product("learn", i, "learn", g, num(n.learned))}`] });
const saidLine = (n) => ({ left: SAID, steps: [`${O}·${U} = ${product("use", n.o, "use", n.u, `[use:${num(n.h)}]`)}`] });

/** A bar from one value to another; the words after the symbol come from the table of symbols. */
const bar = (label, family, to, more = {}) => ({ label, family, from: 0, to, value: num(to), ...more });
const rest = (label, family, from, to) => ({ label, family, from, to, value: remainder(to, from), kind: "rest" });

/** For each gate: its title, sliders in groups, reach of the bars; and equations, curves, bars and words
 *  from v, where the sliders stand, and n, the numbers that follow. */
export const GATES = {
  remember: {
    title: "The remember gate: a sum",
    family: "remember",
    memory: OLD,
    reach: 3,
    groups: [[`From the forget gate: kept ${F}·${OLD}`, "f", "c"], [`From the learn gate: learned ${I}·${G}`, "i", "g"]],
    equations: (v, n) => [
      keptLine(v.f, v.c, n),
      learnedLine(v.i, v.g, n),
      { left: NEW, steps: ["kept + learned", `${num(n.kept)} + ${factor(n.learned)} = [remember:${num(n.c)}]`] },
    ],
    curves: () => [],
    bars: (v, n) => [
      bar(OLD, "remember", v.c, { symbol: "c", when: "old" }),
      bar(`kept ${F}·${OLD}`, "forget", n.kept),
      bar(`+ learned ${I}·${G}`, "learn", n.c, { from: n.kept, value: num(n.learned) }),
      bar(NEW, "remember", n.c, { symbol: "c", when: "new" }),
    ],
    words(v, n) {
      const said = [`Of the old long-term memory ${num(n.kept)} is kept, ${num(n.learned)} is learned; the new one is their sum, ${num(n.c)}.`];
      if (v.f === 1 && n.learned === 0) said.push("Nothing faded and nothing came in: the memory is what it was.");
      if (Math.abs(n.c) > 1) said.push("Nothing squashes the sum, so a memory can grow beyond 1.");
      return [...said, "The remember gate is no gate: it has no weights and decides nothing."];
    },
  },

  learn: {
    title: "The learn gate",
    family: "learn",
    reach: 1,
    groups: [
      ["What the gate reads", "h", "x"],
      [`Weights of the ignore factor ${I}`, "w_ih", "w_ix", "b_i"],
      [`Weights of the new information ${G}`, "w_gh", "w_gx", "b_g"],
    ],
    equations: (v, n) => [
      squashing("i", "learn", "σ", v, n),
      squashing("g", "learn", "tanh", v, n),
      learnedLine(n.i, n.g, n),
    ],
    curves: (v, n) => [
      { symbol: "i", squash: "σ", a: n.a_i, y: n.i },
      { symbol: "g", squash: "tanh", a: n.a_g, y: n.g },
    ],
    bars: (v, n) => [
      bar(G, "learn", n.g, { symbol: "g" }),
      bar(`learned ${I}·${G}`, "learn", n.learned),
      rest("ignored", "learn", n.learned, n.g),
    ],
    words(v, n) {
      const said = [
        `The gate lets ${percent(n.i)} of the new information through: ` +
          `of ${num(n.g)}, ${num(n.learned)} is learned and ${remainder(n.g, n.learned)} is ignored.`,
      ];
      if (n.i >= 0.9) said.push("Mind the name: an ignore factor of 1 means that nothing is ignored.");
      if (n.i <= 0.1) said.push("Mind the name: an ignore factor of 0 means that everything is ignored.");
      return said;
    },
  },

  forget: {
    title: "The forget gate",
    family: "forget",
    memory: OLD,
    reach: 2,
    groups: [["What the gate reads", "h", "x", "c"], [`Weights of the forget factor ${F}`, "w_fh", "w_fx", "b_f"]],
    equations: (v, n) => [
      squashing("f", "forget", "σ", v, n),
      keptLine(n.f, v.c, n),
    ],
    curves: (v, n) => [{ symbol: "f", squash: "σ", a: n.a_f, y: n.f }],
    bars: (v, n) => [
      bar(OLD, "remember", v.c, { symbol: "c", when: "old" }),
      bar(`kept ${F}·${OLD}`, "forget", n.kept),
      rest("forgotten", "forget", n.kept, v.c),
    ],
    words(v, n) {
      if (v.c === 0) return [`The long-term memory is empty: keeping ${percent(n.f)} of nothing is nothing.`];
      const half = Math.LN2 / -Math.log(n.f);
      const steps = half > 1000 ? "more than 1000" : half < 0.1 ? "less than 0.1" : half.toFixed(1);
      return [
        `The gate keeps ${percent(n.f)} of the long-term memory: ` +
          `of ${num(v.c)}, ${num(n.kept)} is kept and ${remainder(v.c, n.kept)} is forgotten.`,
        `If it said the same at every step, half of the memory would be gone after ${steps} steps.`,
      ];
    },
  },

  use: {
    title: "The use gate of the standard cell",
    family: "use",
    memory: NEW,
    reach: 3,
    groups: [["What the gate reads", "h", "x", "c"], [`Weights of the use factor ${O}`, "w_oh", "w_ox", "b_o"]],
    equations: (v, n) => [
      squashing("o", "use", "σ", v, n),
      { left: U, steps: [`tanh(${NEW}) = tanh([remember:${num(v.c)}]) = [use:${squashed(n.u)}]`] },
      saidLine(n),
    ],
    curves: (v, n) => [
      { symbol: "o", squash: "σ", a: n.a_o, y: n.o },
      { symbol: "u", squash: "tanh", a: v.c, y: n.u },
    ],
    bars: (v, n) => [
      bar(NEW, "remember", v.c, { symbol: "c", when: "new" }),
      bar(U, "use", n.u, { symbol: "u" }),
      bar(`${SAID} = ${O}·${U}`, "use", n.h, { symbol: "h", when: "new", limits: n.o }),
      rest("not said", "use", n.h, n.u),
    ],
    words(v, n) {
      const said = [
        `The gate says ${percent(n.o)} of what the memory offers: of ${num(n.u)}, ${num(n.h)} is said.`,
        `Whatever the memory holds, h stays between −${squashed(n.o)} and ${squashed(n.o)}, the two marks.`,
      ];
      const more = Math.tanh(Math.abs(v.c) + 1) - Math.tanh(Math.abs(v.c));
      if (Math.abs(v.c) >= 2) said.push(`tanh is saturated: a memory further from 0 by 1 would offer only ${more.toFixed(3)} more.`);
      if (n.o <= 0.1 && v.c !== 0) said.push(`What is not said is not forgotten: the memory still holds ${num(v.c)}.`);
      return said;
    },
  },

  "drawn use": {
    title: "The use gate as the article draws it",
    family: "use",
    memory: OLD,
    reach: 2,
    groups: [
      ["What the gate reads", "h", "x", "c", "f"],
      [`Weights of the use factor ${O}`, "w_oh", "w_ox", "b_o"],
      [`Weights of what the memory offers ${U}`, "w_u", "b_u"],
    ],
    equations: (v, n) => [
      squashing("o", "use", "σ", v, n),
      keptLine(v.f, v.c, n),
      {
        left: U,
        steps: [`tanh(w_{u}·kept + b_{u})`, `tanh(${sum([[v.w_u, n.kept, "forget"], [v.b_u]])})`, `tanh(${num(n.a_u)}) = [use:${squashed(n.u)}]`],
      },
      saidLine(n),
    ],
    curves: (v, n) => [
      { symbol: "o", squash: "σ", a: n.a_o, y: n.o },
      { symbol: "u", squash: "tanh", a: n.a_u, y: n.u },
    ],
    bars: (v, n) => [
      bar(OLD, "remember", v.c, { symbol: "c", when: "old" }),
      bar(`kept ${F}·${OLD}`, "forget", n.kept),
      { label: `learned ${I}·${G}`, kind: "absent", note: "not in this formula", value: "–" },
      bar(U, "use", n.u, { symbol: "u" }),
      bar(`${SAID} = ${O}·${U}`, "use", n.h, { symbol: "h", when: "new", limits: n.o }),
      rest("not said", "use", n.h, n.u),
    ],
    words(v, n) {
      const said = [
        `The gate says ${percent(n.o)} of what the memory offers: of ${num(n.u)}, ${num(n.h)} is said.`,
        "It reads what was kept, before anything is added: " +
          "what is learned in this step (i·g) is not in the formula and cannot be heard before the next step.",
      ];
      if (n.kept === 0) said.push("Nothing was kept, so what it offers is tanh(b_{u}): a bias, not a memory.");
      if (v.w_u === 1 && v.b_u === 0) {
        said.push("With w_{u} = 1 and b_{u} = 0 one difference is left: the standard gate reads c_{t}, with what is learned in it.");
      }
      return said;
    },
  },

  "both uses": {
    title: "The two use gates, side by side",
    family: "use",
    memory: OLD,
    reach: 3,
    groups: [
      ["What is kept", "c", "f"],
      ["What is learned", "i", "g"],
      ["The share that is said, and the drawn gate's own weights", "o", "w_u", "b_u"],
    ],
    equations: (v, n) => [
      keptLine(v.f, v.c, n),
      learnedLine(v.i, v.g, n),
      { left: NEW, steps: [`${num(n.kept)} + ${factor(n.learned)} = [remember:${num(n.c)}]`] },
      {
        left: "standard",
        steps: [`${O}·tanh(${NEW})`, `[use:${squashed(v.o)}]·tanh([remember:${num(n.c)}]) = [use:${num(n.h)}]`],
      },
      {
        left: "drawn",
        steps: [
          `${O}·tanh(w_{u}·kept + b_{u})`,
          `[use:${squashed(v.o)}]·tanh(${sum([[v.w_u, n.kept, "forget"], [v.b_u]])}) = [use:${num(n.drawn_h)}]`,
        ],
      },
    ],
    curves: () => [],
    bars: (v, n) => [
      bar(`kept ${F}·${OLD}`, "forget", n.kept),
      bar(`+ learned ${I}·${G}`, "learn", n.c, { from: n.kept, value: num(n.learned) }),
      bar(NEW, "remember", n.c, { symbol: "c", when: "new" }),
      bar(`${SAID}, standard`, "use", n.h, { limits: v.o }),
      bar(`${SAID}, drawn`, "use", n.drawn_h, { limits: v.o }),
    ],
    words(v, n) {
      const said = [
        `Both say ${percent(v.o)} of what their memory offers: the standard gate ${num(n.h)}, the drawn gate ${num(n.drawn_h)}.`,
      ];
      if (n.learned === 0 && v.w_u === 1 && v.b_u === 0) said.push("Nothing is learned, and both say the same.");
      if (n.kept === 0) said.push("Nothing is kept: the drawn gate has only its bias b_{u} to speak of.");
      return said;
    },
  },
};

/** Where a slider can go. */
export function range(key, gate) {
  if (key === "h" || key === "g") return [-1, 1, 0.05];
  if (key === "x") return [-2, 2, 0.1];
  if (key === "c") return gate === "use" ? [-3, 3, 0.1] : [-2, 2, 0.1];
  if (["f", "i", "o"].includes(key)) return [0, 1, gate === "both uses" ? 0.01 : 0.05];
  if (key.startsWith("b_")) return [-6, 6, 0.1];
  return [-12, 12, 0.1]; // weights: 12 with a bias of −6 turns a flag into 0.998 and 0.002
}

/** Symbol and words of a slider. */
function label(key, gate, symbols) {
  const names = { h: H, x: X, c: gate.memory, f: F, i: I, g: G, o: O };
  if (key in names) return [names[key], both(symbols[key])];
  const [kind, index] = key.split("_");
  if (kind === "b") return [`b_{${index}}`, "bias"];
  if (index === "u") return ["w_{u}", "for kept"];
  // With a comma: weight_ih is PyTorch's name for input to hidden.
  return [`w_{${index[0]},${index[1]}}`, `for ${index.endsWith("h") ? H : X}`];
}

/** Both vocabularies: the everyday word and the field's. */
const both = ({ everyday, standard }) => `${everyday}\u00a0· ${standard.replaceAll(" ", "\u00a0")}`;

// ---------------------------------------------------------------- drawing

/** Equations in two columns: what is computed, and how; a long sum may break before a plus. */
function equationList(equations) {
  const rows = equations.flatMap(({ left, steps }) => [
    make("span", { className: "ge-left" }, ...rich(left)),
    make("span", { className: "ge-steps" }, ...steps.map((step) => make("span", {}, "= ", ...rich(step)))),
  ]);
  return make("div", { className: "ge-equations" }, ...rows);
}

const CURVE = { left: 26, right: 232, top: 20, bottom: 98 };

/** The squashing function with the point at which it stands. */
function curve({ symbol, squash, a, y }, symbols) {
  const [squeeze, low, end] = squash === "σ" ? [sigmoid, 0, 6] : [Math.tanh, -1, 4];
  const { left, right, top, bottom } = CURVE;
  const across = linear([-end, end], [left, right]);
  const down = linear([low, 1], [bottom, top]);
  const points = Array.from({ length: 61 }, (_, k) => (k / 30 - 1) * end);
  const text = (content, attributes) => draw("text", attributes, content);
  const frame = `M${left} ${top}H${right}M${left} ${bottom}H${right}M${left} ${down(0)}H${right}M${across(0)} ${top}V${bottom}`;
  const line = points.map((p) => `${across(p).toFixed(1)} ${down(squeeze(p)).toFixed(1)}`).join("L");
  const svg = draw(
    "svg",
    { viewBox: "0 0 240 118", role: "img", "aria-label": `Curve of ${squash}: at ${num(a)} it gives ${squashed(y)}.` },
    draw("path", { class: "ge-grid", d: frame }),
    ...[...new Set([low, 0, 1])].map((value) => text(minus(`${value}`), { x: left - 6, y: down(value) + 4, "text-anchor": "end" })),
    ...[-end, 0, end].map((value) => text(minus(`${value}`), { x: across(value), y: bottom + 16, "text-anchor": "middle" })),
    draw("path", { class: `ge-curve ge-${squash === "σ" ? "gate" : "content"}`, d: `M${line}` }),
    draw("path", { class: "ge-guide", d: `M${across(a)} ${bottom}V${down(y)}H${left}` }),
    draw("circle", { cx: across(a), cy: down(y), r: 5 }),
    text(`${squash}(${num(a)}) = ${squashed(y)}`, { class: "ge-at", x: left, y: top - 9 }),
  );
  const { family } = symbols[symbol];
  const title = make("p", {}, make("b", { className: `lw-word lw-${family}` }, symbol), ` ${both(symbols[symbol])}`);
  return make("div", { className: `ge-squashing lw-${family}` }, title, svg);
}

/** Rows of bars on one axis: what comes in, what is let through, what is left behind. */
function barList(bars, reach, symbols) {
  const at = linear([-reach, reach], [0, 100]);
  const rows = bars.map(({ label, symbol, when, family, from, to, value, kind = "whole", limits, note }) => {
    const name = make("span", { className: "ge-name" }, make("b", {}, ...rich(label)));
    if (symbol) name.append(` ${both(symbols[symbol])}${when ? `, ${when}` : ""}`);
    if (note) name.append(` ${note}`);
    const track = make("span", { className: "ge-track" });
    track.ariaHidden = "true";
    if (kind !== "absent") {
      const block = make("span", { className: `ge-bar ge-${kind} ge-fill-${family}` });
      block.style.left = `${Math.min(at(from), at(to))}%`;
      block.style.width = `${Math.abs(at(to) - at(from))}%`;
      track.append(block);
    }
    for (const limit of limits === undefined ? [] : [-limits, limits]) {
      const mark = track.appendChild(make("span", { className: "ge-limit" }));
      mark.style.left = `${at(limit)}%`;
    }
    return make("li", { className: `ge-row ge-row-${kind}` }, name, track, make("span", { className: "lw-value" }, value));
  });
  const ticks = [-reach, 0, reach].map((value) => make("span", {}, minus(`${value}`)));
  const axis = make("div", { className: "ge-axis" }, ...ticks);
  axis.ariaHidden = "true";
  return make("div", { className: "ge-bars" }, make("ul", {}, ...rows), axis);
}

// ---------------------------------------------------------------- the explorable

const FEW = 4;

function render({ model, el }) {
  const name = model.get("gate");
  const gate = GATES[name];
  const symbols = model.get("symbols");
  const root = stage("gate-explorer", gate.title);
  const words = spoken("p", "ge-words");
  const change = (values) => {
    model.set("values", { ...model.get("values"), ...values });
    model.save_changes();
  };

  const sliders = {};
  function row(key) {
    const [min, max, step] = range(key, name);
    const [symbol, said] = label(key, gate, symbols);
    const kind = `lw-of-${symbols[key]?.family ?? gate.family}${key in symbols ? "" : " ge-weight"}`;
    const parts = [make("b", {}, ...rich(symbol)), " ", ...rich(said)];
    sliders[key] = slider({ label: parts, kind, min, max, step, words, describe: num, moved: (to) => change({ [key]: to }) });
    return sliders[key].row;
  }

  // At most four sliders are in sight: of more, the groups lie in folds, and a closed one says how its sliders stand.
  const few = gate.groups.flat().length - gate.groups.length <= FEW;
  const folded = few ? null : folds(gate.groups.map(([legend, ...keys]) => ({ name: rich(legend), rows: keys.map(row) })));
  const groups = few
    ? gate.groups.map(([legend, ...keys]) => make("fieldset", { className: "ge-wide" }, make("legend", {}, ...rich(legend)), ...keys.map(row)))
    : folded.all;
  const situations = presets("Situations to try", model.get("presets").map(({ name, values }) => [name, values]), {
    current: () => model.get("values"),
    choose: change,
  });
  const picture = make("div", { className: "ge-picture" });

  function show() {
    const values = model.get("values");
    const numbers = COMPUTE[name](values);
    for (const [key, one] of Object.entries(sliders)) one.show(values[key]);
    situations.show();
    gate.groups.forEach(([, ...keys], n) => folded?.now(n, keys.map((key) => num(values[key])).join(", ")));
    const curves = make("div", { className: "ge-curves" }, ...gate.curves(values, numbers).map((one) => curve(one, symbols)));
    picture.replaceChildren(equationList(gate.equations(values, numbers)), curves, barList(gate.bars(values, numbers), gate.reach, symbols));
    words.replaceChildren(...rich(gate.words(values, numbers).join(" ")));
  }

  model.on("change:values", show);
  show();
  root.append(make("p", { className: "lw-title" }, gate.title));
  if (model.get("question")) root.append(make("p", { className: "ge-question" }, model.get("question")));
  root.append(situations.group, make("div", { className: few ? "ge-groups" : "ge-folds" }, ...groups), picture, words);
  el.append(root);
  const checks = Object.keys(sliders).map((key) => [`values.${key}`, within(...range(key, name).slice(0, 2))]);
  addressed(model, root, `${name.replace(" ", "-")}-gate`, Object.fromEntries(checks));
}

export default { render };
