"""Faults that were written without a look at the doctor are named; healthy networks beside them are left in peace.

``LSTM_DOCTOR_SEEDS=3`` takes three seeds of each.
"""

import pytest

from benchmarks.doctor import FRESH
from lstm_lib import doctor
from tests.doctor import fresh
from tests.doctor.cases import SEEDS

MISSED = {"a mean of the values around is a feature"}  # from the data alone it is a law that a network may learn
ILL, WELL = ([patient for patient in FRESH if (patient.below is None) == ill] for ill in (True, False))
by_name = {"ids": lambda patient: patient.name}

# Some broadcast, and one has dropout on one layer: torch warns of both.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using a target size:UserWarning"),
    pytest.mark.filterwarnings("ignore:dropout option adds dropout:UserWarning"),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("patient", [patient for patient in ILL if patient.name not in MISSED], **by_name)
def test_a_right_name_is_the_first_or_second_finding(patient, seed):
    report = doctor.examine(**patient.build(seed)._asdict())
    assert patient.right & {one.key for one in report.findings[:2]}, str(report)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("patient", WELL, **by_name)
def test_a_healthy_network_beside_them_has_learned_and_is_left_in_peace(patient, seed):
    case = patient.build(seed)
    report = doctor.examine(**case._asdict())
    assert report.findings == [], str(report)
    assert fresh.loss_of(case) < patient.below


@pytest.mark.parametrize("patient", [patient for patient in ILL if patient.name in MISSED], **by_name)
def test_what_the_doctor_cannot_see_is_kept_in_mind(patient):
    assert not patient.right & {one.key for one in doctor.examine(**patient.build(0)._asdict()).findings}


def test_every_answer_that_counts_as_right_is_one_that_the_doctor_may_give():
    assert {key for patient in ILL for key in patient.right} <= set(doctor.FAULTS)
    assert len({patient.name for patient in FRESH}) == len(FRESH)
    assert all(bool(patient.right) == (patient.below is None) for patient in FRESH)
