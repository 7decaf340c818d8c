"""Measures on what is no LGE have no scar, whatever an earlier release noted."""

from dataclasses import replace

import pytest

from acsnet.io import read_scan
from acsnet.measure import measure_label_file, measure_labels
from acsnet.quantify.features_document import SCAR_KEYS, without_scar


@pytest.fixture(scope="module")
def scarred(samples):
    """Measures of a heart with scar, and of the same as a cine."""
    source, truth = samples / "dicom" / "phantom-1", samples / "truth" / "phantom-1.nii.gz"
    labels = measure_label_file(source, truth).label_map()
    scan = read_scan(source)
    cine = replace(scan, contrast="cine")
    return [measure_labels(one, labels).features_dict() for one in (scan, cine)]


def test_noted_scar_becomes_what_a_cine_is_measured_as(scarred):
    noted, cine = scarred
    assert noted["scar_burden_percent"] > 10
    timed = {"seconds": {}}
    assert {**without_scar(noted), **timed} == {**cine, **timed}


def test_intervals_of_volumes_stay(scarred):
    noted = {**scarred[0], "intervals": {"scar_burden_percent": {}, "lv_volume_ml": {"low": 1.0}}}
    assert without_scar(noted)["intervals"] == {"lv_volume_ml": {"low": 1.0}}


def test_measures_of_an_early_release_get_no_keys_that_they_had_not():
    early = {"scar_burden_percent": 3.0, "lv_volume_ml": 100.0, "segments": [{"scar_percent": 1.0}]}
    assert without_scar(early) == {
        "scar_burden_percent": None,
        "lv_volume_ml": 100.0,
        "segments": [{"scar_percent": None}],
    }
    assert without_scar({}) == {}


def test_every_scar_measure_is_known(scarred):
    noted, cine = scarred
    nulled = {key for key in noted if noted[key] is not None and cine[key] is None}
    assert nulled <= set(SCAR_KEYS) <= set(noted)
