// Fills the page "Your progress": what to do next, reviews, the table, export, import, forget.
//
// Whatever a reader typed or imported is put on the page as text, never as HTML.
(() => {
  const { lstmStore: store, lstmRecord: record, lstmCourse: course } = window;
  const root = document.documentElement.dataset.content_root ?? "./";
  const here = document.currentScript.src.replace(/[^/]*$/, ""); // the folder of the scripts
  const place = (name) => document.getElementById(`progress-${name}`);

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function button(text, pressed) {
    const made = make("button", { type: "button", className: "progress-button" }, text);
    made.addEventListener("click", pressed);
    return made;
  }

  function spoken() {
    const element = make("p", { className: "progress-told" });
    element.setAttribute("role", "status");
    return element;
  }

  const address = ({ page, anchor }) => `${root}${page}.html${anchor ? `#${anchor}` : ""}`;
  const link = (target, text) => make("a", { href: address(target) }, text);
  const chapter = (label, title) => (label ? `Chapter ${label}: ${title}` : title);
  const pageOf = (page) => course.pages.find((entry) => entry.page === page);

  // A file that the reader's browser saves.
  function save(name, text) {
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  // ---------------------------------------------------------------- what is kept, what is next, the table

  function showState() {
    const { kept, aside } = store.state();
    const notes = [];
    if (!kept) {
      const text = "This browser keeps nothing for this site now: a private window, a full disk, or its settings. Your progress ends with this page, unless you export it below.";
      notes.push(make("p", { className: "progress-note" }, text));
    }
    for (const name of aside) {
      const keep = button("Save it to a file", () => save(`${name}.txt`, store.aside(name)));
      notes.push(make("p", { className: "progress-note" }, "An earlier record could not be read. It was set aside and is not lost. ", keep));
    }
    place("state").replaceChildren(...notes);
  }

  function showNext() {
    const found = record.next(course, store.all());
    const text = make("p");
    if (!found) text.append("You have solved every exercise and answered every question. What is left are the reviews.");
    else if (!found.item) text.append("Read ", link(found, chapter(found.label, found.title)));
    else {
      const what = found.item.kind === "quiz" ? "Answer the question “" : "Solve “";
      text.append(what, link({ page: found.page, anchor: found.item.anchor }, found.item.title), `” (${chapter(found.label, found.title)})`);
    }
    place("next").replaceChildren(text);
  }

  const share = ({ done, all }) => (all ? `${done} of ${all}` : "–");

  function showTable() {
    const rows = record.summary(course, store.all()).filter(({ label, all }) => label || all);
    const total = (kind) => rows.reduce((sum, row) => ({ done: sum.done + row[kind].done, all: sum.all + row[kind].all }), { done: 0, all: 0 });
    const head = make("tr", {}, ...["Chapter", "Read", "Guesses", "Quizzes", "Exercises"].map((text) => make("th", { scope: "col" }, text)));
    const line = (first, read, counts) => make("tr", {}, make("th", { scope: "row" }, first), make("td", {}, read), ...counts.map((count) => make("td", {}, share(count))));
    const kinds = ["guess", "quiz", "exercise"];
    const body = rows.map((row) => {
      const name = row.label ? `${row.label}. ${row.title}` : row.title;
      return line(link(row, name), row.read ? "✓" : "not yet", kinds.map((kind) => row[kind]));
    });
    const read = `${rows.filter((row) => row.read).length} of ${rows.length}`;
    const table = make("table", { className: "progress-table" }, make("caption", { className: "progress-said" }, "What is done, by chapter"), make("thead", {}, head));
    table.append(make("tbody", {}, ...body), make("tfoot", {}, line("All", read, kinds.map(total))));
    place("table").replaceChildren(table);
  }

  // ---------------------------------------------------------------- reviews, one at a time

  const loaded = new Map();
  function load(name) {
    const wait = () => new Promise((ready, failed) => {
      document.head.append(make("script", { src: `${here}${name}`, onload: ready, onerror: () => failed(new Error(`${name} could not be loaded`)) }));
    });
    if (!loaded.has(name)) loaded.set(name, wait());
    return loaded.get(name);
  }

  /** The question itself, without the answer that was given before. */
  async function ask(item) {
    await Promise.all(["quizzes.js", "widgets.js", "anyhost.js"].map(load));
    const traits = window.lstmQuizzes[`${item.kind}/${item.id}`];
    if (!traits) return null;
    if (!document.getElementById("progress-style")) {
      document.head.append(make("style", { id: "progress-style" }, window.lstmWidgets.style));
    }
    const frame = make("div", { className: "anyhost" });
    const model = window.lstmHost.makeModel({ state: { ...traits, choice: "" } });
    window.lstmWidgets.modules["lstm_lib.widgets.quiz"].default.render({ model, el: frame });
    return frame;
  }

  const passed = []; // what the reader put off until this page is opened again
  const told = spoken();
  const card = make("div");

  async function showReviews(again = false) {
    const { due, next } = record.reviews(course, store.all(), new Date());
    const waiting = due.filter(({ kind, id }) => !passed.includes(`${kind}/${id}`));
    const later = next ? ` The next one comes on ${new Date(`${next}T12:00`).toLocaleDateString("en", { weekday: "long", day: "numeric", month: "long" })}.` : "";
    told.textContent = waiting.length ? `${waiting.length} ${waiting.length === 1 ? "question is" : "questions are"} due.` : `Nothing is due.${later}`;
    card.replaceChildren();
    if (!waiting.length) return;
    const item = waiting[0];
    const { label, title } = pageOf(item.page);
    const go = button("Not now", () => {
      passed.push(`${item.kind}/${item.id}`);
      showReviews(true);
    });
    const from = make("p", {}, "From ", link(item, chapter(label, title)));
    try {
      const question = await ask(item);
      const invitation = () => make("p", {}, "Solve it once more, without looking at what you wrote: ", link(item, item.title));
      card.replaceChildren(from, question ?? invitation(), go);
    } catch (error) {
      card.replaceChildren(from, make("p", {}, `This question cannot be shown here: ${error.message}.`), go);
    }
    if (again) card.querySelector("input, .anyhost button, a")?.focus({ preventScroll: true });
    const answered = ({ detail }) => {
      if (detail.kind !== item.kind || detail.id !== item.id) return;
      go.textContent = "Go on";
      passed.push(`${item.kind}/${item.id}`);
      document.removeEventListener("lstm:done", answered);
    };
    document.addEventListener("lstm:done", answered);
  }

  // ---------------------------------------------------------------- files, and forgetting

  function showFiles() {
    const said = spoken();
    const out = button("Export", () => save(`lstms-progress-${record.day(new Date())}.json`, record.pack(store.all(), new Date())));
    const file = make("input", { type: "file", accept: ".json,application/json", id: "progress-import", className: "progress-hidden" });
    const take = make("label", { htmlFor: file.id, className: "progress-button" }, "Import a file");
    file.addEventListener("change", async () => {
      const [chosen] = file.files;
      if (!chosen) return;
      try {
        if (chosen.size > 8_000_000) throw new Error(`got ${Math.ceil(chosen.size / 1e6)} megabytes, expected at most 8`);
        const changes = record.combine(store.all(), record.unpack(await chosen.text()));
        store.merge(changes);
        said.textContent = `Imported: ${Object.keys(changes).length} entries were added to what is here.`;
      } catch (error) {
        said.textContent = `This file was not imported, and nothing was changed: ${error.message}.`;
      }
      file.value = ""; // the same file can be chosen again
    });

    const forget = button("Forget me", () => {
      sure.hidden = false;
      no.focus();
    });
    const no = button("Keep it", () => {
      sure.hidden = true;
      forget.focus();
    });
    const yes = button("Forget everything", () => {
      store.clear();
      sure.hidden = true;
      said.textContent = "Everything is forgotten.";
      forget.focus();
      showReviews();
    });
    const question = make("p", { id: "progress-sure" }, "Forget what you read, guessed, answered, solved and wrote on all pages? Only an export brings it back.");
    const sure = make("div", { hidden: true, className: "progress-sure" }, question, no, " ", yes);
    sure.setAttribute("role", "group");
    sure.setAttribute("aria-labelledby", question.id);
    place("files").replaceChildren(make("p", {}, out, " ", file, take, " ", forget), sure, said);
  }

  function show() {
    showState();
    showNext();
    showTable();
  }

  place("reviews").replaceChildren(told, card);
  showFiles();
  try {
    show();
    showReviews();
  } finally {
    document.documentElement.dataset.progress = "ready"; // from now on the sections are seen: none has jumped
  }
  store.on("", show);
})();
