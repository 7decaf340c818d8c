"""A DICOM folder becomes a stack with true geometry, or is refused with the exact reason."""

import os
import re
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from oblique_stack import (
    COLUMN_TO,
    COLUMNS,
    NORMAL,
    ORIGIN,
    ROW_TO,
    ROWS,
    SERIES,
    STEP_MM,
    Change,
    at,
    everywhere,
    folder,
    image,
    save,
    stored,
)
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    RLELossless,
    generate_uid,
)

from acsnet.errors import GeometryError, InputError
from acsnet.io import read_scan

ACSNET_DATA = os.environ.get("ACSNET_DATA")


def test_the_affine_is_ras_mm_from_column_row_and_slice(tmp_path: Path) -> None:
    scan = read_scan(folder(tmp_path))
    expected = [[-1.2, 0, 6.4, -10], [-1.6, 0, -4.8, -20], [0, -1.5, 0, 30], [0, 0, 0, 1]]
    np.testing.assert_allclose(scan.grid.affine, expected, atol=1e-9)
    assert scan.grid.shape == (COLUMNS, ROWS, 4)
    assert scan.name == "case"
    assert scan.spacing_mm == pytest.approx((8.0, 1.5, 2.0))
    assert scan.voxel_ml == pytest.approx(0.024)
    assert scan.warnings == ()


def test_the_order_is_by_position_whatever_instance_numbers_and_names_say(tmp_path: Path) -> None:
    for name, index, number in (("z", 0, 3), ("a.ima", 1, 1), ("sub/m", 2, 4), ("1.2.9", 3, 2)):
        dataset = image(index)
        dataset.InstanceNumber, dataset.SliceLocation = number, -5.0 * number
        save(dataset, tmp_path / "case" / name)
    scan = read_scan(tmp_path / "case")
    assert scan.pixels.dtype == np.float32
    np.testing.assert_array_equal(scan.pixels, [stored(i) for i in range(4)])
    assert scan.instance_uids == tuple(f"{SERIES}.{i}.1" for i in range(4))
    assert scan.apex_first is True
    assert not scan.grid.reversed_slices


def test_a_stack_whose_normal_points_to_the_apex_is_reversed(tmp_path: Path) -> None:
    path = folder(tmp_path, everywhere(ImageOrientationPatient=[*-ROW_TO, *COLUMN_TO]))
    scan = read_scan(path)
    assert scan.grid.reversed_slices
    assert scan.apex_first is True
    np.testing.assert_array_equal(scan.pixels, [stored(i) for i in range(4)])
    file_order = scan.grid.to_input(scan.pixels)
    np.testing.assert_array_equal(file_order[..., 0], stored(3).T)
    np.testing.assert_allclose(scan.grid.affine[:3, 2], [-6.4, 4.8, 0], atol=1e-9)


def test_pixels_are_rescaled_slice_by_slice(tmp_path: Path) -> None:
    def change(index: int, dataset: Dataset) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = index + 1, -10

    scan = read_scan(folder(tmp_path, change))
    np.testing.assert_array_equal(scan.pixels[2], stored(2).astype(np.float32) * 3 - 10)


def test_run_length_compressed_pixels_are_read(tmp_path: Path) -> None:
    def change(_index: int, dataset: Dataset) -> None:
        dataset.compress(RLELossless)

    np.testing.assert_array_equal(read_scan(folder(tmp_path, change)).pixels[3], stored(3))


def test_the_first_window_of_each_slice_is_kept(tmp_path: Path) -> None:
    def change(index: int, dataset: Dataset) -> None:
        dataset.WindowCenter, dataset.WindowWidth = [100 + index, 5], [300, 7]

    windows = read_scan(folder(tmp_path, change)).windows
    assert windows is not None
    np.testing.assert_array_equal(windows, [[100 + i, 300] for i in range(4)])


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (at(1, WindowCenter=5, WindowWidth=0), r"unusable in 1\.dcm \(centre 5(\.0)?, width 0"),
        (at(1, WindowCenter=5, WindowWidth=9), "only 1 of 4 slices have one"),
    ],
)
def test_windows_that_not_every_slice_has_are_left_unused(
    tmp_path: Path, change: Change, warning: str
) -> None:
    scan = read_scan(folder(tmp_path, change))
    assert scan.windows is None
    (message,) = scan.warnings
    assert re.search(warning, message)


