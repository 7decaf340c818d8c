"""How bright wall, scar and obstruction are in the EMIDEC train list, by the experts' masks.

    python benchmarks/tissue_levels.py --data DATA

Levels are medians of a patient. Of blood: above the least signal of the scan. Of contrast: 0 is the
healthy wall, 1 is blood. These are what `acsnet.train.augment` and `acsnet evaluate --stress` take
their ranges from. The last column says how large noise of 10 % of white is beside the difference
between blood and healthy wall. Research use only, not a medical device.
"""

import argparse
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from acsnet.evaluate.robustness.intensity import WHITE_PERCENTILE
from acsnet.evaluate.robustness.labelled_scans import read_labelled
from acsnet.labels import Label
from acsnet.train.data.lists import training_names

OBSTRUCTION = 4
"""Value of the expert's label files; obstruction is part of the scar."""

HEADINGS = (
    "wall, of blood",
    "scar, of blood",
    "scar, of contrast",
    "scar at 80 % of blood, of contrast",
    "obstruction, of contrast",
    "noise of 10 %, of contrast",
)
PERCENTILES = (0, 5, 10, 25, 50, 75, 90, 95, 100)
MIN_VOXELS = 20


def levels(data: Path, name: str) -> list[float]:
    """What the `HEADINGS` name, of one patient; NaN where too little was drawn."""
    images, labels = (data / "emidec" / kind for kind in ("images", "labels"))
    case = read_labelled(name, images=images, labels=labels, truth="emidec")
    pixels = case.scan.pixels
    black, white = float(pixels.min()), float(np.percentile(pixels, WHITE_PERCENTILE))
    pool, wall, scar = (
        level(pixels[case.labels == tissue])
        for tissue in (Label.LV_BLOOD_POOL, Label.LV_MYOCARDIUM, Label.GREY_ZONE)
    )
    signal, drawn = (
        nibabel.load(folder / f"{name}.nii.gz").get_fdata() for folder in (images, labels)
    )
    obstruction = level(signal[drawn == OBSTRUCTION])
    contrast = pool - wall
    darker = black + 0.8 * (pool - black) if np.isfinite(scar) else np.nan
    return [
        (wall - black) / (pool - black),
        (scar - black) / (pool - black),
        (scar - wall) / contrast,
        (darker - wall) / contrast,
        (obstruction - wall) / contrast,
        0.1 * (white - black) / contrast,
    ]


def level(signal: NDArray[np.floating[Any]]) -> float:
    """The median of the voxels of a tissue, NaN where there are next to none."""
    return float(np.median(signal)) if len(signal) >= MIN_VOXELS else float("nan")


def main() -> None:
    """Print percentiles over the patients."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    names = training_names(args.data, "emidec")
    values = np.array([levels(args.data, name) for name in names])
    table = Table("percentile", *HEADINGS)
    table.add_row("patients", *(str(np.isfinite(column).sum()) for column in values.T))
    for percentile in PERCENTILES:
        numbers = np.nanpercentile(values, percentile, axis=0)
        table.add_row(str(percentile), *(f"{number:.2f}" for number in numbers))
    console = Console(width=120)
    console.print(table)
    below = int((values[:, 3] < 0.0).sum())
    console.print(
        f"At 80 % of blood, scar would be darker than the healthy wall in {below} patients."
    )
    console.print("Research use only, not a medical device.")


if __name__ == "__main__":
    main()
