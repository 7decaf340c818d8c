"""Measures of the networks beside those of the expert's mask, patient by patient."""

from functools import partial
from pathlib import Path

import numpy as np

from acsnet.io import read_scan
from acsnet.labels import MYOCARDIUM
from acsnet.masks import slice_dice
from acsnet.measure import measure_label_file
from acsnet.nets.weights import SHIPPED
from acsnet.uncertainty.doubt import unclear_percent
from acsnet.uncertainty.intervals import SIZES
from calibration.kept_rows import Row, kept_rows, pipeline, pipeline_name


def patient_rows(data: Path, names: list[str], work: Path, *, weights: Path = SHIPPED) -> list[Row]:
    """One row a patient of EMIDEC by the networks of a folder, kept below WORK."""
    folder = work / f"patients-{pipeline_name(weights)}"
    return kept_rows(folder, names, partial(_row, data, weights))


def _row(data: Path, weights: Path, name: str) -> Row:
    folder = data / "emidec"
    image = folder / "images" / f"{name}.nii.gz"
    result = pipeline(weights)(read_scan(image))
    drawn = measure_label_file(image, folder / "labels" / image.name, truth="emidec")
    expert = result.scan.grid.from_input(drawn.label_map())
    sure = result.uncertainty
    if sure is None:
        msg = f"{image} gives no uncertainty: no ventricle was found"
        raise ValueError(msg)
    dice = slice_dice(np.isin(result.labels, MYOCARDIUM), np.isin(expert, MYOCARDIUM))
    return {
        "case": name,
        "infarct": bool(drawn.features.enhancement_volume_ml),
        "value": {measure: getattr(result.features, measure) for measure in SIZES},
        "expert": {measure: getattr(drawn.features, measure) for measure in SIZES},
        "unclear": unclear_percent(
            result.enhancement_probability, np.isin(result.labels, MYOCARDIUM)
        ),
        "slices": [
            (float(doubt), 1.0 - float(agreement))
            for doubt, agreement in zip(sure.slices, dice, strict=True)
            if not (np.isnan(doubt) or np.isnan(agreement))
        ],
    }
