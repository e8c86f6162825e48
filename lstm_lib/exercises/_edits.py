"""All small changes of a right formula: what a learner may have written instead, at one place or wherever it stands."""

import ast
import itertools
import math
from collections.abc import Iterator

from lstm_lib.exercises._expressions import changes_at
from lstm_lib.exercises._sketch import Edit, Sketch
from lstm_lib.exercises._templates import source_of


def edits_of(sketch: Sketch, most: float = math.inf) -> list[Edit]:
    """Return all edits of a sketch that are not more far-fetched than so much, the likeliest first."""
    found: list[Edit] = []
    for site, node in enumerate(sketch.nodes):
        for template, words, weight in changes_at(node):
            if weight > most:
                break
            found.append(Edit(((site, template),), words, weight))
    found += [edit for edit in itertools.chain(_everywhere(sketch), _alike(sketch)) if edit.weight <= most]
    return sorted(found, key=lambda edit: edit.weight)


def _alike(sketch: Sketch) -> Iterator[Edit]:
    """Make the same change wherever the same expression stands."""
    places: dict[str, list[int]] = {}
    for site, node in enumerate(sketch.nodes):
        if isinstance(node, ast.BinOp | ast.Call | ast.UnaryOp | ast.Constant):
            places.setdefault(source_of(node), []).append(site)
    for sites in places.values():
        if len(sites) > 1:
            for template, words, weight in changes_at(sketch.nodes[sites[0]]):
                yield Edit(tuple((k, template) for k in sites), f"{words}, each time", weight)


def _everywhere(sketch: Sketch) -> Iterator[Edit]:
    """Exchange two variables, or use one for another, wherever they are read."""
    places: dict[str, list[int]] = {}
    for site, node in enumerate(sketch.nodes):
        if isinstance(node, ast.Name):
            places.setdefault(node.id, []).append(site)
    squares = _squares(sketch)
    for one, other in itertools.permutations(places, 2):
        if len(places[one]) > 1:
            yield Edit(tuple((k, other) for k in places[one]), f"{other} stands for {one} everywhere", 1.0)
            for both in squares.get(one, ()):
                twice = tuple((site, other) for site in both)
                yield Edit(twice, f"{other} stands where {one} belongs, in {one} * {one}", 0.9)
        if one < other:
            there, back = tuple((k, other) for k in places[one]), tuple((k, one) for k in places[other])
            yield Edit(there + back, f"{one} and {other} have changed places", 0.8)
    for name, sites in places.items():
        if len(sites) > 1:
            for template, words in ((f"0.5 * {name}", "halved"), (f"2 * {name}", "doubled"), (f"-{name}", "negated")):
                yield Edit(tuple((k, template) for k in sites), f"{name} is {words} everywhere", 1.2)
            for template in (f"tanh({name})", f"sigmoid({name})", f"1 - {name}"):
                yield Edit(tuple((k, template) for k in sites), f"{template} stands for {name} everywhere", 1.0)
    yield from _families(places)
    yield from _all_gates(sketch)


def _families(places: dict[str, list[int]]) -> Iterator[Edit]:
    """Change variables that differ by their last sign alike: sum_1 and sum_2, each with its own count."""
    stems: dict[str, dict[str, str]] = {}
    for name in places:
        stem, _, last = name.rpartition("_")
        if stem and last.isdigit():
            stems.setdefault(stem, {})[last] = name
    for one, other in itertools.permutations(stems, 2):
        if len(stems[one]) > 1 and stems[one].keys() == stems[other].keys():
            for template, words in (
                ("{a} * {b}", f"each {one} is multiplied by its {other}"),
                ("{a} / {b}", f"each {one} is divided by its {other}"),
                ("{b}", f"each {other} stands where its {one} belongs"),
            ):
                instead = [
                    (k, template.format(a=name, b=stems[other][last]))
                    for last, name in stems[one].items()
                    for k in places[name]
                ]
                yield Edit(tuple(instead), words, 0.9)


def _squares(sketch: Sketch) -> dict[str, list[tuple[int, int]]]:
    """Return where a variable stands on both sides of one operation, such as x * x."""
    found: dict[str, list[tuple[int, int]]] = {}
    for node in sketch.nodes:
        if isinstance(node, ast.BinOp) and isinstance(one := node.left, ast.Name) and source_of(node.right) == one.id:
            found.setdefault(one.id, []).append((one.site, node.right.site))  # type: ignore[attr-defined]
    return found


def _all_gates(sketch: Sketch) -> Iterator[Edit]:
    """Use the weights and the bias of one gate for another, or exchange both."""
    read = {node.id for node in sketch.nodes if isinstance(node, ast.Name)}
    letters = {name.split("_")[-1] for name in read if "_" in name}
    families = {name.split("_")[0] for name in read if "_" in name}
    for one, other in itertools.permutations(sorted(letters), 2):
        pairs = [(f"{f}_{one}", f"{f}_{other}") for f in sorted(families)]
        pairs = [(a, b) for a, b in pairs if {a, b} <= read]
        if len(pairs) < 2:
            continue
        once = [(k, b) for k, node in enumerate(sketch.nodes) for a, b in pairs if getattr(node, "id", "") == a]
        names = " and ".join(b for _, b in pairs)
        yield Edit(tuple(once), f"{names} stand where those of {one} belong", 0.9)
        if one < other:
            back = [(k, a) for k, node in enumerate(sketch.nodes) for a, b in pairs if getattr(node, "id", "") == b]
            yield Edit(tuple(once + back), f"the weights of {one} and {other} have changed places", 0.9)
