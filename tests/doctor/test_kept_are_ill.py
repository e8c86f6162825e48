"""The patients that were kept apart are what they say, too; nothing here asks the doctor."""

import pytest

from tests.doctor import kept, patients
from tests.doctor.cases import SEEDS

# One patient has its forget bias set in rows where its cell has another gate, and is warned of it.
pytestmark = pytest.mark.filterwarnings("ignore:got bias_ih_l0 with rows:UserWarning")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("patient", kept.PATIENTS, ids=lambda patient: patient.name)
def test_a_kept_patient_is_what_its_name_says(patient, seed):
    assert patient.symptom(patient.build(seed))


def test_the_halves_share_no_patient_and_no_network():
    assert not {patient.name for patient in kept.PATIENTS} & {patient.name for patient in patients.PATIENTS}
    assert {patient.fault for patient in kept.PATIENTS} == {patient.fault for patient in patients.PATIENTS}
    assert {patient.task for patient in kept.PATIENTS if not patient.fault} == {p.task for p in patients.PATIENTS}
