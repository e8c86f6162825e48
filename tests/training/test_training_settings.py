"""Settings refuse what cannot be meant, and say what came and what was expected."""

import math

import pytest

from lstm_lib.training import Settings

REFUSED = [
    ({"batches": 0}, "got batches 0, expected a whole number of at least 1"),
    ({"batches": 2.0}, "got batches 2.0, expected a whole number"),
    ({"batches": True}, "got batches True, expected a whole number"),
    ({"lr": 0.0}, "got lr 0.0, expected a positive number"),
    ({"lr": math.nan}, "got lr nan, expected a positive number"),
    ({"lr": None}, "got lr None, expected a positive number"),
    ({"clip": -1}, "got clip -1, expected a positive number"),
    ({"window": 0}, "got window 0, expected a whole number of at least 1"),
    ({"optimiser": "lion"}, "got optimiser 'lion', expected one of 'adam', 'adamw', 'sgd'"),
    ({"between_windows": "keep"}, "got between_windows 'keep', expected one of 'carry', 'reset'"),
    ({"schedule": "step"}, "got schedule 'step', expected one of 'constant', 'linear', 'cosine'"),
    ({"precision": "half"}, "got precision 'half', expected one of 'float32', 'bfloat16', 'float16'"),
    ({"betas": (0.9, 1.0)}, "got betas .0.9, 1.0., expected two numbers from 0 to below 1"),
    ({"betas": 0.9}, "got betas 0.9, expected two numbers"),
    ({"weight_decay": -0.1}, "got weight_decay -0.1, expected a number of at least 0"),
    ({"warmup": 100}, "got warmup 100 of 100 batches, expected fewer"),
    ({"stateful": 1}, "got stateful 1, expected True or False"),
    ({"stateful": True, "between_windows": "reset"}, "contradict each other"),
    ({"goal": 95, "evaluate_every": 10}, "got goal 95, expected an accuracy above 0, up to 1"),
    ({"goal": 0.9}, "got a patience or a goal but evaluate_every 0"),
    ({"patience": 3}, "got a patience or a goal but evaluate_every 0"),
    ({"patience": 0, "evaluate_every": 10}, "got patience 0, expected a whole number of at least 1"),
    ({"keep": 0}, "got keep 0, expected a whole number of at least 1"),
    ({"seed": -1}, "got seed -1, expected a whole number of at least 0"),
]


@pytest.mark.parametrize(("values", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_settings_that_cannot_be_meant_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**{"batches": 100} | values)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_schedule_rises_then_falls_and_never_leaves_0_to_1(schedule: str) -> None:
    settings = Settings(batches=50, schedule=schedule, warmup=5)
    rates = [settings.rate(n) for n in range(50)]
    assert rates[:5] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert all(a > b for a, b in zip(rates[5:], rates[6:], strict=False))
    assert 0 < rates[-1] < 0.03


def test_the_cosine_is_half_way_down_in_the_middle() -> None:
    assert Settings(batches=100, schedule="cosine").rate(50) == pytest.approx(0.5)


def test_a_run_goes_on_with_more_batches_but_not_with_another_rate() -> None:
    stored = Settings(batches=100).as_dict()
    Settings(batches=200, save_every=10, keep=5).expect_to_continue(stored)
    with pytest.raises(ValueError, match="got clip 2.0, but the checkpoint was made with clip 1.0"):
        Settings(batches=200, clip=2.0).expect_to_continue(stored)


def test_the_length_of_a_schedule_cannot_change_on_the_way() -> None:
    stored = Settings(batches=100, schedule="linear").as_dict()
    message = "got batches 200, but the checkpoint was made with batches 100, over which its schedule 'linear' leads"
    with pytest.raises(ValueError, match=message):
        Settings(batches=200, schedule="linear").expect_to_continue(stored)
