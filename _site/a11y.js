// Repairs what the theme leaves unsaid to people who do not see the page.
(() => {
  const text = (element) => element.textContent.replace(/\s+/g, " ").trim();

  function repair() {
    // A button whose label differs from the words on it cannot be called by those words (WCAG 2.5.3).
    for (const button of document.querySelectorAll(".search-button-field[aria-label], .theme-switch-button[aria-label]")) {
      const words = text(button);
      if (words && button.getAttribute("aria-label") !== words) button.setAttribute("aria-label", words);
    }
    // The logo and the search button stand outside every landmark.
    const start = document.querySelector(".sidebar-primary-items__start");
    if (start && !start.closest("nav") && !start.hasAttribute("role")) {
      start.setAttribute("role", "navigation");
      start.setAttribute("aria-label", "Book");
    }
    // What scrolls sideways must be reachable by keyboard.
    for (const box of document.querySelectorAll(".pst-scrollable-table-container, div.highlight pre, .cell_output pre, div.math")) {
      if (box.scrollWidth > box.clientWidth && !box.hasAttribute("tabindex")) box.tabIndex = 0;
    }
  }

  new MutationObserver(repair).observe(document.documentElement, { childList: true, subtree: true });
  addEventListener("load", repair);
  addEventListener("resize", repair);
})();
