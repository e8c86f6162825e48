// Play the stream: the reader holds the boxes in the head and answers, and networks answer the same questions.
//
// One step at a time, when the reader asks for it. What was written is shown at that step only. The first part of this
// file is the game (tests hold it to Python's numbers), the second finds words, the third draws.

import { shipped } from "./engine.js";
import { addressed, draw, guessFirst, make, oneOf, percent, random, spoken, stage, unique, within } from "./parts.js";
import { SYMBOLS, drawStream, features, kindsOf, likeliest, listener, openPlayers, questions, score } from "./stream.js";

// ---------------------------------------------------------------- the game

export const LEVELS = {
  two: { name: "Two boxes", boxes: 2, T: 18, p_write: 0.25, p_ask: 0.3 },
  four: { name: "Four boxes", boxes: 4, T: 24, p_write: 0.25, p_ask: 0.3 },
  passers: { name: "More passers-by", boxes: 4, T: 28, p_write: 0.1, p_ask: 0.25 },
  waits: { name: "Longer waits", boxes: 4, T: 40, p_write: 0.05, p_ask: 0.12 },
};
export const PLAYERS = { rnn: "RNN", memory: "sum alone", learn: "+ learn", forget: "+ forget", lstm: "LSTM" };
const LEAST = 5; // questions of a stream

/** A game: the stream of a level and a seed, and its questions. */
export function open(level, seed) {
  const { boxes } = LEVELS[level];
  const steps = drawStream(LEVELS[level], seed, LEAST);
  return { level, boxes, steps, asked: questions(steps, boxes) };
}

/** What each player answers to each question of the steps so far: its shares. The players go along with the game. */
export function answersOf(game, { players }, until = game.steps.length) {
  const { boxes, steps } = game;
  game.machines ??= Object.keys(PLAYERS).map((name) => [name, listener(players[`boxes_${boxes}_${name}`]), []]);
  game.heard ??= 0;
  for (; game.heard < until; game.heard++) {
    const step = steps[game.heard];
    for (const [, listen, says] of game.machines) {
      const shares = listen(features(step, boxes));
      if (step.kind === "ask") says.push(shares);
    }
  }
  return Object.fromEntries(game.machines.map(([name, , says]) => [name, says]));
}

/**
 * Where a game stands, from the step that is shown (0 before the first, T + 1 at the end) and the answers so far, a
 * text of digits. What does not fit is cut: there is no answer to a question that was not asked yet, and the game waits
 * at the first question without one.
 */
export function position({ steps, asked }, wanted, answers) {
  const at = Math.max(0, Math.floor(wanted) || 0);
  const given = [...answers].map(Number).filter((n) => n in SYMBOLS).slice(0, asked.filter(({ t }) => t < at).length);
  const waits = asked[given.length]?.t ?? steps.length;
  const shown = Math.min(at, waits + 1);
  const question = asked.findIndex(({ t }) => t === shown - 1);
  return { shown, given, step: steps[shown - 1], question, open: question >= 0 && question >= given.length, over: shown > steps.length };
}

// ---------------------------------------------------------------- words

const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

const NAMES = { stale: "stale", "other box": "other box", intruder: "passer-by", none: "none of these" };

/** The name of a wrong answer, short. */
export function short(kinds) {
  if (kinds[0] === "right") return "right";
  return kinds.length ? kinds.map((kind) => NAMES[kind]).join(", ") : "none";
}

/** The errors of a player, counted. */
export function errorWords(count) {
  const kinds = Object.keys(NAMES).filter((kind) => count[kind]);
  return kinds.map((kind) => `${count[kind]} ${NAMES[kind]}`).join(", ");
}

/** Why an answer was wrong. */
function because(answer, question) {
  const said = SYMBOLS[answer];
  const reasons = {
    stale: `${said} was in box ${question.box + 1} before it was overwritten`,
    "other box": `${said} is in another box`,
    intruder: `${said} passed by last`,
  };
  const kinds = kindsOf(answer, question);
  return kinds.length ? kinds.map((kind) => reasons[kind]).join("; ") : `${said} is in no box, and was not the last to pass by`;
}

