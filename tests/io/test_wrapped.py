"""Values stored with a sign and declared without one, and the other way round."""

import nibabel as nib
import nrrd
import numpy as np
import packed_scans
import pytest

from acsnet.io import read_scan
from acsnet.io.wrapped import SWAPPED_WORDS, WORDS, is_swapped, is_wrapped, other_sign


def dicom(datasets, folder, *, of, signed):
    """The images with values of their own, and what the header says of their sign."""
    for dataset in datasets:
        words = of(dataset.pixel_array.astype(np.int64)) & 0xFFFF
        dataset.PixelData = words.astype(np.uint16).tobytes()
        dataset.PixelRepresentation = int(signed)
        packed_scans.without_window(dataset)
    return packed_scans.write(folder, datasets)


@pytest.mark.parametrize(
    ("of", "signed"),
    [(lambda values: values - 300, True), (lambda values: values * 55, False)],
)
def test_a_wrong_sign_in_the_header_changes_no_voxel(patient_1, samples, tmp_path, of, signed):
    right = read_scan(dicom(patient_1, tmp_path / "right", of=of, signed=signed))
    others = packed_scans.slices(samples / "dicom" / "phantom-1")
    wrong = read_scan(dicom(others, tmp_path / "wrong", of=of, signed=not signed))
    assert np.array_equal(wrong.pixels, right.pixels)
    assert right.warnings == ()
    assert wrong.warnings == (WORDS,)


@pytest.mark.parametrize(("stored", "called"), [("int16", "uint16"), ("uint16", "int16")])
def test_a_converted_volume_keeps_its_values(samples, tmp_path, stored, called):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    values = np.asanyarray(image.dataobj).astype(int)
    values = (values - 300 if stored == "int16" else values * 50).astype(stored)
    paths = [
        packed_scans.save_nifti(nib.Nifti1Image(data, image.affine), tmp_path / name)
        for name, data in (("a.nii", values), ("b.nii", values.view(called)))
    ]
    right, wrong = map(read_scan, paths)
    assert np.array_equal(wrong.pixels, right.pixels)
    assert (right.warnings, wrong.warnings) == ((), (WORDS,))


def test_12_bits_wrap_at_2048(patient_1, tmp_path):
    for dataset in patient_1:
        dataset.BitsStored, dataset.HighBit = 12, 11
    folder = dicom(patient_1, tmp_path, of=lambda v: (v - 300) & 0xFFF, signed=False)
    scan = read_scan(folder)
    assert (scan.pixels.min(), scan.warnings) == (-300, (WORDS,))


@pytest.mark.parametrize(("value", "dtype"), [(-32768, np.int16), (65535, np.uint16)])
def test_padding_at_the_end_of_the_range_has_its_own_sign(samples, value, dtype):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    values = np.asanyarray(image.dataobj).astype(dtype)
    values[packed_scans.outside_circle(*values.shape[:2])] = value
    assert not is_wrapped(values, bits=16, axis=0)


def test_the_other_sign_is_worked_out_by_the_bits():
    assert other_sign(np.array([-1, -128, 127], np.int8), bits=8).tolist() == [255, 128, 127]
    assert other_sign(np.array([4095, 2048, 2047], np.uint16), bits=12).tolist() == [
        -1,
        -2048,
        2047,
    ]


@pytest.mark.parametrize("top", [300.0, 500.0, 1268.0])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_white_beside_black_is_no_wrong_sign(samples, bits, top):
    """As an export has it that stretches each image over all numbers and pads it with black."""
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    stretched = np.clip(np.asanyarray(image.dataobj) / top, 0.0, 1.0) * (2**bits - 1)
    padded = np.pad(stretched[40:130, 40:120], ((9, 9), (9, 9), (0, 0)))
    assert not is_wrapped(padded.astype(np.uint16), bits=bits, axis=0)


@pytest.mark.parametrize("byte_order", ["little", "big"])
def test_bytes_in_the_other_order_are_turned(samples, tmp_path, byte_order):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    values = np.asanyarray(image.dataobj).astype("<i2" if byte_order == "little" else ">i2")
    header = {
        "space": "right-anterior-superior",
        "space directions": image.affine[:3, :3].T,
        "space origin": image.affine[:3, 3],
        "encoding": "raw",
    }
    nrrd.write(str(tmp_path / "a.nrrd"), values, header)
    content = (tmp_path / "a.nrrd").read_bytes()
    other = {"little": b"big", "big": b"little"}[byte_order]
    wrong = content.replace(b"endian: " + byte_order.encode(), b"endian: " + other)
    assert wrong != content
    (tmp_path / "b.nrrd").write_bytes(wrong)
    right, turned = read_scan(tmp_path / "a.nrrd"), read_scan(tmp_path / "b.nrrd")
    assert np.array_equal(turned.pixels, right.pixels)
    assert (right.warnings, turned.warnings) == ((), (SWAPPED_WORDS,))


def test_an_image_over_all_numbers_keeps_its_bytes(samples):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    values = (np.asanyarray(image.dataobj) * 50).astype(np.uint16)
    assert not is_swapped(values, axis=0)
    assert is_swapped(values.byteswap(), axis=0)
