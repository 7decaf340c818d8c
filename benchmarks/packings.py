"""One scan in every packing that scanners, archives, viewers and colleagues send.

Each packing must give the voxels of the plain one, or a warning that names what is odd and a scar
burden within a point of it, or be refused with the true reason. Without --data the two sample
patients are packed, with it ten scans of EMIDEC's train list, too.
"""

import argparse
import gzip
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from acsnet.errors import AcsnetError
from acsnet.io import read_scan, write_image
from acsnet.pipeline import Pipeline
from acsnet.preprocess import is_mirrored, quarter_turns, signal_box, turned
from acsnet.scan import ShortAxisScan

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "shared"))

import packings  # noqa: E402

REAL_SCANS = 10
MAX_BURDEN_POINTS = 1.0
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
    return packings.write(out, datasets)


def _deflated(datasets: Any, out: Path) -> Path:
    for one in datasets:
        one.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    return packings.write(out, datasets)


def _reversed(datasets: Any, out: Path) -> Path:
    for number, one in enumerate(datasets):
        one.InstanceNumber = len(datasets) - number
    return packings.write(out, datasets[::-1])


def _saved(change: Callable[[Any], Any], name: str) -> Callable[[Any, Path], Path]:
    return lambda image, out: packings.save_nifti(change(image), out / name)


def _written(name: str, *, packed: bool = False) -> Callable[[Any, Path], Path]:
    def make(image: Any, out: Path) -> Path:
        plain = packings.save_nifti(image, out / "plain.nii")
        sitk.WriteImage(sitk.ReadImage(str(plain)), str(out / name), packed)
        return out / name

    return make


def _bytes(name: str, pack: Callable[[bytes], bytes]) -> Callable[[Any, Path], Path]:
    def make(image: Any, out: Path) -> Path:
        out.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(pack(image.to_bytes()))
        return out / name

    return make


def _data(image: Any) -> NDArray[Any]:
    return np.asanyarray(image.dataobj)


def _as_type(dtype: str) -> Callable[[Any], Any]:
    return lambda image: nib.Nifti1Image(_data(image).astype(dtype), image.affine)


def _scaled(image: Any) -> Any:
    other = nib.Nifti1Image(_data(image).astype(np.int16), image.affine)
    other.header.set_slope_inter(2.0, -100.0)
    return other


def _turned(axes: tuple[int, int, int], signs: tuple[int, int, int]) -> Callable[[Any], Any]:
    return lambda image: image.as_reoriented(np.stack([axes, signs], axis=1).astype(float))


def _forms(qform: int, sform: int, *, apart: bool = False) -> Callable[[Any], Any]:
    def change(image: Any) -> Any:
        moved = image.affine.copy()
        moved[:3, 3] += (20.0, -10.0, 5.0) if apart else 0.0
        other = nib.Nifti1Image(_data(image), image.affine)
        other.set_qform(image.affine, code=qform)
        other.set_sform(moved, code=sform)
        return other

    return change


def _in_unit(unit: str, mm: float) -> Callable[[Any], Any]:
    def change(image: Any) -> Any:
        affine = image.affine.copy()
        affine[:3] /= mm
        other = nib.Nifti1Image(_data(image), affine)
        other.header.set_xyzt_units(unit)
        return other

    return change


def _outside(value: float) -> Callable[[Any], Any]:
    def change(image: Any) -> Any:
        data = _data(image).astype(np.float32)
        data[packings.outside_circle(*data.shape[:2])] = value
        return nib.Nifti1Image(data, image.affine)

    return change


def _pair(image: Any, out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Pair(_data(image), image.affine), out / "scan.img")
    return out / "scan.hdr"


def _gains(image: Any) -> Any:
    data = _data(image).astype(np.float32)
    gains = np.random.default_rng(3).permutation(np.geomspace(0.5, 2.0, data.shape[2]))
    return nib.Nifti1Image((data * gains).astype(np.float32), image.affine)


