"""Label values with names, colours and codes: stable, consecutive from 1, never renumbered.

Viewers map value i + 1 to the i-th name that the server lists, so the order here is a contract.
Codes are SNOMED CT as in DICOM PS3.16. Not from the paper: it has no code for grey zone or core, so
these are scar tissue, peripheral and central.
"""

import re
from dataclasses import dataclass
from enum import IntEnum


class Label(IntEnum):
    """Values of a voxel in a label map; 0 is everything outside the left ventricle."""

    BACKGROUND = 0
    LV_BLOOD_POOL = 1
    LV_MYOCARDIUM = 2
    GREY_ZONE = 3
    CORE_SCAR = 4
    MICROVASCULAR_OBSTRUCTION = 5


@dataclass(frozen=True)
class Snomed:
    """A SNOMED CT concept."""

    code: str
    meaning: str


LEFT_VENTRICLE_SITE = Snomed("87878005", "Left Ventricle")
MYOCARDIUM_SITE = Snomed("49848007", "Left Ventricle Myocardium")
BLOOD = Snomed("87612001", "Blood")
SCAR = Snomed("12402003", "Scar tissue")
OBSTRUCTION = Snomed("26036001", "Obstruction")
ANATOMICAL_STRUCTURE = Snomed("123037004", "Anatomical Structure")
BODY_SUBSTANCE = Snomed("91720002", "Body Substance")
ABNORMAL_STRUCTURE = Snomed("49755003", "Morphologically Abnormal Structure")


@dataclass(frozen=True, kw_only=True)
class LabelInfo:
    """Name, RGB colour and codes of a label.

    category, kind, modifier: segmented property category, type and type modifier; site: the
    anatomic region, if kind does not imply it.
    """

    label: Label
    description: str
    colour: tuple[int, int, int]
    category: Snomed
    kind: Snomed
    modifier: Snomed | None = None
    site: Snomed | None = None

    @property
    def name(self) -> str:
        """The name for programs, such as core_scar."""
        return self.label.name.lower()


LABELS: tuple[LabelInfo, ...] = (
    LabelInfo(
        label=Label.LV_BLOOD_POOL,
        description="Left ventricular blood pool",
        colour=(214, 84, 74),
        category=BODY_SUBSTANCE,
        kind=BLOOD,
        site=LEFT_VENTRICLE_SITE,
    ),
    LabelInfo(
        label=Label.LV_MYOCARDIUM,
        description="Left ventricular myocardium, not enhanced",
        colour=(88, 166, 112),
        category=ANATOMICAL_STRUCTURE,
        kind=MYOCARDIUM_SITE,
    ),
    LabelInfo(
        label=Label.GREY_ZONE,
        description="Grey zone of the scar",
        colour=(240, 190, 60),
        category=ABNORMAL_STRUCTURE,
        kind=SCAR,
        modifier=Snomed("14414005", "Peripheral"),
        site=MYOCARDIUM_SITE,
    ),
    LabelInfo(
        label=Label.CORE_SCAR,
        description="Core scar",
        colour=(255, 255, 120),
        category=ABNORMAL_STRUCTURE,
        kind=SCAR,
        modifier=Snomed("26216008", "Central"),
        site=MYOCARDIUM_SITE,
    ),
    LabelInfo(
        label=Label.MICROVASCULAR_OBSTRUCTION,
        description="Microvascular obstruction",
        colour=(90, 130, 230),
        category=ABNORMAL_STRUCTURE,
        kind=OBSTRUCTION,
        site=MYOCARDIUM_SITE,
    ),
)

LABEL_VALUES: dict[str, int] = {info.name: int(info.label) for info in LABELS}

ENHANCEMENT: tuple[Label, ...] = (
    Label.GREY_ZONE,
    Label.CORE_SCAR,
    Label.MICROVASCULAR_OBSTRUCTION,
)  # scar: all that enhances, with the dark core that it encloses
MYOCARDIUM: tuple[Label, ...] = (Label.LV_MYOCARDIUM, *ENHANCEMENT)
LEFT_VENTRICLE: tuple[Label, ...] = (Label.LV_BLOOD_POOL, *MYOCARDIUM)


_NUMBERED = re.compile(r"(segment|label|value)?[\W_]*(?:0*(?P<number>\d+))?", re.IGNORECASE)


def find_label(name: str) -> Label | None:
    """The label with a name or description; None for any other text.

    Case, spaces, hyphens and underscores are ignored: viewers and people change them.
    """
    return _BY_NAME.get(_plain(name))


def is_no_label(name: str) -> bool:
    """Whether a segment is one that 3D Slicer's MONAI Label module leaves out of what it saves.

    Names are compared as by `find_label`.
    """
    return _plain(name) in _NO_LABELS


def is_only_numbered(name: str, value: int) -> bool:
    """Whether a segment is called as programs call one of this value that nobody has named.

    Another number than the value is a name that says nothing: where a segment was deleted, programs
    count names on and give its value away.
    """
    match = _NUMBERED.fullmatch(name)
    return match is not None and match["number"] in (None, str(value))


LATER_IN_LIST = f"the one later in the list {', '.join(LABEL_VALUES)}"


def overlap_warning(voxels: int, *, taken: str = LATER_IN_LIST) -> str:
    """What is said of voxels of several segments; taken: the segment whose they are."""
    count = "1 voxel is" if voxels == 1 else f"{voxels} voxels are"
    return f"{count} in more than one segment: {taken} is taken"


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


_BY_NAME = {_plain(name): info.label for info in LABELS for name in (info.name, info.description)}
_NO_LABELS = {
    _plain(name) for name in ("background", "foreground_scribbles", "background_scribbles")
}