def test_what_is_not_dicom_is_passed_over(tmp_path: Path) -> None:
    path = folder(tmp_path)
    for name in ("README", "notes.txt", "meta.json", ".hidden.dcm", "DICOMDIR"):
        (path / name).write_text("words")
    assert read_scan(path).warnings == ()
    (path / "thumbs.db").write_bytes(bytes(range(256)))
    assert read_scan(path).warnings == ("thumbs.db was skipped: it is not DICOM",)


def test_invalid_dates_and_uids_make_no_noise(tmp_path: Path) -> None:
    def change(index: int, dataset: Dataset) -> None:
        dataset.SeriesInstanceUID = "1.2.0975"
        dataset.SOPInstanceUID = f"1.2.0975.{index}"
        dataset.add_new("StudyDate", "DA", "20120000")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = folder(tmp_path, change)
        caught.clear()
        scan = read_scan(path)
    assert caught == []
    assert scan.instance_uids[3] == "1.2.0975.3"


def test_positions_by_which_slices_may_be_missing_are_warned_of(tmp_path: Path) -> None:
    scan = read_scan(folder(tmp_path, everywhere(SpacingBetweenSlices=4)))
    assert scan.warnings == (
        "slices lie 8.00 mm apart by ImagePositionPatient, which is used, but "
        "SpacingBetweenSlices is 4 mm: check that no slice is missing",
    )


@pytest.mark.parametrize(
    ("tags", "warned"),
    [
        ({"SliceThickness": 4}, True),
        ({"SliceThickness": 4, "SpacingBetweenSlices": ""}, True),
        ({"SliceThickness": 4, "SpacingBetweenSlices": 8}, False),  # the gap is as planned
        ({"SliceThickness": 4.8}, False),  # 8 mm are 1.67 times that, as 10 mm of 6
        ({"SliceThickness": ""}, False),
    ],
)
def test_steps_of_twice_the_thickness_are_warned_of_where_no_spacing_is_told(
    tmp_path: Path, tags: dict[str, object], warned: bool
) -> None:
    scan = read_scan(folder(tmp_path, everywhere(**tags)))
    words = (
        "slices of 4 mm lie 8.00 mm apart by ImagePositionPatient: if these gaps were not planned, "
        "slices are missing"
    )
    assert scan.warnings == ((words,) if warned else ())


@pytest.mark.parametrize(
    ("tags", "warned"),
    [
        ({"CardiacNumberOfImages": 20, "InversionTime": 0.0}, True),
        ({"CardiacNumberOfImages": 20}, True),
        ({"CardiacNumberOfImages": 25, "InversionTime": 280.0}, False),
        ({"CardiacNumberOfImages": 1}, False),
        ({}, False),
    ],
)
def test_a_series_that_looks_like_cine_is_warned_of(
    tmp_path: Path, tags: dict[str, object], warned: bool
) -> None:
    scan = read_scan(folder(tmp_path, everywhere(**tags)))
    assert any("like a cine" in warning for warning in scan.warnings) is warned  # called LGE


