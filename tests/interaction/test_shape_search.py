import numpy as np

from acsnet.anatomy.expert_shapes import ExpertShapes, Region
from acsnet.anatomy.pose import FRAME_SIDE, RMS_PIXELS, pose_of
from acsnet.interaction.clicks import Click, Kind
from acsnet.interaction.moved_walls import move_walls
from acsnet.interaction.shape_search import placed_shapes
from acsnet.interaction.slice_draft import slice_draft

MM = (1.5, 1.5)
ROWS, COLUMNS = np.indices((100, 100))


def ring(outer_mm, inner_mm, centre):
    radius = 1.5 * np.hypot(ROWS - centre[0], COLUMNS - centre[1])
    return (radius < outer_mm) & (radius > inner_mm), radius <= inner_mm


def clicks_on_ring(outer_mm, inner_mm, centre):
    """Blood in the middle of a ring, and wall and the outside to all four sides."""
    steps = ((0, 1), (1, 0), (0, -1), (-1, 0))
    places = [(Kind.CAVITY, 0.0, (0, 0))]
    places += [(Kind.WALL, (outer_mm + inner_mm) / 2.0, step) for step in steps]
    places += [(Kind.OUTSIDE, outer_mm + 4.5, step) for step in steps]
    return [
        Click(
            slice=0,
            row=centre[0] + round(down * mm / 1.5),
            column=centre[1] + round(right * mm / 1.5),
            kind=kind,
        )
        for kind, mm, (down, right) in places
    ]


def test_a_shape_is_placed_where_it_holds_the_clicks():
    rows, columns = np.indices((FRAME_SIDE, FRAME_SIDE)) - (FRAME_SIDE - 1) / 2.0
    radius = np.hypot(rows, columns) / RMS_PIXELS
    regions = np.select([radius < 0.7, radius < 1.2], [Region.CAVITY, Region.WALL], Region.OUTSIDE)
    shapes = ExpertShapes(codes=np.zeros((1, 3), np.float32), regions=regions[None].astype("uint8"))
    wall, pool = ring(30.0, 18.0, (50, 50))
    # The same ring 15 mm further right.
    draft = slice_draft(wall, pool, clicks_on_ring(30.0, 18.0, (50, 60)), MM)
    first = placed_shapes(draft, wall, shapes)[0]
    assert first.pose.centre_mm[1] > pose_of(wall, MM).centre_mm[1] + 7.5
    middle = np.array(first.pose.centre_mm)
    wanted = {Kind.CAVITY: Region.CAVITY, Kind.WALL: Region.WALL, Kind.OUTSIDE: Region.OUTSIDE}
    for click in draft.clicks:
        apart = (1.5 * np.array([click.row, click.column]) - middle) / first.pose.scale_mm
        row, column = np.rint(apart + (FRAME_SIDE - 1) / 2.0).astype(int)
        assert regions[row, column] == wanted[click.kind]


def test_a_wall_that_is_far_off_is_found_by_its_clicks(pipeline):
    wall, pool = ring(36.0, 27.0, (50, 40))
    clicks = clicks_on_ring(27.0, 18.0, (50, 56))
    corrector = pipeline.corrector
    out = move_walls(wall[None], pool[None], clicks, (10.0, *MM), corrector=corrector)
    assert all(out.held)
