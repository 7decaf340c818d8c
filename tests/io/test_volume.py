"""Files of every format give the voxels and the geometry of the plain NIfTI file."""

import bz2
import gzip

import nibabel as nib
import nrrd
import numpy as np
import packed_scans
import pytest
import SimpleITK as sitk  # noqa: N813

from acsnet.errors import InputError
from acsnet.io import read_scan, write_label_map
from acsnet.io.volume import viewer_affine


@pytest.fixture
def source(samples):
    return samples / "nifti" / "phantom-1.nii.gz"


@pytest.fixture
def image(source):
    return nib.load(source)


def assert_same(scan, source):
    plain = read_scan(source)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    np.testing.assert_allclose(scan.spacing_mm, plain.spacing_mm, rtol=1e-4)
    np.testing.assert_allclose(
        scan.grid.stack_to_ras, plain.grid.stack_to_ras, rtol=1e-4, atol=1e-2
    )
    assert scan.apex_first == plain.apex_first


@pytest.mark.parametrize("ending", [".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".NRRD"])
@pytest.mark.parametrize("compressed", [True, False])
def test_what_itk_writes_is_read_as_it_was(source, tmp_path, ending, compressed):
    written = tmp_path / f"scan{ending.lower()}"
    sitk.WriteImage(sitk.ReadImage(str(source)), str(written), compressed)
    path = written.rename(tmp_path / f"scan{ending}")
    scan = read_scan(path)
    assert scan.name == "scan"
    assert scan.warnings == ()
    assert_same(scan, source)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
def test_every_encoding_of_nrrd_is_read(source, image, tmp_path, encoding):
    data = np.asanyarray(image.dataobj)[:, :, ::1]
    header = {
        "space": "right-anterior-superior",
        "space directions": image.affine[:3, :3].T,
        "space origin": image.affine[:3, 3],
        "encoding": encoding,
    }
    nrrd.write(str(tmp_path / "scan.nrrd"), data, header)
    assert_same(read_scan(tmp_path / "scan.nrrd"), source)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("plain.nii.gz", lambda plain: plain),
        ("packed.nii", gzip.compress),
        ("twice.nii.gz", lambda plain: gzip.compress(gzip.compress(plain))),
        ("SCAN.NII.GZ", gzip.compress),
        ("really-nifti.nrrd", lambda plain: plain),
    ],
)
def test_the_content_tells_the_format_and_not_the_ending(source, image, tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(image.to_bytes()))
    assert_same(read_scan(tmp_path / name), source)


@pytest.mark.parametrize("of", [".hdr", ".img"])
def test_a_pair_of_header_and_pixels_is_one_scan(source, image, tmp_path, of):
    nib.save(
        nib.Nifti1Pair(np.asanyarray(image.dataobj), image.affine, image.header),
        tmp_path / "scan.hdr",
    )
    assert_same(read_scan(tmp_path / f"scan{of}"), source)


def test_an_analyze_file_says_that_it_has_no_orientation(image, tmp_path):
    data = np.asanyarray(image.dataobj)
    nib.save(nib.AnalyzeImage(data, np.diag([-1.6, 1.6, 10, 1])), tmp_path / "scan.img")
    scan = read_scan(tmp_path / "scan.img")
    assert sorted(scan.pixels.ravel()[:50]) is not None
    assert scan.spacing_mm == pytest.approx((10, 1.6, 1.6))
    assert "no orientation" in scan.warnings[0]


@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.AnalyzeImage])
@pytest.mark.parametrize(
    ("there", "missing", "holds"), [(".hdr", ".img", "pixels"), (".img", ".hdr", "header")]
)
def test_half_of_a_pair_names_the_file_that_is_not_beside_it(
    image, tmp_path, kind, there, missing, holds
):
    data = np.asanyarray(image.dataobj)
    nib.save(kind(data, np.diag([-1.6, 1.6, 10, 1])), tmp_path / "scan.img")
    (tmp_path / f"scan{missing}").unlink()
    reason = (
        rf"^scan{there} cannot be read as NIfTI or Analyze: scan{missing}, the file with its "
        rf"{holds}, is not beside it$"
    )
    with pytest.raises(InputError, match=reason):
        read_scan(tmp_path / f"scan{there}")


