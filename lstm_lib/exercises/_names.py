"""Say a change of the solution in the learner's names: nobody knows a line or a variable that he never wrote.

A variable of the solution is told by the learner's variable that holds the same, or that has the same part: what is
returned, what a loop runs over. Where there is none, what it is worked out from stands in its place.
"""

import ast
import copy
import re
from types import CodeType
from typing import NamedTuple

from lstm_lib.exercises._exercise import Exercise
from lstm_lib.exercises._lines import held
from lstm_lib.exercises._probes import same
from lstm_lib.exercises._repair import Case
from lstm_lib.exercises._shown import MARK, marked
from lstm_lib.exercises._sketch import assigned, function_of
from lstm_lib.exercises._theirs import read_theirs

EACH, RESULT = "each", "result"  # where the learner has no name for it
INSTEAD = "where the solution has"
# A name in a sentence; "the mean of" and "the power" are English there.
_WORD = re.compile(r"(?<![\w.])(?!(?<=the )(?:mean|power)\b)(?!(?<=a )power\b)[A-Za-z_]\w*\b(?!\()")
_UNPACKED = re.compile(r"\w+(?:, \w+)+ = \w+")


class Names(NamedTuple):
    """Which names a learner knows; for others, his name, or what they are worked out from."""

    known: frozenset[str]
    theirs: dict[str, str]
    worked_out: dict[str, ast.expr]

    def said(self, message: str) -> str:
        """Return a message with its lines of code, which are indented, and its sentences in the learner's names."""
        sections: list[list[str]] = []
        for line in message.splitlines():
            if not sections or line.startswith("    ") != sections[-1][0].startswith("    "):
                sections.append([])
            sections[-1].append(line)
        told: list[str] = []
        for section in sections:
            told += self._code(section) if section[0].startswith("    ") else map(self._sentence, section)
        return "\n".join(told)

    def _code(self, lines: list[str]) -> list[str]:
        trees = [_parsed(line) for line in lines]
        changed = {
            tree.targets[0].id: tree.value
            for tree in trees
            if isinstance(tree, ast.Assign) and isinstance(tree.targets[0], ast.Name)
        }
        used = {_id(node) for tree in trees if tree for node in ast.walk(tree) if _is_read(node)} & set(changed)
        told = []
        for line, tree in zip(lines, trees, strict=True):
            if tree is None or not self._foreign(tree):
                told.append(line)
            elif not (isinstance(tree, ast.Assign) and self._own(_target(tree)) is None and _id(_target(tree)) in used):
                told.append(f"    {self._line(tree, self.worked_out | changed)}")
        return told or [f"    {self._line(tree, self.worked_out)}" for tree in trees if tree]

    def _line(self, tree: ast.stmt, worked_out: dict[str, ast.expr]) -> str:
        """Return a line in the learner's names; a variable that he has not is no line of his: its value is shown."""
        shown: ast.AST = tree
        if isinstance(tree, ast.Assign) and (order := self._order(tree)):
            return order
        if isinstance(tree, ast.Assign | ast.AugAssign) and self._own(_target(tree)) is None:
            shown = tree.value
        made = _Told(self, worked_out).visit(copy.deepcopy(shown))
        made = _Outermost().visit(made)
        return marked(ast.unparse(ast.fix_missing_locations(made)).removesuffix("pass").strip())

    def _order(self, tree: ast.Assign) -> str:
        """Return which part of a list stands where its first one belongs, its second one, and so on; or nothing."""
        target, over = tree.targets[0], tree.value
        if not (isinstance(target, ast.Tuple) and isinstance(over, ast.Name) and self._own(target) is None):
            return ""
        taken = {ast.unparse(self.worked_out[_id(part)]): k for k, part in enumerate(target.elts)}
        return ", ".join(f"{over.id}[{taken[part]}]" for part in sorted(taken))

    def _own(self, target: ast.expr) -> str | None:
        return next((n.id for n in ast.walk(target) if isinstance(n, ast.Name) and self._is_own(n.id)), None)

    def _is_own(self, name: str) -> bool:
        return name in self.known or self.theirs.get(name, RESULT) not in (RESULT, EACH)

    def _foreign(self, tree: ast.AST) -> bool:
        return any(isinstance(node, ast.Name) and self.is_foreign(node.id) for node in ast.walk(tree))

    def is_foreign(self, name: str) -> bool:
        """Tell whether this is a variable of the solution that the learner has not."""
        return name not in self.known and (name in self.theirs or name in self.worked_out)

    def _sentence(self, text: str) -> str:
        def instead(found: re.Match[str]) -> str:
            name = found[0]
            if not self.is_foreign(name):
                return name
            if name in self.theirs:
                return self.theirs[name]
            told = ast.unparse(_Told(self, self.worked_out).visit(ast.Name(name, ast.Load())))
            around = text[max(0, found.start() - 2) : found.start()], text[found.end() : found.end() + 2]
            bound = any(each.strip()[:1] in "+-*/" and each.strip() for each in around)
            return f"({told})" if bound and isinstance(_expression(told), ast.BinOp | ast.IfExp) else told

        def in_order(found: re.Match[str]) -> str:
            tree = _parsed(found[0])
            return (self._order(tree) if isinstance(tree, ast.Assign) else "") or found[0]

        return _WORD.sub(instead, _UNPACKED.sub(in_order, text))


