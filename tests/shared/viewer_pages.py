"""A viewer in headless Chromium: how it is started, what it shows and asks for."""

import base64
import gzip
import re

import nibabel as nib
import numpy as np
import pydicom
import requests

PATIENCE_MS = 240_000
"""WebGL without a graphics card, beside whatever else this machine does."""

SCREEN = {"width": 1000, "height": 600}
"""All of a viewer is on it. Each drawn pixel takes time without a graphics card."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]

STOCK_IMAGES = (
    "window.cornerstoneTools.segmentation.state.getSegmentations()[0]"
    ".representationData.Labelmap.imageIds"
)
DRAWN = """((%s) ?? []).map(id => {
    const image = window.cornerstone.cache.getImage(id);
    const values = image?.voxelManager.getScalarData() ?? [];
    const text = Array.from(values, value => String.fromCharCode(value)).join('');
    return [image?.referencedImageId ?? id, btoa(text)];
})"""
"""The address of each image, and each voxel of its label map as the viewer holds it, if it does by
now, as a byte."""
WHOLE = """(images => {
    const drawn = (images ?? []).map(id =>
        window.cornerstone.cache.getImage(id)?.voxelManager.getScalarData());
    return drawn.every(values => values?.length)
        && drawn.some(values => values.some(value => value > 0));
})"""
LOOK_EVERY_MS = 50


def headers(folder):
    return [pydicom.dcmread(file, stop_before_pixels=True) for file in sorted(folder.iterdir())]


def infer(url, series):
    answer = requests.post(
        f"{url}/infer/acsnet?image={series}&output=json", timeout=PATIENCE_MS / 1000
    )
    assert answer.ok, answer.text


def label_map(url, series, tag="original"):
    """A label map as the server keeps it, on the grid of the image: (column, row, slice)."""
    answer = requests.get(
        f"{url}/datastore/label", params={"label": series, "tag": tag}, timeout=60
    )
    image = nib.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    return np.asarray(image.dataobj)


PANEL_IMAGES = """(() => {
  try { return window.services.segmentationService.getLabelmapVolume('1')?.imageIds }
  catch { return undefined }
})()"""
"""Images of the label map in MONAI Label's OHIF, whose service throws until there is one."""


def shown_slices(page, images):
    """SOPInstanceUID -> the label map that the viewer holds over this image."""
    page.wait_for_function(f"{WHOLE}({images})", polling=LOOK_EVERY_MS)
    return {
        re.search(r"/instances/([\d.]+)/frames", address).group(1): np.frombuffer(
            base64.b64decode(values), np.uint8
        )
        for address, values in page.evaluate(DRAWN % images)
    }


def check_voxels(shown, expected, series):
    """What a viewer shows on each image is `expected`, (column, row, slice) along the normal."""
    normal = np.cross(*np.reshape(series[0].ImageOrientationPatient, (2, 3)).astype(float))
    ordered = sorted(series, key=lambda one: normal @ np.array(one.ImagePositionPatient, float))
    assert (expected > 0).sum() > 5000
    assert len(shown) == len(series) == expected.shape[2]
    for k, image in enumerate(ordered):
        labels = np.reshape(shown[image.SOPInstanceUID], (image.Rows, image.Columns))
        np.testing.assert_array_equal(labels, expected[:, :, k].T)


def outside(page, url):
    """What was asked of anything but our server."""
    own = (url, "blob:", "data:")
    return {address for address in page.asked if not address.startswith(own)}


def open_draft(page, url, image):
    """The draft over a series in the segmentation mode that stock OHIF comes with.

    image: any of the series.
    """
    query = f"StudyInstanceUIDs={image.StudyInstanceUID}"
    query += f"&initialSeriesInstanceUID={image.SeriesInstanceUID}"
    page.goto(f"{url}/viewer/segmentation?{query}")
    listed = page.locator('[data-cy="study-browser-thumbnail-no-image"]')
    listed.filter(has_text=re.compile("SEG.*ACSNet draft", re.DOTALL)).dblclick()
    page.get_by_role("button", name="Yes").click()
    page.get_by_text("core_scar").first.wait_for()


def export_seg(page):
    """Export what was drawn as stock OHIF does; the answer of the server."""
    page.locator('[data-cy="segmentation-collapsed-more-btn-Labelmap"]').click()
    page.get_by_role("menuitem", name="Export").hover()
    # With the keyboard: under the mouse the menu is drawn again and again.
    page.get_by_role("menuitem", name="DICOM SEG").press("Enter")
    with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
    return answer.value


def accepted(page):
    """Wait until the case is accepted, and say so again where it has warnings."""
    again = page.get_by_role("button", name="Accept anyway")
    page.get_by_text("Last:").or_(again).first.wait_for(timeout=60_000)
    if again.is_visible():
        again.click()
        page.get_by_text("Last:").wait_for()


def stroke(page, *, right=60, down=10):
    """Draw with the brush from the middle of the viewport."""
    box = page.locator("canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=6)
    page.mouse.up()


def open_case(page, url, case, *, reader="Ana Reader"):
    """Open a case in our mode of OHIF, and give the name of the reader where it is asked for."""
    page.goto(f"{url}/viewer/acsnet?case={case}")
    give_name(page, reader)


def give_name(page, reader):
    """Wait until the case is open; whether the name of the reader was asked for."""
    status, name = page.locator('[data-cy="acsnet-status"]'), page.locator("dialog.acsnet input")
    opened = status.filter(has_not_text=re.compile(r"\.\.\.|^$"))
    opened.or_(name).first.wait_for()
    asked = name.count() > 0
    if asked:
        name.fill(reader)
        name.press("Enter")
        opened.wait_for()
    return asked
