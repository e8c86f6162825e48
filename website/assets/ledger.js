// Shows of the ledger what a reader asks for: sentences with all the words, held in one way.
(() => {
  const form = document.querySelector(".ledger-form");
  const told = form.querySelector("[role=status]");
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").replace(/−/g, "-").toLowerCase();
  const lists = [...document.querySelectorAll("ol.ledger")].map((list) => ({
    section: list.closest("section"),
    items: [...list.children].map((item) => ({ item, text: plain(item.textContent), ways: item.dataset.ways.split(" ") })),
  }));

  function show() {
    const words = plain(form.elements.words.value).split(/\s+/).filter(Boolean);
    const way = form.elements.way.value;
    let shown = 0;
    let all = 0;
    for (const { section, items } of lists) {
      let here = 0;
      for (const { item, text, ways } of items) {
        item.hidden = !(words.every((word) => text.includes(word)) && (!way || ways.includes(way)));
        here += !item.hidden;
      }
      section.hidden = !here;
      shown += here;
      all += items.length;
    }
    told.textContent = shown === all ? `${all} sentences.` : `${shown} of ${all} sentences.`;
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", show);
  show(); // a browser may have kept what was typed
})();
