"""Fingerprint of the training data: a digest of every case, and one of all of them.

Folders do not count, names and contents do: a data set that is laid out otherwise is the same data.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from acsnet.errors import InputError
from acsnet.train.data.datasets import ADAPTERS

Digests = dict[str, dict[str, str]]
"""Case, as "emidec/Case_P001" -> SHA-256 of the "image" and of the "label" file."""

NAMED = 3
"""So many changed cases are named in an error."""


def digest_cases(data: Path, names: Mapping[str, Sequence[str]]) -> Digests:
    """Digests of the named cases; names: data set -> case names.

    Raises InputError, naming the file, where one is missing.
    """
    digests: Digests = {}
    for data_set, cases in names.items():
        for case in cases:
            files = ADAPTERS[data_set].find_files(data / data_set, case)
            digests[f"{data_set}/{case}"] = {
                kind: digest_of_file(path)
                for kind, path in zip(("image", "label"), files, strict=True)
            }
    return digests


def digest_of_data(digests: Digests) -> str:
    """SHA-256 over the sorted cases with the digests of their files."""
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def changes(before: Digests, now: Digests) -> list[str]:
    """What is other than before, a few words a case, sorted by case."""
    words = []
    for case in sorted(before.keys() | now.keys()):
        if case not in now:
            words.append(f"{case} is gone")
        elif case not in before:
            words.append(f"{case} is new")
        else:
            kinds = [kind for kind in now[case] if now[case][kind] != before[case][kind]]
            words += [f"the {' and the '.join(kinds)} of {case} changed"] if kinds else []
    return words


def check_same_data(before: Digests, now: Digests, *, folder: Path) -> None:
    """Raises InputError, naming what changed, where `folder` holds a run begun with other data."""
    words = changes(before, now)
    if words:
        rest = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
        shown = ", ".join(words[:NAMED])
        msg = f"{folder} holds a run begun with other data ({shown}{rest}): use another folder"
        raise InputError(msg)


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file. Raises InputError where it is missing."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        msg = f"{path}: the file does not exist"
        raise InputError(msg) from error
