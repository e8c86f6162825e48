// Python for one page, in a worker: the page sends { id, request }, and gets { id, reply }, both JSON of lstm_lib's _page.
// A request with numpy: true has NumPy loaded first; only a page whose site serves it asks so.
//
// The interpreter comes from this site. Where the build has left a picture of its memory after the start, it is taken
// from there, which saves four fifths of the wait; where that does not work, Python starts from scratch.
const here = (name) => new URL(name, self.location.href).href;
const FOLDER = "/home/pyodide"; // where the course's Python files are put, as when the picture was taken

const started = start().then(
  (python) => {
    self.postMessage({ ready: true });
    return python;
  },
  (error) => self.postMessage({ failed: words(error) }),
);
let arrays;

self.onmessage = async ({ data: { id, request, numpy } }) => {
  const python = await started;
  if (!python) return;
  if (numpy) {
    try {
      await (arrays ??= addNumpy(python));
    } catch (error) {
      self.postMessage({ failed: `NumPy: ${words(error)}` });
      return;
    }
    self.postMessage({ ready: true });
  }
  try {
    self.postMessage({ id, reply: python.respond(request) });
  } catch (error) {
    self.postMessage({ id, broken: String(error?.message ?? error).trim().split("\n").at(-1) });
  }
};

const words = (error) => String(error?.message ?? error).slice(0, 400);

async function start() {
  const { loadPyodide } = await import(here("pyodide/pyodide.mjs"));
  const files = fetched("course.zip");
  await fetched("pyodide/pyodide.asm.wasm", { method: "HEAD" }); // without that file Pyodide would wait for ever
  const settings = { indexURL: here("pyodide/") };
  let python;
  try {
    const picture = await (await unzipped("memory.bin.gz")).arrayBuffer();
    python = await loadPyodide({ ...settings, _loadSnapshot: picture });
  } catch {
    python = await loadPyodide(settings);
  }
  python.unpackArchive(await (await files).arrayBuffer(), "zip", { extractDir: FOLDER });
  const page = python.runPython(`
import sys
if ${JSON.stringify(FOLDER)} not in sys.path:
    sys.path.insert(0, ${JSON.stringify(FOLDER)})
from lstm_lib.exercises import _page
_page`);
  return { pyodide: python, page, respond: page.respond };
}

// NumPy is one of Pyodide's own packages: its file lies beside Pyodide's, and the browser compares it with the lock file.
async function addNumpy({ pyodide, page }) {
  self.postMessage({ share: 0, what: "NumPy" }); // from now on the wait is for a file, and not for code that runs
  const files = fetched("numpy.zip"); // what the course adds for cells that use it
  const plain = self.fetch;
  self.fetch = async (...asked) => counted(await plain(...asked), "NumPy");
  const wrong = [];
  try {
    await pyodide.loadPackage("numpy", { messageCallback() {}, errorCallback: (said) => wrong.push(said) });
  } finally {
    self.fetch = plain;
  }
  if (!("numpy" in pyodide.loadedPackages)) throw new Error(wrong.join(" ") || "its file did not come");
  pyodide.unpackArchive(await (await files).arrayBuffer(), "zip", { extractDir: FOLDER });
  pyodide.runPython("import importlib\nimportlib.invalidate_caches()");
  page.supply_numpy();
}

async function fetched(name, options) {
  const answer = await fetch(here(name), options);
  if (!answer.ok) throw new Error(`got ${answer.status} for ${name}, expected the file`);
  return answer;
}

// The same answer; says how much of it has come, and what it is.
function counted(answer, what) {
  const total = Number(answer.headers.get("content-length"));
  let come = 0;
  const counter = new TransformStream({
    transform(chunk, out) {
      come += chunk.length;
      if (total) self.postMessage({ share: Math.min(1, come / total), what });
      out.enqueue(chunk);
    },
  });
  return answer.body ? new Response(answer.body.pipeThrough(counter), answer) : answer;
}

// The file as it was before gzip, whether or not the server has unpacked it on the way.
async function unzipped(name) {
  const bytes = await counted(await fetched(name), "Python").arrayBuffer();
  const [first, second] = new Uint8Array(bytes, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return new Response(bytes);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}
