"""A reader's day in our mode of OHIF, in headless Chromium: look, correct, save, accept, next."""

import json
import random
import re
import sys
import time
from io import BytesIO

import numpy as np
import pydicom
import pytest
import requests
from pypdf import PdfReader
from viewer_pages import (
    PATIENCE_MS,
    SCREEN,
    STOCK_IMAGES,
    check_voxels,
    export_seg,
    give_name,
    headers,
    infer,
    label_map,
    open_case,
    open_draft,
    outside,
    shown_slices,
    stroke,
)

from acsnet.labels import LABELS, Label
from acsnet.server.pages.viewers import stock_folder

pytestmark = pytest.mark.skipif(
    stock_folder() is None, reason="stock OHIF is not here (make viewer)"
)

READER = "Ana Reader"
MOST_ACTIONS = 7
OBJECTS = {"url": (), "pacs_url": ("SEG", "SR", "DOC")}
"""What a version is stored as in an archive: the label map, its measurements, its report."""


class Actions:
    """What a reader does, one by one, with the seconds until its result is on the screen; what
    the test looks at in between does not count.
    """

    def __init__(self):
        self.done = {}

    def __call__(self, name, act, until=lambda: None):
        start = time.monotonic()
        act()
        until()
        self.done[name] = time.monotonic() - start

    def tell(self, where):
        list_ = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.done.items())
        tell(f"{where}: {len(self.done)} actions, {sum(self.done.values()):.1f} s: {list_}")


def tell(text):
    """What the test measured, for whoever runs it with `-s`."""
    sys.stdout.write(f"\n{text}\n")


def status(page):
    return page.locator('[data-cy="acsnet-status"]')


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def versions(url, case):
    return requests.get(f"{url}/acsnet/cases/{case}/versions.json", timeout=60).json()


def text_of(pdf):
    return " ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def count(orthanc, modality):
    query = {"Level": "Series", "Query": {"Modality": modality}}
    return len(orthanc.send("POST", "/tools/find", json=query).json())


@pytest.mark.parametrize("place", OBJECTS)
def test_from_the_work_list_through_a_correction_to_accepted(request, page, samples, look, place):
    url = request.getfixturevalue(place)
    orthanc = request.getfixturevalue("orthanc") if OBJECTS[place] else None
    phantom = headers(samples / "dicom" / "phantom-1")
    case = str(phantom[0].SeriesInstanceUID)
    infer(url, case)
    draft = label_map(url, case)
    page.goto(f"{url}/acsnet/")
    act = Actions()
    act("case", page.get_by_role("link", name=phantom[0].PatientID).click)
    name = page.locator("dialog.acsnet input")
    act("OHIF", page.locator("#correct").click, name.wait_for)
    act("name", lambda: give_name(page, READER))
    assert status(page).inner_text().startswith("draft by ACSNet")
    check_voxels(shown_slices(page, STOCK_IMAGES), draft, phantom)
    look(f"mode-{place}")
    before = [count(orthanc, kind) for kind in OBJECTS[place]]
    act("stroke", lambda: stroke(page))
    edited = shown_slices(page, STOCK_IMAGES)
    saved = status(page).filter(has_text=f"draft by {READER}")
    act("save", button(page, "Save").click, saved.wait_for)
    assert [count(orthanc, kind) for kind in OBJECTS[place]] == [one + 1 for one in before]
    look(f"mode-{place}-saved")
    (version,) = [one for one in versions(url, case) if one["user"] == READER]
    assert (version["state"], version["features"]["warnings"] != []) == ("draft", True)
    warned = button(page, "Accept anyway")
    act("accept", button(page, "Accept and next").click, warned.wait_for)
    assert page.locator("dialog.acsnet li").all_inner_texts() == version["features"]["warnings"]
    look(f"mode-{place}-warnings")
    following = re.compile(r"/acsnet/($|\?)|/viewer/acsnet\?(?!.*" + re.escape(case) + ")")
    act("warnings", warned.click, lambda: page.wait_for_url(following))
    act.tell(place)
    assert len(act.done) <= MOST_ACTIONS
    accepted = label_map(url, case, "final")
    check_voxels(edited, accepted, phantom)
    changed = accepted != draft
    assert set(accepted[changed]) == {Label.CORE_SCAR}
    assert changed.any(axis=(0, 1)).sum() == 1
    np.testing.assert_array_equal(label_map(url, case), draft)
    report = requests.get(f"{url}/acsnet/cases/{case}/report.pdf?tag=final", timeout=120)
    assert READER in text_of(report.content)
    assert not outside(page, url)


