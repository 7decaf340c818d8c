"""The scans of a PACS are those of a folder with the same images."""

import copy

import enhanced_packings
import numpy as np
import packed_scans
import pytest

from acsnet.io.finder import scans_of
from acsnet.io.series import SeriesFinder
from acsnet.pacs.lge_series import possible_stacks
from acsnet.pacs.preflight import examine
from acsnet.pacs.psir import choose_among


@pytest.fixture
def examined(pacs, tmp_path):
    """Examines images as the work list does; scans by id."""

    def run(images):
        pacs.add(images)
        scans = {}
        for group in possible_stacks(pacs.search_series({"Modality": "MR"})):
            uids = [header.SeriesInstanceUID for header in group]
            study = images[0].StudyInstanceUID
            scans |= examine(pacs, study=study, parts=uids)
        return scans

    return run


def told(scans):
    """What each scan is and how many images it has; None for one that is refused."""
    return sorted(
        (str(scan.part).partition(",")[0], None if scan.reason else len(scan.images))
        for scan in scans.values()
    )


def in_folder(images, folder):
    """What the scans of a folder are."""
    scans = scans_of(SeriesFinder(packed_scans.write(folder, images)).find())
    return sorted(str(scan.kind).partition(",")[0] for scan in scans)


def with_phase_sensitive(images):
    """Each image, and as another one beside it with the sign of its signal."""
    both = []
    for number, dataset in enumerate(images):
        sensitive = copy.deepcopy(dataset)
        packed_scans.new_uid(sensitive)
        sensitive.ImageType = ["ORIGINAL", "PRIMARY", "R", "IR"]
        sensitive.InstanceNumber = 100 + number
        both += [dataset, sensitive]
    return both


@pytest.mark.parametrize("series_of", [2, 1], ids=["a slice", "an image"])
def test_both_reconstructions_of_breath_holds_of_their_own_are_two_scans(
    examined, patient, tmp_path, series_of
):
    images = with_phase_sensitive(patient())
    for number, dataset in enumerate(images):
        part = number // series_of
        dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.3.{part}", 20 + part
    scans = examined(images)
    assert told(scans) == [("magnitude", 8), ("phase-sensitive", 8)]
    assert in_folder(images, tmp_path / "folder") == ["magnitude", "phase-sensitive"]
    assert all("joined to one stack" in scan.warnings[0] for scan in scans.values())


def test_halves_of_both_reconstructions_are_two_scans(examined, patient, tmp_path):
    images = with_phase_sensitive(patient())
    for number, dataset in enumerate(images):
        part = 2 * (number // 8) + number % 2
        dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.3.{part}", 20 + part
    assert told(examined(images)) == [("magnitude", 8), ("phase-sensitive", 8)]
    assert in_folder(images, tmp_path / "folder") == ["magnitude", "phase-sensitive"]


def test_halves_in_enhanced_objects_are_one_scan(examined, patient, tmp_path):
    images = []
    for number, half in enumerate((patient()[:4], patient()[4:])):
        half[0].SeriesInstanceUID = f"1.2.3.{number}"
        folder = enhanced_packings.enhanced_multi_frame(half, tmp_path / f"{number}")
        images += packed_scans.slices(folder)
    (scan,) = examined(images).values()
    assert (scan.reason, len(scan.images), len(scan.instances)) == (None, 8, 2)


def averages(images, folder):
    """Enhanced objects of one frame: each slice twice, one after the other."""
    again = copy.deepcopy(images)
    for dataset in again:
        dataset.InstanceNumber = 20 + int(dataset.InstanceNumber)
    objects = packed_scans.slices(
        enhanced_packings.enhanced_one_frame_a_file([*images, *again], folder)
    )
    for number, dataset in enumerate(objects):
        content = dataset.PerFrameFunctionalGroupsSequence[0].FrameContentSequence[0]
        content.TemporalPositionIndex = 1 + number // 8
    return objects


def test_averages_in_enhanced_objects_of_one_frame_are_a_scan_each(examined, patient, tmp_path):
    images = averages(patient(), tmp_path / "objects")
    scans = examined(images)
    expected = ["1 of 2 time points", "2 of 2 time points", "None"]
    assert told(scans) == list(zip(expected, [8, 8, None], strict=True))
    assert in_folder(images, tmp_path / "folder") == expected
    # The objects of the second average hold nothing else: it is read as it is.
    second = next(scan for scan in scans.values() if scan.part and scan.part[0] == "2")
    assert (set(second.instances), second.phase) == (
        {image.SOPInstanceUID for image in images[8:]}, None
    )  # fmt: skip


def test_stacks_in_enhanced_objects_of_one_frame_are_a_scan_each(examined, patient, tmp_path):
    images, across = patient(), patient(uid="2")[:3]
    for number, dataset in enumerate(across):
        row, column = np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3))
        dataset.ImageOrientationPatient = [*row, *np.cross(row, column)]
        first = np.array(across[0].ImagePositionPatient, float)
        dataset.ImagePositionPatient = [*(first + 10.0 * number * column)]
        dataset.SeriesInstanceUID = images[0].SeriesInstanceUID
    folder = enhanced_packings.enhanced_one_frame_a_file([*images, *across], tmp_path / "objects")
    scans = examined(packed_scans.slices(folder))
    assert told(scans) == [("stack 1 of 2", 8), ("stack 2 of 2", 3)]


