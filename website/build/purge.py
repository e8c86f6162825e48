"""Leave out of a style sheet the rules that no page can use: most of what the theme brings.

A rule is kept if every class and id that its selector needs stands on some page, or is a word of some script. That asks
too little rather than too much: a word in a comment keeps a rule, and what stands in :not(…) or :is(…) is not asked.
"""

import re
from collections.abc import Iterator

WORD = re.compile(r"[A-Za-z_][\w-]*")
NEEDED = re.compile(r"[.#](-?[A-Za-z_](?:[\w-]|\\.)*)")
STARTED = re.compile(r"([A-Za-z][\w-]*-)(?:\$\{|[\"'] *\+)")  # `gate-${name}` and "gate-" + name
NAMED = re.compile(r"(?:class|id)=[\"']([^\"']*)")
SPECIAL = re.compile(r"[\"'()\[\];{},\\]")
SETTING = re.compile(r"""([{;\s])(--[\w-]+)\s*:(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|url\([^"')]*\)|[^;{}"'])*;?""")
NESTED = ("@media", "@supports", "@layer", "@container")


class Words:
    """The names that pages and scripts can give to an element."""

    def __init__(self, pages: str, scripts: str) -> None:
        """Collect the words, and in scripts also the beginnings that a script completes."""
        self.known = {name for names in NAMED.findall(pages) for name in names.split()} | set(WORD.findall(scripts))
        self.starts = tuple(set(STARTED.findall(scripts)))

    def __contains__(self, name: str) -> bool:
        """Tell whether an element can have this name."""
        return name in self.known or name.startswith(self.starts)


def walk(text: str, here: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the place of each sign that means something, outside of strings and of round and square brackets."""
    while found := SPECIAL.search(text, here):
        here, sign = found.start(), found[0]
        yield here, sign
        here = past(text, here) if sign in "\"'([{" else here + (2 if sign == "\\" else 1)


def past(text: str, here: int) -> int:
    """Return the place after a string or a bracket that begins here."""
    opening = text[here]
    if opening in "\"'":
        here += 1
        while text[here] != opening:
            here += 2 if text[here] == "\\" else 1
        return here + 1
    closing = {"(": ")", "[": "]", "{": "}"}[opening]
    for place, sign in walk(text, here + 1):
        if sign == closing:
            return place + 1
    raise ValueError(f"got no end of {text[here : here + 60]!r}, expected {closing}")


def rules(sheet: str) -> Iterator[tuple[str, str | None]]:
    """Yield the pieces of a style sheet: what comes before a block, and the block, or None after a bare statement."""
    start = 0
    for here, sign in walk(sheet):
        if sign == ";" and here >= start:
            yield sheet[start:here].strip(), None
            start = here + 1
        elif sign == "{":
            end = past(sheet, here)
            yield sheet[start:here].strip(), sheet[here + 1 : end - 1]
            start = end


def alternatives(selector: str) -> list[str]:
    """Split a selector at the commas that stand outside of brackets and strings."""
    ends = [here for here, sign in walk(selector) if sign == ","]
    return [selector[a:b].strip() for a, b in zip([0, *(end + 1 for end in ends)], [*ends, len(selector)], strict=True)]


def needed(selector: str) -> set[str]:
    """Return the classes and ids without which a selector finds nothing."""
    while (bare := re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", selector)) != selector:
        selector = bare
    return {re.sub(r"\\(.)", r"\1", name) for name in NEEDED.findall(selector)}


def purge(sheet: str, words: Words) -> str:
    """Return a style sheet without comments and without the rules that nothing can use."""
    kept = []
    for prelude, block in rules(re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)):
        if block is None:
            kept.append(f"{prelude};" if prelude else "")
        elif prelude.startswith(NESTED):
            inside = purge(block, words)
            kept.append(f"{prelude}{{{inside}}}" if inside else "")
        elif prelude.startswith("@"):
            kept.append(f"{prelude}{{{block}}}")
        else:
            used = [one for one in alternatives(prelude) if all(name in words for name in needed(one))]
            kept.append(f"{','.join(used)}{{{block.strip()}}}" if used and block.strip() else "")
    return "\n".join(filter(None, kept))


def drop_variables(sheet: str) -> str:
    """Return a style sheet without the variables that it sets and does not use."""
    while True:
        used = set(re.findall(r"var\(\s*(--[\w-]+)", sheet))
        if not (unused := {name for _, name in SETTING.findall(sheet)} - used):
            return sheet
        sheet = SETTING.sub(lambda found: found[1] if found[2] in unused else found[0], sheet)
