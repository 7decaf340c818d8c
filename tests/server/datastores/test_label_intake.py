"""The one way in: what a label map and its author must be, and that it is measured once."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from acsnet import measure
from acsnet.annotations import marks
from acsnet.annotations.marks import measure_marked
from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.label_map import read_labels
from acsnet.server.datastores.label_intake import (
    DrawnLabel,
    accept_file,
    accept_label,
    author_of,
    state_of,
)
from acsnet.server.datastores.protocol import REPLACED
from acsnet.server.errors import ReplacedError, UnknownError
from acsnet.server.state.paths import DETAILS


class Store:
    """Keeps what it is given."""

    def __init__(self, scan="", folder="nowhere"):
        self.kept, self.scan, self.folder = [], scan, Path(folder)

    def get_image_uri(self, image_id):
        return str(self.scan)

    def drawn_state_now(self, image_id):
        return f"state of {image_id}"

    state_to_label = drawn_state_now

    def keep_label(self, image_id, label):
        self.kept.append(SimpleNamespace(image=image_id, **vars(label)))
        return self.kept[-1]


@pytest.fixture
def phantom(samples):
    """scan: a file; labels: its true labels, a file."""
    return SimpleNamespace(
        scan=samples / "nifti" / "phantom-1.nii.gz", labels=samples / "truth" / "phantom-1.nii.gz"
    )


def test_a_label_map_is_measured_once_and_kept_as_it_is(phantom, monkeypatch):
    calls = []

    def counted(*arguments, **options):
        calls.append(arguments)
        return measure.measure_labels(*arguments, **options)

    monkeypatch.setattr(marks, "measure_labels", counted)
    store = Store(phantom.scan)
    info = {"client_id": " Ana ", "state": "reviewed"}
    kept = accept_file(store, "a", phantom.labels, tag="final", info=info)
    assert (kept.image, kept.author, kept.state, kept.tag) == ("a", "Ana", "reviewed", "final")
    assert len(calls) == 1
    np.testing.assert_array_equal(kept.measured.label_map(), read_labels(phantom.labels))


def test_a_doubt_about_a_label_map_is_said_once(phantom):
    scan, labels = read_scan(phantom.scan), read_labels(phantom.labels).copy()
    labels[2:8, 2:8, 3] = 4
    measured = measure_marked(scan, labels, notes=("a note of the reader",))
    assert [flag.flag for flag in measured.quality] == ["scar_outside_wall"]
    words = "scar lies outside the wall in slice 4"
    assert measured.warnings == (words, "a note of the reader")


def test_core_and_grey_zone_exchanged_are_noticed(phantom):
    # The phantom's grey zone has a median signal of 437, its core scar of 623.
    scan, labels = read_scan(phantom.scan), read_labels(phantom.labels)
    assert measure_marked(scan, labels).warnings == ()
    assert measure_marked(scan, np.array([0, 1, 2, 4, 3], np.uint8)[labels]).warnings == (
        "core scar (value 4) has a median signal of 437, below the 623 of grey zone (value 3): if "
        "value 4 stands for no-reflow in this label map, as in EMIDEC's, it follows another "
        "convention",
    )


def test_grey_zone_without_core_is_noticed(phantom):
    scan, labels = read_scan(phantom.scan), read_labels(phantom.labels)
    assert measure_marked(scan, np.minimum(labels, np.uint8(3))).warnings == (
        "grey zone is drawn and no core scar: if value 3 stands for infarct in this label map, as "
        "in EMIDEC's, it follows another convention",
    )


def test_a_label_map_is_measured_with_what_was_entered_for_its_case(phantom, tmp_path):
    details = ReadingDetails(
        height_cm=175.0, weight_kg=80.0, body_size_source="entered", rv_insertion={5: (100.0, 94.0)}
    )
    DetailsStore(tmp_path / DETAILS).save("a", details, reader="Ana", scan="state of a")
    earlier = DetailsStore(tmp_path / DETAILS)
    earlier.save("b", details, reader="Ana", scan="an earlier state of b")
    store = Store(phantom.scan, tmp_path)
    for image in "ab":
        accept_file(store, image, phantom.labels, tag="draft", info={})
    entered, other = (kept.measured.features_dict() for kept in store.kept)
    assert entered["rv_insertion"]["source"] == "given"
    assert entered["body_surface_area_m2"] == pytest.approx(1.97, abs=0.01)
    assert (other["rv_insertion"]["source"], other["body_surface_area_m2"]) == ("automatic", None)


def test_nothing_is_stored_of_an_empty_map_or_under_the_tag_of_drafts(phantom):
    store, scan = Store(phantom.scan), read_scan(phantom.scan)
    empty = np.zeros(scan.grid.shape, np.uint8)
    about = {"drawn_on": "state of a", "author": "Ana", "state": "draft"}
    with pytest.raises(InputError, match="nothing is drawn"):
        accept_label(store, "a", DrawnLabel(scan=scan, labels=empty, tag="final", **about))
    drawn = DrawnLabel(scan=scan, labels=read_labels(phantom.labels), tag="original", **about)
    with pytest.raises(InputError, match="the tag 'original' is reserved for drafts of the model"):
        accept_label(store, "a", drawn)
    assert store.kept == []


def test_an_image_that_is_not_there_is_named(phantom):
    with pytest.raises(InputError, match="there is no image 'b'"):
        accept_file(Store(), "b", phantom.labels, tag="final", info={})


def test_the_name_of_a_login_or_of_slicer_is_the_author_and_nobody_has_one_too():
    assert author_of({"user": "Ana", "client_id": "slicer"}) == "Ana"
    assert author_of({"client_id": "slicer"}) == "slicer"
    assert author_of({"user": ""}) == author_of({"user": " "}) == "unknown annotator"
    assert author_of({"user": " ", "client_id": " slicer "}) == "slicer"
    with pytest.raises(InputError, match="at most 64 printable"):
        author_of({"user": "x" * 65})


def test_a_label_is_a_draft_unless_it_says_that_it_is_reviewed():
    assert (state_of({}), state_of({"state": "reviewed"})) == ("draft", "reviewed")
    with pytest.raises(InputError, match="must be draft or reviewed, got 'final'"):
        state_of({"state": "final"})


@pytest.mark.parametrize("name", [{"x": 1}, ["Ana"], 7, False])
@pytest.mark.parametrize("key", ["user", "client_id"])
def test_an_annotator_is_a_text(key, name):
    with pytest.raises(InputError, match="the annotator's name must be text"):
        author_of({"user": None, "client_id": "Ana", key: name})


@pytest.mark.parametrize(
    ("still_named", "error", "status", "words"),
    [
        (False, UnknownError, 404, "image 'x' was removed meanwhile"),
        (True, ReplacedError, 409, REPLACED),
    ],
)
def test_a_label_on_a_scan_whose_file_goes_meanwhile_says_so(
    phantom, tmp_path, still_named, error, status, words
):
    class Removing(Store):
        def state_to_label(self, image_id):
            return "as it was"

        def get_image_uri(self, image_id):
            if self.scan.exists():
                uri = super().get_image_uri(image_id)
                self.scan.unlink()
                return uri
            return super().get_image_uri(image_id) if still_named else ""

    store = Removing(shutil.copy(phantom.scan, tmp_path / "x.nii.gz"))
    with pytest.raises(error, match=words) as caught:
        accept_file(store, "x", phantom.labels, tag="final", info={})
    assert caught.value.status == status


def test_of_no_such_scan_there_is_no_state(datastore, web):
    for store in (datastore, web.app.datastore()):
        assert store.state_to_label("no such scan") == ""
