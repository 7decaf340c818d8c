"""What readers decide on label maps of a PACS, as in a folder."""

from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader
from saved_labels import label_file

from acsnet.annotations.acceptance import AcceptedError
from acsnet.errors import PacsError
from acsnet.io import read_scan
from acsnet.quantify.features_document import Flag
from acsnet.server.acceptance import accept_version
from acsnet.server.corrections.starts import start_of
from acsnet.server.datastores.label_intake import accept_file
from acsnet.server.datastores.seg_decisions import SegDecisions
from acsnet.server.errors import ReplacedError, UnshownError
from acsnet.server.web.shown_versions import ShownVersions

pytestmark = pytest.mark.slow


@pytest.fixture
def accept(datastore, image):
    """Accepts a label map of the phantom whose warnings were shown."""
    versions = ShownVersions()

    def accept(version, *, by, comment=""):
        versions.add(image, version)
        about = {"saved": "", "by": by, "comment": comment, "looked_at": versions.holds}
        try:
            return accept_version(datastore, image, version, warnings_shown=(), **about)[1]
        except UnshownError as error:
            about["warnings_shown"] = error.warnings
            return accept_version(datastore, image, version, **about)[1]

    return accept


@pytest.fixture
def saved(datastore, image, tmp_path):
    """A draft by Doris."""
    sent = tmp_path / "label.nii.gz"
    label_file(datastore, image, sent, 2)
    return accept_file(datastore, image, sent, tag="draft", info={"user": "Doris"})


def test_an_accepted_draft_keeps_what_the_run_of_the_networks_told(
    datastore, image, pacs, draft, accept, drawn_reports
):
    flag = Flag(flag="high_uncertainty", message="the scar burden is in doubt")
    run = replace(draft, weights={"MYO": "ab" * 32}, seconds={"total": 1.5}, quality=(flag,))
    datastore.keep_draft(image, run, "shipped")
    record = accept("original", by="Ben")
    datastore.version_uri(image, record)  # reads the SEG, which is then checked
    (kept,) = (one for one in datastore.label_records(image) if one.id == record.id)
    assert kept.model == "shipped"
    assert kept.features["software"]["weights_sha256"] == {"MYO": "ab" * 32}
    assert kept.features["seconds"] == {"total": 1.5}
    assert vars(flag) in kept.features["quality"]
    pdf = [one for one in pacs.datasets.values() if one.Modality == "DOC"][-1]
    pages = PdfReader(BytesIO(pdf.EncapsulatedDocument)).pages
    text = " ".join(page.extract_text() for page in pages)
    assert "accepted by Ben" in text
    assert "MYO abababababab" in text


def test_a_second_acceptance_is_refused_and_names_the_first(datastore, image, saved, accept):
    first = accept(saved.id, by="Ben", comment="fine")
    assert accept(saved.id, by="Ben").id == first.id
    for version in (saved.id, first.id):
        for by, comment in (("Ada", "apex is wrong"), ("Ada", ""), ("Ben", "apex is wrong")):
            with pytest.raises(AcceptedError, match="already accepted by Ben on 20"):
                accept(version, by=by, comment=comment)
    (same,) = (one for one in datastore.label_records(image) if one.id == first.id)
    assert (same.reviewer, same.comment) == ("Ben", "fine")


def test_a_second_acceptance_is_refused_also_after_a_newer_draft_of_the_networks(
    datastore, image, draft, saved, accept
):
    first = accept(saved.id, by="Ben", comment="fine")
    datastore.keep_draft(image, draft, "another-model")
    before = datastore.label_records(image)
    assert before[0].tag == "original"
    for by, comment in (("Ada", "apex is wrong"), ("Ben", "apex is wrong")):
        with pytest.raises(AcceptedError, match="already accepted by Ben on 20"):
            accept(saved.id, by=by, comment=comment)
    assert accept(saved.id, by="Ben", comment="fine").id == first.id
    assert datastore.label_records(image) == before


def test_an_acceptance_is_found_again_behind_that_of_another_draft_with_the_same_labels(
    datastore, image, saved, accept, tmp_path
):
    first = accept(saved.id, by="Ben", comment="fine")
    info = {"user": "Doris"}
    again = accept_file(datastore, image, tmp_path / "label.nii.gz", tag="draft", info=info)
    newer = accept(again.id, by="Eve")
    assert len({saved.id, first.id, again.id, newer.id}) == 4
    with pytest.raises(AcceptedError, match=r"by Ben on [^;]*; a newer label map holds: withdraw"):
        accept(saved.id, by="Ben", comment="fine")
    datastore.withdraw(image, newer.id, by="Ben", reason="once is enough")
    record = accept(saved.id, by="Ben", comment="fine")
    assert (record.id, record.tag, record.comment) == (first.id, "final", "fine")


