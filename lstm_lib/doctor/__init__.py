"""The doctor: why does this LSTM not learn? It looks inside of any network that has one, and from outside.

>>> import torch
>>> from lstm_lib import doctor
>>> from lstm_lib.nn import Tagger
>>> _ = torch.manual_seed(0)
>>> report = doctor.examine(Tagger(6, 16, 4), torch.ones(30, 8, 6), longest_lag=25)
>>> report.findings[0].key
'forgets-too-soon'
"""

from lstm_lib._extras import need

need("torch", "examinations", "torch")

from lstm_lib.doctor.examination import examine
from lstm_lib.doctor.findings import FAULTS, Finding
from lstm_lib.doctor.report import Report

__all__ = ["FAULTS", "Finding", "Report", "examine"]
