// One question: the reader answers by choosing, by typing a number or by putting steps in order, and reads why.

import { guarded, make, radios, report, spoken, unique } from "./parts.js";
import { judge, moved, ofCommas } from "./quiz_kinds.js";

const TRAITS = ["kind", "name", "role", "options", "answer", "answers", "value", "tolerance", "mistakes", "because"];
const AGAIN = {
  single: "Choose an answer first: a guess is enough.",
  several: "Choose at least one answer first: a guess is enough.",
  number: "Type a number first, such as 0.5, 1/2 or 50 %; a guess is enough.",
  order: "",
};

// What the reader answers with: the elements, what stands there now (a text), and how an earlier answer is put back.
const CONTROLS = {
  single({ options }) {
    const { buttons, rows } = radios(options.map(({ id, text }) => [id, text]));
    const put = (choice) => buttons.forEach((button) => (button.checked = button.value === choice));
    return { rows, read: () => buttons.find(({ checked }) => checked)?.value ?? "", put };
  },

  several({ options }) {
    const boxes = options.map(({ id }) => guarded(make("input", { type: "checkbox", name: unique("choice"), value: id })));
    const rows = boxes.map((box, n) => make("label", {}, box, ` ${options[n].text}`));
    const put = (choice) => boxes.forEach((box) => (box.checked = choice.split(",").includes(box.value)));
    return { rows, read: () => boxes.filter(({ checked }) => checked).map(({ value }) => value).join(","), put };
  },

  number() {
    const input = guarded(make("input", { type: "text", autocomplete: "off", size: 12, maxLength: 40 }));
    const row = make("label", { className: "quiz-number" }, "Your number ", input);
    return { rows: [row], read: () => input.value.trim(), put: (choice) => (input.value = choice) };
  },

  order({ options }) {
    let ids = options.map(({ id }) => id);
    const told = spoken("p", "quiz-moved");
    const items = new Map(options.map(({ id, text }) => [id, item(id, text)]));
    const steps = make("ol", { className: "quiz-steps" });
    steps.setAttribute("role", "list");

    function item(id, text) {
      const buttons = [["up", -1, "↑"], ["down", 1, "↓"]].map(([word, by, arrow]) => {
        const button = make("button", { type: "button" }, arrow);
        button.setAttribute("aria-label", `Move ${word}: ${text}`);
        button.addEventListener("click", () => {
          const before = ids;
          ids = moved(ids, id, by);
          if (ids === before) return;
          place();
          button.focus(); // it has gone to another place on the page, and the focus goes with it
          told.textContent = `“${text}” is step ${ids.indexOf(id) + 1} of ${ids.length}.`;
        });
        return button;
      });
      return { row: make("li", {}, make("span", {}, text), make("span", { className: "quiz-arrows" }, ...buttons)), buttons };
    }

    function place() {
      steps.replaceChildren(...ids.map((id) => items.get(id).row));
      ids.forEach((id, n) => {
        const [up, down] = items.get(id).buttons; // not disabled: a button that is would lose the focus
        up.setAttribute("aria-disabled", `${n === 0}`);
        down.setAttribute("aria-disabled", `${n === ids.length - 1}`);
      });
    }

    place();
    const put = (choice) => {
      ids = choice.split(",");
      place();
    };
    return { rows: [steps, told], read: () => ids.join(","), put };
  },
};

function render({ model, el }) {
  const quiz = Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  quiz.kind ??= "single"; // notebooks that were stored before there were other kinds
  const { rows, read, put } = CONTROLS[quiz.kind](quiz);
  const root = make("div", { className: "lstm-widget quiz" });
  const check = make("button", { type: "submit" }, "Check");
  const form = make("form", {}, make("fieldset", {}, make("legend", {}, model.get("question")), ...rows), check);
  const said = spoken("div", "quiz-said");
  const say = (sentences) => said.replaceChildren(...sentences.map((sentence) => make("p", {}, sentence)));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const answer = read();
    const judged = judge(quiz, answer);
    if (!judged) {
      say([(quiz.kind === "number" && ofCommas(answer).doubt) || AGAIN[quiz.kind]]);
      return;
    }
    model.set("choice", answer);
    model.save_changes();
    show();
    const { passed, mistake } = judged;
    if (quiz.name) report({ kind: quiz.role, id: quiz.name, passed, mistake, answer, widget: "quiz" });
  });

  function show() {
    const choice = model.get("choice");
    const judged = judge(quiz, choice);
    if (judged) put(choice);
    say(judged?.says ?? []);
    root.classList.toggle("quiz-right", judged?.passed === true);
    root.classList.toggle("quiz-wrong", judged?.passed === false);
  }

  model.on("change:choice", show);
  show();
  root.append(form, said);
  el.append(root);
}

export default { render };
