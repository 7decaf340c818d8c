"""Clicks through the routes that viewers ask, on one phantom in eight orientations."""

import base64
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from clicked_site import READER, ask, own_label
from positioned_phantoms import ORIENTATIONS
from saved_labels import keep_draft

from acsnet.labels import MYOCARDIUM, Label
from acsnet.server.corrections.frame_labels import from_frames, to_frames
from acsnet.server.corrections.points import KINDS, input_index

pytestmark = pytest.mark.slow

LPS = np.diag([-1.0, -1.0, 1.0])
FILE = {"result_extension": ".nrrd", "result_dtype": "uint8"}
PANEL = {**FILE, "background": [], "result_compress": False, "restore_label_idx": False}
"""What the panel of MONAI Label's OHIF sends beside its points, as caught in Chromium."""
SLICER = {**FILE, **{name: [] for name in KINDS}}
"""What 3D Slicer's module sends beside its points: an empty list for each other label."""


def outer_wall(stack):
    """Slice, row and column of a wall pixel at the outside, in the middle of the stack."""
    k = len(stack) // 2
    row = int(np.argwhere(stack[k] == Label.LV_BLOOD_POOL)[:, 0].mean())
    columns = np.flatnonzero(np.isin(stack[k][row], MYOCARDIUM))
    return k, row, int(columns[0]) + 1


def test_the_orientations_are_eight():
    assert len(ORIENTATIONS) == 8


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_a_click_moves_the_wall_where_slicer_and_ohif_show_it(site, name):
    image = site.series[name]
    scan, stack = own_label(site, image)
    k, row, column = outer_wall(stack)
    place = scan.grid.stack_to_ras @ [k, row, column, 1.0]
    # 3D Slicer loads what the server gives as NIfTI: from the place to its voxel.
    content = site.client.get(f"/datastore/image?image={image}").content
    loaded = nib.Nifti1Image.from_bytes(zlib.decompress(content, 31))
    slicer = np.rint(np.linalg.inv(loaded.affine) @ place).astype(int)[:3].tolist()
    # OHIF loads the images themselves, in ascending order along the normal.
    folder = Path(site.app.datastore().get_image_uri(image))
    files = sorted((pydicom.dcmread(file) for file in folder.iterdir()), key=along_normal)
    ohif = voxel_of(files, LPS @ place[:3])
    assert slicer == ohif
    labels, affine, told = ask(site, image, **{**PANEL, "background": [ohif]})
    as_slicer = {**SLICER, "background": [slicer], "label": "background"}
    np.testing.assert_array_equal(ask(site, image, **as_slicer)[0], labels)
    assert told["started_from"]["source"] == "own"
    assert [one["held"] for one in told["clicks"]] == [True]
    shown = np.rint(np.linalg.inv(affine) @ [*(LPS @ place[:3]), 1.0]).astype(int)[:3]
    assert labels[tuple(shown)] == Label.BACKGROUND
    before = scan.grid.to_input(stack)
    moved = np.argwhere(np.isin(labels, MYOCARDIUM) != np.isin(before, MYOCARDIUM))
    own_slice = moved[moved[:, 2] == shown[2]]
    assert len(own_slice)
    assert len(own_slice) >= max(np.bincount(moved[:, 2]))  # the slice that was clicked on most
    distance = np.linalg.norm((own_slice - shown)[:, :2], axis=1)
    assert distance.min() <= 1


def along_normal(image):
    cosines = np.reshape(np.array(image.ImageOrientationPatient, float), (2, 3))
    return float(np.cross(*cosines) @ np.array(image.ImagePositionPatient, float))


def voxel_of(files, place):
    """Column, row and slice of a place (LPS mm) in images as OHIF stacks them."""
    cosines = np.reshape(np.array(files[0].ImageOrientationPatient, float), (2, 3))
    row_mm, column_mm = (float(v) for v in files[0].PixelSpacing)
    offset = place - np.array(files[0].ImagePositionPatient, float)
    step = along_normal(files[1]) - along_normal(files[0])
    index = [offset @ cosines[0] / column_mm, offset @ cosines[1] / row_mm]
    return [*np.rint(index).astype(int).tolist(), round(float(offset @ np.cross(*cosines)) / step)]


