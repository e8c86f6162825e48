// One question with options: the reader guesses, then reads why each answer is right or wrong.

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

/** What is said after a choice: right or wrong in a word, then the reason. */
export function verdict({ options, answer }, choice) {
  const chosen = options.find(({ id }) => id === choice);
  return chosen ? `${choice === answer ? "Right." : "Not so."} ${chosen.because}` : "";
}

let count = 0; // radio buttons of one question share a name, and no other question's

function render({ model, el }) {
  const name = `quiz-${++count}`;
  const root = make("div", { className: "quiz" });
  for (const [key, { hue, on_light, on_dark }] of Object.entries(model.get("palette"))) {
    root.style.setProperty(`--quiz-${key}-hue`, hue);
    root.style.setProperty(`--quiz-${key}-light`, on_light);
    root.style.setProperty(`--quiz-${key}-dark`, on_dark);
  }

  const labels = model.get("options").map(({ id, text }) => {
    const radio = make("input", { type: "radio", name, value: id });
    radio.dataset.lmSuppressShortcuts = "true"; // or JupyterLab takes the arrow keys for itself
    return make("label", {}, radio, ` ${text}`);
  });
  const check = make("button", { type: "submit" }, "Check");
  const legend = make("legend", {}, model.get("question"));
  const form = make("form", {}, make("fieldset", {}, legend, ...labels), check);
  const said = make("p", { className: "quiz-said" });
  said.setAttribute("role", "status");

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const choice = new FormData(form).get(name);
    if (choice === null) {
      said.textContent = "Choose an answer first: a guess is enough.";
      return;
    }
    model.set("choice", choice);
    model.save_changes();
    show();
  });

  function show() {
    const choice = model.get("choice");
    const right = choice === model.get("answer");
    said.textContent = verdict({ options: model.get("options"), answer: model.get("answer") }, choice);
    root.classList.toggle("quiz-right", choice !== "" && right);
    root.classList.toggle("quiz-wrong", choice !== "" && !right);
    for (const radio of form.querySelectorAll("input")) if (radio.value === choice) radio.checked = true;
  }

  model.on("change:choice", show);
  show();
  root.append(form, said);
  el.append(root);
}

export default { render };
