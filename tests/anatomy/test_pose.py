import numpy as np
import pytest

from acsnet.anatomy.pose import FRAME_SIDE, RMS_PIXELS, Pose, from_frame, pose_of, to_frame
from acsnet.errors import GeometryError
from acsnet.masks import dice


def ring(mm, outer=30.0, inner=20.0, centre=(60.0, 50.0), side_mm=120.0):
    rows, columns = (np.arange(round(side_mm / size)) * size for size in mm)
    radius = np.hypot(rows[:, None] - centre[0], columns - centre[1])
    return (radius < outer) & (radius > inner)


@pytest.mark.parametrize("mm", [(0.7, 0.7), (1.3, 1.3), (2.4, 2.4), (0.8, 1.6)])
def test_the_pose_of_a_ring_is_its_centre_and_its_root_mean_square_radius(mm):
    pose = pose_of(ring(mm), mm)
    assert pose.centre_mm == pytest.approx((60.0, 50.0), abs=0.3)
    rms = np.sqrt((30.0**2 + 20.0**2) / 2)
    assert pose.scale_mm * RMS_PIXELS == pytest.approx(rms, rel=0.02)


def test_an_empty_mask_has_no_pose():
    with pytest.raises(GeometryError, match="empty mask"):
        pose_of(np.zeros((5, 5), bool), (1.0, 1.0))


def test_hearts_of_any_size_and_place_look_the_same_in_the_frame():
    small, large = ring((0.5, 0.5), 15, 10), ring((1.0, 1.0), 30, 20)
    frames = [
        to_frame(wall, (mm, mm), pose_of(wall, (mm, mm)))
        for wall, mm in ((small, 0.5), (large, 1.0))
    ]
    assert dice(frames[0] > 0.5, frames[1] > 0.5) > 0.97


@pytest.mark.parametrize("mm", [(0.7, 0.7), (1.3, 1.3), (0.8, 1.6)])
def test_there_and_back_is_nearly_the_same_mask(mm):
    wall = ring(mm)
    pose = pose_of(wall, mm)
    frame = to_frame(wall, mm, pose)
    assert frame.shape == (FRAME_SIDE, FRAME_SIDE)
    back = from_frame(frame - 0.5, mm, pose, (wall.shape[0], wall.shape[1]))
    assert dice(back, wall) > 0.97


def test_a_frame_beyond_the_image_leaves_nothing_there():
    pose = Pose(centre_mm=(500.0, 500.0), scale_mm=0.5)
    assert not from_frame(np.ones((128, 128), np.float32), (1.0, 1.0), pose, (40, 40)).any()


def test_a_frame_over_the_edge_is_cut_there():
    pose = Pose(centre_mm=(0.0, 20.0), scale_mm=0.25)
    inside = from_frame(np.ones((128, 128), np.float32), (1.0, 1.0), pose, (40, 40))
    assert inside[0, 20]
    # Half a side of the frame is 63.5 pixels of 0.25 mm.
    assert inside[:, 20].sum() == 16
    assert inside[0].sum() == 31


def test_a_frame_is_of_the_shape_alone_not_of_the_pixels_it_was_drawn_on():
    pixels = ((0.7, 0.7), (0.7, 1.2), (1.2, 0.7))
    walls = [ring(mm, centre=(55.0, 64.0)) for mm in pixels]
    frames = [to_frame(wall, mm, pose_of(wall, mm)) for wall, mm in zip(walls, pixels, strict=True)]
    for frame in frames[1:]:
        assert dice(frame > 0.5, frames[0] > 0.5) > 0.97


def test_a_single_pixel_has_a_size_too():
    wall = np.zeros((9, 9), bool)
    wall[4, 6] = True
    pose = pose_of(wall, (2.0, 2.0))
    assert pose.centre_mm == (8.0, 12.0)
    # The root mean square distance of a square's points from its middle: side times 6 ** -0.5.
    assert pose.scale_mm * RMS_PIXELS == pytest.approx(2.0 / np.sqrt(6))
    np.testing.assert_array_equal(
        from_frame(to_frame(wall, (2.0, 2.0), pose) - 0.5, (2.0, 2.0), pose, (9, 9)), wall
    )