PACKINGS: dict[str, Packing] = {
    "DICOM, files in the opposite order": dicom(_reversed),
    "DICOM, implicit VR": dicom(_implicit),
    "DICOM, deflated": dicom(_deflated),
    "DICOM, big endian": dicom(packings.big_endian),
    "DICOM, RLE": dicom(packings.run_length),
    "DICOM, JPEG Lossless": dicom(lambda d, out: packings.compressed(d, out, "JPEG")),
    "DICOM, JPEG 2000": dicom(lambda d, out: packings.compressed(d, out, "JPEG2000")),
    "DICOM, no meta information": dicom(packings.bare_data_sets),
    "DICOM, CD": dicom(packings.compact_disc),
    "DICOM, a series a slice": dicom(packings.series_per_slice, SAME, "joined"),
    "DICOM, a file copied": dicom(packings.copied_file, SAME, "a copy of"),
    "DICOM, a slice repeated": dicom(packings.repeated_slice, WARNED, "slice repeated"),
    "DICOM, a localizer inside": dicom(packings.localizer_inside, SAME, "localizers"),
    "DICOM, raw data inside": dicom(packings.raw_data_inside, SAME, "without an image"),
    "DICOM, one SOPInstanceUID": dicom(packings.shared_instance_uid, SAME, "SOPInstanceUID"),
    "DICOM, enhanced, a file a frame": dicom(packings.enhanced_one_frame_a_file),
    "DICOM, enhanced, one file": dicom(packings.enhanced_multi_frame),
    "DICOM, overlay bits": dicom(packings.overlay_bits, SAME, "HighBit"),
    "DICOM, bits stored high": dicom(packings.high_bits),
    "DICOM, signed 12 bits": dicom(
        lambda d, out: packings.signed_12_bits(d, out, offset=2048), WARNED
    ),
    "DICOM, padding declared": dicom(packings.padded_corners, WARNED),
    "DICOM, padding not declared": dicom(
        lambda d, out: packings.padded_corners(d, out, declared=False), WARNED, "no signal"
    ),
    "DICOM, a gain a slice": dicom(packings.gain_per_slice, WARNED, "brought to one gain"),
    "DICOM, window of stored values": dicom(
        packings.window_of_stored_values, WARNED, "stored values"
    ),
    "DICOM, a gap of 1 mm": dicom(
        lambda d, out: packings.moved_slices(d, out, from_index=len(d) - 2, along_mm=1.0),
        WARNED,
        "mm apart",
    ),
    "DICOM, a slice 1.5 mm aside": dicom(
        lambda d, out: packings.moved_slices(d, out, from_index=3, to_index=4, aside_mm=1.5),
        SAME,
        "mm beside",
    ),
    "DICOM, slices turned by 0.3 degrees": dicom(
        lambda d, out: packings.turned_slices(d, out, indices=(2, 3), degrees=0.3),
        SAME,
        "orientation by up to 0.3",
    ),
    "DICOM, magnitude and PSIR": dicom(
        packings.magnitude_and_phase_sensitive, REFUSED, "2 image types"
    ),
    "NIfTI": volume(_saved(lambda image: image, "scan.nii")),
    "NIfTI, gzip": volume(_saved(lambda image: image, "scan.nii.gz")),
    "NIfTI-2": volume(
        _saved(lambda image: nib.Nifti2Image(_data(image), image.affine), "scan.nii")
    ),
    "NIfTI, float32": volume(_saved(_as_type("float32"), "scan.nii")),
    "NIfTI, float64": volume(_saved(_as_type("float64"), "scan.nii")),
    "NIfTI, int32": volume(_saved(_as_type("int32"), "scan.nii")),
    "NIfTI, slope and intercept": volume(_saved(_scaled, "scan.nii"), WARNED),
    "NIfTI, slices first": volume(_saved(_turned((1, 2, 0), (1, 1, 1)), "scan.nii")),
    "NIfTI, slices reversed": volume(_saved(_turned((0, 1, 2), (1, 1, -1)), "scan.nii")),
    "NIfTI, turned": volume(_saved(_turned((1, 0, 2), (-1, 1, 1)), "scan.nii")),
    "NIfTI, five dimensions": volume(
        _saved(lambda image: nib.Nifti1Image(_data(image)[..., None, None], image.affine), "s.nii")
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
        lambda image, out: packings.blank_slices(image, out / "scan.nii"),
        SAME,
        "no signal in slice",
    ),
    "NaN outside": volume(_saved(_outside(np.nan), "scan.nii"), WARNED, "NaN"),
    "zero outside": volume(_saved(_outside(0.0), "scan.nii"), WARNED),
    "-32768 outside": volume(_saved(_outside(-32768.0), "scan.nii"), WARNED, "no signal"),
    "a gain a slice": volume(_saved(_gains, "scan.nii"), WARNED, "brought to one gain"),
}


def seen(scan: ShortAxisScan) -> NDArray[np.float32]:
    """(slice, row, column) of the signal as the networks see it, however it is stored."""
    box = signal_box(scan)
    pixels = scan.pixels if box is None else box.inside(scan.pixels)
    return turned(pixels, quarter_turns(scan), mirrored=is_mirrored(scan))


def same_voxels(scan: ShortAxisScan, plain: ShortAxisScan) -> bool:
    """Whether two scans show the networks the same, in either order of slices."""
    one, other = seen(scan), seen(plain)
    if one.shape != other.shape or not np.allclose(scan.spacing_mm, plain.spacing_mm, rtol=1e-3):
        return False
    return bool(np.allclose(one, other) or np.allclose(one[::-1], other))


def outcome(path: Path, plain: ShortAxisScan) -> tuple[str, str, ShortAxisScan | None]:
    """What became of a packing: `SAME`, `WARNED` or `REFUSED`, the words, and the scan."""
    try:
        scan = read_scan(path)
    except AcsnetError as error:
        return REFUSED, str(error), None
    words = "; ".join(one for one in scan.warnings if one not in plain.warnings)
    return (SAME if same_voxels(scan, plain) else WARNED), words, scan


