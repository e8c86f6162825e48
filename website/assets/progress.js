// Listens to what a reader does on any page of the site, keeps it, and marks the list of chapters.
//
// The parts of a page say "lstm:done" (exercises, quizzes, guesses). A page counts as read when its end was on screen.
(() => {
  const { lstmStore: store, lstmRecord: record, lstmCourse: course } = window;
  const known = course.pages.some(({ page }) => page === store.page) && store.page !== "progress";

  document.addEventListener("lstm:done", ({ detail }) => {
    store.merge(record.done(store.all(), detail, new Date()));
  });

  // ---------------------------------------------------------------- read to its end

  function watchTheEnd() {
    const article = document.querySelector("article.bd-article");
    if (!known || !article || store.get(`read/${store.page}`)) return;
    const end = document.createElement("div");
    article.append(end);
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      store.set(`read/${store.page}`, { first: new Date().toISOString() });
      observer.disconnect();
    });
    observer.observe(end);
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
  watchTheEnd();
})();
