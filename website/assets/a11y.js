// Repairs what the theme leaves unsaid to people who do not see the page.
(() => {
  const text = (element) => element.textContent.replace(/\s+/g, " ").trim();

  const TABLE = ".pst-scrollable-table-container";

  /** Repair what is in an element, and what it stands in. */
  function repair(root) {
    // A button whose label differs from the words on it cannot be called by those words (WCAG 2.5.3).
    for (const button of root.querySelectorAll(".search-button-field[aria-label], .theme-switch-button[aria-label]")) {
      const words = text(button);
      if (words && button.getAttribute("aria-label") !== words) button.setAttribute("aria-label", words);
    }
    // The logo and the search button stand outside every landmark.
    const start = document.querySelector(".sidebar-primary-items__start");
    if (start && !start.closest("nav") && !start.hasAttribute("role")) {
      start.setAttribute("role", "navigation");
      start.setAttribute("aria-label", "Book");
    }
    // The same for a folded cell: its label says "Toggle hidden content", the words on it "Show the code".
    for (const summary of root.querySelectorAll("summary[aria-label]")) summary.removeAttribute("aria-label");
    // The bibliography is a list; its entries carry a role that is out of use.
    for (const entry of root.querySelectorAll("[role='doc-biblioentry']")) entry.setAttribute("role", "listitem");
    // What scrolls sideways must be reachable by keyboard, and nothing else that only is there to be read.
    const boxes = ".pst-scrollable-table-container, pre, .cell_output, .cell_output > .output, div.math, mjx-container";
    // All are measured before one is changed; what is folded when it unfolds, and what is far when it comes near.
    const around = [];
    for (let box = root.closest(boxes); box; box = box.parentElement.closest(boxes)) around.push(box);
    const seen = [...around, ...root.querySelectorAll(boxes)].filter((box) => !box.closest("details:not([open])") && !isFar(box));
    for (const [box, wide] of seen.map((box) => [box, scrolls(box)])) {
      if (box.matches(TABLE)) cue(box, wide);
      if (wide && box.tabIndex < 0) {
        box.tabIndex = 0;
        box.dataset.scrolls = "";
      } else if ("scrolls" in box.dataset && !wide) {
        box.removeAttribute("tabindex"); // the window became wider
        delete box.dataset.scrolls;
      }
    }
  }

  // A table that goes on beyond the edge says so: by its name to those who hear it, by a shadow to those who see it
  // (data-more in site.css), which goes when the edge is reached.
  function cue(box, wide) {
    if (wide && !("more" in box.dataset)) {
      box.setAttribute("role", "region");
      const number = [...document.querySelectorAll(TABLE)].indexOf(box) + 1;
      const heads = [...box.querySelectorAll("th")].map(text).filter(Boolean).slice(0, 4);
      box.setAttribute("aria-label", `Table ${number}${heads.length ? `, ${heads.join(", ")}` : ""}: scrolls sideways`);
      box.addEventListener("scroll", () => edges(box), { passive: true });
    } else if (!wide && "more" in box.dataset) {
      box.removeAttribute("role");
      box.removeAttribute("aria-label");
      delete box.dataset.more;
    }
    if (wide) edges(box);
  }

  function edges(box) {
    const rest = box.scrollWidth - box.clientWidth - box.scrollLeft;
    const more = [box.scrollLeft > 1 ? "left" : "", rest > 1 ? "right" : ""].filter(Boolean).join(" ");
    if (box.dataset.more !== more) box.dataset.more = more;
  }

  // A formula within a line is wider than its own box, which has no width, and does not scroll.
  function scrolls(box) {
    return box.scrollWidth > box.clientWidth && /auto|scroll/.test(getComputedStyle(box).overflowX);
  }

  // Sections that the browser has not laid out yet: to measure what is in them would make it do so (see .distant in site.css).
  const far = new Set(document.querySelectorAll(".distant"));
  const coming = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        far.delete(target);
        coming.unobserve(target);
        soon(target);
      }
    },
    { rootMargin: "100%" },
  );
  for (const section of far) coming.observe(section);
  // At the first sign of a reader the others follow, one at a time: the keyboard may go anywhere.
  const signs = ["keydown", "pointerdown", "pointermove", "resize"];
  const whenIdle = window.requestIdleCallback ?? setTimeout;
  function everything() {
    for (const sign of signs) removeEventListener(sign, everything);
    const [section] = far;
    if (!section) {
      document.documentElement.dataset.measured = "";
      return;
    }
    far.delete(section);
    soon(section);
    whenIdle(everything);
  }
  // A telephone fits its window to the page while that is coming: no sign of a reader.
  addEventListener("load", () => setTimeout(() => signs.forEach((sign) => addEventListener(sign, everything)), 500));
  const isFar = (box) => {
    for (let section = box.closest(".distant"); section; section = section.parentElement.closest(".distant")) if (far.has(section)) return true;
    return false;
  };

  // A menu of the narrow page that is closed with Escape gives the focus back to the button that opened it: the theme
  // moves the menu to where it stands on a wide page, and the focus is lost on the way.
  let opener;
  addEventListener("click", (event) => (opener = event.target.closest(".primary-toggle, .secondary-toggle") ?? opener), true);
  const giveBack = () => document.activeElement === document.body && opener?.focus();
  addEventListener("close", () => setTimeout(giveBack), true);

  // The theme's button that prints has its script in an attribute, which the policy of the page does not allow.
  addEventListener("click", (event) => event.target.closest("[data-print]") && print());

  // Once a frame, however much changes in it: to measure is to lay out the page. Only what has changed is looked at.
  const page = document.documentElement;
  const due = new Set();
  function soon(root) {
    if (!due.size) requestAnimationFrame(look);
    due.add(root);
  }
  function look() {
    const roots = due.has(page) ? [page] : [...due].filter((root) => root.isConnected);
    due.clear();
    roots.forEach(repair);
  }

  new MutationObserver((records) => {
    for (const { target } of records) soon(target);
  }).observe(page, { childList: true, subtree: true });
  addEventListener("load", () => soon(page));
  addEventListener("toggle", ({ target }) => soon(target.nodeType === Node.ELEMENT_NODE ? target : page), true);
  addEventListener("resize", () => soon(page));
})();
