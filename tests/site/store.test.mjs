// What website/assets/store.js promises; tests/site/test_js_units.py runs this file with `node --test`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import vm from "node:vm";

const SOURCE = readFileSync(new URL("../../website/assets/store.js", import.meta.url), "utf8");
const ENTRY = "lstm-gate-by-gate";

/** The localStorage of a browser, shared by its tabs; `room` is how many characters one value may have. */
class Storage {
  map = new Map();
  room = Infinity;
  get length() { return this.map.size; }
  key(n) { return [...this.map.keys()][n] ?? null; }
  getItem(name) { return this.map.get(name) ?? null; }
  removeItem(name) { this.map.delete(name); }
  setItem(name, text) {
    if (text.length > this.room) throw new Error("QuotaExceededError");
    this.map.set(name, String(text));
  }
}

/** A page that has loaded the store; notify() is what the browser does when another tab has written. */
function tab(storage, { pathname = "/intro.html", content_root } = {}) {
  const heard = [];
  const window = { get localStorage() { if (!storage) throw new Error("SecurityError"); return storage; } };
  const document = { documentElement: { dataset: { content_root } } };
  const addEventListener = (_, listener) => heard.push(listener);
  vm.runInNewContext(SOURCE, { window, document, location: { pathname }, addEventListener });
  return { store: window.lstmStore, notify: () => heard.forEach((listener) => listener({ key: ENTRY })) };
}
const plain = (value) => JSON.parse(JSON.stringify(value));

test("a value outlives the page", () => {
  const disk = new Storage();
  tab(disk).store.set("quiz/one", { choice: "a", tries: 2 });
  const { store } = tab(disk);
  assert.deepEqual(plain(store.get("quiz/one")), { choice: "a", tries: 2 });
  assert.deepEqual(plain(store.all()), { "quiz/one": { choice: "a", tries: 2 } });
  assert.equal(store.get("quiz/two"), undefined);
  assert.equal(JSON.parse(disk.getItem(ENTRY)).version, 1);
});

test("what was got is a copy", () => {
  const { store } = tab(new Storage());
  store.set("a", { list: [1] });
  store.get("a").list.push(2);
  assert.deepEqual(plain(store.get("a")), { list: [1] });
});

test("keys are listed by prefix and removed one by one", () => {
  const { store } = tab(new Storage());
  for (const key of ["read/2", "quiz/a", "read/1"]) store.set(key, true);
  assert.deepEqual(plain(store.keys("read/")), ["read/1", "read/2"]);
  store.remove("read/1");
  assert.deepEqual(plain(store.keys()), ["quiz/a", "read/2"]);
});

test("a listener hears its prefix only, once a change, until it is taken away", () => {
  const { store } = tab(new Storage());
  const heard = [];
  const off = store.on("quiz/", (key, value) => heard.push([key, value]));
  store.set("quiz/a", 1);
  store.set("quiz/a", 1);
  store.set("read/a", 1);
  store.remove("quiz/a");
  off();
  store.set("quiz/b", 1);
  assert.deepEqual(heard, [["quiz/a", 1], ["quiz/a", undefined]]);
});

for (const broken of ["{", "null", "[]", '{"version":1}', '{"version":1,"values":[]}', '{"version":99,"values":{"a":1}}', ""]) {
  test(`an entry that reads ${JSON.stringify(broken)} is set aside, not lost`, () => {
    const disk = new Storage();
    disk.setItem(ENTRY, broken);
    const { store } = tab(disk);
    assert.deepEqual(plain(store.all()), {});
    const { kept, aside } = store.state();
    assert.equal(kept, true);
    assert.equal(aside.length, 1);
    assert.equal(disk.getItem(aside[0]), broken);
    store.set("a", 1);
    assert.deepEqual(plain(tab(disk).store.all()), { a: 1 });
    assert.equal(disk.getItem(aside[0]), broken);
  });
}

test("what cannot be set aside stays where it is until it can", () => {
  const disk = new Storage();
  const broken = `{"broken": "${"x".repeat(50)}`;
  disk.setItem(ENTRY, broken);
  disk.room = 45; // too little for a copy, enough for the new entry
  const { store } = tab(disk);
  store.set("a", 1);
  assert.equal(disk.getItem(ENTRY), broken);
  assert.equal(store.state().kept, false);
  disk.room = Infinity;
  store.set("b", 2);
  assert.equal(disk.getItem(store.state().aside[0]), broken);
  assert.deepEqual(plain(tab(disk).store.all()), { a: 1, b: 2 });
});

test("without localStorage it works in memory and says so", () => {
  const { store } = tab(null);
  store.set("a", 1);
  assert.equal(store.get("a"), 1);
  assert.equal(store.state().kept, false);
  assert.deepEqual(plain(store.state().aside), []);
});

test("with a full disk it works in memory, and writes all of it as soon as there is room", () => {
  const disk = new Storage();
  const { store } = tab(disk);
  store.set("a", 1);
  disk.room = 10;
  store.set("b", 2);
  store.remove("a");
  assert.equal(store.get("b"), 2);
  assert.equal(store.state().kept, false);
  assert.deepEqual(plain(tab(disk).store.all()), { a: 1 });
  disk.room = Infinity;
  store.set("c", 3);
  assert.equal(store.state().kept, true);
  assert.deepEqual(plain(tab(disk).store.all()), { b: 2, c: 3 });
});

test("two tabs do not overwrite each other, and hear each other", () => {
  const disk = new Storage();
  const [one, two] = [tab(disk), tab(disk)];
  const heard = [];
  two.store.on("", (key, value) => heard.push([key, value]));
  one.store.set("a", 1);
  two.store.set("b", 2);
  assert.deepEqual(plain(tab(disk).store.all()), { a: 1, b: 2 });
  one.notify();
  assert.equal(one.store.get("b"), 2);
  assert.deepEqual(heard, [["a", 1], ["b", 2]]);
});

test("clear forgets everything, what was set aside included, and nothing of other sites", () => {
  const disk = new Storage();
  disk.setItem("other", "stays");
  disk.setItem(ENTRY, "broken");
  const { store } = tab(disk);
  store.merge({ a: 1, b: [2] });
  store.clear();
  assert.deepEqual(plain(store.all()), {});
  assert.deepEqual([...disk.map], [["other", "stays"]]);
});

test("names that objects have by birth are names like others", () => {
  const disk = new Storage();
  tab(disk).store.set("__proto__", { a: 1 });
  const { store } = tab(disk);
  assert.deepEqual(plain(store.keys()), ["__proto__"]);
  assert.equal(store.get("constructor"), undefined);
});

test("a value that JSON cannot hold is refused by key", () => {
  const { store } = tab(new Storage());
  assert.throws(() => store.set("a", undefined), /got undefined for a/);
  assert.throws(() => store.set("", 1), /expected some text/);
});

test("a page knows its name wherever the book lies", () => {
  const name = (pathname, content_root) => tab(null, { pathname, content_root }).store.page;
  assert.equal(name("/intro.html"), "intro");
  assert.equal(name("/some/where/intro.html", "./"), "intro");
  assert.equal(name("/some/where/chapters/01_a.html", "../"), "chapters/01_a");
  assert.equal(name("/C:/my%20books/_build/html/chapters/01_a.html", "../"), "chapters/01_a");
  assert.equal(name("/chapters/01_a", "../"), "chapters/01_a");
});
