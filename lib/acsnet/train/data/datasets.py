"""How each data set names its files: one short adapter each.

The folder given to an adapter is the data set as its users download and unpack it. EMIDEC and ACDC
may also lie flat: `images/<case>.nii.gz` beside `labels/<case>.nii.gz`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acsnet.train.data.case import TrainingCase, read_case

NIFTI = ".nii.gz"


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One data set: what its values mean and where its files are.

    convention: a name in `acsnet.label_conventions`; source: as in `TrainingCase`; find_files:
    folder, case -> image and label file; patient_of: case name -> patient, `str` where it is one
    case a patient.
    """

    convention: str
    source: str = "lge"
    find_files: Callable[[Path, str], tuple[Path, Path]]
    patient_of: Callable[[str], str] = str

    def cases(self, folder: Path, names: Sequence[str]) -> Iterator[TrainingCase]:
        """The named cases, one by one; `scan.name` is the name. Errors as `read_case`."""
        for name in names:
            image, label = self.find_files(folder, name)
            case = read_case(image, label, convention=self.convention, source=self.source)
            yield replace(case, scan=replace(case.scan, name=name))


def flat_files(folder: Path, name: str) -> tuple[Path, Path]:
    """Image and labels of a case, each under its name."""
    return folder / "images" / f"{name}{NIFTI}", folder / "labels" / f"{name}{NIFTI}"


def emidec_files(folder: Path, name: str) -> tuple[Path, Path]:
    """Case_P001/Images/Case_P001.nii.gz beside Case_P001/Contours/Case_P001.nii.gz, or flat."""
    case, file = folder / name, f"{name}{NIFTI}"
    if case.is_dir():
        return case / "Images" / file, case / "Contours" / file
    return flat_files(folder, name)


def acdc_patient(name: str) -> str:
    """patient001_frame01 and patient001_frame12 are two phases of patient001."""
    return name.partition("_frame")[0]


def acdc_files(folder: Path, name: str) -> tuple[Path, Path]:
    """patient001/patient001_frame01.nii.gz beside patient001_frame01_gt.nii.gz, or flat."""
    patient = folder / acdc_patient(name)
    if patient.is_dir():
        return patient / f"{name}{NIFTI}", patient / f"{name}_gt{NIFTI}"
    return flat_files(folder, name)


def sunnybrook_folder(folder: Path) -> Path:
    """The folder with `images/` and `labels/`: `ed_png_45/` (end-diastole) in it, or itself."""
    pictures = folder / "ed_png_45"
    return pictures if pictures.is_dir() else folder


EMIDEC = Adapter(convention="emidec", find_files=emidec_files)
ACDC = Adapter(convention="acdc", source="cine", find_files=acdc_files, patient_of=acdc_patient)
SUNNYBROOK = Adapter(
    convention="acdc",
    source="cine",
    find_files=lambda folder, name: flat_files(sunnybrook_folder(folder), name),
)
ADAPTERS = {"emidec": EMIDEC, "acdc": ACDC, "sunnybrook": SUNNYBROOK}
"""The data sets that are trained on, true LGE first."""
