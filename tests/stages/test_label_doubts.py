"""Where cavity, wall and scar lie tells that a label map follows another convention."""

import numpy as np
import pytest

from acsnet.label_conventions import to_labels
from acsnet.labels import Label
from acsnet.stages.label_doubts import arrangement_doubts

BACKGROUND, POOL, WALL, RIGHT, SCAR = range(5)
RING = np.array(
    [
        [BACKGROUND] * 12,
        [BACKGROUND, *[WALL] * 5, RIGHT, RIGHT, RIGHT, *[BACKGROUND] * 3],
        *[[BACKGROUND, WALL, *[POOL] * 3, WALL, RIGHT, RIGHT, RIGHT, *[BACKGROUND] * 3]] * 3,
        [BACKGROUND, *[WALL] * 5, RIGHT, RIGHT, RIGHT, *[BACKGROUND] * 3],
        [BACKGROUND] * 12,
    ]
)[None]
"""A pool of 3 x 3 in a wall of 16, and a right ventricle of 5 x 3 beside it."""

ACDC, MNMS, EMIDEC = np.array([[0, 3, 2, 1, 2], [0, 1, 2, 3, 2], [0, 1, 2, 0, 3]])


def with_scar():
    """Scar through two thirds of the wall's right side: it has as much outside as inside."""
    values = RING.copy()
    values[0, 2:4, 5] = SCAR
    return values


def off_wall(percent):
    return (
        f"blood pool and wall meet along {percent} % of the cavity's border: if other values stand "
        "for cavity and wall in this label map, it follows another convention",
    )


BESIDE = (
    "scar lies beside the wall and not in it, by most of its outline: if its value stands for the "
    "right ventricle in this label map, it follows another convention",
)


@pytest.mark.parametrize(
    ("drawn", "read", "told"),
    [
        (ACDC, "acdc", ()),
        (MNMS, "mnms", ()),
        (EMIDEC, "emidec", ()),
        # The right ventricle as pool: of its 16 edges 5 meet wall, and the cavity has 12 itself.
        (MNMS, "acdc", off_wall(17)),
        (ACDC, "mnms", off_wall(17)),
        (ACDC, "emidec", off_wall(31)),  # here the left one is wall
        (MNMS, "emidec", BESIDE),  # 11 of 16 edges
        (EMIDEC, "acdc", off_wall(33)),  # the scar: 2 of 6 edges
        (EMIDEC, "mnms", off_wall(83)),
    ],
)
def test_a_heart_that_cannot_be_tells_of_another_convention(drawn, read, told):
    labels = to_labels(drawn[with_scar()], read, source="file")
    assert arrangement_doubts(labels) == told


def test_a_wall_round_scar_and_no_pool_tells_of_another_convention():
    """ACDC's wall and cavity without its right ventricle, read as EMIDEC's wall and infarct."""
    values = np.where(RING == RIGHT, BACKGROUND, RING)
    labels = to_labels(ACDC[values], "emidec", source="file")
    assert arrangement_doubts(labels) == off_wall(0)


def test_a_thin_rim_of_scar_along_the_outside_is_no_right_ventricle():
    """6 of 76 voxels, of whose outline 7 edges of 14 lie outside."""
    rim = np.ones((8, 10), np.uint8) * 2
    rim[3:5, 4:6] = 1
    rim[0, :6] = 4
    assert arrangement_doubts(np.pad(rim, 2)[None]) == ()


def test_a_map_that_is_not_finished_is_of_no_other_convention():
    """Pool in one slice and walls in two; pool alone; wall, without and with scar; nothing."""
    ring = to_labels(MNMS[RING], "mnms", source="file")
    walls = np.concatenate([ring, np.where(ring == 1, 0, ring)])
    wall = np.where(ring == 1, 0, ring)
    scarred = np.where(with_scar() == SCAR, Label.CORE_SCAR, wall)
    for labels in (walls, np.where(ring == 1, ring, 0), wall, scarred, 2 * ring, 0 * ring):
        assert arrangement_doubts(np.asarray(labels, np.uint8)) == ()