def test_a_series_with_an_orientation_that_is_wrong_in_some_slices_is_refused(examined, patient):
    images = patient()
    for dataset in images[5:]:
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    (scan,) = examined(images).values()
    assert scan.reason.startswith("mixed orientations")


def as_kinds(objects, kinds):
    """Tell of each frame of enhanced objects whether it is magnitude or real.

    kinds: of the frames of each object, one after another.
    """
    for dataset, of_frames in zip(objects, kinds, strict=True):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "MIXED", "NONE"]
        for groups, kind in zip(dataset.PerFrameFunctionalGroupsSequence, of_frames, strict=True):
            groups.MRImageFrameTypeSequence = [
                enhanced_packings.item(ComplexImageComponent=kind, FrameType=dataset.ImageType)
            ]
    return objects


def choices(scans):
    usable = {uid: scan for uid, scan in scans.items() if scan.reason is None}
    return choose_among(
        {uid: scan.kind for uid, scan in usable.items()},
        {uid: scan.key for uid, scan in usable.items()},
    )


def test_of_frames_of_both_kinds_the_phase_sensitive_ones_are_preferred(
    examined, patient, tmp_path
):
    folder = enhanced_packings.enhanced_multi_frame(patient(), tmp_path / "objects", phases=2)
    scans = examined(as_kinds(packed_scans.slices(folder), [["MAGNITUDE"] * 8 + ["REAL"] * 8]))
    magnitude, sensitive = (f"{next(iter(scans))}-phase-{number}" for number in (1, 2))
    preferred = {uid: choice.preferred for uid, choice in choices(scans).items()}
    assert preferred == {magnitude: False, sensitive: True}
    assert (len(scans[sensitive].instances), scans[sensitive].phase) == (1, 2)


def test_of_enhanced_objects_of_both_kinds_the_phase_sensitive_one_is_preferred(
    examined, patient, tmp_path
):
    images = []
    for uid, kind in (("1", "MAGNITUDE"), ("2", "REAL")):
        folder = enhanced_packings.enhanced_multi_frame(patient(uid=uid), tmp_path / uid)
        images += as_kinds(packed_scans.slices(folder), [[kind] * 8])
    magnitude, sensitive = (image.SeriesInstanceUID for image in images)
    preferred = {uid: choice.preferred for uid, choice in choices(examined(images)).items()}
    assert preferred == {magnitude: False, sensitive: True}


def test_an_enhanced_object_without_a_description_of_its_frames_is_refused(examined, patient):
    images = patient()
    for dataset in images:
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
        dataset.PerFrameFunctionalGroupsSequence = [enhanced_packings.item()] * 2
    (scan,) = examined(images).values()
    assert "tells of 1 frames and describes 2" in scan.reason


@pytest.fixture
def told_twice(pacs, patient, monkeypatch):
    """A series of which the first image is told twice, the second time with other tags."""

    def run(**tags):
        images = patient()
        pacs.add(images)
        again = copy.deepcopy(images[0])
        for tag, value in tags.items():
            setattr(again, tag, value)
        monkeypatch.setattr(pacs, "of", lambda _: [*images, again])
        uid = images[0].SeriesInstanceUID
        return examine(pacs, study=images[0].StudyInstanceUID, parts=[uid])[uid]

    return run


def test_an_image_that_is_told_twice_is_one(told_twice):
    scan = told_twice()
    assert (scan.reason, len(scan.instances)) == (None, 8)
    assert scan.warnings == ("left out: copies of images that the PACS tells more than once (1)",)


def test_two_images_of_one_uid_are_refused(told_twice):
    assert "must be a UID of one image only" in told_twice(InversionTime=250).reason


def test_a_cine_that_an_anonymiser_put_under_the_uid_of_lge_is_a_scan_of_its_own(
    examined, patient, tmp_path
):
    images = patient()
    for dataset in copy.deepcopy(images[2:5]):
        packed_scans.new_uid(dataset)
        dataset.SeriesDescription = dataset.ProtocolName = "cine SAX"
        dataset.SeriesNumber, dataset.InversionTime = 99, None
        images.append(dataset)
    assert told(examined(images)) == [("None", 8), ("series 99", 3)]
    assert in_folder(images, tmp_path / "folder") == ["None", "series 99"]
