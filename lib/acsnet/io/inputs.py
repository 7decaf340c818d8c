"""The inputs of a command line: folders of several scans taken apart, each scan with a name."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from acsnet.io.finder import common_folder, scans_of, stem_of, volume_files
from acsnet.io.series import SeriesFinder


def expanded(inputs: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Paths of single scans, and what in folders of several was passed over.

    A folder of volume files stands for each of them, one with the series of several patients for
    the folder of each. Any other path stays as it is.
    """
    paths: list[Path] = []
    remarks: list[str] = []
    for path in inputs:
        if not path.is_dir():
            paths.append(path)
            continue
        series = SeriesFinder(path).find()
        if not series:
            files, passed_over = volume_files(path)
            paths += files or [path]
            remarks += passed_over
            continue
        scans = scans_of(series)
        patients = {scan.text("PatientID") for scan in scans}
        folders = [common_folder(scan) for scan in scans]
        apart = len(patients) == len(scans) > 1 and len(set(folders)) == len(folders)
        paths += folders if apart else [path]
    return paths, remarks


def names_of(paths: Sequence[Path]) -> dict[Path, str]:
    """Names for scans whose files or folders are called alike: with as much of the path as needed.

    Scans that are called like no other have none here: their reader names them.
    """
    names = {}
    shared = Counter(_called(path, 1) for path in paths)
    for path in paths:
        if shared[_called(path, 1)] < 2:
            continue
        alike = [other for other in paths if _called(other, 1) == _called(path, 1)]
        for parts in range(2, len(path.resolve().parts)):
            name = _called(path, parts)
            if sum(_called(other, parts) == name for other in alike) == 1:
                names[path] = name
                break
    return names


def _called(path: Path, parts: int) -> str:
    """The last parts of a path, without the ending of a file."""
    whole = path.resolve()
    last = whole.name if path.is_dir() else stem_of(path)
    return "_".join((*whole.parts[-parts:-1], last))
