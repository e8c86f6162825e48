// Starts Python as the pages do, imports the course's files, and writes the interpreter's memory to a file.
// node memory.mjs PYODIDE COURSE_ZIP TARGET
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [pyodide, course, target] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const python = await loadPyodide({ indexURL: `${pyodide}/`, _makeSnapshot: true });
const files = new Uint8Array(readFileSync(course)); // Pyodide knows typed arrays, and not node's Buffer
python.unpackArchive(files, "zip", { extractDir: "/home/pyodide" });
python.runPython(`
import sys
sys.path.insert(0, "/home/pyodide")
from lstm_lib.exercises import _page`);
writeFileSync(target, python.makeMemorySnapshot());
