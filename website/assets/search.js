// The search: results in the theme's dialog as one types, and the words that were looked for lit up where one arrives.
//
// What finds (search-rank.js) and what is found (search-index.js, which the build writes) are loaded when the dialog
// opens. A result leads to a section, as page.html?find=what+was+asked#section.
(() => {
  const root = document.documentElement.dataset.content_root ?? "./";
  let ready; // the promise of the index

  const load = (name) =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${root}_static/course/${name}`;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${name} could not be loaded`));
      document.head.append(script);
    });

  /** The index, loaded once. */
  function index() {
    ready ??= Promise.all([load("search-rank.js"), load("search-index.js")]).then(() => window.lstmSearch.prepare(window.lstmSearchIndex));
    ready.catch(() => (ready = undefined)); // the next try may succeed
    return ready;
  }

  // ---------------------------------------------------------------- the dialog

  function connect(dialog) {
    const form = dialog.querySelector("form");
    const input = dialog.querySelector("input");
    const said = dialog.querySelector("[role='status']");
    const list = dialog.querySelector("ol");
    const links = () => [...list.querySelectorAll("a")];
    let asked = ""; // what the list answers
    let waiting;

    async function answer() {
      const query = input.value.trim();
      let all;
      try {
        all = await index();
      } catch {
        said.textContent = "The search could not be loaded. Are you still connected?";
        return;
      }
      if (query !== input.value.trim()) return; // the reader has typed on
      if (query === asked) return;
      asked = query;
      const stood = list.contains(document.activeElement);
      const found = window.lstmSearch.search(all, input.value);
      list.replaceChildren(...found.hits.map((hit) => entry(hit, all, query)));
      said.textContent = query ? words(found, query) : "";
      if (stood) input.focus(); // on a result that is gone
    }

    new MutationObserver(() => {
      if (!dialog.open) return;
      index().catch(() => {});
      input.select();
    }).observe(dialog, { attributes: true, attributeFilter: ["open"] });

    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(answer, 80);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      clearTimeout(waiting);
      if (asked !== input.value.trim()) await answer();
      links()[0]?.click();
    });
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.preventDefault(); // a first Escape would empty the input in some browsers, and close nothing
        dialog.close();
        return;
      }
      const all = links();
      const at = all.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
      const inInput = document.activeElement === input;
      if (to === undefined || !all.length || (inInput && event.key !== "ArrowDown")) {
        // A letter goes on with the word.
        if (at >= 0 && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) input.focus();
        return;
      }
      event.preventDefault();
      (to < 0 ? input : all[Math.min(to, all.length - 1)]).focus();
    });
    list.addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (link.pathname !== location.pathname) return;
      event.preventDefault(); // on this page: nothing that was set is lost
      dialog.close();
      history.pushState(null, "", link.href);
      const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      target?.scrollIntoView();
      focusOn(target);
      light();
    });
  }

  /** Say how many sections there are, and what was taken for a word that no section has. */
  function words({ hits, corrected, partly, count }, query) {
    if (!hits.length) return `Nothing found for “${query}”.`;
    const instead = corrected.map(([typed, taken]) => `Nothing has “${typed}”; this is for “${taken}”. `).join("");
    const some = partly ? "No section has all of these words; these have some. " : "";
    const number = count === 1 ? "1 section" : `${count} sections`;
    return `${instead}${some}${number}${count > hits.length ? `, the best ${hits.length} here` : ""}.`;
  }

  const make = (tag, className, ...children) => {
    const element = Object.assign(document.createElement(tag), { className });
    element.append(...children);
    return element;
  };

  /** One result: heading, page, and a piece of the text with the words marked. */
  function entry({ row, places }, { pages }, query) {
    const [address, title] = pages[row.page];
    const link = make("a", "", make("b", "search-heading", row.heading));
    if (!row.isPage) link.append(" ", make("span", "search-page", title));
    const piece = snippet(row.text, places);
    if (piece.length) link.append(" ", make("span", "search-text", ...piece));
    link.href = `${root}${address}?find=${encodeURIComponent(query)}#${encodeURIComponent(row.anchor)}`;
    return make("li", "", link);
  }

  function snippet(text, places, before = 50, length = 150) {
    if (!text) return [];
    const first = places[0]?.[0] ?? 0;
    const start = first <= before ? 0 : text.indexOf(" ", first - before) + 1;
    const end = start + length >= text.length ? text.length : text.lastIndexOf(" ", start + length);
    const pieces = [start > 0 ? "… " : ""];
    let at = start;
    for (const [from, to] of places.filter((place) => place[0] >= start && place[1] <= end)) {
      pieces.push(text.slice(at, from), make("mark", "", text.slice(from, to)));
      at = to;
    }
    return [...pieces, text.slice(at, end), end < text.length ? " …" : ""];
  }

  // ---------------------------------------------------------------- arriving

  function focusOn(element) {
    if (!element) return;
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
    element.addEventListener("blur", () => element.removeAttribute("tabindex"), { once: true });
  }

  /** Light up the words that were looked for, in the section that the address names. */
  async function light() {
    const query = new URLSearchParams(location.search).get("find");
    const section = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!query || !section || !window.Highlight || !CSS.highlights) return;
    const all = await index();
    const { text, nodes } = textOf(section);
    const ranges = window.lstmSearch.marks(text, window.lstmSearch.concepts(query, all)).map(([start, end]) => rangeOf(nodes, start, end));
    CSS.highlights.set("found", new Highlight(...ranges));
    // What is found in a fold alone would stay out of sight.
    const fold = ranges[0]?.startContainer.parentElement.closest("details");
    if (fold && section.contains(fold)) fold.open = true;
  }

  const LEFT_OUT = "script, details.hide, style, mjx-container, .math, .anyhost, .headerlink, .cell_input, .cell_output";

  /** The text of a section without the sections in it, as one text, and where each of its pieces begins. */
  function textOf(section) {
    const walker = document.createTreeWalker(section, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, (node) => {
      if (node.nodeType === Node.TEXT_NODE) return NodeFilter.FILTER_ACCEPT;
      return node.matches("section") || node.matches(LEFT_OUT) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP;
    });
    const nodes = [];
    let text = "";
    let block;
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const parent = node.parentElement.closest("p, li, td, th, h1, h2, h3, h4, summary, dd, dt");
      if (parent !== block) text += "\n"; // words of two blocks are not one name
      block = parent;
      nodes.push([text.length, node]);
      text += node.data;
    }
    return { text, nodes };
  }

  function rangeOf(nodes, start, end) {
    const at = (place) => nodes.findLast(([begin]) => begin <= place);
    const range = new Range();
    const [[from, first], [to, last]] = [at(start), at(end - 1)];
    range.setStart(first, start - from);
    range.setEnd(last, end - to);
    return range;
  }

  // Escape puts the light out.
  addEventListener("keydown", (event) => event.key === "Escape" && window.CSS?.highlights?.delete("found"));

  function start() {
    const dialog = document.getElementById("pst-search-dialog");
    if (dialog) connect(dialog);
    light();
  }
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
