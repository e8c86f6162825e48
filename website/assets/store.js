// What a reader did, kept in this browser and nowhere else: window.lstmStore, for every other script of the site.
//
// Values are JSON, by key: "exercise/ID", "draft/ID", "quiz/NAME", "guess/NAME", "seen/PAGE", "read/PAGE", "review/…".
// All lie in one entry of localStorage, { version, values }. An entry that cannot be read is set aside under a name of
// its own, not lost. Where nothing can be kept (a private window, a full disk, some pages opened from disk) values live as long as
// the page, and state() says so. Other tabs write too: each change is made to what is there now.
(() => {
  const ENTRY = "lstm-gate-by-gate";
  const VERSION = 1;
  const GONE = Symbol("removed");

  let values = new Map(); // key -> JSON text
  const unsaved = new Map(); // what could not be written yet, over what is kept
  const listeners = new Set(); // { prefix, listener }
  let raw = null; // the entry as it was read last
  let kept = true;
  let blocked = false; // an entry that cannot be read is still in its place: nothing may be written over it

  // Naming localStorage can throw by itself, where cookies are blocked.
  function attempt(action) {
    try {
      return action(window.localStorage);
    } catch {
      kept = false;
      return undefined;
    }
  }

  function parse(text) {
    try {
      const entry = JSON.parse(text);
      const found = entry?.values;
      if (entry.version !== VERSION || typeof found !== "object" || found === null || Array.isArray(found)) return null;
      return new Map(Object.entries(found).map(([key, value]) => [key, JSON.stringify(value)]));
    } catch {
      return null;
    }
  }

  function setAside(text) {
    return attempt((storage) => {
      let name = `${ENTRY}.aside.${new Date().toISOString()}`;
      while (storage.getItem(name) !== null) name += "+";
      storage.setItem(name, text); // first the copy, then the entry goes
      storage.removeItem(ENTRY);
      return true;
    });
  }

  /** Take over what is kept now, and tell the listeners what has changed. */
  function refresh() {
    const text = attempt((storage) => storage.getItem(ENTRY));
    if (text === undefined || text === raw) return;
    const before = values;
    const found = text === null ? new Map() : parse(text);
    blocked = !found && !setAside(text);
    raw = found ? text : null;
    values = found ?? new Map();
    for (const [key, value] of unsaved) value === GONE ? values.delete(key) : values.set(key, value);
    for (const key of new Set([...before.keys(), ...values.keys()])) {
      if (before.get(key) !== values.get(key)) tell(key);
    }
  }

  function write() {
    if (blocked) return;
    const body = [...values].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",");
    const text = `{"version":${VERSION},"values":{${body}}}`;
    attempt((storage) => {
      storage.setItem(ENTRY, text);
      raw = text;
      unsaved.clear();
      kept = true;
    });
  }

  function tell(key) {
    for (const { prefix, listener } of [...listeners]) if (key.startsWith(prefix)) listener(key, read(key));
  }

  function read(key) {
    return values.has(key) ? JSON.parse(values.get(key)) : undefined;
  }

  /** Change several keys at once: pairs of a key and its JSON text, or GONE. */
  function change(pairs) {
    refresh();
    const changed = pairs.filter(([key, text]) => (text === GONE ? values.has(key) : values.get(key) !== text));
    for (const [key, text] of changed) {
      unsaved.set(key, text);
      text === GONE ? values.delete(key) : values.set(key, text);
    }
    if (changed.length || unsaved.size) write();
    for (const [key] of changed) tell(key);
  }

  function pair(key, value) {
    const text = JSON.stringify(value);
    if (typeof key !== "string" || !key) throw new TypeError(`got key ${String(key)}, expected some text`);
    if (text === undefined) throw new TypeError(`got ${String(value)} for ${key}, expected a value that JSON can hold`);
    return [key, text];
  }

  window.lstmStore = {
    /** The value of a key, a copy; undefined where there is none. */
    get(key) {
      return read(key);
    },
    set(key, value) {
      change([pair(key, value)]);
    },
    remove(key) {
      change([[key, GONE]]);
    },
    /** The keys that begin with a prefix, in alphabetical order. */
    keys(prefix = "") {
      return [...values.keys()].filter((key) => key.startsWith(prefix)).sort();
    },
    /** Call listener(key, value) whenever such a key changes, here or in another tab; returns what ends that. */
    on(prefix, listener) {
      const entry = { prefix, listener };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
    /** Everything, as one object. */
    all() {
      return Object.fromEntries([...values.keys()].sort().map((key) => [key, read(key)]));
    },
    /** Set many keys in one go; keys that are not named stay. */
    merge(more) {
      change(Object.entries(more).map(([key, value]) => pair(key, value)));
    },
    /** Forget everything, what was set aside included. */
    clear() {
      change([...values.keys()].map((key) => [key, GONE]));
      attempt((storage) => {
        for (const name of asides(storage)) storage.removeItem(name);
        if (!values.size) storage.removeItem(ENTRY);
        raw = storage.getItem(ENTRY);
      });
    },
    /** Whether values outlive the page, and the names of what was set aside because it could not be read. */
    state() {
      return { kept, aside: attempt(asides) ?? [] };
    },
    /** The text of what was set aside under a name. */
    aside(name) {
      return attempt((storage) => storage.getItem(name)) ?? "";
    },
    version: VERSION,
    page: pageName(),
  };

  /** The name of this page within the book, such as "chapters/04_learn_gate", wherever the book lies. */
  function pageName() {
    const root = document.documentElement.dataset.content_root ?? "./"; // "../" in a folder of the book
    const depth = root.split("../").length;
    return location.pathname.replace(/\.html$/, "").split("/").slice(-depth).join("/");
  }

  function asides(storage) {
    const names = Array.from({ length: storage.length }, (_, n) => storage.key(n));
    return names.filter((name) => name.startsWith(`${ENTRY}.aside.`)).sort();
  }

  addEventListener("storage", (event) => {
    if (event.key === ENTRY || event.key === null) refresh();
  });
  refresh();
})();