class _Told(ast.NodeTransformer):
    """Put the learner's name in the place of each of the solution's, or what it is worked out from."""

    def __init__(self, names: Names, worked_out: dict[str, ast.expr], depth: int = 0) -> None:
        self.names, self.worked_out, self.depth = names, worked_out, depth

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if not self.names.is_foreign(node.id):
            return node
        if node.id in self.names.theirs:
            made = _expression(self.names.theirs[node.id])
            return made if isinstance(node.ctx, ast.Load) else ast.Name(ast.unparse(made), ast.Store())
        if not isinstance(node.ctx, ast.Load) or self.depth > 9:
            return ast.Name(RESULT, node.ctx)
        deeper = _Told(self.names, self.worked_out, self.depth + 1)
        return deeper.visit(copy.deepcopy(self.worked_out[node.id]))  # type: ignore[no-any-return]


class _Outermost(ast.NodeTransformer):
    """Take marks out of what is marked already."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if getattr(node.func, "id", "") != MARK:
            return self.generic_visit(node)
        bare = _Unmarked().visit(node.args[0])
        return ast.Call(node.func, [bare], [])


class _Unmarked(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[0] if getattr(node.func, "id", "") == MARK else node


def names_of(exercise: Exercise, case: Case | None, code: CodeType | None) -> Names:
    """Return the names in which a learner is told what is wrong; those of the statement he knows.

    Args:
        exercise: What was asked.
        case: The learner's function, if its source is simple enough to be run again.
        code: What it was compiled to, if it is written in Python.
    """
    solution, *otherwise = map(function_of, (exercise.solution_source, *exercise.also))
    known = {*exercise.inputs, *exercise.returns, *(code.co_varnames + code.co_names if code else ())}
    for inner in code.co_consts if code else ():
        known |= {*inner.co_varnames} if isinstance(inner, CodeType) else set()
    if case:
        known |= {node.id for node in ast.walk(case.theirs.tree) if isinstance(node, ast.Name)}
    forms = [solution, *otherwise]
    foreign = [name for form in forms for name in assigned(form) if name not in known]
    theirs = _by_value(exercise, case, foreign) if case else {}
    parts = [_by_part(form, case.theirs.tree if case else None, theirs) for form in forms]
    for name, own in (pair for part in parts for pair in part.items()):
        if name in foreign:
            theirs.setdefault(name, own)
    worked_out: dict[str, ast.expr] = {}
    for name, value in (pair for form in forms for pair in _worked_out(form).items()):
        if name in foreign:
            worked_out.setdefault(name, value)
    for name in foreign:
        if name not in theirs and name not in worked_out:
            theirs[name] = RESULT
    return Names(frozenset(known), theirs, worked_out)


def _by_value(exercise: Exercise, case: Case, foreign: list[str]) -> dict[str, str]:
    """Return the learner's variable that holds what a variable of the solution holds, on every probe."""
    ours = read_theirs(exercise.solution_source)
    probes = {k: probe for k, probe in case.probes.items() if not probe.arrays}
    if ours is None or len(probes) < 2:
        return {}
    right, mine = held(case._replace(theirs=ours), probes, lists=True), held(case, probes, lists=True)
    found = {}
    for name in foreign:
        for own, values in mine.items():
            if name in right and all(same(values[k], right[name][k]) for k in probes):
                found[name] = own
    return found


