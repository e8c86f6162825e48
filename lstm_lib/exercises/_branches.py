"""What each branch of an answer does by itself: where a learner asks a question, both answers are looked at alone."""

import ast
from collections.abc import Callable, Iterator
from typing import Any

from lstm_lib.exercises._sites import compiled
from lstm_lib.exercises._theirs import Theirs


def branches(theirs: Theirs) -> Iterator[tuple[str, Callable[..., Any], Callable[..., Any]]]:
    """Return each question, and the function as it is if the answer is always yes, and always no.

    Example:
        >>> from lstm_lib.exercises._theirs import read_theirs
        >>> ((asked, yes, no),) = branches(read_theirs("def f(x): return x if x > 0 else -x"))
        >>> asked, yes(-2), no(-2)
        ('x > 0', -2, 2)
    """
    tree = theirs.tree
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp):
            test = node.test
            asked = ast.unparse(test)
            made = []
            for answer in (True, False):
                node.test = ast.Constant(answer)
                made.append(compiled(ast.unparse(tree), {}))
            node.test = test
            yield asked, made[0], made[1]
