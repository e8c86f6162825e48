"""How the doctor does on patients that its author has not seen: totals only, so that nobody tunes it to them."""

from collections import Counter
from collections.abc import Sequence

import pytest

from lstm_lib import doctor
from tests.doctor import kept
from tests.doctor.cases import SEEDS, Patient

# One patient has its forget bias set in rows where its cell has another gate, and is warned of it.
pytestmark = pytest.mark.filterwarnings("ignore:got bias_ih_l0 with rows:UserWarning")

# Of 99 faults on three seeds the doctor named 84 when it met this half, 90 after a revision that did not look at it
# (recorded/doctor.json); another processor trains other networks.
NAMED = 0.84  # at least: first or second among the findings
ALARMS = 0.02  # of the healthy ones, at most: any finding at all


def totals(patients: Sequence[Patient], seeds: Sequence[int]) -> Counter[str]:
    """Count the ill: named first, named first or second, found at all; and the healthy, and those with a finding."""
    counts: Counter[str] = Counter()
    for patient in patients:
        for seed in seeds:
            keys = [finding.key for finding in doctor.examine(**patient.build(seed)._asdict()).findings]
            if patient.fault is None:
                counts.update(healthy=1, alarms=bool(keys))
            else:
                counts.update(ill=1, first=patient.fault in keys[:1])
                counts.update(named=patient.fault in keys[:2], found=patient.fault in keys)
    return counts


@pytest.fixture(scope="module")
def counts() -> Counter[str]:
    return totals(kept.PATIENTS, SEEDS)


def test_faults_that_nobody_tuned_it_to_are_named_first_or_second(counts):
    assert counts["ill"] >= 14
    assert counts["named"] >= NAMED * counts["ill"], dict(counts)


def test_healthy_ones_that_nobody_tuned_it_to_are_left_in_peace(counts):
    assert counts["healthy"] >= 8
    assert counts["alarms"] <= ALARMS * counts["healthy"], dict(counts)
