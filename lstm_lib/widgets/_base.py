"""What makes a few files one explorable: its JavaScript and its style, joined with the parts that all share.

``NAME.js`` imports from ``parts.js`` and ``cell.js``. A notebook takes one module that imports nothing, ``esm(NAME)``;
the website takes one script with all explorables, ``script()``. Both put a shared file into a function of its own, so
that names in different files cannot meet.
"""

import base64
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import anywidget

from lstm_lib.notation import FAMILIES, GRID, INK, PAGE

HERE = Path(__file__).parent
MODELS = HERE.parent / "applied" / "models"  # the networks that some explorables run

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|const|let|class) (\w+))", re.MULTILINE)
DEFAULT = re.compile(r"^export default (.+);$", re.MULTILINE)

# How a page says that it is dark: the course's website, JupyterLab, Colab, VS Code.
DARK = ':is([data-theme="dark"], [data-jp-theme-light="false"], [theme="dark"], .vscode-dark)'


def explorables() -> list[str]:
    """List the explorables: each has its ``.js``, its ``.css`` and its ``.py``."""
    return sorted(file.stem for file in HERE.glob("*.js") if file.with_suffix(".py").exists())


def esm(name: str) -> str:
    """Return an explorable as one ES module that imports nothing, with the exports of ``NAME.js``.

    Args:
        name: File name of the explorable, without ``.js``.

    Returns:
        JavaScript, for ``_esm`` of an anywidget.

    Raises:
        ValueError: If a file imports or exports in a way that cannot be joined.

    Example:
        >>> esm("quiz").count("function make("), "import" in esm("quiz")
        (1, False)
    """
    source = (HERE / f"{name}.js").read_text(encoding="utf-8")
    joined = "\n".join([*(_constant(part) for part in _needed(source)), _inlined(name, source)])
    _refuse(name, EXPORT.sub("", DEFAULT.sub("", joined)))
    return joined


def css(name: str) -> str:
    """Return the style of an explorable: colours, shared rules, its own rules.

    Example:
        >>> css("quiz").index("--lw-learn:") < css("quiz").index(".lw-slider") < css("quiz").index(".quiz-said")
        True
    """
    return "\n".join([colours(), *((HERE / f"{file}.css").read_text(encoding="utf-8") for file in ("parts", name))])


def colours() -> str:
    """Return the colours of ``notation`` as style variables: ``--lw-NAME`` for words, ``--lw-NAME-hue`` for areas.

    Example:
        >>> "--lw-forget-hue: #D55E00;" in colours()
        True
    """
    families = {**FAMILIES, "ink": INK, "grid": GRID, "page": PAGE}
    light = [f"  --lw-{name}: {family.on_light};" for name, family in families.items()]
    hues = [f"  --lw-{name}-hue: {family.hue};" for name, family in families.items()]
    dark = [f"  --lw-{name}: {family.on_dark};" for name, family in families.items()]
    return "\n".join([".lstm-widget {", *light, *hues, "}", f"{DARK} .lstm-widget {{", *dark, "}", ""])


def script(names: Collection[str] | None = None) -> str:
    """Return explorables as one classic script, which a page loads once: ``window.lstmWidgets``.

    Not as the modules that they are: a browser refuses to import modules from ``file://``, and readers do open the
    built book from their disk. One file also means one request, and no cascade of imports.

    Args:
        names: File names of the explorables that the page shows, without ``.js``; all if None.

    Returns:
        JavaScript that sets ``lstmWidgets.style``, one sheet, ``lstmWidgets.base``, the folder that it came from, and
        ``lstmWidgets.modules``: the exports of each explorable under the Python module of its class.
    """
    names = explorables() if names is None else sorted(names)
    sources = {name: (HERE / f"{name}.js").read_text(encoding="utf-8") for name in names}
    parts = list(dict.fromkeys(part for source in sources.values() for part in _needed(source)))
    sheet = "\n".join([colours(), *((HERE / f"{file}.css").read_text(encoding="utf-8") for file in ["parts", *names])])
    modules = [f"{json.dumps(f'{__package__}.{name}')}: {_scope(name, sources[name])}," for name in names]
    return "\n".join(
        [
            f"// Made from {__package__.replace('.', '/')}/*.js and *.css.",
            "window.lstmWidgets = (() => {",
            '"use strict";',
            *(_constant(part) for part in parts),
            f"const style = {json.dumps(sheet, ensure_ascii=False)};",
            'const base = globalThis.document?.currentScript?.src.replace(/[^/]*$/, "");',
            "return { style, base, modules: {",
            *modules,
            "} };",
            "})();",
            "",
        ]
    )


