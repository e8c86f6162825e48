// The editor of the pages: CodeMirror with Python, without anything that a dozen lines do not need.
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

// Tab goes through the editor like through everything else, until the reader clicks or types in it; from then on it
// indents, and Escape gives it back.
const writing = new WeakSet();
const tab = (indent) => (view) => writing.has(view) && indent(view);
const attention = EditorView.domEventHandlers({
  mousedown: (event, view) => void writing.add(view),
  beforeinput: (event, view) => void writing.add(view),
  blur: (event, view) => void writing.delete(view),
});

/**
 * Put an editor in the place of a text area. keys: [{ key, run }]; changed(text) is called after each change.
 * Tab indents once something was typed or clicked; Escape, then Tab, goes on to the next control.
 */
export function edit(area, { label, describedBy, keys, changed }) {
  const bindings = keys.map(({ key, run }) => ({ key, run: () => (run(), true), preventDefault: true }));
  const view = new EditorView({
    state: EditorState.create({
      doc: area.value,
      extensions: [
        Prec.highest(keymap.of(bindings)),
        lineNumbers(),
        history(),
        drawSelection(),
        EditorView.lineWrapping,
        indentOnInput(),
        bracketMatching(),
        indentUnit.of("    "),
        python(),
        syntaxHighlighting(classHighlighter),
        keymap.of([...defaultKeymap, ...historyKeymap, { key: "Tab", run: tab(indentMore), shift: tab(indentLess) }]),
        attention,
        EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": describedBy, spellcheck: "false" }),
        EditorView.updateListener.of((update) => update.docChanged && changed(update.state.doc.toString())),
      ],
    }),
  });
  area.replaceWith(view.dom);
  return {
    get: () => view.state.doc.toString(),
    set: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    focus: () => view.focus(),
    select: (number) => {
      const line = view.state.doc.line(Math.max(1, Math.min(number, view.state.doc.lines)));
      view.dispatch({ selection: { anchor: line.from, head: line.to }, scrollIntoView: true });
    },
  };
}
