"""A NIfTI file becomes a stack with true geometry, or is refused with the exact reason."""

import gzip
import os
from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import apply_orientation, inv_ornt_aff

from acsnet.errors import AcsnetError, GeometryError, InputError
from acsnet.io import read_scan, write_label_map

SHAPE = (6, 5, 4)  # column, row, slice
AFFINE = np.diag([1.25, 1.5, 8.0, 1.0])
AFFINE[:3, 3] = (-20.0, 30.0, 40.0)
ACSNET_DATA = os.environ.get("ACSNET_DATA")


def voxels(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape)


def write(path: Path, data: np.ndarray | None = None, affine: np.ndarray = AFFINE) -> Path:
    image = nib.Nifti1Image(voxels() if data is None else data, affine)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


def rewrite(path: Path, **fields: object) -> Path:
    """Change header fields of an uncompressed file, as broken software would."""
    content = bytearray(path.read_bytes())
    header = nib.Nifti1Header(bytes(content[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    content[:348] = header.binaryblock
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_stack_is_slice_row_column(tmp_path: Path, ending: str) -> None:
    scan = read_scan(write(tmp_path / f"Case.P1{ending}"))
    assert scan.name == "Case.P1"
    assert scan.pixels.shape == (4, 5, 6)
    assert scan.pixels.dtype == np.float32
    assert scan.pixels[3, 2, 1] == voxels()[1, 2, 3]
    assert scan.grid.axes == (2, 1, 0)
    assert scan.spacing_mm == pytest.approx((8.0, 1.5, 1.25))
    assert scan.voxel_ml == pytest.approx(0.015)
    assert scan.apex_first is None  # along a patient axis: tells nothing
    assert scan.warnings == ()


@pytest.mark.parametrize("order", permutations(range(3)))
@pytest.mark.parametrize("flips", product([1, -1], repeat=3))
def test_every_axis_order_and_flip_goes_there_and_back(
    tmp_path: Path, order: tuple[int, int, int], flips: tuple[int, int, int]
) -> None:
    turn = np.array(list(zip(order, flips, strict=True)), dtype=float)
    data = apply_orientation(voxels(), turn)
    affine = AFFINE @ inv_ornt_aff(turn, SHAPE)
    path = write(tmp_path / "turned.nii.gz", data, affine)
    scan = read_scan(path)
    assert scan.pixels.shape[0] == 4
    assert scan.spacing_mm[0] == pytest.approx(8.0)
    np.testing.assert_array_equal(scan.grid.to_input(scan.pixels), data)
    np.testing.assert_array_equal(scan.reversed().grid.to_input(scan.reversed().pixels), data)

    labels = scan.grid.to_input((scan.pixels % 6).astype(np.uint8))
    write_label_map(tmp_path / "labels.nii.gz", labels, scan.grid)
    written = nib.load(tmp_path / "labels.nii.gz")
    np.testing.assert_array_equal(written.affine, nib.load(path).affine)
    np.testing.assert_allclose(written.get_qform(), affine, atol=1e-4)
    np.testing.assert_array_equal(np.asarray(written.dataobj), data % 6)
    assert written.get_data_dtype() == np.uint8
    assert written.header.get_xyzt_units()[0] == "mm"
    assert (int(written.header["qform_code"]), int(written.header["sform_code"])) == (1, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["labels.nii.gz", "turned.nii.gz"]


def test_an_oblique_stack_is_ordered_apex_first(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0.6, 0, -0.8], [0.8, 0, 0.6], [0, -1, 0]]) * [1.25, 1.5, 8.0]
    scan = read_scan(write(tmp_path / "oblique.nii", affine=affine))
    assert scan.apex_first is True
    assert scan.grid.reversed_slices  # the file runs towards the apex
    assert scan.pixels[0, 2, 1] == voxels()[1, 2, 3]
    np.testing.assert_array_equal(scan.grid.to_input(scan.pixels), voxels())


def test_stored_values_are_scaled(tmp_path: Path) -> None:
    path = rewrite(write(tmp_path / "s.nii"), scl_slope=0.5, scl_inter=-3.0)
    assert read_scan(path).pixels[3, 2, 1] == voxels()[1, 2, 3] * 0.5 - 3.0


def test_one_volume_in_4d_is_accepted_and_several_are_not(tmp_path: Path) -> None:
    scan = read_scan(write(tmp_path / "one.nii", voxels((*SHAPE, 1))))
    assert scan.grid.shape == SHAPE
    with pytest.raises(InputError, match=r"two\.nii must hold one volume, got 2"):
        read_scan(write(tmp_path / "two.nii", voxels((*SHAPE, 2))))


@pytest.mark.parametrize(
    ("spacing_mm", "shape", "slice_axis", "warned"),
    [
        ((1.2, 8.0, 1.2), (9, 20, 9), 1, False),  # far the largest spacing, though the most voxels
        ((1.8, 1.2, 1.2), (9, 9, 9), 0, False),  # 1.5 times is enough
        ((1.5, 2.0, 1.5), (3, 9, 9), 0, True),
        ((1.6, 1.6, 0.77), (9, 9, 11), 2, True),  # thin slices, cut out around the heart
        ((1.6, 0.77, 1.6), (7, 11, 9), 1, True),
        ((1.4, 1.4, 1.9), (9, 9, 9), 2, True),
        ((1.4, 1.5, 1.9), (9, 7, 9), 1, True),  # all three differ
        ((1.5, 1.5, 1.5), (5, 5, 9), 1, True),
        ((1.5, 1.5, 1.5), (5, 5, 5), 2, True),
    ],
)
def test_the_slice_axis_has_far_the_largest_spacing_or_few_voxels_or_a_size_of_its_own(
    tmp_path: Path,
    spacing_mm: tuple[float, ...],
    shape: tuple[int, ...],
    slice_axis: int,
    warned: bool,
) -> None:
    scan = read_scan(write(tmp_path / "a.nii", voxels(shape), np.diag([*spacing_mm, 1.0])))
    assert scan.grid.axes[0] == slice_axis
    assert scan.grid.axes[1] > scan.grid.axes[2]
    assert any("slice axis not clear" in warning for warning in scan.warnings) is warned


def test_a_header_without_orientation_is_warned_of(tmp_path: Path) -> None:
    path = rewrite(write(tmp_path / "n.nii"), qform_code=0, sform_code=0)
    scan = read_scan(path)
    assert scan.warnings == ("no orientation in the header: qform_code and sform_code are 0",)
    assert scan.spacing_mm == pytest.approx((8.0, 1.5, 1.25))


def test_a_sheared_stack_keeps_its_volume_and_is_warned_of(tmp_path: Path) -> None:
    affine = AFFINE.copy()
    affine[0, 2] = 2.0  # atan(2 / 8) = 14.0 degrees
    scan = read_scan(write(tmp_path / "s.nii", affine=affine))
    assert scan.warnings == ("slices are stacked 14.0 degrees off their normal (sheared affine)",)
    assert scan.voxel_ml == pytest.approx(0.015)
    assert scan.spacing_mm[0] == pytest.approx(8.0)
    write_label_map(tmp_path / "l.nii.gz", np.zeros(SHAPE, np.uint8), scan.grid)
    written = nib.load(tmp_path / "l.nii.gz")
    np.testing.assert_array_equal(written.affine, affine)
    assert int(written.header["qform_code"]) == 0  # a quaternion holds no shear


@pytest.mark.parametrize(("slices", "accepted"), [(49, True), (51, False)])
def test_a_sheared_stack_is_as_long_as_along_its_normal(
    tmp_path: Path, slices: int, accepted: bool
) -> None:
    """49 and 51 slices of 8 mm are 392 and 408 mm; along the shear, 8.25 mm, 404 and 421 mm."""
    affine = AFFINE.copy()
    affine[0, 2] = 2.0
    path = write(tmp_path / "s.nii", voxels((6, 5, slices)), affine)
    if accepted:
        assert len(read_scan(path).pixels) == 49
    else:
        with pytest.raises(GeometryError, match="at most 400 mm, got 408 mm"):
            read_scan(path)


def test_an_affine_that_lost_its_mm_is_measured_by_pixdim(tmp_path: Path) -> None:
    path = rewrite(
        write(tmp_path / "lost.nii", affine=np.diag([-1.0, -1.0, 1.0, 1.0])),
        pixdim=[1, 1.25, 1.5, 8.0, 1, 1, 1, 1],
        qform_code=0,
    )
    scan = read_scan(path)
    assert scan.spacing_mm == pytest.approx((8.0, 1.5, 1.25))
    assert scan.reversed().voxel_ml == pytest.approx(0.015)
    assert scan.warnings == (
        "the affine has 1 mm voxels but pixdim has 1.25 x 1.5 x 8 mm: volumes use pixdim",
    )
    write_label_map(tmp_path / "l.nii.gz", np.zeros(SHAPE, np.uint8), scan.reversed().grid)
    written, source = nib.load(tmp_path / "l.nii.gz"), nib.load(path)
    np.testing.assert_array_equal(written.affine, source.affine)
    assert written.header.get_zooms() == source.header.get_zooms()


def test_pixdim_that_lost_its_mm_gives_way_to_the_affine(tmp_path: Path) -> None:
    path = rewrite(write(tmp_path / "p.nii"), pixdim=[1] * 8, qform_code=0, sform_code=2)
    scan = read_scan(path)
    assert scan.spacing_mm == pytest.approx((8.0, 1.5, 1.25))
    assert "volumes use the affine" in scan.warnings[0]


def test_odd_but_harmless_headers_make_no_noise(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = rewrite(write(tmp_path / "p.nii"), qform_code=99)
    assert read_scan(path).warnings == ()
    assert capfd.readouterr() == ("", "")


def test_two_answers_for_the_voxel_size_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p.nii")
    rewrite(path, pixdim=[1, 2.5, 3.0, 8.0, 1, 1, 1, 1], qform_code=0, sform_code=2)
    with pytest.raises(GeometryError, match=r"1\.25 x 1\.5 x 8 mm in the affine but 2\.5 x 3 x 8"):
        read_scan(path)


def sheared_rows() -> np.ndarray:
    affine = AFFINE.copy()
    affine[0, 1] = 1.5
    return affine


@pytest.mark.parametrize(
    ("data", "affine", "error", "reason"),
    [
        (voxels((6, 5)), AFFINE, InputError, r"x\.nii must be a 3-D image, got 2-D"),
        (voxels((6, 5, 4, 1, 3)), AFFINE, InputError, r"x\.nii must be a 3-D image, got 5-D"),
        (voxels((6, 5, 1)), AFFINE, GeometryError, r"x\.nii holds a single slice"),
        (np.ones(SHAPE, np.int16), AFFINE, InputError, r"x\.nii has no contrast: every pixel is 1"),
        (np.full(SHAPE, np.nan, np.float32), AFFINE, InputError, "NaN or infinite pixels"),
        (np.float64(voxels()) * 1e40, AFFINE, InputError, "NaN or infinite pixels"),
        (np.ones(SHAPE, np.complex64), AFFINE, InputError, "real numbers, got complex"),
        (
            np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")]),
            AFFINE,
            InputError,
            "must be grey, got an RGB colour image",
        ),
        (voxels((5000, 2, 2)), AFFINE, InputError, r"too large: 2 slices of 2 x 5000 pixels"),
        (voxels((2, 2, 1001)), AFFINE, InputError, "too large: 1001 slices"),
        (None, np.diag([1.25, 1.5, 40, 1]), GeometryError, "slices must be 0.4 to 30 mm, got 40:"),
        (None, np.diag([0.1, 0.15, 8, 1]), GeometryError, r"got 0\.15 x 0\.1: are the units mm"),
        (None, sheared_rows(), GeometryError, r"rows and columns of x\.nii must be perp.* 45\.0"),
    ],
)
def test_what_is_no_true_stack_is_refused_with_the_reason(
    tmp_path: Path,
    data: np.ndarray | None,
    affine: np.ndarray,
    error: type[Exception],
    reason: str,
) -> None:
    with pytest.raises(error, match=reason):
        read_scan(write(tmp_path / "x.nii", data, affine))


@pytest.mark.parametrize(
    ("fields", "error", "reason"),
    [
        ({"pixdim": [1, 0, 1.5, 8, 1, 1, 1, 1]}, GeometryError, "pixdim .* positive, got 0 x 1.5"),
        ({"pixdim": [1, -2.5, 1.5, 8, 1, 1, 1, 1], "qform_code": 0}, GeometryError, "2.5 x 1.5 x"),
        ({"pixdim": [1, np.nan, 1.5, 8, 1, 1, 1, 1]}, GeometryError, "must be positive, got nan"),
        ({"pixdim": [1, np.inf, 1.5, 8, 1, 1, 1, 1]}, GeometryError, "must be positive, got inf"),
        ({"srow_x": 0, "srow_y": 0, "srow_z": 0, "sform_code": 1}, GeometryError, "is singular"),
        ({"srow_x": [0, 1.25, 0, 0], "sform_code": 1}, GeometryError, "is singular"),
        ({"srow_x": np.inf, "sform_code": 1}, GeometryError, "must be finite"),
        ({"dim": [3, 2048, 2048, 900, 1, 1, 1, 1]}, InputError, r"too large: 15\.1 GB of pixels"),
        ({"datatype": 999}, InputError, r"x\.nii cannot be read as NIfTI"),
    ],
)
def test_a_broken_header_is_refused_with_the_reason(
    tmp_path: Path, fields: dict[str, object], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        read_scan(rewrite(write(tmp_path / "x.nii"), **fields))


@pytest.mark.parametrize("kept", [0, 30, 200, -40])
def test_a_file_cut_short_is_named(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path / "cut.nii.gz", np.random.default_rng(0).integers(0, 999, SHAPE, "i2"))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"cut\.nii\.gz"):
        read_scan(path)


@pytest.mark.parametrize("behind", [b"x", b"junk" * 10])
def test_other_bytes_behind_gzip_are_told_and_zeros_are_none(tmp_path: Path, behind: bytes) -> None:
    path = write(tmp_path / "x.nii.gz")
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(512))
    assert read_scan(path).pixels[3, 2, 1] == voxels()[1, 2, 3]
    path.write_bytes(whole + behind)
    with pytest.raises(InputError, match=r"x\.nii\.gz has other bytes behind its gzip data \(a tr"):
        read_scan(path)
    path.write_bytes(whole[:-8] + b"\1\2\3\4" + whole[-4:] + behind)
    with pytest.raises(InputError, match="damaged or cut short"):
        read_scan(path)


def test_gzip_of_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    path.write_bytes(gzip.compress(b"no image" * 100))
    with pytest.raises(InputError, match=r"x\.nii\.gz cannot be read as NIfTI"):
        read_scan(path)


def test_phase_and_series_are_for_dicom(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nii")
    assert read_scan(path, phase=1).name == "x"
    for options in ({"phase": 2}, {"series": "7"}):
        with pytest.raises(InputError, match=r"for DICOM folders, x\.nii is a file"):
            read_scan(path, **options)


def test_labels_that_do_not_fit_the_grid_are_not_written(tmp_path: Path) -> None:
    grid = read_scan(write(tmp_path / "x.nii")).grid
    for labels in (np.zeros((4, 5, 6), np.uint8), np.zeros(SHAPE, np.int16)):
        with pytest.raises(AcsnetError, match=r"labels must be uint8 of shape \(6, 5, 4\), got "):
            write_label_map(tmp_path / "l.nii.gz", labels, grid)
    assert [p.name for p in tmp_path.iterdir()] == ["x.nii"]


@pytest.mark.skipif(ACSNET_DATA is None, reason="ACSNET_DATA is not set")
def test_real_scans_with_unit_affine_are_measured_in_mm() -> None:
    scan = read_scan(Path(ACSNET_DATA or "") / "native" / "emidec_Case_P100_image.nii.gz")
    assert scan.spacing_mm == pytest.approx((13.0, 1.40625, 1.40625))
    np.testing.assert_array_equal(scan.grid.header_affine, np.diag([-1.0, -1.0, 1.0, 1.0]))
