"""One question with options: the reader guesses, then reads why each answer is right or wrong."""

from pathlib import Path

import anywidget
import traitlets

from lstm_lib.notation import FAMILIES, INK

HERE = Path(__file__).parent


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

    _esm = HERE / "quiz.js"
    _css = HERE / "quiz.css"

    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Dict()).tag(sync=True)  # [{"id": …, "text": …, "because": …}, …], in this order
    answer = traitlets.Unicode().tag(sync=True)
    choice = traitlets.Unicode("").tag(sync=True)  # what the reader chose; "" before

    palette = traitlets.Dict(
        {"right": FAMILIES["learn"]._asdict(), "wrong": FAMILIES["forget"]._asdict(), "ink": INK._asdict()}, read_only=True
    ).tag(sync=True)

    def __init__(self, *, question: str, options: dict[str, str], answer: str, because: dict[str, str]) -> None:
        if answer not in options:
            raise ValueError(f"got answer {answer!r}, expected one of {', '.join(options)}")
        if set(because) != set(options):
            raise ValueError(f"got reasons for {', '.join(because)}, expected one for each of {', '.join(options)}")
        rows = [{"id": name, "text": text, "because": because[name]} for name, text in options.items()]
        super().__init__(question=question, options=rows, answer=answer)