@pytest.mark.parametrize("ending", [".hdr", ".img"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_a_whole_file_that_is_called_half_of_a_pair_is_read(source, image, tmp_path, kind, ending):
    nib.save(kind(np.asanyarray(image.dataobj), image.affine), tmp_path / "scan.nii")
    (tmp_path / "scan.nii").rename(tmp_path / f"scan{ending}")
    np.testing.assert_array_equal(
        read_scan(tmp_path / f"scan{ending}").pixels, read_scan(source).pixels
    )


def test_axes_of_one_at_the_end_are_no_volumes(source, image, tmp_path):
    data = np.asanyarray(image.dataobj)[..., None, None]
    path = packed_scans.save_nifti(
        nib.Nifti1Image(data, image.affine, image.header), tmp_path / "a.nii"
    )
    assert_same(read_scan(path), source)


def test_a_list_of_one_volume_is_that_volume(source, image, tmp_path):
    data = np.asanyarray(image.dataobj)
    affine = image.affine
    header = {
        "space": "right-anterior-superior",
        "space directions": np.vstack([[np.nan] * 3, affine[:3, :3].T]),
        "space origin": affine[:3, 3],
        "kinds": ["list", "domain", "domain", "domain"],
    }
    nrrd.write(str(tmp_path / "a.nrrd"), data[None], header)
    assert_same(read_scan(tmp_path / "a.nrrd"), source)
    nrrd.write(str(tmp_path / "b.nrrd"), np.stack([data, data]), header)
    with pytest.raises(InputError, match="must hold one volume, got 2"):
        read_scan(tmp_path / "b.nrrd")


def test_an_axis_of_one_before_the_others_is_refused_with_the_reason(image, tmp_path):
    odd = nib.Nifti1Image(np.asanyarray(image.dataobj)[None], image.affine)
    path = packed_scans.save_nifti(odd, tmp_path / "a.nii")
    with pytest.raises(InputError, match="an axis of 1 lies before the others"):
        read_scan(path)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.hdr.gz", b"x", "is packed: unpack it first"),
        ("a.img.gz", b"x", "is packed: unpack it first"),
        ("a.nrrd.gz", b"x", "is packed: unpack it first"),
        ("a.nii.zst", b"x", "is packed: unpack it first"),
        ("a.nii.Z", b"x", "is packed: unpack it first"),
        ("a.nrrd", b"NRRD0004\n", r"a\.nrrd is packed \(gzip\): unpack it first"),
    ],
)
def test_a_packed_file_of_two_or_of_another_format_is_to_be_unpacked(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(gzip.compress(content))
    with pytest.raises(InputError, match=told):
        read_scan(tmp_path / name)


@pytest.mark.parametrize(("unit", "mm"), [("meter", 1000.0), ("micron", 0.001)])
def test_other_units_than_mm_are_brought_to_mm_and_back(source, image, tmp_path, unit, mm):
    affine = image.affine.copy()
    affine[:3] /= mm
    other = nib.Nifti1Image(np.asanyarray(image.dataobj), affine)
    other.header.set_xyzt_units(unit)
    scan = read_scan(packed_scans.save_nifti(other, tmp_path / "a.nii"))
    assert_same(scan, source)
    assert [w for w in scan.warnings if unit in w]
    write_label_map(tmp_path / "labels.nii", np.zeros(scan.grid.shape, np.uint8), scan.grid)
    written = nib.load(tmp_path / "labels.nii")
    np.testing.assert_allclose(written.affine, affine, rtol=1e-5)
    assert written.header.get_xyzt_units()[0] == unit


@pytest.mark.parametrize(("step_mm", "warned"), [(15.0, False), (16.0, True), (3.9, True)])
def test_slices_unlike_those_of_the_training_are_told(image, tmp_path, step_mm, warned):
    affine = np.diag([1.5, 1.5, step_mm, 1.0])
    path = tmp_path / "a.nii"
    nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj), affine), path)
    told = [note for note in read_scan(path).warnings if "trained on stacks of 5 to 13" in note]
    assert bool(told) is warned