/** What a step says. */
export function stepWords({ boxes, steps, asked }, { shown, given, step, question, open, over }) {
  if (!shown) return `${boxes === 2 ? "Two" : "Four"} boxes, closed. The first ${boxes} steps fill them, and you see each symbol once.`;
  if (over) return "";
  const where = `Step ${shown} of ${steps.length}. `;
  if (step.kind === "write") return `${where}${SYMBOLS[step.symbol]} goes into box ${step.box + 1}.`;
  if (step.kind === "pass") return `${where}${SYMBOLS[step.symbol]} passes by, into no box.`;
  if (open) return `${where}What is in box ${step.box + 1}?`;
  const { right } = asked[question];
  const answer = given[question];
  if (answer === right) return `${where}You said ${SYMBOLS[answer]}: right.`;
  return `${where}You said ${SYMBOLS[answer]}. In box ${step.box + 1} is ${SYMBOLS[right]}. ${because(answer, asked[question])}.`;
}

/** What the machines said to a question, for those who do not see the table. */
export function machineWords(machines, names, question) {
  return listed(names.map((name) => {
    const said = likeliest(machines[name][question]);
    return `${PLAYERS[name]} ${SYMBOLS[said]} (${percent(machines[name][question][said])})`;
  }));
}

/** The end: what the reader has, and what was measured on many streams of the level. */
export function endWords({ level, asked }, given, names, measured) {
  const share = (name) => percent(measured.find((row) => row.level === level && row.player === name).right);
  const many = listed(names.map((name) => `${PLAYERS[name]} ${share(name)}`));
  return `You had ${score(given, asked).right} of ${asked.length} right. Over 1,000 streams of this level: ${many}; guessing ${share("guessing")}.`;
}

const QUESTION = "You and five machines play the same stream. Guess first: who breaks first, and with which error?";
const ANSWERS = {
  two: "The RNN and the memory that only adds, already at two boxes: they name what is in the other box",
  stale: "The memory with a learn gate, at two boxes: it names what was overwritten",
  four: "The RNN, at four boxes: it names what has passed by last",
  lstm: "The LSTM, at long waits: it names what has passed by last",
};

/** The verdict on a guess: what was measured on many streams. */
export function verdict(guess, measured) {
  const of = (level, player, what = "right") => percent(measured.find((row) => row.level === level && row.player === player)[what]);
  const opening = guess === "two" ? "Your guess was right." : `Your guess was: “${ANSWERS[guess]}”. It is not so.`;
  return (
    `${opening} At two boxes the RNN has ${of("two", "rnn")} right and the sum alone ${of("two", "memory")}; of their wrong answers ` +
    `${of("two", "rnn", "other box")} and ${of("two", "memory", "other box")} name what is in the other box. At four boxes the memory with a ` +
    `learn gate breaks too (${of("four", "learn")}). With a forget gate, and as a whole LSTM, it has ${of("four", "forget")} and ${of("four", "lstm")}.`
  );
}

// ---------------------------------------------------------------- drawing

const WIDE = 320;

/** The boxes, closed, and over them what is shown at this step. */
function picture({ boxes, asked }, { shown, given, step, question, open }) {
  const width = boxes === 2 ? 64 : 52;
  const middle = (box) => WIDE / 2 + (box - (boxes - 1) / 2) * (width + 18);
  const kinds = (n) => (step?.kind !== "pass" && step?.box === n ? ` ps-${step.kind}` : "");
  const parts = Array.from({ length: boxes }, (_, n) => [
    draw("path", { class: `ps-box${kinds(n)}`, d: `M${middle(n) - width / 2} 74v36h${width}v-36` }),
    draw("path", { class: `ps-lid${kinds(n)}`, d: `M${middle(n) - width / 2 - 4} 72h${width + 8}` }),
    draw("text", { class: "ps-number", x: middle(n), y: 98, "text-anchor": "middle" }, `${n + 1}`),
  ]).flat();
  const tile = (x, kind, text) => [
    draw("rect", { class: `ps-tile ps-${kind}`, x: x - 22, y: 6, width: 44, height: 44, rx: 6 }),
    draw("text", { class: `ps-letter ps-${kind}`, x, y: 38, "text-anchor": "middle" }, text),
  ];
  if (step?.kind === "write") parts.push(...tile(middle(step.box), "write", SYMBOLS[step.symbol]), draw("path", { class: "ps-arrow", d: `M${middle(step.box)} 53v11m-5 -5l5 5l5 -5` }));
  if (step?.kind === "pass") parts.push(draw("text", { class: "ps-passing", x: WIDE / 2, y: 38, "text-anchor": "middle" }, SYMBOLS[step.symbol]), draw("path", { class: "ps-arrow ps-by", d: `M${WIDE / 2 - 64} 30h40m48 0h40m-6 -5l6 5l-6 5` }));
  if (step?.kind === "ask") parts.push(...tile(middle(step.box), "ask", open ? "?" : SYMBOLS[asked[question].right]));
  return draw("svg", { viewBox: `0 0 ${WIDE} 116`, "aria-hidden": "true" }, ...parts);
}

