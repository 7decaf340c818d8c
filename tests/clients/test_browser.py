"""The viewers and our pages in headless Chromium: what a reader sees and does."""

import gzip
import os
import re
import shutil
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import requests

from acsnet.labels import LABELS
from acsnet.server.auth.accounts import Accounts
from acsnet.server.identity import Role
from acsnet.server.pages.viewers import stock_folder

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

STOCK = pytest.mark.skipif(stock_folder() is None, reason="stock OHIF is not here (make viewer)")

PASSWORD = "correct horse battery"
PATIENCE_MS = 240_000
"""WebGL without a graphics card, beside whatever else this machine does."""

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

PANEL_IMAGES = "window.services.segmentationService.getLabelmapVolume('1')?.imageIds"
STOCK_IMAGES = (
    "window.cornerstoneTools.segmentation.state.getSegmentations()[0]"
    ".representationData.Labelmap.imageIds"
)
DRAWN = """((%s) ?? []).map(id => {
    const image = window.cornerstone.cache.getImage(id);
    if (!image) return [id, []];
    return [image.referencedImageId, Array.from(image.voxelManager.getScalarData())];
})"""
"""The address of each image, and every voxel of its label map as the viewer holds it, if it does by
now."""
WHOLE = """(drawn => drawn.every(([_, values]) => values.length)
    && drawn.some(([_, values]) => values.some(value => value > 0)))"""


@pytest.fixture(scope="module")
def browser():
    binary = shutil.which("chromium")
    if binary is None:
        pytest.skip("Chromium is not installed (Debian: chromium)")
    with sync_api.sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def page(browser):
    """A browser window that notes which addresses it asks for and our policy does not stop."""
    one = browser.new_page(viewport={"width": 1600, "height": 950})
    one.set_default_timeout(PATIENCE_MS)
    one.asked = set()
    one.on("request", lambda request: one.asked.add(request.url))
    one.on(
        "requestfailed",
        lambda request: one.asked.discard(request.url) if request.failure == "csp" else None,
    )
    yield one
    one.close()


@pytest.fixture
def look(page, tmp_path):
    """Takes a picture for people to look at, into $ACSNET_SHOTS or the test's own folder."""

    def take(name, **options):
        page.wait_for_timeout(500)
        folder = Path(os.environ.get("ACSNET_SHOTS") or tmp_path)
        page.screenshot(path=folder / f"{name}.png", **options)

    return take


@pytest.fixture(scope="module")
def url(start_server, samples):
    """The server on the two phantoms as DICOM."""
    address, _ = start_server(samples / "dicom")
    return address


@pytest.fixture(scope="module")
def pacs_url(orthanc, acsnet, start_server, samples):
    """The server on an archive that holds the first phantom; all MR series count as LGE."""
    folder = samples / "dicom" / "phantom-1"
    assert acsnet("push", folder, "--to", orthanc.url, **orthanc.environment).returncode == 0
    address, _ = start_server(
        orthanc.url, **orthanc.environment, ACSNET_PACS_CACHE_SECONDS="0.2", ACSNET_PACS_LGE=".*"
    )
    return address


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


