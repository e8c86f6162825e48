// A page that is printed has its folds open, and the light theme; afterwards it is as it was.
(() => {
  const FOLDS = "article details:not(.tag_hide-input details)"; // folded code of figures and questions stays away
  let opened = [];
  let theme;

  function before() {
    if (theme !== undefined) return;
    theme = document.documentElement.dataset.theme ?? "";
    document.documentElement.dataset.theme = "light";
    opened = [...document.querySelectorAll(FOLDS)].filter((fold) => !fold.open);
    for (const fold of opened) fold.open = true;
  }

  function after() {
    if (theme === undefined) return;
    document.documentElement.dataset.theme = theme;
    for (const fold of opened) fold.open = false;
    theme = undefined;
    opened = [];
  }

  addEventListener("beforeprint", before);
  addEventListener("afterprint", after);
  matchMedia("print").addEventListener("change", ({ matches }) => (matches ? before() : after()));
})();
