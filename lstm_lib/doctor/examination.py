"""``examine``: put a network on the table, do every experiment that it allows, and write the report.

Shapes: T steps, B batch.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lstm_lib.doctor import (
    asking,
    biases,
    chance,
    data,
    fitting,
    foretold,
    gradients,
    inside,
    learning,
    meeting,
    notes,
    outside,
    reading,
    updates,
    wiring,
)
from lstm_lib.doctor.accepting import expect_batch, expect_lengths, expect_loss, expect_numbers
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.glass import Inside, look, on_noise
from lstm_lib.doctor.layers import layers_of, lstms_of
from lstm_lib.doctor.report import Report, in_order
from lstm_lib.doctor.subject import REFUSALS, Called, Loss, Subject
from lstm_lib.doctor.traces import untouched

FAR = 1e-2  # where the repetition of a layer is this far off, its inside is not what ran


def examine(
    model: nn.Module,
    batch: Any = None,
    loss: Loss | None = None,
    *,
    lengths: Tensor | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    longest_lag: int | None = None,
) -> Report:
    """Look for what is wrong with the LSTMs of a network. Nothing of it is changed: the doctor works on a copy.

    Args:
        model: Any module with ``torch.nn.LSTM`` or ``lstm_lib.nn.LSTM`` in it, at any depth; or with a cell of either
            (``LSTMCell``), called once a step.
        batch: What it is called with: the inputs; (inputs, targets); (inputs, targets, mask); or a Batch of
            ``lstm_lib.tasks``. Several inputs are a tuple or list, ((x, z), targets), or a dictionary: where the
            network does not take them as one, ``model(x, z)`` or ``model(x=x, z=z)`` is called. It gets copies.
            Without a batch, each LSTM is looked at on noise.
        loss: Takes (outputs, targets), or (outputs, targets, mask), and returns a tensor of one number: the one that
            you train with, so that it can be asked whether it fits the answers. Without it, cross-entropy for targets
            that are whole numbers, the mean squared error for others. Targets in several parts need it, and what asks
            for targets by themselves is then left out.
        lengths: True length of each sequence (B,), from 1 to T, where they are padded.
            ``model(inputs, lengths=lengths)`` is called if its forward has a parameter of this name.
        optimizer: The optimiser in use: whether it has all weights, and what its rate and its decay do to copies.
        longest_lag: Over how many steps something must be kept; without it, what the sequences' length allows is
            measured, and nobody is blamed for forgetting.

    Returns:
        The report: ``findings``, the most severe first, a cause above what follows from it; ``notes`` of what is no
        fault. Print it, show it in a notebook, ``to_json()``, ``plot()``.

    Raises:
        ValueError: If there is no LSTM in the network, it cannot be copied, or its weights have no numbers (device
            meta); if the batch is empty, the network does not take that many inputs, the lengths do not fit the
            sequences, or the loss gives no tensor of one number. What the network itself raises comes as it is.

    Example:
        >>> from lstm_lib.nn import LSTM
        >>> _ = torch.manual_seed(0)
        >>> report = examine(LSTM(3, 16), torch.randn(50, 4, 3), longest_lag=40)
        >>> [finding.key for finding in report.findings]
        ['forgets-too-soon', 'forget-bias-lost', 'gradient-vanishes']
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"got a {type(model).__name__}, expected a torch.nn.Module")
    if not lstms_of(model):
        raise ValueError(f"got a {type(model).__name__} without any LSTM of torch or of lstm_lib, expected one")
    expect_numbers(model)
    with torch.inference_mode(False), torch.enable_grad(), untouched(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the network's own, once more at each run
        subject = Subject(model, batch, loss, lengths, optimizer, longest_lag)
        expect_batch(subject)
        return _Examination(subject).report()


class _Examination:
    """What has been found so far."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.findings: list[Finding] = []
        self.numbers: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.left_out: dict[str, str] = {}
        self.share = -math.inf  # how far below guessing the loss is; unknown
        self.notes: list[str] = []
        self.fresh = False

    def report(self) -> Report:
        """Do all experiments and sort what they have found."""
        subject = self.subject
        if places := data.not_finite(subject):
            shown = ", ".join([f"{name} {count}" for name, count in places.items()][:5])
            shown += f" and {len(places) - 5} more" if len(places) > 5 else ""
            self.findings = [finding("not-finite", next(iter(places)), f"NaN or inf in {shown}")]
            self.left_out["everything else"] = "nothing can be measured with numbers that are none"
            return self._told()
        self.fresh = notes.is_fresh(subject)
        if subject.inputs is not None:
            try:
                ran = subject.run()
                subject.find_axes(ran)
            except (RuntimeError, ValueError, IndexError) as error:
                if not (refused := fitting.network_refuses(subject, error)):
                    raise  # the network's own, and the caller's to see
                self.findings, self.left_out["everything else"] = refused, "the network does not run on this batch"
                return self._told()
            expect_lengths(subject, ran)
            expect_loss(subject, ran)
            if strange := self._attempt("whether the answers are numbers", lambda: data.not_finite_answers(subject)):
                self.findings, self.left_out["everything else"] = strange, "nothing can be measured without numbers"
                return self._told()
            self._from_outside()
        self._look_inside()
        if self.fresh:
            self._gently()
        self.findings += chance.without_effect(subject) + chance.too_strong(subject, self.share)
        keys = {one.key for one in self.findings}
        told: dict[str, bool] = {"forgets": "forgets-too-soon" in keys, "fails": "loss-at-chance" in keys}
        lstms = [layers_of(lstm, name) for name, lstm in subject.lstms.items()]
        for layers in lstms:
            self.findings += biases.findings_in_biases(layers, **told)
        if self.share < learning.WORKS and not any(one.key == "forget-bias-lost" for one in self.findings):
            self.findings += biases.findings_across(lstms)
        return self._told()

    def _gently(self) -> None:
        """Of a network that was not trained, take back what only training could mend, and say so."""
        if {one.key for one in self.findings} & {"weights-left-out", "graph-cut", "part-unused"}:
            return  # somebody has trained it, without its LSTM
        asked = self.subject.longest_lag is not None
        early = {"loss-at-chance"} if asked else {"loss-at-chance", "forgets-too-soon"}
        self.findings = [one for one in self.findings if one.key not in early]
        self.notes.append(notes.FRESH)
        if notes.is_without_bias(self.subject) and not asked:
            self.notes.append(notes.START)

    def _told(self) -> Report:
        """Return the report of what has been found."""
        subject, count = self.subject, len(self.subject.lstms)
        network = f"{type(subject.model).__name__} with {count} LSTM{'s' if count > 1 else ''}"
        return Report(in_order(self.findings), network, self.numbers, self.rows, self.left_out, tuple(self.notes))

    @property
    def single(self) -> bool:
        """Whether there is one answer for each sequence, and not one at each step."""
        return self.subject.targets is not None and not self.subject.per_step

    def _attempt(self, what: str, experiment: Callable[[], Any]) -> Any:
        """Do an experiment; a network may refuse it, which is written down."""
        try:
            return experiment()
        except REFUSALS as error:
            self.left_out[what] = _in_words(error)
            return None

    def _from_outside(self) -> None:
        """Do the experiments that need a batch."""
        subject = self.subject
        found = self._loss()
        if found is not None:
            self.numbers |= {"loss": found.loss, "loss of guessing": found.guessing, "better by": found.share}
            self.share = found.share
        experiments: dict[str, Callable[[], list[Finding]]] = {
            "whether sequences mix": lambda: outside.mixing(subject),
            "whether padding is read": lambda: outside.padding(subject),
            "what is kept between calls": lambda: outside.keeping(subject),
            "whether chance answers": lambda: chance.by_chance(subject),
            "what is handed on": lambda: wiring.handing_on(subject, self.share),
            "which weights are trained": lambda: wiring.left_out(subject, self.share),
            "which weights have a gradient": lambda: wiring.reached(subject),
            "which steps are read": lambda: reading.unread(subject) or reading.ends_unread(subject),
            "which answer meets which target": lambda: meeting.pairing(subject) or self._crossed(),
            "what the loss asks for": lambda: fitting.asks(subject),
            "what the answers can say": lambda: fitting.squashed(subject, found),
            "whether the loss asks for the targets": lambda: asking.findings_in_asking(subject, found),
            "what a decoder is fed": lambda: foretold.fed(subject),
            "what stands in the data": lambda: data.findings_in_data(subject, found),
            "whether the loss is that of guessing": lambda: learning.findings_in_loss(subject, found),
            "whether it echoes its input": lambda: learning.echo(subject),
            "the weight decay": lambda: updates.decay(subject, found),
        }
        for what, experiment in experiments.items():
            self.findings += self._attempt(what, experiment) or []
        if notes.is_handed_on(subject, subject.run()):
            self.notes.append(notes.HANDED)
        tried = self._attempt("the learning rate", lambda: updates.rate(subject, found))
        if tried is not None:
            self.findings += tried[0]
            self.numbers |= tried[1]

    def _crossed(self) -> list[Finding]:
        """See which answers a sequence and its targets move, unless sequences mix: that is said already."""
        mixed = {"batch-and-time-exchanged", "h_n-reshaped", "rows-out-of-order"} & {one.key for one in self.findings}
        return [] if mixed else meeting.crossed(self.subject)

    def _loss(self) -> learning.Skill | None:
        """Measure the loss; where it refuses the answers, say what does not fit."""
        subject = self.subject
        try:
            if subject.can_lose and not subject.has_one_target:
                self.numbers["loss"] = float(subject.loss(subject.run().outputs))
                self.left_out["what asks for targets"] = "they are in several parts, which the loss alone understands"
            return learning.skill(subject)
        except REFUSALS as error:
            self.findings += fitting.refused(subject, error)
            self.left_out["the loss"] = _in_words(error)
            return None

    def _look_inside(self) -> None:
        """Repeat every LSTM step by step, measure, and judge."""
        subject = self.subject
        asked = subject.longest_lag is not None
        calls: dict[str, list[Called]] = {name: [] for name in subject.lstms}
        if subject.inputs is None:
            for name, lstm in subject.lstms.items():
                calls[name] = on_noise(lstm, layers_of(lstm, name)[0])
            self.numbers["inputs"] = "noise"
        else:
            for call in subject.run().calls:
                calls[call.name].append(call)
        for name, lstm in subject.lstms.items():
            if not calls[name]:
                self.left_out[name or "the LSTM"] = "it was not called"
                continue
            seen = self._attempt(f"the inside of {name or 'the LSTM'}", lambda: _seen(lstm, name, calls, subject))  # noqa: B023
            for one in seen or []:
                self._judge(one, asked)
        through = None
        if subject.inputs is not None:
            through = self._attempt("the gradient through the network", lambda: gradients.through_the_network(subject))
        if through is not None:
            self.numbers["gradient by lag"] = through
        lag = subject.longest_lag or 0
        works = self.share > (inside.WELL if asked else learning.WORKS)
        told: dict[str, Any] = {"works": works, "asked": asked, "single": self.single}
        self.findings += gradients.findings_in_gradients(self.rows, through, lag, **told)
        if not any(one.key == "gradient-vanishes" for one in self.findings):
            self.findings += self._attempt("whether gradients go back in time", lambda: gradients.stops(subject)) or []

    def _judge(self, one: Inside, asked: bool) -> None:
        """Measure one layer and direction, and judge it, unless it could not be repeated."""
        if one.error > FAR:
            self.left_out[f"the inside of {one.layer.where}"] = f"its repetition differs by {one.error:.1%}"
            return
        steps = int(one.valid.sum(0).max())
        row = inside.measure(one, self.subject.longest_lag or max(steps - 1, 1))
        row |= gradients.reach(one)
        self.rows.append(row)
        self.findings += inside.findings_inside(row, share=self.share, asked=asked, single=self.single)


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason'}"


def _seen(lstm: Any, name: str, calls: dict[str, list[Called]], subject: Subject) -> list[Inside]:
    return look(lstm, name, calls[name], subject.lengths, grad=True)
