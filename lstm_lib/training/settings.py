"""``Settings``: everything that a training run is told, in one value that can be printed, stored and compared."""

import dataclasses
import math
import numbers
from dataclasses import dataclass
from typing import Any

OPTIMISERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "linear", "cosine")
PRECISIONS = ("float32", "bfloat16", "float16")
BETWEEN_WINDOWS = ("carry", "reset")

# What may change when a run goes on from a checkpoint; everything else would make it another run. (With another
# log_every the last digits may differ: a run that looks in groups uses an optimiser of one kernel.)
FREE = {"batches", "save_every", "keep", "evaluate_every", "goal", "patience", "log_every"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Say how to train.

    Attributes:
        batches: Batches in all, those before a checkpoint counted in.
        lr: Learning rate, the largest one of a schedule.
        optimiser: "adam", "adamw" or "sgd".
        betas: Decays of Adam's two running means.
        weight_decay: Share of each weight, times the rate, taken off at each update ("adamw"), or its gradient's
            ("adam", "sgd").
        clip: Longest gradient; None does not clip.
        window: Truncated backpropagation through time: steps of time per update; None takes the whole sequence.
        between_windows: "carry" hands the state on, detached: the gradient ends at the border; "reset" starts empty.
        stateful: Whether the last state of a batch is the first of the next: one endless stream.
        schedule: "constant"; "linear" or "cosine" lead the rate down to zero at the last batch.
        warmup: Batches over which the rate first rises from zero.
        accumulate: Batches whose gradients are added up for one update, as if they were one large batch; all that
            counts batches goes on counting these, and an update has the rate of its first batch.
        precision: "float32" leaves dtypes alone; "bfloat16" and "float16" use autocast, the latter with a scaler. On a
            GPU torch's own LSTM kernels take float16 under both, and c then stops at 2048 where it counts by ones.
        evaluate_every: Batches between two evaluations; 0 for none.
        patience: Evaluations without a lower loss after which training stops, and the best weights come back. With more
            of it, a run that patience has ended goes on.
        goal: Accuracy at an evaluation at which training stops.
        save_every: Batches between two checkpoints; 0 saves at the end only.
        keep: Checkpoints that stay in the folder.
        log_every: Batches between two looks at losses and gradients, for which training waits for the device. None
            looks at each batch on a processor, and at every 20th on a GPU. An update with NaN in it is never made, but
            that there was one is told at the next look.
        seed: Of what is random while training (dropout); batches have a seed of their own.

    Raises:
        ValueError: If a value does not fit; says what came and what was expected.

    Example:
        >>> Settings(batches=100).clip
        1.0
        >>> Settings(batches=100, schedule="square")
        Traceback (most recent call last):
        ...
        ValueError: got schedule 'square', expected one of 'constant', 'linear', 'cosine'
    """

    batches: int
    lr: float = 0.01
    optimiser: str = "adam"
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    clip: float | None = 1.0
    window: int | None = None
    between_windows: str = "carry"
    stateful: bool = False
    schedule: str = "constant"
    warmup: int = 0
    accumulate: int = 1
    precision: str = "float32"
    evaluate_every: int = 0
    patience: int | None = None
    goal: float | None = None
    save_every: int = 0
    keep: int = 2
    log_every: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _expect_choice(
            optimiser=(self.optimiser, OPTIMISERS),
            schedule=(self.schedule, SCHEDULES),
            precision=(self.precision, PRECISIONS),
            between_windows=(self.between_windows, BETWEEN_WINDOWS),
        )
        least = {"batches": 1, "warmup": 0, "evaluate_every": 0, "save_every": 0, "keep": 1, "seed": 0, "accumulate": 1}
        for name, value in least.items():
            _expect_whole(name, getattr(self, name), value)
        for name in ("window", "patience", "log_every"):
            if getattr(self, name) is not None:
                _expect_whole(name, getattr(self, name), 1)
        for name in ("lr", "clip"):
            value = getattr(self, name)
            if value is None and name == "clip":
                continue
            if not _is_number(value) or not 0 < value < math.inf:
                raise ValueError(f"got {name} {value!r}, expected a positive number")
        if not _is_number(self.weight_decay) or not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"got weight_decay {self.weight_decay!r}, expected a number of at least 0")
        if self.warmup >= self.batches:
            raise ValueError(f"got warmup {self.warmup} of {self.batches} batches, expected fewer")
        if not isinstance(self.stateful, bool):
            raise ValueError(f"got stateful {self.stateful!r}, expected True or False")
        if self.stateful and self.between_windows == "reset":
            raise ValueError("got stateful=True and between_windows='reset', which contradict each other")
        self._expect_whole_groups()
        _expect_pair_of_shares(self.betas)
        if self.goal is not None and not (_is_number(self.goal) and 0 < self.goal <= 1):
            raise ValueError(f"got goal {self.goal!r}, expected an accuracy above 0, up to 1")
        if not self.evaluate_every and (self.patience is not None or self.goal is not None):
            raise ValueError("got a patience or a goal but evaluate_every 0, expected the batches between evaluations")
        self._make_plain()

    def _expect_whole_groups(self) -> None:
        """Refuse what would fall between the batches of one update."""
        for name in ("batches", "evaluate_every", "save_every"):
            value = getattr(self, name)
            if value % self.accumulate:
                raise ValueError(f"got {name} {value}, expected a multiple of accumulate {self.accumulate}")
        if self.stateful and self.window is not None and self.accumulate > 1:
            what = f"got stateful=True, window {self.window} and accumulate {self.accumulate}"
            raise ValueError(f"{what}, expected at most two of them: a stream's windows come one after the other")

    def _make_plain(self) -> None:
        """Turn NumPy's numbers into Python's, which a checkpoint can hold."""
        for name, value in dataclasses.asdict(self).items():
            if isinstance(value, numbers.Integral) and not isinstance(value, bool):
                object.__setattr__(self, name, int(value))
            elif isinstance(value, numbers.Real) and not isinstance(value, bool):
                object.__setattr__(self, name, float(value))
        object.__setattr__(self, "betas", (float(self.betas[0]), float(self.betas[1])))

    def as_dict(self) -> dict[str, Any]:
        """Return the settings by name, as a checkpoint stores them.

        Example:
            >>> Settings(batches=100).as_dict()["betas"]
            [0.9, 0.99]
        """
        return {**dataclasses.asdict(self), "betas": list(self.betas)}

    def expect_to_continue(self, stored: dict[str, Any]) -> None:
        """Raise a ValueError unless a run with the stored settings can go on with these.

        Example:
            >>> Settings(batches=200).expect_to_continue(Settings(batches=100).as_dict())
            >>> Settings(batches=200, lr=0.1).expect_to_continue(Settings(batches=100).as_dict())
            Traceback (most recent call last):
            ...
            ValueError: got lr 0.1, but the checkpoint was made with lr 0.01; use the same settings or another folder
        """
        free = FREE if self.schedule == "constant" else FREE - {"batches"}
        now = self.as_dict()
        usual = {field.name: field.default for field in dataclasses.fields(self)}
        for name in now:
            old = stored.get(name, usual[name])  # a setting that came later: what was done before it is its default
            # A run without patience has not kept its best weights.
            if now[name] != old and (name not in free or (name == "patience" and old is None)):
                what = f"got {_named(name, now[name])}, but the checkpoint was made with {_named(name, old)}"
                if name == "batches":
                    what += f", over which its schedule {self.schedule!r} leads the rate to zero"
                raise ValueError(f"{what}; use the same settings or another folder")

    def rate(self, n: int) -> float:
        """Return the learning rate of batch n, counted from 0, as a share of ``lr``.

        Example:
            >>> slow_start = Settings(batches=100, schedule="linear", warmup=10)
            >>> [round(slow_start.rate(n), 2) for n in (0, 9, 10, 55, 99)]
            [0.1, 1.0, 1.0, 0.5, 0.01]
        """
        if n < self.warmup:
            return (n + 1) / self.warmup
        left = max(0.0, 1 - (n - self.warmup) / (self.batches - self.warmup))
        return {"constant": 1.0, "linear": left, "cosine": 0.5 * (1 - math.cos(math.pi * left))}[self.schedule]


def _named(name: str, value: Any) -> str:
    return f"no {name}" if value is None else f"{name} {value!r}"


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _expect_whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"got {name} {value!r}, expected a whole number of at least {least}")


def _expect_choice(**chosen: tuple[Any, tuple[str, ...]]) -> None:
    for name, (value, choices) in chosen.items():
        if value not in choices:
            raise ValueError(f"got {name} {value!r}, expected one of {', '.join(map(repr, choices))}")


def _expect_pair_of_shares(betas: Any) -> None:
    good = isinstance(betas, (tuple, list)) and len(betas) == 2 and all(_is_number(b) and 0 <= b < 1 for b in betas)
    if not good:
        raise ValueError(f"got betas {betas!r}, expected two numbers from 0 to below 1")
