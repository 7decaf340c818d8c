"""How uploads are called whose name a scan of the studies folder has, or had."""

import shutil

import nibabel as nib
import numpy as np
import pytest
from saved_labels import save_label
from small_scans import pixels, write_scan, write_studies

from acsnet.errors import InputError
from acsnet.server.datastores.folder_links import UPLOAD_REMARK
from acsnet.server.pages.cases import build_case


@pytest.fixture
def studies(tmp_path):
    return write_studies(tmp_path / "studies", {"a.nii.gz": 1})


@pytest.fixture
def upload(tmp_path):
    """Uploads a scan of a seed."""

    def upload(store, image, *, seed):
        store.add_image(image, str(write_scan(tmp_path / "x.nii.gz", seed=seed)), {})

    return upload


def drawn(rows):
    """A blood pool of a few pixels, up to so many rows."""
    labels = np.zeros((12, 10, 3), np.uint8)
    labels[3:rows, 3:6] = 2
    return labels


def saved(store, image):
    """Who saved which version of an image, and whether it holds of it as it is."""
    return [(kept.author, kept.current) for kept in store.label_records(image)]


def test_what_was_saved_on_a_renamed_upload_stays_when_the_patient_of_its_name_goes(
    studies, make_store, upload
):
    store = make_store()
    upload(store, "b", seed=9)
    write_scan(studies / "b.nii.gz", seed=2)
    store.refresh()
    save_label(store, "b (upload)", drawn(6), user="Dr B", state="reviewed")
    (studies / "b.nii.gz").unlink()
    for now in (store, make_store()):
        now.refresh()
        assert now.list_images() == ["a", "b (upload)"]
        assert saved(now, "b (upload)") == [("Dr B", True)]


def test_names_that_cannot_be_seen_whole_are_kept_where_they_are_and_given_to_no_upload(
    studies, make_store, upload, tmp_path
):
    scan = write_scan(studies / "soft\u00adhyphen.nii.gz", seed=2)
    (tmp_path / "store" / "uploads").mkdir(parents=True)
    shutil.copy(scan, tmp_path / "store" / "uploads" / "zero\u200bwidth.nii.gz")
    store = make_store()
    names = ["a", "soft\u00adhyphen", "zero\u200bwidth"]
    for name in names[1:]:
        save_label(store, name, drawn(6), user="Dr B", state="reviewed")
        assert saved(store, name) == [("Dr B", True)]
        upload(store, name, seed=2)  # the same scan once more
    with pytest.raises(InputError, match=r"must have a name .* got U\+200B: rename it"):
        upload(store, "a\u200b", seed=2)
    assert store.list_images() == names


def test_an_upload_on_which_nothing_was_saved_gets_its_own_name_back(studies, make_store, upload):
    store = make_store()
    upload(store, "b", seed=9)
    write_scan(studies / "b.nii.gz", seed=2)
    store.refresh()
    assert store.list_images() == ["a", "b", "b (upload)"]
    (studies / "b.nii.gz").unlink()
    store.refresh()
    assert store.list_images() == ["a", "b"]


def test_a_renamed_upload_and_the_patient_of_its_name_say_where_its_labels_are(
    studies, make_store, upload
):
    store = make_store()
    upload(store, "b", seed=9)
    save_label(store, "b", drawn(5), user="Dr A", state="reviewed")
    assert store.verdict("b").warnings[:1] == (UPLOAD_REMARK,)
    write_scan(studies / "b.nii.gz", seed=2)
    store.refresh()
    renamed = (
        "the studies folder has or had a scan called 'b', too: label maps that were saved on this "
        "upload before that came are listed there"
    )
    assert store.verdict("b (upload)").warnings[:2] == (UPLOAD_REMARK, renamed)
    not_used = "what was drawn on an earlier state of the scan is not used: draw it again"
    assert not_used in build_case(store, "b").remarks
    assert saved(store, "b") == [("Dr A", False)]
    assert store.reviewed() == []


def test_no_upload_is_left_out_for_its_name(studies, tmp_path, make_store, upload):
    store, long = make_store(), "x" * 200
    for image, seed in (("b", 7), ("b (upload)", 8), (long, 9)):
        upload(store, image, seed=seed)
    for image in ("b", long):
        write_scan(studies / f"{image}.nii.gz", seed=2)
    store.refresh()
    cut = f"{'x' * 191}-"
    *known, renamed, patient = store.list_images()
    assert known == ["a", "b", "b (upload)", "b (upload) (upload)"]
    assert (renamed[:-8], patient) == (cut, long)
    write_scan(tmp_path / "y.nii.gz", seed=7)
    np.testing.assert_array_equal(
        pixels(store, "b (upload) (upload)"), nib.load(tmp_path / "y.nii.gz").get_fdata()
    )


def test_an_upload_keeps_its_name_though_another_of_a_like_one_has_labels(make_store, upload):
    store = make_store()
    upload(store, "b", seed=7)
    upload(store, "b (upload)", seed=8)
    save_label(store, "b (upload)", drawn(5), user="Dr B")
    store.refresh()
    assert store.list_images() == ["a", "b", "b (upload)"]
    assert store.verdict("b (upload)").warnings[:1] == (UPLOAD_REMARK,)
    assert saved(store, "b (upload)") == [("Dr B", True)]