/** A row of the table: who, how many right, the bars, what it was; at the end the errors take the place of both. */
function boardRow(name, count, { cells, said, errors }, kind = "") {
  const rest = errors ? [make("td", { colSpan: SYMBOLS.length + 1, className: "ps-said" }, errors)] : [...cells, make("td", { className: "ps-said" }, said)];
  return make("tr", { className: kind }, make("th", { scope: "row" }, name), make("td", { className: "ps-count" }, count), ...rest);
}

/** The share of a symbol, as a number over a bar. */
function shareCell(share, named) {
  const bar = make("span", { className: "ps-bar" });
  bar.style.width = `${Math.round(100 * share)}%`;
  const number = make("span", { className: "ps-share" }, `${Math.round(100 * share)}`);
  return make("td", { className: named ? "ps-named" : "" }, number, make("span", { className: "ps-track" }, bar));
}

/** The table: you, and each machine with its shares at the question that was just answered. */
function board(game, { given, question, open, over }, machines, names) {
  const now = question >= 0 && !open ? question : -1;
  const right = now >= 0 ? game.asked[now].right : -1;
  const heads = SYMBOLS.map((symbol, n) => make("th", { scope: "col", className: n === right ? "ps-right" : "" }, symbol));
  const head = make("tr", {}, make("th", { scope: "col" }, "player"), make("th", { scope: "col" }, "right"), ...(over ? [make("th", { scope: "col", colSpan: 5 }, "errors")] : [...heads, make("th", { scope: "col" }, "kind")]));
  const row = (name, says, cells, kind) => {
    const count = score(says, game.asked);
    const said = now < 0 ? "" : short(kindsOf(says[now], game.asked[now]));
    return boardRow(name, `${count.right}/${count.given}`, { cells, said, errors: over && (errorWords(count) || "no error") }, kind);
  };
  const rows = [row("You", given, SYMBOLS.map((_, n) => make("td", {}, now >= 0 && given[now] === n ? "●" : "")), "ps-you")];
  for (const name of names) {
    const says = machines?.[name].map(likeliest).slice(0, given.length);
    const cells = SYMBOLS.map((_, n) => (machines && now >= 0 ? shareCell(machines[name][now][n], n === says[now]) : make("td", {})));
    rows.push(machines ? row(PLAYERS[name], says, cells) : boardRow(PLAYERS[name], "", { cells, said: "" }));
  }
  return [make("thead", {}, head), make("tbody", {}, ...rows)];
}

// ---------------------------------------------------------------- the explorable

const fresh = () => 1 + Math.floor(random(Date.now())() * 9998);

