"""Mistakes that people make around an LSTM are what they say, and are named; healthy networks like them are not."""

import pytest

from benchmarks.doctor import AROUND
from lstm_lib import clinic, doctor
from tests.doctor import well

# One patient broadcasts, and is warned of it.
pytestmark = pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")

SEEDS = (0, 1, 2)
ILL, WELL = ([patient for patient in AROUND if (patient.fault is None) == healthy] for healthy in (False, True))
by_name = {"ids": lambda patient: patient.name}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("patient", ILL, **by_name)
def test_the_fault_is_there_and_is_the_first_or_second_finding(patient, seed):
    case = patient.build(seed)
    report = doctor.examine(**case._asdict())
    assert patient.fault in [one.key for one in report.findings][:2], str(report)
    assert patient.symptom(case)  # which may use the case up


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("patient", WELL, **by_name)
def test_a_healthy_network_that_looks_alike_works_and_is_left_in_peace(patient, seed):
    case = patient.build(seed)
    report = doctor.examine(**case._asdict())
    assert report.findings == [], str(report)
    assert patient.symptom(case)


def test_every_fault_around_an_lstm_has_a_patient_and_every_task_a_healthy_one():
    named = {patient.fault for patient in ILL}
    assert named >= {"weights-left-out", "weight-decay", "answers-misfit", "shapes-misfit", "sees-the-answer"}
    assert {patient.task for patient in ILL} == {patient.task for patient in WELL}
    assert len({patient.name for patient in AROUND}) == len(AROUND)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("A", "state-lost"), ("B", None), ("C", "loss-at-chance"), ("D", "batch-and-time-exchanged"),
     ("E", "learning-rate"), ("healthy", None)],
)  # fmt: skip
def test_a_patient_of_the_clinic_is_named_by_its_cause(name, expected):
    found = [one.key for one in doctor.examine(**clinic.admit(name).case).findings]
    assert found[:1] == ([expected] if expected else [])


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


def test_whoever_hands_on_a_state_is_told_to_detach_it():
    patient = next(patient for patient in WELL if patient.name == "takes a state and returns one")
    case = patient.build(0)
    report = doctor.examine(**case._asdict())
    assert "state = tuple(part.detach() for part in state)" in str(report)
    inputs, targets = case.batch
    _, state = case.model(inputs)

    class GoesOn(type(case.model)):
        def forward(self, given):
            return super().forward(*given)

    model = GoesOn()
    model.load_state_dict(case.model.state_dict())
    carried = doctor.examine(model, ((inputs, state), targets), case.loss)
    assert carried.findings[0].key == "graph-kept"
    assert "detach h and c" in carried.findings[0].tries[0]
    free = doctor.examine(model, ((inputs, tuple(part.detach() for part in state)), targets), case.loss)
    assert "graph-kept" not in [one.key for one in free.findings]
