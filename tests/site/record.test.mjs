// What website/assets/record.js makes of what a reader did; tests/site/test_js_units.py runs this file with `node --test`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import vm from "node:vm";

const window = {};
vm.runInThisContext(`(window) => {${readFileSync(new URL("../../website/assets/record.js", import.meta.url), "utf8")}}`)(window);
const record = window.lstmRecord;

const at = (date, hour = 20) => new Date(2026, 10, date, hour, 30);
const COURSE = {
  pages: [
    { page: "intro", title: "LSTMs", label: "", items: [] },
    {
      page: "chapters/01_a",
      title: "One",
      label: "1",
      items: [
        { kind: "guess", id: "chapters/01_a#explorable-clocks", title: "Clocks", anchor: "explorable-clocks" },
        { kind: "quiz", id: "far", title: "How far?", anchor: "quiz-far" },
        { kind: "exercise", id: "rnn-step", title: "Take a step", anchor: "take-a-step" },
      ],
    },
    { page: "chapters/02_b", title: "Two", label: "2", items: [{ kind: "exercise", id: "clip", title: "Clip", anchor: "clip" }] },
    { page: "chapters/03_c", title: "Three", label: "3", items: [{ kind: "quiz", id: "sum", title: "Sum?", anchor: "quiz-sum" }] },
  ],
};

/** Do things one after the other: rows of [when, detail]; returns the values that are kept. */
function life(...rows) {
  const values = {};
  for (const [now, detail] of rows) Object.assign(values, record.done(values, detail, now));
  return values;
}
const quiz = (passed, more = {}) => ({ kind: "quiz", id: "far", passed, mistake: passed ? null : "near", answer: "x", widget: "quiz", ...more });
const code = (passed) => ({ kind: "exercise", id: "rnn-step", passed, mistake: passed ? null : "no-bias", answer: "def …" });

test("tries are counted until it is right, and what was solved stays solved", () => {
  const values = life([at(1), code(false)], [at(2), code(true)], [at(3), code(false)]);
  assert.deepEqual(values["exercise/rnn-step"], {
    passed: true, mistake: "no-bias", tries: 2, first: at(1).toISOString(), last: at(3).toISOString(),
  });
});

test("the last mistake that had a name is kept, whatever follows it", () => {
  const unnamed = { ...code(false), mistake: null };
  for (const later of [unnamed, code(true)]) {
    assert.equal(life([at(1), code(false)], [at(2), later])["exercise/rnn-step"].mistake, "no-bias");
  }
  const other = { ...code(false), mistake: "no-state" };
  assert.equal(life([at(1), code(false)], [at(2), unnamed], [at(3), other])["exercise/rnn-step"].mistake, "no-state");
  assert.equal(life([at(1), unnamed])["exercise/rnn-step"].mistake, null);
});

test("a choice is kept, a program is not: it is in its draft", () => {
  assert.equal(life([at(1), quiz(true)])["quiz/far"].answer, "x");
  assert.equal("answer" in life([at(1), code(true)])["exercise/rnn-step"], false);
});

test("nothing is kept of what is no event of the course", () => {
  for (const detail of [undefined, {}, { kind: "read", id: "a" }, { kind: "quiz", id: "a b" }, { kind: "quiz", id: "" }, { kind: "__proto__", id: "a" }]) {
    assert.deepEqual(record.done({}, detail, at(1)), {});
  }
});

test("a wrong answer comes back after 1, 3 and 7 days", () => {
  const due = (values) => values["review/quiz/far"].due;
  const rows = [[at(1), quiz(false)], [at(1), quiz(true)]];
  assert.equal(due(life(...rows)), "2026-11-02");
  rows.push([at(2, 7), quiz(true)]);
  assert.equal(due(life(...rows)), "2026-11-05");
  rows.push([at(4), quiz(true)]); // too early to count
  assert.equal(due(life(...rows)), "2026-11-05");
  rows.push([at(6), quiz(true)]);
  assert.equal(due(life(...rows)), "2026-11-13");
  assert.equal(due(life(...rows, [at(13), quiz(true)])), null);
  assert.equal(due(life(...rows, [at(13), quiz(true)], [at(14), quiz(false)])), "2026-11-15");
});

