"""The explorables of the course, as anywidgets: the same files drive notebooks and the static website."""

from lstm_lib._extras import need

need("anywidget", "the explorables and quizzes")

from lstm_lib.widgets.be_the_gate import BeTheGate
from lstm_lib.widgets.cell_walk import CellWalk
from lstm_lib.widgets.gate_explorer import GateExplorer
from lstm_lib.widgets.gate_failures import GateFailures
from lstm_lib.widgets.gradient_flow import GradientFlow
from lstm_lib.widgets.number_pad import NumberPad
from lstm_lib.widgets.play_the_stream import PlayTheStream
from lstm_lib.widgets.quiz import Quiz
from lstm_lib.widgets.say_a_digit import SayADigit
from lstm_lib.widgets.text_finder import TextFinder
from lstm_lib.widgets.three_clocks import ThreeClocks
from lstm_lib.widgets.truncation import Truncation
from lstm_lib.widgets.where_time_goes import WhereTimeGoes
from lstm_lib.widgets.writer import Writer

__all__ = [
    "BeTheGate",
    "CellWalk",
    "GateExplorer",
    "GateFailures",
    "GradientFlow",
    "NumberPad",
    "PlayTheStream",
    "Quiz",
    "SayADigit",
    "TextFinder",
    "ThreeClocks",
    "Truncation",
    "WhereTimeGoes",
    "Writer",
]