def test_a_unit_that_no_heart_has_is_taken_as_mm(source, image, tmp_path):
    other = nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine)
    other.header.set_xyzt_units("meter")
    scan = read_scan(packed_scans.save_nifti(other, tmp_path / "a.nii"))
    assert_same(scan, source)
    assert "cannot be true: mm are assumed" in scan.warnings[0]


def two_orientations(image, path, *, qform_code=1, sform_code=2):
    turn = np.eye(4)
    turn[:3, 3] = 20, -10, 5
    other = nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine, image.header)
    other.set_qform(image.affine, code=qform_code)
    other.set_sform(turn @ image.affine, code=sform_code)
    return packed_scans.save_nifti(other, path)


@pytest.mark.parametrize(("qform_code", "sform_code"), [(1, 1), (1, 2), (2, 4), (1, 0), (0, 1)])
def test_label_maps_keep_both_transforms_of_their_image(image, tmp_path, qform_code, sform_code):
    path = two_orientations(image, tmp_path / "a.nii", qform_code=qform_code, sform_code=sform_code)
    scan = read_scan(path)
    apart = [w for w in scan.warnings if "23 mm apart" in w]
    assert len(apart) == (qform_code > 0 and sform_code > 0)
    labels = tmp_path / "labels.nii"
    write_label_map(labels, np.zeros(scan.grid.shape, np.uint8), scan.grid)
    of_image, of_labels = (sitk.ReadImage(str(file)) for file in (path, labels))
    np.testing.assert_allclose(of_labels.GetOrigin(), of_image.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(of_labels.GetDirection(), of_image.GetDirection(), atol=1e-4)
    np.testing.assert_allclose(nib.load(labels).affine, nib.load(path).affine, atol=1e-3)
    origin = viewer_affine(scan.grid)[:3, 3] * (-1, -1, 1)
    np.testing.assert_allclose(origin, of_image.GetOrigin(), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.nrrd", b"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 4 4\n", "does not end"),
        (
            "a.nrrd",
            b"NRRD0004\ntype: short\ndimension: 3\nsizes: 9 9 9\nspacings: 1 1 8\n"
            b"encoding: raw\nendian: little\n\n" + bytes(10),
            "do not fill the matrix",
        ),
        (
            "a.nhdr",
            b"NRRD0004\ntype: short\ndimension: 3\nsizes: 9 9 9\nspacings: 1 1 8\n"
            b"encoding: raw\nendian: little\ndata file: ../../etc/passwd\n",
            "must lie beside it",
        ),
        ("a.mha", b"ObjectType = Image\nNDims = 3\n", "header does not end"),
        (
            "a.mhd",
            b"NDims = 3\nDimSize = 9 9 9\nElementSpacing = 1 1 8\nElementType = MET_SHORT\n"
            b"ElementDataFile = /etc/passwd\n",
            "must lie beside it",
        ),
        (
            "a.mha",
            b"NDims = 3\nDimSize = 9 9 9\nElementSpacing = 1 1 8\nElementType = MET_SHORT\n"
            b"ElementDataFile = LOCAL\n" + bytes(10),
            "do not fill the matrix",
        ),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_scan(tmp_path / name)


def test_packed_pixels_of_more_than_their_matrix_are_not_unpacked(tmp_path):
    head = (
        "NRRD0004\ntype: short\ndimension: 3\nsizes: 9 9 9\nspacings: 1 1 8\n"
        "encoding: {}\nendian: little\n\n"
    )
    for encoding, packed in (
        ("gzip", gzip.compress(bytes(10**7))),
        ("bzip2", bz2.compress(bytes(10**7))),
    ):
        (tmp_path / "a.nrrd").write_bytes(head.format(encoding).encode() + packed)
        with pytest.raises(InputError, match="longer than the image that its header describes"):
            read_scan(tmp_path / "a.nrrd")


@pytest.mark.parametrize("ending", [".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz", ".hdr"])
def test_a_row_behind_the_pixels_tells_of_a_wrong_header_and_less_or_padding_does_not(
    tmp_path, ending
):
    """Six pixels of two bytes are the longest row; files are padded to blocks of 4096 bytes."""
    image = sitk.GetImageFromArray(np.arange(120, dtype=np.int16).reshape(4, 5, 6))
    image.SetSpacing((1.5, 1.5, 8.0))
    path = tmp_path / f"a{ending}"
    sitk.WriteImage(image, str(path))
    pixels = next((file for file in tmp_path.iterdir() if file != path), path)
    plain = pixels.read_bytes()
    for behind, refused in (
        (b"x" * 11, False),
        (b"x" * 12, True),
        (bytes(4095), False),
        (bytes(4094) + b"x", True),
        (bytes(4096), True),
        (bytes(100_000), True),
    ):
        longer = (gzip.decompress(plain) if ending == ".nii.gz" else plain) + behind
        pixels.write_bytes(gzip.compress(longer) if ending == ".nii.gz" else longer)
        if not refused:
            assert read_scan(path).pixels.max() == 119
            continue
        with pytest.raises(InputError, match=f"a{ending} is longer than the image that its header"):
            read_scan(path)


def test_pixels_of_a_pair_that_begin_as_gzip_does_are_read(tmp_path):
    pixels = np.arange(120, dtype=np.uint16).reshape(6, 5, 4)
    pixels[0, 0, 0] = 0x8B1F
    nib.save(nib.Nifti1Pair(pixels, np.diag([1.5, 1.5, 8.0, 1.0])), tmp_path / "a.hdr")
    assert read_scan(tmp_path / "a.hdr").pixels.max() == 0x8B1F


@pytest.mark.parametrize("field", ["Segment0_ID", "Segment12_Color", "Segmentation_MasterRepr"])
@pytest.mark.parametrize("name", ["a.nrrd", "a.seg.nrrd"])
def test_a_segmentation_is_no_scan_and_its_header_tells_it(source, tmp_path, name, field):
    sitk.WriteImage(sitk.ReadImage(str(source)), str(tmp_path / "b.nrrd"))
    scan = (tmp_path / "b.nrrd").read_bytes()
    (tmp_path / name).write_bytes(scan)
    assert read_scan(tmp_path / name).pixels.any()
    head, pixels = scan.split(b"\n\n", 1)
    (tmp_path / name).write_bytes(head + f"\n{field}:=1\n\n".encode() + pixels)
    with pytest.raises(InputError, match="is a segmentation, not a scan"):
        read_scan(tmp_path / name)


@pytest.mark.parametrize("ending", [".mhd", ".nhdr", ".hdr"])
def test_pixels_lie_beside_a_link_or_beside_what_it_links_to(source, image, tmp_path, ending):
    header, pixels = f"scan{ending}", "scan.img" if ending == ".hdr" else "scan.raw"
    store = tmp_path / "store"
    store.mkdir()
    if ending == ".hdr":
        nib.save(nib.Nifti1Pair(image.dataobj, image.affine), store / header)
    else:
        sitk.WriteImage(sitk.ReadImage(str(source)), str(store / header))
    alone = tmp_path / "alone"
    annexed = tmp_path / "annexed"
    for folder, names in ((alone, [header]), (annexed, [header, pixels])):
        folder.mkdir()
        for name in names:
            (folder / name).symlink_to(store / name)
    assert_same(read_scan(alone / header), source)
    for name in (header, pixels):  # each in a folder of its own, under another name
        key = tmp_path / "keys" / name / f"key{(store / name).suffix}"
        key.parent.mkdir(parents=True)
        (store / name).rename(key)
        (annexed / name).unlink()
        (annexed / name).symlink_to(key)
    assert_same(read_scan(annexed / header), source)


def test_pixels_beside_a_link_go_before_those_beside_its_target(source, tmp_path):
    """Headers of two scans may be equal, and one of them a link to the other."""
    stack = sitk.ReadImage(str(source))
    for name, volume in (("p1", stack), ("p2", stack * 2)):
        (tmp_path / name).mkdir()
        sitk.WriteImage(volume, str(tmp_path / name / "lge.mhd"))
    (tmp_path / "p2" / "lge.mhd").unlink()
    (tmp_path / "p2" / "lge.mhd").symlink_to(tmp_path / "p1" / "lge.mhd")
    first, second = (read_scan(tmp_path / name / "lge.mhd").pixels for name in ("p1", "p2"))
    np.testing.assert_array_equal(second, 2 * first)