test("wrong again, it begins again", () => {
  const values = life([at(1), quiz(false)], [at(2), quiz(true)], [at(5), quiz(false)]);
  assert.deepEqual(values["review/quiz/far"], { step: 0, due: "2026-11-06", hard: true });
});

test("right at once, it comes back once, after 7 days", () => {
  const values = life([at(1), quiz(true)]);
  assert.deepEqual(values["review/quiz/far"], { step: 2, due: "2026-11-08", hard: false });
  assert.equal(life([at(1), quiz(true)], [at(9), quiz(true)])["review/quiz/far"].due, null);
});

test("an exercise comes back if it needed several tries, and not before it is solved", () => {
  assert.equal("review/exercise/rnn-step" in life([at(1), code(true)]), false);
  assert.equal("review/exercise/rnn-step" in life([at(1), code(false)]), false);
  assert.deepEqual(life([at(1), code(false)], [at(1), code(true)])["review/exercise/rnn-step"], { step: 0, due: "2026-11-02", hard: true });
});

test("an exercise that is chosen comes back like a quiz", () => {
  const values = life([at(1), { ...code(false), answer: "a", widget: "quiz" }]);
  assert.equal(values["review/exercise/rnn-step"].due, "2026-11-02");
  assert.equal(values["exercise/rnn-step"].answer, "a");
});

test("a month that ends is no trap", () => {
  assert.equal(record.schedule(null, { passed: false, tries: 1, now: at(30) }).due, "2026-12-01");
  assert.equal(record.schedule(null, { passed: true, tries: 1, now: new Date(2026, 11, 28) }).due, "2027-01-04");
});

test("what is due comes with mistakes first, then by age; and the next day is told", () => {
  const values = {
    "review/quiz/far": { step: 2, due: "2026-11-01", hard: false },
    "review/quiz/sum": { step: 0, due: "2026-11-03", hard: true },
    "review/exercise/clip": { step: 1, due: "2026-11-02", hard: true },
    "review/exercise/rnn-step": { step: 1, due: "2026-11-04", hard: true },
    "review/quiz/no-longer-there": { step: 0, due: "2026-11-01", hard: true },
  };
  const { due, next } = record.reviews(COURSE, values, at(3));
  assert.deepEqual(due.map(({ id }) => id), ["clip", "sum", "far"]);
  assert.equal(due[0].page, "chapters/02_b");
  assert.equal(next, "2026-11-04");
  assert.deepEqual(record.reviews(COURSE, {}, at(3)), { due: [], next: null });
});

test("the table counts per chapter", () => {
  const values = life(
    [at(1), quiz(false)],
    [at(1), code(true)],
    [at(1), { kind: "guess", id: "chapters/01_a#explorable-clocks", answer: "skipped" }],
  );
  const row = record.summary(COURSE, values)[1];
  assert.deepEqual(
    [row.guess, row.quiz, row.exercise, row.read, row.begun, row.complete, row.parts],
    [{ done: 0, all: 1 }, { done: 1, all: 1 }, { done: 1, all: 1 }, false, true, false, { done: 2, all: 4 }],
  );
});

test("the next best thing", () => {
  const where = (values) => {
    const found = record.next(COURSE, values);
    return found && [found.page, found.item?.id ?? null];
  };
  assert.deepEqual(where({}), ["chapters/01_a", null]);
  assert.deepEqual(where({ "read/intro": { first: "" } }), ["chapters/01_a", null]);
  assert.deepEqual(where({ "read/chapters/01_a": {} }), ["chapters/01_a", "far"]);
  assert.deepEqual(where({ "draft/clip": "def" }), ["chapters/02_b", "clip"]);
  const first = life([at(1), quiz(false)]);
  assert.deepEqual(where(first), ["chapters/01_a", "rnn-step"]);
  assert.deepEqual(where({ ...first, "exercise/rnn-step": { passed: false } }), ["chapters/01_a", "rnn-step"]);
  const solved = { ...first, "exercise/rnn-step": { passed: true } };
  assert.deepEqual(where(solved), ["chapters/02_b", null]);
  const all = { ...solved, "exercise/clip": { passed: true }, "quiz/sum": {} };
  assert.equal(where(all), null);
});