def sources(data: Path | None) -> dict[str, Path]:
    """Name -> NIfTI file of the scans to pack."""
    found = {name: ROOT / "sample-data" / "nifti" / f"{name}.nii.gz" for name in PATIENTS}
    if data is not None:
        names = json.loads((data / "splits.json").read_text())["emidec"]["train"][:REAL_SCANS]
        found |= {name: data / "emidec" / "images" / f"{name}.nii.gz" for name in names}
    return found


PATIENTS = ("phantom-1", "phantom-2")


def plain_forms(source: Path, folder: Path) -> tuple[Path, Path]:
    """A scan as a DICOM folder and as a NIfTI file of whole numbers, both plain."""
    scan = read_scan(source)
    pixels = np.rint(scan.pixels)
    scan = replace(scan, pixels=pixels - min(pixels.min(), 0))  # 12 bits hold no sign
    write_image(folder / "plain.nii", scan)
    image = nib.load(folder / "plain.nii")
    whole = nib.Nifti1Image(_data(image).astype(np.int16), image.affine)
    file = packings.save_nifti(whole, folder / "nifti" / "scan.nii")
    return packings.write(folder / "dicom", packings.datasets_of(scan)), file


@dataclass(frozen=True, kw_only=True)
class Row:
    """What became of one packing of one scan; points: of burden off the plain one."""

    scan: str
    packing: str
    what: str
    points: float
    said: str


def rows_of(source: str, path: Path, *, pipeline: Pipeline | None, done: set[str]) -> Iterator[Row]:
    """One row a packing of a scan; done: the packings that are left out."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plain = dict(zip((True, False), plain_forms(path, folder), strict=True))
        scans = {is_dicom: read_scan(path) for is_dicom, path in plain.items()}
        burdens: dict[tuple[bool, bool], float] = {}
        for name, packing in PACKINGS.items():
            if name in done:
                continue
            out = folder / "packed"
            packed = packings.slices(plain[True]) if packing.dicom else nib.load(plain[False])
            what, said, scan = outcome(packing.make(packed, out), scans[packing.dicom])
            points = 0.0
            if what == WARNED and scan is not None:
                like = packing.dicom, scan.windows is None  # as the plain scan with no window
                if like not in burdens:
                    same = scans[packing.dicom]
                    same = replace(same, windows=None) if like[1] else same
                    burdens[like] = _burden(pipeline, same)
                points = abs(_burden(pipeline, scan) - burdens[like])
            yield Row(scan=source, packing=name, what=what, points=points, said=said)
            _emptied(out)


def main() -> None:
    """Print one row a packing; the exit status is 1 where one is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with emidec/ and splits.json")
    parser.add_argument("--no-burden", action="store_true", help="compare voxels alone")
    parser.add_argument("--kept", type=Path, help="file of rows, from which a run goes on")
    args = parser.parse_args()
    pipeline = None if args.no_burden else Pipeline.load()
    rows = _read_rows(args.kept)
    for source, path in sources(args.data).items():
        done = {row.packing for row in rows if row.scan == source}
        for row in rows_of(source, path, pipeline=pipeline, done=done):
            rows.append(row)
            if args.kept is not None:
                with args.kept.open("a") as stream:
                    stream.write(json.dumps(asdict(row)) + "\n")
    sys.exit(1 if _printed(rows) else 0)


def _read_rows(path: Path | None) -> list[Row]:
    if path is None or not path.is_file():
        return []
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()]


def _burden(pipeline: Pipeline | None, scan: ShortAxisScan) -> float:
    if pipeline is None:
        return 0.0
    return pipeline(scan).features.scar_burden_percent or 0.0


def _emptied(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()


def is_right(row: Row) -> bool:
    """Whether a packing gave the voxels, a warning near enough, or the refusal it must."""
    packing = PACKINGS[row.packing]
    if row.what == SAME:
        return packing.expected != REFUSED
    if row.what != packing.expected or packing.words not in row.said:
        return False
    return row.points <= MAX_BURDEN_POINTS


def _printed(rows: list[Row]) -> list[str]:
    """The table; returns the packings that are not as they must be."""
    table = Table("packing", "scans", "same voxels", "warned", "refused", "burden off", "said")
    failed = []
    for name in PACKINGS:
        of_packing = [row for row in rows if row.packing == name]
        counts = [sum(row.what == what for row in of_packing) for what in (SAME, WARNED, REFUSED)]
        if not all(map(is_right, of_packing)):
            failed.append(name)
        mark = " (!)" if name in failed else ""
        worst = max((row.points for row in of_packing), default=0.0)
        said = next((row.said for row in of_packing if row.said), "")
        table.add_row(
            name + mark, str(len(of_packing)), *map(str, counts), f"{worst:.2f}", said[:60]
        )
    Console(width=170).print(table)
    for row in rows:
        if not is_right(row):
            Console(width=170).print(f"(!) {row}", markup=False)
    return failed


if __name__ == "__main__":
    main()