function render({ model, el }) {
  const root = stage("play-the-stream", "play the stream");
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab has other plans for digits and arrows
  const words = spoken("p", "ps-words");
  const names = model.get("players");
  const shown = make("div", { className: "ps-picture" });
  const caption = make("caption");
  const table = make("table", { className: "ps-board" }, caption);
  const id = unique("level");
  const select = make("select", { id }, ...Object.entries(LEVELS).map(([value, { name }]) => make("option", { value }, name)));
  const another = make("button", { type: "button" }, "New stream");
  const next = make("button", { type: "button", className: "ps-next" });
  const keys = SYMBOLS.map((symbol, n) => {
    const button = make("button", { type: "button" }, symbol, " ", make("kbd", {}, `${n + 1}`));
    button.setAttribute("aria-keyshortcuts", `${n + 1}`);
    button.addEventListener("click", () => answer(n));
    return button;
  });
  const pad = make("div", { className: "ps-keys" }, ...keys);
  pad.setAttribute("role", "group");
  pad.setAttribute("aria-label", "Your answer");
  const top = make("div", { className: "ps-top" }, make("label", { htmlFor: id }, "Level"), select, another);
  const game = make("div", { className: "ps-game" }, top, shown, words, pad, next);
  const explorable = make("div", { className: "ps-all" }, game, make("div", {}, table));

  let played = open(model.get("level"), model.get("seed"));
  let network;
  let machines;
  let failed = "";

  const set = (values) => {
    for (const [key, value] of Object.entries(values)) model.set(key, value);
    model.save_changes();
  };
  const here = () => position(played, model.get("at"), model.get("answers"));

  async function load() {
    try {
      network ??= openPlayers(await shipped(model, "stream"));
      failed = "";
    } catch (error) {
      failed = ` The machines could not come: ${error.message}.`;
    }
    redraw();
  }

  function redraw() {
    const { level, steps } = played;
    const now = here();
    machines = network && answersOf(played, network, Math.min(now.shown, steps.length));
    select.value = level;
    shown.replaceChildren(picture(played, now));
    caption.textContent = now.over ? "Errors; one can be of two kinds" : "What each says to a question, in percent";
    table.replaceChildren(caption, ...board(played, now, machines, names));
    const off = (button, is) => button.setAttribute("aria-disabled", `${is}`);
    off(next, now.open);
    for (const key of keys) off(key, !now.open);
    keys.forEach((key, n) => key.classList.toggle("ps-chosen", now.question >= 0 && !now.open && now.given[now.question] === n));
    next.textContent = now.open ? "Answer first" : now.over ? "The same stream again" : !now.shown ? "Start" : now.shown === steps.length ? "The end" : "Next step";
    root.classList.toggle("ps-over", now.over);
    const said = now.over && machines ? endWords(played, now.given, names, network.card.measured) : stepWords(played, now);
    const heard = now.question >= 0 && !now.open && machines ? ` ${machineWords(machines, names, now.question)}.` : "";
    if (now.over && machines && model.get("guess") in ANSWERS) judged.textContent = verdict(model.get("guess"), network.card.measured);
    words.replaceChildren(said, make("span", { className: "ps-heard" }, heard), failed);
  }

  function go() {
    const now = here();
    if (now.open) return;
    if (!network) load();
    if (now.over) set({ at: 0, answers: "" });
    else set({ at: now.shown + 1 });
  }

  function answer(n) {
    const now = here();
    if (now.open) set({ answers: now.given.join("") + n });
  }

  function change() {
    const [level, seed] = [model.get("level"), model.get("seed")];
    if (level !== played.level || seed !== played.seed) played = Object.assign(open(level, seed), { seed });
    if (model.get("at") && !network) load();
    redraw();
  }

  next.addEventListener("click", go);
  another.addEventListener("click", () => set({ at: 0, answers: "", seed: fresh() }));
  select.addEventListener("change", () => set({ at: 0, answers: "", level: select.value }));
  explorable.addEventListener("keydown", (event) => {
    if (event.target === select || event.altKey || event.ctrlKey || event.metaKey) return;
    const n = "1234".indexOf(event.key);
    if (n >= 0 && event.key.length === 1) answer(n);
    else if (event.key === "ArrowRight") here().over || go(); // one too many must not begin anew
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  played.seed = model.get("seed");
  model.on("change:level change:seed change:at change:answers", change);
  const later = (guess) => `Your guess: “${ANSWERS[guess]}”. Play one stream to its end, and what was measured stands here.`;
  const [form, judged] = guessFirst(model, { question: QUESTION, answers: ANSWERS, verdict: later, explorable, first: () => next });
  redraw();
  root.append(form, judged, explorable);
  el.append(root);
  const digits = (text) => /^[0-3]*$/.test(text);
  addressed(model, root, "stream", { level: oneOf(Object.keys(LEVELS)), seed: within(1, 9999), at: within(0, 41), answers: digits });
}

export default { render };
