"""Whether a point in MONAI Label's panel moves the wall where it is seen, in eight orientations.

    python benchmarks/panel_orientations.py [--place folder] [--place orthanc] [--first 5]

The stacks are those of `shared/turned_stacks.py`. Chromium without a screen opens each in the OHIF
that comes with MONAI Label, whose panel has to show the draft voxel by voxel after *Run*. Under
*Point Prompts* a point of `background` is set on the wall, in the plane of the patient that the
panel shows first. Which voxel is seen there follows from the headers of the images. After *Run* the
voxel is wall no longer, and every voxel on the screen is what the answer says at its place in the
patient's coordinates. Exit code 1 where anything differs. Needs Chromium, playwright and, for
`orthanc`, Orthanc with its DICOMweb plug-in.
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "shared"))

import numpy as np
import pydicom
from panel_pages import (
    affine_of,
    answered_stack,
    choose_label,
    choose_points,
    click_wall,
    open_panel,
    run_points,
    segment,
    sent_points,
    shown_stack,
)
from viewer_pages import PATIENCE_MS, label_map

from acsnet.labels import MYOCARDIUM
from shared.turned_stacks import Place, turned_main


def check(context: Any, place: Place, series: list[pydicom.Dataset]) -> str:
    """Run the model, set a point, run again, and compare what is on the screen each time.

    Returns:
        How many voxels of wall went and came.

    Raises:
        AssertionError: something differs.
    """
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    open_panel(page, place.url, series[0])
    segment(page)
    before, affine = shown_stack(page, series), affine_of(series)
    draft = label_map(place.url, str(series[0].SeriesInstanceUID))
    np.testing.assert_array_equal(before, draft, "the draft is not what is shown")
    choose_points(page)
    choose_label(page, "background")
    at = click_wall(page, before, affine)
    answer = run_points(page)
    after = shown_stack(page, series)
    np.testing.assert_array_equal(
        after, answered_stack(answer.body(), affine, after.shape), "the answer is not what is shown"
    )
    points = sent_points(answer)["background"]
    if points != [list(at)]:
        msg = f"{points} was sent, {at} was seen"
        raise AssertionError(msg)
    if after[at]:
        msg = f"the point left {after[at]} at {at}"
        raise AssertionError(msg)
    wall = [np.isin(labels, MYOCARDIUM) for labels in (before, after)]
    return f"{(wall[0] > wall[1]).sum()} voxels of wall less, {(wall[1] > wall[0]).sum()} more"


def main() -> None:
    """Print one line a case, and a summary."""
    turned_main(
        __doc__.partition("\n")[0],
        check,
        viewport={"width": 1280, "height": 720},
        summary="points moved the wall where they were seen",
    )


if __name__ == "__main__":
    main()
