"""Headers of series whose slices lie in steps of one oblique stack, and which of them are one."""

from pathlib import Path

import numpy as np
from oblique_stack import NORMAL, ROW_TO, STEP_MM, image

from acsnet.io.dicom_files.dicom_file import DicomFile


def series(name, places, *, number, kind="M", images=1, aside_mm=0.0, **tags):
    """Some images at each place, in steps of the stack, of one series; its UID is its number."""
    files = []
    for place in np.repeat(np.array(places, float), images):
        dataset = image(len(files), series=f"1.2.3.{number}")
        position = STEP_MM * place * NORMAL + aside_mm * ROW_TO
        dataset.ImagePositionPatient = [*map(float, position)]
        dataset.ImageType, dataset.SeriesNumber = ["ORIGINAL", "PRIMARY", kind], number
        dataset.SeriesDescription = name
        for tag, value in tags.items():
            setattr(dataset, tag, value)
        files.append(DicomFile(Path(f"{number}-{len(files)}"), f"{number}", dataset))
    return files


def numbers(groups):
    """Which series were joined, each by its number."""
    return [sorted({int(file.text("SeriesNumber")) for file in group}) for group in groups]