def test_what_ohif_and_slicer_send_beside_points_is_taken(site):
    image = site.series["as it came"]
    scan, stack = own_label(site, image)
    point = list(map(int, np.argwhere(scan.grid.to_input(stack) == Label.LV_BLOOD_POOL)[0]))
    sent_by_slicer = {**SLICER, "label": "lv_blood_pool", "reset_state": True}
    for client in (PANEL, sent_by_slicer):
        sent = {**client, "lv_blood_pool": [point]}
        labels, _, told = ask(site, image, **sent)
        np.testing.assert_array_equal(labels, scan.grid.to_input(stack))
        assert told["label_names"]["core_scar"] == Label.CORE_SCAR


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"core_scar": 3}, "core_scar must be a list of points"),
        ({"core_scar": [[1, 2]]}, "three whole numbers"),
        ({"core_scar": [[1, 2, 0.5]]}, "three whole numbers"),
        ({"core_scar": [[1, 2, True]]}, "three whole numbers"),
        ({"core_scar": [[1, 2, 1000]]}, "is not in the image"),
        ({"core_scar": [[-1, 2, 0]]}, "is not in the image"),
        ({"core_scar": [[1, 2, 0]] * 501}, "at most 500 clicks"),
        ({"foreground": [[1, 2, 0]], "label": "liver"}, "label must be one of"),
    ],
)
def test_points_that_are_none_are_refused_in_one_sentence(site, sent, why):
    answer = site.client.post(
        f"/infer/acsnet_click?image={site.series['as it came']}",
        data={"params": json.dumps({"client_id": READER, **sent})},
    )
    assert answer.status_code == 422
    assert why in answer.text


def pixels(answer):
    """The label map of the JSON route, slices in file order."""
    told = answer.json()["label_map"]
    raw = zlib.decompress(base64.b64decode(told["data"]))
    return np.frombuffer(raw, np.uint8).reshape(told["shape"])


def on_page(site, image, *clicks, user=READER, **more):
    return site.client.post(
        f"/acsnet/cases/{image}/click", json={"clicks": list(clicks), "user": user, **more}
    )


def test_the_page_clicks_in_the_acquired_grid_undoes_and_goes_on(site):
    image = site.series["slices reversed"]
    scan, stack = own_label(site, image)
    k, row, column = outer_wall(stack)
    one = {"slice": scan.grid.slice_number(k), "row": row, "column": column, "kind": "outside"}
    before = pixels(on_page(site, image))
    after = on_page(site, image, one)
    assert after.json()["clicks"] == [{**one, "held": True}]
    assert pixels(after)[one["slice"] - 1, row, column] == Label.BACKGROUND
    assert one["slice"] in after.json()["changed_slices"]
    assert after.json()["measurements"]["lv_volume_ml"] > 0
    so_far = site.client.get(f"/acsnet/cases/{image}/click", params={"user": READER}).json()
    assert so_far["clicks"] == [one]
    assert so_far["started_from"]["source"] == "own"
    np.testing.assert_array_equal(pixels(on_page(site, image)), before)  # taken back


@pytest.mark.parametrize(
    ("click", "why"),
    [
        ({"slice": 0, "row": 1, "column": 1, "kind": "wall"}, "must lie in slices 1 to"),
        (
            {"slice": 1, "row": 1.5, "column": 1, "kind": "wall"},
            "row of a click must be a whole number, got 1.5",
        ),
        ({"slice": 1, "row": 1, "column": 1, "kind": "liver"}, "a kind of outside"),
        ({"slice": 1, "row": 1, "column": 1, "kind": "wall", "instance": "1.2.3"}, "image 1.2.3"),
        ("here", "a kind of outside"),
    ],
)
def test_the_page_is_told_what_is_no_click(site, click, why):
    answer = on_page(site, site.series["oblique"], click)
    assert answer.status_code == 422
    assert why in answer.text


def test_readers_and_cases_are_kept_apart(site):
    image, other = site.series["oblique"], site.series["feet first"]
    scan, stack = own_label(site, image)
    own_label(site, other)
    k, row, column = outer_wall(stack)
    one = {"slice": scan.grid.slice_number(k), "row": row, "column": column, "kind": "outside"}
    assert on_page(site, image, one).status_code == 200
    for user, case in (("Bob", image), (READER, other)):
        asked = site.client.get(f"/acsnet/cases/{case}/click", params={"user": user}).json()
        assert one not in asked["clicks"]


