// Makes the exercises and the small cells of a page work in the page: an editor, Run, Check, and Python in a worker.
//
// An exercise is a code cell that ends with check("ID", NAME); a cell that the notebook tags `live` can be run. What is
// typed is kept in lstmStore, where there is one, and every verdict is told to the page as the event "lstm:done".
// Where the site serves NumPy, the page says so (#live-numpy) and names further cells that can be run; it is fetched when
// code first asks for it.
(() => {
  const base = document.currentScript.src.replace(/[^/]*$/, "");
  const CHECKED = /\n*check\("([\w-]+)", (\w+)\)\s*$/;
  const PATIENCE = 20; // seconds that code may run before it is stopped
  const SILENCE = 120; // seconds without a sign of life after which Python is said not to start
  const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

  const numpy = JSON.parse(document.getElementById("live-numpy")?.textContent ?? "null"); // { megabytes, cells }

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // ---------------------------------------------------------------- Python

  // One worker for the page, made when the reader first presses a button, and made anew after it had to be stopped.
  const python = (() => {
    let worker, ready, last;
    const waiting = new Map(); // number of the request -> what to do with the message
    const everyone = (message) => {
      for (const tell of [...waiting.values()]) tell(message);
    };

    function begin() {
      ready = false;
      try {
        worker = new Worker(`${base}worker.mjs`, { type: "module" });
      } catch {
        return false;
      }
      worker.onmessage = ({ data }) => {
        if (data.ready) ready = true;
        if (data.failed) {
          worker?.terminate();
          worker = undefined;
        }
        if ("id" in data) waiting.get(data.id)?.(data);
        else everyone(data);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        worker = undefined;
        everyone({ failed: event.message || "the file of its worker did not come" });
      };
      return true;
    }

    function end(message) {
      worker?.terminate();
      worker = undefined;
      everyone(message);
    }

    /** Send a request; told(message) hears { share }, { ready }, and at last { reply }, { failed }, { broken } or { stopped }. */
    function ask(request, told) {
      const id = (last = (last ?? 0) + 1);
      let clock;
      const wait = (seconds, message) => {
        clearTimeout(clock);
        clock = setTimeout(() => end(message), 1000 * seconds);
      };
      const hear = (message) => {
        if (message.ready) wait(PATIENCE, { stopped: `after ${PATIENCE} seconds` });
        else wait(SILENCE, { failed: `nothing came for ${SILENCE} seconds` });
        if (["reply", "failed", "broken", "stopped"].some((key) => key in message)) {
          clearTimeout(clock);
          waiting.delete(id);
        }
        told(message);
      };
      if (!worker && !begin()) {
        told({ failed: "this browser does not start workers from here" });
        return;
      }
      waiting.set(id, hear);
      wait(SILENCE, { failed: `nothing came for ${SILENCE} seconds` });
      const arrays = numpy && /\b(?:np|numpy|lstm_lib)\b/.test([...(request.above ?? []), request.source].join("\n"));
      worker.postMessage({ id, request: JSON.stringify(request), numpy: Boolean(arrays) });
      if (ready) hear({ ready: true });
    }

    return { ask, stop: () => end({ stopped: "by you" }) };
  })();

  // ---------------------------------------------------------------- the editor

  let editorScript;
  const loadEditor = () =>
    (editorScript ??= new Promise((resolve, reject) => {
      document.head.append(make("script", { src: `${base}editor.js`, onload: resolve, onerror: reject }));
    }));

  let count = 0;

  // What there is to type in comes when its place is near the screen, a leaf through the page (Page Down) away: a browser
  // that looks through the fields of a page, to fill them in, lays out all that it finds.
  const arriving = new Map(); // place -> what to do
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) arrive(target);
    },
    { rootMargin: "150%" },
  );
  function whenNear(place, act) {
    arriving.set(place, act);
    near.observe(place);
    return place;
  }
  function arrive(place) {
    near.unobserve(place);
    arriving.get(place)?.();
    arriving.delete(place);
  }

  /** A text area that becomes an editor when it comes near the screen; without the editor it goes on as a text area. */
  function textBox(text, { label, actions, changed }) {
    const note = make("p", { id: `live-note-${(count += 1)}`, className: "live-note" });
    note.textContent = `Once you type, Tab indents; Escape, then Tab, leaves the editor. ${MAC ? "⌘" : "Ctrl"} + Enter is ${actions[0].name}.`;
    const area = make("textarea", { value: text, rows: text.split("\n").length + 1, spellcheck: false });
    area.setAttribute("aria-label", label);
    area.setAttribute("aria-describedby", note.id);
    area.setAttribute("autocapitalize", "off");
    area.addEventListener("input", () => changed(area.value));
    area.addEventListener("keydown", (event) => {
      const key = event.key !== "Enter" ? "" : event.ctrlKey || event.metaKey ? "Mod-Enter" : event.shiftKey ? "Shift-Enter" : "";
      const pressed = actions.find(({ keys }) => keys.includes(key));
      if (!pressed) return;
      event.preventDefault();
      pressed.run();
    });
    let box = {
      get: () => area.value,
      set: (now) => {
        area.value = now;
        changed(now);
      },
      focus: () => area.focus(),
      select() {},
    };
    const place = whenNear(make("div", { className: "live-place" }, `${text}\u200b`), () => {
      place.replaceWith(area);
      grow();
    });
    const grow = async () => {
      try {
        await loadEditor();
      } catch {
        return; // the text area stays
      }
      const focused = document.activeElement === area;
      const bindings = actions.flatMap(({ keys, run }) => keys.map((key) => ({ key, run })));
      box = lstmEditor.edit(area, { label, describedBy: note.id, keys: bindings, changed });
      if (focused) box.focus();
    };
    return {
      elements: [place, note],
      get: () => box.get(),
      set: (now) => box.set(now),
      focus: () => (arrive(place), box.focus()),
      select: (line) => box.select(line),
    };
  }

  /** One line for a number or an expression. */
  function lineBox(text, { label, actions, changed }) {
    const id = `live-line-${(count += 1)}`;
    const input = make("input", { type: "text", id, value: text, spellcheck: false, autocomplete: "off" });
    input.setAttribute("autocapitalize", "off");
    input.placeholder = "e.g. 0.95 ** 30";
    input.addEventListener("input", () => changed(input.value));
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      actions[0].run();
    });
    const place = whenNear(make("span", { className: "live-place" }, "\u200b"), () => place.replaceWith(input));
    const row = make("div", { className: "live-line" }, make("label", { htmlFor: id }, label), place);
    return {
      elements: [row],
      get: () => input.value,
      set: (now) => {
        input.value = now;
        changed(now);
      },
      focus: () => (arrive(place), input.focus()),
      select() {},
    };
  }

  // ---------------------------------------------------------------- what Python says

  /** Text with code lines (indented) and marked places («…») as elements. */
  function paragraphs(text) {
    return text.split("\n").map((line) => {
      const pieces = line.trim().split(/(«[^«»]*»)/).map((piece) => (piece.startsWith("«") ? make("mark", {}, piece.slice(1, -1)) : piece));
      return line.startsWith("    ") ? make("pre", {}, ...pieces) : make("p", {}, ...pieces);
    });
  }

  function said({ verdict, error, printed, value }, { withValue }) {
    const parts = [];
    if (printed) parts.push(make("pre", { className: "live-printed" }, printed.replace(/\n$/, "")));
    if (error) {
      const where = error.line ? `Line ${error.line}` : "Not yet";
      parts.push(make("p", {}, make("strong", {}, `${where}: `), error.words));
      if (error.source) parts.push(make("pre", {}, error.source.trim()));
    }
    if (withValue && value && !error) parts.push(make("pre", { className: "live-value" }, value));
    if (withValue && !parts.length && !verdict) parts.push(make("p", {}, "It ran, and had nothing to print."));
    if (verdict) parts.push(make("p", {}, make("strong", {}, verdict.word)), ...paragraphs(verdict.message));
    return parts;
  }

  // ---------------------------------------------------------------- one panel

  /**
   * The parts of a panel: a box to type in, buttons, and what is said, which screen readers read when it is complete.
   * actions: [{ name, keys, request(text), done(reply, text) }], the main one first.
   */
  function panel(kind, { text, label, key, actions, line = false, withValue = true }) {
    const store = window.lstmStore;
    const kept = key && store?.get(`draft/${key}`);
    const words = make("div", { className: "live-said" });
    words.setAttribute("role", "status");
    const progress = make("progress", { max: 1 });
    progress.setAttribute("aria-label", "Python is starting");
    const wait = make("div", { className: "live-wait", hidden: true }, make("span", {}, ""), progress);
    const stop = make("button", { type: "button", hidden: true }, "Stop");
    stop.addEventListener("click", python.stop);

    let saving;
    const changed = (now) => {
      clearTimeout(saving);
      saving = setTimeout(() => {
        if (!key) return;
        if (now === text) store?.remove(`draft/${key}`);
        else store?.set(`draft/${key}`, now);
      }, 300);
      again.hidden = now === text;
    };

    const say = (state, ...parts) => {
      root.dataset.state = state;
      words.replaceChildren(...parts);
    };

    function act(action) {
      if (!stop.hidden) return; // one at a time
      const typed = box.get();
      const began = performance.now();
      say("working");
      stop.hidden = false;
      wait.hidden = false;
      wait.firstChild.textContent = "Starting Python, once for this page (12 MB) …";
      progress.removeAttribute("value");
      for (const button of buttons) button.setAttribute("aria-disabled", "true");
      const finish = (state, ...parts) => {
        stop.hidden = true;
        wait.hidden = true;
        for (const button of buttons) button.removeAttribute("aria-disabled");
        say(state, ...parts);
        root.dataset.ms = Math.round(performance.now() - began);
      };
      const oneLine = (strong, rest) => make("p", {}, make("strong", {}, strong), rest);
      python.ask(action.request(typed), (message) => {
        if ("share" in message) {
          progress.value = message.share;
          if (message.what === "NumPy") wait.firstChild.textContent = `Fetching NumPy, once for this page (${numpy.megabytes} MB) …`;
        } else if (message.ready) {
          progress.removeAttribute("value");
          wait.firstChild.textContent = "Running …";
        } else if (message.failed) {
          const served = location.protocol === "file:" ? "Browsers start Python only on pages that come from a server: in the folder of the book, run “python -m http.server”, and open the address that it says. " : "";
          finish("failed", oneLine("Python did not start. ", `${navigator.onLine ? "" : "You are offline, and it comes from this site at the first press. "}${served}What you typed is kept${served ? "" : "; press once more to try again"}. (${message.failed})`));
        } else if (message.stopped) {
          finish("stopped", oneLine("Stopped ", `${message.stopped}. Does a loop go on for ever? What you typed is kept, and Python starts anew with the next press.`));
        } else if (message.broken) {
          finish("failed", oneLine("This is our fault, not yours: ", message.broken));
        } else if (message.reply) {
          const reply = JSON.parse(message.reply);
          const state = reply.error ? "wrong" : reply.verdict ? (reply.verdict.passed ? "right" : reply.verdict.word === "Not yet" ? "wrong" : "waiting") : "ran";
          finish(state, ...said(reply, { withValue }));
          if (reply.error?.line) box.select(reply.error.line);
          action.done?.(reply, typed);
        }
      });
    }

    const bound = actions.map((action) => ({ ...action, run: () => act(action) }));
    const box = (line ? lineBox : textBox)(typeof kept === "string" ? kept : text, { label, actions: bound, changed });
    const buttons = bound.map(({ name, run }) => {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", run);
      return button;
    });
    const again = make("button", { type: "button", className: "live-again", hidden: box.get() === text }, "Start again");
    again.addEventListener("click", () => {
      box.set(text);
      say("");
      box.focus();
    });
    const root = make("div", { className: `live live-${kind}` }, ...box.elements, make("div", { className: "live-buttons" }, ...buttons, stop, again), wait, words);
    return { root, get: box.get, say };
  }

  // ---------------------------------------------------------------- exercises and cells

  function exercise(cell, id, name, stub) {
    const numeric = new RegExp(`^${name} = \\.\\.\\.`).test(stub);
    const tell = ({ verdict }, typed) => {
      if (!verdict || verdict.word.startsWith("Not answered")) return;
      const detail = { kind: "exercise", id, passed: verdict.passed, mistake: verdict.mistake, answer: typed };
      document.dispatchEvent(new CustomEvent("lstm:done", { detail }));
    };
    const check = { name: "Check", keys: ["Mod-Enter"], request: (source) => ({ do: "check", id, source }), done: tell };
    const run = { name: "Run", keys: ["Shift-Enter"], request: (source) => ({ do: "run", source }) };
    const options = numeric
      ? { text: "", label: `${name} = `, key: id, actions: [check], line: true }
      : { text: stub, label: `Your code for ${name}`, key: id, actions: [check, run] };
    const made = panel("exercise", options);
    made.root.id = `exercise-${id}`;
    made.root.dataset.exercise = id;
    const before = window.lstmStore?.get(`exercise/${id}`);
    if (before?.passed) made.say("right", make("p", {}, make("strong", {}, "Solved "), "when you were here before."));
    cell.replaceChildren(made.root);
  }

  // A cell goes on from the cells above it: they are run first, each time anew, so that nothing depends on what was pressed.
  // A cell that needs NumPy goes on from what the page says: cells as they are now, and code that no cell shows.
  function liveCells(cells) {
    const current = new Map(); // text as stored -> what gives the text as it is now
    const small = []; // those that need no NumPy
    const planned = new Map((numpy?.cells ?? []).map(({ source, above }) => [source, above]));
    const later = []; // what each cell needs to say that it is out of date, in order
    for (const cell of cells) {
      const output = cell.querySelector(".cell_output");
      const text = stored(cell);
      const above = planned.get(text);
      const before = small.slice();
      const place = later.length;
      const old = make("p", { className: "live-old", hidden: true }, "A cell above was changed since: run this one again.");
      let ran = text;
      const run = {
        name: "Run",
        keys: ["Shift-Enter", "Mod-Enter"],
        request: (source) => ({ do: "run", source, above: above ? above.map(({ code, live }) => code ?? current.get(live)()) : before.map((get) => get()) }),
        done(reply, typed) {
          if (output) output.hidden = true;
          old.hidden = true;
          if (typed !== ran) for (const note of later.slice(place + 1)) note.hidden = false;
          ran = typed;
        },
      };
      const made = panel("cell", { text, label: "Code that you can change and run", actions: [run] });
      later.push(old);
      made.root.append(old);
      current.set(text, made.get);
      if (!above) small.push(made.get);
      cell.querySelector(".cell_input").replaceWith(made.root);
    }
  }

  const stored = (cell) => cell.querySelector(".cell_input pre").textContent.replace(/\n$/, "");

  function start() {
    const live = [];
    const brought = new Set(numpy?.cells.map(({ source }) => source));
    for (const cell of document.querySelectorAll("div.cell")) {
      const pre = cell.querySelector(":scope > .cell_input pre");
      if (!pre) continue; // folded cells, solutions among them, stay as they are
      const [, id, name] = pre.textContent.match(CHECKED) ?? [];
      if (id) exercise(cell, id, name, pre.textContent.replace(CHECKED, ""));
      else if (cell.classList.contains("tag_live") || brought.has(stored(cell))) live.push(cell);
    }
    liveCells(live);
    document.documentElement.dataset.live = "ready";
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
