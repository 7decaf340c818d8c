"""Which file of a folder belongs to a case, of whatever format and with capitals in its ending."""

from collections.abc import Iterable
from pathlib import Path

from acsnet.io.volume import LABEL_SUFFIXES, SUFFIXES

LABEL_ENDINGS = (*LABEL_SUFFIXES, *SUFFIXES)
SEG_SUFFIX = ".dcm"


def label_path(folder: Path, case: str) -> Path:
    """The label map of a case in a folder, also a DICOM SEG; by default a `.nii.gz` file."""
    file = file_of(folder, case, (*LABEL_ENDINGS, SEG_SUFFIX))
    return folder / f"{case}.nii.gz" if file is None else file


def file_of(folder: Path, case: str, endings: Iterable[str]) -> Path | None:
    """The file that is called as the case, with the first of these endings that there is."""
    as_written = [folder / f"{case}{ending}" for ending in endings]
    for path in as_written:
        if path.is_file():
            return path
    named = (path for path in folder.glob("*") if path.name.startswith(case) and path.is_file())
    by_name = {case + path.name[len(case) :].lower(): path for path in named}
    return next((by_name[path.name] for path in as_written if path.name in by_name), None)


def case_of(path: Path, endings: Iterable[str]) -> str | None:
    """The case that a file belongs to, by the first of these endings that it has; else None."""
    lowered = path.name.lower()
    ending = next((ending for ending in endings if lowered.endswith(ending)), None)
    return None if ending is None else path.name[: -len(ending)]