def expect_within(ranges: Mapping[str, tuple[float, float, float]]) -> None:
    """Raise a ValueError for the first value that is out of its range.

    Args:
        ranges: What it is called, to the value, the least and the most.

    Example:
        >>> expect_within({"window": (1, 2, 20)})
        Traceback (most recent call last):
        ...
        ValueError: got window 1, expected 2 to 20
    """
    for name, (value, least, most) in ranges.items():
        if not least <= value <= most:
            raise ValueError(f"got {name} {value}, expected {least} to {most}")


def model_scripts() -> dict[str, str]:
    """Return each network that the library ships as a script, which a page loads when a reader asks for it.

    Returns:
        JavaScript that adds the file, in base64, to ``lstmModels``, by the name of the network.
    """
    files = {path.stem: path.read_bytes() for path in sorted(MODELS.glob("*.safetensors"))}
    texts = {name: base64.b64encode(content).decode("ascii") for name, content in files.items()}
    return {name: f'(window.lstmModels ??= {{}})["{name}"] = "{text}";\n' for name, text in texts.items()}


class WithModels(anywidget.AnyWidget):
    """An explorable that runs networks: in a notebook its JavaScript asks Python for their files.

    Args:
        models: Names that the JavaScript asks for, and the files that it is given.
        traits: What the explorable is made of.

    Raises:
        ValueError: If there is no such file.
    """

    def __init__(self, models: dict[str, Path], **traits: Any) -> None:
        """Look for the files, and wait for the JavaScript to ask."""
        for path in models.values():
            if not path.is_file():
                raise ValueError(f"{path}: got no file, expected a model of lstm_lib")
        self._models = dict(models)
        super().__init__(**traits)
        self.on_msg(self._answer)

    def _answer(self, _: Any, message: Any, buffers: Any) -> None:
        """Send the file that the JavaScript has asked for."""
        name = message.get("model") if isinstance(message, dict) else None
        if name not in self._models:
            self.send({"model": name, "error": f"got model {name!r}, expected one of {', '.join(self._models)}"})
            return
        self.send({"model": name}, buffers=[self._models[name].read_bytes()])


def _needed(source: str) -> list[str]:
    """List the shared files that a source imports from, those first that others need."""
    needed: dict[str, None] = {}
    for _, part in IMPORT.findall(source):
        needed |= dict.fromkeys([*_needed((HERE / f"{part}.js").read_text(encoding="utf-8")), part])
    return list(needed)


def _constant(part: str) -> str:
    """Return a shared file as a constant that holds its exports."""
    return f"const ${part} = {_scope(part, (HERE / f'{part}.js').read_text(encoding='utf-8'))};"


def _inlined(name: str, source: str) -> str:
    """Replace each import by a look into the constant of the file."""
    return IMPORT.sub(lambda found: f"const {{{found[1].replace(' as ', ': ')}}} = ${found[2]};", source)


def _scope(name: str, source: str) -> str:
    """Return a module as a function that is called once and returns its exports."""
    exported = EXPORT.findall(source)
    body, defaults = DEFAULT.subn(r"const $default = \1;", EXPORT.sub("", _inlined(name, source)))
    _refuse(name, body)
    names = [*exported, *["default: $default"] * defaults]
    return f"(() => {{\n{body}return {{ {', '.join(names)} }};\n}})()"


def _refuse(name: str, body: str) -> None:
    """Complain about what is left of imports and exports."""
    if left := re.search(r"^(?:import|export)\b.*", body, re.MULTILINE):
        expected = 'import { a } from "./b.js"; or export before function, const, let, class, or export default …;'
        raise ValueError(f"got {left[0]!r} in {name}.js, expected {expected}")
