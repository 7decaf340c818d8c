"""The one table of label values: stable, consecutive from 1, never renumbered.

Viewers map value i + 1 to the i-th name that the server lists, so the order here is a contract.
Colours are RGB.
"""

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


@dataclass(frozen=True, kw_only=True)
class LabelInfo:
    """How one label is shown and coded."""

    label: Label
    name: str
    description: str
    colour: tuple[int, int, int]


LABELS: tuple[LabelInfo, ...] = (
    LabelInfo(
        label=Label.LV_BLOOD_POOL,
        name="lv_blood_pool",
        description="Left ventricular blood pool",
        colour=(214, 84, 74),
    ),
    LabelInfo(
        label=Label.LV_MYOCARDIUM,
        name="lv_myocardium",
        description="Left ventricular myocardium, not enhanced",
        colour=(88, 166, 112),
    ),
    LabelInfo(
        label=Label.GREY_ZONE,
        name="grey_zone",
        description="Grey zone of the scar",
        colour=(240, 190, 60),
    ),
    LabelInfo(
        label=Label.CORE_SCAR, name="core_scar", description="Core scar", colour=(255, 255, 120)
    ),
    LabelInfo(
        label=Label.MICROVASCULAR_OBSTRUCTION,
        name="microvascular_obstruction",
        description="Microvascular obstruction",
        colour=(90, 130, 230),
    ),
)

LABEL_VALUES: dict[str, int] = {info.name: int(info.label) for info in LABELS}

ENHANCEMENT: tuple[Label, ...] = (
    Label.GREY_ZONE,
    Label.CORE_SCAR,
    Label.MICROVASCULAR_OBSTRUCTION,
)
MYOCARDIUM: tuple[Label, ...] = (Label.LV_MYOCARDIUM, *ENHANCEMENT)
LEFT_VENTRICLE: tuple[Label, ...] = (Label.LV_BLOOD_POOL, *MYOCARDIUM)
