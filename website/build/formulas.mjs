// Typesets formulas with MathJax: JSON comes in, { macros, formulas: [{ tex, display }] }, and goes out,
// { formulas: [HTML, or { error }], style }. The style sheet has the glyphs of these formulas only.
import mathjax from "mathjax/es5/node-main.js";
import { readFileSync } from "node:fs";

const { macros, formulas } = JSON.parse(readFileSync(0, "utf8"));
const MathJax = await mathjax.init({
  loader: { load: ["input/tex", "output/chtml", "a11y/assistive-mml", "[tex]/html"] },
  tex: {
    packages: { "[+]": ["html"], "[-]": ["noundefined"] }, // an unknown command is an error, and not a word in red
    macros,
    formatError(_, error) {
      throw error;
    },
  },
  chtml: { fontURL: "FONTS", adaptiveCSS: true },
});

const adaptor = MathJax.startup.adaptor;
const typeset = ({ tex, display }) => {
  try {
    return adaptor.outerHTML(MathJax.tex2chtml(tex, { display }));
  } catch (error) {
    return { error: error.message };
  }
};
const done = formulas.map(typeset);
process.stdout.write(JSON.stringify({ formulas: done, style: adaptor.textContent(MathJax.chtmlStylesheet()) }));
