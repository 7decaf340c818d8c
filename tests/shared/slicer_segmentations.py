"""Label maps as 3D Slicer saves them, in `.seg.nrrd` files."""

from pathlib import Path

import nrrd
import numpy as np


def slicer_segmentation(
    path: Path,
    layers: list[np.ndarray],
    segments: list[tuple[str, int | None, int | None]],
    *,
    affine: np.ndarray,
    numbers: list[int] | None = None,
) -> Path:
    """Layers first where there are several, and an entry of the header for each segment.

    segments: name, value and layer, or None for what the header does not tell, as before version
    4.11; numbers: of the segments where they have gaps.
    """
    directions, kinds = affine[:3, :3].T, ["domain"] * 3
    if len(layers) > 1:
        directions, kinds = np.vstack([[np.nan] * 3, directions]), ["list", *kinds]
    header = {
        "space": "right-anterior-superior",
        "space directions": directions,
        "space origin": affine[:3, 3],
        "kinds": kinds,
    }
    for number, (name, value, layer) in zip(numbers or range(len(segments)), segments, strict=True):
        header[f"Segment{number}_ID"] = f"Segment_{number + 1}"
        header[f"Segment{number}_Name"] = name
        for field, told in (("LabelValue", value), ("Layer", layer)):
            if told is not None:
                header[f"Segment{number}_{field}"] = str(told)
    nrrd.write(str(path), np.stack(layers) if len(layers) > 1 else layers[0], header)
    return path