def moved(index: int, by: np.ndarray) -> Change:
    position = ORIGIN + STEP_MM * index * NORMAL + by
    return at(index, ImagePositionPatient=[*map(float, position)])


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        (moved(3, 16 * NORMAL), GeometryError, r"missing, 24\.00 mm between 2\.dcm and 3\.dcm"),
        (moved(3, -2 * NORMAL), GeometryError, r"uneven.*, 6\.00 mm between 2\.dcm and 3\.dcm"),
        (moved(3, -7 * NORMAL), GeometryError, r"close, 1\.00 mm between 2\.dcm and 3\.dcm"),
        (moved(2, 3 * ROW_TO), GeometryError, r"2\.dcm lies 3\.00 mm beside 1\.dcm"),
        (
            at(2, ImageOrientationPatient=[0.6, 0.8, 0, 0.8, -0.6, 0]),
            GeometryError,
            r"mixed orientations: ImageOrientationPatient is .* in 0\.dcm and .* in 2\.dcm",
        ),
        (
            at(2, ImageOrientationPatient=[0.6, 0.8, 0, 0.6, 0.8, 0]),
            GeometryError,
            r"of 2\.dcm must be two perpendicular unit vectors",
        ),
        (
            at(1, Rows=3, Columns=16),
            GeometryError,
            r"mixed matrix sizes: 0\.dcm has 6 x 8 pixels, 1\.dcm has 3 x 16",
        ),
        (
            at(1, PixelSpacing=[1.5, 1.9]),
            GeometryError,
            r"mixed pixel spacing: 0\.dcm has \(1\.5, 2\.0\) mm, 1\.dcm has \(1\.5, 1\.9\) mm",
        ),
        (everywhere(PixelSpacing=[0.0015, 0.002]), GeometryError, r"0\.0015 x 0\.002: are the un"),
        (everywhere(PixelSpacing=[0, 2]), InputError, r"PixelSpacing, Rows and Columns of 0\.dcm"),
        (at(1, ImagePositionPatient=None), InputError, r"1\.dcm must have ImagePositionPatient"),
        (at(1, ImageOrientationPatient=None), InputError, r"1\.dcm must have ImageOrientationPa"),
        (at(1, PixelSpacing=None), InputError, r"1\.dcm must have PixelSpacing with 2 num.* none"),
        (everywhere(Modality="CT"), InputError, "case must hold an MR series, got Modality CT"),
        (at(1, PixelData=None), InputError, r"1\.dcm has no pixel data"),
        (at(1, PixelData=None, Rows=None), InputError, r"1\.dcm has no pixel data"),
        (everywhere(PixelData=None, Rows=None), InputError, r"0\.dcm has no pixel data"),
        (at(1, PixelData=b"\0\0"), InputError, r"pixels of 1\.dcm .* do not fill the matrix"),
        (at(1, SamplesPerPixel=3), InputError, r"1\.dcm must be grey"),
        (at(1, PhotometricInterpretation="MONOCHROME1"), InputError, r"1\.dcm is stored inverted"),
        (at(1, RescaleSlope=0), InputError, r"RescaleSlope of 1\.dcm must not be 0"),
        (at(1, NumberOfFrames=9), InputError, r"1\.dcm is a multi-frame object .* 9 frames"),
        (everywhere(PixelData=bytes(96)), InputError, "case has no contrast: every pixel is 0"),
    ],
)
def test_what_is_no_true_stack_is_refused_with_the_reason(
    tmp_path: Path, change: Change, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason) as caught:
        read_scan(folder(tmp_path, change))
    assert "Secret" not in str(caught.value)


def test_a_slice_missing_in_the_middle_is_named(tmp_path: Path) -> None:
    for count in (4, 6):
        path = folder(tmp_path / str(count), count=count)
        (path / "2.dcm").unlink()
        with pytest.raises(
            GeometryError,
            match=r"constant, got 8\.00 to 16\.00 mm: slices are missing, 16\.00 mm between 1\.dcm "
            r"and 3\.dcm",
        ):
            read_scan(path)


def test_a_single_slice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="case holds a single slice"):
        read_scan(folder(tmp_path, count=1))


def test_a_tag_that_is_no_number_is_named_with_its_value(tmp_path: Path) -> None:
    path = folder(tmp_path)
    file = path / "2.dcm"
    file.write_bytes(file.read_bytes().replace(b"1.5\\2.0", b"1x5\\2x0"))
    with pytest.raises(InputError, match=r"2\.dcm must have PixelSpacing .* got 1x5"):
        read_scan(path)


def test_compression_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    def change(_index: int, dataset: Dataset) -> None:
        dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.70")
        dataset.PixelData = encapsulate([b"\xff\xd8nothing\xff\xd9"])
        dataset["PixelData"].is_undefined_length = True

    with pytest.raises(InputError, match=r"pixels of 0\.dcm .*JPEG Lossless.*1\.2\.840.*cannot be"):
        read_scan(folder(tmp_path, change))


