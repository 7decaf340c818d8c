"""The panel of MONAI Label's OHIF: runs, points, and what it shows of an answer."""

import io
import json
import re

import nrrd
import numpy as np
from orientations import along_normal, on_grid, world_mm
from slicer_files import nrrd_affine
from viewer_pages import PANEL_IMAGES, shown_slices

from acsnet.labels import LABELS, MYOCARDIUM, Label

NAMES = sorted(["background", "left_ventricle", *(one.name for one in LABELS)])
"""The panel numbers the labels of all tasks from 1, in the order of their names."""

PANEL_VALUES = np.array([0, *(1 + NAMES.index(one.name) for one in LABELS)], np.uint8)
"""What the panel holds for each of our label values."""

VIEWPORT = "window.cornerstone.getRenderingEngines()[0].getViewports()[0]"
POINTS = "window.cornerstoneTools.annotation.state.getAllAnnotations()"
STEP = 2
"""Between the places on the screen that are looked at, in pixels."""
CENTRAL = 0.35
"""How far from the centre of its voxel a point is at most, so that rounding decides nothing."""


def open_panel(page, url, image):
    """Open a series and connect the panel to the server.

    image: any of the series.
    """
    query = f"StudyInstanceUIDs={image.StudyInstanceUID}"
    query += f"&initialSeriesInstanceUID={image.SeriesInstanceUID}"
    page.goto(f"{url}/ohif/monai-label?{query}")
    connect(page)


def connect(page):
    """Connect the panel of an open series to the server."""
    page.locator("#monailabelServerURL").wait_for()
    page.get_by_text("LGE").nth(2).wait_for()
    page.locator(".settingsTable button").click()
    page.wait_for_function(PANEL_IMAGES)


def segment(page):
    """Press *Run* under Auto-Segmentation; gives the answer."""
    with page.expect_response(lambda answer: "/infer/acsnet" in answer.url) as answer:
        page.get_by_role("button", name="Run").first.click()
    return answer.value


def choose_points(page):
    """Open *Point Prompts* and choose each label once, so that all are taken over."""
    page.get_by_text("Point Prompts").click()
    for name in ("background", *(one.name for one in LABELS)):
        choose_label(page, name)


def choose_label(page, name):
    """Choose the label of the next points."""
    page.locator(".optionsTable tr").filter(has_text=name).first.click()


def run_points(page):
    """Press *Run* under Point Prompts and wait until the answer is shown; gives the answer.

    Without a point the answer is the label map that points start from.
    """
    page.evaluate(
        """() => {
            window.updated = false;
            window.cornerstone.eventTarget.addEventListener(
                window.cornerstoneTools.Enums.Events.SEGMENTATION_DATA_MODIFIED,
                () => { window.updated = true; },
                { once: true },
            );
        }"""
    )
    with page.expect_response(lambda answer: "/infer/acsnet_click" in answer.url) as answer:
        page.get_by_role("button", name="Run").nth(1).click()
    assert answer.value.ok, answer.value.text()
    page.wait_for_function("window.updated")
    return answer.value


def sent_points(answer):
    """Parameters of the request of an answer."""
    return json.loads(re.search(r"{.*}", answer.request.post_data)[0])


def affine_of(series):
    """From (column, row, slice along the normal) to the patient's coordinates (DICOM, LPS)."""
    first, second = sorted(series, key=along_normal)[:2]
    origin = world_mm(first, 0, 0)
    affine = np.eye(4)
    affine[:3, 0] = world_mm(first, 0, 1) - origin
    affine[:3, 1] = world_mm(first, 1, 0) - origin
    affine[:3, 2] = world_mm(second, 0, 0) - origin
    affine[:3, 3] = origin
    return affine


def shown_stack(page, series):
    """The label map that the panel shows, (column, row, slice along the normal), with our values.

    Each plane has its place from the header of the image that it lies over.
    """
    shown = shown_slices(page, PANEL_IMAGES)
    planes = [
        np.reshape(shown[one.SOPInstanceUID], (one.Rows, one.Columns)).T
        for one in sorted(series, key=along_normal)
    ]
    values = np.zeros(256, np.uint8)
    values[PANEL_VALUES] = np.arange(len(PANEL_VALUES))
    return values[np.stack(planes, axis=2)]


def click_wall(page, seen, affine):
    """Set a point on the wall, far from the blood pool, in the plane that the panel shows first.

    Args:
        page: with the panel.
        seen: label map, (column, row, slice).
        affine: of it, see `affine_of`.

    Returns:
        Index in `seen` of the voxel under the mouse.
    """
    x, y, width, height = page.evaluate(
        f"(({{ x, y, width, height }}) => [x, y, width, height])"
        f"({VIEWPORT}.element.getBoundingClientRect())"
    )
    # The browser tells where the mouse is in whole pixels of the page.
    screen = np.meshgrid(
        np.arange(np.ceil(x) + 20, x + width - 20, STEP),
        np.arange(np.ceil(y) + 20, y + height - 20, STEP),
    )
    canvas = np.stack([axis.ravel() for axis in screen], axis=1) - [x, y]
    places = page.evaluate(
        f"all => all.map(one => Array.from({VIEWPORT}.canvasToWorld(one)))", canvas.tolist()
    )
    exact = (np.array(places) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    index = np.rint(exact).astype(int)
    inside = ((index >= 0) & (index < seen.shape)).all(axis=1)
    labels = np.where(inside, seen[tuple(np.where(inside[:, None], index, 0).T)], 0)
    central = (np.abs(exact - index) < CENTRAL).all(axis=1)
    middle = canvas[labels == Label.LV_BLOOD_POOL].mean(axis=0)
    (wall,) = np.nonzero(np.isin(labels, MYOCARDIUM) & central)
    at = wall[np.linalg.norm(canvas[wall] - middle, axis=1).argmax()]
    count = page.evaluate(f"{POINTS}.length")
    page.mouse.click(*np.rint(canvas[at] + [x, y]).tolist())
    page.wait_for_function(f"{POINTS}.length > {count}")
    return tuple(index[at].tolist())


def answered_stack(answer, affine, shape):
    """The label map of an answer in NRRD, on another grid of the same voxels.

    Args:
        answer: bytes of the file.
        affine: of the grid, index to the patient's coordinates (LPS).
        shape: of the grid.
    """
    stream = io.BytesIO(answer)
    header = nrrd.read_header(stream)
    labels = nrrd.read_data(header, stream, index_order="F")
    to_place = np.diag([-1.0, -1.0, 1.0, 1.0]) @ nrrd_affine(header)
    return on_grid(labels, to_place, affine, shape)
