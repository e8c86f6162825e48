"""Mistakes that people make around an LSTM are what they say, and are named; healthy networks like them are not."""

import pytest

from lstm_lib import doctor
from tests.doctor import fitting, well, wiring

# One patient broadcasts, and is warned of it.
pytestmark = pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")

SEEDS = (0, 1, 2)
ILL = [*wiring.PATIENTS, *fitting.PATIENTS]
by_name = {"ids": lambda patient: patient.name}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("patient", ILL, **by_name)
def test_the_fault_is_there_and_is_the_first_or_second_finding(patient, seed):
    case = patient.build(seed)
    report = doctor.examine(**case._asdict())
    assert patient.fault in [one.key for one in report.findings][:2], str(report)
    assert patient.symptom(case)  # which may use the case up


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("patient", well.PATIENTS, **by_name)
def test_a_healthy_network_that_looks_alike_works_and_is_left_in_peace(patient, seed):
    case = patient.build(seed)
    report = doctor.examine(**case._asdict())
    assert report.findings == [], str(report)
    assert patient.symptom(case)


def test_every_fault_around_an_lstm_has_a_patient_and_every_task_a_healthy_one():
    named = {patient.fault for patient in ILL}
    assert named >= {"weights-left-out", "weight-decay", "answers-misfit", "shapes-misfit", "sees-the-answer"}
    assert {patient.task for patient in ILL} == {patient.task for patient in well.PATIENTS}
    assert all(patient.fault is None for patient in well.PATIENTS)
    assert len({patient.name for patient in [*ILL, *well.PATIENTS]}) == len(ILL) + len(well.PATIENTS)


def test_a_network_that_was_not_trained_is_told_so_gently():
    fresh = next(patient for patient in well.PATIENTS if patient.name == "fresh, and not yet trained: a tagger")
    report = doctor.examine(**fresh.build(0)._asdict())
    assert report.findings == []
    assert "It has not been trained yet" in str(report)
    assert "set_forget_bias" in str(report)
    assert "It has not been trained yet" in report._repr_html_()
    biased = next(patient for patient in well.PATIENTS if patient.name == "fresh, with its forget bias set")
    assert "set_forget_bias" not in str(doctor.examine(**biased.build(0)._asdict()))
    trained = next(patient for patient in well.PATIENTS if patient.name == "sorted, and sorted back")
    assert "It has not been trained yet" not in str(doctor.examine(**trained.build(0)._asdict()))
