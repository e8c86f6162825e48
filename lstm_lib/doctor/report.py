"""What the doctor hands over: findings, the most severe first, and all that was measured, in four forms."""

import json
import math
from typing import Any, NamedTuple

from lstm_lib._extras import need
from lstm_lib.doctor.findings import FAULTS, Finding
from lstm_lib.exercises._card import Card
from lstm_lib.notation import FAMILIES

Numbers = dict[str, Any]


class Report(NamedTuple):
    """What an examination has found.

    Attributes:
        findings: What is wrong, the most severe first; empty where nothing was found.
        network: What was examined, in words.
        numbers: What was measured of the whole network.
        layers: What was measured of each layer and direction.
        left_out: What could not be examined, and why.
        notes: What is no fault, and worth knowing.
    """

    findings: list[Finding]
    network: str
    numbers: Numbers
    layers: list[Numbers]
    left_out: dict[str, str]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Tell everything as text."""
        lines = [f"{self.title}: {self.network}"]
        for n, one in enumerate(self.findings, 1):
            lines += ["", f"{n}. {FAULTS[one.key].title} ({one.key})", *(f"   {line}" for line in told(one))]
        lines += ["", *self.summary()]
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Tell everything as text, where a notebook shows no HTML."""
        return str(self)

    @property
    def title(self) -> str:
        """How many findings there are."""
        count = len(self.findings)
        return "Nothing found" if count == 0 else f"{count} finding{'s' if count > 1 else ''}"

    def summary(self) -> list[str]:
        """Say in a few lines what was measured, and what could not be."""
        lines = list(self.notes)
        lines += ["No batch came: the LSTMs were run on noise."] if self.numbers.get("inputs") == "noise" else []
        if "loss" in self.numbers:
            guess = self.numbers.get("loss of guessing")
            than = "" if guess is None else f"; of the best answer that is the same to all {guess:.4g}"
            lines.append(f"Loss {self.numbers['loss']:.4g}{than}.")
        for row in self.layers:
            half = sorted(row["half-lives"])
            reach = _reach(row)
            gates = ", ".join(f"{name} {gate['mean']:.2f}" for name, gate in row["gates"].items())
            middle = _steps(half[len(half) // 2])
            lines.append(
                f"{row['where']}: half-lives {_steps(half[0])} to {_steps(half[-1])} steps, median {middle}; "
                f"gates on average {gates}; largest |c| {row['largest memory']:.3g}{reach}."
            )
        return lines + [f"Not examined: {what} ({why})." for what, why in self.left_out.items()]

    def _repr_html_(self) -> str:
        """Show it as cards, as the exercises do: one for each finding, what was measured in a fold."""
        head = "Nothing found" if not self.findings else self.title
        hue = FAMILIES["forget" if self.findings else "learn"].hue
        calm = FAMILIES["remember"].hue
        cards = [Card(f"{head}: {self.network}", "\n".join(self.notes), calm if self.findings else hue)]
        cards += [Card(FAULTS[one.key].title, "\n".join(told(one)), hue) for one in self.findings]
        cards.append(Card("What was measured", "\n".join(self.summary()), calm, folded=True))
        return "".join(card.html for card in cards)

    def to_json(self) -> str:
        """Write everything as JSON; numbers that are not finite are null.

        Example:
            >>> Report([], "LSTM", {"loss": math.inf}, [], {}).to_json()
            '{"network": "LSTM", "findings": [], "numbers": {"loss": null}, "layers": [], "left_out": {}, "notes": []}'
        """
        content = {
            "network": self.network,
            "findings": [one._asdict() for one in self.findings],
            "numbers": self.numbers,
            "layers": self.layers,
            "left_out": self.left_out,
            "notes": list(self.notes),
        }
        return json.dumps(_plain(content), allow_nan=False)

    def plot(self) -> dict[str, Any]:
        """Draw half-lives, gates, memories and gradients of each layer and direction; return the Axes by name."""
        need("matplotlib", "the figures of the doctor")
        from lstm_lib.doctor.drawing import draw

        return draw(self.layers)


def told(one: Finding) -> list[str]:
    """Say a finding in lines.

    Example:
        >>> from lstm_lib.doctor.findings import finding
        >>> told(finding("dead-units", "lstm", "8 of 24 units say the same at every step"))[0]
        'lstm: 8 of 24 units say the same at every step.'
    """
    tries = [f"    {what}" for what in one.tries]
    return [f"{one.where}: {one.measured}.", one.why, "Try:", *tries, f"Chapter: {one.chapter}"]


def _reach(row: Numbers) -> str:
    by_lag = row.get("gradient by lag", [])
    if len(by_lag) < 2:
        return ""
    return f"; {len(by_lag) - 1} steps back the gradient is {by_lag[-1]:.2g} of the last step's"


def _steps(number: float) -> str:
    return f"{number:.3g}" if number < 1e5 else "over 100,000"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def in_order(findings: list[Finding]) -> list[Finding]:
    """Join the findings of one kind, and put the most severe first."""
    kinds: dict[str, list[Finding]] = {}
    for one in findings:
        kinds.setdefault(one.key, []).append(one)
    joined = []
    for several in kinds.values():
        worst = max(several, key=lambda one: one.severity)
        where = "; ".join(dict.fromkeys([worst.where, *(one.where for one in several)]))
        joined.append(worst._replace(where=where))
    return sorted(joined, key=lambda one: -one.severity)
