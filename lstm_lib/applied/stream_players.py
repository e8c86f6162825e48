"""Small networks that play the stream of boxes in the page, each stage of the cell one, and the game's levels.

Shapes: T steps, B batch, D features, H hidden units, K classes, G gates that a stage has.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from lstm_lib import tasks
from lstm_lib._array import Array
from lstm_lib.from_scratch import cells, experiment
from lstm_lib.tasks.answers import NOTHING, possible_answers

STAGES = ("rnn", "memory", "learn", "forget", "lstm")


class Level(NamedTuple):
    """How hard the stream is: its boxes, its steps, and the chances of a write and of a question."""

    boxes: int
    T: int
    p_write: float
    p_ask: float


LEVELS = {
    "two": Level(2, 18, 0.25, 0.3),
    "four": Level(4, 24, 0.25, 0.3),
    "passers": Level(4, 28, 0.1, 0.25),
    "waits": Level(4, 40, 0.05, 0.12),
}

# One unit whose content is given: what a symbol is worth, and what the gates of the unit see.
VALUES = (-0.75, -0.25, 0.25, 0.75)


class Player(nn.Module):
    """One network: its recipe, the weights of the gates that it has, and its readout (none where K is 0)."""

    def __init__(self, recipe: str, features: int, hidden: int, classes: int) -> None:
        """Make room for the weights."""
        super().__init__()
        self.recipe = recipe
        G = len(gates_of(recipe))
        self.W = nn.Parameter(torch.zeros(G, hidden, hidden + features))
        self.b = nn.Parameter(torch.zeros(G, hidden))
        if classes:
            self.readout_W = nn.Parameter(torch.zeros(classes, hidden))
            self.readout_b = nn.Parameter(torch.zeros(classes))


class Players(nn.ModuleDict):
    """Several players in one file.

    Args:
        players: Name to recipe, features, hidden units, classes.

    Example:
        >>> Players({"boxes_4_lstm": ["lstm", 12, 16, 4]})["boxes_4_lstm"].W.shape
        torch.Size([4, 16, 28])
    """

    def __init__(self, players: dict[str, list[Any]]) -> None:
        """Make room for all of them."""
        super().__init__({name: Player(*sizes) for name, sizes in players.items()})
        self.arguments = {"players": {name: list(sizes) for name, sizes in players.items()}}


def gates_of(recipe: str) -> str:
    """Name the gates that a stage has, in their order; the RNN has one, h.

    Example:
        >>> [gates_of(stage) for stage in STAGES]
        ['h', 'g', 'ig', 'ifg', 'ifgo']
    """
    cell, clamp = experiment.RECIPES[recipe]
    return "h" if cell == "rnn" else "".join(gate for gate in "ifgo" if gate not in clamp)


def store(player: Player, weights: experiment.Weights) -> None:
    """Put trained weights into a player; what belongs to gates that its recipe holds fixed is left out."""
    W, b = (np.asarray(part) for part in weights.cell)
    gates = gates_of(player.recipe)
    rows = [0] if gates == "h" else ["ifgo".index(gate) for gate in gates]
    if gates == "h":
        W, b = W[None], b[None]
    parts = {"W": W[rows], "b": b[rows]}
    if hasattr(player, "readout_W"):
        parts |= {"readout_W": weights.readout.W, "readout_b": weights.readout.b}
    player.load_state_dict({name: torch.from_numpy(np.array(part, np.float32)) for name, part in parts.items()})


def weights_of(player: Player) -> experiment.Weights:
    """Return the weights of a player in float64, as ``experiment`` runs them; gates that it lacks have zeros.

    Example:
        >>> weights_of(Player("learn", 12, 16, 4)).cell.W.shape
        (4, 16, 28)
    """
    kept = {name: value.detach().double().numpy() for name, value in player.named_parameters()}
    readout = experiment.Readout(
        kept.get("readout_W", np.zeros((0, player.b.shape[1]))), kept.get("readout_b", np.zeros(0))
    )
    if gates_of(player.recipe) == "h":
        return experiment.Weights(cells.RNNParams(kept["W"][0], kept["b"][0]), readout)
    W, b = np.zeros((4, *kept["W"].shape[1:])), np.zeros((4, kept["b"].shape[1]))
    rows = ["ifgo".index(gate) for gate in gates_of(player.recipe)]
    W[rows], b[rows] = kept["W"], kept["b"]
    return experiment.Weights(cells.LSTMParams(W, b), readout)


def probabilities(player: Player, xs: Array) -> Array:
    """Return what a player would answer at each step, as probabilities (T, B, K), in float64.

    Args:
        player: One of ``Players``.
        xs: Inputs (T, B, D) of ``recall_stream``.

    Example:
        >>> batch = tasks.recall_stream(np.random.default_rng(0), 3, 10, boxes=4)
        >>> probabilities(Player("lstm", 12, 16, 4), batch.xs)[0, 0]
        array([0.25, 0.25, 0.25, 0.25])
    """
    weights = weights_of(player)
    hs = experiment.run(player.recipe, weights, np.asarray(xs, float)).hs
    scores = hs @ weights.readout.W.T + weights.readout.b
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def draw(level: Level, rng: np.random.Generator, batch_size: int, T: int | None = None) -> tasks.Batch:
    """Draw streams of a level, in float32.

    Example:
        >>> draw(LEVELS["two"], np.random.default_rng(0), 5).xs.shape
        (18, 5, 8)
    """
    boxes, steps, p_write, p_ask = level
    how: dict[str, Any] = {"boxes": boxes, "p_write": p_write, "p_ask": p_ask, "dtype": np.float32}
    return tasks.recall_stream(rng, batch_size, T or steps, **how)


def wrong_answers(says: Array, xs: Array, boxes: int) -> dict[str, float]:
    """Return the share of right answers, and what the wrong ones could be; one can be of several kinds.

    Args:
        says: Symbol named at each question, in the order of ``Batch.mask``.
        xs: Inputs (T, B, D).
        boxes: N.

    Returns:
        "right", and of the wrong answers the shares that name the stale symbol, that of another box, or the intruder,
        or none of these.

    Example:
        >>> batch = draw(LEVELS["two"], np.random.default_rng(0), 5)
        >>> wrong_answers(batch.targets[batch.mask], batch.xs, 2)["right"]
        1.0
    """
    possible = possible_answers(xs, boxes=boxes)
    named = (np.asarray(says)[:, None] == possible) & (possible != NOTHING)
    wrong = named[~named[:, 0]]
    if not len(wrong):
        wrong = np.zeros((1, named.shape[1]), bool)
    kinds = {"stale": wrong[:, 1], "other box": wrong[:, 2:-1].any(axis=1), "intruder": wrong[:, -1]}
    none = ~np.logical_or.reduce(list(kinds.values())) if len(named) > named[:, 0].sum() else np.zeros(1)
    shares = {name: float(np.mean(share)) for name, share in (kinds | {"none of these": none}).items()}
    return {"right": float(named[:, 0].mean()), **shares}
