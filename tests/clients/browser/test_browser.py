"""The viewers and our pages in headless Chromium: what a reader sees and does."""

import re
import time
from pathlib import Path

import numpy as np
import pytest
from panel_pages import PANEL_VALUES, connect, segment
from viewer_pages import (
    PANEL_IMAGES,
    STOCK_IMAGES,
    check_voxels,
    export_seg,
    headers,
    infer,
    label_map,
    open_draft,
    outside,
    shown_slices,
    stroke,
)

from acsnet.server.auth.accounts import Accounts
from acsnet.server.identity import Role
from acsnet.server.pages.viewers import stock_folder

STOCK = pytest.mark.skipif(stock_folder() is None, reason="stock OHIF is not here (make viewer)")

PASSWORD = "correct horse battery"


def tab_to(page, target):
    """Go to a control as one does without a mouse."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if target.evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"{target} cannot be reached with the Tab key")


def test_run_draws_on_the_heart_in_the_bundled_viewer(page, url, samples, look):
    phantom = headers(samples / "dicom" / "phantom-1")
    series = str(phantom[0].SeriesInstanceUID)
    page.goto(f"{url}/ohif/")
    page.get_by_text(phantom[0].PatientID).first.wait_for()
    page.goto(f"{url}/acsnet/")
    page.get_by_role("link", name=phantom[0].PatientID).click()
    page.get_by_role("link", name="MONAI Label's OHIF").last.click()
    server = page.locator("#monailabelServerURL")
    server.wait_for()
    assert server.input_value() == f"{url}/"
    connect(page)
    assert segment(page).ok
    shown = shown_slices(page, PANEL_IMAGES)
    look("panel-after-run")
    check_voxels(shown, PANEL_VALUES[label_map(url, series)], phantom)
    assert not outside(page, url)
    page.get_by_role("link", name="ACSNet case").click()
    page.wait_for_url(f"{url}/acsnet/cases/{series}")


def test_a_case_is_found_and_segmented_with_the_keyboard_alone(page, url, look):
    page.goto(f"{url}/acsnet/")
    look("work-list")
    tab_to(page, page.get_by_role("searchbox"))
    page.keyboard.type("phantom-2")
    page.keyboard.press("Enter")
    page.get_by_text("show all").wait_for()
    tab_to(page, page.get_by_role("link", name="PHANTOM-2"))
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name=re.compile("^Segment"))
    button.wait_for()
    tab_to(page, button)
    look("case-before")
    page.keyboard.press("Enter")
    page.locator("#desk[data-ready]").wait_for()
    assert page.get_by_role("row", name=re.compile(r"^Scar burden \d+\.\d")).count() == 1
    picture = page.locator("img.bullseye")
    picture.scroll_into_view_if_needed()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 600
    look("case", full_page=True)
    assert not outside(page, url)


def test_pages_need_no_sideways_scrolling_on_a_small_screen(page, url, samples):
    page.set_viewport_size({"width": 1024, "height": 700})
    series = headers(samples / "dicom" / "phantom-2")[0].SeriesInstanceUID
    for path in ("", "?state=new", f"cases/{series}", "cases/1.2.3"):
        page.goto(f"{url}/acsnet/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1024
    page.get_by_text("there is no case").wait_for()


@STOCK
def test_an_edit_in_stock_ohif_is_stored_as_a_new_version_in_the_right_place(
    page, pacs_url, samples, look
):
    url = pacs_url
    phantom = headers(samples / "dicom" / "phantom-1")
    series = str(phantom[0].SeriesInstanceUID)
    infer(url, series)
    draft = label_map(url, series)
    open_draft(page, url, phantom[0])
    check_voxels(shown_slices(page, STOCK_IMAGES), draft, phantom)
    look("stock-draft")
    page.get_by_text("core_scar").first.click()
    page.locator('[data-cy="Brush-btn"]').click()
    stroke(page)
    look("stock-edited")
    edited = shown_slices(page, STOCK_IMAGES)
    assert export_seg(page).ok
    saved = label_map(url, series, "draft")
    check_voxels(edited, saved, phantom)
    changed = saved != draft
    assert set(saved[changed]) == {4}
    assert changed.sum() > 100
    assert changed.any(axis=(0, 1)).sum() == 1
    np.testing.assert_array_equal(label_map(url, series), draft)
    assert not outside(page, url)
    page.get_by_role("link", name="ACSNet case").click()
    versions = page.get_by_role("region", name="Label maps").get_by_role("row")
    versions.filter(has_text="draft").first.wait_for()
    assert versions.filter(has_text="draft").count() == 2
    look("case-edited", full_page=True)


@STOCK
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_slices_that_each_have_a_frame_of_reference_show_the_draft(
    page, pacs_url, orthanc, data, look
):
    (folder,) = data.glob("**/ed_stacks/SCD0000101*/dicom")
    series = headers(folder)
    assert len({one.FrameOfReferenceUID for one in series}) == len(series)
    orthanc.store_files(folder)
    uid = str(series[0].SeriesInstanceUID)
    infer(pacs_url, uid)
    open_draft(page, pacs_url, series[0])
    check_voxels(shown_slices(page, STOCK_IMAGES), label_map(pacs_url, uid), series)
    look("stock-sunnybrook")


@pytest.fixture(scope="module")
def locked_url(start, samples, tmp_path_factory):
    """The server on the two phantoms behind a login; ana is an annotator."""
    state = str(tmp_path_factory.mktemp("locked") / "state")
    accounts = Accounts(Path(state) / "accounts.json")
    accounts.put("ana", Role.ANNOTATOR, PASSWORD)
    process, log = start(
        "serve", "--studies", samples / "dicom", "--port", 0, "--login", ACSNET_STATE=state
    )
    while "Listening on" not in log.read_text():
        assert process.poll() is None, log.read_text()
        time.sleep(0.2)
    return re.search(r"Listening on (\S+)", log.read_text()).group(1)


@STOCK
def test_both_viewers_work_behind_the_login(page, locked_url, samples, look):
    phantom = headers(samples / "dicom" / "phantom-1")
    series = str(phantom[0].SeriesInstanceUID)
    page.goto(f"{locked_url}/ohif/")
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    look("login")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{locked_url}/ohif/**")
    page.get_by_text(phantom[0].PatientID).first.wait_for()
    page.goto(f"{locked_url}/acsnet/cases/{series}")
    page.get_by_text("ana (annotator)").wait_for()
    page.locator("#correct").wait_for()  # who may not accept a label map may correct it
    page.get_by_role("link", name="MONAI Label's OHIF").last.click()
    connect(page)
    assert segment(page).ok
    shown_slices(page, PANEL_IMAGES)
    open_draft(page, locked_url, phantom[0])
    page.goto(f"{locked_url}/acsnet/cases/{series}")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{locked_url}/acsnet/login")
    assert page.request.get(f"{locked_url}/dicomweb/studies").status == 401
    assert not outside(page, locked_url)
