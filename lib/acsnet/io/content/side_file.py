"""The JSON file that dcm2niix and BIDS put beside a volume: tags of the series, in other units.

JSON files of other people, and those that are damaged, tell nothing. Ours.
"""

import json
import re
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import number_of, quiet_pydicom
from acsnet.io.volume import followed, stem_of

MAX_BYTES = 2**20
"""Of such a file: dcm2niix writes a hundredth of that, with the times of many slices."""

MAX_TEXT = 255
"""Characters of a name that count, as many as those of a file may have."""

OF_CONVERTERS = {
    "ConversionSoftware",
    "ImageType",
    "MagneticFieldStrength",
    "RepetitionTime",
    "EchoTime",
}
"""Keys of which any such file has some."""

CONVERTER = "dcm2niix"
"""As it calls itself in its files."""

INTERPOLATED = re.compile(r"_Eq(?:_\d)?$")
"""How dcm2niix ends the names of what it interpolated."""

NAMES = ("SeriesDescription", "ProtocolName", "SequenceName")

MODALITY = re.compile("[A-Z]{2}")
"""As DICOM has those that are converted; people write others."""


def side_file(path: Path) -> Path | None:
    """The JSON file called as a volume, beside it or what it links to.

    What dcm2niix interpolated has that of the volume that it was made from.
    """
    stems = ((place, INTERPOLATED.sub("", stem_of(place))) for place in followed(path))
    files = (place.with_name(f"{stem}.json") for place, stem in stems)
    return next((file for file in files if file.is_file()), None)


def is_of_dcm2niix(path: Path) -> bool:
    """Whether the JSON file of a volume tells that dcm2niix wrote it."""
    file = side_file(path)
    return file is not None and _tags_in(file).get("ConversionSoftware") == CONVERTER


def header_beside(path: Path) -> Dataset:
    """The tags in the JSON file of a volume by which `content_of` goes; empty where there is none.

    Raises InputError for a modality other than MR.
    """
    header = Dataset()
    file = side_file(path)
    tags = {} if file is None else _tags_in(file)
    if file is None or not tags.keys() & OF_CONVERTERS:
        return header
    modality = tags.get("Modality")
    if isinstance(modality, str) and MODALITY.fullmatch(modality) and modality != "MR":
        msg = f"Modality of {path.name} must be MR, got {modality} (in {file.name})"
        raise InputError(msg)
    with quiet_pydicom():
        header.Modality = "MR"
        for name in NAMES:
            if isinstance(text := tags.get(name), str):
                setattr(header, name, text[:MAX_TEXT])
        if isinstance(types := tags.get("ImageType"), list):
            header.ImageType = [str(value) for value in types]
        if (seconds := number_of(str(tags.get("InversionTime")))) is not None:
            header.InversionTime = f"{1000 * seconds:g}"
    return header


def _tags_in(file: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing where that is no object, too long or damaged."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        # Names of series may be in any encoding.
        tags = json.loads(content.decode("utf-8-sig", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return {}
    return tags if isinstance(tags, dict) and len(content) <= MAX_BYTES else {}
