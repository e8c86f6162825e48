"""One question with options: the reader guesses, then reads why each answer is right or wrong."""

import anywidget
import traitlets

from lstm_lib.exercises import EXERCISES
from lstm_lib.widgets._base import css, esm


class Quiz(anywidget.AnyWidget):
    """Ask one question; say after the choice why it is right or wrong.

    All of its logic is in ``quiz.js``, so that it reacts on a static page too.

    Args:
        question: What is asked.
        options: Option id to text.
        answer: Id of the right option.
        because: Option id to what is said after that choice.

    Raises:
        ValueError: If the answer is no option or an option has no explanation.

    Example:
        >>> quiz = Quiz(
        ...     question="What is half of 4?",
        ...     options={"two": "2", "three": "3"},
        ...     answer="two",
        ...     because={"two": "Yes: 2 + 2 = 4.", "three": "3 + 3 is 6."},
        ... )
        >>> quiz.choice
        ''
    """

    _esm = esm("quiz")
    _css = css("quiz")

    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Dict()).tag(sync=True)  # [{"id": …, "text": …, "because": …}, …], in this order
    answer = traitlets.Unicode().tag(sync=True)
    choice = traitlets.Unicode("").tag(sync=True)  # what the reader chose; "" before

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
        because = {mistake.answer: mistake.says for mistake in found.catalogue.values()} | {found.solution: found.right}
        return cls(question=found.title, options=found.options, answer=found.solution, because=because)

    def __init__(self, *, question: str, options: dict[str, str], answer: str, because: dict[str, str]) -> None:
        """Check that the answer is an option and that every option has its reason."""
        if answer not in options:
            raise ValueError(f"got answer {answer!r}, expected one of {', '.join(options)}")
        if set(because) != set(options):
            raise ValueError(f"got reasons for {', '.join(because)}, expected one for each of {', '.join(options)}")
        rows = [{"id": name, "text": text, "because": because[name]} for name, text in options.items()]
        super().__init__(question=question, options=rows, answer=answer)

    def __repr__(self) -> str:
        """Say the same at every run: stored outputs are compared byte by byte."""
        return f"Quiz: {self.question}"
