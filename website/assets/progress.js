// Listens to what a reader does on any page of the site, keeps it, and marks the list of chapters.
//
// The parts of a page say "lstm:done" (exercises, quizzes, guesses). A page counts as read when each of its sections and its
// end were on screen.
(() => {
  const { lstmStore: store, lstmRecord: record, lstmCourse: course } = window;
  const known = course.pages.some(({ page }) => page === store.page) && store.page !== "progress";

  document.addEventListener("lstm:done", ({ detail }) => {
    store.merge(record.done(store.all(), detail, new Date()));
  });

  // ---------------------------------------------------------------- read to its end

  const DWELL = 500; // milliseconds that a part must be on screen: who jumps to the end has not read what was passed

  /** Keep which sections of the page were on screen, in this visit or before; with its end and all of them, it is read. */
  function watchTheReader() {
    const article = document.querySelector("article.bd-article");
    if (!known || !article || store.get(`read/${store.page}`)) return;
    const end = document.createElement("div");
    article.append(end);
    const seen = new Set(store.get(`seen/${store.page}`) ?? []);
    const left = new Map([...article.querySelectorAll(":scope > section > section[id]")].map((section) => [section, section.id]));
    for (const [section, id] of left) if (seen.has(id)) left.delete(section);
    left.set(end, null);
    const timers = new Map();
    const observer = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        clearTimeout(timers.get(target));
        if (isIntersecting) timers.set(target, setTimeout(() => saw(target), DWELL));
      }
    });
    const saw = (part) => {
      observer.unobserve(part);
      if (part !== end) seen.add(left.get(part));
      left.delete(part);
      if (left.size) return store.set(`seen/${store.page}`, [...seen]);
      store.remove(`seen/${store.page}`);
      store.set(`read/${store.page}`, { first: new Date().toISOString() });
    };
    for (const part of left.keys()) observer.observe(part);
  }

  // ---------------------------------------------------------------- marks in the list of chapters

  const mark = document.createElement("span");
  mark.className = "progress-mark";

  /** What stands beside a chapter that is begun: on screen 3/8 or ✓, read aloud in words; reading counts as one. */
  function words({ parts, complete }) {
    return complete ? { shown: "✓", said: "all done" } : { shown: `${parts.done}/${parts.all}`, said: `${parts.done} of ${parts.all} done` };
  }

  function marks() {
    const rows = new Map(record.summary(course, store.all()).map((row) => [row.page, row]));
    const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href).href;
    for (const link of document.querySelectorAll(".bd-links a.reference.internal")) {
      const href = link.getAttribute("href");
      const page = href === "#" ? store.page : link.href.replace(root, "").replace(/\.html(#.*)?$/, "");
      const row = rows.get(page);
      link.querySelector(".progress-mark")?.remove();
      if (!row?.begun || !(row.all || row.read)) continue;
      const { shown, said } = words(row);
      const [symbol, spoken] = [document.createElement("span"), document.createElement("span")];
      symbol.setAttribute("aria-hidden", "true");
      symbol.textContent = shown;
      spoken.className = "progress-said";
      spoken.textContent = ` (${said})`;
      const added = mark.cloneNode();
      added.append(symbol, spoken);
      link.append(added);
    }
  }

  let waiting = false;
  store.on("", () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      marks();
    });
  });
  marks();
  watchTheReader();
})();