def _by_part(solution: ast.AST, theirs: ast.AST | None, known: dict[str, str]) -> dict[str, str]:
    """Return the learner's variable that has the part of one of the solution's: in a loop, or as what is returned."""
    own = _loops(theirs) if theirs else {}
    found = {}
    for over, name in _loops(solution).items():
        found[name] = own.get(known.get(over, over), EACH)
    for place in ("returned", "changed in a loop"):
        ours, mine = (_of_part(tree, place) if tree else [] for tree in (solution, theirs))
        if len(ours) == len(mine) == 1:
            found.setdefault(ours[0], mine[0])
    return found


def _loops(tree: ast.AST) -> dict[str, str]:
    """Return what loops run over, and how one of it is called there."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.comprehension | ast.For) and isinstance(node.target, ast.Name):
            over = ast.unparse(node.iter)
            if by_number := re.fullmatch(r"range\(len\((\w+)\)\)", over):
                found[by_number[1]] = f"{by_number[1]}[{node.target.id}]"
            found.setdefault(over, node.target.id)
    return found


def _of_part(tree: ast.AST, place: str) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if place == "returned" and isinstance(node, ast.Return) and isinstance(node.value, ast.Name):
            names.append(node.value.id)
        if place != "returned" and isinstance(node, ast.For):
            names += [name for each in node.body for name in assigned(each)]
    return list(dict.fromkeys(names))


def _worked_out(solution: ast.FunctionDef) -> dict[str, ast.expr]:
    """Return what each variable of a solution is worked out from, where no loop changes it."""
    looped = {name for node in solution.body if isinstance(node, ast.For) for name in assigned(node)}
    looped |= {node.func.value.id for node in ast.walk(solution) if _is_append(node)}  # type: ignore[attr-defined]
    found: dict[str, ast.expr] = {}
    for statement in solution.body:
        if not isinstance(statement, ast.Assign):
            continue
        (target,) = statement.targets
        parts = target.elts if isinstance(target, ast.Tuple) else []
        if isinstance(target, ast.Name) and target.id not in looped:
            found[target.id] = statement.value
        for k, part in enumerate(parts):
            if isinstance(part, ast.Name):
                value = statement.value
                found[part.id] = value.elts[k] if isinstance(value, ast.Tuple) else _part_of(value, k)
    return found


def _part_of(value: ast.expr, k: int) -> ast.expr:
    return ast.Subscript(value, ast.Constant(k), ast.Load())


def _is_append(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)


def _is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def _target(tree: ast.Assign | ast.AugAssign) -> ast.expr:
    return tree.targets[0] if isinstance(tree, ast.Assign) else tree.target


def _id(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _parsed(line: str) -> ast.stmt | None:
    """Return a line of a message, what is marked in it as a call of MARK; None where it is no line by itself."""
    text = line.strip().replace("«", f"{MARK}(").replace("»", ")")
    try:
        return ast.parse(f"{text} pass" if text.endswith(":") else text).body[0]
    except SyntaxError:
        return None
