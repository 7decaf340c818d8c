"""Headers that say less, more or something else than they mean, where the meaning is clear."""

import re
import struct

import enhanced_packings
import nibabel as nib
import nrrd
import numpy as np
import packed_scans
import pytest
import SimpleITK as sitk  # noqa: N813
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.dicom_files.dicom_file import number_of
from acsnet.preprocess import standardise


@pytest.fixture
def source(samples):
    return samples / "nifti" / "phantom-1.nii.gz"


@pytest.fixture
def volume(source):
    return read_scan(source)


@pytest.fixture
def metaimage(source, tmp_path):
    """It as a header and its raw pixels, which lie beside it."""
    sitk.WriteImage(sitk.ReadImage(str(source)), str(tmp_path / "scan.mhd"))
    return tmp_path / "scan.mhd"


@pytest.fixture
def detached(source, tmp_path):
    """As `metaimage`, as NRRD."""
    sitk.WriteImage(sitk.ReadImage(str(source)), str(tmp_path / "scan.nhdr"))
    return tmp_path / "scan.nhdr"


def replaced(path, pattern, text):
    path.write_text(re.sub(pattern, text, path.read_text()))
    return path


def test_every_second_frame_of_an_enhanced_object_is_told_by_the_thickness(patient_1, tmp_path):
    for dataset in patient_1:
        del dataset.SpacingBetweenSlices
    enhanced_packings.enhanced_multi_frame(patient_1[::2], tmp_path / "a")  # of 8 mm
    warnings = " ".join(read_scan(tmp_path / "a").warnings)
    assert "slices of 8 mm lie 20.00 mm apart" in warnings


