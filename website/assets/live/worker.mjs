// Python for one page, in a worker: the page sends { id, request }, and gets { id, reply }, both JSON of lstm_lib's _page.
//
// The interpreter comes from this site. Where the build has left a picture of its memory after the start, it is taken
// from there, which saves four fifths of the wait; where that does not work, Python starts from scratch.
const here = (name) => new URL(name, self.location.href).href;
const FOLDER = "/home/pyodide"; // where the course's Python files are put, as when the picture was taken

const started = start().then(
  (respond) => {
    self.postMessage({ ready: true });
    return respond;
  },
  (error) => self.postMessage({ failed: String(error?.message ?? error).slice(0, 400) }),
);

self.onmessage = async ({ data: { id, request } }) => {
  const respond = await started;
  if (!respond) return;
  try {
    self.postMessage({ id, reply: respond(request) });
  } catch (error) {
    self.postMessage({ id, broken: String(error?.message ?? error).trim().split("\n").at(-1) });
  }
};

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
  return python.runPython(`
import sys
if ${JSON.stringify(FOLDER)} not in sys.path:
    sys.path.insert(0, ${JSON.stringify(FOLDER)})
from lstm_lib.exercises import _page
_page.respond`);
}

async function fetched(name, options) {
  const answer = await fetch(here(name), options);
  if (!answer.ok) throw new Error(`got ${answer.status} for ${name}, expected the file`);
  return answer;
}

// The file as it was before gzip, whether or not the server has unpacked it on the way; says how much has come.
async function unzipped(name) {
  const answer = await fetched(name);
  const total = Number(answer.headers.get("content-length"));
  let come = 0;
  const counted = new TransformStream({
    transform(chunk, out) {
      come += chunk.length;
      if (total) self.postMessage({ share: Math.min(1, come / total) });
      out.enqueue(chunk);
    },
  });
  const bytes = await new Response(answer.body.pipeThrough(counted)).arrayBuffer();
  const [first, second] = new Uint8Array(bytes, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return new Response(bytes);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}
