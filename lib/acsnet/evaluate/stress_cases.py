"""Labelled sets for a stress test: which cases there are, and reading one with its labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from acsnet.errors import InputError
from acsnet.evaluate.stress_geometry import LabelledScan
from acsnet.evaluate.truth import (
    ENH,
    LV,
    MYO,
    LabelFile,
    check_same_grid,
    read_label_file,
    region_masks,
    turned_to,
)
from acsnet.io import read_scan
from acsnet.io.volume import SplitGrid
from acsnet.labels import Label


def case_names(text: str) -> list[str]:
    """Names from "a,b", or from "@FILE" with one a line. InputError if there are none."""
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
    """Names of all labels that have an image. InputError if there are none."""
    found = sorted(path.name.removesuffix(".nii.gz") for path in labels.glob("*.nii.gz"))
    names = [name for name in found if image_path(images, name) is not None]
    if not names:
        msg = f"no case to run: {images} and {labels} must hold <case>.nii.gz of the same name"
        raise InputError(msg)
    return names


def image_path(images: Path, name: str) -> Path | None:
    """The NIfTI file or the DICOM folder of a case; None if there is neither."""
    paths = images / f"{name}.nii.gz", images / name
    return next((path for path in paths if path.exists()), None)


def read_labelled(name: str, *, images: Path, labels: Path, truth: str) -> LabelledScan:
    """One case, labels turned into the order of its image; display windows are left out.

    Raises InputError, naming the file, when one is missing, when they do not lie on one grid, or
    when no healthy wall is drawn, and whatever `read_scan` raises.
    """
    image, label = image_path(images, name), labels / f"{name}.nii.gz"
    if image is None or not label.is_file():
        msg = f"{name} must have both an image in {images} and {label}"
        raise InputError(msg)
    scan = replace(read_scan(image), windows=None)
    grid = scan.grid
    affine = grid.header_affine if isinstance(grid, SplitGrid) else grid.affine
    own = LabelFile(path=image, labels=np.zeros(grid.shape, np.int64), affine=affine)
    expert = turned_to(read_label_file(label), own)
    check_same_grid(expert, own)
    masks = region_masks(expert.labels, truth, source=str(label))
    tissue = np.zeros(grid.shape, np.uint8)
    tissue[masks[LV]] = Label.LV_BLOOD_POOL
    tissue[masks[MYO]] = Label.LV_MYOCARDIUM
    if ENH in masks:
        tissue[masks[ENH]] = Label.GREY_ZONE
    if not (tissue == Label.LV_MYOCARDIUM).any():
        msg = f"{label} holds no healthy myocardium, so there is nothing to compare with"
        raise InputError(msg)
    return LabelledScan(scan=scan, labels=grid.from_input(tissue))