def test_directions_with_two_decimals_are_those_of_one_stack(patient_1, plain, tmp_path):
    for dataset in patient_1:
        dataset.ImageOrientationPatient = [
            f"{float(v):.2f}" for v in dataset.ImageOrientationPatient
        ]
    scan = read_scan(packed_scans.write(tmp_path / "a", patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.spacing_mm == pytest.approx(plain.spacing_mm, rel=2e-3)
    assert scan.warnings == ()


def test_modality_in_small_letters_is_mr(patient_1, plain, tmp_path):
    for dataset in patient_1:
        dataset.Modality = "mr"
    scan = read_scan(packed_scans.write(tmp_path / "a", patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)


def test_bits_beyond_bits_stored_that_carry_on_the_image_are_signal(patient_1, plain, tmp_path):
    """An export wrote the 8 bits of a screen into the headers of images of 11."""
    for dataset in patient_1:
        dataset.BitsStored, dataset.HighBit = 8, 7
    scan = read_scan(packed_scans.write(tmp_path / "a", patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert "BitsStored is too small in 8 images" in scan.warnings[0]


def test_the_window_of_a_slice_that_is_unlike_all_others_is_not_used(patient_1, plain, tmp_path):
    patient_1[4].WindowCenter, patient_1[4].WindowWidth = "30", "60"
    scan = read_scan(packed_scans.write(tmp_path / "a", patient_1))
    np.testing.assert_array_equal(standardise(scan).plain, standardise(plain).plain)
    assert "have a window unlike the others'" in scan.warnings[0]


@pytest.mark.parametrize("matrix", ["", f"TransformMatrix ={9 * ' 0'}\\n"], ids=["none", "zeros"])
def test_a_metaimage_without_directions_says_that_it_has_no_orientation(metaimage, volume, matrix):
    assert volume.warnings == ()
    scan = read_scan(replaced(metaimage, "TransformMatrix = .*\n", matrix))
    assert scan.warnings == ("no orientation in the header: TransformMatrix is not given",)
    assert scan.spacing_mm == pytest.approx(volume.spacing_mm)


@pytest.mark.parametrize(("size", "before"), [("-1", 77), ("77", 77)])
def test_a_metaimage_tells_where_its_pixels_begin(metaimage, volume, size, before):
    raw = metaimage.with_suffix(".raw")
    raw.write_bytes(bytes(before) + raw.read_bytes())
    scan = read_scan(
        replaced(metaimage, "ElementDataFile", f"HeaderSize = {size}\nElementDataFile")
    )
    np.testing.assert_array_equal(scan.pixels, volume.pixels)


@pytest.mark.parametrize(
    ("pattern", "text", "reason"),
    [
        ("ElementSpacing = ", "ElementSpacing = -", "ElementSpacing of scan.mhd must be positive"),
        ("ElementDataFile = .*", "ElementDataFile = LIST\ns1.raw", "in several files"),
        ("ElementDataFile", "HeaderSize = x\nElementDataFile", "a HeaderSize of x"),
        ("scan.raw", "../scan.raw", "must lie beside it"),
        (
            "ElementSpacing = .*\n",
            "",
            "scan.mhd gives no voxel size: neither 'ElementSpacing' nor 'ElementSize'",
        ),
        ("ElementSpacing = ", "ElementSize = -", "ElementSize of scan.mhd must be positive, got -"),
    ],
)
def test_a_metaimage_of_no_clear_meaning_is_refused_with_the_reason(
    metaimage, pattern, text, reason
):
    with pytest.raises(InputError, match=reason):
        read_scan(replaced(metaimage, pattern, text))


def test_a_metaimage_may_tell_its_voxels_as_element_size(metaimage, volume):
    scan = read_scan(replaced(metaimage, "ElementSpacing", "ElementSize"))
    np.testing.assert_array_equal(scan.pixels, volume.pixels)
    assert scan.spacing_mm == pytest.approx(volume.spacing_mm)


@pytest.mark.parametrize("skip", ["-1", "33"])
def test_nrrd_pixels_are_found_beside_the_header_and_behind_other_bytes(detached, volume, skip):
    raw = detached.with_suffix(".raw")
    raw.write_bytes(bytes(33) + raw.read_bytes())
    scan = read_scan(replaced(detached, "data file: ", f"byte skip: {skip}\ndata file: ./"))
    np.testing.assert_array_equal(scan.pixels, volume.pixels)


def test_nrrd_pixels_in_several_files_are_refused_with_the_reason(detached):
    with pytest.raises(InputError, match="in several files"):
        read_scan(replaced(detached, "data file: .*", "data file: s%02d.raw 1 8 1"))


def test_an_nrrd_whose_origin_lacks_a_number_is_refused(detached):
    replaced(detached, r"space origin: .*", "space origin: (1,2)")
    with pytest.raises(InputError, match="a 'space origin' of three numbers, got 3 directions and"):
        read_scan(detached)


def test_an_empty_sform_gives_way_to_the_qform(source, volume, tmp_path):
    image = nib.load(source)
    image.set_qform(image.affine, code=1)
    image.set_sform(image.affine, code=1)
    content = bytearray(image.to_bytes())
    content[280:328] = bytes(48)
    (tmp_path / "a.nii").write_bytes(content)
    scan = read_scan(tmp_path / "a.nii")
    np.testing.assert_array_equal(scan.pixels, volume.pixels)
    np.testing.assert_allclose(scan.grid.affine, volume.grid.affine, atol=1e-3)
    assert [w for w in scan.warnings if "sform of the header is empty" in w]


def test_a_slice_that_was_copied_to_fill_the_stack_is_told(source, tmp_path):
    image = nib.load(source)
    data = np.asanyarray(image.dataobj)
    longer = np.concatenate([data, data[..., -1:]], axis=2)
    path = packed_scans.save_nifti(nib.Nifti1Image(longer, image.affine), tmp_path / "a.nii")
    assert [w for w in read_scan(path).warnings if "8 and 9 are the same pixel for pixel" in w]


def test_an_sform_that_is_no_number_gives_way_to_the_qform(source, volume, tmp_path):
    loaded = nib.load(source)
    image = nib.Nifti1Image(np.asanyarray(loaded.dataobj), loaded.affine)
    for form in (image.set_qform, image.set_sform):
        form(loaded.affine, code=1)
    content = bytearray(image.to_bytes())
    content[280:328] = struct.pack("<12f", *[np.nan] * 12)
    path = tmp_path / "a.nii"
    path.write_bytes(content)
    scan = read_scan(path)
    assert np.array_equal(scan.pixels, volume.pixels)
    np.testing.assert_allclose(scan.grid.affine, volume.grid.affine, atol=1e-3)
    assert scan.warnings == ("the sform of the header is empty: its qform is used",)


def test_an_nrrd_header_may_be_in_metres(source, volume, tmp_path):
    image, path = nib.load(source), tmp_path / "a.nrrd"
    header = {
        "space": "right-anterior-superior",
        "space units": ["m", "m", "m"],
        "space directions": image.affine[:3, :3].T / 1000,
        "space origin": image.affine[:3, 3] / 1000,
    }
    nrrd.write(str(path), np.asanyarray(image.dataobj), header)
    scan = read_scan(path)
    assert np.array_equal(scan.pixels, volume.pixels)
    np.testing.assert_allclose(scan.grid.affine, volume.grid.affine, atol=1e-3)
    assert scan.warnings == ("the header is in m: taken as 1000 mm each",)


@pytest.mark.parametrize(
    ("unit", "mm", "told"),
    [
        ("mm", 1.0, ""),
        ("Millimeters", 1.0, ""),
        ("metres", 1000.0, "metre"),
        ("cm", 10.0, "cm"),
        ("microns", 0.001, "micron"),
        ("\u00b5m", 0.001, "\u03bcm"),  # the micro sign is read as the Greek letter
        ("ells", 1.0, ""),
    ],
)
def test_a_unit_has_one_meaning_in_nrrd_and_metaimage(source, volume, tmp_path, unit, mm, told):
    warned = [f"the header is in {told}: taken as {mm:g} mm each"] if told else []
    image = nib.load(source)
    nrrd_file, meta = tmp_path / "a.nrrd", tmp_path / "a.mha"
    spacings = nib.affines.voxel_sizes(image.affine) / mm
    header = {"spacings": spacings, "units": ["one"] * 3, "encoding": "raw"}
    nrrd.write(str(nrrd_file), image.get_fdata(), header)
    nrrd_file.write_bytes(nrrd_file.read_bytes().replace(b'"one"', f'"{unit}"'.encode(), 3))
    written = sitk.ReadImage(str(source))
    written.SetSpacing([size / mm for size in written.GetSpacing()])
    written.SetOrigin([place / mm for place in written.GetOrigin()])
    sitk.WriteImage(written, str(meta))
    header = f"DistanceUnits = {unit}\nElementDataFile".encode()
    meta.write_bytes(meta.read_bytes().replace(b"ElementDataFile", header, 1))
    scans = [read_scan(path) for path in (nrrd_file, meta)]
    for scan in scans:
        assert scan.spacing_mm == pytest.approx(volume.spacing_mm, rel=1e-4)
        assert [note for note in scan.warnings if "the header is in" in note] == warned
    np.testing.assert_allclose(scans[1].grid.affine, volume.grid.affine, rtol=1e-4, atol=1e-2)


def test_axes_of_different_units_are_refused(source, tmp_path):
    header = {"spacings": [1.4, 1.4, 0.8], "units": ["mm", "mm", "cm"], "encoding": "raw"}
    nrrd.write(str(tmp_path / "a.nrrd"), nib.load(source).get_fdata(), header)
    with pytest.raises(InputError, match="must have one unit for all axes, got mm and cm"):
        read_scan(tmp_path / "a.nrrd")


@pytest.mark.parametrize("space", ["left-posterior-superior-time", "LPST", "scanner-xyz-time"])
@pytest.mark.parametrize("time_axis", [0, 3])
def test_one_volume_of_a_space_with_time_is_that_volume(source, volume, tmp_path, space, time_axis):
    image = nib.load(source)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    directions = np.insert(np.c_[lps[:3, :3].T, np.zeros(3)], time_axis, [0, 0, 0, 1], axis=0)
    header = {"space": space, "space directions": directions, "space origin": [*lps[:3, 3], 0]}
    pixels = np.expand_dims(np.asanyarray(image.dataobj), time_axis)
    nrrd.write(str(tmp_path / "a.nrrd"), pixels, header)
    scan = read_scan(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(scan.pixels, volume.pixels)
    np.testing.assert_allclose(scan.grid.affine, volume.grid.affine, atol=1e-6)
    assert scan.warnings == ()
    nrrd.write(str(tmp_path / "b.nrrd"), np.repeat(pixels, 2, axis=time_axis), header)
    with pytest.raises(InputError, match="must hold one volume, got 2"):
        read_scan(tmp_path / "b.nrrd")


def test_directions_in_four_dimensions_that_are_all_of_space_are_refused(tmp_path):
    directions = np.diag([1.5, 1.5, 8.0, 1.0])
    directions[2, 3] = 0.5
    header = {"space dimension": 4, "space directions": directions}
    nrrd.write(str(tmp_path / "a.nrrd"), np.zeros((5, 5, 5, 1), np.int16), header)
    told = "of three numbers for each of its 4 axes, got 4 of 4"
    with pytest.raises(InputError, match=told):
        read_scan(tmp_path / "a.nrrd")


def test_minus_infinity_outside_is_no_signal_and_makes_no_noise(source, tmp_path, recwarn):
    image = nib.load(source)
    pixels = np.asanyarray(image.dataobj).astype(np.float32)
    pixels[packed_scans.outside_circle(*pixels.shape[:2])] = -np.inf
    scan = read_scan(
        packed_scans.save_nifti(nib.Nifti1Image(pixels, image.affine), tmp_path / "a.nii")
    )
    assert scan.signal is not None
    assert "-inf and taken as no signal" in scan.warnings[0]
    assert not [one for one in recwarn if one.category is RuntimeWarning]


def test_decimal_commas_of_a_metaimage_are_read_as_points(metaimage, volume):
    numbers = r"(ElementSpacing|Offset|TransformMatrix) = .*"
    scan = read_scan(replaced(metaimage, numbers, lambda field: field[0].replace(".", ",")))
    assert "ElementSpacing = 1,6" in metaimage.read_text()
    assert scan.spacing_mm == pytest.approx(volume.spacing_mm)
    with pytest.raises(InputError, match=r"scan\.mhd cannot be read as MetaImage"):
        read_scan(replaced(metaimage, "ElementSpacing = ", "ElementSpacing = x "))


def test_decimal_commas_are_read_as_points(patient_1, plain, tmp_path):
    folder = packed_scans.write(tmp_path, patient_1)
    for path in folder.iterdir():
        content = path.read_bytes()
        assert content.count(b"1.6\\1.6") == 1
        path.write_bytes(content.replace(b"1.6\\1.6", b"1,6\\1,6"))
    scan = read_scan(folder)
    assert np.array_equal(scan.pixels, plain.pixels)
    assert scan.spacing_mm == plain.spacing_mm


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,75", 1.75),
        (" -1.5e1 ", -15.0),
        ("", None),
        ("1\\2", None),
        ("nan", None),
        ("1e999", None),
        ("300 ms", None),
    ],
)
def test_a_number_is_read_with_a_comma_or_a_point(text, number):
    assert number_of(text) == number


def write_text(dataset, **texts):
    """Put values into a dataset that pydicom would not write."""
    for keyword, text in texts.items():
        tag = Tag(keyword)
        dataset._dict[tag] = RawDataElement(tag, "DS", len(text), text.encode(), 0, False, True)


def test_a_decimal_comma_is_one_in_every_tag(patient_1, plain, tmp_path):
    for dataset in patient_1[::2]:
        write_text(
            dataset,
            RescaleSlope="2,5 ",
            WindowCenter="1270,0",
            WindowWidth="2507,5",
            PatientSize="1,75",
            PatientWeight="80,5",
            SpacingBetweenSlices="10,0",
        )
    scan = read_scan(packed_scans.write(tmp_path, patient_1[::2]))
    np.testing.assert_allclose(scan.pixels, 2.5 * plain.pixels[::2])
    assert np.array_equal(scan.windows, [[1270.0, 2507.5]] * 4)
    assert (scan.height_cm, scan.weight_kg) == (175.0, 80.5)
    assert (
        "apart by ImagePositionPatient, which is used, but SpacingBetweenSlices is 10 mm"
        in (scan.warnings[0])
    )


@pytest.mark.parametrize("time", ["0,0 ", "none"])
def test_an_inversion_time_of_zero_or_none_makes_no_lge_of_a_cine(patient_1, tmp_path, time):
    for dataset in patient_1:
        dataset.SeriesDescription, dataset.CardiacNumberOfImages = "Cine SA", "25"
        write_text(dataset, InversionTime=time)
    assert read_scan(packed_scans.write(tmp_path, patient_1)).contrast == "cine"
