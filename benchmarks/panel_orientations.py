"""Whether a point in MONAI Label's panel moves the wall where it is seen, in eight orientations.

    python benchmarks/panel_orientations.py [--place folder] [--place orthanc] [--first 5]

The stacks are those of `viewer_orientations.py`. Chromium without a screen opens each in the OHIF
that comes with MONAI Label, whose panel has to show the draft voxel by voxel after *Run*. Under
*Point Prompts* a point of `background` is set on the wall, in the plane of the patient that the
panel shows first. Which voxel is seen there follows from the headers of the images. After *Run* the
voxel is wall no longer, and every voxel on the screen is what the answer says at its place in the
patient's coordinates. Exit code 1 where anything differs. Needs Chromium, playwright and, for
`orthanc`, Orthanc with its DICOMweb plug-in.
"""

import argparse
import shutil
import sys
import tempfile
import time
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
from playwright.sync_api import sync_playwright
from rich.console import Console
from viewer_pages import FLAGS, PATIENCE_MS, label_map

from acsnet.labels import MYOCARDIUM
from viewer_orientations import PLACES, stacks

console = Console(width=120, highlight=False)


def check(page: Any, url: str, series: list[pydicom.Dataset]) -> str:
    """Run the model, set a point, run again, and compare what is on the screen each time.

    Returns:
        How many voxels of wall went and came.

    Raises:
        AssertionError: something differs.
    """
    open_panel(page, url, series[0])
    segment(page)
    before, affine = shown_stack(page, series), affine_of(series)
    draft = label_map(url, str(series[0].SeriesInstanceUID))
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
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--place", action="append", choices=PLACES)
    parser.add_argument("--first", type=int, default=1, help="orientation to begin with, 1 to 8")
    options = parser.parse_args()
    right = total = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name in options.place or PLACES:
            with tempfile.TemporaryDirectory() as folder, PLACES[name](Path(folder)) as place:
                context = browser.new_context(viewport={"width": 1280, "height": 720})
                for orientation, series in list(stacks().items())[options.first - 1 :]:
                    began, page = time.monotonic(), context.new_page()
                    page.set_default_timeout(PATIENCE_MS)
                    try:
                        told = check(page, place.url, series)
                        right += 1
                    except AssertionError as error:
                        told = " ".join(str(error).split())[:300]
                    total += 1
                    seconds = time.monotonic() - began
                    console.print(f"{name}, {orientation}: {told}, {seconds:.1f} s")
                    page.close()
                context.close()
        browser.close()
    console.print(f"{right} of {total} points moved the wall where they were seen")
    sys.exit(int(right < total))


if __name__ == "__main__":
    main()
