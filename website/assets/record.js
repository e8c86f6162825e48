// What is to be kept of what a reader did, and what follows from it: window.lstmRecord. No page, no clock, no store:
// values come in by key, as lstmStore holds them, and `now` is a Date.
//
//   exercise/ID, quiz/NAME   { passed, mistake, tries, first, last, answer }   the last mistake that had a name; tries
//                            until it was right for the first time
//   guess/PAGE#explorable    { answer, first }
//   seen/PAGE                the sections that were on screen, until all of them were: not exported
//   read/PAGE                { first }
//   review/exercise/ID …     { step, due, hard }   hard: it was wrong once; due: a day, or null after the last review
//   draft/ID                 the text of an answer that is being written
//
// The course comes from the build: { pages: [{ page, title, label, items: [{ kind, id, title, anchor }] }] }.
(() => {
  const DAYS = [1, 3, 7]; // after so many days a question comes back, and again, and a last time
  const LONGEST = 2_000_000; // characters of a file that is imported
  const ID = /^[\w./#-]{1,200}$/;
  const DAY = /^\d{4}-\d\d-\d\d$/;

  // ---------------------------------------------------------------- what is kept

  /** The day of a moment, where the reader is: "2026-11-27". */
  const day = (now) => [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((n) => `${n}`.padStart(2, "0")).join("-");

  const later = (now, days) => day(new Date(now.getFullYear(), now.getMonth(), now.getDate() + days));

  /**
   * When a question comes back, after an answer. What was wrong once comes back after 1, 3 and 7 days; a question that was
   * right at once only after 7. An exercise comes back once it is solved, if that took several tries. An answer before
   * its day changes nothing, unless it is wrong.
   */
  function schedule(review, { passed, tries, exercise = false, now }) {
    if (!passed) return exercise && !review ? null : { step: 0, due: later(now, DAYS[0]), hard: true };
    if (!review) {
      if (exercise && tries === 1) return null;
      const step = tries > 1 ? 0 : DAYS.length - 1;
      return { step, due: later(now, DAYS[step]), hard: tries > 1 };
    }
    if (review.due === null || day(now) < review.due) return review;
    const step = review.step + 1;
    return { ...review, step, due: step < DAYS.length ? later(now, DAYS[step]) : null };
  }

  /** What changes, by key, when something is done: the detail of an "lstm:done" event. */
  function done(values, { kind, id, passed, mistake, answer, widget } = {}, now) {
    if (!["exercise", "quiz", "guess"].includes(kind) || !ID.test(id)) return {};
    const exercise = kind === "exercise" && widget !== "quiz"; // one that is written, and not chosen
    const [key, time] = [`${kind}/${id}`, now.toISOString()];
    const before = values[key];
    const told = typeof answer === "string" && !exercise ? answer.slice(0, 500) : "";
    if (kind === "guess") return { [key]: { answer: told, first: before?.first ?? time } };
    const tries = before?.passed ? before.tries : (before?.tries ?? 0) + 1;
    const named = passed || !mistake ? (before?.mistake ?? null) : `${mistake}`.slice(0, 200);
    const record = { passed: passed === true || before?.passed === true, mistake: named, tries };
    const changes = { [key]: { ...record, first: before?.first ?? time, last: time, ...(exercise ? {} : { answer: told }) } };
    const again = `review/${key}`;
    const review = schedule(values[again], { passed: passed === true, tries, exercise, now });
    return review ? { ...changes, [again]: review } : changes;
  }

  // ---------------------------------------------------------------- what follows from it

  /** For each page: what is read, and how many of its guesses, quizzes and exercises are done. */
  function summary(course, values) {
    return course.pages.map(({ page, title, label, items }) => {
      const count = (kind, isDone) => {
        const all = items.filter((item) => item.kind === kind);
        return { done: all.filter(({ id }) => isDone(values[`${kind}/${id}`])).length, all: all.length };
      };
      const guess = count("guess", (value) => value !== undefined && value.answer !== "skipped");
      const quiz = count("quiz", (value) => value !== undefined);
      const exercise = count("exercise", (value) => value?.passed === true);
      const read = `read/${page}` in values;
      const touched = items.some(({ kind, id }) => `${kind}/${id}` in values || (kind === "exercise" && `draft/${id}` in values));
      const all = guess.all + quiz.all + exercise.all;
      const dones = guess.done + quiz.done + exercise.done;
      const parts = { done: dones + Number(read), all: all + 1 }; // to read it to its end is one
      return { page, title, label, read, guess, quiz, exercise, all, parts, begun: read || touched, complete: parts.done === parts.all };
    });
  }

  const open = (values) => ({ kind, id }) =>
    kind === "quiz" ? !(`quiz/${id}` in values) : kind === "exercise" && values[`exercise/${id}`]?.passed !== true;

  /**
   * The next best thing: the first quiz without an answer or exercise that is not solved, in the earliest chapter that is
   * begun; else the next chapter; null where all is done. { page, title, item }, item null for a whole page.
   */
  function next(course, values) {
    const rows = summary(course, values);
    const chapters = course.pages.map((entry, n) => ({ ...entry, begun: rows[n].begun })).filter(({ label }) => label);
    for (const { page, title, label, items } of chapters.filter(({ begun }) => begun)) {
      const item = items.find(open(values));
      if (item) return { page, title, label, item };
    }
    const fresh = chapters.find(({ begun }) => !begun);
    return fresh ? { page: fresh.page, title: fresh.title, label: fresh.label, item: null } : null;
  }

  /** Questions that are due, the reader's own mistakes first, then those that wait longest; and the next day that one is. */
  function reviews(course, values, now) {
    const known = course.pages.flatMap(({ page, items }) => items.map((item) => ({ ...item, page })));
    const waiting = known
      .map((item) => ({ ...item, ...values[`review/${item.kind}/${item.id}`] }))
      .filter(({ due }) => typeof due === "string");
    const today = day(now);
    const due = waiting.filter((item) => item.due <= today);
    due.sort((a, b) => b.hard - a.hard || (a.due < b.due ? -1 : a.due > b.due ? 1 : 0));
    const coming = waiting.map((item) => item.due).filter((when) => when > today).sort();
    return { due, next: coming[0] ?? null };
  }

  // ---------------------------------------------------------------- export and import

  const FORMAT = "lstms-gate-by-gate/progress";

  const text = (most) => (value) => typeof value === "string" && value.length <= most;
  const time = (value) => typeof value === "string" && value.length <= 30 && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value));
  const flag = (value) => typeof value === "boolean";
  const count = (most) => (value) => Number.isInteger(value) && value >= 0 && value <= most;
  const orNull = (kind) => (value) => value === null || kind(value);

  const ANSWERED = {
    passed: ["true or false", flag],
    mistake: ["a text or null", orNull(text(200))],
    tries: ["a count", count(1e6)],
    first: ["a time", time],
    last: ["a time", time],
    answer: ["a text", text(500)],
  };
  const FIELDS = {
    exercise: ANSWERED,
    quiz: ANSWERED,
    guess: { answer: ["a text", text(500)], first: ["a time", time] },
    read: { first: ["a time", time] },
    review: {
      step: [`a count up to ${DAYS.length}`, count(DAYS.length)],
      due: ["a day or null", orNull((value) => typeof value === "string" && DAY.test(value))],
      hard: ["true or false", flag],
    },
  };
  const OPTIONAL = ["answer"];

  const told = (value) => {
    const shown = value === undefined ? "nothing" : JSON.stringify(value);
    return shown.length > 60 ? `${shown.slice(0, 57)}…` : shown;
  };
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

  /** Say what is wrong with one value, by name; "" where nothing is. */
  function fault(key, value) {
    const kind = key.split("/")[0];
    const id = key.slice(kind.length + 1);
    if (!(Object.hasOwn(FIELDS, kind) || kind === "draft") || !ID.test(id)) return `got the key ${told(key)}, which this course does not write`;
    if (kind === "draft") return text(50_000)(value) ? "" : `got ${told(value)} for ${key}, expected a text of at most 50,000 characters`;
    if (!isObject(value)) return `got ${told(value)} for ${key}, expected an object`;
    const fields = FIELDS[kind];
    for (const name of Object.keys(value)) if (!Object.hasOwn(fields, name)) return `got the field ${told(name)} in ${key}, which this course does not write`;
    for (const [name, [expected, holds]] of Object.entries(fields)) {
      if (OPTIONAL.includes(name) && kind !== "guess" && !Object.hasOwn(value, name)) continue;
      if (!holds(value[name])) return `got ${told(value[name])} for ${name} in ${key}, expected ${expected}`;
    }
    return "";
  }

  /** The text of a file with all that is known of the reader. */
  function pack(values, now) {
    const known = Object.entries(values).filter(([key, value]) => !fault(key, value));
    return `${JSON.stringify({ format: FORMAT, version: 1, exported: now.toISOString(), values: Object.fromEntries(known) }, null, 1)}\n`;
  }

  /** Read such a file, field by field; throws an Error that says what is wrong, and where. */
  function unpack(content) {
    if (content.length > LONGEST) throw new Error(`got ${content.length.toLocaleString("en")} characters, expected at most ${LONGEST.toLocaleString("en")}`);
    let file;
    try {
      file = JSON.parse(content);
    } catch {
      throw new Error("got a file that is no JSON, expected one that this page exported");
    }
    if (!isObject(file) || file.format !== FORMAT) throw new Error(`got the format ${told(file?.format)}, expected "${FORMAT}"`);
    if (file.version !== 1) throw new Error(`got version ${told(file.version)}, expected 1`);
    if (!isObject(file.values)) throw new Error(`got ${told(file.values)} for values, expected an object`);
    for (const [key, value] of Object.entries(file.values)) {
      const wrong = fault(key, value);
      if (wrong) throw new Error(wrong);
    }
    return file.values;
  }

  /** What changes when a file is added to what is here: nothing that was done is undone, and drafts of here stay. */
  function combine(values, more) {
    const changes = {};
    for (const [key, theirs] of Object.entries(more)) {
      const ours = values[key];
      const kind = key.split("/")[0];
      if (ours === undefined) changes[key] = theirs;
      else if (kind === "exercise" || kind === "quiz") {
        const [old, young] = ours.last <= theirs.last ? [ours, theirs] : [theirs, ours];
        const first = ours.first < theirs.first ? ours.first : theirs.first;
        changes[key] = { ...old, ...young, first, passed: ours.passed || theirs.passed, tries: Math.max(ours.tries, theirs.tries) };
      } else if (kind === "review") changes[key] = sooner(ours, theirs);
    }
    return changes;
  }

  /** Of two plans for one question the one that comes back sooner; what is over is the last. */
  function sooner(ours, theirs) {
    if (ours.due === null || theirs.due === null) return ours.due === null ? theirs : ours;
    return theirs.due < ours.due ? theirs : ours;
  }

  window.lstmRecord = { DAYS, day, schedule, done, summary, next, reviews, pack, unpack, combine };
})();
