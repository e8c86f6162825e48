"""One question: the reader chooses, types a number or puts steps in order, then reads why that is right or wrong."""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets

from lstm_lib.exercises import EXERCISES
from lstm_lib.widgets._base import css, esm

Texts = Mapping[str, str]  # by the id of an option: what it says, or what is said of it

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Quiz(anywidget.AnyWidget):
    """Ask one question; say after the answer why it is right or wrong.

    ``Quiz(…)`` has one right option, ``Quiz.several`` has several, ``Quiz.number`` asks for a number, ``Quiz.order``
    for steps in their order. All of the logic is in ``quiz.js``, so that it reacts on a static page too.

    Args:
        question: What is asked.
        options: Option id to text.
        answer: Id of the right option.
        because: Option id to what is said after that choice.
        name: What the website keeps the reader's answer under, one for each quiz of the course.

    Raises:
        ValueError: If the answer is no option or an option has no explanation.

    Example:
        >>> quiz = Quiz(
        ...     question="What is half of 4?",
        ...     options={"two": "2", "three": "3"},
        ...     answer="two",
        ...     because={"two": "2 + 2 = 4.", "three": "3 + 3 is 6."},
        ... )
        >>> quiz.choice
        ''
    """

    _esm = esm("quiz")
    _css = css("quiz")

    kind = traitlets.Enum(["single", "several", "number", "order"], "single").tag(sync=True)
    role = traitlets.Enum(["quiz", "exercise"], "quiz").tag(sync=True)
    name = traitlets.Unicode("").tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Dict()).tag(sync=True)  # [{"id": …, "text": …, "because": …}, …], in this order
    answer = traitlets.Unicode().tag(sync=True)  # single
    answers = traitlets.List(traitlets.Unicode()).tag(sync=True)  # several; order: all of them, first step first
    value = traitlets.Float(0.0).tag(sync=True)  # number
    tolerance = traitlets.Float(0.0).tag(sync=True)
    # number: [{"value": …, "because": …}, …, {"because": …}], the last said of all others
    mistakes = traitlets.List(traitlets.Dict()).tag(sync=True)
    because = traitlets.Unicode("").tag(sync=True)  # number, order: what is said when it is right
    choice = traitlets.Unicode("").tag(sync=True)  # what the reader answered; "" before

    def __init__(self, *, question: str, options: Texts, answer: str, because: Texts, name: str = "") -> None:
        """Check that the answer is an option and that every option has its reason."""
        if answer not in options:
            raise ValueError(f"got answer {answer!r}, expected one of {', '.join(options)}")
        super().__init__(question=question, options=_rows(options, because), answer=answer, name=_named(name))

    @classmethod
    def several(
        cls, *, question: str, options: Texts, answers: Sequence[str], because: Texts, name: str = ""
    ) -> "Quiz":
        """Ask for all options that are right; the boxes that are set wrong are counted, and one of them explained.

        Args:
            question: What is asked.
            options: Option id to text.
            answers: Ids of the right options.
            because: Option id to why it belongs to the answer, or why not.
            name: What the website keeps the reader's answer under.

        Returns:
            The widget.

        Raises:
            ValueError: If an answer is no option, there is none, or an option has no explanation.

        Example:
            >>> Quiz.several(
            ...     question="Which are even?",
            ...     options={"two": "2", "three": "3", "four": "4"},
            ...     answers=["two", "four"],
            ...     because={"two": "1 + 1.", "three": "One is left over.", "four": "2 + 2."},
            ... )
            Quiz: Which are even?
        """
        if not answers or not set(answers) <= set(options):
            raise ValueError(f"got answers {', '.join(answers)}, expected some of {', '.join(options)}")
        rows = _rows(options, because)
        return cls._of(kind="several", question=question, options=rows, answers=list(answers), name=name)

    @classmethod
    def number(
        cls,
        *,
        question: str,
        answer: float,
        because: str,
        hint: str,
        mistakes: Mapping[float, str] | None = None,
        tolerance: float = 0.01,
        name: str = "",
    ) -> "Quiz":
        """Ask for a number, which may be written 0.5, .5, 1/2 or 50 %.

        Args:
            question: What is asked.
            answer: The number, computed by the chapter.
            because: What is said when it is right.
            hint: What to think of next, said of every wrong number that is none of the mistakes.
            mistakes: A number that somebody may come to, to what is said of it.
            tolerance: How far off counts as right, as a share of the answer (of 1, where the answer is 0).
            name: What the website keeps the reader's answer under.

        Returns:
            The widget.

        Raises:
            ValueError: If a mistake is so near that it would count as right.

        Example:
            >>> Quiz.number(question="Half of 1?", answer=1 / 2, because="Two of them make one.", hint="Share it.")
            Quiz: Half of 1?
        """
        for wrong in mistakes or {}:
            if abs(wrong - answer) <= 2 * tolerance * (abs(answer) or 1):
                raise ValueError(f"got mistake {wrong}, expected it further from {answer}")
        rows: list[dict[str, Any]] = [
            {"value": _rounded(wrong), "because": says} for wrong, says in (mistakes or {}).items()
        ]
        rows.append({"because": hint})
        wanted = {"value": _rounded(answer), "tolerance": tolerance, "mistakes": rows, "because": because}
        return cls._of(kind="number", question=question, name=name, **wanted)

    @classmethod
    def order(cls, *, question: str, steps: Mapping[str, tuple[str, str]], because: str, name: str = "") -> "Quiz":
        """Ask for steps in their order; they are shown in another one, always the same.

        Args:
            question: What is asked.
            steps: Step id to its text and to what it needs before it, in the right order.
            because: What is said when it is right.
            name: What the website keeps the reader's answer under.

        Returns:
            The widget.

        Raises:
            ValueError: If there are fewer than three steps.

        Example:
            >>> steps = {"a": ("one", ""), "b": ("two", "It is one and one."), "c": ("three", "It is two and one.")}
            >>> quiz = Quiz.order(question="Count.", steps=steps, because="So it goes.")
            >>> quiz.answers == [row["id"] for row in quiz.options]
            False
        """
        if len(steps) < 3:
            raise ValueError(f"got {len(steps)} steps, expected at least 3")
        shown, chance = list(steps), random.Random(question)
        while any(now == then for now, then in zip(shown[:2], steps, strict=False)):
            chance.shuffle(shown)
        rows = [{"id": id, "text": steps[id][0], "because": steps[id][1]} for id in shown]
        return cls._of(kind="order", question=question, options=rows, answers=list(steps), because=because, name=name)

    @classmethod
    def exercise(cls, id: str) -> "Quiz":
        """Make the widget of a judgement exercise: its options, and what the exercise says of each.

        Args:
            id: Key of ``lstm_lib.exercises.EXERCISES`` whose kind is "judgement".

        Returns:
            The widget.

        Raises:
            ValueError: If there is no such judgement.

        Example:
            >>> Quiz.exercise("joined-shape").answer
            '3-by-8'
        """
        found = EXERCISES.get(id)
        if found is None or found.kind != "judgement":
            known = ", ".join(e.id for e in EXERCISES.values() if e.kind == "judgement")
            raise ValueError(f"got {id!r}, expected a judgement: {known}")
        because = {mistake.answer: mistake.says for mistake in found.catalogue.values()}
        because[found.solution] = found.right[0].upper() + found.right[1:]  # there it goes on after "Right: "
        rows = _rows(found.options, because)
        return cls._of(role="exercise", question=found.title, options=rows, answer=found.solution, name=id)

    @classmethod
    def _of(cls, *, name: str, **traits: Any) -> "Quiz":
        """Make a quiz from its traits."""
        quiz = cls.__new__(cls)
        anywidget.AnyWidget.__init__(quiz, name=_named(name), **traits)
        return quiz

    def __repr__(self) -> str:
        """Say the same at every run: stored outputs are compared byte by byte."""
        return f"Quiz: {self.question}"


def _rows(options: Texts, because: Texts) -> list[dict[str, str]]:
    if set(because) != set(options):
        raise ValueError(f"got reasons for {', '.join(because)}, expected one for each of {', '.join(options)}")
    if wrong := [id for id in options if "," in id]:
        raise ValueError(f"got option {wrong[0]!r}, expected no comma in it")
    return [{"id": id, "text": text, "because": because[id]} for id, text in options.items()]


def _rounded(value: float) -> float:
    """Drop the digits that another processor may compute otherwise: what is stored is compared byte by byte."""
    return float(f"{value:.6g}")


def _named(name: str) -> str:
    if name and not NAME.fullmatch(name):
        raise ValueError(f"got name {name!r}, expected small letters and digits, with hyphens between words")
    return name
