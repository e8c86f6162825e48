"""Chance where there should be none, and dropout that drops nothing or nearly all."""

import copy
import warnings
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.layers import is_cell
from lstm_lib.doctor.outside import spread
from lstm_lib.doctor.subject import Subject

DROPOUTS = ("dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_dropout")
ROUNDING = 1e-5  # in parts of the answers' spread
WELL = 0.6  # the loss is below guessing by this share
MOST = 0.75  # of what comes in is dropped: more than anybody means


def by_chance(subject: Subject) -> list[Finding]:
    """Run twice in eval mode, with different random numbers."""
    with torch.no_grad():
        one, two = (subject.run(seed=seed).answers for seed in (0, 1))
    if one.shape != two.shape:
        return []
    moved = float((one - two).abs().max()) / spread(one)
    if moved < ROUNDING:
        return []
    text = f"two runs in eval mode with different random numbers differ by up to {moved:.2g} of the answers' spread"
    return [finding("answers-by-chance", "the network", text)]


def too_strong(subject: Subject, share: float) -> list[Finding]:
    """Look for dropout that leaves almost nothing, in a network that does not answer well."""
    if share >= WELL:
        return []
    rates = {name: module.p for name, module in subject.model.named_modules() if isinstance(module, nn.Dropout)}
    rates |= _called(subject) if subject.inputs is not None else {}
    for name, lstm in subject.lstms.items():
        between = getattr(lstm, "dropout", 0.0) if getattr(lstm, "num_layers", 1) > 1 else 0.0
        rates[name or "the LSTM"] = max(between, getattr(lstm, "variational_dropout", 0.0))
    strong = {name: rate for name, rate in rates.items() if rate >= MOST}
    if not strong:
        return []
    name, rate = max(strong.items(), key=lambda item: item[1])
    return [finding("dropout-too-strong", name, f"in training {rate:.0%} of what comes in is dropped")]


def _called(subject: Subject) -> dict[str, float]:
    """Return the largest rate of the calls of dropout as a function, in training."""
    rates = {"a call of dropout": 0.0}

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            told = dict(zip(("input", "p", "training"), args, strict=False)) | (kwargs or {})
            if getattr(func, "__name__", "") in DROPOUTS and told.get("training", True):
                rates["a call of dropout"] = max(rates["a call of dropout"], float(told.get("p", 0.5)))
            return func(*args, **(kwargs or {}))

    with subject.undone(), Watch():
        subject.model.train()
        subject.call()
    return rates


def without_effect(subject: Subject) -> list[Finding]:
    """Run each LSTM of one layer that has dropout twice, in training, with different random numbers."""
    found = []
    for name, lstm in subject.lstms.items():
        rate = float(getattr(lstm, "dropout", 0.0))
        if rate == 0 or is_cell(lstm) or lstm.num_layers > 1:
            continue
        twin = copy.deepcopy(lstm).train()
        weight = twin.weight_ih_l0
        xs = torch.ones(4, 3, weight.shape[1], dtype=weight.dtype, device=weight.device)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.default_generator.manual_seed(0)
            one = twin(xs)[0]
            torch.default_generator.manual_seed(1)
            same = torch.equal(one, twin(xs)[0])
        if same:
            text = f"dropout={rate:g} and one layer: two runs in training with different random numbers are equal"
            found.append(finding("dropout-without-effect", name or "the LSTM", text))
    return found
