// Which sections a search finds, and in which order: website/assets/search-rank.js.

import assert from "node:assert/strict";
import { test } from "node:test";
import "../../website/assets/search-rank.js";

const { prepare, search, concepts, marks, words, stem, oneErrorApart } = globalThis.lstmSearch;

const rest = (code = "", terms = "", worth = 1) => [code, terms, worth];
const INDEX = {
  pages: [["a.html", "1. Memory"], ["b.html", "2. Gates"]],
  sections: [
    [0, "memory", "Memory", "A memory that lasts, and a gradient that vanishes on the way.", ...rest()],
    [0, "back", "Back through the steps", "We walk back: backpropagation through time. It costs time.", ...rest()],
    [0, "sources", "Sources", "Backpropagation through time: somebody. Gates: somebody else.", ...rest("", "", 0.4)],
    [1, "gates", "Gates", "A gate is a share. The cell state is kept by it, and the long-term memory, too.", ...rest("", "gate")],
    [1, "learn", "Write the learn gate", "Clipped, padded and café. Input, output.", ...rest("init_lstm hidden_size")],
    [1, "long", "A long section", `${"Other words stand here. ".repeat(40)} The gradient is named once.`, ...rest()],
  ],
  synonyms: [["BPTT", "backpropagation through time"], ["cell state", "long-term memory"], ["input gate", "learn gate"], ["CEL", "x"]],
};
const index = prepare(INDEX);
const found = (query) => search(index, query).hits.map(({ row }) => row.anchor);

test("a short name finds what the pages call by the long one, and sources come last", () => {
  assert.deepEqual(found("BPTT"), ["back", "sources"]);
  assert.deepEqual(found("bptt "), ["back", "sources"]);
});

test("each name of a row of the table finds the same sections", () => {
  assert.deepEqual(found("input gate"), ["learn"]);
  assert.deepEqual(found("cell state").sort(), found("long term memory").sort());
});

test("a name of several words is one thing: its words elsewhere do not count", () => {
  assert.ok(!found("input gate").includes("gates"));
});

test("the heading counts more than the text, and a term that is explained more than one in passing", () => {
  assert.equal(found("memory")[0], "memory");
  assert.equal(found("gate")[0], "gates");
});

test("once in a short section counts more than once in a long one", () => {
  assert.deepEqual(found("gradient"), ["memory", "long"]);
});

test("all words must be there if any section has them all, else some", () => {
  assert.deepEqual(found("gradient vanishes"), ["memory"]);
  const some = search(index, "gradient backpropagation");
  assert.equal(some.partly, true);
  assert.ok(some.hits.length >= 3);
});

test("the last word may be unfinished, and only it, and not its synonyms", () => {
  assert.deepEqual(found("vani"), ["memory"]);
  assert.deepEqual(found("vani gradient"), found("gradient")); // no section has the word "vani"
  assert.ok(!found("x").includes("gates")); // CEL is not the beginning of cell
});

test("a letter too many, too few, changed or exchanged is mended, and it is said", () => {
  for (const typed of ["gradeint", "gradiant", "gradint", "graddient"]) {
    const { hits, corrected } = search(index, `${typed} `);
    assert.deepEqual(hits.map(({ row }) => row.anchor), ["memory", "long"], typed);
    assert.deepEqual(corrected, [[typed, "gradient"]]);
  }
  assert.deepEqual(search(index, "gradient").corrected, []);
  assert.deepEqual(found("xyzzy"), []);
});

test("two errors are one too many", () => {
  assert.equal(oneErrorApart("gradient", "grodiant"), false);
  assert.equal(oneErrorApart("gate", "gate"), true);
  assert.equal(oneErrorApart("gate", "gates"), true);
  assert.equal(oneErrorApart("gate", "agte"), true);
  assert.equal(oneErrorApart("gate", "gatess"), false);
});

test("endings and accents make no difference", () => {
  const pairs = [["clipping", "clipped"], ["padding", "padded"], ["gates", "gate"], ["biases", "bias"], ["losses", "loss"], ["vanishes", "vanishing"]];
  for (const [one, other] of pairs) assert.equal(stem(one), stem(other), one);
  assert.deepEqual(found("cafe "), ["learn"]);
  assert.deepEqual(search(index, "cafe ").corrected, []);
  assert.notEqual(stem("sing"), "s");
});

test("of two sections alike, the one with the typed name, or the one that explains it, comes first", () => {
  const pages = [["a.html", "A"]];
  const section = (anchor, text, terms) => [0, anchor, "Heading", text, "", terms, 1];
  const sections = [section("long", "About long names.", ""), section("plain", "About LN here.", ""), section("term", "About LN here.", "LN")];
  const small = prepare({ pages, sections, synonyms: [["LN", "long names"]] });
  assert.deepEqual(search(small, "LN ").hits.map(({ row }) => row.anchor), ["term", "plain", "long"]);
});

test("names in code are found", () => {
  assert.deepEqual(found("init_lstm"), ["learn"]);
  assert.deepEqual(found("hidden_"), ["learn"]);
});

test("the places of all names are marked, none twice", () => {
  const text = "BPTT is backpropagation through time, and time goes on.";
  const asked = concepts("BPTT", index);
  assert.deepEqual(marks(text, asked).map(([start, end]) => text.slice(start, end)), ["BPTT", "backpropagation through time"]);
  const overlapping = [{ names: [["share", "of"], ["of", "it"]], open: false }];
  assert.deepEqual(marks("a share of it", overlapping), [[2, 10]]);
});

test("a word knows where it stands, whatever stands around it", () => {
  assert.deepEqual(words("“Gates”, h_t"), [["gate", 1, 6], ["h_t", 9, 12]]);
});

test("nothing asked, nothing found", () => {
  assert.deepEqual(search(index, "  ?! ").hits, []);
});
