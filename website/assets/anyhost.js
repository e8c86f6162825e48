// Shows the explorables of a notebook on a static page: no server, no Python, no other script.
//
// An explorable is an anywidget: an ES module with a function render({ model, el }). In Jupyter the model is connected
// to Python. Here it is a plain object, filled with the state that the notebook stored when it ran. The page holds
//   <script type="application/vnd.jupyter.widget-state+json">   the state of all models, once, and
//   <script type="application/vnd.jupyter.widget-view+json">    one for each place where a widget is shown.
// or, on a page that is no notebook, <div data-explorable="NAME" data-state="{…}">, whose content stands in for it until
// it has started; the site's build fills in the state.
// The code of the course's own explorables is in widgets.js, which comes before this script; any other anywidget brings
// its code in its state.
// Widgets that are not anywidgets (ipywidgets' own sliders and boxes) are not shown, and an error says so.
(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const PLACE = "[data-explorable]";

  // The part of anywidget's model that a module can use: get, set, save_changes, on, off, send.
  function makeModel({ state, buffers = [] }) {
    const values = { ...state };
    const listeners = new Map(); // event name -> list of functions
    for (const { path, data } of buffers) place(values, path, decode(data));

    const fire = (event, ...args) => [...(listeners.get(event) ?? [])].forEach((listener) => listener(...args));
    const model = {
      get: (key) => values[key],
      set(key, value) {
        if (values[key] === value) return;
        values[key] = value;
        fire(`change:${key}`, model, value);
        fire("change", model);
      },
      on(events, listener) {
        for (const event of events.split(/\s+/)) listeners.set(event, [...(listeners.get(event) ?? []), listener]);
      },
      off(event, listener) {
        if (!event) listeners.clear();
        else listeners.set(event, (listeners.get(event) ?? []).filter((known) => listener && known !== listener));
      },
      save_changes() {}, // nobody to save to
      send() {},
      website: true, // an address that a reader can keep and send: see addressed() in parts.js
    };
    return model;
  }

  // Binary values are stored beside the state, in base64, with the path to where they belong.
  function decode(base64) {
    return new DataView(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer);
  }

  function place(object, path, value) {
    for (const key of path.slice(0, -1)) object = object[key] = Array.isArray(object[key]) ? [...object[key]] : { ...object[key] };
    object[path.at(-1)] = value;
  }

  function addStyle(place, textContent) {
    place.append(Object.assign(document.createElement("style"), { textContent }));
  }

  // The exports of the module of an explorable: the course's own by the Python module of its class, others from their state.
  async function load({ _anywidget_id: id, _esm: code }) {
    const known = window.lstmWidgets?.modules[id?.replace(/\.\w+$/, "")];
    if (known) return known;
    if (!code) throw new Error(`there is no code for ${id ?? "a widget without a name"}, neither on this site nor in the notebook`);
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    try {
      return await import(url);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  // What the reader answered comes back: a quiz has a name of its own, a guess that of its page and its explorable.
  function remember(model, { _anywidget_id: module = "" }, frame, counts) {
    const store = window.lstmStore;
    const name = model.get("name");
    if (model.get("choice") !== undefined && name) {
      frame.id = `quiz-${name}`;
      const kept = store?.get(`${model.get("role") ?? "quiz"}/${name}`)?.answer;
      if (typeof kept === "string") model.set("choice", kept);
    } else if (model.get("guess") === "") {
      const kind = module.split(".").at(-2) ?? "explorable";
      counts[kind] = (counts[kind] ?? 0) + 1;
      frame.id = `explorable-${kind}${counts[kind] > 1 ? `-${counts[kind]}` : ""}`;
      const id = `${store?.page ?? ""}#${frame.id}`;
      const kept = store?.get(`guess/${id}`)?.answer;
      if (typeof kept === "string") model.set("guess", kept);
      model.on("change:guess", (_, answer) => {
        const detail = { kind: "guess", id, passed: null, mistake: null, answer };
        document.dispatchEvent(new CustomEvent("lstm:done", { detail }));
      });
    }
  }

  // An explorable of a notebook: its frame is there at once, so that a link finds it, and the rest when it is its turn.
  function show(view, entries, models, counts) {
    const id = JSON.parse(view.textContent).model_id;
    const entry = entries[id];
    if (entry?.model_module !== "anywidget") {
      throw new Error(`a static page can show anywidgets only, not ${entry?.model_name ?? "a widget without stored state"}`);
    }
    const model = (models[id] ??= makeModel(entry));
    const frame = frameOf(view) ?? document.createElement("div");
    frame.className = "anyhost";
    view.after(frame);
    remember(model, entry.state, frame, counts);
    const fill = async () => {
      if (entry.state._css) addStyle(frame, entry.state._css);
      await render(frame, model, await load(entry.state));
    };
    return { frame, fill };
  }

  // The build leaves room for an explorable behind its view.
  const frameOf = (view) => (view.nextElementSibling?.matches(".anyhost") ? view.nextElementSibling : undefined);

  // An explorable of a page that is no notebook.
  function mount(place) {
    const { explorable, state } = place.dataset;
    const fill = async () => {
      const exports = await load({ _anywidget_id: `lstm_lib.widgets.${explorable}.Place` });
      place.replaceChildren();
      await render(place, makeModel({ state: JSON.parse(state) }), exports);
    };
    return { frame: place, fill };
  }

  async function render(frame, model, exports) {
    const el = frame.appendChild(document.createElement("div"));
    let { default: widget } = exports;
    if (typeof widget === "function") widget = await widget();
    const signal = new AbortController().signal; // never aborted: the page lives as long as the widget
    await widget.initialize?.({ model, signal, experimental: {} });
    await widget.render?.({ model, el, signal, experimental: {} });
  }

  // To start thirty of them at once would hold up the page: what comes near the screen starts first, and the others, one
  // at a time, when the browser has nothing else to do.
  function inTurn(all) {
    const waiting = new Map(all.map(({ frame, fill }) => [frame, fill]));
    const fill = async (frame) => {
      const start = waiting.get(frame);
      near.unobserve(frame);
      if (!waiting.delete(frame)) return;
      try {
        await start();
      } catch (error) {
        complain(frame, error);
        if (!frame.textContent) frame.remove();
      }
    };
    const near = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) if (isIntersecting) fill(target);
      },
      { rootMargin: "100%" },
    );
    for (const frame of waiting.keys()) near.observe(frame);

    const whenIdle = window.requestIdleCallback ?? ((act) => setTimeout(act, 50));
    const next = async () => {
      const [frame] = waiting.keys();
      if (!frame) return;
      await fill(frame);
      whenIdle(next);
    };
    whenIdle(next);
    addEventListener("beforeprint", () => [...waiting.keys()].forEach(fill));
  }

  function complain(place, error) {
    console.error(error);
    const message = document.createElement("p");
    message.textContent = `This explorable could not start: ${error.message}`;
    place.after(message);
    frameOf(message)?.remove();
  }

  function start() {
    const places = document.querySelectorAll(`${VIEW}, ${PLACE}`);
    if (!places.length) return;
    const stored = document.querySelector(STATE);
    const entries = stored ? JSON.parse(stored.textContent).state : {};
    const models = {};
    const counts = {};
    if (window.lstmWidgets) addStyle(document.head, window.lstmWidgets.style);
    const all = [];
    for (const place of places) {
      try {
        all.push(place.matches(PLACE) ? mount(place) : show(place, entries, models, counts));
      } catch (error) {
        complain(place, error);
      }
    }
    inTurn(all);
    // A link to a quiz leads to what was not there yet when the page was opened.
    const wanted = document.getElementById(location.hash.slice(1));
    if (wanted?.matches(".anyhost")) wanted.scrollIntoView();
  }

  window.lstmHost = { makeModel };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
