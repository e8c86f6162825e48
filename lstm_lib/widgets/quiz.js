// One question with options: the reader guesses, then reads why each answer is right or wrong.

import { make, radios, spoken } from "./parts.js";

/** What is said after a choice: right or wrong in a word, then the reason. */
export function verdict({ options, answer }, choice) {
  const chosen = options.find(({ id }) => id === choice);
  return chosen ? `${choice === answer ? "Right." : "Not so."} ${chosen.because}` : "";
}

function render({ model, el }) {
  const { name, buttons, rows } = radios(model.get("options").map(({ id, text }) => [id, text]));
  const root = make("div", { className: "lstm-widget quiz" });
  const check = make("button", { type: "submit" }, "Check");
  const legend = make("legend", {}, model.get("question"));
  const form = make("form", {}, make("fieldset", {}, legend, ...rows), check);
  const said = spoken("p", "quiz-said");

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
    for (const button of buttons) if (button.value === choice) button.checked = true;
  }

  model.on("change:choice", show);
  show();
  root.append(form, said);
  el.append(root);
}

export default { render };
