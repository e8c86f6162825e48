"""What an exercise is: its text, its solution, and the mistakes it knows. How answers are judged is handed to it."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from lstm_lib.exercises._probes import Kind

Answer = Any  # a function, a number, or the id of an option


class Verdict(NamedTuple):
    """What a check says: whether the answer passed, the key of the mistake it looks like, and a message."""

    passed: bool
    mistake: str | None
    message: str


class Mistake(NamedTuple):
    """One mistake that people make: an answer that makes it, the line of the equation to look at, and what to say."""

    answer: Answer
    line: int | None
    says: str


NAMES: set[str] = set()  # what learners write, in all exercises


@dataclass(frozen=True, eq=False)
class Exercise:
    """One exercise. Make it with ``code``, ``numeric`` or ``judgement`` of ``_make``.

    An exercise equals itself only, so that what its judge works out once can be kept with it.

    Attributes:
        id: Its name, such as "forget-gate".
        chapter: Number of the chapter that it belongs to; 0 is the museum, which has none.
        kind: "code", "numeric" or "judgement".
        title: A few words with a verb.
        statement: What to do, in Markdown with formulas.
        lines: The equations that mistakes point to, readable as plain text.
        hints: Steps towards the solution, smallest first.
        solution: An answer that passes: a function, a number, or the id of an option.
        right: What a right answer shows, one sentence.
        catalogue: The mistakes by key.
        judge: Says of this exercise and an answer what ``check`` returns.
        inputs: What each argument is (code only).
        returns: Names of the returned values (code only).
        options: Text of each option by id (judgement only).
        working: The solution as an expression in Python (numeric only).
        also: The solution written otherwise, as source: where learners set out from another form (code only).
        tolerance: How far off counts as right, as a share of the solution (numeric only).
    """

    id: str
    chapter: int
    kind: str
    title: str
    statement: str
    lines: tuple[str, ...]
    hints: tuple[str, ...]
    solution: Answer
    right: str
    catalogue: dict[str, Mistake]
    judge: Callable[["Exercise", Answer], Verdict]
    inputs: dict[str, Kind] = field(default_factory=dict)
    returns: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    working: str = ""
    tolerance: float = 0.0
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Note the name, by which an answer may call what another exercise asked for."""
        NAMES.add(self.name)

    def check(self, answer: Answer) -> Verdict:
        """Try an answer: whether it is right, and if not, which mistake it looks like.

        Args:
            answer: A function, a number, or the id of an option. Anything else is survived, and named; what is raised
                here is a fault of the exercise, never of the answer.

        Returns:
            Verdict(passed, mistake, message); ``mistake`` is a key of ``mistakes`` or None.

        Example:
            >>> from lstm_lib.exercises import EXERCISES, dot, tanh
            >>> verdict = EXERCISES["forget-gate"].check(lambda z, c_prev, W_f, b_f: tanh(dot(W_f, z) + b_f) * c_prev)
            >>> verdict.passed, verdict.mistake
            (False, 'tanh-for-sigmoid')
        """
        return self.judge(self, answer)

    @property
    def mistakes(self) -> dict[str, Answer]:
        """The known mistakes: key and an answer that makes it, of the same kind as the solution."""
        return {key: mistake.answer for key, mistake in self.catalogue.items()}

    @property
    def asks_for_arrays(self) -> bool:
        """Whether the statement asks for arrays; where it does not, an answer for plain numbers is a whole answer."""
        return "array" in self.statement or "batch" in self.statement

    @property
    def where(self) -> str:
        """The chapter in words: "Chapter 3"; or "Museum"."""
        return f"Chapter {self.chapter}" if self.chapter else "Museum"

    @property
    def name(self) -> str:
        """The Python name that the answer has in a notebook."""
        return str(self.solution.__name__) if self.kind == "code" else self.id.replace("-", "_")

    @cached_property
    def solution_source(self) -> str:
        """The solution as source code."""
        if self.kind == "code":
            return textwrap.dedent(inspect.getsource(self.solution)).rstrip()
        if self.kind == "judgement":
            return f'{self.name} = "{self.solution}"'
        return ("import math\n\n" if "math." in self.working else "") + f"{self.name} = {self.working}"

    @cached_property
    def stub_source(self) -> str:
        """The stub as source code: what the learner starts from. It runs, and its check says "not answered yet"."""
        if self.kind == "numeric":
            return f"{self.name} = ...  # a number"
        if self.kind == "judgement":
            return f"{self.name} = ...  # the name of one option, in quotation marks"
        docstring = ast.parse(self.solution_source).body[0].body[0]  # type: ignore[attr-defined]
        head = self.solution_source.splitlines()[: docstring.end_lineno]
        return "\n".join([*head, "    return ...  # your lines here"])

    @cached_property
    def stub(self) -> Answer:
        """The stub as an answer."""
        namespace: dict[str, Any] = {}
        exec(self.stub_source, namespace)
        return namespace[self.name]

    @property
    def stub_cell(self) -> str:
        """A notebook cell to start from: the stub and its check."""
        return self._cell(self.stub_source)

    @property
    def solution_cell(self) -> str:
        """A notebook cell with the solution and its check, which says in a fold what it says."""
        return self._cell(self.solution_source, ", folded=True")

    def _cell(self, source: str, more: str = "") -> str:
        space = "\n\n\n" if self.kind == "code" else "\n"
        return f'{source}{space}check("{self.id}", {self.name}{more})'
