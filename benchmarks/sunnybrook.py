"""Left ventricle on the Sunnybrook end-diastolic stacks (DICOM, cine) against expert contours.

Contours are polygons of (column, row) pixel corners of one instance; the outer one bounds the left
ventricle. Cine is not what the networks are made for: this checks geometry on scanner files.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pydicom
from rich.console import Console
from rich.table import Table
from skimage.draw import polygon2mask

from acsnet.io import read_scan
from acsnet.labels import LEFT_VENTRICLE
from acsnet.masks import slice_dice
from acsnet.pipeline import Pipeline


def expert_masks(contours: Path, shape: tuple[int, int]) -> dict[int, np.ndarray]:
    """Instance number -> (row, column) mask inside the outer contour."""
    masks = {}
    for path in contours.glob("*-ocontour-manual.txt"):
        points = np.loadtxt(path)[:, ::-1]
        masks[int(path.name.split("-")[2])] = polygon2mask(shape, points)
    return masks


def main() -> None:
    """Print Dice over the slices with a contour, for each patient."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    # These files hold UIDs with leading zeros, which pydicom reports one by one.
    warnings.filterwarnings("ignore", module="pydicom")
    pipeline = Pipeline.load()
    table = Table("stack", "slice distance mm", "slices with contour", "LV Dice", "LV ml", "notes")
    for folder in sorted((args.data / "sunnybrook" / "ed_stacks").iterdir()):
        numbers = {
            str(header.SOPInstanceUID): int(header.InstanceNumber)
            for header in (pydicom.dcmread(p) for p in (folder / "dicom").glob("*.dcm"))
        }
        result = pipeline(read_scan(folder / "dicom"))
        experts = expert_masks(folder / "contours", result.labels.shape[1:])
        found = np.isin(result.labels, LEFT_VENTRICLE)
        drawn = [k for k, uid in enumerate(result.scan.instance_uids) if numbers[uid] in experts]
        expert = np.stack([experts[numbers[result.scan.instance_uids[k]]] for k in drawn])
        scores = slice_dice(found[drawn], expert)
        table.add_row(
            folder.name,
            f"{result.scan.spacing_mm[0]:.1f}",
            str(len(scores)),
            f"{np.mean(scores):.3f}",
            f"{result.features.lv_volume_ml:.0f}",
            "; ".join(result.warnings),
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
