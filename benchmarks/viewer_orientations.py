"""Whether an edit in OHIF lands where it was drawn, in eight orientations of a stack.

    python benchmarks/viewer_orientations.py [--place folder] [--place orthanc] [--first 5]

The stacks are those of `shared/turned_stacks.py`. Chromium without a screen opens each in the mode
`acsnet` of stock OHIF, which has to show the stored draft voxel by voxel, draws a stroke and saves
it. What was on the screen is compared voxel by voxel with the saved label map and with the DICOM
SEG (by the images that its frames refer to); the end of the stroke is looked up in the patient's
coordinates. Warnings, SR and PDF have to be there, too. Then one click has to move the wall at the
voxel where it is seen. Exit code 1 where anything differs. Needs `make viewer`, Chromium,
playwright and, for `orthanc`, Orthanc with its DICOMweb plug-in.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "shared"))

import numpy as np
import pydicom
import requests
from orientations import world_mm
from pypdf import PdfReader
from viewer_pages import STOCK_IMAGES, check_voxels, infer, label_map, shown_slices, stroke

from acsnet.labels import Label
from killed_tab import opened
from shared.turned_stacks import READER, Place, turned_main

RIGHT, DOWN = 60, 10
"""The stroke, in pixels of the screen from the middle of the viewport."""
VIEWPORT = "window.cornerstone.getRenderingEngines()[0].getViewports()[0]"


def check(context: Any, place: Place, series: list[pydicom.Dataset]) -> str:
    """Draw on a case, save, and compare all that comes back; what to say of it.

    Raises:
        AssertionError: something differs; it says what.
    """
    url, case = place.url, str(series[0].SeriesInstanceUID)
    infer(url, case)
    draft = label_map(url, case)
    page = opened(context, url, case)
    check_voxels(shown_slices(page, STOCK_IMAGES), draft, series)
    box = page.locator("canvas").first.bounding_box()
    end = [box["width"] / 2 + RIGHT, box["height"] / 2 + DOWN]
    world = np.array(page.evaluate(f"at => Array.from({VIEWPORT}.canvasToWorld(at))", end))
    stroke(page, right=RIGHT, down=DOWN)
    edited = shown_slices(page, STOCK_IMAGES)
    page.get_by_role("button", name="Save", exact=True).click()
    status = page.locator('[data-cy="acsnet-status"]')
    status.filter(has_text=f"draft by {READER}").wait_for()
    saved = label_map(url, case, "draft")
    check_voxels(edited, saved, series)
    changed = set(saved[saved != draft])
    _expect(changed == {Label.CORE_SCAR}, f"labels {changed} changed, not core scar alone")
    _check_place(edited, series, world)
    _check_versions(place, case, edited)
    _check_click(page, series)
    return "same"


def _check_place(
    edited: dict[str, np.ndarray], series: list[pydicom.Dataset], world: np.ndarray
) -> None:
    """The voxel at the end of the stroke, found by the headers of the images, is core scar."""
    normal = np.cross(*np.reshape(series[0].ImageOrientationPatient, (2, 3)).astype(float))
    image = min(
        series, key=lambda one: abs(normal @ (np.array(one.ImagePositionPatient, float) - world))
    )
    row, column = _pixel_at(image, world)
    labels = np.reshape(edited[image.SOPInstanceUID], (image.Rows, image.Columns))
    _expect(labels[row, column] == Label.CORE_SCAR, "the end of the stroke is not core scar")


def _pixel_at(image: pydicom.Dataset, world: np.ndarray) -> tuple[int, int]:
    """Row and column of the pixel of an image at a place in the patient's coordinates."""
    origin = world_mm(image, 0, 0)
    axes = np.stack([world_mm(image, 1, 0) - origin, world_mm(image, 0, 1) - origin], axis=1)
    row, column = np.rint(np.linalg.lstsq(axes, world - origin, rcond=None)[0]).astype(int)
    return int(row), int(column)


def _check_versions(place: Place, case: str, edited: dict[str, np.ndarray]) -> None:
    """The version on record, and the SEG, SR and PDF of it."""
    address = f"{place.url}/acsnet/cases/{case}"
    newest = requests.get(f"{address}/versions.json", timeout=60).json()[0]
    named = (newest["user"], newest["state"])
    _expect(named == (READER, "draft"), f"the newest version is {named}")
    _expect(bool(newest["features"]["warnings"]), "the version has no warning")
    report = requests.get(f"{address}/report.pdf?tag=draft", timeout=120)
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(report.content)).pages)
    _expect(READER in text, "the report does not name the reader")
    (seg,) = place.sent(case, "SEG")
    _check_seg(pydicom.dcmread(BytesIO(seg)), edited)
    (sr,) = place.sent(case, "SR")
    document = str(pydicom.dcmread(BytesIO(sr)))
    _expect(READER in document, "the SR does not name the reader")


def _check_seg(seg: pydicom.Dataset, edited: dict[str, np.ndarray]) -> None:
    """Each pixel of a SEG is that of the image which its frame refers to."""
    values = {
        int(segment.SegmentNumber): Label[segment.SegmentLabel.upper()].value
        for segment in seg.SegmentSequence
    }
    drawn = {uid: np.zeros((seg.Rows, seg.Columns), int) for uid in edited}
    for item, pixels in zip(
        seg.PerFrameFunctionalGroupsSequence, seg.pixel_array.astype(bool), strict=True
    ):
        (derived,) = item.DerivationImageSequence
        (source,) = derived.SourceImageSequence
        number = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        drawn[source.ReferencedSOPInstanceUID][pixels] = values[int(number)]
    for uid, labels in drawn.items():
        same = np.array_equal(labels.ravel(), edited[uid])
        _expect(same, f"the SEG differs on image {uid}")


def _check_click(page: Any, series: list[pydicom.Dataset]) -> None:
    """A click says that a voxel of the wall, as it is seen, lies outside: it is wall no longer."""
    uid = page.evaluate(f"{VIEWPORT}.getCurrentImageId()").split("/instances/")[1].split("/")[0]
    (image,) = [one for one in series if uid == one.SOPInstanceUID]
    before = np.reshape(shown_slices(page, STOCK_IMAGES)[uid], (image.Rows, image.Columns))
    row = int(np.argwhere(before == Label.LV_BLOOD_POOL)[:, 0].mean())
    column = int(np.flatnonzero(before[row] >= Label.LV_MYOCARDIUM)[0])
    x, y = page.evaluate(
        f"place => {VIEWPORT}.worldToCanvas(place)", world_mm(image, row, column).tolist()
    )
    box = page.locator("canvas").first.bounding_box()
    page.locator('[data-cy="acsnet-click"]').select_option("outside")
    with page.expect_response(lambda answer: answer.url.endswith("/click")) as moved:
        page.mouse.click(box["x"] + x, box["y"] + y)
    _expect(moved.value.ok, moved.value.text())
    page.get_by_role("button", name="Undo click").wait_for()
    after = np.reshape(shown_slices(page, STOCK_IMAGES)[uid], before.shape)
    _expect(after[row, column] == 0, f"the click left {after[row, column]} where it was")


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise AssertionError(otherwise)


def main() -> None:
    """Print one line a case, and a summary."""
    turned_main(
        __doc__.partition("\n")[0],
        check,
        viewport={"width": 1110, "height": 540},
        summary="edits came back in place",
    )


if __name__ == "__main__":
    main()
