"""The doctor's patients are what they say: each ill one shows its symptom, each healthy one works."""

import pytest

from tests.doctor.cases import SEEDS
from tests.doctor.patients import PATIENTS

KEYS = {
    "forgets-too-soon",
    "forget-bias-lost",
    "gate-saturated",
    "dead-units",
    "memory-grows",
    "gradient-vanishes",
    "gradient-explodes",
    "reads-padding",
    "batch-and-time-exchanged",
    "state-across-batches",
    "graph-kept",
    "dropout-without-effect",
    "h_n-reshaped",
    "learning-rate",
    "loss-at-chance",
    "echoes-input",
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient.name)
def test_a_patient_is_what_its_name_says(patient, seed):
    assert patient.symptom(patient.build(seed))


def test_every_key_has_a_patient_and_every_task_a_healthy_one():
    assert {patient.fault for patient in PATIENTS} == KEYS | {None}
    assert len({patient.name for patient in PATIENTS}) == len(PATIENTS)
    assert {patient.task for patient in PATIENTS if not patient.fault} == {patient.task for patient in PATIENTS}
