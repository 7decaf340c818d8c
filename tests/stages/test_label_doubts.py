"""Where cavity, wall and scar lie tells that a label map follows another convention."""

import numpy as np
import pytest

from acsnet.label_conventions import OWN, to_labels
from acsnet.labels import Label
from acsnet.quantify.features import compute_features
from acsnet.quantify.scar import ScarThreshold
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.stages.label_doubts import GREY_ALONE, arrangement_doubts, convention_doubts

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


def test_open_walls_count_only_where_none_is_closed():
    """A wall that is open on one side of four meets 9 of the 12 edges of its pool."""
    ring = to_labels(MNMS[RING], "mnms", source="file")
    opened = ring.copy()
    opened[0, 2:5, 1] = Label.BACKGROUND
    assert arrangement_doubts(np.concatenate([ring, opened, opened])) == ()
    assert arrangement_doubts(opened) == off_wall(75)


def scarred(labels, *, core=600.0, signal=None):
    """A scan of labels in which core scar has this signal, and all else 400."""
    grid = InputGrid(shape=labels.shape, affine=np.diag([8.0, 1.5, 1.5, 1.0]), axes=(0, 1, 2))
    pixels = np.where(labels == Label.CORE_SCAR, core, 400.0).astype(np.float32)
    return ShortAxisScan(name="drawn", pixels=pixels, grid=grid, signal=signal)


def test_grey_zone_alone_is_doubted_as_drawn_and_not_where_a_threshold_splits_scar():
    labels = np.array([0, 1, 2, 0, 3], np.uint8)[with_scar()]
    threshold = ScarThreshold(method="remote", value=60.0, remote=20.0, peak=100.0)
    for split, told in ((None, (GREY_ALONE,)), (threshold, ())):
        features = compute_features(labels, 1.0, threshold=split)
        assert convention_doubts(scarred(labels), labels, truth=OWN, features=features) == told


def test_scar_without_signal_in_the_file_is_not_darker_than_grey_zone():
    labels = np.array([0, 1, 2, 0, 3], np.uint8)[with_scar()]
    labels[0, 1, 1:6] = Label.CORE_SCAR
    signal = np.ones(labels.shape, bool)
    signal[0, 1, 1:4] = False  # three of five voxels
    scan = scarred(labels, signal=signal)
    scan.pixels[~signal] = 0.0
    features = compute_features(labels, 1.0)
    assert convention_doubts(scan, labels, truth=OWN, features=features) == ()
    (doubt,) = convention_doubts(scarred(labels, core=300.0), labels, truth=OWN, features=features)
    assert doubt.startswith("core scar (value 4) has a median signal of 300, below the 400")