def test_a_review_that_is_repeated_stores_what_was_missing_beside_the_first(
    datastore, image, draft, saved, pacs, monkeypatch
):
    store = pacs.store

    def refuse_reports(header):
        if header.Modality != "SEG":
            msg = "the disk is full"
            raise PacsError(msg)
        store(header)

    monkeypatch.setattr(pacs, "store", refuse_reports)
    first = datastore.review(image, saved.id, by="Ben")
    assert len(first.missing) == 2
    datastore.keep_draft(image, draft, "another-model")
    monkeypatch.setattr(pacs, "store", store)
    again = datastore.review(image, saved.id, by="Ben")
    assert (again.id, again.missing) == (first.id, ())


def test_a_decision_that_names_no_draft_is_read(tmp_path):
    file = tmp_path / "decisions.jsonl"
    file.write_text('{"instance": "1.2", "reviewer": "Ben", "comment": "fine"}\n')
    decision = SegDecisions(file).of("1.2")
    assert (decision.draft, decision.reviewer, decision.comment) == ("", "Ben", "fine")


def test_who_accepts_a_draft_is_told_of_what_somebody_accepted_since(
    datastore, image, draft, accept, saved
):
    datastore.keep_draft(image, draft, "shipped")
    accept(saved.id, by="Ben")
    about = {"saved": "", "comment": "", "looked_at": ShownVersions().holds}
    with pytest.raises(UnshownError) as asked:
        accept_version(datastore, image, "original", by="Ada", warnings_shown=(), **about)
    assert asked.value.warnings[0].startswith("Ben accepted a label map of this case on 20")
    about["warnings_shown"] = asked.value.warnings[1:]
    _, accepted = accept_version(datastore, image, "original", by="Ben", **about)
    assert accepted.reviewer == "Ben"


def test_a_draft_of_the_networks_is_accepted_by_each_reader_once(datastore, image, draft, accept):
    datastore.keep_draft(image, draft, "shipped")
    first = accept("original", by="Ben", comment="fine")
    with pytest.raises(AcceptedError, match="already accepted by Ben"):
        accept("original", by="Ben", comment="apex is wrong")
    second = accept("original", by="Ada", comment="second opinion")
    assert second.id != first.id
    assert (second.reviewer, second.comment) == ("Ada", "second opinion")


def test_a_readers_own_is_what_they_drew_and_no_draft_that_they_accepted_since(
    datastore, image, draft, accept, tmp_path
):
    sent = tmp_path / "label.nii.gz"
    label_file(datastore, image, sent, 3)
    mine = accept_file(datastore, image, sent, tag="draft", info={"user": "Ben"})
    datastore.keep_draft(image, draft, "shipped")
    accept("original", by="Ben")
    scan = read_scan(datastore.get_image_uri(image))
    start = start_of(datastore, image, scan, "Ben", run=None, source="own")
    assert (start.version, start.labels.max()) == (mine.id, 3)


def test_what_is_another_one_than_was_shown_is_not_withdrawn(
    datastore, image, draft, saved, accept
):
    datastore.keep_draft(image, draft, "shipped")
    with pytest.raises(ReplacedError, match="drawn anew since you opened it"):
        datastore.withdraw(image, "original", by="Ada", saved="2026-01-02T03:04:05+00:00")
    final = accept(saved.id, by="Ben").id
    with pytest.raises(ReplacedError, match=r"accepted by Ben on 20.* since you opened it"):
        datastore.withdraw(image, final, by="Ada", state="draft")
    assert set(datastore.get_labels_by_image_id(image)) == {"original", "final"}


def test_who_withdrew_first_is_kept_with_the_reason(datastore, image, saved, accept):
    final = accept(saved.id, by="Ben").id
    datastore.withdraw(image, final, by="Ada", reason="apex is wrong")
    again = datastore.withdraw(image, final, by="Cid", reason="no wall")
    assert (again.withdrawn_by, again.comment) == ("Ada", "apex is wrong")


def test_what_was_withdrawn_can_be_accepted_again(datastore, image, saved, accept):
    first = accept(saved.id, by="Ben")
    datastore.withdraw(image, first.id, by="Ada", reason="apex is wrong")
    second = accept(saved.id, by="Ben")
    assert (second.id != first.id, second.state) == (True, "reviewed")
    assert set(datastore.get_labels_by_image_id(image)) == {"final"}
