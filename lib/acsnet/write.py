"""A result as files: written under another name first, so that no reader ever meets half a file."""

import json
import os
from pathlib import Path

from acsnet.io import write_label_map
from acsnet.result import Result

SEGMENTATION = "segmentation.nii.gz"
FEATURES = "features.json"


def write_result(result: Result, output: Path) -> Path:
    """Write OUTPUT/<case>/segmentation.nii.gz and features.json; returns the case's folder."""
    folder = output / result.scan.name
    folder.mkdir(parents=True, exist_ok=True)
    write_label_map(folder / SEGMENTATION, result.label_map(), result.scan.grid)
    temporary = folder / (FEATURES + ".tmp")
    # allow_nan=False: a number that is none must never reach a reader as the invalid token NaN.
    temporary.write_text(json.dumps(result.features_dict(), indent=2, allow_nan=False) + "\n")
    os.replace(temporary, folder / FEATURES)
    return folder
