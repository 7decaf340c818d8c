"""Data sets beyond those of the train lists, and the labelled cases that a folder holds.

    python benchmarks/data_sets.py FOLDER --set mscmrseg

prints the names of its cases, to be shared out to the lists of a `splits.json`.
"""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from acsnet.errors import InputError
from acsnet.train.data.datasets import (
    ADAPTERS,
    NIFTI,
    Adapter,
    sunnybrook_folder,
)

DATASTORE_RECORD = "datastore_v2.json"
FINAL = "final"
"""The label tag of MONAI Label that a person submitted: drafts have others."""


def flat_names(folder: Path) -> list[str]:
    """Cases of a folder with `images/` and `labels/`."""
    return [path.name.removesuffix(NIFTI) for path in folder.glob(f"labels/*{NIFTI}")]


def emidec_names(folder: Path) -> list[str]:
    """Cases of the flat folder, or those with contours of the download."""
    contours = folder.glob(f"Case_*/Contours/Case_*{NIFTI}")
    return flat_names(folder) or [path.name.removesuffix(NIFTI) for path in contours]


def acdc_names(folder: Path) -> list[str]:
    """Cases of the flat folder, or both phases of each patient with an Info.cfg."""
    return flat_names(folder) or [
        f"{info.parent.name}_frame{frame:02d}"
        for info in folder.glob("patient*/Info.cfg")
        for frame in acdc_frames(info).values()
    ]


def acdc_frames(info: Path) -> dict[str, int]:
    """Info.cfg of a patient -> the frames that an expert drew, at end-diastole and end-systole.

    Raises InputError when the file does not say both.
    """
    frames = dict(re.findall(r"^(ED|ES)\s*:\s*(\d+)\s*$", info.read_text(), re.MULTILINE))
    if len(frames) != 2:
        msg = f"{info} must give the frames ED and ES, got {', '.join(sorted(frames)) or 'neither'}"
        raise InputError(msg)
    return {phase: int(frame) for phase, frame in frames.items()}


def names_by_ending(folder: Path, ending: str) -> list[str]:
    """The starts of all file names below the folder that end so."""
    return [path.name.removesuffix(ending) for path in folder.rglob(f"*{ending}")]


def one_file(folder: Path, name: str) -> Path:
    """The file of this name, however deep below the folder: the archives unpack differently.

    Raises InputError when there is none or more than one.
    """
    paths = list(folder.rglob(name))
    if len(paths) != 1:
        msg = f"{folder} must hold one file {name}, found {len(paths)}"
        raise InputError(msg)
    return paths[0]


def datastore_record(folder: Path) -> dict[str, Any]:
    """The record file of a MONAI Label datastore.

    Raises InputError when the record is missing or broken.
    """
    path = folder / DATASTORE_RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text())
        _ = [dict(entry.get("labels", {})) for entry in record["objects"].values()]
    except FileNotFoundError as error:
        msg = f"{path} is missing: {folder} is no MONAI Label datastore"
        raise InputError(msg) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path} is broken: it must list the datastore's objects"
        raise InputError(msg) from error
    return record


def datastore_names(folder: Path) -> list[str]:
    """Images whose label map a person submitted; drafts are left out."""
    objects = datastore_record(folder)["objects"]
    return [name for name, entry in objects.items() if FINAL in entry.get("labels", {})]


def datastore_files(folder: Path, name: str) -> tuple[Path, Path]:
    """<id>.nii.gz beside labels/final/<id>.nii.gz, in the folders that the record names.

    Raises InputError for an image without a final label.
    """
    record = datastore_record(folder)
    try:
        entry = record["objects"][name]
        image, label = entry["image"]["ext"], entry["labels"][FINAL]["ext"]
    except (KeyError, TypeError) as error:
        msg = f"{folder / DATASTORE_RECORD}: {name!r} has no image with a final label"
        raise InputError(msg) from error
    images = folder / record.get("images_dir", ".")
    labels = folder / record.get("labels_dir", "labels") / FINAL
    return images / f"{name}{image}", labels / f"{name}{label}"


MSCMRSEG = Adapter(
    convention="mscmrseg",
    find_files=lambda folder, name: (
        one_file(folder, f"{name}_LGE{NIFTI}"),
        one_file(folder, f"{name}_LGE_manual{NIFTI}"),
    ),
)
MYOPS = Adapter(
    convention="myops",
    find_files=lambda folder, name: (
        one_file(folder, f"{name}_DE{NIFTI}"),
        one_file(folder, f"{name}_gd{NIFTI}"),
    ),
)
DATASTORE = Adapter(
    convention="acsnet",
    find_files=datastore_files,
)

DATA_SETS = {**ADAPTERS, "mscmrseg": MSCMRSEG, "myops": MYOPS, "datastore": DATASTORE}

NAMES: dict[str, tuple[str, Callable[[Path], Sequence[str]]]] = {
    "emidec": (
        "Case_P001/Images/Case_P001.nii.gz and Case_P001/Contours/Case_P001.nii.gz",
        emidec_names,
    ),
    "acdc": (
        "patient001/Info.cfg, patient001_frame01.nii.gz and patient001_frame01_gt.nii.gz",
        acdc_names,
    ),
    "sunnybrook": (
        "images/SC-HF-I-01.nii.gz and labels/SC-HF-I-01.nii.gz",
        lambda folder: flat_names(sunnybrook_folder(folder)),
    ),
    "mscmrseg": (
        "patient1_LGE.nii.gz and patient1_LGE_manual.nii.gz",
        lambda folder: names_by_ending(folder, f"_LGE_manual{NIFTI}"),
    ),
    "myops": (
        "myops_training_101_DE.nii.gz and myops_training_101_gd.nii.gz",
        lambda folder: names_by_ending(folder, f"_gd{NIFTI}"),
    ),
    "datastore": (
        "<id>.nii.gz and labels/final/<id>.nii.gz, and listed in datastore_v2.json",
        datastore_names,
    ),
}
"""For each data set the file names in words, and what lists the labelled cases of a folder."""


def labelled_cases(data_set: str, folder: Path) -> list[str]:
    """The labelled cases of a folder, sorted. Raises InputError when there is none."""
    layout, find = NAMES[data_set]
    names = sorted(find(folder))
    if not names:
        msg = f"{folder} holds no labelled case: files must be named {layout}"
        raise InputError(msg)
    return names


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", choices=tuple(NAMES), required=True)
    arguments = parser.parse_args()
    print(json.dumps(labelled_cases(arguments.set, arguments.folder), indent=1))  # noqa: T201
