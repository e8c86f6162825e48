// Which sections a search finds, and in which order. No page is needed: see tests/site/search.test.mjs.
//
// A query is cut into concepts: the longest names that the table of synonyms knows, and single words for the rest. A
// section is found if it has each concept, by any of its names. Where no section has a word, words that differ by one
// typing error stand in for it.
(() => {
  const WORD = /[\p{L}\p{N}_]+/gu;
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const stems = new Map(); // a word as it is written -> the same without ending

  /** The words of a text, as [word, where it begins, where it ends]. */
  function words(text) {
    return [...text.matchAll(WORD)].map(({ 0: written, index }) => {
      if (!stems.has(written)) stems.set(written, stem(plain(written)));
      return [stems.get(written), index, index + written.length];
    });
  }

  /** A word without its ending, where four letters remain: gates, gate; clipping, clipped, clip. */
  function stem(word) {
    const cut = word.match(/^(.{3,}?)(ing|ed)$/) ?? word.match(/^(.{4,}?)(es)$/) ?? word.match(/^(.{3,}[^su])(s)$/);
    if (!cut) return word;
    const [, rest, ending] = cut;
    if (ending === "ing" || ending === "ed") return rest.replace(/([bdfgmnprt])\1$/, "$1");
    return ending === "es" && !/(s|x|z|ch|sh)$/.test(rest) ? `${rest}e` : rest;
  }

  /** Whether two words differ by one letter: left out, added, changed, or exchanged with its neighbour. */
  function oneErrorApart(a, b) {
    if (a === b || Math.abs(a.length - b.length) > 1) return a === b;
    let start = 0;
    while (start < Math.min(a.length, b.length) && a[start] === b[start]) start += 1;
    const [restA, restB] = [a.slice(start), b.slice(start)];
    const swapped = restA.length > 1 && restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
    return restA.slice(1) === restB || restA === restB.slice(1) || restA.slice(1) === restB.slice(1) || swapped;
  }

  /** Make an index ready: the words of each section, and how many sections have each word. */
  function prepare({ pages, sections, synonyms }) {
    const known = new Map(); // word -> how many sections have it
    const spelled = new Map(); // word -> how it is written, with its ending
    const rows = sections.map(([page, anchor, heading, text, code, terms, worth]) => {
      const row = { page, anchor, heading, text, worth, isPage: false };
      const lists = { heading, text, code, terms, page: pages[page][1] };
      row.fields = Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, words(list)]));
      row.own = new Set(Object.values(row.fields).flatMap((list) => list.map(([word]) => word)));
      for (const word of row.own) known.set(word, (known.get(word) ?? 0) + 1);
      return row;
    });
    for (const [written, word] of stems) if (!spelled.has(word)) spelled.set(word, plain(written));
    rows.forEach((row, n) => (row.isPage = n === 0 || rows[n - 1].page !== row.page));
    const lengths = rows.map(({ fields }) => fields.text.length);
    const groups = synonyms.map((names) => names.map((name) => words(name).map(([word]) => word)));
    return { pages, rows, known, spelled, groups, mean: lengths.reduce((sum, n) => sum + n, 0) / rows.length };
  }

  /** Where a name (a list of words) stands in a list of words; the last word may be unfinished if open. */
  function places(name, list, open) {
    const found = [];
    for (let n = 0; n + name.length <= list.length; n += 1) {
      const fits = (word, k) =>
        list[n + k][0] === word || (open && k === name.length - 1 && word.length > 1 && list[n + k][0].startsWith(word));
      if (name.every(fits)) found.push(n);
    }
    return found;
  }

  /** Cut a query into concepts: { names: [[word, …], …], open }. */
  function concepts(query, { groups, known, spelled }) {
    const list = words(query);
    const asked = list.map(([word]) => word);
    const found = [];
    for (let n = 0; n < asked.length; ) {
      let best = { names: [[asked[n]]], length: 1 };
      for (const group of groups) {
        for (const name of group) {
          const same = name.length >= best.length && name.every((word, k) => asked[n + k] === word);
          if (same && (name.length > best.length || best.names.length === 1)) {
            best = { names: [name, ...group.filter((other) => other !== name)], length: name.length };
          } else if (same) {
            best.names.push(...group.filter((other) => other !== name));
          }
        }
      }
      n += best.length;
      // As one types, the last word may be unfinished: "vani".
      found.push({ names: best.names, open: n >= asked.length && !/\s$/.test(query) });
    }
    for (const concept of found) {
      const [[word]] = concept.names;
      if (concept.names.length > 1 || has(word, concept.open, known)) continue;
      const near = [...known.keys()].filter((other) => word.length > 3 && oneErrorApart(word, other));
      if (near.length) {
        near.sort((a, b) => known.get(b) - known.get(a));
        const [, start, end] = list[asked.indexOf(word)];
        Object.assign(concept, { names: near.map((other) => [other]), typed: query.slice(start, end) });
        concept.corrected = spelled.get(near[0]) ?? near[0];
      }
    }
    return found;
  }

  function has(word, open, known) {
    return known.has(word) || (open && word.length > 1 && [...known.keys()].some((other) => other.startsWith(word)));
  }

  const WEIGHTS = { heading: 9, terms: 5, text: 4, code: 1.5, page: 2 };

  /** How well a section answers one concept: 0 if it lacks it. */
  function score(row, { names, open }, mean) {
    let best = 0;
    names.forEach((name, n) => {
      const unfinished = open && n === 0;
      const complete = unfinished ? name.slice(0, -1) : name;
      if (!complete.every((word) => row.own.has(word))) return;
      const counts = {};
      for (const field of Object.keys(WEIGHTS)) counts[field] = places(name, row.fields[field], unfinished).length;
      if (counts.heading + counts.text + counts.code === 0 && !(counts.page && row.isPage)) return;
      const often = counts.text / (counts.text + 0.6 + (0.9 * row.fields.text.length) / mean);
      const whole = counts.heading && row.fields.heading.length === name.length ? 6 : 0;
      const sum =
        (counts.heading ? WEIGHTS.heading + whole : 0) +
        (counts.terms ? WEIGHTS.terms : 0) +
        WEIGHTS.text * often +
        (counts.code ? WEIGHTS.code : 0) +
        (counts.page ? WEIGHTS.page : 0);
      best = Math.max(best, sum * (n === 0 ? 1 : 0.85)); // what was typed counts more than what it also means
    });
    return best;
  }

  /**
   * Search: { hits: [{ row, score, places }], corrected: [[typed, taken], …] }, the best first.
   * places are the ranges [start, end] of the row's text where a name of a concept stands.
   */
  function search(index, query, limit = 12) {
    const asked = concepts(query, index);
    if (!asked.length) return { hits: [], corrected: [], names: [] };
    const scored = asked.map((concept) => {
      const scores = index.rows.map((row) => score(row, concept, index.mean));
      const many = scores.filter(Boolean).length;
      return scores.map((one) => one * Math.log(1 + index.rows.length / (1 + many)));
    });
    const totals = index.rows.map((row, n) => {
      const each = scored.map((scores) => scores[n]);
      return { row, all: each.every(Boolean), score: row.worth * each.reduce((sum, one) => sum + one, 0) };
    });
    const complete = totals.filter(({ all }) => all);
    const hits = (complete.length ? complete : totals.filter(({ score: sum }) => sum > 0))
      .sort((a, b) => b.score - a.score)
      .slice(0, limit)
      .map((hit) => ({ ...hit, places: marks(hit.row.text, asked) }));
    const corrected = asked.filter((concept) => concept.corrected).map(({ typed, corrected: taken }) => [typed, taken]);
    return { hits, corrected, partly: !complete.length && hits.length > 0, count: complete.length || hits.length };
  }

  /** The ranges of a text where a name of a concept stands, in order. */
  function marks(text, asked) {
    const list = words(text);
    const ranges = asked.flatMap(({ names, open }) =>
      names.flatMap((name, n) => places(name, list, open && n === 0).map((at) => [list[at][1], list[at + name.length - 1][2]])),
    );
    return ranges.sort((a, b) => a[0] - b[0] || b[1] - a[1]).filter(([start], n, all) => n === 0 || start >= all[n - 1][1]);
  }

  globalThis.lstmSearch = { prepare, search, concepts, marks, words, stem, oneErrorApart };
})();
