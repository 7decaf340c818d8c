"""What the server keeps of a PACS on its own disk: made again where damaged, and described."""

from pathlib import Path

import pytest
from saved_labels import label_file
from state_files import undescribed

from acsnet.annotations import audit_log
from acsnet.pacs.config import PacsSettings
from acsnet.server.datastores import label_records, pacs_labels
from acsnet.server.datastores.label_intake import accept_file
from acsnet.server.datastores.label_records import MODEL_VERSION, KeptMeasures
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.datastores.seg_decisions import (
    SegDecision,
    SegDecisions,
    SegSaves,
    unrecorded,
)
from acsnet.server.state.paths import audit_log_file

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("content", ["", "[1]", "{"])
def test_damaged_measures_of_a_seg_are_made_again(datastore, image, tmp_path, content):
    label_file(datastore, image, tmp_path / "label.nii.gz", 2)
    record = accept_file(
        datastore, image, tmp_path / "label.nii.gz", tag="final", info={"user": "Ana"}
    )
    tag = record.tag
    datastore.get_label_uri(image, tag)
    before = datastore.label_records(image)[0].features["lv_volume_ml"]
    (measures,) = tmp_path.glob(f"store/labels/{record.id}.json")
    measures.write_text(content)
    assert datastore.label_records(image)[0].features == {}
    datastore.get_label_uri(image, tag)
    assert datastore.label_records(image)[0].features["lv_volume_ml"] == before


def test_damaged_measures_that_were_made_again_meanwhile_stay(tmp_path, monkeypatch):
    measures = KeptMeasures(tmp_path)
    measures.keep("1.2", {"volume": 1})
    (tmp_path / "1.2.json").write_text("{")
    loads = label_records.json.loads

    def made_again(text):
        if text == "{":
            measures.keep("1.2", {"volume": 2})
        return loads(text)

    monkeypatch.setattr(label_records.json, "loads", made_again)
    assert measures.of("1.2") == {"volume": 2}
    assert (tmp_path / "1.2.json").exists()


def test_the_measures_that_a_save_keeps_while_its_seg_is_read_already_stay(
    datastore, image, tmp_path, monkeypatch
):
    """The SEG is in the PACS, where others find it, before its report is, and its measures."""
    label_file(datastore, image, tmp_path / "label.nii.gz", 2)
    record = accept_file(
        datastore, image, tmp_path / "label.nii.gz", tag="final", info={"user": "Ana"}
    )
    measures, check = datastore._labels.measures, pacs_labels.measure_marked
    saved = {**measures.of(record.id), MODEL_VERSION: "m1"}
    (tmp_path / "store" / "labels" / f"{record.id}.json").unlink()

    def check_meanwhile(*args, **options):
        measures.keep(record.id, saved)
        return check(*args, **options)

    monkeypatch.setattr(pacs_labels, "measure_marked", check_meanwhile)
    datastore.get_label_uri(image, record.tag)
    assert datastore.label_records(image)[0].model == "m1"


def test_an_image_of_the_cache_that_was_damaged_is_fetched_again(datastore, image):
    folder = Path(datastore.get_image_uri(image))
    whole = {file.name: file.read_bytes() for file in folder.glob("*.dcm")}
    (folder / min(whole)).write_bytes(whole[min(whole)][:-1000])
    assert Path(datastore.get_image_uri(image)) == folder
    assert {file.name: file.read_bytes() for file in folder.glob("*.dcm")} == whole


def start_again(pacs, tmp_path):
    """A start of the server, and all that it does in the background."""
    again = DicomWebDatastore(PacsSettings(url=pacs.address), store=tmp_path / "store")
    again._reader.shutdown(wait=True)
    again.close()


