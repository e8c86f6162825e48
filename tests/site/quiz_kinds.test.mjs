// What the kinds of quiz take for an answer, and what they say; tests/site/test_js_units.py runs this with `node --test`.
import assert from "node:assert/strict";
import test from "node:test";
import { judge, moved, near, ofCommas, parseNumber } from "../../lstm_lib/widgets/quiz_kinds.js";

const NUMBERS = {
  "0.5": 0.5, ".5": 0.5, "0,5": 0.5, "1/2": 0.5, " 1 / 2 ": 0.5, "50 %": 0.5, "50%": 0.5, "1/2 %": 0.005, "+.5": 0.5, "5.": 5,
  "−3": -3, "–3": -3, "-3/4": -0.75, "1e-3": 0.001, "2.5E2": 250, "0": 0, "1 000": 1000, "1\u202f000.5": 1000.5, "0,125": 0.125, "1,5": 1.5,
};
for (const [text, value] of Object.entries(NUMBERS)) {
  test(`${JSON.stringify(text)} is ${value}`, () => assert.equal(parseNumber(text), value));
}
for (const text of ["", " ", ".", "%", "/", "1/0", "0/0", "1/2/3", "a half", "1,024", "1.2.3", "1,2,3", "--1", "1e999", "0x10", "Infinity", "NaN", "1e", "__proto__", "5%%"]) {
  test(`${JSON.stringify(text)} is no number`, () => assert.ok(Number.isNaN(parseNumber(text))));
}

test("a decimal comma is read as a point, and the answer says so; one that may mean a thousand is asked about", () => {
  const quiz = { kind: "number", value: 0.5, tolerance: 0.01, mistakes: [], because: "so it is" };
  assert.deepEqual(judge(quiz, "0,5").says, ["0,5 is read as 0.5.", "Right. so it is"]);
  assert.deepEqual(judge(quiz, "0,5 / 0,25").says[0], "0,5 is read as 0.5. 0,25 is read as 0.25.");
  assert.deepEqual(judge(quiz, "0.5").says, ["Right. so it is"]);
  assert.equal(judge(quiz, "1,024"), null);
  assert.equal(ofCommas("1,024").doubt, "1,024 may be a thousand or a decimal: write 1024 or 1.024."); // as in exercises
  assert.equal(ofCommas("0,125").doubt, undefined);
});

test("the tolerance is a share of the number, and of 1 where that is 0", () => {
  assert.ok(near(101, 100, 0.01) && !near(101.1, 100, 0.01));
  assert.ok(near(-101, -100, 0.01) && near(0.01, 0, 0.01) && !near(0.011, 0, 0.01));
  assert.ok(near(0.1 + 0.2, 0.3, 0));
});

const option = (id) => ({ id, text: id.toUpperCase(), because: `because ${id}` });
const SINGLE = { kind: "single", options: ["a", "b"].map(option), answer: "b" };
const SEVERAL = { kind: "several", options: ["a", "b", "c"].map(option), answers: ["a", "c"] };
const ORDER = { kind: "order", options: ["c", "a", "b"].map(option), answers: ["a", "b", "c"], because: "so it is" };
const NUMBER = { kind: "number", value: 0.25, tolerance: 0.01, because: "a quarter", mistakes: [{ value: 0.5, because: "a half" }, { because: "Cut it in four." }] };

test("one right option", () => {
  assert.deepEqual(judge(SINGLE, "b"), { passed: true, mistake: null, says: ["Right. because b"] });
  assert.deepEqual(judge(SINGLE, "a"), { passed: false, mistake: "a", says: ["Not so. because a"] });
});

test("several right options: the boxes that are not set right are counted, and one of them is explained", () => {
  assert.deepEqual(judge(SEVERAL, "a,b"), {
    passed: false,
    mistake: "b,c",
    says: ["Not yet: 2 of 3 boxes are not set right.", "“B”: because b"],
  });
  assert.deepEqual(judge(SEVERAL, "c").says, ["Not yet: 1 of 3 boxes is not set right.", "“A”: because a"]);
  for (const choice of ["a,c", "c,a"]) {
    const all = ["Right.", "“A”: because a", "“B”: because b", "“C”: because c"]; // each by the name of its option
    assert.deepEqual(judge(SEVERAL, choice), { passed: true, mistake: null, says: all });
  }
});

test("a number: right, a known mistake, a hundred times too large, the wrong sign, too large, too small", () => {
  const says = (text) => judge(NUMBER, text).says[0];
  for (const text of ["0.25", "1/4", "25 %", "0.2524"]) assert.equal(says(text), "Right. a quarter");
  assert.equal(says("1/2"), "Not so. a half");
  assert.match(says("25"), /Did you mean percent/);
  assert.match(says("-0.25"), /the sign is not/);
  assert.equal(says("0.9"), "Not so: too large. Cut it in four.");
  assert.equal(says("0.2"), "Not so: too small. Cut it in four.");
  assert.equal(judge({ ...NUMBER, mistakes: [] }, "0.2").says[0], "Not so: too small.");
  assert.equal(judge(NUMBER, "1/2").mistake, "0.5");
  assert.equal(judge({ ...NUMBER, value: 25 }, "2500").says[0], "Not so: too large. Cut it in four.");
});

test("an order: the first step that stands too early is explained", () => {
  assert.deepEqual(judge(ORDER, "a,b,c"), { passed: true, mistake: null, says: ["Right. so it is"] });
  assert.deepEqual(judge(ORDER, "a,c,b"), { passed: false, mistake: "c", says: ["Not yet: “C” cannot be step 2. because c"] });
});

test("what is no answer is not judged", () => {
  for (const quiz of [SINGLE, SEVERAL, NUMBER, ORDER]) {
    for (const choice of ["", null, undefined, 7, "x", "a,x", "__proto__"]) assert.equal(judge(quiz, choice), null);
  }
  for (const choice of ["a,b", "a,a,b", "a,b,c,c"]) assert.equal(judge(ORDER, choice), null);
});

test("steps move up and down, and not beyond the ends", () => {
  const ids = ["a", "b", "c"];
  assert.deepEqual(moved(ids, "b", -1), ["b", "a", "c"]);
  assert.deepEqual(moved(ids, "b", 1), ["a", "c", "b"]);
  assert.equal(moved(ids, "a", -1), ids);
  assert.equal(moved(ids, "c", 1), ids);
  assert.deepEqual(ids, ["a", "b", "c"]);
});
