// Shows the explorables of a notebook on a static page: no server, no Python, no other script.
//
// An explorable is an anywidget: an ES module with a function render({ model, el }). In Jupyter the model is connected
// to Python. Here it is a plain object, filled with the state that the notebook stored when it ran. The page holds
//   <script type="application/vnd.jupyter.widget-state+json">   the state of all models, once, and
//   <script type="application/vnd.jupyter.widget-view+json">    one for each place where a widget is shown.
// The code of the course's own explorables is in widgets.js, which comes before this script; any other anywidget brings
// its code in its state.
// Widgets that are not anywidgets (ipywidgets' own sliders and boxes) are not shown, and an error says so.
(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';

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

  async function show(view, entries, models) {
    const id = JSON.parse(view.textContent).model_id;
    const entry = entries[id];
    if (entry?.model_module !== "anywidget") {
      throw new Error(`a static page can show anywidgets only, not ${entry?.model_name ?? "a widget without stored state"}`);
    }
    const model = (models[id] ??= makeModel(entry));
    const frame = document.createElement("div");
    frame.className = "anyhost";
    view.after(frame);
    if (entry.state._css) addStyle(frame, entry.state._css);
    const el = frame.appendChild(document.createElement("div"));

    let { default: widget } = await load(entry.state);
    if (typeof widget === "function") widget = await widget();
    const signal = new AbortController().signal; // never aborted: the page lives as long as the widget
    await widget.initialize?.({ model, signal, experimental: {} });
    await widget.render?.({ model, el, signal, experimental: {} });
  }

  // Between two explorables the page answers its reader: to show thirty of them at once would hold it up.
  const breath = () => new Promise((done) => setTimeout(done));

  async function start() {
    const stored = document.querySelector(STATE);
    if (!stored) return;
    const entries = JSON.parse(stored.textContent).state;
    const models = {};
    if (window.lstmWidgets) addStyle(document.head, window.lstmWidgets.style);
    for (const view of document.querySelectorAll(VIEW)) {
      try {
        await show(view, entries, models);
      } catch (error) {
        console.error(error);
        const message = document.createElement("p");
        message.textContent = `This explorable could not start: ${error.message}`;
        view.after(message);
      }
      await breath();
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
