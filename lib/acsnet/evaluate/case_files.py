"""Which file of a folder belongs to a case, of whatever format and with capitals in its ending."""

from collections.abc import Iterable
from pathlib import Path

from acsnet.errors import InputError
from acsnet.io.containers import files_of
from acsnet.io.volume import LABEL_SUFFIXES, SUFFIXES

LABEL_ENDINGS = (*LABEL_SUFFIXES, *SUFFIXES)
SEG_SUFFIX = ".dcm"


def label_path(folder: Path, case: str) -> Path:
    """The label map of a case in a folder, also a DICOM SEG; by default a `.nii.gz` file.

    Raises InputError as `file_of`.
    """
    file = file_of(folder, case, (*LABEL_ENDINGS, SEG_SUFFIX))
    return folder / f"{case}.nii.gz" if file is None else file


def file_of(folder: Path, case: str, endings: Iterable[str]) -> Path | None:
    """The file that is called as the case, with one of these endings; None where there is none.

    One called as a segmentation goes before others: 3D Slicer writes its image beside it, under the
    same name. Raises InputError where there is more than one.
    """
    names = {f"{case}{ending}" for ending in endings}
    named = (path for path in folder.glob("*") if path.name.startswith(case) and path.is_file())
    files = sorted(path for path in named if case + path.name[len(case) :].lower() in names)
    files = [path for path in files if path.name.lower().endswith(LABEL_SUFFIXES)] or files
    if len(files) > 1:  # a header and its pixels are one
        parts = {part for path in files for part in files_of(path)[1:]}
        files = [path for path in files if path not in parts]
    if len(files) > 1:
        listed = ", ".join(path.name for path in files)
        msg = f"{folder} holds {len(files)} files of the case {case} ({listed}): leave one of them"
        raise InputError(msg)
    return files[0] if files else None


def case_of(path: Path, endings: Iterable[str]) -> str | None:
    """The case that a file belongs to, by the first of these endings that it has; else None."""
    lowered = path.name.lower()
    ending = next((ending for ending in endings if lowered.endswith(ending)), None)
    return None if ending is None else path.name[: -len(ending)]
