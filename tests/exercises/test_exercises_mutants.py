"""Solutions with one thing changed are rejected: an operator, a constant, a name, a function, a term, an order."""

import ast
import copy
import random
import sys

from lstm_lib.exercises import EXERCISES, _judge

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
FUNCTIONS = {"tanh": "sigmoid", "sigmoid": "tanh", "min": "max"}
CODE = [exercise for exercise in EXERCISES.values() if exercise.kind == "code"]

# Mutants that compute the same for all inputs, and why.
EQUIVALENT = {
    "for h in hs:": "gradient-through-time: a product does not depend on the order of its factors",
}


def variants(node, names):
    """Return what may stand in the place of one node."""
    if isinstance(node, ast.BinOp):
        for operator in OPERATORS:
            if not isinstance(node.op, operator):
                yield ast.BinOp(node.left, operator(), node.right)
        yield node.left
        yield node.right
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        for value in (node.value + 1, node.value - 1, -node.value, 2 * node.value):
            if value != node.value:
                yield ast.Constant(value)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        for name in names:
            if name != node.id:
                yield ast.Name(name, ast.Load())
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in FUNCTIONS:
            yield ast.Call(ast.Name(FUNCTIONS[node.func.id], ast.Load()), node.args, node.keywords)
        if len(node.args) == 1:
            yield node.args[0]
    if isinstance(node, (ast.Tuple, ast.List)):
        for k in range(len(node.elts) - 1):
            swapped = [*node.elts[:k], node.elts[k + 1], node.elts[k], *node.elts[k + 2 :]]
            yield type(node)(swapped, node.ctx)


def mutants(exercise):
    """Return the sources of all mutants of a solution, one change each, without repetition."""
    tree = ast.parse(exercise.solution_source)
    tree.body[0].body = tree.body[0].body[1:]  # the docstring
    plain = ast.unparse(tree)
    sources = []
    for number, node in enumerate(ast.walk(tree)):
        for k in range(len(list(variants(node, tuple(exercise.inputs))))):
            mutant = copy.deepcopy(tree)
            place = list(ast.walk(mutant))[number]
            new = list(variants(place, tuple(exercise.inputs)))[k]
            sources.append(ast.unparse(ast.fix_missing_locations(_Replace(place, new).visit(mutant))))
    return [source for source in dict.fromkeys(sources) if source != plain]


class _Replace(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)


def verdict_on(exercise, source):
    namespace = dict(vars(sys.modules[exercise.solution.__module__]))
    exec(source, namespace)
    return exercise.check(namespace[exercise.name])


def is_equivalent(source):
    return any(part in source for part in EQUIVALENT)


def test_every_single_mutant_is_rejected(monkeypatch):
    monkeypatch.setattr(_judge, "_space", lambda exercise, arrays: None)  # without words for why it is wrong
    everything = [(exercise, source) for exercise in CODE for source in mutants(exercise)]
    assert len(everything) > 800
    assert {exercise.id for exercise, _ in everything} == {exercise.id for exercise in CODE}
    survivors = [source for exercise, source in everything if verdict_on(exercise, source).passed]
    assert [source for source in survivors if not is_equivalent(source)] == []


def test_equivalent_mutants_are_as_right_as_the_solution_on_many_inputs():
    rng = random.Random(1)
    namespace = {}
    exercise = EXERCISES["gradient-through-time"]
    exec(exercise.solution_source.replace("reversed(hs)", "hs"), namespace)
    for _ in range(100):
        dh, hs, w_h = rng.gauss(0, 1), [rng.uniform(-1, 1) for _ in range(rng.randint(1, 9))], rng.gauss(0, 2)
        a, b = exercise.solution(dh, hs, w_h), namespace["gradient_to_start"](dh, hs, w_h)
        assert abs(a - b) <= 1e-12 * abs(a)
