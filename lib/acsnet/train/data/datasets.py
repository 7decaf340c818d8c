"""How each data set names its files: one short adapter each.

The folder given to an adapter is the data set as its users download and unpack it. EMIDEC and ACDC
may also lie flat: `images/<case>.nii.gz` beside `labels/<case>.nii.gz`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acsnet.errors import InputError
from acsnet.label_conventions import CONVENTIONS, OWN
from acsnet.train.data.case import TrainingCase, read_case

NIFTI = ".nii.gz"


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One data set: what its values mean and where its files are.

    convention: a name in `acsnet.label_conventions`; terms: its name and licence; source: as in
    `TrainingCase`; find_files: folder, case -> image and label file; patient_of: case name ->
    patient, `str` where it is one case a patient; whole_walls: whether walls are drawn without
    gaps.
    """

    convention: str
    terms: str
    source: str = "lge"
    find_files: Callable[[Path, str], tuple[Path, Path]]
    patient_of: Callable[[str], str] = str
    whole_walls: bool = True

    @property
    def shows_scar(self) -> bool:
        """Whether it is true LGE in which the expert drew the enhancement."""
        return self.source == "lge" and CONVENTIONS[self.convention].has_scar

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


def one_file(folder: Path, name: str) -> Path:
    """The file of this name, however deep below the folder, as the archives unpack differently.

    Where there is none, the path that it would have in the folder itself. Raises InputError where
    there is more than one.
    """
    paths = sorted(folder.rglob(name))
    if len(paths) > 1:
        msg = f"{folder} must hold one file {name}, found {len(paths)}: {paths[0]} and {paths[1]}"
        raise InputError(msg)
    return paths[0] if paths else folder / name


def files_ending(image: str, label: str) -> Callable[[Path, str], tuple[Path, Path]]:
    """For data sets in which image and labels are the case's name with these endings."""
    return lambda folder, name: (
        one_file(folder, f"{name}{image}{NIFTI}"),
        one_file(folder, f"{name}{label}{NIFTI}"),
    )


def datastore_files(folder: Path, name: str) -> tuple[Path, Path]:
    """<id>.nii.gz beside labels/final/<id>.nii.gz, as MONAI Label keeps what people submit."""
    return folder / f"{name}{NIFTI}", folder / "labels" / "final" / f"{name}{NIFTI}"


def sunnybrook_folder(folder: Path) -> Path:
    """The folder with `images/` and `labels/`: `ed_png_45/` (end-diastole) in it, or itself."""
    pictures = folder / "ed_png_45"
    return pictures if pictures.is_dir() else folder


EMIDEC = Adapter(convention="emidec", terms="EMIDEC (CC BY-NC-SA 4.0)", find_files=emidec_files)
MYOPS = Adapter(
    convention="myops",
    terms="MyoPS (terms of the challenge)",
    find_files=files_ending("_DE", "_gd"),
)
MSCMRSEG = Adapter(
    convention="mscmrseg",
    terms="MS-CMRSeg (terms of the challenge)",
    find_files=files_ending("_LGE", "_LGE_manual"),
)
DATASTORE = Adapter(
    convention=OWN, terms="a MONAI Label datastore (terms of its site)", find_files=datastore_files
)
ACDC = Adapter(
    convention="acdc",
    terms="ACDC (CC BY-NC-SA 4.0)",
    source="cine",
    find_files=acdc_files,
    patient_of=acdc_patient,
)
SUNNYBROOK = Adapter(
    convention="acdc",
    terms="Sunnybrook (CC0)",
    source="cine",
    find_files=lambda folder, name: flat_files(sunnybrook_folder(folder), name),
    whole_walls=False,  # where its two contours touch, the wall between them has gaps
)
ADAPTERS = {
    "emidec": EMIDEC,
    "myops": MYOPS,
    "mscmrseg": MSCMRSEG,
    "datastore": DATASTORE,
    "acdc": ACDC,
    "sunnybrook": SUNNYBROOK,
}
"""The data sets that can be trained on, true LGE first."""


def terms_of(data_sets: Iterable[str]) -> str:
    """What these data sets are called and their terms, in the order of `ADAPTERS`."""
    named = set(data_sets)
    return ", ".join(adapter.terms for name, adapter in ADAPTERS.items() if name in named)
