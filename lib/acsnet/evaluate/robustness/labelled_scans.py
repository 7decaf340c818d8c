"""Labelled sets for a stress test: which cases there are, and reading one with its labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from acsnet.dicom.drawn_labels import read_drawn_labels
from acsnet.errors import InputError
from acsnet.evaluate.case_files import LABEL_ENDINGS, case_of, file_of
from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.io import read_scan
from acsnet.io.volume import SUFFIXES
from acsnet.label_conventions import to_labels
from acsnet.labels import ENHANCEMENT, Label


def case_names(text: str) -> list[str]:
    """Names from "a,b", or from "@FILE" with one a line.

    Raises InputError where there are none, or the file cannot be read.
    """
    listed = text.split(",")
    if text.startswith("@"):
        try:
            listed = Path(text[1:]).read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            msg = f"the list of cases {text[1:]} cannot be read: {error}"
            raise InputError(msg) from error
    names = list(dict.fromkeys(name.strip() for name in listed if name.strip()))
    if not names:
        msg = f"{text!r} names no case"
        raise InputError(msg)
    return names


def common_names(images: Path, labels: Path) -> list[str]:
    """Names of all labels that have an image. Raises InputError where there are none."""
    called = {case_of(path, LABEL_ENDINGS) for path in labels.glob("*")}
    names = sorted(name for name in called if name and image_path(images, name) is not None)
    if not names:
        msg = f"no case to run: {images} and {labels} must hold <case>.nii.gz of the same name"
        raise InputError(msg)
    return names


def image_path(images: Path, name: str) -> Path | None:
    """The file or the DICOM folder of a case; None if there is neither."""
    folder = images / name
    return file_of(images, name, SUFFIXES) or (folder if folder.exists() else None)


def read_labelled(name: str, *, images: Path, labels: Path, truth: str) -> LabelledScan:
    """One case, labels turned into the order of its image; display windows are left out.

    Raises InputError, naming the file, when one is missing, when they do not lie on one grid, or
    when no healthy wall is drawn, and whatever `read_scan` raises.
    """
    image, label = image_path(images, name), file_of(labels, name, LABEL_ENDINGS)
    if image is None or label is None:
        msg = f"{name} must have both an image in {images} and {labels / name}.nii.gz"
        raise InputError(msg)
    scan = replace(read_scan(image), windows=None)
    drawn = read_drawn_labels(label, scan=scan, image=image, truth=truth)
    tissue = to_labels(drawn.labels, drawn.convention, source=label)
    tissue[np.isin(tissue, ENHANCEMENT)] = Label.GREY_ZONE
    if not (tissue == Label.LV_MYOCARDIUM).any():
        msg = f"{label} holds no healthy myocardium, so there is nothing to compare with"
        raise InputError(msg)
    return LabelledScan(scan=scan, labels=scan.grid.from_input(tissue))
