"""Objects of DICOM that are no images lie beside these on discs: none is in the way of a scan."""

import numpy as np
import packed_scans
import pydicom
import pytest
from pydicom.fileset import FileSet
from pydicom.uid import generate_uid
from ways_in import by_cohort, by_command_line, by_server

from acsnet.errors import InputError
from acsnet.io import read_scan


@pytest.fixture
def disc(patient_1, tmp_path):
    """A disc with a DICOMDIR, which lists all images."""
    files = FileSet()
    for dataset in patient_1:
        files.add(dataset)
    files.write(tmp_path / "studies")
    return tmp_path / "studies"


def hanging_protocol(like, path):
    """What tells a viewer how to show images; it is of no patient and no series."""
    protocol = pydicom.Dataset()
    protocol.file_meta = like.file_meta
    protocol.SOPClassUID = "1.2.840.10008.5.1.4.38.1"
    protocol.SOPInstanceUID = generate_uid()
    protocol.file_meta.MediaStorageSOPClassUID = protocol.SOPClassUID
    protocol.HangingProtocolName = "one by one"
    protocol.is_little_endian, protocol.is_implicit_VR = True, False
    protocol.preamble = bytes(128)
    packed_scans.save(protocol, path)


@pytest.mark.parametrize("name", ["DICOMDIR.dcm", "DICOMDIR;1", "DICOMDIR - Copy"])
def test_a_dicomdir_is_passed_over_whatever_it_is_called(disc, plain, name):
    (disc / "DICOMDIR").rename(disc / name)
    for scans in (by_command_line(disc), by_server(disc), by_cohort(disc)):
        (scan,) = scans
        np.testing.assert_array_equal(scan.pixels, plain.pixels)
        assert scan.warnings == ()


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR.dcm", "index"])
def test_a_dicomdir_that_is_given_as_a_scan_is_named_for_what_it_is(disc, name):
    (disc / "DICOMDIR").rename(disc / name)
    with pytest.raises(InputError, match=rf"{name} is the index of a disc \(DICOMDIR\), not an im"):
        read_scan(disc / name)


@pytest.mark.parametrize("name", ["HP1", "palette.dcm", "IM0009.dcm"])
def test_an_object_that_belongs_to_no_series_is_passed_over(patient_1, plain, tmp_path, name):
    folder = packed_scans.write(tmp_path / "studies", patient_1)
    hanging_protocol(patient_1[0], folder / name)
    for scans in (by_command_line(folder), by_server(folder), by_cohort(folder)):
        (scan,) = scans
        np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert read_scan(folder).warnings == (f"{name} was skipped: it is no image (Hanging Protocol)",)


def test_an_object_that_belongs_to_no_series_is_none_of_images_without_one(
    patient_1, plain, tmp_path
):
    for dataset in patient_1:
        dataset.SeriesInstanceUID = ""
    folder = packed_scans.write(tmp_path / "studies", patient_1)
    hanging_protocol(patient_1[0], folder / "HP1")
    for scans in (by_command_line(folder), by_server(folder), by_cohort(folder)):
        (scan,) = scans
        np.testing.assert_array_equal(scan.pixels, plain.pixels)


def test_an_image_that_was_cut_short_before_its_series_is_none(patient_1, tmp_path):
    folder = packed_scans.write(tmp_path, patient_1)
    content = (folder / "IM0003.dcm").read_bytes()
    end = content.index(b"\x20\x00\x0e\x00UI")  # SeriesInstanceUID
    (folder / "IM0003.dcm").write_bytes(content[:end])
    with pytest.raises(InputError, match=r"IM0003\.dcm cannot be read as DICOM: it has no Series"):
        read_scan(folder)


@pytest.mark.parametrize("ending", ["", ".dcm"])
def test_files_without_their_first_bytes_are_named_for_what_they_lack(patient_1, tmp_path, ending):
    for number, dataset in enumerate(patient_1):
        path = tmp_path / f"IM{number}{ending}"
        packed_scans.save(dataset, path)
        path.write_bytes(path.read_bytes()[128:])
    for path in (tmp_path, tmp_path / f"IM0{ending}"):
        with pytest.raises(InputError, match=r"IM0.* begins with DICM, without the 128 bytes"):
            read_scan(path)