const EVERY = {
  ...life([at(1), quiz(false)], [at(1), code(false)], [at(2), code(true)], [at(1), { kind: "guess", id: "chapters/01_a#explorable-clocks", answer: "both" }]),
  "read/chapters/01_a": { first: at(1).toISOString() },
  "draft/rnn-step": "def rnn_step():\n    return '<script>alert(1)</script>'",
};

test("what is exported is imported, every kind of it", () => {
  const file = record.pack({ ...EVERY, "elsewhere/x": 1, "quiz/odd": 7 }, at(3));
  assert.deepEqual(record.unpack(file), EVERY);
  assert.deepEqual(record.combine({}, record.unpack(file)), EVERY);
});

const broken = (change) => {
  const file = JSON.parse(record.pack(EVERY, at(3)));
  change(file);
  return JSON.stringify(file);
};
const REFUSED = [
  ["no JSON", "<html>", /got a file that is no JSON/],
  ["a list", "[]", /got the format nothing, expected "lstms-gate-by-gate\/progress"/],
  ["null", "null", /got the format nothing/],
  ["another format", broken((file) => (file.format = "x")), /got the format "x"/],
  ["another version", broken((file) => (file.version = 2)), /got version 2, expected 1/],
  ["no values", broken((file) => delete file.values), /got nothing for values/],
  ["a kind of its own", broken((file) => (file.values["evil/x"] = {})), /got the key "evil\/x"/],
  ["a key with blanks", broken((file) => (file.values["quiz/a b"] = {})), /got the key "quiz\/a b"/],
  ["a prototype", broken(() => {}).replace('"quiz/far"', '"__proto__"'), /got the key "__proto__"/],
  ["a constructor", broken((file) => (file.values["constructor/x"] = {})), /got the key "constructor\/x"/],
  ["a field of its own", broken((file) => (file.values["quiz/far"].html = "<b>")), /got the field "html" in quiz\/far/],
  ["a text for a count", broken((file) => (file.values["quiz/far"].tries = "3")), /got "3" for tries in quiz\/far, expected a count/],
  ["half a try", broken((file) => (file.values["quiz/far"].tries = 1.5)), /for tries/],
  ["no passed", broken((file) => delete file.values["quiz/far"].passed), /got nothing for passed in quiz\/far, expected true or false/],
  ["a time that is none", broken((file) => (file.values["quiz/far"].last = "yesterday")), /got "yesterday" for last in quiz\/far/],
  ["a draft that is no text", broken((file) => (file.values["draft/rnn-step"] = { a: 1 })), /for draft\/rnn-step, expected a text/],
  ["a step too far", broken((file) => (file.values["review/quiz/far"].step = 9)), /for step in review\/quiz\/far/],
  ["a list for an object", broken((file) => (file.values["read/chapters/01_a"] = [])), /expected an object/],
  ["a long answer", broken((file) => (file.values["quiz/far"].answer = "x".repeat(501))), /for answer in quiz\/far, expected a text/],
  ["too much", " ".repeat(2_000_001), /got 2,000,001 characters/],
];
for (const [what, content, message] of REFUSED) {
  test(`a file with ${what} is refused by name`, () => {
    assert.throws(() => record.unpack(content), message);
  });
}

test("an import undoes nothing", () => {
  const here = life([at(1), quiz(true)], [at(1), code(true)]);
  const there = life([at(3), { ...quiz(false), answer: "y" }], [at(3), code(false)]);
  const merged = { ...here, ...record.combine({ ...here, "draft/rnn-step": "mine" }, { ...there, "draft/rnn-step": "theirs" }) };
  assert.equal(merged["quiz/far"].passed, true);
  assert.equal(merged["quiz/far"].answer, "y");
  assert.equal(merged["quiz/far"].first, at(1).toISOString());
  assert.equal(merged["exercise/rnn-step"].passed, true);
  assert.equal(merged["review/quiz/far"].due, "2026-11-04");
  assert.equal("draft/rnn-step" in merged, false);
});