def test_four_readers_at_once_on_four_cases_get_each_their_own(site):
    cases = [site.series[name] for name in list(ORIENTATIONS)[4:]]
    asked = []
    for number, case in enumerate(cases):
        scan, stack = own_label(site, case)
        k, row, column = outer_wall(stack)
        k += number % 2
        row, column = row, int(np.flatnonzero(np.isin(stack[k][row], MYOCARDIUM))[0]) + number % 2
        place = {"slice": scan.grid.slice_number(k), "row": row, "column": column}
        asked.append((f"reader {number}", case, {**place, "kind": "outside"}))
    alone = [
        pixels(on_page(site, case, one, user=user, start="draft")) for user, case, one in asked
    ]
    with ThreadPoolExecutor(4) as pool:
        together = list(
            pool.map(lambda ask: on_page(site, ask[1], ask[2], user=ask[0], start="draft"), asked)
        )
    for before, answer, (user, case, one) in zip(alone, together, asked, strict=True):
        np.testing.assert_array_equal(pixels(answer), before)
        kept = site.client.get(f"/acsnet/cases/{case}/click", params={"user": user}).json()
        assert kept["clicks"] == [one]


def test_two_tabs_of_a_reader_have_clicks_of_their_own(site):
    """Each sends all of its clicks, and what it shows: what the other did changes nothing."""
    image = site.series["head first, prone"]
    scan, stack = own_label(site, image)
    version = site.app.datastore().label_records(image)[0].id
    k, row, column = outer_wall(stack)
    number = scan.grid.slice_number(k)
    first, second, third = (
        {"slice": number, "row": row, "column": column + step, "kind": kind}
        for step, kind in ((0, "outside"), (1, "outside"), (0, "epicardium"))
    )
    alone = {
        user: pixels(on_page(site, image, *clicks, user=user, start=version))
        for user, clicks in (("Zoe", (first, second)), ("Yan", (third,)))
    }
    on_page(site, image, first, start=version)
    other = on_page(site, image, third, start=version)
    np.testing.assert_array_equal(pixels(other), alone["Yan"])
    here = on_page(site, image, first, second, start=version)
    np.testing.assert_array_equal(pixels(here), alone["Zoe"])
    saved = on_page(site, image, third, start=version, save=True).json()["saved"]["version"]
    assert saved != version
    after = on_page(site, image, first, second, start=version)
    np.testing.assert_array_equal(pixels(after), alone["Zoe"])


def test_without_a_label_a_scan_is_segmented_first(site):
    answer = on_page(site, "phantom", user="Cleo")
    assert answer.status_code == 200, answer.text
    assert answer.json()["started_from"] == {"source": "draft", "version": ""}
    assert np.isin(pixels(answer), MYOCARDIUM).any()


def test_clicks_on_a_draft_that_was_drawn_anew_since_are_refused(site):
    assert on_page(site, "phantom", user="Cleo").is_success
    (now,) = [record.moment for record in site.app.datastore().label_records("phantom")]
    shown = {"start": "original", "saved": "2026-01-02T03:04:05+00:00"}
    refused = on_page(site, "phantom", **shown)
    assert refused.status_code == 409
    assert "drawn anew since you opened it" in refused.json()["detail"]
    assert on_page(site, "phantom", start="original", saved=now).is_success


def test_a_start_that_there_is_not_is_refused(site):
    answer = on_page(site, site.series["oblique"], start="yesterday")
    assert answer.status_code == 404
    assert "there is no label map 'yesterday'" in answer.text


def test_a_page_starts_from_the_version_it_shows_and_saves_the_outcome(site):
    image = site.series["mirrored left to right"]
    scan, stack = own_label(site, image)
    version = site.app.datastore().label_records(image)[0].id
    k, row, column = outer_wall(stack)
    one = {"slice": scan.grid.slice_number(k), "row": row, "column": column, "kind": "outside"}
    answer = on_page(site, image, one, user="Dan", start=version, save=True).json()
    assert answer["started_from"] == {"source": "version", "version": version}
    newest = site.app.datastore().label_records(image)[0]
    assert (newest.id, newest.author, newest.state) == (answer["saved"]["version"], "Dan", "draft")
    kept = site.app.datastore().drawn_by(image)["Dan"]
    assert kept[tuple(input_index((k, row, column), scan.grid))] == Label.BACKGROUND


