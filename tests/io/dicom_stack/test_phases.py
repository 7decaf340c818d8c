"""Several images at one slice position: told apart and one of them chosen, or refused."""

from pathlib import Path

import enhanced_packings
import numpy as np
import packed_scans
import pydicom
import pytest
from enhanced_packings import item
from oblique_stack import COLUMNS, ROWS, SERIES, everywhere, folder, image, save, stored

from acsnet.errors import GeometryError
from acsnet.io import read_scan
from acsnet.io.finder import scans_of
from acsnet.io.series import SeriesFinder


def two_at_a_position(root: Path, first: dict[str, object], second: dict[str, object]) -> Path:
    for index in range(3):
        for which, tags in enumerate((first, second)):
            dataset = image(index)
            dataset.SOPInstanceUID = f"{SERIES}.{index}.{which + 1}"
            dataset.InstanceNumber = 1
            dataset.PixelData = (stored(index) + 1000 * which).tobytes()
            everywhere(**tags)(index, dataset)
            save(dataset, root / "case" / f"{index}{'ab'[which]}.dcm")
    return root / "case"


class TestSeveralImagesAtOnePosition:
    def test_cardiac_phases_are_counted_and_the_tag_named(self, tmp_path: Path) -> None:
        path = two_at_a_position(tmp_path, {"TriggerTime": 700}, {"TriggerTime": 20})
        with pytest.raises(GeometryError) as caught:
            read_scan(path)
        assert str(caught.value) == (
            "2 images at each of 3 slice positions (0b.dcm and 0a.dcm lie at one): 2 cardiac "
            "phases, told apart by TriggerTime (20.0, 700.0); choose one with --phase N, "
            "N from 1 to 2"
        )

    @pytest.mark.parametrize(("phase", "first_pixel"), [(1, 1000), (2, 0)])
    def test_a_phase_is_picked_by_the_tag(
        self, tmp_path: Path, phase: int, first_pixel: int
    ) -> None:
        path = two_at_a_position(tmp_path, {"TriggerTime": 700}, {"TriggerTime": 20})
        scan = read_scan(path, phase=phase)
        assert scan.pixels.shape == (3, ROWS, COLUMNS)
        assert scan.pixels[0, 0, 0] == first_pixel

    @pytest.mark.parametrize("phase", [0, 3, -1])
    def test_a_phase_out_of_range_is_refused(self, tmp_path: Path, phase: int) -> None:
        path = two_at_a_position(tmp_path, {"TriggerTime": 700}, {"TriggerTime": 20})
        with pytest.raises(GeometryError, match=f"N from 1 to 2; got phase {phase}"):
            read_scan(path, phase=phase)

    def test_magnitude_and_phase_sensitive_are_told_apart_by_image_type(
        self, tmp_path: Path
    ) -> None:
        kinds = [{"ImageType": ["ORIGINAL", "PRIMARY", kind]} for kind in ("M", "PS")]
        path = two_at_a_position(tmp_path, kinds[0], kinds[1])
        with pytest.raises(
            GeometryError,
            match=r"2 image types, told apart by ImageType \(ORIGINAL\\PRIMARY\\M, ORIGINAL\\PR",
        ):
            read_scan(path)
        assert read_scan(path, phase=2).pixels[0, 0, 0] == 1000

    def test_a_phase_that_would_mix_image_types_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "case"
        for index in range(3):
            for which, kind in enumerate(["M", "M", "PS", "PS"]):
                dataset = image(index)
                dataset.SOPInstanceUID = f"{SERIES}.{index}.{which}"
                dataset.ImageType = ["ORIGINAL", "PRIMARY", kind]
                dataset.InstanceNumber = 1 + (which + 2 * index) % 4
                dataset.PixelData = (stored(index) + which).tobytes()
                save(dataset, path / f"{index}{which}.dcm")
        with pytest.raises(GeometryError, match="phase 1 by InstanceNumber would mix image types"):
            read_scan(path, phase=1)

    def test_an_average_among_raw_images_is_offered_with_its_type(self, tmp_path: Path) -> None:
        """Beside six of the eight, evenly spaced, and under the number that it has anyway."""
        for index in range(3):
            for which, kind in enumerate((*["ND"] * 7, "AVERAGE")):
                dataset = image(index)
                dataset.SOPInstanceUID = f"{SERIES}.{index}.{which}"
                dataset.ImageType = ["DERIVED", "PRIMARY", "M", kind]
                dataset.AcquisitionNumber = 1 + which
                dataset.PixelData = (stored(index) + 1000 * which).tobytes()
                save(dataset, tmp_path / "case" / f"{index}{which}.dcm")
        told = (
            "told apart by AcquisitionNumber (1.0 to 8.0); number 8 alone is of its type, "
            r"ImageType DERIVED\PRIMARY\M\AVERAGE; choose one with --phase N, N from 1 to 8"
        )
        with pytest.raises(GeometryError) as caught:
            read_scan(tmp_path / "case")
        assert told in str(caught.value)
        for phase in (1, 8):
            pixels = read_scan(tmp_path / "case", phase=phase).pixels
            assert pixels[0, 0, 0] == 1000 * (phase - 1)
        _, *phases = scans_of(SeriesFinder(tmp_path).find())
        assert [scan.phase for scan in phases] == [1, 2, 3, 5, 6, 7, 8]
        assert phases[0].kind == "1 of 8 acquisitions, AcquisitionNumber 1.0"
        assert phases[-1].kind == (
            r"8 of 8 acquisitions, AcquisitionNumber 8.0, ImageType DERIVED\PRIMARY\M\AVERAGE"
        )

    def test_of_raw_images_each_with_a_type_of_its_own_none_is_an_average(
        self, tmp_path: Path
    ) -> None:
        kinds = [{"ImageType": ["ORIGINAL", "PRIMARY", "M", k], "TriggerTime": 1} for k in "AB"]
        path = two_at_a_position(tmp_path, kinds[0], {**kinds[1], "TriggerTime": 2})
        kinds_listed = [scan.kind for scan in scans_of(SeriesFinder(path).find())]
        assert kinds_listed[1:] == [f"{n} of 2 cardiac phases, TriggerTime {n}.0" for n in (1, 2)]

    def test_images_that_no_tag_tells_apart_are_refused(self, tmp_path: Path) -> None:
        path = two_at_a_position(tmp_path, {}, {})
        with pytest.raises(GeometryError, match=r"no tag tells them apart: 0a\.dcm and 0b\.dcm"):
            read_scan(path, phase=1)

    def test_positions_with_different_counts_are_refused(self, tmp_path: Path) -> None:
        path = two_at_a_position(tmp_path, {"TriggerTime": 1}, {"TriggerTime": 2})
        (path / "1b.dcm").unlink()
        with pytest.raises(GeometryError, match=r"got 1 to 2: 0a\.dcm and 0b\.dcm .* 1a\.dcm at"):
            read_scan(path, phase=1)

    def test_one_image_a_position_is_phase_1(self, tmp_path: Path) -> None:
        path = folder(tmp_path)
        assert len(read_scan(path, phase=1).pixels) == 4
        with pytest.raises(GeometryError, match="phase must be 1, got 2: there is one image at"):
            read_scan(path, phase=2)


