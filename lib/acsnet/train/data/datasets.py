"""How each data set names its files: one short adapter each.

The folder given to an adapter is the data set as its users download and unpack it. EMIDEC and ACDC
may also lie flat: `images/<case>.nii.gz` beside `labels/<case>.nii.gz`.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acsnet.errors import InputError
from acsnet.train.data.case import TrainingCase, read_case

NIFTI = ".nii.gz"
DATASTORE_RECORD = "datastore_v2.json"
FINAL = "final"
"""The label tag of MONAI Label that a person submitted: drafts have others."""


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One data set: what its values mean and where its files are.

    convention: a name in `acsnet.label_conventions`; source: as in `TrainingCase`; layout: the file
    names in words; find_names: folder -> labelled cases; find_files: folder, case -> image and
    label file.
    """

    convention: str
    source: str = "lge"
    layout: str
    find_names: Callable[[Path], Sequence[str]]
    find_files: Callable[[Path, str], tuple[Path, Path]]

    def names(self, folder: Path) -> list[str]:
        """The labelled cases of a folder, sorted. Raises InputError when there is none."""
        names = sorted(self.find_names(folder))
        if not names:
            msg = f"{folder} holds no labelled case: files must be named {self.layout}"
            raise InputError(msg)
        return names

    def cases(self, folder: Path, names: Sequence[str]) -> Iterator[TrainingCase]:
        """The named cases, one by one; `scan.name` is the name. Errors as `read_case`."""
        for name in names:
            image, label = self.find_files(folder, name)
            case = read_case(image, label, convention=self.convention, source=self.source)
            yield replace(case, scan=replace(case.scan, name=name))


def flat_names(folder: Path) -> list[str]:
    """Cases of a folder with `images/` and `labels/`."""
    return [path.name.removesuffix(NIFTI) for path in folder.glob(f"labels/*{NIFTI}")]


def flat_files(folder: Path, name: str) -> tuple[Path, Path]:
    """Image and labels of a case, each under its name."""
    return folder / "images" / f"{name}{NIFTI}", folder / "labels" / f"{name}{NIFTI}"


def emidec_names(folder: Path) -> list[str]:
    """Cases of the flat folder, or those with contours of the download."""
    contours = folder.glob(f"Case_*/Contours/Case_*{NIFTI}")
    return flat_names(folder) or [path.name.removesuffix(NIFTI) for path in contours]


def emidec_files(folder: Path, name: str) -> tuple[Path, Path]:
    """Case_P001/Images/Case_P001.nii.gz beside Case_P001/Contours/Case_P001.nii.gz, or flat."""
    case, file = folder / name, f"{name}{NIFTI}"
    if case.is_dir():
        return case / "Images" / file, case / "Contours" / file
    return flat_files(folder, name)


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


def acdc_files(folder: Path, name: str) -> tuple[Path, Path]:
    """patient001/patient001_frame01.nii.gz beside patient001_frame01_gt.nii.gz, or flat."""
    patient = folder / name.partition("_frame")[0]
    if patient.is_dir():
        return patient / f"{name}{NIFTI}", patient / f"{name}_gt{NIFTI}"
    return flat_files(folder, name)


def sunnybrook_folder(folder: Path) -> Path:
    """The folder with `images/` and `labels/`: `ed_png_45/` (end-diastole) in it, or itself."""
    pictures = folder / "ed_png_45"
    return pictures if pictures.is_dir() else folder


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


EMIDEC = Adapter(
    convention="emidec",
    layout="Case_P001/Images/Case_P001.nii.gz and Case_P001/Contours/Case_P001.nii.gz",
    find_names=emidec_names,
    find_files=emidec_files,
)
ACDC = Adapter(
    convention="acdc",
    source="cine",
    layout="patient001/Info.cfg, patient001_frame01.nii.gz and patient001_frame01_gt.nii.gz",
    find_names=acdc_names,
    find_files=acdc_files,
)
SUNNYBROOK = Adapter(
    convention="acdc",
    source="cine",
    layout="images/SC-HF-I-01.nii.gz and labels/SC-HF-I-01.nii.gz",
    find_names=lambda folder: flat_names(sunnybrook_folder(folder)),
    find_files=lambda folder, name: flat_files(sunnybrook_folder(folder), name),
)
MSCMRSEG = Adapter(
    convention="mscmrseg",
    layout="patient1_LGE.nii.gz and patient1_LGE_manual.nii.gz",
    find_names=lambda folder: names_by_ending(folder, f"_LGE_manual{NIFTI}"),
    find_files=lambda folder, name: (
        one_file(folder, f"{name}_LGE{NIFTI}"),
        one_file(folder, f"{name}_LGE_manual{NIFTI}"),
    ),
)
MYOPS = Adapter(
    convention="myops",
    layout="myops_training_101_DE.nii.gz and myops_training_101_gd.nii.gz",
    find_names=lambda folder: names_by_ending(folder, f"_gd{NIFTI}"),
    find_files=lambda folder, name: (
        one_file(folder, f"{name}_DE{NIFTI}"),
        one_file(folder, f"{name}_gd{NIFTI}"),
    ),
)
DATASTORE = Adapter(
    convention="acsnet",
    layout="<id>.nii.gz and labels/final/<id>.nii.gz, and listed in datastore_v2.json",
    find_names=datastore_names,
    find_files=datastore_files,
)

ADAPTERS = {
    "emidec": EMIDEC,
    "acdc": ACDC,
    "sunnybrook": SUNNYBROOK,
    "mscmrseg": MSCMRSEG,
    "myops": MYOPS,
    "datastore": DATASTORE,
}
