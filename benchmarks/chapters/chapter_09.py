"""Train again what Chapter 9 trains: one direction and two, the padding lab and what packing costs, the dropout lab."""

from collections.abc import Iterator
from typing import Any

from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks.chapters._page import SEEDS, functions, rounded

Row = dict[str, Any]


def measure() -> Iterator[Row]:
    """Yield a row for each trained network, or for each way to ask it."""
    for seed in SEEDS:
        for row in (*directions(seed), *padding(seed), *packing(seed), *noise(seed)):
            yield {"seed": seed, **rounded(**row)}


def directions(seed: int) -> Iterator[Row]:
    """Mark what occurs once, in one direction and in both; foretell what nobody can."""
    page = functions(
        9, *("quick", "only_one", "Marker", "turn", "learn_to_mark", "Oracle", "next_symbol", "foretell")
    )
    learn_to_mark = page["learn_to_mark"]
    marks = {
        "forward": learn_to_mark(seed, both=False),
        "backward": learn_to_mark(seed, False, page["turn"]),
        "both": learn_to_mark(seed, both=True),
    }
    for kind, accuracy in marks.items():
        yield {"claim": "directions", "kind": kind, "accuracy": accuracy}
    yield {"claim": "foretold", "accuracy": page["foretell"](seed)}


def padding(seed: int) -> Iterator[Row]:
    """Read at the right step and at ``output[-1]``, open the forget gates, ask in service, forget the mask."""
    names = ("quick", "trailers", "naive", "train_critic", "longest", "open_gates", "with_bats", "serve")
    page = functions(9, *names, "every_frame", "train_without_mask", "told_and_true")
    for asked, how in {"own last step": lambda batch: batch, "output[-1]": page["naive"]}.items():
        for frames in page["longest"]:
            critic, accuracy = page["train_critic"](seed, frames, how)
            yield {"claim": "padding", "asked": asked, "longest": frames, "accuracy": accuracy}
            if (asked, frames) == ("own last step", page["longest"][0]):
                for way, share in page["serve"](critic).items():
                    yield {"claim": "in service", "way": way, "accuracy": share}
    yield {"claim": "forget bias of 3", "accuracy": page["open_gates"](seed)}
    told, true = page["told_and_true"](seed)
    yield {"claim": "no mask", "told": told, "true": true}


def packing(seed: int) -> Iterator[Row]:
    """Time a packed batch and a padded one in turn, forward and backward; say which share of the steps is real."""
    price = functions(9, "price_of_packing", pack_padded_sequence=pack_padded_sequence)["price_of_packing"]
    for units in (16, 128):
        ratio, real = price(seed, units)
        yield {"claim": "packing", "units": units, "ratio": ratio, "real": real}


def noise(seed: int) -> Iterator[Row]:
    """Learn from forty trailers with each kind of noise; ask one network with the noise left on."""
    names = ("quick", "lstm_step", "Cell", "masked_step", "p", "mask", "no_dropout", "variational", "recurrent")
    lab = ("zoneout", "verdicts", "new", "belief", "possible", "zoneout_in_use", "on_x_alone", "noises", "Critic")
    page = functions(9, *names, *lab, "learn_from_few", "frames", "truth", "ask_three_times")
    for name, form in page["noises"].items():
        critic, known, unknown = page["learn_from_few"](seed, form)
        yield {"claim": "noise", "noise": name, "known": known, "new": unknown, "possible": page["possible"]}
        if name == "variational":
            first, second, quiet = page["ask_three_times"](critic)
            shares = {k: (a == page["truth"]).double().mean().item() for k, a in (("first", first), ("quiet", quiet))}
            yield {"claim": "eval forgotten", **shares, "differ": int((first != second).sum())}
        _, known, unknown = page["learn_from_few"](seed, form, stop_early=True)
        yield {"claim": "stopped early", "noise": name, "known": known, "new": unknown}
