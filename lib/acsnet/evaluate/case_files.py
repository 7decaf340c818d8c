"""Which file of a folder belongs to a case, of whatever format and with capitals in its ending."""

from collections.abc import Collection, Iterable
from pathlib import Path

from acsnet.errors import InputError
from acsnet.io.containers import OTHER_HALF, files_of
from acsnet.io.volume import LABEL_SUFFIXES, SUFFIXES

LABEL_ENDINGS = (*LABEL_SUFFIXES, *SUFFIXES)
SEG_SUFFIX = ".dcm"

KINDS = (
    LABEL_SUFFIXES,
    tuple(ending for ending in SUFFIXES if ending not in OTHER_HALF),
    tuple(OTHER_HALF),
    (SEG_SUFFIX,),
)
"""Endings of one case in one folder, by what goes before what.

3D Slicer writes its image beside a segmentation, under the same name. Pairs of files are what older
programs need, and a SEG the label map that a PACS needs, beside the one that is worked with.
"""


def label_path(folder: Path, case: str) -> Path:
    """The label map of a case in a folder, also a DICOM SEG; by default a `.nii.gz` file.

    Raises InputError as `file_of`.
    """
    file = file_of(folder, case, (*LABEL_ENDINGS, SEG_SUFFIX))
    return folder / f"{case}.nii.gz" if file is None else file


def file_of(folder: Path, case: str, endings: Collection[str]) -> Path | None:
    """The file that is called as the case, with one of these endings; None where there is none.

    Of several, one of the first of `KINDS`; with capitals only where there is none without. Raises
    InputError where there are two of that kind.
    """
    files = [path for ending in endings if (path := folder / f"{case}{ending}").is_file()]
    files = files or _with_capitals(folder, case, endings)
    kinds = ([path for path in files if _ending(path, case) in kind] for kind in KINDS)
    files = next(filter(None, kinds), [])
    if len(files) > 1:  # a header and its pixels are one
        parts = {part for path in files for part in files_of(path)[1:]}
        files = [path for path in files if path not in parts]
    if len(files) > 1:
        listed = ", ".join(path.name for path in files)
        msg = f"{folder} holds {len(files)} files of the case {case} ({listed}): leave one of them"
        raise InputError(msg)
    return files[0] if files else None


def _with_capitals(folder: Path, case: str, endings: Collection[str]) -> list[Path]:
    """The files called so whatever the case of their endings; slow in a folder of thousands."""
    named = sorted(path for path in folder.glob("*") if path.name.startswith(case))
    return [path for path in named if _ending(path, case) in endings and path.is_file()]


def _ending(path: Path, case: str) -> str:
    """What follows the name of the case, in small letters."""
    return path.name.removeprefix(case).lower()


def case_of(path: Path, endings: Iterable[str]) -> str | None:
    """The case that a file belongs to, by the first of these endings that it has; else None."""
    lowered = path.name.lower()
    ending = next((ending for ending in endings if lowered.endswith(ending)), None)
    return None if ending is None else path.name[: -len(ending)]
