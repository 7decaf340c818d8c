"""Self-training (not from the paper): scans without labels, drawn by networks trained before.

Only scans that their teacher draws without a doubt are learned from: a doubtful one would teach
its error.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.finder import volume_files
from acsnet.io.volume import stem_of
from acsnet.scan import ShortAxisScan
from acsnet.train.data.case import TrainingCase
from acsnet.train.data.fingerprint import Digests, digest_of_file
from acsnet.train.data.lists import check_no_copies, held_back, repeated
from acsnet.train.progress import step

Teach = Callable[[ShortAxisScan], TrainingCase | None]
"""A scan -> the case as its teacher draws it; None where the teacher has a doubt."""


@dataclass(frozen=True, kw_only=True)
class Unlabelled:
    """Scans without labels and who draws them.

    files: one volume a scan; teacher: SHA-256 that tells one set of networks from another.
    """

    files: tuple[Path, ...]
    teach: Teach
    teacher: str

    def digests(self) -> Digests:
        """Case, as "unlabelled/Case_101" -> SHA-256 of its image and of its teacher."""
        return {
            f"unlabelled/{stem_of(file)}": {
                "image": digest_of_file(file),
                "teacher": self.teacher,
            }
            for file in self.files
        }

    def cases(self, console: Console) -> list[TrainingCase]:
        """The cases that the teacher draws without a doubt; `console` is told of the others.

        Raises InputError or GeometryError for a scan that cannot be read.
        """
        files = step(self.files, total=len(self.files), what="pseudo-labels", console=console)
        drawn = {stem_of(file): self.teach(read_scan(file)) for file in files}
        doubtful = [name for name, case in drawn.items() if case is None]
        if doubtful:
            console.print(f"left out, for their teacher has doubts: {', '.join(doubtful)}")
        return [case for case in drawn.values() if case is not None]


def teacher_of(manifest: Mapping[str, Mapping[str, Any]]) -> str:
    """SHA-256 over those of all the networks of a weights folder."""
    digests = sorted(str(entry["sha256"]) for entry in manifest.values())
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def unlabelled_files(folder: Path, *, data: Path) -> tuple[Path, ...]:
    """The volumes below a folder, none of them of a patient in a test list of `data`.

    Raises InputError where there is no volume, where two have one name, or where one is called as a
    case of a patient in a test list or is a copy of one, and as `held_back` does.
    """
    files, _ = volume_files(folder)
    names = [stem_of(file) for file in files]
    if not files:
        msg = f"{folder} holds no volume (NIfTI, NRRD, MHA) to be drawn"
        raise InputError(msg)
    if twice := repeated(names):
        msg = f"{folder} holds more than one scan that is called {twice[0]}: rename one of them"
        raise InputError(msg)
    if held := held_back(names, data=data):
        msg = f"{folder}: the patient of {held[0]} is in a test list of {data / 'splits.json'}"
        raise InputError(msg)
    check_no_copies({str(file): digest_of_file(file) for file in files}, data=data)
    return tuple(files)