def shown_slices(page, images):
    """SOPInstanceUID -> the label map that the viewer holds over this image."""
    page.wait_for_function(f"{WHOLE}({DRAWN % images})")
    return {
        re.search(r"/instances/([\d.]+)/frames", address).group(1): np.array(values)
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


def open_draft(page):
    """From the case page to the draft over its series in stock OHIF."""
    page.get_by_role("link", name="Review in OHIF").last.click()
    listed = page.locator('[data-cy="study-browser-thumbnail-no-image"]')
    listed.filter(has_text=re.compile("SEG.*ACSNet draft", re.DOTALL)).dblclick()
    page.get_by_role("button", name="Yes").click()
    page.get_by_text("core_scar").first.wait_for()


def tab_to(page, target):
    """Go to a control as one does without a mouse."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if target.evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"{target} cannot be reached with the Tab key")


def outside(page, url):
    """What was asked of anything but our server."""
    own = (url, "blob:", "data:")
    return {address for address in page.asked if not address.startswith(own)}


def test_run_draws_on_the_heart_in_the_bundled_viewer(page, url, samples, look):
    phantom = headers(samples / "dicom" / "phantom-1")
    series = str(phantom[0].SeriesInstanceUID)
    page.goto(f"{url}/ohif/")
    page.get_by_text(phantom[0].PatientID).first.wait_for()
    page.goto(f"{url}/acsnet/")
    page.get_by_role("link", name=phantom[0].PatientID).click()
    page.get_by_role("link", name="Run in OHIF").last.click()
    server = page.locator("#monailabelServerURL")
    server.wait_for()
    assert server.input_value() == f"{url}/"
    page.get_by_text("LGE").nth(2).wait_for()
    page.locator(".settingsTable button").click()
    page.wait_for_function(PANEL_IMAGES)
    with page.expect_response(lambda answer: "/infer/acsnet" in answer.url) as answer:
        page.get_by_role("button", name="Run").first.click()
    assert answer.value.status == 200
    shown = shown_slices(page, PANEL_IMAGES)
    look("panel-after-run")
    # The panel numbers the labels of all tasks by their names.
    names = sorted(["left_ventricle", *(one.name for one in LABELS)])
    numbers = [0, *(1 + names.index(one.name) for one in LABELS)]
    check_voxels(shown, np.array(numbers, np.uint8)[label_map(url, series)], phantom)
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
    page.get_by_role("heading", name="Measurements").wait_for()
    assert page.get_by_role("row", name=re.compile(r"^Scar burden \d+\.\d")).count() == 1
    picture = page.locator("img.montage").first
    picture.scroll_into_view_if_needed()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
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
def test_the_draft_opens_in_stock_ohif(page, url, samples, look):
    phantom = headers(samples / "dicom" / "phantom-2")
    series = str(phantom[0].SeriesInstanceUID)
    infer(url, series)
    page.goto(f"{url}/acsnet/cases/{series}")
    open_draft(page)
    check_voxels(shown_slices(page, STOCK_IMAGES), label_map(url, series), phantom)
    look("stock-folder")
    assert not outside(page, url)


@STOCK
def test_an_edit_in_stock_ohif_is_stored_as_a_new_version_in_the_right_place(
    page, pacs_url, samples, look
):
    url = pacs_url
    phantom = headers(samples / "dicom" / "phantom-1")
    series = str(phantom[0].SeriesInstanceUID)
    infer(url, series)
    draft = label_map(url, series)
    page.goto(f"{url}/acsnet/cases/{series}")
    open_draft(page)
    check_voxels(shown_slices(page, STOCK_IMAGES), draft, phantom)
    look("stock-draft")
    page.get_by_text("core_scar").first.click()
    page.locator('[data-cy="Brush-btn"]').click()
    box = page.locator("canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 10, steps=6)
    page.mouse.up()
    look("stock-edited")
    edited = shown_slices(page, STOCK_IMAGES)
    page.locator('[data-cy="segmentation-collapsed-more-btn-Labelmap"]').click()
    page.get_by_role("menuitem", name="Export").hover()
    page.get_by_role("menuitem", name="DICOM SEG").click()
    with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
    assert answer.value.ok
    reviewed = label_map(url, series, "final")
    check_voxels(edited, reviewed, phantom)
    changed = reviewed != draft
    assert set(reviewed[changed]) == {4}
    assert changed.sum() > 100
    assert changed.any(axis=(0, 1)).sum() == 1
    np.testing.assert_array_equal(label_map(url, series), draft)
    assert not outside(page, url)
    page.get_by_role("link", name="ACSNet case").click()
    versions = page.get_by_role("region", name="Label maps").get_by_role("row")
    versions.filter(has_text="reviewed").wait_for()
    assert versions.filter(has_text="draft").count() == 1
    page.locator("img.montage").first.evaluate("image => image.decode()")
    look("case-reviewed", full_page=True)


@STOCK
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_slices_that_each_have_a_frame_of_reference_show_the_draft(
    page, pacs_url, orthanc, acsnet, data, look
):
    (folder,) = data.glob("**/ed_stacks/SCD0000101*/dicom")
    series = headers(folder)
    assert len({one.FrameOfReferenceUID for one in series}) == len(series)
    assert acsnet("push", folder, "--to", orthanc.url, **orthanc.environment).returncode == 0
    uid = str(series[0].SeriesInstanceUID)
    infer(pacs_url, uid)
    page.goto(f"{pacs_url}/acsnet/cases/{uid}")
    open_draft(page)
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
    page.get_by_role("link", name="Run in OHIF").last.click()
    page.get_by_text("LGE").nth(2).wait_for()
    page.locator(".settingsTable button").click()
    page.wait_for_function(PANEL_IMAGES)
    with page.expect_response(lambda answer: "/infer/acsnet" in answer.url) as answer:
        page.get_by_role("button", name="Run").first.click()
    assert answer.value.status == 200
    shown_slices(page, PANEL_IMAGES)
    page.goto(f"{locked_url}/acsnet/cases/{series}")
    open_draft(page)
    page.goto(f"{locked_url}/acsnet/cases/{series}")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{locked_url}/acsnet/login")
    assert page.request.get(f"{locked_url}/dicomweb/studies").status == 401
    assert not outside(page, locked_url)