def test_a_save_tells_of_a_version_that_was_saved_since_the_one_that_it_started_from(site):
    image, store = site.series["mirrored left to right"], site.app.datastore()
    scan, stack = own_label(site, image)
    base = store.label_records(image)[0].id
    keep_draft(store, image, scan.grid.to_input(stack))
    k, row, column = outer_wall(stack)
    number = scan.grid.slice_number(k)

    def saved(user, start, step):
        one = {"slice": number, "row": row, "column": column + step, "kind": "outside"}
        answer = on_page(site, image, one, user=user, start=start, save=True)
        return answer.json()["saved"]

    assert saved("Ina", "original", 0)["remarks"] == []
    assert saved("Ina", "original", 1)["remarks"] == []  # her own is no news to her
    for start, step in (("original", 2), (base, 3)):
        after = saved("Jan", start, step)
        (remark,) = after["remarks"]
        assert remark in after["warnings"]
        assert remark.startswith("Ina has saved another version")


def test_a_viewer_clicks_on_an_image_and_starts_from_what_it_holds(site):
    image = site.series["mirrored front to back"]
    scan, stack = own_label(site, image)
    frames = to_frames(scan, scan.grid.to_input(stack))
    k, row, column = outer_wall(stack)
    one = {"instance": scan.instance_uids[k], "row": row, "column": column, "kind": "outside"}
    answer = on_page(site, image, one, frames=frames).json()
    assert answer["clicks"][0]["slice"] == scan.grid.slice_number(k)
    after = scan.grid.from_input(from_frames(scan, answer["frames"]))
    assert stack[k, row, column]
    assert not after[k, row, column]


def test_clicks_go_on_from_the_draft_that_they_began_on_when_it_is_drawn_anew(site):
    """By what the answer calls it: for the reader who has it on the screen, and nobody else."""
    assert on_page(site, "phantom", user="Cleo").is_success
    wall = np.argwhere(pixels(on_page(site, "phantom", user="Eli")) == Label.LV_MYOCARDIUM)[0]
    k, row, column = wall.tolist()
    clicks = [{"slice": k + 1, "row": row, "column": column, "kind": "scar"}]
    first = on_page(site, "phantom", *clicks, user="Eli", start="original")
    so_far = site.client.get("/acsnet/cases/phantom/click", params={"user": "Eli"}).json()
    assert (so_far["clicks"], so_far["kept"]) == (clicks, first.json()["kept"])
    shown = {"start": "original", "saved": "2026-01-02T03:04:05+00:00", "kept": so_far["kept"]}
    again = on_page(site, "phantom", *clicks, user="Eli", **shown)
    np.testing.assert_array_equal(pixels(again), pixels(first))
    assert on_page(site, "phantom", *clicks, user="Fay", **shown).status_code == 409
    saved = on_page(site, "phantom", *clicks, user="Eli", save=True, **shown)
    newest = site.app.datastore().label_records("phantom")[0]
    assert (saved.json()["saved"]["version"], newest.author) == (newest.id, "Eli")
    after = site.client.get("/acsnet/cases/phantom/click", params={"user": "Eli"}).json()
    assert after["clicks"] == []  # they are in the version


def test_a_saved_click_names_the_model_that_it_started_from(site):
    """Also where another model has drawn the draft anew before the clicks are saved."""
    image, store = site.series["as it came"], site.app.datastore()
    scan, stack = own_label(site, image)
    labels = scan.grid.to_input(stack)
    keep_draft(store, image, labels, model="first")
    k, row, column = outer_wall(stack)
    number = scan.grid.slice_number(k)
    # An image of another scan was refused; that of a scan without images of its own may be null.
    one = {"slice": number, "row": row, "column": column, "kind": "outside", "instance": None}
    for user, start in (("Gus", "original"), ("Hal", "draft")):
        keep_draft(store, image, labels, model="first")
        kept = on_page(site, image, one, user=user, start=start).json()["kept"]
        keep_draft(store, image, np.where(labels == 4, 2, labels).astype(np.uint8), model="second")
        saved = on_page(site, image, one, user=user, start=start, kept=kept, save=True)
        assert saved.is_success, saved.text
        newest = store.label_records(image)[0]
        assert (newest.author, newest.model) == (user, "first")
