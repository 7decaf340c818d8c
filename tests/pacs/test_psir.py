import pytest

from acsnet.dicom.dicom_json import as_files
from acsnet.io.dicom_stack.image_kinds import kind_of
from acsnet.pacs.psir import choice_in_series, choose_among, scan_key

SHIFT = 0.123457, 0.249876, 0.371235


@pytest.mark.parametrize(
    ("image_type", "description", "kind"),
    [
        (["ORIGINAL", "PRIMARY", "M", "NORM", "MAG"], "LGE_PSIR_MAG", "magnitude"),
        (["ORIGINAL", "PRIMARY", "R", "NORM"], "LGE", "phase-sensitive"),
        (["ORIGINAL", "PRIMARY", "M", "PSIR"], "LGE", "phase-sensitive"),
        (["ORIGINAL", "PRIMARY", "CR", "CR", "IR"], "LGE", "phase-sensitive"),
        (["ORIGINAL", "PRIMARY", "M_IR", "M", "IR"], "LGE", "magnitude"),
        (["ORIGINAL", "PRIMARY", "P", "ND"], "LGE PSIR", "phase-sensitive"),
        (["ORIGINAL", "PRIMARY", "OTHER"], "LGE mag", "magnitude"),
        (["ORIGINAL", "PRIMARY", "OTHER"], "LGE", None),
        (None, "", None),
    ],
)
def test_kinds(patient, image_type, description, kind):
    header = patient()[0]
    header.ImageType, header.SeriesDescription = image_type, description
    assert kind_of(header) == kind


def two_reconstructions(patient, **other):
    magnitude = patient(uid="1", ImageType=["ORIGINAL", "PRIMARY", "M"])
    sensitive = patient(uid="2", ImageType=["ORIGINAL", "PRIMARY", "R", "PSIR"], **other)
    return magnitude, sensitive


def choices(*series):
    uids = [one[0].SeriesInstanceUID for one in series]
    kinds = {uid: kind_of(one[0]) for uid, one in zip(uids, series, strict=True)}
    keys = {uid: scan_key(as_files(one)) for uid, one in zip(uids, series, strict=True)}
    return [choose_among(kinds, keys).get(uid) for uid in uids]


def test_the_phase_sensitive_series_of_a_scan_is_preferred_and_both_say_so(patient):
    magnitude, sensitive = two_reconstructions(patient)
    other, preferred = choices(magnitude, sensitive)
    assert (other.preferred, preferred.preferred) == (False, True)
    assert sensitive[0].SeriesInstanceUID in other.statement
    assert magnitude[0].SeriesInstanceUID in preferred.statement


@pytest.mark.parametrize(
    "other",
    [
        {"AcquisitionTime": "235900"},
        {"FrameOfReferenceUID": "1.2.99"},
        {"StudyInstanceUID": "1.2.99"},
    ],
)
def test_two_scans_are_not_one(patient, other):
    assert choices(*two_reconstructions(patient, **other)) == [None, None]


def test_slices_elsewhere_are_another_scan(patient):
    magnitude, sensitive = two_reconstructions(patient)
    assert choices(magnitude, sensitive[:-1]) == [None, None]
    for image in sensitive:
        image.ImagePositionPatient = [value + 0.1 for value in image.ImagePositionPatient]
    assert choices(magnitude, sensitive) == [None, None]


@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_a_scan_is_one_however_its_positions_are_rounded(patient, decimals):
    """0.249876 mm and the same with two decimals round to other tenths."""
    magnitude, sensitive = two_reconstructions(patient)
    for images, written in ((magnitude, 6), (sensitive, decimals)):
        for image in images:
            place = [v + part for v, part in zip(image.ImagePositionPatient, SHIFT, strict=True)]
            image.ImagePositionPatient = [f"{value:.{written}f}" for value in place]
    other, preferred = choices(magnitude, sensitive)
    assert (other.preferred, preferred.preferred) == (False, True)


def test_of_a_series_that_holds_both_the_phase_sensitive_scan_is_preferred():
    assert choice_in_series("phase-sensitive").preferred
    assert choice_in_series("stack 1 of 2, phase-sensitive").preferred
    assert not choice_in_series("magnitude").preferred
    assert choice_in_series("2 of 3 inversion times, InversionTime 300") is None
    assert choice_in_series(None) is None
