// What the four kinds of quiz ask for, and what they say to an answer: arithmetic and words, no page.
//
// A quiz is { kind, options: [{ id, text, because }], answer, answers, value, tolerance, mistakes, because }; a choice
// is one text, whatever the kind: an id, ids with commas between them, or what was typed. The last of the mistakes of a
// number has no value: it is what to think of next, whatever else was typed. A judgement is
// { passed, mistake, says }: mistake is a short name of what was wrong or null, says a list of sentences.

const MINUS = /[−–]/g;
const SPACES = /[\s\u00a0\u202f]/g;

/** Read a number as people write it: 0.5, .5, 0,5, 1/2, 50 %, −3, 1e-3. What is none gives NaN. */
export function parseNumber(text) {
  let plain = String(text).replace(MINUS, "-").replace(SPACES, "");
  const share = plain.endsWith("%");
  if (share) plain = plain.slice(0, -1);
  const [above, below, ...more] = plain.split("/");
  const value = below === undefined ? decimal(above) : decimal(above) / decimal(below);
  return more.length || !Number.isFinite(value) ? NaN : share ? value / 100 : value;
}

const COMMA = /^\d+,\d+$/;
const THOUSAND = /^[1-9]\d{0,2},\d{3}$/; // 1,024: a thousand, or one and a bit?

/** What is to be said of the commas of a number: how it is read, or, in doubt, what to write. As in exercises. */
export function ofCommas(text) {
  const found = [...new Set((String(text).match(/[\d.,]+/g) ?? []).filter((each) => COMMA.test(each)))];
  const doubtful = found.find((number) => THOUSAND.test(number));
  if (doubtful) {
    return { doubt: `${doubtful} may be a thousand or a decimal: write ${doubtful.replace(",", "")} or ${doubtful.replace(",", ".")}.` };
  }
  return { note: found.map((number) => `${number} is read as ${number.replace(",", ".")}.`).join(" ") };
}

function decimal(text) {
  if (THOUSAND.test(text.replace(/^[-+]/, ""))) return NaN;
  const plain = text.replace(",", ".");
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
}

/** Whether a value is the number asked for: off by at most that share of it, or of 1 where it is 0. */
export const near = (value, number, tolerance) => Math.abs(value - number) <= tolerance * (Math.abs(number) || 1) + 1e-12;

const list = (choice) => choice.split(",").filter(Boolean);
const same = (a, b) => a.length === b.length && a.every((id, n) => id === b[n]);
const quoted = ({ text }) => `“${text}”`;

function single({ options, answer }, choice) {
  const chosen = options.find(({ id }) => id === choice);
  if (!chosen) return null;
  const passed = choice === answer;
  return { passed, mistake: passed ? null : choice, says: [`${passed ? "Right." : "Not so."} ${chosen.because}`] };
}

function several({ options, answers }, choice) {
  const chosen = list(choice);
  if (!chosen.every((id) => options.some((option) => option.id === id))) return null;
  const wrong = options.filter(({ id }) => chosen.includes(id) !== answers.includes(id));
  const reason = (option) => `${quoted(option)}: ${option.because}`;
  if (!wrong.length) return { passed: true, mistake: null, says: ["Right.", ...options.map(reason)] };
  const count = `${wrong.length} of ${options.length} boxes ${wrong.length === 1 ? "is" : "are"} not set right.`;
  return { passed: false, mistake: wrong.map(({ id }) => id).join(","), says: [`Not yet: ${count}`, reason(wrong[0])] }; // one reason: all of them would be the answer
}

function number(quiz, choice) {
  const value = parseNumber(choice);
  if (Number.isNaN(value)) return null;
  const { note } = ofCommas(choice);
  const judged = judgeNumber(quiz, value);
  return note ? { ...judged, says: [note, ...judged.says] } : judged;
}

function judgeNumber(quiz, value) {
  const hit = (wanted) => near(value, wanted, quiz.tolerance);
  if (hit(quiz.value)) return { passed: true, mistake: null, says: [`Right. ${quiz.because}`] };
  const known = quiz.mistakes.find((mistake) => hit(mistake.value));
  if (known) return { passed: false, mistake: `${known.value}`, says: [`Not so. ${known.because}`] };
  if (quiz.value && Math.abs(quiz.value) <= 1 && hit(100 * quiz.value)) {
    return { passed: false, mistake: "percent", says: ["Not so: a hundred times too large. Did you mean percent? Then write %."] };
  }
  if (quiz.value && hit(-quiz.value)) return { passed: false, mistake: "sign", says: ["Not so: the size is right, the sign is not."] };
  const side = value > quiz.value ? "large" : "small";
  const hint = quiz.mistakes.find((mistake) => mistake.value === undefined)?.because; // none in notebooks of before
  return { passed: false, mistake: `too-${side}`, says: [`Not so: too ${side}.${hint ? ` ${hint}` : ""}`] };
}

function order({ options, answers, because }, choice) {
  const ids = list(choice);
  if (!same([...ids].sort(), [...answers].sort())) return null;
  const place = ids.findIndex((id, n) => id !== answers[n]);
  if (place < 0) return { passed: true, mistake: null, says: [`Right. ${because}`] };
  const early = options.find(({ id }) => id === ids[place]);
  return { passed: false, mistake: early.id, says: [`Not yet: ${quoted(early)} cannot be step ${place + 1}. ${early.because}`] };
}

const JUDGES = { single, several, number, order };

/** Say whether a choice is right, and why; null where it is no answer to this quiz. */
export const judge = (quiz, choice) => (typeof choice === "string" && choice ? JUDGES[quiz.kind](quiz, choice) : null);

/** Move one entry of a list up (-1) or down (1); beyond the ends nothing moves. */
export function moved(ids, id, by) {
  const [from, to] = [ids.indexOf(id), ids.indexOf(id) + by];
  if (to < 0 || to >= ids.length) return ids;
  const next = [...ids];
  [next[from], next[to]] = [next[to], next[from]];
  return next;
}