def test_what_has_no_line_in_the_audit_log_has_one_after_the_next_start(
    datastore, image, pacs, tmp_path, monkeypatch
):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    sent = tmp_path / "label.nii.gz"
    label_file(datastore, image, sent, 1)
    draft = accept_file(datastore, image, sent, tag="draft", info={"user": "Ana"}).id
    final = datastore.review(image, draft, by="Ben").id
    datastore.withdraw(image, final, by="Eve", reason="apex is wrong")
    datastore.note_save("1.2.3", user="Dan", image=image)  # and killed before it was stored
    for _ in range(2):
        start_again(pacs, tmp_path)
    lines = audit_log.read(audit_log_file())
    assert [(line["event"], line["user"], line["version"]) for line in lines] == [
        ("save", "Ana", draft),
        ("save", "Ben", final),
        ("review", "Ben", final),
        ("withdraw", "Eve", final),
    ]
    assert {(line["image"], line["completed"]) for line in lines} == {(image, True)}
    assert [line.get("state") for line in lines] == ["draft", "reviewed", None, None]
    drawn, saved, reviewed, withdrawn = (line["at"] for line in lines)
    assert drawn < reviewed <= saved < withdrawn < lines[0]["time"]


def test_an_accepted_draft_of_the_networks_has_its_review_in_the_audit_log_too(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path))
    SegSaves(tmp_path / "saves.jsonl").add(
        "1.2", user="Ben", image="1", model="m", state="reviewed"
    )
    decision = SegDecision(instance="1.2", author="ACSNet", reviewer="Ben")
    SegDecisions(tmp_path / "decisions.jsonl").add(decision)
    missing = unrecorded(tmp_path)
    assert [(*key, about["user"]) for key, about in missing.items()] == [
        ("save", "1.2", "Ben"),
        ("review", "1.2", "Ben"),
    ]


def test_what_has_its_line_in_the_audit_log_has_no_other(
    datastore, image, pacs, tmp_path, monkeypatch
):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    (tmp_path / "store" / "saves.jsonl").write_text('{"version": "1.2", "image": "1"}\n')
    (tmp_path / "store" / "decisions.jsonl").write_text(
        '{"instance": "1.2", "draft": "1.1", "reviewer": "Ben", "time": "2026-11-30T12:00:00Z"}\n'
        '{"instance": "1.2", "draft": "1.1", "reviewer": "Ben", "withdrawn_by": "Eve"}\n'
    )
    assert list(unrecorded(tmp_path / "store")) == [
        ("save", "1.2"),
        ("review", "1.2"),
        ("withdraw", "1.2"),
    ]
    for event in ("save", "review", "withdraw"):
        audit_log.record(audit_log_file(), event, details={"version": "1.2"})
    assert unrecorded(tmp_path / "store") == {}


@pytest.mark.parametrize("content", [b"", b"{", b"\x00" * 64, b"[1]\n", b'{"version": 1}\n'])
def test_a_damaged_line_of_the_notes_on_segs_costs_only_itself(tmp_path, monkeypatch, content):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    notes = SegSaves(tmp_path / "saves.jsonl"), SegDecisions(tmp_path / "decisions.jsonl")
    for file in ("saves.jsonl", "decisions.jsonl"):
        (tmp_path / file).write_bytes(content + b"\n")
    notes[0].add("1.2.3", user="Ana", image="1.2")
    notes[1].add(SegDecision(instance="1.2.3", withdrawn_by="Ana"))
    assert list(unrecorded(tmp_path)) == [("save", "1.2.3"), ("withdraw", "1.2.3")]
    assert SegDecisions(tmp_path / "decisions.jsonl").of("1.2.3").withdrawn_by == "Ana"


def test_each_file_that_is_kept_of_a_pacs_is_described(datastore, image, tmp_path):
    sent = tmp_path / "label.nii.gz"
    label_file(datastore, image, sent, 1)
    datastore.save_label(image, str(sent), "final", {"user": "Ana"})
    (record,) = datastore.label_records(image)
    datastore.version_uri(image, record)
    datastore.withdraw(image, record.id, by="Eve")
    (tmp_path / "state" / "pacs").mkdir(parents=True)
    (tmp_path / "store").rename(tmp_path / "state" / "pacs" / "x")
    assert undescribed(tmp_path / "state") == []
    kinds = {path.name for path in (tmp_path / "state" / "pacs" / "x").iterdir()}
    assert kinds >= {"images", "labels", "saves.jsonl", "decisions.jsonl"}