@pytest.mark.parametrize("length", [0, 50, 140, 400, -20])
def test_a_file_cut_short_is_named(tmp_path: Path, length: int) -> None:
    path = folder(tmp_path)
    (path / "1.dcm").write_bytes((path / "1.dcm").read_bytes()[:length])
    with pytest.raises(InputError, match=r"1\.dcm"):
        read_scan(path)


@pytest.mark.parametrize("content", [b"not DICOM at all", bytes(range(256)) * 8])
def test_a_file_that_only_claims_to_be_dicom_is_named(tmp_path: Path, content: bytes) -> None:
    path = folder(tmp_path)
    (path / "x.dcm").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.dcm cannot be read as DICOM"):
        read_scan(path)


def test_paths_that_are_no_input_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "single.dcm").touch()
    with pytest.raises(InputError, match="empty holds no DICOM files"):
        read_scan(tmp_path / "empty")
    with pytest.raises(InputError, match=r"single\.dcm cannot be read as DICOM"):
        read_scan(tmp_path / "single.dcm")
    with pytest.raises(InputError, match="absent does not exist"):
        read_scan(str(tmp_path / "absent"))


@pytest.mark.slow
@pytest.mark.skipif(ACSNET_DATA is None, reason="ACSNET_DATA is not set")
class TestSunnybrook:
    """Scanner DICOM: invalid dates, UIDs with leading zeros, SliceLocation steps of 5.3-6.7 mm."""

    root = Path(ACSNET_DATA or "") / "sunnybrook"

    @pytest.mark.parametrize(
        ("case", "slices", "spacing_mm"),
        [
            ("SCD0000101_SC-HF-I-1", 12, (10.0, 1.367188, 1.367188)),
            ("SCD0000201_SC-HF-I-2", 13, (10.0, 1.367188, 1.367188)),
            ("SCD0000301_SC-HF-I-4", 10, (8.0, 1.2891, 1.2891)),
        ],
    )
    def test_end_diastolic_stacks_have_true_spacing(
        self, case: str, slices: int, spacing_mm: tuple[float, float, float]
    ) -> None:
        scan = read_scan(self.root / "ed_stacks" / case)
        assert scan.pixels.shape == (slices, 256, 256)
        assert scan.spacing_mm == pytest.approx(spacing_mm, abs=1e-3)
        assert scan.apex_first is True
        assert scan.windows is not None
        assert [warning[:20] for warning in scan.warnings] == ["this looks like cine"]

    def test_all_phases_are_refused_and_one_is_accepted(self) -> None:
        path = self.root / "all_phases"
        with pytest.raises(GeometryError, match="20 cardiac phases, told apart by TriggerTime"):
            read_scan(path)
        scan = read_scan(path, phase=19)
        end_diastole = read_scan(self.root / "ed_stacks" / "SCD0000101_SC-HF-I-1")
        np.testing.assert_array_equal(scan.pixels, end_diastole.pixels)


def test_every_uid_stays_with_its_slice_when_the_order_is_reversed(tmp_path: Path) -> None:
    uids = [generate_uid() for _ in range(4)]

    def change(index: int, dataset: Dataset) -> None:
        dataset.SOPInstanceUID = uids[index]
        dataset.ImageOrientationPatient = [*-ROW_TO, *COLUMN_TO]

    path = folder(tmp_path, change)
    scan = read_scan(path)
    for uid, pixels in zip(scan.instance_uids, scan.pixels, strict=True):
        source = pydicom.dcmread(path / f"{uids.index(uid)}.dcm")
        np.testing.assert_array_equal(source.pixel_array, pixels)


def test_a_stack_longer_than_any_heart_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="at most 400 mm, got 408 mm: 51 slices 8 mm apart"):
        read_scan(folder(tmp_path, count=51))
    assert len(read_scan(folder(tmp_path / "50", count=50)).pixels) == 50
