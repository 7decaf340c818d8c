"""A scan in two series of four slices each: what a viewer with one of them sends."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from breath_holds import breath_holds
from in_process import app_over, application_of, client_of
from packed_scans import slices
from saved_labels import keep_draft, save_label

from acsnet import __version__
from acsnet.io import read_scan, write_label_map
from acsnet.server.corrections.frame_labels import to_frames
from acsnet.server.corrections.unseen_slices import with_unseen

pytestmark = pytest.mark.slow

READER = "Ana"
GONE = "the one that this was drawn from was drawn anew since, or no longer counts"
UNSEEN = "slice 5, 6, 7, 8 of 8 could not be seen where this was drawn and is"


@pytest.fixture(scope="module")
def site(tmp_path_factory, samples):
    """client, app, store; image, scan; first, second: images of the first and the second series."""
    folder = tmp_path_factory.mktemp("joined")
    breath_holds(slices(samples / "dicom" / "phantom-1"), folder / "studies" / "scan")
    with app_over(folder, folder / "studies") as app:
        store = app.datastore()
        (image,) = store.list_images()
        scan = read_scan(store.get_image_uri(image))
        yield SimpleNamespace(
            client=client_of(application_of(app)),
            store=store,
            image=image,
            url=f"/acsnet/cases/{image}/edit",
            scan=scan,
            first=scan.instance_uids[:4],
            second=scan.instance_uids[4:],
        )


@pytest.fixture
def case(site):
    """The site with a draft of the networks, 900 voxels in each slice, and no unsaved edit."""
    stack = np.zeros(site.scan.pixels.shape, np.uint8)
    stack[:, 60:90, 60:90] = 2
    stack[:, 68:82, 68:82] = 1
    keep_draft(site.store, site.image, site.scan.grid.to_input(stack), model=f"m{id(stack)}")
    site.frames = to_frames(site.scan, site.scan.grid.to_input(stack))
    yield site
    site.client.delete(site.url, params={"by": READER})


def drawn(case, uids, **about):
    """What a viewer with some images sends after a dab of scar on the first of them."""
    frames = {uid: case.frames[uid] for uid in uids}
    _, rows, columns = case.scan.pixels.shape
    values = np.repeat(frames[uids[0]][0::2], frames[uids[0]][1::2])
    values.reshape(rows, columns)[62:66, 62:70] = 4
    scan, stack = case.scan, np.zeros(case.scan.pixels.shape, np.uint8)
    stack[scan.instance_uids.index(uids[0])] = values.reshape(rows, columns)
    frames |= to_frames(scan, scan.grid.to_input(stack))
    return {"frames": frames, "by": READER, "version": "original", **about}


def opened(case):
    return case.client.get(case.url, params={"by": READER}).json()


def check_whole(case, frames, sent):
    """Of the first series what was sent, of the second what the networks drew."""
    assert frames == {uid: sent["frames"].get(uid, case.frames[uid]) for uid in case.frames}
    assert len(frames) == 8


@pytest.mark.parametrize("told", [True, False], ids=["told", "older viewer"])
def test_an_edit_of_one_series_keeps_the_slices_of_the_other(case, told):
    sent = drawn(case, case.first, **({"seen": case.first} if told else {}))
    assert case.client.put(case.url, json=sent).status_code == 200
    check_whole(case, opened(case)["unsaved"]["frames"], sent)


@pytest.mark.parametrize("told", [True, False], ids=["told", "older viewer"])
def test_a_save_of_one_series_keeps_the_slices_of_the_other_and_says_so(case, told):
    by = f"Ana {told}"
    sent = drawn(case, case.first, by=by, **({"seen": case.first} if told else {}))
    saved = case.client.post(case.url, json=sent).json()
    assert [text for text in saved["warnings"] if text.startswith(UNSEEN)] == [
        f"{UNSEEN} kept from the label map by ACSNet {__version__}"
    ]
    after = opened(case)
    check_whole(case, after["frames"], sent)
    (record,) = (one for one in case.store.label_records(case.image) if one.author == by)
    pixels = 8 * 30 * 30  # ventricle of the draft; the dab lies in it
    assert record.features["lv_volume_ml"] == pytest.approx(pixels * case.scan.voxel_ml)


def test_the_slices_that_are_kept_are_those_of_the_version_it_began_from(case):
    stack = case.scan.grid.from_input(np.zeros(case.scan.grid.shape, np.uint8)).copy()
    stack[:, 40:60, 40:60] = 2
    stack[:, 45:55, 45:55] = 1
    other = save_label(case.store, case.image, case.scan.grid.to_input(stack), user="Ben")
    sent = drawn(case, case.first, seen=case.first, by="Cem", version=other.id)
    case.client.post(case.url, json=drawn(case, case.first, seen=case.first, by="Dua"))
    case.client.post(case.url, json=sent)
    after = opened(case)
    assert after["shown"]["author"] == "Cem"
    kept = to_frames(case.scan, case.scan.grid.to_input(stack))
    assert {uid: after["frames"][uid] for uid in case.second} == {
        uid: kept[uid] for uid in case.second
    }


def square(case):
    stack = np.zeros(case.scan.pixels.shape, np.uint8)
    stack[:, 40:60, 40:60] = 2
    stack[:, 45:55, 45:55] = 1
    return case.scan.grid.to_input(stack)


def test_an_edit_is_given_as_it_was_drawn_where_its_base_is_damaged(case):
    base = save_label(case.store, case.image, square(case), user="Ben")
    sent = drawn(case, case.first, seen=case.first, version=base.id)
    assert case.client.put(case.url, json=sent).status_code == 200
    check = opened(case)["unsaved"]
    assert (len(check["frames"]), check["remark"]) == (8, "")
    save_label(case.store, case.image, square(case)[:, ::-1], user="Cy")  # now the newest
    file = Path(case.store.version_uri(case.image, base))
    file.chmod(0o600)
    file.write_bytes(b"half")
    unsaved = opened(case)["unsaved"]
    assert unsaved["frames"] == sent["frames"]
    assert unsaved["remark"].startswith(
        "Slices that could not be seen where it was drawn are empty"
    )
    answer = case.client.post(case.url, json=sent)
    assert answer.status_code == 422  # nothing is saved in silence without those slices
    case.store.withdraw(case.image, base.id, by="fixture")


def test_a_base_that_was_drawn_anew_or_no_longer_counts_is_told(case):
    shown = case.client.get(case.url, params={"by": READER, "tag": "original"}).json()["shown"]
    sent = drawn(case, case.first, seen=case.first, by="Gil", saved=shown["saved"])

    def told(**about):
        saved = case.client.post(case.url, json={**sent, **about})
        (warning,) = [text for text in saved.json()["warnings"] if text.startswith(UNSEEN)]
        return warning

    assert GONE not in told()
    assert told(saved="2020-01-01T00:00:00+00:00", by="Hal").endswith(f": {GONE}")
    assert told(version="a version that is gone", by="Ida").endswith(f": {GONE}")


def test_an_unsaved_edit_remembers_when_its_base_was_saved(case):
    sent = drawn(case, case.first, seen=case.first, saved="2020-01-01T00:00:00+00:00")
    assert case.client.put(case.url, json=sent).json()["saved"] == sent["saved"]
    assert opened(case)["unsaved"]["saved"] == sent["saved"]


def test_where_nothing_was_drawn_before_the_other_slices_are_told_to_be_empty(case):
    sent = drawn(case, case.first, seen=case.first, by="Eli", version="")
    saved = case.client.post(case.url, json=sent).json()
    assert f"{UNSEEN} empty" in saved["warnings"]
    assert sorted(opened(case)["frames"]) == sorted(case.first)


def test_a_viewer_with_all_images_can_empty_a_slice(case):
    sent = drawn(case, (*case.first, *case.second[:3]), seen=case.scan.instance_uids, by="Fay")
    saved = case.client.post(case.url, json=sent).json()
    assert not [text for text in saved["warnings"] if "could not be seen" in text]
    assert sorted(opened(case)["frames"]) == sorted(sent["frames"])


def test_slices_that_were_seen_or_drawn_on_are_as_they_were_sent(case):
    """Of eight the first was drawn on, the next three were emptied, the fifth was sent all the
    same, and the last is empty in the label map that the drawing began from."""
    stack = case.scan.grid.from_input(square(case)).copy()
    stack[case.scan.instance_uids.index(case.second[3])] = 0
    base = save_label(case.store, case.image, case.scan.grid.to_input(stack), user="Joy")
    kept = to_frames(case.scan, square(case))
    sent = {uid: case.frames[uid] for uid in (case.first[0], case.second[0])}
    whole, (warning,) = with_unseen(
        case.store,
        case.image,
        case.scan,
        sent,
        viewer_images=case.first,
        version=base.id,
        saved="2020-01-01T00:00:00+00:00",  # an id is of one label map, whenever it was saved
    )
    assert whole == {**sent, **{uid: kept[uid] for uid in case.second[1:3]}}
    assert warning == (
        "slice 6, 7, 8 of 8 could not be seen where this was drawn and is kept from the label map "
        "by Joy"
    )


def test_an_older_viewer_of_a_scan_in_one_series_had_all_of_its_images(samples):
    folder = samples / "dicom" / "phantom-1"
    store = SimpleNamespace(get_image_uri=lambda _image: folder)
    sent = {read_scan(folder).instance_uids[0]: [0, 1]}
    told = with_unseen(store, "a", read_scan(folder), sent, viewer_images=None, version="original")
    assert told == (sent, ())


def test_without_its_base_a_drawing_is_completed_by_the_newest_that_stands_for_a_reader(
    samples, tmp_path
):
    def record(name, *, tag, current=True):
        return SimpleNamespace(id=name, author=name, tag=tag, current=current, moment=name)

    records = [
        record("d", tag="ben", current=False),
        record("c", tag=""),
        record("b", tag="ana"),
        record("a", tag="original"),
    ]
    scan = read_scan(samples / "dicom" / "phantom-1")
    write_label_map(tmp_path / "a.nii.gz", np.zeros(scan.grid.shape, np.uint8), scan.grid)
    store = SimpleNamespace(
        label_records=lambda _image: records,
        version_uri=lambda _image, _record: tmp_path / "a.nii.gz",
    )

    def told(version):
        seen = scan.instance_uids[:4]
        _, (text,) = with_unseen(store, "a", scan, {}, viewer_images=seen, version=version)
        return text

    for version in ("gone", "d"):
        assert told(version) == f"{UNSEEN} kept from the label map by b: {GONE}"
    assert told("") == f"{UNSEEN} empty"
