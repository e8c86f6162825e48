"""The blind clinic: five LSTMs that answer badly about two boxes, each for one reason, and how to look at them.

``admit`` trains a patient and returns its chart, ``draw`` shows it, ``source`` unfolds the code with the bug.
"""

from lstm_lib._extras import need

need("matplotlib", "the figures of the clinic")

from lstm_lib.clinic.charts import Chart, examine
from lstm_lib.clinic.figure import draw
from lstm_lib.clinic.patients import admit, source
from lstm_lib.tasks.answers import KINDS, kinds_of_answers, possible_answers

__all__ = ["KINDS", "Chart", "admit", "draw", "examine", "kinds_of_answers", "possible_answers", "source"]
