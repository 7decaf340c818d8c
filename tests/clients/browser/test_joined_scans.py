"""A scan that lies in two series, in our mode of OHIF: all its slices are there and stay."""

import numpy as np
import pytest
import requests
from breath_holds import breath_holds
from packed_scans import slices
from viewer_pages import (
    STOCK_IMAGES,
    check_voxels,
    headers,
    infer,
    label_map,
    open_case,
    shown_slices,
    stroke,
)

from acsnet.io import read_scan
from acsnet.labels import LEFT_VENTRICLE
from acsnet.server.pages.viewers import stock_folder

pytestmark = pytest.mark.skipif(
    stock_folder() is None, reason="stock OHIF is not here (make viewer)"
)

SHOWN = """(() => {
    const viewports = window.services.cornerstoneViewportService;
    const shown = viewports.getCornerstoneViewport(
        window.services.viewportGridService.getActiveViewportId()
    );
    return [shown.getCurrentImageIdIndex(), shown.getImageIds().length];
})()"""


def test_a_stroke_on_one_slice_changes_no_other_of_either_series(
    page, start_server, samples, tmp_path, look
):
    folder = breath_holds(slices(samples / "dicom" / "phantom-1"), tmp_path / "studies" / "scan")
    scan, images = read_scan(folder), headers(folder)
    url, _ = start_server(tmp_path / "studies")
    case = str(images[0].SeriesInstanceUID)
    infer(url, case)
    before = label_map(url, case)
    open_case(page, url, case)
    status = page.locator('[data-cy="acsnet-status"]')
    assert "Slice 5 of 8" in status.inner_text()
    assert page.evaluate(SHOWN) == [4, 8]
    shown = shown_slices(page, STOCK_IMAGES)
    assert list(shown) == list(scan.instance_uids)
    check_voxels(shown, before, images)
    stroke(page)
    page.get_by_role("button", name="Save", exact=True).click()
    status.filter(has_text="draft by Ana Reader").wait_for()
    look("mode-joined-saved")
    after = label_map(url, case, "draft")
    changed = (before != after).any(axis=(0, 1))
    assert np.flatnonzero(changed).tolist() == [4]
    heart = [np.isin(labels, LEFT_VENTRICLE).sum() for labels in (before, after)]
    assert heart[0] == heart[1]
    (version,) = requests.get(f"{url}/acsnet/cases/{case}/versions.json", timeout=60).json()
    assert version["features"]["lv_volume_ml"] == pytest.approx(heart[0] * scan.voxel_ml, rel=1e-3)


def test_a_scan_of_which_a_series_cannot_be_loaded_is_not_opened(
    page, start_server, samples, tmp_path, look
):
    folder = breath_holds(slices(samples / "dicom" / "phantom-1"), tmp_path / "studies" / "scan")
    first, *_, last = (str(image.SeriesInstanceUID) for image in headers(folder))
    url, _ = start_server(tmp_path / "studies")
    page.route(f"**/series/{last}/metadata", lambda route: route.abort())
    open_case(page, url, first)
    page.get_by_text("4 of 8 slices cannot be loaded").wait_for()
    look("mode-joined-not-opened")
    assert page.locator('[data-cy="acsnet-status"]').inner_text().startswith("Not opened")
    for name in ("Run", "Save", "Accept and next"):
        assert page.get_by_role("button", name=name, exact=True).is_disabled()
