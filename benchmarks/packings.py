"""One scan in every packing that scanners, archives, viewers and colleagues send.

Each packing must give the voxels of the plain one, or a warning that names what is odd and a scar
burden within a point of it, or be refused with the true reason. Without --data the two sample
patients are packed, with it ten scans of EMIDEC's train list, too.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
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

import packed_scans  # noqa: E402

from shared.packed_forms import PACKINGS, REFUSED, SAME, WARNED, stored_data  # noqa: E402

REAL_SCANS = 10
MAX_BURDEN_POINTS = 1.0


def signal_of(scan: ShortAxisScan) -> NDArray[np.float32]:
    """(slice, row, column) of the signal as the networks see it, however it is stored."""
    box = signal_box(scan)
    pixels = scan.pixels if box is None else box.inside(scan.pixels)
    return turned(pixels, quarter_turns(scan), mirrored=is_mirrored(scan))


def same_voxels(scan: ShortAxisScan, plain: ShortAxisScan) -> bool:
    """Whether two scans show the networks the same, in either order of slices.

    Scale and offset of a scan mean nothing, unless there is a window in its values.
    """
    packed, expected = signal_of(scan), signal_of(plain)
    if packed.shape != expected.shape:
        return False
    if not np.allclose(scan.spacing_mm, plain.spacing_mm, rtol=1e-3):
        return False
    if scan.windows is None:
        packed, expected = _in_own_range(packed), _in_own_range(expected)
    return any(np.allclose(one, expected, atol=1e-5) for one in (packed, packed[::-1]))


def _in_own_range(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = signal.min(), signal.max()
    return (signal - low) / max(high - low, 1e-12)


def outcome(path: Path, plain: ShortAxisScan) -> tuple[str, str, ShortAxisScan | None]:
    """What became of a packing: `SAME`, `WARNED` or `REFUSED`, the words, and the scan."""
    try:
        scan = read_scan(path)
    except AcsnetError as error:
        return REFUSED, str(error), None
    words = "; ".join(warning for warning in scan.warnings if warning not in plain.warnings)
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
    whole = nib.Nifti1Image(stored_data(image).astype(np.int16), image.affine)
    file = packed_scans.save_nifti(whole, folder / "nifti" / "scan.nii")
    return packed_scans.write(folder / "dicom", packed_scans.datasets_of(scan)), file


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
            packed = packed_scans.slices(plain[True]) if packing.dicom else nib.load(plain[False])
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