JITTER = ((620, 605), (601, 630), (640, 611))
"""What a tag that the heart sets may have in two images at each of three positions."""


def acquired_twice(root, tags):
    """Two images at each of three positions, the second one brighter by 1000.

    tags: those of an image, by its position and by which of the two it is.
    """
    for index in range(3):
        for which in range(2):
            dataset = image(index)
            dataset.SOPInstanceUID = f"{SERIES}.{index}.{which + 1}"
            dataset.InstanceNumber = 1
            dataset.PixelData = (stored(index) + 1000 * which).tobytes()
            everywhere(**tags(index, which))(index, dataset)
            save(dataset, root / "case" / f"{index}{'ab'[which]}.dcm")
    return root / "case"


class TestTwoAcquisitionsOfAStack:
    @pytest.mark.parametrize("heart", ["TriggerTime", "InversionTime", "EchoTime"])
    @pytest.mark.parametrize(
        ("tag", "value"),
        [
            ("AcquisitionTime", lambda index, which: f"12{10 * (1 + which)}0{index}"),
            ("AcquisitionNumber", lambda index, which: 1 + 2 * index + which),
        ],
    )
    def test_are_told_apart_by_what_was_acquired_first_not_by_heartbeats(
        self, tmp_path, heart, tag, value
    ):
        folder = acquired_twice(
            tmp_path,
            lambda index, which: {heart: JITTER[index][which], tag: value(index, which)},
        )
        with pytest.raises(GeometryError, match=f"2 acquisitions, told apart by {tag}"):
            read_scan(folder)
        for phase in (1, 2):
            first = read_scan(folder, phase=phase).pixels[:, 0, 0]
            np.testing.assert_array_equal(first // 1000, [phase - 1] * 3)
        kinds = [kind for kind in listed(folder) if kind]
        assert ["of 2 acquisitions" in kind for kind in kinds] == [True, True]

    def test_of_two_days_are_in_the_order_of_the_days(self, tmp_path):
        days = ("20260101", "20260102")
        folder = acquired_twice(
            tmp_path,
            lambda index, which: {
                "AcquisitionDate": days[which],
                "AcquisitionTime": f"{('23590', '00010')[which]}{index}",
            },
        )
        np.testing.assert_array_equal(read_scan(folder, phase=1).pixels[:, 0, 0] // 1000, [0] * 3)

    @pytest.mark.parametrize("timed", [True, False])
    def test_are_not_seen_in_a_cine_whose_heart_rate_changes(self, tmp_path, timed):
        """Its images come in the order of the heartbeat, at other times in each slice."""
        folder = acquired_twice(
            tmp_path,
            lambda index, which: {
                "TriggerTime": (20 + index, 700 - 90 * index)[which],
                "AcquisitionNumber": 1,
                **({"AcquisitionTime": f"12000{index}.{which}"} if timed else {}),
            },
        )
        with pytest.raises(GeometryError, match="2 cardiac phases, told apart by TriggerTime"):
            read_scan(folder)
        np.testing.assert_array_equal(read_scan(folder, phase=2).pixels[:, 0, 0] // 1000, [1] * 3)


KINDS = ("MAGNITUDE", "REAL")


def enhanced_components(datasets, folder, order):
    """One enhanced object; order: (index, component) of each frame; real is magnitude - 100."""
    enhanced_packings.enhanced_multi_frame(datasets, folder)
    (path,) = folder.iterdir()
    whole = pydicom.dcmread(path)
    groups = {
        int(frame.FrameContentSequence[0].InStackPositionNumber) - 1: frame
        for frame in whole.PerFrameFunctionalGroupsSequence
    }
    words = dict(zip((int(k) for k in groups), whole.pixel_array, strict=True))
    frames = []
    for index, component in order:
        frame = pydicom.Dataset()
        frame.update(groups[index])
        frame.MRImageFrameTypeSequence = [
            item(FrameType=["ORIGINAL", "PRIMARY", "IR"], ComplexImageComponent=component)
        ]
        frames.append(frame)
    whole.ImageType = ["ORIGINAL", "PRIMARY", "IR"]
    whole.ComplexImageComponent = "MIXED"
    whole.NumberOfFrames = len(frames)
    whole.PerFrameFunctionalGroupsSequence = frames
    pixels = [words[index] - 100 * (component == "REAL") for index, component in order]
    whole.PixelData = np.stack(pixels).astype(np.int16).tobytes()
    packed_scans.save(whole, path)
    return folder


def of_ge(datasets, folder, *, swapped=()):
    """Magnitude and real images of one ImageType; swapped: slices of which real comes first."""
    for index, dataset in enumerate(datasets):
        for number in (0, 2):
            image_of_ge = pydicom.dcmread(dataset.filename)
            packed_scans.new_uid(image_of_ge)
            image_of_ge.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
            late = (number == 2) != (index in swapped)
            image_of_ge.InstanceNumber = 2 * index + 1 + late
            block = image_of_ge.private_block(0x0043, "GEMS_PARM_01", create=True)
            block.add_new(0x2F, "SS", number)
            pixels = image_of_ge.pixel_array - 50 * number
            image_of_ge.PixelData = pixels.astype(np.int16).tobytes()
            packed_scans.save(image_of_ge, folder / f"{index}-{number}.dcm")
    return folder


def listed(folder):
    """The scans of a folder as the server and a cohort list them."""
    return {scan.kind: scan for scan in scans_of(SeriesFinder(folder).find())}


class TestComplexComponents:
    IN_TURN = tuple((index, kind) for kind in KINDS for index in range(8))
    ALTERNATING = tuple(
        (index, kind) for index in range(8) for kind in (KINDS if index % 2 else KINDS[::-1])
    )

    @pytest.mark.parametrize("order", [IN_TURN, ALTERNATING])
    def test_tell_magnitude_and_real_frames_apart(self, patient_1, plain, tmp_path, order):
        folder = enhanced_components(patient_1, tmp_path, order)
        told = r"2 image types, told apart by ComplexImageComponent \(MAGNITUDE, REAL: phase-sens"
        with pytest.raises(GeometryError, match=told):
            read_scan(folder)
        for phase, offset in ((1, 0), (2, 100)):
            scan = read_scan(folder, phase=phase)
            np.testing.assert_array_equal(scan.pixels, plain.pixels - offset)
            assert scan.contrast == "lge"
        assert list(listed(folder)) == [
            None,
            "1 of 2 image types, ComplexImageComponent MAGNITUDE",
            "2 of 2 image types, ComplexImageComponent REAL: phase-sensitive",
        ]

    @pytest.mark.parametrize("swapped", [(), (1, 3, 5, 7)])
    def test_tell_images_of_ge_apart(self, patient_1, plain, tmp_path, swapped):
        folder = of_ge(patient_1, tmp_path, swapped=swapped)
        with pytest.raises(GeometryError, match="told apart by ComplexImageComponent"):
            read_scan(folder)
        np.testing.assert_array_equal(read_scan(folder, phase=1).pixels, plain.pixels)
        np.testing.assert_array_equal(read_scan(folder, phase=2).pixels, plain.pixels - 100)
        assert {kind: len(scan.files) for kind, scan in listed(folder).items()} == {
            "phase-sensitive": 8,
            "magnitude": 8,
        }

    def test_tell_images_apart_whose_other_types_differ_by_slice(self, patient_1, plain, tmp_path):
        folder = of_ge(patient_1, tmp_path)
        for path in folder.glob("3-*.dcm"):
            dataset = pydicom.dcmread(path)
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "NORM", path.stem[-1]]
            packed_scans.save(dataset, path)
        np.testing.assert_array_equal(read_scan(folder, phase=2).pixels, plain.pixels - 100)

    def test_are_not_mixed_by_another_tag(self, patient_1, tmp_path):
        kinds = ("MAGNITUDE", "MAGNITUDE", "REAL", "REAL")
        order = [
            (index, kinds[(which + 2 * index) % 4]) for which in range(4) for index in range(8)
        ]
        folder = enhanced_components(patient_1, tmp_path, order)
        with pytest.raises(GeometryError, match=r"would mix image types.*: MAGNITUDE, REAL"):
            read_scan(folder, phase=1)
        assert list(listed(folder)) == [None]

    def test_are_not_mixed_where_most_real_ones_are_missing(self, patient_1, tmp_path):
        order = [(index, "MAGNITUDE") for index in range(5)]
        order += [(index, "REAL") for index in (5, 6, 7)]
        folder = enhanced_components(patient_1, tmp_path, order)
        told = r"mix magnitude \(enhanced.dcm frame 1\) and phase-sensitive images \(enh"
        with pytest.raises(GeometryError, match=told):
            read_scan(folder)

    def test_of_which_most_real_ones_are_missing_are_the_others(self, patient_1, plain, tmp_path):
        order = [(index, "MAGNITUDE") for index in range(8)]
        order += [(index, "REAL") for index in (5, 6, 7)]
        scan = read_scan(enhanced_components(patient_1, tmp_path, order))
        np.testing.assert_array_equal(scan.pixels, plain.pixels)
        assert "frame 9, of an image type (REAL) that most slices" in scan.warnings[0]


class TestIncompleteImages:
    @pytest.mark.parametrize("lost", [(5,), (7,), (0, 3)])
    def test_of_one_kind_leave_the_complete_ones_to_choose(self, patient_1, plain, tmp_path, lost):
        folder = packed_scans.magnitude_and_phase_sensitive(patient_1, tmp_path)
        for index in lost:
            (folder / f"PS{index:04d}.dcm").unlink()
        told = (
            r"1 to 2 images at each of 8 slice positions .*: 2 image types, told apart by ImageType"
            rf".*; ORIGINAL.PRIMARY.PS.* is incomplete and cannot be chosen, it is missing at "
            rf"{len(lost)} positions, the first is that of .*; choose one with --phase N, N = 1"
        )
        for phase in (None, 2, 3):
            with pytest.raises(GeometryError, match=told):
                read_scan(folder, phase=phase)
        scan = read_scan(folder, phase=1)
        np.testing.assert_array_equal(scan.pixels, plain.pixels)
        whole, complete = listed(folder).values()
        assert (len(whole.files), whole.phase, complete.phase) == (16 - len(lost), None, 1)
        assert "1 of 2 image types" in complete.kind

    def test_keep_the_numbers_that_complete_ones_would_have(self, patient_1, plain, tmp_path):
        order = [(index, kind) for index in range(8) for kind in KINDS]
        order.remove((4, "MAGNITUDE"))
        folder = enhanced_components(patient_1, tmp_path, order)
        with pytest.raises(GeometryError, match="; MAGNITUDE is incomplete"):
            read_scan(folder, phase=1)
        np.testing.assert_array_equal(read_scan(folder, phase=2).pixels, plain.pixels - 100)

    def test_of_every_kind_leave_nothing_to_choose(self, patient_1, tmp_path):
        order = [(index, kind) for index in range(8) for kind in KINDS]
        order.remove((4, "MAGNITUDE"))
        order.remove((5, "REAL"))
        folder = enhanced_components(patient_1, tmp_path, order)
        for phase in (1, 2):
            with pytest.raises(GeometryError, match="must hold the same number of images, got 1"):
                read_scan(folder, phase=phase)
        assert list(listed(folder)) == [None]
