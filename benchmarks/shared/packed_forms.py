"""Ways in which hospitals pack one scan: of its DICOM images, or of its NIfTI image."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import enhanced_packings
import nibabel as nib
import numpy as np
import packed_scans
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray

SAME, WARNED, REFUSED = "same voxels", "warned", "refused"


@dataclass(frozen=True, kw_only=True)
class Packing:
    """One way to pack a scan: of its DICOM images, or of its NIfTI image.

    expected: `SAME`, `WARNED` or `REFUSED`; words: of the warning or of the reason.
    """

    make: Callable[[Any, Path], Path]
    dicom: bool
    expected: str = SAME
    words: str = ""


def dicom(make: Callable[[Any, Path], Path], expected: str = SAME, words: str = "") -> Packing:
    """A packing of DICOM images."""
    return Packing(make=make, dicom=True, expected=expected, words=words)


def volume(make: Callable[[Any, Path], Path], expected: str = SAME, words: str = "") -> Packing:
    """A packing of a NIfTI image."""
    return Packing(make=make, dicom=False, expected=expected, words=words)


def _implicit(datasets: Any, out: Path) -> Path:
    for one in datasets:
        one.file_meta.TransferSyntaxUID, one.is_implicit_VR = "1.2.840.10008.1.2", True
    return packed_scans.write(out, datasets)


def _deflated(datasets: Any, out: Path) -> Path:
    for one in datasets:
        one.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    return packed_scans.write(out, datasets)


def _reversed(datasets: Any, out: Path) -> Path:
    for number, one in enumerate(datasets):
        one.InstanceNumber = len(datasets) - number
    return packed_scans.write(out, datasets[::-1])


def _saved(change: Callable[[Any], Any], name: str) -> Callable[[Any, Path], Path]:
    return lambda image, out: packed_scans.save_nifti(change(image), out / name)


def _written(name: str, *, packed: bool = False) -> Callable[[Any, Path], Path]:
    def make(image: Any, out: Path) -> Path:
        plain = packed_scans.save_nifti(image, out / "plain.nii")
        sitk.WriteImage(sitk.ReadImage(str(plain)), str(out / name), packed)
        return out / name

    return make


def _bytes(name: str, pack: Callable[[bytes], bytes]) -> Callable[[Any, Path], Path]:
    def make(image: Any, out: Path) -> Path:
        out.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(pack(image.to_bytes()))
        return out / name

    return make


def stored_data(image: Any) -> NDArray[Any]:
    """The values of a NIfTI image as they are stored, scaled."""
    return np.asanyarray(image.dataobj)


def _as_type(dtype: str) -> Callable[[Any], Any]:
    return lambda image: nib.Nifti1Image(stored_data(image).astype(dtype), image.affine)


def _scaled(image: Any) -> Any:
    other = nib.Nifti1Image(stored_data(image).astype(np.int16), image.affine)
    other.header.set_slope_inter(2.0, -100.0)
    return other


def _turned(axes: tuple[int, int, int], signs: tuple[int, int, int]) -> Callable[[Any], Any]:
    return lambda image: image.as_reoriented(np.stack([axes, signs], axis=1).astype(float))


def _forms(qform: int, sform: int, *, apart: bool = False) -> Callable[[Any], Any]:
    def change(image: Any) -> Any:
        moved = image.affine.copy()
        moved[:3, 3] += (20.0, -10.0, 5.0) if apart else 0.0
        other = nib.Nifti1Image(stored_data(image), image.affine)
        other.set_qform(image.affine, code=qform)
        other.set_sform(moved, code=sform)
        return other

    return change


def _in_unit(unit: str, mm: float) -> Callable[[Any], Any]:
    def change(image: Any) -> Any:
        affine = image.affine.copy()
        affine[:3] /= mm
        other = nib.Nifti1Image(stored_data(image), affine)
        other.header.set_xyzt_units(unit)
        return other

    return change


def _outside(value: float) -> Callable[[Any], Any]:
    def change(image: Any) -> Any:
        data = stored_data(image).astype(np.float32)
        data[packed_scans.outside_circle(*data.shape[:2])] = value
        return nib.Nifti1Image(data, image.affine)

    return change


def _pair(image: Any, out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Pair(stored_data(image), image.affine), out / "scan.img")
    return out / "scan.hdr"


def _gains(image: Any) -> Any:
    data = stored_data(image).astype(np.float32)
    gains = np.random.default_rng(3).permutation(np.geomspace(0.5, 2.0, data.shape[2]))
    return nib.Nifti1Image((data * gains).astype(np.float32), image.affine)


PACKINGS: dict[str, Packing] = {
    "DICOM, files in the opposite order": dicom(_reversed),
    "DICOM, implicit VR": dicom(_implicit),
    "DICOM, deflated": dicom(_deflated),
    "DICOM, big endian": dicom(packed_scans.big_endian),
    "DICOM, RLE": dicom(packed_scans.run_length),
    "DICOM, JPEG Lossless": dicom(lambda d, out: packed_scans.compressed(d, out, "JPEG")),
    "DICOM, JPEG 2000": dicom(lambda d, out: packed_scans.compressed(d, out, "JPEG2000")),
    "DICOM, no meta information": dicom(packed_scans.bare_data_sets),
    "DICOM, CD": dicom(packed_scans.compact_disc),
    "DICOM, a series a slice": dicom(packed_scans.series_per_slice, SAME, "joined"),
    "DICOM, a file copied": dicom(packed_scans.copied_file, SAME, "a copy of"),
    "DICOM, a slice repeated": dicom(packed_scans.repeated_slice, WARNED, "slice repeated"),
    "DICOM, a localizer inside": dicom(packed_scans.localizer_inside, SAME, "localizers"),
    "DICOM, raw data inside": dicom(packed_scans.raw_data_inside, SAME, "without an image"),
    "DICOM, one SOPInstanceUID": dicom(packed_scans.shared_instance_uid, SAME, "SOPInstanceUID"),
    "DICOM, enhanced, a file a frame": dicom(enhanced_packings.enhanced_one_frame_a_file),
    "DICOM, enhanced, one file": dicom(enhanced_packings.enhanced_multi_frame),
    "DICOM, overlay bits": dicom(packed_scans.overlay_bits, SAME, "HighBit"),
    "DICOM, bits stored high": dicom(packed_scans.high_bits),
    "DICOM, signed 12 bits": dicom(lambda d, out: packed_scans.signed_12_bits(d, out, offset=2048)),
    "DICOM, padding declared": dicom(packed_scans.padded_corners, WARNED, "no signal"),
    "DICOM, padding not declared": dicom(
        lambda d, out: packed_scans.padded_corners(d, out, declared=False), WARNED, "no signal"
    ),
    "DICOM, a gain a slice": dicom(packed_scans.gain_per_slice, WARNED, "brought to one gain"),
    "DICOM, window of stored values": dicom(
        packed_scans.window_of_stored_values, WARNED, "stored values"
    ),
    "DICOM, a gap of 1 mm": dicom(
        lambda d, out: packed_scans.moved_slices(d, out, from_index=len(d) - 2, along_mm=1.0),
        WARNED,
        "mm apart",
    ),
    "DICOM, a slice 1.5 mm aside": dicom(
        lambda d, out: packed_scans.moved_slices(d, out, from_index=3, to_index=4, aside_mm=1.5),
        SAME,
        "mm beside",
    ),
    "DICOM, slices turned by 0.3 degrees": dicom(
        lambda d, out: packed_scans.turned_slices(d, out, indices=(2, 3), degrees=0.3),
        SAME,
        "orientation by up to 0.3",
    ),
    "DICOM, magnitude and PSIR": dicom(
        packed_scans.magnitude_and_phase_sensitive, REFUSED, "2 image types"
    ),
    "NIfTI": volume(_saved(lambda image: image, "scan.nii")),
    "NIfTI, gzip": volume(_saved(lambda image: image, "scan.nii.gz")),
    "NIfTI-2": volume(
        _saved(lambda image: nib.Nifti2Image(stored_data(image), image.affine), "scan.nii")
    ),
    "NIfTI, float32": volume(_saved(_as_type("float32"), "scan.nii")),
    "NIfTI, float64": volume(_saved(_as_type("float64"), "scan.nii")),
    "NIfTI, int32": volume(_saved(_as_type("int32"), "scan.nii")),
    "NIfTI, slope and intercept": volume(_saved(_scaled, "scan.nii"), WARNED, "no signal"),
    "NIfTI, slices first": volume(_saved(_turned((1, 2, 0), (1, 1, 1)), "scan.nii")),
    "NIfTI, slices reversed": volume(_saved(_turned((0, 1, 2), (1, 1, -1)), "scan.nii")),
    "NIfTI, turned": volume(_saved(_turned((1, 0, 2), (-1, 1, 1)), "scan.nii")),
    "NIfTI, five dimensions": volume(
        _saved(
            lambda image: nib.Nifti1Image(stored_data(image)[..., None, None], image.affine),
            "s.nii",
        )
    ),
    "NIfTI, qform alone": volume(_saved(_forms(1, 0), "scan.nii")),
    "NIfTI, sform alone": volume(_saved(_forms(0, 1), "scan.nii")),
    "NIfTI, two transforms": volume(
        _saved(_forms(1, 2, apart=True), "scan.nii"), SAME, "qform and sform"
    ),
    "NIfTI, in metres": volume(_saved(_in_unit("meter", 1000.0), "scan.nii"), SAME, "meter"),
    "NIfTI, in microns": volume(_saved(_in_unit("micron", 0.001), "scan.nii"), SAME, "micron"),
    "NIfTI called .nii.gz": volume(_bytes("scan.nii.gz", lambda plain: plain)),
    "gzip called .nii": volume(_bytes("scan.nii", gzip.compress)),
    "gzip twice": volume(_bytes("scan.nii.gz", lambda p: gzip.compress(gzip.compress(p)))),
    "NIfTI in capitals": volume(_bytes("SCAN.NII.GZ", gzip.compress)),
    "NIfTI pair": volume(_pair),
    "NRRD": volume(_written("scan.nrrd")),
    "NRRD, packed": volume(_written("scan.nrrd", packed=True)),
    "NRRD, header apart": volume(_written("scan.nhdr")),
    "MetaImage": volume(_written("scan.mha")),
    "MetaImage, packed, header apart": volume(_written("scan.mhd", packed=True)),
    "blank slices and borders": volume(
        lambda image, out: packed_scans.blank_slices(image, out / "scan.nii"),
        SAME,
        "no signal in slice",
    ),
    "NaN outside": volume(_saved(_outside(np.nan), "scan.nii"), WARNED, "NaN"),
    "zero outside": volume(_saved(_outside(0.0), "scan.nii"), WARNED),
    "-32768 outside": volume(_saved(_outside(-32768.0), "scan.nii"), WARNED, "no signal"),
    "a gain a slice": volume(_saved(_gains, "scan.nii"), WARNED, "brought to one gain"),
}
