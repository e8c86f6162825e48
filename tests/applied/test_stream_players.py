"""The players of the stream: what is stored is what was trained, and a unit's content is the value of the symbol."""

import numpy as np
import pytest

from lstm_lib import experiment, layers, recorded, tasks
from lstm_lib.applied import gatekeepers, models, stream_players

FILE = models.FOLDER / "stream.safetensors"


@pytest.mark.parametrize("stage", stream_players.STAGES)
def test_what_is_stored_answers_as_what_was_trained(stage: str) -> None:
    weights = experiment.init_weights(np.random.default_rng(1), stage, 12, 6, 4)
    player = stream_players.Player(stage, 12, 6, 4)
    stream_players.store(player, weights)
    batch = stream_players.draw(stream_players.LEVELS["four"], np.random.default_rng(2), 50)
    says = stream_players.probabilities(player, batch.xs)[batch.mask].argmax(axis=1)
    np.testing.assert_array_equal(says, experiment.answers(stage, weights, batch))


def test_the_file_is_small_and_says_what_was_measured() -> None:
    network, card = models.load(FILE, "stream of boxes")
    assert FILE.stat().st_size < 60_000
    assert len(network) == 15
    for row in card["measured"]:
        (same,) = (
            other
            for other in recorded.rows("stream_players", level=row["level"], player=row["player"])
            if other.get("seed") == row.get("seed")
        )
        assert row.items() <= same.items()


@pytest.mark.parametrize("level", stream_players.LEVELS)
def test_the_shipped_players_score_on_fresh_streams_what_their_card_says(level: str) -> None:
    network, card = models.load(FILE)
    how = stream_players.LEVELS[level]
    batch = stream_players.draw(how, np.random.default_rng(77), 400)
    for row in card["measured"]:
        if row["level"] == level and row["player"] != "guessing":
            shares = stream_players.probabilities(network[f"boxes_{how.boxes}_{row['player']}"], batch.xs)
            right = np.mean(shares[batch.mask].argmax(axis=1) == batch.targets[batch.mask])
            assert right == pytest.approx(row["right"], abs=0.05), row


def test_the_content_of_a_unit_is_the_value_of_the_symbol() -> None:
    network, _ = models.load(FILE)
    batch = gatekeepers.draw(np.random.default_rng(3), 20)
    symbols, _, _ = tasks.stream_parts(batch.xs, boxes=1)
    for stage in ("memory", "learn", "forget", "lstm"):
        run = gatekeepers.run(stage, stream_players.weights_of(network[f"unit_{stage}"]), batch.xs)
        g = layers.gates(run).g[..., 0]
        np.testing.assert_allclose(g, symbols @ np.array(stream_players.VALUES), atol=1e-7)  # stored in float32


def test_wrong_answers_can_be_of_several_kinds() -> None:
    xs = np.zeros((5, 1, 6))
    for t, (symbol, write, ask) in enumerate([(0, 1, 0), (1, 1, 0), (0, 0, 0), (None, 0, 1), (None, 0, 1)]):
        xs[t, 0] = [*(np.arange(4) == symbol), write, ask]
    shares = stream_players.wrong_answers(np.array([0, 1]), xs, 1)
    assert shares == {"right": 0.5, "stale": 1, "other box": 0, "intruder": 1, "none of these": 0}