def test_run_draws_in_our_names_and_colours_on_the_acquired_images(page, url, samples, look):
    phantom = headers(samples / "dicom" / "phantom-2")
    case = str(phantom[0].SeriesInstanceUID)
    open_case(page, url, case)
    if not versions(url, case):
        look("mode-before-run")
    with page.expect_response(lambda answer: "/infer/acsnet" in answer.url) as answer:
        button(page, "Run").click()
    assert answer.value.status == 200
    status(page).filter(has_text="draft by ACSNet").wait_for()
    check_voxels(shown_slices(page, STOCK_IMAGES), label_map(url, case), phantom)
    look("mode-after-run")
    state = page.evaluate(
        """() => {
            const viewport = window.services.viewportGridService.getActiveViewportId();
            const service = window.services.segmentationService;
            const viewports = window.services.cornerstoneViewportService;
            const shown = viewports.getCornerstoneViewport(viewport);
            const tools = window.services.toolGroupService.getToolGroup('default');
            return {
                plane: shown.type,
                slice: shown.getCurrentImageIdIndex(),
                segments: Object.values(service.getSegmentation('acsnet').segments)
                    .map(one => [one.label, one.active]),
                colours: [1, 2, 3, 4, 5].map(at => service.getSegmentColor(viewport, 'acsnet', at)),
                brush: tools.getToolConfiguration('CircularBrush', 'brushSize'),
                alpha: service.getStyle({segmentationId: 'acsnet', type: 'Labelmap'}).fillAlpha,
            };
        }"""
    )
    assert (state["plane"], state["slice"]) == ("stack", len(phantom) // 2)
    short = [one.description.replace("Left ventricular", "LV") for one in LABELS]
    assert [name for name, _ in state["segments"]] == short
    scar = bool((label_map(url, case) == Label.CORE_SCAR).any())
    active = Label.CORE_SCAR if scar else Label.LV_MYOCARDIUM
    assert [number for number, (_, on) in enumerate(state["segments"], 1) if on] == [active]
    assert [colour[:3] for colour in state["colours"]] == [list(one.colour) for one in LABELS]
    assert state["brush"] == 2.0
    assert 0 < state["alpha"] < 0.5


def test_a_draft_opens_in_stock_ohif_and_its_export_is_a_version_of_its_own(
    page, url, samples, look
):
    phantom = headers(samples / "dicom" / "phantom-2")
    case = str(phantom[0].SeriesInstanceUID)
    infer(url, case)
    draft = label_map(url, case)
    open_draft(page, url, phantom[0])
    check_voxels(shown_slices(page, STOCK_IMAGES), draft, phantom)
    look("stock-folder")
    page.get_by_text("core_scar").first.click()
    page.locator('[data-cy="Brush-btn"]').click()
    stroke(page)
    edited = shown_slices(page, STOCK_IMAGES)
    answer = export_seg(page)
    assert answer.ok, answer.text()
    saved = label_map(url, case, "draft")
    check_voxels(edited, saved, phantom)
    assert (saved != draft).sum() > 100
    newest = versions(url, case)[0]
    assert (newest["state"], newest["user"]) == ("draft", "unknown annotator")
    assert newest["features"]["warnings"]
    address = f"{url}/acsnet/cases/{case}"
    report = requests.get(f"{address}/report.pdf?tag=draft", timeout=120)
    assert "unknown annotator" in text_of(report.content)
    sr = requests.get(f"{address}/measurements.dcm?tag=draft", timeout=120)
    assert pydicom.dcmread(BytesIO(sr.content)).Modality == "SR"
    assert not outside(page, url)


@pytest.mark.timed
def test_a_killed_tab_loses_nothing_that_is_older_than_5_seconds(browser, url, samples):
    killed_tab = pytest.importorskip("killed_tab", reason="playwright is not installed")
    case = str(headers(samples / "dicom" / "phantom-1")[0].SeriesInstanceUID)
    infer(url, case)
    numbers = random.Random(time.time_ns())
    seconds, seed = numbers.uniform(5.0, 9.0), numbers.randrange(1000)
    context = browser.new_context(viewport=SCREEN)
    page = killed_tab.opened(context, url, case)
    kill, _ = killed_tab.kill_while_drawing(page, url, case, seconds=seconds, seed=seed)
    context.close()
    tell(f"killed after {seconds:.1f} s (seed {seed}): {kill}")
    assert kill.lost == 0


def test_an_edit_that_was_not_saved_is_back_after_a_reload_and_can_be_discarded(
    page, url, samples, look
):
    case = str(headers(samples / "dicom" / "phantom-1")[0].SeriesInstanceUID)
    infer(url, case)
    open_case(page, url, case, reader="Cem Reader")
    before = shown_slices(page, STOCK_IMAGES)
    stroke(page, right=40, down=40)
    drawn = shown_slices(page, STOCK_IMAGES)
    page.reload()
    page.get_by_text("Your edit was restored").wait_for()
    look("mode-edit-is-back")
    give_name(page, "Cem Reader")
    back = shown_slices(page, STOCK_IMAGES)
    for uid, values in drawn.items():
        np.testing.assert_array_equal(back[uid], values)
    button(page, "Discard").click()
    page.locator("dialog.acsnet").get_by_role("button", name="Discard").click()
    status(page).filter(has_text=re.compile("^(draft|reviewed) by")).wait_for()
    discarded = shown_slices(page, STOCK_IMAGES)
    for uid, values in before.items():
        np.testing.assert_array_equal(discarded[uid], values)
    stored = requests.get(
        f"{url}/acsnet/cases/{case}/edit", params={"by": "Cem Reader"}, timeout=60
    ).json()
    assert json.dumps(stored["unsaved"]) == "null"


def test_two_tabs_of_a_reader_keep_an_edit_each(page, url, samples, look):
    case = str(headers(samples / "dicom" / "phantom-1")[0].SeriesInstanceUID)
    infer(url, case)
    open_case(page, url, case, reader="Dua Reader")
    stroke(page, right=40, down=40)
    kept = re.compile("not saved yet: stored on the server")
    status(page).filter(has_text=kept).wait_for()
    second = page.context.new_page()
    second.set_default_timeout(PATIENCE_MS)
    open_case(second, url, case, reader="Dua Reader")
    second.get_by_text("Your edit was restored").wait_for()
    stroke(second, right=-40, down=40)
    status(second).filter(has_text=re.compile("being stored")).wait_for()
    status(second).filter(has_text=kept).wait_for()
    drawn_there = shown_slices(second, STOCK_IMAGES)
    page.bring_to_front()
    stroke(page, right=40, down=-40)
    page.get_by_text("Drawn on in another tab", exact=True).wait_for()
    look("mode-two-tabs")
    drawn_here = shown_slices(page, STOCK_IMAGES)
    for drawn in (drawn_there, drawn_here):
        with page.expect_response(lambda answer: "/edit?" in answer.url):
            button(page, "Other edit").click()
        status(page).filter(has_text=kept).wait_for()
        shown = shown_slices(page, STOCK_IMAGES)
        for uid, values in drawn.items():
            np.testing.assert_array_equal(shown[uid], values)
    second.close()
